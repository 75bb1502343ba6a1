//! State that survives a restart: for each flow the version that took calls last with its rules,
//! and which flow took unclaimed calls.
//!
//! `NAME.json` lists a flow's versions by the digests of their files, which are in `objects/`, each
//! stored once under its digest. The rules are also held in memory, so that comparing them needs no
//! disk. A failed write is only a warning: calls go on, and less is known after a restart.
//! Everything except [`Kept::last`] and [`Kept::note`] blocks.

mod disk;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ghanti_model::{FlowName, VersionId};
use serde::{Deserialize, Serialize};

use crate::published::{Published, Taken, Way};
use crate::source::Parts;
use crate::states::SetWeight;
use disk::Disk;

/// Format of these files; files of another format are ignored.
const FORMAT: u32 = 1;

/// The version of a flow that took calls last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Last {
    pub(crate) version: VersionId,
    /// Whether it had a manifest.
    pub(crate) has_manifest: bool,
    /// The rules of its manifest.
    pub(crate) rules: BTreeSet<String>,
    /// The version that was rolled back, if any.
    #[serde(default)]
    pub(crate) withdrawn: Option<Withdrawn>,
    /// The share that was set for the candidate, if any.
    #[serde(default)]
    pub(crate) share: Option<Share>,
}

/// A share of the calls that was set by hand, and the candidate that has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Share {
    pub(crate) version: VersionId,
    pub(crate) set: SetWeight,
}

/// A version that was taken back, by people or for its failures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Withdrawn {
    pub(crate) version: VersionId,
    pub(crate) reason: String,
    pub(crate) at_ms: u64,
}

/// A version's files (`flow.wasm`, `flow.toml`, `prompts/LANGUAGE`, `audio/NAME`) and their
/// digests.
type Files = BTreeMap<String, String>;

/// The saved state of one flow.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    format: u32,
    last: Option<Last>,
    versions: BTreeMap<VersionId, Files>,
    /// How each version came.
    #[serde(default)]
    published: BTreeMap<VersionId, Published>,
    /// The version last taken from the folder or put there.
    #[serde(default)]
    taken: Option<VersionId>,
}

/// The saved state of all flows. Without a folder it is lost when the process ends.
#[derive(Debug)]
pub(crate) struct Kept {
    disk: Option<Disk>,
    flows: Mutex<BTreeMap<FlowName, Entry>>,
    home: Mutex<Option<FlowName>>,
}

impl Kept {
    /// Reads the state that a previous process left in a folder.
    pub(crate) fn open(folder: Option<PathBuf>) -> Self {
        let disk = folder.map(Disk::new);
        let (flows, home) = disk.as_ref().map(Disk::read).unwrap_or_default();
        Self {
            disk,
            flows: Mutex::new(flows),
            home: Mutex::new(home),
        }
    }

    /// The version of a flow that took calls last, before or after the restart.
    pub(crate) fn last(&self, name: &FlowName) -> Option<Last> {
        self.flows().get(name)?.last.clone()
    }

