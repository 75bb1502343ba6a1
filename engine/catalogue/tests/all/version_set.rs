//! The stages of a version: candidate, active, previous, rolled back, draining; and what moves a
//! version between them.

use std::fs;

use ghanti_catalogue::{ChangeError, SetWeight, Stage};
use ghanti_host::{Limit, RunEnd, ScriptedCaller};
use ghanti_model::{CallError, CallFacts, CallId, VersionId};

use crate::common::{ACTS, House, RULES, facts};
use crate::watched::{Watched, name};

struct Flow(Watched);

impl Flow {
    async fn new() -> Self {
        let house = House::new();
        house.add("acts", ACTS, &manifest("converse", ""));
        Self(Watched::over(house).await)
    }

    /// Puts another version into the folder and loads it.
    async fn put(&self, act: &str, more: &str) -> VersionId {
        let before = self.ids();
        self.0.house.add("acts", ACTS, &manifest(act, more));
        assert_eq!(self.0.catalogue.reload().await.unwrap(), []);
        self.ids()
            .into_iter()
            .find(|id| !before.contains(id))
            .unwrap_or_else(|| self.active())
    }

    fn ids(&self) -> Vec<VersionId> {
        self.0
            .state("acts")
            .unwrap()
            .versions
            .into_iter()
            .map(|version| version.id)
            .collect()
    }

    fn active(&self) -> VersionId {
        self.0.active("acts").unwrap()
    }

    fn stages(&self) -> Vec<Stage> {
        self.0
            .state("acts")
            .unwrap()
            .versions
            .iter()
            .map(|version| version.stage)
            .collect()
    }

    fn rollback(&self) -> Result<VersionId, ChangeError> {
        self.0.catalogue.rollback(&name("acts"), "it was asked for")
    }

    fn promote(&self) -> Result<VersionId, ChangeError> {
        self.0.catalogue.promote(&name("acts"))
    }

    fn set_weight(&self, meant: Option<&VersionId>, weight: u8) -> Result<VersionId, ChangeError> {
        let weight = SetWeight {
            weight,
            by: "asha".to_owned(),
            at_ms: 7,
        };
        self.0.catalogue.set_weight(&name("acts"), meant, weight)
    }

    /// The share of the candidate, and whether somebody has set it.
    fn share(&self) -> Option<(u8, bool)> {
        let state = self.0.state("acts").unwrap();
        let candidate = state.version(Stage::Candidate)?;
        Some((candidate.share()?, candidate.set.is_some()))
    }

    /// How many of 1,000 calls a version gets.
    fn of_thousand(&self, id: &VersionId) -> usize {
        let calls = (0..1_000).map(|_| CallFacts {
            call_id: CallId::generate(),
            ..facts()
        });
        calls
            .filter(|call| self.0.catalogue.choose(call, None).unwrap().id == *id)
            .count()
    }
}

fn manifest(act: &str, more: &str) -> String {
    format!("[settings]\nact = \"{act}\"\n{RULES}{more}")
}

fn trapped() -> RunEnd {
    RunEnd::Trapped {
        reason: "unreachable".to_owned(),
        stack: Vec::new(),
    }
}

#[tokio::test]
async fn a_call_keeps_its_version_and_the_version_is_gone_with_its_last_call() {
    let flow = Flow::new().await;
    let (first, second) = (flow.0.call(), flow.0.call());
    let old = flow.active();
    assert_eq!(flow.0.stage("acts", &old), Some((Stage::Active, 2)));
    for act in ["emi-first", "trap", "loop"] {
        flow.put(act, "").await;
    }
    assert_eq!(flow.0.stage("acts", &old), Some((Stage::Draining, 2)));
    assert_eq!((&first.id, &second.id), (&old, &old));
    drop(first);
    assert_eq!(flow.0.stage("acts", &old), Some((Stage::Draining, 1)));
    let caller = ScriptedCaller::new([]).hang_up_at("identity");
    assert_eq!(
        second
            .run(Box::new(caller), second.journal(facts().call_id))
            .await,
        RunEnd::CallEnded
    );
    drop(second);
    assert_eq!(flow.0.stage("acts", &old), None);
}

#[tokio::test]
async fn the_two_versions_before_come_back_one_after_the_other() {
    let flow = Flow::new().await;
    let first = flow.active();
    assert_eq!(
        flow.rollback(),
        Err(ChangeError::NothingBefore(name("acts")))
    );
    assert_eq!(
        flow.0.catalogue.rollback(&name("none"), ""),
        Err(ChangeError::Unknown(name("none")))
    );
    let second = flow.put("emi-first", "").await;
    let third = flow.put("trap", "").await;
    assert_eq!(flow.active(), third);
    assert_eq!(flow.rollback(), Ok(second.clone()));
    let state = flow.0.state("acts").unwrap();
    let rolled_back = state.version(Stage::RolledBack).unwrap();
    assert_eq!(
        (&rolled_back.id, rolled_back.reason.as_deref()),
        (&third, Some("it was asked for"))
    );
    assert_eq!(flow.rollback(), Ok(first.clone()));
    assert!(flow.rollback().is_err());
    assert_eq!(flow.active(), first);
}

