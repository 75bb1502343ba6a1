//! Login to the console with a token of the API, whose role decides what the pages show and allow. If
//! the API needs no token, the console needs no login.
//!
//! A session is a cookie signed by the engine, so that every engine with the same token accepts it and
//! nothing is stored: `KIND.EXPIRY.NONCE.SIGNATURE`. The key is the token: when it is no longer
//! accepted, all sessions that it began end. Without a token the key is random and only known to this
//! process. The CSRF token of forms is signed with the same key, over the same nonce.
//!
//! A guest's cookie gives no access; it ties the login form to a browser.

use std::sync::LazyLock;

use axum::body::Bytes;
use axum::extract::{FromRequestParts, RawQuery, State};
use axum::http::header::{ACCEPT, COOKIE, HOST, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ghanti_console::words::Words;
use ghanti_console::{again, login as login_page};
use ghanti_model::unix_ms;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::language::words_of;
use super::{Form, redirect};
use crate::access::allowed;
use crate::app::App;
use crate::audit::{self, Detail};
use crate::cause::Cause;
use crate::config::Config;
use crate::problem::Problem;
use crate::role::{Identity, needed};
use crate::secret::Secret;
use ghanti_model::Role;

/// How long a session lasts, in seconds: a working day.
const SESSION_S: u64 = 12 * 3_600;
/// The cookie's name.
const COOKIE_NAME: &str = "ghanti-console";
/// Maximum length of the path to go to after the login, in bytes.
const NEXT_BYTES: usize = 1_024;

const MEMBER: &str = "member";
const GUEST: &str = "guest";

/// The key if the API has no token; none if the system provided no random bytes, and then no form is
/// accepted.
static OWN_KEY: LazyLock<Option<Secret>> = LazyLock::new(|| Secret::random().ok());

/// A viewer who has access to the console.
pub(super) struct Viewer {
    /// Whether they have logged in.
    pub(super) is_member: bool,
    /// A new cookie, if they had none.
    pub(super) new_cookie: Option<HeaderValue>,
    /// The texts of their language.
    pub(super) words: &'static Words,
    /// The page that they asked for, with its query; empty for what is no page.
    pub(super) here: String,
    session: Session,
}

/// A session, from its signed cookie.
struct Session {
    /// The cookie without its signature.
    signed: String,
    key: Option<Key>,
}

/// What cookies are signed with.
#[derive(Clone)]
struct Key {
    /// Whose token it is.
    identity: Identity,
    secret: Secret,
}

impl Session {
    /// A new session of a kind.
    fn new(kind: &str, key: Option<Key>) -> Self {
        let expires_s = unix_ms() / 1_000 + SESSION_S;
        // without random bytes there is no key either, or the signature covers only the expiry time
        let nonce = Secret::random().map_or_else(|_| String::new(), |nonce| nonce.in_url());
        Self {
            signed: format!("{kind}.{expires_s}.{nonce}"),
            key,
        }
    }

    /// The session of a request, if it has one that has not expired.
    fn of(config: &Config, headers: &HeaderMap) -> Option<Self> {
        let value = cookie(headers, COOKIE_NAME)?;
        let (signed, signature) = value.rsplit_once('.')?;
        let expires_s: u64 = signed.split('.').nth(1)?.parse().ok()?;
        if expires_s <= unix_ms() / 1_000 {
            return None;
        }
        let key = keys(config).into_iter().find(|key| {
            let own = sign(&key.secret, "session", signed);
            own.as_bytes().ct_eq(signature.as_bytes()).into()
        })?;
        Some(Self {
            signed: signed.to_owned(),
            key: Some(key),
        })
    }

    fn is_member(&self) -> bool {
        self.signed.split('.').next() == Some(MEMBER)
    }

    /// The `Set-Cookie` header.
    fn cookie(&self, config: &Config, headers: &HeaderMap) -> Option<HeaderValue> {
        let signature = sign(&self.key.as_ref()?.secret, "session", &self.signed);
        let value = format!("{}.{signature}", self.signed);
        HeaderValue::from_str(&set(config, headers, &value, SESSION_S)).ok()
    }

    /// The CSRF token of forms.
    fn csrf(&self) -> Option<String> {
        Some(sign(&self.key.as_ref()?.secret, "form", &self.signed))
    }
}

/// The value of a cookie.
pub(super) fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let cookies = headers.get_all(COOKIE).iter();
    let mut pairs = cookies
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = pairs.find(|(known, _)| *known == name)?;
    Some(value)
}

