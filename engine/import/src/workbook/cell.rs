//! A cell's text, as somebody would type what the sheet shows.

use calamine::{DataRef, ExcelDateTime};

/// The digits that Excel keeps of a number (Excel specifications and limits: number precision).
const DIGITS: i32 = 15;
/// The most decimals of a number's text: smaller numbers are none that a list has.
const DECIMALS: i32 = 20;

/// A number of which Excel has not stored all digits.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rounded {
    /// What is wrong; a predicate whose subject is the field.
    pub(super) reason: &'static str,
    /// What is left of the number.
    pub(super) shown: String,
}

/// The text of a cell; empty for an empty one.
pub(super) fn text(value: &DataRef<'_>) -> Result<String, Rounded> {
    Ok(match value {
        DataRef::Empty => String::new(),
        DataRef::String(text) => text.clone(),
        DataRef::SharedString(text) => (*text).to_owned(),
        DataRef::Bool(value) => value.to_string(),
        // such as `#N/A`, which the readers of values take for no value
        DataRef::Error(error) => error.to_string(),
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.clone(),
        DataRef::Int(number) => return whole(number.to_string(), number.unsigned_abs() as f64),
        DataRef::Float(number) => return decimal(*number),
        DataRef::DateTime(time) if time.is_datetime() => day(time),
        DataRef::DateTime(duration) => return decimal(duration.as_f64()),
    })
}

fn whole(text: String, size: f64) -> Result<String, Rounded> {
    if size < 10_f64.powi(DIGITS) {
        Ok(text)
    } else {
        Err(Rounded {
            reason: "has more than 15 digits, of which Excel keeps only 15: format the column as text, and fill it again from its source",
            shown: text,
        })
    }
}

/// A number with the 15 significant digits that Excel shows, without an exponent and without zeros
/// at the end: 12450.540000000001 is a rounding of 12450.54.
fn decimal(number: f64) -> Result<String, Rounded> {
    let size = number.abs();
    if !size.is_finite() || size >= 10_f64.powi(DIGITS) {
        return whole(format!("{number:.0}"), size);
    }
    let before = if size < 1.0 {
        0
    } else {
        // below 16, as `size` is below 10^15
        size.log10().floor() as i32 + 1
    };
    let decimals = if size < 1.0 && size > 0.0 {
        (DIGITS - 1 - size.log10().floor() as i32).min(DECIMALS)
    } else {
        DIGITS - before
    };
    let decimals = usize::try_from(decimals).unwrap_or(0);
    let text = format!("{number:.decimals$}");
    let short = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        &text
    };
    Ok(if short == "-0" { "0" } else { short }.to_owned())
}

/// A day, with the time of day if it has one.
fn day(time: &ExcelDateTime) -> String {
    let (year, month, day, hour, minute, second, _) = time.to_ymd_hms_milli();
    let date = format!("{year:04}-{month:02}-{day:02}");
    if (hour, minute, second) == (0, 0, 0) {
        date
    } else {
        format!("{date}T{hour:02}:{minute:02}:{second:02}")
    }
}

#[cfg(test)]
mod tests {
    use calamine::ExcelDateTimeType;

    use super::*;

    #[test]
    fn numbers_are_written_out() {
        for (number, written) in [
            (12_450.0, "12450"),
            (12_450.5, "12450.5"),
            (12_450.54, "12450.54"),
            (12_450.54 + f64::EPSILON * 8_192.0, "12450.54"),
            (0.1 + 0.2, "0.3"),
            (9_876_543_210.0, "9876543210"),
            (919_876_543_210.0, "919876543210"),
            (999_999_999_999_999.0, "999999999999999"),
            (1.2e9, "1200000000"),
            (-5.0, "-5"),
            (0.0, "0"),
            (-0.0, "0"),
            (0.05, "0.05"),
            (1e-25, "0"),
            (100.0, "100"),
        ] {
            assert_eq!(text(&DataRef::Float(number)), Ok(written.to_owned()));
        }
        assert_eq!(text(&DataRef::Int(12)), Ok("12".to_owned()));
    }

    #[test]
    fn a_number_that_excel_has_rounded_is_refused() {
        for number in [
            1e15,
            1_234_567_890_123_456.0,
            1.234_567_890_123_456_7e17,
            -1e15,
        ] {
            assert!(text(&DataRef::Float(number)).is_err(), "{number}");
        }
        assert!(text(&DataRef::Int(1_234_567_890_123_456)).is_err());
        assert!(text(&DataRef::Float(f64::NAN)).is_err());
    }

    #[test]
    fn days_are_iso_in_both_of_excels_calendars() {
        let day = |serial: f64, is_1904| {
            text(&DataRef::DateTime(ExcelDateTime::new(
                serial,
                ExcelDateTimeType::DateTime,
                is_1904,
            )))
            .unwrap()
        };
        assert_eq!(day(46_361.0, false), "2026-12-05");
        assert_eq!(day(46_361.0 - 1_462.0, true), "2026-12-05");
        assert_eq!(day(46_361.437_5, false), "2026-12-05T10:30:00");
        let duration = ExcelDateTime::new(1.5, ExcelDateTimeType::TimeDelta, false);
        assert_eq!(text(&DataRef::DateTime(duration)).unwrap(), "1.5");
    }
}
