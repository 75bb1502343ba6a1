//! Parses a test file key by key, like `flow.toml`: every error is reported at once, each with its
//! line.

use std::collections::{BTreeMap, BTreeSet};

use ghanti_host::{Act, Away, Does, Failed, ScriptedCaller};
use ghanti_manifest::reader::{Item, Reader};
use ghanti_manifest::{ManifestError, no_such_day};
use ghanti_model::{
    CallFacts, Description, Direction, EarlierCall, Language, Masked, PhoneNumber, Reply,
};
use serde_json::Value as Json;
use time::format_description::well_known::Rfc3339;
use time::{Date, OffsetDateTime, UtcOffset};
use toml::de::{DeTable, DeValue};

use super::actions::ActionAnswer;
use super::expect::Expect;
use crate::run::call_id;
use crate::transcript::INDIA_S;

/// The time of day in scripted calls, to the east of Greenwich: India's.
const OFFSET_MINUTES: i16 = 330;
/// When a scripted call begins if its test does not say: 2026-01-05T05:30:00Z, 11:00 in India.
const BEGINNING_MS: u64 = 1_767_591_000_000;

/// A scripted conversation and its expected result.
#[derive(Debug, Clone, Default)]
pub struct FlowTest {
    /// What is known before the call.
    pub known: Known,
    pub(super) customer_lines: CustomerLines,
    pub(super) interrupts: Vec<String>,
    pub(super) answers: Vec<Answer>,
    pub(super) actions: Vec<ActionAnswer>,
    pub(super) expect: Expect,
}

/// Where `[customer]` stands in a test.
#[derive(Debug, Clone, Default)]
pub(super) struct CustomerLines {
    /// The line of the table; `None` if there is none.
    pub(super) table: Option<usize>,
    /// The lines of its fields.
    pub(super) fields: BTreeMap<String, usize>,
}

impl CustomerLines {
    fn read(reader: &Reader<'_>, item: &Item<'_>) -> Self {
        let DeValue::Table(table) = item.get_ref() else {
            return Self::default();
        };
        let lines = table
            .iter()
            .map(|(key, _)| (key.get_ref().to_string(), reader.line(key.span())));
        Self {
            table: Some(reader.line(item.span())),
            fields: lines.collect(),
        }
    }

    /// The line of a field, or of the table where it has none.
    pub(super) fn of(&self, field: &str) -> Option<usize> {
        self.fields.get(field).copied().or(self.table)
    }
}

/// What is known before a scripted call: customer, call, settings and stores.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Known {
    /// The flow's languages.
    pub languages: Vec<Language>,
    /// `[customer]`: the fields of the record.
    pub customer: Vec<(String, String)>,
    /// `[lookup]`: what look-ups find.
    pub lookup: Vec<(String, String)>,
    /// `[settings]`: other values than the manifest's.
    pub settings: BTreeMap<String, String>,
    /// `[call] direction`.
    pub direction: Option<Direction>,
    /// `[call] language`.
    pub language: Option<Language>,
    /// `[call] line`.
    pub line: Option<PhoneNumber>,
    /// `[call] parameters`.
    pub parameters: Vec<(String, String)>,
    /// `[call] at`, in milliseconds since 1970.
    pub begins_ms: Option<u64>,
    /// `[call] away`.
    pub away: BTreeSet<Away>,
    /// `[[history]]`: earlier calls, newest first.
    pub history: Vec<EarlierCall>,
}

/// An entry of `[[caller]]`: the caller's answer to the next question.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) asked: String,
    pub(super) line: usize,
    /// The line of what the caller does.
    pub(super) does_line: usize,
    pub(super) act: Act,
    /// How often the question is put until then.
    pub(super) attempts: Option<u32>,
}

impl Known {
    /// The caller of whom this is known, who does nothing yet.
    pub(crate) fn caller(&self) -> ScriptedCaller {
        let facts = CallFacts {
            call_id: call_id(),
            call_sid: None,
            direction: self.direction.unwrap_or(Direction::Outbound),
            customer_number: PhoneNumber::parse("+919876543210").ok(),
            line_number: self
                .line
                .clone()
                .or_else(|| PhoneNumber::parse("+918040001234").ok()),
            language: self.language.clone().unwrap_or_else(Language::english),
            parameters: self.parameters.clone(),
        };
        let fields = self.customer.iter();
        let caller =
            ScriptedCaller::new(fields.map(|(name, value)| (name.as_str(), value.as_str())))
                .with_facts(facts)
                .with_languages(&self.languages)
                .with_beginning(self.begins_ms.unwrap_or(BEGINNING_MS))
                .without(self.away.iter().copied());
        let caller = self
            .lookup
            .iter()
            .fold(caller, |caller, (key, value)| caller.with_value(key, value));
        self.history.iter().fold(caller, |caller, call| {
            caller.with_earlier_call(call.clone())
        })
    }