/// The keys with which cookies may be signed, the one for guests first.
fn keys(config: &Config) -> Vec<Key> {
    if config.server.api_token.is_none() {
        let anyone = config.identify(None).zip(OWN_KEY.clone());
        let key = anyone.map(|(identity, secret)| Key { identity, secret });
        return key.into_iter().collect();
    }
    let tokens = config.accepted_tokens();
    tokens
        .map(|(name, role, secret)| Key {
            identity: Identity::new(name, role),
            secret: secret.clone(),
        })
        .collect()
}

/// HMAC-SHA256 (RFC 2104) of a text for a purpose.
fn sign(key: &Secret, purpose: &str, text: &str) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.expose().as_bytes()) else {
        // a key may have any length
        return String::new();
    };
    mac.update(format!("ghanti-console {purpose} {text}").as_bytes());
    URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
}

/// `Set-Cookie` (RFC 6265).
fn set(config: &Config, headers: &HeaderMap, value: &str, age_s: u64) -> String {
    let secure = secure(config, headers);
    let path = &config.server.path;
    format!(
        "{COOKIE_NAME}={value}; Path={path}/console; Max-Age={age_s}; HttpOnly; SameSite=Strict{secure}"
    )
}

/// The attribute of cookies by which browsers that came by https send them by https alone.
pub(super) fn secure(config: &Config, headers: &HeaderMap) -> &'static str {
    if is_https(config, headers) {
        "; Secure"
    } else {
        ""
    }
}

/// Whether the browser connected with TLS, according to the proxy's header or, for its host, `public-url`.
fn is_https(config: &Config, headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(HOST.as_str()).unwrap_or_default();
    let public = config.server.public_url.as_deref().unwrap_or_default();
    let is_public = public
        .strip_prefix("https://")
        .and_then(|rest| rest.split('/').next())
        .is_some_and(|known| known.eq_ignore_ascii_case(host));
    is_public || text("x-forwarded-proto") == Some("https")
}

impl Viewer {
    /// The viewer of a request; without a valid cookie, a new guest.
    fn of(config: &Config, headers: &HeaderMap) -> Self {
        match Session::of(config, headers) {
            Some(session) => Self {
                is_member: session.is_member(),
                new_cookie: None,
                words: words_of(headers),
                here: String::new(),
                session,
            },
            None => {
                let key = keys(config).into_iter().next();
                Self::new(config, headers, GUEST, key)
            }
        }
    }

    fn new(config: &Config, headers: &HeaderMap, kind: &str, key: Option<Key>) -> Self {
        let session = Session::new(kind, key);
        Self {
            is_member: kind == MEMBER,
            new_cookie: session.cookie(config, headers),
            words: words_of(headers),
            here: String::new(),
            session,
        }
    }

    /// The token they have logged in with; for a guest, the token that signed the cookie.
    pub(super) fn identity(&self) -> &Identity {
        static NOBODY: Identity = Identity {
            name: String::new(),
            role: Role::Viewer,
        };
        let key = self.session.key.as_ref();
        key.map_or(&NOBODY, |key| &key.identity)
    }

    /// Answers a form: redirects to a page below the console, or shows why nothing was done. It is recorded in
    /// the audit log.
    pub(super) fn ordered(
        &self,
        app: &App,
        action: &str,
        path: &str,
        done: Result<String, Problem>,
    ) -> Response {
        self.ordered_with(app, action, path, done, None)
    }

    /// Like [`ordered`](Self::ordered), with what was changed to what.
    pub(super) fn ordered_with(
        &self,
        app: &App,
        action: &str,
        path: &str,
        done: Result<String, Problem>,
        detail: Option<Detail>,
    ) -> Response {
        let (status, answer) = match done {
            Ok(page) => {
                let page = self.site(app, false).path(&page);
                (StatusCode::SEE_OTHER, redirect(&page))
            }
            Err(problem) => (problem.text().status, self.failed(app, &problem)),
        };
        audit::write(app, self.identity(), action, path, status, detail);
        answer
    }

