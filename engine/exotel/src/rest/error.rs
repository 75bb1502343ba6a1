//! What a reply that is no success says: one typed error for each thing that an operator has to do
//! differently.

use std::time::Duration;

use super::reply::{ApiReply, Call, CallDetails, RestException};
use super::{ActiveStreams, ExoPhone, parse_calls, parse_details, parse_exophones, parse_reply};
use super::{reply, retry_after, tree};
use crate::ParseError;

/// The longest message of Exotel's that is kept, in characters.
const MESSAGE_CHARS: usize = 200;

/// Runs of at least this many digits are masked in Exotel's messages: they are phone numbers, while
/// Exotel's codes have five digits.
const MASKED_DIGITS: usize = 7;

/// How many digits of a masked run are shown.
const SHOWN_DIGITS: usize = 4;

/// An HTTP response, as a client received it.
#[derive(Clone, Copy)]
pub struct Answer<'a> {
    /// The HTTP status.
    pub status: u16,
    /// The header `Retry-After`.
    pub retry_after: Option<&'a str>,
    /// The body; empty if it could not be read, which the status of an error makes up for.
    pub body: &'a str,
    /// The time at which it came, for dates in `Retry-After`.
    pub unix_s: u64,
}

/// Why a reply is no success. Messages are Exotel's, without phone numbers, at most 200 characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplyError {
    /// 401.
    #[error("Exotel does not know these credentials (401): {message}")]
    BadCredentials {
        /// Exotel's message.
        message: String,
    },
    /// 403, such as an account whose KYC is not complete.
    #[error("Exotel does not allow this (403): {message}")]
    NotAllowed {
        /// Exotel's message.
        message: String,
    },
    /// The ExoPhone is not one of this account's.
    #[error("Exotel does not know the ExoPhone of `CallerId` ({status}): {message}")]
    UnknownCallerId {
        /// The HTTP status.
        status: u16,
        /// Exotel's message.
        message: String,
    },
    /// 400, or a code of 34001 and the like.
    #[error("Exotel does not take these parameters ({status}, code `{}`): {message}", .code.as_deref().unwrap_or("none"))]
    BadParameters {
        /// The HTTP status.
        status: u16,
        /// Exotel's code.
        code: Option<String>,
        /// Exotel's message.
        message: String,
    },
    /// 404.
    #[error("Exotel has no such resource (404): {message}")]
    NotFound {
        /// Exotel's message.
        message: String,
    },
    /// 429.
    #[error("Exotel takes no more requests for {} s (429): {message}", .retry_after.as_secs())]
    RateLimited {
        /// For how long, at most [`RETRY_AFTER_MAX`](super::RETRY_AFTER_MAX).
        retry_after: Duration,
        /// Exotel's message.
        message: String,
    },
    /// Any other 4xx.
    #[error("Exotel refused the request ({status}, code `{}`): {message}", .code.as_deref().unwrap_or("none"))]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Exotel's code.
        code: Option<String>,
        /// Exotel's message.
        message: String,
    },
    /// 5xx.
    #[error("Exotel failed ({status}): {message}")]
    Server {
        /// The HTTP status.
        status: u16,
        /// Exotel's message.
        message: String,
    },
    /// 3xx; the client follows none, because it would dial twice or send the credentials elsewhere.
    #[error("the API answered with a redirect ({status})")]
    Redirect {
        /// The HTTP status.
        status: u16,
    },
    /// The body is a web page, such as a proxy's, or anything else that Exotel does not send.
    #[error("the reply ({status}) is not Exotel's: it is {what}")]
    NotExotel {
        /// The HTTP status.
        status: u16,
        /// What it is.
        what: &'static str,
    },
    /// A success without what was asked for.
    #[error("cannot use Exotel's reply ({status}): {reason}")]
    Unusable {
        /// The HTTP status.
        status: u16,
        /// What is missing.
        reason: String,
    },
}

