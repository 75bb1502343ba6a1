//! Differences as one sentence that may be logged: both sides by the flow's own names, without any
//! of a customer's values.

use std::fmt;

use ghanti_journal::Side;
use ghanti_journal::redact::{called, differing};

use crate::difference::Difference;

impl fmt::Display for Difference {
    /// Such as `entry 7 (structure): expected say thanks, got outcome declined`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |side: &Option<Side>| {
            side.as_ref().map_or_else(
                || "the end".to_owned(),
                |side| called(side.function, &side.arguments),
            )
        };
        let (expected, got) = (side(&self.expected), side(&self.got));
        write!(
            f,
            "entry {} ({}): expected {expected}, got {got}",
            self.seq, self.kind
        )?;
        match (&self.rule, &self.expected, &self.got) {
            (Some(rule), ..) => write!(f, ": {rule}"),
            (None, Some(was), Some(is)) if expected == got => write!(
                f,
                " with another {}",
                differing(was, is).unwrap_or_default()
            ),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use ghanti_model::Function;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_difference_is_one_sentence_with_both_sides() {
        let say = |name: &str, minor: u64| {
            let amount = json!({ "name": "amount", "value": { "kind": "money", "value": { "minor": minor, "currency": "INR" } } });
            let content =
                json!({ "kind": "template", "value": { "name": name, "arguments": [amount] } });
            Some(Side {
                function: Function::Say,
                arguments: json!({ "content": content }),
            })
        };
        for (expected, got, reported) in [
            (
                say("due", 500),
                say("late", 500),
                "entry 7 (structure): expected say due (amount), got say late (amount)",
            ),
            (
                say("due", 500),
                None,
                "entry 7 (structure): expected say due (amount), got the end",
            ),
            (
                say("due", 500),
                say("due", 600),
                "entry 7 (amounts): expected say due (amount), got say due (amount) with another \
                 `content.value.arguments[amount].value.value.minor`",
            ),
        ] {
            assert_eq!(Difference::of(7, expected, got).to_string(), reported);
        }
    }
}
