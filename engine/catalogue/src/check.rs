//! Checks a flow's files without an engine: everything that loading checks, and more than one thing
//! at a time where one does not follow from the other.

use std::path::Path;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use ghanti_explore::flow_tests::{self, FlowTest, TestResult};
use ghanti_explore::paths::{self, Bounds, Exploration};
use ghanti_host::{Fault, FlowVersion, Step};
use ghanti_language::{Severity as PromptSeverity, TemplateProblem};
use ghanti_manifest::{Manifest, ManifestError};
use ghanti_model::{Described, Description, FlowName, Language};

pub use ghanti_explore::paths::Severity;

use crate::loader::{errors, languages};
use crate::prompts;
use crate::scan::{Form, Place, passing, unreadable};
use crate::single::{FlowFiles, place};
use crate::source::Source;

const MANIFEST: &str = "flow.toml";

/// Something that is wrong with a flow's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How serious it is.
    pub severity: Severity,
    /// The step of loading that finds it.
    pub step: Step,
    /// The file, within the flow's folder, if it is one.
    pub file: Option<String>,
    /// The line there, from 1, if known.
    pub line: Option<usize>,
    /// The column, from 1, if known.
    pub column: Option<usize>,
    /// What is wrong.
    pub message: String,
    /// How to fix it; empty where the message says it.
    pub hint: String,
    /// The path through the conversation that shows it.
    pub path: Option<String>,
}

impl Finding {
    fn of(severity: Severity, step: Step, message: String, hint: &str) -> Self {
        Self {
            severity,
            step,
            file: None,
            line: None,
            column: None,
            message,
            hint: hint.to_owned(),
            path: None,
        }
    }

    fn error(step: Step, message: String, hint: &str) -> Self {
        Self::of(Severity::Error, step, message, hint)
    }

    fn fault(fault: Fault) -> Self {
        let Fault {
            step,
            reason,
            hint,
            line,
        } = fault;
        let is_of_manifest = matches!(step, Step::Manifest | Step::Allowance);
        Self {
            file: (is_of_manifest && line.is_some()).then(|| MANIFEST.to_owned()),
            line,
            ..Self::error(step, reason, &hint)
        }
    }

    fn manifest(error: ManifestError) -> Self {
        Self {
            file: Some(MANIFEST.to_owned()),
            line: Some(error.line),
            column: Some(error.column),
            ..Self::error(Step::Manifest, error.message, "")
        }
    }

    fn prompts(problem: TemplateProblem) -> Self {
        let severity = match problem.severity {
            PromptSeverity::Error => Severity::Error,
            PromptSeverity::Warning => Severity::Warning,
        };
        Self {
            file: Some(problem.file),
            line: problem.line,
            ..Self::of(severity, Step::Prompts, problem.message, &problem.hint)
        }
    }

    fn test(complaint: flow_tests::Complaint) -> Self {
        Self {
            file: Some(format!("tests/{}.toml", complaint.file)),
            line: complaint.line,
            column: complaint.column,
            ..Self::error(
                Step::Tests,
                complaint.reason,
                "fix the flow; or the test, if its expectation is outdated",
            )
        }
    }

