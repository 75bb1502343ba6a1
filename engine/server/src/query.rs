//! Reads the query of a request to the API. Parameters that are unknown, repeated or invalid are
//! errors that name the parameter and describe valid values.

use ghanti_model::{PhoneNumber, Zone};
use time::format_description::well_known::{Iso8601, Rfc3339};
use time::{Date, OffsetDateTime};

use crate::problem::Problem;

/// Maximum length of a parameter's name in an error, in characters; the sender chose it.
const SHOWN: usize = 64;

/// The parameters of a query.
#[derive(Debug)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a query that may have these parameters, each at most once.
    ///
    /// # Errors
    ///
    /// 400 for an unknown or repeated parameter.
    pub fn read(query: Option<&str>, known: &[&str]) -> Result<Self, Problem> {
        let mut parameters: Vec<(String, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            if !known.contains(&name.as_ref()) {
                let takes = if known.is_empty() {
                    "leave it out: this path has no parameters".to_owned()
                } else {
                    format!("use {}", list(known))
                };
                return Err(Problem::parameter(&shown(&name), "is unknown", takes));
            }
            if parameters.iter().any(|(earlier, _)| *earlier == name) {
                let takes = "send it once".to_owned();
                return Err(Problem::parameter(&name, "is given twice", takes));
            }
            // PostgreSQL accepts no text with a NUL
            if value.contains('\0') {
                let takes = "send a text without it".to_owned();
                return Err(Problem::parameter(&name, "contains a NUL", takes));
            }
            parameters.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self(parameters))
    }

    /// A parameter as sent.
    pub fn text(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// A parameter, parsed by `read`. `takes` describes valid values.
    ///
    /// # Errors
    ///
    /// 400 if it cannot be read.
    pub fn parsed<T>(
        &self,
        name: &str,
        takes: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        // the value may be personal: it is not shown
        let unreadable = || Problem::parameter(name, "cannot be read", format!("give {takes}"));
        self.text(name)
            .map(|text| read(text).ok_or_else(unreadable))
            .transpose()
    }

    /// A number from 1 to `most`.
    ///
    /// # Errors
    ///
    /// 400 for anything else.
    pub fn number(&self, name: &str, most: u32) -> Result<Option<u32>, Problem> {
        self.parsed(name, &format!("a number from 1 to {most}"), |text| {
            text.parse()
                .ok()
                .filter(|number| (1..=most).contains(number))
        })
    }

    /// Whether a parameter is `true`; when absent, `false`.
    ///
    /// # Errors
    ///
    /// 400 for anything but `true` and `false`.
    pub fn flag(&self, name: &str) -> Result<bool, Problem> {
        let flag = self.parsed(name, "`true` or `false`", |text| text.parse().ok())?;
        Ok(flag.unwrap_or_default())
    }

    /// A phone number, in any spelling.
    ///
    /// # Errors
    ///
    /// 400 if it is not a phone number.
    pub fn phone(&self, name: &str) -> Result<Option<PhoneNumber>, Problem> {
        let takes = "5 to 15 digits, such as `%2B919876543210` or `9876543210`";
        self.parsed(name, takes, |text| {
            PhoneNumber::parse(&with_plus(text)).ok()
        })
    }

    /// A time in milliseconds since 1970-01-01T00:00:00Z. A date is its midnight in
    /// `zone`.
    ///
    /// # Errors
    ///
    /// 400 if it is not a time.
    pub fn time(&self, name: &str, zone: &Zone) -> Result<Option<u64>, Problem> {
        let takes =
            "a date such as `2026-11-27`, or a time with its zone such as `2026-11-27T09:00:00Z`";
        self.parsed(name, takes, |text| unix_ms(text, zone))
    }
}

/// A list of names in backticks.
pub fn list(names: &[&str]) -> String {
    let each: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    each.join(", ")
}

fn shown(name: &str) -> String {
    name.chars()
        .take(SHOWN)
        .collect::<String>()
        .escape_debug()
        .to_string()
}

