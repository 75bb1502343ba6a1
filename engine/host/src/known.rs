//! What a call has settled so far, as it follows from the answers of its host calls: the same in a
//! live call, in a replay and after a handover.

use std::collections::BTreeSet;

use ghanti_model::{Function, Language};
use serde_json::Value as Json;

/// The state that host calls leave behind for those that follow.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// What the flow has established.
    pub(crate) established: BTreeSet<String>,
    /// The names of the values that the flow has noted.
    pub(crate) notes: BTreeSet<String>,
    /// The language that the flow has set.
    pub(crate) language: Option<Language>,
}

impl Known {
    /// Whether [`apply`](Self::apply) changes anything for a function.
    pub(crate) fn depends_on(function: Function) -> bool {
        matches!(
            function,
            Function::SetLanguage | Function::Establish | Function::Note
        )
    }

    /// Applies a host call that succeeded. The arguments are those of its journal entry.
    pub(crate) fn apply(&mut self, function: Function, arguments: &Json) {
        match function {
            Function::SetLanguage => {
                let language = arguments.as_str().map(Language::parse);
                self.language = language.and_then(Result::ok).or(self.language.take());
            }
            Function::Establish => self
                .established
                .extend(arguments.as_str().map(str::to_owned)),
            // the entry has the name and the value
            Function::Note => self
                .notes
                .extend(arguments.get(0).and_then(Json::as_str).map(str::to_owned)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_follows_from_a_call_is_read_from_its_arguments() {
        let mut known = Known::default();
        known.apply(Function::SetLanguage, &json!("hi-IN"));
        known.apply(Function::Establish, &json!("identity"));
        known.apply(Function::Note, &json!(["promise-date", "2026-12-05"]));
        known.apply(Function::Say, &json!("identity-2"));
        assert_eq!(known.language, Language::parse("hi-IN").ok());
        assert_eq!(known.established, BTreeSet::from(["identity".to_owned()]));
        assert_eq!(known.notes, BTreeSet::from(["promise-date".to_owned()]));
    }
}
