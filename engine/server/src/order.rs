//! The body of `POST /api/calls`. All errors in it are reported together, and never contain a value.

use std::collections::BTreeMap;
use std::fmt;

use ghanti_campaign::rules::zone_named;
use ghanti_catalogue::NotAnOrder;
use ghanti_manifest::{CustomerReading, FieldProblem};
use ghanti_model::values::phone;
use ghanti_model::{FlowName, Masked, PhoneNumber};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value as Json;
use utoipa::ToSchema;

use crate::problem::{Kind, Problem};

/// Maximum number of fields in a record.
const FIELDS: usize = 64;
/// Maximum length of a field's name and of its value, in bytes.
const FIELD_BYTES: usize = 1_024;
/// Maximum length of a field's name in an error, in characters; the sender chose it.
const SHOWN: usize = 64;

const FIX: &str = r#"send {"phone": "+91…", "flow": "emi-reminder", "fields": {"name": "…"}}"#;

/// A customer's record for a call to be made, as it is stored: every value in its canonical form.
#[derive(Debug)]
pub struct Order {
    /// The customer's number.
    pub phone: PhoneNumber,
    /// The requested flow. When absent, the engine chooses.
    pub flow: Option<FlowName>,
    /// All other fields, by name.
    pub fields: BTreeMap<String, Masked>,
    /// Whether the customer is to be dialled; `None` leaves it to the engine, which dials if it has
    /// an account.
    pub dial: Option<bool>,
}

/// The body as sent. `phone` and `flow` accept any JSON, so that errors in them are reported
/// together with those in the fields.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Order)]
pub struct OrderBody {
    /// The customer's number, in any spelling.
    #[serde(default)]
    #[schema(value_type = String, required)]
    phone: Json,
    /// The flow for the call; without it the engine chooses.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    flow: Json,
    /// The customer's fields, as the flow declares them.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, String>)]
    fields: Fields,
    /// Whether the engine dials; without it, it does if it has an account.
    #[serde(default)]
    dial: Option<bool>,
}

/// The members of a JSON object in order. Duplicate names are kept, so that they can be reported.
#[derive(Default)]
struct Fields(Vec<(String, Json)>);

impl Order {
    /// Reads a body. `read_fields` parses the fields as the named flow declares them.
    ///
    /// # Errors
    ///
    /// A 400 that lists every missing or unreadable field, or says that the body is not the
    /// expected JSON.
    pub fn read(
        body: &[u8],
        read_fields: impl FnOnce(
            Option<&str>,
            &BTreeMap<String, Masked>,
        ) -> Result<BTreeMap<String, Masked>, NotAnOrder>,
    ) -> Result<Self, Problem> {
        let body: OrderBody =
            serde_json::from_slice(body).map_err(|error| Problem::json(&error, FIX))?;
        let mut problems = Vec::new();
        let phone = number(&body.phone, &mut problems);
        let wanted = text("flow", &body.flow, &mut problems);
        let fields = body.fields.read(&mut problems)?;
        match read_fields(wanted, &fields) {
            Ok(fields) if problems.is_empty() => {
                let flow = wanted.map(FlowName::parse).transpose();
                match (phone, flow) {
                    (Some(phone), Ok(flow)) => {
                        return Ok(Self {
                            phone,
                            flow,
                            fields,
                            dial: body.dial,
                        });
                    }
                    _ => problems.push(problem(
                        "flow",
                        "is not the name of a flow: leave it out, or name one that is loaded",
                    )),
                }
            }
            Ok(_) => {}
            Err(NotAnOrder { flow, fields }) => {
                problems.extend(flow.map(|unknown| problem("flow", &unknown.to_string())));
                problems.extend(new_ones(&problems, fields));
            }
        }
        Err(Problem::fields(problems))
    }
}

/// A customer of a list, as sent. As in an order, errors are reported together.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CustomerRow)]
pub struct Row {
    /// The customer's line in the imported file.
    pub line: u32,
    /// The customer's number, in any spelling.
    #[serde(default)]
    #[schema(value_type = String, required)]
    phone: Json,
    /// The customer's fields, as the flow declares them.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, String>)]
    fields: Fields,
}

