//! Filters a compiler's output down to what it says about the sources. Pure.

use super::build::Output;

/// Maximum number of lines shown for one build.
const LINES: usize = 120;

/// Prefixes of cargo's progress lines.
const PROGRESS: [&str; 10] = [
    "Compiling ",
    "Finished ",
    "Updating ",
    "Locking ",
    "Adding ",
    "Downloading ",
    "Downloaded ",
    "Blocking ",
    "Fresh ",
    "Building ",
];
/// Prefixes of lines that only summarise the errors above them.
const SUMMARIES: [&str; 4] = [
    "error: could not compile `",
    "warning: build failed, waiting",
    "For more information about this error, try",
    "error: aborting due to ",
];
/// componentize-py prints a traceback of its own up to `SCRIPTS`, then the script's error, then,
/// from `BACKTRACE` on, its own backtrace.
const SCRIPTS: &str = "\nAssertionError: ";
const BACKTRACE: &str = "Stack backtrace:";

/// The lines to show, without those that say nothing about the sources.
pub fn words(output: &Output) -> Vec<String> {
    let text = String::from_utf8_lossy(&output.text);
    let reported = text
        .split_once(SCRIPTS)
        .map_or(&*text, |(_, reported)| reported);
    let reported = reported
        .split_once(BACKTRACE)
        .map_or(reported, |(reported, _)| reported);
    let mut lines: Vec<String> = Vec::new();
    for line in reported
        .lines()
        .map(str::trim_end)
        .filter(|line| !is_noise(line))
    {
        // runs of empty lines become one, and leading ones are dropped
        if !line.is_empty() || lines.last().is_some_and(|last| !last.is_empty()) {
            lines.push(line.to_owned());
        }
    }
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    let more = lines.len().saturating_sub(LINES);
    lines.truncate(LINES);
    match (more, output.left_out) {
        (0, 0) => {}
        (more, 0) => lines.push(format!("… and {more} lines more")),
        (more, bytes) => lines.push(format!("… and {more} lines and {bytes} bytes more")),
    }
    lines
}

fn is_noise(line: &str) -> bool {
    let driver = line.trim_start();
    // rustc's diagnostics start in the first column, cargo's progress lines are indented
    let is_progress = driver.len() < line.len()
        && PROGRESS
            .iter()
            .any(|beginning| driver.starts_with(beginning));
    let is_of_pack = line.starts_with('/') && line.ends_with(" bytes");
    is_progress
        || is_of_pack
        || SUMMARIES
            .iter()
            .any(|beginning| line.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        words(&Output {
            text: text.as_bytes().to_vec(),
            left_out: 0,
        })
    }

    #[test]
    fn rustcs_diagnostics_are_shown_and_cargos_progress_is_not() {
        let said = "   Compiling emi-reminder v0.1.0\nerror[E0308]: mismatched types\n --> emi-reminder/src/lib.rs:101:16\n    |\n\
                    101 | fn x() -> u8 { \"a\" }\n    |           --   ^^^ expected `u8`, found `&str`\n\nerror: aborting due to 1 previous error\n\n\
                    For more information about this error, try `rustc --explain E0308`.\nerror: could not compile `emi-reminder` (lib) due to 1 previous error\n";
        assert_eq!(
            shown(said),
            [
                "error[E0308]: mismatched types",
                " --> emi-reminder/src/lib.rs:101:16",
                "    |",
                "101 | fn x() -> u8 { \"a\" }",
                "    |           --   ^^^ expected `u8`, found `&str`",
            ]
        );
    }

    #[test]
    fn a_scripts_traceback_is_shown_without_the_compilers() {
        let said = "Traceback (most recent call last):\n  File \"componentize-py\", line 8, in <module>\nAssertionError: Traceback (most recent call last):\n  \
                    File \"/0/script.py\", line 96\nSyntaxError: invalid syntax\n\nStack backtrace:\n   0: <anyhow::Error>::msg\n  1: run\n";
        assert_eq!(
            shown(said),
            [
                "Traceback (most recent call last):",
                "  File \"/0/script.py\", line 96",
                "SyntaxError: invalid syntax"
            ]
        );
    }

    #[test]
    fn a_thousand_errors_are_cut_off_and_counted() {
        let said = "error\n".repeat(1_000);
        let shown = shown(&said);
        assert_eq!(
            (shown.len(), shown.last().map(String::as_str)),
            (LINES + 1, Some("… and 880 lines more"))
        );
    }
}
