//! A database with as many calls and customers as an engine has after months.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, ensure};
use ghanti_model::{
    CallEvent, CallId, CallRecord, CallState, FlowName, Language, Line, Masked, NodeId,
    PhoneNumber, Speaker, VersionId, unix_ms,
};
use ghanti_store::{
    AttemptResult, Begun, CallRecords, CampaignState, CustomerKey, ListedCustomer, NewAttempt,
    NextStep, Reached, SqlRecords,
};

pub const CALLS: u64 = 100_000;
pub const CUSTOMERS: u64 = 100_000;
/// Attempts of the campaign, each of which is written as the engine does.
pub const ATTEMPTS: u64 = 10_000;
pub const CAMPAIGN: &str = "december";
const LIST: &str = "december";
const FLOW: &str = "emi-reminder";
/// How many are written at once.
const BATCH: u64 = 500;
/// The time between two calls, in milliseconds.
const APART_MS: u64 = 60_000;
/// A number has called or was called so often.
const CALLS_PER_NUMBER: u64 = 4;

/// A call of the database, and the number of its customer.
pub struct Known {
    pub call: CallId,
    pub phone: String,
}

/// Fills the database of a data folder.
pub async fn fill(data: &Path) -> anyhow::Result<Known> {
    std::fs::create_dir_all(data)?;
    let records = SqlRecords::open(None, data).await?;
    let known = calls(&records).await?;
    campaign(&records).await?;
    Ok(known)
}

fn number(nth: u64) -> anyhow::Result<PhoneNumber> {
    PhoneNumber::parse(&format!("+9180{nth:08}")).context("a number")
}

async fn calls(records: &SqlRecords) -> anyhow::Result<Known> {
    let began_ms = unix_ms() - CALLS * APART_MS;
    let mut known = None;
    for first in (0..CALLS).step_by(BATCH as usize) {
        let mut events = Vec::new();
        for nth in first..CALLS.min(first + BATCH) {
            let record = call(nth, began_ms + nth * APART_MS)?;
            known = Some(record.call_id);
            events.push(Arc::new(CallEvent::imported(record)));
        }
        records.append(&events).await?;
    }
    Ok(Known {
        call: known.context("no call")?,
        phone: number((CALLS - 1) / CALLS_PER_NUMBER)?.expose().to_owned(),
    })
}

/// A call with what was said in it.
fn call(nth: u64, at_ms: u64) -> anyhow::Result<CallRecord> {
    let line = |at_ms: u64, speaker, name: &str, text: &str| Line {
        at_ms,
        lasted_ms: 2_400,
        speaker,
        text: Masked::new(text),
        language: Language::english(),
        name: name.to_owned(),
        heard: None,
        confidence: None,
    };
    let transcript = vec![
        line(
            400,
            Speaker::Bot,
            "greeting",
            "Hello, this is Asha from Sahyog. Am I speaking with Priya Sharma?",
        ),
        line(4_100, Speaker::Caller, "identity", "yes speaking"),
        line(
            6_000,
            Speaker::Bot,
            "emi-details",
            "Your EMI of twelve thousand five hundred rupees for the loan ending in 8213 is due on the fifth of December.",
        ),
        line(
            14_000,
            Speaker::Bot,
            "disclosure",
            "This call may be recorded. You may ask us at any time not to call you again.",
        ),
        line(
            19_000,
            Speaker::Bot,
            "transfer-question",
            "Shall I connect you with one of our executives?",
        ),
        line(22_000, Speaker::Caller, "transfer", "no thank you"),
    ];
    let outcome = match nth % 10 {
        0..5 => "completed",
        5 | 6 => "transferred",
        7 | 8 => "hung-up",
        _ => "flow-failed",
    };
    Ok(CallRecord {
        state: CallState::Ended,
        customer_number: Some(number(nth / CALLS_PER_NUMBER)?),
        flow: FlowName::parse(FLOW).ok(),
        version: VersionId::parse("ab12").ok(),
        language: Some(Language::english()),
        outcome: Some(outcome.to_owned()),
        started_ms: Some(at_ms + 300),
        ended_ms: Some(at_ms + 26_000),
        transcript,
        ..CallRecord::new(CallId::generate(), at_ms)
    })
}

/// A campaign of all customers, some of whom were called.
async fn campaign(records: &SqlRecords) -> anyhow::Result<()> {
    for first in (0..CUSTOMERS).step_by(BATCH as usize) {
        let mut customers = Vec::new();
        for nth in first..CUSTOMERS.min(first + BATCH) {
            let (phone, loan) = (number(nth)?, format!("LN-{nth:08}"));
            let fields = [
                ("name", "Priya Sharma"),
                ("loan", loan.as_str()),
                ("amount", "12500"),
                ("due-date", "2030-12-05"),
            ];
            customers.push(ListedCustomer {
                key: CustomerKey::of(&phone, [loan.as_str()]),
                phone,
                fields: fields
                    .map(|(name, value)| (name.to_owned(), Masked::new(value)))
                    .into(),
                line: u32::try_from(nth)?,
            });
        }
        let put = records.put_customers((LIST, FLOW), "bench", customers, false, unix_ms());
        put.await?.context("the list is another flow's")?;
    }
    let plan = "{}";
    let now_ms = unix_ms();
    ensure!(
        records
            .add_campaign(CAMPAIGN, (LIST, FLOW), plan, now_ms)
            .await?
    );
    let change = (CampaignState::Draft, CampaignState::Running);
    records
        .change_campaign(CAMPAIGN, change, None, now_ms)
        .await?;
    while records.enrol(CAMPAIGN, 5_000, now_ms).await? {}
    let node = NodeId::generate();
    let mut made = 0;
    while made < ATTEMPTS {
        let lease = (now_ms, now_ms + 600_000);
        let due = records
            .claim_due((CAMPAIGN, LIST), node, lease, 500)
            .await?;
        ensure!(!due.is_empty(), "nobody is due");
        for customer in due {
            let call_id = CallId::generate();
            let new = NewAttempt {
                campaign: CAMPAIGN,
                key: &customer.key,
                phone: &customer.phone,
                call_id,
                node,
                at_once: 10,
                pace_ms: 0,
                quiet_ms: 0,
            };
            ensure!(records.begin_attempt(&new, now_ms).await? == Begun::Yes);
            let result = AttemptResult {
                outcome: if made % 3 == 0 {
                    "completed"
                } else {
                    "no-answer"
                },
                counts: true,
                reached: Reached::default(),
                next: NextStep::Done { reason: None },
                not_before_ms: None,
            };
            records.finish_attempt(call_id, &result, now_ms).await?;
            made += 1;
        }
    }
    // it dials nobody, and is shown as one that is under way
    let change = (CampaignState::Running, CampaignState::Paused);
    records
        .change_campaign(CAMPAIGN, change, None, now_ms)
        .await?;
    Ok(())
}
