//! Several flows: which takes unclaimed calls, which takes calls that two claim, and which warnings
//! are given.

use std::fs;

use ghanti_catalogue::Catalogue;
use ghanti_model::Language;

use crate::common::{ACTS, House, facts};
use crate::watched::{Watched, name};

fn taken(catalogue: &Catalogue) -> Option<String> {
    catalogue
        .choose(&facts(), None)
        .ok()
        .map(|version| version.name.to_string())
}

fn add(house: &House, flow: &str, manifest: &str) {
    house.add(
        flow,
        ACTS,
        &format!("[settings]\nact = \"converse\"\n{manifest}"),
    );
}

#[tokio::test]
async fn a_flow_dropped_beside_a_single_one_takes_none_of_its_calls_even_after_a_restart() {
    let house = House::new();
    add(
        &house,
        "second",
        "# its own words, so that no file of the others is the same\n",
    );
    let watched = Watched::over(house).await;
    assert_eq!(taken(&watched.catalogue).as_deref(), Some("second"));
    // whatever the order of their names
    for other in ["first", "third"] {
        add(&watched.house, other, "");
        watched
            .until(other, |_| watched.active(other).is_some())
            .await;
        assert_eq!(taken(&watched.catalogue).as_deref(), Some("second"));
    }
    let unclaimed = watched.catalogue.unclaimed();
    assert_eq!(
        (
            unclaimed.flow.map(|flow| flow.to_string()).as_deref(),
            unclaimed.is_problem
        ),
        (Some("second"), false)
    );
    assert!(
        unclaimed
            .because
            .contains("it took them before the other flows came"),
        "{}",
        unclaimed.because
    );
    assert_eq!(watched.catalogue.problems(), Vec::<String>::new());
    let Watched { house, catalogue } = watched;
    drop(catalogue);
    let (catalogue, _) = house.open().await;
    assert_eq!(taken(&catalogue).as_deref(), Some("second"));
    // while its files are invalid, its calls do not go to another flow
    fs::remove_dir_all(house.folder.path().join("data/flows/objects")).unwrap();
    fs::write(house.flows().join("second/flow.wasm"), "").unwrap();
    let (catalogue, _) = house.open().await;
    assert_eq!(taken(&catalogue), None);
    assert_eq!(catalogue.problems().len(), 2, "{:?}", catalogue.problems());
    // once they are gone it is ambiguous which flow takes them
    fs::remove_dir_all(house.flows().join("second")).unwrap();
    assert_eq!(catalogue.reload().await.unwrap(), []);
    assert_eq!(taken(&catalogue), None);
    assert!(
        catalogue.problems()[0].contains("`first`, `third` have no conditions in `[match]`"),
        "{:?}",
        catalogue.problems()
    );
}

#[tokio::test]
async fn two_flows_without_conditions_at_a_first_start_are_a_problem_until_one_is_named() {
    let house = House::new();
    add(&house, "a", "");
    add(&house, "b", "");
    let (catalogue, _) = house.open().await;
    assert_eq!(taken(&catalogue), None);
    assert!(catalogue.unclaimed().is_problem && catalogue.problems().len() == 1);
    let (catalogue, _) = house.open_with(Some("b")).await;
    assert_eq!(
        (taken(&catalogue).as_deref(), catalogue.problems()),
        (Some("b"), vec![])
    );
    let (catalogue, _) = house.open_with(Some("c")).await;
    assert!(
        catalogue.problems()[0].contains("`flow` of `[calls]` names `c`, which is not loaded"),
        "{:?}",
        catalogue.problems()
    );
    // a flow that takes only what it claims leaves the rest to the other
    add(
        &house,
        "b",
        "[match]\nparameters = { campaign = \"kyc\" }\n",
    );
    let (catalogue, _) = house.open().await;
    assert_eq!(
        (taken(&catalogue).as_deref(), catalogue.problems()),
        (Some("a"), vec![])
    );
}

#[tokio::test]
async fn flows_that_claim_one_number_are_warned_of() {
    let house = House::new();
    let line = "[match]\nnumbers = [\"08040001234\"]\n";
    add(&house, "a", line);
    add(&house, "b", &format!("{line}direction = \"outbound\"\n"));
    add(&house, "c", "[match]\nnumbers = [\"08040001235\"]\n");
    let (catalogue, _) = house.open().await;
    let warnings: Vec<_> = catalogue
        .states()
        .into_iter()
        .map(|state| state.warnings)
        .collect();
    assert!(
        warnings[0].len() == 1 && warnings[0] == warnings[1] && warnings[2].is_empty(),
        "{warnings:#?}"
    );
    assert!(
        warnings[0][0].contains("xxxxxx1234")
            && warnings[0][0].contains("`b` takes those that meet both"),
        "{warnings:#?}"
    );
    assert_eq!(
        (taken(&catalogue).as_deref(), catalogue.problems()),
        (Some("b"), vec![])
    );
}

#[tokio::test]
async fn a_language_that_no_recogniser_understands_is_warned_of() {
    let house = House::new();
    add(
        &house,
        "acts",
        "[flow]\nlanguages = [\"en-IN\", \"hi-IN\"]\n",
    );
    fs::copy(
        house.flows().join("acts/prompts/en-IN.ftl"),
        house.flows().join("acts/prompts/hi-IN.ftl"),
    )
    .unwrap();
    let (catalogue, _) = house.open().await;
    assert_eq!(
        catalogue.states()[0].warnings,
        Vec::<String>::new(),
        "nobody has said what is understood"
    );
    catalogue.hears(|language: &Language| language.primary() == "en");
    let warnings = catalogue.states().remove(0).warnings;
    assert!(
        warnings.len() == 1
            && warnings[0].starts_with(
                "no recogniser here understands hi-IN: in it callers can answer by keys alone"
            ),
        "{warnings:?}"
    );
    assert!(catalogue.active(&name("acts")).is_some());
    assert!(
        warnings[0].ends_with("by keys alone; add a model"),
        "there is no choice without a key: {warnings:?}"
    );
}

#[tokio::test]
async fn only_choices_without_a_key_are_said_to_need_one() {
    for (key, advice) in [
        ("key = \"1\"", "add a model"),
        (
            "",
            "add a model, or give every choice a key: `identity` has some without",
        ),
    ] {
        let house = House::new();
        let manifest = format!(
            "[questions.identity]\nprompt = 'greeting'\nchoices = {{ yes = {{ {key} }}, no = {{ key = \"2\" }} }}\n"
        );
        add(&house, "acts", &manifest);
        let (catalogue, rejections) = house.open().await;
        assert_eq!(rejections, []);
        catalogue.hears(|_: &Language| false);
        let warnings = catalogue.states().remove(0).warnings;
        assert!(
            warnings
                .iter()
                .any(|warning| warning.ends_with(&format!("; {advice}"))),
            "{warnings:?}"
        );
    }
}
