//! What an exploration finds, and what it never reached.

use ghanti_host::Event;
use ghanti_manifest::FailureWords;

use super::explorer::{Explorer, Node};
use super::steps::{answer_count, answers_in_words};
use super::{Finding, Severity};

/// Maximum number of findings of one kind; further ones are only counted.
const FINDINGS_MAX: usize = 8;

impl Explorer<'_> {
    pub(super) fn find(
        &mut self,
        node: &Node,
        events: &[Event],
        severity: Severity,
        message: &str,
    ) {
        self.add(node, events, severity, None, message);
    }

    /// Adds a finding, or counts it where the same was found before, on a path that is not longer.
    pub(super) fn add(
        &mut self,
        node: &Node,
        events: &[Event],
        severity: Severity,
        line: Option<usize>,
        message: &str,
    ) {
        let same = self
            .found
            .findings
            .iter_mut()
            .find(|finding| finding.message == message && finding.line == line);
        if let Some(same) = same {
            same.count += 1;
            if answer_count(events) < answer_count(&same.events) {
                same.path = Some(answers_in_words(events));
                same.events = events.to_vec();
                same.situation = node.situation;
            }
            return;
        }
        self.found.findings.push(Finding {
            severity,
            line,
            message: message.to_owned(),
            path: Some(answers_in_words(events)),
            count: 1,
            events: events.to_vec(),
            situation: node.situation,
        });
    }

    /// What was never reached, and the order of all findings.
    pub(super) fn conclude(&mut self) {
        self.found.paths.sort_by_key(|path| path.situation);
        let manifest = self.version.manifest();
        let after_failure = match &manifest.on_failure.say {
            Some(FailureWords::Template(name)) => Some(name.as_str()),
            _ => None,
        };
        let within = if self.found.is_whole() {
            ""
        } else {
            " on the paths explored"
        };
        let templates = self.version.description.templates.iter();
        let unsaid = templates.filter(|used| {
            !self.said.contains(&used.name)
                && Some(used.name.as_str()) != after_failure
                && !self.version.prompts.is_part(&used.name)
        });
        let unsaid = unsaid.map(|used| used.name.as_str());
        let unasked = manifest
            .questions
            .keys()
            .filter(|name| !self.found.observed.asked.contains(*name));
        let never = [
            listed(unsaid).map(|names| format!("never said{within}: {names}")),
            listed(unasked.map(String::as_str)).map(|names| {
                format!("never asked{within}, so that none of their choices is reached: {names}")
            }),
        ];
        let never = never.into_iter().flatten();
        let never = never.map(|message| Finding {
            severity: Severity::Warning,
            line: None,
            message,
            path: None,
            count: 0,
            events: Vec::new(),
            situation: 0,
        });
        self.found.findings.extend(never);
        for name in &self.straight {
            self.found.limits.push(format!(
                "the question `{name}` branches at its first {} times in a call, and then gets the same answer again",
                self.bounds.asked
            ));
        }
        self.found
            .findings
            .sort_by_key(|finding| (finding.severity, finding.line.is_none()));
        for severity in [Severity::Error, Severity::Warning] {
            let of_kind = |finding: &Finding| finding.severity == severity && finding.count > 0;
            let all = self
                .found
                .findings
                .iter()
                .filter(|finding| of_kind(finding));
            let more = all.count().saturating_sub(FINDINGS_MAX);
            if more > 0 {
                let mut kept = 0;
                self.found.findings.retain(|finding| {
                    kept += usize::from(of_kind(finding));
                    !of_kind(finding) || kept <= FINDINGS_MAX || finding.line.is_some()
                });
                self.found.limits.push(format!(
                    "{more} more findings of the same kind are not shown"
                ));
            }
        }
    }
}

/// Names in a row, if there are any.
fn listed<'n>(names: impl Iterator<Item = &'n str>) -> Option<String> {
    let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
    (!names.is_empty()).then(|| names.join(", "))
}
