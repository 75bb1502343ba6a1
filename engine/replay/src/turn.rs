//! A journal as a conversation: what was said, answered and decided, in order.

use ghanti_model::{
    Answer, CallError, Collection, Content, Function, JournalEntry, Language, Masked, Prompt,
    Question, Value,
};
use serde::de::DeserializeOwned;

/// Something that a listener or a lender would notice.
#[derive(Debug, Clone, PartialEq)]
pub struct TranscriptTurn {
    /// The entry's number, from 1.
    pub seq: u32,
    /// Milliseconds from the beginning of the journal; for an answer, when it arrived.
    pub at_ms: u64,
    /// What happened.
    pub what: What,
}

/// What happens in a turn.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// A prompt, to be rendered by the owner of the flow's prompt files.
    Said {
        /// Its text, or its template with arguments.
        content: Content,
        /// The prompt's own language, else the one that the flow has set; `None` if that is the
        /// call's.
        language: Option<Language>,
    },
    /// The caller's answer to a question.
    Answered {
        /// The question's name.
        question: String,
        /// The answer.
        answer: Answer,
    },
    /// The call had ended, so the function had no effect.
    Ended,
    /// A decision, or something established or noted.
    Decided {
        /// The function.
        function: Function,
        /// Its arguments, in one line.
        words: Masked,
    },
    /// The host refused the function, or it failed.
    Refused {
        /// The function.
        function: Function,
        /// Why.
        reason: CallError,
    },
}

/// The turns of a journal's entries. Of a question's further attempts, those that were made are
/// included.
pub fn turns(entries: &[JournalEntry]) -> Vec<TranscriptTurn> {
    let (mut turns, mut language) = (Vec::new(), None);
    for entry in entries {
        let mut add = |what| {
            let waited_ms = if matches!(what, What::Answered { .. } | What::Ended) {
                entry.took_ms
            } else {
                0
            };
            turns.push(TranscriptTurn {
                seq: entry.seq,
                at_ms: entry.at_ms.saturating_add(waited_ms),
                what,
            });
        };
        if let Some(error) = failure(entry) {
            match error {
                CallError::CallEnded => {
                    // the question's prompt may have been playing when the call ended
                    if let Some(asked) = asked(entry) {
                        add(said(&asked.prompt, &language));
                    }
                    add(What::Ended);
                }
                reason => add(What::Refused {
                    function: entry.function,
                    reason,
                }),
            }
            continue;
        }
        match entry.function {
            Function::SetLanguage => language = read(&entry.arguments).or(language),
            Function::Facts => language = language.or(entry.answer.get("language").and_then(read)),
            Function::Say => prompts(std::slice::from_ref(entry))
                .iter()
                .for_each(|(_, prompt)| add(said(prompt, &language))),
            Function::Ask | Function::Collect => {
                let (Some(asked), Some(answer)) = (
                    asked(entry),
                    entry.answer.get("ok").and_then(read::<Answer>),
                ) else {
                    continue;
                };
                add(said(&asked.prompt, &language));
                asked
                    .put_again(&answer)
                    .into_iter()
                    .for_each(|prompt| add(said(prompt, &language)));
                language = answer.changed_to.clone().or(language);
                add(What::Answered {
                    question: asked.name,
                    answer,
                });
            }
            Function::CallAgain => {
                let Some((date, time)) = read::<(Value, Option<Value>)>(&entry.arguments) else {
                    continue;
                };
                let time = time.map(|time| format!(" {time}")).unwrap_or_default();
                add(What::Decided {
                    function: entry.function,
                    words: Masked::new(format!("{date}{time}")),
                });
            }
            Function::Transfer => {
                let target = entry.arguments.get(0).and_then(serde_json::Value::as_str);
                add(What::Decided {
                    function: entry.function,
                    words: Masked::from(target.unwrap_or("default")),
                });
            }
            Function::Establish
            | Function::Outcome
            | Function::Milestone
            | Function::Note
            | Function::Invoke => {
                add(What::Decided {
                    function: entry.function,
                    words: Masked::new(words(&entry.arguments)),
                });
            }
            _ => {}
        }
    }
    turns
}

/// Every prompt that the entries could have caused to be spoken, including those of further
/// attempts, each with its entry's number.
pub fn prompts(entries: &[JournalEntry]) -> Vec<(u32, Prompt)> {
    let of = |entry: &JournalEntry| match (entry.function, asked(entry)) {
        (Function::Say, _) => read(&entry.arguments).into_iter().collect(),
        (_, Some(asked)) => [
            vec![asked.prompt],
            asked.no_input,
            asked.no_match,
            asked.sides,
        ]
        .concat(),
        (_, None) => Vec::new(),
    };
    entries
        .iter()
        .flat_map(|entry| of(entry).into_iter().map(|prompt| (entry.seq, prompt)))
        .collect()
}

fn read<T: DeserializeOwned>(json: &serde_json::Value) -> Option<T> {
    T::deserialize(json).ok()
}

fn failure(entry: &JournalEntry) -> Option<CallError> {
    entry.answer.get("err").and_then(read)
}

fn said(prompt: &Prompt, language: &Option<Language>) -> What {
    What::Said {
        content: prompt.content.clone(),
        language: prompt.language.clone().or_else(|| language.clone()),
    }
}

/// What a question and a collection have in common.
struct Asked {
    name: String,
    prompt: Prompt,
    no_input: Vec<Prompt>,
    no_match: Vec<Prompt>,
    /// What is said to a caller who asks back, or says yes.
    sides: Vec<Prompt>,
}

fn asked(entry: &JournalEntry) -> Option<Asked> {
    match entry.function {
        Function::Ask => {
            let Question {
                name,
                prompt,
                no_input,
                no_match,
                side_answers,
                acknowledge,
                ..
            } = read(&entry.arguments)?;
            let sides = side_answers
                .into_iter()
                .flat_map(|side| side.say.into_iter().chain([side.then]))
                .chain(acknowledge);
            Some(Asked {
                name,
                prompt,
                no_input,
                no_match,
                sides: sides.collect(),
            })
        }
        Function::Collect => {
            let Collection {
                name,
                prompt,
                no_input,
                no_match,
                ..
            } = read(&entry.arguments)?;
            Some(Asked {
                name,
                prompt,
                no_input,
                no_match,
                sides: Vec::new(),
            })
        }
        _ => None,
    }
}

impl Asked {
    /// The prompts of the further attempts: the playouts after the first of the question's own
    /// prompt, matched by template.
    fn put_again(&self, answer: &Answer) -> Vec<&Prompt> {
        let opening = self.prompt.template();
        let further = answer
            .playouts
            .iter()
            .skip_while(|playout| playout.template != opening)
            .skip(1);
        let named = |template: &str| {
            [&self.prompt]
                .into_iter()
                .chain(&self.no_input)
                .chain(&self.no_match)
                .chain(&self.sides)
                .find(|prompt| prompt.template() == template)
        };
        further
            .filter_map(|playout| named(&playout.template))
            .collect()
    }
}

/// The arguments of a decision: names and texts, in order.
fn words(arguments: &serde_json::Value) -> String {
    match arguments {
        serde_json::Value::Null => "default".to_owned(),
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Array(items) => items
            .iter()
            .filter(|item| !item.is_null())
            .map(words)
            .collect::<Vec<_>>()
            .join(" "),
        other => other.to_string(),
    }
}
