//! What a component says of itself, read from its sections without running or validating it: names
//! of imports and exports, what made it, and how large its parts are.
//!
//! wasmparser goes through the sections one after another and does not recurse; what is kept of them
//! is bounded here. An engine reads components in a child process all the same
//! ([`crate::compile`]), as it goes on to compile them.

use ghanti_model::chain::hexadecimal;
use serde::Serialize;
use sha2::{Digest, Sha256};
use wasmparser::{BinaryReaderError, ComponentTypeRef, Encoding, KnownCustom, Parser, Payload};

use crate::rejection::{Fault, Step};

/// How many names of imports, exports and tools are kept, each.
const NAMES_MAX: usize = 512;
/// How many letters of a name are kept.
const NAME_CHARS: usize = 200;
/// How many bytes of a file that is no component are looked at, to find out what it is.
const LOOKED_AT: usize = 48;
/// What begins a file of WebAssembly.
const MAGIC: &[u8] = b"\0asm";

/// What a component is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ComponentFacts {
    /// Its size.
    pub bytes: usize,
    /// SHA-256 of the file, in hexadecimal digits.
    pub sha256: String,
    /// What it was made by and with, such as `language Rust`.
    pub producers: Vec<String>,
    /// The interfaces that it imports, such as `ghanti:dialog/call@0.1.0`.
    pub imports: Vec<String>,
    /// What it exports.
    pub exports: Vec<String>,
    /// How many core modules are in it.
    pub modules: usize,
    /// Bytes of code, of data, and of what only debuggers and readers use.
    pub code_bytes: u64,
    /// See `code_bytes`.
    pub data_bytes: u64,
    /// See `code_bytes`.
    pub custom_bytes: u64,
    /// Bytes of debug information (DWARF), which is part of `custom_bytes`.
    pub debug_bytes: u64,
}

impl ComponentFacts {
    /// Reads a component.
    ///
    /// # Errors
    /// If it is none: then what it is instead.
    pub fn read(component: &[u8]) -> Result<Self, Fault> {
        is_webassembly(component)?;
        let mut facts = Self {
            bytes: component.len(),
            sha256: hexadecimal(&Sha256::digest(component)),
            producers: Vec::new(),
            imports: Vec::new(),
            exports: Vec::new(),
            modules: 0,
            code_bytes: 0,
            data_bytes: 0,
            custom_bytes: 0,
            debug_bytes: 0,
        };
        let broken = |error| broken(component, &error);
        // modules and components nested in the component have imports and exports of their own
        let mut depth = 0_u32;
        for payload in Parser::new(0).parse_all(component) {
            match payload.map_err(broken)? {
                Payload::Version {
                    encoding: Encoding::Module,
                    ..
                } if depth == 0 => {
                    return Err(Fault::new(
                        Step::Contract,
                        "it is a core module, not a component".to_owned(),
                        "make a component of it: build for `wasm32-wasip2`, or `wasm-tools component new`",
                    ));
                }
                Payload::ModuleSection { .. } => {
                    depth += 1;
                    facts.modules += 1;
                }
                Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::ComponentImportSection(section) if depth == 0 => {
                    for import in section {
                        let import = import.map_err(broken)?;
                        // imported types of the world require nothing of the host
                        let requires = !matches!(import.ty, ComponentTypeRef::Type(_));
                        if requires && facts.imports.len() < NAMES_MAX {
                            facts.imports.push(short(import.name.name));
                        }
                    }
                }
                Payload::ComponentExportSection(section) if depth == 0 => {
                    for export in section {
                        let export = export.map_err(broken)?;
                        if facts.exports.len() < NAMES_MAX {
                            facts.exports.push(short(export.name.name));
                        }
                    }
                }
                Payload::CodeSectionStart { size, .. } => facts.code_bytes += u64::from(size),
                Payload::DataSection(section) => {
                    facts.data_bytes += section.range().len() as u64;
                }
                Payload::CustomSection(section) => {
                    let bytes = section.data().len() as u64;
                    facts.custom_bytes += bytes;
                    if section.name().starts_with(".debug") {
                        facts.debug_bytes += bytes;
                    }
                    if let KnownCustom::Producers(producers) = section.as_known() {
                        facts.add_producers(producers);
                    }
                }
                _ => {}
            }
        }
        Ok(facts)
    }

    /// Notes what made a part of it. What cannot be read is no reason to refuse a component.
    fn add_producers(&mut self, producers: wasmparser::ProducersSectionReader<'_>) {
        for field in producers.into_iter().map_while(Result::ok) {
            for value in field.values.into_iter().map_while(Result::ok) {
                let reported = format!("{} {} {}", field.name, value.name, value.version);
                let reported = short(reported.trim());
                if self.producers.len() < NAMES_MAX && !self.producers.contains(&reported) {
                    self.producers.push(reported);
                }
            }
        }
    }
}

