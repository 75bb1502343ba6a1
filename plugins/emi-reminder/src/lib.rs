//! The EMI reminder, read from top to bottom: greeting, identity, the instalment, the transfer
//! question.
//!
//! Before the identity is established not one word is said about the loan; the manifest makes the
//! host hold to that as well. A caller who hangs up ends the script at the next `?`.

mod repertoire;

use lender_record::{Day, Fields, Instalment};
use repertoire::REPERTOIRE;
use script::bindings::ghanti::dialog::types::{Date, Error, Money, Value};
use script::bindings::ghanti::dialog::{call, customer, runtime, speech};
use script::bindings::{Description, Guest};
use script::{Question, Script};

const IDENTITY: Question<'_> = Question {
    name: "identity",
    opening: "greeting",
    choices: "yes=1 no=2 who repeat agent wrong-person later do-not-call stop",
    confirms: true,
    no_input_ms: 5_000,
    no_input: &["identity-no-input", "identity-no-input"],
    no_match: &["identity-no-match", "identity-no-match"],
    asked_back: &[
        ("who", Some("who-is-calling"), "identity-again"),
        ("repeat", None, "greeting"),
        ("agent", Some("identity-before-agent"), "identity-again"),
    ],
};

const TRANSFER: Question<'_> = Question {
    name: "transfer",
    opening: "transfer-question",
    choices: "yes=1 no=2 repeat=3 agent=9 who wrong-person later do-not-call stop",
    confirms: false,
    no_input_ms: 7_000,
    no_input: &["transfer-no-input"],
    no_match: &["transfer-no-match"],
    asked_back: &[], // how the details are repeated depends on the day
};

/// Says a template to a caller who may stop it by a wish. Silence is no answer here, but consent to
/// go on.
fn spoken_to(template: &str) -> Question<'_> {
    Question {
        name: template,
        opening: template,
        choices: "agent=9 wrong-person later do-not-call stop",
        confirms: false,
        no_input_ms: 500,
        no_input: &[],
        no_match: &[],
        asked_back: &[],
    }
}

struct EmiReminder;

impl Guest for EmiReminder {
    fn describe() -> Description {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        Description {
            name: "emi-reminder".to_owned(),
            version,
            languages: REPERTOIRE.languages(),
            templates: REPERTOIRE.templates(),
        }
    }

    fn run() -> Result<(), Error> {
        let fields: Fields = customer::fields()?.into_iter().collect();
        let mut script = Script::begin(
            REPERTOIRE,
            fields.get("language").map_or("", String::as_str),
        )?;
        ["caller", "lender", "bot-name"]
            .iter()
            .try_for_each(|name| script.know_setting(name))?;

        let instalment = match Instalment::read(&fields) {
            Ok(instalment) => instalment,
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
        let now = runtime::now();
        let is_overdue =
            Day::of(now.unix_ms, now.offset_minutes).is_some_and(|today| instalment.due < today);
        let details = if is_overdue {
            "emi-details-overdue"
        } else {
            "emi-details"
        };
        know(&mut script, instalment);

        match script.ask(&IDENTITY)?.as_str() {
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

        for told in [details, "disclosure"] {
            match script.ask(&spoken_to(told))?.as_str() {
                "agent" => return connect(&script),
                answer if ends(&script, answer)? => return Ok(()),
                _ => {}
            }
        }

        let asked_back = [
            ("repeat", Some(details), "transfer-question"),
            ("who", Some("who-we-are"), "transfer-question"),
        ];
        let transfer = Question {
            asked_back: &asked_back,
            ..TRANSFER
        };
        let mut wanted = script.ask(&transfer);
        if matches!(wanted, Err(Error::Refused(_))) {
            // the network has not confirmed that the disclosure was heard: it is said once more
            script.say("disclosure")?;
            wanted = script.ask(&transfer);
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
    match call::transfer(None) {
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

fn know(script: &mut Script, instalment: Instalment) {
    let Day { year, month, day } = instalment.due;
    script.know("name", Value::Text(instalment.name));
    script.know("loan-digits", Value::Digits(instalment.loan_digits));
    script.know(
        "amount",
        Value::Money(Money {
            minor: instalment.amount_paise,
            currency: "INR".to_owned(),
        }),
    );
    script.know("due-date", Value::Date(Date { year, month, day }));
}

#[allow(unsafe_code, reason = "generated from the contract")]
mod exports {
    use super::EmiReminder;
    script::bindings::export!(EmiReminder);
}
