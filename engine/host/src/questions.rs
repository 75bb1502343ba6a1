//! From the name of a question to everything that is asked: the manifest's templates, each with the
//! arguments it takes.

use ghanti_manifest::question::Expects;
use ghanti_model::{
    Argument, CallError, Choice, Collection, Prompt, Question, SideAnswer, Template, ValueGrammar,
};
use serde::Serialize;

use crate::asking::spoken;
use crate::convert::{Checked, shown};
use crate::gate::Rules;

/// A question as it is asked.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Asked {
    /// For a choice, or for any words.
    Words(Box<Question>),
    /// For keys.
    Keys(Box<Collection>),
}

impl Rules {
    /// The question of this name, with arguments for all its templates, and with the flow's own
    /// choices after those of the manifest.
    pub(crate) fn question(
        &self,
        name: &str,
        arguments: &[Argument],
        further: Vec<Choice>,
    ) -> Checked<Asked> {
        let Some(asked) = self.manifest.questions.get(name) else {
            return Err(format!(
                "the manifest has no question `{0}`: add `[questions.{0}]`",
                shown(name)
            ));
        };
        let prompt = |template: &str| self.spoken(template, arguments);
        let prompts = |templates: &[String]| {
            let prompts = templates.iter().map(|template| prompt(template));
            prompts.collect::<Checked<Vec<_>>>()
        };
        let (opening, no_input, no_match) = (
            prompt(asked.opening(name))?,
            prompts(&asked.no_input)?,
            prompts(&asked.no_match)?,
        );
        if !further.is_empty() && !matches!(asked.expects, Expects::Choices(_)) {
            return Err(format!(
                "the question `{name}` takes no choices: give none, or let the manifest say no `expects`"
            ));
        }
        let mut grammar = None;
        let choices = match &asked.expects {
            Expects::Value(value) => {
                let confirm = value.confirm.clone().map(|name| {
                    // the value itself is only known once it was said
                    self.with_taken(Template {
                        name,
                        arguments: arguments.to_vec(),
                    })
                });
                grammar = Some(ValueGrammar {
                    name: value.name.clone(),
                    parameters: value.parameters.clone(),
                    end_key: value.end_key,
                    between_keys_ms: value.between_ms,
                    confirm,
                });
                Vec::new()
            }
            Expects::Digits(digits) => {
                return Ok(Asked::Keys(Box::new(Collection {
                    name: name.to_owned(),
                    prompt: opening,
                    min_keys: digits.min,
                    max_keys: digits.max,
                    terminator: digits.end_key,
                    no_input_ms: asked.wait_ms,
                    between_keys_ms: digits.between_ms,
                    no_input,
                    no_match,
                })));
            }
            Expects::Text => Vec::new(),
            Expects::Choices(choices) => {
                let choices = all(name, choices, further)?;
                if choices.is_empty() {
                    return Err(format!(
                        "the question `{name}` has no choices: add `choices` to `[questions.{name}]`, or `expects = \"text\"` for any words"
                    ));
                }
                choices
            }
        };
        let side_answers = asked.side_answers.iter().map(|side| {
            let again = side.then.as_deref().unwrap_or_else(|| asked.opening(name));
            Ok(SideAnswer {
                choice: side.choice.clone(),
                say: side.say.as_deref().map(prompt).transpose()?,
                then: prompt(again)?,
            })
        });
        Ok(Asked::Words(Box::new(Question {
            name: name.to_owned(),
            prompt: opening,
            choices,
            grammar,
            side_answers: side_answers.collect::<Checked<_>>()?,
            understand: asked.understand.clone(),
            no_input_ms: asked.wait_ms,
            no_input,
            no_match,
            acknowledge: asked.acknowledge.as_deref().map(prompt).transpose()?,
        })))
    }

    /// A template of a question with those of the arguments that it takes.
    fn spoken(&self, template: &str, arguments: &[Argument]) -> Checked<Prompt> {
        let template = self.with_taken(Template {
            name: template.to_owned(),
            arguments: arguments.to_vec(),
        });
        self.check_template(&template)?;
        Ok(spoken(template))
    }

    /// Checks the template that reads a value back: everything but the value is there.
    pub(crate) fn check_read_back(
        &self,
        template: &Template,
        value: &str,
    ) -> Result<(), CallError> {
        let missing = self.arguments_of(&template.name).find(|name| {
            *name != value && template.arguments.iter().all(|given| given.name != *name)
        });
        match missing {
            None => Ok(()),
            Some(missing) => Err(CallError::Invalid(format!(
                "the template `{}` lacks its argument `{missing}`: give it",
                template.name
            ))),
        }
    }

    /// A template without the arguments that it does not take: a flow may give all it knows, and
    /// what is not spoken is not kept.
    pub(crate) fn with_taken(&self, mut template: Template) -> Template {
        template
            .arguments
            .retain(|argument| self.takes(&template.name, &argument.name));
        template
    }
}

/// The manifest's choices and the flow's.
fn all(question: &str, choices: &[Choice], further: Vec<Choice>) -> Checked<Vec<Choice>> {
    let mut all = choices.to_vec();
    for choice in further {
        if all.iter().any(|other| other.id == choice.id) {
            return Err(format!(
                "the question `{question}` has the choice `{}` twice: give each an id of its own",
                shown(&choice.id)
            ));
        }
        if choice.key.is_some() && all.iter().any(|other| other.key == choice.key) {
            return Err(format!(
                "the key of the choice `{}` of the question `{question}` is another choice's too: give each its own",
                shown(&choice.id)
            ));
        }
        all.push(choice);
    }
    Ok(all)
}
