//! `ghanti flow inspect`: what a component contains, and whether an engine would accept it.
//!
//! Its sections are read here, one after another and without recursion; its types, code and `describe` are
//! checked by the same child process that compiles for an engine.

use std::fs::File;
use std::io::{Read as _, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use ghanti_host::{ComponentFacts, Fault, Given, Rejection, contract_version, given};
use ghanti_model::Described;
use serde_json::{Value, json};

use super::loading::Loading;
use super::outcome;
use crate::runtime::many_threads;

/// Maximum size of a file: that of the largest component.
const FILE_BYTES: u64 = 32 << 20;

/// Show a component: name, version, imports, exports, its toolchain, and whether an engine would accept it
///
/// Exits with 0 if an engine of this version would accept it, with 1 if not, and with 2 if the file cannot be read.
#[derive(Args)]
pub struct Inspect {
    /// The component, such as `flow.wasm`
    file: PathBuf,
    /// Print it as JSON
    #[arg(long)]
    pub json: bool,
}

/// Why it would be rejected.
struct Refused {
    step: String,
    reason: String,
    hint: String,
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        Self {
            step: fault.step.to_string(),
            reason: fault.reason,
            hint: fault.hint,
        }
    }
}

impl From<Rejection> for Refused {
    fn from(rejection: Rejection) -> Self {
        Self {
            step: rejection.step.to_string(),
            reason: rejection.reason,
            hint: rejection.hint,
        }
    }
}

impl Inspect {
    /// Inspects.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let bytes = read(&self.file)?;
        let facts = ComponentFacts::read(&bytes);
        let described = match &facts {
            Ok(_) => many_threads(describe(bytes))?,
            Err(_) => Err(Refused {
                step: String::new(),
                reason: String::new(),
                hint: String::new(),
            }),
        };
        let (facts, verdict) = match facts {
            Ok(facts) => (Some(facts), described),
            Err(fault) => (None, Err(fault.into())),
        };
        if self.json {
            outcome::print(&report(facts.as_ref(), &verdict))?;
        } else {
            let mut out = std::io::stdout().lock();
            show(&mut out, &self.file, facts.as_ref(), &verdict)?;
        }
        Ok(ExitCode::from(match verdict {
            Ok(_) => 0,
            Err(_) => outcome::REFUSED,
        }))
    }
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    let shown = file.display();
    let found = file
        .metadata()
        .with_context(|| format!("cannot read `{shown}`"))?;
    if !found.is_file() {
        bail!("`{shown}` is not a file: name the component in it, such as `flow.wasm`");
    }
    let mut bytes = Vec::new();
    File::open(file)
        .and_then(|file| file.take(FILE_BYTES + 1).read_to_end(&mut bytes))
        .with_context(|| format!("cannot read `{shown}`"))?;
    if bytes.len() as u64 > FILE_BYTES {
        bail!(
            "`{shown}` is larger than {} MiB, which no engine accepts: strip debug information",
            FILE_BYTES >> 20
        );
    }
    Ok(bytes)
}

/// Compiles the component and calls `describe`, without the other files in its folder.
async fn describe(bytes: Vec<u8>) -> anyhow::Result<Result<Described, Refused>> {
    let loading = Loading::new()?;
    let alone = tempfile::Builder::new()
        .suffix(".wasm")
        .tempfile()
        .context("cannot create a temporary file")?;
    std::fs::write(alone.path(), bytes).context("cannot write a temporary file")?;
    let described = loading.files.describe(alone.path()).await;
    Ok(described.map_err(Refused::from))
}

fn meaning(import: &str) -> (&'static str, String) {
    match given(import) {
        Given::Contract => ("contract", "of the contract".to_owned()),
        Given::Sealed => (
            "sealed",
            "of WASI, without access to anything; JavaScript and Python need it".to_owned(),
        ),
        Given::OtherVersion => (
            "other-version",
            format!(
                "refused: this engine has version {} of the contract",
                contract_version()
            ),
        ),
        Given::Refused => (
            "refused",
            "refused: a flow may import only the contract; for anything else use an action (docs/actions.md)"
                .to_owned(),
        ),
    }
}

fn report(facts: Option<&ComponentFacts>, verdict: &Result<Described, Refused>) -> Value {
    let mut report = match facts {
        Some(facts) => serde_json::to_value(facts).unwrap_or_default(),
        None => json!({}),
    };
    let Some(fields) = report.as_object_mut() else {
        return report;
    };
    if let Some(facts) = facts {
        let imports: Vec<_> = facts
            .imports
            .iter()
            .map(|name| json!({ "name": name, "given": meaning(name).0 }))
            .collect();
        fields.insert("imports".to_owned(), imports.into());
        fields.insert("contract".to_owned(), json!(version_needed(facts)));
    }
    match verdict {
        Ok(described) => {
            fields.insert("name".to_owned(), json!(described.name));
            fields.insert("version".to_owned(), json!(described.version));
            fields.insert("taken".to_owned(), json!(true));
        }
        Err(Refused { step, reason, hint }) => {
            fields.insert("taken".to_owned(), json!(false));
            fields.insert("step".to_owned(), json!(step));
            fields.insert("reason".to_owned(), json!(reason));
            fields.insert("hint".to_owned(), json!(hint));
        }
    }
    report
}

/// The version of the contract that it was built for, if it imports any of it.
fn version_needed(facts: &ComponentFacts) -> Option<&str> {
    facts.imports.iter().find_map(|import| {
        let is_of_it = matches!(given(import), Given::Contract | Given::OtherVersion);
        is_of_it.then_some(import.split_once('@')?.1)
    })
}

fn show(
    out: &mut impl Write,
    file: &Path,
    facts: Option<&ComponentFacts>,
    verdict: &Result<Described, Refused>,
) -> std::io::Result<()> {
    writeln!(out, "{}", file.display())?;
    if let Ok(described) = verdict {
        writeln!(out, "  flow      {} {}", described.name, described.version)?;
    }
    if let Some(facts) = facts {
        writeln!(
            out,
            "  contract  {} (this engine has {})",
            version_needed(facts).unwrap_or("none: it imports nothing of it"),
            contract_version()
        )?;
        writeln!(
            out,
            "  size      {} in {} module{}: code {}, data {}, names and tables for debuggers {}",
            bytes(facts.bytes as u64),
            facts.modules,
            if facts.modules == 1 { "" } else { "s" },
            bytes(facts.code_bytes),
            bytes(facts.data_bytes),
            bytes(facts.custom_bytes)
        )?;
        writeln!(out, "  sha256    {}", facts.sha256)?;
        for made in &facts.producers {
            writeln!(out, "  made by   {made}")?;
        }
        for import in &facts.imports {
            writeln!(out, "  imports   {import}: {}", meaning(import).1)?;
        }
        for export in &facts.exports {
            writeln!(out, "  exports   {export}")?;
        }
    }
    match verdict {
        Ok(_) => writeln!(out, "an engine of this version accepts it"),
        Err(Refused { step, reason, hint }) => {
            writeln!(out, "an engine of this version rejects it (step {step})")?;
            for line in reason.lines() {
                writeln!(out, "  {line}")?;
            }
            writeln!(out, "  hint: {hint}")
        }
    }
}

fn bytes(bytes: u64) -> String {
    match bytes {
        0..=9_999 => format!("{bytes} bytes"),
        10_000..=9_999_999 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", bytes >> 20),
    }
}
