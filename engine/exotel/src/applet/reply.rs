//! The two small replies: where the bot is, and which case a flow goes on with.

use serde::{Deserialize, Serialize};

/// The answer to the Voicebot applet's dynamic URL: 200 with `application/json`. (XML is wrong
/// here.)
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DynamicUrl {
    /// `wss://…`, with `?sample-rate=16000` where another rate than 8000 Hz is wanted.
    pub url: String,
}

/// The answer to a synchronous Passthru that a SwitchCase applet follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwitchCase {
    /// The case's name, as in the flow.
    pub select: String,
}

impl SwitchCase {
    /// Exotel wants the JSON as plain text.
    pub const CONTENT_TYPE: &'static str = "text/plain";

    /// The body.
    pub fn body(&self) -> String {
        serde_json::json!({ "select": self.select }).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_have_the_documented_form() {
        assert_eq!(
            SwitchCase {
                select: "pro\"duct".to_owned()
            }
            .body(),
            r#"{"select":"pro\"duct"}"#
        );
        let reply = DynamicUrl {
            url: "wss://bot.example.com/ws/c1?sample-rate=16000".to_owned(),
        };
        assert_eq!(
            serde_json::to_string(&reply).unwrap(),
            r#"{"url":"wss://bot.example.com/ws/c1?sample-rate=16000"}"#
        );
    }
}
