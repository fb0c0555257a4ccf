//! What takes its time to be started is started before a call needs it, and only of what calls get.

use crate::house::*;
use crate::plugging::{build, exchange, known, manifest};
use serde_json::Value;

/// A model that computes for a while when it is started, in the place of the one that ships.
fn slow() -> Vec<u8> {
    let mut wasm = build("hostile-start", &manifest("offline-llm", "2.0.0"));
    let written = b"when started:l";
    let at = wasm.windows(written.len()).position(|bytes| bytes == written).unwrap();
    wasm[at + written.len() - 1] = b'd';
    wasm
}

/// Waits for this many of the build that calls get to be ready; what is known of its one use.
async fn until_ready(server: &Server, count: u64) -> Value {
    let waiting = async {
        loop {
            let one = known(server, "offline-llm").await["uses"][0].clone();
            if one["current"]["ready"] == count {
                return one;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("it is not as many that are ready")
}

#[tokio::test]
async fn a_build_that_calls_get_has_some_ready_and_one_that_was_replaced_has_none() {
    let server = Setup::brief().toml("[limits]\nuser_away = 300\n").start().await;
    // one that is started in no time
    assert_eq!(known(&server, "offline-llm").await["uses"][0]["current"]["ready"], 0);
    let (status, said) = exchange(&server, "offline-llm", "", slow()).await;
    assert_eq!(status, 200, "{said}");
    until_ready(&server, 2).await;

    let mut phone = Phone::begin(&server, "CA-stock").await;
    phone.hears().await;
    phone.say("My soup was cold today.").await;
    let answer = phone.hears().await;
    assert!(answer.starts_with("started clock 0 drew "), "{answer}");
    // another one was made in its place, and none of them counts as a session
    let one = until_ready(&server, 2).await;
    assert_eq!(one["current"]["sessions"], 1, "{one}");

    let parrot = build("parrot-llm", &manifest("offline-llm", "3.0.0"));
    let (status, said) = exchange(&server, "offline-llm", "", parrot).await;
    assert_eq!(status, 200, "{said}");
    let one = known(&server, "offline-llm").await["uses"][0].clone();
    assert_eq!(
        (&one["previous"]["version"], &one["previous"]["ready"]),
        (&"2.0.0".into(), &0.into()),
        "{one}"
    );
    phone.say("My soup was cold today.").await;
    assert_eq!(phone.hears().await, "The parrot says My soup was cold today.");
}
