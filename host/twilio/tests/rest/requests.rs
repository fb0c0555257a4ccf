//! What goes over the wire, and what comes back when all is well.

use crate::server::{ACCOUNT, CALL, CALLS, KEY, Server, answer, call, new_call, with_header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use std::time::Duration;
use twilio::rest::{Client, Credentials, DetectionMode, Instructions, MachineDetection, NewCall, Settings};
use twilio::status::{Direction, Status};

fn path(rest: &str) -> String {
    format!("/2010-04-01/Accounts/{ACCOUNT}{rest}")
}

fn basic(user: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{secret}")))
}

#[tokio::test]
async fn a_call_is_asked_for_and_is_queued() {
    let server = Server::start(vec![answer(201, call("queued").to_string())]).await;
    let call = server.client().create_call(&new_call()).await.unwrap();
    assert_eq!(call.sid, CALL);
    assert_eq!(call.status, Status::Queued);
    assert_eq!(call.direction, Some(Direction::OutboundApi));
    assert_eq!((call.duration, call.queue_time), (None, Some(Duration::ZERO)));
    let request = server.request().await;
    assert_eq!(request.line, format!("POST {CALLS} HTTP/1.1"));
    assert_eq!(request.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(request.header("accept"), Some("application/json"));
    assert_eq!(request.header("authorization"), Some(basic(ACCOUNT, "t0ken").as_str()));
    assert!(request.header("user-agent").unwrap().starts_with("cordboard/"));
    assert!(
        request.body.starts_with("To=%2B15555550101&From=%2B15555550100&Url=https%3A%2F%2F"),
        "{request:?}"
    );
}

#[tokio::test]
async fn twiml_and_what_else_there_is_to_say_go_along() {
    let server = Server::start(vec![answer(201, call("queued").to_string())]).await;
    let twiml = "<Response><Say>Hello & goodbye + 100%</Say></Response>";
    let asked = NewCall {
        instructions: Instructions::Twiml(twiml.into()),
        status_callback: Some("https://agent.example.com/call-status".into()),
        machine_detection: Some(MachineDetection {
            asynchronous: Some("https://agent.example.com/answered-by".into()),
            ..MachineDetection::new(DetectionMode::Enable)
        }),
        ..new_call()
    };
    server.client().create_call(&asked).await.unwrap();
    let form = server.request().await.form();
    let value = |name: &str| form.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
    assert_eq!(value("Twiml"), Some(twiml));
    assert_eq!(value("Url"), None);
    assert_eq!(value("AsyncAmd"), Some("true"));
    let events: Vec<_> = form.iter().filter(|(name, _)| name == "StatusCallbackEvent").collect();
    assert_eq!(events.len(), 4);
}

#[tokio::test]
async fn an_api_key_signs_in_and_the_path_still_has_the_account() {
    let server = Server::start(vec![answer(200, call("ringing").to_string())]).await;
    let credentials = Credentials::api_key(ACCOUNT, KEY, "s3cret").unwrap();
    let client = Client::new(Settings { credentials, ..server.settings() }).unwrap();
    assert_eq!(client.call(CALL).await.unwrap().status, Status::Ringing);
    let request = server.request().await;
    assert_eq!(request.line, format!("GET {} HTTP/1.1", path(&format!("/Calls/{CALL}.json"))));
    assert_eq!(request.header("authorization"), Some(basic(KEY, "s3cret").as_str()));
    assert_eq!(request.body, "");
}

#[tokio::test]
async fn a_call_is_ended_cancelled_and_sent_elsewhere() {
    let answers =
        ["completed", "canceled", "in-progress"].map(|status| answer(200, call(status).to_string()));
    let server = Server::start(answers.into()).await;
    let client = server.client();
    assert_eq!(client.end_call(CALL).await.unwrap().status, Status::Completed);
    assert_eq!(client.cancel_call(CALL).await.unwrap().status, Status::Canceled);
    let elsewhere = "<Response><Dial>+15555550102</Dial></Response>";
    assert_eq!(client.redirect_call(CALL, elsewhere).await.unwrap().status, Status::InProgress);
    let requests = server.requests().await;
    let forms: Vec<_> = requests.iter().flat_map(|request| request.form()).collect();
    let expected = [("Status", "completed"), ("Status", "canceled"), ("Twiml", elsewhere)];
    assert_eq!(forms, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    for request in requests {
        assert_eq!(request.line, format!("POST {} HTTP/1.1", path(&format!("/Calls/{CALL}.json"))));
    }
}

#[tokio::test]
async fn the_account_says_who_it_is_and_what_time_it_is_at_twilio() {
    let body = json!({ "sid": ACCOUNT, "friendly_name": "Desk", "status": "active", "type": "Trial" });
    let said = with_header(answer(200, body.to_string()), "date", "Sun, 25 Mar 2018 09:53:19 GMT");
    let server = Server::start(vec![said]).await;
    let account = server.client().account().await.unwrap();
    assert_eq!(account.sid, ACCOUNT);
    assert_eq!(account.friendly_name.as_deref(), Some("Desk"));
    assert_eq!((account.status.as_deref(), account.kind.as_deref()), (Some("active"), Some("Trial")));
    assert_eq!(account.date, Some("2018-03-25T09:53:19Z".parse().unwrap()));
    assert_eq!(server.request().await.line, format!("GET {} HTTP/1.1", path(".json")));
}

#[tokio::test]
async fn a_number_is_found_among_those_that_contain_it() {
    let body = json!({ "page": 0, "incoming_phone_numbers": [
        { "sid": "PN1", "phone_number": "+155555501001" },
        { "sid": "PN2", "phone_number": "+15555550100", "friendly_name": "(555) 555-0100",
          "voice_url": "https://agent.example.com/", "voice_method": "POST", "status_callback": "",
          "voice_application_sid": null, "trunk_sid": "TK1",
          "capabilities": { "voice": true, "sms": false, "mms": false } },
    ] });
    let server = Server::start(vec![answer(200, body.to_string())]).await;
    let number = "+15555550100".parse().unwrap();
    let found = server.client().incoming_number(&number).await.unwrap().unwrap();
    assert_eq!((found.sid.as_str(), &found.phone_number), ("PN2", &number));
    assert_eq!(found.voice_url.as_deref(), Some("https://agent.example.com/"));
    assert_eq!(found.voice_method.as_deref(), Some("POST"));
    assert_eq!((found.status_callback, found.voice_application_sid), (None, None));
    assert_eq!((found.trunk_sid.as_deref(), found.voice), (Some("TK1"), Some(true)));
    let expected = path("/IncomingPhoneNumbers.json?PhoneNumber=%2B15555550100");
    assert_eq!(server.request().await.line, format!("GET {expected} HTTP/1.1"));
}

#[tokio::test]
async fn a_number_that_is_somebody_elses_is_not_found() {
    let server = Server::start(vec![answer(200, r#"{"incoming_phone_numbers":[]}"#)]).await;
    let found = server.client().incoming_number(&"+15555550100".parse().unwrap()).await.unwrap();
    assert_eq!(found, None);
}

#[tokio::test]
async fn a_base_url_may_have_a_path() {
    let server = Server::start(vec![answer(200, call("busy").to_string())]).await;
    let mut settings = server.settings();
    settings.base_url = settings.base_url.map(|url| url + "/twilio/");
    Client::new(settings).unwrap().call(CALL).await.unwrap();
    assert!(server.request().await.line.starts_with("GET /twilio/2010-04-01/Accounts/"));
}

#[tokio::test]
async fn what_is_no_sid_does_not_become_a_path() {
    let server = Server::start(vec![]).await;
    let client = server.client();
    for sid in ["", "CA/../../Accounts", "CA1?x=1", "CA1.json#", "MZ1", "CA 1", "CAé"] {
        let error = client.call(sid).await.unwrap_err();
        assert!(matches!(error, twilio::rest::RestError::Invalid { .. }), "{error}");
        assert!(client.end_call(sid).await.is_err());
        assert!(client.redirect_call(sid, "<Response/>").await.is_err());
    }
    assert_eq!(server.requests().await, []);
}

/// What the server does in its own tasks.
#[test]
fn every_request_can_be_made_from_any_task() {
    fn sent<T: Send>(_: T) {}
    fn never(client: &Client) {
        sent(client.create_call(&new_call()));
        sent(client.call(CALL));
        sent(client.end_call(CALL));
        sent(client.redirect_call(CALL, ""));
        sent(client.account());
        sent(client.incoming_number(&new_call().to));
    }
    let _ = never;
}
