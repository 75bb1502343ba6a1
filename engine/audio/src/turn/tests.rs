//! Each test draws voice activity as text: `#` is a frame of speech, `.` a frame without.

use super::*;

const SETTINGS: TurnSettings = TurnSettings {
    onset_ms: 96,
    end_silence_ms: 160,
    max_turn_ms: 1_600,
};

fn push_all(detector: &mut TurnDetector, drawing: &str, from_ms: u64) -> Vec<(u64, TurnEvent)> {
    let frames = drawing.chars().map(|c| VoiceFrame {
        speech: c == '#',
        probability: if c == '#' { 0.9 } else { 0.1 },
    });
    (1..)
        .zip(frames)
        .map(|(n, frame)| (from_ms + n * 16, frame))
        .filter_map(|(at, frame)| Some((at, detector.push(frame, at)?)))
        .collect()
}

fn events(settings: TurnSettings, drawing: &str) -> Vec<TurnEvent> {
    push_all(&mut TurnDetector::new(settings), drawing, 0)
        .into_iter()
        .map(|(_, event)| event)
        .collect()
}

#[test]
fn a_turn_is_reported_with_the_times_of_its_speech() {
    let reported = push_all(
        &mut TurnDetector::new(SETTINGS),
        "....##########..........",
        1_000,
    );
    assert_eq!(
        reported,
        [
            (1_000 + 160, TurnEvent::Began { at_ms: 1_000 + 64 }),
            (1_000 + 384, TurnEvent::Ended { at_ms: 1_000 + 224 })
        ]
    );
}

#[test]
fn a_click_does_not_begin_a_turn() {
    assert_eq!(events(SETTINGS, "..###....................."), []);
}

#[test]
fn clicks_far_apart_do_not_add_up() {
    assert_eq!(events(SETTINGS, &"###......".repeat(20)), []);
}

#[test]
fn a_gap_inside_a_word_does_not_start_the_onset_anew() {
    // "st-op it": 4 frames, a stop of 2, 3 frames
    assert_eq!(
        events(SETTINGS, "####..###"),
        [TurnEvent::Began { at_ms: 0 }]
    );
}

#[test]
fn a_longer_onset_lets_a_short_word_pass_without_interrupting() {
    let barge_in = TurnSettings {
        onset_ms: 240,
        ..SETTINGS
    };
    assert_eq!(events(barge_in, "..########....................."), []);
    assert_eq!(
        events(barge_in, "..###############"),
        [TurnEvent::Began { at_ms: 32 }]
    );
}

#[test]
fn a_pause_shorter_than_the_end_silence_stays_within_the_turn() {
    assert_eq!(
        events(SETTINGS, "########.........########"),
        [TurnEvent::Began { at_ms: 0 }]
    );
}

#[test]
fn a_click_in_the_closing_silence_does_not_put_off_the_end() {
    let reported = push_all(&mut TurnDetector::new(SETTINGS), "########.....##.....", 0);
    assert_eq!(
        reported.last(),
        Some(&(16 * 18, TurnEvent::Ended { at_ms: 128 }))
    );
}

#[test]
fn a_caller_who_resumes_at_the_last_moment_is_not_cut_off() {
    // the silence would be complete with the tenth frame, which is speech
    assert_eq!(
        events(SETTINGS, "########.........#######........."),
        [TurnEvent::Began { at_ms: 0 }]
    );
}

#[test]
fn the_end_silence_can_be_shortened_within_the_turn() {
    let mut detector = TurnDetector::new(SETTINGS);
    push_all(&mut detector, "########......", 0);
    assert!(detector.is_speaking());
    detector.set_end_silence_ms(80);
    assert_eq!(
        push_all(&mut detector, ".", 224),
        [(240, TurnEvent::Ended { at_ms: 128 })]
    );
    assert!(!detector.is_speaking());
}

