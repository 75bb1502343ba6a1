//! A stand-in for Exotel's API: a socket that reads whole requests, stores them, and gives configured
//! answers, or none.
#![allow(dead_code, reason = "each suite uses its part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ghanti_campaign::{
    ApiSettings, Credentials, DialRequest, Endpoint, ExotelApi, LocalBudget, RequestBudget,
};
use ghanti_exotel::rest::{CallOptions, ConnectToFlow, flow_url};
use ghanti_model::PhoneNumber;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// Texts that must never appear in an error or a log.
pub const SECRETS: [&str; 4] = ["key-0123456789", "token-0123456789", "9876543210", "98765"];

/// Longer than anything takes on the busiest machine.
pub const TIMEOUT: Duration = Duration::from_secs(60);

/// What the stand-in does once it has read a request.
#[derive(Clone)]
pub enum Does {
    /// Sends this and closes.
    Answers(String),
    /// Closes without an answer.
    Cuts,
    /// Resets the connection in the middle of an answer that promised more.
    CutsHalfway(String),
    /// Sends nothing, and keeps the connection open.
    Waits,
    /// Sends a head of this status and then body without end.
    NeverEnds(u16),
}

/// The stand-in. It answers the requests in turn, the last answer again and again.
pub struct StandIn {
    pub port: u16,
    requests: Arc<Mutex<Vec<String>>>,
    arrived: Arc<Semaphore>,
}

impl StandIn {
    pub async fn start(does: impl Into<Vec<Does>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stand_in = Self {
            port: listener.local_addr().unwrap().port(),
            requests: Arc::default(),
            arrived: Arc::new(Semaphore::new(0)),
        };
        let (requests, arrived) = (
            Arc::clone(&stand_in.requests),
            Arc::clone(&stand_in.arrived),
        );
        let does = does.into();
        tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                let (requests, arrived) = (Arc::clone(&requests), Arc::clone(&arrived));
                let does = does.clone();
                tokio::spawn(serve(socket, does, requests, arrived));
            }
        });
        stand_in
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// All requests that have arrived whole: head and body.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// Waits until one more request has arrived.
    pub async fn arrival(&self) {
        tokio::time::timeout(TIMEOUT, self.arrived.acquire())
            .await
            .expect("a request arrives")
            .unwrap()
            .forget();
    }
}

/// Reads one request, stores it, and gives the next answer.
pub async fn serve(
    mut socket: impl AsyncRead + AsyncWrite + Unpin,
    does: Vec<Does>,
    requests: Arc<Mutex<Vec<String>>>,
    arrived: Arc<Semaphore>,
) {
    let Some(request) = read_request(&mut socket).await else {
        return;
    };
    let turn = {
        let mut requests = requests.lock().unwrap();
        requests.push(request);
        requests.len() - 1
    };
    let does = does.get(turn).or(does.last()).unwrap().clone();
    arrived.add_permits(1);
    match does {
        Does::Answers(text) => {
            socket.write_all(text.as_bytes()).await.unwrap();
            drop(socket.shutdown().await);
        }
        Does::Cuts => {}
        Does::CutsHalfway(text) => {
            socket.write_all(text.as_bytes()).await.unwrap();
        }
        Does::Waits => std::future::pending().await,
        Does::NeverEnds(status) => {
            let head = format!("HTTP/1.1 {status} X\r\ncontent-type: text/plain\r\n\r\n");
            drop(socket.write_all(head.as_bytes()).await);
            // until the client closes the connection
            while socket.write_all(&[b'x'; 4_096]).await.is_ok() {}
        }
    }
}

async fn read_request(socket: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        if socket.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length")
                    .then(|| value.trim().parse().unwrap())
            })
            .unwrap_or(0);
        if body.len() >= length {
            return Some(text.into_owned());
        }
    }
}

/// A reply with a body.
pub fn reply(status: u16, headers: &str, body: &str) -> Does {
    let length = body.len();
    Does::Answers(format!(
        "HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}"
    ))
}

/// A reply with an exception.
pub fn exception(status: u16, headers: &str, message: &str) -> Does {
    let body =
        format!(r#"{{"RestException":{{"Status":{status},"Code":34001,"Message":"{message}"}}}}"#);
    reply(status, headers, &body)
}

pub fn settings(url: &str) -> ApiSettings {
    let credentials = Credentials {
        account_sid: "acme1".to_owned(),
        api_key: "key-0123456789".to_owned(),
        api_token: "token-0123456789".to_owned(),
    };
    ApiSettings::new(credentials, Endpoint::Url(url.to_owned()))
}

pub fn client_with(settings: ApiSettings) -> (ExotelApi, Arc<LocalBudget>) {
    let budget = Arc::new(LocalBudget::new(200));
    let shared: Arc<dyn RequestBudget> = Arc::clone(&budget) as _;
    (ExotelApi::new(settings, shared).unwrap(), budget)
}

pub fn client(url: &str) -> (ExotelApi, Arc<LocalBudget>) {
    client_with(settings(url))
}

pub fn asha() -> PhoneNumber {
    PhoneNumber::parse("9876543210").unwrap()
}

pub fn dial_request() -> DialRequest {
    let caller_id = PhoneNumber::parse("08047112233").unwrap();
    ConnectToFlow {
        options: CallOptions {
            custom_field: Some("order-1".into()),
            ..CallOptions::new(asha(), caller_id)
        },
        url: flow_url("acme1", "123"),
    }
    .into()
}

/// Fails if a text contains a secret or a whole number.
pub fn assert_clean(text: &str) {
    for secret in SECRETS {
        assert!(!text.contains(secret), "`{secret}` is in `{text}`");
    }
}
