//! Lists that are imported in the console, and campaigns that are made there, as a browser sees it. What a person does is in
//! `tests/browser/import.mjs`.

use std::io::{Cursor, Write as _};
use std::time::{Duration, Instant};

use rust_xlsxwriter::Workbook;
use serde_json::Value;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::console::{Browser, Page, check};
use crate::nodes::{reminder, with_bare};
use crate::support::{Engine, PATIENCE, Setup};

const ADMIN: &str = "api-0123456789-x";
const OPERATOR: &str = "operator-0123456789";
const VIEWER: &str = "viewer-0123456789";
const FLOW: &str = "emi-reminder";
/// Of the form that the tests send.
const BOUNDARY: &str = "----test";
/// The largest file: `FILE_BYTES` of the console.
const FILE_BYTES: usize = 16 << 20;

/// Two columns may be the number, one is the customer's state, one is of no use; the third row has no amount, the
/// fourth is the first customer again.
const LIST: &str = "Mobile,Phone,Customer Name,Loan Account No.,EMI Amount,Due Date,State,Remark\n\
    98765 43210,+914412345678,Ravi Kumar,LN-00478213,\"Rs. 12,450/-\",2030-12-05,Bihar,call 9876500009 too\n\
    98765 43211,+914412345678,Priya Sharma,LN-00478214,5000,2030-12-05,Kerala,\n\
    98765 43212,+914412345678,Asha Rao,LN-00478215,\"12,4500\",2030-12-05,Goa,\n\
    98765 43210,+914412345678,Ravi Kumar,LN-00478213,12450,2030-12-05,Bihar,\n";
const FIELDS: [&str; 6] = ["phone", "name", "loan", "amount", "due-date", "state"];

fn start(flows: &std::path::Path) -> Engine {
    let config = format!(
        "[speech]\nrecognizer = 'none'\n[server]\npath = '/bot'\nstream-token = 'stream-0123456789'\napplet-token = 'applet-0123456789'\n\
         api-token = '{ADMIN}'\n[tokens.night-shift]\nrole = 'operator'\ntoken = '{OPERATOR}'\n\
         [tokens.auditor]\nrole = 'viewer'\ntoken = '{VIEWER}'\n"
    );
    Setup::new(config).flows(flows).start()
}

async fn logged_in<'e>(engine: &'e Engine, token: &str) -> Browser<'e> {
    let mut browser = Browser::new(engine, "/bot");
    assert_eq!(browser.log_in(token, "").await.status, 303);
    browser
}

async fn json_of(engine: &Engine, path: &str) -> Value {
    let request = engine.http().get(engine.url(&format!("/bot{path}")));
    let answer = request.bearer_auth(ADMIN).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{path}");
    answer.json().await.unwrap()
}

/// The lists that are stored, with their customers.
async fn lists(engine: &Engine) -> Vec<(String, u64)> {
    let lists = json_of(engine, "/api/customers").await;
    let lists = lists["items"].as_array().unwrap().iter();
    lists
        .map(|list| {
            let name = list["name"].as_str().unwrap().to_owned();
            (name, list["customers"].as_u64().unwrap())
        })
        .collect()
}

/// A form with a file.
fn form(csrf: &str, (flow, list, sheet): (&str, &str, &str), file: (&str, &[u8])) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in [
        ("csrf", csrf),
        ("flow", flow),
        ("list", list),
        ("sheet", sheet),
    ] {
        let part = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        );
        body.extend_from_slice(part.as_bytes());
    }
    let head = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{}\"\r\nContent-Type: text/csv\r\n\r\n",
        file.0
    );
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(file.1);
    body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    body
}

async fn send(browser: &mut Browser<'_>, body: Vec<u8>) -> Page {
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    browser.send_body("import", &kind, body).await
}

async fn upload(
    browser: &mut Browser<'_>,
    target: (&str, &str, &str),
    file: (&str, &[u8]),
) -> Page {
    let csrf = browser.get("import").await.csrf();
    send(browser, form(&csrf, target, file)).await
}

