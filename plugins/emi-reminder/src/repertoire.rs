//! The languages and templates of `flows/emi-reminder/prompts/`.

use script::bindings::samvaad::dialog::types::Kind;
use script::{Repertoire, Spoken};

const NAME: (&str, Kind) = ("name", Kind::Text);
const BOT_NAME: (&str, Kind) = ("bot-name", Kind::Text);
const LENDER: (&str, Kind) = ("lender", Kind::Text);

/// What this flow can say. The loader compares it with the prompt files.
pub const REPERTOIRE: Repertoire = Repertoire { languages: &["en-IN", "hi-IN"], templates: TEMPLATES };

const TEMPLATES: &[Spoken] = &[
    ("greeting", &[NAME, BOT_NAME, LENDER]),
    ("who-is-calling", &[NAME, BOT_NAME, LENDER]),
    ("identity-again", &[NAME]),
    ("identity-before-agent", &[]),
    ("identity-no-input", &[NAME]),
    ("identity-no-match", &[NAME]),
    ("language-changed", &[]),
    ("emi-details", &[("loan-digits", Kind::Digits), ("amount", Kind::Money), ("due-date", Kind::Date)]),
    ("disclosure", &[]),
    ("who-we-are", &[BOT_NAME, LENDER]),
    ("transfer-question", &[]),
    ("transfer-no-input", &[]),
    ("transfer-no-match", &[]),
    ("please-wait", &[]),
    ("apology-incomplete-data", &[BOT_NAME, LENDER]),
    ("apology-wrong-person", &[]),
    ("goodbye-call-later", &[]),
    ("goodbye-declined", &[]),
    ("goodbye-do-not-call", &[]),
    ("goodbye-no-answer", &[]),
    ("goodbye-unclear", &[]),
];
