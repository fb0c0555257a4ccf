//! One utterance on its way to text: a request, perhaps a second one, and the answer.

use crate::ear::Cut;
use plugin::net::Fault;
use plugin::refusal::Refusal;
use plugin::{Cause, Failure, Outcome};
use serde::Deserialize;

/// The text of half a minute is never so long.
const LONGEST_ANSWER: usize = 64 * 1024;

pub(crate) struct Job {
    /// of its connection, and of the timer before its second request
    pub(crate) number: u32,
    pub(crate) cut: Cut,
    pub(crate) state: State,
    asked_again: bool,
}

pub(crate) enum State {
    Waiting,
    Asked {
        refusal: Option<Refusal>,
        body: Vec<u8>,
    },
    /// before it is asked for again
    Resting,
    Ended(Result<String, Failure>),
}

/// What is to be done after something came.
#[derive(Debug, PartialEq)]
pub(crate) enum Next {
    Nothing,
    AskAgainLater,
    GiveUp,
}

#[derive(Deserialize)]
struct Answer {
    text: String,
}

impl Job {
    pub(crate) fn new(number: u32, cut: Cut) -> Self {
        Self { number, cut, state: State::Waiting, asked_again: false }
    }

    /// Something came of its request.
    pub(crate) fn came(&mut self, outcome: Outcome) -> Next {
        let State::Asked { refusal, body } = &mut self.state else { return Next::Nothing };
        match outcome {
            Outcome::Head(head) => *refusal = Refusal::new(head).ok(),
            Outcome::Body(piece) => match refusal {
                Some(refusal) => refusal.push(&piece),
                None => body.extend_from_slice(&piece),
            },
            Outcome::Closed(_) => match refusal.take() {
                Some(refusal) => return self.failed(refusal.failure(), refusal.status() >= 500),
                None => {
                    let answer = serde_json::from_slice(body).map(|answer: Answer| answer.text);
                    let garbled = |e| plugin::failure(Cause::Garbled, format!("not a transcription: {e}"));
                    self.state = State::Ended(answer.map_err(garbled));
                    return Next::Nothing;
                }
            },
            Outcome::Failed(failure) => {
                // the words of one who has waited for a timeout are too old to wait for another
                let passes = failure.fault == Fault::Unreachable;
                return self.failed(failure.into(), passes);
            }
            Outcome::Opened | Outcome::Frame(_) => {}
        }
        if body.len() > LONGEST_ANSWER {
            let message = format!("an answer of more than {LONGEST_ANSWER} bytes");
            self.state = State::Ended(Err(plugin::failure(Cause::Garbled, message)));
            return Next::GiveUp;
        }
        Next::Nothing
    }

    fn failed(&mut self, failure: Failure, passes: bool) -> Next {
        if passes && !std::mem::replace(&mut self.asked_again, true) {
            self.state = State::Resting;
            return Next::AskAgainLater;
        }
        self.state = State::Ended(Err(failure));
        Next::Nothing
    }
}
