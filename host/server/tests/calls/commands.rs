//! The commands that try a server, look at what it needs, and have it call somebody.

use crate::exchange::*;
use crate::house::*;
use standins::twilio::{Answers, Callee, Config, Person};
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

const THEIRS: &str = "+15555550101";

/// What the program says to these arguments in this folder, and its exit code.
async fn run_in(folder: &Path, arguments: &[&str], variables: &[(&str, String)]) -> (Option<i32>, String) {
    let mut command = program(folder);
    command.args(arguments).envs(variables.iter().map(|(name, value)| (name, value)));
    let output = tokio::time::timeout(PATIENCE * 2, command.output()).await.unwrap().unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code(), said)
}

async fn run(arguments: &[&str], variables: &[(&str, String)]) -> (Option<i32>, String) {
    run_in(tempfile::tempdir().unwrap().path(), arguments, variables).await
}

/// As a server is configured that belongs to this account.
fn account(twilio: &standins::twilio::Server) -> Vec<(&'static str, String)> {
    vec![
        ("TWILIO_BASE_URL", twilio.base_url()),
        ("TWILIO_ACCOUNT_SID", twilio.account_sid().to_owned()),
        ("TWILIO_AUTH_TOKEN", twilio.auth_token().to_owned()),
        ("TWILIO_PHONE_NUMBER", standins::twilio::NUMBER.to_owned()),
    ]
}

fn with_key(twilio: &standins::twilio::Server) -> Vec<(&'static str, String)> {
    let mut variables = account(twilio);
    variables.push(("CORDBOARD_API_KEY", KEY.to_owned()));
    variables
}

/// A port that nobody listens on.
fn free_port() -> (&'static str, String) {
    ("PORT", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string())
}

/// The line about this, its columns joined by single spaces.
fn line(said: &str, what: &str) -> String {
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let about = |line: &String| line.split_once(' ').is_some_and(|(_, rest)| rest.starts_with(what));
    said.lines().map(words).find(about).unwrap_or_else(|| panic!("nothing about {what} in\n{said}"))
}

#[tokio::test]
async fn every_route_of_a_server_without_credentials_is_tried_and_is_as_it_should_be() {
    let server = Setup::brief().start().await;
    let (code, said) = run(&["smoke", "--url", &server.url("")], &[]).await;
    assert_eq!(code, Some(0), "{said}\n{}", server.log());
    assert!(!said.contains("FAILED") && said.contains("are as they should be"), "{said}");
    assert!(line(&said, "POST / ").contains(&format!("a stream to ws://{}", server.address)), "{said}");
    assert!(line(&said, "POST /make-call").contains("422"), "{said}");
    assert!(line(&said, "POST /calls/SID/transfer").contains("404"), "{said}");
    assert!(line(&said, "a call over /ws").contains("the agent was heard for"), "{said}");
}

#[tokio::test]
async fn a_server_with_an_account_is_tried_as_twilio_asks_it_and_nobody_is_called() {
    let exchange = Exchange::new().await;
    let (code, said) = run(&["smoke", "--url", &exchange.server.url("")], &with_key(&exchange.twilio)).await;
    assert_eq!(code, Some(0), "{said}\n{}", exchange.server.log());
    assert!(line(&said, "POST /voice/after, unsigned").contains("403"), "{said}");
    assert!(line(&said, "GET /calls/SID, of that call").contains("200"), "{said}");
    assert_eq!(exchange.twilio.seen().created().count(), 0);
    // of all the calls that were made up none goes on
    until_told(&exchange, "/calls", |told| told["calls"].as_array().unwrap().is_empty()).await;
    let secrets = [exchange.twilio.auth_token(), KEY];
    assert!(!secrets.iter().any(|secret| said.contains(secret)), "{said}");
}

#[tokio::test]
async fn without_a_key_it_is_a_refusal_that_is_right() {
    let exchange = Exchange::new().await;
    let (code, said) = run(&["smoke", "--url", &exchange.server.url("")], &account(&exchange.twilio)).await;
    assert_eq!(code, Some(0), "{said}\n{}", exchange.server.log());
    for route in ["POST /make-call", "GET /calls", "POST /calls/SID/hangup", "GET /calls/SID, of that call"] {
        let line = line(&said, route);
        assert!(line.contains("401") && line.contains("refused, as it should be"), "{line}");
    }
}

