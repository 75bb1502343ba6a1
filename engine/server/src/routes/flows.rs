//! `/api/flows`: lists the flows with their versions and rejections; reloads, promotes, rolls back, and
//! sets a candidate's share of the calls.

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use ghanti_catalogue::{ChangeError, FlowState, Rejected, SetWeight, VersionState, Way};
use ghanti_host::Rejection;
use ghanti_model::{FlowName, VersionId, unix_ms};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::access::Api;
use crate::answer::Answer;
use crate::app::App;
use crate::audit::Detail;
use crate::problem::{Kind, Problem};
use crate::role::Identity;
use crate::segments::{BadPath, Segments};

/// The reason recorded for a version rolled back by `POST /api/flows/{name}/rollback`.
const ASKED_FOR: &str = "it was rolled back through the API";

/// The response of `GET /api/flows`.
#[derive(Serialize, ToSchema)]
pub struct Flows {
    items: Vec<Flow>,
    /// Always null: all flows are shown.
    next: Option<String>,
    /// Entries of the flows folder that are not flows.
    invalid: Vec<Fault>,
    unclaimed: Unclaimed,
}

/// What happens to calls that no flow's `[match]` claims.
#[derive(Serialize, ToSchema)]
#[schema(as = UnclaimedCalls)]
struct Unclaimed {
    /// The flow that takes them; `null` if they end with the outcome `no-flow`.
    flow: Option<FlowName>,
    because: String,
}

/// A flow.
#[derive(Serialize, ToSchema)]
pub struct Flow {
    name: FlowName,
    versions: Vec<Version>,
    rejected: Vec<Fault>,
    /// Problems despite which it takes calls.
    warnings: Vec<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = FlowVersion)]
struct Version {
    id: VersionId,
    /// The version number given by the author.
    version: String,
    /// `candidate`, `active`, `previous`, `rolled-back` or `draining`.
    state: &'static str,
    calls: u32,
    /// A candidate's share of new calls that is in force, in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    weight: Option<u8>,
    /// The share that a candidate's manifest asks for, in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    manifest_weight: Option<u8>,
    /// Who has set the share that is in force; missing where it is the manifest's.
    #[serde(skip_serializing_if = "Option::is_none")]
    weight_set: Option<WeightSet>,
    loaded_ms: u64,
    /// How it came to this engine; missing if an earlier engine took it, which did not note it.
    #[serde(skip_serializing_if = "Option::is_none")]
    published: Option<Published>,
    /// Why it was rolled back.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rolled_back_ms: Option<u64>,
}

/// By whom and when a candidate's share was set.
#[derive(Serialize, ToSchema)]
#[schema(as = CandidateWeightSet)]
struct WeightSet {
    /// The name of the token.
    by: String,
    set_ms: u64,
}

/// How a version came to this engine, and when.
#[derive(Serialize, ToSchema)]
#[schema(as = PublishedVersion)]
struct Published {
    /// `api`: it was sent over the API; `prompt`: a prompt was changed in the console; `folder`: its files
    /// were found in the flows folder.
    how: &'static str,
    /// The name of the token with which it was published; null for `folder`.
    by: Option<String>,
    /// The prompt that was changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt: Option<String>,
    /// The language that got another text.
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<String>,
    published_ms: u64,
}

#[derive(Serialize, ToSchema)]
#[schema(as = RejectedFlow)]
struct Fault {
    /// The flow's name, or the file's name if it is not a valid flow name.
    flow: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<VersionId>,
    step: String,
    reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    hint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rejected_ms: Option<u64>,
}

/// Returns all flows with their versions, the number of calls on each, and the rejected candidates.
#[utoipa::path(
    get,
    path = "/api/flows",
    tag = "flows",
    operation_id = "flows_list",
    responses(
        (status = 200, description = "all flows", body = Flows),
        (status = 401, description = "`unauthorized`"),
    )
)]
pub async fn list(_: Api, State(app): State<App>) -> Answer<Flows> {
    Answer(all(&app))
}

/// Scans the folder now, retrying what was rejected. Answers 200 with all flows even if some were
/// rejected, or 503 if the folder cannot be read.
#[utoipa::path(
    post,
    path = "/api/flows/reload",
    tag = "flows",
    operation_id = "flows_reload",
    responses(
        (status = 200, description = "all flows", body = Flows),
        (status = 401, description = "`unauthorized`"),
        (status = 503, description = "`flows-unreadable`"),
    )
)]
pub async fn reload(_: Api, State(app): State<App>) -> Result<Answer<Flows>, Problem> {
    read_again(&app).await?;
    Ok(Answer(all(&app)))
}

/// Scans the folder now, retrying what was rejected.
///
/// # Errors
///
/// 503 if it cannot be read.
pub(super) async fn read_again(app: &App) -> Result<(), Problem> {
    app.services.catalogue.reload().await.map_err(|error| {
        let hint =
            "create the folder, or name another with --flows; until then all flows stay as they are";
        Problem::new(Kind::FlowsUnreadable, error.to_string(), hint)
    })?;
    Ok(())
}

