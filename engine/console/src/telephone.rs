//! The browser telephone: whom the call is about, the call, and its transcript.

use maud::html;

use crate::layout::{Place, Site, page};

/// A flow that may be called.
#[derive(Debug, Clone)]
pub struct Choice {
    /// Its name.
    pub name: String,
    /// The customer's fields, in order.
    pub fields: Vec<Field>,
}

/// A field of the customer's.
#[derive(Debug, Clone)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Whether a call needs it.
    pub is_required: bool,
    /// A value that it may have.
    pub example: String,
}

/// What the page shows.
#[derive(Debug, Clone)]
pub struct TelephonePage {
    /// The flows.
    pub flows: Vec<Choice>,
    /// The flow that is chosen.
    pub chosen: Option<String>,
    /// The rate of the wire, in Hz.
    pub rate_hz: u32,
}

/// The page.
pub fn telephone(site: &Site, shown: &TelephonePage) -> String {
    let words = site.words;
    let chosen = shown
        .flows
        .iter()
        .find(|flow| Some(&flow.name) == shown.chosen.as_ref())
        .or(shown.flows.first());
    let content = html! {
        h1 { (words.telephone) }
        p class="hint" { (words.telephone_hint) }
        @if shown.flows.is_empty() { p class="empty" { (words.no_flows) } }
        @if let Some(chosen) = chosen {
            form class="choose" method="get" action=(site.path("telephone")) {
                label for="flow" { (words.flow) }
                select id="flow" name="flow" {
                    @for flow in &shown.flows { option selected[flow.name == chosen.name] { (flow.name) } }
                }
                button class="quiet" { (words.choose) }
            }
            div class="talk" {
                form id="telephone" class="telephone" method="post" action=(site.path("telephone/calls")) data-rate=(shown.rate_hz)
                    data-said=(site.path("calls/")) data-ringing=(words.ringing) data-talking=(words.talking) data-over=(words.over)
                    data-no-microphone=(words.no_microphone) {
                    (site.csrf_field())
                    input type="hidden" name="flow" value=(chosen.name);
                    fieldset {
                        legend { (words.customer) }
                        div {
                            label for="phone" { (words.number) }
                            input id="phone" name="phone" type="tel" required value="+919876500000" autocomplete="off";
                        }
                        @for field in &chosen.fields {
                            @let id = format!("field-{}", field.name);
                            div {
                                label for=(id) { (field.name) }
                                input id=(id) name={ "fields." (field.name) } required[field.is_required] value=(field.example) autocomplete="off";
                            }
                        }
                    }
                    div class="buttons" {
                        button class="call" data-call { (words.press_call) }
                        button type="button" class="hang-up" data-hang-up disabled { (words.hang_up) }
                        label class="check" { input type="checkbox" data-mute; " " (words.mute) }
                    }
                    p class="status" role="status" { span data-status {} " " a data-page hidden { (words.open_call) } }
                    div class="keypad" role="group" aria-label=(words.keypad) {
                        @for key in ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"] {
                            button type="button" data-key=(key) disabled { (key) }
                        }
                    }
                }
                section aria-label=(words.call) { div data-transcript { p class="empty" { (words.nothing_said) } } }
            }
        }
    };
    page(
        site,
        words.telephone,
        Place::Telephone,
        &["console.js", "telephone.js"],
        &content,
    )
}
