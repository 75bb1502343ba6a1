//! A `ghanti serve` of the test's own, on a free port and with folders of its own, gone when the
//! test is.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Once;
use std::time::{Duration, Instant};

use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::program::{program, root};

/// Opening the speech model takes a second or two; a Python interpreter that was not compiled
/// before fifteen, and on a busy machine more.
const START: Duration = Duration::from_secs(600);
/// Whatever an engine does by itself after a request or a call has been seen after this; no step
/// takes a tenth of it on an idle machine. A bound of waiting and no measure: what is to happen
/// within a time is measured where time is an argument.
pub const PATIENCE: Duration = Duration::from_secs(90);
/// Pause between two polls of what cannot be waited for otherwise.
const LOOK: Duration = Duration::from_millis(20);

/// How an engine is to be started. What is not said is as good as it can be.
pub struct Setup {
    config: String,
    flows: PathBuf,
    data: Option<PathBuf>,
    variables: Vec<(String, String)>,
    dev: Option<Vec<String>>,
    limits: Vec<(&'static str, u64)>,
    listen: String,
}

impl Setup {
    /// With these sections in the configuration, all but `[log]`.
    pub fn new(config: impl Into<String>) -> Self {
        Self {
            config: config.into(),
            flows: root().join("flows"),
            data: None,
            variables: Vec::new(),
            dev: None,
            limits: Vec::new(),
            listen: "127.0.0.1:0".to_owned(),
        }
    }

    /// With another folder of flows.
    pub fn flows(self, flows: impl Into<PathBuf>) -> Self {
        Self {
            flows: flows.into(),
            ..self
        }
    }

    /// With another data folder than the test's own.
    pub fn data(self, data: impl Into<PathBuf>) -> Self {
        Self {
            data: Some(data.into()),
            ..self
        }
    }

    /// With a variable that overrides a setting.
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// As `ghanti dev`, with these arguments.
    pub fn dev(self, arguments: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            dev: Some(arguments.into_iter().map(Into::into).collect()),
            ..self
        }
    }

    /// With a limit of open files, as `ulimit -n` sets it.
    pub fn open_files(mut self, limit: u32) -> Self {
        self.limits.push(("-n", u64::from(limit)));
        self
    }

    /// With a limit of the address space in KiB, as `ulimit -v` sets it.
    pub fn address_space_kib(mut self, limit: u64) -> Self {
        self.limits.push(("-v", limit));
        self
    }

    /// At an address that stays the same when it is started again.
    pub fn listen_on(self, address: impl Into<String>) -> Self {
        Self {
            listen: address.into(),
            ..self
        }
    }

    /// Starts the engine, and waits until it takes calls.
    pub fn start(self) -> Engine {
        self.begin(true)
    }

    /// Starts the engine, and waits until it listens.
    pub fn listen(self) -> Engine {
        self.begin(false)
    }

    fn begin(self, waits: bool) -> Engine {
        // engines that start at once would each compile what none has compiled yet
        static COMPILED: Once = Once::new();
        COMPILED.call_once(|| drop(Self::new("[speech]\nrecognizer = 'none'\n").run(true)));
        self.run(waits)
    }

    fn run(self, waits: bool) -> Engine {
        let house = tempfile::tempdir().unwrap();
        let mut engine = Engine {
            process: None,
            address: String::new(),
            http: client(),
            house,
            setup: self,
        };
        engine.run(waits);
        engine
    }

    fn write_config(&self, house: &TempDir) -> PathBuf {
        let file = house.path().join("ghanti.toml");
        let folder = house.path().join("logs");
        fs::write(
            &file,
            format!(
                "{}\n[log]\nfolder = '{}'\nlevel = 'info,ghanti=debug'\n",
                self.config,
                folder.display()
            ),
        )
        .unwrap();
        file
    }

