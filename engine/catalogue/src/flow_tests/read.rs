//! Parses a test file key by key, like `flow.toml`: every error is reported at once, each with its
//! line.

use ghanti_host::ScriptedCaller;
use ghanti_manifest::reader::{Item, Reader};
use ghanti_model::{
    CallError, CallFacts, CallId, Description, Direction, Language, Masked, PhoneNumber, Refusal,
    Reply,
};
use serde_json::Value as Json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use toml::de::{DeTable, DeValue};

/// A scripted conversation and its expected result.
#[derive(Debug, Default)]
pub(super) struct FlowTest {
    /// The flow's languages.
    languages: Vec<Language>,
    call: Call,
    customer: Vec<(String, String)>,
    lookup: Vec<(String, String)>,
    pub(super) answers: Vec<Answer>,
    actions: Vec<ActionAnswer>,
    pub(super) expect: Expect,
}

/// `[call]`: what is known of the call before it begins.
#[derive(Debug, Default)]
struct Call {
    direction: Option<Direction>,
    language: Option<Language>,
    line: Option<PhoneNumber>,
    parameters: Vec<(String, String)>,
    begins_ms: Option<u64>,
    interrupts: Vec<String>,
}

/// An entry of `[[caller]]`: the caller's answer to the next question.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) asked: String,
    pub(super) line: usize,
    pub(super) gives: Gives,
}

#[derive(Debug)]
pub(super) enum Gives {
    Reply(Reply, Option<Language>),
    Says(String),
    Presses(String),
    NoInput,
    NoMatch,
    HangUp,
}

/// `[expect]`; each expectation with its line.
#[derive(Debug, Default)]
pub(super) struct Expect {
    pub(super) outcome: Option<(usize, String)>,
    pub(super) transfer: Option<(usize, Transfer)>,
    pub(super) said: Option<(usize, Vec<String>)>,
    pub(super) only_said: Option<(usize, Vec<String>)>,
    pub(super) never_said: Option<(usize, Vec<String>)>,
    pub(super) established: Option<(usize, Vec<String>)>,
    pub(super) language: Option<(usize, Language)>,
    pub(super) notes: Vec<(usize, String, String)>,
    pub(super) invoked: Option<(usize, Vec<String>)>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Transfer {
    None,
    Any,
    To(String),
}

/// An entry of `[[actions]]`: what the next invocation of an action is answered with.
#[derive(Debug)]
struct ActionAnswer {
    name: String,
    answer: Result<Json, CallError>,
}

impl ActionAnswer {
    fn read(reader: &mut Reader<'_>, item: &Item<'_>) -> Option<Self> {
        let (mut action, mut answer, mut error) = (None, None, None);
        let known = ["name", "answer", "error"];
        reader.section("actions", item, &known, |reader, name, item| {
            match name {
                "name" => action = reader.string(name, item),
                "answer" => answer = json(item.get_ref()),
                "error" => {
                    type Kind = fn(String) -> CallError;
                    let kinds: [(&str, Kind); 4] = [
                        ("unavailable", CallError::Unavailable),
                        ("invalid", CallError::Invalid),
                        ("limit", CallError::Limit),
                        ("refused", refused),
                    ];
                    let kind = reader.one_of(name, item, &kinds);
                    error = kind.map(|kind| kind("the test says so".to_owned()));
                }
                _ => return false,
            }
            true
        });
        let answer = match (answer, error) {
            (Some(answer), None) => Some(Ok(answer)),
            (None, Some(error)) => Some(Err(error)),
            _ => None,
        };
        let (Some(name), Some(answer)) = (action, answer) else {
            let wanted = "the action's `name`, and one of `answer` (JSON as TOML) and `error` (unavailable, invalid, limit, refused)";
            reader.expect("actions", item, wanted);
            return None;
        };
        Some(Self { name, answer })
    }
}

fn refused(reason: String) -> CallError {
    CallError::Refused(Refusal {
        subject: "action".to_owned(),
        missing: Vec::new(),
        reason,
    })
}

/// A value of TOML as JSON. A time is a text.
fn json(value: &DeValue<'_>) -> Option<Json> {
    Some(match value {
        DeValue::String(text) => Json::from(&**text),
        DeValue::Boolean(value) => Json::from(*value),
        DeValue::Integer(number) => {
            Json::from(i64::from_str_radix(number.as_str(), number.radix()).ok()?)
        }
        DeValue::Float(number) => Json::from(number.as_str().parse::<f64>().ok()?),
        DeValue::Datetime(moment) => Json::from(moment.to_string()),
        DeValue::Array(items) => {
            let items = items.iter().map(|item| json(item.get_ref()));
            items.collect::<Option<Vec<_>>>()?.into()
        }
        DeValue::Table(table) => {
            let fields = table
                .iter()
                .map(|(name, item)| Some((name.get_ref().to_string(), json(item.get_ref())?)));
            Json::Object(fields.collect::<Option<_>>()?)
        }
    })
}

type Errors = Vec<(usize, String)>;

impl FlowTest {
    /// Parses a test of a flow with this description.
    pub(super) fn read(text: &str, description: &Description) -> Result<Self, Errors> {
        let read = Reader::document(text, |reader, document| {
            let mut flow_test = Self {
                languages: description.languages.clone(),
                ..Self::default()
            };
            flow_test.document(reader, document, description);
            flow_test
        });
        read.map_err(|errors| {
            errors
                .into_iter()
                .map(|error| (error.line, error.message))
                .collect()
        })
    }

