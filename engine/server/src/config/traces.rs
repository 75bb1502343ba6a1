//! `[traces]`: where the traces of calls are sent.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use ghanti_trace::Collector;
use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

use super::actions::resolved;
use crate::secret::Secret;

/// The most headers of a request.
const HEADERS: usize = 16;
/// The longest wait for what is reported of a call that has ended: as long as an agent may talk.
const LONGEST_AFTER_S: u64 = 4_500;

/// `[traces]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Traces {
    /// The collector's address for OTLP over HTTP. When absent, nothing is sent.
    pub url: Option<String>,
    /// Further headers, such as the collector's key.
    pub headers: BTreeMap<String, Secret>,
    /// The name of the service in the traces.
    pub service: String,
    /// Of how many calls in a hundred the trace is sent.
    pub percent: u64,
    /// How many seconds after a call's end its trace is made.
    pub after_s: u64,
    /// A PEM file of certificates to trust besides the system's.
    pub ca_file: Option<PathBuf>,
}

impl Default for Traces {
    fn default() -> Self {
        Self {
            url: None,
            headers: BTreeMap::new(),
            service: "ghanti".to_owned(),
            percent: 100,
            after_s: 30,
            ca_file: None,
        }
    }
}

impl Traces {
    /// The collector, if there is one; one with errors is none, and a configuration that was read has
    /// none of those.
    pub fn collector(&self) -> Option<Collector> {
        self.read().ok().flatten()
    }

    fn read(&self) -> Result<Option<Collector>, Vec<String>> {
        let mut errors = Vec::new();
        let url = self.url.as_deref().and_then(|url| match Url::parse(url) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Some(url),
            _ => {
                errors.push(
                    "`url` of `[traces]` is no address: write one such as `http://127.0.0.1:4318/v1/traces`"
                        .to_owned(),
                );
                None
            }
        });
        if self.headers.len() > HEADERS {
            errors.push(format!(
                "`headers` of `[traces]` has {}: there may be {HEADERS}",
                self.headers.len()
            ));
        }
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let read = (
                HeaderName::try_from(name),
                HeaderValue::try_from(value.expose()),
            );
            match read {
                (Ok(name), Ok(mut value)) => {
                    value.set_sensitive(true);
                    headers.insert(name, value);
                }
                (Err(_), _) => errors.push(format!(
                    "`headers` of `[traces]` has `{}`, which is not a valid header name",
                    name.escape_default()
                )),
                (_, Err(_)) => errors.push(format!(
                    "`{name}` of `headers` of `[traces]` takes printable ASCII alone"
                )),
            }
        }
        for (setting, value, most) in [
            ("percent", self.percent, 100),
            ("after-s", self.after_s, LONGEST_AFTER_S),
        ] {
            if !(1..=most).contains(&value) {
                errors.push(format!(
                    "`{setting}` of `[traces]` is `{value}`: choose 1 to {most}"
                ));
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(url.map(|url| Collector {
            url,
            headers,
            service: self.service.clone(),
            percent: self.percent,
            after: Duration::from_secs(self.after_s),
        }))
    }
}

/// Replaces `${file:PATH}` and `${env:NAME}` by the secrets. No error contains a secret.
pub(super) fn resolve(
    traces: &mut Traces,
    environment: &[(String, String)],
    errors: &mut Vec<String>,
) {
    for (name, kept) in &mut traces.headers {
        match resolved(kept.expose(), environment) {
            Ok(Some(text)) => *kept = Secret::new(text),
            Ok(None) => {}
            Err(reason) => errors.push(format!(
                "`{}` of `headers` of `[traces]` {reason}",
                name.escape_default()
            )),
        }
    }
}

pub(super) fn check(traces: &Traces, errors: &mut Vec<String>) {
    if let Err(wrong) = traces.read() {
        errors.extend(wrong);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ConfigError, printed, read};

    fn errors(text: &str) -> String {
        match read(&format!("[traces]\n{text}"), []) {
            Err(ConfigError(errors)) => errors.join("\n"),
            Ok(_) => String::new(),
        }
    }

    #[test]
    fn what_cannot_be_used_is_refused_with_its_setting() {
        for (text, error) in [
            ("url = 'collector:4318'", "`url` of `[traces]`"),
            ("url = 'ftp://collector/'", "`url` of `[traces]`"),
            ("percent = 0", "`percent` of `[traces]` is `0`"),
            ("percent = 101", "choose 1 to 100"),
            ("after-s = 4501", "`after-s` of `[traces]`"),
            ("headers = { 'two words' = 'a' }", "`two words`"),
            ("headers = { key = \"hunter2\\n\" }", "`key` of `headers`"),
            ("headers = { key = '${env:NOT_SET}' }", "`NOT_SET`"),
            ("ratio = 1", "ratio"),
        ] {
            let errors = errors(text);
            assert!(errors.contains(error), "{text}: {errors}");
            assert!(!errors.contains("hunter2"), "{errors}");
        }
    }

    #[test]
    fn a_key_comes_from_the_environment_and_is_never_printed() {
        let text = "[traces]\nurl = 'https://otlp.example.com/v1/traces'\nheaders = { api-key = '${env:OTLP_KEY}' }";
        let environment = [("OTLP_KEY".to_owned(), "hunter2-hunter2".to_owned())];
        let config = read(text, environment).unwrap();
        let collector = config.traces.collector().unwrap();
        assert_eq!(collector.headers["api-key"], "hunter2-hunter2");
        assert!(!format!("{:?}", collector.headers).contains("hunter2"));
        assert!(!printed(&config).contains("hunter2"));
        assert!(read("", []).unwrap().traces.collector().is_none());
    }
}
