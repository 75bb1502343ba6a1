//! Importing a list: it is uploaded, looked at with the columns that were found, and stored or checked by the function
//! behind `POST /api/customers`. Nothing is stored before somebody says so.

mod held;
mod reading;
mod receiving;
mod storing;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, REFRESH};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use ghanti_console::{
    ImportForm, ImportPage, Imported, MappedField, Refused, RejectedRow, Uncertain, Unread, import,
    import_form,
};
use ghanti_exotel::multipart::Part;
use ghanti_import::columns::{PHONE, shown};
use ghanti_import::{Columns, Field, MappingError, fields_of};
use ghanti_manifest::CustomerSchema;
use ghanti_model::values::{Kind as FieldKind, phone};
use ghanti_model::{Masked, Zone};
use serde_json::json;
use tokio::time::timeout;

pub use self::held::Uploads;
use self::held::{AGE, End, FILE_BYTES, Run, Upload};
use self::reading::Listed;
use self::receiving::{parts, received};
use self::storing::store;
use super::session::Viewer;
use super::{Form, redirect};
use crate::app::App;
use crate::problem::Problem;
use crate::routes::customers::{name, stored, version};
use crate::secret::Secret;
use crate::segments::{BadPath, Segments};

/// The answer waits so long for an import to end; the page of a longer one shows how far it is.
const SOON: Duration = Duration::from_secs(2);
/// How soon the page of an import that goes on asks for itself again, in seconds.
const AGAIN: HeaderValue = HeaderValue::from_static("1");
/// The fewest digits in a row that are taken for a phone number.
const NUMBER_DIGITS: usize = 10;
/// The fewest digits of what is to be a phone number and is masked.
const FEW_DIGITS: usize = 5;
/// So many of a number's last characters are shown.
const TAIL: usize = 4;

/// The routes of imports.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/console/import", get(form).post(upload))
        .route("/console/import/{id}", get(page))
        .route("/console/import/{id}/{action}", post(act))
        .route("/console/import/{id}/rejects.csv", get(rejects))
}

/// The page on which a list is chosen.
async fn form(viewer: Viewer, State(app): State<App>, RawQuery(query): RawQuery) -> Response {
    let query = Form::of_query(query.as_deref());
    let asked = Asked {
        flow: query.text("flow").to_owned(),
        list: query.text("list").to_owned(),
        sheet: String::new(),
    };
    asked.answer(&viewer, &app, None)
}

/// What was filled in.
#[derive(Default)]
struct Asked {
    flow: String,
    list: String,
    sheet: String,
}

/// Why a list is not taken.
enum Wrong {
    /// In the words of the page.
    Worded(Unread),
    /// In the engine's own words.
    English(StatusCode, String),
}

impl From<Problem> for Wrong {
    fn from(problem: Problem) -> Self {
        let text = problem.text();
        Self::English(text.status, format!("{}: {}", text.detail, text.hint))
    }
}

impl Asked {
    /// The form, with what was filled in and what is wrong with it.
    fn answer(self, viewer: &Viewer, app: &App, wrong: Option<Wrong>) -> Response {
        let (status, reported, english) = match wrong {
            None => (StatusCode::OK, None, None),
            Some(Wrong::Worded(why)) => {
                let status = match why {
                    Unread::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
                    Unread::Busy => StatusCode::SERVICE_UNAVAILABLE,
                    Unread::Gone => StatusCode::NOT_FOUND,
                    Unread::NoFile | Unread::Broken => StatusCode::BAD_REQUEST,
                };
                (status, Some(why), None)
            }
            Some(Wrong::English(status, text)) => (status, None, Some(text)),
        };
        let versions = app.services.catalogue.versions();
        let shown = ImportForm {
            flows: versions.keys().map(ToString::to_string).collect(),
            flow: self.flow,
            list: self.list,
            sheet: self.sheet,
            most_mib: FILE_BYTES >> 20,
            reported,
            english,
        };
        viewer.page(status, import_form(&viewer.site(app, false), &shown))
    }
}

