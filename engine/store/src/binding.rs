//! What links Exotel's CallSid to a call of ours and to the order it was dialled for.
//!
//! An *order* is a customer's record that was stored for a coming call (`POST /api/calls`). A
//! *call* is what Exotel knows by a CallSid; several calls may be dialled for one order, and each
//! has a record of its own.

use std::fmt;

use ghanti_model::{CallId, CallSid, CustomerRecord, Direction, PhoneNumber, StreamSid};
use serde::{Deserialize, Serialize};

/// Which call of ours a CallSid is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding {
    /// The call, by whose id its record is kept.
    pub call_id: CallId,
    /// The order it was dialled for, where that is known.
    pub order: Option<CallId>,
}

impl Binding {
    /// Reads what [`fmt::Display`] wrote: the call's id, and behind a space the order's.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut ids = text.split(' ').map(CallId::parse);
        let binding = Self {
            call_id: ids.next()??,
            order: ids.next().map_or(Some(None), |order| order.map(Some))?,
        };
        ids.next().is_none().then_some(binding)
    }
}

impl fmt::Display for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.call_id.fmt(f)?;
        self.order.map_or(Ok(()), |order| write!(f, " {order}"))
    }
}

/// What one request of Exotel's says about a call: an applet's before the stream, or the stream's
/// `start`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// The ids of ours that it names as the call's order.
    pub orders: Vec<CallId>,
    /// The call's two ends, as often as it names them.
    pub ends: Vec<Ends>,
}

/// The two numbers of a call, as one place of a request names them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ends {
    /// `From` or `CallFrom`: the customer in nearly all requests, whatever the direction.
    pub from: Option<PhoneNumber>,
    /// `To` or `CallTo`: the line (the ExoPhone) in nearly all requests.
    pub to: Option<PhoneNumber>,
    /// Who called whom, where the request says so.
    pub direction: Option<Direction>,
}

/// An order of a phone number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The record.
    pub customer: CustomerRecord,
    /// Whether a call has begun in which it was handed to a flow. Otherwise the order is open.
    pub held: bool,
}

/// Who claims the record of an order for its call: Exotel's id of the call, or of its stream where
/// the call has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claimant<'a> {
    /// A call.
    Call(&'a CallSid),
    /// A stream whose `start` names no call.
    Stream(&'a StreamSid),
}

impl fmt::Display for Claimant<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Claimant::Call(sid) => write!(f, "call {sid}"),
            Claimant::Stream(sid) => write!(f, "stream {sid}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binding_is_read_as_it_was_written() {
        let (call_id, order) = (CallId::generate(), CallId::generate());
        for binding in [
            Binding {
                call_id,
                order: None,
            },
            Binding {
                call_id,
                order: Some(order),
            },
        ] {
            assert_eq!(Binding::parse(&binding.to_string()), Some(binding));
        }
        // as engines before this one wrote it
        assert_eq!(
            Binding::parse(&call_id.to_string()),
            Some(Binding {
                call_id,
                order: None
            })
        );
        for text in [
            "",
            " ",
            "Asha Rao",
            &format!("{call_id} "),
            &format!("{call_id} x"),
            &format!("{call_id} {order} {order}"),
        ] {
            assert_eq!(Binding::parse(text), None, "`{text}`");
        }
    }
}
