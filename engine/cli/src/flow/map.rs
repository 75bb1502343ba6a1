//! `ghanti flow map`.
use clap::Args;
use std::process::ExitCode;
/// Draw
#[derive(Args)]
pub struct Map {}
impl Map {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        Ok(ExitCode::SUCCESS)
    }
}
