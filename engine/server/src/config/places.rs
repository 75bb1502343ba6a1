//! Where in a configuration's file an error is, by the setting that it names. Pure.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// How deep tables are searched for a key.
const DEPTH_MAX: usize = 8;

/// What is said of a setting that is above all sections.
pub(super) const NO_SECTION: &str = " stands in no section";
/// What is said of a value where there has to be a section.
pub(super) const NEEDS_SECTION: &str = " has to be a section";

/// The lines of a configuration's settings.
pub(super) struct Places<'t> {
    text: &'t str,
    document: Option<Spanned<DeTable<'t>>>,
    /// Section and key of settings that the environment overrides: what is wrong with these is not in the file.
    overridden: Vec<(String, String)>,
}

impl<'t> Places<'t> {
    pub(super) fn of(text: &'t str, overridden: Vec<(String, String)>) -> Self {
        Self {
            text,
            document: DeTable::parse(text).ok(),
            overridden,
        }
    }

    /// The error with its line in front, if what it names is in the file: `` `key` of `[section]` `` or `` `[section]` ``.
    pub(super) fn placed(&self, error: &str) -> String {
        match self.line(error) {
            Some(line) => format!("line {line}: {error}"),
            None => error.to_owned(),
        }
    }

    fn line(&self, error: &str) -> Option<usize> {
        let (section, key) = named(error)?;
        let is_overridden = |key: &str| {
            let mut overridden = self.overridden.iter();
            overridden.any(|(of, name)| of == section && name == key)
        };
        if key.is_some_and(is_overridden) {
            return None;
        }
        let mut table = self.document.as_ref()?.get_ref();
        let mut at = None;
        for name in section.split('.') {
            let Some((key, item)) = entry(table, name) else {
                break;
            };
            at = Some(key);
            match item.get_ref() {
                DeValue::Table(inner) => table = inner,
                _ => break,
            }
        }
        if let Some(key) = key {
            at = match entry(table, key) {
                // the error may be about a key further within
                Some((start, item)) => Some(
                    unknown_field(error)
                        .and_then(|name| within(item.get_ref(), name, 0))
                        .unwrap_or(start),
                ),
                None => at,
            };
        }
        let before = self.text.get(..at?)?;
        Some(1 + before.matches('\n').count())
    }
}

/// The section and the key with which an error begins.
fn named(error: &str) -> Option<(&str, Option<&str>)> {
    let rest = error.strip_prefix("unknown section ").unwrap_or(error);
    let rest = rest.strip_prefix('`')?;
    let (first, rest) = rest.split_once('`')?;
    if let Some(section) = first.strip_prefix('[') {
        return Some((section.strip_suffix(']')?, None));
    }
    if [NO_SECTION, NEEDS_SECTION]
        .iter()
        .any(|said| rest.starts_with(said))
    {
        return Some((first, None));
    }
    let (section, _) = rest.strip_prefix(" of `[")?.split_once("]`")?;
    Some((section, Some(first)))
}

/// The field of which an error says that it is unknown.
fn unknown_field(error: &str) -> Option<&str> {
    let (_, rest) = error.split_once("unknown setting `")?;
    Some(rest.split_once('`')?.0)
}

/// Where a key begins, and its value.
fn entry<'d, 't>(table: &'d DeTable<'t>, name: &str) -> Option<(usize, &'d Spanned<DeValue<'t>>)> {
    let mut entries = table.iter();
    let (key, item) = entries.find(|(key, _)| key.get_ref().as_ref() == name)?;
    Some((key.span().start, item))
}

/// Where a key begins somewhere in a value.
fn within(value: &DeValue<'_>, name: &str, depth: usize) -> Option<usize> {
    if depth > DEPTH_MAX {
        return None;
    }
    match value {
        DeValue::Table(table) => entry(table, name).map(|(start, _)| start).or_else(|| {
            let mut items = table.iter();
            items.find_map(|(_, item)| within(item.get_ref(), name, depth + 1))
        }),
        DeValue::Array(items) => items
            .iter()
            .find_map(|item| within(item.get_ref(), name, depth + 1)),
        _ => None,
    }
}

