//! Exotel's HTTP parameters: a query, a form (URL-encoded or multipart) or JSON, all flattened to
//! bracketed names, `Legs[0][Status]`. Placeholder values (`null`, empty, 1970, an unexpanded
//! template) count as absent.
//!
//! Source: Exotel, "Passthru applet" and "StatusCallback"; the placeholder values are from real
//! requests.

use std::collections::BTreeMap;
use std::fmt;

use ghanti_model::{CallSid, Masked, PhoneNumber};
use serde_json::Value;

use crate::repair::repaired;
use crate::{ParseError, multipart};

/// The most parameters kept; Exotel's longest requests have about forty.
const MAX_PARAMETERS: usize = 256;
/// The largest body accepted.
pub(crate) const MAX_BODY_BYTES: usize = 256 * 1024;
/// The deepest nesting kept; `Legs[0][Status]` is two deep.
const MAX_DEPTH: usize = 4;
/// Values sent for an unknown time: the epoch in IST, and an older constant.
const NO_TIMES: [&str; 2] = ["1970-01-01 05:30:00", "0000-00-00 00:00:00"];
/// Parameters sent either with bracketed names or as a JSON string.
const NESTED: [&str; 2] = ["Stream", "Legs"];
/// Names, or last segments of bracketed names, whose values are never personal.
#[rustfmt::skip]
const SHOWN: &[&str] = &[
    "CallSid", "Direction", "Created", "StartTime", "EndTime", "CurrentTime", "DialCallDuration", "DialCallStatus", "CallType", "CallStatus",
    "ProcessStatus", "flow_id", "tenant_id", "RecordingUrl", "RecordingAvailableBy", "Type", "OnCallDuration", "Cause", "CauseCode",
    "DisconnectedBy", "StreamSID", "Status", "Duration", "DetailedStatus", "Error", "EventType", "DateCreated", "DateUpdated",
    "ConversationDuration", "AnsweredBy",
];
/// Likewise for phone numbers, of which the last four digits are shown. All other values are fully
/// masked.
const NUMBERS: &[&str] = &[
    "From",
    "To",
    "CallFrom",
    "CallTo",
    "DialWhomNumber",
    "OutgoingPhoneNumber",
    "ForwardedFrom",
    "Number",
    "CallerId",
];

/// Named values in the order sent. `Debug` is masked.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Parameters {
    pairs: Vec<(String, String)>,
}

impl Parameters {
    /// Parses a query or a URL-encoded form. Never fails: invalid UTF-8 is replaced, and a part
    /// without `=` is a name with an empty value.
    pub fn from_query(query: &str) -> Self {
        Self::from_encoded(query.trim_start_matches('?').as_bytes())
    }

    /// Takes pairs that are already decoded.
    pub fn from_pairs<N: Into<String>, V: Into<String>>(
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let mut parameters = Self::default();
        for (name, value) in pairs {
            parameters.add(name.into(), value.into());
        }
        parameters
    }

    /// Parses a JSON object, flattened: `{"Legs": [{"Status": "busy"}]}` is `Legs[0][Status]=busy`.
    ///
    /// # Errors
    /// The text is over 256 KiB or is not JSON.
    pub fn from_json(text: &str) -> Result<Self, ParseError> {
        if text.len() > MAX_BODY_BYTES {
            return Err(ParseError::TooLong {
                bytes: text.len(),
                limit: MAX_BODY_BYTES,
            });
        }
        json(text)
            .map(|value| Self::from_value(&value))
            .map_err(ParseError::NotJson)
    }

    /// Takes a JSON value, flattened.
    pub(crate) fn from_value(value: &Value) -> Self {
        let mut parameters = Self::default();
        parameters.flatten("", value, 0);
        parameters
    }

    /// Parses a body by its content type, as a form if there is none. Of multipart, Exotel's
    /// default for callbacks, only text fields are supported.
    ///
    /// # Errors
    /// The body is over 256 KiB, invalid JSON, multipart without a boundary, or of another type.
    pub fn from_body(content_type: Option<&str>, body: &[u8]) -> Result<Self, ParseError> {
        if body.len() > MAX_BODY_BYTES {
            return Err(ParseError::TooLong {
                bytes: body.len(),
                limit: MAX_BODY_BYTES,
            });
        }
        let content_type = content_type.unwrap_or("application/x-www-form-urlencoded");
        let kind = content_type
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        match kind.as_str() {
            "application/x-www-form-urlencoded" => Ok(Self::from_encoded(body)),
            "application/json" => Self::from_json(&String::from_utf8_lossy(body)),
            "multipart/form-data" => {
                let boundary = multipart::boundary(content_type).ok_or(ParseError::Missing {
                    field: "boundary",
                    expected: "the boundary of the multipart body in its content type",
                })?;
                Ok(Self::from_pairs(multipart::fields(boundary, body)))
            }
            _ => Err(ParseError::ContentType(kind)),
        }
    }

