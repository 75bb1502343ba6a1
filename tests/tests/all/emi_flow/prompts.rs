//! The words of the shipped flow: what a stranger may hear, and what borrowers understand.

use std::fs;

use ghanti_manifest::Manifest;

use super::{prompts, root};

/// What hints at a loan, in the words of the eleven languages.
const HINTS: &[&str] = &[
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
    "कर्ज",
    "हप्त",
    "रक्कम",
    "ईएमआय",
    "लोन",
    "கடன்",
    "லோன்",
    "தவணை",
    "இஎம்ஐ",
    "தொகை",
    "கட்ட வேண்டிய",
    "லேட் ஃபீஸ்",
    "சிபில்",
    "కిస్తీ",
    "లోన్",
    "అప్పు",
    "రుణ",
    "ఈఎంఐ",
    "మొత్తం",
    "సిబిల్",
    "ಸಾಲ",
    "ಲೋನ್",
    "ಕಂತು",
    "ಇಎಂಐ",
    "ಮೊತ್ತ",
    "ಸಿಬಿಲ್",
    "ലോൺ",
    "ലോണി",
    "വായ്പ",
    "ഇഎംഐ",
    " തുക ",
    "സിബിൽ",
    "লোন",
    "ঋণ",
    "কিস্তি",
    "ইএমআই",
    "টাকা",
    "সিবিল",
    "લોન",
    "હપ્ત",
    "ઈએમઆઈ",
    "રકમ",
    "સિબિલ",
    "ਲੋਨ",
    "ਕਰਜ਼",
    "ਕਿਸ਼ਤ",
    "ਈਐਮਆਈ",
    "ਰਕਮ",
    "ਸਿਬਿਲ",
    "ଲୋନ",
    "ଋଣ",
    "କିସ୍ତି",
    "ଇଏମଆଇ",
    "ଟଙ୍କା",
    "ସିବିଲ",
];

#[test]
fn no_prompt_that_a_stranger_may_hear_hints_at_a_loan() {
    let folder = root().join("flows/emi-reminder");
    let manifest = Manifest::parse(&fs::read_to_string(folder.join("flow.toml")).unwrap()).unwrap();
    assert!(
        !manifest.samples.settings["caller"]
            .to_lowercase()
            .contains("financ"),
        "`caller` is what a stranger hears"
    );
    assert_eq!(prompts().len(), 11, "languages");
    for file in prompts() {
        let text = fs::read_to_string(folder.join(&file)).unwrap();
        let messages: Vec<_> = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split_once(" = "))
            .collect();
        assert_eq!(messages.len(), 23, "{file}: one message a line");
        for (name, words) in messages {
            let guarded = manifest
                .prompts
                .get(name)
                .is_some_and(|rule| rule.requires.contains(&"identity".to_owned()));
            let words = words.to_lowercase();
            let hint = HINTS.iter().find(|hint| words.contains(**hint));
            assert!(
                guarded || hint.is_none(),
                "{file}: `{name}` says `{hint:?}`"
            );
        }
    }
}

#[test]
fn every_language_hints_at_the_loan_where_it_may() {
    // so that the words above are those that the prompts use
    for file in prompts() {
        let text = fs::read_to_string(root().join("flows/emi-reminder").join(&file)).unwrap();
        let mut lines = text.lines();
        let details = lines
            .find_map(|line| line.strip_prefix("emi-details = "))
            .unwrap()
            .to_lowercase();
        let hint = HINTS
            .iter()
            .find(|hint| details.contains(**hint) && **hint != "$lender");
        assert!(hint.is_some(), "{file}: {details}");
        if !file.contains("en-IN") {
            let latin = details
                .replace("{ $", "")
                .chars()
                .filter(char::is_ascii_alphabetic)
                .count();
            let variables = "lenderloandigitsamountduedate".len();
            assert_eq!(latin, variables, "{file} has Latin letters: {details}");
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
