//! What is erased of persons, on request and by age, as part of the suite in `records.rs`.

use std::collections::BTreeMap;
use std::sync::Arc;

use ghanti_model::event::{Requested, StreamStarted};
use ghanti_model::{
    CallId, CallState, Erasable, EventKind, Language, Line, Masked, NodeId, Speaker, StreamSid,
};
use ghanti_store::sql::Ages;
use ghanti_store::{
    Begun, CallRecords, CampaignState, CustomerKey, DoNotCall, ListedCustomer, NewAttempt,
    SqlRecords,
};

use super::Subject;
use super::common::{PERSONAL, event, full_record, phone, sid};

const NUMBER: &str = "9876543210";
/// A day, in milliseconds.
const DAY_MS: u64 = 86_400_000;

/// Stores a call of a customer that has ended, with everything personal in it, and with the wish not
/// to be called again.
async fn talked(records: &SqlRecords, number: &str, at_ms: u64) -> CallId {
    let call = CallId::generate();
    let line = |speaker, text: &str| Line {
        at_ms: 0,
        lasted_ms: 700,
        speaker,
        text: Masked::new(text),
        language: Language::english(),
        name: "identity".to_owned(),
        heard: None,
        confidence: None,
    };
    let kinds = [
        EventKind::Requested(Requested {
            customer_number: Some(phone(number)),
            flow: None,
            dials: false,
            traced_from: None,
        }),
        EventKind::StreamStarted(Box::new(StreamStarted {
            customer: None,
            stream_sid: StreamSid::parse("s1").unwrap(),
            call_sid: Some(sid(&format!("sid-{call}"))),
            order: None,
            direction: None,
            customer_number: Some(phone(number)),
            line_number: None,
            flow: None,
            version: None,
            language: Language::english(),
            journal: full_record().journal.map(|journal| journal.header),
        })),
        EventKind::HostCalled(Box::new(ghanti_model::event::HostCalled {
            began_ms: Some(1),
            entry: full_record().journal.unwrap().entries.remove(0),
        })),
        EventKind::PromptStarted {
            line: 0,
            prompt: ghanti_model::PromptId(1),
            text: line(Speaker::Bot, "Am I speaking with Asha Rao?"),
        },
        EventKind::Utterance {
            line: 1,
            text: line(Speaker::Caller, "haan boliye"),
        },
        EventKind::Noted {
            name: "loan".to_owned(),
            value: Masked::new("LN-4321"),
        },
        EventKind::Disposed {
            disposition: "do-not-call".to_owned(),
            detail: Some("Asha Rao is annoyed".to_owned()),
        },
        EventKind::EngineEnded {
            outcome: "do-not-call".to_owned(),
            hang_up: true,
        },
        EventKind::StreamClosed,
    ];
    for (nth, kind) in kinds.into_iter().enumerate() {
        let nth = u64::try_from(nth).unwrap();
        let event = Arc::new(event(call, at_ms + nth, kind));
        records.append(&[event]).await.unwrap();
    }
    call
}

fn listed(number: &str) -> ListedCustomer {
    let phone = phone(number);
    ListedCustomer {
        key: CustomerKey::of(&phone, ["LN-4321"]),
        phone,
        fields: BTreeMap::from([("name".to_owned(), Masked::new("Asha Rao"))]),
        line: 2,
    }
}

/// Every text in the database, as one.
fn dump(statements: &(dyn Fn(&str) -> String + Send + Sync)) -> String {
    let tables = [
        (
            "calls",
            "COALESCE(customer_number, '') || record || COALESCE(outcome, '')",
        ),
        ("call_events", "COALESCE(payload, '') || payload_hash"),
        ("customers", "customer || phone || fields"),
        (
            "campaign_customers",
            "customer || phone || COALESCE(reason, '')",
        ),
        ("attempts", "customer || phone"),
        ("do_not_call", "phone"),
        ("webhook_deliveries", "body"),
    ];
    let mut text = String::new();
    for (table, columns) in tables {
        let rows: usize = statements(&format!("SELECT CAST(COUNT(*) AS TEXT) FROM {table}"))
            .parse()
            .unwrap();
        for row in 0..rows {
            text += &statements(&format!(
                "SELECT {columns} FROM {table} ORDER BY 1 LIMIT 1 OFFSET {row}"
            ));
        }
    }
    text
}

