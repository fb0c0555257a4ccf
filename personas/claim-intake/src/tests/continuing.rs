//! Callers who have called before.

use super::*;

/// Of the number 99: told, begun, and without its amount.
fn begun() -> (String, serde_json::Value) {
    let number = number_from(99);
    let record = json!({
        "claim_id": number, "state": "ongoing", "claim_date": "2026-03-05", "claim_status": "Pending",
        "claim_amount": null, "caller": "+15550104567",
    });
    (number, record)
}

fn done() -> (String, serde_json::Value) {
    let (number, mut record) = begun();
    (record["state"], record["claim_amount"]) = (json!("done"), json!("450.00"));
    (number, record)
}

/// A call after which this is known.
fn calls_again(opening: Opening, record: &serde_json::Value) -> Caller {
    let mut caller = Caller::calls(opening);
    caller.records = vec![record.clone()];
    caller
}

fn from(number: &str) -> Opening {
    Opening { caller: Some(number.into()), ..opening() }
}

fn with_parameter(number: &str) -> Opening {
    let parameter = Parameter { name: "claim_id".into(), value: number.into() };
    Opening { parameters: vec![parameter], ..opening() }
}

// -- by the number

#[test]
fn a_claim_is_gone_on_with_by_its_number() {
    let (number, record) = begun();
    let told = spoken_number(&number);
    let mut caller = calls_again(opening(), &record);
    caller.answers();
    assert_eq!((caller.kept("claim_id"), caller.kept("state")), (&*number_from(7), "initial"), "at first");
    let asks = "Please tell me your claim number, digit by digit.";
    assert_eq!(caller.says("I have a claim number already."), asks);
    let reply = caller.says(&format!("It's {told}."));
    let missing = "What is the amount of the claim?";
    assert_eq!(reply, format!("Thank you. We go on with claim number {told}. {missing}"));
    assert_eq!(caller.recalled, [format!("claim_id {number:?}")]);
    assert_eq!((caller.kept("claim_id"), caller.kept("state")), (&*number, "ongoing"));
    assert_eq!(
        caller.record(),
        ["2026-03-05", "Pending", "nothing", "ongoing"],
        "all of it in this call too"
    );
    assert_eq!(caller.says("450 dollars"), "That was 450 dollars. Is that right?");
    assert_eq!(
        caller.says("yes"),
        format!(
            "Thank you. Let me read everything back. Claim number {told}. The date: Thursday, the fifth of \
             March 2026. The status: Pending. The amount: 450 dollars. Is everything right?"
        )
    );
    assert_eq!(caller.says("No, it was approved."), "That was Approved. Is that right?");
    caller.says("yes");
    caller.says("yes");
    assert_eq!(caller.record(), ["2026-03-05", "Approved", "450.00", "done"]);
    assert_eq!(caller.outcome, "the claim is complete");
}

#[test]
fn the_number_can_be_said_at_once() {
    let (number, record) = begun();
    let mut caller = calls_again(opening(), &record);
    caller.answers();
    let reply = caller.says(&format!("No, my claim number is {number}."));
    assert!(reply.starts_with("Thank you. We go on with claim number"), "{reply}");
    assert_eq!(caller.kept("claim_id"), number);
}

#[test]
fn the_number_can_be_pressed() {
    let (number, record) = begun();
    let mut caller = calls_again(opening(), &record);
    caller.answers();
    let reply = caller.presses(&number);
    assert!(reply.starts_with("Thank you. We go on with claim number"), "{reply}");
    assert_eq!((caller.kept("claim_id"), caller.kept("state")), (&*number, "ongoing"));
    assert_eq!(caller.timer, None, "nothing is waited for any more");
}

#[test]
fn keys_that_are_too_few_are_read_back_once_no_more_come() {
    let (number, record) = begun();
    let mut caller = calls_again(opening(), &record);
    caller.answers();
    assert_eq!(caller.presses("48"), "");
    let reply = caller.waits();
    let again = "which is not a claim number. Please say its ten digits again";
    assert!(reply.starts_with("I have understood four, eight, ") && reply.contains(again), "{reply}");
    assert_eq!(caller.presses("12*"), "");
    assert_eq!(caller.timer, None, "after a star they begin again");
    assert_eq!(caller.presses(&number[..9]), "");
    caller.is_restored();
    let reply = caller.presses(&number[9..]);
    assert!(reply.contains("We go on with claim number"), "{reply}");
}

