//! The rules of `binding`, case by case. `A` and `B` are customers' numbers, `X` is the operator's
//! (an ExoPhone), and `-` is a number that was not named.

use std::collections::BTreeMap;

use super::*;

fn number(name: &str) -> Option<PhoneNumber> {
    let text = match name {
        "A" => "+91 98765 00001",
        // the same number in Exotel's spelling
        "a" => "09876500001",
        "B" => "09876500002",
        "X" => "08045000000",
        "x" => "8045000000",
        "-" => return None,
        other => panic!("no number is called `{other}`"),
    };
    Some(PhoneNumber::parse(text).unwrap())
}

/// Parses `from>to`, optionally followed by a space and the direction.
fn ends(text: &str) -> Vec<Ends> {
    let one = |text: &str| {
        let (numbers, direction) = text.split_once(' ').unwrap_or((text, ""));
        let (from, to) = numbers.split_once('>').unwrap();
        Ends {
            from: number(from),
            to: number(to),
            direction: Direction::parse(direction),
        }
    };
    text.split(", ")
        .filter(|text| !text.is_empty())
        .map(one)
        .collect()
}

fn order(name: &str, flow: Option<&str>) -> CustomerRecord {
    let flow = flow.map(|flow| FlowName::parse(flow).unwrap());
    CustomerRecord {
        call_id: CallId::generate(),
        phone: number(name).unwrap(),
        flow,
        fields: BTreeMap::new(),
    }
}

fn evidence<'a>(
    named: &'a [(CallId, Stored<CustomerRecord>)],
    ends: &'a [Ends],
    of_number: Stored<Vec<Order>>,
) -> Evidence<'a> {
    Evidence {
        named,
        is_complete: true,
        ends,
        lines: &[],
        of_number,
    }
}

fn outcome(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Customer(_) => "customer",
        Verdict::Nobody => "nobody",
        Verdict::Doubt(doubt) => doubt.name(),
    }
}

#[test]
fn an_order_is_handed_over_only_where_its_own_number_is_on_the_line() {
    // the order is A's
    for (numbers, expected) in [
        ("A>X", "customer"),
        ("a>x", "customer"),
        ("a>-", "customer"),
        ("a>X outbound-dial, a>X outbound-dial, a>X", "customer"),
        ("a>X incoming, a>X", "customer"),
        ("->-, a>X", "customer"),
        // dialled to another customer's number
        ("B>X", "wrong-number"),
        ("B>X outbound-dial", "wrong-number"),
        ("B>- outbound-dial", "wrong-number"),
        ("B>X incoming", "wrong-number"),
        // the Passthru and the stream disagree
        ("a>X outbound-dial, B>X", "wrong-number"),
        ("B>X outbound-dial, a>X", "wrong-number"),
        ("a>X outbound-dial, B>X outbound-dial", "wrong-number"),
        // the number is not known
        ("", "unknown-number"),
        ("->-", "unknown-number"),
        ("->X", "unknown-number"),
        ("->X outbound-dial", "unknown-number"),
        ("->A", "unknown-number"),
        ("->B", "unknown-number"),
        // swapped, as a request of an outbound call may have them
        ("X>a outbound-dial", "customer"),
        ("X>a outbound-dial, X>a", "customer"),
        ("a>X outbound-dial, X>a", "customer"),
        ("X>B outbound-dial", "wrong-number"),
        ("X>B outbound-dial, X>B", "wrong-number"),
        // another customer may be connected with A here
        ("B>a", "wrong-number"),
        ("X>a", "wrong-number"),
        ("B>a incoming", "wrong-number"),
    ] {
        let order = order("A", None);
        let named = [(order.call_id, Stored::Found(order))];
        assert_eq!(
            outcome(&decide(&evidence(&named, &ends(numbers), Stored::Missing))),
            expected,
            "`{numbers}`"
        );
    }
}

#[test]
fn a_line_that_a_manifest_names_is_never_the_customer() {
    let lines = [number("X").unwrap()];
    for (numbers, expected) in [
        ("X>a", "customer"),
        ("X>B", "wrong-number"),
        ("X>-", "unknown-number"),
        ("X>x", "unknown-number"),
        ("a>X", "customer"),
        ("B>X, X>a", "wrong-number"),
    ] {
        let order = order("A", None);
        let named = [(order.call_id, Stored::Found(order))];
        let ends = ends(numbers);
        let evidence = Evidence {
            lines: &lines,
            ..evidence(&named, &ends, Stored::Missing)
        };
        assert_eq!(outcome(&decide(&evidence)), expected, "`{numbers}`");
    }
}

