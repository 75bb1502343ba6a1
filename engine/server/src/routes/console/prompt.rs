//! A prompt's page: its texts, and the change of one of them, which makes a new version.
//!
//! A version that is made here is judged like any other (`routes/deploy.rs`): all files, the flow's
//! tests and its gates. Nothing of a form is part of a path: the flow, the language and the message
//! are looked up among those that are loaded.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use ghanti_catalogue::{Deployed, Way};
use ghanti_console::{Draft, Editing, PromptPage, PromptText, Published, prompt};
use ghanti_explore::examples::Values;
use ghanti_language::template::written::{EditError, replaced};
use ghanti_model::{Argument, Language, Role, Template, Value, VersionId, unix_ms};

use super::flow::{Fixed, OnDisk, Shown};
use super::session::Viewer;
use super::{Form, redirect};
use crate::app::App;
use crate::problem::{Kind, Problem};
use crate::routes::deploy::{changed, judged, may_deploy, slot};
use crate::segments::{BadPath, Segments};

/// The longest value of an example that is shown, in characters.
const EXAMPLE: usize = 60;

/// What was typed, and why it was not published.
struct Refused {
    language: String,
    text: String,
    problem: Problem,
}

/// The page. `published` of the query names the language in which it was just changed.
pub(super) async fn show(
    viewer: Viewer,
    State(app): State<App>,
    path: Result<Segments<(String, String)>, BadPath>,
    RawQuery(query): RawQuery,
) -> Response {
    let query = Form::of_query(query.as_deref());
    let shown = path
        .map_err(Problem::from)
        .and_then(|Segments((name, template))| {
            let shown = Shown::find(&app, name, query.text("version"))?;
            Ok((shown, template))
        });
    let page = match shown {
        Ok((shown, template)) => {
            let published = query.text("published");
            page(&app, &viewer, &shown, &template, published, None).await
        }
        Err(problem) => Err(problem),
    };
    match page {
        Ok(page) => viewer.page(StatusCode::OK, page),
        Err(problem) => viewer.failed(&app, &problem),
    }
}

async fn page(
    app: &App,
    viewer: &Viewer,
    shown: &Shown,
    template: &str,
    published: &str,
    refused: Option<&Refused>,
) -> Result<String, Problem> {
    let languages = shown.messages();
    let row = shown
        .rows(&languages)
        .into_iter()
        .find(|row| row.template == template)
        .ok_or_else(|| unknown(template))?;
    let on_disk = shown.on_disk(app).await;
    let values = examples(app, shown, &on_disk).await;
    let site = viewer.site(app, false);
    let editing = if viewer.identity().role >= Role::Admin {
        match shown.own(app, &on_disk) {
            Ok(_) => Editing::Open,
            Err(Fixed::Other) => Editing::Other,
            Err(Fixed::Off(problem)) => {
                let text = problem.text();
                Editing::Fixed(text.detail.to_owned(), text.hint.to_owned())
            }
            Err(Fixed::Unreadable(reason, hint)) => Editing::Fixed(reason, hint),
        }
    } else {
        Editing::NotTheirs
    };
    let texts = languages.iter().map(|(language, messages)| {
        let message = messages.iter().find(|message| message.name == template);
        let tag = language.to_string();
        let refused = refused.filter(|refused| refused.language == tag);
        PromptText {
            text: message.map(|message| message.text.clone()),
            line: message.map(|message| message.line),
            comment: message
                .map(|message| message.comment.clone())
                .unwrap_or_default(),
            spoken: words(shown, template, language, &values, app),
            draft: refused.map(|refused| {
                let text = refused.problem.text();
                Draft {
                    text: refused.text.clone(),
                    title: text.title.to_owned(),
                    step: text.step.map(|step| step.to_string()),
                    line: text.line,
                    reason: text.detail.to_owned(),
                    hint: text.hint.to_owned(),
                }
            }),
            language: tag,
        }
    });
    let texts: Vec<_> = texts.collect();
    let has_published = texts.iter().any(|text| text.language == published);
    let variables = row.variables.into_iter().map(|mut variable| {
        let value = values.get(&variable.name).map(ToString::to_string);
        variable.example = value.map(|value| value.chars().take(EXAMPLE).collect());
        variable
    });
    let page = PromptPage {
        flow: shown.version.name.to_string(),
        template: row.template,
        group: row.group,
        id: shown.version.id.to_string(),
        version: shown.version.description.described.version.clone(),
        stage: shown.stage().as_str(),
        variables: variables.collect(),
        is_interruptible: row.is_interruptible,
        requires: row.requires,
        is_part: row.is_part,
        texts,
        editing,
        published: has_published.then(|| Published {
            language: published.to_owned(),
            stage: shown.stage().as_str(),
            share: shown.share(),
        }),
    };
    Ok(prompt(&site, &page))
}

/// The example values of a version's variables.
pub(super) async fn examples(app: &App, shown: &Shown, on_disk: &OnDisk) -> Arc<Values> {
    let (tests, digest) = shown.tests(on_disk);
    let today = app.services.settings.date_rules(unix_ms()).today;
    app.explored
        .examples(&shown.version, &tests, &digest, today)
        .await
}