    /// The scripted caller of this test.
    pub(super) fn caller(&self, call_id: CallId) -> ScriptedCaller {
        let named = |list: &'_ [(String, String)]| {
            list.iter()
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect::<Vec<_>>()
        };
        let fields = named(&self.customer);
        let facts = CallFacts {
            call_id,
            call_sid: None,
            direction: self.call.direction.unwrap_or(Direction::Outbound),
            customer_number: PhoneNumber::parse("+919876543210").ok(),
            line_number: self
                .call
                .line
                .clone()
                .or_else(|| PhoneNumber::parse("+918040001234").ok()),
            language: self.call.language.clone().unwrap_or_else(Language::english),
            parameters: self.call.parameters.clone(),
        };
        let mut caller = ScriptedCaller::new(
            fields
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str())),
        )
        .with_facts(facts)
        .with_languages(&self.languages);
        caller = self
            .lookup
            .iter()
            .fold(caller, |caller, (key, value)| caller.with_value(key, value));
        caller = self
            .call
            .interrupts
            .iter()
            .fold(caller, |caller, template| caller.interrupt(template));
        if let Some(begins_ms) = self.call.begins_ms {
            caller = caller.with_beginning(begins_ms);
        }
        caller = self.actions.iter().fold(caller, |caller, action| {
            caller.with_action(&action.name, action.answer.clone())
        });
        self.answers
            .iter()
            .fold(caller, |caller, Answer { asked, gives, .. }| match gives {
                Gives::Reply(reply, None) => caller.answer(asked, reply.clone()),
                Gives::Reply(reply, Some(language)) => {
                    caller.answer_in(asked, reply.clone(), language.clone())
                }
                Gives::Says(words) => caller.say_at(asked, words),
                Gives::Presses(keys) => caller.press_at(asked, keys),
                Gives::NoInput => caller.stay_silent_at(asked),
                Gives::NoMatch => caller.not_understood_at(asked),
                Gives::HangUp => caller.hang_up_at(asked),
            })
    }

    fn document(
        &mut self,
        reader: &mut Reader<'_>,
        document: &DeTable<'_>,
        description: &Description,
    ) {
        reader.table(
            document,
            &["call", "customer", "lookup", "actions", "caller", "expect"],
            |reader, name, item| {
                match name {
                    "call" => self.call.read(reader, item, description),
                    "customer" => self.customer = texts(reader, name, item),
                    "lookup" => self.lookup = texts(reader, name, item),
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
                    "expect" => self.expect.read(reader, item, description),
                    _ => return false,
                }
                true
            },
        );
    }
}

impl Call {
    fn read(&mut self, reader: &mut Reader<'_>, item: &Item<'_>, description: &Description) {
        let known = [
            "at",
            "direction",
            "interrupts",
            "language",
            "line",
            "parameters",
        ];
        reader.section("call", item, &known, |reader, name, item| {
            match name {
                "at" => self.begins_ms = beginning(reader, item),
                "direction" => {
                    self.direction = reader.one_of(
                        name,
                        item,
                        &[
                            ("inbound", Direction::Inbound),
                            ("outbound", Direction::Outbound),
                        ],
                    );
                }
                "interrupts" => self.interrupts = templates(reader, name, item, description),
                "language" => self.language = language(reader, name, item),
                "line" => {
                    self.line = reader
                        .each(name, item, |text| {
                            PhoneNumber::parse(text).map_err(|error| error.to_string())
                        })
                        .pop()
                }
                "parameters" => self.parameters = texts(reader, name, item),
                _ => return false,
            }
            true
        });
    }
}

