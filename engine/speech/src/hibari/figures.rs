//! Figures in a text as English words. What flows give as amounts, dates and digits comes as words
//! already; these are the figures of authors' own sentences: "24 hours", "10:30 am", "1,25,000".

const ONES: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 8] = [
    "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
];
/// As in India: lakh and crore.
const SCALES: [(u64, &str); 4] = [
    (10_000_000, "crore"),
    (100_000, "lakh"),
    (1_000, "thousand"),
    (100, "hundred"),
];
/// A run of figures without a comma that is longer is a number of a phone or an account, and is
/// read one by one.
const QUANTITY_DIGITS: usize = 6;

/// What figures are read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// By their form: four figures between 1900 and 2099 are a year.
    Plain,
    /// An amount or a number of things.
    Quantity,
}

/// The words of figures with `,`, `.` or `:` in them and perhaps a suffix `st`, `nd`, `rd`,
/// `th`; words are separated by spaces, those of one number by hyphens where English has them,
/// figures read one by one by commas.
pub(super) fn words(figures: &str, reading: Reading) -> String {
    let ordinal = ["st", "nd", "rd", "th"]
        .iter()
        .find_map(|end| figures.strip_suffix(end));
    if let Some(number) = ordinal.and_then(|number| number.replace(',', "").parse().ok()) {
        return ordinal_words(number);
    }
    if let Some(time) = time(figures) {
        return time;
    }
    let digits = figures.replace(',', "");
    if let Some((whole, part)) = digits.split_once('.')
        && let Ok(number) = whole.parse()
        && !part.is_empty()
        && part.bytes().all(|byte| byte.is_ascii_digit())
    {
        return format!("{} point {}", cardinal(number), one_by_one(part, " "));
    }
    match digits.parse::<u64>() {
        Ok(number) if !reads_singly(figures, &digits, reading) => match (reading, digits.len()) {
            (Reading::Plain, 4) if (1900..2100).contains(&number) && digits == figures => {
                year(number)
            }
            _ => cardinal(number),
        },
        _ => one_by_one(&digits, ", "),
    }
}

fn reads_singly(figures: &str, digits: &str, reading: Reading) -> bool {
    let is_padded = digits.len() > 1 && digits.starts_with('0');
    let is_long = digits.len() > QUANTITY_DIGITS && !figures.contains(',');
    is_padded || (is_long && reading == Reading::Plain)
}

fn one_by_one(digits: &str, between: &str) -> String {
    let names = digits
        .chars()
        .filter_map(|digit| ONES.get(digit.to_digit(10)? as usize).copied());
    names.collect::<Vec<_>>().join(between)
}

fn time(figures: &str) -> Option<String> {
    let (hour, minute) = figures.split_once(':')?;
    let (hour, minute): (u64, u64) = (hour.parse().ok()?, minute.parse().ok()?);
    if hour > 24 || minute > 59 {
        return None;
    }
    Some(match minute {
        0 => cardinal(hour),
        1..=9 => format!("{} oh {}", cardinal(hour), cardinal(minute)),
        _ => format!("{} {}", cardinal(hour), cardinal(minute)),
    })
}

fn year(number: u64) -> String {
    let (century, rest) = (number / 100, number % 100);
    match rest {
        0..=9 if century % 10 == 0 => cardinal(number),
        0 => format!("{} hundred", cardinal(century)),
        1..=9 => format!("{} oh {}", cardinal(century), cardinal(rest)),
        _ => format!("{} {}", cardinal(century), cardinal(rest)),
    }
}

/// A quantity in words.
fn cardinal(number: u64) -> String {
    let index = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    if let Some(word) = ONES.get(index(number)) {
        return (*word).to_owned();
    }
    for (scale, name) in SCALES {
        if number >= scale {
            let (many, rest) = (number / scale, number % scale);
            let head = format!("{} {name}", cardinal(many));
            return if rest == 0 {
                head
            } else {
                format!("{head} {}", cardinal(rest))
            };
        }
    }
    let ten = TENS
        .get(index(number / 10).saturating_sub(2))
        .copied()
        .unwrap_or_default();
    match number % 10 {
        0 => ten.to_owned(),
        one => format!("{ten}-{}", cardinal(one)),
    }
}

fn ordinal_words(number: u64) -> String {
    let words = cardinal(number);
    let at = words.rfind([' ', '-']).map_or(0, |at| at + 1);
    let (before, last) = words.split_at(at);
    let last = match last {
        "one" => "first".to_owned(),
        "two" => "second".to_owned(),
        "three" => "third".to_owned(),
        "five" => "fifth".to_owned(),
        "eight" => "eighth".to_owned(),
        "nine" => "ninth".to_owned(),
        "twelve" => "twelfth".to_owned(),
        other => match other.strip_suffix('y') {
            Some(ten) => format!("{ten}ieth"),
            None => format!("{other}th"),
        },
    };
    format!("{before}{last}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_by_their_form() {
        for (figures, expected) in [
            ("0", "zero"),
            ("24", "twenty-four"),
            ("300", "three hundred"),
            ("1,25,000", "one lakh twenty-five thousand"),
            ("2026", "twenty twenty-six"),
            ("2005", "two thousand five"),
            ("1905", "nineteen oh five"),
            ("1900", "nineteen hundred"),
            ("12500", "twelve thousand five hundred"),
            ("0042", "zero, zero, four, two"),
            (
                "9876543210",
                "nine, eight, seven, six, five, four, three, two, one, zero",
            ),
            ("10:30", "ten thirty"),
            ("9:05", "nine oh five"),
            ("18:00", "eighteen"),
            ("12.50", "twelve point five zero"),
            ("1st", "first"),
            ("22nd", "twenty-second"),
            ("30th", "thirtieth"),
            ("12th", "twelfth"),
            ("100th", "one hundredth"),
            ("1.2.3", "one, two, three"),
            ("25:99", "two, five, nine, nine"),
        ] {
            assert_eq!(words(figures, Reading::Plain), expected, "{figures}");
        }
        assert_eq!(words("2026", Reading::Quantity), "two thousand twenty-six");
        assert_eq!(
            words("12345678", Reading::Quantity),
            "one crore twenty-three lakh forty-five thousand six hundred seventy-eight"
        );
    }

    #[test]
    fn numbers_beyond_all_bounds_are_read_one_by_one() {
        let long = "9".repeat(30);
        assert_eq!(words(&long, Reading::Quantity).matches("nine").count(), 30);
        assert!(words(&u64::MAX.to_string(), Reading::Quantity).contains("crore"));
    }
}