impl ReplyError {
    /// How to fix it.
    pub fn hint(&self) -> &'static str {
        match self {
            ReplyError::BadCredentials { .. } => {
                "copy `api-key`, `api-token` and `account-sid` anew from API settings of the dashboard; see that `region` is the account's"
            }
            ReplyError::NotAllowed { .. } => {
                "complete the account's KYC, have outgoing calls and voice streaming enabled, or ask Exotel's support"
            }
            ReplyError::UnknownCallerId { .. } => {
                "set `caller-id` to an ExoPhone of this account, as the dashboard shows it"
            }
            ReplyError::BadParameters { .. } => {
                "see whether customer's number, `caller-id` and `flow-id` are right; the flow has to be one of this account"
            }
            ReplyError::NotFound { .. } => {
                "see whether `account-sid` and `region` are right; a call is found some seconds after it was dialled"
            }
            ReplyError::RateLimited { .. } => {
                "wait; lower `requests-per-minute` if other programs use this account, too"
            }
            ReplyError::Refused { .. } => "see Exotel's message and code",
            ReplyError::Server { .. } => {
                "do not dial again: wait for the status callback, or look for the call in Exotel's call log"
            }
            ReplyError::Redirect { .. } => {
                "set `api-url` to the address it should have, with `https://`, or remove it"
            }
            ReplyError::NotExotel { .. } => {
                "see whether a proxy or a firewall answers in Exotel's place, and whether `api-url` is right"
            }
            ReplyError::Unusable { .. } => {
                "do not dial again: look for the call in Exotel's call log; report the reply's form"
            }
        }
    }

    /// Whether the request certainly had no effect, so that a call was not dialled. Not so for 5xx,
    /// for successes that cannot be read, for 408 (a gateway gave up on the server) and for 302 and
    /// 303, which some servers answer when the work is done.
    pub fn is_refusal(&self) -> bool {
        match self {
            ReplyError::BadCredentials { .. }
            | ReplyError::NotAllowed { .. }
            | ReplyError::NotFound { .. }
            | ReplyError::RateLimited { .. } => true,
            ReplyError::UnknownCallerId { status, .. }
            | ReplyError::BadParameters { status, .. }
            | ReplyError::Refused { status, .. }
            | ReplyError::NotExotel { status, .. } => {
                (400..500).contains(status) && *status != REQUEST_TIMEOUT
            }
            ReplyError::Redirect { status } => matches!(status, 301 | 307 | 308),
            ReplyError::Server { .. } | ReplyError::Unusable { .. } => false,
        }
    }
}

/// 408: behind a gateway it is not certain who waited for whom.
const REQUEST_TIMEOUT: u16 = 408;

