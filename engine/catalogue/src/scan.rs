//! Finds the flows in the folder, and their stamps, by which changes are detected. Reads metadata
//! only, never file contents. Blocks.
//!
//! Symbolic links are followed as long as they stay inside the flows folder, so that `emi ->
//! .releases/7` can be switched atomically; a link that leads outside is rejected when it is read
//! ([`Place::inside`]).

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use ghanti_host::{Fault, Rejection, Step};
use ghanti_model::FlowName;

/// Folders that an engine makes in its working folder: data and logs, unless they are set otherwise.
const ENGINES_OWN: [&str; 2] = ["data", "logs"];

/// Suffixes of temporary files left by editors, copy programs and deployment tools.
const PASSING: [&str; 9] = [
    "~", "#", ".swp", ".swx", ".tmp", ".part", ".bak", ".orig", ".old",
];

/// Where a flow's files are, and their stamp.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The flows folder, with links resolved.
    root: PathBuf,
    pub(crate) path: PathBuf,
    pub(crate) form: Form,
    pub(crate) stamp: Stamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// `flows/NAME/`
    Folder,
    /// `flows/NAME.wasm`
    Bare,
}

/// Size, times and inode of each file of a flow. The change time of the inode is included because
/// it cannot be set back: it reveals a file that was renamed into place with an old modification
/// time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Stamp(BTreeMap<PathBuf, Seen>);

type Seen = (u64, (i64, i64), (i64, i64), u64);

/// The contents of the folder.
#[derive(Debug)]
pub(crate) struct Scan {
    pub(crate) places: BTreeMap<FlowName, Place>,
    /// Entries that look like flows but are not valid.
    pub(crate) invalid: Vec<Rejection>,
}

/// Finds the flows in a folder. Hidden files, other kinds of files and temporary files are ignored.
pub(crate) fn scan(folder: &Path) -> io::Result<Scan> {
    let root = folder.canonicalize()?;
    let mut scan = Scan {
        places: BTreeMap::new(),
        invalid: Vec::new(),
    };
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let Some(file) = path
            .file_name()
            .and_then(|name| name.to_str())
            .filter(|name| !passing(name))
        else {
            continue;
        };
        let (name, form) = match file.strip_suffix(".wasm") {
            Some(name) => (name, Form::Bare),
            // a dangling link is reported when it is read
            None if path.is_dir() || (path.is_symlink() && !path.exists()) => (file, Form::Folder),
            None => continue,
        };
        if form == Form::Folder && is_engines_own(file, &path) {
            continue;
        }
        let reject =
            |reason: String, hint: &str| Rejection::new(file, Fault::new(Step::Read, reason, hint));
        let Ok(name) = FlowName::parse(name) else {
            scan.invalid.push(reject(
                format!("`{name}` is no name of a flow"),
                "rename it: letters, digits, `-`, `_` and `.`",
            ));
            continue;
        };
        let twice = scan.places.contains_key(&name);
        if twice {
            scan.invalid.push(reject(
                format!("`{name}.wasm` and the folder `{name}` name the same flow"),
                "remove one of them",
            ));
        }
        // the folder wins over the bare component of the same name, in whichever order they are
        // listed
        if !twice || form == Form::Folder {
            let stamp = Stamp::of(&path, form);
            scan.places.insert(
                name,
                Place {
                    root: root.clone(),
                    path,
                    form,
                    stamp,
                },
            );
        }
    }
    Ok(scan)
}

impl Place {
    /// A single flow anywhere on disk: a folder, or a component.
    pub(crate) fn alone(path: &Path) -> io::Result<Self> {
        let form = if path.is_dir() {
            Form::Folder
        } else {
            Form::Bare
        };
        Ok(Self {
            root: path.canonicalize()?,
            path: path.to_owned(),
            form,
            stamp: Stamp::of(path, form),
        })
    }

    /// Whether the files are unchanged since they were found.
    pub(crate) fn stands_still(&self) -> bool {
        Stamp::of(&self.path, self.form) == self.stamp
    }

