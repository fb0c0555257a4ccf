//! What the line speaks for the script, for an operator or for the host itself, and what was heard of
//! it.

use super::{Conversation, QuestionNo};
use crate::io::{Observation, Outbox};
use crate::line::{Command, Heard, UtteranceId};
use crate::persona::{Departure, Ending, Event, Id, Manner, Report};
use crate::{Moment, llm};

/// Something that the line speaks.
pub(super) struct Speech {
    pub(super) utterance: UtteranceId,
    pub(super) owner: Owner,
    pub(super) manner: Manner,
    /// all that the line was given of it
    pub(super) text: String,
    /// the turn it answers
    pub(super) turn: (u32, u32),
    /// some of it was sent to the caller
    pub(super) sounds: bool,
    /// how it ends in the script's eyes, where that is not what the line reports
    pub(super) ending: Option<Ending>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Say(Id),
    Question(QuestionNo),
    /// a person who takes part: no business of the script's
    Operator,
    /// the host itself: the call ends with it
    Apology,
    /// the host itself: the caller is put through behind it
    LastResort,
}

impl Conversation {
    /// A new utterance takes its place on the line.
    pub(super) fn begin_speech(&mut self, owner: Owner, mut manner: Manner, out: &mut Outbox) -> UtteranceId {
        if !self.settings.interruptions {
            manner.interruption = manner.interruption.without_speech();
        }
        self.last_utterance += 1;
        let utterance = UtteranceId(self.last_utterance);
        out.line(Command::Begin { utterance, manner: manner.clone() });
        let turn = self.turns.current();
        let text = String::new();
        self.speeches.push(Speech { utterance, owner, manner, text, turn, sounds: false, ending: None });
        self.turns.reply_begun();
        utterance
    }

    /// More text of it: by a model's reply, or (none) by the script or the host. `apart`: what was
    /// said before does not run into it.
    pub(super) fn speak(
        &mut self,
        utterance: UtteranceId,
        reply: Option<llm::ReplyId>,
        apart: bool,
        text: &str,
        out: &mut Outbox,
    ) {
        let Some(speech) = self.speeches.iter_mut().find(|s| s.utterance == utterance) else { return };
        let space = apart && !speech.text.is_empty() && !speech.text.ends_with(char::is_whitespace);
        let text = if space { format!(" {text}") } else { text.to_owned() };
        speech.text.push_str(&text);
        self.context.agent(utterance, reply, &text);
        out.line(Command::Speak { utterance, text });
    }

    pub(super) fn speech(&mut self, utterance: UtteranceId) -> Option<&mut Speech> {
        self.speeches.iter_mut().find(|speech| speech.utterance == utterance)
    }

    /// The first of it goes to the caller. What is sent again was heard before.
    pub(super) fn begins_to_sound(&mut self, utterance: UtteranceId, out: &mut Outbox) {
        if let Some(speech) = self.speech(utterance)
            && !std::mem::replace(&mut speech.sounds, true)
        {
            let text = speech.text.trim().to_owned();
            out.observe(Observation::Speaks { utterance, text });
        }
    }

    /// The line is done with an utterance.
    pub(super) fn stopped(
        &mut self,
        now: Moment,
        utterance: UtteranceId,
        ending: Ending,
        heard: &Heard,
        out: &mut Outbox,
    ) {
        // one that was withdrawn has been reported
        let Some(at) = self.speeches.iter().position(|s| s.utterance == utterance) else { return };
        let speech = self.speeches.remove(at);
        self.quiet_since = now;
        if let Some(collecting) = &mut self.collecting {
            collecting.restart(now);
        }
        let ours = speech.turn == self.turns.current();
        let ending = match (speech.ending, ending) {
            // it was over before it could be cut
            (Some(Ending::Interrupted), Ending::Complete) => Ending::Complete,
            (known, reported) => known.unwrap_or(reported),
        };
        let heard_something = self.reported(speech, ending, heard, out);
        if ours && heard_something {
            self.turns.reply_heard();
        }
        if ours && ending != Ending::Interrupted && self.speeches.is_empty() && self.questions.is_empty() {
            self.turns.reply_over();
        }
        self.release_turn(now, out);
    }

    /// Closes the books on an utterance. Whether anything of it was heard.
    pub(super) fn reported(
        &mut self,
        speech: Speech,
        ending: Ending,
        heard: &Heard,
        out: &mut Outbox,
    ) -> bool {
        self.context.cut(speech.utterance, heard);
        let heard = match *heard {
            Heard::All => speech.text.as_str(),
            Heard::Prefix(length) => &speech.text[..speech.text.floor_char_boundary(length)],
            Heard::Unknown => "",
        };
        let heard = heard.trim().to_owned();
        let something = !heard.is_empty();
        out.observe(Observation::Spoke {
            utterance: speech.utterance,
            turn: speech.turn.0,
            text: speech.text.trim().to_owned(),
            heard: heard.clone(),
            ending,
        });
        match speech.owner {
            Owner::Say(id) => {
                self.tell(Event::Done(Report { id, ending, heard, answer: String::new() }), out);
            }
            Owner::Question(no) => {
                if let Some(question) = self.questions.remove(&no) {
                    self.answered(no, question, ending, heard, out);
                }
            }
            Owner::Operator => {}
            Owner::Apology => self.end(Departure::Failed, out),
            Owner::LastResort => self.go_to_last_resort(ending, out),
        }
        something
    }
}
