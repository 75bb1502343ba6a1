//! The snapshots of a flow's tests: files in tests/snapshots/ with what is said.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, ensure};
use ghanti_catalogue::{Checked, Finding, Severity};
use ghanti_explore::flow_tests::Complaint;
use ghanti_explore::flow_tests::snapshot::{ENDING, snapshot};
use ghanti_host::Step;
use similar::TextDiff;

use crate::flow::folder::write_changed;

/// The folder of snapshots, in a flow's folder.
const FOLDER: &str = "tests/snapshots";
/// Maximum size of a snapshot in bytes. A conversation has a few kilobytes.
const SNAPSHOT_BYTES: u64 = 1 << 20;
/// Maximum number of lines of a difference that are shown.
const LINES: usize = 60;

/// How snapshots are compared.
pub struct Comparing {
    /// Whether to write them, rather than compare.
    pub updates: bool,
    /// Whether all tests were run, so that other snapshots are unused.
    pub has_all: bool,
}

impl Comparing {
    /// Compares or writes snapshots. Differences become failures of the tests. Returns the snapshots that
    /// were written or are unused, one line each.
    pub fn compare(&self, folder: &Path, checked: &mut Checked) -> anyhow::Result<Vec<String>> {
        let Some(version) = checked.version.clone() else {
            return Ok(Vec::new());
        };
        let (mut lines, mut asked) = (Vec::new(), BTreeSet::new());
        for result in &mut checked.test_results {
            let file = format!("{FOLDER}/{}.{ENDING}", result.file);
            let path = folder.join(&file);
            let line = match &result.test {
                Some(test) => test.snapshot_line(),
                // a test that cannot be read may use a snapshot
                None => {
                    asked.insert(path);
                    continue;
                }
            };
            let Some(line) = line else { continue };
            asked.insert(path.clone());
            // a failed test's conversation is not a valid snapshot
            let said = snapshot(&version, result).filter(|_| result.complaints.is_empty());
            let Some(said) = said else { continue };
            let stored = stored(&path)?;
            if stored.as_ref() == Some(&said) {
                continue;
            }
            if self.updates {
                write_changed(&path, said.as_bytes())?;
                lines.push(format!("wrote {file}"));
                continue;
            }
            let reason = match stored {
                None => format!("there is no `{file}`: `ghanti flow test --update` writes it"),
                Some(stored) => format!(
                    "the conversation differs from `{file}`; if that is intended, update it with `ghanti flow test --update`\n{}",
                    difference(&stored, &said)
                ),
            };
            result.complaints.push(Complaint {
                file: result.file.clone(),
                line: Some(line),
                column: None,
                reason: reason.clone(),
            });
            checked.findings.push(Finding {
                severity: Severity::Error,
                step: Step::Tests,
                file: Some(format!("tests/{}.toml", result.file)),
                line: Some(line),
                column: None,
                message: reason,
                hint: String::new(),
                path: None,
            });
        }
        if self.has_all {
            lines.extend(self.left_over(folder, &asked)?);
        }
        Ok(lines)
    }

    /// Snapshots that no test uses.
    fn left_over(
        &self,
        folder: &Path,
        asked: &BTreeSet<std::path::PathBuf>,
    ) -> anyhow::Result<Vec<String>> {
        let entries = fs::read_dir(folder.join(FOLDER))
            .into_iter()
            .flatten()
            .flatten();
        let mut left: Vec<_> = entries
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|ending| ending == ENDING))
            .filter(|path| !asked.contains(path))
            .collect();
        left.sort();
        let mut lines = Vec::new();
        for path in left {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if self.updates {
                fs::remove_file(&path)
                    .with_context(|| format!("cannot remove `{}`", path.display()))?;
                lines.push(format!("removed {FOLDER}/{name}: no test uses it"));
            } else {
                lines.push(format!(
                    "no test uses {FOLDER}/{name}: `ghanti flow test --update` removes it"
                ));
            }
        }
        Ok(lines)
    }
}

/// A snapshot; `None` if there is no file.
fn stored(path: &Path) -> anyhow::Result<Option<String>> {
    let shown = path.display();
    match path.metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        found => {
            let found = found.with_context(|| format!("cannot read `{shown}`"))?;
            ensure!(
                found.is_file() && found.len() <= SNAPSHOT_BYTES,
                "`{shown}` is not a snapshot: remove it, and write a new one with `ghanti flow test --update`"
            );
        }
    }
    let text = fs::read_to_string(path).with_context(|| format!("cannot read `{shown}`"))?;
    Ok(Some(text))
}

/// The difference, in the lines of `diff -u`.
fn difference(stored: &str, said: &str) -> String {
    let diff = TextDiff::from_lines(stored, said);
    let shown = diff.unified_diff().context_radius(1).to_string();
    let lines: Vec<_> = shown.lines().collect();
    match lines.len().checked_sub(LINES) {
        None | Some(0) => lines.join("\n"),
        Some(more) => format!(
            "{}\n… and {more} lines more",
            lines.get(..LINES).unwrap_or_default().join("\n")
        ),
    }
}
