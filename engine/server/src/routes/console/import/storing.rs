//! Stores the rows of a list that was uploaded, or checks them, by the function behind
//! `POST /api/customers`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ghanti_import::batch::{Batch, Request};
use ghanti_import::columns::shown;
use ghanti_import::{Columns, RejectsHeld};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::held::{End, Run, Upload};
use super::reading::{Listed, Read, unreadable};
use crate::app::App;
use crate::routes::customers::{Stored, stored};

/// Maximum duration of an import: a database that stores 500 rows in a second has stored 100,000 in four
/// minutes.
const LONGEST: Duration = Duration::from_secs(1_800);

/// Stores or checks all rows. The results are in the upload's run.
pub(super) async fn store(
    app: App,
    upload: Arc<Upload>,
    (columns, has_phone_field): (Columns, bool),
    is_check: bool,
    permit: OwnedSemaphorePermit,
) {
    let stop = app.stop.clone();
    let rows = rows(&app, &upload, (columns, has_phone_field), is_check, permit);
    let end = tokio::select! {
        end = timeout(LONGEST, rows) => match end {
            Ok(Ok(())) => End::Whole,
            Ok(Err(why)) => End::Early(why),
            Err(_) => End::Early("it takes too long: use `ghanti customers import`".to_owned()),
        },
        () = stop.cancelled() => End::Early("the engine is stopping".to_owned()),
    };
    let mut state = upload.state();
    if end == End::Whole && !is_check {
        state.bytes = None;
    }
    if let Some(run) = &mut state.run {
        tracing::info!(
            list = upload.list,
            is_check,
            rows = run.rows,
            stored = run.stored,
            updated = run.updated,
            unchanged = run.unchanged,
            rejected = run.rejected,
            is_whole = end == End::Whole,
            "a list was imported in the console"
        );
        run.end = end;
        let rejects = run.rejects.take().filter(|_| run.rejected > 0);
        run.file = Bytes::from(rejects.map_or_else(Vec::new, RejectsHeld::into_bytes));
    }
}

async fn rows(
    app: &App,
    upload: &Upload,
    (columns, has_phone_field): (Columns, bool),
    check: bool,
    permit: OwnedSemaphorePermit,
) -> Result<(), String> {
    let bytes = upload.state().bytes.clone();
    let listed = Listed {
        name: upload.file.clone(),
        sheet: upload.sheet.clone(),
        bytes: bytes.ok_or_else(unreadable)?,
    };
    let request = Request {
        list: upload.list.clone(),
        flow: upload.flow.clone(),
        import: uuid::Uuid::now_v7().to_string(),
        check,
    };
    let mut batches = listed.batches(columns, has_phone_field, permit)?;
    while let Some(read) = batches.recv().await {
        let batch = match read {
            Read::Batch(batch) => batch,
            Read::End(end) => return end,
        };
        let answer = if batch.customers.is_empty() {
            None
        } else {
            let answer = stored(app, request.body(&batch).as_bytes()).await;
            Some(answer.map_err(|problem| {
                let text = problem.text();
                format!("{}: {}", text.detail, text.hint)
            })?)
        };
        if let Some(run) = &mut upload.state().run {
            add(run, batch, answer);
        }
    }
    Err(unreadable())
}

/// Counts a batch, whose refused rows were not sent.
fn add(run: &mut Run, batch: Batch, answer: Option<Stored>) {
    let mut refused: BTreeMap<u64, Vec<(String, String)>> = batch.refused;
    if let Some(answer) = answer {
        run.stored += u64::from(answer.stored);
        run.updated += u64::from(answer.updated);
        run.unchanged += u64::from(answer.unchanged);
        for rejected in answer.rejected {
            let problems = rejected.problems.into_iter();
            let reported = problems.map(|problem| (shown(&problem.field), problem.reason));
            refused.insert(u64::from(rejected.line), reported.collect());
        }
    }
    for row in &batch.rows {
        run.rows += 1;
        if let Some(problems) = refused.remove(&row.line) {
            run.reject(row, problems);
        }
    }
}
