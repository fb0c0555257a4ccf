//! What others have written of the same interfaces: Twilio's own library for Python, in Twilio's place and
//! in its customer's, and schemathesis, which asks the server all that its description allows and much that
//! it does not.
//!
//! The scripts are in `tests/python`; the Python is the one that `CORDBOARD_PYTHON` names, else `python3`.
//! The versions that are meant are in `.ci/run`.

use crate::exchange::*;
use crate::house::*;
use serde_json::{Value, json};
use standins::twilio::{By, Callee, Config, NUMBER, Status};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

const THEIRS: &str = "+15555550101";

fn python() -> OsString {
    std::env::var_os("CORDBOARD_PYTHON").unwrap_or_else(|| "python3".into())
}

/// Whether the Python here has this package. In CI it must.
fn has(package: &str) -> bool {
    let python = python();
    let import = std::process::Command::new(&python).args(["-c", &format!("import {package}")]).output();
    if import.is_ok_and(|import| import.status.success()) {
        return true;
    }
    let missing = format!(
        "{python:?} has no {package}; `pip install {package}` there, or set CORDBOARD_PYTHON to a Python that has it"
    );
    assert!(std::env::var_os("CORDBOARD_CI").is_none(), "{missing}");
    eprintln!("skipped: {missing}");
    false
}

/// What Python prints with these arguments, once it has ended well.
async fn run(folder: &Path, arguments: &[&str], input: &str) -> String {
    let mut child = Command::new(python())
        .args(arguments)
        .current_dir(folder)
        // all of it is on this machine
        .env("NO_PROXY", "*")
        .kill_on_drop(true)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).await.unwrap();
    drop(stdin);
    let ending = tokio::time::timeout(PATIENCE * 4, child.wait_with_output()).await;
    let output = ending.expect("Python does not come to an end").unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    text
}

