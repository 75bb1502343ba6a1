//! The language of the pages: what the viewer chose, which a cookie keeps, or else what their browser asks for.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{ACCEPT_LANGUAGE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use ghanti_console::words::{Words, of_language, preferred};

use super::session::{Viewer, cookie, next, secure};
use super::{Form, redirect};
use crate::app::App;

/// The cookie's name.
const COOKIE_NAME: &str = "ghanti-console-language";
/// How long the choice is kept, in seconds: a year.
const KEPT_S: u64 = 365 * 86_400;

/// The texts for a request.
pub(super) fn words_of(headers: &HeaderMap) -> &'static Words {
    let chosen = cookie(headers, COOKIE_NAME).and_then(of_language);
    let asked = || {
        let asked = headers.get(ACCEPT_LANGUAGE);
        asked.and_then(|asked| asked.to_str().ok())
    };
    chosen.unwrap_or_else(|| preferred(asked().unwrap_or_default()))
}

/// Keeps a choice, and leads back to the page.
pub(super) async fn choose(
    viewer: Viewer,
    State(app): State<App>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let form = Form::read(&body);
    if let Err(problem) = viewer.check(&form) {
        return viewer.failed(&app, &problem);
    }
    let mut response = redirect(&next(&app, form.text("next")));
    if let Some(words) = of_language(form.text("language")) {
        let (path, secure) = (&app.config.server.path, secure(&app.config, &headers));
        let set = format!(
            "{COOKIE_NAME}={}; Path={path}/console; Max-Age={KEPT_S}; HttpOnly; SameSite=Strict{secure}",
            words.language
        );
        if let Ok(set) = HeaderValue::from_str(&set) {
            response.headers_mut().append(SET_COOKIE, set);
        }
    }
    response
}
