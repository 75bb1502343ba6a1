//! Questions as the manifest defines them: side answers, values that are said, keyed and read back,
//! the language of an answer; and what is rejected at load.

use std::fs;

use ghanti_host::{Rejection, Step};

use crate::common::{ACTS, House};

/// The small conversation, whose two questions the tests define.
const FLOW: &str = "[flow]\nlanguages = ['en-IN', 'hi-IN']\nlanguage-changed = 'disclosure'\n\
                    [settings]\nact = 'converse'\n[grants]\ntransfer = { default = ['+919876500000'] }\n";
const IDENTITY: &str = "[questions.identity]\nprompt = 'greeting'\nchoices = ['yes', 'no']\n\
                        side-answers = { who = { say = 'disclosure', then = 'goodbye' }, repeat = {} }\n";
const TRANSFER: &str = "[questions.transfer]\nchoices = ['yes', 'no', 'agent']\n";
const AT: &str = "[call]\nat = 2026-11-27T11:00:00+05:30\n";

/// Loads the flow with these questions and one test of its own.
async fn loaded(questions: &str, test: &str) -> Vec<Rejection> {
    let house = House::new();
    house.add("acts", ACTS, &format!("{FLOW}{questions}"));
    let folder = house.flows().join("acts");
    let prompts = fs::read_to_string(folder.join("prompts/en-IN.ftl")).unwrap();
    for language in ["en-IN", "hi-IN"] {
        let more = "read-back = Did you say { $value }?\n# $value (date)\n";
        fs::write(
            folder.join(format!("prompts/{language}.ftl")),
            format!("{prompts}\n{more}"),
        )
        .unwrap();
    }
    fs::create_dir_all(folder.join("tests")).unwrap();
    fs::write(folder.join("tests/one.toml"), test).unwrap();
    house.open().await.1
}

async fn holds(questions: &str, test: &str) {
    assert_eq!(loaded(questions, test).await, []);
}

fn says(asked: &str, words: &str) -> String {
    format!("[[caller]]\nasked = '{asked}'\nsays = '{words}'\n")
}

#[tokio::test]
async fn who_asks_back_is_answered_and_asked_again() {
    let test = format!(
        "{AT}{}{}{}{}[expect]\noutcome = 'transferred'\nsaid = ['greeting', 'disclosure', 'goodbye', 'greeting', 'emi']\n",
        says("identity", "who is calling"),
        says("identity", "please repeat"),
        says("identity", "yes"),
        says("transfer", "yes"),
    );
    holds(&format!("{IDENTITY}{TRANSFER}"), &test).await;
}

#[tokio::test]
async fn who_only_asks_back_has_not_answered() {
    let test = format!(
        "{AT}{}[expect]\noutcome = 'wrong-person'\nnever-said = ['emi']\n",
        says("identity", "who is calling").repeat(4),
    );
    holds(&format!("{IDENTITY}{TRANSFER}"), &test).await;
}

#[tokio::test]
async fn an_answer_in_another_language_changes_the_language_and_says_so() {
    let test = format!(
        "{AT}{}{}[expect]\noutcome = 'transferred'\nlanguage = 'hi-IN'\nsaid = ['greeting', 'disclosure', 'emi']\n",
        says("identity", "जी हाँ"),
        says("transfer", "हाँ"),
    );
    holds(&format!("{IDENTITY}{TRANSFER}"), &test).await;
    let stays = format!(
        "{AT}{}{}[expect]\noutcome = 'transferred'\nonly-said = ['greeting', 'emi', 'disclosure', 'transfer']\n",
        says("identity", "yes"),
        says("transfer", "yes"),
    );
    holds(&format!("{IDENTITY}{TRANSFER}"), &stays).await;
}

