//! A database that dies, hangs, or is not there: nothing is lost, and the order stays.

use crate::places::{self, Cluster, Line, Place};
use crate::words::{BEGAN, conversation, new_id, numbers, texts, turn, turns_of, until, until_written};
use serde_json::json;
use sqlx::Row as _;
use std::time::Duration;
use store::{Database, Error, Filter, Settings, Store};
use tokio::time::{Instant, timeout};

fn settings(url: &str, folder: &tempfile::TempDir) -> Settings {
    Settings::new(Database::parse(url).unwrap(), folder.path().join("spool"))
}

/// Files in the spool that hold rows.
fn segments(folder: &tempfile::TempDir) -> usize {
    let names = std::fs::read_dir(folder.path().join("spool")).unwrap();
    names.filter(|entry| entry.as_ref().unwrap().file_name().to_str().unwrap().starts_with('0')).count()
}

#[tokio::test]
async fn a_database_that_is_killed_while_it_is_written_to_loses_nothing() {
    let Some(cluster) = Cluster::new() else { return };
    cluster.ready().await;
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(settings(&cluster.url("postgres"), &folder)).await.unwrap();
    let id = new_id();
    store.record(conversation(&id, BEGAN, json!({ "state": "0" })));
    let mut recorded = 0;
    let mut speak = |store: &Store, lines: i64| {
        for position in recorded..recorded + lines {
            store.record(turn(&id, position, "yes"));
            store.record(conversation(&id, BEGAN, json!({ "state": position.to_string() })));
        }
        recorded += lines;
    };
    for round in 0..3 {
        speak(&store, 1500);
        // it is in the middle of it
        until("something is written", || store.health().queued < 2500).await;
        cluster.kill();
        speak(&store, 100);
        until("it is known to be away", || store.health().away.is_some()).await;
        let since = store.health().away.unwrap().0;
        speak(&store, 100);
        store.flush().await.unwrap();
        let health = store.health();
        assert!(health.spooled >= 100, "{health:?}");
        assert_eq!((health.queued, health.lost, health.away.unwrap().0), (0, 0, since), "round {round}");
        assert!(matches!(store.delete(&id).await, Err(Error::Away(_))));
        assert!(matches!(store.conversations(&Filter::default(), 1, None).await, Err(Error::Away(_))));
        cluster.ready().await;
        until_written(&store).await;
    }
    let whole = store.conversation(&id).await.unwrap().unwrap();
    assert_eq!(numbers(&whole.turns, "position"), (0..3 * 1700).collect::<Vec<_>>());
    assert_eq!(whole.conversation["state"], (3 * 1700 - 1).to_string());
    assert_eq!(segments(&folder), 0);
    let health = store.health();
    assert_eq!((health.rejected, health.lost), (0, 0));
    store.close(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_database_that_is_away_at_start_gets_all_of_it_later() {
    let Some(cluster) = Cluster::new() else { return };
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(settings(&cluster.url("postgres"), &folder)).await.unwrap();
    let (_, reason) = store.health().away.unwrap();
    assert!(reason.to_lowercase().contains("refused"), "{reason}");
    let id = new_id();
    store.record(conversation(&id, BEGAN, json!({})));
    for position in 0..1000 {
        store.record(turn(&id, position, "yes"));
    }
    store.flush().await.unwrap();
    assert_eq!(store.health().spooled, 1001);
    let error = store.delete_by_caller("+15550100").await.unwrap_err();
    assert!(error.to_string().starts_with("the database is away: "), "{error}");
    let error = store::migrate(&Database::parse(&cluster.url("postgres")).unwrap()).await.unwrap_err();
    assert!(error.to_string().contains("is away"), "{error}");
    // nor may this host see the other end of it
    store.close(Duration::from_secs(5)).await;
    let store = Store::open(settings(&cluster.url("postgres"), &folder)).await.unwrap();
    assert_eq!(store.health().spooled, 1001);
    store.record(turn(&id, 1000, "yes"));
    cluster.ready().await;
    until_written(&store).await;
    assert_eq!(turns_of(&store, &id).await, (0..1001).collect::<Vec<_>>());
    assert_eq!(segments(&folder), 0);
}

#[tokio::test]
async fn a_database_that_hangs_holds_up_nothing() {
    let Some(cluster) = Cluster::new() else { return };
    cluster.ready().await;
    let line = Line::to(cluster.port).await;
    let folder = tempfile::tempdir().unwrap();
    let url = format!("postgres://postgres@127.0.0.1:{}/postgres", line.port);
    let store = Store::open(settings(&url, &folder)).await.unwrap();
    let id = new_id();
    store.record(conversation(&id, BEGAN, json!({})));
    store.settle().await.unwrap();
    line.freeze();
    for position in 0..700 {
        store.record(turn(&id, position, "yes"));
    }
    // long before anybody can say that it hangs
    let began = Instant::now();
    store.flush().await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    let health = store.health();
    assert_eq!((health.spooled, health.away), (700, None));
    for position in 700..900 {
        store.record(turn(&id, position, "yes"));
    }
    store.flush().await.unwrap();
    assert_eq!(store.health().spooled, 900);
    until("it is known to be away", || store.health().away.is_some()).await;
    let (_, reason) = store.health().away.unwrap();
    assert_eq!(reason, "it did not answer within 5 s");
    line.thaw();
    until_written(&store).await;
    assert_eq!(turns_of(&store, &id).await, (0..900).collect::<Vec<_>>());
    assert_eq!(segments(&folder), 0);
}

#[tokio::test]
async fn somebody_who_takes_the_call_and_says_nothing_is_away() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let url = format!("postgres://u:geheim@{}/calls", silent.local_addr().unwrap());
    let opening = Store::open(settings(&url, &folder));
    let store = timeout(Duration::from_secs(20), opening).await.unwrap().unwrap();
    let (_, reason) = store.health().away.unwrap();
    assert_eq!(reason, "no connection within 5 s");
    store.record(conversation(&new_id(), BEGAN, json!({})));
    let began = Instant::now();
    store.flush().await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(store.health().spooled, 1);
    assert!(!format!("{:?}", store.health()).contains("geheim"));
    // in the time that it was given
    let began = Instant::now();
    store.close(Duration::from_millis(300)).await;
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    assert_eq!(segments(&folder), 1);
}

#[tokio::test]
async fn a_disk_that_takes_nothing_while_the_database_is_away_is_counted() {
    let Some(cluster) = Cluster::new() else { return };
    let folder = tempfile::tempdir().unwrap();
    let store =
        Store::open(Settings { queue: 600, ..settings(&cluster.url("postgres"), &folder) }).await.unwrap();
    // nothing can be put in there
    let spool = folder.path().join("spool");
    std::fs::remove_dir_all(&spool).unwrap();
    std::fs::write(&spool, "no folder").unwrap();
    let id = new_id();
    store.record(conversation(&id, BEGAN, json!({})));
    let error = store.flush().await.unwrap_err();
    assert!(error.to_string().contains("the disk takes nothing"), "{error}");
    let mut recorded = 1;
    while store.health().lost == 0 {
        store.record(turn(&id, recorded, "yes"));
        recorded += 1;
        tokio::task::yield_now().await;
    }
    let kept = recorded - 1;
    assert!(kept >= 600, "{kept}");
    assert_eq!(store.health().lost, 1);
    // the disk is mended, and the database comes back
    std::fs::remove_file(&spool).unwrap();
    std::fs::create_dir(&spool).unwrap();
    cluster.ready().await;
    until_written(&store).await;
    assert_eq!(turns_of(&store, &id).await, (1..kept).collect::<Vec<_>>());
    assert_eq!(store.health().lost, 1);
}

#[tokio::test]
async fn two_hosts_share_a_postgresql() {
    let Some(place) = Place::postgres().await else { return };
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (first, second) =
        tokio::join!(Store::open(settings(&place.url, &first)), Store::open(settings(&place.url, &second)));
    let (first, second) = (first.unwrap(), second.unwrap());
    let id = new_id();
    first.record(conversation(&id, BEGAN, json!({ "node": "a", "caller": "+15550100" })));
    first.settle().await.unwrap();
    second.record(conversation(&id, BEGAN, json!({ "node": "b" })));
    second.settle().await.unwrap();
    let page = first.conversations(&Filter::default(), 10, None).await.unwrap();
    assert_eq!(texts(&page.items, "node"), ["b"]);
    assert_eq!(texts(&page.items, "caller"), ["+15550100"]);
}

#[tokio::test]
async fn a_stranger_with_all_grants_of_supabase_reads_nothing() {
    let Some(cluster) = Cluster::new() else { return };
    cluster.ready().await;
    let url = cluster.url("postgres");
    places::run(&url, "create role anon nologin").await;
    places::run(&url, "create role authenticated nologin").await;
    places::run(&url, "alter default privileges in schema public grant all on tables to anon").await;
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(settings(&url, &folder)).await.unwrap();
    let id = new_id();
    store.record(conversation(&id, BEGAN, json!({ "claim_id": "C-1" })));
    store.record(turn(&id, 1, "my soup was cold"));
    store.settle().await.unwrap();
    let mut stranger = places::connection(&url).await;
    sqlx::query("set role anon").execute(&mut stranger).await.unwrap();
    for table in store::Table::ALL {
        let sql = format!("select count(*) from {}", table.name());
        let seen = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_one(&mut stranger).await.unwrap();
        assert_eq!(seen.get::<i64, _>(0), 0, "{table:?}");
    }
    for view in ["claims", "call_logs"] {
        let sql = format!("select count(*) from {view}");
        let error = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_one(&mut stranger).await.err().unwrap();
        assert!(error.to_string().contains("permission denied"), "{error}");
    }
    assert_eq!(turns_of(&store, &id).await, [1]);
}

#[tokio::test]
async fn who_may_not_come_in_is_told_at_start() {
    let Some(place) = Place::postgres().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let nobody = place.url.replace("postgres@", "nobody:geheim@");
    let error = Store::open(settings(&nobody, &folder)).await.err().unwrap().to_string();
    assert!(error.contains("role \"nobody\" does not exist"), "{error}");
    assert!(!error.contains("geheim"), "{error}");
    let nowhere = format!("{}_nowhere", place.url);
    let error = Store::open(settings(&nowhere, &folder)).await.err().unwrap().to_string();
    assert!(error.contains("does not exist"), "{error}");
}
