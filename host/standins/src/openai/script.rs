//! What the stand-in answers: rules, of which the first that fits is used.

use super::refusal::body_of;
use super::request::Request;
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// An ordered list of rules.
#[derive(Clone, Debug, Default)]
pub struct Script {
    rules: Vec<Rule>,
}

impl Script {
    pub fn new(rules: Vec<Rule>) -> Self {
        Self { rules }
    }

    /// Answers "You said: …" with the last user message.
    pub fn echo() -> Self {
        Self::always("You said: {said}")
    }

    /// Answers everything with this text.
    pub fn always(text: impl Into<String>) -> Self {
        Self::new(vec![Rule::new(When::Always, Reply::text(text))])
    }

    pub(super) fn reply(&self, request: &Request) -> Option<Reply> {
        self.rules.iter().find(|rule| rule.takes(request)).map(|rule| rule.reply.filled_in(request))
    }
}

/// When to answer what.
#[derive(Clone, Debug)]
pub struct Rule {
    when: When,
    reply: Reply,
    /// How often the rule is used; None: always.
    times: Option<usize>,
    /// How often it was used; clones of a rule count together.
    used: Arc<AtomicUsize>,
}

impl Rule {
    pub fn new(when: When, reply: Reply) -> Self {
        Self { when, reply, times: None, used: Arc::default() }
    }

    /// The rule fits at most so often, then the next ones are looked at.
    pub fn times(mut self, times: usize) -> Self {
        self.times = Some(times);
        self
    }

    fn takes(&self, request: &Request) -> bool {
        let fits = match &self.when {
            When::Always => true,
            When::Said(part) => request.last_user_message().to_lowercase().contains(&part.to_lowercase()),
            When::AfterToolResult => request.last_tool_result().is_some(),
        };
        fits && self.times.is_none_or(|times| {
            self.used
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| (n < times).then_some(n + 1))
                .is_ok()
        })
    }
}

/// What a rule looks for in a request.
#[derive(Clone, Debug)]
pub enum When {
    Always,
    /// The last user message contains this, capitals or not. It still does when a tool's result has
    /// followed: the rule for [`When::AfterToolResult`] belongs before this one.
    Said(String),
    /// The last message is a tool's result.
    AfterToolResult,
}

impl When {
    pub fn said(part: impl Into<String>) -> Self {
        Self::Said(part.into())
    }
}

/// What is answered. In texts, `{said}` stands for the last user message and `{tool_result}` for
/// the content of the last tool message.
#[derive(Clone, Debug)]
pub enum Reply {
    Text(String),
    /// Calls, after a text that may be empty.
    ToolCalls {
        text: String,
        calls: Vec<ToolCall>,
    },
    /// An answer without a completion.
    HttpError {
        status: u16,
        headers: Vec<(String, String)>,
        body: Value,
    },
    /// This, or what is missing of it: from where the assistant's last message since the user's breaks off,
    /// if that is how this begins.
    GoOn(String),
    /// The connection breaks after this text.
    TextThenDrop(String),
}

/// A function that the model wants to have called.
#[derive(Clone, Debug)]
pub struct ToolCall {
    pub name: String,
    pub arguments: Value,
}

impl Reply {
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub fn tool_call(name: impl Into<String>, arguments: Value) -> Self {
        let calls = vec![ToolCall { name: name.into(), arguments }];
        Self::ToolCalls { text: String::new(), calls }
    }

    /// The vendor's answer to too many requests, with the time after which to try again.
    pub fn rate_limited(retry_after_seconds: u32) -> Self {
        let headers = vec![("retry-after".into(), retry_after_seconds.to_string())];
        Self::HttpError { status: 429, headers, body: body_of(429) }
    }

    fn filled_in(&self, request: &Request) -> Self {
        let fill = |text: &String| {
            let tool_result = request.last_tool_result().unwrap_or_default();
            // one pass, so that braces in what was said stay as they are
            let pieces = text.split("{said}").map(|piece| piece.replace("{tool_result}", &tool_result));
            pieces.collect::<Vec<_>>().join(&request.last_user_message())
        };
        match self {
            Self::Text(text) => Self::Text(fill(text)),
            Self::TextThenDrop(text) => Self::TextThenDrop(fill(text)),
            Self::ToolCalls { text, calls } => Self::ToolCalls { text: fill(text), calls: calls.clone() },
            Self::GoOn(text) => {
                let said = request.last_assistant_message();
                let rest = text.strip_prefix(said.trim()).map(str::trim_start);
                Self::Text(rest.unwrap_or(text).to_owned())
            }
            Self::HttpError { .. } => self.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn request(messages: Value) -> Request {
        Request::check(json!({"model": "m", "messages": messages}))
            .unwrap_or_else(|e| panic!("{}", e.message))
    }

    fn said(script: &Script, text: &str) -> String {
        match script.reply(&request(json!([{"role": "user", "content": text}]))) {
            Some(Reply::Text(text)) => text,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn the_first_rule_that_fits_answers() {
        let script = Script::new(vec![
            Rule::new(When::said("Soup"), Reply::text("Too cold?")),
            Rule::new(When::Always, Reply::text("You said: {said}")),
        ]);
        assert_eq!(said(&script, "My SOUP was cold"), "Too cold?");
        assert_eq!(said(&script, "{tool_result}?"), "You said: {tool_result}?");
    }

    #[test]
    fn an_answer_that_was_cut_off_is_gone_on_with() {
        let script = Script::new(vec![Rule::new(When::Always, Reply::GoOn("It was cold, I hear.".into()))]);
        let answer = |said: &str| {
            let messages =
                json!([{"role": "user", "content": "Soup."}, {"role": "assistant", "content": said}]);
            match script.reply(&request(messages)) {
                Some(Reply::Text(text)) => text,
                other => format!("{other:?}"),
            }
        };
        assert_eq!(answer("It was cold,"), "I hear.");
        assert_eq!(answer("Hello!"), "It was cold, I hear.");
    }

    #[test]
    fn a_rule_that_is_used_up_leaves_the_word_to_the_next() {
        let script = Script::new(vec![
            Rule::new(When::Always, Reply::text("first")).times(1),
            Rule::new(When::Always, Reply::text("second")).times(1),
        ]);
        let answers: Vec<_> = (0..3).map(|_| said(&script, "hello")).collect();
        assert_eq!(answers, ["first", "second", "None"]);
    }
}
