//! A tool of the page: from what the model says to a request, and from the response to words.
//!
//! Whatever happens, the model is told the truth in words, because it would fill a gap by itself.

use crate::fields::Shared;
use crate::page::{Page, Place, Tool, Url};
use crate::scene;
use persona::bindings::cordboard::component::net::Fault;
use persona::{Call, Either, Fetched, Header, Level, Request, first, log};
use serde_json::{Map, Value, json};
use std::cell::Cell;

/// The host opens no more for one call.
const MOST_AT_ONCE: u32 = 8;

/// Of what a server says about an error.
const LONGEST_REFUSAL: usize = 300;

const SAY_SO: &str = "Say that this does not work right now. Do not make up what the answer might have been.";

/// Its arguments, as a JSON schema.
pub(crate) fn schema(tool: &Tool) -> Value {
    let properties: Map<String, Value> =
        tool.parameters.iter().map(|p| (p.name.clone(), p.kind.schema(&p.about))).collect();
    let required: Vec<&str> =
        tool.parameters.iter().filter(|p| p.required).map(|p| p.name.as_str()).collect();
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

/// What the model is told.
pub(crate) async fn run(
    call: &Call,
    page: &Page,
    tool: &Tool,
    arguments: &Value,
    fields: &Shared,
    running: &Cell<u32>,
) -> String {
    let request = match arguments_of(tool, arguments)
        .and_then(|arguments| request(call, page, tool, &arguments, fields))
    {
        Ok(request) => request,
        Err(wrong) => {
            return format!("Error: {wrong}. Nothing was done. Put it right, and call {} again.", tool.name);
        }
    };
    if running.get() >= MOST_AT_ONCE {
        return format!("Error: {MOST_AT_ONCE} tools run already. Nothing was done. {SAY_SO}");
    }
    running.set(running.get() + 1);
    let fetched = first(call.fetch(request), call.sleep(tool.timeout)).await;
    running.set(running.get() - 1);
    let told = match fetched {
        Either::A(Ok(fetched)) => answer(tool, &fetched),
        // it says how far it came
        Either::A(Err(failure)) if failure.fault == Fault::Cancelled => Err(failure.message),
        Either::A(Err(failure)) => Err(format!("it could not be reached: {}", failure.message)),
        Either::B(()) => {
            let seconds = tool.timeout.as_secs_f64();
            Err(format!("there was no answer within {seconds} s; whether it was done is not known"))
        }
    };
    told.unwrap_or_else(|wrong| {
        log(Level::Warn, &format!("the tool {}: {wrong}", tool.name));
        format!("Error: {wrong}. {SAY_SO}")
    })
}

/// Each of its type, those that may be left out as null.
fn arguments_of(tool: &Tool, said: &Value) -> Result<Map<String, Value>, String> {
    let mut arguments = Map::new();
    let mut wrong = Vec::new();
    for parameter in &tool.parameters {
        let name = &parameter.name;
        match said.get(name).filter(|value| !value.is_null()) {
            None if parameter.required => {
                wrong.push(format!("{name} is missing, {}: {}", parameter.kind.named(), parameter.about));
            }
            None => {
                arguments.insert(name.clone(), Value::Null);
            }
            Some(value) => match parameter.kind.check(value) {
                Ok(value) => {
                    arguments.insert(name.clone(), value);
                }
                Err(why) => wrong.push(format!("{name}: {why}")),
            },
        }
    }
    if wrong.is_empty() { Ok(arguments) } else { Err(wrong.join("; ")) }
}

fn request(
    call: &Call,
    page: &Page,
    tool: &Tool,
    arguments: &Map<String, Value>,
    fields: &Shared,
) -> Result<Request, String> {
    let fields = fields.get();
    let value = |place: &Place| match place {
        Place::Argument(name) => arguments.get(name).cloned(),
        place => scene::value(call, page, Some(&fields), place),
    };
    let places = tool.url.places();
    let places = places.chain(tool.headers.iter().flat_map(|(_, value)| value.places()));
    let places = places.chain(tool.body.iter().flat_map(|body| body.places()));
    let named: Vec<&Place> = places.collect();
    let is_named =
        |field: &&str| named.iter().any(|place| matches!(place, Place::Field(name) if name == field));
    let missing: Vec<&str> = fields.missing(page).into_iter().filter(is_named).collect();
    if !missing.is_empty() {
        let names = missing.join(", ");
        return Err(format!(
            "not known yet, or not confirmed by the caller: {names}. Find it out and save it first"
        ));
    }
    let url = Url::filled(&tool.url, &value)?;
    let mut headers = Vec::new();
    for (name, template) in &tool.headers {
        let text = template.text(&value);
        if text.contains(|c: char| c.is_control()) {
            return Err(format!("a value of the header {name} may not hold line breaks"));
        }
        headers.push(Header { name: name.clone(), value: text });
    }
    let body = tool.body.as_ref().map(|body| body.filled(&value).to_string().into_bytes());
    if body.is_some() && !headers.iter().any(|header| header.name.eq_ignore_ascii_case("content-type")) {
        headers.push(Header { name: "content-type".into(), value: "application/json".into() });
    }
    Ok(Request { method: tool.method.into(), url, headers, body: body.unwrap_or_default() })
}

/// What the server says, or what is wrong with it.
fn answer(tool: &Tool, Fetched { head, body }: &Fetched) -> Result<String, String> {
    let text = String::from_utf8_lossy(body);
    if !(200..300).contains(&head.status) {
        let said = cut(text.trim(), LONGEST_REFUSAL);
        let said = if said.is_empty() { String::new() } else { format!(" and says: {said}") };
        return Err(format!("the server refuses with status {}{said}", head.status));
    }
    let answer = match &tool.answer {
        None => text.trim().to_owned(),
        Some(pointer) => {
            let json: Value =
                serde_json::from_str(&text).map_err(|_| "the server's answer is not JSON".to_owned())?;
            let part = json.pointer(pointer).filter(|part| !part.is_null());
            let part = part.ok_or_else(|| format!("the server's answer has nothing at {pointer}"))?;
            part.as_str().map_or_else(|| part.to_string(), str::to_owned)
        }
    };
    Ok(if answer.is_empty() {
        "Done; the server says nothing more.".into()
    } else {
        cut(&answer, tool.max_bytes)
    })
}

/// At most so many bytes of it.
fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    format!("{} … (cut here)", text.get(..text.floor_char_boundary(most)).unwrap_or_default())
}
