//! Finds the call that a request or a stream belongs to, and the customer record it may use.
//!
//! All look-ups share one deadline. Whatever is not known by then counts as unreadable; what
//! follows from that is decided in [`crate::binding`].

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{join, join_all};
use ghanti_exotel::Parameters;
use ghanti_exotel::inbound::Start;
use ghanti_model::{CallId, CallLog, CallSid, CustomerRecord, FlowName, PhoneNumber, StreamSid};
use ghanti_store::{Binding, Claimant, Ends, Sighting, StoreError};
use tokio::time::{Instant, timeout_at};

use crate::binding::{Doubt, Evidence, Parties, Stored, Verdict, decide, parties, wanted_flow};
use crate::call_registry::Asks;
use crate::services::Services;

/// Time limit for the look-ups made after an applet was answered, when nobody waits for them.
pub const BEHIND_ANSWER: Duration = Duration::from_secs(3);
/// How many order ids one request may name; further ones are ignored.
const NAMED: usize = 4;

/// The existing record of a call, if there is one; an error if that is not known.
pub type Earlier = Result<Option<CallLog>, StoreError>;

/// What is known about the call to be found.
pub struct Sought<'a> {
    /// Exotel's id of the call, if the request has one.
    pub sid: Option<&'a CallSid>,
    /// The last segment of the socket's path: a CallSid, our own id, or the literal `{CallSid}`.
    /// Empty for a request without a socket.
    pub session: &'a str,
    /// The stream. If there is no CallSid, it claims the order's id for the call's record.
    pub stream: Option<&'a StreamSid>,
    /// What the request itself reports about the call.
    pub sighting: Sighting,
    /// How long all look-ups together may take.
    pub within: Duration,
}

/// What was found about a call.
pub struct Found {
    /// Our id: the one the CallSid is bound to, the order's, or a new one.
    pub call_id: CallId,
    /// Exotel's id of the call.
    pub sid: Option<CallSid>,
    /// The order that the call was dialled for.
    pub order: Option<CallId>,
    /// The customer's record, if the flow may have it.
    pub customer: Option<CustomerRecord>,
    /// The flow that the call was ordered for.
    pub flow: Option<FlowName>,
    /// The number on the line; if several were named, one that is not the order's.
    pub number: Option<PhoneNumber>,
    /// The operator's number (the ExoPhone).
    pub line: Option<PhoneNumber>,
    /// The existing record of the call, if there is one; an error if that is not known.
    pub earlier: Earlier,
    /// Why the flow may not have a customer record, if it is uncertain whose call it is.
    pub doubt: Option<Doubt>,
    /// Failed look-ups.
    pub failures: Vec<StoreError>,
}

impl Found {
    /// Returns problems for the record of a call whose flow has not started: names and details,
    /// without personal data.
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let failures = self.failures().into_iter();
        let doubt = self.doubt.iter().map(|doubt| {
            (
                doubt.name(),
                format!("the flow got no customer record: {doubt}"),
            )
        });
        failures.chain(doubt).collect()
    }

    /// Returns failed look-ups, as problems. Before the stream starts nothing else is a problem,
    /// since only the stream shows for certain who is on the line.
    pub fn failures(&self) -> Vec<(&'static str, String)> {
        let failures = self
            .failures
            .iter()
            .map(|failure| format!("{failure}; the call goes on without what is stored there"));
        failures
            .map(|detail| ("store-unavailable", detail))
            .collect()
    }

    /// Returns problems for the record of a call whose flow started before this request arrived:
    /// only those that should have kept the customer's record from the flow.
    pub fn late_problems(&self) -> Vec<(&'static str, String)> {
        let is_late = |doubt: &&Doubt| {
            matches!(
                doubt,
                Doubt::WrongNumber { .. } | Doubt::NumbersDiffer { .. }
            )
        };
        let doubt = self.doubt.iter().filter(is_late);
        doubt
            .map(|doubt| {
                (
                    doubt.name(),
                    format!("an applet asked when the flow had begun: {doubt}"),
                )
            })
            .collect()
    }
}

