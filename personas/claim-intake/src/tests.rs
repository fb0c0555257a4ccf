//! The script, told what happens in a call. It begins on Thursday, the twelfth of March 2026, at nine
//! in the evening in New York, when it is Friday in Greenwich.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod caller;
mod continuing;
mod with_model;

use super::*;
use caller::{Caller, NOW, opening};
use claim::spoken_number;
use persona::contract::{Action, Event, Parameter};
use persona::{Answerer, Ending, Opening};
use serde_json::json;

/// A call in which the claim number was acknowledged.
fn collecting() -> Caller {
    let mut caller = Caller::calls(opening());
    caller.answers();
    caller.says("Yes, I have it.");
    caller
}

/// A call in which everything was collected, and read back.
fn read_back() -> Caller {
    let mut caller = collecting();
    caller.says("yesterday, it's pending, 450 dollars");
    assert!(caller.says("yes").contains("Is everything right?"));
    caller
}

#[test]
fn a_claim_is_taken_straight_through() {
    let mut caller = Caller::calls(opening());
    let greeting = caller.answers();
    let number = number_from(7);
    let told = format!("Claims line. Your claim number is {}. Have you got that?", spoken_number(&number));
    assert_eq!(greeting, told);
    assert_eq!((caller.kept("claim_id"), caller.kept("state")), (&*number, "initial"));
    assert_eq!(caller.says("Yes, got it."), "Thank you. What is the date of the claim?");
    assert_eq!(caller.kept("state"), "ongoing");
    let date = caller.says("The fifth of March.");
    assert_eq!(date, "That was Thursday, the fifth of March 2026. Is that right?");
    assert_eq!(caller.kept("claim_date"), "2026-03-05", "at once");
    let status = caller.says("That's right.");
    assert_eq!(status, "Thank you. What is its status: Pending, Approved or Denied?");
    assert_eq!(caller.says("They turned it down."), "That was Denied. Is that right?");
    assert_eq!(caller.says("yep"), "Thank you. What is the amount of the claim?");
    assert_eq!(caller.says("twelve hundred"), "That was 1200 dollars. Is that right?");
    let all = format!(
        "Thank you. Let me read everything back. Claim number {}. The date: Thursday, the fifth of March 2026. The \
         status: Denied. The amount: 1200 dollars. Is everything right?",
        spoken_number(&number)
    );
    assert_eq!(caller.says("correct"), all);
    assert_eq!(caller.kept("state"), "ongoing");
    assert_eq!(caller.says("Yes, it is."), "Your claim is complete. Goodbye!");
    assert_eq!(caller.record(), ["2026-03-05", "Denied", "1200.00", "done"]);
    assert!(caller.hung_up);
    assert_eq!(caller.outcome, "the claim is complete");
}

#[test]
fn yesterday_is_that_of_the_caller() {
    let mut caller = collecting();
    caller.says("yesterday");
    assert_eq!(caller.kept("claim_date"), "2026-03-11");
    let mut caller = Caller::calls(Opening { timezone: "Nowhere/Land".into(), ..opening() });
    caller.answers();
    caller.says("yes");
    caller.says("yesterday");
    assert_eq!(caller.kept("claim_date"), "2026-03-12", "in UTC, where nobody knows better");
}

#[test]
fn a_correction_at_the_end_changes_the_record_and_is_confirmed() {
    let mut caller = read_back();
    assert_eq!(caller.says("No, the amount was 300."), "That was 300 dollars. Is that right?");
    assert_eq!(caller.record(), ["2026-03-11", "Pending", "300.00", "ongoing"]);
    let all = caller.says("yes");
    assert!(all.contains("The amount: 300 dollars. Is everything right?"), "{all}");
    assert_eq!(
        caller.says("The date is wrong."),
        "I am sorry. On which day was it? You can say, for example, the fifth of March."
    );
    assert_eq!(caller.kept["claim_date"], json!(null), "what is wrong is not kept");
    assert_eq!(caller.says("Monday"), "That was Monday, the ninth of March 2026. Is that right?");
    caller.says("yes");
    assert_eq!(caller.says("no"), "What should I change: the date, the status, or the amount?");
    assert_eq!(
        caller.says("the status"),
        "I am sorry. How does the claim stand? Please say one of these: Pending, Approved or Denied."
    );
    caller.says("approved");
    caller.says("yes");
    caller.says("yes");
    assert_eq!(caller.record(), ["2026-03-09", "Approved", "300.00", "done"]);
}

