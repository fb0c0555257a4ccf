//! Calls that are joined with other calls: numbers that are dialled, and conferences.

use crate::twilio_customer::{CALLEE, Rest, assert_clean, house};
use crate::within;
use standins::twilio::{
    Answers, By, CallSeen, Callee, Config, DialStatus, Event, Incoming, Left, NUMBER, Person, Status,
};
use std::time::Duration;

const MOMENT: Duration = Duration::from_millis(5);
const OTHER: &str = "+15555550143";

fn joined(call: &CallSeen) -> bool {
    call.timeline.iter().any(|event| matches!(event, Event::Bridged { .. }))
}

fn in_conference(waits: bool) -> impl Fn(&CallSeen) -> bool {
    move |call| call.timeline.contains(&Event::JoinedConference { room: "desk".into(), waits })
}

fn talks_for_ever() -> Callee {
    Callee::person(Person::default())
}

#[tokio::test]
async fn a_caller_is_put_through_and_the_action_learns_how_it_went() {
    let (server, customer) = house(Config::new()).await;
    let number = format!(
        "<Number url=\"/whisper\" statusCallback=\"/status\" \
        statusCallbackEvent=\"initiated ringing answered completed\">{CALLEE}</Number>"
    );
    customer.answers("/voice", &format!("<Dial action=\"/after\" callerId=\"{NUMBER}\">{number}</Dial>"));
    customer.answers("/whisper", "<Say>A guest is calling</Say>");
    customer.answers("/after", "<Say>Thank you</Say>");
    let sid = server.ring(Incoming::new(customer.url("/voice")));
    let call = within(server.ended(&sid)).await;
    assert_eq!(call.said(), ["Thank you"]);
    let seen = server.seen();
    let other = seen.dialled_by(&sid).next().unwrap();
    let other = within(server.ended(&other.sid)).await;
    assert_eq!((other.direction, other.from.as_str(), other.to.as_str()), ("outbound-dial", NUMBER, CALLEE));
    assert_eq!((other.said(), other.hung_up_by()), (vec!["A guest is calling"], Some(By::Person)));
    assert_eq!(other.progress(), ["initiated", "ringing", "answered", "completed"]);
    let whisper = &customer.told("/whisper")[0];
    assert_eq!(
        (whisper.parameter("ParentCallSid"), whisper.parameter("Direction")),
        (sid.as_str(), "outbound-dial")
    );
    let after = &customer.told("/after")[0];
    let parameters = ["DialCallStatus", "DialCallSid", "DialBridged", "DialCallDuration"];
    assert_eq!(parameters.map(|name| after.parameter(name)), ["completed", &other.sid, "true", "1"]);
    let dialled = Event::Dialled {
        number: CALLEE.into(),
        sid: other.sid.clone(),
        status: DialStatus::Completed,
        bridged: true,
    };
    assert!(call.timeline.contains(&dialled), "{:?}", call.timeline);
    assert_clean(&server, &customer);
}

#[tokio::test]
async fn nobody_answers_and_the_document_goes_on() {
    let (server, customer) = house(Config { second: MOMENT, ..Config::new() }).await;
    customer.answers("/voice", &format!("<Dial timeout=\"2\">{CALLEE}</Dial><Say>Nobody is there</Say>"));
    customer.answers("/action", &format!("<Dial timeout=\"2\" action=\"/after\">{CALLEE}</Dial>"));
    let late = Answers { after: Duration::from_secs(3600), ..Answers::default() };
    let cases = [
        (Callee::Busy { after: MOMENT }, "busy"),
        (Callee::NoAnswer { after: MOMENT }, "no-answer"),
        (Callee::Answers(late), "no-answer"),
        (Callee::Fails, "failed"),
    ];
    customer.answers("/after", "");
    for (round, (callee, status)) in cases.into_iter().enumerate() {
        server.set_callee(CALLEE, callee);
        let sid = server.ring(Incoming::new(customer.url("/voice")));
        assert_eq!(within(server.ended(&sid)).await.said(), ["Nobody is there"], "{status}");
        let sid = server.ring(Incoming::new(customer.url("/action")));
        let told = customer.asked("/after", round + 1).await.pop().unwrap();
        assert_eq!((told.parameter("DialCallStatus"), told.parameter("DialBridged")), (status, "false"));
        within(server.ended(&sid)).await;
    }
    assert_clean(&server, &customer);
}