    /// The value of a name, case-insensitive; `None` if missing or a placeholder. Of several, the
    /// last that is not a placeholder: Exotel appends its own parameters to those already in the
    /// configured URL.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs
            .iter()
            .rev()
            .filter(|(given, _)| given.eq_ignore_ascii_case(name))
            .find_map(|(_, value)| meaning(value))
    }

    /// Like [`get`](Self::get), as an owned string.
    pub fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    /// Like [`get`](Self::get), for personal values.
    pub fn masked_text(&self, name: &str) -> Option<Masked> {
        self.get(name).map(Masked::from)
    }

    /// Like [`get`](Self::get), as a count, such as seconds.
    pub fn count(&self, name: &str) -> Option<u32> {
        self.get(name)?.parse().ok()
    }

    /// Like [`get`](Self::get), as a phone number; `None` for `sip:` addresses and withheld
    /// numbers.
    pub fn phone_number(&self, name: &str) -> Option<PhoneNumber> {
        PhoneNumber::parse(self.get(name)?).ok()
    }

    /// The `CallSid`.
    pub fn call_sid(&self) -> Option<CallSid> {
        CallSid::parse(self.get("CallSid")?).ok()
    }

    /// The values of a list, `name[]` or `name[0]`, `name[1]` and so on, in the order sent.
    pub fn list<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let item = move |given: &str| {
            let index = given
                .strip_prefix(name)
                .and_then(|rest| rest.strip_prefix('['))
                .and_then(|rest| rest.strip_suffix(']'));
            index.is_some_and(|index| index.bytes().all(|byte| byte.is_ascii_digit()))
        };
        self.pairs
            .iter()
            .filter(move |(given, _)| item(given))
            .filter_map(|(_, value)| meaning(value))
    }

    /// Whether any name has this prefix, case-insensitive.
    pub(crate) fn has_prefix(&self, prefix: &str) -> bool {
        self.pairs.iter().any(|(name, _)| {
            name.get(..prefix.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        })
    }

    /// All values that are not placeholders, masked for a record or log: states, times and ids
    /// verbatim, phone numbers with four digits, everything else by length only.
    pub fn masked(&self) -> BTreeMap<String, String> {
        let shown = |name: &str, value: &str| {
            let last = name
                .trim_end_matches(']')
                .rsplit('[')
                .next()
                .unwrap_or(name);
            let is_one_of =
                |names: &[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(last));
            match PhoneNumber::parse(value) {
                _ if is_one_of(SHOWN) => value.to_owned(),
                Ok(number) if is_one_of(NUMBERS) => number.masked(),
                _ => Masked::from(value).to_string(),
            }
        };
        self.pairs
            .iter()
            .filter_map(|(name, value)| {
                meaning(value).map(|value| (name.clone(), shown(name, value)))
            })
            .collect()
    }

    fn from_encoded(bytes: &[u8]) -> Self {
        Self::from_pairs(form_urlencoded::parse(bytes).take(MAX_PARAMETERS))
    }

    fn add(&mut self, name: String, value: String) {
        if self.pairs.len() >= MAX_PARAMETERS {
            return;
        }
        if NESTED
            .iter()
            .any(|nested| nested.eq_ignore_ascii_case(&name))
            && let Ok(nested @ (Value::Object(_) | Value::Array(_))) = json(&value)
        {
            return self.flatten(&name, &nested, 0);
        }
        self.pairs.push((name, value));
    }

    fn flatten(&mut self, name: &str, value: &Value, depth: usize) {
        let inner = |key: &str| {
            if name.is_empty() {
                key.to_owned()
            } else {
                format!("{name}[{key}]")
            }
        };
        match value {
            Value::Object(_) | Value::Array(_) if depth == MAX_DEPTH => {}
            Value::Object(object) => object
                .iter()
                .for_each(|(key, value)| self.flatten(&inner(key), value, depth + 1)),
            Value::Array(list) => {
                list.iter().enumerate().for_each(|(at, value)| {
                    self.flatten(&inner(&at.to_string()), value, depth + 1)
                });
            }
            // kept, so that a leg that was not attempted still counts as a leg
            Value::Null => self.add(name.to_owned(), String::new()),
            Value::String(text) => self.add(name.to_owned(), text.clone()),
            other => self.add(name.to_owned(), other.to_string()),
        }
    }
}

/// Parses JSON, repairing values that Rust cannot represent.
pub(crate) fn json(text: &str) -> Result<Value, serde_json::Error> {
    serde_json::from_str(text)
        .or_else(|error| repaired(text).map_or(Err(error), |text| serde_json::from_str(&text)))
}

