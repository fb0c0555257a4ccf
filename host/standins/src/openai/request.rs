//! A request for a completion, and what the vendor does not accept in one.

use super::refusal::Refusal;
use serde_json::Value;

/// A request that the vendor would answer.
pub(super) struct Request {
    body: Value,
}

impl Request {
    pub(super) fn check(body: Value) -> Result<Self, Refusal> {
        if body.get("model").and_then(Value::as_str).is_none_or(str::is_empty) {
            return Err(Refusal::at("model", "you must provide a model parameter"));
        }
        let messages = body.get("messages").and_then(Value::as_array).filter(|list| !list.is_empty());
        let messages = messages.ok_or_else(|| {
            Refusal::at("messages", "Invalid 'messages': expected a non-empty array of messages.")
        })?;
        check_messages(messages)?;
        check_tools(&body)?;
        let request = Self { body };
        if request.body.get("stream_options").is_some_and(|o| !o.is_null()) && !request.wants_stream() {
            let message = "The 'stream_options' parameter is only allowed when 'stream' is enabled.";
            return Err(Refusal::at("stream_options", message));
        }
        Ok(request)
    }

    pub(super) fn model(&self) -> &str {
        self.body.get("model").and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn wants_stream(&self) -> bool {
        self.body.get("stream").and_then(Value::as_bool).unwrap_or(false)
    }

    pub(super) fn wants_usage(&self) -> bool {
        self.body.pointer("/stream_options/include_usage").and_then(Value::as_bool).unwrap_or(false)
    }

    /// Empty if the user has said nothing yet.
    pub(super) fn last_user_message(&self) -> String {
        self.messages().iter().rev().find(|m| role(m) == "user").map(content).unwrap_or_default()
    }

    /// Empty if the assistant has said nothing since the user did.
    pub(super) fn last_assistant_message(&self) -> String {
        let since = self.messages().iter().rev().take_while(|m| role(m) != "user");
        since.filter(|m| role(m) == "assistant").map(content).next().unwrap_or_default()
    }

    /// The content of the last message, if it is a tool's.
    pub(super) fn last_tool_result(&self) -> Option<String> {
        self.messages().last().filter(|m| role(m) == "tool").map(content)
    }

    /// Roughly: four characters each.
    pub(super) fn prompt_tokens(&self) -> usize {
        self.messages().iter().map(|m| content(m).chars().count() / 4 + 4).sum()
    }

    fn messages(&self) -> &[Value] {
        self.body.get("messages").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
    }
}

fn role(message: &Value) -> &str {
    message.get("role").and_then(Value::as_str).unwrap_or_default()
}

/// The text of a message, whose content is a string or a list of parts.
fn content(message: &Value) -> String {
    match message.get("content") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str)).collect()
        }
        _ => String::new(),
    }
}

fn check_messages(messages: &[Value]) -> Result<(), Refusal> {
    // the ids of the last assistant message's calls that have no result yet
    let mut unanswered: Vec<String> = Vec::new();
    for (n, message) in messages.iter().enumerate() {
        let at = |field: &str| format!("messages[{n}].{field}");
        let role = role(message);
        if role == "tool" {
            check_content(message, n)?;
            let id = message.get("tool_call_id").and_then(Value::as_str).unwrap_or_default();
            let Some(call) = unanswered.iter().position(|call| call == id) else {
                return Err(Refusal::at(
                    at("role"),
                    "Invalid parameter: messages with role 'tool' must be a response to a preceding message \
                     with 'tool_calls', once for each of its ids.",
                ));
            };
            unanswered.remove(call);
            continue;
        }
        all_answered(&unanswered)?;
        match role {
            "system" | "developer" | "user" => check_content(message, n)?,
            "assistant" => {
                unanswered = tool_call_ids(message, n)?;
                if unanswered.is_empty() {
                    check_content(message, n)?;
                }
            }
            other => {
                let message = format!(
                    "Invalid value: '{other}'. Supported values are: 'system', 'assistant', 'user', 'tool' \
                     and 'developer'."
                );
                return Err(Refusal::at(at("role"), message));
            }
        }
    }
    all_answered(&unanswered)
}

fn all_answered(unanswered: &[String]) -> Result<(), Refusal> {
    if unanswered.is_empty() {
        return Ok(());
    }
    Err(Refusal::at(
        "messages",
        format!(
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each \
             'tool_call_id'. The following tool_call_ids did not have response messages: {}",
            unanswered.join(", ")
        ),
    ))
}

fn check_content(message: &Value, n: usize) -> Result<(), Refusal> {
    match message.get("content") {
        Some(Value::String(_)) => Ok(()),
        Some(Value::Array(parts)) if !parts.is_empty() => Ok(()),
        _ => Err(Refusal::at(
            format!("messages[{n}].content"),
            "Invalid value for 'content': expected a string or a non-empty array of parts.",
        )),
    }
}

