//! `ghanti flow new`: a folder with a flow that builds and whose tests pass, to be changed from there.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, ValueEnum};
use ghanti_model::FlowName;
use serde_json::{Value, json};

use super::build::prepare;
use super::failure::{Failure, report};
use super::folder::{Folder, Language, write_changed};

/// Maximum length of a new flow's name in bytes.
const NAME_MAX: usize = 64;

/// Create a folder with a flow that builds and whose tests pass
#[derive(Args)]
pub struct New {
    /// The flow's name, and its folder's: lower-case letters, digits and hyphens
    name: String,
    /// The language of its code
    #[arg(long, value_name = "LANGUAGE")]
    lang: Language,
    /// The conversation to begin with
    #[arg(long, value_name = "TEMPLATE", default_value = "blank")]
    template: Template,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// A conversation to begin with.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Template {
    /// A greeting and one question
    Blank,
    /// Yes, no or later; a reason in the customer's words; a code by keys
    Appointment,
    /// Who is speaking, a rating, yes or no, a complaint in the customer's words that a language model sorts
    Survey,
    /// Who is speaking, what is due, a date that is read back, an agent
    Reminder,
}

type Texts = &'static [(&'static str, &'static str)];

macro_rules! texts {
    ($folder:literal: $($file:literal),+ $(,)?) => {
        &[$(($file, include_str!(concat!("templates/", $folder, "/", $file)))),+]
    };
}

/// Files of a shipped flow.
macro_rules! shipped {
    ($folder:literal: $($file:literal),+ $(,)?) => {
        &[$(($file, include_str!(concat!("../../../../plugins/", $folder, "/", $file)))),+]
    };
}

const RUST: Texts = texts!("common/rust": "Cargo.toml");
const TYPESCRIPT: Texts = texts!("common/typescript": "package.json", "tsconfig.json");
const PYTHON: Texts = texts!("common/python": "pyproject.toml");
const IGNORED: &str = include_str!("templates/common/gitignore");
const README: &str = include_str!("templates/common/README.md");

const BLANK: [Texts; 1] = [
    texts!("blank": "flow.rs", "flow.ts", "flow.py", "flow.toml", "prompts/en-IN.ftl", "prompts/hi-IN.ftl", "tests/yes.toml",
    "tests/silence.toml", "scenario.toml"),
];
// these two are shipped as flows, whose files are used here
const APPOINTMENT: [Texts; 2] = [
    texts!("appointment": "flow.rs", "flow.py"),
    shipped!("appointment": "src/flow.ts", "flow.toml", "prompts/en-IN.ftl", "prompts/hi-IN.ftl", "tests/confirms.toml", "tests/cancels.toml",
        "tests/cancels-in-hindi.toml", "tests/wrong-code.toml", "scenario.toml"),
];
const SURVEY: [Texts; 2] = [
    texts!("survey": "flow.rs", "flow.ts"),
    shipped!("survey": "flow.py", "flow.toml", "prompts/en-IN.ftl", "prompts/hi-IN.ftl", "tests/satisfied.toml", "tests/complains.toml",
        "tests/without-a-model.toml", "tests/wrong-person.toml", "scenario.toml"),
];
const REMINDER: [Texts; 1] = [
    texts!("reminder": "flow.rs", "flow.ts", "flow.py", "flow.toml", "prompts/en-IN.ftl", "prompts/hi-IN.ftl",
    "tests/promises.toml", "tests/wrong-person.toml", "scenario.toml"),
];

impl Template {
    fn files(self) -> &'static [Texts] {
        match self {
            Self::Blank => &BLANK,
            Self::Appointment => &APPOINTMENT,
            Self::Survey => &SURVEY,
            Self::Reminder => &REMINDER,
        }
    }

    /// Its additional dependencies in Rust: lines of `Cargo.toml`.
    fn dependencies(self) -> &'static str {
        match self {
            // the answer of a model is JSON
            Self::Survey => "serde_json = \"1\"\n",
            Self::Blank | Self::Appointment | Self::Reminder => "",
        }
    }

    fn about(self) -> &'static str {
        match self {
            Self::Blank => "A greeting and one question, to begin with.",
            Self::Appointment => {
                "An appointment: confirmed with the code that was sent to the customer, or cancelled with a reason."
            }
            Self::Survey => {
                "A survey after a service: two questions, and what should be better in the customer's own words, which a language model sorts."
            }
            Self::Reminder => {
                "A payment is due: who is speaking, what is due, on which day it will be paid, and an agent for who cannot say."
            }
        }
    }
}

