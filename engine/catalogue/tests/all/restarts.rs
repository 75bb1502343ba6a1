//! What was decided of a flow's versions holds over a restart.

use std::fs;
use std::time::{Duration, Instant};

use ghanti_catalogue::{Catalogue, SetWeight, Stage};
use ghanti_model::VersionId;

use crate::common::{ACTS, House, RULES};
use crate::watched::name;

/// Versions of the flow `acts`, which differ in a setting.
fn manifest(version: &str, weight: u8) -> String {
    format!("[settings]\nversion = \"{version}\"\n[update]\nweight = {weight}\n{RULES}")
}

fn stages(catalogue: &Catalogue) -> Vec<(VersionId, Stage)> {
    let state = catalogue.states().remove(0);
    let stage = |version: &ghanti_catalogue::VersionState| (version.id.clone(), version.stage);
    let mut stages: Vec<_> = state.versions.iter().map(stage).collect();
    stages.retain(|(_, stage)| *stage != Stage::Previous);
    stages
}

fn active(catalogue: &Catalogue) -> VersionId {
    catalogue.active(&name("acts")).unwrap().id.clone()
}

/// Makes version 2 the candidate for a tenth of the calls, alongside version 1. Returns the id of
/// version 1.
async fn with_candidate(house: &House) -> (Catalogue, VersionId) {
    house.add("acts", ACTS, &manifest("1", 100));
    let (catalogue, _) = house.open().await;
    let first = active(&catalogue);
    house.add("acts", ACTS, &manifest("2", 10));
    catalogue.reload().await.unwrap();
    (catalogue, first)
}

/// Waits until the state on disk has these words: it is written behind the change.
fn kept(house: &House, words: &str, is_there: bool) {
    let file = house.folder.path().join("data/flows/acts.json");
    let given_up = Instant::now() + Duration::from_secs(60);
    loop {
        let text = fs::read_to_string(&file).unwrap_or_default();
        if text.contains(words) == is_there {
            return;
        }
        assert!(Instant::now() < given_up, "{text}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test]
async fn a_version_that_was_rolled_back_stays_so_over_restarts_until_it_is_promoted() {
    let house = House::new();
    house.add("acts", ACTS, &manifest("1", 100));
    let (catalogue, _) = house.open().await;
    let good = active(&catalogue);
    house.add("acts", ACTS, &manifest("2", 100));
    assert_eq!(catalogue.reload().await.unwrap(), []);
    let bad = active(&catalogue);
    assert_ne!(bad, good);
    catalogue.rollback(&name("acts"), "it misbehaves").unwrap();
    kept(&house, "it misbehaves", true);
    drop(catalogue);

    for _ in 0..2 {
        let (catalogue, rejections) = house.open().await;
        assert_eq!(rejections, []);
        assert_eq!(
            stages(&catalogue),
            [
                (good.clone(), Stage::Active),
                (bad.clone(), Stage::RolledBack)
            ]
        );
        let state = catalogue.states().remove(0);
        let gone = state.versions.iter().find(|version| version.id == bad);
        assert_eq!(gone.unwrap().reason.as_deref(), Some("it misbehaves"));
        assert_eq!(state.warnings, Vec::<String>::new());
        // another look at the same files changes nothing
        assert_eq!(catalogue.reload().await.unwrap(), []);
        assert_eq!(active(&catalogue), good);
    }

    let (catalogue, _) = house.open().await;
    assert_eq!(catalogue.promote(&name("acts")), Ok(bad.clone()));
    kept(&house, "it misbehaves", false);
    drop(catalogue);
    assert_eq!(active(&house.open().await.0), bad);
}

#[tokio::test]
async fn other_files_take_the_calls_after_a_restart_whatever_was_rolled_back() {
    let house = House::new();
    house.add("acts", ACTS, &manifest("1", 100));
    let (catalogue, _) = house.open().await;
    house.add("acts", ACTS, &manifest("2", 100));
    catalogue.reload().await.unwrap();
    catalogue.rollback(&name("acts"), "it misbehaves").unwrap();
    kept(&house, "it misbehaves", true);
    drop(catalogue);
    house.add("acts", ACTS, &manifest("3", 100));
    let (catalogue, _) = house.open().await;
    let third = active(&catalogue);
    assert_eq!(stages(&catalogue), [(third, Stage::Active)]);
}

#[tokio::test]
async fn a_version_that_was_rolled_back_takes_the_calls_if_no_other_can_be_brought_back() {
    let house = House::new();
    house.add("acts", ACTS, &manifest("1", 100));
    let (catalogue, _) = house.open().await;
    house.add("acts", ACTS, &manifest("2", 100));
    catalogue.reload().await.unwrap();
    let bad = active(&catalogue);
    catalogue.rollback(&name("acts"), "it misbehaves").unwrap();
    kept(&house, "it misbehaves", true);
    drop(catalogue);
    fs::remove_dir_all(house.folder.path().join("data/flows/objects")).unwrap();
    assert_eq!(active(&house.open().await.0), bad);
}

#[tokio::test]
async fn a_candidate_has_its_share_after_a_restart_and_not_all_calls() {
    let house = House::new();
    let (catalogue, first) = with_candidate(&house).await;
    let before = stages(&catalogue);
    assert_eq!(before.len(), 2);
    drop(catalogue);
    let (catalogue, _) = house.open().await;
    assert_eq!(stages(&catalogue), before);
    assert_eq!(active(&catalogue), first);
    assert_eq!(catalogue.states()[0].warnings, Vec::<String>::new());
    assert!(catalogue.promote(&name("acts")).is_ok());
    let promoted = active(&catalogue);
    let last = format!("\"last\": {{\n    \"version\": \"{promoted}");
    kept(&house, &last, true);
    drop(catalogue);
    assert_eq!(active(&house.open().await.0), promoted);
}

#[tokio::test]
async fn a_share_that_was_set_is_that_of_the_same_candidate_after_a_restart() {
    let house = House::new();
    let (catalogue, _) = with_candidate(&house).await;
    let share = |catalogue: &Catalogue| {
        let state = catalogue.states().remove(0);
        let candidate = state.version(Stage::Candidate).cloned();
        candidate.map(|candidate| (candidate.share(), candidate.set.map(|set| set.by)))
    };
    let set = |catalogue: &Catalogue, weight| {
        let set = SetWeight {
            weight,
            by: "asha".to_owned(),
            at_ms: 7,
        };
        catalogue.set_weight(&name("acts"), None, set).unwrap();
        kept(&house, &format!("\"weight\": {weight}"), true);
    };
    let by_asha = Some("asha".to_owned());
    set(&catalogue, 0);
    drop(catalogue);
    let (catalogue, _) = house.open().await;
    assert_eq!(share(&catalogue), Some((Some(0), by_asha.clone())));
    // and after the next one
    drop(catalogue);
    let (catalogue, _) = house.open().await;
    assert_eq!(share(&catalogue), Some((Some(0), by_asha)));
    // other files that are found by then are another candidate
    set(&catalogue, 55);
    drop(catalogue);
    house.add("acts", ACTS, &manifest("3", 20));
    let (catalogue, _) = house.open().await;
    assert_eq!(share(&catalogue), Some((Some(20), None)));
    // what has ended is not remembered
    set(&catalogue, 66);
    catalogue
        .rollback(&name("acts"), "it was asked for")
        .unwrap();
    kept(&house, "\"weight\": 66", false);
}