#[test]
fn who_speaks_has_stopped_pressing() {
    let (number, record) = begun();
    let mut caller = calls_again(opening(), &record);
    caller.answers();
    caller.presses("99");
    let reply = caller.says(&number);
    assert!(reply.contains("We go on with claim number"), "{reply}");
    assert!(caller.presses("1234567890").is_empty(), "and where nobody asks for a number keys are none");
}

#[test]
fn a_number_that_is_not_known_is_asked_for_again_and_then_there_is_a_new_claim() {
    let mut caller = calls_again(opening(), &begun().1);
    caller.answers();
    let first = number_from(1);
    assert_eq!(
        caller.says(&first),
        format!(
            "I do not know a claim with the number {}. Please say its ten digits again, one by one, or press \
             them on your telephone.",
            spoken_number(&first)
        )
    );
    let new = spoken_number(&number_from(7));
    assert_eq!(
        caller.says(&number_from(2)),
        format!(
            "I do not know a claim with the number {}. Then we begin a new claim. Your claim number is {new}. \
             Have you got that?",
            spoken_number(&number_from(2))
        )
    );
    assert_eq!((caller.kept("claim_id"), caller.kept("state")), (&*number_from(7), "initial"));
    let reply = caller.says(&begun().0);
    assert!(reply.starts_with("I cannot look up another claim number in this call."), "{reply}");
    assert_eq!(caller.recalled.len(), 2, "who tries out numbers finds no claim");
    assert_eq!(caller.says("yes"), "Thank you. What is the date of the claim?");
    assert_eq!(caller.kept("state"), "ongoing");
}

#[test]
fn a_number_whose_check_digit_is_wrong_is_said_back_and_not_looked_up() {
    let (number, record) = begun();
    let wrong = format!("{}{}", &number[..9], (number[9..].parse::<u8>().unwrap() + 1) % 10);
    let mut caller = calls_again(opening(), &record);
    caller.answers();
    let reply = caller.says(&wrong);
    let told = format!("I have understood {}, which is not a claim number.", spoken_number(&wrong));
    assert!(reply.starts_with(&told), "{reply}");
    assert!(caller.recalled.is_empty());
    let reply = caller.says(&number);
    assert!(reply.contains("We go on with claim number"), "{reply}");
}

#[test]
fn where_nobody_can_look_it_up_there_is_a_new_claim() {
    let mut caller = Caller::calls(opening());
    caller.answers();
    caller.says(&begun().0);
    let reply = caller.says(&begun().0);
    assert!(reply.contains("Then we begin a new claim."), "{reply}");
    caller.says("yes");
    caller.says("yesterday, it's pending, 450 dollars");
    caller.says("yes");
    caller.says("yes");
    assert_eq!(caller.record(), ["2026-03-11", "Pending", "450.00", "done"]);
    assert_eq!(caller.kept("claim_id"), number_from(7));
}

#[test]
fn a_number_that_cannot_be_found_or_understood_leaves_the_new_one() {
    for gives_up in [&["I don't have it here, I don't know"][..], &["no"], &["hm", "well", "the thing", "hm"]]
    {
        let mut caller = calls_again(opening(), &begun().1);
        caller.answers();
        caller.says("I already have a claim number");
        let last = gives_up.iter().map(|text| caller.says(text)).last().unwrap();
        assert!(last.contains("Then we begin a new claim. Your claim number is"), "{last}");
        assert_eq!(caller.kept("claim_id"), number_from(7));
    }
}

#[test]
fn who_says_the_new_number_back_has_got_it() {
    let mut caller = Caller::calls(opening());
    caller.answers();
    let reply = caller.says(&format!("{}, right?", spoken_number(&number_from(7))));
    assert_eq!(reply, "Thank you. What is the date of the claim?");
    assert!(caller.recalled.is_empty());
}

#[test]
fn a_turn_that_comes_again_gives_another_number() {
    let (number, record) = begun();
    let mut caller = calls_again(opening(), &record);
    caller.answers();
    let reply = caller.turn(1, 0, &number[..9]);
    assert!(reply.contains("which is not a claim number"), "{reply}");
    let reply = caller.turn(1, 1, &number);
    assert!(reply.contains("We go on with claim number"), "{reply}");
    caller.turn(1, 2, &format!("{number}, no, sorry, that is the wrong one"));
}

// -- one that is done

