//! Streams as servers send them, and what becomes of them.

use super::*;
use plugin::Usage;
use plugin::llm::{Message, Prompt, Reply as Said, Tool, ToolCall, ToolChoice, ToolResult};
use plugin::net::{Closure, Head};
use serde_json::{Value, json};

fn prompt(messages: Vec<Message>) -> Prompt {
    Prompt {
        messages,
        tools: vec![],
        tool_choice: ToolChoice::Auto,
        max_tokens: None,
        temperature: None,
        schema: None,
    }
}

fn open() -> Completion {
    let settings = r#"{"base_url":"http://127.0.0.1:9/x/v1/","model":"m",
        "max_tokens_field":"max_completion_tokens","stream_usage":true}"#;
    Completion::open(Opening { settings: settings.into() }).unwrap()
}

fn told(session: &mut Completion, event: Event) -> Vec<Effect> {
    let mut effects = Vec::new();
    session.handle(0, event, &mut effects);
    effects
}

fn came(session: &mut Completion, outcome: Outcome) -> Vec<Effect> {
    told(session, Event::Net(net::Event { connection: REQUEST, outcome }))
}

fn closed() -> Outcome {
    Outcome::Closed(Closure { code: 0, reason: String::new() })
}

/// What a whole response becomes, however it is cut into pieces.
fn replied(status: u16, body: &str) -> Vec<Effect> {
    let whole = |size| {
        let mut session = open();
        let mut effects = came(&mut session, Outcome::Head(Head { status, headers: vec![] }));
        for piece in body.as_bytes().chunks(size) {
            effects.extend(came(&mut session, Outcome::Body(piece.to_vec())));
        }
        effects.extend(came(&mut session, closed()));
        effects
    };
    let at_once = whole(body.len().max(1));
    for size in [1, 7, 100] {
        assert_eq!(whole(size), at_once, "in pieces of {size}");
    }
    at_once
}

fn stream(chunks: &[Value]) -> String {
    chunks.iter().map(|c| format!("data: {c}\n\n")).collect::<String>() + "data: [DONE]\n\n"
}

fn delta(delta: Value) -> Value {
    json!({ "choices": [{ "index": 0, "delta": delta, "finish_reason": null }] })
}

fn finish(reason: &str) -> Value {
    json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": reason }] })
}

#[test]
fn the_request_holds_the_conversation_and_no_key() {
    let mut session = open();
    let mut prompt = prompt(vec![
        Message::System("Be kind.".into()),
        Message::Caller("Book a table.".into()),
        Message::Assistant(Said {
            text: String::new(),
            calls: vec![ToolCall { id: "c1".into(), name: "book".into(), arguments: "{}".into() }],
        }),
        Message::Tool(ToolResult { id: "c1".into(), content: "done".into() }),
        Message::Assistant(Said { text: "Done.".into(), calls: vec![] }),
    ]);
    prompt.tools = vec![Tool {
        name: "book".into(),
        description: "Books.".into(),
        parameters: r#"{"type":"object"}"#.into(),
    }];
    prompt.max_tokens = Some(50);
    let effects = told(&mut session, Event::Generate(prompt));
    let [Effect::Net(net::Effect { action: Action::Request(request), .. })] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(request.url, "http://127.0.0.1:9/x/v1/chat/completions");
    assert!(request.headers.iter().all(|h| h.name != "authorization"));
    let function = json!({ "name": "book", "arguments": "{}" });
    let expected = json!({
        "model": "m",
        "stream": true,
        "stream_options": { "include_usage": true },
        "max_completion_tokens": 50,
        "tool_choice": "auto",
        "tools": [{ "type": "function", "function":
            { "name": "book", "description": "Books.", "parameters": { "type": "object" } } }],
        "messages": [
            { "role": "system", "content": "Be kind." },
            { "role": "user", "content": "Book a table." },
            { "role": "assistant", "content": null,
              "tool_calls": [{ "id": "c1", "type": "function", "function": function }] },
            { "role": "tool", "tool_call_id": "c1", "content": "done" },
            { "role": "assistant", "content": "Done." },
        ],
    });
    assert_eq!(serde_json::from_slice::<Value>(&request.body).unwrap(), expected);
}

#[test]
fn text_comes_as_it_is_written_with_its_spaces() {
    let body = stream(&[
        delta(json!({ "role": "assistant", "content": "" })),
        delta(json!({ "content": "Grüß" })),
        delta(json!({ "content": " Gott" })),
        finish("stop"),
        json!({ "choices": [], "usage": { "prompt_tokens": 20, "completion_tokens": 9 } }),
    ]);
    let usage = |unit: &str, amount| Effect::Usage(Usage { unit: unit.into(), amount });
    assert_eq!(
        replied(200, &body),
        [
            Effect::Delta("Grüß".into()),
            Effect::Delta(" Gott".into()),
            usage("input-tokens", 20),
            usage("output-tokens", 9),
            Effect::Finished(Stop::Complete)
        ]
    );
}

