//! The map of a flow's conversations: the drawing, the properties, and every path with what is said
//! on it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::header::REFRESH;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use ghanti_console::{FlowMap, MapPage, MapState, Path, Paths, Property, Spoken, flow_map};
use ghanti_explore::map;
use ghanti_explore::paths::{self, Exploration, Severity};
use ghanti_explore::transcript::{Line, Speaker, lines};
use ghanti_host::FlowVersion;
use ghanti_model::{Extent, Language};

use super::Form;
use super::flow::Shown;
use super::session::Viewer;
use crate::app::App;
use crate::explored::Map;
use crate::segments::{BadPath, Segments};

/// After how many seconds a page asks again whether its map is drawn.
const AGAIN: HeaderValue = HeaderValue::from_static("2");

/// The page. `language` of the query is that of the prompts.
pub(super) async fn show(
    viewer: Viewer,
    State(app): State<App>,
    name: Result<Segments<String>, BadPath>,
    RawQuery(query): RawQuery,
) -> Response {
    let query = Form::of_query(query.as_deref());
    let shown = match Shown::asked(&app, name, &query) {
        Ok(shown) => shown,
        Err(problem) => return viewer.failed(&app, &problem),
    };
    let version = Arc::clone(&shown.version);
    let (tests, digest) = shown.tests(&shown.on_disk(&app).await);
    let (status, is_late, state) = match app.explored.map(&version, &tests, &digest).await {
        Map::Drawn(exploration) => {
            let asked = query.text("language");
            let language = version.languages.iter().find(|own| own.as_str() == asked);
            let language = language.or(version.languages.first()).cloned();
            let written = {
                let (version, exploration) = (Arc::clone(&version), exploration);
                let write = move || drawn(&version, &exploration, language.as_ref());
                tokio::task::spawn_blocking(write).await
            };
            match written {
                Ok(written) => (StatusCode::OK, false, written),
                Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, false, MapState::Failed),
            }
        }
        Map::Drawing => (StatusCode::OK, true, MapState::Drawing),
        Map::Busy => (StatusCode::SERVICE_UNAVAILABLE, true, MapState::Busy),
        Map::Failed => (StatusCode::INTERNAL_SERVER_ERROR, false, MapState::Failed),
    };
    let page = MapPage {
        flow: version.name.to_string(),
        id: version.id.to_string(),
        version: version.description.described.version.clone(),
        stage: shown.stage().as_str(),
        languages: version.languages.iter().map(ToString::to_string).collect(),
        state,
    };
    let mut answer = viewer.page(status, flow_map(&viewer.site(&app, false), &page));
    if is_late {
        answer.headers_mut().insert(REFRESH, AGAIN);
    }
    answer
}

fn drawn(
    version: &FlowVersion,
    exploration: &Exploration,
    language: Option<&Language>,
) -> MapState {
    let distinct = map::distinct(exploration);
    let mut ends: BTreeMap<String, Vec<Path>> = BTreeMap::new();
    for (at, path) in distinct.iter().enumerate() {
        let one = one(version, exploration, path, at + 1, language);
        ends.entry(map::ending(path)).or_default().push(one);
    }
    let side = exploration.side_ends.iter().enumerate().map(|(at, path)| {
        let number = distinct.len() + at + 1;
        Paths {
            end: map::ending(path),
            paths: vec![one(version, exploration, path, number, language)],
        }
    });
    let properties = map::properties(version, exploration).into_iter();
    let findings = exploration.findings.iter();
    MapState::Drawn(Box::new(FlowMap {
        svg: map::drawing(&map::graph(version, exploration)),
        language: language.map(ToString::to_string).unwrap_or_default(),
        paths: distinct.len(),
        longest_ms: exploration.longest_ms,
        customers: exploration
            .situations
            .iter()
            .map(|situation| situation.name.clone())
            .collect(),
        is_whole: exploration.is_whole(),
        limits: exploration.limits.clone(),
        properties: properties
            .map(|stated| Property {
                property: stated.property,
                broken: stated.broken,
            })
            .collect(),
        findings: findings
            .filter(|found| found.line.is_none())
            .map(|found| {
                let path = found.path.clone().unwrap_or_default();
                let is_error = found.severity == Severity::Error;
                (is_error, found.message.clone(), path)
            })
            .collect(),
        ends: ends
            .into_iter()
            .map(|(end, paths)| Paths { end, paths })
            .collect(),
        side_ends: side.collect(),
    }))
}

fn one(
    version: &FlowVersion,
    exploration: &Exploration,
    path: &paths::Path,
    number: usize,
    language: Option<&Language>,
) -> Path {
    let situation = exploration.situations.get(path.situation);
    let said = situation.map(|situation| {
        let today = situation.known.today();
        lines(version, &path.events, today, language)
    });
    Path {
        number,
        answers: path.answers(),
        lasts_ms: path.ms,
        customer: situation
            .map(|situation| situation.name.clone())
            .unwrap_or_default(),
        lines: said.unwrap_or_default().into_iter().map(line).collect(),
    }
}

fn line(line: Line) -> Spoken {
    Spoken {
        is_bot: line.speaker == Speaker::Bot,
        is_caller: line.speaker == Speaker::Caller,
        is_partly: line.heard == Some(Extent::Partial),
        is_unheard: line.heard == Some(Extent::Unheard),
        text: line.text,
        name: line.name,
    }
}
