//! The keys of the session store.
//!
//! | key | value | written by |
//! |---|---|---|
//! | `ghanti:customer:{call_id}` | the customer's record, JSON | `put_customer` |
//! | `ghanti:orders:#{hash}` | ids of the number's orders, a list, newest first | `put_customer` |
//! | `ghanti:held:{order}` | `held`, once the order was handed to a flow | `hold` |
//! | `ghanti:claim:{order}` | the CallSid or stream id that claimed the order's id | `claim` |
//! | `ghanti:sid:{call_sid}` | the bound call's id, a space, and the order's id if known | `bind` |
//! | `ghanti:seen:{call_sid}` | what requests reported, a list of JSON, newest first | `see` |
//! | `ghanti:decision:{call_sid}` | what happens after the conversation, JSON | `put_decision` |
//! | `ghanti:rate:{name}` | when the next request comes if all come evenly, microseconds | `RequestRate` |
//!
//! `ghanti` is the default of [`SessionSettings::prefix`]. The TTL of a key starts anew each time
//! it is written; a rate's is a minute longer than its value is ahead. A flow's look-up uses its key
//! as it is, without the prefix.
//!
//! In place of a number stands its HMAC-SHA256 with [`SessionSettings::number_key`], so that nobody
//! who sees keys (`MONITOR`, a slow log, a backup) reads numbers. An earlier engine wrote the number
//! itself: such lists are read, and erased, until they expire.

use std::fmt;
use std::time::Duration;

use ghanti_model::chain::hexadecimal;
use ghanti_model::{CallId, CallSid, PhoneNumber};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// How the session store names keys and how long it keeps them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSettings {
    /// Prefix of every key of this engine, so that several engines can share one Redis.
    pub prefix: String,
    /// How long a key is kept, at least a millisecond. It must cover the time from storing a
    /// customer's record to the last applet of the call.
    pub ttl: Duration,
    /// What numbers in keys are hashed with, the same in all engines of one Redis. Without it they
    /// stand in clear.
    pub number_key: Option<NumberKey>,
}

/// A secret by which numbers are hashed; it prints as dots.
#[derive(Clone, PartialEq, Eq)]
pub struct NumberKey(String);

impl NumberKey {
    /// A key of any length.
    pub fn new(secret: String) -> Self {
        Self(secret)
    }

    fn hash(&self, phone: &PhoneNumber) -> Option<String> {
        // HMAC takes keys of any length (RFC 2104)
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.as_bytes()).ok()?;
        mac.update(phone.expose().as_bytes());
        Some(hexadecimal(&mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for NumberKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("NumberKey(…)")
    }
}

impl Default for SessionSettings {
    /// Prefix `ghanti` and a TTL of one day: a campaign stores its records in the morning and dials
    /// until night.
    fn default() -> Self {
        Self {
            prefix: "ghanti".to_owned(),
            ttl: Duration::from_secs(24 * 60 * 60),
            number_key: None,
        }
    }
}

impl SessionSettings {
    /// The TTL in whole milliseconds, at least 1, for Redis.
    pub(crate) fn ttl_ms(&self) -> u64 {
        u64::try_from(self.ttl.as_millis())
            .unwrap_or(u64::MAX)
            .max(1)
    }

    /// Whether a key belongs to this engine, so that a flow's look-up may not read it.
    pub(crate) fn owns(&self, key: &str) -> bool {
        key.strip_prefix(&self.prefix)
            .is_some_and(|rest| rest.starts_with(':'))
    }

    pub(crate) fn customer(&self, call: CallId) -> Key {
        Key::open(format!("{}:customer:{call}", self.prefix))
    }

    /// The key of a number's orders.
    pub(crate) fn orders(&self, phone: &PhoneNumber) -> Key {
        let hash = self.number_key.as_ref().and_then(|key| key.hash(phone));
        let name = hash.map_or_else(|| phone.expose().to_owned(), |hash| format!("#{hash}"));
        Key {
            text: format!("{}:orders:{name}", self.prefix),
            shown: format!("{}:orders:{phone}", self.prefix),
        }
    }

    /// The keys under which orders of a number may be: that of [`Self::orders`], and that of earlier
    /// engines.
    pub(crate) fn all_orders(&self, phone: &PhoneNumber) -> Vec<Key> {
        let mut keys = vec![self.orders(phone)];
        if self.number_key.is_some() {
            let in_clear = Self {
                number_key: None,
                ..self.clone()
            };
            keys.push(in_clear.orders(phone));
        }
        keys
    }

    pub(crate) fn held(&self, order: CallId) -> Key {
        Key::open(format!("{}:held:{order}", self.prefix))
    }

