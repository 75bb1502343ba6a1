//! How a recorded call would have gone on, had the caller answered otherwise: question by question, until
//! it ends.

use ghanti_model::{CallId, Masked};
use maud::{Markup, html};

use crate::layout::{Place, Site, page};
use crate::replay::{Held, Unable, as_lines, select, why_not};

/// Who speaks or acts in a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// The bot.
    Bot,
    /// The caller.
    Caller,
    /// The flow, besides speaking.
    Flow,
}

/// A line of how it goes on.
#[derive(Debug, Clone)]
pub struct Said {
    /// Who.
    pub who: Who,
    /// The words, or what is done, in English.
    pub text: Masked,
    /// The template or the question.
    pub name: String,
}

/// A choice of a question.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its id.
    pub id: String,
    /// Its key.
    pub key: Option<char>,
}

/// What the flow waits for.
#[derive(Debug, Clone)]
pub enum Open {
    /// An answer.
    Question {
        /// The question.
        name: String,
        /// The choices; none for free words, keys and values.
        choices: Vec<Answer>,
        /// Whether words may answer it.
        takes_words: bool,
        /// Whether keys may.
        takes_keys: bool,
    },
    /// What an action answers, which the record does not have.
    Action(String),
}

/// How it ended.
#[derive(Debug, Clone)]
pub enum Ended {
    /// The flow came to its end.
    Returned,
    /// The caller hung up.
    HungUp,
    /// It failed, or the version does not come to the question: why, in English.
    Failed(String),
}

/// How a call goes on otherwise.
#[derive(Debug, Clone)]
pub struct GoesOn {
    /// What was before, one line each.
    pub before: Vec<String>,
    /// How it goes on.
    pub lines: Vec<Said>,
    /// What the flow waits for.
    pub open: Option<Open>,
    /// How it ended, if it has.
    pub ended: Option<Ended>,
    /// The disposition that was set.
    pub outcome: Option<String>,
    /// The target of a transfer.
    pub transfer: Option<String>,
}

/// What the page shows.
#[derive(Debug, Clone)]
pub struct OtherwisePage {
    /// The call.
    pub call: CallId,
    /// The entry of the journal with the question.
    pub at: u32,
    /// The versions that may be chosen.
    pub versions: Vec<Held>,
    /// The one that is.
    pub chosen: String,
    /// What was answered here so far, as the form sends it.
    pub answers: Vec<String>,
    /// Why the last answer was left out, if it was.
    pub refused: Option<&'static str>,
    /// How it goes on.
    pub goes_on: Result<GoesOn, Unable>,
}

/// The page.
pub fn otherwise(site: &Site, shown: &OtherwisePage) -> String {
    let words = site.words;
    let content = html! {
        p class="back" { a href=(site.path(&format!("calls/{}#journal", shown.call))) { "← " (words.call) } }
        h1 { (words.otherwise) }
        p class="hint" { (words.otherwise_hint) }
        (form(site, shown, &shown.answers, "choose", &html! {
            label for="version" { (words.version) }
            (select(site, &shown.versions, &shown.chosen, "version"))
            button class="quiet" { (words.take_version) }
        }))
        @match &shown.goes_on {
            Err(unable) => (why_not(unable)),
            Ok(goes_on) => {
                @if !goes_on.before.is_empty() {
                    section aria-labelledby="before" {
                        h2 id="before" { (words.before_it) " " span class="aside" { (words.entry) " " (shown.at) } }
                        details { summary { (words.show_lines) " (" (goes_on.before.len()) ")" } (as_lines(&goes_on.before)) }
                    }
                }
                section aria-labelledby="on" {
                    h2 id="on" { (words.goes_on) }
                    (lines(site, &goes_on.lines))
                    @if let Some(refused) = shown.refused { p class="notice" role="alert" { (refused) } }
                    @if let Some(ended) = &goes_on.ended { (end(site, ended, goes_on)) }
                    @if let Some(open) = &goes_on.open { (answer(site, shown, open)) }
                    @if let Some((_, kept)) = shown.answers.split_last() {
                        div class="buttons" { (form(site, shown, kept, "again", &html! { button class="quiet" { (words.take_back) } })) }
                    }
                }
            }
        }
    };
    page(
        site,
        words.otherwise,
        Place::Calls,
        &["console.js"],
        &content,
    )
}

