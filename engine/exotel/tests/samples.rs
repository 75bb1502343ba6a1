//! Every message of `data/exotel.jsonl` (captures, Exotel's pages, working integrations) is parsed
//! as intended, with one expectation per line. A line without an expectation fails the test, so the
//! file cannot grow without one.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says where on its output"
)]

use ghanti_exotel::applet::{
    Channels, ConnectReply, Destination, DisconnectedBy, DynamicUrl, MusicType, PassthruRequest,
    PlaybackTo, StreamStatus, SwitchCase,
};
use ghanti_exotel::rest::{ActiveStreams, ApiReply, parse_reply};
use ghanti_exotel::status::StatusCallback;
use ghanti_exotel::{
    CallStatus, Encoding, Inbound, MediaFormat, Outbound, Parameters, Start, inbound,
    parse_outbound,
};
use ghanti_model::{Direction, PhoneNumber};
use serde_json::Value;
use serde_json::value::RawValue;

const SAMPLES: &str = include_str!("data/exotel.jsonl");
const SID: &str = "95be037f0ff02b427c3a4a59ae72198c";

#[derive(serde::Deserialize)]
struct Sample<'a> {
    direction: String,
    #[serde(borrow)]
    message: &'a RawValue,
}

#[test]
fn every_sample_means_what_it_says() {
    let mut lines = 0;
    for (at, line) in SAMPLES.lines().enumerate() {
        let sample: Sample<'_> = serde_json::from_str(line).unwrap();
        let (number, message) = (at + 1, sample.message.get());
        println!("line {number}: {}: {message}", sample.direction);
        match sample.direction.as_str() {
            "exotel->bot ws" => check_inbound(number, message),
            "bot->exotel ws" => check_outbound(number, message),
            "exotel->http GET" => check_request(number, message),
            "bot->exotel http reply" => check_reply(number, message),
            "bot->exotel api form" => check_form(number, message),
            "exotel api reply" => check_api_reply(number, message),
            "exotel->http POST callback" => check_callback(number, message),
            other => panic!("line {number}: no reader for `{other}`"),
        }
        lines = number;
    }
    assert_eq!(lines, 40);
}

fn check_inbound(line: usize, message: &str) {
    let parsed = inbound::parse(message).unwrap();
    match line {
        1 | 6 => assert_eq!(parsed, Inbound::Connected),
        2 => check_start(
            parsed,
            [
                SID,
                "75b90b4b77ce9e6fe9a60a26f03d198c",
                "ezora2",
                "+14120000000",
                "08045000000",
            ],
            &[("serviceHost", "customer-support.acme-corp")],
        ),
        4 => check_start(
            parsed,
            [
                "MZxxxxxxxxxxxxxxxxxxxxxxxx",
                "CAxxxxxxxxxxxxxxxxxxxxxxxx",
                "ACxxxxxxxxxxxxxxxxxxxxxxxx",
                "+919876543210",
                "+918047491899",
            ],
            &[("key1", "value1")],
        ),
        5 => check_start(
            parsed,
            ["s1", "c1", "a1", "+919876543210", "+911234567890"],
            &[("key1", "value1"), ("key2", "value2")],
        ),
        7 => {
            let start = start(parsed);
            assert_eq!(start.stream_sid.as_str(), "stream_12345");
            assert_eq!(start.call_sid.as_ref().unwrap().as_str(), "CA456");
            assert_eq!(start.account_sid.as_ref().unwrap().as_str(), "AC123");
            assert_eq!(
                (&start.from, &start.to, start.sequence),
                (&None, &None, None)
            );
            assert_eq!(
                start.media_format,
                MediaFormat {
                    encoding: Encoding::MuLaw,
                    rate_hz: 8_000
                }
            );
            assert!(start.custom_parameters.is_empty());
        }
        8 => check_media(parsed, 3, 2, 200),
        9 => check_media(parsed, 3, 2, 10),
        10 => check_dtmf(parsed, '5', Some(100), 7),
        11 => check_dtmf(parsed, '1', None, 9),
        12 => {
            let Inbound::Mark(mark) = parsed else {
                panic!("{parsed:?}")
            };
            assert_eq!((mark.name.as_ref(), mark.sequence), ("my-label", Some(15)));
        }
        3 => check_stop(
            parsed,
            [
                "0317857b6ab660349bed721e5ed61a6p",
                "exampleacct1",
                "canceled or call ended",
            ],
            1190,
        ),
        13 => check_stop(
            parsed,
            ["75b90b4b77ce9e6fe9a60a26f03d198c", "ezora2", "callended"],
            20,
        ),
        14 => check_stop(parsed, ["c", "a", "stopped"], 10),
        15 => assert_eq!(parsed, Inbound::Stop(Default::default())),
        16 => assert_eq!(parsed, Inbound::Clear),
        _ => panic!("line {line} has no expectation"),
    }
}

