//! The host calls of a scripted call.

use std::collections::VecDeque;

use async_trait::async_trait;
use ghanti_model::json_path::alike;
use ghanti_model::values::DateRules;
use ghanti_model::{
    Answer, CallError, CallFacts, Choice, Collection, Decision, EarlierCall, Language, Masked,
    Milestone, Playout, Prompt, PromptId, Question, Reply,
};
use serde_json::Value as Json;

use super::understanding::Understands;
use super::{Act, Asking, Away, Does, Event, Failed, ScriptedCaller, Turn, Wait};
use crate::conversation::{Conversation, Instant, Invocation};

/// How long an action takes.
const ACTION_MS: u64 = 500;
/// How long the caller takes to answer.
const ANSWER_MS: u64 = 1_500;

/// A question or a collection as it is put.
struct Put {
    asking: Asking,
    prompt: Prompt,
    no_input: Vec<Prompt>,
    no_match: Vec<Prompt>,
    acknowledge: Option<Prompt>,
    no_input_ms: u32,
    understands: Understands,
}

impl Put {
    /// What is said at once to a spoken yes.
    fn acknowledge_of(&self, does: &Does, reply: &Reply) -> Option<&Prompt> {
        let (Reply::Choice(id), Does::Says(_) | Does::Replies(..)) = (reply, does) else {
            return None;
        };
        let choices = &self.asking.choices;
        let is_yes = choices
            .iter()
            .any(|choice| choice.id == *id && choice.is_yes());
        self.acknowledge.as_ref().filter(|_| is_yes)
    }
}

/// The result of a question.
struct Came {
    reply: Reply,
    language: Option<Language>,
    transcript: Option<Masked>,
    attempts: u32,
    waited_ms: u64,
}

impl Came {
    fn confidence(&self) -> f32 {
        match self.reply {
            Reply::NoInput | Reply::NoMatch => 0.0,
            _ => 1.0,
        }
    }
}

impl ScriptedCaller {
    /// What they do at this question, or `None` where the list of turns has ended.
    fn next_act(&mut self, question: &str) -> Option<Act> {
        match self.turns.as_mut() {
            Some(turns) => match turns.pop_front() {
                Some(Turn::Caller(act)) => Some(act),
                // the call went otherwise than the list: whoever compares sees it
                Some(Turn::Action(_)) | None => None,
            },
            None => Some(
                self.script
                    .get_mut(question)
                    .and_then(VecDeque::pop_front)
                    .unwrap_or_else(|| Does::StaysSilent.into()),
            ),
        }
    }

    /// The answer of an action that is known for its input.
    fn known_answer(&self, name: &str, input: &Json) -> Option<Result<Json, CallError>> {
        let is_it = |known: &&(String, Json, _)| known.0 == name && alike(&known.1, input);
        let known = self.known_actions.iter().find(is_it)?;
        Some(known.2.clone())
    }

    /// Asks a question: its prompt, the attempts that come to nothing, and the answer. `takes`
    /// returns why an answer is not acceptable.
    async fn put(
        &mut self,
        put: Put,
        takes: impl Fn(&Reply) -> Option<String> + Send,
    ) -> Result<Answer, CallError> {
        self.alive()?;
        let name = put.asking.name.clone();
        self.queue(put.prompt.clone());
        self.record().asked.push(name.clone());
        self.add(Event::Asked(Box::new(put.asking.clone())));
        let Some(act) = self.next_act(&name) else {
            self.hear();
            self.record().open = Some(Wait::Question(Box::new(put.asking)));
            return Err(self.hang_up());
        };
        if act.interrupts {
            self.interrupt_queued();
        }
        self.hear();
        let came = match act.does {
            Does::Waits => std::future::pending().await,
            Does::HangsUp => return Err(self.hang_up()),
            _ => self.come_of(&put, &act, takes),
        };
        self.now_ms += came.waited_ms;
        self.add(Event::Answered {
            question: name,
            act,
            reply: came.reply.clone(),
            language: came.language.clone(),
            attempts: came.attempts,
            waited_ms: came.waited_ms,
        });
        Ok(Answer {
            confidence: came.confidence(),
            reply: came.reply,
            language: came.language,
            changed_to: None,
            understood_by: None,
            transcript: came.transcript,
            attempts: came.attempts,
            playouts: self.report(),
        })
    }