    fn command(&self, house: &TempDir) -> Command {
        let mut command = match self.limits.as_slice() {
            [] => program(),
            limits => limited(&program(), limits),
        };
        command
            .arg(if self.dev.is_some() { "dev" } else { "serve" })
            .args(self.dev.iter().flatten());
        command
            .args(["--listen", &self.listen, "--config"])
            .arg(self.write_config(house));
        let data = self
            .data
            .clone()
            .unwrap_or_else(|| with_components(house.path().join("data")));
        command
            .arg("--data")
            .arg(data)
            .arg("--flows")
            .arg(&self.flows);
        command
            .envs(self.variables.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command
    }
}

/// The same command with limits of the shell's `ulimit`.
fn limited(command: &Command, limits: &[(&str, u64)]) -> Command {
    let limits = limits
        .iter()
        .map(|(what, limit)| format!("ulimit {what} {limit} && "));
    let mut limited = Command::new("sh");
    limited
        .args(["-c", &format!("{}exec \"$@\"", limits.collect::<String>())])
        .args(["sh".as_ref(), command.get_program()]);
    limited.current_dir(command.get_current_dir().unwrap());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    limited
}

/// A data folder in which the machine code of flows is that of all tests: a Python interpreter
/// takes ten seconds to compile.
fn with_components(data: PathBuf) -> PathBuf {
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("components");
    for folder in [&data, &kept] {
        fs::create_dir_all(folder).unwrap();
    }
    let linked = data.join("components");
    if !linked.exists() {
        std::os::unix::fs::symlink(kept, linked).unwrap();
    }
    data
}

/// How an engine that cannot start ended.
#[derive(Debug)]
pub struct Refusal {
    /// Its exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// The last line of its console and those that belong to it.
    pub words: String,
}

/// Starts an engine that has to refuse.
pub fn refusal(setup: &Setup) -> Refusal {
    let house = tempfile::tempdir().unwrap();
    let console = house.path().join("console.txt");
    let process = setup
        .command(&house)
        .stderr(File::create(&console).unwrap())
        .spawn()
        .unwrap();
    let status = ended(process, START).unwrap_or_else(|| {
        panic!(
            "the engine went on:\n{}",
            fs::read_to_string(&console).unwrap()
        )
    });
    let reported = fs::read_to_string(&console).unwrap();
    let words = reported.find("ghanti: ").map_or_else(
        || panic!("no word of why:\n{reported}"),
        |at| reported[at..].to_owned(),
    );
    Refusal {
        code: status.code(),
        words,
    }
}

/// A running engine.
pub struct Engine {
    process: Option<Child>,
    address: String,
    http: Client,
    setup: Setup,
    house: TempDir,
}

impl Engine {
    fn run(&mut self, waits: bool) {
        let console = self.console();
        let mut command = self.setup.command(&self.house);
        let written = File::create(&console).unwrap();
        if self.setup.dev.is_some() {
            // the view is on the one, what goes wrong before it on the other
            command.stdout(File::options().append(true).open(&console).unwrap());
        }
        let process = command.stderr(written).spawn().unwrap();
        let process = self.process.insert(process);
        let given_up = Instant::now() + START;
        loop {
            let reported = fs::read_to_string(&console).unwrap();
            let address = reported
                .split_once("listening address=")
                .filter(|_| !waits || reported.contains("ready: calls are taken"))
                .or_else(|| reported.split_once("serving http://"))
                // the same line as JSON
                .or_else(|| {
                    reported
                        .split_once("\"address\":\"")
                        .filter(|_| !waits || reported.contains("ready: calls are taken"))
                });
            if let Some((_, address)) = address {
                self.address = address
                    .split_whitespace()
                    .next()
                    .unwrap()
                    .split(['"', ','])
                    .next()
                    .unwrap()
                    .trim_end_matches(':')
                    .to_owned();
                return;
            }
            let gone = process.try_wait().unwrap();
            assert!(
                gone.is_none() && Instant::now() < given_up,
                "the engine does not start ({gone:?}):\n{reported}"
            );
            std::thread::sleep(LOOK);
        }
    }

