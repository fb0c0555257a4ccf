//! ConversationRelay: how a session opens, what is spoken and understood in it, and how it ends.

use crate::twilio_customer::{Customer, PUBLIC, Rest, Stream, assert_clean, house};
use crate::within;
use axum::extract::ws::Message;
use caller::Step;
use serde_json::{Value, json};
use standins::twilio::{By, CallSeen, Config, Event, Incoming, Person, RelayOutcome, Server, Status, Tunnel};
use std::time::Duration;

fn relaying(customer: &Customer, attributes: &str, then: &str) -> String {
    let url = customer.stream_url();
    format!(
        "<Connect action=\"/over\"><ConversationRelay url=\"{url}\" {attributes}>\
         <Language code=\"en-US\" voice=\"a\"/><Parameter name=\"agent\" value=\"desk-7\"/>\
         </ConversationRelay></Connect>{then}"
    )
}

/// A pace at which a test can cut in.
fn unhurried() -> Config {
    Config { pace: Duration::from_millis(5), ..Config::new() }
}

fn ring(server: &Server, customer: &Customer, steps: impl Into<Vec<Step>>) -> String {
    let person = Person { steps: steps.into(), ..Person::default() };
    server.ring(Incoming { person, ..Incoming::new(customer.url("/voice")) })
}

fn say(text: &str) -> Step {
    Step::Say(text.into())
}

fn text(token: &str, last: bool) -> Value {
    json!({"type": "text", "token": token, "last": last, "interruptible": true, "preemptible": false})
}

/// The next message; none: the session was closed.
async fn next(stream: &mut Stream) -> Option<Value> {
    match within(stream.socket.recv()).await {
        Some(Ok(Message::Text(text))) => Some(serde_json::from_str(&text).unwrap()),
        _ => None,
    }
}

async fn next_is(stream: &mut Stream, expected: Value) {
    assert_eq!(next(stream).await, Some(expected));
}

async fn open(customer: &Customer) -> Stream {
    let mut stream = customer.stream().await;
    assert_eq!(next(&mut stream).await.unwrap()["type"], "setup");
    stream
}

fn prompt(text: &str, last: bool) -> Value {
    json!({"type": "prompt", "voicePrompt": text, "lang": "en-US", "last": last})
}

fn spoken(call: &CallSeen) -> Vec<(&str, bool)> {
    let all = call.timeline.iter();
    let spoken =
        |event| if let &Event::Spoken { ref text, cut } = event { Some((&**text, cut)) } else { None };
    all.filter_map(spoken).collect()
}

#[tokio::test]
async fn a_session_opens_as_twilio_opens_it_and_its_end_is_told_to_the_action() {
    let (server, customer) = house(Config::new()).await;
    customer.answers("/voice", &relaying(&customer, "welcomeGreeting=\"Hello.\"", "<Say>Never</Say>"));
    customer.answers("/over", "<Say>Somebody will call you</Say>");
    let sid = ring(&server, &customer, [say("My soup was cold.")]);
    let mut stream = customer.stream().await;
    assert!(stream.upgrade.authentic);
    let setup = next(&mut stream).await.unwrap();
    let session = setup["sessionId"].as_str().unwrap().to_owned();
    assert!(session.starts_with("VX") && session.len() == 34);
    assert_eq!(
        setup,
        json!({
            "type": "setup", "sessionId": session, "accountSid": server.account_sid(), "callSid": sid,
            "parentCallSid": "", "from": "+15555550199", "to": "+15555550100", "forwardedFrom": "",
            "callType": "PSTN", "callerName": "", "direction": "inbound", "callStatus": "RINGING",
            "customParameters": {"agent": "desk-7"},
        })
    );
    next_is(&mut stream, prompt("My soup was cold.", true)).await;
    for (token, last) in [("I am ", false), ("sorry.", false), ("", true)] {
        stream.send(text(token, last)).await;
    }
    stream.send(json!({"type": "sendDigits", "digits": "9w1"})).await;
    stream.send(json!({"type": "end", "handoffData": "{\"reason\":\"agent\"}"})).await;
    assert_eq!(next(&mut stream).await, None);
    drop(stream);
    let call = within(server.ended(&sid)).await;
    assert_eq!(spoken(&call), [("Hello.", false), ("I am sorry.", false)]);
    assert_eq!((call.heard(), call.said()), (vec!["Hello.", "I am sorry."], vec!["Somebody will call you"]));
    assert!(call.timeline.contains(&Event::Spoke("My soup was cold.".into())));
    assert!(call.timeline.contains(&Event::Pressed("9w1".into())));
    assert_eq!((call.relays(), call.alerts()), (vec![RelayOutcome::Ended], vec![]));
    let told = &customer.told("/over")[0];
    assert_eq!((told.parameter("SessionId"), told.parameter("SessionStatus")), (&*session, "ended"));
    let seconds: u64 = told.parameter("SessionDuration").parse().unwrap();
    assert_eq!((told.parameter("CallStatus"), seconds > 0), ("in-progress", true));
    assert_eq!(told.parameter("HandoffData"), "{\"reason\":\"agent\"}");
    assert_eq!(told.parameter("ErrorCode"), "");
    assert_clean(&server, &customer);
}