fn has_any_of(text: &str) -> Vec<&str> {
    PERSONAL
        .into_iter()
        .filter(|word| text.contains(word))
        .collect()
}

pub(super) async fn nothing_is_left_of_a_person_who_was_erased_but_what_was_done(
    Subject {
        records,
        statements,
        ..
    }: Subject,
) {
    let call = talked(&records, NUMBER, 1_000).await;
    let other = talked(&records, "9811111111", 1_000).await;
    statements(&format!(
        "INSERT INTO webhook_deliveries (id, endpoint, call_id, kind, body, created_ms, next_ms) VALUES ('m', 'crm', '{call}', 'x', '+91{NUMBER}', 1, 1)"
    ));
    let list = ("december", "emi");
    let customers = vec![listed(NUMBER), listed("9811111111")];
    records
        .put_customers(list, "i", customers, false, 1)
        .await
        .unwrap()
        .unwrap();
    assert!(records.add_campaign("c", list, "{}", 1).await.unwrap());
    let start = (CampaignState::Draft, CampaignState::Running);
    assert!(records.change_campaign("c", start, None, 1).await.unwrap());
    assert!(!records.enrol("c", 10, 1).await.unwrap());
    assert!(
        !has_any_of(&dump(&*statements)).is_empty(),
        "the test finds nothing"
    );
    let before = records.by_id(call).await.unwrap().unwrap();

    let erased = records
        .erase_number(&phone(NUMBER), 2_000)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (
            erased.customers,
            erased.campaign_customers,
            erased.attempts,
            erased.wishes
        ),
        (1, 1, 0, 1)
    );
    let found = records.calls_of_number(&phone(NUMBER)).await.unwrap();
    assert_eq!(
        found.iter().map(|found| found.call_id).collect::<Vec<_>>(),
        [call]
    );
    assert!(!found[0].is_open);
    let of_call = records
        .erase_call(call, Erasable::Personal, NodeId::NONE, 2_000)
        .await
        .unwrap();
    assert_eq!((of_call.events, of_call.messages), (7, 1));

    // of the other person all is there
    let left = dump(&*statements);
    assert!(!left.contains(NUMBER) && left.contains("9811111111"));
    let of_other = records.erase_call(other, Erasable::Personal, NodeId::NONE, 2_000);
    assert_eq!(of_other.await.unwrap().events, 7);
    let other = phone("9811111111");
    records.erase_number(&other, 2_000).await.unwrap().unwrap();
    assert_eq!(has_any_of(&dump(&*statements)), [""; 0]);

    // what happened is still there, and its chain is intact
    let record = records.by_id(call).await.unwrap().unwrap();
    assert_eq!(
        (
            record.state,
            &record.outcome,
            record.ended_ms,
            record.steps.len()
        ),
        (
            CallState::Ended,
            &before.outcome,
            before.ended_ms,
            before.steps.len()
        )
    );
    assert_eq!(
        (record.transcript.len(), &record.customer_number),
        (2, &None)
    );
    let intact = records.verify_call(call).await.unwrap().unwrap().unwrap();
    assert_eq!((intact.events, intact.erased), (10, 7));
    // the wish is kept, and can be lifted
    assert!(records.do_not_call(&phone(NUMBER)).await.unwrap().is_some());
    let wish = DoNotCall::of(&record).unwrap();
    let lifted = records
        .lift_do_not_call(&phone(NUMBER), None, 3_000)
        .await
        .unwrap();
    assert_eq!((wish.call_id, lifted), (call, 1));
    assert!(records.do_not_call(&phone(NUMBER)).await.unwrap().is_none());
    // who waited in a campaign is never claimed any more
    let node = NodeId::generate();
    let due = records
        .claim_due(("c", "december"), node, (9_000, 99_000), 10)
        .await;
    assert!(due.unwrap().is_empty());
    let tally = records.tally("c").await.unwrap();
    assert_eq!(tally[0].outcome.as_deref(), Some("erased"));
    assert!(records.report("c", None, 10).await.unwrap().is_empty());
    // a second time there is nothing
    let again = records
        .erase_call(call, Erasable::Personal, NodeId::NONE, 4_000)
        .await
        .unwrap();
    assert_eq!((again.events, again.messages), (0, 0));
    let again = records
        .erase_number(&phone(NUMBER), 4_000)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(again, ghanti_store::NumberErased::default());
    assert!(
        records
            .calls_of_number(&phone(NUMBER))
            .await
            .unwrap()
            .is_empty()
    );
    let intact = records.verify_call(call).await.unwrap().unwrap().unwrap();
    assert_eq!(intact.events, 10);
}

