//! TwiML as Twilio reads it, and where it leads.

use crate::twilio_customer::{Rest, assert_clean, house};
use crate::within;
use standins::twilio::{By, Config, Event, Incoming, Status};
use std::time::Duration;

#[tokio::test]
async fn a_document_is_carried_out_verb_by_verb() {
    let (server, customer) = house(Config { second: Duration::from_millis(5), ..Config::new() }).await;
    customer.answers(
        "/a/voice",
        "<Say>Tom &amp; Jerry</Say><Pause length=\"2\"/><Play digits=\"1w2\"/>\
        <Play>../ring.wav</Play><Redirect method=\"GET\">next?b=1&amp;c=2</Redirect><Say>Never</Say>",
    );
    customer.answers_with("/ring.wav", 200, "audio/wav", "RIFF");
    customer.answers("/a/next", "<Say>Done</Say>");
    let sid = server.ring(Incoming::new(customer.url("/a/voice")));
    let call = within(server.ended(&sid)).await;
    assert_eq!(call.said(), ["Tom & Jerry", "Done"]);
    let wanted = [
        Event::Paused(Duration::from_millis(10)),
        Event::Pressed("1w2".into()),
        Event::Played { url: customer.url("/ring.wav"), status: Some(200) },
        Event::Redirected { to: customer.url("/a/next?b=1&c=2"), by: By::Document },
        Event::HungUp { by: By::Document },
    ];
    let found: Vec<_> = call.timeline.iter().filter(|event| wanted.contains(event)).collect();
    assert_eq!(found, wanted.iter().collect::<Vec<_>>());
    assert!(customer.told("/a/next")[0].query.starts_with("b=1&c=2&"));
    assert_clean(&server, &customer);
}

#[tokio::test]
async fn what_is_no_document_fails_the_call() {
    let (server, customer) = house(Config::new()).await;
    let good = "<Response><Say>Hi</Say></Response>";
    let cases = [
        ("text/xml", "<Response><Say>Tom & Jerry</Say></Response>", 12100),
        ("text/xml", "", 12100),
        ("text/xml", "<response/>", 12100),
        ("application/json", "{}", 12300),
        ("text/plain", good, 12300),
        ("", good, 12300),
        ("text/xml", "<Response><Redirect>ftp://elsewhere</Redirect></Response>", 11100),
    ];
    for (kind, body, code) in cases {
        customer.answers_with("/voice", 200, kind, body);
        let sid = server.ring(Incoming::new(customer.url("/voice")));
        let call = within(server.ended(&sid)).await;
        assert_eq!((call.status, call.alerts()), (Status::Failed, vec![code]), "{body}");
    }
    assert_eq!(server.violations().len(), cases.len());
    customer.answers_with("/voice", 200, "application/xml", good);
    let sid = server.ring(Incoming::new(customer.url("/voice")));
    assert_eq!(within(server.ended(&sid)).await.said(), ["Hi"]);
}

#[tokio::test]
async fn what_twilio_would_only_warn_about_is_left_out_and_a_violation() {
    let (server, customer) = house(Config::new()).await;
    for wrong in [
        "<Shout>Hi</Shout>",
        "<Pause seconds=\"1\"/>",
        "<Connect/>",
        "<Connect><Stream url=\"wss://a.example\"><Parameter name=\"a\"/></Stream></Connect><Bye/>",
        "<Play>/nothing</Play>",
        "<Reject/>",
    ] {
        let begin = if wrong == "<Reject/>" { "<Say>Hello</Say>" } else { "" };
        customer.answers("/voice", &format!("{begin}{wrong}<Say>Bye</Say>"));
        let before = server.violations().len();
        let sid = server.ring(Incoming::new(customer.url("/voice")));
        let call = within(server.ended(&sid)).await;
        let after = server.violations();
        assert!(after.len() > before, "{wrong}");
        assert_eq!(call.status, Status::Completed, "{wrong}: {:?}", call.timeline);
    }
}

#[tokio::test]
async fn a_relative_url_needs_a_document_that_came_from_somewhere() {
    let (server, customer) = house(Config::new()).await;
    customer.answers("/next", "<Say>There</Say>");
    let rest = Rest::new(&server);
    let absolute = format!("<Response><Redirect>{}</Redirect></Response>", customer.url("/next"));
    let sid = rest.create(&[("Twiml", &absolute)]).await;
    assert_eq!(within(server.ended(&sid)).await.said(), ["There"]);
    assert_clean(&server, &customer);
    let sid = rest.create(&[("Twiml", "<Response><Redirect>/next</Redirect></Response>")]).await;
    let call = within(server.ended(&sid)).await;
    assert_eq!((call.status, call.alerts()), (Status::Failed, vec![11100]));
}

#[tokio::test]
async fn a_call_that_is_going_on_can_be_sent_elsewhere() {
    let (server, customer) = house(Config::new()).await;
    customer.answers("/voice", "<Pause length=\"3600\"/><Say>Never</Say>");
    customer.answers("/other", "<Say>Over here</Say><Pause length=\"3600\"/>");
    let rest = Rest::new(&server);
    let sid = server.ring(Incoming::new(customer.url("/voice")));
    let pauses = |count| {
        move |call: &standins::twilio::CallSeen| {
            call.timeline.iter().filter(|event| matches!(event, Event::Paused(_))).count() == count
        }
    };
    within(server.until_call(&sid, pauses(1))).await;
    let (status, answer) = rest.update(&sid, &[("Url", &customer.url("/other"))]).await;
    assert_eq!((status, answer["status"].as_str().unwrap()), (200, "in-progress"));
    within(server.until_call(&sid, pauses(2))).await;
    let (status, _) = rest.update(&sid, &[("Twiml", "<Response><Say>And gone</Say></Response>")]).await;
    assert_eq!(status, 200);
    let call = within(server.ended(&sid)).await;
    assert_eq!(call.said(), ["Over here", "And gone"]);
    assert!(call.timeline.contains(&Event::Redirected { to: "Twiml".into(), by: By::Api }));
    assert_clean(&server, &customer);
}

#[tokio::test]
async fn what_the_network_does_not_carry_out_is_said() {
    let (server, customer) = house(Config::new()).await;
    customer.answers("/voice", "<Record maxLength=\"5\"/><Say>Nobody did</Say>");
    let sid = server.ring(Incoming::new(customer.url("/voice")));
    assert_eq!(within(server.ended(&sid)).await.said(), ["Nobody did"]);
    assert!(server.violations()[0].contains("<Record> is not carried out"), "{:?}", server.violations());
}
