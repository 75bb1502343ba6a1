//! The loggable shape of a personal value.

/// The most characters shown.
const SHOWN: usize = 24;

/// The value with every digit as `#` and every letter as `x`, so that its author can see which
/// spelling was rejected without the value being revealed.
pub fn shape(value: &str) -> String {
    let mut characters = value.chars();
    let mut shown: String = characters.by_ref().take(SHOWN).map(masked).collect();
    if characters.next().is_some() {
        shown.push('…');
    }
    shown
}

fn masked(character: char) -> char {
    match character {
        _ if character.is_numeric() => '#',
        ' ' | '-' | '/' | '.' | ',' | ':' | '+' | '(' | ')' | '_' | '*' | '₹' => character,
        _ if character.is_control() => ' ',
        _ => 'x',
    }
}
