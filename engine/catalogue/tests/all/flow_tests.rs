//! A flow's own tests: what they check, how failures are reported, and when they run.

use std::fs;

use ghanti_catalogue::{Catalogue, Stage};
use ghanti_host::{Rejection, Step};

use crate::common::{ACTS, House, RULES};
use crate::watched::{Watched, name};

/// The fixture flow's actual conversation: greeting, identity, the instalment, the disclosure, the
/// transfer question.
const AGREES: &str = r#"
[call]
at = 2026-11-20T11:00:00+05:30
parameters = { campaign = "emi" }

[[caller]]
asked = "identity"
choice = "yes"

[[caller]]
asked = "transfer"
choice = "yes"

[expect]
outcome = "transferred"
transfer = "default"
only-said = ["greeting", "emi", "disclosure", "transfer"]
established = ["identity"]
notes = { told-at = "1795152603500" }
"#;

struct Flow {
    house: House,
    catalogue: Catalogue,
}

impl Flow {
    async fn opened(act: &str, tests: &[(&str, &str)]) -> (Self, Vec<Rejection>) {
        let house = House::new();
        house.add("acts", ACTS, &manifest(act, ""));
        for (file, text) in tests {
            put(&house, file, text);
        }
        let (catalogue, rejections) = house.open().await;
        (Self { house, catalogue }, rejections)
    }

    async fn reload(&self) -> Vec<Rejection> {
        self.catalogue.reload().await.unwrap()
    }

    fn stages(&self) -> Vec<Stage> {
        self.catalogue
            .states()
            .into_iter()
            .flat_map(|state| state.versions)
            .map(|version| version.stage)
            .collect()
    }
}

fn manifest(act: &str, more: &str) -> String {
    format!("[settings]\nact = \"{act}\"\n{RULES}{more}")
}

fn put(house: &House, file: &str, text: &str) {
    let folder = house.flows().join("acts/tests");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(file), text).unwrap();
}

/// The only rejection of a flow with one test.
async fn rejected(act: &str, test: &str) -> Rejection {
    let (_, rejections) = Flow::opened(act, &[("one.toml", test)]).await;
    let [rejection] = rejections
        .try_into()
        .unwrap_or_else(|all| panic!("{test}: {all:?}"));
    assert_eq!(rejection.step, Step::Tests, "{rejection}");
    rejection
}

#[tokio::test]
async fn a_flow_that_holds_its_tests_takes_calls() {
    let declines = "[[caller]]\nasked = 'identity'\nchoice = 'yes'\n[[caller]]\nasked = 'transfer'\ndoes = 'no-match'\n\
                    [expect]\noutcome = 'declined'\ntransfer = false\nsaid = ['emi', 'goodbye']\nnever-said = []\n";
    let hangs_up = "[[caller]]\nasked = 'identity'\ndoes = 'hang-up'\n[expect]\nonly-said = ['greeting']\ntransfer = false\n";
    let silent = "[[caller]]\nasked = 'identity'\ndoes = 'no-input'\n[expect]\noutcome = 'wrong-person'\nonly-said = ['greeting', 'goodbye']\n";
    let (flow, rejections) = Flow::opened(
        "converse",
        &[
            ("agrees.toml", AGREES),
            ("d.toml", declines),
            ("h.toml", hangs_up),
            ("s.toml", silent),
        ],
    )
    .await;
    assert_eq!(rejections, []);
    assert_eq!(flow.stages(), [Stage::Active]);
}

