//! The two short replies: the bot's URL, and the case at which the flow continues.

use serde::{Deserialize, Serialize};

/// The reply to the Voicebot applet's dynamic URL: 200 with `application/json`, not XML.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DynamicUrl {
    /// `wss://…`, with `?sample-rate=16000` for a rate other than 8000 Hz.
    pub url: String,
}

/// The reply to a synchronous Passthru followed by a SwitchCase applet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwitchCase {
    /// The name of the case in the flow.
    pub select: String,
}

impl SwitchCase {
    /// Exotel expects the JSON as plain text.
    pub const CONTENT_TYPE: &'static str = "text/plain";

    /// The response body.
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
