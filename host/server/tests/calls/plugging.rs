//! Components are exchanged while calls go on: from the folder, over HTTP, for some calls first; what is no
//! good changes nothing, or is taken out again.

use crate::exchange::client;
use crate::house::*;
use crate::outbound::THEIRS;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// The component of this package of the workspace, saying of itself what this manifest says.
pub fn build(package: &str, manifest: &str) -> Vec<u8> {
    let wasm = std::fs::read(guest(package)).unwrap();
    let name = b"cordboard:manifest";
    let mut section = vec![u8::try_from(name.len()).unwrap()];
    section.extend(name);
    section.extend(manifest.as_bytes());
    let (header, rest) = wasm.split_at(8);
    let mut labelled = header.to_vec();
    // a section of our own, in front of the component's
    labelled.push(0);
    let mut size = section.len();
    while size >= 0x80 {
        labelled.push((size & 0x7f) as u8 | 0x80);
        size >>= 7;
    }
    labelled.push(size as u8);
    labelled.extend(section);
    labelled.extend(rest);
    labelled
}

/// The manifest of a component that ships, as another version of it.
pub fn manifest(of: &str, version: &str) -> String {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let kinds = ["plugins", "personas"];
    let files = kinds.map(|kind| workspace.join(kind).join(of));
    let manifest = files.iter().flat_map(|folder| [folder.join("plugin.toml"), folder.join("persona.toml")]);
    let text = manifest.into_iter().find_map(|path| std::fs::read_to_string(path).ok()).unwrap();
    text.replacen("version = \"0.1.0\"", &format!("version = \"{version}\""), 1)
}

/// A model that repeats what is said, in the place of the one that ships.
fn parrot() -> Vec<u8> {
    build("parrot-llm", &manifest("offline-llm", "2.0.0"))
}

/// A model in its place which does this.
fn villain(mode: &str) -> Vec<u8> {
    let says = format!(
        "\n[settings.mode]\ntype = \"text\"\ndefault = {mode:?}\n\n[settings.base_url]\ntype = \"text\"\ndefault = \"\"\n"
    );
    build("hostile-llm", &(manifest("offline-llm", "6.6.6") + &says))
}

