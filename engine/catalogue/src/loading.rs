//! Which flows are being loaded at the moment, for whoever reports whether the engine is ready.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ghanti_model::FlowName;

/// The flows that are being read, compiled or tested. Clones share the list.
#[derive(Debug, Clone, Default)]
pub struct Loading(Arc<Mutex<BTreeMap<FlowName, usize>>>);

impl Loading {
    /// The flows, by name.
    pub fn flows(&self) -> Vec<FlowName> {
        self.list().keys().cloned().collect()
    }

    /// A flow is being loaded until the returned guard is dropped.
    pub(crate) fn begin(&self, flow: &FlowName) -> LoadingFlow {
        *self.list().entry(flow.clone()).or_default() += 1;
        LoadingFlow {
            loading: self.clone(),
            flow: flow.clone(),
        }
    }

    fn list(&self) -> MutexGuard<'_, BTreeMap<FlowName, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One load of a flow in progress.
#[derive(Debug)]
pub(crate) struct LoadingFlow {
    loading: Loading,
    flow: FlowName,
}

impl Drop for LoadingFlow {
    fn drop(&mut self) {
        let mut list = self.loading.list();
        // two versions of one flow may be loaded at the same time
        if let Some(loads) = list.get_mut(&self.flow) {
            *loads -= 1;
            if *loads == 0 {
                list.remove(&self.flow);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_is_listed_until_its_last_load_is_over() {
        let (loading, flow) = (Loading::default(), FlowName::parse("acts").unwrap());
        let (first, second) = (loading.begin(&flow), loading.clone().begin(&flow));
        drop(first);
        assert_eq!(loading.flows(), [flow]);
        drop(second);
        assert_eq!(loading.flows(), []);
    }
}
