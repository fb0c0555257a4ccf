//! A session, told what the host would tell it.

use super::*;
use plugin::Head;
use plugin::llm::ToolChoice;

fn open() -> Reply {
    let settings = r#"{"base_url": "http://127.0.0.1:1/v1", "model": "small"}"#.to_owned();
    Reply::open(Opening { settings }).unwrap()
}

fn told(reply: &mut Reply, event: Event) -> Vec<Effect> {
    let mut effects = Vec::new();
    reply.handle(0, event, &mut effects);
    effects
}

fn came(reply: &mut Reply, outcome: Outcome) -> Vec<Effect> {
    told(reply, Event::Net(net::Event { connection: REQUEST, outcome }))
}

fn asked(reply: &mut Reply) -> Request {
    let prompt = Prompt {
        messages: vec![Message::System("Be kind.".into()), Message::Caller("Hello".into())],
        tools: vec![],
        tool_choice: ToolChoice::Auto,
        max_tokens: Some(50),
        temperature: None,
        schema: None,
    };
    match told(reply, Event::Generate(prompt)).remove(0) {
        Effect::Net(net::Effect { action: Action::Request(request), .. }) => request,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_reply_streams_back_as_it_comes() {
    let mut reply = open();
    let request = asked(&mut reply);
    assert_eq!(request.url, "http://127.0.0.1:1/v1/chat/completions");
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(body["messages"][1], json!({ "role": "user", "content": "Hello" }));
    came(&mut reply, Outcome::Head(Head { status: 200, headers: vec![] }));
    let stream = "data: {\"choices\":[{\"delta\":{\"content\":\"Hel\"}}]}\n\n\
                  data: {\"choices\":[{\"delta\":{\"content\":\"lo!\"}}]}\n\ndata: [DONE]\n\n";
    // pieces may end anywhere
    let mut effects = Vec::new();
    for piece in stream.as_bytes().chunks(7) {
        effects.extend(came(&mut reply, Outcome::Body(piece.to_vec())));
    }
    let expected =
        [Effect::Delta("Hel".into()), Effect::Delta("lo!".into()), Effect::Finished(Stop::Complete)];
    assert_eq!(effects, expected);
}

#[test]
fn a_refusal_is_told_in_the_words_of_the_server() {
    let mut reply = open();
    asked(&mut reply);
    came(&mut reply, Outcome::Head(Head { status: 401, headers: vec![] }));
    came(&mut reply, Outcome::Body(br#"{"error": {"message": "no such key"}}"#.to_vec()));
    let effects = came(&mut reply, Outcome::Closed(net::Closure { code: 0, reason: String::new() }));
    let [Effect::Failed(failure)] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!((failure.cause, failure.message.as_str()), (Cause::Denied, "status 401: no such key"));
}

#[test]
fn what_comes_after_a_cancel_is_nothing() {
    let mut reply = open();
    asked(&mut reply);
    let effects = told(&mut reply, Event::Cancel);
    assert!(matches!(effects[..], [Effect::Net(net::Effect { action: Action::Close, .. })]), "{effects:?}");
    assert_eq!(came(&mut reply, Outcome::Body(b"data: [DONE]\n\n".to_vec())), []);
}
