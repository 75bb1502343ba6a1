//! Texts with placeholders for what a request needs: `{loan}` is a field of the input, `{customer.name}` a
//! field of a field, `{name?}` one that may be missing, `{*}` the whole input as JSON,
//! `{secret:NAME}` one of the action's `secrets`, and `{call:id}`, `{call:number}`, `{call:line}`,
//! `{call:direction}` and `{call:language}` what is known of the call. `{{` and `}}` are braces.
//!
//! There are no conditions and no loops. Whoever renders a template says how a value is written in
//! that placeholder, so that no value can be more than a value.

use std::collections::{BTreeMap, BTreeSet};

use ghanti_model::{CallFacts, Direction};
use serde_json::Value as Json;

use crate::secret::SecretText;

/// What templates are filled with.
#[derive(Clone, Copy)]
pub(crate) struct Values<'a> {
    pub(crate) input: &'a Json,
    pub(crate) call: &'a CallFacts,
    pub(crate) secrets: &'a BTreeMap<String, SecretText>,
}

/// A text with placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Placeholder(Placeholder),
}

/// A placeholder in a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Placeholder {
    source: Source,
    is_optional: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    Field(Vec<String>),
    Input,
    Secret(String),
    Call(CallFact),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CallFact {
    Id,
    Number,
    Line,
    Direction,
    Language,
}

impl Placeholder {
    fn parse(text: &str) -> Result<Self, String> {
        let (name, is_optional) = match text.strip_suffix('?') {
            Some(name) => (name, true),
            None => (text, false),
        };
        let is_name = |name: &str| {
            !name.is_empty()
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        };
        let source = match name.split_once(':') {
            Some(("secret", secret)) if is_name(secret) => Source::Secret(secret.to_owned()),
            Some(("call", fact)) => Source::Call(match fact {
                "id" => CallFact::Id,
                "number" => CallFact::Number,
                "line" => CallFact::Line,
                "direction" => CallFact::Direction,
                "language" => CallFact::Language,
                _ => {
                    return Err(format!(
                        "`{{{}}}` is none of {{call:id}}, {{call:number}}, {{call:line}}, {{call:direction}}, {{call:language}}",
                        text.escape_default()
                    ));
                }
            }),
            None if name == "*" => Source::Input,
            None if name.split('.').all(is_name) => {
                Source::Field(name.split('.').map(str::to_owned).collect())
            }
            _ => {
                return Err(format!(
                    "`{{{}}}` is not a valid placeholder: write {{field}}, {{field?}}, {{*}}, {{secret:NAME}} or {{call:id}}; a brace itself is doubled",
                    text.escape_default()
                ));
            }
        };
        Ok(Self {
            source,
            is_optional,
        })
    }

    /// The value, typed as it is; `None` where an optional field is missing or null.
    pub(crate) fn value(&self, values: Values<'_>) -> Result<Option<Json>, String> {
        let found = match &self.source {
            Source::Input => Some(values.input.clone()),
            Source::Field(path) => path
                .iter()
                .try_fold(values.input, |value, name| value.get(name))
                .filter(|value| !value.is_null())
                .cloned(),
            Source::Secret(name) => values
                .secrets
                .get(name)
                .map(|secret| Json::from(secret.expose())),
            Source::Call(fact) => {
                let call = values.call;
                match fact {
                    CallFact::Id => Some(call.call_id.to_string()),
                    CallFact::Number => {
                        (call.customer_number.as_ref()).map(|number| number.expose().to_owned())
                    }
                    CallFact::Line => {
                        (call.line_number.as_ref()).map(|number| number.expose().to_owned())
                    }
                    CallFact::Direction => Some(
                        match call.direction {
                            Direction::Inbound => "inbound",
                            Direction::Outbound => "outbound",
                        }
                        .to_owned(),
                    ),
                    CallFact::Language => Some(call.language.as_str().to_owned()),
                }
                .map(Json::from)
            }
        };
        match found {
            None if !self.is_optional => Err(format!("`{}` is missing: give it", self.name())),
            found => Ok(found),
        }
    }

    /// The value as a text. Objects and lists are none, except for the whole input.
    fn text(&self, values: Values<'_>) -> Result<String, String> {
        match self.value(values)? {
            None => Ok(String::new()),
            Some(Json::String(text)) => Ok(text),
            Some(value @ (Json::Object(_) | Json::Array(_)))
                if !matches!(self.source, Source::Input) =>
            {
                let kind = if value.is_array() {
                    "a list"
                } else {
                    "an object"
                };
                Err(format!(
                    "`{}` is {kind}: give a text, a number, `true` or `false`",
                    self.name()
                ))
            }
            Some(value) => Ok(value.to_string()),
        }
    }

