//! `ghanti flow explain` and `ghanti flow schema`: the reference of what authors write, for a
//! terminal and for editors.

use std::io::Write;
use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, ValueEnum};
use serde_json::json;

use super::outcome;
use super::reference::{Document, Key, plain, row, schema};
use super::settings;

/// Width of the output in columns.
const WIDTH: usize = 100;
/// The pages that have a row or an entry for errors.
const PAGES: [(&str, &str); 3] = [
    (
        "docs/problems.md",
        include_str!("../../../../docs/problems.md"),
    ),
    (
        "docs/versions.md",
        include_str!("../../../../docs/versions.md"),
    ),
    (
        "docs/records.md",
        include_str!("../../../../docs/records.md"),
    ),
];
const FLOWS: &str = include_str!("../../../../docs/flows.md");
const GRAMMARS: &str = include_str!("../../../../docs/grammars.md");
const CONTRACT: &str = include_str!("../../../../wit/dialog.wit");

const MANIFEST: Document = Document {
    title: "flow.toml, the manifest of a flow",
    errors: |text| match ghanti_manifest::Manifest::parse(text) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.into_iter().map(|error| error.message).collect(),
    },
    lists: &[],
    switches: &[("prompts", "texts")],
    is_serdes: false,
};

const TESTS: Document = Document {
    title: "tests/*.toml, a conversation that a flow has to hold",
    errors: ghanti_explore::flow_tests::test_complaints,
    lists: &["caller", "actions"],
    switches: &[],
    is_serdes: false,
};

const SCENARIO: Document = Document {
    title: "a scenario of `ghanti call`",
    errors: |text| match toml::from_str::<ghanti_sim::Scenario>(text) {
        Ok(_) => Vec::new(),
        Err(error) => vec![error.message().to_owned()],
    },
    lists: &["caller"],
    switches: &[],
    is_serdes: true,
};

/// The part of the page about flows that is about a kind of file.
fn page(document: &Document) -> &'static str {
    let (manifest, tests) = FLOWS
        .split_once("\n## Tests of a flow")
        .unwrap_or((FLOWS, ""));
    let tests = tests.split("\n## ").next().unwrap_or_default();
    if document.title == MANIFEST.title {
        // the part before it is about the contract
        manifest
            .split_once("\n## Prompts")
            .map_or(manifest, |(_, manifest)| manifest)
    } else if document.title == TESTS.title {
        tests
    } else {
        ""
    }
}

/// What is explained.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum File {
    Manifest,
    Tests,
    Scenario,
    Config,
}

/// Explain what authors write: manifest, tests, scenario, config, contract, grammars, or an error by its name
///
/// Exits with 0, with 1 if there is nothing of that name, and with 2 for wrong use.
#[derive(Args)]
pub struct Explain {
    /// manifest, tests, scenario, config, contract, grammars, a step of loading, or the name of an error
    topic: String,
    /// A key or a section to explain alone
    key: Option<String>,
    /// Print it as JSON
    #[arg(long)]
    pub json: bool,
}

/// Print the JSON Schema of a file, for editors
#[derive(Args)]
pub struct Schema {
    /// The kind of file
    file: File,
}