/// A form that goes on with these answers and what is in it. Answers are personal, so they are not in an
/// address.
fn form(
    site: &Site,
    shown: &OtherwisePage,
    answers: &[String],
    class: &str,
    content: &Markup,
) -> Markup {
    let has_choice = class == "choose";
    html! {
        form class=(class) method="post" action=(site.path(&format!("calls/{}/otherwise", shown.call))) {
            (site.csrf_field())
            input type="hidden" name="at" value=(shown.at);
            @if !has_choice { input type="hidden" name="version" value=(shown.chosen); }
            @for answer in answers { input type="hidden" name="answer" value=(answer); }
            (content)
        }
    }
}

fn lines(site: &Site, lines: &[Said]) -> Markup {
    let words = site.words;
    html! {
        @if lines.is_empty() { p class="empty" { (words.nothing_said) } }
        @else {
            div class="transcript" {
                ol {
                    @for line in lines {
                        @let (class, who) = match line.who {
                            Who::Bot => ("bot", words.bot),
                            Who::Caller => ("caller", words.caller),
                            Who::Flow => ("flow", words.flow),
                        };
                        li class={ "line " (class) } {
                            span class="at" {}
                            span class="who" { (who) }
                            span class="said" {
                                @if line.who == Who::Bot { span dir="auto" { (site.personal(&line.text)) } }
                                @else { span lang="en" dir="auto" { (site.personal(&line.text)) } }
                                @if !line.name.is_empty() { " " span class="aside name" { (line.name) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn end(site: &Site, ended: &Ended, goes_on: &GoesOn) -> Markup {
    let words = site.words;
    html! {
        div class="notice" role="status" data-ended {
            p {
                strong { @match ended { Ended::Returned => (words.it_ends), Ended::HungUp => (words.they_hung_up), Ended::Failed(_) => (words.it_fails) } }
                @if let Some(outcome) = &goes_on.outcome { " · " (words.outcome) ": " (outcome) }
                @if let Some(target) = &goes_on.transfer { " · " (words.transfer_to) " " (target) }
            }
            @if let Ended::Failed(why) = ended { p lang="en" { (why) } }
        }
    }
}

/// The ways to answer what is waited for.
fn answer(site: &Site, shown: &OtherwisePage, open: &Open) -> Markup {
    let words = site.words;
    let one = |content: &Markup| form(site, shown, &shown.answers, "answer", content);
    let typed = |id: &str, name: &str, value: &str, input: &Markup| {
        one(&html! {
            label for=(id) { (name) }
            (input)
            button name="answer" value=(value) { (words.answer_so) }
        })
    };
    html! {
        @match open {
            Open::Question { name, choices, takes_words, takes_keys } => {
                div class="panel answers" {
                    h3 { (words.they_answer) " " span class="aside" { (name) } }
                    (one(&html! {
                        @for choice in choices {
                            button name="answer" value={ "choice:" (choice.id) } {
                                (choice.id)
                                @if let Some(key) = choice.key { " " span { "(" (words.key) " " (key) ")" } }
                            }
                        }
                        button class="quiet" name="answer" value="silent" { (words.no_input) }
                        button class="quiet" name="answer" value="unclear" { (words.no_match) }
                        button class="quiet" name="answer" value="hang-up" { (words.hang_up) }
                    }))
                    @if *takes_words { (typed("words", words.they_say, "says", &html! { input id="words" name="words" maxlength="300" required; })) }
                    @if *takes_keys { (typed("keys", words.they_press, "presses", &html! { input id="keys" name="words" inputmode="tel" pattern="[0-9*#]{1,32}" required; })) }
                }
            }
            Open::Action(name) => {
                div class="panel answers" {
                    h3 { (words.action_answers) " " span class="aside" { (name) } }
                    p class="hint" { (words.action_hint) }
                    (typed("json", words.answer_json, "action", &html! { input id="json" name="words" value="{}" maxlength="4000" required; }))
                    (one(&html! { button class="quiet" name="answer" value="action-fails" { (words.action_fails) } }))
                }
            }
        }
    }
}
