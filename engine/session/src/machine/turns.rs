//! How a question is answered: voice, words and keys of the caller, silence, and what follows from each.

use samvaad_model::{Answer, Masked, Reply};
use samvaad_speech::{Hearing, Recognized};

use super::{Completion, END_SILENCE_MS, Machine, Output, Waiting};
use crate::event::Event;
use crate::question::{Answers, Next, Phase};

/// Speech shorter than this does not interrupt a prompt: it is a cough, or "hm".
const BARGE_IN_MS: u64 = 240;
/// How long the recogniser may take for its last word.
const UNDERSTAND_MS: u64 = 2_000;
/// After a noise that was no word, the caller has at least this long to begin.
const RESUME_MS: u64 = 1_000;
/// So many noises that were no words are passed over in one attempt; one more, and it counts as silence.
const NOISES: u32 = 3;
/// A choice explains at least this share of the words; less is a word that happens to be in a sentence about something else.
const LEAST_SCORE: f32 = 0.3;
/// Silence that ends a turn whose words are already a whole answer. No shorter, since people say "yes", and then "speaking".
const END_SILENCE_COMPLETE_MS: u32 = 450;

impl Machine {
    /// Follows the caller's voice while a question is open that may be answered by it.
    pub(super) fn speech(&mut self, now_ms: u64, ended: Option<u64>) {
        let Some(Waiting::Ask(asking)) = &mut self.waiting else { return };
        if matches!(asking.asked.answers, Answers::Keys { .. }) {
            return;
        }
        let speaking_since = self.ear.speaking_since();
        match (asking.phase, speaking_since) {
            (Phase::Prompting, Some(began_ms)) if now_ms >= began_ms + BARGE_IN_MS && self.playback.is_interruptible() => {
                asking.phase = Phase::Speaking { began_ms, barged_in: true };
                self.events.push_back(Event::BargedIn { at_ms: began_ms });
                self.flush(now_ms);
                self.ear.open();
            }
            (Phase::Listening { .. }, Some(began_ms)) => {
                asking.phase = Phase::Speaking { began_ms, barged_in: false };
                self.ear.open();
            }
            _ => {}
        }
        if !self.ear.feed().is_empty() {
            self.outputs.push_back(Output::Feed);
        }
        if let (Some(Waiting::Ask(asking)), Some(ended_ms)) = (&mut self.waiting, ended)
            && let Phase::Speaking { began_ms, barged_in } = asking.phase
        {
            asking.phase = Phase::Understanding {
                began_ms,
                ended_ms,
                deadline_ms: now_ms + UNDERSTAND_MS,
                barged_in,
                resume_ms: now_ms + RESUME_MS.max(asking.asked.no_input_ms / 2),
            };
            self.ear.close();
            self.outputs.push_back(Output::Finish);
        }
    }

    /// What the recognition heard.
    pub fn hearing(&mut self, now_ms: u64, hearing: Hearing) {
        let Some(Waiting::Ask(asking)) = &mut self.waiting else { return };
        match hearing {
            Hearing::Partial(recognized) => {
                if let Answers::Choices(matcher) = &asking.asked.answers {
                    let complete = matcher.is_complete(recognized.text.expose());
                    self.ear.set_end_silence_ms(if complete { END_SILENCE_COMPLETE_MS } else { END_SILENCE_MS });
                }
            }
            Hearing::Final(recognized) => self.understood(now_ms, recognized),
            Hearing::Failed(error) => {
                self.events.push_back(Event::RecognitionFailed { reason: error.to_string() });
                if matches!(asking.phase, Phase::Speaking { .. } | Phase::Understanding { .. }) {
                    self.not_understood(now_ms, None, 0.0);
                }
            }
        }
        self.advance(now_ms);
    }

    fn understood(&mut self, now_ms: u64, recognized: Recognized) {
        let Some(Waiting::Ask(asking)) = &mut self.waiting else { return };
        let Phase::Understanding { began_ms, ended_ms, barged_in, resume_ms, .. } = asking.phase else { return };
        let Recognized { text, confidence, language, unknown } = recognized;
        // A recogniser can be sure that something was said, and not of what.
        let confidence = if text.is_empty() { 0.0 } else { confidence };
        if text.is_empty() && !unknown && !barged_in {
            asking.noises += 1;
            if asking.noises > NOISES {
                let next = asking.no_input();
                self.next_attempt(now_ms, next);
                return;
            }
            asking.phase = Phase::Listening { deadline_ms: resume_ms };
            self.restart_turn();
            return;
        }
        let question = asking.asked.name.clone();
        let said = |language| Event::Said { question, text: text.clone(), language, confidence, began_ms, ended_ms };
        match &asking.asked.answers {
            Answers::Choices(matcher) => match matcher.best(text.expose()).filter(|found| found.score >= LEAST_SCORE) {
                Some(found) => {
                    self.events.push_back(said(found.language.clone()));
                    let answer = asking.spoken(Reply::Choice(found.choice), text, confidence, found.language);
                    self.answered(answer);
                }
                None => {
                    self.events.push_back(said(language));
                    self.not_understood(now_ms, Some(text), confidence);
                }
            },
            Answers::Open => {
                self.events.push_back(said(language.clone()));
                let answer = asking.spoken(Reply::Text(text.clone()), text, confidence, language);
                self.answered(answer);
            }
            Answers::Keys { .. } => {}
        }
    }

