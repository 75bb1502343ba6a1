//! Two engines on one database, an engine that is killed, and clients that follow what happens:
//! what one node knows of a call no other one erases, and nothing is reported twice.

use std::collections::BTreeSet;
use std::fs;
use std::ops::Range;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::support::{
    API_TOKEN, Engine, Follower, PATIENCE, Playing, Received, Setup, Stream, ids, root, scenario,
    start_of,
};
use futures_util::stream::{self, StreamExt};
use ghanti_test_servers::{PostgresServer, RedisServer};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Response};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Callers answer by keys here: no words are waited for.
const BY_KEYS: &str = "[speech]\nrecognizer = 'none'\n";
const AGENT: &str = "+918000000001";
const DATABASE: &str = "calls";
/// Pause between two polls of what cannot be waited for otherwise.
const LOOK: Duration = Duration::from_millis(50);
/// Events that happened so long before an engine is killed are in the database.
const SAVED_MS: u64 = 500;

/// A flow that says a sentence and wants an agent.
pub fn bare() -> TempDir {
    with_bare(tempfile::tempdir().unwrap())
}

/// Adds that flow to a folder.
pub fn with_bare(flows: TempDir) -> TempDir {
    let component = root().join("engine/host/tests/fixtures/bare-0.1.0.wasm");
    fs::copy(component, flows.path().join("bare.wasm")).unwrap();
    flows
}

/// The shipped flow in Rust alone: it greets, and waits for an answer.
pub fn reminder() -> TempDir {
    let flows = tempfile::tempdir().unwrap();
    with_reminder(flows)
}

/// Adds that flow to a folder.
pub fn with_reminder(flows: TempDir) -> TempDir {
    let mut copy = Command::new("cp");
    copy.arg("-r").arg(root().join("flows/emi-reminder"));
    assert!(copy.arg(flows.path()).status().unwrap().success());
    flows
}

/// Engines on one database and one session store.
pub struct Cluster {
    pub engines: Vec<Engine>,
    postgres: PostgresServer,
    pub redis: RedisServer,
    flows: TempDir,
}

impl Cluster {
    /// Starts two.
    pub fn start(flows: TempDir) -> Self {
        Self::start_with(2, flows, "[calls]\n")
    }

    /// Starts so many, with these settings of `[calls]`.
    pub fn start_with(engines: usize, flows: TempDir, calls: &str) -> Self {
        let (postgres, redis) = (PostgresServer::start(), RedisServer::start());
        let (database, sessions) = (postgres.create_database(DATABASE), redis.url());
        // no verdict is to depend on how much else the machine does
        let stores = format!(
            "[stores]\nredis-url = '{sessions}'\ndatabase-url = '{database}'\nlook-up-ms = 2000\n"
        );
        let config = format!("{BY_KEYS}{calls}agents = ['{AGENT}']\n{stores}");
        let engine = || Setup::new(config.clone()).flows(flows.path()).start();
        Self {
            engines: (0..engines).map(|_| engine()).collect(),
            postgres,
            redis,
            flows,
        }
    }

    /// The folder of flows.
    pub fn flows(&self) -> &Path {
        self.flows.path()
    }

    /// The rows of a query, with `|` between columns.
    pub fn rows(&self, query: &str) -> Vec<String> {
        let reported = self.postgres.sql(DATABASE, query);
        reported.lines().map(str::to_owned).collect()
    }

    /// Waits until the rows of a query are as they have to be.
    pub async fn until(&self, query: &str, are_right: impl Fn(&[String]) -> bool) {
        until(query, async || {
            let rows = self.rows(query);
            are_right(&rows).then_some(()).ok_or(rows)
        })
        .await;
    }
}

/// The node that an engine's process is.
fn node_of(engine: &Engine) -> String {
    let file = engine.house().join("data/node");
    fs::read_to_string(file).unwrap().trim().to_owned()
}

