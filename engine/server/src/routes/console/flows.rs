//! The flows, and which version takes calls.

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use ghanti_catalogue::{FlowState, Published, Rejected, VersionState};
use ghanti_console::words::Words;
use ghanti_console::{Came, Fault, Flow, FlowsPage, SetWeight, Version, Way, flows};
use ghanti_host::Rejection;

use super::Form;
use super::session::Viewer;
use crate::app::App;
use crate::problem::{Kind, Problem};
use crate::routes::flows::{promoted, read_again, rolled_back, weighed};
use crate::segments::{BadPath, Segments};

/// The reason recorded for a version that is rolled back here.
const ASKED_FOR: &str = "it was rolled back in the console";

/// The page. `done` of the query names the action that was just performed.
pub(super) async fn list(
    viewer: Viewer,
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Response {
    let query = Form::of_query(query.as_deref());
    let catalogue = &app.services.catalogue;
    let counts = catalogue.counts();
    let flow = |state: FlowState| {
        let counts = counts.get(state.name.as_str()).cloned().unwrap_or_default();
        let rejected = state.rejected.into_iter().map(
            |Rejected {
                 rejection, at_ms, ..
             }| fault(rejection, Some(at_ms)),
        );
        Flow {
            name: state.name.to_string(),
            versions: state.versions.into_iter().map(version).collect(),
            rejected: rejected.collect(),
            warnings: state.warnings,
            failures: [counts.trapped, counts.limited, counts.failed],
        }
    };
    let unclaimed = catalogue.unclaimed();
    let shown = FlowsPage {
        flows: catalogue.states().into_iter().map(flow).collect(),
        invalid: catalogue
            .invalid()
            .into_iter()
            .map(|entry| fault(entry, None))
            .collect(),
        unclaimed: (
            unclaimed.flow.map(|flow| flow.to_string()),
            unclaimed.because,
        ),
        message: message(viewer.words, query.text("done")).map(str::to_owned),
    };
    viewer.page(StatusCode::OK, flows(&viewer.site(&app, false), &shown))
}

fn message(words: &Words, done: &str) -> Option<&'static str> {
    match done {
        "promote" => Some(words.promoted),
        "rollback" => Some(words.rolled_back),
        "reload" => Some(words.reloaded),
        _ => None,
    }
}

/// A version as pages show it.
pub(super) fn version(state: VersionState) -> Version {
    Version {
        weight: state.share(),
        manifest_weight: state.weight,
        set: state.set.map(|set| SetWeight {
            by: set.by,
            at_ms: set.at_ms,
        }),
        id: state.id.to_string(),
        version: state.author_version,
        stage: state.stage.as_str(),
        calls: state.calls,
        came: state.published.map(came),
        reason: state.reason,
    }
}

fn came(published: Published) -> Came {
    let Published { at_ms, way } = published;
    Came {
        at_ms,
        by: way.by().map(str::to_owned),
        way: match way {
            ghanti_catalogue::Way::Folder => Way::Folder,
            ghanti_catalogue::Way::Api { .. } => Way::Api,
            ghanti_catalogue::Way::Prompt {
                prompt, language, ..
            } => Way::Prompt { prompt, language },
        },
    }
}

fn fault(rejection: Rejection, rejected_ms: Option<u64>) -> Fault {
    Fault {
        flow: rejection.flow,
        step: rejection.step.to_string(),
        reason: rejection.reason,
        line: rejection.line,
        hint: rejection.hint,
        rejected_ms,
    }
}

/// Scans the flows folder again.
pub(super) async fn reload(
    viewer: Viewer,
    State(app): State<App>,
    uri: Uri,
    body: Bytes,
) -> Response {
    let done = async {
        viewer.check(&Form::read(&body))?;
        read_again(&app).await?;
        Ok("flows?done=reload".to_owned())
    };
    viewer.ordered(&app, "POST", uri.path(), done.await)
}

/// Promotes a version, rolls it back, or sets the candidate's share of the calls.
pub(super) async fn change(
    viewer: Viewer,
    State(app): State<App>,
    uri: Uri,
    path: Result<Segments<(String, String)>, BadPath>,
    body: Bytes,
) -> Response {
    let mut detail = None;
    let done = || {
        let Segments((name, action)) = path?;
        let form = Form::read(&body);
        viewer.check(&form)?;
        match action.as_str() {
            "weight" => {
                let weight = form.text("weight").trim().parse().map_err(|_| {
                    let takes = "give a whole number from 0 to 100, in percent".to_owned();
                    Problem::parameter("weight", "cannot be read", takes)
                })?;
                let meant = Some(form.text("version"));
                let (name, set) = weighed(&app, name, weight, meant, viewer.identity())?;
                detail = Some(set);
                return Ok(format!("flows/{name}?done=weight"));
            }
            "promote" => promoted(&app, name).map(drop)?,
            "rollback" => rolled_back(&app, name, ASKED_FOR, viewer.identity()).map(drop)?,
            _ => {
                return Err(Problem::new(
                    Kind::UnknownPath,
                    "there is no such action",
                    "use `promote`, `rollback` or `weight`",
                ));
            }
        }
        Ok(format!("flows?done={action}"))
    };
    let done = done();
    viewer.ordered_with(&app, "POST", uri.path(), done, detail)
}
