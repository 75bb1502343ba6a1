//! `PUT /api/flows/{name}`: receives a version of a flow, and puts it into the flows folder if it is
//! not rejected.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request, State};
use ghanti_catalogue::{Bundle, DeployError, Deployed, NotInPlace, Way};
use ghanti_model::{FlowName, VersionId};
use serde::Serialize;
use tokio::sync::OwnedSemaphorePermit;
use utoipa::ToSchema;

use crate::access::Api;
use crate::answer::Answer;
use crate::app::App;
use crate::archive::unpacked;
use crate::problem::{Kind, Problem};
use crate::segments::{BadPath, Segments};

/// Maximum size of an archive in bytes. Packing halves a component of the maximum size.
pub const BODY_BYTES: usize = 48 << 20;
/// How long a request waits for the result: a component of the maximum size is compiled within a few
/// minutes on a small machine.
const VERDICT: Duration = Duration::from_secs(600);
/// Maximum number of deployments at once: each is in memory, packed and unpacked.
pub const DEPLOYS: usize = 1;

/// The response for a deployed version.
#[derive(Serialize, ToSchema)]
#[schema(as = DeployedFlow)]
pub struct Taken {
    /// The flow's name.
    flow: FlowName,
    /// The version.
    id: VersionId,
    /// The version number given by the author.
    version: String,
    /// `active`, or `candidate` if its manifest asks for a share of the calls. An unchanged version
    /// keeps its state.
    state: &'static str,
    /// Whether the same version was already in the folder.
    was_there: bool,
}

/// Deploys a version of a flow: a ZIP archive with only the files of its folder (`flow.wasm`,
/// `flow.toml`, `prompts/`, `audio/`, `tests/`). The version is loaded, and its tests and gates run,
/// before anything is changed; then its files are moved into the flows folder atomically, and it takes
/// calls as `[update]` of its manifest says. Running calls keep their version.
///
/// # Errors
///
/// 403 if the configuration does not allow it, 422 with step, reason, line and hint for a version
/// that is rejected, 409 while another deployment is in progress.
#[utoipa::path(
    put,
    path = "/api/flows/{name}",
    tag = "flows",
    operation_id = "flows_deploy",
    params(
        ("name" = String, Path, description = "its name, new or known"),
    ),
    request_body(content = Vec<u8>, content_type = "application/zip", description = "a ZIP archive of the flow's folder"),
    responses(
        (status = 200, description = "it takes calls", body = Taken),
        (status = 400, description = "`unreadable-path`, `unusable-name`, `body-not-read`, `unusable-archive`"),
        (status = 401, description = "`unauthorized`"),
        (status = 403, description = "`deploying-is-off`"),
        (status = 409, description = "`another-deployment`, `flow-not-replaceable`, `flows-read-only`"),
        (status = 413, description = "`body-too-large`"),
        (status = 422, description = "`flow-rejected`"),
        (status = 503, description = "`no-verdict-yet`"),
    )
)]
pub async fn put(
    Api { identity }: Api,
    State(app): State<App>,
    name: Result<Segments<String>, BadPath>,
    request: Request,
) -> Result<Answer<Taken>, Problem> {
    let Segments(name) = name?;
    may_deploy(&app)?;
    let name = named(name)?;
    // before the body is read into memory
    let slot = slot(&app)?;
    let body = Bytes::from_request(request, &()).await?;
    let bundle = async move {
        let bundle = tokio::task::spawn_blocking(move || unpacked(&body)).await;
        match bundle {
            Ok(Ok(bundle)) => Ok(bundle),
            Ok(Err(error)) => {
                let hint = error.hint();
                Err(Problem::new(Kind::UnusableArchive, error.to_string(), hint))
            }
            Err(error) => Err(failed(&error)),
        }
    };
    let way = Way::Api { by: identity.name };
    let deployed = judged(&app, slot, name.clone(), bundle, way, None).await?;
    let Deployed {
        id,
        author_version,
        stage,
        was_there,
    } = deployed;
    Ok(Answer(Taken {
        flow: name,
        id,
        version: author_version,
        state: stage.as_str(),
        was_there,
    }))
}

