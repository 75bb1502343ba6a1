//! Why a store could not be opened at startup, with a hint. No message contains a password.

use std::path::PathBuf;

/// A store could not be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The URL cannot be used. It is not quoted, because it may contain a password.
    #[error(
        "cannot use the URL of {store}: {reason}; write it as `{example}`, with special characters of the password percent-encoded"
    )]
    Url {
        /// The store.
        store: &'static str,
        /// What is wrong with the URL.
        reason: String,
        /// An example of a valid URL.
        example: &'static str,
    },
    /// No server answers there, or it refuses the connection.
    #[error("cannot reach {store} at `{address}`: {reason}; {hint}")]
    Unreachable {
        /// The store.
        store: &'static str,
        /// Host, port and, for PostgreSQL, database; never user or password.
        address: String,
        /// The client's error message.
        reason: String,
        /// How to fix it.
        hint: &'static str,
    },
    /// A folder is missing or not writable.
    #[error("cannot keep call records in `{}`: {reason}; {hint}", path.display())]
    Folder {
        /// The folder, or the file in it.
        path: PathBuf,
        /// The system's error message.
        reason: String,
        /// How to fix it.
        hint: String,
    },
    /// The connection would not be encrypted, and nothing says that this is wanted.
    #[error(
        "the connection to {store} at `{address}` would fall back to plain text unseen: {hint}"
    )]
    Unencrypted {
        /// The store.
        store: &'static str,
        /// Host, port and, for PostgreSQL, database.
        address: String,
        /// How to fix it.
        hint: &'static str,
    },
    /// A file of certificates cannot be used.
    #[error("cannot use the certificates of `{}`: {reason}; name a PEM file as `ca-file` of `[stores]`", path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The tables could not be migrated to the schema of this engine.
    #[error(
        "cannot bring the tables of {store} up to date: {reason}; restore the database, or start the engine that last wrote it"
    )]
    Migration {
        /// The store.
        store: &'static str,
        /// The database's error message.
        reason: String,
    },
}
