//! A definition, checked: everything about an action that needs neither the network nor the system.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use crate::address::Network;
use crate::definition::{Definition, Does, Kind};
use crate::errors::Errors;
use crate::http::HttpPlan;
use crate::model::ModelPlan;
use crate::redis::RedisPlan;
use crate::schema::Schema;
use crate::secret::SecretText;
use crate::sms::SmsPlan;
use crate::undeclared::Others;

/// The longest that an action may take, in milliseconds: a caller hears nothing new meanwhile.
pub const TIMEOUT_MS: RangeInclusive<u64> = 100..=30_000;
/// The largest input that may be allowed, in bytes.
pub const INPUT_BYTES: RangeInclusive<u64> = 2..=64 << 10;
/// The largest answer that may be allowed, in bytes.
pub const OUTPUT_BYTES: RangeInclusive<u64> = 2..=256 << 10;
/// How often one conversation may be allowed to invoke an action.
pub const CALLS: RangeInclusive<u64> = 1..=1_000;
/// How often an action may be allowed to be done at once.
pub const AT_ONCE: RangeInclusive<u64> = 1..=1_000;
/// The longest name, in bytes.
pub const NAME_BYTES: usize = 64;

/// A checked action.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) input: Option<Schema>,
    pub(crate) output: Option<Schema>,
    pub(crate) timeout: Duration,
    pub(crate) input_bytes: usize,
    pub(crate) output_bytes: usize,
    pub(crate) at_once: usize,
    pub(crate) redact: Vec<String>,
    pub(crate) secrets: BTreeMap<String, SecretText>,
    pub(crate) private: Vec<Network>,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) what: What,
}

/// What is done.
#[derive(Debug)]
pub(crate) enum What {
    Http(HttpPlan),
    Model(ModelPlan),
    Sms(SmsPlan),
    Redis(RedisPlan),
}

impl Definition {
    /// The networks of `private` that can be read; reading the plan reports the others.
    pub(crate) fn networks(&self) -> Vec<Network> {
        let networks = self.private.iter().map(|text| Network::parse(text));
        networks.filter_map(Result::ok).collect()
    }

    /// Whether it reads or acts: as it says, else by its kind.
    pub fn does(&self) -> Does {
        self.does.unwrap_or(match self.kind {
            Kind::Http | Kind::Sms => Does::Act,
            Kind::Model | Kind::Redis => Does::Read,
        })
    }

    /// All that is wrong with it, one sentence each; no sentence has a secret.
    pub fn errors(&self, name: &str) -> Vec<String> {
        Plan::read(name, self).err().unwrap_or_default()
    }

    /// The keys that it sets and that only some kinds have, with these kinds.
    fn keys_of_kinds(&self) -> impl Iterator<Item = (&'static str, &'static [Kind])> {
        use Kind::{Http, Model, Redis, Sms};
        let keys: [(bool, &str, &[Kind]); 21] = [
            (!self.private.is_empty(), "private", &[Http, Model, Redis]),
            (self.ca_file.is_some(), "ca-file", &[Http, Model, Redis]),
            (!self.secrets.is_empty(), "secrets", &[Http, Model, Redis]),
            (self.url.is_some(), "url", &[Http, Model, Redis]),
            (self.login.is_some(), "login", &[Http, Redis]),
            (!self.headers.is_empty(), "headers", &[Http, Model]),
            (self.method.is_some(), "method", &[Http]),
            (self.body.is_some(), "body", &[Http]),
            (!self.form.is_empty(), "form", &[Http]),
            (self.answer.is_some(), "answer", &[Http]),
            (self.model.is_some(), "model", &[Model]),
            (self.system.is_some(), "system", &[Model]),
            (self.prompt.is_some(), "prompt", &[Model]),
            (self.max_tokens.is_some(), "max-tokens", &[Model]),
            (self.temperature.is_some(), "temperature", &[Model]),
            (self.answer_format.is_some(), "answer-format", &[Model]),
            (self.from.is_some(), "from", &[Sms]),
            (self.dlt_entity.is_some(), "dlt-entity", &[Sms]),
            (self.dlt_template.is_some(), "dlt-template", &[Sms]),
            (self.text.is_some(), "text", &[Sms]),
            (self.key.is_some(), "key", &[Redis]),
        ];
        let of_redis = [
            (self.value.is_some(), "value", &[Redis] as &[Kind]),
            (!self.fields.is_empty(), "fields", &[Redis]),
        ];
        keys.into_iter()
            .chain(of_redis)
            .filter(|(is_set, ..)| *is_set)
            .map(|(_, key, kinds)| (key, kinds))
    }
}

