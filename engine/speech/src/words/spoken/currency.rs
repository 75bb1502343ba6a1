//! Amounts of money, split into the units that are spoken.

use ghanti_model::Money;

/// An amount in units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Amount<'a> {
    /// Below zero.
    pub(super) negative: bool,
    /// Whole large units: rupees.
    pub(super) major: u64,
    /// The small units that are left over: paise.
    pub(super) minor: u64,
    /// How many decimal places the small units take, 0 to 3.
    places: u8,
    /// ISO 4217 code.
    pub(super) currency: &'a str,
}

/// How many decimal places a currency has (ISO 4217, "minor unit"). Nearly all have two.
fn places(currency: &str) -> u8 {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX"
        | "VND" | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        _ => 2,
    }
}

impl<'a> Amount<'a> {
    /// Splits an amount, or refuses what is no currency code.
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

    /// Whether it is spoken in lakh and crore in every language.
    pub(super) fn is_rupees(&self) -> bool {
        self.currency == "INR"
    }

    /// The small units as decimal digits, or nothing where there are none left over.
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
