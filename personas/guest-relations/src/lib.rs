//! Guest relations of a catering company: for guests who call, and for guests who are called to
//! follow up on a recent experience. Takes down how it was, puts a guest through to a person where
//! there is one, and says goodbye when the guest does. The model makes the conversation; the script
//! holds its frame.
//!
//! A machine that picks up gets a message, a fax nothing.

mod role;
#[cfg(test)]
mod tests;

use persona::{Call, Decision, Direction, Frame, Next, Turn, ended_by, hold, says_goodbye, tool};
use role::{Role, Settings};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Default, Serialize, Deserialize)]
struct State {
    frame: Frame,
    /// what the guest said, turn by turn
    feedback: Vec<String>,
    /// the number of the last turn in `feedback`
    turn: u32,
}

/// Words that mean nothing else.
const GOODBYES: [&str; 3] = ["goodbye", "bye", "hang up"];

async fn talk(call: Call, settings: Settings, mut state: State) {
    call.at_end(|call, departure| call.keep("ended_by", ended_by(departure)));
    let outbound = call.opening().direction == Direction::Outbound;
    hold(&call, &Role::new(settings, outbound), &mut state).await;
}

impl persona::Role for Role {
    type State = State;

    fn frame<'s>(&self, state: &'s mut State) -> &'s mut Frame {
        &mut state.frame
    }

    fn greeting(&self) -> String {
        Role::greeting(self)
    }

    fn goodbye(&self) -> String {
        Role::goodbye(self)
    }

    fn voicemail(&self) -> Option<String> {
        Role::voicemail(self)
    }

    fn nobody_reached(&self) -> String {
        "The guest could not be put through: nobody is available. Say so.".into()
    }

    fn hears(&self, call: &Call, state: &mut State, turn: &Turn) -> bool {
        take_down(call, state, turn);
        says_goodbye(&turn.said.text, &GOODBYES)
    }

    async fn answer(&self, call: &Call, _: &mut State, may_put_through: bool) -> Next {
        let decision = Decision::default();
        let ends = decision.clone();
        let mut asked = call.ask(self.instructions()).tool(end_call(), move |_| {
            ends.make(Next::Goodbye);
            async { "The goodbye is said for you.".to_owned() }
        });
        if let Some(to) = self.transfer_to().filter(|_| may_put_through) {
            let (decision, to) = (decision.clone(), to.to_owned());
            asked = asked.tool(transfer(), move |arguments| {
                decision.make(Next::PutThrough { to: to.clone(), brief: brief(&arguments) });
                async { "The guest is put through once you have said so, in one short sentence.".to_owned() }
            });
        }
        decision.after(&asked.await)
    }
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

persona::persona!(talk);
