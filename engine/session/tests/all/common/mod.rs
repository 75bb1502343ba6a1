//! Calls of test flows on a simulated line, in paused time, with a synthesiser that hums and a
//! database that keeps nothing.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use ghanti_catalogue::{Catalogue, CatalogueSettings};
use ghanti_host::{EngineSettings, FlowEngine, FlowVersion};
use ghanti_model::{
    CallEvent, CallId, CallLog, CallRecord, CallSid, CustomerRecord, EventId, EventMark, FlowName,
    Masked, NodeId, PhoneNumber,
};
use ghanti_session::files::AudioFiles;
use ghanti_session::{CallRegistry, CallSettings, Received, Services, Wire, WireClosed, run_call};
use ghanti_speech::cache::{CacheSettings, PromptCache};
use ghanti_speech::{Samples, SynthesisError, Synthesizer, Utterance};
use ghanti_store::{
    CallRecords, DialRequestKey, DoNotCall, EventWriter, MemorySessions, NodeLease,
    SessionSettings, SessionStore, StoreError,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::mpsc;

/// A flow that does what its setting `act` says.
const ACTS: &[u8] = include_bytes!("../../../../host/tests/fixtures/acts-0.1.0.wasm");
const PROMPTS: &str = include_str!("../../../../host/tests/fixtures/acts.ftl");
const QUESTIONS: &str = include_str!("../../../../host/tests/fixtures/acts.questions.toml");
/// One call, plus the engine's spare instances for flows that are being loaded.
pub const PLACES: usize = 17;
/// Shorter than the flow's first question.
const LONGEST: Duration = Duration::from_secs(3);
/// How long the look-ups at a call's start may take.
pub const LOOK_UP: Duration = Duration::from_millis(300);

/// The loaded flows and the services they run with.
pub struct House {
    folder: TempDir,
    services: Option<Services>,
    sessions: Arc<dyn SessionStore>,
    database: Arc<Nowhere>,
    heard_ms: u64,
}

impl House {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("flows")).unwrap();
        let sessions = Arc::new(MemorySessions::new(SessionSettings::default()));
        Self {
            folder,
            services: None,
            sessions,
            database: Arc::default(),
            heard_ms: 0,
        }
    }

    /// With this session store.
    pub fn over(sessions: Arc<dyn SessionStore>) -> Self {
        Self {
            sessions,
            ..Self::new()
        }
    }

    pub fn add(&self, name: &str, manifest: &str) {
        let folder = self.folder.path().join("flows").join(name);
        fs::create_dir_all(folder.join("prompts")).unwrap();
        fs::write(folder.join("flow.wasm"), ACTS).unwrap();
        let grants = "[flow]\nlanguages = [\"en-IN\", \"hi-IN\", \"mr-IN\"]\n[grants]\ntransfer = { default = [\"+919876500000\"] }\n";
        fs::write(
            folder.join("flow.toml"),
            format!("{grants}{manifest}{QUESTIONS}"),
        )
        .unwrap();
        let prompts = format!("greeting = Hello {{ $name }}\n{PROMPTS}");
        for language in ["en-IN", "hi-IN", "mr-IN"] {
            fs::write(
                folder.join("prompts").join(format!("{language}.ftl")),
                &prompts,
            )
            .unwrap();
        }
    }

    /// Loads the flows and pauses time, which then advances only while everything waits.
    pub async fn open(&mut self) {
        let data = self.folder.path();
        let engine = FlowEngine::new(&EngineSettings {
            max_calls: 1,
            ..EngineSettings::default()
        })
        .unwrap();
        let settings = CatalogueSettings {
            components: data.join("components"),
            ..CatalogueSettings::default()
        };
        let (catalogue, rejections) = Catalogue::open(engine, &data.join("flows"), settings)
            .await
            .unwrap();
        assert_eq!(rejections, []);
        let writer = EventWriter::start(Arc::clone(&self.database) as _, &data.join("spool"))
            .await
            .unwrap();
        self.services = Some(Services {
            arrivals: ghanti_session::Arrivals::default(),
            catalogue: Arc::new(catalogue),
            prompts: PromptCache::new(Arc::new(Hum), CacheSettings::default()),
            speculator: Default::default(),
            recognizer: None,
            sessions: Arc::clone(&self.sessions),
            actions: Default::default(),
            registry: CallRegistry::new(
                NodeId::generate(),
                writer,
                Arc::clone(&self.database) as _,
            ),
            recordings: ghanti_store::Recordings::open(&data.join("recordings"), None)
                .unwrap()
                .0,
            lease: None,
            files: AudioFiles::default(),
            migration_slots: Default::default(),
            settings: CallSettings {
                engine: "engine-1".to_owned(),
                zone: ghanti_model::Zone::fixed(330),
                date_order: None,
                ends_at_voicemail: true,
                look_up: LOOK_UP,
                longest: LONGEST,
                longest_recording: LONGEST,
                default_agents: Vec::new(),
                targets: Default::default(),
                running: Default::default(),
            },
        });
        tokio::time::pause();
    }

    /// From now on the database does not answer what it has of a call's id.
    pub fn hang_database(&self) {
        self.database.hangs.store(true, Ordering::SeqCst);
    }

    pub fn services(&self) -> &Services {
        self.services.as_ref().unwrap()
    }

    pub fn version(&self, flow: &str) -> Arc<FlowVersion> {
        self.services()
            .catalogue
            .active(&FlowName::parse(flow).unwrap())
            .unwrap()
    }

    /// Runs a call whose caller stays silent, and returns its record.
    pub async fn call(&mut self, flow: &str, language: &str) -> CallRecord {
        let call_id = CallId::generate();
        let fields = [("language".to_owned(), Masked::from(language))].into();
        let phone = PhoneNumber::parse("9876543210").unwrap();
        let flow = FlowName::parse(flow).unwrap();
        self.services()
            .sessions
            .put_customer(&CustomerRecord {
                call_id,
                phone,
                flow: Some(flow),
                fields,
            })
            .await
            .unwrap();
        let line = Line {
            start: Some(start(call_id)),
            heard: Arc::default(),
        };
        let heard = Arc::clone(&line.heard);
        let session = call_id.to_string();
        let held = run_call(
            Box::new(line),
            self.services(),
            &session,
            |_| Some(Box::new(())),
            std::future::pending(),
        );
        tokio::time::timeout(Duration::from_secs(120), held)
            .await
            .unwrap();
        let messages = std::mem::take(&mut *heard.lock().unwrap());
        let payload = |message: &Value| message["media"]["payload"].as_str().map_or(0, str::len);
        // base64 of 16-bit samples at 8 kHz
        self.heard_ms = messages.iter().map(payload).sum::<usize>() as u64 * 3 / 4 / 16;
        self.services()
            .registry
            .get(call_id)
            .await
            .unwrap()
            .unwrap()
    }

    /// Stores an order for a customer with this language.
    pub async fn order(&self, phone: &str, language: &str) -> CallId {
        let call_id = CallId::generate();
        let fields = [("language".to_owned(), Masked::from(language))].into();
        let customer = CustomerRecord {
            call_id,
            phone: PhoneNumber::parse(phone).unwrap(),
            flow: None,
            fields,
        };
        self.services()
            .sessions
            .put_customer(&customer)
            .await
            .unwrap();
        call_id
    }

    /// Runs a stream that begins with this `start` to its end. Returns how many milliseconds passed
    /// until the bot's first message.
    pub async fn stream(&self, session: &str, start: Value) -> Option<u128> {
        let began = tokio::time::Instant::now();
        let line = Line {
            start: Some(start.to_string()),
            heard: Arc::default(),
        };
        let first = Arc::new(Mutex::new(None));
        let line = Timed {
            line,
            began,
            first: Arc::clone(&first),
        };
        let held = run_call(
            Box::new(line),
            self.services(),
            session,
            |_| Some(Box::new(())),
            std::future::pending(),
        );
        tokio::time::timeout(Duration::from_secs(120), held)
            .await
            .unwrap();
        first.lock().unwrap().take()
    }

    /// The record of the call with this CallSid.
    pub async fn of(&self, sid: &str) -> CallRecord {
        self.services()
            .registry
            .by_sid(&CallSid::parse(sid).unwrap())
            .await
            .unwrap()
            .unwrap()
    }

    /// How many milliseconds of audio the last call received.
    pub fn heard_ms(&self) -> u64 {
        self.heard_ms
    }
}

