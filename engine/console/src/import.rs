//! Importing a list: the form for the file, then its columns and first rows, and the result of
//! storing it.

use ghanti_model::Masked;
use maud::{Markup, html};

use crate::layout::{Place, Site, page};

/// What the page shows on which a list is chosen.
#[derive(Debug, Clone, Default)]
pub struct ImportForm {
    /// The flows.
    pub flows: Vec<String>,
    /// The flow that was chosen.
    pub flow: String,
    /// The list's name, as it was written.
    pub list: String,
    /// The sheet, as it was written.
    pub sheet: String,
    /// The largest file, in MiB.
    pub most_mib: usize,
    /// Why no list was taken.
    pub reported: Option<Unread>,
    /// The same, in the engine's own words.
    pub english: Option<String>,
}

/// Why no list was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// The file is too large.
    TooLarge,
    /// No file was chosen.
    NoFile,
    /// The form did not arrive whole.
    Broken,
    /// Other lists are being read.
    Busy,
    /// What was uploaded is held no longer.
    Gone,
}

/// What the page of a list shows that was uploaded.
#[derive(Debug, Clone)]
pub struct ImportPage {
    /// Where it is in the console.
    pub id: String,
    /// The file's name.
    pub file: String,
    /// The flow that is to talk to the customers.
    pub flow: String,
    /// The list that they are to be stored in.
    pub list: String,
    /// The lines of the first rows.
    pub lines: Vec<u64>,
    /// The fields of a customer.
    pub fields: Vec<MappedField>,
    /// The names of the file's columns.
    pub columns: Vec<String>,
    /// The columns, from 0, that no field has, with their first values.
    pub unused: Vec<(usize, Vec<Masked>)>,
    /// Whether the file can be stored still.
    pub is_held: bool,
    /// Whether it was not read because others are.
    pub is_busy: bool,
    /// The result of storing or checking it.
    pub imported: Option<Imported>,
}

/// A field of a customer, with the column that it has.
#[derive(Debug, Clone)]
pub struct MappedField {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: String,
    /// Whether a list without it is of no use.
    pub is_required: bool,
    /// Its column, from 0.
    pub column: Option<usize>,
    /// What is not certain of it.
    pub uncertain: Option<Uncertain>,
    /// Its first values.
    pub values: Vec<Masked>,
}

/// Why somebody has to choose a field's column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Uncertain {
    /// None was found, and the flow needs it.
    Missing,
    /// Each of these, from 0, may be it.
    Several(Vec<usize>),
    /// Its column may be another field's.
    Shared,
}

/// The result of storing or checking a list.
#[derive(Debug, Clone)]
pub struct Imported {
    /// Whether nothing was stored.
    pub is_check: bool,
    /// Whether it goes on.
    pub is_under_way: bool,
    /// Why it ended before the list did.
    pub ended_early: Option<String>,
    /// Rows that were read.
    pub rows: u64,
    /// New customers.
    pub stored: u64,
    /// Customers whose record has changed.
    pub updated: u64,
    /// Customers whose record was the same.
    pub unchanged: u64,
    /// Rows that were rejected.
    pub rejected: u64,
    /// The first of them.
    pub shown: Vec<RejectedRow>,
    /// Whether there is a file of them.
    pub has_file: bool,
    /// Whether all of them are in it.
    pub is_whole: bool,
}

/// A row that was rejected.
#[derive(Debug, Clone)]
pub struct RejectedRow {
    /// Its line in the file.
    pub line: u64,
    /// What is wrong with it.
    pub problems: Vec<Refused>,
}

/// What is wrong with a field.
#[derive(Debug, Clone)]
pub struct Refused {
    /// The field; empty for the whole row.
    pub field: String,
    /// What is wrong.
    pub reason: String,
}

