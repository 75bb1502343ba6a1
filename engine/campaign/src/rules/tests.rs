use time::OffsetDateTime;
use time::macros::datetime;

use super::*;

const DAY_MS: u64 = 86_400_000;

fn india() -> Zone {
    Zone::parse("Asia/Kolkata").unwrap()
}

fn ms(at: OffsetDateTime) -> u64 {
    u64::try_from(at.unix_timestamp() * 1_000).unwrap()
}

/// A Friday.
fn noon() -> u64 {
    ms(datetime!(2026-11-27 12:00:00 +05:30))
}

fn plan(toml: &str) -> Plan {
    let plan: Plan = toml::from_str(toml).unwrap();
    assert_eq!(plan.errors(), Vec::<String>::new(), "{toml}");
    plan
}

fn at(now_ms: u64, history: DialHistory) -> Known {
    Known {
        now_ms,
        zone: india(),
        history,
        do_not_call: None,
    }
}

fn called(times: u32) -> DialHistory {
    DialHistory {
        today: times,
        week: times,
        in_all: times,
        of_campaign: times,
        last_ms: Some(noon() - 10 * 3_600_000),
        not_before_ms: None,
    }
}

fn again(checked: Result<(), NextStep>) -> (u64, String) {
    match checked {
        Err(NextStep::Again { due_ms, reason }) => (due_ms, reason),
        other => panic!("{other:?}"),
    }
}

