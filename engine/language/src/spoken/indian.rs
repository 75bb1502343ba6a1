//! How the nine languages of [`words`](super::words) speak values.

use ghanti_model::TimeOfDay;
use time::Month;

use super::Speller;
use super::counting::Place;
use super::currency::Amount;
use super::day::PartOfDay;
use super::words::{Unit, Words};

impl Words {
    /// A number of units: "one rupee", "two rupees".
    fn count(&self, number: u64, unit: &Unit, many: &str) -> String {
        if number == 1 {
            unit.one.to_owned()
        } else {
            format!("{} {many}", self.numbers.words(number, Place::Counting))
        }
    }

    fn negated(&self, negative: bool, words: String) -> String {
        if negative {
            format!("{} {words}", self.minus)
        } else {
            words
        }
    }

    /// A year as spoken: in hundreds before 2000, where the language does that.
    fn year(&self, year: i32) -> String {
        match (u64::try_from(year), self.century) {
            (Ok(year @ 1_100..=1_999), Some(hundred)) => {
                let alone = |number| self.numbers.below_hundred(number, Place::Alone);
                let century = format!("{}{hundred}", alone(year / 100));
                match year % 100 {
                    0 => century,
                    rest => format!("{century} {}", alone(rest)),
                }
            }
            _ => self.integer(i64::from(year)),
        }
    }

    fn rupees(&self, amount: &Amount<'_>) -> String {
        let rupees = |many| self.count(amount.major, &self.rupees, many);
        let paise = || self.count(amount.minor, &self.paise, self.paise.many);
        match (amount.major, amount.minor) {
            (_, 0) => rupees(self.rupees.many),
            (0, _) => paise(),
            _ => format!("{} {}", rupees(self.rupees_before_paise), paise()),
        }
    }

    /// An amount of another currency: its number, and its code letter by letter.
    fn foreign(&self, amount: &Amount<'_>) -> String {
        let whole = self.numbers.words(amount.major, Place::Alone);
        let decimals: Vec<&str> = amount
            .fraction()
            .bytes()
            .map(|digit| {
                let digit = u64::from(digit.saturating_sub(b'0'));
                self.numbers.below_hundred(digit, Place::Alone)
            })
            .collect();
        let code = amount.spelt_code();
        if decimals.is_empty() {
            format!("{whole} {code}")
        } else {
            format!("{whole} {} {} {code}", self.point, decimals.join(" "))
        }
    }
}

impl Speller for Words {
    fn integer(&self, number: i64) -> String {
        let words = self.numbers.words(number.unsigned_abs(), Place::Alone);
        self.negated(number < 0, words)
    }

    fn money(&self, amount: &Amount<'_>) -> String {
        let words = if amount.is_rupees() {
            self.rupees(amount)
        } else {
            self.foreign(amount)
        };
        self.negated(amount.negative, words)
    }

    fn date(&self, day: u8, month: Month, year: Option<i32>) -> String {
        let month = of(&self.months, u8::from(month));
        let day = match self.days {
            Some(days) => of(days, day),
            None => self.numbers.below_hundred(u64::from(day), Place::Alone),
        };
        let date = if self.month_first {
            format!("{month} {day}")
        } else {
            format!("{day} {month}")
        };
        // the comma keeps day and year from being read as one number
        match year {
            Some(year) if self.month_first => format!("{date}, {}", self.year(year)),
            Some(year) => format!("{date} {}", self.year(year)),
            None => date,
        }
    }

    fn time(&self, time: TimeOfDay) -> String {
        let [morning, afternoon, evening, night] = self.parts_of_day;
        let part = match PartOfDay::of(time.hour) {
            PartOfDay::Morning => morning,
            PartOfDay::Afternoon => afternoon,
            PartOfDay::Evening => evening,
            PartOfDay::Night => night,
        };
        let hour = if time.hour.is_multiple_of(12) {
            12
        } else {
            time.hour % 12
        };
        match time.minute {
            0 => format!("{part} {}", of(&self.full_hours, hour)),
            minute => {
                let minutes = self.count(u64::from(minute), &self.minutes, self.minutes.many);
                format!("{part} {} {minutes}", of(&self.hours_before_minutes, hour))
            }
        }
    }

    fn digit(&self, digit: u8) -> String {
        let word = self.numbers.below_hundred(u64::from(digit), Place::Alone);
        word.to_owned()
    }
}

/// The word at a place counted from one.
fn of(words: &[&'static str], place: u8) -> &'static str {
    let at = usize::from(place).checked_sub(1);
    at.and_then(|at| words.get(at)).copied().unwrap_or_default()
}
