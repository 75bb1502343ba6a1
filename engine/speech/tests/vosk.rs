//! Tests with the real Vosk and its small English model, with a flite voice as the caller.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod common;

use std::path::PathBuf;

use ghanti_model::Language;
use ghanti_speech::{Hearing, RecognitionError, Recognizer, Vosk, VoskSettings};
use tokio::sync::mpsc;
use tokio::time::timeout;

use common::{Ear, PATIENCE, caller_says, expect, vosk, vosk_settings};

const PHRASES: [&str; 8] = [
    "yes",
    "yes speaking",
    "no",
    "repeat please",
    "connect me to an agent",
    "call back later",
    "haan",
    "नहीं",
];

#[tokio::test]
async fn a_closed_question_hears_its_phrases_and_nothing_else() {
    let vosk = vosk();
    for words in [
        "yes",
        "yes speaking",
        "no",
        "repeat please",
        "connect me to an agent",
    ] {
        let mut ear = Ear::new(vosk, expect(&["en-IN"], &PHRASES));
        let (heard, partials) = ear.listen_to(&caller_says(words)).await;
        assert_eq!((heard.text.expose(), heard.unknown), (words, false));
        assert!(heard.confidence > 0.5, "{words}: {}", heard.confidence);
        assert_eq!(heard.language, Language::english());
        assert!(!partials.is_empty(), "{words} came without a partial");
    }
    let mut ear = Ear::new(vosk, expect(&["en-IN"], &PHRASES));
    let (heard, _) = ear
        .listen_to(&caller_says("the weather in the mountains was wonderful"))
        .await;
    assert!(heard.unknown, "{:?}", heard.text.expose());
}

#[tokio::test]
async fn free_speech_is_heard_in_the_models_own_words() {
    let vosk = vosk();
    let mut ear = Ear::new(vosk, expect(&["en-IN"], &[]));
    let (heard, partials) = ear
        .listen_to(&caller_says("i will pay the money next week"))
        .await;
    assert!(
        heard.text.expose().contains("pay the money"),
        "{}",
        heard.text.expose()
    );
    assert!(!heard.unknown && partials.len() > 2, "{partials:?}");
}

#[tokio::test]
async fn one_recognition_hears_utterance_after_utterance() {
    let vosk = vosk();
    let mut ear = Ear::new(vosk, expect(&["en-IN"], &PHRASES));
    let (yes, no) = (caller_says("yes"), caller_says("no"));
    for _ in 0..3 {
        assert_eq!(ear.listen_to(&yes).await.0.text.expose(), "yes");
        assert_eq!(ear.listen_to(&no).await.0.text.expose(), "no");
    }
    assert_eq!(
        ear.listen_to(&[0; 16_000]).await.0.text.expose(),
        "",
        "silence is no word"
    );
}

#[tokio::test]
async fn every_finish_has_its_final_even_with_nothing_fed() {
    let vosk = vosk();
    let mut ear = Ear::new(vosk, expect(&["en-IN"], &PHRASES));
    for _ in 0..3 {
        ear.recognition.finish();
    }
    for _ in 0..3 {
        let (heard, _) = ear.hear().await;
        assert_eq!((heard.text.expose(), heard.unknown), ("", false));
    }
}

#[tokio::test]
async fn a_pause_inside_an_utterance_does_not_cut_it() {
    let vosk = vosk();
    let mut ear = Ear::new(vosk, expect(&["en-IN"], &[]));
    let mut speech = caller_says("call me tomorrow");
    speech.extend([0; 24_000]);
    speech.extend(caller_says("after lunch"));
    let heard = ear.listen_to(&speech).await.0.text.into_exposed();
    assert!(
        heard.contains("tomorrow") && heard.contains("after"),
        "{heard}"
    );
}

#[tokio::test]
async fn a_reset_forgets_what_was_fed() {
    let vosk = vosk();
    let mut ear = Ear::new(vosk, expect(&["en-IN"], &PHRASES));
    ear.recognition.feed(&caller_says("no")).unwrap();
    while !matches!(timeout(PATIENCE, ear.hearings.recv()).await.unwrap(), Some(Hearing::Partial(words)) if words.text.expose() == "no")
    {
    }
    ear.recognition.reset();
    assert_eq!(
        ear.listen_to(&caller_says("yes")).await.0.text.expose(),
        "yes"
    );
}

#[tokio::test]
async fn a_question_whose_words_the_model_lacks_still_reports_that_something_was_said() {
    let vosk = vosk();
    let mut ear = Ear::new(vosk, expect(&["hi-IN", "en-IN"], &["हाँ", "नहीं", "haanji"]));
    let (heard, _) = ear.listen_to(&caller_says("yes that is right")).await;
    assert_eq!((heard.text.expose(), heard.unknown), ("", true));
    assert_eq!(
        heard.language,
        Language::english(),
        "the model that listened was the English one"
    );
}

