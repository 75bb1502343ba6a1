//! The words of the shipped flow: what a stranger may hear, and what borrowers understand.

use std::fs;

use ghanti_manifest::Manifest;

use super::root;

#[test]
fn no_prompt_that_a_stranger_may_hear_hints_at_a_loan() {
    let folder = root().join("flows/emi-reminder");
    let manifest = Manifest::parse(&fs::read_to_string(folder.join("flow.toml")).unwrap()).unwrap();
    let hints = [
        "loan",
        "emi",
        "instal",
        "payment",
        "due",
        "amount",
        "credit",
        "cibil",
        "financ",
        "$lender",
        "ऋण",
        "लोन",
        "किस्त",
        "ईएमआई",
        "रकम",
        "राशि",
        "भुगतान",
        "देय",
        "क्रेडिट",
        "सिबिल",
        "फ़ीस",
        "फ़ाइनेंस",
    ];
    assert!(
        !manifest.samples.settings["caller"]
            .to_lowercase()
            .contains("financ"),
        "`caller` is what a stranger hears"
    );
    for file in ["prompts/en-IN.ftl", "prompts/hi-IN.ftl"] {
        let text = fs::read_to_string(folder.join(file)).unwrap();
        let messages: Vec<_> = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split_once(" = "))
            .collect();
        assert_eq!(messages.len(), 22, "{file}: one message a line");
        for (name, words) in messages {
            let guarded = manifest
                .prompts
                .get(name)
                .is_some_and(|rule| rule.requires.contains(&"identity".to_owned()));
            let words = words.to_lowercase();
            let hint = hints.iter().find(|hint| words.contains(**hint));
            assert!(
                guarded || hint.is_none(),
                "{file}: `{name}` says `{hint:?}`"
            );
        }
    }
}

#[test]
fn prompts_have_the_words_that_borrowers_use() {
    for (file, stiff) in [
        ("prompts/en-IN.ftl", &["credit bureau", "instalment"][..]),
        (
            "prompts/hi-IN.ftl",
            &["स्वचालित", "विलंब शुल्क", "नियत तारीख़", "देय", "ऋण", "किस्त"][..],
        ),
    ] {
        let text = fs::read_to_string(root().join("flows/emi-reminder").join(file)).unwrap();
        let spoken = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .collect::<String>();
        let found: Vec<_> = stiff
            .iter()
            .filter(|word| spoken.contains(**word))
            .collect();
        assert!(found.is_empty(), "{file}: {found:?}");
    }
}
