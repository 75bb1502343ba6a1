//! What a test answers actions with, and whether the flow has these actions at all.

use ghanti_manifest::Manifest;
use ghanti_manifest::reader::{Item, Reader};
use ghanti_model::{CallError, Refusal};
use serde_json::Value as Json;
use toml::de::DeValue;

use super::read::FlowTest;

/// An entry of `[[actions]]`: what the next invocation of an action is answered with.
#[derive(Debug, Clone)]
pub(super) struct ActionAnswer {
    pub(super) name: String,
    /// The line of the name.
    pub(super) line: usize,
    pub(super) answer: Result<Json, CallError>,
}

impl ActionAnswer {
    pub(super) fn read(reader: &mut Reader<'_>, item: &Item<'_>) -> Option<Self> {
        let (mut action, mut answer, mut error) = (None, None, None);
        let known = ["name", "answer", "error"];
        reader.section("actions", item, &known, |reader, name, item| {
            match name {
                "name" => {
                    action = reader
                        .string(name, item)
                        .map(|action| (reader.line(item.span()), action))
                }
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
        let (Some((line, name)), Some(answer)) = (action, answer) else {
            let wanted = "the action's `name`, and one of `answer` (JSON as TOML) and `error` (unavailable, invalid, limit, refused)";
            reader.expect("actions", item, wanted);
            return None;
        };
        Some(Self { name, line, answer })
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

impl FlowTest {
    /// Answers to actions that the manifest does not grant: the flow gets none of them.
    pub(super) fn ungranted_actions(&self, manifest: &Manifest) -> Vec<(Option<usize>, String)> {
        let granted = &manifest.grants.actions;
        let is_granted = |name: &str| granted.iter().any(|granted| granted.name == name);
        let ungranted = self
            .actions
            .iter()
            .filter(|action| !is_granted(&action.name));
        ungranted
            .map(|action| {
                let name = &action.name;
                let meant =
                    ghanti_manifest::did_you_mean(name, granted.iter().map(|granted| &*granted.name));
                let sentence = format!(
                    "`{name}` is no action that `[grants] actions` of flow.toml has: correct the name, or add it there{meant}"
                );
                (Some(action.line), sentence)
            })
            .collect()
    }
}
