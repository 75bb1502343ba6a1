//! The operator's values that take precedence over a flow's manifest: transfer numbers and
//! settings. The manifest's own values are the defaults; sample values, which a flow contains so
//! that it can be tried out, come last.

use std::collections::BTreeMap;

use ghanti_model::{FlowName, PhoneNumber};

use crate::Manifest;

/// The target of a transfer that names none.
const DEFAULT: &str = "default";

/// The operator's values, which take precedence over manifests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// The numbers of the `default` target, for every flow that may transfer to it.
    pub agents: Vec<PhoneNumber>,
    /// Settings of every flow whose manifest names them.
    pub settings: BTreeMap<String, String>,
    /// Settings of one flow, whether its manifest names them or not; they take precedence over
    /// `settings`.
    pub flow_settings: BTreeMap<FlowName, BTreeMap<String, String>>,
    /// Numbers by transfer target, for every flow that may transfer to it; they take precedence over
    /// `agents`.
    pub targets: BTreeMap<String, Vec<PhoneNumber>>,
    /// Transfer targets of one flow; they take precedence over `targets` and `agents`.
    pub flow_transfer: BTreeMap<FlowName, BTreeMap<String, Vec<PhoneNumber>>>,
}

impl Overrides {
    /// The transfer targets whose numbers the operator provides for all flows.
    fn shared(&self) -> BTreeMap<String, Vec<PhoneNumber>> {
        let mut targets = BTreeMap::new();
        if !self.agents.is_empty() {
            targets.insert(DEFAULT.to_owned(), self.agents.clone());
        }
        let named = self
            .targets
            .iter()
            .filter(|(_, numbers)| !numbers.is_empty());
        targets.extend(named.map(|(target, numbers)| (target.clone(), numbers.clone())));
        targets
    }

    /// The transfer targets of a flow whose numbers the operator provides.
    fn of_flow(&self, flow: &FlowName) -> BTreeMap<String, Vec<PhoneNumber>> {
        let mut targets = self.shared();
        targets.extend(
            self.flow_transfer
                .get(flow)
                .into_iter()
                .flatten()
                .map(|(target, numbers)| (target.clone(), numbers.clone())),
        );
        targets
    }

    /// Removes the manifest's numbers that will be replaced, so that they are not checked against
    /// the allowance.
    pub fn clear(&self, flow: &FlowName, manifest: &mut Manifest) {
        let replaced = self.of_flow(flow);
        // the names stay: they say which targets the flow has
        let samples = manifest.samples.transfer.iter_mut();
        let granted = manifest.grants.transfer.iter_mut().flatten();
        granted
            .chain(samples)
            .filter(|(target, _)| replaced.contains_key(*target))
            .for_each(|(_, numbers)| numbers.clear());
    }

