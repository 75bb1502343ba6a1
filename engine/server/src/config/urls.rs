//! Checks of settings that are URLs. Errors about a store's URL name the setting and never contain
//! its value, which may include a password.

/// The connection parameters that the PostgreSQL client supports. It would log the value of any
/// other parameter, so unknown ones are rejected here.
const POSTGRES_PARAMETERS: [&str; 18] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

/// Checks `public-url` together with `path`, which is appended to it.
pub(super) fn public(url: &str, path: &str, errors: &mut Vec<String>) {
    let setting = "`public-url` of `[server]`";
    let rest = match url.split_once("://") {
        Some(("https" | "http", rest)) => rest,
        Some(("wss" | "ws", _)) => {
            errors.push(format!(
                "{setting} is `{url}`: write the address of the web server, `https://…`; the stream's `wss://…` follows from it"
            ));
            return;
        }
        _ => {
            errors.push(format!(
                "{setting} is `{url}`: it has to begin with `https://` (or `http://` in a test)"
            ));
            return;
        }
    };
    if let Some(wrong) = rest
        .chars()
        .find(|character| !character.is_ascii_graphic() || "?#@\\\"<>{}|^`".contains(*character))
    {
        errors.push(format!(
            "{setting} is `{url}`, with `{}`: give scheme, host and path only",
            wrong.escape_default()
        ));
        return;
    }
    let (host, below) = rest.split_once('/').unwrap_or((rest, ""));
    if host.is_empty() || host.starts_with(':') {
        errors.push(format!(
            "{setting} is `{url}`, without a host: write it as `https://bot.example.com`"
        ));
    }
    if host
        .rsplit_once(':')
        .is_some_and(|(_, port)| !port.ends_with(']') && port.parse::<u16>().is_err())
    {
        errors.push(format!(
            "{setting} is `{url}`, whose port is not a number from 0 to 65535"
        ));
    }
    let below = below.trim_end_matches('/');
    if !path.is_empty() && format!("/{below}").ends_with(path) {
        errors.push(format!(
            "{setting} is `{url}` and ends with `path`, which is `{path}` and is appended to it: Exotel would be sent to `/{below}{path}`; \
             write `public-url` without it"
        ));
    }
}

/// Checks `path`, the prefix of all routes.
pub(super) fn path(path: &str, errors: &mut Vec<String>) {
    let setting = "`path` of `[server]`";
    if path.is_empty() {
        return;
    }
    if !path.starts_with('/') || path.ends_with('/') || path.contains("//") {
        errors.push(format!(
            "{setting} is `{path}`: it has to begin with a slash and end without one, or be empty"
        ));
    } else if !path.bytes().all(|byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.' | b'~')
    }) {
        errors.push(format!(
            "{setting} is `{path}`: use letters, digits, `-`, `_`, `.` and `~` between slashes"
        ));
    }
}

/// Checks the URL of a store.
pub(super) fn store(
    key: &str,
    url: &str,
    schemes: &[&str],
    without: &str,
    errors: &mut Vec<String>,
) {
    let setting = format!("`{key}` of `[stores]`");
    if url.trim().is_empty() {
        errors.push(format!(
            "{setting} is empty: give a URL, or remove it {without}"
        ));
        return;
    }
    let names = || {
        schemes
            .iter()
            .map(|scheme| format!("`{scheme}:`"))
            .collect::<Vec<_>>()
            .join(" or ")
    };
    let Some((scheme, rest)) = url
        .split_once(':')
        .filter(|(scheme, _)| schemes.contains(scheme))
    else {
        errors.push(format!("{setting} does not begin with {}", names()));
        return;
    };
    if url
        .chars()
        .any(|character| character.is_whitespace() || character.is_control())
    {
        errors.push(format!(
            "{setting} has a space or a line break: remove it, or percent-encode it"
        ));
        return;
    }
    if matches!(scheme, "sqlite" | "unix" | "redis+unix") {
        return;
    }
    let Some(rest) = rest.strip_prefix("//") else {
        errors.push(format!("{setting} lacks the `//` after `{scheme}:`"));
        return;
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, behind) = rest.split_at(end);
    let query = behind.split_once('?').map_or("", |(_, query)| query);
    let before_query = behind.split(['?', '#']).next().unwrap_or_default();
    // an `@` after the host belongs to a password that contains `/`, `?` or `#`
    if authority.matches('@').count() > 1 || behind.contains('@') {
        errors.push(format!(
            "{setting} has more than one `@`, or `/`, `?` or `#` before it: percent-encode them in the password (`@` is `%40`)"
        ));
    } else if !is_encoded(authority) || !is_encoded(before_query) {
        errors.push(format!(
            "{setting} has a `%` that does not begin a percent-encoded character: write `%25`"
        ));
    } else if let Some((_, port)) = authority
        .rsplit('@')
        .next()
        .unwrap_or_default()
        .rsplit_once(':')
        .filter(|(_, port)| !port.ends_with(']'))
        && port.parse::<u16>().is_err()
    {
        errors
            .push(format!("{setting} has a port that is not a number: check whether the password has a `:`, `/` or `@` that must be percent-encoded"));
    }
    if scheme.starts_with("postgres") {
        let is_known = |name: &str| {
            POSTGRES_PARAMETERS.contains(&name)
                || (name.starts_with("options[") && name.ends_with(']'))
        };
        for name in query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split('=').next().unwrap_or_default())
        {
            if !is_known(name) {
                // shown only if it looks like a parameter's name: it may be the end of a password
                let is_plain = name.len() <= 32 && pair_has_value(query, name);
                let shown = if is_plain {
                    format!(" `{name}`")
                } else {
                    String::new()
                };
                errors.push(format!("{setting} has a parameter{shown} that PostgreSQL's client does not know: correct or remove it"));
            }
        }
    }
}

