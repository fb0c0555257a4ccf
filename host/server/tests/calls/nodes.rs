//! Several servers that share their calls: whichever is asked, the one that holds the call answers.

use crate::cluster::*;
use crate::exchange::*;
use crate::house::*;
use crate::watching::Watching;
use futures_util::StreamExt;
use serde_json::{Value, json};
use standins::twilio::{Answers, Callee, Config, Event, Person, Status, StreamOutcome};
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

const THEIRS: &str = "+15555550101";

fn greeted() -> Setup {
    let settings = "[component.guest-relations.settings]\n\
                    outbound_greeting = \"Hello, here is your caterer.\"\n\
                    outbound_goodbye = \"Bye!\"\n\
                    voicemail = \"Please call us back.\"\n";
    Setup::default().toml(settings)
}

fn picks_up(answers: Answers) -> Config {
    Config { callee: Callee::Answers(answers), ..Config::new() }
}

/// The one behind the first webhook; all others go to the second node.
const THE_FIRST_STREAM_TO_THE_FIRST: Rule =
    |path, before| usize::from(path.starts_with("/ws/") && before > 1);

#[tokio::test]
async fn a_stream_is_held_by_the_node_that_it_comes_to_though_another_answered_the_webhook() {
    let Some(cluster) = Cluster::new(STREAMS_TO_THE_SECOND).await else { return };
    let sid = cluster.ring(Person::who_says(["My soup was cold today.", "Thank you, goodbye."]));
    let call = cluster.ended(&sid).await;
    assert_eq!((call.heard().first(), call.heard().last()), (Some(&"Hello!"), Some(&"Bye!")));
    // what follows was asked of the first, and answered by the second, which knows how it ended
    assert_eq!((asked(&call, "/voice/after"), call.said().len()), (1, 0), "{}", cluster.told(&sid));
    assert_eq!(call.streams(), [StreamOutcome::ClosedByServer]);
    assert!(cluster.second.log().contains("call ended") && !cluster.first.log().contains("call ended"));
    cluster.is_clean();
    for server in [&cluster.first, &cluster.second] {
        let known = until_known(server, &format!("/calls/{sid}"), |call| call["status"] == "completed").await;
        assert_eq!((&known["node"], &known["departure"]), (&json!("second"), &json!("script")));
        assert_eq!((&known["from"], &known["to"]), (&json!("+15555550199"), &json!("+15555550100")));
        assert_eq!(known["kept"]["feedback"][0], "My soup was cold today.");
        let (_, status) = get(server, &format!("/call-status/{sid}")).await;
        assert_eq!(status["status"], "completed");
    }
}

#[tokio::test]
async fn it_does_not_matter_which_node_is_asked_for_what() {
    let Some(cluster) = Cluster::new(IN_TURN).await else { return };
    for _ in 0..3 {
        let sid = cluster.ring(Person::who_says(["My soup was cold today.", "Goodbye."]));
        let call = cluster.ended(&sid).await;
        assert_eq!(call.heard().last(), Some(&"Bye!"), "{}", cluster.told(&sid));
        assert_eq!(call.said(), Vec::<&str>::new(), "{}", cluster.told(&sid));
    }
    cluster.is_clean();
}

