//! A watched folder of flows, and waiting for its changes to take effect.

use std::sync::Arc;
use std::time::Duration;

use ghanti_catalogue::{Catalogue, FlowState, Pinned, Stage, watch};
use ghanti_host::Rejection;
use ghanti_model::{CallFacts, CallId, FlowName, VersionId};

use crate::common::{House, facts};

/// On an idle machine, no step of these tests takes a hundredth of this.
const BOUND: Duration = Duration::from_secs(120);

pub struct Watched {
    pub house: House,
    pub catalogue: Arc<Catalogue>,
}

impl Watched {
    pub async fn over(house: House) -> Self {
        let (catalogue, _) = house.open().await;
        let catalogue = Arc::new(catalogue);
        watch(&catalogue);
        Self { house, catalogue }
    }

    /// Waits until the catalogue has reported a change after which the condition holds.
    pub async fn until(&self, what: &str, mut is_so: impl FnMut(&Catalogue) -> bool) {
        let mut changes = self.catalogue.changes();
        let waited = tokio::time::timeout(BOUND, async {
            while !is_so(&self.catalogue) {
                changes.changed().await.unwrap();
            }
        });
        if waited.await.is_err() {
            panic!(
                "never {what}: {:#?} {:#?}",
                self.catalogue.states(),
                self.catalogue.invalid()
            );
        }
    }

    pub async fn until_other(&self, flow: &str, than: &VersionId) -> VersionId {
        self.until("another version", |_| {
            self.active(flow).is_some_and(|id| id != *than)
        })
        .await;
        self.active(flow).unwrap()
    }

    pub async fn until_rejected(&self, flow: &str, words: &str) -> Rejection {
        let find = || {
            self.state(flow)?
                .rejected
                .into_iter()
                .map(|rejected| rejected.rejection)
                .find(|reported| reported.reason.contains(words))
        };
        self.until(words, |_| find().is_some()).await;
        find().unwrap()
    }

    pub fn active(&self, flow: &str) -> Option<VersionId> {
        Some(self.catalogue.active(&name(flow))?.id.clone())
    }

    pub fn state(&self, flow: &str) -> Option<FlowState> {
        self.catalogue
            .states()
            .into_iter()
            .find(|state| state.name == name(flow))
    }

    pub fn stage(&self, flow: &str, id: &VersionId) -> Option<(Stage, u32)> {
        let versions = self.state(flow)?.versions;
        versions
            .into_iter()
            .find(|version| version.id == *id)
            .map(|version| (version.stage, version.calls))
    }

    /// A new call to the only flow.
    pub fn call(&self) -> Pinned {
        self.catalogue
            .choose(
                &CallFacts {
                    call_id: CallId::generate(),
                    ..facts()
                },
                None,
            )
            .unwrap()
    }
}

pub fn name(text: &str) -> FlowName {
    FlowName::parse(text).unwrap()
}