#[test]
fn a_correction_in_the_middle_is_taken_too() {
    let mut caller = collecting();
    caller.says("March fifth");
    assert_eq!(caller.says("No, the sixth."), "That was Friday, the sixth of March 2026. Is that right?");
    assert_eq!(caller.kept("claim_date"), "2026-03-06");
    caller.says("yes");
    let reply = caller.says("Pending, and actually the date was March seventh.");
    assert_eq!(reply, "That was Saturday, the seventh of March 2026 and Pending. Is that right?");
    assert_eq!(caller.record()[..2], ["2026-03-07", "Pending"]);
    caller.says("yes");
    let reply = caller.says("wait, the status is wrong");
    assert!(reply.starts_with("I am sorry. How does the claim stand?"), "{reply}");
    assert_eq!(caller.kept["claim_status"], json!(null));
}

#[test]
fn several_pieces_at_once_are_confirmed_at_once() {
    let mut caller = Caller::calls(opening());
    caller.answers();
    let reply = caller.says("Yes. It was last Tuesday and it's about 450 dollars.");
    assert_eq!(reply, "That was Tuesday, the tenth of March 2026 and 450 dollars. Is that right?");
    assert_eq!(caller.record(), ["2026-03-10", "nothing", "450.00", "ongoing"]);
    assert_eq!(caller.says("no"), "I am sorry. What should I change: the date, the status, or the amount?");
    assert_eq!(
        caller.says("the amount, it was 460"),
        "That was Tuesday, the tenth of March 2026 and 460 dollars. Is that right?"
    );
    let reply = caller.says("Yes, and it's still waiting.");
    assert_eq!(reply, "That was Pending. Is that right?");
    assert!(caller.says("yes").contains("Is everything right?"));
}

#[test]
fn an_amount_in_doubt_is_asked_about() {
    let mut caller = collecting();
    caller.says("yesterday, and it was denied");
    caller.says("yes");
    assert_eq!(caller.says("three fifty"), "Is that 350 dollars, or 3 dollars and 50 cents?");
    assert_eq!(caller.says("three fifty"), "Is that 350 dollars, or 3 dollars and 50 cents?");
    assert_eq!(caller.says("three hundred and fifty"), "That was 350 dollars. Is that right?");
    assert_eq!(caller.kept("claim_amount"), "350.00");
}

#[test]
fn a_day_that_is_still_to_come_is_doubted() {
    let mut caller = collecting();
    let reply = caller.says("next Tuesday");
    assert!(
        reply.starts_with("Tuesday, the seventeenth of March 2026 is still to come. On which day was it?"),
        "{reply}"
    );
    assert_eq!(caller.kept("claim_date"), "nothing");
    assert!(caller.says("today").starts_with("That was Thursday, the twelfth of March 2026."));
}

#[test]
fn who_hangs_up_in_the_middle_leaves_what_was_collected() {
    let mut caller = collecting();
    caller.says("yesterday");
    caller.says("yes");
    caller.tell(Event::Ended(Departure::Caller));
    assert_eq!(caller.record(), ["2026-03-11", "nothing", "nothing", "ongoing"]);
    assert_eq!(caller.outcome, "the caller hung up");
}

#[test]
fn who_says_goodbye_leaves_with_what_there_is() {
    let mut caller = collecting();
    caller.says("yesterday");
    let reply = caller.says("It's 20 dollars, I have to go, bye!");
    assert_eq!(reply, "I have kept what you told me. Goodbye!");
    assert_eq!(caller.record(), ["2026-03-11", "nothing", "20.00", "ongoing"]);
    assert!(caller.hung_up);
    assert_eq!(caller.outcome, "the caller said goodbye");
    let mut caller = read_back();
    caller.says("yes, goodbye");
    assert_eq!(caller.kept("state"), "done", "what was verified with it is");
}

#[test]
fn silence_is_asked_about_three_times() {
    let mut caller = collecting();
    assert_eq!(caller.is_silent(), "Are you still there? What is the date of the claim?");
    caller.says("yesterday");
    caller.says("yes");
    for _ in 0..3 {
        assert!(caller.is_silent().contains("What is its status"));
        assert!(!caller.hung_up);
    }
    assert_eq!(caller.is_silent(), "I cannot hear you any more. I have kept what you told me. Goodbye!");
    assert!(caller.hung_up);
    assert_eq!(caller.record(), ["2026-03-11", "nothing", "nothing", "ongoing"]);
}

#[test]
fn what_is_not_understood_is_asked_again_in_other_words_and_then_left_out() {
    let mut caller = collecting();
    let mut asked = vec![];
    for _ in 0..3 {
        asked.push(caller.says("the thing with the thing"));
    }
    assert_ne!(asked[0], asked[1]);
    let reply = caller.says("the thing");
    assert_eq!(
        reply,
        "I am sorry, I did not understand that. We go on without the date. What is its status: Pending, Approved \
         or Denied?"
    );
    assert_eq!(caller.kept["claim_date"], json!(null));
    assert_eq!(caller.says("I don't know."), "Then we go on without it. What is the amount of the claim?");
    caller.says("20 dollars");
    let all = caller.says("yes");
    assert!(all.contains("The date: not known. The status: not known. The amount: 20 dollars."), "{all}");
    caller.says("yes");
    assert_eq!(caller.record(), ["nothing", "nothing", "20.00", "done"]);
}

