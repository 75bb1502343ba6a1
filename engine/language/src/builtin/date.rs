//! Days: "the fifth of december", "पाँच तारीख", "next monday", "kal", "in ten days", `5/12/2026`.
//!
//! Every part of what was said has to fit: a weekday that the day does not have makes it nothing. A
//! day without a year or month, a weekday and "kal" mean several days; which of them is decided by
//! the question's range alone.

mod days;
mod parts;

use ::time::{Date, Duration, Month, Weekday};

use super::cardinal::{cardinal, is};
use super::words::{Meaning, Token};
use super::{Reading, Value};
use days::Range;
use parts::{YEARS, day_number, distance, two_numbers, written, year};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MonthSaid {
    Named(Month),
    /// So many months from this one.
    Relative(i8),
}

/// What was said about the day.
#[derive(Default)]
struct Said {
    day: Option<u8>,
    month: Option<MonthSaid>,
    year: Option<i32>,
    /// A weekday, with "next", "this", "last" or "coming".
    weekday: Option<(Weekday, Option<Meaning>)>,
    /// So many weeks from this one.
    week: Option<i8>,
    /// Days named by their distance from today, or written out.
    days: Option<Vec<Date>>,
    /// "the coming fifth"
    is_coming: bool,
    /// Numbers of which either may be the day: "five twelve".
    bare: Vec<u8>,
    /// Whether they were written together: `5/12`.
    is_pair: bool,
    /// Whether the day is a number after its month: "december twenty" may go on with "twenty six",
    /// which is then no short year.
    is_month_first: bool,
    /// Whether a part of the day was said: "kal subah".
    has_part: bool,
    /// Whether more is likely to follow: "the fifth" (of …).
    is_open: bool,
    /// Whether more has to follow: "fifth of", "next", "twenty" of a year.
    is_unfinished: bool,
}

pub(super) fn read(
    tokens: &[Token],
    earliest: Option<i32>,
    latest: Option<i32>,
    today: Date,
) -> Reading {
    let range = Range::of(earliest, latest, today);
    let Some(said) = Said::of(tokens, range) else {
        return Reading::Nothing;
    };
    if said.is_unfinished {
        return Reading::Partial(None);
    }
    let read = match said.meant(range) {
        Some(days) => among(days, range),
        None => return said.beginning(),
    };
    if said.may_be_two_days() && matches!(read, Reading::Value(_)) {
        return Reading::Nothing;
    }
    if said.is_open {
        read.unfinished()
    } else {
        read
    }
}

fn among(mut days: Vec<Date>, range: Range) -> Reading {
    days.retain(|day| range.holds(*day));
    days.sort_unstable();
    days.dedup();
    Reading::among(days.into_iter().map(Value::Date).collect())
}

/// Keeps what is said twice, and refuses what is contradicted.
fn set<T: PartialEq>(slot: &mut Option<T>, value: T) -> Option<()> {
    match slot {
        Some(kept) if *kept != value => None,
        _ => {
            *slot = Some(value);
            Some(())
        }
    }
}

impl Said {
    /// `None` if the words are about something else, or contradict each other.
    fn of(tokens: &[Token], range: Range) -> Option<Self> {
        let mut said = Self::default();
        let mut at = 0;
        while let Some(rest) = tokens.get(at..).filter(|rest| !rest.is_empty()) {
            let used = said.take(rest, range)?;
            if used == 0 {
                return None;
            }
            at += used;
        }
        (at > 0).then_some(said)
    }

    /// Takes one part of the date, and returns how many tokens it has.
    fn take(&mut self, rest: &[Token], range: Range) -> Option<usize> {
        self.is_open = false;
        if let Some((days, used)) = distance(rest) {
            let day = range.today.checked_add(Duration::days(days))?;
            set(&mut self.days, vec![day])?;
            return Some(used);
        }
        let Token::Word(first) = rest.first()? else {
            return self.take_number(rest, range);
        };
        let is_last = rest.len() == 1;
        match first {
            Meaning::Gap => {}
            Meaning::PartOfDay(_) => self.has_part = true,
            Meaning::Of => self.is_unfinished |= is_last,
            Meaning::Offset(days) => {
                let day = Duration::days(i64::from(*days));
                set(&mut self.days, vec![range.today.checked_add(day)?])?;
            }
            Meaning::Either(days) => {
                let day = Duration::days(i64::from(*days));
                let either = vec![range.today.checked_sub(day)?, range.today.checked_add(day)?];
                set(&mut self.days, either)?;
            }
            Meaning::Next | Meaning::This | Meaning::Last | Meaning::Coming => {
                return self.take_relative(*first, rest.get(1..)?);
            }
            Meaning::Weekday(day) => {
                set(&mut self.weekday, (weekday(*day), None))?;
            }
            Meaning::Month(month) => {
                let month = Month::try_from(*month).ok()?;
                set(&mut self.month, MonthSaid::Named(month))?;
                // december five
                if self.day.is_none()
                    && let Some((day, used)) = day_number(rest.get(1..)?)
                {
                    let closes = usize::from(is(rest, 1 + used, Meaning::DayMark));
                    set(&mut self.day, day)?;
                    self.is_month_first = true;
                    self.is_open = matches!(day, 19 | 20 | 30) && rest.len() == 1 + used;
                    return Some(1 + used + closes);
                }
            }
            // "fourth friday" may be the fourth one of a month
            Meaning::Ordinal(1..=5)
                if matches!(rest.get(1), Some(Token::Word(Meaning::Weekday(_)))) =>
            {
                return None;
            }
            Meaning::Ordinal(day) => {
                set(&mut self.day, *day)?;
                self.is_open = is_last && self.month.is_none();
                return Some(1 + usize::from(is(rest, 1, Meaning::DayMark)));
            }
            Meaning::In | Meaning::After => {
                let more = rest.get(1..)?;
                let count = cardinal(more).map_or(0, |number| number.used);
                let tail = more.get(count..)?;
                let is_beginning = matches!(tail, [] | [Token::Word(Meaning::A)]);
                self.is_unfinished = true;
                return is_beginning.then_some(rest.len());
            }
            _ => return self.take_number(rest, range),
        }
        Some(1)
    }

