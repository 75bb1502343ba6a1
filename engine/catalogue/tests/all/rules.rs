//! Rules do not get lost: not by a missing or partial manifest, not by a misspelt name, not by a
//! restart.

use std::fs;

use ghanti_catalogue::Catalogue;
use ghanti_host::{Rejection, RunEnd, ScriptedCaller, Step};
use ghanti_manifest::Allowance;
use ghanti_model::{CallError, VersionId};

use crate::common::{ACTS, House, RULES, facts};
use crate::watched::{Watched, name};

/// States the instalment without checking who is listening.
fn hasty(rules: &str) -> String {
    format!("[settings]\nact = \"emi-first\"\n{rules}")
}

fn active(catalogue: &Catalogue, flow: &str) -> Option<VersionId> {
    catalogue
        .active(&name(flow))
        .map(|version| version.id.clone())
}

/// The only rejection.
fn only(rejections: Vec<Rejection>) -> Rejection {
    let [rejection] = rejections
        .try_into()
        .unwrap_or_else(|all| panic!("{all:#?}"));
    rejection
}

/// Checks that a stranger who calls does not hear the instalment.
async fn is_guarded(catalogue: &Catalogue) {
    let version = catalogue.choose(&facts(), Some(&name("acts"))).unwrap();
    let caller = ScriptedCaller::new([]);
    let scripted = caller.scripted();
    let end = version
        .run(Box::new(caller), version.journal(facts().call_id))
        .await;
    assert!(
        matches!(&end, RunEnd::Failed(CallError::Refused(refusal)) if refusal.missing == ["identity"]),
        "{end:?}"
    );
    assert_eq!(scripted.lock().unwrap().said, []);
}

#[tokio::test]
async fn a_manifest_that_is_deleted_or_half_copied_while_calls_run_changes_nothing() {
    let house = House::new();
    house.add("acts", ACTS, &hasty(RULES));
    let watched = Watched::over(house).await;
    let before = watched.active("acts").unwrap();
    let file = watched.house.flows().join("acts/flow.toml");
    let half = &hasty(RULES)[..hasty(RULES).find("emi = ").unwrap()];
    for (text, words) in [
        (None, "the manifest is gone: version"),
        (Some(half), "the manifest has fewer rules than version"),
        (
            Some(""),
            "and is empty: it lacks `prompts.disclosure.interruptible`, `prompts.disclosure.requires.identity`, `prompts.emi.requires.identity`",
        ),
        (
            Some("[settings]\nact = \"emi-first\"\n"),
            "`prompts.texts`, `questions.transfer.requires.heard:disclosure`",
        ),
    ] {
        match text {
            Some(text) => fs::write(&file, text).unwrap(),
            None => fs::remove_file(&file).unwrap(),
        }
        let reported = watched.until_rejected("acts", words).await;
        assert_eq!(reported.step, Step::Manifest, "{reported}");
        assert!(reported.hint.contains("drops-rules"), "{reported}");
        assert_eq!(watched.active("acts"), Some(before.clone()));
        is_guarded(&watched.catalogue).await;
    }
    // a bare component of the same name does not bypass the rules
    fs::rename(
        watched.house.flows().join("acts"),
        watched.house.folder.path().join("away"),
    )
    .unwrap();
    watched
        .until("gone", |_| watched.active("acts").is_none())
        .await;
    fs::write(watched.house.flows().join("acts.wasm"), ACTS).unwrap();
    watched
        .until_rejected(
            "acts",
            "has one, with 5 rules, and `acts.wasm` is a component alone",
        )
        .await;
}

