//! The same conversations over Twilio's two lines of words: ConversationRelay and `<Gather>`.

use crate::exchange::*;
use crate::house::*;
use caller::Step;
use futures_util::{SinkExt, StreamExt};
use reqwest::Method;
use serde_json::{Value, json};
use standins::twilio::{Asking, CallSeen, Config, Event, Person, RelayOutcome, Status};
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message;

/// One `<Say>` takes so long: longer than the quickest voice needs for the longest that is said here.
const SAYING: Duration = Duration::from_millis(8000);

fn line(kind: &str) -> Setup {
    Setup::brief().variable("CORDBOARD_LINE", kind)
}

/// A telephone network on which it takes a while to say something.
fn spoken() -> Config {
    Config { saying: SAYING, pace: Duration::from_millis(15), ..Config::new() }
}

/// One that says everything in a moment, before anybody can have heard it.
fn quick() -> Config {
    Config { saying: Duration::from_millis(300), pace: Duration::from_millis(15), ..Config::new() }
}

async fn over(kind: &str) -> Exchange {
    Exchange::with(quick(), line(kind)).await
}

/// What is kept of a call that is over.
async fn kept(exchange: &Exchange, sid: &str) -> Value {
    until_told(exchange, &format!("/conversations?call_sid={sid}"), |page| {
        page["conversations"][0]["departure"].is_string()
    })
    .await;
    exchange.get(&format!("/conversations/{sid}")).await
}

fn lines(kept: &Value) -> Vec<(String, String)> {
    let text = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
    let turns = kept["turns"].as_array().unwrap();
    turns.iter().map(|row| (text(row, "speaker"), text(row, "text"))).collect()
}

fn said_by<'a>(lines: &'a [(String, String)], who: &str) -> Vec<&'a str> {
    lines.iter().filter(|(speaker, _)| speaker == who).map(|(_, text)| text.as_str()).collect()
}

/// What the caller said, in however many turns: words that come before anything of the answer can have been
/// heard go on the same one.
fn said_in_all(lines: &[(String, String)]) -> String {
    said_by(lines, "caller").join(" ")
}

/// The documents that Twilio was given.
fn documents(call: &CallSeen) -> Vec<&str> {
    let documents = call.timeline.iter();
    documents
        .filter_map(|event| if let Event::Document { text, .. } = event { Some(text.as_str()) } else { None })
        .collect()
}

