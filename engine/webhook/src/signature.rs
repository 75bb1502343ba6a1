//! Signatures of messages, by which a receiver verifies that they come from this engine and are
//! //! unchanged.
//!
//! Source: Standard Webhooks, "Signature scheme", symmetric: HMAC-SHA256 over
//! `id.timestamp.body`, in base64 after `v1,`. A key is `whsec_` and 24 to 64 bytes in base64.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The prefix of a key.
const PREFIX: &str = "whsec_";
/// The length of a key in bytes.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// A text that is not a key. It has no details, since the text is secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "it is not a key of the Standard Webhooks specification, `whsec_` and 24 to 64 bytes in base64; create one with \
     `echo \"whsec_$(openssl rand -base64 32)\"`"
)]
pub struct UnusableKey;

/// A key that signs messages. `Debug` does not show it.
#[derive(Clone)]
pub struct SigningKey(Hmac<Sha256>);

impl SigningKey {
    /// Parses a key, `whsec_…`.
    ///
    /// # Errors
    /// It is not of that form, or too short.
    pub fn parse(text: &str) -> Result<Self, UnusableKey> {
        let encoded = text.strip_prefix(PREFIX).ok_or(UnusableKey)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| UnusableKey)?;
        if !BYTES.contains(&bytes.len()) {
            return Err(UnusableKey);
        }
        let mac = Hmac::<Sha256>::new_from_slice(&bytes).map_err(|_| UnusableKey)?;
        Ok(Self(mac))
    }

    /// Returns the signature of a message that is sent at this time, in seconds since
    /// 1970-01-01T00:00:00Z.
    pub fn sign(&self, id: &str, timestamp_s: u64, body: &str) -> String {
        let mut mac = self.0.clone();
        mac.update(format!("{id}.{timestamp_s}.").as_bytes());
        mac.update(body.as_bytes());
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    /// The example of the specification's libraries (standard-webhooks, `libraries`).
    #[test]
    fn the_signature_is_that_of_the_specifications_example() {
        let key = SigningKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature = key.sign(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            r#"{"test": 2432232314}"#,
        );
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn an_invalid_key_is_refused_and_not_shown() {
        let short = format!("{PREFIX}{}", STANDARD.encode([7; 23]));
        let long = format!("{PREFIX}{}", STANDARD.encode([7; 65]));
        for text in ["", "hunter2", "whsec_", "whsec_hunter2!", &short, &long] {
            let error = SigningKey::parse(text).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
        assert_eq!(
            format!(
                "{:?}",
                SigningKey::parse(&format!("{PREFIX}{}", STANDARD.encode([7; 24]))).unwrap()
            ),
            "SigningKey"
        );
    }
}