pub(super) async fn a_number_that_stands_anywhere_in_a_call_is_found(
    Subject { records, .. }: Subject,
) {
    for _ in 0..5 {
        talked(&records, "9811111111", 1_000).await;
    }
    // ordered for one number, and another one was called
    let call = talked(&records, NUMBER, 1_000).await;
    let changed = EventKind::AppletAsked(Box::new(ghanti_model::event::AppletAsked {
        is_passthru: false,
        at_ms: None,
        call_sid: sid("other"),
        order: None,
        direction: None,
        customer_number: Some(phone("9822222222")),
        line_number: None,
        problems: Vec::new(),
        late_problems: Vec::new(),
        customer_found: false,
    }));
    records
        .append(&[Arc::new(event(call, 500, changed))])
        .await
        .unwrap();
    let (mut after, mut found, mut pages) = (String::new(), Vec::new(), 0);
    loop {
        let (calls, next) = records
            .calls_that_mention(&phone(NUMBER), &after, 4)
            .await
            .unwrap();
        found.extend(calls.into_iter().map(|found| found.call_id));
        pages += 1;
        let Some(next) = next else { break };
        after = next;
    }
    assert_eq!((found, pages), (vec![call], 2));
}

pub(super) async fn digits_of_a_longer_number_are_no_mention(Subject { records, .. }: Subject) {
    let said = async |text: &str| {
        let call = CallId::generate();
        let value = Masked::new(text);
        let name = "n".to_owned();
        let noted = event(call, 1_795_000_000_000, EventKind::Noted { name, value });
        records.append(&[Arc::new(noted)]).await.unwrap();
        call
    };
    let found = async |number: &str| {
        let (calls, next) = records
            .calls_that_mention(&phone(number), "", 100)
            .await
            .unwrap();
        assert_eq!(next, None);
        calls
            .into_iter()
            .map(|found| found.call_id)
            .collect::<Vec<_>>()
    };
    let mut theirs = Vec::new();
    for text in [
        "9876543210",
        "it is 09876543210.",
        "+919876543210",
        "call 919876543210 or 1800",
        "00919876543210",
        "1 9876543210 2",
    ] {
        theirs.push(said(text).await);
    }
    for text in [
        "99876543210",
        "98765432101",
        "+19876543210",
        "449876543210",
        "1919876543210",
        "+9876543210",
    ] {
        said(text).await;
    }
    theirs.sort();
    assert_eq!(found(NUMBER).await, theirs);
    let abroad = [said("+14129162450").await, said("14129162450!").await];
    said("4129162450").await;
    assert_eq!(found("+14129162450").await, abroad);
    // the beginning of every time
    assert_eq!(found("1795000000").await, []);
}

/// Who was erased may become a customer of the same campaign again, and be erased again.
pub(super) async fn a_person_may_be_erased_again(
    Subject {
        records,
        statements,
        ..
    }: Subject,
) {
    let list = ("december", "emi");
    let start = (CampaignState::Draft, CampaignState::Running);
    for round in 1..=3_u64 {
        records
            .put_customers(
                list,
                &format!("i{round}"),
                vec![listed(NUMBER)],
                false,
                round,
            )
            .await
            .unwrap()
            .unwrap();
        if round == 1 {
            assert!(records.add_campaign("c", list, "{}", 1).await.unwrap());
            assert!(records.change_campaign("c", start, None, 1).await.unwrap());
        }
        while records.enrol("c", 10, round).await.unwrap() {}
        let erased = records.erase_number(&phone(NUMBER), 10 * round).await;
        let erased = erased.unwrap().unwrap();
        assert_eq!((erased.customers, erased.campaign_customers), (1, 1));
    }
    let rows = "SELECT CAST(COUNT(DISTINCT customer) AS TEXT) FROM campaign_customers WHERE phone = '' AND outcome = 'erased'";
    assert_eq!(statements(rows), "3");
}

