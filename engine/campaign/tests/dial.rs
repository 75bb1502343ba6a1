//! Dials against a stand-in with every fault: each arrives once, and its result says what is known.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod common;

use std::time::Duration;

use common::{
    Does, StandIn, assert_clean, client, client_with, dial_request, exception, reply, settings,
};
use ghanti_campaign::{ApiError, Dialled, RequestBudget};
use ghanti_exotel::rest::{CallOptions, ConnectToBot};
use ghanti_model::PhoneNumber;

const JSON: &str = r#"{"Call":{"Sid":"c1","Status":"in-progress"}}"#;
const XML: &str =
    "<?xml version=\"1.0\"?><TwilioResponse><Call><Sid>c1</Sid></Call></TwilioResponse>";
const HTML: &str = "<!DOCTYPE html><html><body>key-0123456789 token-0123456789</body></html>";

/// The name of the result and of the error's kind.
fn name(dialled: &Dialled) -> String {
    let (kind, error) = match dialled {
        Dialled::Accepted(call) => return format!("accepted {}", call.sid),
        Dialled::Refused(error) => ("refused", error),
        Dialled::Unknown(error) => ("unknown", error),
    };
    let reported = match error {
        ApiError::Reply(error) => format!("{error:?}"),
        other => format!("{other:?}"),
    };
    let end = reported.find([' ', '(', '{']).unwrap_or(reported.len());
    assert_clean(&format!("{error} {error:?} {}", error.hint()));
    assert!(error.hint().len() > 10);
    format!("{kind} {}", &reported[..end])
}

