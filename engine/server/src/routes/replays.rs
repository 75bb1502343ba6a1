//! `/api/calls/{id}/replay` and `/api/calls/{id}/otherwise`: a recorded call against a version of its flow,
//! and how it would have gone on with other answers. The console's pages ask the same functions.
//!
//! A flow is run on a thread of its own beside the async ones, for a bounded time, and few at once: it
//! performs nothing, and shares the machine with live calls.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{RawQuery, State};
use ghanti_catalogue::{Stage, VersionState};
use ghanti_explore::transcript::Line;
use ghanti_host::{FlowVersion, Turn, Wait};
use ghanti_model::{CallId, CallRecord, CallState, VersionId};
use ghanti_replay::{DifferenceText, End, Local, Otherwise, ReplayError, Replayed};
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use utoipa::ToSchema;

use crate::access::Api;
use crate::answer::Answer;
use crate::app::App;
use crate::problem::{Kind, Problem};
use crate::query::Query;
use crate::routes::calls::find;
use crate::routes::other_answers::{self, OtherAnswer};
use crate::segments::{BadPath, Segments};

/// Maximum number of replays at once, so that on each of two cores a live call waits for at most one.
pub const REPLAYS: usize = 2;
/// How long a replay may take: it normally takes milliseconds, and somebody is waiting for it.
const REPLAY: Duration = Duration::from_secs(15);

/// Why a call cannot be replayed.
pub(super) enum Unable {
    /// It has not ended, and its journal grows.
    NotOver,
    /// Its journal was erased or not kept.
    NoJournal,
    /// The engine holds no version of its flow.
    NoVersion,
    /// The engine does not hold the version that is asked for.
    OtherVersion,
    /// It did not end in time.
    Late,
    /// It could not be run.
    Failed(ReplayError),
}

/// A call's record, and the version that it is to be replayed against.
pub(super) struct Chosen {
    pub(super) record: CallRecord,
    /// The versions of its flow that the engine holds.
    pub(super) versions: Vec<VersionState>,
    /// The id of the version that was chosen, whether or not it is held.
    pub(super) id: String,
    pub(super) version: Result<Arc<FlowVersion>, Unable>,
}

/// The versions of a call's flow that the engine holds.
pub(super) fn held(app: &App, record: &CallRecord) -> Vec<VersionState> {
    let Some(flow) = &record.flow else {
        return Vec::new();
    };
    let states = app.services.catalogue.states();
    let state = states.into_iter().find(|state| state.name == *flow);
    state.map_or_else(Vec::new, |state| state.versions)
}

/// The version of a call's journal.
pub(super) fn recorded_on(record: &CallRecord) -> Option<&VersionId> {
    let journal = record.journal.as_ref();
    journal
        .map(|journal| &journal.header.version)
        .or(record.version.as_ref())
}

/// Chooses the version that is asked for; if none is (an empty text), the one that the call was recorded
/// on, or else the active one.
///
/// # Errors
///
/// As [`find`].
pub(super) async fn chosen(app: &App, call: &str, asked: &str) -> Result<Chosen, Problem> {
    let record = find(app, call).await?;
    let versions = held(app, &record);
    let own = recorded_on(&record);
    let recorded = versions.iter().find(|version| own == Some(&version.id));
    let active = versions
        .iter()
        .find(|version| version.stage == Stage::Active);
    let by_default = recorded.or(active).or(versions.first());
    let id = match by_default.filter(|_| asked.is_empty()) {
        Some(version) => version.id.to_string(),
        None => asked.to_owned(),
    };
    let found = record.flow.as_ref().zip(VersionId::parse(id.clone()).ok());
    let version = found.and_then(|(flow, id)| app.services.catalogue.loaded(flow, &id));
    let version = match version {
        _ if record.state != CallState::Ended => Err(Unable::NotOver),
        _ if record.journal.is_none() => Err(Unable::NoJournal),
        Some(version) => Ok(version),
        None if versions.is_empty() => Err(Unable::NoVersion),
        None => Err(Unable::OtherVersion),
    };
    Ok(Chosen {
        record,
        versions,
        id,
        version,
    })
}

