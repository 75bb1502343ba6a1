//! The EMI reminder, read from top to bottom: greeting, identity, the instalment, the transfer
//! question.
//!
//! What is said is in `prompts/`, what is asked in `flow.toml`. Before the identity is established
//! not one word is said about the loan; the manifest makes the host hold to that as well. A caller
//! who hangs up ends the script at the next `?`.

use std::collections::BTreeMap;

use script::Script;
use script::bindings::ghanti::dialog::types::{Date, Error, Value};
use script::bindings::ghanti::dialog::{call, customer, runtime, speech};
use script::bindings::{Description, Guest};

/// How often the details are repeated at the transfer question.
const REPEATED_AT_MOST: usize = 3;

struct EmiReminder;

impl Guest for EmiReminder {
    fn describe() -> Description {
        Description {
            name: "emi-reminder".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    fn run() -> Result<(), Error> {
        let mut script = Script::default();
        for setting in ["caller", "lender", "bot-name"] {
            script.know_setting(setting)?;
        }
        let record: BTreeMap<String, Value> = customer::all()?.into_iter().collect();
        if let Some(Value::Text(language)) = record.get("language") {
            // in a language without prompts the call goes on in the default one
            match call::set_language(language) {
                Err(Error::Invalid(_)) => {}
                set => set?,
            }
        }
        let due = match know_instalment(&mut script, &record) {
            Ok(due) => due,
            Err(lacking) => {
                runtime::log(
                    runtime::Level::Error,
                    &format!(
                        "the customer's record cannot be used, {lacking}: fix it and call again"
                    ),
                );
                return script.end("incomplete-data", Some(&lacking), "apology-incomplete-data");
            }
        };
        let details = if is_before(due, runtime::now().date) {
            "emi-details-overdue"
        } else {
            "emi-details"
        };

        match script.ask("identity")?.as_str() {
            "yes" => call::establish("identity")?,
            "no" => return script.end("wrong-person", None, "apology-wrong-person"),
            "no-input" => {
                return script.end(
                    "no-answer",
                    Some("silence at the identity question"),
                    "goodbye-no-answer",
                );
            }
            answer if ends(&script, answer)? => return Ok(()),
            _ => {
                return script.end(
                    "unclear",
                    Some("at the identity question"),
                    "goodbye-unclear",
                );
            }
        }

        // silence is no answer to these, but consent to go on
        for question in [details, "disclosure"] {
            match script.ask(question)?.as_str() {
                "agent" => return connect(&script),
                answer if ends(&script, answer)? => return Ok(()),
                _ => {}
            }
        }

        let mut wanted = ask_transfer(&script, details);
        if matches!(wanted, Err(Error::Refused(_))) {
            // the network has not confirmed that the disclosure was heard: it is said once more
            script.say("disclosure")?;
            wanted = ask_transfer(&script, details);
        }
        match wanted {
            Err(Error::Refused(_)) => script.end(
                "unclear",
                Some("the disclosure is not known to have been heard"),
                "goodbye-unclear",
            ),
            Err(error) => Err(error),
            Ok(answer) => match answer.as_str() {
                "yes" | "agent" => connect(&script),
                "no" => script.end("declined", None, "goodbye-declined"),
                "no-input" => script.end(
                    "no-answer",
                    Some("silence at the transfer question"),
                    "goodbye-no-answer",
                ),
                answer if ends(&script, answer)? => Ok(()),
                _ if runtime::setting("unclear").as_deref() == Some("goodbye") => unclear(&script),
                _ => connect(&script),
            },
        }
    }
}

/// Asks whether an agent shall help, and repeats the details to who wants to hear them again.
fn ask_transfer(script: &Script, details: &str) -> Result<String, Error> {
    for _ in 0..REPEATED_AT_MOST {
        let answer = script.ask("transfer")?;
        if answer != "repeat" {
            return Ok(answer);
        }
        script.say(details)?;
    }
    let answer = script.ask("transfer")?;
    Ok(if answer == "repeat" {
        "no-match".to_owned()
    } else {
        answer
    })
}

/// Ends the call where the caller's wish does so at any question.
fn ends(script: &Script, answer: &str) -> Result<bool, Error> {
    let (disposition, template) = match answer {
        "wrong-person" => ("wrong-person", "apology-wrong-person"),
        "later" => ("call-later", "goodbye-call-later"),
        "do-not-call" => ("do-not-call", "goodbye-do-not-call"),
        "stop" => ("declined", "goodbye-declined"),
        _ => return Ok(false),
    };
    script.end(disposition, None, template).map(|()| true)
}

/// Sends the caller to an agent, as far as the engine lets the flow: nobody is connected whose
/// answer was not understood and who may be anyone.
fn connect(script: &Script) -> Result<(), Error> {
    match call::transfer(None, None) {
        Err(Error::Refused(_)) => return unclear(script),
        decided => decided?,
    }
    script.say("please-wait")?;
    speech::drain()?;
    call::outcome("transferred", None)
}

fn unclear(script: &Script) -> Result<(), Error> {
    script.end(
        "unclear",
        Some("at the transfer question"),
        "goodbye-unclear",
    )
}

/// Takes what the templates say from the customer's record, and returns the day the instalment is
/// due; or says which fields are missing or unreadable, by name, because values are personal.
fn know_instalment(script: &mut Script, record: &BTreeMap<String, Value>) -> Result<Date, String> {
    let digits = match record.get("loan") {
        Some(Value::Text(account)) => last_four(account),
        _ => None,
    };
    let (name, amount, due) = (
        record.get("name"),
        record.get("amount"),
        record.get("due-date"),
    );
    match (name, digits, amount, due) {
        (
            Some(name @ Value::Text(_)),
            Some(digits),
            Some(amount @ Value::Money(_)),
            Some(Value::Date(due)),
        ) => {
            script.know("name", name.clone());
            script.know("loan-digits", Value::Digits(digits));
            script.know("amount", amount.clone());
            script.know("due-date", Value::Date(*due));
            Ok(*due)
        }
        (name, digits, amount, due) => {
            let found = [
                ("name", name.is_some()),
                ("loan", digits.is_some()),
                ("amount", amount.is_some()),
                ("due-date", due.is_some()),
            ];
            let lacking: Vec<&str> = found
                .iter()
                .filter(|(_, found)| !found)
                .map(|(field, _)| *field)
                .collect();
            Err(format!("missing or unreadable: {}", lacking.join(", ")))
        }
    }
}

/// The last four of a loan account's digits.
fn last_four(account: &str) -> Option<String> {
    let digits: String = account.chars().filter(char::is_ascii_digit).collect();
    digits
        .get(digits.len().checked_sub(4)?..)
        .map(str::to_owned)
}

fn is_before(day: Date, other: Date) -> bool {
    (day.year, day.month, day.day) < (other.year, other.month, other.day)
}

#[allow(unsafe_code, reason = "generated from the contract")]
mod exports {
    use super::EmiReminder;
    script::bindings::export!(EmiReminder);
}
