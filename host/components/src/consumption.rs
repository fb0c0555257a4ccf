//! What components take of the machine, added up over all sessions of one id: of the whole host, for
//! whoever watches it, and of each call, for who asks what it took. What a session may take is decided
//! elsewhere (`store`, `allowance`).

use crate::session::Fault;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What one component has taken so far, and holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consumed {
    /// of all its sessions since the start
    pub cpu: Duration,
    /// linear memory of the sessions that live, in bytes
    pub memory: u64,
    /// the most that it was at any moment
    pub most_memory: u64,
    /// sessions that live
    pub sessions: u64,
    /// sessions that were ever opened
    pub opened: u64,
    /// calls into it
    pub entries: u64,
    /// what it gave back: effects, or a persona's actions
    pub effects: u64,
    /// what it was told and what it gave, in bytes: sound, frames, requests and their responses, text
    pub bytes_in: u64,
    pub bytes_out: u64,
    /// sessions that were ended for what they did: trapped, took too much, wanted what they must not
    pub faults: u64,
    /// sessions that refused to begin
    pub refusals: u64,
    /// what the last of both was
    pub last_fault: Option<String>,
}

/// Of all components, by id.
#[derive(Debug, Default)]
pub(crate) struct Consumption(Mutex<BTreeMap<String, Arc<Account>>>);

#[derive(Debug, Default)]
pub(crate) struct Account {
    cpu_nanoseconds: AtomicU64,
    memory: AtomicU64,
    most_memory: AtomicU64,
    sessions: AtomicU64,
    opened: AtomicU64,
    entries: AtomicU64,
    effects: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    faults: AtomicU64,
    refusals: AtomicU64,
    last_fault: Mutex<Option<String>>,
}

impl Consumption {
    /// A generation that replaces another one of its id goes on with its account.
    pub(crate) fn account(&self, component: &str) -> Arc<Account> {
        let mut accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(account) = accounts.get(component) {
            return account.clone();
        }
        accounts.entry(component.to_owned()).or_default().clone()
    }

    pub(crate) fn consumed(&self) -> Vec<(String, Consumed)> {
        let accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.iter().map(|(component, account)| (component.clone(), account.consumed())).collect()
    }

    pub(crate) fn consumed_by(&self, component: &str) -> Consumed {
        let accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.get(component).map(|account| account.consumed()).unwrap_or_default()
    }
}

