//! Connections to real stores with TLS: whom they trust, and that none falls back to plain text.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

use std::path::Path;

use ghanti_store::{CallRecords, RedisSessions, SessionSettings, SessionStore, SqlRecords};
use ghanti_test_servers::{PostgresServer, RedisServer, certificates};

const NO_FOLDER: &str = "nowhere";

async fn redis(url: &str, ca_file: Option<&Path>) -> Result<RedisSessions, String> {
    RedisSessions::connect_trusting(url, ca_file, SessionSettings::default())
        .await
        .map_err(|error| error.to_string())
}

async fn postgres(url: &str, ca_file: Option<&Path>) -> Result<SqlRecords, String> {
    SqlRecords::open_trusting(Some(url), Path::new(NO_FOLDER), ca_file)
        .await
        .map_err(|error| error.to_string())
}

/// Checks that an error has all words, and not the password.
fn reported<T>(result: Result<T, String>, words: &[&str]) {
    let error = result.err().expect("a connection that cannot be trusted");
    for word in words {
        assert!(error.contains(word), "`{word}` is missing in: {error}");
    }
    assert!(!error.contains("tiger-lily"), "{error}");
}

#[tokio::test]
async fn redis_is_reached_by_tls_with_a_certificate_that_is_trusted() {
    let server = RedisServer::start_with_tls();
    let ca = certificates::ca();
    let sessions = redis(&server.tls_url(), Some(&ca)).await.unwrap();
    sessions.ping().await.unwrap();
    assert!(
        server
            .command(&["INFO", "stats"])
            .contains("total_connections_received")
    );

    // nobody whom the system trusts has signed it
    reported(
        redis(&server.tls_url(), None).await,
        &["invalid peer certificate", "UnknownIssuer", "`ca-file`"],
    );
    // it is signed for 127.0.0.1 alone
    let by_name = server.tls_url().replace("127.0.0.1", "localhost");
    reported(
        redis(&by_name, Some(&ca)).await,
        &["certificate", "localhost"],
    );
    // no TLS is spoken there
    let plain = server.url().replace("redis:", "rediss:");
    reported(
        redis(&plain, Some(&ca)).await,
        &["see whether it speaks TLS"],
    );
    // the file is none
    reported(
        redis(&server.tls_url(), Some(Path::new("/nowhere.pem"))).await,
        &["/nowhere.pem"],
    );
    reported(
        redis(&server.tls_url(), Some(&certificates::server_key())).await,
        &["no certificate"],
    );
}

#[tokio::test]
async fn postgresql_is_reached_by_tls_with_a_certificate_that_is_trusted() {
    let server = PostgresServer::start_with_tls();
    let ca = certificates::ca();
    let url = "postgres://ghanti:tiger-lily-77@";
    let named = server.create_database("calls");
    let records = postgres(&named, Some(&ca)).await.unwrap();
    records.ping().await.unwrap();

    let with = |mode: &str| format!("{named}?sslmode={mode}");
    // encrypted, and nobody asked who it is
    postgres(&with("require"), None)
        .await
        .unwrap()
        .ping()
        .await
        .unwrap();
    // the server takes no connection in plain text
    reported(
        postgres(&with("disable"), Some(&ca)).await,
        &["no encryption"],
    );
    reported(
        postgres(&with("verify-full"), None).await,
        &["invalid peer certificate", "UnknownIssuer", "`ca-file`"],
    );
    let by_name = named.replace("127.0.0.1", "localhost");
    reported(
        postgres(&by_name, Some(&ca)).await,
        &["certificate", "localhost"],
    );
    reported(
        postgres(&named, Some(Path::new("/nowhere.pem"))).await,
        &["/nowhere.pem"],
    );
    // off this machine nothing falls back unseen
    for mode in ["prefer", "allow"] {
        let elsewhere = format!("{url}db.example.com/calls?sslmode={mode}");
        reported(
            postgres(&elsewhere, Some(&ca)).await,
            &["plain text unseen", "db.example.com:5432/calls"],
        );
    }
}

#[tokio::test]
async fn a_server_without_tls_is_an_error_and_no_plain_text() {
    let server = PostgresServer::start();
    let named = server.create_database("calls");
    let ca = certificates::ca();
    reported(postgres(&named, Some(&ca)).await, &["does not support TLS"]);
    reported(
        postgres(&format!("{named}?sslmode=require"), None).await,
        &["does not support TLS"],
    );
    // on this machine plain text is what it was
    postgres(&named, None).await.unwrap().ping().await.unwrap();
}