    /// The flow that takes calls which no flow claims.
    pub(crate) fn home(&self) -> Option<FlowName> {
        self.home
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// How a version came, if that is known.
    pub(crate) fn published(&self, name: &FlowName, id: &VersionId) -> Option<Published> {
        self.flows().get(name)?.published.get(id).cloned()
    }

    /// How a version came whose files are in the folder: as it is known of the version that was there
    /// last, so that a restart makes no copy of what was sent; otherwise by copying, now.
    pub(crate) fn found(&self, name: &FlowName, id: &VersionId, now_ms: u64) -> Published {
        let flows = self.flows();
        let entry = flows
            .get(name)
            .filter(|entry| entry.taken.as_ref() == Some(id));
        let known = entry.and_then(|entry| entry.published.get(id));
        known.cloned().unwrap_or(Published {
            at_ms: now_ms,
            way: Way::Folder,
        })
    }

    /// Stores the files of a version that is about to take calls.
    pub(crate) fn store(&self, name: &FlowName, id: &VersionId, parts: &Parts) {
        let Some(disk) = &self.disk else { return };
        // the entry is made before other writes may delete objects that no version uses
        let stored = |files| {
            drop(
                self.flows()
                    .entry(name.clone())
                    .or_default()
                    .versions
                    .insert(id.clone(), files),
            )
        };
        if let Err(error) = disk.store(parts, stored) {
            disk.warn(name, &error);
        }
    }

    /// Records the active version, unless it stays the same (`None`), the versions that are still
    /// loaded, and the one that was just taken, if any. Returns whether anything is new; if so,
    /// [`Kept::write`] must follow. Once a flow has had a manifest, `has_manifest` stays set.
    pub(crate) fn note(
        &self,
        name: &FlowName,
        last: Option<Last>,
        loaded: &BTreeSet<VersionId>,
        taken: Option<Taken<'_>>,
    ) -> bool {
        let mut flows = self.flows();
        let entry = flows.entry(name.clone()).or_default();
        let before = entry.clone();
        entry.format = FORMAT;
        if let Some(mut last) = last {
            last.has_manifest |= entry.last.as_ref().is_some_and(|last| last.has_manifest);
            entry.last = Some(last);
        }
        if let Some(Taken { version, published }) = taken {
            entry.taken = Some(version.clone());
            entry.published.insert(version.clone(), published.clone());
        }
        let (last, taken) = (&entry.last, &entry.taken);
        let is_used = |id: &VersionId| {
            last.as_ref().is_some_and(|last| last.version == *id)
                || taken.as_ref() == Some(id)
                || loaded.contains(id)
        };
        entry.versions.retain(|id, _| is_used(id));
        entry.published.retain(|id, _| is_used(id));
        *entry != before
    }

    /// Like [`Kept::note`], for the flow that takes unclaimed calls.
    pub(crate) fn note_home(&self, home: Option<FlowName>) -> bool {
        let mut kept = self.home.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = *kept != home;
        *kept = home;
        is_new
    }

    /// Writes a flow's current state, and deletes files that no version uses any more.
    pub(crate) fn write(&self, name: &FlowName) {
        let Some(disk) = &self.disk else { return };
        let now = || {
            let flows = self.flows();
            let used = flows
                .values()
                .flat_map(|entry| entry.versions.values())
                .flat_map(|files| files.values().cloned());
            (flows.get(name).cloned().unwrap_or_default(), used.collect())
        };
        if let Err(error) = disk.write(name, now) {
            disk.warn(name, &error);
        }
    }

    /// Writes which flow takes unclaimed calls.
    pub(crate) fn write_home(&self) {
        if let Some(disk) = &self.disk {
            disk.write_home(|| self.home());
        }
    }

    /// The files of the version that took calls last. The error says in one sentence why they
    /// cannot be restored; `None` if nothing is saved.
    pub(crate) fn restore(&self, name: &FlowName) -> Option<Result<(VersionId, Parts), String>> {
        let disk = self.disk.as_ref()?;
        let (id, files) = {
            let flows = self.flows();
            let entry = flows.get(name)?;
            let id = entry.last.as_ref()?.version.clone();
            let files = entry.versions.get(&id).cloned();
            (id, files)
        };
        let files = files.ok_or_else(|| "its files were not kept".to_owned());
        Some(
            files
                .and_then(|files| disk.restore(&files))
                .map(|parts| (id, parts)),
        )
    }

    fn flows(&self) -> MutexGuard<'_, BTreeMap<FlowName, Entry>> {
        self.flows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use ghanti_model::Language;

    use super::*;
    use crate::source::Source;

    fn name() -> FlowName {
        FlowName::parse("emi").unwrap()
    }

    fn parts(prompt: &str) -> Parts {
        Parts {
            component: b"component".to_vec(),
            manifest: Some("[flow]\n".to_owned()),
            prompts: BTreeMap::from([(Language::english(), prompt.to_owned())]),
            audio: BTreeMap::from([("gong".to_owned(), b"RIFF".as_slice().into())]),
            tests: BTreeMap::new(),
        }
    }

    fn keep(kept: &Kept, parts: &Parts, loaded: &BTreeSet<VersionId>) -> VersionId {
        let id = Source::of(parts.clone()).id;
        kept.store(&name(), &id, parts);
        let last = Last {
            version: id.clone(),
            has_manifest: true,
            rules: BTreeSet::from(["prompts.texts".to_owned()]),
            withdrawn: None,
            share: None,
        };
        let published = Published {
            at_ms: 7,
            way: Way::Api {
                by: "asha".to_owned(),
            },
        };
        let taken = Taken {
            version: &id,
            published: &published,
        };
        assert!(kept.note(&name(), Some(last), loaded, Some(taken)));
        kept.write(&name());
        id
    }

    fn objects(folder: &Path) -> usize {
        fs::read_dir(folder.join("objects")).unwrap().count()
    }

    #[test]
    fn the_last_version_and_its_rules_outlive_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Kept::open(Some(folder.path().to_owned()));
        let kept = open();
        let first = keep(&kept, &parts("a"), &BTreeSet::new());
        assert!(kept.note_home(Some(name())));
        kept.write_home();

        let kept = open();
        assert_eq!(
            (kept.last(&name()).unwrap().version, kept.home()),
            (first.clone(), Some(name()))
        );
        assert!(kept.last(&name()).unwrap().rules.contains("prompts.texts"));
        let (id, restored) = kept.restore(&name()).unwrap().unwrap();
        assert_eq!((&id, Source::of(restored).id), (&first, first.clone()));

        // a changed prompt adds one file; the previous version is kept while it is loaded
        let second = keep(&kept, &parts("b"), &BTreeSet::from([first.clone()]));
        assert_eq!(objects(folder.path()), 5);
        keep(&kept, &parts("c"), &BTreeSet::from([second]));
        assert_eq!(
            (objects(folder.path()), open().restore(&name()).is_some()),
            (5, true)
        );
    }

