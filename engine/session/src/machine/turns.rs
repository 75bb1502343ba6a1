//! How the caller's speech answers a question. When it pauses or stops a prompt is in `barge_in.rs`.
//!
//! Speech counts as an answer only if the caller had heard the question, all but its last moment.
//! Otherwise the prompt goes on, because people say "hello" as they pick up and "okay" while they
//! listen. Only urgent choices (wrong number, an agent, no more calls) are accepted at any time.

use ghanti_language::builtin::Reading;
use ghanti_language::{ChoiceMatcher, Match, is_voicemail_greeting};
use ghanti_model::Reply;
use ghanti_speech::{Hearing, Recognized};

use super::attempts::NOISES;
use super::barge_in::STABLE_MS;
use super::{END_SILENCE_MS, Machine, Output, Waiting};
use crate::event::Event;
use crate::fallback_prompt::{self, ONE_MOMENT};
use crate::question::{Answers, Asking, Phase, Stage, Utterance};

/// How much of a question may still be unplayed when its answer begins: nobody waits for the last
/// syllable.
const UNHEARD_MS: u64 = 600;
/// How long the recogniser may take for its final result before the caller is asked to wait.
const UNDERSTAND_MS: u64 = 2_000;
/// How long it may take after that, before the question is asked again.
const UNDERSTAND_LATE_MS: u64 = 6_000;
/// How long the caller has at least to speak again after a noise.
const RESUME_MS: u64 = 1_000;
/// How often a question is put again, to be answered by voice, because the recogniser failed or was
/// too late.
const OVERLOADS: u32 = 2;
/// Minimum confidence of an urgent choice that is accepted before the question was heard.
const URGENT_CONFIDENCE: f32 = 0.6;
/// Silence that ends a turn whose words may be a complete value.
const END_SILENCE_COMPLETE_MS: u32 = 450;
/// How long the caller has to be quiet after words that are exactly one choice: they have answered.
/// Counted from their last sound.
const QUIET_COMPLETE_MS: u32 = 320;
/// How long the partial result must stay on that choice: recognisers report it some four times a
/// second, and take the first sounds of one word for another.
const STABLE_COMPLETE_MS: u64 = 480;
/// The same for a yes to be acknowledged, which costs nothing if they go on.
const QUIET_YES_MS: u32 = 240;
/// Silence that ends a turn whose answer is a yes, or may turn out to be one: callers take a wrong
/// yes back within a second, and the correction must begin before the turn is over.
const END_SILENCE_YES_MS: u32 = 1_200;
/// Silence that ends a turn whose last words are the start of an answer: "I … want … an agent".
const END_SILENCE_UNFINISHED_MS: u32 = 1_200;

impl Machine {
    /// Follows the caller's speech while a question is open that can be answered by voice.
    pub(super) fn speech(&mut self, now_ms: u64, ended: Option<u64>) {
        let Some(Waiting::Ask(asking)) = &self.waiting else {
            return;
        };
        if matches!(asking.asked.answers, Answers::Keys { .. })
            || asking.by_keys
            || matches!(asking.phase, Phase::Keying { .. })
        {
            return;
        }
        if let (None, Some(began_ms)) = (&asking.utterance, self.caller_audio.speaking_since()) {
            let counts = self.counts(now_ms, asking, began_ms);
            self.begin_utterance(Utterance::new(began_ms, counts));
        }
        self.barge_in(now_ms);
        let ended = ended.or_else(|| self.has_answered(now_ms));
        let samples = self.caller_audio.take_feed();
        if !samples.is_empty() {
            self.keep(&samples);
            self.outputs.push_back(Output::Feed(samples));
        }
        if let (Some(Waiting::Ask(asking)), Some(ended_ms)) = (&mut self.waiting, ended)
            && let Some(utterance) = asking
                .utterance
                .as_mut()
                .filter(|utterance| utterance.stage == Stage::Speaking)
        {
            utterance.stage = Stage::Understanding {
                ended_ms,
                deadline_ms: now_ms + UNDERSTAND_MS,
                is_late: false,
            };
            self.caller_audio.close();
            self.latency
                .turn_ended(&asking.asked.name, ended_ms, now_ms);
            self.awaited_hearings += 1;
            self.outputs.push_back(Output::Finish);
        }
    }

