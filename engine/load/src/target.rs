//! The bot that is called: an engine, with the applets' requests around each stream, or any bot that
//! speaks Exotel's wire, at the URL of its socket.

use ghanti_sim::applets::{Applets, EngineError};
use reqwest::Url;

/// Whom calls go to.
#[derive(Debug, Clone)]
pub enum Target {
    /// An engine at its base URL, as Exotel calls it: Passthru, the dynamic URL, the stream,
    /// Passthru after it, the status callback.
    Engine(Applets),
    /// A socket alone.
    Socket(Url),
}

/// The bot's URL cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// No URL, or of another scheme.
    #[error(
        "`{0}` is no URL of a bot: give an engine's address, such as `http://127.0.0.1:8000`, or a socket's, such as `ws://127.0.0.1:8765/media`"
    )]
    Url(String),
    /// An engine's address that cannot be used.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl Target {
    /// Reads a URL: `http` and `https` are an engine's, `ws` and `wss` a socket's.
    ///
    /// # Errors
    /// It is no such URL.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        let wrong = || TargetError::Url(shown(text));
        let url = Url::parse(text).map_err(|_| wrong())?;
        match url.scheme() {
            "ws" | "wss" => Ok(Self::Socket(url)),
            "http" | "https" => Ok(Self::Engine(Applets::new(text)?)),
            _ => Err(wrong()),
        }
    }
}

/// A URL without credentials and query, for reports.
pub fn shown(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let (host, path) = rest
                .split_once('/')
                .map_or((rest, None), |(host, path)| (host, Some(path)));
            let host = host.rsplit('@').next().unwrap_or_default();
            match path {
                Some(path) => format!("{scheme}://{host}/{path}"),
                None => format!("{scheme}://{host}"),
            }
        }
        None => url.rsplit('@').next().unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_distinguishes_an_engine_from_a_socket() {
        assert!(matches!(
            Target::parse("http://127.0.0.1:8000").unwrap(),
            Target::Engine(_)
        ));
        assert!(matches!(
            Target::parse("wss://bot.example/media").unwrap(),
            Target::Socket(_)
        ));
        for text in ["127.0.0.1:8000", "ftp://bot.example", "bot"] {
            assert!(Target::parse(text).unwrap_err().to_string().contains(text));
        }
    }

    #[test]
    fn credentials_are_in_no_report() {
        for (url, reports) in [
            (
                "http://a:b@bot.example:8000/x?token=c",
                "http://bot.example:8000/x",
            ),
            ("ws://127.0.0.1:1", "ws://127.0.0.1:1"),
            ("a:b@bot", "bot"),
        ] {
            assert_eq!(shown(url), reports);
        }
    }
}
