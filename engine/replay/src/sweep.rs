//! Replays all recorded calls of a period concurrently, and sums up their differences by kind.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ghanti_model::{CallRecord, DifferenceKind, unix_ms};
use ghanti_store::sql::PageMark;
use ghanti_store::{SqlRecords, StoreError};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::calls::from_record;
use crate::error::ReplayError;
use crate::replayer::Replayer;
use crate::report::Replayed;
use crate::since::since;

/// Records per page; a page of long calls takes some megabytes.
const PAGE: u32 = 64;
/// Number of calls named as examples of each difference.
const EXAMPLES: usize = 3;
/// Maximum number of differences shown for each kind.
const SUBJECTS: usize = 12;

/// Progress of a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Records processed so far.
    pub done: u64,
    /// Records that there were at the beginning.
    pub all: u64,
}

/// Calls with the same difference.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Group {
    /// The number of calls.
    pub calls: u64,
    /// The first of them, as examples.
    pub examples: Vec<String>,
}

/// The result of replaying many calls.
#[derive(Debug, Default)]
pub struct Sweep {
    /// The number of calls replayed.
    pub replayed: u64,
    /// The number of calls without any difference.
    pub same: u64,
    /// The number of calls with differences that are not tolerated.
    pub differing: u64,
    /// The calls with each difference, by kind, most severe first, and by subject.
    pub groups: BTreeMap<DifferenceKind, BTreeMap<String, Group>>,
    /// The number of calls by the most severe kind of their differences.
    pub calls_by_kind: BTreeMap<DifferenceKind, u64>,
    /// The number of records without a journal, or of other flows.
    pub passed_over: u64,
    /// Calls that could not be replayed, by reason.
    pub failed: BTreeMap<String, Group>,
    tolerated: BTreeSet<DifferenceKind>,
    took: Duration,
}

enum Done {
    Replayed(Box<Replayed>),
    PassedOver,
    Failed { call: String, reason: String },
}

impl Replayer {
    /// Replays all recorded calls since a date (`2026-11-30`) or a period ago (`2d`, `12h`), or all
    /// calls if `from` is `None`. Runs as many replays at once as there are cores.
    pub async fn all(
        self: &Arc<Self>,
        from: Option<&str>,
        progress: impl Fn(Progress),
    ) -> Result<Sweep, ReplayError> {
        let began = Instant::now();
        let read = |text: &str| {
            since(text, unix_ms(), &self.zone).ok_or_else(|| ReplayError::Since(text.to_owned()))
        };
        let since_ms = from.map(read).transpose()?.unwrap_or(0);
        let records = self.calls.records().await?;
        let all = records.count(since_ms).await?;
        let names = self.flows.names().await?;
        let (queue, mut coming) = mpsc::channel(1);
        let mut reading = JoinSet::new();
        reading.spawn(pages(records, since_ms, queue));
        let mut sweep = Sweep {
            tolerated: self.tolerated.clone(),
            ..Sweep::default()
        };
        let (mut running, mut done) = (JoinSet::new(), 0);
        let mut take = |sweep: &mut Sweep, result| {
            done += 1;
            progress(Progress { done, all });
            sweep.add(result);
        };
        while let Some(record) = coming.recv().await {
            let record = match record? {
                Ok(record) => record,
                Err(error) => {
                    take(
                        &mut sweep,
                        Done::Failed {
                            call: "a record".to_owned(),
                            reason: error.to_string(),
                        },
                    );
                    continue;
                }
            };
            if running.len() >= self.at_once
                && let Some(result) = running.join_next().await
            {
                take(&mut sweep, joined(result));
            }
            running.spawn(Arc::clone(self).member(record, names.clone()));
        }
        while let Some(result) = running.join_next().await {
            take(&mut sweep, joined(result));
        }
        sweep.took = began.elapsed();
        Ok(sweep)
    }

    async fn member(self: Arc<Self>, record: CallRecord, names: Option<Vec<String>>) -> Done {
        let call = record.call_id.to_string();
        let flow = record
            .journal
            .as_ref()
            .map(|journal| journal.header.flow.clone());
        let Some(flow) = flow.filter(|flow| {
            names.is_none_or(|names| names.iter().any(|name| name == flow.as_str()))
        }) else {
            return Done::PassedOver;
        };
        let replayed = async {
            self.replay(from_record(record)?, &self.flows.version(&flow).await?)
                .await
        };
        match replayed.await {
            Ok(replayed) => Done::Replayed(Box::new(replayed)),
            // without the call's id, so that calls with the same reason form one group
            Err(ReplayError::Journal { reason, .. }) => Done::Failed {
                call,
                reason: reason.to_string(),
            },
            Err(error) => Done::Failed {
                call,
                reason: error.to_string(),
            },
        }
    }
}

