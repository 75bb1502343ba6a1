//! `kind = "redis"`: a look-up of one key. Nothing is written, and no value of an input is more than
//! a part of that key.

use std::collections::BTreeSet;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{AsyncConnectionConfig, Cmd, RedisConnectionInfo, RedisError, Value};
use reqwest::Url;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use serde_json::{Map, Value as Json, json};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::address::{Network, Reach};
use crate::client::CONNECT;
use crate::definition::{Definition, RedisValue};
use crate::errors::Errors;
use crate::fault::Fault;
use crate::resolve::Guarded;
use crate::template::{Template, Values};

/// Maximum number of idle connections of an action.
pub(crate) const IDLE: usize = 4;
/// What a reply has besides its value, in bytes, with those of the greeting.
const ENVELOPE_BYTES: usize = 4 << 10;
/// The longest key, in bytes.
const KEY_BYTES: usize = 512;
/// The most fields of a hash.
const FIELDS: usize = 64;

/// A checked look-up.
#[derive(Debug)]
pub(crate) struct RedisPlan {
    host: String,
    port: u16,
    is_tls: bool,
    database: i64,
    reach: Reach,
    login: Option<(Template, Template)>,
    key: Template,
    value: RedisValue,
    fields: Vec<String>,
}

impl RedisPlan {
    pub(crate) fn read(
        definition: &Definition,
        errors: &mut Errors,
    ) -> Option<(Self, BTreeSet<String>)> {
        let private: Vec<_> = definition
            .private
            .iter()
            .filter_map(|text| Network::parse(text).ok())
            .collect();
        let url = errors.need("url", definition.url.as_deref());
        let address = url.and_then(|url| errors.take("url", address(url, private)));
        let login = match &definition.login {
            None => None,
            Some(login) => {
                let mut part = |text| errors.take("login", Template::parse(text));
                Some((part(&login.user)?, part(&login.password)?))
            }
        };
        let key = errors.need("key", definition.key.as_deref());
        let key = key.and_then(|key| errors.take("key", Template::parse(key)));
        if key.as_ref().is_some_and(|key| !key.secrets().is_empty()) {
            errors.add("key", "has a secret: remove it");
        }
        let value = definition.value.unwrap_or(RedisValue::Text);
        match (value, definition.fields.len()) {
            (RedisValue::Hash, 1..=FIELDS) | (RedisValue::Text | RedisValue::Json, 0) => {}
            (RedisValue::Hash, _) => {
                errors.add(
                    "fields",
                    format!("has to name 1 to {FIELDS} fields of the hash"),
                );
            }
            _ => errors.add("fields", "belongs to `value = \"hash\"`: remove it"),
        }
        let secrets = login
            .iter()
            .flat_map(|(user, password)| [user, password])
            .flat_map(Template::secrets)
            .collect();
        let (host, port, is_tls, database, reach) = address?;
        let plan = Self {
            host,
            port,
            is_tls,
            database,
            reach,
            login,
            key: key?,
            value,
            fields: definition.fields.clone(),
        };
        Some((plan, secrets))
    }

    pub(crate) fn reach(&self) -> Reach {
        self.reach.clone()
    }

    pub(crate) fn is_tls(&self) -> bool {
        self.is_tls
    }

