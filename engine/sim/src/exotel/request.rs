//! The request for a call, `POST /v1/Accounts/<sid>/Calls/connect`, and the requests that Exotel refuses.
//!
//! Pure. Source: developer.exotel.com/api/make-a-call-api, and for streams
//! developer.exotel.com/docs/agentstream/connect-voice-ai. Where the status of a refusal is not
//! documented, it is 400.

use std::collections::BTreeMap;
use std::time::Duration;

use ghanti_exotel::Parameters;
use ghanti_model::{Masked, PhoneNumber};
use reqwest::Url;

use super::reply::Refusal;
use super::setup::{Account, Address};

/// The parameters that Exotel knows and this server reads or records.
const KNOWN: [&str; 19] = [
    "From",
    "To",
    "CallerId",
    "Url",
    "StreamUrl",
    "StreamType",
    "StreamName",
    "CallType",
    "TimeLimit",
    "TimeOut",
    "Record",
    "RecordingChannels",
    "RecordingFormat",
    "CustomField",
    "StatusCallback",
    "StatusCallbackContentType",
    "WaitUrl",
    "StreamBegin",
    "StatusCallbackEvents",
];

/// The longest `CustomField`, in characters.
const CUSTOM_FIELD_MAX: usize = 128;
/// The longest `StreamUrl` with its query, in characters.
const STREAM_URL_MAX: usize = 600;
/// The longest `StreamName`, in characters.
const STREAM_NAME_MAX: usize = 32;
/// The longest call, in seconds.
const TIME_LIMIT_MAX_S: u32 = 14_400;

/// An acceptable request.
#[derive(Debug, Clone)]
pub struct ConnectRequest {
    /// `From`: the number to call.
    pub customer: PhoneNumber,
    /// `CallerId`: the ExoPhone.
    pub caller_id: PhoneNumber,
    /// What is connected to the customer.
    pub target: Target,
    /// `TimeOut`: the maximum ringing time.
    pub rings_at_most: Option<Duration>,
    /// `TimeLimit`: the maximum duration of the call.
    pub lasts_at_most: Duration,
    /// `CustomField`.
    pub custom_field: Option<Masked>,
    /// Where the status callback goes, if anywhere.
    pub callback: Option<Callback>,
}

/// What is connected to the customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The flow with this app id.
    Flow(String),
    /// A bot, without a flow.
    Stream(Address),
}

/// The requested status callback.
#[derive(Debug, Clone)]
pub struct Callback {
    /// `StatusCallback`.
    pub url: Address,
    /// `StatusCallbackContentType`.
    pub format: CallbackFormat,
    /// Whether the events have `answered`.
    pub answered: bool,
    /// Whether the events have `terminal`.
    pub terminal: bool,
}

/// How a status callback is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallbackFormat {
    /// `multipart/form-data`, Exotel's default.
    Multipart,
    /// `application/json`.
    Json,
}

impl Callback {
    /// Whether any event was asked for, which gives all fields and not only the basic four.
    pub fn has_events(&self) -> bool {
        self.answered || self.terminal
    }
}

/// The known parameters of a request as sent, for the log of calls.
pub fn sent(parameters: &Parameters) -> BTreeMap<String, String> {
    let mut sent: BTreeMap<_, _> = KNOWN
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), parameters.get(name)?.to_owned())))
        .collect();
    let events: Vec<&str> = parameters.list("StatusCallbackEvents").collect();
    if !events.is_empty() {
        sent.insert("StatusCallbackEvents".to_owned(), events.join(","));
    }
    sent
}

