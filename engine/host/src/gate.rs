//! The gate: enforces the lender's rules on what may be spoken and when, transfer targets, look-ups
//! and actions.
//!
//! The rules come from the manifest and hold whatever the flow does: what is refused here never
//! reaches the [`Conversation`]. What has been heard is known from the conversation's marks and
//! cannot be claimed by a flow.

use std::collections::{BTreeMap, BTreeSet};

use ghanti_language::template::markup::tag;
use ghanti_manifest::patterns::{is_engines_own, matches};
use ghanti_manifest::{ActionRule, HEARD, Manifest};
use ghanti_model::description::{Description, Kind};
use ghanti_model::{CallError, Content, Decision, Language, Prompt, Refusal, Template};

use crate::conversation::Conversation;
use crate::convert::{Checked, shown};

/// The rules of one version: manifest, templates with their arguments, languages and audio files.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    pub(crate) manifest: Manifest,
    templates: BTreeMap<String, BTreeMap<String, Kind>>,
    languages: Vec<Language>,
    audio: BTreeSet<String>,
}

impl Rules {
    pub(crate) fn new(
        manifest: Manifest,
        description: &Description,
        languages: Vec<Language>,
        audio: BTreeSet<String>,
    ) -> Self {
        let templates = description
            .templates
            .iter()
            .map(|used| (used.name.clone(), used.arguments.iter().cloned().collect()))
            .collect();
        Self {
            manifest,
            templates,
            languages,
            audio,
        }
    }

    pub(crate) fn check_language(&self, language: &Language) -> Result<(), CallError> {
        if self.languages.contains(language) {
            return Ok(());
        }
        let known = self
            .languages
            .iter()
            .map(Language::as_str)
            .collect::<Vec<_>>()
            .join(", ");
        Err(CallError::Invalid(format!(
            "the flow has no prompts in `{language}`, only in {known}: add `prompts/{language}.ftl`"
        )))
    }

    /// Whether a template takes an argument of this name.
    pub(crate) fn takes(&self, template: &str, argument: &str) -> bool {
        self.templates
            .get(template)
            .is_some_and(|wanted| wanted.contains_key(argument))
    }

    /// The names of a template's arguments.
    pub(crate) fn arguments_of(&self, template: &str) -> impl Iterator<Item = &str> {
        self.templates
            .get(template)
            .into_iter()
            .flat_map(BTreeMap::keys)
            .map(String::as_str)
    }