fn start(call: CallId) -> String {
    let start =
        json!({ "call_sid": format!("sid-{call}"), "from": "09876543210", "to": "08045000000" });
    json!({ "event": "start", "stream_sid": "stream", "start": start }).to_string()
}

/// A line that sends nothing after `start`, not even marks.
struct Line {
    start: Option<String>,
    heard: Arc<Mutex<Vec<Value>>>,
}

impl Wire for Line {
    fn poll_receive(&mut self, _context: &mut Context<'_>) -> Poll<Received> {
        match self.start.take() {
            Some(start) => Poll::Ready(Received::Text(start.into())),
            None => Poll::Pending,
        }
    }

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), WireClosed>> {
        Poll::Ready(Ok(()))
    }

    fn start_send(&mut self, text: &str) -> Result<(), WireClosed> {
        self.heard
            .lock()
            .unwrap()
            .push(serde_json::from_str(text).unwrap());
        Ok(())
    }

    fn poll_flush(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), WireClosed>> {
        Poll::Ready(Ok(()))
    }

    fn close(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// A line that records when the bot first sends.
struct Timed {
    line: Line,
    began: tokio::time::Instant,
    first: Arc<Mutex<Option<u128>>>,
}

impl Wire for Timed {
    fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<Received> {
        self.line.poll_receive(context)
    }

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), WireClosed>> {
        self.line.poll_ready(context)
    }

    fn start_send(&mut self, text: &str) -> Result<(), WireClosed> {
        self.first
            .lock()
            .unwrap()
            .get_or_insert(self.began.elapsed().as_millis());
        self.line.start_send(text)
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<Result<(), WireClosed>> {
        self.line.poll_flush(context)
    }

    fn close(&mut self) -> BoxFuture<'_, ()> {
        self.line.close()
    }
}