#[tokio::test]
async fn a_call_is_seen_and_controlled_through_any_node() {
    let Some(cluster) = Cluster::new(SECOND).await else { return };
    let (first, second) = (&cluster.first, &cluster.second);
    let sid = cluster.ring(listener());
    cluster.hears(&sid, "Hello!").await;
    let path = format!("/calls/{sid}");
    let known = until_known(first, &path, |call| call["conversation"][0]["text"] == "Hello!").await;
    assert_eq!((&known["node"], &known["live"]), (&json!("second"), &json!(true)));
    // whoever has no key has none anywhere
    for key in [None, Some("not-a-key-of-anybody")] {
        assert_eq!(ask(first, key, reqwest::Method::GET, &path, None).await.0, 401);
    }
    let mut watching = Watching::at(first, &sid).await;
    assert_eq!(watching.next().await.unwrap()["call_sid"], sid.as_str());
    let mut socket = {
        let url = format!("ws://{}/calls/{sid}/events", first.address);
        let mut request = url.into_client_request().unwrap();
        request.headers_mut().insert("authorization", format!("Bearer {KEY}").parse().unwrap());
        tokio_tungstenite::connect_async(request).await.unwrap().0
    };
    let (status, answer) = post(first, &format!("{path}/say"), json!({ "text": "A word to you." })).await;
    assert_eq!(status, 200, "{answer}");
    cluster.hears(&sid, "A word to you.").await;
    let (status, answer) = post(first, &format!("{path}/dtmf"), json!({ "digits": "x" })).await;
    assert_eq!(status, 422, "{answer}");
    assert_eq!(post(first, &format!("/interrupt-call/{sid}"), json!({})).await.0, 200);
    assert_eq!(post(first, &format!("{path}/operator"), json!({ "text": "Be nice." })).await.0, 200);
    assert_eq!(post(first, &format!("{path}/hangup"), json!({})).await.0, 200);
    let call = cluster.ended(&sid).await;
    assert_eq!((call.status, call.streams()), (Status::Completed, vec![StreamOutcome::ClosedByServer]));
    while watching.next().await.is_some() {}
    let end = watching.events.last().unwrap();
    assert_eq!((&end["event"], &end["departure"]), (&json!("end"), &json!("operator")), "{end}");
    let mut names = Vec::new();
    let closed = loop {
        match tokio::time::timeout(PATIENCE, socket.next()).await.unwrap().unwrap().unwrap() {
            Message::Text(text) => names.push(serde_json::from_str::<Value>(&text).unwrap()["event"].clone()),
            Message::Close(frame) => break frame,
            _ => {}
        }
    };
    assert_eq!(closed.map(|frame| u16::from(frame.code)), Some(1000));
    assert_eq!((names.first(), names.last()), (Some(&json!("call")), Some(&json!("end"))));
    let (status, answer) = post(first, &format!("{path}/say"), json!({ "text": "Hello?" })).await;
    assert_eq!((status, &answer["ended_by"]), (409, &json!("operator")), "{answer}");
    // and what no node knows is known nowhere
    assert_eq!(get(first, "/calls/nothing").await.0, 404);
    assert_eq!(get(second, "/calls/nothing").await.0, 404);
    cluster.is_clean();
}

#[tokio::test]
async fn the_calls_of_all_nodes_are_listed_by_each() {
    let Some(cluster) = Cluster::new(THE_FIRST_STREAM_TO_THE_FIRST).await else { return };
    let one = cluster.ring(listener());
    cluster.hears(&one, "Hello!").await;
    let other = cluster.ring(listener());
    cluster.hears(&other, "Hello!").await;
    let wanted = [(one.as_str(), "first"), (other.as_str(), "second")];
    for server in [&cluster.first, &cluster.second] {
        let all_are_live = |calls: &Value| {
            let calls = calls["calls"].as_array().unwrap();
            calls.len() == 2 && calls.iter().all(|call| call["live"] == true)
        };
        let listed = until_known(server, "/calls", all_are_live).await;
        let of = |call: &Value, name: &str| call[name].as_str().unwrap().to_owned();
        let listed = listed["calls"].as_array().unwrap().iter();
        let listed: Vec<_> = listed.map(|call| (of(call, "call_sid"), of(call, "node"))).collect();
        assert_eq!(listed, wanted.map(|(sid, node)| (sid.to_owned(), node.to_owned())));
    }
    for sid in [&one, &other] {
        assert_eq!(post(&cluster.second, &format!("/calls/{sid}/hangup"), json!({})).await.0, 200);
        cluster.ended(sid).await;
    }
    for server in [&cluster.first, &cluster.second] {
        until_known(server, "/calls", |calls| calls["calls"] == json!([])).await;
        let (_, all) = get(server, "/calls?all=true").await;
        assert_eq!(all["calls"].as_array().unwrap().len(), 2, "{all}");
    }
}

