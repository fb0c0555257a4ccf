//! Recordings: both sides on one clock, valid while they grow, and silent while they are paused.

use crate::exchange::client;
use crate::house::*;
use audio::detect::level;
use std::path::Path;

fn sides(path: &Path) -> (Vec<i16>, Vec<i16>) {
    let (mut sides, rate) = audio::wav::read_channels(path).unwrap();
    assert_eq!((sides.len(), rate), (2, audio::TELEPHONE));
    let agent = sides.pop().unwrap();
    (sides.pop().unwrap(), agent)
}

#[tokio::test]
async fn a_call_is_recorded_under_a_name_that_says_which_it_was() {
    let mut server = Setup::brief().start().await;
    let (output, text) = call(&server, &["--say", "Thank you, goodbye."]).await;
    assert!(output.status.success(), "{text}");
    server.stop().await;
    let recordings = server.recordings();
    let [path] = &recordings[..] else { panic!("{recordings:?}") };
    let name = path.file_name().unwrap().to_str().unwrap();
    let port = server.address.rsplit(':').next().unwrap();
    assert!(name.starts_with(&format!("server_{port}_inbound_recording_")), "{name}");
    let (caller, agent) = sides(path);
    assert_eq!(caller.len(), agent.len(), "both on one clock");
    assert!(caller.len() > 2 * 8000, "{} samples", caller.len());
    // µ-law: a byte for each sample of each side, and a head
    let bytes = std::fs::metadata(path).unwrap().len() as usize;
    assert!((2 * caller.len()..2 * caller.len() + 100).contains(&bytes), "{bytes} bytes");
    assert!(level(&caller) > -40.0 && level(&agent) > -40.0, "both are heard");
    // the agent greets before the caller speaks
    let begins = |side: &[i16]| side.chunks(160).position(|frame| level(frame) > -40.0).unwrap();
    assert!(begins(&agent) < begins(&caller), "{} and {}", begins(&agent), begins(&caller));
}

#[tokio::test]
async fn what_was_flushed_survives_a_crash() {
    let toml = "[recording]\nformat = \"pcm16\"\nflush = 0.2\n";
    let mut server = Setup::default().toml(toml).start().await;
    let address = server.stream_url();
    let folder = tempfile::tempdir().unwrap();
    let mut caller = program(folder.path());
    let mut caller = caller.args(["call", "--url", &address, "--say", "My soup was cold."]).spawn().unwrap();
    // well over three seconds into the call
    server.logged("the caller's turn").await;
    server.kill().await;
    let recordings = server.recordings();
    let [path] = &recordings[..] else { panic!("{recordings:?}") };
    let (caller_side, agent) = sides(path);
    assert!(agent.len() >= 3 * 8000 && caller_side.len() == agent.len(), "{} samples", agent.len());
    assert!(level(&agent) > -40.0, "the greeting is there");
    let _ = caller.kill().await;
}

#[tokio::test]
async fn nothing_is_recorded_where_that_is_off() {
    for toml in ["[recording]\nenabled = false\n", "[route]\nrecord = false\n"] {
        let mut server = Setup::brief().toml(toml).start().await;
        let (output, text) = call(&server, &["--say", "Goodbye."]).await;
        assert!(output.status.success(), "{text}");
        server.stop().await;
        assert!(server.recordings().is_empty());
    }
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_told_at_start() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    let mut command = program(folder.path());
    let output = command.args(["serve"]).env("CORDBOARD_RECORDINGS", "file/below").output().await.unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("recordings cannot go to file/below"), "{said}");
    assert!(said.contains("recording.enabled = false"), "{said}");
}

#[tokio::test]
async fn a_full_disk_ends_the_recordings_and_no_call_and_is_said_once() {
    if !disks_can_be_made() {
        return;
    }
    // a call of two seconds is longer than that
    let setup = Setup::brief().small_disk(16);
    let server = setup.toml("[recording]\nflush = 0.1\n").start().await;
    for name in ["CA-full-1", "CA-full-2"] {
        let mut phone = Phone::begin(&server, name).await;
        phone.hears().await;
        phone.say("Goodbye.").await;
        assert_eq!(phone.ended().await, "script", "{}", server.log());
    }
    server.logged("calls go on without recordings").await;
    let health = client().get(server.url("/health")).send().await.unwrap().text().await.unwrap();
    let health: serde_json::Value = serde_json::from_str(&health).unwrap();
    assert_eq!(health["services"]["recordings"]["state"], "failing", "{health}");
    let errors = server.log().lines().filter(|line| line.contains("ERROR")).count();
    assert_eq!(errors, 1, "{}", server.log());
}
