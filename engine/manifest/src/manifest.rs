//! `flow.toml`: which calls a flow takes, its settings, grants and limits, and the rules for its
//! prompts.
//!
//! Parsing is pure and reports every error at once, each with its line. A flow without a manifest
//! has [`Manifest::default`].

use std::collections::{BTreeMap, BTreeSet};

use ghanti_model::{CallFacts, Direction, Language, Milestone, PhoneNumber};

use crate::action::{ActionRule, GrantedAction};
use crate::customer::CustomerSchema;
use crate::error::ManifestError;
use crate::limits::Limits;
use crate::properties::Properties;
use crate::question::Question;
use crate::reader::Reader;
use crate::samples::Samples;
use crate::update::{FailureBudget, ReplayGate, Update};

/// A flow's manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// `[flow] title`: a title for people to read.
    pub title: Option<String>,
    /// `[flow] languages`: the languages to offer, the default first; if empty, those of `describe`
    /// and of the prompt files.
    pub languages: Vec<Language>,
    /// `[flow] establishes`: everything the flow establishes (`call.establish`). If given, no other
    /// name may be required.
    pub establishes: Option<Vec<String>>,
    /// `[flow] language-changed`: the template that tells callers who answered in another language
    /// of the flow that it goes on in that language. Without it the language stays.
    pub language_changed: Option<String>,
    /// `[match]`: which calls it claims.
    pub takes: Takes,
    /// `[customer]`: what a customer's record must contain.
    pub customer: CustomerSchema,
    /// `[settings]`: the flow's own settings, as text.
    pub settings: BTreeMap<String, String>,
    /// `[samples]`: sample values for trying the flow out; after loading, only those in use.
    pub samples: Samples,
    /// `[grants]`.
    pub grants: Grants,
    /// The rules of the actions that are granted, by name; set by the operator's allowance.
    pub actions: BTreeMap<String, ActionRule>,
    /// `[limits]`.
    pub limits: Limits,
    /// The limits that the manifest sets; the others have their defaults.
    pub limits_given: BTreeSet<String>,
    /// `[on-failure]`.
    pub on_failure: OnFailure,
    /// `[update]`: how a new version is introduced.
    pub update: Update,
    /// `[replay] gate`: recorded calls that a new version must replay before it takes calls.
    pub replay_gate: Option<ReplayGate>,
    /// `[prompts] texts`: whether prompts may be plain texts, which no template's rule applies to.
    pub texts: bool,
    /// `[prompts]`: rules by template name.
    pub prompts: BTreeMap<String, PromptRule>,
    /// `[questions]`: everything the flow asks, by name.
    pub questions: BTreeMap<String, Question>,
    /// `[properties]`: what has to hold on every path.
    pub properties: Properties,
}

impl Default for Manifest {
    fn default() -> Self {
        Self {
            title: None,
            languages: Vec::new(),
            establishes: None,
            language_changed: None,
            takes: Takes::default(),
            customer: CustomerSchema::default(),
            settings: BTreeMap::new(),
            samples: Samples::default(),
            grants: Grants::default(),
            actions: BTreeMap::new(),
            limits: Limits::default(),
            limits_given: BTreeSet::new(),
            on_failure: OnFailure::default(),
            update: Update::default(),
            replay_gate: None,
            texts: true,
            prompts: BTreeMap::new(),
            questions: BTreeMap::new(),
            properties: Properties::default(),
        }
    }
}

/// `[match]`: conditions that a call must meet, all of them. A flow without conditions is chosen
/// only by name or for unclaimed calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Takes {
    /// The called line is one of these numbers.
    pub numbers: Vec<PhoneNumber>,
    /// The call's direction.
    pub direction: Option<Direction>,
    /// Each of these parameters has this value.
    pub parameters: BTreeMap<String, String>,
    /// The flow's share of calls among flows that match equally well. The default is 100; a flow of
    /// weight 0 takes only calls that name it.
    pub weight: u32,
}

