//! A responder for trying things out without a key. It is not a language model and says so: it
//! looks for a few words in what the caller said last, and answers the same to the same.

use plugin::Failure;
use plugin::llm::{Effect, Event, Message, Opening, Prompt, Provider, Stop};

struct Offline;

/// The first of these that the caller's words contain decides the answer.
const ANSWERS: [(&[&str], &str); 6] = [
    (
        &["cold", "bad", "awful", "terrible", "late", "raw", "burnt", "salty", "rude", "dirty", "wrong"],
        "I am sorry to hear that, and I have noted it for the kitchen. Is there anything else?",
    ),
    (
        &["good", "great", "delicious", "lovely", "excellent", "wonderful", "nice"],
        "I am glad that you liked it, and I will pass that on. Is there anything else?",
    ),
    (&["thank"], "You are welcome. Is there anything else?"),
    (&["hello", "good morning", "good evening"], "Hello! Please tell me how the food was."),
    (&["who are you", "are you a"], "I am a small offline responder, not a language model."),
    (&["yes", "yeah"], "Please tell me more."),
];

const INTRODUCTION: &str = "I am only the offline responder.";

impl Provider for Offline {
    fn open(_: Opening) -> Result<Self, Failure> {
        Ok(Self)
    }

    fn handle(&mut self, _at: u64, event: Event, effects: &mut Vec<Effect>) {
        if let Event::Generate(prompt) = event {
            if prompt.schema.is_some() {
                let message = "the offline responder cannot fill in a schema: set OPENAI_API_KEY";
                effects.push(Effect::Failed(plugin::failure(plugin::Cause::Unsupported, message)));
                return;
            }
            let answer = answer(&prompt);
            effects.extend(answer.split_inclusive(' ').map(|word| Effect::Delta(word.to_owned())));
            effects.push(Effect::Finished(Stop::Complete));
        }
    }
}

/// The answer to the caller's last words; the first one of a conversation says what this is.
fn answer(prompt: &Prompt) -> String {
    let caller = prompt.messages.iter().rev().find_map(|message| match message {
        Message::Caller(text) => Some(text.as_str()),
        _ => None,
    });
    let introduced = prompt.messages.iter().any(|message| match message {
        Message::Assistant(reply) => reply.text.contains(INTRODUCTION),
        _ => false,
    });
    let answer = match caller {
        None => "How can I help you?".to_owned(),
        Some(said) => {
            let words = said.to_lowercase();
            let known = ANSWERS.iter().find(|(marks, _)| marks.iter().any(|mark| words.contains(mark)));
            known.map_or_else(
                || format!("You said: {} Is there anything else?", as_sentence(said)),
                |(_, answer)| (*answer).to_owned(),
            )
        }
    };
    if introduced { answer } else { format!("{answer} {INTRODUCTION}") }
}

fn as_sentence(text: &str) -> String {
    let text = text.trim();
    let ended = text.ends_with(['.', '!', '?']);
    if ended { text.to_owned() } else { format!("{text}.") }
}

plugin::llm!(Offline);

#[cfg(test)]
mod tests {
    use super::*;
    use plugin::llm::{Reply, ToolChoice};

    fn replied(messages: Vec<Message>) -> String {
        let prompt = Prompt {
            messages,
            tools: vec![],
            tool_choice: ToolChoice::Auto,
            max_tokens: None,
            temperature: None,
            schema: None,
        };
        let mut effects = Vec::new();
        Offline.handle(0, Event::Generate(prompt), &mut effects);
        assert_eq!(effects.pop(), Some(Effect::Finished(Stop::Complete)));
        let deltas = effects.into_iter().map(|effect| match effect {
            Effect::Delta(text) => text,
            other => panic!("{other:?}"),
        });
        deltas.collect()
    }

    #[test]
    fn it_answers_and_says_once_what_it_is() {
        let first = replied(vec![Message::Caller("My soup was cold today.".into())]);
        assert!(first.starts_with("I am sorry to hear that") && first.ends_with(INTRODUCTION), "{first}");
        let said = Message::Assistant(Reply { text: first, calls: vec![] });
        let second = replied(vec![said, Message::Caller("Is there a table free".into())]);
        assert_eq!(second, "You said: Is there a table free. Is there anything else?");
    }
}