impl Plan {
    /// Checks a definition. On failure returns everything that is wrong with it.
    pub(crate) fn read(name: &str, definition: &Definition) -> Result<Self, Vec<String>> {
        let mut errors = Errors::default();
        let kind = definition.kind;
        for (key, kinds) in definition.keys_of_kinds() {
            if !kinds.contains(&kind) {
                let all: Vec<_> = kinds.iter().map(|kind| kind.as_str()).collect();
                errors.add(
                    key,
                    format!(
                        "belongs to actions of the kind {}: remove it",
                        all.join(", ")
                    ),
                );
            }
        }
        match (kind, definition.does) {
            (Kind::Sms, Some(Does::Read)) => {
                errors.add("does", "is `read`, and an SMS is sent: remove it");
            }
            (Kind::Redis, Some(Does::Act)) => {
                errors.add("does", "is `act`, and a look-up changes nothing: remove it");
            }
            _ => {}
        }
        for (key, value, range) in [
            ("timeout-ms", definition.timeout_ms, TIMEOUT_MS),
            ("input-bytes", definition.input_bytes, INPUT_BYTES),
            ("output-bytes", definition.output_bytes, OUTPUT_BYTES),
            ("calls", definition.calls.into(), CALLS),
            ("at-once", definition.at_once.into(), AT_ONCE),
        ] {
            if !range.contains(&value) {
                let (least, most) = range.into_inner();
                errors.add(key, format!("is `{value}`: choose {least} to {most}"));
            }
        }
        let mut schema = |key, schema: &Option<serde_json::Value>| {
            let schema = schema.as_ref()?;
            let read = Schema::new(schema)
                .map_err(|reason| format!("is not a valid JSON Schema: {reason}"));
            errors.take(key, read)
        };
        let (input, output) = (
            schema("input", &definition.input),
            schema("output", &definition.output),
        );
        if let (found, Others::Refused) = definition.undeclared() {
            let named = definition.input.as_ref();
            let named = named.and_then(|input| input.get("properties")?.as_object());
            let named: Vec<_> = named
                .into_iter()
                .flatten()
                .map(|(name, _)| &**name)
                .collect();
            for (key, field) in found {
                let reason = format!(
                    "has a place for `{field}`, which `input` refuses: no invocation could fill it; it names {}",
                    named.join(", ")
                );
                errors.add(key, reason);
            }
        }
        for path in &definition.redact {
            if path.is_empty() || path.split('.').any(str::is_empty) {
                errors.add(
                    "redact",
                    "has a path without a name: write `field` or `field.field`",
                );
            }
        }
        let networks = definition.private.iter();
        let private: Vec<_> = networks
            .filter_map(|text| errors.take("private", Network::parse(text)))
            .collect();
        if (definition.ca_file.as_ref()).is_some_and(|file| file.as_os_str().is_empty()) {
            errors.add("ca-file", "is empty: name a PEM file, or remove it");
        }
        let (what, used) = match kind {
            Kind::Http => part(HttpPlan::read(definition, &mut errors), What::Http),
            Kind::Model => part(ModelPlan::read(definition, &mut errors), What::Model),
            Kind::Sms => part(SmsPlan::read(definition, &mut errors), What::Sms),
            Kind::Redis => part(RedisPlan::read(definition, &mut errors), What::Redis),
        };
        check_secrets(definition, what.is_some().then_some(&used), &mut errors);
        if !is_name(name) {
            errors.add(
                "",
                "has to be named by 1 to 64 lower-case letters, digits and `-`",
            );
        }
        match what {
            Some(what) if errors.0.is_empty() => Ok(Self {
                input,
                output,
                timeout: Duration::from_millis(definition.timeout_ms),
                input_bytes: usize::try_from(definition.input_bytes).unwrap_or(usize::MAX),
                output_bytes: usize::try_from(definition.output_bytes).unwrap_or(usize::MAX),
                at_once: usize::try_from(definition.at_once).unwrap_or(1),
                redact: definition.redact.clone(),
                secrets: definition.secrets.clone(),
                private,
                ca_file: definition.ca_file.clone(),
                what,
            }),
            _ => Err(errors
                .0
                .into_iter()
                .map(|(key, reason)| {
                    let name = name.escape_default();
                    if key.is_empty() {
                        format!("`[actions.{name}]` {reason}")
                    } else {
                        format!("`{key}` of `[actions.{name}]` {reason}")
                    }
                })
                .collect()),
        }
    }
}

/// A plan's part with the secrets that it uses.
fn part<P>(
    read: Option<(P, BTreeSet<String>)>,
    what: fn(P) -> What,
) -> (Option<What>, BTreeSet<String>) {
    match read {
        Some((plan, secrets)) => (Some(what(plan)), secrets),
        None => (None, BTreeSet::new()),
    }
}

/// Checks secrets against their placeholders, if these could be read.
fn check_secrets(definition: &Definition, used: Option<&BTreeSet<String>>, errors: &mut Errors) {
    let Some(used) = used else {
        return;
    };
    let given = &definition.secrets;
    for name in used.iter().filter(|name| !given.contains_key(*name)) {
        errors.add(
            "secrets",
            format!("has no `{name}`, which is used: add `{name} = \"${{file:/path}}\"`"),
        );
    }
    for (name, secret) in given {
        if !used.contains(name) {
            errors.add(
                "secrets",
                format!(
                    "has `{}`, which is used nowhere: write {{secret:NAME}} where it belongs, or remove it",
                    name.escape_default()
                ),
            );
        }
        if secret.expose().is_empty() {
            errors.add(
                "secrets",
                format!("has an empty `{}`: give it", name.escape_default()),
            );
        }
    }
}

/// Whether a name can be an action's.
pub fn is_name(name: &str) -> bool {
    (1..=NAME_BYTES).contains(&name.len())
        && name
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}
