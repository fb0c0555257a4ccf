//! Repeats what the caller said, under the id of `openai-llm`.

use plugin::Failure;
use plugin::llm::{Effect, Event, Message, Opening, Provider, Stop};

struct Parrot;

impl Provider for Parrot {
    fn open(_: Opening) -> Result<Self, Failure> {
        Ok(Self)
    }

    fn handle(&mut self, _at: u64, event: Event, effects: &mut Vec<Effect>) {
        if let Event::Generate(prompt) = event {
            let said = prompt.messages.iter().rev().find_map(|message| match message {
                Message::Caller(text) => Some(text.clone()),
                _ => None,
            });
            effects.push(Effect::Delta(format!("The parrot says {}", said.unwrap_or_default())));
            effects.push(Effect::Finished(Stop::Complete));
        }
    }
}

plugin::llm!(Parrot);
