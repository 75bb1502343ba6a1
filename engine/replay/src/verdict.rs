//! Differences in readable form: both sides in words, and where their arguments first differ.

use ghanti_host::RunEnd;
use ghanti_journal::Side;
use ghanti_journal::redact::{
    called, differing, error_kind, first_difference, function_name as name,
};
use ghanti_model::{Content, DifferenceKind, Function, JournalEntry, Language, Prompt};
use serde_json::Value as Json;

use crate::difference::Difference;
use crate::words::Words;

/// A difference in readable form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DifferenceText {
    /// The kind of the difference.
    pub kind: DifferenceKind,
    /// The recorded entry's number, from 1.
    pub seq: u32,
    /// What differs, without personal data, such as `say emi-details`.
    pub subject: String,
    /// What the record contains.
    pub expected: String,
    /// What the version does.
    pub got: String,
    /// The path at which the arguments first differ, with both values.
    pub at: Option<String>,
    /// Whether the replay stopped here, before the end of the record, so that later entries were
    /// not compared.
    pub breaks_off: bool,
    /// Both sides without personal data, for logs.
    pub masked: Sides,
}

/// Both sides of a difference, without personal data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sides {
    /// What the record contains.
    pub expected: String,
    /// What the version does.
    pub got: String,
}

impl DifferenceText {
    pub(crate) fn of(
        difference: &Difference,
        words: &Words<'_>,
        recorded: &[JournalEntry],
    ) -> Self {
        let language = language_at(recorded, difference.seq);
        let show = |side: &Option<Side>, none: &str, is_record: bool| {
            side.as_ref().map_or_else(
                || none.to_owned(),
                |side| shown(side, words, language.as_ref(), is_record),
            )
        };
        let expected = show(&difference.expected, "the record ends here", true);
        let mut got = show(&difference.got, "the flow has ended", false);
        let mut at = None;
        if let Some(rule) = &difference.rule {
            got.clone_from(rule);
        } else if let (Some(was), Some(is)) = (&difference.expected, &difference.got)
            && was.function == is.function
        {
            at = place_of_difference(&was.arguments, &is.arguments);
        }
        let subject = difference
            .expected
            .as_ref()
            .or(difference.got.as_ref())
            .map_or_else(String::new, subject);
        let (kind, seq, masked) = (difference.kind, difference.seq, Sides::of(difference));
        Self {
            kind,
            seq,
            subject,
            expected,
            got,
            at,
            breaks_off: difference.got.is_none(),
            masked,
        }
    }

    /// A failure of the flow as a difference, for a record whose flow did not fail. `None` if the
    /// run did not end with a failure.
    pub(crate) fn of_failure(end: &RunEnd, seq: u32) -> Option<Self> {
        let got = match end {
            RunEnd::Failed(error) => format!("`run` returned an error: {error}"),
            RunEnd::Trapped { reason, stack } => {
                format!(
                    "the flow trapped: {reason}; in {}",
                    stack
                        .iter()
                        .take(5)
                        .cloned()
                        .collect::<Vec<_>>()
                        .join(" < ")
                )
            }
            RunEnd::LimitExceeded { what } => what.to_string(),
            RunEnd::Returned | RunEnd::CallEnded | RunEnd::Diverged(_) => return None,
        };
        let (subject, expected) = (
            "the flow fails".to_owned(),
            "the flow ends by itself".to_owned(),
        );
        let masked = Sides {
            expected: expected.clone(),
            got: match end {
                RunEnd::Failed(error) => format!("`run` returned an error: {}", error_kind(error)),
                RunEnd::Trapped { reason, .. } => format!("the flow trapped: {reason}"),
                _ => got.clone(),
            },
        };
        Some(Self {
            kind: DifferenceKind::Decisions,
            seq,
            subject,
            expected,
            got,
            at: None,
            breaks_off: true,
            masked,
        })
    }
}

