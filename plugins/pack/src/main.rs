//! `pack CORE.wasm OUT.wasm`: makes a component of the core module that cargo built, and validates
//! it.
//!
//! No adapter is linked in: a guest that imports anything beyond its world is refused here. The
//! file appears by renaming, so that an engine watching the folder never sees a half-written one,
//! and is left alone where nothing changed.

use std::path::PathBuf;
use std::{env, fs};

use anyhow::{Context, bail};
use wit_component::ComponentEncoder;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    let [core, out] = arguments.as_slice() else {
        bail!("usage: pack CORE.wasm OUT.wasm")
    };

    let module = fs::read(core)
        .with_context(|| format!("cannot read `{}`: run `make flows`", core.display()))?;
    let component = ComponentEncoder::default()
        .validate(true)
        .module(&module)
        .and_then(|encoder| encoder.encode())
        .with_context(|| format!("cannot make a component of `{}`", core.display()))?;

    if fs::read(out).is_ok_and(|old| old == component) {
        return Ok(());
    }
    let unfinished = out.with_extension("wasm.part");
    fs::write(&unfinished, &component)
        .with_context(|| format!("cannot write `{}`", unfinished.display()))?;
    fs::rename(&unfinished, out).with_context(|| {
        format!(
            "cannot rename `{}` to `{}`",
            unfinished.display(),
            out.display()
        )
    })?;
    eprintln!("{}: {} bytes", out.display(), component.len());
    Ok(())
}
