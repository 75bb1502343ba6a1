//! A flow that exceeds a limit or runs out of time: the caller hears a fallback prompt in their
//! language, the call goes where `[on-failure]` says, and it has one record with one outcome.

use ghanti_host::ScriptedCaller;
use ghanti_model::{CallId, CallRecord, CallState, Decision, Extent};

use crate::common::{House, PLACES};

/// Flows that fail in one way each, with what their record has to contain.
const FAILING: [(&str, &str, &str, &str); 8] = [
    ("trap", "trap", "", "trapped"),
    ("compute", "loop", "", "compute-ms"),
    (
        "memory",
        "memory",
        "memory = \"8MiB\"\ncompute-ms = 1000",
        "memory",
    ),
    ("stack", "recursion", "compute-ms = 1000", "recursion"),
    ("host-calls", "flood", "", "host-calls-per-second"),
    (
        "journal",
        "flood",
        "host-calls-per-second = 5000\njournal-kib = 4",
        "journal-kib",
    ),
    ("texts", "converse", "text-bytes = 16", "text-bytes"),
    // its question takes longer than the longest call
    ("too-long", "converse", "", "call-minutes"),
];

/// The fallback prompt that the caller heard to its end.
fn fallback_prompt(record: &CallRecord) -> &str {
    let last = record
        .transcript
        .last()
        .unwrap_or_else(|| panic!("nothing was said: {record:#?}"));
    assert_eq!(
        (last.name.as_str(), last.heard),
        ("engine-fallback", Some(Extent::Assumed)),
        "{record:#?}"
    );
    last.text.expose()
}

#[tokio::test]
async fn every_limit_ends_with_words_in_the_callers_language_and_leads_him_where_the_manifest_says()
{
    let mut house = House::new();
    for (flow, act, limits, _) in FAILING {
        house.add(
            flow,
            &format!(
                "[settings]\nact = \"{act}\"\n[limits]\n{limits}\n[on-failure]\nthen = \"transfer\"\n"
            ),
        );
    }
    house.open().await;
    for (flow, _, _, words) in FAILING {
        let record = house.call(flow, "hi").await;
        let outcome = if flow == "too-long" {
            "too-long"
        } else {
            "flow-failed"
        };
        assert_eq!(
            (record.state, record.outcome.as_deref()),
            (CallState::Ended, Some(outcome)),
            "{flow}: {record:#?}"
        );
        let expected = if flow == "too-long" {
            "माफ़ कीजिए, इस कॉल का समय"
        } else {
            "माफ़ कीजिए, हमारी ओर से"
        };
        assert!(
            fallback_prompt(&record).starts_with(expected)
                && fallback_prompt(&record).contains("प्रतिनिधि"),
            "{flow}: {}",
            fallback_prompt(&record)
        );
        let Some(Decision::Transfer { numbers, .. }) = &record.decision else {
            panic!("{flow}: {:?}", record.decision)
        };
        assert_eq!(numbers[0].expose(), "+919876500000", "{flow}");
        assert!(
            record
                .problems
                .iter()
                .any(|problem| problem.detail.contains(words)),
            "{flow}: {:?}",
            record.problems
        );
        assert!(
            house.heard_ms() > 900,
            "{flow}: the words went out as audio"
        );
    }
}

#[tokio::test]
async fn without_a_word_of_the_manifest_the_caller_is_told_that_he_will_be_called_again() {
    let mut house = House::new();
    house.add("flow", "[settings]\nact = \"flood\"\n");
    house.add(
        "own",
        "[settings]\nact = \"loop\"\n[on-failure]\nsay = \"please call us\"\n",
    );
    house.open().await;
    let record = house.call("flow", "mr").await;
    assert_eq!(record.decision, Some(Decision::HangUp));
    assert!(
        fallback_prompt(&record).ends_with("आम्ही तुम्हाला नंतर फोन करू. धन्यवाद."),
        "{}",
        fallback_prompt(&record)
    );
    let record = house.call("own", "hi").await;
    // plain text in the manifest is in the flow's first language
    assert_eq!(
        (
            fallback_prompt(&record),
            record.transcript.last().unwrap().language.as_str()
        ),
        ("please call us", "en-IN")
    );
}

#[tokio::test]
async fn a_flow_that_there_is_no_room_for_ends_with_words_too() {
    let mut house = House::new();
    house.add("flow", "[settings]\nact = \"converse\"\n");
    house.open().await;
    let version = house.version("flow");
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..PLACES {
        let version = version.clone();
        let caller = ScriptedCaller::new([]).never_answer("identity");
        waiting.spawn(async move {
            version
                .run(Box::new(caller), version.journal(CallId::generate()))
                .await
        });
    }
    // with one thread, every flow waits for its caller after a few turns of the scheduler
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let record = house.call("flow", "en").await;
    assert_eq!(record.outcome.as_deref(), Some("flow-failed"));
    assert!(
        record.problems[0]
            .detail
            .contains("as many flows as it has room for"),
        "{:?}",
        record.problems
    );
    assert!(fallback_prompt(&record).starts_with("I am sorry"));
    waiting.shutdown().await;
    // now there is room again
    let record = house.call("flow", "en").await;
    assert_eq!(record.outcome.as_deref(), Some("too-long"));
}

#[tokio::test]
async fn log_lines_too_many_are_nothing_the_caller_notices() {
    let mut house = House::new();
    house.add(
        "flow",
        "[settings]\nact = \"logs\"\n[limits]\nlog-lines = 5\n",
    );
    house.open().await;
    let record = house.call("flow", "en").await;
    assert_eq!(
        (
            record.outcome.as_deref(),
            record.transcript.len(),
            record.problems.len()
        ),
        (Some("completed"), 0, 0),
        "{record:#?}"
    );
}