    fn come_of(&mut self, put: &Put, act: &Act, takes: impl Fn(&Reply) -> Option<String>) -> Came {
        let mut attempts = Attempts {
            put,
            silent: 0,
            unclear: 0,
            waited_ms: 0,
        };
        for failed in &act.first {
            if let Some(reply) = attempts.fail(self, *failed) {
                let sentence = format!(
                    "the question `{}` ended in {reply} before what the caller does in the end: it allows fewer attempts",
                    put.asking.name
                );
                self.record().unfit.push(sentence);
                return attempts.end(reply, None, None);
            }
        }
        let understood = match &act.does {
            Does::Replies(reply, language) => {
                if let Some(sentence) = takes(reply) {
                    let sentence = format!("the question `{}` {sentence}", put.asking.name);
                    self.record().unfit.push(sentence);
                }
                Some((reply.clone(), language.clone(), None))
            }
            Does::Says(words) => {
                let (reply, language) = put.understands.said(words, &self.languages(), self.now());
                reply.map(|reply| (reply, language, Some(Masked::from(words.as_str()))))
            }
            Does::Presses(keys) => {
                let reply = put.understands.pressed(keys, self.now());
                reply.map(|reply| (reply, None, None))
            }
            Does::StaysSilent | Does::IsNotUnderstood | Does::HangsUp | Does::Waits => None,
        };
        if let Some((reply, language, transcript)) = understood {
            attempts.waited_ms += ANSWER_MS;
            if let Some(acknowledge) = put.acknowledge_of(&act.does, &reply) {
                self.queue(acknowledge.clone());
                self.hear();
                let template = acknowledge.template().to_owned();
                self.record().acknowledged.insert(template);
            }
            return attempts.end(reply, language, transcript);
        }
        if let (Does::Says(words), Some(_)) = (&act.does, &put.asking.understand) {
            // an action is asked what they mean
            attempts.waited_ms += ANSWER_MS;
            let words = Some(Masked::from(words.as_str()));
            return attempts.end(Reply::NoMatch, None, words);
        }
        let failed = match act.does {
            Does::StaysSilent => Failed::NoInput,
            _ => Failed::NoMatch,
        };
        loop {
            if let Some(reply) = attempts.fail(self, failed) {
                return attempts.end(reply, None, None);
            }
        }
    }
}

/// The attempts of a question so far.
struct Attempts<'p> {
    put: &'p Put,
    silent: usize,
    unclear: usize,
    waited_ms: u64,
}

impl Attempts<'_> {
    /// One more comes to nothing: the question is put again, or ends in this reply.
    fn fail(&mut self, caller: &mut ScriptedCaller, failed: Failed) -> Option<Reply> {
        let (count, prompts, reply) = match failed {
            Failed::NoInput => {
                self.waited_ms += u64::from(self.put.no_input_ms);
                (&mut self.silent, &self.put.no_input, Reply::NoInput)
            }
            Failed::NoMatch => {
                self.waited_ms += ANSWER_MS;
                (&mut self.unclear, &self.put.no_match, Reply::NoMatch)
            }
        };
        let Some(again) = prompts.get(*count) else {
            return Some(reply);
        };
        *count += 1;
        caller.queue(again.clone());
        caller.hear();
        None
    }

    fn end(self, reply: Reply, language: Option<Language>, transcript: Option<Masked>) -> Came {
        Came {
            reply,
            language,
            transcript,
            attempts: u32::try_from(1 + self.silent + self.unclear).unwrap_or(u32::MAX),
            waited_ms: self.waited_ms,
        }
    }
}

