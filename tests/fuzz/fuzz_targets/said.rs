//! What recognisers return and callers key, read by the built-in grammars.
#![no_main]

use ghanti_language::builtin::{Grammar, Reading, Value};
use ghanti_language::detect;
use ghanti_model::Language;
use libfuzzer_sys::fuzz_target;
use time::macros::datetime;

const NAMES: [&str; 7] = [
    "boolean", "date", "time", "digits", "number", "currency", "phone",
];

fuzz_target!(|input: (u8, &str)| {
    let (which, said) = input;
    let name = NAMES[usize::from(which) % NAMES.len()];
    let language = if which < 128 { "en-IN" } else { "hi-IN" };
    let (Ok(grammar), Ok(language)) = (
        Grammar::parse(name, std::iter::empty()),
        Language::parse(language),
    ) else {
        // a grammar that must not be without parameters
        return;
    };
    let now = datetime!(2026-11-28 10:00);
    let _ = detect(said, std::slice::from_ref(&language));
    for reading in [grammar.read(said, &language, now), grammar.keyed(said, now)] {
        match reading {
            // one that is certain is not several
            Reading::Ambiguous(values) => assert!(values.len() >= 2, "{said}"),
            Reading::Value(value) | Reading::Partial(Some(value)) => match value {
                Value::Currency(money) => assert!(money.minor > 0, "{said}"),
                Value::Number(number) => assert!(number >= 0, "{said}"),
                _ => {}
            },
            Reading::Partial(None) | Reading::Nothing => {}
        }
    }
});