fn done(checked: Result<(), NextStep>) -> String {
    match checked {
        Err(NextStep::Done { reason }) => reason.unwrap_or_default(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_customer_who_asked_not_to_be_called_is_never_called() {
    let plan = plan("");
    let mut known = at(noon(), DialHistory::default());
    assert_eq!(check(&plan, &known), Ok(()));
    known.do_not_call = Some(CallId::generate());
    assert!(done(check(&plan, &known)).contains("asked not to be called"));
}

#[test]
fn each_limit_applies_with_its_reason() {
    let plan = plan(
        "[limits]\nper-day = 2\nper-week = 4\nin-all = 6\nspacing = \"1h\"\n[retry]\nattempts = 5",
    );
    let tomorrow = ms(datetime!(2026-11-28 08:00:00 +05:30));
    assert_eq!(check(&plan, &at(noon(), called(1))), Ok(()));
    let (due_ms, reason) = again(check(&plan, &at(noon(), called(2))));
    assert_eq!(
        (due_ms, reason.as_str()),
        (tomorrow, "called often enough today")
    );
    let week = DialHistory {
        today: 0,
        ..called(4)
    };
    let (due_ms, reason) = again(check(&plan, &at(noon(), week)));
    assert_eq!(
        (due_ms, reason.as_str()),
        (tomorrow, "called often enough this week")
    );
    let campaign = DialHistory {
        today: 0,
        week: 0,
        ..called(5)
    };
    assert!(done(check(&plan, &at(noon(), campaign))).contains("5 times in this campaign"));
    let ever = DialHistory {
        in_all: 6,
        ..DialHistory::default()
    };
    assert!(done(check(&plan, &at(noon(), ever))).contains("6 times in all"));
    let recent = DialHistory {
        last_ms: Some(noon() - 60_000),
        ..called(1)
    };
    let (due_ms, reason) = again(check(&plan, &at(noon(), recent)));
    assert_eq!(
        (due_ms, reason.as_str()),
        (noon() + 59 * 60_000, "called a short while ago")
    );
}

#[test]
fn a_promise_is_respected_to_the_end_of_its_day() {
    let plan = plan("");
    let record = |name: &str, value: &str| {
        let mut record = CallRecord::new(CallId::generate(), 0);
        record.notes.insert(name.to_owned(), Masked::from(value));
        Notes::of(&record, &india())
    };
    let promised = record("promise-date", "2026-11-29");
    assert_eq!(
        promised.not_before_ms,
        Some(ms(datetime!(2026-11-30 00:00:00 +05:30)))
    );
    let history = DialHistory {
        not_before_ms: promised.not_before_ms,
        ..called(1)
    };
    let (due_ms, reason) = again(check(&plan, &at(noon(), history)));
    assert_eq!(
        (due_ms, reason.as_str()),
        (
            ms(datetime!(2026-11-30 08:00:00 +05:30)),
            "promised to pay by a date"
        )
    );
    for unreadable in ["tomorrow", "29-11-2026", ""] {
        assert_eq!(
            record("promise-date", unreadable),
            Notes::default(),
            "{unreadable}"
        );
    }
    let mut asked = CallRecord::new(CallId::generate(), 0);
    asked.call_again_ms = Some(ms(datetime!(2026-11-27 18:00:00 +05:30)));
    let asked = Notes::of(&asked, &india());
    let step = after(&plan, (Class::Reached, "declined"), &asked, (1, 1), noon());
    let expected = NextStep::Again {
        due_ms: ms(datetime!(2026-11-27 18:00:00 +05:30)),
        reason: "asked to be called then".to_owned(),
    };
    assert_eq!(step, expected);
}

#[test]
fn a_campaign_calls_only_on_its_days() {
    let plan = plan("first-day = \"2026-11-28\"\nlast-day = \"2026-11-29\"");
    let none = DialHistory::default();
    let (due_ms, reason) = again(check(&plan, &at(noon(), none)));
    assert_eq!(
        (due_ms, reason.as_str()),
        (
            ms(datetime!(2026-11-28 08:00:00 +05:30)),
            "the campaign begins later"
        )
    );
    assert_eq!(check(&plan, &at(noon() + 2 * DAY_MS, none)), Ok(()));
    let evening = ms(datetime!(2026-11-29 19:00:00 +05:30));
    assert!(done(check(&plan, &at(evening, none))).contains("no more days"));
}

#[test]
fn a_customer_in_another_time_zone_is_called_at_their_local_time() {
    let fields = |text: &str| BTreeMap::from([("utc-offset".to_owned(), Masked::from(text))]);
    let of = |fields: &BTreeMap<_, _>, plan: &str| {
        let zone = zone_of(fields, &self::plan(plan), &india())?;
        Ok::<_, NextStep>(zone.offset_minutes(noon()))
    };
    let offset_of = |fields: &BTreeMap<_, _>| of(fields, "");
    assert_eq!(offset_of(&BTreeMap::new()), Ok(330));
    assert_eq!(offset_of(&fields("+04:00")), Ok(240));
    assert_eq!(offset_of(&fields("-05:30")), Ok(-330));
    assert_eq!(offset_of(&fields("Europe/Paris")), Ok(60));
    let nepal = "time-zone = \"Asia/Kathmandu\"";
    assert_eq!(of(&BTreeMap::new(), nepal), Ok(345));
    assert_eq!(
        of(&fields("+04:00"), nepal),
        Ok(240),
        "their own comes first"
    );
    let misspelt: Plan = toml::from_str("time-zone = \"Asia/Kathmandoo\"").unwrap();
    let errors = misspelt.errors().concat();
    assert!(
        errors.contains("did you mean `Asia/Kathmandu`?"),
        "{errors}"
    );
    assert_eq!(
        offset_of(&fields(" ")),
        Ok(330),
        "a cell that is left blank"
    );
    for unreadable in ["IST", "5.5", "+99:00"] {
        assert!(offset_of(&fields(unreadable)).is_err(), "{unreadable}");
    }
}

#[test]
fn who_is_called_again_follows_from_the_outcome() {
    let plan = plan("[retry]\nattempts = 3\nbusy = \"15m\"\n[retry.outcomes]\nunclear = \"1d\"");
    let next = |class, outcome, made| {
        after(
            &plan,
            (class, outcome),
            &Notes::default(),
            (made, made),
            noon(),
        )
    };
    let due = |step| match step {
        NextStep::Again { due_ms, .. } => Some(due_ms - noon()),
        NextStep::Done { .. } => None,
    };
    assert_eq!(due(next(Class::Busy, "busy", 1)), Some(15 * 60_000));
    assert_eq!(due(next(Class::Busy, "busy", 3)), None, "the last attempt");
    assert_eq!(due(next(Class::Reached, "declined", 1)), None);
    assert_eq!(due(next(Class::Reached, "unclear", 1)), Some(DAY_MS));
    assert_eq!(
        due(next(Class::Unknown, "never-connected", 1)),
        Some(4 * 3_600_000)
    );
    // refused dials call nobody, but their attempts are limited as well
    let refused = |number| {
        let step = (Class::NotDialled, "not-dialled");
        after(&plan, step, &Notes::default(), (0, number), noon())
    };
    assert!(due(refused(ATTEMPTS - 1)).is_some() && due(refused(ATTEMPTS)).is_none());
}

#[test]
fn errors_in_a_plan_say_what_to_write() {
    for (toml, words) in [
        (
            "[limits]\nper-day = 0",
            "`limits.per-day` is 0: set 1 to 50",
        ),
        ("[limits]\ncalls-per-minute = 201", "set 1 to 200"),
        ("[retry]\nattempts = 0", "`retry.attempts`"),
        (
            "first-day = \"2026-12-02\"\nlast-day = \"2026-12-01\"",
            "swap them",
        ),
        ("[stop]\nfailed-percent = 101", "set 0 to 100"),
    ] {
        let plan: Plan = toml::from_str(toml).unwrap();
        let errors = plan.errors().concat();
        assert!(errors.contains(words), "{toml}: {errors}");
    }
    for toml in [
        "[limit]",
        "[retry]\nbusy = \"soon\"",
        "last-day = \"1.12.2026\"",
        "caller-ids = [\"x\"]",
    ] {
        assert!(toml::from_str::<Plan>(toml).is_err(), "{toml}");
    }
}

#[test]
fn service_calls_come_from_the_1600_series() {
    let number = |text| ghanti_model::PhoneNumber::parse(text).unwrap();
    let plan = plan("service-series = true\ncaller-ids = [\"1600123456\", \"08045678901\"]");
    let errors = plan.caller_id_errors(&number("08045678901"));
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(!errors.concat().contains("8045678901"), "{errors:?}");
    let plan: Plan = toml::from_str("service-series = true").unwrap();
    assert!(plan.caller_id_errors(&number("1600123456")).is_empty());
    assert_eq!(plan.caller_id_errors(&number("08045678901")).len(), 1);
}

#[test]
fn no_more_calls_are_dialled_than_free_agents_can_take() {
    let plan = plan("[limits]\nagents = 5\ncalls-per-agent = 2\ncalls-at-once = 9");
    let at_once: Vec<_> = [0, 1, 4, 5, 9]
        .into_iter()
        .map(|busy| plan.at_once(busy))
        .collect();
    assert_eq!(at_once, [9, 9, 6, 5, 9]);
}