#[tokio::test]
async fn whoever_hears_the_whisper_may_decline() {
    let (server, customer) = house(Config::new()).await;
    let dial = format!("<Dial action=\"/after\"><Number url=\"/whisper\">{CALLEE}</Number></Dial>");
    customer.answers("/voice", &dial);
    customer.answers("/whisper", "<Say>Nobody wants this one</Say><Hangup/>");
    customer.answers("/after", "<Say>Nobody has time</Say>");
    let sid = server.ring(Incoming::new(customer.url("/voice")));
    let call = within(server.ended(&sid)).await;
    assert_eq!((call.said(), joined(&call)), (vec!["Nobody has time"], false));
    assert_eq!(customer.told("/after")[0].parameter("DialBridged"), "false");
    assert_clean(&server, &customer);
}

#[tokio::test]
async fn the_first_of_several_who_answers_is_joined_and_the_others_stop_ringing() {
    let (server, customer) = house(Config::new()).await;
    server.set_callee(
        OTHER,
        Callee::Answers(Answers { after: Duration::from_secs(3600), ..Answers::default() }),
    );
    customer.answers(
        "/voice",
        &format!("<Dial><Number>{OTHER}</Number><Number>{CALLEE}</Number></Dial><Say>Bye</Say>"),
    );
    let sid = server.ring(Incoming::new(customer.url("/voice")));
    assert_eq!(within(server.ended(&sid)).await.said(), ["Bye"]);
    let seen = server.seen();
    let mut ended: Vec<_> = seen.dialled_by(&sid).map(|call| (call.to.as_str(), call.status)).collect();
    ended.sort_by_key(|(to, _)| *to);
    assert_eq!(ended, [(CALLEE, Status::Completed), (OTHER, Status::Canceled)]);
    assert_clean(&server, &customer);
}

#[tokio::test]
async fn when_one_of_the_two_hangs_up_the_other_is_free() {
    let (server, customer) = house(Config { callee: talks_for_ever(), ..Config::new() }).await;
    customer.answers("/voice", &format!("<Dial>{CALLEE}</Dial><Say>Still there</Say>"));
    for caller_hangs_up in [true, false] {
        let sid = server.ring(Incoming::new(customer.url("/voice")));
        within(server.until_call(&sid, joined)).await;
        let other = server.seen().dialled_by(&sid).next().unwrap().sid.clone();
        assert!(server.hang_up(if caller_hangs_up { &sid } else { &other }));
        let (call, other) = (within(server.ended(&sid)).await, within(server.ended(&other)).await);
        let expected = if caller_hangs_up {
            (vec![], Some(By::Person), Some(By::Other))
        } else {
            (vec!["Still there"], Some(By::Document), Some(By::Person))
        };
        assert_eq!((call.said(), call.hung_up_by(), other.hung_up_by()), expected);
    }
    assert_clean(&server, &customer);
}

#[tokio::test]
async fn a_call_that_is_sent_elsewhere_leaves_the_other_behind() {
    let (server, customer) = house(Config { callee: talks_for_ever(), ..Config::new() }).await;
    customer.answers("/voice", &format!("<Dial>{CALLEE}</Dial><Say>Alone</Say>"));
    let twiml = "<Response><Say>Elsewhere</Say></Response>";
    for parent in [true, false] {
        let sid = server.ring(Incoming::new(customer.url("/voice")));
        within(server.until_call(&sid, joined)).await;
        let other = server.seen().dialled_by(&sid).next().unwrap().sid.clone();
        let target = if parent { &sid } else { &other };
        assert_eq!(Rest::new(&server).update(target, &[("Twiml", twiml)]).await.0, 200);
        let (call, other) = (within(server.ended(&sid)).await, within(server.ended(&other)).await);
        let expected = if parent { (vec!["Elsewhere"], vec![]) } else { (vec!["Alone"], vec!["Elsewhere"]) };
        assert_eq!((call.said(), other.said()), expected);
    }
    assert_clean(&server, &customer);
}

#[tokio::test]
async fn a_call_is_made_in_nobody_elses_name() {
    let (server, customer) = house(Config::new()).await;
    customer.answers("/voice", &format!("<Dial callerId=\"+15555550111\">{CALLEE}</Dial>"));
    let sid = server.ring(Incoming::new(customer.url("/voice")));
    let call = within(server.ended(&sid)).await;
    assert_eq!((call.status, call.alerts()), (Status::Failed, vec![13214]));
    customer.answers("/voice", "<Dial>555-0142</Dial><Say>No</Say>");
    let sid = server.ring(Incoming::new(customer.url("/voice")));
    assert_eq!(within(server.ended(&sid)).await.said(), ["No"]);
    assert_eq!(server.violations().len(), 2);
}

