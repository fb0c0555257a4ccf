//! The one engine of a host: how components are compiled, where their memory comes from, and what
//! interrupts them.

use crate::consumption::{Consumed, Consumption};
use crate::stock::Room;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use wasmtime::{
    Cache, CacheConfig, Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Strategy,
};

/// So far a thread that compiles stands behind the others; 19 is the lowest.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;
/// How often the epoch ticks.
const TICK: Duration = Duration::from_millis(10);
/// Elements of one table of a component.
pub(crate) const TABLE_ELEMENTS: usize = 20_000;
/// Linear memory of one session can never be more, whatever anybody sets.
const MOST_MEMORY: usize = crate::manifest::CEILING.memory_mb as usize * 1024 * 1024;
/// Core instances, tables and so on within one component: what Python and JavaScript need.
const PARTS: u32 = 30;
/// Linear memories within one component: JavaScript has a second one, in which nothing is.
const MEMORIES: u32 = 2;
/// One session in so many is a persona, and so may need all of that.
const PERSONAS: u32 = 4;

/// How many sessions may be open at once, and where compiled code is kept.
#[derive(Clone, Debug)]
pub struct EngineSettings {
    /// A call has four at least: recogniser, voice, persona, and one for each reply of the model.
    pub sessions: u32,
    /// A folder of our own, which nobody else can write to; none: nothing is kept.
    pub cache: Option<PathBuf>,
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self { sessions: 4096, cache: None }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error("the folder {path} for compiled components cannot be used: {reason}")]
    Cache { path: PathBuf, reason: String },
    #[error(
        "the engine for {sessions} sessions cannot be set up: {reason}; fewer calls at once need less address \
         space"
    )]
    Engine { sessions: u32, reason: String },
}

/// The engine with its clock.
#[derive(Clone)]
pub struct Host {
    engine: Arc<Ticking>,
}

struct Ticking {
    engine: Engine,
    consumption: Consumption,
    room: Arc<Room>,
}

impl Host {
    pub fn new(settings: &EngineSettings) -> Result<Self, EngineError> {
        let mut config = Config::new();
        config.strategy(Strategy::Cranelift);
        config.epoch_interruption(true);
        // calls are synchronous and short: half the cost
        config.concurrency_support(false);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(settings.sessions)));
        if let Some(path) = &settings.cache {
            config.cache(Some(cache(path)?));
        }
        compile_behind_calls();
        let engine = Engine::new(&config)
            .map_err(|e| EngineError::Engine { sessions: settings.sessions, reason: format!("{e:#}") })?;
        tick(&engine)?;
        let room = Room::open()
            .map_err(|e| EngineError::Engine { sessions: settings.sessions, reason: e.to_string() })?;
        Ok(Self { engine: Arc::new(Ticking { engine, consumption: Consumption::default(), room }) })
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine.engine
    }

    pub(crate) fn consumption(&self) -> &Consumption {
        &self.engine.consumption
    }

    pub(crate) fn room(&self) -> &Arc<Room> {
        &self.engine.room
    }

    /// What each component has taken so far, by id.
    pub fn consumed(&self) -> Vec<(String, Consumed)> {
        self.engine.consumption.consumed()
    }

    /// What one component has taken so far; nothing of one that was never used.
    pub fn consumed_by(&self, component: &str) -> Consumed {
        self.engine.consumption.consumed_by(component)
    }
}

fn pool(sessions: u32) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::default();
    let personas = sessions.div_ceil(PERSONAS);
    // a component of Rust has three or four core instances
    let parts = sessions.saturating_mul(4).saturating_add(personas.saturating_mul(PARTS));
    let memories = sessions.saturating_add(personas.saturating_mul(MEMORIES - 1));
    pool.total_component_instances(sessions)
        .total_core_instances(parts)
        .total_memories(memories)
        .total_tables(parts)
        .max_memory_size(MOST_MEMORY)
        .max_core_instances_per_component(PARTS)
        .max_memories_per_component(MEMORIES)
        .max_tables_per_component(PARTS)
        .max_component_instance_size(4 << 20)
        .max_core_instance_size(4 << 20)
        .table_elements(TABLE_ELEMENTS);
    pool
}

/// Wasmtime compiles on rayon's threads. While another build is compiled for a swap, calls go on: whoever holds
/// them goes first, and a tenth is left where there is nothing to spare.
fn compile_behind_calls() {
    // Linux knows the priority of a thread, and others only that of the whole process
    #[cfg(target_os = "linux")]
    let begins = |_| {
        if let Err(error) = rustix::process::nice(NICE) {
            tracing::debug!("a thread that compiles has the priority of all others: {error}");
        }
    };
    #[cfg(not(target_os = "linux"))]
    let begins = |_| {};
    let threads = rayon::ThreadPoolBuilder::new();
    // another engine of this program has begun them
    let _ = threads.thread_name(|n| format!("compile-{n}")).start_handler(begins).build_global();
}

/// Compiled code is machine code that the host will run: only what it wrote itself may be read.
fn cache(path: &Path) -> Result<Cache, EngineError> {
    let failed = |reason: String| EngineError::Cache { path: path.to_owned(), reason };
    std::fs::create_dir_all(path).map_err(|e| failed(e.to_string()))?;
    let path = path.canonicalize().map_err(|e| failed(e.to_string()))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700))
            .map_err(|e| failed(e.to_string()))?;
    }
    let mut config = CacheConfig::new();
    config.with_directory(path.clone());
    Cache::new(config).map_err(|e| failed(format!("{e:#}")))
}

/// The epoch is driven from a thread of the system: a component that spins may hold the thread on
/// which the timers of the others run.
fn tick(engine: &Engine) -> Result<(), EngineError> {
    let engine = engine.weak();
    std::thread::Builder::new()
        .name("epoch".into())
        .spawn(move || {
            while let Some(engine) = engine.upgrade() {
                engine.increment_epoch();
                drop(engine);
                std::thread::sleep(TICK);
            }
        })
        .map(drop)
        .map_err(|e| EngineError::Engine { sessions: 0, reason: e.to_string() })
}
