//! The operator's limits on manifests: the maximum of each limit, and what may be granted.
//!
//! A manifest that asks for more is rejected with a reason for each line, so that it does not
//! surface during a call. A limit that the manifest leaves out gets the default, or the maximum if
//! that is lower. Look-ups and voices are granted only if the operator allows them, actions only if
//! the operator defines them.

use std::collections::BTreeMap;

use ghanti_model::PhoneNumber;

use crate::action::{ActionRule, GrantedAction};
use crate::overrides::Overrides;
use crate::patterns::matches;
use crate::said::Said;
use crate::{Limits, Manifest};

/// The most that any manifest may ask for. The default allows the maximum of every limit and all
/// transfer numbers, but no look-ups and no voices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowance {
    /// The maximum of each limit.
    pub limits: Limits,
    /// Look-up keys that may be granted, as patterns in which `*` stands for any characters; `None`
    /// allows no look-up.
    pub lookup: Option<Vec<String>>,
    /// Numbers that calls may be transferred to; `None` allows any.
    pub transfer: Option<Vec<PhoneNumber>>,
    /// Voices that may be granted, as patterns like those of `lookup`; `None` allows only each
    /// language's default voice.
    pub voices: Option<Vec<String>>,
    /// The actions that the operator defines; `None` allows any name, with the default rule, where
    /// none is done.
    pub actions: Option<BTreeMap<String, ActionRule>>,
    /// The operator's values that take precedence over manifests.
    pub overrides: Overrides,
}

impl Default for Allowance {
    fn default() -> Self {
        Self {
            limits: Limits::MAX,
            lookup: None,
            transfer: None,
            voices: None,
            actions: Some(BTreeMap::new()),
            overrides: Overrides::default(),
        }
    }
}

/// What a manifest asks for beyond the operator's allowance, all of it at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {hint}")]
pub struct NotAllowed {
    /// One line for each limit or grant, with its line in the manifest.
    pub reason: String,
    /// How to ask for less, and the operator's settings that would allow it.
    pub hint: String,
    /// The first line, from 1, if known.
    pub line: Option<usize>,
}

/// One thing that a manifest asks for and that the operator does not allow.
struct Beyond {
    line: Option<usize>,
    reason: String,
    /// The operator's setting that would allow it, for the hint.
    setting: &'static str,
}

impl Allowance {
    /// Allows everything a manifest can ask for: for flows that take no calls.
    pub fn everything() -> Self {
        let any = || Some(vec!["*".to_owned()]);
        Self {
            lookup: any(),
            voices: any(),
            actions: None,
            ..Self::default()
        }
    }

    /// Checks a manifest, whose file is `text`, and lowers limits that it leaves out.
    pub fn admit(&self, manifest: &mut Manifest, text: &str) -> Result<(), NotAllowed> {
        let said = Said(text);
        let mut beyond = self.limits_beyond(&manifest.limits, &said);
        beyond.extend(self.grants_beyond(manifest, &said));
        beyond.extend(self.actions_beyond(manifest, &said));
        manifest.limits = manifest.limits.lowered(&self.limits);
        if beyond.is_empty() {
            return Ok(());
        }
        beyond.sort_by_key(|beyond| beyond.line);
        let mut settings: Vec<_> = beyond.iter().map(|beyond| beyond.setting).collect();
        settings.dedup();
        let reasons = beyond.iter().map(|Beyond { line, reason, .. }| match line {
            Some(line) => format!("line {line}: {reason}"),
            None => reason.clone(),
        });
        let hint = format!(
            "ask for less in `flow.toml`, or let the operator allow it by {} in ghanti.toml",
            settings.join(" and ")
        );
        let reasons: Vec<_> = reasons.collect();
        Err(NotAllowed {
            reason: reasons.join("\n"),
            hint,
            line: beyond.first().and_then(|beyond| beyond.line),
        })
    }

