//! How Indian names and words in Latin letters are read: a list, and rules for what is in no list.
//!
//! An English dictionary has few of them, and English rules read them wrongly ("Deshpande" would end
//! like "band"). Romanised Hindi and its sisters are regular: a letter or two is a sound, a long
//! vowel draws the stress. What is lost in Latin letters (long and short `a`, dental and retroflex
//! `t`) is guessed as most names have it. The phonemes are those of the voice, which is American.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::stress::PRIMARY;

/// The most letters that are read by rule; a longer "word" is cut.
const LETTERS_MAX: usize = 40;

/// A word in lower case, its phonemes; `#` begins a comment.
static LISTED: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
    include_str!("names.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(' '))
        .map(|(word, phonemes)| (word, phonemes.trim()))
        .collect()
});

/// Letters and their sound, longest first. Before vowels and consonants alike.
const CONSONANTS: [(&str, &str); 39] = [
    ("chh", "ʧ"),
    ("tch", "ʧ"),
    ("ksh", "kʃ"),
    ("sh", "ʃ"),
    ("ch", "ʧ"),
    ("th", "t"),
    ("dh", "d"),
    ("bh", "b"),
    ("kh", "k"),
    ("gh", "ɡ"),
    ("jh", "ʤ"),
    ("ph", "f"),
    ("zh", "ɹ"),
    ("ck", "k"),
    ("nk", "ŋk"),
    ("ng", "ŋɡ"),
    ("b", "b"),
    ("c", "k"),
    ("d", "d"),
    ("f", "f"),
    ("g", "ɡ"),
    ("h", "h"),
    ("j", "ʤ"),
    ("k", "k"),
    ("l", "l"),
    ("m", "m"),
    ("n", "n"),
    ("p", "p"),
    ("q", "k"),
    ("r", "ɹ"),
    ("s", "s"),
    ("t", "t"),
    ("v", "v"),
    ("w", "v"),
    ("x", "ks"),
    ("y", "j"),
    ("z", "z"),
    ("'", ""),
    ("-", ""),
];

/// Long vowels and diphthongs, longest first.
const LONG: [(&str, &str); 18] = [
    ("aa", "ɑ"),
    ("ee", "i"),
    ("ii", "i"),
    ("oo", "u"),
    ("uu", "u"),
    ("ai", "I"),
    ("au", "W"),
    ("ao", "W"),
    ("ou", "W"),
    ("ow", "W"),
    ("ei", "A"),
    ("ey", "A"),
    ("ay", "A"),
    ("oy", "Y"),
    ("oi", "Y"),
    ("uy", "ui"),
    ("e", "A"),
    ("o", "O"),
];

/// One sound of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sound {
    Consonant(&'static str),
    /// With its letters, which say whether it may be reduced.
    Vowel(&'static str, Length),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Length {
    Long,
    /// `e` and `o`: long, but for `e` before two consonants.
    Mid,
    Short,
}

/// The phonemes of a word in the list, in any case of letters.
pub(super) fn listed(lower: &str) -> Option<&'static str> {
    LISTED.get(lower).copied()
}

/// The phonemes of a word by rule; `None` if it has no Latin letters.
pub(super) fn by_rule(word: &str) -> Option<String> {
    let letters: String = word.chars().filter_map(plain).take(LETTERS_MAX).collect();
    let sounds = sounds(&letters);
    let vowels = sounds
        .iter()
        .enumerate()
        .filter(|(_, sound)| matches!(sound, Sound::Vowel(..)));
    let nuclei: Vec<usize> = vowels.map(|(at, _)| at).collect();
    if sounds.is_empty() {
        return None;
    }
    let stress = stressed_nucleus(&sounds, &nuclei);
    let mut phonemes = String::new();
    for (at, sound) in sounds.iter().enumerate() {
        match *sound {
            Sound::Consonant(phoneme) => {
                // doubled letters are one sound
                if !phonemes.ends_with(phoneme) || phoneme.is_empty() {
                    phonemes.push_str(phoneme);
                }
            }
            Sound::Vowel(phoneme, length) => {
                let here = Place::of(&sounds, &nuclei, at, stress == Some(at));
                if here.stressed {
                    phonemes.push(PRIMARY);
                }
                phonemes.push_str(here.quality(phoneme, length));
            }
        }
    }
    Some(phonemes)
}

