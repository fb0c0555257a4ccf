//! Media streams: how they open, who is at their end, and what happens when they end.

use crate::twilio_customer::{Customer, PUBLIC, Rest, assert_clean, house};
use crate::within;
use axum::extract::ws::Message;
use caller::Step;
use serde_json::json;
use standins::twilio::{
    By, CallSeen, Config, Event, Incoming, Person, Server, Status, StreamOutcome, Tunnel,
};
use std::time::Duration;

fn connecting(customer: &Customer, attributes: &str, then: &str) -> String {
    let (url, status) = (customer.stream_url(), customer.url("/stream-status"));
    format!(
        "<Connect {attributes}><Stream url=\"{url}\" name=\"talk\" statusCallback=\"{status}\">\
         <Parameter name=\"agent\" value=\"desk-7\"/></Stream></Connect>{then}"
    )
}

fn exactly_twilio() -> Person {
    Person { announces: false, ..Person::default() }
}

fn ring(server: &Server, customer: &Customer, person: Person) -> String {
    server.ring(Incoming { person, ..Incoming::new(customer.url("/voice")) })
}

fn stream_events(customer: &Customer) -> Vec<String> {
    customer.told("/stream-status").iter().map(|told| told.parameter("StreamEvent").to_owned()).collect()
}

fn sid_of_stream(call: &CallSeen) -> &str {
    let sid = call.timeline.iter().find_map(|event| match event {
        Event::Stream { sid, .. } => Some(sid.as_str()),
        _ => None,
    });
    sid.unwrap()
}

#[tokio::test]
async fn a_stream_opens_as_twilio_opens_it_and_the_document_goes_on_when_the_server_closes_it() {
    let (server, customer) = house(Config::new()).await;
    customer.answers("/voice", &connecting(&customer, "", "<Say>Goodbye</Say>"));
    let sid = ring(&server, &customer, exactly_twilio());
    let mut stream = customer.stream().await;
    let headers = &stream.upgrade.headers;
    assert_eq!(
        (headers["user-agent"].to_str().unwrap(), stream.upgrade.authentic),
        ("Twilio.TmeWs/1.0", true)
    );
    for absent in ["origin", "sec-websocket-protocol", "sec-websocket-extensions", "cookie"] {
        assert!(!headers.contains_key(absent), "{absent}");
    }
    let connected = stream.next_of("connected").await.unwrap();
    assert_eq!(connected, json!({"event": "connected", "protocol": "Call", "version": "1.0.0"}));
    let start = stream.next_of("start").await.unwrap();
    let stream_sid = start["streamSid"].as_str().unwrap();
    assert!(stream_sid.starts_with("MZ") && stream_sid.len() == 34);
    assert_eq!(
        start["start"],
        json!({
            "streamSid": stream_sid, "accountSid": server.account_sid(), "callSid": sid,
            "tracks": ["inbound"], "customParameters": {"agent": "desk-7"},
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        })
    );
    let media = stream.next_of("media").await.unwrap();
    assert_eq!((&media["sequenceNumber"], &media["media"]["chunk"]), (&json!("2"), &json!("1")));
    stream.send(json!({"event": "mark", "streamSid": stream_sid, "mark": {"name": "m"}})).await;
    assert_eq!(stream.next_of("mark").await.unwrap()["mark"]["name"], "m");
    stream.close().await;

    let call = within(server.ended(&sid)).await;
    assert_eq!((call.streams(), call.said()), (vec![StreamOutcome::ClosedByServer], vec!["Goodbye"]));
    assert_eq!((call.alerts(), call.hung_up_by()), (vec![31921], Some(By::Document)));
    assert_eq!(stream_events(&customer), ["stream-started", "stream-stopped"]);
    let told = &customer.told("/stream-status")[0];
    assert_eq!((told.parameter("StreamSid"), told.parameter("StreamName")), (sid_of_stream(&call), "talk"));
    assert_clean(&server, &customer);
}

