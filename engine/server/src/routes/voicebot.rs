//! `GET /voicebot-url` (the Voicebot applet's dynamic URL) and `GET /websocket-url` (what to paste into Exotel's applets).

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::http::header::HOST;
use samvaad_exotel::applet::{DynamicUrl, PassthruRequest};
use serde_json::{Value, json};

use crate::access::{Api, Applet};
use crate::app::App;
use crate::problem::Problem;
use crate::refusal::{ANYONE, Door, admit, refused};

/// How the branches of the Passthru before the bot are laid.
const FIRST_BRANCH: &str = "200: lead it to Voicebot; 302: the engine is full or stopping, lead it to Connect (which dials `agents` of \
    `[calls]` then), to a message and Hangup, or to the Voicebot of another engine";

/// What makes the record say whether an agent answered.
const BEHIND_CONNECT: &str = "lead all branches to a Passthru with the URL of the one after the bot, then to Hangup: it reports whether an agent \
    answered";

/// Where Exotel finds this engine.
pub struct Base {
    http: String,
    ws: String,
}

impl Base {
    /// As the configuration says, else as this request came.
    pub fn new(app: &App, headers: &HeaderMap) -> Self {
        let server = &app.config.server;
        let http = match &server.public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => {
                let host = headers.get(HOST).and_then(|host| host.to_str().ok());
                format!("http://{}", host.map_or_else(|| server.listen.to_string(), str::to_owned))
            }
        };
        // `http…` becomes `ws…`, `https…` becomes `wss…`.
        let ws = format!("ws{}", http.strip_prefix("http").unwrap_or(&http));
        Self { http: format!("{http}{}", server.path), ws: format!("{ws}{}", server.path) }
    }

    fn stream(&self, app: &App, session: &str) -> String {
        let token = app.config.server.stream_token.as_ref().map_or_else(String::new, |token| format!("{}/", token.expose()));
        format!("{}/ws/voicebot/{token}{session}?sample-rate={}", self.ws, app.config.calls.sample_rate_hz)
    }

    /// The URL of an applet, with the applets' token.
    pub fn applet(&self, app: &App, path: &str) -> String {
        let token = app.config.server.applet_token.as_ref().map_or_else(String::new, |token| format!("?token={}", token.expose()));
        format!("{}{path}{token}", self.http)
    }
}

/// `{"url": …}` for the call that asks. A call without a CallSid gets a URL all the same: `start` decides. 503 where the engine takes no further
/// calls: the Exotel flow then goes on with its next applet, without trying to connect.
pub async fn voicebot_url(
    _: Applet,
    State(app): State<App>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Json<DynamicUrl>, Problem> {
    let request = PassthruRequest::parse(query.as_deref().unwrap_or_default());
    if let Err(refusal) = admit(&app, request.call_sid.as_ref()) {
        refused(&app, Door::VoicebotUrl, refusal, request);
        return Err(refusal.into());
    }
    let session = request.call_sid.as_ref().map_or(ANYONE, |sid| sid.as_str());
    Ok(Json(DynamicUrl { url: Base::new(&app, &headers).stream(&app, session) }))
}

/// What to paste where, with the applets' settings. Holds the tokens, so it is the API's.
pub async fn websocket_url(_: Api, State(app): State<App>, headers: HeaderMap) -> Json<Value> {
    let base = Base::new(&app, &headers);
    let second_branch = match app.config.calls.after {
        crate::config::After::Status => "302: a transfer was decided, lead it to Connect; 200: lead it to Hangup",
        crate::config::After::Select => "follow it with SwitchCase: `transfer` leads to Connect, `hang-up` to Hangup",
    };
    Json(json!({
        "applets": [
            { "applet": "Passthru", "url": base.applet(&app, "/passthru"), "async": false, "then": FIRST_BRANCH },
            {
                "applet": "Voicebot",
                "url": base.applet(&app, "/voicebot-url"),
                "url-fixed": base.stream(&app, "{CallSid}"),
                "sample-rate-hz": app.config.calls.sample_rate_hz,
                "encoding": "PCM, 16 bits, little-endian, mono, base64",
                "custom-parameters": "at most 3, of 256 characters in all",
                "note": "take `url`; `url-fixed` is for accounts that cannot use a dynamic one"
            },
            { "applet": "Passthru", "url": base.applet(&app, "/passthru/after"), "async": false, "then": second_branch },
            { "applet": "Connect", "url": base.applet(&app, "/connect"), "dial-whom": "dynamic URL", "then": BEHIND_CONNECT },
        ],
        "status-callback": base.applet(&app, "/status"),
        "warnings": if base.ws.starts_with("wss://") {
            json!([])
        } else {
            json!(["Exotel connects to wss:// with a valid certificate only: set `public-url` of `[server]` to the https:// address in front of this engine"])
        },
    }))
}
