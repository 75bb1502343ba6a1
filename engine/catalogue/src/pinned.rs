//! A version that a call has pinned, counted from when it was chosen until the call drops it.

use std::ops::Deref;
use std::sync::Arc;

use ghanti_host::FlowVersion;

/// A pinned version. It counts as one call of its version until it is dropped: hold it for as long
/// as the call lasts.
pub struct Pinned(Arc<FlowVersion>);

impl Pinned {
    /// Pins a version for one more call.
    pub fn new(version: Arc<FlowVersion>) -> Self {
        version.pin();
        Self(version)
    }
}

impl Deref for Pinned {
    type Target = Arc<FlowVersion>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        self.0.unpin();
    }
}

impl std::fmt::Debug for Pinned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
