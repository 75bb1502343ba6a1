//! The events of a path, as steps.

use ghanti_host::Event;
use ghanti_model::Content;

use crate::transcript::acted;

/// Whether a conversation begins as the one that it continues.
pub(super) fn goes_on_from(before: &[Event], events: &[Event]) -> bool {
    events
        .get(..before.len())
        .is_some_and(|begin| begin == before)
}

/// How many answers there are.
pub(super) fn answer_count(events: &[Event]) -> usize {
    let answered = |event: &&Event| matches!(event, Event::Answered { .. });
    events.iter().filter(answered).count()
}

/// What was answered on a path, in words.
pub(super) fn answers_in_words(events: &[Event]) -> String {
    let reported: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Answered { question, act, .. } => Some(format!("{question}: {}", acted(act))),
            Event::Invoked { name, answer, .. } => Some(match answer {
                Ok(_) => format!("{name}: answers"),
                Err(_) => format!("{name}: fails"),
            }),
            Event::HungUp => Some("the caller hangs up".to_owned()),
            _ => None,
        })
        .collect();
    if reported.is_empty() {
        "from the beginning, without an answer".to_owned()
    } else {
        reported.join(" → ")
    }
}

/// What a path has in common with the same path of another customer.
pub(crate) fn shape(events: &[Event]) -> Vec<String> {
    events
        .iter()
        .filter_map(|event| {
            Some(match event {
                Event::Said { prompt, .. } => match &prompt.content {
                    Content::Template(template) => format!("say {}", template.name),
                    Content::Audio(name) => format!("play {name}"),
                    Content::Text(text) => format!("text {}", text.expose()),
                },
                Event::Answered { question, act, .. } => format!("{question} {}", acted(act)),
                Event::Established(name) => format!("establish {name}"),
                Event::Decided(decision) => format!("decide {decision:?}"),
                Event::Outcome(outcome) => format!("outcome {outcome}"),
                Event::Invoked { name, answer, .. } => {
                    format!("invoke {name} {}", answer.is_ok())
                }
                _ => return None,
            })
        })
        .collect()
}
