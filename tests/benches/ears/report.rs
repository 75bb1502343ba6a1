//! Tables in Markdown, and all rows beside them.

use std::fs;
use std::path::PathBuf;

use crate::root;

/// What has been measured so far.
pub struct Report {
    tables: String,
    rows: String,
}

impl Report {
    /// An empty one.
    pub fn new() -> Self {
        Self {
            tables: "# How callers are understood\n\nWritten by `make bench-ears`. Callers are synthetic voices through G.711; time is virtual: what the recogniser takes to compute is not in the delays, but in those of crowds.\n"
                .to_owned(),
            rows: String::new(),
        }
    }

    /// Adds a table, and prints it.
    pub fn table(&mut self, title: &str, head: &[&str], rows: &[Vec<String>]) {
        let line = |cells: Vec<&str>| format!("| {} |\n", cells.join(" | "));
        let mut text = format!("\n## {title}\n\n");
        text += &line(head.to_vec());
        text += &line(head.iter().map(|_| "---").collect());
        for row in rows {
            text += &line(row.iter().map(String::as_str).collect());
        }
        println!("{text}");
        self.tables += &text;
    }

    /// Adds lines for whoever looks for a reason.
    pub fn rows(&mut self, section: &str, lines: &str) {
        for line in lines.lines() {
            self.rows += &format!("{section}\t{line}\n");
        }
    }

    /// Writes both files and returns the tables' path.
    pub fn write(&self) -> PathBuf {
        let folder = root().join("target/bench");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("ears.tsv"), &self.rows).unwrap();
        let path = folder.join("ears.md");
        fs::write(&path, &self.tables).unwrap();
        path
    }
}

/// A share in per cent.
pub fn percent(part: usize, of: usize) -> String {
    if of == 0 {
        return "-".to_owned();
    }
    format!("{:.1} % ({part} of {of})", 100.0 * part as f64 / of as f64)
}

/// The median, the ninth tenth and the last hundredth of delays in milliseconds.
pub fn quantiles(mut delays: Vec<i64>) -> [String; 3] {
    delays.sort_unstable();
    [0.5, 0.9, 0.99].map(|share| {
        let place = ((delays.len() as f64 * share).ceil() as usize).saturating_sub(1);
        delays
            .get(place)
            .map_or_else(|| "-".to_owned(), i64::to_string)
    })
}
