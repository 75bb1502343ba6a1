//! The set-up mistakes for which a request is not served.

/// Why a request could not be served because the set-up is wrong. Such requests are logged, counted
/// and, if Exotel made them, recorded with their call (`unserved.rs`). The cause is passed to that
/// middleware in the response's extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// The token is missing or wrong.
    Token,
    /// No route matches the path.
    Path,
    /// The route does not accept the method.
    Method,
    /// A media stream was requested without a WebSocket upgrade.
    Upgrade,
    /// The body cannot be read.
    Body,
    /// A web page of another site made the request.
    Site,
}
