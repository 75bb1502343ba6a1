//! Converts between the contract's types and the model's. Everything a flow passes is checked here,
//! and only here.
//!
//! An invalid argument is reported in one sentence that names the argument and gives a hint; it
//! becomes `error.invalid`.

use ghanti_model::prompt::TEXT_BYTES_MAX;
use ghanti_model::{
    Answer, Argument, CallError, Choice, Collection, Content, Extent, Language, Masked, Money,
    Phrases, Playout, Prompt, Question, Refusal, Reply, Template, TimeOfDay, Value,
};

use crate::bindings::{speech, types};

/// A checked argument, or a sentence saying what is wrong with it.
pub(crate) type Checked<T> = Result<T, String>;

/// The contract's limit for every list.
const LIST_MAX: usize = 256;
/// The contract's range for every wait for the caller.
const WAIT_MS: std::ops::RangeInclusive<u32> = 500..=60_000;
/// The contract's range for the number of keys.
const KEYS: std::ops::RangeInclusive<u8> = 1..=32;
/// The engine's lexicons, by the contract's names.
const LEXICONS: [&str; 10] = [
    "yes",
    "confirm",
    "no",
    "agent",
    "repeat",
    "later",
    "wrong-person",
    "who",
    "do-not-call",
    "stop",
];
/// Limit for dispositions and names of what can be established.
const SLUG_BYTES_MAX: usize = 64;

/// A guest's text, cut to fit into a message.
pub(crate) fn shown(text: &str) -> String {
    text.chars().take(64).collect()
}

pub(crate) fn text(name: &str, value: String) -> Checked<String> {
    if value.len() <= TEXT_BYTES_MAX {
        Ok(value)
    } else {
        Err(format!(
            "`{name}` has {} bytes: give at most {TEXT_BYTES_MAX}",
            value.len()
        ))
    }
}

pub(crate) fn list<T>(name: &str, value: Vec<T>) -> Checked<Vec<T>> {
    if value.len() <= LIST_MAX {
        Ok(value)
    } else {
        Err(format!(
            "`{name}` has {} items: give at most {LIST_MAX}",
            value.len()
        ))
    }
}

pub(crate) fn language(name: &str, tag: &str) -> Checked<Language> {
    Language::parse(tag).map_err(|error| format!("`{name}`: {error}"))
}

/// A non-empty text of lower-case letters, digits and hyphens.
pub(crate) fn slug(name: &str, value: String) -> Checked<String> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if (1..=SLUG_BYTES_MAX).contains(&value.len()) && value.bytes().all(allowed) {
        Ok(value)
    } else {
        Err(format!(
            "`{name}` is `{}`: give 1 to {SLUG_BYTES_MAX} lower-case letters, digits and hyphens",
            shown(&value)
        ))
    }
}

fn other<T>(name: &str, case: &str) -> Checked<T> {
    Err(format!(
        "`{name}` is `other({})`, which this version of the contract reserves: use a case that it names",
        shown(case)
    ))
}

/// A prompt; `name` is its path for messages, such as `no-input[0]`.
pub(crate) fn prompt(name: &str, told: types::Prompt) -> Checked<Prompt> {
    let content = match told.content {
        types::Content::Text(words) => {
            Content::Text(Masked::new(text(&format!("{name}.text"), words)?))
        }
        types::Content::Template(told) => Content::Template(template(name, told)?),
        types::Content::Audio(file) => Content::Audio(text(&format!("{name}.audio"), file)?),
        types::Content::Other(case) => return other(&format!("{name}.content"), &case),
    };
    let language = told
        .language
        .map(|tag| language(&format!("{name}.language"), &tag))
        .transpose()?;
    let voice = told
        .voice
        .map(|voice| text(&format!("{name}.voice"), voice))
        .transpose()?;
    Ok(Prompt {
        content,
        language,
        voice,
        interruptible: told.interruptible,
    })
}

fn prompts(name: &str, told: Vec<types::Prompt>) -> Checked<Vec<Prompt>> {
    list(name, told)?
        .into_iter()
        .enumerate()
        .map(|(at, told)| prompt(&format!("{name}[{at}]"), told))
        .collect()
}

fn template(name: &str, told: types::Template) -> Checked<Template> {
    let template = text(&format!("{name}.template"), told.name)?;
    let arguments = list(&format!("{name}.arguments"), told.arguments)?;
    let arguments = arguments.into_iter().map(|told| {
        let argument = text(&format!("{name}.arguments"), told.name)?;
        let value = value(&argument, told.value)?;
        Ok(Argument {
            name: argument,
            value,
        })
    });
    Ok(Template {
        arguments: arguments.collect::<Checked<_>>()?,
        name: template,
    })
}

