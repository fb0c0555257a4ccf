//! Calls in Twilio's network: who answers, what the customer is told and asked, in which order.

use crate::twilio_customer::{CALLEE, Rest, Told, assert_clean, house};
use crate::within;
use futures_util::FutureExt;
use standins::twilio::{
    Answers, By, Callee, Config, Delivery, Event, Incoming, Method, NUMBER, Person, Status,
};
use std::time::Duration;

const MOMENT: Duration = Duration::from_millis(5);
const EVENTS: [(&str, &str); 4] = [
    ("StatusCallbackEvent", "initiated"),
    ("StatusCallbackEvent", "ringing"),
    ("StatusCallbackEvent", "answered"),
    ("StatusCallbackEvent", "completed"),
];

fn statuses(told: &[Told]) -> Vec<&str> {
    told.iter().map(|told| told.parameter("CallStatus")).collect()
}

#[tokio::test]
async fn a_call_is_made_answered_and_told_about() {
    let (server, customer) = house(Config::new()).await;
    customer.answers("/voice", "<Say>Hello</Say>");
    let (voice, status) = (customer.url("/voice?agent=7"), customer.url("/status"));
    let form = [&[("Url", voice.as_str()), ("StatusCallback", &status)], &EVENTS[..]].concat();
    let sid = Rest::new(&server).create(&form).await;
    let call = within(server.ended(&sid)).await;
    assert_eq!(
        (call.status, call.said(), call.hung_up_by()),
        (Status::Completed, vec!["Hello"], Some(By::Document))
    );
    assert_eq!(call.progress(), ["initiated", "ringing", "answered", "completed"]);

    let told = customer.told("/status");
    assert_eq!(statuses(&told), ["initiated", "ringing", "in-progress", "completed"]);
    let numbers: Vec<_> = told.iter().map(|told| told.parameter("SequenceNumber")).collect();
    assert_eq!(numbers, ["0", "1", "2", "3"]);
    for told in &told {
        assert_eq!((told.method.as_str(), told.parameter("CallSid")), ("POST", sid.as_str()));
        assert_eq!(told.parameter("CallbackSource"), "call-progress-events");
        assert!(jiff::fmt::rfc2822::parse(told.parameter("Timestamp")).is_ok(), "{told:?}");
    }
    assert_eq!((told[3].parameter("CallDuration"), told[2].parameter("CallDuration")), ("1", ""));
    let [webhook] = &customer.told("/voice")[..] else { panic!("once") };
    assert_eq!(webhook.query, "agent=7");
    let parameters = ["CallSid", "From", "To", "Direction", "CallStatus", "ApiVersion", "AnsweredBy"];
    assert_eq!(
        parameters.map(|name| webhook.parameter(name)),
        [sid.as_str(), NUMBER, CALLEE, "outbound-api", "in-progress", "2010-04-01", ""]
    );
    assert_eq!(webhook.headers["user-agent"], "TwilioProxy/1.1");
    assert_clean(&server, &customer);
}

#[tokio::test]
async fn nobody_may_answer_and_only_the_end_is_told_unless_more_is_wanted() {
    let (server, customer) = house(Config { second: MOMENT, ..Config::new() }).await;
    let late = Callee::Answers(Answers { after: Duration::from_secs(3600), ..Answers::default() });
    let cases = [
        (Callee::Busy { after: MOMENT }, Status::Busy),
        (Callee::NoAnswer { after: MOMENT }, Status::NoAnswer),
        (Callee::Fails, Status::Failed),
        (late, Status::NoAnswer),
    ];
    let (voice, status) = (customer.url("/voice"), customer.url("/status"));
    for (callee, expected) in cases {
        server.set_callee(CALLEE, callee);
        let form = [("Url", voice.as_str()), ("StatusCallback", &status), ("Timeout", "2")];
        let sid = Rest::new(&server).create(&form).await;
        let call = within(server.ended(&sid)).await;
        assert_eq!((call.status, call.progress()), (expected, vec!["completed"]));
        assert_eq!(customer.told("/status").last().unwrap().parameter("CallDuration"), "0");
    }
    assert_eq!(statuses(&customer.told("/status")), ["busy", "no-answer", "failed", "no-answer"]);
    assert_eq!(customer.told("/voice").len(), 0);
    assert_clean(&server, &customer);
}

