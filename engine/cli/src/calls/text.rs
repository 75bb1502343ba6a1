//! A call's record as text. `transcript.txt` of an export is this text, so it depends only on the
//! record: times are in UTC.

use std::fmt::Write as _;

use ghanti_model::{
    CallRecord, Decision, Direction, Extent, Line, Recording, RecordingState, Speaker,
};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A time as RFC 3339, in UTC and without fractions of a second.
pub fn time(unix_ms: u64) -> String {
    let seconds = i64::try_from(unix_ms / 1_000).ok();
    let at = seconds.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    at.and_then(|at| at.format(&Rfc3339).ok())
        .unwrap_or_default()
}

/// A text from outside without control characters, which a terminal would interpret.
pub fn shown(text: &str) -> String {
    let is_harmless = |character: &char| !character.is_control();
    text.chars().filter(is_harmless).collect()
}

/// The whole text, with unmasked numbers and transcript.
pub(super) fn text(record: &CallRecord) -> String {
    let mut text = String::new();
    // writing to a string cannot fail
    let _ = facts(record, &mut text);
    let _ = conversation(record, &mut text);
    text
}

fn facts(record: &CallRecord, out: &mut String) -> std::fmt::Result {
    let mut fact = |name: &str, value: Option<String>| match value {
        Some(value) => writeln!(out, "{name:<12} {}", shown(&value)),
        None => Ok(()),
    };
    fact("call", Some(record.call_id.to_string()))?;
    fact("order", record.order.map(|order| order.to_string()))?;
    fact("CallSid", record.call_sid.as_ref().map(ToString::to_string))?;
    let direction = record.direction.map(|direction| match direction {
        Direction::Inbound => "the customer called",
        Direction::Outbound => "the customer was called",
    });
    fact("direction", direction.map(str::to_owned))?;
    let number = |number: &Option<ghanti_model::PhoneNumber>| {
        number.as_ref().map(|number| number.expose().to_owned())
    };
    fact("customer", number(&record.customer_number))?;
    fact("line", number(&record.line_number))?;
    fact("flow", record.flow.as_ref().map(ToString::to_string))?;
    fact("version", record.version.as_ref().map(ToString::to_string))?;
    fact(
        "language",
        record.language.as_ref().map(ToString::to_string),
    )?;
    fact("created", Some(time(record.created_ms)))?;
    fact("started", record.started_ms.map(time))?;
    fact("ended", record.ended_ms.map(time))?;
    fact("outcome", record.outcome.clone())?;
    fact("disposition", record.disposition.clone())?;
    fact("detail", record.detail.clone())?;
    let established = (!record.established.is_empty()).then(|| record.established.join(", "));
    fact("established", established)?;
    if let Some(Decision::Transfer { target, .. }) = &record.decision {
        fact("transfer to", Some(target.clone()))?;
    }
    for (name, value) in &record.notes {
        fact("note", Some(format!("{name}: {}", value.expose())))?;
    }
    fact("call again at", record.call_again_ms.map(time))?;
    for recording in &record.recordings {
        fact("recording", Some(recorded(recording)))?;
    }
    for (name, value) in &record.exotel {
        fact("Exotel", Some(format!("{name}: {value}")))?;
    }
    Ok(())
}

/// A recording in one line.
fn recorded(recording: &Recording) -> String {
    let state = match recording.state {
        RecordingState::Begun => "begun",
        RecordingState::Complete => "complete",
        RecordingState::Cut => "ends before its stream",
        RecordingState::Mended => "ends where its engine died",
        RecordingState::Missing => "missing",
        RecordingState::Deleted => "deleted",
    };
    let mut text = format!("{} ({state})", recording.file);
    if let Some(digest) = &recording.sha256 {
        let seconds = seconds_of(recording.length_ms);
        // writing to a string cannot fail
        let _ = write!(text, ", {seconds:.1} s, SHA-256 {digest}");
    }
    text
}

fn conversation(record: &CallRecord, out: &mut String) -> std::fmt::Result {
    if !record.steps.is_empty() {
        writeln!(out, "\nmilestones")?;
    }
    for entry in &record.steps {
        writeln!(out, "  {}  {}", time(entry.unix_ms), entry.step.name())?;
    }
    if !record.transcript.is_empty() {
        writeln!(out, "\ntranscript")?;
    }
    for line in &record.transcript {
        writeln!(out, "  {}", spoken(line))?;
    }
    if !record.problems.is_empty() {
        writeln!(out, "\nproblems")?;
    }
    for problem in &record.problems {
        let (at, name) = (time(problem.unix_ms), &problem.name);
        writeln!(out, "  {at}  {}: {}", shown(name), shown(&problem.detail))?;
    }
    Ok(())
}

/// A line of the transcript: time, speaker, how much was heard, and the words.
fn spoken(line: &Line) -> String {
    let tenths = line.at_ms / 100;
    let (minutes, seconds, tenths) = (tenths / 600, tenths / 10 % 60, tenths % 10);
    let who = match line.speaker {
        Speaker::Bot => "bot",
        Speaker::Caller => "caller",
        Speaker::Keys => "keys",
    };
    let heard = line.heard.map(|heard| match heard {
        Extent::Whole => "heard to its end".to_owned(),
        Extent::Assumed => "sent to its end, no mark came back".to_owned(),
        Extent::Partial => format!("heard for {:.1} s", seconds_of(line.lasted_ms)),
        Extent::Unheard => "not heard".to_owned(),
    });
    let confidence = line.confidence.map(|sure| format!("confidence {sure:.2}"));
    let name = (!line.name.is_empty()).then(|| shown(&line.name));
    let about: Vec<_> = [name, heard, confidence].into_iter().flatten().collect();
    let words = if line.text.is_empty() {
        "(erased)".to_owned()
    } else {
        shown(line.text.expose())
    };
    format!(
        "{minutes:02}:{seconds:02}.{tenths}  {who:<6} [{}]  {words}",
        about.join(", ")
    )
}

#[expect(clippy::cast_precision_loss, reason = "a call has less than 2^52 ms")]
fn seconds_of(ms: u64) -> f64 {
    ms as f64 / 1_000.0
}
