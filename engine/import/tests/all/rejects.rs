//! The file of rejected rows: written once, corrected, and imported as it is.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use ghanti_import::{Columns, Field, RejectsFile};

use crate::common::{csv, read, write};

fn problem(field: &str, reason: &str) -> (String, String) {
    (field.to_owned(), reason.to_owned())
}

#[test]
fn rejected_rows_are_a_list_again() {
    let (folder, file) = write(
        "list.csv",
        "Mobile;\"Name\nof customer\";Remark\n1;\"Ravi, \"\"R\"\"\";a\n2;Priya;b;c;d\n",
    );
    let list = read(&file, None).unwrap();
    let path = folder.path().join("list.csv.rejects.csv");
    let mut rejects = RejectsFile::new(&path, &file, &list.header).unwrap();
    assert!(!path.exists() && !rejects.is_written());
    let problems = [
        problem("phone", "is wrong: write it right"),
        problem("name", "is odd"),
        problem("phone", "is twice"),
    ];
    rejects.add(&list.rows[0], &problems).unwrap();
    rejects
        .add(
            &list.rows[1],
            &[problem("", &list.rows[1].faults[0].reason)],
        )
        .unwrap();
    rejects.flush().unwrap();

    let again = read(&path, None).unwrap();
    assert_eq!(
        again.header.names,
        [
            "Mobile",
            "Name of customer",
            "Remark",
            "line",
            "field",
            "reason"
        ]
    );
    assert_eq!(again.header.own_columns(), 3);
    assert_eq!(
        again.reported(),
        [
            "2: 1 | Ravi, \"R\" | a | 3 | phone; name | `phone` is wrong: write it right; `name` is odd; `phone` is twice",
            "3: 2 | Priya | b,c,d | 4 |  | has 5 cells, and the header has 3: put a value with a comma or a line break into quotes",
        ]
    );
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let columns = Columns::find(&again.header, &[Field::phone()], &[]).unwrap();
    assert_eq!(columns.unused, [1, 2]);

    // the rows that are wrong again have no second set of these columns
    let second = folder.path().join("second.csv");
    let mut rejects = RejectsFile::new(&second, &path, &again.header).unwrap();
    rejects
        .add(&again.rows[0], &[problem("phone", "is wrong")])
        .unwrap();
    rejects.flush().unwrap();
    assert_eq!(
        read(&second, None).unwrap().reported(),
        ["2: 1 | Ravi, \"R\" | a | 2 | phone | `phone` is wrong"]
    );
}

#[test]
fn nothing_but_an_earlier_file_of_rejected_rows_is_overwritten() {
    let (folder, file) = write("list.csv", "Phone,Name\n1,Ravi\n");
    let header = csv("Phone,Name\n1,Ravi\n").header;
    let other = folder.path().join("other.csv");
    for (text, is_taken) in [
        ("Phone,Name\n1,Ravi\n", false),
        ("x", false),
        ("\u{feff}\"Phone\",\"line\",\"field\",\"reason\"\r\n", true),
        ("Phone,line,field,reason\n", true),
        ("", true),
    ] {
        fs::write(&other, text).unwrap();
        let made = RejectsFile::new(&other, &file, &header);
        assert_eq!(made.is_ok(), is_taken, "{text:?}");
        assert_eq!(
            fs::read_to_string(&other).unwrap(),
            text,
            "nothing is changed yet"
        );
    }
    let list = fs::canonicalize(&file).unwrap();
    let own = RejectsFile::new(&file, &list, &header)
        .err()
        .unwrap()
        .to_string();
    assert!(
        own.contains("is the list itself: name another file with --rejects"),
        "{own}"
    );
    let mut nowhere =
        RejectsFile::new(&folder.path().join("no/where.csv"), &file, &header).unwrap();
    let row = &csv("Phone\n1\n").rows[0];
    assert!(
        nowhere
            .add(row, &[])
            .unwrap_err()
            .to_string()
            .contains("cannot write")
    );
}
