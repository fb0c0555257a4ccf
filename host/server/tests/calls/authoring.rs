//! The commands for authors: what they print, what they leave, and how they end.

use crate::house::*;
use axum::Router;
use axum::body::Bytes;
use axum::extract::Path as InPath;
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::post;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

/// A compiler takes its time.
const BUILDING: std::time::Duration = std::time::Duration::from_secs(600);

/// What the program says to these arguments in this folder, and its exit code. `typed`: what is typed meanwhile.
async fn run(
    folder: &Path,
    arguments: &[&str],
    variables: &[(&str, &str)],
    typed: &str,
) -> (Option<i32>, String) {
    let mut command = program(folder);
    // what is built is shared with the tests of the crate that makes projects
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("projects");
    command.args(arguments).env("CARGO_TARGET_DIR", target).envs(variables.iter().copied());
    // a compiler is found, and knows where it is at home
    for name in ["CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut keyboard = child.stdin.take().unwrap();
    keyboard.write_all(typed.as_bytes()).await.unwrap();
    drop(keyboard);
    let output = tokio::time::timeout(BUILDING, child.wait_with_output()).await.unwrap().unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code(), said)
}

#[tokio::test]
async fn a_persona_ships_with_which_anybody_can_type() {
    let folder = tempfile::tempdir().unwrap();
    let typed = "My soup was cold.\nBye!\n";
    let (code, said) = run(folder.path(), &["talk", "guest-relations"], &[], typed).await;
    assert_eq!(code, Some(0), "{said}");
    for part in [
        "the model is offline-llm",
        "OPENAI_API_KEY",
        "agent: Thank you for calling",
        "the call is over: script",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let (code, said) = run(folder.path(), &["talk", "gest-relations"], &[], "").await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("did you mean \"guest-relations\"?"), "{said}");
}

#[tokio::test]
async fn a_mistake_ends_with_a_sentence_that_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("text.wasm"), "hello").unwrap();
    for (arguments, advice) in [
        (&["new", "persna", "front-desk"][..], "did you mean \"persona\"?"),
        (&["new", "persona", "FrontDesk"], "cordboard new persona front-desk"),
        (&["new", "llm", "my-model", "--lang", "python"], "--lang rust"),
        (&["build"], "cordboard new persona NAME"),
        (&["test"], "cordboard new persona NAME"),
        (&["check", "none.wasm"], "cordboard build"),
        (&["check", "text.wasm"], "cordboard build"),
        (&["inspect", "text.wasm"], "is not a WebAssembly component"),
        (&["talk", "none.wasm"], "build it first"),
    ] {
        let (code, said) = run(folder.path(), arguments, &[], "").await;
        assert_eq!(code, Some(1), "{arguments:?}: {said}");
        assert!(said.contains(advice), "{arguments:?}: {said}");
    }
}

/// What a host was sent.
#[derive(Clone, Default)]
struct Sent(Arc<Mutex<Vec<Upload>>>);

/// Of what component, with which key, how many bytes.
type Upload = (String, Option<String>, usize);

/// A host that takes components, if they come with the key.
async fn taker(sent: Sent) -> String {
    let take = move |InPath(id): InPath<String>, headers: HeaderMap, body: Bytes| async move {
        let key = headers.get(header::AUTHORIZATION).map(|key| key.to_str().unwrap().to_owned());
        let is_known = key.as_deref() == Some("Bearer secret");
        sent.0.lock().unwrap().push((id, key, body.len()));
        match is_known {
            true => (StatusCode::OK, r#"{"component":"front-desk","generation":2}"#),
            false => (StatusCode::UNAUTHORIZED, r#"{"detail":"set CORDBOARD_API_KEY"}"#),
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let routes = Router::new().route("/components/{id}", post(take));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    format!("http://{address}")
}

#[tokio::test]
async fn the_first_hour_goes_as_the_guide_says() {
    let folder = tempfile::tempdir().unwrap();
    let (code, said) = run(folder.path(), &["new", "persona", "front-desk"], &[], "").await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("cd front-desk") && said.contains("cordboard test"), "{said}");
    let (code, said) = run(folder.path(), &["new", "persona", "front-desk"], &[], "").await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("is there already"), "{said}");

    let project = folder.path().join("front-desk");
    let (code, said) = run(&project, &["check"], &[], "").await;
    assert!(code == Some(1) && said.contains("cordboard build"), "{said}");
    let (code, said) = run(&project, &["test"], &[], "").await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("ok       ./tests/greeting.talk") && said.contains("cordboard talk"), "{said}");
    let (code, said) = run(&project, &["check"], &[], "").await;
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = run(&project, &["talk"], &[], "Is there a pool?\nBye!\n").await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("You said: Is there a pool?") && said.contains("kept ended_by"), "{said}");

    // into a host, which wants its key
    let sent = Sent::default();
    let host = taker(sent.clone()).await;
    let once = ["dev", "--once", "--host", &host];
    let (code, said) = run(&project, &once, &[], "").await;
    assert!(code == Some(1) && said.contains("set CORDBOARD_API_KEY"), "{said}");
    let (code, said) = run(&project, &once, &[("CORDBOARD_API_KEY", "secret")], "").await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("swapped  front-desk") && said.contains("generation 2"), "{said}");
    let taken = sent.0.lock().unwrap().clone();
    let size = std::fs::metadata(project.join("build/front-desk.wasm")).unwrap().len() as usize;
    assert_eq!(taken[1], ("front-desk".into(), Some("Bearer secret".into()), size));

    // what does not pass its tests is not sent
    let talk = project.join("tests/greeting.talk");
    let text = std::fs::read_to_string(&talk).unwrap();
    std::fs::write(&talk, text.replace("agent hangs up", "caller is put through")).unwrap();
    let (code, said) = run(&project, &once, &[("CORDBOARD_API_KEY", "secret")], "").await;
    assert!(code == Some(1) && said.contains("- caller is put through"), "{said}");
    assert_eq!(sent.0.lock().unwrap().len(), 2);
}
