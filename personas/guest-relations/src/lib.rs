//! Guest relations of a catering company: for guests who call, and for guests who are called to
//! follow up on a recent experience. Takes down how it was, puts a guest through to a person where
//! there is one, and says goodbye when the guest does. The model makes the conversation; the script
//! holds its frame.
//!
//! A machine that picks up gets a message, a fax nothing.

mod role;
#[cfg(test)]
mod tests;

use persona::{Answerer, Call, Departure, Either, Ending, Heard, Turn, first, tool};
use role::{Role, Settings};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

#[derive(Default, Serialize, Deserialize)]
struct State {
    greeted: bool,
    /// the guest heard nothing of that: it is the answer to the first words
    greet_again: bool,
    /// what the guest said, turn by turn
    feedback: Vec<String>,
    /// the number of the last turn in `feedback`
    turn: u32,
    /// how often in a row the guest said nothing
    silences: u32,
    /// how often in a row the model had no answer
    failures: u32,
}

const MOST_SILENCES: u32 = 2;
const MOST_FAILURES: u32 = 2;

async fn talk(call: Call, settings: Settings, mut state: State) {
    call.at_end(|call, departure| call.keep("ended_by", ended_by(departure)));
    let role = Role::new(&call, settings);
    let talked = first(call.machine(), conversation(&call, &role, &mut state, None)).await;
    if let Either::A(machine) = talked
        && let Some(turn) = leave_message(&call, &role, machine).await
    {
        (state.greeted, state.greet_again) = (true, false);
        conversation(&call, &role, &mut state, Some(turn)).await;
    }
    call.hang_up();
}

/// What somebody says who is there after all.
async fn leave_message(call: &Call, role: &Role, machine: Answerer) -> Option<Turn> {
    call.outcome("reached a machine");
    match role.voicemail() {
        Some(message) if machine != Answerer::Fax => {
            let turn = call.leave_message(message).await;
            call.outcome(if turn.is_some() { "spoke to a person" } else { "left a message" });
            turn
        }
        _ => None,
    }
}

/// From the greeting to the goodbye. `said`: what the guest has said already.
async fn conversation(call: &Call, role: &Role, state: &mut State, mut said: Option<Turn>) {
    if !state.greeted {
        greet(call, role, state).await;
    }
    loop {
        let heard = match said.take() {
            Some(turn) => Heard::Said(turn),
            None => call.hear(&*state).await,
        };
        let turn = match heard {
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
        take_down(call, state, &turn);
        if says_goodbye(&turn.said.text) {
            break;
        }
        if state.greet_again {
            greet(call, role, state).await;
            continue;
        }
        let mut next = answer(call, role, role.transfer_to()).await;
        if let (Next::PutThrough(brief), Some(to)) = (&next, role.transfer_to()) {
            // this is the end of the call, if it works
            call.transfer(to, brief.clone()).await;
            call.note("The guest could not be put through: nobody is available. Say so.");
            next = answer(call, role, None).await;
        }
        match next {
            Next::Listen | Next::PutThrough(_) => state.failures = 0,
            Next::Goodbye => break,
            Next::Failed => {
                state.failures += 1;
                if state.failures > MOST_FAILURES {
                    call.outcome("the model had no answers");
                    call.say("I am sorry, I cannot help you right now.").to_the_end().await;
                    break;
                }
                call.say("I am sorry, could you say that again?").await;
            }
        }
    }
    call.say(role.goodbye()).to_the_end().await;
}

/// Whoever is called says hello first, and that may cut the greeting before it is heard. A guest who
/// calls knows who is there, and is answered at once.
async fn greet(call: &Call, role: &Role, state: &mut State) {
    let greeting = call.say(role.greeting()).await;
    let unheard = greeting.ending == Ending::Interrupted && greeting.heard.trim().is_empty();
    (state.greeted, state.greet_again) = (true, unheard && role.outbound);
}

fn take_down(call: &Call, state: &mut State, turn: &Turn) {
    // a turn that comes again, with more words, replaces what was taken down of it
    if turn.number == state.turn {
        state.feedback.pop();
    }
    state.turn = turn.number;
    state.feedback.push(turn.said.text.clone());
    call.keep("feedback", &state.feedback);
}

/// What follows an answer.
enum Next {
    Listen,
    Goodbye,
    /// whoever picks up is told this
    PutThrough(Option<String>),
    Failed,
}

/// Lets the model answer. It may put the guest through only if there is somebody (`transfer_to`).
///
/// What it decides happens when its answer was heard: a guest who cuts in is listened to first.
async fn answer(call: &Call, role: &Role, transfer_to: Option<&str>) -> Next {
    let hangs_up = Rc::new(Cell::new(false));
    let puts_through = Rc::new(RefCell::new(None));
    let mut asked = call.ask(role.instructions()).tool(end_call(), {
        let hangs_up = hangs_up.clone();
        move |_| {
            hangs_up.set(true);
            async { "The goodbye is said for you.".to_owned() }
        }
    });
    if transfer_to.is_some() {
        let puts_through = puts_through.clone();
        asked = asked.tool(transfer(), move |arguments| {
            puts_through.replace(Some(brief(&arguments)));
            async { "The guest is put through once you have said so, in one short sentence.".to_owned() }
        });
    }
    let ending = asked.await.ending;
    match puts_through.take() {
        _ if ending == Ending::Interrupted => Next::Listen,
        _ if hangs_up.get() => Next::Goodbye,
        Some(brief) => Next::PutThrough(brief),
        None if ending == Ending::Failed => Next::Failed,
        None => Next::Listen,
    }
}

fn end_call() -> persona::Tool {
    tool(
        "end_call",
        "Ends the call. Use it when the guest says goodbye or has nothing more to say; do not say \
         goodbye yourself.",
        json!({ "type": "object", "properties": {} }),
    )
}

fn transfer() -> persona::Tool {
    let said = "what the guest said, in one sentence, for whoever picks up";
    tool(
        "transfer",
        "Puts the guest through to a person. Use it when the guest asks for one.",
        json!({
            "type": "object",
            "properties": { "brief": { "type": "string", "description": said } },
            "required": ["brief"],
        }),
    )
}

fn brief(arguments: &Value) -> Option<String> {
    let brief = arguments.get("brief")?.as_str()?.trim();
    (!brief.is_empty()).then(|| brief.to_owned())
}

fn ended_by(departure: Departure) -> &'static str {
    match departure {
        Departure::Caller => "caller",
        Departure::Script => "script",
        Departure::Transferred => "transfer",
        Departure::Failed => "failure",
        Departure::Limit => "limit",
        Departure::Operator => "operator",
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
