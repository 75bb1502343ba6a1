//! Checks a flow's files without an engine: everything that loading checks, and more than one thing
//! at a time where one does not follow from the other.

use std::path::Path;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use ghanti_explore::flow_tests::{self, FlowTest, TestResult};
use ghanti_explore::paths::{self, Bounds, Exploration};
use ghanti_host::{FlowVersion, Step};
use ghanti_language::{Severity as PromptSeverity, TemplateProblem};
use ghanti_manifest::{Manifest, ManifestError};
use ghanti_model::{Described, Description, FlowName};

use crate::advice;
use crate::finding::{Finding, Severity};
use crate::languages::languages;
use crate::loader::errors;
use crate::prompts;
use crate::scan::{Form, Place, unreadable};
use crate::single::{FlowFiles, place};
use crate::source::Source;

const MANIFEST: &str = "flow.toml";

/// The result of a check.
#[derive(Debug, Default)]
pub struct Checked {
    /// The version, if its files make one.
    pub version: Option<Arc<FlowVersion>>,
    /// Its tests.
    pub tests: Vec<(String, FlowTest)>,
    /// Its tests after their runs.
    pub test_results: Vec<TestResult>,
    /// Its conversation, if it was explored.
    pub exploration: Option<Exploration>,
    /// What is wrong, in the order of loading.
    pub findings: Vec<Finding>,
}

impl Checked {
    /// Whether something is wrong that keeps the flow from taking calls.
    pub fn has_errors(&self) -> bool {
        self.findings
            .iter()
            .any(|finding| finding.severity == Severity::Error)
    }

    fn sort_results(&mut self) {
        self.test_results
            .sort_by(|one, other| one.file.cmp(&other.file));
    }
}

impl FlowFiles {
    /// Checks the flow at `path`, its folder or a component. Its tests are run, those whose names
    /// contain `filter`; its conversation is explored where there are bounds.
    pub fn check<'a>(
        &'a self,
        name: FlowName,
        path: &'a Path,
        filter: &'a str,
        explore: Option<Bounds>,
    ) -> BoxFuture<'a, Checked> {
        self.checked(name, path, filter, explore).boxed()
    }

    async fn checked(
        &self,
        name: FlowName,
        path: &Path,
        filter: &str,
        explore: Option<Bounds>,
    ) -> Checked {
        let mut checked = Checked::default();
        let found = &mut checked.findings;
        let path = place(path);
        let place = match Place::alone(path) {
            Ok(place) => place,
            Err(error) => {
                found.push(Finding::fault(unreadable(path, &error)));
                return checked;
            }
        };
        let (source, faults) = Source::read_all(&place);
        found.extend(faults.into_iter().map(Finding::fault));
        // one that cannot be read has been reported
        let is_unread = source.parts.manifest.is_none() && path.join(MANIFEST).exists();
        if place.form == Form::Folder && source.parts.manifest.is_none() && !is_unread {
            let reason = format!("the folder `{name}` has no `flow.toml`");
            let hint = "put it there; an empty file takes the defaults";
            found.push(Finding::error(Step::Manifest, reason, hint));
        }
        if place.form == Form::Folder {
            found.extend(advice::not_read(path));
        }
        let text = source.parts.manifest.clone().unwrap_or_default();
        let manifest = match Manifest::parse(&text) {
            Ok(_) if is_unread => None,
            Ok(manifest) => match self.loader.completed(&name, manifest, &text) {
                Ok(manifest) => Some(manifest),
                Err(fault) => {
                    found.push(Finding::fault(fault));
                    None
                }
            },
            Err(errors) => {
                found.extend(errors.into_iter().map(Finding::manifest));
                None
            }
        };
        let described = self.described(&source, found).await;
        check_words(&source, manifest.as_ref(), described, &text, found);
        if checked.has_errors() {
            return checked;
        }
        let (component, tests) = (source.parts.component.clone(), source.parts.tests.clone());
        match self.loader.load(name, source, None).await {
            Ok(version) => {
                let version = Arc::new(version);
                checked.version = Some(Arc::clone(&version));
                let begins = prove(&version, path, &tests, filter, explore, &mut checked).await;
                // a flow that fails at its start has none of the names, and tests that are left out
                // may be those that show one
                if begins && filter.is_empty() {
                    check_names(&version, &component, &text, &mut checked);
                }
            }
            Err(fault) => checked.findings.push(Finding::fault(fault)),
        }
        checked
    }

    /// What the component says of itself, if it can be loaded.
    async fn described(&self, source: &Source, found: &mut Vec<Finding>) -> Option<Described> {
        if source.parts.component.is_empty() {
            if found.iter().all(|finding| finding.step != Step::Read) {
                let reason = "`flow.wasm` is empty".to_owned();
                found.push(Finding::error(Step::Compile, reason, "build the flow"));
            }
            return None;
        }
        let component = source.parts.component.clone();
        let built = self
            .loader
            .compiler
            .build(component, &source.component_digest);
        match built.await {
            Ok((_, described, _)) => Some(described),
            Err(fault) => {
                found.push(Finding {
                    file: Some("flow.wasm".to_owned()),
                    ..Finding::fault(fault)
                });
                None
            }
        }
    }
}

