//! Trace contexts, as the W3C recommendation "Trace Context" (level 1) has them in the header
//! `traceparent`.
//!
//! A call is a trace of its own, whose ids follow from the call's: whoever knows the call can name its
//! spans, and none has to be stored.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::CallId;

/// The header of a trace context (W3C Trace Context, section 3.2).
pub const TRACEPARENT: &str = "traceparent";
/// The only version that is written. Later ones begin with the same fields.
const VERSION: &str = "00";
/// The span of an action has the action's number in its call; those of what else a call does begin here.
const OTHER_SPANS: u64 = 1 << 32;

/// A span of a trace, as a request names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct TraceContext {
    trace: u128,
    span: u64,
    is_sampled: bool,
}

/// The text is no `traceparent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a `traceparent`: it is 00, the trace's 32 hexadecimal digits, the span's 16, and two of flags, with `-` between them"
)]
pub struct NotAContext;

impl TraceContext {
    /// The span of a call.
    pub fn of_call(call: CallId) -> Self {
        Self::of_span(call, 0)
    }

    /// The span of an action that the call's flow invoked, by its number in the call, from 1.
    pub fn of_action(call: CallId, nth: u32) -> Self {
        Self::of_span(call, u64::from(nth))
    }

    /// The span of something else that happened in a call, by a number that nothing else there has.
    pub fn of_part(call: CallId, nth: u32) -> Self {
        Self::of_span(call, OTHER_SPANS + u64::from(nth))
    }

    fn of_span(call: CallId, nth: u64) -> Self {
        let span = call.seed() ^ mixed(nth);
        Self {
            trace: call.uuid().as_u128(),
            // a span of zeros is none
            span: if span == 0 { u64::MAX } else { span },
            is_sampled: true,
        }
    }

    /// Reads a `traceparent`.
    ///
    /// # Errors
    /// The text is none. A request with such a header is handled as if it had none.
    pub fn parse(text: &str) -> Result<Self, NotAContext> {
        let is_hex = |part: &str| {
            part.bytes()
                .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
        };
        let mut parts = text.split('-');
        let fields: [&str; 4] = std::array::from_fn(|_| parts.next().unwrap_or_default());
        let [version, trace, span, flags] = fields;
        let lengths = fields.map(str::len);
        // a version that is not known yet may have further fields
        let is_whole = version != VERSION || parts.next().is_none();
        if lengths != [2, 32, 16, 2]
            || !fields.into_iter().all(is_hex)
            || !is_whole
            || version == "ff"
        {
            return Err(NotAContext);
        }
        let read = (
            u128::from_str_radix(trace, 16),
            u64::from_str_radix(span, 16),
            u8::from_str_radix(flags, 16),
        );
        match read {
            (Ok(trace), Ok(span), Ok(flags)) if trace != 0 && span != 0 => Ok(Self {
                trace,
                span,
                is_sampled: flags & 1 == 1,
            }),
            _ => Err(NotAContext),
        }
    }

    /// The trace's id, in 32 hexadecimal digits.
    pub fn trace_id(&self) -> String {
        format!("{:032x}", self.trace)
    }

    /// The span's id, in 16 hexadecimal digits.
    pub fn span_id(&self) -> String {
        format!("{:016x}", self.span)
    }
}

/// SplitMix64's finaliser: neighbours become ids that have nothing in common. Zero stays zero.
fn mixed(nth: u64) -> u64 {
    let mut mixed = nth;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = u8::from(self.is_sampled);
        write!(
            f,
            "{VERSION}-{:032x}-{:016x}-{flags:02x}",
            self.trace, self.span
        )
    }
}

impl From<TraceContext> for String {
    fn from(context: TraceContext) -> Self {
        context.to_string()
    }
}

impl TryFrom<String> for TraceContext {
    type Error = NotAContext;

    fn try_from(text: String) -> Result<Self, NotAContext> {
        Self::parse(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_and_written_as_the_recommendation_has_it() {
        let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let context = TraceContext::parse(text).unwrap();
        assert_eq!(context.trace_id(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(context.span_id(), "b7ad6b7169203331");
        assert_eq!(context.to_string(), text);
        let later = TraceContext::parse(
            "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-the-future-will-be-like",
        );
        assert_eq!(
            later,
            Ok(context),
            "of a later version the known fields count"
        );
    }

    #[test]
    fn what_is_no_header_is_none() {
        for text in [
            "",
            "00",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01",
            "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-éaf7651916cd43dd8448eb211c80319-b7ad6b7169203331-01",
        ] {
            assert_eq!(TraceContext::parse(text), Err(NotAContext), "{text}");
        }
    }

    #[test]
    fn the_spans_of_a_call_are_of_one_trace_and_all_different() {
        let call = CallId::parse("0190a1b2-0000-7000-8000-000000000001").unwrap();
        let spans: Vec<_> = (1..=100)
            .flat_map(|nth| {
                [
                    TraceContext::of_action(call, nth),
                    TraceContext::of_part(call, nth),
                ]
            })
            .chain([TraceContext::of_call(call)])
            .collect();
        assert!(
            spans
                .iter()
                .all(|span| span.trace_id() == "0190a1b2000070008000000000000001")
        );
        let ids: std::collections::BTreeSet<_> = spans.iter().map(TraceContext::span_id).collect();
        assert_eq!(ids.len(), spans.len());
    }
}