#[tokio::test]
async fn what_does_not_hold_is_reported_with_its_line_and_both_sides() {
    let identity = "[[caller]]\nasked = 'identity'\nchoice = 'yes'\n";
    for (expect, reported) in [
        (
            "outcome = 'declined'",
            "line 5: expected the outcome `declined`; got `transferred`",
        ),
        (
            "transfer = false",
            "line 5: expected no transfer; got one to `default`",
        ),
        (
            "transfer = 'legal'",
            "line 5: expected a transfer to `legal`; got one to `default`",
        ),
        (
            "said = ['emi', 'greeting']",
            "line 5: expected `greeting` to be said there, in the order `emi`, `greeting`; got `greeting`, `emi`",
        ),
        (
            "only-said = ['greeting']",
            "line 5: expected to be said: `greeting`; got `greeting`, `emi`, `disclosure`, `transfer`",
        ),
        (
            "never-said = ['emi']",
            "line 5: expected `emi` never to be said; got `greeting`, `emi`",
        ),
        (
            "established = ['consent']",
            "line 5: expected `consent` to be established; got `identity`",
        ),
        (
            "language = 'hi-IN'",
            "line 5: expected the language hi-IN; got none set",
        ),
        (
            "notes = { lot = 'x' }",
            "line 5: expected the note `lot` to be `x`; got `",
        ),
        (
            "notes = { promise = 'x' }",
            "line 5: expected the note `promise`; got none",
        ),
    ] {
        // the transfer question's answer comes after the expectations, so that they are on line 5
        let test = format!(
            "{identity}[expect]\n{expect}\n[[caller]]\nasked = 'transfer'\nchoice = 'yes'\n"
        );
        let rejection = rejected("converse", &test).await;
        assert!(
            rejection
                .reason
                .starts_with(&format!("`tests/one.toml` {reported}")),
            "{}",
            rejection.reason
        );
        assert_eq!(
            (rejection.line, rejection.hint.is_empty()),
            (Some(5), false)
        );
    }
}

#[tokio::test]
async fn a_flow_that_asks_otherwise_than_the_script_answers_is_reported() {
    for (caller, reported, line) in [
        (
            "[[caller]]\nasked = 'consent'\nchoice = 'yes'\n",
            "expected the question `consent`; got `identity`",
            2,
        ),
        (
            "[[caller]]\nasked = 'identity'\nchoice = 'no'\n[[caller]]\nasked = 'transfer'\nchoice = 'yes'\n",
            "expected the question `transfer`; got no further question",
            5,
        ),
        (
            "[[caller]]\nasked = 'identity'\nchoice = 'maybe'\n",
            "the question `identity` takes no, yes, and not `maybe`",
            2,
        ),
        (
            "[[caller]]\nasked = 'identity'\ntext = 'it is me'\n",
            "the question `identity` takes no, yes, and no other words",
            2,
        ),
        (
            "[[caller]]\nasked = 'identity'\nkeys = '1234'\n",
            "the question `identity` takes no row of keys",
            2,
        ),
    ] {
        let rejection = rejected("converse", caller).await;
        assert!(
            rejection
                .reason
                .starts_with(&format!("`tests/one.toml` line {line}: {reported}")),
            "{}",
            rejection.reason
        );
    }
}

#[tokio::test]
async fn a_flow_that_fails_holds_no_test() {
    for (act, reported) in [
        (
            "trap",
            "anything: the flow trapped: wasm trap: wasm `unreachable` instruction executed; in acts::fail < ",
        ),
        (
            "loop",
            "anything: the flow computed for longer than `[limits] compute-ms`",
        ),
        ("flood", "anything: the call's journal is full"),
        (
            "emi-first",
            "got: `run` returned an error: refused: `emi` may be spoken only after identity",
        ),
    ] {
        let rejection = rejected(act, "[expect]\n").await;
        assert!(rejection.reason.contains(reported), "{}", rejection.reason);
    }
}