impl Row {
    /// Reads the row. `read_fields` parses the fields as the flow declares them.
    ///
    /// # Errors
    ///
    /// Every missing or unreadable field.
    pub fn read(
        self,
        read_fields: impl FnOnce(&BTreeMap<String, Masked>) -> CustomerReading,
    ) -> Result<(PhoneNumber, BTreeMap<String, Masked>), Vec<FieldProblem>> {
        let mut problems = Vec::new();
        let phone = number(&self.phone, &mut problems);
        if self.fields.0.len() > FIELDS {
            problems.push(problem("fields", "are more than 64: send fewer fields"));
            return Err(problems);
        }
        let fields = self.fields.collect(&mut problems);
        let reading = read_fields(&fields);
        problems.extend(new_ones(&problems, reading.problems));
        // a campaign asks it before each dial
        if let Err((field, no_zone)) = zone_named(&reading.fields) {
            problems.push(problem(field, &no_zone.to_string()));
        }
        match phone {
            Some(phone) if problems.is_empty() => Ok((phone, reading.fields)),
            _ => Err(problems),
        }
    }
}

/// A field already reported as unreadable is not reported as missing too.
fn new_ones(known: &[FieldProblem], found: Vec<FieldProblem>) -> Vec<FieldProblem> {
    let is_new = |field: &FieldProblem| known.iter().all(|known| known.field != field.field);
    found.into_iter().filter(is_new).collect()
}

/// The customer's number.
fn number(sent: &Json, problems: &mut Vec<FieldProblem>) -> Option<PhoneNumber> {
    if sent.is_null() {
        problems.push(problem(
            "phone",
            "is missing: write `+91` and the ten digits",
        ));
    }
    let text = text("phone", sent, problems)?;
    phone(text)
        .map_err(|why| problems.push(FieldProblem::unreadable("phone", text, why)))
        .ok()
}

impl Fields {
    fn read(self, problems: &mut Vec<FieldProblem>) -> Result<BTreeMap<String, Masked>, Problem> {
        if self.0.len() > FIELDS {
            return Err(Problem::new(
                Kind::TooManyFields,
                format!("{} fields are too many", self.0.len()),
                "send at most 64 fields",
            ));
        }
        Ok(self.collect(problems))
    }

    fn collect(self, problems: &mut Vec<FieldProblem>) -> BTreeMap<String, Masked> {
        let mut fields = BTreeMap::new();
        for (name, value) in self.0 {
            let shown: String = name.chars().take(SHOWN).collect();
            let Some(value) = text(&shown, &value, problems) else {
                if value.is_null() {
                    problems.push(problem(
                        &shown,
                        "is null: leave the field out, or send its value in quotes",
                    ));
                }
                continue;
            };
            if name.len() > FIELD_BYTES || value.len() > FIELD_BYTES {
                problems.push(problem(
                    &shown,
                    "is too long: send at most 1,024 bytes per field",
                ));
            } else if fields.insert(name, Masked::from(value)).is_some() {
                problems.push(problem(&shown, "is given twice: send each field once"));
            }
        }
        fields
    }
}

/// The text of a value, or `None` for null. Other types are problems: a number may not be what was
/// typed, as in `478213.0` or `4.78e5`.
fn text<'j>(field: &str, value: &'j Json, problems: &mut Vec<FieldProblem>) -> Option<&'j str> {
    match value {
        Json::String(text) => return Some(text),
        Json::Null => {}
        Json::Number(_) | Json::Bool(_) => problems.push(problem(
            field,
            "is not a string: send its value in quotes, as the customer would read it",
        )),
        Json::Array(_) | Json::Object(_) => {
            problems.push(problem(field, "is not a string: send one value in quotes"))
        }
    }
    None
}

