//! The smallest of recent values.

/// The smallest value of the last one to two periods.
#[derive(Debug)]
pub struct Minimum {
    /// Of the previous period and of the current one.
    minima: [Option<f32>; 2],
    values: u32,
    /// How many values a period has.
    period: u32,
}

impl Minimum {
    /// Without a value yet.
    pub fn new(period: u32) -> Self {
        Self {
            minima: [None; 2],
            values: 0,
            period,
        }
    }

    /// Takes the next value.
    pub fn push(&mut self, value: f32) {
        let [before, current] = &mut self.minima;
        *current = Some(current.map_or(value, |minimum| minimum.min(value)));
        self.values += 1;
        if self.values >= self.period {
            (*before, *current, self.values) = (*current, None, 0);
        }
    }

    /// The smallest value, if there is any.
    pub fn get(&self) -> Option<f32> {
        self.minima.iter().flatten().copied().reduce(f32::min)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_forgotten_after_one_to_two_periods() {
        let mut minimum = Minimum::new(3);
        assert_eq!(minimum.get(), None);
        let mut seen = Vec::new();
        for value in [5.0, 1.0, 4.0, 6.0, 7.0, 8.0, 9.0] {
            minimum.push(value);
            seen.push(minimum.get().unwrap());
        }
        assert_eq!(seen, [5.0, 1.0, 1.0, 1.0, 1.0, 6.0, 6.0]);
    }
}
