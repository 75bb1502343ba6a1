//! The references between messages and terms, and the variables each needs in total.
//!
//! Cycles, unknown names and overlong chains are found here, when a file is parsed, so that
//! rendering never meets them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use fluent_bundle::FluentResource;
use fluent_syntax::ast::{Entry, Expression, InlineExpression, Pattern, PatternElement};

use super::problem::Report;

/// The longest chain of references: rendering recurses along it.
const MAX_CHAIN: usize = 16;

/// The variables that a message needs, each with the line of one use.
pub(super) type Needs = BTreeMap<String, usize>;

/// A text that can be referred to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Name {
    term: bool,
    id: String,
    attribute: Option<String>,
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let dash = if self.term { "-" } else { "" };
        match &self.attribute {
            Some(attribute) => write!(f, "{dash}{}.{attribute}", self.id),
            None => write!(f, "{dash}{}", self.id),
        }
    }
}

/// The use of a variable.
#[derive(Debug, Clone, Copy)]
struct Use {
    line: usize,
    /// Whether it is spoken, rather than only used as a selector.
    spoken: bool,
}

/// A reference to another text.
#[derive(Debug)]
struct Reference {
    to: Name,
    line: usize,
    /// The arguments it passes to a term.
    given: BTreeSet<String>,
}

#[derive(Debug, Default)]
struct Node {
    line: usize,
    variables: BTreeMap<String, Use>,
    references: Vec<Reference>,
    /// Length of the longest chain of references from here.
    chain: usize,
}

type Graph = BTreeMap<Name, Node>;

/// The messages with a text.
pub(super) struct Messages {
    /// The variables of each.
    pub(super) needs: BTreeMap<String, Needs>,
    /// Those that others refer to.
    pub(super) parts: BTreeSet<String>,
}

/// Reads the messages. Problems go into the report.
pub(super) fn messages(resource: &FluentResource, report: &mut Report<'_>) -> Messages {
    let mut graph = read(resource, report);
    refuse_unknown_references(&graph, report);
    let order = resolve(&mut graph, report);
    let parts = graph
        .values()
        .flat_map(|node| &node.references)
        .filter(|reference| !reference.to.term)
        .map(|reference| reference.to.id.clone())
        .collect();
    let needs = order
        .into_iter()
        .filter(|name| !name.term && name.attribute.is_none())
        .map(|name| {
            let needs = graph.get(&name).map(|node| {
                node.variables
                    .iter()
                    .map(|(id, used)| (id.clone(), used.line))
                    .collect()
            });
            (name.id, needs.unwrap_or_default())
        })
        .collect();
    Messages { needs, parts }
}

fn read(resource: &FluentResource, report: &mut Report<'_>) -> Graph {
    let source = resource.source();
    let mut graph = Graph::new();
    let mut first_lines: BTreeMap<(bool, &str), usize> = BTreeMap::new();
    for entry in resource.entries() {
        let (term, id, value, attributes) = match entry {
            Entry::Message(message) => (
                false,
                message.id.name,
                message.value.as_ref(),
                &message.attributes,
            ),
            Entry::Term(term) => (true, term.id.name, Some(&term.value), &term.attributes),
            Entry::Comment(_)
            | Entry::GroupComment(_)
            | Entry::ResourceComment(_)
            | Entry::Junk { .. } => continue,
        };
        let line = report.line_in(source, id);
        // the bundle keeps messages and terms in one map, so `-emi` and `emi` would collide
        let first = first_lines
            .get(&(true, id))
            .or_else(|| first_lines.get(&(false, id)))
            .copied();
        if let Some(first) = first {
            report.error(
                line,
                format!("the name `{id}` was used in line {first}"),
                "give one of them another name",
            );
            continue;
        }
        first_lines.insert((term, id), line);
        let texts = value.map(|value| (None, value)).into_iter();
        let texts = texts.chain(
            attributes
                .iter()
                .map(|attribute| (Some(attribute.id.name.to_owned()), &attribute.value)),
        );
        for (attribute, pattern) in texts {
            let mut reader = Reader {
                source,
                report,
                node: Node {
                    line,
                    ..Node::default()
                },
            };
            reader.pattern(pattern);
            let node = reader.node;
            graph.insert(
                Name {
                    term,
                    id: id.to_owned(),
                    attribute,
                },
                node,
            );
        }
    }
    graph
}

/// Walks one text. The depth of its expressions was limited before parsing.
struct Reader<'r, 'a> {
    source: &'r str,
    report: &'r mut Report<'a>,
    node: Node,
}

impl Reader<'_, '_> {
    fn pattern(&mut self, pattern: &Pattern<&str>) {
        for element in &pattern.elements {
            if let PatternElement::Placeable { expression } = element {
                self.expression(expression);
            }
        }
    }

    fn expression(&mut self, expression: &Expression<&str>) {
        match expression {
            Expression::Inline(inline) => self.inline(inline, true),
            Expression::Select { selector, variants } => {
                self.inline(selector, false);
                for variant in variants {
                    self.pattern(&variant.value);
                }
            }
        }
    }

