//! The lease of this node on its calls, renewed in the database while the process runs. Any node
//! ends the calls of a node whose lease has expired: of one that has not renewed it for [`LEASE`],
//! by the monotonic clock of the node that looks. The times in the database are of no account for
//! that: a clock that is set, or that differs from another node's, ends no calls.

use std::collections::HashMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ghanti_model::{NodeId, unix_ms};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::{CallRecords, NodeLease, OpenError, StoreError};

/// How long a lease lasts after it was renewed.
pub const LEASE: Duration = Duration::from_secs(15);
/// Interval at which the lease is renewed. A node that checks whether this one is running sees it
/// change.
pub const HEARTBEAT: Duration = Duration::from_secs(1);
/// Interval at which the calls of nodes that are known to be dead are looked for again.
const LOOK: Duration = Duration::from_secs(5);
/// File in the data folder that contains the node's id and is locked while the process runs.
const FILE: &str = "node";

/// A lease, renewed until it is released or dropped.
pub struct Lease {
    node: NodeId,
    records: Arc<dyn CallRecords>,
    task: JoinHandle<()>,
    /// Whether the last renewal was written.
    written: watch::Receiver<Result<(), StoreError>>,
    /// Locked, so that the next process of this folder knows whether this one still runs. `None` if
    /// an earlier one still runs.
    _file: Option<File>,
}

impl Lease {
    /// Takes a lease as a new node, and ends the calls of nodes that have given theirs up. The lease of
    /// an earlier process of this data folder is given up first, if that process has ended. A
    /// database that does not answer is logged and tried again later.
    ///
    /// Fails if the file with the node's id cannot be read or written.
    pub async fn take(records: Arc<dyn CallRecords>, data_dir: &Path) -> Result<Self, OpenError> {
        let node = NodeId::generate();
        let path = data_dir.join(FILE);
        let (file, previous) = name_node(&path, node).map_err(|error| OpenError::Folder {
            path: path.clone(),
            reason: error.to_string(),
            hint: "let the engine's user read and write the file".to_owned(),
        })?;
        let now_ms = unix_ms();
        if let Some(previous) = previous
            && let Err(error) = records.heartbeat(previous, now_ms, now_ms).await
        {
            tracing::error!(%error, "the lease of an earlier engine of this folder could not be released and will expire by itself");
        }
        let (mut renewal, judges_from) = (Renewal::new(node), watch::Sender::new(Instant::now()));
        let mut looker = Looker::new(node, judges_from.subscribe());
        let writes = watch::Sender::new(renewal.beat(records.as_ref(), &judges_from).await);
        let written = writes.subscribe();
        looker.look(records.as_ref()).await;
        let renewed = Arc::clone(&records);
        let task = tokio::spawn(async move {
            // the heartbeat does not wait while many calls of a dead node are ended
            let beats = async {
                loop {
                    tokio::time::sleep(HEARTBEAT).await;
                    let beaten = renewal.beat(renewed.as_ref(), &judges_from).await;
                    drop(writes.send_replace(beaten));
                }
            };
            let looks = async {
                loop {
                    tokio::time::sleep(HEARTBEAT).await;
                    looker.look(renewed.as_ref()).await;
                }
            };
            tokio::join!(beats, looks);
        });
        Ok(Self {
            node,
            records,
            task,
            written,
            _file: file,
        })
    }

    /// Whether the database took the last renewal: a database that is read-only, or whose disk is
    /// full, answers questions and takes nothing.
    ///
    /// # Errors
    /// Why it did not.
    pub fn renewed(&self) -> Result<(), StoreError> {
        self.written.borrow().clone()
    }

