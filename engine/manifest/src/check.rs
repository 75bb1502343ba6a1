//! Errors in a manifest that can be found once the flow's description is known.
//!
//! A rule for something that does not exist has no effect, a requirement that cannot be met would
//! refuse every call, and an unspeakable text would only be found during a call: a version with any
//! of these must not load.

use std::collections::BTreeSet;

use ghanti_model::prompt::TEXT_BYTES_MAX;
use ghanti_model::{Description, TemplateUse};

use crate::question::{Expects, ValueGrammar};
use crate::said::Said;
use crate::spelling::did_you_mean;
use crate::{Fact, FailureWords, HEARD, Manifest, ManifestError, Moment};

/// The errors found so far.
struct Wrong<'t> {
    said: Said<'t>,
    errors: Vec<ManifestError>,
}

impl Wrong<'_> {
    fn push(&mut self, keys: &[&str], item: Option<usize>, message: String) {
        // an error without a place concerns the file as a whole
        let error = ManifestError::at(self.said.0, keys, item, message);
        self.errors.push(error);
    }
}

impl Manifest {
    /// Checks the manifest against the flow's description; `text` is the file.
    pub fn check(&self, description: &Description, text: &str) -> Vec<ManifestError> {
        let mut wrong = Wrong {
            said: Said(text),
            errors: Vec::new(),
        };
        self.check_templates(description, &mut wrong);
        self.check_requirements(description, &mut wrong);
        self.check_circles(&mut wrong);
        self.check_questions(description, &mut wrong);
        self.check_trap_words(description, &mut wrong);
        self.check_lengths(description, &mut wrong);
        self.check_dropped(&mut wrong);
        self.check_properties(description, &mut wrong);
        wrong.errors.sort_by_key(|error| error.line);
        wrong.errors
    }

    fn check_templates(&self, description: &Description, wrong: &mut Wrong<'_>) {
        for name in self.prompts.keys().filter(|name| !description.uses(name)) {
            let hint = did_you_mean(name, templates(description));
            wrong.push(
                &["prompts", name],
                None,
                format!("`[prompts] {name}` is no template of the flow's prompt files: fix the name, or write it{hint}"),
            );
        }
    }

    /// Every requirement, with its keys and its index in the list.
    pub(crate) fn requirements(&self) -> impl Iterator<Item = ([&str; 3], usize, &str)> {
        let by_prompt = self
            .prompts
            .iter()
            .map(|(name, rule)| ("prompts", name, &rule.requires));
        let by_question = self
            .questions
            .iter()
            .map(|(name, rule)| ("questions", name, &rule.requires));
        by_prompt
            .chain(by_question)
            .flat_map(|(section, name, requires)| {
                requires.iter().enumerate().map(move |(at, required)| {
                    ([section, name.as_str(), "requires"], at, required.as_str())
                })
            })
    }

    fn check_requirements(&self, description: &Description, wrong: &mut Wrong<'_>) {
        for (keys, at, required) in self.requirements() {
            if let Some(template) = required.strip_prefix(HEARD) {
                if !description.uses(template) {
                    let hint = did_you_mean(template, templates(description));
                    wrong.push(
                        &keys,
                        Some(at),
                        format!("`requires` has `{required}`, but the flow has no such template: it could never be heard{hint}"),
                    );
                }
            } else if let Some(establishes) = &self.establishes
                && !establishes
                    .iter()
                    .any(|established| established == required)
            {
                let hint = did_you_mean(required, establishes.iter().map(String::as_str));
                wrong.push(&keys, Some(at), format!("`requires` has `{required}`, which `[flow] establishes` does not have, so that nothing would ever meet it: fix the name, or add it there{hint}"));
            }
        }
    }

    /// Finds templates that require each other, or themselves, to have been heard before.
    fn check_circles(&self, wrong: &mut Wrong<'_>) {
        let heard = |name: &str| {
            let requires = self
                .prompts
                .get(name)
                .map(|rule| rule.requires.as_slice())
                .unwrap_or_default();
            requires
                .iter()
                .filter_map(|required| required.strip_prefix(HEARD))
                .collect::<Vec<_>>()
        };
        let mut waiting: BTreeSet<&str> = self.prompts.keys().map(String::as_str).collect();
        loop {
            let speakable = waiting
                .iter()
                .find(|name| !heard(name).iter().any(|before| waiting.contains(before)))
                .copied();
            let Some(name) = speakable else { break };
            waiting.remove(name);
        }
        for name in &waiting {
            let before = heard(name)
                .into_iter()
                .filter(|before| waiting.contains(before))
                .collect::<Vec<_>>()
                .join("`, `");
            wrong.push(
                &["prompts", name, "requires"],
                None,
                format!(
                    "`{name}` may be spoken only after `{before}` was heard, and the other way round: take one of the requirements away"
                ),
            );
        }
    }

