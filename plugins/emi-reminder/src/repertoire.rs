//! The languages and templates of `flows/emi-reminder/prompts/`.

use script::bindings::ghanti::dialog::types::Kind;
use script::{Repertoire, Spoken};

const NAME: (&str, Kind) = ("name", Kind::Text);
const BOT_NAME: (&str, Kind) = ("bot-name", Kind::Text);
const CALLER: (&str, Kind) = ("caller", Kind::Text);
const LENDER: (&str, Kind) = ("lender", Kind::Text);

const INSTALMENT: &[(&str, Kind)] = &[
    LENDER,
    ("loan-digits", Kind::Digits),
    ("amount", Kind::Money),
    ("due-date", Kind::Date),
];

/// What this flow can say. The loader compares it with the prompt files.
pub const REPERTOIRE: Repertoire = Repertoire {
    languages: &["en-IN", "hi-IN"],
    templates: TEMPLATES,
};

const TEMPLATES: &[Spoken] = &[
    ("greeting", &[NAME, BOT_NAME, CALLER]),
    ("who-is-calling", &[NAME, BOT_NAME, CALLER]),
    ("identity-again", &[NAME]),
    ("identity-before-agent", &[]),
    ("identity-no-input", &[NAME]),
    ("identity-no-match", &[NAME]),
    ("language-changed", &[]),
    ("emi-details", INSTALMENT),
    ("emi-details-overdue", INSTALMENT),
    ("disclosure", &[]),
    ("who-we-are", &[BOT_NAME, LENDER]),
    ("transfer-question", &[]),
    ("transfer-no-input", &[]),
    ("transfer-no-match", &[]),
    ("please-wait", &[]),
    ("apology-incomplete-data", &[BOT_NAME, CALLER]),
    ("apology-wrong-person", &[]),
    ("goodbye-call-later", &[]),
    ("goodbye-declined", &[]),
    ("goodbye-do-not-call", &[]),
    ("goodbye-no-answer", &[]),
    ("goodbye-unclear", &[]),
];
