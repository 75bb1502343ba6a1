//! A customer's record stored by another program: fields that cannot be read for certain are
//! withheld from the flow, and the call's record says so.

use crate::common::House;
use ghanti_model::Function;

#[tokio::test]
async fn an_unreadable_value_in_the_store_is_not_given_to_the_flow_and_is_a_problem_without_the_value()
 {
    let mut house = House::new();
    let schema = "[settings]\nact = \"converse\"\n[customer]\nlanguage = { type = \"language\" }\namount = { type = \"money\", required = true }\n";
    house.add("flow", schema);
    house.open().await;
    let record = house.call("flow", "klingon").await;
    let reported: Vec<_> = record
        .problems
        .iter()
        .filter(|problem| problem.name == "unusable-field")
        .map(|problem| &problem.detail)
        .collect();
    assert_eq!(reported.len(), 2, "{:?}", record.problems);
    assert!(
        reported[0].contains("`amount` is missing")
            && reported[1].contains("`language` is no language"),
        "{reported:?}"
    );
    assert!(
        !reported.iter().any(|detail| detail.contains("klingon")),
        "{reported:?}"
    );
    assert_eq!(record.language.unwrap().as_str(), "en-IN");
    let entries = record.journal.unwrap().entries;
    let given = entries
        .iter()
        .filter(|entry| matches!(entry.function, Function::Get | Function::All));
    assert!(
        given.clone().count() > 0
            && given
                .clone()
                .all(|entry| !entry.answer.to_string().contains("klingon"))
    );

    let record = house.call("flow", "Hindi").await;
    assert_eq!(
        record.language.unwrap().as_str(),
        "hi-IN",
        "a language by its name"
    );
}
