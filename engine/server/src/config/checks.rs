//! Checks of single values. Each error names the setting, its value and the values allowed.

use std::fmt::Display;
use std::ops::RangeInclusive;

use ghanti_model::Zone;

use super::{
    Config, Speech, actions, allowance, exotel, overrides, providers, recording, retention, tokens,
    traces, transfer, urls, webhooks,
};
use crate::logs;

pub(super) fn check(config: &Config, errors: &mut Vec<String>) {
    let Config {
        server,
        calls,
        stores,
        ..
    } = config;
    if let Some(url) = &server.public_url {
        urls::public(url, &server.path, errors);
    }
    urls::path(&server.path, errors);
    let mut within = Within {
        section: "server",
        errors,
    };
    within.range("max-calls", server.max_calls, 1..=100_000, "calls");
    within.range(
        "drain-s",
        server.drain_s.unwrap_or_default(),
        0..=86_400,
        "seconds",
    );
    within.range(
        "connections",
        server.connections,
        1..=1_000_000,
        "connections",
    );
    within.range(
        "connections-per-address",
        server.connections_per_address,
        1..=1_000_000,
        "connections",
    );
    within.range("head-s", server.head_s, 1..=300, "seconds");
    within.range("idle-s", server.idle_s, 1..=3_600, "seconds");
    within.range("body-s", server.body_s, 1..=300, "seconds");
    if ![8_000, 16_000, 24_000].contains(&calls.sample_rate_hz) {
        errors.push(format!(
            "`sample-rate-hz` of `[calls]` is `{}`: Exotel has 8000, 16000 and 24000",
            calls.sample_rate_hz
        ));
    }
    if !(1..=60).contains(&calls.ring_s) {
        errors.push(format!(
            "`ring-s` of `[calls]` is `{}`: Exotel rings 1 to 60 seconds",
            calls.ring_s
        ));
    }
    if !(1..=60).contains(&calls.longest_minutes) {
        errors.push(format!(
            "`longest-minutes` of `[calls]` is `{}`: a stream lasts 1 to 60 minutes",
            calls.longest_minutes
        ));
    }
    if !(-720..=840).contains(&calls.offset_minutes) {
        errors.push(format!(
            "`offset-minutes` of `[calls]` is `{}`: offsets lie between -720 and 840",
            calls.offset_minutes
        ));
    }
    tokens::check(config, errors);
    if let Some(name) = &calls.time_zone
        && let Err(no_zone) = Zone::parse(name)
    {
        errors.push(format!(
            "`time-zone` of `[calls]` is `{}`, which {no_zone}",
            name.escape_debug()
        ));
    }
    transfer::check(config, errors);
    webhooks::check(&config.webhooks, errors);
    traces::check(&config.traces, errors);
    actions::check(config, errors);
    recording::check(&config.recording, errors);
    retention::check(&config.retention, errors);
    exotel::check(&config.exotel, errors);
    allowance::check(&config.limits, errors);
    overrides::check(config, errors);
    let mut within = Within {
        section: "stores",
        errors,
    };
    within.range("ttl-hours", stores.ttl_hours, 1..=8_760, "hours");
    within.range("look-up-ms", stores.look_up_ms, 50..=2_000, "milliseconds");
    if let Some(url) = &stores.redis_url {
        urls::store(
            "redis-url",
            url.expose(),
            &["redis", "rediss", "redis+unix", "unix"],
            "to keep sessions in this process",
            errors,
        );
    }
    if let Some(url) = &stores.database_url {
        urls::store(
            "database-url",
            url.expose(),
            &["postgres", "postgresql", "sqlite"],
            "to keep call records in SQLite",
            errors,
        );
    }
    speech(&config.speech, errors);
    providers::check(&config.speech, errors);
    if let Err(error) = logs::filter(&config.log.level) {
        errors.push(error.to_string());
    }
    if config.log.folder.as_os_str().is_empty() {
        errors.push("`folder` of `[log]` is empty: name a folder, such as `logs`".to_owned());
    }
}

fn speech(speech: &Speech, errors: &mut Vec<String>) {
    let mut within = Within {
        section: "speech",
        errors,
    };
    within.range(
        "words-per-minute",
        speech.words_per_minute,
        80..=400,
        "words",
    );
    within.range(
        "recognizer-threads",
        speech.recognizer_threads,
        1..=64,
        "threads",
    );
    within.range(
        "speculation-characters",
        speech.speculation_characters,
        0..=100_000,
        "characters",
    );
    if speech.vosk_library.as_os_str().is_empty() {
        errors.push("`vosk-library` of `[speech]` is empty: name the library's file, or remove it for the default".to_owned());
    }
    for (language, _) in speech
        .vosk_models
        .iter()
        .filter(|(_, folder)| folder.as_os_str().is_empty())
    {
        errors
            .push(format!("`vosk-models` of `[speech]` names no folder for `{language}`: name the model's folder, or remove the language"));
    }
}

pub(super) struct Within<'e> {
    pub(super) section: &'static str,
    pub(super) errors: &'e mut Vec<String>,
}

impl Within<'_> {
    pub(super) fn range<T: PartialOrd + Display>(
        &mut self,
        key: &str,
        value: T,
        range: RangeInclusive<T>,
        unit: &str,
    ) {
        if !range.contains(&value) {
            let (section, least, most) = (self.section, range.start(), range.end());
            self.errors.push(format!(
                "`{key}` of `[{section}]` is `{value}`: choose {least} to {most} {unit}"
            ));
        }
    }
}