    /// The key. A value in it has letters, digits and few signs: with a `:` it could be another's key.
    fn key(&self, values: Values<'_>) -> Result<String, Fault> {
        let part = |value: &str| {
            let is_part = !value.is_empty()
                && value.bytes().all(|byte| {
                    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'@' | b'+')
                });
            if is_part {
                Ok(value.to_owned())
            } else {
                Err(
                    "may have letters, digits and `-_.@+` alone, as it is a part of a key"
                        .to_owned(),
                )
            }
        };
        let key = self.key.fill(values, part).map_err(Fault::Input)?;
        if key.len() > KEY_BYTES {
            return Err(Fault::Input(format!(
                "the key would be longer than {KEY_BYTES} bytes"
            )));
        }
        Ok(key)
    }

    /// Looks the key up. Nothing there is `null`.
    pub(crate) async fn perform(
        &self,
        connections: &RedisConnections,
        values: Values<'_>,
        most: usize,
    ) -> Result<Json, Fault> {
        let key = self.key(values)?;
        match self.value {
            RedisValue::Text | RedisValue::Json => {
                let Some(text) = self.text(connections, values, &key, most).await? else {
                    return Ok(Json::Null);
                };
                if self.value == RedisValue::Text {
                    return Ok(Json::from(text));
                }
                serde_json::from_str(&text)
                    .map_err(|_| Fault::answer("the value of the key is not JSON"))
            }
            RedisValue::Hash => self.hash(connections, values, &key, most).await,
        }
    }

    async fn text(
        &self,
        connections: &RedisConnections,
        values: Values<'_>,
        key: &str,
        most: usize,
    ) -> Result<Option<String>, Fault> {
        // one byte more than may be, so that a longer value is seen without being fetched
        let mut get = redis::cmd("GETRANGE");
        get.arg(key).arg(0).arg(most);
        let reply = self.ask(connections, values, &get, most).await?;
        if matches!(&reply, Value::BulkString(bytes) if bytes.len() > most) {
            return Err(Fault::answer(format!(
                "the value of the key is longer than {most} bytes: see `output-bytes`"
            )));
        }
        Ok(Some(text(reply)?).filter(|text| !text.is_empty()))
    }

    async fn hash(
        &self,
        connections: &RedisConnections,
        values: Values<'_>,
        key: &str,
        most: usize,
    ) -> Result<Json, Fault> {
        let mut get = redis::cmd("HMGET");
        get.arg(key).arg(&self.fields);
        // a longer reply than may be breaks the connection
        let Value::Array(found) = self.ask(connections, values, &get, most).await? else {
            return Err(Fault::answer("its answer is not a hash"));
        };
        if found.iter().all(|value| matches!(value, Value::Nil)) {
            return Ok(Json::Null);
        }
        let mut hash = Map::new();
        for (name, value) in self.fields.iter().zip(found) {
            if !matches!(value, Value::Nil) {
                hash.insert(name.clone(), Json::from(text(value)?));
            }
        }
        Ok(json!(hash))
    }

    async fn ask(
        &self,
        connections: &RedisConnections,
        values: Values<'_>,
        command: &Cmd,
        most: usize,
    ) -> Result<Value, Fault> {
        let most = most.saturating_add(ENVELOPE_BYTES);
        if let Some(mut kept) = connections.kept() {
            match kept.ask(command, most).await {
                Ok(value) => {
                    connections.keep(kept);
                    return Ok(value);
                }
                // the server may have closed it meanwhile; a look-up may be repeated
                Err(error) if error.is_io_error() => {}
                Err(error) => return Err(refused(&error)),
            }
        }
        let mut fresh = self.connect(connections, values).await?;
        let value = fresh
            .ask(command, most)
            .await
            .map_err(|error| refused(&error))?;
        connections.keep(fresh);
        Ok(value)
    }

    async fn connect(
        &self,
        connections: &RedisConnections,
        values: Values<'_>,
    ) -> Result<Connection, Fault> {
        let addresses = connections
            .resolver
            .addresses(&self.host, self.port)
            .await
            .map_err(|error| Fault::unavailable(error.to_string()))?;
        let connecting = async {
            // the addresses that were checked
            let tcp = TcpStream::connect(addresses.as_slice()).await?;
            let stream: Box<dyn Stream> = match &connections.tls {
                Some(tls) if self.is_tls => {
                    let name = ServerName::try_from(self.host.clone()).map_err(io::Error::other)?;
                    Box::new(tls.connect(name, tcp).await?)
                }
                _ => Box::new(tcp),
            };
            Ok::<_, io::Error>(stream)
        };
        let stream = match tokio::time::timeout(CONNECT, connecting).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(Fault::unavailable(format!("cannot connect ({error})"))),
            Err(_) => return Err(Fault::unavailable("cannot connect (no answer in time)")),
        };
        let mut info = RedisConnectionInfo::default()
            .set_db(self.database)
            .set_skip_set_lib_name();
        if let Some((user, password)) = &self.login {
            let text = |template: &Template| template.text(values).map_err(Fault::Input);
            let user = text(user)?;
            if !user.is_empty() {
                info = info.set_username(user);
            }
            info = info.set_password(text(password)?);
        }
        let budget = Arc::new(AtomicUsize::new(ENVELOPE_BYTES));
        let bounded = Bounded {
            stream,
            budget: Arc::clone(&budget),
        };
        // the time-out is that of the whole action
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        let (connection, driver) = MultiplexedConnection::new_with_config(&info, bounded, config)
            .await
            .map_err(|error| refused(&error))?;
        Ok(Connection {
            connection,
            driver: Box::pin(driver),
            budget,
        })
    }
}

