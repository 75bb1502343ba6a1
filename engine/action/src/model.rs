//! `kind = "model"`: one turn of a language model, by any server that speaks OpenAI's chat
//! completions: a cloud, vLLM, llama.cpp, Ollama.
//!
//! Source: OpenAI, API reference, "Create chat completion" and "Structured outputs".

use std::collections::BTreeSet;

use ghanti_model::TRACEPARENT;
use reqwest::header::CONTENT_TYPE;
use serde::Serialize;
use serde_json::{Value as Json, json};

use crate::client::{HttpClient, reach};
use crate::definition::{AnswerFormat, Definition};
use crate::errors::Errors;
use crate::fault::Fault;
use crate::guard::Guard;
use crate::http::Headers;
use crate::invocation::Invocation;
use crate::schema::Schema;
use crate::template::{Template, Values};
use crate::url::UrlTemplate;

/// How many times a model is asked at most, if its answers do not fit.
pub(crate) const TURNS: u32 = 2;
/// What an answer has besides the model's words, in bytes.
const ENVELOPE_BYTES: usize = 16 << 10;

/// The request of one turn.
#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: &'a [Json],
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<Json>,
}

/// A checked turn.
#[derive(Debug)]
pub(crate) struct ModelPlan {
    pub(crate) url: UrlTemplate,
    headers: Headers,
    model: String,
    system: Option<Template>,
    prompt: Option<Template>,
    max_tokens: Option<u32>,
    temperature: Option<f64>,
    format: AnswerFormat,
    /// The schema of the answer as it is sent to the server; without one the answer is a text.
    schema: Option<Json>,
}

impl ModelPlan {
    pub(crate) fn read(
        definition: &Definition,
        errors: &mut Errors,
    ) -> Option<(Self, BTreeSet<String>)> {
        let url = errors.need("url", definition.url.as_deref());
        let url = url.and_then(|url| {
            if url.contains(['?', '{']) {
                errors.add("url", "takes neither values nor a query: write the server's base, such as `https://api.example.com/v1`");
                return None;
            }
            let whole = format!("{}/chat/completions", url.trim_end_matches('/'));
            errors.take("url", UrlTemplate::parse(&whole))
        });
        if let Some(url) = &url {
            errors.take("url", reach(url.origin(), &definition.networks()));
        }
        let headers = Headers::read(definition, errors);
        let mut text = |key: &str, text: &Option<String>| {
            let text = text.as_deref()?;
            let template = errors.take(key, Template::parse(text))?;
            if !template.secrets().is_empty() {
                errors.add(key, "has a secret, which a model might repeat: remove it");
            }
            Some(template)
        };
        let (system, prompt) = (
            text("system", &definition.system),
            text("prompt", &definition.prompt),
        );
        if definition.max_tokens == Some(0) {
            errors.add("max-tokens", "is `0`: choose 1 or more");
        }
        if definition
            .temperature
            .is_some_and(|value| !(0.0..=2.0).contains(&value))
        {
            errors.add("temperature", "has to be between 0 and 2");
        }
        let format = definition.answer_format.unwrap_or(AnswerFormat::JsonSchema);
        if definition.output.is_none() && definition.answer_format.is_some() {
            errors.add(
                "answer-format",
                "is set without `output`: give the schema of the answer, or remove it",
            );
        }
        let model = errors.need("model", definition.model.as_deref());
        let (url, model) = (url?, model?.to_owned());
        let secrets = headers.secrets().collect();
        let plan = Self {
            url,
            headers,
            model,
            system,
            prompt,
            max_tokens: definition.max_tokens,
            temperature: definition.temperature,
            format,
            schema: definition.output.clone(),
        };
        Some((plan, secrets))
    }

    /// Takes a turn, and a second one if the first answer does not fit.
    pub(crate) async fn perform(
        &self,
        client: &HttpClient,
        values: Values<'_>,
        invocation: Invocation<'_>,
        schema: Option<&Schema>,
        guard: &Guard,
        most: usize,
    ) -> Result<Json, Fault> {
        let mut messages = Vec::new();
        if let Some(system) = &self.system {
            let text = system.text(values).map_err(Fault::Input)?;
            messages.push(json!({ "role": "system", "content": text }));
        }
        let prompt = match &self.prompt {
            Some(prompt) => prompt.text(values).map_err(Fault::Input)?,
            None => values.input.to_string(),
        };
        messages.push(json!({ "role": "user", "content": prompt }));
        let mut turn = 1;
        loop {
            let said = self
                .turn(client, values, invocation, &messages, most)
                .await?;
            let Some(schema) = schema else {
                return Ok(Json::from(said));
            };
            let reason = match serde_json::from_str::<Json>(said.trim()) {
                Ok(answer) => {
                    // before a reason names a field of it
                    guard.check(&answer)?;
                    match schema.check(&answer) {
                        Ok(()) => return Ok(answer),
                        Err(reason) => reason,
                    }
                }
                Err(_) => "it is not JSON".to_owned(),
            };
            if turn >= TURNS {
                return Err(Fault::answer(format!(
                    "the model's answer does not fit: {reason}"
                )));
            }
            turn += 1;
            messages.push(json!({ "role": "assistant", "content": said }));
            messages.push(json!({ "role": "user", "content":
                format!("That answer does not fit: {reason}. Answer again, with the JSON alone.") }));
        }
    }

    /// The model's words.
    async fn turn(
        &self,
        client: &HttpClient,
        values: Values<'_>,
        invocation: Invocation<'_>,
        messages: &[Json],
        most: usize,
    ) -> Result<String, Fault> {
        let format = match (&self.schema, self.format) {
            (Some(schema), AnswerFormat::JsonSchema) => Some(json!({ "type": "json_schema",
                "json_schema": { "name": "answer", "strict": true, "schema": schema } })),
            (Some(_), AnswerFormat::JsonObject) => Some(json!({ "type": "json_object" })),
            _ => None,
        };
        let body = Body {
            model: &self.model,
            messages,
            stream: false,
            max_tokens: self.max_tokens,
            temperature: self.temperature,
            response_format: format,
        };
        let body = serde_json::to_string(&body)
            .map_err(|_| Fault::answer("its request cannot be written"))?;
        let url = self.url.fill(values).map_err(Fault::Input)?;
        let mut request = client
            .request(reqwest::Method::POST, url)
            .header(CONTENT_TYPE, "application/json");
        if let Some(span) = self.headers.traceparent(invocation) {
            request = request.header(TRACEPARENT, span);
        }
        for (name, mut value) in self.headers.fill(values).map_err(Fault::Input)? {
            value.set_sensitive(true);
            request = request.header(name, value);
        }
        // a text of JSON within JSON takes at most twice its bytes, but for control characters
        let most_of_all = most.saturating_mul(2).saturating_add(ENVELOPE_BYTES);
        let received = client
            .send(request.body(body), most_of_all)
            .await?
            .succeeded()?;
        let said = serde_json::from_slice::<Json>(&received)
            .ok()
            .and_then(|reply| {
                let said = reply.pointer("/choices/0/message/content")?;
                said.as_str().map(str::to_owned)
            })
            .ok_or_else(|| {
                Fault::answer("its answer has no `choices` with a text: see whether `url` leads to a server of chat completions")
            })?;
        if said.len() > most {
            return Err(Fault::answer(format!(
                "the model's answer is longer than {most} bytes: see `output-bytes` and `max-tokens`"
            )));
        }
        Ok(said)
    }
}
