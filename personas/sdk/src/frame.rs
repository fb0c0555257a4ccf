//! The frame around a conversation that a model makes: a greeting, turns and answers, silence, a
//! machine that picks up, putting the caller through, a goodbye.
//!
//! A [`Role`] says what is said; the frame says when. What the model decides happens once its answer was
//! heard: a caller who cuts in is listened to first.

use crate::call::{Call, Either, Heard, first};
use crate::contract::{Answerer, Departure, Direction, Ending, Report, Turn};
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

/// How often in a row the model may have no answer.
const MOST_FAILURES: u32 = 2;

/// Keys that are pressed one after the other belong together.
const MOST_KEYS: u8 = 64;
const NEXT_KEY: Duration = Duration::from_secs(3);

/// How far the conversation is: a part of the script's state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Frame {
    greeted: bool,
    /// the caller heard nothing of that: it is the answer to the first words
    greet_again: bool,
    /// how often in a row the caller said nothing
    silences: u32,
    /// how often in a row the model had no answer
    failures: u32,
}

/// Whom the script speaks as.
pub trait Role {
    type State: Serialize;

    fn frame<'s>(&self, state: &'s mut Self::State) -> &'s mut Frame;

    /// The first words, unless the call came with its own.
    fn greeting(&self) -> String;

    /// The last words; empty: none.
    fn goodbye(&self) -> String;

    /// None: a machine gets no message.
    fn voicemail(&self) -> Option<String>;

    /// Asked when the caller says nothing.
    fn still_there(&self) -> String {
        "Are you still there?".into()
    }

    /// How often in a row; the next silence ends the call.
    fn most_silences(&self) -> u32 {
        2
    }

    /// Said when the model had no answer.
    fn say_again(&self) -> String {
        "I am sorry, could you say that again?".into()
    }

    /// Said before the goodbye when it has none again and again.
    fn apology(&self) -> String {
        "I am sorry, I cannot help you right now.".into()
    }

    /// Told to the model when nobody could be reached.
    fn nobody_reached(&self) -> String {
        "The caller could not be put through: nobody is available. Say so.".into()
    }

    /// Takes the turn down; true: it ends the conversation.
    fn hears(&self, call: &Call, state: &mut Self::State, turn: &Turn) -> bool;

    /// What the model is told of keys that were pressed; none: they are nothing.
    fn pressed(&self, _keys: &str) -> Option<String> {
        None
    }

    /// Lets the model answer. `may_put_through`: else it was tried just now, and nobody is there.
    fn answer(
        &self,
        call: &Call,
        state: &mut Self::State,
        may_put_through: bool,
    ) -> impl Future<Output = Next>;
}

/// What follows an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    Listen,
    Goodbye,
    /// whoever picks up is told `brief`
    PutThrough {
        to: String,
        brief: Option<String>,
    },
    /// there was no answer
    Failed,
}

/// What the model decides, by its tools, while it answers. Every clone is the same decision.
#[derive(Clone, Debug, Default)]
pub struct Decision(Rc<RefCell<Option<Next>>>);

impl Decision {
    /// A caller who was promised a person gets one, whatever else is decided.
    pub fn make(&self, next: Next) {
        let mut made = self.0.borrow_mut();
        if !matches!(*made, Some(Next::PutThrough { .. })) {
            *made = Some(next);
        }
    }

    /// What comes of it after the answer.
    pub fn after(&self, answer: &Report) -> Next {
        match (answer.ending, self.0.take()) {
            (Ending::Interrupted, _) => Next::Listen,
            (_, Some(next)) => next,
            (Ending::Failed, None) => Next::Failed,
            (_, None) => Next::Listen,
        }
    }
}

/// The whole call, to its end.
pub async fn hold<R: Role>(call: &Call, role: &R, state: &mut R::State) {
    let talked = first(call.machine(), conversation(call, role, state, None)).await;
    if let Either::A(machine) = talked
        && let Some(turn) = leave_message(call, role, machine).await
    {
        let frame = role.frame(state);
        (frame.greeted, frame.greet_again) = (true, false);
        conversation(call, role, state, Some(turn)).await;
    }
    call.hang_up();
}