/// Why a question does not accept an answer, if it does not.
fn unfit(choices: &[Choice], reply: &Reply) -> Option<String> {
    let ids = choices
        .iter()
        .map(|choice| choice.id.as_str())
        .collect::<Vec<_>>();
    match reply {
        Reply::Choice(id) if !ids.contains(&id.as_str()) && ids.is_empty() => {
            Some(format!("takes free words, and not the choice `{id}`"))
        }
        Reply::Choice(id) if !ids.contains(&id.as_str()) => {
            Some(format!("takes {}, and not `{id}`", ids.join(", ")))
        }
        Reply::Text(_) if !ids.is_empty() => {
            Some(format!("takes {}, and no other words", ids.join(", ")))
        }
        Reply::Keys(_) => Some("takes no row of keys, but choices or words".to_owned()),
        _ => None,
    }
}

#[async_trait]
impl Conversation for ScriptedCaller {
    fn facts(&mut self) -> CallFacts {
        self.facts.clone()
    }

    fn now(&mut self) -> Instant {
        Instant {
            unix_ms: self.now_ms,
            offset_minutes: self.offset_minutes,
        }
    }

    fn date_rules(&mut self) -> DateRules {
        DateRules {
            today: self.now().date(),
            order: self.date_order,
        }
    }

    async fn set_language(&mut self, language: Language) -> Result<(), CallError> {
        self.alive()?;
        self.record().language = Some(language.clone());
        self.add(Event::Language(language));
        Ok(())
    }

    async fn establish(&mut self, name: String) -> Result<(), CallError> {
        self.alive()?;
        self.record().established.insert(name.clone());
        self.add(Event::Established(name));
        Ok(())
    }

    async fn decide(&mut self, decision: Decision) -> Result<(), CallError> {
        self.alive()?;
        self.record().decision = Some(decision.clone());
        self.add(Event::Decided(decision));
        Ok(())
    }

    async fn outcome(
        &mut self,
        disposition: String,
        _detail: Option<String>,
    ) -> Result<(), CallError> {
        self.alive()?;
        self.record().outcome = Some(disposition.clone());
        self.add(Event::Outcome(disposition));
        Ok(())
    }

    async fn fields(&mut self) -> Result<Vec<(String, Masked)>, CallError> {
        self.alive()?;
        if self.away.contains(&Away::Customer) {
            return Ok(Vec::new());
        }
        Ok(self.fields.clone())
    }

    async fn lookup(&mut self, key: String) -> Result<Option<Masked>, CallError> {
        self.alive()?;
        self.add(Event::LookedUp(key.clone()));
        if self.away.contains(&Away::Lookup) {
            return Err(CallError::Unavailable("the store is away".to_owned()));
        }
        Ok(self.values.get(&key).cloned())
    }

    async fn note(&mut self, name: String, value: Masked) -> Result<(), CallError> {
        self.alive()?;
        self.record().notes.insert(name.clone(), value.clone());
        self.add(Event::Noted(name, value));
        Ok(())
    }

    async fn milestone(&mut self, milestone: Milestone) -> Result<(), CallError> {
        self.alive()?;
        let name = milestone.as_str().to_owned();
        self.record().milestones.push(name.clone());
        self.add(Event::Milestone(name));
        Ok(())
    }

    async fn call_again(&mut self, at_ms: u64) -> Result<(), CallError> {
        self.alive()?;
        self.record().call_again_ms = Some(at_ms);
        self.add(Event::CallAgain(at_ms));
        Ok(())
    }

    async fn history(&mut self, most: usize) -> Result<Vec<EarlierCall>, CallError> {
        self.alive()?;
        if self.away.contains(&Away::History) {
            return Err(CallError::Unavailable("the records are away".to_owned()));
        }
        Ok(self.history.iter().take(most).cloned().collect())
    }

