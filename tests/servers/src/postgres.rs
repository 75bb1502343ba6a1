//! A PostgreSQL server for one test.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::certificates;
use super::process::{Process, RunAs, free_port, log_of, program};

/// The superuser of the test's server, and its password.
const USER: &str = "ghanti";
const PASSWORD: &str = "tiger-lily-77";

/// How many ports are tried: between finding a free one and binding it, another process may take
/// it.
const PORTS_TRIED: usize = 5;

/// A PostgreSQL server of the test's own on 127.0.0.1, with a password. It runs without `fsync`:
/// fast, but not safe against power cuts.
pub struct PostgresServer {
    // declared before its folder, so that it is dropped first
    process: Option<Process>,
    dir: TempDir,
    port: u16,
    run_as: Option<RunAs>,
    has_tls: bool,
}

impl PostgresServer {
    /// Creates a cluster, starts it and waits until it accepts connections. PostgreSQL refuses to
    /// run as root, so for root it is run as the user `postgres`.
    pub fn start() -> Self {
        Self::start_with(false)
    }

    /// Like [`start`](Self::start), and it takes connections with TLS, with the certificate of
    /// [`certificates`]; over TCP it takes none without.
    pub fn start_with_tls() -> Self {
        Self::start_with(true)
    }

    fn start_with(has_tls: bool) -> Self {
        let dir = TempDir::with_prefix("ghanti-postgres-").expect("a temporary folder");
        let run_as = fs::metadata(dir.path())
            .expect("the temporary folder")
            .uid()
            .eq(&0)
            .then(postgres_user);
        if let Some(RunAs { uid, gid }) = run_as {
            chown(dir.path(), Some(uid), Some(gid))
                .expect("giving the temporary folder to `postgres`");
        }
        let mut server = Self {
            process: None,
            dir,
            port: 0,
            run_as,
            has_tls,
        };
        server.make_cluster();
        if has_tls {
            server.take_only_tls();
        }
        for _ in 0..PORTS_TRIED {
            server.port = free_port();
            if server.run() {
                return server;
            }
        }
        panic!("postgres does not start:\n{}", log_of(server.dir.path()));
    }

    /// Creates an empty database and returns its URL:
    /// `postgres://USER:PASSWORD@127.0.0.1:PORT/NAME`.
    pub fn create_database(&self, name: &str) -> String {
        self.sql("postgres", &format!("CREATE DATABASE \"{name}\""));
        format!(
            "postgres://{USER}:{PASSWORD}@127.0.0.1:{}/{name}",
            self.port
        )
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The password in the URLs, so that a test can look for it where it must not be.
    pub fn password(&self) -> &'static str {
        PASSWORD
    }

    /// Runs statements in a database with `psql` and returns its output, unaligned and without
    /// headings.
    pub fn sql(&self, database: &str, statements: &str) -> String {
        self.psql(database, ["--command", statements])
    }

    /// Dumps a database with `pg_dump`, as SQL.
    pub fn dump(&self, database: &str) -> String {
        let mut dump = Command::new(postgres_program("pg_dump"));
        dump.args(["--host", "127.0.0.1", "--port", &self.port.to_string()]);
        dump.args(["--username", USER, "--no-owner", database]);
        self.output(dump.env("PGPASSWORD", PASSWORD))
    }

    /// Restores a dump into an empty database, with `psql`.
    pub fn restore(&self, database: &str, dump: &str) {
        let file = self.dir.path().join("restored.sql");
        fs::write(&file, dump).expect("the server's folder is writable");
        let file = file
            .to_str()
            .expect("temporary folders have names in UTF-8");
        self.psql(database, ["--file", file]);
    }

    fn psql(&self, database: &str, what: [&str; 2]) -> String {
        let mut psql = Command::new(postgres_program("psql"));
        psql.args([
            "--no-psqlrc",
            "--quiet",
            "--tuples-only",
            "--no-align",
            "--set",
            "ON_ERROR_STOP=1",
            "--host",
            "127.0.0.1",
        ]);
        psql.args([
            "--port",
            &self.port.to_string(),
            "--username",
            USER,
            "--dbname",
            database,
        ]);
        self.output(psql.args(what).env("PGPASSWORD", PASSWORD))
    }

