//! Words that every kind shares, there and back.

use super::llm::cordboard::component::chat as wit_chat;
use super::shared::{net as wit_net, types as wit};
use crate::egress::{self, NetEvent, Outcome, What};
use crate::manifest::{Encoding, Sound};
use crate::remark::one_line;
use call::{chat, net};
use std::time::Duration;

pub(super) fn milliseconds(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}

pub(super) fn time(milliseconds: u32) -> Duration {
    Duration::from_millis(milliseconds.into())
}

pub(super) fn failure(failure: wit::Failure) -> call::Failure {
    let cause = match failure.cause {
        wit::Cause::Misconfigured => call::Cause::Misconfigured,
        wit::Cause::Denied => call::Cause::Denied,
        wit::Cause::Busy => call::Cause::Busy,
        wit::Cause::Unreachable => call::Cause::Unreachable,
        wit::Cause::Garbled => call::Cause::Garbled,
        wit::Cause::Unsupported => call::Cause::Unsupported,
    };
    // it is shown to people
    let message = one_line(&failure.message).into_owned();
    call::Failure { cause, message, retry_after: failure.retry_after.map(time) }
}

pub(super) fn usage(usage: wit::Usage) -> call::Usage {
    call::Usage { unit: usage.unit, amount: usage.amount }
}

pub(super) fn word(word: wit::Word) -> call::Word {
    call::Word { text: word.text, start: time(word.start), end: time(word.end) }
}

pub(super) fn format(sound: Sound) -> wit::AudioFormat {
    let encoding = match sound.encoding {
        Encoding::Mulaw => wit::Encoding::Mulaw,
        Encoding::Pcm16 => wit::Encoding::Pcm16,
    };
    wit::AudioFormat { encoding, rate: sound.rate }
}

// -- net

fn header_in(header: wit_net::Header) -> net::Header {
    net::Header { name: header.name, value: header.value }
}

fn header_out(header: net::Header) -> wit_net::Header {
    wit_net::Header { name: header.name, value: header.value }
}

fn headers_in(headers: Vec<wit_net::Header>) -> Vec<net::Header> {
    headers.into_iter().map(header_in).collect()
}

fn headers_out(headers: Vec<net::Header>) -> Vec<wit_net::Header> {
    headers.into_iter().map(header_out).collect()
}

pub(super) fn request(request: wit_net::Request) -> net::Request {
    let wit_net::Request { method, url, headers, body } = request;
    net::Request { method, url, headers: headers_in(headers), body }
}

pub(super) fn head(head: net::Head) -> wit_net::Head {
    wit_net::Head { status: head.status, headers: headers_out(head.headers) }
}

pub(super) fn net_failure(failure: net::Failure) -> wit_net::Failure {
    let fault = match failure.fault {
        net::Fault::Forbidden => wit_net::Fault::Forbidden,
        net::Fault::Unreachable => wit_net::Fault::Unreachable,
        net::Fault::Refused => wit_net::Fault::Refused,
        net::Fault::Timeout => wit_net::Fault::Timeout,
        net::Fault::TooLarge => wit_net::Fault::TooLarge,
        net::Fault::Protocol => wit_net::Fault::Protocol,
        net::Fault::Cancelled => wit_net::Fault::Cancelled,
    };
    let headers = headers_out(failure.headers);
    wit_net::Failure { fault, code: failure.code, message: failure.message, headers }
}

pub(super) fn net_action(effect: wit_net::Effect) -> egress::Action {
    let what = match effect.action {
        wit_net::Action::Open(wit_net::Websocket { url, headers, protocols }) => {
            What::Open { url, headers: headers_in(headers), protocols }
        }
        wit_net::Action::Request(asked) => What::Request(request(asked)),
        wit_net::Action::Send(wit_net::Frame::Text(text)) => What::Send(egress::Frame::Text(text)),
        wit_net::Action::Send(wit_net::Frame::Binary(data)) => What::Send(egress::Frame::Binary(data)),
        wit_net::Action::Close => What::Close,
    };
    egress::Action { connection: effect.connection, what }
}

