//! Valid, invalid and hostile prompt files.

use std::collections::BTreeMap;
use std::sync::Arc;

use ghanti_model::description::Kind;
use ghanti_model::{Argument, Language, Masked, Money, Template, TimeOfDay, Value};
use time::{Date, macros::date};

use super::*;

const TODAY: Date = date!(2026 - 11 - 22);

const ENGLISH: &str = "\
### $name (text) whom it calls
### $amount (money)
### $digits (digits)
### $due (date)
### $at (time)
### $days (integer)
### $tone (text)

-lender = Asha Finance
greeting = Hello, am I speaking with { $name }?
emi =
    Your instalment of { $amount } for the loan ending in { $digits }
    is due on { $due } at { $at }.
days = { $days ->
        [0] It is due today.
        [one] You have { $days } day.
       *[other] You have { $days } days.
    }
who = This is { -lender }. { goodbye }
goodbye = Goodbye.
tone = { $tone ->
        [gentle] Please pay, { $name }.
       *[firm] Pay now.
    }
";

const HINDI: &str = "\
-lender = आशा फ़ाइनेंस
greeting = नमस्ते, क्या मैं { $name } से बात कर रही हूँ?
emi = { $digits } वाले लोन की { $amount } की किस्त { $due } को { $at } तक देनी है।
days = { $days ->
        [0] आज देनी है।
       *[other] { $days } दिन बाकी हैं।
    }
who = मैं { -lender } से हूँ।
goodbye = धन्यवाद।
tone = { $tone } { $name }
";

fn language(tag: &str) -> Language {
    Language::parse(tag).unwrap()
}

fn files(pages: &[(&str, &str)]) -> BTreeMap<Language, String> {
    pages
        .iter()
        .map(|(tag, text)| (language(tag), (*text).to_owned()))
        .collect()
}

fn book() -> PromptBook {
    PromptBook::parse(&files(&[("en-IN", ENGLISH), ("hi-IN", HINDI)])).unwrap()
}

fn argument(name: &str, value: Value) -> Argument {
    Argument {
        name: name.to_owned(),
        value,
    }
}

fn text(name: &str, value: &str) -> Argument {
    argument(name, Value::Text(Masked::new(value)))
}

fn template(name: &str, arguments: Vec<Argument>) -> Template {
    Template {
        name: name.to_owned(),
        arguments,
    }
}

fn emi() -> Template {
    template(
        "emi",
        vec![
            argument(
                "amount",
                Value::Money(Money {
                    minor: 1_250_000,
                    currency: "INR".to_owned(),
                }),
            ),
            argument("digits", Value::Digits(Masked::new("4567"))),
            argument("due", Value::Date(date!(2026 - 12 - 05))),
            argument(
                "at",
                Value::Time(TimeOfDay {
                    hour: 17,
                    minute: 30,
                }),
            ),
        ],
    )
}