fn value(name: &str, told: types::Value) -> Checked<Value> {
    Ok(match told {
        types::Value::Text(words) => Value::Text(Masked::new(text(name, words)?)),
        types::Value::Integer(number) => Value::Integer(number),
        types::Value::Money(money) => {
            if money.currency.len() != 3
                || !money.currency.bytes().all(|byte| byte.is_ascii_uppercase())
            {
                return Err(format!(
                    "`{name}` has the currency `{}`: give an ISO 4217 code such as `INR`",
                    shown(&money.currency)
                ));
            }
            Value::Money(Money {
                minor: money.minor,
                currency: money.currency,
            })
        }
        types::Value::Date(date) => Value::Date(calendar_date(name, date)?),
        types::Value::Time(time) => {
            if time.hour > 23 || time.minute > 59 {
                return Err(format!(
                    "`{name}` is {}:{}, which is no time of day: give 0:00 to 23:59",
                    time.hour, time.minute
                ));
            }
            Value::Time(TimeOfDay {
                hour: time.hour,
                minute: time.minute,
            })
        }
        types::Value::Digits(digits) => {
            if !(1..=64).contains(&digits.len())
                || !digits.bytes().all(|byte| byte.is_ascii_digit())
            {
                return Err(format!(
                    "`{name}` takes 1 to 64 digits `0` to `9`: give other characters as text"
                ));
            }
            Value::Digits(Masked::new(digits))
        }
        types::Value::Other(case) => return other(name, &case),
    })
}

fn calendar_date(name: &str, date: types::Date) -> Checked<time::Date> {
    time::Month::try_from(date.month)
        .and_then(|month| time::Date::from_calendar_date(i32::from(date.year), month, date.day))
        .map_err(|_| {
            format!(
                "`{name}` is {}-{}-{}, which is no date: give a year, a month and a day of it",
                date.year, date.month, date.day
            )
        })
}

fn wait_ms(name: &str, ms: u32) -> Checked<u32> {
    if WAIT_MS.contains(&ms) {
        Ok(ms)
    } else {
        Err(format!(
            "`{name}` is {ms}: give {} to {}",
            WAIT_MS.start(),
            WAIT_MS.end()
        ))
    }
}

fn key(name: &str, told: &str) -> Checked<char> {
    let mut characters = told.chars();
    match (characters.next(), characters.next()) {
        (Some(key @ ('0'..='9' | '*' | '#')), None) => Ok(key),
        _ => Err(format!(
            "`{name}` is `{}`: give one of `0` to `9`, `*` and `#`",
            shown(told)
        )),
    }
}

fn question_name(told: String) -> Checked<String> {
    if told.is_empty() {
        Err("`name` is empty: name the question, such as `identity`".to_owned())
    } else {
        text("name", told)
    }
}

pub(crate) fn question(told: speech::Question) -> Checked<Question> {
    let choices = list("choices", told.choices)?
        .into_iter()
        .map(choice)
        .collect::<Checked<Vec<_>>>()?;
    for (at, choice) in choices.iter().enumerate() {
        if choices
            .iter()
            .skip(at + 1)
            .any(|later| later.id == choice.id)
        {
            return Err(format!(
                "`choices` has `{}` twice: give each choice an id of its own",
                shown(&choice.id)
            ));
        }
        if choice.key.is_some()
            && choices
                .iter()
                .skip(at + 1)
                .any(|later| later.key == choice.key)
        {
            return Err(format!(
                "the key of `{}` is another choice's too: give each choice a key of its own",
                shown(&choice.id)
            ));
        }
    }
    Ok(Question {
        name: question_name(told.name)?,
        prompt: prompt("prompt", told.prompt)?,
        choices,
        no_input_ms: wait_ms("no-input-ms", told.no_input_ms)?,
        no_input: prompts("no-input", told.no_input)?,
        no_match: prompts("no-match", told.no_match)?,
    })
}

fn choice(told: speech::Choice) -> Checked<Choice> {
    let id = text("choices.id", told.id)?;
    if let Some(name) = told
        .lexicon
        .as_deref()
        .filter(|name| !LEXICONS.contains(name))
    {
        return Err(format!(
            "`{}` is no lexicon: use one of {}",
            shown(name),
            LEXICONS.join(", ")
        ));
    }
    let phrases = list("choices.phrases", told.phrases)?
        .into_iter()
        .map(phrases)
        .collect::<Checked<Vec<_>>>()?;
    if id.is_empty()
        || (told.lexicon.is_none()
            && told.key.is_none()
            && phrases.iter().all(|phrases| phrases.words.is_empty()))
    {
        return Err(format!(
            "the choice `{}` can never be chosen: give it an id, and a lexicon, phrases or a key",
            shown(&id)
        ));
    }
    let key = told.key.map(|told| key("choices.key", &told)).transpose()?;
    Ok(Choice {
        id,
        lexicon: told.lexicon,
        phrases,
        key,
    })
}