#[test]
fn tool_calls_are_given_when_they_are_whole() {
    let call = |index: u64, rest: Value| {
        let mut piece = json!({ "index": index });
        piece.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        delta(json!({ "tool_calls": [piece] }))
    };
    let body = stream(&[
        call(0, json!({ "id": "a", "type": "function", "function": { "name": "book", "arguments": "" } })),
        call(0, json!({ "function": { "arguments": "{\"seats\":" } })),
        call(1, json!({ "id": "b", "function": { "name": "ring", "arguments": "" } })),
        call(0, json!({ "function": { "name": "book", "arguments": "4}" } })),
        finish("tool_calls"),
    ]);
    let called = |id: &str, name: &str, arguments: &str| {
        Effect::ToolCall(ToolCall { id: id.into(), name: name.into(), arguments: arguments.into() })
    };
    let expected =
        [called("a", "book", "{\"seats\":4}"), called("b", "ring", "{}"), Effect::Finished(Stop::Tools)];
    assert_eq!(replied(200, &body), expected);
}

#[test]
fn servers_that_leave_out_index_id_and_type_are_understood() {
    let whole = |name: &str| json!({ "function": { "name": name, "arguments": "{}" } });
    let body = stream(&[delta(json!({ "tool_calls": [whole("a"), whole("b")] })), finish("stop")]);
    let replied = replied(200, &body);
    let [Effect::ToolCall(a), Effect::ToolCall(b), Effect::Finished(Stop::Tools)] = &replied[..] else {
        panic!("{replied:?}")
    };
    assert_eq!((a.name.as_str(), b.name.as_str()), ("a", "b"));
    assert_ne!(a.id, b.id);
}

#[test]
fn comments_returns_and_a_missing_done_change_nothing() {
    let chunks = [delta(json!({ "content": "Hi" })), finish("length")];
    let body = format!(": OPENROUTER\r\n\r\ndata: {}\r\n\r\ndata: {}\r\n\r\n", chunks[0], chunks[1]);
    assert_eq!(replied(200, &body), [Effect::Delta("Hi".into()), Effect::Finished(Stop::Length)]);
}

fn failure(effects: &[Effect]) -> (Cause, &str) {
    match effects {
        [.., Effect::Failed(failure)] => (failure.cause, failure.message.as_str()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn refusals_say_what_the_vendor_said() {
    let body = r#"{"error":{"message":"Incorrect API key","type":"x","code":"invalid_api_key"}}"#;
    assert_eq!(failure(&replied(401, body)), (Cause::Denied, "status 401: Incorrect API key"));
    let quota = r#"{"error":{"message":"You have no money","code":"insufficient_quota"}}"#;
    assert_eq!(failure(&replied(429, quota)).0, Cause::Denied);
    assert_eq!(failure(&replied(429, "slow")), (Cause::Busy, "status 429: slow"));
    assert_eq!(failure(&replied(503, "<html>")).0, Cause::Unreachable);
    let mut session = open();
    let headers = vec![Header { name: "retry-after".into(), value: "3".into() }];
    came(&mut session, Outcome::Head(Head { status: 429, headers }));
    let effects = came(&mut session, closed());
    let [Effect::Failed(failure)] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(failure.retry_after, Some(3000));
}

#[test]
fn a_reply_that_breaks_off_or_is_no_reply_has_failed() {
    let half = format!("data: {}\n\n", delta(json!({ "content": "Hal" })));
    assert_eq!(failure(&replied(200, &half)), (Cause::Unreachable, "the reply broke off"));
    assert_eq!(failure(&replied(200, "data: what?\n\n")).0, Cause::Garbled);
    let error = r#"data: {"error":{"message":"overloaded"}}"#;
    let broken = replied(200, &format!("{half}{error}\n\n"));
    assert_eq!(failure(&broken), (Cause::Unreachable, "the server failed: overloaded"));
}

#[test]
fn a_cancelled_reply_says_nothing_more() {
    let mut session = open();
    let effects = told(&mut session, Event::Cancel);
    assert!(matches!(&effects[..], [Effect::Net(net::Effect { action: Action::Close, .. })]));
    let late = stream(&[delta(json!({ "content": "late" })), finish("stop")]);
    assert_eq!(came(&mut session, Outcome::Body(late.into_bytes())), []);
}
