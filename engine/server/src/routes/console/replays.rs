//! A recorded call against a version of its flow, and how it would have gone on with other answers.
//!
//! A flow is run on a thread of its own beside the async ones, for a bounded time, and few at once: it
//! performs nothing, and shares the machine with live calls.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use ghanti_console::words::Words;
use ghanti_console::{
    Answer, Difference, Ended, Entry, GoesOn, Held, Open, OtherwisePage, Replay, ReplayPage, Said,
    Unable, Who, otherwise, replay,
};
use ghanti_explore::transcript::{Line, Speaker};
use ghanti_host::{Asking, FlowVersion, Turn, Wait};
use ghanti_journal::redact::redacted;
use ghanti_model::{CallRecord, CallState, Function, JournalEntry, Masked, VersionId};
use ghanti_replay::{DifferenceText, End, Local, Otherwise, ReplayError, Replayed};
use tokio::runtime::Handle;

use super::Form;
use super::answers;
use super::session::Viewer;
use crate::app::App;
use crate::problem::{Kind, Problem};
use crate::routes::calls::find;
use crate::segments::{BadPath, Segments};

/// Maximum number of replays at once, so that on each of two cores a live call waits for at most one.
pub const REPLAYS: usize = 2;
/// How long a replay may take: it normally takes milliseconds, and somebody is waiting for it.
const REPLAY: Duration = Duration::from_secs(15);
/// Maximum number of a journal's entries on a call's page.
const ENTRIES: usize = 256;
/// How much of an entry's arguments and answer is shown, in characters.
const DETAIL: usize = 1_000;

/// The versions of a call's flow that the engine holds.
pub(super) fn held(app: &App, record: &CallRecord) -> Vec<Held> {
    let Some(flow) = &record.flow else {
        return Vec::new();
    };
    let states = app.services.catalogue.states();
    let versions = states.into_iter().find(|state| state.name == *flow);
    let versions = versions.map_or_else(Vec::new, |state| state.versions);
    versions
        .into_iter()
        .map(|version| Held {
            is_recorded: recorded_on(record) == Some(&version.id),
            id: version.id.to_string(),
            version: version.author_version,
            stage: version.stage.as_str(),
        })
        .collect()
}

/// The version of a call's journal.
fn recorded_on(record: &CallRecord) -> Option<&VersionId> {
    let journal = record.journal.as_ref();
    journal
        .map(|journal| &journal.header.version)
        .or(record.version.as_ref())
}

/// The first entries of a call's journal, and whether there are more.
pub(super) fn entries(record: &CallRecord) -> (Option<Vec<Entry>>, bool) {
    let Some(journal) = &record.journal else {
        return (None, false);
    };
    let shown = journal.entries.iter().take(ENTRIES).map(entry).collect();
    (Some(shown), journal.entries.len() > ENTRIES)
}

fn entry(entry: &JournalEntry) -> Entry {
    let detail = format!("{} → {}", entry.arguments, entry.answer);
    let mut shown: String = detail.chars().take(DETAIL).collect();
    if shown.len() < detail.len() {
        shown.push('…');
    }
    let asks = matches!(entry.function, Function::Ask | Function::Collect);
    Entry {
        seq: entry.seq,
        at_ms: entry.at_ms,
        took_ms: entry.took_ms,
        what: redacted(entry),
        detail: Masked::new(shown),
        is_answered: asks && entry.answer.get("ok").is_some(),
    }
}

/// A call's record, and the version that is asked for: by default the one it was recorded on, or else the
/// active one.
struct Chosen {
    record: CallRecord,
    versions: Vec<Held>,
    id: String,
    version: Result<Arc<FlowVersion>, Unable>,
}

