//! `ghanti sim exotel`: a server that plays Exotel's side of outbound calls, until a signal; `ghanti sim
//! faults`: broken peers.

mod faults;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};
use ghanti_sim::exotel::{Setup, serve};

use crate::runtime::many_threads;
use crate::serve::bind;
use crate::signals::Stop;

/// Simulate Exotel's side of outbound calls, or broken peers
#[derive(Args)]
pub struct Sim {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Play Exotel's API, flows of applets, customers and callbacks for an engine that dials
    Exotel(Exotel),
    Faults(faults::Faults),
}

/// Play Exotel's side of outbound calls. The first signal lets callers hang up and waits for the
/// ends of their calls, the second ends at once.
#[derive(Args)]
struct Exotel {
    /// The set-up: account, flows, callers and faults (docs/simulated-exotel.md)
    #[arg(long, value_name = "FILE")]
    setup: PathBuf,
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8100")]
    listen: SocketAddr,
    /// Factor by which rings and waits are shortened, instead of the set-up's `speed`
    #[arg(long, value_name = "FACTOR")]
    speed: Option<f64>,
}

impl Sim {
    /// Serves until stopped.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let exotel = match self.what {
            What::Exotel(exotel) => exotel,
            What::Faults(faults) => return faults.run(),
        };
        let setup = Setup::load(&exotel.setup)?;
        let setup = match exotel.speed {
            Some(speed) => setup.with_speed(speed)?,
            None => setup,
        };
        tracing_subscriber::fmt()
            .with_writer(std::io::stderr)
            .with_max_level(tracing::Level::WARN)
            .init();
        many_threads(async {
            let stop = Stop::listen()?;
            let listener = bind(exotel.listen).await?;
            let address = listener.local_addr().context("no address")?;
            writeln!(std::io::stdout(), "simulated Exotel at http://{address}")?;
            tokio::select! {
                served = serve(listener, setup, stop.after_calls.cancelled()) => {
                    served.context("the simulated Exotel failed")?;
                }
                () = stop.at_once.cancelled() => {}
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}
