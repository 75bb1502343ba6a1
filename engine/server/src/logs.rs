//! Logs to the console, and to `application.log` and `websocket.log`, as lines for people or as JSON.

mod file;
mod json;

use std::io::IsTerminal;

use tracing::level_filters::LevelFilter;
use tracing::{Metadata, Subscriber};
use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::filter::{EnvFilter, FilterExt, FilterFn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::layer::{Identity, Layer, SubscriberExt};
use tracing_subscriber::registry::{LookupSpan, Registry};
use tracing_subscriber::util::SubscriberInitExt;

use self::file::{FILE_BYTES, LogFile};
use self::json::Json;
use crate::config::{Log, LogFormat};

/// Events with this target go to `websocket.log`, all others to `application.log`.
pub const WEBSOCKET: &str = "ghanti::websocket";

/// Logging cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// `level` is not a valid filter.
    #[error(
        "`level` of `[log]` is `{level}`, which is not a valid filter: write `info`, or `info,ghanti_session=debug` ({reason})"
    )]
    Level {
        /// The configured level.
        level: String,
        /// Why it is invalid.
        reason: String,
    },
    /// The folder cannot be written. Also returned if a global subscriber is already set.
    #[error(
        "cannot write logs to `{folder}`: {reason}; make the folder writable, set `folder` of `[log]`, or log only to the console with `files = false`"
    )]
    Folder {
        /// The folder.
        folder: String,
        /// The operating system's error.
        reason: String,
    },
}

/// Keeps the log writers alive. Dropping it flushes the lines that are still queued.
pub struct Logs(#[allow(dead_code, reason = "held to be dropped")] Vec<WorkerGuard>);

/// Sets up logging to the console and the files. If a disk is too slow, lines are dropped, so that
/// a call never waits for a log.
pub fn begin(settings: &Log) -> Result<Logs, LogError> {
    let console = match settings.format {
        LogFormat::Text => tracing_subscriber::fmt::layer()
            .with_ansi(std::io::stderr().is_terminal())
            .with_writer(std::io::stderr)
            .with_target(false)
            .boxed(),
        LogFormat::Json => lines(settings.format, std::io::stderr),
    };
    begin_with(settings, Some(console.with_filter(level(settings)?)))
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
    let (mut files, mut guards) = (Vec::new(), Vec::new());
    if settings.files {
        let is_websocket = |metadata: &Metadata<'_>| metadata.target().starts_with(WEBSOCKET);
        let (application, guard) = tracing_appender::non_blocking(open(settings, "application")?);
        guards.push(guard);
        let of_application = FilterFn::new(move |metadata| !is_websocket(metadata));
        files.push(
            lines(settings.format, application)
                .with_filter(level(settings)?.and(of_application))
                .boxed(),
        );
        let (websocket, guard) = tracing_appender::non_blocking(open(settings, "websocket")?);
        guards.push(guard);
        let of_websocket = FilterFn::new(move |metadata| is_websocket(metadata));
        files.push(
            lines(settings.format, websocket)
                .with_filter(LevelFilter::DEBUG.and(of_websocket))
                .boxed(),
        );
    }
    // an empty list of layers would turn all others off
    let files = (!files.is_empty()).then_some(files);
    tracing_subscriber::registry()
        .with(console)
        .with(files)
        .try_init()
        .map_err(|error| folder_error(settings, &error.to_string()))?;
    Ok(Logs(guards))
}

/// A layer that writes lines in a format.
fn lines<S, W>(format: LogFormat, writer: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let layer = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_writer(writer);
    match format {
        LogFormat::Text => layer.boxed(),
        LogFormat::Json => layer
            .fmt_fields(JsonFields::new())
            .event_format(Json)
            .boxed(),
    }
}

fn open(settings: &Log, name: &'static str) -> Result<LogFile, LogError> {
    LogFile::open(&settings.folder, name, FILE_BYTES)
        .map_err(|error| folder_error(settings, &error.to_string()))
}

fn folder_error(settings: &Log, reason: &str) -> LogError {
    LogError::Folder {
        folder: settings.folder.display().to_string(),
        reason: reason.to_owned(),
    }
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
                "`{level}` is not a level: use off, error, warn, info, debug and trace"
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_level_is_an_error_and_not_a_targets_name() {
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