pub(super) fn net_event(event: NetEvent) -> wit_net::Event {
    let outcome = match event.outcome {
        Outcome::Opened => wit_net::Outcome::Opened,
        Outcome::Head(response) => wit_net::Outcome::Head(head(response)),
        Outcome::Frame(egress::Frame::Text(text)) => wit_net::Outcome::Frame(wit_net::Frame::Text(text)),
        Outcome::Frame(egress::Frame::Binary(data)) => wit_net::Outcome::Frame(wit_net::Frame::Binary(data)),
        Outcome::Body(piece) => wit_net::Outcome::Body(piece),
        Outcome::Closed { code, reason } => wit_net::Outcome::Closed(wit_net::Closure { code, reason }),
        Outcome::Failed(failure) => wit_net::Outcome::Failed(net_failure(failure)),
    };
    wit_net::Event { connection: event.connection, outcome }
}

// -- chat

pub(super) fn tool_in(tool: wit_chat::Tool) -> chat::Tool {
    chat::Tool { name: tool.name, description: tool.description, parameters: tool.parameters }
}

pub(super) fn tool_out(tool: chat::Tool) -> wit_chat::Tool {
    wit_chat::Tool { name: tool.name, description: tool.description, parameters: tool.parameters }
}

pub(super) fn call_in(call: wit_chat::ToolCall) -> chat::ToolCall {
    chat::ToolCall { id: call.id, name: call.name, arguments: call.arguments }
}

pub(super) fn call_out(call: chat::ToolCall) -> wit_chat::ToolCall {
    wit_chat::ToolCall { id: call.id, name: call.name, arguments: call.arguments }
}

pub(super) fn result_in(result: wit_chat::ToolResult) -> chat::ToolResult {
    chat::ToolResult { id: result.id, content: result.content }
}

pub(super) fn message_in(message: wit_chat::Message) -> chat::Message {
    match message {
        wit_chat::Message::System(text) => chat::Message::System(text),
        wit_chat::Message::Caller(text) => chat::Message::Caller(text),
        wit_chat::Message::Assistant(reply) => {
            let calls = reply.calls.into_iter().map(call_in).collect();
            chat::Message::Assistant(chat::Reply { text: reply.text, calls })
        }
        wit_chat::Message::Tool(result) => chat::Message::Tool(result_in(result)),
    }
}

pub(super) fn message_out(message: chat::Message) -> wit_chat::Message {
    match message {
        chat::Message::System(text) => wit_chat::Message::System(text),
        chat::Message::Caller(text) => wit_chat::Message::Caller(text),
        chat::Message::Assistant(reply) => {
            let calls = reply.calls.into_iter().map(call_out).collect();
            wit_chat::Message::Assistant(wit_chat::Reply { text: reply.text, calls })
        }
        chat::Message::Tool(result) => {
            wit_chat::Message::Tool(wit_chat::ToolResult { id: result.id, content: result.content })
        }
    }
}

pub(super) fn choice_in(choice: wit_chat::ToolChoice) -> chat::ToolChoice {
    match choice {
        wit_chat::ToolChoice::Auto => chat::ToolChoice::Auto,
        wit_chat::ToolChoice::None => chat::ToolChoice::None,
        wit_chat::ToolChoice::Required => chat::ToolChoice::Required,
    }
}

pub(super) fn choice_out(choice: chat::ToolChoice) -> wit_chat::ToolChoice {
    match choice {
        chat::ToolChoice::Auto => wit_chat::ToolChoice::Auto,
        chat::ToolChoice::None => wit_chat::ToolChoice::None,
        chat::ToolChoice::Required => wit_chat::ToolChoice::Required,
    }
}

pub(super) fn stop(stop: wit_chat::Stop) -> chat::Stop {
    match stop {
        wit_chat::Stop::Complete => chat::Stop::Complete,
        wit_chat::Stop::Tools => chat::Stop::Tools,
        wit_chat::Stop::Length => chat::Stop::Length,
        wit_chat::Stop::Refused => chat::Stop::Refused,
    }
}
