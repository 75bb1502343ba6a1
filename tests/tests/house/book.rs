//! The pages of `docs/` are a book: its summary has each of them, and no link leads nowhere.

use std::collections::BTreeSet;
use std::path::Path;

use super::{files, root};

/// The targets of a page's links to other files of the repository, without what is in code.
fn links(text: &str) -> Vec<String> {
    let mut is_code = false;
    let mut found = Vec::new();
    for line in text.lines() {
        is_code ^= line.trim_start().starts_with("```");
        if is_code {
            continue;
        }
        let prose: String = line.split('`').step_by(2).collect();
        for rest in prose.split("](").skip(1) {
            let Some((target, _)) = rest.split_once(')') else {
                continue;
            };
            let target = target.split('#').next().unwrap();
            if !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:") {
                found.push(target.to_owned());
            }
        }
    }
    found
}

fn pages(folder: &str) -> Vec<std::path::PathBuf> {
    let mut pages = files(folder);
    pages.retain(|path| path.extension().is_some_and(|end| end == "md"));
    pages
}

#[test]
fn no_link_of_a_page_leads_nowhere() {
    let mut all = pages("docs");
    all.extend(
        ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"]
            .map(|name| root().join(name))
            .into_iter()
            .chain(pages("plugins")),
    );
    let mut checked = 0;
    for page in &all {
        let text = std::fs::read_to_string(page).unwrap();
        for target in links(&text) {
            let led_to = page.parent().unwrap().join(&target);
            assert!(led_to.exists(), "{}: {target}", page.display());
            checked += 1;
        }
    }
    assert!(checked > 100, "{checked} links");
}

#[test]
fn the_summary_has_every_page() {
    let docs = root().join("docs");
    let summary = std::fs::read_to_string(docs.join("SUMMARY.md")).unwrap();
    let listed: BTreeSet<String> = links(&summary).into_iter().collect();
    let there: BTreeSet<String> = pages("docs")
        .iter()
        .filter_map(|path| path.strip_prefix(&docs).ok().and_then(Path::to_str))
        .filter(|name| *name != "SUMMARY.md")
        .map(str::to_owned)
        .collect();
    assert_eq!(listed, there);
}

#[test]
fn links_in_code_are_none() {
    let text = "[a](b.md#c) `[x](y)` [z](https://x.y)\n```\n[c](d)\n```\n[e](../f.md)";
    assert_eq!(links(text), ["b.md", "../f.md"]);
}