    pub(crate) fn claim(&self, order: CallId) -> Key {
        Key::open(format!("{}:claim:{order}", self.prefix))
    }

    pub(crate) fn seen(&self, sid: &CallSid) -> Key {
        Key::open(format!("{}:seen:{sid}", self.prefix))
    }

    pub(crate) fn sid(&self, sid: &CallSid) -> Key {
        Key::open(format!("{}:sid:{sid}", self.prefix))
    }

    pub(crate) fn decision(&self, sid: &CallSid) -> Key {
        Key::open(format!("{}:decision:{sid}", self.prefix))
    }

    pub(crate) fn rate(&self, name: &str) -> Key {
        Key::open(format!("{}:rate:{name}", self.prefix))
    }
}

/// A key, and how it is shown in errors.
#[derive(Clone)]
pub(crate) struct Key {
    /// The key as stored.
    pub(crate) text: String,
    /// The key for errors and logs, with numbers masked.
    pub(crate) shown: String,
}

impl Key {
    /// A key without personal data.
    fn open(text: String) -> Self {
        Self {
            shown: text.clone(),
            text,
        }
    }

    /// A key chosen by a flow. It may contain a customer's number, so only the last four of any run
    /// of digits are shown.
    pub(crate) fn foreign(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            shown: masked_digits(text),
        }
    }
}

fn masked_digits(text: &str) -> String {
    const SHOWN_DIGITS: usize = 4;
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let digits = rest.chars().take_while(char::is_ascii_digit).count();
        let taken = if digits == 0 {
            character.len_utf8()
        } else {
            digits
        };
        let (run, tail) = rest.split_at(taken);
        let hidden = digits.saturating_sub(SHOWN_DIGITS);
        masked.extend(std::iter::repeat_n('x', hidden));
        masked.push_str(run.get(hidden..).unwrap_or_default());
        rest = tail;
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_as_documented() {
        let settings = SessionSettings::default();
        let (call, sid) = (CallId::generate(), CallSid::parse("abc123").unwrap());
        let phone = PhoneNumber::parse("09876543210").unwrap();
        assert_eq!(
            settings.customer(call).text,
            format!("ghanti:customer:{call}")
        );
        assert_eq!(settings.orders(&phone).text, "ghanti:orders:+919876543210");
        assert_eq!(settings.held(call).text, format!("ghanti:held:{call}"));
        assert_eq!(settings.claim(call).text, format!("ghanti:claim:{call}"));
        assert_eq!(settings.seen(&sid).text, "ghanti:seen:abc123");
        assert_eq!(settings.sid(&sid).text, "ghanti:sid:abc123");
        assert_eq!(settings.decision(&sid).text, "ghanti:decision:abc123");
        assert_eq!(settings.rate("exotel:acme").text, "ghanti:rate:exotel:acme");
    }

    #[test]
    fn a_number_in_a_key_is_hashed_with_the_installations_key() {
        let with = |secret: &str| SessionSettings {
            number_key: Some(NumberKey::new(secret.to_owned())),
            ..SessionSettings::default()
        };
        let phone = PhoneNumber::parse("09876543210").unwrap();
        let key = with("one").orders(&phone);
        assert!(!key.text.contains("9876543210"), "{}", key.text);
        assert_eq!(key.text, with("one").orders(&phone).text);
        assert_ne!(key.text, with("another").orders(&phone).text);
        assert_eq!(key.shown, "ghanti:orders:xxxxxx3210");
        assert!(!format!("{:?}", with("one")).contains("one"));
        let all = with("one").all_orders(&phone);
        let all: Vec<&str> = all.iter().map(|key| key.text.as_str()).collect();
        assert_eq!(all, [key.text.as_str(), "ghanti:orders:+919876543210"]);
    }

    #[test]
    fn our_own_keys_are_known_by_their_prefix() {
        let settings = SessionSettings::default();
        assert!(settings.owns(&settings.customer(CallId::generate()).text));
        assert!(
            ["loan:42", "ghanti", "ghantix:1", "crm:ghanti:1"]
                .iter()
                .all(|key| !settings.owns(key))
        );
    }

    #[test]
    fn shown_keys_hold_no_whole_number() {
        let phone = PhoneNumber::parse("9876543210").unwrap();
        assert_eq!(
            SessionSettings::default().orders(&phone).shown,
            "ghanti:orders:xxxxxx3210"
        );
        assert_eq!(
            Key::foreign("crm:919876543210:loan:42:é").shown,
            "crm:xxxxxxxx3210:loan:42:é"
        );
    }
}