#[test]
fn what_was_named_is_not_replaced_by_a_guess() {
    let (first, second) = (order("A", None), order("A", None));
    let found = |order: &CustomerRecord| (order.call_id, Stored::Found(order.clone()));
    let at = ends("a>X");
    let other = Stored::Found(vec![Order {
        customer: second.clone(),
        held: false,
    }]);
    for (named, expected) in [
        (vec![found(&first)], "customer"),
        (
            vec![(first.call_id, Stored::Unreadable)],
            "store-unavailable",
        ),
        (vec![(first.call_id, Stored::Missing)], "unknown-order"),
        (vec![found(&first), found(&second)], "several-orders"),
        (
            vec![found(&first), found(&order("B", None))],
            "several-orders",
        ),
        (
            vec![found(&first), (second.call_id, Stored::Missing)],
            "several-orders",
        ),
    ] {
        let evidence = evidence(&named, &at, other.clone());
        assert_eq!(outcome(&decide(&evidence)), expected, "{named:?}");
    }
    let unread = Evidence {
        is_complete: false,
        ..evidence(&[], &at, other)
    };
    assert_eq!(
        outcome(&decide(&unread)),
        "store-unavailable",
        "an earlier request may have named an order"
    );
    let named = [found(&first)];
    let unread = Evidence {
        is_complete: false,
        ..evidence(&named, &at, Stored::Missing)
    };
    assert_eq!(
        outcome(&decide(&unread)),
        "customer",
        "what this call itself names, with the order's own number, needs no other word"
    );
}

#[test]
fn without_a_named_order_the_only_open_one_of_the_number_is_taken() {
    for (orders, expected) in [
        // each letter is an order of A: `h` was held before, `o` is open
        ("", "nobody"),
        ("o", "customer"),
        ("oo", "several-orders"),
        ("ho", "customer"),
        ("hoo", "several-orders"),
        ("h", "customer"),
        ("hh", "several-orders"),
    ] {
        let orders: Vec<Order> = orders
            .chars()
            .map(|kind| Order {
                customer: order("A", None),
                held: kind == 'h',
            })
            .collect();
        let at = ends("a>X");
        let verdict = decide(&evidence(&[], &at, Stored::Found(orders.clone())));
        assert_eq!(outcome(&verdict), expected, "{orders:?}");
        if let Verdict::Customer(customer) = verdict {
            let open = orders
                .iter()
                .find(|order| !order.held)
                .or(orders.first())
                .unwrap();
            assert_eq!(customer, open.customer);
        }
    }
    let at = ends("a>X");
    assert_eq!(
        outcome(&decide(&evidence(&[], &at, Stored::Unreadable))),
        "store-unavailable"
    );
    assert_eq!(
        outcome(&decide(&evidence(&[], &[], Stored::Missing))),
        "nobody",
        "a withheld number"
    );
    let two = ends("a>X, B>X");
    assert_eq!(
        outcome(&decide(&evidence(&[], &two, Stored::Missing))),
        "wrong-number"
    );
}

#[test]
fn the_ordered_flow_is_known_where_all_orders_agree() {
    let of = |flow| {
        let order = order("A", flow);
        (order.call_id, Stored::Found(order))
    };
    for (named, expected) in [
        (vec![of(Some("emi"))], Some("emi")),
        (vec![of(Some("emi")), of(Some("emi"))], Some("emi")),
        (vec![of(Some("emi")), of(Some("other"))], None),
        (vec![of(Some("emi")), of(None)], None),
        (vec![of(None)], None),
        (vec![], None),
    ] {
        let flow = wanted_flow(&evidence(&named, &[], Stored::Missing));
        assert_eq!(flow.as_ref().map(FlowName::as_str), expected, "{named:?}");
    }
}

#[test]
fn no_doubt_shows_a_number() {
    let (order, phone) = (CallId::generate(), number("A").unwrap());
    for doubt in [
        Doubt::WrongNumber {
            order,
            ordered: phone.clone(),
            called: number("B").unwrap(),
        },
        Doubt::NumbersDiffer { numbers: 2 },
        Doubt::UnknownNumber { order },
        Doubt::UnknownOrder { order },
        Doubt::SeveralNamed { orders: 2 },
        Doubt::SeveralOrders {
            number: phone,
            orders: 2,
        },
        Doubt::Unreadable,
    ] {
        let reported = format!("{doubt} {doubt:?}");
        assert!(!reported.contains("98765"), "{reported}");
    }
}
