//! What a list is read from.

use std::io::{Read, Seek};

/// A file, or bytes that are held.
pub trait Source: Read + Seek + Send {}

impl<T: Read + Seek + Send> Source for T {}
