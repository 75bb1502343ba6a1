//! Table-driven tests of spoken forms: `language | value | words`.

use ghanti_model::{Language, Masked, Money, TimeOfDay, Value};
use time::{Date, Duration, Month, macros::date};

use super::{SpokenError, speak};

mod second_source;

const ALL: [&str; 11] = [
    "en", "hi", "ta", "te", "mr", "kn", "ml", "bn", "gu", "pa", "or",
];

const TODAY: Date = date!(2026 - 11 - 22);

/// Parses `integer:5`, `money:INR:1250000`, `date:2026-12-05`, `time:17:30`, `digits:4567`,
/// `text:…`.
fn value(text: &str) -> Value {
    let (kind, rest) = text.split_once(':').unwrap();
    match kind {
        "integer" => Value::Integer(rest.parse().unwrap()),
        "money" => {
            let (currency, minor) = rest.split_once(':').unwrap();
            Value::Money(Money {
                minor: minor.parse().unwrap(),
                currency: currency.to_owned(),
            })
        }
        "date" => {
            let mut parts = rest.split('-').map(|part| part.parse::<u16>().unwrap());
            let (year, month, day) = (
                parts.next().unwrap(),
                parts.next().unwrap() as u8,
                parts.next().unwrap() as u8,
            );
            Value::Date(
                Date::from_calendar_date(i32::from(year), Month::try_from(month).unwrap(), day)
                    .unwrap(),
            )
        }
        "time" => {
            let (hour, minute) = rest.split_once(':').unwrap();
            Value::Time(TimeOfDay {
                hour: hour.parse().unwrap(),
                minute: minute.parse().unwrap(),
            })
        }
        "digits" => Value::Digits(Masked::new(rest)),
        "text" => Value::Text(Masked::new(rest)),
        other => panic!("unknown kind {other}"),
    }
}

#[test]
fn values_are_spoken_as_the_table_says() {
    let mut rows = 0;
    for (number, line) in include_str!("spoken.txt").lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let columns: Vec<&str> = line.split('|').map(str::trim).collect();
        let [language, given, words] = columns[..] else {
            panic!("line {}: {line}", number + 1)
        };
        let spoken = speak(&value(given), &Language::parse(language).unwrap(), TODAY);
        assert_eq!(spoken.as_deref(), Ok(words), "line {}: {line}", number + 1);
        rows += 1;
    }
    assert!(rows > 280, "{rows}");
}

#[test]
fn every_number_has_words_of_its_own_and_no_figure_or_letter_of_another_script() {
    for primary in ALL {
        let language = Language::parse(primary).unwrap();
        let mut words = std::collections::BTreeSet::new();
        let round = (1..=99).flat_map(|count| [100_000, 10_000_000].map(|scale| count * scale));
        let numbers: std::collections::BTreeSet<i64> = (0..20_000)
            .chain((20_000..=1_000_000).step_by(97))
            .chain((1_000_000..100_000_000_000).step_by(99_999_989))
            .chain(round)
            .collect();
        for number in &numbers {
            let spoken = speak(&Value::Integer(*number), &language, TODAY).unwrap();
            let foreign = spoken.chars().find(|letter| {
                letter.is_numeric() || (primary != "en" && letter.is_ascii_alphabetic())
            });
            assert_eq!(foreign, None, "{primary} {number}: {spoken}");
            assert!(
                words.insert(spoken.clone()),
                "{primary} {number}: {spoken} twice"
            );
        }
    }
}

#[test]
fn every_amount_below_a_thousand_rupees_has_words_of_its_own() {
    for primary in ALL {
        let language = Language::parse(primary).unwrap();
        let mut words = std::collections::BTreeSet::new();
        for minor in 0..100_000 {
            let money = Value::Money(Money {
                minor,
                currency: "INR".to_owned(),
            });
            let spoken = speak(&money, &language, TODAY).unwrap();
            assert!(words.insert(spoken.clone()), "{primary} {minor}: {spoken}");
        }
    }
}

#[test]
fn every_day_of_four_years_has_a_name_in_every_language() {
    for primary in ALL {
        let language = Language::parse(primary).unwrap();
        let mut names = std::collections::BTreeSet::new();
        for offset in 0..1_461 {
            let spoken = speak(
                &Value::Date(TODAY + Duration::days(offset)),
                &language,
                TODAY,
            )
            .unwrap();
            assert!(
                !spoken.contains("  ") && spoken.trim() == spoken,
                "{spoken}"
            );
            names.insert(spoken);
        }
        assert_eq!(names.len(), 1_461, "{primary}");
    }
}

#[test]
fn every_minute_of_a_day_has_a_name_in_every_language() {
    for primary in ALL {
        let language = Language::parse(primary).unwrap();
        let mut names = std::collections::BTreeSet::new();
        for minute in 0..1_440_u16 {
            let time = TimeOfDay {
                hour: (minute / 60) as u8,
                minute: (minute % 60) as u8,
            };
            names.insert(speak(&Value::Time(time), &language, TODAY).unwrap());
        }
        assert_eq!(names.len(), 1_440, "{primary}");
    }
}

#[test]
fn what_cannot_be_spoken_is_an_error_without_the_value() {
    let english = Language::english();
    let speak_english = |given: Value| speak(&given, &english, TODAY).unwrap_err();
    assert_eq!(
        speak_english(value("digits:12x4")),
        SpokenError::NotDigits { position: 3 }
    );
    assert_eq!(
        speak_english(value("time:24:00")),
        SpokenError::NotATime {
            hour: 24,
            minute: 0
        }
    );
    assert_eq!(
        speak_english(value("time:9:60")),
        SpokenError::NotATime {
            hour: 9,
            minute: 60
        }
    );
    for currency in ["", "inr", "RUPEES", "₹"] {
        let money = Value::Money(Money {
            minor: 1,
            currency: currency.to_owned(),
        });
        assert_eq!(
            speak_english(money),
            SpokenError::NotACurrency,
            "{currency}"
        );
    }
}

#[test]
fn a_language_without_words_is_an_error_except_for_text() {
    let french = Language::parse("fr-FR").unwrap();
    let error = speak(&Value::Integer(3), &french, TODAY).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot speak a value of type integer in `fr-FR`: the languages with words are en, hi, ta, te, mr, kn, ml, bn, gu, pa and or"
    );
    assert_eq!(speak(&value("text:Asha"), &french, TODAY).unwrap(), "Asha");
}
