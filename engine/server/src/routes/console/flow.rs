//! A flow's page: the prompts of one of its versions, in all its languages side by side.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use ghanti_catalogue::{ChangeError, Files, FlowState, Stage, VersionState};
use ghanti_console::{FlowPage, PromptRow, Variable, flow};
use ghanti_host::{Fault, FlowVersion};
use ghanti_language::template::written::{Message, messages};
use ghanti_model::{Language, Role, VersionId};

use super::Form;
use super::flows::version;
use super::session::Viewer;
use crate::app::App;
use crate::problem::{Kind, Problem};
use crate::routes::deploy::may_deploy;
use crate::routes::flows::{named, unchanged};
use crate::segments::{BadPath, Segments};

/// The files of a flow in the folder; none if there are none.
pub(super) type OnDisk = Result<Option<Files>, Fault>;

/// A version of a flow that is shown, and those beside it.
pub(super) struct Shown {
    pub(super) version: Arc<FlowVersion>,
    pub(super) state: FlowState,
}

impl Shown {
    /// The version that a request for a page of a flow asks for, by `version` of its query.
    ///
    /// # Errors
    ///
    /// As [`Shown::find`], and 400 for a path that cannot be read.
    pub(super) fn asked(
        app: &App,
        name: Result<Segments<String>, BadPath>,
        query: &Form,
    ) -> Result<Self, Problem> {
        let Segments(name) = name?;
        Self::find(app, name, query.text("version"))
    }

    /// The version that a query asks for, else the active one, else any that is loaded.
    ///
    /// # Errors
    ///
    /// 400 for a name that no flow has, 404 if there is no such flow or version.
    pub(super) fn find(app: &App, name: String, version: &str) -> Result<Self, Problem> {
        let name = named(name)?;
        let catalogue = &app.services.catalogue;
        let state = catalogue
            .states()
            .into_iter()
            .find(|state| state.name == name)
            .ok_or_else(|| unchanged(ChangeError::Unknown(name.clone())))?;
        let found = if version.is_empty() {
            let newest = state.versions.first();
            catalogue.active(&name).or_else(|| {
                let newest = newest?;
                catalogue.loaded(&name, &newest.id)
            })
        } else {
            let id = VersionId::parse(version.to_owned()).ok();
            id.and_then(|id| catalogue.loaded(&name, &id))
        };
        let version = found.ok_or_else(|| {
            Problem::new(
                Kind::UnknownFlow,
                format!("the flow `{name}` has no such version that is loaded"),
                "see the page of the flows for those there are",
            )
        })?;
        Ok(Self { version, state })
    }

    /// The stage of the version.
    pub(super) fn stage(&self) -> Stage {
        let mut versions = self.state.versions.iter();
        let own = versions.find(|version| version.id == self.version.id);
        own.map_or(Stage::Draining, |version| version.stage)
    }

    /// The share of the calls that it takes as a candidate, in percent.
    pub(super) fn share(&self) -> Option<u8> {
        let mut versions = self.state.versions.iter();
        let own = versions.find(|version| version.id == self.version.id);
        own.and_then(VersionState::share)
    }

    /// The flow's files as they are in the folder, whichever version they are of.
    pub(super) async fn on_disk(&self, app: &App) -> OnDisk {
        app.services.catalogue.files(&self.version.name).await
    }

