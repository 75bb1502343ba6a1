//! `POST /status`: Exotel's status callback. Closes the record: duration, recording, reason.

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use samvaad_exotel::status::StatusCallback;
use samvaad_model::CallId;

use crate::access::Applet;
use crate::app::App;
use crate::problem::Problem;
use crate::routes::after::call_of;

/// Takes a callback in any of Exotel's forms. One of a call that is not known here is answered `OK` too: Exotel cannot mend it.
pub async fn status(
    _: Applet,
    State(app): State<App>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<&'static str, Problem> {
    let body = body?;
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let callback = StatusCallback::from_body(content_type, &body)
        .map_err(|error| Problem::bad_request(error.to_string(), "send Exotel's status callback as form, multipart or JSON"))?;
    let Some(sid) = callback.call_sid.clone() else {
        return Err(Problem::bad_request("`CallSid` is missing", "send Exotel's status callback with its CallSid"));
    };
    app.tasks.clone().spawn(async move {
        let named = callback.custom_field.as_ref().and_then(|field| CallId::parse(field.expose()));
        let Some(call) = call_of(&app, &sid).await.or(named) else {
            tracing::warn!(%sid, "a status callback tells of a call that is not known here");
            return;
        };
        app.services.ledger.update(call, |record| record.exotel.extend(callback.told)).await;
    });
    Ok("OK")
}
