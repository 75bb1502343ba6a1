//! Closes attempts: the result of the call determines the customer's next step.

use std::collections::HashMap;
use std::sync::{MutexGuard, PoisonError};

use ghanti_model::Outcome;
use ghanti_model::fold::ending::RESUMABLE_MS;
use ghanti_model::fold::network::final_status;
use ghanti_model::fold::transfer;
use ghanti_store::{CallRecords, OpenAttempt, Reached};

use super::{
    AttemptResult, CallId, Class, LookUps, NextStep, OPEN_ATTEMPTS, Plan, Runner, StoreError,
    UNKNOWN, WEEK_MS, rules, unix_ms,
};
use crate::outcome::reached;
use crate::rules::Notes;

/// After how long an attempt without any record of its call counts as unknown, in milliseconds. A
/// running node saves the request of a call within moments, so this attempt's node has died; its spool
/// may contain whether it dialled.
const UNRECORDED_MS: u64 = 60_000;
/// How long a call may be with an agent after its conversation, in milliseconds: Exotel's longest
/// call, in case the status callback is lost.
const WITH_AGENT_MS: u64 = 4 * 3_600_000;

impl Runner {
    /// Closes all attempts whose calls have ended.
    pub(super) async fn close_attempts(&self) -> Result<(), StoreError> {
        let mut plans = HashMap::<String, Option<Plan>>::new();
        let mut after: Option<CallId> = None;
        loop {
            let open = self.records.open_attempts(after, OPEN_ATTEMPTS).await?;
            let Some(last) = open.last() else {
                return Ok(());
            };
            after = Some(last.call_id);
            for attempt in open {
                if !plans.contains_key(&attempt.campaign) {
                    let campaign = self.records.campaign(&attempt.campaign).await?;
                    let plan =
                        campaign.and_then(|campaign| serde_json::from_str(&campaign.plan).ok());
                    plans.insert(attempt.campaign.clone(), plan);
                }
                let plan = plans.get(&attempt.campaign).and_then(Option::as_ref);
                self.close_attempt(&attempt, plan.unwrap_or(&Plan::default()))
                    .await?;
            }
        }
    }

    fn lookups(&self) -> MutexGuard<'_, LookUps> {
        self.lookups.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn close_attempt(&self, attempt: &OpenAttempt, plan: &Plan) -> Result<(), StoreError> {
        let now_ms = unix_ms();
        let record = match attempt.changed_ms {
            // its record has not changed
            Some(changed_ms) if self.lookups().waits(attempt.call_id, changed_ms, now_ms) => {
                return Ok(());
            }
            Some(_) => self.records.by_id(attempt.call_id).await?,
            None => None,
        };
        let reached = record.as_ref().map_or(Reached::Nobody, reached);
        let (class, outcome, notes) = match &record {
            None if now_ms < attempt.began_ms.saturating_add(UNRECORDED_MS) => return Ok(()),
            None => (Class::Unknown, UNKNOWN.to_owned(), Notes::default()),
            // another engine may still continue it
            Some(record)
                if record.has_outcome(Outcome::EngineStopped)
                    && now_ms
                        < record
                            .ended_ms
                            .unwrap_or_default()
                            .saturating_add(RESUMABLE_MS) =>
            {
                return Ok(());
            }
            Some(record) => {
                let ended_ms = record.ended_ms.unwrap_or(attempt.began_ms);
                let is_with_agent = transfer::is_decided(record)
                    && final_status(record).is_none()
                    && now_ms < ended_ms.saturating_add(WITH_AGENT_MS);
                if is_with_agent {
                    let changed_ms = attempt.changed_ms.unwrap_or_default();
                    let is_due =
                        self.lookups()
                            .is_due(attempt.call_id, (ended_ms, changed_ms), now_ms);
                    if let Some(sid) = record.call_sid.clone().filter(|_| is_due) {
                        self.outbound.look_up(attempt.call_id, sid);
                    }
                    return Ok(());
                }
                let outcome = record.outcome.clone().unwrap_or_else(|| UNKNOWN.to_owned());
                let zone = plan.zone().unwrap_or_else(|| self.zone.clone());
                let notes = Notes::of(record, &zone);
                (Class::of(record), outcome, notes)
            }
        };
        let counts = class != Class::NotDialled;
        let day = (now_ms, now_ms.saturating_sub(WEEK_MS));
        let names = (attempt.campaign.as_str(), &attempt.key);
        let history = self
            .records
            .dial_history(&attempt.phone, day, names)
            .await?;
        let made = history.of_campaign.saturating_sub(u32::from(!counts));
        let settlement = AttemptResult {
            outcome: &outcome,
            counts,
            reached,
            next: rules::after(
                plan,
                (class, &outcome),
                &notes,
                (made, attempt.number),
                now_ms,
            ),
            not_before_ms: notes.not_before_ms,
        };
        let is_settled = self
            .records
            .finish_attempt(attempt.call_id, &settlement, now_ms)
            .await?;
        self.lookups().forget(attempt.call_id);
        if is_settled {
            let is_done = matches!(settlement.next, NextStep::Done { .. });
            tracing::info!(call = %attempt.call_id, campaign = attempt.campaign, attempt = attempt.number, outcome, is_done, "an attempt was closed");
        }
        Ok(())
    }
}
