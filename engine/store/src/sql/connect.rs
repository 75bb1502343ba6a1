//! Opens a database from its URL and runs the migrations.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::{Migrate, Migrator};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions, PgSslMode};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection};

use super::{POSTGRES, Pool, SQLITE, SqlitePools, migrations};
use crate::{DEADLINE, OpenError, tls};

/// The database file in the data folder, if no URL is given.
const FILE: &str = "ghanti.db";

/// Connections to PostgreSQL. One task writes the records; the others are for readers.
const POSTGRES_CONNECTIONS: u32 = 8;

/// Connections to SQLite that only read. One more writes.
const SQLITE_READERS: u32 = 4;

/// How long SQLite waits for a writer in another process. Shorter than [`DEADLINE`], so that SQLite's
/// own error is reported.
const BUSY_TIMEOUT: Duration = Duration::from_millis(800);

/// The longest that connecting to PostgreSQL at startup may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The longest that the migrations may take.
const MIGRATION_TIMEOUT: Duration = Duration::from_secs(300);

/// Connects, and returns the file of an SQLite database too.
pub(super) async fn connect(
    url: Option<&str>,
    data_dir: &Path,
    ca_file: Option<&Path>,
) -> Result<(Pool, Option<PathBuf>), OpenError> {
    let url = url.map(str::trim).filter(|url| !url.is_empty());
    match url.map(|url| (url, url.split_once(':').map_or("", |(scheme, _)| scheme))) {
        None => sqlite(SqliteConnectOptions::new().filename(data_dir.join(FILE))).await,
        Some((url, "sqlite")) => {
            sqlite(SqliteConnectOptions::from_str(url).map_err(|error| unusable(SQLITE, &error))?)
                .await
        }
        Some((url, "postgres" | "postgresql")) => {
            let options =
                PgConnectOptions::from_str(url).map_err(|error| unusable(POSTGRES, &error))?;
            let pool = postgres(encrypted(options, names_mode(url), ca_file)?).await?;
            Ok((pool, None))
        }
        Some(_) => Err(OpenError::Url {
            store: "the call records",
            reason: "it begins with neither `sqlite:` nor `postgres:`".to_owned(),
            example: "postgres://user:password@host:5432/ghanti",
        }),
    }
}

async fn sqlite(options: SqliteConnectOptions) -> Result<(Pool, Option<PathBuf>), OpenError> {
    let file = options.get_filename().to_path_buf();
    check_folder(&file)?;
    let options = options
        .create_if_missing(true)
        // with a write-ahead log, readers and the writer do not wait for each other
        .journal_mode(SqliteJournalMode::Wal)
        // safe if the engine crashes; a power cut may lose the last records
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(BUSY_TIMEOUT)
        // what is deleted or replaced is overwritten: it may have been erased
        .pragma("secure_delete", "ON")
        .disable_statement_logging();
    let mut connection = SqliteConnection::connect_with(&options)
        .await
        .map_err(|error| unwritable(file.clone(), &error))?;
    migrate(&migrations::sqlite(), &mut connection, SQLITE).await?;
    drop(connection.close().await);
    let pool = |connections| {
        SqlitePoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(DEADLINE)
    };
    let pools = SqlitePools {
        // a statement that writes is refused there, so that none comes among them by mistake
        readers: pool(SQLITE_READERS).connect_lazy_with(options.clone().pragma("query_only", "ON")),
        writer: pool(1).connect_lazy_with(options),
    };
    Ok((Pool::Sqlite(pools), Some(file)))
}

/// Whether a URL of PostgreSQL says how connections are encrypted.
fn names_mode(url: &str) -> bool {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    query
        .split('&')
        .any(|pair| pair.starts_with("sslmode=") || pair.starts_with("ssl-mode="))
}

