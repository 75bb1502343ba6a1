//! espeak-ng's voices by language.

use ghanti_model::Language;

/// The voice for a language, by espeak-ng's name (`espeak-ng --voices`), or `None` if it has none.
pub(super) fn voice_for(language: &Language) -> Option<&'static str> {
    match language.primary() {
        // espeak-ng has no Indian English; the British voice pronounces words as taught in India
        "en" => Some("en-gb"),
        "hi" => Some("hi"),
        "ta" => Some("ta"),
        "te" => Some("te"),
        "mr" => Some("mr"),
        "kn" => Some("kn"),
        "ml" => Some("ml"),
        "bn" => Some("bn"),
        "gu" => Some("gu"),
        "pa" => Some("pa"),
        "or" => Some("or"),
        _ => None,
    }
}

/// Whether a text can be the name of a voice. Anything else could be a path, which `-v` would open.
pub(super) fn is_voice_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 32
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_+".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_eleven_languages_have_a_voice() {
        for tag in [
            "en", "hi", "ta", "te", "mr", "kn", "ml", "bn", "gu", "pa", "or",
        ] {
            assert!(voice_for(&Language::parse(tag).unwrap()).is_some(), "{tag}");
        }
        assert_eq!(voice_for(&Language::parse("xx-IN").unwrap()), None);
    }

    #[test]
    fn a_path_is_no_voice_name() {
        assert!(is_voice_name("en-gb+f3"));
        for name in ["", "../voice", "/etc/passwd", "a b", "en\0"] {
            assert!(!is_voice_name(name), "{name:?}");
        }
    }
}
