//! Replies of the API: a `Call`, or a `RestException`, in JSON if the path ends in `.json`, and in
//! XML otherwise.
//!
//! Pure. Sources: developer.exotel.com/api/make-a-call-api and support article 48278 for `Call`;
//! public integrations for `RestException`, as no page shows it.

use serde::Serialize;
use serde_json::{Map, Value as Json, json};

/// The format of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The path ends in `.json`.
    Json,
    /// It does not.
    Xml,
}

impl Format {
    /// The `Content-Type`.
    pub fn content_type(self) -> &'static str {
        match self {
            Format::Json => "application/json",
            Format::Xml => "application/xml",
        }
    }

    /// Writes one object under its name.
    pub fn write(self, name: &str, object: &Json) -> String {
        match self {
            Format::Json => json!({ name: object }).to_string(),
            Format::Xml => {
                let mut xml =
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<TwilioResponse>".to_owned();
                element(name, object, &mut xml);
                xml.push_str("</TwilioResponse>");
                xml
            }
        }
    }
}

impl Format {
    /// Writes a list of calls.
    pub fn list(self, calls: &[Json]) -> String {
        match self {
            Format::Json => {
                let metadata =
                    json!({ "PageSize": calls.len(), "PrevPageUri": null, "NextPageUri": null });
                json!({ "Metadata": metadata, "Calls": calls }).to_string()
            }
            Format::Xml => {
                let mut xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<TwilioResponse><Calls>"
                    .to_owned();
                for call in calls {
                    element("Call", call, &mut xml);
                }
                xml.push_str("</Calls></TwilioResponse>");
                xml
            }
        }
    }
}

/// Why Exotel refuses a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// Exotel's code, where one is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<u32>,
    /// The message.
    pub message: String,
}

impl Refusal {
    fn new(status: u16, message: &str) -> Self {
        Self {
            status,
            code: None,
            message: message.to_owned(),
        }
    }

    /// 400, code 34001. Exotel says "Bad/missing parameters"; what is wrong is added for readers
    /// of the log.
    pub fn bad_parameter(problem: String) -> Self {
        Self {
            status: 400,
            code: Some(34_001),
            message: format!("Bad/missing parameters: {problem}"),
        }
    }

    /// The number to call from is not the account's. Its status is not documented.
    pub fn unknown_caller_id() -> Self {
        Self::new(
            400,
            "Could not find the CallerId from which this call can be made",
        )
    }

    /// 401: no key and token, or wrong ones.
    pub fn not_authorized() -> Self {
        Self::new(401, "Authentication is required to view this page")
    }

    /// 403: the account's owner has not sent their documents.
    pub fn kyc() -> Self {
        Self::new(403, "Your account is not yet KYC compliant.")
    }

    /// 404: no such account, call or path.
    pub fn not_found() -> Self {
        Self::new(404, "The requested resource was not found")
    }

    /// 429. The body of a real one is not known.
    pub fn too_many() -> Self {
        Self::new(429, "Too many requests")
    }

    /// 500.
    pub fn internal() -> Self {
        Self::new(500, "Internal Server Error")
    }

    /// 503: out of order, or stopping.
    pub fn unavailable() -> Self {
        Self::new(503, "Service Unavailable")
    }

    /// The body, `RestException`.
    pub fn body(&self, format: Format) -> String {
        let mut object = Map::new();
        object.insert("Status".to_owned(), self.status.into());
        if let Some(code) = self.code {
            object.insert("Code".to_owned(), code.into());
        }
        object.insert("Message".to_owned(), self.message.as_str().into());
        format.write("RestException", &Json::Object(object))
    }
}

/// The answer to `ActiveStreams`, XML at any path.
pub fn active_streams(active: usize, limit: usize) -> String {
    let object = json!({ "ActiveStreamCount": active, "ThrottleLimit": limit });
    Format::Xml.write("Stream", &object)
}

/// An element with its content: nested objects as elements, `null` as an empty one.
fn element(name: &str, value: &Json, xml: &mut String) {
    xml.push_str(&format!("<{name}>"));
    match value {
        Json::Object(object) => object
            .iter()
            .for_each(|(name, value)| element(name, value, xml)),
        Json::Null => {}
        Json::String(text) => escape(text, xml),
        other => escape(&other.to_string(), xml),
    }
    xml.push_str(&format!("</{name}>"));
}

fn escape(text: &str, xml: &mut String) {
    for character in text.chars() {
        match character {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            other => xml.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use ghanti_exotel::rest::{ActiveStreams, ApiReply, parse_reply};

    use super::*;

    #[test]
    fn a_refusal_is_a_rest_exception_in_both_forms() {
        let refusal = Refusal::bad_parameter("`Url` & `To` together".to_owned());
        let Ok(ApiReply::Exception(read)) = parse_reply(&refusal.body(Format::Json)) else {
            panic!("{}", refusal.body(Format::Json));
        };
        assert_eq!(
            (read.status, read.code.as_deref()),
            (Some(400), Some("34001"))
        );
        let xml = refusal.body(Format::Xml);
        assert!(
            xml.contains("<TwilioResponse><RestException><") && xml.contains("&amp;"),
            "{xml}"
        );
    }

    #[test]
    fn a_list_is_read_in_both_forms() {
        let calls = [
            json!({ "Sid": "c1", "Status": "busy", "To": null }),
            json!({ "Sid": "c2" }),
        ];
        for format in [Format::Json, Format::Xml] {
            let read = ghanti_exotel::rest::parse_calls(&format.list(&calls)).unwrap();
            let sids: Vec<_> = read.iter().map(|call| call.call.sid.as_str()).collect();
            assert_eq!(sids, ["c1", "c2"], "{format:?}");
        }
    }

    #[test]
    fn active_streams_are_counted_in_xml() {
        let read = ActiveStreams::parse(&active_streams(3, 100)).unwrap();
        assert_eq!((read.active, read.limit), (3, 100));
    }
}