    /// The day of the call, in India.
    pub fn today(&self) -> Date {
        let begins_ms = self.begins_ms.unwrap_or(BEGINNING_MS);
        let began = i64::try_from(begins_ms / 1_000)
            .ok()
            .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
        let offset = UtcOffset::from_whole_seconds(INDIA_S);
        let began = began.unwrap_or(OffsetDateTime::UNIX_EPOCH);
        began.to_offset(offset.unwrap_or(UtcOffset::UTC)).date()
    }
}

impl FlowTest {
    /// Parses a test of a flow with this description.
    pub fn read(text: &str, description: &Description) -> Result<Self, Vec<ManifestError>> {
        Reader::document(text, |reader, document| {
            let mut flow_test = Self::default();
            flow_test.known.languages = description.languages.clone();
            flow_test.document(reader, document, description);
            flow_test
        })
    }

    /// The scripted caller of this test.
    pub(crate) fn caller(&self) -> ScriptedCaller {
        let caller = self
            .interrupts
            .iter()
            .fold(self.known.caller(), |caller, template| {
                caller.interrupt(template)
            });
        let caller = self.actions.iter().fold(caller, |caller, action| {
            caller.with_action(&action.name, action.answer.clone())
        });
        self.answers.iter().fold(caller, |caller, answer| {
            caller.act(&answer.asked, answer.act.clone())
        })
    }

    /// What callers say, press or answer to questions in this test, by question.
    pub fn examples(&self) -> impl Iterator<Item = (&str, &Does)> {
        self.answers
            .iter()
            .map(|answer| (answer.asked.as_str(), &answer.act.does))
    }

    /// What actions answer in this test, by action.
    pub fn action_examples(&self) -> impl Iterator<Item = (&str, &Json)> {
        self.actions
            .iter()
            .filter_map(|action| Some((action.name.as_str(), action.answer.as_ref().ok()?)))
    }

    fn document(
        &mut self,
        reader: &mut Reader<'_>,
        document: &DeTable<'_>,
        description: &Description,
    ) {
        let known = [
            "call", "customer", "lookup", "settings", "history", "actions", "caller", "expect",
        ];
        reader.table(document, &known, |reader, name, item| {
            match name {
                "call" => self.call(reader, item, description),
                "customer" => {
                    self.known.customer = texts(reader, name, item);
                    self.customer_lines = CustomerLines::read(reader, item);
                }
                "lookup" => self.known.lookup = texts(reader, name, item),
                "settings" => self.known.settings = settings(reader, item),
                "actions" => match item.get_ref() {
                    DeValue::Array(items) => {
                        self.actions = items
                            .iter()
                            .filter_map(|item| ActionAnswer::read(reader, item))
                            .collect()
                    }
                    _ => reader.expect(name, item, "a table for each answer: `[[actions]]`"),
                },
                "caller" => match item.get_ref() {
                    DeValue::Array(items) => {
                        self.answers = items
                            .iter()
                            .filter_map(|item| Answer::read(reader, item))
                            .collect()
                    }
                    _ => reader.expect(name, item, "a table for each answer: `[[caller]]`"),
                },
                "history" => match item.get_ref() {
                    DeValue::Array(items) => {
                        let calls = items.iter();
                        self.known.history = calls
                            .filter_map(|item| earlier_call(reader, item))
                            .collect();
                    }
                    _ => reader.expect(name, item, "a table for each call: `[[history]]`"),
                },
                "expect" => self.expect.read(reader, item, description),
                _ => return false,
            }
            true
        });
    }

    fn call(&mut self, reader: &mut Reader<'_>, item: &Item<'_>, description: &Description) {
        let keys = [
            "at",
            "away",
            "direction",
            "interrupts",
            "language",
            "line",
            "parameters",
        ];
        let known = &mut self.known;
        let interrupts = &mut self.interrupts;
        reader.section("call", item, &keys, |reader, name, item| {
            match name {
                "at" => known.begins_ms = moment(reader, name, item),
                "away" => {
                    known.away = reader.each(name, item, away).into_iter().collect();
                }
                "direction" => {
                    let directions = [
                        ("inbound", Direction::Inbound),
                        ("outbound", Direction::Outbound),
                    ];
                    known.direction = reader.one_of(name, item, &directions);
                }
                "interrupts" => *interrupts = templates(reader, name, item, description),
                "language" => known.language = language(reader, name, item),
                "line" => {
                    known.line = reader
                        .each(name, item, |text| {
                            PhoneNumber::parse(text).map_err(|error| error.to_string())
                        })
                        .pop()
                }
                "parameters" => known.parameters = texts(reader, name, item),
                _ => return false,
            }
            true
        });
    }
}