#[tokio::test]
async fn a_rule_goes_where_the_manifest_names_it() {
    let house = House::new();
    house.add("acts", ACTS, &hasty(RULES));
    let (catalogue, _) = house.open().await;
    let before = active(&catalogue, "acts");
    let fewer = RULES.replace("emi = { requires = [\"identity\"] }\n", "");
    house.add("acts", ACTS, &hasty(&fewer));
    let reported = only(catalogue.reload().await.unwrap());
    assert!(
        reported
            .reason
            .ends_with("it lacks `prompts.emi.requires.identity`"),
        "{reported}"
    );
    let line = "[update]\ndrops-rules = [\"prompts.emi.requires.identity\"]\n";
    assert!(
        reported
            .hint
            .contains(line.trim_start_matches("[update]\n").trim_end()),
        "{reported}"
    );
    house.add("acts", ACTS, &hasty(&format!("{fewer}{line}")));
    assert_eq!(catalogue.reload().await.unwrap(), []);
    assert_ne!(active(&catalogue, "acts"), before);
    // the entry does not stay valid: the rule can only be set again without it, and is then
    // protected again
    house.add("acts", ACTS, &hasty(&format!("{RULES}{line}")));
    assert!(
        only(catalogue.reload().await.unwrap()).reason.contains(
            "`drops-rules` has `prompts.emi.requires.identity`, which this manifest sets"
        )
    );
    house.add("acts", ACTS, &hasty(RULES));
    assert_eq!(catalogue.reload().await.unwrap(), []);
    house.add("acts", ACTS, &hasty(&fewer));
    assert_eq!(catalogue.reload().await.unwrap().len(), 1);
    is_guarded(&catalogue).await;
}

#[tokio::test]
async fn rules_are_known_after_a_restart_and_the_version_that_had_them_takes_the_calls() {
    let house = House::new();
    house.add("acts", ACTS, &hasty(RULES));
    let (catalogue, _) = house.open().await;
    let before = active(&catalogue, "acts");
    drop(catalogue);
    let file = house.flows().join("acts/flow.toml");
    for text in [Some("[settings]\nact = \"emi-first\"\n"), None] {
        match text {
            Some(text) => fs::write(&file, text).unwrap(),
            None => fs::remove_file(&file).unwrap(),
        }
        let (catalogue, rejections) = house.open().await;
        let reported = only(rejections);
        assert!(
            reported.reason.contains(if text.is_some() {
                "fewer rules"
            } else {
                "the manifest is gone"
            }),
            "{reported}"
        );
        assert_eq!(active(&catalogue, "acts"), before);
        is_guarded(&catalogue).await;
        let state = catalogue.states().remove(0);
        assert!(
            state.warnings[0].contains("the version that took calls last goes on")
                && state.rejected.len() == 1,
            "{state:#?}"
        );
        assert_eq!(catalogue.problems(), Vec::<String>::new());
    }
    // once fixed, it is the same version as before, without warnings
    house.add("acts", ACTS, &hasty(RULES));
    let (catalogue, rejections) = house.open().await;
    assert_eq!((rejections, active(&catalogue, "acts")), (vec![], before));
    assert_eq!(catalogue.states()[0].warnings, Vec::<String>::new());
}

#[tokio::test]
async fn a_flow_whose_files_are_bad_at_a_restart_goes_on_as_it_was_or_is_missed() {
    let house = House::new();
    house.add("acts", ACTS, &hasty(RULES));
    let before = active(&house.open().await.0, "acts");
    let prompts = house.flows().join("acts/prompts/en-IN.ftl");
    fs::remove_file(&prompts).unwrap();
    let (catalogue, rejections) = house.open().await;
    assert_eq!(
        (only(rejections).step, active(&catalogue, "acts")),
        (Step::Prompts, before.clone())
    );
    // a fix in the folder takes effect at once
    fs::write(&prompts, crate::common::prompts("Good day { $name }")).unwrap();
    assert_eq!(catalogue.reload().await.unwrap(), []);
    let after = active(&catalogue, "acts");
    assert_ne!(after, before);
    drop(catalogue);

    fs::remove_file(&prompts).unwrap();
    fs::remove_dir_all(house.folder.path().join("data/flows/objects")).unwrap();
    let (catalogue, _) = house.open().await;
    assert_eq!(active(&catalogue, "acts"), None);
    assert_eq!(
        catalogue.problems(),
        ["flow `acts` took calls before and takes none now: see in /api/flows why it was rejected"]
    );
    // a deleted flow is not reported as missing
    fs::remove_dir_all(house.flows().join("acts")).unwrap();
    assert_eq!(house.open().await.0.problems(), Vec::<String>::new());
}

