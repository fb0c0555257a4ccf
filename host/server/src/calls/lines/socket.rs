//! What the two sockets of calls have in common: text frames in, text frames out, with an end to every
//! wait, and what was wrong with them into the log.

use axum::Error;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use futures_util::{FutureExt, SinkExt, StreamExt};
use std::fmt::Display;
use std::time::Duration;
use tokio::time::timeout;

/// A far end that does not take what it is sent for this long is gone.
const SEND: Duration = Duration::from_secs(5);
/// It has this long to answer a close.
const CLOSE: Duration = Duration::from_secs(2);
/// So much that is wrong is logged; the rest is counted.
const LOGGED: u32 = 20;

pub(super) struct Socket {
    /// none: it is lost, or closed by the far end
    socket: Option<WebSocket>,
    /// for the log: what it is the socket of
    of: &'static str,
    /// and of which call
    pub(super) call: String,
    wrong: u32,
}

/// What comes.
pub(super) enum Frame {
    Text(Utf8Bytes),
    /// of so many bytes; nobody sends any
    Binary(usize),
    /// nothing that concerns the call
    Other,
}

impl Socket {
    pub(super) fn new(socket: WebSocket, of: &'static str) -> Self {
        Self { socket: Some(socket), of, call: String::new(), wrong: 0 }
    }

    /// What comes next; none: the far end is gone. Can be dropped and called again.
    pub(super) async fn next(&mut self) -> Option<Frame> {
        match self.socket.as_mut()?.next().await {
            Some(Ok(Message::Text(text))) => Some(Frame::Text(text)),
            Some(Ok(Message::Binary(data))) => Some(Frame::Binary(data.len())),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Some(Frame::Other),
            Some(Ok(Message::Close(_))) | None => {
                // the answer to a close goes out as far as it can at once
                if let Some(mut socket) = self.socket.take() {
                    let _ = socket.flush().now_or_never();
                }
                None
            }
            Some(Err(e)) => {
                tracing::warn!(call_sid = self.call, "the {}'s socket was lost: {e}", self.of);
                self.socket = None;
                None
            }
        }
    }

    /// Something was wrong with what came.
    pub(super) fn note(&mut self, wrong: &impl Display) {
        self.wrong += 1;
        match self.wrong {
            ..LOGGED => tracing::warn!(call_sid = self.call, "on the {}: {wrong}", self.of),
            LOGGED => {
                tracing::warn!(call_sid = self.call, "on the {}: {wrong}; more is not logged", self.of);
            }
            _ => {}
        }
    }

    // -- out; what cannot be sent is known from the next read

    pub(super) async fn feed(&mut self, text: String) {
        if let Some(socket) = &mut self.socket {
            let sent = timeout(SEND, socket.feed(Message::text(text))).await;
            self.check(sent);
        }
    }

    /// Sends what was given since the last time.
    pub(super) async fn flush(&mut self) {
        if let Some(socket) = &mut self.socket {
            let sent = timeout(SEND, socket.flush()).await;
            self.check(sent);
        }
    }

    fn check(&mut self, sent: Result<Result<(), Error>, tokio::time::error::Elapsed>) {
        let problem = match sent {
            Ok(Ok(())) => return,
            Ok(Err(e)) => e.to_string(),
            Err(_) => format!("it takes nothing for {} s", SEND.as_secs()),
        };
        tracing::warn!(call_sid = self.call, "the {}'s socket was lost: {problem}", self.of);
        // closed at once: Twilio goes on with the call when it is
        self.socket = None;
    }

    /// The far end cannot be reached any more.
    pub(super) fn is_gone(&self) -> bool {
        self.socket.is_none()
    }

    /// Closes one that is not wanted, and says why.
    pub(super) async fn refuse(mut self, why: &'static str) {
        let frame = CloseFrame { code: axum::extract::ws::close_code::POLICY, reason: why.into() };
        if let Some(socket) = &mut self.socket {
            let _ = timeout(CLOSE, socket.send(Message::Close(Some(frame)))).await;
        }
    }

    /// Closes it properly, and waits a moment for the far end to do the same.
    pub(super) async fn close(self) {
        let frame = CloseFrame { code: 1000, reason: "".into() };
        self.finish(Message::Close(Some(frame))).await;
    }

    /// Says this last, and waits a moment for the far end to close.
    pub(super) async fn close_with(self, text: String) {
        self.finish(Message::text(text)).await;
    }

    async fn finish(mut self, last: Message) {
        if self.wrong > LOGGED {
            let more = self.wrong - LOGGED;
            tracing::warn!(call_sid = self.call, "{more} more messages of the {} were wrong", self.of);
        }
        let Some(mut socket) = self.socket.take() else { return };
        let closing = async {
            if socket.send(last).await.is_ok() {
                while let Some(Ok(_)) = socket.next().await {}
            }
        };
        // one that does not answer is dropped
        let _ = timeout(CLOSE, closing).await;
    }
}
