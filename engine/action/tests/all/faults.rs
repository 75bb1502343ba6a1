//! Servers that are slow, broken or hostile, for each kind; and flows that are.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ghanti_test_servers::{Reply, StandIn};
use serde_json::json;

use crate::{SECRET, actions, invoke, opened, reported};

/// How long an action of these tests may take.
const TIMEOUT_MS: u64 = 600;

fn defined(kind: &str, server: &StandIn) -> String {
    let common = format!("timeout-ms = {TIMEOUT_MS}\noutput-bytes = 1000\nat-once = 2\n");
    let secrets = format!("private = ['127.0.0.1']\nsecrets = {{ k = '{SECRET}' }}\n");
    let url = server.url();
    let rest = match kind {
        "http" => format!("url = '{url}/x?k={{secret:k}}'\n{secrets}"),
        "model" => format!(
            "url = '{url}'\nmodel = 'm'\nheaders = {{ authorization = '{{secret:k}}' }}\n{secrets}"
        ),
        "redis" => format!(
            "url = 'redis://{}'\nkey = 'k'\nlogin = {{ password = '{{secret:k}}' }}\n{secrets}",
            server.address()
        ),
        _ => "from = 'A'\ndlt-entity = '1'\ndlt-template = '2'\ntext = 'x'\n".to_owned(),
    };
    format!("[actions.a]\nkind = '{kind}'\n{common}{rest}")
}

/// Invokes an action of a kind whose server always replies so. Returns the error and how long it took.
async fn failure(kind: &str, server: &StandIn) -> (String, Duration) {
    let actions = opened(&defined(kind, server), Some(server.url())).unwrap();
    let began = Instant::now();
    let reported = reported(invoke(&actions, json!({})).await);
    (reported, began.elapsed())
}