    /// The language in which the conversation goes on after an answer in that language, where the
    /// manifest lets it follow the caller, and the template that says so.
    pub(crate) fn follows<'r>(
        &'r self,
        heard: Option<&Language>,
    ) -> Option<(&'r Language, &'r str)> {
        let template = self.manifest.language_changed.as_deref()?;
        let language = self.languages.iter().find(|known| Some(*known) == heard)?;
        Some((language, template))
    }

    /// Checks everything about a prompt that does not depend on the state of the call, and resolves
    /// whether it may be interrupted.
    pub(crate) fn admit(&self, mut prompt: Prompt) -> Result<Prompt, CallError> {
        if let Some(language) = &prompt.language {
            self.check_language(language)?;
        }
        if let Some(voice) = prompt.voice.as_deref().filter(|voice| {
            !self
                .manifest
                .grants
                .voices
                .iter()
                .any(|granted| granted == voice)
        }) {
            return Err(not_granted(voice, "voice", "voices"));
        }
        let rule = match &prompt.content {
            Content::Template(template) => {
                self.check_template(template).map_err(CallError::Invalid)?;
                self.manifest.prompts.get(&template.name)
            }
            Content::Text(_) if !self.manifest.texts => {
                let reason = "the manifest forbids plain texts (`[prompts] texts = false`): say it by a template".to_owned();
                return Err(CallError::Refused(Refusal {
                    subject: "text".to_owned(),
                    missing: Vec::new(),
                    reason,
                }));
            }
            Content::Text(text) => {
                check_text(text.expose()).map_err(CallError::Invalid)?;
                None
            }
            Content::Audio(name) if !self.audio.contains(name) => {
                return Err(CallError::Invalid(format!(
                    "the flow has no audio file `{0}`: add `audio/{0}.wav`",
                    shown(name)
                )));
            }
            Content::Audio(_) => None,
        };
        // a flow cannot allow barge-in where the manifest forbids it, but it can forbid it where
        // the manifest allows it
        prompt.interruptible = match rule.and_then(|rule| rule.interruptible) {
            Some(false) => Some(false),
            ruled => Some(prompt.interruptible.or(ruled).unwrap_or(true)),
        };
        Ok(prompt)
    }

    pub(crate) fn check_template(&self, template: &Template) -> Checked<()> {
        let name = shown(&template.name);
        let Some(wanted) = self.templates.get(&template.name) else {
            return Err(format!(
                "`{name}` is no template of the flow's prompt files: add it to each of them"
            ));
        };
        if let Some(missing) = wanted.keys().find(|wanted| {
            template
                .arguments
                .iter()
                .all(|given| given.name != **wanted)
        }) {
            return Err(format!(
                "the template `{name}` lacks its argument `{missing}`: give it"
            ));
        }
        for (at, given) in template.arguments.iter().enumerate() {
            let argument = shown(&given.name);
            if template
                .arguments
                .iter()
                .skip(at + 1)
                .any(|later| later.name == given.name)
            {
                return Err(format!(
                    "the template `{name}` is given `{argument}` twice: give it once"
                ));
            }
            match wanted.get(&given.name) {
                Some(kind) if kind.as_str() != given.value.kind() => {
                    return Err(format!(
                        "the argument `{argument}` of `{name}` is {}: give it as {kind}",
                        given.value.kind()
                    ));
                }
                Some(_) | None => {}
            }
        }
        Ok(())
    }

    /// Everything that the question and these prompts require to be established.
    fn requirements<'a>(
        &'a self,
        question: Option<&str>,
        prompts: impl IntoIterator<Item = &'a Prompt>,
    ) -> BTreeSet<&'a str> {
        let by_question = question
            .and_then(|name| self.manifest.questions.get(name))
            .into_iter()
            .flat_map(|rule| &rule.requires);
        let by_prompt = prompts
            .into_iter()
            .filter_map(|prompt| self.manifest.prompts.get(prompt.template()))
            .flat_map(|rule| &rule.requires);
        by_question.chain(by_prompt).map(String::as_str).collect()
    }

    /// Resolves a transfer target to a decision, or refuses it.
    pub(crate) fn transfer(&self, target: Option<String>) -> Result<Decision, CallError> {
        let target = target.unwrap_or_else(|| "default".to_owned());
        match self
            .manifest
            .grants
            .transfer
            .as_ref()
            .and_then(|targets| targets.get(&target))
        {
            Some(numbers) if numbers.is_empty() => Err(CallError::Refused(Refusal {
                reason: format!(
                    "the transfer target has no number: let the operator set `numbers` of `[transfer.{}]`",
                    shown(&target)
                ),
                subject: shown(&target),
                missing: Vec::new(),
            })),
            Some(numbers) => Ok(Decision::Transfer {
                target,
                numbers: numbers.clone(),
                words: None,
            }),
            None => Err(not_granted(&target, "transfer target", "transfer")),
        }
    }

    /// The rule of an action, or its refusal.
    pub(crate) fn action(&self, name: &str) -> Result<ActionRule, CallError> {
        let rule = self.manifest.actions.get(name).cloned();
        rule.ok_or_else(|| not_granted(name, "action", "actions"))
    }

    pub(crate) fn check_lookup(&self, key: &str) -> Result<(), CallError> {
        if is_engines_own(key) {
            let (subject, reason) = (
                shown(key),
                "the engine's own records are granted to no flow: read the customer's by `field`"
                    .to_owned(),
            );
            return Err(CallError::Refused(Refusal {
                subject,
                missing: Vec::new(),
                reason,
            }));
        }
        let granted = self
            .manifest
            .grants
            .lookup
            .iter()
            .any(|pattern| matches(pattern, key));
        if granted {
            Ok(())
        } else {
            Err(not_granted(key, "look-up key", "lookup"))
        }
    }
}

