//! `[speech.providers.NAME]`: speech over the network, and the lists that name it. The protocols are
//! [`ghanti_speech::providers`]'.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use ghanti_model::{Language, Masked};
use ghanti_speech::Limits;
use ghanti_speech::providers::{KINDS, Kind, ProviderSettings};
use serde::de::value::{Error, StrDeserializer};
use serde::{Deserialize, Serialize};

use super::actions::resolved;
use super::webhooks::some_secret;
use super::{RecognizerKind, Speech, SynthesizerKind};
use crate::secret::Secret;

/// Maximum number of providers.
const PROVIDERS: usize = 16;
/// Maximum length of one list.
const LISTED: usize = 8;
/// Maximum length of a provider's name in bytes: it is a label in metrics.
const NAME_BYTES: usize = 32;

/// `[speech.providers.NAME]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Provider {
    /// Its protocol; when absent, the one that its name implies.
    #[serde(default)]
    pub kind: Option<Kind>,
    /// Its address; when absent, the provider's usual one.
    #[serde(default)]
    pub url: Option<String>,
    /// The account's API key: a text, `${file:PATH}` or `${env:NAME}`.
    #[serde(default, deserialize_with = "some_secret")]
    pub key: Option<Secret>,
    /// The region of an account at Azure.
    #[serde(default)]
    pub region: Option<String>,
    /// A PEM file of certificates to trust besides the system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Voices by language, by the provider's names.
    #[serde(default)]
    pub voices: BTreeMap<Language, String>,
    /// The languages it is used for; empty for all that it is known to support.
    #[serde(default)]
    pub languages: Vec<Language>,
    /// The model for synthesis.
    #[serde(default)]
    pub synthesis_model: Option<String>,
    /// The model for recognition.
    #[serde(default)]
    pub recognition_model: Option<String>,
    /// Timeout for the first audio of a sentence, in milliseconds.
    #[serde(default = "first_byte_ms")]
    pub first_byte_ms: u64,
    /// Timeout between two pieces of audio, in milliseconds.
    #[serde(default = "stall_ms")]
    pub stall_ms: u64,
    /// Timeout from the end of an utterance to its words, in milliseconds.
    #[serde(default = "result_ms")]
    pub result_ms: u64,
    /// Maximum number of retries for a sentence before its first audio.
    #[serde(default = "retries")]
    pub retries: u32,
}

/// Providers answer within half a second; callers take a pause of two seconds for a bad line.
fn first_byte_ms() -> u64 {
    1_500
}

fn stall_ms() -> u64 {
    1_500
}

/// After two seconds without words the caller is asked to wait.
fn result_ms() -> u64 {
    2_000
}

fn retries() -> u32 {
    1
}

impl Provider {
    fn kind(&self, name: &str) -> Option<Kind> {
        self.kind.or_else(|| Kind::named(name))
    }

    /// The settings for the speech crate; `None` if the provider's kind is not known.
    pub fn settings(&self, name: &str) -> Option<ProviderSettings> {
        Some(ProviderSettings {
            name: name.to_owned(),
            kind: self.kind(name)?,
            url: self.url.clone(),
            key: self.key.as_ref().map(|key| Masked::new(key.expose())),
            region: self.region.clone(),
            voices: self.voices.clone(),
            languages: self.languages.clone(),
            synthesis_model: self.synthesis_model.clone(),
            recognition_model: self.recognition_model.clone(),
        })
    }

    /// Its timeouts.
    pub fn limits(&self) -> Limits {
        Limits {
            first_byte: Duration::from_millis(self.first_byte_ms),
            stall: Duration::from_millis(self.stall_ms),
            result: Duration::from_millis(self.result_ms),
            retries: self.retries,
            at_once: None,
        }
    }
}

/// One configured synthesizer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SynthesizerChoice<'c> {
    /// A program or model on this machine.
    Local(SynthesizerKind),
    /// A provider, by its name.
    Provider(&'c str),
}

/// One configured recognizer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecognizerChoice<'c> {
    /// Vosk, in this process.
    Vosk,
    /// A provider, by its name.
    Provider(&'c str),
}

impl SynthesizerKind {
    fn named(name: &str) -> Option<Self> {
        Self::deserialize(StrDeserializer::<Error>::new(name)).ok()
    }

    /// Its name in configurations.
    pub fn name(self) -> String {
        let name = toml::Value::try_from(self).ok();
        name.and_then(|name| name.as_str().map(str::to_owned))
            .unwrap_or_default()
    }
}

