//! Which customer's record a call may get. Pure: what Exotel said and what the stores hold comes
//! in, one [`Verdict`] goes out.
//!
//! The worst that can happen here is that one person hears of another person's loan. So a record is
//! handed to a flow only where everything that is known of the call agrees with it, in this order:
//!
//! 1. **An order that was named** (`CustomField` of an applet's request, `call-id` or `CustomField`
//!    of the stream's URL, the URL's path, or an earlier request of the same CallSid) is the call's
//!    order. If several were named, none is.
//! 2. **The number on the line** has to be the order's own. If it is another one, or unknown, the
//!    flow gets no record.
//! 3. **If no order was named**, the number's only open order is the call's; if it has none, its
//!    only order of an earlier call. If it has several, none is.
//! 4. **What could not be read is not guessed**: neither an order that was named nor the orders of
//!    a number are replaced by others.

use ghanti_model::{CallId, CustomerRecord, Direction, FlowName, PhoneNumber};
use ghanti_store::{Ends, Order};

/// What a store said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored<T> {
    /// It is there.
    Found(T),
    /// It is not there.
    Missing,
    /// The store did not answer.
    Unreadable,
}

/// All that is known of whose call it is.
#[derive(Debug)]
pub struct Evidence<'a> {
    /// Each order that was named, once, with its record.
    pub named: &'a [(CallId, Stored<CustomerRecord>)],
    /// Whether everything that earlier requests have said of this call could be read.
    pub is_complete: bool,
    /// The call's ends, in the order in which they were named.
    pub ends: &'a [Ends],
    /// Numbers that are known to be lines of the operator.
    pub lines: &'a [PhoneNumber],
    /// The orders of the number on the line; looked up only where no order was named.
    pub of_number: Stored<Vec<Order>>,
}

/// Whose call it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The customer's, whose record the flow gets.
    Customer(CustomerRecord),
    /// Nobody's that is known here: an unknown caller.
    Nobody,
    /// It cannot be said for certain; the flow gets no record.
    Doubt(Doubt),
}

/// Why a flow got no record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// Another number was called than the order's.
    #[error(
        "the order `{order}` is for the number `{ordered}` and the number on the line is `{called}`: dial the order's number, with the order's id as its `CustomField`"
    )]
    WrongNumber {
        /// The order.
        order: CallId,
        /// Its number.
        ordered: PhoneNumber,
        /// The number on the line.
        called: PhoneNumber,
    },
    /// Exotel named two customers' numbers.
    #[error(
        "Exotel named {numbers} different numbers for one call: see whether each call has a CallSid of its own, and where the Exotel flow sets `From` and `CallFrom`"
    )]
    NumbersDiffer {
        /// How many.
        numbers: usize,
    },
    /// The number is not known, so the order cannot be compared with it.
    #[error(
        "the order `{order}` was named without the number on the line (`CallFrom` of the Passthru, `from` of the stream's start): whether it is the order's number is not known"
    )]
    UnknownNumber {
        /// The order.
        order: CallId,
    },
    /// Nothing is stored under the id.
    #[error(
        "no order `{order}` is stored, or it has expired (`ttl-hours` of `[stores]`): post it again, and dial with the new id"
    )]
    UnknownOrder {
        /// The order.
        order: CallId,
    },
    /// One call, several orders.
    #[error(
        "{orders} different orders were named for one call: give each call one order's id, in `CustomField` alone"
    )]
    SeveralNamed {
        /// How many.
        orders: usize,
    },
    /// The number has several orders, and none was named.
    #[error(
        "the number `{number}` has {orders} orders and the call names none: dial with the order's id as `CustomField`"
    )]
    SeveralOrders {
        /// The number.
        number: PhoneNumber,
        /// How many.
        orders: usize,
    },
    /// A store did not answer.
    #[error(
        "what is stored for the call could not be read in time, and nothing was guessed: see /readyz"
    )]
    Unreadable,
}

impl Doubt {
    /// Its name among the problems of a record.
    pub fn name(&self) -> &'static str {
        match self {
            Doubt::WrongNumber { .. } | Doubt::NumbersDiffer { .. } => "wrong-number",
            Doubt::UnknownNumber { .. } => "unknown-number",
            Doubt::UnknownOrder { .. } => "unknown-order",
            Doubt::SeveralNamed { .. } | Doubt::SeveralOrders { .. } => "several-orders",
            Doubt::Unreadable => "store-unavailable",
        }
    }
}

/// The two parties of a call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parties {
    /// The customer's number: the first that was named, and then those that contradict it.
    pub customer: Vec<PhoneNumber>,
    /// The operator's number.
    pub line: Option<PhoneNumber>,
}

