//! Two hundred callers who talk while flows are replaced, and while hostile ones are loaded and
//! called beside them. Played once for all tests.

use std::sync::LazyLock;
use std::time::Duration;

use ghanti_load::process::{Reading, machine_busy};
use ghanti_model::CallRecord;
use ghanti_sim::scenario::Customer;
use ghanti_store::{CallRecords, SqlRecords};
use serde_json::json;
use tokio::sync::watch;

use crate::corpus::{self, Ran};
use crate::house::{EMI, House, calls};
use crate::load::{BotFrames, Load, LoadReport, Stage, load_in_stages};
use crate::replacing::{Replaced, replace};

pub const CALLS: usize = 200;
/// Between the first calls: as long as a call lasts for all of them, so that there are always some
/// that begin.
const RAMP: Duration = Duration::from_millis(130);
/// For so long nothing happens but calls, for comparison.
const QUIET: Duration = Duration::from_secs(10);
/// Much longer than it takes.
const LONGEST_S: u64 = 600;

/// What is left of the evening.
pub struct Crowd {
    /// Of the two hundred callers.
    pub report: LoadReport,
    pub replaced: Replaced,
    pub ran: Ran,
    /// Every record in the engine's database.
    pub records: Vec<CallRecord>,
    quietly: Phase,
    replacing: Phase,
    hostile: Phase,
}

/// A part of the evening.
struct Phase {
    /// Its number for the callers.
    number: usize,
    /// Processors that were busy with neither the engine nor the callers.
    others: f64,
}

impl Crowd {
    /// How the bot's frames came while nothing but calls were held, and how many processors were
    /// busy with other things.
    pub fn quietly(&self) -> (&BotFrames, f64) {
        self.phase(&self.quietly)
    }

    /// The same while flows were replaced.
    pub fn while_replacing(&self) -> (&BotFrames, f64) {
        self.phase(&self.replacing)
    }

    /// The same while hostile flows were loaded and called.
    pub fn beside_hostile_flows(&self) -> (&BotFrames, f64) {
        self.phase(&self.hostile)
    }

    fn phase(&self, phase: &Phase) -> (&BotFrames, f64) {
        (&self.report.phases[phase.number], phase.others)
    }

    /// The good calls.
    pub fn good(&self) -> impl Iterator<Item = &CallRecord> {
        self.records.iter().filter(|record| {
            record
                .customer_number
                .as_ref()
                .is_some_and(|number| number.expose().starts_with("+9170"))
        })
    }
}

/// The evening; whoever asks first waits until it is over.
pub fn crowd() -> &'static Crowd {
    static CROWD: LazyLock<Crowd> = LazyLock::new(play);
    &CROWD
}

/// Another one, played when it is asked for.
pub fn crowd_again() -> &'static Crowd {
    static AGAIN: LazyLock<Crowd> = LazyLock::new(play);
    &AGAIN
}

fn play() -> Crowd {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(gather())
}

fn load() -> Load {
    let fields = json!({ "name": "Asha Rao", "language": "en-IN", "loan": "LN00478213", "amount": "12,500", "due-date": "2030-12-05" });
    let customer: Customer =
        serde_json::from_value(json!({ "phone": "+917000000000", "flow": EMI, "fields": fields }))
            .unwrap();
    Load {
        calls: CALLS,
        seconds: LONGEST_S,
        ramp: RAMP,
        press: '1',
        customer,
    }
}

async fn gather() -> Crowd {
    let mut house = House::new().await;
    let url = house.engine.url("");
    let (stage, stages) = watch::channel(Stage::Calling { phase: 0 });
    let playing = tokio::spawn(async move { load_in_stages(&load(), &url, stages).await.unwrap() });
    // between two calls a caller is away for a moment
    house
        .until(EMI, "talking to two hundred callers", |state| {
            calls(state) >= CALLS as u64 * 9 / 10
        })
        .await;

    let (quietly, ()) = during(&house, &stage, 1, tokio::time::sleep(QUIET)).await;
    let (replacing, replaced) = during(&house, &stage, 2, replace(&house)).await;
    let (hostile, ran) = during(&house, &stage, 3, corpus::run(&house)).await;
    stage.send(Stage::LastCalls { phase: 4 }).unwrap();
    let report = playing.await.unwrap();

    house.engine.is_well().await;
    house.engine.ask_to_stop();
    assert!(house.engine.stopped(Duration::from_secs(30)).success());
    let store = SqlRecords::open(None, &house.engine.house().join("data"))
        .await
        .unwrap();
    let records = store.newest(u32::MAX).await.unwrap();
    let crowd = Crowd {
        report,
        replaced,
        ran,
        records,
        quietly,
        replacing,
        hostile,
    };
    reported(&crowd);
    crowd
}

async fn during<T>(
    house: &House,
    stage: &watch::Sender<Stage>,
    number: usize,
    work: impl Future<Output = T>,
) -> (Phase, T) {
    let read = || {
        (
            Reading::of(house.engine.pid()).unwrap(),
            Reading::of(std::process::id()).unwrap(),
            machine_busy().unwrap(),
        )
    };
    stage.send(Stage::Calling { phase: number }).unwrap();
    let before = read();
    let result = work.await;
    let after = read();
    let spent = |after: Duration, before: Duration| after.saturating_sub(before);
    let known = spent(after.0.own, before.0.own)
        + spent(after.0.children, before.0.children)
        + spent(after.1.own, before.1.own);
    let others = spent(after.2, before.2).saturating_sub(known);
    let lasted = after.0.at - before.0.at;
    (
        Phase {
            number,
            others: others.as_secs_f64() / lasted.as_secs_f64(),
        },
        result,
    )
}

#[expect(
    clippy::print_stdout,
    reason = "`cargo test -- --nocapture` is to show what was measured"
)]
fn reported(crowd: &Crowd) {
    println!(
        "\n{} calls, callers' own frames late {:?} us",
        crowd.report.calls, crowd.report.late_us
    );
    let phases = [
        ("only calls", crowd.quietly()),
        ("replacing", crowd.while_replacing()),
        ("hostile flows", crowd.beside_hostile_flows()),
    ];
    for (what, (frames, others)) in phases {
        let BotFrames {
            frames,
            late_us,
            gaps,
            own_gaps,
            own_gap_us,
            ..
        } = frames;
        println!(
            "{what:14} {frames} frames, {gaps} gaps heard, {own_gaps} made (longest {} us), late {late_us:?} us",
            own_gap_us.max
        );
        println!("{:14} {others:.2} cores busy with other things", "");
    }
}
