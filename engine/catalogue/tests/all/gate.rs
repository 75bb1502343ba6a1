//! The replay gate in the catalogue: which versions it checks, and what happens to a candidate that
//! does not pass.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use ghanti_catalogue::{Catalogue, CatalogueSettings, Obstacle, ReplayCheck, ReplayVerdict};
use ghanti_host::{FlowVersion, Rejection, Step};
use ghanti_manifest::{Allowance, ReplayGate};
use ghanti_model::{DifferenceKind, FlowName, VersionId};

use crate::common::{ACTS, House, RULES, facts};

const GATE: &str = "[replay]\ngate = { calls = 5, kinds = [\"amounts\"] }\n";

/// Answers as the test specifies, and records which versions it was asked about; without an answer
/// it acts like a store that never responds.
#[derive(Default)]
struct Reported {
    answer: Mutex<Option<Result<ReplayVerdict, String>>>,
    asked: Mutex<Vec<VersionId>>,
}

#[async_trait]
impl ReplayCheck for Reported {
    async fn check(
        &self,
        candidate: &Arc<FlowVersion>,
        _gate: &ReplayGate,
    ) -> Result<ReplayVerdict, String> {
        self.asked.lock().unwrap().push(candidate.id.clone());
        let answer = self.answer.lock().unwrap().clone();
        match answer {
            Some(answer) => answer,
            None => std::future::pending().await,
        }
    }
}

struct Gated {
    house: House,
    reported: Arc<Reported>,
    catalogue: Catalogue,
}

impl Gated {
    /// A catalogue whose first version was loaded without a gate.
    async fn new() -> Self {
        let house = House::new();
        let reported = Arc::new(Reported::default());
        house.add("acts", ACTS, &manifest("converse", ""));
        let settings = CatalogueSettings {
            components: house.components(),
            allowance: Allowance::everything(),
            ..CatalogueSettings::default()
        };
        let replay_check: Arc<dyn ReplayCheck> = Arc::clone(&reported) as _;
        let (catalogue, rejections) = Catalogue::open_gated(
            house.engine.clone(),
            &house.flows(),
            settings,
            Some(replay_check),
        )
        .await
        .unwrap();
        assert_eq!(rejections, []);
        Self {
            house,
            reported,
            catalogue,
        }
    }

    async fn put(
        &self,
        manifest: &str,
        answer: Option<Result<ReplayVerdict, String>>,
    ) -> Vec<Rejection> {
        *self.reported.answer.lock().unwrap() = answer;
        self.house.add("acts", ACTS, manifest);
        self.catalogue.reload().await.unwrap()
    }

    fn active(&self) -> VersionId {
        self.catalogue
            .active(&FlowName::parse("acts").unwrap())
            .unwrap()
            .id
            .clone()
    }

    fn asked(&self) -> usize {
        self.reported.asked.lock().unwrap().len()
    }
}

fn manifest(act: &str, more: &str) -> String {
    format!("[settings]\nact = \"{act}\"\n{RULES}{more}")
}

fn obstacle(breaks_off: bool) -> ReplayVerdict {
    ReplayVerdict::Differs(Obstacle {
        call: facts().call_id,
        seq: 9,
        kind: DifferenceKind::Amounts,
        expected: "`say emi (amount)`".to_owned(),
        got: "`say emi (amount)`, which differs at `arguments[amount]`".to_owned(),
        breaks_off,
    })
}

