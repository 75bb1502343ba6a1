//! Which known name was meant by an unknown one. Pure.

/// The largest edit distance between a name and the one that was meant.
const LETTERS: usize = 2;

/// The closest known name, if it is close enough to have been meant.
pub fn near<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let is_shortened = |other: &str| {
        name.len() >= 3 && other.len() >= 3 && (other.starts_with(name) || name.starts_with(other))
    };
    let distances = known.map(|other| (strsim::damerau_levenshtein(name, other), other));
    let near = distances.filter(|(distance, other)| {
        *distance > 0 && (*distance <= LETTERS.min(other.len() / 3) || is_shortened(other))
    });
    near.min().map(|(_, other)| other)
}

/// A suffix for an error about an unknown name, with the closest known name if there is one.
pub fn did_you_mean<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> String {
    near(name, known).map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"))
}

/// The same where few names are known, and all are listed: the guess may be a bolder one.
pub(crate) fn did_you_mean_of_few<'k>(
    name: &str,
    known: impl Iterator<Item = &'k str> + Clone,
) -> String {
    let hint = did_you_mean(name, known.clone());
    if !hint.is_empty() {
        return hint;
    }
    let first = name.chars().next();
    let meant = known
        .filter(|other| other.chars().next() == first)
        .map(|other| (strsim::damerau_levenshtein(name, other), other))
        .filter(|(distance, _)| *distance <= LETTERS)
        .min();
    meant.map_or_else(String::new, |(_, meant)| {
        format!("; did you mean `{meant}`?")
    })
}
