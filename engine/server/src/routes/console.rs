//! The web console: HTML pages made of the API's data.
//!
//! Each page calls the API's own functions, and shows nothing that the API would not return. Access is
//! controlled by the API's tokens and their roles: see `console/session.rs`. `ghanti-console` renders
//! the pages, which are sent with its content security policy.

mod answers;
mod audit;
mod calls;
mod campaigns;
mod customers;
mod flow;
mod flows;
mod funnels;
mod hear;
mod import;
mod language;
mod listen;
mod live;
mod map;
mod new_campaign;
mod prompt;
mod replays;
mod session;
mod setup;
mod telephone;
mod waveform;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, SET_COOKIE,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use ghanti_console::assets::asset;
use ghanti_console::words::ENGLISH;
use ghanti_console::{Notice, POLICY, Site, notice};
use ghanti_model::{Role, unix_ms};

use crate::answer::tagged;
use crate::app::App;
use crate::problem::{Kind, Problem};

use self::session::Viewer;

pub use self::funnels::Funnels;
pub use self::hear::HEARD;
pub use self::import::Uploads;
pub use self::listen::LISTENERS;
pub(super) use self::live::now_of;
pub use self::waveform::WAVEFORMS;

const HEADERS: [(HeaderName, &str); 7] = [
    (CONTENT_TYPE, "text/html; charset=utf-8"),
    (CONTENT_SECURITY_POLICY, POLICY),
    // pages are personal
    (CACHE_CONTROL, "no-store"),
    // without any, browsers send the console's own forms with `Origin: null`, as another site's are
    (REFERRER_POLICY, "same-origin"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (
        HeaderName::from_static("permissions-policy"),
        "microphone=(self), camera=(), geolocation=()",
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
];

/// All routes of the console.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/console", get(root))
        .route("/console/", get(live::page))
        .route("/console/now", get(live::of_all))
        .route(
            "/console/login",
            get(session::login_form).post(session::login),
        )
        .route("/console/logout", post(session::logout))
        .route("/console/language", post(language::choose))
        .route("/console/static/{name}", get(file))
        .route("/console/calls", get(calls::list))
        .route("/console/calls/{id}", get(calls::show))
        .route("/console/calls/{id}/stream", get(live::of_call))
        .route("/console/calls/{id}/hang-up", post(calls::hang_up))
        .route("/console/calls/{id}/version", post(calls::move_to))
        .route("/console/calls/{id}/record.json", get(calls::export))
        .route("/console/calls/{id}/recording", get(calls::recording))
        .route("/console/calls/{id}/waveform", get(waveform::waveform))
        .route("/console/calls/{id}/listen", get(listen::listen))
        .route("/console/calls/{id}/replay", get(replays::against))
        .route(
            "/console/calls/{id}/otherwise",
            get(replays::begin).post(replays::answer),
        )
        .route("/console/calls/{id}/customer", get(customers::show))
        .route("/console/calls/{id}/customer/lift", post(customers::lift))
        .route(
            "/console/customers",
            get(customers::search).post(customers::found),
        )
        .route("/console/campaigns", get(campaigns::list))
        .route("/console/campaigns/{name}", get(campaigns::show))
        .route(
            "/console/campaigns/{name}/{action}",
            post(campaigns::change),
        )
        .route(
            "/console/new-campaign",
            get(new_campaign::form).post(new_campaign::create),
        )
        .merge(import::routes())
        .route("/console/flows", get(flows::list))
        .route("/console/flows/reload", post(flows::reload))
        .route("/console/flows/{name}/{action}", post(flows::change))
        .route("/console/flows/{name}", get(flow::show))
        .route("/console/flows/{name}/map", get(map::show))
        .route("/console/flows/{name}/hear", post(hear::hear))
        .route(
            "/console/flows/{name}/prompts/{template}",
            get(prompt::show),
        )
        .route(
            "/console/flows/{name}/prompts/{template}/{language}",
            post(prompt::publish),
        )
        .route("/console/setup", get(setup::page))
        .route("/console/audit", get(audit::page))
        .route("/console/telephone", get(telephone::page))
        .route("/console/telephone/calls", post(telephone::begin))
        .route(
            "/console/telephone/stream/{session}",
            get(telephone::stream),
        )
        .route("/console/{*rest}", get(nothing))
}

/// Redirects the console's path without its final slash.
async fn root(State(app): State<App>) -> Response {
    redirect(&format!("{}/console/", app.config.server.path))
}

/// A file that pages refer to. It needs no login.
async fn file(Path(name): Path<String>, headers: HeaderMap) -> Response {
    match asset(&name) {
        Some(asset) => {
            let body = asset.content.as_bytes().to_vec();
            let mut response = tagged(body, asset.media_type, &headers);
            let nosniff = HeaderValue::from_static("nosniff");
            response
                .headers_mut()
                .insert(X_CONTENT_TYPE_OPTIONS, nosniff);
            response
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn nothing(viewer: Viewer, State(app): State<App>) -> Response {
    let shown = Notice {
        title: viewer.words.not_found.to_owned(),
        language: viewer.words.language,
        detail: String::new(),
        hint: String::new(),
    };
    let page = notice(&viewer.site(&app, false), &shown);
    viewer.page(StatusCode::NOT_FOUND, page)
}

/// A redirect that the browser follows with GET (303).
fn redirect(to: &str) -> Response {
    let to = HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(LOCATION, to)]).into_response()
}

impl Viewer {
    /// The data about the engine and the viewer that every page shows.
    fn site(&self, app: &App, has_numbers: bool) -> Site {
        Site {
            prefix: app.config.server.path.clone(),
            csrf: self.csrf(),
            member: self.is_member.then(|| self.identity().name.clone()),
            role: self.identity().role,
            zone: app.services.settings.zone.clone(),
            now_ms: unix_ms(),
            has_numbers: has_numbers && self.identity().role >= Role::Operator,
            words: self.words,
            here: self.here.clone(),
        }
    }

    /// Answers with a page.
    fn page(&self, status: StatusCode, page: String) -> Response {
        let mut response = (status, HEADERS, page).into_response();
        if let Some(cookie) = &self.new_cookie {
            response.headers_mut().insert(SET_COOKIE, cookie.clone());
        }
        response
    }

    /// Answers with a page that shows a problem.
    fn failed(&self, app: &App, problem: &Problem) -> Response {
        let text = problem.text();
        let shown = Notice {
            title: text.title.to_owned(),
            language: ENGLISH.language,
            detail: text.detail.to_owned(),
            hint: text.hint.to_owned(),
        };
        self.page(text.status, notice(&self.site(app, false), &shown))
    }

    /// Checks that a form was sent by a page of this session.
    ///
    /// # Errors
    ///
    /// 403 if it was not.
    fn check(&self, form: &Form) -> Result<(), Problem> {
        if self.is_own(form.text("csrf")) {
            Ok(())
        } else {
            Err(Problem::new(
                Kind::FormOutOfDate,
                ENGLISH.out_of_date_detail,
                ENGLISH.out_of_date_hint,
            ))
        }
    }
}

/// A form that was sent.
struct Form(Vec<(String, String)>);

impl Form {
    fn read(body: &[u8]) -> Self {
        Self(form_urlencoded::parse(body).into_owned().collect())
    }

    /// The parameters of a request.
    fn of_query(query: Option<&str>) -> Self {
        Self::read(query.unwrap_or_default().as_bytes())
    }

    /// All values of a field, but for empty ones.
    fn filled<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        self.all(name).filter(|value| !value.is_empty())
    }

    /// A field; empty if it was not sent.
    fn text(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    /// Whether a field was sent, even empty.
    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// All fields of a name, in the order in which they were sent.
    fn all<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        let named = self.0.iter().filter(move |(known, _)| known == name);
        named.map(|(_, value)| value.as_str())
    }
}
