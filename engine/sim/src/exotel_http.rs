//! Exotel's HTTP client: the requests that applets make, and what Exotel reads in the answers.
//!
//! Every request has a timeout of [`APPLET_LIMIT`], like Exotel's. Nothing is retried, and
//! redirections are not followed: 302 is a branch.

use std::time::Duration;

use ghanti_exotel::applet::{ConnectReply, Destination, DynamicUrl, SwitchCase};
use ghanti_model::PhoneNumber;
use reqwest::header::{CONTENT_TYPE, HOST};
use reqwest::{Client, Method, RequestBuilder, StatusCode, Url};

use crate::fault::WireFault;
use crate::http::HttpClientError;
use crate::proxy::{Proxy, SCHEME_HEADER};

/// Timeout of Exotel's requests to an applet's URL.
pub const APPLET_LIMIT: Duration = Duration::from_secs(5);

/// Connections that are kept open to a peer. A call makes its requests one after another, so few
/// are needed at once.
const IDLE_CONNECTIONS: usize = 64;

/// The answer to an applet's request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its `Content-Type`; empty without one.
    pub content_type: String,
    /// Its body.
    pub body: String,
}

/// The answer to the Connect applet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Connected {
    /// The agents' numbers, in the order of dialling.
    pub numbers: Vec<PhoneNumber>,
    /// The URL for events of the agents' legs.
    pub events: Option<Url>,
    /// Whether Exotel asks again after an attempt that failed.
    pub fetch_after_attempt: bool,
    /// The longest time that a phone rings, if the answer says one.
    pub rings_at_most: Option<Duration>,
}

/// A client for applets' URLs.
#[derive(Debug, Clone)]
pub struct ExotelHttp {
    client: Client,
    proxy: Option<Proxy>,
}

impl ExotelHttp {
    /// Creates a client.
    ///
    /// # Errors
    /// The system has no TLS or no resolver.
    pub fn new() -> Result<Self, HttpClientError> {
        let http = crate::http::client()?
            .timeout(APPLET_LIMIT)
            .redirect(reqwest::redirect::Policy::none())
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .build()?;
        Ok(Self {
            client: http,
            proxy: None,
        })
    }

    /// Sends requests through a proxy in front of the engine.
    pub fn through(self, proxy: Option<Proxy>) -> Self {
        Self { proxy, ..self }
    }

    /// The proxy in front of the engine.
    pub fn proxy(&self) -> Option<&Proxy> {
        self.proxy.as_ref()
    }

    /// Begins a request, through the proxy if there is one. `request` names it in faults.
    ///
    /// # Errors
    /// Exotel does not accept the proxy's certificate.
    pub fn request(
        &self,
        request: &'static str,
        method: Method,
        mut url: Url,
    ) -> Result<RequestBuilder, WireFault> {
        let fault = |problem| WireFault::Applet { request, problem };
        let route = match &self.proxy {
            Some(proxy) => proxy.route(&url).map_err(fault)?,
            None => None,
        };
        let Some(route) = route else {
            return Ok(self.client.request(method, url));
        };
        let wrong = || fault("the URL cannot be mapped to the engine".to_owned());
        url.set_scheme("http").map_err(|()| wrong())?;
        url.set_ip_host(route.engine.ip()).map_err(|()| wrong())?;
        url.set_port(Some(route.engine.port()))
            .map_err(|()| wrong())?;
        Ok(self
            .client
            .request(method, url)
            .header(HOST, route.host)
            .header(SCHEME_HEADER, route.scheme))
    }

