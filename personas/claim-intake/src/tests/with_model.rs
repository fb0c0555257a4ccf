//! Conversations in which a model can be asked.

use super::*;

fn with_model() -> Opening {
    Opening { settings: opening().settings.replace("\"use_model\":false", "\"use_model\":true"), ..opening() }
}

#[test]
fn a_model_is_asked_about_what_the_rules_do_not_understand() {
    let mut caller = Caller::calls(with_model());
    caller.answers();
    caller.says("yes");
    caller.says("the Monday after my birthday");
    assert!(caller.asked.is_none(), "the rules found a Monday");
    caller.says("no");
    caller.says("it was Epiphany");
    let asked = caller.asked.clone().unwrap();
    assert!(asked.contains("Today is 2026-03-12"), "{asked}");
    let answer = r#"{"date":"2026-01-06","status":null,"amount":"300","answer":null}"#;
    let reply = caller.report(Ending::Complete, answer);
    caller.report(Ending::Complete, "");
    assert_eq!(reply, "That was Tuesday, the sixth of January 2026 and 300 dollars. Is that right?");
    assert_eq!(caller.record(), ["2026-01-06", "nothing", "300.00", "ongoing"]);
}

#[test]
fn what_a_model_makes_up_goes_through_the_same_checks() {
    let answers = [
        r#"{"date":"2026-02-30","status":null,"amount":null,"answer":null}"#,
        r#"{"date":null,"status":"Lost","amount":"between 4 and 5","answer":"perhaps"}"#,
        "I am not JSON.",
    ];
    for answer in answers {
        let mut caller = Caller::calls(with_model());
        caller.answers();
        caller.says("yes");
        caller.says("it was Epiphany");
        let reply = caller.report(Ending::Complete, answer);
        assert!(reply.starts_with("I am sorry, I did not understand that. On which day was it?"), "{reply}");
    }
    let mut caller = Caller::calls(with_model());
    caller.answers();
    caller.says("yes");
    caller.says("it is Epiphany");
    let future = r#"{"date":"2027-01-06","status":null,"amount":null,"answer":null}"#;
    let reply = caller.report(Ending::Complete, future);
    assert!(reply.starts_with("Wednesday, the sixth of January 2027 is still to come."), "{reply}");
}

#[test]
fn a_model_that_fails_leaves_the_caller_to_be_asked_again() {
    let mut caller = Caller::calls(with_model());
    caller.answers();
    caller.says("yes");
    caller.says("it was Epiphany");
    assert!(caller.asked.is_some());
    let reply = caller.report(Ending::Failed, "");
    assert!(reply.starts_with("I am sorry, I did not understand that. On which day was it?"), "{reply}");
}