#[test]
fn a_claim_that_is_done_is_read_out_on_request() {
    let (number, record) = done();
    let mut caller = calls_again(opening(), &record);
    caller.answers();
    let reply = caller.says(&number);
    let told = spoken_number(&number);
    assert_eq!(reply, format!("Thank you. Claim number {told} is complete. Shall I read it to you?"));
    assert_eq!(caller.kept("state"), "done");
    let all = caller.says("Yes, read it to me please.");
    assert!(all.contains("The amount: 450 dollars. Is everything right?"), "{all}");
    assert_eq!(caller.says("yes"), "Your claim is complete. Goodbye!");
    assert_eq!(caller.record(), ["2026-03-05", "Pending", "450.00", "done"]);
}

#[test]
fn a_claim_that_is_done_stays_as_it_is() {
    let (number, record) = done();
    let mut caller = calls_again(opening(), &record);
    caller.answers();
    caller.says(&number);
    assert_eq!(caller.says("no thanks"), "Then it stays as it is. Goodbye!");
    assert_eq!((caller.kept("state"), &*caller.outcome), ("done", "the claim was complete before"));
    assert!(caller.hung_up);
}

#[test]
fn a_claim_that_is_done_can_be_corrected_and_is_not_done_until_that_is_verified() {
    let (number, record) = done();
    let mut caller = calls_again(opening(), &record);
    caller.answers();
    caller.says(&number);
    assert_eq!(caller.says("No, the amount is 460 dollars."), "That was 460 dollars. Is that right?");
    assert_eq!(caller.record(), ["2026-03-05", "Pending", "460.00", "ongoing"]);
    assert!(caller.says("yes").contains("The amount: 460 dollars. Is everything right?"));
    caller.says("yes");
    assert_eq!(caller.kept("state"), "done");

    let mut caller = calls_again(opening(), &record);
    caller.answers();
    caller.says(&number);
    let asks = "What should I change: the date, the status, or the amount?";
    assert_eq!(caller.says("I want to change something."), asks);
    assert!(caller.says("the date").starts_with("I am sorry. On which day was it?"));
    assert_eq!((caller.kept("state"), &caller.kept["claim_date"]), ("ongoing", &json!(null)));
}

#[test]
fn whose_claim_is_done_may_have_another() {
    let (number, record) = done();
    let mut caller = calls_again(opening(), &record);
    caller.answers();
    caller.says(&number);
    let reply = caller.says("No, I want to report a claim that is new, a new claim.");
    assert!(reply.starts_with("Then we begin a new claim. Your claim number is"), "{reply}");
    assert_eq!(caller.record(), ["nothing", "nothing", "nothing", "initial"], "nothing of the other one");
    assert_eq!(caller.kept("claim_id"), number_from(7));
}

#[test]
fn who_is_not_understood_leaves_a_claim_that_is_done_as_it_is() {
    let (number, record) = done();
    let mut caller = calls_again(opening(), &record);
    caller.answers();
    caller.says(&number);
    for _ in 0..3 {
        assert!(caller.says("the weather").starts_with("Shall I read the claim to you?"));
    }
    assert!(caller.says("the weather").contains("The claim stays as it is."));
    assert_eq!(caller.kept("state"), "done");
}

// -- the number came with the call

#[test]
fn a_claim_whose_number_came_with_the_call_is_gone_on_with() {
    let (number, record) = begun();
    let mut caller = calls_again(with_parameter(&number), &record);
    let told = spoken_number(&number);
    let greeting = caller.answers();
    assert_eq!(greeting, format!("Claims line. We go on with your claim number {told}. Have you got that?"));
    assert_eq!(caller.record(), ["2026-03-05", "Pending", "nothing", "initial"]);
    assert_eq!(caller.says("yes"), "Thank you. What is the amount of the claim?");
    assert_eq!(caller.kept("state"), "ongoing");
}

#[test]
fn a_claim_that_is_done_and_came_with_the_call_stays_done() {
    let (number, record) = done();
    let mut caller = calls_again(with_parameter(&number), &record);
    let greeting = caller.answers();
    assert!(greeting.ends_with("is complete. Shall I read it to you?"), "{greeting}");
    assert_eq!(caller.kept("state"), "done");
    assert!(caller.says("yes").contains("Is everything right?"));
}

// -- the caller is known