async fn chosen(app: &App, words: &Words, call: &str, asked: &str) -> Result<Chosen, Problem> {
    let record = find(app, call).await?;
    let versions = held(app, &record);
    let recorded = versions.iter().find(|version| version.is_recorded);
    let active = versions.iter().find(|version| version.stage == "active");
    let id = match asked {
        "" => recorded.or(active).or(versions.first()),
        _ => None,
    };
    let id = id.map_or_else(|| asked.to_owned(), |version| version.id.clone());
    let found = record.flow.as_ref().zip(VersionId::parse(&id).ok());
    let version = found.and_then(|(flow, id)| app.services.catalogue.loaded(flow, &id));
    let unable = |reason| Unable {
        reason,
        detail: None,
    };
    let version = match version {
        _ if record.state != CallState::Ended => Err(unable(words.journal_grows)),
        _ if record.journal.is_none() => Err(unable(words.journal_gone)),
        Some(version) => Ok(version),
        None if versions.is_empty() => Err(unable(words.version_gone)),
        None => Err(unable(words.version_not_held)),
    };
    Ok(Chosen {
        record,
        versions,
        id,
        version,
    })
}

/// Replays a call against a version.
pub(super) async fn against(
    viewer: Viewer,
    State(app): State<App>,
    id: Result<Segments<String>, BadPath>,
    RawQuery(query): RawQuery,
) -> Response {
    let shown = async {
        let Segments(id) = id?;
        let query = Form::of_query(query.as_deref());
        let chosen = chosen(&app, viewer.words, &id, query.text("version")).await?;
        let call = chosen.record.call_id;
        let replayed = match chosen.version {
            Err(unable) => Err(unable),
            Ok(version) => {
                let (record, zone) = (chosen.record, app.services.settings.zone.clone());
                let run = async move { ghanti_replay::of_record(record, &version, &zone).await };
                let ran = aside(&app, run).await?;
                ran.map(result).map_err(|error| why(viewer.words, error))
            }
        };
        Ok::<_, Problem>(ReplayPage {
            call,
            versions: chosen.versions,
            chosen: chosen.id,
            replayed,
        })
    };
    match shown.await {
        Ok(shown) => viewer.page(StatusCode::OK, replay(&viewer.site(&app, false), &shown)),
        Err(problem) => viewer.failed(&app, &problem),
    }
}

fn result(replayed: Replayed) -> Replay {
    let difference = |reported: DifferenceText| Difference {
        seq: reported.seq,
        kind: reported.kind.to_string(),
        subject: reported.subject,
        recorded: Masked::new(reported.expected),
        now: Masked::new(reported.got),
        at: reported.at.map(Masked::new),
        breaks_off: reported.breaks_off,
    };
    Replay {
        recorded: replayed.recorded.to_string(),
        against: replayed.against.to_string(),
        has_words: replayed.has_words,
        conversation: replayed.conversation,
        differences: replayed.differences.into_iter().map(difference).collect(),
    }
}

/// The first question of a call that goes on otherwise.
pub(super) async fn begin(
    viewer: Viewer,
    State(app): State<App>,
    id: Result<Segments<String>, BadPath>,
    RawQuery(query): RawQuery,
) -> Response {
    let query = Form::of_query(query.as_deref());
    go_on(&viewer, &app, id, &query).await
}

/// A call that goes on otherwise, with the answers of the form. They are personal, and so in no address.
pub(super) async fn answer(
    viewer: Viewer,
    State(app): State<App>,
    id: Result<Segments<String>, BadPath>,
    body: Bytes,
) -> Response {
    let form = Form::read(&body);
    if let Err(problem) = viewer.check(&form) {
        return viewer.failed(&app, &problem);
    }
    go_on(&viewer, &app, id, &form).await
}

async fn go_on(
    viewer: &Viewer,
    app: &App,
    id: Result<Segments<String>, BadPath>,
    form: &Form,
) -> Response {
    let shown = async {
        let Segments(id) = id?;
        let seq = form.text("at").parse().map_err(|_| {
            let takes = "the number of an entry of the journal, from 1".to_owned();
            Problem::parameter("at", "is no number", takes)
        })?;
        let chosen = chosen(app, viewer.words, &id, form.text("version")).await?;
        let call = chosen.record.call_id;
        let given = answers::read(form.all("answer"), form.text("words"));
        let refused = given.refused.map(|refused| match refused {
            answers::Refused::Unusable => viewer.words.answer_unusable,
            answers::Refused::TooMany => viewer.words.answers_too_many,
        });
        let goes_on = match chosen.version {
            Err(unable) => Err(unable),
            Ok(version) => {
                let settings = &app.services.settings;
                let local = Local {
                    zone: settings.zone.clone(),
                    date_order: settings.date_order,
                };
                let record = chosen.record;
                let turns: Vec<Turn> = given.turns;
                let run = async move {
                    ghanti_replay::otherwise(record, &version, seq, turns, &local).await
                };
                let ran = aside(app, run).await?;
                ran.map(goes_on).map_err(|error| why(viewer.words, error))
            }
        };
        Ok::<_, Problem>(OtherwisePage {
            call,
            at: seq,
            versions: chosen.versions,
            chosen: chosen.id,
            answers: given.kept,
            refused,
            goes_on,
        })
    };
    match shown.await {
        Ok(shown) => viewer.page(StatusCode::OK, otherwise(&viewer.site(app, false), &shown)),
        Err(problem) => viewer.failed(app, &problem),
    }
}

