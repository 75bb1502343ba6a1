//! From a sentence to the phonemes of the voice: dictionary, lists and rules, and what words do to
//! each other.
//!
//! The alphabet is Kokoro's, with American sounds: `A I O W Y` are diphthongs. Ported from hibari's
//! `g2p` and misaki (both Apache-2.0), with these differences: a word's role is derived from the word
//! before it instead of a tagger, and a word that no dictionary has is read as an Indian one.

use super::figures::{self, Reading};
use super::lexicon::{self, Lexicon, Role};
use super::names;
use super::stress::{PRIMARY, audible, is_consonant, is_vowel, stressed, weakened, weight};
use super::text::{Token, tokens};

/// Before these a word is a verb.
const BEFORE_VERBS: [&str; 20] = [
    "to", "will", "can", "could", "would", "should", "shall", "may", "might", "must", "please",
    "i", "we", "you", "they", "don't", "cannot", "can't", "won't", "let's",
];
/// Before these it is a noun.
const BEFORE_NOUNS: [&str; 17] = [
    "a", "an", "the", "this", "that", "your", "my", "our", "his", "her", "their", "its", "no",
    "any", "each", "every", "of",
];

/// A word with what is known of its place.
struct Word<'w> {
    text: &'w str,
    joined: bool,
    /// The word before it in the same sentence, in lower case.
    before: Option<&'w str>,
}

/// A part of the sentence as phonemes.
enum Part {
    Word { phonemes: String, joined: bool },
    Pause(char),
}

/// What comes after a word: decides how "the", "to", "a", "am", "in" and weak words sound.
#[derive(Clone, Copy)]
struct Following {
    /// Whether the next sound is a vowel; `None` before a pause and at the end.
    vowel: Option<bool>,
    to: bool,
}

/// The phonemes of a sentence.
pub(super) fn phonemes(sentence: &str, lexicon: &Lexicon) -> String {
    let tokens = in_words(tokens(sentence));
    let lower: Vec<String> = tokens
        .iter()
        .map(|token| match token {
            Token::Word { text, .. } => text.to_lowercase(),
            _ => String::new(),
        })
        .collect();
    let mut following = Following {
        vowel: None,
        to: false,
    };
    let mut parts = Vec::with_capacity(tokens.len());
    // from the end, as each word depends on what comes after it
    for (at, token) in tokens.iter().enumerate().rev() {
        match token {
            Token::Pause(sign) => {
                following = Following {
                    vowel: None,
                    to: false,
                };
                parts.push(Part::Pause(*sign));
            }
            Token::Figures { .. } => {}
            Token::Word { text, joined } => {
                let before = at.checked_sub(1).and_then(|at| lower.get(at));
                let word = Word {
                    text,
                    joined: *joined,
                    before: before.map(String::as_str).filter(|word| !word.is_empty()),
                };
                let next = lower.get(at + 1).map_or("", String::as_str);
                let phonemes = read(&word, following, next, lexicon);
                if let Some(sound) = phonemes
                    .chars()
                    .find(|&sound| is_vowel(sound) || is_consonant(sound))
                {
                    following.vowel = Some(is_vowel(sound));
                }
                following.to = lower.get(at).is_some_and(|word| word == "to");
                parts.push(Part::Word {
                    phonemes,
                    joined: word.joined,
                });
            }
        }
    }
    parts.reverse();
    assembled(parts)
}

/// Figures as the words that they are read as.
fn in_words(tokens: Vec<Token>) -> Vec<Token> {
    let mut made: Vec<Token> = Vec::with_capacity(tokens.len());
    let mut after_figures = false;
    for token in tokens {
        match token {
            Token::Figures { text, rupees } => {
                let reading = if rupees {
                    Reading::Quantity
                } else {
                    Reading::Plain
                };
                push_words(&figures::words(&text, reading), &mut made);
                if rupees {
                    push_words("rupees", &mut made);
                }
                after_figures = true;
            }
            // "10:30 pm"
            Token::Word { text, .. }
                if after_figures && ["am", "pm"].contains(&text.to_lowercase().as_str()) =>
            {
                let [letter, m] = [0, 1].map(|at| text.chars().nth(at).unwrap_or_default());
                push_words(&format!("{letter}.{m}.").to_uppercase(), &mut made);
                after_figures = false;
            }
            other => {
                after_figures = false;
                made.push(other);
            }
        }
    }
    made
}

fn push_words(words: &str, made: &mut Vec<Token>) {
    for word in words.split(' ') {
        let (text, pause) = match word.strip_suffix(',') {
            Some(text) => (text, true),
            None => (word, false),
        };
        for (at, part) in text.split('-').enumerate() {
            made.push(Token::Word {
                text: part.to_owned(),
                joined: at > 0,
            });
        }
        if pause {
            made.push(Token::Pause(','));
        }
    }
}

fn read(word: &Word<'_>, following: Following, next: &str, lexicon: &Lexicon) -> String {
    let lower = word.text.to_lowercase();
    let weak = match lower.as_str() {
        "a" if next.is_empty() => None,
        "a" => Some("ɐ"),
        "an" => Some("ɐn"),
        "am" if word.text == "am" && following.vowel.is_some() => Some("ɐm"),
        "i" => Some("ˌI"),
        "to" => match following.vowel {
            Some(true) => Some("tʊ"),
            Some(false) => Some("tə"),
            None => None,
        },
        "in" if following.vowel.is_some() => Some("ɪn"),
        "in" => Some("ˈɪn"),
        "the" if following.vowel == Some(true) => Some("ði"),
        "the" => Some("ðə"),
        _ => None,
    };
    if let Some(weak) = weak {
        return weak.to_owned();
    }
    if let Some(listed) = names::listed(&lower) {
        return listed.to_owned();
    }
    if let Some(owner) = word.text.strip_suffix("'s")
        && lexicon.read(&lower, Role::Any).is_none()
    {
        let owner = Word {
            text: owner,
            ..*word
        };
        return lexicon::with_s(read(&owner, following, next, lexicon));
    }
    let role = match lower.as_str() {
        "used" if following.to => Role::Past,
        _ if following.vowel.is_none()
            && lexicon.look_up(&lower, Role::Last) != lexicon.look_up(&lower, Role::Any) =>
        {
            Role::Last
        }
        _ => role(word.before, next),
    };
    let found = by_dictionary(word.text, &lower, role, lexicon);
    found
        .or_else(|| names::by_rule(word.text))
        .unwrap_or_default()
        .replace('ɾ', "T")
}

