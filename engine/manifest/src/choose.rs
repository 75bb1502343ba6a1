//! Which flow a call gets: the one it names, else the best match of the manifests, else the one
//! that unclaimed calls go to ([`unclaimed`]).

use ghanti_model::{CallFacts, Direction, FlowName};

use crate::Takes;

/// No flow takes the call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoFlow {
    /// The named flow is not loaded.
    #[error("there is no flow `{wanted}`, only {}: fix the name, or see why it was rejected", shown(.there))]
    Unknown {
        /// The name that was given.
        wanted: FlowName,
        /// The loaded flows.
        there: Vec<FlowName>,
    },
    /// No manifest matches and no default is set.
    #[error("no flow takes this call: {} loaded: add a `[match]` to one, or name one by `flow` of `[calls]`", shown(.there))]
    Unmatched {
        /// The loaded flows.
        there: Vec<FlowName>,
    },
}

/// The names of flows, as text.
pub fn shown(there: &[FlowName]) -> String {
    if there.is_empty() {
        "none".to_owned()
    } else {
        there
            .iter()
            .map(|name| format!("`{name}`"))
            .collect::<Vec<_>>()
            .join(", ")
    }
}

/// Chooses among the loaded flows, given in the order of their names. Flows that match equally well
/// share the calls by weight; the share is derived from the call's id, so the choice is repeatable.
pub fn choose<'a>(
    flows: &[(&'a FlowName, &'a Takes)],
    facts: &CallFacts,
    wanted: Option<&FlowName>,
    default: Option<&FlowName>,
    home: Option<&FlowName>,
) -> Result<&'a FlowName, NoFlow> {
    if let Some(wanted) = wanted {
        return loaded(flows, wanted);
    }
    match best_match(flows, facts) {
        Some(name) => Ok(name),
        None => unclaimed(flows, default, home).map(|(name, _)| name),
    }
}

/// Why a flow takes unclaimed calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Because {
    /// The operator's configuration names it.
    Default,
    /// It took them before other flows were added: a new flow takes another flow's calls only by a
    /// `[match]` that claims them.
    Before,
    /// It is the only flow without conditions.
    CatchAll,
    /// It is the only flow.
    Only,
    /// It is the only flow that takes calls which do not name it.
    OnlyOpen,
}

impl Because {
    /// The reason, as text.
    pub fn as_str(self) -> &'static str {
        match self {
            Because::Default => "`flow` of `[calls]` names it",
            Because::Before => {
                "it took them before the other flows came; `flow` of `[calls]` can name another"
            }
            Because::CatchAll => "it is the only flow without conditions in `[match]`",
            Because::Only => "it is the only flow",
            Because::OnlyOpen => {
                "it is the only flow that takes calls which do not name it: the others have `weight = 0` in `[match]`"
            }
        }
    }
}

/// The flow that takes calls which no flow claims: the default; else `home`, the one that took them
/// last; else the only open flow; else the only open one without conditions.
pub fn unclaimed<'a>(
    flows: &[(&'a FlowName, &'a Takes)],
    default: Option<&FlowName>,
    home: Option<&FlowName>,
) -> Result<(&'a FlowName, Because), NoFlow> {
    if let Some(default) = default {
        return loaded(flows, default).map(|name| (name, Because::Default));
    }
    if let Some(home) = home {
        // while it is not loaded, no other flow takes its calls
        let because = if open(flows).count() == 1 {
            only(flows)
        } else {
            Because::Before
        };
        return loaded(flows, home).map(|name| (name, because));
    }
    if let Some((only_one, _)) = sole(open(flows)) {
        return Ok((only_one, only(flows)));
    }
    let catch_all = sole(open(flows).filter(|(_, takes)| takes.conditions() == 0));
    catch_all
        .map(|(name, _)| (name, Because::CatchAll))
        .ok_or_else(|| NoFlow::Unmatched {
            there: names(flows),
        })
}

/// Why the only open flow takes unclaimed calls.
fn only(flows: &[(&FlowName, &Takes)]) -> Because {
    if flows.len() == 1 {
        Because::Only
    } else {
        Because::OnlyOpen
    }
}

fn sole<T>(mut items: impl Iterator<Item = T>) -> Option<T> {
    let first = items.next()?;
    items.next().is_none().then_some(first)
}

/// Flows that take calls which do not name them; a flow of weight 0 takes only calls that do.
pub fn open<'a, 'f>(
    flows: &'f [(&'a FlowName, &'a Takes)],
) -> impl Iterator<Item = (&'a FlowName, &'a Takes)> + use<'a, 'f> {
    flows.iter().copied().filter(|(_, takes)| takes.weight > 0)
}