impl ConnectRequest {
    /// Reads a request to this account.
    ///
    /// # Errors
    /// Exotel's refusal.
    pub fn read(parameters: &Parameters, account: &Account) -> Result<Self, Refusal> {
        let missing = |name| Refusal::bad_parameter(format!("`{name}` is missing"));
        let wrong = |name| Refusal::bad_parameter(format!("`{name}` is not valid"));
        let number = |name| {
            let text = parameters.get(name).ok_or_else(|| missing(name))?;
            PhoneNumber::parse(text).map_err(|_| wrong(name))
        };
        let seconds = |name, most: u32| match parameters.get(name) {
            None => Ok(None),
            Some(text) => match text.parse::<u32>() {
                Ok(seconds) if (1..=most).contains(&seconds) => Ok(Some(seconds)),
                _ => Err(wrong(name)),
            },
        };
        let customer = number("From")?;
        let caller_id = number("CallerId")?;
        if !account.numbers.contains(&caller_id) {
            return Err(Refusal::unknown_caller_id());
        }
        let custom_field = parameters.get("CustomField");
        if custom_field.is_some_and(|field| field.chars().count() > CUSTOM_FIELD_MAX) {
            return Err(wrong("CustomField"));
        }
        let time_limit_s = seconds("TimeLimit", TIME_LIMIT_MAX_S)?.unwrap_or(TIME_LIMIT_MAX_S);
        Ok(Self {
            target: target(parameters, account)?,
            rings_at_most: seconds("TimeOut", TIME_LIMIT_MAX_S)?
                .map(|s| Duration::from_secs(s.into())),
            lasts_at_most: Duration::from_secs(time_limit_s.into()),
            custom_field: custom_field.map(Masked::from),
            callback: callback(parameters)?,
            customer,
            caller_id,
        })
    }
}

fn target(parameters: &Parameters, account: &Account) -> Result<Target, Refusal> {
    let bad = |problem: &str| Err(Refusal::bad_parameter(problem.to_owned()));
    match (
        parameters.get("Url"),
        parameters.get("StreamUrl"),
        parameters.get("To"),
    ) {
        (Some(_), _, Some(_)) => bad("`Url` and `To` together"),
        (Some(_), Some(_), None) => bad("`Url` and `StreamUrl` together"),
        (Some(url), None, None) => app_id(url, account).map(Target::Flow).ok_or_else(|| {
            Refusal::bad_parameter(
                "`Url` is not `http://my.exotel.com/<sid>/exoml/start_voice/<app_id>`".to_owned(),
            )
        }),
        (None, Some(url), None) => {
            let name = parameters.get("StreamName").unwrap_or_default();
            if url.chars().count() > STREAM_URL_MAX || name.chars().count() > STREAM_NAME_MAX {
                return bad("`StreamUrl` or `StreamName` is too long");
            }
            if parameters.get("StreamType") != Some("bidirectional") {
                return bad("`StreamType` is not `bidirectional`");
            }
            match Url::parse(url) {
                Ok(url) if matches!(url.scheme(), "ws" | "wss") => Ok(Target::Stream(Address(url))),
                _ => bad("`StreamUrl` is not a `ws://` or `wss://` URL"),
            }
        }
        // a call between two numbers reaches no bot, so it is not simulated
        (None, _, Some(_)) => {
            bad("a call of two numbers is not simulated: give `Url` or `StreamUrl`")
        }
        (None, None, None) => bad("`Url` is missing"),
    }
}

/// The app id in the URL of a flow: `…/<sid>/exoml/start_voice/<app_id>`, or the older
/// `…/exoml/start/<app_id>`.
fn app_id(url: &str, account: &Account) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let path: Vec<&str> = url.path_segments()?.collect();
    let app_id = match path[..] {
        [sid, "exoml", "start_voice", app_id] if sid == account.sid.as_str() => app_id,
        ["exoml", "start", app_id] => app_id,
        _ => return None,
    };
    (!app_id.is_empty()).then(|| app_id.to_owned())
}

