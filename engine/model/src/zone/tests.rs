use time::macros::{date, datetime};

use super::*;

fn ms(at: OffsetDateTime) -> u64 {
    u64::try_from(at.unix_timestamp() * 1_000).unwrap()
}

#[test]
fn a_zone_has_the_offset_of_the_day() {
    let summer = ms(datetime!(2026-07-01 00:00 UTC));
    let winter = ms(datetime!(2026-12-01 00:00 UTC));
    for (text, in_summer, in_winter) in [
        ("Asia/Kolkata", 330, 330),
        ("asia/kolkata", 330, 330),
        ("Asia/Calcutta", 330, 330),
        ("Asia/Dubai", 240, 240),
        ("Asia/Kathmandu", 345, 345),
        ("Europe/London", 60, 0),
        ("America/New_York", -240, -300),
        ("Australia/Lord_Howe", 630, 660),
        ("UTC", 0, 0),
        (" +05:30 ", 330, 330),
        ("-03:30", -210, -210),
    ] {
        let zone = Zone::parse(text).unwrap();
        let offsets = (zone.offset_minutes(summer), zone.offset_minutes(winter));
        assert_eq!(offsets, (in_summer, in_winter), "{text}");
    }
    let local = Zone::fixed(330).local(ms(datetime!(2026-11-27 20:00 UTC)));
    assert_eq!(local, Some(datetime!(2026-11-28 01:30)));
}

#[test]
fn what_is_no_zone_is_refused_with_the_name_that_was_probably_meant() {
    for (text, meant) in [
        ("Asia/Kolkatta", Some("Asia/Kolkata")),
        ("Asia/Dubay", Some("Asia/Dubai")),
        ("Kolkata", Some("Asia/Kolkata")),
        ("calcuta", Some("Asia/Calcutta")),
        ("america/new york", Some("America/New_York")),
        ("Europe/Lodnon", Some("Europe/London")),
        ("Somewhere else", None),
        ("../etc/passwd", None),
        ("Etc/Unknown", None),
        ("5.5", None),
        ("+5:30x", None),
    ] {
        let reported = Zone::parse(text).unwrap_err().to_string();
        let hint = meant.map_or_else(String::new, |meant| format!("did you mean `{meant}`?"));
        assert!(
            reported.contains("IANA") && reported.ends_with(&hint),
            "{text}: {reported}"
        );
        assert_eq!(
            reported.contains("did you mean"),
            meant.is_some(),
            "{text}: {reported}"
        );
        assert!(meant.is_some() || !reported.contains(text), "{reported}");
    }
    assert!(Zone::parse(&"A".repeat(1_000)).is_err() && Zone::parse("").is_err());
}

#[test]
fn an_hour_that_is_left_out_or_comes_twice_has_its_times() {
    // zone, day, minute, first, last
    let rows = [
        (
            "Asia/Kolkata",
            date!(2026 - 03 - 29),
            480,
            datetime!(2026-03-29 08:00 +5:30),
            datetime!(2026-03-29 08:00 +5:30),
        ),
        (
            "Asia/Kolkata",
            date!(2026 - 03 - 29),
            1_440,
            datetime!(2026-03-30 00:00 +5:30),
            datetime!(2026-03-30 00:00 +5:30),
        ),
        // 02:00 to 03:00 is left out on 8 March
        (
            "America/New_York",
            date!(2026 - 03 - 08),
            119,
            datetime!(2026-03-08 01:59 -5),
            datetime!(2026-03-08 01:59 -5),
        ),
        (
            "America/New_York",
            date!(2026 - 03 - 08),
            120,
            datetime!(2026-03-08 03:00 -4),
            datetime!(2026-03-08 03:00 -4),
        ),
        (
            "America/New_York",
            date!(2026 - 03 - 08),
            150,
            datetime!(2026-03-08 03:00 -4),
            datetime!(2026-03-08 03:00 -4),
        ),
        (
            "America/New_York",
            date!(2026 - 03 - 08),
            180,
            datetime!(2026-03-08 03:00 -4),
            datetime!(2026-03-08 03:00 -4),
        ),
        (
            "America/New_York",
            date!(2026 - 03 - 08),
            480,
            datetime!(2026-03-08 08:00 -4),
            datetime!(2026-03-08 08:00 -4),
        ),
        // 01:00 to 02:00 comes twice on 1 November
        (
            "America/New_York",
            date!(2026 - 11 - 01),
            90,
            datetime!(2026-11-01 01:30 -4),
            datetime!(2026-11-01 01:30 -5),
        ),
        (
            "America/New_York",
            date!(2026 - 11 - 01),
            480,
            datetime!(2026-11-01 08:00 -5),
            datetime!(2026-11-01 08:00 -5),
        ),
        // midnight itself is left out
        (
            "Africa/Cairo",
            date!(2026 - 04 - 24),
            0,
            datetime!(2026-04-24 01:00 +3),
            datetime!(2026-04-24 01:00 +3),
        ),
    ];
    for (zone, day, minute, first, last) in rows {
        let zone = Zone::parse(zone).unwrap();
        let found = (zone.first(day, minute), zone.last(day, minute));
        assert_eq!(
            found,
            (Some(ms(first)), Some(ms(last))),
            "{zone:?} {day} {minute}"
        );
    }
}

#[test]
fn a_record_names_its_zone_by_name_before_its_offset() {
    let of = |pairs: &[(&str, &str)]| {
        let fields = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Masked::from(*value)));
        let found = Zone::of(&fields.collect()).map_err(|(field, _)| field);
        found.map(|zone| zone.map(|zone| zone.offset_minutes(0)))
    };
    assert_eq!(of(&[]), Ok(None));
    assert_eq!(of(&[("utc-offset", "+04:00")]), Ok(Some(240)));
    assert_eq!(of(&[("utc-offset", "Asia/Dubai")]), Ok(Some(240)));
    assert_eq!(
        of(&[("utc-offset", "+04:00"), ("time-zone", "Asia/Kolkata")]),
        Ok(Some(330))
    );
    assert_eq!(of(&[("time-zone", "Mars")]), Err("time-zone"));
}
