//! Table-like tests of audio sent and marks returned. At 8 kHz, 800 samples are 100 ms.

use super::*;

const FRAME: usize = 800;

/// A clock on which `frames` frames of 100 ms were sent at `at_ms`.
fn sent_at(at_ms: u64, frames: usize) -> PlayoutClock {
    let mut clock = PlayoutClock::new(8_000);
    for _ in 0..frames {
        clock.sent(at_ms, FRAME);
    }
    clock
}

#[test]
fn audio_sent_faster_than_real_time_is_buffered_and_played_in_order() {
    let mut clock = PlayoutClock::new(8_000);
    assert_eq!(clock.sent(1_000, FRAME), 1_000);
    assert_eq!(clock.sent(1_000, FRAME), 1_100);
    assert_eq!(clock.sent(1_050, FRAME), 1_200);
    assert_eq!((clock.lead_ms(1_050), clock.position_ms(1_050)), (250, 50));
    assert_eq!((clock.lead_ms(1_300), clock.position_ms(1_300)), (0, 300));
    assert_eq!(clock.position_ms(9_000), 300);
}

#[test]
fn a_gap_in_sending_is_a_gap_in_playing() {
    let mut clock = sent_at(1_000, 1);
    assert_eq!(clock.sent(5_000, FRAME), 5_000);
    assert_eq!(clock.position_ms(4_999), 100);
    assert_eq!(clock.position_ms(5_050), 150);
    assert_eq!(clock.lead_ms(5_050), 50);
}

#[test]
fn frames_of_fractions_of_a_millisecond_do_not_drift() {
    let mut clock = PlayoutClock::new(24_000);
    for _ in 0..3_000 {
        // 320 bytes at 24 kHz: 6.67 ms
        clock.sent(0, 160);
    }
    assert_eq!((clock.sent_ms(), clock.lead_ms(0)), (20_000, 20_000));
}

#[test]
fn clear_drops_what_is_unplayed_and_says_how_much() {
    let mut clock = sent_at(1_000, 4);
    assert_eq!(clock.cleared(1_150), 250);
    assert_eq!(
        (
            clock.lead_ms(1_150),
            clock.position_ms(2_000),
            clock.sent_ms()
        ),
        (0, 150, 150)
    );
    assert_eq!(clock.sent(1_200, FRAME), 1_200);
    assert_eq!(clock.position_ms(1_250), 200);
    assert_eq!(clock.cleared(9_000), 0, "nothing is left to drop");
}

#[test]
fn a_mark_is_due_when_what_was_sent_before_it_has_been_played() {
    let mut clock = sent_at(1_000, 3);
    clock.mark("greeting", 1_000).unwrap();
    clock.sent(1_000, FRAME);
    assert_eq!(clock.due_ms("greeting"), Some(1_300));
    assert_eq!(clock.mark_returned("greeting", 1_300), ["greeting"]);
    assert_eq!(clock.due_ms("greeting"), None);
}

#[test]
fn a_mark_behind_nothing_is_due_at_once() {
    let mut clock = sent_at(1_000, 1);
    clock.mark("late", 9_000).unwrap();
    assert_eq!(clock.due_ms("late"), Some(9_000));
    assert_eq!(clock.overdue_at_ms(), Some(9_000 + MARK_GRACE_MS));
}

#[test]
fn a_late_mark_puts_back_what_was_heard_but_not_the_pacing() {
    let mut clock = sent_at(1_000, 5);
    clock.mark("a", 1_000).unwrap();
    clock.sent(1_000, 5 * FRAME);
    clock.mark("b", 1_000).unwrap();
    // due at 1,500, returns at 1,700: the path takes 200 ms
    clock.mark_returned("a", 1_700);
    assert_eq!(clock.position_ms(1_700), 500);
    assert_eq!(clock.position_ms(1_800), 600);
    assert_eq!(clock.lead_ms(1_700), 300);
    assert_eq!(clock.due_ms("b"), Some(2_200));
}

#[test]
fn lag_reaches_back_across_a_gap_in_sending() {
    let mut clock = sent_at(1_000, 5);
    clock.mark("a", 1_000).unwrap();
    clock.mark_returned("a", 1_800);
    clock.sent(2_000, 5 * FRAME);
    clock.sent(2_600, FRAME);
    // 300 ms ago, at 2,350, the second run was in its 350th millisecond
    assert_eq!(clock.position_ms(2_650), 850);
}

#[test]
fn a_mark_a_second_late_is_late_by_itself() {
    let mut clock = sent_at(1_000, 5);
    clock.mark("a", 1_000).unwrap();
    clock.sent(1_000, 20 * FRAME);
    clock.mark_returned("a", 2_500);
    assert_eq!(
        clock.position_ms(2_500),
        1_000,
        "put back by half a second at most"
    );
}

#[test]
fn an_early_mark_moves_the_clock_and_all_later_marks_forward() {
    let mut clock = sent_at(1_000, 5);
    clock.mark("a", 1_000).unwrap();
    clock.sent(1_000, 5 * FRAME);
    clock.mark("b", 1_000).unwrap();
    assert_eq!(clock.mark_returned("a", 1_300), ["a"]);
    assert_eq!(clock.position_ms(1_300), 500);
    assert_eq!(clock.lead_ms(1_300), 500);
    assert_eq!(clock.due_ms("b"), Some(1_800));
    assert_eq!(clock.position_ms(5_000), 1_000);
}

