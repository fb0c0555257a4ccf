//! A conversation that is a page of TOML: what it asks a server of the operator's, what it collects, and
//! what nobody learns of it.

use crate::exchange::client;
use crate::house::*;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use serde_json::{Value, json};
use standins::openai::{self, Reply, Rule, Script, When};
use std::sync::{Arc, Mutex};

const KEY: &str = "sk-of-the-stand-in";
const TOKEN: &str = "token-of-the-kitchen";

/// A server of the operator's, which knows one order; and what it was asked, with which key.
async fn kitchen() -> (String, Arc<Mutex<Vec<(String, String)>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let noted = asked.clone();
    let order = async move |Path(number): Path<String>, headers: HeaderMap| {
        let key = headers.get("authorization").map(|key| key.to_str().unwrap().to_owned());
        noted.lock().unwrap().push((number.clone(), key.unwrap_or_default()));
        match number.as_str() {
            // a server that is careless with what it is told
            "4711" => Ok(json!({ "status": "in the oven", "asked_with": TOKEN }).to_string()),
            _ => Err(StatusCode::NOT_FOUND),
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = axum::Router::new().route("/orders/{number}", get(order));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (format!("http://{address}"), asked)
}

fn page(kitchen: &str) -> String {
    format!(
        r#"
name = "Luigi's"
instructions = "You say where orders are."
greeting = "Hello, this is {{name}}."
goodbye = "Enjoy your meal!"

[field.order]
about = "the number of the order"
type = "integer"

[tool.order_status]
about = "Tells where an order is."
url = "{kitchen}/orders/{{number}}"
secret = "KITCHEN_TOKEN"

[tool.order_status.parameters.number]
about = "the number of the order"
type = "integer"
"#
    )
}

async fn serving(kitchen: &str, rules: Vec<Rule>) -> (openai::Server, Server) {
    let config = openai::Config { script: Script::new(rules), ..openai::Config::new(KEY) };
    let model = openai::Server::start(config).await.unwrap();
    let server = Setup::default()
        .variable("OPENAI_BASE_URL", &model.base_url())
        .variable("OPENAI_API_KEY", KEY)
        .variable("KITCHEN_TOKEN", TOKEN)
        .file("pages/luigi.toml", &page(kitchen))
        .toml("[route]\npersona = \"luigi\"\n\n[persona.luigi]\npage = \"pages/luigi.toml\"\n")
        .start()
        .await;
    (model, server)
}

/// What the model was told that its tool has said.
fn tool_results(model: &openai::Server) -> Vec<String> {
    let requests = model.seen().requests;
    let messages = requests.last().unwrap()["messages"].as_array().unwrap().clone();
    let results = messages.iter().filter(|message| message["role"] == "tool");
    results.map(|message| message["content"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_page_answers_the_telephone_asks_a_server_and_keeps_what_it_is_told() {
    let (kitchen, asked) = kitchen().await;
    let (model, server) = serving(
        &kitchen,
        vec![
            Rule::new(
                When::AfterToolResult,
                Reply::tool_call("save_field", json!({ "name": "order", "value": 4711 })),
            )
            .times(1),
            Rule::new(When::AfterToolResult, Reply::text("It is in the oven.")),
            Rule::new(When::said("where"), Reply::tool_call("order_status", json!({ "number": 4711 }))),
            Rule::new(When::Always, Reply::text("I see.")),
        ],
    )
    .await;
    let mut phone = Phone::begin(&server, "CA-page").await;
    assert_eq!(phone.hears().await, "Hello, this is Luigi's.");
    phone.say("Where is my order, number 4711?").await;
    assert_eq!(phone.hears().await, "It is in the oven.");
    let told = tool_results(&model);
    assert!(told[0].contains("in the oven"), "{told:?}");
    phone.say("Thank you, goodbye.").await;
    assert_eq!(phone.hears().await, "Enjoy your meal!");
    assert_eq!(phone.ended().await, "script", "{}", server.log());

    // the key went to the kitchen, and nowhere else
    assert_eq!(*asked.lock().unwrap(), [("4711".to_owned(), format!("Bearer {TOKEN}"))]);
    for (place, text) in [("model", Value::from(model.seen().requests).to_string()), ("log", server.log())] {
        assert!(!text.contains(TOKEN), "{place}: {text}");
    }
    let call = client().get(server.url("/calls/CA-page")).send().await.unwrap().text().await.unwrap();
    let call: Value = serde_json::from_str(&call).unwrap();
    assert_eq!(call["kept"]["order"], 4711, "{call}");
}

#[tokio::test]
async fn what_the_server_does_not_know_is_told_to_the_model_and_never_made_up() {
    let (kitchen, _) = kitchen().await;
    let (model, server) = serving(
        &kitchen,
        vec![
            Rule::new(When::AfterToolResult, Reply::text("I cannot find it.")),
            Rule::new(When::Always, Reply::tool_call("order_status", json!({ "number": 9999 }))),
        ],
    )
    .await;
    let mut phone = Phone::begin(&server, "CA-unknown-order").await;
    phone.hears().await;
    phone.say("Where is number 9999?").await;
    assert_eq!(phone.hears().await, "I cannot find it.");
    let told = tool_results(&model);
    assert!(told[0].contains("404"), "{told:?}\n{}", server.log());
}

#[tokio::test]
async fn a_page_with_a_mistake_stops_the_start_and_says_where_it_is() {
    for (text, parts) in [
        ("greeting = \"Hello.\"\n", &["luigi", "instructions"][..]),
        ("instructions = \"x\"\ngreeting = \"Hello.\"\n[tol.x]\nabout = \"x\"\n", &["luigi", "tol", "tool"]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("luigi.toml"), text).unwrap();
        let config = "[route]\npersona = \"luigi\"\n\n[persona.luigi]\npage = \"luigi.toml\"\n";
        std::fs::write(folder.path().join("cordboard.toml"), config).unwrap();
        let output = program(folder.path()).args(["serve", "--bind", "127.0.0.1:0"]).output().await.unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{error}");
        for part in parts {
            assert!(error.contains(part), "{part}: {error}");
        }
    }
}
