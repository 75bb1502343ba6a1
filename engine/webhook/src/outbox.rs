//! Turns changes of calls' records into messages, which the store writes.

use std::sync::Arc;

use ghanti_model::{CallRecord, ChainHead};
use ghanti_store::{Message, Outbox, RecordGist};
use tokio::sync::watch;
use uuid::Uuid;

use crate::body::body;
use crate::endpoint::Endpoint;
use crate::kind::Kind;

/// The messages of all endpoints.
pub struct CallMessages {
    endpoints: Arc<[Endpoint]>,
    saved: watch::Sender<()>,
}

impl CallMessages {
    /// Creates messages for these endpoints.
    pub fn new(endpoints: Arc<[Endpoint]>) -> Self {
        Self {
            endpoints,
            saved: watch::Sender::new(()),
        }
    }

    /// Notifies each time this node has saved messages.
    pub(crate) fn subscribe(&self) -> watch::Receiver<()> {
        self.saved.subscribe()
    }

    pub(crate) fn endpoints(&self) -> &Arc<[Endpoint]> {
        &self.endpoints
    }
}

impl Outbox for CallMessages {
    fn messages(
        &self,
        before: &RecordGist,
        after: &CallRecord,
        chain: &ChainHead,
        unix_ms: u64,
    ) -> Vec<Message> {
        let mut messages = Vec::new();
        for kind in Kind::of_change(before, after) {
            for endpoint in self.endpoints.iter() {
                if !endpoint.wants(kind.name(), after.flow.as_ref()) {
                    continue;
                }
                match body(endpoint, &kind, after, chain, unix_ms) {
                    Ok(body) => messages.push(Message {
                        id: format!("msg_{}", Uuid::now_v7().simple()),
                        endpoint: endpoint.name.clone(),
                        kind: kind.name().to_owned(),
                        body,
                    }),
                    Err(error) => {
                        let (call, endpoint, kind) = (after.call_id, &endpoint.name, kind.name());
                        tracing::error!(%call, endpoint, kind, %error, "a webhook message cannot be written");
                    }
                }
            }
        }
        messages
    }

    fn saved(&self) {
        self.saved.send_replace(());
    }
}
