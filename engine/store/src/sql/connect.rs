//! Opens a database from its URL and runs the migrations.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::{Migrate, Migrator};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection};

use super::{POSTGRES, Pool, SQLITE, migrations};
use crate::{DEADLINE, OpenError};

/// The database file in the data folder, if no URL is given.
const FILE: &str = "ghanti.db";

/// Connections to PostgreSQL. One task writes the records; the others are for readers.
const POSTGRES_CONNECTIONS: u32 = 8;

/// Connections to SQLite, which allows one writer at a time anyway.
const SQLITE_CONNECTIONS: u32 = 4;

/// How long SQLite waits for another writer. Shorter than [`DEADLINE`], so that SQLite's own error
/// is reported.
const BUSY_TIMEOUT: Duration = Duration::from_millis(800);

/// The longest that connecting to PostgreSQL at startup may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The longest that the migrations may take.
const MIGRATION_TIMEOUT: Duration = Duration::from_secs(300);

pub(super) async fn connect(url: Option<&str>, data_dir: &Path) -> Result<Pool, OpenError> {
    let url = url.map(str::trim).filter(|url| !url.is_empty());
    match url.map(|url| (url, url.split_once(':').map_or("", |(scheme, _)| scheme))) {
        None => sqlite(SqliteConnectOptions::new().filename(data_dir.join(FILE))).await,
        Some((url, "sqlite")) => {
            sqlite(SqliteConnectOptions::from_str(url).map_err(|error| unusable(SQLITE, &error))?)
                .await
        }
        Some((url, "postgres" | "postgresql")) => {
            postgres(PgConnectOptions::from_str(url).map_err(|error| unusable(POSTGRES, &error))?)
                .await
        }
        Some(_) => Err(OpenError::Url {
            store: "the call records",
            reason: "it begins with neither `sqlite:` nor `postgres:`".to_owned(),
            example: "postgres://user:password@host:5432/ghanti",
        }),
    }
}

async fn sqlite(options: SqliteConnectOptions) -> Result<Pool, OpenError> {
    let file = options.get_filename().to_path_buf();
    check_folder(&file)?;
    let options = options
        .create_if_missing(true)
        // with a write-ahead log, readers and the writer do not wait for each other
        .journal_mode(SqliteJournalMode::Wal)
        // safe if the engine crashes; a power cut may lose the last records
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(BUSY_TIMEOUT)
        .disable_statement_logging();
    let mut connection = SqliteConnection::connect_with(&options)
        .await
        .map_err(|error| unwritable(file, &error))?;
    migrate(&migrations::sqlite(), &mut connection, SQLITE).await?;
    drop(connection.close().await);
    let pool = SqlitePoolOptions::new()
        .max_connections(SQLITE_CONNECTIONS)
        .acquire_timeout(DEADLINE);
    Ok(Pool::Sqlite(pool.connect_lazy_with(options)))
}

async fn postgres(options: PgConnectOptions) -> Result<Pool, OpenError> {
    let options = options
        .application_name("ghanti")
        .disable_statement_logging();
    let unreachable = |reason: String| OpenError::Unreachable {
        store: POSTGRES,
        address: format!(
            "{}:{}/{}",
            options.get_host(),
            options.get_port(),
            options.get_database().unwrap_or_default()
        ),
        reason,
        hint: "start it, create the database (`createdb ghanti`), or correct the database's URL; without one the records go to SQLite",
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
