//! The types of a flow's variables, as its prompt files declare them in their comments:
//! `# $amount (money) what is due`.
//!
//! This is Fluent's own way to document variables. Such a line may stand in any comment: above a
//! message, a group (`##`) or the whole file (`###`). A variable has one type in all of a flow.

use std::collections::BTreeMap;

use fluent_syntax::ast::{Comment, Entry};
use fluent_syntax::parser;
use ghanti_model::Language;
use ghanti_model::description::Kind;

use super::Pages;
use super::problem::{Report, TemplateProblem, line_of};

/// The declared variables of one file, each with the line of its first declaration.
pub(super) type Declared = BTreeMap<String, (Kind, usize)>;

const EXAMPLE: &str = "write it like `# $amount (money) what is due`";

/// Reads the declarations of a file that is known to be valid Fluent.
pub(super) fn read(text: &str, report: &mut Report<'_>) -> Declared {
    let resource = match parser::parse(text) {
        Ok(resource) | Err((resource, _)) => resource,
    };
    let mut declared = Declared::new();
    for entry in &resource.body {
        let comment = match entry {
            Entry::Message(message) => message.comment.as_ref(),
            Entry::Term(term) => term.comment.as_ref(),
            Entry::Comment(comment)
            | Entry::GroupComment(comment)
            | Entry::ResourceComment(comment) => Some(comment),
            Entry::Junk { .. } => None,
        };
        for line in comment.into_iter().flat_map(lines) {
            let at = line_of(text, (line.as_ptr() as usize) - (text.as_ptr() as usize));
            match declaration(line.trim()) {
                None => {}
                Some(Err(message)) => report.error(at, message, EXAMPLE),
                Some(Ok((name, kind))) => {
                    let (first, line) = *declared.entry(name.to_owned()).or_insert((kind, at));
                    if first != kind {
                        report.error(
                            at,
                            format!("`${name}` is {kind} here and {first} in line {line}"),
                            "a variable has one type: correct one of them, or give one another name",
                        );
                    }
                }
            }
        }
    }
    declared
}

fn lines<'c>(comment: &'c Comment<&str>) -> impl Iterator<Item = &'c str> {
    comment.content.iter().copied()
}

/// Reads `$NAME (TYPE) …`; `None` if the line declares nothing.
fn declaration(line: &str) -> Option<Result<(&str, Kind), String>> {
    let rest = line.strip_prefix('$')?;
    let end = rest
        .find(|character: char| !(character.is_ascii_alphanumeric() || "-_".contains(character)))
        .unwrap_or(rest.len());
    let (name, rest) = rest.split_at(end);
    let kind = rest
        .trim_start()
        .strip_prefix('(')
        .and_then(|rest| rest.split_once(')'))
        .map(|(kind, _)| kind.trim());
    Some(match (name, kind) {
        ("", _) => Err("this line declares a variable without a name".to_owned()),
        (_, None) => Err(format!("`${name}` is declared without its type")),
        (_, Some(kind)) => Kind::named(kind).map(|kind| (name, kind)).ok_or_else(|| {
            format!(
                "`${name}` has the type `{kind}`, and there are {}",
                Kind::ALL.map(Kind::as_str).join(", ")
            )
        }),
    })
}

/// The declarations of all files of a flow; problems where two of them disagree.
pub(super) fn together(
    pages: &BTreeMap<Language, Pages>,
) -> Result<BTreeMap<String, Kind>, Vec<TemplateProblem>> {
    let mut together: BTreeMap<String, (Kind, &str)> = BTreeMap::new();
    let mut problems = Vec::new();
    for page in pages.values() {
        for (name, (kind, line)) in &page.declared {
            let (first, file) = *together
                .entry(name.clone())
                .or_insert((*kind, page.file.as_str()));
            if first != *kind {
                problems.push(TemplateProblem::error(
                    &page.file,
                    Some(*line),
                    format!("`${name}` is {kind} here and {first} in `{file}`"),
                    "a variable has one type in all languages: correct one of them".to_owned(),
                ));
            }
        }
    }
    if problems.is_empty() {
        Ok(together
            .into_iter()
            .map(|(name, (kind, _))| (name, kind))
            .collect())
    } else {
        Err(problems)
    }
}