/// Takes a list: reads its header and first rows, and holds it.
async fn upload(
    viewer: Viewer,
    State(app): State<App>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let reported = |why| Asked::default().answer(&viewer, &app, Some(Wrong::Worded(why)));
    let Ok(_receiving) = Arc::clone(&app.uploads.receiving).try_acquire_owned() else {
        return reported(Unread::Busy);
    };
    let body = match received(body).await {
        Ok(body) => body,
        Err(why) => return reported(why),
    };
    let kind = headers.get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let Some(parts) = parts(kind, body) else {
        return reported(Unread::Broken);
    };
    let text = |name: &str| {
        let part = parts.iter().find(|part| part.name == name);
        part.map_or_else(String::new, |part| {
            String::from_utf8_lossy(&part.content).into_owned()
        })
    };
    // a token of the form that came, before anything else of it counts
    if let Err(problem) = viewer.check(&Form(vec![("csrf".to_owned(), text("csrf"))])) {
        return viewer.failed(&app, &problem);
    }
    let asked = Asked {
        flow: text("flow").trim().to_owned(),
        list: text("list").trim().to_owned(),
        sheet: text("sheet").trim().to_owned(),
    };
    match taken(&viewer, &app, &asked, &parts).await {
        Ok(upload) => redirect(
            &viewer
                .site(&app, false)
                .path(&format!("import/{}", upload.id)),
        ),
        Err(wrong) => asked.answer(&viewer, &app, Some(wrong)),
    }
}

/// Reads the beginning of a list, and holds it.
async fn taken(
    viewer: &Viewer,
    app: &App,
    asked: &Asked,
    parts: &[Part],
) -> Result<Arc<Upload>, Wrong> {
    version(app, &asked.flow)?;
    name("list", &asked.list)?;
    // whether the list is another flow's is found out by a request without customers
    let request = json!({ "list": asked.list, "flow": asked.flow, "import": "none", "check": true, "customers": [] });
    stored(app, request.to_string().as_bytes()).await?;
    let file = parts.iter().find(|part| part.name == "file");
    let named = file.and_then(|part| Some((part, part.file.as_deref()?)));
    let (part, file) = named
        .filter(|(part, file)| !file.is_empty() || !part.content.is_empty())
        .ok_or(Wrong::Worded(Unread::NoFile))?;
    if part.content.len() > FILE_BYTES {
        return Err(Wrong::Worded(Unread::TooLarge));
    }
    let listed = Listed {
        name: shown(file),
        sheet: Some(asked.sheet.clone()).filter(|sheet| !sheet.is_empty()),
        bytes: part.content.clone(),
    };
    let reading = Arc::clone(&app.uploads.reading).try_acquire_owned();
    let reading = reading.map_err(|_| Wrong::Worded(Unread::Busy))?;
    let looked = listed.clone().look(reading).await;
    let looked = looked.map_err(|why| Wrong::English(StatusCode::BAD_REQUEST, why))?;
    let id = Secret::random()
        .map_err(|error| Wrong::English(StatusCode::SERVICE_UNAVAILABLE, error.to_string()))?;
    let upload = app.uploads.hold(Upload::new(
        id.in_url(),
        viewer.csrf(),
        (asked.list.clone(), asked.flow.clone()),
        (listed.name, listed.sheet),
        looked,
        listed.bytes,
    ));
    let (uploads, stop, id) = (app.uploads.clone(), app.stop.clone(), upload.id.clone());
    app.tasks.spawn(async move {
        tokio::select! {
            () = tokio::time::sleep(AGE) => uploads.forget(&id),
            () = stop.cancelled() => {}
        }
    });
    Ok(upload)
}

