//! Talks against a persona that ships.

use crate::desk::{host, shipped};
use author::talks::{self, Mistake, Rehearsed};

fn play(text: &str) -> Rehearsed {
    talks::play(host(), &shipped("guest-relations"), text).unwrap()
}

/// It went as the text says.
fn goes(text: &str) {
    let Rehearsed { problems, difference, .. } = play(text);
    assert_eq!((problems.as_slice(), difference.as_str()), (&[][..], ""), "of\n{text}");
}

/// What is wrong with lines of the text.
fn problems(text: &str) -> Vec<String> {
    let told =
        |mistakes: Vec<Mistake>| mistakes.into_iter().map(|m| format!("{}: {}", m.line, m.problem)).collect();
    match talks::play(host(), &shipped("guest-relations"), text) {
        Ok(rehearsed) => told(rehearsed.problems),
        Err(mistakes) => told(mistakes),
    }
}

#[test]
fn a_guest_complains_and_says_goodbye() {
    goes(
        r#"with setting company = "the Fork"
agent: Thank you for calling the Fork guest relations. How can I help you today?
caller: My soup was cold.
kept feedback = ["My soup was cold."]
model: I am sorry to hear that.
agent: I am sorry to hear that.
caller: Goodbye.
kept feedback = ["My soup was cold.", "Goodbye."]
agent: Thank you for calling the Fork. Goodbye!
agent hangs up
kept ended_by = "script"
"#,
    );
}

#[test]
fn a_guest_cuts_in_and_hears_no_more_of_it() {
    goes(
        r#"with setting greeting = Hello.
agent: Hello.
caller: My soup was cold.
model: I am sorry to hear that, and I will tell the kitchen at once.
agent: I am sorry to hear that, --
caller interrupts after "hear that,": And it was salty!
model: Oh no.
agent: Oh no.
caller hangs up
kept ended_by = "caller"
"#,
    );
}

#[test]
fn the_model_ends_the_call_with_a_tool() {
    goes(
        r#"with setting greeting = Hello.
agent: Hello.
caller: That is all, thank you.
model: You are welcome.
model calls end_call {}
tool answers The goodbye is said for you.
agent: You are welcome.
agent: Thank you for calling Compass Group. Goodbye!
agent hangs up
"#,
    );
}

#[test]
fn a_guest_is_put_through_or_told_that_nobody_is_there() {
    let begins = r#"with setting greeting = Hello.
with setting transfer_to = desk
agent: Hello.
caller: A person, please.
model calls transfer {"brief": "Cold soup."}
model: I am putting you through.
agent: I am putting you through.
agent transfers to desk saying Cold soup.
"#;
    goes(&format!("{begins}caller is put through\n"));
    goes(&format!(
        "{begins}transfer fails: busy\ntrouble: the caller was not put through: busy\nmodel: Nobody is there.\nagent: Nobody is there.\n"
    ));
}

#[test]
fn a_silence_is_lived_through_at_once() {
    goes(
        r#"with setting greeting = Hello.
agent: Hello.
caller is silent for 50 s
agent: Are you still there?
agent: Are you still there?
agent: Thank you for calling Compass Group. Goodbye!
agent hangs up
"#,
    );
}

#[test]
fn a_machine_hears_a_message() {
    goes(
        r#"with direction outbound
with answerer machine beep
with setting voicemail = We called.
outcome reached a machine
agent: We called.
caller is silent for 5 s
outcome left a message
agent hangs up
"#,
    );
}

#[test]
fn a_model_that_fails_is_covered_and_the_trouble_is_shown() {
    goes(
        r#"with setting greeting = Hello.
agent: Hello.
caller: My soup was cold.
model fails
trouble: the model failed: unsupported: the talk says so
agent: I am sorry, could you say that again?
"#,
    );
}

#[test]
fn a_talk_is_told_what_is_missing_in_it_and_what_is_too_much() {
    let told = problems(
        "caller: Hello\ncaller: My soup was cold.\nmodel: Oh.\nmodel: And?\ncaller interrupts after \"nothing\": What?\n",
    );
    assert_eq!(told.len(), 4, "{told:#?}");
    assert!(
        told[0].starts_with("1: the model is asked here") && told[0].contains("add `model: …`"),
        "{told:#?}"
    );
    assert!(told[1].starts_with("4: the model is not asked there: remove"), "{told:#?}");
    assert!(told[2].starts_with("5: the agent does not say \"nothing\""), "{told:#?}");
    assert!(told[3].starts_with("5: the model is asked here"), "{told:#?}");
    let told = problems("caller: Bye!\ncaller: Hello again\n");
    assert_eq!(told, ["2: the call is over before this: remove the line"]);
}

#[test]
fn what_cannot_be_played_says_why() {
    assert!(problems("with setting compny = x\n")[0].contains("did you mean \"company\"?"));
    assert!(problems("with date soon\n")[0].starts_with("1: \"soon\" is no day"));
    assert!(problems("agnet: x\n")[0].contains("did you mean `agent:`?"));
}

#[test]
fn the_same_talk_goes_the_same_way_every_time() {
    let text = "caller: My soup was cold.\nmodel: Oh.\ncaller: Bye!\n";
    let once = play(text).blessed;
    assert_eq!(play(text).blessed, once);
    let again = play(&once);
    assert_eq!((again.problems.len(), again.difference.as_str()), (0, ""), "{once}");
    assert!(
        once.contains("kept ended_by = \"script\""),
        "a file without any outcome gets all of them: {once}"
    );
}
