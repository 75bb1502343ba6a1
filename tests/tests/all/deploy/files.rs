//! What the files say: by their schemas, and that it is so of this engine.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{passes, perhaps, text, yaml};
use crate::support::{Engine, KEY, PATIENCE, Setup, Stream, program, root};

const KUBERNETES: [&str; 7] = [
    "configmap",
    "deployment",
    "horizontalpodautoscaler",
    "ingress",
    "poddisruptionbudget",
    "secret.example",
    "service",
];
/// After a drain the engine answers applets for 5 s, waits 5 s each for requests and calls to end,
/// and 10 s for the last records (`engine/server/src/serve.rs`).
const AFTER_DRAIN_S: u64 = 25;
/// What a drain takes beyond the longest call (`LAST_WORDS` of `engine/server/src/config.rs`).
const LAST_WORDS_S: u64 = 60;
/// Between two looks at what is counted.
const LOOK: Duration = Duration::from_millis(500);
/// The longest call that can be configured.
const LONGEST_S: u64 = 3_600;

/// Everything that a kept schema, or the part of it that is referred to, has against a value. It is
/// Debian's Python and its package that looks.
pub fn faults(schema: &str, reference: Option<&str>, value: &Value) -> Vec<String> {
    let mut looks = Command::new("/usr/bin/python3");
    looks
        .arg(root().join("tests/tests/all/deploy/faults.py"))
        .arg(root().join("tests/fixtures/schemas").join(schema))
        .args(reference);
    let mut python = looks
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("`{looks:?}`: {error}"));
    let mut input = python.stdin.take().unwrap();
    serde_json::to_writer(&mut input, value).unwrap();
    drop(input);
    let output = python.wait_with_output().unwrap();
    let reported = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "no schema is looked at: run `make setup`\n{complaint}"
    );
    reported.lines().map(str::to_owned).collect()
}

/// How long after SIGTERM the engine may still be needed, with these settings.
fn grace_s(settings: &str) -> u64 {
    let settings: toml::Table = settings.parse().unwrap();
    let minutes = settings["calls"]["longest-minutes"].as_integer().unwrap();
    u64::try_from(minutes).unwrap() * 60 + LAST_WORDS_S + AFTER_DRAIN_S
}

#[test]
fn the_compose_file_is_one() {
    let (schema, compose) = ("compose.json", yaml("compose.yaml"));
    assert_eq!(faults(schema, None, &compose), [""; 0]);
    let mut wrong = compose;
    wrong["services"]["redis"]["comand"] = "redis-server".into();
    assert_ne!(faults(schema, None, &wrong), [""; 0], "the schema looks");
    if let Some(mut docker) = perhaps("docker", "the compose file by `docker compose config`") {
        let reported = docker.args(["compose", "version"]).output().unwrap();
        if reported.status.success() {
            let file = root().join("engine/deploy/compose.yaml");
            let mut docker = Command::new(docker.get_program());
            passes(
                docker
                    .args(["compose", "--file"])
                    .arg(file)
                    .args(["config", "--quiet"]),
            );
        } else {
            let _ = perhaps(
                "docker-compose-plugin",
                "the compose file by `docker compose config`",
            );
        }
    }
}

#[test]
fn the_kubernetes_files_are_such() {
    let faults = |object: &Value| {
        let kind = object["kind"].as_str().unwrap();
        let reference = format!("#/definitions/{kind}");
        faults("kubernetes-1.37.json", Some(&reference), object)
    };
    for name in KUBERNETES {
        let object = yaml(&format!("kubernetes/{name}.yaml"));
        assert_eq!(faults(&object), [""; 0], "{name}");
    }
    let mut wrong = yaml("kubernetes/deployment.yaml");
    wrong["spec"]["template"]["spec"]["terminationGracePeriod"] = 5.into();
    assert_ne!(faults(&wrong), [""; 0], "the schema looks");
    let listed = yaml("kubernetes/kustomization.yaml")["resources"].clone();
    let resources: BTreeSet<_> = listed.as_array().unwrap().iter().cloned().collect_strings();
    let files = KUBERNETES
        .into_iter()
        .filter(|name| *name != "secret.example");
    assert_eq!(
        resources,
        files
            .map(|name| format!("{name}.yaml"))
            .collect::<BTreeSet<_>>()
    );
    if let Some(mut kubectl) = perhaps(
        "kubectl",
        "the Kubernetes files together, by `kubectl kustomize`",
    ) {
        let made = passes(
            kubectl
                .arg("kustomize")
                .arg(root().join("engine/deploy/kubernetes")),
        );
        assert!(made.contains("image: ghanti:0.1.0"), "{made}");
    }
}

/// The texts of JSON values.
trait Strings {
    fn collect_strings(self) -> BTreeSet<String>;
}

impl<I: Iterator<Item = Value>> Strings for I {
    fn collect_strings(self) -> BTreeSet<String> {
        self.map(|value| value.as_str().unwrap().to_owned())
            .collect()
    }
}