impl Default for Takes {
    fn default() -> Self {
        Self {
            numbers: Vec::new(),
            direction: None,
            parameters: BTreeMap::new(),
            weight: 100,
        }
    }
}

impl Takes {
    /// Whether there are any conditions.
    pub fn has_conditions(&self) -> bool {
        self.conditions() > 0
    }

    /// The number of conditions.
    pub fn conditions(&self) -> usize {
        usize::from(!self.numbers.is_empty())
            + usize::from(self.direction.is_some())
            + self.parameters.len()
    }

    /// The number of conditions, if the call meets all of them and there is at least one.
    pub fn fit(&self, facts: &CallFacts) -> Option<usize> {
        let numbers = self.numbers.is_empty()
            || facts
                .line_number
                .as_ref()
                .is_some_and(|line| self.numbers.contains(line));
        let direction = self
            .direction
            .is_none_or(|direction| direction == facts.direction);
        let has = |name: &String, value: &String| {
            facts
                .parameters
                .iter()
                .any(|(key, given)| key == name && given == value)
        };
        let parameters = self.parameters.iter().all(|(name, value)| has(name, value));
        let conditions = self.conditions();
        (numbers && direction && parameters && conditions > 0).then_some(conditions)
    }
}

/// `[grants]`: what the flow may access beyond speech and its own customer's record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    /// Patterns of look-up keys; `*` stands for any characters.
    pub lookup: Vec<String>,
    /// Transfer targets by name. One without numbers has those that the operator gives. If `None`,
    /// the operator's `default` target.
    pub transfer: Option<BTreeMap<String, Vec<PhoneNumber>>>,
    /// Voices, by the provider's names.
    pub voices: Vec<String>,
    /// Actions, by the operator's names.
    pub actions: Vec<GrantedAction>,
}

/// `[on-failure]`: what the caller hears after the flow has failed, and what happens then.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OnFailure {
    /// The fallback prompt, or `None` for the engine's own.
    pub say: Option<FailureWords>,
    /// What happens after the fallback prompt.
    pub then: OnFailureThen,
    /// How many failures are tolerated before the previous version is restored; without a budget a
    /// version is rolled back only by hand.
    pub budget: Option<FailureBudget>,
}

/// The fallback prompt after a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FailureWords {
    /// `say = "…"`: a plain text in the flow's default language.
    Text(String),
    /// `say = { template = "…" }`: a template without arguments.
    Template(String),
}

/// What happens to the call after a failure.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnFailureThen {
    /// Hang up.
    #[default]
    Goodbye,
    /// Transfer to the `default` target.
    Transfer,
}

/// The rule for a template.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PromptRule {
    /// Whether the caller may interrupt it; `false` cannot be overruled by the flow.
    pub interruptible: Option<bool>,
    /// What must be established, or `heard:TEMPLATE`, before it may be spoken.
    pub requires: Vec<String>,
    /// The milestone that is reached once the prompt has been heard to its end.
    pub milestone: Option<Milestone>,
}

