//! Lines that a flow logs, in the engine's log.

use crate::bindings::runtime;

/// The level's name in the contract.
pub(crate) fn level_name(level: runtime::Level) -> &'static str {
    match level {
        runtime::Level::Debug => "debug",
        runtime::Level::Info => "info",
        runtime::Level::Warn => "warn",
        runtime::Level::Error => "error",
    }
}

/// Writes a line that the flow logged to the engine's log.
pub(crate) fn write_log(level: runtime::Level, bytes: usize, text: &str) {
    match level {
        runtime::Level::Debug => tracing::debug!(target: "flow", bytes, text, "flow log"),
        runtime::Level::Info => tracing::info!(target: "flow", bytes, text, "flow log"),
        runtime::Level::Warn => tracing::warn!(target: "flow", bytes, text, "flow log"),
        runtime::Level::Error => tracing::error!(target: "flow", bytes, text, "flow log"),
    }
}
