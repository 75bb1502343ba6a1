//! Hindi, in Devanagari: every number below a hundred has its own word.

use ghanti_model::TimeOfDay;
use time::Month;

use super::Speller;
use super::currency::{Amount, MoneyWords};
use super::day::PartOfDay;
use super::numeral::{Numerals, Scale};

/// Hindi.
pub(crate) struct Hindi;

const NUMERALS: Numerals = Numerals {
    below_hundred,
    scales: &[
        Scale {
            ones: 10_000_000,
            name: "करोड़",
        },
        Scale {
            ones: 100_000,
            name: "लाख",
        },
        Scale {
            ones: 1_000,
            name: "हज़ार",
        },
        Scale {
            ones: 100,
            name: "सौ",
        },
    ],
};

#[rustfmt::skip]
const BELOW_HUNDRED: [&str; 100] = [
    "शून्य", "एक", "दो", "तीन", "चार", "पाँच", "छह", "सात", "आठ", "नौ",
    "दस", "ग्यारह", "बारह", "तेरह", "चौदह", "पंद्रह", "सोलह", "सत्रह", "अठारह", "उन्नीस",
    "बीस", "इक्कीस", "बाईस", "तेईस", "चौबीस", "पच्चीस", "छब्बीस", "सत्ताईस", "अट्ठाईस", "उनतीस",
    "तीस", "इकतीस", "बत्तीस", "तैंतीस", "चौंतीस", "पैंतीस", "छत्तीस", "सैंतीस", "अड़तीस", "उनतालीस",
    "चालीस", "इकतालीस", "बयालीस", "तैंतालीस", "चौवालीस", "पैंतालीस", "छियालीस", "सैंतालीस", "अड़तालीस", "उनचास",
    "पचास", "इक्यावन", "बावन", "तिरपन", "चौवन", "पचपन", "छप्पन", "सत्तावन", "अट्ठावन", "उनसठ",
    "साठ", "इकसठ", "बासठ", "तिरसठ", "चौंसठ", "पैंसठ", "छियासठ", "सड़सठ", "अड़सठ", "उनहत्तर",
    "सत्तर", "इकहत्तर", "बहत्तर", "तिहत्तर", "चौहत्तर", "पचहत्तर", "छिहत्तर", "सतहत्तर", "अठहत्तर", "उन्यासी",
    "अस्सी", "इक्यासी", "बयासी", "तिरासी", "चौरासी", "पचासी", "छियासी", "सत्तासी", "अट्ठासी", "नवासी",
    "नब्बे", "इक्यानवे", "बानवे", "तिरानवे", "चौरानवे", "पचानवे", "छियानवे", "सत्तानवे", "अट्ठानवे", "निन्यानवे",
];

const MONTHS: [&str; 12] = [
    "जनवरी",
    "फ़रवरी",
    "मार्च",
    "अप्रैल",
    "मई",
    "जून",
    "जुलाई",
    "अगस्त",
    "सितंबर",
    "अक्टूबर",
    "नवंबर",
    "दिसंबर",
];

const MONEY: MoneyWords = MoneyWords {
    currencies: &[
        ("INR", ["रुपया", "रुपये", "पैसा", "पैसे"]),
        ("USD", ["डॉलर", "डॉलर", "सेंट", "सेंट"]),
        ("EUR", ["यूरो", "यूरो", "सेंट", "सेंट"]),
        ("GBP", ["पाउंड", "पाउंड", "पेनी", "पेंस"]),
        ("AED", ["दिरहम", "दिरहम", "फ़िल्स", "फ़िल्स"]),
        ("SAR", ["रियाल", "रियाल", "हलाला", "हलाला"]),
        ("JPY", ["येन", "येन", "सेन", "सेन"]),
        ("NPR", ["नेपाली रुपया", "नेपाली रुपये", "पैसा", "पैसे"]),
        ("BDT", ["टका", "टका", "पोइशा", "पोइशा"]),
    ],
    and: "और",
    point: "दशमलव",
    minus: "माइनस",
};

fn below_hundred(number: u64) -> String {
    let index = usize::try_from(number).unwrap_or(usize::MAX);
    BELOW_HUNDRED
        .get(index)
        .copied()
        .unwrap_or_default()
        .to_owned()
}

