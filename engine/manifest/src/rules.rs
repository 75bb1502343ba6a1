//! The rules that a manifest sets, as a set of names, so that a version with fewer rules is not
//! accepted by mistake.
//!
//! A manifest that was only half copied is often valid, with fewer rules, and looks the same as one
//! whose author removed a rule. So a removed rule must be named in `[update] drops-rules`. A limit
//! counts as a rule if the manifest lowers it: changing its value is deliberate, a missing line may
//! not be.

use std::collections::BTreeSet;

use crate::{Limits, Manifest, Order};

/// Prefixes of rule names.
const SECTIONS: [&str; 4] = ["prompts.", "questions.", "limits.", "properties."];

impl Manifest {
    /// The rules that it sets.
    pub fn rules(&self) -> BTreeSet<String> {
        let mut rules = self.speaking_rules();
        let limits = self
            .lowered_limits()
            .into_iter()
            .filter(|name| self.limits_given.contains(*name));
        rules.extend(limits.map(|name| format!("limits.{name}")));
        rules
    }

    /// The rules among `before` that this manifest neither sets nor drops explicitly.
    pub fn lost_rules(&self, before: &BTreeSet<String>) -> Vec<String> {
        let mut kept = self.speaking_rules();
        kept.extend(
            self.limits_given
                .iter()
                .map(|name| format!("limits.{name}")),
        );
        kept.extend(self.update.drops_rules.iter().cloned());
        before.difference(&kept).cloned().collect()
    }

    /// The rules for prompts and questions, and the properties.
    fn speaking_rules(&self) -> BTreeSet<String> {
        let mut rules = BTreeSet::new();
        if !self.texts {
            rules.insert("prompts.texts".to_owned());
        }
        for (template, rule) in &self.prompts {
            rules.extend(
                rule.requires
                    .iter()
                    .map(|required| format!("prompts.{template}.requires.{required}")),
            );
            if rule.interruptible == Some(false) {
                rules.insert(format!("prompts.{template}.interruptible"));
            }
        }
        for (question, rule) in &self.questions {
            rules.extend(
                rule.requires
                    .iter()
                    .map(|required| format!("questions.{question}.requires.{required}")),
            );
        }
        let properties = &self.properties;
        rules.extend(properties.orders.iter().map(Order::rule));
        let flags = [
            ("gate", properties.gate),
            ("every-path-ends", properties.every_path_ends),
            ("longest-call", properties.longest_call_ms.is_some()),
        ];
        let set = flags.into_iter().filter(|(_, is_set)| *is_set);
        rules.extend(set.map(|(name, _)| format!("properties.{name}")));
        rules
    }

    /// The limits that are lower than their defaults.
    fn lowered_limits(&self) -> Vec<&'static str> {
        let (own, usual) = (&self.limits, Limits::default());
        let each = [
            ("memory", own.memory_bytes < usual.memory_bytes),
            ("compute-ms", own.compute_ms < usual.compute_ms),
            ("call-minutes", own.call_minutes < usual.call_minutes),
            (
                "host-calls-per-second",
                own.host_calls_per_second < usual.host_calls_per_second,
            ),
            ("text-bytes", own.text_bytes < usual.text_bytes),
            ("log-lines", own.log_lines < usual.log_lines),
            ("journal-kib", own.journal_kib < usual.journal_kib),
        ];
        each.into_iter()
            .filter(|(_, is_lower)| *is_lower)
            .map(|(name, _)| name)
            .collect()
    }
}

/// Parses the name of a rule; the error is a hint.
pub(crate) fn named(text: &str) -> Result<String, String> {
    if SECTIONS.iter().any(|section| text.starts_with(section)) {
        return Ok(text.to_owned());
    }
    Err(
        "give the rule as the rejection names it, such as `prompts.emi-details.requires.identity`"
            .to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = "[limits]\ncall-minutes = 5\nmemory = \"64MiB\"\n[prompts]\ntexts = false\nemi = { requires = [\"identity\", \"consent\"] }\n\
                         disclosure = { interruptible = false }\n[questions]\ntransfer = { requires = [\"heard:disclosure\"] }\n";

    fn lost(text: &str) -> Vec<String> {
        Manifest::parse(text)
            .unwrap()
            .lost_rules(&Manifest::parse(RULES).unwrap().rules())
    }

    #[test]
    fn every_rule_that_goes_is_named_whatever_took_it_away() {
        assert_eq!(lost(RULES), Vec::<String>::new());
        let all = [
            "limits.call-minutes",
            "prompts.disclosure.interruptible",
            "prompts.emi.requires.consent",
            "prompts.emi.requires.identity",
            "prompts.texts",
            "questions.transfer.requires.heard:disclosure",
        ];
        assert_eq!(lost(""), all);
        assert_eq!(lost("[prompts]\ntexts = true\n"), all);
        // cut off after any line
        for lines in 1..RULES.lines().count() {
            let half: String = RULES
                .lines()
                .take(lines)
                .map(|line| format!("{line}\n"))
                .collect();
            assert!(!lost(&half).is_empty(), "{half}");
        }
        for (from, to, expected) in [
            (", \"consent\"", "", "prompts.emi.requires.consent"),
            (
                "interruptible = false",
                "interruptible = true",
                "prompts.disclosure.interruptible",
            ),
            (
                "[questions]\ntransfer",
                "[questions]\ntransfr",
                "questions.transfer.requires.heard:disclosure",
            ),
            (
                "emi = ",
                "emmi = ",
                "prompts.emi.requires.consent prompts.emi.requires.identity",
            ),
        ] {
            assert_eq!(lost(&RULES.replace(from, to)).join(" "), expected);
        }
    }

    #[test]
    fn a_limit_with_another_value_is_no_lost_rule_and_one_that_was_never_lower_is_none() {
        assert_eq!(
            lost(&RULES.replace("call-minutes = 5", "call-minutes = 10")),
            Vec::<String>::new()
        );
        assert_eq!(
            lost(&RULES.replace("memory = \"64MiB\"\n", "")),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_rule_that_is_named_as_dropped_may_go() {
        let dropped = RULES.replace(", \"consent\"", "")
            + "[update]\ndrops-rules = [\"prompts.emi.requires.consent\"]\n";
        assert_eq!(lost(&dropped), Vec::<String>::new());
        let error = Manifest::parse("[update]\ndrops-rules = [\"everything\"]\n").unwrap_err();
        assert!(
            error[0]
                .to_string()
                .starts_with("line 2: `drops-rules` has `everything`: give the rule as"),
            "{error:?}"
        );
    }
}
