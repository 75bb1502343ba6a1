//! The URL of a request: scheme, host and port are the operator's; values stand in the path and the
//! query alone, percent-encoded.

use std::collections::BTreeSet;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Url;

use crate::template::{Template, Values};

/// All but the characters that RFC 3986 leaves unreserved.
const RESERVED: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
/// The longest URL, in bytes.
pub(crate) const URL_BYTES: usize = 8 << 10;

/// A URL with placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UrlTemplate {
    origin: Url,
    /// Between the slashes of the path.
    segments: Vec<Template>,
    query: Option<Template>,
}

/// A value, escaped for a path or a query.
pub(crate) fn encoded(value: &str) -> String {
    utf8_percent_encode(value, &RESERVED).to_string()
}

impl UrlTemplate {
    /// Reads a URL. No error repeats it: it may hold a secret that was written into it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err("is not a URL: write it as `https://crm.example.com/path`".to_owned());
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (host, rest) = rest.split_at(end);
        if scheme.contains('{') || host.contains(['{', '}']) {
            return Err(
                "has a value in its host: write the host itself, and values only after it"
                    .to_owned(),
            );
        }
        if rest.contains('#') {
            return Err("has a `#`, which is never sent: remove the rest from there on".to_owned());
        }
        let Ok(origin) = Url::parse(&format!("{scheme}://{host}/")) else {
            return Err("is not a URL: write it as `https://crm.example.com/path`".to_owned());
        };
        if !origin.username().is_empty() || origin.password().is_some() {
            return Err("contains a user or password: give them as `login`".to_owned());
        }
        if !matches!(origin.scheme(), "https" | "http") {
            return Err("begins with neither https:// nor http://".to_owned());
        }
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        };
        let path = path.strip_prefix('/').unwrap_or(path);
        Ok(Self {
            origin,
            segments: path
                .split('/')
                .map(Template::parse)
                .collect::<Result<_, _>>()?,
            query: query.map(Template::parse).transpose()?,
        })
    }

    /// Whether it is `https`.
    pub(crate) fn is_https(&self) -> bool {
        self.origin.scheme() == "https"
    }

    /// Without its path: where requests go.
    pub(crate) fn origin(&self) -> &Url {
        &self.origin
    }

    pub(crate) fn secrets(&self) -> BTreeSet<String> {
        self.segments
            .iter()
            .chain(&self.query)
            .flat_map(Template::secrets)
            .collect()
    }

    /// The URL of one request. A value may be any text in the query, and in the path any that is not
    /// a way up or nothing.
    pub(crate) fn fill(&self, values: Values<'_>) -> Result<Url, String> {
        let mut text = self.origin.as_str().trim_end_matches('/').to_owned();
        for segment in &self.segments {
            let filled = segment.fill(values, |value| Ok(encoded(value)))?;
            if segment.has_places() && matches!(filled.as_str(), "" | "." | "..") {
                return Err("a value of the path is empty, `.` or `..`: give another".to_owned());
            }
            text.push('/');
            text.push_str(&filled);
        }
        if let Some(query) = &self.query {
            text.push('?');
            text.push_str(&query.fill(values, |value| Ok(encoded(value)))?);
        }
        if text.len() > URL_BYTES {
            return Err(format!(
                "the request's URL would have {} bytes: there may be {URL_BYTES}",
                text.len()
            ));
        }
        let url = Url::parse(&text).map_err(|_| "its URL cannot be used".to_owned())?;
        // the values are encoded, so that this is always so
        if url.origin() != self.origin.origin() {
            return Err("its URL would lead elsewhere".to_owned());
        }
        Ok(url)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value as Json, json};

    use super::*;
    use crate::secret::SecretText;
    use crate::template::tests::call;

    fn filled(template: &str, input: &Json) -> Result<String, String> {
        let secrets = BTreeMap::from([("key".to_owned(), SecretText::new("a&b"))]);
        let values = Values {
            input,
            call: &call(),
            secrets: &secrets,
        };
        let url = UrlTemplate::parse(template).unwrap();
        url.fill(values).map(String::from)
    }

    #[test]
    fn a_value_is_one_part_of_the_path_or_one_value_of_the_query() {
        for (value, path, query) in [
            ("42", "42", "42"),
            (
                "a/../../admin?x=1#y",
                "a%2F..%2F..%2Fadmin%3Fx%3D1%23y",
                "a%2F..%2F..%2Fadmin%3Fx%3D1%23y",
            ),
            ("a b&c=d", "a%20b%26c%3Dd", "a%20b%26c%3Dd"),
            ("%2e%2e", "%252e%252e", "%252e%252e"),
            ("\r\nHost: x", "%0D%0AHost%3A%20x", "%0D%0AHost%3A%20x"),
            (
                "@evil.example.com",
                "%40evil.example.com",
                "%40evil.example.com",
            ),
            ("\\..\\x", "%5C..%5Cx", "%5C..%5Cx"),
            (
                "राम",
                "%E0%A4%B0%E0%A4%BE%E0%A4%AE",
                "%E0%A4%B0%E0%A4%BE%E0%A4%AE",
            ),
        ] {
            let input = json!({ "v": value });
            assert_eq!(
                filled(
                    "https://crm.example.com:8443/loans/{v}/dues?id={v}&all=1",
                    &input
                )
                .unwrap(),
                format!("https://crm.example.com:8443/loans/{path}/dues?id={query}&all=1")
            );
        }
        assert_eq!(
            filled("https://a.example/?key={secret:key}", &json!({})).unwrap(),
            "https://a.example/?key=a%26b"
        );
        assert_eq!(
            filled("https://a.example", &json!({})).unwrap(),
            "https://a.example/"
        );
        assert_eq!(
            filled("https://a.example?x={none?}", &json!({})).unwrap(),
            "https://a.example/?x="
        );
    }

    #[test]
    fn a_value_leads_neither_up_nor_to_another_resource() {
        for value in ["..", ".", ""] {
            let reported = filled(
                "https://crm.example.com/loans/{v}/dues",
                &json!({ "v": value }),
            )
            .unwrap_err();
            assert!(reported.contains("`.` or `..`"), "{reported}");
        }
        assert!(
            filled("https://a.example/{v}", &json!({ "v": "x".repeat(9_000) }))
                .unwrap_err()
                .contains("8192")
        );
        // not a way up, as it is not the whole segment
        assert!(
            filled("https://a.example/x{v}/y", &json!({ "v": ".." }))
                .unwrap()
                .contains("/x../y")
        );
    }

    #[test]
    fn the_host_is_the_operators() {
        for text in [
            "crm.example.com/x",
            "https://{host}/x",
            "https://crm.{domain}/x",
            "{scheme}://crm.example.com/",
            "https://a:hunter2@crm.example.com/",
            "https://crm.example.com/#x",
            "ftp://crm.example.com/",
            "https:///x",
        ] {
            let reported = UrlTemplate::parse(text).unwrap_err();
            assert!(!reported.contains("hunter2"), "{text}: {reported}");
        }
    }
}
