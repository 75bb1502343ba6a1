//! The page that asks for the API's token.

use maud::html;

use crate::layout::{Site, document};
use crate::words::{PRODUCT, Words};

/// The page. `next` is where to go from it; `was_refused` whether a token was wrong.
pub fn login(site: &Site, next: &str, was_refused: bool) -> String {
    let words = site.words;
    let body = html! {
        main id="content" class="login" {
            h1 { (PRODUCT) }
            form method="post" action=(site.path("login")) {
                (site.csrf_field())
                input type="hidden" name="next" value=(next);
                label for="token" { (words.token) }
                input id="token" name="token" type="password" autocomplete="current-password" required autofocus
                    aria-describedby="token-hint" aria-invalid=[was_refused.then_some("true")];
                p id="token-hint" class="hint" { (words.token_hint) }
                @if was_refused {
                    p class="error" role="alert" { (words.token_refused) }
                }
                button { (words.log_in) }
            }
        }
    };
    document(site, words.log_in, &[], &body)
}

/// What is shown while the engine is starting: a page that asks for itself again every two seconds. The
/// style sheet is not served yet.
pub fn starting(words: &Words) -> String {
    let html = html! {
        (maud::DOCTYPE)
        html lang=(words.language) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="refresh" content="2";
                title { (PRODUCT) }
            }
            body {
                h1 { (PRODUCT) }
                p role="status" { (words.starting) }
            }
        }
    };
    html.into_string()
}

/// A page that asks for itself again. A browser that comes from another site sends no cookie with
/// `SameSite=Strict`; from this page it does.
pub fn again(site: &Site) -> String {
    let html = html! {
        (maud::DOCTYPE)
        html lang=(site.words.language) {
            head {
                meta charset="utf-8";
                meta http-equiv="refresh" content="0";
                title { (PRODUCT) }
            }
            body {}
        }
    };
    html.into_string()
}
