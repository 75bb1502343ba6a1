//! What an author saves: built where it is code, live at once where it is words, tested in either case.

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
use crate::flow::folder::{COMPONENT, Folder};
use crate::flow::loading::Loading;
use crate::flow::sources;

/// How often words are looked at if no notification arrives.
const RESCAN: Duration = Duration::from_secs(3);
/// Between two looks at words: a single save causes about a dozen notifications.
const BREATH: Duration = Duration::from_millis(20);

/// The author of a flow, at work.
pub struct Author {
    folder: Folder,
    live: Arc<Live>,
    loading: Arc<Loading>,
    /// Wakes the tests.
    taken: Arc<Notify>,
    screen: Arc<Screen>,
}

impl Author {
    /// The author of a flow that is live so.
    pub fn of(folder: Folder, live: Arc<Live>, screen: Arc<Screen>) -> anyhow::Result<Self> {
        let loading = Loading::beside(live.components())?.offline();
        Ok(Self {
            folder,
            live,
            loading: Arc::new(loading),
            taken: Arc::default(),
            screen,
        })
    }

    fn tell(&self, words: &str, tone: Tone) -> Line {
        Line::new(Subject::Flow, self.folder.name.as_str(), words, tone)
    }

    /// Makes words live when they are saved. Runs until dropped, beside all builds.
    pub async fn take_words(self: Arc<Self>) {
        let mut watcher = FileWatcher::of_folders_alone();
        let wake = watcher.wake();
        let mut told = None;
        loop {
            let live = Arc::clone(&self.live);
            let looked = spawn_blocking(move || {
                let folders = live.folders().into_iter();
                let folders = folders.filter_map(|path| Some((path.clone(), folder_id(&path)?)));
                watcher.watch(folders.collect());
                (live.take_words(), watcher)
            });
            let Ok((taken, same_watcher)) = looked.await else {
                return;
            };
            watcher = same_watcher;
            match taken {
                Ok(is_new) => {
                    told = None;
                    if is_new {
                        self.taken.notify_one();
                    }
                }
                Err(error) => {
                    let words = format!("what is saved is not live: {error:#}");
                    if told.as_ref() != Some(&words) {
                        self.screen.tell(self.tell(&words, Tone::Bad));
                        told = Some(words);
                    }
                }
            }
            tokio::select! {
                () = wake.notified() => tokio::time::sleep(BREATH).await,
                () = tokio::time::sleep(RESCAN) => {}
            }
        }
    }

    /// Runs the flow's tests with whatever was taken, and tells where what comes of them is new. Runs
    /// until dropped.
    pub async fn run_tests(self: Arc<Self>) {
        let mut told = None;
        loop {
            self.taken.notified().await;
            let (name, path) = (self.folder.name.clone(), &self.folder.path);
            if !path.join(COMPONENT).is_file() {
                continue;
            }
            let checked = self.loading.files.check(name, path, "", None).await;
            // the engine tells why there is no version
            if checked.version.is_none() || checked.trials.is_empty() {
                continue;
            }
            let complaints: Vec<_> = checked
                .trials
                .iter()
                .flat_map(|trial| &trial.complaints)
                .map(|complaint| {
                    let line = complaint
                        .line
                        .map_or_else(String::new, |line| format!(":{line}"));
                    format!("tests/{}.toml{line}: {}", complaint.file, complaint.reason)
                })
                .collect();
            let failed = checked
                .trials
                .iter()
                .filter(|trial| !trial.complaints.is_empty());
            let (failed, all) = (failed.count(), checked.trials.len());
            let line = match failed {
                0 => self.tell(&format!("its tests pass, all {all}"), Tone::Good),
                _ => self
                    .tell(
                        &format!("{failed} of its {all} tests fail; `ghanti flow test` shows how"),
                        Tone::Bad,
                    )
                    .with_all(complaints),
            };
            if told.as_ref() != Some(&line) {
                self.screen.tell(line.clone());
                told = Some(line);
            }
        }
    }
}

/// What is written, without comments: those have the words of the prompts, which need no build.
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
    /// What is written from the prompts and flow.toml is of the sources.
    fn look(&self) -> io::Result<Found> {
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

    fn build(&self, _: &FlowName) -> Building {
        let (path, live) = (self.folder.path.clone(), Arc::clone(&self.live));
        let (loading, taken) = (Arc::clone(&self.loading), Arc::clone(&self.taken));
        Box::pin(async move {
            let began = Instant::now();
            let failed = |words: String| (BuildEnd::Failed, words);
            let ended = build(&path).await;
            let took = began.elapsed();
            let (end, words) = match ended {
                Err(failure) => failed(failure.words()),
                Ok(_) => {
                    // compiled before it is live, so that words that are saved meanwhile are not
                    // held up; what is wrong with it is the engine's to tell
                    let _ = loading.files.describe(&path.join(COMPONENT)).await;
                    match spawn_blocking(move || live.take_component()).await {
                        Ok(Ok(())) => (BuildEnd::Done, String::new()),
                        Ok(Err(error)) => failed(format!("{error:#}")),
                        Err(error) => failed(format!("the component was not taken: {error}")),
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
    fn other_words_are_the_same_code() {
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