#[test]
fn a_stopping_engine_is_given_as_long_as_its_calls_last() {
    let grace_s_of_file = grace_s(&text("ghanti.toml"));
    let compose = yaml("compose.yaml");
    let service = &compose["services"]["ghanti"];
    assert_eq!(service["stop_signal"], "SIGTERM");
    let minutes = service["stop_grace_period"].as_str().unwrap();
    let minutes: u64 = minutes.strip_suffix('m').unwrap().parse().unwrap();
    assert!(minutes * 60 >= grace_s_of_file, "compose.yaml: {minutes} m");

    let unit = text("ghanti.service");
    let minutes = unit
        .lines()
        .find_map(|line| line.strip_prefix("TimeoutStopSec="));
    let minutes: u64 = minutes
        .unwrap()
        .strip_suffix("min")
        .unwrap()
        .parse()
        .unwrap();
    assert!(
        minutes * 60 >= grace_s("[calls]\nlongest-minutes = 30"),
        "ghanti.service: {minutes} min"
    );

    let settings = yaml("kubernetes/configmap.yaml")["data"]["ghanti.toml"].clone();
    let pod = yaml("kubernetes/deployment.yaml")["spec"]["template"]["spec"].clone();
    let container = &pod["containers"][0];
    let asleep_s = container["lifecycle"]["preStop"]["sleep"]["seconds"]
        .as_u64()
        .unwrap();
    let given_s = pod["terminationGracePeriodSeconds"].as_u64().unwrap();
    let needed_s = asleep_s + grace_s(settings.as_str().unwrap());
    assert!(
        given_s >= needed_s,
        "{given_s} s, and {needed_s} s are needed"
    );
}

#[test]
fn a_proxy_keeps_a_stream_for_as_long_as_the_longest_call() {
    let mut reported = Vec::new();
    for (name, mark) in [
        ("nginx.conf", "proxy_read_timeout "),
        ("nginx.conf", "proxy_send_timeout "),
        ("kubernetes/ingress.yaml", "proxy-read-timeout: "),
        ("kubernetes/ingress.yaml", "proxy-send-timeout: "),
        ("kubernetes/ingress.yaml", "timeout-tunnel: "),
    ] {
        let text = text(name);
        let times = text.split(mark).skip(1).map(|rest| {
            let digits = rest.trim_start_matches('"');
            let digits = digits.split(|letter: char| !letter.is_ascii_digit()).next();
            digits.unwrap().parse::<u64>().unwrap()
        });
        let longest = times.max().unwrap();
        reported.push((name, mark, longest));
    }
    let short: Vec<_> = reported
        .iter()
        .filter(|reported| reported.2 <= LONGEST_S)
        .collect();
    assert!(short.is_empty(), "{short:?}");
}

/// The variables `GHANTI_…` that a text sets.
fn variables(text: &str) -> BTreeSet<String> {
    let is_of_name = |letter: char| letter.is_ascii_uppercase() || letter == '_';
    let names = text.match_indices("GHANTI_").map(|(at, _)| {
        let name: String = text[at..]
            .chars()
            .take_while(|&letter| is_of_name(letter))
            .collect();
        name
    });
    names.collect()
}

#[test]
fn every_variable_that_is_set_is_a_setting() {
    let printed = passes(program().args(["config", "print", "--config", "/dev/null"]));
    let mut settings = BTreeSet::new();
    let mut section = "";
    for line in printed.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
        } else if let Some((key, _)) = line.trim_start_matches("# ").split_once(" = ") {
            let name = format!("GHANTI_{section}_{key}").to_uppercase();
            settings.insert(name.replace('-', "_"));
        }
    }
    let mut seen = 0;
    for name in [
        "Dockerfile",
        "compose.yaml",
        "ghanti.service",
        "kubernetes/deployment.yaml",
    ] {
        for variable in variables(&text(name)) {
            // of the build, not of the engine
            if variable == "GHANTI_" || variable == "GHANTI_SPEECH_FROM" {
                continue;
            }
            let setting = variable.strip_suffix("_FILE").unwrap_or(&variable);
            assert!(settings.contains(setting), "{name}: {variable}");
            seen += 1;
        }
    }
    assert!(seen > 12, "{seen} variables were found");
}

#[test]
fn every_settings_file_is_right() {
    let tokens = ["STREAM", "APPLET", "API"].map(|token| format!("GHANTI_SERVER_{token}_TOKEN"));
    let configmap = yaml("kubernetes/configmap.yaml")["data"]["ghanti.toml"].clone();
    let folder = tempfile::tempdir().unwrap();
    for text in [text("ghanti.toml"), configmap.as_str().unwrap().to_owned()] {
        let file = super::written(folder.path(), "ghanti.toml", &text);
        let mut check = program();
        check.args(["config", "check", "--config"]).arg(file);
        check.env("GHANTI_SERVER_LISTEN", "0.0.0.0:8000");
        for (token, value) in tokens.iter().zip(["a", "b", "c"]) {
            check.env(token, value.repeat(32));
        }
        assert!(passes(&mut check).contains("the configuration is valid"));
    }
}