    /// When the caller made their last sound, if what they said is exactly one choice and they are
    /// quiet. A yes may be taken back, and is only acknowledged.
    fn has_answered(&mut self, now_ms: u64) -> Option<u64> {
        let Some(Waiting::Ask(asking)) = &mut self.waiting else {
            return None;
        };
        let Answers::Choices(matcher) = &asking.asked.answers else {
            return None;
        };
        let utterance = asking
            .utterance
            .as_mut()
            .filter(|utterance| utterance.stage == Stage::Speaking && utterance.counts)?;
        let (choice, since_ms) = utterance.candidate.as_ref()?;
        let is_yes = matcher.is_yes(choice);
        let quiet_ms = self.caller_audio.quiet_ms();
        let (least_ms, stable_ms) = if is_yes {
            (QUIET_YES_MS, STABLE_MS)
        } else {
            (QUIET_COMPLETE_MS, STABLE_COMPLETE_MS)
        };
        if !utterance.is_complete || quiet_ms < least_ms || now_ms < since_ms + stable_ms {
            return None;
        }
        if !is_yes {
            self.caller_audio.reset();
            return Some(now_ms.saturating_sub(u64::from(quiet_ms)));
        }
        if utterance.is_acknowledged {
            return None;
        }
        let acknowledge = asking.asked.acknowledge.clone()?;
        if self.playback.is_paused() && self.playback.is_interruptible() {
            self.stop(now_ms);
        }
        if self.playback.is_idle() {
            if let Some(Waiting::Ask(asking)) = &mut self.waiting
                && let Some(utterance) = &mut asking.utterance
            {
                utterance.is_acknowledged = true;
            }
            self.caller_audio.hold();
            let prompt = self.queue(now_ms, acknowledge);
            self.latency.acknowledges(prompt);
        }
        None
    }

    /// Whether speech that began at `began_ms` may be an answer: the caller had heard the question,
    /// all but its last moment, or it is being repeated to a caller who has heard it before.
    pub(super) fn counts(&self, now_ms: u64, asking: &Asking, began_ms: u64) -> bool {
        let since_ms = now_ms.saturating_sub(began_ms);
        let almost_over = self
            .playback
            .remaining_ms(now_ms)
            .is_some_and(|remaining_ms| remaining_ms + since_ms <= UNHEARD_MS);
        match asking.phase {
            Phase::Prompting => almost_over || (asking.is_heard && self.playback.len() <= 1),
            Phase::Listening { .. } | Phase::Keying { .. } => asking.is_heard,
        }
    }

    fn begin_utterance(&mut self, utterance: Utterance) {
        let Some(Waiting::Ask(asking)) = &mut self.waiting else {
            return;
        };
        let end_silence_ms = match &asking.asked.answers {
            Answers::Choices(matcher) if matcher.has_yes() => END_SILENCE_YES_MS,
            Answers::Choices(_) | Answers::Value(_) => END_SILENCE_MS,
            Answers::Open | Answers::Keys { .. } => super::END_SILENCE_OPEN_MS,
        };
        asking.utterance = Some(utterance);
        self.caller_audio.set_end_silence_ms(end_silence_ms);
        self.caller_audio.open();
    }

