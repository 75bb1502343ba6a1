//! The settings of an engine from `ghanti config print`, one by one and as a schema.

use ghanti_server::Config;
use ghanti_server::config::printed;
use serde_json::{Map, Value, json};

/// All settings of `ghanti.toml`, or those of a section or name.
pub fn explained(key: Option<&str>) -> Option<String> {
    let all = printed(&Config::default());
    let Some(key) = key else {
        return Some(all);
    };
    let key = key.trim_matches(['[', ']']);
    let paragraphs: Vec<_> = all_of(&all)
        .into_iter()
        .filter(|setting| setting.section == key || setting.key == key)
        .map(|setting| {
            format!(
                "[{}]\n{}{}\n",
                setting.section, setting.comment, setting.line
            )
        })
        .collect();
    (!paragraphs.is_empty()).then(|| paragraphs.join("\n"))
}

/// A setting as it is printed.
struct Printed {
    section: String,
    key: String,
    /// Its sentence, as comments.
    comment: String,
    /// `key = value`, or in a comment `# key = example`.
    line: String,
    value: Option<toml::Value>,
}

fn all_of(printed: &str) -> Vec<Printed> {
    let (mut section, mut comment, mut all) = (String::new(), String::new(), Vec::new());
    for line in printed.lines() {
        if let Some(name) = line.strip_prefix('[') {
            name.trim_end_matches(']').clone_into(&mut section);
            comment.clear();
            continue;
        }
        let bare = line.strip_prefix("# ").unwrap_or(line);
        let read = bare
            .parse::<toml::Table>()
            .ok()
            .filter(|table| table.len() == 1);
        match read.and_then(|table| table.into_iter().next()) {
            Some((key, value)) => {
                all.push(Printed {
                    section: section.clone(),
                    key,
                    comment: std::mem::take(&mut comment),
                    line: line.to_owned(),
                    value: Some(value),
                });
            }
            None if line.is_empty() => comment.clear(),
            None => comment.push_str(&format!("{line}\n")),
        }
    }
    all
}

/// The JSON Schema of `ghanti.toml`, for editors: types are those of the values and examples.
pub fn schema() -> Value {
    let all = printed(&Config::default());
    let mut sections: Map<String, Value> = Map::new();
    for setting in all_of(&all) {
        // their keys are names that the operator chooses, and the printed ones are examples
        let is_named = ["settings", "flows", "transfer", "webhooks", "actions"];
        let section = sections.entry(setting.section.clone()).or_insert_with(|| {
            json!({ "type": "object", "properties": {}, "additionalProperties": is_named.contains(&setting.section.as_str()) })
        });
        let sentence = setting.comment.replace("# ", "").replace('\n', " ");
        let mut schema = match &setting.value {
            Some(toml::Value::Boolean(_)) => json!({ "type": "boolean" }),
            Some(toml::Value::Integer(_)) => json!({ "type": "integer" }),
            Some(toml::Value::Float(_)) => json!({ "type": "number" }),
            Some(toml::Value::String(_)) => json!({ "type": "string" }),
            Some(toml::Value::Array(_)) => json!({ "type": "array" }),
            Some(toml::Value::Table(_)) => json!({ "type": "object" }),
            _ => json!({}),
        };
        if is_named.contains(&setting.section.as_str()) {
            continue;
        }
        if let (Some(fields), Some(properties)) = (
            schema.as_object_mut(),
            section["properties"].as_object_mut(),
        ) {
            fields.insert("description".to_owned(), json!(sentence.trim()));
            properties.insert(setting.key, schema);
        }
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "ghanti.toml, the settings of an engine",
        "type": "object", "properties": sections, "additionalProperties": false,
    })
}