/// Looks until what is looked for is there.
pub async fn until<T, E: std::fmt::Debug>(
    what: &str,
    mut look: impl AsyncFnMut() -> Result<T, E>,
) -> T {
    let given_up = Instant::now() + PATIENCE;
    loop {
        match look().await {
            Ok(found) => return found,
            Err(so_far) => assert!(Instant::now() < given_up, "never: {what}: {so_far:#?}"),
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn status(engine: &Engine, path: &str) -> u16 {
    let response = engine.http().get(engine.url(path)).send().await.unwrap();
    response.status().as_u16()
}

#[track_caller]
pub fn text(value: &Value) -> String {
    match value.as_str() {
        Some(text) => text.to_owned(),
        None => panic!("no text: {value}"),
    }
}

fn problems(record: &Value) -> Vec<String> {
    let problems = record["problems"].as_array().unwrap().iter();
    problems.map(|problem| text(&problem["name"])).collect()
}

/// A call to a known customer, which the bot has greeted.
async fn greeted(engine: &Engine, nth: u64) -> Stream {
    let (sid, phone) = (format!("live-{nth}"), format!("09876561{nth:03}"));
    engine.customer(&phone, None).await;
    let mut stream = Stream::begin(engine, &sid, &phone).await;
    stream.hear_voice().await;
    stream
}

fn has(reported: &[Received], call: &str, kind: &str) -> bool {
    reported
        .iter()
        .any(|reported| reported.call == call && reported.kind == kind)
}

fn is_last(reported: &[Received], kind: &str) -> bool {
    reported
        .last()
        .is_some_and(|reported| reported.kind == kind)
}

/// Where an engine is, and which node it is.
type Place = (String, String);

fn place_of(engine: &Engine) -> Place {
    (engine.address().to_owned(), node_of(engine))
}

/// Engines as Exotel and a campaign see them.
pub struct Ways {
    http: Client,
    places: Mutex<Vec<Place>>,
    is_restarting: AtomicBool,
}

/// A call that was held, and the nodes that saw what of it.
pub struct Held {
    pub call: String,
    pub sid: String,
    seen: Vec<(&'static str, String)>,
}

/// Chooses an engine, the same in every run (SplitMix64, Steele et al. 2014).
struct Choice(u64);

impl Choice {
    fn engine(&mut self, of: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from(((mixed >> 32) * of as u64) >> 32).unwrap()
    }
}

impl Ways {
    pub fn new(engines: &[Engine]) -> Arc<Self> {
        Arc::new(Self {
            http: engines[0].http().clone(),
            places: Mutex::new(engines.iter().map(place_of).collect()),
            is_restarting: AtomicBool::new(true),
        })
    }

    /// Leads nothing to an engine any more.
    pub fn leave(&self, engine: &Engine) {
        let mut places = self.places.lock().unwrap();
        places.retain(|(address, _)| address != engine.address());
    }

    /// Tries one engine and then the next, in turn, as Exotel tries again what is refused.
    async fn either<T, F: Future<Output = Option<T>>>(
        &self,
        choice: &mut Choice,
        attempt: impl Fn(String) -> F,
    ) -> (String, T) {
        let engines = self.places.lock().unwrap().len();
        let (mut at, given_up) = (choice.engine(engines), Instant::now() + PATIENCE);
        loop {
            let (address, node) = {
                let places = self.places.lock().unwrap();
                places[at % places.len()].clone()
            };
            if let Some(answer) = attempt(address).await {
                return (node, answer);
            }
            assert!(Instant::now() < given_up, "all engines refuse");
            tokio::time::sleep(LOOK).await;
            at += 1;
        }
    }

    /// Gets a path, or posts a body to it. Tells which node has answered.
    async fn ask(
        &self,
        choice: &mut Choice,
        expected: u16,
        path: &str,
        post: Option<(&str, String)>,
    ) -> (String, Response) {
        self.either(choice, |address| {
            let url = format!("http://{address}{path}");
            let request = match post.clone() {
                None => self.http.get(url),
                Some((kind, body)) => self.http.post(url).header(CONTENT_TYPE, kind).body(body),
            };
            async move {
                // nobody is there
                let answer = request.send().await.ok()?;
                let status = answer.status().as_u16();
                if status != expected && [302, 503].contains(&status) {
                    return None;
                }
                assert_eq!(status, expected, "{}", answer.url());
                Some(answer)
            }
        })
        .await
    }

    /// A call with all of Exotel's requests, each to one of the two engines.
    async fn hold(&self, nth: u64) -> Held {
        let choice = &mut Choice(nth);
        let (sid, phone) = (format!("both-{nth}"), format!("09876{:06}", 700_000 + nth));
        let fields = json!({ "name": "Priya Sharma", "language": "en-IN", "loan": "LN-00478213", "amount": "12,500", "due-date": "2030-12-05" });
        let order = json!({ "phone": phone, "fields": fields, "flow": "bare" }).to_string();
        let order = Some(("application/json", order));
        let (node, created) = self.ask(choice, 201, "/api/calls", order).await;
        let mut seen = vec![("requested", node)];
        let call = text(&created.json::<Value>().await.unwrap()["call_id"]);
        let path = format!("/passthru?CallSid={sid}&CallFrom={phone}&CustomField={call}");
        seen.push(("applet-asked", self.ask(choice, 200, &path, None).await.0));

        let (of_call, number) = (&*sid, &*phone);
        let begin =
            |address: String| async move { Stream::try_begin(&address, of_call, number).await };
        let (node, mut stream) = self.either(choice, begin).await;
        stream.hear_out().await;
        let kinds = ["stream-started", "conversation-ended", "stream-closed"];
        seen.extend(kinds.map(|kind| (kind, node.clone())));

        let path = format!("/passthru/after?CallSid={sid}&Stream%5BStatus%5D=completed");
        // the branch to the agent
        seen.push(("passthru-after", self.ask(choice, 302, &path, None).await.0));
        let path = format!("/connect?CallSid={sid}");
        let (node, reply) = self.ask(choice, 200, &path, None).await;
        let reply: Value = reply.json().await.unwrap();
        assert_eq!(reply["destination"]["numbers"], json!([AGENT]), "{sid}");
        seen.push(("connect-answered", node));
        let path = format!("/connect/event?CallSid={sid}&EventType=Answered&Status=busy");
        seen.push(("agent-reported", self.ask(choice, 200, &path, None).await.0));
        let body = format!("CallSid={sid}&Status=completed");
        let form = Some(("application/x-www-form-urlencoded", body));
        let (node, _) = self.ask(choice, 200, "/status", form).await;
        seen.push(("status-reported", node));
        Held { call, sid, seen }
    }
}

/// Holds these calls, so many at once.
pub async fn hold(ways: Arc<Ways>, calls: Range<u64>, at_once: u64) -> Vec<Held> {
    let hold = |nth| {
        let ways = Arc::clone(&ways);
        async move { ways.hold(nth).await }
    };
    let held = stream::iter(calls).map(hold);
    let at_once = usize::try_from(at_once).unwrap();
    held.buffer_unordered(at_once).collect().await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_engines_on_one_database_lose_nothing_of_each_other() {
    const CALLS: u64 = 200;
    const AT_ONCE: u64 = 8;
    // while one engine is away fewer go on, so that there are calls left when it is back
    const FEW: u64 = 4;
    let mut cluster = Cluster::start(bare());
    let ways = Ways::new(&cluster.engines);
    let first = tokio::spawn(hold(Arc::clone(&ways), 0..CALLS / 3, AT_ONCE));
    let over = "SELECT call_id FROM calls WHERE state = 'ended'";
    cluster.until(over, |rows| rows.len() > 20).await;
    cluster.engines[0].ask_to_stop();
    let mut held = first.await.unwrap();
    let meanwhile = tokio::spawn({
        let ways = Arc::clone(&ways);
        async move {
            let (mut held, mut next) = (Vec::new(), CALLS);
            while ways.is_restarting.load(Ordering::Relaxed) {
                held.extend(hold(Arc::clone(&ways), next..next + FEW, FEW).await);
                next += FEW;
            }
            held
        }
    });
    assert_eq!(cluster.engines[0].stopped(PATIENCE).code(), Some(0));
    cluster.engines[0].start_again();
    ways.places.lock().unwrap()[0] = place_of(&cluster.engines[0]);
    ways.is_restarting.store(false, Ordering::Relaxed);
    held.extend(meanwhile.await.unwrap());
    held.extend(hold(Arc::clone(&ways), CALLS / 3..CALLS, AT_ONCE).await);
    let is_of_both = |held: &&Held| held.seen.iter().any(|(_, node)| *node != held.seen[0].1);
    assert!(held.iter().filter(is_of_both).count() > held.len() / 2);

    // where the stores do not answer in time, as on a busy machine, a call is not joined to its order
    // and has a record of its own: nothing of it is lost either, so it is looked up by its CallSid
    let mut wanted = BTreeSet::new();
    for Held { call, sid, seen } in &held {
        for (kind, node) in seen {
            let whose = if *kind == "requested" { call } else { sid };
            wanted.insert(format!("{whose}|{kind}|{node}"));
        }
    }
    until("what each node saw is in the database", async || {
        let rows = cluster.rows(
            "SELECT CASE kind WHEN 'requested' THEN call_id ELSE call_sid END, kind, call_events.node FROM call_events JOIN calls USING (call_id)",
        );
        let there: BTreeSet<String> = rows.into_iter().collect();
        let missing = &wanted - &there;
        missing.is_empty().then_some(()).ok_or(missing)
    })
    .await;
    let once = "'stream-started', 'conversation-ended', 'stream-closed'";
    let twice = format!(
        "SELECT call_id, kind FROM call_events WHERE kind IN ({once}) GROUP BY call_id, kind HAVING count(*) > 1"
    );
    assert_eq!(
        cluster.rows(&twice),
        [] as [String; 0],
        "one conversation a record"
    );
    let outcome = |held: &Held| format!("{}|ended|transferred", held.sid);
    let mut outcomes: Vec<String> = held.iter().map(outcome).collect();
    outcomes.sort();
    let query = "SELECT call_sid, state, outcome FROM calls WHERE call_sid IS NOT NULL";
    let mut rows = cluster.rows(query);
    rows.sort();
    assert_eq!(rows, outcomes, "each call has one record with one outcome");

    let [a, b] = cluster.engines.as_slice() else {
        panic!("two engines");
    };
    let mut joined = 0;
    for Held { call, sid, .. } in &held {
        // an answer waits 150 ms at most for what the other engine has added
        let here = until("both engines answer the same", async || {
            let (here, there) = (a.record(sid).await.unwrap(), b.record(sid).await.unwrap());
            if here == there {
                Ok(here)
            } else {
                Err((here, there))
            }
        })
        .await;
        if here["call_id"] != **call {
            continue;
        }
        joined += 1;
        let steps = here["steps"].as_array().unwrap().iter();
        let steps: BTreeSet<&str> = steps.map(|step| step["step"].as_str().unwrap()).collect();
        // the stream may have been quicker than what the first applet's request leads to
        let expected =
            "completed customer-loaded greeting passthru-received stream-connected triggered";
        assert_eq!(steps, expected.split(' ').collect(), "{here:#}");
        let line = &here["transcript"][0];
        let reported = [&line["heard"], &here["exotel"]["Status"]];
        assert_eq!(reported, ["whole", "completed"], "{here:#}");
    }
    assert!(
        joined > held.len() / 2,
        "{joined} calls are joined to their orders"
    );
    for (Held { sid, seen, .. }, engine) in held.iter().zip([a, b, a, b]) {
        let path = format!("/api/calls/{sid}/events");
        let mut events = Follower::open(engine, &path, None).await;
        let of_call = text(&engine.record(sid).await.unwrap()["call_id"]);
        let of_stream = seen.iter().filter(|(kind, _)| *kind != "requested");
        let kinds: Vec<_> = of_stream.map(|(kind, _)| kind).collect();
        let are_there =
            |reported: &[Received]| kinds.iter().all(|kind| has(reported, &of_call, kind));
        events.until(are_there).await;
    }
    a.is_well().await;
    b.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_a_killed_engine_keep_their_events_and_end_when_the_lease_is_out() {
    const LIVE: u64 = 50;
    let flows = reminder();
    let mut engine = Setup::new(BY_KEYS).flows(flows.path()).start();
    let all = Follower::open(&engine, "/api/events", None).await;
    let following = tokio::spawn(all.until_gone());
    let begun = stream::iter(1..LIVE).map(|nth| greeted(&engine, nth));
    let _streams: Vec<Stream> = begun.buffer_unordered(8).collect().await;
    let passthru = "/passthru?CallSid=waits&CallFrom=09876561999";
    assert_eq!(status(&engine, passthru).await, 200);
    let is_known = |record: &Value| record["call_sid"] == "waits";
    engine.record_when("waits", PATIENCE, is_known).await;
    // its voice comes at the pace of speech, so that this much time passes for the others
    let mut newest = greeted(&engine, 0).await;
    newest.listen(1_500).await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let killed_ms = u64::try_from(now.as_millis()).unwrap();
    engine.crash();
    let mut old = following.await.unwrap();
    old.retain(|reported| reported.unix_ms + SAVED_MS <= killed_ms);
    // in the data folder that it had
    engine.start_again();

    let live = (0..LIVE).map(|nth| (format!("live-{nth}"), "engine-stopped", "prompt-started"));
    let waits = ("waits".to_owned(), "never-connected", "applet-asked");
    for (sid, outcome, kind) in live.chain([waits]) {
        let record = engine.ended(&sid).await;
        let call = text(&record["call_id"]);
        assert_eq!(record["outcome"], outcome, "{record:#}");
        let mut kept = Follower::open(&engine, &format!("/api/calls/{call}/events"), None).await;
        let kept = kept.until(|reported| is_last(reported, "abandoned")).await;
        let kept_ids: BTreeSet<&str> = kept.iter().map(|reported| &*reported.id).collect();
        assert!(has(&old, &call, kind), "`{kind}` of {sid} was not followed");
        let of_call = old.iter().filter(|reported| reported.call == call);
        let lost: Vec<_> = of_call
            .filter(|reported| !kept_ids.contains(&*reported.id))
            .collect();
        assert!(lost.is_empty(), "{sid}, killed at {killed_ms}: {lost:#?}");
        if outcome == "engine-stopped" {
            assert_eq!(record["transcript"][0]["name"], "greeting", "{record:#}");
            assert!(record["journal"]["entries"][0].is_object(), "{record:#}");
        }
    }
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_living_engine_ends_the_calls_of_a_dead_one_after_its_lease_and_no_others() {
    let mut cluster = Cluster::start(reminder());
    let [dead, living] = [0, 1].map(|at| node_of(&cluster.engines[at]));
    let (mut streams, mut expected) = (Vec::new(), Vec::new());
    for nth in 0..5 {
        let at = usize::from(nth >= 3);
        streams.push(greeted(&cluster.engines[at], nth).await);
        expected.push(format!("live-{nth}|live|{}", [&dead, &living][at]));
    }
    let passthru = "/passthru?CallSid=waits&CallFrom=09876561999";
    assert_eq!(status(&cluster.engines[0], passthru).await, 200);
    expected.push(format!("waits|pending|{dead}"));
    let held = "SELECT call_sid, state, node FROM calls WHERE node IS NOT NULL ORDER BY call_sid";
    cluster.until(held, |rows| rows == expected).await;
    cluster.engines[0].crash();
    let lease = format!("SELECT lease_until_ms FROM nodes WHERE node = '{dead}'");
    let lease_until_ms: u64 = cluster.rows(&lease)[0].parse().unwrap();

    let survivor = &cluster.engines[1];
    let theirs = ["live-0", "live-1", "live-2", "waits"];
    for sid in theirs {
        let record = survivor.ended(sid).await;
        let is_live = sid != "waits";
        let outcome = ["never-connected", "engine-stopped"][usize::from(is_live)];
        assert_eq!(record["outcome"], outcome, "{record:#}");
    }
    let abandoned = "SELECT call_sid, call_events.node, unix_ms FROM call_events JOIN calls USING (call_id) WHERE kind = 'abandoned' ORDER BY call_sid";
    let rows = cluster.rows(abandoned);
    assert_eq!(rows.len(), theirs.len(), "{rows:#?}");
    for (row, sid) in rows.iter().zip(theirs) {
        let unix_ms = row.strip_prefix(&format!("{sid}|{living}|"));
        let unix_ms: u64 = unix_ms.expect(row).parse().unwrap();
        assert!(unix_ms >= lease_until_ms, "{row}, lease: {lease_until_ms}");
    }
    drop(streams);
    for sid in ["live-3", "live-4"] {
        let record = survivor.ended(sid).await;
        assert_ne!(record["outcome"], "engine-stopped", "{record:#}");
    }
    assert_eq!(
        cluster.rows(abandoned),
        rows,
        "those of the living were left"
    );
    survivor.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_an_engine_ends_before_the_order_of_another_is_stored_is_not_nobodys() {
    let cluster = Cluster::start(bare());
    let ([first, second], phone) = (cluster.engines.as_slice(), "+919876563002") else {
        panic!("two engines");
    };
    let call = first.customer(phone, Some("bare")).await;
    // its events wait a moment for others before they are stored
    first.signal("STOP");
    let body = format!("CallSid=early&CustomField={call}&Status=no-answer");
    let request = second.http().post(second.url("/status"));
    let request = request
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(body);
    assert_eq!(request.send().await.unwrap().status(), 200);
    let is_over = |record: &Value| record["outcome"] == "not-answered";
    let record = second.record_when("early", PATIENCE, is_over).await;
    first.signal("CONT");
    let fields = ["call_id", "customer_number", "flow"].map(|field| text(&record[field]));
    assert_eq!(fields, [call.as_str(), phone, "bare"], "{record:#}");
    for engine in &cluster.engines {
        let is_whole =
            |record: &Value| is_over(record) && record["steps"].to_string().contains("triggered");
        let record = engine.record_when(&call, PATIENCE, is_whole).await;
        assert_eq!(record["order"], Value::Null, "the order's own: {record:#}");
        engine.is_well().await;
    }
}

/// A call is asked for at one engine and held by the first; then a second stream comes to the
/// other one.
async fn is_not_replaced(asked_at: usize, sid: &str) {
    let cluster = Cluster::start(bare());
    let ([held, other], phone) = (cluster.engines.as_slice(), "09876563001") else {
        panic!("two engines");
    };
    let asked = &cluster.engines[asked_at];
    let call = asked.customer(phone, None).await;
    let passthru = format!("/passthru?CallSid={sid}&CallFrom={phone}&CustomField={call}");
    assert_eq!(status(asked, &passthru).await, 200);
    let is_bound = |record: &Value| record["call_sid"] == sid;
    asked.record_when(&call, PATIENCE, is_bound).await;
    Stream::begin(held, sid, phone).await.hear_out().await;
    assert_eq!(status(held, &format!("/connect?CallSid={sid}")).await, 200);
    // all of it, and not by asking the other engine, which may know an earlier state of the call
    let saved = format!(
        "SELECT count(DISTINCT kind) FROM call_events WHERE call_id = '{call}' AND kind IN ('requested', 'applet-asked', 'stream-closed', 'connect-answered')"
    );
    cluster.until(&saved, |rows| rows == ["4"]).await;
    // an answer does not wait for long for what the other engine has added
    let is_whole = |record: &Value| record["steps"].to_string().contains("triggered");
    let before = held.record_when(&call, PATIENCE, is_whole).await;
    assert_eq!(before["outcome"], "transfer-decided", "{before:#}");

    let mut second = Stream::open(other, &format!("/ws/voicebot/{sid}"))
        .await
        .unwrap();
    let mut start = start_of(sid, phone);
    start["stream_sid"] = json!("second");
    start["start"]["stream_sid"] = json!("second");
    second.say(&start).await;
    let heard = second.until_closed().await;
    let heard: BTreeSet<String> = heard.iter().map(|said| text(&said["event"])).collect();
    assert!(heard.is_empty(), "a second conversation began: {heard:?}");
    for engine in &cluster.engines {
        let is_reported = |record: &Value| problems(record) == ["second-stream"];
        let after = engine.record_when(&call, PATIENCE, is_reported).await;
        for (field, value) in before.as_object().unwrap() {
            // a view of the problems
            let is_same =
                ["problems", "findings"].contains(&field.as_str()) || after[field] == *value;
            assert!(is_same, "{field}: {value:#} became {:#}", after[field]);
        }
        engine.is_well().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_stream_on_another_engine_replaces_nothing() {
    is_not_replaced(0, "second-a").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_stream_on_an_engine_that_knew_the_call_before_its_first_replaces_nothing() {
    is_not_replaced(1, "second-b").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_a_call_are_streamed_as_they_happen_and_can_be_resumed() {
    let flows = reminder();
    let engine = Setup::new("").flows(flows.path()).start();
    let mut all = Follower::open(&engine, "/api/events", None).await;
    let playing = Playing::begin(&engine, &scenario("wrong-person"));
    let mut of_all = all
        .until(|reported| is_last(reported, "stream-started"))
        .await;
    let call = of_all.last().unwrap().call.clone();
    let path = format!("/api/calls/{call}/events");
    let mut follower = Follower::open(&engine, &path, None).await;
    let mut reported = follower
        .until(|reported| is_last(reported, "prompt-started"))
        .await;
    // its connection breaks in the moment in which it had an event
    drop(follower);
    let mut again = Follower::open(&engine, &path, Some(&reported.last().unwrap().id)).await;
    let second = greeted(&engine, 1).await;
    let is_over = |reported: &[Received]| has(reported, &call, "status-reported");
    reported.extend(again.until(is_over).await);
    drop(second);
    let is_end = |reported: &&Received| reported.kind == "stream-closed";
    let are_over = |reported: &[Received]| reported.iter().filter(is_end).count() == 2;
    of_all.extend(all.until(are_over).await);
    reported.extend(again.until_quiet().await);
    let report = tokio::task::spawn_blocking(|| playing.report());
    let report = report.await.unwrap();
    assert_eq!(report.code, Some(0), "{}", report.shown);

    let mut follower = Follower::open(&engine, &path, None).await;
    let whole = follower.until_quiet().await;
    assert_eq!(ids(&reported), ids(&whole), "each once, in their order");
    let mut kinds = whole.iter().map(|reported| &*reported.kind);
    let expected = "requested applet-asked stream-started prompt-started prompt-played utterance prompt-started prompt-played conversation-ended stream-closed";
    for kind in expected.split(' ') {
        assert!(
            kinds.any(|reported| reported == kind),
            "{kind}: {:#?}",
            ids(&whole)
        );
    }
    let behind = async |at: usize| {
        let mut follower = Follower::open(&engine, &path, Some(&whole[at].id)).await;
        follower.until_quiet().await
    };
    let (middle, last) = (whole.len() / 2, whole.len() - 1);
    let (behind_middle, behind_last) = tokio::join!(behind(middle), behind(last));
    assert_eq!(ids(&behind_middle), ids(&whole[middle + 1..]));
    assert_eq!(ids(&behind_last), [] as [String; 0]);

    let other = &of_all
        .iter()
        .find(|reported| reported.call != call)
        .unwrap()
        .call;
    let place = |call: &str, kind: &str| {
        let is_it = |reported: &Received| reported.call == call && reported.kind == kind;
        of_all.iter().position(is_it).expect(kind)
    };
    assert!(
        place(other, "prompt-started") < place(&call, "stream-closed"),
        "both at once: {:#?}",
        ids(&of_all)
    );

    // whoever asks in a wrong way may give a number away
    let number = "09876562001";
    let unknown = format!("/api/calls/{number}/events");
    assert_eq!(status(&engine, &unknown).await, 404);
    drop(Follower::open(&engine, "/api/events", Some(number)).await);
    engine.is_well().await;
    let logs = engine.logs();
    for number in [&number[1..], "9876561001", "9876500003"] {
        assert!(!logs.contains(number), "{number} is in a log");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_follows_events_needs_the_token_and_the_sixty_fifth_is_refused_with_a_hint() {
    let flows = bare();
    let server = format!("[server]\ninsecure = true\napi-token = '{API_TOKEN}'\n");
    let engine = Setup::new(format!("{BY_KEYS}{server}"))
        .flows(flows.path())
        .start();
    for path in ["/api/events", "/api/calls/any/events"] {
        assert_eq!(status(&engine, path).await, 401, "{path}");
    }
    let mut followers = Vec::new();
    for _ in 0..64 {
        followers.push(Follower::open(&engine, "/api/events", None).await);
    }
    let next = async || {
        let request = Follower::request(&engine, "/api/events");
        request.send().await.unwrap()
    };
    let refused = next().await;
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));
    let reported: Value = refused.json().await.unwrap();
    let is_reported =
        text(&reported["detail"]).contains("64") && text(&reported["hint"]).contains("close");
    assert!(is_reported, "{reported}");
    drop(followers.pop());
    until("the place of one that is gone is free", async || {
        let status = next().await.status();
        (status == 200).then_some(()).ok_or(status)
    })
    .await;
    engine.is_well().await;
}