type Address = (String, u16, bool, i64, Reach);

/// Host, port, whether by TLS, database, and what may be reached. No error repeats the URL.
fn address(text: &str, private: Vec<Network>) -> Result<Address, String> {
    let wrong =
        "is not a Redis URL: write it as `rediss://host:6379/0`, and user and password as `login`";
    let url = Url::parse(text).map_err(|_| wrong.to_owned())?;
    let is_tls = match url.scheme() {
        "rediss" => true,
        "redis" if private.is_empty() => {
            return Err("begins with redis://, and others could read what is sent: use rediss://, or name the addresses of your own network in `private`".to_owned());
        }
        "redis" => false,
        _ => return Err(wrong.to_owned()),
    };
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
        return Err(wrong.to_owned());
    }
    let host = url.host_str().filter(|host| !host.is_empty());
    let host = host.ok_or_else(|| wrong.to_owned())?;
    let host = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned();
    let database = match url.path().trim_matches('/') {
        "" => 0,
        number => number.parse().map_err(|_| wrong.to_owned())?,
    };
    let reach = if is_tls {
        Reach::Public(private)
    } else {
        Reach::Named(private)
    };
    Ok((host, url.port().unwrap_or(6379), is_tls, database, reach))
}

fn text(value: Value) -> Result<String, Fault> {
    let bytes = match value {
        Value::BulkString(bytes) => bytes,
        Value::SimpleString(text) => text.into_bytes(),
        _ => return Err(Fault::answer("its answer is not a text")),
    };
    String::from_utf8(bytes).map_err(|_| Fault::answer("the value of the key is not UTF-8"))
}

/// Why Redis answered nothing, by the kind of error: its message is the server's.
fn refused(error: &RedisError) -> Fault {
    let reason = match error.code() {
        Some("NOAUTH" | "WRONGPASS" | "NOPERM") => "it does not accept `login`",
        Some("WRONGTYPE") => {
            return Fault::answer("the value of the key has another type: see `value`");
        }
        Some("LOADING" | "BUSY" | "MASTERDOWN" | "CLUSTERDOWN") => "it is busy",
        _ if error.is_io_error() => {
            return Fault::unavailable(
                "the connection broke, or the answer was longer than `output-bytes`",
            );
        }
        _ => "it answered with an error",
    };
    Fault::unavailable(reason)
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A stream that ends with an error once more was read than an answer may have.
struct Bounded {
    stream: Box<dyn Stream>,
    budget: Arc<AtomicUsize>,
}

impl AsyncRead for Bounded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        let read = buffer.filled().len().saturating_sub(before);
        let left = self.budget.load(Ordering::Acquire);
        match left.checked_sub(read) {
            Some(left) => self.budget.store(left, Ordering::Release),
            None => return Poll::Ready(Err(io::Error::other("too much was answered"))),
        }
        polled
    }
}

impl AsyncWrite for Bounded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// One connection, used by one look-up at a time.
struct Connection {
    connection: MultiplexedConnection,
    /// Reads and writes; it is polled only while an answer is awaited.
    driver: Pin<Box<dyn Future<Output = ()> + Send>>,
    budget: Arc<AtomicUsize>,
}

impl Connection {
    async fn ask(&mut self, command: &Cmd, most: usize) -> Result<Value, RedisError> {
        self.budget.store(most, Ordering::Release);
        tokio::select! {
            biased;
            answer = self.connection.req_packed_command(command) => answer.and_then(Value::extract_error),
            () = &mut self.driver => Err(io::Error::from(io::ErrorKind::ConnectionReset).into()),
        }
    }
}

/// The connections of one action that no look-up uses now.
pub(crate) struct RedisConnections {
    kept: Mutex<Vec<Connection>>,
    resolver: Guarded,
    tls: Option<TlsConnector>,
}

impl std::fmt::Debug for RedisConnections {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RedisConnections")
    }
}

impl RedisConnections {
    pub(crate) fn new(reach: Reach, tls: Option<ClientConfig>) -> Self {
        Self {
            kept: Mutex::default(),
            resolver: Guarded::new(reach),
            tls: tls.map(|tls| TlsConnector::from(Arc::new(tls))),
        }
    }

    /// No code panics while holding the lock.
    fn kept(&self) -> Option<Connection> {
        self.kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop()
    }

    fn keep(&self, connection: Connection) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < IDLE {
            kept.push(connection);
        }
    }
}