fn goes_on(otherwise: Otherwise) -> GoesOn {
    let line = |line: Line| Said {
        who: match line.speaker {
            Speaker::Bot => Who::Bot,
            Speaker::Caller => Who::Caller,
            Speaker::Flow => Who::Flow,
        },
        text: Masked::new(line.text),
        name: line.name,
    };
    GoesOn {
        before: otherwise.before,
        lines: otherwise.lines.into_iter().map(line).collect(),
        open: otherwise.open.map(open),
        ended: otherwise.end.map(|end| match end {
            End::Returned => Ended::Returned,
            End::HungUp => Ended::HungUp,
            End::Failed(why) => Ended::Failed(why),
        }),
        outcome: otherwise.outcome,
        transfer: otherwise.transfer,
    }
}

fn open(wait: Wait) -> Open {
    match wait {
        Wait::Action(name) => Open::Action(name),
        Wait::Question(asking) => {
            let Asking {
                name,
                choices,
                grammar,
                keys,
                ..
            } = *asking;
            let has_key = choices.iter().any(|choice| choice.key.is_some());
            Open::Question {
                name,
                takes_words: keys.is_none(),
                takes_keys: keys.is_some() || grammar.is_some() || has_key,
                choices: choices
                    .into_iter()
                    .map(|choice| Answer {
                        id: choice.id,
                        key: choice.key,
                    })
                    .collect(),
            }
        }
    }
}

/// Runs a replay beside the async threads. `Err` is for what the whole page cannot be shown for.
async fn aside<T: Send + 'static>(
    app: &App,
    run: impl Future<Output = Result<T, ReplayError>> + Send + 'static,
) -> Result<Result<T, Failed>, Problem> {
    let Ok(permit) = Arc::clone(&app.replays).try_acquire_owned() else {
        let what = format!("{REPLAYS} calls are being replayed already");
        return Err(Problem::new(
            Kind::ConsoleBusy,
            what,
            "ask again in a second",
        ));
    };
    let threads = Handle::current();
    let ran = tokio::task::spawn_blocking(move || {
        let ran = threads.block_on(async { tokio::time::timeout(REPLAY, run).await });
        drop(permit);
        ran
    });
    let ran = ran.await.map_err(|error| {
        Problem::new(
            Kind::Internal,
            error.to_string(),
            "see the log of this time",
        )
    })?;
    Ok(match ran {
        Err(_) => Err(Failed::Late),
        Ok(ran) => ran.map_err(Failed::Replay),
    })
}

/// Why a replay came to nothing.
enum Failed {
    /// It did not end in time.
    Late,
    /// It could not be run.
    Replay(ReplayError),
}

fn why(words: &Words, failed: Failed) -> Unable {
    let Failed::Replay(error) = failed else {
        return Unable {
            reason: words.replay_late,
            detail: None,
        };
    };
    let reason = match &error {
        ReplayError::NoJournal(_) => words.journal_gone,
        ReplayError::Incomplete { .. } => words.journal_incomplete,
        ReplayError::NoRoom => words.replay_no_room,
        _ => words.replay_unreadable,
    };
    let is_told = matches!(error, ReplayError::NoJournal(_) | ReplayError::NoRoom);
    Unable {
        reason,
        detail: (!is_told).then(|| error.to_string()),
    }
}
