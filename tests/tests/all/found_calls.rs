//! Two engines dial one number, neither hears what came of it, and Exotel lists a single call.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use ghanti_test_servers::PostgresServer;
use serde_json::{Value, json};
use time::macros::{format_description, offset};
use time::{OffsetDateTime, UtcOffset};
use tokio::sync::Barrier;

use crate::dialling::account;
use crate::nodes::{bare, until};
use crate::support::{Engine, Setup};

const CUSTOMER: &str = "+919876500018";
const LISTED: &str = "listed-once";

/// An Exotel whose gateway gives up on every dial, and whose list has one call. It hands the list out
/// when both engines have asked for it.
struct Exotel {
    both: Barrier,
    looks: AtomicUsize,
    created: String,
}

impl Exotel {
    async fn start() -> String {
        const INDIAN: UtcOffset = offset!(+5:30);
        let form = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
        let now = OffsetDateTime::now_utc().to_offset(INDIAN);
        let exotel = Arc::new(Self {
            both: Barrier::new(2),
            looks: AtomicUsize::new(0),
            created: now.format(form).unwrap(),
        });
        let calls = Router::new()
            .route("/v1/Accounts/acme1/Calls.json", get(list))
            .route(
                "/v1/Accounts/acme1/Calls/connect.json",
                post(async || StatusCode::GATEWAY_TIMEOUT),
            )
            .with_state(exotel);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async { axum::serve(listener, calls).await });
        address
    }
}

async fn list(State(exotel): State<Arc<Exotel>>) -> Json<Value> {
    if exotel.looks.fetch_add(1, Ordering::SeqCst) < 2 {
        exotel.both.wait().await;
    }
    let call = json!({
        "Sid": LISTED, "From": CUSTOMER, "PhoneNumberSid": "08045000000", "Status": "busy", "Duration": "0",
        "Direction": "outbound-api", "DateCreated": exotel.created, "EndTime": exotel.created,
    });
    Json(json!({ "Metadata": { "PageSize": 50 }, "Calls": [call] }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_exotel_lists_is_found_for_one_of_two_dials() {
    let postgres = PostgresServer::start();
    let database = postgres.create_database("calls");
    let (flows, address) = (bare(), Exotel::start().await);
    let config = account(&address, "ring-s = 1\n");
    let config = format!("{config}[stores]\ndatabase-url = '{database}'\n");
    let engine = || Setup::new(config.clone()).flows(flows.path()).start();
    let engines = [engine(), engine()];
    let dial = async |engine: &Engine| {
        let order = json!({ "phone": CUSTOMER, "flow": "bare", "fields": {} });
        engine.order(&order).await
    };
    tokio::join!(dial(&engines[0]), dial(&engines[1]));

    // one has it, and the other says that it does not
    let has_ended = format!("SELECT outcome FROM calls WHERE call_sid = '{LISTED}'");
    until("one has ended", async || {
        let rows = postgres.sql("calls", &has_ended);
        (rows.trim() == "busy").then_some(()).ok_or(rows)
    })
    .await;
    until("the other has not", async || {
        let reported = engines.iter().map(Engine::logs).collect::<String>();
        let is_reported = reported.contains("is not found yet");
        is_reported.then_some(()).ok_or(reported)
    })
    .await;
    let reported = "SELECT count(*) FROM call_events WHERE kind = 'status-reported'";
    assert_eq!(postgres.sql("calls", reported).trim(), "1");
    assert_eq!(postgres.sql("calls", &has_ended).trim(), "busy");
    let open = "SELECT count(*) FROM calls WHERE state = 'pending' AND call_sid IS NULL";
    assert_eq!(postgres.sql("calls", open).trim(), "1");
}
