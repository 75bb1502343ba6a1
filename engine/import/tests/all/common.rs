//! Writes lists and reads them.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use ghanti_import::{Header, ListFile, Row};
use tempfile::TempDir;

/// A list that was read: its header, and its rows.
pub struct Read {
    pub header: Header,
    pub rows: Vec<Row>,
}

impl Read {
    /// Each row as its line, its cells, and what is wrong with it.
    pub fn reported(&self) -> Vec<String> {
        let reasons = |row: &Row| {
            let reasons = row.faults.iter().map(|fault| fault.reason.clone());
            reasons.collect::<Vec<_>>().join("; ")
        };
        let rows = self.rows.iter().map(|row| match reasons(row) {
            reason if reason.is_empty() => format!("{}: {}", row.line, row.cells.join(" | ")),
            reason => format!("{}! {reason}", row.line),
        });
        rows.collect()
    }
}

pub fn write(name: &str, bytes: impl AsRef<[u8]>) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    fs::write(&file, bytes).unwrap();
    (folder, file)
}

pub fn read(file: &Path, sheet: Option<&str>) -> Result<Read, String> {
    let list = ListFile::open(file, sheet).map_err(|error| error.to_string())?;
    let header = list.header().clone();
    let mut rows = Vec::new();
    list.rows(|row| {
        rows.push(row);
        ControlFlow::Continue(())
    })
    .map_err(|error| error.to_string())?;
    Ok(Read { header, rows })
}

pub fn csv(bytes: impl AsRef<[u8]>) -> Read {
    let (_folder, file) = write("list.csv", bytes);
    read(&file, None).unwrap_or_else(|error| panic!("{error}"))
}

pub fn refused(bytes: impl AsRef<[u8]>) -> String {
    let (_folder, file) = write("list.csv", bytes);
    match read(&file, None) {
        Ok(read) => panic!("{:?}", read.reported()),
        Err(error) => error,
    }
}
