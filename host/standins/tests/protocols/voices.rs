//! What is said in these tests, and by whom.

use standins::deepgram;
use std::process::Command;

pub const PHRASES: &[&str] = &[
    "My soup was cold.",
    "I would like to speak to a manager.",
    "Yes, please.",
    "No, thank you.",
    "My room number is four one two.",
    "Can I have a refund?",
];

pub fn speech_can_be_tested() -> bool {
    let espeak = Command::new("espeak-ng").arg("--version").output();
    let espeak =
        espeak.map(drop).map_err(|e| format!("espeak-ng does not run: {e}; install Debian's espeak-ng"));
    let Err(missing) = espeak.and_then(|()| deepgram::recogniser_available()) else { return true };
    assert!(std::env::var_os("CORDBOARD_CI").is_none(), "{missing}");
    println!("SKIPPED: {missing}");
    false
}

/// At the telephone's rate.
pub fn say(text: &str, voice: &str, words_per_minute: u32) -> Vec<i16> {
    let file = tempfile::Builder::new().suffix(".wav").tempfile().unwrap();
    let speed = words_per_minute.to_string();
    let mut espeak = Command::new("espeak-ng");
    espeak.args(["-v", voice, "-s", &speed, "-w"]).arg(file.path()).arg(text);
    assert!(espeak.status().unwrap().success());
    audio::wav::read_for_telephone(file.path()).unwrap()
}

pub fn silence(milliseconds: usize) -> Vec<i16> {
    vec![0; milliseconds * 8]
}

/// Loud enough to be taken for a voice.
pub fn tone(milliseconds: usize) -> Vec<i16> {
    (0..milliseconds * 8).map(|n| (8000.0 * (n as f32 * 0.3).sin()) as i16).collect()
}

pub fn over_the_telephone(samples: &[i16]) -> Vec<i16> {
    audio::g711::decode_all(&audio::g711::encode_all(samples))
}
