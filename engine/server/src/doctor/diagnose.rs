//! Findings from evidence. Pure.

use std::collections::BTreeMap;

use ghanti_model::fold::network::final_status;
use ghanti_model::fold::transfer;
use ghanti_model::{CallRecord, CallState, Outcome, Step};

use super::of_call::{has_passthru_after, is_of_browser, is_outbound, of_call};
use super::{Applet, Code, Evidence, Finding, Findings, Sign, Signs, ago};

/// How far Exotel's clock may differ from ours, in milliseconds: its times are whole seconds, and a
/// request takes a moment.
const CLOCK_MS: u64 = 60_000;
/// How long after its end a call should have its status callback, in milliseconds.
pub const CALLBACK_LATE_MS: u64 = 60_000;
/// How long after the stream's end the applets after the bot should have sent their requests, in milliseconds.
pub const AFTER_LATE_MS: u64 = 30_000;
/// After how long an order without a call is a finding, in milliseconds.
const ORDER_WAITS_MS: u64 = 3_600_000;
/// Minimum number of transfers to judge whether agents answer at all.
const TRANSFERS: usize = 3;
/// Minimum number of calls cut off after the same time before a limit is suspected.
const CUT_OFF: usize = 3;
/// Maximum difference between the lengths of calls with the same limit, in milliseconds.
const SAME_TIME_MS: u64 = 1_500;
/// A stream shorter than this was not cut off by a limit, in milliseconds.
const SHORT_MS: u64 = 5_000;
/// A disk is nearly full with fewer free bytes than this, or with less than a fiftieth of its size.
const DISK_BYTES: u64 = 512 << 20;
/// Maximum number of calls named as examples.
const EXAMPLES: usize = 3;

/// Returns all findings.
pub fn diagnose(evidence: &Evidence) -> Vec<Finding> {
    let mut findings = Findings::default();
    reach(evidence, &mut findings);
    engine(evidence, &mut findings);
    requests(evidence, &mut findings);
    calls(evidence, &mut findings);
    whole_day(evidence, &mut findings);
    findings.with_fixes(&evidence.urls)
}

fn reach(evidence: &Evidence, findings: &mut Findings) {
    let reach = &evidence.reach;
    match &reach.public_url {
        None => findings.add(
            Code::NoPublicUrl,
            "`public-url` of `[server]` is not set, so that URLs are made from the `Host` of each request, with http:// and ws://",
        ),
        Some(url) if !url.starts_with("https://") => {
            findings.add(Code::NoPublicUrl, format!("`public-url` is `{url}`, without TLS"));
        }
        Some(_) => {}
    }
    if !reach.missing_tokens.is_empty() && (reach.listens_to_others || reach.public_url.is_some()) {
        let missing = reach.missing_tokens.join("`, `");
        findings.add(
            Code::NoTokens,
            format!("`{missing}` of `[server]` are not set"),
        );
    }
    for store in &reach.stores_without_tls {
        findings.add(
            Code::StoreWithoutTls,
            format!("{store} is on another machine, and its URL asks for no TLS"),
        );
    }
}

fn engine(evidence: &Evidence, findings: &mut Findings) {
    let engine = &evidence.engine;
    if engine.is_draining {
        findings.add(Code::Draining, "the engine was asked to stop");
    }
    if let Some(limit) = &engine.limited_by {
        findings.add(Code::FewDescriptors, limit);
    }
    for away in &engine.stores_down {
        findings.add(Code::StoreAway, away);
    }
    if let Some(disk) = engine.disk
        && disk.free_bytes < DISK_BYTES.max(disk.all_bytes / 50)
    {
        let words = format!(
            "{} MiB of {} MiB are free",
            disk.free_bytes >> 20,
            disk.all_bytes >> 20
        );
        findings.add(Code::DiskLow, words);
    }
    for problem in &engine.flow_problems {
        findings.add(Code::FlowMissing, problem);
    }
    for (flow, samples) in &engine.samples {
        let samples = samples.join("`, `");
        findings.add(Code::SampleValues, format!("flow `{flow}`: `{samples}`"));
    }
    for (flow, languages) in &engine.unrecognized_languages {
        let languages = languages.join("`, `");
        findings.add(
            Code::LanguageNotHeard,
            format!("flow `{flow}`: `{languages}`"),
        );
    }
    if let Some(folder) = &engine.missing_voice {
        findings.add(Code::VoiceMissing, format!("there is no folder `{folder}`"));
    }
    if let Some(failure) = &engine.speech_failure {
        findings.add(Code::SpeechFails, failure);
    }
}