impl Answer<'_> {
    /// The call that was accepted.
    ///
    /// # Errors
    /// The reply is no success, or has no `Call` with a `Sid`.
    pub fn accepted(&self) -> Result<Call, ReplyError> {
        self.success(|body| match parse_reply(body)? {
            ApiReply::Call(call) => Ok(call),
            // `success` has taken it already
            ApiReply::Exception(_) => Err(ParseError::Missing {
                field: "Call",
                expected: "a call",
            }),
        })
    }

    /// The details of a call.
    ///
    /// # Errors
    /// The reply is no success, or has no `Call` with a `Sid`.
    pub fn details(&self) -> Result<CallDetails, ReplyError> {
        self.success(parse_details)
    }

    /// A list of calls.
    ///
    /// # Errors
    /// The reply is no success, or has no list.
    pub fn calls(&self) -> Result<Vec<CallDetails>, ReplyError> {
        self.success(parse_calls)
    }

    /// The number of active streams.
    ///
    /// # Errors
    /// The reply is no success, or has no counts.
    pub fn active_streams(&self) -> Result<ActiveStreams, ReplyError> {
        self.success(ActiveStreams::parse)
    }

    /// The account's ExoPhones.
    ///
    /// # Errors
    /// The reply is no success, or has no list.
    pub fn exophones(&self) -> Result<Vec<ExoPhone>, ReplyError> {
        self.success(parse_exophones)
    }

    fn success<T>(&self, parse: impl Fn(&str) -> Result<T, ParseError>) -> Result<T, ReplyError> {
        let exception = reply::parse_exception(self.body);
        if !(200..300).contains(&self.status) {
            return Err(self.failure(self.status, exception));
        }
        if let Some(exception) = exception {
            // an error under a success: what counts is the status that the body repeats
            return Err(match exception.status.map(u16::try_from) {
                Some(Ok(status @ 400..600)) => self.failure(status, Some(exception)),
                _ => self.unusable(masked(&exception.message)),
            });
        }
        if tree::is_html(self.body) {
            return Err(self.not_exotel("a web page"));
        }
        parse(self.body).map_err(|error| match error {
            ParseError::NotJson(_) | ParseError::NotXml { .. } => {
                self.not_exotel(if self.body.trim().is_empty() {
                    "empty"
                } else {
                    "neither JSON nor XML"
                })
            }
            other => self.unusable(other.to_string()),
        })
    }

    /// The error of a status. The body is a `RestException`, or says less than the status.
    fn failure(&self, status: u16, exception: Option<RestException>) -> ReplyError {
        let is_exotels = exception.is_some() || self.body.trim().is_empty();
        let (code, message) = exception.map_or((None, String::new()), |exception| {
            (exception.code, exception.message)
        });
        let names_caller_id = message
            .to_ascii_lowercase()
            .replace([' ', '-', '_'], "")
            .contains("callerid");
        let message = masked(&message);
        match status {
            401 => ReplyError::BadCredentials { message },
            429 => ReplyError::RateLimited {
                retry_after: retry_after(self.retry_after, self.unix_s),
                message,
            },
            _ if (500..600).contains(&status) => ReplyError::Server { status, message },
            _ if (300..400).contains(&status) => ReplyError::Redirect { status },
            // a proxy's page must not be taken for Exotel's word on the account
            _ if !is_exotels => self.not_exotel(if tree::is_html(self.body) {
                "a web page"
            } else {
                "no `RestException`"
            }),
            400..500 if names_caller_id => ReplyError::UnknownCallerId { status, message },
            403 => ReplyError::NotAllowed { message },
            404 => ReplyError::NotFound { message },
            400 => ReplyError::BadParameters {
                status,
                code,
                message,
            },
            400..500 if code.as_deref().is_some_and(|code| code.starts_with("340")) => {
                ReplyError::BadParameters {
                    status,
                    code,
                    message,
                }
            }
            _ if (400..500).contains(&status) => ReplyError::Refused {
                status,
                code,
                message,
            },
            _ => self.not_exotel("of a status that HTTP does not have"),
        }
    }

    fn not_exotel(&self, what: &'static str) -> ReplyError {
        ReplyError::NotExotel {
            status: self.status,
            what,
        }
    }

    fn unusable(&self, reason: String) -> ReplyError {
        ReplyError::Unusable {
            status: self.status,
            reason,
        }
    }
}

