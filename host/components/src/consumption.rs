//! What components take of the machine, added up over all sessions of one id: for whoever watches the
//! host. What a session may take is decided elsewhere (`store`, `allowance`).

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What one component has taken so far, and holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Consumed {
    /// of all its sessions since the start
    pub cpu: Duration,
    /// linear memory of the sessions that live, in bytes
    pub memory: u64,
    /// sessions that live
    pub sessions: u64,
}

/// Of all components, by id.
#[derive(Debug, Default)]
pub(crate) struct Consumption(Mutex<BTreeMap<String, Arc<Account>>>);

#[derive(Debug, Default)]
pub(crate) struct Account {
    cpu_nanoseconds: AtomicU64,
    memory: AtomicU64,
    sessions: AtomicU64,
}

impl Consumption {
    /// A generation that replaces another one of its id goes on with its account.
    pub(crate) fn account(&self, component: &str) -> Arc<Account> {
        let mut accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.entry(component.to_owned()).or_default().clone()
    }

    pub(crate) fn consumed(&self) -> Vec<(String, Consumed)> {
        let accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.iter().map(|(component, account)| (component.clone(), account.consumed())).collect()
    }
}

impl Account {
    fn consumed(&self) -> Consumed {
        Consumed {
            cpu: Duration::from_nanos(self.cpu_nanoseconds.load(Ordering::Relaxed)),
            memory: self.memory.load(Ordering::Relaxed),
            sessions: self.sessions.load(Ordering::Relaxed),
        }
    }
}

/// What a session tells its component's account about at once is not worth less than this: a recogniser
/// is called fifty times a second.
const WORTH_TELLING: Duration = Duration::from_millis(5);

/// One session's part. What it holds is given back when it is dropped.
pub(crate) struct Share {
    account: Arc<Account>,
    untold: Duration,
    memory: u64,
}

impl Share {
    pub(crate) fn new(account: Arc<Account>) -> Self {
        account.sessions.fetch_add(1, Ordering::Relaxed);
        Self { account, untold: Duration::ZERO, memory: 0 }
    }

    pub(crate) fn computed(&mut self, time: Duration) {
        self.untold += time;
        if self.untold >= WORTH_TELLING {
            self.tell();
        }
    }

    pub(crate) fn grew(&mut self, bytes: u64) {
        self.memory += bytes;
        self.account.memory.fetch_add(bytes, Ordering::Relaxed);
    }

    fn tell(&mut self) {
        let nanoseconds = u64::try_from(std::mem::take(&mut self.untold).as_nanos()).unwrap_or_default();
        self.account.cpu_nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.tell();
        self.account.memory.fetch_sub(self.memory, Ordering::Relaxed);
        self.account.sessions.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sessions_computed_stays_and_what_they_held_goes_with_them() {
        let consumption = Consumption::default();
        let open = || Share::new(consumption.account("openai-llm"));
        let consumed = || consumption.consumed()[0].1;
        let (mut one, mut other) = (open(), open());
        one.grew(1000);
        other.grew(500);
        one.computed(Duration::from_millis(7));
        // too little to be told before it ends
        other.computed(Duration::from_millis(1));
        let ms = Duration::from_millis;
        assert_eq!(consumed(), Consumed { cpu: ms(7), memory: 1500, sessions: 2 });
        drop(other);
        assert_eq!(consumed(), Consumed { cpu: ms(8), memory: 1000, sessions: 1 });
        drop(one);
        assert_eq!(consumed(), Consumed { cpu: ms(8), memory: 0, sessions: 0 });
    }
}
