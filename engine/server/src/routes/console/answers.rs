//! What a caller answers otherwise, and an action, as the page's forms send it.

use ghanti_host::Turn;

use crate::routes::other_answers::{ANSWERS, OtherAnswer, TEXT_BYTES};

/// What was answered.
pub(super) struct Given {
    /// For the run.
    pub(super) turns: Vec<Turn>,
    /// As the form sends them again.
    pub(super) kept: Vec<String>,
    /// Why the last was left out.
    pub(super) refused: Option<Refused>,
}

/// Why an answer was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// It is none, or too long.
    Unusable,
    /// There are too many.
    TooMany,
}

/// Reads the answers of a form, in order. `words` belong to the last one.
pub(super) fn read<'f>(answers: impl Iterator<Item = &'f str>, words: &str) -> Given {
    let mut given = Given {
        turns: Vec::new(),
        kept: Vec::new(),
        refused: None,
    };
    for answer in answers {
        let whole = match answer {
            "says" | "presses" | "action" => format!("{answer}:{}", words.trim()),
            answer => answer.to_owned(),
        };
        if given.turns.len() >= ANSWERS {
            given.refused = Some(Refused::TooMany);
            break;
        }
        match turn(&whole) {
            Some(turn) => {
                given.turns.push(turn);
                given.kept.push(whole);
            }
            None => {
                given.refused = Some(Refused::Unusable);
                break;
            }
        }
    }
    given
}

fn turn(answer: &str) -> Option<Turn> {
    // a form repeats it
    if answer.len() > TEXT_BYTES {
        return None;
    }
    let given = match answer.split_once(':') {
        None => match answer {
            "silent" => OtherAnswer::Silent,
            "unclear" => OtherAnswer::Unclear,
            "hang-up" => OtherAnswer::HangUp,
            "action-fails" => OtherAnswer::ActionFails,
            _ => return None,
        },
        Some(("choice", id)) => OtherAnswer::Choice(id.to_owned()),
        Some(("says", words)) => OtherAnswer::Says(words.to_owned()),
        Some(("presses", keys)) => OtherAnswer::Presses(keys.to_owned()),
        Some(("action", json)) => OtherAnswer::Action(serde_json::from_str(json).ok()?),
        Some(_) => return None,
    };
    given.turn()
}

#[cfg(test)]
mod tests {
    use ghanti_host::Does;
    use ghanti_model::Reply;

    use super::*;

    fn caller(does: Does) -> Turn {
        Turn::Caller(does.into())
    }

    #[test]
    fn answers_are_read_in_order_and_the_last_has_the_words() {
        let sent = ["choice:yes", "says:no: never", "silent", "presses"];
        let given = read(sent.into_iter(), " 12# ");
        let expected = [
            caller(Does::Replies(Reply::Choice("yes".to_owned()), None)),
            caller(Does::Says("no: never".to_owned())),
            caller(Does::StaysSilent),
            caller(Does::Presses("12#".to_owned())),
        ];
        assert_eq!(given.turns, expected);
        assert_eq!(given.kept.last().map(String::as_str), Some("presses:12#"));
        assert_eq!(given.refused, None);
        let actions = read(["action:{\"a\":1}", "action-fails"].into_iter(), "").turns;
        assert_eq!(actions[0], Turn::Action(Ok(serde_json::json!({ "a": 1 }))));
        assert!(matches!(actions[1], Turn::Action(Err(_))));
    }

    #[test]
    fn what_is_no_answer_is_left_out_and_reported() {
        for wrong in [
            "",
            "yes",
            "choice:",
            "presses:1a",
            "action:{",
            "dials:1",
            "says",
        ] {
            let given = read(["silent", wrong].into_iter(), "");
            assert_eq!(given.refused, Some(Refused::Unusable), "{wrong}");
            assert_eq!((given.turns.len(), given.kept.len()), (1, 1), "{wrong}");
        }
        let long = format!("says:{}", "a".repeat(TEXT_BYTES));
        assert_eq!(
            read([long.as_str()].into_iter(), "").refused,
            Some(Refused::Unusable)
        );
        let many = read((0..=ANSWERS).map(|_| "silent"), "");
        assert_eq!(
            (many.turns.len(), many.refused),
            (ANSWERS, Some(Refused::TooMany))
        );
    }
}
