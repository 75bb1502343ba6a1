//! Runs campaigns: closes the attempts whose calls have ended, and calls the customers who are due.
//!
//! Every node runs all campaigns; the database decides who calls whom. No state is kept between two
//! rounds: if a node dies, the next round of another node finds everything that was left.

mod close;
mod lookups;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use ghanti_model::{
    CallId, CallSid, CustomerRecord, FlowName, NodeId, Outcome, PhoneNumber, Zone, unix_ms,
};
use ghanti_store::{
    AttemptResult, Begun, Campaign, CampaignState, DoNotCall, DueCustomer, NewAttempt, NextStep,
    Reached, SqlRecords, StoreError,
};
use tokio_util::sync::CancellationToken;

use crate::outcome::{Class, UNKNOWN};
use crate::plan::Plan;
use crate::rules::{self, Known};
use lookups::LookUps;

/// Time between two rounds.
const ROUND: Duration = Duration::from_millis(500);
/// For how long a node claims a customer while it decides whether to call them, in milliseconds.
const LEASE_MS: u64 = 60_000;
/// Maximum number of customers that are claimed in one round for a campaign.
const CLAIMED: u32 = 50;
/// Customers that are enrolled in one transaction: a fraction of the store's deadline.
const ENROLLED: u32 = 1_000;
/// Such transactions in one round, so that one large list does not delay the others.
const ENROL_STEPS: u32 = 10;
/// After how long a customer who cannot be called for a temporary reason of ours is due again, in
/// milliseconds.
const SOON_MS: u64 = 60_000;
/// Maximum time that a round waits for a campaign's pace, in milliseconds: other campaigns wait too.
const PACED_MS: u64 = 500;
/// Number of open attempts that one statement reads.
const OPEN_ATTEMPTS: u32 = 100;
/// A week, in milliseconds.
const WEEK_MS: u64 = 7 * 86_400_000;

/// A call to be dialled.
#[derive(Debug)]
pub struct OutboundCall {
    /// The customer, with the id of the call.
    pub customer: CustomerRecord,
    /// The number to call from; when absent, the account's.
    pub caller_id: Option<PhoneNumber>,
}

/// The parts of the engine that campaigns use.
#[async_trait]
pub trait Outbound: Send + Sync {
    /// How many more calls the engine can admit now.
    fn room(&self) -> u32;

    /// How long a phone rings at the most, and Exotel takes to report its end. Of a call of which
    /// nothing is heard for longer it is not known whether there is one.
    fn rings_for(&self) -> Duration;

    /// Whether the flow is loaded.
    fn has_flow(&self, flow: &FlowName) -> bool;

    /// The customer's do-not-call request, if there is one.
    async fn do_not_call(&self, phone: &PhoneNumber) -> Result<Option<DoNotCall>, StoreError>;

    /// Asks Exotel in the background for the status of a call without a reported end. A final status is
    /// added to its record.
    fn look_up(&self, call: CallId, sid: CallSid);

    /// Stores the customer's record and dials in the background. The result is in the call's record.
    ///
    /// # Errors
    /// The reason why nobody was or will be dialled.
    async fn dial(&self, call: OutboundCall) -> Result<(), String>;
}

/// Runs campaigns on this node.
pub struct Runner {
    records: Arc<SqlRecords>,
    outbound: Arc<dyn Outbound>,
    node: NodeId,
    /// The zone of customers whose record names none.
    zone: Zone,
    lookups: Mutex<LookUps>,
}

/// Whether a campaign has room for another call in this round.
enum Room {
    Yes,
    No,
}

impl Runner {
    /// A runner on the node `node`.
    pub fn new(
        records: Arc<SqlRecords>,
        outbound: Arc<dyn Outbound>,
        node: NodeId,
        zone: Zone,
    ) -> Self {
        Self {
            records,
            outbound,
            node,
            zone,
            lookups: Mutex::default(),
        }
    }