    /// A key was pressed.
    pub fn key(&mut self, now_ms: u64, key: char) {
        if self.ended {
            return;
        }
        // A key's tone is heard as speech.
        self.ear.reset();
        let interruptible = self.playback.is_interruptible();
        let Some(Waiting::Ask(asking)) = &mut self.waiting else { return };
        if asking.phase == Phase::Prompting && !interruptible {
            return;
        }
        asking.keys.push(key);
        let event = Event::Keyed { question: asking.asked.name.clone(), keys: Masked::new(asking.keys.clone()), at_ms: now_ms };
        match &asking.asked.answers {
            Answers::Choices(matcher) => {
                let choice = matcher.key(key).map(str::to_owned);
                self.events.push_back(event);
                self.hush(now_ms);
                let Some(Waiting::Ask(asking)) = &mut self.waiting else { return };
                match choice {
                    Some(choice) => {
                        let answer = asking.keyed(Reply::Choice(choice));
                        self.answered(answer);
                    }
                    None => self.not_understood(now_ms, None, 1.0),
                }
            }
            Answers::Keys { max, terminator, between_ms, .. } => {
                let over = *terminator == Some(key) || asking.keys.len() >= *max;
                asking.phase = Phase::Keying { deadline_ms: if over { now_ms } else { now_ms + between_ms } };
                self.hush(now_ms);
            }
            Answers::Open => self.events.push_back(event),
        }
        self.advance(now_ms);
    }

    /// Keys interrupt what is being said and heard.
    fn hush(&mut self, now_ms: u64) {
        self.flush(now_ms);
        self.ear.close();
        self.outputs.push_back(Output::Forget);
    }

    fn keyed(&mut self, now_ms: u64) {
        let Some(Waiting::Ask(asking)) = &mut self.waiting else { return };
        let Answers::Keys { min, terminator, .. } = asking.asked.answers else { return };
        let mut keys = std::mem::take(&mut asking.keys);
        if terminator.is_some_and(|terminator| keys.ends_with(terminator)) {
            keys.pop();
        }
        let enough = keys.chars().count() >= min;
        let keys = Masked::new(keys);
        self.events.push_back(Event::Keyed { question: asking.asked.name.clone(), keys: keys.clone(), at_ms: now_ms });
        if enough {
            let answer = asking.keyed(Reply::Keys(keys));
            self.answered(answer);
        } else {
            self.not_understood(now_ms, None, 1.0);
        }
    }

    fn not_understood(&mut self, now_ms: u64, transcript: Option<Masked>, confidence: f32) {
        let Some(Waiting::Ask(asking)) = &mut self.waiting else { return };
        let next = asking.no_match(transcript, confidence);
        self.next_attempt(now_ms, next);
    }

    fn next_attempt(&mut self, now_ms: u64, next: Next) {
        match next {
            Next::Again(prompt) => {
                self.restart_turn();
                self.queue(now_ms, prompt);
            }
            Next::Over(answer) => self.answered(answer),
        }
    }

    fn restart_turn(&mut self) {
        self.ear.close();
        self.ear.reset();
        self.outputs.push_back(Output::Forget);
    }

    fn answered(&mut self, answer: Answer) {
        self.ear.close();
        self.ear.reset();
        self.outputs.push_back(Output::StopListening);
        self.waiting = None;
        self.complete(Completion::Answered(answer));
    }

    /// The utterance ended, and no recogniser runs that could tell what was said.
    pub fn heard_nothing(&mut self, now_ms: u64) {
        self.not_understood(now_ms, None, 0.0);
        self.advance(now_ms);
    }

    pub(super) fn advance_question(&mut self, now_ms: u64) {
        let Some(Waiting::Ask(asking)) = &mut self.waiting else { return };
        match asking.phase {
            Phase::Prompting if self.playback.is_idle() => {
                asking.heard(self.playback.take_done());
                asking.phase = Phase::Listening { deadline_ms: now_ms + asking.asked.no_input_ms };
                self.events.push_back(Event::Listening);
            }
            Phase::Listening { deadline_ms } if now_ms >= deadline_ms => {
                let next = asking.no_input();
                self.next_attempt(now_ms, next);
            }
            Phase::Understanding { deadline_ms, .. } if now_ms >= deadline_ms => {
                self.events.push_back(Event::RecognitionFailed {
                    reason: format!("no result within {UNDERSTAND_MS} ms: the recogniser is overloaded"),
                });
                self.not_understood(now_ms, None, 0.0);
            }
            Phase::Keying { deadline_ms } if now_ms >= deadline_ms => self.keyed(now_ms),
            _ => {}
        }
    }
}
