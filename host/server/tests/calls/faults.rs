//! Vendors that fail, each in its way: the call goes on, or it ends with an apology that the caller
//! really hears; and the log says why.

use crate::house::*;
use standins::{Fault, cartesia, deepgram, openai};
use std::time::Duration;

const KEY: &str = "sk-of-the-stand-ins";
const SAID: &str = "My soup was cold today.";
const REPLY: &str = "I am sorry to hear that.";
const APOLOGY: &str = "I am sorry, something went wrong here.";

/// What is wrong with whom.
#[derive(Default)]
struct Wrong {
    stt: Option<Fault>,
    llm: Option<Fault>,
    tts: Option<Fault>,
    /// only so many connections or requests; 0: all
    times: usize,
}

/// How a call went.
struct Went {
    text: String,
    log: String,
    /// what the vendors held against us
    violations: Vec<String>,
    recognisers: usize,
}

impl Went {
    fn heard(&self, words: &str) -> bool {
        self.text.lines().any(|line| line.contains("agent ") && line.contains(words))
    }

    fn check(&self, heard: &[&str], logged: &[&str]) {
        let all = || format!("{}\n{}", self.text, self.log);
        for words in heard {
            assert!(self.heard(words), "{words:?} was not heard:\n{}", all());
        }
        for words in logged {
            assert!(self.log.contains(words), "{words:?} is not in the log:\n{}", all());
        }
        assert!(self.violations.is_empty(), "{:?}\n{}", self.violations, all());
        assert!(!self.log.contains("panicked"), "{}", all());
    }
}

/// A caller says one sentence, and goodbye when there was an answer.
async fn call_with(wrong: Wrong) -> Went {
    let lines = vec![deepgram::ScriptedLine::new(SAID), deepgram::ScriptedLine::new("Thank you, goodbye.")];
    // a comma does not end what is said
    let ear = deepgram::Ear::Script { lines, gap: Duration::from_millis(350) };
    let config = deepgram::Config { ear, ..deepgram::Config::scripted(KEY, vec![]) };
    let stt = deepgram::Server::start(config).await.unwrap();
    let script = openai::Script::always(REPLY);
    let llm = openai::Server::start(openai::Config { script, ..openai::Config::new(KEY) }).await.unwrap();
    let tts = cartesia::Server::start(cartesia::Config::new(KEY)).await.unwrap();
    let set = |fault: Option<Fault>, always: &dyn Fn(Option<Fault>), times: &dyn Fn(Fault, usize)| match fault
    {
        Some(fault) if wrong.times > 0 => times(fault, wrong.times),
        fault => always(fault),
    };
    set(wrong.stt, &|fault| stt.set_fault(fault), &|fault, n| stt.set_fault_times(fault, n));
    set(wrong.llm, &|fault| llm.set_fault(fault), &|fault, n| llm.set_fault_times(fault, n));
    set(wrong.tts, &|fault| tts.set_fault(fault), &|fault, n| tts.set_fault_times(fault, n));
    // deadlines that keep nobody waiting
    let limits = "[limits]\nstt_first_output = 1.5\nllm_first_output = 1.5\ntts_first_output = 1.5\n";
    let server = Setup::brief()
        .toml(limits)
        .variable("DEEPGRAM_API_KEY", KEY)
        .variable("DEEPGRAM_BASE_URL", &stt.base_url())
        .variable("OPENAI_API_KEY", KEY)
        .variable("OPENAI_BASE_URL", &llm.base_url())
        .variable("CARTESIA_API_KEY", KEY)
        .variable("CARTESIA_BASE_URL", &tts.base_url())
        .variable("CARTESIA_VOICE_ID", "a-voice")
        .start()
        .await;
    let steps = ["--say", SAID, "--say", "Thank you, goodbye.", "--patience", "8", "--limit", "60"];
    let (_, text) = call(&server, &steps).await;
    server.logged("call ended").await;
    let violations = [stt.violations(), llm.violations(), tts.violations()].concat();
    Went { text, log: server.log(), violations, recognisers: stt.connections() }
}

fn stt(fault: Fault) -> Wrong {
    Wrong { stt: Some(fault), ..Wrong::default() }
}

fn llm(fault: Fault) -> Wrong {
    Wrong { llm: Some(fault), ..Wrong::default() }
}

fn tts(fault: Fault) -> Wrong {
    Wrong { tts: Some(fault), ..Wrong::default() }
}

fn refused(status: u16) -> Fault {
    Fault::Refuse { status, retry_after: Some(Duration::from_secs(1)) }
}

#[tokio::test]
async fn with_nothing_wrong_the_call_goes_well() {
    let went = call_with(Wrong::default()).await;
    went.check(&["Hello!", REPLY, "Bye!"], &["departure=\"script\""]);
}

