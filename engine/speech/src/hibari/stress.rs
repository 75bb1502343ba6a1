//! Stress marks in a word's phonemes: ˈ before a syllable that has the word's stress, ˌ before one
//! that has less. Source of the rules: misaki 0.9.4 (Apache-2.0).

pub(super) const PRIMARY: char = 'ˈ';
pub(super) const SECONDARY: char = 'ˌ';

pub(super) fn is_vowel(phoneme: char) -> bool {
    "AIOQWYaiuæɑɒɔəɛɜɪʊʌᵻ".contains(phoneme)
}

pub(super) fn is_consonant(phoneme: char) -> bool {
    "bdfhjklmnpstvwzðŋɡɹɾʃʒʤʧθ".contains(phoneme)
}

fn is_mark(phoneme: char) -> bool {
    phoneme == PRIMARY || phoneme == SECONDARY
}

/// How long a word sounds: diphthongs and affricates count twice.
pub(super) fn weight(phonemes: &str) -> usize {
    let of = |phoneme| if "AIOQWYʤʧ".contains(phoneme) { 2 } else { 1 };
    phonemes.chars().map(of).sum()
}

/// Takes a word's stress down to a secondary one.
pub(super) fn weakened(phonemes: &str) -> String {
    if !phonemes.contains(PRIMARY) {
        return phonemes.to_owned();
    }
    phonemes
        .chars()
        .filter(|&phoneme| phoneme != SECONDARY)
        .map(|phoneme| {
            if phoneme == PRIMARY {
                SECONDARY
            } else {
                phoneme
            }
        })
        .collect()
}

/// Gives a word without any stress a secondary one, on its first vowel.
pub(super) fn audible(phonemes: &str) -> String {
    if phonemes.contains(is_mark) {
        return phonemes.to_owned();
    }
    marked(phonemes, SECONDARY)
}

/// Gives a word the stress that it lacks.
pub(super) fn stressed(phonemes: &str) -> String {
    if phonemes.contains(PRIMARY) {
        phonemes.to_owned()
    } else if phonemes.contains(SECONDARY) {
        phonemes.replace(SECONDARY, &PRIMARY.to_string())
    } else {
        marked(phonemes, PRIMARY)
    }
}

/// Letters that are spelled: the last one has the stress.
pub(super) fn spelled(letters: &str) -> String {
    let weak = weakened(letters);
    match weak.rsplit_once(SECONDARY) {
        Some((before, last)) => format!("{before}{PRIMARY}{last}"),
        None => weak,
    }
}

fn marked(phonemes: &str, mark: char) -> String {
    match phonemes.find(is_vowel) {
        Some(at) => {
            let (before, from) = phonemes.split_at(at);
            format!("{before}{mark}{from}")
        }
        None => phonemes.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stress_is_taken_away_and_given() {
        assert_eq!(weakened("θˈWzᵊnd"), "θˌWzᵊnd");
        assert_eq!(weakened("twˌɛntifˈIv"), "twɛntifˌIv");
        assert_eq!(weakened("ænd"), "ænd");
        assert_eq!(audible("ɪz"), "ˌɪz");
        assert_eq!(audible("bˈæŋk"), "bˈæŋk");
        assert_eq!(stressed("mˌi"), "mˈi");
        assert_eq!(stressed("wɪl"), "wˈɪl");
        assert_eq!(stressed("hm"), "hm");
        assert_eq!(spelled("ˈiˈɛmˈI"), "ˌiˌɛmˈI");
    }
}
