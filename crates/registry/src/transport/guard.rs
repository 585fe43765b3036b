//! Names out of other servers' answers, resolved to no address that only we can reach.

use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use thiserror::Error;

use countersign_image::address::{Nature, nature_of};

/// The system's resolver, less this machine and its link. Private networks stay: a registry inside a cluster does keep
/// its blobs and its token service there, under names.
pub(super) struct GuardedResolver;

#[derive(Debug, Error)]
#[error("`{name}` leads to an address of this machine or its link")]
struct LedInward {
    name: String,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let name = name.as_str().to_owned();
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let open: Vec<SocketAddr> = found.filter(|address| is_open(*address)).collect();
            if open.is_empty() {
                return Err(LedInward { name }.into());
            }
            Ok::<Addrs, Box<dyn std::error::Error + Send + Sync>>(Box::new(open.into_iter()))
        })
    }
}

fn is_open(address: SocketAddr) -> bool {
    matches!(nature_of(address.ip()), Nature::Open | Nature::Private)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_of_this_machine_leads_nowhere() {
        let outcome = GuardedResolver.resolve("localhost".parse().unwrap()).await;
        let Err(error) = outcome else {
            panic!("`localhost` must not resolve here")
        };
        assert_eq!(
            error.to_string(),
            "`localhost` leads to an address of this machine or its link"
        );
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
