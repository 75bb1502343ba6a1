//! Lists of customers, campaigns and attempts: one suite, run against SQLite and against a real
//! PostgreSQL.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use ghanti_model::event::{AppletAsked, DialAnswer, Requested};
use ghanti_model::{
    CallEvent, CallId, CallSid, EventId, EventKind, Masked, NodeId, Outcome, PhoneNumber,
};
use ghanti_store::{
    AttemptResult, Begun, CallRecords, CampaignState, CustomerKey, DueCustomer, ListedCustomer,
    NewAttempt, NextStep, Put, Reached, Removed, SqlRecords,
};
use ghanti_test_servers::PostgresServer;
use tempfile::TempDir;

const NOW: u64 = 1_795_000_000_000;
const MINUTE: u64 = 60_000;
const LIST: (&str, &str) = ("december", "emi-reminder");

fn postgres() -> &'static PostgresServer {
    static SERVER: OnceLock<PostgresServer> = OnceLock::new();
    SERVER.get_or_init(PostgresServer::start)
}

struct Subject {
    records: Arc<SqlRecords>,
    _folder: TempDir,
}

async fn in_sqlite(_name: &str) -> Subject {
    let folder = tempfile::tempdir().unwrap();
    let records = SqlRecords::open(None, folder.path()).await.unwrap();
    Subject {
        records: Arc::new(records),
        _folder: folder,
    }
}

async fn in_postgres(name: &str) -> Subject {
    let folder = tempfile::tempdir().unwrap();
    let url = postgres().create_database(name);
    let records = SqlRecords::open(Some(&url), folder.path()).await.unwrap();
    Subject {
        records: Arc::new(records),
        _folder: folder,
    }
}

macro_rules! for_every_database {
    ($($behaviour:ident)*) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")] async fn $behaviour() { super::$behaviour(super::in_sqlite(stringify!($behaviour)).await).await; })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")] async fn $behaviour() { super::$behaviour(super::in_postgres(stringify!($behaviour)).await).await; })*
        }
    };
}

for_every_database! {
    a_customer_whom_an_import_has_twice_is_stored_once
    an_import_that_is_only_checked_stores_nothing
    a_list_is_of_one_flow_and_is_not_removed_under_a_campaign
    customers_who_are_added_later_are_enrolled_too
    two_nodes_claim_different_customers_and_a_lease_runs_out
    an_attempt_is_begun_only_as_the_campaign_allows
    nobody_is_called_by_two_campaigns_at_once
    many_that_begin_at_once_call_each_customer_once
    an_attempt_is_settled_once_and_decides_what_follows
    a_call_by_request_counts_among_a_customers_calls
    an_attempt_whose_node_died_is_found_by_the_end_of_its_call
    a_campaign_is_finished_when_all_are_done
    states_change_only_from_the_expected_one
    a_call_that_exotel_answered_with_503_holds_no_place_of_its_campaign_for_longer_than_a_phone_rings
}

fn phone(number: u32) -> PhoneNumber {
    PhoneNumber::parse(&format!("+9198765{number:05}")).unwrap()
}

fn customer(number: u32, amount: &str) -> ListedCustomer {
    let phone = phone(number);
    let loan = format!("LN-{number:08}");
    ListedCustomer {
        key: CustomerKey::of(&phone, [loan.as_str()]),
        phone,
        fields: BTreeMap::from([
            ("amount".to_owned(), Masked::from(amount)),
            ("loan".to_owned(), Masked::from(loan)),
        ]),
        line: number + 2,
    }
}

impl Subject {
    async fn import(&self, import: &str, customers: Vec<ListedCustomer>) -> Vec<Put> {
        let put = self
            .records
            .put_customers(LIST, import, customers, false, NOW)
            .await;
        put.unwrap().unwrap()
    }

