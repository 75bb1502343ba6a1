//! Readers of customers' values. What is read means the same when it is read again.
#![no_main]

use ghanti_model::values::{
    DateOrder, DateRules, account, canonical_rupees, date, language, money, name, phone, shape,
    text,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|value: &str| {
    if let Ok(paise) = money(value) {
        assert!(paise >= 0);
        assert_eq!(money(&canonical_rupees(paise)), Ok(paise), "{value}");
    }
    if let Ok(number) = phone(value) {
        assert_eq!(phone(number.expose()).as_ref(), Ok(&number), "{value}");
        assert!((5..=15).contains(&number.expose().bytes().filter(u8::is_ascii_digit).count()));
    }
    for order in [None, Some(DateOrder::DayFirst), Some(DateOrder::MonthFirst)] {
        let rules = DateRules {
            order,
            today: time::macros::date!(2026 - 11 - 28),
        };
        if let Ok(day) = date(value, rules) {
            assert_eq!(date(&day.to_string(), rules), Ok(day), "{value}");
        }
    }
    if let Ok(digits) = account(value) {
        assert_eq!(account(&digits).as_ref(), Ok(&digits), "{value}");
    }
    let _ = (language(value), text(value), name(value), shape(value));
});
