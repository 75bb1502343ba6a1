//! The contract's bindings for Rust, and a [`Script`] that remembers what templates may say.
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

use bindings::ghanti::dialog::types::{Argument, Content, Error, Prompt, Template, Value};
use bindings::ghanti::dialog::{call, runtime, speech};

/// Remembers the arguments that templates take.
#[derive(Debug, Default)]
pub struct Script {
    known: Vec<Argument>,
}

impl Script {
    /// From now on templates may say this.
    pub fn know(&mut self, argument: &str, value: Value) {
        self.known.retain(|known| known.name != argument);
        self.known.push(Argument {
            name: argument.to_owned(),
            value,
        });
    }

    /// From now on templates may say this setting of the manifest.
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
        let content = Content::Template(Template {
            name: template.to_owned(),
            arguments: self.known.clone(),
        });
        let prompt = Prompt {
            content,
            language: None,
            voice: None,
            interruptible: None,
        };
        speech::say(&prompt).map(drop)
    }

    /// Asks a question of the manifest. Returns a choice's name, `no-input` or `no-match`.
    pub fn ask(&self, question: &str) -> Result<String, Error> {
        let answer = speech::ask(question, &self.known, &[])?;
        Ok(match answer.reply {
            speech::Reply::Choice(id) => id,
            speech::Reply::NoInput => "no-input".to_owned(),
            _ => "no-match".to_owned(),
        })
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
}
