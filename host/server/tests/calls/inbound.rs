//! Somebody dials our number: from the webhook to the end of the call, and each way it can go.

use crate::exchange::*;
use crate::house::*;
use crate::watching::Watching;
use caller::Step;
use serde_json::json;
use standins::twilio::{
    CallSeen, Callee, Config, Event, Incoming, Left, Method, Person, Status, StreamOutcome, Tunnel,
};
use std::time::Duration;

#[tokio::test]
async fn a_call_goes_from_the_webhook_to_the_goodbye_and_twilio_has_nothing_to_complain_about() {
    let exchange = Exchange::new().await;
    let sid = exchange.ring(Person::who_says(["My soup was cold today.", "Thank you, goodbye."]));
    let call = exchange.ended(&sid).await;
    assert_eq!(call.status, Status::Completed);
    let heard = call.heard();
    assert_eq!((heard.first(), heard.last()), (Some(&"Hello!"), Some(&"Bye!")), "{heard:?}");
    // what follows on the stream was asked once, and was the end
    assert_eq!(asked(&call, "/voice/after"), 1);
    assert_eq!(call.said(), Vec::<&str>::new());
    assert_eq!(call.streams(), [StreamOutcome::ClosedByServer]);
    exchange.is_clean();
    // and what is known of it afterwards
    let known = exchange.get(&format!("/calls/{sid}")).await;
    assert_eq!(known["departure"], "script");
    assert_eq!(known["from"], "+15555550199");
    assert_eq!(known["to"], "+15555550100");
    assert_eq!(known["kept"]["feedback"][0], "My soup was cold today.");
    let lines: Vec<&str> =
        known["conversation"].as_array().unwrap().iter().map(|l| l["who"].as_str().unwrap()).collect();
    assert_eq!(lines.first(), Some(&"agent"));
    assert_eq!(lines.iter().filter(|who| **who == "caller").count(), 2);
    let status = exchange.get(&format!("/call-status/{sid}")).await;
    assert_eq!(status["status"], "completed");
    assert_eq!(status["direction"], "inbound");
    assert_eq!(status["from_"], "+15555550199");
}

#[tokio::test]
async fn a_number_may_be_set_to_any_of_the_addresses_and_to_get() {
    let exchange = Exchange::new().await;
    for (path, method) in
        [("/voice/incoming", Method::Post), ("/", Method::Get), ("/voice/incoming", Method::Get)]
    {
        let incoming = Incoming {
            person: Person::who_says(["Goodbye."]),
            method,
            ..Incoming::new(exchange.server.url(path))
        };
        let sid = exchange.twilio.ring(incoming);
        let call = exchange.ended(&sid).await;
        assert_eq!(call.heard().last(), Some(&"Bye!"), "{path} {method:?}: {}", story(&call));
    }
    exchange.is_clean();
}

