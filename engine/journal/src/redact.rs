//! A host call as one line that may be logged: functions, templates, questions, choices and other
//! names of the flow's own, but never a customer's value, wherever the flow has put it.
//!
//! `say emi-details (loan-digits, amount, due-date)`, `ask identity: greeting (name) → choice yes`,
//! `note told-at ‹13 characters›`.

use ghanti_model::{
    Answer, CallError, Collection, Content, Function, JournalEntry, Masked, Prompt, Question,
    Reply, Value,
};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::answer::{Outcome, Side};

/// Texts that are longer or have more digits are not shown as names: they may be someone's number.
const NAME_BYTES_MAX: usize = 64;
const NAME_DIGITS_MAX: usize = 6;

/// A host call, with its answer if it is an error, or a reply to `ask` or `collect`.
pub fn redacted(entry: &JournalEntry) -> String {
    let called = called(entry.function, &entry.arguments);
    match answered(entry) {
        Some(answer) => format!("{called} → {answer}"),
        None => called,
    }
}

/// A host call without its answer.
pub fn called(function: Function, arguments: &Json) -> String {
    let spelled = function_name(function);
    match words(function, arguments).filter(|words| !words.is_empty()) {
        Some(words) => format!("{spelled} {words}"),
        None => spelled,
    }
}

/// Where the arguments of two calls of one function first differ, as a path without the values:
/// `content.value.arguments[amount].value`. `None` if they are equal.
pub fn differing(expected: &Side, got: &Side) -> Option<String> {
    let path = path("", &expected.arguments, &got.arguments)?;
    Some(if path.is_empty() {
        "its argument".to_owned()
    } else {
        format!("`{}`", path.trim_start_matches('.'))
    })
}

/// A function's name in the contract.
pub fn function_name(function: Function) -> String {
    serde_json::to_value(function)
        .ok()
        .and_then(|name| name.as_str().map(str::to_owned))
        .unwrap_or_default()
}

/// A name as it is, if it can be one; otherwise only its length.
fn name(text: &str) -> String {
    let is_name = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':'));
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    if is_name && (1..=NAME_BYTES_MAX).contains(&text.len()) && digits <= NAME_DIGITS_MAX {
        text.to_owned()
    } else {
        masked(text)
    }
}

fn masked(text: &str) -> String {
    Masked::from(text).to_string()
}

fn read<T: DeserializeOwned>(json: &Json) -> Option<T> {
    T::deserialize(json).ok()
}

fn words(function: Function, arguments: &Json) -> Option<String> {
    if arguments.get("invalid").is_some() {
        return Some("with an argument that cannot be used".to_owned());
    }
    Some(match function {
        Function::Facts | Function::All | Function::Drain | Function::Now | Function::Random => {
            return None;
        }
        Function::SetLanguage
        | Function::Establish
        | Function::Milestone
        | Function::Get
        | Function::Setting => name(arguments.as_str()?),
        Function::Transfer => {
            let (target, words): (Option<String>, Option<Masked>) = read(arguments)?;
            target.map_or_else(|| "default".to_owned(), |target| name(&target))
                + &words.map(|words| format!(" {words}")).unwrap_or_default()
        }
        Function::CallAgain => {
            let (date, time): (Value, Option<Value>) = read(arguments)?;
            date.to_string() + &time.map(|time| format!(" {time}")).unwrap_or_default()
        }
        Function::History | Function::Pause => arguments.as_u64()?.to_string(),
        Function::Lookup => masked(arguments.as_str()?),
        Function::Outcome | Function::Note => {
            let (subject, value): (String, Option<Masked>) = read(arguments)?;
            name(&subject) + &value.map(|value| format!(" {value}")).unwrap_or_default()
        }
        Function::Invoke => {
            let input = arguments.get(1).filter(|input| !input.is_null());
            let input = input.map_or_else(String::new, |input| {
                format!(" {}", masked(&input.to_string()))
            });
            name(arguments.get(0)?.as_str()?) + &input
        }
        Function::Log => {
            format!(
                "{} {}",
                name(arguments.get("level")?.as_str()?),
                masked(arguments.get("message")?.as_str()?)
            )
        }
        Function::Say => prompt(&read(arguments)?),
        Function::Ask => {
            let question: Question = read(arguments)?;
            let choices = question
                .choices
                .iter()
                .map(|choice| name(&choice.id))
                .collect::<Vec<_>>()
                .join(", ");
            format!(
                "{}: {} [{choices}]",
                name(&question.name),
                prompt(&question.prompt)
            )
        }
        Function::Collect => {
            let collection: Collection = read(arguments)?;
            format!("{}: {}", name(&collection.name), prompt(&collection.prompt))
        }
    })
}

