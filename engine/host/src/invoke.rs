//! `actions.invoke`: the name is granted, the input has its size and is JSON, and a conversation has so
//! many invocations of each. What is done then is the conversation's.

use ghanti_model::{CallError, Function, json_path};
use serde_json::{Value as Json, json};

use crate::bindings::actions;
use crate::context::{CallContext, StoreData};
use crate::conversation::Invocation;
use crate::convert;
use crate::functions::{Answered, to_wit};
use crate::known::Known;

impl actions::Host for StoreData {
    async fn invoke(&mut self, name: String, input: String) -> Answered<String> {
        let (arguments, checked) = match self.host_mut() {
            Some(host) => host.invocation(name, &input, Known::invoked),
            // `attempt` ends the flow
            None => (Json::Null, Err(CallError::CallEnded)),
        };
        let answer = self.attempt(Function::Invoke, arguments, |host| {
            Box::pin(async move { host.conversation.invoke(checked?).await })
        });
        Ok(to_wit(answer.await?, |answer: Json| answer.to_string()))
    }
}

impl CallContext {
    /// The arguments as journaled: the name, and the input without what is redacted, or null where
    /// it was not looked at. Limits are counted here, so that a replay counts the same; what is
    /// cheap is checked first, as a flow may try as fast as it can.
    pub(crate) fn invocation(
        &mut self,
        name: String,
        input: &str,
        count: fn(&mut Known, &str) -> (u32, u32),
    ) -> (Json, Result<Invocation, CallError>) {
        let name = match convert::slug("name", name) {
            Ok(name) => name,
            Err(sentence) => {
                let kept = json!({ "invalid": sentence });
                return (kept, Err(CallError::Invalid(sentence)));
            }
        };
        let kept = |input| json!([name, input]);
        let rule = match self.rules.action(&name) {
            Ok(rule) => rule,
            Err(error) => return (kept(Json::Null), Err(error)),
        };
        let (times, nth) = count(&mut self.known, &name);
        if times > rule.calls {
            let sentence = format!(
                "a conversation may invoke `{name}` {} times: keep its answers, or let the operator raise `calls` of `[actions.{name}]`",
                rule.calls
            );
            return (kept(Json::Null), Err(CallError::Limit(sentence)));
        }
        if u64::try_from(input.len()).map_or(true, |bytes| bytes > rule.input_bytes) {
            let sentence = format!(
                "the input of `{name}` has {} bytes and may have {}: give less, or let the operator raise `input-bytes` of `[actions.{name}]`",
                input.len(),
                rule.input_bytes
            );
            return (kept(Json::Null), Err(CallError::Limit(sentence)));
        }
        match serde_json::from_str::<Json>(input) {
            Ok(input) => {
                let mut shown = input.clone();
                json_path::redact(&mut shown, &rule.redact);
                let acts = rule.acts;
                let arguments = kept(shown);
                let invocation = Invocation {
                    name,
                    input,
                    nth,
                    acts,
                };
                (arguments, Ok(invocation))
            }
            Err(error) => {
                // the library's message quotes nothing of the input
                let sentence = format!(
                    "`input` is no JSON (column {}): build it with your language's library",
                    error.column()
                );
                (kept(Json::Null), Err(CallError::Invalid(sentence)))
            }
        }
    }
}
