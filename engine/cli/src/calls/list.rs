//! `ghanti calls list`.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use ghanti_model::{CallId, CallState, unix_ms};
use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;

use super::event_text::number;
use super::text::{shown, time};
use crate::engine::{Address, Engine};

/// Default number of calls to list.
const LISTED: usize = 50;
/// Number of calls per request.
const PAGE: usize = 100;

/// The arguments of `ghanti calls list`.
#[derive(Args)]
pub struct List {
    #[command(flatten)]
    address: Address,
    /// Calls of this customer
    #[arg(long, value_name = "NUMBER")]
    phone: Option<String>,
    /// Calls with this outcome, such as `transferred`
    #[arg(long)]
    outcome: Option<String>,
    /// Calls of this flow
    #[arg(long)]
    flow: Option<String>,
    /// Calls that this campaign dialled
    #[arg(long, value_name = "NAME")]
    campaign: Option<String>,
    /// Calls that went wrong: with problems, or an outcome that is a failure
    #[arg(long)]
    problems: bool,
    /// Calls since this time (RFC 3339), or in the last `2d`, `6h`, `30m`
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<u64>,
    /// Calls before this time, likewise
    #[arg(long, value_name = "TIME", value_parser = since)]
    until: Option<u64>,
    /// Calls that are `pending`, `live` or `ended`
    #[arg(long)]
    state: Option<String>,
    /// How many calls to list
    #[arg(long, default_value_t = LISTED)]
    limit: usize,
    /// Write one JSON object per line
    #[arg(long)]
    json: bool,
}

/// A page of the engine's answer.
#[derive(Deserialize)]
struct Page {
    items: Vec<Value>,
    next: Option<String>,
}

/// The shown fields of a call.
#[derive(Deserialize)]
struct Summary {
    call_id: CallId,
    state: CallState,
    #[serde(default)]
    customer_number: Option<String>,
    #[serde(default)]
    flow: Option<String>,
    #[serde(default)]
    outcome: Option<String>,
    created_ms: u64,
}

impl List {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let engine = Engine::new(&self.address)?;
        let (mut out, mut left, mut cursor) = (std::io::stdout(), self.limit, None);
        while left > 0 {
            let page = self
                .page(&engine, left.min(PAGE), cursor.as_deref())
                .await?;
            if page.items.is_empty() {
                break;
            }
            for item in page.items.into_iter().take(left) {
                left -= 1;
                if self.json {
                    writeln!(out, "{item}")?;
                } else {
                    let summary = serde_json::from_value(item)
                        .context("the answer cannot be read: use the same version of `ghanti` as the running engine")?;
                    writeln!(out, "{}", line(&summary))?;
                }
            }
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn page(
        &self,
        engine: &Engine,
        limit: usize,
        cursor: Option<&str>,
    ) -> anyhow::Result<Page> {
        let text = |value: &Option<String>| value.clone();
        let query = [
            ("phone", text(&self.phone)),
            ("outcome", text(&self.outcome)),
            ("flow", text(&self.flow)),
            ("campaign", text(&self.campaign)),
            ("problems", self.problems.then(|| "true".to_owned())),
            ("state", text(&self.state)),
            ("since", self.since.map(time)),
            ("until", self.until.map(time)),
            ("limit", Some(limit.to_string())),
            ("cursor", cursor.map(str::to_owned)),
        ];
        let query: Vec<_> = query
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect();
        let request = engine.request(Method::GET, "/api/calls").query(&query);
        Ok(engine.send(request).await?)
    }
}

/// A call in one line, with the number masked: others may see the screen.
fn line(call: &Summary) -> String {
    let state = match call.state {
        CallState::Pending => "pending",
        CallState::Live => "live",
        CallState::Ended => "ended",
    };
    format!(
        "{}  {}  {:<10}  {state:<7}  {:<20}  {}",
        call.call_id,
        time(call.created_ms),
        number(call.customer_number.as_deref(), false),
        shown(call.flow.as_deref().unwrap_or("-")),
        shown(call.outcome.as_deref().unwrap_or("-")),
    )
}

/// Reads a time, or how long ago it was, as milliseconds since 1970.
fn since(text: &str) -> Result<u64, String> {
    use ::time::OffsetDateTime;
    use ::time::format_description::well_known::Rfc3339;
    if let Ok(at) = OffsetDateTime::parse(text, &Rfc3339) {
        let ms = at.unix_timestamp_nanos() / 1_000_000;
        return u64::try_from(ms).map_err(|_| "a time since 1970".to_owned());
    }
    let unit = text.chars().next_back().unwrap_or_default();
    let seconds = match unit {
        'd' => 86_400,
        'h' => 3_600,
        'm' => 60,
        _ => 0,
    };
    let number = text.strip_suffix(unit).unwrap_or_default().parse::<u32>();
    match number {
        Ok(number) if seconds > 0 => {
            let ago = Duration::from_secs(u64::from(number) * seconds).as_millis();
            Ok(unix_ms().saturating_sub(u64::try_from(ago).unwrap_or(u64::MAX)))
        }
        _ => Err(
            "write a time such as `2026-11-27T09:00:00+05:30`, or how long ago: `2d`, `6h`, `30m`"
                .to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_in_both_forms() {
        assert_eq!(since("1970-01-01T05:30:01+05:30"), Ok(1_000));
        let ago = unix_ms() - since("2d").unwrap_or_default();
        assert!((172_800_000..172_860_000).contains(&ago), "{ago}");
        for text in ["", "d", "2w", "yesterday", "2026-11-27", "é"] {
            assert!(since(text).is_err(), "{text}");
        }
    }
}
