//! `ghanti load`: places many calls at once, measures audio and delays on the callers' side and the bot's resources, and
//! writes a report.

mod bot;
mod callers;
mod progress;
pub mod units;

use std::io::{IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use ghanti_load::clock::Clock;
use ghanti_load::machine::Machine;
use ghanti_load::plan::{Plan, Stage};
use ghanti_load::report::{CallerShare, Conclusion, Report};
use ghanti_load::run::{Generator, Watched};
use ghanti_load::speech::{Frames, Sounds};
use ghanti_load::target::Target;
use ghanti_load::{echo, target};
use ghanti_server::descriptors;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio_util::sync::CancellationToken;

use self::bot::{Started, listening, reachable};
use self::callers::{Mix, callers};
use self::progress::Shown;
use self::units::{duration, per_second};
use crate::call::with_tokens;
use crate::config::Source;
use crate::runtime::many_threads;
use crate::serve::bind;
use crate::signals::Stop;

/// The exit code of an invalid measurement.
const VOID: u8 = 3;

/// Default number of calls begun per second.
const CALLS_PER_S: f64 = 10.0;

/// Place many calls at once, and measure what callers hear and the bot's resources
///
/// Without a URL an engine is started for it, in a process of its own and with temporary data. With an engine's URL its applets get Exotel's
/// requests; with a socket's (`ws://…`) any bot can be called that speaks Exotel's protocol. The first Ctrl-C lets all callers hang up and writes the report.
/// Exits with 0 if all calls went as expected, with 1 if any was lost or wrong, and with 3 if this program was too slow for valid measurements.
#[derive(Args)]
pub struct Load {
    /// The bot: an engine's URL, such as `http://127.0.0.1:8000`, or a socket's, such as `ws://127.0.0.1:8765/media`
    #[arg(value_name = "URL")]
    url: Option<String>,
    /// Number of concurrent calls; several numbers, as in `80,150`, are stages of one report
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "20")]
    calls: Vec<u64>,
    /// Maximum number of calls begun per second, such as `5/s`; by default 10
    #[arg(long, value_name = "RATE", value_parser = per_second)]
    rate: Option<f64>,
    /// Time in which the calls of the largest stage are begun, instead of a rate
    #[arg(long, value_name = "TIME", value_parser = duration, conflicts_with = "rate")]
    ramp: Option<Duration>,
    /// When a caller hangs up, such as `90s`; a call that has ended is followed by another. Callers of scenarios keep to their `max-seconds`
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "60s")]
    hold: Duration,
    /// Duration of each stage, once all its calls have begun
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "60s")]
    r#for: Duration,
    /// Duration of each stage, as with --for; the slopes of memory, descriptors and delays are reported
    #[arg(long, value_name = "TIME", value_parser = duration, conflicts_with = "for")]
    soak: Option<Duration>,
    /// Milliseconds of the caller's audio in a message: 20, as on real calls, or 100
    #[arg(long, value_name = "MS", default_value = "20", value_parser = ["20", "100"])]
    frame: String,
    /// The streams' sample rate in Hz: 8000, 16000 or 24000
    #[arg(long, value_name = "HZ", default_value = "8000", value_parser = ["8000", "16000", "24000"])]
    sample_rate: String,
    /// Who calls, by weights: `silent`, `talking`, `interrupting`, `keys`, and scenarios by their files' names. By default the scenarios in equal parts or,
    /// without one, silent=80,talking=15,interrupting=5
    #[arg(long, value_name = "NAME=WEIGHT,…", value_parser = Mix::parse)]
    mix: Option<Mix>,
    /// A scenario that callers follow; may be given several times. A call with another outcome or transcript than it expects is wrong
    #[arg(long, value_name = "FILE")]
    scenario: Vec<PathBuf>,
    /// A TOML file with `phone`, `flow` and `[fields]` of the customers of built-in callers; `{n}` in a field is the call's number. By default of the
    /// shipped flow `emi-reminder`
    #[arg(long, value_name = "FILE")]
    customer: Option<PathBuf>,
    /// Measure the floor before: the same calls against a socket that only sends audio back
    #[arg(long)]
    floor: bool,
    /// The bot's process on this machine; by default the one that listens at the URL
    #[arg(long, value_name = "PID")]
    pid: Option<u32>,
    /// Refused calls are expected: they are reported, but are not failures
    #[arg(long)]
    overload: bool,
    /// The folder for report.md, report.json and plots
    #[arg(long, value_name = "DIR", default_value = "data/load")]
    report: PathBuf,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    source: Source,
    /// The started engine's folder of flows
    #[arg(long, value_name = "DIR", default_value = "flows")]
    flows: PathBuf,
    /// The started engine's folder of data; by default a temporary one
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Place no calls: serve as the floor, until stopped, for a generator on another machine
    #[arg(long, conflicts_with_all = ["url", "floor", "pid", "scenario", "mix", "json"])]
    echo_server: bool,
    /// Where the floor listens; port 0 takes a free one
    #[arg(
        long,
        value_name = "ADDR",
        default_value = "127.0.0.1:0",
        requires = "echo_server"
    )]
    listen: SocketAddr,
}

