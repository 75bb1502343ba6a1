//! What is listened for in a question with choices. It takes thousands of phrases to find, and is the
//! same in all calls in which the question is asked, so it is kept.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use ghanti_model::{Choice, Language};
use hashlink::LruCache;

use super::{ChoiceMatcher, LexiconError};

/// Maximum number of questions that are kept, of some 50 kB each: the one that was not asked for
/// longest is dropped.
const KEPT: usize = 128;

static PREPARED: LazyLock<Mutex<LruCache<Key, Arc<PreparedChoices>>>> =
    LazyLock::new(|| Mutex::new(LruCache::new(KEPT)));

/// What a question is known by.
type Key = (Vec<Choice>, Vec<Language>);

/// The choices of a question, ready to be listened for.
#[derive(Debug)]
pub struct PreparedChoices {
    /// Matches what was said.
    pub matcher: Arc<ChoiceMatcher>,
    /// [`ChoiceMatcher::phrases`].
    pub phrases: Arc<[String]>,
    /// [`ChoiceMatcher::decoys`].
    pub decoys: Arc<[String]>,
}

impl PreparedChoices {
    /// Prepares the choices in the languages, most likely first; English if there are none.
    ///
    /// # Errors
    /// As [`ChoiceMatcher::new`].
    pub fn of(choices: &[Choice], languages: &[Language]) -> Result<Arc<Self>, LexiconError> {
        let key = (choices.to_vec(), languages.to_vec());
        let kept = || PREPARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(prepared) = kept().get(&key) {
            return Ok(Arc::clone(prepared));
        }
        // without the lock, so that no other call waits; of two at once, one is dropped
        let matcher = ChoiceMatcher::new(choices, languages)?;
        let prepared = Arc::new(Self {
            phrases: matcher.phrases().into(),
            decoys: matcher.decoys().into(),
            matcher: Arc::new(matcher),
        });
        kept().insert(key, Arc::clone(&prepared));
        Ok(prepared)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(id: &str) -> Choice {
        Choice {
            id: id.to_owned(),
            lexicon: Some(id.to_owned()),
            phrases: Vec::new(),
            key: None,
        }
    }

    #[test]
    fn a_question_is_prepared_once_and_others_are_others() {
        let (choices, english) = ([choice("yes"), choice("no")], [Language::english()]);
        let first = PreparedChoices::of(&choices, &english).unwrap();
        assert!(Arc::ptr_eq(
            &first,
            &PreparedChoices::of(&choices, &english).unwrap()
        ));
        let plain = ChoiceMatcher::new(&choices, &english).unwrap();
        assert_eq!(first.phrases[..], plain.phrases());
        assert_eq!(first.decoys[..], plain.decoys());

        let fewer = PreparedChoices::of(&choices[..1], &english).unwrap();
        assert!(fewer.phrases.len() < first.phrases.len());
        let both = [Language::english(), Language::parse("hi-IN").unwrap()];
        let more = PreparedChoices::of(&choices, &both).unwrap();
        assert!(more.phrases.len() > first.phrases.len());
        assert!(PreparedChoices::of(&[choice("unheard-of")], &english).is_err());
    }
}
