//! Each mistake with its evidence and the expected finding.

use ghanti_model::{
    AgentLeg, AgentLegState, CallId, CallSid, ConnectAsked, Decision, Direction, FlowName,
    PhoneNumber, Problem, StepEntry, Transfer,
};

use super::super::{Disk, Observations, Reach, Urls};
use super::*;

const NOW_MS: u64 = 1_795_000_000_000;
/// When the calls of these tests began.
const THEN_MS: u64 = NOW_MS - 2 * ORDER_WAITS_MS;

/// A set-up without mistakes, with one call.
fn right() -> Evidence {
    let url = |path: &str| format!("https://bot.example.com{path}?token=t");
    Evidence {
        now_ms: NOW_MS,
        urls: Urls {
            passthru: url("/passthru"),
            voicebot_url: url("/voicebot-url"),
            stream_url: "wss://bot.example.com/ws/voicebot/t/call".to_owned(),
            passthru_after: url("/passthru/after"),
            connect: url("/connect"),
            status: url("/status"),
        },
        reach: Reach {
            public_url: Some("https://bot.example.com".to_owned()),
            account_sid: Some("acme1".to_owned()),
            ..Reach::default()
        },
        calls: vec![call()],
        ..Evidence::default()
    }
}

/// A call that was transferred, with every report of it.
fn call() -> CallRecord {
    let mut record = CallRecord::new(CallId::generate(), THEN_MS);
    record.call_sid = CallSid::parse("c1").ok();
    record.state = CallState::Ended;
    record.direction = Some(Direction::Outbound);
    record.flow = FlowName::parse("emi-reminder").ok();
    record.started_ms = Some(THEN_MS + 1_000);
    record.ended_ms = Some(THEN_MS + 41_000);
    record.outcome = Some("transferred".to_owned());
    record.decision = Some(Decision::Transfer {
        words: None,
        target: "default".to_owned(),
        numbers: vec![PhoneNumber::parse("+918045111222").unwrap()],
    });
    record.steps = [
        (Step::Triggered, 0),
        (Step::PassthruReceived, 500),
        (Step::StreamConnected, 1_000),
    ]
    .map(|(step, after_ms)| StepEntry {
        step,
        unix_ms: THEN_MS + after_ms,
    })
    .to_vec();
    record.transfer = Some(Transfer {
        passthru_after_ms: Some(THEN_MS + 41_100),
        asked: vec![ConnectAsked {
            unix_ms: THEN_MS + 41_200,
            numbers: vec!["xxxxxx1222".to_owned()],
        }],
        leg: Some(AgentLeg {
            state: AgentLegState::Answered,
            unix_ms: THEN_MS + 45_000,
            agent: None,
            talked_s: None,
        }),
        ..Transfer::default()
    });
    record.exotel = [("Status", "completed"), ("CallType", "call-attempt")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    record
}

fn problem(record: &mut CallRecord, name: &str, detail: &str) {
    record.problems.push(Problem {
        unix_ms: THEN_MS,
        name: name.to_owned(),
        detail: detail.to_owned(),
    });
}

/// The set-up without mistakes, except that its call has a problem.
fn with_problem(name: &str, detail: &str) -> Evidence {
    let mut evidence = right();
    problem(&mut evidence.calls[0], name, detail);
    evidence
}

fn with_sign(sign: Sign) -> Evidence {
    with_tally(|observations| observations.sign(sign, NOW_MS - 12_000, "example"))
}

fn with_refusal(path: &'static str, cause: &'static str) -> Evidence {
    with_tally(|observations| observations.refused(path, cause, path, NOW_MS - 12_000))
}

fn with_tally(seen: impl FnOnce(&Observations)) -> Evidence {
    let observations = Observations::default();
    seen(&observations);
    Evidence {
        observations: observations.view(),
        ..right()
    }
}

fn with(change: impl FnOnce(&mut Evidence)) -> Evidence {
    let mut evidence = right();
    change(&mut evidence);
    evidence
}

fn with_call(change: impl Fn(&mut CallRecord)) -> Evidence {
    with(|evidence| change(&mut evidence.calls[0]))
}

/// Several calls of the same kind.
fn with_calls(count: u64, change: impl Fn(u64, &mut CallRecord)) -> Evidence {
    let calls = (0..count).map(|nth| {
        let mut record = call();
        change(nth, &mut record);
        record
    });
    Evidence {
        calls: calls.collect(),
        ..right()
    }
}

fn never_connected(record: &mut CallRecord) {
    (record.started_ms, record.transfer, record.decision) = (None, None, None);
    record.outcome = Some("never-connected".to_owned());
    problem(
        record,
        "no-stream",
        "no stream came within 10 s of the passthru",
    );
}

fn never_asked(passthru_after_ms: Option<u64>) -> Evidence {
    with_call(|record| {
        record.outcome = Some("agents-never-asked".to_owned());
        record.transfer = Some(Transfer {
            passthru_after_ms,
            ..Transfer::default()
        });
        problem(record, "agents-never-asked", "a transfer was decided");
    })
}

/// Every mistake that evidence can show, with its code.
fn mistakes() -> Vec<(Code, Evidence)> {
    use Applet::{Passthru, PassthruAfter, Status, Stream};
    let text = || "x".to_owned();
    vec![
        (
            Code::NoPublicUrl,
            with(|evidence| evidence.reach.public_url = None),
        ),
        (
            Code::NoPublicUrl,
            with(|evidence| evidence.reach.public_url = Some("http://bot.example.com".to_owned())),
        ),
        (Code::OldHost, with_sign(Sign::OtherHost)),
        (
            Code::HttpInsteadOfHttps,
            with_sign(Sign::Unencrypted(Passthru)),
        ),
        (Code::WsInsteadOfWss, with_sign(Sign::Unencrypted(Stream))),
        (
            Code::ProxyWithoutUpgrade,
            with_refusal("/ws/voicebot", "no-upgrade"),
        ),
        (
            Code::ProxyWithoutUpgrade,
            with_problem("no-upgrade", "no upgrade"),
        ),
        (
            Code::CertificateRefused,
            with_problem(
                "stream-failed",
                "Exotel could not stream this call (`3009 failed: x509: certificate signed by unknown authority`): see",
            ),
        ),
        (
            Code::StreamUnreachable,
            with_problem(
                "stream-failed",
                "Exotel could not stream this call (`3009 failed to establish ws conn`): see whether it has a valid certificate",
            ),
        ),
        (Code::NoVoicebotApplet, with_call(never_connected)),
        (
            Code::StreamNeverOpened,
            with_problem("stream-never-opened", "given"),
        ),
        (Code::StreamApplet, with_problem("no-marks", "no mark")),
        (Code::SecondStream, with_problem("second-stream", "another")),
        (Code::WrongPath, with_refusal("other", "path")),
        (
            Code::WrongPath,
            with_problem("wrong-path", "nothing is there"),
        ),
        (Code::WrongMethod, with_refusal("/connect", "method")),
        (Code::AppletToken, with_refusal("/passthru", "token")),
        (
            Code::AppletToken,
            with_problem("applet-refused", "no token"),
        ),
        (Code::StreamToken, with_refusal("/ws/voicebot", "token")),
        (
            Code::LiteralPlaceholder,
            with_sign(Sign::Placeholder(Stream)),
        ),
        (
            Code::PassthruAsync,
            with_sign(Sign::Asynchronous(PassthruAfter)),
        ),
        (
            Code::PassthruAsync,
            with_call(|record| record.steps[1].unix_ms = THEN_MS + 1_200),
        ),
        (
            Code::PassthruAsync,
            with_call(|record| {
                let transfer = record.transfer.as_mut().unwrap();
                transfer.passthru_after_ms = Some(THEN_MS + 41_300);
            }),
        ),
        (Code::PassthruAfterMissing, never_asked(None)),
        (
            Code::PassthruAfterMissing,
            with_call(|record| {
                (record.transfer, record.decision) = (None, Some(Decision::HangUp));
                record.outcome = Some("declined".to_owned());
                record.exotel.remove("CallType");
            }),
        ),
        (
            Code::TransferNeverAsked,
            never_asked(Some(THEN_MS + 41_100)),
        ),
        (
            Code::ConnectWithoutTransfer,
            with_problem("connect-without-transfer", "x"),
        ),
        (
            Code::AgentsNeverAnswer,
            with_calls(3, |_, record| {
                record.outcome = Some("agents-not-answering".to_owned());
                let leg = record.transfer.as_mut().unwrap().leg.as_mut().unwrap();
                leg.state = AgentLegState::NotAnswered;
            }),
        ),
        (
            Code::NoStatusCallback,
            with_call(|record| drop(record.exotel.remove("Status"))),
        ),
        (Code::UnreadableCallback, with_refusal("/status", "body")),
        (Code::DuplicateWebhooks, with_sign(Sign::Doubled(Status))),
        (
            Code::NotAStream,
            with_problem("stream-not-started", "no start"),
        ),
        (
            Code::StreamsThrottled,
            with_problem("stream-throttled", "throttled"),
        ),
        (
            Code::WrongSampleRate,
            with_problem("wrong-sample-rate", "16000 Hz"),
        ),
        (Code::MuLawAudio, with_problem("mu-law-audio", "mu-law")),
        (Code::NoCallerAudio, with_problem("no-media", "none")),
        (
            Code::LanguageNotHeard,
            with_problem("language-not-heard", "`hi-IN`"),
        ),
        (
            Code::LanguageNotHeard,
            with(|evidence| {
                drop(
                    evidence
                        .engine
                        .unrecognized_languages
                        .insert(text(), vec![text()]),
                )
            }),
        ),
        (
            Code::VoiceMissing,
            with(|evidence| evidence.engine.missing_voice = Some(text())),
        ),
        (
            Code::SpeechFails,
            with(|evidence| evidence.engine.speech_failure = Some(text())),
        ),
        (Code::CustomFieldMissing, with_sign(Sign::NoCustomField)),
        (
            Code::CustomFieldForeign,
            with_sign(Sign::ForeignCustomField),
        ),
        (
            Code::CustomFieldForeign,
            with_problem("unknown-order", "no order"),
        ),
        (Code::OrdersAmbiguous, with_problem("several-orders", "two")),
        (
            Code::NumbersUnlike,
            with_problem("wrong-number", "another number"),
        ),
        (
            Code::OrderNeverCalled,
            with(|evidence| {
                let mut order = CallRecord::new(CallId::generate(), THEN_MS);
                order.reach(Step::Triggered, THEN_MS);
                evidence.calls.push(order);
            }),
        ),
        (Code::DialRefused, with_problem("dial-refused", "KYC")),
        (Code::DialUnknown, with_problem("dial-unknown", "no reply")),
        (
            Code::TimeLimit,
            with_calls(3, |nth, record| {
                record.outcome = Some("hung-up".to_owned());
                record.ended_ms = Some(THEN_MS + 61_000 + 200 * nth);
                (record.transfer, record.decision) = (None, None);
            }),
        ),
        (
            Code::OtherAccount,
            with_tally(|observations| observations.account("other1", NOW_MS)),
        ),
        (
            Code::NoFlow,
            with_problem("no-flow", "no flow `emi-remindr`"),
        ),
        (
            Code::FlowMissing,
            with(|evidence| evidence.engine.flow_problems.push(text())),
        ),
        (
            Code::SampleValues,
            with(|evidence| {
                drop(
                    evidence
                        .engine
                        .samples
                        .insert(text(), vec!["lender".to_owned()]),
                )
            }),
        ),
        (
            Code::NoTokens,
            with(|evidence| evidence.reach.missing_tokens.push("api-token")),
        ),
        (
            Code::StoreAway,
            with(|evidence| evidence.engine.stores_down.push(text())),
        ),
        (
            Code::StoreWithoutTls,
            with(|evidence| evidence.reach.stores_without_tls.push("Redis")),
        ),
        (
            Code::EngineFull,
            with_problem("refused", "the engine is full"),
        ),
        (
            Code::FewDescriptors,
            with(|evidence| evidence.engine.limited_by = Some(text())),
        ),
        (
            Code::Draining,
            with(|evidence| evidence.engine.is_draining = true),
        ),
        (
            Code::ClockOff,
            with_tally(|observations| observations.clock(NOW_MS + 300_000, NOW_MS)),
        ),
        (
            Code::DiskLow,
            with(|evidence| {
                evidence.engine.disk = Some(Disk {
                    free_bytes: 100 << 20,
                    all_bytes: 100 << 30,
                });
            }),
        ),
    ]
}

/// Codes that need a probe from outside: `tests/tests/all/doctor.rs` produces them.
const PROBED: [Code; 6] = [
    Code::PublicUrlUnresolved,
    Code::PublicUrlUnreachable,
    Code::PublicUrlCertificate,
    Code::PublicUrlElsewhere,
    Code::AccountRefused,
    Code::CallerIdForeign,
];

fn codes(evidence: &Evidence) -> Vec<Code> {
    let findings = diagnose(evidence);
    findings.into_iter().map(|finding| finding.code).collect()
}

#[test]
fn a_set_up_without_mistakes_has_no_findings() {
    assert_eq!(diagnose(&right()), []);
    assert_eq!(
        diagnose(&Evidence {
            calls: Vec::new(),
            ..right()
        }),
        []
    );
}

#[test]
fn each_mistake_has_exactly_its_code() {
    for (code, evidence) in mistakes() {
        assert_eq!(codes(&evidence), [code], "{:?}", diagnose(&evidence));
    }
}

#[test]
fn every_code_is_produced_by_a_test() {
    let mut produced: Vec<_> = mistakes().into_iter().map(|(code, _)| code).collect();
    produced.extend(PROBED);
    produced.sort_unstable();
    produced.dedup();
    assert_eq!(produced, Code::ALL);
}

#[test]
fn a_finding_has_the_count_the_last_time_and_the_url_to_paste() {
    let [finding] = &diagnose(&with_refusal("/passthru", "token"))[..] else {
        panic!("one finding");
    };
    assert_eq!(
        finding.evidence,
        ["refused requests: 1, the last 12 s ago: `/passthru`"]
    );
    assert!(
        finding
            .fix
            .contains("`https://bot.example.com/passthru?token=t`"),
        "{finding:?}"
    );
}

#[test]
fn what_many_calls_have_in_common_is_one_finding_with_examples() {
    let evidence = with_calls(40, |_, record| {
        problem(record, "no-marks", "no mark came back")
    });
    let [finding] = &diagnose(&evidence)[..] else {
        panic!("one finding");
    };
    assert_eq!(finding.code, Code::StreamApplet);
    assert!(
        finding.evidence[0].starts_with("40 of 40 calls of the last day, the newest 2 h ago: ")
    );
    assert!(
        finding.evidence[1].ends_with(": no mark came back"),
        "{finding:?}"
    );
}

#[test]
fn a_call_of_the_browsers_telephone_says_nothing_of_exotel() {
    let declined = |sid: &str| {
        with_call(|record| {
            record.call_sid = CallSid::parse(sid).ok();
            (record.transfer, record.decision) = (None, Some(Decision::HangUp));
            record.outcome = Some("declined".to_owned());
            record.exotel.clear();
        })
    };
    let of_exotel = codes(&declined("c1"));
    for code in [Code::NoStatusCallback, Code::PassthruAfterMissing] {
        assert!(of_exotel.contains(&code), "{of_exotel:?}");
    }
    assert_eq!(diagnose(&declined("browser-1")), []);
}

#[test]
fn a_call_that_has_just_ended_has_no_finding_yet() {
    let evidence = with_call(|record| {
        record.ended_ms = Some(NOW_MS - 1_000);
        record.exotel.clear();
        record.transfer = None;
        record.decision = Some(Decision::HangUp);
    });
    assert_eq!(codes(&evidence), []);
}

#[test]
fn callers_who_hang_up_at_any_time_do_not_look_like_a_time_limit() {
    let hung_up = |nth: u64, record: &mut CallRecord| {
        record.outcome = Some("hung-up".to_owned());
        record.ended_ms = Some(THEN_MS + 10_000 + 700 * nth);
        (record.transfer, record.decision) = (None, None);
    };
    // at any time: the last three are close to each other, and few of all
    assert_eq!(codes(&with_calls(60, hung_up)), []);
    // one call lasted longer than the others
    let mut evidence = with_calls(3, |_, record| hung_up(0, record));
    evidence.calls[0].ended_ms = Some(THEN_MS + 90_000);
    assert_eq!(codes(&evidence), []);
}

#[test]
fn an_account_is_foreign_to_the_configured_one_or_to_another_account() {
    let own = with_tally(|observations| observations.account("acme1", NOW_MS));
    assert_eq!(codes(&own), []);
    let mut unknown = with_tally(|observations| observations.account("acme1", NOW_MS));
    unknown.reach.account_sid = None;
    assert_eq!(codes(&unknown), [], "the only one");
    let mut two = with_tally(|observations| {
        observations.account("acme1", NOW_MS);
        observations.account("other1", NOW_MS);
    });
    two.reach.account_sid = None;
    assert_eq!(codes(&two), [Code::OtherAccount]);
}

#[test]
fn refused_requests_that_exotel_does_not_make_are_no_finding() {
    for path in ["/api", "/metrics", "/websocket-url", "/setup"] {
        assert_eq!(codes(&with_refusal(path, "token")), [], "{path}");
    }
}
