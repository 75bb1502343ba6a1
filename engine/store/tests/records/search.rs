//! The list of calls: its order, its filters, and its pages while calls are added.

use std::collections::BTreeSet;
use std::sync::Arc;

use ghanti_model::{CallId, CallRecord, CallState, FlowName, PhoneNumber, Problem, VersionId};
use ghanti_store::{CallFilter, CallPlace, CallRecords, SqlRecords};

use super::Subject;
use super::common::{full_record, imported, sid};

const BEGAN_MS: u64 = 1_795_000_000_000;

fn number(nth: u64) -> PhoneNumber {
    PhoneNumber::parse(&format!("+9198765{nth:05}")).unwrap()
}

fn flow(name: &str) -> Option<FlowName> {
    Some(FlowName::parse(name).unwrap())
}

/// The nth of many calls: each thousandth is live, each tenth is of another flow, each hundredth has
/// an outcome of its own, the one after it failed, the one after that has a problem, and three after another begin in the same millisecond.
fn nth(nth: u64) -> CallRecord {
    let is = |each: u64| nth.is_multiple_of(each);
    CallRecord {
        state: if is(1_000) {
            CallState::Live
        } else {
            CallState::Ended
        },
        call_sid: Some(sid(&format!("sid-{nth}"))),
        customer_number: Some(number(nth % 2_500)),
        flow: flow(if is(10) { "survey" } else { "emi-reminder" }),
        version: Some(VersionId::parse(if is(4) { "aa" } else { "bb" }).unwrap()),
        outcome: Some(
            match nth {
                _ if is(100) => "promised",
                _ if nth % 100 == 1 => "flow-failed",
                _ => "hung-up",
            }
            .to_owned(),
        ),
        problems: (nth % 100 == 2)
            .then(|| Problem {
                unix_ms: BEGAN_MS,
                name: "no-marks".to_owned(),
                detail: "no mark came back".to_owned(),
            })
            .into_iter()
            .collect(),
        started_ms: Some(BEGAN_MS + nth),
        ..CallRecord::new(CallId::generate(), BEGAN_MS + nth / 3)
    }
}

async fn add(records: &SqlRecords, calls: impl Iterator<Item = u64>) {
    let calls: Vec<u64> = calls.collect();
    for some in calls.chunks(100) {
        let events: Vec<_> = some
            .iter()
            .map(|at| Arc::new(imported(&nth(*at))))
            .collect();
        records.append(&events).await.unwrap();
    }
}

/// All calls that fit, page by page.
async fn all(records: &SqlRecords, filter: &CallFilter, limit: u32) -> Vec<CallPlace> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = records.search(filter, after, limit).await.unwrap();
        assert!(page.calls.len() <= limit as usize);
        assert!(
            page.next.is_none() || page.calls.len() == limit as usize,
            "a page with a next one is full"
        );
        found.extend(page.calls.iter().map(|call| call.place()));
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

