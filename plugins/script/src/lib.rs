//! What conversations written in Rust share: the contract's bindings, and a [`Script`] that speaks
//! by templates and asks by choices.
//!
//! A convenience and no part of the contract: a flow may call the bindings instead, or make its
//! own.

#[allow(
    missing_docs,
    unsafe_code,
    clippy::all,
    reason = "generated from the contract"
)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "dialog",
        pub_export_macro: true,
        default_bindings_module: "script::bindings",
    });
}

use bindings::ghanti::dialog::types::{
    Argument, Content, Error, Kind, Prompt, Template, TemplateUse, Value,
};
use bindings::ghanti::dialog::{call, runtime, speech};

/// A template's name, and the names and types of its arguments.
pub type Spoken = (&'static str, &'static [(&'static str, Kind)]);

/// What a flow can say: its languages, the default first, and its templates.
#[derive(Debug, Clone, Copy)]
pub struct Repertoire {
    /// BCP 47 tags, each with a file in `prompts/`.
    pub languages: &'static [&'static str],
    /// Every template the flow uses.
    pub templates: &'static [Spoken],
}

impl Repertoire {
    /// The languages as `describe` tells them.
    pub fn languages(&self) -> Vec<String> {
        self.languages
            .iter()
            .map(|language| language.to_string())
            .collect()
    }

    /// The templates as `describe` tells them.
    pub fn templates(&self) -> Vec<TemplateUse> {
        let argument = |(name, kind): &(&str, Kind)| (name.to_string(), kind.clone());
        let template = |(name, arguments): &Spoken| TemplateUse {
            name: name.to_string(),
            arguments: arguments.iter().map(argument).collect(),
        };
        self.templates.iter().map(template).collect()
    }
}

/// A closed question, by its templates.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// Its name in the journal.
    pub name: &'a str,
    /// The template that asks.
    pub opening: &'a str,
    /// Each a lexicon of the engine, whose name is the answer's as well, with the key that means
    /// the same: `yes=1 no=2 who`.
    pub choices: &'a str,
    /// Whether a `yes` has to confirm what was asked: "okay" and "tell me" do not.
    pub confirms: bool,
    /// How long the caller may stay silent, in milliseconds.
    pub no_input_ms: u32,
    /// Templates after the first, second, … silence.
    pub no_input: &'a [&'a str],
    /// Templates after the first, second, … answer not understood.
    pub no_match: &'a [&'a str],
    /// Each choice that asks back, the template that answers it (none where asking again is answer
    /// enough), and the one that asks again.
    pub asked_back: &'a [(&'a str, Option<&'a str>, &'a str)],
}

/// So often a caller who asks back is answered; then it is a `no-match`.
const ANSWERED_AT_MOST: usize = 3;

/// Speaks the call's language, and knows what templates may tell.
#[derive(Debug)]
pub struct Script {
    repertoire: Repertoire,
    language: String,
    known: Vec<Argument>,
}

impl Script {
    /// Begins in the wanted language, or in the repertoire's first where it has no prompts for it.
    pub fn begin(repertoire: Repertoire, wanted: &str) -> Result<Self, Error> {
        let spoken = repertoire
            .languages
            .iter()
            .find(|language| **language == wanted)
            .or(repertoire.languages.first());
        let language = spoken
            .map(|language| language.to_string())
            .unwrap_or_default();
        call::set_language(&language)?;
        Ok(Self {
            repertoire,
            language,
            known: Vec::new(),
        })
    }

    /// From now on templates may tell this.
    pub fn know(&mut self, argument: &str, value: Value) {
        self.known.push(Argument {
            name: argument.to_owned(),
            value,
        });
    }

    /// From now on templates may tell this setting of the manifest.
    pub fn know_setting(&mut self, name: &str) -> Result<(), Error> {
        let missing = || {
            Error::Invalid(format!(
                "`{name}` is not set: add it to `[settings]` in flow.toml"
            ))
        };
        self.know(
            name,
            Value::Text(runtime::setting(name).ok_or_else(missing)?),
        );
        Ok(())
    }

    /// Says a template.
    pub fn say(&self, template: &str) -> Result<(), Error> {
        speech::say(&self.prompt(template)).map(|_| ())
    }

    /// Sets the disposition and says the last words.
    pub fn end(
        &self,
        disposition: &str,
        detail: Option<&str>,
        template: &str,
    ) -> Result<(), Error> {
        call::outcome(disposition, detail)?;
        self.say(template)
    }

    /// Asks, and answers a caller who asks back. What comes is a choice's name, `no-input` or
    /// `no-match`.
    pub fn ask(&mut self, question: &Question<'_>) -> Result<String, Error> {
        let asks_back = |answer: &str| {
            question
                .asked_back
                .iter()
                .find(|(choice, ..)| *choice == answer)
        };
        let mut answer = self.ask_once(question, question.opening)?;
        for _ in 0..ANSWERED_AT_MOST {
            let Some((_, reply, again)) = asks_back(&answer) else {
                return Ok(answer);
            };
            if let Some(reply) = reply {
                self.say(reply)?;
            }
            answer = self.ask_once(question, again)?;
        }
        Ok(if asks_back(&answer).is_some() {
            "no-match".to_owned()
        } else {
            answer
        })
    }

    fn ask_once(&mut self, question: &Question<'_>, opening: &str) -> Result<String, Error> {
        let prompts = |templates: &[&str]| {
            templates
                .iter()
                .map(|template| self.prompt(template))
                .collect()
        };
        let choice = |choice: &str| {
            let (id, key) = choice
                .split_once('=')
                .map_or((choice, None), |(id, key)| (id, Some(key.to_owned())));
            let lexicon = if question.confirms && id == "yes" {
                "confirm"
            } else {
                id
            };
            speech::Choice {
                id: id.to_owned(),
                lexicon: Some(lexicon.to_owned()),
                phrases: Vec::new(),
                key,
            }
        };
        let answer = speech::ask(&speech::Question {
            name: question.name.to_owned(),
            prompt: self.prompt(opening),
            choices: question.choices.split(' ').map(choice).collect(),
            no_input_ms: question.no_input_ms,
            no_input: prompts(question.no_input),
            no_match: prompts(question.no_match),
        })?;
        self.follow(answer.language)?;
        Ok(match answer.reply {
            speech::Reply::Choice(id) => id,
            speech::Reply::NoInput => "no-input".to_owned(),
            _ => "no-match".to_owned(),
        })
    }

    /// Goes on in the language of an answer where there are prompts for it, and says so.
    fn follow(&mut self, heard: Option<String>) -> Result<(), Error> {
        let other = heard.filter(|other| {
            *other != self.language && self.repertoire.languages.contains(&other.as_str())
        });
        let Some(other) = other else { return Ok(()) };
        call::set_language(&other)?;
        self.language = other;
        self.say("language-changed")
    }

    /// A template with just the arguments it takes.
    fn prompt(&self, template: &str) -> Prompt {
        let takes = self
            .repertoire
            .templates
            .iter()
            .find(|(name, _)| *name == template)
            .map_or(&[][..], |(_, takes)| takes);
        let given = self
            .known
            .iter()
            .filter(|argument| takes.iter().any(|(name, _)| *name == argument.name));
        let content = Content::Template(Template {
            name: template.to_owned(),
            arguments: given.cloned().collect(),
        });
        Prompt {
            content,
            language: None,
            voice: None,
            interruptible: None,
        }
    }
}
