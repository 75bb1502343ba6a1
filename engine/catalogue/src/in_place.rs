//! Puts a flow's files into a flows folder: written beside it under a hidden name, then exchanged
//! with what is there in one step, and put back if they are not wanted after all. Blocks.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use ghanti_host::Fault;
use ghanti_model::{FlowName, VersionId};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use tempfile::TempDir;

use crate::bundle::Bundle;
use crate::scan::{Place, passing, unreadable};
use crate::source::{Source, Unread};

/// What the names of folders begin with that are on their way.
const PREFIX: &str = ".deploying-";
/// After this time such a folder is what a process left that died.
const LEFT: Duration = Duration::from_secs(3_600);
/// What a flow consists of, in its folder.
const OWN: [&str; 5] = ["flow.wasm", "flow.toml", "prompts", "audio", "tests"];

/// Why a flow's files cannot be put in place.
#[derive(Debug, thiserror::Error)]
pub enum NotInPlace {
    /// What is there may not be replaced.
    #[error("{reason}: {hint}")]
    Kept {
        /// Why not.
        reason: String,
        /// What to do about it.
        hint: &'static str,
    },
    /// The folder cannot be written.
    #[error("cannot write the flows in `{}`: {reason}", .folder.display())]
    Unwritable {
        /// The flows folder.
        folder: PathBuf,
        /// The I/O error.
        reason: io::Error,
    },
}

/// Files in the flows folder, under a name that is ignored. They are gone when this is dropped.
#[derive(Debug)]
pub struct Staged {
    flows: PathBuf,
    folder: TempDir,
}

/// Files that were put in place, with what was there before. That is gone when this is dropped.
#[derive(Debug)]
pub struct InPlace {
    staged: Staged,
    name: FlowName,
    /// Whether something was there.
    had: bool,
}

impl Staged {
    /// Writes the files beside the flows of a folder.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub fn write(flows: &Path, bundle: &Bundle) -> Result<Self, NotInPlace> {
        let unwritable = |reason| NotInPlace::Unwritable {
            folder: flows.to_owned(),
            reason,
        };
        remove_left(flows);
        let folder = tempfile::Builder::new()
            .prefix(PREFIX)
            .tempdir_in(flows)
            .map_err(unwritable)?;
        let staged = Self {
            flows: flows.to_owned(),
            folder,
        };
        fs::create_dir(staged.path())
            .and_then(|()| bundle.write(&staged.path()))
            .map_err(unwritable)?;
        Ok(staged)
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("flow")
    }

    /// The files, as they are read. Faults name files by their paths in the flow: the sender does not
    /// know this folder.
    pub(crate) fn source(&self) -> Result<Source, Fault> {
        let folder = format!("{}/", self.path().display());
        self.read().map_err(|fault| Fault {
            reason: fault.reason.replace(&folder, ""),
            ..fault
        })
    }

    fn read(&self) -> Result<Source, Fault> {
        let path = self.path();
        let place = Place::alone(&path).map_err(|error| unreadable(&path, &error))?;
        Source::read(&place).map_err(|unread| match unread {
            Unread::Fault(fault) => fault,
            Unread::Moving => unreadable(&path, &io::Error::other("it was changed meanwhile")),
        })
    }

    /// The version that these files are.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn version(&self) -> Result<VersionId, Fault> {
        self.source().map(|source| source.id)
    }

    /// Exchanges the files with those of the flow of this name.
    ///
    /// # Errors
    /// If what is there may not be replaced, or the folder cannot be written. Nothing is changed
    /// then.
    pub fn put(self, name: &FlowName) -> Result<InPlace, NotInPlace> {
        let place = self.flows.join(name.as_str());
        may_be_replaced(&self.flows, name)?;
        // a link that leads nowhere is there too
        let had = place.symlink_metadata().is_ok();
        let done = if had {
            exchange(&self.path(), &place)
        } else {
            fs::rename(self.path(), &place)
        };
        if let Err(reason) = done {
            return Err(NotInPlace::Unwritable {
                folder: self.flows.clone(),
                reason,
            });
        }
        // the exchange is on the disk; if not, either of the two is
        if let Ok(flows) = fs::File::open(&self.flows) {
            let _ = flows.sync_all();
        }
        Ok(InPlace {
            staged: self,
            name: name.clone(),
            had,
        })
    }
}

impl InPlace {
    /// Puts back what was there before.
    ///
    /// # Errors
    /// If that fails. The new files stay then.
    pub fn undo(self) -> Result<(), NotInPlace> {
        let place = self.staged.flows.join(self.name.as_str());
        let done = if self.had {
            exchange(&self.staged.path(), &place)
        } else {
            fs::rename(&place, self.staged.path())
        };
        done.map_err(|reason| NotInPlace::Unwritable {
            folder: self.staged.flows.clone(),
            reason,
        })
    }
}

/// Exchanges two entries of one file system, so that at each moment one of them has the name.
fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    match renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE) {
        // some network file systems cannot; the flow is then away for a moment, which the watcher
        // bears
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS | rustix::io::Errno::NOTSUP) => {
            let aside = one.with_extension("before");
            fs::rename(other, &aside)?;
            if let Err(error) = fs::rename(one, other) {
                fs::rename(&aside, other)?;
                return Err(error);
            }
            fs::rename(&aside, one)
        }
        done => done.map_err(Into::into),
    }
}

