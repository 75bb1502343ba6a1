//! What compilers say, as they say it, without what their drivers add. Pure.

use super::build::Output;

/// So many lines of one build are shown.
const LINES: usize = 120;

/// How cargo's lines begin that tell of its own work.
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
/// How lines begin that sum up what was said above them.
const SUMS: [&str; 4] = [
    "error: could not compile `",
    "warning: build failed, waiting",
    "For more information about this error, try",
    "error: aborting due to ",
];
/// Where componentize-py has told of itself and comes to the script, and where it begins to tell of
/// itself again.
const SCRIPTS: &str = "\nAssertionError: ";
const BACKTRACE: &str = "Stack backtrace:";

/// The lines to be shown, without those that tell nothing of the sources.
pub fn words(output: &Output) -> Vec<String> {
    let text = String::from_utf8_lossy(&output.text);
    let told = text.split_once(SCRIPTS).map_or(&*text, |(_, told)| told);
    let told = told.split_once(BACKTRACE).map_or(told, |(told, _)| told);
    let mut lines: Vec<String> = Vec::new();
    for line in told
        .lines()
        .map(str::trim_end)
        .filter(|line| !is_noise(line))
    {
        // one empty line says as much as several, and none at the beginning
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
    // what a compiler says of the sources begins at the margin, cargo's progress is set in
    let is_progress = driver.len() < line.len()
        && PROGRESS
            .iter()
            .any(|beginning| driver.starts_with(beginning));
    let is_of_pack = line.starts_with('/') && line.ends_with(" bytes");
    is_progress || is_of_pack || SUMS.iter().any(|beginning| line.starts_with(beginning))
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
    fn rustcs_words_are_shown_as_they_are_and_cargos_are_not() {
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
    fn a_traceback_of_a_script_is_shown_without_its_compilers_own() {
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
