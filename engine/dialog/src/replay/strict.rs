//! A record that a run must repeat call by call: any difference ends it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use ghanti_model::{Function, Journal, JournalEntry};
use serde_json::Value as Json;

use crate::journal::{AnswerSource, Closed, Divergence, Next, SharedJournal, Side};

/// The entries that have not been repeated yet, and the first difference.
#[derive(Debug)]
struct Strict {
    recorded: VecDeque<JournalEntry>,
    divergence: Option<Divergence>,
}

/// Creates a journal that answers from a record, and checks each call against it.
pub(crate) fn strict(recorded: Journal) -> SharedJournal {
    SharedJournal::from_source(
        recorded.header,
        Arc::new(Mutex::new(Strict {
            recorded: recorded.entries.into(),
            divergence: None,
        })),
    )
}

impl AnswerSource for Strict {
    fn next(&mut self, seq: u32, function: Function, arguments: &Json) -> Result<Next, Closed> {
        match self.recorded.pop_front() {
            Some(entry) if entry.function == function && entry.arguments == *arguments => {
                Ok(Next::Record(entry))
            }
            entry => {
                let divergence = Divergence {
                    seq,
                    expected: entry.as_ref().map(Side::of),
                    got: Some(Side {
                        function,
                        arguments: arguments.clone(),
                    }),
                };
                self.divergence = Some(divergence.clone());
                Err(Closed::Diverged(divergence))
            }
        }
    }

    fn divergence(&self) -> Option<Divergence> {
        let unreached = || {
            self.recorded.front().map(|entry| Divergence {
                seq: entry.seq,
                expected: Some(Side::of(entry)),
                got: None,
            })
        };
        self.divergence.clone().or_else(unreached)
    }
}
