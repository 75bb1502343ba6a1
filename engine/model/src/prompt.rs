//! What a flow asks to be spoken.

use serde::{Deserialize, Serialize};
use time::Date;

use crate::{Language, Masked};

/// An amount in the currency's smallest unit (paise for `INR`), with its ISO 4217 code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// In the smallest unit: 12,500 rupees is 1,250,000.
    pub minor: i64,
    /// ISO 4217, in capitals.
    pub currency: String,
}

/// A time of day on a 24-hour clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeOfDay {
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
}

time::serde::format_description!(iso_date, Date, "[year]-[month]-[day]");

/// A template's argument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "value")]
pub enum Value {
    /// Spoken as it stands.
    Text(Masked),
    /// Spoken as a quantity.
    Integer(i64),
    /// Spoken with its currency.
    Money(Money),
    /// A calendar date.
    Date(#[serde(with = "iso_date")] Date),
    /// A time of day.
    Time(TimeOfDay),
    /// Spoken one by one.
    Digits(Masked),
}

impl Value {
    /// The type's name as the contract spells it.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Text(_) => "text",
            Value::Integer(_) => "integer",
            Value::Money(_) => "money",
            Value::Date(_) => "date",
            Value::Time(_) => "time",
            Value::Digits(_) => "digits",
        }
    }
}

/// One named argument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Argument {
    /// As in the Fluent file, without the `$`.
    pub name: String,
    /// Its value.
    pub value: Value,
}

/// A message of the flow's Fluent files with its arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// The message's identifier.
    pub name: String,
    /// One for each variable.
    pub arguments: Vec<Argument>,
}

/// What a prompt says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "value")]
pub enum Content {
    /// Plain words.
    Text(Masked),
    /// A template.
    Template(Template),
    /// An audio file of the flow's folder, by name.
    Audio(String),
}

/// One thing to be spoken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    /// The words.
    pub content: Content,
    /// The call's language when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// The language's default when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voice: Option<String>,
    /// Whether the caller may interrupt; the manifest decides when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interruptible: Option<bool>,
}

impl Prompt {
    /// The template's name, or nothing for a text or an audio file.
    pub fn template(&self) -> &str {
        match &self.content {
            Content::Template(template) => &template.name,
            Content::Text(_) | Content::Audio(_) => "",
        }
    }
}
