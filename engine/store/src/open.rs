//! Why a store could not be opened at start: what is missing, and the hint. No text here holds a
//! password.

use std::path::PathBuf;

/// A store could not be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The URL is none that this engine can use. The URL itself is not repeated, because a password
    /// may stand in it.
    #[error(
        "cannot use the URL of {store}: {reason}; write it as `{example}`, with special characters of the password percent-encoded"
    )]
    Url {
        /// Which store.
        store: &'static str,
        /// What is wrong with it.
        reason: String,
        /// A URL of the right form.
        example: &'static str,
    },
    /// No server answers there, or it refuses.
    #[error("cannot reach {store} at `{address}`: {reason}; {hint}")]
    Unreachable {
        /// Which store.
        store: &'static str,
        /// Host and port, and the database where there is one; never user and password.
        address: String,
        /// What the client said.
        reason: String,
        /// What to do about it.
        hint: &'static str,
    },
    /// A folder is missing, or not to be written to.
    #[error("cannot keep call records in `{}`: {reason}; {hint}", path.display())]
    Folder {
        /// The folder, or the file in it.
        path: PathBuf,
        /// What the system said.
        reason: String,
        /// What to do about it.
        hint: String,
    },
    /// The tables are not those of this engine, and could not be made so.
    #[error(
        "cannot bring the tables of {store} up to date: {reason}; restore the database, or start the engine that last wrote it"
    )]
    Migration {
        /// Which store.
        store: &'static str,
        /// What the database said.
        reason: String,
    },
}