fn start(parsed: Inbound<'_>) -> Start {
    let Inbound::Start(start) = parsed else {
        panic!("{parsed:?}")
    };
    start
}

fn check_start(
    parsed: Inbound<'_>,
    [stream_sid, call_sid, account_sid, from, to]: [&str; 5],
    parameters: &[(&str, &str)],
) {
    let start = start(parsed);
    assert_eq!(start.stream_sid.as_str(), stream_sid);
    assert_eq!(start.call_sid.as_ref().unwrap().as_str(), call_sid);
    assert_eq!(start.account_sid.as_ref().unwrap().as_str(), account_sid);
    assert_eq!(start.from, Some(phone(from)));
    assert_eq!(start.to, Some(phone(to)));
    let found: Vec<_> = start
        .custom_parameters
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(found, parameters);
    assert_eq!(
        start.media_format,
        MediaFormat {
            encoding: Encoding::Linear16,
            rate_hz: 8_000
        }
    );
    assert_eq!(start.sequence, Some(1));
}

fn check_media(parsed: Inbound<'_>, sequence: u64, chunk: u64, timestamp_ms: u64) {
    let Inbound::Media(media) = parsed else {
        panic!("{parsed:?}")
    };
    assert_eq!(media.stream_sid.as_deref(), Some(SID));
    assert_eq!(
        (media.sequence, media.chunk, media.timestamp_ms),
        (Some(sequence), Some(chunk), Some(timestamp_ms))
    );
    let mut audio = vec![1; 2];
    media.decode_into(&mut audio).unwrap();
    assert_eq!(audio, [0; 8]);
}

fn check_dtmf(parsed: Inbound<'_>, digit: char, duration_ms: Option<u64>, sequence: u64) {
    let Inbound::Dtmf(dtmf) = parsed else {
        panic!("{parsed:?}")
    };
    assert_eq!(
        (dtmf.digit, dtmf.duration_ms, dtmf.sequence),
        (digit, duration_ms, Some(sequence))
    );
}

fn check_stop(parsed: Inbound<'_>, [call_sid, account_sid, reason]: [&str; 3], sequence: u64) {
    let Inbound::Stop(stop) = parsed else {
        panic!("{parsed:?}")
    };
    assert_eq!(stop.call_sid.unwrap().as_str(), call_sid);
    assert_eq!(stop.account_sid.unwrap().as_str(), account_sid);
    assert_eq!(
        (stop.reason.as_deref(), stop.sequence),
        (Some(reason), Some(sequence))
    );
}

fn check_outbound(line: usize, message: &str) {
    let parsed = parse_outbound(message).unwrap();
    // sequence, chunk, timestamp; line 21 has its sequence number inside `media`
    let media = match line {
        17 | 20 => (None, None, None),
        21 => (None, None, Some(1200)),
        22 => (Some(12), Some(11), Some(1200)),
        18 => {
            let Outbound::Mark(mark) = parsed else {
                panic!("{parsed:?}")
            };
            return assert_eq!(mark.name, "turn-3-end");
        }
        19 => return assert_eq!(parsed, Outbound::Clear),
        _ => panic!("line {line} has no expectation"),
    };
    let Outbound::Media(parsed) = parsed else {
        panic!("{parsed:?}")
    };
    assert_eq!(parsed.stream_sid.as_deref(), Some(SID));
    assert_eq!((parsed.sequence, parsed.chunk, parsed.timestamp_ms), media);
    let mut audio = Vec::new();
    parsed.decode_into(&mut audio).unwrap();
    assert_eq!(audio, [0; 8]);
}

