//! A stage of a load: calls are begun at a rate, each that ends is followed by another, and at the end
//! all hang up. Meanwhile both processes are sampled.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::call::{Shared, call};
use crate::callers::Deal;
use crate::clock::Clock;
use crate::measures::{Counts, Figure, Measures, Set};
use crate::plan::{Plan, Stage};
use crate::process::{self, Reading};
use crate::report::{ProcessFigures, Run, Windowed};
use crate::speech::Sounds;
use crate::target::Target;
use crate::timeline::{Sample, Slopes};

/// After the last call has begun, until all is running.
const SETTLE: Duration = Duration::from_secs(2);

/// Minimum interval between two samples of both processes: reading a large process' memory takes some
/// milliseconds of it.
const SAMPLE_INTERVAL: Duration = Duration::from_secs(2);
/// Maximum number of samples of a stage.
const SAMPLES: u32 = 600;

/// Interval at which the progress is reported.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// Timeout for calls to end, with the applets after them and their records.
const END: Duration = Duration::from_secs(40);

/// A stage at least this long has slopes.
const SLOPES: Duration = Duration::from_secs(600);

/// The process of the bot.
#[derive(Debug, Clone)]
pub enum Watched {
    /// Its id on this machine.
    Process(u32),
    /// It is not sampled, for this reason.
    Not(String),
}

/// The state of a stage, for its observer.
#[derive(Debug, Clone)]
pub struct Glance {
    /// Since when the stage runs.
    pub at: Duration,
    /// How long it takes.
    pub of: Duration,
    /// Open streams.
    pub live: u64,
    /// Number of concurrent calls.
    pub calls: u64,
    /// The counts so far.
    pub counts: Counts,
    /// The newest sample.
    pub newest: Option<Sample>,
}

/// The observer of a load.
pub trait Progress {
    /// A second has passed.
    fn tick(&self, glance: &Glance);
}

/// What loads are generated with.
pub struct Generator {
    /// What is to be done.
    pub plan: Plan,
    /// The callers' audio.
    pub sounds: Arc<Sounds>,
    /// The clock of all calls.
    pub clock: Arc<Clock>,
    /// The number of the next call, over all stages, so that no two customers have the same number.
    pub next: AtomicU64,
    /// Cancelled to end the load early.
    pub stop: CancellationToken,
}

impl Generator {
    /// Runs a stage against a bot.
    pub async fn stage(
        &self,
        name: &str,
        target: &Target,
        stage: &Stage,
        watched: &Watched,
        progress: &dyn Progress,
    ) -> Run {
        let shared = Arc::new(Shared {
            target: target.clone(),
            sounds: Arc::clone(&self.sounds),
            frames: self.plan.frames,
            clock: Arc::clone(&self.clock),
            measures: Measures::default(),
            live: AtomicU64::new(0),
            over: CancellationToken::new(),
        });
        let mut running = Running::new(self, stage, watched, Arc::clone(&shared));
        running.hold(progress).await;
        shared.over.cancel();
        let unended = running.end().await;
        running.report(name, unended)
    }
}

/// A stage that runs.
struct Running<'a> {
    generator: &'a Generator,
    stage: &'a Stage,
    shared: Arc<Shared>,
    calls: JoinSet<()>,
    deal: Deal,
    began: Instant,
    /// When all calls run: from then on both processes are measured.
    measured_from: Instant,
    ends: Instant,
    sampler: Sampler,
    window: Option<Window>,
    measured: Option<Windowed>,
}

/// Readings at the beginning of the measured time.
struct Window {
    at: Instant,
    bot: Option<Reading>,
    own: Option<Reading>,
    machine: Option<Duration>,
    /// The samples before it.
    samples: usize,
}

impl<'a> Running<'a> {
    fn new(
        generator: &'a Generator,
        stage: &'a Stage,
        watched: &Watched,
        shared: Arc<Shared>,
    ) -> Self {
        let began = Instant::now();
        let ramp = generator.plan.ramp(stage);
        Self {
            generator,
            stage,
            calls: JoinSet::new(),
            deal: Deal::new(generator.plan.shares.clone()),
            began,
            measured_from: began + ramp + SETTLE.min(stage.lasts / 4),
            ends: began + ramp + stage.lasts,
            sampler: Sampler::new(watched, &shared.measures),
            window: None,
            measured: None,
            shared,
        }
    }