/// The trimmed value, unless it is one of Exotel's placeholders.
fn meaning(value: &str) -> Option<&str> {
    let value = value.trim();
    let nothing = value.is_empty()
        || value.eq_ignore_ascii_case("null")
        || NO_TIMES.contains(&value)
        || is_template(value);
    (!nothing).then_some(value)
}

/// `{CallSid}` or `{{CallSid}}`: a template sent unexpanded.
fn is_template(value: &str) -> bool {
    let Some(inner) = value
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
    else {
        return false;
    };
    let inner = inner
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
        .unwrap_or(inner);
    let inner = inner.trim();
    !inner.is_empty()
        && inner
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'[' | b']'))
}

impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.masked().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_nothing_are_none() {
        for value in [
            "",
            "null",
            "NULL",
            " ",
            "1970-01-01 05:30:00",
            "0000-00-00 00:00:00",
            "{CallSid}",
            "{{CallSid}}",
            "{{ Stream[Status] }}",
        ] {
            assert_eq!(
                Parameters::from_pairs([("x", value)]).get("x"),
                None,
                "{value}"
            );
        }
        for value in ["0", "{\"a\":1}", "{}", "nullable", "1970-01-02 05:30:00"] {
            assert_eq!(Parameters::from_pairs([("x", value)]).get("x"), Some(value));
        }
    }

    #[test]
    fn the_last_value_that_means_something_wins() {
        let parameters =
            Parameters::from_query("?CallSid={CallSid}&token=t&callsid=c1&CallSid=null");
        assert_eq!(parameters.call_sid().unwrap().as_str(), "c1");
    }

    #[test]
    fn a_flood_of_parameters_is_cut_off() {
        let query = "Legs[0][Number]=1&".repeat(10_000);
        assert_eq!(Parameters::from_query(&query).pairs.len(), MAX_PARAMETERS);
        let json = format!(r#"{{"a":[{}0]}}"#, "0,".repeat(10_000));
        assert_eq!(
            Parameters::from_json(&json).unwrap().pairs.len(),
            MAX_PARAMETERS
        );
        assert!(Parameters::from_json(&"[".repeat(100_000)).is_err());
    }

    #[test]
    fn half_an_emoji_or_bytes_that_are_no_utf_8_cost_no_other_parameter() {
        let cases = [
            Parameters::from_json(
                r#"{"CallSid":"c1","CustomField":"Asha \ud83d","ConversationDuration":1e999}"#,
            )
            .unwrap(),
            Parameters::from_query("CallSid=c1&CustomField=Asha%20%F0%9F"),
            Parameters::from_body(None, b"CallSid=c1&CustomField=Asha \xf0\x9f").unwrap(),
        ];
        for parameters in cases {
            assert_eq!(parameters.call_sid().unwrap().as_str(), "c1");
            assert_eq!(parameters.get("CustomField"), Some("Asha \u{fffd}"));
        }
        let nested = Parameters::from_query(
            "Stream=%7B%22Status%22%3A%22failed%22%2C%22Error%22%3A%22%5Cud83d%22%7D",
        );
        assert_eq!(nested.get("Stream[Status]"), Some("failed"));
    }

    #[test]
    fn bodies_of_all_three_types_say_the_same() {
        let expected = Parameters::from_pairs([("CallSid", "c1"), ("Legs[0][Status]", "busy")]);
        let multipart = "--b1\r\nContent-Disposition: form-data; name=\"CallSid\"\r\n\r\nc1\r\n--b1\r\n\
                         Content-Disposition: form-data; name=\"Legs[0][Status]\"\r\n\r\nbusy\r\n--b1--\r\n";
        let cases = [
            (None, "CallSid=c1&Legs%5B0%5D%5BStatus%5D=busy"),
            (
                Some("application/json; charset=utf-8"),
                r#"{"CallSid":"c1","Legs":[{"Status":"busy"}]}"#,
            ),
            (Some("multipart/form-data; boundary=b1"), multipart),
        ];
        for (content_type, body) in cases {
            assert_eq!(
                Parameters::from_body(content_type, body.as_bytes()).unwrap(),
                expected,
                "{content_type:?}"
            );
        }
        assert!(matches!(
            Parameters::from_body(Some("text/xml"), b"<a/>"),
            Err(ParseError::ContentType(_))
        ));
    }

    #[test]
    fn logs_show_states_but_no_person() {
        let parameters = Parameters::from_query(
            "CallSid=c1&From=09876543210&digits=8917654&CustomField=asha&Stream[Status]=failed&Stream[StreamUrl]=wss://x/secret",
        );
        let shown = format!("{parameters:?}");
        assert!(
            shown.contains(r#""CallSid": "c1""#)
                && shown.contains("xxxxxx3210")
                && shown.contains("failed"),
            "{shown}"
        );
        assert!(
            !["98765", "7654", "asha", "secret"]
                .iter()
                .any(|secret| shown.contains(secret)),
            "{shown}"
        );
    }
}
