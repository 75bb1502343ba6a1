//! A stand-in for servers that an engine asks: an HTTP server, an OpenAI-compatible one, Exotel's SMS
//! API, a Redis. The test says what each request is answered with, and with which fault; what was
//! asked is kept.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The longest that a fault holds a connection.
const HELD: Duration = Duration::from_secs(60);

/// A request as it came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// The request line: `GET /x HTTP/1.1`; empty for a stand-in of another protocol.
    pub line: String,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Asked {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(given, _)| given == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The path with its query.
    pub fn path(&self) -> &str {
        self.line.split(' ').nth(1).unwrap_or_default()
    }
}

/// What a request is answered with.
#[derive(Debug, Clone)]
pub enum Reply {
    /// A status and a body.
    Answer(u16, String),
    /// A status, further headers and a body.
    With(u16, Vec<(String, String)>, String),
    /// Nothing for a while, and then this.
    After(Duration, Box<Reply>),
    /// A head and half a body, and then nothing.
    Stall,
    /// The connection is closed without a word.
    Drop,
    /// The connection is closed in the middle of a body.
    Cut,
    /// A success whose body has so many bytes.
    Huge(usize),
    /// A success whose body does not end.
    Endless,
    /// These bytes, whatever they are; the connection stays.
    Bytes(Vec<u8>),
}

impl Reply {
    /// A success with a body.
    pub fn ok(body: impl Into<String>) -> Self {
        Self::Answer(200, body.into())
    }
}

type Answers = dyn Fn(&Asked) -> Reply + Send + Sync;

/// A running stand-in. It ends when it is dropped.
pub struct StandIn {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    stopped: Arc<AtomicBool>,
}

impl StandIn {
    /// Starts an HTTP server whose requests are answered by `answers`.
    pub fn http(answers: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        Self::start(Arc::new(answers), |stream, answers, asked| {
            let mut reader = BufReader::new(stream.try_clone().ok()?);
            loop {
                let request = read_request(&mut reader)?;
                let reply = answers(&request);
                push(asked, request);
                answer(stream, reply)?;
            }
        })
    }

    /// Starts a server that answers whatever it is sent, as it stands, with what `answers` says.
    pub fn raw(answers: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        Self::start(Arc::new(answers), |stream, answers, asked| {
            let mut bytes = vec![0; 64 << 10];
            loop {
                let read = stream.read(&mut bytes).ok().filter(|&read| read > 0)?;
                let request = Asked {
                    body: String::from_utf8_lossy(bytes.get(..read)?).into_owned(),
                    ..Asked::default()
                };
                let reply = answers(&request);
                push(asked, request);
                answer(stream, reply)?;
            }
        })
    }

    fn start(
        answers: Arc<Answers>,
        serve: fn(&mut TcpStream, &Answers, &Mutex<Vec<Asked>>) -> Option<()>,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port of this machine");
        let address = listener
            .local_addr()
            .expect("a bound listener has an address");
        let (asked, stopped) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        let (kept, is_stopped) = (Arc::clone(&asked), Arc::clone(&stopped));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if is_stopped.load(Ordering::Acquire) {
                    return;
                }
                let Ok(mut stream) = stream else { continue };
                let (answers, kept) = (Arc::clone(&answers), Arc::clone(&kept));
                std::thread::spawn(move || serve(&mut stream, &*answers, &kept));
            }
        });
        Self {
            address,
            asked,
            stopped,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://…`, without a path.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Release);
        // wakes the listener
        let _ = TcpStream::connect(self.address);
    }
}

fn push(asked: &Mutex<Vec<Asked>>, request: Asked) {
    asked
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(request);
}

fn read_request(reader: &mut impl BufRead) -> Option<Asked> {
    let mut request = Asked::default();
    reader
        .read_line(&mut request.line)
        .ok()
        .filter(|&read| read > 0)?;
    request.line.truncate(request.line.trim_end().len());
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|&read| read > 0)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        let header = (name.to_ascii_lowercase(), value.trim().to_owned());
        request.headers.push(header);
    }
    let length = match request.header("content-length") {
        Some(length) => length.parse().ok()?,
        None => 0,
    };
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    request.body = String::from_utf8_lossy(&body).into_owned();
    Some(request)
}

/// Answers, or returns nothing if the connection is over.
fn answer(stream: &mut TcpStream, reply: Reply) -> Option<()> {
    match reply {
        Reply::Answer(status, body) => {
            answer(stream, Reply::With(status, Vec::new(), body))?;
        }
        Reply::With(status, headers, body) => {
            let headers: String = headers
                .iter()
                .map(|(name, value)| format!("{name}: {value}\r\n"))
                .collect();
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{headers}\r\n"
            );
            stream.write_all((head + &body).as_bytes()).ok()?;
        }
        Reply::After(pause, reply) => {
            std::thread::sleep(pause);
            answer(stream, *reply)?;
        }
        Reply::Stall => {
            let half = b"HTTP/1.1 200 X\r\ncontent-length: 100\r\n\r\n{\"half\":";
            stream.write_all(half).ok()?;
            std::thread::sleep(HELD);
            return None;
        }
        Reply::Drop => return None,
        Reply::Cut => {
            let half = b"HTTP/1.1 200 X\r\ncontent-length: 100\r\n\r\n{\"half\":";
            stream.write_all(half).ok()?;
            return None;
        }
        Reply::Huge(bytes) => {
            let head = format!("HTTP/1.1 200 X\r\ncontent-length: {bytes}\r\n\r\n");
            stream.write_all(head.as_bytes()).ok()?;
            let piece = vec![b' '; 64 << 10];
            let mut left = bytes;
            while left > 0 {
                let now = left.min(piece.len());
                stream.write_all(piece.get(..now)?).ok()?;
                left -= now;
            }
        }
        Reply::Endless => {
            stream
                .write_all(b"HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n")
                .ok()?;
            loop {
                stream.write_all(b"4\r\n    \r\n").ok()?;
            }
        }
        Reply::Bytes(bytes) => stream.write_all(&bytes).ok()?,
    }
    Some(())
}
