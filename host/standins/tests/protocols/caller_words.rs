//! A caller who calls by words: at a webhook, as `cordboard call --line` does, without a stand-in.

use crate::twilio_customer::Customer;
use crate::within;
use axum::extract::ws::Message;
use caller::gather::{self, Outcome, Plan};
use caller::{CallError, Ending, Step, Told, Typed};
use serde_json::{Value, json};
use standins::twilio::Config;
use std::sync::Arc;
use std::time::Duration;
use twilio::signature::{AuthToken, SIGNATURE_HEADER};

async fn customer() -> Customer {
    Customer::start(&Config::new().auth_token).await
}

fn plan(customer: &Customer, steps: impl Into<Vec<Step>>) -> Plan {
    let token = AuthToken::new(&Config::new().auth_token).unwrap();
    Plan {
        steps: steps.into(),
        sign: Arc::new(move |url, form| vec![(SIGNATURE_HEADER.into(), token.sign(url, form))]),
        pace: Duration::ZERO,
        second: Duration::from_millis(200),
        ..Plan::new(customer.url("/voice/incoming"), crate::chat::client())
    }
}

/// What was said on either side, in its order.
async fn call(plan: Plan) -> (Result<Outcome, CallError>, Vec<String>) {
    let mut told = Vec::new();
    let outcome = within(gather::call(plan, |event| match event {
        Told::Says { what, .. } => told.push(format!("caller: {what}")),
        Told::Presses { key, .. } => told.push(format!("caller: {key}")),
        Told::Spoken { text, .. } => told.push(format!("agent: {text}")),
        _ => {}
    }))
    .await;
    (outcome, told)
}

fn say(text: &str) -> Step {
    Step::Say(text.into())
}

const LISTENS: &str = "<Gather input=\"speech dtmf\" action=\"/voice/heard?turn=1\" timeout=\"1\">\
                       <Say>How can I help?</Say></Gather>";

#[tokio::test]
async fn a_caller_talks_with_a_webhook() {
    let customer = customer().await;
    customer.answers("/voice/incoming", LISTENS);
    customer.answers(
        "/voice/heard",
        "<Gather action=\"/voice/number\" numDigits=\"2\"><Say>Which one?</Say></Gather>",
    );
    customer.answers("/voice/number", "<Say>Thank you</Say><Redirect method=\"GET\">/voice/last</Redirect>");
    customer.answers("/voice/last", "<Say>Goodbye</Say><Hangup/>");
    let steps = [say("My soup was cold."), Step::Press("123".into())];
    let (outcome, told) = call(plan(&customer, steps)).await;
    let outcome = outcome.unwrap();
    assert_eq!((outcome.problem(), &outcome.ending), (None, &Ending::Agent { departure: None }));
    assert_eq!(
        told,
        [
            "agent: How can I help?",
            "caller: My soup was cold.",
            "agent: Which one?",
            "caller: 1",
            "caller: 2",
            "caller: 3",
            "agent: Thank you",
            "agent: Goodbye"
        ]
    );
    let first = &customer.told("/voice/incoming")[0];
    assert_eq!((first.parameter("CallStatus"), first.parameter("Direction")), ("ringing", "inbound"));
    let heard = &customer.told("/voice/heard")[0];
    assert_eq!(
        (heard.parameter("SpeechResult"), heard.parameter("Confidence")),
        ("My soup was cold.", "0.92")
    );
    assert_eq!((heard.parameter("CallSid"), heard.query.as_str()), (first.parameter("CallSid"), "turn=1"));
    assert_eq!(customer.told("/voice/number")[0].parameter("Digits"), "12");
    assert_eq!(customer.told("/voice/last")[0].method, "GET");
    customer.assert_authentic();
}

#[tokio::test]
async fn a_caller_with_nothing_left_to_say_waits_and_hangs_up() {
    let customer = customer().await;
    customer.answers("/voice/incoming", &format!("{LISTENS}<Redirect>/voice/incoming</Redirect>"));
    let waiting = Plan { patience: Duration::from_secs(1), ..plan(&customer, []) };
    let (outcome, told) = call(waiting).await;
    assert_eq!(outcome.unwrap().ending, Ending::Caller);
    assert!(told.len() > 1, "{told:?}");
    let limited = Plan { limit: Duration::from_millis(25), ..plan(&customer, []) };
    assert_eq!(call(limited).await.0.unwrap().ending, Ending::Caller);
}

