//! Local time: a zone of the IANA database by its name, or a fixed offset from UTC.
//!
//! The database is compiled in (`jiff`), so that a machine without one, or with an old one, has the same
//! local times.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone, TimeZoneDatabase};
use time::macros::format_description;
use time::{Date, OffsetDateTime, PrimitiveDateTime, UtcOffset};

use crate::Masked;
use crate::hours::DAY_MINUTES;

/// The fields of a customer's record that may say their local time; the first that is there counts.
const FIELDS: [&str; 2] = ["time-zone", "utc-offset"];
/// Longer texts are no names; the longest of the database has 32 bytes.
const NAME_BYTES: usize = 64;
/// How many letters of a name may be wrong for it to be recognised.
const LETTERS: usize = 2;

static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// Where local time is that of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

/// A text that is no zone. It is not in the message, as it may be of a customer's record; a name of the
/// database that is close to it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "is no time zone: write a name of the IANA database such as `Asia/Kolkata`, or an offset from UTC such as `+05:30`{}", .meant.as_deref().map(did_you_mean).unwrap_or_default()
)]
pub struct NoZone {
    meant: Option<String>,
}

fn did_you_mean(meant: &str) -> String {
    format!("; did you mean `{meant}`?")
}

impl Zone {
    /// The zone that is always this many minutes ahead of UTC; UTC if there is none such.
    pub fn fixed(offset_minutes: i16) -> Self {
        let offset = Offset::from_seconds(i32::from(offset_minutes) * 60);
        Self(TimeZone::fixed(offset.unwrap_or(Offset::UTC)))
    }

    /// Reads `Asia/Kolkata`, in any case of its letters, or `+05:30`.
    ///
    /// # Errors
    /// It is neither.
    pub fn parse(text: &str) -> Result<Self, NoZone> {
        let text = text.trim();
        let form = format_description!("[offset_hour sign:mandatory]:[offset_minute]");
        if let Ok(offset) = UtcOffset::parse(text, form) {
            return Ok(Self::fixed(offset.whole_minutes()));
        }
        if text.len() > NAME_BYTES {
            return Err(NoZone { meant: None });
        }
        let zone = DATABASE.get(text).ok().filter(|zone| !zone.is_unknown());
        zone.map(Self).ok_or_else(|| NoZone { meant: near(text) })
    }

    /// The fields of a record that may name it; the first of them that is there counts.
    pub const FIELDS: [&'static str; 2] = FIELDS;

    /// The zone that a customer's record names; `None` if it names none.
    ///
    /// # Errors
    /// The field whose value is no zone.
    pub fn of(fields: &BTreeMap<String, Masked>) -> Result<Option<Self>, (&'static str, NoZone)> {
        let mut named = FIELDS
            .into_iter()
            .filter_map(|name| Some((name, fields.get(name)?)));
        let read =
            |(name, value): (_, &Masked)| Self::parse(value.expose()).map_err(|no| (name, no));
        named.next().map(read).transpose()
    }

    /// The offset from UTC at a time, in minutes. Times are in milliseconds since
    /// 1970-01-01T00:00:00Z.
    pub fn offset_minutes(&self, at_ms: u64) -> i16 {
        let at = i64::try_from(at_ms).ok();
        let at = at.and_then(|ms| Timestamp::from_millisecond(ms).ok());
        let offset = self.0.to_offset(at.unwrap_or(Timestamp::UNIX_EPOCH));
        i16::try_from(offset.seconds() / 60).unwrap_or_default()
    }

    /// What a clock there shows at a time; `None` beyond the year 9999.
    pub fn local(&self, at_ms: u64) -> Option<PrimitiveDateTime> {
        let offset = i32::from(self.offset_minutes(at_ms)) * 60;
        let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(at_ms) * 1_000_000).ok()?;
        let local = at.to_offset(UtcOffset::from_whole_seconds(offset).ok()?);
        Some(PrimitiveDateTime::new(local.date(), local.time()))
    }

    /// When a clock there first shows this minute of a day or a later one, 0 to 1,440; of one that is
    /// left out as the clocks go forward, the time at which they do.
    pub fn first(&self, date: Date, minute: u16) -> Option<u64> {
        self.reached(date, minute, |before, _after| before)
    }

    /// Like [`first`](Self::first), for the last time that it shows it: of an hour that comes twice as the
    /// clocks go back, the second.
    pub fn last(&self, date: Date, minute: u16) -> Option<u64> {
        self.reached(date, minute, |_before, after| after)
    }

    fn reached(
        &self,
        date: Date,
        minute: u16,
        of_two: impl Fn(Offset, Offset) -> Offset,
    ) -> Option<u64> {
        let (date, minute) = match minute {
            DAY_MINUTES => (date.next_day()?, 0),
            minute => (date, minute),
        };
        let year = i16::try_from(date.year()).ok()?;
        let month = i8::try_from(u8::from(date.month())).ok()?;
        let day = i8::try_from(date.day()).ok()?;
        let (hour, minute) = (i8::try_from(minute / 60).ok()?, minute % 60);
        let minute = i8::try_from(minute).ok()?;
        let shown = DateTime::new(year, month, day, hour, minute, 0, 0).ok()?;
        let at = match self.0.to_ambiguous_timestamp(shown).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(shown).ok()?,
            AmbiguousOffset::Fold { before, after } => {
                of_two(before, after).to_timestamp(shown).ok()?
            }
            AmbiguousOffset::Gap { after, .. } => {
                let earlier = after.to_timestamp(shown).ok()?;
                self.0.following(earlier).next()?.timestamp()
            }
        };
        u64::try_from(at.as_millisecond()).ok()
    }
}

/// The zone of the database that was probably meant: by its whole name, or by the place alone.
fn near(text: &str) -> Option<String> {
    let text = text.to_ascii_lowercase().replace(' ', "_");
    let distance = |name: &str| {
        let name = name.to_ascii_lowercase();
        let place = name.rsplit('/').next().unwrap_or(&name).to_owned();
        let of = |known: &str| strsim::damerau_levenshtein(&text, known);
        let is_near = |distance: usize, known: &str| distance <= LETTERS.min(known.len() / 3);
        [name, place]
            .iter()
            .map(|known| (of(known), known))
            .filter(|(distance, known)| is_near(*distance, known))
            .map(|(distance, _)| distance)
            .min()
    };
    let names = DATABASE.available().map(|name| name.to_string());
    let near = names.filter_map(|name| Some((distance(&name)?, name)));
    near.min().map(|(_, name)| name)
}

#[cfg(test)]
#[path = "zone/tests.rs"]
mod tests;
