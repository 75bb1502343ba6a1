//! Each text is there in both languages, and pages have none besides.

mod pages;

use ghanti_model::CallId;

use self::pages::pages;
use super::{ENGLISH, HINDI, MARKED, PRODUCT, of_language, preferred};

#[test]
fn every_text_is_hindi_in_hindi() {
    // names of things that are written so in any language
    let same = ["id"];
    for ((name, english), (_, hindi)) in ENGLISH.all().into_iter().zip(HINDI.all()) {
        assert!(!english.is_empty() && !hindi.is_empty(), "{name}");
        let is_of_tag = ["language", "other_language", "in_other_language"].contains(&name);
        let is_devanagari = hindi
            .chars()
            .any(|letter| ('\u{900}'..='\u{97f}').contains(&letter));
        assert!(
            is_of_tag || is_devanagari || same.contains(&name),
            "{name}: {hindi}"
        );
    }
    assert_eq!(ENGLISH.other_language, HINDI.language);
    assert_eq!(HINDI.other_language, ENGLISH.language);
}

#[test]
fn a_browser_has_the_language_that_it_would_rather_have() {
    for (asked, language) in [
        ("", "en"),
        ("hi", "hi"),
        ("hi-IN,hi;q=0.9,en;q=0.8", "hi"),
        ("en-IN,en;q=0.9,hi;q=0.8", "en"),
        ("ta-IN, hi;q=0.5, en;q=0.4", "hi"),
        ("HI-in", "hi"),
        ("fr", "en"),
        ("hi;q=0, *;q=0.5", "en"),
        ("hi;q=many", "en"),
        (";;,q=,-", "en"),
    ] {
        assert_eq!(preferred(asked).language, language, "{asked}");
    }
    assert_eq!(of_language("hi").map(|words| words.language), Some("hi"));
    assert!(of_language("de").is_none() && of_language("").is_none());
}

/// What a person reads of a page, or hears, one by one: texts between tags and in attributes, without times and what is
/// marked as English.
fn texts(html: &str) -> Vec<String> {
    const READ: [&str; 7] = [
        "aria-label=\"",
        "title=\"",
        "placeholder=\"",
        "alt=\"",
        "data-label=\"",
        "data-confirm=\"",
        "data-done=\"",
    ];
    let mut found = Vec::new();
    // the elements that are left out, and within how many of that name one is
    let mut left_out: Option<(String, usize)> = None;
    for part in html.split('<').skip(1) {
        let (tag, text) = part.split_once('>').unwrap_or((part, ""));
        let name: String = tag
            .chars()
            .take_while(|letter| !letter.is_whitespace())
            .collect();
        if let Some((of, depth)) = &mut left_out {
            if name == *of {
                *depth += 1;
            } else if name.strip_prefix('/') == Some(of.as_str()) {
                *depth -= 1;
            }
            if *depth > 0 {
                continue;
            }
            left_out = None;
        } else if name == "time" || tag.contains(" lang=\"en\"") {
            left_out = Some((name, 1));
            continue;
        }
        for start in READ {
            let value = tag
                .split_once(start)
                .and_then(|(_, rest)| rest.split_once('"'));
            found.extend(value.map(|(value, _)| value.to_owned()));
        }
        found.push(text.to_owned());
    }
    found
}

#[test]
fn pages_have_no_text_besides() {
    // names of products, and what is a value or markup's own
    let known = [PRODUCT, "CallSid", "MiB", "&amp;", "&quot;", "&lt;", "&gt;"];
    for (page, html) in pages(&MARKED) {
        for text in texts(&html) {
            let mut rest = String::new();
            let mut is_marked = false;
            for letter in text.chars() {
                match letter {
                    '⟦' => is_marked = true,
                    '⟧' => is_marked = false,
                    _ if !is_marked => rest.push(letter),
                    _ => {}
                }
            }
            for known in known {
                rest = rest.replace(known, "");
            }
            // ids and masked numbers have such letters as well
            let is_value = rest.contains("xxxxxx") || CallId::parse(rest.trim()).is_some();
            assert!(
                is_value || !rest.chars().any(char::is_alphabetic),
                "{page}: `{rest}` of `{text}`"
            );
        }
    }
}

#[test]
fn a_page_says_which_language_it_is_in_and_offers_the_other() {
    for words in [&ENGLISH, &HINDI] {
        for (page, html) in pages(words) {
            assert!(
                html.contains(&format!("<html lang=\"{}\">", words.language)),
                "{page}"
            );
            let switch = format!("value=\"{0}\" lang=\"{0}\">", words.other_language);
            assert!(page == "login" || html.contains(&switch), "{page}: {html}");
        }
    }
}
