//! Recognises the words of an answering machine's greeting.

use std::sync::LazyLock;

use crate::lexicon::normal_words;

/// Words that only such a greeting has, in this order, with at most [`BETWEEN`] others between two of
/// them. What people say as well ("he is not available", "leave a message with me", "is this a recorded
/// message") is not enough. Hindi's are the beginnings of words.
const GREETINGS: &str = "
    leave message after
    message after the
    after the tone
    after the beep
    at the tone
    record your message
    record a message
    voice message system
    reached voicemail
    reached voice mail
    forwarded to voicemail
    forwarded to voice mail
    mailbox of
    mailbox is
    beep ke baad
    beep ke bad
    बीप के बाद
    टोन के बाद
    संदेश रिकॉर्ड
    मैसेज रिकॉर्ड
";

/// The most words between two of them: "leave *your name and* message after".
const BETWEEN: usize = 3;

/// A greeting has at least so many words.
const LEAST_WORDS: usize = 5;

static PHRASES: LazyLock<Vec<Vec<String>>> = LazyLock::new(|| {
    let lines = GREETINGS.lines().map(normal_words);
    lines.filter(|words| !words.is_empty()).collect()
});

/// Whether these recognised words are an answering machine's greeting, in English or Hindi. A recogniser
/// of few words has others in place of some.
pub fn is_voicemail_greeting(text: &str) -> bool {
    let words = normal_words(text);
    words.len() >= LEAST_WORDS && PHRASES.iter().any(|phrase| contains(&words, phrase))
}

fn contains(words: &[String], phrase: &[String]) -> bool {
    let Some((first, rest)) = phrase.split_first() else {
        return false;
    };
    let begins = words
        .iter()
        .enumerate()
        .filter(|(_, word)| is_form_of(word, first));
    begins.into_iter().any(|(at, _)| {
        let mut behind = words.get(at + 1..).unwrap_or_default();
        rest.iter().all(|wanted| {
            let found = behind
                .iter()
                .take(BETWEEN + 1)
                .position(|word| is_form_of(word, wanted));
            behind = found
                .and_then(|at| behind.get(at + 1..))
                .unwrap_or_default();
            found.is_some()
        })
    })
}

fn is_form_of(word: &str, wanted: &str) -> bool {
    if wanted.is_ascii() {
        word == wanted
    } else {
        word.starts_with(wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greetings_are_recognised_also_with_words_that_were_misheard() {
        for text in [
            "The person you have called is not available. Please leave a message after the tone, and press hash when you are done.",
            // as a recogniser of a question's words has heard it
            "can you have call did not available please leave message after the don't an when you are job",
            "Your call has been forwarded to an automatic voice message system. At the tone, please record your message.",
            "hi you have reached priya please leave your name and a message after the beep",
            "the mailbox of this person is full",
            "आप जिस व्यक्ति को कॉल कर रहे हैं वह उपलब्ध नहीं है कृपया बीप के बाद अपना संदेश रिकॉर्ड करें",
            "kripya beep ke baad apna sandesh chhodiye",
        ] {
            assert!(is_voicemail_greeting(text), "{text}");
        }
    }

    #[test]
    fn people_are_not_taken_for_machines() {
        for text in [
            "voicemail",
            "sorry I sent you to voicemail",
            "is this a recorded message from the bank",
            "he is not available now please leave a message with me",
            "can I leave a message for her she is not at home",
            "call me after the meeting I got your message",
            "I will call you back after some time I am busy",
            "please send me a message after this call on whatsapp",
            "who is this and why are you calling me at this time",
            "मैं अभी व्यस्त हूँ आप मुझे बाद में कॉल कीजिए",
            "",
        ] {
            assert!(!is_voicemail_greeting(text), "{text}");
        }
    }
}