    /// The client itself, for requests that are not an applet's.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Makes an applet's request: the parameters are added to the query of the URL. `request` names
    /// it in faults.
    pub async fn get(
        &self,
        request: &'static str,
        url: Url,
        parameters: &[(&'static str, String)],
    ) -> Result<Answer, WireFault> {
        // Connect's header (support article 3000096873); Passthru is not known to lack it
        let get = self
            .request(request, Method::GET, url)?
            .header("exotel-version", "1.0")
            .query(parameters);
        send(request, get).await
    }
}

/// Sends a request of Exotel's and reads the answer. `request` names it in faults.
pub async fn send(request: &'static str, ready: RequestBuilder) -> Result<Answer, WireFault> {
    let fault = |error: reqwest::Error| WireFault::Applet {
        request,
        problem: without_url(&error),
    };
    let response = ready.send().await.map_err(fault)?;
    let content_type = response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    Ok(Answer {
        status: response.status(),
        content_type,
        body: response.text().await.map_err(fault)?,
    })
}

impl Answer {
    /// The case that a SwitchCase applet finds in the answer to the Passthru before it: `select` of
    /// a body of JSON (support article 3000052018).
    pub fn select(&self) -> Option<String> {
        let case: SwitchCase = serde_json::from_str(&self.body).ok()?;
        (self.status == StatusCode::OK).then_some(case.select)
    }

    /// Whether the body is declared as Exotel wants it for SwitchCase.
    pub fn is_plain_text(&self) -> bool {
        self.content_type
            .trim_start()
            .to_ascii_lowercase()
            .starts_with(SwitchCase::CONTENT_TYPE)
    }

    /// The stream's URL in the answer to a dynamic URL.
    pub fn stream_url(&self, request: &'static str) -> Result<Url, WireFault> {
        serde_json::from_str::<DynamicUrl>(&self.body)
            .ok()
            .and_then(|reply| Url::parse(&reply.url).ok())
            .filter(|url| self.status == StatusCode::OK && matches!(url.scheme(), "ws" | "wss"))
            .ok_or_else(|| WireFault::Applet {
                request,
                problem: format!("status {} without `{{\"url\": \"wss://…\"}}`", self.status),
            })
    }

    /// Whom a Connect applet dials. As strict as Exotel: one wrong field rejects the whole answer.
    pub fn connected(&self, request: &'static str) -> Result<Connected, WireFault> {
        let fault = |problem: String| WireFault::Applet { request, problem };
        if self.status != StatusCode::OK {
            return Err(fault(format!("status {}, not 200", self.status)));
        }
        let reply = ConnectReply::parse(&self.body).map_err(|error| fault(error.to_string()))?;
        let Destination::Numbers(numbers) = reply.destination else {
            return Err(fault("a trunk, and no numbers".to_owned()));
        };
        let events = reply.dial_passthru_event_url.map(|url| Url::parse(&url));
        let events = events
            .transpose()
            .map_err(|error| fault(format!("`dial_passthru_event_url` is not a URL: {error}")))?;
        Ok(Connected {
            numbers,
            events,
            fetch_after_attempt: reply.fetch_after_attempt == Some(true),
            rings_at_most: reply
                .max_ringing_duration
                .map(|seconds| Duration::from_secs(seconds.into())),
        })
    }
}

/// The error without the URL, whose query contains a phone number.
pub fn without_url(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("no answer within {} s", APPLET_LIMIT.as_secs());
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: StatusCode, body: &str) -> Answer {
        Answer {
            status,
            content_type: "text/plain; charset=utf-8".to_owned(),
            body: body.to_owned(),
        }
    }

    #[test]
    fn a_case_is_selected_by_json_with_200() {
        let case = answer(StatusCode::OK, r#"{"select":"transfer"}"#);
        assert_eq!(case.select().as_deref(), Some("transfer"));
        assert!(case.is_plain_text());
        assert_eq!(answer(StatusCode::FOUND, &case.body).select(), None);
        assert_eq!(answer(StatusCode::OK, "OK").select(), None);
    }

    #[test]
    fn a_stream_url_is_a_websockets() {
        let url = |body| answer(StatusCode::OK, body).stream_url("voicebot");
        assert_eq!(
            url(r#"{"url":"wss://bot/ws"}"#).unwrap().as_str(),
            "wss://bot/ws"
        );
        for wrong in [
            r#"{"url":"https://bot/ws"}"#,
            "<Response><Stream/></Response>",
            "{}",
        ] {
            assert!(url(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn one_wrong_field_rejects_the_whole_answer_to_connect() {
        let connected = |body| answer(StatusCode::OK, body).connected("connect");
        let good = connected(
            r#"{"destination":{"numbers":["+918045111222"]},"fetch_after_attempt":true}"#,
        )
        .unwrap();
        assert_eq!(good.numbers.len(), 1);
        assert!(good.fetch_after_attempt);
        assert!(connected(r#"{"destination":{"numbers":[]},"max_ringing_duration":90}"#).is_err());
    }
}
