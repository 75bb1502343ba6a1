//! Rust types of the contract, made from `wit/` at build time. They go no further than
//! [`crate::convert`] and the host functions.
#![allow(
    missing_docs,
    clippy::all,
    reason = "generated code; the documentation is in wit/dialog.wit"
)]

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "dialog",
    // every host function may wait, so that the guest's fiber can be parked, and may end the flow
    // where a limit is exceeded
    imports: { default: async | trappable },
    exports: { default: async },
});

pub use ghanti::dialog::{call, customer, runtime, speech, types};
