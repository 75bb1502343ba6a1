//! `docs/limits.md` against the constants that it lists.

use std::collections::BTreeSet;

use super::{is_of_tests, root, sources};

const PAGE: &str = "docs/limits.md";
/// A unit of time rather than a wait.
const UNITS: [&str; 1] = ["MINUTE"];

/// A constant of the engine outside of tests.
struct Constant {
    file: String,
    name: String,
    kind: String,
    expression: String,
}

/// A row of the page.
struct Row {
    name: String,
    value: String,
    file: String,
}

/// A number; of a time in milliseconds.
#[derive(Debug, PartialEq, Eq)]
enum Quantity {
    Time(u64),
    Count(u64),
}

fn constants() -> Vec<Constant> {
    let mut found = Vec::new();
    for (path, text) in sources("engine") {
        if is_of_tests(&path) {
            continue;
        }
        let file = path.strip_prefix(root()).unwrap().display().to_string();
        let code = text.split("\n#[cfg(test)]\nmod ").next().unwrap();
        let mut rest = code;
        while let Some((_, after)) = rest.split_once("const ") {
            rest = after;
            let Some((name, typed)) = after.split_once(": ") else {
                break;
            };
            let is_name =
                |letter: char| letter.is_ascii_uppercase() || "_0123456789".contains(letter);
            if !name.chars().all(is_name) {
                continue;
            }
            if let Some((kind, valued)) = typed.split_once(" =")
                && let Some((expression, _)) = valued.split_once(';')
            {
                let expression = expression.split_whitespace().collect::<Vec<_>>().join(" ");
                found.push(Constant {
                    file: file.clone(),
                    name: name.to_owned(),
                    kind: kind.to_owned(),
                    expression,
                });
            }
        }
    }
    assert!(!found.is_empty(), "the engine has constants");
    found
}

fn rows() -> Vec<Row> {
    let page = std::fs::read_to_string(root().join(PAGE)).unwrap();
    let (_, tables) = page.split_once("\n## Waits\n").unwrap();
    let cells = |line: &str| -> Vec<String> {
        let cells = line.trim_matches('|').split(" | ");
        cells
            .map(|cell| cell.trim().trim_matches('`').to_owned())
            .collect()
    };
    let listed = tables.lines().filter(|line| line.starts_with("| `"));
    listed
        .map(|line| match &cells(line)[..] {
            [name, value, _what, file] => Row {
                name: name.clone(),
                value: value.clone(),
                file: file.clone(),
            },
            other => panic!("a row of {PAGE} has other columns: {other:?}"),
        })
        .collect()
}

/// What a constant's expression comes to, of a duration in milliseconds.
fn evaluate(expression: &str, file: &str, all: &[Constant]) -> Option<u64> {
    let value = |text: &str| evaluate(text.trim(), file, all);
    for (unit, factor) in [("secs", 1_000), ("millis", 1)] {
        let call = format!("Duration::from_{unit}(");
        let inner = expression.strip_prefix(&call);
        if let Some(inner) = inner.and_then(|inner| inner.strip_suffix(')')) {
            return value(inner)?.checked_mul(factor);
        }
    }
    if let Some((times, by)) = expression.split_once(".saturating_mul(") {
        return value(times)?.checked_mul(value(by.strip_suffix(')')?)?);
    }
    if let Some((left, right)) = expression.split_once(" + ") {
        return value(left)?.checked_add(value(right)?);
    }
    if let Some((left, right)) = expression.split_once(" << ") {
        return value(left)?.checked_shl(u32::try_from(value(right)?).ok()?);
    }
    if let Some((left, right)) = expression.split_once(" * ") {
        return value(left)?.checked_mul(value(right)?);
    }
    if let Some((inner, _)) = expression.split_once(" as ") {
        return value(inner);
    }
    if let Ok(number) = expression.replace('_', "").parse() {
        return Some(number);
    }
    let of_name = |constant: &&Constant| constant.name == expression;
    let named: Vec<_> = all.iter().filter(of_name).collect();
    let here = named.iter().find(|constant| constant.file == file);
    let constant = match (here, &named[..]) {
        (Some(constant), _) => constant,
        (None, [constant]) => constant,
        _ => return None,
    };
    evaluate(&constant.expression, &constant.file, all)
}

