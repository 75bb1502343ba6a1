//! `/api/campaigns`: campaigns that call the customers of a list.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::IntoResponse;
use ghanti_campaign::Plan;
use ghanti_model::{CallId, unix_ms};
use ghanti_store::{Campaign, CampaignState, CustomerKey, Reported, Tally};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::access::Api;
use crate::answer::Answer;
use crate::app::App;
use crate::list::{BY_DEFAULT, List, MOST};
use crate::problem::{Kind, Problem};
use crate::query::Query;
use crate::routes::customers::{name, version};
use crate::segments::{BadPath, Segments};

const FIX: &str =
    r#"send {"name": "december", "list": "december", "plan": {"hours": {"to": "18:00"}}}"#;

/// The body of `POST /api/campaigns`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewCampaign)]
pub struct Body {
    pub(super) name: String,
    pub(super) list: String,
    /// The flow; when absent, the list's.
    #[serde(default)]
    pub(super) flow: Option<String>,
    /// Its rules, with the names that they have in the file of the rules (docs/campaigns.md); each
    /// has a default.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub(super) plan: Plan,
}

/// A campaign, as it is shown.
#[derive(Serialize, ToSchema)]
#[schema(as = Campaign)]
pub struct Shown {
    name: String,
    list: String,
    flow: String,
    /// `draft`, `running`, `paused`, `stopped`, `cancelled` or `finished`.
    #[schema(value_type = String)]
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

/// A campaign with its rules and progress.
#[derive(Serialize, ToSchema)]
#[schema(as = CampaignInDetail)]
pub struct Detailed {
    #[serde(flatten)]
    shown: Shown,
    /// Its rules, with the names that they have in the file of the rules.
    #[schema(value_type = Object)]
    plan: Value,
    /// Calls in progress, those with agents included.
    in_progress: u64,
    /// Calls whose conversation has ended and that are with an agent.
    with_agents: u64,
    /// Customers by state and outcome. Those of the list who are not enrolled yet are not in it.
    customers: Vec<Tally>,
}

/// Creates a campaign, which calls nobody until it is started.
///
/// # Errors
///
/// 400 for invalid rules, 404 for an unknown list or flow, 409 if the name is taken or the list is
/// for another flow.
#[utoipa::path(
    post,
    path = "/api/campaigns",
    tag = "campaigns",
    operation_id = "campaigns_create",
    request_body = Body,
    responses(
        (status = 201, description = "the campaign, a draft", body = Shown),
        (status = 400, description = "`body-not-read`, `body-not-json`, `body-not-expected`, `unusable-name`, `unusable-plan`"),
        (status = 401, description = "`unauthorized`"),
        (status = 404, description = "`unknown-list`, `unknown-flow`"),
        (status = 409, description = "`campaign-exists`, `list-of-another-flow`"),
        (status = 413, description = "`body-too-large`"),
        (status = 503, description = "`store-unavailable`"),
    )
)]
pub async fn create(
    _: Api,
    State(app): State<App>,
    body: Result<Bytes, BytesRejection>,
) -> Result<impl IntoResponse, Problem> {
    let body: Body = serde_json::from_slice(&body?).map_err(|error| {
        // the only personal values in it are the numbers to call from, which no error contains
        let problem = Problem::json(&error, FIX);
        problem.with_detail(format!("the campaign cannot be read: {error}"))
    })?;
    let made = created(&app, body).await?;
    let place = format!("{}/api/campaigns/{}", app.config.server.path, made.name);
    let made = Answer(Shown::from(made));
    Ok((StatusCode::CREATED, [(LOCATION, place)], made))
}

/// Creates a campaign.
///
/// # Errors
///
/// As [`create`].
pub(super) async fn created(app: &App, body: Body) -> Result<Campaign, Problem> {
    let campaign = name("name", &body.name)?;
    let list = name("list", &body.list)?;
    let errors = body.plan.errors();
    if !errors.is_empty() {
        return Err(Problem::new(
            Kind::UnusablePlan,
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
                Kind::UnknownList,
                format!("no list `{list}`"),
                "import it first: `ghanti customers import FILE --list NAME --flow FLOW`",
            )
        })?;
    if body.flow.is_some_and(|wanted| wanted != flow) {
        return Err(Problem::new(
            Kind::ListOfAnotherFlow,
            format!("the list `{list}` is for the flow `{flow}`"),
            "leave the flow out, or import a list for the other flow",
        ));
    }
    version(app, &flow)?;
    let plan = serde_json::to_string(&body.plan).map_err(unavailable)?;
    let is_made = app
        .records
        .add_campaign(campaign, (list, &flow), &plan, unix_ms())
        .await
        .map_err(unavailable)?;
    if !is_made {
        return Err(Problem::new(
            Kind::CampaignExists,
            format!("there is a campaign `{campaign}` already"),
            "choose another name",
        ));
    }
    let made = find(app, campaign).await?;
    tracing::info!(campaign = made.name, list, "a campaign was created");
    Ok(made)
}