    /// Records what they did in the audit log.
    pub(super) fn did(&self, app: &App, action: &str, path: &str, status: StatusCode) {
        audit::write(app, self.identity(), action, path, status, None);
    }

    /// Whether the query asks for unmasked numbers and the role allows that. It is recorded in the audit
    /// log.
    pub(super) fn unmasks(&self, app: &App, query: Option<&str>, path: &str) -> bool {
        let is_asked = Form::of_query(query).text("numbers") == "true";
        let unmasks = is_asked && self.identity().role >= Role::Operator;
        if unmasks {
            self.did(app, "unmask", path, StatusCode::OK);
        }
        unmasks
    }

    /// The CSRF token of this session's forms.
    pub(super) fn csrf(&self) -> String {
        self.session.csrf().unwrap_or_default()
    }

    /// Whether this is the CSRF token of this session.
    pub(super) fn is_own(&self, csrf: &str) -> bool {
        let own = self.session.csrf();
        own.is_some_and(|own| own.as_bytes().ct_eq(csrf.as_bytes()).into())
    }
}

impl FromRequestParts<App> for Viewer {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let config = &app.config;
        let mut viewer = Self::of(config, &parts.headers);
        // the router has removed the engine's `path`
        let here = format!("{}{}", config.server.path, parts.uri);
        if parts.method == Method::GET {
            viewer.here.clone_from(&here);
        }
        let is_open = config.server.api_token.is_none();
        if viewer.is_member || is_open {
            let needed = needed(&parts.method, parts.uri.path());
            return match allowed(viewer.identity(), needed) {
                Ok(()) => Ok(viewer),
                Err(problem) => Err(viewer.failed(app, &problem)),
            };
        }
        let text = |name: &str| {
            let value = parts.headers.get(name);
            value
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
        };
        if !text(ACCEPT.as_str()).contains("text/html") {
            // a request of a script, which cannot log in
            return Err(StatusCode::UNAUTHORIZED.into_response());
        }
        if text("sec-fetch-site") == "cross-site" && viewer.new_cookie.is_some() {
            // a link on another site: the browser does not send its `SameSite=Strict` cookie, if it has one
            let site = Self {
                new_cookie: None,
                ..viewer
            };
            return Err(site.page(StatusCode::OK, again(&site.site(app, false))));
        }
        let path = &config.server.path;
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("next", &here);
        Err(redirect(&format!(
            "{path}/console/login?{}",
            query.finish()
        )))
    }
}

/// Answers with the login page.
pub(super) async fn login_form(
    State(app): State<App>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let viewer = Viewer::of(&app.config, &headers);
    let query = Form::of_query(query.as_deref());
    let next = next(&app, query.text("next"));
    if viewer.is_member || app.config.server.api_token.is_none() {
        return redirect(&next);
    }
    let page = login_page(&viewer.site(&app, false), &next, false);
    viewer.page(StatusCode::OK, page)
}

