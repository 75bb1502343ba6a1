//! `ghanti speech warm`: synthesizes flows' prompts into the engine's prompt cache before its calls.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use ghanti_model::FlowName;
use ghanti_server::speech::Providers;
use ghanti_server::speech::warm::{AT_ONCE_MAX, PromptResult, WarmReport, warm};

use crate::config::Source;
use crate::flow::loading::Loading;

/// Default number of prompts synthesized at once: the machine may have calls.
const AT_ONCE: usize = 2;

/// Synthesize flows' prompts into the engine's prompt cache, before its calls
///
/// Only prompts whose text is the same in every call, in all languages of the flow and in their default
/// voices: without variables, or only with the flow's own settings; and the engine's own prompts. They
/// are stored in the folder `prompts` of the engine's data, where a running engine finds them. Exits
/// with 1 if a prompt is not there afterwards, or a synthesizer failed.
#[derive(Args)]
pub struct Warm {
    #[command(flatten)]
    source: Source,
    /// Names of flows
    #[arg(value_name = "FLOW", required = true)]
    names: Vec<String>,
    /// The folder of flows
    #[arg(long, value_name = "DIR", default_value = "flows")]
    flows: PathBuf,
    /// The engine's folder of databases, caches and spools
    #[arg(long, value_name = "DIR", default_value = "data")]
    data: PathBuf,
    /// How many prompts are synthesized at once
    #[arg(long, value_name = "COUNT", default_value_t = AT_ONCE, value_parser = at_once)]
    at_once: usize,
}

fn at_once(text: &str) -> Result<usize, String> {
    let count = text.parse().ok();
    count
        .filter(|count| (1..=AT_ONCE_MAX).contains(count))
        .ok_or_else(|| format!("give a number from 1 to {AT_ONCE_MAX}"))
}

impl Warm {
    /// Synthesizes them.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        let config = self.source.read()?;
        if !self.data.is_dir() {
            bail!(
                "there is no folder `{}`: name the engine's data folder with --data",
                self.data.display()
            );
        }
        let providers = Providers::open(&config).await?;
        let files = Loading::with(1, None, config.default_agents().to_vec())?
            .files
            .within(config.allowance());
        let mut is_complete = true;
        for name in &self.names {
            let flow = FlowName::parse(name).map_err(|error| {
                anyhow::anyhow!("`{name}` is not a valid name of a flow: {error}")
            })?;
            let folder = self.flows.join(name);
            let version = files
                .load(flow, &folder, None)
                .await
                .with_context(|| format!("cannot load the flow in `{}`", folder.display()))?;
            let voices = providers.voices();
            let report = warm(&config, &self.data, voices, &version, self.at_once).await;
            is_complete &= report.is_complete();
            print(&mut std::io::stdout(), name, &report)?;
        }
        Ok(ExitCode::from(u8::from(!is_complete)))
    }
}

/// The results of a language's prompts.
#[derive(Default)]
struct Counts {
    new: usize,
    kept: usize,
    failed: usize,
}

fn print(out: &mut impl std::io::Write, flow: &str, report: &WarmReport) -> std::io::Result<()> {
    let mut languages: BTreeMap<&str, Counts> = BTreeMap::new();
    for prompt in &report.prompts {
        let (template, language) = (&prompt.template, prompt.language.as_str());
        let counts = languages.entry(language).or_default();
        for lost in &prompt.losses {
            writeln!(out, "{template} in {language}: {lost}")?;
        }
        match &prompt.result {
            PromptResult::New => counts.new += 1,
            PromptResult::Kept => counts.kept += 1,
            PromptResult::Failed(why) => {
                counts.failed += 1;
                writeln!(out, "{template} in {language}: {why}")?;
            }
        }
    }
    for (language, Counts { new, kept, failed }) in languages {
        write!(out, "{flow} in {language}: {new} new, {kept} already there")?;
        match failed {
            0 => writeln!(out)?,
            _ => writeln!(out, ", {failed} failed")?,
        }
    }
    if !report.unknown.is_empty() {
        writeln!(out, "not known before a call:")?;
    }
    for (template, variables) in &report.unknown {
        writeln!(out, "  {template}: {}", variables.join(", "))?;
    }
    Ok(())
}
