//! What the programs say that the files are for.

use std::fs;

use tempfile::tempdir;

use super::{found, installed, passes, perhaps, replaced, text, written, yaml};
use crate::support::root;

/// `systemd-analyze security` counts from 0, safe, to 100. What remains is that the engine reaches
/// the network and compiles flows.
const EXPOSURE_MAX: u32 = 20;

#[test]
fn the_unit_is_one_and_well_locked() {
    let unit = text("ghanti.service");
    let has = |line: &str| unit.lines().any(|found| found == line);
    for line in [
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "ProtectHome=yes",
        "User=ghanti",
        "CapabilityBoundingSet=",
        "LimitNOFILE=65536",
        "KillSignal=SIGTERM",
        "LoadCredential=server.api-token:/etc/ghanti/secrets/api-token",
    ] {
        assert!(has(line), "{line}");
    }
    // nothing in the engine notifies
    assert!(has("Type=exec"));
    let Some(mut verify) = perhaps("systemd-analyze", "the unit by `systemd-analyze verify`")
    else {
        return;
    };
    let folder = tempdir().unwrap();
    let here = replaced(&unit, [("/opt/ghanti/bin/ghanti", "/bin/true")]);
    let file = written(folder.path(), "ghanti.service", &here);
    let reported = passes(verify.args(["verify", "--man=no"]).arg(&file));
    assert!(!reported.contains("ghanti.service"), "{reported}");
    let mut security = installed("systemd-analyze");
    passes(
        security
            .args(["security", "--offline=true", "--no-pager"])
            .arg(format!("--threshold={EXPOSURE_MAX}"))
            .arg(&file),
    );
}

#[test]
fn the_dockerfile_is_one() {
    let file = root().join("engine/deploy/Dockerfile");
    let dockerfile = text("Dockerfile");
    let (_, last) = dockerfile.rsplit_once("\nFROM ").unwrap();
    for line in [
        "USER 10001:10001",
        "STOPSIGNAL SIGTERM",
        "VOLUME [\"/var/lib/ghanti/data\", \"/var/lib/ghanti/flows\"]",
        "ENTRYPOINT [\"ghanti\"]",
    ] {
        assert!(last.lines().any(|found| found == line), "{line}");
    }
    assert!(last.contains("\nHEALTHCHECK ") && last.contains("CMD [\"ghanti\", \"health\"]"));
    // the toolchain is the one that the project is built with elsewhere
    let toolchain = fs::read_to_string(root().join("rust-toolchain.toml")).unwrap();
    let toolchain: toml::Table = toolchain.parse().unwrap();
    let channel = toolchain["toolchain"]["channel"].as_str().unwrap();
    assert!(dockerfile.contains(&format!("\nARG RUST={channel}\n")));
    // what is copied from the repository is there, and not left out
    for line in dockerfile
        .lines()
        .filter_map(|line| line.strip_prefix("COPY "))
    {
        let source = line.split(' ').next().unwrap();
        if !source.starts_with("--from") {
            assert!(root().join(source).exists(), "{source}");
        }
    }
    if let Some(mut hadolint) = perhaps("hadolint", "the Dockerfile by `hadolint`") {
        passes(hadolint.arg(file));
    }
}

#[test]
fn secrets_are_made_once_and_fit_each_other() {
    let house = tempdir().unwrap();
    let folder = house.path().join("secrets");
    let script = root().join("engine/deploy/make-secrets");
    let make = || {
        let mut make = std::process::Command::new(&script);
        passes(make.arg(&folder))
    };
    let made = make();
    let secret = |name: &str| {
        let text = fs::read_to_string(folder.join(name)).unwrap();
        text.trim_end().to_owned()
    };
    let compose = yaml("compose.yaml");
    let wanted = compose["secrets"].as_object().unwrap();
    assert_eq!(made.lines().count(), wanted.len());
    let before: Vec<_> = wanted.keys().map(|name| secret(name)).collect();
    for token in ["stream-token", "applet-token", "api-token"] {
        assert_eq!(secret(token).len(), 64);
    }
    let password = secret("redis.conf");
    let password = password.lines().next().unwrap();
    let password = password.strip_prefix("requirepass ").unwrap();
    assert_eq!(
        secret("redis-url"),
        format!("redis://:{password}@redis:6379/0")
    );
    let password = secret("postgres-password");
    assert_eq!(
        secret("database-url"),
        format!("postgres://ghanti:{password}@postgres:5432/ghanti?sslmode=disable")
    );
    assert_eq!(make(), "", "a second run changes nothing");
    let after: Vec<_> = wanted.keys().map(|name| secret(name)).collect();
    assert_eq!(before, after);
    if let Some(mut shellcheck) = perhaps("shellcheck", "make-secrets by `shellcheck`") {
        passes(shellcheck.arg(script));
    }
}

#[test]
fn the_caddyfile_is_one() {
    let file = root().join("engine/deploy/Caddyfile");
    let mut caddy = installed("caddy");
    // it makes folders in its home
    let home = tempdir().unwrap();
    caddy
        .env("HOME", home.path())
        .env("XDG_DATA_HOME", home.path());
    let reported = passes(
        caddy
            .args(["validate", "--adapter", "caddyfile", "--config"])
            .arg(&file),
    );
    assert!(reported.contains("Valid configuration"), "{reported}");
    let formatted = passes(installed("caddy").arg("fmt").arg(&file));
    assert_eq!(formatted, text("Caddyfile"));
}

#[test]
fn the_alerts_are_rules() {
    let rules = yaml("alerts.yml");
    for rule in rules["groups"][0]["rules"].as_array().unwrap() {
        for key in ["alert", "expr"] {
            assert!(rule[key].is_string(), "{key} of {rule}");
        }
        let summary = rule["annotations"]["summary"].as_str();
        assert!(summary.is_some_and(|summary| summary.len() > 20), "{rule}");
        let severity = rule["labels"]["severity"].as_str().unwrap();
        assert!(["page", "warn"].contains(&severity), "{rule}");
    }
    let Some(mut promtool) = perhaps("promtool", "expressions of alerts by `promtool`") else {
        return;
    };
    let folder = root().join("engine/deploy");
    passes(
        promtool
            .args(["check", "rules"])
            .arg(folder.join("alerts.yml")),
    );
    let mut promtool = installed("promtool");
    let syntax = ["check", "config", "--syntax-only"];
    passes(promtool.args(syntax).arg(folder.join("prometheus.yml")));
    let mut promtool = installed("promtool");
    let cases = root().join("tests/fixtures/alerts.test.yml");
    passes(promtool.args(["test", "rules"]).arg(cases));
}

#[test]
fn the_logrotate_file_is_one() {
    let folder = tempdir().unwrap();
    // logrotate wants its files to be of one whom nobody else can write for
    let file = written(folder.path(), "ghanti", &text("ghanti.logrotate"));
    let reported = passes(
        installed("logrotate")
            .arg("--debug")
            .arg("--state")
            .arg(folder.path().join("state"))
            .arg(file),
    );
    assert!(!reported.to_lowercase().contains("error"), "{reported}");
    assert!(
        found("nginx").is_some(),
        "`nginx` is missing: run `make setup`"
    );
}
