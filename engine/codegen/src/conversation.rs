//! What a flow says and asks, read from `flow.toml` and `prompts/LANGUAGE.ftl`, in the terms that all languages share.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use ghanti_language::{PromptBook, Severity, TemplateProblem};
use ghanti_manifest::question::{self, Expects};
use ghanti_manifest::{Manifest, ManifestError};
use ghanti_model::description::Described;
pub use ghanti_model::description::Kind;
use ghanti_model::{Description, Language, TemplateUse, values};

/// The variable that a `confirm` template reads back, which the engine fills in.
const READ_BACK: &str = "value";
/// The manifest's path within a flow's folder.
const MANIFEST: &str = "flow.toml";

/// What a flow says and asks. Everything is sorted by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// The messages.
    pub messages: Vec<Message>,
    /// The questions.
    pub questions: Vec<Question>,
    /// The declared fields of the customer's record.
    pub customer: Vec<Field>,
    /// The names of the settings.
    pub settings: Vec<String>,
}

/// A message of the prompt files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its identifier.
    pub name: String,
    /// Its words in the default language, as the file has them.
    pub words: String,
    /// The variables that it has in any language.
    pub variables: Vec<Variable>,
}

/// A variable with its type.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Variable {
    /// Its name, without the `$`.
    pub name: String,
    /// Its type.
    pub kind: Kind,
}

/// A question of the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Its name.
    pub name: String,
    /// The words that ask it, in the default language.
    pub words: String,
    /// The variables of all messages that it may speak.
    pub variables: Vec<Variable>,
    /// What answers it.
    pub answer: Answer,
}

/// What answers a question, besides silence and what is not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// One of these choices. Those that are answered by the engine and asked again are not among them.
    Choices(Vec<String>),
    /// The caller's words.
    Text,
    /// Digits, said or keyed.
    Digits,
    /// A date.
    Date,
    /// A time of day.
    Time,
    /// A whole number.
    Number,
    /// An amount of money.
    Amount,
    /// A phone number.
    Phone,
}

/// A field of the customer's record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// The type of its value: text, money or date.
    pub kind: Kind,
    /// Whether a record without it is of no use.
    pub required: bool,
}

/// What is wrong in a flow's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file, within the flow's folder.
    pub file: String,
    /// Its line, from 1.
    pub line: Option<usize>,
    /// What is wrong, with how to fix it.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.message)
    }
}

impl From<ManifestError> for Problem {
    fn from(error: ManifestError) -> Self {
        Self {
            file: MANIFEST.to_owned(),
            line: Some(error.line),
            message: error.message,
        }
    }
}

impl From<TemplateProblem> for Problem {
    fn from(problem: TemplateProblem) -> Self {
        Self {
            file: problem.file,
            line: problem.line,
            message: format!("{}; {}", problem.message, problem.hint),
        }
    }
}

impl Problem {
    pub(crate) fn in_manifest(message: String) -> Self {
        Self {
            file: MANIFEST.to_owned(),
            line: None,
            message,
        }
    }
}

impl Conversation {
    /// Reads a flow's manifest and its prompt files by language. Returns all problems that keep code from being made of them.
    pub fn read(
        manifest: &str,
        prompts: &BTreeMap<Language, String>,
    ) -> Result<Self, Vec<Problem>> {
        let text = manifest;
        let manifest = Manifest::parse(text).map_err(problems)?;
        let languages = languages(&manifest, prompts)?;
        let book = PromptBook::parse(prompts).map_err(problems)?;
        let mut found: Vec<Problem> = problems(
            book.check(&languages)
                .into_iter()
                .filter(|problem| problem.severity == Severity::Error),
        );
        let description = Description {
            described: Described {
                name: String::new(),
                version: String::new(),
            },
            // what one language lacks has been reported
            templates: if found.is_empty() {
                book.templates(&languages)
            } else {
                book.templates_of_any(&languages)
            },
            languages,
        };
        found.extend(problems(manifest.check(&description, text)));
        if !found.is_empty() {
            return Err(found);
        }
        let default = description
            .languages
            .first()
            .and_then(|language| prompts.get(language));
        let words = |name: &str| {
            default
                .and_then(|text| words_of(text, name))
                .unwrap_or_default()
        };
        Ok(Self {
            messages: description
                .templates
                .iter()
                .map(|template| message(template, words(&template.name)))
                .collect(),
            questions: manifest
                .questions
                .iter()
                .map(|(name, question)| Question {
                    words: words(question.opening(name)),
                    ..asked(name, question, &description)
                })
                .collect(),
            customer: manifest
                .customer
                .fields
                .iter()
                .map(|(name, field)| Field {
                    name: name.clone(),
                    kind: value_of(field.kind),
                    required: field.required,
                })
                .collect(),
            settings: manifest
                .settings
                .keys()
                .chain(manifest.samples.settings.keys())
                .collect::<BTreeSet<_>>()
                .into_iter()
                .cloned()
                .collect(),
        })
    }
}