#[tokio::test]
async fn a_caller_cuts_in_and_another_types() {
    let customer = customer().await;
    let two = LISTENS.replace("</Gather>", "<Say>Take your time.</Say></Gather>");
    customer.answers("/voice/incoming", &two);
    customer.answers("/voice/heard", LISTENS);
    let (sender, typed) = Typed::new();
    for step in [say("Never mind."), say(""), Step::HangUp] {
        sender.send(step).await.unwrap();
    }
    let typing = Plan { typed: Some(typed), ..plan(&customer, [Step::Interrupt("Wait!".into())]) };
    let (outcome, told) = call(typing).await;
    // an empty line lets the time go by, and the document is over
    assert_eq!(outcome.unwrap().ending, Ending::Agent { departure: None });
    let expected = ["agent: How can I help?", "caller: Wait!", "agent: How can I help?"];
    assert_eq!(told[..3], expected);
    assert_eq!(told[3..], ["caller: Never mind.", "agent: How can I help?"]);
    customer.assert_authentic();
}

#[tokio::test]
async fn a_webhook_may_lead_to_a_relay_and_further() {
    let customer = customer().await;
    let relay = format!(
        "<Connect action=\"/voice/over\"><ConversationRelay url=\"{}\" welcomeGreeting=\"Hi.\">\
         <Parameter name=\"agent\" value=\"7\"/></ConversationRelay></Connect>",
        customer.stream_url()
    );
    customer.answers("/voice/incoming", &relay);
    customer.answers("/voice/over", LISTENS);
    customer.answers("/voice/heard", "<Hangup/>");
    let server = async {
        let mut stream = customer.stream().await;
        assert!(stream.upgrade.authentic);
        let mut next = async || match within(stream.socket.recv()).await {
            Some(Ok(Message::Text(text))) => serde_json::from_str::<Value>(&text).unwrap(),
            other => panic!("{other:?}"),
        };
        let setup = next().await;
        assert_eq!((&setup["type"], &setup["customParameters"]), (&json!("setup"), &json!({"agent": "7"})));
        let prompt = next().await;
        assert_eq!((&prompt["voicePrompt"], &prompt["last"]), (&json!("Hello."), &json!(true)));
        stream.send(json!({"type": "text", "token": "One moment.", "last": true})).await;
        stream.send(json!({"type": "end", "handoffData": "{}"})).await;
        (setup, stream)
    };
    let calling = call(plan(&customer, [say("Hello."), say("Still there?")]));
    let ((outcome, told), (setup, _stream)) = tokio::join!(calling, server);
    assert_eq!(outcome.unwrap().problem(), None);
    let over = &customer.told("/voice/over")[0];
    assert_eq!((over.parameter("SessionStatus"), over.parameter("HandoffData")), ("ended", "{}"));
    assert_eq!(over.parameter("CallSid"), setup["callSid"].as_str().unwrap());
    assert_eq!(
        told,
        [
            "agent: Hi.",
            "caller: Hello.",
            "agent: One moment.",
            "agent: How can I help?",
            "caller: Still there?"
        ]
    );
    customer.assert_authentic();
}

#[tokio::test]
async fn a_webhook_may_lead_to_a_media_stream() {
    let customer = customer().await;
    let url = customer.stream_url();
    customer.answers("/voice/incoming", &format!("<Connect><Stream url=\"{url}\"/></Connect><Say>Bye</Say>"));
    let server = async {
        let mut stream = customer.stream().await;
        assert!(stream.upgrade.authentic);
        assert!(stream.next_of("media").await.is_some());
        stream.close().await;
    };
    let ((outcome, told), ()) = tokio::join!(call(plan(&customer, [])), server);
    assert_eq!(
        (outcome.unwrap().ending, told),
        (Ending::Agent { departure: None }, vec!["agent: Bye".to_owned()])
    );
}

#[tokio::test]
async fn what_is_wrong_with_a_webhook_is_said() {
    let customer = customer().await;
    customer.answers_with("/voice/incoming", 403, "text/plain", "not Twilio's signature");
    let error = call(plan(&customer, [])).await.0.unwrap_err().to_string();
    assert!(error.contains("403") && error.contains("not Twilio's signature"), "{error}");
    customer.answers_with("/voice/incoming", 200, "text/html", "<html/>");
    let error = call(plan(&customer, [])).await.0.unwrap_err().to_string();
    assert!(error.contains("not a <Response>"), "{error}");
    customer.answers("/voice/incoming", "<Reject reason=\"busy\"/>");
    let outcome = call(plan(&customer, [])).await.0.unwrap();
    assert_eq!(outcome.ending, Ending::Agent { departure: Some("busy".into()) });
    let elsewhere = Plan { url: "ws://127.0.0.1/ws".into(), ..plan(&customer, []) };
    assert!(matches!(call(elsewhere).await.0, Err(CallError::Url { .. })));
}