#[tokio::test]
async fn an_action_is_asked_when_the_verb_is_done() {
    let (server, customer) = house(Config::new()).await;
    customer.answers("/voice", &connecting(&customer, "action=\"/after\"", "<Say>Never</Say>"));
    customer.answers("/after", "<Say>After</Say>");
    let sid = ring(&server, &customer, exactly_twilio());
    customer.stream().await.close().await;
    assert_eq!(within(server.ended(&sid)).await.said(), ["After"]);
    assert_eq!(customer.told("/after")[0].parameter("CallStatus"), "in-progress");
    assert_clean(&server, &customer);
}

#[tokio::test]
async fn a_caller_who_hangs_up_stops_the_stream() {
    let (server, customer) = house(Config::new()).await;
    customer.answers("/voice", &connecting(&customer, "", "<Say>Never</Say>"));
    let sid = ring(&server, &customer, exactly_twilio());
    let mut stream = customer.stream().await;
    stream.next_of("media").await.unwrap();
    assert!(server.hang_up(&sid));
    let stop = stream.next_of("stop").await.unwrap();
    assert_eq!(stop["stop"], json!({"accountSid": server.account_sid(), "callSid": sid}));
    assert_eq!(stream.next_of("anything").await, None, "and it is closed");
    drop(stream);
    let call = within(server.ended(&sid)).await;
    assert_eq!((call.streams(), call.said()), (vec![StreamOutcome::HungUp], vec![]));
    assert_eq!((call.status, call.hung_up_by()), (Status::Completed, Some(By::Person)));
    assert_eq!(stream_events(&customer), ["stream-started", "stream-stopped"]);
    assert_clean(&server, &customer);
}

#[tokio::test]
async fn a_call_on_a_stream_is_ended_or_sent_elsewhere_by_rest() {
    let (server, customer) = house(Config::new()).await;
    customer.answers("/voice", &connecting(&customer, "", "<Say>Never</Say>"));
    let elsewhere = "<Response><Say>Elsewhere</Say></Response>";
    let cases =
        [(("Status", "completed"), vec![], By::Api), (("Twiml", elsewhere), vec!["Elsewhere"], By::Document)];
    for (order, said, by) in cases {
        let sid = ring(&server, &customer, exactly_twilio());
        let mut stream = customer.stream().await;
        stream.next_of("start").await.unwrap();
        assert_eq!(Rest::new(&server).update(&sid, &[order]).await.0, 200);
        assert!(stream.next_of("stop").await.is_some());
        drop(stream);
        let call = within(server.ended(&sid)).await;
        assert_eq!(call.streams(), [StreamOutcome::StoppedByApi]);
        assert_eq!((call.said(), call.hung_up_by()), (said, Some(by)));
    }
    assert_clean(&server, &customer);
}

#[tokio::test]
async fn a_stream_that_breaks_lets_the_document_go_on() {
    let (server, customer) = house(Config::new()).await;
    customer.answers("/voice", &connecting(&customer, "", "<Say>Sorry</Say>"));
    let sid = ring(&server, &customer, exactly_twilio());
    let mut stream = customer.stream().await;
    stream.next_of("media").await.unwrap();
    server.drop_stream(&sid);
    assert_eq!(stream.next_of("stop").await, None, "without a word");
    let call = within(server.ended(&sid)).await;
    assert_eq!((call.streams(), call.said()), (vec![StreamOutcome::Broke], vec!["Sorry"]));
    assert_eq!(stream_events(&customer), ["stream-started", "stream-error"]);

    // the other way round: the server is gone
    let sid = ring(&server, &customer, exactly_twilio());
    drop(customer.stream().await);
    let call = within(server.ended(&sid)).await;
    assert_eq!((call.streams(), call.alerts()), (vec![StreamOutcome::Broke], vec![31903]));
    assert_clean(&server, &customer);
}