    /// Resolves a file of this place. Fails if it leads outside the flows folder.
    pub(crate) fn inside(&self, path: &Path) -> Result<PathBuf, Fault> {
        let real = path
            .canonicalize()
            .map_err(|error| unreadable(path, &error))?;
        if real.starts_with(&self.root) {
            return Ok(real);
        }
        let reason = format!(
            "`{}` is a link to `{}`, outside the flows folder",
            path.display(),
            real.display()
        );
        Err(Fault::new(
            Step::Read,
            reason,
            "copy the files into the flows folder; links may lead to files in it",
        ))
    }

    #[cfg(test)]
    pub(crate) fn folder(path: &Path) -> Self {
        let root = path.canonicalize().unwrap();
        Self {
            root,
            path: path.to_owned(),
            form: Form::Folder,
            stamp: Stamp::of(path, Form::Folder),
        }
    }
}

impl Stamp {
    fn of(path: &Path, form: Form) -> Self {
        let mut stamp = Self::default();
        match form {
            Form::Bare => stamp.add(path),
            Form::Folder => {
                stamp.add(path);
                stamp.add(&path.join("flow.wasm"));
                stamp.add(&path.join("flow.toml"));
                for (folder, ending) in [("prompts", "ftl"), ("audio", "wav"), ("tests", "toml")] {
                    // a folder that cannot be read is reported when the flow is read
                    let files = files(&path.join(folder), ending).unwrap_or_default();
                    files.iter().for_each(|(_, path)| stamp.add(path));
                }
            }
        }
        stamp
    }

    fn add(&mut self, path: &Path) {
        let Ok(found) = fs::metadata(path) else {
            return;
        };
        // a folder's size and times also change with files that do not belong to the flow
        let seen = |file: Metadata| match file.is_dir() {
            true => (0, (0, 0), (0, 0), file.ino()),
            false => (
                file.len(),
                (file.mtime(), file.mtime_nsec()),
                (file.ctime(), file.ctime_nsec()),
                file.ino(),
            ),
        };
        self.0.insert(path.to_owned(), seen(found));
    }
}

/// Whether a folder is one that an engine writes into where it works in the folder of flows, and no flow.
fn is_engines_own(name: &str, path: &Path) -> bool {
    ENGINES_OWN.contains(&name)
        && !["flow.wasm", "flow.toml"]
            .iter()
            .any(|file| path.join(file).exists())
}

/// Whether a name is that of a hidden or temporary file.
pub(crate) fn passing(name: &str) -> bool {
    name.starts_with(['.', '#']) || PASSING.iter().any(|ending| name.ends_with(ending))
}

/// Files of one type in a folder, by their names without the extension. A missing folder has none.
pub(crate) fn files(folder: &Path, ending: &str) -> Result<Vec<(String, PathBuf)>, Fault> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(folder, &error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| unreadable(folder, &error))?.path();
        let Some(stem) = path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .filter(|stem| !passing(stem))
        else {
            continue;
        };
        if path.extension().is_some_and(|found| found == ending) {
            files.push((stem.to_owned(), path.clone()));
        }
    }
    Ok(files)
}