/// The upload with this id, if it is of this session.
fn own(viewer: &Viewer, app: &App, id: Result<Segments<String>, BadPath>) -> Option<Arc<Upload>> {
    let Segments(id) = id.ok()?;
    let upload = app.uploads.find(&id)?;
    viewer.is_own(&upload.owner).then_some(upload)
}

fn gone(viewer: &Viewer, app: &App) -> Response {
    Asked::default().answer(viewer, app, Some(Wrong::Worded(Unread::Gone)))
}

/// The page of a list that was uploaded: its columns, first rows, and the result of storing it.
async fn page(
    viewer: Viewer,
    State(app): State<App>,
    uri: Uri,
    id: Result<Segments<String>, BadPath>,
    RawQuery(query): RawQuery,
) -> Response {
    let Some(upload) = own(&viewer, &app, id) else {
        return gone(&viewer, &app);
    };
    let fields = match version(&app, &upload.flow) {
        Ok(version) => fields(&version.manifest().customer),
        Err(problem) => return viewer.failed(&app, &problem),
    };
    let has_numbers = viewer.unmasks(&app, query.as_deref(), uri.path());
    let site = viewer.site(&app, has_numbers);
    let is_busy = !Form::of_query(query.as_deref()).text("busy").is_empty();
    let (shown, is_under_way) = shown_of(&upload, &fields, has_numbers, is_busy);
    let mut response = viewer.page(StatusCode::OK, import(&site, &shown));
    if is_under_way {
        response.headers_mut().insert(REFRESH, AGAIN);
    }
    response
}

/// The fields for which columns are looked for: the flow's, and those that say where a customer is.
fn fields(schema: &CustomerSchema) -> Vec<Field> {
    let declared: Vec<_> = schema
        .fields
        .iter()
        .map(|(name, field)| {
            let of = Field {
                name: name.clone(),
                kind: field.kind,
                required: field.required,
            };
            (of, field.from_state.as_deref())
        })
        .collect();
    let mut fields = fields_of(&declared);
    for zone in Zone::FIELDS {
        if fields.iter().all(|field| field.name != zone) {
            fields.push(Field {
                name: zone.to_owned(),
                kind: FieldKind::Text,
                required: false,
            });
        }
    }
    fields
}

/// The columns of fields: as chosen, else as found; and what is not certain.
fn mapped(upload: &Upload, fields: &[Field]) -> (Vec<(String, usize)>, Vec<MappingError>) {
    let chosen = upload.state().chosen.clone();
    match chosen {
        None => {
            let (columns, errors) = Columns::proposed(&upload.header, fields, &[]);
            (columns.used, errors)
        }
        Some(chosen) => {
            let errors = Columns::chosen(&upload.header, fields, &chosen).err();
            let errors = errors.map_or_else(Vec::new, |errors| errors.0);
            (chosen.into_iter().collect(), errors)
        }
    }
}

fn shown_of(
    upload: &Upload,
    fields: &[Field],
    has_numbers: bool,
    is_busy: bool,
) -> (ImportPage, bool) {
    let (used, errors) = mapped(upload, fields);
    let columns = upload.header.own_columns();
    let names = upload.header.names.iter().take(columns);
    let cell = |column: usize, kind: Option<FieldKind>| {
        let cells = upload.first.iter().map(move |row| {
            let text = row.cells.get(column).map_or("", String::as_str);
            Masked::new(if has_numbers {
                text.to_owned()
            } else {
                without_number(text, kind == Some(FieldKind::Phone))
            })
        });
        cells.collect::<Vec<_>>()
    };
    let field = |field: &Field| {
        let column = used.iter().find(|(name, _)| *name == field.name);
        let column = column.map(|(_, column)| *column);
        MappedField {
            name: field.name.clone(),
            kind: field.kind.to_string(),
            is_required: field.required,
            column,
            uncertain: errors
                .iter()
                .find_map(|error| uncertain(error, &field.name)),
            values: column.map_or_else(Vec::new, |column| cell(column, Some(field.kind))),
        }
    };
    let is_used = |column: &usize| used.iter().any(|(_, used)| used == column);
    let unused = (0..columns).filter(|column| !is_used(column));
    let state = upload.state();
    let is_under_way = state.run.as_ref().is_some_and(|run| run.end == End::NotYet);
    let page = ImportPage {
        id: upload.id.clone(),
        file: upload.file.clone(),
        flow: upload.flow.clone(),
        list: upload.list.clone(),
        lines: upload.first.iter().map(|row| row.line).collect(),
        fields: fields.iter().map(field).collect(),
        columns: names.map(|name| shown(name)).collect(),
        unused: unused.map(|column| (column, cell(column, None))).collect(),
        is_held: state.bytes.is_some() && !is_under_way,
        is_busy,
        imported: state.run.as_ref().map(imported),
    };
    (page, is_under_way)
}

