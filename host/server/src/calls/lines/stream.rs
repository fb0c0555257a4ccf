//! A media stream as a socket: messages in, messages out.

use super::socket::{Frame, Socket};
use axum::extract::ws::WebSocket;
use std::time::Duration;
use tokio::time::timeout;
use twilio::receiving::{Received, Receiving};
use twilio::stream::{Outgoing, Own, Start, to_text};

/// A stream that has not begun by then is none.
const START: Duration = Duration::from_secs(10);

pub struct StreamSocket {
    socket: Socket,
    receiving: Receiving,
    /// words of the far end are taken
    pub local: bool,
    /// none: not started
    sid: Option<String>,
}

impl StreamSocket {
    pub fn new(socket: WebSocket, local: bool) -> Self {
        Self { socket: Socket::new(socket, "stream"), receiving: Receiving::default(), local, sid: None }
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
                self.socket.call = start.call_sid.clone().unwrap_or_default();
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
        let received = match self.socket.next().await? {
            Frame::Text(text) => self.receiving.text(&text),
            Frame::Binary(length) => vec![self.receiving.binary(length)],
            Frame::Other => Vec::new(),
        };
        for received in &received {
            if let Received::Wrong(wrong) = received {
                self.socket.note(wrong);
            }
        }
        Some(received)
    }

    // -- out; what cannot be sent is known from the next read

    pub async fn media(&mut self, audio: &[u8]) {
        let message = Outgoing::media(self.sid(), audio);
        self.socket.feed(to_text(&message)).await;
    }

    pub async fn mark(&mut self, name: &str) {
        let message = Outgoing::mark(self.sid(), name);
        self.socket.feed(to_text(&message)).await;
    }

    pub async fn clear(&mut self) {
        let message = Outgoing::clear(self.sid());
        self.socket.feed(to_text(&message)).await;
    }

    /// A message that only a far end of ours understands.
    pub async fn own(&mut self, message: impl FnOnce(String) -> Own) {
        let message = message(self.sid().to_owned());
        self.socket.feed(to_text(&message)).await;
    }

    fn sid(&self) -> &str {
        self.sid.as_deref().unwrap_or_default()
    }

    /// Sends what was given since the last time.
    pub async fn flush(&mut self) {
        self.socket.flush().await;
    }

    /// The far end cannot be reached any more.
    pub fn is_gone(&self) -> bool {
        self.socket.is_gone()
    }

    /// Closes a stream that is not wanted, and says why.
    pub async fn refuse(self, why: &'static str) {
        self.socket.refuse(why).await;
    }

    /// Closes it properly, and waits a moment for the far end to do the same.
    pub async fn close(self) {
        self.socket.close().await;
    }
}
