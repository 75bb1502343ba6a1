//! Checks that the prompt files provide what a flow uses.

use std::collections::{BTreeMap, BTreeSet};

use ghanti_model::{Language, TemplateUse};

use super::{MAX_PROMPT_BYTES, Pages, Severity, TemplateProblem};

/// Checks every language's file against the templates used.
pub(super) fn check(
    pages: &BTreeMap<Language, Pages>,
    uses: &[TemplateUse],
) -> Vec<TemplateProblem> {
    let mut problems = Vec::new();
    for one in uses {
        for page in pages.values() {
            problems.extend(missing(page, one));
            problems.extend(too_long(page, one));
        }
        problems.extend(unspoken(pages, one));
    }
    problems
}

fn missing(page: &Pages, one: &TemplateUse) -> Vec<TemplateProblem> {
    let problem = |line, message, hint| TemplateProblem {
        severity: Severity::Error,
        file: page.file.clone(),
        line,
        message,
        hint,
    };
    let name = &one.name;
    let Some(needs) = page.messages.get(name) else {
        let hint = format!("add a line `{name} = …`");
        return vec![problem(
            None,
            format!("there is no message `{name}`, which the flow uses"),
            hint,
        )];
    };
    let given: BTreeSet<&str> = one
        .arguments
        .iter()
        .map(|(argument, _)| argument.as_str())
        .collect();
    needs
        .iter()
        .filter(|(variable, _)| !given.contains(variable.as_str()))
        .map(|(variable, line)| {
            let gives = if given.is_empty() {
                "none".to_owned()
            } else {
                format!(
                    "`{}`",
                    given.iter().copied().collect::<Vec<_>>().join("`, `")
                )
            };
            let hint =
                format!("correct the name (the flow gives {gives}), or let the flow give it");
            problem(
                Some(*line),
                format!("message `{name}` needs `${variable}`, which the flow does not give"),
                hint,
            )
        })
        .collect()
}

/// A message too long for any call.
fn too_long(page: &Pages, one: &TemplateUse) -> Option<TemplateProblem> {
    let length = page
        .lengths
        .get(&one.name)
        .filter(|length| length.bytes > MAX_PROMPT_BYTES)?;
    Some(TemplateProblem {
        severity: Severity::Error,
        file: page.file.clone(),
        line: Some(length.line),
        message: format!(
            "message `{}` has {} bytes, and a prompt at most {MAX_PROMPT_BYTES}",
            one.name, length.bytes
        ),
        hint: "shorten it, or let the flow say it in several messages".to_owned(),
    })
}

/// Arguments that no language uses. One language may omit what another needs.
fn unspoken(pages: &BTreeMap<Language, Pages>, one: &TemplateUse) -> Vec<TemplateProblem> {
    let needed = |argument: &str| {
        pages.values().any(|page| {
            page.messages
                .get(&one.name)
                .is_some_and(|needs| needs.contains_key(argument))
        })
    };
    let missing_everywhere = pages
        .values()
        .all(|page| !page.messages.contains_key(&one.name));
    one.arguments
        .iter()
        .filter(|(argument, _)| !missing_everywhere && !needed(argument))
        .map(|(argument, _)| TemplateProblem {
            severity: Severity::Warning,
            file: "prompts".to_owned(),
            line: None,
            message: format!(
                "no language's message `{}` uses `${argument}`, which the flow gives",
                one.name
            ),
            hint: "use it, or let the flow leave it out".to_owned(),
        })
        .collect()
}