pub(super) async fn nobody_is_erased_while_they_are_being_called(Subject { records, .. }: Subject) {
    let list = ("december", "emi");
    let customers = vec![listed(NUMBER)];
    records
        .put_customers(list, "i", customers, false, 1)
        .await
        .unwrap()
        .unwrap();
    assert!(records.add_campaign("c", list, "{}", 1).await.unwrap());
    let start = (CampaignState::Draft, CampaignState::Running);
    assert!(records.change_campaign("c", start, None, 1).await.unwrap());
    records.enrol("c", 10, 1).await.unwrap();
    let node = NodeId::generate();
    let due = records
        .claim_due(("c", "december"), node, (10, 99_000), 10)
        .await
        .unwrap();
    let new = NewAttempt {
        campaign: "c",
        key: &due[0].key,
        phone: &due[0].phone,
        call_id: CallId::generate(),
        node,
        at_once: 1,
        pace_ms: 1,
        quiet_ms: 0,
    };
    assert_eq!(records.begin_attempt(&new, 20).await.unwrap(), Begun::Yes);
    assert_eq!(
        records.erase_number(&phone(NUMBER), 30).await.unwrap(),
        None
    );
    let (_, fields) = (&due[0].key, &due[0].fields);
    assert!(!fields.is_empty());
}

/// A change that was made before an erasure is not covered up by it.
pub(super) async fn an_erasure_does_not_cover_up_what_was_changed_before(
    Subject {
        records,
        statements,
        ..
    }: Subject,
) {
    let call = talked(&records, NUMBER, 1_000).await;
    statements(&format!(
        "UPDATE call_events SET payload = '{{\"kind\":\"listening\"}}' WHERE call_id = '{call}' AND position = 9"
    ));
    records
        .erase_call(call, Erasable::Personal, NodeId::NONE, 2_000)
        .await
        .unwrap();
    assert!(records.verify_call(call).await.unwrap().unwrap().is_err());
}

pub(super) async fn what_is_too_old_goes_in_small_steps_and_only_that(
    Subject {
        records,
        statements,
        ..
    }: Subject,
) {
    let node = NodeId::generate();
    let mut old = Vec::new();
    for _ in 0..3 {
        old.push(talked(&records, NUMBER, DAY_MS).await);
    }
    let young = talked(&records, NUMBER, 5 * DAY_MS).await;
    let before = Some(3 * DAY_MS);
    let now_ms = 9 * DAY_MS;
    let none = records
        .remove_aged(&Ages::default(), node, now_ms, 9)
        .await
        .unwrap();
    assert!(none.is_nothing());
    // journals first
    let ages = Ages {
        journals_ms: before,
        ..Ages::default()
    };
    let mut steps = Vec::new();
    for _ in 0..3 {
        steps.push(
            records
                .remove_aged(&ages, node, now_ms, 2)
                .await
                .unwrap()
                .journals,
        );
    }
    assert_eq!(steps, [2, 1, 0]);
    let record = records.by_id(old[0]).await.unwrap().unwrap();
    assert!(record.journal.is_none() && record.customer_number.is_some());
    assert_eq!(record.transcript[1].text.expose(), "haan boliye");
    // then everything personal
    let ages = Ages {
        transcripts_ms: before,
        ..ages
    };
    let aged = records.remove_aged(&ages, node, now_ms, 9).await.unwrap();
    assert_eq!((aged.journals, aged.transcripts), (0, 3));
    assert!(
        records
            .remove_aged(&ages, node, now_ms, 9)
            .await
            .unwrap()
            .is_nothing()
    );
    let record = records.by_id(old[0]).await.unwrap().unwrap();
    assert!(record.customer_number.is_none() && record.transcript[1].text.is_empty());
    for call in &old {
        let intact = records.verify_call(*call).await.unwrap().unwrap().unwrap();
        assert_eq!((intact.events, intact.erased), (11, 7));
    }
    // what is added later is looked at again
    let late = EventKind::Noted {
        name: "late".to_owned(),
        value: Masked::new("Asha Rao"),
    };
    let late = Arc::new(event(old[0], 2 * DAY_MS, late));
    records.append(&[late]).await.unwrap();
    assert_eq!(
        records
            .remove_aged(&ages, node, now_ms, 9)
            .await
            .unwrap()
            .transcripts,
        1
    );
    // then the calls; the wish stays
    let ages = Ages {
        calls_ms: before,
        ..Ages::default()
    };
    assert_eq!(
        records
            .remove_aged(&ages, node, now_ms, 9)
            .await
            .unwrap()
            .calls,
        3
    );
    assert_eq!(records.by_id(old[0]).await.unwrap(), None);
    let rows = format!("SELECT CAST(COUNT(*) AS TEXT) FROM call_events WHERE call_id <> '{young}'");
    assert_eq!(statements(&rows), "0");
    let record = records.by_id(young).await.unwrap().unwrap();
    assert!(record.journal.is_some() && record.customer_number.is_some());
    let wishes = "SELECT CAST(COUNT(*) AS TEXT) FROM do_not_call WHERE phone LIKE '#%'";
    assert_eq!(statements(wishes), "3");
    assert!(records.do_not_call(&phone(NUMBER)).await.unwrap().is_some());
}

