//! The campaigns, what became of them, and the orders to start, pause, resume and cancel one.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use ghanti_console::{Campaign, CampaignPage, CampaignsPage, Funnel, campaign, campaigns};
use ghanti_store::{Campaign as Stored, CampaignState, Tally};

use super::Form;
use super::session::Viewer;
use crate::app::App;
use crate::problem::Problem;
use crate::routes::campaign_progress::progress;
use crate::routes::campaigns::{changed, find};
use crate::segments::{BadPath, Segments};

/// The page of all campaigns.
pub(super) async fn list(viewer: Viewer, State(app): State<App>) -> Response {
    match all(&app).await {
        Ok(shown) => viewer.page(StatusCode::OK, campaigns(&viewer.site(&app, false), &shown)),
        Err(problem) => viewer.failed(&app, &problem),
    }
}

async fn all(app: &App) -> Result<CampaignsPage, Problem> {
    let stored = app.records.campaigns().await;
    let stored = stored.map_err(Problem::unavailable)?;
    let under_way = stored.iter().filter(|campaign| {
        matches!(
            campaign.state,
            CampaignState::Running | CampaignState::Paused | CampaignState::Stopped
        )
    });
    let under_way: Vec<_> = under_way
        .map(|campaign| (campaign.name.clone(), campaign.clone()))
        .collect();
    let names: Vec<_> = under_way.iter().map(|(name, _)| name.clone()).collect();
    let count = |campaign: Stored| async move { counted(app, &campaign).await };
    let funnels = app.funnels.of(under_way, count).await?;
    let mut funnels: BTreeMap<_, _> = names.into_iter().zip(funnels).collect();
    let campaigns = stored.into_iter().map(|stored| {
        let funnel = funnels.remove(&stored.name).flatten();
        (of(stored), funnel)
    });
    Ok(CampaignsPage {
        campaigns: campaigns.collect(),
    })
}

/// The page of one. `done` of the query says that its state was just changed.
pub(super) async fn show(
    viewer: Viewer,
    State(app): State<App>,
    name: Result<Segments<String>, BadPath>,
    RawQuery(query): RawQuery,
) -> Response {
    let query = Form::of_query(query.as_deref());
    let done = query.text("done");
    let (was_changed, was_made) = (!matches!(done, "" | "create"), done == "create");
    let shown = async {
        let Segments(name) = name?;
        let stored = find(&app, &name).await?;
        let plan: serde_json::Value = serde_json::from_str(&stored.plan).unwrap_or_default();
        Ok::<_, Problem>(CampaignPage {
            funnel: counted(&app, &stored).await?,
            plan: serde_json::to_string_pretty(&plan).unwrap_or_default(),
            campaign: of(stored),
            was_changed,
            was_made,
        })
    };
    match shown.await {
        Ok(shown) => viewer.page(StatusCode::OK, campaign(&viewer.site(&app, false), &shown)),
        Err(problem) => viewer.failed(&app, &problem),
    }
}

/// Starts, pauses, resumes or cancels one.
pub(super) async fn change(
    viewer: Viewer,
    State(app): State<App>,
    uri: Uri,
    path: Result<Segments<(String, String)>, BadPath>,
    body: Bytes,
) -> Response {
    let done = async {
        let Segments((name, action)) = path?;
        viewer.check(&Form::read(&body))?;
        changed(&app, &name, &action).await?;
        Ok(format!("campaigns/{name}?done={action}"))
    };
    viewer.ordered(&app, "POST", uri.path(), done.await)
}

fn of(stored: Stored) -> Campaign {
    Campaign {
        name: stored.name,
        list: stored.list,
        flow: stored.flow,
        state: stored.state.as_str(),
        reason: stored.reason,
        created_ms: stored.created_ms,
        started_ms: stored.started_ms,
        ended_ms: stored.ended_ms,
    }
}

/// How far a campaign has come, as the API counts it.
async fn counted(app: &App, stored: &Stored) -> Result<Funnel, Problem> {
    let tally = app.records.tally(&stored.name).await;
    let tally = tally.map_err(Problem::unavailable)?;
    let counted = progress(app, stored, &tally).await?;
    let in_progress = app.records.in_progress(&stored.name, 0).await;
    let in_progress = in_progress.map_err(Problem::unavailable)?;
    let reached = counted.progress;
    let hours = counted.hours.into_iter().map(|hour| {
        let outcomes = hour.outcomes.into_iter();
        let outcomes = outcomes.map(|each| (each.outcome, each.calls));
        (hour.began_ms, outcomes.collect())
    });
    let customers = tally.into_iter().map(
        |Tally {
             state,
             outcome,
             customers,
         }| (state, outcome, customers),
    );
    Ok(Funnel {
        steps: [
            reached.listed,
            reached.dialled,
            reached.answered,
            reached.identified,
            counted.goal,
        ],
        goals: counted.goals,
        attempts_left: reached.attempts_left,
        pace: (reached.dialled_last_minute, reached.dialled_last_hour),
        calls_per_minute: counted.calls_per_minute,
        in_progress: (in_progress.all, in_progress.with_agents),
        hours: hours.collect(),
        customers: customers.collect(),
    })
}