pub(crate) fn unreadable(path: &Path, error: &io::Error) -> Fault {
    let hint = if error.kind() == io::ErrorKind::NotFound {
        match path.extension().is_some_and(|ending| ending == "wasm") {
            true => "put it there: `ghanti flow build` builds it from the flow's sources",
            false => "put it there",
        }
    } else {
        "check the file and its permissions"
    };
    Fault::new(
        Step::Read,
        format!("cannot read `{}`: {error}", path.display()),
        hint,
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn an_engines_own_folders_are_no_flows() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["data", "logs", "emi"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        fs::write(folder.path().join("data/ghanti.db"), "").unwrap();
        assert_eq!(names(folder.path()), ["emi"]);
        // a flow may have such a name
        fs::write(folder.path().join("data/flow.toml"), "").unwrap();
        assert_eq!(names(folder.path()), ["data", "emi"]);
    }

    fn names(folder: &Path) -> Vec<String> {
        scan(folder)
            .unwrap()
            .places
            .keys()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn two_flows_of_one_name_are_reported_and_the_folder_wins() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("emi")).unwrap();
        for file in ["emi.wasm", "b ad.wasm", "notes.txt"] {
            fs::write(folder.path().join(file), "").unwrap();
        }
        let scan = scan(folder.path()).unwrap();
        assert_eq!(
            scan.places
                .values()
                .map(|place| place.form)
                .collect::<Vec<_>>(),
            [Form::Folder]
        );
        assert_eq!(scan.invalid.len(), 2, "{:?}", scan.invalid);
    }

    #[test]
    fn what_editors_and_copiers_leave_behind_is_no_flow_and_changes_no_stamp() {
        let folder = tempfile::tempdir().unwrap();
        let flows = folder.path();
        fs::create_dir_all(flows.join("emi/prompts")).unwrap();
        fs::write(flows.join("emi/flow.wasm"), "a").unwrap();
        fs::write(flows.join("emi/prompts/en-IN.ftl"), "a").unwrap();
        let before = scan(flows).unwrap().places.values().next().unwrap().clone();
        for file in [
            ".emi.wasm.swp",
            "emi.wasm~",
            "4913",
            ".#emi.wasm",
            "#emi.wasm#",
            ".hidden.wasm",
            "new.wasm.tmp",
            "new.wasm.part",
        ] {
            fs::write(flows.join(file), "").unwrap();
        }
        for file in [
            "4913",
            "flow.wasm~",
            ".flow.toml.swp",
            "prompts/.#en-IN.ftl",
            "prompts/en-IN.ftl~",
            "prompts/4913",
            "prompts/#en-IN.ftl#",
        ] {
            fs::write(flows.join("emi").join(file), "").unwrap();
        }
        for name in ["emi~", "emi.bak", ".releases", "emi.tmp"] {
            fs::create_dir(flows.join(name)).unwrap();
        }
        symlink("user@host.1:2", flows.join(".#emi")).unwrap();
        let after = scan(flows).unwrap();
        assert_eq!(
            (names(flows), after.invalid),
            (vec!["emi".to_owned()], Vec::new())
        );
        assert!(before.stands_still());
    }

    #[test]
    fn every_change_of_a_file_is_seen_even_behind_an_old_date_and_the_same_size() {
        let folder = tempfile::tempdir().unwrap();
        let flow = folder.path().join("emi");
        fs::create_dir_all(flow.join("prompts")).unwrap();
        fs::write(flow.join("flow.wasm"), "old").unwrap();
        let place = scan(folder.path())
            .unwrap()
            .places
            .into_values()
            .next()
            .unwrap();
        let date = fs::metadata(flow.join("flow.wasm"))
            .unwrap()
            .modified()
            .unwrap();
        fs::write(flow.join("beside"), "new").unwrap();
        fs::File::options()
            .write(true)
            .open(flow.join("beside"))
            .unwrap()
            .set_modified(date)
            .unwrap();
        assert!(place.stands_still());
        fs::rename(flow.join("beside"), flow.join("flow.wasm")).unwrap();
        assert!(!place.stands_still());
    }

    #[test]
    fn links_may_lead_anywhere_inside_the_flows_folder_and_nowhere_else() {
        let outside = tempfile::tempdir().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let flows = folder.path();
        fs::write(outside.path().join("flow.wasm"), "a").unwrap();
        fs::create_dir_all(flows.join(".releases/7")).unwrap();
        fs::write(flows.join(".releases/7/flow.wasm"), "a").unwrap();
        symlink(".releases/7", flows.join("inside")).unwrap();
        symlink(outside.path(), flows.join("outside")).unwrap();
        symlink("nowhere", flows.join("dangling")).unwrap();
        let places = scan(flows).unwrap().places;
        let reported = |name: &str| {
            let place = &places[&FlowName::parse(name).unwrap()];
            place
                .inside(&place.path.join("flow.wasm"))
                .map_err(|fault| fault.reason)
        };
        assert!(
            reported("inside")
                .unwrap()
                .ends_with(".releases/7/flow.wasm")
        );
        assert!(
            reported("outside")
                .unwrap_err()
                .contains("outside the flows folder"),
            "{:?}",
            reported("outside")
        );
        assert!(
            reported("dangling")
                .unwrap_err()
                .contains("dangling/flow.wasm")
        );
    }
}