/// The sample's query, or one made of its names and values.
fn query(message: &str) -> String {
    let object: serde_json::Map<String, Value> = serde_json::from_str(message).unwrap();
    match object.get("query") {
        Some(query) => query.as_str().unwrap().to_owned(),
        None => {
            let pairs = object
                .iter()
                .map(|(name, value)| (name, value.as_str().unwrap()));
            form_urlencoded::Serializer::new(String::new())
                .extend_pairs(pairs)
                .finish()
        }
    }
}

fn check_request(line: usize, message: &str) {
    let request = PassthruRequest::parse(&query(message));
    let call_sid = request.call_sid.as_ref().unwrap().as_str();
    let (customer, exophone) = (
        request.customer_number().cloned(),
        request.line_number().cloned(),
    );
    match line {
        24 => {
            assert_eq!(call_sid, "c1");
            let custom = request.custom_parameters();
            assert_eq!(
                (custom.get("run_id"), custom.get("name")),
                (Some("42"), Some("asha"))
            );
        }
        25 => {
            assert_eq!(call_sid, "d50e19c31e3911190a7e601f1056d69a");
            assert_eq!(
                (customer, exophone),
                (Some(phone("07790000000")), Some(phone("08039000000")))
            );
            assert_eq!(
                request.to, request.call_to,
                "with and without the leading 0"
            );
            assert_eq!(request.direction, Some(Direction::Outbound));
            assert_eq!(request.call_status, Some(CallStatus::Ringing));
            assert_eq!(request.call_type.as_deref(), Some("incomplete"));
            assert_eq!(
                (request.dial_call_duration_s, request.dial_call_status),
                (Some(0), None)
            );
            assert_eq!(
                (request.flow_id.as_deref(), request.tenant_id.as_deref()),
                (Some("68135"), Some("39"))
            );
            assert_eq!(request.start_time.as_deref(), Some("2016-02-16 15:56:26"));
            assert_eq!(
                (request.dial_whom_number, request.stream, request.legs),
                (None, None, vec![])
            );
            assert!(
                !request.parameters.contains_key("EndTime")
                    && !request.parameters.contains_key("ForwardedFrom")
            );
        }
        26 => {
            assert_eq!(call_sid, "23c162077629863c1a2d7f29263a162m");
            assert_eq!(
                (customer, exophone),
                (Some(phone("09999999991")), Some(phone("09999999980")))
            );
            assert_eq!(request.direction, Some(Direction::Inbound));
            assert_eq!(
                (request.dial_call_status, request.dial_call_duration_s),
                (Some(CallStatus::Completed), Some(17))
            );
            assert_eq!(
                request.recording_url.as_deref(),
                Some("https://s3-ap-southeast-1.amazonaws.com/random.mp3")
            );
            assert_eq!(request.outgoing_number, Some(phone("09999999988")));
            assert_eq!(request.dial_whom_number, Some(phone("09999999999")));
            assert_eq!(request.current_time.as_deref(), Some("2022-02-23 12:32:25"));
            let [leg] = &request.legs[..] else {
                panic!("{:?}", request.legs)
            };
            assert_eq!(
                (&leg.number, &leg.caller_id),
                (&Some(phone("09999999999")), &Some(phone("09999999980")))
            );
            assert_eq!(
                (leg.kind.as_deref(), leg.on_call_duration_s),
                (Some("single"), Some(10))
            );
            assert_eq!(
                (leg.cause.as_deref(), leg.cause_code.as_deref()),
                (Some("16"), Some("NORMAL_CLEARING"))
            );
        }
        27 => {
            assert_eq!(call_sid, "d96421addce69e24bdc7ce5880d1162l");
            assert_eq!(
                (customer, exophone, request.recording_url),
                (None, None, None)
            );
            assert_eq!(
                (request.dial_call_status, request.dial_call_duration_s),
                (Some(CallStatus::Canceled), Some(0))
            );
            assert_eq!(request.call_type.as_deref(), Some("client-hangup"));
            let [leg] = &request.legs[..] else {
                panic!("{:?}", request.legs)
            };
            assert_eq!(
                (
                    leg.on_call_duration_s,
                    leg.cause.as_deref(),
                    leg.cause_code.as_deref()
                ),
                (Some(0), Some("1003"), Some("RING_TIMEOUT"))
            );
        }
        28 => {
            assert_eq!(call_sid, "23c162077629863c1a2d7f29263a162m");
            assert_eq!(
                (customer, exophone),
                (Some(phone("09999999991")), Some(phone("09999999980")))
            );
            assert_eq!(
                (
                    request.event_type.as_deref(),
                    request.agent_status.as_deref()
                ),
                (Some("Dial"), Some("busy"))
            );
            assert_eq!(request.dial_whom_number, Some(phone("09999999999")));
            assert_eq!(request.parameters["AgentEmail"], "‹17 characters›");
        }
        29 => {
            assert_eq!(call_sid, "56b1234567abcdef89abcdef12345678");
            assert_eq!(
                (customer, exophone),
                (Some(phone("+918888000000")), Some(phone("+912233344455")))
            );
            assert_eq!(request.flow_id.as_deref(), Some("voicebot-flow-xyz123"));
            assert_eq!(request.direction, Some(Direction::Inbound));
            let stream = request.stream.unwrap();
            assert_eq!(
                stream.sid.unwrap().as_str(),
                "6f048d2e897a0d2d4029560f3f541947"
            );
            assert_eq!(
                (stream.status, stream.duration_s),
                (Some(StreamStatus::Completed), Some(28))
            );
            assert_eq!(stream.disconnected_by, Some(DisconnectedBy::Bot));
            assert_eq!(
                stream.recording_url.as_deref(),
                Some("https://recordings.exotel.com/x.mp3")
            );
            assert_eq!((stream.error, stream.detailed_status), (None, None));
        }
        30 => {
            let stream = request.stream.unwrap();
            assert_eq!(
                (call_sid, stream.sid, stream.disconnected_by),
                ("c1", None, None)
            );
            assert_eq!(stream.status, Some(StreamStatus::Failed));
            assert_eq!(
                stream.error.as_deref(),
                Some("3009 failed to establish ws conn")
            );
        }
        _ => panic!("line {line} has no expectation"),
    }
}