    /// A running campaign of that many customers, who are all enrolled.
    async fn campaign(&self, name: &str, customers: u32) {
        let all = (0..customers)
            .map(|number| customer(number, "100"))
            .collect();
        self.import("first", all).await;
        assert!(
            self.records
                .add_campaign(name, LIST, "{}", NOW)
                .await
                .unwrap()
        );
        self.start(name).await;
        assert!(!self.records.enrol(name, 1_000, NOW).await.unwrap());
    }

    async fn start(&self, name: &str) {
        let change = (CampaignState::Draft, CampaignState::Running);
        let is_started = self.records.change_campaign(name, change, None, NOW).await;
        assert!(is_started.unwrap());
    }

    async fn claim(&self, name: &str, node: NodeId, now_ms: u64, at_once: u32) -> Vec<DueCustomer> {
        let lease = (now_ms, now_ms + MINUTE);
        let claimed = self
            .records
            .claim_due((name, LIST.0), node, lease, at_once)
            .await;
        claimed.unwrap()
    }

    async fn begin(
        &self,
        name: &str,
        (node, claimed): (NodeId, &DueCustomer),
        at_once: u32,
        now_ms: u64,
    ) -> (CallId, Begun) {
        let call_id = CallId::generate();
        let new = NewAttempt {
            campaign: name,
            key: &claimed.key,
            phone: &claimed.phone,
            call_id,
            node,
            at_once,
            pace_ms: 0,
            quiet_ms: 0,
        };
        (
            call_id,
            self.records.begin_attempt(&new, now_ms).await.unwrap(),
        )
    }

    async fn settle(&self, call: CallId, outcome: &str, next: NextStep) -> bool {
        let settlement = AttemptResult {
            outcome,
            counts: outcome != Outcome::NotDialled.as_str(),
            reached: Reached::default(),
            next,
            not_before_ms: None,
        };
        self.records
            .finish_attempt(call, &settlement, NOW)
            .await
            .unwrap()
    }
}

const DONE: NextStep = NextStep::Done { reason: None };

async fn a_customer_whom_an_import_has_twice_is_stored_once(subject: Subject) {
    let mut again = customer(1, "100");
    again.line = 9;
    let mut contradicts = customer(1, "200");
    contradicts.line = 10;
    let all = vec![customer(1, "100"), customer(2, "100"), again.clone()];
    let puts = subject.import("a", all.clone()).await;
    assert_eq!(puts, [Put::New, Put::New, Put::Repeats { line: 3 }]);
    // the same request again, whose answer was lost
    let puts = subject.import("a", all).await;
    assert_eq!(
        puts,
        [Put::Unchanged, Put::Unchanged, Put::Repeats { line: 3 }]
    );
    // a later request of the same import
    let puts = subject.import("a", vec![contradicts.clone()]).await;
    assert_eq!(puts, [Put::Contradicts { line: 3 }]);
    // another import replaces what the list had
    let puts = subject
        .import("b", vec![contradicts, customer(2, "100")])
        .await;
    assert_eq!(puts, [Put::Updated, Put::Unchanged]);
    let lists = subject.records.lists().await.unwrap();
    assert_eq!((lists.len(), lists.first().unwrap().customers), (1, 2));
}

async fn an_import_that_is_only_checked_stores_nothing(subject: Subject) {
    let customers = vec![customer(1, "100")];
    let put = subject
        .records
        .put_customers(LIST, "a", customers, true, NOW)
        .await;
    assert_eq!(put.unwrap(), Some(vec![Put::New]));
    assert_eq!(subject.records.lists().await.unwrap(), []);
}

