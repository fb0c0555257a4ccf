//! Names to addresses, without those that lead into the operator's own network.

use super::rules::{is_link_local, is_public};
use call::net::{Failure, Fault};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::net::{IpAddr, SocketAddr};
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
    permitted(host, found, private)
}

fn permitted(host: &Host<String>, found: Vec<SocketAddr>, private: bool) -> Result<Vec<SocketAddr>, Failure> {
    // who writes the number means it; a name may have been made to lead there
    let by_name = matches!(host, Host::Domain(_));
    let none = found.is_empty();
    let permitted: Vec<SocketAddr> = found
        .into_iter()
        .filter(|address| is_public(address.ip()) || private && !(by_name && is_link_local(address.ip())))
        .collect();
    match permitted.is_empty() {
        false => Ok(permitted),
        true if none => Err(Failure::new(Fault::Unreachable, format!("{host} has no address"))),
        true => Err(Failure::new(
            Fault::Forbidden,
            format!(
                "{host} is a private address: it is reached only where the operator names it by its number or \
                 as a local name, or grants it with `private = true`"
            ),
        )),
    }
}

/// The same for a pooled client, which resolves by itself.
pub(super) struct Resolver {
    pub(super) private: bool,
}

/// How a refusal travels through the client.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.message)]
pub(super) struct Refused(pub(super) Failure);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let private = self.private;
        let host = Host::Domain(name.as_str().to_owned());
        Box::pin(async move {
            // the client fills the port in
            let addresses = resolve(&host, 0, private).await.map_err(Refused)?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reached(host: &str, found: &[&str], private: bool) -> Vec<String> {
        let found = found.iter().map(|address| SocketAddr::new(address.parse().unwrap(), 443)).collect();
        let permitted = permitted(&Host::parse(host).unwrap(), found, private).unwrap_or_default();
        permitted.into_iter().map(|address| address.ip().to_string()).collect()
    }

    #[test]
    fn a_name_leads_to_private_addresses_where_it_may_and_never_to_the_own_machine() {
        let found = ["1.1.1.1", "10.0.0.1", "169.254.169.254", "fe80::1", "fd00:ec2::254"];
        assert_eq!(reached("api.example.com", &found, false), ["1.1.1.1"]);
        assert_eq!(reached("api.example.com", &found, true), ["1.1.1.1", "10.0.0.1"]);
        assert_eq!(reached("metadata.google.internal", &["169.254.169.254"], true), [""; 0]);
        assert_eq!(reached("169.254.1.1", &["169.254.1.1"], true), ["169.254.1.1"]);
        assert_eq!(reached("169.254.1.1", &["169.254.1.1"], false), [""; 0]);
    }

    #[test]
    fn a_name_that_is_bound_anew_is_judged_anew() {
        // the address that was judged is the one that is connected to: nothing is looked up in between
        let answers: [(&[&str], &[&str]); 4] = [
            (&["1.1.1.1"], &["1.1.1.1"]),
            (&["127.0.0.1"], &[]),
            (&["::ffff:169.254.169.254", "1.1.1.1"], &["1.1.1.1"]),
            (&["0.0.0.0", "::1", "fd00:ec2::254"], &[]),
        ];
        for (found, judged) in answers {
            assert_eq!(reached("rebound.example.com", found, false), judged, "{found:?}");
        }
    }
}