/// Replays a call's record against a version.
///
/// # Errors
///
/// 503 while others are being replayed.
pub(super) async fn replayed(
    app: &App,
    record: CallRecord,
    version: Arc<FlowVersion>,
) -> Result<Result<Replayed, Unable>, Problem> {
    let zone = app.services.settings.zone.clone();
    let run = async move { ghanti_replay::of_record(record, &version, &zone).await };
    aside(app, run).await
}

/// Lets a call go on otherwise from an entry of its journal.
///
/// # Errors
///
/// 503 while others are being replayed.
pub(super) async fn gone_on(
    app: &App,
    record: CallRecord,
    version: Arc<FlowVersion>,
    seq: u32,
    turns: Vec<Turn>,
) -> Result<Result<Otherwise, Unable>, Problem> {
    let settings = &app.services.settings;
    let local = Local {
        zone: settings.zone.clone(),
        date_order: settings.date_order,
    };
    let run = async move { ghanti_replay::otherwise(record, &version, seq, turns, &local).await };
    aside(app, run).await
}

/// Runs a replay beside the async threads. The outer error is that it was not begun.
async fn aside<T: Send + 'static>(
    app: &App,
    run: impl Future<Output = Result<T, ReplayError>> + Send + 'static,
) -> Result<Result<T, Unable>, Problem> {
    let Ok(permit) = Arc::clone(&app.replays).try_acquire_owned() else {
        return Err(busy(format!("{REPLAYS} calls are being replayed already")));
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
        Err(_) => Err(Unable::Late),
        Ok(ran) => ran.map_err(Unable::Failed),
    })
}

fn busy(detail: String) -> Problem {
    Problem::new(Kind::TooManyReplays, detail, "ask again in a second")
}

/// Why a call cannot be replayed, to a client of the API.
fn refused(unable: Unable) -> Problem {
    let (detail, hint) = match unable {
        Unable::Failed(ReplayError::NoRoom) => {
            return busy("the engine has no free instance for it beside its calls".to_owned());
        }
        Unable::NoVersion | Unable::OtherVersion => {
            return Problem::new(
                Kind::UnknownVersion,
                "the engine holds no such version of the call's flow",
                "GET /api/flows lists those that it holds",
            );
        }
        Unable::NotOver => (
            "the call goes on, and its journal grows".to_owned(),
            "ask again once it has ended",
        ),
        Unable::NoJournal | Unable::Failed(ReplayError::NoJournal(_)) => (
            "the call has no journal: it was erased, or is not kept".to_owned(),
            "replay another call",
        ),
        Unable::Late => (
            format!("the replay did not end within {} s", REPLAY.as_secs()),
            "see what the version does there: it may loop",
        ),
        Unable::Failed(error) => (
            error.to_string(),
            "see `journal` of the record for its entries",
        ),
    };
    Problem::new(Kind::NotReplayable, detail, hint)
}

/// The result of a replay.
#[derive(Serialize, ToSchema)]
#[schema(as = ReplayOfCall)]
pub struct Replay {
    call_id: CallId,
    /// The version that the call was recorded on.
    recorded: VersionId,
    /// The version that it was replayed against.
    against: VersionId,
    /// Whether there is a transcript to compare the prompts' words with.
    has_words: bool,
    /// What the version says and decides, one line each.
    conversation: Vec<String>,
    /// Where it differs from the record, most severe first.
    differences: Vec<Difference>,
}

/// A difference between the record of a call and a version.
#[derive(Serialize, ToSchema)]
#[schema(as = ReplayDifference)]
struct Difference {
    /// The entry of the journal, from 1.
    seq: u32,
    /// `amounts`, `decisions` and so on.
    kind: String,
    /// What differs, such as a template.
    subject: String,
    recorded: String,
    /// What the version does.
    replayed: String,
    /// Where their arguments first differ, with both values.
    differs_at: Option<String>,
    /// Whether later entries were not compared.
    breaks_off: bool,
}

