//! Has what may be said next spoken, as long as its question waits.

use std::sync::Arc;

use ghanti_speech::Usage;
use ghanti_speech::cache::PromptCache;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::counts::{Counts, PromptResult};
use super::{Budget, Said};

/// How many prompts of one question are spoken ahead at once: the likeliest is to be there first, and
/// not all of them late.
const OF_A_QUESTION: usize = 2;

/// What is spoken ahead for one question.
pub(super) struct Preparing {
    pub(super) prompts: PromptCache,
    pub(super) budget: Arc<Budget>,
    pub(super) usage: Usage,
    pub(super) rate_hz: u32,
    pub(super) counts: Counts,
    /// Of all calls.
    pub(super) speaking: Arc<Semaphore>,
}

impl Preparing {
    /// `asked` is what the question itself says: nothing is spoken before it. Then comes what is said
    /// at once to a yes, then what forks say as they come to it, and then what is said to who is
    /// silent, not understood, or asks back. It ends when the sender of `over` is dropped.
    pub(super) async fn run(
        self,
        mut over: oneshot::Receiver<()>,
        asked: Option<Said>,
        first: Option<Said>,
        mut forks: mpsc::Receiver<Said>,
        last: Vec<Said>,
    ) {
        let own = Arc::new(Semaphore::new(OF_A_QUESTION));
        let all = async {
            if let Some(Said { utterance, keep }) = &asked {
                let prompts = &self.prompts;
                prompts.settled(utterance, self.rate_hz, *keep).await;
            }
            let mut begun = Vec::new();
            if let Some(said) = first {
                self.begin(said, &own, &mut begun).await;
            }
            while let Some(said) = forks.recv().await {
                self.begin(said, &own, &mut begun).await;
            }
            for said in last {
                self.begin(said, &own, &mut begun).await;
            }
        };
        // what was begun goes on
        tokio::select! {
            biased;
            _ = &mut over => {}
            () = all => {}
        }
    }

    /// Begins to have one spoken once there is room for it, unless it is there, or was begun before.
    async fn begin(&self, said: Said, own: &Arc<Semaphore>, begun: &mut Vec<Said>) {
        if begun.contains(&said) {
            return;
        }
        let Said { utterance, keep } = &said;
        if self
            .prompts
            .is_at_hand(utterance, self.rate_hz, *keep)
            .await
        {
            self.counts.prompt(PromptResult::AtHand);
            return;
        }
        let (Some(own), Some(shared)) = (permit(own).await, permit(&self.speaking).await) else {
            return;
        };
        let characters = said.characters();
        if !self.budget.take_characters(characters) {
            self.counts.prompt(PromptResult::Refused);
            return;
        }
        self.counts.characters(characters);
        begun.push(said.clone());
        let (prompts, usage) = (self.prompts.clone(), self.usage.clone());
        let (rate_hz, counts) = (self.rate_hz, self.counts.clone());
        tokio::spawn(async move {
            let _room = (own, shared);
            let Said { utterance, keep } = said;
            let spoken = prompts.speak_ahead(&usage, &utterance, rate_hz, keep).await;
            // the synthesiser's failures are counted and logged where they occur
            counts.prompt(match spoken {
                Ok(()) => PromptResult::Spoken,
                Err(_) => PromptResult::Failed,
            });
        });
    }
}

async fn permit(room: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    Arc::clone(room).acquire_owned().await.ok()
}
