//! The seam between the conversation and whatever carries it.
//!
//! A line hears and speaks. The conversation tells it what to speak and is told what was said and
//! what was heard; it never learns whether sound or text went over the wire. Whether the caller
//! may cut in is decided by the line, because only the line knows what is sounding: it is given
//! the [`Manner`] with every utterance.

use crate::persona::{Ending, Manner, Utterance};
use crate::{Failure, Moment};
use audio::dtmf::Press;

/// Names one utterance of the agent within a call; never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UtteranceId(pub u32);

/// From the conversation to the line.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// A new utterance takes its place: after all that were begun before it.
    Begin { utterance: UtteranceId, manner: Manner },
    /// More of its text, as it becomes known.
    Speak { utterance: UtteranceId, text: String },
    /// Nothing more comes for a while: speak what there is.
    Pause { utterance: UtteranceId },
    /// That was all of it.
    Finish { utterance: UtteranceId },
    /// Keys to press, in place of text: the whole utterance.
    Digits { utterance: UtteranceId, presses: Vec<Press> },
    /// It is not wanted any more.
    Stop { utterance: UtteranceId },
    /// The script waits for the caller: words to listen for, and in which language.
    Listen { keyterms: Vec<String>, language: Option<String> },
    /// The script collects keys: so many at the most, and this one says that it was all.
    Collect { max: u8, finish: Option<char> },
    /// What the caller has said of a turn that is not closed was not meant for the agent.
    Forget,
    /// Hang up, at once. Reports what is open, then [`Event::Closed`].
    End,
}

/// From the line to the conversation.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The line is open; also after it was lost.
    Attached,
    /// The line is lost, and may come back.
    Detached,
    /// The line is gone. Every utterance was reported before.
    Closed,
    /// The caller began to speak.
    Speaking,
    /// The caller stopped, as far as can be heard.
    Quiet,
    /// The turn so far.
    Partial(Utterance),
    /// A turn, whole. Before it, [`Event::Heard`] was given for all that was heard by then.
    Final(Final),
    Key(char),
    /// An utterance on its way to the ear.
    Progress {
        utterance: UtteranceId,
        step: Step,
    },
    /// At least one word of this utterance has been heard; once each.
    Heard(UtteranceId),
    /// Exactly one for every utterance that was begun.
    Stopped {
        utterance: UtteranceId,
        ending: Ending,
        heard: Heard,
    },
    /// Nothing the caller says can be understood any more.
    Deaf(Failure),
    /// Nothing can be spoken any more; every utterance was reported before.
    Mute(Failure),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Final {
    pub said: Utterance,
    /// when the caller stopped speaking
    pub speech_ended: Moment,
    /// when the last of the words was known
    pub transcribed: Moment,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// the first piece was given to the voice
    FirstPiece,
    /// the first of its audio is here
    FirstAudio,
    /// the first of it was sent to the caller
    FirstFrame,
}

/// How much of an utterance reached the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    All,
    /// so many bytes of its text, at the end of a word
    Prefix(usize),
    /// the line cannot tell
    Unknown,
}