/// The problems of one English file, as they are shown.
fn problems(text: &str) -> Vec<String> {
    match PromptBook::parse(&files(&[("en-IN", text)])) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn values_are_spoken_in_the_language_of_the_file() {
    let book = book();
    assert_eq!(
        book.render(&emi(), &language("en-IN"), TODAY).unwrap(),
        "Your instalment of twelve thousand five hundred rupees for the loan ending in four, five, six, seven is due on fifth of December \
         at five thirty p m."
    );
    assert_eq!(
        book.render(&emi(), &language("hi-IN"), TODAY).unwrap(),
        "चार, पाँच, छह, सात वाले लोन की बारह हज़ार पाँच सौ रुपये की किस्त पाँच दिसंबर को शाम के साढ़े पाँच बजे तक देनी है।"
    );
}

#[test]
fn one_rupee_stands_in_its_oblique_case_before_a_postposition() {
    let book = PromptBook::parse(&files(&[(
        "hi-IN",
        "emi = आपकी { $amount } की ईएमआई।\nsum = कुल { $amount } है।\n",
    )]))
    .unwrap();
    let said = |name: &str, minor: i64| {
        let amount = Value::Money(Money {
            minor,
            currency: "INR".to_owned(),
        });
        book.render(
            &template(name, vec![argument("amount", amount)]),
            &language("hi-IN"),
            TODAY,
        )
        .unwrap()
    };
    for (name, minor, words) in [
        ("emi", 100, "आपकी एक रुपये की ईएमआई।"),
        ("emi", 1, "आपकी एक पैसे की ईएमआई।"),
        ("emi", 101, "आपकी एक रुपये और एक पैसे की ईएमआई।"),
        ("emi", 150, "आपकी एक रुपये और पचास पैसे की ईएमआई।"),
        ("sum", 101, "कुल एक रुपया और एक पैसा है।"),
    ] {
        assert_eq!(said(name, minor), words);
    }
}

#[test]
fn integers_are_spoken_and_choose_plurals() {
    let book = book();
    for (tag, days, words) in [
        ("en", 0, "It is due today."),
        ("en", 1, "You have one day."),
        ("en", 12_500, "You have twelve thousand five hundred days."),
        (
            "en",
            9_007_199_254_740_993,
            "You have ninety crore seven lakh nineteen thousand nine hundred twenty-five crore forty-seven lakh forty thousand nine hundred ninety-three days.",
        ),
        ("hi", 0, "आज देनी है।"),
        ("hi", 5, "पाँच दिन बाकी हैं।"),
        ("hi", -5, "माइनस पाँच दिन बाकी हैं।"),
    ] {
        let days = template("days", vec![argument("days", Value::Integer(days))]);
        assert_eq!(book.render(&days, &language(tag), TODAY).unwrap(), words);
    }
}

#[test]
fn plurals_work_in_all_eleven_languages() {
    let text = "n = { $n ->\n [one] one { $n }\n *[other] other { $n }\n }\n";
    for (tag, words) in [
        ("en", "other twelve thousand"),
        ("hi", "other बारह हज़ार"),
        ("ta", "other பன்னிரண்டாயிரம்"),
        ("te", "other పన్నెండు వేలు"),
        ("mr", "other बारा हजार"),
        ("kn", "other ಹನ್ನೆರಡು ಸಾವಿರ"),
        ("ml", "other പന്ത്രണ്ടായിരം"),
        ("bn", "other বারো হাজার"),
        ("gu", "other બાર હજાર"),
        ("pa", "other ਬਾਰਾਂ ਹਜ਼ਾਰ"),
        ("or", "other ବାର ହଜାର"),
    ] {
        let book = PromptBook::parse(&files(&[(tag, text)])).unwrap();
        let n = |n| template("n", vec![argument("n", Value::Integer(n))]);
        assert_eq!(
            book.render(&n(12_000), &language(tag), TODAY).unwrap(),
            words
        );
        assert!(
            book.render(&n(1), &language(tag), TODAY)
                .unwrap()
                .starts_with("one "),
            "{tag}"
        );
    }
}

#[test]
fn texts_choose_variants() {
    let tone = |tone| template("tone", vec![text("tone", tone), text("name", "Asha")]);
    assert_eq!(
        book()
            .render(&tone("gentle"), &language("en"), TODAY)
            .unwrap(),
        "Please pay, Asha."
    );
    assert_eq!(
        book()
            .render(&tone("rude"), &language("en"), TODAY)
            .unwrap(),
        "Pay now."
    );
}

#[test]
fn terms_and_messages_are_included() {
    assert_eq!(
        book()
            .render(&template("who", vec![]), &language("en"), TODAY)
            .unwrap(),
        "This is Asha Finance. Goodbye."
    );
    let declined = "-bank = { $case ->\n [of] of the bank\n *[plain] the bank\n }\na = Money { -bank(case: \"of\") } at { -bank }.\n";
    let book = PromptBook::parse(&files(&[("en", declined)])).unwrap();
    assert_eq!(
        book.render(&template("a", vec![]), &language("en"), TODAY)
            .unwrap(),
        "Money of the bank at the bank."
    );
}

#[test]
fn the_result_is_one_line_without_marks() {
    let book = PromptBook::parse(&files(&[(
        "en",
        "\u{feff}a =\n    One { $x }\n\n    two.   Three\r\n",
    )]))
    .unwrap();
    let spoken = book
        .render(
            &template("a", vec![text("x", " O'Brien\n\tsecond ")]),
            &language("en"),
            TODAY,
        )
        .unwrap();
    assert_eq!(spoken, "One O'Brien second two. Three");
}

#[test]
fn arguments_are_words_and_never_fluent() {
    let greeting = template("greeting", vec![text("name", "{ -lender } { $x }")]);
    assert_eq!(
        book().render(&greeting, &language("en"), TODAY).unwrap(),
        "Hello, am I speaking with { -lender } { $x }?"
    );
}

#[test]
fn another_region_of_the_language_serves() {
    let goodbye = template("goodbye", vec![]);
    assert_eq!(
        book().render(&goodbye, &language("en-GB"), TODAY).unwrap(),
        "Goodbye."
    );
}

#[test]
fn what_is_missing_is_named() {
    let book = book();
    let refused = |template: &Template, tag: &str| {
        book.render(template, &language(tag), TODAY)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        refused(&template("greeting", vec![text("nmae", "x")]), "en"),
        "cannot speak template `greeting`: argument `name` is missing"
    );
    assert_eq!(
        refused(&template("hello", vec![]), "hi"),
        "cannot speak template `hello`: `prompts/hi-IN.ftl` has no message of that name"
    );
    assert_eq!(
        refused(&template("goodbye", vec![]), "ta"),
        "cannot speak template `goodbye` in `ta-IN`: there is no `prompts/ta-IN.ftl`"
    );
    let mut half = emi();
    half.arguments.retain(|argument| argument.name != "due");
    assert_eq!(
        refused(&half, "en"),
        "cannot speak template `emi`: argument `due` is missing"
    );
}

#[test]
fn an_argument_that_cannot_be_spoken_is_named_without_its_value() {
    let mut wrong = emi();
    wrong.arguments[1] = argument("digits", Value::Digits(Masked::new("45x7")));
    let error = book()
        .render(&wrong, &language("en"), TODAY)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("argument `digits`") && !error.contains("45x7"),
        "{error}"
    );
}