fn role(before: Option<&str>, next: &str) -> Role {
    match before {
        Some(before) if BEFORE_VERBS.contains(&before) => Role::Verb,
        Some(before) if BEFORE_NOUNS.contains(&before) => Role::Noun,
        // "Close your account."
        None if BEFORE_NOUNS.contains(&next) => Role::Verb,
        _ => Role::Any,
    }
}

fn by_dictionary(text: &str, lower: &str, role: Role, lexicon: &Lexicon) -> Option<String> {
    let capitals = text.chars().count() > 1 && text.chars().all(|letter| !letter.is_lowercase());
    if text == lower {
        return lexicon.read(lower, role);
    }
    let read = |word: &str| {
        lexicon
            .knows(word)
            .then(|| lexicon.look_up(word, role))
            .flatten()
    };
    let known = read(text).or_else(|| lexicon.read(lower, role));
    if !capitals {
        return known.map(|phonemes| audible(&phonemes));
    }
    // what is in no dictionary is spelled where it is short or nobody could speak it
    let speakable = lower.chars().all(char::is_alphabetic)
        && lower.chars().count() > 3
        && lower.contains(|letter| "aeiou".contains(letter));
    match known {
        Some(phonemes) => Some(stressed(&phonemes)),
        None if speakable => None,
        None => lexicon.spell(text),
    }
}

/// One line of phonemes: words apart, joined ones together with the lighter one's stress taken down.
fn assembled(parts: Vec<Part>) -> String {
    let mut line = String::new();
    let mut last = String::new();
    let flush = |last: &mut String, line: &mut String| {
        if !last.is_empty() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(last);
            last.clear();
        }
    };
    for part in parts {
        match part {
            Part::Word {
                phonemes,
                joined: true,
            } => {
                let both = last.contains(PRIMARY) && phonemes.contains(PRIMARY);
                last = match (both, weight(&last) < weight(&phonemes)) {
                    (true, true) => weakened(&last) + &phonemes,
                    (true, false) => last + &weakened(&phonemes),
                    (false, _) => last + &phonemes,
                };
            }
            Part::Word {
                phonemes,
                joined: false,
            } => {
                flush(&mut last, &mut line);
                last = phonemes;
            }
            Part::Pause(sign) => {
                flush(&mut last, &mut line);
                line.push(sign);
            }
        }
    }
    flush(&mut last, &mut line);
    line
}

#[cfg(test)]
mod tests {
    use super::super::lexicon::tests::small;
    use super::*;

    fn check(rows: &[(&str, &str)]) {
        let lexicon = small();
        for (sentence, expected) in rows {
            assert_eq!(phonemes(sentence, &lexicon), *expected, "{sentence}");
        }
    }

    #[test]
    fn words_sound_by_what_comes_after_them() {
        check(&[
            ("the bank, the apple", "ðə bˈæŋk, ði ˈæpᵊl"),
            ("to pay to Apple to", "tə pˈA tʊ ˈæpᵊl tu"),
            ("a bank. A", "ɐ bˈæŋk. ˈA"),
            ("I am. I am due", "ˌI æm. ˌI ɐm dˈu"),
            ("I will pay. I will.", "ˌI wɪl pˈA. ˌI wˈɪl."),
            ("used to. used", "jˈust tu. jˈuzd"),
        ]);
    }

    #[test]
    fn a_word_is_a_noun_or_a_verb_by_the_word_before() {
        check(&[
            ("a record, to record", "ɐ ɹˈɛkəɹd, tə ɹəkˈɔɹd"),
            ("Record your loan", "ɹəkˈɔɹd jʊɹ lˈOn"),
        ]);
    }

    #[test]
    fn numbers_are_read_as_the_engine_spells_them_and_as_figures() {
        check(&[
            ("one, two, five.", "wˈʌn, tˈu, fˈIv."),
            ("twenty-five", "twˈɛntifˌIv"),
            ("₹25", "twˈɛntifˌIv ɹupˈiz"),
            ("2 am", "tˈu ˌAˈɛm"),
        ]);
    }

    #[test]
    fn indian_names_are_read_as_such_and_abbreviations_are_spelled() {
        check(&[
            ("Priya Sharma", "pɹˈɪjə ʃˈɑɹmə"),
            ("PRIYA SHARMA", "pɹˈɪjə ʃˈɑɹmə"),
            ("your EMI", "jʊɹ ˌiˌɛmˈI"),
            ("PAN", "pˈæn"),
            ("NEFT, IMPS", "nˈɛft, ˌIˌɛmpˌiˈɛs"),
            ("Suresh's, Sharma's", "sʊɹˈAʃᵻz, ʃˈɑɹməz"),
        ]);
    }

    #[test]
    fn what_cannot_be_spoken_is_left_out() {
        check(&[("", ""), ("?!", ""), ("प्रिया", ""), ("\u{0}\u{1f600}", "")]);
    }
}
