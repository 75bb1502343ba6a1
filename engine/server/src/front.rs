//! The socket from the first moment on. It listens before anything is opened: while speech, stores
//! and flows are opened `/healthz` answers, `/readyz` reports what is still being loaded, and every
//! other request is asked to come again.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use ghanti_dialog::Loading;
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tower::ServiceExt;

use crate::config::Config;
use crate::connection::Patience;
use crate::connections::Connections;
use crate::descriptors;
use crate::listener::listen;
use crate::problem::{self, Problem};

/// A listening engine. Dropping it closes the socket and every connection.
pub struct Front {
    /// The settings.
    pub config: Arc<Config>,
    /// Shows which flows are being loaded: hand it to [`open`](crate::open()).
    pub loading: Loading,
    pub(crate) connections: Connections,
    pub(crate) close: CancellationToken,
    pub(crate) server: AbortOnDropHandle<()>,
    routes: Arc<OnceLock<Router>>,
    address: SocketAddr,
}

/// What the requests of a starting engine are answered from.
#[derive(Clone)]
struct Starting {
    path: Arc<str>,
    loading: Loading,
    routes: Arc<OnceLock<Router>>,
}

impl Front {
    /// Answers on a bound listener from now on.
    pub fn listen(listener: TcpListener, config: Config) -> std::io::Result<Self> {
        descriptors::raise();
        let address = listener.local_addr()?;
        let server = &config.server;
        let [head, idle, body] =
            [server.head_s, server.idle_s, server.body_s].map(Duration::from_secs);
        let patience = Patience { head, idle, body };
        // until it is known how many calls there may be, which leaves fewer to others
        let connections = Connections::new(server.connections, server.connections_per_address);
        let starting = Starting {
            path: server.path.as_str().into(),
            loading: Loading::default(),
            routes: Arc::default(),
        };
        let (loading, routes) = (starting.loading.clone(), Arc::clone(&starting.routes));
        let router = Router::new().fallback(answer).with_state(starting);
        let close = CancellationToken::new();
        let server = tokio::spawn(listen(
            listener,
            router,
            connections.clone(),
            patience,
            close.clone(),
        ));
        Ok(Self {
            config: Arc::new(config),
            loading,
            connections,
            close,
            server: AbortOnDropHandle::new(server),
            routes,
            address,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on these routes answer. The first ones stay.
    pub(crate) fn answer_by(&self, routes: Router) {
        let _ = self.routes.set(routes);
    }
}

async fn answer(
    State(starting): State<Starting>,
    request: Request,
) -> Result<Response, Infallible> {
    match starting.routes.get() {
        Some(routes) => routes.clone().oneshot(request).await,
        None => {
            Router::new()
                .fallback(starting_answer)
                .layer(from_fn(problem::end_connection))
                .with_state(starting)
                .oneshot(request)
                .await
        }
    }
}

async fn starting_answer(State(starting): State<Starting>, request: Request) -> Response {
    let path = request.uri().path();
    match path.strip_prefix(&*starting.path) {
        Some("/healthz") => "OK".into_response(),
        Some("/readyz") => {
            let body = json!({ "starting": true, "loading": starting.loading.flows() });
            (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
        }
        // as every call that is not taken: the Exotel flow goes its second way
        Some("/passthru") => {
            tracing::warn!("a call was not taken: the engine is starting");
            (StatusCode::FOUND, "the engine is starting").into_response()
        }
        _ => Problem::unavailable("the engine is starting: its flows are being loaded")
            .into_response(),
    }
}