fn prompt(prompt: &Prompt) -> String {
    match &prompt.content {
        Content::Text(text) => format!("text {text}"),
        Content::Audio(file) => format!("audio {}", name(file)),
        Content::Template(template) if template.arguments.is_empty() => name(&template.name),
        Content::Template(template) => {
            let arguments = template
                .arguments
                .iter()
                .map(|argument| name(&argument.name))
                .collect::<Vec<_>>()
                .join(", ");
            format!("{} ({arguments})", name(&template.name))
        }
    }
}

fn answered(entry: &JournalEntry) -> Option<String> {
    let fallible = !matches!(
        entry.function,
        Function::Facts | Function::Now | Function::Random | Function::Log | Function::Setting
    );
    match read::<Outcome<Json>>(&entry.answer).filter(|_| fallible)? {
        Outcome::Err(error) => Some(error_kind(&error)),
        Outcome::Ok(answer) if matches!(entry.function, Function::Ask | Function::Collect) => {
            let answer: Answer = read(&answer)?;
            let heard = match &answer.reply {
                Reply::Choice(id) => format!("choice {}", name(id)),
                Reply::Text(text) => format!("text {text}"),
                Reply::Keys(keys) => format!("keys {keys}"),
                Reply::Value(value) => format!("a {}", value.kind()),
                Reply::NoInput => "no-input".to_owned(),
                Reply::NoMatch => "no-match".to_owned(),
            };
            Some(if answer.attempts > 1 {
                format!("{heard} after {} attempts", answer.attempts)
            } else {
                heard
            })
        }
        Outcome::Ok(_) => None,
    }
}

/// An error's kind without its message, which may quote what the flow said.
pub fn error_kind(error: &CallError) -> String {
    match error {
        CallError::CallEnded => "call-ended".to_owned(),
        CallError::Refused(refusal) if refusal.missing.is_empty() => "refused".to_owned(),
        CallError::Refused(refusal) => {
            format!(
                "refused, it needs {}",
                refusal
                    .missing
                    .iter()
                    .map(|missing| name(missing))
                    .collect::<Vec<_>>()
                    .join(" and ")
            )
        }
        CallError::Invalid(_) => "invalid".to_owned(),
        CallError::Unavailable(_) => "unavailable".to_owned(),
        CallError::Limit(_) => "limit".to_owned(),
    }
}

fn path(at: &str, expected: &Json, got: &Json) -> Option<String> {
    let item = |n: usize, was: &Json, is: &Json| {
        was.get("name")
            .or(is.get("name"))
            .and_then(Json::as_str)
            .map_or_else(|| n.to_string(), name)
    };
    first_difference(at, expected, got, &item).map(|(path, ..)| path)
}