impl From<DifferenceText> for Difference {
    fn from(reported: DifferenceText) -> Self {
        Self {
            seq: reported.seq,
            kind: reported.kind.to_string(),
            subject: reported.subject,
            recorded: reported.expected,
            replayed: reported.got,
            differs_at: reported.at,
            breaks_off: reported.breaks_off,
        }
    }
}

/// Replays the record of a call that has ended against a version of its flow that the engine holds: by default
/// the one it was recorded on, else the active one. The caller's answers and what the world said are from the
/// record, everything else is the version's own. Nothing is performed.
///
/// # Errors
///
/// 404 for an unknown call, and for a version that the engine does not hold; 409 for a call that goes on or
/// has no whole journal; 503 while others are being replayed.
#[utoipa::path(
    get,
    path = "/api/calls/{id}/replay",
    tag = "calls",
    operation_id = "calls_replay",
    params(
        ("id" = String, Path, description = "the call's id, or Exotel's CallSid"),
        ("version" = Option<String>, Query, description = "the id of a version, as GET /api/flows has it"),
    ),
    responses(
        (status = 200, description = "what came of it", body = Replay),
        (status = 400, description = "`unreadable-path`, `unusable-call-id`, `unusable-parameter`"),
        (status = 401, description = "`unauthorized`"),
        (status = 404, description = "`unknown-call`, `unknown-version`"),
        (status = 409, description = "`not-replayable`"),
        (status = 503, description = "`too-many-replays`, `store-unavailable`"),
    )
)]
pub async fn replay(
    _: Api,
    State(app): State<App>,
    id: Result<Segments<String>, BadPath>,
    RawQuery(query): RawQuery,
) -> Result<Answer<Replay>, Problem> {
    let Segments(id) = id?;
    let query = Query::read(query.as_deref(), &["version"])?;
    let version = query.text("version").unwrap_or_default();
    let chosen = chosen(&app, &id, version).await?;
    let call_id = chosen.record.call_id;
    let version = chosen.version.map_err(refused)?;
    let replay = replayed(&app, chosen.record, version)
        .await?
        .map_err(refused)?;
    Ok(Answer(Replay {
        call_id,
        recorded: replay.recorded,
        against: replay.against,
        has_words: replay.has_words,
        conversation: replay.conversation,
        differences: replay.differences.into_iter().map(Into::into).collect(),
    }))
}

/// How a call is to go on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AnswerOtherwise)]
pub struct GoOn {
    /// The entry of the journal with the question, from 1.
    at: u32,
    /// The id of a version, as `GET /api/flows` has it; by default that of the record, else the active one.
    version: Option<String>,
    /// What the caller answers there and at each later question, and what actions answer, in order.
    #[serde(default)]
    #[schema(max_items = 64)]
    answers: Vec<OtherAnswer>,
}

/// How a call goes on otherwise.
#[derive(Serialize, ToSchema)]
#[schema(as = CallOtherwise)]
pub struct GoesOn {
    call_id: CallId,
    /// The version that goes on.
    version: VersionId,
    /// What was said and decided before, as it is recorded, one line each.
    before: Vec<String>,
    /// How it goes on from there.
    lines: Vec<Said>,
    /// What the flow waits for where the answers end; null if it has ended.
    open: Option<Open>,
    /// How it ended; null if it waits.
    end: Option<Ended>,
    /// The disposition that the flow has set.
    outcome: Option<String>,
    /// The target that it transfers to.
    transfer: Option<String>,
}

/// A line of how a call goes on.
#[derive(Serialize, ToSchema)]
#[schema(as = LineOtherwise)]
struct Said {
    /// `bot`, `caller`, or `flow` for what the flow does besides speaking.
    speaker: &'static str,
    text: String,
    /// The template of a prompt, the question of an answer; else empty.
    name: String,
}

/// What a flow waits for.
#[derive(Serialize, ToSchema)]
#[schema(as = WaitsOtherwise)]
struct Open {
    /// `question`, or `action` for the answer of an action that the record does not have.
    kind: &'static str,
    /// Its name.
    name: String,
    /// The choices of the question.
    choices: Vec<Choice>,
    /// Whether words may answer it.
    takes_words: bool,
    /// Whether keys may.
    takes_keys: bool,
}

