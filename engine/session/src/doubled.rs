//! Messages that come twice, one right after the other, as from a proxy that repeats them. Audio
//! would be heard slowed down, and a key pressed twice.

use ghanti_exotel::inbound::Inbound;

/// What distinguishes a message from the one before it. Numbers alone do not: not every peer
/// counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    Media { sequence: u64, chunk: u64 },
    Key { sequence: u64, digit: char },
    Mark { sequence: u64 },
}

/// The last message of a stream, and whether its peer counts.
#[derive(Debug, Default)]
pub struct Doubled {
    last: Option<Known>,
    /// Numbers of audio have changed: from a peer that numbers all of it alike nothing is known.
    counts: bool,
}

impl Doubled {
    /// Whether this is the message before it once more. One without numbers never is.
    pub fn is_again(&mut self, message: &Inbound<'_>) -> bool {
        let known = match message {
            Inbound::Media(media) => media
                .sequence
                .zip(media.chunk)
                .map(|(sequence, chunk)| Known::Media { sequence, chunk }),
            Inbound::Dtmf(key) => key.sequence.map(|sequence| Known::Key {
                sequence,
                digit: key.digit,
            }),
            Inbound::Mark(mark) => mark.sequence.map(|sequence| Known::Mark { sequence }),
            _ => None,
        };
        let before = std::mem::replace(&mut self.last, known);
        match (before, known) {
            (Some(before), Some(known)) if before == known => self.counts,
            (Some(Known::Media { .. }), Some(Known::Media { .. })) => {
                self.counts = true;
                false
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use ghanti_exotel::inbound::parse;

    use super::*;

    fn media(sequence: u64, chunk: u64) -> String {
        format!(
            r#"{{"event":"media","sequence_number":"{sequence}","media":{{"chunk":"{chunk}","payload":"AAAA"}}}}"#
        )
    }

    fn key(sequence: u64, digit: char) -> String {
        format!(r#"{{"event":"dtmf","sequence_number":"{sequence}","dtmf":{{"digit":"{digit}"}}}}"#)
    }

    #[test]
    fn a_message_is_again_the_one_before_it_by_its_numbers_and_kind() {
        let unnumbered = r#"{"event":"media","media":{"payload":"AAAA"}}"#.to_owned();
        let pinged = r#"{"event":"clear"}"#.to_owned();
        let mark = r#"{"event":"mark","sequence_number":7,"mark":{"name":"a"}}"#.to_owned();
        let messages = [
            (media(2, 1), false),
            // whether it counts is not known yet
            (media(2, 1), false),
            (media(3, 2), false),
            (media(3, 2), true),
            // a peer that does not count its messages, and one that does not count its audio
            (media(3, 3), false),
            (media(4, 3), false),
            (unnumbered.clone(), false),
            (unnumbered, false),
            (key(5, '1'), false),
            (key(5, '1'), true),
            (key(5, '2'), false),
            (key(6, '2'), false),
            (pinged, false),
            (key(6, '2'), false),
            (mark.clone(), false),
            (mark, true),
        ];
        let mut doubled = Doubled::default();
        for (at, (text, again)) in messages.iter().enumerate() {
            let message = parse(text).unwrap();
            assert_eq!(doubled.is_again(&message), *again, "{at}: {text}");
        }
    }
    #[test]
    fn nothing_is_taken_from_a_peer_that_numbers_all_alike() {
        let mut doubled = Doubled::default();
        for _ in 0..100 {
            let text = media(1, 1);
            assert!(!doubled.is_again(&parse(&text).unwrap()));
        }
    }
}
