//! Authorization by token: applets, the API and the media stream. Exotel does not sign its
//! requests, so tokens are the only protection.

use axum::extract::FromRequestParts;
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;

use crate::app::App;
use crate::applet_error::AppletError;
use crate::cause::Cause;
use crate::config::Config;
use crate::problem::{Kind, Problem};
use crate::role::{Identity, needed};
use crate::secret::Accepted;
use ghanti_model::Role;

const REFUSED: &str = "the token is missing or wrong";

/// A refusal of a request of Exotel's.
fn refused(hint: &'static str) -> AppletError {
    AppletError::new(StatusCode::UNAUTHORIZED, REFUSED, hint).because(Cause::Token)
}

/// A refusal of a request to the API.
fn unauthorized(hint: &'static str) -> Problem {
    Problem::new(Kind::Unauthorized, REFUSED, hint).because(Cause::Token)
}

/// Whether a query carries the token, either form-encoded as `/websocket-url` shows it, or as a
/// person typed it into the applet, with a literal `+`.
fn in_query(expected: Accepted<'_>, query: &str) -> bool {
    let as_form = form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == "token")
        .map(|(_, token)| token);
    let as_written = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("token="))
        .and_then(decoded);
    expected.accepts(as_form.as_deref()) || expected.accepts(as_written.as_deref())
}

fn decoded(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().map(Into::into)
}

/// An applet's request that carries the configured token in its query.
pub struct Applet;

impl FromRequestParts<App> for Applet {
    type Rejection = AppletError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, AppletError> {
        if in_query(
            app.config.server.applet_tokens(),
            parts.uri.query().unwrap_or_default(),
        ) {
            Ok(Self)
        } else {
            Err(refused(
                "add `?token=…` with `applet-token` of `[server]` to the URL in the applet",
            ))
        }
    }
}

/// Refuses a client of the API whose token is good, but not for this.
pub fn forbidden(identity: &Identity, needed: Role) -> Problem {
    let (name, role) = (&identity.name, identity.role.name());
    Problem::new(
        Kind::Forbidden,
        format!("the token `{name}` is of a {role}"),
        format!(
            "this needs the role `{}`: use such a token, or have `role` of `[tokens.{name}]` changed",
            needed.name()
        ),
    )
    .because(Cause::Token)
}

/// A request to the API that carries a bearer token whose role suffices.
pub struct Api {
    /// Whose token it is.
    pub identity: Identity,
}

impl Api {
    /// Whether numbers, words and values are masked for them.
    pub fn is_masked(&self) -> bool {
        self.identity.role < Role::Operator
    }
}

impl FromRequestParts<App> for Api {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let identity = app.config.identify(bearer(&parts.headers)).ok_or_else(|| {
            unauthorized(
                "send `Authorization: Bearer …` with `api-token` of `[server]` or a token of `[tokens]` that has not expired",
            )
        })?;
        allowed(&identity, needed(&parts.method, parts.uri.path()))?;
        Ok(Self { identity })
    }
}

/// Checks a role.
///
/// # Errors
/// 403 if it does not suffice.
pub fn allowed(identity: &Identity, needed: Role) -> Result<(), Problem> {
    if identity.role >= needed {
        Ok(())
    } else {
        Err(forbidden(identity, needed))
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    value.strip_prefix("Bearer ")
}

/// Whose token a request to the API carries, whatever it is for.
pub fn identity(config: &Config, headers: &HeaderMap) -> Option<Identity> {
    config.identify(bearer(headers))
}

/// Checks whether a page may be shown to a browser: the token is the bearer token, or the password of
/// HTTP Basic, which browsers ask for.
///
/// # Errors
/// 401 without one, 403 if its role does not suffice.
pub fn page(app: &App, headers: &HeaderMap, needed: Role) -> Result<(), Problem> {
    let config = &app.config;
    let by_password = || config.identify(basic_password(headers).as_deref());
    let identity = identity(config, headers)
        .or_else(by_password)
        .ok_or_else(|| {
            unauthorized(
                "give `api-token` of `[server]` as the password (any name), or as a bearer token",
            )
        })?;
    allowed(&identity, needed)
}

/// The refusal of a page, by which a browser asks for the token as a password.
pub fn with_challenge(problem: Problem) -> Response {
    let challenge = [(
        WWW_AUTHENTICATE,
        "Basic realm=\"ghanti: api-token as the password\"",
    )];
    (challenge, problem).into_response()
}

/// The password of HTTP Basic, if there is one.
fn basic_password(headers: &HeaderMap) -> Option<String> {
    let encoded = headers
        .get(AUTHORIZATION)?
        .to_str()
        .ok()?
        .strip_prefix("Basic ")?;
    let credentials = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    Some(credentials.split_once(':')?.1.to_owned())
}

/// Checks whether a media stream may open: the token is in its path, or is the password of HTTP
/// Basic, which Exotel sends for `wss://user:password@host` (Exotel: Voicebot applet,
/// authentication).
pub fn stream(app: &App, headers: &HeaderMap, in_path: Option<&str>) -> Result<(), AppletError> {
    let password = basic_password(headers);
    let expected = app.config.server.stream_tokens();
    // the token in `wss://user:TOKEN@…` is percent-encoded, and not every client decodes it
    let is_password = |password: &str| {
        expected.accepts(Some(password)) || expected.accepts(decoded(password).as_deref())
    };
    if expected.accepts(in_path) || password.as_deref().is_some_and(is_password) {
        Ok(())
    } else {
        Err(refused(
            "use the URL that /voicebot-url answers, or `wss://user:TOKEN@…` with `stream-token` of `[server]`",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    #[test]
    fn a_token_matches_as_it_is_shown_and_as_people_write_it() {
        let only = |token| Accepted {
            current: token,
            previous: None,
        };
        let token = Secret::new("p+q/r=s%t&u#v");
        let shown = format!("CallSid=a&token={}&x=1", token.in_url());
        assert!(in_query(only(Some(&token)), &shown));
        let plus = Secret::new("p+q=r");
        for query in ["token=p+q=r", "token=p%2Bq%3Dr", "a=b&token=p+q=r&c=d"] {
            assert!(in_query(only(Some(&plus)), query), "{query}");
        }
        for query in [
            "",
            "token=",
            "token",
            "token=p",
            "token=p+q=r%0A",
            "token=p%20q=r",
            "Token=p+q=r",
            "xtoken=p+q=r",
            "token=%FF",
        ] {
            assert!(!in_query(only(Some(&plus)), query), "{query}");
        }
        assert!(
            in_query(only(None), ""),
            "without a configured token every request is accepted"
        );
    }

    #[test]
    fn no_token_stays_in_what_exotel_repeats() {
        let server = crate::config::Config::default().server;
        let server = crate::config::Server {
            stream_token: Some(Secret::new("s+tream-0123456789")),
            previous_applet_token: Some(Secret::new("old-applet-0123456")),
            ..server
        };
        let reported = "Stream[Error]=wss://x/ws/voicebot/s%2Btream-0123456789/call&a=s+tream-0123456789&token=old-applet-0123456";
        assert_eq!(
            server.without_tokens(reported.to_owned()),
            "Stream[Error]=wss://x/ws/voicebot/TOKEN/call&a=TOKEN&token=TOKEN"
        );
    }
}
