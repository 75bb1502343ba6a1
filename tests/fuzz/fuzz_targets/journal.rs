//! Journals of recorded calls, and records of calls, as they come out of a database or a file.
#![no_main]

use ghanti_journal::redact::redacted;
use ghanti_model::journal::Journal;
use ghanti_model::{CallEvent, CallRecord};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(json) = serde_json::from_slice::<serde_json::Value>(bytes) else {
        return;
    };
    if let Ok(journal) = Journal::read(json.clone()) {
        for entry in &journal.entries {
            let _ = redacted(entry);
        }
    }
    if let Ok(record) = serde_json::from_value::<CallRecord>(json.clone()) {
        // what was read can be written, and is then the same
        let again = serde_json::to_value(&record).expect("a record is written");
        let again: CallRecord = serde_json::from_value(again).expect("a record is read again");
        assert_eq!(again, record);
    }
    let _ = serde_json::from_value::<CallEvent>(json);
});
