//! vosk-server's WebSocket (github.com/alphacep/vosk-server, `websocket/asr_server.py`).
//!
//! `{"config": …}` with the rate and, for a closed question, the phrases and decoys; then PCM as
//! binary messages, each answered by `{"partial": …}` or, where it hears the end of a phrase, by
//! `{"text": …, "result": […]}`; at the end `{"eof" : 1}`, which the server compares byte by byte, and
//! the last result: an answer for each message.
//!
//! A server has one model: `languages` says which. Its model has to know the phrases' words, and be one
//! with a graph that is made at run time, as the small ones are; others ignore `phrase_list`.

use std::sync::Arc;

use async_trait::async_trait;
use ghanti_model::Language;
use serde::Deserialize;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use super::connections::read;
use super::dialogue::{Protocol, Said, converse};
use super::recognizer::{Heard, Transcriber, Words, pcm};
use super::{Remote, with};
use crate::fault::Fault;
use crate::recognition::{Expectation, RATE_HZ};
use crate::upper_band::UpperBand;

const USUAL_URL: &str = "ws://127.0.0.1:2700";
/// Vosk's word for what is none of the phrases.
const UNKNOWN: &str = "[unk]";
/// The server compares with this text.
const END: &str = "{\"eof\" : 1}";

/// Listens.
pub(super) struct Listener(pub(super) Remote);

#[async_trait]
impl Transcriber for Listener {
    fn name(&self) -> &str {
        &self.0.settings.name
    }

    fn understands(&self, language: &Language) -> bool {
        self.0.settings.has(language, &["en"])
    }

    fn is_helped_by_suppression(&self) -> bool {
        true
    }

    async fn transcribe(&self, heard: &mut Heard) -> Result<Words, Fault> {
        let url = self.0.settings.base(USUAL_URL);
        let socket = self.0.connections.socket(&url, &[]).await?;
        let said = Utterance {
            expectation: Arc::clone(&heard.expectation),
            upper_band: UpperBand::of_answer(!heard.expectation.phrases.is_empty()),
            words: Vec::new(),
            confidence: Vec::new(),
            unanswered: 1,
        };
        converse(socket, said, heard).await
    }
}

struct Utterance {
    expectation: Arc<Expectation>,
    upper_band: UpperBand,
    /// Of the phrases that are over.
    words: Vec<String>,
    confidence: Vec<f32>,
    /// Answers that are to come: one for each piece, and one for the end.
    unanswered: usize,
}

#[derive(Deserialize)]
struct Answer {
    partial: Option<String>,
    text: Option<String>,
    #[serde(default)]
    result: Vec<Word>,
}

#[derive(Deserialize)]
struct Word {
    conf: Option<f32>,
}

impl Protocol for Utterance {
    fn begin(&self) -> Vec<Message> {
        let config = json!({ "sample_rate": RATE_HZ, "words": true });
        let Expectation {
            phrases, decoys, ..
        } = self.expectation.as_ref();
        let known = (!phrases.is_empty()).then(|| {
            let unknown = [UNKNOWN.to_owned()];
            let known: Vec<_> = phrases
                .iter()
                .chain(decoys.iter())
                .chain(&unknown)
                .collect();
            json!(known)
        });
        let config = with(config, "phrase_list", known);
        vec![Message::text(json!({ "config": config }).to_string())]
    }

    fn audio(&mut self, samples: &[i16]) -> Message {
        self.unanswered += 1;
        let mut samples = samples.to_vec();
        self.upper_band.fill(&mut samples);
        Message::binary(pcm(&samples))
    }

    fn end(&self) -> Vec<Message> {
        vec![Message::text(END)]
    }

    fn read(&mut self, text: &str, is_over: bool) -> Result<Said, Fault> {
        let answer: Answer = read(text.as_bytes())?;
        self.unanswered = self.unanswered.saturating_sub(1);
        let said = match (answer.partial, answer.text) {
            (Some(partial), _) => {
                let so_far = self.words.iter().cloned().chain([partial]);
                Said::SoFar(known(so_far.collect::<Vec<_>>().join(" ")).0)
            }
            (None, Some(text)) => {
                let rated = answer.result.iter().filter_map(|word| word.conf);
                self.confidence.extend(rated);
                self.words.push(text);
                Said::Nothing
            }
            (None, None) => {
                return Err(Fault::Nonsense("neither words nor partial ones".to_owned()));
            }
        };
        Ok(if is_over && self.unanswered == 0 {
            Said::Done(self.whole())
        } else {
            said
        })
    }
}

impl Utterance {
    fn whole(&self) -> Words {
        let (text, unknown) = known(self.words.join(" "));
        let rated = self.confidence.len() as f32;
        let confidence = (rated > 0.0).then(|| self.confidence.iter().sum::<f32>() / rated);
        Words {
            text,
            confidence,
            language: None,
            unknown,
        }
    }
}

/// The words without Vosk's own for what it does not know, and whether that was among them.
fn known(text: String) -> (String, bool) {
    let unknown = text.contains(UNKNOWN);
    (text.replace(UNKNOWN, " "), unknown)
}
