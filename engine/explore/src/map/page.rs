//! The page of every path, in words.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ghanti_host::FlowVersion;
use ghanti_model::Extent;

use super::{Stated, ending, escaped};
use crate::paths::{Exploration, Path, Severity};
use crate::transcript::{Line, Speaker, lines};

const STYLE: &str = "body{font:15px/1.45 system-ui,'Noto Sans','DejaVu Sans',sans-serif;color:#1d2433;margin:2rem auto;max-width:76rem;padding:0 1rem}\
h1{font-size:1.6rem}h2{font-size:1.25rem;margin-top:2.2rem;border-bottom:2px solid #dfe3ec}h3{font-size:1.05rem}\
table{border-collapse:collapse;width:100%}th,td{border:1px solid #dfe3ec;padding:.25rem .5rem;text-align:left;vertical-align:top}\
th{background:#f0f2f7}.drawing{overflow:auto;border:1px solid #dfe3ec}details{border:1px solid #dfe3ec;border-radius:6px;margin:.4rem 0;padding:.3rem .6rem}\
summary{cursor:pointer}.caller td{background:#fdf8e7}.flow td{color:#5b6478;font-size:.88rem}.name{color:#5b6478;font-size:.82rem}\
.holds{color:#2b7a43}.broken{color:#b23b3b;font-weight:bold}.warn{background:#fdf3d6;border:1px solid #e2c66b;padding:.5rem .8rem;border-radius:6px}\
@media print{.drawing{overflow:visible}.drawing svg{width:100%;height:auto}}";

/// Writes the page.
pub(super) fn write(
    version: &FlowVersion,
    exploration: &Exploration,
    paths: &[&Path],
    svg: &str,
) -> String {
    let manifest = version.manifest();
    let title = manifest
        .title
        .clone()
        .unwrap_or_else(|| version.name.to_string());
    let mut page = String::new();
    let _ = write!(
        page,
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{0}: every path</title><style>{STYLE}</style></head><body><h1>{0}: every path through the conversation</h1>",
        escaped(&title)
    );
    summary(&mut page, version, exploration, paths);
    properties(&mut page, version, exploration);
    let _ = write!(
        page,
        "<h2>The conversation</h2><p>Each box is a question, with what it says. Each row is what callers may answer, what is said and done then, and where it leads: to another question, to an agent (☎), or to an end with its outcome. A dashed end is reached in a roundabout way alone: an action fails, the caller hangs up, interrupts, or is first silent or not understood.</p><div class=\"drawing\">{svg}</div>"
    );
    let mut by_end: BTreeMap<String, Vec<(usize, &Path)>> = BTreeMap::new();
    for (at, path) in paths.iter().enumerate() {
        by_end
            .entry(ending(path))
            .or_default()
            .push((at + 1, *path));
    }
    let _ = write!(page, "<h2>Every path</h2>");
    for (end, paths) in by_end {
        let count = paths.len();
        let _ = write!(page, "<h3>{} ({count})</h3>", escaped(&end));
        for (number, path) in paths {
            write_path(&mut page, version, exploration, path, number);
        }
    }
    if !exploration.side_ends.is_empty() {
        let _ = write!(
            page,
            "<h2>Ends reached in a roundabout way alone</h2><p>One path for each.</p>"
        );
        for (at, path) in exploration.side_ends.iter().enumerate() {
            let _ = write!(page, "<h3>{}</h3>", escaped(&ending(path)));
            write_path(&mut page, version, exploration, path, paths.len() + at + 1);
        }
    }
    page.push_str("</body></html>\n");
    page
}