impl Speech {
    /// The synthesizers, in order of failover.
    pub fn synthesizer_order(&self) -> Vec<SynthesizerChoice<'_>> {
        if self.synthesizers.is_empty() {
            return vec![SynthesizerChoice::Local(self.synthesizer)];
        }
        let names = self.synthesizers.iter().map(String::as_str);
        names
            .map(|name| {
                SynthesizerKind::named(name)
                    .map_or(SynthesizerChoice::Provider(name), SynthesizerChoice::Local)
            })
            .collect()
    }

    /// The recognizers, in order of failover; empty if callers answer with keys.
    pub fn recognizer_order(&self) -> Vec<RecognizerChoice<'_>> {
        if self.recognizers.is_empty() {
            return match self.recognizer {
                RecognizerKind::Vosk => vec![RecognizerChoice::Vosk],
                RecognizerKind::None => Vec::new(),
            };
        }
        let names = self.recognizers.iter().map(String::as_str);
        names
            .map(|name| match name {
                "vosk" => RecognizerChoice::Vosk,
                name => RecognizerChoice::Provider(name),
            })
            .collect()
    }
}

/// Replaces `${file:PATH}` and `${env:NAME}` by the keys. No error contains a key.
pub(super) fn resolve(
    speech: &mut Speech,
    environment: &[(String, String)],
    errors: &mut Vec<String>,
) {
    for (name, provider) in &mut speech.providers {
        let Some(key) = &mut provider.key else {
            continue;
        };
        match resolved(key.expose(), environment) {
            Ok(Some(text)) => *key = Secret::new(text),
            Ok(None) => {}
            Err(reason) => errors.push(format!(
                "`key` of `[speech.providers.{}]` {reason}",
                name.escape_default()
            )),
        }
    }
}

pub(super) fn check(speech: &Speech, errors: &mut Vec<String>) {
    if speech.providers.len() > PROVIDERS {
        errors.push(format!(
            "`[speech.providers]` has {}: there may be {PROVIDERS}",
            speech.providers.len()
        ));
    }
    for (name, provider) in &speech.providers {
        check_provider(name, provider, errors);
    }
    let speakers = speech
        .synthesizer_order()
        .into_iter()
        .filter_map(|who| match who {
            SynthesizerChoice::Provider(name) => Some(name),
            SynthesizerChoice::Local(_) => None,
        });
    let listeners = speech
        .recognizer_order()
        .into_iter()
        .filter_map(|who| match who {
            RecognizerChoice::Provider(name) => Some(name),
            RecognizerChoice::Vosk => None,
        });
    check_list("synthesizers", &speech.synthesizers, errors);
    check_list("recognizers", &speech.recognizers, errors);
    for name in speakers {
        let provider = check_listed("synthesizers", "espeak", name, speech, errors);
        match provider.and_then(|provider| Some((provider.kind(name)?, provider))) {
            Some((kind, _)) if !kind.speaks() => errors.push(format!(
                "`synthesizers` of `[speech]` names `{name}`, which only recognizes speech: name another one"
            )),
            Some((kind @ (Kind::Azure | Kind::ElevenLabs), provider))
                if provider.voices.is_empty() =>
            {
                errors.push(format!(
                    "`voices` of `[speech.providers.{name}]` is missing: {} has no default voice for a language, so name one for each",
                    kind.name()
                ));
            }
            _ => {}
        }
    }
    for name in listeners {
        check_listed("recognizers", "vosk", name, speech, errors);
    }
}

fn check_list(setting: &str, names: &[String], errors: &mut Vec<String>) {
    if names.len() > LISTED {
        errors.push(format!(
            "`{setting}` of `[speech]` has {}: there may be {LISTED}",
            names.len()
        ));
    }
    let different: BTreeSet<_> = names.iter().collect();
    if different.len() < names.len() {
        errors.push(format!(
            "`{setting}` of `[speech]` names one twice: list each once"
        ));
    }
}

fn check_listed<'s>(
    setting: &str,
    local: &str,
    name: &str,
    speech: &'s Speech,
    errors: &mut Vec<String>,
) -> Option<&'s Provider> {
    let provider = speech.providers.get(name);
    if provider.is_none() {
        let name = name.escape_default();
        errors.push(format!(
            "`{setting}` of `[speech]` names `{name}`, which is neither `{local}` nor a provider: write `[speech.providers.{name}]`, or another name"
        ));
    }
    provider
}

