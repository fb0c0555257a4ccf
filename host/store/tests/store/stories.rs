//! What the store does, the same on SQLite and on PostgreSQL.

use crate::places::{self, Place};
use crate::words::{BEGAN, conversation, new_id, numbers, row, texts, turn, turns_of, until_written};
use serde_json::{Map, Value, json};
use sqlx::Row as _;
use std::collections::HashSet;
use std::time::Duration;
use store::{Condition, Error, Filter, Kind, Select, Table, Test};

macro_rules! on_both {
    ($($story:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $story() {
                super::$story(super::Place::sqlite()).await;
            })*
        }
        mod postgres {
            $(#[tokio::test]
            async fn $story() {
                let Some(place) = super::Place::postgres().await else { return };
                super::$story(place).await;
            })*
        }
        #[tokio::test]
        async fn a_server_that_is_given_tells_every_story() {
            let Ok(server) = std::env::var("DATABASE_URL") else {
                return places::skipped("there is no DATABASE_URL");
            };
            $(
                let place = Place::on(&server).await;
                let name = place.database();
                $story(place).await;
                places::run(&server, &format!("drop database {name} with (force)")).await;
            )*
        }
    };
}

on_both!(
    every_column_comes_back_as_it_went,
    a_later_row_replaces_what_it_names_and_nothing_else,
    pages_are_newest_first_and_miss_nobody,
    conversations_are_found_by_what_is_known_of_them,
    conversations_are_found_by_what_was_said_in_them,
    of_very_many_that_said_it_the_last_are_found_and_the_page_says_so,
    a_conversation_has_three_names,
    a_row_that_is_refused_holds_up_nobody,
    a_caller_is_forgotten,
    what_is_old_is_forgotten_piece_by_piece,
    a_node_that_died_ends_its_conversations,
    calls_whose_node_died_end_but_not_where_they_go_on,
    others_see_claims_and_call_logs,
    a_migration_that_cannot_run_names_itself,
    a_newer_database_is_left_alone,
    a_spool_of_a_process_that_is_gone_is_written_at_start,
    what_is_closed_at_once_is_written_by_the_next,
    many_calls_at_once_are_all_there,
);

/// A value of each kind; `number` makes it another one.
fn sample(kind: Kind, name: &str, number: u32) -> Value {
    match kind {
        Kind::Text => format!("{name} {number}: “quoted” 'and' \\ ünï 🎂\n;--").into(),
        Kind::Integer => (i64::from(number) + 9_007_199_254_740_993).into(),
        Kind::Decimal => format!("{number}1250.50").into(),
        Kind::Date => format!("2026-11-{:02}", number % 28 + 1).into(),
        Kind::Timestamp => format!("2026-11-21T09:30:00.{number:06}Z").into(),
        Kind::Uuid => format!("01930000-0000-7000-8000-{number:012x}").into(),
        Kind::Json => json!({ "list": [1, "zwei", null, 2.5], "nested": { "a": true }, "number": number }),
    }
}

async fn all(place: &store::Store, table: Table) -> Vec<Map<String, Value>> {
    let order = vec![("created_at", false)];
    place.select(Select { table, conditions: Vec::new(), order, limit: None }).await.unwrap()
}