impl Answer {
    fn read(reader: &mut Reader<'_>, item: &Item<'_>) -> Option<Self> {
        let (mut asked, mut does, mut other, mut given) = (None, None, None, 0);
        let (mut first, mut interrupts, mut attempts) = (Vec::new(), false, None);
        let mut does_line = 0;
        let known = [
            "asked",
            "says",
            "presses",
            "choice",
            "text",
            "keys",
            "does",
            "language",
            "first",
            "interrupts",
            "attempts",
        ];
        reader.section("caller", item, &known, |reader, name, item| {
            let gives_something = ["says", "presses", "choice", "text", "keys", "does"];
            if gives_something.contains(&name) {
                given += 1;
                does_line = reader.line(item.span());
            }
            match name {
                "asked" => {
                    asked = reader
                        .string(name, item)
                        .map(|asked| (reader.line(item.span()), asked))
                }
                "says" => does = reader.string(name, item).map(Does::Says),
                "presses" => does = keys(reader, name, item).map(Does::Presses),
                "choice" => {
                    let id = reader.string(name, item);
                    does = id.map(|id| Does::Replies(Reply::Choice(id), None));
                }
                "text" => {
                    let text = reader.string(name, item).map(Masked::new);
                    does = text.map(|text| Does::Replies(Reply::Text(text), None));
                }
                "keys" => {
                    let keys = keys(reader, name, item).map(Masked::new);
                    does = keys.map(|keys| Does::Replies(Reply::Keys(keys), None));
                }
                "does" => {
                    let acts = [("no-input", 0), ("no-match", 1), ("hang-up", 2)];
                    does = reader.one_of(name, item, &acts).map(|act| match act {
                        0 => Does::StaysSilent,
                        1 => Does::IsNotUnderstood,
                        _ => Does::HangsUp,
                    });
                }
                "language" => other = language(reader, name, item),
                "first" => first = reader.each(name, item, failed),
                "interrupts" => interrupts = flag(reader, name, item),
                "attempts" => attempts = count(reader, name, item),
                _ => return false,
            }
            true
        });
        let (Some((line, asked)), 1) = (asked, given) else {
            reader.expect(
                "caller",
                item,
                "the question's name as `asked`, and one of `says`, `presses`, `choice`, `text`, `keys`, `does`",
            );
            return None;
        };
        let does = match does? {
            Does::Replies(reply, _) => Does::Replies(reply, other),
            _ if other.is_some() => {
                reader.expect("language", item, "a `choice` or a `text` with it");
                return None;
            }
            does => does,
        };
        Some(Self {
            asked,
            line,
            does_line,
            act: Act {
                does,
                first,
                interrupts,
            },
            attempts,
        })
    }
}

/// An entry of `[[history]]`.
fn earlier_call(reader: &mut Reader<'_>, item: &Item<'_>) -> Option<EarlierCall> {
    let mut call = EarlierCall {
        unix_ms: 0,
        offset_minutes: OFFSET_MINUTES,
        flow: String::new(),
        outcome: String::new(),
        established: Vec::new(),
        notes: BTreeMap::new(),
    };
    let known = ["at", "flow", "outcome", "established", "notes"];
    reader.section("history", item, &known, |reader, name, item| {
        match name {
            "at" => call.unix_ms = moment(reader, name, item).unwrap_or_default(),
            "flow" => call.flow = reader.string(name, item).unwrap_or_default(),
            "outcome" => call.outcome = reader.string(name, item).unwrap_or_default(),
            "established" => {
                call.established = reader.each(name, item, |text| Ok(text.to_owned()));
            }
            "notes" => {
                let notes = texts(reader, name, item).into_iter();
                call.notes = notes
                    .map(|(name, value)| (name, Masked::new(value)))
                    .collect();
            }
            _ => return false,
        }
        true
    });
    if call.unix_ms == 0 || call.outcome.is_empty() {
        reader.expect("history", item, "at least `at` (a time) and `outcome`");
        return None;
    }
    Some(call)
}

