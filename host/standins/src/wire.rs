//! One WebSocket of a stand-in: what goes out, in order and each message when it is due, while the
//! client is heard.

use crate::fault::{Blow, Condition, Fault, GARBAGE_BYTES, GARBAGE_TEXTS, Turn};
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

/// Codes of close frames.
pub(crate) const NORMAL: u16 = 1000;
pub(crate) const INTERNAL: u16 = 1011;

/// How long a client may take to answer a close frame.
const CLOSING: Duration = Duration::from_secs(1);

/// How the server ends a connection.
pub(crate) struct Close {
    pub(crate) code: u16,
    /// At most 123 bytes: more do not fit into a close frame.
    pub(crate) reason: String,
}

/// Messages on their way to the client. None waits for the client to read; a client that is gone is
/// noticed by whoever listens to it.
#[derive(Clone)]
pub(crate) struct Outbox {
    queue: mpsc::UnboundedSender<(Instant, Outgoing)>,
    condition: Condition,
    /// all was well until an answer had begun
    turned: Option<Turn>,
}

enum Outgoing {
    Message(Message),
    /// Unless this has become true meanwhile.
    Unless(Arc<AtomicBool>, Message),
    /// The vendor says that something went wrong.
    Error,
    /// The connection ends here, without a word.
    Break,
}

/// The two directions of a socket, and what carries messages out: it is to be driven by [`both`].
/// `error`: how the vendor says that something went wrong.
pub(crate) fn open(
    socket: WebSocket,
    condition: Condition,
    error: Vec<Message>,
) -> (SplitStream<WebSocket>, Outbox, impl Future<Output = Carried>) {
    let (sink, client) = socket.split();
    let (queue, outgoing) = mpsc::unbounded_channel();
    let carrying = carry(outgoing, sink, condition.clone(), error);
    (client, Outbox { queue, condition, turned: None }, carrying)
}

/// Talks until the talk is over and what the client waits for is sent, or the connection breaks.
pub(crate) async fn both(talking: impl Future<Output = Over>, carrying: impl Future<Output = Carried>) {
    let (mut talking, mut carrying) = (pin!(talking), pin!(carrying));
    tokio::select! {
        over = &mut talking => match over {
            Over::ByClient => {}
            Over::ByServer => {
                carrying.await;
            }
        },
        carried = &mut carrying => match carried {
            Carried::Broken => {}
            Carried::All => {
                talking.await;
            }
        },
    }
}

/// Who ended the talk.
pub(crate) enum Over {
    /// Its last messages may still be on their way.
    ByServer,
    /// Nobody waits for anything any more.
    ByClient,
}

pub(crate) enum Carried {
    /// Everything, or the client is gone.
    All,
    Broken,
}

async fn carry(
    mut queue: mpsc::UnboundedReceiver<(Instant, Outgoing)>,
    mut sink: SplitSink<WebSocket, Message>,
    mut condition: Condition,
    error: Vec<Message>,
) -> Carried {
    let mut waiting: Option<(Instant, Outgoing)> = None;
    loop {
        let next = async {
            if waiting.is_none() {
                waiting = queue.recv().await;
            }
            if let Some((due, _)) = &waiting {
                sleep_until(*due).await;
            }
        };
        let blow = tokio::select! {
            blow = condition.struck() => Some(blow),
            () = next => None,
        };
        if let Some(blow) = blow {
            let messages = match blow {
                Blow::Break => return Carried::Broken,
                Blow::Close => vec![close(INTERNAL, "the server restarts")],
                Blow::Garbage => garbage(),
                Blow::Error => error.clone(),
            };
            for message in messages {
                if sink.send(message).await.is_err() {
                    return Carried::All;
                }
            }
            continue;
        }
        let Some((_, outgoing)) = waiting.take() else { break };
        let message = match outgoing {
            Outgoing::Break => return Carried::Broken,
            Outgoing::Error => {
                for message in &error {
                    if sink.send(message.clone()).await.is_err() {
                        return Carried::All;
                    }
                }
                continue;
            }
            Outgoing::Unless(withdrawn, _) if withdrawn.load(Ordering::Relaxed) => continue,
            Outgoing::Message(message) | Outgoing::Unless(_, message) => message,
        };
        if sink.send(message).await.is_err() {
            break;
        }
    }
    Carried::All
}

