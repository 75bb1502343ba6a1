//! Languages by tag or name, and the languages of Indian states.

use super::{Unreadable, present};
use crate::Language;

const HINT: &str = "write a tag such as `hi-IN`, or the language's English name";

/// Each supported language: its tag, its names, and the prefixes of the states that speak it, as
/// lower-case letters without spaces.
const LANGUAGES: [(&str, &[&str], &[&str]); 11] = [
    ("en-IN", &["english"], &[]),
    ("ta-IN", &["tamil"], &["tamil", "puducherry", "pondicherry"]),
    ("kn-IN", &["kannada"], &["karnataka"]),
    ("ml-IN", &["malayalam"], &["kerala", "lakshadweep"]),
    ("te-IN", &["telugu"], &["andhra", "telangana"]),
    ("mr-IN", &["marathi"], &["maharashtra"]),
    ("gu-IN", &["gujarati"], &["gujarat"]),
    ("bn-IN", &["bengali", "bangla"], &["westbengal"]),
    ("pa-IN", &["punjabi", "panjabi"], &["punjab"]),
    ("or-IN", &["odia", "oriya"], &["odisha", "orissa"]),
    (
        "hi-IN",
        &["hindi"],
        &[
            "andaman",
            "arunachal",
            "assam",
            "bihar",
            "chandigarh",
            "chhattisgarh",
            "dadra",
            "daman",
            "delhi",
            "newdelhi",
            "goa",
            "haryana",
            "himachal",
            "jammu",
            "jharkhand",
            "ladakh",
            "madhya",
            "manipur",
            "meghalaya",
            "mizoram",
            "nagaland",
            "rajasthan",
            "sikkim",
            "tripura",
            "uttar",
        ],
    ),
];

/// Parses `hi-IN`, `hi_in`, `hi` or `Hindi`. The region is ignored: the result is always `-IN`.
pub fn language(value: &str) -> Result<Language, Unreadable> {
    let asked = present(value, HINT)?.to_ascii_lowercase();
    let (primary, region) = asked
        .split_once(['-', '_'])
        .unwrap_or((asked.as_str(), "in"));
    let is_region = region.len() == 2 && region.bytes().all(|byte| byte.is_ascii_alphabetic());
    let is_meant = |(tag, names, _): &&(&str, &[&str], &[&str])| {
        (is_region && tag.get(..2) == Some(primary)) || names.contains(&asked.as_str())
    };
    let found = LANGUAGES
        .iter()
        .find(is_meant)
        .and_then(|(tag, ..)| Language::parse(tag).ok());
    found.ok_or(Unreadable::new(
        "is no language that the engine has words for",
        HINT,
    ))
}

/// The main language of an Indian state or union territory; `None` if it is not one.
pub fn language_of_state(state: &str) -> Option<Language> {
    let plain: String = state
        .to_ascii_lowercase()
        .chars()
        .filter(char::is_ascii_alphabetic)
        .collect();
    let found = LANGUAGES
        .iter()
        .find(|(_, _, states)| states.iter().any(|beginning| plain.starts_with(beginning)));
    found.and_then(|(tag, ..)| Language::parse(tag).ok())
}