async fn a_list_is_of_one_flow_and_is_not_removed_under_a_campaign(subject: Subject) {
    subject.campaign("c", 3).await;
    let other = (LIST.0, "another-flow");
    let put = subject
        .records
        .put_customers(other, "x", vec![customer(8, "1")], false, NOW)
        .await;
    assert_eq!(put.unwrap(), None);
    assert!(
        !subject
            .records
            .add_campaign("d", other, "{}", NOW)
            .await
            .unwrap()
    );
    assert!(
        !subject
            .records
            .add_campaign("c", LIST, "{}", NOW)
            .await
            .unwrap(),
        "taken"
    );
    let removed = subject.records.remove_list(LIST.0).await.unwrap();
    assert_eq!(removed, Removed::InUse("c".to_owned()));
    let change = (CampaignState::Running, CampaignState::Cancelled);
    assert!(
        subject
            .records
            .change_campaign("c", change, None, NOW)
            .await
            .unwrap()
    );
    assert_eq!(
        subject.records.remove_list(LIST.0).await.unwrap(),
        Removed::Yes(3)
    );
    assert_eq!(
        subject.records.remove_list(LIST.0).await.unwrap(),
        Removed::Unknown
    );
}

async fn customers_who_are_added_later_are_enrolled_too(subject: Subject) {
    let records = &subject.records;
    let all = (0..10).map(|number| customer(number, "1")).collect();
    subject.import("a", all).await;
    records.add_campaign("c", LIST, "{}", NOW).await.unwrap();
    subject.start("c").await;
    // in steps, and the list is written to in between
    assert!(records.enrol("c", 4, NOW).await.unwrap());
    subject.import("b", vec![customer(50, "1")]).await;
    while records.enrol("c", 4, NOW).await.unwrap() {}
    while records.enrol("c", 4, NOW).await.unwrap() {}
    let enrolled = records.report("c", None, 100).await.unwrap();
    assert_eq!(enrolled.len(), 11);
    subject.import("d", vec![customer(51, "1")]).await;
    assert!(
        !records.finish_campaign("c", NOW).await.unwrap(),
        "somebody is not enrolled yet"
    );
    while records.enrol("c", 4, NOW).await.unwrap() {}
    assert_eq!(records.report("c", None, 100).await.unwrap().len(), 12);
    let page = records
        .report("c", Some(&enrolled.first().unwrap().key), 3)
        .await
        .unwrap();
    assert_eq!(page.len(), 3);
}

async fn two_nodes_claim_different_customers_and_a_lease_runs_out(subject: Subject) {
    subject.campaign("c", 6).await;
    let (one, two) = (NodeId::generate(), NodeId::generate());
    let first = subject.claim("c", one, NOW, 4).await;
    let second = subject.claim("c", two, NOW, 4).await;
    assert_eq!((first.len(), second.len()), (4, 2));
    assert!(second.iter().all(|claimed| !first.contains(claimed)));
    let amount = first
        .first()
        .unwrap()
        .fields
        .get("amount")
        .map(Masked::expose);
    assert_eq!(amount, Some("100"));
    // the first node dies: its customers are claimed again when its lease is out
    assert_eq!(subject.claim("c", two, NOW + MINUTE, 10).await.len(), 0);
    let later = NOW + MINUTE + 1;
    assert_eq!(subject.claim("c", two, later, 10).await.len(), 6);
    // what it still wants to do is too late
    let late = subject
        .begin("c", (one, first.first().unwrap()), 10, later)
        .await;
    assert_eq!(late.1, Begun::NotHeld);
    assert_eq!(
        subject
            .begin("c", (two, first.first().unwrap()), 10, later)
            .await
            .1,
        Begun::Yes
    );
}

async fn an_attempt_is_begun_only_as_the_campaign_allows(subject: Subject) {
    subject.campaign("c", 5).await;
    let node = NodeId::generate();
    let claimed = subject.claim("c", node, NOW, 5).await;
    let [a, b, c, ..] = claimed.as_slice() else {
        panic!("{claimed:?}");
    };
    assert_eq!(subject.begin("c", (node, a), 2, NOW).await.1, Begun::Yes);
    assert_eq!(subject.begin("c", (node, b), 1, NOW).await.1, Begun::Full);
    let call_id = CallId::generate();
    let paced = NewAttempt {
        campaign: "c",
        key: &b.key,
        phone: &b.phone,
        call_id,
        node,
        at_once: 9,
        pace_ms: 2_000,
        quiet_ms: 0,
    };
    assert_eq!(
        subject.records.begin_attempt(&paced, NOW).await.unwrap(),
        Begun::Yes
    );
    assert_eq!(
        subject.begin("c", (node, c), 9, NOW + 1_999).await.1,
        Begun::NotBefore(NOW + 2_000)
    );
    let change = (CampaignState::Running, CampaignState::Paused);
    assert!(
        subject
            .records
            .change_campaign("c", change, None, NOW)
            .await
            .unwrap()
    );
    assert_eq!(
        subject.begin("c", (node, c), 9, NOW + 2_000).await.1,
        Begun::NotRunning
    );
    let in_progress = subject.records.in_progress("c", 0).await.unwrap();
    assert_eq!(
        (in_progress.all, subject.records.ringing(0).await.unwrap()),
        (2, 2)
    );
}

