//! The prompt cache in front of a synthesizer controlled by the test.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ghanti_model::Language;
use ghanti_speech::cache::Warmed;
use ghanti_speech::{
    CacheSettings, Keep, Limits, PromptAudio, PromptCache, Samples, SynthesisError, Synthesizer,
    Usage, Utterance, Voices,
};
use tokio::sync::mpsc;

type Pieces = mpsc::Sender<Result<Samples, SynthesisError>>;

/// Passes every synthesis to the test.
struct Studio {
    begun: mpsc::Sender<Pieces>,
}

#[async_trait]
impl Synthesizer for Studio {
    fn name(&self) -> &str {
        "studio"
    }

    async fn synthesize(
        &self,
        _: &Utterance,
        _: u32,
    ) -> Result<mpsc::Receiver<Result<Samples, SynthesisError>>, SynthesisError> {
        let (pieces, receiver) = mpsc::channel(16);
        self.begun.send(pieces).await.unwrap();
        Ok(receiver)
    }
}

struct Scene {
    cache: PromptCache,
    begun: mpsc::Receiver<Pieces>,
}

fn scene(memory_bytes: usize, folder: Option<&Path>) -> Scene {
    let (sender, begun) = mpsc::channel(16);
    let settings = CacheSettings {
        memory_bytes,
        folder: folder.map(Path::to_owned),
        disk_bytes: 1 << 20,
    };
    Scene {
        cache: PromptCache::new(Arc::new(Studio { begun: sender }), settings),
        begun,
    }
}

impl Scene {
    /// Makes the synthesizer return these pieces, each of a constant level.
    async fn speak(&mut self, levels: &[i16]) {
        let pieces = self.begun.recv().await.unwrap();
        for &level in levels {
            pieces.send(Ok(piece(level))).await.unwrap();
        }
    }

    /// The number of syntheses the test has not answered.
    fn waiting(&mut self) -> usize {
        std::iter::from_fn(|| self.begun.try_recv().ok()).count()
    }
}

fn piece(level: i16) -> Samples {
    Arc::from(vec![level; 800])
}

fn utterance(text: &str) -> Utterance {
    Utterance {
        text: text.into(),
        language: Language::english(),
        voice: None,
    }
}

async fn all(audio: &mut PromptAudio) -> Result<Vec<i16>, SynthesisError> {
    let mut samples = Vec::new();
    while let Some(piece) = audio.next().await {
        samples.extend_from_slice(&piece?);
    }
    Ok(samples)
}

fn files_in(folder: &Path) -> Vec<std::path::PathBuf> {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect()
}

