//! The host functions of the contract. Each converts and checks its arguments, makes one journal
//! entry, and converts the answer.
//!
//! An invalid argument makes an entry too: in place of the arguments it holds the error message, so
//! that no oversized text is kept.

use std::ops::RangeInclusive;
use std::sync::Arc;

use ghanti_manifest::HEARD;
use ghanti_model::prompt::TEXT_BYTES_MAX;
use ghanti_model::{
    Answer, CallError, Content, Direction, EarlierCall, Function, Language, Masked, Milestone,
    Playout, PromptId, TimeOfDay, Value,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use time::{PrimitiveDateTime, Time};

use crate::bindings::{call, customer, runtime, speech, types};
use crate::context::{CallContext, StoreData};
use crate::conversation::Instant;
use crate::convert::{self, Checked, Moment};
use crate::known::Change;
use crate::log::{level_name, write_log};
use crate::questions::Asked;
use crate::size;

/// The contract's limit for the number of notes.
const NOTES_MAX: usize = 64;
/// The contract's limit for the number of milestones.
const MILESTONES_MAX: usize = 64;
/// The contract's range for a pause, in milliseconds.
const PAUSE_MS: RangeInclusive<u32> = 1..=10_000;
/// The contract's range for the number of earlier calls.
const HISTORY: RangeInclusive<u32> = 1..=20;
/// The contract's limit for how far ahead another call may be asked for.
const CALL_AGAIN_DAYS: i64 = 366;

pub(crate) type Answered<T> = wasmtime::Result<Result<T, types::Error>>;

/// The arguments as journaled, and as checked.
fn journaled<T: Serialize>(checked: Checked<T>) -> (Json, Result<T, CallError>) {
    match checked {
        // the model's own types, whose serialization cannot fail
        Ok(arguments) => (
            serde_json::to_value(&arguments).unwrap_or_default(),
            Ok(arguments),
        ),
        Err(sentence) => (
            json!({ "invalid": sentence }),
            Err(CallError::Invalid(sentence)),
        ),
    }
}

/// Like [`journaled`], for arguments whose texts take `bytes` together; if that exceeds `most`,
/// they are not converted at all.
fn measured<T: Serialize>(
    bytes: usize,
    most: u64,
    check: impl FnOnce() -> Checked<T>,
) -> (Json, Result<T, CallError>) {
    if u64::try_from(bytes).is_ok_and(|bytes| bytes <= most) {
        return journaled(check());
    }
    let sentence = format!(
        "its texts have {bytes} bytes together and `[limits] text-bytes` is {most}: say and ask less at once, or raise it"
    );
    (
        json!({ "invalid": sentence }),
        Err(CallError::Limit(sentence)),
    )
}

pub(crate) fn to_wit<T, U>(
    answer: Result<T, CallError>,
    into: impl FnOnce(T) -> U,
) -> Result<U, types::Error> {
    answer.map(into).map_err(convert::error_to_wit)
}

impl types::Host for StoreData {}

/// The time of another call in milliseconds since 1970-01-01T00:00:00Z: on a day without a time, its
/// beginning or, today, now.
fn again_at(moment: Moment, now: Instant) -> Result<u64, CallError> {
    let invalid = |what: &str| {
        CallError::Invalid(format!(
            "`date` and `time` are {what}: give a time after now and within a year"
        ))
    };
    let local_now = now.local();
    let local = match moment {
        (Value::Date(date), Some(Value::Time(TimeOfDay { hour, minute }))) => {
            let time = Time::from_hms(hour, minute, 0).map_err(|_| invalid("no time"))?;
            PrimitiveDateTime::new(date, time)
        }
        (Value::Date(date), _) if date == local_now.date() => local_now,
        (Value::Date(date), _) => PrimitiveDateTime::new(date, Time::MIDNIGHT),
        _ => return Err(invalid("no date")),
    };
    if local < local_now {
        return Err(invalid("over"));
    }
    if local - local_now > time::Duration::days(CALL_AGAIN_DAYS) {
        return Err(invalid("too far ahead"));
    }
    let seconds = local.assume_utc().unix_timestamp() - i64::from(now.offset_minutes) * 60;
    u64::try_from(seconds)
        .map(|seconds| seconds.saturating_mul(1_000))
        .map_err(|_| invalid("over"))
}

/// The call's facts as the flow sees them and the journal keeps them, with the customer's number
/// masked.
#[derive(Serialize, Deserialize)]
struct Facts {
    call_id: String,
    direction: Direction,
    customer_number: String,
    line_number: String,
    language: Language,
    parameters: Vec<(String, String)>,
}

impl call::Host for StoreData {
    async fn facts(&mut self) -> wasmtime::Result<call::CallFacts> {
        let facts: Facts = self
            .call(Function::Facts, Json::Null, |host| {
                Box::pin(async move {
                    let facts = host.conversation.facts();
                    Facts {
                        call_id: facts.call_id.to_string(),
                        direction: facts.direction,
                        customer_number: facts
                            .customer_number
                            .map(|number| number.masked())
                            .unwrap_or_default(),
                        line_number: facts
                            .line_number
                            .map(|number| number.expose().to_owned())
                            .unwrap_or_default(),
                        language: host.known.language.clone().unwrap_or(facts.language),
                        parameters: facts.parameters,
                    }
                })
            })
            .await?;
        Ok(call::CallFacts {
            call_id: facts.call_id,
            direction: match facts.direction {
                Direction::Inbound => call::Direction::Inbound,
                Direction::Outbound => call::Direction::Outbound,
            },
            customer_number: facts.customer_number,
            line_number: facts.line_number,
            language: facts.language.into(),
            parameters: facts.parameters,
        })
    }

    async fn set_language(&mut self, language: String) -> Answered<()> {
        let (arguments, checked) = journaled(convert::language("language", &language));
        let answer = self.attempt(Function::SetLanguage, arguments, |host| {
            Box::pin(async move {
                let language = checked?;
                host.rules.check_language(&language)?;
                host.conversation.set_language(language).await
            })
        });
        Ok(to_wit(answer.await?, |()| ()))
    }

    async fn establish(&mut self, name: String) -> Answered<()> {
        let checked = if name.starts_with(HEARD) {
            Err(format!(
                "`name` begins with `{HEARD}`, which only the engine establishes, from marks: wait with `drain`"
            ))
        } else {
            convert::slug("name", name)
        };
        let (arguments, checked) = journaled(checked);
        let answer = self.attempt(Function::Establish, arguments, |host| {
            Box::pin(async move { host.conversation.establish(checked?).await })
        });
        Ok(to_wit(answer.await?, |()| ()))
    }

    async fn transfer(&mut self, target: Option<String>, words: Option<String>) -> Answered<()> {
        let target = target
            .map(|target| convert::text("target", target))
            .transpose();
        let (arguments, checked) = journaled(
            target.and_then(|target| Ok((target, words.map(convert::agents_words).transpose()?))),
        );
        let answer = self.attempt(Function::Transfer, arguments, |host| {
            Box::pin(async move {
                let (target, words) = checked?;
                let decision = host.rules.transfer(target)?.with_words(words);
                host.conversation.decide(decision).await
            })
        });
        Ok(to_wit(answer.await?, |()| ()))
    }

    async fn milestone(&mut self, name: String) -> Answered<()> {
        let checked = Milestone::parse(&name)
            .map_err(|error| format!("`name` is `{}`: {error}", convert::shown(&name)));
        let (arguments, checked) = journaled(checked);
        let answer = self.attempt(Function::Milestone, arguments, |host| {
            Box::pin(async move {
                let milestone = checked?;
                let reached = &host.known.milestones;
                if reached.len() >= MILESTONES_MAX && !reached.contains(milestone.as_str()) {
                    return Err(CallError::Limit(format!(
                        "a call has at most {MILESTONES_MAX} milestones: record only what shows its progress"
                    )));
                }
                host.conversation.milestone(milestone).await
            })
        });
        Ok(to_wit(answer.await?, |()| ()))
    }

    async fn call_again(
        &mut self,
        date: types::Date,
        time: Option<types::TimeOfDay>,
    ) -> Answered<()> {
        let (arguments, checked) = journaled(convert::moment(date, time));
        let answer = self.attempt(Function::CallAgain, arguments, |host| {
            Box::pin(async move {
                let at_ms = again_at(checked?, host.conversation.now())?;
                host.conversation.call_again(at_ms).await
            })
        });
        Ok(to_wit(answer.await?, |()| ()))
    }

    async fn outcome(&mut self, disposition: String, detail: Option<String>) -> Answered<()> {
        let checked = convert::slug("disposition", disposition).and_then(|disposition| {
            Ok((
                disposition,
                detail
                    .map(|detail| convert::text("detail", detail))
                    .transpose()?,
            ))
        });
        let (arguments, checked) = journaled(checked);
        let answer = self.attempt(Function::Outcome, arguments, |host| {
            Box::pin(async move {
                let (disposition, detail) = checked?;
                host.conversation.outcome(disposition, detail).await
            })
        });
        Ok(to_wit(answer.await?, |()| ()))
    }
}

impl CallContext {
    /// The customer's record as read by the manifest's `[customer]`: a flow never gets a value that
    /// cannot be read for certain, whoever stored it.
    async fn customer_fields(&mut self) -> Result<Vec<(String, Masked)>, CallError> {
        let fields = self.conversation.fields().await?;
        let schema = &self.rules.manifest.customer;
        if schema.fields.is_empty() {
            return Ok(fields);
        }
        let dates = self.conversation.date_rules();
        Ok(schema
            .read(&fields.into_iter().collect(), dates)
            .fields
            .into_iter()
            .collect())
    }
}

impl StoreData {
    /// A field of the customer's record by its type in the manifest. The journal keeps the spelling.
    fn typed(&self, name: &str, value: &Masked) -> types::Value {
        let schema = self.host().map(|host| &host.rules.manifest.customer.fields);
        let kind = schema
            .and_then(|fields| fields.get(name))
            .map(|field| field.kind);
        convert::field_to_wit(kind, value.expose())
    }
}

impl customer::Host for StoreData {
    async fn get(&mut self, name: String) -> Answered<Option<types::Value>> {
        let (arguments, checked) = journaled(convert::text("name", name.clone()));
        let answer = self.attempt(Function::Get, arguments, |host| {
            Box::pin(async move {
                let name = checked?;
                let fields = host.customer_fields().await?;
                Ok(fields
                    .into_iter()
                    .find(|(field, _)| *field == name)
                    .map(|(_, value)| value))
            })
        });
        let answer: Result<Option<Masked>, CallError> = answer.await?;
        Ok(to_wit(answer, |value| {
            value.map(|value| self.typed(&name, &value))
        }))
    }

    async fn all(&mut self) -> Answered<Vec<(String, types::Value)>> {
        let answer = self.attempt(Function::All, Json::Null, |host| {
            Box::pin(async move { host.customer_fields().await })
        });
        let answer: Result<Vec<(String, Masked)>, CallError> = answer.await?;
        Ok(to_wit(answer, |fields| {
            fields
                .into_iter()
                .map(|(name, value)| {
                    let value = self.typed(&name, &value);
                    (name, value)
                })
                .collect()
        }))
    }

    async fn lookup(&mut self, key: String) -> Answered<Option<String>> {
        let (arguments, checked) = journaled(convert::text("key", key));
        let answer = self.attempt(Function::Lookup, arguments, |host| {
            Box::pin(async move {
                let key = checked?;
                host.rules.check_lookup(&key)?;
                host.conversation.lookup(key).await
            })
        });
        Ok(to_wit(answer.await?, |value| {
            value.map(Masked::into_exposed)
        }))
    }

    async fn history(&mut self, most: u32) -> Answered<Vec<customer::EarlierCall>> {
        let (arguments, checked) = journaled(convert::within("most", most, HISTORY));
        let answer = self.attempt::<Vec<EarlierCall>, _>(Function::History, arguments, |host| {
            Box::pin(async move {
                let most = usize::try_from(checked?).unwrap_or(0);
                host.conversation.history(most).await
            })
        });
        Ok(to_wit(answer.await?, |calls| {
            calls
                .into_iter()
                .map(convert::earlier_call_to_wit)
                .collect()
        }))
    }

    async fn note(&mut self, name: String, value: String) -> Answered<()> {
        let checked = convert::text("name", name)
            .and_then(|name| Ok((name, Masked::new(convert::text("value", value)?))));
        let (arguments, checked) = journaled(checked);
        let answer = self.attempt(Function::Note, arguments, |host| {
            Box::pin(async move {
                let (name, value) = checked?;
                let notes = &host.known.notes;
                if notes.len() >= NOTES_MAX && !notes.contains(&name) {
                    return Err(CallError::Limit(format!(
                        "the record takes {NOTES_MAX} notes: replace one by using its name again"
                    )));
                }
                host.conversation.note(name, value).await
            })
        });
        Ok(to_wit(answer.await?, |()| ()))
    }
}

impl speech::Host for StoreData {
    async fn say(&mut self, prompt: speech::Prompt) -> Answered<u32> {
        let rules = self.host().map(|host| Arc::clone(&host.rules));
        let (arguments, checked) = measured(size::prompt(&prompt), self.text_bytes, || {
            let mut prompt = convert::prompt("prompt", prompt)?;
            if let (Content::Template(template), Some(rules)) = (&mut prompt.content, rules) {
                *template = rules.with_taken(template.clone());
            }
            Ok(prompt)
        });
        let answer = self.attempt(Function::Say, arguments, |host| {
            Box::pin(async move { host.say(checked?).await })
        });
        Ok(to_wit(answer.await?, |PromptId(id)| id))
    }

    async fn ask(
        &mut self,
        question: String,
        arguments: Vec<types::Argument>,
        choices: Vec<speech::Choice>,
    ) -> Answered<speech::Answer> {
        let rules = self.host().map(|host| Arc::clone(&host.rules));
        let bytes = size::ask(&question, &arguments, &choices);
        let (entry, checked) = measured(bytes, self.text_bytes, || {
            let question = convert::text("question", question)?;
            let arguments = convert::arguments("arguments", arguments)?;
            let choices = convert::choices(choices)?;
            match rules {
                Some(rules) => rules.question(&question, &arguments, choices),
                None => Err("there is no call".to_owned()),
            }
        });
        let function = match &checked {
            Ok(Asked::Keys(_)) => Function::Collect,
            Ok(Asked::Words(_)) | Err(_) => Function::Ask,
        };
        let answer = self.attempt::<Answer, _>(function, entry, |host| {
            Box::pin(async move {
                match checked? {
                    Asked::Words(question) => host.ask(*question).await,
                    Asked::Keys(collection) => host.collect(*collection).await,
                }
            })
        });
        let answer = answer.await?;
        if let (Ok(answer), Some(host)) = (&answer, self.host_mut())
            && let Some(language) = &answer.changed_to
        {
            host.known.apply(Change::Language(language.clone()));
        }
        Ok(to_wit(answer, convert::answer_to_wit))
    }

    async fn drain(&mut self) -> Answered<Vec<speech::Playout>> {
        let answer = self.attempt::<Vec<Playout>, _>(Function::Drain, Json::Null, |host| {
            Box::pin(async move { host.conversation.drain().await })
        });
        Ok(to_wit(answer.await?, convert::playouts_to_wit))
    }

    async fn pause(&mut self, ms: u32) -> Answered<()> {
        let (arguments, checked) = journaled(convert::within("ms", ms, PAUSE_MS));
        let answer = self.attempt(Function::Pause, arguments, |host| {
            Box::pin(async move { host.conversation.pause(checked?).await })
        });
        Ok(to_wit(answer.await?, |()| ()))
    }
}

impl runtime::Host for StoreData {
    async fn now(&mut self) -> wasmtime::Result<runtime::Instant> {
        let now: Instant = self
            .call(Function::Now, Json::Null, |host| {
                Box::pin(async move { host.conversation.now() })
            })
            .await?;
        Ok(convert::instant_to_wit(now))
    }

    async fn random(&mut self) -> wasmtime::Result<u64> {
        // drawn in a replay too, so that a version that takes the call over continues with the next
        // number
        let random = self.host_mut().map_or(0, |host| host.random.draw());
        self.call(Function::Random, Json::Null, move |_| {
            Box::pin(async move { random })
        })
        .await
    }

    async fn log(&mut self, level: runtime::Level, mut message: String) -> wasmtime::Result<()> {
        let lines = self.host().map_or(0, |host| host.log_lines);
        if let Some(host) = self.host_mut() {
            host.log_lines = lines.saturating_add(1);
            host.leave_line(level, &message);
        }
        if lines >= self.log_lines {
            return self.pass_over();
        }
        message.truncate(message.floor_char_boundary(TEXT_BYTES_MAX));
        let arguments = json!({ "level": level_name(level), "message": message });
        self.call(Function::Log, arguments, move |host| {
            // what an author logs may be personal: the journal keeps it, while the engine's log
            // only shows that something was logged
            let shown = if host.show_logs { message.as_str() } else { "" };
            write_log(level, message.len(), shown);
            Box::pin(async {})
        })
        .await
    }

    async fn setting(&mut self, name: String) -> wasmtime::Result<Option<String>> {
        let (arguments, checked) = journaled(convert::text("name", name));
        self.call(Function::Setting, arguments, |host| {
            Box::pin(async move {
                checked
                    .ok()
                    .and_then(|name| host.rules.manifest.settings.get(&name).cloned())
            })
        })
        .await
    }
}
