//! What is kept, as tables: what their columns are called and hold, once for every kind of database.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Table {
    Conversations,
    Turns,
    CallEvents,
    ConversationMetrics,
}

/// What a column holds. A row is JSON: a number for [`Integer`](Self::Integer), an object or a list
/// for [`Json`](Self::Json), a text for all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Integer,
    /// exact: `1250.50`
    Decimal,
    /// `2026-11-21`
    Date,
    /// RFC 3339, UTC
    Timestamp,
    Uuid,
    Json,
}

impl Kind {
    /// PostgreSQL's type for it.
    pub fn postgres(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Integer => "bigint",
            Self::Decimal => "numeric",
            Self::Date => "date",
            Self::Timestamp => "timestamptz",
            Self::Uuid => "uuid",
            Self::Json => "jsonb",
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Column {
    pub name: &'static str,
    pub kind: Kind,
}

const fn column(name: &'static str, kind: Kind) -> Column {
    Column { name, kind }
}

impl Table {
    pub const ALL: [Self; 4] =
        [Self::Conversations, Self::Turns, Self::CallEvents, Self::ConversationMetrics];

    pub fn name(self) -> &'static str {
        match self {
            Self::Conversations => "conversations",
            Self::Turns => "turns",
            Self::CallEvents => "call_events",
            Self::ConversationMetrics => "conversation_metrics",
        }
    }

    /// By these a row is known; a second row of the same key replaces what it names of the first.
    pub fn key(self) -> &'static [&'static str] {
        match self {
            Self::Conversations => &["id"],
            Self::Turns | Self::CallEvents => &["conversation_id", "position"],
            Self::ConversationMetrics => &["conversation_id"],
        }
    }

    pub fn columns(self) -> &'static [Column] {
        use Kind::{Date, Decimal, Integer, Json, Text, Timestamp, Uuid};
        match self {
            Self::Conversations => {
                const COLUMNS: [Column; 23] = [
                    column("id", Uuid),
                    column("call_sid", Text),
                    column("direction", Text),
                    column("caller", Text),
                    column("called", Text),
                    column("persona", Text),
                    column("language", Text),
                    column("answered_by", Text),
                    column("node", Text),
                    column("claim_id", Text),
                    column("claim_date", Date),
                    column("claim_status", Text),
                    column("claim_amount", Decimal),
                    column("state", Text),
                    // what else the persona keeps, by name
                    column("fields", Json),
                    column("outcome", Text),
                    // why it is over; null: it goes on
                    column("departure", Text),
                    column("recording", Text),
                    // what was used of each provider
                    column("usage", Json),
                    column("cost", Decimal),
                    column("created_at", Timestamp),
                    column("ended_at", Timestamp),
                    column("duration_ms", Integer),
                ];
                &COLUMNS
            }
            Self::Turns => {
                const COLUMNS: [Column; 10] = [
                    column("conversation_id", Uuid),
                    // in the order in which it was said
                    column("position", Integer),
                    // the caller's turn that this is, or that it answers; 0: nobody had spoken yet
                    column("turn", Integer),
                    column("revision", Integer),
                    // `caller` or `agent`
                    column("speaker", Text),
                    // of the agent: what was heard of it
                    column("text", Text),
                    // of the agent: the whole of what it set out to say
                    column("intended", Text),
                    // of the agent: complete, interrupted, cancelled, failed
                    column("ending", Text),
                    column("confidence", Decimal),
                    column("created_at", Timestamp),
                ];
                &COLUMNS
            }
            Self::CallEvents => {
                const COLUMNS: [Column; 5] = [
                    column("conversation_id", Uuid),
                    column("position", Integer),
                    column("event", Text),
                    column("data", Json),
                    column("created_at", Timestamp),
                ];
                &COLUMNS
            }
            Self::ConversationMetrics => {
                const COLUMNS: [Column; 28] = [
                    column("conversation_id", Uuid),
                    column("turns", Integer),
                    column("interruptions", Integer),
                    column("created_at", Timestamp),
                    // milliseconds, all of them, from the end of the caller's speech to the first
                    // frame of the answer
                    column("latency_avg_ms", Integer),
                    column("latency_min_ms", Integer),
                    column("latency_max_ms", Integer),
                    // of each stage: from the request to the last, and to the first useful, output
                    column("stt_provider", Text),
                    column("stt_processing_avg_ms", Integer),
                    column("stt_processing_min_ms", Integer),
                    column("stt_processing_max_ms", Integer),
                    column("stt_first_avg_ms", Integer),
                    column("stt_first_min_ms", Integer),
                    column("stt_first_max_ms", Integer),
                    column("llm_provider", Text),
                    column("llm_processing_avg_ms", Integer),
                    column("llm_processing_min_ms", Integer),
                    column("llm_processing_max_ms", Integer),
                    column("llm_first_avg_ms", Integer),
                    column("llm_first_min_ms", Integer),
                    column("llm_first_max_ms", Integer),
                    column("tts_provider", Text),
                    column("tts_processing_avg_ms", Integer),
                    column("tts_processing_min_ms", Integer),
                    column("tts_processing_max_ms", Integer),
                    column("tts_first_avg_ms", Integer),
                    column("tts_first_min_ms", Integer),
                    column("tts_first_max_ms", Integer),
                ];
                &COLUMNS
            }
        }
    }

    pub fn column(self, name: &str) -> Option<Column> {
        self.columns().iter().copied().find(|column| column.name == name)
    }
}

/// What is to be kept: it adds a row, or replaces these values of the row with the same key. Every row
/// names its key and `created_at`, so that it can be the first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    pub table: Table,
    pub values: Map<String, Value>,
}
