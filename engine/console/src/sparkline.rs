//! A measure of the last minutes as a small picture, with its last and its highest value in words.

use std::fmt::Write as _;

use maud::{Markup, html};

use crate::words::Words;

/// The size of a picture, in its units.
const WIDTH: usize = 120;
const HEIGHT: u64 = 30;

/// A measure: its name, its values, oldest first, and the unit after a value.
pub(crate) struct Measure<'a> {
    pub(crate) name: &'a str,
    pub(crate) values: &'a [u64],
    pub(crate) unit: &'static str,
    /// A value that fills the picture, unless one was higher.
    pub(crate) full: u64,
}

/// The picture. `most` values fill it; fewer stand at its right.
pub(crate) fn sparkline(words: &Words, measure: &Measure<'_>, most: usize) -> Markup {
    let Measure {
        name,
        values,
        unit,
        full,
    } = measure;
    let last = values.last().copied().unwrap_or_default();
    let highest = values.iter().copied().max().unwrap_or_default();
    let shown = |value: u64| format!("{value} {unit}").trim_end().to_owned();
    let (now, most_of_all) = (shown(last), shown(highest));
    html! {
        li class="spark" {
            span class="name" { (name) }
            span class="figure" { (now) }
            svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } preserveAspectRatio="none" role="img"
                aria-label={ (name) ": " (words.now_is) " " (now) ", " (words.at_most) " " (most_of_all) ", " (words.last_minutes) } {
                path d=(outline(values, most, highest.max(*full).max(1))) {}
            }
            span class="hint" { (words.at_most) " " (most_of_all) }
        }
    }
}

/// A line through the values, from left to right.
fn outline(values: &[u64], most: usize, full: u64) -> String {
    let mut path = String::with_capacity(values.len() * 8);
    let step = WIDTH.checked_div(most.saturating_sub(1)).unwrap_or(WIDTH);
    let first = most.saturating_sub(values.len());
    for (at, value) in values.iter().enumerate().take(most) {
        let y = HEIGHT - 1 - value.saturating_mul(HEIGHT - 2) / full;
        let command = if at == 0 { 'M' } else { 'L' };
        // writing to a text cannot fail
        let _ = write!(path, "{command}{} {y}", (first + at) * step);
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::ENGLISH;

    #[test]
    fn the_newest_value_is_at_the_right_and_the_highest_at_the_top() {
        assert_eq!(outline(&[0, 10, 5], 121, 10), "M118 29L119 1L120 15");
        assert_eq!(outline(&[], 121, 1), "");
        let measure = Measure {
            name: "Late",
            values: &[3, 12, 4],
            unit: "ms",
            full: 20,
        };
        let drawn = sparkline(&ENGLISH, &measure, 121).into_string();
        assert!(
            drawn.contains("aria-label=\"Late: now 4 ms, at most 12 ms, in the last 10 minutes\""),
            "{drawn}"
        );
        assert!(!drawn.contains("style="), "{drawn}");
    }
}