    /// Ends it at once, as a crash would.
    pub fn crash(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Asks it to stop (SIGTERM), and goes on.
    pub fn ask_to_stop(&self) {
        self.signal("TERM");
    }

    /// Sends it a signal, by its name.
    pub fn signal(&self, name: &str) {
        let id = self.process.as_ref().unwrap().id().to_string();
        assert!(
            Command::new("kill")
                .args([&format!("-{name}"), &id])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Waits until it has stopped; panics when it has not in time.
    pub fn stopped(&mut self, within: Duration) -> ExitStatus {
        let process = self.process.take().unwrap();
        ended(process, within).unwrap_or_else(|| {
            panic!(
                "the engine did not stop within {within:?}:\n{}",
                self.logs()
            )
        })
    }

    /// Starts it again, with the data it had.
    pub fn start_again(&mut self) {
        self.crash();
        self.run(true);
    }

    /// Its process' id.
    pub fn pid(&self) -> u32 {
        self.process.as_ref().unwrap().id()
    }

    /// Its address, such as `127.0.0.1:40123`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The URL of a path on it.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Its folder of everything: data, logs, console.
    pub fn house(&self) -> PathBuf {
        self.house.path().to_owned()
    }

    /// A client for it, which follows no redirect.
    pub fn http(&self) -> &Client {
        &self.http
    }

    /// All that it has logged: console, `application.log`, `websocket.log`.
    pub fn logs(&self) -> String {
        let log = |name: &str| {
            fs::read_to_string(self.house.path().join("logs").join(name)).unwrap_or_default()
        };
        [
            fs::read_to_string(self.console()).unwrap_or_default(),
            log("application.log"),
            log("websocket.log"),
        ]
        .concat()
    }

    /// What it shows on its console.
    pub fn shown(&self) -> String {
        fs::read_to_string(self.console()).unwrap()
    }

    fn console(&self) -> PathBuf {
        self.house.path().join("console.txt")
    }

    /// Stores a customer; returns the call's id.
    pub async fn customer(&self, phone: &str, flow: Option<&str>) -> String {
        let fields = json!({ "name": "Priya Sharma", "language": "en-IN", "loan": "LN-00478213", "amount": "12,500", "due-date": "2030-12-05" });
        let mut customer = json!({ "phone": phone, "fields": fields });
        if let Some(flow) = flow {
            customer["flow"] = json!(flow);
        }
        self.order(&customer).await
    }

    /// Orders a call, and again where the engine says that it does not know now, as it does on a
    /// machine whose disk is busy; returns the call's id.
    pub async fn order(&self, customer: &Value) -> String {
        let given_up = Instant::now() + PATIENCE;
        loop {
            let response = self
                .http
                .post(self.url("/api/calls"))
                .json(customer)
                .send()
                .await
                .unwrap();
            if response.status() == 503 && Instant::now() < given_up {
                let after_s = response.headers()["retry-after"]
                    .to_str()
                    .unwrap()
                    .parse()
                    .unwrap();
                tokio::time::sleep(Duration::from_secs(after_s)).await;
                continue;
            }
            assert_eq!(response.status(), 201, "{}", response.text().await.unwrap());
            return response.json::<Value>().await.unwrap()["call_id"]
                .as_str()
                .unwrap()
                .to_owned();
        }
    }

    /// The record of a call, by our id or by CallSid, where there is one, and where the database answers in
    /// time: on a busy machine it may not.
    pub async fn record(&self, id: &str) -> Option<Value> {
        let response = self
            .http
            .get(self.url(&format!("/api/calls/{id}")))
            .send()
            .await
            .unwrap();
        if [404, 503].contains(&response.status().as_u16()) {
            None
        } else {
            Some(response.error_for_status().unwrap().json().await.unwrap())
        }
    }

    /// The record of a call once it is so.
    pub async fn record_when(
        &self,
        id: &str,
        within: Duration,
        so: impl Fn(&Value) -> bool,
    ) -> Value {
        let given_up = Instant::now() + within;
        loop {
            let record = self.record(id).await;
            match record {
                Some(record) if so(&record) => return record,
                _ => assert!(
                    Instant::now() < given_up,
                    "not so within {within:?}: {record:#?}\n{}",
                    self.logs()
                ),
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The record of a call that is over.
    pub async fn ended(&self, id: &str) -> Value {
        self.record_when(id, PATIENCE, |record| record["state"] == "ended")
            .await
    }

    /// The text of `GET /metrics`.
    pub async fn metrics(&self) -> String {
        let response = self.http.get(self.url("/metrics")).send().await.unwrap();
        let content_type = response.headers()["content-type"].to_str().unwrap();
        assert!(
            response.status() == 200 && content_type.starts_with("application/openmetrics-text"),
            "{response:?}"
        );
        response.text().await.unwrap()
    }

    /// The process lives and answers; nothing in it has panicked.
    pub async fn is_well(&self) {
        let response = self.http.get(self.url("/healthz")).send().await.unwrap();
        assert_eq!(
            (
                response.status().as_u16(),
                response.text().await.unwrap().as_str()
            ),
            (200, "OK")
        );
        let logs = self.logs();
        assert!(
            !logs.contains("panicked at") && !logs.contains("engine-panic"),
            "{logs}"
        );
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            drop(process.kill());
            drop(process.wait());
        }
    }
}

/// Tests share engines, and each has a runtime of its own: a connection that is kept belongs to a
/// runtime that may be gone.
fn client() -> Client {
    let builder = ghanti_sim::http::client()
        .unwrap()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(PATIENCE);
    builder.pool_max_idle_per_host(0).build().unwrap()
}

fn ended(mut process: Child, within: Duration) -> Option<ExitStatus> {
    let given_up = Instant::now() + within;
    while Instant::now() < given_up {
        if let Some(status) = process.try_wait().unwrap() {
            return Some(status);
        }
        std::thread::sleep(LOOK);
    }
    process.kill().unwrap();
    process.wait().unwrap();
    None
}