/// Waits for the prompt file, which is written after the prompt was returned.
async fn the_file_in(folder: &Path) -> std::path::PathBuf {
    tokio::time::timeout(Duration::from_secs(120), async {
        loop {
            if let Some(file) = files_in(folder)
                .into_iter()
                .find(|file| file.extension().is_some_and(|ending| ending == "pcm"))
            {
                return file;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn a_second_fetch_is_the_same_copy_without_a_synthesis() {
    let mut scene = scene(1 << 20, None);
    let mut first = scene.cache.fetch(&utterance("hello"), 8_000, Keep::Shared);
    scene.speak(&[1, 2]).await;
    let first_piece = first.next().await.unwrap().unwrap();
    assert_eq!(all(&mut first).await.unwrap(), [2; 800]);

    let mut second = scene.cache.fetch(&utterance("hello"), 8_000, Keep::Shared);
    let second_piece = second.ready().expect("no waiting").unwrap().unwrap();
    assert!(
        Arc::ptr_eq(&first_piece, &second_piece),
        "one copy serves both calls"
    );
    assert!(second.ready().expect("no waiting").is_some());
    assert!(second.ready().expect("no waiting").is_none());
    assert_eq!(scene.waiting(), 0);
}

#[tokio::test]
async fn calls_that_want_one_prompt_share_its_synthesis_while_it_is_made() {
    let mut scene = scene(1 << 20, None);
    let mut early = scene.cache.fetch(&utterance("hello"), 8_000, Keep::Shared);
    let studio = scene.begun.recv().await.unwrap();
    studio.send(Ok(piece(1))).await.unwrap();
    assert_eq!(
        early.next().await.unwrap().unwrap()[0],
        1,
        "streamed before the end"
    );

    let mut late = scene.cache.fetch(&utterance("hello"), 8_000, Keep::Shared);
    assert_eq!(
        late.next().await.unwrap().unwrap()[0],
        1,
        "the late one begins at the beginning"
    );
    assert!(late.ready().is_none(), "the next piece is not made yet");
    studio.send(Ok(piece(2))).await.unwrap();
    drop(studio);
    assert_eq!(
        (
            all(&mut early).await.unwrap(),
            all(&mut late).await.unwrap()
        ),
        (vec![2; 800], vec![2; 800])
    );
    assert_eq!(scene.waiting(), 0);
}

#[tokio::test]
async fn a_failed_synthesis_is_reported_to_all_and_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut scene = scene(1 << 20, Some(folder.path()));
    let (mut one, mut other) = (
        scene.cache.fetch(&utterance("hello"), 8_000, Keep::Shared),
        scene.cache.fetch(&utterance("hello"), 8_000, Keep::Shared),
    );
    let studio = scene.begun.recv().await.unwrap();
    studio.send(Ok(piece(1))).await.unwrap();
    studio
        .send(Err(SynthesisError::TooSlow(5_000)))
        .await
        .unwrap();
    assert_eq!(all(&mut one).await, Err(SynthesisError::TooSlow(5_000)));
    assert_eq!(all(&mut other).await, Err(SynthesisError::TooSlow(5_000)));
    assert!(one.next().await.is_none());

    // the failed one may not have been removed yet when the next is requested
    let mut again = loop {
        let mut again = scene.cache.fetch(&utterance("hello"), 8_000, Keep::Shared);
        match again.ready() {
            None => break again,
            Some(_) => tokio::task::yield_now().await,
        }
    };
    scene.speak(&[3]).await;
    assert_eq!(all(&mut again).await.unwrap(), [3; 800]);
}

#[tokio::test]
async fn a_prompt_outlives_the_process_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let mut before = scene(1 << 20, Some(folder.path()));
    let mut audio = before.cache.fetch(&utterance("hello"), 8_000, Keep::Shared);
    before.speak(&[1, 2]).await;
    let spoken = all(&mut audio).await.unwrap();
    the_file_in(folder.path()).await;

    let mut after = scene(1 << 20, Some(folder.path()));
    assert_eq!(
        all(&mut after.cache.fetch(&utterance("hello"), 8_000, Keep::Shared))
            .await
            .unwrap(),
        spoken
    );
    assert_eq!(after.waiting(), 0);
}

#[tokio::test]
async fn a_damaged_file_is_replaced() {
    let damages: [fn(&mut Vec<u8>); 3] = [
        |bytes| bytes.truncate(500),
        |bytes| bytes[60] ^= 1,
        Vec::clear,
    ];
    for damage in damages {
        let folder = tempfile::tempdir().unwrap();
        let mut before = scene(1 << 20, Some(folder.path()));
        let mut audio = before.cache.fetch(&utterance("hello"), 8_000, Keep::Shared);
        before.speak(&[1]).await;
        all(&mut audio).await.unwrap();
        let file = the_file_in(folder.path()).await;
        let whole = std::fs::read(&file).unwrap();
        let mut bytes = whole.clone();
        damage(&mut bytes);
        std::fs::write(&file, bytes).unwrap();

        let mut after = scene(1 << 20, Some(folder.path()));
        let mut audio = after.cache.fetch(&utterance("hello"), 8_000, Keep::Shared);
        after.speak(&[1]).await;
        assert_eq!(all(&mut audio).await.unwrap(), [1; 800]);
        assert_eq!(
            std::fs::read(the_file_in(folder.path()).await).unwrap(),
            whole
        );
    }
}

#[tokio::test]
async fn a_folder_that_cannot_be_used_costs_no_prompt() {
    let folder = tempfile::tempdir().unwrap();
    let not_a_folder = folder.path().join("file");
    std::fs::write(&not_a_folder, "").unwrap();
    let mut scene = scene(1 << 20, Some(&not_a_folder));
    let mut audio = scene.cache.fetch(&utterance("hello"), 8_000, Keep::Shared);
    scene.speak(&[1]).await;
    assert_eq!(all(&mut audio).await.unwrap(), [1; 800]);
}

#[tokio::test(start_paused = true)]
async fn a_personal_prompt_never_touches_the_disk_and_is_soon_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let mut scene = scene(1 << 20, Some(folder.path()));
    let mut audio = scene
        .cache
        .fetch(&utterance("Asha Rao, 12,500 rupees"), 8_000, Keep::Personal);
    scene.speak(&[1]).await;
    all(&mut audio).await.unwrap();
    let mut repeated =
        scene
            .cache
            .fetch(&utterance("Asha Rao, 12,500 rupees"), 8_000, Keep::Personal);
    assert_eq!(all(&mut repeated).await.unwrap(), [1; 800]);
    assert_eq!(scene.cache.memory_bytes(), 1_600);

    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(scene.cache.memory_bytes(), 0);
    assert!(files_in(folder.path()).is_empty());
    assert_eq!(scene.waiting(), 0);
}

#[tokio::test]
async fn dropping_the_audio_keeps_the_prompt() {
    let mut scene = scene(1 << 20, None);
    drop(scene.cache.fetch(&utterance("hello"), 8_000, Keep::Shared));
    scene.speak(&[1]).await;
    let mut audio = scene.cache.fetch(&utterance("hello"), 8_000, Keep::Shared);
    assert_eq!(all(&mut audio).await.unwrap(), [1; 800]);
    assert_eq!(scene.waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_synthesizer_that_hangs_is_given_up() {
    let mut scene = scene(1 << 20, None);
    let mut audio = scene.cache.fetch(&utterance("hello"), 8_000, Keep::Shared);
    let _studio = scene.begun.recv().await.unwrap();
    assert_eq!(all(&mut audio).await, Err(SynthesisError::TooSlow(10_000)));
}

#[tokio::test]
async fn what_is_warmed_is_on_disk_when_it_says_so_and_is_spoken_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = scene(1 << 20, Some(folder.path()));
    let cache = first.cache.clone();
    let warming = tokio::spawn(async move { cache.warm(&utterance("one"), 8_000).await });
    first.speak(&[1]).await;
    assert_eq!(warming.await.unwrap(), Ok((Warmed::New, Vec::new())));
    // another process with the same folder, such as a running engine
    let mut engine = scene(1 << 20, Some(folder.path()));
    let mut audio = engine.cache.fetch(&utterance("one"), 8_000, Keep::Shared);
    assert_eq!(all(&mut audio).await.unwrap(), [1; 800]);
    assert_eq!(engine.waiting(), 0);
    let mut again = scene(1 << 20, Some(folder.path()));
    assert_eq!(
        again.cache.warm(&utterance("one"), 8_000).await,
        Ok((Warmed::Kept, Vec::new()))
    );
    assert_eq!(again.waiting(), 0);
}

#[tokio::test]
async fn what_cannot_be_written_is_not_said_to_be_warm() {
    let mut scene = scene(1 << 20, None);
    let cache = scene.cache.clone();
    let warming = tokio::spawn(async move { cache.warm(&utterance("one"), 8_000).await });
    scene.speak(&[1]).await;
    assert_eq!(warming.await.unwrap(), Ok((Warmed::Lost, Vec::new())));
}

/// A prompt that is spoken ahead, in a task of its own.
fn ahead(cache: &PromptCache, text: &str) -> tokio::task::JoinHandle<Result<(), SynthesisError>> {
    let (cache, text) = (cache.clone(), utterance(text));
    tokio::spawn(async move {
        let usage = Usage::ahead();
        cache
            .speak_ahead(&usage, &text, 8_000, Keep::Personal)
            .await
    })
}

#[tokio::test]
async fn a_prompt_that_was_spoken_ahead_is_there_and_counts_as_used_once() {
    let mut scene = scene(1 << 20, None);
    let words = utterance("thank you");
    let at_hand = |cache: PromptCache, words: Utterance| async move {
        cache.is_at_hand(&words, 8_000, Keep::Personal).await
    };
    assert!(!at_hand(scene.cache.clone(), words.clone()).await);
    let spoken = ahead(&scene.cache, "thank you");
    scene.speak(&[7]).await;
    spoken.await.unwrap().unwrap();
    assert!(at_hand(scene.cache.clone(), words.clone()).await);
    assert_eq!(scene.cache.used_ahead(), 0);
    for _ in 0..2 {
        let mut audio = scene.cache.fetch(&words, 8_000, Keep::Personal);
        assert_eq!(all(&mut audio).await.unwrap(), vec![7; 800]);
    }
    assert_eq!((scene.cache.used_ahead(), scene.waiting()), (1, 0));
    // kept for who said it alone: another use of the same words is another prompt
    assert!(!scene.cache.is_at_hand(&words, 8_000, Keep::Shared).await);
}

#[tokio::test]
async fn a_call_joins_a_prompt_that_is_being_spoken_ahead_and_keeps_it_when_that_is_given_up() {
    let mut scene = scene(1 << 20, None);
    let spoken = ahead(&scene.cache, "thank you");
    let pieces = scene.begun.recv().await.unwrap();
    let words = utterance("thank you");
    let mut audio = scene.cache.fetch(&words, 8_000, Keep::Personal);
    assert_eq!(scene.cache.used_ahead(), 1);
    spoken.abort();
    assert!(spoken.await.is_err());
    pieces.send(Ok(piece(7))).await.unwrap();
    drop(pieces);
    assert_eq!(all(&mut audio).await.unwrap(), vec![7; 800]);
    assert_eq!((scene.cache.used_ahead(), scene.waiting()), (1, 0));
}

#[tokio::test]
async fn what_a_call_waits_for_is_settled_before_anything_is_spoken_ahead() {
    let mut scene = scene(1 << 20, None);
    let words = utterance("what is your answer");
    // nothing is being made
    scene.cache.settled(&words, 8_000, Keep::Shared).await;
    let _audio = scene.cache.fetch(&words, 8_000, Keep::Shared);
    let pieces = scene.begun.recv().await.unwrap();
    let settled = scene.cache.settled(&words, 8_000, Keep::Shared);
    tokio::pin!(settled);
    assert!(futures_util::poll!(&mut settled).is_pending());
    pieces.send(Ok(piece(7))).await.unwrap();
    assert!(futures_util::poll!(&mut settled).is_pending());
    drop(pieces);
    settled.await;
    assert!(scene.cache.is_at_hand(&words, 8_000, Keep::Shared).await);
}

#[tokio::test(start_paused = true)]
async fn a_voice_over_the_network_is_slow_until_it_is_known_not_to_be_and_one_of_this_machine_is_not()
 {
    let (sender, mut begun) = mpsc::channel::<Pieces>(16);
    let far = || {
        Arc::new(Studio {
            begun: sender.clone(),
        }) as Arc<dyn Synthesizer>
    };
    let limits = Limits {
        at_once: None,
        ..Limits::local()
    };
    let cache = |voices| PromptCache::of(voices, CacheSettings::default());
    assert!(!cache(Voices::of(far())).is_slow());
    let cache = cache(Voices::new([(far(), limits)]));
    assert!(cache.is_slow());
    for (late_ms, is_slow) in [(20, false), (20, false), (800, true), (20, true)] {
        let text = utterance(&format!("{late_ms} {is_slow} {}", cache.memory_bytes()));
        let mut audio = cache.fetch(&text, 8_000, Keep::Shared);
        let pieces = begun.recv().await.unwrap();
        tokio::time::sleep(Duration::from_millis(late_ms)).await;
        pieces.send(Ok(piece(7))).await.unwrap();
        drop(pieces);
        all(&mut audio).await.unwrap();
        assert_eq!(cache.is_slow(), is_slow, "{late_ms}");
    }
}