#[tokio::test]
async fn detection_delays_the_first_webhook_which_then_knows() {
    let (server, customer) = house(Config::new()).await;
    customer.answers("/voice", "<Hangup/>");
    let (voice, status) = (customer.url("/voice"), customer.url("/status"));
    let verdict_after = Duration::from_millis(60);
    let cases = [
        (Some("human"), "Enable", "human"),
        (Some("machine_end_silence"), "DetectMessageEnd", "machine_end_silence"),
        (Some("machine_end_beep"), "Enable", "machine_start"),
        (Some("machine_start"), "DetectMessageEnd", "machine_end_beep"),
        (None, "Enable", "unknown"),
    ];
    for (answered_by, mode, expected) in cases {
        server.set_callee(
            CALLEE,
            Callee::Answers(Answers { answered_by, verdict_after, ..Answers::default() }),
        );
        let form = [("Url", voice.as_str()), ("StatusCallback", &status), ("MachineDetection", mode)];
        let sid = Rest::new(&server).create(&form).await;
        let call = within(server.ended(&sid)).await;
        assert_eq!(call.answered_by.as_deref(), Some(expected));
        let webhook = customer.told("/voice").pop().unwrap();
        assert_eq!(
            (webhook.parameter("AnsweredBy"), webhook.parameter("MachineDetectionDuration")),
            (expected, "60")
        );
        assert_eq!(customer.told("/status").pop().unwrap().parameter("AnsweredBy"), expected);
        assert!(
            matches!(call.timeline[1..3], [Event::Answered, Event::Detected { .. }]),
            "{:?}",
            call.timeline
        );
    }
    assert_clean(&server, &customer);
}

#[tokio::test]
async fn detection_may_go_on_while_the_call_does() {
    let machine = Answers { answered_by: Some("machine_start"), ..Answers::default() };
    let config = Config { callee: Callee::Answers(machine), callbacks: Delivery::Shuffled, ..Config::new() };
    let (server, customer) = house(config).await;
    customer.answers("/voice", "<Pause length=\"3600\"/>");
    let (voice, found) = (customer.url("/voice"), customer.url("/found"));
    let rest = Rest::new(&server);
    let form = [
        ("MachineDetection", "Enable"),
        ("AsyncAmd", "true"),
        ("AsyncAmdStatusCallback", &found),
        ("Url", &voice),
    ];
    let sid = rest.create(&form).await;
    let told = customer.asked("/found", 1).await;
    let names: Vec<_> = told[0].parameters.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["CallSid", "AccountSid", "AnsweredBy", "MachineDetectionDuration"]);
    assert_eq!(told[0].parameter("AnsweredBy"), "machine_start");
    customer.asked("/voice", 1).await;
    assert_eq!(customer.told("/voice")[0].parameter("AnsweredBy"), "");
    server.hang_up(&sid);
    assert_eq!(within(server.ended(&sid)).await.hung_up_by(), Some(By::Person));
    assert_clean(&server, &customer);
}

#[tokio::test]
async fn the_customer_may_hear_of_a_call_before_the_response_to_its_create() {
    let (server, customer) = house(Config { callback_first: true, ..Config::new() }).await;
    customer.never_answers("/voice");
    let rest = Rest::new(&server);
    let voice = customer.url("/voice");
    let form = [("Url", voice.as_str())];
    let creating = rest.create(&form);
    tokio::pin!(creating);
    tokio::select! {
        sid = &mut creating => panic!("{sid} came first"),
        _ = customer.asked("/voice", 1) => {}
    }
    assert!((&mut creating).now_or_never().is_none(), "and answers that first");
    let sid = server.seen().calls[0].sid.clone();
    server.hang_up(&sid);
    assert_eq!(within(creating).await, sid);
}

#[tokio::test]
async fn callbacks_may_come_twice() {
    let (server, customer) = house(Config { callbacks: Delivery::Twice, ..Config::new() }).await;
    let status = customer.url("/status");
    let form = [&[("Twiml", "<Response/>"), ("StatusCallback", &status)], &EVENTS[..]].concat();
    let sid = Rest::new(&server).create(&form).await;
    within(server.ended(&sid)).await;
    let told = customer.told("/status");
    let numbers: Vec<_> = told.iter().map(|told| told.parameter("SequenceNumber")).collect();
    assert_eq!(numbers, ["0", "0", "1", "1", "2", "2", "3", "3"]);
    let token = |told: &Told| told.headers["i-twilio-idempotency-token"].clone();
    assert_eq!(token(&told[0]), token(&told[1]));
    assert_ne!(token(&told[1]), token(&told[2]));
}

#[tokio::test]
async fn callbacks_may_come_in_another_order() {
    let (server, customer) = house(Config { callbacks: Delivery::Shuffled, ..Config::new() }).await;
    let status = customer.url("/status");
    let form = [&[("Twiml", "<Response/>"), ("StatusCallback", &status)], &EVENTS[..]].concat();
    let sid = Rest::new(&server).create(&form).await;
    let call = within(server.ended(&sid)).await;
    assert_eq!(call.progress(), ["ringing", "initiated", "completed", "answered"]);
    assert_eq!(statuses(&customer.told("/status")), ["ringing", "initiated", "completed", "in-progress"]);
}