async fn every_column_comes_back_as_it_went(place: Place) {
    let store = place.store().await;
    let id = sample(Kind::Uuid, "", 7);
    let mut kept = Vec::new();
    for table in Table::ALL {
        let mut values = Map::new();
        let mut bare = Map::new();
        for (number, column) in (0..).zip(table.columns()) {
            let value = match column.name {
                "id" | "conversation_id" => id.clone(),
                name => sample(column.kind, name, number),
            };
            values.insert(column.name.to_owned(), value);
            bare.insert(column.name.to_owned(), Value::Null);
        }
        store.record(store::Row { table, values: values.clone() });
        kept.push((table, values));
        // a second one that has nothing but what it must
        let bare_id = sample(Kind::Uuid, "", 8);
        bare.insert(table.key()[0].to_owned(), bare_id);
        bare.insert("created_at".to_owned(), "2027-01-01T00:00:00.000000Z".into());
        if table.column("position").is_some() {
            bare.insert("position".to_owned(), 3.into());
        }
        store.record(store::Row { table, values: bare.clone() });
        kept.push((table, bare));
    }
    store.settle().await.unwrap();
    for (table, values) in kept {
        assert!(all(&store, table).await.contains(&values), "{table:?} {values:?}");
    }
    assert_eq!(store.health().rejected, 0);

    // the same time in other words
    let other = new_id();
    store.record(conversation(&other, "2026-11-21T11:30:00.25+02:00", json!({ "caller": "NUL\0" })));
    let whole = store.conversation(&other).await.unwrap().unwrap();
    assert_eq!(whole.conversation["created_at"], "2026-11-21T09:30:00.250000Z");
    assert_eq!(whole.conversation["caller"], "NUL\u{FFFD}");
    store.close(Duration::from_secs(5)).await;
}

async fn a_later_row_replaces_what_it_names_and_nothing_else(place: Place) {
    let store = place.store().await;
    let id = new_id();
    store.record(conversation(&id, BEGAN, json!({ "caller": "+15550100", "claim_status": "Pending" })));
    store.record(conversation(&id, BEGAN, json!({ "claim_amount": "100.10", "claim_status": "Approved" })));
    store.record(conversation(&id.to_uppercase(), BEGAN, json!({ "claim_amount": "1250.50" })));
    store.record(turn(&id, 1, "my soup"));
    store.record(turn(&id, 1, "my soup was cold"));
    let whole = store.conversation(&id).await.unwrap().unwrap();
    assert_eq!(whole.conversation["caller"], "+15550100");
    assert_eq!(whole.conversation["claim_status"], "Approved");
    assert_eq!(whole.conversation["claim_amount"], "1250.50");
    assert_eq!(texts(&whole.turns, "text"), ["my soup was cold"]);
    // also a batch later
    store.record(conversation(&id, BEGAN, json!({ "claim_status": null })));
    let whole = store.conversation(&id).await.unwrap().unwrap();
    assert_eq!(whole.conversation["claim_status"], Value::Null);
    assert_eq!(whole.conversation["claim_amount"], "1250.50");
}

