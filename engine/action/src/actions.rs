//! The actions of this process, and how one is invoked: schema, permit, circuit breaker, request,
//! schema.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ghanti_model::{CallFacts, TraceContext, json_path};
use rustls::ClientConfig;
use serde_json::Value as Json;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::address::Reach;
use crate::breaker::Breaker;
use crate::client::{HttpClient, reach};
use crate::definition::Definition;
use crate::error::ActionError;
use crate::fault::Fault;
use crate::guard::Guard;
use crate::invocation::Invocation;
use crate::plan::{Plan, What};
use crate::redis::RedisConnections;
use crate::secret::SecretText;
use crate::sms::SmsAccount;
use crate::template::Values;

/// Makes a configuration of TLS: whether certificates are needed, and a file of further ones.
pub type MakeTls = dyn Fn(bool, Option<&Path>) -> Result<ClientConfig, String>;

/// What actions need of the process.
pub struct Setup<'a> {
    /// Makes the configuration of TLS that trusts the system's certificates, where they are needed,
    /// and those of a file.
    pub tls: &'a MakeTls,
    /// The account that SMS are sent from.
    pub sms: Option<SmsAccount>,
    /// Whether calls are traced, so that a service's spans can be part of a call's trace.
    pub traces: bool,
}

/// The actions of this process, by name.
#[derive(Debug, Default)]
pub struct Actions {
    actions: BTreeMap<String, Action>,
    traces: bool,
}

#[derive(Debug)]
struct Action {
    plan: Plan,
    doer: Doer,
    permits: Arc<Semaphore>,
    breaker: Breaker,
    guard: Guard,
}

/// What does it.
#[derive(Debug)]
enum Doer {
    Http(HttpClient),
    Sms(HttpClient, SmsAccount),
    Redis(RedisConnections),
}

impl Actions {
    /// Opens the actions of a configuration. Nothing is connected to yet.
    ///
    /// # Errors
    /// Everything that is wrong with the definitions, or keeps them from being used here.
    pub fn open(
        definitions: &BTreeMap<String, Definition>,
        setup: &Setup<'_>,
    ) -> Result<Self, Vec<String>> {
        let (mut actions, mut errors) = (BTreeMap::new(), Vec::new());
        for (name, definition) in definitions {
            let opened = Plan::read(name, definition).and_then(|plan| {
                Action::open(plan, setup)
                    .map_err(|reason| vec![format!("`[actions.{name}]`: {reason}")])
            });
            match opened {
                Ok(action) => drop(actions.insert(name.clone(), action)),
                Err(wrong) => errors.extend(wrong),
            }
        }
        if errors.is_empty() {
            Ok(Self {
                actions,
                traces: setup.traces,
            })
        } else {
            Err(errors)
        }
    }

    /// Does an action for a call. `nth` numbers the invocations of the call, so that a repetition of
    /// one can be recognised.
    ///
    /// # Errors
    /// See [`ActionError`]. Dropping the future before it is done leaves unknown whether it was done.
    pub async fn invoke(
        &self,
        name: &str,
        input: &Json,
        call: &CallFacts,
        nth: u32,
    ) -> Result<Json, ActionError> {
        let Some(action) = self.actions.get(name) else {
            return Err(ActionError::Unknown(name.to_owned()));
        };
        let key = format!("{}-{nth}", call.call_id);
        let invocation = Invocation {
            key: &key,
            span: self
                .traces
                .then(|| TraceContext::of_action(call.call_id, nth)),
        };
        action
            .perform(input, call, invocation)
            .await
            .map_err(|fault| {
                let action = name.to_owned();
                match fault {
                    Fault::Input(reason) => ActionError::Input { action, reason },
                    Fault::Refused(reason) => ActionError::Refused { action, reason },
                    Fault::Unavailable { reason, .. } => {
                        tracing::warn!(action, reason, "an action was not done");
                        ActionError::Unavailable { action, reason }
                    }
                }
            })
    }
}

