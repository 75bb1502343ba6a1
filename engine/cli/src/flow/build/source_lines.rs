//! Converts a source map (revision 3) to a table with the source file and line of each line of a bundle. Pure.

use std::path::{Component, Path, PathBuf};

use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
struct Map {
    sources: Vec<String>,
    mappings: String,
}

/// The statement that gives the bundle its table, as `ghantiSources` of the library declares it; nothing where the map cannot be read. `base` is
/// the folder of the map, `root` the one that files are named from.
pub fn assignment(map: &str, base: &Path, root: &Path) -> String {
    let Ok(map) = serde_json::from_str::<Map>(map) else {
        return String::new();
    };
    let files: Vec<_> = map
        .sources
        .iter()
        .map(|source| named(source, base, root))
        .collect();
    let table = json!({ "files": files, "lines": lines(&map.mappings) });
    format!("\nglobalThis.ghantiSources = {table};\n")
}

/// A source's path from the flow's folder.
fn named(source: &str, base: &Path, root: &Path) -> String {
    let mut path = PathBuf::new();
    for part in base.join(source).components() {
        match part {
            Component::ParentDir => drop(path.pop()),
            Component::CurDir => {}
            part => path.push(part),
        }
    }
    path.strip_prefix(root)
        .unwrap_or(&path)
        .to_string_lossy()
        .into_owned()
}

/// For each line the index of its source, or -1, and the line there, from 1.
fn lines(mappings: &str) -> Vec<[i64; 2]> {
    let (mut source, mut line) = (0, 0);
    let mut lines = Vec::new();
    for generated in mappings.split(';') {
        let mut first = None;
        for segment in generated.split(',').filter(|segment| !segment.is_empty()) {
            let fields = fields(segment);
            if let [_, to_source, to_line, ..] = fields.as_slice() {
                source += to_source;
                line += to_line;
                first = first.or(Some([source, line + 1]));
            }
        }
        lines.push(first.unwrap_or([-1, 0]));
    }
    lines
}

/// The numbers of a segment: base 64, five bits each with a bit for "more", the lowest bit being the sign.
fn fields(segment: &str) -> Vec<i64> {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut fields, mut value, mut shift) = (Vec::new(), 0_i64, 0_u32);
    for digit in segment
        .chars()
        .filter_map(|character| DIGITS.find(character))
    {
        let digit = i64::try_from(digit).unwrap_or_default();
        value |= (digit & 31).checked_shl(shift).unwrap_or_default();
        shift += 5;
        if digit & 32 == 0 {
            fields.push(if value & 1 == 1 {
                -(value >> 1)
            } else {
                value >> 1
            });
            (value, shift) = (0, 0);
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_a_segment_are_read() {
        assert_eq!(fields("AAAA"), [0, 0, 0, 0]);
        assert_eq!(fields("gBAAD"), [16, 0, 0, -1]);
    }

    #[test]
    fn each_line_of_a_bundle_has_the_line_of_its_source() {
        // line 1 has no source; 2 is line 1 of the first file; 3 is line 5 of the second
        let map = r#"{ "version": 3, "sources": ["../../src/flow.ts", "../sdk/src/index.ts"], "mappings": ";AAAA;ACIA" }"#;
        let made = assignment(map, Path::new("/f/.ghanti/work"), Path::new("/f"));
        assert_eq!(
            made,
            "\nglobalThis.ghantiSources = {\"files\":[\"src/flow.ts\",\".ghanti/sdk/src/index.ts\"],\"lines\":[[-1,0],[0,1],[1,5]]};\n"
        );
        assert_eq!(assignment("no map", Path::new("/"), Path::new("/")), "");
    }
}