#[test]
fn a_mark_speaks_for_those_before_it() {
    let mut clock = sent_at(1_000, 1);
    clock.mark("a", 1_000).unwrap();
    clock.sent(1_000, FRAME);
    clock.mark("b", 1_000).unwrap();
    assert_eq!(clock.mark_returned("b", 1_200), ["a", "b"]);
    assert!(clock.mark_returned("a", 1_250).is_empty());
}

#[test]
fn unknown_and_repeated_marks_change_nothing() {
    let mut clock = sent_at(1_000, 3);
    clock.mark("a", 1_000).unwrap();
    clock.sent(1_000, 5 * FRAME);
    clock.mark_returned("a", 1_300);
    let before = (clock.position_ms(1_400), clock.lead_ms(1_400));
    assert!(clock.mark_returned("a", 1_350).is_empty());
    assert!(clock.mark_returned("of another call", 1_350).is_empty());
    assert_eq!((clock.position_ms(1_400), clock.lead_ms(1_400)), before);
}

#[test]
fn clear_forgets_the_marks_of_unplayed_audio_only() {
    let mut clock = sent_at(1_000, 1);
    clock.mark("heard", 1_000).unwrap();
    clock.sent(1_000, 5 * FRAME);
    clock.mark("cleared", 1_000).unwrap();
    clock.cleared(1_150);
    assert!(clock.mark_returned("cleared", 1_160).is_empty());
    // its audio was played; the mark was still on its way
    assert_eq!(clock.mark_returned("heard", 1_180), ["heard"]);
}

#[test]
fn what_a_mark_confirmed_is_not_taken_back() {
    let mut clock = sent_at(1_000, 5);
    clock.mark("a", 1_000).unwrap();
    clock.mark_returned("a", 1_100);
    clock.sent(1_100, 5 * FRAME);
    clock.mark("b", 1_100).unwrap();
    clock.mark_returned("b", 2_400);
    assert_eq!(clock.position_ms(2_400), 1_000);
    assert_eq!(clock.cleared(2_400), 0);
}

#[test]
fn a_mark_that_never_comes_is_given_up_after_the_grace() {
    let mut clock = sent_at(1_000, 1);
    clock.mark("a", 1_000).unwrap();
    clock.mark("b", 1_000).unwrap();
    let overdue_at_ms = clock.overdue_at_ms().unwrap();
    assert_eq!(overdue_at_ms, 1_100 + MARK_GRACE_MS);
    assert_eq!(clock.take_overdue(overdue_at_ms - 1), None);
    assert_eq!(clock.take_overdue(overdue_at_ms).as_deref(), Some("a"));
    assert_eq!(clock.take_overdue(overdue_at_ms).as_deref(), Some("b"));
    assert_eq!(
        (clock.take_overdue(overdue_at_ms), clock.overdue_at_ms()),
        (None, None)
    );
    assert!(clock.mark_returned("a", overdue_at_ms + 10).is_empty());
}

#[test]
fn marks_are_bounded() {
    let mut clock = sent_at(1_000, 1);
    for n in 0..MAX_MARKS {
        clock.mark(n.to_string(), 1_000).unwrap();
    }
    assert_eq!(
        clock.mark("one more", 1_000),
        Err(MarksFull {
            name: "one more".into()
        })
    );
    clock.mark_returned("0", 1_100);
    clock.mark("one more", 1_100).unwrap();
    assert_eq!(clock.outstanding_marks(), MAX_MARKS);
}

#[test]
fn the_invariants_hold_whatever_happens() {
    let mut state = 42_u64;
    let mut dice = |sides: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % sides
    };
    for _ in 0..200 {
        let mut clock = PlayoutClock::new(if dice(2) == 0 { 8_000 } else { 24_000 });
        let (mut now_ms, mut confirmed_ms, mut marks) = (dice(10_000), 0, 0);
        for _ in 0..300 {
            now_ms += dice(120);
            match dice(6) {
                0..=2 => drop(clock.sent(now_ms, 160 * (1 + dice(20) as usize))),
                3 => {
                    clock.mark(marks.to_string(), now_ms).unwrap();
                    marks += 1;
                }
                4 => {
                    let name = dice(marks + 1).to_string();
                    if !clock.mark_returned(&name, now_ms).is_empty() {
                        confirmed_ms = confirmed_ms.max(clock.duration_ms(clock.confirmed_samples));
                    }
                }
                _ if dice(4) == 0 => {
                    let before_ms = clock.sent_ms();
                    let dropped_ms = clock.cleared(now_ms);
                    assert!((clock.sent_ms() + dropped_ms).abs_diff(before_ms) <= 1);
                    assert!(clock.lead_ms(now_ms) <= 1);
                }
                _ => drop(clock.take_overdue(now_ms)),
            }
            let position_ms = clock.position_ms(now_ms);
            assert!(confirmed_ms <= position_ms && position_ms <= clock.sent_ms());
            assert!(clock.position_ms(now_ms + 50) >= position_ms);
            assert_eq!(clock.position_ms(now_ms + 600_000), clock.sent_ms());
            assert!(
                clock
                    .marks
                    .iter()
                    .zip(clock.marks.iter().skip(1))
                    .all(|(a, b)| a.due_ms <= b.due_ms)
            );
        }
    }
}
