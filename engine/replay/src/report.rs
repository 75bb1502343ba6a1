//! The result of replaying one call, in readable form.

use std::collections::BTreeSet;
use std::fmt;

use ghanti_journal::redact::function_name as name;
use ghanti_model::{CallRecord, Content, DifferenceKind, FlowName, Outcome, Reply, VersionId};

use crate::calls::Recorded;
use crate::comparison::Comparison;
use crate::turn::{TranscriptTurn, What, turns};
use crate::verdict::DifferenceText;
use crate::words::Words;

/// Outcomes of calls that were cut short from outside: the record does not show what the flow would
/// have done next. The same is true of a call whose flow failed.
const CUT: [Outcome; 7] = [
    Outcome::ConnectionLost,
    Outcome::EndedByOperator,
    Outcome::EngineFailed,
    Outcome::EngineStopped,
    Outcome::HungUp,
    Outcome::TooLong,
    Outcome::Voicemail,
];
/// The outcome of a call whose flow failed, and the name of its problem.
const FAILED: Outcome = Outcome::FlowFailed;

/// One replayed call.
#[derive(Debug, Clone)]
pub struct Replayed {
    /// The call's id.
    pub call: String,
    /// Its flow.
    pub flow: FlowName,
    /// The version that the call was recorded on.
    pub recorded: VersionId,
    /// The version it was replayed against.
    pub against: VersionId,
    /// Whether the record has a transcript to compare prompts with.
    pub has_words: bool,
    /// What would be said and decided, one line each.
    pub conversation: Vec<String>,
    /// The differences, most severe first.
    pub differences: Vec<DifferenceText>,
    tolerated: BTreeSet<DifferenceKind>,
}

impl Replayed {
    pub(crate) fn new(
        recorded: &Recorded,
        comparison: Comparison,
        words: &Words<'_>,
        tolerated: &BTreeSet<DifferenceKind>,
    ) -> Self {
        let header = &recorded.journal.header;
        let record = recorded.record.as_ref();
        let is_own = header.version == words.version.id;
        let entries = &recorded.journal.entries;
        let until_seq = if comparison.is_whole() {
            u32::MAX
        } else {
            comparison
                .differences
                .last()
                .map_or(u32::MAX, |last| last.seq)
        };
        let outcome = record.and_then(CallRecord::own_outcome);
        let had_failed = match record {
            Some(record) => {
                outcome == Some(FAILED)
                    || (record.problems.iter()).any(|problem| problem.name == FAILED.as_str())
            }
            // a journal does not say how its run ended, but the same version fails in the same way
            None => is_own,
        };
        let mut found = comparison.differences.as_slice();
        let mut ends = (!comparison.is_whole()).then(|| found.len().saturating_sub(1));
        // the flow went on where the record was cut short: not a difference
        if let [before @ .., last] = found
            && last.expected.is_none()
            && (outcome.is_some_and(|outcome| CUT.contains(&outcome))
                || (record.is_some() && had_failed))
        {
            (found, ends) = (before, None);
        }
        let mut differences: Vec<DifferenceText> = found
            .iter()
            .map(|difference| DifferenceText::of(difference, words, entries))
            .collect();
        // only a difference before the record's end hides entries
        if let Some(reported) = ends.and_then(|last| differences.get_mut(last)) {
            reported.breaks_off |= found.last().is_some_and(|last| last.expected.is_some());
        }
        if !had_failed {
            differences.extend(DifferenceText::of_failure(
                &comparison.end,
                entries.last().map_or(1, |last| last.seq),
            ));
        }
        differences.extend(words.changed(recorded, until_seq));
        differences.sort_by_key(|reported| (reported.kind, reported.seq));
        Self {
            call: header.call_id.to_string(),
            flow: header.flow.clone(),
            recorded: header.version.clone(),
            against: words.version.id.clone(),
            has_words: record.is_some_and(|record| !record.transcript.is_empty()),
            conversation: turns(&comparison.entries)
                .iter()
                .map(|turn| line(turn, words))
                .collect(),
            differences,
            tolerated: tolerated.clone(),
        }
    }

    /// Whether all differences are of tolerated kinds.
    pub fn is_same(&self) -> bool {
        self.differences
            .iter()
            .all(|reported| self.tolerated.contains(&reported.kind))
    }
}

/// A turn in one line.
pub(crate) fn line(turn: &TranscriptTurn, words: &Words<'_>) -> String {
    let seconds = format!("{:>5}.{}", turn.at_ms / 1_000, turn.at_ms % 1_000 / 100);
    match &turn.what {
        What::Said { content, language } => {
            let language_shown = language.as_ref().unwrap_or(words.language());
            let template = match content {
                Content::Template(template) => format!("{} ", template.name),
                Content::Text(_) | Content::Audio(_) => String::new(),
            };
            format!(
                "{seconds}  bot      {}  [{template}{language_shown}]",
                words.of(content, language.as_ref())
            )
        }
        What::Answered { question, answer } => {
            let reply = match &answer.reply {
                Reply::Choice(id) => id.clone(),
                Reply::Text(text) => text.expose().to_owned(),
                Reply::Keys(keys) => format!("keys {}", keys.expose()),
                Reply::Value(value) => value.to_string(),
                Reply::NoInput => "nothing".to_owned(),
                Reply::NoMatch => "nothing understood".to_owned(),
            };
            let heard = answer
                .transcript
                .as_ref()
                .map(|heard| format!(" (“{}”)", heard.expose()))
                .unwrap_or_default();
            format!("{seconds}  caller   {reply}{heard}  [{question}]")
        }
        What::Decided { function, words } => {
            format!("{seconds}  decides  {} {}", name(*function), words.expose())
        }
        What::Refused { function, reason } => {
            format!("{seconds}  refused  {}: {reason}", name(*function))
        }
        What::Ended => format!("{seconds}  ended    the call had ended"),
    }
}

impl fmt::Display for Replayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |version: &VersionId| version.as_str().chars().take(12).collect::<String>();
        let (recorded, against) = (short(&self.recorded), short(&self.against));
        write!(
            f,
            "call {} of flow {}, recorded on {recorded}, against ",
            self.call, self.flow
        )?;
        if self.recorded == self.against {
            writeln!(f, "the same version")?
        } else {
            writeln!(f, "{against}")?
        }
        writeln!(f)?;
        self.conversation
            .iter()
            .try_for_each(|line| writeln!(f, "{line}"))?;
        writeln!(f)?;
        if !self.has_words && self.recorded != self.against {
            writeln!(
                f,
                "there is no transcript with this journal: whether the prompt files changed was not looked at"
            )?;
        }
        let Some(first) = self.differences.iter().map(|reported| reported.seq).min() else {
            return writeln!(f, "no difference");
        };
        match self.differences.len() {
            1 => writeln!(f, "1 difference, at entry {first}")?,
            several => writeln!(f, "{several} differences, the first at entry {first}")?,
        }
        for reported in &self.differences {
            let borne = if self.tolerated.contains(&reported.kind) {
                ", tolerated"
            } else {
                ""
            };
            writeln!(
                f,
                "\n{} at entry {}: {}{borne}",
                reported.kind, reported.seq, reported.subject
            )?;
            writeln!(f, "  recorded  {}", reported.expected)?;
            writeln!(f, "  now       {}", reported.got)?;
            if let Some(at) = &reported.at {
                writeln!(f, "  at        {at}")?;
            }
        }
        Ok(())
    }
}