/// Withdraws the candidate, or if there is none, makes the previous version active again. Answers
/// 200 with the flow, 404 for an unknown flow, 409 if there is no version to return to.
#[utoipa::path(
    post,
    path = "/api/flows/{name}/rollback",
    tag = "flows",
    operation_id = "flows_rollback",
    params(
        ("name" = String, Path, description = "its name"),
    ),
    responses(
        (status = 200, description = "the flow", body = Flow),
        (status = 400, description = "`unreadable-path`, `unusable-name`"),
        (status = 401, description = "`unauthorized`"),
        (status = 404, description = "`unknown-flow`"),
        (status = 409, description = "`no-other-version`"),
    )
)]
pub async fn rollback(
    Api { identity }: Api,
    State(app): State<App>,
    name: Result<Segments<String>, BadPath>,
) -> Result<Answer<Flow>, Problem> {
    let Segments(name) = name?;
    one(&app, rolled_back(&app, name, ASKED_FOR, &identity)?)
}

/// Makes the candidate active, or if there is none, the version that was rolled back. Answers as
/// [`rollback`] does.
#[utoipa::path(
    post,
    path = "/api/flows/{name}/promote",
    tag = "flows",
    operation_id = "flows_promote",
    params(
        ("name" = String, Path, description = "its name"),
    ),
    responses(
        (status = 200, description = "the flow", body = Flow),
        (status = 400, description = "`unreadable-path`, `unusable-name`"),
        (status = 401, description = "`unauthorized`"),
        (status = 404, description = "`unknown-flow`"),
        (status = 409, description = "`no-other-version`"),
    )
)]
pub async fn promote(
    _: Api,
    State(app): State<App>,
    name: Result<Segments<String>, BadPath>,
) -> Result<Answer<Flow>, Problem> {
    let Segments(name) = name?;
    one(&app, promoted(&app, name)?)
}

/// The share of new calls that a flow's candidate is to take.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SetCandidateWeight)]
pub struct Weight {
    /// In percent, from 0 (none) to 100 (all).
    #[schema(minimum = 0, maximum = 100)]
    weight: u8,
    /// The id of the version that has to be the candidate still, as `GET /api/flows` has it.
    version: Option<String>,
}

/// Gives the candidate another share of the new calls than its manifest asks for; running calls keep their
/// version. It holds until the candidate is promoted, rolled back or replaced by another version, at this
/// engine, and until that stops. 0 takes no new calls, 100 takes all of them and promotes nothing.
///
/// # Errors
///
/// 404 for an unknown flow, 409 if it has no candidate, or another one than the body names.
#[utoipa::path(
    put,
    path = "/api/flows/{name}/weight",
    tag = "flows",
    operation_id = "flows_weight",
    params(
        ("name" = String, Path, description = "its name"),
    ),
    request_body = Weight,
    responses(
        (status = 200, description = "the flow", body = Flow),
        (status = 400, description = "`unreadable-path`, `unusable-name`, `body-not-read`, `body-not-json`, `body-not-expected`"),
        (status = 401, description = "`unauthorized`"),
        (status = 404, description = "`unknown-flow`, `unknown-version`"),
        (status = 409, description = "`no-other-version`, `flow-changed-meanwhile`"),
        (status = 413, description = "`body-too-large`"),
    )
)]
pub async fn weight(
    Api { identity }: Api,
    State(app): State<App>,
    name: Result<Segments<String>, BadPath>,
    body: Result<Bytes, BytesRejection>,
) -> Result<(Extension<Detail>, Answer<Flow>), Problem> {
    let Segments(name) = name?;
    let Weight { weight, version } = serde_json::from_slice(&body?)
        .map_err(|error| Problem::json(&error, "send `{\"weight\": 25}`, in percent"))?;
    let (name, detail) = weighed(&app, name, weight, version.as_deref(), &identity)?;
    Ok((Extension(detail), one(&app, name)?))
}

/// Sets the share of a flow's candidate. Returns the flow's name, and what the audit log says of it.
///
/// # Errors
///
/// As [`weight`].
pub(super) fn weighed(
    app: &App,
    name: String,
    weight: u8,
    version: Option<&str>,
    identity: &Identity,
) -> Result<(FlowName, Detail), Problem> {
    let name = named(name)?;
    if weight > 100 {
        return Err(Problem::new(
            Kind::BodyNotExpected,
            "the share is more than all calls",
            "give a share from 0 to 100, in percent",
        ));
    }
    let meant = version.map(|version| VersionId::parse(version.to_owned()));
    let meant = meant.transpose().map_err(|_| {
        Problem::new(
            Kind::UnknownVersion,
            "this is not the id of a version",
            "GET /api/flows has the ids of a flow's versions",
        )
    })?;
    let set = SetWeight {
        weight,
        by: identity.name.clone(),
        at_ms: unix_ms(),
    };
    let catalogue = &app.services.catalogue;
    let candidate = catalogue
        .set_weight(&name, meant.as_ref(), set)
        .map_err(unchanged)?;
    let detail = Detail(format!("version {candidate}: {weight} % of new calls"));
    Ok((name, detail))
}