/// What somebody says who is there after all.
async fn leave_message<R: Role>(call: &Call, role: &R, machine: Answerer) -> Option<Turn> {
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

/// From the greeting to the goodbye. `said`: what the caller has said already.
async fn conversation<R: Role>(call: &Call, role: &R, state: &mut R::State, mut said: Option<Turn>) {
    if !role.frame(state).greeted {
        greet(call, role, state).await;
    }
    loop {
        let heard = match said.take() {
            Some(turn) => Heard::Said(turn),
            None => call.hear(&*state).await,
        };
        let over = match heard {
            Heard::Said(turn) => {
                role.frame(state).silences = 0;
                role.hears(call, state, &turn)
            }
            Heard::Key(key) => match pressed(call, role, key).await {
                None => continue,
                Some(told) => {
                    role.frame(state).silences = 0;
                    call.note(told);
                    false
                }
            },
            Heard::Silence(_) => {
                let frame = role.frame(state);
                frame.silences += 1;
                if frame.silences > role.most_silences() {
                    break;
                }
                call.say(role.still_there()).await;
                continue;
            }
        };
        if over {
            break;
        }
        if role.frame(state).greet_again {
            greet(call, role, state).await;
            continue;
        }
        let mut next = role.answer(call, state, true).await;
        if let Next::PutThrough { to, brief } = next {
            // this is the end of the call, if it works
            call.transfer(to, brief).await;
            call.note(role.nobody_reached());
            next = role.answer(call, state, false).await;
        }
        match next {
            Next::Listen | Next::PutThrough { .. } => role.frame(state).failures = 0,
            Next::Goodbye => break,
            Next::Failed => {
                let frame = role.frame(state);
                frame.failures += 1;
                if frame.failures > MOST_FAILURES {
                    call.outcome("the model had no answers");
                    call.say(role.apology()).to_the_end().await;
                    break;
                }
                call.say(role.say_again()).await;
            }
        }
    }
    let goodbye = role.goodbye();
    if !goodbye.trim().is_empty() {
        call.say(goodbye).to_the_end().await;
    }
}

/// Whoever is called says hello first, and that may cut the greeting before it is heard. Somebody who
/// calls knows who is there, and is answered at once.
async fn greet<R: Role>(call: &Call, role: &R, state: &mut R::State) {
    let opening = call.opening();
    let greeting = opening.initial_message.clone().unwrap_or_else(|| role.greeting());
    let greeting = call.say(greeting).await;
    let unheard = greeting.ending == Ending::Interrupted && greeting.heard.trim().is_empty();
    let outbound = opening.direction == Direction::Outbound;
    let frame = role.frame(state);
    (frame.greeted, frame.greet_again) = (true, unheard && outbound);
}

/// All keys that belong to the first one, as the model is told of them.
async fn pressed<R: Role>(call: &Call, role: &R, key: char) -> Option<String> {
    role.pressed(&key.to_string())?;
    let more = call.collect(MOST_KEYS, None, NEXT_KEY).await.digits;
    role.pressed(&format!("{key}{more}"))
}

/// Who ended the call, in a word for the record.
pub fn ended_by(departure: Departure) -> &'static str {
    match departure {
        Departure::Caller => "caller",
        Departure::Script => "script",
        Departure::Transferred => "transfer",
        Departure::Failed => "failure",
        Departure::Limit => "limit",
        Departure::Operator => "operator",
    }
}

/// Whether somebody ends the conversation with one of these: a word counts among the last four, a
/// phrase of several words as the very last ones.
pub fn says_goodbye(text: &str, phrases: &[impl AsRef<str>]) -> bool {
    let said = words(text);
    phrases.iter().any(|phrase| match &words(phrase.as_ref())[..] {
        [] => false,
        [word] => said.iter().rev().take(4).any(|said| said == word),
        phrase => said.ends_with(phrase),
    })
}

fn words(text: &str) -> Vec<String> {
    let text = text.to_lowercase();
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goodbye_is_told_from_a_word_that_looks_like_one() {
        let phrases = ["goodbye", "bye", "hang up"];
        for text in ["Goodbye", "Thank you, goodbye.", "OK bye bye", "bye for now", "please hang up"] {
            assert!(says_goodbye(text, &phrases), "{text:?}");
        }
        for text in [
            "I said goodbye to your manager and then the soup came",
            "Why did you hang up on me?",
            "I bought by-products",
            "",
        ] {
            assert!(!says_goodbye(text, &phrases), "{text:?}");
        }
        assert!(!says_goodbye("anything", &[" "]), "a phrase without words is none");
        assert!(says_goodbye("Danke, auf Wiedersehen!", &["auf Wiedersehen"]));
    }

    #[test]
    fn a_decision_waits_until_the_answer_was_heard() {
        let report = |ending| Report { id: 1, ending, heard: String::new(), answer: String::new() };
        let through = Next::PutThrough { to: "desk".into(), brief: None };
        let decision = Decision::default();
        decision.make(through.clone());
        decision.make(Next::Goodbye);
        assert_eq!(decision.after(&report(Ending::Complete)), through);
        decision.make(Next::Goodbye);
        assert_eq!(decision.after(&report(Ending::Interrupted)), Next::Listen);
        assert_eq!(decision.after(&report(Ending::Complete)), Next::Listen, "and it is forgotten");
        assert_eq!(decision.after(&report(Ending::Failed)), Next::Failed);
    }
}