fn loaded<'a>(
    flows: &[(&'a FlowName, &'a Takes)],
    wanted: &FlowName,
) -> Result<&'a FlowName, NoFlow> {
    let found = flows
        .iter()
        .find(|(name, _)| *name == wanted)
        .map(|(name, _)| *name);
    found.ok_or_else(|| NoFlow::Unknown {
        wanted: wanted.clone(),
        there: names(flows),
    })
}

fn names(flows: &[(&FlowName, &Takes)]) -> Vec<FlowName> {
    flows.iter().map(|(name, _)| (*name).clone()).collect()
}

/// The flows that may get the call of an order that names no flow: those that claim such calls, and
/// those that take unclaimed ones.
pub fn may_take<'a>(
    flows: &[(&'a FlowName, &'a Takes)],
    default: Option<&FlowName>,
) -> Vec<&'a FlowName> {
    let open = || {
        flows
            .iter()
            .filter(|(_, takes)| takes.weight > 0 && takes.direction != Some(Direction::Inbound))
    };
    let claiming = open().filter(|(_, takes)| takes.has_conditions());
    let unclaimed: Vec<_> = match default {
        Some(default) => flows.iter().filter(|(name, _)| *name == default).collect(),
        None => open()
            .filter(|(_, takes)| !takes.has_conditions())
            .collect(),
    };
    claiming.chain(unclaimed).map(|(name, _)| *name).collect()
}