// -- the recogniser

#[tokio::test]
async fn a_recogniser_that_is_connected_and_silent_is_apologised_for() {
    let went = call_with(stt(Fault::Silent)).await;
    went.check(&["Hello!", APOLOGY], &["it said nothing for 1.5 s after speech", "departure=\"failed\""]);
    assert_eq!(went.recognisers, 2, "it was given a second chance");
}

#[tokio::test]
async fn a_recogniser_that_dies_in_the_middle_of_a_word_is_opened_again_and_no_word_is_lost() {
    let went = call_with(Wrong { times: 1, ..stt(Fault::CloseMidWord) }).await;
    went.check(&["Hello!", REPLY, "Bye!"], &["the recogniser failed and is opened again"]);
    assert!(went.text.contains("understood: My soup was cold today."), "{}", went.text);
}

#[tokio::test]
async fn a_recogniser_that_talks_nonsense_is_apologised_for() {
    let went = call_with(stt(Fault::Garbage)).await;
    went.check(&[APOLOGY], &["the recogniser failed: garbled", "departure=\"failed\""]);
}

#[tokio::test]
async fn a_recogniser_that_floods_the_call_is_apologised_for() {
    let went = call_with(stt(Fault::Flood)).await;
    went.check(&[APOLOGY], &["the recogniser failed", "departure=\"failed\""]);
}

#[tokio::test]
async fn a_recogniser_that_refuses_the_key_is_not_asked_again() {
    let went = call_with(stt(refused(401))).await;
    went.check(&[APOLOGY], &["the recogniser failed: denied"]);
    assert!(!went.log.contains("is opened again"), "{}", went.log);
}

#[tokio::test]
async fn a_final_that_comes_late_twice_or_in_two_halves_is_one_turn() {
    for fault in [Fault::Late(Duration::from_millis(1200)), Fault::Twice, Fault::InTwo] {
        let went = call_with(stt(fault.clone())).await;
        went.check(&["Hello!", REPLY, "Bye!"], &["departure=\"script\""]);
        let understood = went.text.matches("understood: My soup was cold today.").count();
        assert_eq!(understood, 1, "{fault:?}: {}", went.text);
    }
}

// -- the model

#[tokio::test]
async fn a_model_that_fails_once_is_asked_again_and_nobody_notices() {
    for fault in [Fault::Silent, Fault::Garbage, Fault::Nothing, refused(429)] {
        let went = call_with(Wrong { times: 1, ..llm(fault.clone()) }).await;
        assert!(went.log.contains("the model"), "{fault:?}: {}", went.log);
        went.check(&[REPLY, "Bye!"], &["another attempt is made", "departure=\"script\""]);
    }
}

#[tokio::test]
async fn a_model_that_fails_twice_in_a_turn_is_excused() {
    for fault in [Fault::Silent, Fault::Garbage, Fault::Nothing, refused(429)] {
        let went = call_with(Wrong { times: 2, ..llm(fault.clone()) }).await;
        went.check(&["could you say that again?", "Bye!"], &["departure=\"script\""]);
    }
}

#[tokio::test]
async fn a_model_that_breaks_off_is_excused() {
    let went = call_with(Wrong { times: 1, ..llm(Fault::CloseMidWord) }).await;
    assert!(went.log.contains("the model"), "{}", went.log);
    went.check(&["could you say that again?", "Bye!"], &["departure=\"script\""]);
}

#[tokio::test]
async fn a_model_that_never_ends_is_stopped() {
    let went = call_with(Wrong { times: 1, ..llm(Fault::Flood) }).await;
    went.check(&["Bye!"], &["departure=\"script\""]);
}

// -- the voice

#[tokio::test]
async fn a_voice_that_is_lost_for_good_is_apologised_for_by_another() {
    for (fault, why) in [
        (Fault::Silent, "it gave no audio for 1.5 s"),
        (Fault::Nothing, "it gave no audio for what it was given"),
        (Fault::Garbage, "the voice failed"),
        (refused(401), "the voice failed: denied"),
        (Fault::Flood, "s of audio for"),
    ] {
        let went = call_with(tts(fault.clone())).await;
        assert!(went.log.contains(why), "{fault:?}: {why:?} is not in the log:\n{}", went.log);
        went.check(&[APOLOGY], &["departure=\"failed\""]);
    }
}

#[tokio::test]
async fn a_voice_that_dies_in_the_middle_of_a_word_goes_on_from_there() {
    let went = call_with(Wrong { times: 1, ..tts(Fault::CloseMidWord) }).await;
    went.check(&["Hello!", REPLY, "Bye!"], &["the voice failed and is opened again", "departure=\"script\""]);
}
