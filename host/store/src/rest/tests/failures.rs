//! What goes wrong, and what it is called.

use super::*;
use crate::backend::Backend;
use standins::Fault;
use std::time::Duration;

fn away(result: Result<(), Error>, words: &str) {
    let Err(Error::Away(said)) = &result else { panic!("{words}: {result:?}") };
    assert!(said.contains(words) && !said.contains(SECRET), "{said}");
}

fn refused(result: Result<(), Error>, words: &str) {
    let Err(Error::Refused(said)) = &result else { panic!("{words}: {result:?}") };
    assert!(said.contains(words) && !said.contains(SECRET), "{said}");
}

#[tokio::test]
async fn who_has_no_time_now_may_have_it_later() {
    let server = project().await;
    let rest = rest(&server);
    for status in [402, 408, 429, 500, 503, 504] {
        server.set_fault_times(Fault::Refuse { status, retry_after: None }, 1);
        away(
            rest.write(&[conversation(1)]).await,
            &format!("writing conversations at Supabase: it says {status}"),
        );
    }
    assert_eq!(server.database().rows("conversations").len(), 0);
    rest.write(&[conversation(1)]).await.unwrap();
    assert_eq!(server.database().rows("conversations").len(), 1);
}

#[tokio::test]
async fn an_answer_that_does_not_come_or_is_none_is_no_answer() {
    let server = project().await;
    let rest = rest(&server);
    server.set_fault_times(Fault::Garbage, 1);
    away(rest.write(&[conversation(1)]).await, "something that was not asked for");
    assert_eq!(server.database().rows("conversations").len(), 0);
    for fault in [Fault::Garbage, Fault::Nothing] {
        server.set_fault_times(fault, 1);
        away(rest.select(&of(Table::Conversations)).await.map(drop), "no rows");
    }
    server.set_fault_times(Fault::Nothing, 1);
    away(rest.delete(Table::Conversations, &[]).await.map(drop), "no count");
    server.set_fault_times(Fault::CloseMidWord, 1);
    away(rest.write(&[conversation(1)]).await, "writing conversations at Supabase: ");
    // it was done all the same, and may be done again
    rest.write(&[conversation(1)]).await.unwrap();
    assert_eq!(server.database().rows("conversations").len(), 1);
}

#[tokio::test]
async fn nobody_is_waited_for_longer_than_it_may_take() {
    let server = project().await;
    let mut rest = rest(&server);
    rest.patience = Duration::from_millis(50);
    server.set_fault(Some(Fault::Silent));
    away(rest.write(&[conversation(1)]).await, "timed out");

    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let nobody = format!("http://127.0.0.1:{port}");
    let nobody = Rest::new(standins::client().unwrap(), &nobody, SECRET).unwrap();
    away(nobody.write(&[conversation(1)]).await, "Connection refused");
}

#[tokio::test]
async fn what_cannot_be_is_refused_in_the_servers_words() {
    let server = project().await;
    let rest = rest(&server);
    let with = |column: &str, value: Value| {
        let mut row = conversation(1);
        row.values.insert(column.into(), value);
        [row]
    };
    let words = "400 22P02 invalid input syntax for type bigint: \"long\"";
    refused(rest.write(&with("duration_ms", json!("long"))).await, words);
    refused(rest.write(&with("claim_date", json!("soon"))).await, "22007");
    refused(rest.write(&with("id", Value::Null)).await, "23502");
    refused(rest.write(&[turn(7, 0)]).await, "409 23503");
    let select = Select { conditions: where_("id", Test::Is(json!("7"))), ..of(Table::Conversations) };
    refused(rest.select(&select).await.map(drop), "22P02");
}

#[tokio::test]
async fn what_somebody_may_mend_is_not_refused_for_good() {
    let server = project().await;
    let rest = rest(&server);
    server.database().drop_table("conversations");
    away(
        rest.write(&[conversation(1)]).await,
        "404 PGRST205 Could not find the table 'public.conversations'",
    );
    let mut older = table(Table::Conversations);
    older.columns.retain(|column| column.name != "created_at");
    server.database().create_table(older);
    away(rest.write(&[conversation(1)]).await, "400 PGRST204");
    away(rest.select(&of(Table::Conversations)).await.map(drop), "42703 column conversations.created_at");
    server.database().create_table(table(Table::Conversations));
    rest.write(&[conversation(1)]).await.unwrap();

    let another = "sb_secret_another";
    let result = rest_with(&server, another).write(&[conversation(1)]).await;
    assert!(!format!("{result:?}").contains(another));
    away(result, "401 Invalid API key; check that the key is the project's secret one");
}

#[test]
fn a_key_that_the_server_quotes_is_taken_out_and_so_is_a_whole_row() {
    let status = reqwest::StatusCode::BAD_REQUEST;
    let body = json!({
        "code": "23502", "message": format!("null value in column \"id\" for {SECRET}."),
        "details": "Failing row contains (null, my soup was cold).", "hint": null,
    });
    let failure =
        super::super::Failure::refused("writing", status, body.to_string().as_bytes()).without(SECRET);
    let error = Error::from(failure);
    assert_eq!(error.to_string(), "writing: it says 400 23502 null value in column \"id\" for (the key)");
}

#[test]
fn a_code_says_more_than_a_status() {
    for (status, code, is_for_good) in [
        // the same row twice in a statement, and a value that is too large: no repetition mends them
        (500, "21000", true),
        (500, "54000", true),
        (400, "P0001", true),
        (400, "PGRST100", true),
        (413, "", true),
        // a statement that took too long, a deadlock, a disk that is full, a cache that is being made
        (500, "57014", false),
        (500, "40P01", false),
        (405, "25006", false),
        (404, "42P01", false),
        (400, "42P10", false),
        (403, "", false),
        (308, "", false),
    ] {
        let status = reqwest::StatusCode::from_u16(status).unwrap();
        let body = json!({ "code": code, "message": "no" }).to_string();
        let error = Error::from(super::super::Failure::refused("writing", status, body.as_bytes()));
        assert_eq!(matches!(error, Error::Refused(_)), is_for_good, "{error}");
    }
}
