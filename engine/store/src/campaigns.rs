//! Campaigns, their customers and the attempts to call them, as they are stored.
//!
//! A customer of a campaign is `waiting` until a time, `calling` or `done`. A node that is about to
//! call one claims them with a lease. An attempt is written, with the id of its call, before Exotel is
//! asked to dial, and is closed by what the call's record says: a node that dies leaves either a
//! customer whose lease expires, or an attempt with a call.

use std::collections::BTreeMap;
use std::fmt;

use ghanti_model::{CallId, Masked, PhoneNumber};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::lists::CustomerKey;

/// The state of a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CampaignState {
    /// Made, not started.
    Draft,
    /// Its customers are called.
    Running,
    /// An operator has paused it.
    Paused,
    /// The engine has stopped it, because too many calls failed.
    Stopped,
    /// An operator has ended it.
    Cancelled,
    /// All its customers are done.
    Finished,
}

impl CampaignState {
    const ALL: [Self; 6] = [
        Self::Draft,
        Self::Running,
        Self::Paused,
        Self::Stopped,
        Self::Cancelled,
        Self::Finished,
    ];

    /// The state as the database and JSON have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
            Self::Cancelled => "cancelled",
            Self::Finished => "finished",
        }
    }

    /// Reads a state as the database has it.
    pub(crate) fn stored(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

impl fmt::Display for CampaignState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A campaign. Times are milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Campaign {
    /// Its name.
    pub name: String,
    /// The list whose customers are called.
    pub list: String,
    /// The flow that talks to them.
    pub flow: String,
    /// Its rules, as JSON.
    pub plan: String,
    /// Its state.
    pub state: CampaignState,
    /// Why it is in this state, if that needs words.
    pub reason: Option<String>,
    /// When it was made.
    pub created_ms: u64,
    /// When it was first started.
    pub started_ms: Option<u64>,
    /// When it was cancelled or finished.
    pub ended_ms: Option<u64>,
    /// When its state last changed.
    pub changed_ms: u64,
    /// The earliest time of its next dial.
    pub next_ms: u64,
}

/// A customer who is due and claimed by this node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueCustomer {
    /// Their key.
    pub key: CustomerKey,
    /// Their number.
    pub phone: PhoneNumber,
    /// Their record as the list has it now.
    pub fields: BTreeMap<String, Masked>,
    /// How many attempts the campaign has begun with them.
    pub attempts: u32,
}

/// The calls to a number that campaigns made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DialHistory {
    /// Since the first time that was asked for: of today.
    pub today: u32,
    /// Since the second time: of the last week.
    pub week: u32,
    /// In all.
    pub in_all: u32,
    /// Of them, of this campaign to this customer.
    pub of_campaign: u32,
    /// When the last one was begun, in milliseconds since 1970-01-01T00:00:00Z.
    pub last_ms: Option<u64>,
    /// The customer is not to be called before this time, likewise, because they promised to pay.
    pub not_before_ms: Option<u64>,
}

/// Whether an attempt was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// It is written: the customer may be dialled.
    Yes,
    /// The campaign does not run any more.
    NotRunning,
    /// As many calls of the campaign are in progress as it allows.
    Full,
    /// The campaign's rate allows the next one at this time.
    NotBefore(u64),
    /// The customer is being called, by this campaign or another one.
    BeingCalled,
    /// This node's claim on the customer has expired.
    NotHeld,
}

/// An open attempt whose call is over, or of which no call is recorded.
#[derive(Debug, Clone)]
pub struct OpenAttempt {
    /// Its call.
    pub call_id: CallId,
    /// Its campaign.
    pub campaign: String,
    /// The customer.
    pub key: CustomerKey,
    /// Their number.
    pub phone: PhoneNumber,
    /// The attempt's number, from 1.
    pub number: u32,
    /// When it was begun, in milliseconds since 1970-01-01T00:00:00Z.
    pub began_ms: u64,
    /// When the call's record was written last, likewise; `None` if there is none.
    pub changed_ms: Option<u64>,
}

/// How far an attempt came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reached {
    /// Nobody answered, or that is not known.
    #[default]
    Nobody,
    /// The customer answered: the bot talked with them.
    Answered,
    /// They were identified.
    Identified,
}

impl Reached {
    /// The number that the database has for it.
    pub(crate) fn stored(self) -> i64 {
        match self {
            Self::Nobody => 0,
            Self::Answered => 1,
            Self::Identified => 2,
        }
    }
}

/// How far a campaign has come, in customers. What became of an attempt is counted once it is closed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CampaignFunnel)]
pub struct Progress {
    /// Customers of the list.
    pub listed: u64,
    /// Of them, those who were dialled.
    pub dialled: u64,
    /// Of them, those who answered at least once.
    pub answered: u64,
    /// Of them, those who were identified at least once.
    pub identified: u64,
    /// Attempts that may still be made with those who are not done.
    pub attempts_left: u64,
    /// Attempts that were begun within the last hour.
    pub dialled_last_hour: u64,
    /// Attempts that were begun within the last minute.
    pub dialled_last_minute: u64,
}

/// How many attempts of a campaign had an outcome in an hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HourlyOutcome {
    /// When the hour began, in milliseconds since 1970-01-01T00:00:00Z.
    pub hour_ms: u64,
    /// The outcome.
    pub outcome: String,
    /// How many.
    pub calls: u64,
}

/// An attempt of a campaign to call a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptOf {
    /// The campaign.
    pub campaign: String,
    /// The attempt's number, from 1.
    pub number: u32,
    /// When it was begun, in milliseconds since 1970-01-01T00:00:00Z.
    pub began_ms: u64,
    /// Its result; `None` while it is open.
    pub outcome: Option<String>,
    /// Its call.
    pub call_id: CallId,
}

/// A number among the customers of a campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberOf {
    /// The campaign.
    pub campaign: String,
    /// `waiting`, `calling` or `done`.
    pub state: String,
    /// When they are due, if they wait; in milliseconds since 1970-01-01T00:00:00Z.
    pub due_ms: Option<u64>,
    /// How many attempts were begun.
    pub attempts: u32,
    /// The outcome of the last one.
    pub outcome: Option<String>,
    /// Why they wait or are done.
    pub reason: Option<String>,
}

/// What happens with a customer after an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextStep {
    /// They are called again, not before this time.
    Again {
        /// The time, in milliseconds since 1970-01-01T00:00:00Z.
        due_ms: u64,
        /// Why then, in words.
        reason: String,
    },
    /// They are not called any more.
    Done {
        /// Why, in words; `None` if the outcome says it.
        reason: Option<String>,
    },
}

/// How many customers of a campaign are in a state with an outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = CampaignCount)]
pub struct Tally {
    /// `waiting`, `calling` or `done`.
    pub state: String,
    /// The outcome of their last call; null if they were not called.
    pub outcome: Option<String>,
    /// How many they are.
    pub customers: u64,
}

/// A customer's line in a campaign's report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reported {
    /// Their key.
    pub key: CustomerKey,
    /// Their number.
    pub phone: PhoneNumber,
    /// `waiting`, `calling` or `done`.
    pub state: String,
    /// How many attempts were begun.
    pub attempts: u32,
    /// The outcome of the last one.
    pub outcome: Option<String>,
    /// Why they wait or are done.
    pub reason: Option<String>,
    /// When they are due, if they wait; in milliseconds since 1970-01-01T00:00:00Z.
    pub due_ms: u64,
    /// The last call.
    pub call_id: Option<CallId>,
}
