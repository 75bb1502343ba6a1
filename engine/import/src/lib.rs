//! Customers' lists as lenders send them: CSV and XLSX files, read row by row, and which of their
//! columns is which field of a customer's record.
//!
//! A file is hostile until it is read: every length is bounded, and nothing of it is kept beyond the
//! row at hand, except a workbook's shared strings, which calamine holds. What a column means is
//! never guessed: a header that may be two fields is an error that says what to write instead. The
//! values themselves are read by the engine, as those of `POST /api/calls` are.
//!
//! Of the engine it knows how customers are sent to its API (`batch.rs`), and no more.

pub mod batch;
pub mod columns;
mod delimited;
mod lines;
mod list;
mod rejects;
mod row;
mod source;
mod workbook;

pub use columns::{Columns, Field, MappingError, MappingErrors, UserMap, fields_of};
pub use list::{ListError, ListFile};
pub use rejects::{RejectsError, RejectsFile, RejectsHeld};
pub use row::{COLUMNS, Fault, Header, Row};
pub use source::Source;
pub use workbook::Bounds;