fn callback(parameters: &Parameters) -> Result<Option<Callback>, Refusal> {
    let Some(url) = parameters.get("StatusCallback") else {
        return Ok(None);
    };
    let url = Url::parse(url)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))
        .ok_or_else(|| Refusal::bad_parameter("`StatusCallback` is not a URL".to_owned()))?;
    let format = match parameters.get("StatusCallbackContentType") {
        None | Some("multipart/form-data") => CallbackFormat::Multipart,
        Some("application/json") => CallbackFormat::Json,
        Some(_) => {
            return Err(Refusal::bad_parameter(
                "`StatusCallbackContentType` is neither `multipart/form-data` nor `application/json`"
                    .to_owned(),
            ));
        }
    };
    let asks = |event| {
        parameters
            .list("StatusCallbackEvents")
            .any(|asked| asked == event)
    };
    Ok(Some(Callback {
        url: Address(url),
        format,
        answered: asks("answered"),
        terminal: asks("terminal"),
    }))
}

#[cfg(test)]
mod tests {
    use ghanti_model::AccountSid;

    use super::*;

    const FLOW: &str = "http://my.exotel.com/acme1/exoml/start_voice/1001";

    fn account() -> Account {
        Account {
            sid: AccountSid::parse("acme1").unwrap(),
            key: Masked::from("k"),
            token: Masked::from("t"),
            numbers: vec![PhoneNumber::parse("08045000000").unwrap()],
            kyc: true,
            requests_per_minute: 200,
            streams: 100,
        }
    }

    fn read(pairs: &[(&str, &str)]) -> Result<ConnectRequest, Refusal> {
        let all = [("From", "+919876500001"), ("CallerId", "0804-5000000")];
        let pairs = all.iter().chain(pairs).copied();
        ConnectRequest::read(&Parameters::from_pairs(pairs), &account())
    }

    #[test]
    fn a_flow_is_named_by_its_url_in_both_forms() {
        for url in [FLOW, "http://my.exotel.in/exoml/start/1001"] {
            let request = read(&[("Url", url)]).unwrap();
            assert_eq!(request.target, Target::Flow("1001".to_owned()));
            assert_eq!(request.lasts_at_most.as_secs(), 14_400);
            assert!(request.callback.is_none());
        }
    }

    #[test]
    fn a_stream_needs_no_flow() {
        let stream = [
            ("StreamUrl", "wss://bot/ws"),
            ("StreamType", "bidirectional"),
        ];
        assert!(matches!(read(&stream).unwrap().target, Target::Stream(_)));
        assert!(read(&stream[..1]).is_err());
    }

    #[test]
    fn what_exotel_refuses_is_refused_with_its_code() {
        let long = "x".repeat(129);
        for pairs in [
            &[("Url", FLOW), ("To", "09876500002")][..],
            &[("Url", FLOW), ("StreamUrl", "wss://bot/ws")],
            &[("Url", FLOW), ("CustomField", &long)],
            &[("Url", FLOW), ("TimeLimit", "14401")],
            &[("Url", "http://my.exotel.com/other/exoml/start_voice/1001")],
            &[("Url", FLOW), ("StatusCallback", "/status")],
            &[
                ("Url", FLOW),
                ("StatusCallback", "http://a/"),
                ("StatusCallbackContentType", "text/xml"),
            ],
            &[("To", "09876500002")],
            &[],
        ] {
            let refusal = read(pairs).unwrap_err();
            assert_eq!(
                (refusal.status, refusal.code),
                (400, Some(34_001)),
                "{pairs:?}"
            );
        }
        let parameters = Parameters::from_pairs([
            ("From", "9876500001"),
            ("CallerId", "08099999999"),
            ("Url", FLOW),
        ]);
        let refusal = ConnectRequest::read(&parameters, &account()).unwrap_err();
        assert!(refusal.message.contains("CallerId"), "{refusal:?}");
    }

    #[test]
    fn events_are_read_with_and_without_an_index() {
        for name in ["StatusCallbackEvents[0]", "StatusCallbackEvents[]"] {
            let callback = read(&[
                ("Url", FLOW),
                ("StatusCallback", "http://a/s"),
                (name, "terminal"),
            ])
            .unwrap()
            .callback
            .unwrap();
            assert!(callback.terminal && !callback.answered);
            assert_eq!(callback.format, CallbackFormat::Multipart);
        }
    }
}