impl Manifest {
    /// Parses a manifest. On failure returns all errors, by line.
    pub fn parse(text: &str) -> Result<Self, Vec<ManifestError>> {
        Reader::document(text, Reader::manifest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_manifest_is_read() {
        let manifest = Manifest::parse(
            r#"
[flow]
title = "EMI reminder"
languages = ["en-IN", "hi"]

[match]
numbers = ["+91 80 4000 1234"]
direction = "outbound"
parameters = { campaign = "emi" }
weight = 10

[settings]
lender = "Asha Finance"
tries = 2
unclear-goodbye = true

[grants]
lookup = ["loan:*"]
transfer = { default = ["9876543210", "9876543211"], legal = "08040001111" }
voices = ["asha"]
actions = ["send-link", "sort-complaint?"]

[limits]
memory = "16MiB"
compute-ms = 100
call-minutes = 5
host-calls-per-second = 50
text-bytes = 2000
log-lines = 0
journal-kib = 512

[on-failure]
say = { template = "sorry" }
then = "transfer"

[prompts]
texts = false
emi-details = { requires = ["identity"] }
disclosure = { interruptible = false, requires = ["identity"], milestone = "emi-delivered" }

[questions.transfer]
requires = ["heard:disclosure"]
"#,
        )
        .unwrap();
        assert_eq!(
            manifest
                .languages
                .iter()
                .map(Language::as_str)
                .collect::<Vec<_>>(),
            ["en-IN", "hi-IN"]
        );
        assert_eq!(
            (manifest.takes.direction, manifest.takes.weight),
            (Some(Direction::Outbound), 10)
        );
        assert_eq!(
            manifest.settings.get("tries").map(String::as_str),
            Some("2")
        );
        assert_eq!(
            manifest.settings.get("unclear-goodbye").map(String::as_str),
            Some("true")
        );
        let transfer = manifest.grants.transfer.unwrap();
        assert_eq!((transfer["default"].len(), transfer["legal"].len()), (2, 1));
        let granted = |name: &str, is_optional| GrantedAction {
            name: name.to_owned(),
            is_optional,
        };
        assert_eq!(
            manifest.grants.actions,
            [granted("send-link", false), granted("sort-complaint", true)]
        );
        for name in ["Send it", "?", "a??", "?a"] {
            assert!(Manifest::parse(&format!("[grants]\nactions = ['{name}']\n")).is_err());
        }
        let limits = Limits {
            memory_bytes: 16 << 20,
            compute_ms: 100,
            call_minutes: 5,
            host_calls_per_second: 50,
            text_bytes: 2_000,
            log_lines: 0,
            journal_kib: 512,
        };
        assert_eq!(manifest.limits, limits);
        assert_eq!(
            manifest.on_failure,
            OnFailure {
                say: Some(FailureWords::Template("sorry".to_owned())),
                then: OnFailureThen::Transfer,
                budget: None
            }
        );
        assert!(!manifest.texts);
        assert_eq!(
            manifest.prompts["disclosure"],
            PromptRule {
                interruptible: Some(false),
                requires: vec!["identity".to_owned()],
                milestone: Some(Milestone::parse("emi-delivered").unwrap())
            }
        );
        assert_eq!(
            manifest.questions["transfer"].requires,
            ["heard:disclosure"]
        );
    }

    #[test]
    fn all_errors_are_listed_at_once_with_their_lines() {
        let errors = Manifest::parse(
            "[flow]\ntitel = \"x\"\nlanguages = [\"hindi language\"]\n[limits]\nmemory = \"1GiB\"\ncompute-ms = \"fast\"\ntext-bytes = 1\nlog-lines = -1\njournal-kib = 99999\n[grants]\ntransfer = { default = [\"agent\"] }\n\n[extra]\n[prompts]\nemi = { requires = [\"Identity\"] }\n[on-failure]\nthen = \"dance\"\n",
        )
        .unwrap_err();
        let reported = errors.iter().map(ToString::to_string).collect::<Vec<_>>();
        let expected = [
            (2, "unknown key `titel`"),
            (3, "is not a language tag"),
            (5, "at most 64 MiB"),
            (6, "`compute-ms` takes a whole number"),
            (7, "`text-bytes` takes a whole number from 16 to 262144"),
            (8, "`log-lines` takes"),
            (9, "`journal-kib` takes"),
            (11, "not a phone number"),
            (13, "unknown key `extra`"),
            (15, "`Identity`"),
            (17, "`dance`"),
        ];
        assert_eq!(reported.len(), expected.len(), "{reported:#?}");
        for (error, (line, words)) in errors.iter().zip(expected) {
            assert_eq!(error.line, line, "{reported:#?}");
            assert!(error.message.contains(words), "{error}");
        }
    }

    #[test]
    fn broken_toml_is_reported_with_its_line() {
        let errors = Manifest::parse("[flow]\ntitle = \n[limits\n").unwrap_err();
        assert_eq!(errors[0].line, 2, "{errors:?}");
    }
}
