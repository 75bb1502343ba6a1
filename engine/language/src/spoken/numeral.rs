//! Numbers as words, from a language's words for 0 to 99 and for its scales. Independent of the
//! language.

/// A named power of ten, such as lakh.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    /// Its value.
    pub(super) ones: u64,
    /// Its name.
    pub(super) name: &'static str,
}

/// A language's number words.
pub(super) struct Numerals {
    /// The words for 0 to 99.
    pub(super) below_hundred: fn(u64) -> String,
    /// The scales, largest first.
    pub(super) scales: &'static [Scale],
}

impl Numerals {
    /// The words of a number. Numbers beyond the largest scale are counted in it: one lakh crore.
    pub(super) fn words(&self, number: u64) -> String {
        let Some(scale) = self.scales.iter().find(|scale| number >= scale.ones) else {
            return (self.below_hundred)(number);
        };
        let count = self.words(number / scale.ones);
        match number % scale.ones {
            0 => format!("{count} {}", scale.name),
            rest => format!("{count} {} {}", scale.name, self.words(rest)),
        }
    }
}
