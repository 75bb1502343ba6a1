//! What is read of calls and of the account: repeated a few times, and never for long.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod common;

use common::{Does, StandIn, asha, assert_clean, client, exception, reply};
use ghanti_campaign::ApiError;
use ghanti_campaign::api::READ_ATTEMPTS;
use ghanti_exotel::CallStatus;
use ghanti_exotel::rest::{ActiveStreams, ReplyError};
use ghanti_model::CallSid;

const CALL: &str = r#"{"Call":{"Sid":"c1","Status":"busy","From":"09876543210"}}"#;

fn sid() -> CallSid {
    CallSid::parse("c1").unwrap()
}

#[tokio::test]
async fn each_read_asks_its_path_and_reads_its_reply() {
    let streams = "<TwilioResponse><Stream><ActiveStreamCount>2</ActiveStreamCount><ThrottleLimit>100</ThrottleLimit></Stream></TwilioResponse>";
    let stand_in = StandIn::start([
        reply(200, "", CALL),
        reply(200, "", r#"{"Calls":[{"Sid":"c1"},{"Sid":"c2"}]}"#),
        reply(200, "", streams),
        reply(
            200,
            "",
            r#"{"incoming_phone_numbers":[{"phone_number":"08047112233"}]}"#,
        ),
    ])
    .await;
    let (api, _) = client(&stand_in.url());
    let details = api.call(&sid()).await.unwrap();
    assert_eq!(details.call.status, Some(CallStatus::Busy));
    assert_eq!(details.from, Some(asha()));
    assert_eq!(api.recent_calls(&asha()).await.unwrap().len(), 2);
    let expected = ActiveStreams {
        active: 2,
        limit: 100,
    };
    assert_eq!(api.active_streams().await.unwrap(), expected);
    assert_eq!(api.exophones().await.unwrap().len(), 1);
    let asked: Vec<_> = stand_in
        .requests()
        .iter()
        .map(|request| request.lines().next().unwrap().to_owned())
        .collect();
    assert_eq!(
        asked,
        [
            "GET /v1/Accounts/acme1/Calls/c1.json HTTP/1.1",
            "GET /v1/Accounts/acme1/Calls.json?From=%2B919876543210&PageSize=20 HTTP/1.1",
            "GET /v1/Accounts/acme1/ActiveStreams HTTP/1.1",
            "GET /v2_beta/Accounts/acme1/IncomingPhoneNumbers HTTP/1.1",
        ]
    );
}

#[tokio::test]
async fn a_read_that_fails_for_a_moment_is_repeated() {
    let stand_in =
        StandIn::start([Does::Cuts, exception(503, "", "busy"), reply(200, "", CALL)]).await;
    let (api, _) = client(&stand_in.url());
    assert_eq!(api.call(&sid()).await.unwrap().call.sid, sid());
    assert_eq!(stand_in.requests().len(), 3);
}

#[tokio::test]
async fn reads_are_repeated_a_few_times_and_only_where_it_helps() {
    let once = 1;
    let all = READ_ATTEMPTS as usize;
    let rows = [
        (Does::Cuts, all),
        (exception(500, "", "oops"), all),
        (exception(404, "", "no such call"), once),
        (exception(401, "", "no"), once),
        (exception(429, "retry-after: 1\r\n", "slow down"), once),
        (reply(200, "", "<html></html>"), once),
        (reply(302, "location: /\r\n", ""), once),
        (Does::NeverEnds(200), once),
    ];
    for (does, expected) in rows {
        let stand_in = StandIn::start([does]).await;
        let (api, _) = client(&stand_in.url());
        let error = api.recent_calls(&asha()).await.unwrap_err();
        assert_eq!(stand_in.requests().len(), expected, "{error}");
        // the customer's number is in the query
        assert_clean(&format!("{error} {error:?}"));
    }
}

#[tokio::test]
async fn an_unknown_call_is_distinguished() {
    let stand_in = StandIn::start([exception(404, "", "not found")]).await;
    let (api, _) = client(&stand_in.url());
    let error = api.call(&sid()).await.unwrap_err();
    assert!(
        matches!(error, ApiError::Reply(ReplyError::NotFound { .. })),
        "{error:?}"
    );
}
