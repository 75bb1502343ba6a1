//! The EMI reminder, read from top to bottom: greeting, identity, the instalment, the transfer question.
//!
//! Before the identity is established not one word is said about the loan; the manifest makes the host hold to that as well.
//! A caller who hangs up ends the script at the next `?`.

mod repertoire;

use lender_record::{Day, Fields, Instalment};
use repertoire::REPERTOIRE;
use script::bindings::samvaad::dialog::types::{Date, Error, Money, Value};
use script::bindings::samvaad::dialog::{call, customer, runtime, speech};
use script::bindings::{Description, Guest};
use script::{Question, Script};

const IDENTITY: Question<'_> = Question {
    name: "identity",
    opening: "greeting",
    choices: &[("yes", Some("1")), ("no", Some("2")), ("wrong-person", None), ("who", None), ("later", None)],
    no_input_ms: 5_000,
    no_input: &["identity-no-input", "identity-no-input"],
    no_match: &["identity-no-match", "identity-no-match"],
    asked_back: ("who", "who-is-calling", "identity-again"),
};

const TRANSFER: Question<'_> = Question {
    name: "transfer",
    opening: "transfer-question",
    choices: &[("yes", Some("1")), ("no", Some("2")), ("repeat", Some("3")), ("agent", Some("9"))],
    no_input_ms: 7_000,
    no_input: &["transfer-no-input"],
    no_match: &["transfer-no-match"],
    asked_back: ("repeat", "emi-details", "transfer-question"),
};

struct EmiReminder;

impl Guest for EmiReminder {
    fn describe() -> Description {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        Description { name: "emi-reminder".to_owned(), version, languages: REPERTOIRE.languages(), templates: REPERTOIRE.templates() }
    }

    fn run() -> Result<(), Error> {
        let fields: Fields = customer::fields()?.into_iter().collect();
        let mut script = Script::begin(REPERTOIRE, fields.get("language").map_or("", String::as_str))?;
        script.know("caller", Value::Text(setting("caller")?));
        script.know("lender", Value::Text(setting("lender")?));
        script.know("bot-name", Value::Text(setting("bot-name")?));

        let instalment = match Instalment::read(&fields) {
            Ok(instalment) => instalment,
            Err(lacking) => {
                runtime::log(runtime::Level::Error, &format!("the customer's record cannot be used, {lacking}: mend it and call again"));
                return script.end("incomplete-data", Some(&lacking), "apology-incomplete-data");
            }
        };
        let now = runtime::now();
        let is_overdue = Day::of(now.unix_ms, now.offset_minutes).is_some_and(|today| instalment.due < today);
        let details = if is_overdue { "emi-details-overdue" } else { "emi-details" };
        know(&mut script, instalment);

        match script.ask(&IDENTITY)?.as_str() {
            "yes" => call::establish("identity")?,
            "no" | "wrong-person" => return script.end("wrong-person", None, "apology-wrong-person"),
            "later" => return script.end("call-later", None, "goodbye-call-later"),
            "no-input" => return script.end("no-answer", Some("silence at the identity question"), "goodbye-no-answer"),
            _ => return script.end("unclear", Some("at the identity question"), "goodbye-unclear"),
        }

        script.say(details)?;
        script.say("disclosure")?;

        let (repeat, _, again) = TRANSFER.asked_back;
        match script.ask(&Question { asked_back: (repeat, details, again), ..TRANSFER })?.as_str() {
            "no" => return script.end("declined", None, "goodbye-declined"),
            "no-input" => return script.end("no-answer", Some("silence at the transfer question"), "goodbye-no-answer"),
            "no-match" if runtime::setting("unclear").as_deref() == Some("goodbye") => {
                return script.end("unclear", Some("at the transfer question"), "goodbye-unclear");
            }
            _ => {}
        }

        script.say("please-wait")?;
        speech::drain()?;
        call::transfer(None)?;
        call::outcome("transferred", None)
    }
}

fn know(script: &mut Script, instalment: Instalment) {
    let Day { year, month, day } = instalment.due;
    script.know("name", Value::Text(instalment.name));
    script.know("loan-digits", Value::Digits(instalment.loan_digits));
    script.know("amount", Value::Money(Money { minor: instalment.amount_paise, currency: "INR".to_owned() }));
    script.know("due-date", Value::Date(Date { year, month, day }));
}

fn setting(name: &str) -> Result<String, Error> {
    runtime::setting(name).ok_or_else(|| Error::Invalid(format!("`{name}` is not set: add it to `[settings]` in flow.toml")))
}

#[allow(unsafe_code, reason = "generated from the contract")]
mod exports {
    use super::EmiReminder;
    script::bindings::export!(EmiReminder);
}
