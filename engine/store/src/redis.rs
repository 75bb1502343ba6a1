//! Sessions and customers in Redis, and limits of requests that nodes share.
//!
//! All calls share one multiplexed connection. It is re-established when it breaks, so Redis may
//! restart. Operations in between fail as `Unavailable` within [`DEADLINE`].

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::io::tcp::TcpSettings;
use redis::{
    Client, ConnectionAddr, ErrorKind, FromRedisValue, IntoConnectionInfo, Pipeline, RedisError,
    TlsCertificates,
};

use crate::keyed::KeyValue;
use crate::keys::{Key, SessionSettings};
use crate::rate::PerMinute;
use crate::{DEADLINE, OpenError, StoreError, StoreMeter, tls};

mod rate;

pub use rate::RequestRate;

const STORE: &str = "Redis";

/// The connection is dropped when data stays unacknowledged for this long, so that calls do not
/// keep waiting for a host that has vanished.
#[cfg(target_os = "linux")]
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(3);

/// The session store in Redis.
pub struct RedisSessions {
    connection: ConnectionManager,
    settings: SessionSettings,
    meter: Arc<StoreMeter>,
}

impl RedisSessions {
    /// Connects to a URL such as `redis://:password@host:6379/0`, or `rediss://…` for TLS. Fails if
    /// Redis does not answer within [`DEADLINE`].
    pub async fn connect(url: &str, settings: SessionSettings) -> Result<Self, OpenError> {
        Self::connect_trusting(url, None, settings).await
    }

    /// Like [`connect`](Self::connect); certificates in `ca_file`, in PEM, are trusted besides the
    /// system's.
    pub async fn connect_trusting(
        url: &str,
        ca_file: Option<&Path>,
        settings: SessionSettings,
    ) -> Result<Self, OpenError> {
        let info = url
            .into_connection_info()
            .map_err(|error| unusable(&error))?;
        let address = info.addr().to_string();
        let is_encrypted = matches!(info.addr(), ConnectionAddr::TcpTls { .. });
        warn_of_plain_text(info.addr());
        let info = info.set_tcp_settings(tcp_settings());
        let client = match ca_file.filter(|_| is_encrypted) {
            None => Client::open(info),
            Some(file) => Client::build_with_tls(
                info,
                TlsCertificates {
                    client_tls: None,
                    root_cert: Some(tls::trusted(file)?),
                },
            ),
        }
        .map_err(|error| unusable(&error))?;
        // no retries here: `bounded` tries an operation twice, and every later operation reconnects
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(0)
            .set_connection_timeout(Some(DEADLINE))
            .set_response_timeout(Some(DEADLINE));
        let unreachable = |reason: String| OpenError::Unreachable {
            store: STORE,
            address: address.clone(),
            reason,
            hint: if is_encrypted {
                "see whether it speaks TLS there, and name the certificates that it is signed with as `ca-file` of `[stores]`"
            } else {
                "start it (`redis-server`), correct `redis-url` of `[stores]` (`rediss:` for TLS), or remove it to keep sessions in this process"
            },
        };
        let connection =
            tokio::time::timeout(DEADLINE, ConnectionManager::new_with_config(client, config))
                .await
                .map_err(|_| unreachable(no_answer()))?
                .map_err(|error| unreachable(error.to_string()))?;
        let sessions = Self {
            connection,
            settings,
            meter: Arc::new(StoreMeter::new("redis")),
        };
        sessions
            .answers()
            .await
            .map_err(|error| unreachable(error.to_string()))?;
        Ok(sessions)
    }

    /// A limit of requests per minute that is shared with all nodes of this Redis: `name` says of
    /// what, such as `exotel:ACCOUNT`.
    pub fn request_rate(&self, name: &str, limit: PerMinute) -> RequestRate {
        RequestRate {
            connection: self.connection.clone(),
            meter: Arc::clone(&self.meter),
            key: self.settings.rate(name),
            limit,
        }
    }

    async fn bounded<T: FromRedisValue>(
        &self,
        commands: &Pipeline,
        key: &str,
    ) -> Result<T, StoreError> {
        bounded(&self.connection, &self.meter, commands, key).await
    }

    /// How often Redis has failed.
    pub fn failed(&self) -> &StoreMeter {
        &self.meter
    }
}

/// Runs commands within the deadline. A broken connection is only noticed when it is used, so a
/// command that fails with an I/O error is retried once, on a new connection. All commands used
/// here may safely run twice.
async fn bounded<T: FromRedisValue>(
    connection: &ConnectionManager,
    meter: &StoreMeter,
    commands: &Pipeline,
    key: &str,
) -> Result<T, StoreError> {
    let attempts = async {
        let mut connection = connection.clone();
        match commands.query_async(&mut connection).await {
            Err(error) if error.is_io_error() && !error.is_timeout() => {
                commands.query_async(&mut connection).await
            }
            answer => answer,
        }
    };
    let answer = match tokio::time::timeout(DEADLINE, attempts).await {
        Ok(answer) => answer.map_err(|error| failed(&error, key)),
        Err(_) => Err(StoreError::Unavailable {
            store: STORE,
            reason: no_answer(),
        }),
    };
    if matches!(answer, Err(StoreError::Unavailable { .. })) {
        meter.failed();
    }
    answer
}

