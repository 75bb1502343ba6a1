//! Tokens in files, and two at a time while they are changed.

use serde_json::Value;

use crate::support::{Engine, Setup, Stream};

const SERVER: &str = "[speech]\nrecognizer = 'none'\n[server]\n";
const DOORS: [&str; 3] = ["stream", "applet", "api"];

fn token(door: &str, age: &str) -> String {
    format!("{age}-{door}-0123456789")
}

/// Whether each interface accepts the tokens of an age.
async fn opens(engine: &Engine, age: &str) -> [bool; 3] {
    let stream = format!("/ws/voicebot/{}/call", token("stream", age));
    let applet = format!(
        "/passthru?token={}&CallSid={age}&CallFrom=09876500001",
        token("applet", age)
    );
    let status = async |request: reqwest::RequestBuilder| request.send().await.unwrap().status();
    let http = engine.http();
    let api = http
        .get(engine.url("/api/calls"))
        .bearer_auth(token("api", age));
    [
        Stream::open(engine, &stream).await.is_ok(),
        status(http.get(engine.url(&applet))).await == 200,
        status(api).await == 200,
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn while_tokens_are_changed_both_open_every_door_and_urls_carry_the_new_ones() {
    let lines = |name: &str, age: &str| {
        DOORS
            .map(|door| format!("{name}{door}-token = '{}'\n", token(door, age)))
            .concat()
    };
    let both = [SERVER, &lines("", "new"), &lines("previous-", "old")].concat();
    let engine = Setup::new(both).start();
    for (age, is_open) in [("new", true), ("old", true), ("other", false)] {
        assert_eq!(opens(&engine, age).await, [is_open; 3], "{age}");
    }
    let shown = engine.http().get(engine.url("/websocket-url"));
    let shown = shown.bearer_auth(token("api", "old")).send().await.unwrap();
    let shown: Value = shown.json().await.unwrap();
    let shown = shown.to_string();
    assert!(
        shown.contains("new-stream") && shown.contains("new-applet") && !shown.contains("old-"),
        "{shown}"
    );
    // the old ones are taken away
    let after = [SERVER, &lines("", "new")].concat();
    let engine = Setup::new(after).start();
    assert_eq!(opens(&engine, "new").await, [true; 3]);
    assert_eq!(opens(&engine, "old").await, [false; 3]);
    assert!(!engine.logs().contains("-0123456789"), "{}", engine.logs());
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_read_from_files_that_variables_name_and_from_systemds_credentials() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, door: &str| {
        let file = folder.path().join(name);
        std::fs::write(&file, format!("{}\n", token(door, "new"))).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let stream = write("stream-secret", "stream");
    write("server.applet-token", "applet");
    write("server.api-token", "api");
    let engine = Setup::new(SERVER)
        .variable("GHANTI_SERVER_STREAM_TOKEN_FILE", &stream)
        .variable("CREDENTIALS_DIRECTORY", folder.path().to_str().unwrap())
        .start();
    assert_eq!(opens(&engine, "new").await, [true; 3]);
    assert_eq!(opens(&engine, "other").await, [false; 3]);
}

#[test]
fn a_secret_file_that_is_not_there_is_reported_by_its_variable() {
    let setup = Setup::new(SERVER).variable("GHANTI_SERVER_API_TOKEN_FILE", "/nowhere/token");
    let refused = crate::support::refusal(&setup);
    let reported = format!("{refused:?}");
    assert!(
        reported.contains("GHANTI_SERVER_API_TOKEN_FILE") && reported.contains("/nowhere/token"),
        "{reported}"
    );
}
