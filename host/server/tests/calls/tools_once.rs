//! A persona that breaks while its tool runs: what was sent to a server is not sent again, unless the
//! operator said that it may be, and the model is told how far it came.

use crate::exchange::client;
use crate::house::*;
use crate::plugging::build;
use axum::routing::post;
use serde_json::Value;
use standins::openai::{self, Reply, Rule, Script, When};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Notify;

const KEY: &str = "sk-of-the-stand-in";
const DONE: &str = "So it is.";

/// A server that books tables. Its first answer comes when it is told so.
struct Tables {
    url: String,
    booked: Arc<AtomicUsize>,
    answers: Arc<Notify>,
    /// it was asked
    asked: Arc<Notify>,
}

impl Tables {
    async fn open() -> Self {
        let (booked, answers, asked) =
            (Arc::<AtomicUsize>::default(), Arc::<Notify>::default(), Arc::<Notify>::default());
        let (counts, waits, tells) = (booked.clone(), answers.clone(), asked.clone());
        let book = async move || {
            let first = counts.fetch_add(1, Ordering::SeqCst) == 0;
            tells.notify_one();
            if first {
                waits.notified().await;
            }
            "table 4"
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/tables", listener.local_addr().unwrap());
        let router = axum::Router::new().route("/tables", post(book));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, booked, answers, asked }
    }

    async fn is_asked(&self, server: &Server) {
        let asked = tokio::time::timeout(PATIENCE, self.asked.notified()).await;
        asked.unwrap_or_else(|_| panic!("nobody asks:\n{}", server.log()));
    }
}

/// A persona that books a table there and breaks, in this way; and the model that has it book.
async fn breaking(mode: &str, tables: &Tables, grant: &str) -> (openai::Server, Server) {
    let rules = vec![
        Rule::new(When::AfterToolResult, Reply::text(DONE)),
        Rule::new(When::Always, Reply::tool_call("book", serde_json::json!({}))),
    ];
    let config = openai::Config { script: Script::new(rules), ..openai::Config::new(KEY) };
    let model = openai::Server::start(config).await.unwrap();
    let manifest = "id = \"hostile-persona\"\nversion = \"0.1.0\"\nkind = \"persona\"\ncontract = \"0.1\"\n\
                    about = \"Books a table and breaks\"\n\
                    [[egress]]\nurl = \"{url}\"\n\
                    [settings.mode]\ntype = \"text\"\ndefault = \"loop\"\n\
                    [settings.url]\ntype = \"url\"\ndefault = \"http://127.0.0.1:9\"\n\
                    [limits]\nmemory_mb = 8\n";
    let url = &tables.url;
    let toml = format!(
        "[route]\npersona = \"hostile-persona\"\n\
         [component.hostile-persona.settings]\nmode = \"{mode}\"\nurl = \"{url}\"\n\
         [component.hostile-persona.grant]\negress = [\"{url}\"]\n{grant}\n"
    );
    let server = Setup::default()
        .binary("components/hostile-persona.wasm", build("hostile-persona", manifest))
        .variable("CORDBOARD_COMPONENTS", "components")
        .variable("OPENAI_BASE_URL", &model.base_url())
        .variable("OPENAI_API_KEY", KEY)
        .toml(&toml)
        .start()
        .await;
    (model, server)
}

/// A caller who wants a table, once the persona has asked for it.
async fn caller(server: &Server, tables: &Tables) -> Phone {
    let mut phone = Phone::begin(server, "CA-table").await;
    assert_eq!(phone.hears().await, "Hello from the hostile persona.");
    phone.say("A table for two, please.").await;
    tables.is_asked(server).await;
    phone
}

/// What the model was told of its tool.
fn told(model: &openai::Server) -> String {
    let requests = model.seen().requests;
    let messages = requests.last().unwrap()["messages"].as_array().unwrap().clone();
    let mut results = messages.iter().filter(|message| message["role"] == "tool");
    let result = results.next_back().unwrap_or_else(|| panic!("{messages:?}"));
    result["content"].as_str().unwrap().to_owned()
}