#[test]
fn a_turn_without_end_is_too_long_once_and_then_wants_a_silence() {
    let mut detector = TurnDetector::new(SETTINGS);
    let endless = push_all(&mut detector, &"#".repeat(500), 0);
    assert_eq!(
        endless,
        [
            (96, TurnEvent::Began { at_ms: 0 }),
            (1_600, TurnEvent::TooLong)
        ]
    );
    let after = push_all(&mut detector, "..........######", 8_000);
    assert_eq!(after, [(8_256, TurnEvent::Began { at_ms: 8_160 })]);
}

#[test]
fn a_burst_of_delayed_media_makes_no_turn_shorter_or_longer() {
    let mut detector = TurnDetector::new(SETTINGS);
    let speech = VoiceFrame {
        speech: true,
        probability: 0.9,
    };
    let none = VoiceFrame {
        speech: false,
        probability: 0.1,
    };
    let began: Vec<_> = (0..6)
        .filter_map(|_| detector.push(speech, 5_000))
        .collect();
    assert_eq!(began, [TurnEvent::Began { at_ms: 4_984 }]);
    // a second passes without media, then nine frames of silence arrive at once: 144 ms, no end
    assert!((0..9).all(|_| detector.push(none, 6_000).is_none()));
    assert_eq!(
        detector.push(none, 6_000),
        Some(TurnEvent::Ended { at_ms: 5_000 })
    );
}

#[test]
fn a_turn_ends_also_when_the_network_stops_sending() {
    let mut detector = TurnDetector::new(SETTINGS);
    push_all(&mut detector, "########", 0);
    assert_eq!(detector.stalled(100, 228), None);
    assert_eq!(
        detector.stalled(60, 288),
        Some(TurnEvent::Ended { at_ms: 128 })
    );
}

#[test]
fn a_reset_detector_reports_nothing_of_the_turn_before() {
    let mut detector = TurnDetector::new(SETTINGS);
    push_all(&mut detector, "########", 0);
    detector.reset();
    assert_eq!(push_all(&mut detector, "....................", 128), []);
    assert_eq!(
        push_all(&mut detector, "#####.......", 448),
        [],
        "the count of the onset starts anew"
    );
}

#[test]
fn speech_is_counted_and_not_the_time_since_its_beginning() {
    let mut detector = TurnDetector::new(SETTINGS);
    // 96 ms of speech, 128 of none, 48 of speech
    push_all(&mut detector, "######........###", 0);
    assert!(detector.is_speaking());
    assert_eq!(detector.voiced_ms(), 9 * 16);
    push_all(&mut detector, "..........", 272);
    assert_eq!(
        (detector.is_speaking(), detector.voiced_ms()),
        (false, 9 * 16),
        "stays until the next turn"
    );
    push_all(&mut detector, "..........######", 432);
    assert_eq!(detector.voiced_ms(), 6 * 16);
    detector.reset();
    assert_eq!(detector.voiced_ms(), 0);
}

#[test]
fn what_lingers_after_speech_is_neither_speech_nor_silence() {
    let mut detector = TurnDetector::new(SETTINGS);
    push_all(&mut detector, "######", 0);
    assert!((7..=16).all(|n| detector.push_trailing(n * 16).is_none()));
    assert_eq!(detector.voiced_ms(), 6 * 16);
    // the silence of 160 ms starts only now; the speech ended before the release
    let reported = push_all(&mut detector, "..........", 256);
    assert_eq!(reported, [(416, TurnEvent::Ended { at_ms: 96 })]);
}

#[test]
fn what_lingers_begins_no_turn_and_does_not_prolong_one_without_end() {
    let mut detector = TurnDetector::new(SETTINGS);
    push_all(&mut detector, "###", 0);
    assert!((4..=40).all(|n| detector.push_trailing(n * 16).is_none()));
    assert!(!detector.is_speaking());
    push_all(&mut detector, "######", 640);
    let events: Vec<_> = (47..=200)
        .filter_map(|n| detector.push_trailing(n * 16))
        .collect();
    assert_eq!(events, [TurnEvent::TooLong]);
}
