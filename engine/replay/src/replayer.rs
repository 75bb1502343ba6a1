//! `ghanti replay`: runs recorded calls again, against their own version of a flow or another one,
//! and reports the differences.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use ghanti_host::{FlowVersion, RunEnd};
use ghanti_model::{DifferenceKind, Zone};

use crate::calls::{Calls, Recorded};
use crate::comparison::compare;
use crate::error::ReplayError;
use crate::flows::Flows;
use crate::report::Replayed;
use crate::settings::ReplaySettings;
use crate::words::Words;

/// Replays recorded calls.
pub struct Replayer {
    pub(crate) calls: Calls,
    pub(crate) flows: Flows,
    pub(crate) tolerated: BTreeSet<DifferenceKind>,
    pub(crate) zone: Zone,
    pub(crate) at_once: usize,
}

impl Replayer {
    /// Creates a replayer. Flows are loaded when a call first needs them.
    pub fn new(settings: ReplaySettings) -> Result<Self, ReplayError> {
        let at_once = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            calls: Calls::new(
                settings.database.clone(),
                settings.database_ca_file.clone(),
                settings.data.clone(),
            ),
            flows: Flows::new(&settings, at_once)?,
            zone: settings.zone,
            tolerated: settings.tolerated,
            at_once,
        })
    }

    /// Replays one call, named by our id, its CallSid, or a file with its journal or record.
    pub fn one<'a>(&'a self, call: &'a str) -> BoxFuture<'a, Result<Replayed, ReplayError>> {
        self.find_and_replay(call).boxed()
    }

    async fn find_and_replay(&self, call: &str) -> Result<Replayed, ReplayError> {
        let recorded = self.calls.find(call).await?;
        let version = self.flows.version(&recorded.journal.header.flow).await?;
        self.replay(recorded, &version).await
    }

    pub(crate) async fn replay(
        &self,
        recorded: Recorded,
        version: &Arc<FlowVersion>,
    ) -> Result<Replayed, ReplayError> {
        Ok(replayed(&recorded, version, &self.zone, &self.tolerated)
            .await?
            .0)
    }
}

/// Replays one call, continuing past differences wherever the record still has an answer. Also
/// returns how the run ended.
pub(crate) async fn replayed(
    recorded: &Recorded,
    version: &Arc<FlowVersion>,
    zone: &Zone,
    tolerated: &BTreeSet<DifferenceKind>,
) -> Result<(Replayed, RunEnd), ReplayError> {
    let everything = DifferenceKind::ALL.into_iter().collect();
    let call = recorded.journal.header.call_id;
    let unreadable = |reason| ReplayError::Journal {
        call: call.to_string(),
        reason,
    };
    let comparison = compare(version, recorded.journal.clone(), &everything)
        .await
        .map_err(unreadable)?;
    let end = comparison.end.clone();
    let words = Words::new(recorded, version, zone);
    Ok((Replayed::new(recorded, comparison, &words, tolerated), end))
}
