//! Every call of the evening again, from its journal: in Rust, TypeScript and Python.

use std::collections::BTreeSet;
use std::path::Path;

use ghanti_catalogue::FlowFiles;
use ghanti_host::{EngineSettings, FlowEngine, FlowVersion, RunEnd};
use ghanti_model::{FlowName, Journal};
use ghanti_replay::compare;

use crate::evening::{FLOWS, PLANTED, evening};
use crate::support::root;

#[tokio::test]
async fn every_scenarios_journal_repeats_itself_entry_by_entry_in_each_language() {
    let engine = FlowEngine::new(&EngineSettings {
        max_calls: 2,
        ..EngineSettings::default()
    })
    .unwrap();
    let files = FlowFiles::new(
        engine,
        Path::new(env!("CARGO_TARGET_TMPDIR")).join("components"),
        Vec::new(),
    );
    let mut replayed = 0;
    for name in FLOWS {
        let version: FlowVersion = files
            .load(
                FlowName::parse(name).unwrap(),
                &root().join("flows").join(name),
                None,
            )
            .await
            .unwrap();
        for call in evening().held_by(name) {
            let journal: Journal = serde_json::from_value(call.record["journal"].clone()).unwrap();
            assert!(
                journal.entries.len() > 4,
                "{}: {journal:#?}",
                call.report.name
            );
            assert_eq!(
                journal.header.version, version.id,
                "{}: the call was held by another version",
                call.report.name
            );
            let again = compare(&version, journal.clone(), &BTreeSet::new())
                .await
                .unwrap();
            assert!(
                matches!(again.end, RunEnd::Returned | RunEnd::CallEnded),
                "{name} {}: {:?}",
                call.report.name,
                again.end
            );
            assert_eq!(
                (again.differences, again.entries),
                (Vec::new(), journal.entries),
                "{name} {}",
                call.report.name
            );
            replayed += 1;
        }
    }
    assert_eq!(replayed, evening().calls.len());
}

#[test]
fn the_program_finds_no_difference_in_any_call_of_the_evening() {
    for (name, shown) in FLOWS.iter().zip(&evening().replayed) {
        let text = format!(
            "{}{}",
            String::from_utf8_lossy(&shown.stdout),
            String::from_utf8_lossy(&shown.stderr)
        );
        // the planted scenario is a call like all others
        let planted = usize::from(*name == FLOWS[0]);
        let calls = evening().held_by(name).count() + planted;
        assert!(calls > 0, "{name}");
        let counted = match calls {
            1 => "1 call".to_owned(),
            _ => format!("{calls} calls"),
        };
        assert_eq!(
            shown.status.code(),
            Some(0),
            "{name} (with `{PLANTED}`): {text}"
        );
        assert!(
            text.contains(&format!("{counted} replayed in ")),
            "{name}: {text}"
        );
        assert!(
            text.contains(&format!(": {calls} without a difference, 0 with")),
            "{name}: {text}"
        );
    }
}
