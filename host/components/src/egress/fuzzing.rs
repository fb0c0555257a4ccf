//! What decides where a component may go, for `host/fuzz`: plain texts in and out, nothing is sent.

use super::headers::headers as set;
use super::scrub::Scrubber;
use super::{Prefix, Rules};
use crate::secret::Secret;
use call::net::Header;
use reqwest::header::{HeaderName, HeaderValue};

/// Where a request to `url` goes if these are allowed; or why it does not. None: one of those that are
/// allowed is no URL.
pub fn reaches(allowed: &[&str], url: &str) -> Option<Result<String, String>> {
    let mut rules = Rules::default();
    for prefix in allowed {
        rules.allow(Prefix::parse(prefix)?);
    }
    Some(rules.check(url).map(|allowed| allowed.url.into()))
}

/// The headers that go out for those that a component set, with one of ours among them.
pub fn headers(given: &[Header], ours: (&str, &str)) -> Result<Vec<(String, Vec<u8>)>, String> {
    let name = HeaderName::try_from(ours.0).map_err(|e| e.to_string())?;
    let value = HeaderValue::try_from(ours.1).map_err(|e| e.to_string())?;
    let map = set(given, &[(&name, &value)]).map_err(|failure| failure.message)?;
    Ok(map.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect())
}

/// What is left of a body that comes in these pieces, in the pieces in which it is given on.
pub fn scrubbed(secrets: &[&str], pieces: &[&[u8]]) -> Vec<Vec<u8>> {
    let secrets: Vec<Secret> = secrets.iter().map(|secret| Secret::new(*secret)).collect();
    let scrubber = Scrubber::new(&secrets);
    let mut stream = scrubber.stream();
    let mut given: Vec<Vec<u8>> = pieces.iter().map(|piece| stream.push(piece)).collect();
    given.push(stream.finish());
    given
}
