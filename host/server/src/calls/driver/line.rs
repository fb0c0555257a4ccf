//! The line of a call: there, lost for a while, or gone.

use super::Driver;
use super::transferring::BRIEF;
use crate::calls::lines::CallLine;
use crate::registry::What;
use call::{Input, Moment};
use std::time::Duration;

/// A line that was lost comes back within this time, or not at all.
const RETURN: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    There,
    /// its socket went without a word; it may come back until then
    Lost(Moment),
    /// the call knows that it is over
    Gone,
}

impl Driver<'_> {
    /// The socket went without a word. Where Twilio asks us what comes next, the line may come back.
    pub(super) fn lost(&mut self) {
        if self.line != Line::There {
            return;
        }
        if self.transfer.as_ref().is_some_and(|transfer| transfer.redirects) || !self.known.may_return() {
            return self.closed();
        }
        tracing::warn!(call_sid = self.name, "the line is lost; it may come back");
        self.line = Line::Lost(self.now() + RETURN);
        self.happened(What::Line { state: "lost" });
        self.inputs.push(Input::Detached);
    }

    /// The line is over.
    pub(super) fn closed(&mut self) {
        match &mut self.transfer {
            // Twilio took it away, because we asked for it, or will say in a moment that it did not
            Some(transfer) if transfer.redirects && !transfer.gone => {
                transfer.gone = true;
                self.line = Line::Lost(self.now() + BRIEF);
            }
            _ if self.line != Line::Gone => {
                self.line = Line::Gone;
                self.inputs.push(Input::Closed);
            }
            _ => {}
        }
    }

    /// The line is back, on another socket.
    pub(super) async fn back(&mut self, socket: CallLine) {
        // the call would not know what to do with it
        if socket.kind() != self.socket.kind() {
            return socket.refuse("this call goes on over another line").await;
        }
        if self.line == Line::Gone {
            return;
        }
        if self.line == Line::There {
            // that the old one is lost was not known yet
            self.inputs.push(Input::Detached);
        }
        tracing::info!(call_sid = self.name, "the line is back");
        self.line = Line::There;
        self.socket = socket;
        self.happened(What::Line { state: "back" });
        self.offer().await;
        self.inputs.push(Input::Attached);
    }
}
