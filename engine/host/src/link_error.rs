//! wasmtime's words for a component that does not fit the contract, in an author's.

use crate::rejection::{Fault, Step};

const HINT: &str = "build the flow against the `wit/` of this engine: its bindings are of another contract, or were changed by hand";

/// Why a component cannot be linked; `error` is wasmtime's, in one line.
pub(crate) fn fault(error: &str) -> Fault {
    let reason = reason(error).unwrap_or_else(|| error.to_owned());
    Fault::new(Step::Link, reason, HINT)
}

fn reason(error: &str) -> Option<String> {
    let mut named = error.split('`').skip(1).step_by(2);
    let subject = if error.contains("imports instance") {
        let interface = named.next()?;
        match named.next() {
            Some(function) => format!("`{function}` of `{interface}`"),
            None => format!("`{interface}`"),
        }
    } else if error.contains("export func") || error.contains("export") {
        format!("its export `{}`", named.next()?)
    } else {
        return None;
    };
    let how = if error.contains("-tuple") {
        "takes or returns another number of values".to_owned()
    } else if let Some((_, types)) = error.rsplit_once(": expected ") {
        format!("has another type (expected {types})")
    } else if error.contains("but a matching implementation was not found") {
        "is not there".to_owned()
    } else {
        "is another".to_owned()
    };
    Some(format!("{subject} {how} than in this engine's contract"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_named_and_not_counted_in_tuples() {
        for (error, words) in [
            (
                "component imports instance `ghanti:dialog/call@0.1.0`, but a matching implementation was not found in the linker: instance export `establish` has the wrong type: expected 1-tuple, found 2-tuple",
                "`establish` of `ghanti:dialog/call@0.1.0` takes or returns another number of values than in this engine's contract",
            ),
            (
                "component imports instance `ghanti:dialog/call@0.1.0`, but a matching implementation was not found in the linker: instance export `outcome` has the wrong type: type mismatch with parameters: expected `string` found `u32`",
                "`outcome` of `ghanti:dialog/call@0.1.0` has another type (expected `string` found `u32`) than in this engine's contract",
            ),
            (
                "type-checking export func `describe`: expected `record` found `string`",
                "its export `describe` has another type (expected `record` found `string`) than in this engine's contract",
            ),
            ("no room", "no room"),
        ] {
            let fault = fault(error);
            assert_eq!(fault.reason, words);
            assert!(!fault.reason.contains("tuple"));
        }
    }
}
