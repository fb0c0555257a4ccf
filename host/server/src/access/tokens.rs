//! Tokens that admit one socket each: what stands in the path of a stream's URL.
//!
//! A token is an HMAC-SHA256 over the call, the route and its expiry, with a secret that all nodes
//! share; so any node can admit a socket that another has announced. It is good once: that it was
//! used is kept until it would have expired, here by the node that took it, and by the registry that
//! nodes share (`nodes/`).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// Twilio opens the stream at once; a slow network may take a while.
pub const GOOD_FOR: Duration = Duration::from_secs(60);
/// No token of ours is longer.
const LONGEST: usize = 400;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("this is no token of ours; a stream's address is used as it stands in the TwiML")]
    Wrong,
    #[error("this token has expired; the stream has to be opened within a minute after the TwiML")]
    Expired,
    #[error("this token was used before; one token admits one stream")]
    Used,
}

pub struct Tokens {
    keyed: Hmac<Sha256>,
    /// the number of the next
    issued: AtomicU64,
    /// what was used, and when it can be forgotten: seconds since 1970
    used: Mutex<BTreeMap<String, u64>>,
}

/// What a token says.
struct Claim {
    call: String,
    /// tells it from another of the same call
    number: u64,
    /// seconds since 1970
    expiry: u64,
}

impl Tokens {
    pub fn new(secret: &[u8]) -> Option<Self> {
        let keyed = <Hmac<Sha256> as KeyInit>::new_from_slice(secret).ok()?;
        let issued = AtomicU64::new(RandomState::new().hash_one(now()));
        Some(Self { keyed, issued, used: Mutex::default() })
    }

    /// For a stream of this call on this route. No two of them are the same.
    pub fn issue(&self, call: &str, route: &str) -> String {
        // a node that was started anew in the same second counts from elsewhere
        let number = self.issued.fetch_add(1, Ordering::Relaxed);
        self.write(&Claim { call: call.to_owned(), number, expiry: now() + GOOD_FOR.as_secs() }, route)
    }

    fn write(&self, claim: &Claim, route: &str) -> String {
        let mac = self.mac(claim, route).finalize().into_bytes();
        let Claim { call, number, expiry } = claim;
        // a dot is in neither alphabet
        format!("{expiry:x}.{number:x}.{}.{}", URL_SAFE_NO_PAD.encode(call), URL_SAFE_NO_PAD.encode(mac))
    }

    /// The call that this token was made for. It cannot be used again.
    pub fn redeem(&self, token: &str, route: &str) -> Result<String, TokenError> {
        let now = now();
        let Claim { call, expiry, .. } = self.check(token, route).ok_or(TokenError::Wrong)?;
        if expiry < now {
            return Err(TokenError::Expired);
        }
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.retain(|_, expiry| *expiry >= now);
        match used.insert(token.to_owned(), expiry) {
            None => Ok(call),
            Some(_) => Err(TokenError::Used),
        }
    }

    /// The call that a token is for, without using it.
    pub fn call_of(&self, token: &str, route: &str) -> Option<String> {
        self.check(token, route).filter(|claim| claim.expiry >= now()).map(|claim| claim.call)
    }

    fn check(&self, token: &str, route: &str) -> Option<Claim> {
        let mut parts = token.get(..token.len().min(LONGEST)).filter(|_| token.len() <= LONGEST)?.split('.');
        let (expiry, number) = (parts.next()?, parts.next()?);
        let (call, mac) = (parts.next()?, parts.next().filter(|_| parts.next().is_none())?);
        let (expiry, number) = (u64::from_str_radix(expiry, 16).ok()?, u64::from_str_radix(number, 16).ok()?);
        let call = String::from_utf8(URL_SAFE_NO_PAD.decode(call).ok()?).ok()?;
        let mac = URL_SAFE_NO_PAD.decode(mac).ok()?;
        let claim = Claim { call, number, expiry };
        // compares in constant time
        self.mac(&claim, route).verify_slice(&mac).ok()?;
        // written in one way only, or it could be used twice
        (self.write(&claim, route) == token).then_some(claim)
    }

    fn mac(&self, Claim { call, number, expiry }: &Claim, route: &str) -> Hmac<Sha256> {
        // lengths first: no two of them read the same
        let text =
            format!("cordboard stream {}:{route} {}:{call} {number} {expiry}", route.len(), call.len());
        self.keyed.clone().chain_update(text)
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_admits_its_own_call_on_its_own_route_once() {
        let tokens = Tokens::new(b"secret").unwrap();
        let token = tokens.issue("CA1", "/ws");
        assert_eq!(tokens.redeem(&token, "/media"), Err(TokenError::Wrong));
        assert_eq!(tokens.redeem(&token, "/ws").unwrap(), "CA1");
        assert_eq!(tokens.redeem(&token, "/ws"), Err(TokenError::Used));
        // a line that is lost at once has another one in the same second
        assert!(tokens.redeem(&tokens.issue("CA1", "/ws"), "/ws").is_ok());
    }

    #[test]
    fn a_token_that_was_changed_or_made_elsewhere_or_is_old_admits_nobody() {
        let tokens = Tokens::new(b"secret").unwrap();
        let other = Tokens::new(b"another").unwrap().issue("CA1", "/ws");
        assert_eq!(tokens.redeem(&other, "/ws"), Err(TokenError::Wrong));
        let old = tokens.write(&Claim { call: "CA1".into(), number: 1, expiry: now() - 1 }, "/ws");
        assert_eq!(tokens.redeem(&old, "/ws"), Err(TokenError::Expired));
        let good = tokens.issue("CA1", "/ws");
        let (expiry, rest) = good.split_once('.').unwrap();
        for wrong in [
            format!("{expiry}0.{rest}"),
            format!("0{good}"),
            format!("{}.{rest}", expiry.to_uppercase() + "A"),
            good.replace('.', ""),
            format!("{good}."),
            format!("{good}="),
            "x".repeat(10_000),
            String::new(),
            "..".into(),
        ] {
            assert_eq!(tokens.redeem(&wrong, "/ws"), Err(TokenError::Wrong), "{wrong:?}");
        }
        assert_eq!(tokens.redeem(&good, "/ws").unwrap(), "CA1");
    }
}
