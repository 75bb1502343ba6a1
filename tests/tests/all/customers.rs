//! `ghanti customers import` against an API that reads as the engine's does, and the setting by
//! which dates of lists are read.

mod api;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::support::{Engine, Setup, program, root};
use api::Api;

/// No import of these takes a tenth of it.
const PATIENCE: Duration = Duration::from_secs(120);

/// A sample of `tests/customers/`, in a folder of the test's own.
fn sample(name: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    fs::copy(root().join("tests/customers").join(name), &file).unwrap();
    (folder, file)
}

fn written(name: &str, bytes: impl AsRef<[u8]>) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    fs::write(&file, bytes).unwrap();
    (folder, file)
}

fn import(api: &Api, file: &Path, more: &[&str]) -> Command {
    let mut command = program();
    command.args(["customers", "import"]).arg(file);
    command.args([
        "--list",
        "december",
        "--flow",
        "emi-reminder",
        "--url",
        &api.url,
    ]);
    command.args(more).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut command = Command::from(command);
    command.kill_on_drop(true);
    command
}

struct Reported {
    code: i32,
    out: String,
    err: String,
}

impl From<Output> for Reported {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

async fn imported(api: &Api, file: &Path, more: &[&str]) -> Reported {
    let output = tokio::time::timeout(PATIENCE, import(api, file, more).output()).await;
    output.expect("the import ends").unwrap().into()
}

fn has(reported: &Reported, lines: &[&str]) {
    for line in lines {
        let plain = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            reported.out.lines().any(|there| plain(there) == *line),
            "`{line}` is missing in\n{}\n{}",
            reported.out,
            reported.err
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_stored_and_what_is_rejected_is_corrected_and_imported_again() {
    let api = Api::start().await;
    let (_folder, file) = sample("december.csv");
    let reported = imported(&api, &file, &[]).await;
    assert_eq!(reported.code, 1, "{}\n{}", reported.out, reported.err);
    has(
        &reported,
        &[
            "rows 7",
            "stored 3",
            "updated 0",
            "unchanged 0",
            "rejected 4, of which duplicates 1",
            "columns `phone` = `Mobile No.`, `name` = `Customer Name`, `loan` = `Loan Account No.`, `amount` = `EMI Amount (Rs.)`, `due-date` = `Due Date`, `state` = `State`",
        ],
    );
    assert!(
        reported
            .err
            .contains("not sent, since the flow does not use them: `S.No.`, `PAN`"),
        "{}",
        reported.err
    );
    assert!(
        reported.err.contains("no column is `language`"),
        "{}",
        reported.err
    );
    let everything = format!("{}{}", reported.out, reported.err);
    for personal in ["98765", "Ravi", "478213", "12,4500", "ABCPA"] {
        assert!(!everything.contains(personal), "{personal}:\n{everything}");
    }
    let sent = api.customers();
    assert_eq!(
        sent[1],
        json!({ "line": 3, "phone": "+91-98765-43211", "fields": {
            "name": "Sharma, Priya", "loan": "LN-00478214", "amount": "1,24,500.00 Dr", "due-date": "2030-12-05", "state": "Tamil\nNadu"
        }}),
    );
    assert!(
        !api.bodies().concat().contains("ABCPA"),
        "what the flow does not use is not sent"
    );

    let rejects = file.with_file_name("december.csv.rejects.csv");
    let text = fs::read_to_string(&rejects).unwrap();
    assert!(text.contains("\"line\",\"field\",\"reason\""), "{text}");
    for part in [
        "\"6\",\"phone; amount; due-date\",\"`phone` has not the ten digits",
        "\"8\",\"loan; name\",\"`loan` looks like a number that a spreadsheet has rounded",
        "\"9\",\"phone\",\"`phone` stands in line 2 already\"",
        "\"10\",\"\",\"has 9 cells, and the header has 8",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let corrected: String = text
        .replace("98765 4321\"", "98765 43219\"")
        .replace("12,4500", "12,450")
        .replace("05/12/2030", "2030-12-05")
        .replace("NULL", "Lata")
        .replace("4.78E+11", "LN-00478299")
        .lines()
        .filter(|line| !line.contains("stands in line 2 already") && !line.contains("has 9 cells"))
        .map(|line| format!("{line}\r\n"))
        .collect();
    fs::write(&rejects, corrected).unwrap();
    let reported = imported(&api, &rejects, &[]).await;
    assert_eq!(reported.code, 0, "{}\n{}", reported.out, reported.err);
    has(&reported, &["rows 2", "stored 2", "rejected 0"]);
    assert!(
        !reported.err.contains("`reason`"),
        "its columns are not the list's: {}",
        reported.err
    );

    let other = file.with_file_name("other.csv");
    let reported = imported(&api, &file, &["--rejects", other.to_str().unwrap()]).await;
    has(
        &reported,
        &[
            "stored 0",
            "unchanged 3",
            "rejected 4, of which duplicates 1",
        ],
    );
    assert!(other.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_of_other_separators_and_spellings_are_read() {
    let api = Api::start().await;
    for (name, rows) in [("core-banking.csv", 2), ("pasted.tsv", 1)] {
        let (folder, file) = sample(name);
        let reported = imported(&api, &file, &[]).await;
        assert_eq!(reported.code, 0, "{}\n{}", reported.out, reported.err);
        has(
            &reported,
            &[format!("stored {rows}").as_str(), "rejected 0"],
        );
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            1,
            "nothing was rejected"
        );
    }
    let (_folder, file) = sample("day-first.txt");
    assert_eq!(imported(&api, &file, &["--check"]).await.code, 1);
    let requests = api.requests();
    assert_eq!(
        requests
            .iter()
            .map(|request| request["check"] == true)
            .collect::<Vec<_>>(),
        [false, false, true]
    );
    let imports: std::collections::BTreeSet<_> = requests
        .iter()
        .map(|request| request["import"].as_str().unwrap())
        .collect();
    assert_eq!(imports.len(), 3, "each run has an id of its own");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workbook_is_read_as_its_sheet_shows_it() {
    let api = Api::start().await;
    let mut workbook = rust_xlsxwriter::Workbook::new();
    let sheet = workbook.add_worksheet();
    let date = rust_xlsxwriter::Format::new().set_num_format("dd-mm-yyyy");
    let due = rust_xlsxwriter::ExcelDateTime::parse_from_str("2030-12-05").unwrap();
    for (column, name) in ["Mobile Number", "Name", "LAN", "EMI", "Due Date"]
        .iter()
        .enumerate()
    {
        sheet.write(1, column as u16, *name).unwrap();
    }
    for row in 2..502 {
        sheet
            .write(row, 0, 9_876_500_000_u64 + u64::from(row))
            .unwrap();
        sheet.write(row, 1, "Ravi Kumar").unwrap();
        sheet.write(row, 2, format!("LN-{row:08}")).unwrap();
        sheet.write(row, 3, 12_450.5).unwrap();
        sheet.write_with_format(row, 4, &due, &date).unwrap();
    }
    sheet.write(10, 2, 1_234_567_890_123_456_789_u64).unwrap();
    workbook
        .add_worksheet()
        .set_hidden(true)
        .write(0, 0, "Mobile")
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("list.xlsx");
    workbook.save(&file).unwrap();
    let reported = imported(&api, &file, &[]).await;
    assert_eq!(reported.code, 1, "{}\n{}", reported.out, reported.err);
    has(&reported, &["rows 500", "stored 499", "rejected 1"]);
    let sent = api.customers();
    assert_eq!(sent[0]["line"], 3);
    assert_eq!(sent[0]["fields"]["amount"], "12450.5");
    assert_eq!(sent[0]["fields"]["due-date"], "2030-12-05");
    let rejects = fs::read_to_string(folder.path().join("list.xlsx.rejects.csv")).unwrap();
    assert!(
        rejects.contains("\"11\",\"loan\",\"`loan` has more than 15 digits"),
        "{rejects}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_certain_is_asked_before_a_row_is_sent() {
    let api = Api::start().await;
    let (folder, file) = written(
        "list.csv",
        "Mobile,Phone,Name,LAN,Amount,EMI Amount,Due\n1,9876543210,Ravi,LN-00478213,100000,500,2030-12-05\n",
    );
    let reported = imported(&api, &file, &[]).await;
    assert_eq!(reported.code, 2, "{}", reported.err);
    for words in [
        "`Mobile` (#1), `Phone` (#2) may each be `phone`: write --map 'phone=Mobile' with the right one",
        "`Amount` (#5), `EMI Amount` (#6) may each be `amount`",
        "no column is `due-date` (date), which the flow needs: write --map 'due-date=HEADER' with one of `Mobile` (#1)",
    ] {
        assert!(reported.err.contains(words), "{words}\n{}", reported.err);
    }
    let map = [
        "--map",
        "phone=Phone",
        "--map",
        "amount=EMI Amount",
        "--map",
        "due-date=#7",
        "--map",
        "ward=Mobile",
    ];
    let reported = imported(&api, &file, &map).await;
    assert_eq!(reported.code, 0, "{}", reported.err);
    assert_eq!(api.customers()[0]["fields"]["amount"], "500");
    assert_eq!(api.customers()[0]["fields"]["ward"], "1");

    let sent = api.requests().len();
    for (more, words) in [
        (
            &["--flow", "emi_reminder"][..],
            "no flow `emi_reminder` is loaded; there is `emi-reminder`",
        ),
        (&["--map", "amount"], "write FIELD=HEADER"),
        (
            &["--url", "http://127.0.0.1:1"],
            "does not answer: start it with `ghanti serve`, or name it with --url",
        ),
        (&["--rejects", file.to_str().unwrap()], "is the list itself"),
    ] {
        let more: Vec<_> = if more[0] == "--rejects" {
            [&map[..], more].concat()
        } else {
            more.to_vec()
        };
        let mut command = program();
        command
            .args(["customers", "import"])
            .arg(&file)
            .args(["--list", "december"]);
        for (name, value) in [("--flow", "emi-reminder"), ("--url", api.url.as_str())] {
            if !more.contains(&name) {
                command.args([name, value]);
            }
        }
        let reported: Reported = Command::from(command)
            .args(more)
            .output()
            .await
            .unwrap()
            .into();
        assert_eq!(reported.code, 2, "{words}: {}", reported.err);
        assert!(reported.err.contains(words), "{words}\n{}", reported.err);
    }
    assert_eq!(api.requests().len(), sent);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    let (_folder, empty) = written("list.csv", "Phone,Name,LAN,EMI,Due Date\n");
    let reported = imported(&api, &empty, &[]).await;
    assert_eq!(reported.code, 2);
    assert!(
        reported
            .err
            .contains("has no rows below its header in line 1"),
        "{}",
        reported.err
    );
}

fn rows(count: usize) -> String {
    let mut text = "Phone,Name,LAN,EMI,Due Date,Address\n".to_owned();
    for row in 0..count {
        let phone = 9_000_000_000_u64 + row as u64;
        text.push_str(&format!(
            "{phone},Ravi Kumar,LN-{row:08},\"12,450\",2030-12-05,\"12, MG Road\"\n"
        ));
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_gets_no_answer_is_sent_again_and_counts_once() {
    let api = Api::start().await;
    // refused; stored, with the answer lost on its way; refused
    api.fail([(2, 503, false), (2, 502, true), (3, 429, false)]);
    let (_folder, file) = written("list.csv", rows(1_200));
    let reported = imported(&api, &file, &[]).await;
    assert_eq!(reported.code, 0, "{}\n{}", reported.out, reported.err);
    has(&reported, &["rows 1,200", "stored 1,200", "rejected 0"]);
    assert_eq!(api.stored(), 1_200);
    assert_eq!(
        reported.err.matches("trying again in 0.5 s").count(),
        2,
        "{}",
        reported.err
    );
    let lines: Vec<_> = api
        .requests()
        .iter()
        .map(|request| request["customers"][0]["line"].clone())
        .collect();
    assert_eq!(lines, [2, 502, 502, 502, 1_002, 1_002].map(Value::from));
    assert!(
        api.requests()
            .iter()
            .all(|request| request["customers"].as_array().unwrap().len() <= 500)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_in_the_middle_says_how_far_it_came() {
    let api = Api::start().await;
    api.fail([(2, 409, false)]);
    let (_folder, file) = written("list.csv", rows(1_200));
    let reported = imported(&api, &file, &[]).await;
    assert_eq!(reported.code, 1, "{}\n{}", reported.out, reported.err);
    has(&reported, &["rows 500", "stored 500"]);
    assert!(
        reported.err.contains("the test refuses: see the test"),
        "{}",
        reported.err
    );
    assert!(reported.err.contains("stopped after line 501: import the list again; customers that are already stored stay unchanged"), "{}", reported.err);
    let reported = imported(&api, &file, &[]).await;
    has(&reported, &["stored 700", "unchanged 500"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_is_interrupted_says_how_far_it_came() {
    for name in ["INT", "TERM"] {
        let api = Api::start().await;
        api.hang_at(3);
        let (_folder, file) = written("list.csv", rows(5_000));
        let child = import(&api, &file, &[]).spawn().unwrap();
        let id = child.id().unwrap().to_string();
        let given_up = Instant::now() + PATIENCE;
        while api.requests().len() < 3 {
            assert!(Instant::now() < given_up, "the third batch is sent");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let killed = Command::new("kill")
            .args([&format!("-{name}"), &id])
            .status()
            .await
            .unwrap();
        assert!(killed.success());
        let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await;
        let reported = Reported::from(output.expect("it ends").unwrap());
        assert_eq!(reported.code, 1, "{}", reported.err);
        has(&reported, &["rows 1,000", "stored 1,000"]);
        assert!(
            reported.err.contains("interrupted after line 1001"),
            "{}",
            reported.err
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_token_is_that_of_the_configuration() {
    let api = Api::start().await;
    api.expect_token("a-token-of-this-test");
    let (folder, file) = sample("pasted.tsv");
    let config = folder.path().join("ghanti.toml");
    fs::write(&config, "[server]\napi-token = 'a-token-of-this-test'\n").unwrap();
    let reported = imported(&api, &file, &[]).await;
    assert_eq!(reported.code, 2);
    assert!(
        reported.err.contains("the token is missing or wrong"),
        "{}",
        reported.err
    );
    let reported = imported(&api, &file, &["--config", config.to_str().unwrap()]).await;
    assert_eq!(reported.code, 0, "{}", reported.err);
}

/// The most memory of an import, in KiB. The program itself, with what it links, has about half.
const MEMORY_KIB: u64 = 64 << 10;

#[tokio::test(flavor = "multi_thread")]
async fn an_import_needs_the_same_memory_for_any_length() {
    let mut memory = Vec::new();
    for count in [2_000, 200_000] {
        let api = Api::start().await;
        let (_folder, file) = written("list.csv", rows(count));
        let child = import(&api, &file, &[]).spawn().unwrap();
        api.watch(child.id().unwrap());
        let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await;
        let reported = Reported::from(output.expect("it ends").unwrap());
        assert_eq!(
            (reported.code, api.stored()),
            (0, count),
            "{}",
            reported.err
        );
        memory.push(api.memory_kib());
    }
    assert!(
        memory[1] < MEMORY_KIB && memory[1] < memory[0] + (16 << 10),
        "{memory:?} KiB for 2,000 and 200,000 rows"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_order_of_dates_is_the_operators() {
    let ordered = Setup::new("[customers]\ndate-order = \"day-first\"\n").start();
    let unordered = Setup::new("").start();
    let order = json!({ "phone": "+919876543210", "flow": "emi-reminder", "dial": false, "fields": {
        "name": "Priya Sharma", "loan": "LN-00478213", "amount": "12,500", "due-date": "05/12/2030"
    }});
    let post = async |engine: &Engine| {
        let response = engine
            .http()
            .post(engine.url("/api/calls"))
            .json(&order)
            .send()
            .await
            .unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    assert_eq!(post(&ordered).await.0, 201);
    let (status, reported) = post(&unordered).await;
    assert_eq!(status, 400);
    assert!(reported.contains("may be two days"), "{reported}");
}