fn away(text: &str) -> Result<Away, String> {
    match text {
        "customer" => Ok(Away::Customer),
        "lookup" => Ok(Away::Lookup),
        "actions" => Ok(Away::Actions),
        "history" => Ok(Away::History),
        _ => Err("give `customer`, `lookup`, `history` or `actions`".to_owned()),
    }
}

fn failed(text: &str) -> Result<Failed, String> {
    match text {
        "no-input" => Ok(Failed::NoInput),
        "no-match" => Ok(Failed::NoMatch),
        _ => Err("give `no-input` or `no-match`".to_owned()),
    }
}

/// Keys of a telephone.
fn keys(reader: &mut Reader<'_>, name: &str, item: &Item<'_>) -> Option<String> {
    let keys = reader.string(name, item)?;
    let is_key = |key: char| key.is_ascii_digit() || matches!(key, '*' | '#');
    if keys.is_empty() || !keys.chars().all(is_key) {
        reader.expect(
            name,
            item,
            &format!("keys, `0` to `9`, `*` and `#`, and `{keys}` is none: write \"1\""),
        );
        return None;
    }
    Some(keys)
}

pub(super) fn flag(reader: &mut Reader<'_>, name: &str, item: &Item<'_>) -> bool {
    match item.get_ref() {
        DeValue::Boolean(value) => *value,
        _ => {
            reader.expect(name, item, "`true` or `false`");
            false
        }
    }
}

fn count(reader: &mut Reader<'_>, name: &str, item: &Item<'_>) -> Option<u32> {
    let read = match item.get_ref() {
        DeValue::Integer(number) => u32::from_str_radix(number.as_str(), number.radix()).ok(),
        _ => None,
    };
    let read = read.filter(|count| *count > 0);
    if read.is_none() {
        reader.expect(name, item, "a whole number from 1");
    }
    read
}

/// Settings as the manifest has them: texts, whole numbers, `true`, `false`.
fn settings(reader: &mut Reader<'_>, item: &Item<'_>) -> BTreeMap<String, String> {
    let mut settings = BTreeMap::new();
    reader.entries("settings", item, |reader, key, item| {
        let value = match item.get_ref() {
            DeValue::String(text) => Some(text.to_string()),
            DeValue::Boolean(value) => Some(value.to_string()),
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
                .ok()
                .map(|number| number.to_string()),
            _ => None,
        };
        match value {
            Some(value) => {
                settings.insert(key.to_owned(), value);
            }
            None => reader.expect(key, item, "a text, a whole number, `true` or `false`"),
        }
    });
    settings
}

pub(super) fn texts(reader: &mut Reader<'_>, name: &str, item: &Item<'_>) -> Vec<(String, String)> {
    let mut texts = Vec::new();
    reader.entries(name, item, |reader, key, item| {
        texts.extend(
            reader
                .string(key, item)
                .map(|value| (key.to_owned(), value)),
        )
    });
    texts
}

pub(super) fn language(reader: &mut Reader<'_>, name: &str, item: &Item<'_>) -> Option<Language> {
    reader
        .each(name, item, |text| {
            Language::parse(text).map_err(|error| error.to_string())
        })
        .pop()
}

/// Parses template names and rejects those the flow does not use: such a name would never be said,
/// and a test that forbids it would check nothing.
pub(super) fn templates(
    reader: &mut Reader<'_>,
    name: &str,
    item: &Item<'_>,
    description: &Description,
) -> Vec<String> {
    let known = |text: &str| {
        if description.uses(text) {
            Ok(text.to_owned())
        } else {
            Err("the flow uses no template of this name".to_owned())
        }
    };
    reader.each(name, item, known)
}

pub(super) fn moment(reader: &mut Reader<'_>, name: &str, item: &Item<'_>) -> Option<u64> {
    let text = match item.get_ref() {
        DeValue::Datetime(moment) => moment.to_string(),
        DeValue::String(text) => text.to_string(),
        _ => String::new(),
    };
    let moment = OffsetDateTime::parse(&text, &Rfc3339)
        .ok()
        .and_then(|moment| u64::try_from(moment.unix_timestamp_nanos() / 1_000_000).ok());
    if moment.is_none() {
        let wanted = "a time with its offset, such as 2026-11-20T11:00:00+05:30";
        let why = no_such_day(&text).map_or_else(String::new, |why| format!("; {why}"));
        reader.expect(name, item, &format!("{wanted}{why}"));
    }
    moment
}