#[tokio::test]
async fn what_was_rolled_back_does_not_return_by_itself_but_by_a_promotion() {
    let flow = Flow::new().await;
    let first = flow.active();
    let second = flow.put("emi-first", "").await;
    flow.rollback().unwrap();
    assert_eq!(flow.0.catalogue.reload().await.unwrap(), []);
    // the prompt file was rewritten with the same content
    flow.0.house.add("acts", ACTS, &manifest("emi-first", ""));
    assert_eq!(flow.0.catalogue.reload().await.unwrap(), []);
    assert_eq!(flow.active(), first);
    assert_eq!(flow.promote(), Ok(second.clone()));
    assert_eq!(
        (flow.active(), flow.stages()),
        (second, vec![Stage::Active, Stage::Previous])
    );
    assert_eq!(
        flow.promote(),
        Err(ChangeError::NothingToPromote(name("acts")))
    );
}

#[tokio::test]
async fn a_candidate_takes_its_share_of_the_calls_and_always_the_same_ones() {
    let flow = Flow::new().await;
    let old = flow.active();
    let candidate = flow.put("emi-first", "[update]\nweight = 10\n").await;
    assert_eq!(
        (flow.active(), flow.stages()),
        (old.clone(), vec![Stage::Candidate, Stage::Active])
    );
    let calls: Vec<_> = (0..2_000)
        .map(|_| CallFacts {
            call_id: CallId::generate(),
            ..facts()
        })
        .collect();
    let choose = || {
        calls
            .iter()
            .map(|call| flow.0.catalogue.choose(call, None).unwrap().id.clone())
            .collect::<Vec<_>>()
    };
    let chosen = choose();
    assert_eq!(chosen, choose());
    let share = chosen.iter().filter(|id| **id == candidate).count();
    assert!((140..260).contains(&share), "{share} of 2,000");
    assert_eq!(flow.promote(), Ok(candidate.clone()));
    assert!(choose().iter().all(|id| *id == candidate));
    assert_eq!(flow.stages(), [Stage::Active, Stage::Previous]);
}

#[tokio::test]
async fn a_share_that_was_set_holds_as_long_as_its_candidate_is_one() {
    let flow = Flow::new().await;
    assert_eq!(
        flow.set_weight(None, 5),
        Err(ChangeError::NoCandidate(name("acts")))
    );
    let candidate = flow.put("emi-first", "[update]\nweight = 10\n").await;
    assert_eq!(flow.share(), Some((10, false)));
    assert_eq!(flow.set_weight(Some(&candidate), 0), Ok(candidate.clone()));
    assert_eq!(
        (flow.share(), flow.of_thousand(&candidate)),
        (Some((0, true)), 0)
    );
    // all calls, and no promotion
    flow.set_weight(None, 100).unwrap();
    assert_eq!(
        (flow.of_thousand(&candidate), flow.stages()),
        (1_000, vec![Stage::Candidate, Stage::Active])
    );
    flow.set_weight(None, 50).unwrap();
    let share = flow.of_thousand(&candidate);
    assert!((400..600).contains(&share), "{share} of 1,000");

    // files that are rejected, and the candidate's own again, leave it as it is
    flow.0.house.add("acts", ACTS, "[settings");
    assert_eq!(flow.0.catalogue.reload().await.unwrap().len(), 1);
    assert_eq!(flow.share(), Some((50, true)));
    let own = manifest("emi-first", "[update]\nweight = 10\n");
    flow.0.house.add("acts", ACTS, &own);
    assert_eq!(flow.0.catalogue.reload().await.unwrap(), []);
    assert_eq!(flow.share(), Some((50, true)));

    // the next candidate has its manifest's, and is not meant by who saw the one before
    let next = flow.put("trap", "[update]\nweight = 20\n").await;
    assert_eq!(flow.share(), Some((20, false)));
    assert!(matches!(
        flow.set_weight(Some(&candidate), 90),
        Err(ChangeError::OtherCandidate { version, .. }) if version == candidate
    ));
    assert_eq!(flow.share(), Some((20, false)));
    flow.set_weight(Some(&next), 30).unwrap();
    assert_eq!(flow.promote(), Ok(next.clone()));
    assert_eq!((flow.share(), flow.of_thousand(&next)), (None, 1_000));
    let last = flow.put("loop", "[update]\nweight = 40\n").await;
    assert_eq!(flow.share(), Some((40, false)));
    flow.set_weight(None, 60).unwrap();
    flow.rollback().unwrap();
    assert_eq!((flow.share(), flow.of_thousand(&last)), (None, 0));
}

#[tokio::test]
async fn a_candidate_whose_share_was_set_is_withdrawn_for_its_failures_as_any() {
    let flow = Flow::new().await;
    let active = flow.active();
    let budget = "[update]\nweight = 10\n[on-failure]\nbudget = \"1/10m\"\n";
    let candidate = flow.put("trap", budget).await;
    flow.set_weight(None, 100).unwrap();
    let version = flow.0.catalogue.loaded(&name("acts"), &candidate).unwrap();
    for at_ms in [1_000, 2_000] {
        flow.0.catalogue.report(&version, &trapped(), at_ms);
    }
    assert_eq!(
        flow.0.stage("acts", &candidate),
        Some((Stage::RolledBack, 0))
    );
    assert_eq!((flow.active(), flow.share()), (active.clone(), None));
    assert_eq!(flow.of_thousand(&active), 1_000);
}

