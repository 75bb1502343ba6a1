//! What the doctor says of one call: in its record, by the API and by the command.

use super::{
    API_TOKEN, APPLET_TOKEN, Case, STREAM_TOKEN, found, order, passthru, report, right_config,
};
use crate::outbound::Exotel;
use crate::support::{Setup, program};
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn a_call_without_a_stream_says_so_everywhere_it_is_asked() {
    let case = Case::of("no-voicebot-applet").flow([passthru()]);
    let engine = Setup::new(right_config()).start();
    let exotel = Exotel::with_setup("127.0.0.1:0", &case.setup(&engine));
    case.call(&engine, &exotel, 0).await;
    found(&engine, "no-voicebot-applet").await;
    let get = |path: String| engine.http().get(engine.url(&path)).bearer_auth(API_TOKEN);
    let calls: Value = get("/api/calls".to_owned())
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let call = calls["items"][0]["call_id"].as_str().unwrap().to_owned();

    let by_api = report(&engine, &format!("?call={call}")).await;
    assert_eq!(
        by_api["findings"][0]["code"], "no-voicebot-applet",
        "{by_api:#}"
    );
    assert_eq!(by_api["call"]["outcome"], "never-connected", "{by_api:#}");
    let fix = by_api["findings"][0]["fix"].as_str().unwrap();
    assert!(
        fix.contains(&format!("/voicebot-url?token={APPLET_TOKEN}")),
        "{fix}"
    );

    let record = get(format!("/api/calls/{call}")).send().await.unwrap();
    let record = record.text().await.unwrap();
    assert!(
        record.contains("no-voicebot-applet") && record.contains("?token=TOKEN"),
        "{record}"
    );
    assert!(
        !record.contains(APPLET_TOKEN) && !record.contains(STREAM_TOKEN),
        "{record}"
    );

    let (base, config) = (engine.url(""), engine.house().join("ghanti.toml"));
    let shown = tokio::task::spawn_blocking(move || {
        let mut command = program();
        command
            .args(["doctor", "--call", &call, "--url", &base, "--config"])
            .arg(config);
        command.output().unwrap()
    });
    let shown = shown.await.unwrap();
    let text = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert_eq!(shown.status.code(), Some(1), "{text}{shown:?}");
    assert!(
        text.starts_with("error: no-voicebot-applet: ") && text.contains("\n  fix:  "),
        "{text}"
    );
    exotel.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_call_and_a_missing_token_are_refused() {
    let engine = Setup::new(right_config()).start();
    order(&engine, "+919876500010").await;
    let get = |path: &str| engine.http().get(engine.url(path));
    let unknown = get("/api/doctor?call=c-unknown").bearer_auth(API_TOKEN);
    assert_eq!(unknown.send().await.unwrap().status(), 404);
    assert_eq!(get("/api/doctor").send().await.unwrap().status(), 401);
    let reported = report(&engine, "").await;
    assert_eq!(
        reported["findings"],
        serde_json::json!([]),
        "an unauthorised look is no mistake: {reported:#}"
    );
}
