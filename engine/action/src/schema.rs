//! JSON Schema of inputs and answers. Schemas are the operator's; the values that they validate are not.

use std::fmt;

use jsonschema::{PatternOptions, Validator};
use serde_json::Value as Json;

/// The longest path that an error names, in bytes: names in an answer are a server's.
const PATH_BYTES: usize = 100;

/// A schema that validates values.
pub(crate) struct Schema {
    validator: Validator,
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Schema")
    }
}

impl Schema {
    /// Reads a schema. References lead nowhere outside it.
    pub(crate) fn new(schema: &Json) -> Result<Self, String> {
        jsonschema::options()
            // never backtracks, so that no value is slow to look at
            .with_pattern_options(PatternOptions::regex())
            .should_validate_formats(true)
            .build(schema)
            .map(|validator| Self { validator })
            .map_err(|error| error.masked().to_string())
    }

    /// The first thing that does not fit, by its place and the schema's word for it, without a value.
    pub(crate) fn check(&self, value: &Json) -> Result<(), String> {
        let Err(error) = self.validator.validate(value) else {
            return Ok(());
        };
        let place = error.instance_path().to_string();
        let place = match place.char_indices().nth(PATH_BYTES) {
            _ if place.is_empty() => "it".to_owned(),
            Some((end, _)) => format!("`{}…`", place.get(..end).unwrap_or_default()),
            None => format!("`{place}`"),
        };
        Err(format!(
            "{place} does not fit the schema (`{}`)",
            error.kind().keyword()
        ))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_does_not_fit_is_reported_by_its_place_and_not_by_its_value() {
        let schema = Schema::new(
            &json!({ "type": "object", "required": ["pan"], "additionalProperties": false,
            "properties": { "pan": { "type": "string", "pattern": "^[A-Z]{5}[0-9]{4}[A-Z]$" } } }),
        )
        .unwrap();
        assert_eq!(schema.check(&json!({ "pan": "ABCDE1234F" })), Ok(()));
        for (value, reported) in [
            (
                json!({ "pan": "hunter2" }),
                "`/pan` does not fit the schema (`pattern`)",
            ),
            (json!({}), "it does not fit the schema (`required`)"),
            (json!("hunter2"), "it does not fit the schema (`type`)"),
            (
                json!({ "pan": "ABCDE1234F", "hunter2": 1 }),
                "it does not fit the schema (`additionalProperties`)",
            ),
        ] {
            assert_eq!(schema.check(&value).unwrap_err(), reported);
        }
    }

    #[test]
    fn a_schema_that_is_none_or_leads_elsewhere_is_refused() {
        for schema in [
            json!({ "type": "text" }),
            json!({ "$ref": "https://example.com/schema.json" }),
            json!({ "$ref": "file:///etc/passwd" }),
            json!({ "type": "string", "pattern": "(?=x)y" }),
        ] {
            assert!(Schema::new(&schema).is_err(), "{schema}");
        }
    }

    #[test]
    fn a_pattern_that_would_backtrack_for_years_takes_no_time() {
        let schema = Schema::new(&json!({ "pattern": "^(a+)+$" })).unwrap();
        let began = std::time::Instant::now();
        assert!(
            schema
                .check(&json!(format!("{}!", "a".repeat(50_000))))
                .is_err()
        );
        assert!(began.elapsed().as_secs() < 2);
    }
}