/// Returns the newest campaigns, at most 200.
#[utoipa::path(
    get,
    path = "/api/campaigns",
    tag = "campaigns",
    operation_id = "campaigns_list",
    responses(
        (status = 200, description = "the newest 200, newest first", body = List<Shown>),
        (status = 401, description = "`unauthorized`"),
        (status = 503, description = "`store-unavailable`"),
    )
)]
pub async fn list(_: Api, State(app): State<App>) -> Result<Answer<List<Shown>>, Problem> {
    let campaigns = app.records.campaigns().await.map_err(unavailable)?;
    let shown = campaigns.into_iter().map(Shown::from).collect();
    Ok(Answer(List::whole(shown)))
}

/// Returns a campaign with its rules and progress.
#[utoipa::path(
    get,
    path = "/api/campaigns/{name}",
    tag = "campaigns",
    operation_id = "campaigns_show",
    params(
        ("name" = String, Path, description = "its name"),
    ),
    responses(
        (status = 200, description = "the campaign", body = Detailed),
        (status = 400, description = "`unreadable-path`"),
        (status = 401, description = "`unauthorized`"),
        (status = 404, description = "`unknown-campaign`"),
        (status = 503, description = "`store-unavailable`"),
    )
)]
pub async fn show(
    _: Api,
    State(app): State<App>,
    campaign: Result<Segments<String>, BadPath>,
) -> Result<Answer<Detailed>, Problem> {
    let Segments(campaign) = campaign?;
    detailed(&app, &campaign).await.map(Answer)
}

async fn detailed(app: &App, campaign: &str) -> Result<Detailed, Problem> {
    let campaign = find(app, campaign).await?;
    let plan = serde_json::from_str(&campaign.plan).unwrap_or(Value::Null);
    // all of them are shown, heard of or not
    let in_progress = app
        .records
        .in_progress(&campaign.name, 0)
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
        in_progress: in_progress.all,
        with_agents: in_progress.with_agents,
        customers,
    })
}

/// Starts, pauses, resumes or cancels a campaign. Calls in progress go on.
///
/// # Errors
///
/// 404 for an unknown campaign, 409 if its state or the set-up does not allow it.
#[utoipa::path(
    post,
    path = "/api/campaigns/{name}/{action}",
    tag = "campaigns",
    operation_id = "campaigns_change",
    params(
        ("name" = String, Path, description = "its name"),
        ("action" = String, Path, description = "`start`, `pause`, `resume` or `cancel`"),
    ),
    responses(
        (status = 200, description = "the campaign, changed", body = Detailed),
        (status = 400, description = "`unreadable-path`"),
        (status = 401, description = "`unauthorized`"),
        (status = 404, description = "`unknown-campaign`, `unknown-action`, `unknown-flow`"),
        (status = 409, description = "`wrong-campaign-state`, `campaign-changed-meanwhile`, `no-account`, `no-public-url`, `unusable-caller-ids`"),
        (status = 503, description = "`store-unavailable`"),
    )
)]
pub async fn change(
    _: Api,
    State(app): State<App>,
    path: Result<Segments<(String, String)>, BadPath>,
) -> Result<Answer<Detailed>, Problem> {
    let Segments((name, action)) = path?;
    changed(&app, &name, &action).await.map(Answer)
}

