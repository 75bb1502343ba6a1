//! Watching the flows folder: the effect of every kind of change, with real files.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use ghanti_catalogue::Stage;
use ghanti_host::Step;
use tokio::time::interval;

use crate::common::{ACTS, House, RULES, prompts};
use crate::watched::{Watched, name};

/// How long files must stay unchanged before they are loaded.
const STILL: Duration = Duration::from_millis(200);

fn manifest(act: &str) -> String {
    format!("[settings]\nact = \"{act}\"\n{RULES}")
}

/// A watched folder with one flow, `acts`.
async fn watched() -> Watched {
    let house = House::new();
    house.add("acts", ACTS, &manifest("converse"));
    Watched::over(house).await
}

#[tokio::test]
async fn a_changed_prompt_is_live_without_compiling_anything() {
    let watched = watched().await;
    let before = watched.active("acts").unwrap();
    // compiling anything would create this folder again
    fs::remove_dir_all(watched.house.components()).unwrap();
    let begun = Instant::now();
    fs::write(
        watched.house.flows().join("acts/prompts/en-IN.ftl"),
        prompts("Good day { $name }"),
    )
    .unwrap();
    let after = watched.until_other("acts", &before).await;
    let took = begun.elapsed();
    assert!(!watched.house.components().exists());
    assert_eq!(watched.stage("acts", &after), Some((Stage::Active, 0)));
    assert_eq!(watched.stage("acts", &before), Some((Stage::Previous, 0)));
    assert!(took >= STILL, "taken while it might still grow: {took:?}");
}

#[tokio::test]
async fn a_file_that_is_still_being_written_is_not_taken() {
    let watched = watched().await;
    let before = watched.active("acts").unwrap();
    let flow = watched.house.flows().join("acts");
    fs::write(flow.join("flow.toml"), manifest("emi-first")).unwrap();
    // 50 ms between two changes, for longer than the watcher would wait
    let mut component = fs::File::create(flow.join("flow.wasm")).unwrap();
    let (mut pace, mut written, mut longest) = (
        interval(Duration::from_millis(50)),
        Instant::now(),
        Duration::ZERO,
    );
    for piece in ACTS.chunks(ACTS.len().div_ceil(20)) {
        pace.tick().await;
        component.write_all(piece).unwrap();
        longest = longest.max(written.elapsed());
        written = Instant::now();
        assert_eq!(watched.active("acts").as_ref(), Some(&before));
    }
    drop(component);
    watched.until_other("acts", &before).await;
    // if the machine paused this test for too long, the file did look complete, and half of it was
    // loaded and rejected
    if longest < STILL {
        assert_eq!(watched.state("acts").unwrap().rejected, []);
    }
}

#[tokio::test]
async fn a_bad_candidate_is_reported_and_the_active_version_stays() {
    let watched = watched().await;
    let before = watched.active("acts").unwrap();
    let flow = watched.house.flows().join("acts");
    fs::write(flow.join("flow.wasm"), &ACTS[..ACTS.len() / 2]).unwrap();
    let half = watched
        .until_rejected("acts", "no WebAssembly component")
        .await;
    assert_eq!((half.step, half.line), (Step::Contract, None));
    fs::write(flow.join("flow.wasm"), ACTS).unwrap();
    fs::write(
        flow.join("flow.toml"),
        format!("{}\n[limits]\nmemory = \"lots\"\n", manifest("converse")),
    )
    .unwrap();
    let typo = watched.until_rejected("acts", "`memory` is `lots`").await;
    assert_eq!(
        (typo.step, typo.line),
        (
            Step::Manifest,
            Some(2 + manifest("converse").lines().count() + 1)
        )
    );
    let reported = watched.state("acts").unwrap().rejected;
    assert!(
        reported.len() >= 2
            && reported[0].rejection == typo
            && reported[0].version.is_some()
            && reported[0].at_ms > 0,
        "{reported:#?}"
    );
    assert_eq!(watched.active("acts"), Some(before.clone()));
    // fixed: it is the version that was active all the time
    fs::write(flow.join("flow.toml"), manifest("emi-first")).unwrap();
    watched.until_other("acts", &before).await;
}