impl Sides {
    fn of(difference: &Difference) -> Self {
        let show = |side: &Option<Side>, none: &str| {
            side.as_ref().map_or_else(
                || none.to_owned(),
                |side| format!("`{}`", called(side.function, &side.arguments)),
            )
        };
        let expected = show(&difference.expected, "the record's end");
        let got = match (&difference.rule, &difference.expected, &difference.got) {
            // the rule would name the key of the lookup, which may be a phone number
            (Some(_), _, Some(got)) if got.function == Function::Lookup => {
                "a look-up that the manifest judges otherwise".to_owned()
            }
            (Some(rule), ..) => rule.clone(),
            (None, Some(was), Some(is)) if was.function == is.function => {
                match differing(was, is) {
                    Some(place) => {
                        format!("{}, which differs at {place}", show(&difference.got, ""))
                    }
                    None => show(&difference.got, ""),
                }
            }
            (None, _, got) => show(got, "the flow's end"),
        };
        Self { expected, got }
    }
}

fn subject(side: &Side) -> String {
    let function = name(side.function);
    let text = |pointer: &str| {
        side.arguments
            .pointer(pointer)
            .and_then(Json::as_str)
            .map(str::to_owned)
    };
    let what = match side.function {
        Function::Say => text("/content/value/name").or_else(|| text("/content/kind")),
        Function::Ask | Function::Collect => text("/name"),
        Function::Transfer | Function::Outcome | Function::Note | Function::Invoke => text("/0"),
        Function::Establish | Function::Milestone | Function::Get | Function::SetLanguage => {
            text("")
        }
        _ => None,
    };
    what.map_or_else(|| function.clone(), |what| format!("{function} {what}"))
}

/// A side in words; those of the record as they were spoken, where that is known.
fn shown(side: &Side, words: &Words<'_>, language: Option<&Language>, is_record: bool) -> String {
    let prompt = |json: Option<&Json>| {
        json.and_then(|json| serde_json::from_value::<Prompt>(json.clone()).ok())
    };
    let spoken = match side.function {
        Function::Say => prompt(Some(&side.arguments)),
        Function::Ask | Function::Collect => prompt(side.arguments.get("prompt")),
        _ => None,
    };
    match spoken {
        Some(Prompt {
            content,
            language: own,
            ..
        }) => {
            let language = own.as_ref().or(language);
            let spoken = words.spoken(&content, language).filter(|_| is_record);
            if let Some(spoken) = spoken {
                return format!("{}: “{spoken}”", subject(side));
            }
            // this version has no such template to render
            let content = match content {
                Content::Template(template)
                    if words
                        .version
                        .description
                        .templates
                        .iter()
                        .all(|used| used.name != template.name) =>
                {
                    return subject(side);
                }
                content => content,
            };
            format!("{}: “{}”", subject(side), words.of(&content, language))
        }
        None if side.arguments.is_null() => name(side.function),
        None => format!("{} {}", name(side.function), side.arguments),
    }
}

/// The language in effect at an entry: the last one that the flow set, or `None`.
pub(crate) fn language_at(entries: &[JournalEntry], seq: u32) -> Option<Language> {
    let set = entries
        .iter()
        .take_while(|entry| entry.seq <= seq)
        .filter(|entry| entry.function == Function::SetLanguage);
    let set = set
        .filter(|entry| entry.answer.get("ok").is_some())
        .last()?;
    serde_json::from_value(set.arguments.clone()).ok()
}

/// Where two values first differ, with both of them.
fn place_of_difference(expected: &Json, got: &Json) -> Option<String> {
    let item = |n: usize, _: &Json, _: &Json| n.to_string();
    let (path, expected, got) = first_difference("", expected, got, &item)?;
    let path = path.trim_start_matches('.');
    Some(if path.is_empty() {
        format!("{expected}, now {got}")
    } else {
        format!("{path}: {expected}, now {got}")
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_place_of_a_difference_is_reported_with_both_values() {
        let expected = json!({ "a": [1, { "minor": 5 }], "b": "x" });
        let reported = |got| place_of_difference(&expected, &got);
        assert_eq!(
            reported(json!({ "a": [1, { "minor": 7 }], "b": "x" })).as_deref(),
            Some("a[1].minor: 5, now 7")
        );
        assert_eq!(
            reported(json!({ "a": [1], "b": "x" })).as_deref(),
            Some("a[1]: {\"minor\":5}, now null")
        );
        assert_eq!(reported(expected.clone()), None);
        assert_eq!(
            place_of_difference(&json!("a"), &json!("b")).as_deref(),
            Some("\"a\", now \"b\"")
        );
    }
}