impl Action {
    fn open(plan: Plan, setup: &Setup<'_>) -> Result<Self, String> {
        let tls = |is_tls| (setup.tls)(is_tls, plan.ca_file.as_deref());
        let mut guarded: Vec<_> = plan.secrets.values().cloned().collect();
        let doer = match &plan.what {
            What::Http(http) => {
                let reach = reach(http.url.origin(), &plan.private)?;
                Doer::Http(HttpClient::new(tls(http.url.is_https())?, reach)?)
            }
            What::Model(model) => {
                let reach = reach(model.url.origin(), &plan.private)?;
                Doer::Http(HttpClient::new(tls(model.url.is_https())?, reach)?)
            }
            What::Sms(_) => {
                let account = setup.sms.clone().ok_or(
                    "an SMS needs the account of `[exotel]`: set it, or remove the action",
                )?;
                let (key, token) = (account.api_key.expose(), account.api_token.expose());
                let both = STANDARD.encode(format!("{key}:{token}"));
                guarded.extend([
                    account.api_key.clone(),
                    account.api_token.clone(),
                    SecretText::new(both),
                ]);
                let is_https = !account.base_url.starts_with("http://");
                let tls = (setup.tls)(is_https, account.ca_file.as_deref())?;
                Doer::Sms(HttpClient::new(tls, Reach::Anywhere)?, account)
            }
            What::Redis(redis) => {
                let tls = redis.is_tls().then(|| tls(true)).transpose()?;
                Doer::Redis(RedisConnections::new(redis.reach(), tls))
            }
        };
        Ok(Self {
            doer,
            permits: Arc::new(Semaphore::new(plan.at_once)),
            breaker: Breaker::default(),
            guard: Guard::new(&guarded),
            plan,
        })
    }

    async fn perform(
        &self,
        input: &Json,
        call: &CallFacts,
        invocation: Invocation<'_>,
    ) -> Result<Json, Fault> {
        let plan = &self.plan;
        if let Some(schema) = &plan.input {
            schema.check(input).map_err(Fault::Input)?;
        }
        let bytes = input.to_string().len();
        if bytes > plan.input_bytes {
            return Err(Fault::Input(format!(
                "it has {bytes} bytes and may have {}: give less, or let the operator raise `input-bytes`",
                plan.input_bytes
            )));
        }
        let values = Values {
            input,
            call,
            secrets: &plan.secrets,
        };
        let began = Instant::now();
        let until = began + plan.timeout;
        let late = || {
            let ms = plan.timeout.as_millis();
            format!("no answer within {ms} ms: see `timeout-ms`")
        };
        // the semaphore is never closed
        let _permit = tokio::time::timeout_at(until, self.permits.acquire())
            .await
            .map_err(|_| Fault::answer(format!("{} and `at-once`", late())))?;
        let waited = began.elapsed();
        let attempt = self.breaker.admit().map_err(|rest| {
            Fault::answer(format!(
                "it failed again and again, and is left alone for {} s more",
                rest.as_secs() + 1
            ))
        })?;
        let mut answer = tokio::time::timeout_at(until, self.ask(values, invocation))
            .await
            .unwrap_or_else(|_| Err(Fault::unavailable(late())));
        if waited > plan.timeout / 2 {
            // the server had too little of the time to be blamed
            answer = answer.map_err(Fault::blameless);
        }
        let is_fault = matches!(answer, Err(Fault::Unavailable { is_fault: true, .. }));
        if attempt.ended(is_fault) {
            tracing::warn!(
                rest_s = crate::breaker::REST.as_secs(),
                "an action failed again and again and is left alone"
            );
        }
        self.admit(answer?)
    }

    async fn ask(&self, values: Values<'_>, invocation: Invocation<'_>) -> Result<Json, Fault> {
        let most = self.plan.output_bytes;
        match (&self.plan.what, &self.doer) {
            (What::Http(plan), Doer::Http(client)) => {
                plan.perform(client, values, invocation, most).await
            }
            (What::Model(plan), Doer::Http(client)) => {
                plan.perform(
                    client,
                    values,
                    invocation,
                    self.plan.output.as_ref(),
                    &self.guard,
                    most,
                )
                .await
            }
            (What::Sms(plan), Doer::Sms(client, account)) => {
                plan.perform(client, account, values, most).await
            }
            (What::Redis(plan), Doer::Redis(connections)) => {
                plan.perform(connections, values, most).await
            }
            // `open` makes the one for the other
            _ => Err(Fault::unavailable("it was opened as something else")),
        }
    }

    /// What of an answer the flow gets.
    fn admit(&self, mut answer: Json) -> Result<Json, Fault> {
        self.guard.check(&answer)?;
        if let Some(schema) = &self.plan.output {
            schema
                .check(&answer)
                .map_err(|reason| Fault::answer(format!("its answer cannot be used: {reason}")))?;
        }
        json_path::remove(&mut answer, &self.plan.redact);
        Ok(answer)
    }
}