    fn name(&self) -> String {
        match &self.source {
            Source::Field(path) => path.join("."),
            Source::Input => "*".to_owned(),
            Source::Secret(name) => format!("secret:{name}"),
            Source::Call(CallFact::Number) => "the customer's number".to_owned(),
            Source::Call(CallFact::Line) => "the line's number".to_owned(),
            Source::Call(_) => "the call".to_owned(),
        }
    }
}

impl Template {
    /// Reads a text. The error does not repeat it: it may hold a secret that was written into it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (mut pieces, mut plain, mut rest) = (Vec::new(), String::new(), text);
        while let Some(at) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(at);
            plain.push_str(before);
            if let Some(after) = ["{{", "}}"].iter().find_map(|two| from.strip_prefix(two)) {
                plain.extend(from.chars().next());
                rest = after;
                continue;
            }
            let placeholder = from
                .strip_prefix('{')
                .and_then(|inner| inner.split_once('}'));
            let Some((name, after)) = placeholder else {
                return Err("a brace has no other: double it if it is meant itself".to_owned());
            };
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
            }
            pieces.push(Piece::Placeholder(Placeholder::parse(name)?));
            rest = after;
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Ok(Self(pieces))
    }

    /// The placeholders.
    fn placeholders(&self) -> impl Iterator<Item = &Placeholder> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Placeholder(placeholder) => Some(placeholder),
            Piece::Text(_) => None,
        })
    }

    /// The fields of the input without which it cannot be filled.
    pub(crate) fn required_fields(&self) -> Vec<String> {
        self.placeholders()
            .filter(|placeholder| !placeholder.is_optional)
            .filter_map(|placeholder| match &placeholder.source {
                Source::Field(path) => path.first().cloned(),
                _ => None,
            })
            .collect()
    }

    /// Whether there is a placeholder.
    pub(crate) fn has_places(&self) -> bool {
        self.placeholders().next().is_some()
    }

    /// The placeholder, if the template is nothing else: its value keeps its type.
    pub(crate) fn only_placeholder(&self) -> Option<&Placeholder> {
        match self.0.as_slice() {
            [Piece::Placeholder(placeholder)] => Some(placeholder),
            _ => None,
        }
    }

    /// The names of the secrets.
    pub(crate) fn secrets(&self) -> BTreeSet<String> {
        self.placeholders()
            .filter_map(|placeholder| match &placeholder.source {
                Source::Secret(name) => Some(name.clone()),
                _ => None,
            })
            .collect()
    }

    /// Fills the placeholders; `escape` writes a value for where it stands, or says why it cannot.
    pub(crate) fn fill(
        &self,
        values: Values<'_>,
        escape: impl Fn(&str) -> Result<String, String>,
    ) -> Result<String, String> {
        let mut filled = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Placeholder(placeholder) => {
                    let value = placeholder.text(values)?;
                    let escaped = escape(&value)
                        .map_err(|reason| format!("`{}` {reason}", placeholder.name()))?;
                    filled.push_str(&escaped);
                }
            }
        }
        Ok(filled)
    }

    /// The text, where nothing has to be escaped.
    pub(crate) fn text(&self, values: Values<'_>) -> Result<String, String> {
        self.fill(values, |value| Ok(value.to_owned()))
    }
}

/// A JSON value with placeholders: a text that is one placeholder alone has that value with its type, and a
/// field whose optional value is missing is left out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum JsonTemplate {
    Placeholder(Placeholder),
    Text(Template),
    Fixed(Json),
    List(Vec<JsonTemplate>),
    Object(Vec<(String, JsonTemplate)>),
}

impl JsonTemplate {
    pub(crate) fn parse(json: &Json) -> Result<Self, String> {
        Ok(match json {
            Json::String(text) => {
                let template = Template::parse(text)?;
                match template.only_placeholder() {
                    Some(placeholder) => Self::Placeholder(placeholder.clone()),
                    None => Self::Text(template),
                }
            }
            Json::Array(items) => {
                Self::List(items.iter().map(Self::parse).collect::<Result<_, _>>()?)
            }
            Json::Object(fields) => Self::Object(
                fields
                    .iter()
                    .map(|(name, field)| Ok((name.clone(), Self::parse(field)?)))
                    .collect::<Result<_, String>>()?,
            ),
            fixed => Self::Fixed(fixed.clone()),
        })
    }