#[tokio::test]
async fn a_conference_waits_for_whoever_begins_it_and_ends_with_whoever_ends_it() {
    let (server, customer) = house(Config { callee: talks_for_ever(), ..Config::new() }).await;
    let room = |attributes: &str| format!("<Dial><Conference {attributes}>desk</Conference></Dial>");
    let guest = room(
        "startConferenceOnEnter=\"false\" waitUrl=\"/music\" statusCallback=\"/room\" \
        statusCallbackEvent=\"start end join leave\"",
    );
    customer.answers("/guest", &format!("{guest}<Say>They are gone</Say>"));
    customer.answers("/music", "<Say>Please wait</Say>");
    let guests: Vec<_> = (0..2).map(|_| server.ring(Incoming::new(customer.url("/guest")))).collect();
    for guest in &guests {
        within(server.until_call(guest, in_conference(true))).await;
    }
    let agent = format!("<Response>{}</Response>", room("endConferenceOnExit=\"true\" waitUrl=\"\""));
    let agent = Rest::new(&server).create(&[("Twiml", &agent)]).await;
    within(server.until_call(&agent, in_conference(false))).await;

    // a guest may go, and nothing ends
    server.hang_up(&guests[0]);
    let first = within(server.ended(&guests[0])).await;
    assert_eq!(first.hung_up_by(), Some(By::Person));
    server.hang_up(&agent);
    within(server.ended(&agent)).await;
    let second = within(server.ended(&guests[1])).await;
    assert_eq!(second.said(), ["Please wait", "They are gone"]);
    assert!(second.timeline.contains(&Event::LeftConference { room: "desk".into(), why: Left::Ended }));
    let told = customer.told("/room");
    let mut events: Vec<_> =
        told.iter().map(|told| told.parameter("StatusCallbackEvent").to_owned()).collect();
    events.sort();
    assert_eq!(
        events.join(" "),
        "conference-end conference-start participant-join participant-join participant-join \
         participant-leave participant-leave participant-leave"
    );
    assert!(told.iter().all(|told| told.parameter("FriendlyName") == "desk"));
    assert_clean(&server, &customer);
}

#[tokio::test]
async fn whoever_waits_alone_can_be_fetched_out_or_give_up() {
    let (server, customer) = house(Config::new()).await;
    customer.answers("/voice", "<Dial action=\"/after\"><Conference>desk</Conference></Dial>");
    customer.answers("/music", "<Pause length=\"3600\"/>");
    let sid = server.ring(Incoming::new(customer.url("/voice")));
    within(server.until_call(&sid, in_conference(true))).await;
    server.hang_up(&sid);
    assert_eq!(within(server.ended(&sid)).await.hung_up_by(), Some(By::Person));

    customer.answers("/voice", "<Dial><Conference waitUrl=\"/music\">desk</Conference></Dial>");
    let sid = server.ring(Incoming::new(customer.url("/voice")));
    customer.asked("/music", 1).await;
    let twiml = "<Response><Say>Nobody came</Say></Response>";
    assert_eq!(Rest::new(&server).update(&sid, &[("Twiml", twiml)]).await.0, 200);
    let call = within(server.ended(&sid)).await;
    assert_eq!(call.said(), ["Nobody came"]);
    assert!(call.timeline.contains(&Event::LeftConference { room: "desk".into(), why: Left::Redirected }));
    assert_eq!(customer.told("/after").len(), 0);
    assert_clean(&server, &customer);
}

#[tokio::test]
async fn two_in_a_conference_talk_until_one_of_them_has_had_enough() {
    let (server, customer) = house(Config::new()).await;
    let room = "<Dial action=\"/after\"><Conference endConferenceOnExit=\"true\">desk</Conference></Dial>";
    customer.answers("/voice", room);
    customer.answers("/after", "");
    let sid = server.ring(Incoming::new(customer.url("/voice")));
    within(server.until_call(&sid, in_conference(true))).await;
    let other = Rest::new(&server).create(&[("Url", &customer.url("/voice"))]).await;
    let other = within(server.ended(&other)).await;
    assert_eq!(other.hung_up_by(), Some(By::Person));
    within(server.ended(&sid)).await;
    let after = &customer.told("/after")[0];
    assert_eq!((after.parameter("DialCallStatus"), after.parameter("DialCallSid")), ("completed", ""));
    assert_clean(&server, &customer);
}
