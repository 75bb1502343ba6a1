//! Handles an author's saved files: code is built, prompts and flow.toml are live at once, and both are tested.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ghanti_catalogue::file_watcher::{FileWatcher, folder_id};
use ghanti_model::FlowName;
use sha2::{Digest, Sha256};
use tokio::sync::Notify;
use tokio::task::spawn_blocking;

use super::live::Live;
use crate::dev::build::{BuildEnd, Built, Output};
use crate::dev::builder::{Building, SourceTree};
use crate::dev::line::{Line, Subject, Tone};
use crate::dev::screen::Screen;
use crate::dev::sources::{Found, Sources};
use crate::flow::build::build;
use crate::flow::folder::{COMPONENT, Folder, Language};
use crate::flow::loading::Loading;
use crate::flow::sources;

/// How often prompts are scanned if no notification arrives.
const RESCAN: Duration = Duration::from_secs(3);
/// Minimum interval between two scans: a single save causes about a dozen notifications.
const SCAN_PAUSE: Duration = Duration::from_millis(20);

/// Builds and tests the flow that an author is writing.
pub struct Author {
    folder: Folder,
    live: Arc<Live>,
    loading: Arc<Loading>,
    /// Wakes the tests.
    taken: Arc<Notify>,
    screen: Arc<Screen>,
}

impl Author {
    /// Creates it for a flow's folder and the engine's folder of flows.
    pub fn of(folder: Folder, live: Arc<Live>, screen: Arc<Screen>) -> anyhow::Result<Self> {
        let loading = Loading::for_author(live.components())?.offline();
        Ok(Self {
            folder,
            live,
            loading: Arc::new(loading),
            taken: Arc::default(),
            screen,
        })
    }

    fn print(&self, words: &str, tone: Tone) -> Line {
        Line::new(Subject::Flow, self.folder.name.as_str(), words, tone)
    }

    /// Publishes prompts and flow.toml when they are saved. Runs until dropped, in parallel with builds.
    pub async fn publish_prompts(self: Arc<Self>) {
        let mut watcher = FileWatcher::of_folders_alone();
        let wake = watcher.wake();
        let mut reported = None;
        let mut tests = None;
        loop {
            let live = Arc::clone(&self.live);
            let looked = spawn_blocking(move || {
                let folders = live.folders().into_iter();
                let folders = folders.filter_map(|path| Some((path.clone(), folder_id(&path)?)));
                watcher.watch(folders.collect());
                (live.publish_prompts(), live.tests(), watcher)
            });
            let Ok((taken, saved, same_watcher)) = looked.await else {
                return;
            };
            watcher = same_watcher;
            let before = tests.replace(saved);
            if before.is_some() && before != tests {
                self.taken.notify_one();
            }
            match taken {
                Ok(is_new) => {
                    reported = None;
                    if is_new {
                        self.taken.notify_one();
                    }
                }
                Err(error) => {
                    let words = format!("the saved files are not live: {error:#}");
                    if reported.as_ref() != Some(&words) {
                        self.screen.print(self.print(&words, Tone::Bad));
                        reported = Some(words);
                    }
                }
            }
            tokio::select! {
                () = wake.notified() => tokio::time::sleep(SCAN_PAUSE).await,
                () = tokio::time::sleep(RESCAN) => {}
            }
        }
    }

    /// Runs the flow's tests with every published version, and shows results that differ from the last
    /// ones. Runs until dropped.
    pub async fn run_tests(self: Arc<Self>) {
        let mut reported = None;
        loop {
            self.taken.notified().await;
            let (name, path) = (self.folder.name.clone(), &self.folder.path);
            if !path.join(COMPONENT).is_file() {
                continue;
            }
            let checked = self.loading.files.check(name, path, "", None).await;
            // the engine shows why there is no version
            if checked.version.is_none() || checked.test_results.is_empty() {
                continue;
            }
            let complaints: Vec<_> = checked
                .test_results
                .iter()
                .flat_map(|result| &result.complaints)
                .map(|complaint| {
                    let line = complaint
                        .line
                        .map_or_else(String::new, |line| format!(":{line}"));
                    format!("tests/{}.toml{line}: {}", complaint.file, complaint.reason)
                })
                .collect();
            let failed = checked
                .test_results
                .iter()
                .filter(|result| !result.complaints.is_empty());
            let (failed, all) = (failed.count(), checked.test_results.len());
            let line = match failed {
                0 => self.print(&format!("its tests pass, all {all}"), Tone::Good),
                _ => self
                    .print(
                        &format!("{failed} of its {all} tests fail; `ghanti flow test` shows how"),
                        Tone::Bad,
                    )
                    .with_all(complaints),
            };
            if reported.as_ref() != Some(&line) {
                self.screen.print(line.clone());
                reported = Some(line);
            }
        }
    }
}

