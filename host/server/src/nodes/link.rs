//! The Redis server that nodes share, and whether it is there.
//!
//! Nothing here waits for long: a command that fails or takes too long means that Redis is away, and
//! whoever asked goes on without it. Only the heartbeat asks a Redis that is away; it notices when it is
//! back. A connection is made by hand rather than by the library's manager, because that one keeps an
//! error that is none of the network's (a Redis that still loads its data) for ever.

use crate::vitals::{Trouble, Vital};
use anyhow::anyhow;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisResult};
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

const CONNECT: Duration = Duration::from_secs(1);
/// For what nobody waits for.
pub const UNHURRIED: Duration = Duration::from_secs(2);
/// For what somebody waits for: it costs a call so much once, and from then on Redis is away.
pub const HURRIED: Duration = Duration::from_millis(250);

pub struct Link {
    client: Client,
    vital: Vital,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    connection: Option<MultiplexedConnection>,
    state: State,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Unknown,
    WellSince(Instant),
    Away,
}

impl Link {
    pub fn open(url: &str) -> anyhow::Result<Self> {
        // what the library says of it may hold the password
        let client = Client::open(url.trim()).map_err(|_| {
            anyhow!(
                "REDIS_URL, or `nodes.redis`, is no address of a Redis server; it looks like \
                 redis://HOST:6379, redis://:PASSWORD@HOST:6379/0 (in the password %40 stands for @), or \
                 rediss://… where it is encrypted"
            )
        })?;
        Ok(Self { client, vital: Vital::default(), kept: Mutex::default() })
    }

    /// Asks Redis. None: it is away, which has been said.
    pub async fn ask<T, F>(
        &self,
        patience: Duration,
        ask: impl FnOnce(MultiplexedConnection) -> F,
    ) -> Option<T>
    where
        F: Future<Output = RedisResult<T>>,
    {
        let asking = async { ask(self.connection().await?).await };
        match tokio::time::timeout(patience, asking).await {
            Ok(Ok(answer)) => {
                self.is_there();
                Some(answer)
            }
            Ok(Err(error)) => {
                self.is_not_there(&error.to_string());
                None
            }
            Err(_) => {
                self.is_not_there("it does not answer in time");
                None
            }
        }
    }

    /// It was there when it was last needed.
    pub fn is_well(&self) -> bool {
        matches!(self.kept().state, State::WellSince(_))
    }

    /// For so long it has been there without a break.
    pub fn well_for(&self) -> Duration {
        match self.kept().state {
            State::WellSince(since) => since.elapsed(),
            State::Unknown | State::Away => Duration::ZERO,
        }
    }

    pub fn state(&self) -> (&'static str, Option<Trouble>) {
        self.vital.state()
    }

    async fn connection(&self) -> RedisResult<MultiplexedConnection> {
        let kept = self.kept().connection.clone();
        if let Some(connection) = kept {
            return Ok(connection);
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(UNHURRIED));
        let connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        self.kept().connection = Some(connection.clone());
        Ok(connection)
    }

    fn is_there(&self) {
        self.vital.works();
        let mut kept = self.kept();
        let before = kept.state;
        if !matches!(before, State::WellSince(_)) {
            kept.state = State::WellSince(Instant::now());
            drop(kept);
            match before {
                State::Away => tracing::info!("Redis is back; other nodes are told of the calls here"),
                _ => tracing::info!("calls are shared by Redis"),
            }
        }
    }

    fn is_not_there(&self, why: &str) {
        self.vital.fails(why);
        let mut kept = self.kept();
        kept.connection = None;
        let before = std::mem::replace(&mut kept.state, State::Away);
        drop(kept);
        if before != State::Away {
            tracing::warn!("Redis is away: this node goes on alone until it is back: {why}");
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
