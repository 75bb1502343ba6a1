//! Who can reach the engine: the listening address and the tokens. Exotel does not sign its
//! requests, so all three tokens are needed when others can reach the engine: each protects an
//! answer that contains another token. For the same reason a configuration with one or two tokens
//! is rejected even on a loopback address.

use crate::secret::Secret;

use super::Server;

/// Minimum length of a token in bytes, so that it cannot be guessed.
const LEAST: usize = 16;
/// Maximum length of a token in bytes, so that it fits into a URL.
const MOST: usize = 256;

/// Checks the tokens and the listening address together.
pub(super) fn check(server: &Server, errors: &mut Vec<String>) {
    let tokens = tokens(server);
    let (set, missing): (Vec<_>, Vec<_>) =
        tokens.into_iter().partition(|(_, token)| token.is_some());
    let names = |tokens: &[(&str, Option<&Secret>)]| {
        tokens
            .iter()
            .map(|(name, _)| format!("`{name}`"))
            .collect::<Vec<_>>()
            .join(" and ")
    };
    for (name, token, current) in previous(server) {
        match (token, current) {
            (Some(_), None) => errors.push(format!(
                "`previous-{name}` of `[server]` is set without `{name}`: it is accepted in addition to a new token; set that too, or remove it"
            )),
            (Some(token), Some(current)) if token == current => errors.push(format!(
                "`previous-{name}` of `[server]` is the same as `{name}`: remove it"
            )),
            (Some(token), _) => {
                if let Some(wrong) = wrong_with(token.expose()) {
                    errors.push(format!("`previous-{name}` of `[server]` {wrong}"));
                }
            }
            (None, _) => {}
        }
    }
    for (name, token) in &set {
        if let Some(wrong) = token.and_then(|token| wrong_with(token.expose())) {
            errors.push(format!("`{name}` of `[server]` {wrong}"));
        }
    }
    if server.insecure || missing.is_empty() {
        return;
    }
    if !set.is_empty() {
        errors.push(format!(
            "`[server]` sets {} but not {}: set all three tokens, since each protects an answer of the engine that contains another one; or, in \
             a test, give `--insecure` or `insecure = true`",
            names(&set),
            names(&missing)
        ));
    } else if !server.listen.ip().to_canonical().is_loopback() {
        errors.push(format!(
            "`listen` of `[server]` is `{}`, which others can reach, and there are no tokens: set `stream-token`, `applet-token` and \
             `api-token` (`ghanti init` writes a configuration with random ones), or listen on `127.0.0.1:{}` behind a proxy; or, in a \
             test, give `--insecure` or `insecure = true`",
            server.listen,
            server.listen.port()
        ));
    }
}