pub(super) async fn customers_that_no_campaign_needs_go_by_age(
    Subject {
        records,
        statements,
        ..
    }: Subject,
) {
    let node = NodeId::generate();
    let numbers = ["9811111111", "9822222222", "9833333333"];
    for (nth, list) in ["needed", "unneeded"].into_iter().enumerate() {
        let customers = numbers.map(listed).into();
        let at_ms = u64::try_from(nth).unwrap() + 1;
        records
            .put_customers((list, "emi"), "i", customers, false, at_ms)
            .await
            .unwrap()
            .unwrap();
        assert!(
            records
                .add_campaign(list, (list, "emi"), "{}", 1)
                .await
                .unwrap()
        );
        let start = (CampaignState::Draft, CampaignState::Running);
        assert!(records.change_campaign(list, start, None, 1).await.unwrap());
        records.enrol(list, 10, 1).await.unwrap();
    }
    let cancel = (CampaignState::Running, CampaignState::Cancelled);
    assert!(
        records
            .change_campaign("unneeded", cancel, None, 5)
            .await
            .unwrap()
    );
    let ages = Ages {
        customers_ms: Some(DAY_MS),
        ..Ages::default()
    };
    let mut removed = 0;
    loop {
        let aged = records
            .remove_aged(&ages, node, 2 * DAY_MS, 2)
            .await
            .unwrap();
        if aged.is_nothing() {
            break;
        }
        removed += aged.customers;
    }
    assert_eq!(removed, 6, "three of the list, three of the campaign");
    assert_eq!(
        statements("SELECT CAST(COUNT(*) AS TEXT) FROM customers"),
        "3"
    );
    assert_eq!(
        statements("SELECT MIN(campaign) || CAST(COUNT(*) AS TEXT) FROM campaign_customers"),
        "needed3"
    );
}

pub(super) async fn a_task_is_done_by_one_node_until_its_time_is_over(
    Subject { records, .. }: Subject,
) {
    let [first, second] = [(); 2].map(|()| NodeId::generate());
    let claim = async |node, now_ms, until_ms| {
        records
            .claim_task("retention", node, now_ms, until_ms)
            .await
            .unwrap()
    };
    assert!(claim(first, 10, 20).await);
    assert!(!claim(second, 19, 30).await);
    assert!(claim(first, 19, 30).await, "its own is renewed");
    assert!(!claim(second, 29, 40).await);
    assert!(claim(second, 30, 40).await);
    assert!(!claim(first, 31, 40).await);
}
