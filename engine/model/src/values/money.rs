//! Amounts in rupees: `12450`, `12,450.50`, `Rs. 1,24,500/-`, `₹12,450`, `INR 12450`.

use super::{Unreadable, is_digits, present};

/// The exclusive upper limit in rupees (a hundred crore): ten digits are a phone number or an
/// account number in the wrong column.
pub const RUPEES_BELOW: u64 = 1_000_000_000;

const HINT: &str = "write rupees as `7350` or `7,350.25`";

/// Names of the currency, longer ones before their prefixes.
const CURRENCY: [&str; 14] = [
    "rupees",
    "rupee",
    "inr.",
    "inr",
    "rs.",
    "rs",
    "re.",
    "₹",
    "₨",
    "रुपये",
    "रु.",
    "रु",
    "रू.",
    "रू",
];

/// Parses an amount of more than 0 and returns it in paise. Commas group digits by three, or by
/// three and then by two; a decimal point is followed by one or two digits, and by zeros where it
/// cannot be one that groups thousands.
pub fn money(value: &str) -> Result<i64, Unreadable> {
    let number = without_currency(present(value, HINT)?)?;
    let refuse = |reason| Unreadable::new(reason, HINT);
    if number.starts_with(['-', '+', '−', '(']) || number.ends_with(['-', '−']) {
        return Err(refuse("has a sign or brackets"));
    }
    if number.contains(char::is_whitespace) {
        return Err(refuse("has a space within the number, or words beside it"));
    }
    if number.is_empty()
        || !number
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b',' | b'.'))
    {
        return Err(refuse("is not written in digits `0` to `9`, as rupees"));
    }
    let (whole, part) = match number.split_once('.') {
        Some((whole, part)) if (1..=2).contains(&part.len()) && is_digits(part) => (whole, part),
        Some((whole, part)) if is_filled_up(whole, part) => (whole, part.get(..2).unwrap_or(part)),
        Some(_) => {
            return Err(refuse(
                "has something else than one or two digits after its decimal point",
            ));
        }
        None => (number, ""),
    };
    // 0000012450.00: fields of fixed width. Without the decimals it may be in paise.
    let whole = if part.len() == 2 && is_digits(whole) && whole.len() > 1 {
        let filled = whole.trim_start_matches('0');
        if filled.is_empty() { "0" } else { filled }
    } else {
        whole
    };
    let groups: Vec<&str> = whole.split(',').collect();
    if !are_grouped(&groups) {
        return Err(refuse(
            "has its commas, or a leading zero, where no amount has them",
        ));
    }
    let rupees = groups
        .concat()
        .parse::<u64>()
        .ok()
        .filter(|rupees| *rupees < RUPEES_BELOW);
    let rupees = rupees
        .and_then(|rupees| i64::try_from(rupees).ok())
        .ok_or(refuse("is a hundred crore rupees or more"))?;
    let paise = rupees * 100 + format!("{part:0<2}").parse::<i64>().unwrap_or_default();
    if paise > 0 {
        Ok(paise)
    } else {
        Err(refuse("is nothing"))
    }
}

/// Whether the digits after a decimal point are paise and then zeros, as databases write them
/// (`12450.0000`). `12.450` may be twelve thousand, so three need a number before them that is not
/// a group of thousands.
fn is_filled_up(whole: &str, part: &str) -> bool {
    let is_group = whole.len() <= 3 && part.len() == 3;
    is_digits(part)
        && !is_group
        && part
            .get(2..)
            .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|digit| digit == b'0'))
}

/// Paise as rupees in plain decimals: `12450`, `12450.50`.
pub fn canonical(paise: i64) -> String {
    match paise % 100 {
        0 => (paise / 100).to_string(),
        part => format!("{}.{part:02}", paise / 100),
    }
}

/// The bare number. The currency may be given once, before or after it, followed by the `/-` or
/// "only" that cheques use, or the `Dr` by which a ledger says that the customer owes it.
fn without_currency(value: &str) -> Result<&str, Unreadable> {
    let only = ["only.", "only"]
        .iter()
        .find_map(|word| strip_end(value, word));
    let value = only
        .filter(|rest| rest.ends_with([' ', '-']))
        .unwrap_or(value)
        .trim_end();
    let debit = ["dr.", "dr"].iter().find_map(|word| strip_end(value, word));
    let value = debit
        .filter(|rest| rest.ends_with(|last: char| last == ' ' || last.is_ascii_digit()))
        .unwrap_or(value)
        .trim_end();
    let value = ["/-", "/="]
        .iter()
        .find_map(|mark| value.strip_suffix(mark))
        .unwrap_or(value)
        .trim_end();
    let before = CURRENCY.iter().find_map(|name| strip_start(value, name));
    // Rs: 12450
    let before = before.map(|rest| {
        let rest = rest.trim_start();
        rest.strip_prefix(':').unwrap_or(rest)
    });
    let number = before.unwrap_or(value).trim_start();
    let behind = CURRENCY.iter().find_map(|name| strip_end(number, name));
    match (before, behind) {
        (Some(_), Some(_)) => Err(Unreadable::new("names its currency twice", HINT)),
        (_, Some(number)) => Ok(["/-", "/="]
            .iter()
            .find_map(|mark| number.trim_end().strip_suffix(mark))
            .unwrap_or(number)
            .trim_end()),
        (_, None) => Ok(number),
    }
}

fn strip_start<'v>(value: &'v str, beginning: &str) -> Option<&'v str> {
    let (head, rest) = value.split_at_checked(beginning.len())?;
    head.eq_ignore_ascii_case(beginning).then_some(rest)
}

fn strip_end<'v>(value: &'v str, end: &str) -> Option<&'v str> {
    let (rest, tail) = value.split_at_checked(value.len().checked_sub(end.len())?)?;
    tail.eq_ignore_ascii_case(end).then_some(rest)
}

/// Whether the digit groups between commas follow Indian (`1,24,500`) or thousands (`1,245,000`)
/// grouping. A single group is accepted.
fn are_grouped(groups: &[&str]) -> bool {
    let Some((first, rest)) = groups.split_first() else {
        return false;
    };
    if !groups.iter().all(|group| is_digits(group)) || (first.starts_with('0') && *first != "0") {
        return false;
    }
    let Some((last, middle)) = rest.split_last() else {
        return true;
    };
    let by = |size: usize, most: usize| {
        first.len() <= most && middle.iter().all(|group| group.len() == size)
    };
    *first != "0" && last.len() == 3 && (by(2, 2) || by(3, 3))
}