    /// "next monday", "agle mahine", "this week"
    fn take_relative(&mut self, which: Meaning, rest: &[Token]) -> Option<usize> {
        let steps = match which {
            Meaning::Last => -1,
            Meaning::This => 0,
            _ => 1,
        };
        match rest {
            [] => self.is_unfinished = true,
            [Token::Word(Meaning::Weeks), ..] => set(&mut self.week, steps)?,
            [Token::Word(Meaning::Months), ..] => {
                set(&mut self.month, MonthSaid::Relative(steps))?;
                // agle mahine paanch
                if self.day.is_none()
                    && let Some((day, used)) = day_number(rest.get(1..)?)
                {
                    let closes = usize::from(is(rest, 1 + used, Meaning::DayMark));
                    set(&mut self.day, day)?;
                    return Some(2 + used + closes);
                }
            }
            [Token::Word(Meaning::Weekday(day)), ..] => {
                set(&mut self.weekday, (weekday(*day), Some(which)))?;
            }
            _ if which == Meaning::Coming && self.day.is_none() => {
                self.is_coming = true;
                return Some(1);
            }
            _ => return None,
        }
        Some(1 + usize::from(!rest.is_empty()))
    }

    /// A day, a year, a written date, or a number that may be the day or the month.
    fn take_number(&mut self, rest: &[Token], range: Range) -> Option<usize> {
        let has_day = self.day.is_some() && matches!(self.month, Some(MonthSaid::Named(_)));
        let is_of_year = has_day || (self.bare.len() == 2 && self.day.is_none());
        if self.year.is_none() && is_of_year {
            return self.take_year(rest, range);
        }
        if let Token::Figures(figures) = rest.first()?
            && figures.len() > 2
        {
            let year = figures
                .parse::<u64>()
                .ok()
                .filter(|year| YEARS.contains(year));
            match (year.filter(|_| figures.len() == 4), two_numbers(figures)) {
                (Some(year), _) => set(&mut self.year, i32::try_from(year).ok()?)?,
                (None, Some(numbers)) if self.bare.is_empty() => {
                    self.bare.extend(numbers);
                    self.is_pair = true;
                }
                _ => set(&mut self.days, written(figures, range)?)?,
            }
            return Some(1);
        }
        let (day, used) = day_number(rest)?;
        if is(rest, used, Meaning::DayMark) {
            set(&mut self.day, day)?;
            return Some(used + 1);
        }
        let follows = rest
            .get(used..)?
            .iter()
            .find(|token| !matches!(token, Token::Word(Meaning::Gap | Meaning::Of)));
        if matches!(follows, Some(Token::Word(Meaning::Month(_)))) {
            set(&mut self.day, day)?;
        } else if self.bare.len() < 2 {
            self.bare.push(day);
        } else {
            return None;
        }
        Some(used)
    }

    fn take_year(&mut self, rest: &[Token], range: Range) -> Option<usize> {
        let (year, used) = year(rest, range.today, !self.is_month_first)?;
        match year {
            Some(year) => set(&mut self.year, year)?,
            None if used == rest.len() => self.is_unfinished = true,
            None => return None,
        }
        Some(used)
    }

    /// The days that are meant, before the range is asked; `None` if no day is named.
    fn meant(&self, range: Range) -> Option<Vec<Date>> {
        let of_calendar = match self.calendar(range) {
            Calendar::Days(days) => Some(days),
            Calendar::Incomplete => return None,
            Calendar::Unsaid => None,
        };
        let days = match (of_calendar, self.days.clone()) {
            (Some(one), Some(other)) => {
                Some(one.into_iter().filter(|day| other.contains(day)).collect())
            }
            (one, other) => one.or(other),
        };
        let Some((weekday, which)) = self.weekday else {
            return if self.week.is_some() { None } else { days };
        };
        let of_week = match (self.week, which) {
            (Some(weeks), None) => range.in_week(weeks, weekday).into_iter().collect(),
            (Some(_), Some(_)) => Vec::new(),
            (None, None) => match days {
                Some(mut days) => {
                    days.retain(|day| day.weekday() == weekday);
                    return Some(days);
                }
                None => range.weekly(weekday),
            },
            (None, Some(which)) => which_weekday(range, weekday, which),
        };
        Some(match days {
            Some(days) => days
                .into_iter()
                .filter(|day| of_week.contains(day))
                .collect(),
            None => of_week,
        })
    }

