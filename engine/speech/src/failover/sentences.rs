//! Cuts a text into sentences, which are what is spoken again where a voice is lost, and into
//! portions that are spoken in one turn.

use std::collections::VecDeque;

/// A full stop after a capitalised word of at most this many letters is taken for an abbreviation:
/// `Rs. 500`, `Mr. Rao`, `No. 7`.
const ABBREVIATION: usize = 3;

/// The most characters that are spoken in one turn: some forty seconds, more than any good prompt
/// has, and under a second of work. So nobody waits for long after a text without end.
const PORTION: usize = 500;

/// The text, or where it is longer than a portion, its sentences in as few portions as they fit
/// into. A sentence that fits into none is cut after a word.
pub(crate) fn portions(text: &str) -> VecDeque<String> {
    if text.chars().nth(PORTION).is_none() {
        return VecDeque::from([text.to_owned()]);
    }
    let mut portions: VecDeque<String> = VecDeque::new();
    for sentence in sentences(text) {
        let mut rest = sentence.as_str();
        while !rest.is_empty() {
            let (part, behind) = fitting(rest);
            rest = behind.trim_start();
            match portions.back_mut() {
                Some(last) if last.chars().count() + part.chars().count() < PORTION => {
                    last.push(' ');
                    last.push_str(part);
                }
                _ => portions.push_back(part.to_owned()),
            }
        }
    }
    portions
}

/// The beginning of a text that fits into a portion, cut after a word if possible, and the rest.
fn fitting(text: &str) -> (&str, &str) {
    let Some((limit, _)) = text.char_indices().nth(PORTION) else {
        return (text, "");
    };
    let within = text.get(..limit).unwrap_or_default();
    let at = within.rfind(char::is_whitespace).filter(|&at| at > 0);
    text.split_at(at.unwrap_or(limit))
}

/// The sentences of a text, in order; what they are joined to is the text, but for white space. A
/// text without an end of a sentence is one.
pub(crate) fn sentences(text: &str) -> VecDeque<String> {
    let mut sentences = VecDeque::new();
    let mut begin = 0;
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        let is_followed_by_space = characters
            .peek()
            .is_none_or(|(_, next)| next.is_whitespace());
        let Some(sentence) = text.get(begin..at + character.len_utf8()) else {
            continue;
        };
        let ends = match character {
            '।' | '॥' => true,
            '!' | '?' | '…' => is_followed_by_space,
            '.' => is_followed_by_space && !is_abbreviated(sentence),
            _ => false,
        };
        if ends {
            push(sentence, &mut sentences);
            begin = at + character.len_utf8();
        }
    }
    push(text.get(begin..).unwrap_or_default(), &mut sentences);
    sentences
}

fn push(sentence: &str, sentences: &mut VecDeque<String>) {
    let sentence = sentence.trim();
    if sentence.chars().any(char::is_alphanumeric) {
        sentences.push_back(sentence.to_owned());
    } else if let Some(last) = sentences.back_mut() {
        last.push_str(sentence);
    }
}

fn is_abbreviated(sentence: &str) -> bool {
    let word = sentence
        .trim_end_matches('.')
        .rsplit(char::is_whitespace)
        .next();
    word.is_some_and(|word| {
        word.len() <= ABBREVIATION
            && word.starts_with(|letter: char| letter.is_ascii_uppercase())
            && word.bytes().all(|byte| byte.is_ascii_alphabetic())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_without_end_is_cut_into_portions_and_keeps_its_words() {
        let short = "Hello. Are you Asha Rao?";
        assert_eq!(Vec::from(portions(short)), [short]);
        for (text, expected) in [
            ("This is said again. ".repeat(100), 4),
            ("word ".repeat(800), 8),
            ("w".repeat(4_096), 9),
            ("क्या ".repeat(300), 3),
        ] {
            let cut = portions(&text);
            assert_eq!(cut.len(), expected, "{}", text.len());
            assert!(cut.iter().all(|part| part.chars().count() <= PORTION));
            let words = |text: &str| text.split_whitespace().collect::<String>();
            let joined: Vec<String> = cut.into();
            assert_eq!(words(&joined.join(" ")), words(&text));
        }
    }

    #[test]
    fn a_text_is_cut_at_the_ends_of_sentences_alone() {
        for (text, expected) in [
            ("Hello", &["Hello"][..]),
            (
                "Hello. Are you Asha Rao? Good!",
                &["Hello.", "Are you Asha Rao?", "Good!"],
            ),
            (
                "Your Rs. 5,000.50 are due. Pay now",
                &["Your Rs. 5,000.50 are due.", "Pay now"],
            ),
            (
                "Ask Mr. Rao, at www.example.com.",
                &["Ask Mr. Rao, at www.example.com."],
            ),
            (
                "नमस्ते। क्या आप आशा हैं? धन्यवाद।",
                &["नमस्ते।", "क्या आप आशा हैं?", "धन्यवाद।"],
            ),
            ("Wait... what?", &["Wait...", "what?"]),
            ("Really?!", &["Really?!"]),
            ("", &[]),
            (" .", &[]),
        ] {
            assert_eq!(Vec::from(sentences(text)), expected, "{text}");
        }
    }
}