fn check_provider(name: &str, provider: &Provider, errors: &mut Vec<String>) {
    let place = format!("`[speech.providers.{}]`", name.escape_default());
    let is_name = !name.is_empty()
        && name.len() <= NAME_BYTES
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if !is_name || ["vosk", "none"].contains(&name) || SynthesizerKind::named(name).is_some() {
        errors.push(format!(
            "{place} needs another name: lower-case letters, digits and `-`, up to {NAME_BYTES}, and not the name of a local synthesizer or recogniser"
        ));
    }
    let Some(kind) = provider.kind(name) else {
        let kinds: Vec<_> = KINDS.iter().map(|kind| kind.name()).collect();
        errors.push(format!(
            "`kind` of {place} is missing: there are {}",
            kinds.join(", ")
        ));
        return;
    };
    let mut wrong =
        |setting: &str, what: &str| errors.push(format!("`{setting}` of {place} {what}"));
    match &provider.url {
        None if kind.needs_url() => wrong("url", "is missing: set its address"),
        None => {}
        Some(url) => {
            if let Err(reason) = check_url(url, kind, provider.key.is_some()) {
                wrong("url", &reason);
            }
        }
    }
    match &provider.key {
        None if kind.needs_key() => {
            wrong("key", "is missing: write `${file:PATH}` or `${env:NAME}`");
        }
        Some(key)
            if !key.expose().bytes().all(|byte| byte.is_ascii_graphic())
                || key.expose().is_empty() =>
        {
            wrong("key", "is empty, or has characters that a key cannot have");
        }
        _ => {}
    }
    match (&provider.region, kind, &provider.url) {
        (None, Kind::Azure, None) => wrong("region", "is missing: Azure shows it next to the key"),
        (Some(region), _, _)
            if region.is_empty() || !region.bytes().all(|byte| byte.is_ascii_alphanumeric()) =>
        {
            wrong("region", "is not a region such as `centralindia`");
        }
        _ => {}
    }
    let mut within = super::checks::Within {
        section: "speech.providers",
        errors,
    };
    within.range("first-byte-ms", provider.first_byte_ms, 100..=10_000, "ms");
    within.range("stall-ms", provider.stall_ms, 100..=10_000, "ms");
    within.range("result-ms", provider.result_ms, 100..=10_000, "ms");
    within.range("retries", provider.retries, 0..=3, "times");
}

