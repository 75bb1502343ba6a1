//! `kind = "sms"`: one SMS by Exotel, to the customer of the call and to nobody else: no key of a
//! definition and no field of an input names a recipient.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use ghanti_exotel::rest::{Resource, SMS_CHARS, Sms, parse_sms};
use reqwest::Url;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value as Json, json};

use crate::client::HttpClient;
use crate::definition::Definition;
use crate::errors::Errors;
use crate::fault::Fault;
use crate::secret::SecretText;
use crate::template::{Template, Values};

/// The account that sends. `Debug` shows nothing of it.
#[derive(Clone)]
pub struct SmsAccount {
    /// The base URL of Exotel's API.
    pub base_url: String,
    /// The account's SID.
    pub account_sid: String,
    /// The API key.
    pub api_key: SecretText,
    /// The API token.
    pub api_token: SecretText,
    /// A PEM file of certificates to trust besides the system's.
    pub ca_file: Option<PathBuf>,
}

impl fmt::Debug for SmsAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmsAccount").finish_non_exhaustive()
    }
}

/// A checked SMS.
#[derive(Debug)]
pub(crate) struct SmsPlan {
    from: String,
    dlt_entity: String,
    dlt_template: String,
    text: Template,
}

impl SmsPlan {
    pub(crate) fn read(
        definition: &Definition,
        errors: &mut Errors,
    ) -> Option<(Self, BTreeSet<String>)> {
        let mut id = |key: &str, value: &Option<String>| {
            let value = errors.need(key, value.as_deref())?;
            let is_id = (1..=32).contains(&value.len())
                && value
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+'));
            if !is_id {
                errors.add(
                    key,
                    "has to be 1 to 32 letters and digits: copy it from the DLT registration",
                );
            }
            Some(value.to_owned())
        };
        let from = id("from", &definition.from);
        let dlt_entity = id("dlt-entity", &definition.dlt_entity);
        let dlt_template = id("dlt-template", &definition.dlt_template);
        let text = errors.need("text", definition.text.as_deref());
        let text = text.and_then(|text| errors.take("text", Template::parse(text)));
        if text.as_ref().is_some_and(|text| !text.secrets().is_empty()) {
            errors.add(
                "text",
                "has a secret, which the customer would read: remove it",
            );
        }
        let plan = Self {
            from: from?,
            dlt_entity: dlt_entity?,
            dlt_template: dlt_template?,
            text: text?,
        };
        Some((plan, BTreeSet::new()))
    }

    /// Sends it once. Without an answer it is unknown whether it was sent.
    pub(crate) async fn perform(
        &self,
        client: &HttpClient,
        account: &SmsAccount,
        values: Values<'_>,
        most: usize,
    ) -> Result<Json, Fault> {
        let Some(to) = values.call.customer_number.clone() else {
            return Err(Fault::Refused(
                "the customer's number is not known, as they withheld it: ask whether a call may follow instead".to_owned(),
            ));
        };
        let body = self
            .text
            .fill(values, |value| {
                if value.chars().any(char::is_control) {
                    return Err(
                        "has a line break or another control character: remove it".to_owned()
                    );
                }
                Ok(value.to_owned())
            })
            .map_err(Fault::Input)?;
        let sms = Sms {
            from: self.from.clone(),
            to,
            body: body.into(),
            dlt_entity: self.dlt_entity.clone(),
            dlt_template: self.dlt_template.clone(),
        };
        let form = sms.form().map_err(|_| {
            Fault::Input(format!(
                "the SMS would be longer than {SMS_CHARS} characters: say less"
            ))
        })?;
        let mut url = Url::parse(&account.base_url).map_err(|_| {
            Fault::unavailable(
                "the address of Exotel's API cannot be used: see `api-url` of `[exotel]`",
            )
        })?;
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty()
                .extend(Resource::SendSms.segments(&account.account_sid));
        }
        let request = client
            .request(reqwest::Method::POST, url)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .basic_auth(account.api_key.expose(), Some(account.api_token.expose()))
            .body(form.encoded());
        let reply = client.send(request, most).await?.succeeded()?;
        let accepted = parse_sms(&String::from_utf8_lossy(&reply)).map_err(|_| {
            Fault::answer(
                "Exotel's reply has no `SMSMessage`: it is unknown whether the SMS was sent",
            )
        })?;
        Ok(json!({ "sid": accepted.sid, "status": accepted.status }))
    }
}
