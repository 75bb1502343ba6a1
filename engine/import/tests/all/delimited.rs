//! CSV in the forms that spreadsheets and banks' software give it.

use ghanti_import::ListFile;

use crate::common::{csv, refused, write};

#[test]
fn the_separator_is_found_from_the_header() {
    for (separator, declared) in [
        (",", ""),
        (";", ""),
        ("\t", ""),
        ("|", ""),
        (";", "sep=;\r\n"),
    ] {
        let text = ["Phone", "EMI, Rs; or $|€", "Name"];
        let row = ["98765 43210", "12,450", "Ravi"];
        let quoted = |cells: [&str; 3]| cells.map(|cell| format!("\"{cell}\"")).join(separator);
        let read = csv(format!("{declared}{}\r\n{}\r\n", quoted(text), quoted(row)));
        assert_eq!(read.header.names, text, "{separator:?}");
        assert_eq!(read.rows[0].cells, row, "{separator:?}");
    }
    assert_eq!(csv("Phone\n98765 43210\n").reported(), ["2: 98765 43210"]);
    let error = refused("Phone,Name;Loan\n1,2;3\n");
    assert!(
        error.contains("line 1 is the header, and its cells may be separated by several"),
        "{error}"
    );
}

#[test]
fn lines_are_those_that_an_editor_shows() {
    for end in ["\n", "\r\n", "\r"] {
        let lines = [
            "\u{feff}Phone,Name,Address",
            "1,Ravi,\"12, MG Road",
            "Pune\"",
            "",
            "  ",
            ",,",
            "2,Priya,\"say \"\"hello\"\"\"",
            "3,\"Asha\",",
        ];
        let read = csv(lines.join(end));
        assert_eq!(read.header.names, ["Phone", "Name", "Address"], "{end:?}");
        assert_eq!(
            read.reported(),
            [
                "2: 1 | Ravi | 12, MG Road\nPune",
                "7: 2 | Priya | say \"hello\"",
                "8: 3 | Asha | ",
            ],
            "{end:?}"
        );
    }
}

#[test]
fn a_row_of_another_length_is_reported_and_those_beside_it_are_read() {
    let read = csv("Phone,Amount,Name\n1,12,450,Ravi\n2,500\n3,500,Asha,,\n4,500,Om\n");
    assert_eq!(
        read.reported(),
        [
            "2! has 4 cells, and the header has 3: put a value with a comma or a line break into quotes",
            "3! has 2 cells, and the header has 3: put a value with a comma or a line break into quotes",
            "4: 3 | 500 | Asha",
            "5: 4 | 500 | Om",
        ]
    );
    assert_eq!(read.rows[0].cells, ["1", "12", "450", "Ravi"]);
}

#[test]
fn a_quotation_mark_that_is_not_closed_costs_one_row() {
    let mut text = "Phone,Name\n1,\"Ravi\n".to_owned();
    for line in 3..100 {
        text.push_str(&format!("{line},Priya\n"));
    }
    let read = csv(&text);
    assert_eq!(read.rows.len(), 98);
    let reported = read.reported();
    assert!(
        reported[0].starts_with("2! opens a quotation mark that is not closed within"),
        "{}",
        reported[0]
    );
    assert_eq!(read.rows[0].cells, ["1", "\"Ravi"]);
    assert_eq!(
        (reported[1].as_str(), reported[97].as_str()),
        ("3: 3 | Priya", "99: 99 | Priya")
    );
    let at_the_end = csv("Phone,Name\n1,Ravi\n2,\"Priya\n").reported();
    assert!(
        at_the_end[1].starts_with("3! opens a quotation mark"),
        "{at_the_end:?}"
    );
}

#[test]
fn a_line_without_end_is_reported_and_not_held() {
    let long = "x".repeat(10 << 20);
    let read = csv(format!(
        "Phone,Name\n1,{long}\n2,Priya\n3,\"{long}\"\n4,Om\n"
    ));
    let reported = read.reported();
    assert_eq!(
        reported,
        [
            "2! has a line of more than 65536 bytes",
            "3: 2 | Priya",
            "4! has a line of more than 65536 bytes",
            "5: 4 | Om",
        ]
    );
}

#[test]
fn other_encodings_are_reported_by_line() {
    let latin = b"Phone,Name\n1,Ravi\n2,Jos\xe9\n3,Om\n";
    assert_eq!(
        csv(latin).reported(),
        [
            "2: 1 | Ravi",
            "3! is not UTF-8: save the list as \"CSV UTF-8\"",
            "4: 3 | Om"
        ]
    );
    let header = refused(b"Phone,Pr\xe9nom\n1,Ravi\n");
    assert!(
        header.contains("line 1 is not UTF-8: save the list as \"CSV UTF-8\""),
        "{header}"
    );
    let utf_16: Vec<u8> = "\u{feff}Phone,Name\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    assert!(refused(&utf_16).contains("is text in UTF-16: save the list as"));
    let without_mark = &utf_16[2..];
    assert!(refused(without_mark).contains("has a NUL, so the file is not a text"));
}

#[test]
fn what_is_no_list_is_reported_by_its_kind() {
    for (bytes, words) in [
        (
            &b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"[..],
            "an old Excel workbook (.xls), or one with a password",
        ),
        (
            b"  <HTML><table><tr><td>Phone",
            "a web page or XML, whatever its name says",
        ),
        (
            b"\xef\xbb\xbf<?xml version='1.0'?><Workbook>",
            "a web page or XML",
        ),
        (b"%PDF-1.7", "a PDF"),
        (b"\x1f\x8b\x08", "compressed"),
        (b"", "has no row with anything in it"),
        (b"\n \n\n", "has no row with anything in it"),
        (
            b"Phone,\"Name\n",
            "line 1 is the header, and opens a quotation mark",
        ),
        (b"PK\x03\x04 and no more", "is damaged"),
    ] {
        let error = refused(bytes);
        assert!(error.contains(words), "{words}: {error}");
    }
    let folder = tempfile::tempdir().unwrap();
    assert!(
        ListFile::open(folder.path(), None)
            .err()
            .unwrap()
            .to_string()
            .contains("is no file")
    );
    let gone = ListFile::open(&folder.path().join("x.csv"), None)
        .err()
        .unwrap();
    assert!(gone.to_string().contains("cannot read"), "{gone}");
    let (_folder, file) = write("list.csv", "Phone\n1\n");
    let sheet = ListFile::open(&file, Some("Sheet1")).err().unwrap();
    assert!(
        sheet.to_string().contains("leave the sheet (--sheet) out"),
        "{sheet}"
    );
}

#[test]
fn too_many_columns_are_reported() {
    let wide = vec!["x"; 300].join(",");
    assert!(
        refused(format!("{wide}\n")).contains("line 1 is the header, and has more than 256 cells")
            && refused(format!("Phone,{}\n", "x".repeat(100_000)))
                .contains("line 1 is the header, and has a line of more than 65536 bytes")
            && refused("98765 43210,Ravi\n98765 43211,Priya\n")
                .contains("line 1 has a phone number, so that it is no header")
    );
    let read = csv(format!("Phone,Name\n{wide}\n1,Ravi\n"));
    assert_eq!(
        read.reported(),
        ["2! has more than 256 cells", "3: 1 | Ravi"]
    );
}
