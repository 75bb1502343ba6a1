//! `[settings]` and `[flows.NAME]`: the operator's overrides of manifests.

use std::collections::BTreeMap;

use ghanti_manifest::Overrides;
use ghanti_model::PhoneNumber;
use serde::{Deserialize, Serialize};

use super::Config;

/// `[flows.NAME]`: overrides of this flow's manifest.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct FlowOverrides {
    /// Settings; they take precedence over `[settings]` of the manifest and of the configuration.
    pub settings: BTreeMap<String, SettingValue>,
    /// Numbers to dial, by transfer target; they take precedence over `[grants.transfer]` of the
    /// manifest and over `agents` of `[calls]`.
    pub transfer: BTreeMap<String, Vec<PhoneNumber>>,
}

/// A flow's setting, as the text that the flow receives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Given")]
pub struct SettingValue(String);

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "it takes a text, a whole number, `true` or `false`"
)]
enum Given {
    Text(String),
    Number(i64),
    Flag(bool),
}

impl From<Given> for SettingValue {
    fn from(given: Given) -> Self {
        Self(match given {
            Given::Text(text) => text,
            Given::Number(number) => number.to_string(),
            Given::Flag(flag) => flag.to_string(),
        })
    }
}

impl From<&str> for SettingValue {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl Config {
    /// The overrides for all flows' manifests.
    pub fn overrides(&self) -> Overrides {
        let texts = |settings: &BTreeMap<String, SettingValue>| {
            settings
                .iter()
                .map(|(name, SettingValue(value))| (name.clone(), value.clone()))
                .collect::<BTreeMap<_, _>>()
        };
        Overrides {
            agents: self.calls.agents.clone(),
            targets: self
                .transfer
                .iter()
                .map(|(target, own)| (target.clone(), own.numbers.clone()))
                .collect(),
            settings: texts(&self.settings),
            flow_settings: self
                .flows
                .iter()
                .map(|(flow, own)| (flow.clone(), texts(&own.settings)))
                .collect(),
            flow_transfer: self
                .flows
                .iter()
                .map(|(flow, own)| (flow.clone(), own.transfer.clone()))
                .collect(),
        }
    }
}

pub(super) fn check(config: &Config, errors: &mut Vec<String>) {
    for (flow, own) in &config.flows {
        for (target, _) in own
            .transfer
            .iter()
            .filter(|(_, numbers)| numbers.is_empty())
        {
            errors.push(format!("`{target}` of `[flows.{flow}.transfer]` has no number: give at least one, or remove it"));
        }
    }
}