    /// Keeps the calls going until the stage has ended or the load is stopped.
    async fn hold(&mut self, progress: &dyn Progress) {
        let every = Duration::from_secs_f64(1.0 / self.generator.plan.calls_per_s);
        let mut begins = interval(every);
        begins.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut sampler = interval(SAMPLE_INTERVAL.max((self.ends - self.began) / SAMPLES));
        sampler.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut reports = interval(REPORT_INTERVAL);
        reports.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let stop = self.generator.stop.clone();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = sleep_until(self.ends) => break,
                () = sleep_until(self.measured_from), if self.window.is_none() => {
                    self.window = Some(self.sampler.begin());
                }
                Some(_) = self.calls.join_next(), if !self.calls.is_empty() => {}
                _ = begins.tick() => self.begin(),
                _ = sampler.tick() => self.sampler.look(self.began, &self.shared),
                _ = reports.tick() => progress.tick(&self.glance()),
            }
        }
        self.sampler.look(self.began, &self.shared);
        self.measured = self.window.take().map(|window| self.sampler.end(&window));
    }

    /// Begins a call, if there are too few.
    fn begin(&mut self) {
        if (self.calls.len() as u64) < self.stage.calls
            && let Some(caller) = self.deal.next()
        {
            let nth = self.generator.next.fetch_add(1, Ordering::Relaxed);
            self.calls
                .spawn(call(Arc::clone(&self.shared), nth, caller));
        }
    }

    /// Waits until all calls have ended. Returns how many did not end in time.
    async fn end(&mut self) -> u64 {
        let all = async { while self.calls.join_next().await.is_some() {} };
        let _ = timeout(END, all).await;
        let unended = self.calls.len() as u64;
        self.calls.shutdown().await;
        unended
    }

    fn glance(&self) -> Glance {
        Glance {
            at: self.began.elapsed(),
            of: self.ends - self.began,
            live: self.shared.live.load(Ordering::Relaxed),
            calls: self.stage.calls,
            counts: self.shared.measures.counts(),
            newest: self.sampler.samples.last().cloned(),
        }
    }

    fn report(self, name: &str, unended: u64) -> Run {
        let mut all = self.shared.measures.look();
        if unended > 0 {
            all.counts.wrong += unended;
            let within = END.as_secs();
            all.problem(format!(
                "wrong: {unended} calls did not end within {within} s after the load"
            ));
        }
        let lasts = self.ends - self.began;
        let samples = self.sampler.samples;
        let slopes = (lasts >= SLOPES || self.stage.soak).then(|| {
            let from_s = (self.measured_from - self.began).as_secs_f64();
            let settled = samples.iter().filter(|sample| sample.at_s >= from_s);
            Slopes::of(&settled.cloned().collect::<Vec<_>>())
        });
        Run::new(name, *self.stage, &all, self.measured, samples, slopes)
    }
}

/// Samples both processes and the measures.
struct Sampler {
    watched: Watched,
    samples: Vec<Sample>,
    before: Set,
    readings: Option<(Instant, Option<Reading>, Option<Reading>)>,
}

impl Sampler {
    fn new(watched: &Watched, measures: &Measures) -> Self {
        Self {
            watched: watched.clone(),
            samples: Vec::new(),
            before: measures.look(),
            readings: None,
        }
    }

    fn bot(&self) -> Option<u32> {
        match self.watched {
            Watched::Process(pid) => Some(pid),
            Watched::Not(_) => None,
        }
    }

    fn read(&self) -> (Option<Reading>, Option<Reading>) {
        let bot = self.bot().and_then(|pid| Reading::of(pid).ok());
        (bot, Reading::of(std::process::id()).ok())
    }