#[test]
fn a_prompt_is_bounded() {
    let long = template(
        "greeting",
        vec![text("name", &"a".repeat(MAX_PROMPT_BYTES))],
    );
    assert_eq!(
        book().render(&long, &language("en"), TODAY),
        Err(RenderError::TooLong {
            template: "greeting".to_owned()
        })
    );
    let fits = template("greeting", vec![text("name", &"a".repeat(4_000))]);
    assert!(book().render(&fits, &language("en"), TODAY).is_ok());
}

#[test]
fn one_book_serves_many_threads() {
    let book = Arc::new(book());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let one = template("days", vec![argument("days", Value::Integer(1))]);
                assert_eq!(
                    book.render(&one, &language("en"), TODAY).unwrap(),
                    "You have one day."
                );
            });
        }
    });
    assert_eq!(
        book.languages().map(Language::as_str).collect::<Vec<_>>(),
        ["en-IN", "hi-IN"]
    );
    assert!(book.has(&language("hi"), "emi") && !book.has(&language("hi"), "-lender"));
}

#[test]
fn broken_files_are_reported_with_file_line_and_hint() {
    let hint = "; correct the line; projectfluent.org/play shows how it is read";
    for (text, expected) in [
        ("a = One\nb = { $x\nc = Three\n", format!("`prompts/en-IN.ftl` line 3: expected a token starting with \"}}\"{hint}")),
        ("a = }\n", format!("`prompts/en-IN.ftl` line 1: unbalanced closing brace{hint}")),
        ("# fine\n\n?? = x\n", String::from("`prompts/en-IN.ftl` line 3: expected")),
        ("a = { $x ->\n [one] x\n }\n", String::from("the select expression must have a default variant")),
        ("a = { emi }\n", "`prompts/en-IN.ftl` line 1: there is no `emi`; add it to this file, or correct the name".to_owned()),
        (
            "a = 1\nb = { -lender }\n",
            "`prompts/en-IN.ftl` line 2: there is no `-lender`; add it to this file, or correct the name".to_owned(),
        ),
        (
            "a = 1\n    .x = 2\nb = { a.y }\n",
            "`prompts/en-IN.ftl` line 3: there is no `a.y`; add it to this file, or correct the name".to_owned(),
        ),
        ("a = 1\n\na = 2\n", "`prompts/en-IN.ftl` line 3: the name `a` was used in line 1; give one of them another name".to_owned()),
        ("-a = 1\na = 2\n", "`prompts/en-IN.ftl` line 2: the name `a` was used in line 1; give one of them another name".to_owned()),
        (
            "a = { NUMBER($x) }\n",
            "`prompts/en-IN.ftl` line 1: there is no function `NUMBER`; write the variable alone: its type decides how it is spoken"
                .to_owned(),
        ),
        ("a = x { a }\n", "`prompts/en-IN.ftl` line 1: `a` refers to itself, or to a text that does; break the circle".to_owned()),
        ("a = { b }\nb = { -c }\n-c = { a }\n", "line 2: `b` refers to itself".to_owned()),
        (
            "-t = { $x }\na =\n  { -t }\n",
            "`prompts/en-IN.ftl` line 3: `-t` speaks `$x`, which this reference does not give; write { -t(x: \"…\") }".to_owned(),
        ),
    ] {
        let reported = problems(text);
        assert!(reported.iter().any(|problem| problem.contains(&expected)), "{text}\ngave {reported:#?}, not {expected}");
    }
}