#[tokio::test]
async fn a_person_cuts_in_and_the_server_learns_what_was_heard() {
    let (server, customer) = house(unhurried()).await;
    let attributes = "partialPrompts=\"true\" events=\"speaker-events tokens-played\"";
    customer.answers("/voice", &relaying(&customer, attributes, ""));
    let steps = [Step::Interrupt("Wait a moment.".into()), Step::HangUp];
    let sid = ring(&server, &customer, steps);
    let mut stream = open(&customer).await;
    stream.send(text("We are open from eight ", false)).await;
    stream.send(text("to eight on every day.", true)).await;
    let info = |name: &str, value: &str| json!({"type": "info", "name": name, "value": value});
    next_is(&mut stream, info("agentSpeaking", "on")).await;
    let mut interrupt = next(&mut stream).await.unwrap();
    while interrupt["type"] == "info" {
        interrupt = next(&mut stream).await.unwrap();
    }
    assert_eq!(interrupt["type"], "interrupt");
    let heard = interrupt["utteranceUntilInterrupt"].as_str().unwrap().to_owned();
    assert!("We are open from eight to eight on every day.".starts_with(&heard) && heard.len() >= 16);
    assert_eq!(interrupt["durationUntilInterruptMs"], 5 * heard.len());
    next_is(&mut stream, info("agentSpeaking", "off")).await;
    next_is(&mut stream, prompt("Wait", false)).await;
    next_is(&mut stream, prompt("Wait a", false)).await;
    next_is(&mut stream, prompt("Wait a moment.", true)).await;
    stream.send(text("Yes?", true)).await;
    next_is(&mut stream, info("agentSpeaking", "on")).await;
    next_is(&mut stream, info("tokensPlayed", "Yes?")).await;
    next_is(&mut stream, info("agentSpeaking", "off")).await;
    assert_eq!(next(&mut stream).await, None);
    drop(stream);
    let call = within(server.ended(&sid)).await;
    assert_eq!(spoken(&call), [(&*heard, true), ("Yes?", false)]);
    assert_eq!((call.relays(), call.hung_up_by()), (vec![RelayOutcome::HungUp], Some(By::Person)));
    let told = &customer.told("/over")[0];
    assert_eq!((told.parameter("SessionStatus"), told.parameter("CallStatus")), ("completed", "completed"));
    assert_clean(&server, &customer);
}

#[tokio::test]
async fn what_must_not_be_interrupted_is_not_and_nobody_learns_who_tried() {
    let (server, customer) = house(unhurried()).await;
    customer.answers("/over", "<Hangup/>");
    let told = "reportInputDuringAgentSpeech=\"speech\"";
    for (attributes, interruptible, reported) in
        [("", false, false), ("interruptible=\"dtmf\"", true, false), (told, false, true)]
    {
        customer.answers("/voice", &relaying(&customer, attributes, ""));
        let sid = ring(&server, &customer, [Step::Interrupt("Wait!".into()), say("Thank you.")]);
        let mut stream = open(&customer).await;
        let mut notice = text("This call is recorded.", true);
        notice["interruptible"] = json!(interruptible);
        stream.send(notice).await;
        if reported {
            next_is(&mut stream, prompt("Wait!", true)).await;
        }
        next_is(&mut stream, prompt("Thank you.", true)).await;
        stream.send(json!({"type": "end"})).await;
        drop(stream);
        let call = within(server.ended(&sid)).await;
        assert_eq!(spoken(&call), [("This call is recorded.", false)]);
        assert!(call.timeline.contains(&Event::Spoke("Wait!".into())));
    }
    assert_clean(&server, &customer);
}

#[tokio::test]
async fn keys_are_told_where_they_are_wanted() {
    let (server, customer) = house(Config::new()).await;
    customer.answers("/over", "<Hangup/>");
    for (attributes, keys) in [("dtmfDetection=\"true\"", "4#"), ("", "")] {
        customer.answers("/voice", &relaying(&customer, attributes, ""));
        let sid = ring(&server, &customer, [Step::Press("4#".into()), say("Done.")]);
        let mut stream = open(&customer).await;
        stream.send(text("Your number?", true)).await;
        for key in keys.chars() {
            next_is(&mut stream, json!({"type": "dtmf", "digit": key.to_string()})).await;
        }
        stream.send(text("And now?", true)).await;
        next_is(&mut stream, prompt("Done.", true)).await;
        stream.send(json!({"type": "end"})).await;
        drop(stream);
        let call = within(server.ended(&sid)).await;
        assert!(call.timeline.contains(&Event::Spoke("#".into())));
    }
    assert_clean(&server, &customer);
}

