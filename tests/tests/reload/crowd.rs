//! Two hundred callers who talk while flows are replaced, and while hostile ones are loaded and called beside them. Played once for all tests.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use samvaad_model::CallRecord;
use samvaad_sim::scenario::Customer;
use samvaad_sim::{BotFrames, Load, LoadReport, Stage, load_in_stages};
use samvaad_store::{CallRecords, SqlRecords};
use serde_json::json;
use tokio::sync::watch;

use crate::corpus::{self, Ran};
use crate::house::{EMI, House, calls};
use crate::replacing::{Replaced, replace};

pub const CALLS: usize = 200;
/// Between the first calls.
const RAMP: Duration = Duration::from_millis(100);
/// For so long nothing happens but calls, for comparison.
const QUIET: Duration = Duration::from_secs(10);
/// Much longer than it takes.
const LONGEST_S: u64 = 600;

/// Phases of the evening.
const BEGINNING: usize = 0;
const QUIETLY: usize = 1;
const REPLACING: usize = 2;
const HOSTILE: usize = 3;

/// What is left of the evening.
pub struct Crowd {
    /// Of the two hundred callers.
    pub report: LoadReport,
    pub replaced: Replaced,
    pub ran: Ran,
    /// Every record in the engine's database.
    pub records: Vec<CallRecord>,
    pub logs: String,
}

impl Crowd {
    pub fn quietly(&self) -> &BotFrames {
        &self.report.phases[QUIETLY]
    }

    pub fn while_replacing(&self) -> &BotFrames {
        &self.report.phases[REPLACING]
    }

    pub fn beside_hostile_flows(&self) -> &BotFrames {
        &self.report.phases[HOSTILE]
    }

    /// The good calls.
    pub fn good(&self) -> impl Iterator<Item = &CallRecord> {
        self.records.iter().filter(|record| record.customer_number.as_ref().is_some_and(|number| number.expose().starts_with("+9170")))
    }
}

/// The evening; whoever asks first waits until it is over.
pub fn crowd() -> &'static Crowd {
    static CROWD: LazyLock<Crowd> =
        LazyLock::new(|| tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(gather()));
    &CROWD
}

fn load() -> Load {
    let fields = json!({ "name": "Asha Rao", "language": "en-IN", "loan": "LN00478213", "amount": "12,500", "due-date": "2026-12-05" });
    let customer: Customer = serde_json::from_value(json!({ "phone": "+917000000000", "flow": EMI, "fields": fields })).unwrap();
    Load { calls: CALLS, seconds: LONGEST_S, ramp: RAMP, say: None, press: Some('1'), customer }
}

async fn gather() -> Crowd {
    let mut house = House::new().await;
    let url = house.engine.url("");
    let (stage, stages) = watch::channel(Stage::Calling { phase: BEGINNING });
    let playing = tokio::spawn(async move { load_in_stages(&load(), &url, stages).await.unwrap() });
    let began = Instant::now();
    // between two calls a caller is away for a moment
    house.until(EMI, "talking to two hundred callers", |state| calls(state) >= CALLS as u64 * 9 / 10).await;
    told("all are talking", began);

    stage.send(Stage::Calling { phase: QUIETLY }).unwrap();
    tokio::time::sleep(QUIET).await;
    stage.send(Stage::Calling { phase: REPLACING }).unwrap();
    let replaced = replace(&house).await;
    told("replaced", began);
    stage.send(Stage::Calling { phase: HOSTILE }).unwrap();
    let ran = corpus::run(&house).await;
    told("hostile flows called", began);
    stage.send(Stage::LastCalls).unwrap();
    let report = playing.await.unwrap();
    told("all have ended", began);
    for (n, p) in report.phases.iter().enumerate() { println!("{n}: {} frames, late {:?}, gaps {}, own {} {:?}", p.frames, p.late_us, p.gaps, p.own_gaps, p.own_gap_us); }
    for (case, state) in &ran.unloaded { println!("{}: {}", case.name, state["rejected"][0]); }

    house.engine.is_well().await;
    house.engine.ask_to_stop();
    assert!(house.engine.stopped(Duration::from_secs(30)).success());
    let store = SqlRecords::open(None, &house.engine.house().join("data")).await.unwrap();
    let records = store.newest(u32::MAX).await.unwrap();
    Crowd { report, replaced, ran, records, logs: house.engine.logs() }
}

#[expect(clippy::print_stdout, reason = "`cargo test -- --nocapture` is to show how long each part takes")]
fn told(what: &str, began: Instant) {
    println!("{:5.1} s: {what}", began.elapsed().as_secs_f64());
}
