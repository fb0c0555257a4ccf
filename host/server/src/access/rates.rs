//! How often one client may ask one route.

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// After so many requests, clients that were not seen for a while are forgotten.
const TIDY_EVERY: u32 = 1024;

/// The limit holds for each pair of client and route.
pub struct Rates {
    limiter: DefaultKeyedRateLimiter<(IpAddr, u64)>,
    routes: RandomState,
    asked: AtomicU32,
}

impl Rates {
    pub fn per_minute(most: u32) -> Self {
        let most = NonZeroU32::new(most).unwrap_or(NonZeroU32::MIN);
        let limiter = RateLimiter::keyed(Quota::per_minute(most));
        Self { limiter, routes: RandomState::new(), asked: AtomicU32::new(0) }
    }

    /// Counts a request; an error: too many, and how long to wait.
    pub fn check(&self, client: IpAddr, route: &str) -> Result<(), Duration> {
        if self.asked.fetch_add(1, Ordering::Relaxed) % TIDY_EVERY == TIDY_EVERY - 1 {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
        }
        // an IPv6 client has a whole network of addresses
        let client = match client {
            IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) & !u128::from(u64::MAX)).into()),
            v4 => v4,
        };
        let checked = self.limiter.check_key(&(client, self.routes.hash_one(route)));
        checked.map_err(|until| until.wait_time_from(DefaultClock::default().now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_who_asks_too_often_waits_and_nobody_else_does() {
        let rates = Rates::per_minute(3);
        let (one, other) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        assert!((0..3).all(|_| rates.check(one, "/health").is_ok()));
        let wait = rates.check(one, "/health").unwrap_err();
        assert!(wait > Duration::ZERO && wait <= Duration::from_secs(20), "{wait:?}");
        assert!(rates.check(one, "/calls").is_ok());
        assert!(rates.check(other, "/health").is_ok());
        // one household of IPv6 is one client
        let (a, b) = ("2001:db8::1".parse().unwrap(), "2001:db8::2".parse().unwrap());
        assert!((0..3).all(|_| rates.check(a, "/health").is_ok()));
        assert!(rates.check(b, "/health").is_err());
    }
}