#[tokio::test]
async fn every_reply_and_every_fault_is_one_request_and_one_result() {
    let short = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"Call\":{\"Sid\":\"c1\"}}";
    let short_refusal = "HTTP/1.1 403 X\r\ncontent-length: 100\r\n\r\n{\"RestExc";
    let rows = [
        (reply(200, "", JSON), "accepted c1"),
        (reply(201, "", JSON), "accepted c1"),
        (reply(200, "", XML), "accepted c1"),
        (
            reply(200, "", r#"{"call":{"sid":"c1","status":"queued"}}"#),
            "accepted c1",
        ),
        (
            exception(400, "", "Bad/missing parameters"),
            "refused BadParameters",
        ),
        (
            exception(
                400,
                "",
                "Could not find the CallerId from which this call can be made",
            ),
            "refused UnknownCallerId",
        ),
        (exception(401, "", "no"), "refused BadCredentials"),
        (
            exception(403, "", "09876543210: not KYC compliant, token-0123456789"),
            "refused NotAllowed",
        ),
        (exception(404, "", "no"), "refused NotFound"),
        (exception(429, "", "slow down"), "refused RateLimited"),
        (exception(500, "", "oops"), "unknown Server"),
        (reply(503, "retry-after: 1\r\n", ""), "unknown Server"),
        (reply(200, "", HTML), "unknown NotExotel"),
        (reply(403, "", HTML), "refused NotExotel"),
        (reply(200, "", ""), "unknown NotExotel"),
        (reply(200, "", "{}"), "unknown Unusable"),
        (
            reply(301, "location: http://127.0.0.1:1/\r\n", ""),
            "refused Redirect",
        ),
        (
            reply(302, "location: http://127.0.0.1:1/\r\n", ""),
            "unknown Redirect",
        ),
        (
            reply(307, "location: http://127.0.0.1:1/\r\n", ""),
            "refused Redirect",
        ),
        (Does::Cuts, "unknown Broken"),
        (
            Does::CutsHalfway("HTTP/1.1 20".to_owned()),
            "unknown Broken",
        ),
        (Does::CutsHalfway(short.to_owned()), "unknown Broken"),
        (
            Does::CutsHalfway(short_refusal.to_owned()),
            "refused NotAllowed",
        ),
        (
            Does::Answers("220 mail ESMTP\r\n".to_owned()),
            "unknown Broken",
        ),
        (Does::NeverEnds(200), "unknown TooLong"),
        (Does::NeverEnds(500), "unknown Server"),
        (Does::NeverEnds(403), "refused NotAllowed"),
    ];
    for (does, expected) in rows {
        let stand_in = StandIn::start([does]).await;
        let mut settings = settings(&stand_in.url());
        settings.dial_turn = Duration::from_secs(10);
        let (api, _) = client_with(settings);
        let dialled = api.dial(&dial_request()).await;
        assert_eq!(name(&dialled), expected, "{dialled:?}");
        assert_eq!(stand_in.requests().len(), 1, "{expected}");
    }
}

#[tokio::test]
async fn the_request_is_as_exotel_documents_it() {
    let stand_in = StandIn::start([reply(200, "", JSON)]).await;
    let (api, _) = client(&format!("{}/mirror/", stand_in.url()));
    assert_eq!(name(&api.dial(&dial_request()).await), "accepted c1");
    let request = stand_in.requests().concat();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let head = head.to_ascii_lowercase();
    for line in [
        "post /mirror/v1/accounts/acme1/calls/connect.json http/1.1",
        "content-type: application/x-www-form-urlencoded",
        // key-0123456789:token-0123456789
        "authorization: basic a2v5ltaxmjm0nty3odk6dg9rzw4tmdeymzq1njc4oq==",
    ] {
        assert!(head.lines().any(|found| found == line), "{line}: {head}");
    }
    assert_eq!(
        body,
        "From=%2B919876543210&CallerId=08047112233&CallType=trans&CustomField=order-1&Record=false\
         &Url=http%3A%2F%2Fmy.exotel.com%2Facme1%2Fexoml%2Fstart_voice%2F123"
    );
    assert_clean(&format!("{api:?}"));
}

#[tokio::test]
async fn no_reply_in_time_is_unknown() {
    let stand_in = StandIn::start([Does::Waits]).await;
    let (api, _) = client(&stand_in.url());
    let dials = tokio::spawn(async move { api.dial(&dial_request()).await });
    stand_in.arrival().await;
    // what is waited for now is the time-out alone
    tokio::time::pause();
    let dialled = dials.await.unwrap();
    assert_eq!(name(&dialled), "unknown TimedOut");
    let Dialled::Unknown(error) = dialled else {
        panic!("unknown")
    };
    assert!(error.to_string().contains("within 30 s"), "{error}");
    assert_eq!(stand_in.requests().len(), 1);
}

#[tokio::test]
async fn a_body_that_stops_is_unknown_where_it_was_a_success() {
    for (status, expected) in [
        (200, "unknown TimedOut"),
        (500, "unknown Server"),
        (401, "refused BadCredentials"),
    ] {
        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: 100\r\n\r\n{{");
        let (stand_in, socket) = stalls(head).await;
        let (api, _) = client(&stand_in);
        let dials = tokio::spawn(async move { api.dial(&dial_request()).await });
        let _open = socket.await.unwrap();
        tokio::time::pause();
        assert_eq!(name(&dials.await.unwrap()), expected);
        tokio::time::resume();
    }
}

/// A server that reads a request, sends this and then neither more nor the end.
async fn stalls(text: String) -> (String, tokio::task::JoinHandle<tokio::net::TcpStream>) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serves = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut buffer = Vec::new();
        while !String::from_utf8_lossy(&buffer).contains("start_voice%2F123") {
            assert!(socket.read_buf(&mut buffer).await.unwrap() > 0);
        }
        socket.write_all(text.as_bytes()).await.unwrap();
        socket
    });
    (url, serves)
}