fn short(name: &str) -> String {
    let mut letters = name.chars();
    let mut kept: String = letters
        .by_ref()
        .take(NAME_CHARS)
        .map(|letter| if letter.is_control() { '�' } else { letter })
        .collect();
    if letters.next().is_some() {
        kept.push('…');
    }
    kept
}

/// Tells what a file is that is no WebAssembly at all.
fn is_webassembly(file: &[u8]) -> Result<(), Fault> {
    if file.starts_with(MAGIC) {
        return Ok(());
    }
    let again = "build the flow, and copy the component that the build writes";
    let (what, hint) = if file.is_empty() {
        ("the file is empty".to_owned(), again)
    } else if MAGIC.starts_with(file) {
        (
            "the file is cut off".to_owned(),
            "build it again, and copy it whole",
        )
    } else if file.starts_with(b"version https://git-lfs") {
        (
            "it is a pointer of Git LFS".to_owned(),
            "run `git lfs pull`, which gets the component itself",
        )
    } else if file.starts_with(b"PK\x03\x04") {
        ("it is a ZIP archive".to_owned(), "unpack it")
    } else if file.starts_with(b"\x1f\x8b") {
        ("it is compressed by gzip".to_owned(), "unpack it")
    } else if file.starts_with(b"\x7fELF") {
        (
            "it is a program for this machine".to_owned(),
            "build for the target `wasm32-wasip2`",
        )
    } else if let Some(line) = first_line(file) {
        (format!("it is a text that begins with `{line}`"), again)
    } else {
        (
            "it does not begin as WebAssembly does".to_owned(),
            "build it again, and copy it whole",
        )
    };
    let reason = format!("it is no WebAssembly component: {what}");
    Err(Fault::new(Step::Contract, reason, hint))
}

/// The beginning of a text, or `None` if it is none.
fn first_line(file: &[u8]) -> Option<String> {
    let beginning = file.get(..LOOKED_AT).unwrap_or(file);
    let text = match std::str::from_utf8(beginning) {
        Ok(text) => text,
        // the beginning may end within a letter
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(beginning.get(..error.valid_up_to())?).ok()?
        }
        Err(_) => return None,
    };
    let is_text = |letter: char| !letter.is_control() || "\n\r\t".contains(letter);
    if !text.chars().all(is_text) {
        return None;
    }
    let line = text
        .trim_start_matches('\u{feff}')
        .trim_start()
        .lines()
        .next()?;
    Some(line.trim_end().replace('`', "'"))
}

fn broken(component: &[u8], error: &BinaryReaderError) -> Fault {
    let (at, of) = (error.offset(), component.len());
    let reason = if error.message().contains("unexpected end") || at >= of {
        format!("it is no WebAssembly component: the file is cut off at byte {of}")
    } else {
        format!(
            "it is no WebAssembly component: {} at byte {at} of {of}",
            error.message()
        )
    };
    Fault::new(Step::Contract, reason, "build it again, and copy it whole")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACTS: &[u8] = include_bytes!("../tests/fixtures/acts-0.1.0.wasm");

    #[test]
    fn a_component_gives_its_names_its_makers_and_its_sizes() {
        let facts = ComponentFacts::read(ACTS).unwrap();
        assert_eq!(facts.bytes, ACTS.len());
        for export in ["describe", "run"] {
            assert!(
                facts.exports.iter().any(|name| name == export),
                "{facts:#?}"
            );
        }
        assert!(
            facts
                .imports
                .iter()
                .any(|name| name == "ghanti:dialog/speech@0.1.0"),
            "{facts:#?}"
        );
        assert!(
            facts
                .producers
                .iter()
                .any(|made| made.starts_with("language Rust")),
            "{facts:#?}"
        );
        assert!(facts.modules > 0 && facts.code_bytes > 0);
    }

    #[test]
    fn what_is_no_component_is_reported_in_words() {
        let half = &ACTS[..ACTS.len() / 2];
        for (bytes, words) in [
            (&b""[..], "the file is empty"),
            (b"\0as", "cut off"),
            (
                b"import wit_world\n\nclass",
                "a text that begins with `import wit_world`",
            ),
            (
                "नमस्ते दुनिया यह एक फ्लो है".as_bytes(),
                "a text that begins with `नमस्ते",
            ),
            (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
            (b"PK\x03\x04\x14\0", "ZIP"),
            (b"\x1f\x8b\x08\0", "gzip"),
            (b"\x7fELF\x02\x01", "program for this machine"),
            (
                b"\xff\xd8\xff\xe0\0\x10",
                "does not begin as WebAssembly does",
            ),
            (b"\0asm\x01\0\0\0", "core module"),
            (half, "cut off at byte"),
        ] {
            let fault = ComponentFacts::read(bytes).unwrap_err();
            assert!(fault.reason.contains(words), "{words}: {}", fault.reason);
            assert!(!fault.reason.contains("0x"), "{}", fault.reason);
        }
    }
}
