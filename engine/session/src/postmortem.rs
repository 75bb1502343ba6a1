//! The report on a flow that failed: put together from the call's journal and trace, kept in the
//! call's record, and written to the log.
//!
//! The record may contain a customer's words, so the report has the flow's log lines there in full. In
//! the engine's log, the flow's log lines and the messages of exceptions are masked, unless the
//! engine may show what flows log.

use std::fmt;

use ghanti_host::RunEnd;
use ghanti_journal::SharedJournal;
use ghanti_journal::redact::{error_kind, redacted};
use ghanti_model::{FailureReport, FlowName, Function, JournalEntry, Masked, Prompt, VersionId};

use crate::ending::describe;

/// How many host calls the report lists: the last ones.
const ENTRIES: usize = 10;

/// Puts the report together. `shows_log`: whether the log may show in full what the flow logged.
pub fn report(
    journal: &SharedJournal,
    flow: FlowName,
    version: VersionId,
    run: &RunEnd,
    shows_log: bool,
) -> FailureReport {
    let (recorded, trace) = (journal.snapshot(), journal.trace());
    let entries = &recorded.entries;
    let is_question =
        |entry: &&JournalEntry| matches!(entry.function, Function::Ask | Function::Collect);
    let last = entries.iter().skip(entries.len().saturating_sub(ENTRIES));
    FailureReport {
        flow,
        version,
        call_id: recorded.header.call_id,
        reason: describe(run),
        returned: match run {
            RunEnd::Failed(error) => Some(error_kind(error)),
            _ => None,
        },
        shows_log,
        turn: u32::try_from(entries.iter().filter(is_question).count()).unwrap_or(u32::MAX),
        after: entries.iter().rev().find_map(spoken),
        log: trace.log(),
        traceback: trace.traceback,
        stack: trace.stack,
        entries: last
            .map(|entry| format!("{} {}", entry.seq, redacted(entry)))
            .collect(),
    }
}

/// Returns the name of the question asked or the template said by this entry.
fn spoken(entry: &JournalEntry) -> Option<String> {
    let name = match entry.function {
        Function::Ask | Function::Collect => entry.arguments.get("name")?.as_str()?.to_owned(),
        Function::Say => serde_json::from_value::<Prompt>(entry.arguments.clone())
            .ok()?
            .template()
            .to_owned(),
        _ => return None,
    };
    Some(name).filter(|name| !name.is_empty())
}

/// A report as a block of lines for the log.
pub struct FailureLines<'a>(pub &'a FailureReport);

impl FailureLines<'_> {
    /// Why the flow failed. The message of an error that the flow returned may quote the customer,
    /// so it is only in the record.
    pub fn reason(&self) -> String {
        match &self.0.returned {
            Some(kind) if !self.0.shows_log => {
                format!("the flow returned an error: {kind}; its sentence is in the call's record")
            }
            _ => self.0.reason.clone(),
        }
    }

    fn shown(&self, text: &Masked) -> String {
        if self.0.shows_log {
            one_line(text.expose())
        } else {
            text.to_string()
        }
    }

    /// Formats a line of a traceback. Places in the script are shown; the message of an exception
    /// may contain the customer's data and is masked.
    fn traced(&self, line: &Masked) -> String {
        let text = line.expose();
        let is_place = text.starts_with(char::is_whitespace) || text.starts_with("Traceback");
        let kind = text.split_once(": ").map(|(kind, _)| kind).filter(|kind| {
            kind.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
        });
        match kind {
            _ if is_place || self.0.shows_log => one_line(text),
            Some(kind) => format!("{kind}: {line}"),
            None => line.to_string(),
        }
    }
}

impl fmt::Display for FailureLines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FailureReport {
            flow,
            version,
            call_id,
            turn,
            after,
            traceback,
            stack,
            entries,
            log,
            ..
        } = self.0;
        let reason = self.reason();
        // the block starts on a line of its own, after the event's fields
        writeln!(f, "\n  flow {flow}, version {version}")?;
        writeln!(
            f,
            "  call {call_id}, turn {turn}, after {}",
            after.as_deref().unwrap_or("nothing was said")
        )?;
        writeln!(f, "  {reason}")?;
        let mut part = |title: &str, lines: Vec<String>| {
            if lines.is_empty() {
                return Ok(());
            }
            writeln!(f, "  {title}:")?;
            lines.iter().try_for_each(|line| writeln!(f, "    {line}"))
        };
        part(
            "traceback",
            traceback.iter().map(|line| self.traced(line)).collect(),
        )?;
        part(
            "stack, the innermost first",
            stack.iter().map(|frame| one_line(frame)).collect(),
        )?;
        part("last host calls", entries.clone())?;
        part(
            "last log lines",
            log.iter()
                .map(|line| format!("{} {}", line.level, self.shown(&line.message)))
                .collect(),
        )
    }
}

/// Replaces control characters, so that a flow cannot forge lines of the log.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|sign| if sign.is_control() { ' ' } else { sign })
        .collect()
}

#[cfg(test)]
mod tests {
    use ghanti_model::{CallId, LogLine};

    use super::*;

    fn failed(shows_log: bool) -> FailureReport {
        let line = |message: &str| LogLine {
            level: "info".to_owned(),
            message: message.into(),
        };
        let traceback = [
            "Traceback (most recent call last):",
            "  File \"flow.py\", line 9, in run",
            "ValueError: Ravi Kumar",
            "and more of Ravi",
        ];
        FailureReport {
            flow: FlowName::parse("emi").unwrap(),
            version: VersionId::parse("ab12").unwrap(),
            call_id: CallId::parse("0190a1b2-0000-7000-8000-000000000001").unwrap(),
            reason: "the flow trapped: unreachable".to_owned(),
            returned: None,
            shows_log,
            turn: 2,
            after: Some("transfer".to_owned()),
            traceback: traceback.map(Masked::from).to_vec(),
            stack: vec!["acts::fail".to_owned()],
            entries: vec!["3 say emi-details (amount)".to_owned()],
            log: vec![line("it is Ravi\n2026 ERROR forged")],
        }
    }

    #[test]
    fn the_sentence_of_an_error_is_the_records_and_not_the_logs() {
        let reason = |shows_log| {
            let report = FailureReport {
                reason: "the flow returned an error: Ravi Kumar has no loan".to_owned(),
                returned: Some("invalid".to_owned()),
                ..failed(shows_log)
            };
            FailureLines(&report).reason()
        };
        assert!(reason(true).contains("Ravi"));
        assert_eq!(
            reason(false),
            "the flow returned an error: invalid; its sentence is in the call's record"
        );
    }

    #[test]
    fn the_log_shows_where_it_was_and_not_who_was_called() {
        let reported = FailureLines(&failed(false)).to_string();
        for words in [
            "flow emi, version ab12",
            "turn 2, after transfer",
            "    File \"flow.py\", line 9, in run",
            "ValueError: ‹22 characters›",
            "acts::fail",
            "3 say emi-details (amount)",
            "info ‹28 characters›",
        ] {
            assert!(reported.contains(words), "`{words}` is not in {reported}");
        }
        assert!(!reported.contains("Ravi"), "{reported}");
    }

    #[test]
    fn an_author_may_see_it_all_and_no_line_of_the_flow_looks_like_the_engines() {
        let reported = FailureLines(&failed(true)).to_string();
        assert!(
            reported.contains("info it is Ravi 2026 ERROR forged")
                && reported.contains("ValueError: Ravi Kumar"),
            "{reported}"
        );
    }
}
