//! A flow's description of itself, as returned by `describe`.

use std::fmt;

use crate::Language;

/// The type of a template's argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Words spoken as they are.
    Text,
    /// A whole number.
    Integer,
    /// An amount with its currency.
    Money,
    /// A calendar date.
    Date,
    /// A time of day.
    Time,
    /// Digits spoken one by one.
    Digits,
}

impl Kind {
    /// The type's name in the contract, the same as [`Value::kind`](crate::Value::kind).
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Text => "text",
            Kind::Integer => "integer",
            Kind::Money => "money",
            Kind::Date => "date",
            Kind::Time => "time",
            Kind::Digits => "digits",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A template that the flow uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateUse {
    /// The Fluent message's identifier.
    pub name: String,
    /// Name and type of each argument that the flow passes.
    pub arguments: Vec<(String, Kind)>,
}

/// A flow's description of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The name its author gave it, for information only: the engine uses the folder's name.
    pub name: String,
    /// Its author's version number.
    pub version: String,
    /// The languages it has prompts in, the default first. Never empty.
    pub languages: Vec<Language>,
    /// The templates it uses.
    pub templates: Vec<TemplateUse>,
}

impl Description {
    /// Whether the flow uses a template of this name.
    pub fn uses(&self, template: &str) -> bool {
        self.templates.iter().any(|used| used.name == template)
    }
}