    /// Finds questions that an action is to understand which the flow is not granted.
    fn check_understanding(&self, wrong: &mut Wrong<'_>) {
        for (question, asked) in &self.questions {
            let Some(action) = &asked.understand else {
                continue;
            };
            let granted = &self.grants.actions;
            if !granted.iter().any(|granted| granted.name == *action) {
                let hint = did_you_mean(action, granted.iter().map(|granted| &*granted.name));
                wrong.push(
                    &["questions", question, "understand"],
                    None,
                    format!("`understand` of the question `{question}` names the action `{action}`, which is not in `[grants] actions`: fix the name, or add it there{hint}"),
                );
            }
        }
    }

    /// Finds templates in questions that no call could speak.
    fn check_questions(&self, description: &Description, wrong: &mut Wrong<'_>) {
        for (question, asked) in &self.questions {
            for (keys, item, template) in asked.places(question) {
                if description.uses(template) {
                    continue;
                }
                let hint = did_you_mean(template, templates(description));
                let message = if asked.prompt.is_none() && keys == ["prompt"] {
                    format!(
                        "the question `{question}` has no `prompt`, and there is no template `{question}` in the flow's prompt files: write that, or name another one{hint}"
                    )
                } else {
                    format!(
                        "`{}` of the question `{question}` names `{template}`, which is no template of the flow's prompt files: fix the name, or write it{hint}",
                        keys.join(".")
                    )
                };
                let path: Vec<&str> = ["questions", question].into_iter().chain(keys).collect();
                // a prompt that is not named has no line of its own
                let path = if wrong.said.line(&path, item).is_some() {
                    path
                } else {
                    vec!["questions", question]
                };
                wrong.push(&path, item, message);
            }
        }
        for (question, asked) in &self.questions {
            let Expects::Value(ValueGrammar {
                confirm: Some(template),
                ..
            }) = &asked.expects
            else {
                continue;
            };
            let has_value = description
                .template(template)
                .is_none_or(|used| used.arguments.iter().any(|(name, _)| name == "value"));
            if !has_value {
                wrong.push(
                    &["questions", question, "confirm"],
                    None,
                    format!("`confirm` of the question `{question}` names `{template}`, which does not say `$value`, so that nobody could confirm it: use the variable there"),
                );
            }
        }
        self.check_understanding(wrong);
        if let Some(template) = &self.language_changed {
            if self
                .prompts
                .get(template)
                .is_some_and(|rule| !rule.requires.is_empty())
            {
                wrong.push(
                    &["flow", "language-changed"],
                    None,
                    format!("`language-changed` names `{template}`, which `[prompts]` lets be spoken only later, so that an answer in another language could be refused: take one without `requires`"),
                );
            }
            let message = match description.template(template) {
                Some(used) if used.arguments.is_empty() => return,
                Some(_) => format!(
                    "`language-changed` names `{template}`, which has variables without a value: take one without variables"
                ),
                None => format!(
                    "`language-changed` names `{template}`, which is no template of the flow's prompt files{}",
                    did_you_mean(template, templates(description))
                ),
            };
            wrong.push(&["flow", "language-changed"], None, message);
        }
    }

    /// The fallback prompt after a failure is spoken without arguments and without checking
    /// requirements, so its template must have neither.
    fn check_trap_words(&self, description: &Description, wrong: &mut Wrong<'_>) {
        let keys = ["on-failure", "say"];
        let name = match &self.on_failure.say {
            Some(FailureWords::Template(name)) => name,
            Some(FailureWords::Text(words)) if words.len() > TEXT_BYTES_MAX => {
                return wrong.push(
                    &keys,
                    None,
                    format!("`[on-failure] say` has {} bytes, and a prompt at most {TEXT_BYTES_MAX}: shorten it", words.len()),
                );
            }
            _ => return,
        };
        let Some(used) = description.templates.iter().find(|used| used.name == *name) else {
            let hint = did_you_mean(name, templates(description));
            return wrong.push(
                &keys,
                None,
                format!("`[on-failure] say` names the template `{name}`, which is no template of the flow's prompt files: fix the name, or write it{hint}"),
            );
        };
        if !used.arguments.is_empty() {
            wrong.push(
                &keys,
                None,
                format!(
                    "`[on-failure] say` names the template `{name}`, which has arguments, for which there is no value after a failure: take one without arguments"
                ),
            );
        }
        if self
            .prompts
            .get(name)
            .is_some_and(|rule| !rule.requires.is_empty())
        {
            wrong.push(&keys, None, format!("`[on-failure] say` names the template `{name}`, which has requirements that a failure does not wait for: take one that everybody may hear"));
        }
    }

