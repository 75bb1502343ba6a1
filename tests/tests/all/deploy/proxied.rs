//! Calls through the shipped proxies, with TLS and a path before all routes, to engines that are set
//! up as `compose.yaml` sets one up: without the container tool, the same settings and secrets.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ghanti_test_servers::{OtherServer, PostgresServer, certificates, free_port};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use reqwest::Client;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;

use super::{installed, passes, replaced, text, words, written, yaml};
use crate::support::{Engine, PATIENCE, Setup, program, root, scenario};

/// The name that the proxies show a certificate for.
const HOST: &str = "localhost";
/// A scenario gives up by itself after three minutes.
const CALL: Duration = Duration::from_secs(240);
/// Pause between two polls of what cannot be waited for otherwise.
const LOOK: Duration = Duration::from_millis(50);
/// The scenario: a caller who answers by keys.
const SCENARIO: &str = "keys-english";

/// An authority of the test's own, and a certificate of it.
struct Authority {
    folder: TempDir,
}

impl Authority {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut of_authority = CertificateParams::default();
        of_authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority =
            CertifiedIssuer::self_signed(of_authority, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let of_host = CertificateParams::new(vec![HOST.to_owned()]).unwrap();
        let certificate = of_host.signed_by(&key, &authority).unwrap();
        written(folder.path(), "ca.pem", &authority.pem());
        written(folder.path(), "host.pem", &certificate.pem());
        written(folder.path(), "host.key.pem", &key.serialize_pem());
        Self { folder }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A client that trusts it.
    fn client(&self) -> Client {
        let mut roots = RootCertStore::empty();
        let trusted = CertificateDer::from_pem_file(self.file("ca.pem")).unwrap();
        roots.add(trusted).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client = Client::builder().tls_backend_preconfigured(tls);
        client.build().unwrap()
    }
}

/// How the engine reaches its stores.
#[derive(Clone, Copy, PartialEq)]
enum Stored {
    /// As in compose.yaml: over a network that nobody else is on.
    Beside,
    /// As those of other machines: by TLS, with an authority of one's own.
    Elsewhere,
}

/// What compose.yaml starts beside the engine, and the secrets that all of them share.
struct Stores {
    /// What the engine is set up with.
    variables: BTreeMap<String, String>,
    secrets: TempDir,
    _redis: OtherServer,
    _postgres: PostgresServer,
}

impl Stores {
    fn start(stored: Stored) -> Self {
        let secrets = tempfile::tempdir().unwrap();
        passes(Command::new(root().join("engine/deploy/make-secrets")).arg(secrets.path()));
        let (redis, redis_port) = redis(stored, &secrets.path().join("redis.conf"));
        let postgres = match stored {
            Stored::Beside => PostgresServer::start(),
            Stored::Elsewhere => PostgresServer::start_with_tls(),
        };
        postgres.create_database("ghanti");
        let password = fs::read_to_string(secrets.path().join("postgres-password")).unwrap();
        let password = format!("ALTER USER ghanti PASSWORD '{}'", password.trim_end());
        // the last that is asked with the old one
        postgres.sql("postgres", &password);

        let postgres_at = format!("@127.0.0.1:{}/", postgres.port());
        let redis_at = format!("@127.0.0.1:{redis_port}/");
        let (database, sessions) = (
            secrets.path().join("database-url"),
            secrets.path().join("redis-url"),
        );
        moved(&database, "@postgres:5432/", &postgres_at);
        moved(&sessions, "@redis:6379/", &redis_at);
        let mut variables = secret_files(secrets.path());
        if stored == Stored::Elsewhere {
            moved(&database, "sslmode=disable", "sslmode=verify-full");
            moved(&sessions, "redis://", "rediss://");
            let ca = certificates::ca().to_str().unwrap().to_owned();
            variables.insert("GHANTI_STORES_CA_FILE".to_owned(), ca);
        }
        Self {
            variables,
            secrets,
            _redis: redis,
            _postgres: postgres,
        }
    }

