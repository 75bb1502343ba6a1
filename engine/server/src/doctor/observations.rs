//! What Exotel's requests showed since the start: by applet, and what was odd about them.
//!
//! Anyone on the network can send requests, so everything here is bounded. Nothing personal is
//! kept: CallSids only as long as it takes to compare them, and hosts and accounts by name.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ghanti_model::CallSid;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Calls for which the requests are remembered; those of the last minutes even on a busy engine.
const CALLS: usize = 2_048;
/// Examples kept with one sign, such as hosts.
const EXAMPLES: usize = 4;
/// Characters of an example.
const EXAMPLE_CHARACTERS: usize = 64;
/// Accounts kept by name.
const ACCOUNTS: usize = 8;

/// A place in an Exotel flow that asks this engine.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Applet {
    /// The Passthru before the bot.
    Passthru,
    /// The Voicebot applet, for the stream's URL.
    VoicebotUrl,
    /// The Voicebot applet's stream.
    Stream,
    /// The Passthru after the bot.
    PassthruAfter,
    /// Connect.
    Connect,
    /// The Passthru after Connect, which has the URL of the one after the bot.
    AfterConnect,
    /// Connect's events of agents' legs.
    ConnectEvent,
    /// The status callback.
    Status,
}

impl Applet {
    /// All of them, in the order of a call.
    pub const ALL: [Self; 8] = [
        Self::Passthru,
        Self::VoicebotUrl,
        Self::Stream,
        Self::PassthruAfter,
        Self::Connect,
        Self::AfterConnect,
        Self::ConnectEvent,
        Self::Status,
    ];

    /// The path that it asks.
    pub fn path(self) -> &'static str {
        match self {
            Self::Passthru => "/passthru",
            Self::VoicebotUrl => "/voicebot-url",
            Self::Stream => "/ws/voicebot",
            Self::PassthruAfter | Self::AfterConnect => "/passthru/after",
            Self::Connect => "/connect",
            Self::ConnectEvent => "/connect/event",
            Self::Status => "/status",
        }
    }
}

/// How often something was seen, and when last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = RequestsSeen)]
pub struct Seen {
    /// How often.
    pub count: u64,
    /// When last, in milliseconds since 1970-01-01T00:00:00Z.
    pub last_ms: u64,
}

impl Seen {
    fn again(&mut self, now_ms: u64) {
        self.count += 1;
        self.last_ms = now_ms;
    }
}

/// Something odd about a request that was served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sign {
    /// It asked for a public host that is not the one of `public-url`.
    OtherHost,
    /// It reached the proxy unencrypted.
    Unencrypted(Applet),
    /// It has a placeholder that nobody filled in.
    Placeholder(Applet),
    /// It is of an outbound call and has no `CustomField`.
    NoCustomField,
    /// It is of an outbound call, and its `CustomField` names no order.
    ForeignCustomField,
    /// Another applet of the call asked before this one was answered.
    Asynchronous(Applet),
    /// It came before, for the same call.
    Doubled(Applet),
}

/// How often a sign was seen, with examples.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signs {
    /// How often, and when last.
    pub seen: Seen,
    /// What it looked like, the first few.
    pub examples: Vec<String>,
}

/// Requests of one entry point.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = EntryPointSeen)]
pub struct EntrySeen {
    /// Those that were served.
    pub served: Seen,
    /// Those that were refused.
    pub refused: Seen,
}

impl EntrySeen {
    /// Together with another entry point's.
    pub fn with(&self, other: &Self) -> Self {
        let sum = |one: Seen, other: Seen| Seen {
            count: one.count.saturating_add(other.count),
            last_ms: one.last_ms.max(other.last_ms),
        };
        Self {
            served: sum(self.served, other.served),
            refused: sum(self.refused, other.refused),
        }
    }
}

/// A copy of the counts.
#[derive(Debug, Clone, Default)]
pub struct ObservationsView {
    /// Requests by applet.
    pub entries: BTreeMap<Applet, EntrySeen>,
    /// Refused requests by path and cause; an example of the path is the beginning of what was asked.
    pub refused: BTreeMap<(&'static str, &'static str), Signs>,
    /// What was odd about requests that were served.
    pub signs: BTreeMap<Sign, Signs>,
    /// The accounts whose calls came.
    pub accounts: BTreeMap<String, Seen>,
    /// By how many milliseconds Exotel's clock was ahead of ours at the last request with its time,
    /// and when that was.
    pub clock_ahead_ms: Option<(i64, u64)>,
}

