//! Fields of JSON values by name: `loan.number` is the field `number` of the field `loan`, also of each
//! object of an array on the way.

use serde_json::Value as Json;

/// What replaces a value that is not kept, in a journal.
pub const REDACTED: &str = "‹redacted›";

/// Replaces each value at these paths by [`REDACTED`].
pub fn redact(value: &mut Json, paths: &[String]) {
    for path in paths {
        change(value, path, &mut |object, name| {
            if let Some(field) = object.get_mut(name) {
                *field = Json::from(REDACTED);
            }
        });
    }
}

/// Removes each field at these paths.
pub fn remove(value: &mut Json, paths: &[String]) {
    for path in paths {
        change(value, path, &mut |object, name| drop(object.remove(name)));
    }
}

/// Whether two values are the same, where whatever was redacted in the first is like anything.
pub fn alike(redacted: &Json, other: &Json) -> bool {
    match (redacted, other) {
        (Json::String(text), _) if text == REDACTED => true,
        (Json::Array(left), Json::Array(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .zip(right)
                    .all(|(left, right)| alike(left, right))
        }
        (Json::Object(left), Json::Object(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .all(|(name, left)| right.get(name).is_some_and(|right| alike(left, right)))
        }
        _ => redacted == other,
    }
}

type Object = serde_json::Map<String, Json>;

fn change(value: &mut Json, path: &str, apply: &mut impl FnMut(&mut Object, &str)) {
    match value {
        Json::Array(items) => items.iter_mut().for_each(|item| change(item, path, apply)),
        Json::Object(object) => match path.split_once('.') {
            None => apply(object, path),
            Some((first, rest)) => {
                if let Some(field) = object.get_mut(first) {
                    change(field, rest, apply);
                }
            }
        },
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_found_by_their_path_in_objects_and_lists() {
        let paths = ["pan", "loans.number", "nothing.here"].map(str::to_owned);
        let whole =
            json!({ "pan": { "a": 1 }, "loans": [{ "number": 7, "due": 1 }, 3], "name": "pan" });
        let mut redacted = whole.clone();
        redact(&mut redacted, &paths);
        assert_eq!(
            redacted,
            json!({ "pan": REDACTED, "loans": [{ "number": REDACTED, "due": 1 }, 3], "name": "pan" })
        );
        let mut removed = whole.clone();
        remove(&mut removed, &paths);
        assert_eq!(
            removed,
            json!({ "loans": [{ "due": 1 }, 3], "name": "pan" })
        );
        assert!(alike(&redacted, &whole) && alike(&redacted, &redacted));
        assert!(!alike(&redacted, &removed) && !alike(&whole, &redacted));
    }
}