async fn nobody_is_called_by_two_campaigns_at_once(subject: Subject) {
    subject.campaign("c", 1).await;
    subject
        .records
        .add_campaign("d", LIST, "{}", NOW)
        .await
        .unwrap();
    subject.start("d").await;
    subject.records.enrol("d", 10, NOW).await.unwrap();
    let node = NodeId::generate();
    let (in_c, in_d) = (
        subject.claim("c", node, NOW, 1).await,
        subject.claim("d", node, NOW, 1).await,
    );
    let (call, begun) = subject
        .begin("c", (node, in_c.first().unwrap()), 9, NOW)
        .await;
    assert_eq!(begun, Begun::Yes);
    let second = subject
        .begin("d", (node, in_d.first().unwrap()), 9, NOW)
        .await
        .1;
    assert_eq!(second, Begun::BeingCalled);
    assert!(subject.settle(call, "busy", DONE).await);
    let third = subject
        .begin("d", (node, in_d.first().unwrap()), 9, NOW)
        .await
        .1;
    assert_eq!(third, Begun::Yes);
    let history = subject
        .records
        .dial_history(&phone(0), (NOW, NOW), ("d", &in_d.first().unwrap().key))
        .await
        .unwrap();
    assert_eq!(
        (history.today, history.in_all, history.of_campaign),
        (2, 2, 1)
    );
}

async fn many_that_begin_at_once_call_each_customer_once(subject: Subject) {
    subject.campaign("c", 40).await;
    let records = &subject.records;
    let node = |_| {
        let records = Arc::clone(records);
        tokio::spawn(async move {
            let node = NodeId::generate();
            let mut begun = Vec::new();
            loop {
                let claim = records.claim_due(("c", LIST.0), node, (NOW, NOW + MINUTE), 3);
                let claimed = claim.await.unwrap();
                if claimed.is_empty() {
                    return begun;
                }
                for customer in claimed {
                    let new = NewAttempt {
                        campaign: "c",
                        key: &customer.key,
                        phone: &customer.phone,
                        call_id: CallId::generate(),
                        node,
                        at_once: 100,
                        pace_ms: 0,
                        quiet_ms: 0,
                    };
                    assert_eq!(records.begin_attempt(&new, NOW).await.unwrap(), Begun::Yes);
                    begun.push(customer.key.as_str().to_owned());
                }
            }
        })
    };
    let nodes: Vec<_> = (0..4).map(node).collect();
    let mut begun = Vec::new();
    for node in nodes {
        begun.extend(node.await.unwrap());
    }
    begun.sort();
    begun.dedup();
    assert_eq!(begun.len(), 40);
    assert_eq!(records.in_progress("c", 0).await.unwrap().all, 40);
}

