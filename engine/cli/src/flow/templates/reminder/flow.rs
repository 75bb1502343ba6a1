//! A payment is due: who is speaking, what is due, on which day it will be paid, and an agent for those who cannot say.

#[path = "../.ghanti/generated.rs"]
#[rustfmt::skip]
mod generated;

use generated::questions::{self, Agent, Identity, PayDay};
use generated::{customer, prompts, settings};
use ghanti_flow::{Error, call, end, note, say, speak_if_possible, transfer};

ghanti_flow::flow!(run);

fn run() -> Result<(), Error> {
    let Some(customer) = customer()? else {
        return end("incomplete-data", prompts::cannot_go_on());
    };
    if let Some(language) = &customer.language {
        speak_if_possible(language)?;
    }
    match questions::identity(&customer.name)? {
        Identity::Yes => call::establish("identity")?,
        Identity::No => return end("wrong-person", prompts::wrong_person()),
        Identity::NoInput | Identity::NoMatch => {
            return end("no-answer", prompts::goodbye_no_answer());
        }
    }
    say(prompts::details(customer.amount, &settings::company()?, customer.due_date))?;
    match questions::pay_day()? {
        PayDay::Date(day) => {
            note("promise", day)?;
            end("promised", prompts::promised(day))
        }
        PayDay::NoInput => end("no-answer", prompts::goodbye_no_answer()),
        PayDay::NoMatch => offer_an_agent(),
    }
}

fn offer_an_agent() -> Result<(), Error> {
    if questions::agent()? != Agent::Yes {
        return end("no-promise", prompts::goodbye());
    }
    transfer()?;
    end("transferred", prompts::please_wait())
}