    #[test]
    fn how_a_version_came_outlives_a_restart_and_what_is_copied_is_called_that() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Kept::open(Some(folder.path().to_owned()));
        let first = keep(&open(), &parts("a"), &BTreeSet::new());
        let kept = open();
        let sent = kept.published(&name(), &first).unwrap();
        assert_eq!((sent.at_ms, sent.way.by()), (7, Some("asha")));
        // the files that a restart finds are those that were sent
        assert_eq!(kept.found(&name(), &first, 9), sent);

        let second = Source::of(parts("b")).id;
        let copied = kept.found(&name(), &second, 9);
        assert_eq!((copied.at_ms, &copied.way), (9, &Way::Folder));
        let both = BTreeSet::from([first.clone(), second.clone()]);
        let taken = Taken {
            version: &second,
            published: &copied,
        };
        assert!(kept.note(&name(), None, &both, Some(taken)));
        assert!(!kept.note(&name(), None, &both, Some(taken)));
        kept.write(&name());

        // the first one was replaced: whoever puts it there again has copied it
        let kept = open();
        assert_eq!(kept.published(&name(), &first), Some(sent));
        assert_eq!(kept.found(&name(), &first, 11).way, Way::Folder);
        assert_eq!(kept.found(&name(), &second, 11), copied);
        // one that nothing holds any more is forgotten, the one in the folder never
        let last = kept.last(&name());
        kept.note(&name(), last, &BTreeSet::new(), None);
        assert_eq!(kept.found(&name(), &second, 11), copied);
    }

    #[test]
    fn what_an_earlier_engine_kept_can_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let earlier = r#"{"format":1,"last":{"version":"ab12","has_manifest":true,"rules":["r"]},"versions":{}}"#;
        fs::write(folder.path().join("emi.json"), earlier).unwrap();
        let kept = Kept::open(Some(folder.path().to_owned()));
        let last = kept.last(&name()).unwrap();
        assert_eq!(kept.published(&name(), &last.version), None);
    }

    #[test]
    fn damaged_files_are_reported_and_their_rules_are_known_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        keep(
            &Kept::open(Some(folder.path().to_owned())),
            &parts("a"),
            &BTreeSet::new(),
        );
        for object in fs::read_dir(folder.path().join("objects")).unwrap() {
            fs::write(object.unwrap().path(), "damaged").unwrap();
        }
        let kept = Kept::open(Some(folder.path().to_owned()));
        assert!(
            kept.restore(&name())
                .unwrap()
                .unwrap_err()
                .contains("damaged")
        );
        assert!(kept.last(&name()).unwrap().rules.contains("prompts.texts"));
        fs::write(folder.path().join("emi.json"), "{").unwrap();
        assert_eq!(
            Kept::open(Some(folder.path().to_owned())).last(&name()),
            None
        );
    }

    #[test]
    fn without_a_folder_rules_are_known_as_long_as_the_process_lives() {
        let kept = Kept::open(None);
        let id = keep(&kept, &parts("a"), &BTreeSet::new());
        assert!(kept.last(&name()).unwrap().version == id && kept.restore(&name()).is_none());
    }

    #[test]
    fn a_folder_that_cannot_be_written_stops_nothing() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let kept = Kept::open(Some(file.path().join("below-a-file")));
        let id = keep(&kept, &parts("a"), &BTreeSet::new());
        assert_eq!(kept.last(&name()).unwrap().version, id);
    }
}
