//! The English dictionary: 180,000 words with their phonemes, and the endings that it leaves out.
//!
//! Two files of misaki 0.9.4 (Apache-2.0), which hibari's package carries; the first is checked by
//! hand and comes first. The rules for endings are misaki's, too.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::stress::{audible, spelled};

/// The most bytes of a dictionary's text; the largest has under four million.
const DICTIONARY_BYTES_MAX: u64 = 32 << 20;

/// What a word is in its sentence, where that changes its phonemes ("a record", "to record").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Not known: the usual phonemes.
    Any,
    Noun,
    Verb,
    /// The last word before a pause: "I will."
    Last,
    /// "used" before "to".
    Past,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    One(Box<str>),
    ByRole(HashMap<Box<str>, Option<Box<str>>>),
}

impl Entry {
    fn phonemes(&self, role: Role) -> Option<&str> {
        let by_role = match self {
            Entry::One(phonemes) => return Some(phonemes),
            Entry::ByRole(by_role) => by_role,
        };
        let name = match role {
            Role::Any => "DEFAULT",
            Role::Noun => "NOUN",
            Role::Verb => "VERB",
            Role::Last => "None",
            Role::Past => "VBD",
        };
        let usual = || by_role.get("DEFAULT");
        by_role.get(name).or_else(usual)?.as_deref()
    }
}

/// The dictionary.
pub(super) struct Lexicon {
    checked: HashMap<Box<str>, Entry>,
    other: HashMap<Box<str>, Entry>,
}

/// Reads a JSON file, packed by gzip.
fn unpacked<T: DeserializeOwned>(path: &Path) -> Result<T, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let mut text = Vec::new();
    GzDecoder::new(file)
        .take(DICTIONARY_BYTES_MAX)
        .read_to_end(&mut text)
        .map_err(|error| error.to_string())?;
    serde_json::from_slice(&text).map_err(|error| error.to_string())
}

impl Lexicon {
    /// Reads both files. The error says what is wrong with which.
    pub(super) fn load(checked: &Path, other: &Path) -> Result<Self, String> {
        let read = |path: &Path| {
            unpacked(path).map_err(|reason| format!("`{}`: {reason}", path.display()))
        };
        Ok(Self {
            checked: read(checked)?,
            other: read(other)?,
        })
    }

    fn entry(&self, word: &str) -> Option<&Entry> {
        // a word stands in lower case or with a capital, and means both
        let other_case = || {
            let mut letters = word.chars();
            let first = letters.next()?;
            let rest = letters.as_str();
            let is_lower = rest.chars().all(|letter| !letter.is_uppercase());
            match (first.is_lowercase(), is_lower && !rest.is_empty()) {
                (_, false) => None,
                (true, true) => Some(format!("{}{rest}", first.to_uppercase())),
                (false, true) => Some(format!("{}{rest}", first.to_lowercase())),
            }
        };
        let find = |word: &str| self.checked.get(word).or_else(|| self.other.get(word));
        find(word).or_else(|| find(&other_case()?))
    }

    /// Whether a word is in the dictionary as it stands.
    pub(super) fn knows(&self, word: &str) -> bool {
        self.entry(word).is_some()
    }

    /// The phonemes of a word of the dictionary; an entry that is a name of letters in this role
    /// is spelled.
    pub(super) fn look_up(&self, word: &str, role: Role) -> Option<String> {
        match self.entry(word)?.phonemes(role) {
            Some(phonemes) => Some(phonemes.to_owned()),
            None => self.spell(word),
        }
    }

    /// The phonemes of a word, or of its stem with the ending -s, -ed or -ing.
    pub(super) fn read(&self, word: &str, role: Role) -> Option<String> {
        let bare = word.trim_end_matches('\'');
        self.look_up(word, role)
            .or_else(|| self.look_up(bare, role))
            .or_else(|| self.with_s(bare, role))
            .or_else(|| self.with_ed(bare, role))
            .or_else(|| self.with_ing(bare, role))
    }

