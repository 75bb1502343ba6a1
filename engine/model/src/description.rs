//! What a flow can say: its languages and templates, as its prompt files define them.

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
    /// All types.
    pub const ALL: [Self; 6] = [
        Self::Text,
        Self::Integer,
        Self::Money,
        Self::Date,
        Self::Time,
        Self::Digits,
    ];

    /// The type of a name, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

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

/// A template with its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateUse {
    /// The Fluent message's identifier.
    pub name: String,
    /// Name and type of each argument it takes: the variables of any language's message.
    pub arguments: Vec<(String, Kind)>,
}

/// What a component returns from `describe`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// The name its author gave it, for information only: the engine uses the folder's name.
    pub name: String,
    /// Its author's version number.
    pub version: String,
}

/// A flow's description: what its component says of itself, and what it can say to callers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// What its component returned.
    pub described: Described,
    /// The languages it has prompts in, the default first. Never empty.
    pub languages: Vec<Language>,
    /// The templates of its prompt files.
    pub templates: Vec<TemplateUse>,
}

impl Description {
    /// The template of this name.
    pub fn template(&self, name: &str) -> Option<&TemplateUse> {
        self.templates.iter().find(|used| used.name == name)
    }

    /// Whether there is a template of this name.
    pub fn uses(&self, template: &str) -> bool {
        self.template(template).is_some()
    }
}
