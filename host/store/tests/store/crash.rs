//! A host that is killed.

use crate::places::Place;
use crate::words::{BEGAN, conversation, new_id, numbers, turn, until_written};
use serde_json::json;
use std::io::Write;
use std::process::Stdio;
use std::time::Duration;
use store::{Database, Settings, Store};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::time::{Instant, timeout};

/// What the killed process has to know: the database, the spool, the conversation.
const TOLD: &str = "CORDBOARD_TEST_CRASH";
const LAST_SECOND: &str = "a_host_that_is_killed_loses_its_last_second_at_most";
const WHILE_AWAY: &str = "a_host_that_is_killed_while_its_database_is_away_loses_no_more";

/// What the story does in the process that is killed: it writes, until then.
async fn write_until_killed(told: &str) {
    let [url, spool, id] = told.split('|').collect::<Vec<_>>().try_into().unwrap();
    let store = Store::open(Settings::new(Database::parse(url).unwrap(), spool)).await.unwrap();
    store.record(conversation(id, BEGAN, json!({})));
    let mut every = tokio::time::interval(Duration::from_millis(2));
    let mut stdout = std::io::stdout();
    for position in 0.. {
        every.tick().await;
        store.record(turn(id, position, "yes"));
        // println! would be kept by the harness
        writeln!(stdout, "recorded {position}").unwrap();
    }
}

/// Positions that a host recorded, with the time, until it was killed after so long. The host is this same
/// `story`, in another process.
async fn killed_after(
    lifetime: Duration,
    story: &str,
    url: &str,
    place: &Place,
    id: &str,
) -> Vec<(i64, Instant)> {
    let mut host = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("crash::{story}"), "--nocapture"])
        .env(TOLD, format!("{url}|{}|{id}", place.spool().display()))
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(host.stdout.take().unwrap()).lines();
    let mut recorded: Vec<(i64, Instant)> = Vec::new();
    loop {
        let line = timeout(Duration::from_secs(30), lines.next_line()).await.unwrap().unwrap().unwrap();
        if let Some((_, position)) = line.split_once("recorded ") {
            recorded.push((position.parse().unwrap(), Instant::now()));
        }
        if recorded.first().is_some_and(|(_, first)| first.elapsed() > lifetime) {
            host.kill().await.unwrap();
            return recorded;
        }
    }
}

/// All but what was recorded in the last second.
fn assert_kept(kept: &[i64], recorded: &[(i64, Instant)]) {
    let end = recorded.last().unwrap().1;
    let old: Vec<i64> = recorded
        .iter()
        .take_while(|(_, at)| end.duration_since(*at) > Duration::from_secs(1))
        .map(|(position, _)| *position)
        .collect();
    assert!(old.len() > 100, "{}", old.len());
    assert!(kept.len() >= old.len(), "{} of {}", kept.len(), old.len());
    assert_eq!(kept[..old.len()], old);
    assert_eq!(kept, (0..kept.len() as i64).collect::<Vec<_>>(), "and no gap behind it");
}

#[tokio::test]
async fn a_host_that_is_killed_loses_its_last_second_at_most() {
    if let Ok(told) = std::env::var(TOLD) {
        return write_until_killed(&told).await;
    }
    let place = Place::sqlite();
    let id = new_id();
    let recorded = killed_after(Duration::from_secs(2), LAST_SECOND, &place.url, &place, &id).await;
    let store = place.store().await;
    until_written(&store).await;
    let whole = store.conversation(&id).await.unwrap().unwrap();
    assert_kept(&numbers(&whole.turns, "position"), &recorded);
}

#[tokio::test]
async fn a_host_that_is_killed_while_its_database_is_away_loses_no_more() {
    if let Ok(told) = std::env::var(TOLD) {
        return write_until_killed(&told).await;
    }
    let place = Place::sqlite();
    let id = new_id();
    // nobody is there
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("postgres://postgres@127.0.0.1:{port}/calls");
    let recorded = killed_after(Duration::from_secs(2), WHILE_AWAY, &url, &place, &id).await;
    // any database will do
    let store = place.store().await;
    until_written(&store).await;
    let whole = store.conversation(&id).await.unwrap().unwrap();
    assert_kept(&numbers(&whole.turns, "position"), &recorded);
}
