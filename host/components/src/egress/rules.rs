//! Which addresses may be reached, and what is added on the way.

use crate::secret::Secret;
use reqwest::header::{HeaderName, HeaderValue};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use url::{Host, Url};

/// Everything at or below one URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Prefix {
    secure: bool,
    host: Host<String>,
    port: u16,
    /// without a slash at its end
    path: String,
    private: bool,
}

/// Where a session may connect to, and with which secrets.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    allowed: Vec<Prefix>,
    injections: Vec<Injection>,
}

#[derive(Clone)]
struct Injection {
    at: Prefix,
    header: HeaderName,
    value: HeaderValue,
    secret: Secret,
}

impl std::fmt::Debug for Injection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a secret into {} below {:?}", self.header, self.at)
    }
}

/// A connection that may be made.
#[derive(Debug)]
pub(crate) struct Allowed<'a> {
    /// with http or https
    pub(crate) url: Url,
    pub(crate) host: Host<String>,
    pub(crate) port: u16,
    /// it may lead to a private address
    pub(crate) private: bool,
    /// to be set, in place of what the component set under these names
    pub(crate) headers: Vec<(&'a HeaderName, &'a HeaderValue)>,
}

impl Prefix {
    /// None: not a URL with http, https, ws or wss and a host.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let url = http_url(text)?;
        let path = url.path().trim_end_matches('/').to_owned();
        Some(Self {
            secure: url.scheme() == "https",
            host: url.host()?.to_owned(),
            port: url.port_or_known_default()?,
            path,
            private: false,
        })
    }

    /// Whether it may lead to a private address: the operator wants that.
    pub(crate) fn private(self, private: bool) -> Self {
        Self { private, ..self }
    }

    pub(crate) fn may_be_private(&self) -> bool {
        self.private
    }

    /// Whether it says by itself that it may be private: a number, or a name that the public DNS
    /// does not have. Any other name may lead into the own network without anybody having meant it.
    pub(crate) fn is_local(&self) -> bool {
        // RFC 6761, RFC 6762, ICANN's resolution of 2024-07-29, RFC 8375; and what routers give out
        const ZONES: [&str; 5] = [".localhost", ".local", ".internal", ".home.arpa", ".lan"];
        match &self.host {
            Host::Domain(name) => {
                let name = name.trim_end_matches('.');
                !name.contains('.') || ZONES.iter().any(|zone| name.ends_with(zone))
            }
            Host::Ipv4(_) | Host::Ipv6(_) => true,
        }
    }

    /// Everything on the same server.
    pub(crate) fn server(&self) -> Self {
        Self { path: String::new(), private: false, ..self.clone() }
    }

    /// What lies at or below both.
    pub(crate) fn common(&self, other: &Self) -> Option<Self> {
        if self.covers(other) { Some(other.clone()) } else { other.covers(self).then(|| self.clone()) }
    }

    /// Whether everything at or below `other` is at or below this.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        let below = other.path.strip_prefix(&self.path);
        (self.secure, &self.host, self.port) == (other.secure, &other.host, other.port)
            && below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, usual) = if self.secure { ("https", 443) } else { ("http", 80) };
        write!(f, "{scheme}://{}", self.host)?;
        if self.port != usual {
            write!(f, ":{}", self.port)?;
        }
        f.write_str(&self.path)
    }
}

impl Rules {
    /// What may be reached: everything at or below these.
    pub(crate) fn reaches(&self) -> impl Iterator<Item = &Prefix> {
        self.allowed.iter()
    }

    pub(crate) fn allow(&mut self, prefix: Prefix) {
        self.allowed.push(prefix);
    }

    /// Adds the secret to what goes to `at`. A secret that cannot stand in a header is left out,
    /// and the vendor will say that it is missing.
    pub(crate) fn inject(&mut self, at: Prefix, header: &str, format: &str, secret: Secret) {
        let value = HeaderValue::try_from(format.replace("{}", secret.expose()));
        if let (Ok(header), Ok(mut value)) = (HeaderName::try_from(header), value) {
            value.set_sensitive(true);
            self.injections.push(Injection { at, header, value, secret });
        }
    }

