//! Checks whether a call went as its scenario expects, with one sentence for each thing that did
//! not.

use ghanti_model::{CallRecord, CallState, PhoneNumber, Speaker};

use crate::conversation::Played;
use crate::fault::WireFault;
use crate::scenario::Scenario;

/// Everything that is wrong with a call; empty if it went as expected.
pub fn complaints(
    scenario: &Scenario,
    record: Option<&CallRecord>,
    played: Option<&Played>,
    agent: Option<&PhoneNumber>,
    faults: &[WireFault],
    bot_words: &[String],
) -> Vec<String> {
    let mut complaints: Vec<String> = faults.iter().map(ToString::to_string).collect();
    match played {
        None => complaints.push("there was no stream".to_owned()),
        Some(played) if played.out_of_time => {
            complaints.push(format!(
                "the call had not ended after {} s: the caller hung up",
                scenario.max_seconds
            ));
        }
        Some(played) if played.steps_left > 0 => {
            complaints.push(format!(
                "the call ended before the caller's last {} steps were due",
                played.steps_left
            ));
        }
        Some(_) => {}
    }
    match (scenario.expects_agent(), agent) {
        (true, None) => complaints.push("Connect was given no agent's number".to_owned()),
        (false, Some(_)) => complaints.push("Connect was given an agent's number".to_owned()),
        _ => {}
    }
    match record {
        None => complaints.push("the engine has no record of the call".to_owned()),
        Some(record) => complaints.extend(of_record(scenario, record, bot_words)),
    }
    complaints
}

/// Everything that is wrong with the record of a call; empty if it is as expected.
pub fn of_record(scenario: &Scenario, record: &CallRecord, bot_words: &[String]) -> Vec<String> {
    let mut complaints = Vec::new();
    if record.state != CallState::Ended {
        complaints.push("the call's record was not closed".to_owned());
    }
    let outcome = record.outcome.as_deref().unwrap_or("none");
    if outcome != scenario.expect {
        complaints.push(format!(
            "the outcome is `{outcome}`, not `{}`",
            scenario.expect
        ));
    }
    let lines = || {
        record
            .transcript
            .iter()
            .filter(|line| line.speaker == Speaker::Bot)
    };
    let said: Vec<&str> = lines().map(|line| line.text.expose()).collect();
    let wanted = &scenario.expect_transcript;
    for phrase in wanted
        .bot_says
        .iter()
        .filter(|phrase| !said.iter().any(|text| says(text, phrase)))
    {
        complaints.push(format!("the bot never said “{phrase}”"));
    }
    for phrase in &wanted.bot_never_says {
        if said.iter().any(|text| says(text, phrase)) {
            complaints.push(format!("the bot said “{phrase}”, by the transcript"));
        }
        if bot_words.iter().any(|text| says(text, phrase)) {
            complaints.push(format!("the bot said “{phrase}”, by the recogniser"));
        }
    }
    let mut templates = lines().map(|line| line.name.as_str());
    for template in &wanted.templates {
        if !templates.any(|name| name == template) {
            complaints.push(format!(
                "the template `{template}` was not spoken in the expected order"
            ));
        }
    }
    for template in wanted
        .never_templates
        .iter()
        .filter(|template| lines().any(|line| line.name == **template))
    {
        complaints.push(format!("the template `{template}` was spoken"));
    }
    complaints
}

/// Whether a text contains a phrase, on word boundaries and ignoring case.
fn says(text: &str, phrase: &str) -> bool {
    let (text, phrase) = (text.to_lowercase(), phrase.to_lowercase());
    text.match_indices(&phrase).any(|(at, found)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let after = text
            .get(at + found.len()..)
            .and_then(|after| after.chars().next());
        ![before, after]
            .into_iter()
            .flatten()
            .any(char::is_alphanumeric)
    })
}

#[cfg(test)]
mod tests {
    use ghanti_model::{CallId, Language, Line, Masked};

    use super::*;

    const SCENARIO: &str = "title = \"t\"\nexpect = \"declined\"\n[customer]\nphone = \"+919876500001\"\n[expect-transcript]\n\
        bot-says = [\"good morning\"]\nbot-never-says = [\"loan\"]\ntemplates = [\"greeting\", \"goodbye\"]\nnever-templates = [\"emi\"]\n";

    fn record(outcome: &str, lines: &[(&str, &str)]) -> CallRecord {
        let line = |(at_ms, (name, text)): (u64, &(&str, &str))| Line {
            at_ms,
            lasted_ms: 0,
            speaker: Speaker::Bot,
            text: Masked::new(*text),
            language: Language::english(),
            name: (*name).to_owned(),
            heard: None,
            confidence: None,
        };
        let mut record = CallRecord::new(CallId::generate(), 0);
        record.state = CallState::Ended;
        record.outcome = Some(outcome.to_owned());
        record.transcript = (0..).zip(lines).map(line).collect();
        record
    }

    #[test]
    fn a_call_as_expected_has_no_complaints() {
        let scenario = Scenario::parse(SCENARIO, "test").unwrap();
        let record = record(
            "declined",
            &[
                ("greeting", "Good morning!"),
                ("other", "I am alone."),
                ("goodbye", "Bye."),
            ],
        );
        assert_eq!(
            of_record(&scenario, &record, &["a loaner".to_owned()]),
            Vec::<String>::new()
        );
    }

    #[test]
    fn each_broken_expectation_is_a_complaint() {
        let scenario = Scenario::parse(SCENARIO, "test").unwrap();
        let record = record(
            "transferred",
            &[
                ("goodbye", "Bye."),
                ("greeting", "Your loan is due."),
                ("emi", "…"),
            ],
        );
        let complaints = of_record(&scenario, &record, &["about the loan".to_owned()]);
        assert_eq!(
            complaints,
            [
                "the outcome is `transferred`, not `declined`",
                "the bot never said “good morning”",
                "the bot said “loan”, by the transcript",
                "the bot said “loan”, by the recogniser",
                "the template `goodbye` was not spoken in the expected order",
                "the template `emi` was spoken",
            ]
        );
    }
}
