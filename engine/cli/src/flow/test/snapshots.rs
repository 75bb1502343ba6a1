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
/// The largest snapshot that is read. A conversation has a few kilobytes.
const SNAPSHOT_BYTES: u64 = 1 << 20;
/// The most lines of a difference that are shown.
const LINES: usize = 60;

/// How snapshots are compared.
pub struct Comparing {
    /// Whether they are written, rather than compared.
    pub updates: bool,
    /// Whether all tests were run, so that the others are of none.
    pub has_all: bool,
}

impl Comparing {
    /// Compares what was said, or writes it. Differences become complaints of the tests. Returns what
    /// was written and what is left over, a line each.
    pub fn compare(&self, folder: &Path, checked: &mut Checked) -> anyhow::Result<Vec<String>> {
        let Some(version) = checked.version.clone() else {
            return Ok(Vec::new());
        };
        let (mut told, mut asked) = (Vec::new(), BTreeSet::new());
        for trial in &mut checked.trials {
            let file = format!("{FOLDER}/{}.{ENDING}", trial.file);
            let path = folder.join(&file);
            let line = match &trial.test {
                Some(test) => test.snapshot_line(),
                // it may ask for one: nobody can tell
                None => {
                    asked.insert(path);
                    continue;
                }
            };
            let Some(line) = line else { continue };
            asked.insert(path.clone());
            // one that fails has said what it should not
            let said = snapshot(&version, trial).filter(|_| trial.complaints.is_empty());
            let Some(said) = said else { continue };
            let kept = kept(&path)?;
            if kept.as_ref() == Some(&said) {
                continue;
            }
            if self.updates {
                write_changed(&path, said.as_bytes())?;
                told.push(format!("wrote {file}"));
                continue;
            }
            let reason = match kept {
                None => format!("there is no `{file}`: `ghanti flow test --update` writes it"),
                Some(kept) => format!(
                    "other words are said than in `{file}`; if they are meant, `ghanti flow test --update` writes them\n{}",
                    difference(&kept, &said)
                ),
            };
            trial.complaints.push(Complaint {
                file: trial.file.clone(),
                line: Some(line),
                column: None,
                reason: reason.clone(),
            });
            checked.findings.push(Finding {
                severity: Severity::Error,
                step: Step::Tests,
                file: Some(format!("tests/{}.toml", trial.file)),
                line: Some(line),
                column: None,
                message: reason,
                hint: String::new(),
                path: None,
            });
        }
        if self.has_all {
            told.extend(self.left_over(folder, &asked)?);
        }
        Ok(told)
    }

    /// Snapshots that no test asks for.
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
        let mut told = Vec::new();
        for path in left {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if self.updates {
                fs::remove_file(&path)
                    .with_context(|| format!("cannot remove `{}`", path.display()))?;
                told.push(format!("removed {FOLDER}/{name}: no test asks for it"));
            } else {
                told.push(format!(
                    "no test asks for {FOLDER}/{name}: `ghanti flow test --update` removes it"
                ));
            }
        }
        Ok(told)
    }
}

/// What is kept; `None` without a file.
fn kept(path: &Path) -> anyhow::Result<Option<String>> {
    let shown = path.display();
    match path.metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        found => {
            let found = found.with_context(|| format!("cannot read `{shown}`"))?;
            ensure!(
                found.is_file() && found.len() <= SNAPSHOT_BYTES,
                "`{shown}` is no snapshot: remove it, and `ghanti flow test --update` writes it anew"
            );
        }
    }
    let text = fs::read_to_string(path).with_context(|| format!("cannot read `{shown}`"))?;
    Ok(Some(text))
}

/// The difference, in the lines of `diff -u`.
fn difference(kept: &str, said: &str) -> String {
    let diff = TextDiff::from_lines(kept, said);
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
