//! What a caller answers otherwise than in a recorded call, and an action: as the API takes it, and the
//! console's forms.

use ghanti_host::{Does, Turn};
use ghanti_model::{CallError, Reply};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::problem::{Kind, Problem};

/// Maximum number of answers in a row: more than a conversation has, and few enough for a form.
pub(super) const ANSWERS: usize = 64;
/// The longest words and the longest answer of an action, in bytes.
pub(super) const TEXT_BYTES: usize = 4_096;

/// What a caller does at a question, or what an action answers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OtherAnswer {
    /// They give the answer that means this choice, by its id.
    Choice(String),
    /// They say these words.
    Says(String),
    /// They press these keys: digits, `*` and `#`.
    Presses(String),
    /// They stay silent, at each further attempt too.
    Silent,
    /// They say what is not understood, at each further attempt too.
    Unclear,
    /// They hang up.
    HangUp,
    /// The action answers with this.
    Action(Value),
    /// The action fails.
    ActionFails,
}

impl OtherAnswer {
    /// The answer for a run; `None` if it is none, or too long.
    pub(super) fn turn(self) -> Option<Turn> {
        let fits = |text: &str| !text.is_empty() && text.len() <= TEXT_BYTES;
        let does = match self {
            Self::Choice(id) => Does::Replies(Reply::Choice(fits(&id).then_some(id)?), None),
            Self::Says(words) => Does::Says(fits(&words).then_some(words)?),
            Self::Presses(keys) => {
                let are_keys = keys
                    .bytes()
                    .all(|key| key.is_ascii_digit() || matches!(key, b'*' | b'#'));
                Does::Presses((are_keys && fits(&keys)).then_some(keys)?)
            }
            Self::Silent => Does::StaysSilent,
            Self::Unclear => Does::IsNotUnderstood,
            Self::HangUp => Does::HangsUp,
            Self::Action(answer) => {
                return fits(&answer.to_string()).then_some(Turn::Action(Ok(answer)));
            }
            Self::ActionFails => {
                let away = CallError::Unavailable("the action is away".to_owned());
                return Some(Turn::Action(Err(away)));
            }
        };
        Some(Turn::Caller(does.into()))
    }
}

/// The answers of a request, for a run.
///
/// # Errors
///
/// 400 if one of them is none, or there are too many.
pub(super) fn turns(answers: Vec<OtherAnswer>) -> Result<Vec<Turn>, Problem> {
    let wrong =
        |detail: String, hint: &'static str| Problem::new(Kind::BodyNotExpected, detail, hint);
    if answers.len() > ANSWERS {
        let detail = format!("`answers` are more than {ANSWERS}");
        return Err(wrong(detail, "send fewer: no conversation has as many"));
    }
    let numbered = (1..).zip(answers);
    let read = numbered.map(|(number, answer)| {
        answer.turn().ok_or_else(|| {
            // nothing of it is repeated: it is personal
            wrong(
                format!(
                    "answer {number} is empty, too long, or has other keys than 0 to 9, `*` and `#`"
                ),
                "send answers as the description of the API has them",
            )
        })
    });
    read.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn answers_of_a_request_are_read_in_order() {
        let sent = json!([
            { "choice": "yes" }, { "says": "no: never" }, { "presses": "12#" }, "silent", "unclear", "hang-up",
            { "action": { "a": 1 } }, "action-fails"
        ]);
        let read = turns(serde_json::from_value(sent).unwrap()).unwrap();
        let caller = |does: Does| Turn::Caller(does.into());
        assert_eq!(
            read[..7],
            [
                caller(Does::Replies(Reply::Choice("yes".to_owned()), None)),
                caller(Does::Says("no: never".to_owned())),
                caller(Does::Presses("12#".to_owned())),
                caller(Does::StaysSilent),
                caller(Does::IsNotUnderstood),
                caller(Does::HangsUp),
                Turn::Action(Ok(json!({ "a": 1 }))),
            ]
        );
        assert!(matches!(read[7], Turn::Action(Err(_))));
    }

    #[test]
    fn what_is_no_answer_is_refused_without_its_words() {
        let long = "a".repeat(TEXT_BYTES + 1);
        for wrong in [
            OtherAnswer::Choice(String::new()),
            OtherAnswer::Says(String::new()),
            OtherAnswer::Says(long.clone()),
            OtherAnswer::Presses("1a".to_owned()),
            OtherAnswer::Presses(String::new()),
            OtherAnswer::Action(json!(long)),
        ] {
            let problem = turns(vec![OtherAnswer::Silent, wrong.clone()]).unwrap_err();
            let text = problem.text();
            assert!(text.detail.starts_with("answer 2 is"), "{wrong:?}");
            assert_eq!(problem.kind(), Kind::BodyNotExpected);
        }
        let many = vec![OtherAnswer::Silent; ANSWERS + 1];
        assert_eq!(turns(many).unwrap_err().kind(), Kind::BodyNotExpected);
        assert!(turns(vec![OtherAnswer::Silent; ANSWERS]).is_ok());
    }
}
