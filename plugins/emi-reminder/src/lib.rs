//! The EMI reminder, read from top to bottom: greeting, identity, the instalment, the transfer
//! question.
//!
//! What is said is in `prompts/`, what is asked in `flow.toml`; their functions are generated.
//! Before the identity is established not one word is said about the loan; the manifest makes the
//! host hold to that as well. A caller who hangs up ends the script at the next `?`.

#[rustfmt::skip]
mod generated;

use generated::questions::{self, Disclosure, Identity, Transfer};
use generated::{prompts, settings};
use ghanti_flow::{
    Date, Error, Money, Prompt, Record, call, end, end_with, last_digits, runtime, say,
    speak_if_possible, speech, today, transfer,
};

/// How often the details are repeated at the transfer question.
const REPEATED_AT_MOST: usize = 3;

ghanti_flow::flow!(run);

fn run() -> Result<(), Error> {
    let caller = settings::caller()?;
    let lender = settings::lender()?;
    let bot_name = settings::bot_name()?;
    let record = Record::read(&[])?;
    if let Some(language) = record.text("language") {
        // in a language without prompts the call goes on in the default one
        speak_if_possible(&language)?;
    }
    let (name, instalment) = match read(&record) {
        Ok(read) => read,
        Err(lacking) => {
            let told =
                format!("the customer's record cannot be used, {lacking}: fix it and call again");
            runtime::log(runtime::Level::Error, &told);
            let words = prompts::apology_incomplete_data(&bot_name, &caller);
            return end_with("incomplete-data", &lacking, words);
        }
    };
    let call = Call {
        is_overdue: instalment.due < today(),
        bot_name,
        lender,
        instalment,
    };

    match questions::identity(&call.bot_name, &caller, &name)? {
        Identity::Yes => call::establish("identity")?,
        Identity::No => return end("wrong-person", prompts::apology_wrong_person()),
        Identity::NoInput => return no_answer("silence at the identity question"),
        answer if ends(answer.as_str())? => return Ok(()),
        _ => return unclear("at the identity question"),
    }

    // silence is no answer to these, but consent to go on
    match call.ask_details()? {
        "agent" => return connect(),
        answer if ends(answer)? => return Ok(()),
        _ => {}
    }
    match questions::disclosure()? {
        Disclosure::Agent => return connect(),
        answer if ends(answer.as_str())? => return Ok(()),
        _ => {}
    }

    let mut wanted = call.ask_transfer();
    if matches!(wanted, Err(Error::Refused(_))) {
        // the network has not confirmed that the disclosure was heard: it is said once more
        say(prompts::disclosure())?;
        wanted = call.ask_transfer();
    }
    match wanted {
        Err(Error::Refused(_)) => unclear("the disclosure is not known to have been heard"),
        Err(error) => Err(error),
        Ok(Transfer::Yes | Transfer::Agent) => connect(),
        Ok(Transfer::No) => end("declined", prompts::goodbye_declined()),
        Ok(Transfer::NoInput) => no_answer("silence at the transfer question"),
        Ok(answer) if ends(answer.as_str())? => Ok(()),
        Ok(_) if runtime::setting("unclear").as_deref() == Some("goodbye") => {
            unclear("at the transfer question")
        }
        Ok(_) => connect(),
    }
}

/// What the call is about.
struct Call {
    bot_name: String,
    lender: String,
    instalment: Instalment,
    is_overdue: bool,
}

struct Instalment {
    amount: Money,
    due: Date,
    /// The last four digits of the loan's account.
    loan: String,
}

impl Call {
    /// Says the instalment to a caller who may stop it by a wish: the wish's name.
    fn ask_details(&self) -> Result<&'static str, Error> {
        let Instalment { amount, due, loan } = &self.instalment;
        Ok(if self.is_overdue {
            questions::emi_details_overdue(amount.clone(), *due, &self.lender, loan)?.as_str()
        } else {
            questions::emi_details(amount.clone(), *due, &self.lender, loan)?.as_str()
        })
    }

    fn details(&self) -> Prompt {
        let Instalment { amount, due, loan } = &self.instalment;
        if self.is_overdue {
            prompts::emi_details_overdue(amount.clone(), *due, &self.lender, loan)
        } else {
            prompts::emi_details(amount.clone(), *due, &self.lender, loan)
        }
    }

    /// Asks whether an agent shall help, and repeats the details to who wants to hear them again.
    fn ask_transfer(&self) -> Result<Transfer, Error> {
        for _ in 0..REPEATED_AT_MOST {
            let answer = questions::transfer(&self.bot_name, &self.lender)?;
            if answer != Transfer::Repeat {
                return Ok(answer);
            }
            say(self.details())?;
        }
        Ok(match questions::transfer(&self.bot_name, &self.lender)? {
            Transfer::Repeat => Transfer::NoMatch,
            answer => answer,
        })
    }
}

/// Ends the call where the caller's wish does so at any question.
fn ends(wish: &str) -> Result<bool, Error> {
    let (disposition, words) = match wish {
        "wrong-person" => ("wrong-person", prompts::apology_wrong_person()),
        "later" => ("call-later", prompts::goodbye_call_later()),
        "do-not-call" => ("do-not-call", prompts::goodbye_do_not_call()),
        "stop" => ("declined", prompts::goodbye_declined()),
        _ => return Ok(false),
    };
    end(disposition, words).map(|()| true)
}

/// Sends the caller to an agent, as far as the engine lets the flow: nobody is connected whose
/// answer was not understood and who may be anyone.
fn connect() -> Result<(), Error> {
    match transfer() {
        Err(Error::Refused(_)) => return unclear("at the transfer question"),
        decided => decided?,
    }
    say(prompts::please_wait())?;
    speech::drain()?;
    call::outcome("transferred", None)
}

fn unclear(detail: &str) -> Result<(), Error> {
    end_with("unclear", detail, prompts::goodbye_unclear())
}

fn no_answer(detail: &str) -> Result<(), Error> {
    end_with("no-answer", detail, prompts::goodbye_no_answer())
}

/// Takes the customer's name and the instalment from their record; or says which fields are missing
/// or unreadable, by name, because values are personal.
fn read(record: &Record) -> Result<(String, Instalment), String> {
    let name = record.text("name");
    let loan = record
        .text("loan")
        .and_then(|account| last_digits(&account, 4));
    let (amount, due) = (record.money("amount"), record.date("due-date"));
    match (name, loan, amount, due) {
        (Some(name), Some(loan), Some(amount), Some(due)) => {
            Ok((name, Instalment { amount, due, loan }))
        }
        (name, loan, amount, due) => {
            let found = [
                ("name", name.is_some()),
                ("loan", loan.is_some()),
                ("amount", amount.is_some()),
                ("due-date", due.is_some()),
            ];
            let lacking = found.iter().filter(|(_, found)| !found);
            let lacking: Vec<&str> = lacking.map(|(field, _)| *field).collect();
            Err(format!("missing or unreadable: {}", lacking.join(", ")))
        }
    }
}
