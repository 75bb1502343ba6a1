//! Numbers in words and figures: "twelve thousand five hundred", "dedh lakh", "2.5 lakh", "saade
//! teen hazaar", "पच्चीस सौ".
//!
//! One number ends where no larger one can be made: of "one fifty" the one. Two readings of the same
//! words ("one fifty" is 150 to some) are not made here, and what is left over makes an utterance no
//! value.

use ghanti_model::values;

use super::words::{Meaning, Token};

/// Millionths, so that fractions of a crore are whole: all amounts here are counts of them.
pub(super) const ONE: u128 = 1_000_000;
/// A number is below this, in ones; far beyond any amount.
const LIMIT: u128 = 1_000_000_000_000_000;

/// A number at the start of some tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cardinal {
    /// In millionths.
    pub(super) millionths: u128,
    /// How many tokens it has.
    pub(super) used: usize,
    /// Whether it ends in a number that a smaller scale may follow: "twelve thousand five", "two
    /// lakh twenty".
    pub(super) hangs: bool,
    /// Whether it has a word such as "thousand".
    pub(super) has_scale: bool,
}

impl Cardinal {
    /// The number in ones, if it is whole.
    pub(super) fn whole(&self) -> Option<u64> {
        self.millionths
            .is_multiple_of(ONE)
            .then(|| u64::try_from(self.millionths / ONE).ok())
            .flatten()
    }
}

/// A number without a scale word.
struct Small {
    millionths: u128,
    used: usize,
    /// Whether it has quarters or decimals; then only scales may follow.
    is_fraction: bool,
    /// Whether it was in words, below a hundred.
    is_word: bool,
}

/// The longest number that the tokens begin with.
pub(super) fn cardinal(tokens: &[Token]) -> Option<Cardinal> {
    let mut total: u128 = 0;
    let mut last_scale = u128::MAX;
    let mut at = 0;
    let mut hangs = false;
    let mut has_scale = false;
    loop {
        let rest = tokens.get(at..)?;
        // "one thousand and five"
        let joined = usize::from(at > 0 && is(rest, 0, Meaning::And));
        let Some(group) = group(rest.get(joined..)?, at == 0) else {
            break;
        };
        let after = at + joined + group.used;
        let (scale, scales) = match tokens.get(after) {
            Some(Token::Word(Meaning::Scale(scale))) if *scale >= 1_000 => (u128::from(*scale), 1),
            _ => (1, 0),
        };
        let fits = scale < last_scale
            && group.millionths * scale < last_scale.min(LIMIT) * ONE
            && (scale == 1 || (1..1_000 * ONE).contains(&group.millionths))
            && (total == 0 || !group.is_thousands)
            // a figure of its own is no rest of a number: "12 500"
            && (total == 0 || has_scale);
        if !fits || (total > 0 && group.millionths == 0) {
            break;
        }
        total = total.checked_add(group.millionths.checked_mul(scale)?)?;
        at = after + scales;
        has_scale |= group.has_hundred || scales > 0;
        hangs = scales == 0
            && !group.has_hundred
            && !group.is_fraction
            && match last_scale {
                u128::MAX => false,
                ..=1_000 => group.millionths < 10 * ONE,
                _ => group.millionths < 100 * ONE,
            };
        if scales == 0 || total >= LIMIT * ONE {
            break;
        }
        // after "dedh lakh" only what is less than a quarter of a lakh
        last_scale = if group.is_fraction { scale / 4 } else { scale };
        // "one lakh crore"
        if let Some(Token::Word(Meaning::Scale(10_000_000))) = tokens.get(at)
            && scale == 100_000
        {
            total = total.checked_mul(10_000_000)?;
            at += 1;
            last_scale = 10_000_000;
        }
    }
    (at > 0 && total < LIMIT * ONE).then_some(Cardinal {
        millionths: total,
        used: at,
        hangs,
        has_scale,
    })
}

/// A number up to where "thousand" or a larger scale may stand.
struct Group {
    millionths: u128,
    used: usize,
    has_hundred: bool,
    is_fraction: bool,
    /// "fifteen hundred"
    is_thousands: bool,
}

fn group(tokens: &[Token], is_first: bool) -> Option<Group> {
    let small = match small(tokens) {
        Some(small) => small,
        // "hazaar rupaye" is a thousand rupees, but before "lakh fifty thousand" a word was lost
        None if is_first && is_bare_scale(tokens) => Small {
            millionths: ONE,
            used: 0,
            is_fraction: false,
            is_word: true,
        },
        None => return None,
    };
    let mut group = Group {
        millionths: small.millionths,
        used: small.used,
        has_hundred: false,
        is_fraction: small.is_fraction,
        is_thousands: false,
    };
    if !is(tokens, small.used, Meaning::Scale(100)) {
        return Some(group);
    }
    if small.millionths == 0 || small.millionths >= 100 * ONE {
        return Some(group);
    }
    group.millionths *= 100;
    group.used += 1;
    group.has_hundred = true;
    group.is_thousands = group.millionths >= 1_000 * ONE;
    if small.is_fraction {
        return Some(group);
    }
    let joined = usize::from(is(tokens, group.used, Meaning::And));
    if let Some(rest) = self::small(tokens.get(group.used + joined..)?)
        && (1..100).contains(&(rest.millionths / ONE))
        && !rest.is_fraction
        && rest.is_word == small.is_word
        // "two hundred five thousand": the five is of the hundred; "one hundred two hundred" is two
        && !is(tokens, group.used + joined + rest.used, Meaning::Scale(100))
    {
        group.millionths += rest.millionths;
        group.used += joined + rest.used;
    }
    Some(group)
}

