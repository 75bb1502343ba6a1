//! Detects flows that claim the same calls, so that the operator is warned of it. Pure.

use ghanti_model::FlowName;

use crate::Takes;
use crate::choose::open;

/// For any two flows whose `[match]` can meet the same call: both names, and a warning that says
/// which of them gets it.
pub fn overlaps(flows: &[(&FlowName, &Takes)]) -> Vec<(FlowName, FlowName, String)> {
    let claiming: Vec<_> = open(flows)
        .filter(|(_, takes)| takes.conditions() > 0)
        .collect();
    let mut overlaps = Vec::new();
    for (at, (first, takes)) in claiming.iter().enumerate() {
        for (second, other) in claiming.iter().skip(at + 1) {
            if let Some(calls) = shared(takes, other) {
                let sentence = sentence((first, takes), (second, other), &calls);
                overlaps.push(((*first).clone(), (*second).clone(), sentence));
            }
        }
    }
    overlaps
}

/// The calls that both claim, as text; `None` if no call can match both.
fn shared(one: &Takes, other: &Takes) -> Option<String> {
    let numbers: Vec<_> = one
        .numbers
        .iter()
        .filter(|number| other.numbers.contains(number))
        .map(ToString::to_string)
        .collect();
    if numbers.is_empty() && !one.numbers.is_empty() && !other.numbers.is_empty() {
        return None;
    }
    if one
        .direction
        .zip(other.direction)
        .is_some_and(|(one, other)| one != other)
    {
        return None;
    }
    if one.parameters.iter().any(|(name, value)| {
        other
            .parameters
            .get(name)
            .is_some_and(|other| other != value)
    }) {
        return None;
    }
    Some(if numbers.is_empty() {
        "calls".to_owned()
    } else {
        format!("calls of {}", numbers.join(", "))
    })
}

fn sentence(
    (first, takes): (&FlowName, &Takes),
    (second, other): (&FlowName, &Takes),
    calls: &str,
) -> String {
    let hint = "if that is not meant, change one `[match]`";
    match takes.conditions().cmp(&other.conditions()) {
        std::cmp::Ordering::Equal => format!(
            "`{first}` and `{second}` claim the same {calls} and share them by `weight`, {} to {}: {hint}",
            takes.weight, other.weight
        ),
        std::cmp::Ordering::Greater => format!(
            "`{first}` and `{second}` claim the same {calls}: `{first}` takes those that meet both, as it has more conditions; {hint}"
        ),
        std::cmp::Ordering::Less => format!(
            "`{first}` and `{second}` claim the same {calls}: `{second}` takes those that meet both, as it has more conditions; {hint}"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Manifest;

    fn warnings_of(first: &str, second: &str) -> Vec<String> {
        let name = |text: &str| FlowName::parse(text).unwrap();
        let flows: Vec<_> = [("a", first), ("b", second)]
            .map(|(flow, toml)| {
                (
                    name(flow),
                    Manifest::parse(&format!("[match]\n{toml}")).unwrap().takes,
                )
            })
            .into();
        let flows: Vec<_> = flows.iter().map(|(name, takes)| (name, takes)).collect();
        overlaps(&flows)
            .into_iter()
            .map(|(_, _, sentence)| sentence)
            .collect()
    }

    const LINE: &str = "numbers = [\"08040001234\"]\n";

    #[test]
    fn two_flows_that_claim_one_number_are_reported_with_who_gets_its_calls() {
        let [equal] = warnings_of(LINE, &format!("{LINE}weight = 50"))
            .try_into()
            .unwrap();
        assert!(equal.contains("`a` and `b` claim the same calls of xxxxxx1234 and share them by `weight`, 100 to 50"), "{equal}");
        let [more] = warnings_of(LINE, &format!("{LINE}direction = \"inbound\""))
            .try_into()
            .unwrap();
        assert!(more.contains("`b` takes those that meet both"), "{more}");
        let [more] = warnings_of(
            &format!("{LINE}parameters = {{ campaign = \"emi\" }}"),
            LINE,
        )
        .try_into()
        .unwrap();
        assert!(more.contains("`a` takes those that meet both"), "{more}");
        assert_eq!(warnings_of("direction = \"inbound\"", LINE).len(), 1);
        assert_eq!(
            warnings_of("parameters = { a = \"1\" }", "parameters = { b = \"1\" }").len(),
            1
        );
    }

    #[test]
    fn claims_that_no_call_can_meet_together_are_not_reported() {
        for (first, second) in [
            (LINE, "numbers = [\"08040001235\"]"),
            ("direction = \"inbound\"", "direction = \"outbound\""),
            (
                "parameters = { campaign = \"emi\" }",
                "parameters = { campaign = \"kyc\" }",
            ),
            (LINE, ""),
            (LINE, "numbers = [\"08040001234\"]\nweight = 0"),
        ] {
            assert_eq!(
                warnings_of(first, second),
                Vec::<String>::new(),
                "{first} {second}"
            );
        }
    }
}