fn joined(result: Result<Done, tokio::task::JoinError>) -> Done {
    result.unwrap_or_else(|error| Done::Failed {
        call: "a call".to_owned(),
        reason: format!("the replay itself failed: {error}"),
    })
}

type Read = Result<Result<CallRecord, StoreError>, StoreError>;

/// Reads all records of a period page by page, one record ahead of the receiver, until it is
/// dropped.
async fn pages(records: SqlRecords, since_ms: u64, queue: mpsc::Sender<Read>) {
    let mut after: Option<PageMark> = None;
    loop {
        let page = match records.page(since_ms, after.as_ref(), PAGE).await {
            Ok(page) => page,
            Err(error) => {
                drop(queue.send(Err(error)).await);
                break;
            }
        };
        for read in page
            .unreadable
            .into_iter()
            .map(Err)
            .chain(page.records.into_iter().map(Ok))
        {
            if queue.send(Ok(read)).await.is_err() {
                return;
            }
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    records.close().await;
}

impl Sweep {
    /// Whether no call has a difference that is not tolerated.
    pub fn is_same(&self) -> bool {
        self.differing == 0
    }

    fn add(&mut self, done: Done) {
        let replayed = match done {
            Done::PassedOver => {
                self.passed_over += 1;
                return;
            }
            Done::Failed { call, reason } => {
                return self.failed.entry(reason).or_default().add(call);
            }
            Done::Replayed(replayed) => replayed,
        };
        self.replayed += 1;
        self.differing += u64::from(!replayed.is_same());
        match replayed.differences.first() {
            None => self.same += 1,
            Some(gravest) => *self.calls_by_kind.entry(gravest.kind).or_default() += 1,
        }
        let subjects: BTreeSet<_> = replayed
            .differences
            .iter()
            .map(|reported| (reported.kind, reported.subject.clone()))
            .collect();
        for (kind, subject) in subjects {
            self.groups
                .entry(kind)
                .or_default()
                .entry(subject)
                .or_default()
                .add(replayed.call.clone());
        }
    }
}

impl Group {
    fn add(&mut self, call: String) {
        self.calls += 1;
        if self.examples.len() < EXAMPLES {
            self.examples.push(call);
        }
    }
}

impl fmt::Display for Sweep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            replayed,
            same,
            passed_over,
            ..
        } = self;
        let with = replayed - same;
        writeln!(
            f,
            "{} replayed in {:.1} s: {same} without a difference, {with} with",
            calls(*replayed),
            self.took.as_secs_f64()
        )?;
        for (kind, groups) in &self.groups {
            let borne = if self.tolerated.contains(kind) {
                ", tolerated"
            } else {
                ""
            };
            let gravest = self.calls_by_kind.get(kind).copied().unwrap_or(0);
            writeln!(
                f,
                "\n{kind}{borne}: the gravest difference of {}",
                calls(gravest)
            )?;
            let mut groups: Vec<_> = groups.iter().collect();
            groups.sort_by_key(|(_, group)| std::cmp::Reverse(group.calls));
            for (subject, group) in groups.iter().take(SUBJECTS) {
                writeln!(
                    f,
                    "{:>8}  {subject}  such as {}",
                    group.calls,
                    group.examples.join(", ")
                )?;
            }
            if groups.len() > SUBJECTS {
                writeln!(f, "          and {} more", groups.len() - SUBJECTS)?;
            }
        }
        if *passed_over > 0 {
            writeln!(
                f,
                "\nrecords skipped, without a journal or of other flows: {passed_over}"
            )?;
        }
        for (reason, group) in &self.failed {
            writeln!(
                f,
                "\n{} could not be replayed, such as {}: {reason}",
                calls(group.calls),
                group.examples.join(", ")
            )?;
        }
        Ok(())
    }
}

fn calls(number: u64) -> String {
    if number == 1 {
        "1 call".to_owned()
    } else {
        format!("{number} calls")
    }
}
