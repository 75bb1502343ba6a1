//! The header `Retry-After` of a 429 or 503 reply, in both of its forms (RFC 9110, 10.2.3).

use std::time::{Duration, UNIX_EPOCH};

/// How long to wait if the reply does not say: Exotel counts requests by the minute.
pub const RETRY_AFTER_DEFAULT: Duration = Duration::from_secs(60);

/// The longest wait that a reply can ask for. A wrong date must not stop dialling for a day.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(600);

/// How long to wait, from 1 s to [`RETRY_AFTER_MAX`]. `header` is a number of seconds or an HTTP
/// date, `unix_s` the current time. [`RETRY_AFTER_DEFAULT`] if the header is missing or neither.
pub fn retry_after(header: Option<&str>, unix_s: u64) -> Duration {
    let least = Duration::from_secs(1);
    header
        .and_then(|header| seconds(header.trim(), unix_s))
        .unwrap_or(RETRY_AFTER_DEFAULT)
        .clamp(least, RETRY_AFTER_MAX)
}

fn seconds(header: &str, unix_s: u64) -> Option<Duration> {
    if !header.is_empty() && header.bytes().all(|byte| byte.is_ascii_digit()) {
        // a number with too many digits for its type is a long time, too
        return Some(Duration::from_secs(header.parse().unwrap_or(u64::MAX)));
    }
    let then = httpdate::parse_http_date(header).ok()?;
    let then = then.duration_since(UNIX_EPOCH).unwrap_or_default();
    Some(then.saturating_sub(Duration::from_secs(unix_s)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_read_and_bounded() {
        // 2026-11-22 10:00:00 UTC
        const NOW: u64 = 1_795_341_600;
        for (header, expected_s) in [
            (Some("7"), 7),
            (Some(" 7 "), 7),
            (Some("0"), 1),
            (Some("99999"), 600),
            (Some("99999999999999999999999"), 600),
            (Some("Sun, 22 Nov 2026 10:00:30 GMT"), 30),
            (Some("Sunday, 22-Nov-26 10:00:30 GMT"), 30),
            (Some("Sun, 22 Nov 2026 09:00:00 GMT"), 1),
            (Some("Fri, 22 Nov 2030 10:00:00 GMT"), 600),
            (Some("soon"), 60),
            (Some("-5"), 60),
            (Some("1.5"), 60),
            (Some(""), 60),
            (None, 60),
        ] {
            let expected = Duration::from_secs(expected_s);
            assert_eq!(retry_after(header, NOW), expected, "{header:?}");
        }
    }
}
