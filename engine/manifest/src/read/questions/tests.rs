//! Questions as manifests write them.

use crate::Manifest;
use crate::question::{Digits, Expects, Question};

fn question(text: &str) -> Question {
    Manifest::parse(text).unwrap().questions["identity"].clone()
}

fn wrong(keys: &str) -> String {
    let errors = Manifest::parse(&format!("[questions.identity]\n{keys}\n")).unwrap_err();
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    errors.join("\n")
}

#[test]
fn a_whole_question_is_read() {
    let read = question(
        r#"
[questions.identity]
prompt = "greeting"
choices = { yes = { key = "1", grammar = "confirm" }, no = { key = "2" }, branch = { phrases = { en-IN = ["the branch"], hi-IN = ["शाखा"] } } }
side-answers = { who = { say = "who-is-calling", then = "identity-again" }, repeat = {} }
wait = "7s"
no-input = ["identity-no-input", "identity-no-input"]
no-match = "identity-no-match"
min-confidence = 0.6
requires = ["consent"]
milestone = "identity-asked"
"#,
    );
    let Expects::Choices(choices) = &read.expects else {
        panic!("{read:?}")
    };
    let reported: Vec<_> = choices
        .iter()
        .map(|choice| (choice.id.as_str(), choice.lexicon.as_deref(), choice.key))
        .collect();
    assert_eq!(
        reported,
        [
            ("branch", None, None),
            ("no", Some("no"), Some('2')),
            ("yes", Some("confirm"), Some('1')),
            ("repeat", Some("repeat"), None),
            ("who", Some("who"), None),
        ]
    );
    assert_eq!(choices[0].phrases.len(), 2);
    assert_eq!(
        (read.wait_ms, read.no_input.len(), read.no_match.len()),
        (7_000, 2, 1)
    );
    assert_eq!(read.min_confidence_percent, Some(60));
    let who = read
        .side_answers
        .iter()
        .find(|side| side.choice == "who")
        .unwrap();
    assert_eq!(
        (who.say.as_deref(), who.then.as_deref()),
        (Some("who-is-calling"), Some("identity-again"))
    );
    assert_eq!(read.opening("identity"), "greeting");
}

#[test]
fn what_is_not_said_has_a_default() {
    let read = question("[questions]\nidentity = { choices = [\"yes\", \"no\"] }");
    assert_eq!(read.opening("identity"), "identity");
    assert_eq!(read.wait_ms, 5_000);
    let digits = |text: &str| match question(text).expects {
        Expects::Digits(Digits {
            min,
            max,
            end_key,
            between_ms,
        }) => (min, max, end_key, between_ms),
        other => panic!("{other:?}"),
    };
    let text = "[questions.identity]\nexpects = \"digits\"\n";
    assert_eq!(digits(text), (1, 32, None, 3_000));
    assert_eq!(
        digits(&format!(
            "{text}length = 4\nend-key = \"#\"\nbetween-keys = \"800ms\""
        )),
        (4, 4, Some('#'), 800)
    );
    assert_eq!(
        question("[questions.identity]\nexpects = \"text\"").expects,
        Expects::Text
    );
}

#[test]
fn what_contradicts_or_can_never_be_chosen_is_reported() {
    for (keys, expected) in [
        (
            "choices = [\"yes\"]\nexpects = \"text\"",
            "has `choices` and `expects`",
        ),
        (
            "length = 4",
            "has `length`, which only a question with `expects = \"digits\"` has",
        ),
        (
            "expects = \"digits\"\nlength = 4\nmin-length = 2",
            "has `length` besides",
        ),
        (
            "expects = \"digits\"\nmin-length = 5\nmax-length = 2",
            "has a `min-length` above",
        ),
        (
            "expects = \"digits\"\nlength = 99",
            "a whole number from 1 to 32",
        ),
        (
            "expects = \"words\"",
            "`expects` is `words`: give `text` or `digits` or `boolean`",
        ),
        (
            "choices = { branch = {} }",
            "the choice `branch` of `identity` can never be chosen: give it a `key`, `phrases`, or",
        ),
        ("choices = [\"branch\"]", "can never be chosen"),
        (
            "choices = { yes = { key = \"1\" }, no = { key = \"1\" } }",
            "`no` and `yes` of `identity` have the same key",
        ),
        ("choices = { yes = { key = \"12\" } }", "`key` takes one of"),
        (
            "choices = { yes = { grammar = \"maybe\" } }",
            "`grammar` is `maybe`: give `yes` or `confirm`",
        ),
        (
            "choices = { a = { phrases = { klingon-x = [\"x\"] } } }",
            "`phrases` has `klingon-x`",
        ),
        (
            "choices = { a = { phrases = { en-IN = [\" \"] } } }",
            "give one or more words",
        ),
        (
            "choices = [\"yes\"]\nside-answers = { branch = {} }",
            "is neither one of its choices nor a grammar",
        ),
        (
            "expects = \"text\"\nside-answers = { who = {} }",
            "only a question with choices can have",
        ),
        (
            "wait = \"5\"",
            "a time from \"500ms\" to \"60s\", such as \"5s\"",
        ),
        ("wait = \"61s\"", "a time from"),
        ("wait = \"NaNs\"", "a time from"),
        ("wait = 5", "a text in quotes"),
        (
            "patience = \"5s\"",
            "unknown key `patience`: known here are prompt, choices",
        ),
    ] {
        let reported = wrong(keys);
        assert!(reported.contains(expected), "{keys}: {reported}");
    }
}
