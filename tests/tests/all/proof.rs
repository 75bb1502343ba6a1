//! What is kept of a call can be shown, taken out and checked; a person can be erased; what is too
//! old goes; a backup has it all.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use ghanti_test_servers::{PostgresServer, RedisServer};
use serde_json::json;
use tempfile::TempDir;

use crate::support::{Engine, PATIENCE, Setup, Stream, program, root};

const BY_KEYS: &str = "[speech]\nrecognizer = 'none'\n";
const PHONE: &str = "+919876500008";
/// Of the customer of these tests: number, name and loan.
const PERSONAL: [&str; 3] = ["9876500008", "Priya", "00478213"];
const DATABASE: &str = "calls";

/// What a command of the program came to.
#[derive(Debug)]
pub struct Came {
    pub code: i32,
    pub out: String,
}

/// Runs a command of the program against an engine.
pub fn ghanti(engine: &Engine, arguments: &[&str], input: &str) -> Came {
    let mut command = program();
    command
        .args(arguments)
        .arg("--config")
        .arg(engine.house().join("ghanti.toml"));
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // the program may not read it
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Came {
        code: output.status.code().unwrap_or(-1),
        out: text(output.stdout) + &text(output.stderr),
    }
}

/// The same, with the engine's URL.
pub fn asked(engine: &Engine, arguments: &[&str]) -> Came {
    let url = engine.url("");
    ghanti(engine, &[arguments, &["--url", &url]].concat(), "")
}

fn reminder() -> TempDir {
    let flows = tempfile::tempdir().unwrap();
    let mut copy = Command::new("cp");
    copy.arg("-r").arg(root().join("flows/emi-reminder"));
    assert!(copy.arg(flows.path()).status().unwrap().success());
    flows
}

/// A customer is called, hears their name and hangs up. Returns the call's id.
async fn called(engine: &Engine, sid: &str, meanwhile: impl AsyncFnOnce()) -> String {
    let call = engine.customer(PHONE, Some("emi-reminder")).await;
    let mut stream = Stream::begin(engine, sid, PHONE).await;
    stream.hear_voice().await;
    meanwhile().await;
    stream.hang_up(sid).await;
    engine.ended(&call).await;
    call
}