fn best_match<'a>(flows: &[(&'a FlowName, &'a Takes)], facts: &CallFacts) -> Option<&'a FlowName> {
    let fits = flows
        .iter()
        .filter(|(_, takes)| takes.weight > 0)
        .filter_map(|(name, takes)| Some((takes.fit(facts)?, *name, takes.weight)));
    let fits: Vec<_> = fits.collect();
    let best = fits.iter().map(|(conditions, ..)| *conditions).max()?;
    let equal: Vec<_> = fits
        .into_iter()
        .filter(|(conditions, ..)| *conditions == best)
        .collect();
    let total: u64 = equal.iter().map(|(.., weight)| u64::from(*weight)).sum();
    let mut share = facts.call_id.seed().checked_rem(total)?;
    equal.into_iter().find_map(|(_, name, weight)| {
        let taken = share < u64::from(weight);
        share = share.saturating_sub(u64::from(weight));
        taken.then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use ghanti_model::{CallId, Language, PhoneNumber};

    use super::*;
    use crate::Manifest;

    fn facts(campaign: &str) -> CallFacts {
        CallFacts {
            call_id: CallId::generate(),
            call_sid: None,
            direction: Direction::Outbound,
            customer_number: None,
            line_number: Some(PhoneNumber::parse("08040001234").unwrap()),
            language: Language::english(),
            parameters: vec![("campaign".to_owned(), campaign.to_owned())],
        }
    }

    fn chosen(
        flows: &[(&str, &str)],
        facts: &CallFacts,
        wanted: Option<&str>,
        default: Option<&str>,
    ) -> Result<String, NoFlow> {
        chosen_with(flows, facts, wanted, default, None)
    }

    fn chosen_with(
        flows: &[(&str, &str)],
        facts: &CallFacts,
        wanted: Option<&str>,
        default: Option<&str>,
        home: Option<&str>,
    ) -> Result<String, NoFlow> {
        let name = |text: &str| FlowName::parse(text).unwrap();
        let flows: Vec<_> = flows
            .iter()
            .map(|(flow, toml)| (name(flow), Manifest::parse(toml).unwrap().takes))
            .collect();
        let flows: Vec<_> = flows.iter().map(|(name, takes)| (name, takes)).collect();
        choose(
            &flows,
            facts,
            wanted.map(name).as_ref(),
            default.map(name).as_ref(),
            home.map(name).as_ref(),
        )
        .map(ToString::to_string)
    }

    const LINE: &str = "[match]\nnumbers = [\"08040001234\"]";
    const CAMPAIGN: &str =
        "[match]\nnumbers = [\"08040001234\"]\nparameters = { campaign = \"emi\" }";

    #[test]
    fn the_flow_asked_for_is_taken_or_missed_by_name() {
        let flows = [("a", ""), ("b", LINE)];
        assert_eq!(chosen(&flows, &facts("emi"), Some("a"), None).unwrap(), "a");
        let error = chosen(&flows, &facts("emi"), Some("c"), None)
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "there is no flow `c`, only `a`, `b`: fix the name, or see why it was rejected"
        );
    }

    #[test]
    fn the_most_particular_match_wins() {
        let flows = [("a", LINE), ("b", CAMPAIGN), ("c", "")];
        assert_eq!(chosen(&flows, &facts("emi"), None, Some("c")).unwrap(), "b");
        assert_eq!(
            chosen(&flows, &facts("other"), None, Some("c")).unwrap(),
            "a"
        );
    }

    #[test]
    fn without_a_match_the_default_or_the_only_flow_is_taken() {
        let inbound = "[match]\ndirection = \"inbound\"";
        assert_eq!(
            chosen(&[("a", inbound), ("b", "")], &facts("emi"), None, Some("b")).unwrap(),
            "b"
        );
        assert_eq!(
            chosen(&[("a", "")], &facts("emi"), None, None).unwrap(),
            "a"
        );
        assert!(
            matches!(chosen(&[("a", ""), ("b", "")], &facts("emi"), None, None), Err(NoFlow::Unmatched { there }) if there.len() == 2)
        );
        assert_eq!(
            chosen(&[], &facts("emi"), None, None),
            Err(NoFlow::Unmatched { there: Vec::new() })
        );
    }

    #[test]
    fn a_flow_dropped_beside_another_takes_no_call_that_it_does_not_claim() {
        let beside = |toml: &'static str| [("a", ""), ("b", toml)];
        let taken = |flows: &[(&str, &str)], campaign: &str, home: Option<&str>| {
            chosen_with(flows, &facts(campaign), None, None, home)
        };
        for home in [Some("a"), Some("b")] {
            assert_eq!(taken(&beside(""), "emi", home).unwrap(), home.unwrap());
        }
        // a flow takes the calls that it claims, whichever flow had calls before
        for home in [None, Some("a")] {
            assert_eq!(taken(&beside(CAMPAIGN), "emi", home).unwrap(), "b");
            assert_eq!(taken(&beside(CAMPAIGN), "other", home).unwrap(), "a");
        }
        // the only flow had all calls, whatever it claims
        let claims = [("a", CAMPAIGN), ("b", "")];
        assert_eq!(taken(&claims[..1], "other", None).unwrap(), "a");
        assert_eq!(taken(&claims, "other", Some("a")).unwrap(), "a");
        // while it is not loaded, its calls do not go to another flow
        assert!(
            matches!(taken(&claims[1..], "other", Some("a")), Err(NoFlow::Unknown { wanted, .. }) if wanted.as_str() == "a")
        );
    }

    #[test]
    fn a_flow_of_weight_0_takes_the_calls_that_ask_for_it_alone() {
        let flows = [("a", ""), ("b", "[match]\nweight = 0")];
        assert_eq!(chosen(&flows, &facts("emi"), None, None).unwrap(), "a");
        assert_eq!(chosen(&flows, &facts("emi"), Some("b"), None).unwrap(), "b");
        assert!(chosen(&flows[1..], &facts("emi"), None, None).is_err());
    }

    #[test]
    fn an_order_without_a_flow_may_come_to_whoever_claims_it_or_takes_the_rest() {
        let may = |flows: &[(&str, &str)], default: Option<&str>| {
            let name = |text: &str| FlowName::parse(text).unwrap();
            let flows: Vec<_> = flows
                .iter()
                .map(|(flow, toml)| (name(flow), Manifest::parse(toml).unwrap().takes))
                .collect();
            let flows: Vec<_> = flows.iter().map(|(name, takes)| (name, takes)).collect();
            may_take(&flows, default.map(name).as_ref())
                .into_iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        };
        let (closed, inbound) = ("[match]\nweight = 0", "[match]\ndirection = \"inbound\"");
        assert_eq!(
            may(&[("a", ""), ("b", closed), ("c", inbound)], None),
            ["a"]
        );
        assert_eq!(
            may(&[("a", ""), ("b", LINE), ("c", "")], None),
            ["b", "a", "c"]
        );
        assert_eq!(
            may(&[("a", ""), ("b", LINE), ("c", closed)], Some("c")),
            ["b", "c"]
        );
    }

    #[test]
    fn equal_matches_share_the_calls_by_weight() {
        let canary = format!("{LINE}\nweight = 10");
        let old = format!("{LINE}\nweight = 90");
        let flows = [("canary", canary.as_str()), ("old", old.as_str())];
        let taken = (0..1_000)
            .filter(|_| chosen(&flows, &facts("x"), None, None).unwrap() == "canary")
            .count();
        assert!((50..200).contains(&taken), "{taken}");
        let call = facts("x");
        assert_eq!(
            chosen(&flows, &call, None, None),
            chosen(&flows, &call, None, None)
        );
    }
}