/// Decides how connections are encrypted. What libpq calls `prefer` is refused off this machine:
/// an attacker on the way could turn encryption off.
fn encrypted(
    options: PgConnectOptions,
    is_named: bool,
    ca_file: Option<&Path>,
) -> Result<PgConnectOptions, OpenError> {
    let is_here = options.get_socket().is_some() || tls::is_this_machine(options.get_host());
    let mode = match (options.get_ssl_mode(), ca_file) {
        (mode, _) if is_named => mode,
        (_, Some(_)) => PgSslMode::VerifyFull,
        (mode, None) if is_here => mode,
        (_, None) => PgSslMode::Require,
    };
    match mode {
        PgSslMode::Allow | PgSslMode::Prefer if !is_here => {
            return Err(OpenError::Unencrypted {
                store: POSTGRES,
                address: address(&options),
                hint: "write `sslmode=require` (or `verify-full`, with `ca-file` of `[stores]`) in the database's URL, or `sslmode=disable` to send records in plain text",
            });
        }
        PgSslMode::Disable if !is_here => {
            tracing::warn!(
                address = address(&options),
                "the connection to PostgreSQL is not encrypted: write `sslmode=require` in the database's URL if others share the network"
            );
        }
        _ => {}
    }
    let options = options.ssl_mode(mode);
    Ok(match ca_file {
        Some(file) => {
            tls::certificates(file)?;
            options.ssl_root_cert(file)
        }
        None => options,
    })
}

/// Host, port and database; neither user nor password.
fn address(options: &PgConnectOptions) -> String {
    format!(
        "{}:{}/{}",
        options.get_host(),
        options.get_port(),
        options.get_database().unwrap_or_default()
    )
}

async fn postgres(options: PgConnectOptions) -> Result<Pool, OpenError> {
    let options = options
        .application_name("ghanti")
        .disable_statement_logging();
    let unreachable = |reason: String| OpenError::Unreachable {
        store: POSTGRES,
        address: address(&options),
        reason,
        hint: "start it, create the database (`createdb ghanti`), or correct the database's URL (for TLS: `sslmode`, and `ca-file` of `[stores]`); without one the records go to SQLite",
    };
    let mut connection =
        tokio::time::timeout(CONNECT_TIMEOUT, PgConnection::connect_with(&options))
            .await
            .map_err(|_| {
                unreachable(format!(
                    "no answer within {} ms",
                    CONNECT_TIMEOUT.as_millis()
                ))
            })?
            .map_err(|error| unreachable(error.to_string()))?;
    migrate(&migrations::postgres(), &mut connection, POSTGRES).await?;
    drop(connection.close().await);
    let pool = PgPoolOptions::new()
        .max_connections(POSTGRES_CONNECTIONS)
        .acquire_timeout(DEADLINE);
    // the server also stops at the deadline, so that an abandoned statement does not keep a
    // connection busy
    let bounded = options.options([("statement_timeout", DEADLINE.as_millis().to_string())]);
    Ok(Pool::Postgres(pool.connect_lazy_with(bounded)))
}

async fn migrate<C: Migrate>(
    migrator: &Migrator,
    connection: &mut C,
    store: &'static str,
) -> Result<(), OpenError> {
    let failed = |reason: String| OpenError::Migration { store, reason };
    tokio::time::timeout(
        MIGRATION_TIMEOUT,
        migrator.run_direct(None, connection, false),
    )
    .await
    .map_err(|_| failed(format!("not done within {} s", MIGRATION_TIMEOUT.as_secs())))?
    .map_err(|error| failed(error.to_string()))
}

/// Checks the folder, because SQLite's only error for it is "unable to open database file".
fn check_folder(file: &Path) -> Result<(), OpenError> {
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let refuse = |reason: String, hint: String| {
        Err(OpenError::Folder {
            path: folder.to_path_buf(),
            reason,
            hint,
        })
    };
    match std::fs::metadata(folder) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => refuse(
            "it is not a folder".to_owned(),
            "name a folder as the data folder".to_owned(),
        ),
        Err(error) => refuse(
            error.to_string(),
            format!(
                "create it (`mkdir -p {}`) or name another data folder",
                folder.display()
            ),
        ),
    }
}

fn unwritable(path: PathBuf, error: &sqlx::Error) -> OpenError {
    let hint =
        "let the engine's user write to the folder and the file, or name another data folder"
            .to_owned();
    OpenError::Folder {
        path,
        reason: error.to_string(),
        hint,
    }
}

fn unusable(store: &'static str, error: &sqlx::Error) -> OpenError {
    // keep only the fixed part of the message: the rest may quote a value from the URL
    let reason = match error {
        sqlx::Error::Configuration(cause) => cause
            .to_string()
            .split(['`', '"'])
            .next()
            .unwrap_or_default()
            .trim()
            .to_owned(),
        _ => "it does not parse".to_owned(),
    };
    let example = if store == SQLITE {
        "sqlite://data/ghanti.db"
    } else {
        "postgres://user:password@host:5432/ghanti"
    };
    OpenError::Url {
        store,
        reason,
        example,
    }
}
