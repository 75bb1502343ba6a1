//! From files in the folder to a published version, or to a rejection.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use ghanti_explore::{flow_tests, paths};
use ghanti_host::{Fault, FlowVersion, Rejection, Step};
use ghanti_model::{FlowName, VersionId, unix_ms};

use super::{Catalogue, Verdict, log_rejection};
use crate::loader::no_errors;
use crate::published::{Published, Taken};
use crate::replay_gate;
use crate::scan::{Form, Place};
use crate::source::{Parts, Source, Unread};
use crate::states::Stage;

/// What a look at a flow's files found.
struct Found {
    /// The number of the look.
    look: u64,
    source: Source,
    /// The same version, if it is already loaded.
    loaded: Option<Arc<FlowVersion>>,
    /// A loaded version with the same component.
    alike: Option<Arc<FlowVersion>>,
    /// Whether it was taken before, so that only its tests can have changed.
    is_taken: bool,
}

impl Catalogue {
    /// Loads a place if it is new, and publishes it. A component that must be compiled waits for
    /// other compilations of the same flow, and its files are then read again; one that is already
    /// compiled does not wait, and overtakes it.
    pub(crate) fn take<'a>(&'a self, name: &'a FlowName, place: Place) -> BoxFuture<'a, Verdict> {
        self.take_in_turn(name, place).boxed()
    }

    async fn take_in_turn(&self, name: &FlowName, place: Place) -> Verdict {
        let _loading = self.loading.begin(name);
        let (turn, light_turn) = {
            let mut flows = self.change();
            let set = flows.entry(name.clone()).or_default();
            (Arc::clone(&set.turn), Arc::clone(&set.light_turn))
        };
        {
            let _turn = light_turn.lock().await;
            match self.find(name, &place).await {
                Ok(found) if found.is_taken || found.loaded.is_some() || found.alike.is_some() => {
                    return self.judge(name, &place, found).await;
                }
                Ok(_) => {}
                Err(verdict) => return verdict,
            }
        }
        let _turn = turn.lock().await;
        match self.find(name, &place).await {
            Ok(found) => self.judge(name, &place, found).await,
            Err(verdict) => verdict,
        }
    }

    /// Reads the files. Returns a verdict early if they are known or cannot be read.
    async fn find(&self, name: &FlowName, place: &Place) -> Result<Found, Verdict> {
        let look = self.change().entry(name.clone()).or_default().begin_look();
        let source = match self.loader.read(place.clone()).await {
            Ok(source) => source,
            Err(Unread::Moving) => return Err(Verdict::Moving),
            Err(Unread::Fault(fault)) => return Err(self.reject(name, look, None, fault)),
        };
        let mut flows = self.change();
        let set = flows.entry(name.clone()).or_default();
        if set.knows(&source.id, &source.tests_digest) {
            set.judge(look);
            return Err(Verdict::Known);
        }
        let (loaded, alike) = (
            set.with_id(&source.id),
            set.with_component(&source.component_digest),
        );
        let is_taken = set.has_taken(&source.id);
        drop(flows);
        Ok(Found {
            look,
            source,
            loaded,
            alike,
            is_taken,
        })
    }

    async fn judge(&self, name: &FlowName, place: &Place, found: Found) -> Verdict {
        let Found {
            look,
            source,
            loaded,
            alike,
            is_taken,
        } = found;
        let (id, tests) = (source.id.clone(), source.tests_digest.clone());
        if is_taken {
            self.change().entry(name.clone()).or_default().judge(look);
            return self
                .test_again(name, loaded, id, tests, &source.parts.tests)
                .await;
        }
        let parts = source.parts.clone();
        let version = match self
            .candidate(name, place.form, source, loaded, alike)
            .await
        {
            Ok(version) => version,
            Err(fault) => return self.reject(name, look, Some((id, tests)), fault),
        };
        if let Some(withdrawn) = self.go_on_with_last(name, &version).await {
            let reason = &withdrawn.reason;
            tracing::warn!(flow = %name, version = %id, reason, "flow version takes no calls: it was rolled back before the restart; promote it, or put other files into the folder");
            {
                let mut flows = self.change();
                let set = flows.entry(name.clone()).or_default();
                set.judge(look);
                set.shelve(version, tests, withdrawn);
            }
            self.changed();
            return Verdict::Published;
        }
        let published = self.kept.found(name, &id, unix_ms());
        self.keep(&version, parts, &published, look).await;
        if self
            .change()
            .entry(name.clone())
            .or_default()
            .is_overtaken(look)
        {
            tracing::info!(flow = %name, version = %id, "flow version was overtaken by a later change of its files");
            return Verdict::Known;
        }
        self.publish(name, version, tests, &published, look);
        Verdict::Published
    }

