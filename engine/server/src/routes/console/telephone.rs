//! The browser telephone: a call as Exotel would make it. The customer's record is stored, the
//! Passthru's request is made, and the browser opens a stream with the same messages as Exotel's.
//!
//! The stream's own endpoint needs a token that a browser should not have: here the session is checked
//! instead. These requests come from the console, so the doctor does not count them as Exotel's.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use ghanti_console::{Choice, Field, TelephonePage, telephone};
use ghanti_exotel::applet::PassthruRequest;
use ghanti_manifest::CustomerField;
use ghanti_model::CallId;
use ghanti_model::values::Kind as Value;
use serde_json::{Map, json};

use super::Form;
use super::session::Viewer;
use crate::app::App;
use crate::applet_error::AppletError;
use crate::doctor::BROWSER as SID;
use crate::problem::{Kind, Problem};
use crate::routes::calls::undialled;
use crate::routes::passthru::passed;
use crate::routes::stream::{Peer, Upgrade, upgraded};
use crate::segments::{BadPath, Segments};

/// Prefix of the customer's fields in the form.
const FIELD: &str = "fields.";

/// The page.
pub(super) async fn page(
    viewer: Viewer,
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Response {
    let query = Form::of_query(query.as_deref());
    let versions = app.services.catalogue.versions();
    let flows = versions.iter().map(|(name, version)| Choice {
        name: name.to_string(),
        fields: version
            .manifest()
            .customer
            .fields
            .iter()
            .map(field)
            .collect(),
    });
    let shown = TelephonePage {
        flows: flows.collect(),
        chosen: Some(query.text("flow").to_owned()),
        rate_hz: app.config.calls.sample_rate_hz,
    };
    viewer.page(StatusCode::OK, telephone(&viewer.site(&app, false), &shown))
}

fn field((name, field): (&String, &CustomerField)) -> Field {
    let example = match field.kind {
        Value::Text => "",
        Value::Name => "Priya Sharma",
        Value::Money => "12,500",
        Value::Date => "2030-12-05",
        Value::Account => "LN-00478213",
        Value::Phone => "+919876500000",
        Value::Language => "en-IN",
    };
    Field {
        name: name.clone(),
        is_required: field.required,
        example: example.to_owned(),
    }
}

/// Begins a call: answers with the URL of its stream, and its `start` message.
pub(super) async fn begin(
    viewer: Viewer,
    State(app): State<App>,
    body: Bytes,
) -> Result<Response, Problem> {
    let form = Form::read(&body);
    viewer.check(&form)?;
    let fields: Map<_, _> = form
        .0
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix(FIELD)?, value)))
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (name.to_owned(), json!(value)))
        .collect();
    let order = json!({ "phone": form.text("phone"), "flow": form.text("flow"), "fields": fields, "dial": false });
    let customer = undialled(&app, order.to_string().as_bytes()).await?;
    viewer.did(&app, "POST", "/console/telephone/calls", StatusCode::OK);
    let sid = format!("{SID}{}", CallId::generate());
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("CallSid", &sid)
        .append_pair("CallFrom", customer.phone.expose())
        .append_pair("Direction", "incoming")
        .append_pair("CustomField", &customer.call_id.to_string())
        .finish();
    let passed = passed(&app, PassthruRequest::parse(&query)).await;
    passed.map_err(|refusal| {
        Problem::new(
            Kind::ConsoleBusy,
            refusal.to_string(),
            "wait until a call has ended; the limit is `max-calls` of `[server]`",
        )
    })?;
    let (rate_hz, stream_sid) = (
        app.config.calls.sample_rate_hz,
        format!("{SID}{}", CallId::generate()),
    );
    let path = viewer
        .site(&app, false)
        .path(&format!("telephone/stream/{sid}?csrf={}", viewer.csrf()));
    Ok(Json(json!({
        "call_id": customer.call_id,
        "stream": path,
        "start": {
            "stream_sid": stream_sid, "call_sid": sid, "account_sid": "console", "from": customer.phone.expose(), "to": "",
            "media_format": { "encoding": "base64", "sample_rate": rate_hz.to_string(), "bit_rate": format!("{}kbps", rate_hz * 16 / 1_000) },
        },
    }))
    .into_response())
}

/// The stream of a call that was begun here.
pub(super) async fn stream(
    viewer: Viewer,
    State(app): State<App>,
    session: Result<Segments<String>, BadPath>,
    RawQuery(query): RawQuery,
    upgrade: Upgrade,
) -> Result<Response, AppletError> {
    let Segments(session) = session?;
    let query = Form::of_query(query.as_deref());
    // browsers open WebSockets for pages of other sites, too
    if !viewer.is_own(query.text("csrf")) || !session.starts_with(SID) {
        return Err(AppletError::new(
            StatusCode::FORBIDDEN,
            "this stream was not opened by the telephone's page",
            "open the page again and press Call",
        ));
    }
    upgraded(app, session, upgrade, Peer::Console)
}