#[tokio::test]
async fn only_the_newest_rejections_are_remembered() {
    let watched = watched().await;
    for round in 0..10 {
        fs::write(
            watched.house.flows().join("acts/flow.toml"),
            format!("[round-{round}]\n"),
        )
        .unwrap();
        let mut rejected = Vec::new();
        for rejection in watched.catalogue.reload().await.unwrap() {
            rejected.push(rejection.reason);
        }
        assert!(
            rejected[0].contains(&format!("`round-{round}`")),
            "{rejected:?}"
        );
    }
    let kept = watched.state("acts").unwrap().rejected;
    let newest = kept
        .iter()
        .map(|rejected| {
            rejected
                .rejection
                .reason
                .split('`')
                .nth(1)
                .unwrap()
                .to_owned()
        })
        .collect::<Vec<_>>();
    assert_eq!(
        newest,
        (2..10)
            .rev()
            .map(|round| format!("round-{round}"))
            .collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn flows_come_go_and_change_their_names() {
    let watched = watched().await;
    let flows = watched.house.flows();
    fs::write(
        flows.join("bare.wasm.part"),
        include_bytes!("../../../host/tests/fixtures/bare-0.1.0.wasm"),
    )
    .unwrap();
    fs::rename(flows.join("bare.wasm.part"), flows.join("bare.wasm")).unwrap();
    watched
        .until("bare", |_| watched.active("bare").is_some())
        .await;
    let acts = watched.active("acts").unwrap();

    fs::rename(flows.join("acts"), flows.join("renamed")).unwrap();
    watched
        .until("renamed", |_| {
            watched.active("renamed") == Some(acts.clone()) && watched.active("acts").is_none()
        })
        .await;
    fs::remove_file(flows.join("bare.wasm")).unwrap();
    watched
        .until("no bare", |_| watched.active("bare").is_none())
        .await;
    assert!(watched.active("renamed").is_some());
}

#[tokio::test]
async fn a_deleted_folder_ends_no_call_and_comes_back_as_it_was() {
    let watched = watched().await;
    let (flows, held) = (watched.house.flows(), watched.call());
    fs::rename(flows.join("acts"), watched.house.folder.path().join("away")).unwrap();
    watched
        .until("gone", |_| watched.active("acts").is_none())
        .await;
    assert_eq!(watched.stage("acts", &held.id), Some((Stage::Previous, 1)));
    assert!(
        watched
            .catalogue
            .choose(&crate::common::facts(), None)
            .is_err()
    );
    fs::rename(watched.house.folder.path().join("away"), flows.join("acts")).unwrap();
    watched
        .until("back", |_| watched.active("acts") == Some(held.id.clone()))
        .await;
}

#[tokio::test]
async fn the_whole_folder_can_be_replaced_and_is_watched_afterwards() {
    let watched = watched().await;
    let before = watched.active("acts").unwrap();
    let (flows, next) = (
        watched.house.flows(),
        watched.house.folder.path().join("next"),
    );
    let other = House::new();
    other.add("acts", ACTS, &manifest("emi-first"));
    fs::create_dir_all(next.join("acts/prompts")).unwrap();
    for file in ["flow.wasm", "flow.toml", "prompts/en-IN.ftl"] {
        fs::copy(
            other.flows().join("acts").join(file),
            next.join("acts").join(file),
        )
        .unwrap();
    }
    fs::rename(&flows, watched.house.folder.path().join("old")).unwrap();
    // as long as there is no folder at all, nothing changes
    assert!(watched.catalogue.reload().await.is_err());
    assert_eq!(watched.active("acts"), Some(before.clone()));
    fs::rename(&next, &flows).unwrap();
    let second = watched.until_other("acts", &before).await;
    fs::write(flows.join("acts/flow.toml"), manifest("trap")).unwrap();
    watched.until_other("acts", &second).await;
}

#[tokio::test]
async fn links_are_followed_inside_the_folder_and_rejected_by_name_outside() {
    let watched = watched().await;
    let (flows, other) = (watched.house.flows(), House::new());
    fs::create_dir(flows.join(".releases")).unwrap();
    fs::rename(flows.join("acts"), flows.join(".releases/1")).unwrap();
    symlink(".releases/1", flows.join("acts")).unwrap();
    watched
        .until("the link", |catalogue| {
            catalogue.active(&name("acts")).is_some()
        })
        .await;
    let before = watched.active("acts").unwrap();

    // a release is switched by renaming a link over the other
    fs::create_dir_all(flows.join(".releases/2/prompts")).unwrap();
    fs::copy(
        flows.join("acts/prompts/en-IN.ftl"),
        flows.join(".releases/2/prompts/en-IN.ftl"),
    )
    .unwrap();
    fs::write(flows.join(".releases/2/flow.wasm"), ACTS).unwrap();
    fs::write(flows.join(".releases/2/flow.toml"), manifest("emi-first")).unwrap();
    symlink(".releases/2", flows.join("acts.tmp")).unwrap();
    fs::rename(flows.join("acts.tmp"), flows.join("acts")).unwrap();
    watched.until_other("acts", &before).await;

    other.add("acts", ACTS, &manifest("converse"));
    symlink(other.flows().join("acts"), flows.join("outside")).unwrap();
    symlink(
        other.flows().join("acts/flow.wasm"),
        flows.join("bare.wasm"),
    )
    .unwrap();
    for flow in ["outside", "bare"] {
        let reported = watched
            .until_rejected(flow, "outside the flows folder")
            .await;
        assert!(
            reported.reason.contains(flow) && reported.step == Step::Read,
            "{reported}"
        );
        assert_eq!(watched.active(flow), None);
    }
}

#[tokio::test]
async fn what_editors_leave_behind_is_passed_over() {
    let watched = watched().await;
    let flows = watched.house.flows();
    let before = watched.active("acts").unwrap();
    for file in [
        ".acts.wasm.swp",
        "acts.wasm~",
        "4913",
        "acts/4913",
        "acts/.flow.toml.swp",
        "acts/flow.toml~",
        "acts/prompts/.#en-IN.ftl",
    ] {
        fs::write(flows.join(file), "rubbish").unwrap();
    }
    symlink("user@host.1:2", flows.join(".#acts")).unwrap();
    fs::create_dir(flows.join("acts~")).unwrap();
    // as an editor saves: to a new file, which is renamed over the old one after that is moved away
    let file = flows.join("acts/flow.toml");
    fs::write(flows.join("acts/flow.toml.tmp"), manifest("emi-first")).unwrap();
    fs::rename(&file, flows.join("acts/flow.toml~")).unwrap();
    fs::rename(flows.join("acts/flow.toml.tmp"), &file).unwrap();
    watched.until_other("acts", &before).await;
    assert_eq!(watched.catalogue.states().len(), 1);
    assert_eq!(
        (
            watched.state("acts").unwrap().rejected,
            watched.catalogue.invalid()
        ),
        (vec![], vec![])
    );
}

#[tokio::test]
async fn a_hundred_reloads_in_a_row_leave_no_more_than_the_versions_that_may_be_needed() {
    let watched = watched().await;
    let held = watched.call();
    for round in 0..100 {
        let prompt = prompts(&format!("Hello {round} {{ $name }}"));
        fs::write(watched.house.flows().join("acts/prompts/en-IN.ftl"), prompt).unwrap();
        assert_eq!(watched.catalogue.reload().await.unwrap(), []);
    }
    let stages: Vec<_> = watched
        .state("acts")
        .unwrap()
        .versions
        .iter()
        .map(|version| (version.stage, version.calls))
        .collect();
    assert_eq!(
        stages,
        [
            (Stage::Active, 0),
            (Stage::Previous, 0),
            (Stage::Previous, 0),
            (Stage::Draining, 1)
        ]
    );
    drop(held);
    assert_eq!(watched.state("acts").unwrap().versions.len(), 3);
}

#[tokio::test]
async fn the_watcher_ends_with_its_catalogue() {
    let house = House::new();
    let (catalogue, _) = house.open().await;
    let catalogue = std::sync::Arc::new(catalogue);
    let task = ghanti_catalogue::watch(&catalogue);
    drop(catalogue);
    tokio::time::timeout(Duration::from_secs(120), task)
        .await
        .unwrap()
        .unwrap();
}
