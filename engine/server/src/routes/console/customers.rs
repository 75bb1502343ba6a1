//! A customer: found by their number, or by a call of theirs, so that a page needs no number in its address.

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use ghanti_console::{Customer, CustomerPage, List, customer};
use ghanti_model::PhoneNumber;
use ghanti_store::{CallFilter, CallSummary, CustomerList};

use super::session::Viewer;
use super::{Form, redirect};
use crate::app::App;
use crate::problem::{Kind, Problem};
use crate::routes::calls::find;
use crate::routes::do_not_call::lifted;
use crate::routes::list_of_calls::listed;
use crate::segments::{BadPath, Segments};

/// Maximum number of a customer's calls on their page.
const CALLS: u32 = 50;
/// Of so many of them, the newest, records are read for what flows noted.
const NOTED: usize = 20;

/// The page on which a customer is searched for, with the lists.
pub(super) async fn search(viewer: Viewer, State(app): State<App>) -> Response {
    let lists = match app.records.lists().await {
        Ok(lists) => lists.into_iter(),
        Err(error) => return viewer.failed(&app, &Problem::unavailable(error)),
    };
    let list = |list: CustomerList| List {
        name: list.name,
        flow: list.flow,
        customers: list.customers,
        changed_ms: list.changed_ms,
    };
    let shown = CustomerPage {
        lists: Some(lists.map(list).collect()),
        ..CustomerPage::default()
    };
    viewer.page(StatusCode::OK, customer(&viewer.site(&app, false), &shown))
}

/// Finds a customer by their number, in any spelling.
pub(super) async fn found(viewer: Viewer, State(app): State<App>, body: Bytes) -> Response {
    let form = Form::read(&body);
    if let Err(problem) = viewer.check(&form) {
        return viewer.failed(&app, &problem);
    }
    let asked = form.text("phone").trim().to_owned();
    let site = viewer.site(&app, false);
    let phone = match PhoneNumber::parse(&asked) {
        Ok(phone) => phone,
        Err(error) => {
            let hint = "write 5 to 15 digits, such as 9876543210 or +919876543210";
            let shown = CustomerPage {
                asked,
                unreadable: Some((error.to_string(), hint.to_owned())),
                ..CustomerPage::default()
            };
            return viewer.page(StatusCode::BAD_REQUEST, customer(&site, &shown));
        }
    };
    match of(&app, phone).await {
        Ok(Customer {
            by_call: Some(call),
            ..
        }) => redirect(&site.path(&format!("calls/{call}/customer"))),
        Ok(found) => {
            let shown = CustomerPage {
                customer: Some(found),
                ..CustomerPage::default()
            };
            viewer.page(StatusCode::OK, customer(&site, &shown))
        }
        Err(problem) => viewer.failed(&app, &problem),
    }
}

/// The page of the customer of a call. `done` of the query says that their request was just lifted.
pub(super) async fn show(
    viewer: Viewer,
    State(app): State<App>,
    uri: Uri,
    id: Result<Segments<String>, BadPath>,
    RawQuery(query): RawQuery,
) -> Response {
    let site = viewer.site(&app, viewer.unmasks(&app, query.as_deref(), uri.path()));
    let shown = async {
        let Segments(id) = id?;
        let phone = number(&app, &id).await?;
        Ok::<_, Problem>(CustomerPage {
            customer: Some(of(&app, phone).await?),
            was_lifted: !Form::of_query(query.as_deref()).text("done").is_empty(),
            ..CustomerPage::default()
        })
    };
    match shown.await {
        Ok(shown) => viewer.page(StatusCode::OK, customer(&site, &shown)),
        Err(problem) => viewer.failed(&app, &problem),
    }
}

/// Lifts the request of the customer of a call not to be called again.
pub(super) async fn lift(
    viewer: Viewer,
    State(app): State<App>,
    uri: Uri,
    id: Result<Segments<String>, BadPath>,
    body: Bytes,
) -> Response {
    let done = async {
        viewer.check(&Form::read(&body))?;
        let Segments(id) = id?;
        lifted(&app, &number(&app, &id).await?).await?;
        Ok(format!("calls/{id}/customer?done=lift"))
    };
    viewer.ordered(&app, "POST", uri.path(), done.await)
}

/// The number of the customer of a call.
async fn number(app: &App, call: &str) -> Result<PhoneNumber, Problem> {
    let record = find(app, call).await?;
    record.customer_number.ok_or_else(|| {
        Problem::new(
            Kind::UnknownCall,
            "it is not known whose call this is",
            "the call came without a number, or the customer was erased",
        )
    })
}

/// All that is shown of a customer.
async fn of(app: &App, phone: PhoneNumber) -> Result<Customer, Problem> {
    let registry = &app.services.registry;
    let wish = registry.do_not_call(&phone).await;
    let wish = wish.map_err(Problem::unavailable)?;
    let filter = CallFilter {
        phone: Some(phone.clone()),
        ..CallFilter::default()
    };
    let calls = listed(app, &filter, None, CALLS).await?.calls;
    let (campaigns, attempts) = tokio::join!(
        app.records.campaigns_of(&phone),
        app.records.attempts_of(&phone)
    );
    Ok(Customer {
        do_not_call: wish.map(|wish| (wish.call_id, wish.since_ms)),
        by_call: calls.first().map(|call| call.call_id),
        notes: notes(app, &calls).await?,
        calls,
        campaigns: campaigns.map_err(Problem::unavailable)?,
        attempts: attempts.map_err(Problem::unavailable)?,
        number: phone,
    })
}

/// What flows noted in the newest of these calls.
async fn notes(
    app: &App,
    calls: &[CallSummary],
) -> Result<Vec<(ghanti_model::CallId, u64, String, ghanti_model::Masked)>, Problem> {
    let mut notes = Vec::new();
    for call in calls.iter().take(NOTED) {
        let record = app.services.registry.read(call.call_id).await;
        let Some(record) = record.map_err(Problem::unavailable)? else {
            continue;
        };
        let noted = record.notes.into_iter();
        notes.extend(noted.map(|(name, value)| (call.call_id, call.created_ms, name, value)));
    }
    Ok(notes)
}