    /// Lets a version take calls.
    pub(super) fn publish(
        &self,
        name: &FlowName,
        version: Arc<FlowVersion>,
        tests: String,
        published: &Published,
        look: u64,
    ) -> Stage {
        let id = version.id.clone();
        let stage = {
            let mut flows = self.change();
            let set = flows.entry(name.clone()).or_default();
            set.judge(look);
            let stage = set.publish(version, tests);
            // what was set before a restart is valid for the same candidate after it
            let kept = self.kept.last(name).and_then(|last| last.share);
            if let Some(share) = kept.filter(|share| share.version == id) {
                set.set_weight(share.set);
            }
            stage
        };
        let (way, by) = (published.way.as_str(), published.way.by());
        tracing::info!(flow = %name, version = %id, %stage, way, by, "flow version takes calls");
        self.metrics.published(name.as_str());
        let taken = Taken {
            version: &id,
            published,
        };
        self.remember(name, Some(taken));
        self.changed();
        stage
    }

    /// Builds a version that may take calls: loaded, with all required rules, its tests and gates
    /// passed. A version that is already loaded has passed the replay gate before.
    pub(super) async fn candidate(
        &self,
        name: &FlowName,
        form: Form,
        mut source: Source,
        loaded: Option<Arc<FlowVersion>>,
        alike: Option<Arc<FlowVersion>>,
    ) -> Result<Arc<FlowVersion>, Fault> {
        self.has_manifest(name, form, &source.parts)?;
        let tests = std::mem::take(&mut source.parts.tests);
        let (component, text) = (
            source.parts.component.clone(),
            source.parts.manifest.clone().unwrap_or_default(),
        );
        let is_loaded = loaded.is_some();
        let version = match loaded {
            Some(loaded) => loaded,
            None => Arc::new(
                self.loader
                    .load(name.clone(), source, alike.clone())
                    .await?,
            ),
        };
        let observed = flow_tests::pass(&version, &tests).await?;
        if !is_loaded {
            let (checked, text) = (Arc::clone(&version), text.clone());
            let check = move || {
                let manifest = checked.manifest();
                let unasked = manifest.unasked(&component, &observed).join(", ");
                let errors = manifest.check_names(&component, &observed, &text);
                if errors.is_empty() && !unasked.is_empty() {
                    tracing::warn!(flow = %checked.name, questions = unasked, "the flow does not seem to ask these questions of its manifest: fix their names, or take them out");
                }
                errors
            };
            let errors = self.loader.aside(Step::Manifest, check).await?;
            // a flow that never begins has none of the names
            if tests.is_empty()
                && !errors.is_empty()
                && let Some(conversation) = flow_tests::fails_at_start(&version).await
            {
                return Err(flow_tests::at_start(&conversation));
            }
            no_errors(&errors)?;
        }
        self.has_all_rules(&version, &text)?;
        if !is_loaded {
            paths::gate(&version, &tests, alike.as_deref()).await?;
            replay_gate::pass(self.replay_check.as_deref(), &version).await?;
        }
        Ok(version)
    }

