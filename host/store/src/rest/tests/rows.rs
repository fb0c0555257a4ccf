//! What goes in comes out.

use super::*;
use crate::backend::Backend;

#[tokio::test]
async fn every_kind_of_value_comes_back_as_it_went() {
    let (server, long) = (project().await, "A \"soup\", cold; 50 % off & more + Ä€😀\n\\");
    let rest = rest(&server);
    let whole = row(
        Table::Conversations,
        json!({
            "id": id(1), "caller": "+15555550199", "persona": long, "claim_date": "2026-11-20",
            "claim_amount": "1250.50", "cost": "0.000000000000012300",
            "fields": {"room": 412, "guests": ["Ada", null], "rate": 1.5}, "usage": [],
            "created_at": "2026-11-21T18:00:00.123456Z", "ended_at": "2026-11-21T18:05:00.000000Z",
            "duration_ms": 9_007_199_254_740_993_i64, "outcome": null,
        }),
    );
    rest.write(std::slice::from_ref(&whole)).await.unwrap();
    let rows = rest.select(&of(Table::Conversations)).await.unwrap();
    assert_eq!(rows.len(), 1);
    for column in Table::Conversations.columns() {
        let expected = whole.values.get(column.name).unwrap_or(&Value::Null);
        assert_eq!(&rows[0][column.name], expected, "{}", column.name);
    }
    assert_eq!(server.violations(), [""; 0]);
}

#[tokio::test]
async fn a_second_row_of_the_same_key_replaces_what_it_names() {
    let server = project().await;
    let rest = rest(&server);
    let first = json!({"id": id(1), "created_at": AT, "caller": "Ada", "outcome": "open"});
    let second = json!({"id": id(1), "created_at": AT, "outcome": null, "persona": "host"});
    rest.write(&[row(Table::Conversations, first.clone())]).await.unwrap();
    rest.write(&[row(Table::Conversations, second)]).await.unwrap();
    let rows = rest.select(&of(Table::Conversations)).await.unwrap();
    assert_eq!(rows.len(), 1);
    let got = ["caller", "outcome", "persona"].map(|name| rows[0][name].clone());
    assert_eq!(got, [json!("Ada"), Value::Null, json!("host")]);

    // twice at once, which one statement may not have
    let third =
        row(Table::Conversations, json!({"id": id(1), "created_at": AT, "outcome": "a", "caller": "b"}));
    rest.write(&[row(Table::Conversations, first), third]).await.unwrap();
    let rows = rest.select(&of(Table::Conversations)).await.unwrap();
    assert_eq!((&rows[0]["outcome"], &rows[0]["caller"]), (&json!("a"), &json!("b")));
    assert_eq!(server.violations(), [""; 0]);
}

#[tokio::test]
async fn rows_go_in_their_order_and_together_where_they_may() {
    let server = project().await;
    let rest = rest(&server);
    let event = row(
        Table::CallEvents,
        json!({"conversation_id": id(1), "position": 0, "created_at": AT, "event": "x"}),
    );
    let heard = |position: u16| {
        let mut row = turn(1, position);
        row.values.insert("text".into(), json!("hello"));
        row
    };
    let rows =
        [conversation(1), conversation(2), turn(1, 0), turn(2, 0), turn(1, 1), heard(2), event, turn(1, 3)];
    rest.write(&rows).await.unwrap();
    assert_eq!(written(&server), ["conversations", "turns", "turns", "call_events", "turns"]);
    let request = &server.seen().requests[1];
    assert_eq!(request.prefer, ["resolution=merge-duplicates", "return=minimal"]);
    let parameter = |name: &str| request.parameters.iter().find(|(own, _)| own == name).unwrap().1.clone();
    assert_eq!(parameter("on_conflict"), "conversation_id,position");
    assert_eq!(parameter("columns"), "conversation_id,created_at,position");
    assert_eq!(server.database().rows("turns").len(), 5);

    // the other way round, the database would not take them
    let error = rest.write(&[turn(3, 0), conversation(3)]).await.unwrap_err();
    assert!(matches!(&error, Error::Refused(said) if said.contains("409 23503")), "{error}");
}

#[tokio::test]
async fn a_value_in_a_condition_is_what_it_is() {
    let server = project().await;
    let rest = rest(&server);
    let names = [
        "a,b",
        "\"quoted\"",
        "50%25 %",
        "a&b=c",
        "a+b",
        "Ä€😀",
        "(x)",
        "in.(a)",
        "back\\slash",
        "a.b",
        "null",
        " x ",
        "#?/",
        "",
    ];
    for (number, name) in (1..).zip(names) {
        let mut row = conversation(number);
        row.values.insert("caller".into(), json!(name));
        rest.write(&[row]).await.unwrap();
    }
    for name in names {
        for test in [Test::Is(json!(name)), Test::In(vec![json!("nobody, here"), json!(name), json!("(")])] {
            let select = Select { conditions: where_("caller", test.clone()), ..of(Table::Conversations) };
            let rows = rest.select(&select).await.unwrap();
            assert_eq!(column(&rows, "caller"), [json!(name)], "{test:?}");
        }
    }
    assert_eq!(server.violations(), [""; 0]);
}