/// A choice of a question.
#[derive(Serialize, ToSchema)]
#[schema(as = ChoiceOtherwise)]
struct Choice {
    id: String,
    key: Option<char>,
}

/// How a call ended that went on otherwise.
#[derive(Serialize, ToSchema)]
#[schema(as = EndOtherwise)]
struct Ended {
    /// `returned`, `hung-up`, or `failed` where the version fails or does not come to the question.
    how: &'static str,
    /// Why it failed.
    reason: Option<String>,
}

/// Lets a call that has ended go on from a question that was answered, with other answers, to the next
/// question or its end. Nothing is performed, recorded or dialled: an action that the record has with the same
/// input answers as it did, and of another one `open` asks what it answers.
///
/// # Errors
///
/// As [`replay`]; 409 also for an entry that is no question that was answered.
#[utoipa::path(
    post,
    path = "/api/calls/{id}/otherwise",
    tag = "calls",
    operation_id = "calls_otherwise",
    params(
        ("id" = String, Path, description = "the call's id, or Exotel's CallSid"),
    ),
    request_body = GoOn,
    responses(
        (status = 200, description = "how it goes on", body = GoesOn),
        (status = 400, description = "`unreadable-path`, `unusable-call-id`, `body-not-read`, `body-not-json`, `body-not-expected`"),
        (status = 401, description = "`unauthorized`"),
        (status = 404, description = "`unknown-call`, `unknown-version`"),
        (status = 409, description = "`not-replayable`"),
        (status = 413, description = "`body-too-large`"),
        (status = 503, description = "`too-many-replays`, `store-unavailable`"),
    )
)]
pub async fn otherwise(
    _: Api,
    State(app): State<App>,
    id: Result<Segments<String>, BadPath>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Answer<GoesOn>, Problem> {
    let Segments(id) = id?;
    let GoOn {
        at,
        version,
        answers,
    } = serde_json::from_slice(&body?).map_err(|error| {
        Problem::json(
            &error,
            "send `{\"at\": 7, \"answers\": [{\"choice\": \"yes\"}, \"silent\"]}`",
        )
    })?;
    let turns = other_answers::turns(answers)?;
    let chosen = chosen(&app, &id, version.as_deref().unwrap_or_default()).await?;
    let call_id = chosen.record.call_id;
    let version = chosen.version.map_err(refused)?;
    let id = version.id.clone();
    let ran = gone_on(&app, chosen.record, version, at, turns).await?;
    Ok(Answer(goes_on(call_id, id, ran.map_err(refused)?)))
}

fn goes_on(call_id: CallId, version: VersionId, otherwise: Otherwise) -> GoesOn {
    let line = |line: Line| Said {
        speaker: line.speaker.as_str(),
        text: line.text,
        name: line.name,
    };
    let ended = |end| match end {
        End::Returned => ("returned", None),
        End::HungUp => ("hung-up", None),
        End::Failed(why) => ("failed", Some(why)),
    };
    GoesOn {
        call_id,
        version,
        before: otherwise.before,
        lines: otherwise.lines.into_iter().map(line).collect(),
        open: otherwise.open.map(open),
        end: otherwise.end.map(|end| {
            let (how, reason) = ended(end);
            Ended { how, reason }
        }),
        outcome: otherwise.outcome,
        transfer: otherwise.transfer,
    }
}

fn open(wait: Wait) -> Open {
    match wait {
        Wait::Action(name) => Open {
            kind: "action",
            name,
            choices: Vec::new(),
            takes_words: false,
            takes_keys: false,
        },
        Wait::Question(asking) => {
            let (takes_words, takes_keys) = (asking.takes_words(), asking.takes_keys());
            let choices = asking.choices.into_iter().map(|choice| Choice {
                id: choice.id,
                key: choice.key,
            });
            Open {
                kind: "question",
                name: asking.name,
                choices: choices.collect(),
                takes_words,
                takes_keys,
            }
        }
    }
}
