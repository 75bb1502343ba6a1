//! Which of the calls in Exotel's list is the one that a dial without a reply made, or that there is
//! none. The list has no `CustomField`, so that a call is recognised by its numbers and its time, and
//! only where that leaves no doubt. Pure.

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

/// Whose a listed call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// Nobody's, or that of the dial that is looked for.
    Free,
    /// Another dial's or order's.
    Another,
    /// The database does not say.
    NotKnown,
}

/// What Exotel's list says of a dial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// This is the call.
    Call(Box<CallDetails>),
    /// There is no such call, in a list that goes back to before the dial.
    Nothing,
    /// It does not say, for this reason.
    NotClear(String),
}

impl UnknownDial {
    /// Finds the call of this dial in a list of the newest calls to its number. `owner` says whose a
    /// call is that may be it. The list is complete if it has fewer calls than were asked for, or one
    /// from before the dial.
    pub fn find(
        &self,
        listed: Vec<CallDetails>,
        asked_for: usize,
        owner: impl Fn(&CallDetails) -> Owner,
    ) -> Found {
        let from_ms = self.asked_ms.saturating_sub(EARLIER_MS);
        let span = from_ms..=self.asked_ms.saturating_add(LATER_MS);
        let created = |call: &CallDetails| call.created.as_deref().and_then(unix_ms);
        let is_complete = listed.len() < asked_for
            || listed
                .iter()
                .filter_map(created)
                .any(|created| created < from_ms);
        let is_another = |call: &CallDetails| {
            let differs = |is_same: Option<bool>| is_same == Some(false);
            differs(call.direction.map(|way| way == Direction::Outbound))
                || differs(call.from.as_ref().map(|from| *from == self.customer))
                || differs(created(call).map(|at_ms| span.contains(&at_ms)))
                || owner(call) == Owner::Another
        };
        let is_certain = |call: &CallDetails| {
            call.direction.is_some()
                && call.from.is_some()
                && call.exophone.as_ref() == Some(&self.caller_id)
                && created(call).is_some()
                && owner(call) == Owner::Free
        };
        let may_be = listed.into_iter().filter(|call| !is_another(call));
        // what is missing or differs a little is not certain, in neither direction
        let (mut free, doubtful): (Vec<_>, Vec<_>) = may_be.partition(is_certain);
        let has_doubt = !is_complete || !doubtful.is_empty();
        match (free.pop(), free.len()) {
            (Some(call), 0) => Found::Call(Box::new(call)),
            (Some(_), others) => Found::NotClear(format!(
                "Exotel lists {} calls to this number from that time, and which is this one is not certain",
                others + 1
            )),
            (None, _) if has_doubt => Found::NotClear(
                "whether one of the calls that Exotel lists is this one is not certain".to_owned(),
            ),
            (None, _) => Found::Nothing,
        }
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

    fn found(calls: Vec<CallDetails>, asked_for: usize) -> Found {
        let dial = UnknownDial {
            customer: number("+919876500008"),
            caller_id: number("08045000000"),
            asked_ms: ASKED_MS,
        };
        dial.find(calls, asked_for, |call| match call.call.sid.as_str() {
            "known" => Owner::Another,
            "asked-in-vain" => Owner::NotKnown,
            _ => Owner::Free,
        })
    }

    fn others() -> Vec<CallDetails> {
        vec![
            listed("day-before", Some("2026-11-26 10:00:02")),
            listed("known", Some("2026-11-27 10:00:03")),
            listed("later", Some("2026-11-27 10:01:01")),
            CallDetails {
                direction: Some(Direction::Inbound),
                ..listed("came-in", Some("2026-11-27 10:00:02"))
            },
            CallDetails {
                from: Some(number("09876500009")),
                ..listed("somebody-else", Some("2026-11-27 10:00:02"))
            },
        ]
    }

    #[test]
    fn a_call_is_recognised_by_numbers_and_time() {
        let it = listed("it", Some("2026-11-27 10:00:02"));
        let other_line = CallDetails {
            exophone: Some(number("08045999999")),
            ..listed("other-line", Some("2026-11-27 10:00:02"))
        };
        let with_it = [others(), vec![it.clone(), other_line]].concat();
        assert_eq!(found(with_it, 20), Found::Call(Box::new(it)));
    }

    #[test]
    fn that_nobody_was_dialled_is_known_only_from_a_list_that_leaves_no_doubt() {
        let and = |call| [others(), vec![call]].concat();
        let at = "2026-11-27 10:00:02";
        let not_clear = |found: Found| matches!(found, Found::NotClear(_));
        let without = |from, exophone| CallDetails {
            from,
            exophone,
            ..listed("it", Some(at))
        };
        let (customer, line) = (number("09876500008"), number("08045000000"));
        assert_eq!(found(others(), 20), Found::Nothing);
        assert_eq!(found(Vec::new(), 20), Found::Nothing);
        // as many as were asked for, and one of them from before the dial
        assert_eq!(found(others(), others().len()), Found::Nothing);
        let newest = vec![listed("later", Some("2026-11-27 10:01:01"))];
        assert!(not_clear(found(newest, 1)), "older ones are not in it");
        assert!(not_clear(found(and(listed("asked-in-vain", Some(at))), 20)));
        assert!(not_clear(found(and(listed("no-time", None)), 20)));
        assert!(not_clear(found(and(without(None, Some(line))), 20)));
        assert!(not_clear(found(
            and(without(Some(customer.clone()), None)),
            20
        )));
        let other_line = Some(number("08045999999"));
        assert!(not_clear(found(
            and(without(Some(customer), other_line)),
            20
        )));
        let nonsense = listed("nonsense", Some("1970-01-01T00:00:00Z"));
        assert!(not_clear(found(and(nonsense), 20)));
    }

    #[test]
    fn of_two_that_may_be_it_neither_is_taken() {
        let both = vec![
            listed("one", Some("2026-11-27 09:59:31")),
            listed("two", Some("2026-11-27 10:00:59")),
        ];
        let Found::NotClear(why) = found(both, 20) else {
            panic!("one was taken");
        };
        assert!(why.contains("2 calls"), "{why}");
    }
}