fn uncertain(error: &MappingError, name: &str) -> Option<Uncertain> {
    match error {
        MappingError::Missing { field, .. } if field == name => Some(Uncertain::Missing),
        MappingError::Several { field, columns, .. } if field == name => {
            let columns = columns.0.iter().map(|(column, _)| *column);
            Some(Uncertain::Several(columns.collect()))
        }
        MappingError::Shared { fields, .. } if fields.iter().any(|field| field == name) => {
            Some(Uncertain::Shared)
        }
        _ => None,
    }
}

/// The results of the rows, for the page.
fn imported(run: &Run) -> Imported {
    let row = |(line, problems): &(u64, Vec<(String, String)>)| RejectedRow {
        line: *line,
        problems: problems
            .iter()
            .map(|(field, reason)| Refused {
                field: field.clone(),
                reason: reason.clone(),
            })
            .collect(),
    };
    Imported {
        is_check: run.is_check,
        is_under_way: run.end == End::NotYet,
        ended_early: match &run.end {
            End::Early(why) => Some(why.clone()),
            End::NotYet | End::Whole => None,
        },
        rows: run.rows,
        stored: run.stored,
        updated: run.updated,
        unchanged: run.unchanged,
        rejected: run.rejected,
        shown: run.shown.iter().map(row).collect(),
        has_file: !run.file.is_empty(),
        is_whole: run.is_whole,
    }
}

/// A text in which phone numbers are masked as everywhere in the console; `is_number` says that it is to be one.
fn without_number(text: &str, is_number: bool) -> String {
    let masked = |digits: &str| {
        let from = digits.char_indices().rev().nth(TAIL - 1);
        format!(
            "xxxxxx{}",
            from.map_or("", |(at, _)| digits.get(at..).unwrap_or_default())
        )
    };
    let is_digit = |letter: &char| letter.is_numeric();
    let digits = text.chars().filter(is_digit).count();
    if phone(text).is_ok() || (is_number && digits >= FEW_DIGITS) {
        return masked(text.trim_end());
    }
    let (mut shown, mut digits) = (String::new(), String::new());
    let end = |digits: &mut String, shown: &mut String| {
        if digits.chars().count() >= NUMBER_DIGITS {
            shown.push_str(&masked(digits));
        } else {
            shown.push_str(digits);
        }
        digits.clear();
    };
    for letter in text.chars() {
        if is_digit(&letter) {
            digits.push(letter);
        } else {
            end(&mut digits, &mut shown);
            shown.push(letter);
        }
    }
    end(&mut digits, &mut shown);
    shown
}