/// The tokens with their setting names.
pub(super) fn tokens(server: &Server) -> [(&'static str, Option<&Secret>); 3] {
    [
        ("stream-token", server.stream_token.as_ref()),
        ("applet-token", server.applet_token.as_ref()),
        ("api-token", server.api_token.as_ref()),
    ]
}

/// All tokens that are set, including the previous ones, with their setting names.
pub(super) fn all(server: &Server) -> impl Iterator<Item = (String, &Secret)> {
    let current = tokens(server).into_iter();
    let current = current.filter_map(|(name, token)| Some((name.to_owned(), token?)));
    let previous = previous(server).into_iter();
    current
        .chain(previous.filter_map(|(name, token, _)| Some((format!("previous-{name}"), token?))))
}

/// The previous tokens, with the names and values of the current ones.
fn previous(server: &Server) -> [(&'static str, Option<&Secret>, Option<&Secret>); 3] {
    [
        ("stream-token", server.stream_tokens()),
        ("applet-token", server.applet_tokens()),
        ("api-token", server.api_tokens()),
    ]
    .map(|(name, tokens)| (name, tokens.previous, tokens.current))
}

/// Why a text cannot be used as a token. The message does not contain the text.
pub(super) fn wrong_with(token: &str) -> Option<String> {
    let is_printable = |character: char| character.is_ascii_graphic();
    if token.is_empty() {
        Some("is empty: give a random text, such as the output of `openssl rand -hex 16`, or remove it".to_owned())
    } else if token.trim() != token {
        Some(
            "begins or ends with a space or a line break, which no request can carry: remove it"
                .to_owned(),
        )
    } else if !token.chars().all(is_printable) {
        Some("has a space, a control character or a character beyond ASCII: use printable ASCII, which fits into URLs and headers".to_owned())
    } else if !(LEAST..=MOST).contains(&token.len()) {
        Some(format!(
            "has {} characters: use {LEAST} to {MOST}, such as the output of `openssl rand -hex 16`",
            token.len()
        ))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::super::read::{CommandLine, ConfigError, read_with};

    const TOKENS: &str = "stream-token = 'stream-0123456789'\napplet-token = 'applet-0123456789'\napi-token = 'api-0123456789-x'\n";

    fn serving(server: &str, line: CommandLine) -> Result<Config, ConfigError> {
        read_with(
            &format!("[server]\n{server}"),
            [],
            &CommandLine {
                serves: true,
                ..line
            },
        )
    }

    fn refused(server: &str) -> String {
        let ConfigError(errors) = serving(server, CommandLine::default()).unwrap_err();
        assert_eq!(errors.len(), 1, "{errors:#?}");
        errors.concat()
    }

    #[test]
    fn without_tokens_only_this_machine_reaches_the_engine() {
        let config = serving("", CommandLine::default()).unwrap();
        assert_eq!(config.server.listen, "127.0.0.1:8000".parse().unwrap());
        for listen in ["127.0.0.2:80", "[::1]:8000", "[::ffff:127.0.0.1]:8000"] {
            assert!(
                serving(&format!("listen = '{listen}'"), CommandLine::default()).is_ok(),
                "{listen}"
            );
        }
        for listen in [
            "0.0.0.0:8000",
            "192.168.1.4:8000",
            "[::]:8000",
            "[::ffff:10.0.0.1]:1",
        ] {
            let error = refused(&format!("listen = '{listen}'"));
            assert!(
                error.contains(listen)
                    && error.contains("--insecure")
                    && error.contains("ghanti init"),
                "{error}"
            );
            assert!(
                serving(
                    &format!("listen = '{listen}'\n{TOKENS}"),
                    CommandLine::default()
                )
                .is_ok(),
                "{listen}"
            );
            assert!(
                serving(
                    &format!("listen = '{listen}'\ninsecure = true"),
                    CommandLine::default()
                )
                .is_ok(),
                "{listen}"
            );
        }
    }

    #[test]
    fn the_command_line_overrides_the_file_before_the_check() {
        let listen = |address: &str| CommandLine {
            listen: Some(address.parse().unwrap()),
            ..CommandLine::default()
        };
        assert!(serving("listen = '0.0.0.0:8000'", listen("127.0.0.1:0")).is_ok());
        assert!(serving("", listen("0.0.0.0:8000")).is_err());
        assert!(
            serving(
                "",
                CommandLine {
                    insecure: true,
                    ..listen("0.0.0.0:8000")
                }
            )
            .unwrap()
            .server
            .insecure
        );
        // a command that does not serve needs no tokens
        assert!(
            read_with(
                "[server]\nlisten = '0.0.0.0:8000'",
                [],
                &CommandLine::default()
            )
            .is_ok()
        );
    }

    #[test]
    fn all_three_tokens_or_none() {
        for set in 1..7 {
            let lines: Vec<_> = TOKENS
                .lines()
                .enumerate()
                .filter(|(at, _)| set >> at & 1 == 1)
                .map(|(_, line)| line)
                .collect();
            let error = refused(&lines.join("\n"));
            for name in ["`stream-token`", "`applet-token`", "`api-token`"] {
                assert!(error.contains(name), "{error}");
            }
            assert!(!error.contains("0123456789"), "{error}");
        }
        assert!(serving(TOKENS, CommandLine::default()).is_ok());
    }

    #[test]
    fn a_previous_token_needs_a_current_one() {
        let with = |more: &str| format!("{TOKENS}{more}");
        assert!(
            serving(
                &with("previous-api-token = 'api-9876543210-x'"),
                CommandLine::default()
            )
            .is_ok()
        );
        for (server, word) in [
            (
                with("previous-api-token = 'api-0123456789-x'"),
                "is the same as `api-token`",
            ),
            (
                with("previous-stream-token = 'short'"),
                "`previous-stream-token` of `[server]` has 5",
            ),
            (
                "previous-applet-token = 'applet-0123456789'".to_owned(),
                "is set without `applet-token`",
            ),
        ] {
            let error = refused(&server);
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn a_token_that_no_request_can_carry_or_that_is_easy_to_guess_is_refused() {
        for (token, word) in [
            ("", "is empty"),
            ("   ", "space"),
            ("0123456789abcdef\\n", "line break"),
            (" 0123456789abcdef", "space"),
            ("0123456789 abcdef", "space"),
            ("0123456789\\tabcdef", "control"),
            ("0123456789abcdé-f", "beyond ASCII"),
            ("short", "has 5 characters"),
        ] {
            let server = TOKENS.replace("'api-0123456789-x'", &format!("\"{token}\""));
            let error = refused(&server);
            assert!(
                error.contains("`api-token` of `[server]`") && error.contains(word),
                "`{token}`: {error}"
            );
            assert!(token.trim().is_empty() || !error.contains(token), "{error}");
        }
        // characters that a URL must encode are allowed
        assert!(
            serving(
                &TOKENS.replace("'api-0123456789-x'", "'p+q/r?s#t%u&v=w;x@y:z'"),
                CommandLine::default()
            )
            .is_ok()
        );
    }
}
