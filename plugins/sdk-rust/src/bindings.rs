//! The contract's functions and types, generated from `wit/dialog.wit`.

wit_bindgen::generate!({
    path: "wit",
    world: "dialog",
    pub_export_macro: true,
    default_bindings_module: "ghanti_flow::bindings",
});
