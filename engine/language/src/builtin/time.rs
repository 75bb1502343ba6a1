//! Times of day: "half past six in the evening", "saade chaar baje", "18:30", "in ten minutes".
//!
//! Without "a m", "p m" or a part of the day an hour up to twelve is two times, unless the grammar's
//! range has one of them alone. The 24-hour clock ("eighteen thirty") is certain.

use ::time::Time;
use ghanti_model::TimeOfDay;

use super::cardinal::{ONE, cardinal, is, plain};
use super::words::{Meaning, Part, Token};
use super::{Reading, Value};

const HALF_DAY: u16 = 720;
const DAY: u16 = 1_440;

type Bound = Option<TimeOfDay>;

/// A time as said, in minutes.
struct Clock {
    /// Since midnight.
    minutes: u16,
    /// Whether the hour is of the 24-hour clock.
    is_certain: bool,
    /// Whether minutes or the half of the day may follow.
    is_open: bool,
    /// Whether it may be two hours, unless "a m" or "p m" follows: "ten eleven", "das barah baje".
    may_be_hours: bool,
}

/// What was said about the time.
#[derive(Default)]
struct Said {
    clock: Option<Clock>,
    /// Each is a half or part of the day.
    parts: Vec<Meaning>,
}

pub(super) fn read(tokens: &[Token], earliest: Bound, latest: Bound, now: Time) -> Reading {
    if tokens.is_empty() {
        return Reading::Nothing;
    }
    if let Some(read) = in_a_while(tokens, now) {
        return match read {
            Some(minutes) => among(vec![minutes], earliest, latest),
            None => Reading::Nothing,
        };
    }
    let mut said = Said::default();
    let mut at = 0;
    while let Some(rest) = tokens.get(at..).filter(|rest| !rest.is_empty()) {
        at += match rest {
            [Token::Word(Meaning::Gap | Meaning::Of | Meaning::This), ..] => 1,
            // "in the evening", "subah mein"; what else is in ten is not yet said
            [Token::Word(Meaning::In), more @ ..] => {
                let is_of_day = |token: &Token| matches!(token, Token::Word(Meaning::PartOfDay(_)));
                let follows = more
                    .iter()
                    .find(|token| **token != Token::Word(Meaning::Gap))
                    .is_some_and(is_of_day);
                let precedes = at.checked_sub(1).and_then(|before| tokens.get(before));
                if follows || precedes.is_some_and(is_of_day) {
                    1
                } else if at == 0
                    && (more.is_empty()
                        || cardinal(more).is_some_and(|number| number.used == more.len()))
                {
                    return Reading::Partial(None);
                } else {
                    return Reading::Nothing;
                }
            }
            [
                Token::Word(part @ (Meaning::Am | Meaning::Pm | Meaning::PartOfDay(_))),
                ..,
            ] => {
                if let Some(clock) = &mut said.clock {
                    clock.is_open = false;
                }
                said.parts.push(*part);
                1
            }
            _ if said.clock.is_some() => return Reading::Nothing,
            _ => match clock(rest) {
                Some((clock, used)) => {
                    said.clock = Some(clock);
                    used
                }
                None if is_beginning(rest) => return Reading::Partial(None),
                None => return Reading::Nothing,
            },
        };
    }
    let Some(clock) = said.clock else {
        return match said.parts.is_empty() {
            true => Reading::Nothing,
            false => Reading::Partial(None),
        };
    };
    let has_half = said
        .parts
        .iter()
        .any(|part| matches!(part, Meaning::Am | Meaning::Pm));
    if clock.may_be_hours && !has_half {
        return Reading::Nothing;
    }
    let half = clock.minutes % HALF_DAY;
    let candidates = if clock.is_certain {
        vec![clock.minutes]
    } else {
        vec![half, half + HALF_DAY]
    };
    let candidates = candidates
        .into_iter()
        .filter(|minutes| said.parts.iter().all(|part| is_in(*minutes, *part)))
        .collect();
    let read = among(candidates, earliest, latest);
    if clock.is_open {
        read.unfinished()
    } else {
        read
    }
}

