//! `GET /voicebot-url` (the Voicebot applet's dynamic URL) and `GET /websocket-url` (the URLs and
//! settings to paste into Exotel's applets).

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use ghanti_exotel::applet::{DynamicUrl, PassthruRequest};
use serde_json::{Value, json};

use crate::access::{Api, Applet};
use crate::app::App;
use crate::applet_error::AppletError;
use crate::base::Base;
use crate::config::After;
use crate::refusal::{EntryPoint, NO_SID, admit, refused};
use crate::routes::passthru::share;
use crate::secret::Secret;

/// Instructions for the branches of the Passthru before the bot.
pub const FIRST_BRANCH: &str = "200: lead it to Voicebot; 302: the engine is full or stopping, lead it to Connect (which dials `agents` of \
    `[calls]` then), to a message and Hangup, or to the Voicebot of another engine";

/// Instructions for the applets after Connect; they make Exotel report whether an agent answered.
pub const AFTER_CONNECT: &str = "lead all branches to a Passthru with the URL of the one after the bot, then to Hangup: it reports whether an agent \
    answered";

/// Answers `{"url": …}` for the call of the request. A call without a CallSid also gets a URL,
/// since `start` decides which call it is.
///
/// # Errors
///
/// 503 if the call cannot be admitted: the Exotel flow then continues with its next applet, without
/// trying to connect. 403 if the URL would contain the stream token and no applet token protects
/// this answer.
pub async fn voicebot_url(
    _: Applet,
    State(app): State<App>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Json<DynamicUrl>, AppletError> {
    let server = &app.config.server;
    if server.stream_token.is_some() && server.applet_token.is_none() {
        return Err(AppletError::new(
            StatusCode::FORBIDDEN,
            "the stream's URL contains a token, and no token protects this answer",
            "set `applet-token` of `[server]`, or give the Voicebot applet the stream's fixed URL",
        ));
    }
    let request = PassthruRequest::parse(query.as_deref().unwrap_or_default());
    if let Err(refusal) = admit(&app, &request).await {
        refused(&app, EntryPoint::VoicebotUrl, refusal, request);
        return Err(refusal.into());
    }
    share(&app, &request);
    let session = request.call_sid.as_ref().map_or(NO_SID, |sid| sid.as_str());
    Ok(Json(DynamicUrl {
        url: Base::new(&app.config, &headers).stream(&app.config, session, Secret::in_url),
    }))
}

/// Answers what to paste into each applet, and the applets' settings. The answer contains tokens,
/// so it requires the API token; if none is configured, a placeholder stands for each token.
pub async fn websocket_url(_: Api, State(app): State<App>, headers: HeaderMap) -> Json<Value> {
    let base = Base::new(&app.config, &headers);
    let is_guarded = app.config.server.api_token.is_some();
    let shown = |token: &Secret| {
        if is_guarded {
            token.in_url()
        } else {
            "TOKEN".to_owned()
        }
    };
    let applet = |path: &str| base.applet(&app.config, path, shown);
    Json(json!({
        "applets": [
            { "applet": "Passthru", "url": applet("/passthru"), "async": false, "then": FIRST_BRANCH },
            {
                "applet": "Voicebot",
                "url": applet("/voicebot-url"),
                "url-fixed": base.stream(&app.config, NO_SID, shown),
                "sample-rate-hz": app.config.calls.sample_rate_hz,
                "encoding": "PCM, 16 bits, little-endian, mono, base64",
                "custom-parameters": "at most 3, of 256 characters in all",
                "note": "take `url`; `url-fixed` is for accounts that cannot use a dynamic one"
            },
            { "applet": "Passthru", "url": applet("/passthru/after"), "async": false, "then": second_branch(app.config.calls.after) },
            { "applet": "Connect", "url": applet("/connect"), "dial-whom": "dynamic URL", "then": AFTER_CONNECT },
        ],
        "status-callback": applet("/status"),
        "warnings": warnings(&app, &base),
    }))
}

/// Instructions for the branches of the Passthru after the bot.
pub fn second_branch(after: After) -> &'static str {
    match after {
        After::Status => "302: a transfer was decided, lead it to Connect; 200: lead it to Hangup",
        After::Select => {
            "follow it with SwitchCase: `transfer` leads to Connect, `hang-up` to Hangup"
        }
    }
}

fn warnings(app: &App, base: &Base) -> Vec<&'static str> {
    let server = &app.config.server;
    let has_hidden = server.api_token.is_none()
        && (server.stream_token.is_some() || server.applet_token.is_some());
    let each = [
        (
            !base.ws.starts_with("wss://"),
            "Exotel connects to wss:// with a valid certificate only: set `public-url` of `[server]` to the https:// address in front of this engine",
        ),
        (
            has_hidden,
            "TOKEN stands for the tokens of `[server]`, which are not shown as no `api-token` guards this answer: set one",
        ),
    ];
    each.into_iter()
        .filter(|(is_so, _)| *is_so)
        .map(|(_, warning)| warning)
        .collect()
}
