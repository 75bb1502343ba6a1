//! An engine is replaced, and tokens are changed, as docs/operate.md and docs/operations.md say, while
//! fifty calls go on: none is cut, no callback is refused, each has one record with its own outcome.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use ghanti_test_servers::{PostgresServer, RedisServer};
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::{JoinSet, spawn_blocking};

use crate::nodes::{reminder, text, until};
use crate::support::{Engine, PATIENCE, Setup, Stream, silence_of, start_of};

/// Calls that are in progress when the engine is replaced.
const CALLS: u32 = 50;
const AGENT: &str = "+918000000001";
/// Calls that begin at once.
const AT_ONCE: usize = 8;
/// What a caller sends at once, in real time.
const FRAME: Duration = Duration::from_millis(120);
/// Frames between two keys of a caller.
const KEY_EVERY: u32 = 8;

/// What engines share: both stores and the flows.
struct Shared {
    stores: String,
    flows: TempDir,
    _servers: (PostgresServer, RedisServer),
}

impl Shared {
    fn start() -> Self {
        let (postgres, redis) = (PostgresServer::start(), RedisServer::start());
        let (database, sessions) = (postgres.create_database("calls"), redis.url());
        Self {
            stores: format!("[stores]\nredis-url = '{sessions}'\ndatabase-url = '{database}'\n"),
            flows: reminder(),
            _servers: (postgres, redis),
        }
    }

    /// Starts an engine with these settings of `[server]`, a data folder and a port of its own.
    fn engine(&self, server: &str) -> Engine {
        let config = format!(
            "[speech]\nrecognizer = 'none'\n[calls]\nagents = ['{AGENT}']\n{}[server]\n{server}",
            self.stores
        );
        Setup::new(config).flows(self.flows.path()).start()
    }
}

