//! How a question is put in a live call: through the gate, with the answers to what the caller asks
//! back, and in the language in which they answer.

use std::sync::Arc;

use ghanti_manifest::question::SIDE_ANSWERS_MAX;
use ghanti_model::{
    Answer, Argument, CallError, Choice, Collection, Content, Language, Prompt, PromptId, Question,
    Reply, Template,
};
use serde_json::{Value as Json, json};

use crate::context::CallContext;
use crate::gate;
use crate::known::Known;

/// The variable of a template that reads a value back.
const VALUE: &str = "value";
const YES: &str = "yes";

impl CallContext {
    /// Says a prompt.
    pub(crate) async fn say(&mut self, prompt: Prompt) -> Result<PromptId, CallError> {
        let prompt = self.rules.admit(prompt)?;
        self.pass(None, &[&prompt]).await?;
        self.conversation.say(prompt).await
    }

    /// Asks until the caller has answered or asked back too often, which is a no-match. The answer
    /// has the attempts and playouts of all of it, and the language in which they answered last.
    pub(crate) async fn ask(&mut self, question: Question) -> Result<Answer, CallError> {
        let mut question = self.admitted(question)?;
        let sides = question.side_answers.clone();
        let confirm = question
            .grammar
            .as_ref()
            .and_then(|grammar| grammar.confirm.clone())
            .map(spoken);
        let prompts: Vec<_> = [&question.prompt]
            .into_iter()
            .chain(&question.no_input)
            .chain(&question.no_match)
            .chain(&question.acknowledge)
            .chain(
                sides
                    .iter()
                    .flat_map(|side| side.say.iter().chain([&side.then])),
            )
            .chain(&confirm)
            .collect();
        self.pass(Some(&question.name), &prompts).await?;
        let mut before: Option<Answer> = None;
        let mut left = SIDE_ANSWERS_MAX;
        loop {
            let answer = self.conversation.ask(question.clone()).await?;
            if self.conversation.is_recorded() {
                return Ok(answer);
            }
            let answer = self.understood(&question, answer).await?;
            let changed_to = self.follow(answer.language.as_ref()).await?;
            let mut answer = together(before.take(), answer);
            answer.changed_to = changed_to.or(answer.changed_to);
            if let Some(prompt) = read_back(&question, &answer) {
                let confirm = confirmation(&question, self.rules.admit(prompt)?);
                let Answer {
                    reply, playouts, ..
                } = self.conversation.ask(confirm).await?;
                answer.playouts.extend(playouts);
                if reply == Reply::Choice(YES.to_owned()) {
                    return Ok(answer);
                }
                answer.reply = Reply::NoMatch;
                if left == 0 {
                    return Ok(answer);
                }
                left -= 1;
                let again = question.no_match.first().unwrap_or(&question.prompt);
                question.prompt = again.clone();
                before = Some(answer);
                continue;
            }
            if let (Some(_), Reply::NoMatch) = (&question.understand, &answer.reply)
                && !question.no_match.is_empty()
            {
                question.prompt = question.no_match.remove(0);
                before = Some(answer);
                continue;
            }
            let asked_back = match &answer.reply {
                Reply::Choice(id) => sides.iter().find(|side| side.choice == *id),
                _ => None,
            };
            let Some(side) = asked_back else {
                return Ok(answer);
            };
            if left == 0 {
                answer.reply = Reply::NoMatch;
                return Ok(answer);
            }
            left -= 1;
            if let Some(prompt) = &side.say {
                self.conversation.say(prompt.clone()).await?;
            }
            question.prompt = side.then.clone();
            before = Some(answer);
        }
    }

    /// The answer with the choice that the question's action understands where no grammar took the
    /// words. Only one of the choices counts; an action that fails has understood nothing.
    async fn understood(
        &mut self,
        question: &Question,
        mut answer: Answer,
    ) -> Result<Answer, CallError> {
        let (Some(action), Reply::NoMatch, Some(words)) =
            (&question.understand, &answer.reply, &answer.transcript)
        else {
            return Ok(answer);
        };
        let choices = question.choices.iter().map(|choice| {
            let phrases = choice.phrases.iter().flat_map(|phrases| &phrases.words);
            json!({ "id": choice.id, "phrases": phrases.collect::<Vec<_>>() })
        });
        let input = json!({
            "question": question.name,
            "words": words.expose(),
            "language": answer.language,
            "choices": choices.collect::<Vec<_>>(),
        });
        let (_, invocation) =
            self.invocation(action.clone(), &input.to_string(), Known::understanding);
        let understood = match invocation {
            Ok(invocation) => self.conversation.invoke(invocation).await,
            Err(error) => Err(error),
        };
        let choice = match understood {
            Ok(understood) => understood
                .get("choice")
                .and_then(Json::as_str)
                .map(str::to_owned),
            Err(CallError::CallEnded) => return Err(CallError::CallEnded),
            Err(error) => {
                tracing::warn!(
                    action,
                    question = question.name,
                    %error,
                    "an action that is to understand answers failed; the answer counts as not understood"
                );
                None
            }
        };
        if let Some(id) = choice.filter(|id| question.choices.iter().any(|choice| choice.id == *id))
        {
            (answer.reply, answer.understood_by) = (Reply::Choice(id), Some(action.clone()));
        }
        Ok(answer)
    }