    /// A result of the recognition.
    pub fn hearing(&mut self, now_ms: u64, hearing: Hearing) {
        match hearing {
            Hearing::Partial(recognized) => self.understood_so_far(now_ms, &recognized),
            Hearing::Final(recognized) => {
                self.awaited_hearings = self.awaited_hearings.saturating_sub(1);
                // results of utterances that were dropped still arrive; only the newest one counts
                if self.awaited_hearings == 0 {
                    self.understood(now_ms, recognized);
                }
            }
            // what was fed is not lost, so that nothing changes here; the driver records it
            Hearing::Lost(_) => {}
            // it fails again, and is reported, when it is to go on
            Hearing::Failed(_) if self.ends_second_hearing(now_ms) => {}
            Hearing::Failed(error) => {
                self.awaited_hearings = 0;
                self.events.push_back(Event::RecognitionFailed {
                    reason: error.to_string(),
                });
                match &self.waiting {
                    Some(Waiting::Ask(asking)) if asking.utterance.is_some() => {
                        self.put_again(now_ms);
                    }
                    Some(Waiting::Ask(_)) => self.listen_again(),
                    _ => {}
                }
            }
        }
        self.advance(now_ms);
    }

    fn understood_so_far(&mut self, now_ms: u64, recognized: &Recognized) {
        let Some(Waiting::Ask(asking)) = &mut self.waiting else {
            return;
        };
        let Some(utterance) = asking
            .utterance
            .as_mut()
            .filter(|utterance| utterance.stage == Stage::Speaking)
        else {
            return;
        };
        let matcher = match &asking.asked.answers {
            Answers::Choices(matcher) => matcher,
            Answers::Value(value) => {
                let (reading, _) = value.read(recognized.text.expose());
                self.caller_audio.set_end_silence_ms(match &reading {
                    Reading::Value(_) => END_SILENCE_COMPLETE_MS,
                    // more digits, or the rest of a date, may follow
                    _ => END_SILENCE_UNFINISHED_MS,
                });
                // which value it will be may change until the end; that it is one need not
                let is_value = reading != Reading::Nothing && !recognized.unknown;
                let since_ms = utterance
                    .candidate
                    .take()
                    .map_or(now_ms, |(_, since)| since);
                utterance.candidate = is_value.then(|| (String::new(), since_ms));
                return;
            }
            Answers::Open | Answers::Keys { .. } => return,
        };
        let found = choice(matcher, recognized);
        self.caller_audio.set_end_silence_ms(match &found {
            Some(found) if matcher.is_yes(&found.choice) => END_SILENCE_YES_MS,
            Some(_) if matcher.is_complete(recognized.text.expose()) => END_SILENCE_COMPLETE_MS,
            None if matcher.is_unfinished(recognized.text.expose()) => END_SILENCE_UNFINISHED_MS,
            _ if matcher.has_confirmation() => END_SILENCE_YES_MS,
            _ => END_SILENCE_MS,
        });
        utterance.stops = found.as_ref().is_some_and(is_urgent);
        utterance.is_complete = matcher.is_complete(recognized.text.expose());
        let is_taken_back = utterance.is_acknowledged
            && !found
                .as_ref()
                .is_some_and(|found| matcher.is_yes(&found.choice));
        let same = utterance
            .candidate
            .take()
            .filter(|(choice, _)| found.as_ref().is_some_and(|found| found.choice == *choice));
        utterance.candidate = same.or_else(|| found.map(|found| (found.choice, now_ms)));
        if is_taken_back {
            let _ = self.flush(now_ms);
        }
    }

