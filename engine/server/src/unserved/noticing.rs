//! Observes requests of Exotel's for the doctor: which applet sends them, to which host and scheme,
//! with which placeholders, and how Exotel's clock differs from ours.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode};
use ghanti_exotel::Parameters;
use ghanti_exotel::applet::PassthruRequest;
use ghanti_model::{CallSid, Direction, unix_ms};
use ghanti_session::find::named_orders;
use time::PrimitiveDateTime;
use time::macros::{format_description, offset};

use crate::app::App;
use crate::cause::Cause;
use crate::doctor::{Applet, Sign, is_placeholder};

use super::asked::{STREAM, of_session};

/// A request that is being answered.
pub(super) struct Noticed {
    applet: Applet,
    sid: Option<CallSid>,
    signs: Vec<(Sign, String)>,
    /// The stream's URL that Exotel reports after the bot.
    stream_url: Option<String>,
    /// Exotel's time, in milliseconds since 1970.
    exotel_ms: Option<u64>,
    /// Whether each call makes this request once.
    is_once: bool,
}

impl Noticed {
    /// Observes a request on arrival; `None` if no applet makes it.
    pub(super) fn arriving(app: &App, request: &Request) -> Option<Self> {
        let uri = request.uri();
        let own = uri.path().strip_prefix(app.config.server.path.as_str())?;
        let noticed = if own.starts_with("/ws/voicebot/") {
            Self::of_stream(own)
        } else {
            Self::of_applet(own, request.method(), uri.query().unwrap_or_default())?
        };
        let noticed = noticed.with_address(app, request.headers());
        let observations = &app.observations;
        observations.arrived(noticed.applet, noticed.sid.as_ref(), unix_ms());
        Some(noticed)
    }

    fn of_stream(own: &str) -> Self {
        debug_assert!(own.starts_with(STREAM), "a stream's path");
        let session = own.rsplit('/').next().unwrap_or_default();
        let placeholder =
            is_placeholder(session).then(|| (Sign::Placeholder(Applet::Stream), decoded(session)));
        Self {
            applet: Applet::Stream,
            sid: of_session(session).0,
            signs: placeholder.into_iter().collect(),
            stream_url: None,
            exotel_ms: None,
            is_once: false,
        }
    }

    fn of_applet(own: &str, method: &Method, query: &str) -> Option<Self> {
        let request = PassthruRequest::parse(query);
        let applet = match own {
            "/passthru" => Applet::Passthru,
            "/voicebot-url" => Applet::VoicebotUrl,
            "/passthru/after" if request.dial_whom_number.is_some() => Applet::AfterConnect,
            "/passthru/after" => Applet::PassthruAfter,
            "/connect" => Applet::Connect,
            "/connect/event" => Applet::ConnectEvent,
            "/status" if method == Method::POST => Applet::Status,
            _ => return None,
        };
        let mut signs: Vec<_> = form_urlencoded::parse(query.as_bytes())
            .filter(|(_, value)| is_placeholder(value))
            .map(|(name, value)| (Sign::Placeholder(applet), format!("{name}={value}")))
            .take(1)
            .collect();
        if applet == Applet::Passthru && request.direction == Some(Direction::Outbound) {
            signs.extend(of_custom_field(&request).map(|sign| (sign, String::new())));
        }
        Some(Self {
            applet,
            exotel_ms: request.current_time.as_deref().and_then(indian_time_ms),
            sid: request.call_sid,
            signs,
            stream_url: Parameters::from_query(query)
                .get("Stream[StreamUrl]")
                .map(str::to_owned),
            is_once: matches!(
                applet,
                Applet::Passthru | Applet::PassthruAfter | Applet::AfterConnect
            ),
        })
    }

    /// Compares the host and the scheme with those of `public-url`.
    fn with_address(mut self, app: &App, headers: &HeaderMap) -> Self {
        let Some(public) = app.config.server.public_url.as_deref() else {
            return self;
        };
        let header = |name: &str| {
            let value = headers.get(name)?.to_str().ok()?;
            value.split(',').next().map(str::trim)
        };
        let asked = header("x-forwarded-host").or_else(|| header("host"));
        let of_stream = self.stream_url.as_deref();
        let hosts = [asked.map(host_of), of_stream.and_then(host_of_url)];
        for asked in hosts.into_iter().flatten() {
            if is_public_name(&asked) && host_of_url(public).is_some_and(|own| own != asked) {
                self.signs.push((Sign::OtherHost, asked));
            }
        }
        if public.starts_with("https://") {
            if matches!(header("x-forwarded-proto"), Some("http" | "ws")) {
                let seen = "X-Forwarded-Proto".to_owned();
                self.signs.push((Sign::Unencrypted(self.applet), seen));
            }
            if of_stream.is_some_and(|url| url.starts_with("ws://")) {
                let seen = "Stream[StreamUrl]".to_owned();
                self.signs.push((Sign::Unencrypted(Applet::Stream), seen));
            }
        }
        self
    }

