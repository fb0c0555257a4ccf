//! A language model that answers from a script.

use crate::chat::{asking, chunks, client, delta, events, parse, post, spoken};
use crate::{KEY, within};
use futures_util::StreamExt;
use serde_json::{Value, json};
use standins::openai::{self, Reply, Rule, Script, ToolCall, When};
use std::time::Duration;

#[tokio::test]
async fn an_answer_comes_in_pieces() {
    let server = openai::Server::start(openai::Config::new(KEY)).await.unwrap();
    let mut body = asking("My soup was cold");
    body["stream_options"] = json!({"include_usage": true});
    let response = post(&server.base_url(), KEY, &body).await;
    assert_eq!(response.status(), 200);
    let headers = response.headers();
    assert!(headers["content-type"].to_str().unwrap().starts_with("text/event-stream"));
    assert!(headers.contains_key("x-request-id"));
    let events = events(response).await;
    let (done, chunks) = events.split_last().unwrap();
    assert_eq!(done, "[DONE]");
    let chunks: Vec<Value> = chunks.iter().map(|c| serde_json::from_str(c).unwrap()).collect();
    assert_eq!(chunks[0]["choices"][0]["delta"], json!({"role": "assistant", "content": ""}));
    let text: String = chunks.iter().map(delta).collect();
    assert_eq!(text, "You said: My soup was cold");
    assert!(chunks.len() > 6, "{} chunks", chunks.len());
    let [.., finish, usage] = chunks.as_slice() else { panic!() };
    assert_eq!(finish["choices"][0], json!({"index": 0, "delta": {}, "finish_reason": "stop"}));
    assert_eq!(finish["usage"], Value::Null);
    assert_eq!(usage["choices"], json!([]));
    assert!(usage["usage"]["total_tokens"].as_u64().unwrap() > 6);
    assert!(chunks.iter().all(|c| c["object"] == "chat.completion.chunk" && c["model"] == "gpt-test"));
    assert_eq!(server.requests(), [body]);
    assert_eq!(server.violations(), [""; 0]);
}

#[tokio::test]
async fn an_answer_comes_whole_when_no_stream_is_asked_for() {
    let server = openai::Server::start(openai::Config::new(KEY)).await.unwrap();
    let mut body = asking("hello");
    body["stream"] = json!(false);
    // another vendor's prefix
    let base = format!("http://{}/openai/v1", server.addr());
    let answer: Value = serde_json::from_str(&post(&base, KEY, &body).await.text().await.unwrap()).unwrap();
    assert_eq!(answer["object"], "chat.completion");
    assert_eq!(answer["choices"][0]["message"]["content"], "You said: hello");
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
}

#[tokio::test]
async fn a_tool_is_called_and_its_result_is_answered() {
    let arguments = json!({"date": "2026-12-24", "people": 2});
    let book = ToolCall { name: "book".into(), arguments: arguments.clone() };
    let look = ToolCall { name: "look_up".into(), arguments: json!({}) };
    let script = Script::new(vec![
        Rule::new(When::AfterToolResult, Reply::text("It is {tool_result}.")),
        Rule::new(
            When::said("table"),
            Reply::ToolCalls { text: "One moment.".into(), calls: vec![book, look] },
        ),
    ]);
    let config = openai::Config { script, ..openai::Config::new(KEY) };
    let server = openai::Server::start(config).await.unwrap();
    let mut body = asking("A TABLE for two");
    let chunks = chunks(post(&server.base_url(), KEY, &body).await).await;
    assert_eq!(chunks.iter().map(delta).collect::<String>(), "One moment.");
    let calls: Vec<&Value> = chunks
        .iter()
        .filter_map(|c| c["choices"][0]["delta"]["tool_calls"].as_array())
        .map(|fragments| &fragments[0])
        .collect();
    let of = |index: u64| calls.iter().filter(move |c| c["index"] == index);
    let collected: String = of(0).map(|c| c["function"]["arguments"].as_str().unwrap()).collect();
    assert_eq!(serde_json::from_str::<Value>(&collected).unwrap(), arguments);
    assert!(of(0).count() > 3, "in fragments");
    let names: Vec<_> = calls.iter().filter_map(|c| c["function"]["name"].as_str()).collect();
    assert_eq!(names, ["book", "look_up"], "each name comes once");
    let ids: Vec<_> = calls.iter().filter_map(|c| c["id"].as_str()).collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(chunks.last().unwrap()["choices"][0]["finish_reason"], "tool_calls");

    let messages = body["messages"].as_array_mut().unwrap();
    let call = |n: usize| json!({"id": ids[n], "type": "function", "function": {"name": names[n], "arguments": "{}"}});
    messages.push(json!({"role": "assistant", "content": null, "tool_calls": [call(0), call(1)]}));
    messages.push(json!({"role": "tool", "tool_call_id": ids[0], "content": "booked"}));
    let unanswered = post(&server.base_url(), KEY, &body).await;
    assert_eq!(unanswered.status(), 400, "one call has no result yet");
    let error: Value = serde_json::from_str(&unanswered.text().await.unwrap()).unwrap();
    assert_eq!(error["error"]["type"], "invalid_request_error");
    assert!(server.violations()[0].contains(ids[1]), "{:?}", server.violations());

    let result = json!({"role": "tool", "tool_call_id": ids[1], "content": "at eight"});
    body["messages"].as_array_mut().unwrap().push(result);
    assert_eq!(spoken(post(&server.base_url(), KEY, &body).await).await, "It is at eight.");
}

