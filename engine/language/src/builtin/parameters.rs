//! Grammars as a manifest spells them: `expects = "date"` with parameters next to it.

use std::collections::BTreeMap;

use ghanti_model::TimeOfDay;
use ghanti_model::values::{self, RUPEES_BELOW};

use super::{Grammar, currency};

/// The most digits of a `digits` grammar.
pub const DIGITS_MAX: usize = 30;
/// The furthest day of a `date` grammar, in days from today: a hundred years and some.
pub const DAYS_MAX: i32 = 40_000;
/// The largest number of a `number` grammar.
pub const NUMBER_MAX: i64 = 1_000_000_000_000;

/// Why a grammar's spelling is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GrammarError {
    /// There is no such grammar.
    #[error(
        "there is no grammar `{0}`; the grammars are boolean, date, time, digits, number, currency and phone"
    )]
    NoSuchGrammar(String),
    /// The grammar has no such parameter.
    #[error("the grammar `{grammar}` has no parameter `{name}`; {possible}")]
    NoSuchParameter {
        /// The grammar.
        grammar: &'static str,
        /// The given parameter.
        name: String,
        /// What it has.
        possible: &'static str,
    },
    /// The parameter's value cannot be read.
    #[error("`{name}` of the grammar `{grammar}` is `{value}`: {hint}")]
    BadValue {
        /// The grammar.
        grammar: &'static str,
        /// The parameter.
        name: &'static str,
        /// The given value.
        value: String,
        /// What is possible.
        hint: &'static str,
    },
    /// Two parameters exclude each other.
    #[error("`{first}` and `{second}` of the grammar `{grammar}` leave nothing to say: {hint}")]
    Contradiction {
        /// The grammar.
        grammar: &'static str,
        /// The one parameter.
        first: &'static str,
        /// The other one.
        second: &'static str,
        /// What to do about it.
        hint: &'static str,
    },
}

/// Each grammar with its parameters, and the sentence about them.
const GRAMMARS: [(&str, &[&str], &str); 7] = [
    ("boolean", &[], "it has none"),
    (
        "date",
        &["earliest", "latest"],
        "it has `earliest` and `latest`",
    ),
    (
        "time",
        &["earliest", "latest"],
        "it has `earliest` and `latest`",
    ),
    (
        "digits",
        &["length", "min-length", "max-length"],
        "it has `length`, or `min-length` and `max-length`",
    ),
    ("number", &["min", "max"], "it has `min` and `max`"),
    (
        "currency",
        &["currency", "min", "max"],
        "it has `currency`, `min` and `max`",
    ),
    ("phone", &[], "it has none"),
];

/// The parameters of one grammar.
struct Given<'g> {
    grammar: &'static str,
    values: BTreeMap<&'g str, &'g str>,
}

impl Given<'_> {
    fn read<T>(
        &self,
        name: &'static str,
        hint: &'static str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, GrammarError> {
        let Some(value) = self.values.get(name) else {
            return Ok(None);
        };
        match read(value.trim()) {
            Some(value) => Ok(Some(value)),
            None => Err(GrammarError::BadValue {
                grammar: self.grammar,
                name,
                value: (*value).to_owned(),
                hint,
            }),
        }
    }

    fn ordered<T: PartialOrd>(
        &self,
        (first, low): (&'static str, T),
        (second, high): (&'static str, T),
    ) -> Result<(), GrammarError> {
        if low <= high {
            return Ok(());
        }
        Err(GrammarError::Contradiction {
            grammar: self.grammar,
            first,
            second,
            hint: "the first has to be no more than the second",
        })
    }
}

impl Grammar {
    /// [`parse`](Self::parse) for parameters in a map.
    ///
    /// # Errors
    /// As there.
    pub fn with(
        expects: &str,
        parameters: &BTreeMap<String, String>,
    ) -> Result<Self, GrammarError> {
        let parameters = parameters
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        Self::parse(expects, parameters)
    }

    /// A grammar by its name in a manifest, with its parameters as text:
    ///
    /// | grammar | parameters |
    /// |---|---|
    /// | `boolean`, `phone` | none |
    /// | `date` | `earliest`, `latest`: `today`, `today+30`, `today-7` |
    /// | `time` | `earliest`, `latest`: `09:00` |
    /// | `digits` | `length`: `4`, or `min-length` and `max-length` |
    /// | `number` | `min` (0 if not given), `max` |
    /// | `currency` | `currency` (`INR`), `min`, `max`: `500`, `1,25,000.50` |
    ///
    /// # Errors
    /// A grammar, parameter or value that there is not, with what there is.
    pub fn parse<'g>(
        expects: &str,
        parameters: impl IntoIterator<Item = (&'g str, &'g str)>,
    ) -> Result<Self, GrammarError> {
        let (grammar, names, possible) =
            GRAMMARS
                .into_iter()
                .find(|(name, ..)| *name == expects)
                .ok_or_else(|| GrammarError::NoSuchGrammar(expects.to_owned()))?;
        let values: BTreeMap<&str, &str> = parameters.into_iter().collect();
        if let Some(name) = values.keys().find(|name| !names.contains(name)) {
            return Err(GrammarError::NoSuchParameter {
                grammar,
                name: (*name).to_owned(),
                possible,
            });
        }
        let given = Given { grammar, values };
        match grammar {
            "boolean" => Ok(Self::Boolean),
            "date" => date(&given),
            "time" => time(&given),
            "digits" => digits(&given),
            "number" => number(&given),
            "currency" => money(&given),
            _ => Ok(Self::Phone),
        }
    }
}

