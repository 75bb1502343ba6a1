//! Making a campaign, by the function behind `POST /api/campaigns`. What it says is wrong is shown at the field that it is
//! about.

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use ghanti_campaign::Plan;
use ghanti_console::{Input, NewCampaign, Rule, new_campaign};
use ghanti_model::hours::WEEKDAYS;
use serde_json::{Map, Value, json};

use super::session::Viewer;
use super::{Form, redirect};
use crate::app::App;
use crate::problem::{Kind, Problem};
use crate::routes::campaigns::{Body, created};

/// Where the days of the week are in a plan.
const DAYS: &str = "hours.weekdays";

/// The form, with the rules that hold where nothing is said. `list` of the query is the list that is chosen.
pub(super) async fn form(
    viewer: Viewer,
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Response {
    let query = Form::of_query(query.as_deref());
    let default = serde_json::to_value(Plan::default()).unwrap_or_default();
    let rules = Rule::ALL.map(|rule| {
        let value = match at(&default, rule.path()) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        (rule, Input { value, wrong: None })
    });
    let shown = NewCampaign {
        lists: Vec::new(),
        name: Input::default(),
        list: Input {
            value: query.text("list").to_owned(),
            wrong: None,
        },
        rules: rules.into(),
        weekdays: WEEKDAYS.map(|day| (day, true)).into(),
        wrong: Vec::new(),
    };
    answer(&viewer, &app, StatusCode::OK, shown).await
}

/// The page, with the lists that there are.
async fn answer(viewer: &Viewer, app: &App, status: StatusCode, shown: NewCampaign) -> Response {
    let lists = match app.records.lists().await {
        Ok(lists) => lists,
        Err(error) => return viewer.failed(app, &Problem::unavailable(error)),
    };
    let lists = lists.into_iter();
    let shown = NewCampaign {
        lists: lists
            .map(|list| (list.name, list.flow, list.customers))
            .collect(),
        ..shown
    };
    viewer.page(status, new_campaign(&viewer.site(app, false), &shown))
}

/// Makes one.
pub(super) async fn create(
    viewer: Viewer,
    State(app): State<App>,
    uri: Uri,
    body: Bytes,
) -> Response {
    let form = Form::read(&body);
    if let Err(problem) = viewer.check(&form) {
        return viewer.failed(&app, &problem);
    }
    let (mut shown, plan) = read(&form);
    let made = match plan {
        None => Err(StatusCode::BAD_REQUEST),
        Some(plan) => {
            let body = Body {
                name: shown.name.value.clone(),
                list: shown.list.value.clone(),
                flow: None,
                plan,
            };
            let made = created(&app, body).await;
            made.map_err(|problem| place(&mut shown, &problem))
        }
    };
    match made {
        Ok(made) => {
            viewer.did(&app, "POST", uri.path(), StatusCode::SEE_OTHER);
            let page = format!("campaigns/{}?done=create", made.name);
            redirect(&viewer.site(&app, false).path(&page))
        }
        Err(status) => {
            viewer.did(&app, "POST", uri.path(), status);
            answer(&viewer, &app, status, shown).await
        }
    }
}

/// What was written, and the plan that it comes to; `None` where something is wrong with it, which is at its field.
fn read(form: &Form) -> (NewCampaign, Option<Plan>) {
    let mut whole = Value::Object(Map::new());
    let mut rules = Vec::new();
    for rule in Rule::ALL {
        let value = form.text(rule.path()).trim().to_owned();
        let mut wrong = None;
        if !value.is_empty() {
            let number = value.parse::<u32>().ok().filter(|_| rule.is_number());
            let json = number.map_or_else(|| json!(value), |number| json!(number));
            wrong = put(&mut whole, rule.path(), json);
        }
        rules.push((rule, Input { value, wrong }));
    }
    let days: Vec<&str> = form.filled(DAYS).collect();
    let wrong = put(&mut whole, DAYS, json!(days));
    let mut shown = NewCampaign {
        lists: Vec::new(),
        name: Input {
            value: form.text("name").trim().to_owned(),
            wrong: None,
        },
        list: Input {
            value: form.text("list").to_owned(),
            wrong: None,
        },
        weekdays: WEEKDAYS.map(|day| (day, days.contains(&day))).into(),
        rules,
        wrong: wrong.into_iter().collect(),
    };
    let plan = match serde_json::from_value::<Plan>(whole) {
        Ok(plan) => plan,
        Err(error) => {
            shown.wrong.push(error.to_string());
            return (shown, None);
        }
    };
    for error in plan.errors() {
        at_rule(&mut shown, error);
    }
    let is_right =
        shown.wrong.is_empty() && shown.rules.iter().all(|(_, input)| input.wrong.is_none());
    (shown, is_right.then_some(plan))
}

/// Puts a value into a plan, if a plan with it alone can be read; else why not.
fn put(plan: &mut Value, path: &str, value: Value) -> Option<String> {
    let nested = match path.split_once('.') {
        Some((table, key)) => json!({ table: { key: value.clone() } }),
        None => json!({ path: value.clone() }),
    };
    if let Err(error) = serde_json::from_value::<Plan>(nested) {
        return Some(error.to_string());
    }
    let members = plan.as_object_mut()?;
    match path.split_once('.') {
        Some((table, key)) => {
            let table = members.entry(table).or_insert_with(|| json!({}));
            table.as_object_mut()?.insert(key.to_owned(), value);
        }
        None => {
            members.insert(path.to_owned(), value);
        }
    }
    None
}

/// What is at a path of a plan.
fn at<'p>(plan: &'p Value, path: &str) -> Option<&'p Value> {
    path.split('.')
        .try_fold(plan, |within, key| within.get(key))
}