#[tokio::test]
async fn what_a_placed_call_is_about_is_known_to_the_node_that_its_stream_comes_to() {
    // the webhook too, at a node that has not placed it
    let elsewhere: Rule = |path, _| usize::from(path.starts_with("/ws/") || path.starts_with("/call-status"));
    for rule in [STREAMS_TO_THE_SECOND, elsewhere, SECOND] {
        let answers = Answers { answered_by: None, person: listener(), ..Answers::default() };
        let Some(cluster) = Cluster::with(rule, picks_up(answers), greeted).await else { return };
        // too long for a parameter of a stream
        let message = format!("Your order is ready. {}", "Really. ".repeat(90));
        let body =
            json!({ "to_number": THEIRS, "initial_message": message, "parameters": { "order": "42" } });
        let (status, placed) = post(&cluster.first, "/outbound", body).await;
        assert_eq!(status, 200, "{placed}");
        let sid = placed["call_sid"].as_str().unwrap();
        let path = format!("/calls/{sid}");
        let known = until_known(&cluster.first, &path, |call| call["speaking"].is_string()).await;
        assert!(known["speaking"].as_str().unwrap().starts_with("Your order is ready."), "{known}");
        for server in [&cluster.first, &cluster.second] {
            let (_, known) = get(server, &path).await;
            assert_eq!((&known["node"], &known["direction"]), (&json!("second"), &json!("outbound")));
            let (_, same) = get(server, &format!("/calls/{}", known["id"].as_str().unwrap())).await;
            assert_eq!(same["call_sid"], sid);
        }
        cluster.twilio.hang_up(sid);
        cluster.ended(sid).await;
        for server in [&cluster.first, &cluster.second] {
            let told = |told: &Value| told["status"] == "completed" && told["end_time"].is_string();
            until_known(server, &path, told).await;
        }
        cluster.is_clean();
    }
}

#[tokio::test]
async fn a_verdict_that_another_node_is_told_reaches_the_conversation() {
    let answers = Answers {
        answered_by: Some("machine_end_beep"),
        verdict_after: Duration::from_millis(400),
        person: listener(),
        ..Answers::default()
    };
    let Some(cluster) = Cluster::with(STREAMS_TO_THE_SECOND, picks_up(answers), greeted).await else {
        return;
    };
    let (status, placed) = post(&cluster.first, "/outbound", json!({ "to_number": THEIRS })).await;
    assert_eq!(status, 200, "{placed}");
    let sid = placed["call_sid"].as_str().unwrap();
    let call = cluster.ended(sid).await;
    assert_eq!(call.heard().last(), Some(&"Please call us back."), "{}", cluster.told(sid));
    let known =
        until_known(&cluster.first, &format!("/calls/{sid}"), |call| call["status"] == "completed").await;
    assert_eq!(
        (&known["answered_by"], &known["departure"], &known["node"]),
        (&json!("machine_end_beep"), &json!("script"), &json!("second"))
    );
    cluster.is_clean();
}

#[tokio::test]
async fn a_line_that_comes_back_to_another_node_goes_on_where_the_conversation_is() {
    let Some(cluster) = Cluster::new(THE_FIRST_STREAM_TO_THE_FIRST).await else { return };
    let sid = cluster.ring(listener());
    cluster.hears(&sid, "Hello!").await;
    let path = format!("/calls/{sid}");
    let (_, known) = get(&cluster.first, &path).await;
    let holder = known["node"].clone();
    let mut watching = Watching::at(&cluster.first, &sid).await;
    cluster.twilio.drop_stream(&sid);
    while watching.until("line").await["state"] != "back" {}
    let (status, answer) =
        post(&cluster.second, &format!("{path}/say"), json!({ "text": "Here again." })).await;
    assert_eq!(status, 200, "{answer}");
    while watching.until("spoke").await["heard"] != "Here again." {}
    let (_, known) = get(&cluster.second, &path).await;
    assert_eq!(known["node"], holder);
    cluster.twilio.hang_up(&sid);
    let call = cluster.ended(&sid).await;
    assert_eq!(call.streams(), [StreamOutcome::Broke, StreamOutcome::HungUp], "{}", cluster.told(&sid));
    assert_eq!(call.said(), Vec::<&str>::new());
}