#[test]
fn all_problems_of_all_files_are_reported_at_once() {
    let found = PromptBook::parse(&files(&[
        ("en", "a = {\nb = ok\nc = { x }\n"),
        ("hi", "a = }\n"),
    ]))
    .unwrap_err();
    let lines: Vec<(String, Option<usize>)> = found
        .iter()
        .map(|problem| (problem.file.clone(), problem.line))
        .collect();
    assert_eq!(
        lines,
        [
            ("prompts/en-IN.ftl".to_owned(), Some(2)),
            ("prompts/hi-IN.ftl".to_owned(), Some(1))
        ]
    );
}

/// The problems of files, one line each, where both languages are the flow's.
fn check(english: &str, hindi: &str) -> Vec<String> {
    PromptBook::parse(&files(&[("en-IN", english), ("hi-IN", hindi)]))
        .unwrap()
        .check(&[language("en-IN"), language("hi-IN")])
        .iter()
        .map(|problem| format!("{:?} {problem}", problem.severity))
        .collect()
}

#[test]
fn templates_are_those_of_the_files_with_their_declared_variables() {
    let templates = book().templates(&[language("en-IN"), language("hi-IN")]);
    let emi = templates.iter().find(|used| used.name == "emi").unwrap();
    assert_eq!(
        emi.arguments,
        [
            ("amount".to_owned(), Kind::Money),
            ("at".to_owned(), Kind::Time),
            ("digits".to_owned(), Kind::Digits),
            ("due".to_owned(), Kind::Date),
        ]
    );
    assert_eq!(check(ENGLISH, HINDI), Vec::<String>::new());
}

#[test]
fn a_variable_is_declared_above_its_message_its_group_or_the_whole_file() {
    for comment in [
        "# $name (text) whom it calls\n",
        "# Said first.\n# Variables:\n#  $name  ( text ), as in the record\n",
        "## Greetings\n## $name (text)\n\n",
        "### $name (text)\n\n",
        "# $name (text)\n\n",
    ] {
        let found = check(
            &format!("{comment}hello = Hello {{ $name }}\n"),
            "hello = नमस्ते { $name }\n",
        );
        assert_eq!(found, Vec::<String>::new(), "{comment}");
    }
}

