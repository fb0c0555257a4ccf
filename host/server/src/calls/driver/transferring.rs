//! The caller of a call is put through: who wanted it, and what has become of it.

use super::Driver;
use crate::calls::transfer::{self, Begun};
use crate::registry::{Order, What};
use call::conversation::LAST_RESORT;
use call::persona::{Departure, Id};
use call::{Input, Moment};
use std::time::Duration;
use tokio::sync::oneshot;

/// Whoever is called for a caller has this long, once it has rung, to hear what it is about; and Twilio
/// to say whether it has taken a call elsewhere.
pub(super) const BRIEF: Duration = Duration::from_secs(60);

/// A caller is being put through to somebody.
pub(super) struct Transfer {
    pub(super) by: By,
    /// of one that keeps the caller here meanwhile
    pub(super) name: Option<String>,
    /// Twilio takes the stream away for it, which is no hanging up
    pub(super) redirects: bool,
    /// it has come to nothing if nobody was reached by then
    pub(super) until: Moment,
    /// the stream has gone meanwhile
    pub(super) gone: bool,
}

/// Who wants it.
#[derive(Clone, Copy)]
pub(super) enum By {
    /// the call, mostly for its script
    Script(Id),
    Operator,
}

impl By {
    fn name(self) -> &'static str {
        match self {
            Self::Script(LAST_RESORT) => "last resort",
            Self::Script(_) => "persona",
            Self::Operator => "operator",
        }
    }
}

impl Driver<'_> {
    /// Somebody wants the caller to be put through; `answer`: who wants to know whether it goes.
    pub(super) fn transfer(
        &mut self,
        by: By,
        order: Order,
        answer: Option<oneshot::Sender<Result<(), String>>>,
    ) {
        let answer = |told: Result<(), String>| {
            // nobody waits for it any more: so be it
            let _ = answer.map(|answer| answer.send(told));
        };
        if self.transfer.is_some() {
            let why = "a transfer is under way already";
            answer(Err(why.into()));
            if let By::Script(id) = by {
                self.inputs.push(Input::TransferFailed { id, why: why.into() });
            }
            return;
        }
        let redirects = !self.known.continues();
        self.happened(What::Transfer { to: order.to.clone(), warm: order.warm, by: by.name() });
        match transfer::begin(self.app, &self.known, order) {
            Begun::Refused(why) => {
                answer(Err(why.clone()));
                self.not_transferred(by, why);
            }
            Begun::Pending(name) => {
                answer(Ok(()));
                let until = self.now() + self.app.services.config.outbound.ring.0 + BRIEF;
                self.transfer = Some(Transfer { by, name, redirects, until, gone: false });
            }
            Begun::Now => {
                answer(Ok(()));
                self.transferred(by);
            }
        }
    }

    /// What has become of a transfer that was under way. Whether it is still wanted.
    pub(super) fn reached(&mut self, name: Option<&str>, reached: Result<(), String>) -> bool {
        // given up meanwhile, or another one
        let transfer = self.transfer.take_if(|transfer| transfer.name.as_deref() == name);
        let Some(Transfer { by, gone, .. }) = transfer else { return false };
        match reached {
            Ok(()) => {
                self.known.set_pending(None);
                self.transferred(by);
            }
            Err(why) => {
                tracing::warn!(call_sid = self.name, "the caller was not put through: {why}");
                transfer::give_up(self.app, &self.known);
                self.known.set_next(None);
                self.not_transferred(by, why);
                if gone {
                    self.closed();
                }
            }
        }
        true
    }

    pub(super) fn transferred(&mut self, by: By) {
        self.happened(What::Transferred {});
        self.inputs.push(match by {
            By::Script(id) => Input::Transferred(id),
            By::Operator => Input::End(Departure::Transferred),
        });
    }

    pub(super) fn not_transferred(&mut self, by: By, why: String) {
        match by {
            // the call observes it
            By::Script(id) => self.inputs.push(Input::TransferFailed { id, why }),
            By::Operator => {
                self.happened(What::Trouble { what: format!("the caller was not put through: {why}") });
            }
        }
    }
}
