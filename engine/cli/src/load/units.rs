//! Times and rates as they are typed: `90s`, `8h`, `5/s`.

use std::time::Duration;

/// The longest time: a year.
const LONGEST_S: f64 = 366.0 * 86_400.0;

/// Reads `500ms`, `90s`, `2m`, `8h` or `1d`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let digits = text
        .find(|character: char| !character.is_ascii_digit() && character != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit_s = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        _ => return Err("write a number and `ms`, `s`, `m`, `h` or `d`, such as `90s`".to_owned()),
    };
    let seconds = number.parse::<f64>().map(|number| number * unit_s);
    match seconds {
        Ok(seconds) if seconds > 0.0 && seconds <= LONGEST_S => {
            Ok(Duration::from_secs_f64(seconds))
        }
        _ => Err("write a time between 1 ms and a year, such as `90s`".to_owned()),
    }
}

/// Reads `5/s`, `30/m`, `0.5/s` or `5`.
pub fn per_second(text: &str) -> Result<f64, String> {
    let (number, seconds) = match text.split_once('/') {
        None | Some((_, "s")) => (text.trim_end_matches("/s"), 1.0),
        Some((number, "m" | "min")) => (number, 60.0),
        Some(_) => return Err("write calls a second or a minute, such as `5/s`, `30/m`".to_owned()),
    };
    number
        .parse::<f64>()
        .ok()
        .filter(|rate| rate.is_finite() && *rate > 0.0)
        .map(|rate| rate / seconds)
        .ok_or_else(|| "write a number of calls above 0, such as `5/s`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        for (text, ms) in [
            ("500ms", 500),
            ("90s", 90_000),
            ("1.5m", 90_000),
            ("8h", 28_800_000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for text in ["90", "s", "-1s", "0s", "1 s", "999999d", "1.2.3s"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn rates_are_by_the_second_or_the_minute() {
        for (text, rate) in [("5/s", 5.0), ("5", 5.0), ("30/m", 0.5), ("0.5/s", 0.5)] {
            assert_eq!(per_second(text), Ok(rate), "{text}");
        }
        for text in ["0", "-1/s", "x", "5/h", "inf"] {
            assert!(per_second(text).is_err(), "{text}");
        }
    }
}