#[tokio::test]
async fn somebody_calls_and_the_customer_is_asked_what_to_do() {
    let (server, customer) = house(Config::new()).await;
    customer.answers("/voice", "<Say>Welcome</Say><Hangup/><Say>Still there?</Say>");
    for method in [Method::Post, Method::Get] {
        let sid = server.ring(Incoming {
            method,
            status_callback: Some(customer.url("/status")),
            parameters: vec![("ForwardedFrom".into(), "+15555550177".into())],
            ..Incoming::new(customer.url("/voice?a=1"))
        });
        let call = within(server.ended(&sid)).await;
        assert_eq!((call.status, call.said()), (Status::Completed, vec!["Welcome"]));
    }
    let told = customer.told("/voice");
    assert_eq!((told[0].method.as_str(), told[1].method.as_str()), ("POST", "GET"));
    assert!(told[1].query.starts_with("a=1&"), "{}", told[1].query);
    for told in &told {
        assert_eq!((told.parameter("Direction"), told.parameter("CallStatus")), ("inbound", "ringing"));
        assert_eq!((told.parameter("From"), told.parameter("To")), ("+15555550199", NUMBER));
        assert_eq!(told.parameter("ForwardedFrom"), "+15555550177");
    }
    assert_eq!(statuses(&customer.told("/status")), ["completed", "completed"]);
    assert_clean(&server, &customer);
}

#[tokio::test]
async fn a_caller_may_be_rejected_and_then_nobody_has_answered() {
    let (server, customer) = house(Config::new()).await;
    customer.answers("/rejected", "<Reject/>");
    customer.answers("/busy", "<Reject reason=\"busy\"/>");
    for (path, status) in [("/rejected", Status::NoAnswer), ("/busy", Status::Busy)] {
        let sid = server.ring(Incoming::new(customer.url(path)));
        let call = within(server.ended(&sid)).await;
        assert_eq!((call.status, call.started), (status, None));
    }
    assert_clean(&server, &customer);
}

#[tokio::test]
async fn a_caller_may_hang_up_before_the_customer_has_answered() {
    let (server, customer) = house(Config::new()).await;
    customer.never_answers("/voice");
    let status_callback = Some(customer.url("/status"));
    let sid = server.ring(Incoming { status_callback, ..Incoming::new(customer.url("/voice")) });
    customer.asked("/voice", 1).await;
    assert!(server.hang_up(&sid));
    let call = within(server.ended(&sid)).await;
    assert_eq!((call.status, call.hung_up_by()), (Status::NoAnswer, Some(By::Person)));
    assert_eq!(statuses(&customer.told("/status")), ["no-answer"]);
    assert!(!server.hang_up(&sid), "there is no such call any more");
}

#[tokio::test]
async fn a_webhook_that_fails_fails_the_call_unless_there_is_another() {
    let config = Config { webhook_timeout: Duration::from_secs(1), ..Config::new() };
    let (server, customer) = house(config).await;
    customer.answers_with("/broken", 500, "text/html", "oh no");
    customer.never_answers("/silent");
    customer.answers("/spare", "<Say>Sorry</Say>");
    // nobody listens at a port that was just given back
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let cases = [
        (customer.url("/broken"), 11200),
        (customer.url("/silent"), 11205),
        (format!("http://{unused}/voice"), 11205),
    ];
    for (url, code) in cases {
        let sid = server.ring(Incoming::new(&url));
        let call = within(server.ended(&sid)).await;
        assert_eq!((call.status, call.alerts()), (Status::Failed, vec![code]), "{url}");
        let fallback_url = Some(customer.url("/spare"));
        let sid = server.ring(Incoming { fallback_url, ..Incoming::new(&url) });
        let call = within(server.ended(&sid)).await;
        assert_eq!((call.status, call.said()), (Status::Completed, vec!["Sorry"]), "{url}");
        let spare = customer.told("/spare").pop().unwrap();
        assert_eq!(
            (spare.parameter("ErrorCode"), spare.parameter("ErrorUrl")),
            (code.to_string().as_str(), url.as_str())
        );
    }
    assert_clean(&server, &customer);
}

#[tokio::test]
async fn a_call_lasts_no_longer_than_it_may() {
    let (server, _customer) = house(Config { second: MOMENT, ..Config::new() }).await;
    let pause = "<Response><Pause length=\"100000\"/></Response>";
    let sid = Rest::new(&server).create(&[("Twiml", pause), ("TimeLimit", "4")]).await;
    let call = within(server.ended(&sid)).await;
    assert_eq!((call.status, call.hung_up_by()), (Status::Completed, Some(By::Twilio)));
}

#[tokio::test]
async fn calls_do_not_disturb_each_other() {
    let (server, customer) = house(Config::new()).await;
    customer.answers("/voice", "<Say>One</Say><Redirect>/next</Redirect>");
    customer.answers("/next", "<Say>Two</Say>");
    let sids: Vec<_> = (0..20)
        .map(|number| {
            let from = format!("+1555555{number:04}");
            let person = Person::default();
            server.ring(Incoming { from, person, ..Incoming::new(customer.url("/voice")) })
        })
        .collect();
    for sid in &sids {
        let call = within(server.ended(sid)).await;
        assert_eq!(call.said(), ["One", "Two"]);
    }
    assert_eq!(customer.told("/next").len(), 20);
    assert_clean(&server, &customer);
}
