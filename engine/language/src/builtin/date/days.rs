//! Which days are meant by what comes again: "the fifth", "fifth of December", "monday".

use time::{Date, Duration, Month, Weekday};

use ghanti_model::values::YEARS_AWAY;

/// Years that a date may have when the grammar's range does not say.
const YEARS: std::ops::RangeInclusive<i32> = 1900..=2100;
/// The 29th of February comes again after at most eight years.
const LEAP_GAP: i32 = 8;

/// The days that a question accepts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Range {
    pub(super) today: Date,
    first: Option<Date>,
    last: Option<Date>,
}

/// Where a day is looked for that comes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Future,
    Past,
    Either,
}

impl Range {
    /// The bounds are in days from today.
    pub(super) fn of(earliest: Option<i32>, latest: Option<i32>, today: Date) -> Self {
        let day = |days: i32| today.saturating_add(Duration::days(i64::from(days)));
        Self {
            today,
            first: earliest.map(day),
            last: latest.map(day),
        }
    }

    /// Whether a day is accepted.
    pub(super) fn holds(self, date: Date) -> bool {
        if self.is_open() {
            return (date.year() - self.today.year()).abs() <= YEARS_AWAY;
        }
        YEARS.contains(&date.year())
            && self.first.is_none_or(|first| date >= first)
            && self.last.is_none_or(|last| date <= last)
    }

    /// Whether the question says nothing about the days.
    pub(super) fn is_open(self) -> bool {
        self.first.is_none() && self.last.is_none()
    }

    fn direction(self) -> Direction {
        if self.first.is_some_and(|first| first >= self.today) {
            Direction::Future
        } else if self.last.is_some_and(|last| last <= self.today) {
            Direction::Past
        } else {
            Direction::Either
        }
    }

    /// The day around which days that come again are looked for.
    fn anchor(self) -> Date {
        match self.direction() {
            Direction::Future => self.first.unwrap_or(self.today),
            Direction::Past => self.last.unwrap_or(self.today),
            Direction::Either => self.today,
        }
    }

    /// Of days in ascending order those that are meant: the next one of a question about the
    /// future, the last one of one about the past, else both.
    fn nearest(self, days: &[Date]) -> Vec<Date> {
        let anchor = self.anchor();
        let last = days.iter().rfind(|day| **day <= anchor).copied();
        let next = days.iter().find(|day| **day >= anchor).copied();
        let mut found: Vec<Date> = match self.direction() {
            Direction::Future => next.into_iter().collect(),
            Direction::Past => last.into_iter().collect(),
            Direction::Either => last.into_iter().chain(next).collect(),
        };
        found.dedup();
        found
    }

    /// As [`nearest`](Self::nearest), for days that come again so soon that today's name may mean
    /// the one before or after as well.
    fn nearest_or_today(self, days: &[Date]) -> Vec<Date> {
        let others: Vec<Date> = days
            .iter()
            .filter(|day| **day != self.today)
            .copied()
            .collect();
        let mut found = self.nearest(days);
        if found.contains(&self.today) {
            found.extend(self.nearest(&others));
            found.sort_unstable();
            found.dedup();
        }
        found
    }

    /// The days with this day and month.
    pub(super) fn yearly(self, day: u8, month: Month) -> Vec<Date> {
        let year = self.anchor().year();
        let days: Vec<Date> = (year - LEAP_GAP..=year + LEAP_GAP)
            .filter_map(|year| Date::from_calendar_date(year, month, day).ok())
            .collect();
        self.nearest(&days)
    }

    /// The days with this day of the month.
    pub(super) fn monthly(self, day: u8) -> Vec<Date> {
        self.nearest_or_today(&of_months(self.anchor(), day))
    }

    /// The next day after today with this day of the month.
    pub(super) fn coming(self, day: u8) -> Vec<Date> {
        of_months(self.today, day)
            .into_iter()
            .find(|date| *date > self.today)
            .into_iter()
            .collect()
    }

    /// The days with this weekday.
    pub(super) fn weekly(self, weekday: Weekday) -> Vec<Date> {
        let days: Vec<Date> = (-7..=7)
            .filter_map(|days| self.anchor().checked_add(Duration::days(days)))
            .filter(|day| day.weekday() == weekday)
            .collect();
        self.nearest_or_today(&days)
    }

    /// This weekday in the week that is so many weeks from this one; weeks begin on Monday.
    pub(super) fn in_week(self, weeks: i8, weekday: Weekday) -> Option<Date> {
        let from = i64::from(self.today.weekday().number_days_from_monday());
        let to = i64::from(weekday.number_days_from_monday());
        self.today
            .checked_add(Duration::days(i64::from(weeks) * 7 + to - from))
    }

    /// The first day after today, or the last one before it, with this weekday.
    pub(super) fn beside(self, weekday: Weekday, is_next: bool) -> Option<Date> {
        let step = Duration::days(if is_next { 1 } else { -1 });
        let mut day = self.today;
        for _ in 0..7 {
            day = day.checked_add(step)?;
            if day.weekday() == weekday {
                return Some(day);
            }
        }
        None
    }

    /// This day of the month that is so many months from this one.
    pub(super) fn in_month(self, months: i8, day: u8) -> Option<Date> {
        month_from(self.today, i32::from(months), day)
    }
}

fn of_months(around: Date, day: u8) -> Vec<Date> {
    (-3..=3)
        .filter_map(|months| month_from(around, months, day))
        .collect()
}

fn month_from(from: Date, months: i32, day: u8) -> Option<Date> {
    let month = from.year() * 12 + i32::from(u8::from(from.month())) - 1 + months;
    let number = u8::try_from(month.rem_euclid(12) + 1).ok()?;
    Date::from_calendar_date(month.div_euclid(12), Month::try_from(number).ok()?, day).ok()
}
