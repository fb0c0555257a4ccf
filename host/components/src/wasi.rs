//! WASI that gives nothing and cannot block.
//!
//! The runtimes of languages ask for WASI: a Rust program wants to write its panic somewhere, a
//! Python one wants random numbers for its hashes. They get a standard error that becomes lines in
//! the log, clocks that show the moment of the call into the component, and randomness that follows
//! from the session's seed. There are no files, sockets, arguments or variables. What would have to
//! wait traps instead: a thread that serves calls must not be held.

use crate::contract::shared::log;
use crate::store::{HasState, State};
use futures_util::FutureExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use wasmtime::component::types::{self, ComponentItem};
use wasmtime::component::{Component, HasData, Linker, Resource, ResourceTable, ResourceType};
use wasmtime::{Engine, Result, format_err};
use wasmtime_wasi::cli::{IsTerminal, StdoutStream, WasiCli};
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemView};
use wasmtime_wasi::p2::bindings::{cli, clocks, filesystem, random, sync};
use wasmtime_wasi::p2::{
    DynInputStream, DynOutputStream, DynPollable, OutputStream, Pollable, StreamError, StreamResult,
};
use wasmtime_wasi::random::WasiRandom;
use wasmtime_wasi::{WasiCtx, WasiView, cli::WasiCliView};
use wasmtime_wasi_io::bindings::wasi::io as waiting;

/// Bytes that may wait for the end of a line, and lines that may wait for the end of a call.
const LONGEST_LINE: usize = 8 * 1024;
const MOST_LINES: usize = 128;
/// Random bytes that may be asked for at once.
const MOST_RANDOM: u64 = 64 * 1024;

/// Links what a component imports, and refuses what is not part of the contract. What WASI asks
/// beyond the little that is here traps when it is used.
pub(crate) fn link(engine: &Engine, component: &Component) -> Result<Linker<State>> {
    let mut linker = Linker::<State>::new(engine);
    let mut resources = Vec::new();
    for (name, import) in component.component_type().imports(engine) {
        let interface = name.split('@').next().unwrap_or_default();
        let given = interface.starts_with("cordboard:component/") || GIVEN.contains(&interface);
        match import.ty {
            ComponentItem::ComponentInstance(interface) if given => {
                resources.extend(interface.exports(engine).filter_map(|(_, export)| resource(&export.ty)));
            }
            _ if given => {}
            ComponentItem::ComponentInstance(interface) if name.starts_with("wasi:") => {
                withhold(engine, &mut linker, name, &interface, &mut resources)?;
            }
            _ => {
                return Err(format_err!(
                    "it imports {name}, and a component may import only cordboard:component/log and wasi:*"
                ));
            }
        }
    }
    let l = &mut linker;
    log::add_to_linker::<State, HasState>(l, |state| state)?;

    clocks::wall_clock::add_to_linker::<State, HasMoment>(l, |state| Moment(state.at()))?;
    clocks::monotonic_clock::add_to_linker::<State, HasMoment>(l, |state| Moment(state.at()))?;
    random::random::add_to_linker::<State, WasiRandom>(l, |state| state.ctx().ctx.random())?;
    random::insecure::add_to_linker::<State, WasiRandom>(l, |state| state.ctx().ctx.random())?;
    random::insecure_seed::add_to_linker::<State, WasiRandom>(l, |state| state.ctx().ctx.random())?;
    cli::exit::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::environment::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::stdin::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::stdout::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::stderr::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_input::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_output::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_stdin::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_stdout::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_stderr::add_to_linker::<State, WasiCli>(l, State::cli)?;
    // without a preopened folder there is no descriptor to call any of it on
    filesystem::preopens::add_to_linker::<State, WasiFilesystem>(l, State::filesystem)?;
    sync::filesystem::types::add_to_linker::<State, WasiFilesystem>(l, State::filesystem)?;
    waiting::error::add_to_linker::<State, HasTable>(l, State::table)?;
    sync::io::poll::add_to_linker::<State, HasNoWait>(l, |state| NoWait(state.table()))?;
    sync::io::streams::add_to_linker::<State, HasNoWait>(l, |state| NoWait(state.table()))?;
    Ok(linker)
}

/// The part of WASI that is there. What a component imports of the rest traps when it is used.
const GIVEN: [&str; 20] = [
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:filesystem/preopens",
    "wasi:filesystem/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:random/random",
];

fn resource(item: &ComponentItem) -> Option<ResourceType> {
    match item {
        ComponentItem::Resource(resource) => Some(*resource),
        _ => None,
    }
}

