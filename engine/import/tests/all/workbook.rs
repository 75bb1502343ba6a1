//! XLSX as Excel writes it, and as nobody should.

use std::fs::File;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use ghanti_import::{Fault, ListFile};
use rust_xlsxwriter::{ExcelDateTime, Format, Workbook};
use tempfile::TempDir;
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use crate::common::{Read, read};

fn saved(workbook: &mut Workbook) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("list.xlsx");
    workbook.save(&file).unwrap();
    (folder, file)
}

fn xlsx(workbook: &mut Workbook) -> Read {
    let (_folder, file) = saved(workbook);
    read(&file, None).unwrap_or_else(|error| panic!("{error}"))
}

fn refused(file: &Path, sheet: Option<&str>) -> String {
    match read(file, sheet) {
        Ok(read) => panic!("{:?}", read.reported()),
        Err(error) => error,
    }
}

#[test]
fn cells_come_as_the_sheet_shows_them() {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    for (column, name) in ["Mobile", "Loan", "EMI", "Due", "Paid", "Note"]
        .iter()
        .enumerate()
    {
        sheet.write(2, column as u16, *name).unwrap();
    }
    let date = Format::new().set_num_format("dd/mm/yyyy");
    let rupees = Format::new().set_num_format("\"Rs.\" #,##0.00");
    let due = ExcelDateTime::parse_from_str("2026-12-05").unwrap();
    let at = ExcelDateTime::parse_from_str("2026-12-05 10:30:00").unwrap();
    sheet.write(3, 0, 9_876_543_210_u64).unwrap();
    sheet.write(3, 1, "LN-00478213").unwrap();
    sheet.write_with_format(3, 2, 12_450.0, &rupees).unwrap();
    sheet.write_with_format(3, 3, &due, &date).unwrap();
    sheet.write(3, 4, true).unwrap();
    sheet.write(5, 0, "98765 43211").unwrap();
    sheet.write(5, 1, 1_234_567_890_123_456_789_u64).unwrap();
    sheet
        .write_formula(
            5,
            2,
            rust_xlsxwriter::Formula::new("=10000+2450.5").set_result("12450.5"),
        )
        .unwrap();
    sheet.write_with_format(5, 3, &at, &date).unwrap();
    sheet
        .write_formula(
            5,
            5,
            rust_xlsxwriter::Formula::new("=VLOOKUP(A1,B:C,2)").set_result("#N/A"),
        )
        .unwrap();
    sheet.write(6, 7, "beside the list").unwrap();
    sheet.write(6, 0, "98765 43212").unwrap();
    let read = xlsx(&mut workbook);
    assert_eq!((read.header.line, read.header.names.len()), (3, 6));
    assert_eq!(
        read.rows[0].cells,
        [
            "9876543210",
            "LN-00478213",
            "12450",
            "2026-12-05",
            "true",
            ""
        ]
    );
    let rounded = &read.rows[1];
    assert_eq!(rounded.line, 6);
    assert_eq!(rounded.cells[0], "98765 43211");
    assert_eq!(rounded.cells[2..4], ["12450.5", "2026-12-05T10:30:00"]);
    assert_eq!(rounded.cells[5], "#N/A");
    assert!(
        matches!(rounded.faults.as_slice(), [Fault { column: Some(1), reason }] if reason.contains("format the column as text")),
        "{:?}",
        rounded.faults
    );
    assert!(
        read.reported()[2].starts_with("7! has 8 cells, and the header has 6"),
        "{:?}",
        read.reported()
    );
}

#[test]
fn a_merged_or_blank_header_leaves_columns_without_a_name() {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    sheet.write(0, 0, "Mobile").unwrap();
    sheet
        .merge_range(0, 1, 0, 2, "Customer", &Format::new())
        .unwrap();
    sheet.write(0, 4, "EMI").unwrap();
    for (column, value) in ["1", "Ravi", "Kumar", "x", "500"].iter().enumerate() {
        sheet.write(1, column as u16, *value).unwrap();
    }
    let read = xlsx(&mut workbook);
    assert_eq!(read.header.names, ["Mobile", "Customer", "", "", "EMI"]);
    assert_eq!(read.reported(), ["2: 1 | Ravi | Kumar | x | 500"]);
}

#[test]
fn several_sheets_with_rows_are_a_question_and_hidden_ones_are_none() {
    let mut workbook = Workbook::new();
    for (name, is_hidden, is_empty) in [
        ("December", false, false),
        ("Old", true, false),
        ("Sheet3", false, true),
        ("January", false, false),
    ] {
        let sheet = workbook.add_worksheet();
        sheet.set_name(name).unwrap();
        sheet.set_hidden(is_hidden);
        if !is_empty {
            sheet.write(0, 0, "Mobile").unwrap();
            sheet.write(1, 0, name).unwrap();
        }
    }
    let (_folder, file) = saved(&mut workbook);
    let several = refused(&file, None);
    assert!(
        several.contains(
            "several of its sheets have rows (`December`, `January`): name one as the sheet (--sheet)"
        ),
        "{several}"
    );
    for name in ["December", "January", "Old"] {
        assert_eq!(
            read(&file, Some(name)).unwrap().reported(),
            [format!("2: {name}")]
        );
    }
    let none = refused(&file, Some("Dec"));
    assert!(
        none.contains("it has no sheet `Dec`, only `December`, `Old`"),
        "{none}"
    );
    assert!(refused(&file, Some("Sheet3")).contains("no visible sheet of it has a row"));
}