#[tokio::test]
async fn a_stream_that_does_not_open_lets_the_document_go_on() {
    let (server, customer) = house(Config::new()).await;
    customer.answers("/voice", &connecting(&customer, "", "<Say>Sorry</Say>"));
    customer.answers_with("/stream", 503, "text/plain", "too many calls");
    let fails = Person { stream_fails: true, ..exactly_twilio() };
    for (person, status) in [(exactly_twilio(), Some(503)), (fails, None)] {
        let sid = ring(&server, &customer, person);
        let call = within(server.ended(&sid)).await;
        assert_eq!((call.streams(), call.said()), (vec![StreamOutcome::Failed(status)], vec!["Sorry"]));
        assert_eq!(call.alerts(), [31920]);
    }
    assert_eq!(stream_events(&customer), ["stream-error", "stream-error"]);
    assert_eq!(customer.told("/stream").len(), 1);
    assert_clean(&server, &customer);
}

#[tokio::test]
async fn what_twilio_does_not_connect_to_is_a_violation() {
    let (server, customer) = house(Config::new()).await;
    let long = "x".repeat(500);
    let parameter = format!("<Parameter name=\"a\" value=\"{long}\"/>");
    let url = customer.stream_url();
    let cases = [
        ("url=\"ws://agent.example.com/stream\"".to_owned(), "", 31922),
        (format!("url=\"{}\"", customer.url("/stream")), "", 31922),
        (format!("url=\"{url}?agent=7\""), "", 31920),
        (format!("url=\"{url}\" track=\"both_tracks\""), "", 31941),
        (format!("url=\"{url}\""), parameter.as_str(), 12200),
        (String::new(), "", 31920),
    ];
    for (number, (attributes, inside, code)) in cases.iter().enumerate() {
        let stream = format!("<Connect><Stream {attributes}>{inside}</Stream></Connect><Say>Sorry</Say>");
        customer.answers("/voice", &stream);
        let sid = ring(&server, &customer, exactly_twilio());
        let call = within(server.ended(&sid)).await;
        assert_eq!((call.alerts(), call.said()), (vec![*code], vec!["Sorry"]), "{attributes}");
        assert_eq!(server.violations().len(), number + 1);
    }
    assert_eq!(customer.told("/stream").len(), 0);
}

#[tokio::test]
async fn messages_that_twilio_would_ignore_are_violations() {
    let (server, customer) = house(Config::new()).await;
    customer.answers("/voice", &connecting(&customer, "", ""));
    let sid = ring(&server, &customer, exactly_twilio());
    let mut stream = customer.stream().await;
    let start = stream.next_of("start").await.unwrap();
    let own = start["streamSid"].clone();
    for wrong in [
        json!({"event": "mark", "streamSid": own, "mark": {"name": "a"}, "time": 1}),
        json!({"event": "mark", "streamSid": "MZ0", "mark": {"name": "b"}}),
        json!({"event": "mark", "mark": {"name": "c"}}),
        json!({"event": "stop", "streamSid": own}),
        json!({"event": "media", "streamSid": own, "media": {"payload": "%"}}),
        json!({"event": "cordboard.ended", "streamSid": own, "departure": "script"}),
    ] {
        stream.send(wrong).await;
    }
    stream.socket.send(Message::binary(vec![0xFF; 160])).await.unwrap();
    stream.send(json!({"event": "mark", "streamSid": own, "mark": {"name": "right"}})).await;
    assert_eq!(stream.next_of("mark").await.unwrap()["mark"]["name"], "right");
    stream.close().await;
    within(server.ended(&sid)).await;
    assert_eq!(server.violations().len(), 7, "{:?}", server.violations());
    assert!(server.violations()[6].contains("31950"));
}

#[tokio::test]
async fn a_person_goes_on_with_the_next_stream_where_the_last_one_ended() {
    let (server, customer) = house(Config::new()).await;
    let twice = connecting(&customer, "", &connecting(&customer, "", ""));
    customer.answers("/voice", &twice);
    let steps = vec![Step::Press("1".into()), Step::Press("2".into()), Step::HangUp];
    let sid =
        ring(&server, &customer, Person { steps, patience: Duration::from_millis(40), ..exactly_twilio() });
    let mut first = customer.stream().await;
    assert_eq!(first.next_of("dtmf").await.unwrap()["dtmf"]["digit"], "1");
    first.close().await;
    let mut second = customer.stream().await;
    assert_eq!(second.next_of("dtmf").await.unwrap()["dtmf"]["digit"], "2");
    assert!(second.next_of("stop").await.is_some());
    drop(second);
    let call = within(server.ended(&sid)).await;
    assert_eq!(call.streams(), [StreamOutcome::ClosedByServer, StreamOutcome::HungUp]);
    let spoke: Vec<_> = call.timeline.iter().filter(|event| matches!(event, Event::Spoke(_))).collect();
    assert_eq!(spoke, [&Event::Spoke("1".into()), &Event::Spoke("2".into())]);
    assert_clean(&server, &customer);
}