/// A year as spoken: "उन्नीस सौ निन्यानवे", "दो हज़ार छब्बीस".
fn year(year: i32) -> String {
    match u64::try_from(year) {
        Ok(year @ 1_100..=1_999) if year.is_multiple_of(100) => {
            format!("{} सौ", below_hundred(year / 100))
        }
        Ok(year @ 1_100..=1_999) => format!(
            "{} सौ {}",
            below_hundred(year / 100),
            below_hundred(year % 100)
        ),
        _ => Hindi.integer(i64::from(year)),
    }
}

/// Puts currency nouns before a postposition into the oblique case: "एक रुपये की किस्त", not "एक
/// रुपया की". Only the singular differs.
pub(super) fn oblique(sentence: String) -> String {
    const CASES: [(&str, &str); 2] = [("रुपया", "रुपये"), ("पैसा", "पैसे")];
    const POSTPOSITIONS: [&str; 12] = [
        "का",
        "के",
        "की",
        "को",
        "से",
        "में",
        "पर",
        "तक",
        "ने",
        "वाला",
        "वाली",
        "वाले",
    ];
    if !CASES.iter().any(|(direct, _)| sentence.contains(direct)) {
        return sentence;
    }
    let mut words: Vec<&str> = sentence.split(' ').collect();
    // from the end, because "एक रुपया और एक पैसा" is one amount: the case of its end applies to
    // both
    let mut is_oblique = false;
    for at in (0..words.len()).rev() {
        let next = words.get(at + 1).copied().unwrap_or_default();
        let joins = next == "और"
            && words
                .get(at + 3)
                .is_some_and(|word| matches!(*word, "पैसे" | "पैसा"));
        let Some(word) = words.get_mut(at) else {
            continue;
        };
        if let Some((_, case)) = CASES.iter().find(|(direct, _)| direct == word) {
            is_oblique = POSTPOSITIONS.contains(&next) || (joins && is_oblique);
            if is_oblique {
                *word = case;
            }
        } else if *word == "पैसे" {
            is_oblique = POSTPOSITIONS.contains(&next);
        }
    }
    words.join(" ")
}

impl Speller for Hindi {
    fn integer(&self, number: i64) -> String {
        let words = NUMERALS.words(number.unsigned_abs());
        if number < 0 {
            format!("माइनस {words}")
        } else {
            words
        }
    }

    fn money(&self, amount: &Amount<'_>) -> String {
        MONEY.words(amount, &NUMERALS)
    }

    fn date(&self, day: u8, month: Month, in_year: Option<i32>) -> String {
        let month = MONTHS
            .get(usize::from(u8::from(month)).saturating_sub(1))
            .copied()
            .unwrap_or_default();
        let day = below_hundred(u64::from(day));
        match in_year {
            Some(in_year) => format!("{day} {month} {}", year(in_year)),
            None => format!("{day} {month}"),
        }
    }

    fn time(&self, time: TimeOfDay) -> String {
        let part = match PartOfDay::of(time.hour) {
            PartOfDay::Morning => "सुबह",
            PartOfDay::Afternoon => "दोपहर",
            PartOfDay::Evening => "शाम",
            PartOfDay::Night => "रात",
        };
        let twelve = |hour: u8| {
            u64::from(if hour.is_multiple_of(12) {
                12
            } else {
                hour % 12
            })
        };
        let hour = below_hundred(twelve(time.hour));
        let clock = match (twelve(time.hour), time.minute) {
            (_, 0) => format!("{hour} बजे"),
            (_, 15) => format!("सवा {hour} बजे"),
            (1, 30) => "डेढ़ बजे".to_owned(),
            (2, 30) => "ढाई बजे".to_owned(),
            (_, 30) => format!("साढ़े {hour} बजे"),
            (_, 45) => format!("पौने {} बजे", below_hundred(twelve(time.hour + 1))),
            (_, 1) => format!("{hour} बजकर एक मिनट"),
            (_, minute) => format!("{hour} बजकर {} मिनट", below_hundred(u64::from(minute))),
        };
        format!("{part} के {clock}")
    }

    fn digit(&self, digit: u8) -> String {
        below_hundred(u64::from(digit))
    }
}
