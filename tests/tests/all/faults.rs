//! Many outbound calls through an Exotel on a bad day: replies that are lost, late or errors,
//! callbacks that are lost, doubled, late or out of order, streams that break. Each order has one
//! record with one outcome, which is that of the call that Exotel made, and nobody is dialled twice.
//!
//! 150 calls, or as many as `CALLS` says: `make bench` runs it with 1,000.

#![allow(clippy::print_stdout, reason = "figures for `--nocapture`")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt};
use serde_json::{Value, json};

use crate::dialling::{account, calls, free_address};
use crate::nodes::{bare, text};
use crate::outbound::Exotel;
use crate::support::{Engine, PATIENCE, Setup};

/// Percent of each fault.
const PERCENT: u32 = 5;
/// Longer than the engine waits for a reply.
const SLOW_REPLY_S: u32 = 31;
/// Orders that are sent at once.
const AT_ONCE: usize = 16;
/// Between two looks at all records.
const LOOK: Duration = Duration::from_millis(500);

/// The set-up of the simulated Exotel: of ten customers one is busy, one does not answer, one hangs
/// up at once, and an agent may be busy too.
fn bad_day(engine: &Engine) -> String {
    let applet = |applet: &str, path: &str, more: &str| {
        let url = engine.url(path);
        format!("[[flows.1001.applets]]\napplet = '{applet}'\nurl = '{url}'\n{more}\n")
    };
    let faults = [
        "lost-reply",
        "slow-reply",
        "error-503",
        "gateway-timeout",
        "error-429",
        "callback-lost",
        "callback-doubled",
        "callback-late",
        "callbacks-out-of-order",
        "stream-lost",
    ];
    let faults = faults.map(|fault| format!("{fault} = {PERCENT}\n"));
    [
        "speed = 50\n[account]\nsid = 'acme1'\nkey = 'key'\ntoken = 'token'\nnumbers = ['08045000000']\n\
         requests-per-minute = 10000\nstreams = 1000\n",
        &applet("passthru", "/passthru", ""),
        &applet("voicebot", "/voicebot-url", ""),
        &applet("passthru", "/passthru/after", "on-200 = 'hang-up'\non-302 = 'next'"),
        &applet("connect", "/connect", "agents = ['answers']"),
        &applet("passthru", "/passthru/after", "on-200 = 'hang-up'"),
        "[[callers]]\nnumbers = ['*0']\ndoes = 'busy'\n[[callers]]\nnumbers = ['*1']\ndoes = 'no-answer'\n\
         [[callers]]\nnumbers = ['*2']\ndoes = 'hangs-up'\n[[callers]]\nframe-ms = 100\n",
        &format!(
            "[faults]\nseed = 11\nslow-reply-s = {SLOW_REPLY_S}\nretry-after-s = 1\nstream-lost-after-ms = [100, 1500]\n"
        ),
        &faults.concat(),
    ]
    .concat()
}

fn number(nth: u32) -> String {
    format!("+9198765{nth:05}")
}

/// The records of all orders, by the customer's number.
async fn records(engine: &Engine) -> BTreeMap<String, Vec<Value>> {
    let (mut records, mut cursor) = (BTreeMap::<String, Vec<Value>>::new(), String::new());
    loop {
        let url = engine.url(&format!("/api/calls?limit=200{cursor}"));
        let page: Value = engine
            .http()
            .get(url)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        for record in page["items"].as_array().unwrap() {
            let number = text(&record["customer_number"]);
            records.entry(number).or_default().push(record.clone());
        }
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return records,
        }
    }
}

fn is_settled(record: &Value) -> bool {
    record["state"] == "ended" && record["outcome"] != "transfer-decided"
}

/// How long it takes at the most until an engine whose phones ring for `RING_S` knows that a dial
/// which Exotel answered with 503 has made no call.
const NOBODY_DIALLED: Duration = Duration::from_secs(150 + RING_S);
/// How long phones ring.
const RING_S: u64 = 5;