#[tokio::test]
async fn a_candidate_that_repeats_the_recorded_calls_is_published() {
    let gated = Gated::new().await;
    let first = gated.active();
    assert_eq!(
        gated.asked(),
        0,
        "a manifest without a gate asks for nothing"
    );
    for (act, answer) in [
        ("emi-first", ReplayVerdict::Agrees { calls: 0 }),
        ("text", ReplayVerdict::Agrees { calls: 5 }),
        ("claim", ReplayVerdict::HeldBefore),
    ] {
        let before = gated.active();
        assert_eq!(gated.put(&manifest(act, GATE), Some(Ok(answer))).await, []);
        assert_ne!(gated.active(), before, "{act}");
    }
    assert_eq!(
        (
            gated.asked(),
            gated.reported.asked.lock().unwrap()[2].clone()
        ),
        (3, gated.active())
    );
    // a version that has taken calls in this engine returns without another check
    assert_eq!(gated.put(&manifest("emi-first", GATE), None).await, []);
    assert_eq!(gated.asked(), 3);
    assert_ne!(gated.active(), first);
}

#[tokio::test]
async fn a_candidate_that_differs_is_rejected_with_both_sides_and_the_active_version_stays() {
    let gated = Gated::new().await;
    let first = gated.active();
    let rejections = gated
        .put(&manifest("emi-first", GATE), Some(Ok(obstacle(false))))
        .await;
    let [
        Rejection {
            step: Step::Replay,
            reason,
            hint,
            ..
        },
    ] = rejections.as_slice()
    else {
        panic!("{rejections:?}")
    };
    assert_eq!(
        reason,
        "call 019b8d2a-0000-7000-8000-00000000002a would go otherwise at entry 9 (amounts): expected `say emi (amount)`; \
         got `say emi (amount)`, which differs at `arguments[amount]`"
    );
    assert!(
        hint.contains("take `amounts` out of `[replay] gate`"),
        "{hint}"
    );
    assert_eq!(gated.active(), first);

    let rejections = gated
        .put(&manifest("text", GATE), Some(Ok(obstacle(true))))
        .await;
    assert!(
        rejections[0]
            .reason
            .ends_with("what follows cannot be shown to agree in amounts"),
        "{rejections:?}"
    );
    assert!(
        rejections[0]
            .hint
            .contains("take `[replay] gate` away for this version"),
        "{rejections:?}"
    );
    assert_eq!(gated.active(), first);
}

#[tokio::test]
async fn a_gate_that_cannot_be_checked_stays_shut_until_it_can() {
    let gated = Gated::new().await;
    let first = gated.active();
    let candidate = manifest("emi-first", GATE);
    let rejections = gated
        .put(
            &candidate,
            Some(Err("SQLite: no answer within 2000 ms".to_owned())),
        )
        .await;
    let [
        Rejection {
            step: Step::Replay,
            reason,
            hint,
            ..
        },
    ] = rejections.as_slice()
    else {
        panic!("{rejections:?}")
    };
    assert!(
        reason.ends_with("SQLite: no answer within 2000 ms")
            && hint.contains("POST /api/flows/reload"),
        "{rejections:?}"
    );
    assert_eq!(gated.active(), first);
    assert_eq!(
        gated
            .put(&candidate, Some(Ok(ReplayVerdict::Agrees { calls: 2 })))
            .await,
        []
    );
    assert_ne!(gated.active(), first);
}

#[tokio::test]
async fn a_gate_that_never_answers_is_given_up() {
    let gated = Gated::new().await;
    let first = gated.active();
    let candidate = manifest("emi-first", GATE);
    let waiting = gated.put(&candidate, None);
    let mut waiting = std::pin::pin!(waiting);
    // reading and loading take real time; the gate's own time limit is made to pass at once
    while gated.asked() == 0 {
        tokio::select! {
            rejections = &mut waiting => panic!("{rejections:?}"),
            () = tokio::time::sleep(std::time::Duration::from_millis(5)) => {}
        }
    }
    tokio::time::pause();
    tokio::time::advance(std::time::Duration::from_secs(61)).await;
    let rejections = waiting.await;
    assert_eq!((rejections.len(), rejections[0].step), (1, Step::Replay));
    assert!(
        rejections[0].reason.contains("within 60 s"),
        "{rejections:?}"
    );
    assert_eq!(gated.active(), first);
}