/// The names of metrics in a text.
fn metrics(text: &str) -> BTreeSet<String> {
    let is_of_name = |letter: char| letter.is_ascii_lowercase() || letter == '_';
    let names = text.match_indices("ghanti_").map(|(at, _)| {
        let name: String = text[at..]
            .chars()
            .take_while(|&letter| is_of_name(letter))
            .collect();
        name
    });
    names.filter(|name| name.len() > "ghanti_".len()).collect()
}

/// The names of the metrics that an engine shows now, as Prometheus has them.
async fn measured(engine: &Engine) -> BTreeSet<String> {
    let metrics = engine.metrics().await;
    let types = metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "));
    let names = types.map(|line| match line.split_once(' ').unwrap() {
        (name, "counter") => format!("{name}_total"),
        (name, _) => name.to_owned(),
    });
    names.collect()
}

/// An engine to which something of everything happens that is counted: some counts are there only
/// then.
async fn eventful(flows: &Path) -> Engine {
    let mut copy = Command::new("cp");
    passes(
        copy.arg("-r")
            .arg(root().join("flows/emi-reminder"))
            .arg(flows),
    );
    fs::create_dir(flows.join("broken")).unwrap();
    fs::write(flows.join("broken/flow.wasm"), "no component").unwrap();
    let webhook = format!("[webhooks.nobody]\nurl = 'http://127.0.0.1:9/'\nsecret = '{KEY}'\n");
    let config = format!("[speech]\nrecognizer = 'none'\n[server]\nmax-calls = 1\n{webhook}");
    let engine = Setup::new(config).flows(flows).start();
    let phone = "09876530078";
    engine.customer(phone, None).await;
    let mut stream = Stream::begin(&engine, "watched", phone).await;
    stream.hear_voice().await;
    stream.hang_up("watched").await;
    engine.ended("watched").await;
    for path in ["/passthru?CallSid=a", "/passthru?CallSid=b", "/passthrough"] {
        let asked = engine.http().get(engine.url(path)).send().await;
        drop(asked.unwrap());
    }
    engine
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_watched_is_measured() {
    let flows = tempfile::tempdir().unwrap();
    let engine = eventful(flows.path()).await;
    let documented = |name: &str| {
        let text = fs::read_to_string(root().join("docs").join(name)).unwrap();
        let (_, section) = text.split_once("\n## What to watch").unwrap_or_default();
        let (_, table) = text.split_once("\n## Metrics").unwrap_or_default();
        let table = table.split("\n## ").next().unwrap_or_default();
        format!("{section}{table}")
    };
    let files = [
        ("alerts.yml", text("alerts.yml")),
        ("prometheus-adapter.yaml", text("prometheus-adapter.yaml")),
        (
            "horizontalpodautoscaler.yaml",
            text("kubernetes/horizontalpodautoscaler.yaml"),
        ),
        ("operations.md", documented("operations.md")),
        ("operate.md", documented("operate.md")),
    ];
    let given_up = Instant::now() + PATIENCE;
    loop {
        let measured = measured(&engine).await;
        let unknown: Vec<_> = files
            .iter()
            .flat_map(|(name, text)| {
                let watched = metrics(text);
                assert!(!watched.is_empty(), "{name}");
                let unknown: Vec<_> = watched.difference(&measured).cloned().collect();
                unknown
                    .into_iter()
                    .map(move |metric| format!("{name}: {metric}"))
            })
            // only a transfer, and a failure of a speech provider, is counted there
            .filter(|unknown| {
                ["ghanti_transfers_total", "ghanti_speech_failures_total"]
                    .iter()
                    .all(|counted| !unknown.ends_with(counted))
            })
            .collect();
        if unknown.is_empty() {
            break;
        }
        assert!(Instant::now() < given_up, "{unknown:#?}");
        tokio::time::sleep(LOOK).await;
    }
}

/// systemd gives the engine each credential as a file of that name.
#[test]
fn every_credential_of_the_unit_is_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    let unit = text("ghanti.service");
    let lines = unit.lines().map(|line| line.trim_start_matches("#").trim());
    let mut credentials = 0;
    for line in lines.filter_map(|line| line.strip_prefix("LoadCredential=")) {
        let (name, _) = line.split_once(':').unwrap();
        let secret = match name {
            "stores.redis-url" => "redis://127.0.0.1:1".to_owned(),
            "stores.database-url" => "postgres://127.0.0.1:1/ghanti".to_owned(),
            name => format!("{name}-0123456789"),
        };
        super::written(folder.path(), name, &secret);
        credentials += 1;
    }
    assert_eq!(credentials, 6);
    // an account is whole or none
    let account = "[exotel]\naccount-sid = 'one'\napi-token = 'two'\ncaller-id = '08047112233'\n";
    let file = super::written(folder.path(), "ghanti.toml", account);
    let mut print = program();
    print.args(["config", "print", "--config"]).arg(file);
    let printed = passes(print.env("CREDENTIALS_DIRECTORY", folder.path()));
    let secrets = printed.matches("= \"‹secret›\"").count();
    // the account's token is in the file
    assert_eq!(secrets, credentials + 1, "{printed}");
}