/// The plain letter of one, without its diacritics; `None` for other characters.
fn plain(letter: char) -> Option<char> {
    let lower = letter.to_lowercase().next()?;
    Some(match lower {
        'a'..='z' => lower,
        'à'..='å' | 'ā' => 'a',
        'ç' => 's',
        'è'..='ë' | 'ē' => 'e',
        'ì'..='ï' | 'ī' => 'i',
        'ñ' | 'ṇ' | 'ṅ' => 'n',
        'ò'..='ö' | 'ō' => 'o',
        'ù'..='ü' | 'ū' => 'u',
        'ś' | 'ṣ' | 'š' => 's',
        'ṭ' => 't',
        'ḍ' => 'd',
        _ => return None,
    })
}

fn sounds(letters: &str) -> Vec<Sound> {
    let mut sounds = Vec::new();
    let mut rest = letters;
    while let Some(first) = rest.chars().next() {
        let begins = |(letters, _): &&(&str, &str)| rest.starts_with(letters);
        let second = rest.chars().nth(1);
        let before_vowel = second.is_some_and(|letter| "aeiou".contains(letter));
        let third_is_vowel = rest
            .chars()
            .nth(2)
            .is_some_and(|letter| "aeiou".contains(letter));
        let (sound, length) = match first {
            // `ay`, `ey`, `oy` before a vowel: the y begins the next syllable
            'a' | 'e' | 'o' if second == Some('y') && third_is_vowel => single_vowel(first),
            'a' | 'e' | 'i' | 'o' | 'u' => match LONG.iter().find(begins) {
                Some((letters, phoneme)) if letters.len() > 1 => {
                    (Sound::Vowel(phoneme, Length::Long), letters.len())
                }
                _ => single_vowel(first),
            },
            'y' if !before_vowel => (Sound::Vowel("i", Length::Short), 1),
            'c' if second.is_some_and(|letter| "eiy".contains(letter)) => {
                (Sound::Consonant("s"), 1)
            }
            'n' if rest == "ng" => (Sound::Consonant("ŋ"), 2),
            // silent at the end, as in Shah
            'h' if second.is_none() && matches!(sounds.last(), Some(Sound::Vowel(..))) => {
                (Sound::Consonant(""), 1)
            }
            _ => match CONSONANTS.iter().find(begins) {
                Some((letters, phoneme)) => (Sound::Consonant(phoneme), letters.len()),
                None => (Sound::Consonant(""), first.len_utf8()),
            },
        };
        sounds.push(sound);
        rest = rest.get(length..).unwrap_or_default();
    }
    sounds
}

fn single_vowel(letter: char) -> (Sound, usize) {
    let (phoneme, length) = match letter {
        'e' => ("A", Length::Mid),
        'o' => ("O", Length::Mid),
        'i' => ("ɪ", Length::Short),
        'u' => ("ʊ", Length::Short),
        _ => ("a", Length::Short),
    };
    (Sound::Vowel(phoneme, length), 1)
}

/// What surrounds a vowel.
struct Place {
    stressed: bool,
    first: bool,
    only: bool,
    /// The last sound of the word.
    ends: bool,
    /// Consonants until the next vowel or the end, where `pr`, `ty` and the like begin a syllable and count once.
    closed_by: usize,
    before_r: bool,
    before_vowel: bool,
}

impl Place {
    fn of(sounds: &[Sound], nuclei: &[usize], at: usize, stressed: bool) -> Self {
        let after = sounds.get(at + 1..).unwrap_or_default();
        let consonants: Vec<char> = after
            .iter()
            .map_while(|sound| match sound {
                Sound::Consonant(phonemes) => Some(phonemes.chars()),
                Sound::Vowel(..) => None,
            })
            .flatten()
            .collect();
        let is_last = nuclei.last() == Some(&at);
        let begins_syllable = |last: &char| ['ɹ', 'j', 'v', 'l'].contains(last);
        let onset = !is_last
            && consonants.len() > 1
            && consonants.last().is_some_and(begins_syllable)
            && consonants.first() != consonants.last();
        Self {
            stressed,
            first: nuclei.first() == Some(&at),
            only: nuclei.len() == 1,
            ends: after.is_empty(),
            closed_by: consonants.len() - usize::from(onset),
            before_r: consonants.first() == Some(&'ɹ'),
            before_vowel: matches!(after.first(), Some(Sound::Vowel(..))),
        }
    }

