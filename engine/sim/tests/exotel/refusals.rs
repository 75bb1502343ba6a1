//! Requests that Exotel refuses, and how.

use reqwest::StatusCode;
use serde_json::Value;

use crate::sim::{FLOW, Sim};

const CUSTOMER: &str = "+919876500001";

async fn exception(response: reqwest::Response, status: u16) -> Value {
    assert_eq!(response.status().as_u16(), status);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["RestException"]["Status"], status);
    body["RestException"].clone()
}

#[tokio::test]
async fn a_request_without_a_key_is_refused_without_details() {
    let sim = Sim::start("", "").await;
    let url = sim.url("Calls/connect.json");
    let without = sim.http.post(&url).send().await.unwrap();
    exception(without, 401).await;
    let wrong = sim.http.post(&url).basic_auth("key", Some("tocken"));
    let wrong = wrong.send().await.unwrap();
    assert!(wrong.headers().contains_key("www-authenticate"));
    exception(wrong, 401).await;

    let other = url.replace("acme1", "acme2");
    let other = sim.http.post(other).basic_auth("key", Some("token"));
    exception(other.send().await.unwrap(), 404).await;
    exception(sim.get("Calls/0123456789abcdef.json").await, 404).await;
    exception(sim.get("Nothing.json").await, 404).await;
    assert_eq!(sim.report().await["calls"], Value::Array(Vec::new()));
}

#[tokio::test]
async fn an_account_without_kyc_calls_nobody() {
    let sim = Sim::start("kyc = false", "").await;
    let refused = sim.dial(CUSTOMER, &[("Url", FLOW)]).await.unwrap();
    let exception = exception(refused, 403).await;
    let expected = "Your account is not yet KYC compliant.";
    assert_eq!(exception["Message"], expected);
    let report = sim.report().await;
    assert_eq!(report["refused"][0]["message"], expected);
    assert_eq!(report["replies"]["403"], 1);
}

#[tokio::test]
async fn a_request_over_the_limit_gets_the_time_to_retry() {
    let sim = Sim::start("requests-per-minute = 2", "").await;
    for _ in 0..2 {
        sim.call(CUSTOMER, &[]).await;
    }
    let refused = sim.dial(CUSTOMER, &[("Url", FLOW)]).await.unwrap();
    let again = refused.headers()["retry-after"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(
        (55..=60).contains(&again.parse::<u64>().unwrap()),
        "{again}"
    );
    exception(refused, 429).await;
    assert_eq!(sim.report().await["calls"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn wrong_parameters_are_refused_by_their_code() {
    let sim = Sim::start("", "").await;
    let both = [("Url", FLOW), ("To", "09876500002")];
    let refused = sim.dial(CUSTOMER, &both).await.unwrap();
    let bad = exception(refused, 400).await;
    assert_eq!(bad["Code"], 34_001);
    assert!(
        bad["Message"]
            .as_str()
            .unwrap()
            .starts_with("Bad/missing parameters")
    );

    let long = "x".repeat(129);
    let long = [("Url", FLOW), ("CustomField", &long)];
    let refused = sim.dial(CUSTOMER, &long).await.unwrap();
    assert_eq!(exception(refused, 400).await["Code"], 34_001);

    let caller_id = "From=09876500001&CallerId=08099999999&Url=http%3A%2F%2Fmy.exotel.com%2Facme1%2Fexoml%2Fstart_voice%2F1001";
    let post = |path: &str| {
        sim.http
            .post(sim.url(path))
            .basic_auth("key", Some("token"))
            .header("content-type", "application/x-www-form-urlencoded")
    };
    let refused = post("Calls/connect.json")
        .body(caller_id)
        .send()
        .await
        .unwrap();
    let unknown = exception(refused, 400).await;
    assert_eq!(
        unknown["Message"],
        "Could not find the CallerId from which this call can be made"
    );

    // without `.json` everything is XML
    let refused = post("Calls/connect").body(caller_id).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    let xml = refused.text().await.unwrap();
    assert!(xml.contains("<TwilioResponse><RestException>"), "{xml}");
    let accepted = post("Calls/connect").body(caller_id.replace("08099999999", "08045000001"));
    let xml = accepted.send().await.unwrap().text().await.unwrap();
    assert!(
        xml.contains("<TwilioResponse><Call>") && xml.contains("<Status>in-progress</Status>"),
        "{xml}"
    );
}

#[tokio::test]
async fn replies_fail_with_and_without_a_call() {
    for (fault, status, calls) in [
        ("error-500", 500, 0),
        ("error-503", 503, 0),
        ("error-429", 429, 0),
        ("gateway-timeout", 504, 1),
        ("nonsense-reply", 200, 1),
    ] {
        let sim = Sim::start("", &format!("[faults]\n{fault} = 100\n")).await;
        let response = sim.dial(CUSTOMER, &[("Url", FLOW)]).await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{fault}");
        let is_call = response.text().await.unwrap().contains("Sid");
        assert!(!is_call, "{fault}");
        let report = sim.report().await;
        assert_eq!(report["calls"].as_array().unwrap().len(), calls, "{fault}");
    }
}

#[tokio::test]
async fn the_accounts_numbers_are_listed() {
    let sim = Sim::start("", "").await;
    let url = format!("{}/v2_beta/Accounts/acme1/IncomingPhoneNumbers", sim.base);
    let get = sim.http.get(url).basic_auth("key", Some("token"));
    let read: Value = get.send().await.unwrap().json().await.unwrap();
    assert_eq!(
        read["incoming_phone_numbers"][1]["phone_number"],
        "+918045000001"
    );
}
