//! The language of a caller's words: by their script, then by words that only one of the languages
//! of that script has.
//!
//! Devanagari is Hindi or Marathi, Latin letters are English or Hinglish, which is Hindi as it is
//! typed. Other romanised languages are not recognised: `naan vara matten` is nothing. Nothing is
//! guessed: words that could be of either language are of none.

mod words;

use ghanti_model::Language;

use crate::lexicon::normal_words;

/// A script of India, and the languages written in it, by their primary tags.
struct Script {
    letters: std::ops::RangeInclusive<u32>,
    languages: &'static [&'static str],
}

const fn script(
    letters: std::ops::RangeInclusive<u32>,
    languages: &'static [&'static str],
) -> Script {
    Script { letters, languages }
}

/// Latin letters, which count only where there are no others: English words are said in every
/// language.
const LATIN: Script = script(0x0041..=0x024F, &["en", "hi"]);

/// The scripts of India, by the blocks of Unicode.
const SCRIPTS: [Script; 9] = [
    script(0x0900..=0x097F, &["hi", "mr"]),
    script(0x0980..=0x09FF, &["bn"]),
    script(0x0A00..=0x0A7F, &["pa"]),
    script(0x0A80..=0x0AFF, &["gu"]),
    script(0x0B00..=0x0B7F, &["or"]),
    script(0x0B80..=0x0BFF, &["ta"]),
    script(0x0C00..=0x0C7F, &["te"]),
    script(0x0C80..=0x0CFF, &["kn"]),
    script(0x0D00..=0x0D7F, &["ml"]),
];

/// The one of these languages that the words are in; `None` where nothing indicates one, or where they are
/// in another language. Looks at as many characters as the lexicons do.
pub fn detect(text: &str, among: &[Language]) -> Option<Language> {
    let words = normal_words(text);
    let script = script_of(&words)?;
    let primary = match script.languages {
        [only] => *only,
        several => likeliest(&words, several, words::is_of)
            .or_else(|| likeliest(&words, several, words::is_lent_by))?,
    };
    among
        .iter()
        .find(|language| language.primary() == primary)
        .cloned()
}

/// The script of India with most letters, or else Latin; `None` if there are no letters, or two
/// scripts have equally many.
fn script_of(words: &[String]) -> Option<&'static Script> {
    let counted = |script: &'static Script| {
        let letters = words.iter().flat_map(|word| word.chars());
        let is_of = |letter: &char| script.letters.contains(&u32::from(*letter));
        let count = letters.filter(|letter| letter.is_alphabetic() && is_of(letter));
        (count.count(), script)
    };
    let indian = SCRIPTS.iter().map(counted);
    if indian.clone().all(|(count, _)| count == 0) {
        return most(std::iter::once(counted(&LATIN)));
    }
    most(indian)
}

/// The language with most words that are its own; `None` if two have equally many.
fn likeliest(
    words: &[String],
    languages: &[&'static str],
    is_of: impl Fn(&str, &str) -> bool,
) -> Option<&'static str> {
    let counted = languages.iter().map(|language| {
        let count = words.iter().filter(|word| is_of(word, language)).count();
        (count, *language)
    });
    most(counted)
}

/// What was counted most often; `None` if nothing was, or two were equally often.
fn most<T>(counted: impl Iterator<Item = (usize, T)> + Clone) -> Option<T> {
    let (most, found) = counted.clone().max_by_key(|(count, _)| *count)?;
    let alone = counted.filter(|(count, _)| *count == most).count() == 1;
    (most > 0 && alone).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn languages(tags: &[&str]) -> Vec<Language> {
        tags.iter()
            .map(|tag| Language::parse(tag).unwrap())
            .collect()
    }

    fn all() -> Vec<Language> {
        languages(&[
            "en", "hi", "bn", "gu", "kn", "ml", "mr", "or", "pa", "ta", "te",
        ])
    }

    #[test]
    fn answers_are_in_the_language_that_the_table_says() {
        let mut rows = 0;
        for (number, line) in include_str!("detect/cases.txt").lines().enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (said, expected) = line.rsplit_once("=>").unwrap();
            let found = detect(said, &all());
            let found = found.as_ref().map_or("-", Language::primary);
            assert_eq!(found, expected.trim(), "line {}: {line}", number + 1);
            rows += 1;
        }
        assert!(rows > 70, "{rows}");
    }

    #[test]
    fn a_language_that_nobody_asked_for_is_none() {
        let english = languages(&["en-US", "ta-IN"]);
        assert_eq!(detect("मुझे पता है", &english), None);
        assert_eq!(detect("haan mujhe pata hai", &english), None);
        assert_eq!(
            detect("i do not know", &english).unwrap().as_str(),
            "en-US",
            "with the region that was asked for"
        );
    }

    #[test]
    fn no_word_is_of_two_languages_of_one_script() {
        for script in SCRIPTS.iter().chain([&LATIN]) {
            for language in script.languages {
                for word in words::of(language) {
                    let others = script.languages.iter().filter(|other| *other != language);
                    for other in others {
                        assert!(!words::is_of(word, other), "{word}: {language} and {other}");
                    }
                    let normal = normal_words(word);
                    assert_eq!(normal.len(), 1, "{word}");
                    assert!(words::is_of(&normal[0], language), "{word}");
                }
            }
        }
    }

    #[test]
    fn every_phrase_of_a_lexicon_is_in_its_language_or_in_none() {
        let all = all();
        for primary in ["hi", "mr", "bn", "pa", "gu", "or", "ta", "te", "kn", "ml"] {
            let tag = languages(&[primary]);
            for phrase in crate::lexicon::phrases(primary) {
                if phrase.is_ascii() {
                    continue;
                }
                let found = detect(&phrase, &all);
                assert!(
                    found.is_none() || found.as_ref() == tag.first(),
                    "{primary}: {phrase} is {found:?}"
                );
            }
        }
    }

    #[test]
    fn endless_talk_is_borne() {
        let _ = detect(&"haan मैं yes ".repeat(100_000), &all());
    }
}
