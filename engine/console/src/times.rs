//! Times as pages show them, in the zone of the calls.

use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

const SHOWN: &[BorrowedFormatItem<'_>] =
    format_description!("[day padding:none] [month repr:short] [year], [hour]:[minute]:[second]");
const ISO: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");

fn at(unix_ms: u64) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(unix_ms) * 1_000_000).ok()
}

/// A time such as `27 Nov 2026, 14:30:05`, `offset_minutes` east of UTC.
pub(crate) fn shown(unix_ms: u64, offset_minutes: i16) -> String {
    let offset = UtcOffset::from_whole_seconds(i32::from(offset_minutes) * 60);
    let local = at(unix_ms).map(|at| at.to_offset(offset.unwrap_or(UtcOffset::UTC)));
    local
        .and_then(|local| local.format(SHOWN).ok())
        .unwrap_or_default()
}

/// The same for machines, in UTC.
pub(crate) fn iso(unix_ms: u64) -> String {
    at(unix_ms)
        .and_then(|at| at.format(ISO).ok())
        .unwrap_or_default()
}

/// A length of time, or a place in a call: `1:05`.
pub(crate) fn length(ms: u64) -> String {
    let seconds = ms / 1_000;
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calls_zone() {
        assert_eq!(shown(1_795_770_005_000, 330), "27 Nov 2026, 14:30:05");
        assert_eq!(shown(1_795_770_005_000, 0), "27 Nov 2026, 09:00:05");
        assert_eq!(iso(1_795_770_005_999), "2026-11-27T09:00:05Z");
        assert_eq!(shown(u64::MAX, 330), "", "beyond the year 9999");
        assert_eq!((length(65_900), length(0)), ("1:05".into(), "0:00".into()));
    }
}