/// The page on which a list is chosen.
pub fn import_form(site: &Site, shown: &ImportForm) -> String {
    let words = site.words;
    let content = html! {
        p class="back" { a href=(site.path("customers")) { "← " (words.customers) } }
        h1 { (words.import_list) }
        @if let Some(why) = shown.reported {
            p class="notice" role="alert" { (sentence(site, why)) }
        }
        @if let Some(text) = &shown.english { p class="notice" role="alert" lang="en" { (text) } }
        @if shown.flows.is_empty() { p class="empty" { (words.no_flows) } } @else {
            p class="hint" { (words.import_hint) }
            form class="search fields" method="post" enctype="multipart/form-data" action=(site.path("import")) {
                // first, so that it is there before the file is
                (site.csrf_field())
                div {
                    label for="flow" { (words.flow) }
                    select id="flow" name="flow" {
                        @for flow in &shown.flows { option selected[*flow == shown.flow] { (flow) } }
                    }
                }
                div {
                    label for="list" { (words.list_name) }
                    input id="list" name="list" value=(shown.list) required maxlength="64" autocomplete="off" spellcheck="false" aria-describedby="list-hint";
                    p id="list-hint" class="hint" { (words.name_hint) }
                }
                div {
                    label for="sheet" { (words.sheet) }
                    input id="sheet" name="sheet" value=(shown.sheet) maxlength="64" autocomplete="off";
                }
                div class="wide" {
                    label for="file" { (words.file) }
                    input id="file" name="file" type="file" required accept=".csv,.txt,.tsv,.xlsx,text/csv" aria-describedby="file-hint";
                    p id="file-hint" class="hint" { (words.file_hint) " " (shown.most_mib) " MiB" }
                }
                div class="buttons wide" { button { (words.upload) } }
            }
        }
    };
    page(
        site,
        words.import_list,
        Place::Customers,
        &["console.js"],
        &content,
    )
}

fn sentence(site: &Site, why: Unread) -> &'static str {
    let words = site.words;
    match why {
        Unread::TooLarge => words.upload_too_large,
        Unread::NoFile => words.upload_no_file,
        Unread::Broken => words.upload_broken,
        Unread::Busy => words.upload_busy,
        Unread::Gone => words.upload_gone,
    }
}

/// The page of a list that was uploaded.
pub fn import(site: &Site, shown: &ImportPage) -> String {
    let words = site.words;
    let path = site.path(&format!("import/{}", shown.id));
    let content = html! {
        p class="back" { a href=(site.path("import")) { "← " (words.import_list) } }
        div class="headed" {
            h1 { (words.import_list) " " span class="aside" { (shown.file) } }
            @if shown.is_held {
                a class="quiet" href={ (path) @if !site.has_numbers { "?numbers=true" } } {
                    @if site.has_numbers { (words.mask_numbers) } @else { (words.show_numbers) }
                }
            }
        }
        p class="gist" { (words.flow) " " (shown.flow) " · " (words.customer_list) " " (shown.list) }
        @if shown.is_busy { p class="notice" role="alert" { (words.upload_busy) } }
        @if let Some(imported) = &shown.imported { (outcome(site, shown, imported, &path)) }
        @if shown.is_held { (mapping(site, shown, &path)) }
    };
    page(
        site,
        words.import_list,
        Place::Customers,
        &["console.js"],
        &content,
    )
}

