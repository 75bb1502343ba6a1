//! What the logs of all those calls hold, and what they must not.

use crate::evening::evening;

const STEPS: [&str; 9] = [
    "Triggered",
    "PassthruReceived",
    "StreamConnected",
    "CustomerLoaded",
    "Greeting",
    "Listening",
    "EmiDelivered",
    "TransferAsked",
    "Completed",
];

#[test]
fn the_application_log_has_the_nine_steps_of_a_call_in_their_order() {
    let call = format!(
        "call={}",
        evening().call("agrees").record["call_id"].as_str().unwrap()
    );
    let lines = evening()
        .application_log
        .lines()
        .filter(|line| line.contains(&call));
    let steps: Vec<_> = lines
        .filter_map(|line| line.split_once(" step=")?.1.split_whitespace().next())
        .collect();
    assert_eq!(steps, STEPS);
}

#[test]
fn the_websocket_log_reports_every_stream() {
    let log = &evening().websocket_log;
    let reported = |word: &str| log.lines().filter(|line| line.contains(word)).count();
    let streams = evening().calls.len() + 1;
    assert_eq!(
        (reported("opened"), reported("closed")),
        (streams, streams),
        "{log}"
    );
    assert!(
        !evening().application_log.contains("ghanti::websocket"),
        "one log for each"
    );
}

/// Everything personal of every call, in all spellings that were in use.
fn personal() -> Vec<String> {
    let mut personal: Vec<String> = ["00478213", "478213", "12,500", "12500", "8000000001"]
        .map(str::to_owned)
        .to_vec();
    for call in &evening().calls {
        let customer = &call.scenario["customer"];
        let phone = customer["phone"].as_str().unwrap();
        personal.push(phone.trim_start_matches("+91").to_owned());
        let name = customer["fields"]["name"].as_str().unwrap();
        personal.extend(name.split_whitespace().map(str::to_owned));
        for line in call.record["transcript"].as_array().unwrap() {
            let text = line["text"].as_str().unwrap();
            // A key or a single word may be anywhere in a log; more is somebody's sentence.
            if text.contains(' ') {
                personal.extend(
                    text.split(['.', '?', ',', ':'])
                        .map(|part| part.trim().to_owned())
                        .filter(|part| part.contains(' ')),
                );
            }
        }
    }
    personal.sort();
    personal.dedup();
    personal
}

/// Whether a log shows a text. A few digits may stand by chance within the microseconds of a time:
/// as a number of their own they do not.
fn shows(log: &str, text: &str) -> bool {
    let is_short_number = text.len() < 8 && text.chars().all(|letter| letter.is_ascii_digit());
    if is_short_number {
        log.split(|letter: char| !letter.is_ascii_digit())
            .any(|number| number == text)
    } else {
        log.contains(text)
    }
}

#[test]
fn no_number_digits_name_or_word_of_a_caller_reaches_a_log() {
    let logs = evening().logs.to_lowercase();
    let personal = personal();
    assert!(
        personal.len() > 40,
        "there is something to look for: {personal:?}"
    );
    let leaks: Vec<_> = personal
        .iter()
        .filter(|text| shows(&logs, &text.to_lowercase()))
        .collect();
    let lines: Vec<_> = leaks
        .iter()
        .filter_map(|text| {
            logs.lines()
                .find(|line| line.contains(&text.to_lowercase()))
        })
        .collect();
    assert!(leaks.is_empty(), "{leaks:?} in\n{}", lines.join("\n"));
}

#[test]
fn what_a_caller_said_and_pressed_is_logged_by_its_length() {
    let log = &evening().application_log;
    for reported in ["caller said", "caller pressed keys"] {
        assert!(
            log.lines()
                .any(|line| line.contains(reported) && line.contains(" characters›")),
            "`{reported}` is not in the log"
        );
    }
}