/// Returns the orders that parameters name, by our id in `call-id`, `order` or `CustomField`, or in
/// parameters packed into a `CustomField`.
pub fn named_orders<'a>(parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<CallId> {
    let mut named = Vec::new();
    for (name, value) in parameters {
        let name: String = name
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|letter| letter.to_ascii_lowercase())
            .collect();
        if !["callid", "customfield", "order", "orderid"].contains(&name.as_str()) {
            continue;
        }
        let packed = Parameters::from_query(value);
        let ids = std::iter::once(value).chain(
            ["call-id", "call_id", "order"]
                .into_iter()
                .filter_map(|name| packed.get(name)),
        );
        for id in ids.filter_map(|text| CallId::parse(text.trim())) {
            if named.len() < NAMED && !named.contains(&id) {
                named.push(id);
            }
        }
    }
    named
}

/// Returns what a `start` reports about its call.
pub fn sighting_of(start: &Start) -> Sighting {
    let parameters = start
        .custom_parameters
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let ends = Ends {
        from: start.from.clone(),
        to: start.to.clone(),
        direction: None,
    };
    Sighting {
        orders: named_orders(parameters),
        ends: vec![ends],
    }
}

/// Finds the call, decides which record its flow may use, and binds the call to its CallSid.
pub async fn find(services: &Services, sought: Sought<'_>) -> Found {
    let mut asking = Asking {
        until: Instant::now() + sought.within,
        within: sought.within,
        failures: Vec::new(),
    };
    let known = Known::read(services, &sought, &mut asking).await;
    let lines = lines(services);
    let ends: Vec<Ends> = known
        .seen
        .iter()
        .rev()
        .flat_map(|seen| &seen.ends)
        .chain(&sought.sighting.ends)
        .cloned()
        .collect();
    let of_number = match parties(&ends, &lines, None).customer.as_slice() {
        [number] if known.named.is_empty() && known.is_complete => asking
            .ask(services.sessions.orders_of(number))
            .await
            .map_or(Stored::Unreadable, Stored::Found),
        _ => Stored::Missing,
    };
    let evidence = Evidence {
        named: &known.named,
        is_complete: known.is_complete,
        ends: &ends,
        lines: &lines,
        of_number,
    };
    let verdict = decide(&evidence);
    let flow = match &verdict {
        Verdict::Customer(customer) => customer.flow.clone(),
        Verdict::Nobody | Verdict::Doubt(_) => wanted_flow(&evidence),
    };

    let ordered = match (&verdict, known.named.as_slice()) {
        (Verdict::Customer(customer), _) => Some((customer.call_id, Some(&customer.phone))),
        (_, [(order, Stored::Found(customer))]) => Some((*order, Some(&customer.phone))),
        (_, [(order, _)]) => Some((*order, None)),
        _ => None,
    };
    let phone = ordered.and_then(|(_, phone)| phone);
    let Parties {
        customer: numbers,
        line,
    } = parties(&ends, &lines, phone);
    let number = numbers
        .iter()
        .find(|number| phone.is_some_and(|phone| phone != *number))
        .or(numbers.first())
        .cloned();

    let is_stored = !matches!(known.named.as_slice(), [(_, Stored::Missing)]);
    let order = ordered.map(|(order, _)| order);
    let claim = Claim {
        order,
        is_stored,
        sid: known.sid.as_ref(),
        stream: sought.stream,
    };
    let (call_id, earlier, order) = match known.call() {
        Some(call_id) => (
            call_id,
            asking.record(services, call_id, known.earlier).await,
            order,
        ),
        None => claim.call(services, &mut asking).await,
    };
    let bound = bind(
        services,
        &mut asking,
        known.sid.as_ref(),
        Binding { call_id, order },
    )
    .await;
    // another request of the same call may have bound it first
    let earlier = if bound == call_id {
        earlier
    } else {
        asking.record(services, bound, Ok(None)).await
    };

    let (customer, doubt) = match verdict {
        Verdict::Customer(customer) => (Some(customer), None),
        Verdict::Nobody => (None, None),
        Verdict::Doubt(doubt) => (None, Some(doubt)),
    };
    Found {
        call_id: bound,
        sid: known.sid,
        order,
        customer,
        flow,
        number,
        line,
        earlier,
        doubt,
        failures: asking.failures,
    }
}

/// Look-ups that share a deadline, and the failures among them.
struct Asking {
    until: Instant,
    within: Duration,
    failures: Vec<StoreError>,
}

