//! `<Gather>`: what Twilio listens for, and what it asks with what it heard.

use crate::twilio_customer::{Customer, Rest, assert_clean, house};
use crate::within;
use caller::Step;
use standins::twilio::{Asking, By, CallSeen, Config, Event, Incoming, Person, Server, Status};
use std::time::Duration;

/// A document that listens, and says that it heard nothing.
fn listening(attributes: &str) -> String {
    format!(
        "<Gather input=\"dtmf speech\" action=\"/heard\" {attributes}>\
         <Say voice=\"Polly.Amy\" language=\"en-GB\">How can I help?</Say></Gather><Say>Nobody spoke</Say>"
    )
}

fn quick() -> Config {
    Config { second: Duration::from_millis(2), ..Config::new() }
}

fn ring(server: &Server, customer: &Customer, person: Person) -> String {
    server.ring(Incoming { person, ..Incoming::new(customer.url("/voice")) })
}

async fn over(server: &Server, customer: &Customer, person: Person) -> CallSeen {
    let sid = ring(server, customer, person);
    within(server.ended(&sid)).await
}

fn who(steps: impl Into<Vec<Step>>) -> Person {
    Person { steps: steps.into(), ..Person::default() }
}

fn spoke(call: &CallSeen) -> Vec<&str> {
    let all = call.timeline.iter();
    all.filter_map(|event| if let Event::Spoke(text) = event { Some(text.as_str()) } else { None }).collect()
}

#[tokio::test]
async fn what_a_person_says_is_asked_with_and_the_answer_goes_on() {
    let (server, customer) = house(quick()).await;
    customer.answers("/voice", &listening("language=\"en-GB\""));
    customer.answers("/heard", "<Say>Sorry about that</Say>");
    let call = over(&server, &customer, Person::who_says(["My soup was cold."])).await;
    assert_eq!(call.said(), ["How can I help?", "Sorry about that"]);
    let told = &customer.told("/heard")[0];
    assert_eq!((told.method.as_str(), told.parameter("CallStatus")), ("POST", "in-progress"));
    assert_eq!(
        (told.parameter("CallSid"), told.parameter("SpeechResult")),
        (&*call.sid, "My soup was cold.")
    );
    assert_eq!((told.parameter("Confidence"), told.parameter("Language")), ("0.92", "en-GB"));
    assert!(!told.parameters.iter().any(|(name, _)| name == "Digits"));
    // in its order: asked, given a document, prompted, answered, asked
    let place = |wanted: &dyn Fn(&Event) -> bool| call.timeline.iter().position(wanted).unwrap();
    let (voice, language) = (Some("Polly.Amy".to_owned()), Some("en-GB".to_owned()));
    let prompt = Event::Said { text: "How can I help?".into(), voice, language };
    let given = place(&|event| {
        matches!(event, Event::Document { url, text }
            if *url == Some(customer.url("/voice")) && text.contains("<Gather"))
    });
    let prompted = place(&|event| *event == prompt);
    let answered = place(&|event| *event == Event::Spoke("My soup was cold.".into()));
    let asked = place(&|event| matches!(event, Event::Webhook { url, .. } if url.ends_with("/heard")));
    assert!(given < prompted && prompted < answered && answered < asked, "{:?}", call.timeline);
    assert_clean(&server, &customer);
}

#[tokio::test]
async fn without_an_action_the_document_itself_is_asked_again() {
    let (server, customer) = house(quick()).await;
    customer.answers("/voice", "<Gather input=\"speech\" method=\"GET\"/>");
    let steps = vec![Step::Say("One.".into()), Step::Say("Two.".into()), Step::HangUp];
    let person = Person { confidence: None, confidences: vec![("Two.", Some("0.0"))], ..who(steps) };
    let call = over(&server, &customer, person).await;
    let told = customer.told("/voice");
    let told: Vec<_> =
        told.iter().map(|t| (&*t.method, t.parameter("SpeechResult"), t.parameter("Confidence"))).collect();
    assert_eq!(told, [("POST", "", ""), ("GET", "One.", ""), ("GET", "Two.", "0.0")]);
    assert_eq!((call.status, call.hung_up_by()), (Status::Completed, Some(By::Person)));
    assert_clean(&server, &customer);
}

