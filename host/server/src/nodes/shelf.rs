//! What stands in Redis, and where.
//!
//! | key | what |
//! |---|---|
//! | `cordboard:nodes` | the ids of the nodes that have not signed out |
//! | `cordboard:node:ID` | a node, for ten seconds: its heartbeat |
//! | `cordboard:lost:ID` | who sees to the calls of a node that is gone |
//! | `cordboard:call:NAME` | a call, for an hour, under Twilio's name and under ours |
//! | `cordboard:calls:live`, `:over` | our names of them, by when they expire |
//! | `cordboard:token:…` | a token that was used |

use super::Node;
use crate::access::GOOD_FOR;
use crate::registry::{Entry, Phase};
use redis::aio::MultiplexedConnection;
use redis::{ExistenceCheck, RedisResult, Script, SetExpiry, SetOptions, cmd, pipe};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

/// A node that has said nothing for so long is gone.
pub const ALIVE: Duration = Duration::from_secs(10);
/// A call that nobody has written for so long is forgotten.
const KEPT: Duration = Duration::from_secs(3600);
/// Who sees to the calls of a node that is gone has so long for it.
const SEEN_TO: Duration = Duration::from_secs(30);
/// So many are read at once.
const AT_ONCE: usize = 200;

const NODES: &str = "cordboard:nodes";
const LIVE: &str = "cordboard:calls:live";
const OVER: &str = "cordboard:calls:over";

fn heartbeat(node: &str) -> String {
    format!("cordboard:node:{node}")
}

fn call(name: &str) -> String {
    format!("cordboard:call:{name}")
}

/// Writes a call, unless another node has it from later. Then it answers with what stands there.
static WRITE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "for i = 3, #KEYS do
            local held = redis.call('GET', KEYS[i])
            if held then
                local read, other = pcall(cjson.decode, held)
                local epoch = tonumber(ARGV[2])
                if read and (other.epoch > epoch or (other.epoch == epoch and other.node ~= ARGV[1])) then
                    return held
                end
            end
        end
        for i = 3, #KEYS do
            redis.call('SET', KEYS[i], ARGV[3], 'EX', ARGV[4])
        end
        redis.call('ZADD', KEYS[1], ARGV[5], ARGV[6])
        redis.call('ZREM', KEYS[2], ARGV[6])
        return false",
    )
});

/// None: it stands there. Some: another node has it from later, as this says.
pub async fn write(mut link: MultiplexedConnection, entry: Entry) -> RedisResult<Option<Entry>> {
    let Ok(json) = serde_json::to_string(&entry) else { return Ok(None) };
    let (into, out_of) = match entry.stage {
        Phase::Over => (OVER, LIVE),
        Phase::Told | Phase::Announced | Phase::Live => (LIVE, OVER),
    };
    let mut writing = WRITE.key(into);
    writing.key(out_of);
    for name in entry.names() {
        writing.key(call(name));
    }
    writing.arg(&entry.node).arg(entry.epoch).arg(json).arg(KEPT.as_secs());
    writing.arg(now() + KEPT.as_secs()).arg(&entry.view.id);
    let other: Option<String> = writing.invoke_async(&mut link).await?;
    Ok(other.and_then(|other| serde_json::from_str(&other).ok()))
}

/// The call of the first of these names that there is.
pub async fn find(mut link: MultiplexedConnection, names: Vec<String>) -> RedisResult<Option<Entry>> {
    let keys: Vec<String> = names.iter().map(|name| call(name)).collect();
    let found: Vec<Option<String>> = cmd("MGET").arg(keys).query_async(&mut link).await?;
    Ok(found.into_iter().flatten().find_map(|json| serde_json::from_str(&json).ok()))
}

