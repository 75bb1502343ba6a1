//! Table-driven tests: `grammar and parameters | language | what is said | what it is`.

use std::collections::BTreeSet;

use ::time::macros::datetime;
use ::time::{Date, PrimitiveDateTime, Time};
use ghanti_model::Language;

use super::*;

/// A Friday afternoon.
pub(super) const NOW: PrimitiveDateTime = datetime!(2026-11-27 15:40);

pub(super) struct Case {
    pub(super) at: String,
    pub(super) grammar: Grammar,
    /// `None` for keys.
    pub(super) language: Option<Language>,
    pub(super) said: String,
    pub(super) expected: String,
}

impl Case {
    pub(super) fn read(&self) -> Reading {
        match &self.language {
            Some(language) => self.grammar.read(&self.said, language, NOW),
            None => self.grammar.keyed(&self.said, NOW),
        }
    }
}

/// `date earliest=today latest=today+30`
pub(super) fn grammar(spelling: &str) -> Grammar {
    let mut parts = spelling.split_whitespace();
    let name = parts.next().unwrap_or_default();
    let parameters = parts.map(|part| part.split_once('=').unwrap());
    Grammar::parse(name, parameters).unwrap_or_else(|error| panic!("{spelling}: {error}"))
}

pub(super) fn cases(name: &str, table: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    for (number, line) in table.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let at = format!("{name}, line {}: {line}", number + 1);
        let columns: Vec<&str> = line.split(" | ").map(str::trim).collect();
        let [spelling, language, said, expected] = columns[..] else {
            panic!("{at}")
        };
        cases.push(Case {
            grammar: grammar(spelling),
            language: (language != "keys").then(|| Language::parse(language).unwrap()),
            said: said.to_owned(),
            expected: expected.to_owned(),
            at,
        });
    }
    cases
}

pub(super) fn all_cases() -> Vec<Case> {
    [
        ("dates.txt", include_str!("cases/dates.txt")),
        ("times.txt", include_str!("cases/times.txt")),
        ("amounts.txt", include_str!("cases/amounts.txt")),
        ("digits.txt", include_str!("cases/digits.txt")),
        ("booleans.txt", include_str!("cases/booleans.txt")),
    ]
    .into_iter()
    .flat_map(|(name, table)| cases(name, table))
    .collect()
}

/// `= 2026-12-05`, `? 06:00, 18:00`, `... 12005`, `...`, `!`
pub(super) fn shown(reading: &Reading) -> String {
    match reading {
        Reading::Value(value) => format!("= {}", value.canonical()),
        Reading::Partial(Some(value)) => format!("... {}", value.canonical()),
        Reading::Partial(None) => "...".to_owned(),
        Reading::Ambiguous(values) => {
            let values: Vec<String> = values.iter().map(Value::canonical).collect();
            format!("? {}", values.join(", "))
        }
        Reading::Nothing => "!".to_owned(),
    }
}

