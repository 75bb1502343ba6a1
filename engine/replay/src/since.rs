//! Parses `--since`: a date, or how long ago.

use ghanti_model::Zone;
use time::Date;
use time::format_description::well_known::Iso8601;

/// The time in milliseconds since 1970. A date means midnight, local time. `None` if the text is
/// not a time.
pub(crate) fn since(text: &str, now_ms: u64, zone: &Zone) -> Option<u64> {
    if let Ok(date) = Date::parse(text, &Iso8601::DATE) {
        return Some(zone.first(date, 0).unwrap_or(0));
    }
    let units = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000)];
    let (number, unit_ms) = units
        .into_iter()
        .find_map(|(unit, ms)| Some((text.strip_suffix(unit)?, ms)))?;
    Some(now_ms.saturating_sub(number.parse::<u64>().ok()?.checked_mul(unit_ms)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_date_or_how_long_ago() {
        let (now_ms, india) = (1_795_000_000_000, Zone::fixed(330));
        assert_eq!(since("2d", now_ms, &india), Some(now_ms - 172_800_000));
        assert_eq!(since("12h", now_ms, &india), Some(now_ms - 43_200_000));
        // midnight in India is 18:30 UTC of the day before
        assert_eq!(since("2026-11-30", now_ms, &india), Some(1_795_977_000_000));
        for text in [
            "",
            "d",
            "2 weeks",
            "-1d",
            "2026-13-01",
            "99999999999999999999d",
        ] {
            assert_eq!(since(text, now_ms, &india), None, "{text}");
        }
    }
}