    fn limits_beyond(&self, asked: &Limits, said: &Said<'_>) -> Vec<Beyond> {
        let most = &self.limits;
        let calls = |limits: &Limits| u64::from(limits.host_calls_per_second);
        let each = [
            (
                "memory",
                asked.memory_bytes,
                most.memory_bytes,
                "`memory-mib` of `[limits]`",
            ),
            (
                "compute-ms",
                asked.compute_ms,
                most.compute_ms,
                "`compute-ms` of `[limits]`",
            ),
            (
                "call-minutes",
                asked.call_minutes,
                most.call_minutes,
                "`longest-minutes` of `[calls]`",
            ),
            (
                "host-calls-per-second",
                calls(asked),
                calls(most),
                "`host-calls-per-second` of `[limits]`",
            ),
            (
                "text-bytes",
                asked.text_bytes,
                most.text_bytes,
                "`text-bytes` of `[limits]`",
            ),
            (
                "log-lines",
                asked.log_lines.into(),
                most.log_lines.into(),
                "`log-lines` of `[limits]`",
            ),
            (
                "journal-kib",
                asked.journal_kib,
                most.journal_kib,
                "`journal-kib` of `[limits]`",
            ),
        ];
        let beyond = each
            .into_iter()
            .filter(|(_, asked, most, _)| asked > most)
            .filter_map(|(key, asked, most, setting)| {
                // a limit that is not in the file has just its default, which is lowered instead
                let line = said.line(&["limits", key], None)?;
                let shown = |value: u64| {
                    if key == "memory" {
                        format!("{} KiB", value >> 10)
                    } else {
                        value.to_string()
                    }
                };
                let reason = format!(
                    "`{key}` is {} and the operator allows {}",
                    shown(asked),
                    shown(most)
                );
                Some(Beyond {
                    line: Some(line),
                    reason,
                    setting,
                })
            });
        beyond.collect()
    }

    /// Sets the rules of the actions that are granted; what nobody defines is beyond, unless the flow
    /// does without it: then invoking it is an error to the flow.
    fn actions_beyond(&self, manifest: &mut Manifest, said: &Said<'_>) -> Vec<Beyond> {
        let mut beyond = Vec::new();
        for (at, granted) in manifest.grants.actions.iter().enumerate() {
            let GrantedAction { name, is_optional } = granted;
            let rule = match &self.actions {
                None => Some(ActionRule::default()),
                Some(defined) => defined
                    .get(name)
                    .cloned()
                    .or_else(|| is_optional.then(ActionRule::default)),
            };
            match rule {
                Some(rule) => drop(manifest.actions.insert(name.clone(), rule)),
                None => beyond.push(Beyond {
                    line: said.line(&["grants", "actions"], Some(at)),
                    reason: format!("`actions` has `{name}`, which the operator does not define"),
                    setting: "a section `[actions.NAME]`",
                }),
            }
        }
        beyond
    }