fn problem(field: &str, reason: &str) -> FieldProblem {
    FieldProblem {
        field: field.to_owned(),
        shape: None,
        reason: reason.to_owned(),
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;

        impl<'de> Visitor<'de> for Pairs {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Fields, M::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Fields(pairs))
            }
        }

        deserializer.deserialize_map(Pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &str) -> String {
        let taken = |_: Option<&str>, fields: &BTreeMap<String, Masked>| Ok(fields.clone());
        format!("{:?}", Order::read(body.as_bytes(), taken).unwrap_err())
    }

    #[test]
    fn a_customer_with_an_unknown_time_zone_is_refused_with_a_suggestion() {
        let read = |field: &str, value: &str| {
            let row =
                serde_json::json!({ "line": 2, "phone": "9876581001", "fields": { field: value } });
            let row: Row = serde_json::from_value(row).unwrap();
            let read = row.read(|fields| CustomerReading {
                fields: fields.clone(),
                problems: Vec::new(),
            });
            read.map(drop)
                .map_err(|problems| format!("{}: {}", problems[0].field, problems[0].reason))
        };
        for (field, value) in [
            ("time-zone", "Asia/Dubai"),
            ("utc-offset", "+04:00"),
            ("time-zone", " "),
            ("city", "Dubay"),
        ] {
            assert_eq!(read(field, value), Ok(()), "{value}");
        }
        let reported = read("time-zone", "Asia/Dubay").unwrap_err();
        assert!(
            reported.starts_with("time-zone: ") && reported.contains("did you mean `Asia/Dubai`?"),
            "{reported}"
        );
        assert!(
            read("utc-offset", "IST")
                .unwrap_err()
                .starts_with("utc-offset: ")
        );
    }

    #[test]
    fn errors_name_the_field_and_never_contain_its_value() {
        for (body, words) in [
            (r#"{"fields": {}}"#, "`phone` is missing"),
            (r#"{"phone": 9876543210}"#, "`phone` is not a string"),
            (
                r#"{"phone": "+91 98765 4321", "fields": {"amount": 12450.10}}"#,
                "`amount` is not a string",
            ),
            (
                r#"{"phone": "98765432101", "fields": {}}"#,
                "`phone` has not the ten digits",
            ),
            (
                r#"{"phone": "9876543210", "flow": 7}"#,
                "`flow` is not a string",
            ),
            (
                r#"{"phone": "9876543210", "flow": "../etc"}"#,
                "`flow` is not the name",
            ),
            (
                r#"{"phone": "9876543210", "fields": {"amount": "1", "amount": "2"}}"#,
                "`amount` is given twice",
            ),
            (
                r#"{"phone": "9876543210", "fields": {"amount": null}}"#,
                "`amount` is null",
            ),
            (
                r#"{"phone": "9876543210", "fields": {"loan": ["478213"]}}"#,
                "`loan` is not a string",
            ),
            (r#"{"phone": "9876543210", "fields": []}"#, "wrong type"),
            (r#"{"phone": "9876543210", "colour": 1}"#, "unknown"),
            (r#"{"phone": "#, "not JSON"),
        ] {
            let reported = refused(body);
            assert!(reported.contains(words), "{body}: {reported}");
            assert!(
                !reported.contains("9876543210") && !reported.contains("478213"),
                "{reported}"
            );
        }
        let all = refused(r#"{"phone": "123", "flow": 7, "fields": {"a": 1, "b": null}}"#);
        assert!(
            ["`phone`", "`flow`", "`a`", "`b`"]
                .iter()
                .all(|field| all.contains(field)),
            "{all}"
        );
    }

    #[test]
    fn a_number_is_stored_in_its_canonical_form() {
        let taken = |_: Option<&str>, fields: &BTreeMap<String, Masked>| Ok(fields.clone());
        let order = Order::read(
            br#"{"phone": "+91 (0)98765 43210", "flow": "emi", "fields": {"a": "1"}}"#,
            taken,
        )
        .unwrap();
        assert_eq!(
            (
                order.phone.expose(),
                order.flow.unwrap().as_str(),
                order.fields.len()
            ),
            ("+919876543210", "emi", 1)
        );
    }
}
