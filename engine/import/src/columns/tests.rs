//! Headers as lists have them, and what they are or what is asked.

use std::collections::BTreeSet;

use super::*;

fn header(names: &[&str]) -> Header {
    Header {
        line: 1,
        names: names.iter().map(|name| (*name).to_owned()).collect(),
    }
}

fn field(name: &str, kind: Kind, required: bool) -> Field {
    Field {
        name: name.to_owned(),
        kind,
        required,
    }
}

/// As the shipped flow declares them.
fn emi_reminder() -> Vec<Field> {
    vec![
        Field::phone(),
        field("name", Kind::Name, true),
        field("loan", Kind::Account, true),
        field("amount", Kind::Money, true),
        field("due-date", Kind::Date, true),
        field("language", Kind::Language, false),
        field("state", Kind::Text, false),
    ]
}

fn pairs(map: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |text: &str| text.to_owned();
    map.iter()
        .map(|(field, header)| (owned(field), owned(header)))
        .collect()
}

fn found(names: &[&str], fields: &[Field], map: &[(&str, &str)]) -> BTreeMap<String, String> {
    let header = header(names);
    let columns =
        Columns::find(&header, fields, &pairs(map)).unwrap_or_else(|error| panic!("{error}"));
    let used = columns.used.into_iter();
    used.map(|(field, column)| (field, header.names[column].clone()))
        .collect()
}

