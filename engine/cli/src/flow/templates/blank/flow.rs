//! A greeting, and one question.

#[path = "../.ghanti/generated.rs"]
#[rustfmt::skip]
mod generated;

use generated::questions::{self, Greeting};
use generated::{customer, prompts};
use ghanti_flow::{Error, end};

ghanti_flow::flow!(run);

fn run() -> Result<(), Error> {
    let Some(customer) = customer()? else {
        return end("incomplete-data", prompts::cannot_go_on());
    };
    match questions::greeting(&customer.name)? {
        Greeting::Yes => end("good-time", prompts::thanks()),
        Greeting::No => end("bad-time", prompts::goodbye()),
        Greeting::NoInput | Greeting::NoMatch => end("no-answer", prompts::goodbye()),
    }
}