    /// Runs the changed tests of a version that was taken before. Its stage stays the same whatever
    /// the result: an active version stays active, a rolled-back one is not restored.
    async fn test_again(
        &self,
        name: &FlowName,
        version: Option<Arc<FlowVersion>>,
        id: VersionId,
        digest: String,
        tests: &BTreeMap<String, String>,
    ) -> Verdict {
        let held = match &version {
            Some(version) => flow_tests::pass(version, tests).await.map(drop),
            None => Ok(()),
        };
        let mut flows = self.change();
        let set = flows.entry(name.clone()).or_default();
        let Err(fault) = held else {
            set.tested(digest);
            return Verdict::Known;
        };
        let rejection = Rejection::new(name.as_str(), fault);
        log_rejection(&rejection);
        self.metrics.rejected(name.as_str(), rejection.step);
        set.fail_tests(id, digest, rejection.clone(), unix_ms());
        drop(flows);
        self.changed();
        Verdict::Rejected(rejection)
    }

    fn reject(
        &self,
        name: &FlowName,
        look: u64,
        judged: Option<(VersionId, String)>,
        fault: Fault,
    ) -> Verdict {
        let rejection = Rejection::new(name.as_str(), fault);
        {
            let mut flows = self.change();
            let set = flows.entry(name.clone()).or_default();
            if set.is_overtaken(look) {
                return Verdict::Known;
            }
            set.judge(look);
            // do not report again files that still cannot be read
            let is_known = judged.is_none() && set.was_unread_for(&rejection);
            set.reject(judged, rejection.clone(), unix_ms());
            if is_known {
                return Verdict::Rejected(rejection);
            }
        }
        log_rejection(&rejection);
        self.metrics.rejected(name.as_str(), rejection.step);
        self.changed();
        Verdict::Rejected(rejection)
    }

    /// Checks that a folder has a manifest, even an empty one: when files are copied one by one the
    /// component may arrive first. A bare component needs none, unless its flow has had one.
    fn has_manifest(&self, name: &FlowName, form: Form, parts: &Parts) -> Result<(), Fault> {
        if parts.manifest.is_some() {
            return Ok(());
        }
        let place = match form {
            Form::Folder => format!("the folder `{name}` has no `flow.toml`"),
            Form::Bare => format!("`{name}.wasm` is a component alone"),
        };
        match self.kept.last(name).filter(|last| last.has_manifest) {
            Some(last) => {
                let rules = last.rules.len();
                let reason = format!(
                    "the manifest is gone: version {} has one, with {rules} rules, and {place}",
                    last.version
                );
                let hint = "put `flow.toml` back into the flow's folder; rules that are meant to go are named in its `[update] drops-rules`";
                Err(Fault::new(Step::Manifest, reason, hint))
            }
            None if form == Form::Folder => Err(Fault::new(
                Step::Manifest,
                place,
                "put it there; an empty file takes the defaults",
            )),
            None => Ok(()),
        }
    }

