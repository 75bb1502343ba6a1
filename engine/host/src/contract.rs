//! Checks a component's imports and exports against the contract before it is compiled.
//!
//! Only names are checked here; types are checked when the component is linked.

use semver::{Comparator, Op, Prerelease, Version};

use crate::component::ComponentFacts;
use crate::rejection::{Fault, Step};
use crate::wasi;

/// The package in `wit/`.
const PACKAGE: &str = "ghanti:dialog";
/// The version of that package in this engine.
const VERSION: Version = Version::new(0, 1, 0);
/// The version of the contract in this engine.
pub fn contract_version() -> Version {
    VERSION
}

/// What every flow must export.
const EXPORTS: [&str; 2] = ["describe", "run"];

/// Whether an engine of this version of the contract runs a flow that was built for another, by the
/// rules of semantic versions. There are no pre-releases of the contract.
fn serves(engine: &Version, needed: &Version) -> bool {
    let comparator = Comparator {
        op: Op::Caret,
        major: needed.major,
        minor: Some(needed.minor),
        patch: Some(needed.patch),
        pre: Prerelease::EMPTY,
    };
    needed.pre.is_empty() && comparator.matches(engine)
}

/// Everything besides the component that a result of [`check`] depends on.
pub(crate) fn identity() -> impl std::hash::Hash {
    (PACKAGE, VERSION.to_string(), EXPORTS, wasi::identity())
}

/// What an engine does about an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given {
    /// It is of the contract.
    Contract,
    /// It is of WASI, which JavaScript and Python need, and leads nowhere.
    Sealed,
    /// It is of a version of the contract that this engine does not have.
    OtherVersion,
    /// No flow gets it.
    Refused,
}

/// What this engine does about an import of this name.
pub fn given(import: &str) -> Given {
    let (path, version) = import.split_once('@').unwrap_or((import, ""));
    if wasi::seals(import) {
        Given::Sealed
    } else if path.split('/').next() != Some(PACKAGE) {
        Given::Refused
    } else if Version::parse(version).is_ok_and(|needed| serves(&VERSION, &needed)) {
        Given::Contract
    } else {
        Given::OtherVersion
    }
}

/// Checks whether a component can run in this engine at all.
pub(crate) fn check(component: &[u8]) -> Result<(), Fault> {
    let names = ComponentFacts::read(component)?;
    let mut foreign = Vec::new();
    for name in &names.imports {
        match given(name) {
            Given::Contract | Given::Sealed => {}
            Given::Refused => foreign.push(format!("`{name}`")),
            Given::OtherVersion => {
                let (_, version) = name.split_once('@').unwrap_or((name, "without a version"));
                let reason = format!("it needs {PACKAGE} {version}, this engine has {VERSION}");
                return Err(Fault::new(
                    Step::Contract,
                    reason,
                    "build the flow against the `wit/` of this engine, or use an engine of that version",
                ));
            }
        }
    }
    if !foreign.is_empty() {
        let reason = format!(
            "it imports {}, which this engine does not give",
            foreign.join(", ")
        );
        return Err(Fault::new(
            Step::Contract,
            reason,
            "build the flow so that it imports nothing but the contract and what JavaScript and Python need of WASI",
        ));
    }
    if let Some(missing) = EXPORTS
        .iter()
        .find(|export| !names.exports.iter().any(|name| name == *export))
    {
        let reason = format!("it does not export `{missing}`");
        return Err(Fault::new(
            Step::Contract,
            reason,
            &format!("build it for the world `dialog` of {PACKAGE}"),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_that_of_the_wit_file() {
        let wit = include_str!("../../../wit/dialog.wit");
        assert!(wit.contains(&format!("package {PACKAGE}@{VERSION};")));
    }

    #[test]
    fn versions_serve_what_they_promise() {
        let serves = |engine: &str, flow: &str| {
            serves(
                &Version::parse(engine).unwrap(),
                &Version::parse(flow).unwrap(),
            )
        };
        assert!(serves("0.1.2", "0.1.0"));
        assert!(!serves("0.1.0", "0.1.2"));
        assert!(!serves("0.2.0", "0.1.0"));
        assert!(serves("1.3.0", "1.2.9"));
        assert!(!serves("1.3.0", "1.4.0"));
        assert!(!serves("1.0.0", "0.1.0"));
        assert!(!serves("0.1.0", "0.1.0-rc.1"));
        assert!(Version::parse("0.1").is_err());
    }

    /// A component that imports one instance and does nothing.
    fn importing(name: &str) -> Vec<u8> {
        let length = u8::try_from(name.len()).unwrap();
        let import = [&[1, 0, length], name.as_bytes(), &[5, 0]].concat();
        let instance_type = b"\x07\x03\x01\x42\x00";
        [
            &b"\0asm\x0d\0\x01\0"[..],
            instance_type,
            &[0x0a, length + 5],
            &import,
        ]
        .concat()
    }

    #[test]
    fn what_is_neither_the_contract_nor_sealed_is_rejected_by_name() {
        for import in [
            "wasi:http/outgoing-handler@0.2.0",
            "wasi:keyvalue/store@0.2.0",
            "wasi:clocks/wall-clock@0.3.0",
            "acme:bank/registry",
        ] {
            let fault = check(&importing(import)).unwrap_err();
            assert_eq!(
                fault.reason,
                format!("it imports `{import}`, which this engine does not give")
            );
        }
        for import in ["wasi:clocks/wall-clock@0.2.9", "wasi:sockets/tcp@0.2.0"] {
            assert_eq!(
                check(&importing(import)).unwrap_err().reason,
                "it does not export `describe`",
                "{import}"
            );
        }
    }

    #[test]
    fn what_is_no_component_is_reported() {
        for (bytes, words) in [
            (&b""[..], "no WebAssembly component"),
            (b"half a file", "a text that begins with `half a file`"),
            (b"\0asm\x01\0\0\0", "core module"),
            (b"\0asm\x0d\0\x01\0", "does not export `describe`"),
        ] {
            let fault = check(bytes).unwrap_err();
            assert!(fault.reason.contains(words), "{}", fault.reason);
        }
    }
}
