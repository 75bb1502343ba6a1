//! The web console, as a browser sees it: who gets in, what every page promises, and what is on it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use reqwest::{Client, RequestBuilder, Response, Url};
use serde_json::{Value, json};

use crate::nodes::reminder;
use crate::support::{Engine, PATIENCE, Setup, Stream, silence_of};

const API: &str = "api-0123456789-x";
const TOKENS: &str = "stream-token = 'stream-0123456789'\napplet-token = 'applet-0123456789'\napi-token = 'api-0123456789-x'\n";
const BY_KEYS: &str = "[speech]\nrecognizer = 'none'\n";
const PAGES: [&str; 9] = [
    "",
    "calls",
    "campaigns",
    "customers",
    "flows",
    "import",
    "new-campaign",
    "setup",
    "telephone",
];
const PHONE: &str = "+919876593001";

/// A browser: it keeps the console's cookie, and follows no redirection.
pub struct Browser<'a> {
    engine: &'a Engine,
    root: String,
    http: Client,
    cookie: Option<String>,
}

/// An answer, read.
pub struct Page {
    pub status: u16,
    headers: BTreeMap<String, String>,
    pub html: String,
}

impl Page {
    async fn of(response: Response) -> Self {
        let headers = response.headers().iter();
        Self {
            status: response.status().as_u16(),
            headers: headers
                .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
                .collect(),
            html: response.text().await.unwrap(),
        }
    }

    /// The value of the hidden field that forms send back.
    pub fn csrf(&self) -> String {
        let (_, after) = self.html.split_once("name=\"csrf\" value=\"").unwrap();
        after.split('"').next().unwrap().to_owned()
    }

    /// Where it leads on to.
    pub fn location(&self) -> &str {
        &self.headers["location"]
    }

    /// A header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub fn has(&self, text: &str) -> bool {
        self.html.contains(text)
    }
}

impl<'a> Browser<'a> {
    pub fn new(engine: &'a Engine, prefix: &str) -> Self {
        Self {
            engine,
            root: format!("{prefix}/console/"),
            http: engine.http().clone(),
            cookie: None,
        }
    }

    async fn send(&mut self, request: RequestBuilder) -> Page {
        let request = match &self.cookie {
            Some(cookie) => request.header("cookie", cookie),
            None => request,
        };
        let page = Page::of(request.header("accept", "text/html").send().await.unwrap()).await;
        if let Some(set) = page.headers.get("set-cookie") {
            self.cookie = Some(set.split(';').next().unwrap().to_owned());
        }
        page
    }

    pub async fn get(&mut self, below: &str) -> Page {
        let url = self.engine.url(&format!("{}{below}", self.root));
        let request = self.http.get(url);
        self.send(request).await
    }

    pub async fn post(&mut self, below: &str, form: &[(&str, &str)]) -> Page {
        let url = self.engine.url(&format!("{}{below}", self.root));
        let request = filled(self.http.post(url), form);
        self.send(request).await
    }

    /// What a script gets for a form: the status, the media type and the body.
    pub async fn fetched(&self, below: &str, form: &[(&str, &str)]) -> (u16, String, Vec<u8>) {
        let url = self.engine.url(&format!("{}{below}", self.root));
        let cookie = self.cookie.clone().unwrap_or_default();
        let request = filled(self.http.post(url), form).header("cookie", cookie);
        let answer = request.send().await.unwrap();
        let media_type = answer.headers().get("content-type");
        let media_type = media_type.map(|media_type| media_type.to_str().unwrap().to_owned());
        let status = answer.status().as_u16();
        let body = answer.bytes().await.unwrap().to_vec();
        (status, media_type.unwrap_or_default(), body)
    }

    /// Sends a body of any type, as a form with a file has.
    pub async fn send_body(&mut self, below: &str, kind: &str, body: Vec<u8>) -> Page {
        let url = self.engine.url(&format!("{}{below}", self.root));
        let request = self.http.post(url).header("content-type", kind);
        self.send(request.body(body)).await
    }

    /// Logs in; returns the answer.
    pub async fn log_in(&mut self, token: &str, next: &str) -> Page {
        let csrf = self.get("login").await.csrf();
        let form = [("csrf", csrf.as_str()), ("token", token), ("next", next)];
        self.post("login", &form).await
    }
}