#[async_trait]
impl KeyValue for RedisSessions {
    const STORE: &'static str = STORE;

    fn settings(&self) -> &SessionSettings {
        &self.settings
    }

    async fn get(&self, key: &Key) -> Result<Option<String>, StoreError> {
        let (value,) = self
            .bounded(redis::pipe().get(&key.text), &key.shown)
            .await?;
        Ok(value)
    }

    async fn get_all(&self, keys: &[Key]) -> Result<Vec<Option<String>>, StoreError> {
        let mut commands = redis::pipe();
        commands
            .cmd("MGET")
            .arg(keys.iter().map(|key| key.text.as_str()).collect::<Vec<_>>());
        let shown = keys.first().map_or("", |key| &key.shown);
        let (values,) = self.bounded(&commands, shown).await?;
        Ok(values)
    }

    async fn push(&self, key: &Key, value: String, kept: usize) -> Result<(), StoreError> {
        let mut commands = redis::pipe();
        commands.atomic();
        // removed first, so that a retried push does not add it twice
        commands
            .cmd("LREM")
            .arg(&key.text)
            .arg(0)
            .arg(&value)
            .ignore();
        commands.cmd("LPUSH").arg(&key.text).arg(value).ignore();
        commands
            .cmd("LTRIM")
            .arg(&key.text)
            .arg(0)
            .arg(kept.saturating_sub(1))
            .ignore();
        commands
            .cmd("PEXPIRE")
            .arg(&key.text)
            .arg(self.settings.ttl_ms())
            .ignore();
        self.bounded(&commands, &key.shown).await
    }

    async fn list(&self, key: &Key) -> Result<Vec<String>, StoreError> {
        let mut commands = redis::pipe();
        commands.cmd("LRANGE").arg(&key.text).arg(0).arg(-1);
        let (values,) = self.bounded(&commands, &key.shown).await?;
        Ok(values)
    }

    async fn put_all(&self, pairs: &[(Key, String)]) -> Result<(), StoreError> {
        let mut commands = redis::pipe();
        commands.atomic();
        for (key, value) in pairs {
            commands
                .pset_ex(&key.text, value, self.settings.ttl_ms())
                .ignore();
        }
        let shown = pairs.first().map_or("", |(key, _)| &key.shown);
        self.bounded(&commands, shown).await
    }

    async fn delete(&self, keys: &[Key]) -> Result<u64, StoreError> {
        let mut commands = redis::pipe();
        let deleted = commands.cmd("DEL");
        for key in keys {
            deleted.arg(&key.text);
        }
        let shown = keys.first().map_or("", |key| &key.shown);
        let (deleted,) = self.bounded(&commands, shown).await?;
        Ok(deleted)
    }

    async fn put_first(&self, key: &Key, value: String) -> Result<String, StoreError> {
        // in one transaction, so that the key cannot expire in between
        let mut commands = redis::pipe();
        commands.atomic();
        commands
            .cmd("SET")
            .arg(&key.text)
            .arg(value)
            .arg("NX")
            .arg("PX")
            .arg(self.settings.ttl_ms())
            .ignore();
        commands.get(&key.text);
        let (first,) = self.bounded(&commands, &key.shown).await?;
        Ok(first)
    }

    async fn answers(&self) -> Result<(), StoreError> {
        self.bounded(redis::pipe().cmd("PING").ignore(), "").await
    }
}

/// Customers' records pass over this connection.
fn warn_of_plain_text(address: &ConnectionAddr) {
    if let ConnectionAddr::Tcp(host, _) = address
        && !tls::is_this_machine(host)
    {
        tracing::warn!(
            %address,
            "the connection to Redis is not encrypted: write `rediss:` in `redis-url` of `[stores]` if others share the network"
        );
    }
}

fn tcp_settings() -> TcpSettings {
    let settings = TcpSettings::default().set_nodelay(true);
    #[cfg(target_os = "linux")]
    let settings = settings.set_user_timeout(TCP_USER_TIMEOUT);
    settings
}

fn no_answer() -> String {
    format!("no answer within {} ms", DEADLINE.as_millis())
}

/// Reports only the category of the error: the details of an invalid URL may contain the password.
fn unusable(error: &RedisError) -> OpenError {
    let reason = error.category().to_owned();
    OpenError::Url {
        store: STORE,
        reason,
        example: "rediss://:password@host:6379/0",
    }
}

fn failed(error: &RedisError, key: &str) -> StoreError {
    if matches!(
        error.kind(),
        ErrorKind::Parse | ErrorKind::UnexpectedReturnType
    ) || is_wrong_type(error)
    {
        let reason = "not a text in UTF-8".to_owned();
        return StoreError::Unreadable {
            store: STORE,
            key: key.to_owned(),
            reason,
        };
    }
    StoreError::Unavailable {
        store: STORE,
        reason: error.to_string(),
    }
}

/// Whether the value of a key is something else than a text, such as a list or a hash.
fn is_wrong_type(error: &RedisError) -> bool {
    let answers = error.clone().into_server_errors();
    answers.is_some_and(|answers| {
        answers
            .iter()
            .any(|(_, answer)| answer.code() == "WRONGTYPE")
    })
}