#[tokio::test]
async fn behind_a_proxy_webhooks_are_signed_for_the_public_address() {
    let public = ("PUBLIC_URL", "https://calls.example.com/line".to_owned());
    let setup = Setup::brief().variable(public.0, &public.1);
    let exchange = Exchange::with(Config::new(), setup).await;
    let mut variables = with_key(&exchange.twilio);
    variables.push(public);
    let (code, said) = run(&["smoke", "--url", &exchange.server.url("")], &variables).await;
    assert_eq!(code, Some(0), "{said}\n{}", exchange.server.log());
    assert!(line(&said, "POST / ").contains("a stream to wss://calls.example.com"), "{said}");
}

#[tokio::test]
async fn a_server_that_is_configured_otherwise_fails_and_it_is_said_what_to_do() {
    let exchange = Exchange::new().await;
    let mut variables = with_key(&exchange.twilio);
    variables.push(("TWILIO_AUTH_TOKEN", "f".repeat(32)));
    let (code, said) = run(&["smoke", "--url", &exchange.server.url("")], &variables).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(line(&said, "POST /voice/incoming").starts_with("FAILED"), "{said}");
    assert!(line(&said, "a call over /ws").starts_with("FAILED"), "{said}");
    assert!(line(&said, "GET /health").starts_with("ok"), "{said}");
    assert!(said.contains("→ the server is configured otherwise than this command"), "{said}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_said_once() {
    let (code, said) = run(&["smoke", "--url", "http://127.0.0.1:9"], &[]).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("no answer from http://127.0.0.1:9; is the server running?"), "{said}");
    assert!(!said.contains("FAILED"), "{said}");
    let (code, said) = run(&["smoke", "--url", "127.0.0.1:9"], &[]).await;
    assert!(code == Some(1) && said.contains("is not the address of a server"), "{said}");
}

#[tokio::test]
async fn the_doctor_names_what_is_missing_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let variables = [free_port(), ("OPENAI_API_KEY", "sk-never-to-be-shown".to_owned())];
    let (code, said) = run_in(folder.path(), &["doctor"], &variables).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(line(&said, "TWILIO_ACCOUNT_SID").starts_with("WRONG"), "{said}");
    assert!(line(&said, "TWILIO_AUTH_TOKEN").starts_with("WRONG"), "{said}");
    assert!(line(&said, "PUBLIC_URL").starts_with("warn"), "{said}");
    assert!(line(&said, "stt none").starts_with("warn") && said.contains("DEEPGRAM_API_KEY"), "{said}");
    assert!(line(&said, "llm openai-llm").starts_with("ok"), "{said}");
    assert!(line(&said, "port").ends_with("is free"), "{said}");
    assert!(!said.contains("sk-never"), "{said}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "{said}");
}

#[tokio::test]
async fn the_doctor_finds_nothing_wrong_with_an_account_that_is_as_it_should_be() {
    let twilio = standins::twilio::Server::start(Config::new()).await.unwrap();
    let mut variables = with_key(&twilio);
    variables.push(free_port());
    let (code, said) = run(&["doctor"], &variables).await;
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(line(&said, "TWILIO_AUTH_TOKEN"), "ok TWILIO_AUTH_TOKEN accepted by Twilio");
    assert_eq!(line(&said, "account"), "ok account Stand-in, active, Full");
    assert_eq!(line(&said, "TWILIO_PHONE_NUMBER"), "ok TWILIO_PHONE_NUMBER +1555***0100, of this account");
    assert_eq!(line(&said, "clock"), "ok clock that of Twilio");
    assert!(line(&said, "its webhook").starts_with("warn") && said.contains("A call comes in"), "{said}");
    assert_eq!(twilio.violations(), Vec::<String>::new());
    assert!(![twilio.auth_token(), KEY].iter().any(|secret| said.contains(secret)), "{said}");
}

#[tokio::test]
async fn the_doctor_says_what_to_do_about_credentials_that_twilio_refuses() {
    let key = ("SK00000000000000000000000000000001".to_owned(), "the-secret-of-the-key".to_owned());
    let config = Config { api_key: Some(key.clone()), ..Config::new() };
    let twilio = standins::twilio::Server::start(config).await.unwrap();
    let wrong = "f".repeat(32);
    let mut variables = with_key(&twilio);
    variables.extend([free_port(), ("TWILIO_AUTH_TOKEN", wrong.clone())]);
    let (code, said) = run(&["doctor"], &variables).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(line(&said, "TWILIO_AUTH_TOKEN").starts_with("WRONG"), "{said}");
    assert!(said.contains("→ copy the account SID and its secret once more"), "{said}");
    assert!(!said.contains(&wrong), "{said}");
    // a key that is right does not make the token right
    variables.extend([("TWILIO_API_KEY", key.0.clone()), ("TWILIO_API_SECRET", key.1.clone())]);
    let (code, said) = run(&["doctor"], &variables).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(line(&said, "TWILIO_AUTH_TOKEN").starts_with("WRONG"), "{said}");
    assert_eq!(line(&said, "TWILIO_API_KEY"), "ok TWILIO_API_KEY accepted by Twilio");
    assert!(line(&said, "TWILIO_PHONE_NUMBER").starts_with("ok"), "{said}");
    assert!(!said.contains(&key.1), "{said}");
    // half a key is none
    variables.retain(|(name, _)| *name != "TWILIO_API_SECRET");
    let (code, said) = run(&["doctor"], &variables).await;
    assert!(code == Some(1) && line(&said, "TWILIO_API_KEY").contains("belong together"), "{said}");
}