/// A request with a form.
fn filled(request: RequestBuilder, form: &[(&str, &str)]) -> RequestBuilder {
    let encoded = Url::parse_with_params("http://localhost", form).unwrap();
    request
        .header("content-type", "application/x-www-form-urlencoded")
        .body(encoded.query().unwrap_or_default().to_owned())
}

/// A page is loaded by a strict policy, and has nothing that the policy would keep back.
pub fn check(page: &Page, path: &str) {
    let policy = &page.headers["content-security-policy"];
    assert!(
        policy.starts_with("default-src 'none';"),
        "{path}: {policy}"
    );
    assert!(!policy.contains("unsafe"), "{path}: {policy}");
    for part in [
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ] {
        assert!(policy.contains(part), "{path}: {policy}");
    }
    assert_eq!(page.headers["cache-control"], "no-store", "{path}");
    assert_eq!(page.headers["x-content-type-options"], "nosniff", "{path}");
    for inline in ["<style", " style=", "javascript:", "http://", "https://"] {
        // the settings and the applets' URLs are text between tags
        let tags = page
            .html
            .split('<')
            .map(|part| part.split('>').next().unwrap());
        let inside: Vec<_> = tags
            .filter(|tag| format!("<{tag}").contains(inline))
            .collect();
        assert!(inside.is_empty(), "{path}: {inside:?}");
    }
    for script in page.html.split("<script").skip(1) {
        assert!(
            script.starts_with(" src=\"/") && script.contains("\" defer></script>"),
            "{path}: {script}"
        );
    }
    let handler = |tag: &str| {
        tag.split_whitespace()
            .any(|part| part.starts_with("on") && part.contains('='))
    };
    let tags = page
        .html
        .split('<')
        .map(|part| part.split('>').next().unwrap());
    assert!(!tags.clone().any(handler), "{path}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_has_the_apis_token_gets_in_and_every_page_is_strict() {
    let config = format!("{BY_KEYS}[server]\npath = '/bot'\n{TOKENS}");
    let engine = Setup::new(config).start();
    let mut browser = Browser::new(&engine, "/bot");
    for below in PAGES {
        let asked = browser.get(below).await;
        assert_eq!(asked.status, 303, "{below}");
        let login = format!("/bot/console/login?next=%2Fbot%2Fconsole%2F{below}");
        assert_eq!(asked.headers["location"], login);
    }
    // what scripts ask for is refused, and so is what another interface's token opens
    let url = engine.url("/bot/console/now");
    assert_eq!(browser.http.get(&url).send().await.unwrap().status(), 401);
    let login = browser.get("login").await;
    check(&login, "login");
    let cookie = &login.headers["set-cookie"];
    for part in ["; Path=/bot/console;", "; HttpOnly", "; SameSite=Strict"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    for wrong in [
        "",
        "api-0123456789-y",
        "stream-0123456789",
        "applet-0123456789",
    ] {
        let refused = browser.log_in(wrong, "").await;
        assert_eq!(refused.status, 401, "{wrong}");
        assert!(
            refused.has("This is no token that is accepted."),
            "{}",
            refused.html
        );
        assert_eq!(browser.get("calls").await.status, 303, "{wrong}");
    }
    // a form that another site sends has no cookie, or none of the form's
    let forged = [("csrf", "guessed"), ("token", API)];
    assert_eq!(browser.post("login", &forged).await.status, 403);
    for (next, to) in [
        ("https://elsewhere.example/", "/bot/console/"),
        ("//elsewhere.example", "/bot/console/"),
        ("/bot/api/calls", "/bot/console/"),
        ("/bot/console/calls?flow=a", "/bot/console/calls?flow=a"),
    ] {
        let mut other = Browser::new(&engine, "/bot");
        let answer = other.log_in(API, next).await;
        assert_eq!(
            (answer.status, answer.headers["location"].as_str()),
            (303, to)
        );
    }
    browser.log_in(API, "").await;
    for below in PAGES {
        let page = browser.get(below).await;
        assert_eq!(page.status, 200, "{below}: {}", page.html);
        check(&page, below);
        assert!(
            !page.has("href=\"/console") && !page.has("src=\"/console"),
            "{below}"
        );
    }
    let missing = browser.get("nothing/here").await;
    check(&missing, "nothing/here");
    assert_eq!(missing.status, 404);
    for name in [
        "console.css",
        "console.js",
        "telephone.js",
        "telephone-sound.js",
        "prompts.js",
        "icon.svg",
    ] {
        let file = browser.get(&format!("static/{name}")).await;
        assert_eq!(file.status, 200, "{name}");
    }
    // a changed cookie is nobody's
    let own = browser.cookie.clone().unwrap();
    browser.cookie = Some(own.replace("member.", "member.9"));
    assert_eq!(browser.get("calls").await.status, 303);
    browser.cookie = Some(own);
    let csrf = browser.get("calls").await.csrf();
    assert_eq!(browser.post("logout", &[("csrf", "no")]).await.status, 403);
    let out = browser.post("logout", &[("csrf", &csrf)]).await;
    assert_eq!(out.status, 303);
    assert!(
        out.headers["set-cookie"].contains("Max-Age=0"),
        "{:?}",
        out.headers
    );
    assert_eq!(browser.get("calls").await.status, 303);
    assert!(!engine.logs().contains(API));
}

/// A customer whose call is live, with its stream.
pub async fn live(engine: &Engine, sid: &str, phone: &str) -> (String, Stream) {
    let call = engine.customer(phone, Some("emi-reminder")).await;
    let mut stream = Stream::begin(engine, sid, phone).await;
    stream.say(&silence_of(sid)).await;
    stream.hear_voice().await;
    (call, stream)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_seen_while_it_is_live_and_found_afterwards() {
    let flows = reminder();
    let config = format!("{BY_KEYS}[recording]\nenabled = true\n");
    let engine = Setup::new(config).flows(flows.path()).start();
    let mut browser = Browser::new(&engine, "");
    let (call, stream) = live(&engine, "c-console-1", PHONE).await;
    let now = browser.get("").await;
    assert!(now.has(&format!("/console/calls/{call}\"")), "{}", now.html);
    assert!(
        now.has("xxxxxx3001") && !now.has(PHONE),
        "numbers are masked"
    );
    let whole = browser.get("?numbers=true").await;
    assert!(whole.has(PHONE), "{}", whole.html);
    // the same as it goes on: the part has the bot's words once they are spoken
    let followed = async |below: &str, words: &str| {
        let request = browser.http.get(engine.url(&format!("/console/{below}")));
        let mut parts = request.send().await.unwrap();
        assert_eq!(parts.headers()["content-type"], "text/event-stream");
        let (mut reported, given_up) = (String::new(), Instant::now() + PATIENCE);
        while !reported.contains(words) {
            assert!(Instant::now() < given_up, "{reported}");
            let part = tokio::time::timeout(PATIENCE, parts.chunk()).await;
            reported += &String::from_utf8_lossy(&part.unwrap().unwrap().unwrap());
        }
        assert!(
            reported.contains("event: part") && !reported.contains(PHONE),
            "{reported}"
        );
        reported
    };
    followed("now", "Am I speaking with Priya Sharma?").await;
    followed(
        &format!("calls/{call}/stream"),
        "Am I speaking with Priya Sharma?",
    )
    .await;
    // whoever does not read does not hold the call up
    let unread = browser.http.get(engine.url("/console/now"));
    let unread = unread.send().await.unwrap();
    stream.hang_up("c-console-1").await;
    engine.ended(&call).await;
    drop(unread);
    let ended = followed(&format!("calls/{call}/stream"), "event: ended").await;
    assert!(ended.contains("hung-up"), "{ended}");

    let is_recorded = |record: &Value| record["recordings"][0]["state"] == "complete";
    let record = engine.record_when(&call, PATIENCE, is_recorded).await;
    let row = format!("href=\"/console/calls/{call}\"");
    for q in [
        "9876593001",
        "098765-93001",
        "%2B91%2098765%2093001",
        "c-console-1",
    ] {
        let found = browser
            .get(&format!("calls?q={q}&flow=emi-reminder&outcome=hung-up"))
            .await;
        check(&found, q);
        assert!(found.has(&row), "{q}: {}", found.html);
        assert!(found.has("xxxxxx3001") && !found.has(PHONE), "{q}");
    }
    let by_id = browser.get(&format!("calls?q={call}")).await;
    assert_eq!(by_id.headers["location"], format!("/console/calls/{call}"));
    for (query, words) in [
        ("q=9876593002", "No call fits."),
        ("outcome=hungup", "is not the outcome of any call"),
        ("q=no%20such%20sid", "cannot be read"),
    ] {
        let page = browser.get(&format!("calls?{query}")).await;
        assert!(page.has(words) && !page.has(&row), "{query}: {}", page.html);
    }
    let page = browser.get(&format!("calls/{call}")).await;
    check(&page, "a call");
    for words in [
        "Am I speaking with Priya Sharma?",
        "hung-up",
        "stream-connected",
        "conversation-ended",
        "c-console-1",
    ] {
        assert!(page.has(words), "{words}: {}", page.html);
    }
    assert!(!page.has(PHONE), "{}", page.html);
    assert!(
        browser
            .get(&format!("calls/{call}?numbers=true"))
            .await
            .has(PHONE)
    );

    // the recording is the API's, and so is the record
    let heard = browser
        .get(&format!("calls/{call}/recording?number=1"))
        .await;
    let tag = format!(
        "\"{}\"",
        record["recordings"][0]["sha256"].as_str().unwrap()
    );
    assert_eq!((heard.status, &heard.headers["etag"]), (200, &tag));
    let drawn = browser
        .get(&format!("calls/{call}/waveform?number=1"))
        .await;
    assert_eq!((drawn.status, &drawn.headers["etag"]), (200, &tag));
    assert!(
        drawn.html.starts_with("<svg ") && drawn.has("class=\"bot\""),
        "{}",
        drawn.html
    );
    let export = browser.get(&format!("calls/{call}/record.json")).await;
    let exported: Value = serde_json::from_str(&export.html).unwrap();
    assert_eq!(Some(exported), engine.record(&call).await);
    let other = browser.get("calls/no-such-call").await;
    assert_eq!(other.status, 404);
    check(&other, "no such call");
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_say_is_text_and_problems_come_with_what_to_do() {
    let flows = reminder();
    let engine = Setup::new(BY_KEYS).flows(flows.path()).start();
    let mut browser = Browser::new(&engine, "");
    let attack = "<img src=x onerror=alert(1)>\"'&";
    let fields = json!({ "name": "Asha", "language": "en-IN", "loan": "LN-00478213", "amount": "12,500", "due-date": "2030-12-05" });
    let order = json!({ "phone": PHONE, "flow": "emi-reminder", "fields": fields });
    let call = engine.order(&order).await;
    let sid = "c-console-2";
    let mut stream = Stream::begin(&engine, sid, PHONE).await;
    stream.say(&silence_of(sid)).await;
    stream.hear_voice().await;
    // a message that is no JSON is a problem of the call
    stream.say(&json!({ "event": "media", "stream_sid": format!("stream-{sid}"), "media": { "payload": "<script>" } })).await;
    stream.hang_up(sid).await;
    engine.ended(&call).await;
    // what Exotel reports of the call is verbatim in its record
    let report = engine.http().post(engine.url("/status"));
    let report = filled(
        report,
        &[("CallSid", sid), ("Status", "completed"), (attack, "busy")],
    );
    assert!(report.send().await.unwrap().status().is_success());
    let reported = |record: &Value| record["exotel"].to_string().contains("onerror");
    let record = engine.record_when(&call, PATIENCE, reported).await;
    let page = browser.get(&format!("calls/{call}")).await;
    check(&page, "a hostile call");
    assert!(!page.has("<img") && !page.has("<script>"), "{}", page.html);
    assert!(
        page.has("&lt;img src=x onerror=alert(1)&gt;&quot;"),
        "{}",
        page.html
    );
    let problems = record["problems"].as_array().unwrap();
    assert!(!problems.is_empty(), "{record:#}");
    for problem in problems {
        let name = problem["name"].as_str().unwrap();
        assert!(page.has(&format!("<h3>{name} ")), "{name}: {}", page.html);
    }
    let search = browser
        .get("calls?q=%3Cscript%3Ealert(1)%3C/script%3E&outcome=%22%3E%3Cb%3E")
        .await;
    check(&search, "a hostile search");
    assert!(
        search.has("&lt;script&gt;alert(1)") && !search.has("<script>a"),
        "{}",
        search.html
    );
    assert!(
        search.has("value=\"&quot;&gt;&lt;b&gt;\""),
        "{}",
        search.html
    );
    let login = browser.get("calls/%3Cscript%3E").await;
    check(&login, "a hostile id");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_browsers_telephone_holds_a_call_as_exotel_does() {
    let flows = reminder();
    let config = format!("{BY_KEYS}[server]\n{TOKENS}");
    let engine = Setup::new(config).flows(flows.path()).start();
    let mut browser = Browser::new(&engine, "");
    browser.log_in(API, "").await;
    let page = browser.get("telephone?flow=emi-reminder").await;
    let csrf = page.csrf();
    let mut form = vec![
        ("phone", PHONE),
        ("flow", "emi-reminder"),
        ("fields.name", "Priya Sharma"),
        ("fields.language", "en-IN"),
        ("fields.loan", "LN-00478213"),
        ("fields.amount", "12,500"),
        ("fields.due-date", "2030-12-05"),
    ];
    assert_eq!(browser.post("telephone/calls", &form).await.status, 403);
    form.push(("csrf", &csrf));
    let asked = browser.post("telephone/calls", &form).await;
    assert_eq!(asked.status, 200, "{}", asked.html);
    let asked: Value = serde_json::from_str(&asked.html).unwrap();
    let (path, sid) = (
        asked["stream"].as_str().unwrap(),
        asked["start"]["call_sid"].as_str().unwrap(),
    );
    let cookie = browser.cookie.clone().unwrap();
    let stripped = path.split('?').next().unwrap();
    for (path, headers) in [
        (stripped, vec![("cookie", cookie.clone())]),
        (path, vec![]),
        (
            "/ws/voicebot/browser-other",
            vec![("cookie", cookie.clone())],
        ),
    ] {
        let opened = Stream::open_with(&engine, path, &headers).await;
        assert!(matches!(opened.map(|_| ()), Err(401 | 403)), "{path}");
    }
    let mut stream = Stream::open_with(&engine, path, &[("cookie", cookie)])
        .await
        .unwrap();
    stream.say(&json!({ "event": "connected" })).await;
    let of_stream = |event: &str, mut message: Value| {
        message["event"] = json!(event);
        message["stream_sid"] = asked["start"]["stream_sid"].clone();
        message
    };
    stream
        .say(&of_stream("start", json!({ "start": asked["start"] })))
        .await;
    let silence = json!({ "media": { "payload": "A".repeat(2_560) } });
    stream.say(&of_stream("media", silence)).await;
    stream.hear_voice().await;
    let call = asked["call_id"].as_str().unwrap();
    let stop = json!({ "stop": { "call_sid": sid, "reason": "callended" } });
    stream.say(&of_stream("stop", stop)).await;
    drop(stream);
    let given_up = Instant::now() + PATIENCE;
    let record = loop {
        let shown = engine.http().get(engine.url(&format!("/api/calls/{call}")));
        let shown: Value = shown
            .bearer_auth(API)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        if shown["state"] == "ended" {
            break shown;
        }
        assert!(Instant::now() < given_up, "{shown:#}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(record["call_sid"], sid, "{record:#}");
    let steps = record["steps"].to_string();
    for step in [
        "passthru-received",
        "stream-connected",
        "customer-loaded",
        "greeting",
    ] {
        assert!(steps.contains(step), "{step}: {record:#}");
    }
    let said = (&record["problems"], &record["findings"]);
    assert_eq!(said, (&json!([]), &json!([])), "{record:#}");
    // no lamp of Exotel's applets is lit by it
    let setup = browser.get("setup").await;
    assert!(
        setup.has("never asked") && !setup.has(">asked "),
        "{}",
        setup.html
    );
}
