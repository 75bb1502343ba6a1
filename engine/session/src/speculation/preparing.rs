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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, AtomicU64};

    use async_trait::async_trait;
    use ghanti_model::Language;
    use ghanti_speech::cache::{CacheSettings, Keep};
    use ghanti_speech::{Samples, SynthesisError, Synthesizer, Utterance};

    use super::*;

    type Pieces = mpsc::Sender<Result<Samples, SynthesisError>>;

    /// Passes every text to the test.
    struct Studio(mpsc::Sender<(String, Pieces)>);

    #[async_trait]
    impl Synthesizer for Studio {
        fn name(&self) -> &str {
            "studio"
        }

        async fn synthesize(
            &self,
            utterance: &Utterance,
            _: u32,
        ) -> Result<mpsc::Receiver<Result<Samples, SynthesisError>>, SynthesisError> {
            let (pieces, receiver) = mpsc::channel(16);
            let text = utterance.text.expose().to_owned();
            self.0.send((text, pieces)).await.unwrap();
            Ok(receiver)
        }
    }

    fn said(text: &str) -> Said {
        Said {
            utterance: Utterance {
                text: text.into(),
                language: Language::english(),
                voice: None,
            },
            keep: Keep::Personal,
        }
    }

    async fn speak(pieces: Pieces) {
        pieces.send(Ok(Samples::from(vec![7; 80]))).await.unwrap();
    }

    #[tokio::test]
    async fn nothing_comes_before_the_question_and_nothing_is_begun_behind_its_answer() {
        let (studio, mut asked) = mpsc::channel(16);
        let prompts = PromptCache::new(Arc::new(Studio(studio)), CacheSettings::default());
        let preparing = Preparing {
            prompts: prompts.clone(),
            budget: Arc::new(Budget {
                forks: AtomicU32::new(0),
                characters: AtomicU64::new(1_000),
            }),
            usage: Usage::ahead(),
            rate_hz: 8_000,
            counts: Counts::default(),
            speaking: Arc::new(Semaphore::new(8)),
        };
        let counts = preparing.counts.clone();
        let question = said("question");
        let _playing = prompts.fetch(&question.utterance, 8_000, question.keep);
        let (_, spoken) = asked.recv().await.unwrap();

        let (goes_on, over) = oneshot::channel::<()>();
        let (forks, handed_out) = mpsc::channel(16);
        for text in ["thanks", "thanks", "sorry", "goodbye"] {
            forks.try_send(said(text)).unwrap();
        }
        drop(forks);
        let last = vec![said("again")];
        let ran =
            tokio::spawn(preparing.run(over, Some(question), Some(said("okay")), handed_out, last));
        tokio::task::yield_now().await;
        assert!(asked.try_recv().is_err(), "the question is still spoken");
        speak(spoken).await;
        // two at a time, what acknowledges a yes first
        let (okay, okay_spoken) = asked.recv().await.unwrap();
        let (thanks, thanks_spoken) = asked.recv().await.unwrap();
        assert_eq!([okay.as_str(), thanks.as_str()], ["okay", "thanks"]);
        speak(okay_spoken).await;
        let (sorry, _sorry_spoken) = asked.recv().await.unwrap();
        assert_eq!(sorry, "sorry");

        // the caller has answered: what is being spoken is what they may hear next
        drop(goes_on);
        ran.await.unwrap();
        let thanks = said("thanks");
        let mut audio = prompts.fetch(&thanks.utterance, 8_000, thanks.keep);
        speak(thanks_spoken).await;
        while let Some(piece) = audio.next().await {
            piece.unwrap();
        }
        assert_eq!(prompts.used_ahead(), 1);
        assert!(asked.try_recv().is_err(), "nothing more is begun");
        assert_eq!(counts.read().characters, "okaythankssorry".len() as u64);
    }
}