    /// Finds texts that cannot be spoken within the limits.
    fn check_lengths(&self, description: &Description, wrong: &mut Wrong<'_>) {
        for used in &description.templates {
            let bytes = used.name.len()
                + used
                    .arguments
                    .iter()
                    .map(|(name, _)| name.len())
                    .sum::<usize>();
            if u64::try_from(bytes).is_ok_and(|bytes| bytes > self.limits.text_bytes) {
                wrong.push(
                    &["limits", "text-bytes"],
                    None,
                    format!(
                        "`text-bytes` is {}, and the names alone of `{}` and its arguments have {bytes} bytes: raise it",
                        self.limits.text_bytes, used.name
                    ),
                );
            }
        }
        for (name, value) in self
            .settings
            .iter()
            .filter(|(_, value)| value.len() > TEXT_BYTES_MAX)
        {
            wrong.push(
                &["settings", name],
                None,
                format!("`{name}` has {} bytes, and no prompt takes a text of more than {TEXT_BYTES_MAX}: shorten it", value.len()),
            );
        }
    }

    /// Finds dropped rules that the manifest still sets: such a line would let the rule disappear
    /// unnoticed later.
    fn check_dropped(&self, wrong: &mut Wrong<'_>) {
        let rules = self.rules();
        for (at, name) in self
            .update
            .drops_rules
            .iter()
            .enumerate()
            .filter(|(_, name)| rules.contains(*name))
        {
            wrong.push(
                &["update", "drops-rules"],
                Some(at),
                format!("`drops-rules` has `{name}`, which this manifest sets: take it out of one of them"),
            );
        }
    }
}

impl Manifest {
    /// Finds properties of what does not exist: they would hold whatever the flow does.
    fn check_properties(&self, description: &Description, wrong: &mut Wrong<'_>) {
        for order in &self.properties.orders {
            let template = |name: &str| {
                let is_there = description.uses(name);
                let hint = || did_you_mean(name, templates(description));
                (!is_there).then(|| {
                    format!(
                        "`{name}`, which is no template of the flow's prompt files{}",
                        hint()
                    )
                })
            };
            let fact = match &order.fact {
                Fact::Heard(name) => template(name),
                Fact::Established(name) => {
                    let named = self.establishes.as_ref();
                    let unknown = named.filter(|names| !names.contains(name));
                    unknown.map(|names| {
                        let hint = did_you_mean(name, names.iter().map(String::as_str));
                        format!("`{name}`, which `[flow] establishes` does not have{hint}")
                    })
                }
            };
            let moment = match &order.moment {
                Moment::Say(name) => template(name),
                Moment::Ask(name) => (!self.questions.contains_key(name)).then(|| {
                    let hint = did_you_mean(name, self.questions.keys().map(String::as_str));
                    format!("`{name}`, which is no question of the manifest{hint}")
                }),
                Moment::Transfer(None) => None,
                Moment::Transfer(Some(name)) => {
                    let granted = self.grants.transfer.as_ref();
                    let is_granted = granted.is_some_and(|targets| targets.contains_key(name));
                    (!is_granted)
                        .then(|| format!("`{name}`, which `[grants] transfer` does not have"))
                }
            };
            for reason in [moment, fact].into_iter().flatten() {
                wrong.errors.push(ManifestError {
                    line: order.line,
                    column: 1,
                    message: format!("a property names {reason}: fix the name"),
                });
            }
        }
    }
}

fn templates(description: &Description) -> impl Iterator<Item = &str> {
    description
        .templates
        .iter()
        .map(|TemplateUse { name, .. }| name.as_str())
}

#[cfg(test)]
mod tests {
    use ghanti_model::Language;
    use ghanti_model::description::Kind;

    use super::*;

    /// All errors of a manifest for a flow with these templates, one line each.
    fn wrong(text: &str) -> String {
        let template = |name: &str, arguments: &[&str]| TemplateUse {
            name: name.to_owned(),
            arguments: arguments
                .iter()
                .map(|name| ((*name).to_owned(), Kind::Text))
                .collect(),
        };
        let templates = vec![
            template("greeting", &["name"]),
            template("emi-details", &["amount"]),
            template("disclosure", &[]),
            template("sorry", &[]),
        ];
        let description = Description {
            described: ghanti_model::Described {
                name: "t".to_owned(),
                version: "1".to_owned(),
            },
            languages: vec![Language::english()],
            templates,
        };
        let errors = Manifest::parse(text).unwrap().check(&description, text);
        errors
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n")
    }

    const FLOW: &str = "[flow]\nestablishes = [\"identity\"]\n\n";

    #[test]
    fn a_manifest_that_names_what_there_is_is_taken() {
        let text = "[prompts]\nemi-details = { requires = [\"identity\"] }\ndisclosure = { requires = [\"heard:emi-details\"] }\n\
                    [questions]\ntransfer = { prompt = \"sorry\", requires = [\"heard:disclosure\"] }\n[on-failure]\nsay = { template = \"sorry\" }\n";
        assert_eq!(wrong(&format!("{FLOW}{text}")), "");
        assert_eq!(wrong(text), "");
    }

