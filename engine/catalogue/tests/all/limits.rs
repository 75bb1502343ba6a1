//! Misbehaving flows: each ends on its own, with its reason, and affects no other call.

use std::collections::BTreeMap;

use ghanti_host::{Limit, RunEnd, ScriptedCaller};
use ghanti_model::{CallError, FlowName, Function};

use crate::common::{House, acting, acting_in, facts};

async fn run(act: &str, more: &str) -> (RunEnd, ghanti_model::Journal) {
    let (_house, version) = acting(act, more).await;
    let journal = version.journal(facts().call_id);
    let end = version
        .run(
            Box::new(ScriptedCaller::new([]).hang_up_at("identity")),
            journal.clone(),
        )
        .await;
    (end, journal.snapshot())
}

#[tokio::test]
async fn a_trap_names_the_functions_it_came_through() {
    let (end, journal) = run("trap", "").await;
    let RunEnd::Trapped { reason, stack } = end else {
        panic!("{end:?}")
    };
    assert!(reason.contains("unreachable"), "{reason}");
    assert!(
        stack.iter().any(|function| function == "acts::fail"),
        "{stack:#?}"
    );
    assert_eq!(
        journal.entries.len(),
        1,
        "the journal outlives the trapped store"
    );
}

#[tokio::test]
async fn an_endless_loop_is_ended() {
    let (end, _) = run("loop", "[limits]\ncompute-ms = 200\n").await;
    assert_eq!(
        end,
        RunEnd::LimitExceeded {
            what: Limit::Compute
        }
    );
}

/// One thread for both, so that the flow must let the other task run. It would be terminated after
/// a second of processor time, however long that takes; the other task needs it to yield a few
/// times.
#[tokio::test(flavor = "current_thread")]
async fn an_endless_loop_delays_nobody() {
    let (_house, version) = acting("loop", "[limits]\ncompute-ms = 1000\n").await;
    let journal = version.journal(facts().call_id);
    let looping = tokio::spawn(async move {
        version
            .run(Box::new(ScriptedCaller::new([])), journal)
            .await
    });
    for _ in 0..5 {
        tokio::task::yield_now().await;
        assert!(
            !looping.is_finished(),
            "this task runs only when the flow has been ended"
        );
    }
    looping.abort();
    assert!(looping.await.unwrap_err().is_cancelled());
}

#[tokio::test]
async fn a_hoarder_of_memory_meets_its_limit() {
    let (end, _) = run("memory", "[limits]\nmemory = \"8MiB\"\ncompute-ms = 1000\n").await;
    assert_eq!(
        end,
        RunEnd::LimitExceeded {
            what: Limit::Memory
        }
    );
}

#[tokio::test]
async fn hoarders_do_not_get_more_than_the_machine_has_and_an_honest_flow_gets_its_least() {
    let limits = "[limits]\nmemory = \"64MiB\"\ncompute-ms = 1000\n";
    let house = House::on(Some(20 << 20));
    let (house, hoarder) = acting_in(house, "memory", limits).await;
    let end = hoarder
        .run(
            Box::new(ScriptedCaller::new([])),
            hoarder.journal(facts().call_id),
        )
        .await;
    assert_eq!(
        end,
        RunEnd::LimitExceeded {
            what: Limit::AllMemory
        }
    );
    assert!(!end.is_flows_fault(), "another machine has more");
    drop((house, hoarder));

    let (_house, honest) = acting_in(House::on(Some(0)), "converse", "").await;
    let end = honest
        .run(
            Box::new(ScriptedCaller::new([]).hang_up_at("identity")),
            honest.journal(facts().call_id),
        )
        .await;
    assert_eq!(end, RunEnd::CallEnded);
}

#[tokio::test]
async fn endless_recursion_meets_the_stack_limit() {
    let (end, _) = run("recursion", "[limits]\ncompute-ms = 1000\n").await;
    assert_eq!(end, RunEnd::LimitExceeded { what: Limit::Stack });
}

#[tokio::test]
async fn a_flood_of_host_calls_is_ended() {
    // few enough to be made within one second on the busiest machine
    let (end, journal) = run("flood", "[limits]\nhost-calls-per-second = 10\n").await;
    assert_eq!(
        end,
        RunEnd::LimitExceeded {
            what: Limit::HostCalls
        }
    );
    assert!(journal.entries.len() <= 11, "{}", journal.entries.len());
}

#[tokio::test]
async fn a_flow_that_ignores_the_end_of_the_call_is_ended() {
    let (end, journal) = run("ignore-the-end", "").await;
    assert_eq!(
        end,
        RunEnd::LimitExceeded {
            what: Limit::HostCalls
        }
    );
    assert!(
        journal
            .entries
            .iter()
            .skip(2)
            .all(|entry| entry.answer["err"]["kind"] == "call-ended")
    );
}

#[tokio::test]
async fn log_lines_beyond_the_limit_are_dropped() {
    let (end, journal) = run("logs", "").await;
    assert_eq!(end, RunEnd::Returned);
    assert_eq!(
        journal
            .entries
            .iter()
            .filter(|entry| entry.function == Function::Log)
            .count(),
        256
    );
}

