//! The output of an import: progress while it runs, and a summary.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::time::{Duration, Instant};

use ghanti_import::batch::{Batch, Problems};
use ghanti_import::columns::shown;
use ghanti_import::{Columns, Header, RejectsFile};
use indicatif::{HumanCount, ProgressBar, ProgressStyle};

use super::engine::Stored;

/// Maximum number of reasons that are counted separately.
const REASONS: usize = 50;
/// Maximum number of reasons that are shown.
const SHOWN: usize = 5;

/// The results for the rows so far.
#[derive(Debug, Default)]
pub struct Counts {
    rows: u64,
    stored: u64,
    updated: u64,
    unchanged: u64,
    rejected: u64,
    duplicates: u64,
    /// Number of rows by their errors.
    reasons: BTreeMap<String, u64>,
    /// The last line whose result is known.
    pub last_line: Option<u64>,
}

/// The engine's answer is not about the rows that were sent.
#[derive(Debug, thiserror::Error)]
#[error(
    "the engine's answer does not match the rows that were sent: use the same version of `ghanti` as the running engine"
)]
pub struct OtherRows;

impl Counts {
    /// Whether every row was stored.
    pub const fn is_all_stored(&self) -> bool {
        self.rejected == 0
    }

    /// Whether there was any row.
    pub const fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Counts a batch, and writes its rejected rows.
    ///
    /// # Errors
    /// The answer does not fit the batch, or the file cannot be written.
    pub fn add(
        &mut self,
        batch: &mut Batch,
        answer: Option<Stored>,
        rejects: &mut RejectsFile,
    ) -> anyhow::Result<()> {
        let sent = batch.customers.len();
        if let Some(answer) = answer {
            let taken = [answer.stored, answer.updated, answer.unchanged];
            let taken = taken
                .iter()
                .fold(0, |all: u64, some| all.saturating_add(*some));
            let is_answered = |line: u64| {
                batch.rows.iter().any(|row| row.line == line) && !batch.refused.contains_key(&line)
            };
            let all = taken.saturating_add(answer.rejected.len() as u64);
            if all != sent as u64 || !answer.rejected.iter().all(|row| is_answered(row.line)) {
                return Err(OtherRows.into());
            }
            self.stored += answer.stored;
            self.updated += answer.updated;
            self.unchanged += answer.unchanged;
            for row in answer.rejected {
                self.duplicates += u64::from(row.duplicate_of.is_some());
                let mut problems: Problems = row
                    .problems
                    .into_iter()
                    .map(|problem| (shown(&problem.field), plain(&problem.reason)))
                    .collect();
                if let (Some(earlier), true) = (row.duplicate_of, problems.is_empty()) {
                    let reason = format!("is the customer of line {earlier}");
                    problems.push((String::new(), reason));
                }
                batch.refused.insert(row.line, problems);
            }
        }
        for row in &batch.rows {
            let Some(problems) = batch.refused.get(&row.line) else {
                continue;
            };
            rejects.add(row, problems)?;
            self.rejected += 1;
            for (field, reason) in problems {
                self.count(field, reason);
            }
        }
        rejects.flush()?;
        self.rows += batch.rows.len() as u64;
        self.last_line = batch.last_line().or(self.last_line);
        Ok(())
    }

    fn count(&mut self, field: &str, reason: &str) {
        // without this, line numbers of duplicates and cell values would make every reason unique
        let digits = |character: char| character.is_ascii_digit();
        let reason = reason.split(": ").next().unwrap_or(reason);
        let mut reported = String::new();
        if !field.is_empty() {
            let _ = write!(reported, "`{field}` ");
        }
        reported.push_str(&reason.replace(digits, ""));
        if self.reasons.len() < REASONS || self.reasons.contains_key(&reported) {
            *self.reasons.entry(reported).or_default() += 1;
        }
    }

    /// The summary of an import, with the columns that were used.
    pub fn summary(&self, is_check: bool, columns: &str, rejects: &RejectsFile) -> String {
        let mut text = String::new();
        let mut line = |name: &str, value: &str| {
            let _ = writeln!(text, "{name:<12} {value}");
        };
        let count = |number: u64| HumanCount(number).to_string();
        line("rows", &count(self.rows));
        if is_check {
            line("checked", "nothing was stored; without --check it would be");
        }
        line("stored", &count(self.stored));
        line("updated", &count(self.updated));
        line("unchanged", &count(self.unchanged));
        let of_these = match self.duplicates {
            0 => String::new(),
            duplicates => format!(", of which duplicates {}", count(duplicates)),
        };
        line("rejected", &format!("{}{of_these}", count(self.rejected)));
        let mut reasons: Vec<_> = self.reasons.iter().collect();
        reasons.sort_by_key(|(_, rows)| std::cmp::Reverse(**rows));
        for (reason, rows) in reasons.iter().take(SHOWN) {
            line("", &format!("{} × {reason}", count(**rows)));
        }
        if reasons.len() > SHOWN {
            line("", "and others");
        }
        if rejects.is_written() {
            line("rejects", &rejects.path().display().to_string());
        }
        line("columns", columns);
        text
    }
}

/// Which column is used as what: `phone` = `Mobile No.`.
pub fn used(columns: &Columns, header: &Header) -> String {
    let pairs = columns.used.iter().map(|(field, column)| {
        let name = header.names.get(*column).map_or("", String::as_str);
        format!("`{field}` = `{}`", shown(name))
    });
    pairs.collect::<Vec<_>>().join(", ")
}

/// The columns that are not sent: `PAN`, `Branch`.
pub fn unused(columns: &Columns, header: &Header) -> Option<String> {
    let names = columns.unused.iter().map(|column| {
        match header.names.get(*column).filter(|name| !name.is_empty()) {
            Some(name) => format!("`{}`", shown(name)),
            None => format!("#{} (without a name)", column + 1),
        }
    });
    let names: Vec<_> = names.collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// A reason in one line, without control characters.
fn plain(reason: &str) -> String {
    reason.replace(char::is_control, " ")
}

/// Progress on standard error; hidden if that is not a terminal.
pub struct Progress {
    bar: ProgressBar,
    begun: Instant,
}

impl Progress {
    /// Begins to show.
    pub fn begin() -> Self {
        let style = ProgressStyle::with_template("{spinner} {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        let bar = ProgressBar::new_spinner().with_style(style);
        bar.enable_steady_tick(Duration::from_millis(200));
        Self {
            bar,
            begun: Instant::now(),
        }
    }

    /// Shows the results so far.
    pub fn show(&self, counts: &Counts) {
        let ms = self.begun.elapsed().as_millis().max(1);
        let rate = u128::from(counts.rows) * 1_000 / ms;
        self.bar.set_message(format!(
            "{} rows, {} rejected, {} rows/s",
            HumanCount(counts.rows),
            HumanCount(counts.rejected),
            HumanCount(u64::try_from(rate).unwrap_or(u64::MAX)),
        ));
    }

    /// Prints a line on standard error.
    pub fn print(&self, words: &str) {
        self.bar.suspend(|| {
            let _ = writeln!(std::io::stderr(), "{words}");
        });
    }

    /// Ends the display.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }
}
