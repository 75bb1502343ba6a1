//! Converts between the contract's types and the model's. Everything a flow passes is checked here,
//! and only here.
//!
//! An invalid argument is reported in one sentence that names the argument and gives a hint; it
//! becomes `error.invalid`.

use std::ops::RangeInclusive;

use ghanti_model::prompt::TEXT_BYTES_MAX;
use ghanti_model::values;
use ghanti_model::{
    Answer, Argument, CallError, Choice, Content, EarlierCall, Extent, Language, Masked, Money,
    Phrases, Playout, Prompt, Refusal, Reply, Template, TimeOfDay, Value,
};

use crate::bindings::{customer, runtime, speech, types};
use crate::conversation::Instant;

/// A checked argument, or a sentence saying what is wrong with it.
pub(crate) type Checked<T> = Result<T, String>;

/// The contract's limit for every list.
const LIST_MAX: usize = 256;
/// Limit for what an agent hears before they are connected, in characters: they wait for its end.
const AGENTS_WORDS_MAX: usize = 200;
/// Limit for dispositions and names of what can be established.
const SLUG_BYTES_MAX: usize = 64;

/// How dates of a customer's record are spelt when they reach a flow.
const CANONICAL_DATE: &[time::format_description::BorrowedFormatItem<'_>] =
    time::macros::format_description!("[year]-[month]-[day]");

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

/// A number within the contract's range.
pub(crate) fn within(name: &str, value: u32, range: RangeInclusive<u32>) -> Checked<u32> {
    if range.contains(&value) {
        Ok(value)
    } else {
        Err(format!(
            "`{name}` is {value}: give {} to {}",
            range.start(),
            range.end()
        ))
    }
}

/// What an agent is to hear: one line, as Exotel rejects a whole answer for one field.
pub(crate) fn agents_words(words: String) -> Checked<Masked> {
    let length = words.chars().count();
    if words.trim().is_empty() || length > AGENTS_WORDS_MAX || words.chars().any(char::is_control) {
        return Err(format!(
            "`words` has {length} characters: give one line of 1 to {AGENTS_WORDS_MAX} of them, or none"
        ));
    }
    Ok(Masked::new(words))
}

/// A local date, and a time where there is one.
pub(crate) type Moment = (Value, Option<Value>);

pub(crate) fn moment(date: types::Date, time: Option<types::TimeOfDay>) -> Checked<Moment> {
    let date = value("date", types::Value::Date(date))?;
    let time = time.map(|time| value("time", types::Value::Time(time)));
    Ok((date, time.transpose()?))
}

fn other<T>(name: &str, case: &str) -> Checked<T> {
    Err(format!(
        "`{name}` is `other({})`, which this version of the contract reserves: use a case that it names",
        shown(case)
    ))
}

/// A prompt; `name` is its path for messages, such as `no-input[0]`.
pub(crate) fn prompt(name: &str, reported: types::Prompt) -> Checked<Prompt> {
    let content = match reported.content {
        types::Content::Text(words) => {
            Content::Text(Masked::new(text(&format!("{name}.text"), words)?))
        }
        types::Content::Template(reported) => Content::Template(template(name, reported)?),
        types::Content::Audio(file) => Content::Audio(text(&format!("{name}.audio"), file)?),
        types::Content::Other(case) => return other(&format!("{name}.content"), &case),
    };
    let language = reported
        .language
        .map(|tag| language(&format!("{name}.language"), &tag))
        .transpose()?;
    let voice = reported
        .voice
        .map(|voice| text(&format!("{name}.voice"), voice))
        .transpose()?;
    Ok(Prompt {
        content,
        language,
        voice,
        interruptible: reported.interruptible,
    })
}

fn template(name: &str, reported: types::Template) -> Checked<Template> {
    let template = text(&format!("{name}.template"), reported.name)?;
    Ok(Template {
        arguments: arguments(&format!("{name}.arguments"), reported.arguments)?,
        name: template,
    })
}

/// Named arguments; `name` is their path for messages.
pub(crate) fn arguments(name: &str, reported: Vec<types::Argument>) -> Checked<Vec<Argument>> {
    let arguments = list(name, reported)?.into_iter().map(|reported| {
        let argument = text(name, reported.name)?;
        let value = value(&argument, reported.value)?;
        Ok(Argument {
            name: argument,
            value,
        })
    });
    arguments.collect()
}

fn value(name: &str, reported: types::Value) -> Checked<Value> {
    Ok(match reported {
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

fn key(name: &str, reported: &str) -> Checked<char> {
    let mut characters = reported.chars();
    match (characters.next(), characters.next()) {
        (Some(key @ ('0'..='9' | '*' | '#')), None) => Ok(key),
        _ => Err(format!(
            "`{name}` is `{}`: give one of `0` to `9`, `*` and `#`",
            shown(reported)
        )),
    }
}

/// The flow's own choices of a question.
pub(crate) fn choices(reported: Vec<speech::Choice>) -> Checked<Vec<Choice>> {
    list("choices", reported)?.into_iter().map(choice).collect()
}

fn choice(reported: speech::Choice) -> Checked<Choice> {
    let id = text("choices.id", reported.id)?;
    let phrases = list("choices.phrases", reported.phrases)?
        .into_iter()
        .map(phrases)
        .collect::<Checked<Vec<_>>>()?;
    if id.is_empty()
        || (reported.key.is_none() && phrases.iter().all(|phrases| phrases.words.is_empty()))
    {
        return Err(format!(
            "the choice `{}` can never be chosen: give it an id, and phrases or a key",
            shown(&id)
        ));
    }
    let key = reported
        .key
        .map(|reported| key("choices.key", &reported))
        .transpose()?;
    Ok(Choice {
        id,
        lexicon: None,
        phrases,
        key,
    })
}

fn phrases(reported: speech::Phrases) -> Checked<Phrases> {
    let words = list("choices.phrases.words", reported.words)?
        .into_iter()
        .map(|word| text("choices.phrases.words", word));
    Ok(Phrases {
        language: language("choices.phrases.language", &reported.language)?,
        words: words.collect::<Checked<_>>()?,
    })
}

/// A field of the customer's record, in its canonical spelling, by the manifest's type.
pub(crate) fn field_to_wit(kind: Option<values::Kind>, value: &str) -> types::Value {
    let typed = match kind {
        Some(values::Kind::Money) => values::money(value).ok().map(|minor| {
            types::Value::Money(types::Money {
                minor,
                currency: "INR".to_owned(),
            })
        }),
        Some(values::Kind::Date) => time::Date::parse(value, CANONICAL_DATE)
            .ok()
            .and_then(date_to_wit)
            .map(types::Value::Date),
        _ => None,
    };
    typed.unwrap_or_else(|| types::Value::Text(value.to_owned()))
}

pub(crate) fn instant_to_wit(now: Instant) -> runtime::Instant {
    let local = now.local();
    runtime::Instant {
        unix_ms: now.unix_ms,
        offset_minutes: now.offset_minutes,
        date: date_to_wit(local.date()).unwrap_or(types::Date {
            year: 0,
            month: 1,
            day: 1,
        }),
        time: types::TimeOfDay {
            hour: local.hour(),
            minute: local.minute(),
        },
    }
}

pub(crate) fn earlier_call_to_wit(call: EarlierCall) -> customer::EarlierCall {
    let began = instant_to_wit(Instant {
        unix_ms: call.unix_ms,
        offset_minutes: call.offset_minutes,
    });
    customer::EarlierCall {
        date: began.date,
        time: began.time,
        flow: call.flow,
        outcome: call.outcome,
        established: call.established,
        notes: call
            .notes
            .into_iter()
            .map(|(name, value)| (name, value.into_exposed()))
            .collect(),
        more: Vec::new(),
    }
}

fn value_to_wit(value: Value) -> types::Value {
    match value {
        Value::Text(text) => types::Value::Text(text.into_exposed()),
        Value::Integer(number) => types::Value::Integer(number),
        Value::Money(Money { minor, currency }) => {
            types::Value::Money(types::Money { minor, currency })
        }
        Value::Date(date) => date_to_wit(date)
            .map_or_else(|| types::Value::Text(date.to_string()), types::Value::Date),
        Value::Time(TimeOfDay { hour, minute }) => {
            types::Value::Time(types::TimeOfDay { hour, minute })
        }
        Value::Digits(digits) => types::Value::Digits(digits.into_exposed()),
    }
}

fn date_to_wit(date: time::Date) -> Option<types::Date> {
    Some(types::Date {
        year: u16::try_from(date.year()).ok()?,
        month: date.month().into(),
        day: date.day(),
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
        Reply::Value(value) => speech::Reply::Value(value_to_wit(value)),
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
        more: answer
            .understood_by
            .map(|action| ("understood-by".to_owned(), types::Value::Text(action)))
            .into_iter()
            .collect(),
    }
}
