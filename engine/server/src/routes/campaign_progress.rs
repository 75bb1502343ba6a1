//! `GET /api/campaigns/{name}/progress`: how far a campaign has come. The console's page of a campaign shows the
//! same.

use axum::extract::State;
use ghanti_campaign::Plan;
use ghanti_model::unix_ms;
use ghanti_store::{Campaign, HourlyOutcome, Progress, Tally};
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::Api;
use crate::answer::Answer;
use crate::app::App;
use crate::problem::Problem;
use crate::routes::campaigns::find;
use crate::segments::{BadPath, Segments};

/// How far back outcomes are counted by the hour, in milliseconds.
const SHOWN_MS: u64 = 24 * 3_600_000;

/// How far a campaign has come.
#[derive(Serialize, ToSchema)]
#[schema(as = CampaignProgress)]
pub struct Shown {
    #[serde(flatten)]
    pub(super) progress: Progress,
    /// Customers whose last outcome is one of the campaign's goal.
    pub(super) goal: u64,
    /// The outcomes that are its goal.
    pub(super) goals: Vec<String>,
    /// The most dials in a minute that its rules allow.
    pub(super) calls_per_minute: u32,
    /// Outcomes of attempts by the hour of the campaign's zone, of the last day, the newest hour first.
    pub(super) hours: Vec<Hour>,
}

/// The outcomes of an hour.
#[derive(Serialize, ToSchema)]
#[schema(as = CampaignHour)]
pub struct Hour {
    /// When it began, in milliseconds since 1970-01-01T00:00:00Z.
    pub(super) began_ms: u64,
    /// The outcomes.
    pub(super) outcomes: Vec<Outcomes>,
}

/// How many attempts had an outcome.
#[derive(Serialize, ToSchema)]
#[schema(as = CampaignHourOutcome)]
pub struct Outcomes {
    pub(super) outcome: String,
    pub(super) calls: u64,
}

/// Returns how far a campaign has come: its funnel from the list to its goal, its pace, how many attempts are left,
/// and outcomes by the hour. Attempts are counted once they are closed.
///
/// # Errors
///
/// 404 for an unknown campaign, 503 if the database does not answer.
#[utoipa::path(
    get,
    path = "/api/campaigns/{name}/progress",
    tag = "campaigns",
    operation_id = "campaigns_progress",
    params(
        ("name" = String, Path, description = "its name"),
    ),
    responses(
        (status = 200, description = "how far it has come", body = Shown),
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
) -> Result<Answer<Shown>, Problem> {
    let Segments(campaign) = campaign?;
    let campaign = find(&app, &campaign).await?;
    let tally = app.records.tally(&campaign.name).await;
    let tally = tally.map_err(Problem::unavailable)?;
    progress(&app, &campaign, &tally).await.map(Answer)
}

/// How far a campaign has come, with its customers by outcome.
///
/// # Errors
///
/// 503 if the database does not answer.
pub(super) async fn progress(
    app: &App,
    campaign: &Campaign,
    tally: &[Tally],
) -> Result<Shown, Problem> {
    let now_ms = unix_ms();
    let plan: Plan = serde_json::from_str(&campaign.plan).unwrap_or_default();
    let zone = plan.zone();
    let zone = zone.as_ref().unwrap_or(&app.services.settings.zone);
    let progress = app
        .records
        .progress(&campaign.name, plan.retry.attempts, now_ms);
    let progress = progress.await.map_err(Problem::unavailable)?;
    let since_ms = now_ms.saturating_sub(SHOWN_MS);
    let hourly = app
        .records
        .hourly_outcomes(&campaign.name, since_ms, zone.offset_minutes(now_ms));
    let hourly = hourly.await.map_err(Problem::unavailable)?;
    let goals = plan.goal.0;
    let is_goal = |tally: &&Tally| {
        let outcome = tally.outcome.as_ref();
        outcome.is_some_and(|outcome| goals.contains(outcome))
    };
    Ok(Shown {
        progress: progress.unwrap_or_default(),
        goal: tally
            .iter()
            .filter(is_goal)
            .map(|tally| tally.customers)
            .sum(),
        goals,
        calls_per_minute: plan.limits.calls_per_minute,
        hours: by_hour(hourly),
    })
}

/// Groups outcomes, which are in the order of their hours.
fn by_hour(hourly: Vec<HourlyOutcome>) -> Vec<Hour> {
    let mut hours: Vec<Hour> = Vec::new();
    for HourlyOutcome {
        hour_ms,
        outcome,
        calls,
    } in hourly
    {
        let outcome = Outcomes { outcome, calls };
        match hours.last_mut() {
            Some(hour) if hour.began_ms == hour_ms => hour.outcomes.push(outcome),
            _ => hours.push(Hour {
                began_ms: hour_ms,
                outcomes: vec![outcome],
            }),
        }
    }
    hours
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_grouped_by_their_hours() {
        let outcome = |hour_ms, outcome: &str, calls| HourlyOutcome {
            hour_ms,
            outcome: outcome.to_owned(),
            calls,
        };
        let hours = by_hour(vec![
            outcome(7_200_000, "busy", 2),
            outcome(7_200_000, "transferred", 1),
            outcome(0, "busy", 5),
        ]);
        let seen: Vec<_> = hours
            .iter()
            .map(|hour| (hour.began_ms, hour.outcomes.len()))
            .collect();
        assert_eq!(seen, [(7_200_000, 2), (0, 1)]);
        assert!(by_hour(Vec::new()).is_empty());
    }
}
