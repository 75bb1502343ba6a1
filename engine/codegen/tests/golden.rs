//! Generated code as it is, in each language: `UPDATE_GOLDEN=1` writes it anew. That compilers take it is tested with the program, in `tests/`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ghanti_codegen::{Conversation, Problem, python, rust, typescript};
use ghanti_model::Language;

type Generate = fn(&Conversation) -> Result<String, Vec<Problem>>;
const LANGUAGES: [(&str, Generate); 3] = [
    ("rs", rust::generate),
    ("ts", typescript::generate),
    ("py", python::generate),
];

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn files(folder: &Path) -> (String, BTreeMap<Language, String>) {
    let prompts = fs::read_dir(folder.join("prompts")).unwrap().map(|entry| {
        let path = entry.unwrap().path();
        let tag = path.file_stem().unwrap().to_str().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        (Language::parse(tag).unwrap(), text)
    });
    (
        fs::read_to_string(folder.join("flow.toml")).unwrap(),
        prompts.collect(),
    )
}

fn compare(file: &Path, generated: &str) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(file, generated).unwrap();
    }
    let kept = fs::read_to_string(file).unwrap_or_default();
    assert!(
        kept == generated,
        "`{}` is not what is generated: see what changed, then `UPDATE_GOLDEN=1 cargo test --release -p ghanti-codegen`",
        file.display()
    );
}

#[test]
fn generated_code_is_the_kept_one() {
    let (manifest, prompts) = files(&golden());
    let conversation = Conversation::read(&manifest, &prompts).unwrap();
    for (extension, generate) in LANGUAGES {
        let code = generate(&conversation).unwrap();
        assert_eq!(generate(&conversation).unwrap(), code);
        compare(&golden().join(format!("generated.{extension}")), &code);
    }
}

#[test]
fn the_shipped_flows_functions_are_those_of_its_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let (manifest, prompts) = files(&root.join("plugins/emi-reminder"));
    let conversation = Conversation::read(&manifest, &prompts).unwrap();
    let generated = rust::generate(&conversation).unwrap();
    compare(
        &root.join("plugins/emi-reminder/src/generated.rs"),
        &generated,
    );
}

fn read(manifest: &str, prompts: &str) -> Result<Conversation, Vec<Problem>> {
    Conversation::read(
        manifest,
        &BTreeMap::from([(Language::parse("en-IN").unwrap(), prompts.to_owned())]),
    )
}

fn reported(found: Result<impl std::fmt::Debug, Vec<Problem>>) -> String {
    found
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn what_is_wrong_in_the_files_is_reported_with_its_place() {
    assert!(
        reported(read("[questions.a]\nexpect = 'text'\n", "a = A?\n"))
            .starts_with("flow.toml:2: unknown key `expect`")
    );
    assert!(reported(read("", "a = Hello { $name }\n")).starts_with(
        "prompts/en-IN.ftl:1: message `a` uses `$name`, whose type no comment declares"
    ));
    let unknown = reported(read("[questions.a]\nexpects = 'text'\n", "b = B\n"));
    assert!(
        unknown.starts_with("flow.toml:1:") && unknown.contains("`a`"),
        "{unknown}"
    );
    let two = BTreeMap::from(
        ["en-IN", "hi-IN"].map(|tag| (Language::parse(tag).unwrap(), "a = A\n".to_owned())),
    );
    assert!(reported(Conversation::read("", &two)).contains("which is the default"));
    assert!(
        reported(read("[flow]\nlanguages = ['hi-IN']\n", "a = A\n"))
            .contains("there is no `prompts/hi-IN.ftl`")
    );
}

#[test]
fn names_that_become_the_same_identifier_are_refused() {
    let messages = read("", "emi-details = A\nemi_details = B\n").unwrap();
    for (extension, generate) in LANGUAGES {
        assert!(
            reported(generate(&messages)).contains("`emi-details` and `emi_details`"),
            "{extension}"
        );
    }
    let question = "[questions.a]\nchoices = { no-input = { key = '1' } }\n";
    let choices = read(question, "a = A?\n").unwrap();
    for (extension, generate) in LANGUAGES {
        assert!(
            reported(generate(&choices))
                .contains("of the question `a` the answers `no-input` and `no-input`"),
            "{extension}"
        );
    }
}

#[test]
fn a_questions_function_takes_the_variables_of_all_it_may_speak() {
    let (manifest, prompts) = files(&golden());
    let conversation = Conversation::read(&manifest, &prompts).unwrap();
    let variables = |name: &str| {
        let question = conversation
            .questions
            .iter()
            .find(|question| question.name == name)
            .unwrap();
        question
            .variables
            .iter()
            .map(|variable| variable.name.clone())
            .collect::<Vec<_>>()
    };
    // `from` is of a side answer
    assert_eq!(variables("identity"), ["from", "name"]);
    // what is read back is the engine's to give
    assert_eq!(variables("pay-day"), ["name"]);
}
