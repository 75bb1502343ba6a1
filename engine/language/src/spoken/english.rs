//! English as spoken in India: rupees in lakh and crore, other currencies in million and billion.

use ghanti_model::TimeOfDay;
use time::Month;

use super::Speller;
use super::currency::{Amount, MoneyWords};
use super::numeral::{Numerals, Scale};

/// English.
pub(crate) struct English;

const INDIAN: Numerals = Numerals {
    below_hundred,
    scales: &[
        Scale {
            ones: 10_000_000,
            name: "crore",
        },
        Scale {
            ones: 100_000,
            name: "lakh",
        },
        Scale {
            ones: 1_000,
            name: "thousand",
        },
        Scale {
            ones: 100,
            name: "hundred",
        },
    ],
};

const INTERNATIONAL: Numerals = Numerals {
    below_hundred,
    scales: &[
        Scale {
            ones: 1_000_000_000_000,
            name: "trillion",
        },
        Scale {
            ones: 1_000_000_000,
            name: "billion",
        },
        Scale {
            ones: 1_000_000,
            name: "million",
        },
        Scale {
            ones: 1_000,
            name: "thousand",
        },
        Scale {
            ones: 100,
            name: "hundred",
        },
    ],
};

const ONES: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];

const TENS: [&str; 8] = [
    "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
];

const ORDINALS: [&str; 31] = [
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
    "thirteenth",
    "fourteenth",
    "fifteenth",
    "sixteenth",
    "seventeenth",
    "eighteenth",
    "nineteenth",
    "twentieth",
    "twenty-first",
    "twenty-second",
    "twenty-third",
    "twenty-fourth",
    "twenty-fifth",
    "twenty-sixth",
    "twenty-seventh",
    "twenty-eighth",
    "twenty-ninth",
    "thirtieth",
    "thirty-first",
];

const MONEY: MoneyWords = MoneyWords {
    currencies: &[
        ("INR", ["rupee", "rupees", "paisa", "paise"]),
        ("USD", ["dollar", "dollars", "cent", "cents"]),
        ("EUR", ["euro", "euros", "cent", "cents"]),
        ("GBP", ["pound", "pounds", "penny", "pence"]),
        ("AED", ["dirham", "dirhams", "fils", "fils"]),
        ("SAR", ["riyal", "riyals", "halala", "halalas"]),
        ("QAR", ["riyal", "riyals", "dirham", "dirhams"]),
        ("OMR", ["Omani rial", "Omani rials", "baisa", "baisas"]),
        ("KWD", ["Kuwaiti dinar", "Kuwaiti dinars", "fils", "fils"]),
        ("BHD", ["Bahraini dinar", "Bahraini dinars", "fils", "fils"]),
        (
            "SGD",
            ["Singapore dollar", "Singapore dollars", "cent", "cents"],
        ),
        (
            "AUD",
            ["Australian dollar", "Australian dollars", "cent", "cents"],
        ),
        (
            "CAD",
            ["Canadian dollar", "Canadian dollars", "cent", "cents"],
        ),
        ("JPY", ["yen", "yen", "sen", "sen"]),
        ("NPR", ["Nepali rupee", "Nepali rupees", "paisa", "paise"]),
        (
            "LKR",
            ["Sri Lankan rupee", "Sri Lankan rupees", "cent", "cents"],
        ),
        ("BDT", ["taka", "taka", "poisha", "poisha"]),
    ],
    and: "and",
    point: "point",
    minus: "minus",
};

fn below_hundred(number: u64) -> String {
    let index = usize::try_from(number).unwrap_or(usize::MAX);
    if let Some(word) = ONES.get(index) {
        return (*word).to_owned();
    }
    let ten = TENS
        .get((index / 10).saturating_sub(2))
        .copied()
        .unwrap_or_default();
    match ONES.get(index % 10) {
        Some(one) if !index.is_multiple_of(10) => format!("{ten}-{one}"),
        _ => ten.to_owned(),
    }
}

/// A year as spoken: "nineteen ninety-nine", "two thousand five", "twenty twenty-six".
fn year(year: i32) -> String {
    let Ok(year) = u64::try_from(year) else {
        return English.integer(i64::from(year));
    };
    match (year / 100, year % 100) {
        (10..=99, 0) if !year.is_multiple_of(1_000) => {
            format!("{} hundred", below_hundred(year / 100))
        }
        (century @ (11..=19 | 21..=99), rest @ 1..=9) => {
            format!("{} oh {}", below_hundred(century), below_hundred(rest))
        }
        (century @ (10..=99), rest @ 10..) => {
            format!("{} {}", below_hundred(century), below_hundred(rest))
        }
        _ => INDIAN.words(year),
    }
}

impl Speller for English {
    fn integer(&self, number: i64) -> String {
        let words = INDIAN.words(number.unsigned_abs());
        if number < 0 {
            format!("minus {words}")
        } else {
            words
        }
    }

    fn money(&self, amount: &Amount<'_>) -> String {
        let numerals = if amount.is_rupees() {
            &INDIAN
        } else {
            &INTERNATIONAL
        };
        MONEY.words(amount, numerals)
    }

    fn date(&self, day: u8, month: Month, in_year: Option<i32>) -> String {
        let ordinal = ORDINALS
            .get(usize::from(day).saturating_sub(1))
            .copied()
            .unwrap_or_default();
        match in_year {
            Some(in_year) => format!("{ordinal} of {month} {}", year(in_year)),
            None => format!("{ordinal} of {month}"),
        }
    }

    fn time(&self, time: TimeOfDay) -> String {
        let half = if time.hour < 12 { "a m" } else { "p m" };
        let hour = below_hundred(u64::from(if time.hour.is_multiple_of(12) {
            12
        } else {
            time.hour % 12
        }));
        let minute = below_hundred(u64::from(time.minute));
        match (time.hour, time.minute) {
            (0, 0) => "twelve midnight".to_owned(),
            (12, 0) => "twelve noon".to_owned(),
            (_, 0) => format!("{hour} {half}"),
            (_, 1..=9) => format!("{hour} oh {minute} {half}"),
            _ => format!("{hour} {minute} {half}"),
        }
    }

    fn digit(&self, digit: u8) -> String {
        below_hundred(u64::from(digit))
    }
}