fn check_reply(line: usize, message: &str) {
    match line {
        23 => {
            let reply: DynamicUrl = serde_json::from_str(message).unwrap();
            assert_eq!(
                reply.url,
                "wss://bot.example.com/ws/audio/RUN1/NAME?sample-rate=16000"
            );
            assert_eq!(serde_json::to_value(&reply).unwrap(), json(message));
            return;
        }
        31 => {
            let sample = json(message);
            assert_eq!(sample["content_type"], SwitchCase::CONTENT_TYPE);
            assert_eq!(
                sample["body"],
                SwitchCase {
                    select: "product1".to_owned()
                }
                .body()
            );
            return;
        }
        _ => {}
    }
    let reply = ConnectReply::parse(message).unwrap();
    assert_eq!(
        serde_json::to_value(&reply).unwrap(),
        json(message),
        "what is read is written again"
    );
    let terms = (
        reply.record,
        reply.recording_channels,
        reply.max_ringing_duration,
        reply.max_conversation_duration,
    );
    match line {
        32 => {
            assert_eq!(
                reply.destination,
                Destination::Numbers(vec![phone("+917800000000")])
            );
            assert_eq!(
                terms,
                (Some(true), Some(Channels::Dual), Some(30), Some(900))
            );
            assert_eq!(reply.music_on_hold.unwrap().kind, MusicType::DefaultTone);
        }
        33 => {
            assert_eq!(
                reply.destination,
                Destination::Numbers(vec![phone("+917980000000")])
            );
            assert_eq!(reply.outgoing_phone_number, Some(phone("+918000000000")));
            assert_eq!(
                terms,
                (Some(true), Some(Channels::Dual), Some(45), Some(3600))
            );
            assert_eq!(
                reply.start_call_playback.unwrap().playback_to,
                PlaybackTo::Both
            );
        }
        34 => assert_eq!(reply, ConnectReply::nobody()),
        35 => {
            assert_eq!(
                reply.destination,
                Destination::Trunk("trunk-2134".to_owned())
            );
            assert_eq!(
                reply.custom_params.as_deref(),
                Some("param1=value1&param2=value2")
            );
        }
        _ => panic!("line {line} has no expectation"),
    }
}

