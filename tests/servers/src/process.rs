//! A server process that cannot outlive its test, whether that finishes, panics or is killed.

use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Starts the server and then reads its standard input, a pipe from the test. A line means: stop
/// the server. The end of the pipe means that the test is gone: stop the server and remove its
/// folder too.
const WATCHER: &str = r#"
dir=$1 signal=$2
shift 2
"$@" >>"$dir/server.log" 2>&1 &
server=$!
test_lives=yes
read -r _ || test_lives=
kill -s "$signal" "$server" 2>/dev/null
wait "$server"
[ -n "$test_lives" ] || rm -rf "$dir"
"#;

/// The file with the server's output, in its folder.
const LOG: &str = "server.log";

/// How long a server may take to become ready, on the busiest machine.
const START_TIMEOUT: Duration = Duration::from_secs(120);

/// How often to check whether it is ready. The only way to find out is to ask it.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// The user and group id that a server runs as.
#[derive(Clone, Copy)]
pub(super) struct RunAs {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

/// A running server.
pub(super) struct Process {
    watcher: Child,
}

impl Process {
    /// Runs `command` with its log in `dir`. `signal` is the one that stops it immediately.
    pub(super) fn start(dir: &Path, signal: &str, command: &[&str], run_as: Option<RunAs>) -> Self {
        // the log of an earlier start would be taken for this one's
        drop(std::fs::remove_file(dir.join(LOG)));
        let mut watcher = Command::new("sh");
        watcher
            .args(["-c", WATCHER, "watcher"])
            .arg(dir)
            .arg(signal)
            .args(command);
        // in a process group of its own: an interrupt from the terminal ends the test, and the
        // watcher must survive to clean up
        watcher
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .current_dir(dir);
        if let Some(RunAs { uid, gid }) = run_as {
            watcher.uid(uid).gid(gid);
        }
        let watcher = watcher
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run `sh`: {error}"));
        Self { watcher }
    }

    /// Polls until `ready` is true. Returns false if that takes too long.
    pub(super) fn wait_until(&self, ready: impl Fn() -> bool) -> bool {
        let given_up = Instant::now() + START_TIMEOUT;
        while Instant::now() < given_up {
            if ready() {
                return true;
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        false
    }
}

impl Drop for Process {
    /// Stops the server immediately and waits until it has ended.
    fn drop(&mut self) {
        if let Some(mut test_lives) = self.watcher.stdin.take() {
            drop(test_lives.write_all(b"stop\n"));
        }
        drop(self.watcher.wait());
    }
}

/// A port that nobody is listening on at the moment.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port of 127.0.0.1");
    listener.local_addr().expect("the port just bound").port()
}

/// The full path of a program in `PATH` or in `folders`.
pub(super) fn program(name: &str, folders: &[PathBuf]) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let candidates = std::env::split_paths(&path)
        .chain(folders.iter().cloned())
        .map(|folder| folder.join(name));
    candidates
        .into_iter()
        .find(|file| file.is_file())
        .unwrap_or_else(|| panic!("`{name}` is not installed: run `make setup`"))
}

/// The last lines of a server's log, for the message of a failed start.
pub(super) fn log_of(dir: &Path) -> String {
    let log = std::fs::read_to_string(dir.join(LOG)).unwrap_or_default();
    let lines: Vec<&str> = log.lines().collect();
    lines
        .iter()
        .skip(lines.len().saturating_sub(20))
        .copied()
        .collect::<Vec<_>>()
        .join("\n")
}
