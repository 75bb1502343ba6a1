//! What each kind sends, and what it makes of a proper answer.

use ghanti_test_servers::{RedisServer, Reply, StandIn, certificates};
use serde_json::{Value as Json, json};

use crate::{SECRET, actions, call, invoke, opened, reported};

#[tokio::test]
async fn an_http_request_has_each_value_in_its_place() {
    let server = StandIn::http(|_| Reply::ok("{\"score\": 7.5, \"pan\": \"ABCDE1234F\"}"));
    let actions = actions(&format!(
        r#"
[actions.a]
kind = "http"
url = "{}/v1/{{who.id}}?q={{q}}&key={{secret:key}}"
private = ["127.0.0.1"]
headers = {{ x-call = "{{call:id}}", authorization = "Bearer {{secret:token}}" }}
body = {{ amount = "{{amount}}", text = "due {{amount}}", note = "{{note?}}", list = [1, "{{who}}"] }}
secrets = {{ key = "k&k", token = "{SECRET}" }}
redact = ["pan"]
output = {{ type = "object", required = ["score", "pan"] }}
"#,
        server.url()
    ));
    let input = json!({ "who": { "id": "a/b" }, "q": "x&y=z", "amount": 12.5 });
    assert_eq!(
        invoke(&actions, input).await.unwrap(),
        json!({ "score": 7.5 })
    );
    let [asked] = &server.asked()[..] else {
        panic!("one request")
    };
    assert_eq!(asked.line, "POST /v1/a%2Fb?q=x%26y%3Dz&key=k%26k HTTP/1.1");
    assert_eq!(
        asked.header("authorization"),
        Some(&*format!("Bearer {SECRET}"))
    );
    assert_eq!(asked.header("x-call"), Some(&*call().call_id.to_string()));
    assert_eq!(
        asked.header("idempotency-key"),
        Some(&*format!("{}-1", call().call_id))
    );
    assert_eq!(
        serde_json::from_str::<Json>(&asked.body).unwrap(),
        json!({ "amount": 12.5, "text": "due 12.5", "list": [1, { "id": "a/b" }] })
    );
    assert!(!format!("{actions:?}").contains(SECRET), "{actions:?}");
}

#[tokio::test]
async fn forms_logins_methods_and_texts_are_sent_and_read() {
    let server = StandIn::http(|_| Reply::ok("done\nwell"));
    let actions = actions(&format!(
        "[actions.a]\nkind = 'http'\nmethod = 'PUT'\nurl = '{}'\nprivate = ['127.0.0.1']\nform = {{ a = '{{v}}', b = 'x' }}\nanswer = 'text'\n\
         login = {{ user = 'u', password = '{{secret:p}}' }}\nsecrets = {{ p = '{SECRET}' }}\n",
        server.url()
    ));
    let answer = invoke(&actions, json!({ "v": "1&b=2" })).await.unwrap();
    assert_eq!(answer, json!("done\nwell"));
    let asked = server.asked().remove(0);
    assert_eq!(
        (asked.line.as_str(), asked.body.as_str()),
        ("PUT / HTTP/1.1", "a=1%26b%3D2&b=x")
    );
    assert_eq!(
        asked.header("authorization"),
        Some("Basic dTpodW50ZXIyLWh1bnRlcjI=")
    );
}

#[tokio::test]
async fn a_header_takes_no_second_one() {
    let server = StandIn::http(|_| Reply::ok("1"));
    let actions = actions(&format!(
        "[actions.a]\nkind = 'http'\nurl = '{}'\nprivate = ['127.0.0.1']\nheaders = {{ x = '{{v}}' }}\ndoes = 'read'\n",
        server.url()
    ));
    for value in ["a\r\nhost: evil", "a\nb", "\u{0}", "é", "a\tb"] {
        let reported = reported(invoke(&actions, json!({ "v": value })).await);
        assert!(reported.contains("printable ASCII"), "{reported}");
    }
    assert!(server.asked().is_empty());
    assert_eq!(
        invoke(&actions, json!({ "v": "plain" })).await.unwrap(),
        json!(1)
    );
    assert_eq!(
        server.asked()[0].header("idempotency-key"),
        None,
        "it reads"
    );
}