#[tokio::test]
async fn a_node_that_is_killed_in_a_call_is_missed_and_the_caller_hears_the_agent_again() {
    let Some(mut cluster) = Cluster::new(FIRST).await else { return };
    let sid = cluster.ring(listener());
    cluster.hears(&sid, "Hello!").await;
    // of this one nobody will ask
    let silent = "CA00000000000000000000000000000042";
    let _phone = cluster.phone(&cluster.first, silent).await;
    until_known(&cluster.second, &format!("/calls/{silent}"), |call| call["live"] == true).await;

    cluster.first.kill().await;
    let again =
        |call: &standins::twilio::CallSeen| call.heard().iter().filter(|heard| **heard == "Hello!").count();
    let call = cluster.until(&sid, |call| again(call) == 2).await;
    assert!(matches!(call.said()[..], [said] if said.contains("cut off")), "{}", cluster.told(&sid));
    let (_, known) = get(&cluster.second, &format!("/calls/{sid}")).await;
    assert_eq!((&known["node"], &known["live"]), (&json!("second"), &json!(true)));

    let noticed = cluster.second.logged("a node is gone").await;
    assert!(noticed.contains("calls=1"), "{noticed}");
    let path = format!("/calls/{silent}");
    let lost = until_known(&cluster.second, &path, |lost| lost["departure"] == "lost").await;
    assert_eq!(lost["live"], false, "{lost}");
    let (_, calls) = get(&cluster.second, "/calls").await;
    assert_eq!(calls["calls"].as_array().unwrap().len(), 1, "{calls}");
    assert_eq!(post(&cluster.second, &format!("/calls/{sid}/hangup"), json!({})).await.0, 200);
    assert_eq!(cluster.ended(&sid).await.status, Status::Completed);
}

#[tokio::test]
async fn behind_the_nginx_of_the_guide_calls_are_carried_and_go_on_when_a_node_is_gone() {
    let Some(mut cluster) = Cluster::behind_nginx().await else { return };
    // whoever comes through a proxy is not on this machine: what it says is not believed, and heard as sound
    let greetings = |call: &standins::twilio::CallSeen| {
        let heard = |event: &&Event| matches!(event, Event::Heard { .. });
        call.timeline.iter().filter(heard).count()
    };
    let sid = cluster.ring(listener());
    cluster.until(&sid, |call| greetings(call) == 1).await;
    let path = format!("/calls/{sid}");
    let known = until_known(&cluster.first, &path, |call| call["live"] == true).await;
    cluster.is_clean();
    let is_first = known["node"] == "first";
    match is_first {
        true => cluster.first.kill().await,
        false => cluster.second.kill().await,
    }
    let call = cluster.until(&sid, |call| greetings(call) == 2).await;
    assert!(matches!(call.said()[..], [said] if said.contains("cut off")), "{}", cluster.told(&sid));
    let other = if is_first { &cluster.second } else { &cluster.first };
    let (_, known) = get(other, &path).await;
    assert_eq!((&known["live"], &known["node"] == "first"), (&json!(true), !is_first), "{known}");
    assert_eq!(post(other, &format!("{path}/hangup"), json!({})).await.0, 200);
    assert_eq!(cluster.ended(&sid).await.status, Status::Completed);
}

