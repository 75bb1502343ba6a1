//! The scenario files in `tests/scenarios/`: each can be loaded and refers only to templates that
//! its flow has.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use ghanti_sim::Scenario;
use ghanti_sim::scenario::When;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn scenarios() -> Vec<(String, Scenario)> {
    let files = std::fs::read_dir(root().join("tests/scenarios"))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    files
        .map(|path| {
            (
                path.file_stem().unwrap().to_string_lossy().into_owned(),
                Scenario::load(&path).unwrap(),
            )
        })
        .collect()
}

#[test]
fn every_situation_has_a_scenario() {
    let names: BTreeSet<String> = scenarios().into_iter().map(|(name, _)| name).collect();
    let wanted = [
        "agrees",
        "appointment-cancels",
        "barges-in",
        "declines",
        "echo",
        "hangs-up-during-emi",
        "hindi-keys",
        "hindi-speaks-english",
        "incomplete-data",
        "keys-english",
        "loudspeaker",
        "repeat",
        "silence",
        "stops-at-once",
        "survey-complains",
        "tamil-keys",
        "unclear-twice",
        "wrong-person",
    ];
    assert_eq!(
        wanted
            .iter()
            .filter(|name| !names.contains(**name))
            .collect::<Vec<_>>(),
        Vec::<&&str>::new()
    );
}

#[test]
fn scenarios_speak_of_templates_that_the_flow_has() {
    for (name, scenario) in scenarios() {
        // a scenario without a flow runs on the flow for unclaimed calls
        let flow = scenario
            .customer
            .flow
            .as_ref()
            .map_or("emi-reminder", |flow| flow.as_str());
        let path = root().join("plugins").join(flow).join("prompts/en-IN.ftl");
        let prompts = std::fs::read_to_string(&path).unwrap();
        let templates: BTreeSet<&str> = prompts
            .lines()
            .filter_map(|line| line.split_once(" ="))
            .map(|(template, _)| template)
            .collect();
        let awaited = scenario.caller.iter().filter_map(|step| match &step.when {
            When::AfterTemplate { name } | When::IntoTemplate { name, .. } => Some(name),
            When::AfterTurn | When::During { .. } => None,
        });
        let expected = scenario
            .expect_transcript
            .templates
            .iter()
            .chain(&scenario.expect_transcript.never_templates);
        for template in awaited.chain(expected) {
            assert!(
                templates.contains(template.as_str()),
                "{name}: `{template}` is not in {}",
                path.display()
            );
        }
    }
}

#[test]
fn scenarios_can_be_played_at_once_for_their_numbers_differ() {
    let numbers: Vec<String> = scenarios()
        .into_iter()
        .map(|(_, scenario)| scenario.customer.phone.expose().to_owned())
        .collect();
    assert_eq!(numbers.iter().collect::<BTreeSet<_>>().len(), numbers.len());
}