async fn pages_are_newest_first_and_miss_nobody(place: Place) {
    let store = place.store().await;
    // five of the same microsecond, and others around them
    let mut expected = Vec::new();
    for second in 0..4 {
        expected.push((format!("2026-11-21T09:30:0{second}.000000Z"), new_id()));
    }
    for _ in 0..5 {
        expected.push(("2026-11-21T09:30:02.000000Z".to_owned(), new_id()));
    }
    for (at, id) in &expected {
        store.record(conversation(id, at, json!({ "persona": "claim-intake" })));
    }
    store.record(conversation(&new_id(), BEGAN, json!({ "persona": "another" })));
    expected.sort();
    expected.reverse();
    let expected: Vec<&str> = expected.iter().map(|(_, id)| id.as_str()).collect();
    let filter = Filter { persona: Some("claim-intake".to_owned()), ..Filter::default() };
    for limit in [1, 2, 3, 4, 8, 9, 100] {
        let mut seen = Vec::new();
        let mut next = None;
        loop {
            let page = store.conversations(&filter, limit, next.as_deref()).await.unwrap();
            assert!(page.items.len() <= limit as usize);
            seen.extend(page.items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
            next = page.next;
            if next.is_none() {
                break;
            }
        }
        assert_eq!(seen, expected, "in pages of {limit}");
    }
    for wrong in ["", "2026", "2026-11-21T09:30:02Z_1", "x_01930000-0000-7000-8000-000000000000"] {
        let error = store.conversations(&filter, 10, Some(wrong)).await.unwrap_err();
        assert!(matches!(error, Error::Refused(_)), "{error:?}");
    }
}

async fn conversations_are_found_by_what_was_said_in_them(place: Place) {
    let store = place.store().await;
    let ids = [new_id(), new_id(), new_id()];
    for (id, texts) in ids.iter().zip([
        ["My soup was cold.", "The Soup, I said!"],
        ["A hundred_percent: 100 %, \\o/", "Goodbye"],
        ["Grüße an die Küche", "soap"],
    ]) {
        store.record(conversation(id, BEGAN, json!({})));
        for (position, text) in (1..).zip(texts) {
            store.record(turn(id, position, text));
        }
    }
    let found = async |text: &str| {
        let filter = Filter { text: Some(text.to_owned()), ..Filter::default() };
        let page = store.conversations(&filter, 10, None).await.unwrap();
        texts(&page.items, "id").into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(found("soup was").await, [ids[0].as_str()]);
    assert_eq!(found("SOUP, i").await, [ids[0].as_str()]);
    assert_eq!(found("cold soup").await, [ids[0].as_str()]);
    assert_eq!(found("die Küche").await, [ids[2].as_str()]);
    for itself in ["d_p", "100 %", "\\o/"] {
        assert_eq!(found(itself).await, [ids[1].as_str()], "{itself}");
    }
    for nowhere in ["so_p", "so%p", "' or 1=1 --", "stew", "cold soup, said"] {
        assert_eq!(found(nowhere).await, [""; 0], "{nowhere}");
    }
    // as any other condition
    let both = Filter { text: Some("soup".into()), persona: Some("nobody".into()), ..Filter::default() };
    assert!(store.conversations(&both, 10, None).await.unwrap().items.is_empty());
}

async fn of_very_many_that_said_it_the_last_are_found_and_the_page_says_so(place: Place) {
    let store = place.store().await;
    let begin = async |count: usize| {
        for _ in 0..count {
            let id = new_id();
            store.record(conversation(&id, BEGAN, json!({})));
            // so often that one request does not bring all of it
            for position in 1..=11 {
                store.record(turn(&id, position, "The soup, again!"));
            }
        }
        let filter = Filter { text: Some("soup".to_owned()), ..Filter::default() };
        store.conversations(&filter, 500, None).await.unwrap()
    };
    let page = begin(100).await;
    assert_eq!((page.items.len(), page.incomplete), (100, false));
    let page = begin(1).await;
    assert_eq!((page.items.len(), page.incomplete), (100, true));
}

async fn conversations_are_found_by_what_is_known_of_them(place: Place) {
    let store = place.store().await;
    let columns =
        ["caller", "called", "call_sid", "claim_id", "persona", "direction", "state", "outcome", "departure"];
    let mut one = Map::new();
    for column in columns {
        one.insert(column.to_owned(), format!("this {column}' or 1=1").into());
    }
    let id = new_id();
    store.record(conversation(&id, "2026-11-21T09:30:01Z", Value::Object(one.clone())));
    store.record(conversation(&new_id(), BEGAN, json!({})));
    let found = async |filter: Filter| -> Vec<String> {
        let page = store.conversations(&filter, 10, None).await.unwrap();
        texts(&page.items, "id").into_iter().map(str::to_owned).collect()
    };
    for column in columns {
        let value = one[column].as_str().map(str::to_owned);
        let mut filter = Filter::default();
        match column {
            "caller" => filter.caller = value,
            "called" => filter.called = value,
            "call_sid" => filter.call_sid = value,
            "claim_id" => filter.claim_id = value,
            "persona" => filter.persona = value,
            "direction" => filter.direction = value,
            "state" => filter.state = value,
            "outcome" => filter.outcome = value,
            _ => filter.departure = value,
        }
        assert_eq!(found(filter).await, [id.as_str()], "{column}");
    }
    let at = |time: &str| Some(time.parse().unwrap());
    let from = Filter { from: at("2026-11-21T09:30:01Z"), ..Filter::default() };
    assert_eq!(found(from).await, [id.as_str()]);
    let to = Filter { to: at("2026-11-21T09:30:01Z"), ..Filter::default() };
    assert_eq!(found(to).await.len(), 1);
    assert_eq!(found(Filter { claims: true, ..Filter::default() }).await, [id.as_str()]);
    assert_eq!(found(Filter::default()).await.len(), 2);
    assert_eq!(found(Filter { caller: Some("nobody".to_owned()), ..Filter::default() }).await, [""; 0]);

    // conditions as others may say them
    let select = |column, test| Select {
        table: Table::Conversations,
        conditions: vec![Condition { column, test }],
        order: Vec::new(),
        limit: None,
    };
    let some = |test| select("caller", test);
    assert_eq!(store.select(some(Test::IsNull)).await.unwrap().len(), 1);
    assert_eq!(store.select(some(Test::Is(Value::Null))).await.unwrap().len(), 1);
    assert_eq!(store.select(some(Test::IsNotNull)).await.unwrap().len(), 1);
    assert_eq!(store.select(some(Test::In(Vec::new()))).await.unwrap().len(), 0);
    assert_eq!(store.select(some(Test::IsNot(one["caller"].clone()))).await.unwrap().len(), 0);
    assert_eq!(store.select(some(Test::IsNot("x".into()))).await.unwrap().len(), 1);
    assert_eq!(store.select(some(Test::In(vec!["x".into(), one["caller"].clone()]))).await.unwrap().len(), 1);
    store.record(conversation(&id, BEGAN, json!({ "claim_amount": "99.5" })));
    store.settle().await.unwrap();
    let amount = |test| select("claim_amount", test);
    assert_eq!(store.select(amount(Test::Below("1000".into()))).await.unwrap().len(), 1);
    assert_eq!(store.select(amount(Test::Is("99.50".into()))).await.unwrap().len(), 1);
    assert_eq!(store.select(amount(Test::AtLeast("100".into()))).await.unwrap().len(), 0);
    let error = store.select(select("colour", Test::IsNull)).await.unwrap_err();
    assert_eq!(error.to_string(), "conversations has no column colour");
}

async fn a_conversation_has_three_names(place: Place) {
    let store = place.store().await;
    let (first, second) = (new_id(), new_id());
    let claim =
        json!({ "call_sid": "CA1", "claim_id": "C-7", "persona": "claim-intake", "state": "ongoing" });
    store.record(conversation(&first, "2026-11-21T09:30:00Z", claim));
    let claim = json!({ "call_sid": "CA2", "claim_id": "C-7", "persona": "claim-intake", "state": "done" });
    store.record(conversation(&second, "2026-11-21T10:30:00Z", claim));
    // more of it than one question brings
    for position in 0..1203 {
        store.record(turn(&second, position, "yes"));
    }
    let event = json!({ "conversation_id": second, "position": 0, "event": "dtmf", "created_at": BEGAN });
    store.record(row(Table::CallEvents, event));
    let figures = json!({ "conversation_id": second, "turns": 12, "created_at": BEGAN });
    store.record(row(Table::ConversationMetrics, figures));
    for name in [second.as_str(), "CA2", "C-7"] {
        let whole = store.conversation(name).await.unwrap().unwrap();
        assert_eq!(whole.conversation["id"], second.as_str(), "{name}");
        assert_eq!(numbers(&whole.turns, "position"), (0..1203).collect::<Vec<_>>());
        assert_eq!(texts(&whole.events, "event"), ["dtmf"]);
        assert_eq!(whole.metrics.unwrap()["turns"], 12);
    }
    let whole = store.conversation("CA1").await.unwrap().unwrap();
    assert_eq!((whole.turns.len(), whole.events.len(), whole.metrics), (0, 0, None));
    assert_eq!(store.conversation("CA3").await.unwrap(), None);
}

async fn a_row_that_is_refused_holds_up_nobody(place: Place) {
    let store = place.store().await;
    let id = new_id();
    store.record(conversation(&id, BEGAN, json!({})));
    for position in 0..50 {
        store.record(turn(&id, position, "good"));
        if position == 20 {
            store.record(turn(&new_id(), 1, "of no conversation"));
            store.record(conversation(&new_id(), BEGAN, json!({ "claim_amount": "lots" })));
            store.record(conversation(&new_id(), BEGAN, json!({ "colour": "red" })));
            store.record(row(Table::Turns, json!({ "position": 1 })));
        }
    }
    assert_eq!(turns_of(&store, &id).await, (0..50).collect::<Vec<_>>());
    let health = store.health();
    assert_eq!((health.rejected, health.lost, health.spooled, health.away), (4, 0, 0, None));
    let rejected = std::fs::read_to_string(place.spool().join("rejected.jsonl")).unwrap();
    let rejected: Vec<Value> = rejected.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let reasons: HashSet<&str> = rejected.iter().map(|line| line["reason"].as_str().unwrap()).collect();
    assert!(reasons.contains("claim_amount is to be a decimal number like 1250.50"), "{reasons:?}");
    assert!(reasons.contains("conversations has no column colour"), "{reasons:?}");
    assert!(reasons.contains("a row of turns without conversation_id"), "{reasons:?}");
    assert!(reasons.iter().any(|reason| reason.to_lowercase().contains("foreign key")), "{reasons:?}");
    let orphan = rejected.iter().find(|line| line["row"]["values"]["text"] == "of no conversation");
    assert_eq!(orphan.unwrap()["row"]["table"], "turns");
}

async fn a_caller_is_forgotten(place: Place) {
    let store = place.store().await;
    let them = "+15550100";
    let called_us = json!({ "caller": them, "direction": "inbound", "recording": "a.wav" });
    // the caller is whoever is at the other end
    let we_called =
        json!({ "caller": them, "called": "+15550199", "direction": "outbound", "recording": "b.wav" });
    let others =
        json!({ "caller": "+15550198", "called": them, "direction": "outbound", "recording": "c.wav" });
    let ids = [new_id(), new_id(), new_id()];
    for (id, more) in ids.iter().zip([called_us, we_called, others]) {
        store.record(conversation(id, BEGAN, more));
        store.record(turn(id, 1, "hello"));
        let event = json!({ "conversation_id": id, "position": 0, "event": "dtmf", "created_at": BEGAN });
        store.record(row(Table::CallEvents, event));
        let figures = json!({ "conversation_id": id, "turns": 1, "created_at": BEGAN });
        store.record(row(Table::ConversationMetrics, figures));
    }
    let deleted = store.delete_by_caller(them).await.unwrap();
    assert_eq!(deleted.conversations, 2);
    assert_eq!(deleted.recordings, ["a.wav", "b.wav"]);
    for table in [Table::Turns, Table::CallEvents, Table::ConversationMetrics] {
        assert_eq!(texts(&all(&store, table).await, "conversation_id"), [ids[2].as_str()], "{table:?}");
    }
    let deleted = store.delete(&ids[2]).await.unwrap();
    assert_eq!((deleted.conversations, deleted.recordings), (1, vec!["c.wav".to_owned()]));
    assert_eq!(all(&store, Table::Turns).await, []);
    assert_eq!(store.delete("CA1").await.unwrap().conversations, 0);

    // more of them than go in one piece
    for number in 0..250 {
        let more = json!({ "caller": them, "recording": format!("{number}.wav") });
        store.record(conversation(&new_id(), BEGAN, more));
    }
    let deleted = store.delete_by_caller(them).await.unwrap();
    assert_eq!((deleted.conversations, deleted.recordings.len()), (250, 250));
}

async fn what_is_old_is_forgotten_piece_by_piece(place: Place) {
    let store = place.store().await;
    let [old, across, new] = [new_id(), new_id(), new_id()];
    let turn_at = |id: &str, position: i64, at: &str| {
        let mut line = turn(id, position, "hello");
        line.values.insert("created_at".to_owned(), at.into());
        line
    };
    let event_at = |id: &str, at: &str| {
        let event = json!({ "conversation_id": id, "position": 0, "event": "dtmf", "created_at": at });
        row(Table::CallEvents, event)
    };
    for (id, day, recording) in [(&old, 1, "a.wav"), (&across, 10, "b.wav"), (&new, 20, "c.wav")] {
        let at = format!("2026-11-{day:02}T09:30:00Z");
        store.record(conversation(id, &at, json!({ "recording": recording, "node": "a" })));
        store.record(turn_at(id, 0, &at));
        store.record(event_at(id, &at));
    }
    let before: jiff::Timestamp = "2026-11-10T10:00:00Z".parse().unwrap();
    // it began before, and was spoken after
    store.record(turn_at(&across, 1, "2026-11-10T10:30:00Z"));
    assert_eq!(store.forget_words(before).await.unwrap(), 3);
    assert_eq!(texts(&all(&store, Table::Turns).await, "conversation_id"), [new.as_str()]);
    assert_eq!(store.forget_events(before).await.unwrap(), 2);
    assert_eq!(texts(&all(&store, Table::CallEvents).await, "conversation_id"), [new.as_str()]);
    let named = std::sync::Mutex::new(Vec::new());
    let stays = |name: &str| {
        named.lock().unwrap().push(name.to_owned());
        name != "b.wav"
    };
    assert_eq!(store.forget_recordings(before, "b", stays).await.unwrap(), 0, "they are on another host");
    assert_eq!(store.forget_recordings(before, "a", stays).await.unwrap(), 1);
    assert!(named.lock().unwrap().iter().all(|name| name == "a.wav" || name == "b.wav"), "{named:?}");
    let deleted = store.forget_conversations(before).await.unwrap();
    assert_eq!(deleted.conversations, 1, "one whose file is still there stays");
    assert_eq!(store.forget_recordings(before, "a", |_| true).await.unwrap(), 1);
    let recordings: Vec<Value> =
        all(&store, Table::Conversations).await.into_iter().map(|row| row["recording"].clone()).collect();
    assert_eq!(recordings, [Value::Null, "c.wav".into()]);
    let deleted = store.forget_conversations(before).await.unwrap();
    assert_eq!((deleted.conversations, deleted.recordings), (1, Vec::new()));
    // nothing of a call that goes on, however short a time things are kept
    let open = new_id();
    let now = jiff::Timestamp::now().to_string();
    store.record(conversation(&open, &now, json!({ "node": "a", "recording": "d.wav" })));
    store.record(turn_at(&open, 0, &now));
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(1);
    store.forget_words(soon).await.unwrap();
    store.forget_recordings(soon, "a", |_| true).await.unwrap();
    store.forget_conversations(soon).await.unwrap();
    let kept = store.conversation(&open).await.unwrap().unwrap();
    assert_eq!((kept.turns.len(), &kept.conversation["recording"]), (1, &json!("d.wav")));
    store.delete(&open).await.unwrap();
    // all others are too old by now
    assert_eq!(texts(&all(&store, Table::Conversations).await, "id"), Vec::<&str>::new());
}

async fn calls_whose_node_died_end_but_not_where_they_go_on(place: Place) {
    let store = place.store().await;
    let [lost, begun_anew, other] = [new_id(), new_id(), new_id()];
    store.record(conversation(&lost, BEGAN, json!({ "node": "a", "call_sid": "CA1" })));
    store.record(conversation(&begun_anew, BEGAN, json!({ "node": "b", "call_sid": "CA1" })));
    store.record(conversation(&other, BEGAN, json!({ "node": "a", "call_sid": "CA2" })));
    let at = "2026-11-21T10:00:00Z".parse().unwrap();
    let calls = ["CA1".to_owned(), "CA3".to_owned()];
    assert_eq!(store.end_of_calls(&calls, "b", at).await.unwrap(), 1);
    assert_eq!(store.end_of_calls(&calls, "b", at).await.unwrap(), 0, "once");
    for (id, departure) in [(&lost, json!("lost")), (&begun_anew, Value::Null), (&other, Value::Null)] {
        let kept = store.conversation(id).await.unwrap().unwrap();
        assert_eq!(kept.conversation["departure"], departure);
    }
}

async fn a_node_that_died_ends_its_conversations(place: Place) {
    let store = place.store().await;
    let [open, ended, other, later] = [new_id(), new_id(), new_id(), new_id()];
    store.record(conversation(&open, BEGAN, json!({ "node": "a" })));
    store.record(conversation(&ended, BEGAN, json!({ "node": "a", "departure": "hung-up" })));
    store.record(conversation(&other, BEGAN, json!({ "node": "b" })));
    store.record(conversation(&later, "2026-11-21T10:00:01Z", json!({ "node": "a" })));
    let at = "2026-11-21T10:00:00Z".parse().unwrap();
    assert_eq!(store.end_of_node("a", at).await.unwrap(), 1);
    let how = async |id: &str| {
        let conversation = store.conversation(id).await.unwrap().unwrap().conversation;
        (conversation["departure"].clone(), conversation["ended_at"].clone())
    };
    assert_eq!(how(&open).await, ("lost".into(), "2026-11-21T10:00:00.000000Z".into()));
    assert_eq!(how(&ended).await, ("hung-up".into(), Value::Null));
    assert_eq!(how(&other).await, (Value::Null, Value::Null));
    assert_eq!(how(&later).await, (Value::Null, Value::Null));
}

async fn others_see_claims_and_call_logs(place: Place) {
    let store = place.store().await;
    let id = new_id();
    let claim = json!({
        "call_sid": "CA1", "claim_id": "C-1", "claim_date": "2026-11-21", "claim_status": "Pending",
        "claim_amount": "12.50", "state": "done",
    });
    store.record(conversation(&id, BEGAN, claim));
    store.record(conversation(&new_id(), BEGAN, json!({ "call_sid": "CA2" })));
    let lines = [
        (1, 0, 0, "agent", "Thank you for calling."),
        (2, 0, 0, "agent", "How was it?"),
        (3, 1, 0, "caller", "My soup"),
        (4, 1, 1, "caller", "My soup was cold."),
        (6, 1, 1, "agent", "Which site was it?"),
        (5, 1, 1, "agent", "I am sorry."),
        (7, 2, 0, "caller", "Berlin."),
    ];
    for (position, number, revision, speaker, text) in lines {
        let mut line = turn(&id, position, text);
        line.values.insert("turn".to_owned(), number.into());
        line.values.insert("revision".to_owned(), revision.into());
        line.values.insert("speaker".to_owned(), speaker.into());
        line.values.insert("created_at".to_owned(), format!("2026-11-21T09:30:{position:02}Z").into());
        store.record(line);
    }
    store.settle().await.unwrap();
    let mut connection = places::connection(&place.url).await;
    let logs = sqlx::query("select call_sid, transcription, ai_response from call_logs order by created_at")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    let logs: Vec<[String; 3]> = logs.iter().map(|row| [0, 1, 2].map(|cell| row.get(cell))).collect();
    assert_eq!(
        logs,
        [
            ["CA1", "", "Thank you for calling. How was it?"],
            ["CA1", "My soup was cold.", "I am sorry. Which site was it?"],
            ["CA1", "Berlin.", ""],
        ]
    );
    let claims = sqlx::query(
        "select claim_id, cast(claim_date as text), claim_status, cast(claim_amount as text), state, \
         cast(conversation_id as text), call_sid from claims where created_at is not null",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    let claims: Vec<Vec<String>> =
        claims.iter().map(|row| (0..7).map(|cell| row.get::<String, _>(cell)).collect()).collect();
    assert_eq!(claims, [["C-1", "2026-11-21", "Pending", "12.50", "done", id.as_str(), "CA1"]]);
}

async fn a_migration_that_cannot_run_names_itself(place: Place) {
    if let Some(path) = place.url.strip_prefix("sqlite://") {
        std::fs::File::create(path).unwrap();
    }
    places::run(&place.url, "create table conversations (id text primary key)").await;
    let settings = place.settings();
    for _ in 0..2 {
        let error = store::Store::open(settings.clone()).await.err().unwrap().to_string();
        assert!(error.starts_with("the migration 20261121000001_conversations cannot run: "), "{error}");
        assert!(error.contains("created_at"), "{error}");
        let error = store::migrate(&settings.database).await.unwrap_err().to_string();
        assert!(error.contains("20261121000001_conversations"), "{error}");
    }
    places::run(&place.url, "drop table conversations").await;
    store::migrate(&settings.database).await.unwrap();
    place.store().await;
}

async fn a_newer_database_is_left_alone(place: Place) {
    place.store().await.close(Duration::from_secs(5)).await;
    let truth = if place.url.starts_with("sqlite") { "1" } else { "true" };
    let newer = format!(
        "insert into _sqlx_migrations (version, description, success, checksum, execution_time) \
         select 20991231000000, 'later', {truth}, checksum, 0 from _sqlx_migrations limit 1"
    );
    places::run(&place.url, &newer).await;
    let error = store::Store::open(place.settings()).await.err().unwrap().to_string();
    assert!(error.starts_with("a newer version of this program has set up this database"), "{error}");
    assert!(error.contains("20991231000000"), "{error}");
}

async fn a_spool_of_a_process_that_is_gone_is_written_at_start(place: Place) {
    let id = new_id();
    let line = |row: store::Row| serde_json::to_string(&row).unwrap() + "\n";
    std::fs::create_dir_all(place.spool()).unwrap();
    let first = line(conversation(&id, BEGAN, json!({ "state": "initial" }))) + &line(turn(&id, 0, "a"));
    std::fs::write(place.spool().join("000000000003.jsonl"), first).unwrap();
    let torn = line(turn(&id, 2, "torn by the crash"));
    let second = line(turn(&id, 1, "b"))
        + &line(conversation(&id, BEGAN, json!({ "state": "ongoing" })))
        + &torn[..torn.len() - 20];
    std::fs::write(place.spool().join("000000000004.jsonl"), second).unwrap();
    let store = place.store().await;
    store.record(turn(&id, 3, "c"));
    until_written(&store).await;
    let whole = store.conversation(&id).await.unwrap().unwrap();
    assert_eq!(whole.conversation["state"], "ongoing");
    assert_eq!(texts(&whole.turns, "text"), ["a", "b", "c"]);
    assert_eq!(store.health().rejected, 1);
    let aside = std::fs::read_to_string(place.spool().join("torn.jsonl")).unwrap();
    assert_eq!(aside.trim_end(), &torn[..torn.len() - 20]);
    assert_eq!(spooled_files(&place), 0);
}

fn spooled_files(place: &Place) -> usize {
    let numbered = |name: &str| name.starts_with('0');
    std::fs::read_dir(place.spool())
        .unwrap()
        .filter(|entry| numbered(entry.as_ref().unwrap().file_name().to_str().unwrap()))
        .count()
}

async fn what_is_closed_at_once_is_written_by_the_next(place: Place) {
    let store = place.store().await;
    let id = new_id();
    store.record(conversation(&id, BEGAN, json!({})));
    for position in 0..2000 {
        store.record(turn(&id, position, "hello"));
    }
    let other = store.clone();
    store.close(Duration::ZERO).await;
    other.record(turn(&id, 5000, "too late"));
    assert_eq!(other.health().lost, 1);
    other.flush().await.unwrap_err();
    drop(other);
    let next = place.store().await;
    until_written(&next).await;
    assert_eq!(turns_of(&next, &id).await, (0..2000).collect::<Vec<_>>());
    assert_eq!(spooled_files(&place), 0);
}

async fn many_calls_at_once_are_all_there(place: Place) {
    let store = place.store().await;
    let ids: Vec<String> = (0..40).map(|_| new_id()).collect();
    let calls: Vec<_> = ids
        .iter()
        .map(|id| {
            let (store, id) = (store.clone(), id.clone());
            tokio::spawn(async move {
                store.record(conversation(&id, BEGAN, json!({ "state": "initial" })));
                for position in 0..50 {
                    store.record(turn(&id, position, "yes"));
                    let state = format!("after {position}");
                    store.record(conversation(&id, BEGAN, json!({ "state": state })));
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for call in calls {
        call.await.unwrap();
    }
    for id in &ids {
        let whole = store.conversation(id).await.unwrap().unwrap();
        assert_eq!(whole.conversation["state"], "after 49");
        assert_eq!(numbers(&whole.turns, "position"), (0..50).collect::<Vec<_>>());
    }
    let health = store.health();
    assert_eq!((health.rejected, health.lost), (0, 0));
}