/// Puts an error of a plan to the rule that it begins with.
fn at_rule(shown: &mut NewCampaign, error: String) {
    // of the hours, what ends before it begins
    let path = error.split('`').nth(1).unwrap_or_default();
    let path = if path == "hours" {
        Rule::To.path()
    } else {
        path
    };
    let rule = shown.rules.iter_mut().find(|(rule, _)| rule.path() == path);
    match rule {
        Some((_, input)) => input.wrong = Some(error),
        None => shown.wrong.push(error),
    }
}

/// Puts a problem to the field that it is about; the status of the answer.
fn place(shown: &mut NewCampaign, problem: &Problem) -> StatusCode {
    let text = problem.text();
    let reported = format!("{}: {}", text.detail, text.hint);
    match problem.kind() {
        Kind::UnusableName | Kind::CampaignExists => shown.name.wrong = Some(reported),
        Kind::UnknownList | Kind::UnknownFlow | Kind::ListOfAnotherFlow => {
            shown.list.wrong = Some(reported);
        }
        _ => shown.wrong.push(reported),
    }
    text.status
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(fields: &[(&str, &str)]) -> (NewCampaign, Option<Plan>) {
        let fields = fields.iter();
        read(&Form(
            fields
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        ))
    }

    fn wrong_at(shown: &NewCampaign) -> Vec<&'static str> {
        let wrong = shown
            .rules
            .iter()
            .filter(|(_, input)| input.wrong.is_some());
        wrong.map(|(rule, _)| rule.path()).collect()
    }

    #[test]
    fn what_is_left_empty_is_as_without_it() {
        let mut fields: Vec<_> = Rule::ALL.map(|rule| (rule.path(), "")).into();
        fields.extend(WEEKDAYS.map(|day| (DAYS, day)));
        let (shown, plan) = filled(&fields);
        assert_eq!(plan, Some(Plan::default()), "{shown:?}");
    }

    #[test]
    fn what_is_wrong_stands_at_its_field() {
        let (shown, plan) = filled(&[
            (DAYS, "mon"),
            ("first-day", "soon"),
            ("hours.from", "19:00"),
            ("hours.to", "08:00"),
            ("limits.calls-at-once", "many"),
            ("limits.calls-per-minute", "100000"),
            ("retry.busy", "15"),
        ]);
        assert!(plan.is_none() && shown.wrong.is_empty(), "{shown:?}");
        assert_eq!(
            wrong_at(&shown),
            [
                "first-day",
                "hours.to",
                "limits.calls-at-once",
                "limits.calls-per-minute",
                "retry.busy"
            ]
        );
        let (shown, plan) = filled(&[(DAYS, "")]);
        assert!(plan.is_none() && shown.wrong.len() == 1, "{shown:?}");
    }
}