    /// The names of a word's letters, in one go; `None` where one has no name.
    pub(super) fn spell(&self, word: &str) -> Option<String> {
        let name = |letter: char| {
            let entry = self
                .checked
                .get(letter.to_uppercase().to_string().as_str())?;
            entry.phonemes(Role::Any)
        };
        let names = word
            .chars()
            .filter(|letter| letter.is_alphabetic())
            .map(name);
        let names: String = names.collect::<Option<_>>()?;
        (!names.is_empty()).then(|| spelled(&names))
    }

    fn with_s(&self, word: &str, role: Role) -> Option<String> {
        let short = word
            .strip_suffix('s')
            .filter(|short| !short.ends_with('s') && short.len() > 1);
        let long = word.strip_suffix("'s").or_else(|| {
            let stem = word.strip_suffix("es")?;
            (stem.len() > 2 && !stem.ends_with('i')).then_some(stem)
        });
        let y = word.strip_suffix("ies").filter(|stem| stem.len() > 1);
        let stem = short
            .and_then(|stem| self.look_up(stem, role))
            .or_else(|| self.look_up(long?, role))
            .or_else(|| self.look_up(&format!("{}y", y?), role))?;
        Some(with_s(stem))
    }

    fn with_ed(&self, word: &str, role: Role) -> Option<String> {
        let short = word
            .strip_suffix('d')
            .filter(|short| !short.ends_with('d') && short.len() > 2);
        let long = word
            .strip_suffix("ed")
            .filter(|stem| stem.len() > 2 && !stem.ends_with('e'));
        let mut stem = short
            .and_then(|stem| self.look_up(stem, role))
            .or_else(|| self.look_up(long?, role))?;
        let mut from_end = stem.chars().rev();
        match (from_end.next()?, from_end.next()) {
            ('p' | 'k' | 'f' | 'θ' | 'ʃ' | 's' | 'ʧ', _) => stem.push('t'),
            ('d', _) => stem.push_str("ᵻd"),
            ('t', Some(before)) if is_flapping(before) => {
                stem.pop();
                stem.push_str("ɾᵻd");
            }
            ('t', _) => stem.push_str("ᵻd"),
            _ => stem.push('d'),
        }
        Some(stem)
    }

    fn with_ing(&self, word: &str, role: Role) -> Option<String> {
        let stem = word.strip_suffix("ing").filter(|stem| stem.len() > 1)?;
        let doubled = || {
            let mut letters = stem.chars().rev();
            let (last, before) = (letters.next()?, letters.next()?);
            (last == before || (before == 'c' && last == 'k'))
                .then(|| stem.strip_suffix(last))
                .flatten()
        };
        let found = (stem.len() > 2)
            .then(|| self.look_up(stem, role))
            .flatten()
            .or_else(|| self.look_up(&format!("{stem}e"), role))
            .or_else(|| self.look_up(doubled()?, role))?;
        let mut stem = audible(&found);
        let mut from_end = stem.chars().rev();
        if let (Some('t'), Some(before)) = (from_end.next(), from_end.next())
            && is_flapping(before)
        {
            stem.pop();
            stem.push('ɾ');
        }
        Some(stem + "ɪŋ")
    }
}

/// Phonemes with the ending of a plural or a possessive.
pub(super) fn with_s(mut phonemes: String) -> String {
    phonemes.push_str(match phonemes.chars().last() {
        Some('p' | 't' | 'k' | 'f' | 'θ') => "s",
        Some('s' | 'z' | 'ʃ' | 'ʒ' | 'ʧ' | 'ʤ') => "ᵻz",
        _ => "z",
    });
    phonemes
}