    /// All tokens and passwords.
    fn secrets(&self) -> Vec<String> {
        [
            "stream-token",
            "applet-token",
            "api-token",
            "postgres-password",
        ]
        .map(|name| fs::read_to_string(self.secrets.path().join(name)).unwrap())
        .map(|secret| secret.trim_end().to_owned())
        .to_vec()
    }
}

/// The Redis of compose.yaml, with its configuration from the secrets.
fn redis(stored: Stored, conf: &Path) -> (OtherServer, u16) {
    let compose = yaml("compose.yaml");
    assert_eq!(
        compose["services"]["redis"]["command"],
        serde_json::json!(["redis-server", "/run/secrets/redis.conf"])
    );
    let (mut redis, port) = (OtherServer::new("redis"), free_port());
    let (folder, at) = (redis.dir().display().to_string(), port.to_string());
    let files = [
        certificates::server(),
        certificates::server_key(),
        certificates::ca(),
    ];
    let [certificate, key, ca] = files.each_ref().map(|file| file.to_str().unwrap());
    let mut command = vec!["redis-server", conf.to_str().unwrap()];
    command.extend(["--bind", "127.0.0.1", "--dir", &folder]);
    command.extend(match stored {
        Stored::Beside => vec!["--port", &at],
        Stored::Elsewhere => vec![
            "--port",
            "0",
            "--tls-port",
            &at,
            "--tls-cert-file",
            certificate,
            "--tls-key-file",
            key,
            "--tls-ca-cert-file",
            ca,
            "--tls-auth-clients",
            "no",
        ],
    });
    redis.start("KILL", &command, || answers(port));
    (redis, port)
}

/// Changes a secret, which nobody may write to.
fn moved(file: &Path, from: &str, to: &str) {
    let text = replaced(&fs::read_to_string(file).unwrap(), [(from, to)]);
    fs::remove_file(file).unwrap();
    fs::write(file, text).unwrap();
}

/// The variables of the engine in compose.yaml, with the files where they are here.
fn secret_files(secrets: &Path) -> BTreeMap<String, String> {
    let compose = yaml("compose.yaml");
    let set = compose["services"]["ghanti"]["environment"].clone();
    let variables = set.as_object().unwrap().iter().map(|(name, file)| {
        let secret = file.as_str().unwrap().strip_prefix("/run/secrets/");
        let file = secrets.join(secret.unwrap());
        (name.clone(), file.to_str().unwrap().to_owned())
    });
    variables.collect()
}

/// Whether something listens at a port of this machine.
fn answers(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

/// The shipped flow in Rust alone: the others take long to compile.
fn flows() -> TempDir {
    let flows = tempfile::tempdir().unwrap();
    let mut copy = Command::new("cp");
    passes(
        copy.arg("-r")
            .arg(root().join("flows/emi-reminder"))
            .arg(flows.path()),
    );
    flows
}

/// An engine with the shipped settings, behind a proxy at a port.
fn engine(port: u16, flows: &Path, variables: &BTreeMap<String, String>) -> Engine {
    let public = format!("https://{HOST}:{port}");
    let settings = replaced(
        &text("ghanti.toml"),
        [
            ("https://bot.example.com", public.as_str()),
            ("# path = \"/bot\"", "path = \"/bot\""),
            ("# agents = [\"+91…\"]", "agents = ['+918000000001']"),
        ],
    );
    let settings = format!("{settings}\n[speech]\nrecognizer = 'none'\n");
    let setup = Setup::new(settings).flows(flows);
    let setup = variables
        .iter()
        .fold(setup, |setup, (name, value)| setup.variable(name, value));
    setup.start()
}

/// The shipped nginx.conf as it is used here.
fn nginx_conf(authority: &Authority, port: u16, engine: &str, logs: &Path) -> String {
    let (certificate, key) = (authority.file("host.pem"), authority.file("host.key.pem"));
    let logs = logs.display().to_string();
    let listen = format!("listen 127.0.0.1:{port} ssl;");
    replaced(
        &text("nginx.conf"),
        [
            ("listen 443 ssl;", listen.as_str()),
            (
                "/etc/ssl/bot.example.com/fullchain.pem",
                certificate.to_str().unwrap(),
            ),
            (
                "/etc/ssl/bot.example.com/privkey.pem",
                key.to_str().unwrap(),
            ),
            ("bot.example.com", HOST),
            ("127.0.0.1:8000", engine),
            ("/var/log/nginx", &logs),
        ],
    )
}

/// A running nginx.
struct Nginx {
    server: OtherServer,
    main: PathBuf,
}

impl Nginx {
    fn start(port: u16, site: &str) -> Self {
        let mut server = OtherServer::new("nginx");
        let folder = server.dir().to_owned();
        written(&folder, "site.conf", site);
        let user = if is_root() { "user root;" } else { "" };
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {0}/{name};\n", folder.display()))
            .concat();
        let main = written(
            &folder,
            "nginx.conf",
            &format!(
                "{user}\npid {0}/nginx.pid;\ndaemon off;\nworker_processes 1;\nerror_log {0}/main.log;\n\
                 events {{ worker_connections 256; }}\nhttp {{\n{temporary}include {0}/site.conf;\n}}\n",
                folder.display()
            ),
        );
        let reported = passes(installed("nginx").arg("-t").arg("-c").arg(&main));
        assert!(reported.contains("test is successful"), "{reported}");
        assert!(!reported.contains("[warn]"), "{reported}");
        let nginx = installed("nginx");
        let nginx = nginx.get_program().to_str().unwrap();
        let command = [nginx, "-c", main.to_str().unwrap()];
        server.start("TERM", &command, || answers(port));
        Self { server, main }
    }

    /// Takes another site, as an operator does: by a file and a reload. Returns once the workers
    /// that know the one before take no more connections; there has to be one that holds them.
    fn reload(&self, site: &str) {
        written(self.server.dir(), "site.conf", site);
        passes(
            installed("nginx")
                .args(["-s", "reload", "-c"])
                .arg(&self.main),
        );
        let main = fs::read_to_string(self.server.dir().join("nginx.pid")).unwrap();
        until("old workers shut down", || {
            let workers = passes(Command::new("ps").args(["-o", "args=", "--ppid", main.trim()]));
            let (old, new): (Vec<_>, Vec<_>) = workers
                .lines()
                .partition(|worker| worker.contains("is shutting down"));
            !old.is_empty() && !new.is_empty()
        });
    }
}

fn is_root() -> bool {
    let reported = passes(Command::new("id").arg("-u"));
    reported.trim() == "0"
}

/// A call through a proxy, by `ghanti call`.
struct Called {
    process: Child,
    folder: TempDir,
}

impl Called {
    fn begin(url: &str, authority: &Authority, variables: &BTreeMap<String, String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let shown = fs::File::create(folder.path().join("shown.txt")).unwrap();
        let process = program()
            .args(["call", "--config", "/dev/null", "--url", url])
            .arg("--scenario")
            .arg(scenario(SCENARIO))
            .arg("--out")
            .arg(folder.path())
            .env("SSL_CERT_FILE", authority.file("ca.pem"))
            .envs(variables)
            .stdin(Stdio::null())
            .stdout(shown.try_clone().unwrap())
            .stderr(shown)
            .spawn()
            .unwrap();
        Self { process, folder }
    }

    fn shown(&self) -> String {
        fs::read_to_string(self.folder.path().join("shown.txt")).unwrap()
    }

    /// Waits until it has ended as its scenario expects.
    fn went_well(mut self) {
        let given_up = Instant::now() + CALL;
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                assert!(status.success(), "{status}:\n{}", self.shown());
                return;
            }
            assert!(Instant::now() < given_up, "it goes on:\n{}", self.shown());
            std::thread::sleep(LOOK);
        }
    }
}