/// Rolls a flow back, and records where it was asked for and by whom. Returns its name.
///
/// # Errors
///
/// As [`rollback`].
pub(super) fn rolled_back(
    app: &App,
    name: String,
    asked_for: &str,
    identity: &Identity,
) -> Result<FlowName, Problem> {
    let name = named(name)?;
    let reason = format!("{asked_for} by `{}`", identity.name);
    let catalogue = &app.services.catalogue;
    catalogue.rollback(&name, &reason).map_err(unchanged)?;
    Ok(name)
}

/// Promotes a version of a flow. Returns its name.
///
/// # Errors
///
/// As [`promote`].
pub(super) fn promoted(app: &App, name: String) -> Result<FlowName, Problem> {
    let name = named(name)?;
    app.services.catalogue.promote(&name).map_err(unchanged)?;
    Ok(name)
}

const NAMES: &str = "see GET /api/flows for the names";

/// The name of a flow.
///
/// # Errors
///
/// 400 if it is none.
pub(super) fn named(name: String) -> Result<FlowName, Problem> {
    FlowName::parse(name)
        .map_err(|error| Problem::new(Kind::UnusableName, error.to_string(), NAMES))
}

/// Why a flow was not changed, or is not shown.
pub(super) fn unchanged(error: ChangeError) -> Problem {
    let (kind, hint) = match error {
        ChangeError::Unknown(_) => (Kind::UnknownFlow, NAMES),
        ChangeError::NothingBefore(_) | ChangeError::NothingToPromote(_) => (
            Kind::NoOtherVersion,
            "put the files of the version you want into the flow's folder",
        ),
        ChangeError::NoCandidate(_) => (
            Kind::NoOtherVersion,
            "a version becomes a candidate by `[update] weight` of its manifest, below 100",
        ),
        ChangeError::OtherCandidate { .. } => (
            Kind::FlowChanged,
            "look at the flow's versions as they are now",
        ),
    };
    Problem::new(kind, error.to_string(), hint)
}

fn all(app: &App) -> Flows {
    let catalogue = &app.services.catalogue;
    let ghanti_catalogue::Unclaimed {
        flow: unclaimed,
        because,
        ..
    } = catalogue.unclaimed();
    Flows {
        unclaimed: Unclaimed {
            flow: unclaimed,
            because,
        },
        items: catalogue.states().into_iter().map(flow).collect(),
        next: None,
        invalid: catalogue
            .invalid()
            .into_iter()
            .map(|entry| fault(entry, None, None))
            .collect(),
    }
}

fn one(app: &App, name: FlowName) -> Result<Answer<Flow>, Problem> {
    let state = app
        .services
        .catalogue
        .states()
        .into_iter()
        .find(|state| state.name == name);
    state
        .map(|state| Answer(flow(state)))
        .ok_or_else(|| unchanged(ChangeError::Unknown(name)))
}

fn flow(state: FlowState) -> Flow {
    let rejected = state.rejected.into_iter().map(
        |Rejected {
             version,
             rejection,
             at_ms,
         }| fault(rejection, version, Some(at_ms)),
    );
    let versions = state.versions.into_iter().map(version).collect();
    Flow {
        name: state.name,
        versions,
        rejected: rejected.collect(),
        warnings: state.warnings,
    }
}

fn version(state: VersionState) -> Version {
    let weight = state.share();
    Version {
        weight,
        manifest_weight: weight.map(|_| state.weight),
        weight_set: state.set.map(|set| WeightSet {
            by: set.by,
            set_ms: set.at_ms,
        }),
        id: state.id,
        version: state.author_version,
        state: state.stage.as_str(),
        calls: state.calls,
        loaded_ms: state.loaded_ms,
        published: state.published.map(published),
        reason: state.reason,
        rolled_back_ms: state.rolled_back_ms,
    }
}

fn published(published: ghanti_catalogue::Published) -> Published {
    let ghanti_catalogue::Published { at_ms, way } = published;
    let (how, by) = (way.as_str(), way.by().map(str::to_owned));
    let (prompt, language) = match way {
        Way::Prompt {
            prompt, language, ..
        } => (Some(prompt), Some(language)),
        Way::Folder | Way::Api { .. } => (None, None),
    };
    Published {
        how,
        by,
        prompt,
        language,
        published_ms: at_ms,
    }
}

fn fault(rejection: Rejection, id: Option<VersionId>, rejected_ms: Option<u64>) -> Fault {
    let Rejection {
        flow,
        step,
        reason,
        hint,
        line,
    } = rejection;
    Fault {
        flow,
        id,
        step: step.to_string(),
        reason,
        line,
        hint,
        rejected_ms,
    }
}
