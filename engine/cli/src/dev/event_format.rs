//! Renders what happens in the engine as lines for a flow's author. Pure.
//!
//! Calls are shown from their events. Changes of flows' versions are recognised by the messages of
//! the log, which `tests/tests/all/dev.rs` checks. Other log events are shown unchanged if they are
//! warnings or errors, or were requested.

use std::collections::BTreeMap;
use std::time::Instant;

use ghanti_model::{CallEvent, FlowName};
use ghanti_session::log_lines::{CALL, STEP};
use tracing::Level;
use tracing_subscriber::filter::Targets;

use super::calls::Calls;
use super::events::LogEvent;
use super::line::{Line, Subject, Tone};

/// Number of characters of a version that are shown, as for commits.
const VERSION: usize = 8;

/// The state from earlier events that is needed to render an event.
#[derive(Debug, Default)]
pub struct EventFormat {
    /// Events to show even if they are neither recognised nor warnings.
    wanted: Targets,
    active: BTreeMap<String, String>,
    /// When the sources changed from which the next version is being built.
    changed: BTreeMap<String, Instant>,
    calls: Calls,
}

impl EventFormat {
    /// Creates a formatter. `wanted` selects unrecognised events to show in addition to warnings.
    pub fn new(wanted: Targets) -> Self {
        Self {
            wanted,
            ..Self::default()
        }
    }

    /// Records that a flow's sources changed and a version is being built from them.
    pub fn changed(&mut self, flow: &FlowName, at: Instant) {
        self.changed.insert(flow.to_string(), at);
    }

    /// Records that the change leads to no new version.
    pub fn unchanged(&mut self, flow: &FlowName) {
        self.changed.remove(flow.as_str());
    }

    /// The version of a flow that takes calls, shortened.
    pub fn active(&self, flow: &FlowName) -> Option<&str> {
        self.active.get(flow.as_str()).map(String::as_str)
    }

    /// The number of flows that take calls.
    pub fn flows(&self) -> usize {
        self.active.len()
    }

    /// The lines for an event of a call.
    pub fn call_lines(&mut self, event: &CallEvent) -> Vec<Line> {
        self.calls.lines(event)
    }

    /// The line for a log event, if it is shown.
    pub fn line(&mut self, event: &LogEvent, now: Instant) -> Option<Line> {
        if event.target == "flow" && event.message == "flow log" {
            return Some(self.log(event));
        }
        if event.fields.contains_key("flow")
            && let Some(line) = self.version(event, now)
        {
            return Some(line);
        }
        // written because of events of calls, which are shown anyway
        if [CALL, STEP].contains(&event.target.as_str()) {
            return None;
        }
        // while a flow is being written, sample values are expected
        if event.message.starts_with("the flow runs on sample values") {
            return None;
        }
        let is_wanted =
            event.level <= Level::WARN || self.wanted.would_enable(&event.target, &event.level);
        is_wanted.then(|| anything(event))
    }

    fn log(&self, event: &LogEvent) -> Line {
        let tone = match event.level {
            Level::ERROR => Tone::Bad,
            Level::WARN => Tone::Odd,
            Level::DEBUG | Level::TRACE => Tone::Faint,
            Level::INFO => Tone::Plain,
        };
        let level = event.level.as_str().to_lowercase();
        let words = format!(
            "{}{level}: {}",
            self.calls.of(event.field("call")),
            event.field("text")
        );
        Line::new(Subject::Log, event.field("name"), &words, tone)
    }

    fn version(&mut self, event: &LogEvent, now: Instant) -> Option<Line> {
        let (flow, version) = (
            event.field("flow").to_owned(),
            short(event.field("version")).to_owned(),
        );
        let line = |words: String, tone| Line::new(Subject::Flow, &flow, &words, tone);
        let reason = event.field("reason");
        Some(match event.message.as_str() {
            "flow version takes calls" => {
                let since = self
                    .changed
                    .remove(&flow)
                    .map(|changed| now.duration_since(changed).as_secs_f64());
                let since = since.map_or_else(String::new, |since| {
                    format!(", {since:.1} s after the change")
                });
                if event.field("stage") != "active" {
                    return Some(line(
                        format!(
                            "version {version} is a {}: it takes a share of the calls{since}",
                            event.field("stage")
                        ),
                        Tone::Good,
                    ));
                }
                let was = self
                    .active
                    .insert(flow.clone(), version.clone())
                    .filter(|was| *was != version);
                let was = was.map_or_else(String::new, |was| format!(" (was {was})"));
                line(
                    format!("version {version} is active{was}{since}"),
                    Tone::Good,
                )
            }
            "flow rejected" => {
                self.changed.remove(&flow);
                let place = match event.field("line") {
                    "" => event.field("step").to_owned(),
                    number => format!("{}, line {number}", event.field("step")),
                };
                let kept = match self.active.get(&flow) {
                    Some(active) => format!("version {active} stays"),
                    None => "no version of it takes calls".to_owned(),
                };
                line(format!("rejected ({place}): {reason}"), Tone::Bad)
                    .with(format!("hint: {}", event.field("hint")))
                    .with(kept)
            }
            "flow takes no further calls: its files are gone" => {
                self.active.remove(&flow);
                line(
                    "takes no further calls: its files are gone".to_owned(),
                    Tone::Odd,
                )
            }
            "flow goes on with the version that took calls last: the files in the folder were rejected" =>
            {
                self.active.insert(flow.clone(), version.clone());
                line(
                    format!("version {version}, which took calls last, goes on"),
                    Tone::Odd,
                )
            }
            "flow version was promoted" => {
                self.active.insert(flow.clone(), version.clone());
                line(
                    format!("version {version} was promoted and is active"),
                    Tone::Good,
                )
            }
            "flow was rolled back" | "flow was rolled back by itself: fix it" => {
                self.active.insert(flow.clone(), version.clone());
                line(
                    format!("version {version} is active again: {reason}"),
                    Tone::Odd,
                )
            }
            _ => return None,
        })
    }
}