impl Outbox {
    pub(crate) fn fault(&self) -> Option<Fault> {
        self.condition.fault()
    }

    /// Sends this no earlier than `due`, and after everything before it; tells when it will go.
    pub(crate) fn send(&self, due: Instant, message: &Value) -> Instant {
        self.put(due, message, Outgoing::Message)
    }

    /// The same, unless `withdrawn` has become true until it goes.
    pub(crate) fn send_unless(&self, withdrawn: &Arc<AtomicBool>, due: Instant, message: &Value) -> Instant {
        self.put(due, message, |message| Outgoing::Unless(withdrawn.clone(), message))
    }

    /// Breaks the connection after everything that was sent.
    pub(crate) fn break_off(&self, due: Instant) {
        self.queue(due, Outgoing::Break);
    }

    /// Says everything that is not the protocol.
    pub(crate) fn garbage(&self) {
        for message in garbage() {
            self.queue(Instant::now(), Outgoing::Message(message));
        }
    }

    /// Says that something went wrong.
    pub(crate) fn error(&self, due: Instant) {
        self.queue(due, Outgoing::Error);
    }

    /// An answer has begun: if all was well until now only, it is no longer. Behind what was sent, `due` then.
    pub(crate) fn begun(&mut self, due: Instant) {
        let Some(Fault::MidWord(turn)) = self.fault() else { return };
        if self.turned.replace(turn).is_none() {
            match turn {
                Turn::Silent => {}
                Turn::Garbage => garbage().into_iter().for_each(|m| self.queue(due, Outgoing::Message(m))),
                Turn::Error => self.error(due),
            }
        }
    }

    fn put(&self, due: Instant, message: &Value, outgoing: impl FnOnce(Message) -> Outgoing) -> Instant {
        let mut due = due;
        if self.turned.is_some() {
            return due;
        }
        match self.fault() {
            Some(Fault::Silent) => return due,

            Some(Fault::Garbage) => {
                self.garbage();
                return due;
            }
            Some(Fault::Slow(time)) => due += time,
            _ => {}
        }
        self.queue(due, outgoing(Message::text(message.to_string())));
        due
    }

    fn queue(&self, due: Instant, outgoing: Outgoing) {
        // a queue without a reader belongs to a client that is gone, which the next read tells
        let _ = self.queue.send((due, outgoing));
    }

    /// Ends the talk: closes the connection, if it is the server who does, and waits for the client
    /// to take note.
    pub(crate) async fn finish(self, client: &mut SplitStream<WebSocket>, close: Option<Close>) -> Over {
        // what the client still sends is read away, so that a close frame reaches it
        let reading = async { while let Some(Ok(_)) = client.next().await {} };
        let Some(Close { code, reason }) = close else {
            let _ = timeout(CLOSING, reading).await;
            return Over::ByClient;
        };
        if self.fault() == Some(Fault::Silent) {
            reading.await;
            return Over::ByClient;
        }
        self.queue(Instant::now(), Outgoing::Message(self::close(code, &reason)));
        drop(self);
        let _ = timeout(CLOSING, reading).await;
        Over::ByServer
    }
}

pub(crate) fn close(code: u16, reason: &str) -> Message {
    Message::Close(Some(CloseFrame { code, reason: reason.to_owned().into() }))
}

fn garbage() -> Vec<Message> {
    let texts = GARBAGE_TEXTS.into_iter().map(Message::text);
    texts.chain([Message::binary(GARBAGE_BYTES)]).collect()
}