fn summary(page: &mut String, version: &FlowVersion, exploration: &Exploration, paths: &[&Path]) {
    let languages: Vec<_> = version
        .languages
        .iter()
        .map(|language| language.as_str())
        .collect();
    let further: usize = exploration
        .levels
        .iter()
        .filter(|level| level.disturbances > 0)
        .map(|level| level.paths)
        .sum();
    let _ = write!(
        page,
        "<table><tr><th>Flow</th><td>{}</td></tr><tr><th>Version</th><td>{}</td></tr><tr><th>Languages</th><td>{}</td></tr>\
         <tr><th>Paths</th><td>{} different ones; {further} further ones, with disturbances (silence or unknown words first, an interruption, asking back, another language, a failing action), were tried and are not listed</td></tr>\
         <tr><th>Longest call</th><td>{} s, as estimated from the words and the waits</td></tr></table>",
        escaped(version.name.as_str()),
        escaped(version.id.as_str()),
        escaped(&languages.join(", ")),
        paths.len(),
        exploration.longest_ms.div_ceil(1_000),
    );
    let customers: Vec<_> = exploration
        .situations
        .iter()
        .map(|situation| format!("<li>{}</li>", escaped(&situation.name)))
        .collect();
    let _ = write!(
        page,
        "<p>Customers and calls that were tried:</p><ul>{}</ul>",
        customers.concat()
    );
    if !exploration.is_whole() {
        page.push_str(
            "<p class=\"warn\"><b>Not every path is here:</b> the exploration was cut short.</p>",
        );
    }
    if !exploration.limits.is_empty() {
        let limits = exploration.limits.iter();
        let limits: Vec<_> = limits
            .map(|limit| format!("<li>{}</li>", escaped(limit)))
            .collect();
        let _ = write!(page, "<p>Not explored:</p><ul>{}</ul>", limits.concat());
    }
}

fn properties(page: &mut String, version: &FlowVersion, exploration: &Exploration) {
    page.push_str("<h2>Properties</h2>");
    let stated = super::properties(version, exploration);
    if stated.is_empty() {
        page.push_str("<p>The manifest states none: <code>[properties]</code>.</p>");
    } else {
        page.push_str("<table><tr><th>Property</th><th>On every path explored</th></tr>");
        for Stated { property, broken } in stated {
            let verdict = match broken {
                None => "<span class=\"holds\">holds</span>".to_owned(),
                Some(path) => format!(
                    "<span class=\"broken\">does not hold</span>: {}",
                    escaped(&path)
                ),
            };
            let _ = write!(
                page,
                "<tr><td>{}</td><td>{verdict}</td></tr>",
                escaped(&property)
            );
        }
        page.push_str("</table>");
    }
    let findings = exploration.findings.iter();
    let others: Vec<_> = findings.filter(|found| found.line.is_none()).collect();
    if others.is_empty() {
        return;
    }
    page.push_str("<h2>Findings</h2><ul>");
    for found in others {
        let severity = match found.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let path = found.path.as_deref().unwrap_or_default();
        let _ = write!(
            page,
            "<li>{severity}: {} <span class=\"name\">{}</span></li>",
            escaped(&found.message),
            escaped(path)
        );
    }
    page.push_str("</ul>");
}

fn write_path(
    page: &mut String,
    version: &FlowVersion,
    exploration: &Exploration,
    path: &Path,
    number: usize,
) {
    let _ = write!(
        page,
        "<details><summary><b>{number}.</b> {} <span class=\"name\">({} s)</span></summary><table><tr><th></th>",
        escaped(&path.answers()),
        path.ms.div_ceil(1_000)
    );
    let Some(situation) = exploration.situations.get(path.situation) else {
        return;
    };
    let today = situation.known.today();
    let spoken: Vec<Vec<Line>> = version
        .languages
        .iter()
        .map(|language| lines(version, &path.events, today, Some(language)))
        .collect();
    for language in &version.languages {
        let _ = write!(page, "<th>{}</th>", escaped(language.as_str()));
    }
    page.push_str("<th></th></tr>");
    let count = version.languages.len();
    for (at, line) in spoken.first().into_iter().flatten().enumerate() {
        let class = line.speaker.as_str();
        let _ = write!(page, "<tr class=\"{class}\"><td>{class}</td>");
        if line.speaker == Speaker::Bot {
            for (lines, language) in spoken.iter().zip(&version.languages) {
                let words = lines.get(at).map(|line| line.text.as_str());
                let _ = write!(
                    page,
                    "<td lang=\"{}\">{}{}</td>",
                    escaped(language.as_str()),
                    escaped(words.unwrap_or_default()),
                    heard(line)
                );
            }
        } else {
            let _ = write!(page, "<td colspan=\"{count}\">{}</td>", escaped(&line.text));
        }
        let _ = write!(page, "<td class=\"name\">{}</td></tr>", escaped(&line.name));
    }
    let _ = write!(
        page,
        "</table><p class=\"name\">Customer: {}</p></details>",
        escaped(&situation.name)
    );
}

fn heard(line: &Line) -> &'static str {
    match line.heard {
        Some(Extent::Partial) => " <i>(interrupted)</i>",
        Some(Extent::Unheard) => " <i>(not heard)</i>",
        Some(Extent::Whole | Extent::Assumed) | None => "",
    }
}
