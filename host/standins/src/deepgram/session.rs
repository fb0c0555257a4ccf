//! One accepted connection: the client's messages in, the vendor's out, until one side closes.
//!
//! Messages go out in order. A final that is to take its time (`final_delay`) holds back those
//! after it, but not the reading of audio.

use super::hearing::Hearing;
use super::messages::{Messages, request_id};
use super::parameters::Parameters;
use super::scripted::Scripted;
use super::stream::{Heard, Kind, Segment};
use super::{Ear, Shared};
use crate::fault::{Condition, FLOOD, Fault};
use crate::speech::{Error, Recogniser, plain};
use crate::wire::{self, Close, INTERNAL, NORMAL, Outbox};
use axum::extract::ws::{Message, WebSocket};
use futures_util::StreamExt;
use futures_util::stream::SplitStream;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

pub(super) async fn serve(
    socket: WebSocket,
    parameters: Parameters,
    shared: &Shared,
    number: usize,
    condition: Condition,
) {
    let error = vec![Message::text(Messages::error().to_string()), wire::close(INTERNAL, OUT_OF_ORDER)];
    let (mut client, outbox, carrying) = wire::open(socket, condition, error);
    let messages = Messages {
        request_id: request_id(number),
        model: parameters.model.clone(),
        punctuated: parameters.punctuated,
    };
    let talking = async {
        let session = async {
            let ear = Listening::begin(shared, parameters).await?;
            let outbox = outbox.clone();
            Session { shared, messages, ear, outbox, flooded: false }.run(&mut client).await
        };
        let close = session.await.unwrap_or_else(|error: Error| {
            tracing::error!(%error, "deepgram stand-in cannot recognise");
            Some(Close { code: INTERNAL, reason: "the stand-in's recogniser failed".into() })
        });
        outbox.finish(&mut client, close).await
    };
    wire::both(talking, carrying).await;
}

/// What it says before it closes.
const OUT_OF_ORDER: &str = "NET-0000: something went wrong on our side";

/// An ear at one stream.
enum Listening {
    Recogniser(Box<Hearing>),
    Script(Box<Scripted>),
}

impl Listening {
    async fn begin(shared: &Shared, parameters: Parameters) -> Result<Self, Error> {
        let every = shared.config.interim_every;
        Ok(match &shared.config.ear {
            Ear::Recogniser(grammar) => {
                let recogniser = Recogniser::start(grammar).await?;
                Self::Recogniser(Box::new(Hearing::new(parameters, every, recogniser)?))
            }
            Ear::Script { gap, .. } => {
                Self::Script(Box::new(Scripted::new(parameters, every, shared.lines.clone(), *gap)))
            }
        })
    }

    async fn audio(&mut self, bytes: &[u8]) -> Result<Vec<Heard>, Error> {
        match self {
            Self::Recogniser(hearing) => hearing.audio(bytes).await,
            Self::Script(scripted) => Ok(scripted.audio(bytes, Instant::now())),
        }
    }

    async fn flush(&mut self, kind: Kind) -> Result<Segment, Error> {
        match self {
            Self::Recogniser(hearing) => hearing.flush(kind).await,
            Self::Script(scripted) => Ok(scripted.flush(kind)),
        }
    }

    fn duration(&self) -> f64 {
        match self {
            Self::Recogniser(hearing) => hearing.duration(),
            Self::Script(scripted) => scripted.duration(),
        }
    }
}

struct Session<'a> {
    shared: &'a Shared,
    messages: Messages,
    ear: Listening,
    outbox: Outbox,
    flooded: bool,
}