impl Asking {
    async fn bounded<T>(
        &self,
        answer: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        timeout_at(self.until, answer).await.unwrap_or_else(|_| {
            let reason = format!(
                "what is looked up for a call may take {} ms in all",
                self.within.as_millis()
            );
            Err(StoreError::Unavailable {
                store: "a store",
                reason,
            })
        })
    }

    async fn ask<T>(&mut self, answer: impl Future<Output = Result<T, StoreError>>) -> Option<T> {
        let answer = self.bounded(answer).await;
        self.note(answer)
    }

    /// Reads the record of a call, unless `found` is that record.
    async fn record(&self, services: &Services, call: CallId, found: Earlier) -> Earlier {
        match found {
            Ok(Some(log)) if log.record().call_id == call => Ok(Some(log)),
            _ => self.log(services, call).await,
        }
    }

    /// Reads the record of a call. What is in memory of it counts, if the database is late: the call
    /// would else be joined to nothing, and have a second record.
    async fn log(&self, services: &Services, call: CallId) -> Earlier {
        let answer = self
            .bounded(services.registry.log_asking(call, Asks::ToDecide))
            .await;
        answer.or_else(|failure| {
            let known = services.registry.in_memory(call);
            known.map(Some).ok_or(failure)
        })
    }

    /// Reads the record of the call with this CallSid, like [`Asking::log`].
    async fn log_by_sid(&self, services: &Services, sid: &CallSid) -> Earlier {
        let answer = self
            .bounded(services.registry.log_by_sid_asking(sid, Asks::ToDecide))
            .await;
        answer.or_else(|failure| {
            let known = services.registry.known(sid);
            let known = known.and_then(|call| services.registry.in_memory(call));
            known.map(Some).ok_or(failure)
        })
    }

    /// Reads the customers of orders.
    async fn customers(
        &self,
        services: &Services,
        orders: &[CallId],
    ) -> Vec<Result<Option<CustomerRecord>, StoreError>> {
        let read = orders
            .iter()
            .map(|order| self.bounded(services.sessions.customer_by_call(*order)));
        join_all(read).await
    }

    fn note<T>(&mut self, answer: Result<T, StoreError>) -> Option<T> {
        answer
            .map_err(|failure| {
                if !self.failures.contains(&failure) {
                    self.failures.push(failure);
                }
            })
            .ok()
    }
}

/// What was known about a call before this request, and the orders named for it.
struct Known {
    sid: Option<CallSid>,
    bound: Option<Binding>,
    seen: Vec<Sighting>,
    earlier: Earlier,
    named: Vec<(CallId, Stored<CustomerRecord>)>,
    is_complete: bool,
}

impl Known {
    async fn read(services: &Services, sought: &Sought<'_>, asking: &mut Asking) -> Self {
        let sessions = services.sessions.as_ref();
        let asked = sought
            .sid
            .cloned()
            .or_else(|| CallSid::parse(sought.session).ok());
        let in_path = CallId::parse(sought.session);
        let looking: &Asking = asking;
        // a late database costs the session store no time, nor the other way round
        let of_sessions = async {
            let (bound, seen) = match &asked {
                Some(sid) => {
                    join(
                        looking.bounded(sessions.bound(sid)),
                        looking.bounded(sessions.sightings(sid)),
                    )
                    .await
                }
                None => (Ok(None), Ok(Vec::new())),
            };
            let named = seen.iter().flatten().flat_map(|seen| &seen.orders);
            let mut orders: Vec<CallId> = Vec::new();
            for order in named.chain(&sought.sighting.orders).chain(&in_path) {
                if !orders.contains(order) {
                    orders.push(*order);
                }
            }
            let records = looking.customers(services, &orders).await;
            (bound, seen, orders, records)
        };
        let of_database = async {
            match &asked {
                Some(sid) => looking.log_by_sid(services, sid).await,
                None => Ok(None),
            }
        };
        let ((bound, seen, mut orders, mut records), earlier) =
            join(of_sessions, of_database).await;
        let (bound, seen) = (asking.note(bound), asking.note(seen));
        let is_complete = bound.is_some() && seen.is_some();
        let (bound, seen) = (bound.flatten(), seen.unwrap_or_default());
        // the path is taken for a CallSid only if something is known about such a call
        let is_call = sought.sid.is_some()
            || bound.is_some()
            || !seen.is_empty()
            || matches!(earlier, Ok(Some(_)));
        let (sid, earlier) = if is_call {
            (asked, earlier)
        } else {
            (None, Ok(None))
        };

        let bound_order = || {
            bound
                .and_then(|bound| bound.order)
                .or_else(|| earlier.as_ref().ok()?.as_ref()?.record().order)
        };
        if orders.is_empty() {
            orders.extend(bound_order());
            records = asking.customers(services, &orders).await;
        }
        let mut named = Vec::with_capacity(orders.len());
        for (order, record) in orders.into_iter().zip(records) {
            let stored = asking.note(record).map_or(Stored::Unreadable, |record| {
                record.map_or(Stored::Missing, Stored::Found)
            });
            // a CallSid of 32 hexadecimal digits looks like one of our ids
            let is_sid = in_path == Some(order)
                && sid
                    .as_ref()
                    .is_some_and(|sid| sid.as_str() == sought.session);
            if !is_sid || matches!(stored, Stored::Found(_)) {
                named.push((order, stored));
            }
        }
        Self {
            sid,
            bound,
            seen,
            earlier,
            named,
            is_complete,
        }
    }

