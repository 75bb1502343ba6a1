//! `GET /api/doctor`: gathers the doctor's evidence, and answers with its findings.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use ghanti_model::{CallId, CallRecord, CallSid, CallState, Language, unix_ms};
use ghanti_speech::Utterance;
use ghanti_speech::cache::Keep;
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::Api;
use crate::answer::Answer;
use crate::app::App;
use crate::base::Base;
use crate::config::Config;
use crate::doctor::{
    Applet, Disk, EngineState, EntrySeen, Evidence, Finding, Findings, Reach, Urls, diagnose,
    of_call,
};
use crate::problem::{Kind, Problem};
use crate::query::Query;
use crate::refusal::NO_SID;
use crate::routes::calls::find;
use crate::secret::Secret;

/// Maximum number of diagnoses at once: each reads a day's calls.
pub const DIAGNOSES: usize = 2;
/// Maximum number of calls that a diagnosis reads: the newest of the last day.
const CALLS: u32 = 500;
/// How far back a diagnosis reads calls, in milliseconds.
const DAY_MS: u64 = 24 * 3_600_000;
/// Timeout for synthesizing a word.
const SPEECH: Duration = Duration::from_secs(5);

/// The answer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Doctor)]
pub struct Report {
    /// When the diagnosis was made, in milliseconds since 1970-01-01T00:00:00Z.
    checked_ms: u64,
    /// How many calls were evaluated.
    calls: usize,
    /// Everything that is wrong; empty if nothing is.
    findings: Vec<Finding>,
    /// Exotel's requests since the start.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    applets: Vec<AppletSeen>,
    /// The call that the request named.
    #[serde(skip_serializing_if = "Option::is_none")]
    call: Option<CallSeen>,
}

#[derive(Debug, Serialize, ToSchema)]
struct AppletSeen {
    applet: Applet,
    path: &'static str,
    #[serde(flatten)]
    seen: EntrySeen,
}

#[derive(Debug, Serialize, ToSchema)]
struct CallSeen {
    call_id: CallId,
    call_sid: Option<CallSid>,
    state: CallState,
    outcome: Option<String>,
}