    #[test]
    fn a_misspelt_name_is_reported_with_its_line_and_the_name_that_was_meant() {
        for (text, words) in [
            (
                "[prompts]\nemi-detials = { milestone = \"emi-delivered\" }\n",
                "line 5: `[prompts] emi-detials` is no template of the flow's prompt files: fix the name, or write it; did you mean `emi-details`?",
            ),
            (
                "[prompts]\nemi-details = { requires = [\n\"identity\",\n\"identitty\"] }\n",
                "line 7: `requires` has `identitty`, which `[flow] establishes` does not have, so that nothing would ever meet it: fix the name, or add it there; did you mean `identity`?",
            ),
            (
                "[prompts]\nemi-details = { requires = [\"identit\"] }\n",
                "; did you mean `identity`?",
            ),
            (
                "[prompts]\nemi-details = { requires = [\"consent\"] }\n",
                "line 5: `requires` has `consent`, which",
            ),
            (
                "[questions]\ndisclosur = { requires = [\"identity\"] }\n",
                "line 5: the question `disclosur` has no `prompt`, and there is no template `disclosur` in the flow's prompt files: write that, or name another one; did you mean `disclosure`?",
            ),
            (
                "[questions]\nidentity = { prompt = \"greeting\",\nno-match = [\"sorry\", \"sory\"] }\n",
                "line 6: `no-match` of the question `identity` names `sory`, which is no template of the flow's prompt files: fix the name, or write it; did you mean `sorry`?",
            ),
            (
                "[questions.identity]\nprompt = \"greeting\"\nside-answers = { who = { say = \"who-we-are\" } }\n",
                "line 6: `side-answers.who.say` of the question `identity` names `who-we-are`",
            ),
            (
                "[questions]\nsorry = { requires = [\"identtiy\"] }\n",
                "`requires` has `identtiy`",
            ),
            (
                "[questions]\nsorry = { requires = [\"heard:disclosur\"] }\n",
                "line 5: `requires` has `heard:disclosur`, but the flow has no such template: it could never be heard; did you mean `disclosure`?",
            ),
            (
                "[on-failure]\nsay = { template = \"sory\" }\n",
                "; did you mean `sorry`?",
            ),
        ] {
            let reported = wrong(&format!("{FLOW}{text}"));
            assert!(
                reported.contains(words) && reported.lines().count() == 1,
                "{reported}"
            );
        }
    }

    #[test]
    fn what_could_never_be_spoken_is_reported() {
        for (text, words) in [
            (
                "[prompts]\ndisclosure = { requires = [\"heard:disclosure\"] }\n",
                "line 2: `disclosure` may be spoken only after `disclosure` was heard",
            ),
            (
                "[prompts]\nsorry = { requires = [\"heard:disclosure\"] }\ndisclosure = { requires = [\"heard:emi-details\"] }\n\
                 emi-details = { requires = [\"heard:disclosure\"] }\n",
                "line 3: `disclosure` may be spoken only after `emi-details` was heard, and the other way round",
            ),
            (
                "[limits]\ntext-bytes = 16\n",
                "line 2: `text-bytes` is 16, and the names alone of `emi-details` and its arguments have 17 bytes",
            ),
            (
                "[on-failure]\nsay = { template = \"greeting\" }\n",
                "has arguments, for which there is no value",
            ),
            (
                "[prompts]\nsorry = { requires = [\"identity\"] }\n[on-failure]\nsay = { template = \"sorry\" }\n",
                "line 4: `[on-failure] say` names the template `sorry`, which has requirements",
            ),
        ] {
            assert!(wrong(text).contains(words), "{}", wrong(text));
        }
        let long = "x".repeat(4_097);
        assert!(
            wrong(&format!("[settings]\nlender = \"{long}\"\n"))
                .starts_with("line 2: `lender` has 4097 bytes")
        );
        assert!(
            wrong(&format!("[on-failure]\nsay = \"{long}\"\n"))
                .starts_with("line 2: `[on-failure] say` has 4097 bytes")
        );
    }

    #[test]
    fn a_rule_is_not_set_and_dropped_at_once() {
        let text = "[update]\ndrops-rules = [\"prompts.disclosure.interruptible\"]\n[prompts]\ndisclosure = { interruptible = false }\n";
        assert!(wrong(text).starts_with(
            "line 2: `drops-rules` has `prompts.disclosure.interruptible`, which this manifest sets"
        ));
        assert_eq!(
            wrong(&text.replace("interruptible = false", "interruptible = true")),
            ""
        );
    }
}