    /// Runs campaigns until `stop` is cancelled. A failure is logged once, and the round is repeated.
    pub fn run(self, stop: CancellationToken) -> BoxFuture<'static, ()> {
        self.run_until(stop).boxed()
    }

    async fn run_until(self, stop: CancellationToken) {
        let mut is_logged = false;
        loop {
            match self.round().await {
                Ok(()) if is_logged => {
                    is_logged = false;
                    tracing::info!("campaigns run again");
                }
                Ok(()) => {}
                Err(error) if !is_logged => {
                    is_logged = true;
                    tracing::error!(%error, "campaigns cannot run, and dial nobody until the store answers");
                }
                Err(_) => {}
            }
            tokio::select! {
                () = tokio::time::sleep(ROUND) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// One round.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn round(&self) -> Result<(), StoreError> {
        self.close_attempts().await?;
        for campaign in self.records.running_campaigns().await? {
            let Some(plan) = self.plan(&campaign).await? else {
                continue;
            };
            for _ in 0..ENROL_STEPS {
                let now_ms = unix_ms();
                if !self.records.enrol(&campaign.name, ENROLLED, now_ms).await? {
                    break;
                }
            }
            if self.stops(&campaign, &plan).await? {
                continue;
            }
            self.call_due(&campaign, &plan).await?;
            if self
                .records
                .finish_campaign(&campaign.name, unix_ms())
                .await?
            {
                tracing::info!(campaign = campaign.name, "a campaign has finished");
            }
        }
        Ok(())
    }

    /// Reads a campaign's plan; one that cannot be read stops the campaign.
    async fn plan(&self, campaign: &Campaign) -> Result<Option<Plan>, StoreError> {
        let fault = match serde_json::from_str::<Plan>(&campaign.plan) {
            Ok(plan) if plan.errors().is_empty() => return Ok(Some(plan)),
            Ok(plan) => plan.errors().concat(),
            Err(error) => error.to_string(),
        };
        let reason = format!("this version of the engine cannot read its rules: {fault}");
        self.stop(campaign, &reason).await?;
        Ok(None)
    }

    async fn stop(&self, campaign: &Campaign, reason: &str) -> Result<(), StoreError> {
        let change = (CampaignState::Running, CampaignState::Stopped);
        let is_stopped = self
            .records
            .change_campaign(&campaign.name, change, Some(reason), unix_ms())
            .await?;
        if is_stopped {
            tracing::error!(
                campaign = campaign.name,
                reason,
                "a campaign was stopped: fix the cause, then `ghanti campaign resume`"
            );
        }
        Ok(())
    }

    /// Stops a campaign most of whose last calls failed, and one whose flow is not loaded. Returns
    /// whether nobody is to be called for it now.
    async fn stops(&self, campaign: &Campaign, plan: &Plan) -> Result<bool, StoreError> {
        let has_flow =
            FlowName::parse(&campaign.flow).is_ok_and(|flow| self.outbound.has_flow(&flow));
        if !has_flow {
            // it may be loading, on another node or in a reload: the campaign is not stopped
            return Ok(true);
        }
        let rule = &plan.stop;
        if rule.failed_percent == 0 {
            return Ok(false);
        }
        // only calls since it was last started: earlier failures may have been fixed
        let since_ms = campaign.changed_ms;
        let last = self
            .records
            .last_outcomes(&campaign.name, since_ms, rule.of_calls)
            .await?;
        let of = u32::try_from(last.len()).unwrap_or(u32::MAX);
        let is_failure = |outcome: &&String| Class::of_outcome(outcome).is_failure();
        let failed = u32::try_from(last.iter().filter(is_failure).count()).unwrap_or(u32::MAX);
        let is_over =
            u64::from(failed) * 100 >= u64::from(rule.failed_percent) * u64::from(rule.of_calls);
        if of < rule.of_calls || !is_over {
            return Ok(false);
        }
        let mut counts = BTreeMap::<&str, u32>::new();
        for outcome in last.iter().filter(is_failure) {
            *counts.entry(outcome).or_default() += 1;
        }
        let counts: Vec<String> = counts
            .into_iter()
            .map(|(outcome, count)| format!("{count} `{outcome}`"))
            .collect();
        let reason = format!(
            "of the last {of} calls {failed} failed: {}",
            counts.join(", ")
        );
        self.stop(campaign, &reason).await?;
        Ok(true)
    }

    /// Calls due customers of a campaign, up to its and the engine's limits.
    async fn call_due(&self, campaign: &Campaign, plan: &Plan) -> Result<(), StoreError> {
        let now_ms = unix_ms();
        if campaign.next_ms > now_ms {
            return Ok(());
        }
        let quiet_ms = self.quiet_ms(now_ms);
        let in_progress = self.records.in_progress(&campaign.name, quiet_ms).await?;
        let at_once = plan.at_once(in_progress.with_agents);
        let taken = in_progress.taken(at_once);
        let free = at_once.saturating_sub(u32::try_from(taken).unwrap_or(u32::MAX));
        // phones that ring will be calls soon
        let ringing = u32::try_from(self.records.ringing(quiet_ms).await?).unwrap_or(u32::MAX);
        let room = self.outbound.room().saturating_sub(ringing);
        let pace_ms = plan.pace_ms().max(1);
        let round_ms = u64::try_from(ROUND.as_millis()).unwrap_or(u64::MAX);
        let in_pace = u32::try_from(round_ms / pace_ms + 1).unwrap_or(u32::MAX);
        let wanted = free.min(room).min(in_pace).min(CLAIMED);
        if wanted == 0 {
            return Ok(());
        }
        let lease = (now_ms, now_ms.saturating_add(LEASE_MS));
        let names = (campaign.name.as_str(), campaign.list.as_str());
        let claimed = self
            .records
            .claim_due(names, self.node, lease, wanted)
            .await?;
        let mut customers = claimed.into_iter();
        for customer in customers.by_ref() {
            if let Room::No = self.call(campaign, plan, at_once, customer).await? {
                break;
            }
        }
        for customer in customers {
            self.put_back(campaign, &customer, unix_ms(), "waits for its turn")
                .await?;
        }
        Ok(())
    }

    /// The time before which a call without any report is no longer ringing.
    fn quiet_ms(&self, now_ms: u64) -> u64 {
        let rings_for = self.outbound.rings_for().as_millis();
        now_ms.saturating_sub(u64::try_from(rings_for).unwrap_or(u64::MAX))
    }

    /// Checks the rules for one customer whom this node has claimed, and dials.
    async fn call(
        &self,
        campaign: &Campaign,
        plan: &Plan,
        at_once: u32,
        customer: DueCustomer,
    ) -> Result<Room, StoreError> {
        let now_ms = unix_ms();
        if let Err(next) = self.check(campaign, plan, &customer, now_ms).await? {
            self.records
                .postpone(&campaign.name, &customer.key, self.node, &next, now_ms)
                .await?;
            return Ok(Room::Yes);
        }
        let call_id = CallId::generate();
        let new = NewAttempt {
            campaign: &campaign.name,
            key: &customer.key,
            phone: &customer.phone,
            call_id,
            node: self.node,
            at_once,
            pace_ms: plan.pace_ms(),
            quiet_ms: self.quiet_ms(now_ms),
        };
        let begun = loop {
            let now_ms = unix_ms();
            match self.records.begin_attempt(&new, now_ms).await? {
                // the pace is finer than the interval of rounds
                Begun::NotBefore(next_ms) if next_ms <= now_ms + plan.pace_ms().min(PACED_MS) => {
                    let wait = Duration::from_millis(next_ms.saturating_sub(now_ms));
                    tokio::time::sleep(wait).await;
                }
                begun => break begun,
            }
        };
        match begun {
            Begun::Yes => {}
            Begun::NotRunning | Begun::Full => {
                self.put_back(campaign, &customer, now_ms, "waits for its turn")
                    .await?;
                return Ok(Room::No);
            }
            Begun::NotBefore(next_ms) => {
                self.put_back(campaign, &customer, next_ms, "waits for its turn")
                    .await?;
                return Ok(Room::No);
            }
            Begun::BeingCalled => {
                let due_ms = now_ms.saturating_add(SOON_MS);
                self.put_back(campaign, &customer, due_ms, "is being called")
                    .await?;
                return Ok(Room::Yes);
            }
            Begun::NotHeld => return Ok(Room::Yes),
        }
        let caller_id = caller_id(plan, &customer);
        let outbound = OutboundCall {
            customer: CustomerRecord {
                call_id,
                phone: customer.phone,
                flow: FlowName::parse(&campaign.flow).ok(),
                fields: customer.fields,
            },
            caller_id,
        };
        if let Err(reason) = self.outbound.dial(outbound).await {
            tracing::warn!(call = %call_id, campaign = campaign.name, reason, "a customer of a campaign was not dialled");
            let settlement = AttemptResult {
                outcome: Outcome::NotDialled.as_str(),
                counts: false,
                reached: Reached::Nobody,
                next: NextStep::Again {
                    due_ms: now_ms.saturating_add(SOON_MS),
                    reason,
                },
                not_before_ms: None,
            };
            self.records
                .finish_attempt(call_id, &settlement, now_ms)
                .await?;
        }
        Ok(Room::Yes)
    }

    /// Whether a customer may be called now. Checked immediately before each dial.
    async fn check(
        &self,
        campaign: &Campaign,
        plan: &Plan,
        customer: &DueCustomer,
        now_ms: u64,
    ) -> Result<Result<(), NextStep>, StoreError> {
        let zone = match rules::zone_of(&customer.fields, plan, &self.zone) {
            Ok(zone) => zone,
            Err(next) => return Ok(Err(next)),
        };
        let day_ms = rules::start_of_day(now_ms, &zone).unwrap_or(now_ms);
        let history = self
            .records
            .dial_history(
                &customer.phone,
                (day_ms, now_ms.saturating_sub(WEEK_MS)),
                (&campaign.name, &customer.key),
            )
            .await?;
        let wish = self.outbound.do_not_call(&customer.phone).await?;
        let known = Known {
            now_ms,
            zone,
            history,
            do_not_call: wish.map(|wish| wish.call_id),
        };
        Ok(rules::check(plan, &known))
    }

    async fn put_back(
        &self,
        campaign: &Campaign,
        customer: &DueCustomer,
        due_ms: u64,
        reason: &str,
    ) -> Result<(), StoreError> {
        let next = NextStep::Again {
            due_ms,
            reason: reason.to_owned(),
        };
        self.records
            .postpone(&campaign.name, &customer.key, self.node, &next, unix_ms())
            .await
    }
}

/// The number to call a customer from: always the same one, so that they recognise it.
fn caller_id(plan: &Plan, customer: &DueCustomer) -> Option<PhoneNumber> {
    let sum = |sum: usize, byte: u8| sum.wrapping_mul(31).wrapping_add(byte.into());
    let hash = customer.phone.expose().bytes().fold(0, sum);
    let at = hash.checked_rem(plan.caller_ids.len())?;
    plan.caller_ids.get(at).cloned()
}
