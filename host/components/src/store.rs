//! What a component runs in: its memory, its time, and the few things it may ask of the host while
//! it runs.
//!
//! One [`Store`] for each session. It begins as nobody's: an instance is made in it, which may be long before
//! there is a call (`stock`), and sees nothing that differs from call to call. Then it becomes a session's.
//!
//! A call into a component is bounded by the CPU time it takes, not
//! by the clock on the wall: on a busy machine a thread that waits for a processor has done nothing
//! wrong. The engine's epoch ticks every ten milliseconds, and at each tick within a call the time
//! is read; so it is after each call, for what all of them take together.

use crate::allowance::Allowance;
use crate::consumption::{Account, Share};
use crate::contract::shared::log as wit_log;
use crate::manifest::Limits;
use crate::remark::one_line;
use crate::wasi::Stderr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasmtime::component::{HasData, ResourceTable};
use wasmtime::{Engine, ResourceLimiter, Store, UpdateDeadline};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

/// A call that has waited this much longer than it may work is ended too.
const WALL: u32 = 20;
/// Lines of log in one call into a component.
const MOST_LINES: u32 = 100;
/// And in many: one for so many milliseconds that go by, and so many to begin with.
const LINE_EVERY: u64 = 20;
const MOST_LINES_SAVED: u64 = 1000;
/// Streams and the like that a component may hold at once, of the host's and of its own.
const MOST_RESOURCES: usize = 1000;

/// Whose store it is, for the log.
#[derive(Clone, Debug)]
pub(crate) struct Owner {
    pub(crate) component: String,
    pub(crate) call: String,
}

/// What belongs to one store.
pub struct State {
    wasi: WasiCtx,
    table: ResourceTable,
    memory: Memory,
    log: Log,
    /// the moment of the call into the component
    at: u64,
    allowance: Allowance,
    /// none: it is not being called
    meter: Option<Meter>,
    /// what making it computed, which counts as part of the first call into it; none: it was called
    made: Option<Duration>,
}

/// What was read when a call into the component began.
struct Meter {
    cpu: Duration,
    wall: Instant,
    /// what was computed before, and counts
    before: Duration,
    /// what it may compute, so as not to take more than its share
    left: Duration,
}

struct Memory {
    limit: usize,
    share: Share,
}

/// Lines of the component, for the host's log.
pub(crate) struct Log {
    /// none: it is nobody's yet
    owner: Option<Owner>,
    /// lines from that time
    early: Vec<(wit_log::Level, String)>,
    /// of the call into it
    lines: u32,
    /// it was said that lines are cut
    cut: bool,
    /// lines that it may still write, as of the moment beside it
    left: u64,
    since: u64,
    pub(crate) stderr: Stderr,
}

#[derive(Debug, thiserror::Error)]
#[error("it wanted {wanted} bytes of memory, and may have {limit}")]
pub(crate) struct OverMemory {
    wanted: usize,
    limit: usize,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum OverTime {
    #[error("it computed for more than {} ms", .0.as_millis())]
    Call(Duration),
    #[error("it computed for more than a quarter of the time, call after call")]
    Share,
}

pub(crate) struct HasState;

impl HasData for HasState {
    type Data<'a> = &'a mut State;
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

/// The clock and the source of random numbers while an instance is made: the same for each, so that a session
/// is the same whenever its instance was made, and in a replay.
const AT: u64 = 0;
const SEED: u64 = 0;

/// A store within these limits that belongs to nobody.
pub(crate) fn of_nobody(engine: &Engine, limits: Limits) -> Store<State> {
    let stderr = Stderr::default();
    let wasi = crate::wasi::context(&stderr, SEED);
    let mut table = ResourceTable::new();
    table.set_max_capacity(MOST_RESOURCES);
    let (lines, cut, left, since) = (0, false, MOST_LINES_SAVED, 0);
    let state = State {
        wasi,
        table,
        memory: Memory { limit: limits.memory(), share: Share::of_nobody() },
        log: Log { owner: None, early: Vec::new(), lines, cut, left, since, stderr },
        at: AT,
        allowance: Allowance::new(limits.call(), Instant::now()),
        meter: None,
        made: None,
    };
    let mut store = Store::new(engine, state);
    store.limiter(|state| &mut state.memory);
    store.set_hostcall_fuel(limits.transfer());
    store.set_max_component_handles(MOST_RESOURCES);
    let limit = limits.call();
    store.epoch_deadline_callback(move |mut context| context.data_mut().tick(limit));
    store
}

/// Makes an instance in it, and tells what that computed. It may compute as much as one call may.
pub(crate) fn make<W>(
    store: &mut Store<State>,
    make: impl FnOnce(&mut Store<State>) -> wasmtime::Result<W>,
) -> (wasmtime::Result<W>, Duration) {
    let meter = Meter { cpu: cpu_time(), wall: Instant::now(), before: Duration::ZERO, left: Duration::MAX };
    store.data_mut().meter = Some(meter);
    store.set_epoch_deadline(1);
    let made = make(store);
    let state = store.data_mut();
    let computed = state.meter.take().map(|meter| meter.computed()).unwrap_or_default();
    state.made = Some(computed);
    state.log.flush_stderr();
    (made, computed)
}

/// It is a session's from here on, whose random numbers follow from `seed`. What it takes, and has taken, goes
/// to `share`.
pub(crate) fn begin(
    store: &mut Store<State>,
    owner: Owner,
    limits: Limits,
    seed: u64,
    share: [Arc<Account>; 2],
) {
    let state = store.data_mut();
    state.wasi = crate::wasi::context(&state.log.stderr, seed);
    state.allowance = Allowance::new(limits.call(), Instant::now());
    state.memory.share.begin(share);
    state.log.begin(owner);
}

/// Before every call into the component. An error: it has computed too much already.
pub(crate) fn enter(store: &mut Store<State>, at: u64) -> Result<(), OverTime> {
    let state = store.data_mut();
    state.at = at;
    let made = state.made.take();
    state.log.enter(at, made.is_some());
    let wall = Instant::now();
    let left = state.allowance.left(wall);
    if left.is_zero() {
        return Err(OverTime::Share);
    }
    state.meter = Some(Meter { cpu: cpu_time(), wall, before: made.unwrap_or_default(), left });
    store.set_epoch_deadline(1);
    Ok(())
}

/// After it: what it computed is counted, and what it wrote to stderr goes into the log.
pub(crate) fn leave(store: &mut Store<State>) {
    let state = store.data_mut();
    if let Some(meter) = state.meter.take() {
        let computed = meter.computed();
        state.allowance.take(computed);
        state.memory.share.computed(computed);
    }
    state.log.flush_stderr();
}

impl State {
    pub(crate) fn table(&mut self) -> &mut ResourceTable {
        &mut self.table
    }