/// Checks that versions may be put into the folder through the engine.
///
/// # Errors
///
/// 403 if the configuration does not allow it.
pub(super) fn may_deploy(app: &App) -> Result<(), Problem> {
    if app.config.server.allows_deployment() {
        return Ok(());
    }
    Err(Problem::new(
        Kind::DeployingIsOff,
        "this engine does not accept flows over the API",
        "set `deploy-flows = true` of `[server]` (by default flows are accepted only if there is an `api-token`), or copy the flow into the \
         engine's folder: `ghanti flow deploy --flows FOLDER`",
    ))
}

/// The name of a flow, new or known.
///
/// # Errors
///
/// 400 if it is none.
pub(super) fn named(name: String) -> Result<FlowName, Problem> {
    FlowName::parse(name).map_err(|error| {
        Problem::new(
            Kind::UnusableName,
            error.to_string(),
            "name the flow with letters, digits, `-`, `_` and `.`",
        )
    })
}

/// Takes the slot of a deployment.
///
/// # Errors
///
/// 409 while another one has it.
pub(super) fn slot(app: &App) -> Result<OwnedSemaphorePermit, Problem> {
    Arc::clone(&app.deploys).try_acquire_owned().map_err(|_| {
        Problem::new(
            Kind::AnotherDeployment,
            "another deployment is in progress",
            "wait until it has ended, and send this one again",
        )
    })
}

/// Has a version judged, and put into the folder if it is taken; if it is based on another one's
/// files (`over`), only if those are still there. `way` is how it comes.
///
/// # Errors
///
/// As [`put`], and 409 if the other one's files are not there.
pub(super) async fn judged(
    app: &App,
    slot: OwnedSemaphorePermit,
    flow: FlowName,
    bundle: impl Future<Output = Result<Bundle, Problem>> + Send + 'static,
    way: Way,
    over: Option<VersionId>,
) -> Result<Deployed, Problem> {
    let catalogue = Arc::clone(&app.services.catalogue);
    // a client that disconnects does not interrupt the loading of a version
    let taking = tokio::spawn(async move {
        let _slot = slot;
        let bundle = bundle.await?;
        let deployed = match &over {
            Some(over) => catalogue.deploy_over(&flow, bundle, way, over).await,
            None => catalogue.deploy(&flow, bundle, way).await,
        };
        deployed.map_err(refused)
    });
    let taken = tokio::time::timeout(VERDICT, taking).await.map_err(|_| {
        Problem::new(
            Kind::NoVerdictYet,
            format!("the version was not loaded within {} s", VERDICT.as_secs()),
            "see GET /api/flows for the result",
        )
    })?;
    taken.map_err(|error| failed(&error))?
}

fn failed(error: &tokio::task::JoinError) -> Problem {
    tracing::error!(%error, "a deployment failed with a panic: report it with the flow's files");
    Problem::new(
        Kind::Internal,
        "the deployment failed",
        "report it with the flow's files; nothing was changed",
    )
}

fn refused(error: DeployError) -> Problem {
    match error {
        DeployError::Rejected(rejection) => {
            Problem::new(Kind::FlowRejected, rejection.reason, rejection.hint)
                .at(rejection.step, rejection.line)
        }
        DeployError::NotInPlace(NotInPlace::Kept { reason, hint }) => {
            Problem::new(Kind::FlowNotReplaceable, reason, hint)
        }
        DeployError::Changed => changed(),
        DeployError::NotInPlace(error @ NotInPlace::Unwritable { .. }) => Problem::new(
            Kind::FlowsReadOnly,
            error.to_string(),
            "let the engine's user write to the folder and its contents, or copy the flow there yourself",
        ),
    }
}

/// The files that a version is based on are not in the folder any more.
pub(super) fn changed() -> Problem {
    Problem::new(
        Kind::FlowChanged,
        "the flow was changed after this form was made, so nothing was published",
        "look at the text as it is now, and publish yours again if it is still right",
    )
}
