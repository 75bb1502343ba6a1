//! `Calls/connect`: the form that dials a number and connects it to a flow or to a bot. Limits are
//! checked when the form is made; nothing is cut off.
//!
//! Source: Exotel, "Make a call", "Outgoing call to connect number to a call flow" and "Connect
//! Voice AI".

use std::fmt;

use ghanti_model::{Masked, PhoneNumber};

/// The longest `CustomField`, in characters.
pub const CUSTOM_FIELD_CHARS: usize = 128;

/// The longest `StreamUrl`, in characters, query included.
pub const STREAM_URL_CHARS: usize = 600;

/// The longest `StreamName`, in characters.
pub const STREAM_NAME_CHARS: usize = 32;

/// The longest call, in seconds: four hours.
pub const TIME_LIMIT_S: u32 = 14_400;

/// Why a request cannot be made. No value of it is quoted: it may be personal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// A text is longer than Exotel takes.
    #[error("cannot dial with a `{field}` of {chars} characters: Exotel takes {limit}; shorten it")]
    TooLong {
        /// The parameter.
        field: &'static str,
        /// Its length in characters.
        chars: usize,
        /// The limit in characters.
        limit: usize,
    },
    /// A number is out of range.
    #[error("cannot dial with a `{field}` of `{value}` s: choose 1 to {limit}")]
    OutOfRange {
        /// The parameter.
        field: &'static str,
        /// Its value in seconds.
        value: u32,
        /// The limit in seconds.
        limit: u32,
    },
    /// A URL cannot be used.
    #[error("cannot dial with this `{field}`: it has to begin with {schemes} and have no spaces")]
    Url {
        /// The parameter.
        field: &'static str,
        /// What it may begin with.
        schemes: &'static str,
    },
}

/// When Exotel calls back, besides at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallbackEvent {
    /// When the call ended.
    Terminal,
    /// When a leg was answered.
    Answered,
}

impl CallbackEvent {
    /// Exotel's word.
    pub fn as_str(self) -> &'static str {
        match self {
            CallbackEvent::Terminal => "terminal",
            CallbackEvent::Answered => "answered",
        }
    }
}

/// How a call is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Recording {
    /// Both sides on one channel.
    Single,
    /// Each side on a channel of its own.
    Dual,
}

/// What both forms have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallOptions {
    /// Whom to call; dialled first, in E.164.
    pub from: PhoneNumber,
    /// The ExoPhone to call from; written `0XXXXXXXXXX` where it is Indian, as Exotel's samples do.
    pub caller_id: PhoneNumber,
    /// A text that comes back in applets' requests and callbacks; at most
    /// [`CUSTOM_FIELD_CHARS`].
    pub custom_field: Option<Masked>,
    /// Where Exotel reports how the call ended. Masked, because it contains a token.
    pub status_callback: Option<Masked>,
    /// When it reports; if empty, at the end alone.
    pub status_callback_events: Vec<CallbackEvent>,
    /// The longest the call may last, in seconds, at most [`TIME_LIMIT_S`].
    pub time_limit_s: Option<u32>,
    /// How long the phone rings, in seconds.
    pub time_out_s: Option<u32>,
    /// Whether and how the call is recorded.
    pub record: Option<Recording>,
}

impl CallOptions {
    /// A call with nothing but its numbers.
    pub fn new(from: PhoneNumber, caller_id: PhoneNumber) -> Self {
        Self {
            from,
            caller_id,
            custom_field: None,
            status_callback: None,
            status_callback_events: Vec::new(),
            time_limit_s: None,
            time_out_s: None,
            record: None,
        }
    }

    fn form(&self) -> Result<Form, RequestError> {
        let mut form = Form::default();
        form.add("From", self.from.expose());
        form.add("CallerId", national(&self.caller_id));
        // transactional: Exotel knows no other type
        form.add("CallType", "trans");
        if let Some(custom_field) = &self.custom_field {
            at_most("CustomField", custom_field.expose(), CUSTOM_FIELD_CHARS)?;
            form.add("CustomField", custom_field.expose());
        }
        if let Some(url) = &self.status_callback {
            let schemes = ["https://", "http://"];
            check_url("StatusCallback", url.expose(), &schemes, "`https://`")?;
            form.add("StatusCallback", url.expose());
            for (at, event) in self.status_callback_events.iter().enumerate() {
                form.add(format!("StatusCallbackEvents[{at}]"), event.as_str());
            }
        }
        if let Some(limit) = self.time_limit_s {
            within("TimeLimit", limit, TIME_LIMIT_S)?;
            form.add("TimeLimit", limit.to_string());
        }
        if let Some(ring) = self.time_out_s {
            within("TimeOut", ring, TIME_LIMIT_S)?;
            form.add("TimeOut", ring.to_string());
        }
        form.add("Record", self.record.is_some().to_string());
        if let Some(recording) = self.record {
            let channels = match recording {
                Recording::Single => "single",
                Recording::Dual => "dual",
            };
            form.add("RecordingChannels", channels);
        }
        Ok(form)
    }
}

