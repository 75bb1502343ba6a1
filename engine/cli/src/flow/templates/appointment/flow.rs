//! An appointment: confirmed with the code that was sent to the customer, or cancelled with a reason.

#[path = "../.ghanti/generated.rs"]
#[rustfmt::skip]
mod generated;

use generated::questions::{self, Attends, Code, Reason};
use generated::{Customer, customer, prompts, settings};
use ghanti_flow::{Error, call, end, note, say};

ghanti_flow::flow!(run);

fn run() -> Result<(), Error> {
    let Some(customer) = customer()? else {
        return end("incomplete-data", prompts::cannot_go_on());
    };
    let clinic = settings::clinic()?;
    match questions::attends(&clinic, customer.day, &customer.name)? {
        Attends::Yes => confirm(&customer),
        Attends::No => cancel(),
        Attends::Later => end("call-later", prompts::goodbye_later()),
        Attends::NoInput | Attends::NoMatch => end("no-answer", prompts::goodbye_no_answer()),
    }
}

fn confirm(customer: &Customer) -> Result<(), Error> {
    call::establish("consent")?;
    for _ in 0..2 {
        match questions::code()? {
            Code::Digits(keyed) if keyed == customer.code => return end("confirmed", prompts::confirmed(customer.day)),
            Code::NoInput => break,
            _ => say(prompts::code_is_wrong())?,
        }
    }
    end("not-confirmed", prompts::not_confirmed())
}

fn cancel() -> Result<(), Error> {
    if let Reason::Text(reason) = questions::reason()? {
        note("reason", reason)?;
    }
    end("cancelled", prompts::cancelled())
}