fn phrases(told: speech::Phrases) -> Checked<Phrases> {
    let words = list("choices.phrases.words", told.words)?
        .into_iter()
        .map(|word| text("choices.phrases.words", word));
    Ok(Phrases {
        language: language("choices.phrases.language", &told.language)?,
        words: words.collect::<Checked<_>>()?,
    })
}

pub(crate) fn collection(told: speech::Collection) -> Checked<Collection> {
    if !KEYS.contains(&told.min_keys)
        || !KEYS.contains(&told.max_keys)
        || told.min_keys > told.max_keys
    {
        let (min, max) = (told.min_keys, told.max_keys);
        return Err(format!(
            "`min-keys` is {min} and `max-keys` is {max}: give 1 to 32 for both, the first no greater than the second"
        ));
    }
    Ok(Collection {
        name: question_name(told.name)?,
        prompt: prompt("prompt", told.prompt)?,
        min_keys: told.min_keys,
        max_keys: told.max_keys,
        terminator: told
            .terminator
            .map(|told| key("terminator", &told))
            .transpose()?,
        no_input_ms: wait_ms("no-input-ms", told.no_input_ms)?,
        between_keys_ms: wait_ms("between-keys-ms", told.between_keys_ms)?,
        no_input: prompts("no-input", told.no_input)?,
        no_match: prompts("no-match", told.no_match)?,
    })
}

pub(crate) fn error_to_wit(error: CallError) -> types::Error {
    match error {
        CallError::CallEnded => types::Error::CallEnded,
        CallError::Refused(Refusal {
            subject,
            missing,
            reason,
        }) => types::Error::Refused(types::Refusal {
            subject,
            missing,
            reason,
        }),
        CallError::Invalid(sentence) => types::Error::Invalid(sentence),
        CallError::Unavailable(sentence) => types::Error::Unavailable(sentence),
        CallError::Limit(sentence) => types::Error::Limit(sentence),
    }
}

/// The error that `run` returned. `other`, which a later contract may use, becomes a failure with
/// its text.
pub(crate) fn error_from_wit(error: types::Error) -> CallError {
    match error {
        types::Error::CallEnded => CallError::CallEnded,
        types::Error::Refused(types::Refusal {
            subject,
            missing,
            reason,
        }) => CallError::Refused(Refusal {
            subject,
            missing,
            reason,
        }),
        types::Error::Invalid(sentence) => CallError::Invalid(sentence),
        types::Error::Unavailable(sentence) => CallError::Unavailable(sentence),
        types::Error::Limit(sentence) => CallError::Limit(sentence),
        types::Error::Other(sentence) => CallError::Invalid(format!(
            "the flow returned its own error: {}",
            shown(&sentence)
        )),
    }
}

pub(crate) fn playouts_to_wit(playouts: Vec<Playout>) -> Vec<types::Playout> {
    playouts.into_iter().map(playout_to_wit).collect()
}

fn playout_to_wit(playout: Playout) -> types::Playout {
    let heard = match playout.heard {
        Extent::Whole => types::Extent::Whole,
        // audio that is only assumed to have been heard must not be reported as heard
        Extent::Assumed | Extent::Partial => types::Extent::Partial,
        Extent::Unheard => types::Extent::Unheard,
    };
    types::Playout {
        prompt: playout.prompt.0,
        template: playout.template,
        heard,
        heard_ms: playout.heard_ms,
    }
}

pub(crate) fn answer_to_wit(answer: Answer) -> speech::Answer {
    let reply = match answer.reply {
        Reply::Choice(id) => speech::Reply::Choice(id),
        Reply::Text(words) => speech::Reply::Text(words.into_exposed()),
        Reply::Keys(keys) => speech::Reply::Keys(keys.into_exposed()),
        Reply::NoInput => speech::Reply::NoInput,
        Reply::NoMatch => speech::Reply::NoMatch,
    };
    speech::Answer {
        reply,
        confidence: answer.confidence,
        language: answer.language.map(String::from),
        transcript: answer.transcript.map(Masked::into_exposed),
        attempts: answer.attempts,
        playouts: playouts_to_wit(answer.playouts),
    }
}