/// "hundred" or "thousand" without a number before or after it.
fn is_bare_scale(tokens: &[Token]) -> bool {
    let is_bare = matches!(tokens, [Token::Word(Meaning::Scale(100 | 1_000)), ..]);
    is_bare
        && !tokens.iter().skip(1).any(|token| {
            matches!(token, Token::Figures(_))
                || small(std::slice::from_ref(token)).is_some()
                || matches!(token, Token::Word(Meaning::Scale(_) | Meaning::Shifted(_)))
        })
}

fn small(tokens: &[Token]) -> Option<Small> {
    let quarters = |count: u128, used: usize| Small {
        millionths: count * ONE / 4,
        used,
        is_fraction: true,
        is_word: true,
    };
    match tokens {
        [Token::Word(Meaning::Mixed(count)), ..] => Some(quarters(u128::from(*count), 1)),
        // half a lakh, aadha lakh
        [
            Token::Word(Meaning::Half),
            Token::Word(Meaning::A),
            Token::Word(Meaning::Scale(_)),
            ..,
        ] => Some(quarters(2, 2)),
        [
            Token::Word(Meaning::Half),
            Token::Word(Meaning::Scale(_)),
            ..,
        ] => Some(quarters(2, 1)),
        [Token::Word(Meaning::Shifted(shift)), rest @ ..] => {
            let (number, used) = match plain(rest) {
                Some((number, used)) => (number, used + 1),
                // sava lakh, sava rupaya; nobody says "saade lakh"
                None if *shift != 2
                    && matches!(
                        rest,
                        [Token::Word(Meaning::Scale(_) | Meaning::Major(_)), ..]
                    ) =>
                {
                    (1, 1)
                }
                None => return None,
            };
            let count = i64::try_from(number).ok()?.checked_mul(4)? + i64::from(*shift);
            Some(quarters(u128::try_from(count).ok()?, used))
        }
        [Token::Word(Meaning::A), Token::Word(Meaning::Scale(_)), ..] => Some(Small {
            millionths: ONE,
            used: 1,
            is_fraction: false,
            is_word: true,
        }),
        [Token::Figures(figures), ..] => figure(figures).map(|millionths| Small {
            millionths,
            used: 1,
            is_fraction: !millionths.is_multiple_of(ONE),
            is_word: false,
        }),
        _ => {
            let (number, used) = plain(tokens)?;
            let whole = u128::from(number) * ONE;
            if let Some((millionths, more)) = decimals(tokens.get(used..)?) {
                return Some(Small {
                    millionths: whole + millionths,
                    used: used + more,
                    is_fraction: true,
                    is_word: true,
                });
            }
            // two and a half lakh
            let half = [Meaning::And, Meaning::A, Meaning::Half];
            let is_half = (0..3)
                .zip(half)
                .all(|(at, meaning)| is(tokens, used + at, meaning));
            Some(if is_half {
                quarters(u128::from(number) * 4 + 2, used + 3)
            } else {
                Small {
                    millionths: whole,
                    used,
                    is_fraction: false,
                    is_word: true,
                }
            })
        }
    }
}

/// 0 to 99 in words.
pub(super) fn plain(tokens: &[Token]) -> Option<(u64, usize)> {
    match tokens {
        [
            Token::Word(Meaning::Tens(ten)),
            Token::Word(Meaning::Number(unit @ 1..=9)),
            ..,
        ] => Some((u64::from(ten + unit), 2)),
        [
            Token::Word(Meaning::Tens(number) | Meaning::Number(number)),
            ..,
        ] => Some((u64::from(*number), 1)),
        _ => None,
    }
}

/// "point five", "point zero five", "point fifty": the millionths.
fn decimals(tokens: &[Token]) -> Option<(u128, usize)> {
    /// Digits that millionths hold.
    const PLACES: u32 = 6;
    if !is(tokens, 0, Meaning::Point) {
        return None;
    }
    let mut digits: u32 = 0;
    let mut value: u128 = 0;
    let mut at = 1;
    while let Some(rest) = tokens.get(at..) {
        let (number, used) = match (rest, plain(rest)) {
            ([Token::Word(Meaning::Oh), ..], _) => (0, 1),
            (_, Some(number)) => number,
            _ => break,
        };
        // a number of two digits must be alone after the point
        let places = if number >= 10 { 2 } else { 1 };
        if (places == 2 && digits > 0) || digits + places > PLACES {
            return None;
        }
        value = value * 10_u128.pow(places) + u128::from(number);
        digits += places;
        at += used;
        if places == 2 {
            break;
        }
    }
    (digits > 0).then(|| (value * 10_u128.pow(PLACES - digits), at))
}

/// `12500`, `12,500`, `2.5`: read as amounts are, in millionths.
fn figure(figures: &str) -> Option<u128> {
    if figures == "0" {
        return Some(0);
    }
    let is_number = figures
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b',' | b'.'));
    let hundredths = values::money(figures).ok().filter(|_| is_number)?;
    Some(u128::try_from(hundredths).ok()? * (ONE / 100))
}

pub(super) fn is(tokens: &[Token], at: usize, meaning: Meaning) -> bool {
    tokens.get(at) == Some(&Token::Word(meaning))
}

/// Whether the last word needs another one after it: "twelve thousand and", "saade". What stands
/// before it is returned.
pub(super) fn before_open_end(tokens: &[Token]) -> Option<&[Token]> {
    let mut rest = tokens;
    while let Some((
        Token::Word(
            Meaning::And
            | Meaning::A
            | Meaning::Half
            | Meaning::Point
            | Meaning::Plus
            | Meaning::Minus
            | Meaning::Repeat(_)
            | Meaning::Shifted(_),
        ),
        before,
    )) = rest.split_last()
    {
        rest = before;
    }
    (rest.len() < tokens.len()).then_some(rest)
}
