//! Prompts that a flow plays.

use std::fmt;

use serde::{Deserialize, Serialize};
use time::Date;

use crate::values::canonical_rupees;
use crate::{Language, Masked};

/// The contract's limit for every text that a flow passes, in bytes.
pub const TEXT_BYTES_MAX: usize = 4_096;

/// An amount in the currency's smallest unit (paise for `INR`), with its ISO 4217 code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// The amount in the smallest unit: 12,500 rupees are 1,250,000.
    pub minor: i64,
    /// ISO 4217 code, upper case.
    pub currency: String,
}

/// A time of day, 24-hour clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeOfDay {
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
}

time::serde::format_description!(iso_date, Date, "[year]-[month]-[day]");

/// The value of a template argument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "value")]
pub enum Value {
    /// Spoken verbatim.
    Text(Masked),
    /// Spoken as a quantity.
    Integer(i64),
    /// Spoken with its currency.
    Money(Money),
    /// A calendar date.
    Date(#[serde(with = "iso_date")] Date),
    /// A time of day.
    Time(TimeOfDay),
    /// Spoken digit by digit.
    Digits(Masked),
}

impl Value {
    /// The type's name in the contract.
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

/// The value as text, such as `12500.50`, `2026-12-05` or `18:30`. Personal: never log it.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Text(text) | Value::Digits(text) => f.write_str(text.expose()),
            Value::Integer(number) => write!(f, "{number}"),
            Value::Money(money) => f.write_str(&canonical_rupees(money.minor)),
            Value::Date(date) => write!(f, "{date}"),
            Value::Time(time) => write!(f, "{:02}:{:02}", time.hour, time.minute),
        }
    }
}

/// One named argument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Argument {
    /// The variable's name in the Fluent file, without the `$`.
    pub name: String,
    /// Its value.
    pub value: Value,
}

/// A message of the flow's Fluent files, with its arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// The message's identifier.
    pub name: String,
    /// One per variable.
    pub arguments: Vec<Argument>,
}

/// The content of a prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "value")]
pub enum Content {
    /// Literal text.
    Text(Masked),
    /// A template.
    Template(Template),
    /// The name of an audio file in the flow's folder.
    Audio(String),
}

/// One thing to play to the caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    /// What is played.
    pub content: Content,
    /// Absent: the language of the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// Absent: the default voice of the language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voice: Option<String>,
    /// Whether the caller may barge in. Absent: the manifest decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interruptible: Option<bool>,
}

impl Prompt {
    /// The template's name; empty for a text or an audio file.
    pub fn template(&self) -> &str {
        match &self.content {
            Content::Template(template) => &template.name,
            Content::Text(_) | Content::Audio(_) => "",
        }
    }
}