#[test]
fn words_and_keys_are_read_as_the_tables_say() {
    let mut wrong = Vec::new();
    for case in all_cases() {
        let read = shown(&case.read());
        // the reason follows `!`
        let is_right = match case.expected.strip_prefix('!') {
            Some(_) => read == "!",
            None => read == case.expected,
        };
        if !is_right {
            wrong.push(format!("{}: {read}", case.at));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_tables_have_enough_of_each_kind_and_a_third_that_is_not_read() {
    for (names, least) in [
        (&["date"][..], 120),
        (&["time"], 60),
        (&["number", "currency"], 100),
        (&["digits"], 60),
        (&["phone"], 40),
        (&["boolean"], 60),
    ] {
        let of_kind: Vec<Case> = all_cases()
            .into_iter()
            .filter(|case| names.contains(&case.grammar.name()))
            .collect();
        let refused = of_kind
            .iter()
            .filter(|case| !case.expected.starts_with('='))
            .count();
        let with_reason = of_kind.iter().filter(|case| case.expected.starts_with('!'));
        assert!(of_kind.len() >= least, "{names:?}: {}", of_kind.len());
        assert!(
            refused * 3 >= of_kind.len(),
            "{names:?}: {refused} of {}",
            of_kind.len()
        );
        for case in with_reason {
            assert!(case.expected.len() > 4, "{}: why?", case.at);
        }
        for language in ["en-IN", "hi-IN"] {
            let spoken = of_kind
                .iter()
                .filter(|case| {
                    case.language
                        .as_ref()
                        .is_some_and(|of| of.as_str() == language)
                })
                .count();
            assert!(
                spoken * 4 >= of_kind.len(),
                "{names:?} in {language}: {spoken}"
            );
        }
    }
}

#[test]
fn a_recogniser_that_is_given_the_phrases_can_hear_what_is_read() {
    for case in all_cases() {
        let Some(language) = &case.language else {
            continue;
        };
        let is_own_script = language.primary() == "en"
            || !case.said.chars().any(|letter| letter.is_ascii_alphabetic());
        let is_in_words = !case.said.chars().any(char::is_numeric) && !case.said.contains('₹');
        if case.grammar == Grammar::Boolean
            || !case.expected.starts_with('=')
            || !is_own_script
            || !is_in_words
        {
            continue;
        }
        let heard: BTreeSet<String> = case
            .grammar
            .phrases(language)
            .iter()
            .flat_map(|phrase| crate::lexicon::normal_words(phrase))
            .collect();
        // pairs and numbers of digits are read, but not listened for
        let is_single = |word: &String| {
            let tokens = words::table(language).tokens(word).unwrap_or_default();
            !tokens.iter().any(|token| {
                matches!(
                    token,
                    Token::Word(
                        Meaning::Number(10..) | Meaning::Tens(_) | Meaning::Scale(_) | Meaning::And
                    )
                )
            })
        };
        let is_of_digits = matches!(case.grammar, Grammar::Digits { .. } | Grammar::Phone);
        if is_of_digits
            && !crate::lexicon::normal_words(&case.said)
                .iter()
                .all(is_single)
        {
            continue;
        }
        for word in crate::lexicon::normal_words(&case.said) {
            assert!(heard.contains(&word), "{}: `{word}`", case.at);
        }
    }
}

#[test]
fn the_reader_knows_every_phrase_and_they_are_a_few_hundred() {
    for spelling in [
        "date", "time", "digits", "number", "currency", "phone", "boolean",
    ] {
        let grammar = grammar(spelling);
        for language in ["en-IN", "hi-IN"] {
            let language = Language::parse(language).unwrap();
            let phrases = grammar.phrases(&language);
            assert!(
                (30..450).contains(&phrases.len()),
                "{spelling} {language}: {}",
                phrases.len()
            );
            for phrase in phrases.iter().filter(|_| spelling != "boolean") {
                assert!(words::table(&language).tokens(phrase).is_some(), "{phrase}");
                assert_eq!(*phrase, phrase.to_lowercase());
            }
            if spelling == "boolean" {
                let said = phrases.iter().filter(|phrase| {
                    matches!(grammar.read(phrase, &language, NOW), Reading::Value(_))
                });
                assert_eq!(said.count(), phrases.len());
            }
        }
    }
}

#[test]
fn a_canonical_date_time_or_amount_is_read_as_itself() {
    let english = Language::english();
    for case in all_cases() {
        let Some(value) = case.read().at_end() else {
            continue;
        };
        if matches!(value, Value::Boolean(_)) || case.grammar.name() == "time" {
            continue;
        }
        let again = case.grammar.read(&value.canonical(), &english, NOW);
        if value.canonical().starts_with('-') {
            continue;
        }
        assert_eq!(again.at_end(), Some(value), "{}", case.at);
    }
}

#[test]
fn a_value_is_read_back_by_an_argument_of_its_kind() {
    for (spelling, said, kind) in [
        ("date", "day after tomorrow", Some("date")),
        ("time", "six p m", Some("time")),
        ("digits length=2", "double nine", Some("digits")),
        ("number", "twelve", Some("integer")),
        ("currency", "twelve rupees", Some("money")),
        (
            "phone",
            "nine eight seven six five four three two one oh",
            Some("digits"),
        ),
        ("boolean", "yes", None),
    ] {
        let value = grammar(spelling)
            .read(said, &Language::english(), NOW)
            .at_end()
            .unwrap();
        assert_eq!(
            value.argument().map(|value| value.kind()),
            kind,
            "{spelling}"
        );
    }
    let phone = grammar("phone")
        .keyed("919876543210", NOW)
        .at_end()
        .unwrap();
    assert_eq!(
        phone.argument(),
        Some(Argument::Digits(Masked::new("9876543210")))
    );
}

#[test]
fn what_a_manifest_cannot_ask_for_is_an_error_that_says_what_it_can() {
    for (spelling, words) in [
        (
            "dates",
            "there is no grammar `dates`; the grammars are boolean, date",
        ),
        (
            "phone length=10",
            "the grammar `phone` has no parameter `length`; it has none",
        ),
        ("date from=today", "it has `earliest` and `latest`"),
        (
            "date earliest=tomorrow",
            "`earliest` of the grammar `date` is `tomorrow`: give days from today",
        ),
        ("date earliest=today+99999", "at most 40,000"),
        (
            "date earliest=today+5 latest=today",
            "`earliest` and `latest` of the grammar `date` leave nothing to say",
        ),
        ("time latest=7pm", "a time of the 24-hour clock"),
        ("time earliest=19:00 latest=09:00", "leave nothing to say"),
        ("digits length=0", "from 1 to 30"),
        ("digits length=31", "from 1 to 30"),
        ("digits length=4 max-length=6", "`length` alone"),
        ("digits min-length=6 max-length=4", "leave nothing to say"),
        ("number min=ten", "a whole number"),
        ("number min=5 max=4", "leave nothing to say"),
        ("currency currency=inr", "INR, USD, EUR, GBP and AED"),
        ("currency max=lots", "such as `500`"),
    ] {
        let mut parts = spelling.split_whitespace();
        let name = parts.next().unwrap();
        let parameters = parts.map(|part| part.split_once('=').unwrap());
        let error = Grammar::parse(name, parameters).unwrap_err().to_string();
        assert!(error.contains(words), "{spelling}: {error}");
    }
    assert_eq!(
        grammar("digits length=4"),
        Grammar::Digits { min: 4, max: 4 }
    );
    assert_eq!(
        grammar("date earliest=today latest=today+30"),
        Grammar::Date {
            earliest: Some(0),
            latest: Some(30)
        }
    );
    assert_eq!(grammar("phone").name(), "phone");
}

#[test]
fn the_days_around_a_leap_day_and_the_end_of_the_calendar_are_days() {
    let english = Language::english();
    let on = |today: Date| PrimitiveDateTime::new(today, Time::MIDNIGHT);
    let leap = grammar("date earliest=today").read(
        "29th february",
        &english,
        on(::time::macros::date!(2096 - 03 - 01)),
    );
    assert_eq!(shown(&leap), "!");
    for today in [Date::MIN, Date::MAX] {
        for said in [
            "kal",
            "parson",
            "monday",
            "next monday",
            "fifth",
            "in five days",
            "5/12/2026",
            "fifth of march",
            "agle mahine ki paanch tareekh",
        ] {
            for spelling in [
                "date",
                "date earliest=today",
                "date latest=today",
                "date earliest=today-40000 latest=today+40000",
            ] {
                let _ = grammar(spelling).read(said, &Language::parse("hi").unwrap(), on(today));
            }
        }
    }
}

/// The examples of the manual: rows of its tables whose first cell is a spelling in backquotes.
#[test]
fn the_manual_says_what_is_read() {
    let manual = include_str!("../../../../docs/grammars.md");
    let mut rows = 0;
    for line in manual.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line
            .trim_matches('|')
            .split(" | ")
            .map(|cell| cell.trim().trim_matches('`'))
            .collect();
        let [spelling, language, said, read] = cells[..] else {
            continue;
        };
        let grammar = grammar(spelling);
        let reading = match language {
            "keys" => grammar.keyed(said, NOW),
            _ => grammar.read(said, &Language::parse(language).unwrap(), NOW),
        };
        let expected = if read.starts_with("nothing") {
            "!"
        } else {
            read
        };
        assert_eq!(shown(&reading), expected, "{line}");
        rows += 1;
    }
    assert!(rows > 60, "{rows}");
}