impl Account {
    fn consumed(&self) -> Consumed {
        let read = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        Consumed {
            cpu: Duration::from_nanos(read(&self.cpu_nanoseconds)),
            memory: read(&self.memory),
            most_memory: read(&self.most_memory),
            sessions: read(&self.sessions),
            opened: read(&self.opened),
            entries: read(&self.entries),
            effects: read(&self.effects),
            bytes_in: read(&self.bytes_in),
            bytes_out: read(&self.bytes_out),
            faults: read(&self.faults),
            refusals: read(&self.refusals),
            last_fault: self.last_fault.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    fn open(&self) {
        add(&self.sessions, 1);
        add(&self.opened, 1);
    }

    fn grew(&self, bytes: u64) {
        let before = self.memory.fetch_add(bytes, Ordering::Relaxed);
        self.most_memory.fetch_max(before.saturating_add(bytes), Ordering::Relaxed);
    }

    fn told(&self, untold: &Untold) {
        add(&self.cpu_nanoseconds, u64::try_from(untold.cpu.as_nanos()).unwrap_or_default());
        add(&self.entries, untold.entries);
        add(&self.effects, untold.effects);
        add(&self.bytes_in, untold.bytes_in);
        add(&self.bytes_out, untold.bytes_out);
    }

    fn faulted(&self, fault: &Fault) {
        let counter = if let Fault::Refused(_) = fault { &self.refusals } else { &self.faults };
        add(counter, 1);
        *self.last_fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(fault.to_string());
    }

    fn close(&self, memory: u64) {
        self.memory.fetch_sub(memory, Ordering::Relaxed);
        self.sessions.fetch_sub(1, Ordering::Relaxed);
    }
}

fn add(figure: &AtomicU64, more: u64) {
    figure.fetch_add(more, Ordering::Relaxed);
}

/// What a session tells its accounts about at once is not worth less than this, in time or in calls
/// into it: a recogniser is called fifty times a second.
const WORTH_TELLING: Duration = Duration::from_millis(5);
const ENTRIES_WORTH_TELLING: u64 = 50;

/// One session's part, in the account of its component and in what its call has of it. What it holds
/// is given back when it is dropped. What an instance took before it had a session is the session's.
pub(crate) struct Share {
    /// none: it has no session yet
    accounts: Option<[Arc<Account>; 2]>,
    untold: Untold,
    memory: u64,
}

#[derive(Default)]
struct Untold {
    cpu: Duration,
    entries: u64,
    effects: u64,
    bytes_in: u64,
    bytes_out: u64,
}

impl Share {
    pub(crate) fn of_nobody() -> Self {
        Self { accounts: None, untold: Untold::default(), memory: 0 }
    }

    /// Its session begins. `accounts`: the component's with the host, and with the call.
    pub(crate) fn begin(&mut self, accounts: [Arc<Account>; 2]) {
        for account in &accounts {
            account.open();
            account.grew(self.memory);
        }
        self.accounts = Some(accounts);
    }

    /// One call into it is over.
    pub(crate) fn computed(&mut self, time: Duration) {
        self.untold.cpu += time;
        self.untold.entries += 1;
        if self.untold.cpu >= WORTH_TELLING || self.untold.entries >= ENTRIES_WORTH_TELLING {
            self.tell();
        }
    }

    pub(crate) fn gave(&mut self, effects: usize) {
        self.untold.effects += effects as u64;
    }

    pub(crate) fn takes(&mut self, bytes: usize) {
        self.untold.bytes_in = self.untold.bytes_in.saturating_add(bytes as u64);
    }

    pub(crate) fn gives(&mut self, bytes: usize) {
        self.untold.bytes_out = self.untold.bytes_out.saturating_add(bytes as u64);
    }

    pub(crate) fn grew(&mut self, bytes: u64) {
        self.memory += bytes;
        self.accounts().for_each(|account| account.grew(bytes));
    }

    /// It is not called any more.
    pub(crate) fn faulted(&mut self, fault: &Fault) {
        self.tell();
        self.accounts().for_each(|account| account.faulted(fault));
    }

    fn tell(&mut self) {
        let untold = std::mem::take(&mut self.untold);
        self.accounts().for_each(|account| account.told(&untold));
    }

    fn accounts(&self) -> impl Iterator<Item = &Arc<Account>> {
        self.accounts.iter().flatten()
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.tell();
        self.accounts().for_each(|account| account.close(self.memory));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use call::{Cause, Failure};

    /// A host with one component, and the calls that use it.
    #[derive(Default)]
    struct Bench {
        host: Consumption,
        calls: [Consumption; 2],
    }

    impl Bench {
        fn open(&self, call: usize) -> Share {
            let mut share = Share::of_nobody();
            share.begin([self.host.account("openai-llm"), self.calls[call].account("openai-llm")]);
            share
        }

        fn host(&self) -> Consumed {
            self.host.consumed_by("openai-llm")
        }

        fn call(&self, call: usize) -> Consumed {
            self.calls[call].consumed_by("openai-llm")
        }
    }

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn what_sessions_computed_stays_and_what_they_held_goes_with_them() {
        let bench = Bench::default();
        let (mut one, mut other) = (bench.open(0), bench.open(1));
        one.grew(1000);
        other.grew(500);
        one.computed(ms(7));
        // too little to be told before it ends
        other.computed(ms(1));
        let held = |consumed: Consumed| (consumed.cpu, consumed.memory, consumed.sessions);
        assert_eq!(held(bench.host()), (ms(7), 1500, 2));
        drop(other);
        assert_eq!(held(bench.host()), (ms(8), 1000, 1));
        drop(one);
        assert_eq!(held(bench.host()), (ms(8), 0, 0));
        assert_eq!((bench.host().opened, bench.host().most_memory), (2, 1500));
    }

    #[test]
    fn what_was_taken_before_there_was_a_session_is_the_sessions() {
        let bench = Bench::default();
        let mut share = Share::of_nobody();
        share.grew(1000);
        assert_eq!((bench.host().memory, bench.host().sessions), (0, 0));
        share.begin([bench.host.account("openai-llm"), bench.calls[1].account("openai-llm")]);
        for consumed in [bench.host(), bench.call(1)] {
            assert_eq!((consumed.memory, consumed.most_memory, consumed.sessions), (1000, 1000, 1));
        }
        drop(share);
        assert_eq!((bench.host().memory, bench.host().sessions, bench.host().opened), (0, 0, 1));
        // of one that is never used nobody hears
        drop(Share::of_nobody());
        assert_eq!(bench.host().opened, 1);
    }

    #[test]
    fn a_call_knows_what_it_took_of_a_component_and_the_host_what_all_of_them_did() {
        let bench = Bench::default();
        for (call, effects) in [(0, 3), (1, 40), (0, 5)] {
            let mut session = bench.open(call);
            session.grew(100);
            session.takes(10);
            session.gives(20);
            session.gave(effects);
            session.computed(ms(2));
        }
        let figures = |consumed: Consumed| {
            (consumed.cpu, consumed.entries, consumed.effects, consumed.bytes_in, consumed.bytes_out)
        };
        assert_eq!(figures(bench.call(0)), (ms(4), 2, 8, 20, 40));
        assert_eq!(figures(bench.call(1)), (ms(2), 1, 40, 10, 20));
        assert_eq!(figures(bench.host()), (ms(6), 3, 48, 30, 60));
        // one after the other: never more than one session's
        assert_eq!((bench.call(0).memory, bench.call(0).most_memory), (0, 100));
    }

    #[test]
    fn a_session_that_is_called_often_and_briefly_does_not_keep_it_to_itself() {
        let bench = Bench::default();
        let mut session = bench.open(0);
        for _ in 0..ENTRIES_WORTH_TELLING {
            session.gave(1);
            session.computed(Duration::from_micros(1));
        }
        assert_eq!((bench.call(0).entries, bench.call(0).effects), (50, 50));
    }

    #[test]
    fn who_breaks_and_who_refuses_are_told_apart_and_the_last_reason_is_kept() {
        let bench = Bench::default();
        bench.open(0).faulted(&Fault::Trapped("unreachable".into()));
        assert_eq!((bench.host().faults, bench.host().refusals), (1, 0));
        assert_eq!(bench.host().last_fault.as_deref(), Some("it trapped: unreachable"));
        let refused = Failure::new(Cause::Misconfigured, "no such voice");
        bench.open(1).faulted(&Fault::Refused(refused));
        assert_eq!((bench.host().faults, bench.host().refusals), (1, 1));
        assert!(bench.host().last_fault.unwrap().contains("no such voice"));
        assert_eq!(bench.call(0).last_fault.as_deref(), Some("it trapped: unreachable"));
    }
}
