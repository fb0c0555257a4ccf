//! How a call stands right now: who speaks, who serves it, how it does.

use crate::registry::What;
use crate::registry::view::Trouble;
use std::collections::{BTreeMap, VecDeque};

/// Of what went wrong, so much is shown.
const MOST_TROUBLE: usize = 5;

#[derive(Default)]
pub(super) struct Standing {
    line_lost: bool,
    caller_speaks: bool,
    /// the caller's turn is closed, and nothing of the answer is heard
    thinking: bool,
    /// what the agent is saying: the utterance, and as far as it is known its text
    speaking: Option<(u32, String)>,
    pub persona: Option<String>,
    /// by their stages
    pub providers: BTreeMap<String, String>,
    pub turns: u32,
    pub interruptions: u32,
    pub failovers: u32,
    /// of the last turn, in milliseconds
    pub latency_ms: Option<u64>,
    pub trouble: VecDeque<Trouble>,
    /// it is in its state; none: nothing has happened
    pub since: Option<String>,
}

impl Standing {
    /// Something happened.
    pub fn follow(&mut self, what: &What, at: impl Fn() -> String) {
        let (state, turns) = (self.state(), self.turns);
        self.take(what, &at);
        if self.since.is_none() || (state, turns) != (self.state(), self.turns) {
            self.since = Some(at());
        }
    }

    fn take(&mut self, what: &What, at: impl Fn() -> String) {
        match what {
            What::Line { state } => self.line_lost = *state == "lost",
            What::Caller { speaking } => {
                self.caller_speaks = *speaking;
                self.thinking &= !*speaking;
            }
            What::Turn { number, .. } => {
                self.turns = self.turns.max(*number);
                self.thinking = true;
            }
            What::Speaks { utterance, text } => {
                self.speaking = Some((*utterance, text.clone()));
                self.thinking = false;
            }
            What::Spoke { utterance, heard, ending, .. } => {
                self.speaking.take_if(|(now, _)| now == utterance);
                // who cut in may have closed a turn by then
                self.thinking &= *ending == "interrupted";
                // what was not heard at all was not cut short either
                self.interruptions += u32::from(*ending == "interrupted" && !heard.is_empty());
            }
            What::Metrics { first_frame_ms, .. } => self.latency_ms = first_frame_ms.or(self.latency_ms),
            What::Exchanged { stage, component, .. } => self.serves(stage, component),
            What::FailedOver { stage, to, .. } => {
                self.failovers += 1;
                self.serves(stage, to);
            }
            What::Trouble { what } => {
                if self.trouble.len() == MOST_TROUBLE {
                    self.trouble.pop_front();
                }
                self.trouble.push_back(Trouble { at: at(), what: what.clone() });
            }
            What::End { .. } => {
                self.speaking = None;
                self.thinking = false;
            }
            _ => {}
        }
    }

    /// What the agent is saying, as far as its text is known.
    pub fn speaking(&self) -> Option<&str> {
        self.speaking.as_ref().map(|(_, text)| text.as_str())
    }

    /// From here on this component does that job.
    pub fn serves(&mut self, stage: &str, component: &str) {
        match stage {
            "persona" => self.persona = Some(component.to_owned()),
            _ => drop(self.providers.insert(stage.to_owned(), component.to_owned())),
        }
    }

    /// While there is a conversation.
    pub fn state(&self) -> &'static str {
        match self {
            Self { line_lost: true, .. } => "lost",
            Self { caller_speaks: true, .. } => "hearing",
            Self { speaking: Some(_), .. } => "speaking",
            Self { thinking: true, .. } => "thinking",
            _ => "listening",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(standing: &mut Standing, what: What) -> &'static str {
        standing.follow(&what, || "now".into());
        standing.state()
    }

    #[test]
    fn an_exchange_is_listening_hearing_thinking_and_speaking() {
        let mut standing = Standing::default();
        assert_eq!(standing.state(), "listening");
        assert_eq!(told(&mut standing, What::Caller { speaking: true }), "hearing");
        assert_eq!(told(&mut standing, What::Caller { speaking: false }), "listening");
        let turn = What::Turn { number: 1, revision: 0, text: "My soup was cold.".into() };
        assert_eq!(told(&mut standing, turn), "thinking");
        let speaks = |utterance| What::Speaks { utterance, text: "I am sorry.".into() };
        assert_eq!(told(&mut standing, speaks(1)), "speaking");
        // cut in, with half of it heard
        assert_eq!(told(&mut standing, What::Caller { speaking: true }), "hearing");
        let (text, heard) = ("I am sorry.".into(), "I am".into());
        told(&mut standing, What::Spoke { utterance: 1, text, heard, ending: "interrupted" });
        assert_eq!(told(&mut standing, What::Caller { speaking: false }), "listening");
        // what was cut off is known only when the answer has begun
        assert_eq!(told(&mut standing, speaks(2)), "speaking");
        let cut =
            What::Spoke { utterance: 1, text: String::new(), heard: String::new(), ending: "interrupted" };
        assert_eq!(told(&mut standing, cut), "speaking");
        assert_eq!(standing.speaking(), Some("I am sorry."));
        let (text, heard) = ("I am sorry.".into(), "I am sorry.".into());
        let complete = What::Spoke { utterance: 2, text, heard, ending: "complete" };
        assert_eq!(told(&mut standing, complete), "listening");
        assert_eq!(told(&mut standing, What::Line { state: "lost" }), "lost");
        assert_eq!(told(&mut standing, What::Line { state: "back" }), "listening");
        assert_eq!((standing.turns, standing.interruptions), (1, 1));
    }

    #[test]
    fn whoever_goes_on_in_place_of_another_is_shown_and_only_the_last_trouble() {
        let mut standing = Standing::default();
        standing.serves("tts", "cartesia-tts");
        told(
            &mut standing,
            What::FailedOver { stage: "tts", from: "cartesia-tts".into(), to: "flite-tts".into() },
        );
        assert_eq!(standing.providers["tts"], "flite-tts");
        assert_eq!(standing.failovers, 1);
        for number in 0..7 {
            told(&mut standing, What::Trouble { what: format!("trouble {number}") });
        }
        assert_eq!(standing.trouble.len(), 5);
        assert_eq!(standing.trouble[0].what, "trouble 2");
    }
}