#[tokio::test]
async fn a_candidate_is_rolled_back_before_the_active_version_is_touched() {
    let flow = Flow::new().await;
    let first = flow.active();
    let second = flow.put("emi-first", "").await;
    let candidate = flow.put("trap", "[update]\nweight = 50\n").await;
    assert_eq!(flow.rollback(), Ok(second));
    assert_eq!(
        flow.0.stage("acts", &candidate),
        Some((Stage::RolledBack, 0))
    );
    assert_eq!(flow.rollback(), Ok(first));
    // restored files are the same version as before
    let candidate = flow.put("loop", "[update]\nweight = 50\n").await;
    flow.put("converse", "").await;
    assert_eq!(flow.0.stage("acts", &candidate), None);
    assert_eq!(flow.stages(), [Stage::Active, Stage::RolledBack]);
}

#[tokio::test]
async fn a_flow_of_its_own_takes_all_calls_whatever_its_weight() {
    let house = House::new();
    house.add(
        "acts",
        ACTS,
        &manifest("converse", "[update]\nweight = 0\n"),
    );
    let watched = Watched::over(house).await;
    let call = watched.call();
    assert_eq!(watched.stage("acts", &call.id), Some((Stage::Active, 1)));
}

#[tokio::test]
async fn failures_above_the_budget_bring_the_version_before_back_and_say_so() {
    let flow = Flow::new().await;
    let first = flow.active();
    let failing = flow.put("trap", "[on-failure]\nbudget = \"2/10m\"\n").await;
    let minute = 60_000;
    for at_ms in [0, minute, 2 * minute] {
        let call = flow.0.call();
        assert_eq!(call.id, failing);
        let end = call
            .run(
                Box::new(ScriptedCaller::new([])),
                call.journal(CallId::generate()),
            )
            .await;
        // failures that are not the flow's fault do not count
        for end in [
            RunEnd::Returned,
            RunEnd::CallEnded,
            RunEnd::Failed(CallError::Unavailable("x".to_owned())),
            RunEnd::LimitExceeded { what: Limit::Calls },
        ] {
            flow.0.catalogue.report(&call, &end, at_ms);
        }
        assert_eq!(flow.active(), failing);
        flow.0.catalogue.report(&call, &end, at_ms);
    }
    assert_eq!(flow.active(), first);
    let state = flow.0.state("acts").unwrap();
    let rolled_back = state.version(Stage::RolledBack).unwrap();
    let reason = "it failed 3 times, more than `[on-failure] budget` = `2/10m` bears";
    assert_eq!(
        (
            &rolled_back.id,
            rolled_back.reason.as_deref(),
            rolled_back.rolled_back_ms
        ),
        (&failing, Some(reason), Some(2 * minute))
    );
}

#[tokio::test]
async fn a_failing_candidate_goes_and_a_failing_active_version_takes_its_candidate_with_it() {
    let flow = Flow::new().await;
    let first = flow.active();
    let budget = "[on-failure]\nbudget = \"0/1m\"\n";
    let active = flow.put("emi-first", budget).await;
    let candidate = flow
        .put("trap", &format!("[update]\nweight = 50\n{budget}"))
        .await;
    let version = |id: &VersionId| loop {
        let call = flow.0.call();
        if call.id == *id {
            break call;
        }
    };
    flow.0.catalogue.report(&version(&candidate), &trapped(), 0);
    assert_eq!(
        (flow.active(), flow.stages()),
        (
            active.clone(),
            vec![Stage::Active, Stage::Previous, Stage::RolledBack]
        )
    );

    let candidate = flow
        .put("loop", &format!("[update]\nweight = 50\n{budget}"))
        .await;
    let draining = version(&candidate);
    flow.0.catalogue.report(&version(&active), &trapped(), 0);
    assert_eq!(
        (flow.active(), flow.stages()[0]),
        (first.clone(), Stage::Active)
    );
    assert_eq!(flow.0.stage("acts", &candidate), Some((Stage::Draining, 1)));
    // further failures of a version that takes no calls change nothing
    flow.0.catalogue.report(&draining, &trapped(), 1);
    assert_eq!(flow.active(), first);
}

#[tokio::test]
async fn without_a_version_before_a_failing_one_stays() {
    let house = House::new();
    house.add(
        "acts",
        ACTS,
        &manifest("trap", "[on-failure]\nbudget = \"0/1m\"\n"),
    );
    let watched = Watched::over(house).await;
    let call = watched.call();
    watched.catalogue.report(&call, &trapped(), 0);
    assert_eq!(watched.stage("acts", &call.id), Some((Stage::Active, 1)));
    fs::remove_dir_all(watched.house.flows().join("acts")).unwrap();
    watched
        .until("gone", |_| watched.active("acts").is_none())
        .await;
}
