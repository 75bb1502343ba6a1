//! A network that returns no marks, or returns them late.

use super::bench::{Bench, spoken};
use crate::machine::Command;

/// A prompt of a second was said, and 4 s have passed without its mark.
fn without_marks() -> Bench {
    let mut bench = Bench::new();
    bench.return_marks = false;
    bench.command(Command::Say(spoken("one")));
    bench.pass(4_000);
    assert!(bench.happened("ended one Assumed").is_some());
    assert_eq!(
        bench.happened("no marks"),
        None,
        "they may be late: {:#?}",
        bench.log
    );
    bench
}

#[test]
fn marks_that_are_late_are_not_reported_as_missing() {
    let mut bench = without_marks();
    bench.return_marks = true;
    bench.command(Command::Say(spoken("two")));
    bench.pass(20_000);
    bench.machine.end(bench.now_ms);
    bench.settle();
    assert_eq!(bench.happened("no marks"), None, "{:#?}", bench.log);
}

#[test]
fn marks_that_are_missing_for_long_are_reported_once() {
    let mut bench = without_marks();
    bench.pass(10_000);
    let reported_ms = bench.happened("no marks").expect("it was reported");
    assert!((12_000..14_000).contains(&reported_ms), "{reported_ms}");
    bench.machine.end(bench.now_ms);
    bench.settle();
    let reports = bench.log.iter().filter(|line| line.ends_with("no marks"));
    assert_eq!(reports.count(), 1);
}

#[test]
fn marks_that_are_missing_until_the_end_of_a_short_call_are_reported_then() {
    let mut bench = without_marks();
    bench.machine.end(bench.now_ms);
    bench.settle();
    assert_eq!(bench.happened("no marks"), Some(bench.now_ms));
}
