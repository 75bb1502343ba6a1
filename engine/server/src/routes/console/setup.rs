//! The set-up page: the applets as on `/setup`, the doctor's findings, and the settings in force.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use ghanti_console::{Applet, Lamp, SetupPage, setup};

use super::calls::finding;
use super::session::Viewer;
use crate::app::App;
use crate::base::Base;
use crate::config::printed;
use crate::doctor::{Card, EntrySeen, ago, diagnose};
use crate::routes::doctor::{gather, is_guarded, urls};
use crate::routes::setup::{cards, has_no_tokens};

/// The page.
pub(super) async fn page(viewer: Viewer, State(app): State<App>, headers: HeaderMap) -> Response {
    let urls = urls(&app, &Base::new(&app.config, &headers), is_guarded(&app));
    let evidence = match gather(&app, urls, false).await {
        Ok(evidence) => evidence,
        Err(problem) => return viewer.failed(&app, &problem),
    };
    let applets = cards(&app, &evidence.urls, &evidence.observations).into_iter();
    let shown = SetupPage {
        applets: applets.map(|card| applet(card, evidence.now_ms)).collect(),
        has_tokens: is_guarded(&app) || has_no_tokens(&app),
        findings: diagnose(&evidence).into_iter().map(finding).collect(),
        settings: printed(&app.config),
    };
    viewer.page(StatusCode::OK, setup(&viewer.site(&app, false), &shown))
}

fn applet(card: Card, now_ms: u64) -> Applet {
    let paste = card.paste.into_iter();
    Applet {
        title: card.title.to_owned(),
        paste: paste
            .map(|(place, value)| (place.to_owned(), value))
            .collect(),
        settings: card.settings,
        lamps: card.seen.map_or_else(Vec::new, |seen| lamps(&seen, now_ms)),
    }
}

fn lamps(seen: &EntrySeen, now_ms: u64) -> Vec<(Lamp, String)> {
    let mut lamps = Vec::new();
    if seen.refused.count > 0 {
        let when = ago(now_ms, seen.refused.last_ms);
        let reported = format!("refused {} times, last {when}", seen.refused.count);
        lamps.push((Lamp::Refused, reported));
    }
    if seen.served.count > 0 {
        let when = ago(now_ms, seen.served.last_ms);
        lamps.push((Lamp::Asked, format!("asked {when}")));
    }
    if lamps.is_empty() {
        lamps.push((Lamp::Never, "never asked".to_owned()));
    }
    lamps
}
