//! The times of a turn, defined once.

use crate::Moment;
use crate::line::Step;
use std::time::Duration;

/// When the stages of one turn were reached; none: not at all.
///
/// Every moment is the one at which the call was told, so all of them lie on the driver's clock.
/// On a line that carries words there are no pieces and no audio: there `first_frame` is the first
/// text sent, and `end_of_speech` the moment the words arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TurnTimes {
    pub number: u32,
    pub revision: u32,
    /// the last sound of the caller, by the detector; where it heard none, the last transcript
    pub end_of_speech: Option<Moment>,
    /// the last words of the turn were known
    pub transcript: Option<Moment>,
    /// the turn was closed, and given to the persona
    pub closed: Option<Moment>,
    /// the first text or tool call of a model, where one was asked for the reply
    pub first_token: Option<Moment>,
    /// the first piece of the reply was given to the voice
    pub first_piece: Option<Moment>,
    /// the first audio of the reply came from the voice
    pub first_audio: Option<Moment>,
    /// the first frame of the reply was sent to the caller
    pub first_frame: Option<Moment>,
}

impl TurnTimes {
    /// From the caller's last sound to the first frame of the reply.
    pub fn voice_to_voice(&self) -> Option<Duration> {
        Some(self.first_frame?.since(self.end_of_speech?))
    }

    pub(crate) fn reach(&mut self, step: Step, now: Moment) {
        let reached = match step {
            Step::FirstPiece => &mut self.first_piece,
            Step::FirstAudio => &mut self.first_audio,
            Step::FirstFrame => &mut self.first_frame,
        };
        reached.get_or_insert(now);
    }
}
