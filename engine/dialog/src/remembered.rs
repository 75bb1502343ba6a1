//! Functions that were compiled before, so that a component which differs in a few of them compiles within a second: that of a Python script is
//! an interpreter of 18 MB with some data behind it. In memory, within a bound.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::{PoisonError, RwLock};

use wasmtime::CacheStore;

/// Machine code by wasmtime's key of a function.
pub(crate) struct RememberedFunctions {
    max_bytes: usize,
    functions: RwLock<Functions>,
}

#[derive(Default)]
struct Functions {
    bytes: usize,
    code: HashMap<Box<[u8]>, Box<[u8]>>,
}

impl RememberedFunctions {
    /// Remembers nothing yet. When it is full it forgets all, since most are of components that nobody loads again.
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self { max_bytes, functions: RwLock::default() }
    }
}

impl CacheStore for RememberedFunctions {
    fn get(&self, key: &[u8]) -> Option<Cow<'_, [u8]>> {
        let functions = self.functions.read().unwrap_or_else(PoisonError::into_inner);
        functions.code.get(key).map(|code| Cow::Owned(code.to_vec()))
    }

    fn insert(&self, key: &[u8], code: Vec<u8>) -> bool {
        let bytes = key.len() + code.len();
        if bytes > self.max_bytes {
            return false;
        }
        let mut functions = self.functions.write().unwrap_or_else(PoisonError::into_inner);
        if functions.bytes + bytes > self.max_bytes {
            *functions = Functions::default();
        }
        functions.bytes += bytes;
        functions.code.insert(key.into(), code.into_boxed_slice());
        true
    }
}

impl fmt::Debug for RememberedFunctions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RememberedFunctions").field("max_bytes", &self.max_bytes).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_full_begins_anew_and_never_holds_more_than_its_bound() {
        let remembered = RememberedFunctions::new(100);
        assert!(remembered.insert(b"a", vec![1; 60]));
        assert_eq!(remembered.get(b"a").as_deref(), Some([1; 60].as_slice()));
        assert!(remembered.insert(b"b", vec![2; 60]));
        assert_eq!((remembered.get(b"a"), remembered.get(b"b").map(|code| code.len())), (None, Some(60)));
        assert!(!remembered.insert(b"c", vec![3; 100]));
        assert!(remembered.get(b"b").is_some());
    }
}