#[tokio::test]
async fn a_value_that_is_said_is_read_back_and_asked_again_after_a_no() {
    let date = "[questions.transfer]\nexpects = 'date'\nearliest = 'today'\nlatest = 'today+30'\nconfirm = 'read-back'\nno-match = ['goodbye']\n";
    let identity = says("identity", "yes");
    let test = format!(
        "{AT}{identity}{}{}{}{}[expect]\noutcome = 'declined'\nsaid = ['transfer', 'read-back', 'goodbye', 'read-back']\n",
        says("transfer", "on the fifth of december"),
        says("transfer-confirm", "no"),
        says("transfer", "day after tomorrow"),
        says("transfer-confirm", "yes"),
    );
    holds(&format!("{IDENTITY}{date}"), &test).await;
    // keys are certain
    let keyed = format!(
        "{AT}{identity}[[caller]]\nasked = 'transfer'\npresses = '0512#'\n[expect]\noutcome = 'declined'\nnever-said = ['read-back']\n",
    );
    holds(&format!("{IDENTITY}{date}"), &keyed).await;
    // a day out of the range is not understood
    let never = format!(
        "{AT}{identity}{}[expect]\noutcome = 'declined'\nsaid = ['transfer', 'goodbye']\nnever-said = ['read-back']\n",
        says("transfer", "fifth of march"),
    );
    holds(&format!("{IDENTITY}{date}"), &never).await;
}

#[tokio::test]
async fn a_value_is_read_back_only_where_its_template_may_be_spoken() {
    let date = "[prompts]\nread-back = { requires = ['heard:goodbye'] }\n\
                [questions.transfer]\nexpects = 'date'\nlatest = 'today+30'\nearliest = 'today'\nconfirm = 'read-back'\n";
    let test = format!(
        "{AT}{}{}[expect]\noutcome = 'declined'\n",
        says("identity", "yes"),
        says("transfer", "day after tomorrow"),
    );
    let rejections = loaded(&format!("{IDENTITY}{date}"), &test).await;
    let reported = rejections[0].to_string();
    assert!(
        rejections[0].step == Step::Tests && reported.contains("heard:goodbye"),
        "{reported}"
    );
}

#[tokio::test]
async fn what_no_caller_could_answer_is_rejected_with_its_line() {
    for (transfer, reported) in [
        (
            "expects = 'date'\nearliest = 'tomorrow'\n",
            "the question `transfer`: ",
        ),
        (
            "expects = 'date'\nlength = 4\n",
            "has `length`, which only a question with `expects = \"digits\"` has",
        ),
        (
            "expects = 'date'\nconfirm = 'goodbye'\n",
            "which does not say `$value`",
        ),
        (
            "choices = { branch = { phrases = { en-IN = ['the branch'] } } }\n",
            "the choice `branch` of the question `transfer` has no phrases in `hi-IN` and no key",
        ),
        (
            "choices = ['yes']\nprompt = 'transfr'\n",
            "did you mean `transfer`?",
        ),
    ] {
        let rejections = loaded(
            &format!("{IDENTITY}[questions.transfer]\n{transfer}"),
            &format!("{AT}[expect]\noutcome = 'wrong-person'\n"),
        )
        .await;
        let [rejection] = rejections
            .try_into()
            .unwrap_or_else(|all| panic!("{transfer}: {all:?}"));
        assert_eq!(rejection.step, Step::Manifest, "{rejection}");
        assert!(
            rejection.to_string().contains(reported),
            "{transfer}: {rejection}"
        );
    }
}

#[tokio::test]
async fn flows_with_several_languages_say_which_is_the_default() {
    let house = House::new();
    house.add(
        "acts",
        ACTS,
        &format!("[settings]\nact = 'converse'\n{IDENTITY}{TRANSFER}"),
    );
    let folder = house.flows().join("acts/prompts");
    fs::copy(folder.join("en-IN.ftl"), folder.join("hi-IN.ftl")).unwrap();
    let (_, rejections) = house.open().await;
    let reported = rejections[0].to_string();
    assert!(
        reported.contains("add `languages = [\"en-IN\", \"hi-IN\"]` to `[flow]`"),
        "{reported}"
    );
}
