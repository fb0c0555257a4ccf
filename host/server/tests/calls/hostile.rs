//! Hostile components in real calls: the call ends with an apology or goes on without them, other
//! calls do not notice, and the log names the component.

use crate::house::*;
use twilio::stream::Own;

const APOLOGY: &str = "I am sorry, something went wrong here. Please call again later. Goodbye.";

/// A call with the hostile persona: it greets like any other, and misbehaves at the first turn.
async fn hostile_persona(mode: &str, reason: &str) {
    let toml = format!(
        "[route]\npersona = \"hostile-persona\"\n[limits]\nturn = 2\n\
         [component.hostile-persona.settings]\nmode = \"{mode}\"\n"
    );
    let server = Setup::default().guest("hostile-persona").toml(&toml).start().await;
    // one that is in the middle of its greeting when the other one breaks
    let mut other = Phone::begin(&server, "CA-other").await;
    let mut phone = Phone::begin(&server, "CA-hostile").await;
    assert_eq!(phone.hears().await, "Hello from the hostile persona.");
    phone.say("Go on.").await;
    assert_eq!(phone.hears().await, APOLOGY, "{mode}\n{}", server.log());
    assert_eq!(phone.ended().await, "failed");
    let log = server.log();
    let named = log.lines().any(|line| line.contains("CA-hostile") && line.contains(reason));
    assert!(named, "{mode}: no line names the call and {reason:?}\n{log}");
    assert!(log.contains("hostile-persona"), "{log}");
    assert_eq!(other.hears().await, "Hello from the hostile persona.");
}

#[tokio::test]
async fn a_persona_that_loops() {
    hostile_persona("loop", "it computed for more than 50 ms").await;
}

#[tokio::test]
async fn a_persona_that_allocates_without_end() {
    hostile_persona("allocate", "bytes of memory").await;
}

#[tokio::test]
async fn a_persona_that_recurses_without_end() {
    hostile_persona("recurse", "call stack exhausted").await;
}

#[tokio::test]
async fn a_persona_that_traps() {
    hostile_persona("trap", "this is on purpose").await;
}

#[tokio::test]
async fn a_persona_that_floods_actions() {
    hostile_persona("flood", "at once").await;
}

#[tokio::test]
async fn a_persona_that_keeps_itself_busy() {
    hostile_persona("busy", "does not come to rest").await;
}

#[tokio::test]
async fn a_persona_that_falls_silent() {
    hostile_persona("silent", "neither spoke nor listened").await;
}

#[tokio::test]
async fn a_persona_that_breaks_once_goes_on_where_it_was() {
    let toml = "[route]\npersona = \"hostile-persona\"\n\
                [component.hostile-persona.settings]\nmode = \"trap-at-key\"\n";
    let server = Setup::default().guest("hostile-persona").toml(toml).start().await;
    let mut phone = Phone::begin(&server, "CA-hostile").await;
    assert_eq!(phone.hears().await, "Hello from the hostile persona.");
    phone.press('1').await;
    server.logged("goes on from its last snapshot").await;
    // it does not greet again
    phone.say("Go on.").await;
    assert_eq!(phone.hears().await, "Still here.");
    assert_eq!(phone.ended().await, "script");
}

#[tokio::test]
async fn the_second_time_it_breaks_the_call_ends_with_an_apology() {
    let toml = "[route]\npersona = \"hostile-persona\"\n\
                [component.hostile-persona.settings]\nmode = \"trap-at-key\"\n";
    let server = Setup::default().guest("hostile-persona").toml(toml).start().await;
    let mut phone = Phone::begin(&server, "CA-hostile").await;
    phone.hears().await;
    phone.press('1').await;
    server.logged("goes on from its last snapshot").await;
    phone.press('2').await;
    assert_eq!(phone.hears().await, APOLOGY);
    assert_eq!(phone.ended().await, "failed");
}

#[tokio::test]
async fn a_persona_that_traps_before_it_says_anything() {
    let toml = "[route]\npersona = \"hostile-persona\"\n\
                [component.hostile-persona.settings]\nmode = \"trap-at-start\"\n";
    let server = Setup::default().guest("hostile-persona").toml(toml).start().await;
    let mut phone = Phone::begin(&server, "CA-hostile").await;
    assert_eq!(phone.hears().await, APOLOGY);
    assert_eq!(phone.ended().await, "failed");
}

/// A call whose model is hostile: the persona says that it did not understand, and the call goes on.
async fn hostile_model(mode: &str, reason: &str) {
    let toml =
        format!("[route]\nllm = \"hostile-llm\"\n[component.hostile-llm.settings]\nmode = \"{mode}\"\n");
    let server = Setup::brief().guest("hostile-llm").toml(&toml).start().await;
    let mut phone = Phone::begin(&server, "CA-hostile").await;
    phone.hears().await;
    phone.say("My soup was cold.").await;
    assert_eq!(phone.hears().await, "I am sorry, could you say that again?", "{mode}\n{}", server.log());
    phone.say("Goodbye.").await;
    assert_eq!(phone.hears().await, "Bye!");
    assert_eq!(phone.ended().await, "script");
    let log = server.log();
    let named =
        |line: &str| line.contains("CA-hostile") && line.contains("hostile-llm") && line.contains(reason);
    assert!(log.lines().any(named), "{mode}\n{log}");
}

#[tokio::test]
async fn models_that_break_are_survived() {
    hostile_model("loop", "it computed for more than").await;
    hostile_model("allocate", "bytes of memory").await;
    hostile_model("trap", "this is on purpose").await;
    hostile_model("flood", "effects at once").await;
    hostile_model("recurse", "call stack exhausted").await;
}

#[tokio::test]
async fn a_model_that_tries_forbidden_addresses_tells_what_it_was_told_and_no_key() {
    let toml = "[route]\nllm = \"hostile-llm\"\n[component.hostile-llm.settings]\nmode = \"forbidden\"\n";
    let setup = Setup::brief().guest("hostile-llm").toml(toml);
    let server = setup.variable("HOSTILE_KEY", "sk-never-to-be-seen").start().await;
    let mut phone = Phone::begin(&server, "CA-hostile").await;
    phone.hears().await;
    phone.say("My soup was cold.").await;
    // it has much to say: not all of it has to be heard
    phone.hears_something(4000).await;
    phone.say("Goodbye.").await;
    let said = phone.until(|own| match own {
        Own::Spoke { text, .. } => Some(text.clone()),
        _ => None,
    });
    let said = said.await.unwrap();
    assert_eq!(said.matches("Fault::Forbidden").count(), 6, "{said}");
    let log = server.log();
    assert!(!said.contains("sk-never") && !log.contains("sk-never"), "{said}\n{log}");
    assert!(log.contains("which is not granted"), "{log}");
}