#[tokio::test]
async fn the_language_changes_and_a_sound_is_played() {
    let (server, customer) = house(Config::new()).await;
    customer.answers("/over", "<Hangup/>");
    customer.answers("/voice", &relaying(&customer, "language=\"sv-SE\"", ""));
    let sid = ring(&server, &customer, [say("Hej."), say("Hello.")]);
    let mut stream = open(&customer).await;
    let sound = "https://agent.example.com/ring.mp3";
    stream
        .send(
            json!({"type": "play", "source": sound, "loop": 1, "preemptible": false, "interruptible": true}),
        )
        .await;
    assert_eq!(next(&mut stream).await.unwrap()["lang"], "sv-SE");
    stream.send(json!({"type": "language", "transcriptionLanguage": "en-GB"})).await;
    stream.send(text("In English, then.", true)).await;
    assert_eq!(next(&mut stream).await.unwrap()["lang"], "en-GB");
    stream.send(json!({"type": "end"})).await;
    drop(stream);
    let call = within(server.ended(&sid)).await;
    assert!(call.timeline.contains(&Event::Played { url: sound.into(), status: None }));
    assert_eq!(customer.told("/over")[0].parameter("HandoffData"), "");
    assert_clean(&server, &customer);
}

#[tokio::test]
async fn messages_that_twilio_does_not_understand_are_told_and_violations() {
    let (server, customer) = house(Config::new()).await;
    customer.answers("/over", "<Hangup/>");
    customer.answers("/voice", &relaying(&customer, "", ""));
    let sid = ring(&server, &customer, []);
    let mut stream = open(&customer).await;
    let wrong = [
        json!({"type": "text", "token": null, "last": true}),
        json!({"type": "text", "token": "Hi", "last": true, "voice": "a"}),
        json!({"type": "shout", "token": "Hi"}),
        json!({"type": "sendDigits", "digits": "12a"}),
        json!({"type": "language"}),
        json!({"type": "play", "source": "ring.mp3", "loop": 1}),
        json!({"type": "end", "handoffData": {"reason": "agent"}}),
    ];
    for wrong in &wrong {
        stream.send(wrong.clone()).await;
        let error = next(&mut stream).await.unwrap();
        assert_eq!(error["type"], "error", "{wrong}");
        assert!(error["description"].as_str().unwrap().starts_with("Invalid message received: "));
    }
    stream.socket.send(Message::binary(vec![1, 2])).await.unwrap();
    assert_eq!(next(&mut stream).await.unwrap()["type"], "error");
    // one that is right, and it counts from the beginning
    stream.send(text("Hi", true)).await;
    for _ in 0..9 {
        stream.send(json!({"type": "shout"})).await;
        assert_eq!(next(&mut stream).await.unwrap()["type"], "error");
    }
    stream.send(json!({"type": "shout"})).await;
    let Some(Ok(Message::Close(Some(frame)))) = within(stream.socket.recv()).await else { panic!() };
    assert_eq!((frame.code, &*frame.reason), (1007, "Too many consecutive malformed messages."));
    drop(stream);
    let call = within(server.ended(&sid)).await;
    assert_eq!(call.relays(), [RelayOutcome::Malformed]);
    assert_eq!((call.alerts()[0], call.alerts().last()), (64107, Some(&64105)));
    assert_eq!(customer.told("/over")[0].parameter("ErrorCode"), "64105");
    assert_eq!(server.violations().len(), wrong.len() + 1 + 10);
}

#[tokio::test]
async fn a_session_that_is_lost_is_told_to_the_action_which_may_open_another() {
    let (server, customer) = house(Config::new()).await;
    customer.answers("/voice", &relaying(&customer, "", ""));
    let closed = |which: usize| [RelayOutcome::Closed, RelayOutcome::Broke, RelayOutcome::Broke][which];
    for which in 0..3 {
        customer.answers("/over", &relaying(&customer, "", ""));
        let sid = ring(&server, &customer, [say("Hello?"), say("Bye.")]);
        let mut stream = open(&customer).await;
        stream.send(text("Hi.", true)).await;
        next_is(&mut stream, prompt("Hello?", true)).await;
        match which {
            0 => stream.close().await,
            1 => drop(stream),
            _ => {
                assert!(server.drop_stream(&sid));
                assert_eq!(next(&mut stream).await, None);
            }
        }
        // and again
        open(&customer).await.close().await;
        let mut stream = open(&customer).await;
        let told = customer.told("/over").pop().unwrap();
        assert_eq!((told.parameter("ErrorCode"), told.parameter("SessionStatus")), ("64105", "failed"));
        assert_eq!(told.parameter("CallStatus"), "in-progress");
        customer.answers("/over", "<Hangup/>");
        // the person goes on where they were
        stream.send(text("There I am again.", true)).await;
        next_is(&mut stream, prompt("Bye.", true)).await;
        stream.send(json!({"type": "end"})).await;
        drop(stream);
        let call = within(server.ended(&sid)).await;
        let all = vec![closed(which), RelayOutcome::Closed, RelayOutcome::Ended];
        assert_eq!((call.relays(), call.alerts()), (all, vec![64105, 64105]));
    }
    assert_clean(&server, &customer);
}

