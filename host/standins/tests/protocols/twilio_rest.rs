//! Twilio's REST interface.

use crate::twilio_customer::{CALLEE, Rest, assert_clean, house};
use crate::within;
use futures_util::FutureExt;
use serde_json::{Value, json};
use standins::Fault;
use standins::twilio::{Answers, Asked, By, Callee, Config, NUMBER, Server, Status};
use std::time::Duration;

const HELLO: &str = "<Response><Say>Hello</Say></Response>";
const LATER: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn a_call_is_described_as_twilio_describes_it() {
    let (server, customer) = house(Config::new()).await;
    let rest = Rest::new(&server);
    let (status, created) = rest.post("/Calls", &[("To", CALLEE), ("From", NUMBER), ("Twiml", HELLO)]).await;
    assert_eq!(status, 201);
    let sid = created["sid"].as_str().unwrap();
    assert!(sid.starts_with("CA") && sid.len() == 34, "{sid}");
    assert_eq!(
        (&created["status"], &created["direction"], &created["queue_time"], &created["start_time"]),
        (&json!("queued"), &json!("outbound-api"), &json!("0"), &Value::Null)
    );
    let call = within(server.ended(sid)).await;
    assert_eq!((call.status, call.said()), (Status::Completed, vec!["Hello"]));
    let (status, fetched) = rest.get(&format!("/Calls/{sid}")).await;
    assert_eq!((status, &fetched["status"], &fetched["to"]), (200, &json!("completed"), &json!(CALLEE)));
    assert!(fetched["duration"].as_str().unwrap().parse::<u64>().unwrap() < 60, "a string with seconds");
    let ended = fetched["end_time"].as_str().unwrap();
    assert!(jiff::fmt::rfc2822::parse(ended).is_ok() && ended.ends_with("+0000"), "{ended}");
    let (_, list) = rest.get(&format!("/Calls?To={}&Status=completed", CALLEE.replace('+', "%2B"))).await;
    assert_eq!(list["calls"][0]["sid"], sid);
    assert_eq!(server.seen().requests[0].what, Asked::Create);
    assert_eq!(server.seen().requests[0].sid.as_deref(), Some(sid));
    assert_clean(&server, &customer);
}

#[tokio::test]
async fn the_account_and_its_numbers_are_there_for_whoever_has_a_key() {
    let key = ("SK00000000000000000000000000000001", "secret-of-this-test");
    let config = Config { api_key: Some((key.0.into(), key.1.into())), ..Config::new() };
    let server = Server::start(config).await.unwrap();
    for (user, password) in [(server.account_sid(), server.auth_token()), key] {
        let rest = Rest { server: &server, user: user.into(), password: password.into() };
        let (status, account) = rest.get("").await;
        assert_eq!((status, &account["status"]), (200, &json!("active")));
        let (_, numbers) = rest.get("/IncomingPhoneNumbers?PhoneNumber=%2B15555550100").await;
        assert_eq!(numbers["incoming_phone_numbers"][0]["phone_number"], NUMBER);
        let (_, none) = rest.get("/IncomingPhoneNumbers?PhoneNumber=%2B15555550101").await;
        assert_eq!(none["incoming_phone_numbers"], json!([]));
    }
    assert_eq!(server.violations(), [""; 0]);
    let rest = Rest { server: &server, user: key.0.into(), password: server.auth_token().into() };
    let (status, error) = rest.get("").await;
    assert_eq!((status, &error["code"], &error["status"]), (401, &json!(20003), &json!(401)));
    assert_eq!(server.violations().len(), 1);
}

#[tokio::test]
async fn what_twilio_refuses_is_refused() {
    let server = Server::start(Config::new()).await.unwrap();
    let rest = Rest::new(&server);
    let long = format!("<Response><Say>{}</Say></Response>", "a".repeat(4000));
    let good = [("To", CALLEE), ("From", NUMBER), ("Twiml", HELLO)];
    let cases: &[(&[(&str, &str)], u32)] = &[
        (&[("From", NUMBER), ("Twiml", HELLO)], 21200),
        (&[("To", CALLEE), ("Twiml", HELLO)], 21200),
        (&[("To", CALLEE), ("From", NUMBER)], 21200),
        (&[("To", "5555550142"), ("From", NUMBER), ("Twiml", HELLO)], 21211),
        (&[("To", " 15555550142"), ("From", NUMBER), ("Twiml", HELLO)], 21211),
        (&[("To", CALLEE), ("From", "me"), ("Twiml", HELLO)], 21212),
        (&[("To", CALLEE), ("From", "+15555550101"), ("Twiml", HELLO)], 21210),
        (&[("To", CALLEE), ("From", NUMBER), ("Url", "/voice")], 21205),
        (&[("To", CALLEE), ("From", NUMBER), ("Twiml", &long)], 20001),
        (&[good[0], good[1], good[2], ("StatusCallback", "https://my_host.example/")], 21609),
        (&[good[0], good[1], good[2], ("StatusCallbackEvent", "initiated ringing")], 21626),
        (&[good[0], good[1], good[2], ("MachineDetection", "true")], 20001),
        (&[good[0], good[1], good[2], ("Timeout", "601")], 20001),
        (&[good[0], good[1], good[2], ("Method", "PUT")], 20001),
    ];
    for (form, code) in cases {
        let (status, error) = rest.post("/Calls", form).await;
        assert_eq!((status, &error["code"]), (400, &json!(code)), "{form:?}: {error}");
        assert_eq!(error["more_info"], format!("https://www.twilio.com/docs/errors/{code}"));
    }
    let (status, error) = rest.get("/Calls/CA00000000000000000000000000000000").await;
    assert_eq!((status, &error["code"]), (404, &json!(20404)));
    let seen = server.seen();
    assert_eq!((seen.violations.len(), seen.calls.len()), (cases.len() + 1, 0), "{:?}", seen.violations);
    assert_eq!(seen.requests[0].code, Some(21200));
}