#[tokio::test]
async fn no_connection_is_certainly_no_call() {
    // a port that was free a moment ago
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let (api, _) = client(&format!("http://127.0.0.1:{port}"));
    let dialled = api.dial(&dial_request()).await;
    assert_eq!(name(&dialled), "refused NotConnected", "{dialled:?}");
    let Dialled::Refused(error) = dialled else {
        panic!("refused")
    };
    assert!(error.to_string().contains(&port.to_string()), "{error}");
}

#[tokio::test]
async fn a_server_that_does_not_shake_hands_is_certainly_no_call() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let (api, _) = client(&url);
    let dials = tokio::spawn(async move { api.dial(&dial_request()).await });
    let _open = listener.accept().await.unwrap();
    tokio::time::pause();
    assert_eq!(name(&dials.await.unwrap()), "refused NotConnected");
}

#[tokio::test]
async fn a_request_beyond_exotels_limits_is_not_sent() {
    let stand_in = StandIn::start([reply(200, "", JSON)]).await;
    let (api, _) = client(&stand_in.url());
    let phone = |text| PhoneNumber::parse(text).unwrap();
    let request = ConnectToBot {
        options: CallOptions {
            custom_field: Some("x".repeat(129).into()),
            ..CallOptions::new(phone("9876543210"), phone("08047112233"))
        },
        stream_url: "wss://bot.example.com/".into(),
        stream_name: None,
    };
    let dialled = api.dial(&request.into()).await;
    assert_eq!(name(&dialled), "refused Request");
    assert_eq!(stand_in.requests().len(), 0);
}

#[tokio::test]
async fn a_429_empties_the_budget_for_as_long_as_exotel_says() {
    let date = "retry-after: Tue, 31 Dec 2999 23:59:59 GMT\r\n";
    for (header, expected_s) in [("retry-after: 17\r\n", 17), (date, 600), ("", 60)] {
        let stand_in = StandIn::start([exception(429, header, "slow down")]).await;
        let mut settings = settings(&stand_in.url());
        settings.dial_turn = Duration::from_secs(10);
        let (api, budget) = client_with(settings);
        let dialled = api.dial(&dial_request()).await;
        let Dialled::Refused(error) = dialled else {
            panic!("{dialled:?}")
        };
        let expected = Duration::from_secs(expected_s);
        assert_eq!(error.retry_in(), Some(expected));

        // nothing more is sent, and every answer says when it will be
        let dialled = api.dial(&dial_request()).await;
        assert_eq!(name(&dialled), "refused OverLimit");
        let over = budget.take(Duration::ZERO).await.unwrap_err();
        assert!(
            over.retry_in <= expected && over.retry_in > expected / 2,
            "{over}"
        );
        assert_eq!(stand_in.requests().len(), 1, "{header}");
    }
}

#[tokio::test]
async fn a_short_pause_delays_refused_and_waiting_requests() {
    let stand_in = StandIn::start([
        exception(429, "retry-after: 1\r\n", "slow down"),
        reply(200, "", JSON),
        reply(200, "", JSON),
    ])
    .await;
    let (api, _) = client(&stand_in.url());
    let (request, other) = (dial_request(), dial_request());
    let (first, second) = tokio::join!(api.dial(&request), async {
        // it comes to wait while Exotel's pause lasts
        stand_in.arrival().await;
        api.dial(&other).await
    });
    assert_eq!(
        (name(&first), name(&second)),
        ("accepted c1".to_owned(), "accepted c1".to_owned())
    );
    assert_eq!(stand_in.requests().len(), 3);
}

#[tokio::test]
async fn a_request_that_cannot_wait_for_its_turn_is_not_sent() {
    let stand_in = StandIn::start([reply(200, "", JSON)]).await;
    let mut settings = settings(&stand_in.url());
    settings.dial_turn = Duration::ZERO;
    let (api, budget) = client_with(settings);
    while budget.take(Duration::ZERO).await.is_ok() {}
    let dialled = api.dial(&dial_request()).await;
    assert_eq!(name(&dialled), "refused OverLimit");
    assert_eq!(stand_in.requests().len(), 0);
}
