use super::*;

fn fields(pairs: &[(&str, &str)]) -> Fields {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

#[test]
fn amounts_are_taken_as_the_engine_gives_them_and_in_no_other_spelling() {
    for (text, minor) in [("12500", 1_250_000), ("125000.50", 12_500_050), ("0.05", 5)] {
        assert_eq!(paise(text), Some(minor), "{text}");
    }
    for text in [
        "",
        "0",
        "0.00",
        "-5",
        "12,500",
        "12500,00",
        "₹99",
        "12 500",
        "12.345",
        "12.5",
        "12.",
        ".50",
        "1e5",
        "99999999999999999999",
    ] {
        assert_eq!(paise(text), None, "{text}");
    }
}

#[test]
fn days_are_taken_as_the_engine_gives_them_and_in_no_other_spelling() {
    assert_eq!(
        day("2028-02-29"),
        Some(Day {
            year: 2028,
            month: 2,
            day: 29
        })
    );
    for text in [
        "",
        "2026-13-01",
        "2026-00-10",
        "2026-04-32",
        "30-11-2026",
        "2026-1-5",
        "2026-11",
        "2026-11-30-1",
        "+026-11-30",
        "soon",
    ] {
        assert_eq!(day(text), None, "{text}");
    }
}

#[test]
fn a_moment_belongs_to_the_day_that_the_calls_clock_shows() {
    let india = |unix_ms| Day::of(unix_ms, 330).unwrap();
    assert_eq!(
        india(1_767_591_000_000),
        Day {
            year: 2026,
            month: 1,
            day: 5
        }
    );
    // 2026-12-04T18:29:59Z and one second later
    assert_eq!(
        india(1_796_408_999_000),
        Day {
            year: 2026,
            month: 12,
            day: 4
        }
    );
    assert_eq!(
        india(1_796_409_000_000),
        Day {
            year: 2026,
            month: 12,
            day: 5
        }
    );
    assert_eq!(
        Day::of(1_835_395_200_000, 0).unwrap(),
        Day {
            year: 2028,
            month: 2,
            day: 29
        }
    );
    assert_eq!(
        Day::of(0, -1).unwrap(),
        Day {
            year: 1969,
            month: 12,
            day: 31
        }
    );
    assert!(
        india(1_796_409_000_000)
            > Day {
                year: 2026,
                month: 11,
                day: 30
            }
    );
}

#[test]
fn an_incomplete_record_is_told_by_its_fields_and_never_by_their_values() {
    let whole = fields(&[
        ("name", "Ravi Kumar"),
        ("loan", "LN-00478213"),
        ("amount", "12500"),
        ("due-date", "2026-11-30"),
    ]);
    let instalment = Instalment::read(&whole).unwrap();
    assert_eq!(
        (instalment.name.as_str(), instalment.loan_digits.as_str()),
        ("Ravi Kumar", "8213")
    );

    let poor = fields(&[
        ("name", ""),
        ("loan", "213"),
        ("amount", "12500"),
        ("due-date", "tomorrow"),
    ]);
    assert_eq!(
        Instalment::read(&poor).unwrap_err(),
        "missing or unreadable: name, loan, due-date"
    );
}
