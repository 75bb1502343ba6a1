//! `[samples]`: a flow's values for trying it out.

use std::collections::BTreeMap;

use ghanti_model::PhoneNumber;

/// `[samples]`: values for trying a flow out, used if neither the operator nor the rest of the
/// manifest provides any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Samples {
    /// `[samples.settings]`
    pub settings: BTreeMap<String, String>,
    /// `[samples.transfer]`
    pub transfer: BTreeMap<String, Vec<PhoneNumber>>,
}

impl Samples {
    /// The names of what has samples: settings, and `transfer.TARGET`.
    pub fn names(&self) -> Vec<String> {
        let targets = self
            .transfer
            .keys()
            .map(|target| format!("transfer.{target}"));
        self.settings.keys().cloned().chain(targets).collect()
    }
}