/// Renders an event as it is.
fn anything(event: &LogEvent) -> Line {
    let tone = match event.level {
        Level::ERROR => Tone::Bad,
        Level::WARN => Tone::Odd,
        _ => Tone::Faint,
    };
    let mut words = format!("{}: {}", event.level.as_str().to_lowercase(), event.message);
    let mut more = Vec::new();
    for (name, value) in &event.fields {
        // long and multi-line values go below the line
        if value.contains('\n') || value.len() > 120 {
            more.push(format!("{name}: {value}"))
        } else {
            words.push_str(&format!(" {name}={value}"))
        }
    }
    more.iter().fold(
        Line::new(Subject::Engine, "", &words, tone),
        |line, more| line.with(more),
    )
}

/// Shortens a version for display.
pub fn short(version: &str) -> &str {
    version.get(..VERSION).unwrap_or(version)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ghanti_model::event::Requested;
    use ghanti_model::{CallId, EventId, EventKind, NodeId, PhoneNumber};

    use super::*;

    fn event(level: Level, message: &str, fields: &[(&'static str, &str)]) -> LogEvent {
        let fields = fields
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect();
        LogEvent {
            level,
            target: "ghanti_catalogue::catalogue".to_owned(),
            message: message.to_owned(),
            fields,
        }
    }

    fn shown(event_format: &mut EventFormat, event: &LogEvent, now: Instant) -> String {
        event_format
            .line(event, now)
            .map_or_else(String::new, |line| line.render("14:02:11", false))
    }

    fn active(version: &str) -> LogEvent {
        event(
            Level::INFO,
            "flow version takes calls",
            &[("flow", "emi"), ("version", version), ("stage", "active")],
        )
    }

    #[test]
    fn a_version_is_shown_with_the_previous_one_and_the_time_since_the_change() {
        let (mut event_format, now) = (EventFormat::default(), Instant::now());
        let name = FlowName::parse("emi").unwrap();
        assert!(
            shown(&mut event_format, &active("3fa2b4c6d8"), now)
                .ends_with("version 3fa2b4c6 is active\n")
        );
        event_format.changed(&name, now);
        let line = shown(
            &mut event_format,
            &active("91bc3456ff"),
            now + Duration::from_millis(3_240),
        );
        assert!(
            line.ends_with("version 91bc3456 is active (was 3fa2b4c6), 3.2 s after the change\n"),
            "{line}"
        );
        assert_eq!(event_format.active(&name), Some("91bc3456"));
    }

    #[test]
    fn a_rejection_is_shown_with_step_line_reason_hint_and_the_active_version() {
        let (mut event_format, now) = (EventFormat::default(), Instant::now());
        shown(&mut event_format, &active("3fa2b4c6d8"), now);
        let rejection = [
            ("flow", "emi"),
            ("step", "manifest"),
            ("line", "2"),
            ("reason", "unknown key `titel`\nand another"),
            ("hint", "fix it"),
        ];
        let line = shown(
            &mut event_format,
            &event(Level::WARN, "flow rejected", &rejection),
            now,
        );
        let expected = "14:02:11 flow   emi              rejected (manifest, line 2): unknown key `titel`\n         and another\n         \
                        hint: fix it\n         version 3fa2b4c6 stays\n";
        assert_eq!(line, expected);
    }

    #[test]
    fn a_flows_log_is_shown_with_its_call_and_level() {
        let (mut event_format, call_id) = (EventFormat::default(), CallId::generate());
        event_format.call_lines(&CallEvent {
            id: EventId::generate(),
            call_id,
            node: NodeId::NONE,
            unix_ms: 1,
            kind: EventKind::Requested(Requested {
                customer_number: Some(PhoneNumber::parse("+919876543210").unwrap()),
                flow: None,
                dials: false,
                traced_from: None,
            }),
        });
        let log = |call: &str| LogEvent {
            target: "flow".to_owned(),
            ..event(
                Level::WARN,
                "flow log",
                &[("call", call), ("name", "emi"), ("text", "no amount")],
            )
        };
        for (call, shows) in [(call_id.to_string().as_str(), "#1 "), ("", "")] {
            assert_eq!(
                shown(&mut event_format, &log(call), Instant::now()),
                format!("14:02:11 log    emi              {shows}warn: no amount\n")
            );
        }
    }

    #[test]
    fn an_event_is_not_shown_again_as_a_log_line() {
        let mut event_format = EventFormat::default();
        let problem = LogEvent {
            target: CALL.to_owned(),
            ..event(Level::WARN, "problem in a call", &[("problem", "no-media")])
        };
        assert_eq!(shown(&mut event_format, &problem, Instant::now()), "");
    }

    #[test]
    fn the_engines_warnings_are_shown_and_other_events_only_if_requested() {
        let (mut event_format, now) = (EventFormat::default(), Instant::now());
        let news = event(
            Level::INFO,
            "webassembly pool is ready",
            &[("calls", "1000")],
        );
        assert_eq!(shown(&mut event_format, &news, now), "");
        let warning = event(
            Level::WARN,
            "no recogniser is configured: callers answer with keys",
            &[],
        );
        assert_eq!(
            shown(&mut event_format, &warning, now),
            "14:02:11 engine warn: no recogniser is configured: callers answer with keys\n"
        );
        let mut asked = EventFormat::new("info".parse().unwrap());
        assert_eq!(
            shown(&mut asked, &news, now),
            "14:02:11 engine info: webassembly pool is ready calls=1000\n"
        );
    }
}
