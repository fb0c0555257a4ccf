//! One accepted connection: the client's messages in, the vendor's out, until one side closes.
//!
//! Messages go out in order. A final that is to take its time (`final_delay`) holds back those
//! after it, but not the reading of audio.

use super::Shared;
use super::hearing::{Heard, Hearing, Kind, Segment};
use super::messages::{Messages, plain, request_id};
use super::parameters::Parameters;
use crate::speech::{Error, Recogniser};
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

const NORMAL: u16 = 1000;
const INTERNAL: u16 = 1011;
/// How long a client may take to answer a close frame.
const CLOSING: Duration = Duration::from_secs(1);

/// A message, and when it may go.
type Outgoing = (Instant, Message);

pub(super) async fn serve(socket: WebSocket, parameters: Parameters, shared: &Shared, number: usize) {
    let (sink, mut client) = socket.split();
    let (outgoing, queue) = mpsc::unbounded_channel();
    let messages = Messages {
        request_id: request_id(number),
        model: parameters.model.clone(),
        punctuated: parameters.punctuated,
    };
    let talking = async {
        let session = async {
            let recogniser = Recogniser::start(&shared.config.grammar).await?;
            let hearing = Hearing::new(parameters, shared.config.interim_every, recogniser)?;
            Session { shared, messages, hearing, outgoing: outgoing.clone() }.run(&mut client).await
        };
        let close = session.await.unwrap_or_else(|error: Error| {
            tracing::error!(%error, "deepgram stand-in cannot recognise");
            Some((INTERNAL, "the stand-in's recogniser failed".into()))
        });
        if let Some((code, reason)) = close {
            let frame = CloseFrame { code, reason: reason.into() };
            // nobody listens any more: then nobody is waiting for it either
            let _ = outgoing.send((Instant::now(), Message::Close(Some(frame))));
        }
        drop(outgoing);
        // what the client still sends is read away, so that the close frame reaches it
        let _ = timeout(CLOSING, async { while let Some(Ok(_)) = client.next().await {} }).await;
    };
    tokio::join!(talking, send(queue, sink));
}

async fn send(mut queue: mpsc::UnboundedReceiver<Outgoing>, mut sink: SplitSink<WebSocket, Message>) {
    while let Some((due, message)) = queue.recv().await {
        sleep_until(due).await;
        if sink.send(message).await.is_err() {
            return; // the client is gone, which its reader notices too
        }
    }
}

struct Session<'a> {
    shared: &'a Shared,
    messages: Messages,
    hearing: Hearing,
    outgoing: mpsc::UnboundedSender<Outgoing>,
}

/// Code and reason of the close frame; None if the client went first.
type Close = Option<(u16, String)>;

impl Session<'_> {
    async fn run(mut self, client: &mut SplitStream<WebSocket>) -> Result<Close, Error> {
        let mut deadline = Instant::now() + self.shared.config.idle_limit;
        loop {
            let message = match timeout_at(deadline, client.next()).await {
                Err(_) => return Ok(Some(self.idle())),
                Ok(None | Some(Err(_)) | Some(Ok(Message::Close(_)))) => return Ok(None),
                Ok(Some(Ok(message))) => message,
            };
            let close = match &message {
                Message::Binary(audio) if audio.is_empty() => {
                    self.shared.violation("an empty binary frame closes the stream");
                    self.close_stream().await?
                }
                Message::Binary(audio) => {
                    self.shared.seen.send_modify(|seen| seen.audio_bytes += audio.len() as u64);
                    for heard in self.hearing.audio(audio).await? {
                        self.tell(&heard);
                    }
                    None
                }
                Message::Text(text) => self.command(text).await?,
                // pings keep a connection open, but they are no sign of the client's interest
                _ => continue,
            };
            if close.is_some() {
                return Ok(close);
            }
            deadline = Instant::now() + self.shared.config.idle_limit;
        }
    }

    async fn command(&mut self, text: &str) -> Result<Close, Error> {
        let kind = serde_json::from_str::<Value>(text).ok();
        let kind = kind.as_ref().and_then(|json| json.get("type")).and_then(Value::as_str);
        match kind {
            Some("KeepAlive") => {}
            Some("Finalize") => {
                let segment = self.hearing.flush(Kind::Finalized).await?;
                self.tell(&Heard::Segment(segment));
            }
            Some("CloseStream") => return self.close_stream().await,
            Some("Configure") => self.reply(&serde_json::json!({"type": "ConfigureSuccess"})),
            _ => {
                let description = match kind {
                    Some(kind) => format!("there is no message of type `{kind}`"),
                    None => "a text message must be a JSON object with a `type`".into(),
                };
                self.shared.violation(format!("{description}: {text}"));
                self.reply(&self.messages.schema_error(&description, text));
            }
        }
        Ok(None)
    }

    async fn close_stream(&mut self) -> Result<Close, Error> {
        let segment = self.hearing.flush(Kind::Settled).await?;
        self.tell(&Heard::Segment(segment));
        self.reply(&self.messages.metadata(self.hearing.duration()));
        Ok(Some((NORMAL, String::new())))
    }

    fn idle(&self) -> (u16, String) {
        self.shared.violation(format!(
            "NET-0001: neither audio nor a text message for {:?}; send KeepAlive",
            self.shared.config.idle_limit
        ));
        // at most 123 bytes fit into a close frame
        let reason = "NET-0001: did not receive audio data or a text message within the timeout window. \
                      See https://dpgr.am/net0001";
        (INTERNAL, reason.into())
    }

    fn tell(&self, heard: &Heard) {
        let mut due = Instant::now();
        if let Heard::Segment(Segment { words, kind, .. }) = heard {
            if *kind != Kind::Interim && !words.is_empty() {
                self.shared.seen.send_modify(|seen| seen.finals.push(plain(words)));
            }
            if *kind == Kind::Endpoint {
                due += self.shared.config.final_delay;
            }
        }
        self.send(due, &self.messages.heard(heard));
    }

    fn reply(&self, message: &Value) {
        self.send(Instant::now(), message);
    }

    fn send(&self, due: Instant, message: &Value) {
        // a queue without a reader belongs to a client that is gone, which the next read tells
        let _ = self.outgoing.send((due, Message::text(message.to_string())));
    }
}