/// Replaces a space by `+`: a `+` that is not percent-encoded is decoded as a space.
fn with_plus(text: &str) -> String {
    match text.strip_prefix(' ') {
        Some(rest) => format!("+{rest}"),
        None => text.to_owned(),
    }
}

/// A time in milliseconds since 1970-01-01T00:00:00Z: the first moment of a date in a zone, or a time
/// with its own zone. `None` for anything else.
pub fn unix_ms(text: &str, zone: &Zone) -> Option<u64> {
    // the parser of dates would ignore a time after the date
    if !text.contains('T')
        && let Ok(date) = Date::parse(text, &Iso8601::DATE)
    {
        return zone.first(date, 0);
    }
    // RFC 3339 also allows a space between date and time; here it is the `+` of the zone
    let (date, time) = text.split_once('T')?;
    let text = format!("{date}T{}", time.replace(' ', "+"));
    let at = OffsetDateTime::parse(&text, &Rfc3339).ok()?;
    u64::try_from(at.unix_timestamp_nanos() / 1_000_000).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn india() -> Zone {
        Zone::fixed(330)
    }

    fn read(query: &str) -> Query {
        Query::read(Some(query), &["limit", "phone", "since", "numbers"]).unwrap()
    }

    #[test]
    fn an_error_names_an_unknown_or_repeated_parameter() {
        for (query, words) in [
            ("colour=red", "`colour` is unknown"),
            ("limit=1&limit=2", "`limit` is given twice"),
            ("limit=%00", "`limit` contains a NUL"),
            ("li%0Amit=1", r"`li\nmit` is unknown"),
        ] {
            let error = format!("{:?}", Query::read(Some(query), &["limit"]).unwrap_err());
            assert!(
                error.contains(&words.replace('\\', r"\\")),
                "{query}: {error}"
            );
        }
        assert!(Query::read(None, &[]).is_ok() && Query::read(Some(""), &[]).is_ok());
    }

    #[test]
    fn numbers_and_flags_are_bounded() {
        assert_eq!(read("limit=200").number("limit", 200).unwrap(), Some(200));
        assert_eq!(read("").number("limit", 200).unwrap(), None);
        for text in ["0", "201", "-1", "", "1e2", "4294967297"] {
            let query = read(&format!("limit={text}"));
            assert!(query.number("limit", 200).is_err(), "{text}");
        }
        assert!(read("numbers=true").flag("numbers").unwrap());
        assert!(read("numbers=1").flag("numbers").is_err());
    }

    #[test]
    fn a_phone_number_has_any_spelling() {
        for text in [
            "+919876543210",
            "%2B919876543210",
            "9876543210",
            "098765-43210",
            "%2B91%2098765%2043210",
        ] {
            let phone = read(&format!("phone={text}")).phone("phone").unwrap();
            assert_eq!(phone.unwrap().expose(), "+919876543210", "{text}");
        }
        let error = format!("{:?}", read("phone=98765").phone("phone"));
        assert!(error.contains("Ok"), "a service code: {error}");
        let error = format!("{:?}", read("phone=asha").phone("phone").unwrap_err());
        assert!(
            error.contains("phone") && !error.contains("asha"),
            "{error}"
        );
    }

    #[test]
    fn a_time_is_a_date_or_has_a_zone() {
        for (text, expected) in [
            ("2026-11-27T09:00:00Z", 1_795_770_000_000),
            ("2026-11-27T09:00:00.250Z", 1_795_770_000_250),
            ("2026-11-27T14:30:00%2B05:30", 1_795_770_000_000),
            ("2026-11-27T14:30:00+05:30", 1_795_770_000_000),
            ("2026-11-27", 1_795_717_800_000),
        ] {
            let time = read(&format!("since={text}")).time("since", &india());
            assert_eq!(time.unwrap(), Some(expected), "{text}");
        }
        for text in [
            "",
            "today",
            "2026-11-27T09:00:00",
            "2026-13-01",
            "27.11.2026",
            "1795770000000",
            "1969-12-31",
            "2026-11-27 09:00:00Z",
        ] {
            let time = read(&format!("since={text}")).time("since", &india());
            assert!(time.is_err(), "{text}");
        }
    }
}