/// Whether a minute of the day is in a half or part of it. The hours between two parts, which
/// people call either, are in both or in none.
fn is_in(minutes: u16, part: Meaning) -> bool {
    match part {
        Meaning::Am => minutes < HALF_DAY,
        Meaning::Pm => minutes >= HALF_DAY,
        Meaning::PartOfDay(Part::Morning) => (60..HALF_DAY).contains(&minutes),
        Meaning::PartOfDay(Part::Afternoon) => (HALF_DAY..18 * 60).contains(&minutes),
        Meaning::PartOfDay(Part::Evening) => (15 * 60..23 * 60).contains(&minutes),
        Meaning::PartOfDay(Part::Night) => !(5 * 60..19 * 60).contains(&minutes),
        _ => false,
    }
}

fn among(minutes: Vec<u16>, earliest: Bound, latest: Bound) -> Reading {
    let of = |time: TimeOfDay| u16::from(time.hour) * 60 + u16::from(time.minute);
    let values = minutes
        .into_iter()
        .filter(|minutes| earliest.is_none_or(|bound| *minutes >= of(bound)))
        .filter(|minutes| latest.is_none_or(|bound| *minutes <= of(bound)))
        .filter_map(|minutes| {
            Some(Value::Time(TimeOfDay {
                hour: u8::try_from(minutes / 60).ok()?,
                minute: u8::try_from(minutes % 60).ok()?,
            }))
        })
        .collect();
    Reading::among(values)
}

