//! `kind = "http"`: one request.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ghanti_model::TRACEPARENT;
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use serde_json::Value as Json;

use crate::client::{HttpClient, reach};
use crate::definition::{AnswerKind, Definition, Does, Method};
use crate::errors::Errors;
use crate::fault::Fault;
use crate::guard::Guard;
use crate::invocation::Invocation;
use crate::secret::SecretText;
use crate::template::{JsonTemplate, Template, Values};
use crate::url::UrlTemplate;

/// Headers that are the engine's to set.
const RESERVED: [&str; 9] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// A checked request.
#[derive(Debug)]
pub(crate) struct HttpPlan {
    pub(crate) url: UrlTemplate,
    method: reqwest::Method,
    headers: Headers,
    login: Option<(Template, Template)>,
    body: Body,
    answer: AnswerKind,
    /// An action that acts says which invocation it is, so that a server can recognise a repetition.
    has_key: bool,
}

#[derive(Debug)]
enum Body {
    None,
    Json(JsonTemplate),
    Form(Vec<(String, Template)>),
}

/// Headers with placeholders.
#[derive(Debug)]
pub(crate) struct Headers(Vec<(HeaderName, Template)>);

impl Headers {
    pub(crate) fn read(definition: &Definition, errors: &mut Errors) -> Self {
        let mut headers = Vec::new();
        for (name, value) in &definition.headers {
            let shown = name.escape_default();
            let Ok(parsed) = name.parse::<HeaderName>() else {
                errors.add(
                    "headers",
                    format!("has `{shown}`, which is not a valid header name"),
                );
                continue;
            };
            if RESERVED.contains(&parsed.as_str()) {
                errors.add(
                    "headers",
                    format!("has `{shown}`, which the engine sets: remove it"),
                );
                continue;
            }
            let template =
                Template::parse(value).map_err(|reason| format!("has `{shown}`: {reason}"));
            headers.extend(
                errors
                    .take("headers", template)
                    .map(|value| (parsed, value)),
            );
        }
        Self(headers)
    }

    pub(crate) fn secrets(&self) -> impl Iterator<Item = String> + '_ {
        self.0.iter().flat_map(|(_, value)| value.secrets())
    }

    pub(crate) fn fill(
        &self,
        values: Values<'_>,
    ) -> Result<Vec<(HeaderName, HeaderValue)>, String> {
        self.0
            .iter()
            .map(|(name, template)| {
                let text = template.text(values)?;
                let is_plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
                let value = HeaderValue::from_str(&text)
                    .ok()
                    .filter(|_| is_plain)
                    .ok_or_else(|| format!("the header `{name}` takes printable ASCII alone"))?;
                Ok((name.clone(), value))
            })
            .collect()
    }

    /// The header with the span of an invocation, if the operator sets none.
    pub(crate) fn traceparent(&self, invocation: Invocation<'_>) -> Option<String> {
        let span = invocation.span.filter(|_| !self.has(TRACEPARENT));
        span.map(|span| span.to_string())
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(given, _)| given.as_str() == name)
    }
}

