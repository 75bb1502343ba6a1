//! Checks from outside: the public URL as Exotel sees it, the clock, and the account.
//!
//! Exotel's API does not return a balance, so it is not checked.

use std::error::Error as _;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use ghanti_server::Config;
use ghanti_server::dialler::account;
use ghanti_server::doctor::{Code, Finding, Findings, PROBE, Urls};
use ghanti_server::trusting_client;
use reqwest::header::{CONNECTION, DATE, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use reqwest::{Client, Response, StatusCode, Url};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

/// Timeout for resolving a name.
const RESOLVE: Duration = Duration::from_secs(5);
/// Timeout of a request; Exotel waits 10 s for the stream.
const ANSWER: Duration = Duration::from_secs(10);
/// Maximum difference between two clocks in seconds.
const CLOCK_S: i64 = 60;
/// Number of bytes of a response that are read to check that it is the engine's.
const PAGE_BYTES: usize = 1 << 10;
/// A key for a handshake: any 16 bytes in base64 (RFC 6455, 4.1).
const KEY: &str = "Z2hhbnRpLWRvY3Rvci0xNg==";

/// The results of the probe.
#[derive(Debug, Default)]
pub struct Probed {
    /// Checks that passed, or were skipped and why.
    pub checks: Vec<String>,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

#[derive(Default)]
struct Probe {
    checks: Vec<String>,
    findings: Findings,
}

/// Runs all checks.
pub async fn probe(config: &Config) -> Probed {
    let mut probe = Probe::default();
    probe.public_url(config).await;
    probe.account(config).await;
    probe.note("the account's balance was not checked: Exotel's API does not return it");
    Probed {
        checks: probe.checks,
        findings: probe.findings.with_fixes(&Urls::default()),
    }
}

impl Probe {
    fn note(&mut self, check: impl Into<String>) {
        self.checks.push(check.into());
    }

    async fn public_url(&mut self, config: &Config) {
        let Some(public) = &config.server.public_url else {
            return self.note("the address was not checked: `public-url` of `[server]` is not set");
        };
        let base = format!("{}{}", public.trim_end_matches('/'), config.server.path);
        let Ok(url) = Url::parse(&base) else {
            return self
                .findings
                .add(Code::PublicUrlUnresolved, format!("`{base}` is not a URL"));
        };
        match addresses(&url).await {
            Ok(addresses) => self.note(format!("`{base}` leads to {}", addresses.join(", "))),
            Err(words) => return self.findings.add(Code::PublicUrlUnresolved, words),
        }
        let client = match trusting_client().map(|client| client.timeout(ANSWER).build()) {
            Ok(Ok(client)) => client,
            Ok(Err(error)) => return self.note(format!("nothing else was checked: {error}")),
            Err(error) => return self.note(format!("nothing else was checked: {error}")),
        };
        if self.health(&client, &base).await {
            self.stream(&client, config, &base).await;
        }
    }

    /// Returns whether the engine answers.
    async fn health(&mut self, client: &Client, base: &str) -> bool {
        let url = format!("{base}/healthz");
        let response = match client.get(&url).send().await {
            Ok(response) => response,
            Err(error) => {
                let words = format!("`{url}`: {}", cause(&error));
                self.findings.add(of_failure(&words), words);
                return false;
            }
        };
        if url.starts_with("https://") {
            self.note("the certificate is valid");
        }
        self.clock(&response);
        let status = response.status();
        let page = beginning(response).await;
        if status == StatusCode::OK && page == "OK" {
            self.note(format!("`{url}` answers"));
            return true;
        }
        let words = format!("`{url}` answers {status}, and not like this engine");
        self.findings.add(Code::PublicUrlElsewhere, words);
        false
    }

    fn clock(&mut self, response: &Response) {
        let date = response.headers().get(DATE);
        let theirs = date
            .and_then(|date| date.to_str().ok())
            .and_then(|date| OffsetDateTime::parse(&date.replace("GMT", "+0000"), &Rfc2822).ok());
        let Some(theirs) = theirs else {
            return self.note("the clock was not checked: the response had no `Date`");
        };
        let apart_s = (theirs - OffsetDateTime::from(SystemTime::now())).whole_seconds();
        if apart_s.abs() > CLOCK_S {
            let words =
                format!("`Date` of `public-url` is {apart_s} s ahead of this machine's clock");
            self.findings.add(Code::ClockOff, words);
        } else {
            self.note("the clock agrees with `Date` of `public-url`");
        }
    }

    async fn stream(&mut self, client: &Client, config: &Config, base: &str) {
        let token = config.server.stream_token.as_ref();
        let token = token.map_or_else(String::new, |token| format!("{}/", token.in_url()));
        let shown = format!("{base}/ws/voicebot/…");
        let asked = client
            .get(format!("{base}/ws/voicebot/{token}{PROBE}"))
            .header(CONNECTION, "Upgrade")
            .header(UPGRADE, "websocket")
            .header(SEC_WEBSOCKET_VERSION, "13")
            .header(SEC_WEBSOCKET_KEY, KEY)
            .send();
        let (code, words) = match asked.await {
            Ok(response) => match response.status() {
                StatusCode::SWITCHING_PROTOCOLS => {
                    return self.note("the WebSocket's upgrade is passed on");
                }
                StatusCode::UNAUTHORIZED => (
                    Code::PublicUrlElsewhere,
                    format!("`{shown}` does not accept `stream-token` of this configuration"),
                ),
                status @ (StatusCode::BAD_REQUEST | StatusCode::UPGRADE_REQUIRED) => (
                    Code::ProxyWithoutUpgrade,
                    format!("`{shown}` answers {status} to a WebSocket handshake"),
                ),
                status => (
                    Code::PublicUrlElsewhere,
                    format!("`{shown}` answers {status} to a WebSocket handshake"),
                ),
            },
            Err(error) => (
                Code::ProxyWithoutUpgrade,
                format!("`{shown}`: {}", cause(&error)),
            ),
        };
        self.findings.add(code, words);
    }

    async fn account(&mut self, config: &Config) {
        let (api, caller_id) = match account(config) {
            Ok(Some(account)) => account,
            Ok(None) => {
                return self.note(
                    "the account was not checked: `[exotel]` has none, so the engine does not dial",
                );
            }
            Err(error) => return self.findings.add(Code::AccountRefused, error.to_string()),
        };
        let phones = match api.exophones().await {
            Ok(phones) => phones,
            Err(error) => {
                let words = format!("{error}: {}", error.hint());
                return self.findings.add(Code::AccountRefused, words);
            }
        };
        self.note(format!(
            "the account is accepted, and has {} ExoPhones",
            phones.len()
        ));
        if phones.iter().any(|phone| phone.number == caller_id) {
            self.note(format!("`caller-id` {caller_id} is one of them"));
        } else {
            let words = format!("{caller_id} is none of its {} ExoPhones", phones.len());
            self.findings.add(Code::CallerIdForeign, words);
        }
    }
}

/// The addresses of a URL's host. The error says why there are none.
async fn addresses(url: &Url) -> Result<Vec<String>, String> {
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or(443);
    let name = host.trim_start_matches('[').trim_end_matches(']');
    let found = tokio::time::timeout(RESOLVE, tokio::net::lookup_host((name, port))).await;
    let addresses: Vec<SocketAddr> = match found {
        Ok(Ok(found)) => found.collect(),
        Ok(Err(error)) => return Err(format!("`{host}`: {error}")),
        Err(_) => {
            return Err(format!(
                "`{host}`: no answer within {} s",
                RESOLVE.as_secs()
            ));
        }
    };
    if addresses.is_empty() {
        return Err(format!("`{host}` has no address"));
    }
    Ok(addresses
        .iter()
        .map(|address| address.ip().to_string())
        .collect())
}

/// The innermost cause, without the URL, which may have a token.
fn cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("no answer within {} s", ANSWER.as_secs());
    }
    let mut inner = error.source();
    while let Some(next) = inner.and_then(|inner| inner.source()) {
        inner = Some(next);
    }
    inner.map_or_else(|| "the request failed".to_owned(), ToString::to_string)
}

fn of_failure(words: &str) -> Code {
    if words.contains("certificate") {
        Code::PublicUrlCertificate
    } else {
        Code::PublicUrlUnreachable
    }
}

async fn beginning(mut response: Response) -> String {
    let mut page = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        page.extend_from_slice(&chunk);
        if page.len() > PAGE_BYTES {
            break;
        }
    }
    String::from_utf8_lossy(&page).trim().to_owned()
}
