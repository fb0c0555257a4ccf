//! Twilio's end of the socket: what comes is read as strictly as Twilio reads it.

use super::Plan;
use crate::line::CallError;
use crate::wire::{CLOSE, Socket, WARNINGS, beginning, connect};
use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};
use twilio::relay::{Incoming, MOST_INVALID, Outgoing};
use twilio::stream::to_text;

pub(super) struct Wire {
    socket: Socket,
    /// Messages in a row that were not understood.
    invalid: u32,
    pub(super) warnings: Vec<String>,
}

/// What comes next from the server.
pub(super) enum Received {
    Message(Outgoing),
    /// Twilio does not understand it, and says so.
    Invalid(String),
    /// One too many of those.
    Malformed,
    /// Nothing that anybody acts upon.
    Other,
    Closed,
    Dropped,
}

impl Wire {
    pub(super) async fn connect(plan: &Plan) -> Result<Self, CallError> {
        let socket = connect(&plan.url, plan.connect_to, &plan.headers).await?;
        Ok(Self { socket, invalid: 0, warnings: Vec::new() })
    }

    pub(super) async fn send(&mut self, message: &Incoming) -> Result<(), CallError> {
        match self.socket.send(Message::text(to_text(message))).await {
            // how it was closed is read next
            Ok(())
            | Err(
                SocketError::ConnectionClosed
                | SocketError::AlreadyClosed
                | SocketError::Protocol(_)
                | SocketError::Io(_),
            ) => Ok(()),
            Err(error) => Err(CallError::Lost(error.to_string())),
        }
    }

    /// Can be dropped and called again.
    pub(super) async fn next(&mut self) -> Received {
        match self.socket.next().await {
            Some(Ok(Message::Text(text))) => match understood(&text) {
                Ok(message) => {
                    self.invalid = 0;
                    Received::Message(message)
                }
                Err(why) => self.invalid(format!("{why}: {}", beginning(&text))),
            },
            Some(Ok(Message::Binary(bytes))) => {
                self.invalid(format!("a binary frame of {} bytes", bytes.len()))
            }
            Some(Ok(Message::Close(_))) => Received::Closed,
            Some(Ok(_)) => Received::Other,
            None | Some(Err(_)) => Received::Dropped,
        }
    }

    fn invalid(&mut self, what: String) -> Received {
        if self.warnings.len() < WARNINGS {
            self.warnings.push(format!("64107: {what}"));
        }
        self.invalid += 1;
        if self.invalid >= MOST_INVALID { Received::Malformed } else { Received::Invalid(what) }
    }

    /// Twilio closes it, and waits for the answer for a while.
    pub(super) async fn close(&mut self, code: u16, reason: &'static str) {
        let frame = CloseFrame { code: CloseCode::from(code), reason: reason.into() };
        // a server that is gone by now has ended the session as well
        let _ = self.socket.close(Some(frame)).await;
        let closing = async { while let Some(Ok(_)) = self.socket.next().await {} };
        let _ = tokio::time::timeout(CLOSE, closing).await;
    }

    /// Answers the close of the server.
    pub(super) async fn answer_close(&mut self) {
        // the answer is ready, and goes with this; a server that is gone does not need it
        let _ = tokio::time::timeout(CLOSE, self.socket.flush()).await;
    }
}

fn understood(text: &str) -> Result<Outgoing, String> {
    let message: Outgoing = serde_json::from_str(text).map_err(|error| error.to_string())?;
    match &message {
        Outgoing::SendDigits { digits }
            if digits.is_empty() || digits.chars().any(|key| !matches!(key, '0'..='9' | '*' | '#' | 'w')) =>
        {
            Err(format!("the keys {digits:?}, of which some are none"))
        }
        Outgoing::Language { tts_language: None, transcription_language: None } => {
            Err("a language message without a language".into())
        }
        Outgoing::Play { source, .. }
            if !source.starts_with("https://") && !source.starts_with("http://") =>
        {
            Err(format!("a sound at {source:?}, which is no URL"))
        }
        _ => Ok(message),
    }
}
