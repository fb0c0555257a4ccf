//! A media stream as a socket: messages in, messages out, and what was wrong with them into the log.

use axum::Error;
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::{FutureExt, SinkExt, StreamExt};
use std::time::Duration;
use tokio::time::timeout;
use twilio::receiving::{Received, Receiving, Wrong};
use twilio::stream::{Outgoing, Own, Start, to_text};

/// A stream that has not begun by then is none.
const START: Duration = Duration::from_secs(10);
/// A far end that does not take what it is sent for this long is gone.
const SEND: Duration = Duration::from_secs(5);
/// It has this long to answer a close.
const CLOSE: Duration = Duration::from_secs(2);
/// So much that is wrong with a stream is logged; the rest is counted.
const LOGGED: u32 = 20;

pub struct StreamSocket {
    /// none: it is lost, or closed by the far end
    socket: Option<WebSocket>,
    receiving: Receiving,
    /// words of the far end are taken
    pub local: bool,
    /// none: not started
    sid: Option<String>,
    call: String,
    wrong: u32,
}

impl StreamSocket {
    pub fn new(socket: WebSocket, local: bool) -> Self {
        Self {
            socket: Some(socket),
            receiving: Receiving::default(),
            local,
            sid: None,
            call: String::new(),
            wrong: 0,
        }
    }

    /// Waits for the stream to begin; none: it does not.
    pub async fn started(&mut self) -> Option<Start> {
        let waiting = async {
            loop {
                for received in self.next().await? {
                    if let Received::Started(start) = received {
                        return Some(*start);
                    }
                }
            }
        };
        match timeout(START, waiting).await {
            Ok(Some(start)) => {
                self.sid = start.stream_sid.clone();
                self.call = start.call_sid.clone().unwrap_or_default();
                Some(start)
            }
            Ok(None) => {
                tracing::warn!("a stream went before it began");
                None
            }
            Err(_) => {
                tracing::warn!("a stream did not begin within {} s", START.as_secs());
                None
            }
        }
    }

    /// What comes next; none: the far end is gone. Can be dropped and called again.
    pub async fn next(&mut self) -> Option<Vec<Received>> {
        let received = match self.socket.as_mut()?.next().await {
            Some(Ok(Message::Text(text))) => self.receiving.text(&text),
            Some(Ok(Message::Binary(data))) => vec![self.receiving.binary(data.len())],
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Vec::new(),
            Some(Ok(Message::Close(_))) | None => {
                // the answer to a close goes out as far as it can at once
                if let Some(mut socket) = self.socket.take() {
                    let _ = socket.flush().now_or_never();
                }
                return None;
            }
            Some(Err(e)) => {
                tracing::warn!(call_sid = self.call, "the stream's socket was lost: {e}");
                self.socket = None;
                return None;
            }
        };
        for received in &received {
            if let Received::Wrong(wrong) = received {
                self.note(wrong);
            }
        }
        Some(received)
    }

    fn note(&mut self, wrong: &Wrong) {
        self.wrong += 1;
        match self.wrong {
            ..LOGGED => tracing::warn!(call_sid = self.call, "on the stream: {wrong}"),
            LOGGED => tracing::warn!(call_sid = self.call, "on the stream: {wrong}; more is not logged"),
            _ => {}
        }
    }

    // -- out; what cannot be sent is known from the next read

    pub async fn media(&mut self, audio: &[u8]) {
        let message = Outgoing::media(self.sid(), audio);
        self.feed(to_text(&message)).await;
    }

    pub async fn mark(&mut self, name: &str) {
        let message = Outgoing::mark(self.sid(), name);
        self.feed(to_text(&message)).await;
    }

    pub async fn clear(&mut self) {
        let message = Outgoing::clear(self.sid());
        self.feed(to_text(&message)).await;
    }

    /// A message that only a far end of ours understands.
    pub async fn own(&mut self, message: impl FnOnce(String) -> Own) {
        let message = message(self.sid().to_owned());
        self.feed(to_text(&message)).await;
    }

    fn sid(&self) -> &str {
        self.sid.as_deref().unwrap_or_default()
    }

    async fn feed(&mut self, text: String) {
        if let Some(socket) = &mut self.socket {
            let sent = timeout(SEND, socket.feed(Message::text(text))).await;
            self.check(sent);
        }
    }

    /// Sends what was given since the last time.
    pub async fn flush(&mut self) {
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
        tracing::warn!(call_sid = self.call, "the stream's socket was lost: {problem}");
        // closed at once: Twilio goes on with the call when it is
        self.socket = None;
    }

    /// The far end cannot be reached any more.
    pub fn is_gone(&self) -> bool {
        self.socket.is_none()
    }

    /// Closes a stream that is not wanted, and says why.
    pub async fn refuse(mut self, why: &'static str) {
        let frame = CloseFrame { code: axum::extract::ws::close_code::POLICY, reason: why.into() };
        if let Some(socket) = &mut self.socket {
            let _ = timeout(CLOSE, socket.send(Message::Close(Some(frame)))).await;
        }
    }

    /// Closes it properly, and waits a moment for the far end to do the same.
    pub async fn close(mut self) {
        if self.wrong > LOGGED {
            let more = self.wrong - LOGGED;
            tracing::warn!(call_sid = self.call, "{more} more messages of the stream were wrong");
        }
        let Some(mut socket) = self.socket.take() else { return };
        let frame = CloseFrame { code: 1000, reason: "".into() };
        let closing = async {
            if socket.send(Message::Close(Some(frame))).await.is_ok() {
                while let Some(Ok(_)) = socket.next().await {}
            }
        };
        // one that does not answer is dropped
        let _ = timeout(CLOSE, closing).await;
    }
}