/// Synthesises everything as a second of a low tone.
struct Hum;

#[async_trait]
impl Synthesizer for Hum {
    fn name(&self) -> &str {
        "hum"
    }

    async fn synthesize(
        &self,
        _utterance: &Utterance,
        rate_hz: u32,
    ) -> Result<mpsc::Receiver<Result<Samples, SynthesisError>>, SynthesisError> {
        let (sender, pieces) = mpsc::channel(1);
        let samples: Vec<i16> = (0..rate_hz)
            .map(|at| if at / 40 % 2 == 0 { 4_000 } else { -4_000 })
            .collect();
        sender.try_send(Ok(samples.into())).unwrap();
        Ok(pieces)
    }
}

/// A database that keeps nothing.
#[derive(Default)]
struct Nowhere {
    hangs: AtomicBool,
}

#[async_trait]
impl CallRecords for Nowhere {
    async fn append(&self, _events: &[Arc<CallEvent>]) -> Result<(), StoreError> {
        Ok(())
    }

    async fn events(
        &self,
        _call: CallId,
        _behind: Option<EventMark>,
        _limit: u32,
    ) -> Result<Vec<CallEvent>, StoreError> {
        Ok(Vec::new())
    }

    async fn place_of(&self, _event: EventId) -> Result<Option<(CallId, EventMark)>, StoreError> {
        Ok(None)
    }

    async fn log_by_id(&self, _call: CallId) -> Result<Option<CallLog>, StoreError> {
        if self.hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        Ok(None)
    }

    async fn log_by_sid(&self, _sid: &CallSid) -> Result<Option<CallLog>, StoreError> {
        Ok(None)
    }

    async fn newest(&self, _limit: u32) -> Result<Vec<CallRecord>, StoreError> {
        Ok(Vec::new())
    }

    async fn ended_of(
        &self,
        _phone: &PhoneNumber,
        _limit: u32,
    ) -> Result<Vec<CallRecord>, StoreError> {
        Ok(Vec::new())
    }

    async fn heartbeat(
        &self,
        _node: NodeId,
        _now_unix_ms: u64,
        _lease_until_ms: u64,
    ) -> Result<(), StoreError> {
        Ok(())
    }

    async fn last_heartbeat(&self, _node: NodeId) -> Result<Option<u64>, StoreError> {
        Ok(None)
    }

    async fn leases(&self) -> Result<Vec<NodeLease>, StoreError> {
        Ok(Vec::new())
    }

    async fn close_abandoned(
        &self,
        _node: NodeId,
        _gone: &[NodeId],
        _now_unix_ms: u64,
    ) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn claim_resumption(
        &self,
        _call: CallId,
        _nth: u32,
        _node: NodeId,
        _now_unix_ms: u64,
    ) -> Result<bool, StoreError> {
        Ok(true)
    }

    async fn claim_call_sid(
        &self,
        _sid: &CallSid,
        _call: CallId,
        _now_unix_ms: u64,
    ) -> Result<bool, StoreError> {
        Ok(true)
    }

    async fn do_not_call(&self, _phone: &PhoneNumber) -> Result<Option<DoNotCall>, StoreError> {
        Ok(None)
    }

    async fn lift_do_not_call(
        &self,
        _phone: &PhoneNumber,
        _unsaved: Option<DoNotCall>,
        _now_unix_ms: u64,
    ) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn claim_request(
        &self,
        request: &DialRequestKey,
        _now_unix_ms: u64,
    ) -> Result<DialRequestKey, StoreError> {
        Ok(request.clone())
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
