//! Callers for the benchmarks, by the load generator: many calls at once against the built program, in
//! real time.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use anyhow::Context;
use ghanti_load::callers::{Caller, Share};
use ghanti_load::clock::Clock;
use ghanti_load::plan::{Plan, Stage};
use ghanti_load::report::Run;
use ghanti_load::run::{Generator, Glance, Progress, Watched};
use ghanti_load::speech::{Frames, Sounds};
use ghanti_load::target::Target;
use tokio_util::sync::CancellationToken;

use crate::server::Server;

/// Longer than any stage: calls end when the engine ends them.
const HOLD_MS: u64 = 600_000;
/// The caller's frames are those of real calls.
pub const FRAMES: Frames = Frames {
    ms: 20,
    rate_hz: 8_000,
};

/// A generator of one kind of caller.
pub struct Callers {
    generator: Generator,
}

impl Callers {
    /// Callers of the built-in kind `kind`, of whom `calls_per_s` begin in a second. `{n}` in the
    /// customer's name is the call's number. Cancelling `stop` ends a stage early.
    pub async fn new(
        kind: &str,
        name: &str,
        calls_per_s: f64,
        stop: CancellationToken,
    ) -> anyhow::Result<Self> {
        Self::with_frames(FRAMES, kind, name, calls_per_s, stop).await
    }

    /// The same with frames of another length.
    pub async fn with_frames(
        frames: Frames,
        kind: &str,
        name: &str,
        calls_per_s: f64,
        stop: CancellationToken,
    ) -> anyhow::Result<Self> {
        let customer = toml::from_str(&format!(
            r#"
            phone = "+919876500001"
            flow = "emi-reminder"
            fields = {{ name = "{name}", language = "en-IN", loan = "LN-00478213", amount = "12,500", due-date = "2030-12-05" }}
            "#
        ))?;
        let caller = Caller::built_in(kind, &customer, HOLD_MS)
            .with_context(|| format!("there is no caller `{kind}`"))?;
        let sounds = Sounds::prepare(caller.says(), frames).await?;
        let plan = Plan {
            stages: Vec::new(),
            calls_per_s,
            frames,
            shares: vec![Share {
                caller: Arc::new(caller),
                weight: 1,
            }],
        };
        Ok(Self {
            generator: Generator {
                plan,
                sounds: Arc::new(sounds),
                clock: Arc::new(Clock::start()?),
                next: AtomicU64::new(0),
                stop,
            },
        })
    }

    /// Keeps this many calls going for a time after the last of them has begun.
    pub async fn call(
        &self,
        server: &Server,
        calls: usize,
        lasts: Duration,
    ) -> anyhow::Result<Run> {
        let stage = Stage {
            calls: calls.try_into()?,
            lasts,
            soak: false,
        };
        let target = Target::parse(server.base_url())?;
        let watched = Watched::Process(server.pid());
        Ok(self
            .generator
            .stage("engine", &target, &stage, &watched, &Unseen)
            .await)
    }
}

/// Nobody watches the progress of a benchmark.
struct Unseen;

impl Progress for Unseen {
    fn tick(&self, _: &Glance) {}
}
