//! Watches sources, builds what has changed, and reports the result. Whether a component goes live
//! is decided by the engine.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fs, io};

use anyhow::bail;
use ghanti_model::FlowName;
use ghanti_server::FileWatcher;

use super::build::{BuildEnd, Built, End, LONGEST, build};
use super::builds::{Builds, Follows, Task};
use super::compilers::words;
use super::line::{Line, Subject, Tone};
use super::project::{Language, Project};
use super::screen::Screen;
use super::sources::{Found, scan};

/// A running build. Dropping it ends it.
pub type Building = Pin<Box<dyn Future<Output = Built> + Send>>;

/// A set of sources, and how they are built.
pub trait SourceTree: Send + Sync + 'static {
    /// Scans the sources. Blocks.
    fn scan(&self) -> io::Result<Found>;

    /// The folder that all sources are in.
    fn folder(&self) -> &Path;

    /// The folder of a plugin's sources.
    fn sources(&self, plugin: &FlowName) -> PathBuf;

    /// The path of a plugin's built component.
    fn component(&self, plugin: &FlowName) -> PathBuf;

    /// Whether a build may write into the sources.
    fn builds_write_there(&self) -> bool {
        true
    }

    /// Builds a plugin.
    fn build(&self, plugin: &FlowName) -> Building;
}

/// The plugins of a project, built by a command.
#[derive(Debug)]
pub struct Plugins {
    project: Project,
    command: String,
}

/// How often sources are scanned if no notification arrives.
const RESCAN: Duration = Duration::from_secs(3);
/// Minimum interval between two scans: a single save causes about a dozen notifications.
const SCAN_PAUSE: Duration = Duration::from_millis(20);

/// The default build command, run by `sh` in the project's folder.
pub const BUILD: &str = r#".setup/flows --into "$2" "$1""#;

impl Plugins {
    /// The plugins of a project. `command` is for `sh`, see [`build`]. Without one, returns an error
    /// if the script of [`BUILD`] does not exist.
    pub fn of(project: Project, command: Option<String>) -> anyhow::Result<Self> {
        let flows = project.root.join(".setup/flows");
        if command.is_none() && !flows.exists() {
            bail!(
                "cannot build the plugins in `{}`: `{}` does not exist; name a command with --build, or work on one flow with `ghanti flow dev FOLDER`",
                project.plugins.display(),
                flows.display()
            );
        }
        let command = command.unwrap_or_else(|| BUILD.to_owned());
        Ok(Self { project, command })
    }

    /// The plugins that are built, with their languages.
    pub fn all(&self) -> anyhow::Result<Vec<(FlowName, Language)>> {
        Ok(scan(&self.project)?.languages.into_iter().collect())
    }
}

impl SourceTree for Plugins {
    fn scan(&self) -> io::Result<Found> {
        scan(&self.project)
    }

    fn folder(&self) -> &Path {
        &self.project.plugins
    }

    fn sources(&self, plugin: &FlowName) -> PathBuf {
        self.project.sources(plugin)
    }

    fn component(&self, plugin: &FlowName) -> PathBuf {
        self.project.component(plugin)
    }

    fn build(&self, plugin: &FlowName) -> Building {
        let (command, project, plugin) =
            (self.command.clone(), self.project.clone(), plugin.clone());
        Box::pin(async move { build(&command, &project, &plugin, LONGEST).await })
    }
}

/// Builds components from sources.
pub struct Builder<W> {
    tree: Arc<W>,
    screen: Arc<Screen>,
    without_manifest: BTreeSet<PathBuf>,
}

impl<W: SourceTree> Builder<W> {
    /// A builder whose builds are shown.
    pub fn new(tree: Arc<W>, screen: Arc<Screen>) -> Self {
        Self {
            tree,
            screen,
            without_manifest: BTreeSet::new(),
        }
    }

