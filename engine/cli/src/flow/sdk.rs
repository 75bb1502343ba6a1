//! The libraries for writing flows, one for each language. They are embedded in this program until they are published to the languages' registries,
//! and are written into `.ghanti/` of each flow's folder.

use std::fs;
use std::path::Path;

use anyhow::Context;
use sha2::{Digest, Sha256};
use wit_bindgen_core::wit_parser::Resolve;
use wit_bindgen_core::{Files, WorldGenerator as _};
use wit_bindgen_rust::Opts;

use super::folder::{Folder, Language, write_changed};

/// The contract.
pub const CONTRACT: &str = include_str!("../../../../wit/dialog.wit");
/// The world of the contract that a flow implements.
pub const WORLD: &str = "dialog";
/// The file with the digest of the written library.
const STAMP: &str = "written-by";

macro_rules! files {
    ($folder:literal: $($file:literal),+ $(,)?) => {
        &[$(($file, include_str!(concat!("../../../../plugins/", $folder, "/", $file)))),+]
    };
}

type Texts = &'static [(&'static str, &'static str)];

const RUST: Texts =
    files!("sdk-rust": "Cargo.toml", "README.md", "src/lib.rs", "src/record.rs", "src/values.rs");
const TYPESCRIPT: Texts = files!("sdk-typescript": "package.json", "tsconfig.json", "README.md", "src/index.ts", "src/errors.ts", "src/conversation.ts",
    "src/dialog.d.ts", "src/prelude.ts");
const PYTHON: Texts = files!("sdk-python": "pyproject.toml", "README.md", "src/ghanti_flow/__init__.py", "src/ghanti_flow/errors.py",
    "src/ghanti_flow/values.py", "src/ghanti_flow/conversation.py");

/// Lines of the repository's `Cargo.toml` that depend on its workspace, and their replacements.
const OUTSIDE: [(&str, &str); 7] = [
    (
        "\nversion.workspace = true",
        concat!("\nversion = \"", env!("CARGO_PKG_VERSION"), "\""),
    ),
    ("edition.workspace = true", "edition = \"2024\""),
    ("rust-version.workspace = true", "rust-version = \"1.85\""),
    (
        "license.workspace = true",
        "license = \"MIT OR Apache-2.0\"",
    ),
    ("publish.workspace = true\n", ""),
    ("[lints]\nworkspace = true\n\n", ""),
    // the bindings are generated here, so that authors do not compile the generator
    (
        "wit-bindgen.workspace = true",
        "wit-bindgen = { version = \"=0.63.0\", default-features = false, features = [\"realloc\", \"std\"] }",
    ),
];

/// All files of a language's library, by path within its folder.
fn library(language: Language) -> anyhow::Result<Vec<(String, String)>> {
    let texts = match language {
        Language::Rust => RUST,
        Language::TypeScript => TYPESCRIPT,
        Language::Python => PYTHON,
    };
    let mut files: Vec<_> = texts
        .iter()
        .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
        .collect();
    files.push(("wit/dialog.wit".to_owned(), CONTRACT.to_owned()));
    if language == Language::Rust {
        for (_, text) in files.iter_mut().filter(|(path, _)| path == "Cargo.toml") {
            for (inside, outside) in OUTSIDE {
                *text = text.replace(inside, outside);
            }
        }
        files.push(("src/bindings.rs".to_owned(), bindings()?));
    }
    Ok(files)
}

/// The contract's functions and types in Rust, as the macro of `plugins/sdk-rust/src/bindings.rs` has them.
fn bindings() -> anyhow::Result<String> {
    let mut resolve = Resolve::default();
    let package = resolve.push_str("dialog.wit", CONTRACT)?;
    let world = resolve.select_world(&[package], Some(WORLD))?;
    let options = Opts {
        pub_export_macro: true,
        default_bindings_module: Some("ghanti_flow::bindings".to_owned()),
        ..Opts::default()
    };
    let mut files = Files::default();
    options.build().generate(&mut resolve, world, &mut files)?;
    let (_, code) = files.iter().next().context("no bindings were generated")?;
    Ok(format!(
        "//! The contract's functions and types, generated from `wit/dialog.wit`.\n\n{}",
        String::from_utf8(code.to_vec())?
    ))
}

/// Writes the library of a folder's language, unless it is this program's already.
pub fn write(folder: &Folder) -> anyhow::Result<()> {
    let files = library(folder.language)?;
    let stamp = stamp(&files);
    if fs::read_to_string(folder.written(STAMP)).is_ok_and(|there| there == stamp) {
        return Ok(());
    }
    let sdk = folder.written("sdk");
    clear(&sdk)?;
    for (path, text) in &files {
        write_changed(&sdk.join(path), text.as_bytes())?;
    }
    // ignored by git even without the flow's own .gitignore
    write_changed(&folder.written(".gitignore"), b"*\n")?;
    write_changed(&folder.written(STAMP), stamp.as_bytes())?;
    Ok(())
}

fn stamp(files: &[(String, String)]) -> String {
    let mut digest = Sha256::new();
    for (path, text) in files {
        for part in [path, text] {
            digest.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            digest.update(part);
        }
    }
    let digest: String = digest
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("ghanti {} {digest}\n", env!("CARGO_PKG_VERSION"))
}

fn clear(folder: &Path) -> anyhow::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove `{}`", folder.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authors_library_does_not_depend_on_the_repositorys_workspace() {
        let files = library(Language::Rust).unwrap();
        let manifest = &files
            .iter()
            .find(|(path, _)| path == "Cargo.toml")
            .unwrap()
            .1;
        assert!(!manifest.contains("workspace"), "{manifest}");
        let manifest: toml::Table = manifest.parse().unwrap();
        assert_eq!(manifest["package"]["rust-version"].as_str(), Some("1.85"));
        assert_eq!(
            manifest["package"]["license"].as_str(),
            Some("MIT OR Apache-2.0")
        );
    }

    #[test]
    fn the_bindings_are_generated_from_the_contract() {
        let bindings = bindings().unwrap();
        for words in [
            "pub mod speech",
            "pub fn ask",
            "CallEnded",
            "macro_rules! __export_dialog_impl",
        ] {
            assert!(bindings.contains(words), "`{words}` is not in the bindings");
        }
    }
}