/// Runs one of `tests/python`.
async fn script(name: &str, arguments: &[&str], input: &str) -> String {
    let path = format!("{}/tests/python/{name}", env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    // without leaving its bytecode beside it
    run(folder.path(), &[&["-B", path.as_str()][..], arguments].concat(), input).await
}

/// Runs one that is a customer of this Twilio.
async fn customer(twilio: &standins::twilio::Server, name: &str, arguments: &[&str]) -> String {
    let base_url = twilio.base_url();
    let account = [base_url.as_str(), twilio.account_sid(), twilio.auth_token()];
    script(name, &[&account[..], arguments].concat(), "").await
}

#[tokio::test]
async fn what_twilios_own_library_signs_is_believed_and_nothing_else() {
    if !has("twilio") {
        return;
    }
    let shared_key = "the-shared-key-of-the-tests";
    let setup = Setup::brief().variable("TWILIO_WEBHOOK_SHARED_KEY", shared_key);
    let exchange = Exchange::with(Config::new(), setup).await;
    let token = exchange.twilio.auth_token();
    script("signing.py", &[exchange.server.address.as_str(), token, shared_key], "").await;
}

#[tokio::test]
async fn what_we_sign_is_believed_by_twilios_own_library() {
    if !has("twilio") {
        return;
    }
    let form =
        [("CallSid", "CA1"), ("From", "+15555550199"), ("CallerName", "Zoë O'Hara & <Söhne>"), ("Empty", "")];
    let members = json!(BTreeMap::from(form));
    let text = json!({ "CallSid": "CA1", "CallerName": "Zoë" }).to_string();
    let hashed =
        format!("https://agent.example.com/?bodySHA256={}", twilio::signature::body_sha256(text.as_bytes()));
    let signed = |url: &str, form: &[(&str, &str)], body: Value| {
        let signature = signature(url, form);
        json!({ "url": url, "body": body, "signature": signature })
    };
    let requests = json!([
        signed("https://agent.example.com/", &form, members.clone()),
        signed("https://agent.example.com:8443/voice/incoming?a=1%202", &form, members),
        signed("https://agent.example.com/?CallSid=CA1&From=%2B15555550199", &[], json!({})),
        signed(&hashed, &[], json!(text)),
        signed("wss://agent.example.com/ws", &[], json!({})),
        signed("ws://127.0.0.1:8765/ws", &[], json!({})),
    ]);
    script("validating.py", &[Config::new().auth_token.as_str()], &requests.to_string()).await;
}

#[tokio::test]
async fn the_stand_in_is_what_twilios_own_library_takes_for_twilio() {
    if !has("twilio") {
        return;
    }
    let twilio = standins::twilio::Server::start(Config::new()).await.unwrap();
    customer(&twilio, "customer.py", &[NUMBER, THEIRS]).await;
    assert_eq!(twilio.violations(), [""; 0]);
}

#[tokio::test]
async fn a_call_that_twilios_own_library_places_is_answered_here_and_ended_there() {
    if !has("twilio") {
        return;
    }
    let config = Config { callee: Callee::person(listener()), ..Config::new() };
    let settings = "[component.guest-relations.settings]\noutbound_greeting = \"Hello there!\"\n";
    let exchange = Exchange::with(config, Setup::default().toml(settings)).await;
    let server = exchange.server.url("");
    let sid = customer(&exchange.twilio, "rest.py", &["begin", NUMBER, THEIRS, &server]).await;
    let sid = sid.trim();
    exchange.hears(sid, "Hello there!").await;
    customer(&exchange.twilio, "rest.py", &["end", sid]).await;
    let call = exchange.ended(sid).await;
    assert_eq!((call.status, call.hung_up_by()), (Status::Completed, Some(By::Api)), "{:#?}", call.timeline);
    assert_eq!(call.progress(), ["initiated", "ringing", "answered", "completed"]);
    assert_eq!(asked(&call, "/outbound-twiml"), 1);
    let known = exchange.get(&format!("/calls/{sid}")).await;
    for (name, value) in
        [("status", "completed"), ("direction", "outbound"), ("to", THEIRS), ("answered_by", "human")]
    {
        assert_eq!(known[name], value, "{known}");
    }
    exchange.is_clean();
}

#[tokio::test]
async fn our_documents_are_those_that_twilios_own_library_writes() {
    if !has("twilio") {
        return;
    }
    let exchange = Exchange::new().await;
    let (address, token) = (exchange.server.address.as_str(), exchange.twilio.auth_token());
    script("documents.py", &[address, token], "").await;
}

#[tokio::test]
async fn whatever_is_asked_is_answered_as_the_description_says() {
    if !has("schemathesis") {
        return;
    }
    // calls are placed, and none comes about
    let config = Config { callee: Callee::Fails, ..Config::new() };
    let limits = "[outbound]\nper_minute = 1000000\nconcurrent = 1000000\n";
    let exchange = Exchange::with(config, Setup::brief().toml(limits)).await;
    let (status, placed) = exchange.post("/outbound", json!({ "to_number": THEIRS })).await;
    assert_eq!(status, 200, "{placed}");
    let sid = placed["call_sid"].as_str().unwrap();
    exchange.ended(sid).await;
    let known = exchange.get(&format!("/calls/{sid}")).await;
    // one call by both of its names, and what looks like one
    let names = [sid, known["id"].as_str().unwrap(), "CA", "CA/../x", "CAü"];
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("calls.txt", &names.map(|name| format!("\"{name}\"\n")).concat());
    write("schemathesis.toml", include_str!("../python/schemathesis.toml"));
    let (description, key) = (exchange.server.url("/openapi.json"), format!("Authorization: Bearer {KEY}"));
    let command =
        ["-m", "schemathesis.cli", "run", &description, "--header", &key, "--seed", "1", "--no-color"];
    run(folder.path(), &command, "").await;
    assert!(!exchange.server.log().contains("panicked"), "{}", exchange.server.log());
}
