//! `[retention]`: after how many days stored data of calls and customers is deleted.

use std::time::Duration;

use ghanti_store::sql::Ages;
use serde::{Deserialize, Serialize};

/// Maximum number of days: a hundred years.
const MOST_DAYS: u32 = 36_500;

/// `[retention]`. Data without a setting is kept until somebody erases it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Retention {
    /// Days after which the journals of calls are erased.
    pub journals_days: Option<u32>,
    /// Days after which everything personal of calls is erased.
    pub transcripts_days: Option<u32>,
    /// Days after which recordings are deleted.
    pub recordings_days: Option<u32>,
    /// Days after which customers of lists and campaigns are deleted.
    pub customers_days: Option<u32>,
    /// Days after which calls are deleted.
    pub calls_days: Option<u32>,
    /// Days after which entries of the audit log are deleted.
    pub audit_days: Option<u32>,
}

impl Retention {
    /// The ages beyond which data is deleted at `now_ms`, in milliseconds since 1970-01-01T00:00:00Z.
    pub fn ages(&self, now_ms: u64) -> Ages {
        let before = |days: Option<u32>| before(days, now_ms);
        Ages {
            journals_ms: before(self.journals_days),
            transcripts_ms: before(self.transcripts_days),
            customers_ms: before(self.customers_days),
            calls_ms: before(self.calls_days),
            audit_ms: before(self.audit_days),
        }
    }

    /// The time before which recordings are deleted: a recording is as personal as its transcript.
    pub fn recordings_before(&self, now_ms: u64) -> Option<u64> {
        let days = [self.recordings_days, self.transcripts_days, self.calls_days];
        before(days.into_iter().flatten().min(), now_ms)
    }
}

fn before(days: Option<u32>, now_ms: u64) -> Option<u64> {
    let age = Duration::from_secs(u64::from(days?) * 86_400).as_millis();
    Some(now_ms.saturating_sub(u64::try_from(age).unwrap_or(u64::MAX)))
}

pub(super) fn check(retention: &Retention, errors: &mut Vec<String>) {
    let settings = [
        ("journals-days", retention.journals_days),
        ("transcripts-days", retention.transcripts_days),
        ("recordings-days", retention.recordings_days),
        ("customers-days", retention.customers_days),
        ("calls-days", retention.calls_days),
        ("audit-days", retention.audit_days),
    ];
    for (setting, days) in settings {
        if days.is_some_and(|days| !(1..=MOST_DAYS).contains(&days)) {
            errors.push(format!(
                "`{setting}` of `[retention]` is `{}`: choose 1 to {MOST_DAYS} days, or leave it out to keep everything",
                days.unwrap_or_default()
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_times_and_data_without_a_setting_is_kept() {
        let retention = Retention {
            transcripts_days: Some(30),
            ..Retention::default()
        };
        let ages = retention.ages(2_592_000_001);
        let expected = Ages {
            transcripts_ms: Some(1),
            ..Ages::default()
        };
        assert_eq!(ages, expected);
        assert_eq!(retention.ages(5).transcripts_ms, Some(0));
        let before = |recordings_days| {
            let retention = Retention {
                recordings_days,
                ..retention.clone()
            };
            retention.recordings_before(2_592_000_001)
        };
        assert_eq!((before(None), before(Some(60))), (Some(1), Some(1)));
        assert_eq!(before(Some(29)), Some(86_400_001));
        assert_eq!(Retention::default().recordings_before(5), None);
    }
}
