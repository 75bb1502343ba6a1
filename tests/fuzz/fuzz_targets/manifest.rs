//! Manifests of flows.
#![no_main]

use ghanti_manifest::{Manifest, ManifestError};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Err(errors) = Manifest::parse(text) {
        // at least one error is reported, and where there is a line, it is one of the file's
        assert!(!errors.is_empty());
        assert!(!ManifestError::reasons(&errors).is_empty());
        let lines = text.lines().count().max(1);
        for error in &errors {
            assert!((1..=lines + 1).contains(&error.line), "{error:?}");
            assert!(!error.message.is_empty() && !error.hint().is_empty());
        }
    }
});
