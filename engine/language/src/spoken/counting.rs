//! Numbers as words where the words change with their position: Tamil பன்னிரண்டாயிரம், but
//! பன்னிரண்டாயிரத்து ஐநூறு; Telugu ఐదు వందలు, but ఐదు వందల రూపాయలు. Independent of the language.

/// A word in each position where it may occur.
#[derive(Debug, Clone, Copy)]
pub(super) struct Forms {
    alone: &'static str,
    counting: &'static str,
    followed: &'static str,
}

impl Forms {
    /// A word that is the same everywhere.
    pub(super) const fn one(word: &'static str) -> Self {
        Self::three(word, word, word)
    }

    /// A word by itself, before what it counts, and before a smaller number.
    pub(super) const fn three(
        alone: &'static str,
        counting: &'static str,
        followed: &'static str,
    ) -> Self {
        Self {
            alone,
            counting,
            followed,
        }
    }

    fn at(self, place: Place) -> &'static str {
        match place {
            Place::Alone => self.alone,
            Place::Counting => self.counting,
            Place::Followed => self.followed,
        }
    }
}

/// The position of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// At the end, with nothing counted.
    Alone,
    /// At the end, before what is counted: rupees, lakhs.
    Counting,
    /// Before a smaller number.
    Followed,
}

/// How a scale is counted.
#[derive(Debug, Clone, Copy)]
pub(super) enum Count {
    /// In words of their own: one of it, and the word that follows a larger count.
    Apart { one: Forms, many: Forms },
    /// In one word with the count: those of 1 to 99 without their ending.
    Joined {
        stems: &'static [&'static str; 99],
        ending: Forms,
    },
}

/// A named power of ten, such as lakh.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    /// Its value.
    pub(super) ones: u64,
    /// Its words.
    pub(super) count: Count,
}

/// A language's number words.
#[derive(Debug)]
pub(super) struct Numbers {
    /// The words for 0 to 99, by themselves.
    pub(super) below_hundred: [&'static str; 100],
    /// Those of them that are others before what is counted.
    pub(super) counting: &'static [(u64, &'static str)],
    /// The words for 100, 200 to 900.
    pub(super) hundreds: [Forms; 9],
    /// Crore, lakh, thousand.
    pub(super) scales: [Scale; 3],
}

impl Numbers {
    /// The words of a number. Numbers beyond a crore crores are counted in crores: one lakh crore.
    pub(super) fn words(&self, number: u64, place: Place) -> String {
        let mut words = Vec::new();
        self.push(number, place, &mut words);
        words.join(" ")
    }

    /// The word of a number below a hundred.
    pub(super) fn below_hundred(&self, number: u64, place: Place) -> &'static str {
        let other = self
            .counting
            .iter()
            .find(|(counted, _)| place == Place::Counting && *counted == number);
        match other {
            Some((_, word)) => word,
            None => of(&self.below_hundred, number),
        }
    }

    fn push(&self, number: u64, place: Place, words: &mut Vec<String>) {
        let form = |rest| if rest == 0 { place } else { Place::Followed };
        let scale = self.scales.iter().find(|scale| number >= scale.ones);
        let rest = if let Some(scale) = scale {
            let rest = number % scale.ones;
            match (scale.count, number / scale.ones) {
                (Count::Apart { one, .. }, 1) => words.push(one.at(form(rest)).to_owned()),
                (Count::Apart { many, .. }, count) => {
                    self.push(count, Place::Counting, words);
                    words.push(many.at(form(rest)).to_owned());
                }
                (Count::Joined { stems, ending }, count) => {
                    let stem = of(stems, count.saturating_sub(1));
                    words.push(format!("{stem}{}", ending.at(form(rest))));
                }
            }
            rest
        } else if number >= 100 {
            let rest = number % 100;
            let hundred = usize::try_from(number / 100 - 1).unwrap_or(usize::MAX);
            let word = self.hundreds.get(hundred).map(|forms| forms.at(form(rest)));
            words.extend(word.map(str::to_owned));
            rest
        } else {
            words.push(self.below_hundred(number, place).to_owned());
            0
        };
        if rest > 0 {
            self.push(rest, place, words);
        }
    }
}

fn of(words: &[&'static str], at: u64) -> &'static str {
    let at = usize::try_from(at).unwrap_or(usize::MAX);
    words.get(at).copied().unwrap_or_default()
}