impl HttpPlan {
    pub(crate) fn read(
        definition: &Definition,
        errors: &mut Errors,
    ) -> Option<(Self, BTreeSet<String>)> {
        let url = errors.need("url", definition.url.as_deref());
        let url = url.and_then(|url| errors.take("url", UrlTemplate::parse(url)));
        if let Some(url) = &url {
            errors.take("url", reach(url.origin(), &definition.networks()));
        }
        let headers = Headers::read(definition, errors);
        let body = match (&definition.body, definition.form.is_empty()) {
            (Some(_), false) => {
                errors.add("form", "is set together with `body`: give one of them");
                return None;
            }
            (Some(body), true) => Body::Json(errors.take("body", JsonTemplate::parse(body))?),
            (None, false) => Body::Form(
                definition
                    .form
                    .iter()
                    .filter_map(|(name, value)| {
                        let value = errors.take("form", Template::parse(value))?;
                        Some((name.clone(), value))
                    })
                    .collect(),
            ),
            (None, true) => Body::None,
        };
        let has_body = !matches!(body, Body::None);
        let method = match (definition.method, has_body) {
            (Some(Method::Get | Method::Delete), true) => {
                errors.add(
                    "method",
                    "takes no body: use POST, PUT or PATCH, or put values into `url`",
                );
                return None;
            }
            (Some(Method::Get), false) | (None, false) => reqwest::Method::GET,
            (Some(Method::Delete), false) => reqwest::Method::DELETE,
            (Some(Method::Post), _) | (None, true) => reqwest::Method::POST,
            (Some(Method::Put), _) => reqwest::Method::PUT,
            (Some(Method::Patch), _) => reqwest::Method::PATCH,
        };
        let login = match &definition.login {
            None => None,
            Some(login) => {
                if headers.has("authorization") {
                    errors.add(
                        "login",
                        "is set together with a header `authorization`: give one of them",
                    );
                }
                let mut part = |text| errors.take("login", Template::parse(text));
                Some((part(&login.user)?, part(&login.password)?))
            }
        };
        let url = url?;
        let mut secrets: BTreeSet<_> = url.secrets().into_iter().chain(headers.secrets()).collect();
        let of_login = login.iter().flat_map(|(user, password)| [user, password]);
        secrets.extend(of_login.flat_map(Template::secrets));
        match &body {
            Body::None => {}
            Body::Json(body) => secrets.extend(body.secrets()),
            Body::Form(pairs) => {
                secrets.extend(pairs.iter().flat_map(|(_, value)| value.secrets()))
            }
        }
        let plan = Self {
            url,
            method,
            has_key: definition.does() == Does::Act && !headers.has("idempotency-key"),
            headers,
            login,
            body,
            answer: definition.answer.unwrap_or(AnswerKind::Json),
        };
        Some((plan, secrets))
    }

    /// Does it.
    pub(crate) async fn perform(
        &self,
        client: &HttpClient,
        values: Values<'_>,
        invocation: Invocation<'_>,
        most: usize,
    ) -> Result<Json, Fault> {
        let url = self.url.fill(values).map_err(Fault::Input)?;
        let mut request = client.request(self.method.clone(), url);
        for (name, mut value) in self.headers.fill(values).map_err(Fault::Input)? {
            value.set_sensitive(true);
            request = request.header(name, value);
        }
        if self.has_key {
            request = request.header("idempotency-key", invocation.key);
        }
        if let Some(span) = self.headers.traceparent(invocation) {
            request = request.header(TRACEPARENT, span);
        }
        let mut guard = Guard::default();
        if let Some((user, password)) = &self.login {
            let text = |template: &Template| template.text(values).map_err(Fault::Input);
            let (user, password) = (text(user)?, text(password)?);
            let both = STANDARD.encode(format!("{user}:{password}"));
            guard = Guard::new([&SecretText::new(both)]);
            request = request.basic_auth(user, Some(password));
        }
        request = match &self.body {
            Body::None => request,
            Body::Json(body) => {
                let body = body.fill(values).map_err(Fault::Input)?;
                let request = match self.headers.has("content-type") {
                    true => request,
                    false => request.header(CONTENT_TYPE, "application/json"),
                };
                request.body(body.to_string())
            }
            Body::Form(pairs) => {
                let mut form = form_urlencoded::Serializer::new(String::new());
                for (name, value) in pairs {
                    form.append_pair(name, &value.text(values).map_err(Fault::Input)?);
                }
                request
                    .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                    .body(form.finish())
            }
        };
        let body = client.send(request, most).await?.succeeded()?;
        let answer = match self.answer {
            AnswerKind::Json => json(&body)?,
            AnswerKind::Text => String::from_utf8(body)
                .map(Json::from)
                .map_err(|_| Fault::answer("its answer is not UTF-8"))?,
        };
        guard.check(&answer)?;
        Ok(answer)
    }
}

/// An answer as JSON; nothing at all is `null`.
fn json(body: &[u8]) -> Result<Json, Fault> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Json::Null);
    }
    serde_json::from_slice(body).map_err(|_| {
        Fault::answer("its answer is not JSON: set `answer = \"text\"` if it is a text")
    })
}
