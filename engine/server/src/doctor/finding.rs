//! A finding, and the list in which findings are collected.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Code, Urls, Weight};

/// Maximum number of sentences of evidence in one finding.
const SENTENCES: usize = 6;
/// Maximum length of a sentence of evidence in characters: parts of it are text that others sent.
const CHARACTERS: usize = 600;

/// A mistake in the set-up, with its evidence and fix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Finding {
    /// The code.
    #[schema(value_type = String)]
    pub code: Code,
    /// How much it matters.
    pub weight: Weight,
    /// What is wrong, in a sentence.
    pub sentence: String,
    /// What was seen, when and how often; without personal data.
    pub evidence: Vec<String>,
    /// What to do, and what to paste where.
    pub fix: String,
}

/// Findings being collected: each code once, with all its evidence.
#[derive(Debug, Default)]
pub struct Findings(BTreeMap<Code, Vec<String>>);

impl Findings {
    /// Adds evidence for a code. Control characters are removed: parts of it are text that others
    /// sent, and it is shown on terminals.
    pub fn add(&mut self, code: Code, evidence: impl Into<String>) {
        let sentences = self.0.entry(code).or_default();
        let shown: String = evidence
            .into()
            .chars()
            .map(|character| {
                if character.is_control() {
                    ' '
                } else {
                    character
                }
            })
            .take(CHARACTERS)
            .collect();
        if sentences.len() < SENTENCES && !sentences.contains(&shown) {
            sentences.push(shown);
        }
    }

    /// Whether a code was found.
    pub fn has(&self, code: Code) -> bool {
        self.0.contains_key(&code)
    }

    /// The findings, in the order of the table.
    pub fn with_fixes(self, urls: &Urls) -> Vec<Finding> {
        let each = self.0.into_iter().map(|(code, evidence)| Finding {
            code,
            weight: code.weight(),
            sentence: code.sentence().to_owned(),
            evidence,
            fix: urls.fill(code.fix()),
        });
        each.collect()
    }
}

/// How long ago something was, as text: `12 s ago`.
pub fn ago(now_ms: u64, then_ms: u64) -> String {
    let seconds = now_ms.saturating_sub(then_ms) / 1_000;
    match seconds {
        0..120 => format!("{seconds} s ago"),
        120..7_200 => format!("{} min ago", seconds / 60),
        7_200..172_800 => format!("{} h ago", seconds / 3_600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_is_bounded_and_without_control_characters() {
        let mut findings = Findings::default();
        for nth in 0..100 {
            findings.add(
                Code::WrongPath,
                format!("{nth}\u{1b}[31m{}", "x".repeat(10_000)),
            );
        }
        findings.add(Code::WrongPath, "0 [31m");
        let [finding] = &findings.with_fixes(&Urls::default())[..] else {
            panic!("one finding");
        };
        assert_eq!(finding.evidence.len(), SENTENCES);
        assert!(finding.evidence.iter().all(|sentence| {
            sentence.chars().count() <= CHARACTERS && !sentence.contains('\u{1b}')
        }));
    }

    #[test]
    fn ages_are_shown_in_a_suitable_unit() {
        for (ms, words) in [
            (12_345, "12 s ago"),
            (180_000, "3 min ago"),
            (3 * 3_600_000, "3 h ago"),
            (3 * 86_400_000, "3 days ago"),
        ] {
            assert_eq!(ago(ms, 0), words);
        }
        assert_eq!(ago(0, 5), "0 s ago", "clocks differ");
    }
}
