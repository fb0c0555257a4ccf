//! A call, as those see it who may.

use call::persona::{Departure, Direction};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct View {
    /// Twilio's name; null while Twilio has not told it
    pub call_sid: Option<String>,
    /// what it is known by here: Twilio's name, or, for a call that was placed here, our own
    pub id: String,
    /// in Twilio's words
    pub status: String,
    /// `inbound` or `outbound`
    pub direction: String,
    pub from: Option<String>,
    pub to: Option<String>,
    /// who picked up, in Twilio's words
    pub answered_by: Option<String>,
    /// there is a conversation
    pub live: bool,
    /// since then it is known here
    pub created_at: String,
    pub start_time: Option<String>,
    pub end_time: Option<String>,
    /// in seconds
    pub duration: Option<u64>,
    /// why the conversation is over; `lost`: the node that held it is gone
    pub departure: Option<String>,
    pub outcome: Option<String>,
    /// what the agent is saying, as far as its text is known
    pub speaking: Option<String>,
    /// what the persona kept, by name
    pub kept: BTreeMap<String, serde_json::Value>,
    /// so far
    pub conversation: Vec<Line>,
    /// what it is held over: `stream`, `relay`, `gather`; null: not decided yet
    #[serde(default)]
    pub line: Option<String>,
    /// it is held from the console
    #[serde(default)]
    pub console: bool,
    /// who holds the conversation
    #[serde(default)]
    pub persona: Option<String>,
    /// who hears, thinks and speaks: `stt`, `llm`, `tts`
    #[serde(default)]
    pub providers: BTreeMap<String, String>,
    /// `ringing`, `listening`, `hearing` (the caller speaks), `thinking`, `speaking`, `lost` (its line), `over`; of a
    /// call that another node holds `live`
    #[serde(default)]
    pub state: String,
    /// since when it is in that state
    #[serde(default)]
    pub state_since: Option<String>,
    /// the caller's
    #[serde(default)]
    pub turns: u32,
    /// times that the caller cut in
    #[serde(default)]
    pub interruptions: u32,
    /// times that another provider went on
    #[serde(default)]
    pub failovers: u32,
    /// from the end of the caller's last turn to the answer's first frame, in milliseconds
    #[serde(default)]
    pub latency_ms: Option<u64>,
    /// the last five things that did not go as they should
    #[serde(default)]
    pub trouble: Vec<Trouble>,
    /// the node that holds it, where there are several
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
}

/// Something that did not go as it should.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct Trouble {
    pub at: String,
    pub what: String,
}

/// Something that was said.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct Line {
    pub at: String,
    /// `caller` or `agent`
    pub who: String,
    /// of the agent: what was heard of it
    pub text: String,
    /// the caller's turn
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<u32>,
}

pub fn direction_of(is_outbound: bool) -> Direction {
    if is_outbound { Direction::Outbound } else { Direction::Inbound }
}

pub fn direction_name(direction: Direction) -> &'static str {
    match direction {
        Direction::Inbound => "inbound",
        Direction::Outbound => "outbound",
    }
}

pub fn departure_name(departure: Departure) -> &'static str {
    match departure {
        Departure::Caller => "caller",
        Departure::Script => "script",
        Departure::Operator => "operator",
        Departure::Transferred => "transferred",
        Departure::Failed => "failed",
        Departure::Limit => "limit",
    }
}

/// Of the names above; none: it is none of them.
pub fn departure_of(name: &str) -> Option<Departure> {
    let all = [
        Departure::Caller,
        Departure::Script,
        Departure::Operator,
        Departure::Transferred,
        Departure::Failed,
        Departure::Limit,
    ];
    all.into_iter().find(|departure| departure_name(*departure) == name)
}
