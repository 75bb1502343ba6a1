//! The files of `engine/deploy/`: read by their schemas and by the programs that they are for, against
//! what the engine really does, and used to hold a call.

mod files;
mod programs;
mod proxied;
mod release;

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::root;

/// The text of a file in `engine/deploy/`.
fn text(name: &str) -> String {
    let file = root().join("engine/deploy").join(name);
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("`{}`: {error}", file.display()))
}

/// A YAML file in `engine/deploy/`.
fn yaml(name: &str) -> Value {
    serde_saphyr::from_str(&text(name)).unwrap_or_else(|error| panic!("`{name}`: {error}"))
}

/// A text in which each of these is replaced, and is there to be replaced.
fn replaced<'a>(text: &str, by: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    by.into_iter().fold(text.to_owned(), |text, (old, new)| {
        assert!(text.contains(old), "`{old}` is not in\n{text}");
        text.replace(old, new)
    })
}

/// A program in `PATH` or where Debian keeps those of administrators.
fn found(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path)
        .chain(["/usr/sbin", "/usr/local/sbin", "/sbin"].map(PathBuf::from));
    folders
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

/// A program that `make setup` installs.
fn installed(name: &str) -> Command {
    Command::new(found(name).unwrap_or_else(|| panic!("`{name}` is missing: run `make setup`")))
}

/// A program that a machine may lack. What is not checked for that reason is said past the capture
/// of the tests' output.
fn perhaps(name: &str, else_unchecked: &str) -> Option<Command> {
    let program = found(name);
    if program.is_none() {
        let mut console = std::io::stderr().lock();
        let reported = writeln!(
            console,
            "NOT CHECKED: `{name}` is not on this machine: {else_unchecked}"
        );
        reported.unwrap();
    }
    program.map(Command::new)
}

/// What a program said, on both of its outputs.
fn words(output: &Output) -> String {
    [&output.stdout, &output.stderr]
        .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
        .concat()
}

/// Runs a program that has to succeed, and returns what it said.
fn passes(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("`{command:?}`: {error}"));
    let reported = words(&output);
    assert!(output.status.success(), "`{command:?}` says:\n{reported}");
    reported
}

/// Writes a file into a folder.
fn written(folder: &Path, name: impl AsRef<OsStr>, text: &str) -> PathBuf {
    let file = folder.join(name.as_ref());
    fs::write(&file, text).unwrap();
    file
}
