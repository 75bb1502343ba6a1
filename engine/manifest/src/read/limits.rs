//! Parses `[limits]`.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use toml::de::DeValue;

use crate::Limits;
use crate::reader::{Item, Reader};

/// The limits that the manifest sets.
pub(super) fn given(item: &Item<'_>) -> BTreeSet<String> {
    match item.get_ref() {
        DeValue::Table(table) => table
            .iter()
            .map(|(key, _)| key.get_ref().to_string())
            .collect(),
        _ => BTreeSet::new(),
    }
}

impl Reader<'_> {
    pub(super) fn limits(&mut self, item: &Item<'_>) -> Limits {
        const MIN: Limits = Limits::MIN;
        const MAX: Limits = Limits::MAX;
        let mut limits = Limits::default();
        let known = [
            "memory",
            "compute-ms",
            "call-minutes",
            "host-calls-per-second",
            "text-bytes",
            "log-lines",
            "journal-kib",
        ];
        self.section("limits", item, &known, |reader, name, item| {
            match name {
                "memory" => {
                    limits.memory_bytes = reader.memory(name, item).unwrap_or(limits.memory_bytes)
                }
                "compute-ms" => reader.limit(
                    name,
                    item,
                    &mut limits.compute_ms,
                    MIN.compute_ms..=MAX.compute_ms,
                ),
                "call-minutes" => reader.limit(
                    name,
                    item,
                    &mut limits.call_minutes,
                    MIN.call_minutes..=MAX.call_minutes,
                ),
                "host-calls-per-second" => {
                    let range = MIN.host_calls_per_second..=MAX.host_calls_per_second;
                    reader.limit(name, item, &mut limits.host_calls_per_second, range);
                }
                "text-bytes" => reader.limit(
                    name,
                    item,
                    &mut limits.text_bytes,
                    MIN.text_bytes..=MAX.text_bytes,
                ),
                "log-lines" => reader.limit(
                    name,
                    item,
                    &mut limits.log_lines,
                    MIN.log_lines..=MAX.log_lines,
                ),
                "journal-kib" => reader.limit(
                    name,
                    item,
                    &mut limits.journal_kib,
                    MIN.journal_kib..=MAX.journal_kib,
                ),
                _ => return false,
            }
            true
        });
        limits
    }

    fn limit<T: Copy + TryFrom<u64>>(
        &mut self,
        name: &str,
        item: &Item<'_>,
        limit: &mut T,
        range: RangeInclusive<T>,
    ) where
        u64: From<T>,
    {
        let range = u64::from(*range.start())..=u64::from(*range.end());
        if let Some(value) = self
            .integer(name, item, range)
            .and_then(|value| T::try_from(value).ok())
        {
            *limit = value;
        }
    }

    fn memory(&mut self, name: &str, item: &Item<'_>) -> Option<u64> {
        let text = self.string(name, item)?;
        let size = [("MiB", 1 << 20), ("KiB", 1 << 10)]
            .into_iter()
            .find_map(|(unit, bytes)| {
                let number: u64 = text.strip_suffix(unit)?.trim().parse().ok()?;
                number.checked_mul(bytes)
            });
        let size = size
            .filter(|size| (Limits::MIN.memory_bytes..=Limits::MAX.memory_bytes).contains(size));
        if size.is_none() {
            let most = Limits::MAX.memory_bytes >> 20;
            self.complain(item.span(), format!("`{name}` is `{text}`: give a size such as `32MiB`, at least 64 KiB, at most {most} MiB"));
        }
        size
    }
}
