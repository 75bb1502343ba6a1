//! The paths of a conversation drawn as a graph, and written as a page for people who read neither
//! code nor manifests.

mod graph;
mod layout;
mod page;
mod svg;

use std::collections::BTreeSet;

use ghanti_host::FlowVersion;

use crate::paths::{Exploration, Path, shape};
use svg::Style;

pub use graph::{Graph, Question, Row, Target};

/// The paths to show: those without disturbances, each once, whichever customers take it.
pub fn distinct(exploration: &Exploration) -> Vec<&Path> {
    let mut seen = BTreeSet::new();
    let distinct = exploration.paths.iter();
    distinct
        .filter(|path| seen.insert(shape(&path.events)))
        .collect()
}

/// The conversation as a graph: questions, what follows their answers, and how it ends.
pub fn graph(version: &FlowVersion, exploration: &Exploration) -> Graph {
    Graph::of(version, exploration, &distinct(exploration))
}

/// The graph as an SVG image.
pub fn svg(graph: &Graph) -> String {
    svg::draw(graph, &layout::place(graph), Style::Within)
}

/// The graph as an SVG element without colours, for a page whose style sheet has the classes:
/// `title`, `words`, `answer`, `said`, `box`, `head`, `start`, `row`, `arrow`, `point`, `end`,
/// `transfer`, `failure`, `side`.
pub fn drawing(graph: &Graph) -> String {
    svg::draw(graph, &layout::place(graph), Style::OfPage)
}

/// How a path ends: its outcome, with the target of a transfer, or why it fails.
pub fn ending(path: &Path) -> String {
    let outcome = path.outcome().unwrap_or("no outcome");
    match (&path.failure, path.transfer()) {
        (Some(failure), _) => format!("fails: {failure}"),
        (None, Some(target)) => format!("{outcome}, transfer to {target}"),
        (None, None) => outcome.to_owned(),
    }
}

/// A property that a manifest states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stated {
    /// The property, in words.
    pub property: String,
    /// The path on which it does not hold, if there is one.
    pub broken: Option<String>,
}

/// The properties that a manifest states, against the paths.
pub fn properties(version: &FlowVersion, exploration: &Exploration) -> Vec<Stated> {
    let properties = &version.manifest().properties;
    let mut stated: Vec<_> = properties.orders.iter().map(ToString::to_string).collect();
    if properties.every_path_ends {
        stated.push("every path ends, with an outcome".to_owned());
    }
    if let Some(longest_ms) = properties.longest_call_ms {
        stated.push(format!(
            "no call takes longer than {} s",
            longest_ms / 1_000
        ));
    }
    let stated = stated.into_iter().map(|property| {
        let named = format!("“{property}”");
        let mut findings = exploration.findings.iter();
        let broken = findings.find(|found| found.line.is_some() && found.message.contains(&named));
        Stated {
            broken: broken.map(|found| found.path.clone().unwrap_or_default()),
            property,
        }
    });
    stated.collect()
}

/// A page with the graph, the properties, and every path with its prompts in each of the flow's
/// languages. It loads nothing from elsewhere.
pub fn page(version: &FlowVersion, exploration: &Exploration) -> String {
    let graph = graph(version, exploration);
    page::write(version, exploration, &distinct(exploration), &svg(&graph))
}

/// Text for XML and HTML.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // not allowed in XML, and not to be seen
            letter if letter.is_control() => escaped.push(' '),
            letter => escaped.push(letter),
        }
    }
    escaped
}
