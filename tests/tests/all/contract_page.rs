//! The contract's page of the book is what `wit/dialog.wit` says: `UPDATE_GOLDEN=1` writes it anew.

use std::fmt::Write as _;
use std::fs;

use crate::support::root;

const PAGE: &str = "docs/contract.md";

/// An item with its documentation: an interface, a type, a function, or a part of one.
#[derive(Debug, Default)]
struct Item {
    docs: Vec<String>,
    /// Its first line, without braces.
    head: String,
    parts: Vec<Item>,
}

/// Reads the items of a block, to its closing brace. The file is formatted with an item a line.
fn items<'w>(lines: &mut impl Iterator<Item = &'w str>) -> Vec<Item> {
    let (mut items, mut docs) = (Vec::new(), Vec::new());
    while let Some(line) = lines.next() {
        let line = line.trim();
        if let Some(doc) = line.strip_prefix("///") {
            docs.push(doc.trim().to_owned());
        } else if line == "}" {
            break;
        } else if line.is_empty() || line.starts_with("@since") {
        } else if let Some(head) = line.strip_suffix('{').filter(|line| !line.contains("use ")) {
            items.push(Item {
                docs: std::mem::take(&mut docs),
                head: head.trim().to_owned(),
                parts: self::items(lines),
            });
        } else {
            items.push(Item {
                docs: std::mem::take(&mut docs),
                head: line.trim_end_matches([';', ',']).to_owned(),
                parts: Vec::new(),
            });
        }
    }
    items
}

fn page(wit: &str) -> String {
    let read = items(&mut wit.lines());
    let [package, interfaces @ ..] = read.as_slice() else {
        panic!("the contract is empty")
    };
    let mut page = String::from("# The contract, item by item\n\n");
    let name = package.head.trim_start_matches("package ");
    let _ = writeln!(
        page,
        "Package `{name}`, as `wit/dialog.wit` defines it; `ghanti flow explain contract` prints that file. The libraries of [the three \
         languages](write-a-flow.md) wrap these functions.\n\n{}",
        package.docs.join("\n")
    );
    for interface in interfaces {
        let _ = writeln!(
            page,
            "\n## {}\n\n{}",
            interface.head,
            interface.docs.join("\n")
        );
        for item in interface.parts.iter().filter(|item| !is_use(item)) {
            write_item(&mut page, item);
        }
    }
    page
}

/// Names from another interface; a world's imports are the other sections.
fn is_use(item: &Item) -> bool {
    item.head.starts_with("use ") || item.head.starts_with("import ")
}

fn write_item(page: &mut String, item: &Item) {
    let head = item.head.trim_start_matches("export ");
    let (title, signature) = match head.split_once(':') {
        Some((name, _)) => (name.to_owned(), Some(head)),
        None => (head.to_owned(), None),
    };
    let _ = writeln!(page, "\n### {title}\n");
    if let Some(signature) = signature {
        let _ = writeln!(page, "```wit\n{signature}\n```\n");
    }
    let _ = writeln!(page, "{}", item.docs.join("\n"));
    if item.parts.is_empty() {
        return;
    }
    let _ = writeln!(page, "\n| | |\n|---|---|");
    for part in &item.parts {
        let docs = part.docs.join(" ").replace('|', "\\|");
        let _ = writeln!(page, "| `{}` | {docs} |", part.head.replace('|', "\\|"));
    }
}

#[test]
fn the_contracts_page_is_that_of_its_file() {
    let wit = fs::read_to_string(root().join("wit/dialog.wit")).unwrap();
    let page = page(&wit);
    // nothing of the file is left out
    for line in wit.lines().map(str::trim) {
        let words = line.trim_start_matches('/').trim();
        let is_syntax = line.starts_with("@since") || line == "}" || line.starts_with("use ");
        if !line.starts_with("///") || is_syntax || words.is_empty() {
            continue;
        }
        let escaped = words.replace('|', "\\|");
        assert!(
            page.contains(words) || page.contains(&escaped),
            "`{words}` is not on the page"
        );
    }
    let file = root().join(PAGE);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&file, &page).unwrap();
    }
    let kept = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        kept == page,
        "`{PAGE}` is not what the contract says: UPDATE_GOLDEN=1 writes it anew"
    );
    let summary = fs::read_to_string(root().join("docs/SUMMARY.md")).unwrap();
    assert!(
        summary.contains("(contract.md)"),
        "the page is in no table of contents"
    );
}
