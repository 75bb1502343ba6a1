//! Words as lexicons know them: lower case, without the marks that some providers write.

/// The text in lower case, without punctuation; what belongs to a number stays.
pub(super) fn plain(text: &str) -> String {
    let characters: Vec<char> = text.to_lowercase().chars().collect();
    let is_digit = |at: Option<usize>| {
        at.and_then(|at| characters.get(at))
            .is_some_and(char::is_ascii_digit)
    };
    let mut plain = String::with_capacity(text.len());
    for (at, &character) in characters.iter().enumerate() {
        let in_number = is_digit(at.checked_sub(1)) && is_digit(Some(at + 1));
        match character {
            ',' if in_number => {}
            '.' | ':' | '/' | '-' if in_number => plain.push(character),
            '\u{2019}' => plain.push('\''),
            '\'' | '%' | '+' => plain.push(character),
            '।' | '॥' | '…' | '“' | '”' | '‘' | '–' | '—' => plain.push(' '),
            _ if character.is_ascii_punctuation() => plain.push(' '),
            _ => plain.push(character),
        }
    }
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_go_and_words_and_numbers_stay() {
        for (written, expected) in [
            ("Yes, I will.", "yes i will"),
            ("I don’t know!", "i don't know"),
            (
                "On 12/05 at 10:30, Rs. 1,20,000.50",
                "on 12/05 at 10:30 rs 120000.50",
            ),
            ("हाँ, ज़रूर।", "हाँ ज़रूर"),
            (" [noise] ", "noise"),
            ("", ""),
        ] {
            assert_eq!(plain(written), expected);
        }
    }
}