async fn an_attempt_is_settled_once_and_decides_what_follows(subject: Subject) {
    subject.campaign("c", 1).await;
    let node = NodeId::generate();
    let claimed = subject.claim("c", node, NOW, 1).await;
    let held = (node, claimed.first().unwrap());
    let (call, _) = subject.begin("c", held, 9, NOW).await;
    let again = NextStep::Again {
        due_ms: NOW + MINUTE,
        reason: "again 1m after `busy`".to_owned(),
    };
    assert!(subject.settle(call, "busy", again).await);
    assert!(
        !subject.settle(call, "busy", DONE).await,
        "another node was first"
    );
    let report = subject.records.report("c", None, 9).await.unwrap();
    let line = report.first().unwrap();
    assert_eq!(
        (
            line.state.as_str(),
            line.attempts,
            line.outcome.as_deref(),
            line.due_ms
        ),
        ("waiting", 1, Some("busy"), NOW + MINUTE)
    );
    assert_eq!(subject.claim("c", node, NOW + MINUTE - 1, 1).await.len(), 0);
    let claimed = subject.claim("c", node, NOW + MINUTE, 1).await;
    assert_eq!(claimed.first().unwrap().attempts, 1);
    // one that dialled nobody does not count
    let held = (node, claimed.first().unwrap());
    let (call, _) = subject.begin("c", held, 9, NOW + MINUTE).await;
    assert!(
        subject
            .settle(call, Outcome::NotDialled.as_str(), DONE)
            .await
    );
    let key = &claimed.first().unwrap().key;
    let history = subject
        .records
        .dial_history(&phone(0), (0, 0), ("c", key))
        .await
        .unwrap();
    assert_eq!((history.of_campaign, history.last_ms), (1, Some(NOW)));
    let outcomes = subject.records.last_outcomes("c", 0, 9).await.unwrap();
    assert_eq!(outcomes.len(), 2);
}

async fn a_call_by_request_counts_among_a_customers_calls(subject: Subject) {
    subject.campaign("c", 1).await;
    let node = NodeId::generate();
    let event = |call_id, kind, unix_ms| {
        Arc::new(CallEvent {
            id: EventId::generate(),
            call_id,
            node,
            unix_ms,
            kind,
        })
    };
    let requested = EventKind::Requested(Requested {
        customer_number: Some(phone(0)),
        flow: None,
        dials: true,
        traced_from: None,
    });
    let refused = EventKind::Dialled(DialAnswer::Refused {
        reason: "no balance".to_owned(),
    });
    let answered = EventKind::Dialled(DialAnswer::Unknown {
        reason: "no answer".to_owned(),
    });
    // one that was dialled, one that certainly was not, one that waits, and one that came in
    let calls: Vec<_> = (0..4).map(|_| CallId::generate()).collect();
    let [dialled, undialled, waits, inbound] = calls.as_slice() else {
        panic!("{calls:?}");
    };
    let came_in = EventKind::AppletAsked(Box::new(AppletAsked {
        is_passthru: true,
        at_ms: None,
        call_sid: CallSid::parse("c1").unwrap(),
        order: None,
        direction: None,
        customer_number: Some(phone(0)),
        line_number: None,
        problems: Vec::new(),
        late_problems: Vec::new(),
        customer_found: false,
    }));
    let events = [
        event(*dialled, requested.clone(), NOW),
        event(*dialled, EventKind::Dialling, NOW + 1),
        event(*dialled, answered, NOW + 2),
        event(*undialled, requested.clone(), NOW),
        event(*undialled, EventKind::Dialling, NOW + 1),
        event(*undialled, refused, NOW + 2),
        event(*waits, requested, NOW),
        event(*inbound, came_in, NOW),
    ];
    subject.records.append(&events).await.unwrap();
    let claimed = subject.claim("c", node, NOW, 1).await;
    let customer = claimed.first().unwrap();
    let history = async || {
        let history = subject
            .records
            .dial_history(&phone(0), (NOW, NOW), ("c", &customer.key))
            .await
            .unwrap();
        (history.today, history.of_campaign, history.last_ms)
    };
    assert_eq!(history().await, (1, 0, Some(NOW)));
    // a campaign's call has an attempt and a record, and counts once
    let (call, _) = subject.begin("c", (node, customer), 9, NOW + 10).await;
    let requested = EventKind::Requested(Requested {
        customer_number: Some(phone(0)),
        flow: None,
        dials: true,
        traced_from: None,
    });
    let events = [
        event(call, requested, NOW + 10),
        event(call, EventKind::Dialling, NOW + 11),
    ];
    subject.records.append(&events).await.unwrap();
    assert_eq!(history().await, (2, 1, Some(NOW + 10)));
}

