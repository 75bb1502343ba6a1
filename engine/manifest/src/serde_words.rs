//! What serde says of a TOML file that does not fit, as the people read it who write such files.

use toml::de::{DeTable, Error};

use crate::spelling::did_you_mean;
use crate::syntax;

/// The error of a TOML file: its line, the key, what is wrong, and what to write. The text is shown
/// as far as it is no TOML; values are not.
pub fn toml_error(text: &str, error: &Error) -> String {
    let span = error.span().unwrap_or(0..0);
    let before = text.get(..span.start).unwrap_or(text);
    let line = 1 + before.matches('\n').count();
    if DeTable::parse(text).is_err() {
        let what = syntax::describe(text, span, error.message());
        return format!("line {line}: {what}");
    }
    let what = words(error.message(), "key");
    let written = before.rsplit('\n').next().unwrap_or_default();
    match written.split_once('=') {
        Some((key, _)) => format!("line {line}: `{}`: {what}", key.trim()),
        None => format!("line {line}: {what}"),
    }
}

/// What serde says of a value in words of TOML: of a key that there is not, the one that was meant,
/// and of a value of another type, what it takes. `noun` is what a key is called there.
pub fn words(message: &str, noun: &str) -> String {
    let message = message.trim();
    let unknown = |prefix: &str| message.strip_prefix(prefix)?.split_once("`, expected ");
    if let Some((name, known)) = unknown("unknown field `") {
        return format!("unknown {noun} `{name}`{}", of(name, known));
    }
    if let Some((name, known)) = unknown("unknown variant `") {
        return format!("it takes no `{name}`{}", of(name, known));
    }
    if let Some(name) = message.strip_prefix("missing field ") {
        return format!("{name} is missing");
    }
    wrong_type(message).unwrap_or_else(|| message.to_owned())
}

/// The one that was meant of those that are known, or all of them.
fn of(name: &str, known: &str) -> String {
    let known: Vec<_> = known.split('`').skip(1).step_by(2).collect();
    let meant = did_you_mean(name, known.iter().copied());
    if meant.is_empty() {
        format!(": there are {}", known.join(", "))
    } else {
        meant
    }
}

/// Of a value of another type or range. The value is not repeated.
fn wrong_type(message: &str) -> Option<String> {
    let (kind, rest) = message.split_once(": ")?;
    let (found, expected) = rest.rsplit_once(", expected ")?;
    let expected = match expected {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" | "u64" | "usize" => "a whole number from 0 on",
        "i32" | "i64" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "`true` or `false`",
        "a string" | "a borrowed string" | "path string" => "a text in quotes",
        "a sequence" => "a list",
        "a map" => "a section",
        _ if expected.starts_with("struct ") => "a section",
        _ => expected,
    };
    let found = match found.split([' ', '`']).next()? {
        "string" => "a text",
        "integer" => "a whole number",
        "floating" => "a number with a point",
        "boolean" => "`true` or `false`",
        "sequence" => "a list",
        "map" => "a section",
        _ => return None,
    };
    match kind {
        "invalid type" => Some(format!("it takes {expected}, and has {found}")),
        "invalid value" => Some(format!("it takes {expected}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "kebab-case")]
    #[allow(dead_code, reason = "only read")]
    struct File {
        title: String,
        speed: Option<f32>,
        times: Option<u16>,
        ends: Option<Ends>,
        callers: Option<Vec<Caller>>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "only read")]
    struct Caller {
        say: String,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Ends {
        HungUp,
        Transferred,
    }

    #[test]
    fn each_mistake_has_its_line_key_and_what_to_write() {
        for (text, reported) in [
            (
                "titel = \"x\"\n",
                "line 1: unknown key `titel`; did you mean `title`?",
            ),
            (
                "title = \"x\"\nzzz = 1\n",
                "line 2: unknown key `zzz`: there are title, speed, times, ends, callers",
            ),
            (
                "\ntitle = 5\n",
                "line 2: `title`: it takes a text in quotes, and has a whole number",
            ),
            (
                "title = \"x\"\nspeed = \"fast\"\n",
                "line 2: `speed`: it takes a number, and has a text",
            ),
            (
                "title = \"x\"\ntimes = 70000\n",
                "line 2: `times`: it takes a whole number from 0 to 65535",
            ),
            (
                "title = \"x\"\nends = \"hangup\"\n",
                "line 2: `ends`: it takes no `hangup`; did you mean `hung-up`?",
            ),
            (
                "title = \"x\"\n[callers]\nsay = \"y\"\n",
                "line 2: it takes a list, and has a section",
            ),
            (
                "title = \"x\"\n[[callers]]\nsey = \"y\"\n",
                "line 3: unknown key `sey`; did you mean `say`?",
            ),
            ("title = \"x\"\n[[callers]]\n", "line 2: `say` is missing"),
            (
                "title = Asha Rao\n",
                "line 1: `Asha Rao` is a text without quotes: write `title = \"Asha Rao\"`",
            ),
            (
                "title = \"x\"\ntitle = \"y\"\n",
                "line 2: `title` is there twice",
            ),
        ] {
            let error = toml::from_str::<File>(text).unwrap_err();
            let words = toml_error(text, &error);
            assert!(words.starts_with(reported), "{text}: {words}");
        }
    }
}
