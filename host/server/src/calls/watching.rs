//! What happens in a call, in the words of those who watch it.

use crate::registry::What;
use call::persona::Ending;
use call::{Moment, Observation, TurnTimes};

/// None: nothing for them.
pub fn what(observation: &Observation) -> Option<What> {
    Some(match observation {
        Observation::Caller { speaking } => What::Caller { speaking: *speaking },
        Observation::Partial(said) => What::Partial { text: said.text.clone() },
        Observation::Turn(turn) => {
            What::Turn { number: turn.number, revision: turn.revision, text: turn.said.text.clone() }
        }
        Observation::Speaks { utterance, text } => {
            What::Speaks { utterance: utterance.0, text: text.trim().to_owned() }
        }
        Observation::Spoke { utterance, text, heard, ending, .. } => What::Spoke {
            utterance: utterance.0,
            text: text.clone(),
            heard: heard.clone(),
            ending: ending_name(*ending),
        },
        Observation::Tool { turn, name, call, step } => {
            What::Tool { turn: *turn, name: name.clone(), call: call.clone(), step: step.name() }
        }
        Observation::Times(times) => metrics(times),
        Observation::Kept(fields) => What::Kept {
            fields: fields
                .iter()
                .map(|field| {
                    let value = serde_json::from_str(&field.value);
                    // what is no JSON is at least text
                    (field.name.clone(), value.unwrap_or_else(|_| field.value.clone().into()))
                })
                .collect(),
        },
        Observation::Outcome(outcome) => What::Outcome { outcome: outcome.clone() },
        Observation::Trouble(what) => What::Trouble { what: what.clone() },
        // said with the trouble that led to it
        Observation::FailedOver(_) => return None,
    })
}

fn metrics(times: &TurnTimes) -> What {
    let after = |moment: Option<Moment>| {
        let passed = moment?.since(times.end_of_speech?);
        Some(passed.as_millis() as u64)
    };
    What::Metrics {
        turn: times.number,
        revision: times.revision,
        transcript_ms: after(times.transcript),
        closed_ms: after(times.closed),
        first_token_ms: after(times.first_token),
        first_piece_ms: after(times.first_piece),
        first_audio_ms: after(times.first_audio),
        first_frame_ms: after(times.first_frame),
    }
}

pub fn ending_name(ending: Ending) -> &'static str {
    match ending {
        Ending::Complete => "complete",
        Ending::Interrupted => "interrupted",
        Ending::Cancelled => "cancelled",
        Ending::Failed => "failed",
    }
}
