//! What every provider has to do, against stand-ins that fail: it speaks and hears where all is well;
//! else it ends in bounded time with the right kind of fault, and the next provider takes over.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod stand_in;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ghanti_model::Language;
use ghanti_speech::failover::Limits;
use ghanti_speech::providers::{Connections, KINDS, Kind, Remote};
use ghanti_speech::recognition::HEARINGS;
use ghanti_speech::{
    CacheSettings, Expectation, Hearing, Keep, Loss, PromptCache, Recognition, RecognitionError,
    Recognized, Recognizer, Recognizers, Samples, SynthesisError, Synthesizer, Utterance, Voices,
};
use stand_in::{Mode, SPEECH_MS, StandIn};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// The longest that any case may take, whatever the machine does meanwhile.
const BOUND: Duration = Duration::from_secs(20);
/// How long a provider may take where that is what is tested.
const SHORT: Duration = Duration::from_millis(300);
const RATE_HZ: u32 = 8_000;
/// What the backup's samples are.
const BACKUP: i16 = 1_234;

/// Ways to fail, and the fault that each is for a synthesizer and for a recogniser.
const CASES: [(Mode, &str, &str); 7] = [
    (Mode::Silent, "slow", "slow"),
    (Mode::Stalls, "slow", "slow"),
    (Mode::Drops, "broken", "broken"),
    (Mode::Status(401), "unauthorized", "unauthorized"),
    (Mode::Status(429), "too-many-requests", "too-many-requests"),
    (Mode::Status(500), "failing", "failing"),
    (Mode::Nonsense, "nonsense", "nonsense"),
];

fn connections() -> Arc<Connections> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    Arc::new(Connections::new(tls).unwrap())
}

fn limits(mode: Mode) -> Limits {
    let limit = match mode {
        Mode::Silent | Mode::Stalls => SHORT,
        _ => BOUND,
    };
    Limits {
        first_byte: limit,
        stall: limit,
        result: limit,
        retries: 1,
        at_once: None,
    }
}

