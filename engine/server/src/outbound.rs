//! Calls that the engine dials: for the API, and for campaigns.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use ghanti_campaign::{Outbound, OutboundCall, Runner};
use ghanti_model::event::Requested;
use ghanti_model::{CustomerRecord, EventKind, FlowName, PhoneNumber, Step};
use ghanti_session::log_lines::STEP;
use ghanti_store::{DoNotCall, StoreError};

use crate::app::App;
use crate::dialler::{self, CallFrom, CallUrls, Surroundings};
use crate::routes::voicebot::Base;
use crate::secret::Secret;

/// Stores the record of a customer who is to be called, and that the call was requested. `dials`
/// says whether this engine dials.
pub async fn request(app: &App, customer: &CustomerRecord, dials: bool) -> Result<(), StoreError> {
    app.services.sessions.put_customer(customer).await?;
    let requested = EventKind::Requested(Requested {
        customer_number: customer.phone.clone(),
        flow: customer.flow.clone(),
        dials,
    });
    let call = customer.call_id;
    app.services.registry.append(call, requested).await;
    tracing::info!(target: STEP, %call, step = ?Step::Triggered, number = %customer.phone, "step");
    Ok(())
}

/// The URLs that Exotel is given for a call.
pub fn urls(app: &App, base: &Base, customer: &CustomerRecord) -> CallUrls {
    let session = customer.call_id.to_string();
    CallUrls {
        status: base.applet(app, "/status", Secret::in_url).into(),
        stream: base.stream(app, &session, Secret::in_url).into(),
    }
}

/// What a dial needs of the engine.
pub fn surroundings(app: &App) -> Surroundings {
    Surroundings {
        services: Arc::clone(&app.services),
        tasks: app.tasks.clone(),
        draining: app.draining.clone(),
        stop: app.stop.clone(),
    }
}

/// Dials for campaigns.
pub struct Campaigns(pub App);

#[async_trait]
impl Outbound for Campaigns {
    fn room(&self) -> u32 {
        let Self(app) = self;
        let (taken, promised) = app.admission.in_use(Instant::now());
        let free = app.admission.places().saturating_sub(taken + promised);
        let free = app
            .dialler
            .as_ref()
            .map_or(0, |dialler| free.min(dialler.free()));
        u32::try_from(free).unwrap_or(u32::MAX)
    }

    fn has_flow(&self, flow: &FlowName) -> bool {
        self.0.services.catalogue.versions().contains_key(flow)
    }

    async fn do_not_call(&self, phone: &PhoneNumber) -> Result<Option<DoNotCall>, StoreError> {
        self.0.services.registry.do_not_call(phone).await
    }

    async fn dial(&self, call: OutboundCall) -> Result<(), String> {
        let Self(app) = self;
        let dialler = app
            .dialler
            .as_ref()
            .ok_or("the engine has no account at Exotel")?;
        let base = Base::public(app).ok_or("the engine has no `public-url`")?;
        let place = dialler.place().ok_or("too many calls are being dialled")?;
        let OutboundCall {
            customer,
            caller_id,
        } = call;
        let urls = urls(app, &base, &customer);
        request(app, &customer, true)
            .await
            .map_err(|error| error.to_string())?;
        let from = CallFrom { caller_id, urls };
        dialler::dial(
            surroundings(app),
            Arc::clone(dialler),
            place,
            customer,
            from,
        );
        Ok(())
    }
}

/// Runs campaigns in the background, if the engine can dial.
pub fn run_campaigns(app: &App) {
    let (Some(_), Some(lease)) = (&app.dialler, &app.services.lease) else {
        return;
    };
    let runner = Runner::new(
        Arc::clone(&app.records),
        Arc::new(Campaigns(app.clone())),
        lease.node(),
        app.services.settings.offset_minutes,
    );
    app.tasks.spawn(runner.run(app.draining.clone()));
}
