//! `/api/campaigns`: campaigns that call the customers of a list.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use ghanti_campaign::Plan;
use ghanti_model::{CallId, unix_ms};
use ghanti_store::{Campaign, CampaignState, CustomerKey, Reported, Tally};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::access::Api;
use crate::app::App;
use crate::problem::Problem;
use crate::routes::customers::{name, version};

/// The most customers in one page of a report.
const PAGE: u32 = 1_000;

const FIX: &str =
    r#"send {"name": "december", "list": "december", "plan": {"hours": {"to": "18:00"}}}"#;

/// The body of `POST /api/campaigns`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    name: String,
    list: String,
    /// The flow; that of the list if absent.
    #[serde(default)]
    flow: Option<String>,
    #[serde(default)]
    plan: Plan,
}

/// A campaign, as it is shown.
#[derive(Serialize)]
pub struct Shown {
    name: String,
    list: String,
    flow: String,
    state: CampaignState,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    created_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_ms: Option<u64>,
}

impl From<Campaign> for Shown {
    fn from(campaign: Campaign) -> Self {
        Self {
            name: campaign.name,
            list: campaign.list,
            flow: campaign.flow,
            state: campaign.state,
            reason: campaign.reason,
            created_ms: campaign.created_ms,
            started_ms: campaign.started_ms,
            ended_ms: campaign.ended_ms,
        }
    }
}

/// A campaign with its rules and how far it has come.
#[derive(Serialize)]
pub struct Detailed {
    #[serde(flatten)]
    shown: Shown,
    plan: Value,
    /// Calls in progress, those with agents included.
    in_progress: u64,
    /// Calls whose conversation is over and that are with an agent.
    with_agents: u64,
    /// Customers by state and outcome. Those of the list who are not enrolled yet are not in it.
    customers: Vec<Tally>,
}

/// Makes a campaign, which calls nobody until it is started.
///
/// # Errors
///
/// 400 for rules that cannot be, 404 for a list or flow that is not there, 409 if the name is taken
/// or the list is another flow's.
pub async fn create(
    _: Api,
    State(app): State<App>,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<Shown>), Problem> {
    let body: Body = serde_json::from_slice(&body?).map_err(|error| {
        Problem::bad_request(format!("the campaign cannot be read: {error}"), FIX)
    })?;
    let campaign = name("name", &body.name)?;
    let list = name("list", &body.list)?;
    let errors = body.plan.errors();
    if !errors.is_empty() {
        return Err(Problem::bad_request(
            errors.join("; "),
            "correct the rules and send the campaign again",
        ));
    }
    let flow = app
        .records
        .flow_of_list(list)
        .await
        .map_err(unavailable)?
        .ok_or_else(|| {
            Problem::new(
                StatusCode::NOT_FOUND,
                format!("no list `{list}`"),
                "import it first: `ghanti customers import FILE --list NAME --flow FLOW`",
            )
        })?;
    if body.flow.is_some_and(|wanted| wanted != flow) {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            format!("the customers of the list `{list}` have the fields of the flow `{flow}`"),
            "leave the flow out, or import the list for the other flow",
        ));
    }
    version(&app, &flow)?;
    let plan = serde_json::to_string(&body.plan).map_err(unavailable)?;
    let is_made = app
        .records
        .add_campaign(campaign, (list, &flow), &plan, unix_ms())
        .await
        .map_err(unavailable)?;
    if !is_made {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            format!("there is a campaign `{campaign}` already"),
            "choose another name",
        ));
    }
    let made = find(&app, campaign).await?;
    tracing::info!(campaign = made.name, list, "a campaign was made");
    Ok((StatusCode::CREATED, Json(made.into())))
}

/// Returns the newest campaigns.
pub async fn list(_: Api, State(app): State<App>) -> Result<Json<Vec<Shown>>, Problem> {
    let campaigns = app.records.campaigns().await.map_err(unavailable)?;
    Ok(Json(campaigns.into_iter().map(Shown::from).collect()))
}

/// Returns a campaign with its rules and how far it has come.
pub async fn show(
    _: Api,
    State(app): State<App>,
    campaign: Result<Path<String>, PathRejection>,
) -> Result<Json<Detailed>, Problem> {
    let Path(campaign) = campaign?;
    detailed(&app, &campaign).await.map(Json)
}

async fn detailed(app: &App, campaign: &str) -> Result<Detailed, Problem> {
    let campaign = find(app, campaign).await?;
    let plan = serde_json::from_str(&campaign.plan).unwrap_or(Value::Null);
    let (in_progress, with_agents) = app
        .records
        .in_progress(&campaign.name)
        .await
        .map_err(unavailable)?;
    let customers = app
        .records
        .tally(&campaign.name)
        .await
        .map_err(unavailable)?;
    Ok(Detailed {
        shown: campaign.into(),
        plan,
        in_progress,
        with_agents,
        customers,
    })
}