/// A message of Exotel's on one line, cut to length, with phone numbers masked.
fn masked(message: &str) -> String {
    let mut shown = String::new();
    let mut digits = String::new();
    let flush = |digits: &mut String, shown: &mut String| {
        let hidden = if digits.len() < MASKED_DIGITS {
            0
        } else {
            digits.len() - SHOWN_DIGITS
        };
        shown.extend(std::iter::repeat_n('x', hidden));
        shown.push_str(digits.get(hidden..).unwrap_or_default());
        digits.clear();
    };
    for character in message.trim().chars().take(MESSAGE_CHARS) {
        if character.is_ascii_digit() {
            digits.push(character);
            continue;
        }
        flush(&mut digits, &mut shown);
        shown.push(if character.is_control() {
            ' '
        } else {
            character
        });
    }
    flush(&mut digits, &mut shown);
    if shown.is_empty() {
        "no message".to_owned()
    } else {
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Answer<'_> {
        Answer {
            status,
            retry_after: None,
            body,
            unix_s: 0,
        }
    }

    fn exception(status: u16, code: &str, message: &str) -> String {
        format!(r#"{{"RestException":{{"Status":{status},"Code":{code},"Message":"{message}"}}}}"#)
    }

    const HTML: &str = "<!DOCTYPE html><html><body>Sign in to the network</body></html>";
    const CALLER_ID: &str = "Could not find the CallerId from which this call can be made";

    #[test]
    fn each_reply_has_its_error_and_says_whether_it_was_dialled() {
        // status, body, the error's name, whether it is certain that nothing was dialled
        let rows: &[(u16, String, &str, bool)] = &[
            (401, String::new(), "BadCredentials", true),
            (401, HTML.to_owned(), "BadCredentials", true),
            (
                401,
                exception(401, "null", "Authentication required"),
                "BadCredentials",
                true,
            ),
            (
                403,
                exception(403, "null", "Your account is not yet KYC compliant."),
                "NotAllowed",
                true,
            ),
            (403, String::new(), "NotAllowed", true),
            (403, HTML.to_owned(), "NotExotel", true),
            (
                400,
                exception(400, "34001", "Bad/missing parameters"),
                "BadParameters",
                true,
            ),
            (
                400,
                exception(400, "\"34001\"", "Bad/missing parameters"),
                "BadParameters",
                true,
            ),
            (
                422,
                exception(422, "34010", "Invalid parameter"),
                "BadParameters",
                true,
            ),
            (400, exception(400, "1", CALLER_ID), "UnknownCallerId", true),
            (403, exception(403, "1", CALLER_ID), "UnknownCallerId", true),
            (404, exception(404, "1", "not found"), "NotFound", true),
            (404, HTML.to_owned(), "NotExotel", true),
            (408, String::new(), "Refused", false),
            (408, HTML.to_owned(), "NotExotel", false),
            (409, exception(409, "1", "conflict"), "Refused", true),
            (429, String::new(), "RateLimited", true),
            (429, HTML.to_owned(), "RateLimited", true),
            (500, exception(500, "1", "oops"), "Server", false),
            (503, HTML.to_owned(), "Server", false),
            (504, String::new(), "Server", false),
            (301, String::new(), "Redirect", true),
            (302, HTML.to_owned(), "Redirect", false),
            (303, String::new(), "Redirect", false),
            (307, String::new(), "Redirect", true),
            (200, HTML.to_owned(), "NotExotel", false),
            (200, "OK".to_owned(), "NotExotel", false),
            (200, String::new(), "NotExotel", false),
            (204, String::new(), "NotExotel", false),
            (200, "{}".to_owned(), "Unusable", false),
            (
                200,
                r#"{"Call":{"Status":"queued"}}"#.to_owned(),
                "Unusable",
                false,
            ),
            // an error under a success
            (200, exception(403, "1", "KYC"), "NotAllowed", true),
            (200, exception(500, "1", "oops"), "Server", false),
            (
                200,
                r#"{"RestException":{"Message":"?"}}"#.to_owned(),
                "Unusable",
                false,
            ),
            (600, "x".to_owned(), "NotExotel", false),
        ];
        for (status, body, name, is_refusal) in rows {
            let error = answer(*status, body).accepted().unwrap_err();
            assert!(
                format!("{error:?}").starts_with(name),
                "{status} {body}: {error:?}"
            );
            assert_eq!(error.is_refusal(), *is_refusal, "{status} {body}: {error}");
            assert!(error.hint().len() > 20, "{error:?}");
        }
    }

    #[test]
    fn a_success_is_a_call_in_either_form() {
        for body in [
            r#"{"Call":{"Sid":"c1"}}"#,
            "<TwilioResponse><Call><Sid>c1</Sid></Call></TwilioResponse>",
        ] {
            let call = answer(200, body).accepted().unwrap();
            assert_eq!(call.sid.as_str(), "c1");
        }
    }

    #[test]
    fn how_long_to_wait_is_in_the_error() {
        let rate_limited = Answer {
            retry_after: Some("17"),
            ..answer(429, "")
        };
        let error = rate_limited.accepted().unwrap_err();
        assert!(
            matches!(&error, ReplyError::RateLimited { retry_after, .. } if retry_after.as_secs() == 17),
            "{error:?}"
        );
        assert!(error.to_string().contains("17 s"), "{error}");
    }

    #[test]
    fn messages_hold_no_number_and_have_an_end() {
        for (message, expected) in [
            (
                "Number 09876543210 is on DND",
                "Number xxxxxxx3210 is on DND",
            ),
            ("code 34001, 919876543210", "code 34001, xxxxxxxx3210"),
            ("a\nb\u{7}", "a b"),
            ("", "no message"),
        ] {
            assert_eq!(masked(message).trim(), expected);
        }
        assert_eq!(masked(&"é".repeat(1_000)).chars().count(), MESSAGE_CHARS);
    }
}