    fn path(found: &paths::Finding) -> Self {
        let file = found.line.map(|_| MANIFEST.to_owned());
        Self {
            file,
            line: found.line,
            path: found.path.clone(),
            ..Self::of(found.severity, Step::Properties, found.message.clone(), "")
        }
    }
}

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
        if place.form == Form::Folder
            && source.parts.manifest.is_none()
            && !path.join(MANIFEST).exists()
        {
            let reason = format!("the folder `{name}` has no `flow.toml`");
            let hint = "put it there; an empty file takes the defaults";
            found.push(Finding::error(Step::Manifest, reason, hint));
        }
        if place.form == Form::Folder {
            found.extend(not_read(path));
        }
        let text = source.parts.manifest.clone().unwrap_or_default();
        let manifest = match Manifest::parse(&text) {
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
                prove(&version, &tests, filter, explore, &mut checked).await;
                // tests that are left out may be those that show a name
                if filter.is_empty() {
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

/// Warnings about files of a flow's folder that nobody reads, as they are named otherwise than what is read there.
fn not_read(folder: &Path) -> Vec<Finding> {
    let mut found = Vec::new();
    for (part, ending, what) in [
        (
            "prompts",
            "ftl",
            "a language's prompts are in `TAG.ftl`, such as `en-IN.ftl`",
        ),
        ("audio", "wav", "a recording is in `NAME.wav`"),
        ("tests", "toml", "a test is in `NAME.toml`"),
    ] {
        let entries = std::fs::read_dir(folder.join(part));
        let mut names: Vec<_> = entries
            .into_iter()
            .flatten()
            .flatten()
            .filter(|entry| entry.path().is_file())
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| !passing(name) && !name.ends_with(&format!(".{ending}")))
            .collect();
        names.sort();
        found.extend(names.into_iter().map(|name| Finding {
            file: Some(format!("{part}/{name}")),
            ..Finding::of(
                Severity::Warning,
                Step::Read,
                "this file is not read".to_owned(),
                &format!("{what}: rename it, or move it away"),
            )
        }));
    }
    found
}

/// Warnings about prompts in languages that the flow does not have.
fn unused_prompts<'a>(
    prompts: impl Iterator<Item = &'a Language>,
    languages: &[Language],
) -> Vec<Finding> {
    prompts
        .filter(|language| !languages.contains(language))
        .map(|language| Finding {
            file: Some(format!("prompts/{language}.ftl")),
            ..Finding::of(
                Severity::Warning,
                Step::Prompts,
                format!(
                    "these prompts are never said: `[flow] languages` does not have `{language}`"
                ),
                "add it there, or move the file away",
            )
        })
        .collect()
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
            found.extend(unused_prompts(parts.prompts.keys(), &languages));
            languages
        }
        Some(Err(fault)) => {
            found.push(Finding::fault(fault));
            parts.prompts.keys().cloned().collect()
        }
        None => parts.prompts.keys().cloned().collect(),
    };
    let (book, problems, unplayable) = prompts::checked(&parts.prompts, &languages, &parts.audio);
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
            templates: book.templates(&languages),
            languages,
        };
        let errors = errors(manifest, &description, text);
        found.extend(errors.into_iter().map(Finding::manifest));
    }
}

/// Runs the tests and explores the conversation.
async fn prove(
    version: &Arc<FlowVersion>,
    tests: &std::collections::BTreeMap<String, String>,
    filter: &str,
    explore: Option<Bounds>,
    checked: &mut Checked,
) {
    let (tests, complaints) = flow_tests::read(version, tests);
    let complaints = complaints
        .into_iter()
        .filter(|complaint| complaint.file.contains(filter));
    checked
        .findings
        .extend(complaints.clone().map(Finding::test));
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
        let result = flow_tests::run(version, file, test.clone()).await;
        let complaints = result.complaints.iter().cloned();
        checked.findings.extend(complaints.map(Finding::test));
        checked.test_results.push(result);
    }
    checked
        .test_results
        .sort_by(|one, other| one.file.cmp(&other.file));
    if let Some(bounds) = explore {
        let exploration = paths::explore(version, &tests, bounds).await;
        let findings = exploration.findings.iter().map(Finding::path);
        checked.findings.extend(findings);
        checked.exploration = Some(exploration);
    }
    checked.tests = tests;
}

/// Checks the manifest's names against what the flow does.
fn check_names(version: &FlowVersion, component: &[u8], text: &str, checked: &mut Checked) {
    let held = checked
        .test_results
        .iter()
        .filter_map(|result| result.conversation.as_ref());
    let observed = flow_tests::observe(held);
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
