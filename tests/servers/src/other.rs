//! Any other server for one test, such as a proxy.

use std::path::Path;

use tempfile::TempDir;

use super::process::{Process, log_of};

/// A server of the test's own, with a folder of its own for its files.
pub struct OtherServer {
    // declared before its folder, so that it is dropped first
    process: Option<Process>,
    dir: TempDir,
}

impl OtherServer {
    /// A folder for a server that is still to be started, readable by all: some servers are users of
    /// their own.
    pub fn new(name: &str) -> Self {
        let dir = TempDir::with_prefix(format!("ghanti-{name}-")).expect("a temporary folder");
        Self { process: None, dir }
    }

    /// Its folder.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Runs its command in the foreground, and waits until it is ready. `signal` is the one that
    /// ends it.
    pub fn start(&mut self, signal: &str, command: &[&str], is_ready: impl Fn() -> bool) {
        let process = Process::start(self.dir.path(), signal, command, None);
        let ready = process.wait_until(is_ready);
        self.process = Some(process);
        assert!(ready, "`{command:?}` does not start:\n{}", self.log());
    }

    /// The last lines of what it has said.
    pub fn log(&self) -> String {
        log_of(self.dir.path())
    }
}