#[tokio::test]
async fn the_doctor_finds_the_server_that_runs() {
    let mut exchange = Exchange::new().await;
    let (_, port) = exchange.server.address.rsplit_once(':').unwrap();
    let mut variables = with_key(&exchange.twilio);
    variables.extend([("PORT", port.to_owned()), ("PUBLIC_URL", exchange.server.url(""))]);
    let (code, said) = run(&["doctor"], &variables).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(line(&said, "port").contains("is running there"), "{said}");
    assert!(line(&said, "who answers there").starts_with("ok who answers there Cordboard "), "{said}");
    assert!(line(&said, "PUBLIC_URL").starts_with("warn"), "a machine's own name is not public: {said}");
    // and that it is not there any more, at this address
    exchange.server.kill().await;
    let (code, said) = run(&["doctor"], &variables).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(line(&said, "who answers there").starts_with("WRONG"), "{said}");
}

#[tokio::test]
async fn the_doctor_reads_a_configuration_that_nobody_else_could() {
    let (code, said) = run(&["doctor"], &[("PORT", "eight".to_owned())]).await;
    assert!(code == Some(1) && line(&said, "configuration").contains("PORT"), "{said}");
    let short = [free_port(), ("CORDBOARD_API_KEY", "too-short".to_owned())];
    let (code, said) = run(&["doctor"], &short).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(line(&said, "keys of the interface").starts_with("WRONG"), "{said}");
    assert!(!said.contains("too-short"), "{said}");
}

#[tokio::test]
async fn a_call_that_is_asked_for_is_followed_to_its_end() {
    let answers = Answers { person: Person::who_says(["It was fine, goodbye."]), ..Answers::default() };
    let config = Config { callee: Callee::Answers(answers), ..Config::new() };
    let settings = "[component.guest-relations.settings]\n\
                    outbound_greeting = \"Hello, here is your caterer.\"\noutbound_goodbye = \"Bye!\"\n";
    let exchange = Exchange::with(config, Setup::default().toml(settings)).await;
    let key = [("CORDBOARD_API_KEY", KEY.to_owned())];
    let (code, said) = run(&["dial", THEIRS, "--url", &exchange.server.url("")], &key).await;
    assert_eq!(code, Some(0), "{said}\n{}", exchange.server.log());
    assert!(said.starts_with(&format!("calling {THEIRS} from {}: CA", standins::twilio::NUMBER)), "{said}");
    let told: Vec<String> =
        said.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let place =
        |line: &str| told.iter().position(|told| told == line).unwrap_or_else(|| panic!("{line}: {said}"));
    assert!(place("agent Hello, here is your caterer.") < place("they It was fine, goodbye."), "{said}");
    assert!(place("agent Bye!") < place("the conversation is over (script)"), "{said}");
}

#[tokio::test]
async fn whoever_cannot_be_called_is_no_success() {
    let busy = Callee::Busy { after: Duration::from_millis(5) };
    let exchange = Exchange::with(Config { callee: busy, ..Config::new() }, Setup::brief()).await;
    let (url, key) = (exchange.server.url(""), [("CORDBOARD_API_KEY", KEY.to_owned())]);
    let (code, said) = run(&["dial", "nobody", "--url", &url], &key).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("the server says 422") && said.contains("to_number"), "{said}");
    let (code, said) = run(&["dial", THEIRS, "--url", &url], &key).await;
    assert!(code == Some(1) && said.contains("busy"), "{said}");
    let (code, said) = run(&["dial", THEIRS, "--url", &url], &[]).await;
    assert!(code == Some(1) && said.contains("401"), "{said}");
    assert_eq!(exchange.twilio.seen().created().count(), 1);
}
