//! What happens in a call, for those who watch it.

use super::view::View;
use crate::calls::{How, Moved};
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Event {
    /// when
    pub at: String,
    #[serde(flatten)]
    pub what: What,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum What {
    /// The call as it is: the first event of everybody who watches, and again where events were missed.
    Call(Box<View>),
    /// In Twilio's words: `ringing`, `in-progress` …
    Status { status: String },
    /// `attached`, `lost`, `back`
    Line { state: &'static str },
    /// Who picked up, in Twilio's words.
    AnsweredBy { answered_by: String },
    /// The caller began or stopped to speak.
    Caller { speaking: bool },
    /// The turn so far; replaces the last one.
    Partial { text: String },
    /// The caller's turn, whole. A later revision of the same number replaces it.
    Turn { number: u32, revision: u32, text: String },
    /// The agent begins to be heard; as far as its text is known. `utterance`: its number in the call.
    Speaks { utterance: u32, text: String },
    /// The agent has stopped speaking something. `ending`: complete, interrupted, cancelled or failed. Where the
    /// caller cut in, the next utterance may have begun before that is known.
    Spoke { utterance: u32, text: String, heard: String, ending: &'static str },
    /// How far a tool has come that the model called for in this turn. `step`: requested, sent, and done, or
    /// lost where nobody will know its result; each once.
    Tool { turn: u32, name: String, call: String, step: &'static str },
    /// Milliseconds from the end of the caller's speech; null where something was not reached.
    Metrics {
        turn: u32,
        revision: u32,
        transcript_ms: Option<u64>,
        closed_ms: Option<u64>,
        first_token_ms: Option<u64>,
        first_piece_ms: Option<u64>,
        first_audio_ms: Option<u64>,
        first_frame_ms: Option<u64>,
    },
    /// Facts that the persona keeps; a later one of the same name replaces the earlier.
    Kept { fields: serde_json::Map<String, serde_json::Value> },
    /// How the call went, in the persona's words.
    Outcome { outcome: String },
    /// Another build of a component does its job in this call from here on. `stage`: stt, llm, tts or
    /// persona.
    Exchanged { stage: &'static str, component: String, generation: u32 },
    /// Another provider goes on, as one failed.
    FailedOver { stage: &'static str, from: String, to: String },
    /// How loud both sides were, 0 (-60 dBFS or less) to 100 (full scale), one value for each `step_ms`; the
    /// last ones end at `at`. Only to those who ask for it.
    Levels { step_ms: u32, caller: Vec<u8>, agent: Vec<u8> },
    /// An operator stopped what was being spoken.
    Interrupt {},
    /// An operator told the persona something.
    Operator { text: String },
    /// The caller is to be put through; `by`: `persona`, `operator` or `last resort`.
    Transfer { to: String, warm: bool, by: &'static str },
    /// The caller was put through.
    Transferred {},
    /// Something did not go as it should.
    Trouble { what: String },
    /// The conversation is over, and why: `caller`, `script`, `operator`, `transferred`, `failed`, `limit`.
    End { departure: String },
}

impl From<Moved> for What {
    fn from(Moved { stage, to, how }: Moved) -> Self {
        match how {
            How::Exchanged { generation, .. } => Self::Exchanged { stage, component: to, generation },
            How::FailedOver { from } => Self::FailedOver { stage, from, to },
        }
    }
}
