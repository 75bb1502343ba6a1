//! A receiver of webhooks that can be slow, refuse or break.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ghanti_webhook::SigningKey;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::engine::PATIENCE;

/// The key of every receiver.
pub const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// Between two looks at what was received.
const LOOK: Duration = Duration::from_millis(20);

/// How a request is answered.
#[derive(Debug, Clone)]
pub enum Reply {
    /// With this status.
    Status(u16),
    /// With 200, after so long.
    After(Duration),
    /// With a redirect to this path.
    Redirect(&'static str),
    /// By closing the connection.
    Break,
    /// Not at all, while the connection stays open.
    Never,
    /// With 200 and a body without end.
    Endless,
}

/// A request as it was received.
#[derive(Debug, Clone)]
pub struct Got {
    pub path: String,
    pub headers: BTreeMap<String, String>,
    pub text: String,
    pub at: Instant,
}

impl Got {
    pub fn id(&self) -> &str {
        &self.headers["webhook-id"]
    }

    pub fn body(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    pub fn kind(&self) -> String {
        self.body()["type"].as_str().unwrap().to_owned()
    }

    /// The call that it is about.
    pub fn call(&self) -> String {
        self.body()["data"]["call_id"].as_str().unwrap().to_owned()
    }

    /// Whether it is signed with this key, now.
    pub fn is_signed_by(&self, key: &str) -> bool {
        let timestamp_s: u64 = self.headers["webhook-timestamp"].parse().unwrap();
        let signature = SigningKey::parse(key)
            .unwrap()
            .sign(self.id(), timestamp_s, &self.text);
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap();
        now.as_secs().abs_diff(timestamp_s) < 300
            && self.headers["webhook-signature"]
                .split(' ')
                .any(|reported| reported == signature)
    }
}

#[derive(Default)]
struct Desk {
    got: Vec<Got>,
    /// For the next requests, one each.
    next: VecDeque<Reply>,
    /// For all after them.
    then: Option<Reply>,
    /// Ids that are being answered now.
    open: Vec<String>,
    /// Ids that came while they were being answered.
    overlapping: Vec<String>,
}

/// A receiver on a port of its own.
pub struct Receiver {
    address: String,
    desk: Arc<Mutex<Desk>>,
    task: JoinHandle<()>,
}

impl Receiver {
    /// One that answers the first requests so, and all others 200.
    pub async fn start(first: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let desk = Arc::new(Mutex::new(Desk {
            next: first.into_iter().collect(),
            ..Desk::default()
        }));
        let at = Arc::clone(&desk);
        let task = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, Arc::clone(&at)));
            }
        });
        Self {
            address,
            desk,
            task,
        }
    }

    /// Answers every request from now on so.
    pub fn answer(&self, reply: Reply) {
        let mut desk = self.desk.lock().unwrap();
        desk.next.clear();
        desk.then = Some(reply);
    }

    /// A section of the configuration that has this receiver.
    pub fn section(&self, name: &str, more: &str) -> String {
        let address = &self.address;
        format!(
            "[webhooks.{name}]\nurl = 'http://{address}/hook?key=of-the-url'\nsecret = '{KEY}'\nfirst-retry-s = 1\n{more}\n"
        )
    }

    pub fn got(&self) -> Vec<Got> {
        self.desk.lock().unwrap().got.clone()
    }

    /// Messages that came while they were already being answered.
    pub fn overlapping(&self) -> Vec<String> {
        self.desk.lock().unwrap().overlapping.clone()
    }

    /// What was received, once it is so.
    pub async fn when(&self, what: &str, so: impl Fn(&[Got]) -> bool) -> Vec<Got> {
        let given_up = Instant::now() + PATIENCE;
        loop {
            let got = self.got();
            if so(&got) {
                return got;
            }
            let reported: Vec<_> = got
                .iter()
                .map(|got| format!("{} {}", got.kind(), got.id()))
                .collect();
            assert!(Instant::now() < given_up, "not {what}: {reported:#?}");
            tokio::time::sleep(LOOK).await;
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut socket: TcpStream, desk: Arc<Mutex<Desk>>) {
    while let Some(got) = read(&mut socket).await {
        let id = got.id().to_owned();
        let reply = {
            let mut desk = desk.lock().unwrap();
            if desk.open.contains(&id) {
                desk.overlapping.push(id.clone());
            }
            desk.open.push(id.clone());
            desk.got.push(got);
            let next = desk.next.pop_front();
            next.or_else(|| desk.then.clone())
                .unwrap_or(Reply::Status(200))
        };
        let goes_on = answer(&mut socket, reply).await;
        desk.lock().unwrap().open.retain(|open| *open != id);
        if !goes_on {
            return;
        }
    }
}

/// Whether the connection stays open.
async fn answer(socket: &mut TcpStream, reply: Reply) -> bool {
    let text = match reply {
        Reply::Status(status) => {
            format!("HTTP/1.1 {status} Received\r\ncontent-length: 2\r\n\r\nOK")
        }
        Reply::After(pause) => {
            tokio::time::sleep(pause).await;
            "HTTP/1.1 200 Received\r\ncontent-length: 0\r\n\r\n".to_owned()
        }
        Reply::Redirect(path) => {
            format!("HTTP/1.1 307 Received\r\nlocation: {path}\r\ncontent-length: 0\r\n\r\n")
        }
        Reply::Break => return false,
        Reply::Never => {
            // until the sender gives up and closes the connection
            let mut byte = [0];
            drop(socket.read(&mut byte).await);
            return false;
        }
        Reply::Endless => {
            let head = "HTTP/1.1 200 Received\r\ncontent-length: 1000000000\r\n\r\n";
            if socket.write_all(head.as_bytes()).await.is_err() {
                return false;
            }
            while socket.write_all(&[b'a'; 4096]).await.is_ok() {}
            return false;
        }
    };
    socket.write_all(text.as_bytes()).await.is_ok()
}

async fn read(socket: &mut TcpStream) -> Option<Got> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if socket.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).unwrap();
    let mut lines = head.lines();
    let path = lines.next().unwrap().split(' ').nth(1).unwrap().to_owned();
    let headers: BTreeMap<_, _> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length: usize = headers["content-length"].parse().unwrap();
    while bytes.len() < head_end + length {
        if socket.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let text = String::from_utf8(bytes[head_end..].to_vec()).unwrap();
    let at = Instant::now();
    Some(Got {
        path,
        headers,
        text,
        at,
    })
}