/// Checks prompts, and the manifest against them.
fn check_words(
    source: &Source,
    manifest: Option<&Manifest>,
    described: Option<Described>,
    text: &str,
    found: &mut Vec<Finding>,
) {
    let parts = &source.parts;
    let read = manifest.map(|manifest| languages(manifest, &parts.prompts));
    let languages = match read {
        Some(Ok(languages)) => {
            // as it is written: here every transfer has a number, which nobody calls
            if let Ok(written) = Manifest::parse(text) {
                found.extend(advice::of_manifest(&written, parts, &languages, text));
            }
            languages
        }
        Some(Err(fault)) => {
            found.push(Finding::fault(fault));
            parts.prompts.keys().cloned().collect()
        }
        None => parts.prompts.keys().cloned().collect(),
    };
    let (book, problems, unplayable) = prompts::checked(&parts.prompts, &languages, &parts.audio);
    let is_error = |problem: &TemplateProblem| problem.severity == PromptSeverity::Error;
    let is_whole = !problems.iter().any(is_error);
    found.extend(problems.into_iter().map(Finding::prompts));
    found.extend(
        unplayable
            .into_iter()
            .map(|reason| Finding::error(Step::Prompts, reason, "save it as such a file")),
    );
    if let (Some(book), Some(manifest)) = (book, manifest) {
        // what the component says of itself is not needed for this
        let unknown = Described {
            name: String::new(),
            version: String::new(),
        };
        let description = Description {
            described: described.unwrap_or(unknown),
            // what one language lacks has been reported
            templates: if is_whole {
                book.templates(&languages)
            } else {
                book.templates_of_any(&languages)
            },
            languages,
        };
        let errors = errors(manifest, &description, text);
        found.extend(errors.into_iter().map(Finding::manifest));
    }
}

/// Runs the tests and explores the conversation. Returns whether the flow comes to a first question.
async fn prove(
    version: &Arc<FlowVersion>,
    folder: &Path,
    tests: &std::collections::BTreeMap<String, String>,
    filter: &str,
    explore: Option<Bounds>,
    checked: &mut Checked,
) -> bool {
    let (tests, complaints) = flow_tests::read(version, tests);
    let complaints = complaints
        .into_iter()
        .filter(|complaint| complaint.file.contains(filter));
    checked
        .findings
        .extend(complaints.clone().map(|complaint| Finding {
            hint: "correct the test".to_owned(),
            ..Finding::test(complaint)
        }));
    // a test that cannot be read has failed, too
    for complaint in complaints {
        checked.test_results.push(TestResult {
            file: complaint.file.clone(),
            test: None,
            conversation: None,
            complaints: vec![complaint],
            took: std::time::Duration::ZERO,
        });
    }
    for (file, test) in tests.iter().filter(|(file, _)| file.contains(filter)) {
        if test.expects_nothing() {
            checked.findings.push(Finding {
                file: Some(format!("tests/{file}.toml")),
                ..Finding::of(
                    Severity::Warning,
                    Step::Tests,
                    "the test expects nothing: it passes whatever the flow says".to_owned(),
                    "say in `[[caller]]` what is asked and answered, and in `[expect]` what has to come of it",
                )
            });
        }
        checked
            .test_results
            .push(flow_tests::run(version, file, test.clone()).await);
    }
    let start = flow_tests::start_failure(&checked.test_results);
    if let Some(failure) = start.map(|conversation| Finding::at_start(conversation, folder)) {
        checked.findings.push(failure);
        checked.sort_results();
        checked.tests = tests;
        return false;
    }
    let complaints = checked.test_results.iter();
    let complaints = complaints
        .filter(|result| result.test.is_some())
        .flat_map(|result| result.complaints.iter().cloned());
    checked.findings.extend(complaints.map(Finding::test));
    checked.sort_results();
    if tests.is_empty()
        && explore.is_some()
        && let Some(conversation) = flow_tests::fails_at_start(version).await
    {
        checked
            .findings
            .push(Finding::at_start(&conversation, folder));
        return false;
    }
    if let Some(bounds) = explore {
        let exploration = paths::explore(version, &tests, bounds).await;
        let findings = exploration.findings.iter().map(Finding::path);
        checked.findings.extend(findings);
        checked.exploration = Some(exploration);
    }
    checked.tests = tests;
    true
}

/// Checks the manifest's names against what the flow does.
fn check_names(version: &FlowVersion, component: &[u8], text: &str, checked: &mut Checked) {
    let conversations = checked
        .test_results
        .iter()
        .filter_map(|result| result.conversation.as_ref());
    let observed = flow_tests::observe(conversations);
    let manifest = version.manifest();
    let errors = manifest.check_names(component, &observed, text);
    checked
        .findings
        .extend(errors.into_iter().map(Finding::manifest));
    // an exploration has found them already
    if checked.exploration.is_none() {
        let unasked = manifest.unasked(component, &observed);
        let unasked = unasked.into_iter().map(|name| {
            let message = format!("the flow does not seem to ask the question `{name}`");
            let hint = "fix its name, or take it out";
            let keys = ["questions", name];
            let place = ManifestError::at(text, &keys, None, message);
            Finding {
                severity: Severity::Warning,
                hint: hint.to_owned(),
                ..Finding::manifest(place)
            }
        });
        checked.findings.extend(unasked);
    }
}