/// What serde says of a value, as an operator reads it.
pub(super) fn words(message: &str) -> String {
    if message == "invalid socket address syntax" {
        return "it takes an address and a port, such as \"127.0.0.1:8000\"".to_owned();
    }
    ghanti_manifest::words(message, "setting")
}

#[cfg(test)]
mod tests {
    use super::super::read;

    #[test]
    fn an_error_has_its_line_and_the_setting_that_was_meant() {
        for (text, reported) in [
            (
                "# ours\n[server]\nlisten = \"127.0.0.1:1\"\nmax-cals = 5\n",
                "line 4: `max-cals` of `[server]`: unknown setting `max-cals`; did you mean `max-calls`?",
            ),
            (
                "[server]\nmax-calls = 0\n",
                "line 2: `max-calls` of `[server]` is `0`",
            ),
            (
                "[server]\n\nlisten = \"here\"\n",
                "line 3: `listen` of `[server]`: it takes an address and a port, such as \"127.0.0.1:8000\"",
            ),
            (
                "\n[servr]\n",
                "line 2: unknown section `[servr]`; did you mean `[server]`?",
            ),
            (
                "# ours\nlisten = \"127.0.0.1:8000\"\n",
                "line 2: `listen` stands in no section: write it under `[server]`",
            ),
            (
                "\napi-key = \"abc\"\n[server]\nmax-calls = 5\n",
                "line 2: `api-key` stands in no section: write it under `[exotel]`",
            ),
            (
                "colour = 1\n",
                "line 1: `colour` stands in no section, and no section has it: there are server, tokens, ",
            ),
            (
                "lisen = 1\n",
                "line 1: `lisen` stands in no section: did you mean `listen` of `[server]`?",
            ),
            (
                "[log]\n[calls]\nagents = []\n[[calls.x]]\n",
                "line 4: `x` of `[calls]`: unknown setting `x`",
            ),
            (
                "\nserver = 5\n",
                "line 2: `server` has to be a section: write `[server]`",
            ),
            (
                "[server]\nmax-calls = \"five\"\n",
                "line 2: `max-calls` of `[server]`: it takes a whole number from 0 on, and has a text",
            ),
            (
                "[server]\nmax-calls = -5\n",
                "line 2: `max-calls` of `[server]`: it takes a whole number from 0 on",
            ),
            (
                "[server]\ninsecure = \"yes\"\n",
                "line 2: `insecure` of `[server]`: it takes `true` or `false`, and has a text",
            ),
            (
                "[flows]\nfolder = \"flows\"\n",
                "line 2: `folder` of `[flows]`: it takes a section, and has a text",
            ),
            (
                "[calls]\nagents = \"0800\"\n",
                "line 2: `agents` of `[calls]`: it takes a list, and has a text",
            ),
            (
                "[calls]\nagents = [\n\"x\"]\n",
                "line 2: `agents` of `[calls]`",
            ),
            (
                "[stores]\nzzz = 1\n",
                "line 2: `zzz` of `[stores]`: unknown setting `zzz`: there are redis-url, database-url, ",
            ),
            (
                "[actions.crm]\nkind = 'http'\nurl = 'https://crm.example.com/'\ntimeot-ms = 5\n",
                "line 4: `crm` of `[actions]`: unknown setting `timeot-ms`; did you mean `timeout-ms`?",
            ),
        ] {
            let errors = read(text, []).unwrap_err().0;
            assert!(
                errors.iter().any(|error| error.starts_with(reported)),
                "{text}: {errors:#?}"
            );
        }
    }

    #[test]
    fn a_value_of_the_environment_has_no_line() {
        let variable = ("GHANTI_SERVER_MAX_CALLS".to_owned(), "0".to_owned());
        let errors = read("[server]\nmax-calls = 5\n", [variable]).unwrap_err().0;
        assert!(
            errors[0].starts_with("`max-calls` of `[server]` is `0`"),
            "{errors:?}"
        );
    }
}
