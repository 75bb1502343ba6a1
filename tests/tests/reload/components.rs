//! Components made of built ones by changing bytes, as their compiled form is no text: what a
//! broken build or a careless copy leaves.

use std::fs::{self, File};
use std::io::{Seek, Write};
use std::path::Path;

use crate::support::root;

/// A component of `plugins/fixtures`, or of a flow.
pub fn built(name: &str) -> Vec<u8> {
    let (fixture, flow) = (
        format!("plugins/target/fixtures/{name}.wasm"),
        format!("flows/{name}/flow.wasm"),
    );
    fs::read(root().join(fixture))
        .or_else(|_| fs::read(root().join(flow)))
        .unwrap_or_else(|error| panic!("`{name}`: {error}: run `make flows`"))
}

/// The component with each occurrence of some bytes replaced by as many others.
pub fn patched(mut component: Vec<u8>, from: &str, to: &str) -> Vec<u8> {
    assert_eq!(
        from.len(),
        to.len(),
        "`{from}` `{to}`: lengths stand in the component"
    );
    let places: Vec<usize> = (0..component.len())
        .filter(|at| component[*at..].starts_with(from.as_bytes()))
        .collect();
    assert!(!places.is_empty(), "no `{from}` in the component");
    for at in places {
        component[at..at + to.len()].copy_from_slice(to.as_bytes());
    }
    component
}

/// Writes a component with a custom section of so many megabytes behind it, which any component may
/// have. The file is sparse.
pub fn padded(component: &[u8], mib: u64, file: &Path) {
    let name = b"\x04pads";
    let length = mib << 20;
    let mut section = vec![0];
    let mut left = length;
    // LEB128
    while left >= 0x80 {
        section.push((left & 0x7f) as u8 | 0x80);
        left >>= 7;
    }
    section.push(left as u8);
    let mut written = File::create(file).unwrap();
    written.write_all(component).unwrap();
    written.write_all(&section).unwrap();
    let begin = written.stream_position().unwrap();
    written.write_all(name).unwrap();
    written.set_len(begin + length).unwrap();
}

/// Writes zeros. The file is sparse.
pub fn zeros(mib: u64, file: &Path) {
    File::create(file).unwrap().set_len(mib << 20).unwrap();
}