fn requests(evidence: &Evidence, findings: &mut Findings) {
    let observations = &evidence.observations;
    for ((path, cause), signs) in &observations.refused {
        if let Some(code) = of_refusal(path, cause) {
            findings.add(code, described(evidence, signs, "refused requests"));
        }
    }
    for (sign, signs) in &observations.signs {
        let (code, what) = match sign {
            Sign::OtherHost => (Code::OldHost, "requests for another host".to_owned()),
            Sign::Unencrypted(Applet::Stream) => (
                Code::WsInsteadOfWss,
                "streams that were requested unencrypted".to_owned(),
            ),
            Sign::Unencrypted(applet) => (
                Code::HttpInsteadOfHttps,
                format!(
                    "requests of `{}` that reached the proxy unencrypted",
                    applet.path()
                ),
            ),
            Sign::Placeholder(applet) => (
                Code::LiteralPlaceholder,
                format!("requests of `{}` with a placeholder", applet.path()),
            ),
            Sign::NoCustomField => (
                Code::CustomFieldMissing,
                "requests of outbound calls without `CustomField`".to_owned(),
            ),
            Sign::ForeignCustomField => (
                Code::CustomFieldForeign,
                "requests of outbound calls whose `CustomField` is no id of an order".to_owned(),
            ),
            Sign::Asynchronous(applet) => (
                Code::PassthruAsync,
                format!("requests that came before `{}` was answered", applet.path()),
            ),
            Sign::Doubled(applet) => (
                Code::DuplicateWebhooks,
                format!(
                    "requests of `{}` that had come before for the same call",
                    applet.path()
                ),
            ),
        };
        findings.add(code, described(evidence, signs, &what));
    }
    for (account, seen) in &observations.accounts {
        let is_other = match &evidence.reach.account_sid {
            Some(own) => own != account,
            None => observations.accounts.len() > 1,
        };
        if is_other {
            let words = format!(
                "{} streams of the account `{account}`, the last {}",
                seen.count,
                ago(evidence.now_ms, seen.last_ms)
            );
            findings.add(Code::OtherAccount, words);
        }
    }
    if let Some((ahead_ms, at_ms)) = observations.clock_ahead_ms
        && ahead_ms.unsigned_abs() > CLOCK_MS
    {
        let words = format!(
            "Exotel's clock was {} s {} this machine's {}",
            ahead_ms.unsigned_abs() / 1_000,
            if ahead_ms > 0 { "ahead of" } else { "behind" },
            ago(evidence.now_ms, at_ms)
        );
        findings.add(Code::ClockOff, words);
    }
}

/// The finding for refused requests, by the path and cause under which they are counted.
fn of_refusal(path: &str, cause: &str) -> Option<Code> {
    if matches!(
        path,
        "/api" | "/metrics" | "/websocket-url" | "/setup" | "/healthz" | "/readyz"
    ) {
        return None;
    }
    Some(match cause {
        "token" if path == Applet::Stream.path() => Code::StreamToken,
        "token" => Code::AppletToken,
        "path" => Code::WrongPath,
        "method" => Code::WrongMethod,
        "no-upgrade" => Code::ProxyWithoutUpgrade,
        "body" => Code::UnreadableCallback,
        _ => return None,
    })
}

fn described(evidence: &Evidence, signs: &Signs, what: &str) -> String {
    let Signs { seen, examples } = signs;
    let examples = if examples.is_empty() {
        String::new()
    } else {
        format!(": `{}`", examples.join("`, `"))
    };
    format!(
        "{what}: {}, the last {}{examples}",
        seen.count,
        ago(evidence.now_ms, seen.last_ms)
    )
}

/// Findings about single calls, grouped by code.
fn calls(evidence: &Evidence, findings: &mut Findings) {
    let mut by_code: BTreeMap<Code, Vec<(&CallRecord, String)>> = BTreeMap::new();
    for record in &evidence.calls {
        for (code, words) in of_call(record) {
            let calls = by_code.entry(code).or_default();
            if calls
                .last()
                .is_none_or(|(last, _)| last.call_id != record.call_id)
            {
                calls.push((record, words));
            }
        }
    }
    for (code, calls) in by_code {
        let Some((newest, words)) = calls.first() else {
            continue;
        };
        findings.add(
            code,
            counted(
                evidence,
                &calls.iter().map(|(record, _)| *record).collect::<Vec<_>>(),
            ),
        );
        findings.add(code, format!("in call {}: {words}", newest.call_id));
    }
}

/// The number of calls, when the newest was, and their ids, as a sentence.
fn counted(evidence: &Evidence, calls: &[&CallRecord]) -> String {
    let ids: Vec<_> = calls
        .iter()
        .take(EXAMPLES)
        .map(|record| record.call_id.to_string())
        .collect();
    let newest_ms = calls.first().map_or(0, |record| record.created_ms);
    format!(
        "{} of {} calls of the last day, the newest {}: {}",
        calls.len(),
        evidence.calls.len(),
        ago(evidence.now_ms, newest_ms),
        ids.join(", ")
    )
}

