//! A day as `2026-12-25`.

use serde::{Deserialize, Deserializer, Serializer};
use time::Date;
use time::macros::format_description;

/// Reads a day; `None` for a text that is none.
pub fn parse(text: &str) -> Option<Date> {
    Date::parse(text, format_description!("[year]-[month]-[day]")).ok()
}

/// Why a text cannot be used as a day.
pub fn no_day(text: &str) -> String {
    format!("`{}` is no day: write `2026-12-25`", text.escape_default())
}

/// Writes a day that may be absent.
pub fn serialize<S: Serializer>(day: &Option<Date>, to: S) -> Result<S::Ok, S::Error> {
    match day {
        Some(day) => to.collect_str(day),
        None => to.serialize_none(),
    }
}

/// Reads a day that may be absent.
pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Date>, D::Error> {
    let text: Option<String> = Option::deserialize(from)?;
    text.map(|text| parse(&text).ok_or_else(|| serde::de::Error::custom(no_day(&text))))
        .transpose()
}