    fn grants_beyond(&self, manifest: &Manifest, said: &Said<'_>) -> Vec<Beyond> {
        let grants = &manifest.grants;
        let mut beyond = Vec::new();
        let covered = |allowed: &Option<Vec<String>>, pattern: &str| {
            allowed
                .iter()
                .flatten()
                .any(|allowed| matches(allowed, pattern))
        };
        for (at, pattern) in grants.lookup.iter().enumerate() {
            // a `*` in the manifest's pattern is only matched by a `*` of the operator's, so
            // everything it stands for is allowed, too
            if !covered(&self.lookup, pattern) {
                let reason = format!("`lookup` has `{pattern}`, which the operator does not allow");
                beyond.push(Beyond {
                    line: said.line(&["grants", "lookup"], Some(at)),
                    reason,
                    setting: "`lookup` of `[grants]`",
                });
            }
        }
        for (at, voice) in grants.voices.iter().enumerate() {
            if !covered(&self.voices, voice) {
                let reason = format!("`voices` has `{voice}`, which the operator does not allow");
                beyond.push(Beyond {
                    line: said.line(&["grants", "voices"], Some(at)),
                    reason,
                    setting: "`voices` of `[grants]`",
                });
            }
        }
        let granted = grants
            .transfer
            .iter()
            .flatten()
            .map(|granted| ("grants", granted));
        for (section, (target, numbers)) in granted.chain(
            manifest
                .samples
                .transfer
                .iter()
                .map(|sample| ("samples", sample)),
        ) {
            for (at, number) in numbers.iter().enumerate() {
                if self
                    .transfer
                    .as_ref()
                    .is_some_and(|allowed| !allowed.contains(number))
                {
                    let reason = format!(
                        "`transfer` has {number} for `{target}`, whom the operator does not allow"
                    );
                    let line = said.line(&[section, "transfer", target], Some(at));
                    beyond.push(Beyond {
                        line,
                        reason,
                        setting: "`transfer` of `[grants]`",
                    });
                }
            }
        }
        beyond
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admit(allowance: &Allowance, text: &str) -> Result<Manifest, NotAllowed> {
        let mut manifest = Manifest::parse(text).unwrap();
        allowance.admit(&mut manifest, text).map(|()| manifest)
    }

    fn strict() -> Allowance {
        let limits = Limits {
            memory_bytes: 16 << 20,
            compute_ms: 20,
            call_minutes: 5,
            host_calls_per_second: 100,
            text_bytes: 1_000,
            log_lines: 10,
            journal_kib: 64,
        };
        let some = |text: &str| Some(vec![text.to_owned()]);
        let number = PhoneNumber::parse("9876543210").unwrap();
        Allowance {
            limits,
            lookup: some("loan:*"),
            transfer: Some(vec![number]),
            voices: some("asha"),
            ..Allowance::default()
        }
    }

    #[test]
    fn every_limit_beyond_its_maximum_is_reported_with_line_value_maximum_and_setting() {
        let text = "[limits]\nmemory = \"17MiB\"\ncompute-ms = 30\ncall-minutes = 6\nhost-calls-per-second = 101\ntext-bytes = 1001\n\
                    log-lines = 11\njournal-kib = 65\n";
        let NotAllowed { reason, hint, line } = admit(&strict(), text).unwrap_err();
        assert_eq!(line, Some(2));
        let expected = [
            "line 2: `memory` is 17408 KiB and the operator allows 16384 KiB",
            "line 3: `compute-ms` is 30 and the operator allows 20",
            "line 4: `call-minutes` is 6 and the operator allows 5",
            "line 5: `host-calls-per-second` is 101 and the operator allows 100",
            "line 6: `text-bytes` is 1001 and the operator allows 1000",
            "line 7: `log-lines` is 11 and the operator allows 10",
            "line 8: `journal-kib` is 65 and the operator allows 64",
        ];
        assert_eq!(reason.lines().collect::<Vec<_>>(), expected);
        for setting in [
            "`memory-mib` of `[limits]`",
            "`longest-minutes` of `[calls]`",
            "`journal-kib` of `[limits]`",
            "ghanti.toml",
        ] {
            assert!(hint.contains(setting), "{hint}");
        }
    }

    #[test]
    fn what_a_manifest_leaves_unsaid_is_lowered_and_what_it_says_is_kept() {
        let allowed = strict();
        assert_eq!(admit(&allowed, "").unwrap().limits, allowed.limits);
        let limits = admit(&allowed, "[limits]\ncompute-ms = 10\nlog-lines = 0\n")
            .unwrap()
            .limits;
        assert_eq!(
            limits,
            Limits {
                compute_ms: 10,
                log_lines: 0,
                ..allowed.limits
            }
        );
        assert_eq!(
            admit(&Allowance::default(), "").unwrap().limits,
            Limits::default()
        );
    }

    #[test]
    fn grants_beyond_the_operators_are_reported_with_their_lines() {
        let text = "[grants]\nlookup = [\n  \"loan:12*\",\n  \"*\",\n  \"lo*\",\n]\nvoices = [\"asha\", \"ravi\"]\n\
                    transfer = { default = [\"9876543210\"], legal = \"08040001111\" }\n";
        let NotAllowed { reason, hint, line } = admit(&strict(), text).unwrap_err();
        let reported: Vec<_> = reason.lines().collect();
        assert_eq!(line, Some(4));
        assert!(
            reported[0].starts_with("line 4: `lookup` has `*`")
                && reported[1].starts_with("line 5: `lookup` has `lo*`"),
            "{reported:#?}"
        );
        assert!(
            reported[2].starts_with("line 7: `voices` has `ravi`")
                && reported[3].starts_with("line 8: `transfer` has"),
            "{reported:#?}"
        );
        assert!(
            reported[3].contains("`legal`") && !reported[3].contains("8040001111"),
            "{reported:#?}"
        );
        assert_eq!(reported.len(), 4);
        assert!(
            hint.contains(
                "`lookup` of `[grants]` and `voices` of `[grants]` and `transfer` of `[grants]`"
            ),
            "{hint}"
        );
    }

    #[test]
    fn an_action_that_the_operator_does_not_define_is_reported_with_its_line() {
        let rule = ActionRule {
            calls: 3,
            ..ActionRule::default()
        };
        let allowed = Allowance {
            actions: Some(BTreeMap::from([("send-link".to_owned(), rule.clone())])),
            ..Allowance::default()
        };
        let manifest = admit(&allowed, "[grants]\nactions = ['send-link']\n").unwrap();
        assert_eq!(
            manifest.actions,
            BTreeMap::from([("send-link".to_owned(), rule)])
        );
        let text = "[grants]\nactions = [\n  'send-link',\n  'send-lnk',\n]\n";
        let NotAllowed { reason, hint, line } = admit(&allowed, text).unwrap_err();
        assert_eq!(line, Some(4));
        assert_eq!(
            reason,
            "line 4: `actions` has `send-lnk`, which the operator does not define"
        );
        assert!(hint.contains("`[actions.NAME]` in ghanti.toml"), "{hint}");
        assert!(admit(&Allowance::everything(), text).is_ok());
        assert!(admit(&Allowance::default(), text).is_err());
    }

    #[test]
    fn an_action_that_may_be_missing_is_granted_with_or_without_the_operators_definition() {
        let rule = ActionRule {
            calls: 3,
            ..ActionRule::default()
        };
        let text = "[grants]\nactions = ['sort?']\n";
        let defined = Allowance {
            actions: Some(BTreeMap::from([("sort".to_owned(), rule.clone())])),
            ..Allowance::default()
        };
        for (allowance, rule) in [
            (defined, rule),
            (Allowance::default(), ActionRule::default()),
        ] {
            let manifest = admit(&allowance, text).unwrap();
            assert_eq!(
                manifest.actions,
                BTreeMap::from([("sort".to_owned(), rule)])
            );
        }
    }

    #[test]
    fn without_a_word_from_the_operator_no_look_up_and_no_voice_is_granted() {
        let text = "[grants]\nlookup = [\"*\"]\nvoices = [\"ravi\"]\ntransfer = { legal = \"08040001111\" }\n[limits]\nmemory = \"64MiB\"\n";
        let NotAllowed { reason, hint, .. } = admit(&Allowance::default(), text).unwrap_err();
        let reported: Vec<_> = reason.lines().collect();
        assert!(
            reported[0].starts_with("line 2: `lookup` has `*`")
                && reported[1].starts_with("line 3: `voices` has `ravi`"),
            "{reported:#?}"
        );
        assert_eq!(reported.len(), 2);
        assert!(hint.contains("let the operator allow it by `lookup` of `[grants]` and `voices` of `[grants]` in ghanti.toml"), "{hint}");
        assert!(admit(&Allowance::everything(), text).is_ok());
        assert!(
            admit(
                &Allowance::default(),
                "[grants]\nlookup = []\nvoices = []\n"
            )
            .is_ok()
        );
    }
}
