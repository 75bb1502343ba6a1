//! 0 to 99 of every language against other sources: what differs is explained, and nothing else is.

use std::collections::{BTreeMap, BTreeSet};

use ghanti_model::{Language, Value};
use unicode_normalization::UnicodeNormalization;

use super::{TODAY, speak};

/// The columns of each line of a table.
fn rows(table: &str) -> impl Iterator<Item = [&str; 4]> {
    table
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let columns: Vec<&str> = line.splitn(4, '|').map(str::trim).collect();
            columns.try_into().unwrap_or_else(|_| panic!("{line}"))
        })
}

/// `20, 54, 61-68`.
fn numbers(list: &str) -> impl Iterator<Item = i64> {
    list.split(',').flat_map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        first.trim().parse().unwrap()..=last.trim().parse::<i64>().unwrap()
    })
}

/// Words without what is not heard.
fn heard(words: &str) -> String {
    words
        .nfc()
        .filter(|letter| !matches!(letter, ' ' | '-' | '\u{200C}' | '\u{200D}'))
        .collect()
}

#[test]
fn every_number_below_a_hundred_is_as_in_other_sources_or_the_difference_is_explained() {
    let mut explained: BTreeMap<(&str, &str, i64), &str> = BTreeMap::new();
    for [language, source, list, why] in rows(include_str!("../differences.txt")) {
        assert!(why.len() > 20, "{language} {source} {list}: {why}");
        for number in numbers(list) {
            let twice = explained.insert((language, source, number), why);
            assert_eq!(twice, None, "{language} {source} {number}");
        }
    }
    let mut compared: BTreeMap<&str, BTreeSet<i64>> = BTreeMap::new();
    let mut wrong = Vec::new();
    for [language, source, number, theirs] in rows(include_str!("../second_source.txt")) {
        let number: i64 = number.parse().unwrap();
        let tag = Language::parse(language).unwrap();
        let ours = speak(&Value::Integer(number), &tag, TODAY).unwrap();
        let differs = heard(&ours) != heard(theirs);
        if explained.remove(&(language, source, number)).is_some() != differs {
            wrong.push(format!("{language} {source} {number}: {ours}, {theirs}"));
        }
        compared.entry(language).or_default().insert(number);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(explained.is_empty(), "not in any source: {explained:#?}");
    assert_eq!(compared.len(), 11, "languages");
    assert!(
        compared.values().all(|numbers| numbers.len() == 100),
        "0 to 99 of each"
    );
}

#[test]
fn most_numbers_of_every_language_are_as_in_another_source() {
    let mut alike: BTreeMap<&str, BTreeSet<i64>> = BTreeMap::new();
    for [language, _, number, theirs] in rows(include_str!("../second_source.txt")) {
        let number: i64 = number.parse().unwrap();
        let tag = Language::parse(language).unwrap();
        let ours = speak(&Value::Integer(number), &tag, TODAY).unwrap();
        if heard(&ours) == heard(theirs) {
            alike.entry(language).or_default().insert(number);
        }
    }
    for (language, numbers) in alike {
        assert!(numbers.len() >= 75, "{language}: {}", numbers.len());
    }
}
