//! Replies of a model, over the protocol of chat completions.

use crate::house::*;
use serde_json::json;
use standins::openai::{self, Reply, Rule, Script, When};
use std::time::Duration;

const KEY: &str = "sk-of-the-stand-in";

async fn with_model(config: openai::Config) -> (openai::Server, Server) {
    let model = openai::Server::start(config).await.unwrap();
    let setup = Setup::brief().variable("OPENAI_BASE_URL", &model.base_url());
    let server = setup.variable("OPENAI_API_KEY", KEY).start().await;
    (model, server)
}

fn script(rules: Vec<Rule>) -> openai::Config {
    openai::Config { script: Script::new(rules), ..openai::Config::new(KEY) }
}

#[tokio::test]
async fn a_reply_is_spoken_while_it_streams_and_cut_to_what_was_heard() {
    let long = "We are open on Monday. We are open on Tuesday. We are open on Wednesday. \
                We are open on Thursday. We are open on Friday. And on Saturday and Sunday too.";
    let rules = vec![
        Rule::new(When::said("stop"), Reply::text("All right.")),
        Rule::new(When::Always, Reply::text(long)),
    ];
    // the whole of it takes longer than the caller listens
    let config = openai::Config { token_delay: Duration::from_millis(150), ..script(rules) };
    let (model, server) = with_model(config).await;
    let steps = ["--say", "When are you open?", "--interrupt", "Stop.", "--say", "Goodbye."];
    let (output, text) = call(&server, &steps).await;
    assert!(output.status.success(), "{text}\n{}", server.log());
    let cut = text.lines().find(|line| line.contains("agent   We are")).unwrap_or(&text);
    let heard = cut.split("agent   ").nth(1).unwrap().trim();
    assert!(long.starts_with(heard) && heard.len() < long.len(), "{heard}");
    // spoken before the model had finished, which it never did
    assert_eq!(model.seen().cancelled, 1, "{text}");
    // the model is told what was heard, and nothing else
    let requests = model.seen().requests;
    let messages = requests.last().unwrap()["messages"].as_array().unwrap().clone();
    let said: Vec<&str> = messages
        .iter()
        .filter(|message| message["role"] == "assistant")
        .map(|message| message["content"].as_str().unwrap())
        .collect();
    assert!(said.iter().any(|text| text.trim() == heard), "{said:?} should hold {heard:?}");
    assert!(model.seen().violations.is_empty(), "{:?}", model.seen().violations);
}

#[tokio::test]
async fn a_model_that_hangs_up_for_the_caller_is_obeyed() {
    let rules = vec![
        Rule::new(When::AfterToolResult, Reply::text("Very well.")),
        Rule::new(When::said("that was all"), Reply::tool_call("end_call", json!({}))),
        Rule::new(When::Always, Reply::text("I see.")),
    ];
    let (model, server) = with_model(script(rules)).await;
    let mut phone = Phone::begin(&server, "CA-tool").await;
    phone.hears().await;
    phone.say("My soup was cold.").await;
    assert_eq!(phone.hears().await, "I see.");
    phone.say("That was all.").await;
    assert_eq!(phone.hears().await, "Very well.");
    assert_eq!(phone.hears().await, "Bye!");
    assert_eq!(phone.ended().await, "script");
    assert!(model.seen().violations.is_empty(), "{:?}", model.seen().violations);
}

#[tokio::test]
async fn a_model_that_refuses_is_excused_and_after_a_while_the_call_ends_politely() {
    let (_model, server) = with_model(script(vec![Rule::new(When::Always, Reply::rate_limited(1))])).await;
    let mut phone = Phone::begin(&server, "CA-refused").await;
    phone.hears().await;
    for _ in 0..2 {
        phone.say("My soup was cold.").await;
        assert_eq!(phone.hears().await, "I am sorry, could you say that again?");
    }
    phone.say("My soup was cold.").await;
    assert_eq!(phone.hears().await, "I am sorry, I cannot help you right now.");
    assert_eq!(phone.ended().await, "script");
    assert!(server.log().contains("the model failed: busy: status 429"), "{}", server.log());
}

#[tokio::test]
async fn a_server_without_a_key_is_used_where_the_operator_names_it() {
    let model = openai::Server::start(openai::Config::new("")).await.unwrap();
    let server = Setup::brief().variable("OPENAI_BASE_URL", &model.base_url()).start().await;
    assert!(server.log().contains("openai-llm"), "{}", server.log());
}