    fn look(&mut self, began: Instant, shared: &Shared) {
        let all = shared.measures.look();
        let new = all.since(&self.before);
        let (now, (bot, own)) = (Instant::now(), self.read());
        let cores = |before: Option<Reading>, after: Option<Reading>| {
            let (before, after) = (before?, after?);
            let lasted = after.at.saturating_duration_since(before.at).as_secs_f64();
            let work = after.own.saturating_sub(before.own).as_secs_f64();
            (lasted > 0.1).then(|| work / lasted)
        };
        let (bot_cores, own_cores) = match self.readings {
            Some((_, bot_before, own_before)) => (cores(bot_before, bot), cores(own_before, own)),
            None => (None, None),
        };
        let of = |figure: Figure| Some(new.spread(figure)).filter(|spread| spread.count > 0);
        let of_bot =
            |read: fn(u32) -> std::io::Result<u64>| self.bot().and_then(|pid| read(pid).ok());
        let counts = all.counts;
        let sample = Sample {
            at_s: began.elapsed().as_secs_f64(),
            live: shared.live.load(Ordering::Relaxed),
            ended: counts.good + counts.wrong + counts.lost(),
            lost: counts.lost(),
            bot_cores,
            own_cores,
            pss_kib: of_bot(process::pss_kib),
            descriptors: of_bot(process::descriptors),
            threads: of_bot(process::threads),
            first_audio_p50_ms: of(Figure::FirstAudio).map(|spread| spread.p50_ms),
            pace_p99_ms: of(Figure::Pace).map(|spread| spread.p99_ms),
            own_p99_ms: of(Figure::Own).map(|spread| spread.p99_ms),
        };
        self.samples.push(sample);
        self.before = all;
        self.readings = Some((now, bot, own));
    }

    fn begin(&self) -> Window {
        let (bot, own) = self.read();
        Window {
            at: Instant::now(),
            bot,
            own,
            machine: process::machine_busy().ok(),
            samples: self.samples.len(),
        }
    }

    /// What both processes have spent since the beginning of the window.
    fn end(&self, window: &Window) -> Windowed {
        let (bot, own) = self.read();
        let seconds = window.at.elapsed().as_secs_f64();
        let samples = self.samples.get(window.samples..).unwrap_or_default();
        let live = if samples.is_empty() {
            0.0
        } else {
            samples.iter().map(|sample| sample.live as f64).sum::<f64>() / samples.len() as f64
        };
        let figures = |before: Option<Reading>, after: Option<Reading>| {
            let (before, after) = (before?, after?);
            let of = |work: Duration| work.as_secs_f64() / seconds.max(0.001);
            Some(ProcessFigures {
                cores: of(after.own.saturating_sub(before.own)),
                kernel_cores: of(after.kernel.saturating_sub(before.kernel)),
                children_cores: of(after.children.saturating_sub(before.children)),
            })
        };
        let machine = process::machine_busy().ok();
        Windowed {
            seconds,
            live,
            bot: figures(window.bot, bot),
            not_measured: match &self.watched {
                Watched::Process(pid) if bot.is_none() => {
                    Some(format!("the process {pid} has ended"))
                }
                Watched::Process(_) => None,
                Watched::Not(reason) => Some(reason.clone()),
            },
            own: figures(window.own, own),
            machine_cores: window.machine.zip(machine).map(|(before, after)| {
                after.saturating_sub(before).as_secs_f64() / seconds.max(0.001)
            }),
            pss_kib_mean: mean(samples.iter().filter_map(|sample| sample.pss_kib)),
            pss_kib_max: samples.iter().filter_map(|sample| sample.pss_kib).max(),
            // of all samples: the first one is before any call
            pss_kib_idle: self.samples.first().and_then(|sample| sample.pss_kib),
            descriptors_max: samples.iter().filter_map(|sample| sample.descriptors).max(),
            threads_max: samples.iter().filter_map(|sample| sample.threads).max(),
        }
    }
}

fn mean(values: impl Iterator<Item = u64>) -> Option<u64> {
    let (mut sum, mut count) = (0, 0);
    for value in values {
        sum += value;
        count += 1;
    }
    u64::checked_div(sum, count)
}