fn refused(names: &[&str], fields: &[Field], map: &[(&str, &str)]) -> Vec<String> {
    let MappingErrors(errors) = Columns::find(&header(names), fields, &pairs(map)).unwrap_err();
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn headers_of_lenders_lists_are_their_fields() {
    for names in [
        [
            "phone", "name", "loan", "amount", "due-date", "language", "state",
        ],
        [
            "Phone", "Name", "LOAN", "Amount", "Due Date", "Language", "State",
        ],
        [
            "Mobile No.",
            "Customer Name",
            "Loan Account No.",
            "EMI Amount (Rs.)",
            "Due Date (DD/MM/YYYY)",
            "Lang",
            "State",
        ],
        [
            "MOBILE_NUMBER",
            "BORROWER_NAME",
            "LAN",
            "EMI_AMT",
            "EMI_DUE_DT",
            "PREFERRED_LANGUAGE",
            "STATE_NAME",
        ],
        [
            "Contact Number",
            "Name of the Borrower",
            "Agreement No",
            "Instalment Amount [INR]",
            "EMI Date",
            "Language Preference",
            "Customer State",
        ],
        [
            "Registered\nMobile No",
            "Cust. Name",
            "Loan A/c No",
            "Amount Due (₹)",
            "Next Due Date",
            "language code",
            "state",
        ],
    ] {
        let fields = found(&names, &emi_reminder(), &[]);
        assert_eq!(fields.len(), 7, "{names:?}: {fields:?}");
        assert_eq!(fields["amount"], names[3]);
        assert_eq!(fields["due-date"], names[4]);
    }
}

#[test]
fn what_is_not_needed_is_left_and_named() {
    let names = header(&[
        "S.No.",
        "Mobile",
        "Name",
        "PAN",
        "LAN",
        "EMI",
        "Due Date",
        "",
        "Branch Name",
    ]);
    let columns = Columns::find(&names, &emi_reminder(), &[]).unwrap();
    assert_eq!(columns.unused, [0, 3, 7, 8]);
    assert_eq!(columns.absent, ["language", "state"]);
}

#[test]
fn two_columns_for_one_field_are_a_question() {
    let refused = refused(
        &[
            "Mobile No",
            "Phone",
            "Name",
            "LAN",
            "Loan No",
            "EMI Amount",
            "Due Date",
        ],
        &emi_reminder(),
        &[],
    );
    assert_eq!(
        refused,
        [
            "`Mobile No` (#1), `Phone` (#2) may each be `phone`: write --map 'phone=Mobile No' with the right one",
            "`LAN` (#4), `Loan No` (#5) may each be `loan`: write --map 'loan=LAN' with the right one",
        ]
    );
}

#[test]
fn the_users_word_settles_it() {
    let names = [
        "Mobile No",
        "Phone",
        "Name",
        "LAN",
        "Loan No",
        "EMI Amount",
        "Due Date",
        "Ward",
    ];
    let fields = found(
        &names,
        &emi_reminder(),
        &[
            ("phone", "Phone"),
            ("loan", "lan"),
            ("Due Date", "due date"),
            ("ward", "#8"),
        ],
    );
    assert_eq!(
        [
            &fields["phone"],
            &fields["loan"],
            &fields["due-date"],
            &fields["ward"]
        ],
        ["Phone", "LAN", "Due Date", "Ward"]
    );
}

#[test]
fn one_column_for_two_fields_is_a_question() {
    let fields = [
        Field::phone(),
        field("emi", Kind::Money, true),
        field("instalment", Kind::Money, true),
    ];
    assert_eq!(
        refused(&["Phone", "EMI Amount"], &fields, &[]),
        [
            "`EMI Amount` (#2) may be each of `emi`, `instalment`: write --map 'emi=EMI Amount' for the right one, and --map for the other's column"
        ]
    );
    let both = found(
        &["Phone", "EMI Amount"],
        &fields,
        &[("emi", "EMI Amount"), ("instalment", "EMI Amount")],
    );
    assert_eq!(both.len(), 3, "the user may say so");
    let own = found(&["Phone", "EMI", "Instalment"], &fields, &[]);
    assert_eq!(own["emi"], "EMI", "each has its own name");
}

#[test]
fn a_synonym_needs_the_fields_type_and_meaning() {
    let fields = [Field::phone(), field("outstanding", Kind::Money, true)];
    let refused = refused(&["Phone", "EMI Amount"], &fields, &[]);
    assert!(refused[0].starts_with("no column is `outstanding` (money), which the flow needs: write --map 'outstanding=HEADER'"), "{refused:?}");
    assert!(refused[0].contains("`EMI Amount` (#2)"));
    let text = [Field::phone(), field("emi", Kind::Text, false)];
    assert_eq!(found(&["Phone", "EMI Amount"], &text, &[]).len(), 1);
    for changed in ["EMI Amount (in lakhs)", "EMI Amount (USD)", "EMI Amount 2"] {
        let fields = [Field::phone(), field("emi", Kind::Money, false)];
        assert_eq!(
            found(&["Phone", changed], &fields, &[]).len(),
            1,
            "{changed}"
        );
    }
}

#[test]
fn mistakes_in_map_are_reported_at_once() {
    let refused = refused(
        &["Phone", "Name", "Name", "LAN", "EMI", "Due Date"],
        &emi_reminder(),
        &[
            ("phone", "Mobile"),
            ("name", "Name"),
            ("loan", "LAN"),
            ("loan", "EMI"),
            ("a b", "LAN"),
            ("amount", "#9"),
        ],
    );
    assert_eq!(refused.len(), 5, "{refused:#?}");
    for (error, words) in refused.iter().zip([
        "--map phone: there is no column `Mobile`",
        "--map name: `Name` (#2), `Name` (#3) have this name: write the right one's number, such as 'name=#2'",
        "--map loan is given twice",
        "--map `a b`: a field's name",
        "--map amount: there is no column `#9`",
    ]) {
        assert!(error.contains(words), "{words}: {error}");
    }
}

#[test]
fn columns_of_a_rejects_file_are_not_the_lists() {
    let names = [
        "Phone", "Name", "LAN", "EMI", "Due Date", "line", "field", "reason",
    ];
    let columns = Columns::find(&header(&names), &emi_reminder(), &[]).unwrap();
    assert_eq!(columns.unused, [0_usize; 0]);
    let own = [Field::phone(), field("reason", Kind::Text, true)];
    assert_eq!(
        found(&["Phone", "reason", "line"], &own, &[])["reason"],
        "reason"
    );
}

#[test]
fn a_header_that_is_shown_changes_no_terminal() {
    let refused = refused(&["\u{1b}[31mName", &"x".repeat(100)], &emi_reminder(), &[]);
    assert!(
        refused
            .iter()
            .all(|error| !error.contains('\u{1b}') && error.len() < 400),
        "{refused:?}"
    );
}

#[test]
fn a_name_is_in_one_group() {
    let mut seen = BTreeSet::new();
    for (_, names) in GROUPS {
        for name in names {
            assert!(seen.insert(*name), "{name}");
            assert_eq!(plain(name), *name);
        }
    }
}