impl Session<'_> {
    /// How the server closes the connection; None if the client went first.
    async fn run(mut self, client: &mut SplitStream<WebSocket>) -> Result<Option<Close>, Error> {
        let mut deadline = Instant::now() + self.shared.config.idle_limit;
        if self.outbox.fault() == Some(Fault::Garbage) {
            self.outbox.garbage();
        }
        loop {
            let message = match timeout_at(deadline, client.next()).await {
                Err(_) => return Ok(Some(self.idle())),
                Ok(None | Some(Err(_)) | Some(Ok(Message::Close(_)))) => return Ok(None),
                Ok(Some(Ok(message))) => message,
            };
            let close = match &message {
                Message::Binary(audio) if audio.is_empty() => {
                    self.shared.kept.violation("an empty binary frame closes the stream");
                    self.close_stream().await?
                }
                Message::Binary(audio) => {
                    self.shared.kept.note(|seen| seen.audio_bytes += audio.len() as u64);
                    for heard in self.ear.audio(audio).await? {
                        self.tell(heard);
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

    async fn command(&mut self, text: &str) -> Result<Option<Close>, Error> {
        let kind = serde_json::from_str::<Value>(text).ok();
        let kind = kind.as_ref().and_then(|json| json.get("type")).and_then(Value::as_str);
        match kind {
            Some("KeepAlive") => {}
            Some("Finalize") => {
                let segment = self.ear.flush(Kind::Finalized).await?;
                self.tell(Heard::Segment(segment));
            }
            Some("CloseStream") => return self.close_stream().await,
            Some("Configure") => self.reply(&serde_json::json!({"type": "ConfigureSuccess"})),
            _ => {
                let description = match kind {
                    Some(kind) => format!("there is no message of type `{kind}`"),
                    None => "a text message must be a JSON object with a `type`".into(),
                };
                self.shared.kept.violation(format!("{description}: {text}"));
                self.reply(&self.messages.schema_error(&description, text));
            }
        }
        Ok(None)
    }

    async fn close_stream(&mut self) -> Result<Option<Close>, Error> {
        let segment = self.ear.flush(Kind::Settled).await?;
        self.tell(Heard::Segment(segment));
        self.reply(&self.messages.metadata(self.ear.duration()));
        Ok(Some(Close { code: NORMAL, reason: String::new() }))
    }

    fn idle(&self) -> Close {
        self.shared.kept.violation(format!(
            "NET-0001: neither audio nor a text message for {:?}; send KeepAlive",
            self.shared.config.idle_limit
        ));
        let reason = "NET-0001: did not receive audio data or a text message within the timeout window. \
                      See https://dpgr.am/net0001";
        Close { code: INTERNAL, reason: reason.into() }
    }

    fn tell(&mut self, heard: Heard) {
        match (heard, self.outbox.fault()) {
            (Heard::Segment(segment), fault) if !segment.words.is_empty() => self.words(segment, fault),
            (Heard::UtteranceEnd { .. }, Some(Fault::Nothing)) => {} // there was no word to end
            (heard, _) => self.reply(&self.messages.heard(&heard)),
        }
    }

    fn words(&mut self, segment: Segment, fault: Option<Fault>) {
        let now = Instant::now();
        let is_final = segment.kind != Kind::Interim;
        let mut due = now;
        if segment.kind == Kind::Endpoint {
            due = due.max(segment.voice_arrived.unwrap_or(now) + self.shared.config.final_delay);
        }
        if fault == Some(Fault::Error) {
            return self.outbox.error(now);
        }
        let segments = match fault {
            Some(Fault::Nothing) if is_final => {
                vec![Segment { words: Vec::new(), written: None, ..segment }]
            }
            Some(Fault::Nothing) => return,
            Some(Fault::CloseMidWord) if is_final => return self.outbox.break_off(now),
            Some(Fault::Twice) if is_final => vec![segment.clone(), segment],
            Some(Fault::InTwo) if is_final => match self.messages.in_two(&segment) {
                Some(halves) => halves.into(),
                None => vec![segment],
            },
            Some(Fault::Flood) if !is_final && !self.flooded => {
                self.flooded = true;
                vec![segment; FLOOD]
            }
            Some(Fault::Late(time)) if is_final => {
                due += time;
                vec![segment]
            }
            _ => vec![segment],
        };
        let is_begun = segments.iter().any(|segment| segment.kind == Kind::Interim);
        for segment in segments {
            let told = is_final && !segment.words.is_empty();
            if told && !matches!(fault, Some(Fault::Silent | Fault::Garbage)) {
                self.shared.kept.note(|seen| seen.finals.push(plain(&segment.words)));
            }
            self.outbox.send(due, &self.messages.results(&segment));
        }
        if is_begun {
            self.shared.kept.note(|seen| seen.interims += 1);
            self.outbox.begun(now);
        }
        if fault == Some(Fault::CloseMidWord) {
            self.outbox.break_off(now);
        }
    }

    fn reply(&self, message: &Value) {
        self.outbox.send(Instant::now(), message);
    }
}
