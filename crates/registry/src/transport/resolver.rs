//! From a host's name to its addresses.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::{io, vec};

use hyper_util::client::legacy::connect::dns::Name;
use thiserror::Error;
use tower::Service;

use countersign_image::address::{Nature, nature_of};

/// The system's resolver, whole or in part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resolver {
    /// Whatever the system says.
    System,
    /// Less this machine and its link, for names out of other servers' answers: no address that only we can reach. Private
    /// networks stay: a registry inside a cluster does keep its blobs and its token service there, under names.
    Guarded,
}

#[derive(Debug, Error)]
#[error("`{name}` leads to an address of this machine or its link")]
struct LedInward {
    name: String,
}

impl Resolver {
    async fn resolve(self, name: &str) -> io::Result<vec::IntoIter<SocketAddr>> {
        let found: Vec<SocketAddr> = tokio::net::lookup_host((name, 0)).await?.collect();
        if self == Self::System {
            return Ok(found.into_iter());
        }
        let open: Vec<SocketAddr> = found.into_iter().filter(|address| is_open(*address)).collect();
        if open.is_empty() {
            return Err(io::Error::other(LedInward { name: name.to_owned() }));
        }
        Ok(open.into_iter())
    }
}

impl Service<Name> for Resolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let resolver = *self;
        Box::pin(async move { resolver.resolve(name.as_str()).await })
    }
}

fn is_open(address: SocketAddr) -> bool {
    matches!(nature_of(address.ip()), Nature::Open | Nature::Private)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_of_this_machine_leads_nowhere_unless_it_is_ours() {
        let Err(error) = Resolver::Guarded.resolve("localhost").await else {
            panic!("`localhost` must not resolve here")
        };
        assert_eq!(
            error.to_string(),
            "`localhost` leads to an address of this machine or its link"
        );
        assert!(Resolver::System.resolve("localhost").await.unwrap().next().is_some());
    }

    #[test]
    fn only_open_and_private_addresses_stay() {
        for (address, stays) in [
            ("8.8.8.8:0", true),
            ("10.0.0.1:0", true),
            ("169.254.169.254:0", false),
            ("127.0.0.1:0", false),
            ("[::1]:0", false),
        ] {
            assert_eq!(is_open(address.parse().unwrap()), stays, "{address}");
        }
    }
}
