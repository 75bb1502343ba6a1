//! The list of calls: which calls are asked for, and what is shown of each.

use ghanti_model::{
    CallId, CallRecord, CallSid, CallState, DialState, Direction, FlowName, Language, Outcome,
    PhoneNumber, VersionId,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Which calls are asked for: those that fit all that is given. Times are milliseconds since
/// 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallFilter {
    /// The customer's number.
    pub phone: Option<PhoneNumber>,
    /// Exotel's id.
    pub call_sid: Option<CallSid>,
    /// The state.
    pub state: Option<CallState>,
    /// The outcome.
    pub outcome: Option<String>,
    /// The flow.
    pub flow: Option<FlowName>,
    /// The flow's version.
    pub version: Option<VersionId>,
    /// The campaign that dialled the call.
    pub campaign: Option<String>,
    /// Whether something went wrong.
    pub problems: Option<bool>,
    /// Created at this time or later.
    pub since_ms: Option<u64>,
    /// Created before this time.
    pub until_ms: Option<u64>,
}

impl CallFilter {
    /// Whether a call that is not stored yet fits. Which campaign dialled it is known once it is
    /// stored.
    pub fn takes(&self, call: &CallSummary) -> bool {
        fn is<T: PartialEq>(wanted: Option<&T>, has: Option<&T>) -> bool {
            wanted.is_none() || wanted == has
        }
        is(self.phone.as_ref(), call.customer_number.as_ref())
            && is(self.call_sid.as_ref(), call.call_sid.as_ref())
            && is(self.state.as_ref(), Some(&call.state))
            && is(self.outcome.as_ref(), call.outcome.as_ref())
            && is(self.flow.as_ref(), call.flow.as_ref())
            && is(self.version.as_ref(), call.version.as_ref())
            && self.campaign.is_none()
            && self
                .problems
                .is_none_or(|wanted| wanted == call.went_wrong())
            && self.since_ms.is_none_or(|since| since <= call.created_ms)
            && self.until_ms.is_none_or(|until| call.created_ms < until)
    }
}

/// The position of a call in the list, which is newest first: by the time it was created, and of
/// several with one time by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallPlace {
    /// When it was created, in milliseconds since 1970-01-01T00:00:00Z.
    pub created_ms: u64,
    /// Its id.
    pub call_id: CallId,
}

/// What the list shows of a call: nothing that was said, and nothing of the customer but their
/// number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct CallSummary {
    /// The engine's id.
    pub call_id: CallId,
    /// The order that it was dialled for.
    pub order: Option<CallId>,
    /// Exotel's id.
    pub call_sid: Option<CallSid>,
    /// The campaign that dialled it; unknown of a call that is not stored yet.
    pub campaign: Option<String>,
    /// The state.
    pub state: CallState,
    /// Who called whom.
    pub direction: Option<Direction>,
    /// The customer's number.
    pub customer_number: Option<PhoneNumber>,
    /// The flow.
    pub flow: Option<FlowName>,
    /// Its version.
    pub version: Option<VersionId>,
    /// The language at the end.
    pub language: Option<Language>,
    /// The outcome.
    pub outcome: Option<String>,
    /// The flow's own disposition.
    pub disposition: Option<String>,
    /// What is known of the engine's request to dial.
    pub dial: Option<DialState>,
    /// How many problems the record has.
    pub problems: u32,
    /// When it was created, in milliseconds since 1970-01-01T00:00:00Z.
    pub created_ms: u64,
    /// When the stream started, likewise.
    pub started_ms: Option<u64>,
    /// When it ended, likewise.
    pub ended_ms: Option<u64>,
}

impl CallSummary {
    /// Whether something went wrong: as [`CallRecord::went_wrong`].
    pub fn went_wrong(&self) -> bool {
        let outcome = self.outcome.as_deref().and_then(Outcome::parse);
        self.problems > 0 || outcome.is_some_and(Outcome::is_failure)
    }

    /// Its position in the list.
    pub fn place(&self) -> CallPlace {
        CallPlace {
            created_ms: self.created_ms,
            call_id: self.call_id,
        }
    }
}

impl From<&CallRecord> for CallSummary {
    fn from(record: &CallRecord) -> Self {
        Self {
            call_id: record.call_id,
            order: record.order,
            call_sid: record.call_sid.clone(),
            campaign: None,
            state: record.state,
            direction: record.direction,
            customer_number: record.customer_number.clone(),
            flow: record.flow.clone(),
            version: record.version.clone(),
            language: record.language.clone(),
            outcome: record.outcome.clone(),
            disposition: record.disposition.clone(),
            dial: record.dial,
            problems: u32::try_from(record.problems.len()).unwrap_or(u32::MAX),
            created_ms: record.created_ms,
            started_ms: record.started_ms,
            ended_ms: record.ended_ms,
        }
    }
}

