//! The keys of the session store, all in one place.
//!
//! | key | value | written by |
//! |---|---|---|
//! | `ghanti:customer:{call_id}` | the customer's record, JSON | `put_customer` |
//! | `ghanti:orders:{e164}` | the ids of the number's orders, newest first, a list | `put_customer` |
//! | `ghanti:held:{order}` | `held`, once the order was handed to a flow | `hold` |
//! | `ghanti:claim:{order}` | Exotel's id of the call whose record has the order's id | `claim` |
//! | `ghanti:sid:{call_sid}` | the call id bound to Exotel's CallSid, and behind a space the order's | `bind` |
//! | `ghanti:seen:{call_sid}` | what applets have said of the call, newest first, a list of JSON | `see` |
//! | `ghanti:decision:{call_sid}` | what happens after the conversation, JSON | `put_decision` |
//!
//! `ghanti` is the default of [`SessionSettings::prefix`]. Every key has a TTL from the moment it
//! is written. A flow's look-up takes a key verbatim, without the prefix.

use std::time::Duration;

use ghanti_model::{CallId, CallSid, PhoneNumber};

/// How the session store names its keys and how long it keeps them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSettings {
    /// What every key of ours begins with, so that several engines can share one Redis.
    pub prefix: String,
    /// How long a key lives, at least a millisecond. It has to outlast the time from storing a
    /// customer's record to the last applet of the call.
    pub ttl: Duration,
}

impl Default for SessionSettings {
    /// Prefix `ghanti`, and a day: a campaign stores its records in the morning and dials until
    /// night.
    fn default() -> Self {
        Self {
            prefix: "ghanti".to_owned(),
            ttl: Duration::from_secs(24 * 60 * 60),
        }
    }
}

impl SessionSettings {
    /// The TTL in whole milliseconds, as Redis takes it.
    pub(crate) fn ttl_ms(&self) -> u64 {
        u64::try_from(self.ttl.as_millis())
            .unwrap_or(u64::MAX)
            .max(1)
    }

    /// Whether a key is one of ours, which no look-up may read.
    pub(crate) fn owns(&self, key: &str) -> bool {
        key.strip_prefix(&self.prefix)
            .is_some_and(|rest| rest.starts_with(':'))
    }

    pub(crate) fn customer(&self, call: CallId) -> Key {
        Key::open(format!("{}:customer:{call}", self.prefix))
    }

    pub(crate) fn orders(&self, phone: &PhoneNumber) -> Key {
        Key {
            text: format!("{}:orders:{}", self.prefix, phone.expose()),
            shown: format!("{}:orders:{phone}", self.prefix),
        }
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
}

/// A key as it is stored and as an error may show it.
#[derive(Clone)]
pub(crate) struct Key {
    /// As it is stored.
    pub(crate) text: String,
    /// As a log may have it, numbers masked.
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

    /// A key that a flow made up: it may hold a customer's number, so no run of digits is shown
    /// beyond its last four.
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
