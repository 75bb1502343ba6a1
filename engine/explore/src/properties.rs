//! The properties of a manifest against one path.
//!
//! "Before" is what the caller gets: a template counts as said when it is queued for what has to be
//! established, and when it is played for what has to be heard, which only playing to the end is.

use std::collections::BTreeSet;

use ghanti_host::{Event, RunEnd};
use ghanti_manifest::{Fact, Manifest, Moment, Order};
use ghanti_model::{CallError, Decision, Extent};

/// What properties need to know of a path that the caller did not leave.
#[derive(Debug, Clone, Copy)]
pub struct Course<'p> {
    /// What happened.
    pub events: &'p [Event],
    /// How the run ended; `None` where it does not end within bounds.
    pub end: Option<&'p RunEnd>,
    /// How long the call takes, in milliseconds, with speech.
    pub ms: u64,
}

/// A property that a path breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Its line in the manifest, if it has one of its own.
    pub line: Option<usize>,
    /// The property.
    pub property: String,
    /// What happens instead.
    pub reason: String,
}

/// The properties that a path breaks.
pub fn broken(manifest: &Manifest, course: &Course<'_>) -> Vec<Broken> {
    let properties = &manifest.properties;
    let mut broken: Vec<_> = properties
        .orders
        .iter()
        .filter_map(|order| {
            Some(Broken {
                line: Some(order.line),
                property: order.to_string(),
                reason: out_of_order(manifest, order, course)?,
            })
        })
        .collect();
    if properties.every_path_ends
        && let Some(reason) = unended(course)
    {
        broken.push(Broken {
            line: None,
            property: "every path ends, with an outcome".to_owned(),
            reason,
        });
    }
    if let Some(longest_ms) = properties.longest_call_ms
        && course.ms > longest_ms
    {
        broken.push(Broken {
            line: None,
            property: format!("no call takes longer than {} s", longest_ms / 1_000),
            reason: format!("it takes {} s", course.ms.div_ceil(1_000)),
        });
    }
    broken
}

fn unended(course: &Course<'_>) -> Option<String> {
    match course.end {
        None => Some("it does not end within the bounds".to_owned()),
        Some(RunEnd::Returned | RunEnd::CallEnded) => {
            let has_outcome = course
                .events
                .iter()
                .any(|event| matches!(event, Event::Outcome(_)));
            (!has_outcome).then(|| "it ends without an outcome".to_owned())
        }
        Some(_) => Some("the flow fails".to_owned()),
    }
}

/// What holds at a point of a path.
#[derive(Default)]
struct Sofar {
    established: BTreeSet<String>,
    heard: BTreeSet<String>,
}

impl Sofar {
    fn holds(&self, fact: &Fact) -> bool {
        match fact {
            Fact::Established(name) => self.established.contains(name),
            Fact::Heard(template) => self.heard.contains(template),
        }
    }
}

