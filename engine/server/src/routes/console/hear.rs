//! A prompt as callers hear it: its text, published or not, with example values, spoken by the
//! engine's own synthesizers at the calls' rate.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};
use ghanti_host::Step;
use ghanti_language::PromptBook;
use ghanti_language::template::written::{EditError, replaced};
use ghanti_model::unix_ms;
use ghanti_speech::Utterance;

use super::Form;
use super::flow::Shown;
use super::prompt::{examples, filled, spoken_in, unusable};
use super::session::Viewer;
use crate::app::App;
use crate::problem::{Kind, Problem};
use crate::segments::{BadPath, Segments};
use crate::speech::say::spoken;

/// Maximum number of prompts spoken at once for the console: calls come first.
pub const HEARD: usize = 2;
/// How long a prompt may take to be spoken; the longest lasts for minutes, and is spoken faster than
/// it is played.
const SPOKEN: Duration = Duration::from_secs(30);

/// Speaks a prompt: `prompt` of the form names its language and template, `text` is another text for
/// it, if there is one.
pub(super) async fn hear(
    viewer: Viewer,
    State(app): State<App>,
    headers: HeaderMap,
    name: Result<Segments<String>, BadPath>,
    body: Bytes,
) -> Response {
    let form = Form::read(&body);
    let heard = async {
        let Segments(name) = name?;
        viewer.check(&form)?;
        let shown = Shown::find(&app, name, form.text("version"))?;
        wav(&app, &shown, &form).await
    };
    match heard.await {
        Ok(wav) => (
            [
                (CONTENT_TYPE, "audio/wav"),
                (CACHE_CONTROL, "no-store"),
                (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            ],
            wav,
        )
            .into_response(),
        Err(problem) => {
            let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
            if accept.is_some_and(|accept| accept.contains("text/html")) {
                viewer.failed(&app, &problem)
            } else {
                problem.into_response()
            }
        }
    }
}

async fn wav(app: &App, shown: &Shown, form: &Form) -> Result<Vec<u8>, Problem> {
    let (language, template) = form.text("prompt").split_once('/').unwrap_or_default();
    let language = spoken_in(shown, language)?;
    let changed = form.has("text").then(|| form.text("text"));
    let edited = match changed {
        None => None,
        Some(text) => {
            let source = shown.version.prompts.source(&language).unwrap_or_default();
            match replaced(source, template, text) {
                Ok(file) => Some(parsed(file, &language)?),
                Err(EditError::Unchanged) => None,
                Err(error) => return Err(unusable(error)),
            }
        }
    };
    let prompts = edited.as_ref().unwrap_or(&shown.version.prompts);
    if !prompts.has(&language, template) {
        return Err(unusable(EditError::NoMessage(template.to_owned())));
    }
    let values = examples(app, shown, &shown.on_disk(app).await).await;
    let today = app.services.settings.date_rules(unix_ms()).today;
    let words = prompts
        .render(&filled(template, &values), &language, today)
        .map_err(|error| {
            let hint = "use variables that the flow's prompt files declare in their comments";
            Problem::new(Kind::UnusablePrompt, error.to_string(), hint)
        })?;
    let Ok(_permit) = app.heard.try_acquire() else {
        return Err(Problem::new(
            Kind::ConsoleBusy,
            format!("{HEARD} prompts are being spoken already"),
            "ask again in a second",
        ));
    };
    let utterance = Utterance {
        text: words.into(),
        language,
        voice: None,
    };
    let rate_hz = app.config.calls.sample_rate_hz;
    let spoken = spoken(&app.services.prompts, &utterance, rate_hz);
    let unspoken = |reason: String| {
        let hint = "see the page of the set-up, or run `ghanti doctor`";
        Problem::new(Kind::NotSpoken, reason, hint)
    };
    let spoken = tokio::time::timeout(SPOKEN, spoken)
        .await
        .map_err(|_| unspoken(format!("it was not spoken within {} s", SPOKEN.as_secs())))?
        .map_err(|error| unspoken(error.to_string()))?;
    spoken.wav().map_err(|error| unspoken(error.to_string()))
}

/// A changed prompt file. Nothing else is checked: it is heard by who writes it.
fn parsed(file: String, language: &ghanti_model::Language) -> Result<PromptBook, Problem> {
    PromptBook::parse(&BTreeMap::from([(language.clone(), file)])).map_err(|problems| {
        let reasons: Vec<_> = problems
            .iter()
            .map(|problem| {
                let line = problem.line.map(|line| format!(" line {line}"));
                format!(
                    "`{}`{}: {}",
                    problem.file,
                    line.unwrap_or_default(),
                    problem.message
                )
            })
            .collect();
        let first = problems.first();
        let hint = first.map(|problem| problem.hint.clone());
        Problem::new(
            Kind::UnusablePrompt,
            reasons.join("\n"),
            hint.unwrap_or_default(),
        )
        .at(Step::Prompts, first.and_then(|problem| problem.line))
    })
}
