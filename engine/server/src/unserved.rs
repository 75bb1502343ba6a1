//! Requests of Exotel that were not served: an applet without its token, a wrong path, a stream
//! without an upgrade or without a `start`.
//!
//! Each is logged (at a limited rate), counted by path and cause, and added to its call's record. A
//! problem whose call is not known yet is stored by its CallSid until the call is known. Anyone on the
//! network can cause all of this, so everything here is bounded, and a refused request creates no
//! record.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use ghanti_model::event::Repeat;
use ghanti_model::fold::network::STREAM_NEVER_OPENED;
use ghanti_model::unix_ms;
use ghanti_model::{CallId, CallSid, EventKind, Problem};
use ghanti_session::connect::NoStart;
use ghanti_store::StoreError;
use tokio::sync::Notify;

mod asked;
mod noticing;

use asked::{Asked, CONSOLE, STREAM, of_session};
use noticing::Noticed;

use crate::app::App;
use crate::awaited::conclude_after_stream;
use crate::cause::Cause;
use crate::doctor::PROBE;
use crate::routes::after::call_of;

/// Maximum number of unknown calls with problems; the oldest is dropped.
const CALLS: usize = 1_024;
/// Maximum number of problems kept for each call.
const OF_A_CALL: usize = 4;
/// Maximum number of problems kept of sockets that named no call.
const UNNAMED: usize = 64;
/// Log lines per minute for each path and cause; further requests are only counted.
const LINES: u64 = 10;
const MINUTE: Duration = Duration::from_secs(60);

/// Counts, log limits, problems that wait for their call, and sockets that wait for `start`.
#[derive(Debug, Default)]
pub struct Unserved {
    known: Mutex<Known>,
    /// Notified when a socket's `start` has arrived, or can no longer arrive.
    decided: Notify,
}

#[derive(Debug, Default)]
struct Known {
    counts: BTreeMap<Kind, u64>,
    lines: BTreeMap<Kind, Lines>,
    by_sid: HashMap<CallSid, Vec<Problem>>,
    order: VecDeque<CallSid>,
    unnamed: VecDeque<(Instant, Problem)>,
    /// Number of sockets waiting for `start`, by the CallSid in their path.
    waiting: HashMap<Option<CallSid>, usize>,
}

/// A path and a cause, both from a bounded set.
type Kind = (&'static str, &'static str);

#[derive(Debug)]
struct Lines {
    since: Instant,
    count: u64,
}

impl Unserved {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers an open socket that waits for `start`, by the CallSid in its path, if any. It
    /// counts as waiting until [`Waiting::started`] is called or the guard is dropped.
    pub fn waiting(self: &Arc<Self>, sid: Option<CallSid>) -> Waiting {
        *self.known().waiting.entry(sid.clone()).or_default() += 1;
        Waiting {
            unserved: Arc::clone(self),
            sid,
            started: AtomicBool::new(false),
        }
    }

    /// Waits, at most until `until`, while a socket is open that may become the stream of a call.
    pub async fn until_decided(&self, sid: Option<&CallSid>, until: Instant) {
        loop {
            // created before the check, so that no notification is missed
            let decided = self.decided.notified();
            let may_start = {
                let known = self.known();
                known.waiting.contains_key(&None) || known.waiting.contains_key(&sid.cloned())
            };
            if !may_start
                || tokio::time::timeout_at(until.into(), decided)
                    .await
                    .is_err()
            {
                return;
            }
        }
    }

