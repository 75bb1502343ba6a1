//! Checks names in a manifest that only the flow's code can define or use: of what is established,
//! and of questions.
//!
//! `describe` does not return them. Evidence for a name is that the flow asked or established it in
//! its own tests, or that it occurs in the component or in the settings, from which a flow may
//! build names. A name found in none of these is never asked or established. Occurring is weak
//! evidence (`transfe` occurs in `transfer`), so `[flow] establishes` lists the names where rules
//! depend on them.

use std::collections::BTreeSet;

use crate::spelling::near;
use crate::{Fact, HEARD, Manifest, ManifestError};

/// What a flow did in its own tests.
#[derive(Debug, Default)]
pub struct Observed {
    /// The questions and collections that it asked.
    pub asked: BTreeSet<String>,
    /// The names that it established.
    pub established: BTreeSet<String>,
}

impl Manifest {
    /// Errors for names that the flow does not define. `text` is the manifest's text.
    pub fn check_names(
        &self,
        component: &[u8],
        observed: &Observed,
        text: &str,
    ) -> Vec<ManifestError> {
        let occurs = |name: &str| {
            memchr::memmem::find(component, name.as_bytes()).is_some()
                || self.settings.values().any(|value| value.contains(name))
        };
        let named = self.established_names();
        let is_named = |name: &str| named.iter().any(|(other, ..)| *other == name);
        let mut wrong = Vec::new();
        for (name, keys, item) in &named {
            // if the flow establishes a similar name that the manifest does not mention, that one
            // was probably meant
            let meant = near(
                name,
                observed
                    .established
                    .iter()
                    .map(String::as_str)
                    .filter(|other| !is_named(other)),
            );
            if observed.established.contains(*name) || (occurs(name) && meant.is_none()) {
                continue;
            }
            let hint = meant.map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"));
            let place = keys.join(".");
            let message = format!(
                "`{place}` has `{name}`, but the flow establishes nothing of this name: fix the name; if it is right, let one of the flow's tests come there, or name all in `[flow] establishes`{hint}"
            );
            wrong.push(ManifestError::at(text, keys, *item, message));
        }
        wrong.sort_by_key(|error| error.line);
        wrong
    }

    /// The questions that the flow does not seem to ask. They do no harm: it may be another one that
    /// is misspelt, which fails where it is asked.
    pub fn unasked(&self, component: &[u8], observed: &Observed) -> Vec<&str> {
        let is_asked = |name: &str| {
            observed.asked.contains(name)
                || memchr::memmem::find(component, name.as_bytes()).is_some()
                || self.settings.values().any(|value| value.contains(name))
        };
        self.questions
            .keys()
            .map(String::as_str)
            .filter(|name| !is_asked(name))
            .collect()
    }

    fn established_names(&self) -> Vec<Named<'_>> {
        let required = self
            .requirements()
            .map(|(keys, at, required)| (required, keys.to_vec(), Some(at)));
        let orders = self.properties.orders.iter();
        let of_properties = orders.filter_map(|order| match &order.fact {
            Fact::Established(name) => Some((name.as_str(), vec!["properties"], None)),
            Fact::Heard(_) => None,
        });
        let listed = self.establishes.iter().flatten().enumerate();
        let listed =
            listed.map(|(at, name)| (name.as_str(), vec!["flow", "establishes"], Some(at)));
        required
            .filter(|(name, ..)| !name.starts_with(HEARD))
            .chain(listed)
            .chain(of_properties)
            .collect()
    }
}

/// A name, the keys it is found under, and its index if it is in a list.
type Named<'m> = (&'m str, Vec<&'m str>, Option<usize>);

#[cfg(test)]
mod tests {
    use super::*;

    const COMPONENT: &[u8] = b"\0asm..identity-againidentityyestransfer..";
    const RULES: &str = "[settings]\nquestions = \"bank agent\"\n[prompts]\nemi = { requires = [\"identity\"] }\n[questions]\ntransfer = {}\nbank = {}\n";

    fn observed(asked: &[&str], established: &[&str]) -> Observed {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Observed {
            asked: set(asked),
            established: set(established),
        }
    }

    fn wrong(text: &str, observed: &Observed) -> String {
        let errors = Manifest::parse(text)
            .unwrap()
            .check_names(COMPONENT, observed, text);
        errors
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n")
    }

    #[test]
    fn names_of_the_component_of_its_settings_and_of_its_tests_are_taken() {
        assert_eq!(wrong(RULES, &Observed::default()), "");
        assert_eq!(
            wrong(RULES, &observed(&["transfer", "bank"], &["identity"])),
            ""
        );
        let made = RULES.replace("identity", "made-up");
        assert!(
            wrong(&made, &Observed::default()).starts_with(
                "line 4: `prompts.emi.requires` has `made-up`, but the flow establishes"
            )
        );
        assert_eq!(wrong(&made, &observed(&[], &["made-up"])), "");
    }

    #[test]
    fn a_name_that_the_flow_gives_to_nothing_is_reported() {
        for wanted in ["identitty", "consent"] {
            let reported = wrong(&RULES.replace("identity", wanted), &Observed::default());
            assert!(reported.starts_with("line 4: "), "{reported}");
        }
        // misspelt everywhere
        let text = format!(
            "[flow]\nestablishes = [\"identitty\"]\n{}",
            RULES.replace("identity", "identitty")
        );
        assert_eq!(wrong(&text, &Observed::default()).lines().count(), 2);
    }

    #[test]
    fn a_part_of_a_name_is_reported_where_a_test_has_shown_the_whole() {
        let short = RULES.replace("identity", "identit");
        assert_eq!(wrong(&short, &Observed::default()), "");
        let reported = wrong(&short, &observed(&[], &["identity"]));
        assert!(reported.contains("did you mean `identity`?"), "{reported}");
        // both names are intended
        let both = short.replace("[\"identit\"]", "[\"identit\", \"identity\"]");
        assert_eq!(wrong(&both, &observed(&[], &["identity"])), "");
    }

    #[test]
    fn a_question_is_unasked_if_nothing_speaks_for_it() {
        let unasked = |text: &str, asked: &[&str]| {
            let manifest = Manifest::parse(text).unwrap();
            manifest.unasked(COMPONENT, &observed(asked, &[])).join(" ")
        };
        assert_eq!(unasked(RULES, &[]), "");
        let misspelt = RULES
            .replace("transfer =", "transfr =")
            .replace("bank =", "bnak =");
        assert_eq!(unasked(&misspelt, &[]), "bnak transfr");
        assert_eq!(unasked(&misspelt, &["bnak"]), "transfr");
    }
}