/// Findings that need many calls.
fn whole_day(evidence: &Evidence, findings: &mut Findings) {
    let now_ms = evidence.now_ms;
    let ended_before = |record: &CallRecord, ms: u64| {
        record.state == CallState::Ended
            && record
                .ended_ms
                .is_some_and(|ended_ms| now_ms.saturating_sub(ended_ms) > ms)
    };
    let each = || {
        let calls = evidence.calls.iter();
        calls.filter(|record| !is_of_browser(record))
    };

    let waiting: Vec<_> = each()
        .filter(|record| {
            record.state == CallState::Pending
                && record.call_sid.is_none()
                && record.problems.is_empty()
                && record
                    .steps
                    .iter()
                    .all(|entry| entry.step == Step::Triggered)
                && now_ms.saturating_sub(record.created_ms) > ORDER_WAITS_MS
        })
        .collect();
    if !waiting.is_empty() {
        findings.add(Code::OrderNeverCalled, counted(evidence, &waiting));
    }

    let spoken: Vec<_> = each()
        .filter(|record| record.started_ms.is_some() && record.call_sid.is_some())
        .collect();
    let called: Vec<_> = spoken
        .iter()
        .copied()
        .filter(|record| is_outbound(record) && ended_before(record, CALLBACK_LATE_MS))
        .collect();
    if !called.is_empty() && called.iter().all(|record| final_status(record).is_none()) {
        let words = format!("none was reported of {}", counted(evidence, &called));
        findings.add(Code::NoStatusCallback, words);
    }

    // a call with a Passthru before the bot is in an Exotel flow, which continues when the bot ends
    let after: Vec<_> = spoken
        .iter()
        .copied()
        .filter(|record| {
            record
                .steps
                .iter()
                .any(|entry| entry.step == Step::PassthruReceived)
                && !matches!(
                    record.own_outcome(),
                    Some(Outcome::HungUp | Outcome::ConnectionLost | Outcome::PeerLost)
                )
                && ended_before(record, AFTER_LATE_MS)
        })
        .collect();
    if !after.is_empty() && !after.iter().any(|record| has_passthru_after(record)) {
        let words = format!(
            "none asked `/passthru/after` of {}",
            counted(evidence, &after)
        );
        findings.add(Code::PassthruAfterMissing, words);
    }

    let asked: Vec<_> = each()
        .filter(|record| {
            let leg = record
                .transfer
                .as_ref()
                .and_then(|transfer| transfer.leg.as_ref());
            transfer::is_decided(record) && leg.is_some_and(|leg| leg.state.is_final())
        })
        .collect();
    let is_answered = |record: &&CallRecord| record.has_outcome(Outcome::Transferred);
    if asked.len() >= TRANSFERS && !asked.iter().any(is_answered) {
        findings.add(Code::AgentsNeverAnswer, counted(evidence, &asked));
    }
    time_limit(evidence, &spoken, findings);
}

/// Adds a finding if calls were cut off after the same time and none lasted longer.
fn time_limit(evidence: &Evidence, spoken: &[&CallRecord], findings: &mut Findings) {
    let lasted_ms = |record: &CallRecord| {
        record
            .ended_ms
            .zip(record.started_ms)
            .map_or(0, |(ended_ms, started_ms)| {
                ended_ms.saturating_sub(started_ms)
            })
    };
    let longest_ms = spoken
        .iter()
        .map(|record| lasted_ms(record))
        .max()
        .unwrap_or(0);
    if longest_ms < SHORT_MS {
        return;
    }
    let last: Vec<_> = spoken
        .iter()
        .copied()
        .filter(|record| longest_ms - lasted_ms(record) <= SAME_TIME_MS)
        .collect();
    let is_hung_up = |record: &&CallRecord| record.has_outcome(Outcome::HungUp);
    let hung_up = spoken
        .iter()
        .copied()
        .filter(|record| is_hung_up(record))
        .count();
    // callers hang up at any time: few of them would do so just at the limit
    if last.len() >= CUT_OFF && last.iter().all(is_hung_up) && last.len() * 5 >= hung_up {
        let words = format!(
            "cut off {} to {} s after the stream began, and none lasted longer: {}",
            longest_ms.saturating_sub(SAME_TIME_MS) / 1_000,
            longest_ms.div_ceil(1_000),
            counted(evidence, &last)
        );
        findings.add(Code::TimeLimit, words);
    }
}

#[cfg(test)]
mod tests;