impl Drop for Called {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Waits until something is so.
fn until(what: &str, is_so: impl Fn() -> bool) {
    let given_up = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < given_up, "never: {what}");
        std::thread::sleep(LOOK);
    }
}

/// What only those who watch the engine may ask is not passed on, all else is.
async fn answers_from_outside(authority: &Authority, base: &str) {
    let client = authority.client();
    for (path, status) in [
        ("/healthz", 200),
        ("/metrics", 404),
        ("/readyz", 404),
        ("/api/calls", 401),
        ("/passthru", 401),
    ] {
        let response = client.get(format!("{base}{path}")).send().await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_goes_through_nginx_and_its_logs_keep_all_secrets() {
    let (authority, stores, flows) = (Authority::new(), Stores::start(Stored::Elsewhere), flows());
    let (port, variables) = (free_port(), &stores.variables);
    let engine = engine(port, flows.path(), variables);
    let logs = tempfile::tempdir().unwrap();
    let nginx = Nginx::start(
        port,
        &nginx_conf(&authority, port, engine.address(), logs.path()),
    );
    let base = format!("https://{HOST}:{port}/bot");
    Called::begin(&base, &authority, variables).went_well();
    answers_from_outside(&authority, &base).await;

    let access = fs::read_to_string(logs.path().join("ghanti.access.log")).unwrap();
    for line in [
        "GET /bot/passthru 200",
        "GET /bot/ws/voicebot 101",
        "GET /bot/connect 200",
    ] {
        assert!(access.contains(line), "`{line}` is not in\n{access}");
    }
    // an engine that is gone is what an error is logged for
    drop(engine);
    let asked = format!("{base}/passthru?token=secret-of-a-test&CallFrom=09876500001");
    let response = authority.client().get(asked).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 502);
    let all = ["ghanti.access.log", "ghanti.error.log"]
        .map(|name| fs::read_to_string(logs.path().join(name)).unwrap_or_default())
        .concat();
    let telling = ["secret-of-a-test", "9876500001"].map(str::to_owned);
    for telling in telling.into_iter().chain(stores.secrets()) {
        assert!(!all.contains(&telling), "`{telling}` is in\n{all}");
    }
    drop((nginx, stores));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_behind_nginx_cuts_no_call() {
    let (authority, stores, flows) = (Authority::new(), Stores::start(Stored::Beside), flows());
    let (port, variables) = (free_port(), &stores.variables);
    let mut old = engine(port, flows.path(), variables);
    let logs = tempfile::tempdir().unwrap();
    let site = |engine: &str| nginx_conf(&authority, port, engine, logs.path());
    let nginx = Nginx::start(port, &site(old.address()));
    let base = format!("https://{HOST}:{port}/bot");

    let first = Called::begin(&base, &authority, variables);
    until("the first call speaks", || {
        old.logs().contains("prompt began")
    });
    // as docs/operate.md says: a new engine, the proxy, then the old one
    let new = engine(port, flows.path(), variables);
    nginx.reload(&site(new.address()));
    old.ask_to_stop();
    let second = Called::begin(&base, &authority, variables);
    first.went_well();
    second.went_well();
    assert!(old.stopped(PATIENCE).success());
    // the applets after the first call's bot asked the new one
    let ended = new.logs();
    assert!(ended.contains("prompt began"), "{ended}");
    drop((nginx, stores));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_goes_through_caddy() {
    let (authority, flows, port) = (Authority::new(), flows(), free_port());
    let tokens = ["STREAM", "APPLET", "API"].map(|token| format!("GHANTI_SERVER_{token}_TOKEN"));
    let values = ["a", "b", "c"].map(|value| value.repeat(32));
    let variables: BTreeMap<_, _> = tokens.into_iter().zip(values).collect();
    let engine = engine(port, flows.path(), &variables);
    let (certificate, key) = (authority.file("host.pem"), authority.file("host.key.pem"));
    let site = format!(
        "{HOST}:{port} {{\n\tbind 127.0.0.1\n\ttls {} {}",
        certificate.display(),
        key.display()
    );
    let caddyfile = replaced(
        &text("Caddyfile"),
        [
            (
                "{\n\t# errors have",
                "{\n\tadmin off\n\tauto_https disable_redirects\n\t# errors have",
            ),
            ("\nbot.example.com {", &format!("\n{site}")),
            ("127.0.0.1:8000", engine.address()),
        ],
    );
    let mut server = OtherServer::new("caddy");
    let file = written(server.dir(), "Caddyfile", &caddyfile);
    let caddy = installed("caddy");
    let home = format!("HOME={}", server.dir().display());
    let command = [
        "env",
        &home,
        "XDG_DATA_HOME=.",
        "XDG_CONFIG_HOME=.",
        caddy.get_program().to_str().unwrap(),
        "run",
        "--adapter",
        "caddyfile",
        "--config",
        file.to_str().unwrap(),
    ];
    server.start("TERM", &command, || answers(port));
    let base = format!("https://{HOST}:{port}/bot");
    Called::begin(&base, &authority, &variables).went_well();
    answers_from_outside(&authority, &base).await;
    drop(engine);
    let asked = format!("{base}/passthru?token=secret-of-a-test&CallFrom=09876500001");
    let response = authority.client().get(asked).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 502);
    let log = fs::read_to_string(server.dir().join("server.log")).unwrap();
    assert!(
        !log.contains("secret-of-a-test") && !log.contains("9876500001"),
        "{log}"
    );
}

#[test]
fn a_certificate_of_nobody_is_refused() {
    let (authority, port) = (Authority::new(), free_port());
    let logs = tempfile::tempdir().unwrap();
    let _nginx = Nginx::start(
        port,
        &nginx_conf(&authority, port, "127.0.0.1:9", logs.path()),
    );
    let output = program()
        .args(["health", "--config", "/dev/null", "--url"])
        .arg(format!("https://{HOST}:{port}"))
        .output()
        .unwrap();
    let reported = words(&output);
    assert!(!output.status.success(), "{reported}");
    assert!(reported.contains("certificate"), "{reported}");
}
