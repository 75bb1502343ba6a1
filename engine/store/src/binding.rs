//! Links Exotel's CallSid to a call of ours and to the order that it was dialled for.
//!
//! An *order* is a customer's record stored for a future call (`POST /api/calls`). A *call* is what
//! Exotel identifies by a CallSid. Several calls may be dialled for one order, and each has a
//! record of its own.

use std::fmt;

use ghanti_model::{CallId, CallSid, CustomerRecord, Direction, PhoneNumber, StreamSid};
use serde::{Deserialize, Serialize};

/// What a CallSid is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding {
    /// The id of the call and of its record.
    pub call_id: CallId,
    /// The order it was dialled for, if known.
    pub order: Option<CallId>,
}

impl Binding {
    /// Parses the output of [`fmt::Display`]: the call's id, optionally followed by a space and the
    /// order's.
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

/// What one request of Exotel's reports about a call: an applet's before the stream, or the
/// stream's `start`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// Ids of ours that it names as the call's order.
    pub orders: Vec<CallId>,
    /// The call's two numbers, once for each place that names them.
    pub ends: Vec<Ends>,
}

/// The two numbers of a call, as one part of a request names them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ends {
    /// `From` or `CallFrom`: the customer in nearly all requests, whatever the direction.
    pub from: Option<PhoneNumber>,
    /// `To` or `CallTo`: the operator's number (the ExoPhone) in nearly all requests.
    pub to: Option<PhoneNumber>,
    /// The direction of the call, if the request has it.
    pub direction: Option<Direction>,
}

/// An order found by its phone number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The customer's record.
    pub customer: CustomerRecord,
    /// Whether a call has started in which the order was handed to a flow. Otherwise it is open.
    pub held: bool,
}

/// Who claims an order's id for a call's record: the call or, if its `start` has no CallSid, its
/// stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claimant<'a> {
    /// A call, by its CallSid.
    Call(&'a CallSid),
    /// A stream whose `start` has no CallSid.
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
        // the format of earlier engines
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