fn tool_call_ids(message: &Value, n: usize) -> Result<Vec<String>, Refusal> {
    let calls = match message.get("tool_calls") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(calls)) if !calls.is_empty() => calls,
        Some(_) => {
            let at = format!("messages[{n}].tool_calls");
            return Err(Refusal::at(at, "Invalid 'tool_calls': expected a non-empty array."));
        }
    };
    let id = |(c, call): (usize, &Value)| {
        let text = |path: &str| call.pointer(path).and_then(Value::as_str).filter(|text| !text.is_empty());
        let complete = text("/type") == Some("function")
            && text("/function/name").is_some()
            && text("/function/arguments").is_some();
        text("/id").filter(|_| complete).map(str::to_owned).ok_or_else(|| {
            Refusal::at(
                format!("messages[{n}].tool_calls[{c}]"),
                "Invalid tool call: expected 'id', 'type': 'function', and 'function' with 'name' and \
                 'arguments' as strings.",
            )
        })
    };
    calls.iter().enumerate().map(id).collect()
}

fn check_tools(body: &Value) -> Result<(), Refusal> {
    let tools = match body.get("tools") {
        None | Some(Value::Null) => {
            return match body.get("tool_choice") {
                None | Some(Value::Null) => Ok(()),
                Some(_) => Err(Refusal::at(
                    "tool_choice",
                    "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.",
                )),
            };
        }
        Some(Value::Array(tools)) if !tools.is_empty() => tools,
        Some(_) => return Err(Refusal::at("tools", "Invalid 'tools': expected a non-empty array.")),
    };
    for (n, tool) in tools.iter().enumerate() {
        let name = tool.pointer("/function/name").and_then(Value::as_str).unwrap_or_default();
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if name.is_empty() || name.len() > 64 || !name.chars().all(allowed) {
            return Err(Refusal::at(
                format!("tools[{n}].function.name"),
                format!(
                    "Invalid 'tools[{n}].function.name': expected 1 to 64 of the characters a-zA-Z0-9_-."
                ),
            ));
        }
        let schema = tool.pointer("/function/parameters");
        if tool.get("type").and_then(Value::as_str) != Some("function")
            || schema.is_some_and(|s| !s.is_object())
        {
            return Err(Refusal::at(
                format!("tools[{n}]"),
                "Invalid tool: expected 'type': 'function' and 'parameters' as an object.",
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn call(id: &str) -> Value {
        json!({"id": id, "type": "function", "function": {"name": "book", "arguments": "{}"}})
    }

    fn with(messages: Value) -> Result<Request, String> {
        Request::check(json!({"model": "m", "messages": messages})).map_err(|refusal| refusal.message)
    }

    #[test]
    fn every_tool_call_is_answered_before_anybody_speaks_again() {
        let user = json!({"role": "user", "content": "Two tables"});
        let calls = json!({"role": "assistant", "content": null, "tool_calls": [call("a"), call("b")]});
        let result = |id: &str| json!({"role": "tool", "tool_call_id": id, "content": "done"});
        let whole = with(json!([user, calls, result("b"), result("a"), user])).unwrap();
        assert_eq!(whole.last_user_message(), "Two tables");
        assert_eq!(whole.last_tool_result(), None);

        let unanswered = with(json!([user, calls, result("a"), user])).err().unwrap();
        assert!(unanswered.ends_with("did not have response messages: b"), "{unanswered}");
        for orphan in [json!([user, result("a")]), json!([user, calls, result("a"), result("a")])] {
            assert!(with(orphan).err().unwrap().contains("must be a response to a preceding message"));
        }
    }

    #[test]
    fn what_the_vendor_refuses_is_refused() {
        let hello = json!([{"role": "user", "content": "hello"}]);
        for (body, reason) in [
            (json!({"messages": hello}), "model parameter"),
            (json!({"model": "m", "messages": []}), "non-empty"),
            (json!({"model": "m", "messages": [{"role": "caller", "content": "x"}]}), "'caller'"),
            (json!({"model": "m", "messages": [{"role": "user"}]}), "'content'"),
            (json!({"model": "m", "messages": [{"role": "assistant", "content": null}]}), "'content'"),
            (json!({"model": "m", "messages": hello, "tools": []}), "'tools'"),
            (json!({"model": "m", "messages": hello, "tool_choice": "auto"}), "only allowed when"),
            (json!({"model": "m", "messages": hello, "stream_options": {}}), "only allowed when"),
            (
                json!({"model": "m", "messages": hello,
                    "tools": [{"type": "function", "function": {"name": "book a table"}}]}),
                "function.name",
            ),
        ] {
            let refusal = Request::check(body.clone()).err().unwrap();
            assert!(refusal.message.contains(reason), "{body}: {}", refusal.message);
        }
    }

    #[test]
    fn a_user_message_may_come_in_parts() {
        let parts = json!([{"type": "text", "text": "my soup "}, {"type": "text", "text": "was cold"}]);
        let request = with(json!([{"role": "user", "content": parts}])).unwrap();
        assert_eq!(request.last_user_message(), "my soup was cold");
    }
}