/// Where a redirection within the console leads to.
fn below(page: &Page) -> String {
    assert_eq!(page.status, 303, "{}", page.html);
    let (_, below) = page.location().split_once("/bot/console/").unwrap();
    below.to_owned()
}

/// A workbook with these sheets, each of which has a header and a row.
fn workbook(sheets: &[&str]) -> Vec<u8> {
    let mut workbook = Workbook::new();
    for name in sheets {
        let sheet = workbook.add_worksheet();
        sheet.set_name(*name).unwrap();
        let header = [
            "Mobile",
            "Customer Name",
            "Loan No",
            "EMI Amount",
            "Due Date",
        ];
        let row = [
            "9876543219",
            "Ravi Kumar",
            "LN-00478213",
            "5000",
            "2030-12-05",
        ];
        for (column, (header, value)) in header.iter().zip(row).enumerate() {
            let column = u16::try_from(column).unwrap();
            sheet.write(0, column, *header).unwrap();
            sheet.write(1, column, value).unwrap();
        }
    }
    workbook.save_to_buffer().unwrap()
}

/// A workbook with a part of this name that inflates to so many bytes.
fn bomb(part: &str, bytes: usize) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (path, size) in [("xl/workbook.xml", 10), (part, bytes)] {
        writer
            .start_file(path, SimpleFileOptions::default())
            .unwrap();
        writer.write_all(&vec![b' '; size]).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_looked_at_its_columns_are_changed_and_only_then_it_is_stored() {
    let flows = reminder();
    let engine = start(flows.path());
    let mut operator = logged_in(&engine, OPERATOR).await;
    let page = operator.get("import").await;
    check(&page, "import");
    let sent = upload(
        &mut operator,
        (FLOW, "december", ""),
        ("the <list>.csv", LIST.as_bytes()),
    )
    .await;
    let place = below(&sent);
    let page = operator.get(&place).await;
    check(&page, &place);
    for words in [
        "the &lt;list&gt;.csv",
        "Nothing is stored yet.",
        "Each of these may be it: choose one. #1 Mobile, #2 Phone",
        "<option value=\"3\" selected>#3 Customer Name</option>",
        "Ravi Kumar",
        "call xxxxxx0009 too",
        "#8 Remark",
    ] {
        assert!(page.has(words), "{words}: {}", page.html);
    }
    assert!(!page.has("43210") && !page.has("98765"), "{}", page.html);
    let whole = operator.get(&format!("{place}?numbers=true")).await;
    assert!(whole.has("9876500009"), "{}", whole.html);

    // the number has no column yet
    let csrf = page.csrf();
    let mut columns: Vec<(String, String)> = FIELDS
        .iter()
        .zip(["", "3", "4", "5", "6", "7"])
        .map(|(field, column)| (format!("column.{field}"), column.to_owned()))
        .collect();
    columns.push(("csrf".to_owned(), csrf));
    let press = async |browser: &mut Browser<'_>, action: &str, columns: &[(String, String)]| {
        let form: Vec<_> = columns
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        browser.post(&format!("{place}/{action}"), &form).await
    };
    for action in ["store", "check", "columns"] {
        let pressed = press(&mut operator, action, &columns).await;
        let page = operator.get(&below(&pressed)).await;
        assert!(
            page.has("The flow needs it: choose its column."),
            "{action}: {}",
            page.html
        );
        assert!(!page.has("What came of the rows"), "{action}");
    }
    columns[0].1 = "1".to_owned();
    let pressed = press(&mut operator, "columns", &columns).await;
    let page = operator.get(&below(&pressed)).await;
    assert!(
        page.has("xxxxxx3210") && !page.has("The flow needs it"),
        "{}",
        page.html
    );
    press(&mut operator, "check", &columns).await;
    let page = ended(&mut operator, &place).await;
    check(&page, "checked");
    for words in [
        "The rows were checked. Nothing was stored.",
        "Nothing is stored yet.",
    ] {
        assert!(page.has(words), "{words}: {}", page.html);
    }
    assert_eq!(lists(&engine).await, [], "nothing is stored before");

    // a form without the session's token stores nothing either, nor does another session
    let forged = press(&mut operator, "store", &columns[..6]).await;
    assert_eq!(forged.status, 403);
    let mut other = logged_in(&engine, ADMIN).await;
    let own = other.get("import").await.csrf();
    let mut others = columns.clone();
    others[6].1 = own;
    assert_eq!(press(&mut other, "store", &others).await.status, 404);
    let theirs = other.get(&place).await;
    assert_eq!(theirs.status, 404);
    assert!(
        theirs.has("not held any more") && !theirs.has("Ravi"),
        "{}",
        theirs.html
    );
    assert_eq!(lists(&engine).await, []);

    press(&mut operator, "store", &columns).await;
    let page = ended(&mut operator, &place).await;
    check(&page, "stored");
    for words in [
        "The list is stored.",
        "<span class=\"figure\">2</span><span>new</span>",
        "<span class=\"figure\">2</span><span>rejected</span>",
        "and account are already in line 2",
        "new-campaign?list=december",
    ] {
        assert!(page.has(words), "{words}: {}", page.html);
    }
    for value in ["12,4500", "98765", "Asha Rao"] {
        assert!(!page.has(value), "{value}: {}", page.html);
    }
    assert_eq!(lists(&engine).await, [("december".to_owned(), 2)]);
    // it is held no longer
    press(&mut operator, "store", &columns).await;
    assert!(!operator.get(&place).await.has("Nothing is stored yet."));

    let file = operator.get(&format!("{place}/rejects.csv")).await;
    assert_eq!(file.header("content-type"), Some("text/csv; charset=utf-8"));
    assert_eq!(
        file.header("content-disposition"),
        Some("attachment; filename=\"december.rejects.csv\"")
    );
    assert!(
        file.has("\"12,4500\"") && file.has("\"line\",\"field\",\"reason\""),
        "{}",
        file.html
    );
    assert_eq!(other.get(&format!("{place}/rejects.csv")).await.status, 404);

    // once corrected it is a list like any other, and is this session's in place of the one before
    let corrected = file.html.replace("12,4500", "12,450");
    let sent = upload(
        &mut operator,
        (FLOW, "december", ""),
        ("rejects.csv", corrected.as_bytes()),
    )
    .await;
    assert_eq!(operator.get(&place).await.status, 404);
    let page = operator.get(&below(&sent)).await;
    assert!(!page.has("#9 line"), "{}", page.html);
    let given_up = Instant::now() + PATIENCE;
    loop {
        let log = json_of(&engine, "/api/audit?limit=200").await.to_string();
        let entries = [
            "\"import\"",
            "\"export\"",
            "/console/import/december",
            "night-shift",
        ];
        if entries.iter().all(|entry| log.contains(entry)) {
            assert!(!log.contains("98765"), "{log}");
            break;
        }
        assert!(Instant::now() < given_up, "{log}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(!engine.logs().contains("98765") && !engine.logs().contains("Ravi"));
    assert!(!engine.logs().contains("panicked"), "{}", engine.logs());
}

/// The page of a list, once all rows are read.
async fn ended(browser: &mut Browser<'_>, place: &str) -> Page {
    let given_up = Instant::now() + PATIENCE;
    loop {
        let page = browser.get(place).await;
        if page.header("refresh").is_none() {
            return page;
        }
        assert!(Instant::now() < given_up, "{}", page.html);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_imports_nothing_and_makes_no_campaign() {
    let flows = reminder();
    let engine = start(flows.path());
    let mut viewer = logged_in(&engine, VIEWER).await;
    let csrf = viewer.get("calls").await.csrf();
    for below in ["import", "import/0123", "new-campaign"] {
        assert_eq!(viewer.get(below).await.status, 403, "{below}");
    }
    let sent = form(&csrf, (FLOW, "december", ""), ("list.csv", LIST.as_bytes()));
    assert_eq!(send(&mut viewer, sent).await.status, 403);
    let made = [
        ("csrf", csrf.as_str()),
        ("name", "december"),
        ("list", "december"),
    ];
    assert_eq!(viewer.post("new-campaign", &made).await.status, 403);
    assert!(!viewer.get("campaigns").await.has("New campaign"));
    assert_eq!(lists(&engine).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_list_is_reported_with_what_to_do() {
    let engine = start(with_bare(reminder()).path());
    let mut operator = logged_in(&engine, OPERATOR).await;
    let target = (FLOW, "december", "");
    let csrf = operator.get("import").await.csrf();
    let forged = form("guessed", target, ("list.csv", LIST.as_bytes()));
    assert_eq!(send(&mut operator, forged).await.status, 403);
    let whole = form(&csrf, target, ("list.csv", LIST.as_bytes()));
    let cut = send(&mut operator, whole[..whole.len() / 2].to_vec()).await;
    assert_eq!(cut.status, 400);
    assert!(cut.has("did not arrive whole"), "{}", cut.html);
    for length in [FILE_BYTES + 1, FILE_BYTES + (1 << 20)] {
        let large = form(&csrf, target, ("list.csv", &vec![b'x'; length]));
        let refused = send(&mut operator, large).await;
        assert_eq!(refused.status, 413, "{length}");
        assert!(refused.has("The file is too large"), "{}", refused.html);
    }
    for (flow, list, words) in [
        (
            "no-such-flow",
            "december",
            "no flow `no-such-flow` is loaded",
        ),
        (FLOW, "December 2026", "`list` is not a valid name"),
        (FLOW, "", "`list` is not a valid name"),
    ] {
        let refused = upload(&mut operator, (flow, list, ""), ("a.csv", LIST.as_bytes())).await;
        assert!(
            refused.has(words) && refused.status >= 400,
            "{words}: {}",
            refused.html
        );
    }
    let empty = upload(&mut operator, target, ("", b"")).await;
    assert!(empty.has("No file was chosen."), "{}", empty.html);

    let (two, one) = (workbook(&["December", "January"]), workbook(&["December"]));
    let picture = bomb("xl/media/image1.png", 20 << 20);
    assert!(picture.len() < 1 << 20, "{}", picture.len());
    let sheets = bomb("xl/worksheets/sheet1.xml", 4 << 20);
    let latin: Vec<u8> = "Móbile,Náme\n1,2\n"
        .chars()
        .map(|letter| letter as u8)
        .collect();
    let header = format!("Mobile,{}\n1,2\n", "x".repeat(200_000));
    let columns = format!("Mobile{}\n1\n", ",a".repeat(300));
    for (sheet, bytes, words) in [
        (
            "",
            &picture[..],
            "its part `xl/media/image1.png` is larger than any list's",
        ),
        (
            "",
            &sheets,
            "its part `xl/worksheets/sheet1.xml` has something longer than any cell",
        ),
        ("", b"PK\x03\x04 and no more", "damaged"),
        (
            "",
            &two,
            "several of its sheets have rows (`December`, `January`)",
        ),
        ("March", &one, "it has no sheet `March`, only `December`"),
        ("", header.as_bytes(), "has a line of more than 65536 bytes"),
        ("", columns.as_bytes(), "more than 256 cells"),
        ("", &latin, "is not UTF-8"),
        ("", b"\xff\xfeM\0o\0", "text in UTF-16"),
        ("", b"\xd0\xcf\x11\xe0\0\0", "an old Excel workbook (.xls)"),
        ("", b"<html><table></table>", "a web page or XML"),
        ("", b"Mobile,Na\0me\n1,2\n", "is not a text"),
        (
            "",
            b"98765 43210,Ravi\n98765 43211,Priya\n",
            "line 1 has a phone number, so that it is no header",
        ),
        (
            "",
            b"Mobile,Customer Name\n\n",
            "has no rows below its header in line 1",
        ),
        ("", b"\n \n", "has no row with anything in it"),
        ("", b"", "has no row with anything in it"),
    ] {
        let refused = upload(&mut operator, (FLOW, "december", sheet), ("a.csv", bytes)).await;
        assert_eq!(refused.status, 400, "{words}: {}", refused.html);
        check(&refused, words);
        assert!(
            refused.has("role=\"alert\"") && refused.has("a.csv"),
            "{}",
            refused.html
        );
        let text = refused.html.replace("&quot;", "\"");
        assert!(text.contains(words), "{words}: {text}");
        assert!(!text.contains("98765"), "{text}");
    }
    // what was filled in stays there; the right sheet of several is taken
    let refused = upload(&mut operator, (FLOW, "december", "March"), ("a.xlsx", &two)).await;
    assert!(
        refused.has("value=\"december\"") && refused.has("value=\"March\""),
        "{}",
        refused.html
    );
    let taken = upload(
        &mut operator,
        (FLOW, "december", "January"),
        ("a.xlsx", &two),
    )
    .await;
    let page = operator.get(&below(&taken)).await;
    assert!(
        page.has("xxxxxx3219") && !page.has("choose"),
        "{}",
        page.html
    );

    // a cell that is too long is one row's, and columns of one name are chosen between
    let long = format!(
        "Mobile,Customer Name,Loan No,EMI,EMI,Due Date\n1,{},2,3,4,5\n9876543219,Ravi,LN-00478213,5000,1,2030-12-05\n",
        "x".repeat(100_000)
    );
    let taken = upload(&mut operator, target, ("a.csv", long.as_bytes())).await;
    let place = below(&taken);
    let page = operator.get(&place).await;
    assert!(page.has("choose one. #4 EMI, #5 EMI"), "{}", page.html);
    let csrf = page.csrf();
    let form = ["1", "2", "3", "4", "6"].iter().zip(FIELDS);
    let mut form: Vec<_> = form
        .map(|(column, field)| (format!("column.{field}"), *column))
        .collect();
    form.push(("csrf".to_owned(), &csrf));
    let form: Vec<_> = form
        .iter()
        .map(|(name, value)| (name.as_str(), *value))
        .collect();
    operator.post(&format!("{place}/store"), &form).await;
    let page = ended(&mut operator, &place).await;
    assert!(
        page.has("has a line of more than 65536 bytes"),
        "{}",
        page.html
    );
    assert_eq!(lists(&engine).await, [("december".to_owned(), 1)]);

    // the list is this flow's from now on
    let other = upload(
        &mut operator,
        ("bare", "december", ""),
        ("a.csv", LIST.as_bytes()),
    )
    .await;
    assert_eq!(other.status, 409);
    assert!(
        other.has("the list `december` has customers of another flow"),
        "{}",
        other.html
    );
    assert!(!engine.logs().contains("panicked"), "{}", engine.logs());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_is_made_in_the_console_and_what_is_wrong_stands_at_its_field() {
    let flows = reminder();
    let engine = start(flows.path());
    let mut operator = logged_in(&engine, OPERATOR).await;
    assert!(
        operator
            .get("new-campaign")
            .await
            .has("There are no lists yet.")
    );
    let list =
        "Mobile,Customer Name,Loan No,EMI,Due Date\n9876543219,Ravi,LN-00478213,5000,2030-12-05\n";
    let sent = upload(
        &mut operator,
        (FLOW, "december", ""),
        ("a.csv", list.as_bytes()),
    )
    .await;
    let place = below(&sent);
    let csrf = operator.get(&place).await.csrf();
    let form = ["1", "2", "3", "4", "5"].iter().zip(FIELDS);
    let names: Vec<_> = form
        .map(|(column, field)| (format!("column.{field}"), *column))
        .collect();
    let mut form: Vec<_> = names
        .iter()
        .map(|(name, value)| (name.as_str(), *value))
        .collect();
    form.push(("csrf", &csrf));
    operator.post(&format!("{place}/store"), &form).await;
    ended(&mut operator, &place).await;

    let customers = operator.get("customers").await;
    assert!(
        customers.has("/bot/console/new-campaign?list=december"),
        "{}",
        customers.html
    );
    let page = operator.get("new-campaign?list=december").await;
    check(&page, "new-campaign");
    assert!(
        page.has("<option value=\"december\" selected>december · emi-reminder · 1</option>"),
        "{}",
        page.html
    );
    let csrf = page.csrf();
    let days = ["mon", "tue"].map(|day| ("hours.weekdays", day));
    let mut form = vec![
        ("csrf", csrf.as_str()),
        ("list", "december"),
        ("hours.weekdays", ""),
    ];
    form.extend(days);
    let mut wrong = form.clone();
    wrong.extend([
        ("name", "December!"),
        ("hours.from", "10:00"),
        ("hours.to", "09:00"),
        ("limits.calls-per-minute", "5000"),
        ("retry.busy", "soon"),
    ]);
    let refused = operator.post("new-campaign", &wrong).await;
    assert_eq!(refused.status, 400);
    check(&refused, "a campaign that cannot be");
    for words in [
        "id=\"hours-to-wrong\" class=\"error\" lang=\"en\">`hours` end at 09:00 and begin at 10:00",
        "id=\"limits-calls-per-minute-wrong\" class=\"error\" lang=\"en\">`limits.calls-per-minute` is 5000: set 1 to 200",
        "id=\"retry-busy-wrong\" class=\"error\" lang=\"en\">not a duration",
        "value=\"December!\"",
        "value=\"tue\" checked",
    ] {
        assert!(refused.has(words), "{words}: {}", refused.html);
    }
    assert!(!refused.has("value=\"wed\" checked"), "{}", refused.html);
    let mut named = form.clone();
    named.push(("name", "December!"));
    let refused = operator.post("new-campaign", &named).await;
    assert!(
        refused.has("id=\"name-wrong\" class=\"error\" lang=\"en\">`name` is not a valid name"),
        "{}",
        refused.html
    );
    let forged = [("name", "december"), ("list", "december")];
    assert_eq!(operator.post("new-campaign", &forged).await.status, 403);
    form.extend([
        ("name", "december"),
        ("hours.from", "10:00"),
        ("hours.to", "18:00"),
        ("limits.calls-at-once", "4"),
        ("retry.attempts", ""),
    ]);
    let made = operator.post("new-campaign", &form).await;
    assert_eq!(
        made.location(),
        "/bot/console/campaigns/december?done=create"
    );
    let page = operator.get("campaigns/december?done=create").await;
    assert!(
        page.has("The campaign is made.") && page.has(">Start</button>"),
        "{}",
        page.html
    );
    let stored = json_of(&engine, "/api/campaigns/december").await;
    assert_eq!(
        (&stored["state"], &stored["flow"]),
        (&"draft".into(), &FLOW.into())
    );
    let plan = &stored["plan"];
    assert_eq!(plan["limits"]["calls-at-once"], 4, "{plan:#}");
    assert_eq!(plan["retry"]["attempts"], 3, "{plan:#}");
    assert_eq!(plan["hours"]["weekdays"].to_string(), r#"["mon","tue"]"#);
    let again = operator.post("new-campaign", &form).await;
    assert_eq!(again.status, 409);
    assert!(
        again.has("there is a campaign `december` already"),
        "{}",
        again.html
    );
    let unknown: Vec<_> = form
        .iter()
        .map(|(name, value)| {
            (
                *name,
                if *value == "december" {
                    "january"
                } else {
                    *value
                },
            )
        })
        .collect();
    let unknown = operator.post("new-campaign", &unknown).await;
    assert!(
        unknown.has("id=\"list-wrong\" class=\"error\" lang=\"en\">no list `january`"),
        "{}",
        unknown.html
    );
}