fn pair_has_value(query: &str, name: &str) -> bool {
    let is_name = name
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'-' | b'_'));
    is_name
        && query.split('&').any(|pair| {
            pair.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with('='))
        })
}

fn is_encoded(text: &str) -> bool {
    text.split('%').skip(1).all(|after| {
        after
            .get(..2)
            .is_some_and(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(check: impl FnOnce(&mut Vec<String>)) -> String {
        let mut errors = Vec::new();
        check(&mut errors);
        errors.join("\n")
    }

    #[test]
    fn a_public_url_that_ends_with_the_path_or_is_invalid_is_an_error() {
        for (url, path, word) in [
            ("https://bot.example.com/bot", "/bot", "`/bot/bot`"),
            ("https://bot.example.com/bot/", "/bot", "without it"),
            ("https://bot.example.com/a/bot", "/bot", "without it"),
            ("bot.example.com", "", "begin with `https://`"),
            ("", "", "begin with `https://`"),
            ("wss://bot.example.com", "", "follows from it"),
            ("https://", "", "without a host"),
            ("https:///bot", "", "without a host"),
            ("https://bot.example.com:80800", "", "port"),
            ("https://bot.example.com?a=1", "", "with `?`"),
            ("https://bot.example.com/#x", "", "with `#`"),
            ("https://user:pass@bot.example.com", "", "with `@`"),
            ("https://bot.example.com\n", "", "with `\\n`"),
            (" https://bot.example.com", "", "begin with `https://`"),
        ] {
            let errors = errors(|errors| public(url, path, errors));
            assert!(
                errors.contains("`public-url` of `[server]`") && errors.contains(word),
                "`{url}` {path}: {errors}"
            );
        }
        for (url, path) in [
            ("https://bot.example.com", "/bot"),
            ("https://bot.example.com/", "/bot"),
            ("https://bot.example.com:8443/voice", "/bot"),
            ("http://[::1]:8000", ""),
            ("https://bot.example.com/robot", "/bot"),
        ] {
            assert_eq!(errors(|errors| public(url, path, errors)), "", "`{url}`");
        }
    }

    #[test]
    fn a_path_that_cannot_be_a_prefix_of_routes_is_an_error() {
        for wrong in [
            "bot", "/bot/", "/", "//bot", "/{bot}", "/a b", "/bot?x", "/*rest",
        ] {
            assert!(
                errors(|errors| path(wrong, errors)).contains(&format!("`{wrong}`")),
                "{wrong}"
            );
        }
        assert_eq!(
            errors(|errors| ["", "/bot", "/a/b-c_d.e~f"]
                .iter()
                .for_each(|right| path(right, errors))),
            ""
        );
    }

    #[test]
    fn no_error_contains_a_part_of_a_stores_password() {
        let database = |url: &str| {
            errors(|errors| {
                store(
                    "database-url",
                    url,
                    &["postgres", "postgresql", "sqlite"],
                    "to use SQLite",
                    errors,
                )
            })
        };
        for (url, word) in [
            ("", "is empty"),
            ("  ", "is empty"),
            ("hunter2", "does not begin with"),
            ("mysql://u:hunter2@host/calls", "does not begin with"),
            ("postgres:u:hunter2@host", "lacks the `//`"),
            ("postgres://u:hun@ter2@host/calls", "percent-encode"),
            ("postgres://u:hun/ter2@host/calls", "percent-encode"),
            ("postgres://u:hun#ter2@host/calls", "percent-encode"),
            ("postgres://u:hun?ter2@host/calls", "percent-encode"),
            ("postgres://u:hunter%2@host/calls", "`%25`"),
            ("postgres://u:hunter2@host:54x/calls", "port"),
            ("postgres://u@host/calls?passwrd=hunter2", "`passwrd`"),
            ("postgres://u@host/calls?hunter2", "a parameter that"),
            ("postgres://u:hunter2@host/calls\n", "line break"),
        ] {
            let errors = database(url);
            assert!(
                errors.starts_with("`database-url` of `[stores]`") && errors.contains(word),
                "`{url}`: {errors}"
            );
            for part in ["hun", "ter2"] {
                assert!(!errors.contains(part), "`{url}`: {errors}");
            }
        }
        for right in [
            "postgres://u:p%40w@host:5432/calls?sslmode=require",
            "postgresql:///calls",
            "sqlite://data/calls.db",
            "sqlite::memory:",
        ] {
            assert_eq!(database(right), "", "{right}");
        }
    }
}
