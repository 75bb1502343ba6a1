//! A customer: their calls, what flows noted, whether they asked not to be called, and campaigns.

use ghanti_model::{CallId, Masked, PhoneNumber};
use ghanti_store::{AttemptOf, CallSummary, MemberOf};
use maud::{Markup, html};

use crate::calls::table;
use crate::layout::{Place, Site, page};

/// What is shown of a customer.
#[derive(Debug, Clone)]
pub struct Customer {
    /// Their number.
    pub number: PhoneNumber,
    /// A call of theirs, by which the page is reached without the number; `None` if they have none.
    pub by_call: Option<CallId>,
    /// The call in which they asked not to be called again, and when, in milliseconds since 1970-01-01T00:00:00Z.
    pub do_not_call: Option<(CallId, u64)>,
    /// Their newest calls.
    pub calls: Vec<CallSummary>,
    /// What flows noted in them, newest first: the call, when it began, name and value.
    pub notes: Vec<(CallId, u64, String, Masked)>,
    /// The campaigns whose customer they are.
    pub campaigns: Vec<MemberOf>,
    /// Attempts of campaigns to call them, newest first.
    pub attempts: Vec<AttemptOf>,
}

/// A list of customers.
#[derive(Debug, Clone)]
pub struct List {
    /// Its name.
    pub name: String,
    /// Its flow.
    pub flow: String,
    /// How many customers it has.
    pub customers: u64,
    /// When it was last changed, in milliseconds since 1970-01-01T00:00:00Z.
    pub changed_ms: u64,
}

/// What the page shows.
#[derive(Debug, Clone, Default)]
pub struct CustomerPage {
    /// The number that was asked for, as it was written.
    pub asked: String,
    /// What cannot be read, with what to write.
    pub unreadable: Option<(String, String)>,
    /// The customer, if one was asked for.
    pub customer: Option<Customer>,
    /// Whether their request not to be called was just lifted.
    pub was_lifted: bool,
    /// The lists, where no customer is asked for.
    pub lists: Option<Vec<List>>,
}

/// The page.
pub fn customer(site: &Site, shown: &CustomerPage) -> String {
    let words = site.words;
    let content = html! {
        div class="headed" {
            h1 {
                (words.customer)
                @if let Some(customer) = &shown.customer { " " span class="number" { (site.number(Some(&customer.number))) } }
            }
            @if let Some(call) = shown.customer.as_ref().and_then(|customer| customer.by_call).filter(|_| site.is_operator()) {
                a class="quiet" href={ (site.path(&format!("calls/{call}/customer"))) @if !site.has_numbers { "?numbers=true" } } {
                    @if site.has_numbers { (words.mask_numbers) } @else { (words.show_numbers) }
                }
            }
        }
        @if site.is_operator() { (form(site, shown)) }
        @if let Some((what, fix)) = &shown.unreadable { div class="notice" role="alert" lang="en" { p { (what) } p class="fix" { (fix) } } }
        @if shown.was_lifted { p class="notice" role="status" { (words.lifted) } }
        @if let Some(customer) = &shown.customer { (about(site, customer)) }
        @if let Some(lists) = &shown.lists { (lists_of(site, lists)) }
    };
    page(
        site,
        words.customer,
        Place::Customers,
        &["console.js"],
        &content,
    )
}

fn form(site: &Site, shown: &CustomerPage) -> Markup {
    let words = site.words;
    html! {
        form class="search" role="search" method="post" action=(site.path("customers")) {
            (site.csrf_field())
            div class="wide" {
                label for="phone" { (words.number) }
                input id="phone" name="phone" type="search" inputmode="tel" value=(shown.asked) autocomplete="off" spellcheck="false" maxlength="32"
                    data-search aria-keyshortcuts="/" required;
            }
            div class="buttons" { button { (words.find) } }
        }
    }
}