/// Checks that nothing but a flow's own files would be lost.
fn may_be_replaced(flows: &Path, name: &FlowName) -> Result<(), NotInPlace> {
    let (place, bare) = (
        flows.join(name.as_str()),
        flows.join(format!("{name}.wasm")),
    );
    if bare.symlink_metadata().is_ok() {
        return Err(NotInPlace::Kept {
            reason: format!("`{name}.wasm` is in the flows folder, a component of the same name"),
            hint: "take it out of the folder, or deploy under another name",
        });
    }
    // of a link only the link is replaced
    let is_folder = place
        .symlink_metadata()
        .is_ok_and(|found| found.file_type().is_dir());
    if !is_folder {
        return Ok(());
    }
    let unwritable = |reason| NotInPlace::Unwritable {
        folder: flows.to_owned(),
        reason,
    };
    for entry in fs::read_dir(&place).map_err(unwritable)? {
        let entry = entry.map_err(unwritable)?.file_name();
        let is_own = entry
            .to_str()
            .is_some_and(|entry| OWN.contains(&entry) || passing(entry));
        if !is_own {
            return Err(NotInPlace::Kept {
                reason: format!(
                    "the flow's folder has `{}`, which is no part of a flow and would be lost",
                    entry.display()
                ),
                hint: "take it out of the flows folder: sources are kept elsewhere",
            });
        }
    }
    Ok(())
}

/// Removes what processes left that died while they put files in place.
fn remove_left(flows: &Path) {
    let Ok(entries) = fs::read_dir(flows) else {
        return;
    };
    let is_old = |entry: &fs::DirEntry| {
        let modified = entry.metadata().and_then(|found| found.modified());
        modified.is_ok_and(|modified| {
            SystemTime::now()
                .duration_since(modified)
                .is_ok_and(|age| age > LEFT)
        })
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        if name.to_str().is_some_and(|name| name.starts_with(PREFIX)) && is_old(&entry) {
            // the next one tries again
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn bundle(component: &str) -> Bundle {
        let mut bundle = Bundle::default();
        bundle.add("flow.wasm", component.into()).unwrap();
        bundle.add("flow.toml", Vec::new()).unwrap();
        bundle.add("prompts/en-IN.ftl", b"a = A".to_vec()).unwrap();
        bundle
    }

    fn entries(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn files_are_exchanged_whole_and_may_be_put_back() {
        let folder = tempfile::tempdir().unwrap();
        let flows = folder.path();
        let name = FlowName::parse("emi").unwrap();
        let component = || fs::read_to_string(flows.join("emi/flow.wasm")).unwrap();
        let put = |text: &str| {
            let staged = Staged::write(flows, &bundle(text)).unwrap();
            staged.put(&name).unwrap()
        };
        drop(put("one"));
        assert_eq!(component(), "one");
        let second = put("two");
        assert_eq!(component(), "two");
        second.undo().unwrap();
        assert_eq!(
            (component(), entries(flows)),
            ("one".into(), vec!["emi".into()])
        );
        drop(put("two"));
        assert_eq!(
            (component(), entries(flows)),
            ("two".into(), vec!["emi".into()])
        );
        drop(Staged::write(flows, &bundle("three")).unwrap());
        assert_eq!(entries(flows), ["emi"]);
    }

    #[test]
    fn a_flow_that_was_not_there_is_gone_again_when_it_is_put_back() {
        let folder = tempfile::tempdir().unwrap();
        let name = FlowName::parse("emi").unwrap();
        let staged = Staged::write(folder.path(), &bundle("one")).unwrap();
        staged.put(&name).unwrap().undo().unwrap();
        assert_eq!(entries(folder.path()), [""; 0]);
    }

    #[test]
    fn what_is_no_part_of_a_flow_is_never_lost() {
        let folder = tempfile::tempdir().unwrap();
        let flows = folder.path();
        let reported = |name: &str| {
            let staged = Staged::write(flows, &bundle("one")).unwrap();
            staged
                .put(&FlowName::parse(name).unwrap())
                .unwrap_err()
                .to_string()
        };
        fs::create_dir_all(flows.join("emi/src")).unwrap();
        assert!(reported("emi").contains("`src`"), "{}", reported("emi"));
        fs::write(flows.join("bare.wasm"), "").unwrap();
        assert!(reported("bare").contains("`bare.wasm`"));
        assert_eq!(entries(flows), ["bare.wasm", "emi"]);
    }

    #[test]
    fn a_link_is_replaced_and_what_it_leads_to_stays() {
        let folder = tempfile::tempdir().unwrap();
        let flows = folder.path();
        fs::create_dir_all(flows.join(".releases/7")).unwrap();
        fs::write(flows.join(".releases/7/flow.wasm"), "seven").unwrap();
        symlink(".releases/7", flows.join("emi")).unwrap();
        let staged = Staged::write(flows, &bundle("eight")).unwrap();
        drop(staged.put(&FlowName::parse("emi").unwrap()).unwrap());
        let read = |path: &str| fs::read_to_string(flows.join(path)).unwrap();
        assert_eq!(read("emi/flow.wasm"), "eight");
        assert_eq!(read(".releases/7/flow.wasm"), "seven");
    }
}