/// A page of the list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallPage {
    /// Its calls, newest first.
    pub calls: Vec<CallSummary>,
    /// The position after which the next page begins; none if this is the last one.
    pub next: Option<CallPlace>,
}

impl CallPage {
    /// Takes in what this process knows of calls whose events are not all stored yet: `unsaved`
    /// stand in place of what is stored, and are added where they belong into a page of `limit`
    /// after the place `after`.
    #[must_use]
    pub fn with_unsaved(
        mut self,
        unsaved: Vec<CallSummary>,
        filter: &CallFilter,
        after: Option<CallPlace>,
        limit: u32,
    ) -> Self {
        for mut call in unsaved {
            let known = self
                .calls
                .iter()
                .position(|known| known.call_id == call.call_id);
            if let Some(known) = known {
                call.campaign = self.calls.remove(known).campaign;
                // that it is one of the campaign's is what is stored
                if filter.campaign.is_some() || filter.takes(&call) {
                    self.calls.push(call);
                }
                continue;
            }
            let place = call.place();
            let is_here = after.is_none_or(|after| place < after)
                && self.next.is_none_or(|next| place > next);
            if filter.takes(&call) && is_here {
                self.calls.push(call);
            }
        }
        self.calls
            .sort_by_key(|summary| std::cmp::Reverse(summary.place()));
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        if self.calls.len() > limit {
            self.calls.truncate(limit);
            self.next = self.calls.last().map(CallSummary::place);
        }
        self
    }
}

/// What the list takes from a record's JSON; the rest is not read.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Gist {
    #[serde(default)]
    pub(crate) order: Option<CallId>,
    #[serde(default)]
    pub(crate) direction: Option<Direction>,
    #[serde(default)]
    pub(crate) language: Option<Language>,
    #[serde(default)]
    pub(crate) disposition: Option<String>,
    #[serde(default)]
    pub(crate) dial: Option<DialState>,
    #[serde(default)]
    pub(crate) problems: Vec<serde::de::IgnoredAny>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn created(created_ms: u64) -> CallRecord {
        CallRecord::new(CallId::generate(), created_ms)
    }

    fn page(records: &[&CallRecord], next: Option<CallPlace>) -> CallPage {
        CallPage {
            calls: records.iter().map(|record| (*record).into()).collect(),
            next,
        }
    }

    fn times(page: &CallPage) -> Vec<u64> {
        page.calls.iter().map(|call| call.created_ms).collect()
    }

    #[test]
    fn calls_that_are_not_stored_yet_stand_where_they_will() {
        let (new, old) = (created(50), created(30));
        let unsaved = [created(60), created(40), created(20)];
        let filter = CallFilter::default();
        let shown = || unsaved.iter().map(CallSummary::from).collect::<Vec<_>>();
        let last = page(&[&new, &old], None);
        let whole = last.clone().with_unsaved(shown(), &filter, None, 10);
        assert_eq!(
            (times(&whole), whole.next),
            (vec![60, 50, 40, 30, 20], None)
        );
        let place = |record: &CallRecord| CallSummary::from(record).place();
        let full = page(&[&new, &old], Some(place(&old)));
        let first = full.clone().with_unsaved(shown(), &filter, None, 3);
        assert_eq!(
            (times(&first), first.next),
            (vec![60, 50, 40], Some(place(&unsaved[1])))
        );
        let after = full.with_unsaved(shown(), &filter, Some(place(&unsaved[0])), 3);
        assert_eq!(
            (times(&after), after.next),
            (vec![50, 40, 30], Some(place(&old)))
        );
    }

    #[test]
    fn what_is_newer_than_the_stored_row_replaces_it() {
        let stored = created(50);
        let ended = CallRecord {
            state: CallState::Ended,
            ..stored.clone()
        };
        let pending = CallFilter {
            state: Some(CallState::Pending),
            ..CallFilter::default()
        };
        let page = page(&[&stored], None);
        let shown =
            page.clone()
                .with_unsaved(vec![(&ended).into()], &CallFilter::default(), None, 5);
        assert_eq!(shown.calls[0].state, CallState::Ended);
        let next = Some(CallSummary::from(&stored).place());
        let full = CallPage {
            next,
            ..page.clone()
        };
        let shown = full.with_unsaved(vec![(&ended).into()], &CallFilter::default(), None, 1);
        assert_eq!(
            (times(&shown), shown.next),
            (vec![50], next),
            "also the last one of a page"
        );
        assert_eq!(
            page.with_unsaved(vec![(&ended).into()], &pending, None, 5),
            CallPage::default()
        );
    }
}