#[tokio::test]
async fn languages_without_a_model_are_said_to_be_so() {
    let vosk = vosk();
    let [hindi, american] = ["hi-IN", "en-US"].map(|tag| Language::parse(tag).unwrap());
    assert!(
        vosk.understands(&Language::english())
            && vosk.understands(&american)
            && !vosk.understands(&hindi)
    );
    let refused = vosk
        .listen(expect(&["hi-IN", "ta-IN"], &["haan"]), mpsc::channel(1).0)
        .err();
    assert_eq!(refused, Some(RecognitionError::NoModel(hindi)));
}

#[tokio::test]
async fn the_longest_turn_waits_whole_for_a_worker_that_is_behind() {
    let mut ear = Ear::new(vosk(), expect(&["en-IN"], &PHRASES));
    let mut turn = vec![0; 16_000 * 12];
    turn.extend(caller_says("wrong number, no"));
    turn.extend(caller_says("yes"));
    turn.truncate(16_000 * 15);
    let whole = ear.recognition.feed(&turn);
    assert_eq!(whole, Ok(()), "a turn is not cut");
    ear.recognition.finish();
    let _ = ear.hear().await;
}

#[tokio::test]
async fn too_much_at_once_is_dropped_and_reported() {
    let vosk = vosk();
    let mut ear = Ear::new(vosk, expect(&["en-IN"], &PHRASES));
    assert_eq!(
        ear.recognition.feed(&vec![0; 16_000 * 16]),
        Err(RecognitionError::Overloaded)
    );
    assert_eq!(
        ear.listen_to(&caller_says("yes")).await.0.text.expose(),
        "yes",
        "it goes on afterwards"
    );
}

#[tokio::test]
async fn a_listener_without_room_gets_its_finals_later_and_holds_up_nobody() {
    let vosk = Vosk::open(VoskSettings {
        workers: 1,
        ..vosk_settings()
    })
    .unwrap();
    let (sender, mut hearings) = mpsc::channel(1);
    let mut slow = vosk.listen(expect(&["en-IN"], &PHRASES), sender).unwrap();
    for words in ["yes", "no"] {
        slow.feed(&caller_says(words)).unwrap();
        slow.finish();
    }
    let mut other = Ear::new(&vosk, expect(&["en-IN"], &PHRASES));
    assert_eq!(
        other.listen_to(&caller_says("yes")).await.0.text.expose(),
        "yes"
    );

    let mut finals = Vec::new();
    while finals.len() < 2 {
        if let Hearing::Final(words) = timeout(PATIENCE, hearings.recv()).await.unwrap().unwrap() {
            finals.push(words.text.into_exposed());
        }
    }
    assert_eq!(finals, ["yes", "no"]);
}

#[tokio::test]
async fn dropping_a_recognition_frees_it_and_closes_its_channel() {
    let vosk = vosk();
    let mut ear = Ear::new(vosk, expect(&["en-IN"], &PHRASES));
    ear.recognition.feed(&caller_says("yes")).unwrap();
    drop(ear.recognition);
    while timeout(PATIENCE, ear.hearings.recv())
        .await
        .expect("the channel stays open")
        .is_some()
    {}
}

#[tokio::test]
async fn closing_the_recogniser_ends_its_recognitions() {
    let vosk = Vosk::open(vosk_settings()).unwrap();
    let mut ear = Ear::new(&vosk, expect(&["en-IN"], &PHRASES));
    let mut unused = Ear::new(&vosk, expect(&["en-IN"], &PHRASES));
    ear.recognition.feed(&[0; 320]).unwrap();
    drop(vosk);
    let reported = timeout(PATIENCE, ear.hearings.recv())
        .await
        .expect("the listener is not told");
    assert!(matches!(
        reported,
        Some(Hearing::Failed(RecognitionError::Unavailable(_)))
    ));
    // one to which nobody has said anything yet is notified once somebody does
    for ear in [&mut ear, &mut unused] {
        assert!(matches!(
            ear.recognition.feed(&[0; 320]),
            Err(RecognitionError::Unavailable(_))
        ));
    }
}

#[test]
fn what_is_missing_is_named_with_the_hint() {
    let no_library = VoskSettings {
        library: PathBuf::from("/nowhere/libvosk.so"),
        ..vosk_settings()
    };
    let error = Vosk::open(no_library).err().unwrap().to_string();
    assert!(
        error.contains("`/nowhere/libvosk.so`") && error.contains("make setup"),
        "{error}"
    );

    let empty = tempfile::tempdir().unwrap();
    for path in [PathBuf::from("/nowhere/model"), empty.path().to_owned()] {
        let settings = VoskSettings {
            models: [(Language::english(), path.clone())].into(),
            ..vosk_settings()
        };
        let error = Vosk::open(settings).err().unwrap().to_string();
        assert!(
            error.contains(path.to_str().unwrap())
                && error.contains("make setup")
                && error.contains("en-IN"),
            "{error}"
        );
    }

    let other_library = VoskSettings {
        library: PathBuf::from("libc.so.6"),
        ..vosk_settings()
    };
    let error = Vosk::open(other_library).err().unwrap().to_string();
    assert!(error.contains("vosk_"), "{error}");
}
