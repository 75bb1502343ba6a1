//! Cuts a text into sentences, which are what is spoken again where a voice is lost.

use std::collections::VecDeque;

/// A full stop after a capitalised word of at most this many letters is taken for an abbreviation:
/// `Rs. 500`, `Mr. Rao`, `No. 7`.
const ABBREVIATION: usize = 3;

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
