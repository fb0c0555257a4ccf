//! `cordboard dial`: has a running server call somebody, and tells how the call goes.

use super::client::Server;
use crate::config::{self, Flags};
use anyhow::{Context, bail};
use clap::Args;
use futures_util::StreamExt;
use reqwest::Method;
use serde_json::{Map, Value, json};
use std::process::ExitCode;

pub const EXAMPLES: &str = "Examples:
  cordboard dial +15555550101
  cordboard dial +15555550101 --message \"Hello, this is a test.\" --detach";

#[derive(Args)]
pub struct Arguments {
    /// Whom to call, as E.164: +15555550101
    number: String,
    /// Call from this number [default: the server's TWILIO_PHONE_NUMBER]
    #[arg(long, value_name = "NUMBER")]
    from: Option<String>,
    /// Say this in place of the persona's greeting
    #[arg(long, value_name = "TEXT")]
    message: Option<String>,
    /// Another persona than the route's
    #[arg(long, value_name = "ID")]
    persona: Option<String>,
    /// Something that the persona is to know; may be given many times
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = super::call::parameter)]
    parameters: Vec<(String, String)>,
    /// The server [default: the configured address, on this machine]
    #[arg(long)]
    url: Option<String>,
    /// Do not follow the call
    #[arg(long)]
    detach: bool,
}

pub fn dial(flags: &Flags, arguments: Arguments) -> anyhow::Result<ExitCode> {
    let loaded = config::load(flags)?;
    let server = Server::new(arguments.url.clone(), &loaded)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let placed = server.json(server.post("/outbound", &wanted(&arguments))).await?;
        let text = |name: &str| placed.get(name).and_then(Value::as_str).unwrap_or_default();
        let sid = text("call_sid");
        println!("calling {} from {}: {sid} ({})", text("to"), text("from"), text("status"));
        if arguments.detach {
            return Ok(ExitCode::SUCCESS);
        }
        follow(&server, sid).await
    })
}

fn wanted(arguments: &Arguments) -> Value {
    let parameters: Map<String, Value> =
        arguments.parameters.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    let mut wanted = Map::from_iter([("to_number".to_owned(), json!(arguments.number))]);
    let more = [
        ("from_number", &arguments.from),
        ("initial_message", &arguments.message),
        ("persona", &arguments.persona),
    ];
    wanted
        .extend(more.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value.as_ref()?)))));
    wanted.insert("parameters".into(), parameters.into());
    wanted.into()
}

/// Tells what happens in the call, until it is over.
async fn follow(server: &Server, sid: &str) -> anyhow::Result<ExitCode> {
    let response = server.send(server.request(Method::GET, &format!("/calls/{sid}/events"))).await?;
    if !response.status().is_success() {
        bail!("the call is under way, but cannot be followed: {}", response.text().await.unwrap_or_default());
    }
    let mut stream = response.bytes_stream();
    let mut text = Vec::new();
    let mut last = Value::Null;
    while let Some(piece) = stream.next().await {
        text.extend_from_slice(&piece.context("the server went away; the call may go on")?);
        while let Some(end) = text.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = text.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line).into_owned();
            if let Some(data) = line.trim_end().strip_prefix("data:")
                && let Ok(event) = serde_json::from_str::<Value>(data)
            {
                if let Some(told) = told(&event) {
                    println!("{told}");
                }
                last = event;
            }
        }
    }
    // a call that nobody picked up has no conversation
    let talked = last.get("event").and_then(Value::as_str) == Some("end");
    let departure = last.get("departure").and_then(Value::as_str).unwrap_or_default();
    Ok(if talked && departure != "failed" { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A line for a person; none: nothing for them.
fn told(event: &Value) -> Option<String> {
    let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default();
    let line = |who: &str, what: &str| Some(format!("  {who:<8} {what}"));
    match text("event") {
        "status" => line("", text("status")),
        "call" => line("", text("status")),
        "answered_by" => line("", &format!("answered by {}", text("answered_by"))),
        "turn" => line("they", text("text")),
        "spoke" if !text("heard").is_empty() => line("agent", text("heard")),
        "outcome" => line("", &format!("outcome: {}", text("outcome"))),
        "trouble" => line("", &format!("trouble: {}", text("what"))),
        "end" => line("", &format!("the conversation is over ({})", text("departure"))),
        _ => None,
    }
}
