//! Parts of the day, as used by Indian languages to name times.

/// A part of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PartOfDay {
    /// From four to noon.
    Morning,
    /// From noon to four.
    Afternoon,
    /// From four to eight.
    Evening,
    /// From eight to four.
    Night,
}

impl PartOfDay {
    /// The part of the day of an hour, 0 to 23.
    pub(super) fn of(hour: u8) -> Self {
        match hour {
            4..=11 => Self::Morning,
            12..=15 => Self::Afternoon,
            16..=19 => Self::Evening,
            _ => Self::Night,
        }
    }
}
