//! Renders calls turn by turn for a flow's author. What callers say is masked, as in every log;
//! templates, questions and choices are the author's own text. Pure.

use std::collections::BTreeMap;

use super::event_format::short;
use super::events::Told;
use super::line::{Line, Subject, Tone};

/// Maximum number of calls kept, so that calls which were announced and never started are dropped.
const CALLS: usize = 2_000;

/// The calls that have been seen and have not ended.
#[derive(Debug, Default)]
pub struct Calls {
    calls: BTreeMap<String, Call>,
    count: u64,
}

#[derive(Debug, Clone, Default)]
struct Call {
    nth: u64,
    number: String,
}

impl Calls {
    /// The short name of a call followed by a space; empty for an unknown call.
    pub fn of(&self, id: &str) -> String {
        self.calls
            .get(id)
            .map_or_else(String::new, |call| format!("#{} ", call.nth))
    }

    /// The line for an event of a call. `None` if the event belongs to no call or is of no interest
    /// to an author.
    pub fn line(&mut self, told: &Told) -> Option<Line> {
        let id = told.fields.get("call")?;
        let (words, tone) = words(told)?;
        let call = self.call(id, told.field("number"));
        let line = Line::new(
            Subject::Call,
            &format!("#{} {}", call.nth, call.number),
            &words,
            tone,
        );
        if told.message == "call ended" {
            self.calls.remove(id);
        }
        Some(line.with_all(report(told.field("report"))))
    }

    fn call(&mut self, id: &str, number: &str) -> Call {
        if !self.calls.contains_key(id) {
            self.count += 1;
            self.calls.insert(
                id.to_owned(),
                Call {
                    nth: self.count,
                    number: String::new(),
                },
            );
        }
        if self.calls.len() > CALLS {
            // ids sort by time, so the first is the oldest
            self.calls.pop_first();
        }
        let call = self.calls.entry(id.to_owned()).or_default();
        if !number.is_empty() {
            call.number = number.to_owned();
        }
        call.clone()
    }
}

fn words(told: &Told) -> Option<(String, Tone)> {
    let field = |name: &str| told.field(name);
    Some(match told.message.as_str() {
        "call started" if field("flow").is_empty() => {
            ("started, and no flow takes it".to_owned(), Tone::Bad)
        }
        "call started" => (
            format!("started on {} {}", field("flow"), short(field("version"))),
            Tone::Good,
        ),
        "step" => (step(told)?, Tone::Faint),
        "prompt began" => (
            format!("bot: {} {}", field("template"), field("text")),
            Tone::Plain,
        ),
        "prompt ended" if field("heard") == "Whole" => return None,
        "prompt ended" if field("heard") == "Unheard" => (
            format!("bot: {} was not heard", field("template")),
            Tone::Faint,
        ),
        "prompt ended" => (
            format!(
                "bot: {} was cut off after {} ms",
                field("template"),
                field("heard_ms")
            ),
            Tone::Faint,
        ),
        "barge-in" => ("caller: interrupts".to_owned(), Tone::Plain),
        "caller said" => (
            format!(
                "caller: {} in {}, confidence {}",
                field("text"),
                field("language"),
                rounded(field("confidence"))
            ),
            Tone::Plain,
        ),
        "caller pressed keys" => (format!("caller: keys {}", field("keys")), Tone::Plain),
        "question answered" => (
            format!("answer: {} = {}", field("question"), field("reply")),
            Tone::Plain,
        ),
        "established" => (
            format!("established: {}", field("established")),
            Tone::Plain,
        ),
        "problem in a call" => (
            format!("{}: {}", field("problem"), field("detail")),
            Tone::Odd,
        ),
        "a flow failed" => ("the flow failed:".to_owned(), Tone::Bad),
        "call moved to another version" => (
            format!(
                "goes on with version {} from entry {}",
                short(field("to")),
                field("entry")
            ),
            Tone::Good,
        ),
        "call stays on its version: the other one cannot take it over" => (
            format!(
                "stays on version {}, since {} cannot take it over: {}",
                short(field("from")),
                short(field("to")),
                field("reason")
            ),
            Tone::Odd,
        ),
        "call ended" => {
            let seconds = field("lasted_ms").parse::<u64>().unwrap_or(0) / 1_000;
            (
                format!("ended: {} after {seconds} s", field("outcome")),
                Tone::Good,
            )
        }
        _ => return None,
    })
}

/// The steps that no other event shows.
fn step(told: &Told) -> Option<String> {
    Some(match told.field("step") {
        "Triggered" => "announced, waits for Exotel".to_owned(),
        "PassthruReceived" => match told.field("customer_found") {
            "true" => "Exotel asks, the customer is known".to_owned(),
            _ => "Exotel asks, the customer is not known".to_owned(),
        },
        "EmiDelivered" => "step: the instalment was heard".to_owned(),
        "TransferAsked" => "step: the transfer was asked about".to_owned(),
        _ => return None,
    })
}

fn rounded(confidence: &str) -> String {
    confidence.parse::<f32>().map_or_else(
        |_| confidence.to_owned(),
        |confidence| format!("{confidence:.2}"),
    )
}

