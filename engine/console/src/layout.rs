//! What every page has: its head, the way to the other pages, and what is shown where there is no
//! page.

use ghanti_model::{Masked, PhoneNumber, Role, Zone};
use maud::{DOCTYPE, Markup, html};

use crate::times;
use crate::words::{PRODUCT, Words};

/// What pages know of the engine and of who looks.
#[derive(Debug, Clone)]
pub struct Site {
    /// The engine's `path`: `/bot`, or nothing.
    pub prefix: String,
    /// What a form has to send back.
    pub csrf: String,
    /// The name of the token by which they are logged in, and can log out; nobody is where the API is
    /// open.
    pub member: Option<String>,
    /// What they may see and do.
    pub role: Role,
    /// The zone of the calls.
    pub zone: Zone,
    /// The time, in milliseconds since 1970-01-01T00:00:00Z.
    pub now_ms: u64,
    /// Whether numbers are shown whole.
    pub has_numbers: bool,
    /// The texts.
    pub words: &'static Words,
    /// The path of this page, with its query, to come back to it; empty for what is no page.
    pub here: String,
}

/// The pages that every page leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Now,
    Calls,
    Campaigns,
    Customers,
    Flows,
    Setup,
    Telephone,
    Audit,
    /// None of them.
    Elsewhere,
}

impl Site {
    /// The path of something in the console, below its root.
    pub fn path(&self, below: &str) -> String {
        format!("{}/console/{below}", self.prefix)
    }

    /// A number, masked unless numbers are shown.
    pub(crate) fn number(&self, number: Option<&PhoneNumber>) -> String {
        match number {
            None => "–".to_owned(),
            Some(number) if self.has_numbers => number.expose().to_owned(),
            Some(number) => number.masked(),
        }
    }

    /// Whether they may see what was said, and make calls.
    pub(crate) fn is_operator(&self) -> bool {
        self.role >= Role::Operator
    }

    /// Whether they may change flows.
    pub(crate) fn is_admin(&self) -> bool {
        self.role >= Role::Admin
    }

    /// Something personal, masked unless they may see it.
    pub(crate) fn personal(&self, text: &Masked) -> String {
        if self.is_operator() {
            text.expose().to_owned()
        } else {
            text.to_string()
        }
    }

    /// A time, for people and for machines.
    pub(crate) fn time(&self, unix_ms: u64) -> Markup {
        html! { time datetime=(times::iso(unix_ms)) { (times::shown(unix_ms, &self.zone)) } }
    }

    /// The field of every form by which its sender is known to have seen a page of the engine's.
    pub(crate) fn csrf_field(&self) -> Markup {
        html! { input type="hidden" name="csrf" value=(self.csrf); }
    }
}

/// A whole page. `scripts` are names of files.
pub(crate) fn page(
    site: &Site,
    title: &str,
    place: Place,
    scripts: &[&str],
    content: &Markup,
) -> String {
    let words = site.words;
    let places = [
        (Place::Now, "", words.now, Role::Viewer),
        (Place::Calls, "calls", words.calls, Role::Viewer),
        (Place::Campaigns, "campaigns", words.campaigns, Role::Viewer),
        (
            Place::Customers,
            "customers",
            words.customers,
            Role::Operator,
        ),
        (Place::Flows, "flows", words.flows, Role::Viewer),
        (Place::Setup, "setup", words.setup, Role::Operator),
        (
            Place::Telephone,
            "telephone",
            words.telephone,
            Role::Operator,
        ),
        (Place::Audit, "audit", words.audit, Role::Admin),
    ];
    let places = places
        .into_iter()
        .filter(|(.., needed)| site.role >= *needed);
    let content = html! {
        a class="skip" href="#content" { (words.skip) }
        header {
            a class="brand" href=(site.path("")) { (bell()) span { (PRODUCT) } }
            nav aria-label=(words.pages) {
                ul {
                    @for (each, path, name, _) in places {
                        li { a href=(site.path(path)) aria-current=[(each == place).then_some("page")] { (name) } }
                    }
                }
            }
            form method="post" action=(site.path("language")) {
                (site.csrf_field())
                input type="hidden" name="next" value=(site.here);
                button class="quiet" name="language" value=(words.other_language) lang=(words.other_language) { (words.in_other_language) }
            }
            @if let Some(member) = &site.member {
                form method="post" action=(site.path("logout")) {
                    (site.csrf_field())
                    span class="aside" { (member) " " }
                    button class="quiet" { (words.log_out) }
                }
            }
        }
        main id="content" tabindex="-1" { (content) }
    };
    document(site, title, scripts, &content)
}

/// A document without the ways to other pages.
pub(crate) fn document(site: &Site, title: &str, scripts: &[&str], body: &Markup) -> String {
    let html = html! {
        (DOCTYPE)
        html lang=(site.words.language) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · " (PRODUCT) }
                link rel="icon" type="image/svg+xml" href=(site.path("static/icon.svg"));
                link rel="stylesheet" href=(site.path("static/console.css"));
                @for script in scripts {
                    script src=(site.path(&format!("static/{script}"))) defer {}
                }
            }
            body { (body) }
        }
    };
    html.into_string()
}

fn bell() -> Markup {
    html! {
        svg class="bell" viewBox="0 0 24 24" aria-hidden="true" {
            path d="M12 3a2 2 0 0 1 2 2c3 1 4 4 4 8 0 2 1 3 2 4H4c1-1 2-2 2-4 0-4 1-7 4-8a2 2 0 0 1 2-2zM9.5 18.5h5a2.5 2.5 0 0 1-5 0z" {}
        }
    }
}

/// What is said in place of a page.
#[derive(Debug, Clone)]
pub struct Notice {
    /// What it is, in some words.
    pub title: String,
    /// The language of these texts.
    pub language: &'static str,
    /// What was wrong.
    pub detail: String,
    /// What to do about it.
    pub hint: String,
}

/// A page that shows a problem.
pub fn notice(site: &Site, notice: &Notice) -> String {
    let content = html! {
        h1 lang=(notice.language) { (notice.title) }
        div class="notice" role="alert" lang=(notice.language) {
            p { (notice.detail) }
            p class="fix" { (notice.hint) }
        }
        p { a href=(site.path("calls")) { (site.words.to_calls) } }
    };
    page(
        site,
        &notice.title,
        Place::Elsewhere,
        &["console.js"],
        &content,
    )
}
