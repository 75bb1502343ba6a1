//! `/api/do-not-call/{phone}`: customers who asked not to be called again. The entry is made by a
//! call whose flow sets the outcome `do-not-call`. Here it can be shown, and removed if the
//! customer changes their mind.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use ghanti_model::PhoneNumber;
use ghanti_store::DoNotCall;
use serde_json::{Value, json};

use crate::access::Api;
use crate::app::App;
use crate::problem::Problem;

type Phone = Result<Path<String>, PathRejection>;

/// Returns the entry of a number; 404 if there is none.
pub async fn show(
    _: Api,
    State(app): State<App>,
    phone: Phone,
) -> Result<Json<DoNotCall>, Problem> {
    let phone = read(phone)?;
    let wish = app
        .services
        .registry
        .do_not_call(&phone)
        .await
        .map_err(|error| Problem::unavailable(error.to_string()))?;
    wish.map(Json).ok_or_else(|| none(&phone))
}

/// Removes the entry of a number; 404 if there is none.
pub async fn lift(_: Api, State(app): State<App>, phone: Phone) -> Result<Json<Value>, Problem> {
    let phone = read(phone)?;
    match app.services.registry.lift_do_not_call(&phone).await {
        Ok(true) => {
            tracing::info!(number = %phone, "a customer may be called again");
            Ok(Json(json!({ "lifted": true })))
        }
        Ok(false) => Err(none(&phone)),
        Err(error) => Err(Problem::unavailable(error.to_string())),
    }
}

/// Refuses a number that is on the do-not-call list with 409. If the database cannot be read,
/// refuses every number with 503.
pub async fn refuse_unwanted(app: &App, phone: &PhoneNumber) -> Result<(), Problem> {
    match app.services.registry.do_not_call(phone).await {
        Ok(None) => Ok(()),
        Ok(Some(DoNotCall { call_id, .. })) => Err(Problem::new(
            StatusCode::CONFLICT,
            format!(
                "cannot take a call to `{phone}`: the customer asked not to be called any more, in call {call_id}"
            ),
            "leave them in peace; if they have changed their mind, DELETE /api/do-not-call/{phone}",
        )),
        Err(error) => Err(Problem::unavailable(format!(
            "cannot tell whether `{phone}` asked not to be called: {error}"
        ))),
    }
}

fn read(phone: Phone) -> Result<PhoneNumber, Problem> {
    let Path(phone) = phone?;
    PhoneNumber::parse(&phone).map_err(|error| {
        Problem::bad_request(
            error.to_string(),
            "ask by the number, such as /api/do-not-call/+919876543210",
        )
    })
}

fn none(phone: &PhoneNumber) -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        format!("`{phone}` has not asked not to be called"),
        "nothing is to be lifted",
    )
}
