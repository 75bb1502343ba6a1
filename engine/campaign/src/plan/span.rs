//! Durations as an operator writes them: `90s`, `15m`, `2h`, `1d`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Seconds of each unit.
const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];
/// Maximum duration: a year.
const LONGEST_S: u64 = 366 * 86_400;

/// A duration in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span(u64);

/// A text that is not a duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a duration: write a number and its unit, such as `90s`, `15m`, `2h` or `1d`, up to a year"
)]
pub struct NotASpan;

impl Span {
    /// A number of minutes.
    pub const fn minutes(minutes: u32) -> Self {
        Self(minutes as u64 * 60)
    }

    /// The duration in milliseconds.
    pub fn ms(self) -> u64 {
        self.0.saturating_mul(1_000)
    }
}

impl FromStr for Span {
    type Err = NotASpan;

    fn from_str(text: &str) -> Result<Self, NotASpan> {
        let unit = text.chars().last().ok_or(NotASpan)?;
        let (_, seconds) = UNITS
            .into_iter()
            .find(|(name, _)| *name == unit)
            .ok_or(NotASpan)?;
        let number = text.strip_suffix(unit).unwrap_or_default();
        if !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NotASpan);
        }
        let number: u64 = number.parse().map_err(|_| NotASpan)?;
        let seconds = number.checked_mul(seconds).ok_or(NotASpan)?;
        if seconds > LONGEST_S {
            return Err(NotASpan);
        }
        Ok(Self(seconds))
    }
}

impl TryFrom<String> for Span {
    type Error = NotASpan;

    fn try_from(text: String) -> Result<Self, NotASpan> {
        text.parse()
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |(_, seconds): &(char, u64)| self.0.is_multiple_of(*seconds);
        match UNITS.into_iter().find(fits) {
            Some((unit, seconds)) if self.0 > 0 => write!(f, "{}{unit}", self.0 / seconds),
            _ => write!(f, "{}s", self.0),
        }
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        span.to_string()
    }
}

/// Whether and when somebody is called again: after a duration, or `never`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Again {
    /// They are not called again.
    Never,
    /// After this duration.
    After(Span),
}

/// How [`Again::Never`] is written.
const NEVER: &str = "never";

/// A text that is neither a duration nor `never`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{NotASpan}; or `{NEVER}`")]
pub struct NotAgain;

impl Again {
    /// After a number of minutes.
    pub const fn minutes(minutes: u32) -> Self {
        Self::After(Span::minutes(minutes))
    }
}

impl TryFrom<String> for Again {
    type Error = NotAgain;

    fn try_from(text: String) -> Result<Self, NotAgain> {
        if text == NEVER {
            return Ok(Self::Never);
        }
        text.parse().map(Self::After).map_err(|_| NotAgain)
    }
}

impl From<Again> for String {
    fn from(again: Again) -> Self {
        match again {
            Again::Never => NEVER.to_owned(),
            Again::After(span) => span.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_is_not_a_duration() {
        let read = |text: &str| Again::try_from(text.to_owned());
        assert_eq!(read("never"), Ok(Again::Never));
        assert_eq!(read("15m"), Ok(Again::minutes(15)));
        for text in ["Never", "", "no", "15"] {
            assert_eq!(read(text), Err(NotAgain), "{text}");
        }
        assert_eq!(String::from(Again::Never), "never");
        assert!(NotAgain.to_string().ends_with("up to a year; or `never`"));
    }

    #[test]
    fn each_spelling_is_parsed_and_shown_in_its_largest_unit() {
        for (text, seconds, shown) in [
            ("90s", 90, "90s"),
            ("60s", 60, "1m"),
            ("15m", 900, "15m"),
            ("2h", 7_200, "2h"),
            ("24h", 86_400, "1d"),
            ("0s", 0, "0s"),
        ] {
            let span: Span = text.parse().unwrap();
            assert_eq!(
                (span.ms(), span.to_string()),
                (seconds * 1_000, shown.to_owned())
            );
        }
        for text in [
            "",
            "m",
            "15",
            "1.5h",
            "-1m",
            "2w",
            "15 m",
            "400d",
            "٣m",
            "99999999999999999999h",
        ] {
            assert_eq!(text.parse::<Span>(), Err(NotASpan), "{text}");
        }
    }
}