fn quantity_of(constant: &Constant, all: &[Constant]) -> Option<Quantity> {
    let value = evaluate(&constant.expression, &constant.file, all)?;
    let name = &constant.name;
    Some(
        if constant.kind == "Duration" || name.ends_with("_MS") || name.contains("_MS_") {
            Quantity::Time(value)
        } else if name.ends_with("_S") {
            Quantity::Time(value * 1_000)
        } else {
            Quantity::Count(value)
        },
    )
}

/// Reads `1.5 s`, `64 KiB` or `20,000`.
fn read(text: &str) -> Option<Quantity> {
    let (number, unit) = text.split_once(' ').unwrap_or((text, ""));
    let number: f64 = number.replace(',', "").parse().ok()?;
    let scaled = |factor: u64| (number * factor as f64).round() as u64;
    Some(match unit {
        "ms" => Quantity::Time(scaled(1)),
        "s" => Quantity::Time(scaled(1_000)),
        "min" => Quantity::Time(scaled(60_000)),
        "h" => Quantity::Time(scaled(3_600_000)),
        "day" | "days" => Quantity::Time(scaled(86_400_000)),
        "" | "bytes" => Quantity::Count(scaled(1)),
        "KiB" => Quantity::Count(scaled(1 << 10)),
        "MiB" => Quantity::Count(scaled(1 << 20)),
        "GiB" => Quantity::Count(scaled(1 << 30)),
        _ => return None,
    })
}

#[test]
fn every_limit_on_the_page_is_that_of_its_constant() {
    let (all, rows) = (constants(), rows());
    assert!(rows.len() > 200, "only {} rows were found", rows.len());
    let mut wrong = Vec::new();
    for Row { name, value, file } in &rows {
        let constant = all
            .iter()
            .find(|constant| constant.name == *name && constant.file == *file);
        let Some(constant) = constant else {
            wrong.push(format!("`{file}` has no constant `{name}`"));
            continue;
        };
        let (is, listed) = (quantity_of(constant, &all), read(value));
        if is.is_none() || is != listed {
            let expression = &constant.expression;
            wrong.push(format!(
                "`{name}` of `{file}` is `{expression}`, and the page says `{value}`"
            ));
        }
    }
    assert!(wrong.is_empty(), "correct {PAGE}: {wrong:#?}");
    let distinct: BTreeSet<_> = rows.iter().map(|row| (&row.file, &row.name)).collect();
    assert_eq!(distinct.len(), rows.len(), "a constant is listed twice");
}

#[test]
fn every_wait_of_the_engine_is_on_the_page() {
    let rows = rows();
    let is_listed = |constant: &Constant| {
        rows.iter()
            .any(|row| row.name == constant.name && row.file == constant.file)
    };
    let missing: Vec<_> = constants()
        .iter()
        // the simulated Exotel waits as the real one does
        .filter(|constant| constant.kind == "Duration" && !constant.file.starts_with("engine/sim/"))
        .filter(|constant| !UNITS.contains(&constant.name.as_str()) && !is_listed(constant))
        .map(|constant| format!("`{}` of `{}`", constant.name, constant.file))
        .collect();
    assert!(missing.is_empty(), "list these in {PAGE}: {missing:#?}");
}

#[test]
fn values_are_compared_whatever_their_spelling() {
    for (expression, text) in [
        ("Duration::from_millis(1_500)", "1.5 s"),
        ("Duration::from_secs(3_600)", "1 h"),
        ("Duration::from_secs(2 * 60)", "2 min"),
    ] {
        let value = evaluate(expression, "", &[]).unwrap();
        assert_eq!(read(text), Some(Quantity::Time(value)), "{text}");
    }
    for (expression, text) in [("64 << 10", "64 KiB"), ("20_000", "20,000")] {
        let value = evaluate(expression, "", &[]).unwrap();
        assert_eq!(read(text), Some(Quantity::Count(value)), "{text}");
    }
    assert_eq!(read("20 pieces"), None);
    assert_eq!(evaluate("UNKNOWN", "", &[]), None);
}