#[tokio::test]
async fn a_component_that_is_copied_before_its_manifest_waits_for_it() {
    let house = House::new();
    house.add("acts", ACTS, "");
    let manifest = house.flows().join("acts/flow.toml");
    fs::remove_file(&manifest).unwrap();
    let (catalogue, rejections) = house.open().await;
    let reported = only(rejections);
    assert!(
        reported
            .reason
            .contains("the folder `acts` has no `flow.toml`")
            && reported.hint.contains("an empty file takes the defaults"),
        "{reported}"
    );
    assert_eq!(active(&catalogue, "acts"), None);
    fs::write(&manifest, "").unwrap();
    assert_eq!(catalogue.reload().await.unwrap(), []);
}

#[tokio::test]
async fn a_rule_with_a_misspelt_name_does_not_load() {
    for (from, to, words) in [
        (
            "[questions.transfer]",
            "[questions.transfr]",
            "the question `transfr` has no `prompt`, and there is no template `transfr` in the flow's prompt files: write that, or name another one; did you mean `transfer`?",
        ),
        (
            "emi = { requires = [\"identity\"]",
            "emi = { requires = [\"identitty\"]",
            "`prompts.emi.requires` has `identitty`, but the flow establishes nothing",
        ),
        (
            "emi = {",
            "eim = {",
            "`[prompts] eim` is no template of the flow's prompt files",
        ),
        (
            "heard:disclosure",
            "heard:disclosre",
            "`heard:disclosre`, but the flow has no such template: it could never be heard; did you mean `disclosure`?",
        ),
    ] {
        let house = House::new();
        house.add("acts", ACTS, &hasty(&RULES.replace(from, to)));
        let reported = only(house.open().await.1);
        assert!(
            reported.step == Step::Manifest
                && reported.reason.contains(words)
                && reported.line.is_some(),
            "{reported}"
        );
    }
    // a part of a name occurs in the component, but a test that comes to the question finds none
    let house = House::new();
    house.add(
        "acts",
        ACTS,
        &format!(
            "[settings]\nact = \"converse\"\n{}",
            RULES.replace(
                "[questions.transfer]",
                "[questions.transfe]\nprompt = \"transfer\""
            )
        ),
    );
    fs::create_dir(house.flows().join("acts/tests")).unwrap();
    let test = "[[caller]]\nasked = 'identity'\nchoice = 'yes'\n[[caller]]\nasked = 'transfer'\nchoice = 'no'\n";
    fs::write(house.flows().join("acts/tests/one.toml"), test).unwrap();
    assert!(
        only(house.open().await.1)
            .reason
            .contains("the manifest has no question `transfer`")
    );
}

#[tokio::test]
async fn without_the_operators_word_no_look_up_is_granted() {
    let mut house = House::new();
    house.allowance = Allowance::default();
    house.add(
        "acts",
        ACTS,
        &format!("[settings]\nact = \"lookup\"\n{RULES}"),
    );
    let reported = only(house.open().await.1);
    assert!(
        reported.step == Step::Allowance && reported.reason.contains("`lookup` has `loan:*`"),
        "{reported}"
    );
    house.add(
        "acts",
        ACTS,
        &format!(
            "[settings]\nact = \"lookup\"\n{}",
            RULES.replace("lookup = [\"loan:*\"]", "lookup = []")
        ),
    );
    assert_eq!(house.open().await.1, []);
}
