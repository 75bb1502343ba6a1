//! What was answered, sentence by sentence and voice by voice.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs::OpenOptions;
use std::io::Write as _;

use crate::corpus::Sentence;
use crate::line::Outcome;

/// A sentence in a voice, and what came of it.
pub struct Row {
    pub sentence: Sentence,
    pub voice: &'static str,
    pub outcome: Outcome,
}

impl Row {
    /// Whether the answer is one that the sentence means.
    pub fn is_right(&self) -> bool {
        self.sentence.means_any(&[&self.outcome.reply])
    }

    /// Whether the answer is another choice than the sentence means: worse than not understanding
    /// it.
    pub fn is_wrong(&self) -> bool {
        !self.is_right() && !matches!(self.outcome.reply.as_str(), "no-match" | "no-input")
    }

    fn line(&self) -> String {
        let Row {
            sentence,
            voice,
            outcome,
        } = self;
        let text = match sentence.cut_ms {
            Some(cut_ms) => format!("{} [cut at {cut_ms} ms]", sentence.text),
            None => sentence.text.clone(),
        };
        let question = outcome
            .question
            .map_or("?".to_owned(), |heard| format!("{heard:?}").to_lowercase());
        [
            &sentence.kind,
            *voice,
            &outcome.reply,
            &question,
            &text,
            &outcome.transcript(),
        ]
        .join("\t")
    }
}

/// Rows as lines of a table, with a count of each kind.
pub fn shown<'a>(rows: impl IntoIterator<Item = &'a Row>) -> String {
    rows.into_iter().map(|row| row.line() + "\n").collect()
}

/// Of each kind: answers that it means, that it does not mean, and all.
pub fn counts(rows: &[Row]) -> String {
    let mut kinds: BTreeMap<&str, (usize, usize, usize)> = BTreeMap::new();
    for row in rows {
        let (right, wrong, all) = kinds.entry(&row.sentence.kind).or_default();
        *right += usize::from(row.is_right());
        *wrong += usize::from(row.is_wrong());
        *all += 1;
    }
    let mut text = String::new();
    for (kind, (right, wrong, all)) in kinds {
        writeln!(
            text,
            "{kind:<16} {right:>4} understood {wrong:>4} taken for something else {all:>4} in all"
        )
        .unwrap();
    }
    text
}

/// For tuning: where the rows are kept, if they are.
const KEPT: &str = "GHANTI_ANSWERS";

/// Whether the whole table is wanted: all sentences in all their voices.
pub fn is_kept() -> bool {
    std::env::var_os(KEPT).is_some()
}

/// With `GHANTI_ANSWERS=FILE` all rows are appended to that file, tab-separated, each with the
/// test's name before it.
pub fn keep(test: &str, rows: &[Row]) {
    let Some(path) = std::env::var_os(KEPT) else {
        return;
    };
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .unwrap();
    let rows: String = rows
        .iter()
        .map(|row| format!("{test}\t{}\n", row.line()))
        .collect();
    file.write_all(rows.as_bytes()).unwrap();
}
