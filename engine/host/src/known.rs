//! The state of a call so far, as it follows from the answers of its host calls: the same in a live
//! call, in a replay and after a handover.

use std::collections::{BTreeMap, BTreeSet};

use ghanti_model::{Function, Language};
use serde_json::Value as Json;

/// The state that host calls leave behind for those that follow.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// What the flow has established.
    pub(crate) established: BTreeSet<String>,
    /// The names of the values that the flow has noted.
    pub(crate) notes: BTreeSet<String>,
    /// The milestones that the flow has recorded.
    pub(crate) milestones: BTreeSet<String>,
    /// The language that the flow has set.
    pub(crate) language: Option<Language>,
    /// How often the flow has invoked each action that it is granted.
    invoked: BTreeMap<String, u32>,
    /// How often each was asked what an answer means.
    understanding: BTreeMap<String, u32>,
}

/// A change of [`Known`] by a host call.
pub(crate) enum Change {
    Language(Language),
    Established(String),
    Noted(String),
    Reached(String),
}

impl Change {
    /// What a host call changes if it succeeds. The arguments are those of its journal entry.
    pub(crate) fn of(function: Function, arguments: &Json) -> Option<Self> {
        let text = |json: &Json| json.as_str().map(str::to_owned);
        match function {
            Function::SetLanguage => {
                let language = Language::parse(arguments.as_str()?);
                language.ok().map(Self::Language)
            }
            Function::Establish => text(arguments).map(Self::Established),
            Function::Milestone => text(arguments).map(Self::Reached),
            // the entry has the name and the value
            Function::Note => text(arguments.get(0)?).map(Self::Noted),
            _ => None,
        }
    }
}

impl Known {
    /// Counts an invocation of an action. Returns which one of this action it is, and which one of
    /// all, each from 1.
    pub(crate) fn invoked(&mut self, action: &str) -> (u32, u32) {
        count(&mut self.invoked, action)
    }

    /// Counts a question to an action what an answer means. It has a number of its own among all that
    /// actions are asked, from the other end: a recorded answer is not understood again, and the
    /// numbers of the flow's invocations have to be the same when the call is resumed.
    pub(crate) fn understanding(&mut self, action: &str) -> (u32, u32) {
        let (times, all) = count(&mut self.understanding, action);
        (times, u32::MAX - all)
    }

    /// Applies a change.
    pub(crate) fn apply(&mut self, change: Change) {
        match change {
            Change::Language(language) => self.language = Some(language),
            Change::Established(name) => drop(self.established.insert(name)),
            Change::Noted(name) => drop(self.notes.insert(name)),
            Change::Reached(name) => drop(self.milestones.insert(name)),
        }
    }
}

/// Counts one more of a name. Returns how many there are of it, and of all.
fn count(counted: &mut BTreeMap<String, u32>, name: &str) -> (u32, u32) {
    let times = counted.entry(name.to_owned()).or_default();
    *times = times.saturating_add(1);
    let times = *times;
    let all = counted
        .values()
        .fold(0_u32, |all, times| all.saturating_add(*times));
    (times, all)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn invocations_are_counted_by_action_and_in_all() {
        let mut known = Known::default();
        let counted = ["a", "b", "a"].map(|action| known.invoked(action));
        assert_eq!(counted, [(1, 1), (1, 2), (2, 3)]);
    }

    #[test]
    fn what_is_asked_about_answers_leaves_the_numbers_of_invocations_as_they_are() {
        let mut known = Known::default();
        assert_eq!(known.understanding("a"), (1, u32::MAX - 1));
        assert_eq!(known.understanding("a"), (2, u32::MAX - 2));
        assert_eq!(known.invoked("a"), (1, 1));
    }

    #[test]
    fn what_follows_from_a_call_is_read_from_its_arguments() {
        let mut known = Known::default();
        for (function, arguments) in [
            (Function::SetLanguage, json!("hi-IN")),
            (Function::Establish, json!("identity")),
            (Function::Note, json!(["promise-date", "2026-12-05"])),
            (Function::Say, json!("identity-2")),
        ] {
            if let Some(change) = Change::of(function, &arguments) {
                known.apply(change);
            }
        }
        assert_eq!(known.language, Language::parse("hi-IN").ok());
        assert_eq!(known.established, BTreeSet::from(["identity".to_owned()]));
        assert_eq!(known.notes, BTreeSet::from(["promise-date".to_owned()]));
    }
}