fn slow() -> Reply {
    Reply::After(
        Duration::from_millis(3 * TIMEOUT_MS),
        Box::new(Reply::ok("{}")),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_a_server_of_http_is_an_error_in_time() {
    let redirect = |status, to: &str| {
        Reply::With(
            status,
            vec![("location".to_owned(), to.to_owned())],
            String::new(),
        )
    };
    let repeated = format!("{{\"you sent\": [\"Bearer {SECRET}\"]}}");
    let escaped = "{\"\\u0068unter2-hunter2\": 1}".to_owned();
    for (reply, part) in [
        (slow(), "no answer within 600 ms"),
        (Reply::Stall, "no answer within 600 ms"),
        (Reply::Drop, "the connection broke"),
        (Reply::Cut, "the connection broke"),
        (
            Reply::Answer(401, SECRET.to_owned()),
            "it answered 401: see whether the secrets",
        ),
        (Reply::Answer(404, String::new()), "it answered 404"),
        (
            Reply::Answer(429, String::new()),
            "it answered 429: it takes no more",
        ),
        (Reply::Answer(500, SECRET.to_owned()), "it answered 500"),
        (
            Reply::Answer(200, "<html>hunter2".to_owned()),
            "its answer ",
        ),
        (
            Reply::Answer(200, format!("{}1", "[".repeat(900))),
            "its answer ",
        ),
        (
            Reply::Bytes(b"\0\xff nonsense\r\n\r\n".to_vec()),
            "the connection broke",
        ),
        (Reply::Huge(50 << 20), "longer than "),
        (Reply::Endless, "longer than "),
        (
            redirect(302, "http://169.254.169.254/latest/meta-data"),
            "it answered 302: redirects are not followed",
        ),
        (
            redirect(307, "http://127.0.0.1:1/"),
            "it answered 307: redirects are not followed",
        ),
    ] {
        for kind in ["http", "model", "sms"] {
            let given = reply.clone();
            let server = StandIn::http(move |_| given.clone());
            let (reported, took) = failure(kind, &server).await;
            let is_reported = reported.contains(part)
                || (kind == "sms" && part == "its answer " && reported.contains("SMSMessage"));
            assert!(is_reported, "{kind} {reply:?}: {reported}");
            assert!(
                took < Duration::from_millis(TIMEOUT_MS + 900),
                "{kind} {reply:?}: {took:?}"
            );
            assert_eq!(
                server.asked().len(),
                1,
                "{kind} {reply:?}: nothing is sent twice"
            );
        }
    }
    for repeated in [repeated, escaped, format!("\"{SECRET}\"")] {
        let server = StandIn::http(move |_| Reply::ok(repeated.clone()));
        assert!(
            failure("http", &server)
                .await
                .0
                .contains("repeats a secret")
        );
    }
    // as it stands in a header and in a URL
    for login in ["dTpodW50ZXIyLWh1bnRlcjI=", "s%2Fecret%26more"] {
        let server = StandIn::http(move |_| Reply::ok(format!("{{\"echo\": \"{login}\"}}")));
        let text = format!(
            "[actions.a]\nkind = 'http'\nurl = '{}/?k={{secret:k}}'\nprivate = ['127.0.0.1']\nlogin = {{ user = 'u', password = '{{secret:p}}' }}\n\
             secrets = {{ p = '{SECRET}', k = 's/ecret&more' }}\n",
            server.url()
        );
        let reported = reported(invoke(&actions(&text), json!({})).await);
        assert!(reported.contains("repeats a secret"), "{login}: {reported}");
    }
    let server = StandIn::http(|_| {
        Reply::ok(json!({ "choices": [{ "message": { "content": SECRET } }] }).to_string())
    });
    assert!(
        failure("model", &server)
            .await
            .0
            .contains("repeats a secret")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_a_redis_is_an_error_in_time() {
    let greets = |then: Reply| {
        StandIn::raw(move |asked| {
            if asked.body.contains("GETRANGE") {
                then.clone()
            } else {
                Reply::Bytes(b"+OK\r\n".to_vec())
            }
        })
    };
    let endless = [&b"$900000000\r\n"[..], &vec![b'x'; 1 << 20]].concat();
    for (reply, part) in [
        (slow(), "no answer within 600 ms"),
        (
            Reply::Bytes(b"$900\r\nhalf".to_vec()),
            "no answer within 600 ms",
        ),
        (Reply::Drop, "the connection broke"),
        (Reply::Bytes(b"nonsense\r\n".to_vec()), "is not available"),
        (Reply::Bytes(endless), "the connection broke"),
        (
            Reply::Bytes([b"*1\r\n".repeat(200), b":1\r\n".to_vec()].concat()),
            "is not available",
        ),
        (Reply::Bytes(b":7\r\n".to_vec()), "is not a text"),
        (Reply::Bytes(b"$-1\r\n".to_vec()), "is not a text"),
        (Reply::Bytes(b"$2\r\n\xff\xff\r\n".to_vec()), "is not UTF-8"),
        (
            Reply::Bytes(b"-NOAUTH hunter2-hunter2\r\n".to_vec()),
            "does not accept `login`",
        ),
        (
            Reply::Bytes(b"-ERR hunter2-hunter2\r\n".to_vec()),
            "it answered with an error",
        ),
        (
            Reply::Bytes(b"$15\r\nhunter2-hunter2\r\n".to_vec()),
            "repeats a secret",
        ),
    ] {
        let server = greets(reply.clone());
        let (reported, took) = failure("redis", &server).await;
        assert!(reported.contains(part), "{}: {reported}", part);
        assert!(
            took < Duration::from_millis(TIMEOUT_MS + 900),
            "{part}: {took:?}"
        );
    }
}

#[tokio::test]
async fn a_name_that_leads_to_this_machine_is_not_connected_to() {
    let server = StandIn::http(|_| Reply::ok("1"));
    let port = server.address().port();
    let action = |url: &str, private: &str| {
        format!("[actions.a]\nkind = 'http'\nurl = '{url}'\nprivate = [{private}]\n")
    };
    // a name is resolved when it is connected to
    let by_name = actions(&action(&format!("https://localhost:{port}/"), ""));
    let refused = reported(invoke(&by_name, json!({})).await);
    assert!(
        refused.contains("not a public address: add it to `private`"),
        "{refused}"
    );
    // what is named does not stand for others
    let other = actions(&action(
        &format!("http://localhost:{port}/"),
        "'10.0.0.0/8'",
    ));
    assert!(reported(invoke(&other, json!({})).await).contains("not a public address"));
    // an address is checked where the definition is read, in whatever spelling
    for url in [
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://169.254.169.254/",
        "http://8.8.8.8/",
    ] {
        let reported = opened(&action(url, ""), None).unwrap_err().concat();
        assert!(
            reported.contains("`url` of `[actions.a]`"),
            "{url}: {reported}"
        );
    }
    assert!(server.asked().is_empty());
    let named = actions(&action(
        &format!("http://localhost:{port}/"),
        "'127.0.0.0/8', '::1'",
    ));
    assert_eq!(invoke(&named, json!({})).await.unwrap(), json!(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_fails_again_and_again_is_left_alone() {
    let server = StandIn::http(|_| Reply::Answer(503, String::new()));
    let down = actions(&defined("http", &server));
    for _ in 0..20 {
        reported(invoke(&down, json!({})).await);
    }
    assert_eq!(server.asked().len(), 5);
    assert!(reported(invoke(&down, json!({})).await).contains("left alone for"));
    // what a flow asked for in vain is no fault of the server's
    let picky = StandIn::http(|_| Reply::Answer(404, String::new()));
    let up = actions(&defined("http", &picky));
    for _ in 0..20 {
        reported(invoke(&up, json!({})).await);
    }
    assert_eq!(picky.asked().len(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_gets_no_further_than_its_input_and_its_place() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (counted, seen) = (Arc::clone(&now), Arc::clone(&most));
    let server = StandIn::http(move |_| {
        let at_once = counted.fetch_add(1, Ordering::SeqCst) + 1;
        seen.fetch_max(at_once, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(50));
        counted.fetch_sub(1, Ordering::SeqCst);
        Reply::ok("1")
    });
    let text = defined("http", &server)
        .replace(&format!("timeout-ms = {TIMEOUT_MS}"), "timeout-ms = 30000");
    let guarded = actions(&format!(
        "{text}input-bytes = 50\ninput = {{ type = 'object', maxProperties = 1 }}\n"
    ));
    let wide = reported(invoke(&guarded, json!({ "a": 1, "b": 2 })).await);
    assert!(wide.contains("`maxProperties`"), "{wide}");
    let long = reported(invoke(&guarded, json!({ "a": "x".repeat(60) })).await);
    assert!(long.contains("may have 50"), "{long}");
    let unknown = reported(guarded.invoke("none", &json!({}), &crate::call(), 1).await);
    assert!(unknown.contains("[actions.none]"), "{unknown}");
    assert!(server.asked().is_empty());
    let all = (0..10).map(|_| invoke(&guarded, json!({})));
    assert!(futures(all).await.iter().all(Result::is_ok));
    assert_eq!(server.asked().len(), 10);
    assert_eq!(most.load(Ordering::SeqCst), 2, "two at once");
}

async fn futures<T>(all: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut all: Vec<_> = all.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        for (future, done) in &mut all {
            if done.is_none()
                && let std::task::Poll::Ready(result) = future.as_mut().poll(context)
            {
                *done = Some(result);
            }
        }
        if all.iter().all(|(_, done)| done.is_some()) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    all.into_iter().filter_map(|(_, done)| done).collect()
}