/// Answers with findings about the whole set-up or, with `?call=ID`, about one call. With
/// `?speech=true` it also synthesizes a word.
///
/// # Errors
///
/// 400 for a parameter that is unknown or cannot be read; for a call as `GET /api/calls/{id}`; 503 if
/// [`DIAGNOSES`] are running, or the database does not answer for a call.
#[utoipa::path(
    get,
    path = "/api/doctor",
    tag = "doctor",
    operation_id = "doctor_doctor",
    params(
        ("call" = Option<String>, Query, description = "about one call alone: its id, or CallSid"),
        ("speech" = Option<bool>, Query, description = "whether a word is synthesized, to check speech"),
    ),
    responses(
        (status = 200, description = "the findings", body = Report),
        (status = 400, description = "`unusable-parameter`, `unusable-call-id`"),
        (status = 401, description = "`unauthorized`"),
        (status = 404, description = "`unknown-call`"),
        (status = 503, description = "`store-unavailable`, `too-many-looks`"),
    )
)]
pub async fn doctor(
    _: Api,
    State(app): State<App>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Answer<Report>, Problem> {
    let query = Query::read(query.as_deref(), &["call", "speech"])?;
    let speaks = query.flag("speech")?;
    let urls = urls(&app, &Base::new(&app.config, &headers), is_guarded(&app));
    if let Some(id) = query.text("call") {
        let record = find(&app, id).await?;
        return Ok(Answer(Report {
            checked_ms: unix_ms(),
            calls: 1,
            findings: findings_of(&record, &urls),
            applets: Vec::new(),
            call: Some(CallSeen {
                call_id: record.call_id,
                call_sid: record.call_sid,
                state: record.state,
                outcome: record.outcome,
            }),
        }));
    }
    let evidence = gather(&app, urls, speaks).await?;
    let entries = &evidence.observations.entries;
    let applets = Applet::ALL.into_iter().map(|applet| AppletSeen {
        applet,
        path: applet.path(),
        seen: entries.get(&applet).cloned().unwrap_or_default(),
    });
    Ok(Answer(Report {
        checked_ms: evidence.now_ms,
        calls: evidence.calls.len(),
        findings: diagnose(&evidence),
        applets: applets.collect(),
        call: None,
    }))
}

/// Findings from one call's record.
pub fn findings_of(record: &CallRecord, urls: &Urls) -> Vec<Finding> {
    let mut findings = Findings::default();
    for (code, words) in of_call(record) {
        findings.add(code, words);
    }
    findings.with_fixes(urls)
}

/// Whether there is an API token, so that an answer which requires it may contain the other tokens.
pub fn is_guarded(app: &App) -> bool {
    app.config.server.api_token.is_some()
}

/// The URLs to paste into Exotel. Without `with_tokens` a placeholder stands for each token.
pub fn urls(app: &App, base: &Base, with_tokens: bool) -> Urls {
    let shown = |token: &Secret| {
        if with_tokens {
            token.in_url()
        } else {
            "TOKEN".to_owned()
        }
    };
    let applet = |path: &str| base.applet(&app.config, path, shown);
    Urls {
        passthru: applet("/passthru"),
        voicebot_url: applet("/voicebot-url"),
        stream_url: base.stream(&app.config, NO_SID, shown),
        passthru_after: applet("/passthru/after"),
        connect: applet("/connect"),
        status: applet("/status"),
    }
}

/// Gathers the doctor's evidence. `speaks` is whether to synthesize a word.
///
/// # Errors
///
/// 503 if [`DIAGNOSES`] are running.
pub async fn gather(app: &App, urls: Urls, speaks: bool) -> Result<Evidence, Problem> {
    let Ok(_permit) = app.looks.try_acquire() else {
        return Err(Problem::new(
            Kind::TooManyLooks,
            format!("{DIAGNOSES} diagnoses are running already"),
            "ask again in a second",
        ));
    };
    let registry = &app.services.registry;
    let (engine, calls) = tokio::join!(engine(app, speaks), registry.newest(CALLS));
    let now_ms = unix_ms();
    let mut engine = engine;
    let mut calls = calls.unwrap_or_else(|error| {
        let away = error.to_string();
        if !engine.stores_down.contains(&away) {
            engine.stores_down.push(away);
        }
        Vec::new()
    });
    calls.retain(|record| now_ms.saturating_sub(record.created_ms) < DAY_MS);
    Ok(Evidence {
        now_ms,
        urls,
        reach: reach(&app.config),
        engine,
        observations: app.observations.view(),
        calls,
    })
}

fn reach(config: &Config) -> Reach {
    let server = &config.server;
    let tokens = [
        ("stream-token", &server.stream_token),
        ("applet-token", &server.applet_token),
        ("api-token", &server.api_token),
    ];
    let stores = [
        ("Redis", &config.stores.redis_url),
        ("PostgreSQL", &config.stores.database_url),
    ];
    Reach {
        public_url: server.public_url.clone(),
        listens_to_others: !server.listen.ip().to_canonical().is_loopback(),
        missing_tokens: tokens
            .into_iter()
            .filter(|(_, token)| token.is_none())
            .map(|(name, _)| name)
            .collect(),
        account_sid: config.exotel.account_sid.clone(),
        stores_without_tls: stores
            .into_iter()
            .filter(|(_, url)| {
                url.as_ref()
                    .is_some_and(|url| is_plain_elsewhere(url.expose()))
            })
            .map(|(name, _)| name)
            .collect(),
    }
}

/// Whether a store is on another machine and its URL does not use TLS. PostgreSQL there uses TLS
/// unless the URL says otherwise.
fn is_plain_elsewhere(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else {
        return false;
    };
    if matches!(scheme, "sqlite" | "rediss") || scheme.ends_with("unix") {
        return false;
    }
    let is_disabled = |name: &str| rest.contains(&format!("{name}=disable"));
    if scheme.starts_with("postgres") && !is_disabled("sslmode") && !is_disabled("ssl-mode") {
        return false;
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let authority = rest.get(..end).unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let name = match host.strip_prefix('[') {
        Some(address) => address.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let is_loopback = name
        .parse::<IpAddr>()
        .is_ok_and(|address| address.to_canonical().is_loopback());
    !name.is_empty() && name != "localhost" && !is_loopback
}

async fn engine(app: &App, speaks: bool) -> EngineState {
    let services = &app.services;
    let (sessions, records) =
        tokio::join!(services.sessions.ping(), services.registry.archive().ping());
    let stores_down = [sessions, records]
        .into_iter()
        .filter_map(|answer| answer.err().map(|error| error.to_string()))
        .collect();
    let versions = services.catalogue.versions();
    let mut flow_problems = services.catalogue.problems();
    for flow in app.config.flows.keys() {
        if !versions.contains_key(flow) {
            flow_problems.push(format!(
                "`[flows]` of ghanti.toml has settings of `{flow}`, which is not loaded"
            ));
        }
    }
    let (mut samples, mut unrecognized_languages) = (BTreeMap::new(), BTreeMap::new());
    for (name, version) in &versions {
        let used = version.samples();
        if !used.is_empty() {
            samples.insert(name.to_string(), used);
        }
        // an engine without a recogniser is the operator's choice
        if let Some(recognizer) = &services.recognizer {
            let not_heard: Vec<_> = version
                .languages
                .iter()
                .filter(|language| !recognizer.understands(language))
                .map(ToString::to_string)
                .collect();
            if !not_heard.is_empty() {
                unrecognized_languages.insert(name.to_string(), not_heard);
            }
        }
    }
    let data = Arc::clone(&app.data);
    let disk = tokio::task::spawn_blocking(move || disk(&data)).await;
    EngineState {
        is_draining: app.draining.is_cancelled(),
        limited_by: app.limited_by.clone(),
        stores_down,
        disk: disk.ok().flatten(),
        flow_problems,
        samples,
        unrecognized_languages,
        missing_voice: app
            .config
            .speech
            .missing_voice()
            .map(|folder| folder.display().to_string()),
        speech_failure: if speaks {
            speech_failure(app).await
        } else {
            None
        },
    }
}

fn disk(folder: &Path) -> Option<Disk> {
    let found = rustix::fs::statvfs(folder).ok()?;
    Some(Disk {
        free_bytes: found.f_bavail.saturating_mul(found.f_frsize),
        all_bytes: found.f_blocks.saturating_mul(found.f_frsize),
    })
}

/// The error of synthesizing a word; `None` if it works.
async fn speech_failure(app: &App) -> Option<String> {
    let utterance = Utterance {
        text: "one".into(),
        language: Language::english(),
        voice: None,
    };
    let mut audio =
        app.services
            .prompts
            .fetch(&utterance, app.config.calls.sample_rate_hz, Keep::Personal);
    match tokio::time::timeout(SPEECH, audio.next()).await {
        Ok(Some(Ok(_))) => None,
        Ok(Some(Err(error))) => Some(error.to_string()),
        Ok(None) => Some("the synthesiser returned no audio for a word".to_owned()),
        Err(_) => Some(format!(
            "no word was synthesized within {} s",
            SPEECH.as_secs()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_on_another_machine_needs_tls() {
        for (url, expected) in [
            ("redis://localhost:6379", false),
            ("redis://user:p%40w@127.0.0.1:6379/1", false),
            ("redis://[::1]:6379", false),
            ("redis+unix:///run/redis.sock", false),
            ("sqlite://data/calls.db", false),
            ("postgres:///calls", false),
            ("redis://cache.example.com:6379", true),
            ("rediss://cache.example.com:6379", false),
            ("postgres://u:p@10.0.0.5/calls", false),
            ("postgres://u:p@10.0.0.5/calls?sslmode=disable", true),
        ] {
            assert_eq!(is_plain_elsewhere(url), expected, "{url}");
        }
    }
}