pub async fn ten_thousand_calls_are_paged_through_while_others_are_added(
    Subject { records, .. }: Subject,
) {
    const CALLS: u64 = 10_000;
    add(&records, 0..CALLS).await;
    let whole = CallFilter::default();
    let before: BTreeSet<_> = all(&records, &whole, 200)
        .await
        .into_iter()
        .map(|place| place.call_id)
        .collect();
    assert_eq!(before.len() as u64, CALLS);
    let (mut seen, mut after, mut added) = (Vec::new(), None, CALLS);
    loop {
        let page = records.search(&whole, after, 173).await.unwrap();
        seen.extend(page.calls.iter().map(|call| call.place()));
        // some are newer than all, some in between of what was read and what was not
        add(&records, added..added + 3).await;
        add(&records, [added % CALLS].into_iter()).await;
        added += 3;
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let ids: BTreeSet<_> = seen.iter().map(|place| place.call_id).collect();
    assert_eq!(ids.len(), seen.len(), "none comes twice");
    assert!(ids.is_superset(&before), "none is missing");
    assert!(seen.is_sorted_by(|newer, older| newer > older));
}

pub async fn calls_are_found_by_whatever_is_known_of_them(Subject { records, .. }: Subject) {
    add(&records, 0..3_000).await;
    let filter = |change: fn(&mut CallFilter)| {
        let mut filter = CallFilter::default();
        change(&mut filter);
        filter
    };
    for (filter, expected) in [
        (filter(|f| f.phone = Some(number(7))), 2),
        (filter(|f| f.phone = Some(number(99_999))), 0),
        (filter(|f| f.call_sid = Some(sid("sid-42"))), 1),
        (filter(|f| f.state = Some(CallState::Live)), 3),
        (filter(|f| f.state = Some(CallState::Pending)), 0),
        (filter(|f| f.state = Some(CallState::Ended)), 2_997),
        (filter(|f| f.outcome = Some("promised".to_owned())), 30),
        (filter(|f| f.flow = flow("survey")), 300),
        (filter(|f| f.version = VersionId::parse("aa").ok()), 750),
        (filter(|f| f.campaign = Some("december".to_owned())), 0),
        (filter(|f| f.problems = Some(true)), 60),
        (filter(|f| f.problems = Some(false)), 2_940),
        (
            filter(|f| {
                f.problems = Some(true);
                f.version = VersionId::parse("bb").ok();
                f.until_ms = Some(BEGAN_MS + 100);
            }),
            6,
        ),
        (
            filter(|f| {
                f.problems = Some(true);
                f.phone = Some(number(1));
            }),
            2,
        ),
        (filter(|f| f.since_ms = Some(BEGAN_MS + 999)), 3),
        (filter(|f| f.until_ms = Some(BEGAN_MS + 1)), 3),
        (
            filter(|f| {
                f.since_ms = Some(BEGAN_MS + 10);
                f.until_ms = Some(BEGAN_MS + 20);
                f.flow = flow("survey");
            }),
            3,
        ),
        (
            filter(|f| {
                f.phone = Some(number(0));
                f.state = Some(CallState::Live);
                f.outcome = Some("promised".to_owned());
                f.version = VersionId::parse("aa").ok();
            }),
            1,
        ),
    ] {
        let found = all(&records, &filter, 50).await;
        assert_eq!(found.len(), expected, "{filter:?}");
        assert!(found.is_sorted_by(|newer, older| newer > older));
    }
    assert!(records.knows_outcome("promised").await.unwrap());
    assert!(!records.knows_outcome("promissed").await.unwrap());
}

pub async fn the_list_has_nothing_that_was_said(
    Subject {
        records,
        statements,
        ..
    }: Subject,
) {
    let full = full_record();
    records.import(&full).await.unwrap();
    statements("UPDATE calls SET record = '{' WHERE call_id = 'none'");
    let page = records.search(&CallFilter::default(), None, 5).await;
    let call = page.unwrap().calls.remove(0);
    assert_eq!(
        (&call.call_id, &call.order, &call.disposition, call.problems),
        (&full.call_id, &full.order, &full.disposition, 1)
    );
    assert_eq!(call.customer_number, full.customer_number);
    let shown = format!("{call:?}");
    assert!(!shown.contains("haan boliye") && !shown.contains("Asha"));
    statements("UPDATE calls SET record = '{'");
    let page = records.search(&CallFilter::default(), None, 5).await;
    let call = page.unwrap().calls.remove(0);
    assert_eq!(
        (call.call_id, call.outcome, call.direction),
        (full.call_id, full.outcome, None),
        "the columns are enough of one whose record is unreadable"
    );
}

pub async fn calls_of_a_campaign_are_found_by_its_name(
    Subject {
        records,
        statements,
        ..
    }: Subject,
) {
    for at in 0..30 {
        let call = nth(at);
        records.import(&call).await.unwrap();
        if at % 2 == 0 {
            let name = if at < 20 { "december" } else { "january" };
            statements(&format!(
                "INSERT INTO attempts (call_id, campaign, customer, number, phone, node, began_ms, settled_ms, counts) \
                 VALUES ('{}', '{name}', 'c{at}', 1, '+9198765{at:05}', 'n', {}, 1, 1)",
                call.call_id, call.created_ms
            ));
        }
    }
    let of = |name: &str| CallFilter {
        campaign: Some(name.to_owned()),
        ..CallFilter::default()
    };
    assert_eq!(all(&records, &of("december"), 3).await.len(), 10);
    assert_eq!(all(&records, &of("january"), 5).await.len(), 5);
    let survey = CallFilter {
        flow: flow("survey"),
        ..of("december")
    };
    assert_eq!(all(&records, &survey, 1).await.len(), 2);
    let page = records.search(&CallFilter::default(), None, 2).await;
    let campaigns: Vec<_> = page
        .unwrap()
        .calls
        .into_iter()
        .map(|call| call.campaign)
        .collect();
    assert_eq!(campaigns.iter().flatten().collect::<Vec<_>>(), ["january"]);
}