    pub(super) fn understood(&mut self, now_ms: u64, recognized: Recognized) {
        let Some(recognized) = self.heard_twice(now_ms, recognized) else {
            return;
        };
        let Some(Waiting::Ask(asking)) = &mut self.waiting else {
            return;
        };
        let Some(utterance) = &asking.utterance else {
            return;
        };
        let Stage::Understanding { ended_ms, .. } = utterance.stage else {
            return;
        };
        if self.may_be_voicemail && is_voicemail_greeting(recognized.text.expose()) {
            self.events.push_back(Event::Said {
                question: asking.asked.name.clone(),
                text: recognized.text,
                language: recognized.language,
                confidence: recognized.confidence,
                began_ms: utterance.began_ms,
                ended_ms,
            });
            return self.found_voicemail();
        }
        if utterance.is_cut {
            return self.put_again(now_ms);
        }
        self.latency.understood(now_ms);
        let (began_ms, counts) = (utterance.began_ms, utterance.counts);
        let is_acknowledged = utterance.is_acknowledged;
        if recognized.text.is_empty() && !recognized.unknown {
            return self.noise(now_ms);
        }
        let question = asking.asked.name.clone();
        // without text, the confidence is only in something having been said
        let confidence = if recognized.text.is_empty() {
            0.0
        } else {
            recognized.confidence
        };
        let is_answer =
            counts && (asking.phase != Phase::Prompting || self.playback.is_interruptible());
        let least = asking.asked.min_confidence;
        let (reply, language, stops) = match &asking.asked.answers {
            Answers::Choices(matcher) => {
                let found = choice(matcher, &recognized).filter(|_| confidence >= least);
                let stops = found
                    .as_ref()
                    .is_some_and(|found| is_urgent(found) && confidence >= URGENT_CONFIDENCE);
                match found {
                    Some(found) => (Some(Reply::Choice(found.choice)), found.language, stops),
                    None => (None, recognized.language, stops),
                }
            }
            Answers::Value(value) => {
                let (reading, read_in) = value.read(recognized.text.expose());
                let reply = reading
                    .at_end()
                    .and_then(crate::question::reply)
                    .filter(|_| !recognized.unknown && confidence >= least);
                (reply, read_in.unwrap_or(recognized.language), false)
            }
            Answers::Open => {
                let reply = Reply::Text(recognized.text.clone());
                // a recogniser of several languages may write another one than it says
                let reported = ghanti_language::detect(
                    recognized.text.expose(),
                    &asking.asked.expectation.languages,
                );
                (Some(reply), reported.unwrap_or(recognized.language), false)
            }
            Answers::Keys { .. } => return,
        };
        let text = recognized.text;
        let said = Event::Said {
            question: question.clone(),
            text: text.clone(),
            language: language.clone(),
            confidence,
            began_ms,
            ended_ms,
        };
        let is_yes = match (&reply, &asking.asked.answers) {
            (Some(Reply::Choice(choice)), Answers::Choices(matcher)) => matcher.is_yes(choice),
            _ => false,
        };
        let has_stopped = !asking.stopped.is_empty();
        // what acknowledges a yes is said to its end if it is one
        if is_acknowledged && !is_yes {
            let _ = self.flush(now_ms);
        }
        match reply {
            Some(reply) if is_answer || stops => {
                self.events.push_back(said);
                if self.playback.is_paused() {
                    let _ = self.interrupt(now_ms);
                } else if !is_acknowledged {
                    let _ = self.flush(now_ms);
                }
                let Some(Waiting::Ask(asking)) = &mut self.waiting else {
                    return;
                };
                self.latency.answered(now_ms, is_acknowledged);
                let answer = asking.spoken(reply, text, confidence, language);
                self.answered(answer);
            }
            // the caller may just be asked to wait for it
            None if counts && self.playback.is_idle_but_for(ONE_MOMENT) && !has_stopped => {
                self.events.push_back(said);
                self.not_understood(now_ms, Some(text), confidence);
            }
            _ => {
                self.events.push_back(Event::TalkedOver {
                    question,
                    text,
                    language,
                    confidence,
                    began_ms,
                    ended_ms,
                });
                self.latency.dropped();
                self.talked_over(now_ms);
            }
        }
    }

    /// A sound without words uses up no attempt, as long as there are few of them.
    fn noise(&mut self, now_ms: u64) {
        let Some(Waiting::Ask(asking)) = &mut self.waiting else {
            return;
        };
        asking.utterance = None;
        self.latency.dropped();
        if !asking.stopped.is_empty() {
            return self.talked_over(now_ms);
        }
        if let Phase::Listening { deadline_ms } = &mut asking.phase {
            asking.noises += 1;
            *deadline_ms = (*deadline_ms).max(now_ms + RESUME_MS.max(asking.asked.no_input_ms / 2));
            if asking.noises > NOISES {
                let next = asking.no_input();
                return self.next_attempt(now_ms, next);
            }
        }
        self.caller_audio.close();
    }

