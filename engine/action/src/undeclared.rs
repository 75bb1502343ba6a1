//! Places for fields of the input that the schema of the input does not name: a misspelt one is never filled.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::definition::Definition;
use crate::template::Template;

/// Words of JSON Schema by which an object may have properties that `properties` does not name.
const OTHER_PROPERTIES: [&str; 8] = [
    "$ref",
    "allOf",
    "anyOf",
    "oneOf",
    "if",
    "patternProperties",
    "dependentSchemas",
    "unevaluatedProperties",
];

/// What the schema says of fields that it does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Others {
    /// The input has none.
    Refused,
    /// The input may have some.
    Allowed,
}

impl Definition {
    /// The places whose fields `input` does not name, with the keys that they stand in, and whether the input may have
    /// these fields nevertheless.
    pub(crate) fn undeclared(&self) -> (Vec<(&'static str, String)>, Others) {
        let Some((named, others)) = self.input.as_ref().and_then(named) else {
            return (Vec::new(), Others::Allowed);
        };
        let mut texts: Vec<(&'static str, &str)> = Vec::new();
        for (key, text) in [
            ("url", &self.url),
            ("system", &self.system),
            ("prompt", &self.prompt),
            ("text", &self.text),
            ("key", &self.key),
        ] {
            texts.extend(text.iter().map(|text| (key, text.as_str())));
        }
        texts.extend(self.headers.values().map(|text| ("headers", text.as_str())));
        texts.extend(self.form.values().map(|text| ("form", text.as_str())));
        if let Some(body) = &self.body {
            collect(body, &mut texts);
        }
        let mut found = BTreeSet::new();
        for (key, text) in texts {
            let fields = Template::parse(text).map(|template| template.required_fields());
            let fields = fields.unwrap_or_default().into_iter();
            found.extend(
                fields
                    .filter(|field| !named.contains(field.as_str()))
                    .map(|field| (key, field)),
            );
        }
        (found.into_iter().collect(), others)
    }

    /// What is odd about it, one sentence each.
    pub fn doubts(&self, name: &str) -> Vec<String> {
        match self.undeclared() {
            (found, Others::Allowed) => found
                .into_iter()
                .map(|(key, field)| {
                    format!(
                        "`{key}` of `[actions.{}]` has a place for `{field}`, which `properties` of its `input` does not name: an invocation without it fails; correct one of them",
                        name.escape_default()
                    )
                })
                .collect(),
            (_, Others::Refused) => Vec::new(),
        }
    }
}

/// The fields that a schema names, where it says which an input has.
fn named(schema: &Json) -> Option<(BTreeSet<&str>, Others)> {
    let schema = schema.as_object()?;
    if OTHER_PROPERTIES
        .iter()
        .any(|word| schema.contains_key(*word))
    {
        return None;
    }
    let named = schema.get("properties")?.as_object()?;
    let others = match schema.get("additionalProperties") {
        Some(Json::Bool(false)) => Others::Refused,
        Some(Json::Bool(true)) | None => Others::Allowed,
        // fields of another schema are meant
        Some(_) => return None,
    };
    Some((named.keys().map(String::as_str).collect(), others))
}

/// The texts of a body.
fn collect<'b>(body: &'b Json, texts: &mut Vec<(&'static str, &'b str)>) {
    match body {
        Json::String(text) => texts.push(("body", text)),
        Json::Array(items) => items.iter().for_each(|item| collect(item, texts)),
        Json::Object(fields) => fields.values().for_each(|field| collect(field, texts)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::definition::Definition;

    fn definition(input: &serde_json::Value) -> Definition {
        serde_json::from_value(json!({
            "kind": "http",
            "url": "https://crm.example.com/loans/{laon}?note={note?}",
            "body": { "id": "{id}", "all": ["{customer.name}"] },
            "input": input,
        }))
        .unwrap()
    }

    #[test]
    fn a_place_for_a_field_that_the_input_cannot_have_is_an_error() {
        let strict = json!({ "type": "object", "additionalProperties": false, "properties": { "loan": {}, "id": {}, "customer": {} } });
        let errors = definition(&strict).errors("due");
        assert_eq!(
            errors,
            [
                "`url` of `[actions.due]` has a place for `laon`, which `input` refuses: no invocation could fill it; it names customer, id, loan"
            ]
        );
        assert!(definition(&strict).doubts("due").is_empty());
    }

    #[test]
    fn a_place_for_a_field_that_the_input_does_not_name_is_a_doubt() {
        let named = json!({ "type": "object", "properties": { "loan": {}, "id": {} } });
        let doubts = definition(&named).doubts("due");
        assert_eq!(definition(&named).errors("due"), Vec::<String>::new());
        assert_eq!(doubts.len(), 2, "{doubts:?}");
        assert!(doubts[0].starts_with("`body` of `[actions.due]` has a place for `customer`"));
        assert!(doubts[1].starts_with("`url` of `[actions.due]` has a place for `laon`"));
        for open in [
            json!({ "type": "object" }),
            json!({ "properties": { "loan": {} }, "additionalProperties": { "type": "string" } }),
            json!({ "properties": { "loan": {} }, "patternProperties": { "^l": {} } }),
        ] {
            assert!(definition(&open).doubts("due").is_empty(), "{open}");
        }
    }
}