#[test]
fn files_that_do_not_fit_each_other_are_reported_by_line() {
    let english = "# $name (text)\nhello = Hello { $name }\nbye = Bye\n";
    for (hindi, expected) in [
        (
            "hello = { $name }\n",
            "Error `prompts/hi-IN.ftl`: there is no message `bye`, which `prompts/en-IN.ftl` has; add a line `bye = …`",
        ),
        (
            "hello = { $nmae }\nbye = x\n",
            "Error `prompts/hi-IN.ftl` line 1: message `hello` uses `$nmae`, whose type no comment declares; correct the name, or add the line \
             `# $nmae (text) what it is` above the message; types are text, integer, money, date, time, digits",
        ),
        (
            "# $age (integer)\nhello = { $name }\nbye = x\n",
            "Warning `prompts/hi-IN.ftl` line 1: `$age` is declared, and no message of any language uses it; use it, or take the line out",
        ),
    ] {
        let found = check(english, hindi);
        assert_eq!(found, [expected]);
    }
    // a message that only serves another one is not needed elsewhere
    let found = check(english, "hello = { ji } { $name }\nji = जी\nbye = x\n");
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn declarations_that_cannot_be_read_or_contradict_are_reported_by_line() {
    for (text, expected) in [
        (
            "# $amount\nemi = { $amount }\n",
            "line 1: `$amount` is declared without its type; write it like `# $amount (money) what is due`",
        ),
        (
            "# a\n# $amount (rupees) due\nemi = { $amount }\n",
            "line 2: `$amount` has the type `rupees`, and there are text, integer, money",
        ),
        (
            "# $ (money)\nemi = x\n",
            "line 1: this line declares a variable without a name",
        ),
        (
            "# $a (money)\nemi = { $a }\n# $a (text)\nb = { $a }\n",
            "line 3: `$a` is text here and money in line 1; a variable has one type",
        ),
    ] {
        let found = problems(text);
        assert!(found.len() == 1 && found[0].contains(expected), "{found:?}");
    }
    let found = PromptBook::parse(&files(&[
        ("en", "# $a (money)\nemi = { $a }\n"),
        ("hi", "# $a (text)\nemi = { $a }\n"),
    ]))
    .unwrap_err();
    assert_eq!(
        found[0].to_string(),
        "`prompts/hi-IN.ftl` line 1: `$a` is text here and money in `prompts/en-IN.ftl`; a variable has one type in all languages: correct one of them"
    );
}

#[test]
fn variables_of_selectors_variants_and_referenced_messages_are_needed() {
    let text = "# $x (text)\n# $y (text)\n# $z (text)\na = { $x ->\n [one] { $y }\n *[other] { b }\n }\nb = { \"{\" }{ $z }\n-t = { c }\nc = { -u(v: 1) }\n-u = { $v }\n";
    let templates = PromptBook::parse(&files(&[("en", text)]))
        .unwrap()
        .templates(&[language("en")]);
    let needed = |name: &str| {
        let template = templates.iter().find(|used| used.name == name).unwrap();
        let names = template.arguments.iter().map(|(name, _)| name.as_str());
        names.collect::<Vec<_>>()
    };
    assert_eq!(needed("a"), ["x", "y", "z"]);
    assert!(needed("c").is_empty());
}

#[test]
fn hostile_files_are_refused_and_never_overflow() {
    let deep = |open: &str, count: usize| format!("a = {}\n", open.repeat(count));
    let mut chain = String::new();
    for index in 0..10_000 {
        chain.push_str(&format!("m{index} = {{ m{} }}\n", index + 1));
    }
    chain.push_str("m10000 = end\n");
    for (name, text, expected) in [
        (
            "huge",
            "# x\n".repeat(70_000),
            "the file has 280000 bytes; split the flow, or shorten the file to 256 KiB",
        ),
        ("nested braces", deep("{", 200_000), "opens over 64 braces"),
        (
            "nested braces on lines",
            deep("{\n", 100_000),
            "opens over 64 braces",
        ),
        ("nested calls", deep("{ A(", 60_000), "opens over 64 braces"),
        (
            "nested selects",
            deep("{ $x ->\n *[a] ", 15_000),
            "opens over 64 braces",
        ),
        (
            "braces closed in quotes",
            deep("{ \"}\" -> \n*[a] ", 10_000),
            "opens over 64 braces",
        ),
        ("long chain", chain, "begins a chain of over 16 references"),
        (
            "ten thousand errors",
            "x\n".repeat(10_000),
            "expected a token starting with \"=\"",
        ),
    ] {
        let found = problems(&text);
        assert!(
            !found.is_empty() && found.len() <= 64,
            "{name}: {}",
            found.len()
        );
        assert!(
            found.iter().any(|problem| problem.contains(expected)),
            "{name}: {:?}",
            found.first()
        );
    }
}

#[test]
fn a_billion_laughs_stop_at_the_bound() {
    let mut text = String::from("l0 = ha\n");
    for index in 1..=12 {
        text.push_str(&format!(
            "l{index} = {}\n",
            format!("{{ l{} }}", index - 1).repeat(10)
        ));
    }
    let book = PromptBook::parse(&files(&[("en", &text)])).unwrap();
    let error = book
        .render(&template("l12", vec![]), &language("en"), TODAY)
        .unwrap_err();
    assert!(
        matches!(
            error,
            RenderError::Unresolved { .. } | RenderError::TooLong { .. }
        ),
        "{error}"
    );
}

#[test]
fn the_deepest_file_allowed_renders_on_a_small_stack() {
    // sixteen messages, each reaching the next through as many nested placeables as a message may
    // open
    let mut text = String::new();
    for index in 0..16 {
        text.push_str(&format!(
            "m{index} = {} m{} {}\n",
            "{".repeat(64),
            index + 1,
            "}".repeat(64)
        ));
    }
    text.push_str("m16 = end\n");
    let book = PromptBook::parse(&files(&[("en", &text)])).unwrap();
    let small = std::thread::Builder::new().stack_size(1024 * 1024);
    let words = small
        .spawn(move || book.render(&template("m0", vec![]), &language("en"), TODAY))
        .unwrap()
        .join()
        .unwrap();
    assert_eq!(words.unwrap(), "end");
}
