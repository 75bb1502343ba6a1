//! The keys of the session store.
//!
//! | key | value | written by |
//! |---|---|---|
//! | `ghanti:customer:{call_id}` | the customer's record, JSON | `put_customer` |
//! | `ghanti:orders:{e164}` | ids of the number's orders, a list, newest first | `put_customer` |
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

use std::time::Duration;

use ghanti_model::{CallId, CallSid, PhoneNumber};

/// How the session store names keys and how long it keeps them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSettings {
    /// Prefix of every key of this engine, so that several engines can share one Redis.
    pub prefix: String,
    /// How long a key is kept, at least a millisecond. It must cover the time from storing a
    /// customer's record to the last applet of the call.
    pub ttl: Duration,
}

impl Default for SessionSettings {
    /// Prefix `ghanti` and a TTL of one day: a campaign stores its records in the morning and dials
    /// until night.
    fn default() -> Self {
        Self {
            prefix: "ghanti".to_owned(),
            ttl: Duration::from_secs(24 * 60 * 60),
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
