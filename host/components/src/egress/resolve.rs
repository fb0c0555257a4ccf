//! Names to addresses, without those that lead into the operator's own network.

use super::rules::is_public;
use call::net::{Failure, Fault};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use url::Host;

/// The addresses that may be connected to. `private`: also those of private networks.
pub(super) async fn resolve(
    host: &Host<String>,
    port: u16,
    private: bool,
) -> Result<Vec<SocketAddr>, Failure> {
    let found: Vec<SocketAddr> = match host {
        Host::Ipv4(v4) => vec![SocketAddr::new(IpAddr::V4(*v4), port)],
        Host::Ipv6(v6) => vec![SocketAddr::new(IpAddr::V6(*v6), port)],
        Host::Domain(name) => tokio::net::lookup_host((name.as_str(), port))
            .await
            .map_err(|e| Failure::new(Fault::Unreachable, format!("{name} has no address: {e}")))?
            .collect(),
    };
    permitted(&host.to_string(), found, private)
}

fn permitted(host: &str, found: Vec<SocketAddr>, private: bool) -> Result<Vec<SocketAddr>, Failure> {
    let none = found.is_empty();
    let permitted: Vec<SocketAddr> =
        found.into_iter().filter(|address| private || is_public(address.ip())).collect();
    match permitted.is_empty() {
        false => Ok(permitted),
        true if none => Err(Failure::new(Fault::Unreachable, format!("{host} has no address"))),
        true => Err(Failure::new(
            Fault::Forbidden,
            format!(
                "{host} is a private address: it is reached only where the operator names it, in a setting \
                 or in the grant"
            ),
        )),
    }
}

/// The same for the pooled client, which resolves by itself.
pub(super) struct Resolver {
    pub(super) private_hosts: Arc<[String]>,
}

/// How a refusal travels through the client.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.message)]
pub(super) struct Refused(pub(super) Failure);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let private = self.private_hosts.iter().any(|host| host.eq_ignore_ascii_case(name.as_str()));
        let host = Host::Domain(name.as_str().to_owned());
        Box::pin(async move {
            // the client fills the port in
            let addresses = resolve(&host, 0, private).await.map_err(Refused)?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}
