//! A flow's description of itself, as returned by `describe`.

use std::fmt;

use ghanti_model::Language;

use crate::bindings::{self, types};
use crate::convert::{self, Checked};

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
    /// The type's name in the contract, the same as [`ghanti_model::Value::kind`].
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

    /// Checks and converts the result of `describe`. The error says what is wrong with it.
    pub(crate) fn read(told: bindings::Description) -> Checked<Self> {
        let languages = convert::list("languages", told.languages)?;
        let languages = languages
            .iter()
            .map(|tag| convert::language("languages", tag))
            .collect::<Checked<Vec<_>>>()?;
        if languages.is_empty() {
            return Err("`languages` is empty: name at least one, such as `en-IN`".to_owned());
        }
        let templates = convert::list("templates", told.templates)?
            .into_iter()
            .map(template_use)
            .collect::<Checked<Vec<_>>>()?;
        for (at, used) in templates.iter().enumerate() {
            if templates
                .iter()
                .skip(at + 1)
                .any(|other| other.name == used.name)
            {
                return Err(format!(
                    "`templates` names `{}` twice: name it once, with all its arguments",
                    used.name
                ));
            }
        }
        Ok(Self {
            name: convert::text("name", told.name)?,
            version: convert::text("version", told.version)?,
            languages,
            templates,
        })
    }
}

fn template_use(told: types::TemplateUse) -> Checked<TemplateUse> {
    let name = convert::text("templates.name", told.name)?;
    let arguments = convert::list("templates.arguments", told.arguments)?;
    let arguments = arguments.into_iter().map(|(argument, kind)| {
        Ok((
            convert::text("templates.arguments", argument)?,
            read_kind(kind)?,
        ))
    });
    Ok(TemplateUse {
        name,
        arguments: arguments.collect::<Checked<Vec<_>>>()?,
    })
}

fn read_kind(kind: types::Kind) -> Checked<Kind> {
    match kind {
        types::Kind::Text => Ok(Kind::Text),
        types::Kind::Integer => Ok(Kind::Integer),
        types::Kind::Money => Ok(Kind::Money),
        types::Kind::Date => Ok(Kind::Date),
        types::Kind::Time => Ok(Kind::Time),
        types::Kind::Digits => Ok(Kind::Digits),
        types::Kind::Other(name) => Err(format!(
            "this version has no type `{}` of arguments: use one that the contract names",
            convert::shown(&name)
        )),
    }
}
