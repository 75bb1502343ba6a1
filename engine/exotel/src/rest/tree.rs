//! Replies as one tree, whether they came as JSON or as XML: an XML element with children is an
//! object, elements of one name are a list, any other element is a text. The root element of XML
//! (`TwilioResponse`) is left out, so that both forms have the same names.

use roxmltree::{Document, Node, ParsingOptions};
use serde_json::{Map, Value};

use crate::ParseError;
use crate::parameters::{MAX_BODY_BYTES, json};

/// The most XML nodes read; Exotel's longest pages have 100 calls of some 20 fields.
const MAX_NODES: u32 = 16_384;

/// The deepest element kept: `TwilioResponse`, `Call`, `Details`, `Legs`, `Leg`, `Id`, and a
/// reserve.
const MAX_DEPTH: usize = 16;

/// Root elements that are contents themselves.
const BARE: [&str; 3] = ["Call", "RestException", "Stream"];

/// Reads JSON, or XML where the text begins with `<`.
///
/// # Errors
/// The text is over 256 KiB or is neither.
pub(super) fn read(text: &str) -> Result<Value, ParseError> {
    if text.len() > MAX_BODY_BYTES {
        return Err(ParseError::TooLong {
            bytes: text.len(),
            limit: MAX_BODY_BYTES,
        });
    }
    let text = text.trim_start_matches('\u{feff}').trim();
    if !text.starts_with('<') {
        return json(text).map_err(ParseError::NotJson);
    }
    // a document type could define entities that grow without bound: roxmltree refuses one by default
    let options = ParsingOptions {
        nodes_limit: MAX_NODES,
        ..ParsingOptions::default()
    };
    let document = Document::parse_with_options(text, options).map_err(|error| {
        // the position alone: the error's text quotes the document
        let position = error.pos();
        ParseError::NotXml {
            line: position.row,
            column: position.col,
        }
    })?;
    let root = document.root_element();
    let (name, inner) = (root.tag_name().name(), value(root, 0));
    // some pages show these without the element around them
    let is_bare = BARE.iter().any(|bare| bare.eq_ignore_ascii_case(name));
    Ok(if is_bare {
        Value::Object(Map::from_iter([(name.to_owned(), inner)]))
    } else {
        inner
    })
}

/// Whether the text is a web page, such as a proxy's.
pub(super) fn is_html(text: &str) -> bool {
    let start: String = text
        .trim_start_matches('\u{feff}')
        .trim_start()
        .chars()
        .take(15)
        .collect();
    let start = start.to_ascii_lowercase();
    start.starts_with("<!doctype html") || start.starts_with("<html")
}

fn value(node: Node<'_, '_>, depth: usize) -> Value {
    let children: Vec<_> = node.children().filter(Node::is_element).collect();
    if children.is_empty() || depth == MAX_DEPTH {
        return Value::String(node.text().unwrap_or_default().trim().to_owned());
    }
    let mut object = Map::new();
    for child in children {
        let (name, inner) = (child.tag_name().name(), value(child, depth + 1));
        match object.get_mut(name) {
            None => {
                object.insert(name.to_owned(), inner);
            }
            Some(Value::Array(list)) => list.push(inner),
            Some(first) => {
                let list = vec![first.take(), inner];
                *first = Value::Array(list);
            }
        }
    }
    Value::Object(object)
}

/// The value of a name in an object. Case and underscores do not count: Exotel writes
/// `IncomingPhoneNumbers` and `incoming_phone_numbers`.
pub(super) fn get<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    let plain = |text: &str| text.replace('_', "").to_ascii_lowercase();
    let wanted = plain(name);
    value
        .as_object()?
        .iter()
        .find(|(given, _)| plain(given) == wanted)
        .map(|(_, value)| value)
}

/// A text, number or truth value as text; `None` where it is missing, blank or `null`.
pub(super) fn text(value: &Value, name: &str) -> Option<String> {
    let text = match get(value, name)? {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        _ => return None,
    };
    (!text.is_empty() && !text.eq_ignore_ascii_case("null")).then_some(text)
}

/// The items of a list called `plural`: the list itself, one item in its place, or items wrapped
/// one by one in an object called `singular`.
pub(super) fn items<'v>(value: &'v Value, plural: &str, singular: &str) -> Option<Vec<&'v Value>> {
    let found = get(value, plural).or_else(|| get(value, singular))?;
    let found = get(found, singular).unwrap_or(found);
    let list = match found {
        Value::Array(list) => list.iter().collect(),
        Value::Object(_) => vec![found],
        _ => Vec::new(),
    };
    Some(
        list.into_iter()
            .map(|item| get(item, singular).unwrap_or(item))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xml_and_json_give_one_tree() {
        let xml = "<?xml version=\"1.0\"?>\n<TwilioResponse>\n <Call><Sid>c1</Sid><To/>\
            <Price>1 &amp; 2</Price></Call><L><X>1</X><X>2</X><X>3</X></L></TwilioResponse>";
        let json = r#"{"Call":{"Sid":"c1","To":"","Price":"1 & 2"},"L":{"X":["1","2","3"]}}"#;
        assert_eq!(read(xml).unwrap(), read(json).unwrap());
    }

    #[test]
    fn hostile_xml_is_refused() {
        let entity = "<!DOCTYPE a [<!ENTITY b \"bbbb\">]><a>&b;</a>";
        let many = format!("<a>{}</a>", "<b/>".repeat(20_000));
        let deep = format!("{}x{}", "<b>".repeat(5_000), "</b>".repeat(5_000));
        for text in [
            entity,
            many.as_str(),
            "<a>",
            "<a></b>",
            "<",
            "<html><br></html>",
        ] {
            assert!(
                matches!(read(text), Err(ParseError::NotXml { .. })),
                "{}",
                text.chars().take(40).collect::<String>()
            );
        }
        // read or refused, but neither a crash nor a long wait
        drop(read(&deep));
        let long = " ".repeat(MAX_BODY_BYTES + 1);
        assert!(matches!(read(&long), Err(ParseError::TooLong { .. })));
    }

    #[test]
    fn a_web_page_is_distinguished_from_xml() {
        for text in ["<!DOCTYPE html><p>", " \n<HTML lang=en>", "\u{feff}<html>"] {
            assert!(is_html(text), "{text}");
        }
        for text in [
            "<TwilioResponse/>",
            "{}",
            "",
            "<htm",
            "<?xml version='1.0'?>",
        ] {
            assert!(!is_html(text), "{text}");
        }
    }
}
