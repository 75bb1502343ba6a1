//! A day as `2026-12-25`.

use serde::{Deserialize, Deserializer, Serializer};
use time::Date;
use time::macros::format_description;

/// Parses a day.
pub fn parse(text: &str) -> Option<Date> {
    Date::parse(text, format_description!("[year]-[month]-[day]")).ok()
}

/// The error for a text that is not a day.
pub fn error(text: &str) -> String {
    format!(
        "`{}` is not a day: write `2026-12-25`",
        text.escape_default()
    )
}

/// Serializes an optional day.
pub fn serialize<S: Serializer>(day: &Option<Date>, to: S) -> Result<S::Ok, S::Error> {
    match day {
        Some(day) => to.collect_str(day),
        None => to.serialize_none(),
    }
}

/// Deserializes an optional day.
pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Date>, D::Error> {
    let text: Option<String> = Option::deserialize(from)?;
    text.map(|text| parse(&text).ok_or_else(|| serde::de::Error::custom(error(&text))))
        .transpose()
}