/// The fault, as a Wyoming server reports it: it has no statuses, and an error is an event.
fn expected(kind: Kind, mode: Mode, fault: &'static str) -> &'static str {
    match (kind, mode) {
        (Kind::Wyoming, Mode::Status(_)) => "failing",
        _ => fault,
    }
}

fn words(text: &str) -> Utterance {
    Utterance {
        text: text.into(),
        language: Language::english(),
        voice: None,
    }
}

/// Speaks by the length of the text: a sample for each byte, with the value [`BACKUP`].
struct Backup;

#[async_trait]
impl Synthesizer for Backup {
    fn name(&self) -> &str {
        "backup"
    }

    async fn synthesize(
        &self,
        utterance: &Utterance,
        _: u32,
    ) -> Result<mpsc::Receiver<Result<Samples, SynthesisError>>, SynthesisError> {
        let (pieces, receiver) = mpsc::channel(1);
        let samples = vec![BACKUP; utterance.text.expose().len()];
        pieces.try_send(Ok(samples.into())).unwrap();
        Ok(receiver)
    }
}

/// Hears how many samples there were.
struct Counts;

struct Counting(usize, mpsc::Sender<Hearing>);

impl Recognizer for Counts {
    fn name(&self) -> &str {
        "backup"
    }

    fn understands(&self, _: &Language) -> bool {
        true
    }

    fn backlog(&self) -> Duration {
        Duration::ZERO
    }

    fn listen(
        &self,
        _: Expectation,
        hearings: mpsc::Sender<Hearing>,
    ) -> Result<Box<dyn Recognition>, RecognitionError> {
        Ok(Box::new(Counting(0, hearings)))
    }
}

impl Recognition for Counting {
    fn feed(&mut self, samples: &[i16]) -> Result<(), RecognitionError> {
        self.0 += samples.len();
        Ok(())
    }

    fn finish(&mut self) {
        let recognized = Recognized {
            text: self.0.to_string().into(),
            confidence: 1.0,
            language: Language::english(),
            unknown: false,
        };
        self.0 = 0;
        self.1.try_send(Hearing::Final(recognized)).unwrap();
    }

    fn reset(&mut self) {
        self.0 = 0;
    }
}

/// All that is heard of a prompt, and who was lost.
async fn spoken(cache: &PromptCache, text: &str) -> (Result<Vec<i16>, SynthesisError>, Vec<Loss>) {
    let mut audio = cache.fetch(&words(text), RATE_HZ, Keep::Personal);
    let mut samples = Vec::new();
    let mut losses = Vec::new();
    loop {
        let piece = timeout(BOUND, audio.next())
            .await
            .expect("the prompt does not end");
        losses.extend(audio.losses());
        match piece {
            Some(Ok(piece)) => samples.extend_from_slice(&piece),
            Some(Err(error)) => return (Err(error), losses),
            None => return (Ok(samples), losses),
        }
    }
}

fn with_backup(remote: &Remote, limits: Limits) -> PromptCache {
    let backup: Arc<dyn Synthesizer> = Arc::new(Backup);
    let voices = [
        (remote.synthesizer().unwrap(), limits),
        (backup, Limits::local()),
    ];
    PromptCache::of(Voices::new(voices), CacheSettings::default())
}

fn speaking() -> impl Iterator<Item = Kind> {
    KINDS.into_iter().filter(|kind| kind.speaks())
}

#[tokio::test]
async fn each_speaks() {
    let connections = connections();
    for kind in speaking() {
        let stand_in = StandIn::start(kind, Mode::Good).await;
        let remote = Remote::new(stand_in.settings(), Arc::clone(&connections));
        for rate_hz in [8_000, 16_000, 24_000] {
            let cache = PromptCache::of(
                Voices::new([(remote.synthesizer().unwrap(), limits(Mode::Good))]),
                CacheSettings::default(),
            );
            let mut audio = cache.fetch(&words("Hello & welcome."), rate_hz, Keep::Shared);
            let mut samples = Vec::new();
            while let Some(piece) = timeout(BOUND, audio.next()).await.unwrap() {
                samples
                    .extend_from_slice(&piece.unwrap_or_else(|error| panic!("{kind:?}: {error}")));
            }
            let expected = (rate_hz * SPEECH_MS / 1_000) as usize;
            assert!(
                samples.len().abs_diff(expected) < expected / 20,
                "{kind:?} at {rate_hz} Hz: {} samples",
                samples.len()
            );
            let loudest = samples.iter().map(|sample| sample.unsigned_abs()).max();
            assert!(
                (8_000..11_000).contains(&loudest.unwrap()),
                "{kind:?}: {loudest:?}"
            );
        }
        assert_eq!(stand_in.wrong(), [""; 0], "{kind:?}");
    }
}

#[tokio::test]
async fn a_synthesizer_that_fails_is_reported_by_its_fault_and_the_next_one_speaks_all() {
    let connections = connections();
    let text = "Good morning. Your instalment is due.";
    for kind in speaking() {
        for (mode, fault, _) in CASES {
            let case = format!("{kind:?}, {mode:?}");
            let stand_in = StandIn::start(kind, mode).await;
            let remote = Remote::new(stand_in.settings(), Arc::clone(&connections));
            let cache = with_backup(&remote, limits(mode));
            let (heard, losses) = spoken(&cache, text).await;
            let heard = heard.unwrap_or_else(|error| panic!("{case}: {error}"));
            let by_backup = heard.iter().filter(|sample| **sample == BACKUP).count();
            // both sentences, without the space between them
            assert_eq!(by_backup, text.len() - 1, "{case}");
            assert_eq!(losses.len(), 1, "{case}: {losses:?}");
            assert_eq!(
                (losses[0].provider.as_str(), losses[0].next.as_str()),
                (kind.name(), "backup"),
                "{case}"
            );
            let counted = cache.failures();
            assert_eq!(counted.len(), 1, "{case}: {counted:?}");
            assert_eq!(
                counted[0].fault,
                expected(kind, mode, fault),
                "{case}: {losses:?}"
            );
            assert!(
                !losses[0].reason.contains("instalment")
                    && !losses[0].reason.contains(stand_in::KEY),
                "{case}"
            );
        }
    }
}

#[tokio::test]
async fn a_synthesizer_alone_ends_a_prompt_with_its_error() {
    let connections = connections();
    for kind in speaking() {
        for (mode, fault, _) in CASES {
            let stand_in = StandIn::start(kind, mode).await;
            let remote = Remote::new(stand_in.settings(), Arc::clone(&connections));
            let voices = Voices::new([(remote.synthesizer().unwrap(), limits(mode))]);
            let cache = PromptCache::of(voices, CacheSettings::default());
            let (heard, losses) = spoken(&cache, "Hello.").await;
            let error = heard.expect_err(&format!("{kind:?}, {mode:?}"));
            assert_eq!(
                error.fault(),
                expected(kind, mode, fault),
                "{kind:?}, {mode:?}: {error}"
            );
            assert!(losses.is_empty());
        }
    }
}

#[tokio::test]
async fn a_server_that_fails_once_is_asked_again() {
    let stand_in = StandIn::start(Kind::OpenAi, Mode::Status(503)).await;
    let remote = Remote::new(stand_in.settings(), connections());
    let cache = with_backup(&remote, limits(Mode::Good));
    let (heard, _) = spoken(&cache, "Hello.").await;
    assert_eq!((heard.unwrap().len(), stand_in.asked()), (6, 2));
    stand_in.is_now(Mode::Status(401));
    let (heard, _) = spoken(&cache, "Hello again.").await;
    assert_eq!(
        (heard.unwrap().len(), stand_in.asked()),
        (12, 3),
        "a wrong key stays wrong"
    );
}

#[tokio::test]
async fn a_provider_that_fails_again_and_again_is_left_alone() {
    let stand_in = StandIn::start(Kind::Sarvam, Mode::Status(429)).await;
    let remote = Remote::new(stand_in.settings(), connections());
    let cache = with_backup(&remote, limits(Mode::Good));
    for nth in 1..=6 {
        let (heard, losses) = spoken(&cache, &format!("Hello {nth}.")).await;
        assert_eq!(heard.unwrap().len(), 8);
        let is_asked = nth <= 3;
        assert_eq!(
            losses[0].reason.contains("left alone"),
            !is_asked,
            "{nth}: {losses:?}"
        );
    }
    assert_eq!(stand_in.asked(), 3);
    let counted = cache.failures();
    assert_eq!(
        (counted[0].fault, counted[0].count),
        ("too-many-requests", 3)
    );
}

#[tokio::test]
async fn what_one_voice_made_is_kept_for_it_alone() {
    let folder = tempfile::tempdir().unwrap();
    let stand_in = StandIn::start(Kind::Deepgram, Mode::Drops).await;
    let remote = Remote::new(stand_in.settings(), connections());
    let cache = || {
        let backup: Arc<dyn Synthesizer> = Arc::new(Backup);
        let voices = [
            (remote.synthesizer().unwrap(), limits(Mode::Good)),
            (backup, Limits::local()),
        ];
        let settings = CacheSettings {
            folder: Some(folder.path().to_owned()),
            ..CacheSettings::default()
        };
        PromptCache::of(Voices::new(voices), settings)
    };
    // half by one, half by the other: kept for neither
    let (heard, losses) = spoken_shared(&cache(), "Hello.").await;
    assert!(heard.contains(&BACKUP) && heard.iter().any(|sample| *sample != BACKUP));
    assert_eq!(losses.len(), 1);
    stand_in.is_now(Mode::Status(401));
    let (by_backup, _) = spoken_shared(&cache(), "Hello.").await;
    files(folder.path(), 1).await;
    assert_eq!(by_backup, [BACKUP; 6]);
    // the preferred voice is back, and its own is spoken
    stand_in.is_now(Mode::Good);
    let (own, losses) = spoken_shared(&cache(), "Hello.").await;
    assert!(losses.is_empty() && !own.contains(&BACKUP), "{losses:?}");
    files(folder.path(), 2).await;
    let asked = stand_in.asked();
    stand_in.is_now(Mode::Status(401));
    // it is gone again, and what it made is still there
    assert_eq!(spoken_shared(&cache(), "Hello.").await.0, own);
    assert_eq!(stand_in.asked(), asked);
}

async fn spoken_shared(cache: &PromptCache, text: &str) -> (Vec<i16>, Vec<Loss>) {
    let mut audio = cache.fetch(&words(text), RATE_HZ, Keep::Shared);
    let mut samples = Vec::new();
    let mut losses = Vec::new();
    while let Some(piece) = timeout(BOUND, audio.next()).await.unwrap() {
        losses.extend(audio.losses());
        samples.extend_from_slice(&piece.unwrap());
    }
    (samples, losses)
}

/// Waits until the cache has written so many prompts, which it does after their last piece was given.
async fn files(folder: &std::path::Path, count: usize) {
    let written = async {
        // while it is written, it has no ending
        let whole = |entry: &std::fs::DirEntry| entry.path().extension().is_some();
        while std::fs::read_dir(folder).map_or(0, |all| all.flatten().filter(whole).count())
            != count
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(BOUND, written).await.expect("it is not written");
}

fn closed_question() -> Expectation {
    Expectation {
        languages: vec![Language::english()],
        phrases: ["yes please".to_owned(), "no".to_owned()].into(),
        decoys: Arc::default(),
    }
}

/// Feeds a second in pieces, as a call does, ends the utterance, and returns all until its words.
async fn hear(recognizer: &dyn Recognizer) -> Vec<Hearing> {
    let (sender, mut hearings) = mpsc::channel(HEARINGS);
    let mut listening = recognizer.listen(closed_question(), sender).unwrap();
    for _ in 0..10 {
        listening.feed(&[stand_in::SAMPLE; 1_600]).unwrap();
    }
    listening.finish();
    let mut all = Vec::new();
    loop {
        let hearing = timeout(BOUND, hearings.recv()).await;
        let hearing = hearing.expect("there are no words").unwrap();
        let is_last = matches!(hearing, Hearing::Final(_) | Hearing::Failed(_));
        all.push(hearing);
        if is_last {
            return all;
        }
    }
}

#[tokio::test]
async fn each_hears() {
    let connections = connections();
    for kind in KINDS {
        let stand_in = StandIn::start(kind, Mode::Good).await;
        let remote = Remote::new(stand_in.settings(), Arc::clone(&connections));
        let recognizers = Recognizers::new([(remote.recognizer(), limits(Mode::Good))]);
        let hearings = hear(&recognizers).await;
        let Some(Hearing::Final(recognized)) = hearings.last() else {
            panic!("{kind:?}: {hearings:?}");
        };
        assert_eq!(recognized.text.expose(), "yes please", "{kind:?}");
        assert!(
            recognized.confidence >= 0.7 && !recognized.unknown,
            "{kind:?}: {recognized:?}"
        );
        assert_eq!(recognized.language, Language::english(), "{kind:?}");
        assert_eq!(stand_in.heard_bytes(), 32_000, "{kind:?}");
        assert_eq!(stand_in.wrong(), [""; 0], "{kind:?}");
        // Vosk's models want a full band and no noise
        let is_vosk = kind == Kind::VoskServer;
        assert_eq!(stand_in.is_band_filled(), is_vosk, "{kind:?}");
        assert_eq!(
            recognizers.is_helped_by_suppression(&[Language::english()]),
            is_vosk,
            "{kind:?}"
        );
        assert_eq!(recognizers.backlog(), Duration::ZERO, "{kind:?}");
        let streams = matches!(kind, Kind::Sarvam | Kind::Deepgram | Kind::VoskServer);
        let is_partial = |hearing: &Hearing| matches!(hearing, Hearing::Partial(words) if words.text.expose() == "yes");
        assert_eq!(hearings.iter().any(is_partial), streams, "{kind:?}");
    }
}

#[tokio::test]
async fn a_recogniser_that_fails_is_reported_by_its_fault_and_the_next_one_hears_all() {
    let connections = connections();
    for kind in KINDS {
        for (mode, _, fault) in CASES {
            let case = format!("{kind:?}, {mode:?}");
            let stand_in = StandIn::start(kind, mode).await;
            let remote = Remote::new(stand_in.settings(), Arc::clone(&connections));
            let backup: Arc<dyn Recognizer> = Arc::new(Counts);
            let recognizers = Recognizers::new([
                (remote.recognizer(), limits(mode)),
                (backup, Limits::local()),
            ]);
            let hearings = hear(&recognizers).await;
            let Some(Hearing::Final(recognized)) = hearings.last() else {
                panic!("{case}: {hearings:?}");
            };
            assert_eq!(recognized.text.expose(), "16000", "{case}");
            let losses: Vec<_> = hearings
                .iter()
                .filter_map(|hearing| match hearing {
                    Hearing::Lost(loss) => Some(loss),
                    _ => None,
                })
                .collect();
            assert_eq!(losses.len(), 1, "{case}: {hearings:?}");
            assert_eq!(losses[0].next, "backup", "{case}");
            let counted = recognizers.failures();
            assert_eq!(counted.len(), 1, "{case}: {counted:?}");
            assert_eq!(
                counted[0].fault,
                expected(kind, mode, fault),
                "{case}: {losses:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_recogniser_alone_ends_a_recognition_with_its_error() {
    let connections = connections();
    for kind in KINDS {
        let stand_in = StandIn::start(kind, Mode::Drops).await;
        let remote = Remote::new(stand_in.settings(), Arc::clone(&connections));
        let recognizers = Recognizers::new([(remote.recognizer(), limits(Mode::Good))]);
        let hearings = hear(&recognizers).await;
        assert!(
            matches!(hearings.last(), Some(Hearing::Failed(RecognitionError::Provider { name, .. })) if name == kind.name()),
            "{kind:?}: {hearings:?}"
        );
    }
}

/// Has room for nothing, as a connection that nobody reads.
struct Deaf;

impl Recognizer for Deaf {
    fn name(&self) -> &str {
        "deaf"
    }

    fn understands(&self, _: &Language) -> bool {
        true
    }

    fn backlog(&self) -> Duration {
        Duration::ZERO
    }

    fn listen(
        &self,
        _: Expectation,
        hearings: mpsc::Sender<Hearing>,
    ) -> Result<Box<dyn Recognition>, RecognitionError> {
        Ok(Box::new(Full(hearings)))
    }
}

struct Full(#[expect(dead_code, reason = "it stays open")] mpsc::Sender<Hearing>);

impl Recognition for Full {
    fn feed(&mut self, _: &[i16]) -> Result<(), RecognitionError> {
        Err(RecognitionError::Overloaded)
    }

    fn finish(&mut self) {
        panic!("it does not have the audio");
    }

    fn reset(&mut self) {}
}

#[tokio::test]
async fn a_recogniser_that_takes_nothing_is_given_up_in_time() {
    let (deaf, backup): (Arc<dyn Recognizer>, Arc<dyn Recognizer>) =
        (Arc::new(Deaf), Arc::new(Counts));
    let recognizers = Recognizers::new([(deaf, limits(Mode::Silent)), (backup, Limits::local())]);
    let hearings = hear(&recognizers).await;
    assert!(
        matches!(hearings.last(), Some(Hearing::Final(words)) if words.text.expose() == "16000"),
        "{hearings:?}"
    );
    assert_eq!(recognizers.failures()[0].fault, "slow");
}

#[tokio::test]
async fn a_recognition_that_the_call_drops_is_no_failure() {
    let stand_in = StandIn::start(Kind::VoskServer, Mode::Good).await;
    let remote = Remote::new(stand_in.settings(), connections());
    let recognizers = Recognizers::new([(remote.recognizer(), limits(Mode::Good))]);
    for _ in 0..20 {
        let (sender, mut hearings) = mpsc::channel(HEARINGS);
        let mut listening = recognizers.listen(closed_question(), sender).unwrap();
        listening.feed(&[1; 1_600]).unwrap();
        drop(listening);
        // the channel closes when nobody watches any more
        while let Some(hearing) = timeout(BOUND, hearings.recv()).await.unwrap() {
            assert!(matches!(hearing, Hearing::Partial(_)), "{hearing:?}");
        }
    }
    assert_eq!(recognizers.failures(), []);
}

#[tokio::test]
async fn utterances_are_reported_in_order_and_what_was_taken_back_is_not() {
    let stand_in = StandIn::start(Kind::VoskServer, Mode::Good).await;
    let remote = Remote::new(stand_in.settings(), connections());
    let recognizers = Recognizers::new([(remote.recognizer(), limits(Mode::Good))]);
    let (sender, mut hearings) = mpsc::channel(HEARINGS);
    let mut listening = recognizers.listen(closed_question(), sender).unwrap();
    listening.feed(&[1; 1_600]).unwrap();
    listening.finish();
    listening.feed(&[1; 800]).unwrap();
    listening.reset();
    listening.feed(&[1; 3_200]).unwrap();
    listening.finish();
    let mut finals = 0;
    while finals < 2 {
        let hearing = timeout(BOUND, hearings.recv()).await.unwrap().unwrap();
        match hearing {
            Hearing::Final(_) => finals += 1,
            Hearing::Partial(_) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(stand_in.heard_bytes(), (1_600 + 3_200) * 2);
}
