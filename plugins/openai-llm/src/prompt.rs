//! The prompt as the body of a request.

use crate::Settings;
use plugin::llm::{Message, Prompt, Tool, ToolChoice};
use plugin::{Cause, Failure};
use serde_json::{Map, Value, json};

/// Fails where what the persona wrote as JSON is none.
pub(crate) fn body(settings: &Settings, prompt: Prompt) -> Result<Vec<u8>, Failure> {
    let mut body = Map::new();
    body.insert("model".into(), json!(settings.model));
    body.insert("messages".into(), prompt.messages.iter().map(message).collect());
    body.insert("stream".into(), json!(true));
    if settings.stream_usage {
        body.insert("stream_options".into(), json!({ "include_usage": true }));
    }
    if !prompt.tools.is_empty() {
        let tools = prompt.tools.iter().map(tool).collect::<Result<Vec<_>, _>>()?;
        body.insert("tools".into(), json!(tools));
        body.insert("tool_choice".into(), json!(tool_choice(prompt.tool_choice)));
    }
    if let Some(most) = prompt.max_tokens {
        body.insert(settings.max_tokens_field.clone(), json!(most));
    }
    if let Some(temperature) = prompt.temperature {
        body.insert("temperature".into(), json!(temperature));
    }
    if let Some(schema) = &prompt.schema {
        let schema = parse(schema, "the schema")?;
        let format = json!({ "name": "answer", "schema": schema, "strict": true });
        body.insert("response_format".into(), json!({ "type": "json_schema", "json_schema": format }));
    }
    Ok(Value::Object(body).to_string().into_bytes())
}

fn message(message: &Message) -> Value {
    match message {
        Message::System(text) => json!({ "role": "system", "content": text }),
        Message::Caller(text) => json!({ "role": "user", "content": text }),
        Message::Assistant(reply) if reply.calls.is_empty() => {
            json!({ "role": "assistant", "content": reply.text })
        }
        Message::Assistant(reply) => {
            let content = if reply.text.is_empty() { Value::Null } else { json!(reply.text) };
            let calls: Vec<Value> = reply
                .calls
                .iter()
                .map(|call| {
                    let function = json!({ "name": call.name, "arguments": call.arguments });
                    json!({ "id": call.id, "type": "function", "function": function })
                })
                .collect();
            json!({ "role": "assistant", "content": content, "tool_calls": calls })
        }
        Message::Tool(result) => {
            json!({ "role": "tool", "tool_call_id": result.id, "content": result.content })
        }
    }
}

fn tool(tool: &Tool) -> Result<Value, Failure> {
    let parameters = parse(&tool.parameters, &format!("the parameters of the tool {:?}", tool.name))?;
    let function = json!({ "name": tool.name, "description": tool.description, "parameters": parameters });
    Ok(json!({ "type": "function", "function": function }))
}

fn tool_choice(choice: ToolChoice) -> &'static str {
    match choice {
        ToolChoice::Auto => "auto",
        ToolChoice::None => "none",
        ToolChoice::Required => "required",
    }
}

fn parse(text: &str, what: &str) -> Result<Value, Failure> {
    serde_json::from_str(text)
        .map_err(|e| plugin::failure(Cause::Misconfigured, format!("{what} is not JSON: {e}")))
}
