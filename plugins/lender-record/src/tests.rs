use super::*;

fn fields(pairs: &[(&str, &str)]) -> Fields {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn the_records_language_goes_before_the_states() {
    for (record, tag) in [
        (&[("language", "ta-IN"), ("state", "Bihar")][..], "ta-IN"),
        (&[("language", "hi")], "hi-IN"),
        (&[("language", "Hindi")], "hi-IN"),
        (&[("language", "EN_in"), ("state", "Kerala")], "en-IN"),
        (&[("language", "klingon"), ("state", "Kerala")], "ml-IN"),
    ] {
        assert_eq!(language(&fields(record)), tag, "{record:?}");
    }
}

#[test]
fn every_state_has_its_language() {
    for (state, tag) in [
        ("Tamil Nadu", "ta-IN"),
        ("puducherry", "ta-IN"),
        ("Karnataka", "kn-IN"),
        ("Kerala", "ml-IN"),
        ("Lakshadweep", "ml-IN"),
        ("Andhra Pradesh", "te-IN"),
        ("Telangana", "te-IN"),
        ("MAHARASHTRA", "mr-IN"),
        ("Gujarat", "gu-IN"),
        ("West Bengal", "bn-IN"),
        ("Punjab", "pa-IN"),
        ("Odisha", "or-IN"),
        ("Uttar Pradesh", "hi-IN"),
        ("Andaman & Nicobar Islands", "hi-IN"),
        ("unknown", "en-IN"),
        ("", "en-IN"),
    ] {
        assert_eq!(language(&fields(&[("state", state)])), tag, "{state}");
    }
    assert_eq!(language(&Fields::new()), "en-IN");
}

#[test]
fn amounts_are_read_as_lenders_write_them() {
    for (text, minor) in [("12500", 1_250_000), ("12,500", 1_250_000), ("1,25,000.50", 12_500_050), ("₹ 99.5", 9_950), ("0.05", 5)] {
        assert_eq!(paise(text), Some(minor), "{text}");
    }
    for text in ["", "0", "-5", "12.345", "12.", ".5", "1e5", "twelve", "99999999999999999999"] {
        assert_eq!(paise(text), None, "{text}");
    }
}

#[test]
fn only_real_days_are_dates() {
    assert_eq!(day("2028-02-29"), Some(Day { year: 2028, month: 2, day: 29 }));
    for text in ["", "2026-02-29", "2026-13-01", "2026-00-10", "2026-04-31", "30-11-2026", "2026-11", "2026-11-30-1", "soon"] {
        assert_eq!(day(text), None, "{text}");
    }
}

#[test]
fn an_incomplete_record_is_told_by_its_fields_and_never_by_their_values() {
    let whole = fields(&[("name", "Ravi Kumar"), ("loan", "LN-00478213"), ("amount", "12,500"), ("due-date", "2026-11-30")]);
    let instalment = Instalment::read(&whole).unwrap();
    assert_eq!((instalment.name.as_str(), instalment.loan_digits.as_str()), ("Ravi Kumar", "8213"));

    let poor = fields(&[("name", " "), ("loan", "213"), ("amount", "12,500"), ("due-date", "tomorrow")]);
    assert_eq!(Instalment::read(&poor).unwrap_err(), "missing or unreadable: name, loan, due-date");
}
