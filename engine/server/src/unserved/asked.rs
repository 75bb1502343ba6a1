//! The path, call and problem of an unserved request, as they appear in the log and in the call's
//! record.

use ghanti_exotel::applet::PassthruRequest;
use ghanti_model::{CallId, CallSid};

use crate::cause::Cause;
use crate::refusal::NO_SID;

/// The path of media streams.
pub(super) const STREAM: &str = "/ws/voicebot";
/// The path of the console, which people use.
pub(super) const CONSOLE: &str = "/console";
/// The paths that the engine serves, as labels in metrics.
const PATHS: [&str; 11] = [
    "/passthru",
    "/passthru/after",
    "/voicebot-url",
    "/websocket-url",
    "/setup",
    "/connect",
    "/connect/event",
    "/status",
    "/healthz",
    "/readyz",
    "/metrics",
];
/// The label for all other paths.
const OTHER: &str = "other";

/// The CallSid or our own id in a stream's path. Neither for a call that sent no CallSid, or for an
/// unexpanded placeholder.
pub(super) fn of_session(session: &str) -> (Option<CallSid>, Option<CallId>) {
    match CallId::parse(session) {
        Some(call) => (None, Some(call)),
        None if session == NO_SID => (None, None),
        None => (CallSid::parse(session).ok(), None),
    }
}

/// An unserved request.
pub(super) struct Asked {
    pub(super) place: &'static str,
    /// The beginning of the path only: a token may follow it.
    pub(super) shown: String,
    pub(super) sid: Option<CallSid>,
    pub(super) call: Option<CallId>,
}

impl Asked {
    pub(super) fn read(prefix: &str, path: &str, query: &str) -> Self {
        let own = path.strip_prefix(prefix).unwrap_or(path);
        let mut shown: String = path
            .split('/')
            .take(3)
            .collect::<Vec<_>>()
            .join("/")
            .chars()
            .take(64)
            .collect();
        if path.matches('/').count() > 2 {
            shown.push_str("/…");
        }
        if own.starts_with("/ws/") {
            let place = if own.starts_with("/ws/voicebot/") {
                STREAM
            } else {
                OTHER
            };
            let (sid, call) = of_session(own.rsplit('/').next().unwrap_or_default());
            return Self {
                place,
                shown,
                sid,
                call,
            };
        }
        let place = match PATHS.iter().find(|place| **place == own) {
            Some(place) => *place,
            None if own.starts_with("/api/") => "/api",
            None if own == CONSOLE || own.starts_with("/console/") => CONSOLE,
            None => OTHER,
        };
        let request = PassthruRequest::parse(query);
        let call = request
            .custom_field
            .as_ref()
            .and_then(|field| CallId::parse(field.expose()));
        Self {
            place,
            shown,
            sid: request.call_sid,
            call,
        }
    }

    /// The problem's name in a call's record, and how to fix it.
    pub(super) fn hint(&self, cause: Cause) -> (&'static str, &'static str) {
        match cause {
            Cause::Token if self.place == STREAM => (
                "stream-refused",
                "the token is missing or wrong; put the URL of /voicebot-url into the Voicebot applet, or `wss://user:TOKEN@…` with \
                 `stream-token` of `[server]`",
            ),
            Cause::Token if self.place == CONSOLE => (
                "applet-refused",
                "the token is missing or wrong; log in with `api-token` of `[server]`",
            ),
            Cause::Token
                if self.place == "/api"
                    || self.place == "/metrics"
                    || self.place == "/websocket-url"
                    || self.place == "/setup" =>
            {
                (
                    "applet-refused",
                    "the token is missing or wrong; send `Authorization: Bearer …` with `api-token` of `[server]`",
                )
            }
            Cause::Token => (
                "applet-refused",
                "the token is missing or wrong; add `?token=…` with `applet-token` of `[server]` to the URL in the applet, as GET /websocket-url \
                 tells it",
            ),
            Cause::Path => (
                "wrong-path",
                "there is no such path; GET /websocket-url shows what to paste into Exotel's applets",
            ),
            Cause::Method => (
                "wrong-method",
                "the path needs another method; Exotel's applets use GET, its status callback POST",
            ),
            Cause::Upgrade => (
                "no-upgrade",
                "the request had no WebSocket upgrade; let the proxy in front pass it on (nginx: `proxy_http_version 1.1; proxy_set_header \
                 Upgrade $http_upgrade; proxy_set_header Connection \"upgrade\";`)",
            ),
            Cause::Body => (
                "unreadable-callback",
                "its body could not be read; let Exotel send it as a form, multipart or JSON",
            ),
            Cause::Site => (
                "another-site",
                "the request came from a web page of another site, or named another host; set the three tokens of `[server]`, or `public-url` or `hosts`",
            ),
        }
    }
}

impl Cause {
    /// The name in metrics and logs.
    pub(super) fn name(self) -> &'static str {
        match self {
            Cause::Token => "token",
            Cause::Path => "path",
            Cause::Method => "method",
            Cause::Upgrade => "no-upgrade",
            Cause::Body => "body",
            Cause::Site => "another-site",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_known_by_its_path_and_call_and_no_token_is_shown() {
        let order = "0190a1b2-0000-7000-8000-000000000001";
        let (by_order, stream_of_order) = (
            format!("CustomField={order}"),
            format!("/bot/ws/voicebot/{order}"),
        );
        for (path, query, place, shown, sid, call) in [
            (
                "/bot/connect",
                "CallSid=c1&token=secret",
                "/connect",
                "/bot/connect",
                Some("c1"),
                None,
            ),
            (
                "/bot/passthru/after",
                "CallSid=c1",
                "/passthru/after",
                "/bot/passthru/…",
                Some("c1"),
                None,
            ),
            ("/conect", "CallSid=c1", OTHER, "/conect", Some("c1"), None),
            (
                "/bot/passthru",
                by_order.as_str(),
                "/passthru",
                "/bot/passthru",
                None,
                Some(order),
            ),
            (
                "/bot/ws/voicebot/secret/c2",
                "",
                STREAM,
                "/bot/ws/…",
                Some("c2"),
                None,
            ),
            (
                "/ws/voicebt/secret/c2",
                "",
                OTHER,
                "/ws/voicebt/…",
                Some("c2"),
                None,
            ),
            ("/bot/ws/voicebot/call", "", STREAM, "/bot/ws/…", None, None),
            (
                "/bot/ws/voicebot/%7BCallSid%7D",
                "",
                STREAM,
                "/bot/ws/…",
                None,
                None,
            ),
            (
                stream_of_order.as_str(),
                "",
                STREAM,
                "/bot/ws/…",
                None,
                Some(order),
            ),
            (
                "/bot/api/calls/9876543210",
                "",
                "/api",
                "/bot/api/…",
                None,
                None,
            ),
        ] {
            let asked = Asked::read("/bot", path, query);
            assert_eq!(
                (asked.place, asked.shown.as_str()),
                (place, shown),
                "{path}"
            );
            assert_eq!(
                (asked.sid.as_ref().map(CallSid::as_str), asked.call),
                (sid, call.and_then(CallId::parse)),
                "{path}"
            );
        }
    }
}