fn check_form(line: usize, message: &str) {
    let form = Parameters::from_query(&query(message));
    match line {
        36 => {
            assert_eq!(form.phone_number("From"), Some(phone("9876543210")));
            assert_eq!(form.phone_number("CallerId"), Some(phone("08000000000")));
            assert_eq!(
                form.get("StreamUrl"),
                Some("wss://bot.example.com/?sample-rate=8000")
            );
            assert_eq!(form.get("StreamType"), Some("bidirectional"));
            assert_eq!(
                form.list("StatusCallbackEvents").collect::<Vec<_>>(),
                ["terminal"]
            );
        }
        37 => {
            assert_eq!(
                [form.get("From"), form.get("To"), form.get("CallerId")],
                [Some("0X"), Some("0Y"), Some("0Z")]
            );
            assert_eq!(form.get("Record"), Some("true"));
            assert_eq!(
                form.list("StatusCallbackEvents").collect::<Vec<_>>(),
                ["terminal", "answered"]
            );
        }
        _ => panic!("line {line} has no expectation"),
    }
}

fn check_api_reply(line: usize, message: &str) {
    match line {
        38 => {
            let ApiReply::Exception(exception) = parse_reply(message).unwrap() else {
                panic!("no exception")
            };
            assert_eq!((exception.status, exception.code), (Some(403), None));
            assert_eq!(exception.message, "Your account is not yet KYC compliant.");
        }
        39 => {
            let xml = json(message);
            assert_eq!(
                ActiveStreams::parse(xml.as_str().unwrap()).unwrap(),
                ActiveStreams {
                    active: 0,
                    limit: 100
                }
            );
        }
        _ => panic!("line {line} has no expectation"),
    }
}

fn check_callback(line: usize, message: &str) {
    assert_eq!(line, 40, "line {line} has no expectation");
    let callback = StatusCallback::from_body(Some("application/json"), message.as_bytes()).unwrap();
    assert_eq!(
        callback.call_sid.unwrap().as_str(),
        "80bfbec2d78bbbf10fb851f4fa165211"
    );
    assert_eq!(
        (callback.status, callback.event_type.as_deref()),
        (Some(CallStatus::Completed), Some("terminal"))
    );
    assert_eq!(
        (callback.from, callback.to),
        (Some(phone("09876543210")), Some(phone("09123456789")))
    );
    assert_eq!(
        (callback.direction, callback.conversation_duration_s),
        (Some(Direction::Outbound), Some(320))
    );
    assert_eq!(callback.custom_field.unwrap().expose(), "order_12345");
    assert_eq!(
        callback.recording_url.as_deref(),
        Some("https://s3-ap-southeast-1.amazonaws.com/x")
    );
    assert_eq!(
        (callback.start_time.as_deref(), callback.end_time.as_deref()),
        (Some("2024-01-15 14:25:12"), Some("2024-01-15 14:30:45"))
    );
    assert_eq!(
        (
            callback.date_created.as_deref(),
            callback.date_updated.as_deref()
        ),
        (Some("2024-01-15 14:25:10"), Some("2024-01-15 14:30:45"))
    );
    let legs: Vec<_> = callback
        .legs
        .into_iter()
        .map(|leg| (leg.on_call_duration_s, leg.status))
        .collect();
    assert_eq!(
        legs,
        [
            (Some(335), Some(CallStatus::Completed)),
            (Some(320), Some(CallStatus::Completed))
        ]
    );
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn phone(text: &str) -> PhoneNumber {
    PhoneNumber::parse(text).unwrap()
}