    /// The request was answered.
    pub(super) fn answered(self, app: &App, cause: Option<Cause>, status: StatusCode) {
        let (observations, now_ms) = (&app.observations, unix_ms());
        let was_served = !(status.is_client_error() || status.is_server_error());
        observations.answered(self.applet, self.sid.as_ref(), was_served, now_ms);
        // a request without a valid token may not come from Exotel
        if cause == Some(Cause::Token) {
            return;
        }
        for (sign, example) in &self.signs {
            observations.sign(*sign, now_ms, example);
        }
        if let Some(exotel_ms) = self.exotel_ms.filter(|_| was_served) {
            observations.clock(exotel_ms, now_ms);
        }
        if let Some(sid) = self.sid.filter(|_| was_served && self.is_once) {
            observations.once(self.applet, &sid, "", now_ms);
        }
    }
}

fn of_custom_field(request: &PassthruRequest) -> Option<Sign> {
    match &request.custom_field {
        None => Some(Sign::NoCustomField),
        Some(field) if named_orders([("CustomField", field.expose())]).is_empty() => {
            Some(Sign::ForeignCustomField)
        }
        Some(_) => None,
    }
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text)
        .decode_utf8_lossy()
        .into_owned()
}

/// A host without its port, in lower case.
fn host_of(authority: &str) -> String {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    host.trim_end_matches('.').to_ascii_lowercase()
}

fn host_of_url(url: &str) -> Option<String> {
    let rest = url.split_once("://")?.1;
    let authority = rest.split(['/', '?', '#']).next()?;
    // a token may precede the host
    authority.rsplit('@').next().map(host_of)
}

/// Whether a host is a public DNS name: a proxy in front may use an address or a name of its own
/// network.
fn is_public_name(host: &str) -> bool {
    let is_of_network = [".local", ".internal", ".lan", ".localhost", ".svc"]
        .iter()
        .any(|end| host.ends_with(end));
    host.contains('.') && !is_of_network && host.parse::<IpAddr>().is_err()
}

/// A time as Exotel writes it, `2026-11-27 12:31:59` in Indian time, in milliseconds since 1970.
fn indian_time_ms(text: &str) -> Option<u64> {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
    let time = PrimitiveDateTime::parse(text, format).ok()?;
    let seconds = time.assume_offset(offset!(+5:30)).unix_timestamp();
    u64::try_from(seconds).ok()?.checked_mul(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applet(path: &str, query: &str) -> Option<Applet> {
        Noticed::of_applet(path, &Method::GET, query).map(|noticed| noticed.applet)
    }

    #[test]
    fn an_applet_is_known_by_its_path_and_the_earlier_applets() {
        assert_eq!(
            applet("/passthru/after", "CallSid=a"),
            Some(Applet::PassthruAfter)
        );
        let behind = "CallSid=a&DialWhomNumber=%2B918045111222&DialCallStatus=busy";
        assert_eq!(
            applet("/passthru/after", behind),
            Some(Applet::AfterConnect)
        );
        let before = "CallSid=a&DialWhomNumber=&DialCallStatus=null";
        assert_eq!(
            applet("/passthru/after", before),
            Some(Applet::PassthruAfter)
        );
        assert_eq!(applet("/status", ""), None, "it is posted");
        assert_eq!(applet("/api/calls", ""), None);
    }

    #[test]
    fn an_outbound_call_without_an_orders_id_is_a_sign() {
        let signs = |query: &str| {
            let noticed = Noticed::of_applet("/passthru", &Method::GET, query).unwrap();
            noticed
                .signs
                .into_iter()
                .map(|(sign, _)| sign)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            signs("CallSid=a&Direction=outbound-dial"),
            [Sign::NoCustomField]
        );
        let foreign = "CallSid=a&Direction=outbound-dial&CustomField=crm-77";
        assert_eq!(signs(foreign), [Sign::ForeignCustomField]);
        let own =
            "CallSid=a&Direction=outbound-dial&CustomField=0190a1b2-0000-7000-8000-000000000001";
        assert_eq!(signs(own), []);
        assert_eq!(signs("CallSid=a&Direction=incoming"), []);
        assert_eq!(
            signs("CallSid=%7BCallSid%7D&Direction=incoming"),
            [Sign::Placeholder(Applet::Passthru)]
        );
    }

    #[test]
    fn hosts_are_compared_without_port_and_private_names_are_ignored() {
        assert_eq!(
            host_of_url("https://Bot.example.com:8443/x").unwrap(),
            "bot.example.com"
        );
        assert_eq!(host_of("bot.example.com:80"), "bot.example.com");
        assert_eq!(
            host_of_url("wss://me:secret@bot.example.com/ws").unwrap(),
            "bot.example.com"
        );
        for (host, is_public) in [
            ("old-tunnel.example.net", true),
            ("127.0.0.1", false),
            ("ghanti", false),
            ("ghanti.default.svc", false),
            ("laptop.local", false),
        ] {
            assert_eq!(is_public_name(host), is_public, "{host}");
        }
    }

    #[test]
    fn exotels_times_are_in_indian_time() {
        assert_eq!(indian_time_ms("1970-01-01 05:30:01"), Some(1_000));
        assert_eq!(indian_time_ms("yesterday"), None);
    }
}
