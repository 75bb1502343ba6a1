//! Lists of customers: CSV and XLSX.
#![no_main]

use std::ops::ControlFlow;

use ghanti_import::ListFile;
use libfuzzer_sys::fuzz_target;

/// Rows that are looked at.
const ROWS: usize = 1_000;

fuzz_target!(|bytes: &[u8]| {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("list");
    std::fs::write(&file, bytes).expect("a file");
    let Ok(list) = ListFile::open(&file, None) else {
        return;
    };
    let mut rows = 0;
    let _ = list.rows(|_| {
        rows += 1;
        if rows < ROWS {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    });
});