#[tokio::test]
async fn a_session_that_does_not_open_is_told_to_the_action_or_fails_the_call() {
    let (server, customer) = house(Config::new()).await;
    customer.answers("/voice", &relaying(&customer, "", "<Say>Never</Say>"));
    customer.answers("/over", "<Say>Sorry</Say>");
    customer.answers_with("/stream", 503, "text/plain", "too many calls");
    let sid = ring(&server, &customer, []);
    let call = within(server.ended(&sid)).await;
    assert_eq!((call.relays(), call.alerts()), (vec![RelayOutcome::Failed(Some(503))], vec![64102]));
    assert_eq!(call.said(), ["Sorry"]);
    let told = &customer.told("/over")[0];
    assert_eq!((told.parameter("ErrorCode"), told.parameter("SessionStatus")), ("64102", "failed"));
    let without = relaying(&customer, "", "<Say>Never</Say>").replace("action=\"/over\"", "");
    customer.answers("/voice", &without);
    let sid = ring(&server, &customer, []);
    let call = within(server.ended(&sid)).await;
    assert_eq!((call.status, call.said(), call.hung_up_by()), (Status::Failed, vec![], Some(By::Twilio)));
    assert_clean(&server, &customer);
    // what is not even tried
    for url in ["ws://agent.example.com/stream", "https://agent.example.com/stream", "/stream"] {
        let elsewhere = relaying(&customer, "", "").replace(&customer.stream_url(), url);
        customer.answers("/voice", &elsewhere);
        let sid = ring(&server, &customer, []);
        let call = within(server.ended(&sid)).await;
        assert_eq!((call.alerts(), call.said()), (vec![64102], vec!["Sorry"]), "{url}");
    }
    assert_eq!(server.violations().len(), 3);
}

#[tokio::test]
async fn a_call_in_a_session_is_ended_or_sent_elsewhere_by_rest() {
    let (server, customer) = house(unhurried()).await;
    customer.answers("/voice", &relaying(&customer, "", "<Say>Never</Say>"));
    let elsewhere = "<Response><Say>Elsewhere</Say></Response>";
    let cases =
        [(("Status", "completed"), vec![], By::Api), (("Twiml", elsewhere), vec!["Elsewhere"], By::Document)];
    for (order, said, by) in cases {
        let sid = ring(&server, &customer, []);
        let mut stream = open(&customer).await;
        stream.send(text(&"long ".repeat(1000), true)).await;
        assert_eq!(Rest::new(&server).update(&sid, &[order]).await.0, 200);
        assert_eq!(next(&mut stream).await, None);
        drop(stream);
        let call = within(server.ended(&sid)).await;
        assert_eq!((call.said(), call.hung_up_by()), (said, Some(by)));
        assert_eq!(call.relays(), [RelayOutcome::StoppedByApi]);
    }
    assert_eq!(customer.told("/over").len(), 0);
    assert_clean(&server, &customer);
}

#[tokio::test]
async fn a_query_and_a_public_address_are_signed_for() {
    let token = Config::new().auth_token;
    let customer = Customer::start(&token).await;
    let tunnel = Tunnel { host: PUBLIC.into(), to: customer.address };
    let server = Server::start(Config { tunnels: vec![tunnel], ..Config::new() }).await.unwrap();
    let url = format!("wss://{PUBLIC}/stream?call=7");
    customer
        .answers("/voice", &format!("<Connect><ConversationRelay url=\"{url}\"/></Connect><Say>Bye</Say>"));
    let sid = server.ring(Incoming::new(format!("https://{PUBLIC}/voice")));
    let mut stream = open(&customer).await;
    assert_eq!((stream.upgrade.query.as_str(), stream.upgrade.authentic), ("call=7", true));
    stream.send(json!({"type": "end"})).await;
    drop(stream);
    assert_eq!(within(server.ended(&sid)).await.said(), ["Bye"]);
    assert_clean(&server, &customer);
}