#[tokio::test]
async fn behind_a_tunnel_the_public_address_is_the_one_that_twilio_asked_for() {
    // found out by the headers of the proxy
    let twilio = standins::twilio::Server::start(Config::new()).await.unwrap();
    let server = Setup::brief().twilio(&twilio).start().await;
    let to = server.address.parse().unwrap();
    drop(twilio);
    let tunnels = vec![Tunnel { host: "calls.example.com".into(), to }];
    let twilio = standins::twilio::Server::start(Config { tunnels, ..Config::new() }).await.unwrap();
    // nothing of it says words: it is not local
    let person = Person { announces: false, steps: vec![Step::HangUp], ..Person::default() };
    let sid = twilio.ring(Incoming { person, ..Incoming::new("https://calls.example.com/") });
    let call = tokio::time::timeout(PATIENCE, twilio.ended(&sid)).await.unwrap();
    assert_eq!(call.streams(), [StreamOutcome::HungUp], "{}\n{}", story(&call), server.log());
    let url = call.timeline.iter().find_map(|event| match event {
        Event::Stream { url, .. } => Some(url.clone()),
        _ => None,
    });
    assert!(url.as_ref().is_some_and(|url| url.starts_with("wss://calls.example.com/ws/")), "{url:?}");
    assert_eq!(twilio.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn a_caller_whose_stream_never_opens_hears_an_apology_once() {
    let setup = Setup::brief().toml("[route]\nfallback = \"none\"\n");
    let exchange = Exchange::with(Config::new(), setup).await;
    let sid = exchange.ring(Person { stream_fails: true, ..Person::default() });
    let call = exchange.ended(&sid).await;
    assert!(matches!(call.said()[..], [said] if said.starts_with("I am sorry")), "{}", story(&call));
    assert_eq!(asked(&call, "/voice/after"), 1);
    exchange.is_clean();
}

#[tokio::test]
async fn a_line_that_is_lost_comes_back_and_the_agent_goes_on() {
    let setup = Setup::default().toml(
        "[component.guest-relations.settings]\n\
         greeting = \"Hello, this is a long greeting of which you will hear the end on another line.\"\n\
         goodbye = \"Bye!\"\n",
    );
    let exchange = Exchange::with(Config::new(), setup).await;
    let sid = exchange.ring(Person::who_says(["Goodbye."]));
    exchange.server.logged("call started").await;
    let mut events = Watching::open(&exchange, &sid).await;
    events.until_it_speaks().await;
    exchange.twilio.drop_stream(&sid);
    let call = exchange.ended(&sid).await;
    assert_eq!(call.streams(), [StreamOutcome::Broke, StreamOutcome::ClosedByServer], "{}", story(&call));
    let heard = call.heard().join(" ");
    assert!(heard.contains("another line") && heard.ends_with("Bye!"), "{heard}");
    assert_eq!(call.said(), Vec::<&str>::new(), "no apology");
    assert_eq!(exchange.get(&format!("/calls/{sid}")).await["departure"], "script");
    exchange.is_clean();
}

#[tokio::test]
async fn a_line_that_is_lost_again_and_again_is_given_up_with_an_apology() {
    let exchange = Exchange::new().await;
    let sid = exchange.ring(listener());
    for times in 1..=4 {
        let streams =
            |call: &CallSeen| call.timeline.iter().filter(|e| matches!(e, Event::Stream { .. })).count();
        exchange.until(&sid, |call| streams(call) == times).await;
        let path = format!("/calls/{sid}");
        until_told(&exchange, &path, |call| call["live"] == true).await;
        exchange.twilio.drop_stream(&sid);
    }
    let call = exchange.ended(&sid).await;
    assert!(matches!(call.said()[..], [said] if said.starts_with("I am sorry")), "{}", story(&call));
    assert_eq!(call.streams().len(), 4, "{}", story(&call));
    until_told(&exchange, &format!("/calls/{sid}"), |call| call["live"] == false).await;
}

#[tokio::test]
async fn a_caller_whose_line_is_lost_for_good_is_not_waited_for_once_twilio_says_that_they_are_gone() {
    let exchange = Exchange::new().await;
    let incoming = Incoming {
        person: listener(),
        status_callback: Some(exchange.server.url("/call-status")),
        ..Incoming::new(exchange.server.url("/"))
    };
    let sid = exchange.twilio.ring(incoming);
    exchange.hears(&sid, "Hello!").await;
    exchange.twilio.hang_up(&sid);
    exchange.ended(&sid).await;
    let known = until_told(&exchange, &format!("/calls/{sid}"), |call| call["live"] == false).await;
    assert_eq!(known["departure"], "caller");
    assert_eq!(known["status"], "completed");
}

#[tokio::test]
async fn one_call_too_many_hears_that_the_line_is_busy() {
    let exchange = Exchange::with(Config::new(), Setup::brief().toml("[server]\ncalls = 1\n")).await;
    let first = exchange.ring(listener());
    exchange.hears(&first, "Hello!").await;
    let second = exchange.ended(&exchange.ring(listener())).await;
    assert_eq!(second.status, Status::Busy, "{}", story(&second));
    // which the first does not notice
    let (status, answer) = exchange.post(&format!("/calls/{first}/hangup"), json!({})).await;
    assert_eq!(status, 200, "{answer}");
    let first = exchange.ended(&first).await;
    assert_eq!(first.streams(), [StreamOutcome::ClosedByServer]);
    assert_eq!(first.status, Status::Completed);
    exchange.is_clean();
}

#[tokio::test]
async fn a_blind_transfer_puts_the_caller_through_with_a_word_to_whoever_picks_up() {
    let exchange = Exchange::new().await;
    let sid = exchange.ring(listener());
    exchange.hears(&sid, "Hello!").await;
    let body = json!({ "to": "+15555550142", "brief": "A guest with cold soup.", "warm": false });
    let (status, answer) = exchange.post(&format!("/calls/{sid}/transfer"), body).await;
    assert_eq!(status, 200, "{answer}");
    let call = exchange.ended(&sid).await;
    let dialled = call.timeline.iter().find_map(|event| match event {
        Event::Dialled { number, bridged, .. } => Some((number.clone(), *bridged)),
        _ => None,
    });
    assert_eq!(dialled, Some(("+15555550142".into(), true)), "{}", story(&call));
    let seen = exchange.twilio.seen();
    let other = seen.dialled_by(&sid).next().unwrap();
    assert_eq!(other.said(), ["A guest with cold soup."]);
    assert_eq!(exchange.get(&format!("/calls/{sid}")).await["departure"], "transferred");
    assert_eq!(call.said(), Vec::<&str>::new());
    exchange.is_clean();
}

#[tokio::test]
async fn a_caller_who_is_put_through_to_nobody_is_told_so() {
    let busy = Callee::Busy { after: Duration::from_millis(5) };
    let config = Config { callees: [("+15555550142".into(), busy)].into(), ..Config::new() };
    let setup = Setup::brief().toml("[route.transfers]\nfront-desk = \"+15555550142\"\n");
    let exchange = Exchange::with(config, setup).await;
    let sid = exchange.ring(listener());
    exchange.hears(&sid, "Hello!").await;
    let (status, answer) =
        exchange.post(&format!("/calls/{sid}/transfer"), json!({ "to": "front-desk" })).await;
    assert_eq!(status, 200, "{answer}");
    let call = exchange.ended(&sid).await;
    assert!(
        matches!(call.said()[..], [said] if said.contains("nobody can take your call")),
        "{}",
        story(&call)
    );
    exchange.is_clean();
}

#[tokio::test]
async fn a_warm_transfer_keeps_the_caller_until_somebody_has_heard_the_brief() {
    let exchange = Exchange::new().await;
    let sid = exchange.ring(listener());
    exchange.hears(&sid, "Hello!").await;
    let body = json!({ "to": "+15555550142", "brief": "A guest with cold soup." });
    let (status, answer) = exchange.post(&format!("/calls/{sid}/transfer"), body).await;
    assert_eq!(status, 200, "{answer}");
    let call = exchange.ended(&sid).await;
    let seen = exchange.twilio.seen();
    let other = seen.created().next().unwrap();
    assert_eq!((other.to.as_str(), other.said()), ("+15555550142", vec!["A guest with cold soup."]));
    for one in [&call, other] {
        let joined = one.timeline.iter().any(|event| matches!(event, Event::JoinedConference { .. }));
        assert!(joined, "{}", story(one));
    }
    assert!(
        call.timeline
            .iter()
            .any(|e| matches!(e, Event::LeftConference { why: Left::Ended | Left::HungUp, .. }))
    );
    assert_eq!(exchange.get(&format!("/calls/{sid}")).await["departure"], "transferred");
    exchange.is_clean();
}

#[tokio::test]
async fn whoever_was_put_through_can_still_be_hung_up() {
    let talks = Person { talks: Some(Duration::from_secs(60)), ..Person::default() };
    let config = Config { callee: Callee::person(talks), ..Config::new() };
    let exchange = Exchange::with(config, Setup::brief()).await;
    let sid = exchange.ring(listener());
    exchange.hears(&sid, "Hello!").await;
    let path = format!("/calls/{sid}/transfer");
    let (status, answer) = exchange.post(&path, json!({ "to": "the desk" })).await;
    assert_eq!(status, 422);
    assert!(answer["detail"].as_str().unwrap().contains("route.transfers"), "{answer}");
    assert_eq!(exchange.post(&path, json!({ "to": "+15555550142" })).await.0, 200);
    exchange.until(&sid, |call| call.timeline.iter().any(|e| matches!(e, Event::Bridged { .. }))).await;
    let (status, answer) = exchange.post(&format!("/calls/{sid}/hangup"), json!({})).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(exchange.ended(&sid).await.status, Status::Completed);
    let (status, answer) = exchange.post(&format!("/calls/{sid}/hangup"), json!({})).await;
    assert_eq!(status, 409, "{answer}");
    exchange.is_clean();
}

#[tokio::test]
async fn a_warm_transfer_that_reaches_nobody_leaves_the_caller_with_the_agent() {
    let nobody = Callee::NoAnswer { after: Duration::from_millis(5) };
    let config = Config { callees: [("+15555550142".into(), nobody)].into(), ..Config::new() };
    let exchange = Exchange::with(config, Setup::brief()).await;
    let sid = exchange.ring(Person { steps: vec![Step::Say("Goodbye.".into())], ..listener() });
    exchange.server.logged("call started").await;
    let mut events = Watching::open(&exchange, &sid).await;
    let body = json!({ "to": "+15555550142", "brief": "A guest with cold soup." });
    let (status, answer) = exchange.post(&format!("/calls/{sid}/transfer"), body).await;
    assert_eq!(status, 200, "{answer}");
    let trouble = events.until("trouble").await;
    assert!(trouble["what"].as_str().unwrap().contains("nobody answers"), "{trouble}");
    let call = exchange.ended(&sid).await;
    assert_eq!(call.heard().last(), Some(&"Bye!"), "{}", story(&call));
    exchange.is_clean();
}

/// Serves a document that somebody wrote by hand, which points at our stream and goes on with nothing.
async fn by_hand(server: &Server) -> String {
    let document = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Connect><Stream url=\"{}\"/></Connect>\
         <Pause length=\"60\"/></Response>",
        server.stream_url()
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answer = move || {
        let document = document.clone();
        async move { ([("content-type", "text/xml")], document) }
    };
    let app = axum::Router::new().fallback(answer);
    tokio::spawn(serve_by_hand(listener, app));
    format!("http://{address}/voice")
}

async fn serve_by_hand(listener: tokio::net::TcpListener, app: axum::Router) {
    axum::serve(listener, app).await.unwrap();
}

#[tokio::test]
async fn a_document_of_ones_own_is_enough_also_for_putting_callers_through_and_hanging_up() {
    let exchange = Exchange::new().await;
    let webhook = by_hand(&exchange.server).await;
    let ring = || exchange.twilio.ring(Incoming { person: listener(), ..Incoming::new(&webhook) });

    let sid = ring();
    exchange.hears(&sid, "Hello!").await;
    // nothing but Twilio says who calls
    let known = exchange.get(&format!("/calls/{sid}")).await;
    assert_eq!((known["from"].as_str(), known["to"].as_str()), (Some("+15555550199"), Some("+15555550100")));
    let path = format!("/calls/{sid}/transfer");
    let (status, answer) = exchange.post(&path, json!({ "to": "+15555550142", "warm": true })).await;
    assert_eq!(status, 409, "only Twilio can move this caller: {answer}");
    let (status, answer) = exchange.post(&path, json!({ "to": "+15555550142" })).await;
    assert_eq!(status, 200, "{answer}");
    let call = exchange.ended(&sid).await;
    assert_eq!(call.streams(), [StreamOutcome::StoppedByApi], "{}", story(&call));
    assert!(
        call.timeline.iter().any(|e| matches!(e, Event::Dialled { bridged: true, .. })),
        "{}",
        story(&call)
    );
    let known = until_told(&exchange, &format!("/calls/{sid}"), |call| call["live"] == false).await;
    assert_eq!(known["departure"], "transferred");

    // closing the stream would only end the stream
    let sid = ring();
    exchange.hears(&sid, "Hello!").await;
    let (status, answer) = exchange.post(&format!("/calls/{sid}/hangup"), json!({})).await;
    assert_eq!(status, 200, "{answer}");
    let call = exchange.ended(&sid).await;
    assert_eq!(call.status, Status::Completed, "{}", story(&call));
    exchange.is_clean();
}

#[tokio::test]
async fn a_second_warm_transfer_has_nothing_to_do_with_the_first() {
    let busy = Callee::Busy { after: Duration::from_millis(5) };
    let config = Config { callees: [("+15555550141".into(), busy)].into(), ..Config::new() };
    let exchange = Exchange::with(config, Setup::brief()).await;
    let sid = exchange.ring(listener());
    exchange.hears(&sid, "Hello!").await;
    let mut watching = Watching::open(&exchange, &sid).await;
    let path = format!("/calls/{sid}/transfer");
    let brief = |to: &str| json!({ "to": to, "brief": "Cold soup." });
    assert_eq!(exchange.post(&path, brief("+15555550141")).await.0, 200);
    assert!(watching.until("trouble").await["what"].as_str().unwrap().contains("busy"));
    assert_eq!(exchange.post(&path, brief("+15555550142")).await.0, 200);
    let call = exchange.ended(&sid).await;
    assert!(call.timeline.iter().any(|e| matches!(e, Event::JoinedConference { .. })), "{}", story(&call));
    let seen = exchange.twilio.seen();
    let told: Vec<_> = seen.created().map(|other| (other.to.as_str(), other.said().len())).collect();
    assert_eq!(told, [("+15555550141", 0), ("+15555550142", 1)]);
    exchange.is_clean();
}