#[test]
fn one_visible_sheet_with_rows_needs_no_name() {
    let mut workbook = Workbook::new();
    workbook.add_worksheet().set_name("Notes").unwrap();
    let sheet = workbook.add_worksheet().set_name("List").unwrap();
    sheet.write(0, 0, "Mobile").unwrap();
    sheet.write(1, 0, "1").unwrap();
    let hidden = workbook.add_worksheet().set_hidden(true);
    hidden.write(0, 0, "secret").unwrap();
    assert_eq!(xlsx(&mut workbook).reported(), ["2: 1"]);
}

/// The same workbook with other bytes in one of its parts, or one more part.
fn with_part(file: &Path, name: &str, bytes: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let changed = folder.path().join("changed.xlsx");
    let mut archive = ZipArchive::new(File::open(file).unwrap()).unwrap();
    let mut writer = ZipWriter::new(File::create(&changed).unwrap());
    for index in 0..archive.len() {
        let mut part = archive.by_index(index).unwrap();
        let part_name = part.name().unwrap().into_owned();
        if part_name != name {
            writer
                .start_file(part_name, SimpleFileOptions::default())
                .unwrap();
            std::io::copy(&mut part, &mut writer).unwrap();
        }
    }
    writer
        .start_file(name, SimpleFileOptions::default())
        .unwrap();
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap();
    (folder, changed)
}

fn small() -> (TempDir, PathBuf) {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    sheet.write(0, 0, "Mobile").unwrap();
    sheet.write(1, 0, "1").unwrap();
    saved(&mut workbook)
}

const SHEET: &str = "xl/worksheets/sheet1.xml";
const STRINGS: &str = "xl/sharedStrings.xml";

fn sheet(rows: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><worksheet xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"><sheetData>{rows}</sheetData></worksheet>"
    )
}

#[test]
fn a_workbook_that_inflates_without_end_is_refused_before_it_is_read() {
    let (_folder, file) = small();
    let bomb = vec![b' '; 300 << 20];
    for (part, bytes, words) in [
        (
            SHEET,
            sheet(&format!(
                "<row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>{}</t></is></c></row>",
                "x".repeat(2 << 20)
            ))
            .into_bytes(),
            "has something longer than any cell",
        ),
        (STRINGS, bomb.clone(), "longer than any cell"),
        ("xl/media/image1.png", bomb, "is larger than any list's"),
        (
            STRINGS,
            b"<sst uniqueCount=\"999999999999\"><si><t>a</t></si></sst>".to_vec(),
            "longer than any cell",
        ),
    ] {
        let (_changed, changed) = with_part(&file, part, &bytes);
        let error = refused(&changed, None);
        assert!(
            error.contains(words) && error.contains(&part.to_lowercase()),
            "{part}: {error}"
        );
    }
}

#[test]
fn damaged_and_foreign_workbooks_are_reported() {
    let (_folder, file) = small();
    for (part, bytes, words) in [
        (
            "content.xml",
            "<x/>".to_owned(),
            "an OpenDocument spreadsheet (.ods): save the list as",
        ),
        (
            "xl/workbook.bin",
            "x".to_owned(),
            "binary kind (.xlsb): save the list as",
        ),
        (
            SHEET,
            "<worksheet><sheetData><row><c r=\"A1\"".to_owned(),
            "is damaged: open it in Excel and save it again",
        ),
        (
            SHEET,
            sheet("<row r=\"1\"><c r=\"A1\" t=\"s\"><v>77</v></c></row>"),
            "is damaged",
        ),
        (
            SHEET,
            sheet(
                "<row r=\"9\"><c r=\"A9\"><v>1</v></c></row><row r=\"2\"><c r=\"A2\"><v>1</v></c></row>",
            ),
            "row 2 comes after a later one",
        ),
    ] {
        let (_changed, changed) = with_part(&file, part, bytes.as_bytes());
        let error = refused(&changed, None);
        assert!(error.contains(words), "{words}: {error}");
    }
    let whole = std::fs::read(&file).unwrap();
    let half = file.with_file_name("half.xlsx");
    std::fs::write(&half, &whole[..whole.len() / 2]).unwrap();
    assert!(refused(&half, None).contains("is damaged"));
}

#[test]
fn no_value_of_a_damaged_cell_is_shown() {
    let (_folder, file) = small();
    let rows = "<row r=\"1\"><c r=\"A1\"><v>1</v></c></row><row r=\"2\"><c r=\"A2\" t=\"b\"><v>9876543210</v></c></row>";
    let (_changed, changed) = with_part(&file, SHEET, sheet(rows).as_bytes());
    let error = refused(&changed, None);
    assert!(
        error.contains("after row 1, is damaged") && !error.contains("98765"),
        "{error}"
    );
}

#[test]
fn a_sheet_is_read_row_by_row() {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    for row in 0..20_000 {
        sheet.write(row, 0, "Mobile").unwrap();
    }
    let (_folder, file) = saved(&mut workbook);
    // the last third is damaged, which is seen only where it is reached
    let mut rows: String = (1..20_000)
        .map(|row| format!("<row r=\"{row}\"><c r=\"A{row}\"><v>{row}</v></c></row>"))
        .collect();
    rows.push_str("<row r=\"20000\"><c r=\"A20000\" t=\"nonsense\"><v>1</v></c></row>");
    let (_changed, changed) = with_part(&file, SHEET, self::sheet(&rows).as_bytes());
    let mut seen = 0;
    let stopped = ListFile::open(&changed, None).unwrap().rows(|_| {
        seen += 1;
        if seen < 100 {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    });
    assert!(stopped.is_ok() && seen == 100);
    let mut seen = 0;
    let whole = ListFile::open(&changed, None).unwrap().rows(|_| {
        seen += 1;
        ControlFlow::Continue(())
    });
    assert!(
        whole
            .unwrap_err()
            .to_string()
            .contains("after row 19999, is damaged")
    );
    // the row at hand is whole once the next one begins
    assert_eq!(seen, 19_997);
}