/// Takes the columns that were chosen, and does what was pressed: `columns` shows the rows by them, `check` and `store` read all
/// of them.
async fn act(
    viewer: Viewer,
    State(app): State<App>,
    path: Result<Segments<(String, String)>, BadPath>,
    body: Bytes,
) -> Response {
    let form = Form::read(&body);
    if let Err(problem) = viewer.check(&form) {
        return viewer.failed(&app, &problem);
    }
    let (id, action) = match path {
        Ok(Segments((id, action))) => (Ok(Segments(id)), action),
        Err(bad) => (Err(bad), String::new()),
    };
    let Some(upload) = own(&viewer, &app, id) else {
        return gone(&viewer, &app);
    };
    let is_check = match action.as_str() {
        "columns" => None,
        "check" => Some(true),
        "store" => Some(false),
        _ => return super::nothing(viewer, State(app)).await,
    };
    let page = viewer
        .site(&app, false)
        .path(&format!("import/{}", upload.id));
    let customer = match version(&app, &upload.flow) {
        Ok(version) => version.manifest().customer.clone(),
        Err(problem) => return viewer.failed(&app, &problem),
    };
    let fields = fields(&customer);
    let chosen: BTreeMap<String, usize> = fields
        .iter()
        .filter_map(|field| {
            let column = form.text(&format!("column.{}", field.name));
            Some((
                field.name.clone(),
                column.parse::<usize>().ok()?.checked_sub(1)?,
            ))
        })
        .collect();
    upload.state().chosen = Some(chosen.clone());
    let (Ok(columns), Some(is_check)) =
        (Columns::chosen(&upload.header, &fields, &chosen), is_check)
    else {
        return redirect(&page);
    };
    let Ok(reading) = Arc::clone(&app.uploads.reading).try_acquire_owned() else {
        return redirect(&format!("{page}?busy=true"));
    };
    {
        let mut state = upload.state();
        let is_under_way = state.run.as_ref().is_some_and(|run| run.end == End::NotYet);
        if is_under_way || state.bytes.is_none() {
            return redirect(&page);
        }
        state.run = Some(Run::begin(is_check, &upload.header));
    }
    if !is_check {
        let list = format!("/console/import/{}", upload.list);
        viewer.did(&app, "import", &list, StatusCode::SEE_OTHER);
    }
    let how = (columns, customer.fields.contains_key(PHONE));
    let storing = app
        .tasks
        .spawn(store(app.clone(), upload, how, is_check, reading));
    let _ = timeout(SOON, storing).await;
    redirect(&page)
}

/// The rejected rows, with the list's own columns, to be corrected and imported again.
async fn rejects(
    viewer: Viewer,
    State(app): State<App>,
    id: Result<Segments<String>, BadPath>,
) -> Response {
    let Some(upload) = own(&viewer, &app, id) else {
        return gone(&viewer, &app);
    };
    let file = upload.state().run.as_ref().map(|run| run.file.clone());
    let Some(file) = file.filter(|file| !file.is_empty()) else {
        return super::nothing(viewer, State(app)).await;
    };
    let path = format!("/console/import/{}/rejects.csv", upload.list);
    viewer.did(&app, "export", &path, StatusCode::OK);
    let attachment = format!("attachment; filename=\"{}.rejects.csv\"", upload.list);
    let attachment = HeaderValue::from_str(&attachment);
    let attachment = attachment.unwrap_or(HeaderValue::from_static("attachment"));
    let mut response = viewer.page(StatusCode::OK, String::new());
    *response.body_mut() = Body::from(file);
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/csv; charset=utf-8"),
    );
    headers.insert(CONTENT_DISPOSITION, attachment);
    response.into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_masked_wherever_they_stand() {
        for (text, is_number, shown) in [
            ("+91 98765-43210", true, "xxxxxx3210"),
            ("98765 43210 ", false, "xxxxxx3210"),
            ("call 9876543210 after 5", false, "call xxxxxx3210 after 5"),
            ("LN-00478213", false, "LN-00478213"),
            ("12,450", false, "12,450"),
            ("not known", true, "not known"),
            ("98765 4", true, "xxxxxx65 4"),
            (" ", true, " "),
            ("98765४३२१०", false, "xxxxxx३२१०"),
        ] {
            assert_eq!(without_number(text, is_number), shown, "{text}");
        }
    }
}