    /// Runs until dropped, which also kills the running build.
    pub async fn run(mut self) {
        let mut watcher = FileWatcher::of_folders_alone();
        let wake = watcher.wake();
        let mut builds = Builds::new(self.tree.builds_write_there());
        let mut running = None;
        let mut ended: Option<(Task, Option<Seen>, Built)> = None;
        let mut unreadable: Option<String> = None;
        loop {
            let mut pause = RESCAN;
            let tree = Arc::clone(&self.tree);
            let looked = tokio::task::spawn_blocking(move || {
                let looked = tree.scan();
                let is_new = looked
                    .as_ref()
                    .is_ok_and(|found| watcher.watch(found.folders.clone()));
                (looked, is_new, watcher)
            });
            let Ok((looked, is_new, same_watcher)) = looked.await else {
                return;
            };
            watcher = same_watcher;
            match looked {
                Ok(found) => {
                    unreadable = None;
                    self.report_without_manifest(&found);
                    let now = Instant::now();
                    builds.update(now, found.plugins);
                    // scanned first, so that files written by the build itself count as changed
                    // during it
                    if let Some((task, before, built)) = ended.take() {
                        let follows = builds.ended();
                        self.report_build(&task, before, built, follows);
                    }
                    if let Some(task) = builds.next(now) {
                        running = Some(Box::pin(self.begin(task)));
                    }
                    let due_in = builds.due_in(now).unwrap_or(RESCAN);
                    pause = due_in.clamp(SCAN_PAUSE, RESCAN);
                }
                Err(error) => self.report_unreadable(&error, &mut unreadable),
            }
            // a new folder may have changed between the scan and the start of watching it
            if is_new {
                continue;
            }
            let started = async {
                match &mut running {
                    Some(running) => running.await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                built = started => (running, ended) = (None, Some(built)),
                () = wake.notified() => tokio::time::sleep(SCAN_PAUSE).await,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    fn begin(
        &self,
        task: Task,
    ) -> impl Future<Output = (Task, Option<Seen>, Built)> + Send + use<W> {
        self.screen
            .print(about(&task.plugin, "building", Tone::Faint));
        if let Some(changed) = task.changed {
            self.screen.changed(&task.plugin, changed);
        }
        let tree = Arc::clone(&self.tree);
        async move {
            let before = seen(&tree.component(&task.plugin));
            let built = tree.build(&task.plugin).await;
            (task, before, built)
        }
    }

    fn report_build(&self, task: &Task, before: Option<Seen>, built: Built, follows: Follows) {
        let Task { plugin, .. } = task;
        let took = format!("{:.1} s", built.took.as_secs_f64());
        let file = self.tree.component(plugin);
        let now = seen(&file);
        let line = match &built.end {
            _ if built.is_ok() => match now {
                None => about(
                    plugin,
                    format!(
                        "ended well after {took}, but there is no `{}`",
                        file.display()
                    ),
                    Tone::Bad,
                )
                .with("hint: let the command of --build move it there"),
                now if now == before => about(
                    plugin,
                    format!("ok in {took}, the component is the same"),
                    Tone::Plain,
                ),
                Some(_) => about(plugin, format!("ok in {took}"), Tone::Good),
            }
            .with_all(words(&built.output)),
            // the output is about sources that have changed since
            _ if follows == Follows::Build => about(
                plugin,
                format!("failed after {took}, and the sources have changed since"),
                Tone::Odd,
            ),
            BuildEnd::Command(End::Ended(status)) => about(
                plugin,
                format!("failed after {took} ({status}): {}", self.kept(plugin)),
                Tone::Bad,
            )
            .with_all(words(&built.output)),
            BuildEnd::Failed | BuildEnd::Done => about(
                plugin,
                format!("failed after {took}: {}", self.kept(plugin)),
                Tone::Bad,
            )
            .with_all(words(&built.output)),
            BuildEnd::Command(End::TooLong(longest)) => {
                let ended = format!(
                    "was ended after {} s: {}",
                    longest.as_secs(),
                    self.kept(plugin)
                );
                about(plugin, ended, Tone::Bad)
                    .with_all(words(&built.output))
                    .with("hint: find out what it waits for")
            }
            BuildEnd::Command(End::NotRun(error)) => {
                about(plugin, format!("could not be run: {error}"), Tone::Bad)
                    .with("hint: check that `sh` can be run")
            }
        };
        if !built.is_ok() || now == before {
            self.screen.unchanged(plugin);
        }
        self.screen.print(line);
        let next = match follows {
            Follows::Nothing | Follows::Build => None,
            Follows::BuildLater(pause) => Some(format!(
                "in {} s, or at once with the next change",
                pause.as_secs()
            )),
            Follows::Rest => Some("with the next change".to_owned()),
        };
        if let Some(next) = next {
            let words =
                format!("its sources changed during this build too: it is built again {next}");
            let hint = format!(
                "hint: if it is the build that writes into `{}`, let it write elsewhere",
                self.tree.sources(plugin).display()
            );
            self.screen
                .print(about(plugin, words, Tone::Odd).with(hint));
        }
    }

    fn kept(&self, plugin: &FlowName) -> String {
        self.screen.active(plugin).map_or_else(
            || "nothing is dropped".to_owned(),
            |version| format!("nothing is dropped, version {version} stays"),
        )
    }

    fn report_without_manifest(&mut self, found: &Found) {
        for (plugin, manifest) in found
            .without_manifest
            .iter()
            .filter(|(_, manifest)| !self.without_manifest.contains(manifest))
        {
            let hint = format!(
                "hint: make `{}`, empty for the defaults",
                manifest.display()
            );
            self.screen
                .print(about(plugin, "is not built: it has no manifest", Tone::Odd).with(hint));
        }
        let manifests = found.without_manifest.iter();
        self.without_manifest = manifests.map(|(_, manifest)| manifest.clone()).collect();
    }

    fn report_unreadable(&self, error: &std::io::Error, reported: &mut Option<String>) {
        let words = format!(
            "the sources in `{}` cannot be read: {error}",
            self.tree.folder().display()
        );
        if reported.as_ref() != Some(&words) {
            self.screen
                .print(Line::new(Subject::Build, "", &words, Tone::Bad));
            *reported = Some(words);
        }
    }
}

fn about(plugin: &FlowName, words: impl AsRef<str>, tone: Tone) -> Line {
    Line::new(Subject::Build, plugin.as_str(), words.as_ref(), tone)
}

/// Inode, length and modification time: enough to notice that a file was replaced.
type Seen = (u64, u64, i64, i64);

fn seen(file: &Path) -> Option<Seen> {
    fs::metadata(file)
        .ok()
        .map(|file| (file.ino(), file.len(), file.mtime(), file.mtime_nsec()))
}