    fn call(&self) -> Option<CallId> {
        self.bound.map(|bound| bound.call_id).or_else(|| {
            self.earlier
                .as_ref()
                .ok()?
                .as_ref()
                .map(|log| log.record().call_id)
        })
    }
}

/// Claims the order's id for a call's record. The first call of an order gets that id, further ones
/// get new ids.
struct Claim<'a> {
    order: Option<CallId>,
    is_stored: bool,
    sid: Option<&'a CallSid>,
    stream: Option<&'a StreamSid>,
}

impl Claim<'_> {
    /// Returns the call's id, its existing record and its order.
    async fn call(
        self,
        services: &Services,
        asking: &mut Asking,
    ) -> (CallId, Earlier, Option<CallId>) {
        let Some(order) = self.order else {
            return (CallId::generate(), Ok(None), None);
        };
        let earlier = asking.log(services, order).await;
        let is_free = match &earlier {
            Ok(Some(log)) => {
                let record = log.record();
                record.started_ms.is_none()
                    && (record.call_sid.is_none() || record.call_sid.as_ref() == self.sid)
            }
            Ok(None) => self.is_stored,
            // the call is not joined to its order, and its record says why
            Err(failure) => {
                asking.note::<()>(Err(failure.clone()));
                false
            }
        };
        // an id that is neither stored nor recorded is not an order
        let known = (self.is_stored || matches!(earlier, Ok(Some(_)))).then_some(order);
        let claimant = self
            .sid
            .map(Claimant::Call)
            .or(self.stream.map(Claimant::Stream));
        let is_ours = match claimant {
            Some(claimant) if is_free => {
                match asking.ask(services.sessions.claim(order, claimant)).await {
                    Some(is_ours) => is_ours,
                    None => services.sessions.claim_here(order, claimant),
                }
            }
            _ => false,
        };
        if is_ours {
            (order, earlier, known)
        } else {
            (CallId::generate(), Ok(None), known)
        }
    }
}

/// Binds a call to its CallSid. The first binding wins; returns the call id it holds.
async fn bind(
    services: &Services,
    asking: &mut Asking,
    sid: Option<&CallSid>,
    binding: Binding,
) -> CallId {
    let Some(sid) = sid else {
        return binding.call_id;
    };
    let sessions = &services.sessions;
    if let Some(bound) = asking.ask(sessions.bind(sid, binding)).await {
        return bound.call_id;
    }
    let bound = sessions.bind_here(sid, binding);
    let (sessions, sid) = (Arc::clone(sessions), sid.clone());
    // other nodes may learn of the binding later; the store bounds how long this takes
    tokio::spawn(async move { sessions.bind(&sid, bound).await });
    bound.call_id
}

/// Returns the operator's numbers, as the flows' manifests name them.
fn lines(services: &Services) -> Vec<PhoneNumber> {
    services
        .catalogue
        .versions()
        .values()
        .flat_map(|version| version.manifest().takes.numbers.clone())
        .collect()
}

#[cfg(test)]
mod tests;
