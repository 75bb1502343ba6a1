//! A survey: a rating, whether the customer recommends the company, and what went wrong where they are not satisfied.

#[path = "../.ghanti/generated.rs"]
#[rustfmt::skip]
mod generated;

use generated::questions::{self, Complaint, MayWeAsk, Rating, Recommends};
use generated::{customer, prompts, settings};
use ghanti_flow::{Error, end, note};

ghanti_flow::flow!(run);

/// A rating below this is followed by the question what went wrong.
const SATISFIED: i64 = 3;

fn run() -> Result<(), Error> {
    let Some(customer) = customer()? else {
        return end("incomplete-data", prompts::cannot_go_on());
    };
    match questions::may_we_ask(&settings::company()?, &customer.name, &customer.service)? {
        MayWeAsk::Yes => ask(),
        MayWeAsk::Later => end("call-later", prompts::goodbye_later()),
        MayWeAsk::No => end("declined", prompts::goodbye()),
        MayWeAsk::NoInput | MayWeAsk::NoMatch => end("no-answer", prompts::goodbye()),
    }
}

fn ask() -> Result<(), Error> {
    let Rating::Number(rating) = questions::rating()? else {
        return end("incomplete", prompts::thanks());
    };
    note("rating", rating)?;
    if rating < SATISFIED {
        if let Complaint::Text(words) = questions::complaint()? {
            note("complaint", words)?;
        }
        return end("complaint", prompts::thanks_for_complaint());
    }
    match questions::recommends()? {
        Recommends::Yes => note("recommends", true)?,
        Recommends::No => note("recommends", false)?,
        Recommends::NoInput | Recommends::NoMatch => {}
    }
    end("answered", prompts::thanks())
}