/// A text that code makes, which no check of prompt files has seen.
fn check_text(text: &str) -> Checked<()> {
    if text.trim().is_empty() {
        return Err(
            "the text has no words: say some, or leave the prompt out where there is nothing to say"
                .to_owned(),
        );
    }
    let Some(tag) = tag(text) else { return Ok(()) };
    // what stands in it besides its name may be a customer's
    let name = tag.split([' ', '\t', '\n']).next().unwrap_or(tag);
    let name = shown(name.trim_end_matches('>'));
    Err(format!(
        "the text has `{name}>`, which is markup and would be spoken as it stands: take it out; commas and full stops make pauses, and a template's variables say how values are spoken"
    ))
}

fn not_granted(subject: &str, what: &str, grant: &str) -> CallError {
    let subject = shown(subject);
    let reason = format!(
        "the {what} `{subject}` is not granted: add it to `[grants] {grant}` of the manifest"
    );
    CallError::Refused(Refusal {
        subject,
        missing: Vec::new(),
        reason,
    })
}

/// Checks the requirements of these prompts. If there are any, first waits until everything queued
/// has been played.
pub(crate) async fn pass(
    rules: &Rules,
    established: &BTreeSet<String>,
    conversation: &mut dyn Conversation,
    question: Option<&str>,
    prompts: &[&Prompt],
) -> Result<(), CallError> {
    let requires = rules.requirements(question, prompts.iter().copied());
    if requires.is_empty() {
        return Ok(());
    }
    conversation.await_playout().await?;
    let holds = |required: &str| match required.strip_prefix(HEARD) {
        Some(template) => conversation.heard_whole(template),
        None => established.contains(required),
    };
    let missing: Vec<String> = requires
        .into_iter()
        .filter(|required| !holds(required))
        .map(str::to_owned)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let first = prompts.first().map_or("", |prompt| prompt.template());
    let subject = shown(question.filter(|_| first.is_empty()).unwrap_or(first));
    let reason = format!(
        "`{subject}` may be spoken only after {}: establish it first, or change the manifest",
        missing.join(" and ")
    );
    Err(CallError::Refused(Refusal {
        subject,
        missing,
        reason,
    }))
}

#[cfg(test)]
mod tests {
    use ghanti_model::{Argument, Money, TemplateUse, Value};

    use super::*;

    fn rules(manifest: &str) -> Rules {
        let arguments = vec![("amount".to_owned(), Kind::Money)];
        let description = Description {
            described: ghanti_model::Described {
                name: "t".to_owned(),
                version: "1".to_owned(),
            },
            languages: vec![Language::english()],
            templates: vec![TemplateUse {
                name: "emi".to_owned(),
                arguments,
            }],
        };
        let audio = BTreeSet::from(["chime".to_owned()]);
        Rules::new(
            Manifest::parse(manifest).unwrap(),
            &description,
            vec![Language::english()],
            audio,
        )
    }

    fn prompt(content: Content) -> Prompt {
        Prompt {
            content,
            language: None,
            voice: None,
            interruptible: None,
        }
    }

    fn emi(arguments: Vec<Argument>) -> Prompt {
        prompt(Content::Template(Template {
            name: "emi".to_owned(),
            arguments,
        }))
    }

    fn amount() -> Argument {
        Argument {
            name: "amount".to_owned(),
            value: Value::Money(Money {
                minor: 100,
                currency: "INR".to_owned(),
            }),
        }
    }

    #[test]
    fn the_engines_own_records_are_granted_to_no_flow_whatever_the_patterns_say() {
        for pattern in ["*", "g*", "*:*", "ghan*:customer:*", "*customer*"] {
            let rules = rules(&format!("[grants]\nlookup = [\"{pattern}\"]"));
            for key in [
                "ghanti:customer:019b",
                "ghanti:phone:+919876543210",
                "GHANTI:customer:x",
                " ghanti:sid:a",
                "gha\tnti:customer:1",
                "\0ghanti:decision:a",
            ] {
                assert!(
                    matches!(rules.check_lookup(key), Err(CallError::Refused(_))),
                    "{pattern} {key}"
                );
            }
        }
        let all = rules("[grants]\nlookup = [\"*\"]");
        assert!(
            ["loan:42", "ghanti", "crm:ghanti:1", "g"]
                .iter()
                .all(|key| all.check_lookup(key).is_ok())
        );
    }