/// Logs in, with the API's token.
pub(super) async fn login(State(app): State<App>, headers: HeaderMap, body: Bytes) -> Response {
    let viewer = Viewer::of(&app.config, &headers);
    let form = Form::read(&body);
    if let Err(problem) = viewer.check(&form) {
        return viewer.failed(&app, &problem);
    }
    let next = next(&app, form.text("next"));
    let given = form.text("token").trim();
    let Some(key) = keys(&app.config)
        .into_iter()
        .find(|key| key.secret.is(given))
    else {
        let page = login_page(&viewer.site(&app, false), &next, true);
        let mut response = viewer.page(StatusCode::UNAUTHORIZED, page);
        response.extensions_mut().insert(Cause::Token);
        return response;
    };
    let member = Viewer::new(&app.config, &headers, MEMBER, Some(key));
    member.did(&app, "log-in", "/console/login", StatusCode::SEE_OTHER);
    let mut response = redirect(&next);
    if let Some(cookie) = member.new_cookie {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}

/// Logs out.
pub(super) async fn logout(
    viewer: Viewer,
    State(app): State<App>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if let Err(problem) = viewer.check(&Form::read(&body)) {
        return viewer.failed(&app, &problem);
    }
    let mut response = redirect(&format!("{}/console/login", app.config.server.path));
    if let Ok(cookie) = HeaderValue::from_str(&set(&app.config, &headers, "", 0)) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}

/// Where to go after the login: a page of this console.
pub(super) fn next(app: &App, asked: &str) -> String {
    let root = format!("{}/console/", app.config.server.path);
    let is_own = asked.starts_with(&root)
        && asked.len() <= NEXT_BYTES
        && asked
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if is_own { asked.to_owned() } else { root }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(server: &str) -> Config {
        let text = format!(
            "[server]\nstream-token = 'stream-0123456789'\napplet-token = 'applet-0123456789'\n{server}"
        );
        crate::config::read(&text, []).unwrap()
    }

    fn asked(name: &'static str, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_str(value).unwrap());
        headers
    }

    fn cookie(viewer: &Viewer) -> String {
        let set = viewer.new_cookie.as_ref().unwrap().to_str().unwrap();
        set.split(';').next().unwrap().to_owned()
    }

    #[test]
    fn a_session_is_valid_while_its_token_is_accepted() {
        let old = config("api-token = 'api-0123456789-old'");
        let changing =
            config("api-token = 'api-0123456789-new'\nprevious-api-token = 'api-0123456789-old'");
        let new = config("api-token = 'api-0123456789-new'");
        let member = Viewer::new(
            &old,
            &HeaderMap::new(),
            MEMBER,
            keys(&old).into_iter().next(),
        );
        let headers = asked("cookie", &format!("a=b; {}; c=d", cookie(&member)));
        for (config, is_known) in [(&old, true), (&changing, true), (&new, false)] {
            let seen = Viewer::of(config, &headers);
            assert_eq!(seen.is_member, is_known);
            assert_eq!(seen.is_own(&member.csrf()), is_known);
        }
        let other = Viewer::new(
            &old,
            &HeaderMap::new(),
            MEMBER,
            keys(&old).into_iter().next(),
        );
        assert!(!other.is_own(&member.csrf()) && !other.is_own(""));
    }

    #[test]
    fn an_unsigned_or_expired_cookie_is_no_session() {
        let config = config("api-token = 'api-0123456789-x'");
        let key = Secret::new("api-0123456789-x");
        let now_s = unix_ms() / 1_000;
        for (kind, expires_s, is_member) in [
            (MEMBER, now_s + 100, true),
            (MEMBER, now_s - 1, false),
            (GUEST, now_s + 100, false),
        ] {
            let signed = format!("{kind}.{expires_s}.nonce");
            let signature = sign(&key, "session", &signed);
            let own = asked("cookie", &format!("{COOKIE_NAME}={signed}.{signature}"));
            assert_eq!(Viewer::of(&config, &own).is_member, is_member, "{signed}");
            // a CSRF token is not a session
            let form = sign(&key, "form", &signed);
            for wrong in ["", &form, &signature[1..]] {
                let headers = asked("cookie", &format!("{COOKIE_NAME}={signed}.{wrong}"));
                assert!(!Viewer::of(&config, &headers).is_member, "{wrong}");
            }
        }
        let headers = asked("cookie", &format!("{COOKIE_NAME}=member"));
        assert!(!Viewer::of(&config, &headers).is_member);
    }

    #[test]
    fn a_cookie_is_secure_if_the_browser_uses_https() {
        let config =
            config("api-token = 'api-0123456789-x'\npublic-url = 'https://bot.example.com'");
        for (headers, is_secure) in [
            (asked("host", "bot.example.com"), true),
            (asked("x-forwarded-proto", "https"), true),
            (asked("host", "127.0.0.1:8000"), false),
        ] {
            let set = set(&config, &headers, "x", 5);
            assert_eq!(set.contains("; Secure"), is_secure, "{headers:?}: {set}");
        }
    }
}