    pub(crate) fn at(&self) -> u64 {
        self.at
    }

    /// What it takes, for whoever counts.
    pub(crate) fn share(&mut self) -> &mut Share {
        &mut self.memory.share
    }

    /// What it wrote last, which is where a language's runtime says why it gave up.
    pub(crate) fn last_words(&self) -> Option<String> {
        self.log.stderr.last_line()
    }

    fn tick(&mut self, limit: Duration) -> wasmtime::Result<UpdateDeadline> {
        let Some(meter) = &self.meter else { return Ok(UpdateDeadline::Continue(1)) };
        let computed = meter.computed();
        if computed >= limit || meter.wall.elapsed() >= limit * WALL {
            return Err(OverTime::Call(limit).into());
        }
        if computed >= meter.left {
            return Err(OverTime::Share.into());
        }
        Ok(UpdateDeadline::Continue(1))
    }
}

impl Meter {
    fn computed(&self) -> Duration {
        cpu_time().saturating_sub(self.cpu) + self.before
    }
}

/// What this thread has computed so far.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

impl ResourceLimiter for Memory {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if desired > self.limit {
            return Err(OverMemory { wanted: desired, limit: self.limit }.into());
        }
        self.share.grew(desired.saturating_sub(current) as u64);
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // the pool has a limit of its own; this keeps the refusal from being a surprise
        Ok(desired <= crate::engine::TABLE_ELEMENTS)
    }
}

impl Log {
    /// It is somebody's now, and so is what was written before.
    fn begin(&mut self, owner: Owner) {
        self.owner = Some(owner);
        for (level, line) in std::mem::take(&mut self.early) {
            self.write(level, &line);
        }
    }

    /// A call into the component begins. `first`: what was written while it was made is of the same call.
    fn enter(&mut self, at: u64, first: bool) {
        if !first {
            self.lines = 0;
        }
        let gained = at.saturating_sub(self.since) / LINE_EVERY;
        if gained > 0 {
            self.left = self.left.saturating_add(gained).min(MOST_LINES_SAVED);
            self.since = at;
        }
        self.cut &= self.left == 0;
    }

    fn line(&mut self, level: wit_log::Level, message: &str) {
        if self.lines >= MOST_LINES || self.left == 0 {
            if !std::mem::replace(&mut self.cut, true) {
                self.write(wit_log::Level::Warn, "it logs too much: further lines of this call are cut");
            }
            return;
        }
        self.lines += 1;
        self.left -= 1;
        self.write(level, &one_line(message));
    }

    fn write(&mut self, level: wit_log::Level, message: &str) {
        let Some(Owner { component, call }) = &self.owner else {
            self.early.push((level, message.to_owned()));
            return;
        };
        match level {
            wit_log::Level::Debug => tracing::debug!(component, call_sid = call, "{message}"),
            wit_log::Level::Info => tracing::info!(component, call_sid = call, "{message}"),
            wit_log::Level::Warn => tracing::warn!(component, call_sid = call, "{message}"),
            wit_log::Level::Error => tracing::error!(component, call_sid = call, "{message}"),
        }
    }

    fn flush_stderr(&mut self) {
        for line in self.stderr.take_lines() {
            self.line(wit_log::Level::Warn, &line);
        }
    }
}

impl wit_log::Host for State {
    fn log(&mut self, level: wit_log::Level, message: String) {
        self.log.line(level, &message);
    }
}
