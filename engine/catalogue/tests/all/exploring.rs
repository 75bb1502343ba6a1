//! Exploring the fixture's conversation: what is found, and the gate before a version takes calls.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ghanti_catalogue::{Catalogue, Stage};
use ghanti_explore::flow_tests;
use ghanti_explore::paths::{Bounds, Exploration, Severity, explore};
use ghanti_host::{Rejection, Step};

use crate::common::{ACTS, House, RULES, acting};

fn bounds() -> Bounds {
    Bounds {
        at_once: 2,
        ..Bounds::usual()
    }
}

async fn explored(act: &str, more: &str, bounds: Bounds) -> Exploration {
    let (_house, version) = acting(act, more).await;
    let (tests, _) = flow_tests::read(&version, &BTreeMap::new());
    explore(&Arc::clone(&version), &tests, bounds).await
}

fn errors(found: &Exploration) -> Vec<&str> {
    let errors = found.findings.iter();
    errors
        .filter(|finding| finding.severity == Severity::Error)
        .map(|finding| finding.message.as_str())
        .collect()
}

async fn opened(more: &str) -> (House, Catalogue, Vec<Rejection>) {
    let house = House::new();
    let manifest = format!("[settings]\nact = \"converse\"\n{RULES}{more}");
    house.add("acts", ACTS, &manifest);
    let (catalogue, rejections) = house.open().await;
    (house, catalogue, rejections)
}

#[tokio::test]
async fn every_answer_of_every_question_is_a_path() {
    let found = explored("converse", "", bounds()).await;
    assert_eq!(errors(&found), Vec::<&str>::new());
    assert!(
        found.is_whole() && found.limits.is_empty(),
        "{:?}",
        found.limits
    );
    let undisturbed = found.levels[0];
    assert_eq!(undisturbed.paths, found.paths.len());
    // the second is the first without look-ups
    assert_eq!(found.situations.len(), 2);
    let first = found.paths.iter().filter(|path| path.situation == 0);
    let answers: Vec<_> = first.map(|path| path.answers()).collect();
    for path in [
        "identity: says nothing",
        "identity: is not understood",
        "identity: yes → transfer: yes",
        "identity: yes → transfer: says nothing",
    ] {
        assert!(
            answers.iter().any(|answers| answers == path),
            "{path}: {answers:#?}"
        );
    }
    let mut distinct = answers.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), answers.len(), "no path twice: {answers:#?}");
    assert!(found.levels[1].paths > 0, "{:?}", found.levels);
    assert_eq!(found.repeated, found.paths.len());
    // once at each wait
    assert!(found.hang_ups >= 2, "{}", found.hang_ups);
    assert!(found.longest_ms > 5_000, "{}", found.longest_ms);
}

#[tokio::test]
async fn the_same_bounds_find_the_same_paths() {
    let one = explored("converse", "", bounds()).await;
    let other = explored(
        "converse",
        "",
        Bounds {
            at_once: 1,
            ..bounds()
        },
    )
    .await;
    let reported = |found: &Exploration| {
        let paths = found.paths.iter();
        let mut reported: Vec<_> = paths.map(|path| path.answers()).collect();
        reported.sort();
        reported
    };
    assert_eq!((reported(&one), one.runs), (reported(&other), other.runs));
}

#[tokio::test]
async fn a_trap_is_found_and_reported_with_its_path() {
    let found = explored("trap", "", bounds()).await;
    let reported = errors(&found).join("\n");
    assert!(reported.contains("the flow trapped"), "{reported}");
    assert!(found.findings[0].path.is_some());
}

#[tokio::test]
async fn a_flow_that_goes_on_after_a_hang_up_is_found() {
    let found = explored("ignore-the-end", "", bounds()).await;
    let reported = errors(&found);
    assert!(
        reported
            .iter()
            .any(|reported| reported.starts_with("after the caller hung up: ")),
        "{reported:#?}"
    );
    assert!(found.took < Duration::from_secs(30), "{:?}", found.took);
}

#[tokio::test]
async fn a_bound_that_is_reached_is_reported() {
    for (bounds, words) in [
        (
            Bounds {
                runs: 2,
                ..bounds()
            },
            "after 2 conversations",
        ),
        (
            Bounds {
                within: Duration::ZERO,
                ..bounds()
            },
            "after 0 s",
        ),
    ] {
        let found = explored("converse", "", bounds).await;
        assert!(!found.is_whole());
        let reported = found.limits.join("\n");
        assert!(
            reported.contains(words) && reported.contains("cut short"),
            "{reported}"
        );
    }
    // with no room for an answer every path is too long
    let found = explored(
        "converse",
        "",
        Bounds {
            turns: 1,
            ..bounds()
        },
    )
    .await;
    let reported = errors(&found).join("\n");
    assert!(
        reported.contains("does not end after 1 answers"),
        "{reported}"
    );
}

#[tokio::test]
async fn a_property_is_checked_on_every_path_and_keeps_a_version_out_where_it_is_a_gate() {
    let holds = "[properties]\ngate = true\nnever = [{ say = 'emi', before = 'identity' }]\nalways = [{ heard = 'disclosure', before = ['ask:transfer', 'transfer'] }]\n";
    let (_house, catalogue, rejections) = opened(holds).await;
    assert_eq!(rejections, []);
    let states = catalogue.states();
    assert_eq!(states[0].versions[0].stage, Stage::Active);

    let broken =
        "[properties]\ngate = true\nnever = [{ say = 'emi', before = 'heard:disclosure' }]\n";
    let (_house, catalogue, rejections) = opened(broken).await;
    let [rejection] = rejections.as_slice() else {
        panic!("{rejections:?}")
    };
    assert_eq!(rejection.step, Step::Properties);
    for words in [
        "the property “never `emi` is said before `disclosure` was heard” does not hold",
        "on the path identity: yes",
    ] {
        assert!(rejection.reason.contains(words), "{rejection}");
    }
    assert!(rejection.line.is_some());
    assert!(catalogue.versions().is_empty());

    // without a gate it is for `ghanti flow test` alone
    let (_house, _catalogue, rejections) = opened(&broken.replace("gate = true", "")).await;
    assert_eq!(rejections, []);
}

#[tokio::test]
async fn a_property_of_what_does_not_exist_is_rejected() {
    for (property, words) in [
        (
            "never = [{ say = 'emmi', before = 'identity' }]",
            "did you mean `emi`?",
        ),
        (
            "always = [{ heard = 'emi', before = 'ask:transfr' }]",
            "did you mean `transfer`?",
        ),
        (
            "always = [{ heard = 'emi', before = 'transfer:legal' }]",
            "`[grants] transfer`",
        ),
        (
            "never = [{ say = 'emi', before = 'conssent' }]",
            "`conssent`",
        ),
    ] {
        let (_house, _catalogue, rejections) = opened(&format!("[properties]\n{property}\n")).await;
        let [rejection] = rejections.as_slice() else {
            panic!("{property}: {rejections:?}")
        };
        assert_eq!(rejection.step, Step::Manifest);
        assert!(rejection.reason.contains(words), "{property}: {rejection}");
    }
}
