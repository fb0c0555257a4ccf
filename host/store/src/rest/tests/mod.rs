//! Against the stand-in, over real sockets.

mod failures;
mod rows;
mod settings;

use super::Rest;
use crate::backend::{Condition, Error, Select, Test};
use crate::tables::{Row, Table};
use serde_json::{Map, Value, json};
use standins::supabase::{self, Config, Database, Server, Type};

const SECRET: &str = "sb_secret_0123456789";
const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoic2VydmljZV9yb2xlIn0.c2lnbmF0dXJl";
const AT: &str = "2026-11-21T18:00:00.000000Z";

/// As the migrations make them.
fn table(table: Table) -> supabase::Table {
    let columns =
        table.columns().iter().map(|column| (column.name, Type::named(column.kind.postgres()).unwrap()));
    let made = supabase::Table::new(table.name(), columns, table.key().iter().copied());
    if table == Table::Conversations { made } else { made.child_of("conversations", "conversation_id") }
}

async fn project() -> Server {
    with(|_| {}).await
}

async fn with(change: impl FnOnce(&mut Config)) -> Server {
    let mut config = Config::new(SECRET, Database::new(Table::ALL.map(table)));
    change(&mut config);
    Server::start(config).await.unwrap()
}

fn rest(server: &Server) -> Rest {
    rest_with(server, SECRET)
}

fn rest_with(server: &Server, key: &str) -> Rest {
    Rest::new(standins::client().unwrap(), &server.base_url(), key).unwrap()
}

fn id(number: u16) -> String {
    format!("01890000-0000-7000-8000-{number:012}")
}

fn row(table: Table, values: Value) -> Row {
    let Value::Object(values) = values else { panic!("a row is an object") };
    Row { table, values }
}

fn conversation(number: u16) -> Row {
    row(Table::Conversations, json!({"id": id(number), "created_at": AT}))
}

fn turn(conversation: u16, position: u16) -> Row {
    let values = json!({"conversation_id": id(conversation), "position": position, "created_at": AT});
    row(Table::Turns, values)
}

fn of(table: Table) -> Select {
    Select { table, conditions: Vec::new(), order: Vec::new(), limit: None }
}

fn where_(column: &'static str, test: Test) -> Vec<Condition> {
    vec![Condition { column, test }]
}

fn column(rows: &[Map<String, Value>], name: &str) -> Vec<Value> {
    rows.iter().map(|row| row[name].clone()).collect()
}

/// The tables that were written, in order.
fn written(server: &Server) -> Vec<String> {
    let requests = server.seen().requests.into_iter();
    requests.filter(|request| request.method == "POST").map(|request| request.table).collect()
}
