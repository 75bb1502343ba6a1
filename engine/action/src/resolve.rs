//! Resolves names to addresses that may be connected to.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;

use crate::address::{Forbidden, Reach};

/// Look-ups at once for an action. The system's resolver cannot be interrupted: one that hangs
/// keeps its permit, and further ones fail at once.
pub(crate) const RESOLVING: usize = 8;

/// Why a name gives no address.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ResolveError {
    /// The system's resolver failed.
    #[error("its host cannot be resolved: {0}")]
    Unresolved(io::Error),
    /// Too many look-ups hang.
    #[error("the system's resolver does not answer")]
    Stuck,
    /// It has an address that may not be connected to.
    #[error("{0}")]
    Forbidden(Forbidden),
}

/// Resolves the host of one action.
#[derive(Debug, Clone)]
pub(crate) struct Guarded {
    reach: Arc<Reach>,
    permits: Arc<Semaphore>,
}

impl Guarded {
    pub(crate) fn new(reach: Reach) -> Self {
        Self {
            reach: Arc::new(reach),
            permits: Arc::new(Semaphore::new(RESOLVING)),
        }
    }

    /// The addresses of a host, all of which may be connected to.
    pub(crate) async fn addresses(
        &self,
        host: &str,
        port: u16,
    ) -> Result<Vec<SocketAddr>, ResolveError> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let found = match bare.parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, port)],
            Err(_) => self.look_up(host.to_owned(), port).await?,
        };
        // one that is forbidden spoils the others: a name with both is an attempt
        for address in &found {
            self.reach
                .check(address.ip())
                .map_err(ResolveError::Forbidden)?;
        }
        Ok(found)
    }

    async fn look_up(&self, host: String, port: u16) -> Result<Vec<SocketAddr>, ResolveError> {
        let permit = Arc::clone(&self.permits)
            .try_acquire_owned()
            .map_err(|_| ResolveError::Stuck)?;
        let looked_up = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            (host.as_str(), port)
                .to_socket_addrs()
                .map(Iterator::collect)
        });
        let found: Vec<_> = looked_up
            .await
            .map_err(|_| ResolveError::Stuck)?
            .map_err(ResolveError::Unresolved)?;
        Ok(found)
    }
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let guarded = self.clone();
        Box::pin(async move {
            let addresses = guarded.addresses(name.as_str(), 0).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Network;

    #[tokio::test]
    async fn a_name_that_leads_to_this_machine_gives_no_address() {
        let public = Guarded::new(Reach::Public(Vec::new()));
        for host in ["localhost", "127.0.0.1", "[::1]", "::ffff:127.0.0.1"] {
            let refused = public.addresses(host, 80).await;
            assert!(
                matches!(refused, Err(ResolveError::Forbidden(_))),
                "{host}: {refused:?}"
            );
        }
        let loopback = ["127.0.0.0/8", "::1"].map(|text| Network::parse(text).unwrap());
        let named = Guarded::new(Reach::Named(loopback.to_vec()));
        assert!(named.addresses("localhost", 80).await.is_ok());
        assert!(public.addresses("no-such-host.invalid", 80).await.is_err());
    }
}
