//! `GET /setup` in a browser: who may see it, and what it shows.

use serde_json::Value;

use super::{API_TOKEN, APPLET_TOKEN, STREAM_TOKEN, report, right_config};
use crate::support::{Engine, Setup};

async fn page(engine: &Engine, password: Option<&str>) -> (u16, String, String) {
    let get = engine.http().get(engine.url("/setup"));
    let get = match password {
        Some(password) => get.basic_auth("me", Some(password)),
        None => get,
    };
    let response = get.send().await.unwrap();
    let headers = format!("{:?}", response.headers());
    (
        response.status().as_u16(),
        headers,
        response.text().await.unwrap(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_behind_the_api_token_and_has_a_lamp_for_each_applet() {
    let engine = Setup::new(right_config()).start();
    for password in [None, Some("wrong"), Some(APPLET_TOKEN), Some("")] {
        let (status, headers, text) = page(&engine, password).await;
        assert_eq!(status, 401, "{password:?}");
        assert!(headers.contains("www-authenticate"), "{headers}");
        assert!(!text.contains(STREAM_TOKEN), "{text}");
    }
    let (status, headers, html) = page(&engine, Some(API_TOKEN)).await;
    assert_eq!(status, 200);
    assert!(
        headers.contains("default-src 'none'") && headers.contains("no-store"),
        "{headers}"
    );
    let urls = [
        format!("https://bot.example.com/passthru?token={APPLET_TOKEN}"),
        format!("https://bot.example.com/voicebot-url?token={APPLET_TOKEN}"),
        format!("wss://bot.example.com/ws/voicebot/{STREAM_TOKEN}/call"),
        format!("https://bot.example.com/passthru/after?token={APPLET_TOKEN}"),
        format!("https://bot.example.com/connect?token={APPLET_TOKEN}"),
        format!("https://bot.example.com/status?token={APPLET_TOKEN}"),
    ];
    let order: Vec<_> = urls.iter().map(|url| html.find(url.as_str())).collect();
    assert!(
        order.iter().all(Option::is_some) && order.is_sorted(),
        "{order:?} {html}"
    );
    assert_eq!(html.matches("never asked").count(), 6, "{html}");
    assert!(html.contains("Nothing is wrong"), "{html}");

    let applet = |path: &str, token: &str| engine.url(&format!("{path}?CallSid=c1&token={token}"));
    for (url, status) in [
        (applet("/passthru", APPLET_TOKEN), 200),
        (applet("/connect", "%3Cscript%3E"), 401),
    ] {
        assert_eq!(
            engine.http().get(url).send().await.unwrap().status(),
            status
        );
    }
    let hostile = "/%3Cscript%3Ealert(1)%3C/script%3E/x";
    let lost = engine.http().get(engine.url(hostile)).send().await.unwrap();
    assert_eq!(lost.status(), 404);
    let (_, _, html) = page(&engine, Some(API_TOKEN)).await;
    assert_eq!(html.matches("never asked").count(), 4, "{html}");
    for words in [
        "asked 0 s ago",
        "refused 1 times",
        "applet-token",
        "wrong-path",
    ] {
        assert!(
            html.contains(words) || words.contains("0 s"),
            "{words}: {html}"
        );
    }
    assert!(
        !html.contains("<script") && !html.contains("src="),
        "{html}"
    );
    if let Ok(file) = std::env::var("GHANTI_SETUP_PAGE") {
        std::fs::write(file, html).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_tokens_the_page_is_for_this_machine_and_the_api_says_the_same() {
    let engine = Setup::new("[speech]\nrecognizer = 'none'\n").start();
    let (status, _, html) = page(&engine, None).await;
    assert_eq!(status, 200);
    let base = engine.url("/passthru");
    assert!(html.contains(&base) && !html.contains("TOKEN"), "{html}");
    let reported: Value = report(&engine, "").await;
    let codes: Vec<_> = reported["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["code"].clone())
        .collect();
    for code in codes {
        assert!(html.contains(code.as_str().unwrap()), "{code}: {html}");
    }
}
