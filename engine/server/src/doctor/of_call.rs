//! Findings from the record of one call.

use ghanti_model::fold::network::STREAM_NEVER_OPENED;
use ghanti_model::fold::transfer::NEVER_ASKED;
use ghanti_model::{CallRecord, Direction, Outcome, Problem, Step};

use super::Code;

/// Prefix of the CallSids of calls of the console's telephone.
pub const BROWSER: &str = "browser-";

/// Words in Exotel's error text that mean a certificate problem.
const CERTIFICATE: [&str; 5] = [
    "certificate",
    "x509",
    "unknownissuer",
    "self signed",
    "self-signed",
];

/// Returns the findings of a call's record, each with a sentence of evidence without personal
/// data.
pub fn of_call(record: &CallRecord) -> Vec<(Code, String)> {
    let mut found: Vec<(Code, String)> = record
        .problems
        .iter()
        .filter_map(|problem| Some((code(record, problem)?, problem.detail.clone())))
        .collect();
    if is_asynchronous(record) {
        let words = "the Passthru's request came when the call's stream had begun";
        found.push((Code::PassthruAsync, words.to_owned()));
    }
    if let Some(transfer) = &record.transfer
        && let (Some(after_ms), Some(asked)) = (transfer.passthru_after_ms, transfer.asked.first())
        && after_ms > asked.unix_ms
        // the Passthru after Connect sends its request when the agent's leg has ended
        && transfer.leg.as_ref().is_some_and(|leg| leg.unix_ms > after_ms)
    {
        let words = "Connect asked before the Passthru after the bot did";
        found.push((Code::PassthruAsync, words.to_owned()));
    }
    found
}

fn code(record: &CallRecord, problem: &Problem) -> Option<Code> {
    let passthru_after = || {
        let transfer = record.transfer.as_ref();
        transfer.is_some_and(|transfer| transfer.passthru_after_ms.is_some())
    };
    Some(match problem.name.as_str() {
        "no-stream" if record.has_outcome(Outcome::NeverConnected) => Code::NoVoicebotApplet,
        STREAM_NEVER_OPENED => Code::StreamNeverOpened,
        "no-marks" => Code::StreamApplet,
        "second-stream" => Code::SecondStream,
        "stream-refused" => Code::StreamToken,
        "applet-refused" => Code::AppletToken,
        "wrong-path" => Code::WrongPath,
        "wrong-method" => Code::WrongMethod,
        "no-upgrade" => Code::ProxyWithoutUpgrade,
        "stream-failed" if mentions_certificate(&problem.detail) => Code::CertificateRefused,
        "stream-failed" => Code::StreamUnreachable,
        "stream-throttled" => Code::StreamsThrottled,
        "stream-not-started"
        | "unusable-start"
        | "stream-closed-early"
        | "message-too-long"
        | "not-utf-8"
        | "websocket-broken"
        | "too-fast"
        | "bad-frame" => Code::NotAStream,
        NEVER_ASKED if passthru_after() => Code::TransferNeverAsked,
        NEVER_ASKED => Code::PassthruAfterMissing,
        "connect-without-transfer" => Code::ConnectWithoutTransfer,
        "unreadable-callback" => Code::UnreadableCallback,
        "too-many-reports" => Code::DuplicateWebhooks,
        "wrong-sample-rate" | "unusable-audio" => Code::WrongSampleRate,
        "mu-law-audio" => Code::MuLawAudio,
        "no-media" => Code::NoCallerAudio,
        "language-not-heard" => Code::LanguageNotHeard,
        "prompt-failed" | "no-voice" => Code::SpeechFails,
        "unknown-order" => Code::CustomFieldForeign,
        "several-orders" => Code::OrdersAmbiguous,
        "wrong-number" | "unknown-number" => Code::NumbersUnlike,
        "dial-refused" => Code::DialRefused,
        "dial-unknown" => Code::DialUnknown,
        "no-flow" => Code::NoFlow,
        "refused" => Code::EngineFull,
        "store-unavailable" => Code::StoreAway,
        _ => return None,
    })
}

fn mentions_certificate(detail: &str) -> bool {
    // the hint after Exotel's text mentions certificates as well
    let error = detail
        .split_once('`')
        .and_then(|(_, rest)| rest.rsplit_once('`'))
        .map_or(detail, |(error, _)| error)
        .to_lowercase();
    CERTIFICATE.iter().any(|word| error.contains(word))
}

/// A synchronous Passthru is answered before the next applet runs.
fn is_asynchronous(record: &CallRecord) -> bool {
    let reached = |step: &Step| {
        let mut entries = record.steps.iter();
        entries
            .find(|entry| entry.step == *step)
            .map(|entry| entry.unix_ms)
    };
    match (
        reached(&Step::PassthruReceived),
        reached(&Step::StreamConnected),
    ) {
        (Some(passthru_ms), Some(stream_ms)) => passthru_ms > stream_ms,
        _ => false,
    }
}

/// Whether it is a call of the console's telephone, from which nothing about Exotel can be learnt.
pub(super) fn is_of_browser(record: &CallRecord) -> bool {
    let sid = record.call_sid.as_ref();
    sid.is_some_and(|sid| sid.as_str().starts_with(BROWSER))
}

/// Whether the customer was called.
pub(super) fn is_outbound(record: &CallRecord) -> bool {
    record.direction == Some(Direction::Outbound) || record.order.is_some()
}

/// Whether an applet after the bot has reported to this call.
pub(super) fn has_passthru_after(record: &CallRecord) -> bool {
    let by_transfer = record
        .transfer
        .as_ref()
        .is_some_and(|transfer| transfer.passthru_after_ms.is_some());
    // no other request of Exotel has it
    by_transfer || record.exotel.contains_key("CallType")
}