/// Changes the state of a campaign.
///
/// # Errors
///
/// As [`change`].
pub(super) async fn changed(app: &App, name: &str, action: &str) -> Result<Detailed, Problem> {
    let campaign = find(app, name).await?;
    let (from, to): (&[CampaignState], _) = match action {
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
                Kind::UnknownAction,
                "no such action",
                "use start, pause, resume or cancel",
            ));
        }
    };
    if !from.contains(&campaign.state) {
        return Err(Problem::new(
            Kind::WrongState,
            format!("the campaign is {}", campaign.state),
            "start a draft, pause a running campaign, resume a paused or stopped one; a cancelled or finished campaign cannot be changed",
        ));
    }
    if to == CampaignState::Running {
        check_setup(app, &campaign)?;
    }
    let is_changed = app
        .records
        .change_campaign(&campaign.name, (campaign.state, to), None, unix_ms())
        .await
        .map_err(unavailable)?;
    if !is_changed {
        return Err(Problem::new(
            Kind::ChangedMeanwhile,
            "the campaign's state has changed meanwhile",
            "check it, and send the request again if you still want the change",
        ));
    }
    tracing::info!(campaign = campaign.name, state = %to, "a campaign's state was changed");
    detailed(app, &campaign.name).await
}

/// Checks that the set-up has everything that a running campaign needs.
fn check_setup(app: &App, campaign: &Campaign) -> Result<(), Problem> {
    let refuse = |kind, error: String, hint| Err(Problem::new(kind, error, hint));
    version(app, &campaign.flow)?;
    if app.dialler.is_none() {
        return refuse(
            Kind::NoAccount,
            "cannot dial: the engine has no account at Exotel".to_owned(),
            "set `[exotel]` in ghanti.toml",
        );
    }
    if app.config.server.public_url.is_none() {
        return refuse(
            Kind::NoPublicUrl,
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
        return refuse(
            Kind::UnusableCallerIds,
            errors.join("; "),
            "correct the rules of the campaign",
        );
    }
    Ok(())
}

/// A customer's line in a report.
#[derive(Serialize, ToSchema)]
#[schema(as = CampaignCustomer)]
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

/// Returns the customers of a campaign, a page at a time, in the order of their keys. Numbers are
/// masked unless `numbers=true`.
///
/// # Errors
///
/// 400 for a parameter that is unknown or cannot be read, 404 for an unknown campaign, 503
/// if the database does not answer.
#[utoipa::path(
    get,
    path = "/api/campaigns/{name}/customers",
    tag = "campaigns",
    operation_id = "campaigns_report",
    params(
        ("name" = String, Path, description = "its name"),
        ("limit" = Option<u32>, Query, description = "how many items, 1 to 200; 50 without it"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
        ("numbers" = Option<bool>, Query, description = "whether numbers are shown in full"),
    ),
    responses(
        (status = 200, description = "a page of the campaign's customers", body = List<Line>),
        (status = 400, description = "`unreadable-path`, `unusable-parameter`"),
        (status = 401, description = "`unauthorized`"),
        (status = 404, description = "`unknown-campaign`"),
        (status = 503, description = "`store-unavailable`"),
    )
)]
pub async fn report(
    _: Api,
    State(app): State<App>,
    campaign: Result<Segments<String>, BadPath>,
    RawQuery(query): RawQuery,
) -> Result<Answer<List<Line>>, Problem> {
    let Segments(campaign) = campaign?;
    let query = Query::read(query.as_deref(), &["limit", "cursor", "numbers"])?;
    let limit = query.number("limit", MOST)?.unwrap_or(BY_DEFAULT);
    let numbers = query.flag("numbers")?;
    let after = query.parsed("cursor", "`next` of the page before", |text| {
        CustomerKey::parse(text.to_owned()).ok()
    })?;
    let campaign = find(&app, &campaign).await?;
    let lines = app
        .records
        .report(&campaign.name, after.as_ref(), limit.saturating_add(1))
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
    let lines = lines.into_iter().map(line).collect();
    Ok(Answer(List::page(lines, limit, |line: &Line| {
        line.customer.clone()
    })))
}

/// Returns a campaign by its name.
///
/// # Errors
///
/// 404 for an unknown one, 503 if the database does not answer.
pub(super) async fn find(app: &App, name: &str) -> Result<Campaign, Problem> {
    app.records
        .campaign(name)
        .await
        .map_err(unavailable)?
        .ok_or_else(|| {
            Problem::new(
                Kind::UnknownCampaign,
                "no such campaign",
                "GET /api/campaigns lists all campaigns",
            )
        })
}

fn unavailable(error: impl std::fmt::Display) -> Problem {
    Problem::unavailable(error)
}
