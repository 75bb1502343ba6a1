//! The engine's API of customers, as the import asks it.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use ghanti_import::Field;
use ghanti_import::columns::PHONE;
use ghanti_model::values::Kind;
use ghanti_sim::http::client;
use reqwest::header::RETRY_AFTER;
use reqwest::{Client, RequestBuilder, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// How long the engine may take to answer: it stores some hundred rows in one transaction.
const REPLY: Duration = Duration::from_secs(60);

/// A running engine.
pub struct Engine {
    http: Client,
    base: String,
    token: Option<String>,
}

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// The engine cannot serve it now; the same request may be sent again.
    #[error("{what}")]
    Now {
        /// What is wrong.
        what: String,
        /// When the engine wants to be asked again.
        after: Option<Duration>,
    },
    /// The engine refuses it.
    #[error("{error}: {hint}")]
    Refused {
        /// What is wrong.
        error: String,
        /// What to do about it.
        hint: String,
    },
}

/// The fields that a flow declares.
#[derive(Debug, Deserialize)]
pub struct Schema {
    fields: BTreeMap<String, Declared>,
}

#[derive(Debug, Deserialize)]
struct Declared {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    required: bool,
    #[serde(default)]
    from_state: Option<String>,
}

/// What became of the rows of a request.
#[derive(Debug, Deserialize)]
pub struct Stored {
    /// New customers.
    pub stored: u64,
    /// Customers whose record was another one.
    pub updated: u64,
    /// Customers whose record was the same.
    pub unchanged: u64,
    /// The other rows.
    pub rejected: Vec<Rejected>,
}

/// A row that was not stored.
#[derive(Debug, Deserialize)]
pub struct Rejected {
    /// Its line.
    pub line: u64,
    /// The line of the row with the same customer.
    #[serde(default)]
    pub duplicate_of: Option<u64>,
    /// What is wrong.
    #[serde(default)]
    pub problems: Vec<Problem>,
}

/// What is wrong with a field.
#[derive(Debug, Deserialize)]
pub struct Problem {
    /// The field.
    pub field: String,
    /// The reason.
    pub reason: String,
}

/// The engine's answer to a request that it does not serve.
#[derive(Deserialize)]
struct Refusal {
    detail: String,
    hint: String,
}

impl Schema {
    /// The fields that columns are looked for: the number, what the flow declares, and the states
    /// from which a language follows.
    pub fn fields(&self) -> Vec<Field> {
        let mut fields = vec![Field::phone()];
        let declared = self.fields.iter().filter(|(name, _)| *name != PHONE);
        fields.extend(declared.map(|(name, declared)| {
            Field {
                name: name.clone(),
                kind: Kind::ALL
                    .iter()
                    .find(|(name, _)| *name == declared.kind)
                    // a type of a later engine: its column has to have its name
                    .map_or(Kind::Text, |(_, kind)| *kind),
                required: declared.required,
            }
        }));
        for state in self
            .fields
            .values()
            .filter_map(|field| field.from_state.as_ref())
        {
            if fields.iter().all(|field| field.name != *state) {
                fields.push(Field {
                    name: state.clone(),
                    kind: Kind::Text,
                    required: false,
                });
            }
        }
        fields
    }

    /// Whether the flow declares the number as a field as well.
    pub fn has_phone(&self) -> bool {
        self.fields.contains_key(PHONE)
    }
}

impl Engine {
    /// An engine at a base URL.
    pub fn new(base: &str, token: Option<String>) -> anyhow::Result<Self> {
        Ok(Self {
            http: client()?
                .timeout(REPLY)
                .build()
                .context("cannot make a client of HTTP")?,
            base: base.trim_end_matches('/').to_owned(),
            token,
        })
    }

    /// The fields of a flow.
    pub async fn schema(&self, flow: &str) -> Result<Schema, NoAnswer> {
        let url = format!("{}/api/customers/schema", self.base);
        self.send(self.http.get(url).query(&[("flow", flow)])).await
    }

    /// Sends rows; `body` is the JSON of `POST /api/customers`.
    pub async fn store(&self, body: String) -> Result<Stored, NoAnswer> {
        let request = self
            .http
            .post(format!("{}/api/customers", self.base))
            .header(reqwest::header::CONTENT_TYPE, "application/json")
            .body(body);
        self.send(request).await
    }

    async fn send<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, NoAnswer> {
        let request = match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        let lost = |_: reqwest::Error| NoAnswer::Now {
            what: format!(
                "the engine at `{}` does not answer: start it with `ghanti serve`, or name it with --url",
                self.base
            ),
            after: None,
        };
        let response = request.send().await.map_err(lost)?;
        let status = response.status();
        let after = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.parse().ok())
            .map(Duration::from_secs);
        let text = response.bytes().await.map_err(lost)?;
        if status.is_success() {
            return serde_json::from_slice(&text).map_err(|_| NoAnswer::Refused {
                error: "the answer is not of this engine's version".to_owned(),
                hint: "use the `ghanti` of the engine that runs".to_owned(),
            });
        }
        let Refusal {
            detail: error,
            hint,
        } = serde_json::from_slice(&text).unwrap_or(Refusal {
            detail: format!("the engine answers {status}"),
            hint: "see its log".to_owned(),
        });
        let is_passing = matches!(
            status,
            StatusCode::SERVICE_UNAVAILABLE
                | StatusCode::TOO_MANY_REQUESTS
                | StatusCode::BAD_GATEWAY
                | StatusCode::GATEWAY_TIMEOUT
        );
        Err(if is_passing {
            NoAnswer::Now {
                what: format!("{error}: {hint}"),
                after,
            }
        } else {
            NoAnswer::Refused { error, hint }
        })
    }
}