/// Dials a number and connects it to a flow of applets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectToFlow {
    /// Whom to call, from where, and how.
    pub options: CallOptions,
    /// The flow's URL; see [`flow_url`](super::flow_url).
    pub url: String,
}

impl ConnectToFlow {
    /// The form. It has `Url` and never `To`: Exotel refuses both together (code 34001).
    ///
    /// # Errors
    /// A value is beyond Exotel's limits.
    pub fn form(&self) -> Result<Form, RequestError> {
        let mut form = self.options.form()?;
        let schemes = ["http://", "https://"];
        check_url("Url", &self.url, &schemes, "`http://` or `https://`")?;
        form.add("Url", &*self.url);
        Ok(form)
    }
}

/// Dials a number and connects it to a WebSocket, without a flow. When the bot closes the
/// WebSocket, the call ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectToBot {
    /// Whom to call, from where, and how.
    pub options: CallOptions,
    /// The WebSocket's URL with its query, at most [`STREAM_URL_CHARS`]. Masked, because it contains a
    /// token.
    pub stream_url: Masked,
    /// A name for the stream, at most [`STREAM_NAME_CHARS`].
    pub stream_name: Option<String>,
}

impl ConnectToBot {
    /// The form. It has `StreamUrl` and never `Url` or `To`.
    ///
    /// # Errors
    /// A value is beyond Exotel's limits.
    pub fn form(&self) -> Result<Form, RequestError> {
        let mut form = self.options.form()?;
        let (url, schemes) = (self.stream_url.expose(), ["wss://", "ws://"]);
        check_url(
            "StreamUrl",
            url,
            &schemes,
            "`wss://` (or `ws://` in a test)",
        )?;
        at_most("StreamUrl", url, STREAM_URL_CHARS)?;
        form.add("StreamUrl", url);
        form.add("StreamType", "bidirectional");
        if let Some(name) = &self.stream_name {
            at_most("StreamName", name, STREAM_NAME_CHARS)?;
            form.add("StreamName", &**name);
        }
        Ok(form)
    }
}

/// Parameters of a request, in the order sent. `Debug` shows names alone.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Form(Vec<(String, String)>);

impl Form {
    pub(super) fn add(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.push((name.into(), value.into()));
    }

    /// Names and values, not encoded.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The body, as `application/x-www-form-urlencoded`.
    pub fn encoded(&self) -> String {
        form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&self.0)
            .finish()
    }
}

impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|(name, _)| name))
            .finish()
    }
}

/// An Indian number with the trunk prefix, any other in E.164.
fn national(number: &PhoneNumber) -> String {
    let text = number.expose();
    match text.strip_prefix("+91") {
        Some(national) if national.len() == 10 => format!("0{national}"),
        _ => text.to_owned(),
    }
}

pub(super) fn at_most(field: &'static str, value: &str, limit: usize) -> Result<(), RequestError> {
    let chars = value.chars().count();
    if chars > limit {
        return Err(RequestError::TooLong {
            field,
            chars,
            limit,
        });
    }
    Ok(())
}

fn within(field: &'static str, value: u32, limit: u32) -> Result<(), RequestError> {
    if (1..=limit).contains(&value) {
        Ok(())
    } else {
        Err(RequestError::OutOfRange {
            field,
            value,
            limit,
        })
    }
}