#[tokio::test]
async fn keys_end_with_a_key_or_a_number_of_them_or_with_time() {
    let (server, customer) = house(quick()).await;
    let cases = [
        ("", "12#34", "12", "#"),
        ("finishOnKey=\"*\"", "1#*", "1#", "*"),
        ("finishOnKey=\"\" numDigits=\"3\"", "12#45", "12#", ""),
        ("numDigits=\"2\"", "12", "12", ""),
        ("timeout=\"1\"", "12", "12", ""),
    ];
    customer.answers("/heard", "<Hangup/>");
    for (number, (attributes, pressed, digits, finished)) in cases.into_iter().enumerate() {
        customer.answers("/voice", &listening(attributes));
        let call = over(&server, &customer, who([Step::Press(pressed.into())])).await;
        let told = &customer.told("/heard")[number];
        assert_eq!((told.parameter("Digits"), told.parameter("FinishedOnKey")), (digits, finished));
        assert!(!told.parameters.iter().any(|(name, _)| name == "SpeechResult"));
        assert_eq!(spoke(&call).concat(), pressed);
    }
    // the finishing key alone is nothing
    customer.answers("/voice", &listening(""));
    let call = over(&server, &customer, who([Step::Press("#".into())])).await;
    assert_eq!((call.said().len(), customer.told("/heard").len()), (2, cases.len()));
    assert_clean(&server, &customer);
}

#[tokio::test]
async fn what_nobody_listens_for_is_not_heard() {
    let (server, customer) = house(quick()).await;
    let saying = |words: &str| Step::Say(words.into());
    let play = Step::Play { name: "hm.wav".into(), samples: vec![0; 80] };
    for (input, step) in [("dtmf", saying("Hello?")), ("speech", Step::Press("1".into())), ("speech", play)] {
        let document = format!("<Gather input=\"{input}\" action=\"/heard\"/><Say>Nobody spoke</Say>");
        customer.answers("/voice", &document);
        let call = over(&server, &customer, who([step])).await;
        assert_eq!((call.said(), spoke(&call).len()), (vec!["Nobody spoke"], 1));
    }
    assert_eq!(customer.told("/heard").len(), 0);
    assert_clean(&server, &customer);
}

#[tokio::test]
async fn silence_goes_on_or_is_asked_with_nothing() {
    let (server, customer) = house(quick()).await;
    customer.answers("/voice", &listening("timeout=\"3\""));
    let call = over(&server, &customer, Person::default()).await;
    assert_eq!(call.said(), ["How can I help?", "Nobody spoke"]);
    assert_eq!(customer.told("/heard").len(), 0);
    customer.answers("/voice", &listening("actionOnEmptyResult=\"true\""));
    customer.answers("/heard", "<Say>Are you there?</Say>");
    let call = over(&server, &customer, Person::default()).await;
    assert_eq!(call.said(), ["How can I help?", "Are you there?"]);
    let told = &customer.told("/heard")[0];
    let empty: Vec<_> = told.parameters.iter().filter(|(_, value)| value.is_empty()).collect();
    for name in ["SpeechResult", "Digits"] {
        assert!(empty.iter().any(|(given, _)| given == name), "{name}");
    }
    assert_clean(&server, &customer);
}

#[tokio::test]
async fn a_person_who_stays_silent_has_enough_at_some_time() {
    let (server, customer) = house(quick()).await;
    customer.answers("/voice", "<Gather timeout=\"1\"/><Redirect>/voice</Redirect>");
    let person = Person { limit: Duration::from_millis(100), ..Person::default() };
    let call = over(&server, &customer, person).await;
    assert_eq!(call.hung_up_by(), Some(By::Person));
    assert!(customer.told("/voice").len() > 1);
}

#[tokio::test]
async fn a_person_cuts_in_where_that_is_wanted() {
    let saying = Duration::from_millis(20);
    let (server, customer) = house(Config { saying, ..quick() }).await;
    customer.answers("/heard", "<Hangup/>");
    let twice = "<Say>And what is your name?</Say></Gather>";
    for (attributes, heard) in [("", true), ("bargeIn=\"false\"", false)] {
        customer.answers("/voice", &listening(attributes).replace("</Gather>", twice));
        let call = over(&server, &customer, who([Step::Interrupt("Wait!".into())])).await;
        let prompts: &[&str] = match heard {
            true => &["How can I help?"],
            false => &["How can I help?", "And what is your name?", "Nobody spoke"],
        };
        assert_eq!((call.said(), spoke(&call)), (prompts.to_vec(), vec!["Wait!"]));
        assert_eq!(call.timeline.contains(&Event::CutShort), heard);
    }
    let told = customer.told("/heard");
    assert_eq!((told.len(), told[0].parameter("SpeechResult")), (1, "Wait!"));
    assert_clean(&server, &customer);
}