    /// Stops it immediately, as in a crash: connections break and nothing is completed.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Starts it again on the same port, with the data it had.
    pub fn restart(&mut self) {
        self.kill();
        assert!(
            self.run(),
            "postgres does not start again:\n{}",
            log_of(self.dir.path())
        );
    }

    /// Demands TLS. The key is copied: PostgreSQL wants it to be its user's and unreadable for
    /// others.
    fn take_only_tls(&self) {
        let data = self.data();
        fs::write(
            data.join("pg_hba.conf"),
            "hostssl all all 127.0.0.1/32 scram-sha-256\n",
        )
        .expect("writing to the cluster");
        let key = data.join("server.key");
        fs::copy(certificates::server_key(), &key).expect("copying the key");
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("its mode");
        if let Some(RunAs { uid, gid }) = self.run_as {
            chown(&key, Some(uid), Some(gid)).expect("giving the key to `postgres`");
        }
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn make_cluster(&self) {
        let password_file = self.dir.path().join("password");
        fs::write(&password_file, PASSWORD).expect("writing to the temporary folder");
        let mut initdb = Command::new(postgres_program("initdb"));
        initdb.args([
            "--no-sync",
            "--no-instructions",
            "--encoding=UTF8",
            "--locale=C",
            "--auth=scram-sha-256",
        ]);
        initdb
            .args(["--username", USER])
            .arg("--pwfile")
            .arg(&password_file)
            .arg("--pgdata")
            .arg(self.data());
        if let Some(RunAs { uid, gid }) = self.run_as {
            initdb.uid(uid).gid(gid);
        }
        self.output(initdb.current_dir(self.dir.path()));
    }

    fn run(&mut self) -> bool {
        let (binary, data, port) = (
            postgres_program("postgres"),
            self.data(),
            self.port.to_string(),
        );
        let pid_file = data.join("postmaster.pid");
        // a crash leaves it behind
        drop(fs::remove_file(&pid_file));
        // the tests of one program share a server, and each has a pool of its own
        let settings = [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "fsync=off",
            "shared_buffers=16MB",
            "max_connections=200",
        ];
        let certificate = format!("ssl_cert_file={}", certificates::server().display());
        let tls = ["ssl=on", &certificate, "ssl_key_file=server.key"];
        let (binary, data) = (binary.to_string_lossy(), data.to_string_lossy());
        let mut command = vec![&*binary, "-D", &data, "-p", &port];
        command.extend(settings.iter().flat_map(|setting| ["-c", setting]));
        if self.has_tls {
            command.extend(tls.iter().flat_map(|setting| ["-c", setting]));
        }
        let process = Process::start(self.dir.path(), "QUIT", &command, self.run_as);
        let taken = || log_of(self.dir.path()).contains("Address already in use");
        // PostgreSQL writes its state into its own pid file, so another server on the same port is
        // not mistaken for it
        let is_ready =
            || fs::read_to_string(&pid_file).is_ok_and(|state| state.trim_end().ends_with("ready"));
        let ready = process.wait_until(|| is_ready() || taken()) && is_ready();
        self.process = Some(process);
        ready
    }

    fn output(&self, command: &mut Command) -> String {
        let output = command
            .output()
            .unwrap_or_else(|error| panic!("cannot run `{command:?}`: {error}"));
        let reported = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "`{command:?}` failed: {reported}\n{}",
            log_of(self.dir.path())
        );
        String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .to_owned()
    }
}

/// A program of PostgreSQL. Debian keeps the server programs outside `PATH`, in one folder per
/// version.
fn postgres_program(name: &str) -> PathBuf {
    let versions = fs::read_dir(Path::new("/usr/lib/postgresql"))
        .into_iter()
        .flatten()
        .flatten();
    let mut folders: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    folders.sort();
    folders.reverse();
    program(name, &folders)
}

/// The user `postgres`, which the server's package creates.
fn postgres_user() -> RunAs {
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let ids = users.lines().find_map(|line| {
        let mut fields = line.strip_prefix("postgres:")?.split(':').skip(1);
        Some(RunAs {
            uid: fields.next()?.parse().ok()?,
            gid: fields.next()?.parse().ok()?,
        })
    });
    ids.unwrap_or_else(|| {
        panic!("PostgreSQL is not run by root, and there is no user `postgres`: run `make setup`")
    })
}