fn problems<P: Into<Problem>>(found: impl IntoIterator<Item = P>) -> Vec<Problem> {
    found.into_iter().map(Into::into).collect()
}

/// The flow's languages, the default first.
fn languages(
    manifest: &Manifest,
    prompts: &BTreeMap<Language, String>,
) -> Result<Vec<Language>, Vec<Problem>> {
    if manifest.languages.is_empty() && prompts.len() > 1 {
        let names: Vec<_> = prompts
            .keys()
            .map(|language| format!("\"{language}\""))
            .collect();
        return Err(vec![Problem::in_manifest(format!(
            "there are prompts in {} languages, and nothing says which is the default: add `languages = [{}]` to `[flow]`, the default first",
            prompts.len(),
            names.join(", ")
        ))]);
    }
    let mut languages = manifest.languages.clone();
    if languages.is_empty() {
        languages.extend(prompts.keys().cloned());
    }
    let missing = languages
        .iter()
        .filter(|language| !prompts.contains_key(language));
    let missing: Vec<_> = missing
        .map(|language| {
            Problem::in_manifest(format!("`[flow] languages` has `{language}`, and there is no `prompts/{language}.ftl`: write it, or remove the language"))
        })
        .collect();
    if missing.is_empty() {
        Ok(languages)
    } else {
        Err(missing)
    }
}

fn message(template: &TemplateUse, words: String) -> Message {
    Message {
        name: template.name.clone(),
        words,
        variables: template.arguments.iter().map(variable).collect(),
    }
}

fn variable((name, kind): &(String, Kind)) -> Variable {
    Variable {
        name: name.clone(),
        kind: *kind,
    }
}

fn asked(name: &str, question: &question::Question, description: &Description) -> Question {
    let is_value =
        |value: &question::ValueGrammar, template: &str| value.confirm.as_deref() == Some(template);
    let mut variables = BTreeSet::new();
    for template in question.templates(name) {
        let arguments = description
            .template(template)
            .into_iter()
            .flat_map(|template| &template.arguments);
        let reads_back =
            matches!(&question.expects, Expects::Value(value) if is_value(value, template));
        variables.extend(
            arguments
                .filter(|(name, _)| !(reads_back && name == READ_BACK))
                .map(variable),
        );
    }
    let answer = match &question.expects {
        Expects::Choices(choices) => {
            let is_side = |id: &str| question.side_answers.iter().any(|side| side.choice == id);
            Answer::Choices(
                choices
                    .iter()
                    .map(|choice| choice.id.clone())
                    .filter(|id| !is_side(id))
                    .collect(),
            )
        }
        Expects::Text => Answer::Text,
        Expects::Digits(_) => Answer::Digits,
        Expects::Value(value) => match value.name.as_str() {
            "date" => Answer::Date,
            "time" => Answer::Time,
            "number" => Answer::Number,
            "currency" => Answer::Amount,
            "phone" => Answer::Phone,
            _ => Answer::Digits,
        },
    };
    Question {
        name: name.to_owned(),
        words: String::new(),
        variables: variables.into_iter().collect(),
        answer,
    }
}

/// The type of a record's field as the contract gives it.
fn value_of(kind: values::Kind) -> Kind {
    match kind {
        values::Kind::Money => Kind::Money,
        values::Kind::Date => Kind::Date,
        values::Kind::Text
        | values::Kind::Name
        | values::Kind::Account
        | values::Kind::Phone
        | values::Kind::Language => Kind::Text,
    }
}

/// A message's words as a valid file has them: the rest of its line, and the indented lines that follow.
fn words_of(text: &str, name: &str) -> Option<String> {
    let mut lines = text.lines();
    let first = lines.find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix('='))?;
    let more = lines.take_while(|line| {
        line.starts_with([' ', '\t', '}']) && !line.trim_start().starts_with('.')
    });
    let words: Vec<_> = std::iter::once(first)
        .chain(more)
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    Some(words.join(" "))
}