#[test]
fn a_caller_with_an_open_claim_is_asked_whether_to_go_on_with_it() {
    let (number, record) = begun();
    let told = spoken_number(&number);
    let mut caller = calls_again(from("+15550104567"), &record);
    assert_eq!(
        caller.answers(),
        "Claims line. I have an open claim under your number ending in four, five, six, seven. Do you want to \
         go on with it?"
    );
    assert_eq!(caller.recalled, [r#"caller "+15550104567""#]);
    assert_eq!(caller.timer, None);
    assert_eq!((caller.kept("claim_id"), caller.kept("state")), (&*number_from(7), "initial"));
    caller.is_restored();
    let reply = caller.says("Yes, please.");
    let missing = "What is the amount of the claim?";
    assert_eq!(reply, format!("Thank you. We go on with claim number {told}. {missing}"));
    assert_eq!((caller.kept("claim_id"), caller.kept("state")), (&*number, "ongoing"));
}

#[test]
fn what_is_said_with_the_yes_is_taken_too() {
    let mut caller = calls_again(from("+15550104567"), &begun().1);
    caller.answers();
    let reply = caller.says("Yes, and the amount is 450 dollars.");
    assert_eq!(reply, "Thank you. That was 450 dollars. Is that right?");
    assert_eq!(caller.record(), ["2026-03-05", "Pending", "450.00", "ongoing"]);
}

#[test]
fn a_caller_who_wants_a_new_claim_gets_one() {
    let new = format!("Your claim number is {}. Have you got that?", spoken_number(&number_from(7)));
    let mut caller = calls_again(from("+15550104567"), &begun().1);
    caller.answers();
    assert!(
        caller.says("No, I have a different claim number.").starts_with("Please tell me your claim number")
    );
    for text in ["No.", "No, I want to open a new claim.", "a new one please", "I'd like to start over"] {
        let mut caller = calls_again(from("+15550104567"), &begun().1);
        caller.answers();
        assert_eq!(caller.says(text), format!("Then we begin a new claim. {new}"), "{text:?}");
        assert_eq!(caller.record(), ["nothing", "nothing", "nothing", "initial"]);
        assert_eq!(caller.says("yes"), "Thank you. What is the date of the claim?");
    }
    let mut caller = calls_again(from("+15550104567"), &begun().1);
    caller.answers();
    assert!(caller.says("No, a new one, it was yesterday.").ends_with(&new));
    assert_eq!(caller.kept("state"), "initial", "its number was not told before");
    assert!(caller.says("yes").starts_with("Thank you. That was Wednesday, the eleventh of March 2026."));
}

#[test]
fn an_offer_that_is_not_answered_is_made_again_and_then_withdrawn() {
    let mut caller = calls_again(from("+15550104567"), &begun().1);
    caller.answers();
    for _ in 0..3 {
        assert!(caller.says("the weather").starts_with("Shall we go on with the claim that you have begun?"));
    }
    assert!(caller.says("the weather").starts_with("Then we begin a new claim."));
}

#[test]
fn another_number_is_welcome_in_place_of_the_offer() {
    let (number, record) = begun();
    let mut other = record.clone();
    (other["claim_id"], other["caller"]) = (json!(number_from(5)), json!("+1555"));
    let mut caller = calls_again(from("+15550104567"), &record);
    caller.records.insert(0, other);
    caller.answers();
    let reply = caller.says(&number_from(5));
    assert!(reply.contains("We go on with claim number"), "{reply}");
    assert_eq!(caller.kept("claim_id"), number_from(5));
    assert_ne!(caller.kept("claim_id"), number);
}

#[test]
fn nobody_is_offered_a_claim_that_is_done_or_who_is_not_known() {
    let greeting = "Claims line. Your claim number is";
    let mut caller = calls_again(from("+15550104567"), &done().1);
    assert!(caller.answers().starts_with(greeting));
    let withheld = json!({ "claim_id": "7", "state": "ongoing", "caller": "+266696687" });
    for number in ["+266696687", "anonymous", "+1", ""] {
        let mut caller = calls_again(from(number), &withheld);
        assert!(caller.answers().starts_with(greeting), "{number}");
        assert!(caller.recalled.is_empty(), "{number}");
    }
    let called = Opening { direction: Direction::Outbound, ..from("+15550104567") };
    let mut caller = calls_again(called, &begun().1);
    assert!(caller.answers().starts_with(greeting), "who calls is us");
}

#[test]
fn the_greeting_does_not_wait_long_for_what_is_known() {
    let mut caller = Caller::calls(from("+15550104567"));
    let actions = caller.script.handle(NOW, vec![Event::Started]);
    let timer = actions.iter().find_map(|action| match action {
        Action::Timer(timer) => Some(timer.id),
        _ => None,
    });
    assert!(actions.iter().any(|action| matches!(action, Action::Recall(_))), "{actions:?}");
    let greeting = caller.tell(Event::Timer(timer.unwrap()));
    assert!(greeting.starts_with("Claims line. Your claim number is"), "{greeting}");
}
