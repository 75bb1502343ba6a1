//! An engine without tokens is not used by the web pages that its operator has open.

use crate::support::{Engine, Setup};
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HOST, ORIGIN};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

/// The status and the body of a request with these headers.
async fn asked(
    engine: &Engine,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
) -> (u16, String) {
    let order = json!({ "phone": "+919876510077", "flow": "emi-reminder", "fields": {} });
    let mut request = engine.http().request(method.clone(), engine.url(path));
    if method == Method::POST {
        request = request
            .header(CONTENT_TYPE, "application/json")
            .body(order.to_string());
    }
    let mut request = request.build().unwrap();
    for (name, value) in headers {
        let name = reqwest::header::HeaderName::from_bytes(name.as_bytes()).unwrap();
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    let response = engine.http().execute(request).await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_page_of_another_site_cannot_use_an_engine_without_tokens() {
    let engine = Setup::new("[speech]\nrecognizer = 'none'\n[server]\nhosts = ['engine']").start();
    let origin = ORIGIN.as_str();
    for (headers, status, kind) in [
        (&[(origin, "https://evil.example")][..], 403, "another-site"),
        (&[(origin, "null")], 403, "another-site"),
        (&[("sec-fetch-site", "cross-site")], 403, "another-site"),
        // a name that resolves to this machine is the page's own origin
        (
            &[
                (HOST.as_str(), "evil.example"),
                (origin, "http://evil.example"),
            ],
            421,
            "another-host",
        ),
        (
            &[(CONTENT_TYPE.as_str(), "text/plain")],
            415,
            "body-is-form",
        ),
    ] {
        let (was, reported) = asked(&engine, Method::POST, "/api/calls", headers).await;
        assert_eq!(was, status, "{headers:?}: {reported}");
        let problem: Value = serde_json::from_str(&reported).unwrap();
        assert_eq!(problem["type"], format!("/problems/{kind}"), "{reported}");
        assert!(
            problem["hint"]
                .as_str()
                .is_some_and(|hint| !hint.is_empty())
        );
    }
    let named = [(HOST.as_str(), "evil.example")];
    for path in [
        "/api/calls",
        "/setup",
        "/websocket-url",
        "/metrics",
        "/api/events",
        "/console/",
    ] {
        let (status, reported) = asked(&engine, Method::GET, path, &named).await;
        assert_eq!(status, 421, "{path}: {reported}");
    }
    // an image of a page asks without an origin
    let image = [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-mode", "no-cors"),
    ];
    let (status, _) = asked(&engine, Method::GET, "/passthru?CallSid=forged", &image).await;
    assert_eq!(status, 403);
    assert!(engine.record("forged").await.is_none());

    let mut socket = format!("ws://{}/ws/voicebot/x", engine.address())
        .into_client_request()
        .unwrap();
    socket
        .headers_mut()
        .insert(ORIGIN, "https://evil.example".parse().unwrap());
    let refused = tokio_tungstenite::connect_async(socket).await.unwrap_err();
    assert!(
        refused.to_string().contains("403"),
        "a page opened a stream: {refused}"
    );

    // its own pages, its names, and programs
    let own = engine.url("");
    for headers in [
        &[(origin, own.as_str())][..],
        &[("sec-fetch-site", "same-origin")],
        &[(HOST.as_str(), "engine:8000")],
        &[(HOST.as_str(), "localhost:1")],
        &[],
    ] {
        let (status, reported) = asked(&engine, Method::GET, "/api/calls", headers).await;
        assert_eq!(status, 200, "{headers:?}: {reported}");
    }
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_tokens_the_token_decides_and_not_the_site() {
    let token = "api-0123456789-x";
    let engine = Setup::new(format!(
        "[speech]\nrecognizer = 'none'\n[server]\napi-token = '{token}'\nstream-token = 'stream-0123456789'\napplet-token = 'applet-0123456789'"
    ))
    .start();
    let bearer = format!("Bearer {token}");
    let foreign = [
        (ORIGIN.as_str(), "https://crm.example"),
        (HOST.as_str(), "bot.example.com"),
    ];
    let (status, _) = asked(&engine, Method::GET, "/api/calls", &foreign).await;
    assert_eq!(status, 401);
    let with_token = [foreign[0], foreign[1], ("authorization", bearer.as_str())];
    let (status, reported) = asked(&engine, Method::GET, "/api/calls", &with_token).await;
    assert_eq!(status, 200, "{reported}");
}
