//! Normalises words that are written in several ways, so that they can be compared.
//!
//! Covers case, punctuation, apostrophes, accents, nuktas (ज़ and ज), invisible joiners,
//! chandrabindu and anusvara (हाँ and हां), the two encodings of Malayalam's final consonants, and
//! the digits of nine scripts. It does not spell-check, stem or translate.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The most characters processed; the rest of a longer text is ignored.
const MAX_CHARACTERS: usize = 4_096;

/// The words of a text, normalised.
pub(crate) fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    for letter in text.chars().take(MAX_CHARACTERS).nfkd() {
        match letter {
            '\'' | '’' | '‘' | 'ʼ' | '`' => {}
            letter if is_silent(letter) => {}
            letter if letter.is_alphanumeric() || is_combining_mark(letter) => {
                push(&mut word, letter)
            }
            _ => finish(&mut words, &mut word),
        }
    }
    finish(&mut words, &mut word);
    words
}

/// The value of a decimal digit, in ASCII or any Indian script.
pub(crate) fn digit_value(letter: char) -> Option<u8> {
    /// The zero digit of each script: Devanagari, Bengali, Gurmukhi, Gujarati, Odia, Tamil, Telugu,
    /// Kannada, Malayalam.
    const ZEROS: [u32; 9] = [
        0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66,
    ];
    if let Some(value) = letter.to_digit(10) {
        return u8::try_from(value).ok();
    }
    let code = u32::from(letter);
    ZEROS
        .iter()
        .find_map(|zero| code.checked_sub(*zero).filter(|value| *value < 10))
        .and_then(|value| u8::try_from(value).ok())
}

/// Marks that do not affect the meaning: nuktas, joiners, accents of Latin letters.
fn is_silent(letter: char) -> bool {
    matches!(letter, '\u{093C}' | '\u{09BC}' | '\u{0A3C}' | '\u{0ABC}' | '\u{0B3C}' | '\u{200B}'..='\u{200D}' | '\u{FEFF}' | '\u{0300}'..='\u{036F}')
}

fn push(word: &mut String, letter: char) {
    /// Marks a consonant without a vowel.
    const VIRAMA: char = '\u{0D4D}';
    match letter {
        '\u{0901}' => word.push('\u{0902}'),
        '\u{0A81}' => word.push('\u{0A82}'),
        'ൺ' => word.extend(['ണ', VIRAMA]),
        'ൻ' => word.extend(['ന', VIRAMA]),
        'ർ' => word.extend(['ര', VIRAMA]),
        'ൽ' => word.extend(['ല', VIRAMA]),
        'ൾ' => word.extend(['ള', VIRAMA]),
        _ => match digit_value(letter) {
            Some(digit) => word.push(char::from(b'0' + digit)),
            None => word.extend(letter.to_lowercase()),
        },
    }
}

fn finish(words: &mut Vec<String>, word: &mut String) {
    if !word.is_empty() {
        words.push(std::mem::take(word));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_word_are_equal() {
        for (one, other) in [
            ("Yes!", "yes"),
            ("That's me.", "thats me"),
            ("That’s me", "thats me"),
            ("O.K.", "o k"),
            ("CAFÉ", "cafe"),
            ("हाँ", "हां"),
            ("ज़रूर", "जरूर"),
            ("ज\u{093C}रूर", "ज़रूर"),
            ("\u{095B}रूर", "जरूर"),
            ("बाद में।", "बाद में"),
            ("१२३", "123"),
            ("௧௨", "12"),
            ("ഏജൻ്റ്", "ഏജന്‍്റ്"),
            ("  two\twords\n", "two words"),
            ("a-b", "a b"),
            ("[unk]", "unk"),
            ("ＦＵＬＬ", "full"),
        ] {
            assert_eq!(words(one), words(other), "{one} and {other}");
        }
    }

    #[test]
    fn vowel_signs_and_viramas_stay_in_their_word() {
        for word in [
            "नहीं",
            "क्यों",
            "வேண்டாம்",
            "అవును",
            "ಹೌದು",
            "ഉവ്വ്",
            "হ্যাঁ",
            "બરાબર",
            "ਹਾਂ",
            "ନାହିଁ",
        ] {
            assert_eq!(words(word).len(), 1, "{word}");
        }
    }

    #[test]
    fn different_words_stay_different() {
        for (one, other) in [
            ("now", "no"),
            ("know", "now"),
            ("हाँ", "हा"),
            ("नहीं", "वही"),
            ("kal", "call"),
        ] {
            assert_ne!(words(one), words(other));
        }
    }

    #[test]
    fn a_text_without_words_has_none() {
        for text in ["", "   ", "…!?", "'", "\u{200D}"] {
            assert!(words(text).is_empty(), "{text:?}");
        }
    }
}
