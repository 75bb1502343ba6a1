//! The record of one call against a version that is loaded, for whoever looks at that call.

use std::collections::BTreeSet;
use std::sync::Arc;

use ghanti_host::{FlowVersion, Limit, RunEnd};
use ghanti_model::{CallRecord, Journal, JournalEntry, Zone};

use crate::calls::{Recorded, from_record};
use crate::error::ReplayError;
use crate::replayer::replayed;
use crate::report::Replayed;

/// Replays a call's record against a version. Local time is that of `zone`.
///
/// # Errors
///
/// The record has no journal, or it cannot be read, or not all of it is there; or the engine has no
/// room.
pub async fn of_record(
    record: CallRecord,
    version: &Arc<FlowVersion>,
    zone: &Zone,
) -> Result<Replayed, ReplayError> {
    let recorded = whole(record)?;
    let (replayed, end) = replayed(&recorded, version, zone, &BTreeSet::new()).await?;
    if lacks_room(&end) {
        return Err(ReplayError::NoRoom);
    }
    Ok(replayed)
}

/// A record whose journal has all of its entries, as far as it goes.
pub(crate) fn whole(record: CallRecord) -> Result<Recorded, ReplayError> {
    let recorded = from_record(record)?;
    match first_missing(&recorded.journal) {
        None => Ok(recorded),
        Some(seq) => Err(ReplayError::Incomplete {
            call: recorded.journal.header.call_id.to_string(),
            seq,
        }),
    }
}

/// The number of the first entry that is not there, or of which arguments and answer were erased: no
/// function has neither.
fn first_missing(journal: &Journal) -> Option<u32> {
    let is_erased = |entry: &JournalEntry| entry.arguments.is_null() && entry.answer.is_null();
    let mut numbered = (1..).zip(&journal.entries);
    let missing = numbered.find(|(seq, entry)| entry.seq != *seq || is_erased(entry));
    missing.map(|(seq, _)| seq)
}

/// Whether a run ended because the engine has no room for it beside its calls.
pub(crate) fn lacks_room(end: &RunEnd) -> bool {
    matches!(
        end,
        RunEnd::LimitExceeded {
            what: Limit::Calls | Limit::AllMemory
        }
    )
}

#[cfg(test)]
mod tests {
    use ghanti_model::journal::FORMAT;
    use ghanti_model::{CallId, FlowName, Function, JournalHeader, VersionId};
    use serde_json::{Value as Json, json};

    use super::*;

    fn record(entries: &[(u32, Json, Json)]) -> CallRecord {
        let call_id = CallId::generate();
        let entry = |(seq, arguments, answer): &(u32, Json, Json)| JournalEntry {
            seq: *seq,
            at_ms: 0,
            took_ms: 0,
            function: Function::Say,
            arguments: arguments.clone(),
            answer: answer.clone(),
        };
        CallRecord {
            journal: Some(Journal {
                header: JournalHeader {
                    format: FORMAT,
                    call_id,
                    flow: FlowName::parse("emi").unwrap(),
                    version: VersionId::parse("ab12").unwrap(),
                    seed: 1,
                    began_ms: None,
                },
                entries: entries.iter().map(entry).collect(),
            }),
            ..CallRecord::new(call_id, 0)
        }
    }

    #[test]
    fn a_journal_with_a_gap_or_an_erased_entry_is_not_replayed() {
        let there = |seq| (seq, json!("x"), json!({ "ok": 1 }));
        let missing = |entries: &[_]| match whole(record(entries)) {
            Ok(_) => None,
            Err(ReplayError::Incomplete { seq, .. }) => Some(seq),
            Err(error) => panic!("{error}"),
        };
        assert_eq!(missing(&[]), None);
        assert_eq!(missing(&[there(1), there(2)]), None);
        assert_eq!(missing(&[there(2)]), Some(1));
        assert_eq!(missing(&[there(1), there(3)]), Some(2));
        let erased = (2, Json::Null, Json::Null);
        assert_eq!(missing(&[there(1), erased, there(3)]), Some(2));
        let without = CallRecord {
            journal: None,
            ..record(&[])
        };
        assert!(matches!(whole(without), Err(ReplayError::NoJournal(_))));
    }
}
