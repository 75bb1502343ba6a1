//! Amounts of money, split into spoken units.

use ghanti_model::Money;

use super::numeral::Numerals;

/// How a language whose numerals do not change speaks amounts.
pub(super) struct MoneyWords {
    /// Names of currencies: code, singular and plural of the large unit, singular and plural of the
    /// small one.
    pub(super) currencies: &'static [(&'static str, [&'static str; 4])],
    /// Between the two units.
    pub(super) and: &'static str,
    /// The decimal point of a currency without a name.
    pub(super) point: &'static str,
    /// Before an amount below zero.
    pub(super) minus: &'static str,
}

impl MoneyWords {
    /// The words of an amount. A currency without a name is spelt by its code.
    pub(super) fn words(&self, amount: &Amount<'_>, numerals: &Numerals) -> String {
        let names = self
            .currencies
            .iter()
            .find(|(code, _)| *code == amount.currency);
        let count = |number: u64, one: &str, many: &str| {
            let unit = if number == 1 { one } else { many };
            format!("{} {unit}", numerals.words(number))
        };
        let words = match names {
            Some((_, [one, many, small_one, small_many])) => match (amount.major, amount.minor) {
                (major, 0) => count(major, one, many),
                (0, minor) => count(minor, small_one, small_many),
                (major, minor) => format!(
                    "{} {} {}",
                    count(major, one, many),
                    self.and,
                    count(minor, small_one, small_many)
                ),
            },
            None => {
                let digit =
                    |digit: u8| (numerals.below_hundred)(u64::from(digit.saturating_sub(b'0')));
                let fraction: Vec<String> = amount.fraction().bytes().map(digit).collect();
                let point = if fraction.is_empty() {
                    String::new()
                } else {
                    format!(" {} {}", self.point, fraction.join(" "))
                };
                format!(
                    "{}{point} {}",
                    numerals.words(amount.major),
                    amount.spelt_code()
                )
            }
        };
        if amount.negative {
            format!("{} {words}", self.minus)
        } else {
            words
        }
    }
}

/// An amount split into units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Amount<'a> {
    /// Whether it is below zero.
    pub(super) negative: bool,
    /// Whole large units: rupees.
    pub(super) major: u64,
    /// The remaining small units: paise.
    pub(super) minor: u64,
    /// Number of decimal places of the small units, 0, 2 or 3.
    places: u8,
    /// ISO 4217 code.
    pub(super) currency: &'a str,
}

/// The number of decimal places of a currency (ISO 4217, "minor unit").
fn places(currency: &str) -> u8 {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX"
        | "VND" | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        _ => 2,
    }
}

impl<'a> Amount<'a> {
    /// Splits an amount; `None` if the currency is not three capital letters.
    pub(super) fn of(money: &'a Money) -> Option<Self> {
        let currency = money.currency.as_str();
        if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return None;
        }
        let places = places(currency);
        let unit = 10_u64.pow(u32::from(places));
        let total = money.minor.unsigned_abs();
        Some(Self {
            negative: money.minor < 0,
            major: total / unit,
            minor: total % unit,
            places,
            currency,
        })
    }

    /// Whether it is in rupees, which are spoken in lakh and crore in every language.
    pub(super) fn is_rupees(&self) -> bool {
        self.currency == "INR"
    }

    /// The small units as decimal digits; empty if there are none.
    pub(super) fn fraction(&self) -> String {
        if self.minor == 0 {
            String::new()
        } else {
            format!("{:0places$}", self.minor, places = usize::from(self.places))
        }
    }

    /// The code letter by letter: "S E K".
    pub(super) fn spelt_code(&self) -> String {
        self.currency
            .chars()
            .map(String::from)
            .collect::<Vec<_>>()
            .join(" ")
    }
}