async fn an_attempt_whose_node_died_is_found_by_the_end_of_its_call(subject: Subject) {
    subject.campaign("c", 3).await;
    let (dead, alive) = (NodeId::generate(), NodeId::generate());
    let records = &subject.records;
    records.heartbeat(dead, NOW, NOW + MINUTE).await.unwrap();
    let claimed = subject.claim("c", dead, NOW, 3).await;
    let mut calls = Vec::new();
    for customer in &claimed {
        calls.push(subject.begin("c", (dead, customer), 9, NOW).await.0);
    }
    // it dies before it has asked Exotel, while it asks, and before the call is recorded
    let event = |call_id, kind, after| {
        Arc::new(CallEvent {
            id: EventId::generate(),
            call_id,
            node: dead,
            unix_ms: NOW + after,
            kind,
        })
    };
    let [waits, asks, unrecorded] = calls.as_slice() else {
        panic!("{calls:?}");
    };
    let requested = |number| {
        EventKind::Requested(Requested {
            customer_number: Some(phone(number)),
            flow: None,
            dials: true,
            traced_from: None,
        })
    };
    let events = [
        event(*waits, requested(0), 1),
        event(*asks, requested(1), 1),
        event(*asks, EventKind::Dialling, 2),
    ];
    records.append(&events).await.unwrap();
    // while its lease lasts, only the attempt without a call is of interest
    let later = NOW + MINUTE - 1;
    assert_eq!(records.close_abandoned(alive, &[], later).await.unwrap(), 0);
    let open: Vec<_> = records.open_attempts(None, 9).await.unwrap();
    assert_eq!(
        open.iter().map(|open| open.call_id).collect::<Vec<_>>(),
        [*unrecorded]
    );
    assert_eq!(
        records
            .close_abandoned(alive, &[dead], NOW + MINUTE + 1)
            .await
            .unwrap(),
        2
    );
    let mut open = records.open_attempts(None, 9).await.unwrap();
    open.sort_by_key(|open| calls.iter().position(|call| *call == open.call_id));
    let mut found = Vec::new();
    for attempt in &open {
        let record = records.by_id(attempt.call_id).await.unwrap();
        assert_eq!(record.is_some(), attempt.changed_ms.is_some());
        found.push(record);
    }
    let outcome = |at: usize| {
        let record = found.get(at)?.as_ref()?;
        let problem = record.problems.first()?;
        Some((record.outcome.clone()?, problem.name.clone()))
    };
    assert_eq!(
        outcome(0),
        Some((
            Outcome::NotDialled.as_str().to_owned(),
            "dial-refused".to_owned()
        ))
    );
    assert_eq!(
        outcome(1),
        Some(("never-connected".to_owned(), "dial-unknown".to_owned()))
    );
    assert_eq!((open.len(), outcome(2)), (3, None));
}

async fn a_campaign_is_finished_when_all_are_done(subject: Subject) {
    subject.campaign("c", 2).await;
    let records = &subject.records;
    let node = NodeId::generate();
    let claimed = subject.claim("c", node, NOW, 2).await;
    let [one, two] = claimed.as_slice() else {
        panic!("{claimed:?}");
    };
    let refused = NextStep::Done {
        reason: Some("asked not to be called any more".to_owned()),
    };
    records
        .postpone("c", &one.key, node, &refused, NOW)
        .await
        .unwrap();
    let (call, _) = subject.begin("c", (node, two), 9, NOW).await;
    assert!(!records.finish_campaign("c", NOW).await.unwrap());
    subject.settle(call, "transferred", DONE).await;
    assert!(records.finish_campaign("c", NOW + 5).await.unwrap());
    let campaign = records.campaign("c").await.unwrap().unwrap();
    assert_eq!(
        (campaign.state, campaign.ended_ms),
        (CampaignState::Finished, Some(NOW + 5))
    );
    let tally: Vec<_> = records
        .tally("c")
        .await
        .unwrap()
        .into_iter()
        .map(|tally| (tally.state, tally.outcome, tally.customers))
        .collect();
    assert_eq!(tally.len(), 2);
    assert!(tally.contains(&("done".to_owned(), Some("transferred".to_owned()), 1)));
    assert!(tally.contains(&("done".to_owned(), None, 1)));
}