/// Whether an outcome may be that of a call with this final status.
fn agrees(status: &str, outcome: &str) -> bool {
    match status {
        "busy" => outcome == "busy",
        "no-answer" => outcome == "not-answered",
        "failed" => outcome == "call-failed",
        // by what became of the stream and the agent
        "completed" => [
            "transferred",
            "connection-lost",
            "hung-up",
            "hung-up-before-agent",
            "peer-lost",
            "completed",
            "never-connected",
        ]
        .contains(&outcome),
        _ => false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_bad_day_each_order_has_one_record_with_the_outcome_of_its_call() {
    let orders: u32 = std::env::var("CALLS").map_or(150, |calls| calls.parse().unwrap());
    let (began, flows, address) = (Instant::now(), bare(), free_address());
    let config = format!("ring-s = {RING_S}\nrequests-per-minute = 1000\n");
    let config = account(&address, &config);
    let engine = Setup::new(config).flows(flows.path()).start();
    let exotel = Exotel::with_setup(&address, &bad_day(&engine));
    let order = async |nth: u32| {
        let order = json!({ "phone": number(nth), "flow": "bare", "fields": { "name": "Priya" } });
        engine.order(&order).await
    };
    let ids: Vec<String> = stream::iter(0..orders)
        .map(order)
        .buffered(AT_ONCE)
        .collect()
        .await;

    let given_up =
        Instant::now() + NOBODY_DIALLED + PATIENCE * 3 + Duration::from_millis(200) * orders;
    let records = loop {
        let records = records(&engine).await;
        let open: Vec<_> = records
            .values()
            .flatten()
            .filter(|record| !is_settled(record))
            .collect();
        if open.is_empty() {
            break records;
        }
        assert!(Instant::now() < given_up, "{open:#?}\n{}", engine.logs());
        tokio::time::sleep(LOOK).await;
    };

    let made = calls(&engine, &address).await;
    let mut by_number = BTreeMap::<String, Vec<&Value>>::new();
    for call in &made {
        by_number
            .entry(text(&call["request"]["From"]))
            .or_default()
            .push(call);
    }
    let (mut outcomes, mut faults) = (
        BTreeMap::<String, u32>::new(),
        BTreeMap::<String, u32>::new(),
    );
    let mut unavailable = 0;
    for (nth, id) in (0..orders).zip(&ids) {
        let (number, of_number) = (number(nth), &records[&number(nth)]);
        let [record] = of_number.as_slice() else {
            panic!("{number} has {} records: {of_number:#?}", of_number.len());
        };
        assert_eq!(record["call_id"], id.as_str());
        let outcome = text(&record["outcome"]);
        match by_number.get(&number).map(Vec::as_slice) {
            // a short pause that Exotel asks for costs nobody their call: it was a 503
            None => {
                assert_eq!(outcome, "not-dialled", "{record:#}");
                // items of the list have no details
                let whole = engine.record(id).await.unwrap();
                let detail = text(&whole["detail"]);
                assert!(
                    detail.contains("lists no call") && detail.contains("503"),
                    "{detail}"
                );
                unavailable += 1;
            }
            Some([call]) => {
                let status = text(&call["status"]);
                assert!(agrees(&status, &outcome), "{outcome}: {record:#}\n{call:#}");
                assert_eq!(record["call_sid"], call["call-sid"], "{record:#}");
                let reply = call["reply-fault"].as_str().unwrap_or("none");
                *faults.entry(reply.to_owned()).or_default() += 1;
            }
            Some(twice) => panic!("{number} was dialled {} times: {twice:#?}", twice.len()),
        }
        *outcomes.entry(outcome).or_default() += 1;
    }
    assert_eq!(records.len(), ids.len(), "records of nobody's order");
    assert_eq!(by_number.len(), made.len());
    // the day was as bad as it was to be, and most was well all the same
    for fault in ["lost-reply", "slow-reply", "gateway-timeout"] {
        assert!(faults.contains_key(fault), "{faults:?}");
    }
    let of = |outcome: &str| outcomes.get(outcome).copied().unwrap_or_default();
    assert!(of("transferred") > orders / 3, "{outcomes:?}");
    assert!(
        unavailable > 0 && of("not-dialled") == unavailable,
        "{outcomes:?}"
    );
    println!(
        "{orders} orders in {} s: {outcomes:?}, replies {faults:?}",
        began.elapsed().as_secs()
    );
    engine.is_well().await;
    exotel.stop();
}