    /// Returns this node's id.
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// Gives the lease up: calls that this node still has count as abandoned.
    pub async fn release(&self) {
        self.task.abort();
        let now_ms = unix_ms();
        if let Err(error) = self.records.heartbeat(self.node, now_ms, now_ms).await {
            tracing::warn!(%error, "the lease of this engine could not be released and will expire by itself");
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The renewals of a lease.
struct Renewal {
    node: NodeId,
    outage: Outage,
}

impl Renewal {
    fn new(node: NodeId) -> Self {
        Self {
            node,
            outage: Outage::default(),
        }
    }

    /// Renews the lease. If that fails, the leases of others may not be judged for a while.
    async fn beat(
        &mut self,
        records: &dyn CallRecords,
        judges_from: &watch::Sender<Instant>,
    ) -> Result<(), StoreError> {
        let now_ms = unix_ms();
        let until_ms = now_ms.saturating_add(u64::try_from(LEASE.as_millis()).unwrap_or(u64::MAX));
        let renewed = records.heartbeat(self.node, now_ms, until_ms).await;
        if renewed.is_err() {
            // nobody else could renew either: they get the time of a lease to do so
            judges_from.send_replace(Instant::now() + LEASE);
        }
        self.outage.note(
            renewed.clone(),
            "the lease of this engine could not be renewed; trying again",
        );
        renewed
    }
}

/// Ends the calls of nodes whose lease has expired.
struct Looker {
    node: NodeId,
    /// From when on the leases of others may be judged.
    judges_from: watch::Receiver<Instant>,
    heartbeats: Heartbeats,
    /// The nodes whose calls were ended last, and when they are looked for again.
    ended: (Vec<NodeId>, Instant),
    outage: Outage,
}

impl Looker {
    fn new(node: NodeId, judges_from: watch::Receiver<Instant>) -> Self {
        Self {
            node,
            judges_from,
            heartbeats: Heartbeats::default(),
            ended: (Vec::new(), Instant::now()),
            outage: Outage::default(),
        }
    }

    async fn look(&mut self, records: &dyn CallRecords) {
        let ended = self.end(records).await;
        if let Ok(abandoned @ 1..) = ended {
            tracing::warn!(abandoned, "calls of engines that are gone were ended");
        }
        self.outage.note(
            ended.map(drop),
            "the calls of an engine that is gone could not be ended; trying again",
        );
    }

    /// Ends the calls of nodes that are gone; of the same ones as before only after [`LOOK`].
    async fn end(&mut self, records: &dyn CallRecords) -> Result<u64, StoreError> {
        let leases = records.leases().await.inspect_err(|_| {
            // whoever cannot be seen may have renewed their lease
            self.heartbeats = Heartbeats::default();
        })?;
        let (now, from) = (Instant::now(), *self.judges_from.borrow());
        let mut gone = self.heartbeats.take(&leases, now);
        gone.retain(|node| *node != self.node);
        let (before, again) = &self.ended;
        if now < from || (gone == *before && now < *again) {
            return Ok(0);
        }
        let abandoned = records.close_abandoned(self.node, &gone, unix_ms()).await?;
        self.ended = (gone, now + LOOK);
        Ok(abandoned)
    }
}

/// When the heartbeat of each node has changed last, by this process' monotonic clock.
#[derive(Debug, Default)]
struct Heartbeats(HashMap<NodeId, (u64, Instant)>);

impl Heartbeats {
    /// Takes what the database has at this time. Returns the nodes that are gone, in the order of their
    /// leases: that have given up their lease, or not renewed it for [`LEASE`].
    fn take(&mut self, leases: &[NodeLease], now: Instant) -> Vec<NodeId> {
        let mut before = std::mem::take(&mut self.0);
        let is_gone = |lease: &&NodeLease| {
            let known = before.remove(&lease.node);
            let since = known
                .filter(|(heartbeat_ms, _)| *heartbeat_ms == lease.heartbeat_ms)
                .map_or(now, |(_, since)| since);
            self.0.insert(lease.node, (lease.heartbeat_ms, since));
            lease.is_given_up || now.duration_since(since) >= LEASE
        };
        let gone = leases.iter().filter(is_gone);
        gone.map(|lease| lease.node).collect()
    }
}

/// An outage of the database, which is logged once.
#[derive(Default)]
struct Outage {
    is_logged: bool,
}

impl Outage {
    fn note(&mut self, done: Result<(), StoreError>, what: &str) {
        match done {
            Ok(()) => self.is_logged = false,
            Err(error) if !self.is_logged => {
                self.is_logged = true;
                tracing::warn!(%error, "{what}");
            }
            Err(_) => {}
        }
    }
}

/// Writes the node's id to the file and keeps it locked. Returns the file, and the id of the
/// process before, which has ended. If that process still runs, writes nothing and returns neither.
fn name_node(path: &Path, node: NodeId) -> io::Result<(Option<File>, Option<NodeId>)> {
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok((None, None)),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    let mut text = String::new();
    // a file that is not UTF-8 contains no id
    let _ = file.read_to_string(&mut text);
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    writeln!(file, "{node}")?;
    Ok((Some(file), NodeId::parse(text.trim())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_ends_by_the_monotonic_clock_alone_whatever_the_nodes_take_for_the_time() {
        let [jumps, dies, gives_up] = [(); 3].map(|()| NodeId::generate());
        let lease = |node, heartbeat_ms, is_given_up| NodeLease {
            node,
            heartbeat_ms,
            is_given_up,
        };
        let (mut heartbeats, began) = (Heartbeats::default(), Instant::now());
        for second in 0..60_u64 {
            // set forward and back by an hour every second, and one that stopped an hour ahead
            let jumped = if second % 2 == 0 { 3_600_000 } else { 0 };
            let leases = [
                lease(jumps, 10_000_000 + second * 1_000 + jumped, false),
                lease(dies, 10_000_000 + 3_600_000 + second.min(5) * 1_000, false),
                lease(gives_up, 10_000_000, true),
            ];
            let gone = heartbeats.take(&leases, began + Duration::from_secs(second));
            let expected = if second < 5 + LEASE.as_secs() {
                vec![gives_up]
            } else {
                vec![dies, gives_up]
            };
            assert_eq!(gone, expected, "after {second} s");
        }
        assert_eq!(heartbeats.take(&[], began), [], "rows that are forgotten");
        assert!(heartbeats.0.is_empty());
    }

    #[test]
    fn a_process_learns_the_name_of_the_one_before_it_when_that_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let [first, second, third] = [(); 3].map(|()| NodeId::generate());
        let (held, previous) = name_node(&path, first).unwrap();
        assert!(held.is_some() && previous.is_none());
        let (none, previous) = name_node(&path, second).unwrap();
        assert!(
            none.is_none() && previous.is_none(),
            "the first one is running"
        );
        drop(held);
        let (_held, previous) = name_node(&path, third).unwrap();
        assert_eq!(previous, Some(first));
    }
}
