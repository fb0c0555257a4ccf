//! A recogniser's session, which hears one call (`wit/stt.wit`).

use super::{Failure, Usage, Word};
use std::time::Duration;

#[derive(Clone, Debug, PartialEq)]
pub struct Transcript {
    pub text: String,
    pub confidence: f32,
    pub words: Vec<Word>,
    pub until: Option<Duration>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tuning {
    pub language: Option<String>,
    pub keyterms: Option<Vec<String>>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    Audio(Vec<u8>),
    SpeechStarted,
    SpeechEnded,
    Finalize,
    Retune(Tuning),
    Finish,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    Partial(Transcript),
    Final(Transcript),
    TurnStarted,
    TurnEnded,
    TurnEnding,
    TurnResumed,
    Usage(Usage),
    Finished,
    Failed(Failure),
}
