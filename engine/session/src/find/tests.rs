//! Orders named in the parameters of a request.

use super::*;

#[test]
fn an_order_is_named_by_any_of_the_parameters_that_may_hold_its_id() {
    let (order, other) = (CallId::generate(), CallId::generate());
    let id = order.to_string();
    let (padded, packed) = (format!(" {id} "), format!("run=7&call-id={id}&name=x"));
    for parameters in [
        vec![("CustomField", id.as_str())],
        vec![("customfield", padded.as_str())],
        vec![("CustomField", packed.as_str())],
        vec![("call-id", id.as_str()), ("campaign", "spring")],
        vec![("call_id", id.as_str()), ("CustomField", id.as_str())],
        vec![("order", id.as_str())],
    ] {
        assert_eq!(named_orders(parameters.clone()), [order], "{parameters:?}");
    }
    let two = other.to_string();
    assert_eq!(
        named_orders([("CustomField", id.as_str()), ("call-id", two.as_str())]),
        [order, other]
    );
    for parameters in [
        vec![],
        vec![("CustomField", "spring campaign")],
        vec![("CallSid", id.as_str())],
        vec![("CustomField", "")],
    ] {
        assert_eq!(named_orders(parameters.clone()), [], "{parameters:?}");
    }
}