    #[test]
    fn a_manifest_that_forbids_interrupting_cannot_be_overruled() {
        let strict = rules("[prompts]\nemi = { interruptible = false }");
        let asked = Prompt {
            interruptible: Some(true),
            ..emi(vec![amount()])
        };
        assert_eq!(strict.admit(asked).unwrap().interruptible, Some(false));
        let lax = rules("[prompts]\nemi = { interruptible = true }");
        let asked = Prompt {
            interruptible: Some(false),
            ..emi(vec![amount()])
        };
        assert_eq!(lax.admit(asked).unwrap().interruptible, Some(false));
        assert_eq!(
            lax.admit(emi(vec![amount()])).unwrap().interruptible,
            Some(true)
        );
    }

    #[test]
    fn templates_take_the_arguments_that_their_comments_declare() {
        let rules = rules("");
        let text = Argument {
            name: "amount".to_owned(),
            value: Value::Text("x".into()),
        };
        for (arguments, word) in [
            (vec![], "lacks its argument `amount`"),
            (vec![text], "give it as money"),
            (vec![amount(), amount()], "twice"),
        ] {
            let CallError::Invalid(sentence) = rules.admit(emi(arguments)).unwrap_err() else {
                panic!("not invalid")
            };
            assert!(sentence.contains(word), "{sentence}");
        }
        assert!(
            rules
                .admit(prompt(Content::Audio("chime".to_owned())))
                .is_ok()
        );
        assert!(matches!(
            rules.admit(prompt(Content::Audio("gong".to_owned()))),
            Err(CallError::Invalid(_))
        ));
    }

    #[test]
    fn plain_texts_can_be_forbidden() {
        let text = || prompt(Content::Text("your loan".into()));
        assert!(rules("").admit(text()).is_ok());
        assert!(matches!(
            rules("[prompts]\ntexts = false").admit(text()),
            Err(CallError::Refused(_))
        ));
    }

    #[test]
    fn a_text_of_code_that_is_empty_or_has_markup_is_not_spoken() {
        for (text, words) in [
            ("", "has no words"),
            (" \n ", "has no words"),
            ("<speak>Hello Ravi</speak>", "`<speak>`, which is markup"),
            (
                "Wait <break time=\"1s\"/> please",
                "`<break>`, which is markup",
            ),
        ] {
            let CallError::Invalid(sentence) = rules("")
                .admit(prompt(Content::Text(text.into())))
                .unwrap_err()
            else {
                panic!("`{text}` is spoken")
            };
            assert!(sentence.contains(words), "{sentence}");
            assert!(!sentence.contains("Ravi"), "{sentence}");
        }
        for text in ["less than 5 < 6", "I <3 you"] {
            assert!(rules("").admit(prompt(Content::Text(text.into()))).is_ok());
        }
    }

    #[test]
    fn transfers_and_voices_are_granted_by_name() {
        let rules =
            rules("[grants]\ntransfer = { default = [\"9876543210\"] }\nvoices = [\"asha\"]");
        assert!(
            matches!(rules.transfer(None), Ok(Decision::Transfer { numbers, .. }) if numbers.len() == 1)
        );
        let nobody = self::rules("[grants]\ntransfer = [\"legal\"]");
        assert!(
            matches!(nobody.transfer(Some("legal".to_owned())), Err(CallError::Refused(refusal)) if refusal.reason.contains("[transfer.legal]"))
        );
        assert!(
            matches!(rules.transfer(Some("sales".to_owned())), Err(CallError::Refused(refusal)) if refusal.subject == "sales")
        );
        let voice = |name: &str| Prompt {
            voice: Some(name.to_owned()),
            ..emi(vec![amount()])
        };
        assert!(rules.admit(voice("asha")).is_ok());
        assert!(matches!(
            rules.admit(voice("ravi")),
            Err(CallError::Refused(_))
        ));
    }
}
