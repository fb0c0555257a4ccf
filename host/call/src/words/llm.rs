//! A language model's session, which is one reply (`wit/llm.wit`).

use super::{Failure, Usage, chat};

/// Names one reply within a call; never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplyId(pub u32);

#[derive(Clone, Debug, PartialEq)]
pub struct Prompt {
    pub messages: Vec<chat::Message>,
    pub tools: Vec<chat::Tool>,
    pub tool_choice: chat::ToolChoice,
    pub max_tokens: Option<u32>,
    pub temperature: Option<f32>,
    /// a JSON schema, as text
    pub schema: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// open a session for this reply
    Generate(Prompt),
    /// close it; nothing that comes after is wanted
    Cancel,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    Delta(String),
    ToolCall(chat::ToolCall),
    Usage(Usage),
    Finished(chat::Stop),
    Failed(Failure),
}