    fn inline(&mut self, inline: &InlineExpression<&str>, spoken: bool) {
        match inline {
            InlineExpression::StringLiteral { .. } | InlineExpression::NumberLiteral { .. } => {}
            InlineExpression::VariableReference { id } => {
                let line = self.report.line_in(self.source, id.name);
                let used = self
                    .node
                    .variables
                    .entry(id.name.to_owned())
                    .or_insert(Use { line, spoken });
                used.spoken |= spoken;
            }
            InlineExpression::MessageReference { id, attribute } => {
                self.reference(
                    false,
                    id.name,
                    attribute.as_ref().map(|attribute| attribute.name),
                    BTreeSet::new(),
                );
            }
            InlineExpression::TermReference {
                id,
                attribute,
                arguments,
            } => {
                let named = arguments.iter().flat_map(|arguments| &arguments.named);
                let given = named
                    .map(|argument| argument.name.name.to_owned())
                    .collect();
                self.reference(
                    true,
                    id.name,
                    attribute.as_ref().map(|attribute| attribute.name),
                    given,
                );
                for argument in arguments.iter().flat_map(|arguments| &arguments.positional) {
                    self.inline(argument, false);
                }
            }
            InlineExpression::FunctionReference { id, .. } => {
                let line = self.report.line_in(self.source, id.name);
                let hint = "write the variable alone: its type decides how it is spoken";
                self.report
                    .error(line, format!("there is no function `{}`", id.name), hint);
            }
            InlineExpression::Placeable { expression } => self.expression(expression),
        }
    }

    fn reference(
        &mut self,
        term: bool,
        id: &str,
        attribute: Option<&str>,
        given: BTreeSet<String>,
    ) {
        let line = self.report.line_in(self.source, id);
        let to = Name {
            term,
            id: id.to_owned(),
            attribute: attribute.map(str::to_owned),
        };
        self.node.references.push(Reference { to, line, given });
    }
}

fn refuse_unknown_references(graph: &Graph, report: &mut Report<'_>) {
    for reference in graph.values().flat_map(|node| &node.references) {
        if !graph.contains_key(&reference.to) {
            let hint = "add it to this file, or correct the name";
            report.error(
                reference.line,
                format!("there is no `{}`", reference.to),
                hint,
            );
        }
    }
}

/// Gives every text the variables of the texts it refers to, dependencies first, and returns that
/// order. Texts left over are part of a cycle, or refer to one.
fn resolve(graph: &mut Graph, report: &mut Report<'_>) -> Vec<Name> {
    let mut waiting: BTreeMap<Name, usize> = BTreeMap::new();
    let mut referring: BTreeMap<Name, Vec<Name>> = BTreeMap::new();
    for (name, node) in graph.iter() {
        let known: BTreeSet<&Name> = node
            .references
            .iter()
            .map(|reference| &reference.to)
            .filter(|to| graph.contains_key(to))
            .collect();
        waiting.insert(name.clone(), known.len());
        for to in known {
            referring.entry(to.clone()).or_default().push(name.clone());
        }
    }
    let mut ready: VecDeque<Name> = waiting
        .iter()
        .filter(|(_, count)| **count == 0)
        .map(|(name, _)| name.clone())
        .collect();
    let mut order = Vec::new();
    while let Some(name) = ready.pop_front() {
        inherit(graph, &name, report);
        for dependent in referring.get(&name).into_iter().flatten() {
            if let Some(count) = waiting.get_mut(dependent) {
                *count -= 1;
                if *count == 0 {
                    ready.push_back(dependent.clone());
                }
            }
        }
        order.push(name);
    }
    for (name, _) in waiting.iter().filter(|(_, count)| **count > 0) {
        let line = graph.get(name).map_or(1, |node| node.line);
        report.error(
            line,
            format!("`{name}` refers to itself, or to a text that does"),
            "break the circle",
        );
    }
    order
}

/// Adds the variables of the texts that a text refers to.
fn inherit(graph: &mut Graph, name: &Name, report: &mut Report<'_>) {
    let Some(node) = graph.get(name) else { return };
    let mut variables = node.variables.clone();
    let mut chain = 0;
    for reference in &node.references {
        let Some(other) = graph.get(&reference.to) else {
            continue;
        };
        chain = chain.max(other.chain + 1);
        for (id, used) in &other.variables {
            if !reference.to.term {
                let used = Use {
                    line: reference.line,
                    spoken: used.spoken,
                };
                variables.entry(id.clone()).or_insert(used).spoken |= used.spoken;
            } else if used.spoken && !reference.given.contains(id) {
                let message = format!(
                    "`{}` speaks `${id}`, which this reference does not give",
                    reference.to
                );
                let hint = format!(
                    "write {{ {}({id}: \"…\") }}, or make it a message: messages see the flow's arguments",
                    reference.to
                );
                report.error(reference.line, message, hint);
            }
        }
    }
    if chain > MAX_CHAIN {
        // reported once: texts that refer to this one start counting again
        report.error(
            node.line,
            format!("`{name}` begins a chain of over {MAX_CHAIN} references"),
            "shorten it",
        );
        chain = 0;
        variables.clear();
    }
    if let Some(node) = graph.get_mut(name) {
        node.variables = variables;
        node.chain = chain;
    }
}