/// The files of a folder in which something personal stands, each with what it is.
fn personal_files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(personal_files(&path));
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        for word in PERSONAL {
            if bytes
                .windows(word.len())
                .any(|there| there == word.as_bytes())
            {
                found.push(format!("{}: {word}", path.display()));
            }
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_shown_and_exported_and_a_change_of_the_export_is_found() {
    let flows = reminder();
    let engine = Setup::new(BY_KEYS).flows(flows.path()).start();
    let call = called(&engine, "proof1", async || {}).await;

    let shown = asked(&engine, &["calls", "show", "proof1"]);
    for reported in ["hung-up", "stream-connected", "Priya Sharma", "[greeting, "] {
        assert!(
            shown.out.contains(reported),
            "`{reported}` is missing: {}",
            shown.out
        );
    }
    let unknown = asked(&engine, &["calls", "show", "nobody"]);
    assert!(
        unknown.code == 2 && unknown.out.contains("no such call"),
        "{unknown:?}"
    );

    let folder = tempfile::tempdir().unwrap();
    let (plain, archive) = (folder.path().join("plain"), folder.path().join("calls.zip"));
    for target in [&plain, &archive] {
        let target = target.to_str().unwrap();
        let exported = asked(&engine, &["calls", "export", &call, "-o", target]);
        assert_eq!(exported.code, 0, "{exported:?}");
        // with nothing but itself, and against the engine
        for more in [vec![], vec!["--url".to_owned(), engine.url("")]] {
            let more: Vec<_> = more.iter().map(String::as_str).collect();
            let arguments = [&["calls", "verify", target], more.as_slice()].concat();
            let verified = ghanti(&engine, &arguments, "");
            assert!(
                verified.code == 0 && verified.out.contains("1 calls are intact"),
                "{verified:?}"
            );
        }
    }
    let files = plain.join(&call);
    let verify = || ghanti(&engine, &["calls", "verify", plain.to_str().unwrap()], "");
    let lines: Vec<String> = fs::read_to_string(files.join("events.jsonl"))
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    let whole = fs::read(files.join("events.jsonl")).unwrap();
    let of = |lines: &[String]| lines.join("\n") + "\n";
    let mut swapped = lines.clone();
    swapped.swap(3, 4);
    let mut removed = lines.clone();
    removed.remove(3);
    let mut repeated = lines.clone();
    repeated.insert(3, lines[3].clone());
    let mut edited = lines.clone();
    edited[3] = edited[3].replacen("unix_ms\":1", "unix_ms\":2", 1);
    let without_last = &lines[..lines.len() - 1];
    let last = format!("event {}", lines.len());
    for (changed, reported) in [
        (of(&swapped), "event 4"),
        (of(&removed), "event 4"),
        (of(&repeated), "event 5"),
        (of(&edited), "event 4"),
        (of(&lines).replacen("Priya", "Maria", 1), "its payload"),
        (of(without_last), last.as_str()),
        (of(&lines) + " \n", "line"),
    ] {
        assert_ne!(changed.as_bytes(), whole);
        fs::write(files.join("events.jsonl"), &changed).unwrap();
        let broken = verify();
        assert!(
            broken.code == 1 && broken.out.contains(reported),
            "{reported}: {broken:?}"
        );
    }
    fs::write(files.join("events.jsonl"), &whole).unwrap();
    assert_eq!(verify().code, 0);
    let record = fs::read_to_string(files.join("record.json")).unwrap();
    fs::write(
        files.join("record.json"),
        record.replace("hung-up", "declined"),
    )
    .unwrap();
    let broken = verify();
    assert!(
        broken.code == 1 && broken.out.contains("`record.json` was changed"),
        "{broken:?}"
    );
    fs::remove_file(files.join("manifest.json")).unwrap();
    let none = verify();
    assert!(
        none.code == 2 && none.out.contains("cannot be checked"),
        "{none:?}"
    );
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_listed_by_what_is_asked_for() {
    let flows = reminder();
    let engine = Setup::new(BY_KEYS).flows(flows.path()).start();
    let call = called(&engine, "listed1", async || {}).await;
    let listed = asked(
        &engine,
        &["calls", "list", "--phone", PHONE, "--outcome", "hung-up"],
    );
    assert!(
        listed.code == 0 && listed.out.starts_with(&call),
        "{listed:?}"
    );
    assert!(!listed.out.contains(PERSONAL[0]), "{listed:?}");
    let none = asked(&engine, &["calls", "list", "--flow", "another"]);
    assert!(none.out.is_empty(), "{none:?}");
    let json = asked(&engine, &["calls", "list", "--json", "--limit", "1"]);
    assert!(
        json.out.contains(&format!("\"call_id\":\"{call}\"")),
        "{json:?}"
    );

    // the list is in rows, which are checked too
    let verify = || asked(&engine, &["calls", "verify", "--all"]);
    assert_eq!(verify().code, 0, "{:?}", verify());
    let mut change = Command::new("sqlite3");
    change.arg(engine.house().join("data/ghanti.db"));
    change
        .arg(".timeout 5000")
        .arg("UPDATE calls SET outcome = 'promised', customer_number = '+919876500099'");
    assert!(change.status().unwrap().success());
    let reported = format!(
        "{call}: the row in `calls` does not say what its events do: outcome, customer_number"
    );
    let found = verify();
    assert!(
        found.code == 1 && found.out.contains(&reported),
        "{found:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_was_only_ordered_ends_with_the_erasure_of_its_customer() {
    let flows = reminder();
    let engine = Setup::new(BY_KEYS).flows(flows.path()).start();
    let ordered = engine.customer(PHONE, Some("emi-reminder")).await;
    let other = engine.customer("+919876500077", Some("emi-reminder")).await;
    let erase = || {
        ghanti(
            &engine,
            &["customers", "erase", "-", "--url", &engine.url("")],
            PHONE,
        )
    };
    let erased = erase();
    assert_eq!(erased.code, 0, "{erased:?}");
    let record = engine.ended(&ordered).await;
    assert_eq!(record["outcome"], "not-dialled", "{record:#}");
    let why = "the customer was erased before the call was dialled";
    assert_eq!(record["detail"], why, "{record:#}");
    assert!(record["customer_number"].is_null(), "{record:#}");
    let again = erase();
    assert!(again.out.contains("there is no data"), "{again:?}");
    // somebody else's stays
    let others = engine.record(&other).await.unwrap();
    assert_eq!(others["state"], "pending", "{others:#}");
    // whoever dials with its id all the same gets nothing of it
    let asked = format!("/passthru?CallSid=erased-order&CallFrom={PHONE}&CustomField={ordered}");
    let answer = engine.http().get(engine.url(&asked)).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let mut stream = Stream::begin(&engine, "erased-order", PHONE).await;
    stream.hear_voice().await;
    stream.hang_up("erased-order").await;
    let call = engine.ended("erased-order").await;
    assert_eq!(call["outcome"], "incomplete-data", "{call:#}");
    let problems = call["problems"].to_string();
    assert!(problems.contains("unknown-order"), "{problems}");
    assert!(
        !call["transcript"].to_string().contains("Priya"),
        "{call:#}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_an_erased_person_is_left_in_database_redis_and_data_folder() {
    let (flows, data, redis) = (
        reminder(),
        tempfile::tempdir().unwrap(),
        RedisServer::start(),
    );
    let config = format!("{BY_KEYS}[stores]\nredis-url = '{}'\n", redis.url());
    let engine = Setup::new(config)
        .flows(flows.path())
        .data(data.path())
        .start();
    let fields = json!({ "name": "Priya Sharma", "language": "en-IN", "loan": "LN-00478213", "amount": "12,500", "due-date": "2030-12-05" });
    let list = json!({ "list": "december", "flow": "emi-reminder", "import": "i", "customers": [{ "line": 2, "phone": PHONE, "fields": fields }] });
    let put = engine.http().post(engine.url("/api/customers")).json(&list);
    assert_eq!(put.send().await.unwrap().status(), 200);
    let erase = || {
        ghanti(
            &engine,
            &["customers", "erase", "-", "--url", &engine.url("")],
            PHONE,
        )
    };
    // not in the middle of a call
    let call = called(&engine, "erased1", async || {
        let refused = erase();
        assert!(
            refused.code == 2 && refused.out.contains("is being called"),
            "{refused:?}"
        );
    })
    .await;
    assert!(
        !personal_files(data.path()).is_empty(),
        "the test finds nothing"
    );
    let keys = || redis.command(&["KEYS", "*"]);
    assert!(keys().contains("customer") && !keys().contains("9876500008"));

    let erased = erase();
    assert_eq!(erased.code, 0, "{erased:?}");
    for reported in ["1 customers of lists", "1 calls"] {
        assert!(erased.out.contains(reported), "{erased:?}");
    }
    assert!(!erased.out.contains(PERSONAL[0]));
    assert_eq!(personal_files(data.path()), [""; 0]);
    assert!(
        !keys().contains("9876500008") && !keys().contains("customer"),
        "{}",
        keys()
    );
    let logs = engine.logs();
    assert!(PERSONAL.iter().all(|word| !logs.contains(word)));
    let again = erase();
    assert!(again.out.contains("there is no data"), "{again:?}");

    // what happened is still there, and is proven
    let verified = asked(&engine, &["calls", "verify", "--all"]);
    assert!(
        verified.code == 0 && verified.out.contains("was erased"),
        "{verified:?}"
    );
    let shown = asked(&engine, &["calls", "show", &call]);
    assert!(
        shown.out.contains("hung-up") && shown.out.contains("(erased)"),
        "{shown:?}"
    );
    let export = tempfile::tempdir().unwrap();
    let export = export.path().join("calls.zip");
    let exported = asked(
        &engine,
        &["calls", "export", &call, "-o", export.to_str().unwrap()],
    );
    assert_eq!(exported.code, 0, "{exported:?}");
    let verified = ghanti(&engine, &["calls", "verify", export.to_str().unwrap()], "");
    assert_eq!(verified.code, 0, "{verified:?}");

    // a copy that `.backup` made beside the running engine has it all
    let copy = tempfile::tempdir().unwrap();
    let mut backup = Command::new("sqlite3");
    backup.arg(data.path().join("ghanti.db"));
    backup.arg(format!(
        ".backup '{}'",
        copy.path().join("ghanti.db").display()
    ));
    let status = backup
        .status()
        .expect("install sqlite3, which this test backs up with");
    assert!(status.success());
    let restored = Setup::new(BY_KEYS)
        .flows(flows.path())
        .data(copy.path())
        .start();
    let verified = asked(&restored, &["calls", "verify", "--all"]);
    assert!(
        verified.code == 0 && verified.out.contains("1 calls are intact"),
        "{verified:?}"
    );
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_in_postgresql_is_found_what_is_old_goes_and_a_dump_has_it_all() {
    let (flows, postgres) = (reminder(), PostgresServer::start());
    let database = postgres.create_database(DATABASE);
    let config = format!(
        "{BY_KEYS}[stores]\ndatabase-url = '{database}'\n[retention]\ntranscripts-days = 30\n"
    );
    let mut engine = Setup::new(config).flows(flows.path()).start();
    let (old, young) = (
        called(&engine, "old1", async || {}).await,
        called(&engine, "young1", async || {}).await,
    );
    postgres.sql(
        DATABASE,
        &format!("UPDATE calls SET created_ms = 1000 WHERE call_id = '{old}'"),
    );
    engine.start_again();
    let is_erased = |record: &serde_json::Value| record["customer_number"].is_null();
    let record = engine.record_when(&old, PATIENCE, is_erased).await;
    assert_eq!(record["outcome"], "hung-up");
    let line = "data older than `[retention]` allows was deleted";
    let given_up = Instant::now() + PATIENCE;
    while !engine.logs().contains(line) {
        assert!(Instant::now() < given_up, "not logged: {}", engine.logs());
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    // a busy database may have it said later
    let record = engine.record_when(&young, PATIENCE, |_| true).await;
    assert_eq!(record["customer_number"], PHONE);
    let verified = asked(&engine, &["calls", "verify", "--all"]);
    assert!(
        verified.code == 0 && verified.out.contains("2 calls are intact"),
        "{verified:?}"
    );

    // the dump is restored into an empty database, and another engine finds the same in it
    let dump = postgres.dump(DATABASE);
    let copy = postgres.create_database("copy");
    postgres.restore("copy", &dump);
    let config = format!("{BY_KEYS}[stores]\ndatabase-url = '{copy}'\n");
    let restored = Setup::new(config).flows(flows.path()).start();
    let verified = asked(&restored, &["calls", "verify", "--all"]);
    assert!(
        verified.code == 0 && verified.out.contains("2 calls are intact"),
        "{verified:?}"
    );

    let change = "UPDATE call_events SET payload = replace(payload, 'Priya', 'Maria') WHERE payload LIKE '%Priya%'";
    postgres.sql(DATABASE, change);
    let verified = asked(&engine, &["calls", "verify", "--all"]);
    let reported = format!("{young}: event ");
    assert!(
        verified.code == 1 && verified.out.contains(&reported),
        "{verified:?}"
    );
    assert!(
        verified.out.contains("1 calls were changed"),
        "{verified:?}"
    );
    engine.is_well().await;
}
