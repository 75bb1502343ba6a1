//! Ends calls that an answering machine has taken, before anybody has answered: by its words
//! ([`is_voicemail_greeting`](ghanti_language::is_voicemail_greeting)) or by its sound
//! (`ghanti_audio::answering_machine`).

use ghanti_model::{Answer, Reply};

use super::{Machine, Output};

impl Machine {
    /// Looks for an answering machine until somebody answers a question.
    pub fn look_for_voicemail(&mut self) {
        self.may_be_voicemail = true;
        self.caller_audio.look_for_answering_machine(true);
    }

    /// A person has the call.
    pub(super) fn found_person(&mut self) {
        if std::mem::take(&mut self.may_be_voicemail) {
            self.caller_audio.look_for_answering_machine(false);
        }
    }

    /// One was found, unless a person has answered.
    pub(super) fn found_voicemail(&mut self) {
        if std::mem::take(&mut self.may_be_voicemail) {
            self.outputs.push_back(Output::Voicemail);
        }
    }

    /// A person has the call if this answers a question.
    pub(super) fn note_person(&mut self, answer: &Answer) {
        if matches!(
            answer.reply,
            Reply::Choice(_) | Reply::Keys(_) | Reply::Value(_)
        ) {
            self.found_person();
        }
    }
}
