//! Who may ask: tokens of applets, of the API and of the media stream. Exotel signs nothing, so a token in the URL is all there is.

use axum::extract::{FromRequestParts, Query};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::app::App;
use crate::problem::{Cause, Problem};
use crate::secret::Secret;

#[derive(Deserialize)]
struct Token {
    token: Option<String>,
}

fn refused(mend: &'static str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "the token is missing or wrong", mend).because(Cause::Token)
}

fn right(expected: Option<&Secret>, given: Option<&str>) -> bool {
    expected.is_none_or(|expected| given.is_some_and(|given| expected.is(given)))
}

/// An applet's request, with the configured token in its query.
pub struct Applet;

impl FromRequestParts<App> for Applet {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let given = Query::<Token>::try_from_uri(&parts.uri).ok().and_then(|query| query.0.token);
        if right(app.config.server.applet_token.as_ref(), given.as_deref()) {
            Ok(Self)
        } else {
            Err(refused("add `?token=…` with `applet-token` of `[server]` to the URL in the applet"))
        }
    }
}

/// A request to the API, with the configured bearer token.
pub struct Api;

impl FromRequestParts<App> for Api {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let given = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| value.strip_prefix("Bearer "));
        if right(app.config.server.api_token.as_ref(), given) {
            Ok(Self)
        } else {
            Err(refused("send `Authorization: Bearer …` with `api-token` of `[server]`"))
        }
    }
}

/// Whether a media stream may open: by a token in its path, or as the password of HTTP Basic, which Exotel makes of
/// `wss://user:password@host` (Exotel: Voicebot applet, authentication).
pub fn stream(app: &App, headers: &HeaderMap, in_path: Option<&str>) -> Result<(), Problem> {
    let basic = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Basic "))
        .and_then(|encoded| STANDARD.decode(encoded).ok())
        .and_then(|decoded| String::from_utf8(decoded).ok());
    let password = basic.as_deref().and_then(|credentials| credentials.split_once(':')).map(|(_, password)| password);
    let expected = app.config.server.stream_token.as_ref();
    if right(expected, in_path) || (expected.is_some() && right(expected, password)) {
        Ok(())
    } else {
        Err(refused("use the URL that /voicebot-url answers, or `wss://user:TOKEN@…` with `stream-token` of `[server]`"))
    }
}