/// A time on the clock at the start of the tokens, and how many it has.
fn clock(tokens: &[Token]) -> Option<(Clock, usize)> {
    let said = |minutes: u16, used: usize, is_open: bool| {
        let clock = Clock {
            minutes,
            is_certain: !(60..13 * 60).contains(&minutes),
            is_open,
            may_be_hours: false,
        };
        (minutes < DAY).then_some((clock, used))
    };
    let shifted = |hour: u16, quarters: i8, used: usize| {
        // quarter to one is before one, and no longer after noon than that
        let minutes = i32::from(hour % 12 + 12) * 60 + i32::from(quarters) * 15;
        let minutes = u16::try_from(minutes).ok()? % HALF_DAY + HALF_DAY;
        (1..=12).contains(&hour).then_some(())?;
        let closes = usize::from(closes(tokens, used));
        let clock = Clock {
            minutes,
            is_certain: false,
            is_open: closes == 0,
            may_be_hours: false,
        };
        Some((clock, used + closes))
    };
    match tokens {
        [Token::Word(Meaning::Noon), ..] => return said(HALF_DAY, 1, false).map(certain),
        [Token::Word(Meaning::Midnight), ..] => return said(0, 1, false),
        [
            Token::Word(Meaning::Number(12)),
            Token::Word(Meaning::Noon),
            ..,
        ] => {
            return said(HALF_DAY, 2, false).map(certain);
        }
        [
            Token::Word(Meaning::Number(12)),
            Token::Word(Meaning::Midnight),
            ..,
        ] => {
            return said(0, 2, false);
        }
        [
            Token::Word(Meaning::Half),
            Token::Word(Meaning::Past),
            rest @ ..,
        ] => {
            let (hour, used) = hour(rest)?;
            return shifted(hour, 2, used + 2);
        }
        [Token::Word(Meaning::A), Token::Word(Meaning::Quarter), ..]
        | [Token::Word(Meaning::Quarter), ..] => {
            let article = usize::from(is(tokens, 0, Meaning::A));
            let quarters = match tokens.get(article + 1)? {
                Token::Word(Meaning::Past) => 1,
                Token::Word(Meaning::To) => -1,
                _ => return None,
            };
            let (hour, used) = hour(tokens.get(article + 2..)?)?;
            return shifted(hour, quarters, used + article + 2);
        }
        [Token::Word(Meaning::Mixed(quarters @ (6 | 10))), ..] => {
            return shifted(u16::from(quarters / 4), 2, 1);
        }
        [Token::Word(Meaning::Shifted(quarters)), rest @ ..] => {
            return match hour(rest) {
                Some((hour, used)) => shifted(hour, *quarters, used + 1),
                // sava baje, paun baje
                None if *quarters != 2 && is(rest, 0, Meaning::OClock) => shifted(1, *quarters, 1),
                None => None,
            };
        }
        [Token::Figures(figures), ..] if figures.len() > 2 => {
            // recognisers write `06:30` of either half
            let used = 1 + usize::from(closes(tokens, 1));
            return said(figure(figures)?, used, false);
        }
        _ => {}
    }
    // ten past six, ten minutes to six
    let (number, used) = match tokens {
        [
            Token::Word(Meaning::Oh | Meaning::Number(0)),
            Token::Word(Meaning::Number(hour @ 1..=9)),
            ..,
        ] => (u16::from(*hour), 2),
        _ => small(tokens)?,
    };
    let unit = usize::from(is(tokens, used, Meaning::Minutes));
    for (word, sign) in [(Meaning::Past, 1), (Meaning::To, -1)] {
        // without "minutes", "ten to six" may be from ten o'clock until six
        let is_span = sign < 0 && unit == 0 && number <= 12;
        if is(tokens, used + unit, word) && (1..60).contains(&number) && !is_span {
            let (hour, more) = hour(tokens.get(used + unit + 1..)?)?;
            let minutes = i32::from(hour % 12 + 12) * 60 + sign * i32::from(number);
            let minutes = u16::try_from(minutes).ok()? % HALF_DAY + HALF_DAY;
            (1..=12).contains(&hour).then_some(())?;
            let used = used + unit + 1 + more;
            let closing = usize::from(closes(tokens, used));
            let clock = Clock {
                minutes,
                is_certain: false,
                is_open: false,
                may_be_hours: false,
            };
            return Some((clock, used + closing));
        }
    }
    let hour = number;
    if hour > 23 || unit > 0 {
        return None;
    }
    let before = is(tokens, used, Meaning::BeforeHour);
    if before || is(tokens, used, Meaning::PastHour) || is(tokens, used, Meaning::OClock) {
        let minutes = small(tokens.get(used + 1..)?)
            .filter(|(_, more)| is(tokens, used + 1 + more, Meaning::Minutes))
            .filter(|(minutes, _)| (1..60).contains(minutes));
        return match minutes {
            Some((minutes, more)) if before => {
                (1..=12).contains(&hour).then_some(())?;
                let at = (hour % 12 + 12) * 60 - minutes;
                let clock = Clock {
                    minutes: at % HALF_DAY + HALF_DAY,
                    is_certain: false,
                    is_open: false,
                    may_be_hours: false,
                };
                Some((clock, used + 2 + more))
            }
            Some((minutes, more)) => said(hour * 60 + minutes, used + 2 + more, false),
            None if is(tokens, used, Meaning::OClock) => said(hour * 60, used + 1, false),
            None => None,
        };
    }
    // eighteen hundred hours
    if is(tokens, used, Meaning::Scale(100)) && (hour > 12 || is(tokens, used + 1, Meaning::Hours))
    {
        let hours = usize::from(is(tokens, used + 1, Meaning::Hours));
        return said(hour * 60, used + 1 + hours, false).map(certain);
    }
    if is(tokens, used, Meaning::Hours) && hour > 12 {
        return said(hour * 60, used + 1, false);
    }
    // six thirty, six oh five
    let rest = tokens.get(used..)?;
    let minutes = match rest {
        [
            Token::Word(Meaning::Oh | Meaning::Number(0)),
            Token::Word(Meaning::Number(minute @ 1..=9)),
            ..,
        ] => Some((u16::from(*minute), 2)),
        _ => small(rest).filter(|(minutes, _)| (10..60).contains(minutes)),
    };
    match minutes {
        Some((minutes, more)) => {
            let end = used + more;
            let closing = usize::from(closes(tokens, end) || is(tokens, end, Meaning::Hours));
            let mut read = said(hour * 60 + minutes, end + closing, false)?;
            // "six ten" is a time, "nine ten" and "ten twelve" may be from one hour to another
            read.0.may_be_hours =
                minutes <= 12 && (1..=2).contains(&(minutes.saturating_sub(hour)));
            Some(read)
        }
        None => said(hour * 60, used, true),
    }
}

fn certain((clock, used): (Clock, usize)) -> (Clock, usize) {
    let clock = Clock {
        is_certain: true,
        ..clock
    };
    (clock, used)
}

/// Whether "o'clock" stands there.
fn closes(tokens: &[Token], at: usize) -> bool {
    is(tokens, at, Meaning::OClock)
}

fn hour(tokens: &[Token]) -> Option<(u16, usize)> {
    small(tokens)
}

/// 0 to 99, in words or in at most two figures.
fn small(tokens: &[Token]) -> Option<(u16, usize)> {
    match tokens {
        [Token::Figures(figures), ..] if figures.len() <= 2 => Some((figures.parse().ok()?, 1)),
        _ => {
            let (number, used) = plain(tokens)?;
            Some((u16::try_from(number).ok()?, used))
        }
    }
}

