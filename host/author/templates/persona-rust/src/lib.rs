//! {{title}}: greets the caller, lets the model answer, and says goodbye when the caller does.

use persona::{Call, Heard, ended_by, says_goodbye};
use serde::{Deserialize, Serialize};

/// From whoever runs it, checked against persona.toml.
#[derive(Deserialize)]
struct Settings {
    greeting: String,
    instructions: String,
    goodbye: String,
}

/// What has to be known to go on: a newer version of this persona takes over with it in a running call.
#[derive(Default, Serialize, Deserialize)]
struct State {
    greeted: bool,
    questions: Vec<String>,
    /// how often in a row the caller said nothing
    silences: u32,
}

async fn talk(call: Call, settings: Settings, mut state: State) {
    call.at_end(|call, departure| call.keep("ended_by", ended_by(departure)));
    if !state.greeted {
        call.say(settings.greeting).await;
        state.greeted = true;
    }
    loop {
        match call.hear(&state).await {
            Heard::Said(turn) if says_goodbye(&turn.said.text, &["bye", "goodbye"]) => break,
            Heard::Said(turn) => {
                state.silences = 0;
                // a turn comes again when the caller went on before anything of the answer was heard
                if turn.revision > 0 {
                    state.questions.pop();
                }
                state.questions.push(turn.said.text);
                call.keep("questions", &state.questions);
                call.ask(&settings.instructions).await;
            }
            Heard::Silence(_) if state.silences == 2 => break,
            Heard::Silence(_) => {
                state.silences += 1;
                call.say("Are you still there?").await;
            }
            Heard::Key(key) => call.note(format!("The caller pressed the key {key}.")),
        }
    }
    call.say(settings.goodbye).to_the_end().await;
    call.hang_up();
}

persona::persona!(talk);
