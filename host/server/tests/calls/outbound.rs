//! Calls that we place: who is called, who picks up, and all that may go wrong on the way.

use crate::exchange::*;
use crate::house::*;
use crate::watching::Watching;
use serde_json::{Value, json};
use standins::Fault;
use standins::twilio::{Answers, Asked, Callee, Config, Delivery, Event, Person, Status};
use std::time::Duration;

pub const THEIRS: &str = "+15555550101";

fn greeted() -> Setup {
    let settings = "[component.guest-relations.settings]\n\
                    outbound_greeting = \"Hello, here is your caterer.\"\n\
                    outbound_goodbye = \"Bye!\"\n\
                    voicemail = \"Please call us back.\"\n";
    Setup::default().toml(settings)
}

/// Whoever is called picks up and is this person, as far as the detection can tell.
fn picks_up(answered_by: Option<&'static str>, person: Person) -> Config {
    let answers = Answers { answered_by, person, ..Answers::default() };
    Config { callee: Callee::Answers(answers), ..Config::new() }
}

async fn place(exchange: &Exchange, mut body: Value) -> String {
    body["to_number"] = json!(THEIRS);
    let (status, placed) = exchange.post("/outbound", body).await;
    assert_eq!(status, 200, "{placed}\n{}", exchange.server.log());
    assert_eq!((placed["success"].as_bool(), placed["status"].as_str()), (Some(true), Some("queued")));
    assert_eq!(
        (placed["to"].as_str(), placed["from"].as_str()),
        (Some(THEIRS), Some(standins::twilio::NUMBER))
    );
    assert!(placed["webhook_url"].as_str().unwrap().contains("/outbound-twiml?call="), "{placed}");
    placed["call_sid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_call_is_placed_answered_held_and_ended() {
    let config = picks_up(Some("human"), Person::who_says(["It was fine, goodbye."]));
    let exchange = Exchange::with(config, greeted()).await;
    let sid = place(&exchange, json!({})).await;
    let call = exchange.ended(&sid).await;
    assert_eq!(call.status, Status::Completed);
    assert_eq!(call.heard(), ["Hello, here is your caterer.", "Bye!"], "{}", story(&call));
    assert_eq!(call.progress(), ["initiated", "ringing", "answered", "completed"]);
    let status =
        until_told(&exchange, &format!("/call-status/{sid}"), |told| told["status"] == "completed").await;
    assert_eq!(status["direction"], "outbound-api");
    assert_eq!((status["to"].as_str(), status["from_"].as_str()), (Some(THEIRS), Some("+15555550100")));
    assert_eq!(status["answered_by"], "human");
    assert!(
        status["start_time"].is_string() && status["end_time"].is_string() && status["duration"].is_u64(),
        "{status}"
    );
    exchange.is_clean();
}

#[tokio::test]
async fn it_does_not_matter_when_and_how_often_twilio_tells() {
    for callbacks in [Delivery::Twice, Delivery::Shuffled] {
        let config = Config {
            callbacks,
            callback_first: true,
            ..picks_up(Some("human"), Person::who_says(["Goodbye."]))
        };
        let exchange = Exchange::with(config, greeted()).await;
        let sid = place(&exchange, json!({})).await;
        let call = exchange.ended(&sid).await;
        assert_eq!(call.heard().last(), Some(&"Bye!"), "{}", story(&call));
        let known = exchange.get(&format!("/calls/{sid}")).await;
        assert_eq!(
            (known["status"].as_str(), known["departure"].as_str()),
            (Some("completed"), Some("script"))
        );
        // it is one call, under both of its names
        let all = exchange.get("/calls?all=true").await;
        assert_eq!(all["calls"].as_array().unwrap().len(), 1, "{all}");
        assert_eq!(
            exchange.get(&format!("/calls/{}", known["id"].as_str().unwrap())).await["call_sid"],
            sid.as_str()
        );
        exchange.is_clean();
    }
}

#[tokio::test]
async fn what_it_is_about_goes_with_the_call() {
    let config = picks_up(None, listener());
    let exchange = Exchange::with(config, greeted()).await;
    // too long for a parameter of a stream
    let message = format!("Your order is ready. {}", "Really. ".repeat(90));
    let body = json!({ "initial_message": message, "parameters": { "order": "42 & more" }, "persona": "guest-relations" });
    let sid = place(&exchange, body).await;
    let speaks = |call: &Value| call["speaking"].as_str().is_some_and(|text| text.starts_with("Your order"));
    until_told(&exchange, &format!("/calls/{sid}"), speaks).await;
    let call = exchange.twilio.seen().call(&sid).cloned().unwrap();
    let parameters = call.timeline.iter().find_map(|event| match event {
        Event::Stream { parameters, .. } => Some(parameters.clone()),
        _ => None,
    });
    let parameters = parameters.unwrap();
    assert!(parameters.contains(&("order".into(), "42 & more".into())), "{parameters:?}");
    let events = exchange.get(&format!("/calls/{sid}")).await;
    assert_eq!(events["direction"], "outbound");
    exchange.twilio.hang_up(&sid);
    exchange.ended(&sid).await;
    exchange.is_clean();
}

#[tokio::test]
async fn a_machine_gets_the_message_and_nothing_else_after_the_beep() {
    let answers = Answers {
        answered_by: Some("machine_end_beep"),
        verdict_after: Duration::from_millis(300),
        person: listener(),
        ..Answers::default()
    };
    let config = Config { callee: Callee::Answers(answers), ..Config::new() };
    let exchange = Exchange::with(config, greeted()).await;
    let sid = place(&exchange, json!({})).await;
    let call = exchange.ended(&sid).await;
    let heard = call.heard();
    assert_eq!(heard.last(), Some(&"Please call us back."), "{}", story(&call));
    // what was begun before the verdict was cut short
    assert!(!heard.contains(&"Hello, here is your caterer."), "{heard:?}");
    let known = exchange.get(&format!("/calls/{sid}")).await;
    assert_eq!(
        (known["answered_by"].as_str(), known["departure"].as_str()),
        (Some("machine_end_beep"), Some("script"))
    );
    exchange.is_clean();
}

#[tokio::test]
async fn somebody_who_speaks_after_the_verdict_is_a_person() {
    let answers = Answers {
        answered_by: Some("machine_end_other"),
        verdict_after: Duration::from_millis(50),
        person: Person {
            patience: Duration::from_secs(30),
            ..Person::who_says(["Wait, I am here. Goodbye."])
        },
        ..Answers::default()
    };
    let config = Config { callee: Callee::Answers(answers), ..Config::new() };
    let exchange = Exchange::with(config, greeted()).await;
    let sid = place(&exchange, json!({})).await;
    let call = exchange.ended(&sid).await;
    assert_eq!(call.heard().last(), Some(&"Bye!"), "{}", story(&call));
}

#[tokio::test]
async fn a_verdict_before_the_agent_speaks_is_known_to_it_from_the_start() {
    let config = picks_up(Some("machine_end_beep"), listener());
    let setup = greeted().toml("[outbound]\nmachine_detection = \"sync\"\n");
    let exchange = Exchange::with(config, setup).await;
    let sid = place(&exchange, json!({})).await;
    let call = exchange.ended(&sid).await;
    assert_eq!(call.heard(), ["Please call us back."], "{}", story(&call));
    exchange.is_clean();
}

#[tokio::test]
async fn whoever_is_busy_or_away_or_nobody_is_no_conversation() {
    let after = Duration::from_millis(5);
    let cases = [
        (Callee::Busy { after }, "busy"),
        (Callee::NoAnswer { after }, "no-answer"),
        (Callee::Fails, "failed"),
    ];
    for (callee, status) in cases {
        let exchange = Exchange::with(Config { callee, ..Config::new() }, greeted()).await;
        let sid = place(&exchange, json!({})).await;
        exchange.ended(&sid).await;
        let known =
            until_told(&exchange, &format!("/calls/{sid}"), |call| call["end_time"].is_string()).await;
        assert_eq!(
            (known["status"].as_str(), known["conversation"].as_array().unwrap().len()),
            (Some(status), 0)
        );
        let (code, answer) = exchange.post(&format!("/calls/{sid}/say"), json!({ "text": "Hello?" })).await;
        assert_eq!(code, 409, "{answer}");
        assert!(answer["detail"].as_str().unwrap().contains(status), "{answer}");
        assert_eq!(answer["ended_by"], status);
    }
}

#[tokio::test]
async fn a_call_that_still_rings_can_be_ended() {
    let after = Duration::from_secs(60);
    let exchange =
        Exchange::with(Config { callee: Callee::NoAnswer { after }, ..Config::new() }, greeted()).await;
    let sid = place(&exchange, json!({})).await;
    exchange.until(&sid, |call| call.status == Status::Ringing).await;
    let (code, answer) = exchange.post(&format!("/calls/{sid}/say"), json!({ "text": "Hello?" })).await;
    assert_eq!((code, answer["detail"].as_str()), (409, Some("nobody has answered this call yet")));
    let (code, answer) = exchange.post(&format!("/calls/{sid}/hangup"), json!({})).await;
    assert_eq!(code, 200, "{answer}");
    let call = exchange.ended(&sid).await;
    assert!(matches!(call.status, Status::Canceled | Status::Completed), "{:?}", call.status);
}

#[tokio::test]
async fn a_call_whose_end_was_asked_for_before_it_was_told_is_over_all_the_same() {
    let after = Duration::from_millis(5);
    let exchange =
        Exchange::with(Config { callee: Callee::Busy { after }, ..Config::new() }, greeted()).await;
    let sid = place(&exchange, json!({})).await;
    // whatever is first: our question, or Twilio's callback
    until_told(&exchange, &format!("/call-status/{sid}"), |told| told["status"] == "busy").await;
    exchange.ended(&sid).await;
    assert_eq!(exchange.get("/calls").await, json!({ "calls": [] }));
    let mut watching = Watching::open(&exchange, &sid).await;
    assert_eq!(watching.next().await.unwrap()["status"], "busy");
    assert_eq!(watching.next().await, None, "there is nothing more to see");
}

#[tokio::test]
async fn a_number_that_is_none_is_refused_by_its_field() {
    let exchange = Exchange::with(Config::new(), greeted()).await;
    for (body, field) in [
        (json!({ "to_number": "5555" }), "to_number"),
        (json!({ "to_number": "+1555555010x" }), "to_number"),
        (json!({ "to_number": THEIRS, "from_number": "me" }), "from_number"),
        (json!({}), "to_number"),
        (json!({ "to_number": 5 }), "string"),
        (json!({ "to_number": THEIRS, "tonumber": 1 }), "tonumber"),
        (json!({ "to_number": THEIRS, "persona": "nobody" }), "persona"),
        (json!({ "to_number": THEIRS, "parameters": { "caller": "me" } }), "parameters.caller"),
        (json!({ "to_number": THEIRS, "parameters": { "a": "x".repeat(500) } }), "parameters.a"),
    ] {
        let (status, answer) = exchange.post("/make-call", body.clone()).await;
        assert_eq!(status, 422, "{body}: {answer}");
        assert!(answer["detail"].as_str().unwrap().contains(field), "{body}: {answer}");
    }
    assert_eq!(exchange.twilio.seen().created().count(), 0);
    // what only Twilio knows: a number that is not ours
    let body = json!({ "to_number": THEIRS, "from_number": "+15555550199" });
    let (status, answer) = exchange.post("/outbound", body).await;
    assert_eq!((status, answer["twilio_code"].as_u64()), (422, Some(21210)), "{answer}");
    assert!(answer["detail"].as_str().unwrap().starts_with("Failed to initiate call: "), "{answer}");
}

#[tokio::test]
async fn calls_cost_money_so_there_are_limits() {
    let after = Duration::from_secs(60);
    let config = Config { callee: Callee::NoAnswer { after }, ..Config::new() };
    let setup = greeted().toml("[outbound]\nprefixes = [\"+1555\"]\nconcurrent = 2\n");
    let exchange = Exchange::with(config, setup).await;
    let (status, answer) = exchange.post("/outbound", json!({ "to_number": "+4420555501" })).await;
    assert_eq!(status, 403, "{answer}");
    assert!(answer["detail"].as_str().unwrap().contains("+1555"), "{answer}");
    place(&exchange, json!({})).await;
    place(&exchange, json!({})).await;
    let response = client()
        .post(exchange.server.url("/outbound"))
        .bearer_auth(KEY)
        .body(json!({ "to_number": THEIRS }).to_string())
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 429);
    assert!(response.headers().contains_key("retry-after"));

    let setup = greeted().toml("[outbound]\nper_minute = 1\n");
    let exchange = Exchange::with(Config { callee: Callee::Fails, ..Config::new() }, setup).await;
    place(&exchange, json!({})).await;
    let (status, answer) = exchange.post("/outbound", json!({ "to_number": THEIRS })).await;
    assert_eq!(status, 429, "{answer}");
}

