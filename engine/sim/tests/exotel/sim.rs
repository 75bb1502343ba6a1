//! A simulated Exotel of the test's own.

use std::path::Path;
use std::time::{Duration, Instant};

use ghanti_sim::exotel::{Setup, serve};
use reqwest::{Client, Response};
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// How long anything may take.
pub const TIMEOUT: Duration = Duration::from_secs(60);
/// How often the log of calls is read meanwhile.
pub const POLL: Duration = Duration::from_millis(20);

pub const ACCOUNT: &str = "[account]\nsid = \"acme1\"\nkey = \"key\"\ntoken = \"token\"\nnumbers = [\"08045000000\", \"08045000001\"]\n";
pub const FLOW: &str = "http://my.exotel.com/acme1/exoml/start_voice/1001";

pub struct Sim {
    pub base: String,
    pub http: Client,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<std::io::Result<()>>,
}

impl Sim {
    /// Starts with a set-up whose account is [`ACCOUNT`] and whatever follows it in `account`.
    pub async fn start(account: &str, setup: &str) -> Self {
        let text = format!("speed = 100\n{ACCOUNT}{account}\n{setup}");
        let setup = Setup::parse(&text, "test", Path::new("../../tests/scenarios")).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(serve(listener, setup, async move { drop(stopped.await) }));
        Self {
            base,
            http: ghanti_sim::http::client().unwrap().build().unwrap(),
            stop: Some(stop),
            served,
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}/v1/Accounts/acme1/{path}", self.base)
    }

    /// Asks for a call to `number` with these parameters.
    pub async fn dial(&self, number: &str, more: &[(&str, &str)]) -> reqwest::Result<Response> {
        let mut form = reqwest::Url::parse("http://form").unwrap();
        form.query_pairs_mut()
            .extend_pairs([("From", number), ("CallerId", "08045000000")])
            .extend_pairs(more);
        self.http
            .post(self.url("Calls/connect.json"))
            .basic_auth("key", Some("token"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form.query().unwrap().to_owned())
            .send()
            .await
    }

    /// Asks for a call into the flow; its CallSid.
    pub async fn call(&self, number: &str, more: &[(&str, &str)]) -> String {
        let more: Vec<_> = [("Url", FLOW)].iter().chain(more).copied().collect();
        let response = self.dial(number, &more).await.unwrap();
        assert_eq!(response.status(), 200);
        let reply: Value = response.json().await.unwrap();
        assert_eq!(reply["Call"]["Status"], "in-progress");
        reply["Call"]["Sid"].as_str().unwrap().to_owned()
    }

    pub async fn get(&self, path: &str) -> Response {
        let get = self.http.get(self.url(path));
        get.basic_auth("key", Some("token")).send().await.unwrap()
    }

    pub async fn report(&self) -> Value {
        let get = self.http.get(format!("{}/sim/calls", self.base));
        get.send().await.unwrap().json().await.unwrap()
    }

    /// The log of calls, once it is so.
    pub async fn when(&self, is_so: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let report = self.report().await;
            if is_so(&report) {
                return report;
            }
            assert!(began.elapsed() < TIMEOUT, "{report:#}");
            tokio::time::sleep(POLL).await;
        }
    }

    /// The log of the only call, once it is over and had so many callbacks.
    pub async fn over(&self, callbacks: usize) -> Value {
        let report = self
            .when(|report| {
                let call = &report["calls"][0];
                let sent = call["callbacks"].as_array().map_or(0, Vec::len);
                !call["over"].is_null() && sent >= callbacks
            })
            .await;
        report["calls"][0].clone()
    }

    /// Stops the server.
    pub async fn stop(mut self) {
        drop(self.stop.take());
        tokio::time::timeout(TIMEOUT, self.served)
            .await
            .unwrap()
            .unwrap()
            .unwrap();
    }
}

/// The flow `1001` as the engine documents it, at a bot.
pub fn whole_flow(bot: &crate::bot::Bot) -> String {
    let applet = |applet: &str, path: &str, more: &str| {
        format!(
            "[[flows.1001.applets]]\napplet = \"{applet}\"\nurl = \"{}\"\n{more}\n",
            bot.url(&format!("applet/{path}"))
        )
    };
    [
        applet("passthru", "before?token=a", ""),
        applet("voicebot", "voicebot-url", ""),
        applet(
            "passthru",
            "after",
            "on-200 = \"hang-up\"\non-302 = \"next\"",
        ),
        applet("connect", "connect", "agents = [\"busy\", \"answers\"]"),
        applet("passthru", "after", ""),
    ]
    .concat()
}