    fn decide(&self, sid: &Option<CallSid>) {
        let mut known = self.known();
        if let Some(count) = known.waiting.get_mut(sid) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                known.waiting.remove(sid);
            }
        }
        drop(known);
        self.decided.notify_waiters();
    }

    /// Returns the number of unserved requests, by path and cause.
    pub fn all(&self) -> BTreeMap<(&'static str, &'static str), u64> {
        self.known().counts.clone()
    }

    /// Counts a request. Returns `None` if it must not be logged; otherwise the number of requests
    /// that were not logged since the last line.
    fn count(&self, kind: Kind, now: Instant) -> Option<u64> {
        let mut known = self.known();
        *known.counts.entry(kind).or_default() += 1;
        let lines = known.lines.entry(kind).or_insert(Lines {
            since: now,
            count: 0,
        });
        let mut untold = 0;
        if now.duration_since(lines.since) >= MINUTE {
            untold = lines.count.saturating_sub(LINES);
            *lines = Lines {
                since: now,
                count: 0,
            };
        }
        lines.count += 1;
        (lines.count <= LINES).then_some(untold)
    }

    /// Stores a problem for a CallSid. Returns whether it is the first for that CallSid.
    fn remember(&self, sid: &CallSid, problem: Problem) -> bool {
        let mut known = self.known();
        if let Some(problems) = known.by_sid.get_mut(sid) {
            if problems.len() < OF_A_CALL
                && problems.iter().all(|earlier| earlier.name != problem.name)
            {
                problems.push(problem);
            }
            return false;
        }
        if known.order.len() >= CALLS
            && let Some(oldest) = known.order.pop_front()
        {
            known.by_sid.remove(&oldest);
        }
        known.order.push_back(sid.clone());
        known.by_sid.insert(sid.clone(), vec![problem]);
        true
    }

    fn remember_unnamed(&self, problem: Problem, now: Instant) {
        let mut known = self.known();
        if known.unnamed.len() >= UNNAMED {
            known.unnamed.pop_front();
        }
        known.unnamed.push_back((now, problem));
    }

    fn take(&self, sid: &CallSid) -> Vec<Problem> {
        let mut known = self.known();
        let taken = known.by_sid.remove(sid).unwrap_or_default();
        if !taken.is_empty() {
            known.order.retain(|other| other != sid);
        }
        taken
    }

    /// Returns whether there are problems for a CallSid.
    pub fn has(&self, sid: &CallSid) -> bool {
        self.known().by_sid.contains_key(sid)
    }

    /// Returns the first problem, since a time, of a socket that named no call. The socket may have
    /// belonged to any call that waits for its stream.
    pub fn unnamed_since(&self, since: Instant) -> Option<Problem> {
        self.known()
            .unnamed
            .iter()
            .find(|(at, _)| *at >= since)
            .map(|(_, problem)| problem.clone())
    }
}

/// A socket that waits for `start`; a guard for its registration.
#[derive(Debug)]
pub struct Waiting {
    unserved: Arc<Unserved>,
    sid: Option<CallSid>,
    started: AtomicBool,
}