/// An interface of which every function traps. `known`: the resources of the interfaces before it, which it
/// may share.
fn withhold(
    engine: &Engine,
    linker: &mut Linker<State>,
    name: &str,
    interface: &types::ComponentInstance,
    known: &mut Vec<ResourceType>,
) -> Result<()> {
    let mut instance = linker.instance(name)?;
    for (item, export) in interface.exports(engine) {
        match export.ty {
            ComponentItem::ComponentFunc(_) => {
                let full = format!("{name}#{item}");
                instance.func_new(item, move |_, _, _, _| Err(format_err!("a component has no {full}")))?;
            }
            ComponentItem::Resource(resource) if !known.contains(&resource) => {
                known.push(resource);
                let resource = ResourceType::host_dynamic(known.len() as u32);
                instance.resource(item, resource, |_, _| Ok(()))?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// A context with nothing in it but where stderr goes and where random numbers come from.
pub(crate) fn context(stderr: &Stderr, seed: u64) -> WasiCtx {
    WasiCtx::builder()
        .stderr(stderr.clone())
        .secure_random(ChaCha8Rng::seed_from_u64(seed))
        .insecure_random(ChaCha8Rng::seed_from_u64(seed.rotate_left(32)))
        .insecure_random_seed(u128::from(seed))
        .max_random_size(MOST_RANDOM)
        .allow_tcp(false)
        .allow_udp(false)
        .build()
}

// -- clocks

/// The moment of the call into the component, in milliseconds since 1970.
struct Moment(u64);

struct HasMoment;

impl HasData for HasMoment {
    type Data<'a> = Moment;
}

impl clocks::wall_clock::Host for Moment {
    fn now(&mut self) -> Result<clocks::wall_clock::Datetime> {
        let nanoseconds = (self.0 % 1000) as u32 * 1_000_000;
        Ok(clocks::wall_clock::Datetime { seconds: self.0 / 1000, nanoseconds })
    }

    fn resolution(&mut self) -> Result<clocks::wall_clock::Datetime> {
        Ok(clocks::wall_clock::Datetime { seconds: 0, nanoseconds: 1_000_000 })
    }
}

impl clocks::monotonic_clock::Host for Moment {
    fn now(&mut self) -> Result<u64> {
        Ok(self.0.wrapping_mul(1_000_000))
    }

    fn resolution(&mut self) -> Result<u64> {
        Ok(1_000_000)
    }

    fn subscribe_instant(&mut self, _when: u64) -> Result<Resource<DynPollable>> {
        Err(would_wait())
    }

    fn subscribe_duration(&mut self, _duration: u64) -> Result<Resource<DynPollable>> {
        Err(would_wait())
    }
}

fn would_wait() -> wasmtime::Error {
    format_err!("it wanted to wait: a component sets a timer and returns")
}

// -- streams

struct HasTable;

impl HasData for HasTable {
    type Data<'a> = &'a mut ResourceTable;
}

/// Streams that answer at once or not at all.
struct NoWait<'a>(&'a mut ResourceTable);

struct HasNoWait;

impl HasData for HasNoWait {
    type Data<'a> = NoWait<'a>;
}

/// What a stream says at once.
fn at_once<T>(future: impl Future<Output = T>) -> Result<T> {
    future.now_or_never().ok_or_else(would_wait)
}

/// The same, in the words of streams.
fn stream_at_once<T>(future: impl Future<Output = StreamResult<T>>) -> StreamResult<T> {
    future.now_or_never().unwrap_or_else(|| Err(StreamError::Trap(would_wait())))
}

impl sync::io::poll::Host for NoWait<'_> {
    fn poll(&mut self, pollables: Vec<Resource<DynPollable>>) -> Result<Vec<u32>> {
        at_once(waiting::poll::Host::poll(self.0, pollables))?
    }
}

impl sync::io::poll::HostPollable for NoWait<'_> {
    fn ready(&mut self, pollable: Resource<DynPollable>) -> Result<bool> {
        at_once(waiting::poll::HostPollable::ready(self.0, pollable))?
    }

    fn block(&mut self, pollable: Resource<DynPollable>) -> Result<()> {
        at_once(waiting::poll::HostPollable::block(self.0, pollable))?
    }

    fn drop(&mut self, pollable: Resource<DynPollable>) -> Result<()> {
        waiting::poll::HostPollable::drop(self.0, pollable)
    }
}

use waiting::streams::{Host as StreamsHost, HostInputStream as InputHost, HostOutputStream as OutputHost};

impl sync::io::streams::Host for NoWait<'_> {
    fn convert_stream_error(&mut self, error: StreamError) -> Result<sync::io::streams::StreamError> {
        Ok(StreamsHost::convert_stream_error(self.0, error)?.into())
    }
}

