//! What the spellers of values say is read back as those values, and no text panics or takes long.

use std::time::{Duration as Elapsed, Instant};

use ::time::macros::date;
use ::time::{Duration, PrimitiveDateTime, Time};
use ghanti_model::{Language, Masked, Money, Value as Argument};

use super::tests::{NOW, all_cases, grammar};
use super::*;
use crate::speak;

const LANGUAGES: [&str; 2] = ["en-IN", "hi-IN"];

fn spoken(value: &Argument, language: &Language) -> String {
    speak(value, language, NOW.date()).unwrap()
}

/// The words without the commas, as a recogniser writes them.
fn heard(words: &str) -> String {
    words.replace(',', "").to_lowercase()
}

/// Of the ten million numbers below a crore: every one below twenty thousand, and every thousand
/// with each kind of rest.
#[test]
fn numbers_up_to_a_crore_are_read_as_they_are_spoken() {
    const RESTS: [i64; 8] = [0, 1, 9, 10, 47, 100, 305, 999];
    let numbers = grammar("number");
    let thousands = (0..10_000).flat_map(|count| RESTS.map(|rest| count * 1_000 + rest));
    let all: Vec<i64> = (0..20_000).chain(thousands).chain([10_000_000]).collect();
    for language in LANGUAGES {
        let language = Language::parse(language).unwrap();
        for number in &all {
            let words = spoken(&Argument::Integer(*number), &language);
            let read = numbers.read(&words, &language, NOW).at_end();
            assert_eq!(read, Some(Value::Number(*number)), "{words}");
        }
    }
}

#[test]
fn every_amount_is_read_as_it_is_spoken() {
    let amounts = grammar("currency");
    let mut random = fastrand::Rng::with_seed(7);
    for language in LANGUAGES {
        let language = Language::parse(language).unwrap();
        let some = (0..20_000).map(|_| random.i64(1..100_000_000_000));
        for minor in (1..12_000).chain(some) {
            let money = Money {
                minor,
                currency: "INR".to_owned(),
            };
            let words = spoken(&Argument::Money(money.clone()), &language);
            let read = amounts.read(&words, &language, NOW);
            assert_eq!(read, Reading::Value(Value::Currency(money)), "{words}");
        }
    }
}

#[test]
fn every_day_of_two_years_is_read_as_it_is_spoken() {
    // without a year it is a day of this one
    let this_year = grammar("date earliest=today-330 latest=today+34");
    let any = grammar("date");
    for language in LANGUAGES {
        let language = Language::parse(language).unwrap();
        let mut day = date!(2026 - 01 - 01);
        while day < date!(2028 - 01 - 01) {
            let words = spoken(&Argument::Date(day), &language);
            let grammar = if day.year() == 2026 { &this_year } else { &any };
            let read = grammar.read(&words, &language, NOW);
            assert_eq!(read, Reading::Value(Value::Date(day)), "{words}");
            day = day.next_day().unwrap();
        }
    }
}

#[test]
fn every_day_of_a_century_is_read_as_it_is_spoken() {
    let past = grammar("date latest=today-366");
    for language in LANGUAGES {
        let language = Language::parse(language).unwrap();
        let mut day = date!(1920 - 01 - 01);
        while day < date!(2025 - 11 - 01) {
            let words = spoken(&Argument::Date(day), &language);
            let read = past.read(&words, &language, NOW);
            assert_eq!(read, Reading::Value(Value::Date(day)), "{words}");
            day += Duration::days(3);
        }
    }
}

#[test]
fn every_minute_of_a_day_is_read_as_it_is_spoken() {
    let times = grammar("time");
    for language in LANGUAGES {
        let language = Language::parse(language).unwrap();
        for minute in 0..1_440_u16 {
            let time = TimeOfDay {
                hour: (minute / 60) as u8,
                minute: (minute % 60) as u8,
            };
            let words = spoken(&Argument::Time(time), &language);
            let read = times.read(&words, &language, NOW);
            assert_eq!(read, Reading::Value(Value::Time(time)), "{words}");
        }
    }
}

