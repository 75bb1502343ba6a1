//! A version that a call has pinned, counted from when it was chosen until the call drops it.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::version::FlowVersion;

/// A pinned version. It counts as one call of its version until it is dropped: hold it for as long
/// as the call lasts.
pub struct Pinned<P>(Arc<FlowVersion<P>>);

impl<P> Pinned<P> {
    /// Pins a version for one more call.
    pub fn new(version: Arc<FlowVersion<P>>) -> Self {
        version.calls.fetch_add(1, Ordering::AcqRel);
        Self(version)
    }
}

impl<P> Deref for Pinned<P> {
    type Target = Arc<FlowVersion<P>>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<P> Drop for Pinned<P> {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Ordering::AcqRel);
    }
}

impl<P> std::fmt::Debug for Pinned<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
