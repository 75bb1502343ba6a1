//! `[limits]` and `[grants]`: upper bounds for what a flow's manifest may ask for, under the names
//! that the manifest uses.

use std::fmt::Display;
use std::ops::RangeInclusive;

use ghanti_manifest::{Allowance, Limits};
use ghanti_model::PhoneNumber;
use serde::{Deserialize, Serialize};

use super::Config;

/// `[limits]`: a manifest that asks for more is rejected. A manifest that does not set a limit gets
/// the default, or this value if it is lower. The duration of a call is `longest-minutes` of
/// `[calls]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct LimitsAllowed {
    /// Linear memory of one call, in MiB.
    pub memory_mib: u64,
    /// Computing time between two host calls, in ms.
    pub compute_ms: u64,
    /// Host calls by one call within a second.
    pub host_calls_per_second: u32,
    /// Total bytes of text in one `say` or `ask`.
    pub text_bytes: u64,
    /// Log lines of one call.
    pub log_lines: u32,
    /// Size of one call's journal, in KiB.
    pub journal_kib: u64,
}

/// `[grants]`: a manifest that grants more is rejected. If `lookup` or `voices` is absent, no flow
/// may use any. If `transfer` is absent, a manifest may name any number; if it is empty, none.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct GrantsAllowed {
    /// Lookup keys, as patterns in which `*` matches any characters. The engine's own records are
    /// never included.
    pub lookup: Option<Vec<String>>,
    /// Numbers that calls may be transferred to.
    pub transfer: Option<Vec<PhoneNumber>>,
    /// Voices, as patterns like those of `lookup`.
    pub voices: Option<Vec<String>>,
}

impl Default for LimitsAllowed {
    fn default() -> Self {
        const MAX: Limits = Limits::MAX;
        Self {
            memory_mib: MAX.memory_bytes >> 20,
            compute_ms: MAX.compute_ms,
            host_calls_per_second: MAX.host_calls_per_second,
            text_bytes: MAX.text_bytes,
            log_lines: MAX.log_lines,
            journal_kib: MAX.journal_kib,
        }
    }
}

impl Config {
    /// The upper bounds and overrides that apply to manifests.
    pub fn allowance(&self) -> Allowance {
        let LimitsAllowed {
            memory_mib,
            compute_ms,
            host_calls_per_second,
            text_bytes,
            log_lines,
            journal_kib,
        } = self.limits;
        let call_minutes = self.calls.longest_minutes;
        let limits = Limits {
            memory_bytes: memory_mib.saturating_mul(1 << 20),
            compute_ms,
            call_minutes,
            host_calls_per_second,
            text_bytes,
            log_lines,
            journal_kib,
        };
        let GrantsAllowed {
            lookup,
            transfer,
            voices,
        } = self.grants.clone();
        Allowance {
            limits,
            lookup,
            transfer,
            voices,
            actions: Some(self.action_rules()),
            overrides: self.overrides(),
        }
    }
}

pub(super) fn check(allowed: &LimitsAllowed, errors: &mut Vec<String>) {
    const MIN: Limits = Limits::MIN;
    const MAX: Limits = Limits::MAX;
    within(
        "memory-mib",
        allowed.memory_mib,
        1..=MAX.memory_bytes >> 20,
        errors,
    );
    within(
        "compute-ms",
        allowed.compute_ms,
        MIN.compute_ms..=MAX.compute_ms,
        errors,
    );
    let calls = MIN.host_calls_per_second..=MAX.host_calls_per_second;
    within(
        "host-calls-per-second",
        allowed.host_calls_per_second,
        calls,
        errors,
    );
    within(
        "text-bytes",
        allowed.text_bytes,
        MIN.text_bytes..=MAX.text_bytes,
        errors,
    );
    within(
        "log-lines",
        allowed.log_lines,
        MIN.log_lines..=MAX.log_lines,
        errors,
    );
    within(
        "journal-kib",
        allowed.journal_kib,
        MIN.journal_kib..=MAX.journal_kib,
        errors,
    );
}

fn within<T: PartialOrd + Display>(
    key: &str,
    value: T,
    range: RangeInclusive<T>,
    errors: &mut Vec<String>,
) {
    if !range.contains(&value) {
        errors.push(format!(
            "`{key}` of `[limits]` is `{value}`: choose {} to {}",
            range.start(),
            range.end()
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ConfigError, read};
    use super::*;

    fn with(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        read(
            text,
            variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        )
    }

    #[test]
    fn by_default_manifests_may_ask_for_every_limit_and_for_no_look_up_or_voice() {
        let allowance = with("", &[]).unwrap().allowance();
        assert_eq!(
            allowance,
            Allowance {
                limits: Limits {
                    call_minutes: 30,
                    ..Limits::MAX
                },
                ..Allowance::default()
            }
        );
    }

    #[test]
    fn file_and_variables_set_what_manifests_may_ask_for() {
        let config = with(
            "[limits]\nmemory-mib = 16\nlog-lines = 20\n[grants]\nlookup = ['loan:*']\ntransfer = []\n[calls]\nlongest-minutes = 5\n",
            &[
                ("GHANTI_LIMITS_JOURNAL_KIB", "64"),
                ("GHANTI_GRANTS_VOICES", "['asha']"),
            ],
        );
        let allowance = config.unwrap().allowance();
        let limits = Limits {
            memory_bytes: 16 << 20,
            log_lines: 20,
            journal_kib: 64,
            call_minutes: 5,
            ..Limits::MAX
        };
        assert_eq!(allowance.limits, limits);
        assert_eq!(
            (allowance.lookup, allowance.transfer),
            (Some(vec!["loan:*".to_owned()]), Some(Vec::new()))
        );
        assert_eq!(allowance.voices, Some(vec!["asha".to_owned()]));
    }

    #[test]
    fn a_maximum_beyond_the_engines_own_is_an_error() {
        let ConfigError(errors) =
            with("[limits]\nmemory-mib = 65\ncompute-ms = 5\njournal-kib = 0\nfuel = 1\n[grants]\nvoices = 'asha'\n", &[]).unwrap_err();
        let text = errors.join("\n");
        for part in [
            "`memory-mib` of `[limits]` is `65`: choose 1 to 64",
            "`compute-ms`",
            "`journal-kib`",
            "`fuel`",
            "`voices` of `[grants]`",
        ] {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
        assert_eq!(errors.len(), 5, "{text}");
    }
}
