//! How long the reply to a turn takes, by stage: from the caller's last sound to the first audio of
//! what is said next.

use ghanti_model::PromptId;
use ghanti_model::event::TurnLatency;

/// The turn that is being replied to, if there is one.
#[derive(Default)]
pub(super) struct Latency {
    turn: Option<Turn>,
    /// The last acknowledgement of a yes, and when its first audio was sent.
    acknowledgement: Option<(PromptId, Option<u64>)>,
}

struct Turn {
    so_far: TurnLatency,
    /// When the caller made their last sound, or pressed the key.
    ended_ms: u64,
    /// When the stage in progress began.
    since_ms: u64,
    stage: Stage,
    is_acknowledged: bool,
}

#[derive(PartialEq)]
enum Stage {
    /// The recogniser is at work.
    Recognition,
    /// The words are known; what becomes of them is decided at once.
    Understood,
    /// The flow has the answer.
    Flow,
    /// The flow has acted; the next prompt is the reply.
    Reply,
    /// This prompt's first audio is awaited.
    Audio(PromptId),
}

impl Latency {
    /// The caller's turn at a question is over; `ended_ms` is their last sound.
    pub(super) fn turn_ended(&mut self, question: &str, ended_ms: u64, now_ms: u64) {
        let so_far = TurnLatency {
            question: question.to_owned(),
            endpoint_ms: Some(now_ms.saturating_sub(ended_ms)),
            ..TurnLatency::default()
        };
        self.turn = Some(Turn {
            so_far,
            ended_ms,
            since_ms: now_ms,
            stage: Stage::Recognition,
            is_acknowledged: false,
        });
    }

    /// The recogniser's final words are there.
    pub(super) fn understood(&mut self, now_ms: u64) {
        if let Some(turn) = &mut self.turn
            && turn.stage == Stage::Recognition
        {
            turn.so_far.result_ms = Some(now_ms.saturating_sub(turn.since_ms));
            (turn.since_ms, turn.stage) = (now_ms, Stage::Understood);
        }
    }

    /// The words are the answer, and the flow gets it.
    pub(super) fn answered(&mut self, now_ms: u64, is_acknowledged: bool) {
        if let Some(turn) = &mut self.turn {
            (turn.since_ms, turn.stage) = (now_ms, Stage::Flow);
            turn.is_acknowledged = is_acknowledged;
        }
    }

    /// A key is the answer, and the flow gets it.
    pub(super) fn keyed(&mut self, question: &str, now_ms: u64) {
        self.turn = Some(Turn {
            so_far: TurnLatency {
                question: question.to_owned(),
                ..TurnLatency::default()
            },
            ended_ms: now_ms,
            since_ms: now_ms,
            stage: Stage::Flow,
            is_acknowledged: false,
        });
    }

    /// The flow's next command. Returns the turn where the caller has heard the reply already: an
    /// acknowledgement.
    pub(super) fn acts(&mut self, now_ms: u64) -> Option<TurnLatency> {
        let turn = self
            .turn
            .as_mut()
            .filter(|turn| turn.stage == Stage::Flow)?;
        turn.so_far.flow_ms = Some(now_ms.saturating_sub(turn.since_ms));
        (turn.since_ms, turn.stage) = (now_ms, Stage::Reply);
        let Turn {
            so_far, ended_ms, ..
        } = self.turn.take_if(|turn| turn.is_acknowledged)?;
        let began_ms = self.acknowledgement.take().and_then(|(_, began)| began);
        Some(TurnLatency {
            whole_ms: began_ms.map(|began_ms| began_ms.saturating_sub(ended_ms)),
            ..so_far
        })
    }

    /// What the caller has said so far is acknowledged by this prompt.
    pub(super) fn acknowledges(&mut self, prompt: PromptId) {
        self.acknowledgement = Some((prompt, None));
    }

    /// A prompt was queued: the flow's reply, if it is the first since it acted.
    pub(super) fn queued(&mut self, prompt: PromptId) {
        if let Some(turn) = &mut self.turn
            && turn.stage == Stage::Reply
        {
            turn.stage = Stage::Audio(prompt);
        }
    }

    /// The question is put again by this prompt.
    pub(super) fn replies(&mut self, prompt: PromptId) {
        if let Some(turn) = &mut self.turn
            && turn.stage == Stage::Understood
        {
            turn.stage = Stage::Audio(prompt);
        }
    }

    /// The first audio of a prompt was sent. Returns the turn that it is the reply to.
    pub(super) fn began(&mut self, now_ms: u64, prompt: PromptId) -> Option<TurnLatency> {
        if let Some((acknowledgement, began)) = &mut self.acknowledgement
            && *acknowledgement == prompt
        {
            *began = Some(now_ms);
        }
        let is_reply = |turn: &mut Turn| turn.stage == Stage::Audio(prompt);
        let Turn {
            so_far,
            ended_ms,
            since_ms,
            ..
        } = self.turn.take_if(is_reply)?;
        Some(TurnLatency {
            audio_ms: Some(now_ms.saturating_sub(since_ms)),
            whole_ms: Some(now_ms.saturating_sub(ended_ms)),
            ..so_far
        })
    }

    /// The turn was no answer, or its words never came: nothing replies to it.
    pub(super) fn dropped(&mut self) {
        self.turn = None;
    }
}