    /// Asks for keys.
    pub(crate) async fn collect(
        &mut self,
        mut collection: Collection,
    ) -> Result<Answer, CallError> {
        collection.prompt = self.rules.admit(collection.prompt)?;
        collection.no_input = self.admit_all(collection.no_input)?;
        collection.no_match = self.admit_all(collection.no_match)?;
        let prompts: Vec<_> = [&collection.prompt]
            .into_iter()
            .chain(&collection.no_input)
            .chain(&collection.no_match)
            .collect();
        self.pass(Some(&collection.name), &prompts).await?;
        self.conversation.collect(collection).await
    }

    fn admitted(&self, mut question: Question) -> Result<Question, CallError> {
        if let Some(confirm) = question
            .grammar
            .as_ref()
            .and_then(|grammar| grammar.confirm.as_ref())
        {
            self.rules.check_read_back(confirm, VALUE)?;
        }
        question.prompt = self.rules.admit(question.prompt)?;
        question.no_input = self.admit_all(question.no_input)?;
        question.no_match = self.admit_all(question.no_match)?;
        question.acknowledge = question
            .acknowledge
            .map(|prompt| self.rules.admit(prompt))
            .transpose()?;
        for side in &mut question.side_answers {
            side.say = side
                .say
                .take()
                .map(|prompt| self.rules.admit(prompt))
                .transpose()?;
            side.then = self.rules.admit(side.then.clone())?;
        }
        Ok(question)
    }

    fn admit_all(&self, prompts: Vec<Prompt>) -> Result<Vec<Prompt>, CallError> {
        prompts
            .into_iter()
            .map(|prompt| self.rules.admit(prompt))
            .collect()
    }

    /// Checks that everything the prompts and the question require has been established.
    async fn pass(&mut self, question: Option<&str>, prompts: &[&Prompt]) -> Result<(), CallError> {
        gate::pass(
            &self.rules,
            &self.known.established,
            self.conversation.as_mut(),
            question,
            prompts,
        )
        .await
    }

    /// Goes on in the language of an answer, and says so, where the manifest lets the flow follow.
    /// Returns the language if it is another one.
    async fn follow(&mut self, heard: Option<&Language>) -> Result<Option<Language>, CallError> {
        let rules = Arc::clone(&self.rules);
        let Some((language, template)) = rules.follows(heard) else {
            return Ok(None);
        };
        let now = match &self.known.language {
            Some(now) => now.clone(),
            None => self.conversation.facts().language,
        };
        if now == *language {
            return Ok(None);
        }
        let prompt = spoken(Template {
            name: template.to_owned(),
            arguments: Vec::new(),
        });
        self.conversation.set_language(language.clone()).await?;
        self.known.language = Some(language.clone());
        self.say(prompt).await?;
        Ok(Some(language.clone()))
    }
}

/// A template in the language of the call.
pub(crate) fn spoken(template: Template) -> Prompt {
    Prompt {
        content: Content::Template(template),
        language: None,
        voice: None,
        interruptible: None,
    }
}

/// What reads a spoken value back, if the manifest wants it to be.
fn read_back(question: &Question, answer: &Answer) -> Option<Prompt> {
    let Reply::Value(value) = &answer.reply else {
        return None;
    };
    // what was keyed is certain
    answer.transcript.as_ref()?;
    let mut template = question.grammar.as_ref()?.confirm.clone()?;
    template.arguments.retain(|known| known.name != VALUE);
    template.arguments.push(Argument {
        name: VALUE.to_owned(),
        value: value.clone(),
    });
    Some(spoken(template))
}

/// The question whether a value was heard rightly.
fn confirmation(question: &Question, prompt: Prompt) -> Question {
    let choice = |lexicon: &str, key| Choice {
        id: lexicon.to_owned(),
        lexicon: Some(lexicon.to_owned()),
        phrases: Vec::new(),
        key: Some(key),
    };
    Question {
        name: format!("{}-confirm", question.name),
        choices: vec![choice(YES, '1'), choice("no", '2')],
        grammar: None,
        side_answers: Vec::new(),
        understand: None,
        no_input_ms: question.no_input_ms,
        no_input: vec![prompt.clone()],
        no_match: vec![prompt.clone()],
        acknowledge: None,
        prompt,
    }
}

/// The answer after all attempts so far.
fn together(before: Option<Answer>, answer: Answer) -> Answer {
    let Some(mut before) = before else {
        return answer;
    };
    before.playouts.extend(answer.playouts);
    Answer {
        attempts: before.attempts.saturating_add(answer.attempts),
        language: answer.language.or(before.language),
        changed_to: before.changed_to,
        playouts: before.playouts,
        ..answer
    }
}