#[tokio::test]
async fn a_call_that_another_node_goes_on_with_is_two_conversations_and_the_first_is_lost() {
    let Some(database) = database().await else { return };
    let setup = || Setup::brief().variable("DATABASE_URL", &database);
    let Some(mut cluster) = Cluster::with(FIRST, Config::new(), setup).await else { return };
    let sid = cluster.ring(listener());
    cluster.hears(&sid, "Hello!").await;
    let path = format!("/conversations/{sid}");
    until_known(&cluster.second, &path, |kept| kept["turns"][0]["text"] == "Hello!").await;

    cluster.first.kill().await;
    let again =
        |call: &standins::twilio::CallSeen| call.heard().iter().filter(|heard| **heard == "Hello!").count();
    cluster.until(&sid, |call| again(call) == 2).await;
    let path = format!("/conversations?call_sid={sid}");
    let kept = until_known(&cluster.second, &path, |kept| {
        let of = |number: usize| &kept["conversations"][number]["departure"];
        *of(1) == "lost" && of(0).is_null()
    })
    .await;
    assert_eq!(kept["conversations"].as_array().unwrap().len(), 2, "{kept}");
    cluster.twilio.hang_up(&sid);
    cluster.ended(&sid).await;
    until_known(&cluster.second, &path, |kept| kept["conversations"][0]["departure"] == "caller").await;
    let health = get(&cluster.second, "/health").await.1;
    assert_eq!(health["services"]["store"]["component"], "postgresql", "{health}");
}

/// A database of its own on the server that `DATABASE_URL` names. None: there is none, which is said.
async fn database() -> Option<String> {
    let Ok(server) = std::env::var("DATABASE_URL") else {
        assert!(std::env::var_os("CORDBOARD_CI").is_none(), "there is no DATABASE_URL");
        eprintln!("skipped: there is no DATABASE_URL");
        return None;
    };
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos();
    let name = format!("cordboard_{}_{now}", std::process::id());
    let made = tokio::process::Command::new("psql")
        .args([&server, "-qc", &format!("create database {name}")])
        .output()
        .await
        .expect("PostgreSQL's psql is needed");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let mut url: url::Url = server.parse().unwrap();
    url.set_path(&name);
    Some(url.to_string())
}

#[tokio::test]
async fn what_a_node_knew_is_known_when_it_has_left() {
    let Some(mut cluster) = Cluster::new(FIRST).await else { return };
    let sid = cluster.ring(Person::who_says(["Goodbye."]));
    cluster.ended(&sid).await;
    until_known(&cluster.second, &format!("/calls/{sid}"), |call| call["status"] == "completed").await;
    let (status, log) = cluster.first.stop().await;
    assert!(status.success(), "{log}");
    let (code, known) = get(&cluster.second, &format!("/calls/{sid}")).await;
    assert_eq!((code, &known["departure"]), (200, &json!("script")), "{known}");
    let said: Vec<&Value> =
        known["conversation"].as_array().unwrap().iter().map(|line| &line["text"]).collect();
    assert_eq!(said, [&json!("Hello!"), &json!("Goodbye."), &json!("Bye!")]);
    let nodes = cluster.redis.ask("SCARD cordboard:nodes").await;
    assert_eq!(nodes.as_deref(), Some(":1\r\n"), "it has signed out");
}

#[tokio::test]
async fn a_node_that_leaves_goes_on_passing_on_and_takes_no_stream() {
    let streams_to_the_first: Rule = |path, _| usize::from(!path.starts_with("/ws/"));
    let Some(mut cluster) = Cluster::new(streams_to_the_first).await else { return };
    // it would be gone at once if it had no call
    let mut phone = cluster.phone(&cluster.first, "CA00000000000000000000000000000042").await;
    assert_eq!(phone.hears().await, "Hello!");
    cluster.first.terminate().await;
    cluster.first.logged("stopping: no new calls").await;
    let sid = cluster.ring(listener());
    let path = format!("/calls/{sid}");
    let known = until_known(&cluster.first, &path, |call| call["live"] == true).await;
    assert_eq!(known["node"], "second", "{}", cluster.told(&sid));
    assert_eq!(post(&cluster.first, &format!("{path}/hangup"), json!({})).await.0, 200);
    assert_eq!(cluster.ended(&sid).await.streams(), [StreamOutcome::ClosedByServer]);
    phone.drop_dead();
    let (status, log) = cluster.first.gone().await;
    assert!(status.success(), "{log}");
}