#[test]
fn digits_are_read_as_they_are_spoken() {
    let mut random = fastrand::Rng::with_seed(11);
    for language in LANGUAGES {
        let language = Language::parse(language).unwrap();
        for length in 1..=20_usize {
            let exact = Grammar::Digits {
                min: length,
                max: length,
            };
            for _ in 0..100 {
                let digits: String = (0..length).map(|_| random.digit(10)).collect();
                let digits = Masked::new(digits);
                let words = spoken(&Argument::Digits(digits.clone()), &language);
                for words in [words.clone(), heard(&words)] {
                    let read = exact.read(&words, &language, NOW);
                    assert_eq!(
                        read,
                        Reading::Value(Value::Digits(digits.clone())),
                        "{words}"
                    );
                }
            }
        }
    }
}

#[test]
fn phone_numbers_are_read_as_they_are_spoken() {
    let phones = grammar("phone");
    let mut random = fastrand::Rng::with_seed(13);
    for language in LANGUAGES {
        let language = Language::parse(language).unwrap();
        for _ in 0..500 {
            let digits = random.u64(6_000_000_000..10_000_000_000).to_string();
            let words = spoken(&Argument::Digits(Masked::new(digits.clone())), &language);
            let read = phones.read(&words, &language, NOW).at_end().unwrap();
            assert_eq!(read.canonical(), format!("+91{digits}"), "{words}");
            let keyed = phones.keyed(&format!("0{digits}"), NOW).at_end().unwrap();
            assert_eq!(keyed, read);
        }
    }
}

fn every_grammar() -> Vec<Grammar> {
    [
        "boolean",
        "date",
        "date earliest=today",
        "date latest=today",
        "time",
        "time earliest=10:00",
        "digits",
        "digits length=4",
        "number",
        "number min=-5 max=5",
        "currency",
        "currency currency=USD",
        "phone",
    ]
    .into_iter()
    .map(grammar)
    .collect()
}

#[test]
fn no_text_panics() {
    const SIGNS: [char; 20] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '/', '-', '.', ':', ',', '+', '*', ' ',
        '₹', 'k',
    ];
    let mut random = fastrand::Rng::with_seed(17);
    let hindi = Language::parse("hi").unwrap();
    let grammars = every_grammar();
    let known: Vec<String> = all_cases()
        .iter()
        .flat_map(|case| case.said.split(' ').map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let nows = [
        NOW,
        PrimitiveDateTime::MIN,
        PrimitiveDateTime::MAX,
        NOW.replace_time(Time::MIDNIGHT),
    ];
    for round in 0..8_000 {
        let length = random.usize(0..12);
        let text: String = match round % 4 {
            0 => (0..length * 4).map(|_| random.char(..)).collect(),
            1 => (0..length)
                .map(|_| random.char('\u{900}'..'\u{97f}'))
                .collect(),
            2 => (0..length)
                .map(|_| *random.choice(&SIGNS).unwrap())
                .collect(),
            _ => (0..length)
                .map(|_| format!("{} ", random.choice(&known).unwrap()))
                .collect(),
        };
        for grammar in &grammars {
            let now = *random.choice(&nows).unwrap();
            let read = grammar.read(&text, &hindi, now);
            if let Reading::Ambiguous(values) = &read {
                assert!(values.len() > 1, "{text}");
            }
            let _ = grammar.keyed(&text, now);
        }
    }
}

#[test]
fn a_long_text_is_nothing_and_takes_no_longer_than_its_length() {
    let hindi = Language::parse("hi").unwrap();
    for piece in [
        "one ",
        "no one ",
        "hazaar ",
        "9",
        "and a half ",
        "/",
        "ा",
        "🙂 ",
        "do lakh no ",
        "um ",
    ] {
        let text = piece.repeat(10_240 / piece.len() + 1);
        let short = piece.repeat(CHARACTERS_MAX / piece.chars().count());
        for grammar in every_grammar() {
            // a whole processor second would be a hundred times what it takes
            let began = Instant::now();
            assert_eq!(
                grammar.read(&text, &hindi, NOW),
                Reading::Nothing,
                "{piece}"
            );
            assert_eq!(grammar.keyed(&text, NOW), Reading::Nothing, "{piece}");
            let _ = grammar.read(&short, &hindi, NOW);
            assert!(began.elapsed() < Elapsed::from_secs(1), "{piece}");
        }
    }
}