impl sync::io::streams::HostOutputStream for NoWait<'_> {
    fn drop(&mut self, stream: Resource<DynOutputStream>) -> Result<()> {
        at_once(OutputHost::drop(self.0, stream))?
    }

    fn check_write(&mut self, stream: Resource<DynOutputStream>) -> StreamResult<u64> {
        OutputHost::check_write(self.0, stream)
    }

    fn write(&mut self, stream: Resource<DynOutputStream>, bytes: Vec<u8>) -> StreamResult<()> {
        OutputHost::write(self.0, stream, bytes)
    }

    fn blocking_write_and_flush(
        &mut self,
        stream: Resource<DynOutputStream>,
        bytes: Vec<u8>,
    ) -> StreamResult<()> {
        stream_at_once(OutputHost::blocking_write_and_flush(self.0, stream, bytes))
    }

    fn blocking_write_zeroes_and_flush(
        &mut self,
        stream: Resource<DynOutputStream>,
        len: u64,
    ) -> StreamResult<()> {
        stream_at_once(OutputHost::blocking_write_zeroes_and_flush(self.0, stream, len))
    }

    fn subscribe(&mut self, stream: Resource<DynOutputStream>) -> Result<Resource<DynPollable>> {
        OutputHost::subscribe(self.0, stream)
    }

    fn write_zeroes(&mut self, stream: Resource<DynOutputStream>, len: u64) -> StreamResult<()> {
        OutputHost::write_zeroes(self.0, stream, len)
    }

    fn flush(&mut self, stream: Resource<DynOutputStream>) -> StreamResult<()> {
        OutputHost::flush(self.0, stream)
    }

    fn blocking_flush(&mut self, stream: Resource<DynOutputStream>) -> StreamResult<()> {
        stream_at_once(OutputHost::blocking_flush(self.0, stream))
    }

    fn splice(
        &mut self,
        to: Resource<DynOutputStream>,
        from: Resource<DynInputStream>,
        len: u64,
    ) -> StreamResult<u64> {
        OutputHost::splice(self.0, to, from, len)
    }

    fn blocking_splice(
        &mut self,
        to: Resource<DynOutputStream>,
        from: Resource<DynInputStream>,
        len: u64,
    ) -> StreamResult<u64> {
        stream_at_once(OutputHost::blocking_splice(self.0, to, from, len))
    }
}

impl sync::io::streams::HostInputStream for NoWait<'_> {
    fn drop(&mut self, stream: Resource<DynInputStream>) -> Result<()> {
        at_once(InputHost::drop(self.0, stream))?
    }

    fn read(&mut self, stream: Resource<DynInputStream>, len: u64) -> StreamResult<Vec<u8>> {
        InputHost::read(self.0, stream, len)
    }

    fn blocking_read(&mut self, stream: Resource<DynInputStream>, len: u64) -> StreamResult<Vec<u8>> {
        stream_at_once(InputHost::blocking_read(self.0, stream, len))
    }

    fn skip(&mut self, stream: Resource<DynInputStream>, len: u64) -> StreamResult<u64> {
        InputHost::skip(self.0, stream, len)
    }

    fn blocking_skip(&mut self, stream: Resource<DynInputStream>, len: u64) -> StreamResult<u64> {
        stream_at_once(InputHost::blocking_skip(self.0, stream, len))
    }

    fn subscribe(&mut self, stream: Resource<DynInputStream>) -> Result<Resource<DynPollable>> {
        InputHost::subscribe(self.0, stream)
    }
}

// -- standard error

/// Standard error as lines. Cloning it gives the same one.
#[derive(Clone, Default)]
pub(crate) struct Stderr(Arc<Mutex<Lines>>);

#[derive(Default)]
struct Lines {
    /// a line that has not ended: runtimes write in fragments
    begun: Vec<u8>,
    whole: VecDeque<String>,
    last: Option<String>,
}

impl Stderr {
    fn push(&self, bytes: &[u8]) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for byte in bytes {
            if *byte != b'\n' && lines.begun.len() < LONGEST_LINE {
                lines.begun.push(*byte);
            } else if *byte == b'\n' {
                lines.end_line();
            }
        }
    }

    /// The lines since the last time, also one that has not ended.
    pub(crate) fn take_lines(&self) -> Vec<String> {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.end_line();
        lines.whole.drain(..).collect()
    }

    pub(crate) fn last_line(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).last.clone()
    }
}

impl Lines {
    fn end_line(&mut self) {
        let line = String::from_utf8_lossy(&std::mem::take(&mut self.begun)).trim_end().to_owned();
        if line.is_empty() {
            return;
        }
        // what Rust adds to every panic says nothing
        if !line.starts_with("note: ") {
            self.last = Some(line.clone());
        }
        if self.whole.len() < MOST_LINES {
            self.whole.push_back(line);
        }
    }
}

impl IsTerminal for Stderr {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Stderr {
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Stderr {
    async fn ready(&mut self) {}
}

impl OutputStream for Stderr {
    fn write(&mut self, bytes: bytes::Bytes) -> StreamResult<()> {
        self.push(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(LONGEST_LINE)
    }
}
