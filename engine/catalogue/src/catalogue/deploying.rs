//! A version that is handed to the engine: judged first, and put into the flows folder only if it
//! is taken.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use ghanti_host::{Fault, Rejection, Step};
use ghanti_model::{FlowName, VersionId, unix_ms};

use super::Catalogue;
use crate::bundle::Bundle;
use crate::in_place::{InPlace, NotInPlace, Staged};
use crate::published::{Published, Way};
use crate::scan::Form;
use crate::states::Stage;

/// A version that is in the flows folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployed {
    /// The version.
    pub id: VersionId,
    /// The author's version number.
    pub author_version: String,
    /// Its stage.
    pub stage: Stage,
    /// Whether it was in the folder before.
    pub was_there: bool,
}

/// Why a version was not taken. The folder and the versions in use are as they were.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// It is no flow that may take calls here.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// Its files cannot be put in place.
    #[error(transparent)]
    NotInPlace(#[from] NotInPlace),
    /// The files in the folder are not those of the version that it is based on.
    #[error("the flow's files were changed meanwhile")]
    Changed,
}

impl Catalogue {
    /// Takes a version of a flow as if its files had been put into the folder, and puts them there
    /// if it is good. The files are written beside the folder's flows, judged there, and exchanged
    /// with the flow's own in one step. `way` is how it comes. A version that was taken before stays
    /// in the stage it has, and so does what is known of how it came.
    pub fn deploy<'a>(
        &'a self,
        name: &'a FlowName,
        bundle: Bundle,
        way: Way,
    ) -> BoxFuture<'a, Result<Deployed, DeployError>> {
        self.deploy_in_turn(name, bundle, way, None).boxed()
    }

    /// Takes a version that is based on another one's files, as [`Catalogue::deploy`] does, if
    /// those are still in the folder.
    pub fn deploy_over<'a>(
        &'a self,
        name: &'a FlowName,
        bundle: Bundle,
        way: Way,
        over: &'a VersionId,
    ) -> BoxFuture<'a, Result<Deployed, DeployError>> {
        self.deploy_in_turn(name, bundle, way, Some(over)).boxed()
    }

    async fn deploy_in_turn(
        &self,
        name: &FlowName,
        bundle: Bundle,
        way: Way,
        over: Option<&VersionId>,
    ) -> Result<Deployed, DeployError> {
        let rejected = |fault| DeployError::Rejected(Rejection::new(name.as_str(), fault));
        let folder = self.folder().to_owned();
        let staged = self
            .loader
            .aside(Step::Read, move || Staged::write(&folder, &bundle))
            .await
            .map_err(rejected)??;
        let _loading = self.loading.begin(name);
        let (turn, light_turn) = {
            let mut flows = self.change();
            let set = flows.entry(name.clone()).or_default();
            (
                std::sync::Arc::clone(&set.turn),
                std::sync::Arc::clone(&set.light_turn),
            )
        };
        let _turn = turn.lock().await;
        let (staged, source) = self
            .loader
            .aside(Step::Read, move || {
                let source = staged.source();
                (staged, source)
            })
            .await
            .map_err(rejected)?;
        let source = source.map_err(|fault| self.refuse(name, None, fault))?;
        let (id, tests, parts) = (
            source.id.clone(),
            source.tests_digest.clone(),
            source.parts.clone(),
        );
        let (loaded, alike, is_taken) = {
            let mut flows = self.change();
            let set = flows.entry(name.clone()).or_default();
            (
                set.with_id(&id),
                set.with_component(&source.component_digest),
                set.has_taken(&id),
            )
        };
        let version = self
            .candidate(name, Form::Folder, source, loaded, alike)
            .await
            .map_err(|fault| self.refuse(name, Some(id.clone()), fault))?;
        let author_version = version.description.described.version.clone();

        // nobody looks at the folder until the verdict on what is put there is known
        let _light_turn = light_turn.lock().await;
        if let Some(over) = over {
            let lies = self.files(name).await.map_err(rejected)?;
            if lies.is_none_or(|lies| lies.id != *over) {
                return Err(DeployError::Changed);
            }
        }
        let flow = name.clone();
        let in_place: InPlace = self
            .loader
            .aside(Step::Read, move || staged.put(&flow))
            .await
            .map_err(rejected)??;
        let look = self.change().entry(name.clone()).or_default().begin_look();
        if is_taken {
            let mut flows = self.change();
            let set = flows.entry(name.clone()).or_default();
            set.judge(look);
            set.tested(tests);
            let stage = set.stage(&id).unwrap_or(Stage::Draining);
            drop(flows);
            self.forget_former(in_place);
            return Ok(Deployed {
                id,
                author_version,
                stage,
                was_there: true,
            });
        }
        let at_ms = unix_ms();
        let published = Published { at_ms, way };
        self.keep(&version, parts, &published, look).await;
        let stage = self.publish(name, version, tests, &published, look);
        self.forget_former(in_place);
        Ok(Deployed {
            id,
            author_version,
            stage,
            was_there: false,
        })
    }

    /// Removes the files that were there before; nobody waits for it.
    fn forget_former(&self, in_place: InPlace) {
        let pool = self.loader.engine().loader_pool();
        pool.spawn_light(move || drop(in_place));
    }

    /// Notes a version that was not taken. The files in the folder have a verdict of their own,
    /// which is kept.
    fn refuse(&self, name: &FlowName, id: Option<VersionId>, fault: Fault) -> DeployError {
        let rejection = Rejection::new(name.as_str(), fault);
        super::log_rejection(&rejection);
        self.metrics.rejected(name.as_str(), rejection.step);
        {
            let mut flows = self.change();
            match flows.get_mut(name) {
                // names that no flow has are not collected
                Some(set) if !set.is_present() && set.ids().is_empty() => {
                    flows.remove(name);
                }
                Some(set) => set.keep_rejected(id, rejection.clone(), unix_ms()),
                None => {}
            }
        }
        self.changed();
        DeployError::Rejected(rejection)
    }
}
