//! `PUT /api/flows/{name}`: takes a version of a flow, and puts it into the flows folder if it is
//! good.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request, State};
use ghanti_catalogue::{DeployError, Deployed, NotInPlace};
use ghanti_model::{FlowName, VersionId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::Api;
use crate::answer::Answer;
use crate::app::App;
use crate::archive::unpacked;
use crate::problem::{Kind, Problem};
use crate::segments::{BadPath, Segments};

/// The largest archive, in bytes. A component of the largest size is half as large when packed.
pub const BODY_BYTES: usize = 48 << 20;
/// How long a request waits for the verdict: a component of the largest size is compiled within
/// some minutes on a small machine.
const VERDICT: Duration = Duration::from_secs(600);
/// How many versions are taken at once: each is held in memory, packed and unpacked.
pub const DEPLOYS: usize = 1;

/// A version that was taken.
#[derive(Serialize, ToSchema)]
#[schema(as = DeployedFlow)]
pub struct Taken {
    /// The flow's name.
    flow: FlowName,
    /// The version.
    id: VersionId,
    /// The version number given by the author.
    version: String,
    /// `active`, or `candidate` if its manifest asks for a share of the calls. A version that was
    /// there before stays what it is.
    state: &'static str,
    /// Whether the same version was in the folder before.
    was_there: bool,
}

/// Takes a version of a flow: a ZIP archive with the files of its folder (`flow.wasm`, `flow.toml`,
/// `prompts/`, `audio/`, `tests/`), and nothing else. The version is loaded, and its tests and gates
/// are held, before anything is changed; then its files are put into the flows folder in one step,
/// and it takes calls as `[update]` of its manifest says. Running calls keep their version.
///
/// # Errors
///
/// 403 where the configuration does not allow it, 422 with step, reason, line and hint for a version
/// that is rejected, 409 while another one is being taken.
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
    _: Api,
    State(app): State<App>,
    name: Result<Segments<String>, BadPath>,
    request: Request,
) -> Result<Answer<Taken>, Problem> {
    let Segments(name) = name?;
    if !app.config.server.takes_flows() {
        return Err(Problem::new(
            Kind::DeployingIsOff,
            "this engine takes no flows over the API",
            "set `deploy-flows = true` of `[server]` (without it, flows are taken only where there is an `api-token`), or copy the flow into the \
             engine's folder: `ghanti flow deploy --flows FOLDER`",
        ));
    }
    let name = FlowName::parse(name).map_err(|error| {
        Problem::new(
            Kind::UnusableName,
            error.to_string(),
            "name the flow with letters, digits, `-`, `_` and `.`",
        )
    })?;
    // before the body is read, which is what takes memory
    let Ok(permit) = Arc::clone(&app.deploys).try_acquire_owned() else {
        return Err(Problem::new(
            Kind::AnotherDeployment,
            "another flow is being taken at this moment",
            "wait for its verdict, and send this one again",
        ));
    };
    let body = Bytes::from_request(request, &()).await?;
    let catalogue = Arc::clone(&app.services.catalogue);
    let flow = name.clone();
    // a client that goes away does not leave a version half judged
    let taking = tokio::spawn(async move {
        let _permit = permit;
        let bundle = tokio::task::spawn_blocking(move || unpacked(&body)).await;
        let bundle = match bundle {
            Ok(Ok(bundle)) => bundle,
            Ok(Err(error)) => {
                let hint = error.hint();
                return Err(Problem::new(Kind::UnusableArchive, error.to_string(), hint));
            }
            Err(error) => return Err(failed(&error)),
        };
        catalogue.deploy(&flow, bundle).await.map_err(refused)
    });
    let taken = tokio::time::timeout(VERDICT, taking).await.map_err(|_| {
        Problem::new(
            Kind::NoVerdictYet,
            format!("the version is not judged within {} s", VERDICT.as_secs()),
            "GET /api/flows tells what became of it",
        )
    })?;
    let Deployed {
        id,
        author_version,
        stage,
        was_there,
    } = taken.map_err(|error| failed(&error))??;
    Ok(Answer(Taken {
        flow: name,
        id,
        version: author_version,
        state: stage.as_str(),
        was_there,
    }))
}

fn failed(error: &tokio::task::JoinError) -> Problem {
    tracing::error!(%error, "taking a flow failed: report it with the flow's files");
    Problem::new(
        Kind::Internal,
        "taking the flow failed",
        "report it with the flow's files; the version before goes on",
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
        DeployError::NotInPlace(error @ NotInPlace::Unwritable { .. }) => Problem::new(
            Kind::FlowsReadOnly,
            error.to_string(),
            "let the engine's user write the folder and what is in it, or copy the flow there yourself",
        ),
    }
}