impl Schema {
    /// Prints it.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let schema = match self.file {
            File::Manifest => schema(&MANIFEST, &|name| row(page(&MANIFEST), name)),
            File::Tests => schema(&TESTS, &|name| row(page(&TESTS), name)),
            File::Scenario => schema(&SCENARIO, &|_| None),
            File::Config => settings::schema(),
        };
        outcome::print(&schema)?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Explain {
    /// Explains.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let key = self.key.as_deref();
        let text = match self.topic.as_str() {
            "manifest" => reference(&MANIFEST, key),
            "tests" | "test" => reference(&TESTS, key),
            "scenario" => reference(&SCENARIO, key),
            "config" => settings::explained(key),
            "contract" => contract(key),
            "grammars" | "grammar" => grammars(key),
            name => error(name),
        };
        let Some(text) = text else {
            let what =
                key.map_or_else(|| self.topic.clone(), |key| format!("{} {key}", self.topic));
            if self.topic.is_empty() {
                bail!("name a topic");
            }
            let reported = format!(
                "there is no topic `{what}`: name manifest, tests, scenario, config, contract or grammars, perhaps with a key, or the name of an error"
            );
            if self.json {
                outcome::print(&json!({ "error": reported }))?;
            } else {
                writeln!(std::io::stderr(), "ghanti: {reported}")?;
            }
            return Ok(ExitCode::from(outcome::REFUSED));
        };
        if self.json {
            outcome::print(&json!({ "topic": self.topic, "text": text }))?;
        } else {
            write!(std::io::stdout(), "{text}")?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn reference(document: &Document, key: Option<&str>) -> Option<String> {
    let mut text = format!("{}\n", document.title);
    let keys = document.keys();
    let is_meant = |name: &str| key.is_none_or(|key| key.trim_matches(['[', ']']) == name);
    let mut found = false;
    let page = page(document);
    section(
        &mut text,
        page,
        "",
        &keys,
        &is_meant,
        key.is_none(),
        &mut found,
    );
    found.then_some(text)
}

/// Writes the keys of a table, and the tables below it.
fn section(
    text: &mut String,
    page: &str,
    path: &str,
    keys: &[Key],
    is_meant: &dyn Fn(&str) -> bool,
    all: bool,
    found: &mut bool,
) {
    let meant: Vec<_> = keys
        .iter()
        .filter(|key| all || is_meant(&key.name))
        .collect();
    let plain_keys: Vec<_> = meant
        .iter()
        .filter(|key| key.takes.below().is_empty())
        .collect();
    if !plain_keys.is_empty() {
        *found = true;
        if !path.is_empty() {
            text.push_str(&format!("\n[{path}]\n"));
        }
        for key in plain_keys {
            entry(text, page, &key.name, &key.takes.words());
        }
    }
    for key in keys {
        let is_this = all || is_meant(&key.name);
        let below = key.takes.below();
        if is_this && !below.is_empty() {
            *found = true;
        }
        for (name, inner) in below {
            let parts = [path, &key.name, name];
            let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
            let path = parts.join(".");
            if is_this {
                // a section that the page describes elsewhere has only a short entry there
                let sentence = row(page, &key.name)
                    .filter(|reported| reported.contains(' '))
                    .unwrap_or_default();
                text.push_str(&format!("\n[{path}]\n"));
                wrapped(text, "  ", &sentence);
                for key in inner.iter().filter(|key| key.takes.below().is_empty()) {
                    entry(text, page, &key.name, &key.takes.words());
                }
                let tables: Vec<Key> = inner
                    .iter()
                    .filter(|key| !key.takes.below().is_empty())
                    .cloned()
                    .collect();
                section(text, page, &path, &tables, is_meant, true, found);
            } else {
                section(text, page, &path, inner, is_meant, all, found);
            }
        }
    }
}

fn entry(text: &mut String, page: &str, name: &str, takes: &str) {
    text.push_str(&format!("  {name}\n"));
    wrapped(text, "      ", &format!("takes {takes}"));
    if let Some(sentence) = row(page, name) {
        wrapped(text, "      ", &sentence);
    }
}

/// Adds a text, wrapped to the width.
fn wrapped(text: &mut String, indent: &str, words: &str) {
    let mut line = String::new();
    for word in words.split_whitespace() {
        if !line.is_empty()
            && indent.len() + line.chars().count() + 1 + word.chars().count() > WIDTH
        {
            text.push_str(&format!("{indent}{line}\n"));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        text.push_str(&format!("{indent}{line}\n"));
    }
}

/// The contract, or its item of this name.
fn contract(key: Option<&str>) -> Option<String> {
    let Some(key) = key else {
        return Some(CONTRACT.to_owned());
    };
    let lines: Vec<_> = CONTRACT.lines().collect();
    let is_named = |line: &str| {
        let line = line.trim_start();
        let declared = [
            "record ",
            "variant ",
            "enum ",
            "interface ",
            "world ",
            "type ",
            "export ",
        ]
        .iter()
        .any(|word| {
            line.strip_prefix(word)
                .is_some_and(|rest| rest.split([' ', ':', '{', '=']).next() == Some(key))
        });
        declared || line.starts_with(&format!("{key}: func"))
    };
    let at = lines.iter().position(|line| is_named(line))?;
    let is_comment = |line: &&str| {
        let line = line.trim_start();
        line.starts_with("///") || line.starts_with('@')
    };
    let before = lines
        .iter()
        .take(at)
        .rev()
        .take_while(|line| is_comment(line))
        .count();
    let indent = |line: &str| line.len() - line.trim_start().len();
    let own = lines.get(at).copied().map(indent)?;
    let mut text = String::new();
    for (number, line) in lines.iter().enumerate().skip(at - before) {
        text.push_str(line);
        text.push('\n');
        let is_end = line.trim_end().ends_with(';') || line.trim_end().ends_with('}');
        if number >= at && is_end && indent(line) == own {
            break;
        }
    }
    Some(text)
}

/// The page about grammars, or one of its sections.
fn grammars(key: Option<&str>) -> Option<String> {
    let Some(key) = key else {
        return Some(plain_page(GRAMMARS));
    };
    let mut parts = GRAMMARS.split("\n## ");
    let part = parts.find(|part| part.to_lowercase().starts_with(&key.to_lowercase()));
    let of_heading = part.map(|part| format!("## {}\n", plain_page(part).trim_end()));
    of_heading.or_else(|| row(GRAMMARS, key).map(|sentence| format!("{key}: {sentence}\n")))
}

fn plain_page(page: &str) -> String {
    let lines: Vec<_> = page.lines().map(plain).collect();
    format!("{}\n", lines.join("\n"))
}

/// An error by its name: a kind of problem of the API, a step of loading, an outcome.
fn error(name: &str) -> Option<String> {
    let name = name.trim_start_matches("/problems/");
    let mut text = String::new();
    for (page, content) in PAGES {
        let is_row = |line: &&str| {
            line.strip_prefix("| ").is_some_and(|line| {
                line.split(" | ")
                    .next()
                    .is_some_and(|first| first.contains(&format!("`{name}`")))
            })
        };
        for line in content.lines().filter(is_row) {
            let cells: Vec<_> = line.trim_matches('|').split(" | ").map(plain).collect();
            text.push_str(&format!("{name} ({page})\n"));
            for cell in cells.iter().skip(1) {
                wrapped(&mut text, "  ", cell);
            }
        }
    }
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use serde_json::Value;

    use super::*;

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
    }

    fn as_json(text: &str) -> Value {
        fn json_of(value: &toml::Value) -> Value {
            match value {
                toml::Value::Datetime(moment) => json!(moment.to_string()),
                toml::Value::Array(items) => items.iter().map(json_of).collect(),
                toml::Value::Table(table) => table
                    .iter()
                    .map(|(name, value)| (name.clone(), json_of(value)))
                    .collect(),
                other => serde_json::to_value(other).unwrap(),
            }
        }
        json_of(&toml::Value::Table(text.parse().unwrap()))
    }

    fn errors(schema: &Value, text: &str) -> Vec<String> {
        let validator = jsonschema::validator_for(schema).unwrap();
        let found = as_json(text);
        validator
            .iter_errors(&found)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect()
    }

    fn files(folder: &str) -> Vec<(PathBuf, String)> {
        let entries = fs::read_dir(root().join(folder)).unwrap();
        entries
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|ending| ending == "toml"))
            .map(|path| {
                let text = fs::read_to_string(&path).unwrap();
                (path, text)
            })
            .collect()
    }

    #[test]
    fn shipped_files_fit_their_schemas() {
        let manifest = schema(&MANIFEST, &|name| row(page(&MANIFEST), name));
        let test = schema(&TESTS, &|_| None);
        for flow in ["emi-reminder", "appointment", "survey"] {
            let text = fs::read_to_string(root().join("plugins").join(flow).join("flow.toml"));
            assert_eq!(errors(&manifest, &text.unwrap()), [""; 0], "{flow}");
            let tests = files(&format!("plugins/{flow}/tests"));
            assert!(tests.len() > 3);
            for (path, text) in tests {
                assert_eq!(errors(&test, &text), [""; 0], "{}", path.display());
            }
        }
        let scenario = schema(&SCENARIO, &|_| None);
        for (path, text) in files("tests/scenarios") {
            assert_eq!(errors(&scenario, &text), [""; 0], "{}", path.display());
        }
        let config = settings::schema();
        let text = fs::read_to_string(root().join("engine/deploy/ghanti.toml")).unwrap();
        assert_eq!(errors(&config, &text), [""; 0]);
    }

    #[test]
    fn files_with_mistakes_do_not() {
        let manifest = schema(&MANIFEST, &|_| None);
        for text in [
            "[flow]\ntitel = 'x'",
            "[flow]\ntitle = 7",
            "[prompt]\ntexts = false",
            "[limits]\ncompute-ms = 60000",
            "[limits]\ncompute-ms = 'fast'",
            "[match]\ndirection = 'sideways'",
            "[prompts.a]\ninterruptible = 'yes'",
            "[questions.a]\nexpects = 'fruit'",
            "[customer]\nname = { type = 'fruit' }",
            "[on-failure]\nthen = 'dance'",
            "[update]\nweight = 101",
        ] {
            assert!(!errors(&manifest, text).is_empty(), "{text}");
            assert!(ghanti_manifest::Manifest::parse(text).is_err(), "{text}");
        }
        let test = schema(&TESTS, &|_| None);
        for text in [
            "[call]\ndirection = 'sideways'",
            "[expect]\nout-come = 'x'",
            "[[caller]]\nasks = 'x'",
            "caller = 'x'",
        ] {
            assert!(!errors(&test, text).is_empty(), "{text}");
        }
        let scenario = schema(&SCENARIO, &|_| None);
        for text in [
            "titel = 'x'",
            "direction = 'sideways'",
            "known = 'yes'",
            "[customer]\nphon = 'x'",
        ] {
            assert!(!errors(&scenario, text).is_empty(), "{text}");
        }
        let config = settings::schema();
        for text in [
            "[server]\nlisten-on = 'x'",
            "[server]\nmax-calls = 'many'",
            "[servre]\n",
        ] {
            assert!(!errors(&config, text).is_empty(), "{text}");
        }
    }

    #[test]
    fn every_topic_is_explained_in_whole_and_by_key() {
        for (text, words) in [
            (reference(&MANIFEST, None), "[on-failure]"),
            (
                reference(&MANIFEST, Some("compute-ms")),
                "a whole number from 10 to 1000",
            ),
            (reference(&MANIFEST, Some("expects")), "\"digits\""),
            (reference(&MANIFEST, Some("[questions]")), "no-input"),
            (reference(&TESTS, Some("does")), "\"hang-up\""),
            (reference(&SCENARIO, Some("direction")), "\"inbound\""),
            (
                settings::explained(Some("deploy-flows")),
                "whether flows can be deployed",
            ),
            (settings::explained(Some("[stores]")), "redis-url"),
            (contract(Some("outcome")), "outcome: func("),
            (contract(Some("refusal")), "missing: list<string>"),
            (grammars(None), "date"),
            (error("flow-rejected"), "422"),
            (error("link"), "the component itself"),
        ] {
            let text = text.unwrap_or_else(|| panic!("nothing with `{words}`"));
            assert!(
                text.to_lowercase().contains(&words.to_lowercase()),
                "{words}:\n{text}"
            );
        }
        assert_eq!(reference(&MANIFEST, Some("fruit")), None);
        assert_eq!(error("fruit"), None);
        assert_eq!(contract(Some("fruit")), None);
    }
}