/// What happens before its fact, if something does.
fn out_of_order(manifest: &Manifest, order: &Order, course: &Course<'_>) -> Option<String> {
    let Order { fact, moment, .. } = order;
    let is_marked = matches!(fact, Fact::Heard(_));
    let early = || format!("{moment} although not {fact}");
    let mut sofar = Sofar::default();
    let mut said: Vec<&str> = Vec::new();
    let mut played = BTreeSet::new();
    // the prompts of the question that is meant
    let mut asking = BTreeSet::new();
    let mut decision = None;
    for event in course.events {
        match event {
            Event::Said { prompt, .. } => {
                said.push(prompt.template());
                let is_meant = matches!(moment, Moment::Say(name) if name == prompt.template());
                if is_meant && !is_marked && !sofar.holds(fact) {
                    return Some(early());
                }
            }
            Event::Asked(asking_now) => {
                if matches!(moment, Moment::Ask(name) if *name == asking_now.name) {
                    if is_marked {
                        asking.insert(said.len().saturating_sub(1));
                    } else if !sofar.holds(fact) {
                        return Some(early());
                    }
                }
            }
            Event::Played { said: at, heard } => {
                played.insert(*at);
                let template = said.get(*at).copied().unwrap_or_default();
                let is_meant = asking.contains(at)
                    || (*heard != Extent::Unheard
                        && matches!(moment, Moment::Say(name) if name == template));
                if is_meant && is_marked && !sofar.holds(fact) {
                    return Some(early());
                }
                if *heard == Extent::Whole {
                    sofar.heard.insert(template.to_owned());
                }
            }
            Event::Established(name) => {
                sofar.established.insert(name.clone());
            }
            Event::Decided(decided) => decision = Some(decided),
            _ => {}
        }
    }
    match course.end {
        Some(RunEnd::Failed(CallError::Refused(refusal))) => {
            let is_subject = match moment {
                Moment::Say(template) => refusal.subject == *template,
                Moment::Ask(question) => {
                    let asked = manifest.questions.get(question);
                    let opening = asked.map(|asked| asked.opening(question));
                    refusal.subject == *question || Some(refusal.subject.as_str()) == opening
                }
                Moment::Transfer(_) => false,
            };
            (is_subject && refusal.missing.contains(&fact.name())).then(|| {
                format!(
                    "{}; the engine refuses it, and the call fails there",
                    early()
                )
            })
        }
        Some(RunEnd::Returned) => {
            // what is still queued is heard to its end
            let rest = said.iter().enumerate();
            let rest = rest.filter(|(at, _)| !played.contains(at));
            let rest: Vec<_> = rest.map(|(_, template)| (*template).to_owned()).collect();
            for template in rest {
                if is_marked
                    && matches!(moment, Moment::Say(name) if *name == template)
                    && !sofar.holds(fact)
                {
                    return Some(early());
                }
                sofar.heard.insert(template);
            }
            let is_meant = match (moment, decision) {
                (Moment::Transfer(wanted), Some(Decision::Transfer { target, .. })) => {
                    wanted.as_ref().is_none_or(|wanted| wanted == target)
                }
                _ => false,
            };
            (is_meant && !sofar.holds(fact)).then(early)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use ghanti_host::Asking;
    use ghanti_model::{Content, Language, Prompt, Refusal, Template};

    use super::*;

    const MANIFEST: &str = "[questions.transfer]\nprompt = 'transfer-question'\nchoices = ['yes']\n[properties]\nnever = [{ say = 'emi', before = 'identity' }, { say = 'offer', before = 'heard:disclosure' }]\n\
        always = [{ heard = 'disclosure', before = ['ask:transfer', 'transfer'] }]\nevery-path-ends = true\nlongest-call = '60s'\n";

    fn said(template: &str) -> Event {
        Event::Said {
            prompt: Prompt {
                content: Content::Template(Template {
                    name: template.to_owned(),
                    arguments: Vec::new(),
                }),
                language: None,
                voice: None,
                interruptible: None,
            },
            language: Language::english(),
        }
    }

    fn asked(name: &str) -> Event {
        Event::Asked(Box::new(Asking {
            name: name.to_owned(),
            choices: Vec::new(),
            sides: Vec::new(),
            grammar: None,
            understand: None,
            keys: None,
            no_input: 0,
            no_match: 0,
        }))
    }

    fn played(said: usize, heard: Extent) -> Event {
        Event::Played { said, heard }
    }

    fn outcome() -> Event {
        Event::Outcome("done".to_owned())
    }

    fn transferred() -> Event {
        Event::Decided(Decision::Transfer {
            target: "default".to_owned(),
            numbers: Vec::new(),
            words: None,
        })
    }

    fn reported(events: &[Event], end: Option<&RunEnd>, ms: u64) -> Vec<String> {
        let manifest = Manifest::parse(MANIFEST).unwrap();
        let course = Course { events, end, ms };
        broken(&manifest, &course)
            .into_iter()
            .map(|broken| format!("{}: {}", broken.property, broken.reason))
            .collect()
    }

    fn returned(events: &[Event]) -> Vec<String> {
        reported(events, Some(&RunEnd::Returned), 1_000)
    }

    #[test]
    fn what_is_said_before_it_may_be_is_found() {
        let established = Event::Established("identity".to_owned());
        assert_eq!(
            returned(&[established.clone(), said("emi"), outcome()]),
            Vec::<String>::new()
        );
        assert_eq!(
            returned(&[said("emi"), established, outcome()]),
            [
                "never `emi` is said before `identity` is established: `emi` is said although not `identity` is established"
            ]
        );
    }

    #[test]
    fn only_what_was_played_to_its_end_was_heard() {
        for (heard, is_broken) in [
            (Extent::Whole, false),
            (Extent::Partial, true),
            (Extent::Unheard, true),
        ] {
            let events = [
                said("disclosure"),
                said("transfer-question"),
                asked("transfer"),
                played(0, heard),
                played(1, Extent::Whole),
                outcome(),
            ];
            assert_eq!(returned(&events).len(), usize::from(is_broken), "{heard:?}");
        }
        // an offer that nobody heard was not made
        let unheard = [said("offer"), played(0, Extent::Unheard), outcome()];
        assert_eq!(returned(&unheard), Vec::<String>::new());
        let queued = [said("offer"), outcome()];
        assert_eq!(returned(&queued).len(), 1);
        let both = [said("disclosure"), said("offer"), outcome()];
        assert_eq!(returned(&both), Vec::<String>::new());
    }

    #[test]
    fn a_transfer_comes_after_all_that_is_queued() {
        assert_eq!(
            returned(&[transferred(), said("disclosure"), outcome()]),
            Vec::<String>::new()
        );
        assert_eq!(
            returned(&[transferred(), outcome()]),
            [
                "always `disclosure` was heard before a transfer: a transfer although not `disclosure` was heard"
            ]
        );
        let withdrawn = [transferred(), Event::Decided(Decision::HangUp), outcome()];
        assert_eq!(returned(&withdrawn), Vec::<String>::new());
    }

    #[test]
    fn what_the_engine_refuses_is_found_where_the_call_fails_of_it() {
        let refused = RunEnd::Failed(CallError::Refused(Refusal {
            subject: "emi".to_owned(),
            missing: vec!["identity".to_owned()],
            reason: String::new(),
        }));
        let reported = reported(&[outcome()], Some(&refused), 1_000);
        assert_eq!(reported.len(), 2, "{reported:?}");
        assert!(
            reported[0].contains("the engine refuses it"),
            "{reported:?}"
        );
    }

    #[test]
    fn a_path_ends_with_an_outcome_and_in_time() {
        assert_eq!(
            returned(&[]),
            ["every path ends, with an outcome: it ends without an outcome"]
        );
        assert_eq!(
            reported(&[outcome()], None, 61_000),
            [
                "every path ends, with an outcome: it does not end within the bounds",
                "no call takes longer than 60 s: it takes 61 s"
            ]
        );
    }
}