fn documents_of(exchange: &Exchange, sid: &str) -> Vec<String> {
    let seen = exchange.twilio.seen();
    documents(seen.call(sid).unwrap()).into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn guest_relations_decides_and_keeps_the_same_on_every_line() {
    let mut told = Vec::new();
    for kind in ["stream", "relay", "gather"] {
        let exchange = Exchange::with(spoken(), line(kind)).await;
        let words = ["My soup was cold today.", "It was in room 12.", "Thank you, goodbye."];
        let sid = exchange.ring(Person::who_says(words));
        let call = exchange.ended(&sid).await;
        assert_eq!(call.status, Status::Completed, "{kind}:\n{}", story(&call));
        let kept = kept(&exchange, &sid).await;
        let said = lines(&kept);
        assert_eq!(said_by(&said, "caller"), words, "{kind}: {said:?}\n{}", story(&call));
        let conversation = &kept["conversation"];
        told.push((
            said,
            conversation["departure"].clone(),
            conversation["outcome"].clone(),
            kept["record"].clone(),
            kept["fields"].clone(),
        ));
        exchange.is_clean();
    }
    assert_eq!(told[0].1, "script");
    assert_eq!(told[1], told[0], "on ConversationRelay as on a stream");
    assert_eq!(told[2], told[0], "with <Gather> as on a stream");
}

// -- <Gather>

#[tokio::test]
async fn with_gather_the_voice_the_language_and_what_is_listened_for_are_the_routes() {
    let toml = "[route]\nline = \"gather\"\nlanguage = \"en-GB\"\n[route.gather]\nvoice = \"Polly.Amy\"\n\
                hints = [\"Herzberg\"]\nspeech_model = \"phone_call\"\nspeech_timeout = 2\n";
    let exchange = Exchange::with(quick(), Setup::brief().toml(toml)).await;
    let sid = exchange.ring(Person::who_says(["Goodbye."]));
    let call = exchange.ended(&sid).await;
    let first = documents(&call)[0];
    for part in [
        "<Say voice=\"Polly.Amy\" language=\"en-GB\">Hello!</Say>",
        "input=\"dtmf speech\"",
        "language=\"en-GB\"",
        "hints=\"Herzberg\"",
        "speechModel=\"phone_call\"",
        "speechTimeout=\"2\"",
    ] {
        assert!(first.contains(part), "{part} is not in {first}");
    }
    assert_eq!(call.said(), ["Hello!", "Bye!"]);
    exchange.is_clean();
}

#[tokio::test]
async fn what_twilio_asks_twice_is_answered_alike_and_counts_once() {
    for documents in [Asking::Again, Asking::AtOnce] {
        let exchange = Exchange::with(Config { documents, ..quick() }, line("gather")).await;
        let sid = exchange.ring(Person::who_says(["My soup was cold.", "Goodbye."]));
        let call = exchange.ended(&sid).await;
        let said = lines(&kept(&exchange, &sid).await);
        assert_eq!(said_in_all(&said), "My soup was cold. Goodbye.", "{}", story(&call));
        assert_eq!(call.said().iter().filter(|said| **said == "Hello!").count(), 1);
        exchange.is_clean();
    }
}

#[tokio::test]
async fn an_old_request_gets_its_old_answer_and_changes_nothing() {
    let exchange = over("gather").await;
    let steps = vec![Step::Say("My soup was cold.".into()), Step::Say("It was in room 12.".into())];
    let sid = exchange.ring(Person { steps, patience: Duration::from_secs(60), ..Person::default() });
    let call =
        exchange.until(&sid, |call| asked(call, "/voice/turn") >= 2 && documents(call).len() >= 3).await;
    // out of order: the last but one, then the first, then the last again
    let given = documents(&call);
    for _ in 0..2 {
        for back in [1, 2, 1] {
            let again = exchange.twilio.repeat(&sid, back).await.unwrap();
            // more may have been asked meanwhile
            assert!(
                again.status == 200 && documents_of(&exchange, &sid).contains(&again.body),
                "{back} back"
            );
        }
    }
    assert!(given.len() >= 3);
    let (status, _) = exchange.post(&format!("/calls/{sid}/hangup"), json!({})).await;
    assert_eq!(status, 200);
    exchange.ended(&sid).await;
    let said = lines(&kept(&exchange, &sid).await);
    assert_eq!(said_in_all(&said), "My soup was cold. It was in room 12.");
}

#[tokio::test]
async fn with_gather_an_operator_speaks_and_hangs_up_by_rest() {
    let exchange =
        Exchange::with(Config { saying: Duration::from_millis(500), ..Config::new() }, line("gather")).await;
    let sid = exchange.ring(listener());
    exchange.until(&sid, |call| call.said().contains(&"Hello!")).await;
    let path = format!("/calls/{sid}/say");
    let (status, answer) = exchange.post(&path, json!({ "text": "We are open again." })).await;
    assert_eq!(status, 200, "{answer}");
    exchange.until(&sid, |call| call.said().contains(&"We are open again.")).await;
    let (status, answer) = exchange.post(&format!("/calls/{sid}/dtmf"), json!({ "digits": "1w2#" })).await;
    assert_eq!(status, 200, "{answer}");
    exchange.until(&sid, |call| documents(call).iter().any(|text| text.contains("digits=\"1w2#\""))).await;
    let (status, answer) = exchange.post(&format!("/calls/{sid}/hangup"), json!({})).await;
    assert_eq!(status, 200, "{answer}");
    let call = exchange.ended(&sid).await;
    assert_eq!(call.status, Status::Completed);
    exchange.is_clean();
}

#[tokio::test]
async fn with_gather_an_interrupted_sentence_ends_at_once() {
    let long = "[component.guest-relations.settings]\ngoodbye = \"Bye!\"\n\
                greeting = \"This greeting goes on and on, and nobody gets to speak before it has come to its end.\"\n";
    let config = Config { saying: Duration::from_secs(20), ..Config::new() };
    let exchange =
        Exchange::with(config, Setup::default().toml(long).variable("CORDBOARD_LINE", "gather")).await;
    let sid = exchange.ring(listener());
    exchange.until(&sid, |call| call.said().iter().any(|said| said.starts_with("This greeting"))).await;
    let (status, answer) = exchange.post(&format!("/interrupt-call/{sid}"), json!({})).await;
    assert_eq!(status, 200, "{answer}");
    exchange.until(&sid, |call| asked(call, "called=1") >= 1).await;
    exchange.post(&format!("/calls/{sid}/hangup"), json!({})).await;
    exchange.ended(&sid).await;
}

#[tokio::test]
async fn with_gather_the_caller_is_put_through() {
    let setup = line("gather").toml("[route.transfers]\ndesk = \"+15555550142\"\n");
    let exchange =
        Exchange::with(Config { saying: Duration::from_millis(300), ..Config::new() }, setup).await;
    let sid = exchange.ring(listener());
    exchange.until(&sid, |call| call.said().contains(&"Hello!")).await;
    let (status, answer) = exchange.post(&format!("/calls/{sid}/transfer"), json!({ "to": "desk" })).await;
    assert!(status < 300, "{answer}");
    exchange
        .until(&sid, |call| {
            documents(call).iter().any(|text| text.contains("<Dial") && text.contains("+15555550142"))
        })
        .await;
}

#[tokio::test]
async fn what_twilio_is_not_sure_of_is_asked_for_again() {
    let person =
        Person { confidences: vec![("Mumble.", Some("0.1"))], ..Person::who_says(["Mumble.", "Goodbye."]) };
    let exchange = over("gather").await;
    let sid = exchange.ring(person);
    let call = exchange.ended(&sid).await;
    assert!(call.said().iter().any(|said| said.contains("did not understand")), "{}", story(&call));
    let said = lines(&kept(&exchange, &sid).await);
    assert_eq!(said_by(&said, "caller"), ["Goodbye."]);
    exchange.is_clean();
}

#[tokio::test]
async fn two_calls_whose_requests_cross_are_two_conversations() {
    let exchange = over("gather").await;
    let one = exchange.ring(Person::who_says(["The soup was cold.", "Goodbye."]));
    let other = exchange.ring(Person::who_says(["The bed was hard.", "Goodbye."]));
    for (sid, complaint) in [(&one, "The soup was cold."), (&other, "The bed was hard.")] {
        exchange.ended(sid).await;
        let said = lines(&kept(&exchange, sid).await);
        assert_eq!(said_in_all(&said), format!("{complaint} Goodbye."));
    }
    exchange.is_clean();
}

#[tokio::test]
async fn a_caller_who_goes_without_a_word_is_missed_and_looked_for_once() {
    let setup = line("gather").toml("[route.gather]\ntimeout = 1\nmax_speech = 1\n");
    let exchange =
        Exchange::with(Config { saying: Duration::from_millis(100), ..Config::new() }, setup).await;
    let sid = exchange.ring(Person { steps: vec![Step::HangUp], ..Person::default() });
    exchange.ended(&sid).await;
    let kept = kept(&exchange, &sid).await;
    assert_eq!(kept["conversation"]["departure"], "caller");
    let log = exchange.server.log();
    assert_eq!(log.matches("Twilio has not asked in time").count(), 1, "{log}");
    until_told(&exchange, "/health", |health| health["calls"] == 0).await;
}

#[tokio::test]
async fn a_stream_that_cannot_be_opened_is_replaced_by_gather() {
    for kind in ["stream", "relay"] {
        let exchange = over(kind).await;
        let person = Person { stream_fails: true, ..Person::who_says(["My soup was cold.", "Goodbye."]) };
        let sid = exchange.ring(person);
        let call = exchange.ended(&sid).await;
        assert!(documents(&call).iter().any(|text| text.contains("<Gather")), "{}", story(&call));
        let said = lines(&kept(&exchange, &sid).await);
        assert_eq!(said_in_all(&said), "My soup was cold. Goodbye.");
    }
}

#[tokio::test]
async fn five_hundred_conversations_over_webhooks_leave_nothing_behind() {
    const CALLS: usize = 500;
    let setup = line("gather").toml("[server]\ncalls = 600\n[route.gather]\ntimeout = 30\n");
    let exchange = Exchange::with(Config::new(), setup).await;
    let mut sids = Vec::new();
    while sids.len() < CALLS {
        let rung: Vec<String> = (0..25).map(|_| exchange.ring(listener())).collect();
        for sid in &rung {
            exchange.until(sid, |call| call.said().contains(&"Hello!")).await;
        }
        sids.extend(rung);
    }
    assert_eq!(exchange.get("/health").await["calls"], CALLS);
    for sid in &sids {
        let (status, answer) = exchange.post(&format!("/calls/{sid}/hangup"), json!({})).await;
        assert_eq!(status, 200, "{answer}");
    }
    for sid in &sids {
        assert_eq!(exchange.ended(sid).await.status, Status::Completed);
    }
    until_told(&exchange, "/health", |health| health["calls"] == 0).await;
    let known = exchange.get("/components").await;
    for component in known["components"].as_array().unwrap() {
        for usage in component["uses"].as_array().unwrap() {
            assert_eq!((&usage["consumed"]["sessions"], &usage["current"]["calls"]), (&json!(0), &json!(0)));
        }
    }
    exchange.is_clean();
}

// -- ConversationRelay

#[tokio::test]
async fn on_relay_what_the_caller_heard_is_what_twilio_says_was_spoken() {
    let long = "[component.guest-relations.settings]\ngoodbye = \"Bye!\"\n\
                greeting = \"This greeting goes on and on, and nobody gets to speak before it has come to its end.\"\n";
    let setup = Setup::default().toml(long).variable("CORDBOARD_LINE", "relay");
    let config = Config { pace: Duration::from_millis(40), ..Config::new() };
    let exchange = Exchange::with(config, setup).await;
    let steps = vec![Step::Interrupt("Hello? My soup was cold.".into()), Step::Say("Goodbye.".into())];
    let sid = exchange.ring(Person { steps, ..Person::default() });
    let call = exchange.ended(&sid).await;
    assert_eq!(call.relays(), [RelayOutcome::Ended], "{}", story(&call));
    let cut = call.timeline.iter().find_map(|event| match event {
        Event::Spoken { text, cut: true } => Some(text.trim().to_owned()),
        _ => None,
    });
    let cut = cut.unwrap_or_else(|| panic!("nothing was cut short:\n{}", story(&call)));
    let kept = kept(&exchange, &sid).await;
    let first = &kept["turns"].as_array().unwrap()[0];
    let heard = first["heard"].as_str().or(first["text"].as_str()).unwrap().trim_end_matches(['.', ',']);
    assert!(cut.starts_with(heard), "Twilio spoke {cut:?}, and {heard:?} is kept: {first}");
    assert!(heard.len() < 60, "{heard}");
    exchange.is_clean();
}

#[tokio::test]
async fn a_relay_that_is_lost_comes_back_and_the_conversation_goes_on() {
    let exchange = over("relay").await;
    let steps = vec![Step::Say("My soup was cold.".into()), Step::Say("It was in room 12.".into())];
    let sid = exchange.ring(Person { steps, patience: Duration::from_secs(60), ..Person::default() });
    exchange.hears(&sid, "Hello!").await;
    assert!(exchange.twilio.drop_stream(&sid));
    let call = exchange
        .until(&sid, |call| {
            call.timeline.iter().filter(|event| matches!(event, Event::Relay { .. })).count() == 2
        })
        .await;
    assert_eq!(call.relays(), [RelayOutcome::Broke]);
    until_told(&exchange, &format!("/calls/{sid}"), |call| call.to_string().contains("It was in room 12."))
        .await;
    let (status, _) = exchange.post(&format!("/calls/{sid}/hangup"), json!({})).await;
    assert_eq!(status, 200);
    exchange.ended(&sid).await;
    let kept = kept(&exchange, &sid).await;
    let said = lines(&kept);
    assert_eq!(said_by(&said, "caller"), ["My soup was cold.", "It was in room 12."], "{said:?}");
    assert_eq!(said.iter().filter(|(_, text)| text == "Hello!").count(), 1, "{said:?}");
}

#[tokio::test]
async fn what_cannot_be_understood_on_a_relay_does_not_end_the_call() {
    let server = line("relay").start().await;
    let url = server.stream_url().replace("/ws", "/relay");
    let (mut socket, _) = tokio_tungstenite::connect_async(url.as_str()).await.unwrap();
    let setup = json!({ "type": "setup", "sessionId": "VX1", "callSid": "CA1", "from": "+15555550100",
        "to": "+15555550101", "direction": "inbound", "customParameters": {} });
    socket.send(Message::text(setup.to_string())).await.unwrap();
    for wrong in 0..10 {
        socket.send(Message::text(format!("{{\"type\": \"nonsense {wrong}\"}}"))).await.unwrap();
    }
    let prompt = json!({ "type": "prompt", "voicePrompt": "Goodbye.", "lang": "en-US", "last": true });
    socket.send(Message::text(prompt.to_string())).await.unwrap();
    let mut said = String::new();
    let waiting = async {
        while let Some(Ok(message)) = socket.next().await {
            let Message::Text(text) = message else { continue };
            let message: Value = serde_json::from_str(&text).unwrap();
            match message["type"].as_str() {
                Some("text") => said.push_str(message["token"].as_str().unwrap()),
                Some("end") => return,
                _ => {}
            }
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap();
    assert!(said.contains("Bye!"), "{said:?}\n{}", server.log());
    assert!(server.log().contains("nonsense 9"), "what was wrong is in the log");
}

#[tokio::test]
async fn the_end_of_a_relay_says_what_became_of_the_call() {
    let exchange = over("relay").await;
    let sid = exchange.ring(Person::who_says(["Goodbye."]));
    let call = exchange.ended(&sid).await;
    let handed = call.timeline.iter().any(|event| match event {
        Event::Webhook { url, .. } => url.contains("/voice/after"),
        _ => false,
    });
    assert!(handed, "{}", story(&call));
    assert_eq!(call.relays(), [RelayOutcome::Ended]);
    let (_, answer) = exchange.ask(Method::GET, &format!("/calls/{sid}"), None).await;
    assert!(answer.to_string().contains("script"), "{answer}");
}

// -- without Twilio

#[tokio::test]
async fn both_lines_can_be_tried_from_the_command_line() {
    for kind in ["relay", "gather"] {
        let server = line(kind).start().await;
        let folder = tempfile::tempdir().unwrap();
        let mut command = program(folder.path());
        command.args(["call", "--line", kind, "--url", &server.url("/voice/incoming")]);
        command.args(["--say", "My soup was cold.", "--say", "Goodbye."]);
        let output = tokio::time::timeout(PATIENCE * 3, command.output()).await.unwrap().unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        let failed = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{kind}: {printed}{failed}\n{}", server.log());
        for part in ["Hello!", "My soup was cold.", "Bye!"] {
            assert!(printed.contains(part), "{kind}: {part:?} is not in {printed}");
        }
    }
}
