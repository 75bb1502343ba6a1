//! Finds the call that a dial without a reply made in Exotel's list of calls. The list has no
//! `CustomField`, so that a call is recognised by its numbers and its time, and only where that
//! leaves no doubt. Pure.

use ghanti_exotel::rest::CallDetails;
use ghanti_model::{Direction, PhoneNumber};
use time::PrimitiveDateTime;
use time::macros::{format_description, offset};

/// How much earlier than the request its call may seem to be, by clocks that differ and seconds
/// that are cut off, in milliseconds.
const EARLIER_MS: u64 = 30_000;
/// How much later: twice the longest that a request may take, in milliseconds.
const LATER_MS: u64 = 60_000;

/// A dial whose result is unknown.
#[derive(Debug, Clone)]
pub struct UnknownDial {
    /// Who was to be called.
    pub customer: PhoneNumber,
    /// The number to call from.
    pub caller_id: PhoneNumber,
    /// When Exotel was asked, in milliseconds since 1970-01-01T00:00:00Z.
    pub asked_ms: u64,
}

impl UnknownDial {
    /// The listed calls that this dial may have made. Calls for which `is_known` returns true belong
    /// to another dial and are left out.
    pub fn candidates(
        &self,
        listed: Vec<CallDetails>,
        is_known: impl Fn(&CallDetails) -> bool,
    ) -> Vec<CallDetails> {
        let span =
            self.asked_ms.saturating_sub(EARLIER_MS)..=self.asked_ms.saturating_add(LATER_MS);
        let may_be = |call: &CallDetails| {
            // a call without these fields cannot be recognised for certain
            call.direction == Some(Direction::Outbound)
                && call.from.as_ref() == Some(&self.customer)
                && call.exophone.as_ref() == Some(&self.caller_id)
                && call
                    .created
                    .as_deref()
                    .and_then(unix_ms)
                    .is_some_and(|ms| span.contains(&ms))
                && !is_known(call)
        };
        listed.into_iter().filter(may_be).collect()
    }
}

/// Reads a time as Exotel writes it: Indian time, without a zone.
fn unix_ms(text: &str) -> Option<u64> {
    let form = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
    let time = PrimitiveDateTime::parse(text.trim(), form).ok()?;
    let seconds = time.assume_offset(offset!(+5:30)).unix_timestamp();
    u64::try_from(seconds.checked_mul(1_000)?).ok()
}

#[cfg(test)]
mod tests {
    use ghanti_exotel::rest::Call;
    use ghanti_model::CallSid;

    use super::*;

    /// 2026-11-27T10:00:00+05:30.
    const ASKED_MS: u64 = 1_795_753_800_000;

    fn number(text: &str) -> PhoneNumber {
        PhoneNumber::parse(text).unwrap()
    }

    fn listed(sid: &str, created: Option<&str>) -> CallDetails {
        CallDetails {
            call: Call {
                sid: CallSid::parse(sid).unwrap(),
                status: None,
                duration_s: None,
                recording_url: None,
            },
            direction: Some(Direction::Outbound),
            from: Some(number("09876500008")),
            to: None,
            exophone: Some(number("08045000000")),
            created: created.map(str::to_owned),
            updated: None,
            started: None,
            ended: None,
            price: None,
            answered_by: None,
        }
    }

    fn sids(calls: Vec<CallDetails>) -> Vec<String> {
        let dial = UnknownDial {
            customer: number("+919876500008"),
            caller_id: number("08045000000"),
            asked_ms: ASKED_MS,
        };
        let is_known = |call: &CallDetails| call.call.sid.as_str() == "known";
        let found = dial.candidates(calls, is_known);
        found
            .iter()
            .map(|call| call.call.sid.as_str().to_owned())
            .collect()
    }

    #[test]
    fn a_call_is_recognised_by_numbers_and_time() {
        let others = vec![
            listed("day-before", Some("2026-11-26 10:00:02")),
            listed("known", Some("2026-11-27 10:00:03")),
            listed("it", Some("2026-11-27 10:00:02")),
            listed("later", Some("2026-11-27 10:01:01")),
            listed("no-time", None),
            listed("nonsense", Some("1970-01-01T00:00:00Z")),
            CallDetails {
                exophone: Some(number("08045999999")),
                ..listed("other-line", Some("2026-11-27 10:00:02"))
            },
            CallDetails {
                direction: Some(Direction::Inbound),
                ..listed("came-in", Some("2026-11-27 10:00:02"))
            },
            CallDetails {
                from: Some(number("09876500009")),
                ..listed("somebody-else", Some("2026-11-27 10:00:02"))
            },
        ];
        assert_eq!(sids(others), ["it"]);
    }

    #[test]
    fn two_that_may_be_it_are_both_named() {
        let both = vec![
            listed("one", Some("2026-11-27 09:59:31")),
            listed("two", Some("2026-11-27 10:00:59")),
        ];
        assert_eq!(sids(both), ["one", "two"]);
    }
}