fn lists_of(site: &Site, lists: &[List]) -> Markup {
    let words = site.words;
    html! {
        section aria-labelledby="lists" {
            div class="headed" {
                h2 id="lists" { (words.lists) }
                a class="quiet" href=(site.path("import")) { (words.import_list) }
            }
            @if lists.is_empty() { p class="empty" { (words.no_lists) } } @else {
                table class="list" {
                    thead {
                        tr {
                            @for name in [words.customer_list, words.flow, words.customers, words.last_changed, words.campaign] { th scope="col" { (name) } }
                        }
                    }
                    tbody {
                        @for list in lists {
                            tr {
                                td data-label=(words.customer_list) { (list.name) }
                                td data-label=(words.flow) { (list.flow) }
                                td data-label=(words.customers) class="number" { (list.customers) }
                                td data-label=(words.last_changed) { (site.time(list.changed_ms)) }
                                td data-label=(words.campaign) {
                                    a href={ (site.path("new-campaign")) "?list=" (list.name) } aria-label={ (words.campaign_on_list) ": " (list.name) } { (words.new_campaign) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn about(site: &Site, customer: &Customer) -> Markup {
    let words = site.words;
    html! {
        @if let Some((call, since_ms)) = &customer.do_not_call {
            div class="finding error" {
                p { strong { (words.do_not_call) } " " a href=(site.path(&format!("calls/{call}"))) { (site.time(*since_ms)) } }
                @if site.is_operator() {
                    form method="post" action=(site.path(&format!("calls/{}/customer/lift", customer.by_call.unwrap_or(*call)))) data-confirm={ (words.lift) "?" } {
                        (site.csrf_field())
                        button class="quiet" { (words.lift) }
                    }
                }
            }
        }
        section aria-labelledby="calls" {
            h2 id="calls" { (words.calls) }
            @if customer.calls.is_empty() { p class="empty" { (words.no_calls) } } @else { (table(site, &customer.calls)) }
        }
        @if !customer.notes.is_empty() {
            section aria-labelledby="notes" { h2 id="notes" { (words.notes) } (notes(site, &customer.notes)) }
        }
        @if !customer.campaigns.is_empty() {
            section aria-labelledby="campaigns" { h2 id="campaigns" { (words.campaigns) } (members(site, &customer.campaigns)) }
        }
        @if !customer.attempts.is_empty() {
            section aria-labelledby="attempts" { h2 id="attempts" { (words.attempts) } (attempts(site, &customer.attempts)) }
        }
    }
}

fn notes(site: &Site, notes: &[(CallId, u64, String, Masked)]) -> Markup {
    let words = site.words;
    html! {
        table class="list" {
            thead { tr { @for name in [words.when, words.note, words.value] { th scope="col" { (name) } } } }
            tbody {
                @for (call, at_ms, name, value) in notes {
                    tr {
                        td data-label=(words.when) { a href=(site.path(&format!("calls/{call}"))) { (site.time(*at_ms)) } }
                        td data-label=(words.note) { (name) }
                        td data-label=(words.value) dir="auto" { (site.personal(value)) }
                    }
                }
            }
        }
    }
}

fn members(site: &Site, members: &[MemberOf]) -> Markup {
    let words = site.words;
    html! {
        table class="list" {
            thead { tr { @for name in [words.campaign, words.state, words.attempts, words.last_outcome, words.due] { th scope="col" { (name) } } } }
            tbody {
                @for member in members {
                    tr {
                        td data-label=(words.campaign) { a href=(site.path(&format!("campaigns/{}", member.campaign))) { (member.campaign) } }
                        td data-label=(words.state) {
                            @match member.state.as_str() { "waiting" => (words.waiting), "calling" => (words.calling), _ => (words.is_done) }
                            @if let Some(reason) = member.reason.as_ref().filter(|_| site.is_operator()) { " " span class="aside" lang="en" { (reason) } }
                        }
                        td data-label=(words.attempts) class="number" { (member.attempts) }
                        td data-label=(words.last_outcome) { (member.outcome.as_deref().unwrap_or("–")) }
                        td data-label=(words.due) { @match member.due_ms { Some(due_ms) => (site.time(due_ms)), None => "–" } }
                    }
                }
            }
        }
    }
}

fn attempts(site: &Site, attempts: &[AttemptOf]) -> Markup {
    let words = site.words;
    html! {
        table class="list" {
            thead { tr { @for name in [words.when, words.campaign, words.attempt, words.outcome] { th scope="col" { (name) } } } }
            tbody {
                @for attempt in attempts {
                    tr {
                        td data-label=(words.when) { a href=(site.path(&format!("calls/{}", attempt.call_id))) { (site.time(attempt.began_ms)) } }
                        td data-label=(words.campaign) { a href=(site.path(&format!("campaigns/{}", attempt.campaign))) { (attempt.campaign) } }
                        td data-label=(words.attempt) class="number" { (attempt.number) }
                        td data-label=(words.outcome) { (attempt.outcome.as_deref().unwrap_or(words.in_progress)) }
                    }
                }
            }
        }
    }
}