#[tokio::test]
async fn log_lines_are_as_many_as_the_manifest_says() {
    let (end, journal) = run("logs", "[limits]\nlog-lines = 10\n").await;
    assert_eq!(end, RunEnd::Returned);
    assert_eq!(
        journal
            .entries
            .iter()
            .filter(|entry| entry.function == Function::Log)
            .count(),
        10
    );
}

#[tokio::test]
async fn a_journal_that_is_full_ends_its_flow() {
    let (end, journal) = run(
        "flood",
        "[limits]\nhost-calls-per-second = 5000\njournal-kib = 4\n",
    )
    .await;
    assert_eq!(
        end,
        RunEnd::LimitExceeded {
            what: Limit::Journal
        }
    );
    let bytes = serde_json::to_string(&journal.entries).unwrap().len();
    assert!(
        (2 << 10..64 << 10).contains(&bytes) && journal.entries.len() < 500,
        "{bytes} bytes in {} entries",
        journal.entries.len()
    );
}

#[tokio::test]
async fn texts_beyond_the_limit_are_an_error_to_the_flow_and_reach_nobody() {
    let (_house, version) = acting("converse", "[limits]\ntext-bytes = 16\n").await;
    let (caller, journal) = (ScriptedCaller::new([]), version.journal(facts().call_id));
    let scripted = caller.scripted();
    let end = version.run(Box::new(caller), journal.clone()).await;
    let RunEnd::Failed(CallError::Limit(sentence)) = end else {
        panic!("{end:?}")
    };
    assert!(
        sentence.contains("bytes together and `[limits] text-bytes` is 16"),
        "{sentence}"
    );
    assert_eq!(scripted.lock().unwrap().said, []);
    let entries = journal.snapshot().entries;
    let asked = entries
        .iter()
        .find(|entry| entry.function == Function::Ask)
        .unwrap();
    assert_eq!(
        (
            &asked.answer["err"]["kind"],
            asked.arguments["invalid"].as_str()
        ),
        (&"limit".into(), Some(sentence.as_str()))
    );
}

#[tokio::test]
async fn what_is_handed_over_at_once_is_bounded_before_it_is_copied() {
    let house = House::new();
    std::fs::write(
        house.flows().join("bulky.wasm"),
        include_bytes!("../../../host/tests/fixtures/bulky-0.1.0.wasm"),
    )
    .unwrap();
    let (catalogue, rejections) = house.open().await;
    assert_eq!(rejections, []);
    let version = catalogue
        .active(&FlowName::parse("bulky").unwrap())
        .unwrap();
    let journal = version.journal(facts().call_id);
    let end = version
        .run(Box::new(ScriptedCaller::new([])), journal.clone())
        .await;
    assert_eq!(
        end,
        RunEnd::LimitExceeded {
            what: Limit::HandedOver
        }
    );
    assert!(journal.is_empty());
}

#[tokio::test]
async fn replays_and_tests_leave_calls_their_instances_and_wait_for_each_other() {
    let (house, version) = acting("converse", "").await;
    let silent = || Box::new(ScriptedCaller::new([]).never_answer("identity"));
    let journal = || version.journal(facts().call_id);
    let mut beside = tokio::task::JoinSet::new();
    for _ in 0..60 {
        let (version, caller, journal) = (version.clone(), silent(), journal());
        beside.spawn(async move { version.run_test(caller, journal, &BTreeMap::new()).await });
    }
    tokio::task::yield_now().await;
    let mut calls = tokio::task::JoinSet::new();
    for _ in 1..house.engine.max_calls() {
        let (version, caller, journal) = (version.clone(), silent(), journal());
        calls.spawn(async move { version.run(caller, journal).await });
    }
    tokio::task::yield_now().await;
    let leaving = || Box::new(ScriptedCaller::new([]).hang_up_at("identity"));
    assert_eq!(version.run(leaving(), journal()).await, RunEnd::CallEnded);
    let is_over = calls.try_join_next();
    assert!(is_over.is_none(), "{is_over:?}");
    // the calls that are there do not matter to a test, which waits for others alone
    beside.shutdown().await;
    let limits = &version.manifest().limits;
    let end = version.run_within(leaving(), journal(), limits).await;
    assert_eq!(end, RunEnd::CallEnded);
}

#[tokio::test]
async fn more_calls_than_there_is_room_for_are_reported_as_such() {
    let (_house, version) = acting("converse", "").await;
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..60 {
        let version = version.clone();
        let caller = ScriptedCaller::new([]).never_answer("identity");
        waiting.spawn(async move {
            version
                .run(Box::new(caller), version.journal(facts().call_id))
                .await
        });
    }
    let end = waiting.join_next().await.unwrap().unwrap();
    assert_eq!(end, RunEnd::LimitExceeded { what: Limit::Calls });
    // a dropped call's slot is free again
    waiting.shutdown().await;
    let caller = ScriptedCaller::new([]).hang_up_at("identity");
    assert_eq!(
        version
            .run(Box::new(caller), version.journal(facts().call_id))
            .await,
        RunEnd::CallEnded
    );
}
