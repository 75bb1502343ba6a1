//! The callers on the command line: built-in callers and scenarios, with weights.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use ghanti_load::callers::{Caller, Share};
use ghanti_sim::Scenario;
use ghanti_sim::scenario::{Customer, When};

/// The callers without `--mix` and `--scenario`.
const DEFAULT: [(&str, u32); 3] = [("silent", 80), ("talking", 15), ("interrupting", 5)];

/// The customer of built-in callers: all have one name, so that all prompts are cached after the first
/// call.
const CUSTOMER: &str = r#"
phone = "+919876500001"
flow = "emi-reminder"
fields = { name = "Asha Rao", language = "en-IN", loan = "LN-00478213", amount = "12,500", due-date = "2030-12-05" }
"#;

/// Weights by callers' names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mix(Vec<(String, u32)>);

impl Mix {
    /// Reads `silent=80,talking=15`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || "write names with weights, such as `silent=80,talking=20`".to_owned();
        let part = |part: &str| {
            let (name, weight) = part.split_once('=').ok_or_else(wrong)?;
            let weight = weight.trim().parse().map_err(|_| wrong())?;
            Ok((name.trim().to_owned(), weight))
        };
        let parts: Vec<(String, u32)> = text.split(',').map(part).collect::<Result<_, String>>()?;
        let mut names: Vec<_> = parts.iter().map(|(name, _)| name).collect();
        names.sort_unstable();
        names.dedup();
        if names.len() < parts.len() {
            return Err("each name has one weight".to_owned());
        }
        if parts.iter().all(|(_, weight)| *weight == 0) {
            return Err("at least one weight is above 0".to_owned());
        }
        Ok(Self(parts))
    }
}

/// The callers with their weights.
pub fn callers(
    mix: Option<&Mix>,
    scenarios: &[PathBuf],
    customer: Option<&Path>,
    hold: Duration,
) -> anyhow::Result<Vec<Share>> {
    let customer = customer_in(customer)?;
    let scenarios = scenarios
        .iter()
        .map(|file| Ok((name_of(file), Scenario::load(file)?)))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let weights: Vec<(String, u32)> = match mix {
        Some(Mix(weights)) => weights.clone(),
        None if scenarios.is_empty() => DEFAULT
            .map(|(name, weight)| (name.to_owned(), weight))
            .into(),
        None => scenarios
            .iter()
            .map(|(name, _)| (name.clone(), 1))
            .collect(),
    };
    if let Some((name, _)) = scenarios
        .iter()
        .find(|(name, _)| !weights.iter().any(|(other, _)| other == name))
    {
        bail!("the scenario `{name}` has no weight: add `{name}=1` to --mix");
    }
    let share = |(name, weight): (String, u32)| {
        let scenario = scenarios.iter().find(|(of, _)| *of == name);
        let caller = match scenario {
            Some((_, scenario)) => Some(Caller::of_scenario(&name, scenario.clone())),
            None => Caller::built_in(&name, &customer, hold.as_millis() as u64),
        };
        let caller = caller.ok_or_else(|| {
            anyhow!(
                "there is no caller `{name}`: --mix accepts `silent`, `talking`, `interrupting`, `keys`, and the names of --scenario files without \
                 their ending"
            )
        })?;
        Ok(Share {
            caller: Arc::new(caller),
            weight,
        })
    };
    let weights = weights.into_iter().filter(|(_, weight)| *weight > 0);
    weights.map(share).collect()
}

/// Refuses scenarios whose steps wait for templates, which are only known from an engine's record.
pub fn without_records(scenarios: &[PathBuf]) -> anyhow::Result<()> {
    for file in scenarios {
        let waits =
            |when: &When| matches!(when, When::AfterTemplate { .. } | When::IntoTemplate { .. });
        if Scenario::load(file)?
            .caller
            .iter()
            .any(|step| waits(&step.when))
        {
            bail!(
                "the scenario `{}` waits for templates, which a socket does not report: give the engine's URL (`http://…`), or use `after = \"turn\"`",
                file.display()
            );
        }
    }
    Ok(())
}

fn customer_in(file: Option<&Path>) -> anyhow::Result<Customer> {
    let Some(file) = file else {
        return toml::from_str(CUSTOMER).context("the built-in customer is wrong");
    };
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("cannot read the customer `{}`", file.display()))?;
    toml::from_str(&text).map_err(|error| {
        let what = ghanti_manifest::toml_error(&text, &error);
        anyhow!("the customer `{}` is wrong: {what}", file.display())
    })
}

fn name_of(file: &Path) -> String {
    file.file_stem().map_or_else(
        || "scenario".to_owned(),
        |stem| stem.to_string_lossy().into_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOLD: Duration = Duration::from_secs(60);

    fn named(mix: Option<&str>, scenarios: &[PathBuf]) -> anyhow::Result<Vec<(String, u32)>> {
        let mix = mix.map(|text| Mix::parse(text).unwrap());
        let shares = callers(mix.as_ref(), scenarios, None, HOLD)?;
        Ok(shares
            .into_iter()
            .map(|share| (share.caller.name.clone(), share.weight))
            .collect())
    }

    #[test]
    fn callers_are_those_of_the_mix_or_the_default_ones() {
        let of = |pairs: &[(&str, u32)]| -> Vec<(String, u32)> {
            pairs
                .iter()
                .map(|(name, weight)| ((*name).to_owned(), *weight))
                .collect()
        };
        assert_eq!(named(None, &[]).unwrap(), of(&DEFAULT));
        assert_eq!(
            named(Some("silent=1, keys=3,talking=0"), &[]).unwrap(),
            of(&[("silent", 1), ("keys", 3)])
        );
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("agrees.toml");
        let text = "title = \"t\"\nexpect = \"x\"\n[customer]\nphone = \"+919876500001\"\n[[caller]]\nafter-template = \"greeting\"\nsay = \"yes\"\n";
        std::fs::write(&file, text).unwrap();
        let files = [file];
        assert_eq!(named(None, &files).unwrap(), of(&[("agrees", 1)]));
        assert_eq!(
            named(Some("agrees=2,silent=1"), &files).unwrap(),
            of(&[("agrees", 2), ("silent", 1)])
        );
        let reported = named(Some("silent=1"), &files).unwrap_err().to_string();
        assert!(reported.contains("`agrees=1`"), "{reported}");
        let reported = without_records(&files).unwrap_err().to_string();
        assert!(reported.contains("waits for templates"), "{reported}");
    }

    #[test]
    fn mistakes_say_what_to_write() {
        for text in ["silent", "silent=x", "silent=0", "silent=1,silent=2", ""] {
            assert!(Mix::parse(text).is_err(), "{text}");
        }
        let reported = named(Some("angry=1"), &[]).unwrap_err().to_string();
        assert!(
            reported.contains("`angry`") && reported.contains("`interrupting`"),
            "{reported}"
        );
    }
}
