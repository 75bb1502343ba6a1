//! `[actions.NAME]` of `ghanti.toml`, as it is written. [`plan`](crate::plan) checks it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::secret::SecretText;

/// An action's definition. Which keys belong to which kind is in `docs/actions.md`, and is checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Definition {
    /// What it is done by.
    pub kind: Kind,
    /// Whether it reads or acts.
    pub does: Option<Does>,
    /// The JSON Schema of its input.
    pub input: Option<Json>,
    /// The JSON Schema of its answer.
    pub output: Option<Json>,
    /// How long it may take in all, in milliseconds.
    #[serde(default = "timeout_ms")]
    pub timeout_ms: u64,
    /// The largest input, in bytes.
    #[serde(default = "input_bytes")]
    pub input_bytes: u64,
    /// The largest answer, in bytes.
    #[serde(default = "output_bytes")]
    pub output_bytes: u64,
    /// How often one conversation may invoke it.
    #[serde(default = "calls")]
    pub calls: u32,
    /// How often it is done at once, for all calls of this node.
    #[serde(default = "at_once")]
    pub at_once: u32,
    /// What it costs, for people to read.
    pub cost: Option<String>,
    /// Fields of the input that are not journaled, and fields of the answer that are dropped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redact: Vec<String>,
    /// Its secrets by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, SecretText>,
    /// Addresses and networks that are not public and may be connected to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub private: Vec<String>,
    /// A PEM file of certificates to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// `http`, `model`, `redis`: where it goes.
    pub url: Option<String>,
    /// `http`, `redis`: who asks.
    pub login: Option<Login>,
    /// `http`, `model`: headers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// `http`: the method; `GET` without a body and `POST` with one.
    pub method: Option<Method>,
    /// `http`: a JSON body.
    pub body: Option<Json>,
    /// `http`: a form as the body.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub form: BTreeMap<String, String>,
    /// `http`: what it answers.
    pub answer: Option<AnswerKind>,
    /// `model`: the model's name.
    pub model: Option<String>,
    /// `model`: the system's text.
    pub system: Option<String>,
    /// `model`: the user's text; the input as JSON when absent.
    pub prompt: Option<String>,
    /// `model`: the most tokens of an answer.
    pub max_tokens: Option<u32>,
    /// `model`: the temperature.
    pub temperature: Option<f64>,
    /// `model`: how the schema of the answer is sent to the server.
    pub answer_format: Option<AnswerFormat>,
    /// `sms`: the sender id or ExoPhone.
    pub from: Option<String>,
    /// `sms`: the entity's id of the DLT registration.
    pub dlt_entity: Option<String>,
    /// `sms`: the template's id of the DLT registration.
    pub dlt_template: Option<String>,
    /// `sms`: the text, as the template is registered.
    pub text: Option<String>,
    /// `redis`: the key.
    pub key: Option<String>,
    /// `redis`: the type of the key's value.
    pub value: Option<RedisValue>,
    /// `redis`: the fields of a hash that are read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
}

/// What an action is done by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// An HTTP request.
    Http,
    /// A turn of a language model on an OpenAI-compatible server.
    Model,
    /// An SMS to the call's customer, by Exotel.
    Sms,
    /// A look-up in Redis.
    Redis,
}

impl Kind {
    /// Its name in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Http => "http",
            Kind::Model => "model",
            Kind::Sms => "sms",
            Kind::Redis => "redis",
        }
    }
}

/// Whether an action changes something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Does {
    /// It changes nothing.
    Read,
    /// It may change something.
    Act,
}

/// A user and a password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Login {
    /// The user; empty for Redis' default one.
    #[serde(default)]
    pub user: String,
    /// The password: `{secret:NAME}`.
    pub password: String,
}

/// An HTTP method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs, reason = "each is the method of RFC 9110 of that name")]
pub enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

/// What an HTTP request is answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnswerKind {
    /// JSON, which is the answer.
    Json,
    /// A text in UTF-8, which is the answer as a JSON string.
    Text,
}

/// How a model's server gets the schema of its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnswerFormat {
    /// `response_format` with the schema, strictly.
    JsonSchema,
    /// `response_format` of any JSON object.
    JsonObject,
    /// Nothing: the system's text says it.
    None,
}

/// The value of a key in Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RedisValue {
    /// A text.
    Text,
    /// JSON as a text.
    Json,
    /// A hash.
    Hash,
}

fn timeout_ms() -> u64 {
    3_000
}

fn input_bytes() -> u64 {
    4 << 10
}

fn output_bytes() -> u64 {
    16 << 10
}

fn calls() -> u32 {
    10
}

fn at_once() -> u32 {
    16
}
