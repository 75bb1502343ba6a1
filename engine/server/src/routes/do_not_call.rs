//! `/api/do-not-call/{phone}`: customers who asked not to be called again. The entry is created by a
//! call whose flow sets the outcome `do-not-call`. Here it can be shown, and removed if the
//! customer changes their mind.

use axum::extract::State;
use ghanti_model::{CallId, PhoneNumber};
use ghanti_store::DoNotCall;
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::Api;
use crate::answer::Answer;
use crate::app::App;
use crate::problem::{Kind, Problem};
use crate::segments::{BadPath, Segments};

type Phone = Result<Segments<String>, BadPath>;

/// A request not to be called.
#[derive(Serialize, ToSchema)]
#[schema(as = DoNotCall)]
pub struct DoNotCallEntry {
    /// The call in which they asked; the newest if there are several.
    call_id: CallId,
    /// When that call ended.
    since_ms: u64,
}

/// The response for a removed entry.
#[derive(Serialize, ToSchema)]
pub struct Lifted {
    /// Always true.
    lifted: bool,
}

/// Returns the entry of a number; 404 if there is none.
#[utoipa::path(
    get,
    path = "/api/do-not-call/{phone}",
    tag = "do-not-call",
    operation_id = "do_not_call_show",
    params(
        ("phone" = String, Path, description = "the number, in any spelling"),
    ),
    responses(
        (status = 200, description = "the newest request in force", body = DoNotCallEntry),
        (status = 400, description = "`unreadable-path`, `unusable-phone`"),
        (status = 401, description = "`unauthorized`"),
        (status = 404, description = "`no-do-not-call-request`"),
        (status = 503, description = "`store-unavailable`"),
    )
)]
pub async fn show(
    _: Api,
    State(app): State<App>,
    phone: Phone,
) -> Result<Answer<DoNotCallEntry>, Problem> {
    let phone = read(phone)?;
    let wish = app
        .services
        .registry
        .do_not_call(&phone)
        .await
        .map_err(Problem::unavailable)?;
    let shown = |DoNotCall { call_id, since_ms }| Answer(DoNotCallEntry { call_id, since_ms });
    wish.map(shown).ok_or_else(|| none(&phone))
}

/// Removes the entry of a number; 404 if there is none.
#[utoipa::path(
    delete,
    path = "/api/do-not-call/{phone}",
    tag = "do-not-call",
    operation_id = "do_not_call_lift",
    params(
        ("phone" = String, Path, description = "the number, in any spelling"),
    ),
    responses(
        (status = 200, description = "it is lifted", body = Lifted),
        (status = 400, description = "`unreadable-path`, `unusable-phone`"),
        (status = 401, description = "`unauthorized`"),
        (status = 404, description = "`no-do-not-call-request`"),
        (status = 503, description = "`store-unavailable`"),
    )
)]
pub async fn lift(_: Api, State(app): State<App>, phone: Phone) -> Result<Answer<Lifted>, Problem> {
    let phone = read(phone)?;
    lifted(&app, &phone).await?;
    Ok(Answer(Lifted { lifted: true }))
}

/// Removes the entry of a number.
///
/// # Errors
///
/// 404 if there is none, 503 if the database does not answer.
pub(super) async fn lifted(app: &App, phone: &PhoneNumber) -> Result<(), Problem> {
    match app.services.registry.lift_do_not_call(phone).await {
        Ok(true) => {
            tracing::info!(number = %phone, "a customer may be called again");
            Ok(())
        }
        Ok(false) => Err(none(phone)),
        Err(error) => Err(Problem::unavailable(error.to_string())),
    }
}

/// Refuses a number that is on the do-not-call list with 409. If the database cannot be read,
/// refuses every number with 503.
pub async fn refuse_unwanted(app: &App, phone: &PhoneNumber) -> Result<(), Problem> {
    match app.services.registry.do_not_call(phone).await {
        Ok(None) => Ok(()),
        Ok(Some(DoNotCall { call_id, .. })) => Err(Problem::new(
            Kind::AskedNotToBeCalled,
            format!(
                "cannot order a call to `{phone}`: the customer asked in call {call_id} not to be called again"
            ),
            "do not call them; if they have changed their mind, DELETE /api/do-not-call/{phone}",
        )),
        Err(error) => Err(Problem::unavailable(format!(
            "cannot determine whether `{phone}` asked not to be called: {error}"
        ))),
    }
}

fn read(phone: Phone) -> Result<PhoneNumber, Problem> {
    let Segments(phone) = phone?;
    PhoneNumber::parse(&phone).map_err(|error| {
        Problem::new(
            Kind::UnusablePhone,
            error.to_string(),
            "use a number in the path, such as /api/do-not-call/+919876543210",
        )
    })
}

fn none(phone: &PhoneNumber) -> Problem {
    Problem::new(
        Kind::NotAskedNotToBeCalled,
        format!("`{phone}` has not asked not to be called"),
        "there is nothing to remove",
    )
}
