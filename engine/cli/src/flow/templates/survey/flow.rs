//! A survey after a service: two questions, and what should be better in the customer's own words, which a language model sorts.

#[path = "../.ghanti/generated.rs"]
#[rustfmt::skip]
mod generated;

use generated::questions::{self, Better, Identity, Rating, Recommends};
use generated::{Customer, customer, prompts, settings};
use ghanti_flow::{Error, actions, call, end, note, say};
use serde_json::{Value, json};

ghanti_flow::flow!(run);

fn run() -> Result<(), Error> {
    let Some(customer) = customer()? else {
        return end("incomplete-data", prompts::cannot_go_on());
    };
    match questions::identity(&settings::company()?, &customer.name)? {
        Identity::Yes => {
            call::establish("identity")?;
            ask(customer)
        }
        Identity::No => end("wrong-person", prompts::wrong_person()),
        Identity::Later => end("call-later", prompts::goodbye_later()),
        Identity::NoInput | Identity::NoMatch => end("no-answer", prompts::goodbye_no_answer()),
    }
}

fn ask(customer: Customer) -> Result<(), Error> {
    let Rating::Number(rating) = questions::rating(customer.bill, &customer.service)? else {
        return end("incomplete", prompts::thanks());
    };
    note("rating", rating)?;
    match questions::recommends()? {
        Recommends::Yes => note("recommends", "yes")?,
        Recommends::No => note("recommends", "no")?,
        Recommends::NoInput | Recommends::NoMatch => {}
    }
    let Better::Text(better) = questions::better()? else {
        return end("answered", prompts::thanks());
    };
    note("better", &better)?;
    say(prompts::one_moment())?;
    // the answer may be a stranger's: the manifest allows no personal prompt before the identity is established
    let sorted = sorted_by_model(&better)?;
    let (Some(topic), Some(callback)) = (sorted["topic"].as_str(), sorted["callback"].as_bool()) else {
        return end("answered", prompts::thanks());
    };
    note("topic", topic)?;
    note("callback", if callback { "yes" } else { "no" })?;
    say(prompts::noted(topic))?;
    end("answered", if callback { prompts::thanks_and_callback() } else { prompts::thanks() })
}

/// The operator's model sorts a complaint; null if there is no model, or it does not answer.
fn sorted_by_model(words: &str) -> Result<Value, Error> {
    match actions::invoke("sort-complaint", &json!({ "words": words }).to_string()) {
        Ok(answer) => Ok(answer.parse().unwrap_or_default()),
        Err(Error::Unavailable(_)) => Ok(Value::Null),
        Err(error) => Err(error),
    }
}