/// The path at which two values first differ, below the path `at`, with both values; null where
/// there is none. `item` names an element of an array by its index and both values.
pub fn first_difference(
    at: &str,
    expected: &Json,
    got: &Json,
    item: &impl Fn(usize, &Json, &Json) -> String,
) -> Option<(String, Json, Json)> {
    match (expected, got) {
        _ if expected == got => None,
        (Json::Object(was), Json::Object(is)) => {
            let names = was
                .keys()
                .chain(is.keys().filter(|name| !was.contains_key(*name)));
            let value = |fields: &serde_json::Map<String, Json>, name: &str| {
                fields.get(name).cloned().unwrap_or_default()
            };
            names.into_iter().find_map(|name| {
                first_difference(
                    &format!("{at}.{name}"),
                    &value(was, name),
                    &value(is, name),
                    item,
                )
            })
        }
        (Json::Array(was), Json::Array(is)) => {
            let nth = |items: &[Json], n: usize| items.get(n).cloned().unwrap_or_default();
            (0..was.len().max(is.len())).find_map(|n| {
                let (was, is) = (nth(was, n), nth(is, n));
                let item_name = item(n, &was, &is);
                first_difference(&format!("{at}[{item_name}]"), &was, &is, item)
            })
        }
        _ => Some((at.to_owned(), expected.clone(), got.clone())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(function: Function, arguments: Json, answer: Json) -> JournalEntry {
        JournalEntry {
            seq: 1,
            at_ms: 0,
            took_ms: 0,
            function,
            arguments,
            answer,
        }
    }

    fn emi(minor: i64) -> Json {
        let amount = json!({ "name": "amount", "value": { "kind": "money", "value": { "minor": minor, "currency": "INR" } } });
        let digits =
            json!({ "name": "loan-digits", "value": { "kind": "digits", "value": "8213" } });
        json!({ "content": { "kind": "template", "value": { "name": "emi-details", "arguments": [digits, amount] } } })
    }

    #[test]
    fn each_host_call_is_shown_by_its_names_without_a_value() {
        let ok = || json!({ "ok": null });
        let answer = |reply: Json| json!({ "ok": { "reply": reply, "confidence": 1.0, "attempts": 1, "playouts": [] } });
        let identity = json!({ "name": "identity", "prompt": emi(1), "choices": [{ "id": "yes" }, { "id": "no" }],
            "no_input_ms": 5_000, "no_input": [], "no_match": [] });
        for (function, arguments, answer, reported) in [
            (
                Function::Facts,
                Json::Null,
                json!({ "call_id": "x" }),
                "facts",
            ),
            (
                Function::SetLanguage,
                json!("hi-IN"),
                ok(),
                "set-language hi-IN",
            ),
            (
                Function::Establish,
                json!("identity"),
                ok(),
                "establish identity",
            ),
            (
                Function::Get,
                json!("name"),
                json!({ "ok": "Ravi Kumar" }),
                "get name",
            ),
            (
                Function::Transfer,
                json!([null, null]),
                ok(),
                "transfer default",
            ),
            (
                Function::Transfer,
                json!(["legal", "Ravi asks for another date"]),
                ok(),
                "transfer legal ‹26 characters›",
            ),
            (
                Function::CallAgain,
                json!([
                    { "kind": "date", "value": "2026-12-05" },
                    { "kind": "time", "value": { "hour": 14, "minute": 30 } }
                ]),
                ok(),
                "call-again 2026-12-05 14:30",
            ),
            (
                Function::Milestone,
                json!("offer-made"),
                ok(),
                "milestone offer-made",
            ),
            (Function::Pause, json!(1500), ok(), "pause 1500"),
            (
                Function::Lookup,
                json!("loan:42"),
                json!({ "ok": "x" }),
                "lookup ‹7 characters›",
            ),
            (
                Function::Note,
                json!(["told-at", "9876543210"]),
                ok(),
                "note told-at ‹10 characters›",
            ),
            (
                Function::Invoke,
                json!(["send-link", { "to": "Ravi" }]),
                json!({ "ok": { "sid": "s1" } }),
                "invoke send-link ‹13 characters›",
            ),
            (
                Function::Invoke,
                json!(["9876543210", null]),
                json!({ "err": { "kind": "refused", "value": { "subject": "9876543210", "missing": [], "reason": "no" } } }),
                "invoke ‹10 characters› → refused",
            ),
            (
                Function::Outcome,
                json!(["declined", null]),
                ok(),
                "outcome declined",
            ),
            (
                Function::Log,
                json!({ "level": "info", "message": "Ravi" }),
                Json::Null,
                "log info ‹4 characters›",
            ),
            (
                Function::Say,
                emi(1),
                json!({ "ok": 1 }),
                "say emi-details (loan-digits, amount)",
            ),
            (
                Function::Say,
                json!({ "content": { "kind": "text", "value": "Ravi" } }),
                json!({ "ok": 1 }),
                "say text ‹4 characters›",
            ),
            (
                Function::Say,
                json!({ "invalid": "Ravi" }),
                json!({ "err": { "kind": "invalid", "value": "Ravi" } }),
                "say with an argument that cannot be used → invalid",
            ),
            (
                Function::Ask,
                identity.clone(),
                answer(json!({ "kind": "choice", "value": "yes" })),
                "ask identity: emi-details (loan-digits, amount) [yes, no] → choice yes",
            ),
            (
                Function::Ask,
                identity,
                answer(json!({ "kind": "text", "value": "Ravi" })),
                "ask identity: emi-details (loan-digits, amount) [yes, no] → text ‹4 characters›",
            ),
            (
                Function::Drain,
                Json::Null,
                json!({ "err": { "kind": "call-ended" } }),
                "drain → call-ended",
            ),
        ] {
            assert_eq!(redacted(&entry(function, arguments, answer)), reported);
        }
    }

    #[test]
    fn a_value_in_a_names_place_is_shown_by_its_length() {
        for (value, reported) in [
            ("Ravi Kumar", "‹10 characters›"),
            ("9876543210", "‹10 characters›"),
            ("", "‹0 characters›"),
            ("q1", "q1"),
        ] {
            assert_eq!(
                called(Function::Establish, &json!(value)),
                format!("establish {reported}")
            );
        }
    }

    #[test]
    fn the_place_of_a_difference_is_reported_by_the_arguments_name_and_without_a_value() {
        let side = |arguments| Side {
            function: Function::Say,
            arguments,
        };
        let reported = differing(&side(emi(1_250_000)), &side(emi(1_260_000)));
        assert_eq!(
            reported.as_deref(),
            Some("`content.value.arguments[amount].value.value.minor`")
        );
        assert_eq!(
            differing(&side(json!("a")), &side(json!("b"))).as_deref(),
            Some("its argument")
        );
        assert_eq!(differing(&side(emi(1)), &side(emi(1))), None);
    }
}
