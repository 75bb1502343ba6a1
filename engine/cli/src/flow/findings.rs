//! How findings, conversations and explorations are shown.

use std::fmt::Write as _;
use std::path::Path;

use ghanti_catalogue::{Finding, Severity};
use ghanti_explore::paths::Exploration;
use ghanti_explore::transcript::Line;
use ghanti_host::Step;
use serde_json::{Value as Json, json};

/// A finding with its place, as compilers and editors write it.
pub fn text(folder: &Path, finding: &Finding) -> String {
    let mut text = String::new();
    if let Some(file) = &finding.file {
        let _ = write!(text, "{}", folder.join(file).display());
        for number in [finding.line, finding.column].into_iter().flatten() {
            let _ = write!(text, ":{number}");
        }
        text.push_str(": ");
    }
    let _ = write!(
        text,
        "{} ({}): {}",
        severity(finding.severity),
        step(finding),
        finding.message
    );
    if !finding.hint.is_empty() {
        let _ = write!(text, "\n    hint: {}", finding.hint);
    }
    if let Some(path) = &finding.path {
        let _ = write!(text, "\n    path: {path}");
    }
    text
}

/// A finding for programs.
pub fn json(finding: &Finding) -> Json {
    json!({
        "severity": severity(finding.severity),
        "step": step(finding),
        "file": finding.file,
        "line": finding.line,
        "column": finding.column,
        "message": finding.message,
        "hint": (!finding.hint.is_empty()).then_some(&finding.hint),
        "path": finding.path,
    })
}

/// The stage that found it; findings that loading does not check for are of `paths`.
fn step(finding: &Finding) -> String {
    match (finding.step, finding.line) {
        (Step::Properties, None) => "paths".to_owned(),
        (step, _) => step.to_string(),
    }
}

/// A number with what it counts, such as `1 warning`.
pub fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// The severity's name.
pub fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// A conversation, one line each.
pub fn conversation(lines: &[Line]) -> String {
    let mut text = String::new();
    for line in lines {
        let _ = writeln!(
            text,
            "        {:<7} {}",
            line.speaker.as_str(),
            line.shown()
        );
    }
    text
}

/// A summary of what was explored.
pub fn explored(exploration: &Exploration) -> String {
    let mut text = String::new();
    let levels: Vec<_> = exploration
        .levels
        .iter()
        .map(|level| {
            let (paths, disturbances) = (level.paths, level.disturbances);
            let cut = if level.left > 0 { " (cut short)" } else { "" };
            format!("{paths} with {disturbances} disturbances{cut}")
        })
        .collect();
    let whole = if exploration.is_whole() {
        "all paths within the bounds"
    } else {
        "NOT all paths"
    };
    let _ = writeln!(
        text,
        "  explored {whole}: {}; {} conversations in {:.1} s, the caller hung up in {}, {} repeated with the same result; the longest call takes {} s",
        levels.join(", "),
        exploration.runs,
        exploration.took.as_secs_f64(),
        exploration.hang_ups,
        exploration.repeated,
        exploration.longest_ms.div_ceil(1_000),
    );
    for limit in &exploration.limits {
        let _ = writeln!(text, "    not explored: {limit}");
    }
    text
}

/// The same for programs.
pub fn explored_json(exploration: &Exploration) -> Json {
    let levels = exploration.levels.iter().map(|level| {
        json!({
            "disturbances": level.disturbances,
            "paths": level.paths,
            "left": level.left,
        })
    });
    json!({
        "whole": exploration.is_whole(),
        "levels": levels.collect::<Vec<_>>(),
        "conversations": exploration.runs,
        "hang-ups": exploration.hang_ups,
        "repeated": exploration.repeated,
        "longest-call-seconds": exploration.longest_ms.div_ceil(1_000),
        "seconds": exploration.took.as_secs_f64(),
        "not-explored": exploration.limits,
    })
}
