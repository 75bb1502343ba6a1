//! A redis-server for one test.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use tempfile::TempDir;

use super::certificates;
use super::process::{Process, free_port, log_of, program};

/// How many ports are tried: between finding a free one and binding it, another process may take
/// it.
const PORTS_TRIED: usize = 5;

/// A redis-server of the test's own on 127.0.0.1, without persistence.
pub struct RedisServer {
    // declared before its folder, so that it is dropped first
    process: Option<Process>,
    dir: TempDir,
    port: u16,
    /// The port for TLS, if it has one.
    tls_port: Option<u16>,
}

impl RedisServer {
    /// Starts a server and waits until it answers.
    pub fn start() -> Self {
        Self::start_with(false)
    }

    /// Starts a server that also listens for TLS, with the certificate of [`certificates`].
    pub fn start_with_tls() -> Self {
        Self::start_with(true)
    }

    fn start_with(has_tls: bool) -> Self {
        let dir = TempDir::with_prefix("ghanti-redis-").expect("a temporary folder");
        let mut server = Self {
            process: None,
            dir,
            port: 0,
            tls_port: None,
        };
        for _ in 0..PORTS_TRIED {
            server.port = free_port();
            server.tls_port = has_tls.then(free_port);
            if server.run() {
                return server;
            }
        }
        panic!(
            "redis-server does not start:\n{}",
            log_of(server.dir.path())
        );
    }

    /// Its URL: `redis://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Its URL for TLS: `rediss://127.0.0.1:PORT`.
    pub fn tls_url(&self) -> String {
        let port = self.tls_port.expect("started with `start_with_tls`");
        format!("rediss://127.0.0.1:{port}")
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Kills it with SIGKILL; its data is lost.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Starts it again, empty, on the same port.
    pub fn restart(&mut self) {
        self.kill();
        assert!(
            self.run(),
            "redis-server does not start again:\n{}",
            log_of(self.dir.path())
        );
    }

    /// Runs one command on a separate connection and returns the raw answer (RESP): `["SET", "a",
    /// "1"]` gives `+OK\r\n`. The answer must fit into one read of 64 kB.
    pub fn command(&self, words: &[&str]) -> String {
        self.try_command(words)
            .unwrap_or_else(|error| panic!("redis-server does not answer `{words:?}`: {error}"))
    }

    fn try_command(&self, words: &[&str]) -> std::io::Result<String> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        let mut request = format!("*{}\r\n", words.len());
        for word in words {
            request.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        stream.write_all(request.as_bytes())?;
        let mut answer = vec![0; 65_536];
        let read = stream.read(&mut answer)?;
        answer.truncate(read);
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    fn run(&mut self) -> bool {
        let binary = program("redis-server", &[]);
        let (dir, port) = (self.dir.path().to_string_lossy(), self.port.to_string());
        let binary = binary.to_string_lossy();
        let tls = self.tls_port.map(tls_arguments).unwrap_or_default();
        let mut command = vec![
            &*binary,
            "--port",
            &port,
            "--bind",
            "127.0.0.1",
            "--dir",
            &dir,
            "--save",
            "",
            "--appendonly",
            "no",
        ];
        command.extend(tls.iter().map(String::as_str));
        let process = Process::start(self.dir.path(), "KILL", &command, None);
        let taken = || log_of(self.dir.path()).contains("Address already in use");
        // the folder distinguishes it from another test's server on the same port
        let is_ours = || {
            self.try_command(&["CONFIG", "GET", "dir"])
                .is_ok_and(|answer| answer.contains(&*dir))
        };
        let ready = process.wait_until(|| is_ours() || taken()) && is_ours();
        self.process = Some(process);
        ready
    }
}

fn tls_arguments(port: u16) -> Vec<String> {
    let path = |file: std::path::PathBuf| file.to_string_lossy().into_owned();
    [
        ("--tls-port", port.to_string()),
        ("--tls-cert-file", path(certificates::server())),
        ("--tls-key-file", path(certificates::server_key())),
        ("--tls-ca-cert-file", path(certificates::ca())),
        // clients have no certificates of their own
        ("--tls-auth-clients", "no".to_owned()),
    ]
    .into_iter()
    .flat_map(|(name, value)| [name.to_owned(), value])
    .collect()
}