/// `6:30`, `18.30`, `630`, `0630`: minutes since midnight.
fn figure(figures: &str) -> Option<u16> {
    let (hour, minute) = match figures.split_once([':', '.']) {
        Some(parts) => parts,
        None => figures.split_at_checked(figures.len().checked_sub(2)?)?,
    };
    let number = |part: &str| {
        let is_short = (1..=2).contains(&part.len());
        (is_short && part.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| part.parse::<u16>().ok())
            .flatten()
    };
    let (hours, minutes) = (number(hour)?, number(minute).filter(|_| minute.len() == 2)?);
    (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
}

/// "in ten minutes", "do ghante baad", "half an hour from now": minutes since midnight. The inner
/// `None` is a time on another day.
fn in_a_while(tokens: &[Token], now: Time) -> Option<Option<u16>> {
    let leads = usize::from(is(tokens, 0, Meaning::In) || is(tokens, 0, Meaning::After));
    let rest = tokens.get(leads..)?;
    let (millionths, used) = match rest {
        [Token::Word(Meaning::Half), Token::Word(Meaning::A), ..] => (ONE / 2, 2),
        [Token::Word(Meaning::Half), ..] => (ONE / 2, 1),
        [Token::Word(Meaning::A), ..] => (ONE, 1),
        _ => {
            let cardinal = cardinal(rest)?;
            (cardinal.millionths, cardinal.used)
        }
    };
    let unit = match rest.get(used)? {
        Token::Word(Meaning::Minutes) => 1,
        Token::Word(Meaning::Hours) => 60,
        _ => return None,
    };
    let behind: Vec<&Token> = rest
        .get(used + 1..)?
        .iter()
        .filter(|token| **token != Token::Word(Meaning::Of))
        .collect();
    let is_ahead = match behind.as_slice() {
        [] => leads > 0,
        [Token::Word(Meaning::Later | Meaning::In)] => leads == 0,
        _ => false,
    };
    if !is_ahead {
        return None;
    }
    let minutes = millionths.checked_mul(unit)?;
    if !minutes.is_multiple_of(ONE) {
        return Some(None);
    }
    let today = u128::from(now.hour()) * 60 + u128::from(now.minute());
    Some(
        u16::try_from(today + minutes / ONE)
            .ok()
            .filter(|minutes| *minutes < DAY),
    )
}

/// Whether a time may begin like this: "half past", "quarter to", "saade", "in ten".
fn is_beginning(tokens: &[Token]) -> bool {
    let is_head = |at: usize| {
        matches!(
            tokens.get(at),
            Some(Token::Word(
                Meaning::Half
                    | Meaning::Quarter
                    | Meaning::A
                    | Meaning::Shifted(_)
                    | Meaning::After
            ))
        )
    };
    let is_link = |token: &Token| {
        matches!(
            token,
            Token::Word(Meaning::Past | Meaning::To | Meaning::Quarter | Meaning::A)
        )
    };
    if is_head(0) {
        let rest = tokens.get(1..).unwrap_or_default();
        return rest.len() <= 2 && rest.iter().all(is_link);
    }
    // ten past, ten minutes to, five bajkar ten
    let Some((_, used)) = small(tokens) else {
        return false;
    };
    match tokens.get(used..).unwrap_or_default() {
        [Token::Word(Meaning::Minutes | Meaning::Past | Meaning::To)] => true,
        [
            Token::Word(Meaning::Minutes),
            Token::Word(Meaning::Past | Meaning::To),
        ] => true,
        [
            Token::Word(Meaning::PastHour | Meaning::BeforeHour),
            rest @ ..,
        ] => rest.is_empty() || small(rest).is_some_and(|(_, more)| more == rest.len()),
        _ => false,
    }
}

/// Four keys, on the 24-hour clock: `1830`.
pub(super) fn keyed(keys: &str, earliest: Bound, latest: Bound) -> Reading {
    if keys.is_empty() || keys.len() > 4 || !keys.bytes().all(|key| key.is_ascii_digit()) {
        return Reading::Nothing;
    }
    if keys.len() < 4 {
        return Reading::Partial(None);
    }
    match figure(keys) {
        Some(minutes) => among(vec![minutes], earliest, latest),
        None => Reading::Nothing,
    }
}