#[tokio::test]
async fn a_wrong_key_and_a_wrong_body_are_refused() {
    let server = openai::Server::start(openai::Config::new(KEY)).await.unwrap();
    let refused = post(&server.base_url(), "stolen", &asking("hello")).await;
    assert_eq!(refused.status(), 401);
    let error: Value = serde_json::from_str(&refused.text().await.unwrap()).unwrap();
    assert_eq!(error["error"]["code"], "invalid_api_key");
    assert_eq!(server.requests(), [] as [Value; 0]);
    let refused = post(&server.base_url(), KEY, &json!({"model": "gpt-test", "messages": []})).await;
    assert_eq!(refused.status(), 400);
    let url = format!("http://{}/v1/completions", server.addr());
    assert_eq!(client().get(url).send().await.unwrap().status(), 404);
    let violations = server.violations();
    assert_eq!(violations.len(), 3);
    assert!(violations.iter().all(|text| !text.contains("stolen")), "keys are not kept");
}

#[tokio::test]
async fn a_vendor_that_is_busy_says_when_to_come_again() {
    let script = Script::new(vec![
        Rule::new(When::Always, Reply::rate_limited(2)).times(1),
        Rule::new(When::Always, Reply::text("Here I am.")),
    ]);
    let config = openai::Config { script, ..openai::Config::new(KEY) };
    let server = openai::Server::start(config).await.unwrap();
    let busy = post(&server.base_url(), KEY, &asking("hello")).await;
    assert_eq!((busy.status().as_u16(), busy.headers()["retry-after"].to_str().unwrap()), (429, "2"));
    assert_eq!(spoken(post(&server.base_url(), KEY, &asking("hello")).await).await, "Here I am.");
    assert_eq!(server.violations(), [""; 0], "it is not the client's fault");
}

#[tokio::test]
async fn an_answer_may_break_off() {
    let script = Script::new(vec![Rule::new(When::Always, Reply::TextThenDrop("I was about to".into()))]);
    let config = openai::Config { script, ..openai::Config::new(KEY) };
    let server = openai::Server::start(config).await.unwrap();
    let response = post(&server.base_url(), KEY, &asking("hello")).await;
    let mut pieces = response.bytes_stream();
    let mut received = String::new();
    let broken = loop {
        match within(pieces.next()).await {
            Some(Ok(piece)) => received.push_str(std::str::from_utf8(&piece).unwrap()),
            Some(Err(_)) => break true,
            None => break false,
        }
    };
    assert!(broken, "the end is an error, not an end");
    assert!(!received.contains("[DONE]"));
    let text: String = parse(&received).iter().map(|c| delta(&serde_json::from_str(c).unwrap())).collect();
    assert_eq!(text, "I was about to", "all of it arrives before");
    assert_eq!(server.cancelled(), 0);
}

#[tokio::test]
async fn a_client_that_loses_interest_is_counted() {
    let hour = Duration::from_secs(3600);
    for (first_token_delay, token_delay) in [(Duration::ZERO, hour), (hour, Duration::ZERO)] {
        let config = openai::Config { first_token_delay, token_delay, ..openai::Config::new(KEY) };
        let server = openai::Server::start(config).await.unwrap();
        let mut response = post(&server.base_url(), KEY, &asking("hello")).await;
        if first_token_delay.is_zero() {
            assert!(within(response.chunk()).await.unwrap().is_some());
        }
        assert_eq!(server.cancelled(), 0);
        drop(response);
        within(server.until(|seen| seen.cancelled == 1)).await;
        assert_eq!(server.seen().completed, 0);
    }
}