#[tokio::test]
async fn a_test_that_cannot_be_read_is_reported_with_all_its_lines() {
    let test = "[call]\nlanguage = 'klingon klingon'\nat = 'soon'\ncolour = 1\n[[caller]]\nasked = 'identity'\nchoice = 'yes'\nkeys = '1'\n\
                [[caller]]\nchoice = 'yes'\n[expect]\nsaid = ['emi-detail']\ntransfer = 7\n";
    let rejection = rejected("converse", test).await;
    for (line, words) in [
        (2, "`language` has `klingon klingon`"),
        (3, "`at` takes a time with its offset"),
        (4, "unknown key `colour`"),
        (5, "`caller` takes the question's name"),
        (9, "`caller` takes the question's name"),
        (
            12,
            "`said` has `emi-detail`: the flow uses no template of this name",
        ),
        (13, "`transfer` takes `true`, `false`"),
    ] {
        assert!(
            rejection
                .reason
                .contains(&format!("`tests/one.toml` line {line}: {words}")),
            "{}",
            rejection.reason
        );
    }
    assert_eq!(rejection.line, Some(2));
    assert!(
        rejected("converse", "[expect\n")
            .await
            .reason
            .contains("line 1")
    );
}

#[tokio::test]
async fn a_changed_test_tries_a_rejected_version_again() {
    let house = House::new();
    house.add("acts", ACTS, &manifest("converse", ""));
    put(&house, "one.toml", "[expect]\noutcome = 'declined'\n");
    let watched = Watched::over(house).await;
    assert_eq!(watched.active("acts"), None);
    put(
        &watched.house,
        "one.toml",
        "[expect]\noutcome = 'wrong-person'\n",
    );
    watched
        .until("published", |_| watched.active("acts").is_some())
        .await;
}

#[tokio::test]
async fn a_test_that_no_longer_holds_is_reported_and_the_version_that_takes_calls_goes_on() {
    let (flow, _) = Flow::opened(
        "converse",
        &[("one.toml", "[expect]\noutcome = 'wrong-person'\n")],
    )
    .await;
    let first = flow.catalogue.active(&name("acts")).unwrap();
    put(&flow.house, "one.toml", "[expect]\noutcome = 'declined'\n");
    // reported at each reload, like every rejection
    for _ in 0..2 {
        let rejections = flow.reload().await;
        assert_eq!((rejections.len(), rejections[0].step), (1, Step::Tests));
        assert_eq!(flow.catalogue.active(&name("acts")).unwrap().id, first.id);
    }
    assert_eq!(
        flow.catalogue.states()[0].rejected[0].version.as_ref(),
        Some(&first.id)
    );

    put(
        &flow.house,
        "one.toml",
        "[expect]\noutcome = 'wrong-person'\n# fixed\n",
    );
    assert_eq!(flow.reload().await, []);
    assert_eq!(
        (
            flow.stages(),
            &flow.catalogue.active(&name("acts")).unwrap().id
        ),
        (vec![Stage::Active], &first.id)
    );
}

#[tokio::test]
async fn a_version_that_was_rolled_back_does_not_come_back_by_a_changed_test() {
    let (flow, _) = Flow::opened("converse", &[]).await;
    let first = flow.catalogue.active(&name("acts")).unwrap().id.clone();
    flow.house
        .add("acts", ACTS, &manifest("converse", "# changed\n"));
    assert_eq!(flow.reload().await, []);
    flow.catalogue
        .rollback(&name("acts"), "it was asked for")
        .unwrap();
    for outcome in ["declined", "wrong-person"] {
        put(
            &flow.house,
            "one.toml",
            &format!("[expect]\noutcome = '{outcome}'\n"),
        );
        assert_eq!(
            flow.reload().await.len(),
            usize::from(outcome == "declined")
        );
        assert_eq!(
            flow.catalogue.active(&name("acts")).unwrap().id,
            first,
            "{outcome}"
        );
    }
    assert_eq!(flow.stages(), [Stage::Active, Stage::RolledBack]);
}

#[tokio::test]
async fn a_bare_component_has_no_tests() {
    let house = House::new();
    fs::create_dir_all(house.flows().join("tests")).unwrap();
    fs::write(
        house.flows().join("bare.wasm"),
        include_bytes!("../../../host/tests/fixtures/bare-0.1.0.wasm"),
    )
    .unwrap();
    let (catalogue, rejections) = house.open().await;
    assert!(catalogue.active(&name("bare")).is_some(), "{rejections:?}");
}
