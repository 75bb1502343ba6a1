//! Table-driven tests of spellings: `kind | value | = canonical`, or `kind | value | ! words of the
//! reason`. `date, day-first` and `date, month-first` are dates with the operator's order.

use time::{Date, macros::date};

use super::*;

const TODAY: Date = date!(2026 - 11 - 26);

struct Case {
    line: usize,
    kind: Kind,
    dates: DateRules,
    value: String,
    expected: Result<String, String>,
}

/// In a value `·` stands for a space, so that leading and trailing ones are visible, and `\t` for a
/// tab.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (at, line) in include_str!("cases.txt").lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let columns: Vec<&str> = line.split(" | ").map(str::trim).collect();
        let [kind, value, expected] = columns[..] else {
            panic!("line {}: {line}", at + 1)
        };
        let (kind, order) = match kind.split_once(", ") {
            Some((kind, "day-first")) => (kind, Some(DateOrder::DayFirst)),
            Some((kind, "month-first")) => (kind, Some(DateOrder::MonthFirst)),
            Some(_) => panic!("line {}: {line}", at + 1),
            None => (kind, None),
        };
        let kind = Kind::ALL
            .iter()
            .find(|(name, _)| *name == kind)
            .unwrap_or_else(|| panic!("line {}: {line}", at + 1))
            .1;
        let expected = match expected.split_once(' ') {
            Some(("=", canonical)) => Ok(canonical.to_owned()),
            Some(("!", reason)) => Err(reason.to_owned()),
            _ => panic!("line {}: {line}", at + 1),
        };
        cases.push(Case {
            line: at + 1,
            kind,
            dates: DateRules {
                today: TODAY,
                order,
            },
            value: value.replace('·', " ").replace("\\t", "\t"),
            expected,
        });
    }
    cases
}

#[test]
fn values_are_read_or_refused_as_the_table_says() {
    let mut wrong = Vec::new();
    for Case {
        line,
        kind,
        dates,
        value,
        expected,
    } in cases()
    {
        let read = kind.canonical(&value, dates);
        let right = match (&read, &expected) {
            (Ok(read), Ok(expected)) => read == expected,
            (Err(refused), Err(reason)) => refused.reason.contains(reason.as_str()),
            _ => false,
        };
        if !right {
            wrong.push(format!(
                "line {line}: {kind} `{value}`: {read:?}, expected {expected:?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(cases().len() > 300, "{}", cases().len());
}

#[test]
fn what_a_reader_returns_it_reads_again_as_itself() {
    for Case {
        line,
        kind,
        dates,
        expected,
        ..
    } in cases()
    {
        if let Ok(canonical) = expected {
            for dates in [dates, DateRules::unordered(TODAY)] {
                let again = kind.canonical(&canonical, dates);
                assert_eq!(again.as_ref(), Ok(&canonical), "line {line}");
            }
        }
    }
}

#[test]
fn a_shape_shows_the_spelling_and_neither_digits_nor_letters() {
    for (value, shown) in [
        ("Rs. 12,450/-", "xx. ##,###/-"),
        ("Ravi", "xxxx"),
        ("रवि १२", "xxx ##"),
        ("a\u{1b}[31mb", "x x##xx"),
        ("+91 98", "+## ##"),
    ] {
        assert_eq!(shape(value), shown);
    }
    assert_eq!(shape(&"9".repeat(100)).chars().count(), 25);
}

#[test]
fn every_state_has_its_language() {
    for (state, tag) in [
        ("Tamil Nadu", "ta-IN"),
        ("puducherry", "ta-IN"),
        ("Karnataka", "kn-IN"),
        ("Kerala", "ml-IN"),
        ("Lakshadweep", "ml-IN"),
        ("Andhra Pradesh", "te-IN"),
        ("Telangana", "te-IN"),
        ("MAHARASHTRA", "mr-IN"),
        ("Gujarat", "gu-IN"),
        ("West Bengal", "bn-IN"),
        ("Punjab", "pa-IN"),
        ("Odisha", "or-IN"),
        ("Uttar Pradesh", "hi-IN"),
        ("Andaman & Nicobar Islands", "hi-IN"),
    ] {
        assert_eq!(language_of_state(state).unwrap().as_str(), tag, "{state}");
    }
    assert_eq!(
        (language_of_state("unknown"), language_of_state("")),
        (None, None)
    );
}
