//! Logs to the console, and to `application.log` and `websocket.log`, which roll over daily.

use std::io::IsTerminal;
use std::path::Path;

use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::WorkerGuard;
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::filter::{EnvFilter, FilterExt, FilterFn};
use tracing_subscriber::layer::{Identity, Layer, SubscriberExt};
use tracing_subscriber::registry::Registry;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::Log;

/// Events with this target go to `websocket.log`, all others to `application.log`.
pub const WEBSOCKET: &str = "ghanti::websocket";
/// Number of daily log files to keep.
const DAYS: usize = 14;

/// Logging cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// `level` is not a valid filter.
    #[error(
        "`level` of `[log]` is `{level}`, which is none: write `info`, or `info,ghanti_session=debug` ({reason})"
    )]
    Level {
        /// The configured level.
        level: String,
        /// Why it is invalid.
        reason: String,
    },
    /// The folder cannot be written. Also returned if a global subscriber is already set.
    #[error(
        "cannot write logs to `{folder}`: {reason}; make the folder writable, or set `folder` of `[log]`"
    )]
    Folder {
        /// The folder.
        folder: String,
        /// The operating system's error.
        reason: String,
    },
}

/// Keeps the log writers alive. Dropping it flushes the lines that are still queued.
pub struct Logs(#[allow(dead_code, reason = "held to be dropped")] [WorkerGuard; 2]);

/// Sets up logging to the console and the files. If a disk is too slow, lines are dropped, so that
/// a call never waits for a log.
pub fn begin(settings: &Log) -> Result<Logs, LogError> {
    let console = tracing_subscriber::fmt::layer()
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_filter(level(settings)?);
    begin_with(settings, Some(console))
}

/// Sets up logging to the files only, for commands that use the console for something else.
pub fn begin_files_only(settings: &Log) -> Result<Logs, LogError> {
    begin_with(settings, None::<Identity>)
}

/// Sets up logging to the files, and to a layer in place of the console log.
pub fn begin_with(
    settings: &Log,
    console: Option<impl Layer<Registry> + Send + Sync>,
) -> Result<Logs, LogError> {
    let (application, application_guard) =
        tracing_appender::non_blocking(rolling(&settings.folder, "application")?);
    let (websocket, websocket_guard) =
        tracing_appender::non_blocking(rolling(&settings.folder, "websocket")?);
    let is_websocket = |metadata: &tracing::Metadata<'_>| metadata.target().starts_with(WEBSOCKET);
    tracing_subscriber::registry()
        .with(console)
        .with(
            tracing_subscriber::fmt::layer()
                .with_ansi(false)
                .with_writer(application)
                .with_filter(
                    level(settings)?.and(FilterFn::new(move |metadata| !is_websocket(metadata))),
                ),
        )
        .with(
            tracing_subscriber::fmt::layer()
                .with_ansi(false)
                .with_writer(websocket)
                .with_filter(
                    LevelFilter::DEBUG.and(FilterFn::new(move |metadata| is_websocket(metadata))),
                ),
        )
        .try_init()
        .map_err(|error| LogError::Folder {
            folder: settings.folder.display().to_string(),
            reason: error.to_string(),
        })?;
    Ok(Logs([application_guard, websocket_guard]))
}

fn level(settings: &Log) -> Result<EnvFilter, LogError> {
    filter(&settings.level)
}

/// Parses `level` of `[log]`: a level for everything, and levels for single targets. Targets
/// without a level log from `info` on. The filter would take a word that is not a level for a
/// target's name and log nothing else, so such a word is rejected.
pub fn filter(text: &str) -> Result<EnvFilter, LogError> {
    let refused = |reason: String| LogError::Level {
        level: text.to_owned(),
        reason,
    };
    let mut has_level = false;
    for directive in text.split(',').map(str::trim) {
        let level = directive
            .rsplit_once('=')
            .map_or(directive, |(_, level)| level.trim());
        // `LevelFilter` parses an empty string as a level
        if level.is_empty() || level.parse::<LevelFilter>().is_err() {
            return Err(refused(format!(
                "`{level}` is no level: there are off, error, warn, info, debug and trace"
            )));
        }
        has_level |= !directive.contains('=');
    }
    let base = if has_level { None } else { Some("info") };
    let text = base
        .into_iter()
        .chain(text.split(',').map(str::trim))
        .collect::<Vec<_>>()
        .join(",");
    EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .parse(text)
        .map_err(|error| refused(error.to_string()))
}

fn rolling(folder: &Path, name: &str) -> Result<RollingFileAppender, LogError> {
    let refused = |reason: String| LogError::Folder {
        folder: folder.display().to_string(),
        reason,
    };
    // the appender prints an error if the folder is missing, even though it creates it
    std::fs::create_dir_all(folder).map_err(|error| refused(error.to_string()))?;
    // the symlink to the current file would be dangling if the folder were relative
    let folder = std::path::absolute(folder).map_err(|error| refused(error.to_string()))?;
    RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix(name)
        .filename_suffix("log")
        .latest_symlink(format!("{name}.log"))
        .max_log_files(DAYS)
        .build(folder)
        .map_err(|error| refused(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_that_is_none_is_refused_and_not_taken_for_a_name() {
        for level in [
            "warning",
            "",
            "info,",
            "verbose",
            "ghanti=loud",
            "info,ghanti",
            "info;debug",
            "information",
        ] {
            let error = filter(level).unwrap_err().to_string();
            assert!(
                error.contains(&format!("`level` of `[log]` is `{level}`")),
                "{error}"
            );
        }
        for level in [
            "info",
            "WARN",
            "off",
            "info,ghanti_session=debug",
            "ghanti_session=debug",
            "info, ghanti::websocket=trace",
            "warn,[call]=debug",
        ] {
            assert!(filter(level).is_ok(), "{level}");
        }
        assert!(
            filter("ghanti_session=debug")
                .unwrap()
                .to_string()
                .contains("info"),
            "all else is still logged"
        );
    }
}
