//! The pages of a recorded call against a version of its flow, and of how it would have gone on with other
//! answers. What they show is what the API answers with (`routes/replays.rs`).

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use ghanti_catalogue::VersionState;
use ghanti_console::words::Words;
use ghanti_console::{
    Answer, Difference, Ended, Entry, GoesOn, Held, Open, OtherwisePage, Replay, ReplayPage, Said,
    Unable, Who, otherwise, replay,
};
use ghanti_explore::transcript::{Line, Speaker};
use ghanti_host::Wait;
use ghanti_journal::redact::redacted;
use ghanti_model::{CallRecord, Function, JournalEntry, Masked};
use ghanti_replay::{DifferenceText, End, Otherwise, ReplayError, Replayed};

use super::Form;
use super::answers;
use super::session::Viewer;
use crate::app::App;
use crate::problem::Problem;
use crate::routes::replays::{self, chosen, gone_on, recorded_on, replayed};
use crate::segments::{BadPath, Segments};

/// Maximum number of a journal's entries on a call's page.
const ENTRIES: usize = 256;
/// How much of an entry's arguments and answer is shown, in characters.
const DETAIL: usize = 1_000;

/// The versions of a call's flow that the engine holds.
pub(super) fn held(app: &App, record: &CallRecord) -> Vec<Held> {
    shown(replays::held(app, record), record)
}

fn shown(versions: Vec<VersionState>, record: &CallRecord) -> Vec<Held> {
    let recorded = recorded_on(record);
    versions
        .into_iter()
        .map(|version| Held {
            is_recorded: recorded == Some(&version.id),
            id: version.id.to_string(),
            version: version.author_version,
            stage: version.stage.as_str(),
        })
        .collect()
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

/// Replays a call against a version.
pub(super) async fn against(
    viewer: Viewer,
    State(app): State<App>,
    id: Result<Segments<String>, BadPath>,
    RawQuery(query): RawQuery,
) -> Response {
    let page = async {
        let Segments(id) = id?;
        let query = Form::of_query(query.as_deref());
        let chosen = chosen(&app, &id, query.text("version")).await?;
        let call = chosen.record.call_id;
        let versions = shown(chosen.versions, &chosen.record);
        let ran = match chosen.version {
            Err(unable) => Err(unable),
            Ok(version) => replayed(&app, chosen.record, version).await?,
        };
        Ok::<_, Problem>(ReplayPage {
            call,
            versions,
            chosen: chosen.id,
            replayed: ran.map(result).map_err(|unable| why(viewer.words, unable)),
        })
    };
    match page.await {
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
    let page = async {
        let Segments(id) = id?;
        let seq = form.text("at").parse().map_err(|_| {
            let takes = "the number of an entry of the journal, from 1".to_owned();
            Problem::parameter("at", "is no number", takes)
        })?;
        let chosen = chosen(app, &id, form.text("version")).await?;
        let call = chosen.record.call_id;
        let versions = shown(chosen.versions, &chosen.record);
        let given = answers::read(form.all("answer"), form.text("words"));
        let refused = given.refused.map(|refused| match refused {
            answers::Refused::Unusable => viewer.words.answer_unusable,
            answers::Refused::TooMany => viewer.words.answers_too_many,
        });
        let ran = match chosen.version {
            Err(unable) => Err(unable),
            Ok(version) => gone_on(app, chosen.record, version, seq, given.turns).await?,
        };
        Ok::<_, Problem>(OtherwisePage {
            call,
            at: seq,
            versions,
            chosen: chosen.id,
            answers: given.kept,
            refused,
            goes_on: ran.map(goes_on).map_err(|unable| why(viewer.words, unable)),
        })
    };
    match page.await {
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
            let (takes_words, takes_keys) = (asking.takes_words(), asking.takes_keys());
            Open::Question {
                name: asking.name,
                takes_words,
                takes_keys,
                choices: asking
                    .choices
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

fn why(words: &Words, unable: replays::Unable) -> Unable {
    let (reason, error) = match unable {
        replays::Unable::NotOver => (words.journal_grows, None),
        replays::Unable::NoJournal | replays::Unable::Failed(ReplayError::NoJournal(_)) => {
            (words.journal_gone, None)
        }
        replays::Unable::NoVersion => (words.version_gone, None),
        replays::Unable::OtherVersion => (words.version_not_held, None),
        replays::Unable::Late => (words.replay_late, None),
        replays::Unable::Failed(ReplayError::NoRoom) => (words.replay_no_room, None),
        replays::Unable::Failed(error @ ReplayError::Incomplete { .. }) => {
            (words.journal_incomplete, Some(error))
        }
        replays::Unable::Failed(error) => (words.replay_unreadable, Some(error)),
    };
    Unable {
        reason,
        detail: error.map(|error| error.to_string()),
    }
}
