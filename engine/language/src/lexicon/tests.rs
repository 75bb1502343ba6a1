//! Table-driven tests of what callers say, and tests of each rule.

use ghanti_model::{Choice, Language, Phrases};

use super::data::FILES;
use super::*;

fn language(tag: &str) -> Language {
    Language::parse(tag).unwrap()
}

fn from_lexicon(name: &str) -> Choice {
    Choice {
        id: name.to_owned(),
        lexicon: Some(name.to_owned()),
        phrases: Vec::new(),
        key: None,
    }
}

fn with_phrases(id: &str, tag: &str, words: &[&str]) -> Choice {
    let words = words.iter().map(|word| (*word).to_owned()).collect();
    Choice {
        id: id.to_owned(),
        lexicon: None,
        phrases: vec![Phrases {
            language: language(tag),
            words,
        }],
        key: None,
    }
}

fn matcher(choices: &[Choice], tags: &[&str]) -> ChoiceMatcher {
    ChoiceMatcher::new(
        choices,
        &tags.iter().map(|tag| language(tag)).collect::<Vec<_>>(),
    )
    .unwrap()
}

fn choice_of(matcher: &ChoiceMatcher, said: &str) -> Option<String> {
    matcher.best(said).map(|found| found.choice)
}

#[test]
fn callers_are_understood_as_the_table_says() {
    let mut current = None;
    let mut wrong = Vec::new();
    let mut rows = 0;
    for (number, line) in include_str!("cases.txt").lines().enumerate() {
        if line.starts_with('#') || line.is_empty() {
            continue;
        }
        if let Some(header) = line.strip_prefix('[').filter(|_| line.ends_with(']')) {
            let (tags, lexicons) = header.trim_end_matches(']').split_once(':').unwrap();
            let choices: Vec<Choice> = lexicons.split_whitespace().map(from_lexicon).collect();
            current = Some(matcher(
                &choices,
                &tags.split_whitespace().collect::<Vec<_>>(),
            ));
            continue;
        }
        let (said, expected) = line.split_once("=>").unwrap();
        let found = current.as_ref().unwrap().best(said);
        let reported = found.map_or("-".to_owned(), |found| {
            format!("{} {}", found.choice, found.language.primary())
        });
        if reported != expected.trim() {
            wrong.push(format!(
                "line {}: `{}` gave {reported}, not{expected}",
                number + 1,
                said.trim()
            ));
        }
        rows += 1;
    }
    assert!(
        wrong.is_empty(),
        "{} of {rows} rows:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(rows > 450, "{rows}");
}

#[test]
fn every_phrase_of_a_lexicon_means_its_lexicon() {
    // of several lexicons with the same phrase the most specific one gets it, so each phrase is
    // matched against its own lexicon only
    for (primary, _) in FILES {
        for lexicon in Lexicon::ALL {
            let matcher = matcher(&[from_lexicon(lexicon.name())], &[primary]);
            for phrase in data::phrasebook(primary)
                .unwrap()
                .unwrap()
                .phrases()
                .filter(|phrase| phrase.lexicon == Some(lexicon))
            {
                assert_eq!(
                    choice_of(&matcher, &phrase.text).as_deref(),
                    Some(lexicon.name()),
                    "{primary}: `{}`",
                    phrase.text
                );
            }
        }
    }
}

#[test]
fn no_phrase_is_both_yes_and_another_answer() {
    for (primary, _) in FILES {
        let book = data::phrasebook(primary).unwrap().unwrap();
        for yes in book
            .phrases()
            .filter(|phrase| phrase.lexicon == Some(Lexicon::Yes))
        {
            let alike = book.find(&normal::words(&yes.text).join(" "));
            let other = alike.iter().find(|phrase| {
                phrase.lexicon != Some(Lexicon::Yes)
                    && !matches!(phrase.weight, data::Weight::Filler | data::Weight::Particle)
            });
            assert!(
                other.is_none(),
                "{primary}: `{}` is also of {:?}",
                yes.text,
                other.map(|phrase| phrase.lexicon)
            );
        }
    }
}

#[test]
fn every_language_has_every_lexicon_in_its_own_script_and_in_latin_letters() {
    for (primary, _) in FILES {
        for lexicon in Lexicon::ALL
            .into_iter()
            .filter(|lexicon| *lexicon != Lexicon::Confirm)
        {
            let phrases = data::phrasebook(primary)
                .unwrap()
                .unwrap()
                .phrases()
                .filter(|phrase| phrase.lexicon == Some(lexicon));
            let (latin, native): (Vec<_>, Vec<_>) =
                phrases.partition(|phrase| phrase.text.is_ascii());
            assert!(!latin.is_empty(), "{primary} {}", lexicon.name());
            assert!(
                primary == "en" || !native.is_empty(),
                "{primary} {}",
                lexicon.name()
            );
        }
    }
}

#[test]
fn lexicons_use_the_letters_of_their_language_only() {
    let scripts = [
        ("hi", 0x0900..=0x097F),
        ("mr", 0x0900..=0x097F),
        ("bn", 0x0980..=0x09FF),
        ("pa", 0x0A00..=0x0A7F),
        ("gu", 0x0A80..=0x0AFF),
        ("or", 0x0B00..=0x0B7F),
        ("ta", 0x0B80..=0x0BFF),
        ("te", 0x0C00..=0x0C7F),
        ("kn", 0x0C80..=0x0CFF),
        ("ml", 0x0D00..=0x0D7F),
        ("en", 0x0000..=0x007F),
    ];
    for (primary, letters) in scripts {
        for phrase in data::phrasebook(primary).unwrap().unwrap().phrases() {
            let foreign = phrase.text.chars().find(|letter| {
                !letter.is_ascii()
                    && !letters.contains(&u32::from(*letter))
                    && !('\u{200B}'..='\u{200D}').contains(letter)
            });
            assert_eq!(foreign, None, "{primary}: `{}`", phrase.text);
        }
    }
}

#[test]
fn a_word_that_is_no_part_of_the_choice_makes_it_no_answer() {
    let matcher = matcher(&[from_lexicon("yes"), from_lexicon("no")], &["en", "hi"]);
    for said in [
        "yes",
        "yes yes",
        "um well yes",
        "hello yes sir",
        "haan ji",
        "okay yes please",
    ] {
        assert_eq!(choice_of(&matcher, said).as_deref(), Some("yes"), "{said}");
    }
    for said in [
        "yes he is my father",
        "yes [unk]",
        "who is speaking",
        "priya speaking",
        "yes but why",
        "don't go ahead then",
    ] {
        assert_eq!(choice_of(&matcher, said), None, "{said}");
    }
}

#[test]
fn a_confirmation_is_more_than_a_polite_word() {
    let matcher = matcher(
        &[from_lexicon("confirm"), from_lexicon("no")],
        &["en", "hi"],
    );
    assert!(matcher.has_confirmation() && matcher.confirms("confirm") && !matcher.confirms("no"));
    for said in [
        "yes",
        "yes tell me",
        "yes okay",
        "that's me",
        "haan",
        "haan boliye",
        "main hi bol raha hoon",
        "correct",
    ] {
        assert_eq!(
            choice_of(&matcher, said).as_deref(),
            Some("confirm"),
            "{said}"
        );
    }
    for said in [
        "okay",
        "sure",
        "go ahead",
        "why not",
        "tell me",
        "speaking",
        // how "Rahul speaking" is misheard
        "you are speaking",
        "theek hai",
        "boliye",
        "ji",
        "no problem",
        "achha",
    ] {
        assert_eq!(choice_of(&matcher, said), None, "{said}");
    }
    assert_eq!(choice_of(&matcher, "okay no").as_deref(), Some("no"));
}

#[test]
fn who_begins_a_phrase_has_not_finished() {
    let matcher = matcher(&[from_lexicon("yes"), from_lexicon("agent")], &["en"]);
    for (said, is_unfinished) in [
        ("i", true),
        ("i want", true),
        ("well i want an", true),
        ("yes", false),
        ("agent", false),
        ("banana", false),
        ("", false),
    ] {
        assert_eq!(matcher.is_unfinished(said), is_unfinished, "{said}");
    }
}

#[test]
fn a_recogniser_is_told_the_words_of_other_questions_too() {
    let matcher = matcher(&[from_lexicon("confirm"), from_lexicon("no")], &["en"]);
    let decoys = matcher.decoys();
    for decoy in [
        "who is this",
        "agent please",
        "call me later",
        "hello",
        "brother",
    ] {
        assert!(decoys.iter().any(|known| known == decoy), "{decoy}");
    }
    let phrases = matcher.phrases();
    assert!(
        phrases.iter().all(|phrase| !decoys.contains(phrase))
            && phrases.contains(&"yes".to_owned())
    );
}

#[test]
fn own_phrases_extend_a_lexicon() {
    let mut yes = from_lexicon("yes");
    yes.phrases = vec![Phrases {
        language: language("en"),
        words: vec!["asha here".to_owned()],
    }];
    let matcher = matcher(&[yes, from_lexicon("no")], &["en"]);
    assert_eq!(choice_of(&matcher, "Asha here").as_deref(), Some("yes"));
    assert_eq!(
        choice_of(&matcher, "no asha here"),
        None,
        "an own phrase of yes is a yes"
    );
}

#[test]
fn own_phrases_come_before_a_lexicon_that_has_them_too() {
    let call_back = with_phrases("call-back", "en", &["later", "tomorrow"]);
    let matcher = matcher(&[from_lexicon("later"), call_back], &["en"]);
    assert_eq!(
        choice_of(&matcher, "tomorrow").as_deref(),
        Some("call-back")
    );
    assert_eq!(choice_of(&matcher, "busy").as_deref(), Some("later"));
}

#[test]
fn own_phrases_match_on_word_boundaries() {
    let matcher = matcher(
        &[
            with_phrases("emi", "en", &["emi"]),
            with_phrases("full", "en", &["full amount"]),
        ],
        &["en"],
    );
    for (said, choice) in [
        ("emi", Some("emi")),
        ("the E.M.I", None),
        ("premium", None),
        ("emission", None),
        ("my emi please", Some("emi")),
        ("full  amount!", Some("full")),
        ("amount full", None),
        ("emi or full amount", None),
    ] {
        assert_eq!(choice_of(&matcher, said).as_deref(), choice, "{said}");
    }
}

#[test]
fn two_choices_with_equally_long_phrases_are_no_answer() {
    let matcher = matcher(
        &[
            with_phrases("today", "en", &["today"]),
            with_phrases("friday", "en", &["friday"]),
        ],
        &["en"],
    );
    assert_eq!(choice_of(&matcher, "today or friday"), None);
    assert_eq!(
        choice_of(&matcher, "friday yes friday").as_deref(),
        Some("friday")
    );
}

#[test]
fn a_denied_own_phrase_is_no_answer_even_where_no_is_no_choice() {
    let matcher = matcher(
        &[with_phrases("interested", "en", &["interested"])],
        &["en"],
    );
    assert_eq!(
        choice_of(&matcher, "i am interested").as_deref(),
        Some("interested")
    );
    assert_eq!(choice_of(&matcher, "i am not interested"), None);
}

#[test]
fn a_question_back_is_no_answer_though_it_has_the_flows_own_word() {
    let matcher = matcher(&[with_phrases("bank", "en", &["bank"])], &["en"]);
    assert_eq!(
        choice_of(&matcher, "the bank please").as_deref(),
        Some("bank")
    );
    assert_eq!(choice_of(&matcher, "which bank"), None);
}

#[test]
fn own_phrases_of_other_languages_count_too() {
    let matcher = matcher(&[with_phrases("salary", "kn-IN", &["ಸಂಬಳ"])], &["en"]);
    assert_eq!(matcher.best("ಸಂಬಳ").unwrap().language, language("kn-IN"));
}

#[test]
fn the_language_is_the_one_that_explains_most() {
    let matcher = matcher(&[from_lexicon("yes"), from_lexicon("agent")], &["en", "hi"]);
    for (said, tag) in [
        ("okay", "en-IN"),
        ("okay haan", "hi-IN"),
        ("ok ji haan", "hi-IN"),
        ("agent", "en-IN"),
        ("connect karo", "hi-IN"),
    ] {
        assert_eq!(
            matcher.best(said).unwrap().language,
            language(tag),
            "{said}"
        );
    }
}

#[test]
fn a_region_of_ones_own_is_kept() {
    let matcher = matcher(&[from_lexicon("yes")], &["en-US"]);
    assert_eq!(matcher.best("yes").unwrap().language.as_str(), "en-US");
}

#[test]
fn a_whole_phrase_is_complete_and_a_part_is_not() {
    let matcher = matcher(
        &[
            from_lexicon("yes"),
            from_lexicon("no"),
            from_lexicon("agent"),
        ],
        &["en", "hi"],
    );
    for said in [
        "yes",
        "Yes.",
        "no thank you",
        "connect me to an agent",
        "haan ji",
        "हाँ",
        "wrong number",
    ] {
        assert!(matcher.is_complete(said), "{said}");
    }
    for said in [
        "",
        "connect me to",
        "thank you",
        "no thank",
        "yes no",
        "well yes",
        "i don't know",
        "not sure",
        "now",
    ] {
        assert!(!matcher.is_complete(said), "{said}");
    }
}

#[test]
fn the_vocabulary_is_lower_case_and_keeps_apostrophes() {
    let mut own = with_phrases("emi", "en", &["  My   EMI "]);
    own.key = Some('3');
    let phrases = matcher(
        &[from_lexicon("yes"), from_lexicon("no"), own],
        &["en", "hi"],
    )
    .phrases();
    for phrase in [
        "yes",
        "that's me",
        "my emi",
        "हाँ",
        "haan",
        "wrong number",
        "don't call me",
    ] {
        assert!(phrases.iter().any(|known| known == phrase), "{phrase}");
    }
    for phrase in ["repeat", "who is this"] {
        assert!(
            !phrases.iter().any(|known| known == phrase),
            "`{phrase}` is no choice"
        );
    }
    let mut unique = phrases.clone();
    unique.dedup();
    assert_eq!(unique, phrases);
    assert!(
        phrases
            .iter()
            .all(|phrase| *phrase == phrase.to_lowercase() && phrase.trim() == phrase)
    );
}

#[test]
fn no_question_of_the_lexicons_listens_for_very_much() {
    // measured with Vosk's small English model: with 1,700 phrases it took "yes" for "you are",
    // with 90 it did not
    let lexicons = Lexicon::ALL
        .iter()
        .filter(|lexicon| **lexicon != Lexicon::Confirm);
    let all: Vec<Choice> = lexicons
        .map(|lexicon| from_lexicon(lexicon.name()))
        .collect();
    for (primary, _) in FILES {
        let phrases = matcher(&all, &[primary]).phrases();
        assert!(
            (30..=220).contains(&phrases.len()),
            "{primary}: {}",
            phrases.len()
        );
    }
}

#[test]
fn what_is_listened_for_is_understood() {
    for (primary, _) in FILES {
        for lexicon in Lexicon::ALL {
            let matcher = matcher(&[from_lexicon(lexicon.name())], &[primary]);
            let phrases = matcher.phrases();
            assert!(
                phrases.iter().any(|phrase| matcher.is_complete(phrase)),
                "{primary} {}",
                lexicon.name()
            );
        }
    }
}

#[test]
fn keys_make_their_choice() {
    let mut choices = [
        from_lexicon("yes"),
        from_lexicon("no"),
        with_phrases("star", "en", &[]),
    ];
    choices[0].key = Some('1');
    choices[1].key = Some('2');
    choices[2].key = Some('*');
    let matcher = matcher(&choices, &["en"]);
    assert_eq!(matcher.key('1'), Some("yes"));
    assert_eq!(matcher.key('2'), Some("no"));
    assert_eq!(matcher.key('*'), Some("star"));
    assert_eq!(matcher.key('9'), None);
}

#[test]
fn choices_that_cannot_be_listened_for_are_refused() {
    let refused = |choices: &[Choice]| {
        ChoiceMatcher::new(choices, &[Language::english()])
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        refused(&[from_lexicon("maybe")]),
        "choice `maybe`: there is no lexicon `maybe`; the lexicons are yes, confirm, no, agent, repeat, later, wrong-person, \
         who, do-not-call and stop"
    );
    let mut twin = from_lexicon("yes");
    twin.id = "also".to_owned();
    assert_eq!(
        refused(&[from_lexicon("yes"), twin]),
        "choices `yes` and `also` both start from the lexicon `yes`: give one of them phrases of its own"
    );
    assert_eq!(
        refused(&[with_phrases("x", "en", &["ok", " ?! "])]),
        "choice `x`: phrase 2 in `en-IN` has no word in it"
    );
    let keyed = |id: &str, key| Choice {
        id: id.to_owned(),
        lexicon: None,
        phrases: Vec::new(),
        key: Some(key),
    };
    assert_eq!(
        refused(&[keyed("a", 'x')]),
        "choice `a`: `x` is no key; the keys are 0 to 9, * and #"
    );
    assert_eq!(
        refused(&[keyed("a", '1'), keyed("b", '1')]),
        "choices `a` and `b` both have the key `1`"
    );
}

#[test]
fn endless_talk_is_borne() {
    let matcher = matcher(&[from_lexicon("yes"), from_lexicon("no")], &["en", "hi"]);
    let _ = matcher.best(&"yes haan connect me no ".repeat(100_000));
    let _ = matcher.best(&"न".repeat(100_000));
    assert_eq!(
        choice_of(&matcher, &"yes ".repeat(100_000)),
        None,
        "nobody answers like that"
    );
}