/// What the server says to this build.
pub async fn exchange(server: &Server, id: &str, query: &str, wasm: Vec<u8>) -> (u16, Value) {
    let url = server.url(&format!("/components/{id}{query}"));
    let response =
        client().post(url).header("content-type", "application/wasm").body(wasm).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

async fn order(server: &Server, path: &str) -> (u16, Value) {
    let response = client().post(server.url(path)).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

/// What is known of this component; of its first use, if it has any.
pub async fn known(server: &Server, id: &str) -> Value {
    let known: Value = client().get(server.url("/components")).send().await.unwrap().json().await.unwrap();
    let all = known["components"].as_array().unwrap();
    all.iter().find(|component| component["id"] == id).unwrap_or_else(|| panic!("no {id}: {known}")).clone()
}

/// Waits for a caller who waits for a compiler.
fn patient() -> Setup {
    Setup::brief().toml("[limits]\nuser_away = 300\n")
}

/// A folder for components, which is empty.
pub fn with_folder(setup: Setup) -> Setup {
    setup.file("components/README", "").variable("CORDBOARD_COMPONENTS", "components")
}

fn in_folder(server: &Server, name: &str) -> PathBuf {
    server.folder().join("components").join(name)
}

/// Whole or not at all, as whoever deploys should.
fn put(server: &Server, name: &str, wasm: &[u8]) {
    let new = in_folder(server, &format!("{name}.new"));
    std::fs::write(&new, wasm).unwrap();
    std::fs::rename(new, in_folder(server, name)).unwrap();
}

const ASKED: &str = "My soup was cold today.";
const PARROT: &str = "The parrot says My soup was cold today.";

#[tokio::test]
async fn the_next_turn_of_a_live_call_is_answered_by_the_new_model() {
    let server = patient().start().await;
    let mut phone = Phone::begin(&server, "CA-plug").await;
    phone.hears().await;
    phone.say(ASKED).await;
    assert_ne!(phone.hears().await, PARROT);
    let (status, done) = exchange(&server, "offline-llm", "", parrot()).await;
    assert_eq!((status, &done["generation"], &done["kept"]), (200, &json!(2), &Value::Null), "{done}");
    phone.say(ASKED).await;
    assert_eq!(phone.hears().await, PARROT);
    let component = known(&server, "offline-llm").await;
    let current = &component["uses"][0]["current"];
    assert_eq!((&component["version"], &current["generation"]), (&json!("2.0.0"), &json!(2)), "{component}");
    assert_eq!(component["uses"][0]["previous"]["version"], "0.1.0");

    // and back
    let (status, back) = order(&server, "/components/offline-llm/rollback").await;
    assert_eq!((status, &back["version"]), (200, &json!("0.1.0")), "{back}");
    phone.say(ASKED).await;
    assert_ne!(phone.hears().await, PARROT);
    assert_eq!(order(&server, "/components/offline-llm/rollback").await.0, 409, "there is no other way back");
}

#[tokio::test]
async fn what_is_put_into_the_folder_is_plugged_in_and_what_is_taken_out_of_it_unplugged() {
    let server = with_folder(patient()).start().await;
    let mut phone = Phone::begin(&server, "CA-folder").await;
    phone.hears().await;
    put(&server, "parrot.wasm", &parrot());
    server.logged("version=\"2.0.0\"").await;
    phone.say(ASKED).await;
    assert_eq!(phone.hears().await, PARROT);
    // what cannot be used changes nothing, and is named
    put(&server, "parrot.wasm", b"no component at all");
    let line = server.logged("is not plugged in").await;
    assert!(line.contains("parrot.wasm") && line.contains("not a WebAssembly component"), "{line}");
    phone.say(ASKED).await;
    assert_eq!(phone.hears().await, PARROT);
    std::fs::remove_file(in_folder(&server, "parrot.wasm")).unwrap();
    server.logged("the one that ships is back").await;
    phone.say(ASKED).await;
    assert_ne!(phone.hears().await, PARROT);
}

#[tokio::test]
async fn a_persona_goes_on_in_its_new_build_where_the_old_one_was() {
    let server = patient().start().await;
    let mut phone = Phone::begin(&server, "CA-persona").await;
    phone.hears().await;
    phone.say(ASKED).await;
    phone.hears().await;
    let new = build("guest-relations", &manifest("guest-relations", "3.1.4"));
    assert_eq!(exchange(&server, "guest-relations", "", new).await.0, 200);
    phone.say(ASKED).await;
    let answer = phone.hears().await;
    let moved = server.logged("exchanged in the call").await;
    assert!(moved.contains("persona") && moved.contains("3.1.4"), "{moved}");
    // it knows what was said before, or it would introduce itself
    phone.say(ASKED).await;
    assert_eq!(phone.hears().await, answer);
    phone.say("Goodbye.").await;
    assert_eq!(phone.hears().await, "Bye!");
    assert_eq!(phone.ended().await, "script");
    let component = known(&server, "guest-relations").await;
    assert_eq!(component["uses"][0]["current"]["generation"], 2, "{component}");
}

#[tokio::test]
async fn a_call_that_cannot_move_stays_with_the_persona_that_it_has() {
    let server = Setup::default().toml("[limits]\nuser_away = 300\n").start().await;
    let mut phone = Phone::begin(&server, "CA-stays").await;
    phone.hears().await;
    // a persona that understands none of its snapshots
    let other = manifest("claim-intake", "7.0.0").replacen("\"claim-intake\"", "\"guest-relations\"", 1);
    let (status, done) = exchange(&server, "guest-relations", "", build("claim-intake", &other)).await;
    assert_eq!(status, 200, "{done}");
    for _ in 0..2 {
        phone.say(ASKED).await;
        phone.hears().await;
    }
    let component = known(&server, "guest-relations").await;
    let (now, before) = (&component["uses"][0]["current"], &component["uses"][0]["previous"]);
    assert_eq!((&now["calls"], &before["calls"]), (&json!(0), &json!(1)), "{component}");
    phone.say("Goodbye.").await;
    phone.hears().await;
    assert_eq!(phone.ended().await, "script");
}

#[tokio::test]
async fn the_voice_is_exchanged_between_two_utterances() {
    let server = patient().start().await;
    let mut phone = Phone::begin(&server, "CA-voice").await;
    assert_eq!(phone.hears().await, "Hello!");
    let new = build("flite-tts", &manifest("flite-tts", "2.0.0"));
    assert_eq!(exchange(&server, "flite-tts", "", new).await.0, 200);
    phone.say("Goodbye.").await;
    let before = phone.heard;
    assert_eq!(phone.hears().await, "Bye!");
    assert!(phone.heard > before, "it was heard");
    let moved = server.logged("exchanged in the call").await;
    assert!(moved.contains("flite-tts"), "{moved}");
}

#[tokio::test]
async fn what_is_no_good_is_refused_with_a_sentence_and_changes_nothing() {
    let server = patient().start().await;
    let mut phone = Phone::begin(&server, "CA-refused").await;
    phone.hears().await;
    let voice = manifest("flite-tts", "2.0.0");
    for (id, wasm, why) in [
        ("offline-llm", b"no component".to_vec(), "is not a WebAssembly component"),
        ("offline-llm", build("parrot-llm", "id = 7"), "the manifest"),
        ("offline-llm", build("flite-tts", &voice), "this is the component \"flite-tts\""),
        ("flite-tts", build("parrot-llm", &voice), "does not fit the contract of a tts component"),
        ("offline-llm", villain("trap-at-open"), "breaks as soon as it is opened"),
        ("offline-llm", villain("loop-at-open"), "computed for more than"),
    ] {
        let (status, said) = exchange(&server, id, "", wasm).await;
        let detail = said["detail"].as_str().unwrap();
        assert!(status == 422 && detail.contains(why), "{why}: {status} {detail}");
    }
    let untyped = client().post(server.url("/components/offline-llm")).body(parrot()).send().await.unwrap();
    assert_eq!(untyped.status().as_u16(), 415);
    let (status, said) = order(&server, "/components/nobody/rollback").await;
    assert_eq!(
        (status, said["detail"].as_str()),
        (404, Some("there is no component \"nobody\" that anything uses"))
    );
    assert_eq!(known(&server, "offline-llm").await["uses"][0]["current"]["generation"], 1);
    phone.say("Goodbye.").await;
    assert_eq!(phone.hears().await, "Bye!");
}

#[tokio::test]
async fn some_calls_try_it_first_and_then_all() {
    let server = patient().start().await;
    let query = format!("?numbers={},{}", THEIRS.replace('+', "%2B"), "%2B15555550100");
    let (status, done) = exchange(&server, "offline-llm", &query, parrot()).await;
    assert_eq!(status, 200, "{done}");
    let answer = async |call: &str, caller: &str| {
        let mut phone = Phone::connect(&server).await;
        phone.send(&start(call).replace("+15555550100", caller)).await;
        phone.hears().await;
        phone.say(ASKED).await;
        phone.hears().await
    };
    assert_eq!(answer("CA-some-1", "+15555550100").await, PARROT);
    assert_ne!(answer("CA-some-2", "+15555550999").await, PARROT);
    let shown = known(&server, "offline-llm").await;
    assert_eq!(shown["uses"][0]["canary"]["version"], "2.0.0", "{shown}");
    assert_eq!(order(&server, "/components/offline-llm/promote").await.0, 200);
    assert_eq!(answer("CA-some-3", "+15555550999").await, PARROT);
    assert_eq!(order(&server, "/components/offline-llm/promote").await.0, 409);
    for wrong in ["?share=0", "?share=100", "?share=10&numbers=%2B1555", "?numbers=seven"] {
        let (status, said) = exchange(&server, "offline-llm", wrong, parrot()).await;
        assert_eq!(status, 422, "{wrong}: {said}");
    }
}

#[tokio::test]
async fn a_build_that_keeps_breaking_is_taken_out_again() {
    let server = patient().start().await;
    assert_eq!(exchange(&server, "offline-llm", "", villain("trap-at-handle")).await.0, 200);
    let mut phone = Phone::begin(&server, "CA-breaks").await;
    phone.hears().await;
    for _ in 0..3 {
        phone.say(ASKED).await;
        phone.hears().await;
    }
    let back = server.logged("the build before is plugged in again").await;
    assert!(back.contains("sessions of the new one failed"), "{back}");
    let component = known(&server, "offline-llm").await;
    assert_eq!(component["version"], "0.1.0", "{component}");
    let consumed = &component["uses"][0]["consumed"];
    assert!(consumed["faults"].as_u64().unwrap() >= 3 && consumed["last_fault"].is_string(), "{consumed}");
    phone.say("Goodbye.").await;
    assert_eq!(phone.hears().await, "Bye!");
}

#[tokio::test]
async fn a_build_that_keeps_everybody_waiting_is_taken_out_again() {
    let server = Setup::brief().toml("[limits]\nuser_away = 300\nllm_first_output = 0.5\n").start().await;
    assert_eq!(exchange(&server, "offline-llm", "", villain("mute")).await.0, 200);
    let mut phone = Phone::begin(&server, "CA-waits").await;
    phone.hears().await;
    for _ in 0..2 {
        phone.say(ASKED).await;
        phone.hears().await;
    }
    let back = server.logged("the build before is plugged in again").await;
    assert!(back.contains("it said nothing in time"), "{back}");
    assert_eq!(known(&server, "offline-llm").await["version"], "0.1.0");
}

#[tokio::test]
async fn the_commands_exchange_what_a_server_has_and_show_it() {
    let server = with_folder(patient()).start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("parrot.wasm");
    std::fs::write(&file, parrot()).unwrap();
    let run = async |arguments: &[&str]| {
        let mut command = program(folder.path());
        let output = command.args(arguments).args(["--url", &server.url("")]).output().await.unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&said).into_owned())
    };
    let (well, said) = run(&["swap", "parrot.wasm"]).await;
    assert!(well && said.contains("is plugged in, as generation 2, and kept as"), "{said}");
    assert!(in_folder(&server, "offline-llm.wasm").exists());
    let (well, said) = run(&["components"]).await;
    let line = said.lines().find(|line| line.contains("offline-llm")).unwrap_or_default();
    assert!(well && line.contains("2.0.0"), "{said}");
    let (well, said) = run(&["swap", "offline-llm", "--rollback"]).await;
    assert!(well && said.contains("0.1.0"), "{said}");
    let (well, said) = run(&["swap", "missing.wasm"]).await;
    assert!(!well && said.contains("missing.wasm cannot be read"), "{said}");
}
