//! A call that cannot go on, and somebody whom its caller is put through to.

use crate::exchange::*;
use crate::house::*;
use standins::twilio::{CallSeen, Config, Event, Status};
use standins::{Fault, cartesia};

const DESK: &str = "+15555550142";
const KEY: &str = "sk-of-the-stand-ins";
const CONNECTING: &str = "One moment, I am connecting you.";
const APOLOGY: &str = "I am sorry, something went wrong here. Please call again later. Goodbye.";

/// A persona that breaks before it says anything.
fn broken(last_resort: &str) -> Setup {
    Setup::default().guest("hostile-persona").toml(&format!(
        "[route]\npersona = \"hostile-persona\"\n{last_resort}\n\
         [component.hostile-persona.settings]\nmode = \"trap-at-start\"\n\
         [speech]\nconnecting = \"{CONNECTING}\"\n"
    ))
}

/// Who was dialled for the caller, and whether they were put through.
fn dialled(call: &CallSeen) -> Option<(String, bool)> {
    call.timeline.iter().find_map(|event| match event {
        Event::Dialled { number, bridged, .. } => Some((number.clone(), *bridged)),
        _ => None,
    })
}

#[tokio::test]
async fn a_caller_whose_persona_is_gone_is_told_so_and_put_through() {
    let desk = format!("last_resort = \"desk\"\ntransfers = {{ desk = \"{DESK}\" }}");
    for last_resort in [desk, format!("last_resort = \"{DESK}\"")] {
        // a number of the operator's own may be called, whatever else may
        let setup = broken(&last_resort).toml("[outbound]\nprefixes = [\"+49\"]\n");
        let exchange = Exchange::with(Config::new(), setup).await;
        let sid = exchange.ring(listener());
        let call = exchange.ended(&sid).await;
        assert_eq!(call.heard(), [CONNECTING], "{}\n{}", story(&call), exchange.server.log());
        assert_eq!(dialled(&call), Some((DESK.into(), true)), "{}", story(&call));
        assert_eq!((call.status, call.said()), (Status::Completed, vec![]), "no apology");
        assert_eq!(exchange.get(&format!("/calls/{sid}")).await["departure"], "transferred");
        exchange.is_clean();
    }
}

#[tokio::test]
async fn without_a_voice_the_caller_hears_it_in_the_one_that_is_built_in() {
    let voice = cartesia::Server::start(cartesia::Config::new(KEY)).await.unwrap();
    voice.set_fault(Some(Fault::Refuse { status: 401, retry_after: None }));
    let setup = Setup::brief()
        .toml(&format!(
            "[route]\ntts = \"cartesia-tts\"\nlast_resort = \"desk\"\ntransfers = {{ desk = \"{DESK}\" }}\n\
             [speech]\nconnecting = \"{CONNECTING}\"\n"
        ))
        .variable("CARTESIA_API_KEY", KEY)
        .variable("CARTESIA_BASE_URL", &voice.base_url())
        .variable("CARTESIA_VOICE_ID", "a-voice");
    let exchange = Exchange::with(Config::new(), setup).await;
    let sid = exchange.ring(listener());
    let call = exchange.ended(&sid).await;
    assert_eq!(call.heard(), [CONNECTING], "{}\n{}", story(&call), exchange.server.log());
    assert_eq!(dialled(&call), Some((DESK.into(), true)), "{}", story(&call));
    exchange.is_clean();
}

#[tokio::test]
async fn where_nobody_can_be_put_through_the_apology_is_heard_and_the_call_ends() {
    // a far end that is not Twilio's: nobody can be dialled
    let desk = format!("last_resort = \"desk\"\ntransfers = {{ desk = \"{DESK}\" }}");
    let server = broken(&desk).start().await;
    let mut phone = Phone::begin(&server, "CA-nowhere").await;
    assert_eq!(phone.hears().await, CONNECTING);
    assert_eq!(phone.hears().await, APOLOGY);
    assert_eq!(phone.ended().await, "failed");
    let log = server.log();
    assert_eq!(log.matches("the caller was not put through").count(), 1, "{log}");
}

#[tokio::test]
async fn a_host_that_is_stopping_apologises_and_puts_nobody_through() {
    let setup = Setup::brief().toml(&format!(
        "[server]\ndrain = 0.1\n[route]\nlast_resort = \"desk\"\ntransfers = {{ desk = \"{DESK}\" }}\n"
    ));
    let exchange = Exchange::with(Config::new(), setup).await;
    let sid = exchange.ring(listener());
    exchange.hears(&sid, "Hello!").await;
    exchange.server.terminate().await;
    let call = exchange.ended(&sid).await;
    assert_eq!((call.heard().last(), dialled(&call)), (Some(&APOLOGY), None), "{}", story(&call));
}

#[tokio::test]
async fn a_last_resort_that_is_none_stops_the_start() {
    let transfers = format!("transfers = {{ desk = \"{DESK}\" }}\n");
    for (toml, hint) in [
        (
            format!("[route]\nlast_resort = \"dsk\"\n{transfers}"),
            "`route.last_resort`: \"dsk\" is none of its",
        ),
        (format!("[route]\nlast_resort = \"dsk\"\n{transfers}"), "did you mean \"desk\"?"),
        ("[route]\nlast_resort = \"desk\"\n".into(), "name it in [route.transfers]"),
        (format!("[route]\nlast_resort = \"+1555x\"\n{transfers}"), "with 'x' in it"),
        (
            format!(
                "[route]\nlast_resort = \"desk\"\n{transfers}[[routes]]\ndirection = \"inbound\"\ntransfers = {{}}\n"
            ),
            "`routes[0].last_resort`: \"desk\" is none of its",
        ),
        (
            format!("[route]\nlast_resort = \"desk\"\n{transfers}[speech]\nconnecting = \"\"\n"),
            "`speech.connecting` is empty",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("cordboard.toml"), &toml).unwrap();
        for command in [&["config"][..], &["serve", "--bind", "127.0.0.1:0"]] {
            let output = tokio::time::timeout(PATIENCE, program(folder.path()).args(command).output());
            let output = output.await.expect("it starts").unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(!output.status.success() && said.contains(hint), "{toml}: {said}");
        }
    }
    // where it is given up for some calls, there is nothing to look for
    let folder = tempfile::tempdir().unwrap();
    let toml = format!(
        "[route]\nlast_resort = \"desk\"\n{transfers}[[routes]]\ndirection = \"inbound\"\ntransfers = {{}}\nlast_resort = \"\"\n"
    );
    std::fs::write(folder.path().join("cordboard.toml"), &toml).unwrap();
    let output = program(folder.path()).arg("config").output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
