//! The bench of ears: what the real recogniser and the session's machine make of a corpus of
//! answers and of sounds that are none, over lines of several kinds, in virtual time.
//!
//! Tables are printed and written to `target/bench/ears.md`, all rows to `ears.tsv` beside it.
//! `GHANTI_EARS=clean,echo` plays only these sections, `GHANTI_EARS_EVERY=9` of the answers only each
//! ninth.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a bench fails by panicking, and prints what it measured"
)]

#[allow(dead_code, reason = "shared with the tests of answers")]
#[path = "../../tests/answers/caller.rs"]
mod caller;
#[allow(dead_code, reason = "shared with the tests of answers")]
#[path = "../../tests/answers/corpus.rs"]
mod corpus;
#[allow(dead_code, reason = "shared with the tests of answers")]
#[path = "../../tests/answers/hearer.rs"]
mod hearer;
#[allow(dead_code, reason = "shared with the tests of answers")]
#[path = "../../tests/answers/line.rs"]
mod line;
#[path = "../../tests/answers/question.rs"]
mod question;
#[allow(dead_code, reason = "shared with the tests of answers")]
#[path = "../../tests/answers/table.rs"]
mod table;

mod answers;
mod barge_in;
mod crowd;
mod echo;
mod report;
mod sounds;

use std::path::PathBuf;

const IDENTITY: &str = include_str!("../../tests/answers/identity.toml");
const TRANSFER: &str = include_str!("../../tests/answers/transfer.toml");

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let wanted = std::env::var("GHANTI_EARS").unwrap_or_default();
    let wanted =
        |section: &str| wanted.is_empty() || wanted.split(',').any(|name| name.trim() == section);
    let mut report = report::Report::new();
    answers::run(&runtime, &mut report, wanted);
    if wanted("echo") {
        echo::run(&runtime, &mut report);
    }
    if wanted("crowd") {
        crowd::run(&mut report);
    }
    if wanted("barge-in") {
        barge_in::run(&runtime, &mut report);
    }
    if wanted("sounds") {
        sounds::run(&runtime, &mut report);
    }
    let path = report.write();
    println!("written to {}", path.display());
}