    pub(crate) fn secrets(&self) -> BTreeSet<String> {
        match self {
            Self::Placeholder(placeholder) => {
                Template(vec![Piece::Placeholder(placeholder.clone())]).secrets()
            }
            Self::Text(template) => template.secrets(),
            Self::Fixed(_) => BTreeSet::new(),
            Self::List(items) => items.iter().flat_map(Self::secrets).collect(),
            Self::Object(fields) => fields
                .iter()
                .flat_map(|(_, field)| field.secrets())
                .collect(),
        }
    }

    pub(crate) fn fill(&self, values: Values<'_>) -> Result<Json, String> {
        Ok(self.filled(values)?.unwrap_or_default())
    }

    fn filled(&self, values: Values<'_>) -> Result<Option<Json>, String> {
        Ok(Some(match self {
            Self::Placeholder(placeholder) => return placeholder.value(values),
            Self::Text(template) => Json::from(template.text(values)?),
            Self::Fixed(fixed) => fixed.clone(),
            Self::List(items) => items
                .iter()
                .map(|item| item.fill(values))
                .collect::<Result<_, _>>()?,
            Self::Object(fields) => {
                let mut object = serde_json::Map::new();
                for (name, field) in fields {
                    if let Some(value) = field.filled(values)? {
                        object.insert(name.clone(), value);
                    }
                }
                Json::Object(object)
            }
        }))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use ghanti_model::{CallId, Language, PhoneNumber};
    use serde_json::json;

    use super::*;

    pub(crate) fn call() -> CallFacts {
        CallFacts {
            call_id: CallId::parse("0190a1b2-0000-7000-8000-000000000001").unwrap(),
            call_sid: None,
            direction: Direction::Outbound,
            customer_number: PhoneNumber::parse("9876543210").ok(),
            line_number: None,
            language: Language::english(),
            parameters: Vec::new(),
        }
    }

    fn with<T>(input: Json, fill: impl Fn(Values<'_>) -> T) -> T {
        let secrets = BTreeMap::from([("token".to_owned(), SecretText::new("hunter2"))]);
        fill(Values {
            input: &input,
            call: &call(),
            secrets: &secrets,
        })
    }

    fn filled(template: &str, input: Json) -> Result<String, String> {
        let template = Template::parse(template).unwrap();
        with(input, |values| template.text(values))
    }

    #[test]
    fn places_are_filled_from_the_input_the_secrets_and_the_call() {
        let input = json!({ "loan": 42, "who": { "name": "Asha" }, "is-new": true, "null": null, "list": [1] });
        for (template, text) in [
            ("{loan}/{who.name} {is-new}", "42/Asha true"),
            ("Bearer {secret:token}", "Bearer hunter2"),
            (
                "{call:id} {call:number} {call:direction} {call:language}",
                "0190a1b2-0000-7000-8000-000000000001 +919876543210 outbound en-IN",
            ),
            ("{{loan}} {none?}{null?}.{call:line?}", "{loan} ."),
            ("{{{loan}}}", "{42}"),
        ] {
            assert_eq!(filled(template, input.clone()).unwrap(), text);
        }
        for (template, part) in [
            ("{none}", "`none` is missing"),
            ("{null}", "`null` is missing"),
            ("{who}", "`who` is an object"),
            ("{list}", "`list` is a list"),
            ("{loan.more}", "`loan.more` is missing"),
            ("{call:line}", "the line's number` is missing"),
        ] {
            let reported = filled(template, input.clone()).unwrap_err();
            assert!(reported.contains(part), "{reported}");
        }
        assert_eq!(filled("{*}", json!({ "a": 1 })).unwrap(), "{\"a\":1}");
    }

    #[test]
    fn a_value_is_never_a_template() {
        let input = json!({ "a": "{secret:token}", "b": "{b}" });
        assert_eq!(filled("{a}{b}", input).unwrap(), "{secret:token}{b}");
    }

    #[test]
    fn what_is_no_place_is_reported() {
        for text in [
            "{",
            "}",
            "{a",
            "a}",
            "{}",
            "{a b}",
            "{call:pan}",
            "{secret:}",
            "{file:x}",
            "{a.}",
            "{a{b}}",
        ] {
            assert!(Template::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn values_in_json_keep_their_types_and_optional_ones_are_left_out() {
        let template = JsonTemplate::parse(&json!({
            "loan": "{loan}", "note": "loan {loan}", "more": ["{list}", "{none?}", 7], "gone": "{none?}", "deep": { "all": "{*}" }
        }))
        .unwrap();
        let input = json!({ "loan": 42, "list": ["\"x"] });
        assert_eq!(
            with(input.clone(), |values| template.fill(values)).unwrap(),
            json!({ "loan": 42, "note": "loan 42", "more": [["\"x"], null, 7], "deep": { "all": input } })
        );
    }
}