/// A bot that is called.
struct Bot {
    name: &'static str,
    target: Target,
    watched: Watched,
}

impl Load {
    /// Runs the load, or the floor.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        descriptors::raise();
        many_threads(async {
            // before anything else, so that a signal during startup is handled
            let stop = Stop::listen()?;
            if self.echo_server {
                return serve_floor(self.listen, &stop).await;
            }
            tokio::select! {
                // boxed, since the future is large
                done = Box::pin(self.measure(stop.after_calls.clone())) => done,
                () = stop.at_once.cancelled() => bail!("stopped at once: there is no report"),
            }
        })
    }

    async fn measure(self, stop: CancellationToken) -> anyhow::Result<ExitCode> {
        let plan = self.plan()?;
        let sounds = Sounds::prepare(
            plan.shares.iter().flat_map(|share| share.caller.says()),
            plan.frames,
        )
        .await?;
        let generator = Generator {
            plan,
            sounds: Arc::new(sounds),
            clock: Arc::new(Clock::start().context("cannot start a thread")?),
            next: AtomicU64::new(0),
            stop: stop.clone(),
        };
        let began = OffsetDateTime::now_utc();
        let machine = Machine::this();
        let shown = Shown::new(std::io::stderr().is_terminal());
        let mut runs = Vec::new();
        if self.floor {
            let floor = Started::floor().await?;
            let bot = Bot {
                name: "floor",
                target: Target::parse(floor.url())?,
                watched: Watched::Process(floor.pid()),
            };
            self.stages(&generator, &bot, &shown, &mut runs).await;
            floor.stop().await;
        }
        if !stop.is_cancelled() {
            let mut started = None;
            let bot = match &self.url {
                Some(url) => self.bot_at(url).await?,
                None => self.started(&mut started, &shown, &stop).await?,
            };
            self.stages(&generator, &bot, &shown, &mut runs).await;
            if let Some(engine) = started {
                engine.stop().await;
            }
        }
        let report = self.reported(&generator.plan, machine, began, stop.is_cancelled(), runs)?;
        self.conclude(&report)
    }

    /// The bot at a URL.
    async fn bot_at(&self, url: &str) -> anyhow::Result<Bot> {
        let url = with_tokens(url, &self.source.read()?);
        let addresses = reachable(&url).await?;
        let watched = match (self.pid, listening(&addresses)) {
            (Some(pid), _) | (None, Some(pid)) => Watched::Process(pid),
            (None, None) => Watched::Not(
                "no process of this user on this machine listens there; name one with --pid"
                    .to_owned(),
            ),
        };
        let target = Target::parse(&url)?;
        if matches!(target, Target::Socket(_)) {
            callers::without_records(&self.scenario)?;
        }
        Ok(Bot {
            name: "bot",
            target,
            watched,
        })
    }

    /// An engine that is started for the load.
    async fn started(
        &self,
        started: &mut Option<Started>,
        shown: &Shown,
        stop: &CancellationToken,
    ) -> anyhow::Result<Bot> {
        shown.line("starting an engine");
        let engine = tokio::select! {
            engine = Started::engine(&self.flows, self.data.as_deref()) => engine?,
            () = stop.cancelled() => bail!("stopped before the engine was ready"),
        };
        let bot = Bot {
            name: "engine",
            target: Target::parse(engine.url())?,
            watched: Watched::Process(engine.pid()),
        };
        *started = Some(engine);
        Ok(bot)
    }

    /// All stages against one bot.
    async fn stages(
        &self,
        generator: &Generator,
        bot: &Bot,
        shown: &Shown,
        runs: &mut Vec<ghanti_load::report::Run>,
    ) {
        for stage in &generator.plan.stages {
            if generator.stop.is_cancelled() {
                return;
            }
            let name = format!("{}, {} calls", bot.name, stage.calls);
            shown.begin(&name);
            let run = generator
                .stage(&name, &bot.target, stage, &bot.watched, shown)
                .await;
            shown.end(&run);
            runs.push(run);
        }
    }

    fn plan(&self) -> anyhow::Result<Plan> {
        let most = self.calls.iter().copied().max().unwrap_or_default();
        let calls_per_s = match (self.rate, self.ramp) {
            (Some(rate), _) => rate,
            (None, Some(ramp)) => most as f64 / ramp.as_secs_f64().max(0.001),
            (None, None) => CALLS_PER_S,
        };
        let shares = callers(
            self.mix.as_ref(),
            &self.scenario,
            self.customer.as_deref(),
            self.hold,
        )?;
        let stage = |calls: &u64| Stage {
            calls: *calls,
            lasts: self.soak.unwrap_or(self.r#for),
            soak: self.soak.is_some(),
        };
        let plan = Plan {
            stages: self.calls.iter().map(stage).collect(),
            calls_per_s,
            // clap has checked both
            frames: Frames {
                ms: self.frame.parse()?,
                rate_hz: self.sample_rate.parse()?,
            },
            shares,
        };
        plan.check()?;
        Ok(plan)
    }

    fn reported(
        &self,
        plan: &Plan,
        machine: Machine,
        began: OffsetDateTime,
        stopped: bool,
        runs: Vec<ghanti_load::report::Run>,
    ) -> anyhow::Result<Report> {
        let callers = plan.shares.iter().map(|share| CallerShare {
            name: share.caller.name.clone(),
            weight: share.weight,
            hold_s: share.caller.holds_ms / 1_000,
        });
        let command: Vec<String> = std::env::args()
            .skip(1)
            .map(|argument| {
                if argument.contains("://") {
                    target::shown(&argument)
                } else {
                    argument
                }
            })
            .collect();
        Ok(Report {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            began: began.format(&Rfc3339)?,
            command: format!("ghanti {}", command.join(" ")),
            machine,
            calls_per_s: plan.calls_per_s,
            frame_ms: plan.frames.ms,
            rate_hz: plan.frames.rate_hz,
            callers: callers.collect(),
            stopped,
            runs,
        })
    }

    /// Writes and prints the report.
    fn conclude(&self, report: &Report) -> anyhow::Result<ExitCode> {
        let file = report.write(&self.report)?;
        let mut out = std::io::stdout().lock();
        if self.json {
            writeln!(out, "{}", serde_json::to_string_pretty(report)?)?;
        } else {
            writeln!(out, "{}\nreport: {}", report.summary(), file.display())?;
        }
        Ok(match report.conclusion(self.overload) {
            Conclusion::Good => ExitCode::SUCCESS,
            Conclusion::Bad => ExitCode::FAILURE,
            Conclusion::Void => ExitCode::from(VOID),
        })
    }
}

/// Serves as the floor until a signal.
async fn serve_floor(listen: SocketAddr, stop: &Stop) -> anyhow::Result<ExitCode> {
    let listener = bind(listen).await?;
    let address = listener.local_addr().context("no address")?;
    writeln!(std::io::stdout(), "{}{address}", bot::FLOOR_LISTENS)?;
    echo::serve(listener, stop.after_calls.cancelled())
        .await
        .context("the floor failed")?;
    Ok(ExitCode::SUCCESS)
}
