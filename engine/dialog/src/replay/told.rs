//! Differences in words that may stand in a log: functions, templates, questions and dispositions by name; nothing that a customer said or has.

use std::fmt;

use samvaad_model::Function;
use serde_json::Value as Json;

use super::difference::Difference;
use crate::journal::Side;

impl fmt::Display for Side {
    /// Such as ``ask `identity` `` and ``say `emi` ``.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // the function's name is that of the contract, as its serialization is
        let function = serde_json::to_value(self.function).unwrap_or_default();
        f.write_str(function.as_str().unwrap_or("a function"))?;
        match name(self) {
            Some(name) => write!(f, " `{name}`"),
            None => Ok(()),
        }
    }
}

/// What the author calls it: a question's name, a template's, a fact's, a disposition. Keys of look-ups may hold a customer's number.
fn name(side: &Side) -> Option<&str> {
    match &side.arguments {
        _ if side.function == Function::Lookup => None,
        Json::String(name) => Some(name),
        Json::Array(items) => items.first()?.as_str(),
        Json::Object(fields) => fields.get("name").or_else(|| side.arguments.pointer("/content/value/name"))?.as_str(),
        _ => None,
    }
}

impl fmt::Display for Difference {
    /// In one sentence, such as ``entry 7 (structure): expected ask `language`, got ask `identity` ``.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |side: &Option<Side>| side.as_ref().map_or_else(|| "the end".to_owned(), Side::to_string);
        write!(f, "entry {} ({}): expected {}, got {}", self.seq, self.kind, side(&self.expected), side(&self.got))?;
        match &self.rule {
            Some(rule) => write!(f, ": {rule}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sides_are_told_by_their_names_and_never_by_what_a_customer_has() {
        let told = |function, arguments| Side { function, arguments }.to_string();
        let template = json!({ "content": { "kind": "template", "value": { "name": "emi", "arguments": [] } } });
        let text = json!({ "content": { "kind": "text", "value": "Asha owes 12" } });
        assert_eq!(told(Function::Say, template.clone()), "say `emi`");
        assert_eq!(told(Function::Say, text), "say");
        assert_eq!(told(Function::Ask, json!({ "name": "identity", "prompt": template })), "ask `identity`");
        assert_eq!(told(Function::Outcome, json!(["declined", "in a hurry"])), "outcome `declined`");
        assert_eq!(told(Function::Note, json!(["told-at", "17"])), "note `told-at`");
        assert_eq!(told(Function::SetLanguage, json!("hi-IN")), "set-language `hi-IN`");
        assert_eq!(told(Function::Lookup, json!("loan:42")), "lookup");
        assert_eq!(told(Function::Drain, Json::Null), "drain");
    }

    #[test]
    fn a_difference_is_one_sentence_with_both_sides() {
        let side = |name: &str| Some(Side { function: Function::Ask, arguments: json!({ "name": name }) });
        let difference = Difference::of(7, side("language"), side("identity"));
        assert_eq!(difference.to_string(), "entry 7 (structure): expected ask `language`, got ask `identity`");
        assert_eq!(Difference::of(7, side("language"), None).to_string(), "entry 7 (structure): expected ask `language`, got the end");
    }
}