    /// Whether the syllable draws the stress.
    fn is_heavy(&self, length: Length, is_last: bool) -> bool {
        match length {
            // a final vowel counts only with a consonant after it
            Length::Long | Length::Mid => !is_last || self.closed_by > 0,
            Length::Short => self.closed_by > 1 && !is_last,
        }
    }

    fn quality(&self, phoneme: &'static str, length: Length) -> &'static str {
        match (phoneme, length) {
            // `iA` and the like: the first of two vowels is short
            ("ɪ", _) if self.ends || self.before_vowel => "i",
            ("ʊ", _) if self.ends => "u",
            ("A", Length::Mid) if self.closed_by > 1 => "ɛ",
            ("a", _) if self.ends => "ə",
            ("a", _) if self.only => "ɑ",
            ("a", _) if self.before_r && self.closed_by > 1 => "ɑ",
            ("a", _) if self.stressed && self.closed_by < 2 => "ɑ",
            ("a", _) if self.stressed || self.first => "ʌ",
            ("a", _) => "ə",
            _ => phoneme,
        }
    }
}

/// Which vowel has the stress: the last heavy one of the last three, where the final one has to be
/// long and closed; else the third from the end, or the first.
fn stressed_nucleus(sounds: &[Sound], nuclei: &[usize]) -> Option<usize> {
    let heavy = |&at: &usize| match sounds.get(at) {
        Some(&Sound::Vowel(_, length)) => {
            Place::of(sounds, nuclei, at, false).is_heavy(length, nuclei.last() == Some(&at))
        }
        _ => false,
    };
    let mut from_end = nuclei.iter().rev();
    from_end
        .by_ref()
        .take(2)
        .find(|at| heavy(at))
        .or_else(|| nuclei.iter().rev().nth(2))
        .or(nuclei.first())
        .copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_in_india() {
        for (name, phonemes) in [
            ("Sharma", "ʃˈɑɹmə"),
            ("Gupta", "ɡˈʊptə"),
            ("Suresh", "sʊɹˈAʃ"),
            ("Mohan", "mˈOhən"),
            ("Naveen", "nʌvˈin"),
            ("Shah", "ʃˈɑ"),
            ("Narayanan", "nʌɹˈɑjənən"),
            ("Venkateshwaran", "vɛŋkətˈAʃvəɹən"),
            ("Subramaniam", "sʊbɹəmˈɑniəm"),
            ("Deshpande", "dɛʃpˈʌndA"),
            ("Kulkarni", "kʊlkˈɑɹni"),
            ("Gurpreet", "ɡʊɹpɹˈit"),
            ("Reddy", "ɹˈɛdi"),
            ("Vijay", "vˈɪʤA"),
        ] {
            assert_eq!(by_rule(name).as_deref(), Some(phonemes), "{name}");
        }
    }

    #[test]
    fn whatever_is_in_latin_letters_is_read_and_nothing_else() {
        assert_eq!(by_rule("ŚĀNTĪ"), by_rule("santi"));
        for odd in ["", "प्रिया", "…", "''"] {
            assert_eq!(by_rule(odd), None, "{odd:?}");
        }
        for odd in ["h", "zzzz", "q", "yyyy", &"ngh".repeat(1_000)] {
            assert!(
                by_rule(odd).is_some_and(|phonemes| phonemes.len() < 200),
                "{odd:.9}"
            );
        }
    }

    #[test]
    fn the_list_is_in_order_and_in_the_alphabet_of_the_voice() {
        let known = |phoneme: char| {
            super::super::stress::is_vowel(phoneme)
                || super::super::stress::is_consonant(phoneme)
                || "ˈˌᵊ ".contains(phoneme)
        };
        let lines: Vec<&str> = include_str!("names.txt")
            .lines()
            .filter(|line| !line.starts_with('#'))
            .collect();
        assert_eq!(
            lines.len(),
            LISTED.len(),
            "a word is listed twice, or a line has no phonemes"
        );
        for line in lines {
            let (word, phonemes) = line.split_once(' ').unwrap();
            assert!(
                word.chars().all(|letter| letter.is_ascii_lowercase()),
                "{line}"
            );
            assert!(
                !phonemes.is_empty() && phonemes.chars().all(known),
                "{line}"
            );
            assert_eq!(phonemes.matches(PRIMARY).count(), 1, "{line}");
        }
    }
}
