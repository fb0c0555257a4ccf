//! A voice's session, which speaks a whole call (`wit/tts.wit`).

use super::{Failure, Usage, Word};
use crate::line::UtteranceId;

#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    Prepare,
    Begin { utterance: UtteranceId, voice: Option<String>, language: Option<String> },
    Speak { utterance: UtteranceId, text: String, last: bool },
    Cancel(UtteranceId),
    More,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    Audio { utterance: UtteranceId, data: Vec<u8> },
    Timing { utterance: UtteranceId, word: Word },
    Finished(UtteranceId),
    More,
    Usage(Usage),
    Failed(Failure),
}