    /// Whether this may be reached; if not, why.
    pub(crate) fn check(&self, url: &str) -> Result<Allowed<'_>, String> {
        let target = Prefix::parse(url).zip(http_url(url));
        let Some((target, url)) = target else {
            // a query may hold what the caller said
            let shown = url.split(['?', '#']).next().unwrap_or_default();
            return Err(format!("{shown:?} is not a URL with http, https, ws or wss"));
        };
        if is_ambiguous(url.path()) {
            return Err(format!(
                "{} is not granted: servers read such a path differently",
                without_query(&url)
            ));
        }
        let covering: Vec<&Prefix> = self.allowed.iter().filter(|allowed| allowed.covers(&target)).collect();
        if covering.is_empty() {
            return Err(format!("{} is not granted", without_query(&url)));
        }
        let injections = self.injections.iter().filter(|injection| injection.at.covers(&target));
        Ok(Allowed {
            private: covering.iter().any(|prefix| prefix.private),
            headers: injections.map(|injection| (&injection.header, &injection.value)).collect(),
            host: target.host,
            port: target.port,
            url,
        })
    }

    /// What must not come back, from wherever.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &Secret> {
        self.injections.iter().map(|injection| &injection.secret)
    }
}

/// With ws and wss as http and https, which is what they begin as.
fn http_url(text: &str) -> Option<Url> {
    let text = match text.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("ws") => format!("http://{rest}"),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("wss") => format!("https://{rest}"),
        _ => text.to_owned(),
    };
    let url = Url::parse(&text).ok()?;
    let plain = url.username().is_empty() && url.password().is_none();
    (matches!(url.scheme(), "http" | "https") && plain && url.has_host()).then_some(url)
}

/// Whether a server might find another path in it than is compared here: a separator in disguise,
/// or a way up with something behind it (`..;`).
fn is_ambiguous(path: &str) -> bool {
    let path = path.to_ascii_lowercase().replace("%2e", ".");
    path.contains("%2f") || path.contains("%5c") || path.split('/').any(|segment| segment.starts_with(".."))
}

/// A query may hold what the caller said.
fn without_query(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    url.into()
}

/// Whether an address belongs to the public internet. Everything that routes back into the
/// operator's own network does not, also where it is wrapped in another kind of address.
///
/// Source: IANA's special-purpose address registries for IPv4 and IPv6.
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(v4: Ipv4Addr) -> bool {
    let [a, b, c, _] = v4.octets();
    !(v4.is_private()
        || v4.is_loopback()
        || v4.is_link_local()
        || v4.is_multicast()
        || v4.is_broadcast()
        || v4.is_documentation()
        || a == 0
        || a >= 240
        // shared by carriers; protocol assignments; benchmarks; the old relay for 6to4
        || (a == 100 && (64..128).contains(&b))
        || (a, b, c) == (192, 0, 0)
        || (a == 198 && (18..20).contains(&b))
        || (a, b, c) == (192, 88, 99))
}

fn is_public_v6(v6: Ipv6Addr) -> bool {
    if let Some(v4) = inner(v6) {
        // what translates locally, and what is only compatible, is nobody's public address
        return !matches!(v6.segments(), [0, 0, 0, 0, 0, 0, ..] | [0x64, 0xFF9B, 1, ..]) && is_public_v4(v4);
    }
    match v6.segments() {
        // global unicast, without documentation, benchmarks and Teredo
        [0x2001, 0xDB8, ..] | [0x2001, 0..=0x1FF, ..] | [0x3FFF, 0..=0xFFF, ..] => false,
        [first, ..] => (0x2000..=0x3FFF).contains(&first),
    }
}

