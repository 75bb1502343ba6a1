//! Decides which customer's record a call may use. Pure: what Exotel reported and what the stores
//! hold go in, one [`Verdict`] comes out.
//!
//! The worst mistake here would be to disclose one person's loan to another. So a flow gets a
//! record only if everything known about the call agrees with it. The rules, in order:
//!
//! 1. **An order that was named** (`CustomField` of an applet's request, `call-id` or `CustomField`
//!    of the stream's URL, the URL's path, or an earlier request with the same CallSid) is the
//!    call's order. If several were named, the call has none.
//! 2. **The number on the line** must be the order's number. If it is another number, or unknown,
//!    the flow gets no record.
//! 3. **If no order was named**, the number's only open order is the call's or, if no order is
//!    open, the only order of its earlier calls. If there are several, the call has none.
//! 4. **Nothing is guessed when a store cannot be read**: neither a named order nor the orders of a
//!    number are replaced by others.

use ghanti_model::{CallId, CustomerRecord, Direction, FlowName, PhoneNumber};
use ghanti_store::{Ends, Order};

/// The result of a look-up in a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored<T> {
    /// The store has it.
    Found(T),
    /// The store does not have it.
    Missing,
    /// The look-up failed or took too long.
    Unreadable,
}

/// Everything known about whose call it is.
#[derive(Debug)]
pub struct Evidence<'a> {
    /// The orders that were named, each once, with their records.
    pub named: &'a [(CallId, Stored<CustomerRecord>)],
    /// Whether everything that earlier requests reported about this call could be read.
    pub is_complete: bool,
    /// The call's two numbers, as each request named them, oldest first.
    pub ends: &'a [Ends],
    /// Numbers known to be the operator's own.
    pub lines: &'a [PhoneNumber],
    /// The orders of the number on the line; looked up only if no order was named.
    pub of_number: Stored<Vec<Order>>,
}

/// Whose call it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// A customer's; the flow gets this record.
    Customer(CustomerRecord),
    /// An unknown caller's.
    Nobody,
    /// Uncertain; the flow gets no record.
    Doubt(Doubt),
}

/// Why a flow gets no customer record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// The number on the line is not the order's.
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
    /// Exotel named more than one number as the customer's.
    #[error(
        "Exotel named {numbers} different numbers for one call: see whether each call has a CallSid of its own, and where the Exotel flow sets `From` and `CallFrom`"
    )]
    NumbersDiffer {
        /// How many numbers were named.
        numbers: usize,
    },
    /// The number on the line is unknown, so it cannot be compared with the order's.
    #[error(
        "the order `{order}` was named without the number on the line (`CallFrom` of the Passthru, `from` of the stream's start): whether it is the order's number is not known"
    )]
    UnknownNumber {
        /// The order.
        order: CallId,
    },
    /// No order is stored under this id.
    #[error(
        "no order `{order}` is stored, or it has expired (`ttl-hours` of `[stores]`): post it again, and dial with the new id"
    )]
    UnknownOrder {
        /// The order.
        order: CallId,
    },
    /// Several orders were named for one call.
    #[error(
        "{orders} different orders were named for one call: give each call one order's id, in `CustomField` alone"
    )]
    SeveralNamed {
        /// How many orders were named.
        orders: usize,
    },
    /// The number has several orders, and none was named.
    #[error(
        "the number `{number}` has {orders} orders and the call names none: dial with the order's id as `CustomField`"
    )]
    SeveralOrders {
        /// The number.
        number: PhoneNumber,
        /// How many orders it has.
        orders: usize,
    },
    /// A look-up failed or took too long.
    #[error(
        "what is stored for the call could not be read in time, and nothing was guessed: see /readyz"
    )]
    Unreadable,
}

impl Doubt {
    /// The name of this problem in a call's record.
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
    /// The customer's number. If requests disagree, the first one named, followed by the others.
    pub customer: Vec<PhoneNumber>,
    /// The operator's number (the ExoPhone).
    pub line: Option<PhoneNumber>,
}

/// Works out who is on the line. The customer is `From`, whatever the direction: in Exotel's API
/// `From` is the party dialled first, and real requests confirm it. The two are taken as swapped in
/// two cases: `From` is known to be the operator's number, or a request of an outbound call has the
/// ordered number as its `To`. (Without a direction, Exotel might be connecting one number to
/// another, and which of the two is on the line would be unknown.)
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

/// Decides whose call it is, by the rules above.
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

/// The flow that the call was ordered for, if all its candidate orders name the same one. A flow's
/// name discloses nothing about a person, so the call gets it even without a record.
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