#[tokio::test]
async fn with_a_server_of_ours_it_is_known_what_was_said_and_heard() {
    let (server, customer) = house(Config::new()).await;
    customer.answers("/voice", &connecting(&customer, "", ""));
    let sid = ring(&server, &customer, Person::who_says(["Hi."]));
    let mut stream = customer.stream().await;
    let start = stream.next_of("start").await.unwrap();
    assert_eq!(start["start"]["customParameters"], json!({"agent": "desk-7", "cordboard": "caller"}));
    let own = &start["streamSid"];
    stream
        .send(json!({"event": "cordboard.offer", "streamSid": own, "recogniser": null, "said": true}))
        .await;
    let payload = twilio::stream::encode_payload(&vec![0x20; 800]);
    stream.send(json!({"event": "media", "streamSid": own, "media": {"payload": payload}})).await;
    stream.send(json!({"event": "mark", "streamSid": own, "mark": {"name": "m"}})).await;
    stream.next_of("mark").await.unwrap();
    stream
        .send(json!({"event": "cordboard.spoke", "streamSid": own, "text": "Hello", "heard": "Hello"}))
        .await;
    let mut said = stream.next_of("cordboard.said").await.unwrap();
    while said["final"] != true {
        said = stream.next_of("cordboard.said").await.unwrap();
    }
    assert_eq!(said["text"], "Hi.");
    let turn = json!({"event": "cordboard.turn", "streamSid": own, "number": 1, "revision": 0, "text": "hi"});
    stream.send(turn).await;
    stream.send(json!({"event": "cordboard.ended", "streamSid": own, "departure": "script"})).await;
    stream.close().await;
    let call = within(server.ended(&sid)).await;
    assert_eq!(call.heard(), ["Hello"]);
    assert!(call.timeline.contains(&Event::Understood("hi".into())), "{:?}", call.timeline);
    let departure = call.timeline.iter().find_map(|event| match event {
        Event::StreamEnded { departure, .. } => departure.clone(),
        _ => None,
    });
    assert_eq!(departure.as_deref(), Some("script"));
    assert_clean(&server, &customer);
}

#[tokio::test]
async fn a_public_address_is_signed_for_though_it_is_reached_through_a_tunnel() {
    let token = Config::new().auth_token;
    let customer = Customer::start(&token).await;
    let tunnel = Tunnel { host: PUBLIC.into(), to: customer.address };
    let server = Server::start(Config { tunnels: vec![tunnel], ..Config::new() }).await.unwrap();
    let url = format!("wss://{PUBLIC}/stream");
    customer.answers("/voice", &format!("<Connect><Stream url=\"{url}\"/></Connect><Say>Bye</Say>"));
    for relative in [false, true] {
        if relative {
            customer.answers("/voice", "<Connect><Stream url=\"/stream\"/></Connect><Say>Bye</Say>");
        }
        let sid = server.ring(Incoming::new(format!("https://{PUBLIC}/voice")));
        let stream = customer.stream().await;
        assert!(stream.upgrade.authentic);
        assert_eq!(stream.upgrade.headers["host"], PUBLIC);
        stream.close().await;
        let call = within(server.ended(&sid)).await;
        assert_eq!(call.said(), ["Bye"]);
        assert!(
            matches!(&call.timeline[3], Event::Stream { url: wanted, .. } if *wanted == url),
            "{:?}",
            call.timeline
        );
    }
    assert_clean(&server, &customer);
}
