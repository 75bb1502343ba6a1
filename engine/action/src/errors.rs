//! What is wrong with a definition, collected so that all of it is reported at once.

/// Errors of one definition, each with its key.
#[derive(Debug, Default)]
pub(crate) struct Errors(pub(crate) Vec<(String, String)>);

impl Errors {
    pub(crate) fn add(&mut self, key: &str, reason: impl Into<String>) {
        self.0.push((key.to_owned(), reason.into()));
    }

    /// The value, or an error that says what is wrong with its key.
    pub(crate) fn take<T>(&mut self, key: &str, value: Result<T, String>) -> Option<T> {
        value.map_err(|reason| self.add(key, reason)).ok()
    }

    /// The value of a key that the kind needs.
    pub(crate) fn need<'a, T: ?Sized>(&mut self, key: &str, value: Option<&'a T>) -> Option<&'a T> {
        if value.is_none() {
            self.add(key, "is missing: set it");
        }
        value
    }
}
