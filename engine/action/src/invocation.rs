//! One invocation of an action.

use ghanti_model::TraceContext;

/// What distinguishes one invocation of an action from another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Invocation<'a> {
    /// The same for every repetition of it.
    pub key: &'a str,
    /// Its span, where calls are traced.
    pub span: Option<TraceContext>,
}
