//! Supabase's REST interface.

use crate::{KEY, within};
use reqwest::Method;
use serde_json::{Value, json};
use standins::Fault;
use standins::supabase::{Config, Database, Server, Table, Type};

const SECRET: &str = "sb_secret_of-this-test";
const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.of-this-test.x";

fn database() -> Database {
    let guests =
        [("id", Type::Uuid), ("name", Type::Text), ("bill", Type::Numeric), ("since", Type::Timestamp)];
    let wishes = [("guest_id", Type::Uuid), ("position", Type::Integer), ("wish", Type::Json)];
    Database::new([
        Table::new("guests", guests, ["id"]),
        Table::new("wishes", wishes, ["guest_id", "position"]).child_of("guests", "guest_id"),
    ])
}

async fn house() -> Server {
    Server::start(Config::new(KEY, database())).await.unwrap()
}

fn id(number: u8) -> String {
    format!("00000000-0000-7000-8000-0000000000{number:02}")
}

/// What came back: status, `Content-Range`, body.
type Answer = (u16, String, Value);

async fn ask(server: &Server, method: Method, path: &str, prefer: &str, body: Value) -> Answer {
    let mut headers = vec![("apikey", KEY), ("content-type", "application/json")];
    if !prefer.is_empty() {
        headers.push(("prefer", prefer));
    }
    ask_with(server, method, path, &headers, body).await
}