#[test]
fn a_caller_of_whom_nothing_was_understood_gets_an_apology_and_keeps_the_number() {
    let mut caller = collecting();
    caller.says("no idea");
    caller.says("no idea");
    let reply = caller.says("no idea");
    assert!(
        reply.contains("I could not take your claim.") && reply.contains(&spoken_number(&number_from(7))),
        "{reply}"
    );
    assert!(caller.hung_up);
    assert_eq!(caller.kept("state"), "ongoing");
}

#[test]
fn what_nobody_verifies_is_not_done() {
    let mut caller = read_back();
    for _ in 0..3 {
        caller.says("hm, the weather");
        assert!(!caller.hung_up);
    }
    assert!(caller.says("the weather").starts_with("I am sorry, I cannot understand you well enough."));
    assert!(caller.hung_up);
    assert_eq!(caller.kept("state"), "ongoing");
}

#[test]
fn a_piece_that_is_refused_again_and_again_is_left_out() {
    let mut caller = collecting();
    for _ in 0..3 {
        caller.says("March fifth");
        assert!(caller.says("no").starts_with("I am sorry. "));
    }
    caller.says("March fifth");
    assert!(caller.says("no").contains("What is its status"));
    assert_eq!(caller.kept["claim_date"], json!(null));
}

#[test]
fn the_number_is_told_again_and_the_call_goes_on_without_an_answer() {
    let mut caller = Caller::calls(opening());
    caller.answers();
    let number = spoken_number(&number_from(7));
    assert!(caller.says("Could you repeat that?").contains(&number));
    assert!(caller.says("No.").starts_with("I will say it again"));
    assert!(caller.says("hm").contains(&number));
    assert!(caller.says("hm").contains(&number));
    let reply = caller.says("hm");
    assert_eq!(reply, "We can come back to the number later. What is the date of the claim?");
    assert_eq!(caller.kept("state"), "initial");
    caller.says("yesterday");
    assert_eq!(caller.kept("state"), "ongoing", "who answers has taken note");
}

#[test]
fn who_opens_a_claim_has_not_told_its_status() {
    let mut caller = Caller::calls(opening());
    caller.answers();
    assert!(caller.says("I want to open a claim.").starts_with("I will say it again"));
    assert!(caller.says("Not yet.").starts_with("The number is"));
    assert_eq!(caller.record(), ["nothing", "nothing", "nothing", "initial"]);
}

#[test]
fn who_has_the_number_written_down_has_no_other() {
    for text in ["Yes, I have the number.", "I got the claim number, thanks.", "OK, I wrote the number down"]
    {
        let mut caller = Caller::calls(opening());
        caller.answers();
        assert_eq!(caller.says(text), "Thank you. What is the date of the claim?", "{text:?}");
    }
}

#[test]
fn a_call_goes_on_in_another_version_at_every_turn() {
    let mut caller = Caller::calls(opening());
    caller.answers();
    for text in ["yes", "March fifth", "no, the sixth", "yes", "pending", "yes", "three fifty", "350 dollars"]
    {
        caller.is_restored();
        assert_ne!(caller.says(text), "", "{text:?}");
    }
    caller.is_restored();
    assert!(caller.says("yes").contains("Is everything right?"));
    caller.is_restored();
    caller.says("yes");
    assert_eq!(caller.record(), ["2026-03-06", "Pending", "350.00", "done"]);
    assert!(caller.hung_up);
}

#[test]
fn a_turn_that_comes_again_with_more_words_replaces_what_came_of_it() {
    let mut caller = collecting();
    caller.turn(2, 0, "March fifth");
    assert_eq!(caller.kept("claim_date"), "2026-03-05");
    let reply = caller.turn(2, 1, "March fifth, no, March sixth");
    assert_eq!(reply, "That was Friday, the sixth of March 2026. Is that right?");
    assert_eq!(caller.kept("claim_date"), "2026-03-06");
    caller.turn(2, 2, "March fifth, no, March sixth, or I don't know");
    caller.turn(2, 3, "I would have to look");
    assert_eq!(caller.kept["claim_date"], json!(null), "and it was never said");
}

#[test]
fn a_machine_is_not_asked() {
    let mut caller = Caller::calls(Opening { answered_by: Answerer::MachineBeep, ..opening() });
    assert_eq!(caller.tell(Event::Started), "");
    assert!(caller.hung_up);
    assert_eq!(caller.outcome, "reached a machine");
}

#[test]
fn an_initial_message_takes_the_place_of_the_greeting() {
    let mut caller = Caller::calls(Opening { initial_message: Some("Hello, Ann.".into()), ..opening() });
    assert!(caller.answers().starts_with("Hello, Ann. Your claim number is"));
}