/// Tokens of an age; none where all doors are open.
#[derive(Clone, Copy)]
struct Tokens(Option<&'static str>);

impl Tokens {
    fn of(self, door: &str) -> Option<String> {
        Some(format!("{}-{door}-0123456789", self.0?))
    }

    /// Lines of `[server]`.
    fn lines(self, prefix: &str) -> String {
        let line = |door: &str| {
            let token = self.of(door)?;
            Some(format!("{prefix}{door}-token = '{token}'\n"))
        };
        ["stream", "applet", "api"]
            .iter()
            .filter_map(|door| line(door))
            .collect()
    }

    fn stream(self, sid: &str) -> String {
        match self.of("stream") {
            Some(token) => format!("/ws/voicebot/{token}/{sid}"),
            None => format!("/ws/voicebot/{sid}"),
        }
    }

    /// The URL of an applet's request about a call.
    fn applet(self, engine: &Engine, path: &str, sid: &str, more: &str) -> String {
        let token = self
            .of("applet")
            .map_or_else(String::new, |token| format!("token={token}&"));
        engine.url(&format!("{path}?{token}CallSid={sid}{more}"))
    }

    fn api(self, request: RequestBuilder) -> RequestBuilder {
        match self.of("api") {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }
}

/// What becomes of a call when the callers go on.
#[derive(Clone, Copy, PartialEq)]
enum Ends {
    HangsUp,
    IsSomebodyElse,
    WantsAnAgent,
}

impl Ends {
    fn of(nth: u32) -> Self {
        match nth % 5 {
            0..=2 => Self::HangsUp,
            3 => Self::IsSomebodyElse,
            _ => Self::WantsAnAgent,
        }
    }

    fn key(self) -> Option<&'static str> {
        match self {
            Self::HangsUp => None,
            Self::IsSomebodyElse => Some("2"),
            Self::WantsAnAgent => Some("1"),
        }
    }
}

struct Call {
    id: String,
    sid: String,
    phone: String,
    ends: Ends,
    stream: Stream,
}

impl Call {
    /// Orders a call, and holds it until the bot speaks.
    async fn begin(engine: &Engine, tokens: Tokens, nth: u32) -> Self {
        let (sid, phone) = (format!("upgrade-{nth}"), format!("+9198765{nth:05}"));
        let fields = json!({ "name": "Priya Sharma", "language": "en-IN", "loan": "LN-00478213", "amount": "12,500", "due-date": "2030-12-05" });
        let order = json!({ "phone": phone, "flow": "emi-reminder", "fields": fields });
        let id = until("the order is taken", async || {
            let post = engine.http().post(engine.url("/api/calls")).json(&order);
            let answer = tokens.api(post).send().await.unwrap();
            let (status, body) = (answer.status(), answer.json::<Value>().await.unwrap());
            // a store that is slow on a busy machine says so
            assert!([201, 503].contains(&status.as_u16()), "{body:#}");
            body["call_id"].as_str().map(str::to_owned).ok_or(body)
        })
        .await;
        let more = format!("&CallFrom={}&CustomField={id}", phone.replace('+', "%2B"));
        let url = tokens.applet(engine, "/passthru", &sid, &more);
        let passthru = engine.http().get(url).send().await.unwrap();
        assert_eq!(passthru.status(), 200);
        let mut stream = Stream::open(engine, &tokens.stream(&sid)).await.unwrap();
        stream.say(&json!({ "event": "connected" })).await;
        stream.say(&start_of(&sid, &phone)).await;
        stream.hear_voice().await;
        Self {
            id,
            sid,
            phone,
            ends: Ends::of(nth),
            stream,
        }
    }

    /// Stays on the line until told to go on, and then ends it as this caller does. Panics if the
    /// engine closes the stream before it is told to go on.
    async fn hold(mut self, mut goes_on: watch::Receiver<bool>) -> Self {
        let silence = silence_of(&self.sid);
        let mut frames = tokio::time::interval(FRAME);
        let mut nth = 0;
        loop {
            tokio::select! {
                heard = self.stream.hear() => match heard {
                    Some(message) if message["event"] == "mark" => self.stream.say(&message).await,
                    Some(_) => {}
                    None => {
                        assert!(*goes_on.borrow(), "{} was cut", self.sid);
                        return self;
                    }
                },
                _ = frames.tick() => {
                    // the engine may be closing the socket
                    let frame = silence.to_string().into();
                    drop(self.stream.send(frame).await);
                    nth += 1;
                    let Some(digit) = self.ends.key().filter(|_| *goes_on.borrow()) else {
                        continue;
                    };
                    if nth % KEY_EVERY == 0 {
                        let key = json!({ "event": "dtmf", "sequence_number": "3", "dtmf": { "digit": digit, "duration": "100" } });
                        drop(self.stream.send(key.to_string().into()).await);
                    }
                },
                reported = goes_on.changed(), if self.ends == Ends::HangsUp => {
                    reported.unwrap();
                    let stop = json!({ "event": "stop", "sequence_number": "9", "stop": { "call_sid": self.sid, "reason": "callended" } });
                    self.stream.say(&stop).await;
                    self.stream.until_closed().await;
                    return self;
                }
            }
        }
    }

    /// Exotel's applets behind the bot, and its status callback, at an engine that may be another
    /// one. None is refused.
    async fn applets(&self, engine: &Engine, tokens: Tokens) {
        let url = tokens.applet(
            engine,
            "/passthru/after",
            &self.sid,
            "&Stream%5BStatus%5D=completed",
        );
        let wants_agent = self.ends == Ends::WantsAnAgent;
        let after = engine
            .http()
            .get(url)
            .send()
            .await
            .unwrap()
            .status()
            .as_u16();
        assert_eq!(after, if wants_agent { 302 } else { 200 }, "{}", self.sid);
        if wants_agent {
            let url = tokens.applet(engine, "/connect", &self.sid, "");
            let connect = engine.http().get(url).send().await.unwrap();
            let (status, body) = (connect.status(), connect.text().await.unwrap());
            assert!(status == 200 && body.contains(AGENT), "{status}: {body}");
        }
        let url = tokens.applet(engine, "/status", &self.sid, "");
        let post = engine.http().post(url);
        let post = post.header("content-type", "application/x-www-form-urlencoded");
        let body = format!(
            "CallSid={}&Status=completed&ConversationDuration=9",
            self.sid
        );
        assert_eq!(
            post.body(body).send().await.unwrap().status(),
            200,
            "{}",
            self.sid
        );
    }
}

/// Calls that are in progress.
struct Held {
    calls: JoinSet<Call>,
    go_on: watch::Sender<bool>,
}

impl Held {
    async fn begin(engine: &Engine, tokens: Tokens) -> Self {
        let (go_on, goes_on) = watch::channel(false);
        let mut calls = JoinSet::new();
        let mut beginning = stream::iter(0..CALLS)
            .map(|nth| Call::begin(engine, tokens, nth))
            .buffer_unordered(AT_ONCE);
        while let Some(call) = beginning.next().await {
            calls.spawn(call.hold(goes_on.clone()));
        }
        Self { calls, go_on }
    }

    /// Lets the callers go on, and has Exotel ask an engine about each call that has ended.
    async fn end(mut self, asks: &Engine, tokens: Tokens) -> Vec<Call> {
        self.go_on.send(true).unwrap();
        let mut ended = Vec::new();
        while let Some(call) = self.calls.join_next().await {
            let call = call.unwrap();
            call.applets(asks, tokens).await;
            ended.push(call);
        }
        ended
    }
}

async fn live(engine: &Engine) -> Value {
    let ready = engine
        .http()
        .get(engine.url("/readyz"))
        .send()
        .await
        .unwrap();
    ready.json::<Value>().await.unwrap()["live_calls"].clone()
}

/// Every call has one record, whose outcome is the call's own.
async fn has_one_record_each(engine: &Engine, tokens: Tokens, calls: &[Call]) {
    assert_eq!(calls.len(), usize::try_from(CALLS).unwrap());
    let expected: BTreeMap<&str, &Call> =
        calls.iter().map(|call| (call.id.as_str(), call)).collect();
    let records = until("all records are whole", async || {
        let get = engine
            .http()
            .get(engine.url("/api/calls?limit=200&flow=emi-reminder"));
        let list: Value = tokens.api(get).send().await.unwrap().json().await.unwrap();
        let records = list["items"].as_array().unwrap().clone();
        let is_whole = |record: &Value| record["state"] == "ended";
        if records.iter().all(is_whole) {
            Ok(records)
        } else {
            Err(records)
        }
    })
    .await;
    assert_eq!(records.len(), calls.len(), "{records:#?}");
    for record in &records {
        let call = expected[record["call_id"].as_str().unwrap()];
        assert_eq!(
            (text(&record["call_sid"]), text(&record["customer_number"])),
            (call.sid.clone(), call.phone.clone())
        );
        let outcome = text(&record["outcome"]);
        match call.ends {
            Ends::HangsUp => assert_eq!(outcome, "hung-up", "{record:#}"),
            Ends::IsSomebodyElse => assert_eq!(outcome, "wrong-person", "{record:#}"),
            // what is known of the agent is what the status callback says
            Ends::WantsAnAgent => {
                let get = engine
                    .http()
                    .get(engine.url(&format!("/api/calls/{}", call.id)));
                let whole: Value = tokens.api(get).send().await.unwrap().json().await.unwrap();
                assert_eq!(whole["decision"]["kind"], "transfer", "{whole:#}");
                assert_eq!(
                    whole["transfer"]["asked"].as_array().unwrap().len(),
                    1,
                    "{whole:#}"
                );
            }
        }
    }
}

/// Stops an engine that drains, and waits until it has.
async fn stops(mut engine: Engine) {
    let status = spawn_blocking(move || engine.stopped(PATIENCE))
        .await
        .unwrap();
    assert!(status.success(), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_under_fifty_calls_cuts_none_and_each_keeps_its_own_outcome() {
    let (shared, open) = (Shared::start(), Tokens(None));
    let old = shared.engine("drain-s = 300\n");
    let held = Held::begin(&old, open).await;
    assert_eq!(live(&old).await, CALLS);
    // as docs/operate.md says: a new engine, then whoever asks is led to it, then the old one
    let new = shared.engine("");
    old.ask_to_stop();
    // a call of its own each time: one that is still taken waits for its stream
    let attempts = AtomicU32::new(0);
    let last = || format!("too-late-{}", attempts.load(Ordering::Relaxed));
    until("the old one takes no more calls", async || {
        attempts.fetch_add(1, Ordering::Relaxed);
        let url = open.applet(&old, "/passthru", &last(), "&CallFrom=%2B919876599999");
        let status = old.http().get(url).send().await.unwrap().status().as_u16();
        if status == 302 { Ok(()) } else { Err(status) }
    })
    .await;
    assert_eq!(live(&old).await, CALLS);
    let calls = held.end(&new, open).await;
    stops(old).await;
    let get = new.http().get(new.url(&format!("/api/calls/{}", last())));
    let refused: Value = get.send().await.unwrap().json().await.unwrap();
    assert_eq!(refused["outcome"], "refused-busy", "{refused:#}");
    has_one_record_each(&new, open, &calls).await;
    new.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_changed_under_fifty_calls_and_no_callback_is_refused() {
    let shared = Shared::start();
    let (before, after) = (Tokens(Some("old")), Tokens(Some("new")));
    let first = shared.engine(&before.lines(""));
    let held = Held::begin(&first, before).await;
    assert_eq!(live(&first).await, CALLS);
    // 1: the new ones beside the old ones, by a restart that cuts no call
    let both = [after.lines(""), before.lines("previous-")].concat();
    let second = shared.engine(&both);
    first.ask_to_stop();
    for tokens in [before, after] {
        let url = second.url("/api/calls?limit=1");
        let list = tokens.api(second.http().get(url)).send().await.unwrap();
        assert_eq!(list.status(), 200);
    }
    // Exotel's flow still has the old ones
    let calls = held.end(&second, before).await;
    stops(first).await;
    has_one_record_each(&second, after, &calls).await;
    // 2 and 3: Exotel's flow has the new ones, and the old ones go
    second.ask_to_stop();
    let third = shared.engine(&after.lines(""));
    stops(second).await;
    for (tokens, status) in [(before, 401), (after, 200)] {
        let url = tokens.applet(&third, "/passthru/after", &calls[0].sid, "");
        let asked = third.http().get(url).send().await.unwrap();
        assert_eq!(
            asked.status().as_u16(),
            if status == 200 && calls[0].ends == Ends::WantsAnAgent {
                302
            } else {
                status
            }
        );
        let list = tokens
            .api(third.http().get(third.url("/api/calls")))
            .send()
            .await
            .unwrap();
        assert_eq!(list.status().as_u16(), status);
    }
    assert!(
        !third.logs().contains("-0123456789"),
        "a token is in the log"
    );
}