    /// The recogniser has not given its final result in time, which is not the caller's fault: asks
    /// them to wait, and later asks the question again.
    pub(super) fn overloaded(&mut self, now_ms: u64, is_late: bool) {
        if self.ends_second_hearing(now_ms) {
            return;
        }
        let Some(Waiting::Ask(asking)) = &mut self.waiting else {
            return;
        };
        let Some(utterance) = &mut asking.utterance else {
            return;
        };
        if !is_late
            && let Stage::Understanding {
                deadline_ms,
                is_late,
                ..
            } = &mut utterance.stage
        {
            (*deadline_ms, *is_late) = (now_ms + UNDERSTAND_LATE_MS, true);
            if self.playback.is_idle() {
                let language = asking.asked.prompt.language().clone();
                self.queue(now_ms, fallback_prompt::one_moment(&language));
            }
            return;
        }
        self.events.push_back(Event::RecognitionFailed {
            reason: format!(
                "no result within {} ms: the recogniser is overloaded; give it more cores and `recognizer-threads` of [speech], or the engine fewer calls (`max-calls` of [server])",
                UNDERSTAND_MS + UNDERSTAND_LATE_MS
            ),
        });
        self.put_again(now_ms);
    }

    /// The recogniser was not given all of the utterance: whatever it makes of the rest is no answer.
    pub fn cut(&mut self, reason: String) {
        let Some(Waiting::Ask(asking)) = &mut self.waiting else {
            return;
        };
        if let Some(utterance) = &mut asking.utterance
            && !std::mem::replace(&mut utterance.is_cut, true)
        {
            self.events.push_back(Event::RecognitionFailed { reason });
        }
    }

    /// The recogniser failed while the caller was silent: begins another recognition, as often as a
    /// question may be put again.
    fn listen_again(&mut self) {
        let Some(Waiting::Ask(asking)) = &mut self.waiting else {
            return;
        };
        asking.overloads += 1;
        self.outputs.push_back(if asking.overloads > OVERLOADS {
            Output::StopListening
        } else {
            Output::Listen(asking.asked.expectation.clone())
        });
    }

    /// Puts the question again without using up an attempt, and offers its keys. After [`OVERLOADS`]
    /// times only they are left; without keys the caller was not heard.
    pub(super) fn put_again(&mut self, now_ms: u64) {
        if self.playback.is_paused() {
            let _ = self.flush(now_ms);
        }
        let Some(Waiting::Ask(asking)) = &mut self.waiting else {
            return;
        };
        asking.overloads += 1;
        asking.utterance = None;
        asking.stopped.clear();
        let is_last = asking.overloads > OVERLOADS;
        let has_keys = asking.asked.answers.has_keys();
        if is_last && !has_keys {
            let next = asking.unheard();
            return self.next_attempt(now_ms, next);
        }
        asking.by_keys = is_last;
        asking.phase = Phase::Prompting;
        let prompt = asking.asked.prompt.clone();
        let expectation = asking.asked.expectation.clone();
        self.caller_audio.close();
        self.caller_audio.reset();
        // dropped with what it still has of the utterance, which would only keep other callers waiting
        self.awaited_hearings = 0;
        self.latency.dropped();
        self.outputs.push_back(if is_last {
            Output::StopListening
        } else {
            Output::Listen(expectation)
        });
        if has_keys {
            self.queue(now_ms, fallback_prompt::by_keys(prompt.language()));
        }
        self.queue(now_ms, prompt);
    }
}

/// The choice that was spoken; none if the utterance has a word that the recogniser does not know.
fn choice(matcher: &ChoiceMatcher, recognized: &Recognized) -> Option<Match> {
    if recognized.unknown {
        None
    } else {
        matcher.best(recognized.text.expose())
    }
}

/// Whether the caller wants the bot to stop, whatever it is saying.
fn is_urgent(found: &Match) -> bool {
    found.lexicon.is_some_and(|lexicon| lexicon.is_urgent())
}
