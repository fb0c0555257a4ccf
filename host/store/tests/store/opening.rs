//! Which database, and what is said where it is none.

use crate::places::{Place, run};
use crate::words::{BEGAN, conversation, new_id, turn};
use serde_json::json;
use std::time::Duration;
use store::{Database, OpenError, Settings, Store};

#[test]
fn urls_say_what_they_should_look_like() {
    let wrong = [
        ("", "sqlite://PATH"),
        ("calls.db", "sqlite://PATH"),
        ("mysql://u:geheim@h/calls", "postgresql://USER:PASSWORD@HOST:PORT/NAME"),
        ("sqlite:", "names no file"),
        ("sqlite://", "names no file"),
        ("sqlite:///", "names no file"),
        ("sqlite://calls/", "names a folder"),
        ("sqlite::memory:", "in memory"),
        ("sqlite://:memory:", "in memory"),
        ("sqlite://calls.db?mode=memory", "in memory"),
        ("sqlite://calls.db?cache=shared", "question mark"),
        ("postgres://u:geheim@h", "names no database"),
        ("postgres://u:geheim@h/", "names no database"),
        ("postgres:///calls", "names no host"),
        ("postgresql://u:geheim@h:99999999/calls", "the URL is none"),
        ("postgresql://u:geheim@[/calls", "the URL is none"),
    ];
    for (url, said) in wrong {
        let error = Database::parse(url).unwrap_err();
        assert!(error.to_string().contains(said), "{url}: {error}");
        assert!(!format!("{error} {error:?}").contains("geheim"), "{url}: {error:?}");
    }
    let right = [
        ("sqlite://calls.db", "sqlite://calls.db", "sqlite"),
        ("sqlite:calls.db", "sqlite://calls.db", "sqlite"),
        (" sqlite:///var/lib/calls.db\n", "sqlite:///var/lib/calls.db", "sqlite"),
        ("postgres://u:geheim@h:5433/calls", "postgresql://h:5433/calls", "postgresql"),
        ("postgresql://h/calls?password=geheim&sslmode=require", "postgresql://h/calls", "postgresql"),
        ("postgres:///calls?host=/run/postgresql", "postgresql:///calls", "postgresql"),
    ];
    for (url, shown, kind) in right {
        let database = Database::parse(url).unwrap();
        assert_eq!((database.to_string().as_str(), database.kind()), (shown, kind));
        let settings = format!("{:?}", Settings::new(database, "spool"));
        assert!(!settings.contains("geheim") && settings.contains(shown), "{settings}");
    }
}

#[test]
fn migrations_can_be_printed_and_are_those_of_supabases_tool() {
    let names = |url| -> Vec<String> {
        store::migrations(&Database::parse(url).unwrap()).into_iter().map(|(name, _)| name).collect()
    };
    for (folder, url) in [("sqlite", "sqlite://x"), ("postgres", "postgres://h/x")] {
        let folder = format!("{}/migrations/{folder}", env!("CARGO_MANIFEST_DIR"));
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().file_name().to_str().unwrap().trim_end_matches(".sql").to_owned())
            .collect();
        files.sort();
        assert_eq!(names(url), files);
    }
    let postgres = store::migrations(&Database::parse("postgres://h/x").unwrap());
    assert!(postgres[0].1.contains("enable row level security"));
}

#[tokio::test]
async fn two_hosts_do_not_share_a_file_or_a_spool() {
    let place = Place::sqlite();
    let store = place.store().await;
    let other = place.folder.path().join("other");
    let error = Store::open(Settings::new(place.settings().database, &other)).await.err().unwrap();
    assert!(matches!(&error, OpenError::InUse { .. }), "{error:?}");
    let said = format!(
        "is in use by another host (process {}); give each its own file, or use PostgreSQL",
        std::process::id()
    );
    assert!(error.to_string().ends_with(&said), "{error}");
    assert!(matches!(store::migrate(&place.settings().database).await, Err(OpenError::InUse { .. })));
    let another = format!("sqlite://{}", place.folder.path().join("another.db").display());
    let database = Database::parse(&another).unwrap();
    let error = Store::open(Settings::new(database, place.spool())).await.err().unwrap();
    assert!(matches!(&error, OpenError::InUse { path, .. } if *path == place.spool()), "{error:?}");
    // until the first one is gone
    store.close(Duration::from_secs(5)).await;
    Store::open(Settings::new(place.settings().database, &other)).await.unwrap();
}

#[tokio::test]
async fn a_file_may_be_called_anything_and_its_folder_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a b%20#c/ünï '1'/calls.db");
    let database = Database::parse(&format!("sqlite://{}", path.display())).unwrap();
    let store = Store::open(Settings::new(database, folder.path().join("spool"))).await.unwrap();
    let id = new_id();
    store.record(conversation(&id, BEGAN, json!({})));
    store.record(turn(&id, 1, "hello"));
    assert!(store.conversation(&id).await.unwrap().is_some());
    store.close(Duration::from_secs(5)).await;
    assert!(path.exists());
}

#[tokio::test]
async fn what_is_no_database_is_said_to_be_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("letter.db");
    std::fs::write(&path, "Dear Sir or Madam, ".repeat(1000)).unwrap();
    let database = Database::parse(&format!("sqlite://{}", path.display())).unwrap();
    let opened = Store::open(Settings::new(database, folder.path().join("spool"))).await;
    let error = opened.err().unwrap().to_string();
    assert!(error.contains("letter.db") && error.contains("not a database"), "{error}");
    assert!(std::fs::read_to_string(&path).unwrap().starts_with("Dear Sir"));
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let place = Place::sqlite();
    let opened = Store::open(Settings::new(place.settings().database, &file)).await;
    assert!(matches!(opened.err().unwrap(), OpenError::Spool { .. }));
}

#[tokio::test]
async fn a_file_that_somebody_else_writes_to_is_waited_for() {
    let place = Place::sqlite();
    let store = place.store().await;
    let id = new_id();
    store.record(conversation(&id, BEGAN, json!({})));
    store.settle().await.unwrap();
    let mut other = crate::places::connection(&place.url).await;
    sqlx::Executor::execute(&mut other, "begin immediate").await.unwrap();
    store.record(turn(&id, 1, "hello"));
    store.flush().await.unwrap();
    assert_eq!(store.health().spooled, 1);
    sqlx::Executor::execute(&mut other, "rollback").await.unwrap();
    crate::words::until_written(&store).await;
    assert_eq!(crate::words::turns_of(&store, &id).await, [1]);
    run(&place.url, "select 1").await;
}