/// The lines of a failure's report, which arrives as one indented block.
fn report(block: &str) -> impl Iterator<Item = String> {
    block
        .lines()
        .filter(|line| !line.is_empty())
        .map(|line| line.strip_prefix("  ").unwrap_or(line).to_owned())
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    fn shown(
        calls: &mut Calls,
        call: &str,
        message: &str,
        fields: &[(&'static str, &str)],
    ) -> String {
        let mut fields: BTreeMap<_, _> = fields
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect();
        fields.insert("call", call.to_owned());
        let told = Told {
            level: Level::INFO,
            target: "ghanti_session::run".to_owned(),
            message: message.to_owned(),
            fields,
        };
        calls
            .line(&told)
            .map_or_else(String::new, |line| line.render("14:02:20", false))
    }

    #[test]
    fn a_call_is_followed_turn_by_turn_by_its_number_in_the_session() {
        let mut calls = Calls::default();
        let started = [
            ("number", "xxxxxx3210"),
            ("flow", "emi"),
            ("version", "3fa2b4c6d8"),
        ];
        let mut told = String::new();
        let mut tell = |call: &str, message: &str, fields: &[(&'static str, &str)]| {
            told.push_str(&shown(&mut calls, call, message, fields))
        };
        tell("c1", "call started", &started);
        tell(
            "c2",
            "step",
            &[("number", "xxxxxx0000"), ("step", "Triggered")],
        );
        tell(
            "c1",
            "prompt began",
            &[
                ("template", "greeting"),
                ("text", "‹54 characters›"),
                ("language", "en-IN"),
            ],
        );
        tell("c1", "barge-in", &[("at_ms", "900")]);
        tell(
            "c1",
            "prompt ended",
            &[
                ("template", "greeting"),
                ("heard", "Partial"),
                ("heard_ms", "880"),
            ],
        );
        tell(
            "c1",
            "caller said",
            &[
                ("text", "‹3 characters›"),
                ("language", "en-IN"),
                ("confidence", "0.912345"),
            ],
        );
        tell(
            "c1",
            "question answered",
            &[("question", "identity"), ("reply", "yes")],
        );
        tell(
            "c1",
            "prompt ended",
            &[
                ("template", "emi-details"),
                ("heard", "Whole"),
                ("heard_ms", "880"),
            ],
        );
        tell(
            "c1",
            "call ended",
            &[("outcome", "transfer-decided"), ("lasted_ms", "41320")],
        );
        assert_eq!(
            told,
            "14:02:20 call   #1 xxxxxx3210    started on emi 3fa2b4c6\n\
             14:02:20 call   #2 xxxxxx0000    announced, waits for Exotel\n\
             14:02:20 call   #1 xxxxxx3210    bot: greeting ‹54 characters›\n\
             14:02:20 call   #1 xxxxxx3210    caller: interrupts\n\
             14:02:20 call   #1 xxxxxx3210    bot: greeting was cut off after 880 ms\n\
             14:02:20 call   #1 xxxxxx3210    caller: ‹3 characters› in en-IN, confidence 0.91\n\
             14:02:20 call   #1 xxxxxx3210    answer: identity = yes\n\
             14:02:20 call   #1 xxxxxx3210    ended: transfer-decided after 41 s\n"
        );
    }

    #[test]
    fn the_report_of_a_failure_stands_below_it_line_by_line() {
        let mut calls = Calls::default();
        let block = "\n  flow emi, version ab\n  stack, the innermost first:\n    emi::main\n";
        let told = shown(&mut calls, "c1", "a flow failed", &[("report", block)]);
        assert_eq!(
            told,
            "14:02:20 call   #1               the flow failed:\n         flow emi, version ab\n         stack, the innermost first:\n           emi::main\n"
        );
    }

    #[test]
    fn a_version_that_takes_a_call_over_or_cannot_is_told() {
        let mut calls = Calls::default();
        let versions = [
            ("flow", "emi"),
            ("from", "aaaaaaaaaa"),
            ("to", "bbbbbbbbbb"),
            ("entry", "7"),
            ("reason", "entry 3 (amounts)"),
        ];
        let moved = shown(&mut calls, "c1", "call moved to another version", &versions);
        assert!(
            moved.ends_with("goes on with version bbbbbbbb from entry 7\n"),
            "{moved}"
        );
        let stayed = shown(
            &mut calls,
            "c1",
            "call stays on its version: the other one cannot take it over",
            &versions,
        );
        assert!(
            stayed.ends_with(
                "stays on version aaaaaaaa, since bbbbbbbb cannot take it over: entry 3 (amounts)\n"
            ),
            "{stayed}"
        );
    }

    #[test]
    fn calls_that_never_come_are_forgotten() {
        let mut calls = Calls::default();
        for nth in 0..2 * CALLS {
            shown(
                &mut calls,
                &format!("{nth:08}"),
                "step",
                &[("step", "Triggered")],
            );
        }
        assert_eq!(calls.calls.len(), CALLS);
        assert!(
            calls
                .calls
                .keys()
                .next()
                .is_some_and(|first| *first == format!("{CALLS:08}"))
        );
    }
}
