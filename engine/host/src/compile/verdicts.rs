//! Records of components that crashed a child process, one file each in the folder of compiled
//! code, so that they are not tried again, neither at the next scan of the folder nor after a
//! restart.
//!
//! A file records the limits that applied. Under different limits the component is tried again.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::bounds::Bounds;
use super::write_whole;
use crate::rejection::{Fault, Step};

/// The most bytes read from a file.
const BYTES_MAX: u64 = 64 << 10;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Verdict {
    bounds: Bounds,
    reason: String,
    hint: String,
}

/// Why a component is not compiled, or `None` if nothing is recorded.
pub(super) fn read(file: &Path, bounds: &Bounds) -> Option<Fault> {
    let mut text = String::new();
    File::open(file)
        .ok()?
        .take(BYTES_MAX)
        .read_to_string(&mut text)
        .ok()?;
    match serde_json::from_str::<Verdict>(&text) {
        Ok(verdict) if verdict.bounds == *bounds => {
            Some(Fault::new(Step::Compile, verdict.reason, &verdict.hint))
        }
        Ok(_) => None,
        Err(error) => {
            tracing::warn!(file = %file.display(), %error, "what is known of a rejected flow cannot be read: it is tried again");
            None
        }
    }
}

/// Records why a component is not compiled.
pub(super) fn keep(file: &Path, bounds: &Bounds, fault: &Fault) {
    let verdict = Verdict {
        bounds: bounds.clone(),
        reason: fault.reason.clone(),
        hint: fault.hint.clone(),
    };
    let written = serde_json::to_vec_pretty(&verdict)
        .map_err(Into::into)
        .and_then(|text| write_whole(file, &[&text]));
    if let Err(error) = written {
        tracing::warn!(file = %file.display(), %error, "why a flow is rejected cannot be kept, so that the next start tries it again");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_holds_under_the_same_limits_and_is_dropped_when_unreadable() {
        let folder = tempfile::tempdir().unwrap();
        let (file, bounds) = (
            folder.path().join("components/a.rejected"),
            Bounds::of(1 << 20),
        );
        assert!(read(&file, &bounds).is_none());
        keep(
            &file,
            &bounds,
            &Fault::new(
                Step::Compile,
                "it overflows the stack".to_owned(),
                "build it again",
            ),
        );
        let reported = read(&file, &bounds).unwrap();
        assert_eq!(
            (
                reported.step,
                reported.reason.as_str(),
                reported.hint.as_str()
            ),
            (Step::Compile, "it overflows the stack", "build it again")
        );
        assert!(
            read(
                &file,
                &Bounds {
                    cpu_s: 1,
                    ..bounds.clone()
                }
            )
            .is_none()
        );
        std::fs::write(&file, "{").unwrap();
        assert!(read(&file, &bounds).is_none());
    }
}