impl Answer {
    fn read(reader: &mut Reader<'_>, item: &Item<'_>) -> Option<Self> {
        let (mut asked, mut gives, mut other, mut given) = (None, None, None, 0);
        reader.section(
            "caller",
            item,
            &[
                "asked", "says", "presses", "choice", "text", "keys", "does", "language",
            ],
            |reader, name, item| {
                let gives_something = ["says", "presses", "choice", "text", "keys", "does"];
                given += usize::from(gives_something.contains(&name));
                match name {
                    "asked" => {
                        asked = reader
                            .string(name, item)
                            .map(|asked| (reader.line(item.span()), asked))
                    }
                    "says" => gives = reader.string(name, item).map(Gives::Says),
                    "presses" => gives = reader.string(name, item).map(Gives::Presses),
                    "choice" => {
                        gives = reader
                            .string(name, item)
                            .map(|id| Gives::Reply(Reply::Choice(id), None))
                    }
                    "text" => {
                        gives = reader
                            .string(name, item)
                            .map(|text| Gives::Reply(Reply::Text(Masked::new(text)), None))
                    }
                    "keys" => {
                        gives = reader
                            .string(name, item)
                            .map(|keys| Gives::Reply(Reply::Keys(Masked::new(keys)), None))
                    }
                    "does" => {
                        let acts = [("no-input", 0), ("no-match", 1), ("hang-up", 2)];
                        gives = reader.one_of(name, item, &acts).map(|act| match act {
                            0 => Gives::NoInput,
                            1 => Gives::NoMatch,
                            _ => Gives::HangUp,
                        });
                    }
                    "language" => other = language(reader, name, item),
                    _ => return false,
                }
                true
            },
        );
        let (Some((line, asked)), 1) = (asked, given) else {
            reader.expect(
                "caller",
                item,
                "the question's name as `asked`, and one of `says`, `presses`, `choice`, `text`, `keys`, `does`",
            );
            return None;
        };
        let gives = match gives? {
            Gives::Reply(reply, _) => Gives::Reply(reply, other),
            _ if other.is_some() => {
                reader.expect("language", item, "a `choice` or a `text` beside it");
                return None;
            }
            gives => gives,
        };
        Some(Self { asked, line, gives })
    }
}

impl Expect {
    fn read(&mut self, reader: &mut Reader<'_>, item: &Item<'_>, description: &Description) {
        let known = [
            "outcome",
            "transfer",
            "said",
            "only-said",
            "never-said",
            "established",
            "invoked",
            "language",
            "notes",
        ];
        reader.section("expect", item, &known, |reader, name, item| {
            let line = reader.line(item.span());
            match name {
                "outcome" => {
                    self.outcome = reader.string(name, item).map(|outcome| (line, outcome))
                }
                "transfer" => {
                    self.transfer = match item.get_ref() {
                        DeValue::Boolean(false) => Some((line, Transfer::None)),
                        DeValue::Boolean(true) => Some((line, Transfer::Any)),
                        DeValue::String(target) => Some((line, Transfer::To(target.to_string()))),
                        _ => {
                            reader.expect(name, item, "`true`, `false` or the target's name");
                            None
                        }
                    }
                }
                "said" => self.said = Some((line, templates(reader, name, item, description))),
                "only-said" => {
                    self.only_said = Some((line, templates(reader, name, item, description)))
                }
                "never-said" => {
                    self.never_said = Some((line, templates(reader, name, item, description)))
                }
                "established" => {
                    self.established =
                        Some((line, reader.each(name, item, |text| Ok(text.to_owned()))))
                }
                "invoked" => {
                    self.invoked = Some((line, reader.each(name, item, |text| Ok(text.to_owned()))))
                }
                "language" => {
                    self.language = language(reader, name, item).map(|language| (line, language))
                }
                "notes" => reader.entries(name, item, |reader, key, item| {
                    if let Some(value) = reader.string(key, item) {
                        self.notes
                            .push((reader.line(item.span()), key.to_owned(), value));
                    }
                }),
                _ => return false,
            }
            true
        });
    }
}

fn texts(reader: &mut Reader<'_>, name: &str, item: &Item<'_>) -> Vec<(String, String)> {
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

fn language(reader: &mut Reader<'_>, name: &str, item: &Item<'_>) -> Option<Language> {
    reader
        .each(name, item, |text| {
            Language::parse(text).map_err(|error| error.to_string())
        })
        .pop()
}

/// Parses template names and rejects those the flow does not use: such a name would never be said,
/// and a test that forbids it would check nothing.
fn templates(
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

fn beginning(reader: &mut Reader<'_>, item: &Item<'_>) -> Option<u64> {
    let text = match item.get_ref() {
        DeValue::Datetime(moment) => moment.to_string(),
        DeValue::String(text) => text.to_string(),
        _ => String::new(),
    };
    let moment = OffsetDateTime::parse(&text, &Rfc3339)
        .ok()
        .and_then(|moment| u64::try_from(moment.unix_timestamp_nanos() / 1_000_000).ok());
    if moment.is_none() {
        reader.expect(
            "at",
            item,
            "a time with its offset, such as 2026-11-20T11:00:00+05:30",
        );
    }
    moment
}