impl Waiting {
    /// Records that `start` has arrived.
    pub fn started(&self) {
        if !self.started.swap(true, Ordering::Relaxed) {
            self.unserved.decide(&self.sid);
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.started();
    }
}

/// Counts the requests of applets for the doctor, and handles all responses with a [`Cause`], as
/// middleware.
pub async fn watch(State(app): State<App>, request: Request, next: Next) -> Response {
    let uri = request.uri().clone();
    if uri.path().ends_with(PROBE) {
        return next.run(request).await;
    }
    let noticed = Noticed::arriving(&app, &request);
    let response = next.run(request).await;
    let cause = response.extensions().get::<Cause>().copied();
    if let Some(noticed) = noticed {
        noticed.answered(&app, cause, response.status());
    }
    if let Some(cause) = cause {
        let asked = Asked::read(
            &app.config.server.path,
            uri.path(),
            uri.query().unwrap_or_default(),
        );
        asked.unserved(&app, cause);
    }
    response
}

/// Handles a stream that did not start. Its call is known from its `start`, from the session in its
/// path, or not at all.
pub fn unstarted(app: &App, session: &str, no_start: &NoStart) {
    // not logged here: the session has logged it
    let _ = app
        .unserved
        .count((STREAM, no_start.name()), Instant::now());
    let (session_sid, call) = of_session(session);
    let problem = Problem {
        unix_ms: unix_ms(),
        name: no_start.name().to_owned(),
        detail: no_start.to_string(),
    };
    add_to_call(
        app,
        no_start.call_sid().cloned().or(session_sid),
        call,
        problem,
        true,
    );
}

/// Stores a problem for a call whose Voicebot applet received the stream's URL, if it did.
pub fn note_unused_url(app: &App, sid: &CallSid) {
    if app.observations.has_fetched(sid) {
        let detail = "the Voicebot applet received the stream's URL and never connected to it: check whether `public-url` of `[server]` answers \
                      wss:// from outside, with a valid certificate (`ghanti doctor --probe`)";
        let problem = Problem {
            unix_ms: unix_ms(),
            name: STREAM_NEVER_OPENED.to_owned(),
            detail: detail.to_owned(),
        };
        app.unserved.remember(sid, problem);
    }
}

/// Moves the problems stored for a CallSid to its call's record. Returns the call, or `None` if it is
/// not known yet. Fails like [`call_of`].
pub async fn explain(app: &App, sid: &CallSid) -> Result<Option<CallId>, StoreError> {
    let call = call_of(app, sid).await?;
    if let Some(call) = call {
        attach(app, call, app.unserved.take(sid)).await;
    }
    Ok(call)
}

async fn attach(app: &App, call: CallId, problems: Vec<Problem>) {
    for problem in problems {
        let repeat = Repeat::OncePerName;
        app.services
            .registry
            .append(call, EventKind::Problem { problem, repeat })
            .await;
    }
}

/// Adds a problem to its call, now or once the call is known.
fn add_to_call(
    app: &App,
    sid: Option<CallSid>,
    call: Option<CallId>,
    problem: Problem,
    is_stream: bool,
) {
    match (sid, call) {
        (Some(sid), _) => {
            let is_first = app.unserved.remember(&sid, problem);
            let Ok(permit) = app.background.clone().try_acquire_owned() else {
                return;
            };
            let app = app.clone();
            app.tasks.clone().spawn(async move {
                let _ = explain(&app, &sid).await;
                drop(permit);
                if is_first && is_stream {
                    conclude_after_stream(&app, &sid).await;
                }
            });
        }
        (None, Some(call)) => {
            let Ok(permit) = app.background.clone().try_acquire_owned() else {
                return;
            };
            let app = app.clone();
            app.tasks.clone().spawn(async move {
                // an invented id must not create a record
                if matches!(app.services.registry.get(call).await, Ok(Some(_))) {
                    attach(&app, call, vec![problem]).await;
                }
                drop(permit);
            });
        }
        (None, None) if is_stream => app.unserved.remember_unnamed(problem, Instant::now()),
        (None, None) => {}
    }
}

impl Asked {
    fn unserved(self, app: &App, cause: Cause) {
        let (name, hint) = self.hint(cause);
        app.observations
            .refused(self.place, cause.name(), &self.shown, unix_ms());
        if let Some(untold) = app
            .unserved
            .count((self.place, cause.name()), Instant::now())
        {
            let Self { shown, sid, .. } = &self;
            let sid = sid.as_ref().map(tracing::field::display);
            tracing::warn!(
                path = shown,
                cause = cause.name(),
                sid,
                hint,
                untold,
                "a request was not served"
            );
        }
        if !matches!(
            self.place,
            "/api" | CONSOLE | "/metrics" | "/websocket-url" | "/setup" | "/healthz" | "/readyz"
        ) {
            let detail = format!(
                "a request of Exotel's to `{}` was not served: {hint}",
                self.shown
            );
            let problem = Problem {
                unix_ms: unix_ms(),
                name: name.to_owned(),
                detail,
            };
            add_to_call(app, self.sid, self.call, problem, self.place == STREAM);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(name: &str) -> Problem {
        Problem {
            unix_ms: 1,
            name: name.to_owned(),
            detail: String::new(),
        }
    }

    #[test]
    fn a_flood_of_requests_is_counted_and_logged_at_a_limited_rate() {
        let (unserved, start) = (Unserved::default(), Instant::now());
        let reported = (0..1_000)
            .filter(|_| unserved.count(("/connect", "token"), start).is_some())
            .count();
        assert_eq!(
            (reported as u64, unserved.all()[&("/connect", "token")]),
            (LINES, 1_000)
        );
        assert_eq!(
            unserved.count(("/connect", "token"), start + MINUTE),
            Some(1_000 - LINES),
            "the next minute's first line has the number of omitted lines"
        );
        assert_eq!(
            unserved.count(("other", "path"), start),
            Some(0),
            "each kind has its own limit"
        );
    }

    #[test]
    fn problems_that_wait_for_their_call_are_bounded_and_taken_once() {
        let unserved = Unserved::default();
        let sid = |nth: usize| CallSid::parse(format!("c{nth}")).unwrap();
        assert!(unserved.remember(&sid(0), problem("wrong-path")));
        for nth in 0..2 * CALLS {
            unserved.remember(&sid(nth), problem("applet-refused"));
            unserved.remember(&sid(nth), problem("applet-refused"));
            unserved.remember_unnamed(problem("no-upgrade"), Instant::now());
        }
        assert!(!unserved.has(&sid(0)) && unserved.has(&sid(2 * CALLS - 1)));
        let sizes = |known: &Known| (known.order.len(), known.by_sid.len(), known.unnamed.len());
        assert_eq!(sizes(&unserved.known()), (CALLS, CALLS, UNNAMED));
        assert_eq!(
            unserved.take(&sid(2 * CALLS - 1)),
            [problem("applet-refused")]
        );
        assert_eq!(unserved.take(&sid(2 * CALLS - 1)), []);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_waits_for_the_sockets_that_may_become_its_stream() {
        let unserved = Arc::new(Unserved::default());
        let sid = CallSid::parse("c1").unwrap();
        let soon = || Instant::now() + Duration::from_secs(600);
        unserved.until_decided(Some(&sid), soon()).await;
        let _other = unserved.waiting(CallSid::parse("c2").ok());
        unserved.until_decided(Some(&sid), soon()).await;
        for name in [Some(sid.clone()), None] {
            let waiting = unserved.waiting(name.clone());
            let mut decided = std::pin::pin!(unserved.until_decided(Some(&sid), soon()));
            assert!(
                tokio::time::timeout(Duration::from_secs(1), &mut decided)
                    .await
                    .is_err(),
                "{name:?}"
            );
            waiting.started();
            decided.await;
        }
        let _stays = unserved.waiting(None);
        unserved.until_decided(Some(&sid), Instant::now()).await;
        assert_eq!(unserved.known().waiting.len(), 2);
    }
}