#[tokio::test]
async fn while_redis_is_away_a_node_goes_on_alone_and_says_so() {
    let Some(mut cluster) = Cluster::new(FIRST).await else { return };
    let person = Person { patience: PATIENCE, ..listener() };
    let sid = cluster.ring(person.clone());
    cluster.hears(&sid, "Hello!").await;
    let path = format!("/calls/{sid}");
    until_known(&cluster.second, &path, |call| call["live"] == true).await;

    cluster.redis.kill().await;
    let away = |health: &Value| health["services"]["registry"]["state"] == "failing";
    let health = until_known(&cluster.first, "/health", away).await;
    assert_eq!((&health["status"], health["calls"].as_u64()), (&json!("degraded"), Some(1)), "{health}");
    // the call does not notice, and another one is taken
    let (status, answer) =
        post(&cluster.first, &format!("{path}/say"), json!({ "text": "Still here." })).await;
    assert_eq!(status, 200, "{answer}");
    cluster.hears(&sid, "Still here.").await;
    let meanwhile = cluster.ring(person);
    cluster.hears(&meanwhile, "Hello!").await;
    assert_eq!(cluster.first.log().matches("Redis is away").count(), 1, "said once");
    until_known(&cluster.second, "/health", away).await;
    assert_eq!(get(&cluster.second, &path).await.0, 404);

    cluster.redis.restart().await;
    for (sid, text) in [(&sid, "Known again."), (&meanwhile, "Known now.")] {
        let path = format!("/calls/{sid}");
        let known = until_known(&cluster.second, &path, |call| call["live"] == true).await;
        assert_eq!(known["node"], "first");
        assert_eq!(post(&cluster.second, &format!("{path}/say"), json!({ "text": text })).await.0, 200);
        cluster.hears(sid, text).await;
    }
    let well = |health: &Value| health["services"]["registry"]["state"] == "ok";
    until_known(&cluster.first, "/health", well).await;
    for sid in [&sid, &meanwhile] {
        cluster.twilio.hang_up(sid);
        assert_eq!(cluster.ended(sid).await.said(), Vec::<&str>::new());
    }
}

#[tokio::test]
async fn a_host_whose_redis_is_away_at_its_start_answers_calls_and_says_that_it_is_alone() {
    let port = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let setup = Setup::brief().variable("REDIS_URL", &format!("redis://:secret@127.0.0.1:{port}"));
    let exchange = Exchange::with(Config::new(), setup).await;
    assert!(
        exchange.server.log().contains("is alone until Redis can be reached"),
        "{}",
        exchange.server.log()
    );
    let call = exchange.ended(&exchange.ring(Person::who_says(["Goodbye."]))).await;
    assert_eq!(call.heard().last(), Some(&"Bye!"), "{}", story(&call));
    assert!(!exchange.server.log().contains("secret"), "{}", exchange.server.log());
    exchange.is_clean();
}

#[tokio::test]
async fn what_is_wrong_with_the_settings_of_a_node_is_said_at_its_start_without_a_password() {
    let good = "redis://:secret@127.0.0.1:1";
    for (variables, said) in [
        (vec![("REDIS_URL", "http://:secret@127.0.0.1:6379")], "redis://HOST:6379"),
        (vec![("REDIS_URL", "127.0.0.1:secret")], "redis://HOST:6379"),
        (vec![("REDIS_URL", good), ("CORDBOARD_NODE_ADDRESS", "10.0.0.3")], "http://10.0.0.3:8765"),
        (vec![("REDIS_URL", good), ("HOST", "0.0.0.0")], "CORDBOARD_NODE_ADDRESS"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut command = program(folder.path());
        command.arg("serve").env("PORT", "0").envs(variables);
        let output = tokio::time::timeout(PATIENCE, command.output()).await.unwrap().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && error.contains(said), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
    let folder = tempfile::tempdir().unwrap();
    let output = program(folder.path()).arg("config").env("REDIS_URL", good).output().await.unwrap();
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(report.contains("redis://:***@127.0.0.1:1") && !report.contains("secret"), "{report}");
}