#[tokio::test]
async fn conditions_order_and_limit() {
    let server = project().await;
    let rest = rest(&server);
    for (number, amount, hour) in
        [(1, json!("9.50"), 10), (2, json!("10"), 11), (3, json!(null), 12), (4, json!("100.00"), 13)]
    {
        let created = format!("2026-11-21T{hour}:00:00.000000Z");
        let values = json!({"id": id(number), "created_at": created, "claim_amount": amount});
        rest.write(&[row(Table::Conversations, values)]).await.unwrap();
    }
    let when = |hour: u8| json!(format!("2026-11-21T{hour}:00:00Z"));
    let between =
        [where_("created_at", Test::AtLeast(when(11))), where_("created_at", Test::Below(when(13)))].concat();
    let ids = json!([id(4), id(1)]).as_array().unwrap().clone();
    let by_amount = vec![("claim_amount", true)];
    for (conditions, order, limit, expected) in [
        (vec![], vec![], None, vec![1, 2, 3, 4]),
        (vec![], by_amount.clone(), None, vec![4, 2, 1, 3]),
        (vec![], vec![("claim_amount", false)], Some(2), vec![1, 2]),
        (between, vec![("created_at", true)], None, vec![3, 2]),
        (where_("claim_amount", Test::IsNull), vec![], None, vec![3]),
        (where_("claim_amount", Test::Is(Value::Null)), vec![], None, vec![3]),
        (where_("claim_amount", Test::IsNotNull), by_amount.clone(), Some(1), vec![4]),
        (where_("claim_amount", Test::AtLeast(json!("10.00"))), vec![], None, vec![2, 4]),
        (where_("claim_amount", Test::AtLeast(Value::Null)), vec![], None, vec![]),
        (where_("claim_amount", Test::IsNot(json!("10.00"))), vec![], None, vec![1, 4]),
        (where_("claim_amount", Test::IsNot(Value::Null)), vec![], None, vec![]),
        (where_("id", Test::In(ids)), by_amount, None, vec![4, 1]),
        (where_("id", Test::In(vec![])), vec![], None, vec![]),
        (vec![], vec![], Some(0), vec![]),
    ] {
        let select = Select { table: Table::Conversations, conditions, order, limit };
        let rows = rest.select(&select).await.unwrap();
        let expected: Vec<Value> = expected.into_iter().map(|number| json!(id(number))).collect();
        assert_eq!(column(&rows, "id"), expected, "{select:?}");
    }
    assert_eq!(server.violations(), [""; 0]);
}

#[tokio::test]
async fn more_rows_than_are_answered_at_once_come_all_the_same() {
    let server = project().await;
    let rest = rest(&server);
    rest.write(&[conversation(1)]).await.unwrap();
    let turns: Vec<Row> = (0..1203).map(|position| turn(1, position)).collect();
    rest.write(&turns).await.unwrap();
    assert_eq!(written(&server).len(), 1 + 3, "no request is longer than it may be");
    let by_position = vec![("position", true)];
    let select = Select { order: by_position.clone(), ..of(Table::Turns) };
    let all = rest.select(&select).await.unwrap();
    let expected: Vec<Value> = (0..1203).rev().map(|position| json!(position)).collect();
    assert_eq!(column(&all, "position"), expected);
    let some = Select { limit: Some(700), ..select };
    assert_eq!(rest.select(&some).await.unwrap().len(), 700);
}

#[tokio::test]
async fn changes_and_deletions_are_counted() {
    let server = project().await;
    let rest = rest(&server);
    rest.write(&[conversation(1), conversation(2), turn(1, 0), turn(1, 1), turn(2, 0)]).await.unwrap();
    let Value::Object(values) = json!({"text": "a, \"b\"", "confidence": "0.90"}) else { unreachable!() };
    let of_first = where_("conversation_id", Test::Is(json!(id(1))));
    assert_eq!(rest.update(Table::Turns, &of_first, &values).await.unwrap(), 2);
    assert_eq!(rest.update(Table::Turns, &[], &values).await.unwrap(), 3, "all of them");
    assert_eq!(rest.update(Table::Turns, &[], &Map::new()).await.unwrap(), 0);
    let nobody = where_("conversation_id", Test::In(vec![]));
    assert_eq!(rest.update(Table::Turns, &nobody, &values).await.unwrap(), 0);
    assert_eq!(rest.delete(Table::Turns, &nobody).await.unwrap(), 0);
    let rows = rest.select(&of(Table::Turns)).await.unwrap();
    assert_eq!(column(&rows, "confidence"), vec![json!("0.90"); 3]);

    let first = where_("id", Test::Is(json!(id(1))));
    assert_eq!(rest.delete(Table::Conversations, &first).await.unwrap(), 1);
    assert_eq!(rest.delete(Table::Conversations, &first).await.unwrap(), 0);
    let left = rest.select(&of(Table::Turns)).await.unwrap();
    assert_eq!(column(&left, "conversation_id"), [json!(id(2))], "what belonged to it went with it");
    assert_eq!(rest.delete(Table::Conversations, &[]).await.unwrap(), 1, "all of them");
    assert_eq!(server.violations(), [""; 0]);
}
