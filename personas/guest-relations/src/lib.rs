//! Guest relations of a catering company, for callers: asks how the food is or was, takes the
//! feedback down, and says goodbye when the caller does. The model makes the conversation; the
//! script holds its frame.

use persona::{Call, Departure, Ending, Heard, tool};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::cell::Cell;
use std::rc::Rc;

#[derive(Deserialize)]
struct Settings {
    company: String,
    greeting: String,
    goodbye: String,
}

#[derive(Default, Serialize, Deserialize)]
struct State {
    greeted: bool,
    /// what the caller said, turn by turn
    feedback: Vec<String>,
    /// the number of the last turn in `feedback`
    turn: u32,
    /// how often in a row the caller said nothing
    silences: u32,
    /// how often in a row the model had no answer
    failures: u32,
}

const MOST_SILENCES: u32 = 2;
const MOST_FAILURES: u32 = 2;

async fn talk(call: Call, settings: Settings, mut state: State) {
    let spoken = |text: &str| text.replace("{company}", &settings.company);
    call.at_end(|call, departure| call.keep("ended_by", ended_by(departure)));
    if !state.greeted {
        let own = || spoken(&settings.greeting);
        call.say(call.opening().initial_message.clone().unwrap_or_else(own)).await;
        state.greeted = true;
    }
    loop {
        let turn = match call.hear(&state).await {
            Heard::Said(turn) => turn,
            Heard::Key(_) => continue,
            Heard::Silence(_) => {
                state.silences += 1;
                if state.silences > MOST_SILENCES {
                    break;
                }
                call.say("Are you still there?").await;
                continue;
            }
        };
        state.silences = 0;
        // a turn that comes again, with more words, replaces what was taken down of it
        if turn.number == state.turn {
            state.feedback.pop();
        }
        state.turn = turn.number;
        state.feedback.push(turn.said.text.clone());
        call.keep("feedback", &state.feedback);
        if says_goodbye(&turn.said.text) {
            break;
        }

        let hangs_up = Rc::new(Cell::new(false));
        let decided = hangs_up.clone();
        let end_call = tool(
            "end_call",
            "Ends the call. Use it when the caller says goodbye or has nothing more to say; do not \
             say goodbye yourself.",
            json!({ "type": "object", "properties": {} }),
        );
        let asked = call.ask(instructions(&settings.company)).tool(end_call, move |_| {
            decided.set(true);
            async { "The goodbye is said for you.".to_owned() }
        });
        let answer = asked.await;
        if hangs_up.get() && answer.ending != Ending::Interrupted {
            break;
        }
        if answer.ending == Ending::Failed {
            state.failures += 1;
            if state.failures > MOST_FAILURES {
                call.outcome("the model had no answers");
                call.say("I am sorry, I cannot help you right now.").to_the_end().await;
                break;
            }
            call.say("I am sorry, could you say that again?").await;
        } else {
            state.failures = 0;
        }
    }
    call.say(spoken(&settings.goodbye)).to_the_end().await;
    call.hang_up();
}

fn instructions(company: &str) -> String {
    format!(
        "You are a guest relations executive of {company}, a food service and facilities company, on \
         the telephone with a guest who has called. Find out how the food is or was, and take their \
         feedback with sympathy. Your answers are spoken: answer in one short sentence of plain words, \
         without lists, symbols or special characters. Promise nothing that you cannot do."
    )
}

fn ended_by(departure: Departure) -> &'static str {
    match departure {
        Departure::Caller => "caller",
        Departure::Script => "script",
        Departure::Transferred => "transfer",
        Departure::Failed => "failure",
        Departure::Limit => "limit",
    }
}

/// Whether somebody ends the conversation, in words that mean nothing else.
fn says_goodbye(text: &str) -> bool {
    let text = text.to_lowercase();
    let words: Vec<&str> =
        text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let mut last = words.iter().rev().take(4);
    last.any(|word| matches!(*word, "goodbye" | "bye")) || words.ends_with(&["hang", "up"])
}

persona::persona!(talk);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goodbye_is_told_from_a_word_that_looks_like_one() {
        for text in ["Goodbye", "Thank you, goodbye.", "OK bye bye", "bye for now", "please hang up"] {
            assert!(says_goodbye(text), "{text:?}");
        }
        for text in ["I said goodbye to your manager and then the soup came", "I bought by-products", ""] {
            assert!(!says_goodbye(text), "{text:?}");
        }
    }
}
