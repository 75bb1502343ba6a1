//! What is wrong with a definition is reported by its key, with what to do.

use ghanti_action::{Definition, Does};

use crate::{SECRET, definitions};

const HTTP: &str = "kind = 'http'\nurl = 'https://crm.example.com/x'\n";
const MODEL: &str = "kind = 'model'\nurl = 'https://llm.example.com/v1'\nmodel = 'm'\n";
const SMS: &str = "kind = 'sms'\nfrom = 'A'\ndlt-entity = '1'\ndlt-template = '2'\ntext = 'x'\n";
const REDIS: &str = "kind = 'redis'\nurl = 'rediss://cache.example.com'\nkey = 'a:{id}'\n";

fn errors(text: &str) -> String {
    let all = definitions(&format!("[actions.a]\n{text}"));
    let reported = all["a"].errors("a").join("\n");
    assert!(!reported.contains(SECRET), "{reported}");
    reported
}

#[test]
fn the_least_of_each_kind_is_enough() {
    for (text, does) in [
        (HTTP, Does::Act),
        (MODEL, Does::Read),
        (SMS, Does::Act),
        (REDIS, Does::Read),
    ] {
        assert_eq!(errors(text), "", "{text}");
        let all = definitions(&format!("[actions.a]\n{text}"));
        assert_eq!(all["a"].does(), does);
    }
}

#[test]
fn what_is_wrong_is_reported_by_its_key() {
    let with = |base: &str, line: &str| format!("{base}{line}\n");
    let http = |line: &str| with(HTTP, line);
    let url = |url: &str| format!("kind = 'http'\nurl = '{url}'\n");
    for (text, part) in [
        (
            "kind = 'http'\n".to_owned(),
            "`url` of `[actions.a]` is missing",
        ),
        (url("http://crm.example.com/"), "begins with http://"),
        (
            url(&format!("https://u:{SECRET}@crm.example.com/")),
            "give them as `login`",
        ),
        (url("https://{host}/"), "a value in its host"),
        (
            url("https://a/{x"),
            "`url` of `[actions.a]` a brace has no other",
        ),
        (
            http("text = 'x'"),
            "`text` of `[actions.a]` belongs to actions of the kind sms",
        ),
        (
            http("body = 1\nform = { a = 'x' }"),
            "is set together with `body`",
        ),
        (http("method = 'GET'\nbody = 1"), "takes no body"),
        (http("headers = { Host = 'x' }"), "which the engine sets"),
        (http("headers = { 'a b' = 'x' }"), "not a valid header name"),
        (
            http("headers = { authorization = 'x' }\nlogin = { password = 'x' }"),
            "is set together with a header",
        ),
        (
            http("headers = { a = '{secret:k}' }"),
            "has no `k`, which is used",
        ),
        (
            http(&format!("secrets = {{ k = '{SECRET}' }}")),
            "`k`, which is used nowhere",
        ),
        (
            http("headers = { a = '{secret:k}' }\nsecrets = { k = '' }"),
            "an empty `k`",
        ),
        (
            http("input = { type = 'text' }"),
            "`input` of `[actions.a]` is not a valid JSON Schema",
        ),
        (
            http("output = { '$ref' = 'https://evil.example.com/s' }"),
            "`output` of `[actions.a]` is not a valid JSON Schema",
        ),
        (
            http("timeout-ms = 60000"),
            "`timeout-ms` of `[actions.a]` is `60000`: choose 100 to 30000",
        ),
        (http("calls = 0"), "choose 1 to 1000"),
        (http("output-bytes = 1000000"), "choose 2 to 262144"),
        (http("redact = ['a..b']"), "a path without a name"),
        (http("private = ['crm']"), "not an address or network"),
        (http("ca-file = ''"), "`ca-file` of `[actions.a]` is empty"),
        (
            with(MODEL, "answer-format = 'none'"),
            "is set without `output`",
        ),
        (
            with(
                MODEL,
                &format!("system = '{{secret:k}}'\nsecrets = {{ k = '{SECRET}' }}"),
            ),
            "which a model might repeat",
        ),
        (with(MODEL, "temperature = 3.0"), "between 0 and 2"),
        (with(SMS, "does = 'read'"), "an SMS is sent"),
        (with(SMS, "url = 'https://x'"), "belongs to actions"),
        (
            SMS.replace("'1'", "'1&To=2'"),
            "`dlt-entity` of `[actions.a]` has to be",
        ),
        (with(REDIS, "does = 'act'"), "a look-up changes nothing"),
        (with(REDIS, "value = 'hash'"), "has to name 1 to 64"),
        (
            with(REDIS, "fields = ['a']"),
            "belongs to `value = \"hash\"`",
        ),
        (REDIS.replace("rediss", "redis"), "begins with redis://"),
        (
            REDIS.replace("//cache", &format!("//:{SECRET}@cache")),
            "user and password as `login`",
        ),
    ] {
        let reported = errors(&text);
        assert!(reported.contains(part), "{text}: {reported}");
    }
    let all = definitions(&format!("[actions.a]\n{HTTP}"));
    assert!(all["a"].errors("My Action")[0].contains("lower-case letters"));
}

#[test]
fn a_secret_is_in_nothing_that_is_shown_and_an_unknown_key_is_an_error() {
    let text = format!(
        "[actions.a]\n{HTTP}headers = {{ a = '{{secret:k}}' }}\nsecrets = {{ k = '{SECRET}' }}\n"
    );
    let all = definitions(&text);
    let shown = format!("{:?} {}", all["a"], toml::to_string(&all["a"]).unwrap());
    assert!(
        !shown.contains(SECRET) && shown.contains("‹secret›"),
        "{shown}"
    );
    for (line, part) in [
        ("colour = 1", "colour"),
        (
            "secrets = { k = 918273645546372 }",
            "takes a text in quotes",
        ),
    ] {
        let reported = toml::from_str::<Definition>(&format!("{HTTP}{line}\n")).unwrap_err();
        let reported = reported.message().to_owned();
        assert!(
            reported.contains(part) && !reported.contains("918273645546372"),
            "{reported}"
        );
    }
}