/// Who is on the line. The customer is `From`, whatever the direction: Exotel's API calls `From`
/// whom it dials first, and real requests bear it out. Two things show that the ends stand the
/// other way round: `From` is known to be a line, or a request of an outbound call has the number
/// that was ordered as its `To`. (Without a direction it could be a call that Exotel connects from
/// one number to another; who of the two is heard is not known then.)
pub fn parties(ends: &[Ends], lines: &[PhoneNumber], ordered: Option<&PhoneNumber>) -> Parties {
    let mut lines: Vec<&PhoneNumber> = lines.iter().collect();
    let mut parties = Parties::default();
    for Ends {
        from,
        to,
        direction,
    } in ends
    {
        let (from, to) = (from.as_ref(), to.as_ref());
        let is_line =
            |number: Option<&PhoneNumber>| number.is_some_and(|number| lines.contains(&number));
        let is_reversed = to.is_some()
            && !is_line(to)
            && (is_line(from)
                || (*direction == Some(Direction::Outbound)
                    && from.is_some()
                    && from != ordered
                    && to == ordered));
        let (customer, line) = if is_reversed { (to, from) } else { (from, to) };
        let customer = customer.filter(|number| !is_line(Some(*number)));
        if let Some(customer) = customer
            && !parties.customer.contains(customer)
        {
            parties.customer.push(customer.clone());
        }
        if parties.line.is_none() {
            parties.line = line.cloned();
        }
        lines.extend(customer.and(line));
    }
    parties
}

/// Whose call it is: the rules above, in their order.
pub fn decide(evidence: &Evidence<'_>) -> Verdict {
    match evidence.named {
        [] if !evidence.is_complete => Verdict::Doubt(Doubt::Unreadable),
        [] => of_number(evidence),
        [(_, Stored::Unreadable)] => Verdict::Doubt(Doubt::Unreadable),
        [(order, Stored::Missing)] => Verdict::Doubt(Doubt::UnknownOrder { order: *order }),
        [(order, Stored::Found(customer))] => of_order(evidence, *order, customer),
        several => Verdict::Doubt(Doubt::SeveralNamed {
            orders: several.len(),
        }),
    }
}

fn of_order(evidence: &Evidence<'_>, order: CallId, customer: &CustomerRecord) -> Verdict {
    let called = parties(evidence.ends, evidence.lines, Some(&customer.phone)).customer;
    match called.as_slice() {
        [] => Verdict::Doubt(Doubt::UnknownNumber { order }),
        [number] if *number == customer.phone => Verdict::Customer(customer.clone()),
        [number] => Verdict::Doubt(Doubt::WrongNumber {
            order,
            ordered: customer.phone.clone(),
            called: number.clone(),
        }),
        several => Verdict::Doubt(Doubt::NumbersDiffer {
            numbers: several.len(),
        }),
    }
}

fn of_number(evidence: &Evidence<'_>) -> Verdict {
    let called = parties(evidence.ends, evidence.lines, None).customer;
    let number = match called.as_slice() {
        [] => return Verdict::Nobody,
        [number] => number,
        several => {
            return Verdict::Doubt(Doubt::NumbersDiffer {
                numbers: several.len(),
            });
        }
    };
    let orders = match &evidence.of_number {
        Stored::Found(orders) => orders,
        Stored::Missing => return Verdict::Nobody,
        Stored::Unreadable => return Verdict::Doubt(Doubt::Unreadable),
    };
    let open: Vec<&Order> = orders.iter().filter(|order| !order.held).collect();
    let candidates = if open.is_empty() {
        orders.iter().collect()
    } else {
        open
    };
    match candidates.as_slice() {
        [] => Verdict::Nobody,
        [only] if only.customer.phone == *number => Verdict::Customer(only.customer.clone()),
        [only] => Verdict::Doubt(Doubt::WrongNumber {
            order: only.customer.call_id,
            ordered: only.customer.phone.clone(),
            called: number.clone(),
        }),
        several => Verdict::Doubt(Doubt::SeveralOrders {
            number: number.clone(),
            orders: several.len(),
        }),
    }
}

/// The flow that the call was ordered for. A flow's name says nothing of anybody, so the call gets
/// it without the record too.
pub fn wanted_flow(evidence: &Evidence<'_>) -> Option<FlowName> {
    let orders = match &evidence.of_number {
        Stored::Found(orders) => orders.as_slice(),
        Stored::Missing | Stored::Unreadable => &[],
    };
    let open = orders
        .iter()
        .filter(|order| !order.held)
        .map(|order| &order.customer);
    let named = evidence
        .named
        .iter()
        .filter_map(|(_, stored)| match stored {
            Stored::Found(customer) => Some(customer),
            Stored::Missing | Stored::Unreadable => None,
        });
    let mut flows = named.chain(open).map(|customer| customer.flow.as_ref());
    let first = flows.next()??;
    flows.all(|flow| flow == Some(first)).then(|| first.clone())
}

#[cfg(test)]
mod tests;