/// Starts, pauses, resumes or cancels a campaign. Calls in progress go on.
///
/// # Errors
///
/// 404 for a campaign that is not there, 409 if its state or the set-up does not allow it.
pub async fn change(
    _: Api,
    State(app): State<App>,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Json<Detailed>, Problem> {
    let Path((name, action)) = path?;
    let campaign = find(&app, &name).await?;
    let (from, to): (&[CampaignState], _) = match action.as_str() {
        "start" => (&[CampaignState::Draft], CampaignState::Running),
        "pause" => (&[CampaignState::Running], CampaignState::Paused),
        "resume" => (
            &[CampaignState::Paused, CampaignState::Stopped],
            CampaignState::Running,
        ),
        "cancel" => (
            &[
                CampaignState::Draft,
                CampaignState::Running,
                CampaignState::Paused,
                CampaignState::Stopped,
            ],
            CampaignState::Cancelled,
        ),
        _ => {
            return Err(Problem::new(
                StatusCode::NOT_FOUND,
                "no such action",
                "use start, pause, resume or cancel",
            ));
        }
    };
    if !from.contains(&campaign.state) {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            format!("the campaign is {}", campaign.state),
            "start a draft, pause a running campaign, resume a paused or stopped one; what is cancelled or finished stays so",
        ));
    }
    if to == CampaignState::Running {
        check_setup(&app, &campaign)?;
    }
    let is_changed = app
        .records
        .change_campaign(&campaign.name, (campaign.state, to), None, unix_ms())
        .await
        .map_err(unavailable)?;
    if !is_changed {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "the campaign's state has changed meanwhile",
            "look at it, and send the request again if it is still meant",
        ));
    }
    tracing::info!(campaign = campaign.name, state = %to, "a campaign's state was changed");
    detailed(&app, &campaign.name).await.map(Json)
}

/// Checks what a campaign needs that runs.
fn check_setup(app: &App, campaign: &Campaign) -> Result<(), Problem> {
    let refuse = |error: String, hint| Err(Problem::new(StatusCode::CONFLICT, error, hint));
    version(app, &campaign.flow)?;
    if app.dialler.is_none() {
        return refuse(
            "cannot dial: the engine has no account at Exotel".to_owned(),
            "set `[exotel]` in ghanti.toml",
        );
    }
    if app.config.server.public_url.is_none() {
        return refuse(
            "Exotel could not reach the engine: it does not know its own URL".to_owned(),
            "set `public-url` of `[server]`",
        );
    }
    let plan: Plan = serde_json::from_str(&campaign.plan).map_err(unavailable)?;
    let errors = app
        .config
        .exotel
        .caller_id
        .as_ref()
        .map(|caller_id| plan.caller_id_errors(caller_id))
        .unwrap_or_default();
    if !errors.is_empty() {
        return refuse(errors.join("; "), "correct the rules of the campaign");
    }
    Ok(())
}

/// The query of a report.
#[derive(Deserialize)]
pub struct Wanted {
    /// The last customer of the page before.
    #[serde(default)]
    after: Option<String>,
    /// Whether numbers are shown in full.
    #[serde(default)]
    numbers: bool,
}

/// A customer's line in a report.
#[derive(Serialize)]
pub struct Line {
    customer: String,
    phone: String,
    state: String,
    attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    due_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    call_id: Option<CallId>,
}

/// Returns the customers of a campaign, a page at a time: at most 1,000 after the customer `after`.
/// Numbers are masked unless `numbers=true`.
pub async fn report(
    _: Api,
    State(app): State<App>,
    campaign: Result<Path<String>, PathRejection>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json<Vec<Line>>, Problem> {
    let Path(campaign) = campaign?;
    let Query(Wanted { after, numbers }) = wanted.map_err(|error| {
        Problem::bad_request(error.body_text(), "ask with `?after=CUSTOMER&numbers=true`")
    })?;
    let campaign = find(&app, &campaign).await?;
    let after = after.map(CustomerKey::parse).transpose().map_err(|error| {
        Problem::bad_request(error.to_string(), "give the `customer` of the last line")
    })?;
    let lines = app
        .records
        .report(&campaign.name, after.as_ref(), PAGE)
        .await
        .map_err(unavailable)?;
    let line = |reported: Reported| Line {
        customer: reported.key.as_str().to_owned(),
        phone: if numbers {
            reported.phone.expose().to_owned()
        } else {
            reported.phone.masked()
        },
        due_ms: (reported.state == "waiting").then_some(reported.due_ms),
        state: reported.state,
        attempts: reported.attempts,
        outcome: reported.outcome,
        reason: reported.reason,
        call_id: reported.call_id,
    };
    Ok(Json(lines.into_iter().map(line).collect()))
}

async fn find(app: &App, name: &str) -> Result<Campaign, Problem> {
    app.records
        .campaign(name)
        .await
        .map_err(unavailable)?
        .ok_or_else(|| {
            Problem::new(
                StatusCode::NOT_FOUND,
                "no such campaign",
                "GET /api/campaigns names those there are",
            )
        })
}

fn unavailable(error: impl std::fmt::Display) -> Problem {
    Problem::unavailable(error.to_string())
}
