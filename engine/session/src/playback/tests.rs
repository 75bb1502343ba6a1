//! Prompts that come piece by piece, at other rates.

use std::sync::Arc;

use ghanti_audio::Decoder;
use ghanti_model::{Language, Masked};
use ghanti_speech::Utterance;

use super::*;
use crate::rendered_prompt::Source;

fn prompt() -> RenderedPrompt {
    RenderedPrompt {
        template: "greeting".to_owned(),
        interruptible: true,
        source: Source::Words {
            utterance: Utterance {
                text: Masked::new("Hello."),
                language: Language::english(),
                voice: None,
            },
            personal: true,
        },
    }
}

/// A playback and everything that the network does: plays at once what comes, returns marks when
/// what is before them was played.
struct Network {
    playback: Playback,
    events: VecDeque<Event>,
    encoding: Encoding,
    rate_hz: u32,
    now_ms: u64,
    heard: Vec<i16>,
    marks: VecDeque<(usize, String)>,
}

impl Network {
    fn new(rate_hz: u32, encoding: Encoding) -> Self {
        Self {
            playback: Playback::new(rate_hz, encoding),
            events: VecDeque::new(),
            encoding,
            rate_hz,
            now_ms: 0,
            heard: Vec::new(),
            marks: VecDeque::new(),
        }
    }

    fn samples(&self, ms: u64) -> usize {
        (ms * u64::from(self.rate_hz) / 1_000) as usize
    }

    fn pass(&mut self, ms: u64) {
        for _ in 0..ms / 10 {
            self.now_ms += 10;
            let played = self.samples(self.now_ms);
            while let Some((_, mark)) = self.marks.pop_front_if(|(at, _)| *at <= played) {
                self.playback
                    .mark_returned(self.now_ms, &mark, &mut self.events);
            }
            let mut frame = Vec::new();
            while let Some(sending) = self
                .playback
                .send(self.now_ms, &mut frame, &mut self.events)
            {
                match sending {
                    Sending::Frame => {
                        if self.heard.len() < played {
                            self.heard.resize(played, 0);
                        }
                        Decoder::new(self.encoding).decode(&frame, &mut self.heard);
                    }
                    Sending::Mark(mark) => self.marks.push_back((self.heard.len(), mark)),
                }
            }
        }
    }

    fn pause(&mut self) {
        assert!(self.playback.is_pausable(self.now_ms));
        self.playback
            .pause(self.now_ms, self.now_ms, &mut self.events);
        let played = self.samples(self.now_ms);
        self.heard.truncate(played);
        self.marks.retain(|(at, _)| *at <= played);
    }
}

#[test]
fn a_pause_in_a_prompt_still_being_synthesised_loses_none_of_it() {
    for (rate_hz, encoding) in [
        (8_000, Encoding::Pcm16),
        (16_000, Encoding::Pcm16),
        (24_000, Encoding::Pcm16),
    ] {
        let mut network = Network::new(rate_hz, encoding);
        // a tooth of 10 ms, which is quiet nowhere
        let whole: Vec<i16> = (0..network.samples(3_000))
            .map(|nth| 2_000 + (nth % (rate_hz as usize / 100)) as i16)
            .collect();
        let mut pieces = whole.chunks(network.samples(70));
        let id = network.playback.queue(0, prompt());
        for _ in 0..20 {
            let piece = pieces.next().unwrap();
            network.playback.piece(id, Arc::from(piece));
        }
        network.pass(1_130);
        network.pause();
        for piece in pieces {
            network.playback.piece(id, Arc::from(piece));
        }
        network.playback.complete(id);
        network.pass(500);
        let (paused, resumes) = (network.samples(1_130), network.samples(1_630));
        assert!(
            network.heard.len() <= paused,
            "nothing is sent while it is paused"
        );
        network.playback.go_on(network.now_ms, &mut network.events);
        network.pass(4_000);
        let Some(from_ms) = network.events.iter().find_map(|event| match event {
            Event::PromptResumed { from_ms, .. } => Some(*from_ms),
            _ => None,
        }) else {
            panic!("{:#?}", network.events)
        };
        assert!((400..=1_130).contains(&from_ms), "{from_ms}");
        // it begins with the first 10 ms that the network runs
        let first = network.samples(10);
        let before = &network.heard[first..paused];
        assert_eq!(*before, whole[..before.len()]);
        let after: Vec<i16> = network.heard[resumes..]
            .iter()
            .copied()
            .skip_while(|sample| *sample == 0)
            .collect();
        let from = network.samples(from_ms);
        let rest = &whole[from..];
        let shift = (0..network.samples(2))
            .find(|shift| after.get(..500) == rest.get(*shift..*shift + 500))
            .unwrap_or_else(|| panic!("{rate_hz} Hz: not from {from_ms} ms on"));
        assert_eq!(after[..rest.len() - shift], rest[shift..]);
        assert!(
            matches!(
                network.events.back(),
                Some(Event::PromptEnded { heard: Extent::Whole, heard_ms, .. }) if *heard_ms >= 3_000
            ),
            "{:#?}",
            network.events
        );
    }
}
