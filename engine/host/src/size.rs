//! Total bytes of the texts in one host call, for `[limits] text-bytes`. Computed before anything
//! is converted.

use crate::bindings::{speech, types};

pub(crate) fn prompt(prompt: &types::Prompt) -> usize {
    let content = match &prompt.content {
        types::Content::Text(text) | types::Content::Audio(text) | types::Content::Other(text) => {
            text.len()
        }
        types::Content::Template(template) => {
            template.name.len() + template.arguments.iter().map(argument).sum::<usize>()
        }
    };
    content + optional(prompt.language.as_ref()) + optional(prompt.voice.as_ref())
}

pub(crate) fn ask(
    question: &str,
    arguments: &[types::Argument],
    choices: &[speech::Choice],
) -> usize {
    let arguments = arguments.iter().map(argument).sum::<usize>();
    question.len() + arguments + choices.iter().map(choice).sum::<usize>()
}

fn choice(choice: &speech::Choice) -> usize {
    let phrases = choice.phrases.iter().map(|phrases| {
        phrases.language.len() + phrases.words.iter().map(String::len).sum::<usize>()
    });
    choice.id.len() + optional(choice.key.as_ref()) + phrases.sum::<usize>()
}

fn argument(argument: &types::Argument) -> usize {
    let value = match &argument.value {
        types::Value::Text(text) | types::Value::Digits(text) | types::Value::Other(text) => {
            text.len()
        }
        types::Value::Money(money) => money.currency.len(),
        types::Value::Integer(_) | types::Value::Date(_) | types::Value::Time(_) => 0,
    };
    argument.name.len() + value
}

fn optional(text: Option<&String>) -> usize {
    text.map_or(0, String::len)
}