impl New {
    /// Creates the folder, and shows the next steps.
    pub fn run(self) -> ExitCode {
        report(self.create(), self.json)
    }

    fn create(&self) -> Result<(String, Value), Failure> {
        let name = name(&self.name)?;
        let folder = Path::new(name.as_str());
        match fs::create_dir(folder) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                return Err(Failure::Use(format!(
                    "`{name}` exists already and was not changed: use another name, or move it away"
                )));
            }
            made => made.with_context(|| format!("cannot create the folder `{name}`"))?,
        }
        let files = self.fill(folder, &name);
        if files.is_err() {
            // an incomplete folder is removed
            let _ = fs::remove_dir_all(folder);
        }
        let files = files?;
        let words = format!(
            "created {name}/: {} in {}, with tests\nthen:  cd {name} && ghanti flow build && ghanti flow test, and README.md says how to call it",
            self.template_name(),
            self.lang
        );
        let object = json!({
            "ok": true,
            "flow": name.as_str(),
            "folder": std::path::absolute(folder).context("the folder has no path")?,
            "language": self.lang.as_str(),
            "template": self.template_name(),
            "files": files,
        });
        Ok((words, object))
    }

    fn template_name(&self) -> String {
        self.template
            .to_possible_value()
            .map(|value| value.get_name().to_owned())
            .unwrap_or_default()
    }

    fn fill(&self, folder: &Path, name: &FlowName) -> Result<Vec<String>, Failure> {
        let own = match self.lang {
            Language::Rust => RUST,
            Language::TypeScript => TYPESCRIPT,
            Language::Python => PYTHON,
        };
        let mut files: Vec<(String, &str)> = own
            .iter()
            .map(|(path, text)| ((*path).to_owned(), *text))
            .collect();
        for (path, text) in self.template.files().iter().copied().flatten() {
            if let Some(path) = self.placed(path) {
                files.push((path, text));
            }
        }
        files.extend([
            (".gitignore".to_owned(), IGNORED),
            ("README.md".to_owned(), README),
        ]);
        files.sort();
        // a flow that is shipped has its own name
        let shipped = format!("flow = \"{}\"", self.template_name());
        for (path, text) in &files {
            let text = text
                .replace("{{name}}", name.as_str())
                .replace(&shipped, &format!("flow = \"{name}\""))
                .replace("{{dependencies}}", self.template.dependencies())
                .replace("{{about}}", self.template.about())
                .replace("{{source}}", self.source());
            write_changed(&folder.join(path), text.as_bytes())?;
        }
        prepare(&Folder::find(folder)?)?;
        Ok(files.into_iter().map(|(path, _)| path).collect())
    }

    /// The path for a file of a template; `None` if it is for another language.
    fn placed(&self, path: &str) -> Option<String> {
        let extension = match self.lang {
            Language::Rust => "rs",
            Language::TypeScript => "ts",
            Language::Python => "py",
        };
        let file = path.strip_prefix("src/").unwrap_or(path);
        match file.strip_prefix("flow.") {
            Some("toml") | None => Some(path.to_owned()),
            Some(other) => (other == extension).then(|| self.source().to_owned()),
        }
    }

    fn source(&self) -> &'static str {
        match self.lang {
            Language::Rust => "src/lib.rs",
            Language::TypeScript | Language::Python => self.lang.sign(),
        }
    }
}

/// A name that is valid for a flow, a package in every language, and a folder.
fn name(given: &str) -> Result<FlowName, Failure> {
    let wrong = || {
        Failure::Use(format!(
            "`{given}` is not a valid name of a flow: use up to {NAME_MAX} lower-case letters, digits and hyphens, a letter first"
        ))
    };
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let begins = given.starts_with(|first: char| first.is_ascii_lowercase());
    if !begins || given.ends_with('-') || given.len() > NAME_MAX || !given.bytes().all(is_plain) {
        return Err(wrong());
    }
    FlowName::parse(given).map_err(|_| wrong())
}