/// Counts requests as they come.
#[derive(Debug, Default)]
pub struct Observations(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    view: ObservationsView,
    /// Passthru requests that are being answered.
    unanswered: Recent<CallSid, Applet>,
    /// Calls that were given the stream's URL and have no stream yet.
    fetched: Recent<CallSid, ()>,
    /// Requests that are expected once a call.
    once: Recent<(CallSid, Applet, String), ()>,
}

/// A map of the newest [`CALLS`] keys.
#[derive(Debug)]
struct Recent<K, V> {
    values: HashMap<K, V>,
    order: VecDeque<K>,
}

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self {
            values: HashMap::new(),
            order: VecDeque::new(),
        }
    }
}

impl<K: Clone + Eq + Hash, V> Recent<K, V> {
    /// Returns whether the key is new.
    fn put(&mut self, key: K, value: V) -> bool {
        if self.values.insert(key.clone(), value).is_some() {
            return false;
        }
        self.order.push_back(key);
        // removed keys stay in the order until they are passed
        while self.order.len() > CALLS
            && let Some(oldest) = self.order.pop_front()
        {
            self.values.remove(&oldest);
        }
        true
    }

    fn remove(&mut self, key: &K) -> bool {
        let is_there = self.values.remove(key).is_some();
        if is_there {
            self.order.retain(|other| other != key);
        }
        is_there
    }
}

impl Observations {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a copy.
    pub fn view(&self) -> ObservationsView {
        self.known().view.clone()
    }

    /// A request arrived; it is not answered yet.
    pub fn arrived(&self, applet: Applet, sid: Option<&CallSid>, now_ms: u64) {
        let Some(sid) = sid else { return };
        let mut known = self.known();
        let waiting = known.unanswered.values.get(sid).copied();
        if let Some(passthru) = waiting.filter(|waiting| *waiting != applet) {
            known.sign(Sign::Asynchronous(passthru), now_ms, applet.path());
        }
        if matches!(applet, Applet::Passthru | Applet::PassthruAfter) {
            known.unanswered.put(sid.clone(), applet);
        }
        match applet {
            Applet::VoicebotUrl => drop(known.fetched.put(sid.clone(), ())),
            Applet::Stream => drop(known.fetched.remove(sid)),
            _ => {}
        }
    }

    /// A request was answered.
    pub fn answered(&self, applet: Applet, sid: Option<&CallSid>, was_served: bool, now_ms: u64) {
        let mut known = self.known();
        if let Some(sid) = sid
            && known.unanswered.values.get(sid) == Some(&applet)
        {
            known.unanswered.remove(sid);
        }
        let entry = known.view.entries.entry(applet).or_default();
        if was_served {
            entry.served.again(now_ms);
        } else {
            entry.refused.again(now_ms);
        }
    }

    /// A request was refused. `path` and `cause` are of a bounded set; `shown` is the beginning of
    /// what was asked.
    pub fn refused(&self, path: &'static str, cause: &'static str, shown: &str, now_ms: u64) {
        let mut known = self.known();
        let signs = known.view.refused.entry((path, cause)).or_default();
        signs.note(now_ms, shown);
    }

    /// A request had something odd.
    pub fn sign(&self, sign: Sign, now_ms: u64, example: &str) {
        self.known().sign(sign, now_ms, example);
    }

    /// A request came that each call makes once; `kind` distinguishes it from others of the applet.
    pub fn once(&self, applet: Applet, sid: &CallSid, kind: &str, now_ms: u64) {
        let mut known = self.known();
        let kind: String = kind.chars().take(EXAMPLE_CHARACTERS).collect();
        if !known.once.put((sid.clone(), applet, kind), ()) {
            known.sign(Sign::Doubled(applet), now_ms, applet.path());
        }
    }

    /// A stream of this account started.
    pub fn account(&self, account_sid: &str, now_ms: u64) {
        let mut known = self.known();
        let accounts = &mut known.view.accounts;
        let name: String = account_sid.chars().take(EXAMPLE_CHARACTERS).collect();
        if accounts.len() < ACCOUNTS || accounts.contains_key(&name) {
            accounts.entry(name).or_default().again(now_ms);
        }
    }

    /// A request contained Exotel's time.
    pub fn clock(&self, exotel_ms: u64, now_ms: u64) {
        let ahead_ms = i64::try_from(exotel_ms).unwrap_or(i64::MAX)
            - i64::try_from(now_ms).unwrap_or(i64::MAX);
        self.known().view.clock_ahead_ms = Some((ahead_ms, now_ms));
    }