/// The fields with their columns and first values, to be changed.
fn mapping(site: &Site, shown: &ImportPage, path: &str) -> Markup {
    let words = site.words;
    let is_stored = shown
        .imported
        .as_ref()
        .is_some_and(|imported| !imported.is_check);
    html! {
        @if !is_stored { p class="notice" role="status" { (words.nothing_stored_yet) } }
        form method="post" action={ (path) "/store" } {
            (site.csrf_field())
            section aria-labelledby="fields" {
                h2 id="fields" { (words.which_column) }
                table class="list mapping" {
                    (heads(site, shown, &[words.field, words.column]))
                    tbody { @for field in &shown.fields { (row(site, shown, field)) } }
                }
            }
            div class="actions" {
                button { (words.import) }
                button class="quiet" formaction={ (path) "/check" } { (words.check_only) }
                button class="quiet" formaction={ (path) "/columns" } { (words.look_by_columns) }
            }
        }
        @if !shown.unused.is_empty() {
            section aria-labelledby="unused" {
                h2 id="unused" { (words.unused_columns) }
                table class="list" {
                    (heads(site, shown, &[words.column]))
                    tbody {
                        @for (column, values) in &shown.unused {
                            tr {
                                td data-label=(words.column) { (name(shown, *column)) }
                                (cells(site, shown, values))
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The head of a table with these columns, and one for each of the first rows.
fn heads(site: &Site, shown: &ImportPage, names: &[&str]) -> Markup {
    let words = site.words;
    html! {
        thead {
            tr {
                @for name in names { th scope="col" { (name) } }
                @for line in &shown.lines { th scope="col" { (words.line_of_file) " " (line) } }
            }
        }
    }
}

fn row(site: &Site, shown: &ImportPage, field: &MappedField) -> Markup {
    let words = site.words;
    let (id, note) = (
        format!("column-{}", field.name),
        format!("note-{}", field.name),
    );
    html! {
        tr class=[field.uncertain.is_some().then_some("troubled")] {
            td data-label=(words.field) {
                label for=(id) { span lang="en" { (field.name) } }
                " " span class="aside" lang="en" { (field.kind) }
                @if field.is_required { " " span class="aside" { (words.required) } }
            }
            td data-label=(words.column) {
                select id=(id) name={ "column." (field.name) } aria-describedby=[field.uncertain.as_ref().map(|_| &note)] {
                    option value="" { (words.no_column) }
                    @for (column, _) in shown.columns.iter().enumerate() {
                        option value=(column + 1) selected[field.column == Some(column)] { (name(shown, column)) }
                    }
                }
                @if let Some(uncertain) = &field.uncertain {
                    p id=(note) class="error" { (why(site, shown, uncertain)) }
                }
            }
            (cells(site, shown, &field.values))
        }
    }
}

fn why(site: &Site, shown: &ImportPage, uncertain: &Uncertain) -> Markup {
    let words = site.words;
    match uncertain {
        Uncertain::Missing => html! { (words.column_missing) },
        Uncertain::Shared => html! { (words.column_shared) },
        Uncertain::Several(columns) => html! {
            (words.column_several) " "
            @for (at, column) in columns.iter().enumerate() {
                @if at > 0 { ", " }
                (name(shown, *column))
            }
        },
    }
}

/// A column as it is called: its number and its name.
fn name(shown: &ImportPage, column: usize) -> Markup {
    let name = shown.columns.get(column).map_or("", String::as_str);
    html! { "#" (column + 1) " " (name) }
}

/// The values of the first rows; as many cells as there are rows.
fn cells(site: &Site, shown: &ImportPage, values: &[Masked]) -> Markup {
    let words = site.words;
    html! {
        @for (at, line) in shown.lines.iter().enumerate() {
            td data-label={ (words.line_of_file) " " (line) } dir="auto" {
                @if let Some(value) = values.get(at) { (site.personal(value)) }
            }
        }
    }
}

/// The result of storing or checking the list.
fn outcome(site: &Site, shown: &ImportPage, imported: &Imported, path: &str) -> Markup {
    let words = site.words;
    html! {
        section aria-labelledby="outcome" {
            h2 id="outcome" { (words.rows_so_far) }
            p class="notice" role="status" {
                @if imported.is_under_way { (words.being_imported) }
                @else if imported.is_check { (words.was_checked) }
                @else if imported.ended_early.is_none() { (words.was_imported) }
                @else { (words.ended_early) }
            }
            @if let Some(why) = &imported.ended_early { p class="notice" role="alert" lang="en" { (why) } }
            ul class="tiles" {
                @for (name, rows) in [
                    (words.rows, imported.rows), (words.new_customers, imported.stored), (words.updated, imported.updated),
                    (words.unchanged, imported.unchanged), (words.were_rejected, imported.rejected),
                ] {
                    li { span class="figure" { (rows) } span { (name) } }
                }
            }
            @if !imported.is_under_way && !imported.is_check && imported.ended_early.is_none() {
                div class="actions" {
                    a class="quiet" href={ (site.path("new-campaign")) "?list=" (shown.list) } { (words.campaign_on_list) }
                    a class="quiet" href=(site.path("import")) { (words.import_another) }
                }
            }
        }
        @if !imported.shown.is_empty() {
            section aria-labelledby="rejected" {
                h2 id="rejected" { (words.rejected_rows) }
                @if imported.has_file {
                    p {
                        a href={ (path) "/rejects.csv" } download { (words.download_rejects) }
                        " " span class="hint" { (words.rejects_hint) @if !imported.is_whole { " " (words.rejects_cut) } }
                    }
                }
                table class="list" {
                    thead { tr { @for name in [words.line_of_file, words.field, words.reason] { th scope="col" { (name) } } } }
                    tbody { @for rejected in &imported.shown { @for problem in &rejected.problems {
                        tr {
                            td data-label=(words.line_of_file) class="number" { (rejected.line) }
                            td data-label=(words.field) lang="en" { (if problem.field.is_empty() { "–" } else { &problem.field }) }
                            td data-label=(words.reason) lang="en" { (problem.reason) }
                        }
                    } } }
                }
                @if u64::try_from(imported.shown.len()).is_ok_and(|shown| shown < imported.rejected) {
                    p class="hint" { (words.rejects_more) }
                }
            }
        }
    }
}