/// Whether an American `t` between this sound and a vowel is a flap.
fn is_flapping(before: char) -> bool {
    "AIOWYiuæɑəɛɪɹʊʌ".contains(before)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A dictionary of few words.
    pub(in super::super) fn small() -> Lexicon {
        let entry = |phonemes: &str| Entry::One(phonemes.into());
        let words = [
            ("pay", "pˈA"),
            ("bank", "bˈæŋk"),
            ("due", "dˈu"),
            ("is", "ɪz"),
            ("loan", "lˈOn"),
            ("wait", "wˈAt"),
            ("party", "pˈɑɹti"),
            ("box", "bˈɑks"),
            ("note", "nˈOt"),
            ("run", "ɹˈʌn"),
            ("call", "kˈɔl"),
            ("need", "nˈid"),
            ("E", "ˈi"),
            ("M", "ˈɛm"),
            ("I", "ˈI"),
            ("A", "ˈA"),
            ("P", "pˈi"),
            ("your", "jʊɹ"),
            ("twenty", "twˈɛnti"),
            ("five", "fˈIv"),
            ("one", "wˈʌn"),
            ("two", "tˈu"),
            ("Delhi", "dˈɛli"),
            ("apple", "ˈæpᵊl"),
            ("am", "æm"),
            ("to", "tu"),
            ("pan", "pˈæn"),
            ("ten", "tˈɛn"),
            ("thousand", "θˈWzᵊnd"),
            ("rupees", "ɹupˈiz"),
            ("doctor", "dˈɑktəɹ"),
        ];
        let mut checked: HashMap<Box<str>, Entry> = words
            .iter()
            .map(|&(word, phonemes)| (word.into(), entry(phonemes)))
            .collect();
        let by_role = |roles: &[(&str, &str)]| {
            Entry::ByRole(
                roles
                    .iter()
                    .map(|&(role, phonemes)| (role.into(), Some(phonemes.into())))
                    .collect(),
            )
        };
        checked.insert(
            "record".into(),
            by_role(&[("DEFAULT", "ɹˈɛkəɹd"), ("VERB", "ɹəkˈɔɹd")]),
        );
        checked.insert(
            "will".into(),
            by_role(&[("DEFAULT", "wɪl"), ("None", "wˈɪl")]),
        );
        checked.insert(
            "used".into(),
            by_role(&[("DEFAULT", "jˈuzd"), ("VBD", "jˈust")]),
        );
        Lexicon {
            checked,
            other: HashMap::new(),
        }
    }

    #[test]
    fn endings_are_added_to_what_the_dictionary_has() {
        let lexicon = small();
        for (word, phonemes) in [
            ("banks", "bˈæŋks"),
            ("loans", "lˈOnz"),
            ("boxes", "bˈɑksᵻz"),
            ("parties", "pˈɑɹtiz"),
            ("bank's", "bˈæŋks"),
            ("waited", "wˈAɾᵻd"),
            ("needed", "nˈidᵻd"),
            ("called", "kˈɔld"),
            ("noted", "nˈOɾᵻd"),
            ("paying", "pˈAɪŋ"),
            ("running", "ɹˈʌnɪŋ"),
            ("noting", "nˈOɾɪŋ"),
            ("Banks", "bˈæŋks"),
            ("delhi", "dˈɛli"),
            ("banks'", "bˈæŋks"),
        ] {
            let lower = if lexicon.knows(word) {
                word.to_owned()
            } else {
                word.to_lowercase()
            };
            assert_eq!(
                lexicon.read(&lower, Role::Any).as_deref(),
                Some(phonemes),
                "{word}"
            );
        }
        for unknown in ["xyz", "s", "ing", "ed", "'s", "", "प्रिया", "s'"] {
            assert_eq!(lexicon.read(unknown, Role::Any), None, "{unknown:?}");
        }
    }

    #[test]
    fn a_word_is_read_by_its_role_and_letters_are_spelled() {
        let lexicon = small();
        assert_eq!(
            lexicon.read("record", Role::Noun).as_deref(),
            Some("ɹˈɛkəɹd")
        );
        assert_eq!(
            lexicon.read("record", Role::Verb).as_deref(),
            Some("ɹəkˈɔɹd")
        );
        assert_eq!(lexicon.read("will", Role::Last).as_deref(), Some("wˈɪl"));
        assert_eq!(lexicon.spell("EMI").as_deref(), Some("ˌiˌɛmˈI"));
        assert_eq!(lexicon.spell("E1"), Some("ˈi".to_owned()));
        assert_eq!(lexicon.spell("Éé"), None);
    }

    #[test]
    fn a_file_that_is_no_dictionary_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("words.json.gz");
        std::fs::write(&file, b"no gzip").unwrap();
        assert!(Lexicon::load(&file, &file).is_err_and(|reason| reason.contains("words.json.gz")));
        assert!(Lexicon::load(&folder.path().join("none"), &file).is_err());
    }
}
