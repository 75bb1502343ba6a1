//! Prompts in Fluent, in two languages beside each other.
#![no_main]

use std::collections::BTreeMap;

use ghanti_language::PromptBook;
use ghanti_model::Language;
use libfuzzer_sys::fuzz_target;

/// The longest prompt, in bytes.
const PROMPT_BYTES: usize = 4_096;

fuzz_target!(|texts: (&str, &str)| {
    let english = Language::english();
    let Ok(hindi) = Language::parse("hi-IN") else {
        return;
    };
    let languages = [english.clone(), hindi.clone()];
    let files = BTreeMap::from([
        (english, texts.0.to_owned()),
        (hindi, texts.1.to_owned()),
    ]);
    match PromptBook::parse(&files) {
        Ok(book) => {
            let _ = book.check(&languages);
            for template in book.templates(&languages) {
                for language in &languages {
                    let said = book.render_plain(&template.name, language);
                    assert!(said.is_none_or(|said| said.len() <= PROMPT_BYTES));
                }
            }
        }
        Err(problems) => assert!(!problems.is_empty()),
    }
});