fn check_url(
    field: &'static str,
    url: &str,
    prefixes: &[&str],
    schemes: &'static str,
) -> Result<(), RequestError> {
    // Exotel takes a URL with a space before it without a word, and never asks it
    let is_plain = url.chars().all(|character| character.is_ascii_graphic());
    let has_host = prefixes.iter().any(|prefix| {
        url.strip_prefix(prefix)
            .is_some_and(|rest| !rest.is_empty())
    });
    if is_plain && has_host {
        Ok(())
    } else {
        Err(RequestError::Url { field, schemes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rest::flow_url;

    fn options() -> CallOptions {
        let phone = |text| PhoneNumber::parse(text).unwrap();
        CallOptions::new(phone("9876543210"), phone("+918047112233"))
    }

    fn to_flow(options: CallOptions) -> ConnectToFlow {
        ConnectToFlow {
            options,
            url: flow_url("acme", "123"),
        }
    }

    fn to_bot(stream_url: &str) -> ConnectToBot {
        ConnectToBot {
            options: options(),
            stream_url: stream_url.into(),
            stream_name: None,
        }
    }

    fn pairs(form: &Form) -> Vec<(&str, &str)> {
        form.pairs().collect()
    }

    #[test]
    fn a_call_to_a_flow_has_every_parameter_in_exotels_spelling() {
        let form = to_flow(CallOptions {
            custom_field: Some("0192-abc".into()),
            status_callback: Some("https://bot.example.com/status?token=t".into()),
            status_callback_events: vec![CallbackEvent::Terminal, CallbackEvent::Answered],
            time_limit_s: Some(1_800),
            time_out_s: Some(30),
            record: Some(Recording::Dual),
            ..options()
        })
        .form()
        .unwrap();
        assert_eq!(
            pairs(&form),
            [
                ("From", "+919876543210"),
                ("CallerId", "08047112233"),
                ("CallType", "trans"),
                ("CustomField", "0192-abc"),
                ("StatusCallback", "https://bot.example.com/status?token=t"),
                ("StatusCallbackEvents[0]", "terminal"),
                ("StatusCallbackEvents[1]", "answered"),
                ("TimeLimit", "1800"),
                ("TimeOut", "30"),
                ("Record", "true"),
                ("RecordingChannels", "dual"),
                ("Url", "http://my.exotel.com/acme/exoml/start_voice/123"),
            ]
        );
        assert!(form.encoded().starts_with(
            "From=%2B919876543210&CallerId=08047112233&CallType=trans&CustomField=0192-abc&StatusCallback=https%3A%2F%2F"
        ));
        let shown = format!("{form:?} {:?}", to_flow(options()));
        for personal in ["98765", "token=t", "80471"] {
            assert!(!shown.contains(personal), "{shown}");
        }
    }

    #[test]
    fn a_call_to_a_bot_has_neither_url_nor_to() {
        let bot = ConnectToBot {
            stream_name: Some("emi".to_owned()),
            ..to_bot("wss://bot.example.com/ws?sample-rate=16000")
        };
        let form = bot.form().unwrap();
        assert_eq!(
            pairs(&form),
            [
                ("From", "+919876543210"),
                ("CallerId", "08047112233"),
                ("CallType", "trans"),
                ("Record", "false"),
                ("StreamUrl", "wss://bot.example.com/ws?sample-rate=16000"),
                ("StreamType", "bidirectional"),
                ("StreamName", "emi"),
            ]
        );
        assert!(!format!("{bot:?}").contains("bot.example.com"));
    }

    #[test]
    fn a_foreign_or_short_caller_id_is_left_as_it_is() {
        for (number, expected) in [
            ("+14129162450", "+14129162450"),
            ("1800123", "1800123"),
            ("09876543210", "09876543210"),
        ] {
            let number = PhoneNumber::parse(number).unwrap();
            assert_eq!(national(&number), expected);
        }
    }

    #[test]
    fn what_is_beyond_a_limit_is_refused_and_what_is_at_it_is_not() {
        let custom = |length: usize| {
            to_flow(CallOptions {
                custom_field: Some("é".repeat(length).into()),
                ..options()
            })
        };
        assert!(custom(128).form().is_ok());
        assert_eq!(
            custom(129).form(),
            Err(RequestError::TooLong {
                field: "CustomField",
                chars: 129,
                limit: 128
            })
        );
        let limit = |time_limit_s, time_out_s| {
            to_flow(CallOptions {
                time_limit_s,
                time_out_s,
                ..options()
            })
            .form()
        };
        assert!(limit(Some(14_400), Some(1)).is_ok());
        for (time_limit, time_out) in [
            (Some(14_401), None),
            (Some(0), None),
            (None, Some(0)),
            (None, Some(14_401)),
        ] {
            let error = limit(time_limit, time_out).unwrap_err();
            assert!(matches!(error, RequestError::OutOfRange { .. }), "{error}");
        }
        let url = |length: usize| format!("wss://{}", "a".repeat(length - 6));
        assert!(to_bot(&url(600)).form().is_ok());
        let error = to_bot(&url(601)).form().unwrap_err();
        assert!(error.to_string().contains("`StreamUrl` of 601"), "{error}");
    }

    #[test]
    fn a_url_that_exotel_would_silently_never_ask_is_refused() {
        for url in [
            "",
            "wss://",
            " wss://bot.example.com",
            "wss://bot.example.com/a b",
            "https://bot.example.com",
            "wss://bot.example.com/\u{e9}",
        ] {
            let error = to_bot(url).form().unwrap_err();
            assert!(matches!(error, RequestError::Url { .. }), "{url}: {error}");
        }
        let callback = |url: &str| {
            to_flow(CallOptions {
                status_callback: Some(url.into()),
                ..options()
            })
            .form()
        };
        assert!(callback("http://127.0.0.1:8000/status").is_ok());
        assert!(callback("bot.example.com/status").is_err());
        let flow = ConnectToFlow {
            options: options(),
            url: "123".to_owned(),
        };
        assert!(flow.form().is_err());
    }
}