fn says(words: &str) -> Reply {
    Reply::ok(
        json!({ "choices": [{ "message": { "role": "assistant", "content": words } }] })
            .to_string(),
    )
}

fn model(server: &StandIn) -> String {
    format!(
        r#"
[actions.a]
kind = "model"
url = "{}/v1/"
private = ["127.0.0.1"]
model = "small"
system = "Sort what a caller said. Language: {{call:language}}"
prompt = "They said: {{said}}"
headers = {{ authorization = "Bearer {{secret:key}}" }}
secrets = {{ key = "{SECRET}" }}
max-tokens = 50
output = {{ type = "object", required = ["mood"], properties = {{ mood = {{ enum = ["calm", "angry"] }} }} }}
"#,
        server.url()
    )
}

#[tokio::test]
async fn a_model_is_told_the_schema_and_its_answer_is_held_against_it() {
    let server = StandIn::http(|_| says("{\"mood\": \"calm\"}"));
    let actions = actions(&model(&server));
    let answer = invoke(&actions, json!({ "said": "{secret:key} ignore all" })).await;
    assert_eq!(answer.unwrap(), json!({ "mood": "calm" }));
    let asked = server.asked().remove(0);
    assert_eq!(asked.line, "POST /v1/chat/completions HTTP/1.1");
    let body: Json = serde_json::from_str(&asked.body).unwrap();
    assert_eq!(
        body["response_format"]["json_schema"]["schema"]["required"],
        json!(["mood"])
    );
    assert_eq!(
        body["messages"][0],
        json!({ "role": "system", "content": "Sort what a caller said. Language: en-IN" })
    );
    assert_eq!(
        body["messages"][1]["content"],
        json!("They said: {secret:key} ignore all")
    );
    assert_eq!(
        (&body["model"], &body["max_tokens"]),
        (&json!("small"), &json!(50))
    );
    assert!(!asked.body.contains(SECRET));
}

#[tokio::test]
async fn a_model_that_answers_nonsense_is_asked_once_more_and_not_again() {
    for (second, is_ok, requests) in [
        ("{\"mood\":\"angry\"}", true, 2),
        ("{\"mood\":\"sad\"}", false, 2),
    ] {
        let server = StandIn::http(move |asked| {
            if asked.body.contains("does not fit") {
                says(second)
            } else {
                says("I think they are calm.")
            }
        });
        let answer = invoke(&actions(&model(&server)), json!({ "said": "x" })).await;
        assert_eq!(answer.is_ok(), is_ok, "{answer:?}");
        assert_eq!(server.asked().len(), requests);
        if !is_ok {
            let reported = reported(answer);
            assert!(
                reported.contains("does not fit") && !reported.contains("sad"),
                "{reported}"
            );
        }
    }
}

#[tokio::test]
async fn without_a_schema_a_models_words_are_a_text() {
    let server = StandIn::http(|_| says("Pay \"now\""));
    let text = model(&server);
    let text: String = text
        .lines()
        .filter(|line| !line.starts_with("output"))
        .map(|line| format!("{line}\n"))
        .collect();
    let answer = invoke(&actions(&text), json!({ "said": "x" }))
        .await
        .unwrap();
    assert_eq!(answer, json!("Pay \"now\""));
}

const SMS: &str = "[actions.a]\nkind = 'sms'\nfrom = 'ASHAFN'\ndlt-entity = '1101'\ndlt-template = '1107'\ntext = 'Pay {amount} by {link} - Asha'\n";

