//! The headers that a component sets, and those that it sees.

use super::scrub::Scrubber;
use call::net::{Failure, Fault, Header};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, USER_AGENT};

/// Headers that a component sets for one request.
const MOST_HEADERS: usize = 128;

/// Headers that a component may set, as they go out: without those that steer the connection, and
/// with the secrets in place of what it set under their names.
pub(super) fn headers(
    set: &[Header],
    injected: &[(&HeaderName, &HeaderValue)],
) -> Result<HeaderMap, Failure> {
    if set.len() > MOST_HEADERS {
        let message = format!("{} headers, and a request may have {MOST_HEADERS}", set.len());
        return Err(Failure::new(Fault::TooLarge, message));
    }
    let mut headers = HeaderMap::new();
    headers.insert(USER_AGENT, HeaderValue::from_static("cordboard"));
    for Header { name, value } in set {
        let wrong = || Failure::new(Fault::Protocol, format!("{name:?} is no header"));
        let name = HeaderName::try_from(name.as_str()).map_err(|_| wrong())?;
        let value = HeaderValue::try_from(value.as_str()).map_err(|_| wrong())?;
        if !steers(&name) && !injected.iter().any(|(own, _)| is_read_as(&name, own)) {
            headers.append(name, value);
        }
    }
    for (name, value) in injected {
        headers.insert(*name, (*value).clone());
    }
    Ok(headers)
}

/// Whether a server may take one header for the other: many make the same of `_` and of `-`.
fn is_read_as(name: &HeaderName, other: &HeaderName) -> bool {
    plain(name) == plain(other)
}

fn plain(name: &HeaderName) -> String {
    name.as_str().replace('_', "-")
}

/// Whether a header decides where a request goes, how it is read, or which bytes come back: a
/// component must not say.
pub(crate) fn steers(name: &HeaderName) -> bool {
    const STEERING: [&str; 11] = [
        "host",
        "connection",
        "upgrade",
        "content-length",
        "transfer-encoding",
        "te",
        "trailer",
        "expect",
        // a secret that comes back compressed or in parts is not found
        "accept-encoding",
        "range",
        "if-range",
    ];
    let name = &*plain(name);
    STEERING.contains(&name) || name.starts_with("sec-websocket-") || name.starts_with("proxy-")
}

/// The headers of a response, as a component sees them.
pub(super) fn seen(headers: &HeaderMap, scrubber: &Scrubber) -> Vec<Header> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers
        .iter()
        .map(|(name, value)| Header { name: name.to_string(), value: scrubber.text(text(value)) })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(name: &str, value: &str) -> Vec<(String, String)> {
        let (own, key) = (HeaderName::from_static("x-api-key"), HeaderValue::from_static("the key"));
        let set = [Header { name: name.into(), value: value.into() }];
        let sent = headers(&set, &[(&own, &key)]).unwrap();
        let text = |value: &HeaderValue| value.to_str().unwrap().to_owned();
        let mut sent: Vec<_> = sent.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        sent.retain(|(name, _)| name != "user-agent");
        sent
    }

    #[test]
    fn what_a_server_may_take_for_the_hosts_own_header_is_dropped() {
        let key = || vec![("x-api-key".to_owned(), "the key".to_owned())];
        for name in
            ["x-api-key", "X-Api-Key", "x_api_key", "X_API-KEY", "content_length", "Transfer_Encoding"]
        {
            assert_eq!(sent(name, "mine"), key(), "{name}");
        }
        let mut sent = sent("x-api-version", "2");
        sent.sort();
        assert_eq!(sent, [key().remove(0), ("x-api-version".into(), "2".into())]);
    }
}
