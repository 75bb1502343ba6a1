//! The URLs of this engine, as they are given to Exotel.

use axum::http::HeaderMap;
use axum::http::header::HOST;

use crate::config::Config;
use crate::secret::Secret;

/// The base URLs by which Exotel reaches this engine.
pub struct Base {
    http: String,
    /// With `ws` or `wss`.
    pub ws: String,
}

impl Base {
    /// From `public-url`; `None` if it is not set.
    pub fn public(config: &Config) -> Option<Self> {
        config.server.public_url.as_ref()?;
        Some(Self::new(config, &HeaderMap::new()))
    }

    /// From `public-url`, else from the `Host` of this request.
    pub fn new(config: &Config, headers: &HeaderMap) -> Self {
        let server = &config.server;
        let http = match &server.public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => {
                let host = headers.get(HOST).and_then(|host| host.to_str().ok());
                format!(
                    "http://{}",
                    host.map_or_else(|| server.listen.to_string(), str::to_owned)
                )
            }
        };
        // turns `http` into `ws`, and `https` into `wss`
        let ws = format!("ws{}", http.strip_prefix("http").unwrap_or(&http));
        Self {
            http: format!("{http}{}", server.path),
            ws: format!("{ws}{}", server.path),
        }
    }

    /// The URL of a stream. `shown` converts the token to the text that appears in the URL.
    pub fn stream(
        &self,
        config: &Config,
        session: &str,
        shown: impl Fn(&Secret) -> String,
    ) -> String {
        let token = config
            .server
            .stream_token
            .as_ref()
            .map_or_else(String::new, |token| format!("{}/", shown(token)));
        format!(
            "{}/ws/voicebot/{token}{session}?sample-rate={}",
            self.ws, config.calls.sample_rate_hz
        )
    }

    /// The URL of an applet. `shown` converts the token to the text that appears in the URL.
    pub fn applet(&self, config: &Config, path: &str, shown: impl Fn(&Secret) -> String) -> String {
        let token = config
            .server
            .applet_token
            .as_ref()
            .map_or_else(String::new, |token| format!("?token={}", shown(token)));
        format!("{}{path}{token}", self.http)
    }
}