    async fn invoke(&mut self, invocation: Invocation) -> Result<Json, CallError> {
        self.alive()?;
        let Invocation { name, input, .. } = invocation;
        self.now_ms += ACTION_MS;
        self.record().invoked.push((name.clone(), input.clone()));
        let answer = if self.away.contains(&Away::Actions) {
            Err(CallError::Unavailable("the action is away".to_owned()))
        } else if let Some(answer) = self.known_answer(&name, &input) {
            answer
        } else if let Some(turns) = self.turns.as_mut() {
            let Some(Turn::Action(answer)) = turns.pop_front() else {
                self.hear();
                self.record().open = Some(Wait::Action(name));
                return Err(self.hang_up());
            };
            answer
        } else if let Some(answer) = self.actions.get_mut(&name).and_then(VecDeque::pop_front) {
            answer
        } else {
            let sentence = format!(
                "the action `{name}` is invoked and has no answer: add it to `[[actions]]`"
            );
            self.record().unfit.push(sentence);
            Err(CallError::Unavailable("the test has no answer".to_owned()))
        };
        self.add(Event::Invoked {
            name,
            input,
            answer: answer.clone(),
        });
        answer
    }

    async fn say(&mut self, prompt: Prompt) -> Result<PromptId, CallError> {
        self.alive()?;
        Ok(self.queue(prompt))
    }

    async fn ask(&mut self, question: Question) -> Result<Answer, CallError> {
        let Question {
            name,
            prompt,
            choices,
            grammar,
            side_answers,
            understand,
            no_input_ms,
            no_input,
            no_match,
            acknowledge,
        } = question;
        let kind = grammar.as_ref().map(|grammar| grammar.name.clone());
        let understands = match &grammar {
            Some(grammar) => Understands::Value(grammar.clone()),
            None if choices.is_empty() => Understands::Words,
            None => Understands::Choices(choices.clone()),
        };
        let put = Put {
            asking: Asking {
                name,
                choices: choices.clone(),
                sides: side_answers.into_iter().map(|side| side.choice).collect(),
                grammar,
                understand,
                keys: None,
                no_input: no_input.len(),
                no_match: no_match.len(),
            },
            prompt,
            no_input,
            no_match,
            acknowledge,
            no_input_ms,
            understands,
        };
        self.put(put, |reply| match (&kind, reply) {
            (Some(kind), Reply::Choice(_) | Reply::Text(_) | Reply::Keys(_)) => Some(format!(
                "takes a {kind}: script what is said with `says`, or `presses`"
            )),
            _ => unfit(&choices, reply),
        })
        .await
    }

    async fn collect(&mut self, collection: Collection) -> Result<Answer, CallError> {
        let Collection {
            name,
            prompt,
            min_keys,
            max_keys,
            no_input_ms,
            no_input,
            no_match,
            ..
        } = collection;
        let (min, max) = (usize::from(min_keys), usize::from(max_keys));
        let takes = |reply: &Reply| match reply {
            Reply::Keys(keys) if (min..=max).contains(&keys.expose().len()) => None,
            Reply::Keys(_) => Some(format!("takes {min_keys} to {max_keys} keys")),
            Reply::Choice(_) | Reply::Text(_) | Reply::Value(_) => Some("takes keys".to_owned()),
            Reply::NoInput | Reply::NoMatch => None,
        };
        let put = Put {
            asking: Asking {
                name,
                choices: Vec::new(),
                sides: Vec::new(),
                grammar: None,
                understand: None,
                keys: Some((min, max)),
                no_input: no_input.len(),
                no_match: no_match.len(),
            },
            prompt,
            no_input,
            no_match,
            acknowledge: None,
            no_input_ms,
            understands: Understands::Keys { min, max },
        };
        self.put(put, takes).await
    }

    async fn drain(&mut self) -> Result<Vec<Playout>, CallError> {
        self.wait()?;
        Ok(self.report())
    }

    async fn pause(&mut self, ms: u32) -> Result<(), CallError> {
        self.wait()?;
        self.hear();
        self.now_ms += u64::from(ms);
        self.add(Event::Paused(ms));
        Ok(())
    }

    async fn await_playout(&mut self) -> Result<(), CallError> {
        self.wait()?;
        self.hear();
        Ok(())
    }

    fn heard_whole(&self, template: &str) -> bool {
        self.heard_whole.contains(template)
    }
}
