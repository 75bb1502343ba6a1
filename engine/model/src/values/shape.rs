//! What of a personal value may be shown.

/// So many characters are shown.
const SHOWN: usize = 24;

/// A value with every digit as `#` and every letter as `x`, so that its writer sees which spelling
/// was refused and nobody learns the value.
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