    /// The files in the folder, if they are this version.
    ///
    /// # Errors
    ///
    /// Why it cannot be changed here.
    pub(super) fn own<'l>(&self, app: &App, on_disk: &'l OnDisk) -> Result<&'l Files, Fixed> {
        may_deploy(app).map_err(|problem| Fixed::Off(Box::new(problem)))?;
        match on_disk {
            Err(Fault { reason, hint, .. }) => Err(Fixed::Unreadable(reason.clone(), hint.clone())),
            Ok(Some(files)) if files.id == self.version.id => Ok(files),
            Ok(_) => Err(Fixed::Other),
        }
    }

    /// The flow's tests with their digest, where they are in the folder with this version.
    pub(super) fn tests(&self, on_disk: &OnDisk) -> (BTreeMap<String, String>, String) {
        match on_disk {
            Ok(Some(files)) if files.id == self.version.id => {
                (files.tests().clone(), files.tests_digest.clone())
            }
            _ => <(BTreeMap<_, _>, _)>::default(),
        }
    }

    /// The messages of each language that the version has a file of.
    pub(super) fn messages(&self) -> Vec<(Language, Vec<Message>)> {
        let (prompts, own) = (&self.version.prompts, &self.version.languages);
        let others = prompts.languages().filter(|other| !own.contains(other));
        own.iter()
            .chain(others)
            .filter_map(|language| {
                let source = prompts.source(language)?;
                Some((language.clone(), messages(source)))
            })
            .collect()
    }

    /// The variables that a template needs in any language.
    pub(super) fn variables(&self, template: &str) -> Vec<Variable> {
        let variables = self.version.prompts.variables(template).into_iter();
        variables
            .map(|(name, kind)| Variable {
                name: name.to_owned(),
                kind: kind.map(|kind| kind.as_str()),
                example: None,
            })
            .collect()
    }

    /// A template with what the manifest says of it; `texts` are its messages in each language.
    fn row(&self, template: &str, group: &str, texts: Vec<Option<String>>) -> PromptRow {
        let rule = self.version.manifest().prompts.get(template);
        PromptRow {
            template: template.to_owned(),
            group: group.to_owned(),
            variables: self.variables(template),
            // the flow may still forbid it
            is_interruptible: rule.and_then(|rule| rule.interruptible) != Some(false),
            requires: rule.map(|rule| rule.requires.clone()).unwrap_or_default(),
            is_part: self.version.prompts.is_part(template),
            texts,
        }
    }

    /// All templates: those of the default language in their order, then those that it lacks.
    pub(super) fn rows(&self, languages: &[(Language, Vec<Message>)]) -> Vec<PromptRow> {
        let by_name: Vec<BTreeMap<&str, &Message>> = languages
            .iter()
            .map(|(_, messages)| {
                let named = messages.iter();
                named
                    .map(|message| (message.name.as_str(), message))
                    .collect()
            })
            .collect();
        let mut seen = BTreeSet::new();
        let each = languages.iter().flat_map(|(_, messages)| messages);
        let first = each.filter(|message| seen.insert(message.name.as_str()));
        first
            .map(|message| {
                let texts = by_name.iter().map(|named| {
                    let found = named.get(message.name.as_str());
                    found.map(|found| found.text.clone())
                });
                self.row(&message.name, &message.group, texts.collect())
            })
            .collect()
    }
}

/// Why the prompts of a version cannot be changed here.
#[derive(Debug)]
pub(super) enum Fixed {
    /// The engine takes no versions.
    Off(Box<Problem>),
    /// The folder has other files than this version's.
    Other,
    /// The folder cannot be read: why, and what to do.
    Unreadable(String, String),
}

/// The flow's page.
pub(super) async fn show(
    viewer: Viewer,
    State(app): State<App>,
    name: Result<Segments<String>, BadPath>,
    RawQuery(query): RawQuery,
) -> Response {
    let query = Form::of_query(query.as_deref());
    let shown = match Shown::asked(&app, name, &query) {
        Ok(shown) => shown,
        Err(problem) => return viewer.failed(&app, &problem),
    };
    let languages = shown.messages();
    let page = FlowPage {
        name: shown.version.name.to_string(),
        title: shown.version.manifest().title.clone(),
        id: shown.version.id.to_string(),
        version: shown.version.description.described.version.clone(),
        stage: shown.stage().as_str(),
        share: shown.share(),
        versions: shown.state.versions.iter().cloned().map(version).collect(),
        prompts: shown.rows(&languages),
        languages: languages
            .iter()
            .map(|(language, _)| language.to_string())
            .collect(),
        may_hear: viewer.identity().role >= Role::Operator,
        has_set: query.text("done") == "weight"
            && shown
                .state
                .versions
                .iter()
                .any(|version| version.set.is_some()),
    };
    viewer.page(StatusCode::OK, flow(&viewer.site(&app, false), &page))
}