fn check_url(url: &str, kind: Kind, has_key: bool) -> Result<(), String> {
    let schemes = kind.schemes();
    let split = url.split_once("://");
    let (scheme, rest) = split
        .filter(|(scheme, _)| schemes.contains(scheme))
        .ok_or_else(|| format!("has to begin with `{}://`", schemes.join("://` or `")))?;
    if rest
        .chars()
        .any(|character| !character.is_ascii_graphic() || "@?#\\\"<>{}|^`".contains(character))
    {
        return Err("may have a host, a port and a path only".to_owned());
    }
    let authority = rest.split('/').next().unwrap_or_default();
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => host,
        Some(_) if !authority.ends_with(']') => {
            return Err("has a port that is not a number from 0 to 65535".to_owned());
        }
        None if scheme == "tcp" => {
            return Err("needs a port, such as `tcp://127.0.0.1:10200`".to_owned());
        }
        _ => authority,
    };
    if host.is_empty() {
        return Err("names no host".to_owned());
    }
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let is_here = bare == "localhost"
        || bare
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback());
    if has_key && !is_here && matches!(scheme, "http" | "ws") {
        return Err(format!(
            "begins with `{scheme}://`, and others could read the key: use `{scheme}s://`"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{ConfigError, printed, read};
    use super::*;

    const SARVAM: &str = "[speech]\nsynthesizers = ['sarvam', 'espeak']\nrecognizers = ['sarvam', 'vosk']\n[speech.providers.sarvam]\nkey = '${env:SARVAM_KEY}'\n";

    fn environment() -> Vec<(String, String)> {
        vec![("SARVAM_KEY".to_owned(), "hunter2-hunter2".to_owned())]
    }

    fn error(text: &str) -> String {
        let ConfigError(errors) = read(text, environment()).unwrap_err();
        errors.join("\n")
    }

    #[test]
    fn the_older_settings_keep_their_meaning() {
        let before = read(
            "[speech]\nsynthesizer = 'espeak'\nrecognizer = 'none'\n",
            [],
        )
        .unwrap();
        let local = SynthesizerChoice::Local(SynthesizerKind::Espeak);
        assert_eq!(before.speech.synthesizer_order(), [local]);
        assert_eq!(before.speech.recognizer_order(), []);
        assert_eq!(
            read("", []).unwrap().speech.recognizer_order(),
            [RecognizerChoice::Vosk]
        );
    }

    #[test]
    fn providers_are_listed_in_order_and_their_keys_are_never_shown() {
        let config = read(SARVAM, environment()).unwrap();
        let local = SynthesizerChoice::Local(SynthesizerKind::Espeak);
        assert_eq!(
            config.speech.synthesizer_order(),
            [SynthesizerChoice::Provider("sarvam"), local]
        );
        let listens = [RecognizerChoice::Provider("sarvam"), RecognizerChoice::Vosk];
        assert_eq!(config.speech.recognizer_order(), listens);
        let settings = config.speech.providers["sarvam"]
            .settings("sarvam")
            .unwrap();
        assert_eq!(settings.key.as_ref().unwrap().expose(), "hunter2-hunter2");
        let shown = format!("{} {config:?} {settings:?}", printed(&config));
        assert!(
            !shown.contains("hunter2") && shown.contains("sarvam = {"),
            "{shown}"
        );
    }

    #[test]
    fn errors_name_the_setting_and_never_contain_the_key() {
        let own = |lines: &str| {
            format!(
                "[speech]\nsynthesizers = ['own']\n[speech.providers.own]\nkey = 'hunter2'\n{lines}\n"
            )
        };
        for (text, part) in [
            (own(""), "`kind` of `[speech.providers.own]` is missing"),
            (own("kind = 'polly'"), "`providers` of `[speech]`"),
            (
                own("kind = 'openai'"),
                "`url` of `[speech.providers.own]` is missing",
            ),
            (
                own("kind = 'openai'\nurl = 'http://tts.example.com'"),
                "others could read the key",
            ),
            (
                own("kind = 'openai'\nurl = 'https://a:hunter2@tts.example.com'"),
                "a host, a port and a path only",
            ),
            (
                own("kind = 'openai'\nurl = 'ftp://tts'"),
                "has to begin with `http://` or `https://`",
            ),
            (
                own("kind = 'vosk-server'\nurl = 'ws://127.0.0.1:2700'"),
                "only recognizes",
            ),
            (
                own("kind = 'wyoming'\nurl = 'tcp://127.0.0.1'"),
                "needs a port",
            ),
            (
                own("kind = 'azure'\nvoices = { en-IN = 'x' }"),
                "`region` of `[speech.providers.own]`",
            ),
            (
                own("kind = 'elevenlabs'"),
                "`voices` of `[speech.providers.own]` is missing",
            ),
            (
                own("kind = 'deepgram'\nfirst-byte-ms = 5"),
                "`first-byte-ms` of `[speech.providers]` is `5`",
            ),
            (own("kind = 'deepgram'\nretries = 9"), "`retries`"),
            (
                own("kind = 'deepgram'\ncolour = 1"),
                "`providers` of `[speech]`",
            ),
            (
                SARVAM.replace("'${env:SARVAM_KEY}'", "918273645546372"),
                "`providers` of `[speech]`",
            ),
            (
                SARVAM.replace("SARVAM_KEY", "NOT_SET"),
                "`NOT_SET`, which is not set",
            ),
            (
                SARVAM.replace("key = ", "# "),
                "`key` of `[speech.providers.sarvam]` is missing",
            ),
            (
                SARVAM.replace("'vosk'", "'whisper'"),
                "`recognizers` of `[speech]` names `whisper`",
            ),
            (SARVAM.replace("'espeak'", "'sarvam'"), "names one twice"),
            (
                "[speech.providers.vosk]\nkind = 'vosk-server'\nurl = 'ws://127.0.0.1:1'"
                    .to_owned(),
                "needs another name",
            ),
            (
                "[speech.providers.Two]\nkind = 'sarvam'\nkey = 'x'".to_owned(),
                "needs another name",
            ),
        ] {
            let error = error(&text);
            assert!(error.contains(part), "{text}: {error}");
            assert!(
                !error.contains("hunter2") && !error.contains("918273645546372"),
                "{error}"
            );
        }
    }
}