/// The IPv4 address that lies in an IPv6 one: mapped, compatible, translated (both prefixes), 6to4.
fn inner(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let (high, low) = match v6.segments() {
        [0, 0, 0, 0, 0, 0 | 0xFFFF, high, low] => (high, low),
        [0x64, 0xFF9B, 0, 0, 0, 0, high, low] | [0x64, 0xFF9B, 1, _, _, _, high, low] => (high, low),
        [0x2002, high, low, ..] => (high, low),
        _ => return None,
    };
    let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
    Some(Ipv4Addr::new(a, b, c, d))
}

/// Whether an address reaches something that answers only to its own machine, as clouds' metadata
/// services do: no name leads there.
pub(crate) fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_link_local_v4(v4),
        IpAddr::V6(v6) => match (inner(v6), v6.segments()) {
            (Some(v4), _) => is_link_local_v4(v4),
            // AWS has its metadata there too
            (None, [first, second, ..]) => first & 0xFFC0 == 0xFE80 || (first, second) == (0xFD00, 0xEC2),
        },
    }
}

fn is_link_local_v4(v4: Ipv4Addr) -> bool {
    // Alibaba and Oracle have their metadata there
    v4.is_link_local() || matches!(v4.octets(), [100, 100, 100, 200] | [192, 0, 0, 192])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_known_in_every_dress() {
        for address in [
            "127.0.0.1",
            "127.9.9.9",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "192.0.0.8",
            "203.0.113.5",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "fe80::1",
            "fc00::1",
            "fd12:3456::1",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
        for address in
            ["1.1.1.1", "8.8.8.8", "172.32.0.1", "2606:4700::1111", "::ffff:1.1.1.1", "2002:101:101::"]
        {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn other_ways_to_write_a_private_address_are_the_same_address() {
        for url in ["http://2130706433/", "http://0x7f.1/", "http://0177.0.0.1/", "http://127.1/"] {
            let Prefix { host, .. } = Prefix::parse(url).unwrap();
            assert_eq!(host, Host::<String>::Ipv4(Ipv4Addr::LOCALHOST), "{url}");
        }
    }

    #[test]
    fn addresses_of_the_own_machine_are_known_in_every_dress() {
        for address in [
            "169.254.169.254",
            "100.100.100.200",
            "fe80::1",
            "febf::1",
            "fd00:ec2::254",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::",
        ] {
            assert!(is_link_local(address.parse().unwrap()), "{address}");
        }
        for address in ["127.0.0.1", "10.0.0.1", "::1", "fd00::1", "fec0::1", "1.1.1.1"] {
            assert!(!is_link_local(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn what_says_by_itself_that_it_is_private() {
        for host in [
            "10.0.0.1",
            "[fd00::1]",
            "localhost",
            "LOCALHOST.",
            "ollama",
            "api.localhost",
            "nas.local",
            "llm.corp.internal",
            "router.lan",
            "nas.home.arpa",
        ] {
            assert!(Prefix::parse(&format!("http://{host}/v1")).unwrap().is_local(), "{host}");
        }
        for host in ["api.example.com", "notlocal.example", "localhost.example.com", "xlocal.net", "arpa.com"]
        {
            assert!(!Prefix::parse(&format!("http://{host}/v1")).unwrap().is_local(), "{host}");
        }
    }

    #[test]
    fn a_path_that_a_server_may_read_as_another_is_not_reached() {
        let mut rules = Rules::default();
        rules.allow(Prefix::parse("https://api.example.com/v1").unwrap());
        assert!(rules.check("https://api.example.com/v1/a.b/.c/d..e").is_ok());
        for path in [
            "..%2fadmin",
            "..%2Fadmin",
            "x%5c..%5cadmin",
            "x%5Cadmin",
            "..;/admin",
            "%2e%2e;x/admin",
            ".%2E;/admin",
            "...",
            "x/..%00/admin",
        ] {
            assert!(rules.check(&format!("https://api.example.com/v1/{path}")).is_err(), "{path}");
        }
    }
}