#[tokio::test]
async fn what_is_wrong_with_twilio_is_said_and_no_call_is_placed_twice() {
    let exchange = Exchange::with(Config { callee: Callee::Fails, ..Config::new() }, greeted()).await;
    let body = json!({ "to_number": THEIRS });
    // it may have been done: it is not repeated
    exchange.twilio.set_fault_times(Fault::CloseMidWord, 1);
    let (status, answer) = exchange.post("/outbound", body.clone()).await;
    assert_eq!(status, 502, "{answer}");
    let creates = exchange.twilio.seen().requests.iter().filter(|r| r.what == Asked::Create).count();
    assert_eq!(creates, 1);
    // it was not: it is
    exchange.twilio.set_fault_times(Fault::Refuse { status: 429, retry_after: Some(Duration::ZERO) }, 1);
    let (status, answer) = exchange.post("/outbound", body.clone()).await;
    assert_eq!(status, 200, "{answer}");
    exchange.twilio.set_fault(Some(Fault::Refuse { status: 401, retry_after: None }));
    let (status, answer) = exchange.post("/outbound", body.clone()).await;
    assert_eq!((status, answer["twilio_code"].as_u64()), (502, Some(20003)), "{answer}");
    exchange.twilio.set_fault(Some(Fault::Refuse { status: 500, retry_after: None }));
    let (status, answer) = exchange.post("/outbound", body).await;
    assert_eq!(status, 502, "{answer}");
}

