//! Every change of a chain is found, and where; an erasure that is recorded is no change.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::event::samples::every_kind;
use crate::{Erasable, Masked};

const CALL: &str = "0190a1b2-0000-7000-8000-000000000001";

fn call() -> CallId {
    CallId::parse(CALL).unwrap()
}

/// Appends an event, as a store does.
fn append(events: &mut Vec<ChainedEvent>, kind: &EventKind) -> ChainHead {
    let head = events
        .last()
        .map_or_else(ChainHead::default, |last| ChainHead {
            length: last.position,
            hash: last.hash.clone(),
        });
    let payload = serde_json::to_string(kind).unwrap();
    let salt = format!("{:032x}", events.len());
    let mut event = ChainedEvent {
        position: 0,
        id: EventId::generate().to_string(),
        node: NodeId::NONE.to_string(),
        unix_ms: 5,
        kind: kind.name().to_owned(),
        payload_hash: payload_hash(&salt, &payload),
        payload: Some(payload),
        salt: Some(salt),
        hash: String::new(),
    };
    let head = head.with(call(), &event.link());
    (event.position, event.hash) = (head.length, head.hash.clone());
    events.push(event);
    head
}

fn chain() -> (Vec<ChainedEvent>, ChainHead) {
    let (mut events, mut head) = (Vec::new(), ChainHead::default());
    for kind in every_kind(call()) {
        head = append(&mut events, &kind);
    }
    (events, head)
}

/// Erases, as a store does.
fn erase(events: &mut Vec<ChainedEvent>, what: Erasable) -> ChainHead {
    for event in events.iter_mut() {
        let kind = event.event(call()).unwrap().kind;
        if let Some(kind) = kind.without(what) {
            event.payload = Some(serde_json::to_string(&kind).unwrap());
            event.salt = None;
        }
    }
    let erased = Erased::of(what, events.iter());
    append(events, &EventKind::Erased(erased))
}

#[test]
fn the_hash_is_the_documented_one() {
    let link = Link {
        id: "a",
        unix_ms: 5,
        node: "n",
        kind: "listening",
        payload_hash: "00",
    };
    let text = format!(r#"["ghanti-chain-1","{CALL}",1,"{START}","a",5,"n","listening","00"]"#);
    assert_eq!(
        ChainHead::default().with(call(), &link).hash,
        sha256(text.as_bytes())
    );
    // FIPS 180-2, appendix B.1, in two parts
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(payload_hash("a", "bc"), abc);
}

#[test]
fn every_change_is_found_where_it_is() {
    let (events, head) = chain();
    let count = u64::try_from(events.len()).unwrap();
    let intact = Intact {
        events: count,
        erased: 0,
    };
    assert_eq!(verify(call(), &events, &head), Ok(intact));
    type Change = fn(&mut Vec<ChainedEvent>);
    let changes: [(&str, u64, Change); 10] = [
        ("a payload", 3, |events| {
            events[2].payload = Some(r#"{"kind":"listening"}"#.to_owned());
        }),
        ("a payload removed", 3, |events| events[2].payload = None),
        ("a payload with its hash", 3, |events| {
            let payload = r#"{"kind":"listening"}"#;
            events[2].payload = Some(payload.to_owned());
            events[2].payload_hash = payload_hash("", payload);
            events[2].salt = None;
        }),
        ("a time", 4, |events| events[3].unix_ms += 1),
        ("a kind", 4, |events| events[3].kind.push('x')),
        ("a node", 4, |events| {
            events[3].node = NodeId::generate().to_string();
        }),
        ("the order", 2, |events| events.swap(1, 2)),
        ("one removed", 5, |events| drop(events.remove(4))),
        ("one repeated", 3, |events| {
            let twice = events[1].clone();
            events.insert(2, twice);
        }),
        ("one beside the chain", 1, |events| {
            let mut added = events[1].clone();
            added.position = 0;
            events.insert(0, added);
        }),
    ];
    for (what, position, change) in changes {
        let mut changed = events.clone();
        change(&mut changed);
        let broken = verify(call(), &changed, &head).expect_err(what);
        assert_eq!(broken.position, position, "{what}: {broken}");
    }
    // the last one is missed by the head alone
    let broken = verify(call(), &events[..events.len() - 1], &head).unwrap_err();
    assert_eq!(broken.position, count);
    assert!(verify(CallId::generate(), &events, &head).is_err());
}

#[test]
fn an_erasure_leaves_the_chain_intact_and_says_how_much_it_was() {
    let (mut events, _) = chain();
    erase(&mut events, Erasable::Journal);
    let head = erase(&mut events, Erasable::Personal);
    let intact = verify(call(), &events, &head).unwrap();
    assert!(
        intact.erased > 10 && intact.erased < intact.events,
        "{intact:?}"
    );
    // what was erased cannot be replaced by something else, nor can more be erased silently
    let erased = events
        .iter()
        .position(|event| event.salt.is_none())
        .unwrap();
    let mut changed = events.clone();
    changed[erased].payload = Some(r#"{"kind":"listening"}"#.to_owned());
    assert!(verify(call(), &changed, &head).is_err());
    let kept = events
        .iter()
        .position(|event| event.salt.is_some())
        .unwrap();
    let mut changed = events.clone();
    changed[kept].payload = None;
    assert!(verify(call(), &changed, &head).is_err());
}

#[test]
fn what_is_left_says_nothing_of_persons_and_folds_to_the_same_facts() {
    let (mut events, _) = chain();
    let fold = |events: &[ChainedEvent]| {
        let events: Vec<_> = events
            .iter()
            .filter_map(|event| event.event(call()))
            .collect();
        crate::CallRecord::fold(call(), &events)
    };
    let before = fold(&events);
    erase(&mut events, Erasable::Personal);
    let after = fold(&events);
    assert_eq!(
        (
            before.state,
            before.outcome,
            before.flow,
            before.steps,
            before.ended_ms
        ),
        (
            after.state,
            after.outcome,
            after.flow,
            after.steps,
            after.ended_ms
        )
    );
    assert_eq!(before.transcript.len(), after.transcript.len());
    assert!(
        after
            .transcript
            .iter()
            .all(|line| line.text == Masked::new(""))
    );
    assert!(after.customer_number.is_none() && after.journal.is_none());
    // erasing again finds nothing
    let rest = events.iter().filter_map(|event| event.event(call()));
    assert_eq!(
        rest.filter_map(|event| event.kind.without(Erasable::Personal))
            .count(),
        0
    );
}