    /// Whether a call was given the stream's URL and no stream of it came.
    pub fn has_fetched(&self, sid: &CallSid) -> bool {
        self.known().fetched.values.contains_key(sid)
    }
}

impl Known {
    fn sign(&mut self, sign: Sign, now_ms: u64, example: &str) {
        self.view
            .signs
            .entry(sign)
            .or_default()
            .note(now_ms, example);
    }
}

impl Signs {
    fn note(&mut self, now_ms: u64, example: &str) {
        self.seen.again(now_ms);
        let example: String = example
            .chars()
            .filter(|character| !character.is_control())
            .take(EXAMPLE_CHARACTERS)
            .collect();
        let known: HashSet<_> = self.examples.iter().collect();
        if self.examples.len() < EXAMPLES && !example.is_empty() && !known.contains(&example) {
            self.examples.push(example);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sid(nth: usize) -> CallSid {
        CallSid::parse(format!("c{nth}")).unwrap()
    }

    #[test]
    fn a_passthru_that_is_overtaken_by_the_next_applet_is_asynchronous() {
        let observations = Observations::default();
        let overtaken = Sign::Asynchronous(Applet::PassthruAfter);
        for (nth, is_answered) in [(1, true), (2, false)] {
            observations.arrived(Applet::PassthruAfter, Some(&sid(nth)), 1);
            if is_answered {
                observations.answered(Applet::PassthruAfter, Some(&sid(nth)), true, 2);
            }
            observations.arrived(Applet::Connect, Some(&sid(nth)), 3);
            assert_eq!(
                observations.view().signs.contains_key(&overtaken),
                !is_answered
            );
        }
        // the same applet asks again, as after a timeout
        let again = Observations::default();
        again.arrived(Applet::Passthru, Some(&sid(1)), 1);
        again.arrived(Applet::Passthru, Some(&sid(1)), 2);
        assert!(again.view().signs.is_empty());
    }

    #[test]
    fn a_url_that_was_fetched_waits_for_its_stream() {
        let observations = Observations::default();
        observations.arrived(Applet::VoicebotUrl, Some(&sid(1)), 1);
        assert!(observations.has_fetched(&sid(1)) && !observations.has_fetched(&sid(2)));
        observations.arrived(Applet::Stream, Some(&sid(1)), 2);
        assert!(!observations.has_fetched(&sid(1)));
    }

    #[test]
    fn a_request_that_comes_twice_is_counted_by_its_kind() {
        let observations = Observations::default();
        let doubled = Sign::Doubled(Applet::Status);
        observations.once(Applet::Status, &sid(1), "answered", 1);
        observations.once(Applet::Status, &sid(1), "terminal", 2);
        observations.once(Applet::Status, &sid(2), "terminal", 3);
        assert_eq!(observations.view().signs.get(&doubled), None);
        observations.once(Applet::Status, &sid(1), "terminal", 4);
        let view = observations.view();
        assert_eq!(
            view.signs[&doubled].seen,
            Seen {
                count: 1,
                last_ms: 4
            }
        );
    }

    #[test]
    fn a_flood_of_requests_keeps_little() {
        let observations = Observations::default();
        for nth in 0..3 * CALLS {
            let long = "h".repeat(200) + &nth.to_string();
            observations.arrived(Applet::Passthru, Some(&sid(nth)), 1);
            observations.arrived(Applet::VoicebotUrl, Some(&sid(nth)), 1);
            observations.once(Applet::Passthru, &sid(nth), &long, 1);
            observations.account(&format!("a{nth}"), 1);
            observations.sign(Sign::OtherHost, 1, &format!("h{nth}"));
            observations.refused("other", "path", &format!("/{nth}"), 1);
        }
        let known = observations.known();
        for kept in [
            known.unanswered.values.len(),
            known.fetched.order.len(),
            known.once.values.len(),
        ] {
            assert!(kept <= CALLS, "{kept}");
        }
        assert_eq!(known.view.accounts.len(), ACCOUNTS);
        let signs = &known.view.signs[&Sign::OtherHost];
        assert_eq!(
            (signs.examples.len(), signs.seen.count),
            (EXAMPLES, 3 * CALLS as u64)
        );
        assert_eq!(
            known.view.refused[&("other", "path")].examples.len(),
            EXAMPLES
        );
    }
}