#[tokio::test]
async fn while_twilio_is_away_live_calls_go_on_and_their_status_is_what_we_know() {
    let exchange = Exchange::new().await;
    let sid = exchange.ring(Person::who_says(["My soup was cold today.", "Goodbye."]));
    exchange.hears(&sid, "Hello!").await;
    exchange.twilio.set_fault(Some(Fault::Refuse { status: 503, retry_after: None }));
    let status = exchange.get(&format!("/call-status/{sid}")).await;
    assert_eq!(
        (status["status"].as_str(), status["direction"].as_str()),
        (Some("in-progress"), Some("inbound"))
    );
    let (code, answer) =
        exchange.ask(reqwest::Method::GET, "/call-status/CA00000000000000000000000000000099", None).await;
    assert_eq!(code, 502, "{answer}");
    let call = exchange.ended(&sid).await;
    assert_eq!(call.heard().last(), Some(&"Bye!"));
    exchange.twilio.set_fault(None);
    let (code, answer) =
        exchange.ask(reqwest::Method::GET, "/call-status/CA00000000000000000000000000000099", None).await;
    assert_eq!(code, 404, "{answer}");
}

#[tokio::test]
async fn a_verdict_that_comes_before_the_stream_waits_for_it() {
    let exchange = Exchange::with(Config::new(), greeted()).await;
    let (server, sid) = (&exchange.server, "CA00000000000000000000000000000077");
    let form = [("CallSid", sid), ("AnsweredBy", "machine_end_beep")];
    let url = server.url("/voice/answered-by");
    let told = client()
        .post(&url)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("x-twilio-signature", signature(&url, &form))
        .body(format!("CallSid={sid}&AnsweredBy=machine_end_beep"))
        .send()
        .await
        .unwrap();
    assert_eq!(told.status(), 204);
    // the stream comes by a document of somebody else's, and says which way the call goes
    let headers = [("x-twilio-signature", signature(&server.stream_url(), &[]))];
    let mut phone = Phone::connect_with(server, &headers).await;
    let begin = start(sid).replace("AC1", exchange.twilio.account_sid());
    phone.send(&begin.replace("\"caller\":", "\"direction\":\"outbound-api\",\"caller\":")).await;
    assert_eq!(phone.hears().await, "Please call us back.");
    assert_eq!(phone.ended().await, "script");
}