/// Every call that is not over; with `all` also the others.
pub async fn calls(mut link: MultiplexedConnection, all: bool) -> RedisResult<Vec<Entry>> {
    let (live, over): (Vec<String>, Vec<String>) = pipe()
        .cmd("ZREMRANGEBYSCORE")
        .arg(LIVE)
        .arg("-inf")
        .arg(now())
        .ignore()
        .cmd("ZREMRANGEBYSCORE")
        .arg(OVER)
        .arg("-inf")
        .arg(now())
        .ignore()
        .cmd("ZRANGE")
        .arg(LIVE)
        .arg(0)
        .arg(-1)
        .cmd("ZRANGE")
        .arg(OVER)
        .arg(0)
        .arg(if all { -1 } else { 0 })
        .query_async(&mut link)
        .await?;
    let over = if all { over } else { Vec::new() };
    let ids: Vec<String> = live.into_iter().chain(over).collect();
    let mut entries = Vec::with_capacity(ids.len());
    for some in ids.chunks(AT_ONCE) {
        let keys: Vec<String> = some.iter().map(|id| call(id)).collect();
        let found: Vec<Option<String>> = cmd("MGET").arg(keys).query_async(&mut link).await?;
        entries.extend(found.into_iter().flatten().filter_map(|json| serde_json::from_str(&json).ok()));
    }
    Ok(entries)
}

/// Says that this node is alive. Whether that is news, and the nodes that have not signed out; of those
/// that are gone there is none.
pub async fn sign_in(
    mut link: MultiplexedConnection,
    id: String,
    node: Node,
) -> RedisResult<(bool, HashMap<String, Option<Node>>)> {
    let json = serde_json::to_string(&node).unwrap_or_default();
    let (new, ids): (u32, Vec<String>) = pipe()
        .cmd("SET")
        .arg(heartbeat(&id))
        .arg(json)
        .arg("EX")
        .arg(ALIVE.as_secs())
        .ignore()
        .cmd("SADD")
        .arg(NODES)
        .arg(&id)
        .cmd("SMEMBERS")
        .arg(NODES)
        .query_async(&mut link)
        .await?;
    let keys: Vec<String> = ids.iter().map(|id| heartbeat(id)).collect();
    let found: Vec<Option<String>> = cmd("MGET").arg(keys).query_async(&mut link).await?;
    let nodes = ids.into_iter().zip(found).map(|(id, json)| {
        let node = json.and_then(|json| serde_json::from_str(&json).ok());
        (id, node)
    });
    Ok((new > 0, nodes.collect()))
}

pub async fn sign_out(mut link: MultiplexedConnection, id: String) -> RedisResult<()> {
    pipe()
        .cmd("DEL")
        .arg(heartbeat(&id))
        .ignore()
        .cmd("SREM")
        .arg(NODES)
        .arg(&id)
        .ignore()
        .query_async(&mut link)
        .await
}

pub async fn node(mut link: MultiplexedConnection, id: String) -> RedisResult<Option<Node>> {
    let json: Option<String> = cmd("GET").arg(heartbeat(&id)).query_async(&mut link).await?;
    Ok(json.and_then(|json| serde_json::from_str(&json).ok()))
}

/// Whether it is this node that sees to the calls of one that is gone.
pub async fn sees_to(mut link: MultiplexedConnection, lost: String, by: String) -> RedisResult<bool> {
    once(&mut link, &format!("cordboard:lost:{lost}"), &by, SEEN_TO).await
}

/// That has been done.
pub async fn seen_to(mut link: MultiplexedConnection, lost: String) -> RedisResult<()> {
    pipe().cmd("SREM").arg(NODES).arg(&lost).ignore().query_async(&mut link).await
}

/// Whether nobody has used this token.
pub async fn redeem(mut link: MultiplexedConnection, token: String) -> RedisResult<bool> {
    let hash: String = Sha256::digest(token.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    // clocks of nodes differ a little
    once(&mut link, &format!("cordboard:token:{hash}"), "used", GOOD_FOR * 2).await
}

/// Whether this is the first to set this key.
async fn once(link: &mut MultiplexedConnection, key: &str, value: &str, kept: Duration) -> RedisResult<bool> {
    let options = SetOptions::default()
        .conditional_set(ExistenceCheck::NX)
        .with_expiration(SetExpiry::EX(kept.as_secs()));
    let set: Option<String> = cmd("SET").arg(key).arg(value).arg(options).query_async(link).await?;
    Ok(set.is_some())
}

fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}
