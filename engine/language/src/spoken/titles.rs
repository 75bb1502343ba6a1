//! Writes out abbreviations before and within Indian names as they are read: "Smt." is not spelled
//! S, M, T.
//!
//! English and Hindi have a full table; Marathi uses Hindi's words, which it spells the same way.
//! The other languages have the four titles found in nearly every list, and leave other
//! abbreviations as written.

use ghanti_model::Language;

/// An abbreviation in lower case without its points, and its words in English and in Hindi.
type Row = (&'static str, &'static str, &'static str);

#[rustfmt::skip]
const NAMES: [Row; 27] = [
    ("smt", "Shrimati", "श्रीमती"),
    ("shri", "Shree", "श्री"),
    ("sri", "Shree", "श्री"),
    ("kum", "Kumari", "कुमारी"),
    ("mr", "Mister", "मिस्टर"),
    ("mrs", "Missis", "मिसेज़"),
    ("ms", "Miz", "मिज़"),
    ("dr", "Doctor", "डॉक्टर"),
    ("er", "Engineer", "इंजीनियर"),
    ("adv", "Advocate", "एडवोकेट"),
    ("prof", "Professor", "प्रोफ़ेसर"),
    ("capt", "Captain", "कैप्टन"),
    ("col", "Colonel", "कर्नल"),
    ("maj", "Major", "मेजर"),
    ("sgt", "Sergeant", "सार्जेंट"),
    ("md", "Mohammad", "मोहम्मद"),
    ("mohd", "Mohammad", "मोहम्मद"),
    ("m/s", "Messers", "मेसर्स"),
    ("s/o", "son of", "पुत्र"),
    ("d/o", "daughter of", "पुत्री"),
    ("w/o", "wife of", "पत्नी"),
    ("h/o", "husband of", "पति"),
    ("c/o", "care of", "द्वारा"),
    ("pvt", "Private", "प्राइवेट"),
    ("ltd", "Limited", "लिमिटेड"),
    ("co", "Company", "कंपनी"),
    ("&", "and", "और"),
];

/// Abbreviated only if a point follows; without one they are words or parts of names, such as "Er"
/// and "Col".
const WITH_POINT: [&str; 5] = ["er", "co", "col", "maj", "kum"];

/// Shrimati, Shri, Doctor, Mister.
const TITLES: [&str; 4] = ["smt", "shri", "dr", "mr"];

#[rustfmt::skip]
const OTHERS: [(&str, [&str; 4]); 8] = [
    ("ta", ["திருமதி", "திரு", "டாக்டர்", "மிஸ்டர்"]),
    ("te", ["శ్రీమతి", "శ్రీ", "డాక్టర్", "మిస్టర్"]),
    ("kn", ["ಶ್ರೀಮತಿ", "ಶ್ರೀ", "ಡಾಕ್ಟರ್", "ಮಿಸ್ಟರ್"]),
    ("ml", ["ശ്രീമതി", "ശ്രീ", "ഡോക്ടർ", "മിസ്റ്റർ"]),
    ("bn", ["শ্রীমতী", "শ্রী", "ডক্টর", "মিস্টার"]),
    ("gu", ["શ્રીમતી", "શ્રી", "ડૉક્ટર", "મિસ્ટર"]),
    ("pa", ["ਸ਼੍ਰੀਮਤੀ", "ਸ਼੍ਰੀ", "ਡਾਕਟਰ", "ਮਿਸਟਰ"]),
    ("or", ["ଶ୍ରୀମତୀ", "ଶ୍ରୀ", "ଡାକ୍ତର", "ମିଷ୍ଟର"]),
];

/// Writes out the abbreviations in a text. A single word is left alone: it is not a name with a
/// title, and may be the value of a selector.
pub(super) fn written_out(text: &str, language: &Language) -> String {
    if !text.contains([' ', '.']) {
        return text.to_owned();
    }
    // "M/s.Sharma" and "Dr.Rao" are two words each
    text.split(' ')
        .map(|word| one(word, language.primary()))
        .collect::<Vec<_>>()
        .join(" ")
}

fn one(word: &str, primary: &str) -> String {
    if let Some(words) = words(word, primary) {
        return format!("{words}{}", if word.ends_with(',') { "," } else { "" });
    }
    match word.split_once('.') {
        Some((title, name)) if name.chars().nth(1).is_some_and(char::is_alphabetic) => {
            match words(&format!("{title}."), primary) {
                Some(words) => format!("{words} {name}"),
                None => word.to_owned(),
            }
        }
        _ => word.to_owned(),
    }
}

fn words(word: &str, primary: &str) -> Option<&'static str> {
    let bare = word.trim_end_matches(['.', ',']);
    let short = bare
        .trim_start_matches('(')
        .trim_end_matches(')')
        .to_lowercase();
    if short.is_empty() || (WITH_POINT.contains(&short.as_str()) && !word.contains('.')) {
        return None;
    }
    let row = NAMES.iter().find(|(name, ..)| *name == short);
    match primary {
        "en" => row.map(|(_, english, _)| *english),
        "hi" | "mr" => row.map(|(.., hindi)| *hindi),
        _ => {
            let title = TITLES.iter().position(|title| {
                *title
                    == if short == "sri" {
                        "shri"
                    } else {
                        short.as_str()
                    }
            })?;
            OTHERS
                .iter()
                .find(|(language, _)| *language == primary)
                .and_then(|(_, titles)| titles.get(title).copied())
        }
    }
}