#[tokio::test]
async fn what_is_understood_while_it_is_said_is_told() {
    let (server, customer) = house(quick()).await;
    customer.answers("/voice", &listening("partialResultCallback=\"/partly\""));
    customer.answers("/heard", "<Hangup/>");
    let call = over(&server, &customer, Person::who_says(["My soup was cold today."])).await;
    let told = customer.told("/partly");
    let of = |name: &str| told.iter().map(|told| told.parameter(name).to_owned()).collect::<Vec<_>>();
    assert_eq!(of("SequenceNumber"), ["0", "1"]);
    assert_eq!(of("StableSpeechResult"), ["", "My soup"]);
    assert_eq!(of("UnstableSpeechResult"), ["My", "was"]);
    assert_eq!(of("CallSid"), [call.sid.clone(), call.sid]);
    assert_clean(&server, &customer);
}

#[tokio::test]
async fn a_request_comes_again_with_the_same_form() {
    for documents in [Asking::Once, Asking::Again, Asking::AtOnce] {
        let (server, customer) = house(Config { documents, ..quick() }).await;
        customer.answers("/voice", &listening(""));
        customer.answers("/heard", "<Say>Thank you</Say>");
        let sid = ring(&server, &customer, Person::who_says(["My soup was cold."]));
        let call = within(server.ended(&sid)).await;
        assert_eq!(call.said(), ["How can I help?", "Thank you"], "{documents:?}");
        let told = customer.told("/heard");
        assert_eq!(told.len(), if documents == Asking::Once { 1 } else { 2 });
        // long after the call is over
        let before = customer.told("/voice").len();
        let late = within(server.repeat(&sid, 1)).await.unwrap();
        assert_eq!((late.status, late.body.contains("How can I help?")), (200, true));
        assert_eq!(customer.told("/voice").len(), before + 1);
        let last = within(server.repeat(&sid, 0)).await.unwrap();
        assert!(last.body.contains("Thank you") && last.content_type.starts_with("text/xml"));
        let again = customer.told("/heard");
        let (first, last) = (&again[0], &again[again.len() - 1]);
        assert_eq!(first.parameters, last.parameters);
        let token = "i-twilio-idempotency-token";
        assert_eq!(first.headers[token], last.headers[token]);
        assert!(within(server.repeat(&sid, 7)).await.is_err());
        assert_clean(&server, &customer);
    }
}

#[tokio::test]
async fn a_request_can_come_again_before_it_was_answered() {
    let (server, customer) = house(quick()).await;
    customer.answers("/voice", &listening(""));
    customer.never_answers("/heard");
    let sid = ring(&server, &customer, Person::who_says(["Hello?"]));
    customer.asked("/heard", 1).await;
    customer.answers("/heard", "<Hangup/>");
    assert_eq!(within(server.repeat(&sid, 0)).await.unwrap().status, 200);
    assert!(server.hang_up(&sid));
    let call = within(server.ended(&sid)).await;
    assert!(call.timeline.contains(&Event::Repeated { url: customer.url("/heard"), status: Some(200) }));
    assert_eq!(customer.told("/heard").len(), 2);
    assert_clean(&server, &customer);
}

#[tokio::test]
async fn a_call_that_listens_or_speaks_is_sent_elsewhere_at_once() {
    let (server, customer) = house(Config { saying: Duration::from_secs(3600), ..Config::new() }).await;
    let silent = "<Gather timeout=\"3600\"/><Say>Never</Say>";
    let cases =
        [("<Say>Long</Say>", vec!["Long"]), (silent, vec![]), (&listening(""), vec!["How can I help?"])];
    for (verbs, before) in cases {
        customer.answers("/voice", verbs);
        let sid = ring(&server, &customer, Person::default());
        let begun = |call: &CallSeen| {
            let document = |event: &Event| matches!(event, Event::Document { .. });
            call.timeline.iter().any(document) && call.said() == before
        };
        within(server.until_call(&sid, begun)).await;
        let elsewhere = "<Response><Hangup/></Response>";
        assert_eq!(Rest::new(&server).update(&sid, &[("Twiml", elsewhere)]).await.0, 200);
        let call = within(server.ended(&sid)).await;
        assert_eq!((call.said(), call.hung_up_by()), (before, Some(By::Document)));
    }
    assert_clean(&server, &customer);
}

#[tokio::test]
async fn what_twilio_would_only_warn_about_is_a_violation() {
    let (server, customer) = house(quick()).await;
    for (attributes, code) in [
        ("speechTimeout=\"auto\" speechModel=\"default\"", 13335),
        ("waits=\"5\"", 12200),
        ("timeout=\"soon\"", 12200),
    ] {
        customer.answers("/voice", &listening(attributes));
        let call = over(&server, &customer, Person::default()).await;
        assert_eq!((call.alerts(), call.said().len()), (vec![code], 2), "{attributes}");
    }
    assert_eq!(server.violations().len(), 3);
    customer.answers("/voice", &listening("speechTimeout=\"auto\" speechModel=\"phone_call\""));
    assert!(over(&server, &customer, Person::default()).await.alerts().is_empty());
}