/// A template with example values for all variables that any prompt of the flow has.
pub(super) fn filled(template: &str, values: &Values) -> Template {
    let argument = |(name, value): (&String, &Value)| Argument {
        name: name.clone(),
        value: value.clone(),
    };
    Template {
        name: template.to_owned(),
        arguments: values.iter().map(argument).collect(),
    }
}

/// The words of a template with example values; none where it cannot be rendered.
fn words(
    shown: &Shown,
    template: &str,
    language: &Language,
    values: &Values,
    app: &App,
) -> Option<String> {
    let today = app.services.settings.date_rules(unix_ms()).today;
    let prompts = &shown.version.prompts;
    if !prompts.has(language, template) {
        return None;
    }
    prompts
        .render(&filled(template, values), language, today)
        .ok()
}

/// Publishes a version in which one message has another text.
pub(super) async fn publish(
    viewer: Viewer,
    State(app): State<App>,
    uri: Uri,
    path: Result<Segments<(String, String, String)>, BadPath>,
    body: Bytes,
) -> Response {
    let form = Form::read(&body);
    let published = async {
        let Segments((name, template, language)) = path?;
        viewer.check(&form)?;
        // the version that the form was made of may be gone meanwhile: the page then shows another
        let shown = Shown::find(&app, name.clone(), form.text("version"))
            .or_else(|_| Shown::find(&app, name, ""))?;
        let way = Way::Prompt {
            by: viewer.identity().name.clone(),
            prompt: template.clone(),
            language: language.clone(),
        };
        let deployed = edited(&app, &shown, way, &template, &language, &form).await;
        Ok((shown, template, language, deployed))
    };
    let (shown, template, language, deployed) = match published.await {
        Ok(published) => published,
        Err(problem) => return viewer.ordered(&app, "POST", uri.path(), Err(problem)),
    };
    match deployed {
        Ok(Deployed { id, .. }) => {
            viewer.did(&app, "POST", uri.path(), StatusCode::SEE_OTHER);
            let name = &shown.version.name;
            let next = format!("flows/{name}/prompts/{template}?version={id}&published={language}");
            redirect(&viewer.site(&app, false).path(&next))
        }
        Err(problem) => {
            let status = problem.text().status;
            viewer.did(&app, "POST", uri.path(), status);
            let refused = Refused {
                language,
                text: form.text("text").to_owned(),
                problem,
            };
            // what is there now, so that they see what has changed meanwhile
            let now = Shown::find(&app, shown.version.name.to_string(), "").unwrap_or(shown);
            match page(&app, &viewer, &now, &template, "", Some(&refused)).await {
                Ok(page) => viewer.page(status, page),
                Err(_) => viewer.failed(&app, &refused.problem),
            }
        }
    }
}

/// Makes a version with another text of a message, and has it judged.
async fn edited(
    app: &App,
    shown: &Shown,
    way: Way,
    template: &str,
    language: &str,
    form: &Form,
) -> Result<Deployed, Problem> {
    may_deploy(app)?;
    let language = spoken_in(shown, language)?;
    let base = VersionId::parse(form.text("version").to_owned()).map_err(|_| changed())?;
    if base != shown.version.id {
        return Err(changed());
    }
    let slot = slot(app)?;
    let on_disk = shown.on_disk(app).await;
    let files = shown.own(app, &on_disk).map_err(|fixed| match fixed {
        Fixed::Off(problem) => *problem,
        Fixed::Unreadable(reason, hint) => Problem::new(Kind::FlowsUnreadable, reason, hint),
        Fixed::Other => changed(),
    })?;
    let file = files.prompts(&language).ok_or_else(|| unknown(template))?;
    let text = replaced(file, template, form.text("text")).map_err(unusable)?;
    let bundle = files
        .clone()
        .with_prompts(&language, text)
        .map_err(|no_place| Problem::new(Kind::UnusablePrompt, no_place.reason, no_place.hint))?;
    let flow = shown.version.name.clone();
    judged(app, slot, flow, async { Ok(bundle) }, way, Some(base)).await
}

/// The language of a version by its tag.
///
/// # Errors
///
/// 404 if the version has no file of it.
pub(super) fn spoken_in(shown: &Shown, language: &str) -> Result<Language, Problem> {
    let mut languages = shown.version.prompts.languages();
    let found = languages.find(|known| known.as_str() == language).cloned();
    found.ok_or_else(|| unknown(language))
}

/// There is no such template, or no such language.
fn unknown(what: &str) -> Problem {
    let what: String = what.chars().take(EXAMPLE).collect();
    Problem::new(
        Kind::UnknownPrompt,
        format!("`{what}` is not among the flow's prompts"),
        "see the flow's page for those there are",
    )
}

/// A text that cannot be a prompt.
pub(super) fn unusable(error: EditError) -> Problem {
    match &error {
        EditError::NoMessage(name) => unknown(name),
        _ => Problem::new(Kind::UnusablePrompt, error.to_string(), error.hint()),
    }
}
