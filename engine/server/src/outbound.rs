//! Calls that the engine dials: for the API, and for campaigns.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use ghanti_campaign::{Outbound, OutboundCall};
use ghanti_model::event::Requested;
use ghanti_model::{
    CallId, CallSid, CustomerRecord, EventKind, FlowName, PhoneNumber, Step, TraceContext,
};
use ghanti_session::Services;
use ghanti_session::log_lines::STEP;
use ghanti_store::{DoNotCall, StoreError};

use crate::admission::Admission;
use crate::base::Base;
use crate::config::Config;
use crate::dialler::{self, CallFrom, CallUrls, DialContext, Dialler};
use crate::secret::Secret;

/// Stores the record of a customer to be called, and the event that the call was requested. `dials` is
/// whether this engine dials, `traced_from` the trace that the request was part of.
pub async fn request(
    services: &Services,
    customer: &CustomerRecord,
    dials: bool,
    traced_from: Option<TraceContext>,
) -> Result<(), StoreError> {
    services.sessions.put_customer(customer).await?;
    let requested = EventKind::Requested(Requested {
        customer_number: Some(customer.phone.clone()),
        flow: customer.flow.clone(),
        dials,
        traced_from,
    });
    let call = customer.call_id;
    services.registry.append(call, requested).await;
    tracing::info!(target: STEP, %call, step = ?Step::Triggered, number = %customer.phone, "step");
    Ok(())
}

/// The URLs that Exotel is given for a call.
pub fn urls(config: &Config, base: &Base, customer: &CustomerRecord) -> CallUrls {
    let session = customer.call_id.to_string();
    CallUrls {
        status: base.applet(config, "/status", Secret::in_url).into(),
        stream: base.stream(config, &session, Secret::in_url).into(),
    }
}

/// Dials for campaigns.
pub struct Campaigns {
    /// The configuration.
    pub config: Arc<Config>,
    /// Dials customers.
    pub dialler: Arc<Dialler>,
    /// The slots for calls.
    pub admission: Admission,
    /// The engine.
    pub engine: DialContext,
}

#[async_trait]
impl Outbound for Campaigns {
    fn room(&self) -> u32 {
        let (taken, reserved) = self.admission.in_use(Instant::now());
        let free = self.admission.slots().saturating_sub(taken + reserved);
        u32::try_from(free.min(self.dialler.free())).unwrap_or(u32::MAX)
    }

    fn rings_for(&self) -> Duration {
        self.dialler.rings_for()
    }

    fn has_flow(&self, flow: &FlowName) -> bool {
        self.engine.services.catalogue.versions().contains_key(flow)
    }

    async fn do_not_call(&self, phone: &PhoneNumber) -> Result<Option<DoNotCall>, StoreError> {
        self.engine.services.registry.do_not_call(phone).await
    }

    fn look_up(&self, call: CallId, sid: CallSid) {
        let (engine, dialler) = (self.engine.clone(), Arc::clone(&self.dialler));
        self.engine.tasks.spawn(async move {
            dialler::look_up(&engine, &dialler, call, &sid).await;
        });
    }

    async fn dial(&self, call: OutboundCall) -> Result<(), String> {
        let base = Base::public(&self.config).ok_or("the engine has no `public-url`")?;
        let permit = self
            .dialler
            .permit()
            .ok_or("too many calls are being dialled")?;
        let OutboundCall {
            customer,
            caller_id,
        } = call;
        let urls = urls(&self.config, &base, &customer);
        request(&self.engine.services, &customer, true, None)
            .await
            .map_err(|error| error.to_string())?;
        let from = CallFrom { caller_id, urls };
        let (engine, dialler) = (self.engine.clone(), Arc::clone(&self.dialler));
        dialler::dial(engine, dialler, permit, customer, from);
        Ok(())
    }
}