    /// Applies the operator's values, and samples where there is no other value. Afterwards the
    /// manifest's `samples` contain only those in use. Returns the settings given for this flow in
    /// particular that its manifest does not name.
    pub fn apply(&self, flow: &FlowName, manifest: &mut Manifest) -> Vec<String> {
        let own = self.flow_settings.get(flow);
        let is_named = |manifest: &Manifest, name: &String| {
            manifest.settings.contains_key(name) || manifest.samples.settings.contains_key(name)
        };
        let unnamed = own
            .into_iter()
            .flatten()
            .map(|(name, _)| name)
            .filter(|name| !is_named(manifest, name))
            .cloned()
            .collect();
        for (name, value) in self
            .settings
            .iter()
            .filter(|(name, _)| is_named(manifest, name))
            .collect::<Vec<_>>()
        {
            manifest.settings.insert(name.clone(), value.clone());
        }
        manifest.settings.extend(
            own.into_iter()
                .flatten()
                .map(|(name, value)| (name.clone(), value.clone())),
        );
        manifest
            .samples
            .settings
            .retain(|name, _| !manifest.settings.contains_key(name));
        manifest.settings.extend(manifest.samples.settings.clone());

        let own = self.flow_transfer.get(flow).cloned().unwrap_or_default();
        let samples = std::mem::take(&mut manifest.samples.transfer);
        let mut granted = manifest.grants.transfer.take();
        for (target, numbers) in self.shared() {
            // a manifest that grants targets without `default` does so deliberately
            let is_granted = match &granted {
                Some(granted) => granted.contains_key(&target),
                None => target == DEFAULT,
            };
            if is_granted || samples.contains_key(&target) {
                granted.get_or_insert_default().insert(target, numbers);
            }
        }
        if !own.is_empty() {
            granted.get_or_insert_default().extend(own);
        }
        for (target, numbers) in samples {
            let has_numbers = |granted: &BTreeMap<String, Vec<PhoneNumber>>| {
                granted
                    .get(&target)
                    .is_some_and(|numbers| !numbers.is_empty())
            };
            if !granted.as_ref().is_some_and(has_numbers) {
                granted
                    .get_or_insert_default()
                    .insert(target.clone(), numbers.clone());
                manifest.samples.transfer.insert(target, numbers);
            }
        }
        manifest.grants.transfer = granted;
        unnamed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED: &str = "[settings]\nunclear = 'transfer'\n[samples.settings]\nlender = 'Sample Finance'\nbot-name = 'Sam'\n\
        [samples.transfer]\ndefault = ['08011112222']\n";

    fn flow() -> FlowName {
        FlowName::parse("emi").unwrap()
    }

    fn number(text: &str) -> PhoneNumber {
        PhoneNumber::parse(text).unwrap()
    }

    fn settings<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
        pairs
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    fn applied(overrides: &Overrides, text: &str) -> (Manifest, Vec<String>) {
        let mut manifest = Manifest::parse(text).unwrap();
        overrides.clear(&flow(), &mut manifest);
        let unnamed = overrides.apply(&flow(), &mut manifest);
        (manifest, unnamed)
    }

    fn dialled(manifest: &Manifest, target: &str) -> Option<Vec<PhoneNumber>> {
        manifest.grants.transfer.as_ref()?.get(target).cloned()
    }

    #[test]
    fn samples_are_used_and_named_where_nobody_gives_anything() {
        let (manifest, _) = applied(&Overrides::default(), SHIPPED);
        assert_eq!(
            (
                manifest.settings["lender"].as_str(),
                manifest.settings["bot-name"].as_str()
            ),
            ("Sample Finance", "Sam")
        );
        assert_eq!(
            dialled(&manifest, "default"),
            Some(vec![number("08011112222")])
        );
        assert_eq!(
            manifest.samples.names(),
            ["bot-name", "lender", "transfer.default"]
        );
    }

    #[test]
    fn transfers_go_to_the_operators_agents_and_not_to_the_sample_number() {
        let overrides = Overrides {
            agents: vec![number("08040001111")],
            settings: settings([("lender", "Mine")]),
            ..Overrides::default()
        };
        let (manifest, _) = applied(&overrides, SHIPPED);
        assert_eq!(
            dialled(&manifest, "default"),
            Some(overrides.agents.clone())
        );
        assert_eq!(
            (
                manifest.settings["lender"].as_str(),
                manifest.samples.names()
            ),
            ("Mine", vec!["bot-name".to_owned()])
        );
        // also in preference to numbers that a manifest grants itself
        let (manifest, _) = applied(
            &overrides,
            "[grants]\ntransfer = { default = ['08011112222'], legal = ['08033334444'] }\n",
        );
        assert_eq!(
            (dialled(&manifest, "default"), dialled(&manifest, "legal")),
            (
                Some(overrides.agents.clone()),
                Some(vec![number("08033334444")])
            )
        );
        // a flow that may only transfer to its own targets is unchanged
        let (manifest, _) = applied(
            &overrides,
            "[grants]\ntransfer = { legal = ['08033334444'] }\n",
        );
        assert_eq!(dialled(&manifest, "default"), None);
    }

    #[test]
    fn what_is_given_for_one_flow_stands_above_what_is_given_for_all() {
        let overrides = Overrides {
            agents: vec![number("08040001111")],
            settings: settings([("lender", "Mine"), ("colour", "red")]),
            flow_settings: BTreeMap::from([(
                flow(),
                settings([("lender", "Ours"), ("lendr", "x")]),
            )]),
            flow_transfer: BTreeMap::from([(
                flow(),
                BTreeMap::from([("default".to_owned(), vec![number("08055556666")])]),
            )]),
            ..Overrides::default()
        };
        let (manifest, unnamed) = applied(&overrides, SHIPPED);
        assert_eq!(
            (manifest.settings["lender"].as_str(), unnamed),
            ("Ours", vec!["lendr".to_owned()])
        );
        assert!(
            !manifest.settings.contains_key("colour"),
            "the manifest does not name it"
        );
        assert_eq!(
            dialled(&manifest, "default"),
            Some(vec![number("08055556666")])
        );
    }

    #[test]
    fn a_flow_names_targets_and_the_operator_says_who_they_are() {
        let of = |target: &str, text: &str| (target.to_owned(), vec![number(text)]);
        let overrides = Overrides {
            agents: vec![number("08040001111")],
            targets: BTreeMap::from([
                of("legal", "08040002222"),
                of("default", "08040003333"),
                of("other", "08040004444"),
            ]),
            ..Overrides::default()
        };
        let (manifest, _) = applied(
            &overrides,
            "[grants]\ntransfer = ['legal', 'default', 'nobody']\n",
        );
        assert_eq!(
            ["legal", "default", "nobody", "other"].map(|target| dialled(&manifest, target)),
            [
                Some(vec![number("08040002222")]),
                Some(vec![number("08040003333")]),
                Some(Vec::new()),
                None
            ]
        );
        let (manifest, _) = applied(&overrides, "[samples.transfer]\nlegal = ['08011112222']\n");
        assert_eq!(
            dialled(&manifest, "legal"),
            Some(vec![number("08040002222")])
        );
        assert_eq!(manifest.samples.names(), Vec::<String>::new());
        assert!(Manifest::parse("[grants]\ntransfer = ['08040001111']\n").is_err());
    }
}