async fn ask_with(
    server: &Server,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: Value,
) -> Answer {
    let client = standins::client().unwrap().build().unwrap();
    let mut request = client.request(method, format!("{}/rest/v1/{path}", server.base_url()));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if !body.is_null() {
        request = request.body(body.to_string());
    }
    let response = within(request.send()).await.unwrap();
    let range = response.headers().get("content-range").map(|range| range.to_str().unwrap().to_owned());
    let status = response.status().as_u16();
    let text = within(response.text()).await.unwrap();
    (status, range.unwrap_or_default(), serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

async fn get(server: &Server, path: &str) -> Value {
    let (status, _, rows) = ask(server, Method::GET, path, "", Value::Null).await;
    assert_eq!(status, 200, "{path}: {rows}");
    rows
}

async fn fill(server: &Server) {
    let guests = json!([
        {"id": id(1), "name": "Ada, \"the\" Countess", "bill": "9.50", "since": "2026-11-21T19:00:00+01:00"},
        {"id": id(2), "name": "Bob", "bill": 10, "since": "2026-11-21T18:00:00.5Z"},
        {"id": id(3), "name": null, "bill": null, "since": null},
    ]);
    let (status, _, body) = ask(server, Method::POST, "guests", "", guests).await;
    assert_eq!((status, body), (201, json!("")));
}

#[tokio::test]
async fn rows_are_found_by_filters_and_come_in_order() {
    let server = house().await;
    fill(&server).await;
    for (path, ids) in [
        ("guests?select=id&order=bill.desc.nullslast", vec![2, 1, 3]),
        ("guests?select=id&order=bill.desc", vec![3, 2, 1]),
        ("guests?select=id&order=since.asc,id.asc&limit=2&offset=1", vec![2, 3]),
        ("guests?select=id&bill=gt.9.5", vec![2]),
        ("guests?select=id&bill=gte.9.5&bill=lt.10", vec![1]),
        ("guests?select=id&bill=lte.9.5", vec![1]),
        ("guests?select=id&name=neq.Bob", vec![1]),
        ("guests?select=id&name=ilike.*the*count*", vec![1]),
        ("guests?select=id&name=ilike.*bo_", vec![2]),
        (r"guests?select=id&name=ilike.*bo\_", vec![]),
        ("guests?select=id&name=not.ilike.*o*", vec![]),
        ("guests?select=id&name=is.null", vec![3]),
        ("guests?select=id&name=not.is.null", vec![1, 2]),
        ("guests?select=id&since=eq.2026-11-21T18:00:00Z", vec![1]),
        (r#"guests?select=id&name=in.("Ada, \"the\" Countess",Eve)"#, vec![1]),
        ("guests?select=id&limit=0", vec![]),
    ] {
        let expected: Vec<Value> = ids.into_iter().map(|number| json!({"id": id(number)})).collect();
        assert_eq!(get(&server, path).await, json!(expected), "{path}");
    }
    assert_eq!(
        get(&server, "guests?select=bill,since&limit=1").await,
        json!([{"bill": 9.5, "since": "2026-11-21T18:00:00+00:00"}])
    );
    assert_eq!(get(&server, "guests?select=bill::text&limit=1").await, json!([{"bill": "9.50"}]));
    assert_eq!(server.violations(), [""; 0]);
}

#[tokio::test]
async fn an_upsert_replaces_what_it_names() {
    let server = house().await;
    fill(&server).await;
    let path = "guests?on_conflict=id&columns=id,name";
    let merge = "resolution=merge-duplicates,return=representation";
    let (status, _, rows) =
        ask(&server, Method::POST, path, merge, json!([{"id": id(2), "name": "Rob", "bill": "0"}])).await;
    let rob = json!({"id": id(2), "name": "Rob", "bill": 10.0, "since": "2026-11-21T18:00:00.5+00:00"});
    assert_eq!((status, rows), (201, json!([rob])));

    let ignore = "resolution=ignore-duplicates,return=representation";
    let (_, _, rows) = ask(&server, Method::POST, path, ignore, json!({"id": id(2), "name": "Tom"})).await;
    assert_eq!(rows, json!([]));
    assert_eq!(server.database().rows("guests")[1], rob);
    assert_eq!(server.violations(), [""; 0]);
}

#[tokio::test]
async fn what_belongs_to_a_row_comes_after_it_and_goes_with_it() {
    let server = house().await;
    fill(&server).await;
    let wish =
        |guest: u8, position: u8| json!({"guest_id": id(guest), "position": position, "wish": {"a": 1}});
    let wishes = json!([wish(1, 0), wish(1, 1), wish(2, 0)]);
    assert_eq!(ask(&server, Method::POST, "wishes", "return=minimal", wishes).await.0, 201);
    let (status, _, error) = ask(&server, Method::POST, "wishes", "", json!([wish(2, 1), wish(9, 0)])).await;
    assert_eq!((status, &error["code"]), (409, &json!("23503")));
    assert_eq!(server.database().rows("wishes").len(), 3, "a request is done whole or not at all");

    let count = "count=exact,return=minimal";
    let (status, range, _) =
        ask(&server, Method::PATCH, "wishes?position=eq.0", count, json!({"wish": null})).await;
    assert_eq!((status, range.as_str()), (204, "0-1/2"));
    let (status, range, _) =
        ask(&server, Method::DELETE, &format!("guests?id=eq.{}", id(1)), count, Value::Null).await;
    assert_eq!((status, range.as_str()), (204, "*/1"));
    assert_eq!(server.database().rows("wishes"), [json!({"guest_id": id(2), "position": 0, "wish": null})]);
}

#[tokio::test]
async fn what_is_wrong_is_refused_in_its_words() {
    let config = Config { forbidden: vec!["wishes".into()], ..Config::new(KEY, database()) };
    let server = Server::start(config).await.unwrap();
    fill(&server).await;
    let guest = |number: u8| json!({"id": id(number), "name": "Eve"});
    let merge = "resolution=merge-duplicates";
    for (method, path, prefer, body, status, code, words) in [
        (Method::GET, "ghosts", "", Value::Null, 404, "PGRST205", "'public.ghosts' in the schema cache"),
        (Method::GET, "guests?select=age", "", Value::Null, 400, "42703", "column guests.age does not exist"),
        (Method::GET, "guests?name=Bob", "", Value::Null, 400, "PGRST100", "failed to parse filter (Bob)"),
        (Method::GET, "guests?id=eq.7", "", Value::Null, 400, "22P02", "for type uuid: \"7\""),
        (Method::GET, "wishes", "", Value::Null, 403, "42501", "permission denied for table wishes"),
        (Method::POST, "guests", "", json!({"age": 7}), 400, "PGRST204", "'age' column of 'guests'"),
        (Method::POST, "guests", "", guest(1), 409, "23505", "duplicate key value"),
        (Method::POST, "guests", "", json!({"name": "Eve"}), 400, "23502", "null value in column \"id\""),
        (Method::POST, "guests", "", json!([guest(4), {"id": id(5)}]), 400, "PGRST102", "keys must match"),
        (Method::POST, "guests", merge, json!([guest(4), guest(4)]), 500, "21000", "a second time"),
        (Method::POST, "guests?on_conflict=name", merge, guest(4), 400, "42P10", "no unique or exclusion"),
        (Method::POST, "guests", "", json!({"id": id(4), "bill": "much"}), 400, "22P02", "numeric: \"much\""),
        (Method::DELETE, "guests", "", Value::Null, 400, "21000", "DELETE requires a WHERE clause"),
    ] {
        let (given, _, error) = ask(&server, method, path, prefer, body).await;
        assert_eq!((given, &error["code"]), (status, &json!(code)), "{path}: {error}");
        assert!(error["message"].as_str().unwrap().contains(words), "{path}: {error}");
    }
    assert_eq!(server.database().rows("guests").len(), 3);
}

#[tokio::test]
async fn a_key_is_believed_where_it_belongs() {
    const MOZILLA: &str = "Mozilla/5.0 (X11)";
    let (secret_bearer, jwt_bearer) = (format!("Bearer {SECRET}"), format!("Bearer {JWT}"));
    let other = "Bearer eyJhbGciOiJIUzI1NiJ9.another.x";
    for (key, headers, status, words) in [
        (SECRET, vec![("apikey", SECRET)], 200, ""),
        (SECRET, vec![], 401, "No API key found"),
        (SECRET, vec![("authorization", secret_bearer.as_str())], 401, "No API key found"),
        (SECRET, vec![("apikey", JWT)], 401, "Invalid API key"),
        (SECRET, vec![("apikey", SECRET), ("authorization", secret_bearer.as_str())], 401, ""),
        (SECRET, vec![("apikey", SECRET), ("user-agent", MOZILLA)], 401, "in browser"),
        (JWT, vec![("apikey", JWT), ("authorization", jwt_bearer.as_str())], 200, ""),
        (JWT, vec![("apikey", JWT), ("user-agent", MOZILLA)], 200, ""),
        (JWT, vec![("apikey", JWT), ("authorization", other)], 401, "wrong key type"),
    ] {
        let server = Server::start(Config::new(key, database())).await.unwrap();
        let (given, _, body) = ask_with(&server, Method::GET, "guests", &headers, Value::Null).await;
        assert_eq!(given, status, "{headers:?}: {body}");
        assert!(body.to_string().contains(words), "{headers:?}: {body}");
        assert_eq!(body == json!(""), status == 401 && words.is_empty(), "an empty body: {headers:?}");
        assert_eq!(server.violations().len(), usize::from(status == 401));
    }
}

#[tokio::test]
async fn no_more_rows_are_answered_than_the_project_allows() {
    let server = Server::start(Config { max_rows: 2, ..Config::new(KEY, database()) }).await.unwrap();
    fill(&server).await;
    let path = "guests?select=id&limit=10";
    let (status, range, rows) = ask(&server, Method::GET, path, "", Value::Null).await;
    assert_eq!((status, range.as_str(), rows.as_array().unwrap().len()), (200, "0-1/*", 2));
    let (status, range, _) = ask(&server, Method::GET, path, "count=exact", Value::Null).await;
    assert_eq!((status, range.as_str()), (206, "0-1/3"));
}

#[tokio::test]
async fn a_table_goes_and_comes_while_it_serves() {
    let server = house().await;
    server.database().drop_table("wishes");
    assert_eq!(ask(&server, Method::GET, "wishes", "", Value::Null).await.0, 404);
    server.database().create_table(Table::new("wishes", [("id", Type::Integer)], ["id"]));
    assert_eq!(get(&server, "wishes?select=id").await, json!([]));
    let seen = server.seen().requests;
    assert_eq!(seen.iter().map(|request| request.status).collect::<Vec<_>>(), [Some(404), Some(200)]);
    assert_eq!(seen[1].parameters, [("select".to_owned(), "id".to_owned())]);
}

#[tokio::test]
async fn a_server_that_was_away_comes_back_with_what_it_had() {
    let server = house().await;
    fill(&server).await;
    server.set_fault_times(Fault::Refuse { status: 503, retry_after: None }, 1);
    let (status, _, error) = ask(&server, Method::GET, "guests", "", Value::Null).await;
    assert_eq!((status, &error["code"]), (503, &json!("PGRST002")));

    let (port, database) = (server.addr().port(), server.database().clone());
    drop(server);
    let again = || Server::start(Config { port, ..Config::new(KEY, database.clone()) });
    let server = within(async {
        loop {
            match again().await {
                Ok(server) => break server,
                // the port is let go of in the background
                Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse, "{error}"),
            }
        }
    });
    assert_eq!(get(&server.await, "guests?select=id").await.as_array().unwrap().len(), 3);
}
