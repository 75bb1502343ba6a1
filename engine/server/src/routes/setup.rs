//! `GET /setup`: a page that shows what to paste into each applet, and whether the applet has sent a request.
//!
//! Browsers do not send bearer tokens by themselves, so the API token is also accepted as the password
//! of HTTP Basic.

use axum::extract::State;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName};
use axum::response::{IntoResponse, Response};

use crate::access;
use crate::app::App;
use crate::base::Base;
use crate::config::After;
use crate::doctor::{Applet, Card, EntrySeen, ObservationsView, SetupPage, Urls, diagnose};
use crate::routes::doctor::{gather, is_guarded, urls};
use crate::routes::voicebot::{AFTER_CONNECT, FIRST_BRANCH, second_branch};
use ghanti_model::Role;

/// Nothing is loaded, nothing runs, and no other page may show this one.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

const HEADERS: [(HeaderName, &str); 5] = [
    (CONTENT_TYPE, "text/html; charset=utf-8"),
    (CONTENT_SECURITY_POLICY, POLICY),
    // the page contains tokens
    (CACHE_CONTROL, "no-store"),
    (REFERRER_POLICY, "no-referrer"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

/// Answers with the page.
///
/// # Errors
///
/// 401 without the API token, which a browser then asks for as a password; any user name is accepted.
/// 503 if too many diagnoses are running.
pub async fn setup(State(app): State<App>, headers: HeaderMap) -> Result<Response, Response> {
    access::page(&app, &headers, Role::Operator).map_err(access::with_challenge)?;
    let base = Base::new(&app.config, &headers);
    let has_tokens = is_guarded(&app) || has_no_tokens(&app);
    let urls = urls(&app, &base, is_guarded(&app));
    let evidence = gather(&app, urls, false)
        .await
        .map_err(IntoResponse::into_response)?;
    let page = SetupPage {
        now_ms: evidence.now_ms,
        cards: cards(&app, &evidence.urls, &evidence.observations),
        has_tokens,
        findings: diagnose(&evidence),
    };
    Ok((HEADERS, page.html()).into_response())
}

pub(super) fn has_no_tokens(app: &App) -> bool {
    let server = &app.config.server;
    server.stream_token.is_none() && server.applet_token.is_none()
}

/// The applets of the flow, in their order.
pub(super) fn cards(app: &App, urls: &Urls, observations: &ObservationsView) -> Vec<Card> {
    let seen = |applets: &[Applet]| {
        let mut all = EntrySeen::default();
        for entry in applets
            .iter()
            .filter_map(|applet| observations.entries.get(applet))
        {
            all = all.with(entry);
        }
        Some(all)
    };
    let calls = &app.config.calls;
    let not_async = || "\"Make Passthru Async\" is not ticked".to_owned();
    let mut cards = vec![
        Card {
            title: "Passthru, before the bot",
            paste: vec![("URL", urls.passthru.clone())],
            settings: vec![not_async(), FIRST_BRANCH.to_owned()],
            seen: seen(&[Applet::Passthru]),
        },
        Card {
            title: "Voicebot (not Stream, which is one-way)",
            paste: vec![
                ("URL", urls.voicebot_url.clone()),
                (
                    "URL, for accounts that cannot use a dynamic one",
                    urls.stream_url.clone(),
                ),
            ],
            settings: vec![format!("sample rate {} Hz", calls.sample_rate_hz)],
            seen: seen(&[Applet::VoicebotUrl, Applet::Stream]),
        },
        Card {
            title: "Passthru, after the bot",
            paste: vec![("URL", urls.passthru_after.clone())],
            settings: vec![not_async(), second_branch(calls.after).to_owned()],
            seen: seen(&[Applet::PassthruAfter]),
        },
    ];
    if calls.after == After::Select {
        cards.push(Card {
            title: "SwitchCase",
            paste: vec![
                ("Case that leads to Connect", "transfer".to_owned()),
                ("Case that leads to Hangup", "hang-up".to_owned()),
            ],
            settings: Vec::new(),
            seen: None,
        });
    }
    cards.extend([
        Card {
            title: "Connect",
            paste: vec![("Dial whom: dynamic URL", urls.connect.clone())],
            settings: vec![AFTER_CONNECT.to_owned()],
            seen: seen(&[Applet::Connect]),
        },
        Card {
            title: "Passthru, after Connect",
            paste: vec![("URL", urls.passthru_after.clone())],
            settings: vec![not_async(), "lead both branches to Hangup".to_owned()],
            seen: seen(&[Applet::AfterConnect]),
        },
        Card {
            title: "Status callback (no applet: StatusCallback of the request to dial)",
            paste: vec![("URL", urls.status.clone())],
            settings: vec!["the engine's own dialling gives it by itself".to_owned()],
            seen: seen(&[Applet::Status]),
        },
    ]);
    cards
}
