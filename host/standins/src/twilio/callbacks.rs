//! What the customer is told about a call while it goes on: one request after the other, each in its
//! own time, and as orderly as the test wants it.

use super::network::{Network, fresh_sid, lock};
use super::people::Delivery;
use super::seen::{Event, Kind};
use super::webhook::Target;
use std::sync::{Arc, Mutex};
use tokio::sync::{mpsc, oneshot};

pub(super) struct Callback {
    pub(super) kind: Kind,
    /// What it is about, in Twilio's words.
    pub(super) event: String,
    /// With all parameters.
    pub(super) target: Target,
}

/// The callbacks of one call. When the last handle is gone and everything was delivered, the call is
/// settled.
#[derive(Clone)]
pub(super) struct Callbacks(mpsc::UnboundedSender<Callback>);

impl Callbacks {
    pub(super) fn open(network: &Arc<Network>, sid: &str, gate: Gate) -> Self {
        let (sender, queue) = mpsc::unbounded_channel();
        let delivery = Delivering { network: network.clone(), sid: sid.to_owned(), gate };
        network.spawn(delivery.run(queue));
        Self(sender)
    }

    pub(super) fn send(&self, callback: impl Into<Option<Callback>>) {
        if let Some(callback) = callback.into() {
            // it is read for as long as there is a server
            let _ = self.0.send(callback);
        }
    }
}

/// Opens when the first request about a call was answered, or when there will be none.
#[derive(Clone, Default)]
pub(super) struct Gate(Arc<Mutex<Option<oneshot::Sender<()>>>>);

impl Gate {
    pub(super) fn new() -> (Self, oneshot::Receiver<()>) {
        let (sender, opened) = oneshot::channel();
        (Self(Arc::new(Mutex::new(Some(sender)))), opened)
    }

    pub(super) fn open(&self) {
        if let Some(waiting) = lock(&self.0).take() {
            // whoever waited may have gone
            let _ = waiting.send(());
        }
    }
}

struct Delivering {
    network: Arc<Network>,
    sid: String,
    gate: Gate,
}

impl Delivering {
    async fn run(self, mut queue: mpsc::UnboundedReceiver<Callback>) {
        let shuffled = self.network.config.callbacks == Delivery::Shuffled;
        let mut held = None;
        while let Some(callback) = queue.recv().await {
            if !shuffled || callback.kind != Kind::Call {
                self.deliver(callback).await;
            } else if let Some(earlier) = held.take() {
                self.deliver(callback).await;
                self.deliver(earlier).await;
            } else {
                held = Some(callback);
            }
        }
        if let Some(last) = held {
            self.deliver(last).await;
        }
        self.network.note(&self.sid, |call| call.settled = true);
    }

    async fn deliver(&self, callback: Callback) {
        let Callback { kind, event, target } = callback;
        let times = if self.network.config.callbacks == Delivery::Twice { 2 } else { 1 };
        let token = fresh_sid("");
        for _ in 0..times {
            let answer = self.network.client.request(&target, &target.parameters, &token).await;
            let told = Event::Callback {
                kind,
                event: event.clone(),
                url: target.url.to_string(),
                parameters: target.parameters.clone(),
                status: answer.as_ref().ok().map(|answer| answer.status),
            };
            self.network.event(&self.sid, told);
            match answer {
                Ok(answer) if (200..300).contains(&answer.status) => {}
                Ok(answer) => {
                    let text = format!("{} answered a callback with {}", target.url, answer.status);
                    self.network.alert(&self.sid, 11200, text);
                }
                Err(reason) => {
                    let text = format!("{} did not answer a callback: {reason}", target.url);
                    self.network.alert(&self.sid, 11205, text);
                }
            }
            self.gate.open();
        }
    }
}