async fn states_change_only_from_the_expected_one(subject: Subject) {
    subject.campaign("c", 1).await;
    let records = &subject.records;
    let stop = (CampaignState::Running, CampaignState::Stopped);
    assert!(
        records
            .change_campaign("c", stop, Some("9 failed"), NOW + 1)
            .await
            .unwrap()
    );
    assert!(
        !records
            .change_campaign("c", stop, None, NOW + 2)
            .await
            .unwrap()
    );
    let campaign = records.campaign("c").await.unwrap().unwrap();
    assert_eq!(
        (
            campaign.reason.as_deref(),
            campaign.started_ms,
            campaign.changed_ms
        ),
        (Some("9 failed"), Some(NOW), NOW + 1)
    );
    assert_eq!(records.running_campaigns().await.unwrap(), []);
    assert_eq!(records.campaigns().await.unwrap().len(), 1);
}

async fn a_call_that_exotel_answered_with_503_holds_no_place_of_its_campaign_for_longer_than_a_phone_rings(
    subject: Subject,
) {
    subject.campaign("c", 3).await;
    let (records, node) = (&subject.records, NodeId::generate());
    let claimed = subject.claim("c", node, NOW, 3).await;
    let [a, b, c] = claimed.as_slice() else {
        panic!("{claimed:?}");
    };
    let begin = async |customer: &DueCustomer, quiet_ms: u64| {
        let call_id = CallId::generate();
        let new = NewAttempt {
            campaign: "c",
            key: &customer.key,
            phone: &customer.phone,
            call_id,
            node,
            at_once: 1,
            pace_ms: 0,
            quiet_ms,
        };
        (call_id, records.begin_attempt(&new, NOW).await.unwrap())
    };
    let dialled = async |call: CallId, phone: &PhoneNumber| {
        let requested = EventKind::Requested(Requested {
            customer_number: Some(phone.clone()),
            flow: None,
            dials: true,
            traced_from: None,
        });
        let unknown = EventKind::Dialled(DialAnswer::Unknown {
            reason: "Exotel failed (503)".to_owned(),
        });
        let events: Vec<_> = [requested, EventKind::Dialling, unknown]
            .into_iter()
            .zip(NOW..)
            .map(|(kind, unix_ms)| {
                Arc::new(CallEvent {
                    id: EventId::generate(),
                    call_id: call,
                    node,
                    unix_ms,
                    kind,
                })
            })
            .collect();
        records.append(&events).await.unwrap();
    };
    let last_ms = NOW + 2;
    let (call, begun) = begin(a, 0).await;
    assert_eq!(begun, Begun::Yes);
    dialled(call, &a.phone).await;
    // it may ring
    assert_eq!(begin(b, last_ms).await.1, Begun::Full);
    assert_eq!(records.ringing(last_ms).await.unwrap(), 1);
    // it rings no more
    assert_eq!(records.ringing(last_ms + 1).await.unwrap(), 0);
    let quiet = records.in_progress("c", last_ms + 1).await.unwrap();
    assert_eq!((quiet.all, quiet.quiet, quiet.taken(1)), (1, 1, 0));
    let (call, begun) = begin(b, last_ms + 1).await;
    assert_eq!(begun, Begun::Yes);
    dialled(call, &b.phone).await;
    // more of them than places hold places again: Exotel answers nothing
    assert_eq!(begin(c, last_ms + 1).await.1, Begun::Full);
}
