//! `Sms/send`: the accepted parameters, and the reply. Nothing is sent or stored.
//!
//! Pure. Source: Exotel, "Send SMS".

use ghanti_exotel::Parameters;
use ghanti_exotel::rest::SMS_CHARS;
use ghanti_model::PhoneNumber;
use serde_json::{Value as Json, json};

use super::reply::Refusal;

/// The `SMSMessage` of the reply, under a new id.
///
/// # Errors
/// A parameter is missing or cannot be used.
pub fn accepted(parameters: &Parameters, account: &str, sid: &str) -> Result<Json, Refusal> {
    let given = |name: &str| {
        let value = parameters.text(name).filter(|value| !value.is_empty());
        value.ok_or_else(|| Refusal::bad_parameter(format!("`{name}` is missing")))
    };
    let (from, to, body) = (given("From")?, given("To")?, given("Body")?);
    let number = PhoneNumber::parse(&to)
        .map_err(|_| Refusal::bad_parameter("`To` is not a number".to_owned()))?;
    if body.chars().count() > SMS_CHARS {
        return Err(Refusal::bad_parameter(format!(
            "`Body` is longer than {SMS_CHARS} characters"
        )));
    }
    if number.expose().starts_with("+91") {
        given("DltEntityId")?;
    }
    Ok(json!({
        "Sid": sid,
        "AccountSid": account,
        "From": from,
        "To": to,
        "Body": body,
        "Status": "queued",
        "DateSent": null,
        "Price": null,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(form: &str) -> Result<Json, Refusal> {
        let kind = Some("application/x-www-form-urlencoded");
        let parameters = Parameters::from_body(kind, form.as_bytes()).unwrap();
        accepted(&parameters, "acme1", "s1")
    }

    #[test]
    fn an_sms_needs_its_parameters_and_in_india_its_registration() {
        let whole = "From=ASHAFN&To=%2B919876543210&Body=Pay&DltEntityId=1101&DltTemplateId=1107";
        assert_eq!(asked(whole).unwrap()["Status"], "queued");
        assert!(asked("From=ASHAFN&To=%2B14129162450&Body=Pay").is_ok());
        for wrong in [
            whole.replace("From=ASHAFN", "From="),
            whole.replace("%2B919876543210", "somebody"),
            whole.replace("DltEntityId=1101", ""),
            whole.replace("Body=Pay", &format!("Body={}", "x".repeat(2_001))),
        ] {
            assert_eq!(asked(&wrong).unwrap_err().status, 400, "{wrong}");
        }
    }
}
