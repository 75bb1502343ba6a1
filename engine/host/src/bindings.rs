//! Rust types of the contract, generated from `wit/` at build time. Used only by [`crate::convert`]
//! and the host functions.
#![allow(
    missing_docs,
    clippy::all,
    reason = "generated code; the documentation is in wit/dialog.wit"
)]

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "dialog",
    // every host function may wait, so that the guest's fiber can be suspended, and may trap when a
    // limit is exceeded
    imports: { default: async | trappable },
    exports: { default: async },
});

pub use ghanti::dialog::{actions, call, customer, runtime, speech, types};
