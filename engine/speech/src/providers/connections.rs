//! The connections to providers: one pool of HTTP connections for all of them, and WebSockets.
//!
//! Redirects are not followed, nothing is sent twice, proxies of the environment are not used.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, RequestBuilder, Response, redirect, retry};
use rustls::ClientConfig;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::Error as SocketError;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{
    Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config,
};

use crate::fault::Fault;

/// How long a connection may take, with TLS.
pub(super) const CONNECT: Duration = Duration::from_secs(2);
/// Connections to one provider that are kept for the next sentence.
const KEPT_CONNECTIONS: usize = 32;
/// How long a connection may be idle.
const KEPT: Duration = Duration::from_secs(60);
/// The longest answer that is not audio, and the longest message of a WebSocket.
const ANSWER_BYTES: usize = 1 << 20;

pub(super) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// The connections that providers share.
#[derive(Debug)]
pub struct Connections {
    http: Client,
    tls: Arc<ClientConfig>,
}

impl Connections {
    /// A pool without connections yet.
    ///
    /// # Errors
    /// The system cannot resolve names.
    pub fn new(tls: ClientConfig) -> Result<Self, String> {
        let http = Client::builder()
            .tls_backend_preconfigured(tls.clone())
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .no_proxy()
            .pool_max_idle_per_host(KEPT_CONNECTIONS)
            .pool_idle_timeout(KEPT)
            .connect_timeout(CONNECT)
            .tcp_nodelay(true)
            .user_agent(concat!("ghanti/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| innermost(&error))?;
        Ok(Self {
            http,
            tls: Arc::new(tls),
        })
    }

    pub(super) fn post(&self, url: &str) -> RequestBuilder {
        self.http.post(url)
    }

    /// Opens a WebSocket, with these headers.
    pub(super) async fn socket(
        &self,
        url: &str,
        headers: &[(&'static str, String)],
    ) -> Result<Socket, Fault> {
        let mut request = url
            .into_client_request()
            .map_err(|error| Fault::Unreachable(error.to_string()))?;
        for (name, value) in headers {
            let mut value = HeaderValue::from_str(value)
                .map_err(|_| Fault::Unreachable("`key` cannot be sent in a header".to_owned()))?;
            value.set_sensitive(true);
            request
                .headers_mut()
                .insert(HeaderName::from_static(name), value);
        }
        let config = WebSocketConfig::default()
            .max_message_size(Some(ANSWER_BYTES))
            .max_frame_size(Some(ANSWER_BYTES));
        let connector = Connector::Rustls(Arc::clone(&self.tls));
        let connecting =
            connect_async_tls_with_config(request, Some(config), true, Some(connector));
        let (socket, _) = timeout(CONNECT, connecting)
            .await
            .map_err(|_| unreachable_in_time())?
            .map_err(broken_socket)?;
        Ok(socket)
    }
}

pub(super) fn unreachable_in_time() -> Fault {
    Fault::Unreachable(format!("no connection within {} s", CONNECT.as_secs()))
}

/// Sends a request; an answer is a success.
pub(super) async fn send(request: RequestBuilder) -> Result<Response, Fault> {
    let response = request.send().await.map_err(|error| unsent(&error))?;
    Fault::of_status(response.status())?;
    Ok(response)
}

/// Sends a request and reads its answer as JSON.
pub(super) async fn json<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, Fault> {
    let body = whole(send(request).await?, ANSWER_BYTES).await?;
    read(&body)
}

/// Reads a body that may have so many bytes.
pub(super) async fn whole(mut response: Response, most: usize) -> Result<Vec<u8>, Fault> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unsent(&error))? {
        if body.len() + chunk.len() > most {
            return Err(Fault::Nonsense(format!("more than {most} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Reads JSON. The error has only its kind and place.
pub(super) fn read<T: DeserializeOwned>(text: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(text)
        .map_err(|error| Fault::Nonsense(format!("no such JSON: {:?} error", error.classify())))
}

/// Why there was no response, without the URL, which may contain a secret.
pub(super) fn unsent(error: &reqwest::Error) -> Fault {
    if error.is_connect() || error.is_timeout() {
        Fault::Unreachable(innermost(error))
    } else {
        Fault::Broken(innermost(error))
    }
}

pub(super) fn broken_socket(error: SocketError) -> Fault {
    match error {
        SocketError::Http(response) => match Fault::of_status(response.status()) {
            Err(fault) => fault,
            Ok(()) => Fault::Nonsense("no WebSocket".to_owned()),
        },
        SocketError::Io(error) => Fault::Unreachable(error.kind().to_string()),
        SocketError::Url(error) => Fault::Unreachable(error.to_string()),
        SocketError::Tls(error) => Fault::Unreachable(error.to_string()),
        SocketError::Capacity(_) => Fault::Nonsense(format!("more than {ANSWER_BYTES} bytes")),
        SocketError::ConnectionClosed | SocketError::AlreadyClosed => {
            Fault::Broken("the WebSocket was closed".to_owned())
        }
        SocketError::Protocol(error) => Fault::Broken(error.to_string()),
        _ => Fault::Nonsense("no WebSocket".to_owned()),
    }
}

/// The innermost cause is the system's or the TLS library's.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: Option<&dyn Error> = error.source();
    let mut reason = "no answer".to_owned();
    while let Some(inner) = cause {
        reason = inner.to_string();
        cause = inner.source();
    }
    reason
}
