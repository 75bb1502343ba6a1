//! Identifiers from the names of a flow's files, which may have hyphens, capitals and keywords of a language.

use std::collections::BTreeMap;

use crate::Problem;

/// The parts of a name: `emi-details`, `emi_details` and `emiDetails` have the same two.
fn parts(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut was_lower = false;
    for character in name.chars() {
        if !character.is_alphanumeric() {
            parts.push(String::new());
            was_lower = false;
            continue;
        }
        if character.is_uppercase() && was_lower {
            parts.push(String::new());
        }
        was_lower = character.is_lowercase() || character.is_numeric();
        if let Some(part) = parts.last_mut() {
            part.extend(character.to_lowercase());
        }
    }
    parts.retain(|part| !part.is_empty());
    // an identifier begins with a letter
    match parts.first() {
        Some(first) if first.starts_with(char::is_alphabetic) => {}
        _ => parts.insert(0, "n".to_owned()),
    }
    parts
}

fn capital(part: &str) -> String {
    let mut letters = part.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}

/// `emi_details`
pub fn snake(name: &str) -> String {
    parts(name).join("_")
}

/// `EMI_DETAILS`
pub fn upper(name: &str) -> String {
    snake(name).to_uppercase()
}

/// `EmiDetails`
pub fn pascal(name: &str) -> String {
    parts(name).iter().map(|part| capital(part)).collect()
}

/// `emiDetails`
pub fn camel(name: &str) -> String {
    let parts = parts(name);
    let rest = parts.iter().skip(1).map(|part| capital(part));
    parts.first().cloned().into_iter().chain(rest).collect()
}

/// The names that become the same identifier.
pub fn collisions<'n>(
    what: &str,
    names: impl IntoIterator<Item = &'n str>,
    identifier: impl Fn(&str) -> String,
) -> Vec<Problem> {
    let mut taken: BTreeMap<String, &str> = BTreeMap::new();
    let mut problems = Vec::new();
    for name in names {
        let identifier = identifier(name);
        if let Some(first) = taken.get(&identifier) {
            problems.push(Problem::in_manifest(format!(
                "{what} `{first}` and `{name}` are both `{identifier}` in generated code: give one of them another name"
            )));
        } else {
            taken.insert(identifier, name);
        }
    }
    problems
}

/// All collisions of a conversation.
pub fn check(
    conversation: &crate::Conversation,
    function: fn(&str) -> String,
    choice: fn(&str) -> String,
) -> Result<(), Vec<Problem>> {
    let mut problems = collisions(
        "the messages",
        conversation
            .messages
            .iter()
            .map(|message| message.name.as_str()),
        function,
    );
    problems.extend(collisions(
        "the questions",
        conversation
            .questions
            .iter()
            .map(|question| question.name.as_str()),
        pascal,
    ));
    problems.extend(collisions(
        "the fields",
        conversation
            .customer
            .iter()
            .map(|field| field.name.as_str()),
        function,
    ));
    problems.extend(collisions(
        "the settings",
        conversation.settings.iter().map(String::as_str),
        function,
    ));
    let variables = conversation
        .messages
        .iter()
        .map(|message| &message.variables);
    for variables in variables.chain(
        conversation
            .questions
            .iter()
            .map(|question| &question.variables),
    ) {
        problems.extend(collisions(
            "the variables",
            variables.iter().map(|variable| variable.name.as_str()),
            function,
        ));
    }
    for question in &conversation.questions {
        if let crate::conversation::Answer::Choices(choices) = &question.answer {
            let ends = ["no-input", "no-match"];
            let what = format!("of the question `{}` the answers", question.name);
            problems.extend(collisions(
                &what,
                ends.into_iter().chain(choices.iter().map(String::as_str)),
                choice,
            ));
        }
    }
    problems.dedup();
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems)
    }
}