    /// Checks that a version has all rules of the version that took calls last, except those that
    /// its manifest drops explicitly.
    fn has_all_rules(&self, version: &FlowVersion, text: &str) -> Result<(), Fault> {
        let Some(last) = self
            .kept
            .last(&version.name)
            .filter(|last| last.version != version.id)
        else {
            return Ok(());
        };
        let lost = version.manifest().lost_rules(&last.rules);
        if lost.is_empty() {
            return Ok(());
        }
        let half = if text.trim().is_empty() {
            ", and is empty"
        } else {
            ""
        };
        let reason = format!(
            "the manifest has fewer rules than version {}{half}: it lacks `{}`",
            last.version,
            lost.join("`, `")
        );
        let hint = format!(
            "put them back; rules that are meant to go are named: `[update] drops-rules = [\"{}\"]`",
            lost.join("\", \"")
        );
        Err(Fault::new(Step::Manifest, reason, &hint))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::sync::Barrier;

    use super::*;
    use crate::catalogue::CatalogueSettings;
    use crate::scan::scan;
    use ghanti_host::{EngineSettings, FlowEngine};

    const ACTS: &[u8] = include_bytes!("../../../host/tests/fixtures/acts-0.1.0.wasm");

    fn prompts(greeting: &str) -> String {
        let others = include_str!("../../../host/tests/fixtures/acts.ftl");
        format!("greeting = {greeting}\n{others}")
    }

    fn place(flows: &Path, name: &FlowName) -> Place {
        scan(flows).unwrap().places.remove(name).unwrap()
    }

    /// A catalogue with one flow.
    async fn catalogue(folder: &Path, name: &FlowName) -> Catalogue {
        let flow = folder.join("flows").join(name.as_str());
        fs::create_dir_all(flow.join("prompts")).unwrap();
        fs::write(flow.join("flow.wasm"), ACTS).unwrap();
        fs::write(flow.join("flow.toml"), "").unwrap();
        fs::write(flow.join("prompts/en-IN.ftl"), prompts("Hello")).unwrap();
        let engine = FlowEngine::new(&EngineSettings {
            max_calls: 1,
            ..EngineSettings::default()
        })
        .unwrap();
        let settings = CatalogueSettings {
            components: folder.join("components"),
            ..CatalogueSettings::default()
        };
        let (catalogue, rejections) = Catalogue::open(engine, &folder.join("flows"), settings)
            .await
            .unwrap();
        assert_eq!(rejections, []);
        catalogue
    }

    #[tokio::test]
    async fn an_edited_prompt_waits_for_no_compilation_of_another_flow_or_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let (flows, name) = (
            folder.path().join("flows"),
            FlowName::parse("acts").unwrap(),
        );
        let catalogue = catalogue(folder.path(), &name).await;
        let before = catalogue.active(&name).unwrap().id.clone();
        // occupy all compiler threads, and the flow's own turn to compile
        let threads = std::thread::available_parallelism().unwrap().get();
        let compiled = Arc::new(Barrier::new(threads + 1));
        let loader_pool = catalogue.loader.engine().loader_pool().clone();
        let compilations: Vec<_> = (0..threads)
            .map(|_| {
                let (compiled, loader_pool) = (Arc::clone(&compiled), loader_pool.clone());
                tokio::spawn(
                    async move { loader_pool.run(move || compiled.wait().is_leader()).await },
                )
            })
            .collect();
        let turn = Arc::clone(&catalogue.change().get(&name).unwrap().turn);
        let compiling = turn.lock().await;

        fs::write(flows.join("acts/prompts/en-IN.ftl"), prompts("Good day")).unwrap();
        assert!(matches!(
            catalogue.take(&name, place(&flows, &name)).await,
            Verdict::Published
        ));
        assert_ne!(catalogue.active(&name).unwrap().id, before);

        drop(compiling);
        tokio::task::spawn_blocking(move || compiled.wait())
            .await
            .unwrap();
        for compilation in compilations {
            assert!(compilation.await.unwrap().is_ok());
        }
    }

    #[tokio::test]
    async fn files_that_still_cannot_be_read_are_reported_once() {
        let folder = tempfile::tempdir().unwrap();
        let (flows, name) = (
            folder.path().join("flows"),
            FlowName::parse("acts").unwrap(),
        );
        let catalogue = catalogue(folder.path(), &name).await;
        fs::remove_file(flows.join("acts/flow.wasm")).unwrap();
        for _ in 0..3 {
            assert!(matches!(
                catalogue.take(&name, place(&flows, &name)).await,
                Verdict::Rejected(_)
            ));
        }
        assert_eq!(
            catalogue.counts()["acts"].rejected.get(&Step::Read),
            Some(&1)
        );
    }

    #[tokio::test]
    async fn a_verdict_on_files_that_are_no_longer_there_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (flows, name) = (
            folder.path().join("flows"),
            FlowName::parse("acts").unwrap(),
        );
        let catalogue = catalogue(folder.path(), &name).await;
        let first = catalogue.active(&name).unwrap().id.clone();
        fs::write(
            flows.join("acts/flow.toml"),
            "[settings]\nact = \"converse\"\n",
        )
        .unwrap();
        let Ok(slow) = catalogue.find(&name, &place(&flows, &name)).await else {
            panic!("it is new")
        };
        // the author restores the old file in the meantime
        fs::write(flows.join("acts/flow.toml"), "").unwrap();
        assert!(matches!(
            catalogue.take(&name, place(&flows, &name)).await,
            Verdict::Known
        ));
        assert!(matches!(
            catalogue.judge(&name, &place(&flows, &name), slow).await,
            Verdict::Known
        ));
        assert_eq!(catalogue.active(&name).unwrap().id, first);
    }
}