#[tokio::test]
async fn an_sms_goes_to_the_calls_customer_and_to_nobody_else() {
    let exotel = StandIn::http(|_| {
        Reply::ok("{\"SMSMessage\":{\"Sid\":\"s1\",\"Status\":\"queued\",\"To\":\"09876543210\"}}")
    });
    let actions = opened(SMS, Some(exotel.url())).unwrap();
    let input = json!({ "amount": 500, "link": "x.in/a&To=1", "to": "+911111111111", "To": "+911111111111" });
    let answer = actions.invoke("a", &input, &call(), 3).await.unwrap();
    assert_eq!(answer, json!({ "sid": "s1", "status": "queued" }));
    let asked = exotel.asked().remove(0);
    assert_eq!(asked.line, "POST /v1/Accounts/acme1/Sms/send.json HTTP/1.1");
    assert_eq!(
        asked.body,
        "From=ASHAFN&To=%2B919876543210&Body=Pay+500+by+x.in%2Fa%26To%3D1+-+Asha&EncodingType=plain&DltEntityId=1101&DltTemplateId=1107&SmsType=transactional"
    );
    assert!(asked.header("authorization").unwrap().starts_with("Basic "));

    let mut hidden = call();
    hidden.customer_number = None;
    let refused = reported(actions.invoke("a", &input, &hidden, 4).await);
    assert!(refused.contains("cannot be done in this call"), "{refused}");
    let broken =
        reported(invoke(&actions, json!({ "amount": "1\nfrom: bank", "link": "x" })).await);
    assert!(broken.contains("control character"), "{broken}");
    assert_eq!(exotel.asked().len(), 1);
    assert!(opened(SMS, None).unwrap_err()[0].contains("[exotel]"));
}

#[tokio::test]
async fn redis_is_looked_up_and_a_value_is_no_more_than_a_part_of_the_key() {
    let redis = RedisServer::start_with_tls();
    redis.command(&["SET", "loan:42", "{\"due\": 500}"]);
    redis.command(&["SET", "loan:long", &"x".repeat(200)]);
    redis.command(&[
        "HSET", "loan:h", "due", "7", "name", "Asha", "pan", "secret",
    ]);
    redis.command(&["SET", "other:1", "not yours"]);
    let define = |url: &str, rest: &str| {
        format!(
            "[actions.a]\nkind = 'redis'\nurl = '{url}'\nprivate = ['127.0.0.1']\nkey = 'loan:{{id}}'\noutput-bytes = 100\n{rest}\n"
        )
    };
    let text = actions(&define(&redis.url(), ""));
    for _ in 0..3 {
        let answer = invoke(&text, json!({ "id": 42 })).await.unwrap();
        assert_eq!(answer, json!("{\"due\": 500}"));
    }
    let clients = redis.command(&["INFO", "clients"]);
    assert!(
        clients.contains("connected_clients:2\r"),
        "one is kept: {clients}"
    );
    assert_eq!(
        invoke(&text, json!({ "id": "none" })).await.unwrap(),
        Json::Null
    );
    assert!(
        reported(invoke(&text, json!({ "id": "long" })).await).contains("longer than 100 bytes")
    );
    assert!(reported(invoke(&text, json!({ "id": "h" })).await).contains("has another type"));
    for id in ["42:x", "*", "a b", "", "4\r\nFLUSHALL", "4/2"] {
        assert!(
            reported(invoke(&text, json!({ "id": id })).await).contains("part of a key"),
            "{id}"
        );
    }
    assert_eq!(
        invoke(&text, json!({ "id": 42 })).await.unwrap(),
        json!("{\"due\": 500}")
    );

    let ca = certificates::ca();
    let rest = format!("value = 'json'\nca-file = '{}'", ca.display());
    let by_tls = actions(&define(&redis.tls_url(), &rest));
    assert_eq!(
        invoke(&by_tls, json!({ "id": 42 })).await.unwrap(),
        json!({ "due": 500 })
    );
    let untrusting = actions(&define(&redis.tls_url(), ""));
    assert!(reported(invoke(&untrusting, json!({ "id": 42 })).await).contains("cannot connect"));

    let hash = actions(&define(
        &redis.url(),
        "value = 'hash'\nfields = ['due', 'name', 'none']",
    ));
    assert_eq!(
        invoke(&hash, json!({ "id": "h" })).await.unwrap(),
        json!({ "due": "7", "name": "Asha" })
    );
    assert_eq!(
        invoke(&hash, json!({ "id": "none" })).await.unwrap(),
        Json::Null
    );

    redis.command(&["CONFIG", "SET", "requirepass", SECRET]);
    let login = format!("login = {{ password = '{{secret:p}}' }}\nsecrets = {{ p = '{SECRET}' }}");
    let known = actions(&define(&redis.url(), &login));
    assert!(invoke(&known, json!({ "id": 42 })).await.is_ok());
    let unknown = actions(&define(&redis.url(), ""));
    assert!(reported(invoke(&unknown, json!({ "id": 42 })).await).contains("`login`"));
}
