//! Which languages can be spoken: a flow in another one would be silence to its callers, so that it is
//! not taken.

use std::fmt;
use std::sync::Arc;

use ghanti_host::{Fault, Step};
use ghanti_model::Language;

type Speaks = Arc<dyn Fn(&Language) -> bool + Send + Sync>;

/// The languages that have a voice; all of them by default.
#[derive(Clone, Default)]
pub struct Speakable(Option<Speaks>);

impl Speakable {
    /// Those that `speaks` says.
    pub fn by(speaks: impl Fn(&Language) -> bool + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(speaks)))
    }

    /// A fault if a language of a flow has no voice.
    pub(crate) fn check(&self, languages: &[Language]) -> Result<(), Fault> {
        let Some(speaks) = &self.0 else {
            return Ok(());
        };
        let silent: Vec<String> = languages
            .iter()
            .filter(|language| !speaks(language))
            .map(|language| format!("`{language}`"))
            .collect();
        if silent.is_empty() {
            return Ok(());
        }
        let reason = format!("no voice here speaks {}", silent.join(", "));
        let hint = "take the language out of `languages` of `[flow]`, or configure a synthesizer that speaks it in `[speech]`";
        Err(Fault::new(Step::Prompts, reason, hint))
    }
}

impl fmt::Debug for Speakable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Speakable").field(&self.0.is_some()).finish()
    }
}
