//! The listening socket of a starting engine. It listens before speech, stores and flows are
//! opened. Until then `/healthz` answers `OK`, `/readyz` answers 503 with the flows being loaded,
//! `/passthru` refuses calls, and every other request is answered with 503, one of the console by a page
//! that asks again.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{ACCEPT_LANGUAGE, RETRY_AFTER};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{Html, IntoResponse, Response};
use ghanti_catalogue::Loading;
use ghanti_console::words::preferred;
use ghanti_exotel::applet::PassthruRequest;
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tower::ServiceExt;

use crate::applet_error::AppletError;
use crate::config::Config;
use crate::connection::Timeouts;
use crate::connections::Connections;
use crate::descriptors;
use crate::fallback::{self, is_of_api};
use crate::listener::listen;
use crate::problem::{Kind, Problem};

/// A listening engine. Dropping it closes the socket and all connections.
pub struct Front {
    /// The configuration.
    pub config: Arc<Config>,
    /// The flows being loaded, to be passed to [`open`](crate::open()).
    pub loading: Loading,
    pub(crate) connections: Connections,
    pub(crate) close: CancellationToken,
    pub(crate) server: AbortOnDropHandle<()>,
    routes: Arc<OnceLock<Router>>,
    address: SocketAddr,
}

/// State of the request handler while the engine is starting.
#[derive(Clone)]
struct Starting {
    path: Arc<str>,
    loading: Loading,
}

impl Front {
    /// Starts to answer requests on a bound listener.
    pub fn listen(listener: TcpListener, config: Config) -> std::io::Result<Self> {
        descriptors::raise();
        let address = listener.local_addr()?;
        let server = &config.server;
        let [head, idle, body] =
            [server.head_s, server.idle_s, server.body_s].map(Duration::from_secs);
        let timeouts = Timeouts { head, idle, body };
        // the configured limit: how many descriptors calls need is not known yet
        let connections = Connections::new(server.connections, server.connections_per_address);
        let (loading, routes) = (Loading::default(), Arc::default());
        let starting = Starting {
            path: server.path.as_str().into(),
            loading: loading.clone(),
        };
        let router = Router::new()
            .fallback(starting_answer)
            .with_state(starting)
            .layer(from_fn(fallback::end_connection))
            .layer(from_fn_with_state(Arc::clone(&routes), answer));
        let close = CancellationToken::new();
        let server = tokio::spawn(listen(
            listener,
            router,
            connections.clone(),
            timeouts,
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

    /// The bound address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers further requests with these routes. Only the first call has an effect.
    pub(crate) fn answer_by(&self, routes: Router) {
        let _ = self.routes.set(routes);
    }
}

/// Answers with the engine's routes, once it has them.
async fn answer(
    State(routes): State<Arc<OnceLock<Router>>>,
    request: Request,
    next: Next,
) -> Result<Response, Infallible> {
    match routes.get() {
        Some(routes) => routes.clone().oneshot(request).await,
        None => Ok(next.run(request).await),
    }
}

/// The error of requests while the engine is starting.
const LOADING: &str = "the engine is starting: its flows are being loaded";
/// The hint of such an error.
const WAIT: &str = "see /readyz, and the log of this time";

async fn starting_answer(State(starting): State<Starting>, request: Request) -> Response {
    let path = request.uri().path();
    match path.strip_prefix(&*starting.path) {
        Some("/healthz") => "OK".into_response(),
        Some("/readyz") => {
            let body = json!({ "starting": true, "loading": starting.loading.flows() });
            (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
        }
        // 302 takes the Exotel flow to its second branch, as for any refused call
        Some("/passthru") => {
            let asked = PassthruRequest::parse(request.uri().query().unwrap_or_default());
            let sid = asked.call_sid.as_ref().map(tracing::field::display);
            tracing::warn!(sid, "a call was refused: the engine is starting");
            (StatusCode::FOUND, "the engine is starting").into_response()
        }
        Some(path) if path == "/console" || path.starts_with("/console/") => {
            let asked = request.headers().get(ACCEPT_LANGUAGE);
            let asked = asked.and_then(|asked| asked.to_str().ok());
            let page = ghanti_console::starting(preferred(asked.unwrap_or_default()));
            let again = [(RETRY_AFTER, "2")];
            (StatusCode::SERVICE_UNAVAILABLE, again, Html(page)).into_response()
        }
        Some(path) if is_of_api(path) => {
            Problem::new(Kind::Starting, LOADING, WAIT).into_response()
        }
        _ => AppletError::new(StatusCode::SERVICE_UNAVAILABLE, LOADING, WAIT).into_response(),
    }
}
