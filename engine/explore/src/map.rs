//! The paths of a conversation drawn as a graph, and written as a page for people who read neither
//! code nor manifests.

mod graph;
mod layout;
mod page;
mod svg;

use std::collections::BTreeSet;

use ghanti_host::FlowVersion;

use crate::paths::{Exploration, Path, shape};

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
    svg::draw(graph, &layout::place(graph))
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
