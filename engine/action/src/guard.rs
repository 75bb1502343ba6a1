//! Secrets of requests in answers: a server that repeats what it was sent must not bring them to a
//! flow, and from there into a journal.

use serde_json::Value as Json;

use crate::fault::Fault;
use crate::secret::SecretText;
use crate::url::encoded;

/// The shortest secret that is looked for: a shorter one would be found in any text.
const SECRET_BYTES: usize = 6;

/// What no answer may repeat.
#[derive(Debug, Default)]
pub(crate) struct Guard(Vec<SecretText>);

impl Guard {
    /// Guards these texts, as they are and as they are written in URLs.
    pub(crate) fn new<'a>(secrets: impl IntoIterator<Item = &'a SecretText>) -> Self {
        let mut all = Vec::new();
        for secret in secrets {
            if secret.expose().len() >= SECRET_BYTES {
                all.push(SecretText::new(encoded(secret.expose())));
                all.push(secret.clone());
            }
        }
        Self(all)
    }

    /// Fails if an answer contains a secret.
    pub(crate) fn check(&self, answer: &Json) -> Result<(), Fault> {
        if self.0.iter().any(|secret| repeats(answer, secret.expose())) {
            return Err(Fault::answer(
                "its answer repeats a secret of the request, which no flow may have",
            ));
        }
        Ok(())
    }
}

fn repeats(value: &Json, secret: &str) -> bool {
    match value {
        Json::String(text) => text.contains(secret),
        Json::Array(items) => items.iter().any(|item| repeats(item, secret)),
        Json::Object(fields) => fields
            .iter()
            .any(|(name, field)| name.contains(secret) || repeats(field, secret)),
        Json::Number(number) => number.to_string() == secret,
        Json::Null | Json::Bool(_) => false,
    }
}