    /// "das barah" is the tenth or the twelfth to many people, and the range does not decide that.
    fn may_be_two_days(&self) -> bool {
        match self.bare.as_slice() {
            [one, other] => !self.is_pair && self.year.is_none() && one.abs_diff(*other) <= 2,
            _ => false,
        }
    }

    /// The days named by day, month and year.
    fn calendar(&self, range: Range) -> Calendar {
        let on = |day: u8, month: Month| match self.year {
            Some(year) => Date::from_calendar_date(year, month, day)
                .into_iter()
                .collect(),
            None => range.yearly(day, month),
        };
        match (self.day, self.month, self.bare.as_slice()) {
            (None, None, []) if self.year.is_none() => Calendar::Unsaid,
            (Some(day), Some(MonthSaid::Named(month)), []) => Calendar::Days(on(day, month)),
            (Some(day), Some(MonthSaid::Relative(months)), []) if self.year.is_none() => {
                Calendar::Days(range.in_month(months, day).into_iter().collect())
            }
            (Some(day), None, []) if self.year.is_none() => Calendar::Days(if self.is_coming {
                range.coming(day)
            } else {
                range.monthly(day)
            }),
            (None, None, [one, other]) if !self.has_part => {
                let days = [(one, other), (other, one)]
                    .into_iter()
                    .filter_map(|(day, month)| Some((*day, Month::try_from(*month).ok()?)))
                    .flat_map(|(day, month)| on(day, month));
                Calendar::Days(days.collect())
            }
            _ => Calendar::Incomplete,
        }
    }

    /// The reading of words that name no day yet.
    fn beginning(&self) -> Reading {
        let is_beginning = match self.bare.as_slice() {
            [] => self.day.is_none() && (self.month.is_some() || self.week.is_some()),
            [_] => self.day.is_none() && self.month.is_none() && self.year.is_none(),
            _ => false,
        };
        let is_beginning = is_beginning || (self.is_coming && self.day.is_none());
        match is_beginning && self.days.is_none() {
            true => Reading::Partial(None),
            false => Reading::Nothing,
        }
    }
}

enum Calendar {
    Days(Vec<Date>),
    /// A month without a day, or a day without what belongs to it.
    Incomplete,
    Unsaid,
}

fn weekday(from_monday: u8) -> Weekday {
    Weekday::Monday.nth_next(from_monday)
}

/// "next monday" is the coming one to some and the one of next week to others.
fn which_weekday(range: Range, weekday: Weekday, which: Meaning) -> Vec<Date> {
    let days = match which {
        Meaning::Next => [range.beside(weekday, true), range.in_week(1, weekday)],
        Meaning::Last => [range.beside(weekday, false), range.in_week(-1, weekday)],
        Meaning::Coming => [range.beside(weekday, true), None],
        // on a friday, "this monday" may be the past one or the coming one
        _ => match range.in_week(0, weekday) {
            Some(day) if day < range.today => [Some(day), range.beside(weekday, true)],
            day => [day, None],
        },
    };
    days.into_iter().flatten().collect()
}

/// Day and month, with two or four keys of the year or without.
pub(super) fn keyed(
    keys: &str,
    earliest: Option<i32>,
    latest: Option<i32>,
    today: Date,
) -> Reading {
    if keys.is_empty() || keys.len() > 8 || !keys.bytes().all(|key| key.is_ascii_digit()) {
        return Reading::Nothing;
    }
    let range = Range::of(earliest, latest, today);
    let number =
        |from: usize, to: usize| keys.get(from..to).and_then(|part| part.parse::<u16>().ok());
    let (Some(day), Some(month)) = (number(0, 2), number(2, 4)) else {
        return Reading::Partial(None);
    };
    let (Ok(day), Some(month)) = (
        u8::try_from(day),
        u8::try_from(month)
            .ok()
            .and_then(|month| Month::try_from(month).ok()),
    ) else {
        return Reading::Nothing;
    };
    let on = |year: i32| Date::from_calendar_date(year, month, day);
    match (keys.len(), number(4, keys.len())) {
        (8, Some(year)) => among(on(i32::from(year)).into_iter().collect(), range),
        // the beginning of a longer one as well
        (6, Some(year)) => {
            let years = [1_900, 2_000].map(|century| on(century + i32::from(year)));
            match among(years.into_iter().flatten().collect(), range) {
                Reading::Nothing => Reading::Partial(None),
                read => read.unfinished(),
            }
        }
        (4, _) => match among(range.yearly(day, month), range) {
            Reading::Nothing if Date::from_calendar_date(2_000, month, day).is_err() => {
                Reading::Nothing
            }
            Reading::Nothing => Reading::Partial(None),
            read => read.unfinished(),
        },
        _ => Reading::Partial(None),
    }
}