fn date(given: &Given<'_>) -> Result<Grammar, GrammarError> {
    const HINT: &str =
        "give days from today, such as `today`, `today+30` or `today-7`, at most 40,000";
    let days = |value: &str| {
        let rest = value.strip_prefix("today")?;
        let days = match rest.strip_prefix(['+', '-']) {
            _ if rest.is_empty() => 0,
            Some(days) if days.bytes().all(|byte| byte.is_ascii_digit()) => {
                let days = days.parse::<i32>().ok()?;
                if rest.starts_with('-') { -days } else { days }
            }
            _ => return None,
        };
        (days.abs() <= DAYS_MAX).then_some(days)
    };
    let earliest = given.read("earliest", HINT, days)?;
    let latest = given.read("latest", HINT, days)?;
    if let (Some(earliest), Some(latest)) = (earliest, latest) {
        given.ordered(("earliest", earliest), ("latest", latest))?;
    }
    Ok(Grammar::Date { earliest, latest })
}

fn time(given: &Given<'_>) -> Result<Grammar, GrammarError> {
    const HINT: &str = "give a time of the 24-hour clock, such as `09:00` or `18:30`";
    let clock = |value: &str| {
        let (hour, minute) = value.split_once(':').filter(|_| value.len() == 5)?;
        let is_digits = value.bytes().filter(u8::is_ascii_digit).count() == 4;
        let (hour, minute) = (hour.parse().ok()?, minute.parse().ok()?);
        (is_digits && hour < 24 && minute < 60).then_some(TimeOfDay { hour, minute })
    };
    let earliest = given.read("earliest", HINT, clock)?;
    let latest = given.read("latest", HINT, clock)?;
    if let (Some(from), Some(to)) = (earliest, latest) {
        given.ordered(
            ("earliest", (from.hour, from.minute)),
            ("latest", (to.hour, to.minute)),
        )?;
    }
    Ok(Grammar::Time { earliest, latest })
}

fn digits(given: &Given<'_>) -> Result<Grammar, GrammarError> {
    const HINT: &str = "give a number of digits from 1 to 30";
    let length = |value: &str| {
        let length = value.parse::<usize>().ok()?;
        (1..=DIGITS_MAX).contains(&length).then_some(length)
    };
    let exact = given.read("length", HINT, length)?;
    let min = given.read("min-length", HINT, length)?;
    let max = given.read("max-length", HINT, length)?;
    if exact.is_some() && (min.is_some() || max.is_some()) {
        return Err(GrammarError::Contradiction {
            grammar: given.grammar,
            first: "length",
            second: if min.is_some() {
                "min-length"
            } else {
                "max-length"
            },
            hint: "`length` alone says how many digits there are",
        });
    }
    let (min, max) = (
        exact.or(min).unwrap_or(1),
        exact.or(max).unwrap_or(DIGITS_MAX),
    );
    given.ordered(("min-length", min), ("max-length", max))?;
    Ok(Grammar::Digits { min, max })
}

fn number(given: &Given<'_>) -> Result<Grammar, GrammarError> {
    const HINT: &str = "give a whole number in digits, at most 1,00,00,00,00,00,000 from zero";
    let whole = |value: &str| {
        let number = value.parse::<i64>().ok()?;
        (-NUMBER_MAX..=NUMBER_MAX)
            .contains(&number)
            .then_some(number)
    };
    let max = given.read("max", HINT, whole)?;
    let min = given.read("min", HINT, whole)?;
    let (min, max) = (min.unwrap_or(0), max.unwrap_or(NUMBER_MAX));
    given.ordered(("min", min), ("max", max))?;
    Ok(Grammar::Number { min, max })
}

fn money(given: &Given<'_>) -> Result<Grammar, GrammarError> {
    const HINT: &str = "give an amount of more than zero, such as `500` or `1,25,000.50`";
    let code = |value: &str| {
        let known = currency::CODES.into_iter().find(|code| *code == value)?;
        Some(known.to_owned())
    };
    let amount = |value: &str| values::money(value).ok();
    let codes = "the currencies with words are INR, USD, EUR, GBP and AED";
    let currency = given.read("currency", codes, code)?;
    let min = given.read("min", HINT, amount)?.unwrap_or(1);
    let most = i64::try_from(RUPEES_BELOW).unwrap_or(i64::MAX / 100) * 100 - 1;
    let max = given.read("max", HINT, amount)?.unwrap_or(most);
    given.ordered(("min", min), ("max", max))?;
    Ok(Grammar::Currency {
        currency: currency.unwrap_or_else(|| "INR".to_owned()),
        min,
        max,
    })
}