#[tokio::test]
async fn a_misspelled_parameter_is_a_violation_though_twilio_ignores_it() {
    let server = Server::start(Config::new()).await.unwrap();
    let sid = Rest::new(&server).create(&[("Twiml", HELLO), ("StatusCallbackEvents", "completed")]).await;
    within(server.ended(&sid)).await;
    let violations = server.violations();
    assert!(violations.len() == 1 && violations[0].contains("StatusCallbackEvents"), "{violations:?}");
}

#[tokio::test]
async fn a_call_is_cancelled_while_it_rings_and_not_once_it_is_answered() {
    let ringing = Callee::Answers(Answers { after: LATER, ..Answers::default() });
    let (server, customer) = house(Config { callee: ringing, ..Config::new() }).await;
    let rest = Rest::new(&server);
    let pause = "<Response><Pause length=\"3600\"/></Response>";
    for status in ["canceled", "completed"] {
        let sid = rest.create(&[("Twiml", pause), ("Timeout", "600")]).await;
        within(server.until_call(&sid, |call| call.status == Status::Ringing)).await;
        let (code, error) = rest.update(&sid, &[("Twiml", HELLO)]).await;
        assert_eq!((code, &error["code"]), (400, &json!(21220)), "nobody is there to hear it");
        let (code, answer) = rest.update(&sid, &[("Status", status)]).await;
        assert_eq!((code, &answer["status"]), (200, &json!("canceled")));
        assert_eq!(within(server.ended(&sid)).await.status, Status::Canceled);
    }
    server.set_callee(CALLEE, Callee::answers());
    let sid = rest.create(&[("Twiml", pause)]).await;
    within(server.until_call(&sid, |call| call.status == Status::InProgress)).await;
    assert_eq!(rest.update(&sid, &[("Status", "canceled")]).await.0, 200);
    let (_, answer) = rest.update(&sid, &[("Status", "completed")]).await;
    assert_eq!(answer["status"], "completed");
    let call = within(server.ended(&sid)).await;
    assert_eq!((call.status, call.hung_up_by()), (Status::Completed, Some(By::Api)));
    let (status, error) = rest.update(&sid, &[("Status", "completed")]).await;
    assert_eq!((status, &error["code"]), (400, &json!(21220)));
    assert_clean(&server, &customer);
}

#[tokio::test]
async fn it_refuses_for_a_while_and_then_no_more() {
    let server = Server::start(Config::new()).await.unwrap();
    let rest = Rest::new(&server);
    server.set_fault_times(Fault::Refuse { status: 429, retry_after: Some(Duration::from_secs(2)) }, 1);
    let form = [("To", CALLEE), ("From", NUMBER), ("Twiml", HELLO)];
    let response = rest.request("/Calls", Some(&form)).await;
    assert_eq!((response.status().as_u16(), response.headers()["retry-after"].to_str().unwrap()), (429, "2"));
    let error: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    assert_eq!((&error["code"], &error["status"]), (&json!(20429), &json!(429)));
    assert_eq!((server.seen().refused, server.seen().calls.len()), (1, 0));
    let sid = rest.create(&[("Twiml", HELLO)]).await;
    within(server.ended(&sid)).await;
    server.set_fault(Some(Fault::Refuse { status: 503, retry_after: None }));
    assert_eq!(rest.get("").await.1["code"], 20500);
    assert_eq!(server.violations(), [""; 0]);
}

#[tokio::test]
async fn a_response_that_is_lost_leaves_a_call_and_silence_leaves_none() {
    let server = Server::start(Config::new()).await.unwrap();
    let rest = Rest::new(&server);
    let form = [("To", CALLEE), ("From", NUMBER), ("Twiml", HELLO)];
    server.set_fault(Some(Fault::Silent));
    let waiting = rest.asking("/Calls", Some(&form)).send();
    tokio::pin!(waiting);
    tokio::select! {
        response = &mut waiting => panic!("{response:?}"),
        () = within(server.until(|seen| seen.requests.len() == 1)) => {}
    }
    server.set_fault(Some(Fault::Nothing));
    assert_eq!(rest.get("").await.1, "");
    server.set_fault(Some(Fault::CloseMidWord));
    let response = rest.request("/Calls", Some(&form)).await;
    assert_eq!(response.status(), 201);
    assert!(within(response.text()).await.is_err(), "it breaks off");
    let seen = server.seen();
    let [call] = seen.calls.as_slice() else { panic!("{:?}", seen.calls) };
    assert_eq!(within(server.ended(&call.sid)).await.said(), ["Hello"]);
    assert!((&mut waiting).now_or_never().is_none(), "still silent");
}

#[tokio::test]
async fn slow_and_garbage_are_faults_of_the_interface_too() {
    let time = Duration::from_millis(200);
    let server = Server::start(Config { fault: Some(Fault::Slow(time)), ..Config::new() }).await.unwrap();
    let rest = Rest::new(&server);
    let begun = std::time::Instant::now();
    assert_eq!(rest.get("").await.0, 200);
    assert!(begun.elapsed() >= time);
    server.set_fault(Some(Fault::Garbage));
    let response = rest.request("/Calls", Some(&[("To", CALLEE), ("From", NUMBER), ("Twiml", HELLO)])).await;
    assert_eq!(response.status(), 200);
    assert!(std::str::from_utf8(&within(response.bytes()).await.unwrap()).is_err(), "it is not even text");
    assert_eq!(server.seen().calls, []);
}