/// Generated code without comments: these contain the prompts' texts, which need no build.
fn without_comments(written: &str) -> String {
    const COMMENTS: [&str; 4] = ["//", "/*", "*", "#"];
    const DOC: &str = "\"\"\"";
    let (mut code, mut is_doc) = (String::new(), false);
    for line in written.lines().map(str::trim) {
        let begins = !is_doc && line.starts_with(DOC);
        if begins || is_doc {
            is_doc = !line.ends_with(DOC) || (begins && line.len() < 2 * DOC.len());
        } else if !COMMENTS.iter().any(|comment| line.starts_with(comment)) {
            code.push_str(line);
            code.push('\n');
        }
    }
    code
}

impl SourceTree for Author {
    /// The code that is generated from the prompts and flow.toml counts as a source.
    fn scan(&self) -> io::Result<Found> {
        let (own, folders) = sources::of_author(&self.folder).map_err(io::Error::other)?;
        let written = match self.folder.generate() {
            Ok(written) => without_comments(&written),
            Err(failure) => failure.words(),
        };
        let digest = Sha256::new_with_prefix(own).chain_update(written);
        let sources = Sources {
            digest: digest.finalize().into(),
        };
        let name = self.folder.name.clone();
        let live = self.live.folders();
        let folders = folders.into_iter().chain(live);
        Ok(Found {
            plugins: [(name, sources)].into(),
            folders: folders
                .filter_map(|path| Some((path.clone(), folder_id(&path)?)))
                .collect(),
            ..Found::default()
        })
    }

    fn folder(&self) -> &Path {
        &self.folder.path
    }

    fn sources(&self, _: &FlowName) -> PathBuf {
        self.folder.path.clone()
    }

    fn component(&self, _: &FlowName) -> PathBuf {
        self.folder.path.join(COMPONENT)
    }

    /// Only cargo runs code of the flow, such as a build script.
    fn builds_write_there(&self) -> bool {
        self.folder.language == Language::Rust
    }

    fn build(&self, _: &FlowName) -> Building {
        let (path, live) = (self.folder.path.clone(), Arc::clone(&self.live));
        let (loading, taken) = (Arc::clone(&self.loading), Arc::clone(&self.taken));
        let screen = Arc::clone(&self.screen);
        Box::pin(async move {
            let began = Instant::now();
            let failed = |words: String| (BuildEnd::Failed, words);
            let tell = |words: &str| screen.say(words);
            let ended = build(&path, &tell).await;
            let took = began.elapsed();
            let (end, words) = match ended {
                Err(failure) => failed(failure.words()),
                Ok(_) => {
                    // compiled before it is live, so that prompts that are saved meanwhile need not
                    // wait; the engine reports what is wrong with it
                    let _ = loading.files.describe(&path.join(COMPONENT)).await;
                    match spawn_blocking(move || live.publish_component()).await {
                        Ok(Ok(())) => (BuildEnd::Done, String::new()),
                        Ok(Err(error)) => failed(format!("{error:#}")),
                        Err(error) => failed(format!("the component was not published: {error}")),
                    }
                }
            };
            taken.notify_one();
            Built {
                end,
                output: Output {
                    text: words.into_bytes(),
                    left_out: 0,
                },
                took,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::without_comments;

    #[test]
    fn code_with_other_comments_is_the_same() {
        for (written, code) in [
            ("/// Hello\npub fn a() {}\n", "pub fn a() {}\n"),
            ("  /**\n   * Hello\n   */\n  a();\n", "a();\n"),
            (
                "def a():\n    \"\"\"Hello\"\"\"\n    return 1\n",
                "def a():\nreturn 1\n",
            ),
            (
                "def a():\n    \"\"\"Hello,\n    you\"\"\"\n    b()\n",
                "def a():\nb()\n",
            ),
            ("\"\"\"\nHello\n\"\"\"\nb()\n", "b()\n"),
        ] {
            assert_eq!(without_comments(written), code);
        }
    }
}
