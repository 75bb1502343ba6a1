//! What one of several nodes gets.

use ghanti_model::{CallId, NodeId};
use ghanti_store::{CallRecords, SqlRecords};

use super::Subject;
use super::common::sid;

/// How many nodes claim at once.
const NODES: usize = 8;

/// A call whose engine has stopped is taken up by one of those that try at once, also after the one
/// that got it has died in its turn.
pub(super) async fn one_of_several_nodes_goes_on_with_a_call(
    Subject {
        records,
        url,
        _folder: folder,
        ..
    }: Subject,
) {
    let mut nodes = Vec::new();
    for _ in 0..NODES {
        let own = SqlRecords::open(Some(&url), folder.path()).await.unwrap();
        let node = NodeId::generate();
        own.heartbeat(node, 1_000, 16_000).await.unwrap();
        nodes.push((own, node));
    }
    for round in 0..20 {
        let call = CallId::generate();
        let got = winners(&nodes, call, 0, 2_000).await;
        assert_eq!(got.len(), 1, "round {round}");
        // whoever asks later does not get it either, and who has it still has it
        assert_eq!(winners(&nodes, call, 0, 3_000).await, got);
        // it is another time
        let again = winners(&nodes, call, 1, 4_000).await;
        assert_eq!(again.len(), 1, "round {round}");
        // the one that got it is gone before it answered
        records.heartbeat(got[0], 5_000, 5_000).await.unwrap();
        let others: Vec<_> = nodes.iter().filter(|(_, node)| *node != got[0]).collect();
        let claims = others
            .iter()
            .map(|(own, node)| own.claim_resumption(call, 0, *node, 5_001));
        let claims = futures_util::future::join_all(claims).await;
        let won = claims.into_iter().filter(|claim| *claim.as_ref().unwrap());
        assert_eq!(won.count(), 1, "round {round}");
        // engines whose renewals are late: whoever claims has a lease from then on
        for (_, node) in &nodes {
            records.heartbeat(*node, 1_000, 1_500).await.unwrap();
        }
        let late = winners(&nodes, call, 2, 20_000).await;
        assert_eq!(late.len(), 1, "round {round}");
        for (_, node) in &nodes {
            records.heartbeat(*node, 1_000, 16_000).await.unwrap();
        }
    }
}

/// The nodes that get the call, of all that claim it at once.
async fn winners(
    nodes: &[(SqlRecords, NodeId)],
    call: CallId,
    nth: u32,
    now_ms: u64,
) -> Vec<NodeId> {
    let claims = nodes
        .iter()
        .map(|(own, node)| own.claim_resumption(call, nth, *node, now_ms));
    let claims = futures_util::future::join_all(claims).await;
    let mut won = Vec::new();
    for (claim, (_, node)) in claims.into_iter().zip(nodes) {
        if claim.unwrap() {
            won.push(*node);
        }
    }
    won
}

/// A CallSid that several dials without a reply may have made is one's, whichever asks again.
pub(super) async fn a_call_of_exotels_list_is_found_for_one_dial(
    Subject {
        url,
        _folder: folder,
        ..
    }: Subject,
) {
    const DAY_MS: u64 = 24 * 3_600_000;
    let mut nodes = Vec::new();
    for _ in 0..NODES {
        let own = SqlRecords::open(Some(&url), folder.path()).await.unwrap();
        nodes.push((own, CallId::generate()));
    }
    let claimants = async |listed: &str, now_ms| {
        let listed = sid(listed);
        let claims = nodes
            .iter()
            .map(|(own, call)| own.claim_call_sid(&listed, *call, now_ms));
        let claims = futures_util::future::join_all(claims).await;
        let of = claims.into_iter().zip(&nodes);
        of.filter_map(|(claim, (_, call))| claim.unwrap().then_some(*call))
            .collect::<Vec<_>>()
    };
    for round in 0..20 {
        let listed = format!("listed-{round}");
        let got = claimants(&listed, 5).await;
        assert_eq!(got.len(), 1, "round {round}");
        assert_eq!(claimants(&listed, 6).await, got, "round {round}");
    }
    // what is a day old is known by the call's record
    assert_eq!(claimants("another", 7 + DAY_MS).await.len(), 1);
    assert_eq!(claimants("listed-3", 7 + DAY_MS).await.len(), 1);
}
