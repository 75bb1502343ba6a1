//! Times as pages show them, in the zone of the calls.

use ghanti_model::Zone;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

const SHOWN: &[BorrowedFormatItem<'_>] =
    format_description!("[day padding:none] [month repr:short] [year], [hour]:[minute]:[second]");
const ISO: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");

fn at(unix_ms: u64) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(unix_ms) * 1_000_000).ok()
}

/// A time such as `27 Nov 2026, 14:30:05`, as a clock of the zone shows it.
pub(crate) fn shown(unix_ms: u64, zone: &Zone) -> String {
    zone.local(unix_ms)
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
        let india = Zone::fixed(330);
        assert_eq!(shown(1_795_770_005_000, &india), "27 Nov 2026, 14:30:05");
        assert_eq!(
            shown(1_795_770_005_000, &Zone::fixed(0)),
            "27 Nov 2026, 09:00:05"
        );
        assert_eq!(iso(1_795_770_005_999), "2026-11-27T09:00:05Z");
        assert_eq!(shown(u64::MAX, &india), "", "beyond the year 9999");
        assert_eq!((length(65_900), length(0)), ("1:05".into(), "0:00".into()));
    }
}