/// The steps of the tools of the call, as they are kept.
async fn steps(server: &Server) -> Vec<String> {
    let asking = async {
        loop {
            let kept: Value = client()
                .get(server.url("/conversations/CA-table"))
                .send()
                .await
                .unwrap()
                .json()
                .await
                .unwrap();
            // its last rows are written behind its end
            if kept["conversation"]["departure"].is_string()
                && let Some(events) = kept["events"].as_array()
            {
                let tools =
                    events.iter().filter(|event| event["event"] == "tool").map(|event| &event["data"]);
                let told = |data: &Value| {
                    let text = |name: &str| data[name].as_str().unwrap().to_owned();
                    assert_eq!(data["turn"], 1, "{data}");
                    format!("{} {} {}", text("name"), text("call"), text("step"))
                };
                return tools.map(told).collect();
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.expect("the conversation is kept")
}

const ONCE: [&str; 3] = ["book call00001 requested", "book call00001 sent", "book call00001 done"];

#[tokio::test]
async fn a_tool_whose_answer_breaks_the_persona_has_run_once_and_the_model_knows() {
    let tables = Tables::open().await;
    // not even one that might run again: its answer is there
    let (model, server) = breaking("trap-at-answer", &tables, "idempotent = [\"book\"]").await;
    let mut phone = caller(&server, &tables).await;
    tables.answers.notify_one();
    server.logged("goes on from its last snapshot").await;
    assert_eq!(phone.hears().await, DONE, "{}", server.log());
    assert_eq!(phone.ended().await, "script");
    assert_eq!(tables.booked.load(Ordering::SeqCst), 1);
    let told = told(&model);
    assert!(told.contains("was carried out (status 200)") && told.contains("not to be made again"), "{told}");
    assert_eq!(steps(&server).await, ONCE);
}

#[tokio::test]
async fn of_a_request_that_was_under_way_nobody_knows_and_it_is_not_made_again() {
    let tables = Tables::open().await;
    let (model, server) = breaking("trap-meanwhile", &tables, "").await;
    let mut phone = caller(&server, &tables).await;
    phone.press('1').await;
    assert_eq!(phone.hears().await, DONE, "{}", server.log());
    assert_eq!(phone.ended().await, "script");
    assert_eq!(tables.booked.load(Ordering::SeqCst), 1);
    let told = told(&model);
    assert!(told.contains("whether the request was carried out is not known"), "{told}");
    assert_eq!(steps(&server).await, [ONCE[0], ONCE[1], "book call00001 lost"]);
}

#[tokio::test]
async fn one_that_is_idempotent_is_made_again_and_the_caller_notices_nothing() {
    let tables = Tables::open().await;
    let (model, server) = breaking("trap-meanwhile", &tables, "idempotent = [\"book\"]").await;
    let mut phone = caller(&server, &tables).await;
    phone.press('1').await;
    assert_eq!(phone.hears().await, DONE, "{}", server.log());
    assert_eq!(phone.ended().await, "script");
    assert_eq!(tables.booked.load(Ordering::SeqCst), 2);
    assert_eq!(told(&model), "status 200");
    assert_eq!(steps(&server).await, ONCE);
}

#[tokio::test]
async fn a_tool_that_the_page_does_not_have_cannot_be_granted_anything() {
    let page = "instructions = \"x\"\ngreeting = \"Hello.\"\n[tool.order_status]\nabout = \"x\"\nurl = \"http://127.0.0.1:9/\"\n";
    let toml = |tool: &str| {
        format!("[persona.luigi]\npage = \"luigi.toml\"\ngrant = {{ idempotent = [\"{tool}\"] }}\n")
    };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("luigi.toml"), page).unwrap();
    for (tool, hint) in [
        ("order_status", None),
        ("ordr_status", Some("did you mean \"order_status\"?")),
        ("x", Some("its tools are: order_status")),
    ] {
        std::fs::write(folder.path().join("cordboard.toml"), toml(tool)).unwrap();
        let output = program(folder.path()).arg("config").output().await.unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.success(), hint.is_none(), "{tool}: {said}");
        assert!(said.contains(hint.unwrap_or_default()), "{tool}: {said}");
    }
}
