//! Who thinks: a session for each reply, of whoever's turn it is when it begins.

use super::Around;
use super::seat::{Seat, fails, works};
use crate::calls::stages::Stage;
use crate::slots::{Plug, Slot};
use call::llm::{Effect, Event, ReplyId};
use call::{Input, Moment};
use components::{LlmSession, NetEvent, SessionId};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) struct Mind<'a> {
    seat: Seat<'a>,
    replies: BTreeMap<ReplyId, Reply>,
    /// whoever has the seat has failed since it took it
    failed: bool,
}

struct Reply {
    session: LlmSession,
    slot: Arc<Slot>,
    plug: Arc<Plug>,
}

impl<'a> Mind<'a> {
    pub(super) fn new(seat: Seat<'a>) -> Self {
        Self { seat, replies: BTreeMap::new(), failed: false }
    }

    pub(super) fn tell(
        &mut self,
        now: Moment,
        reply: ReplyId,
        event: Event,
        around: &mut Around<'a>,
    ) -> Option<Input> {
        if event == Event::Cancel {
            let was_silent = around.stages.llm_cancelled(now, reply);
            let mut replying = self.replies.remove(&reply)?;
            if was_silent {
                self.seat.was_silent(now, "it said nothing in time", around);
                self.failed = true;
            }
            replying.session.handle(now, event);
            return None;
        }
        self.seat.take(now, around, "llm");
        self.failed = false;
        around.stages.llm_asked(now, reply, self.seat.id());
        let (slot, plug) = (self.seat.slot().clone(), self.seat.plug().clone());
        let (session, effects) = plug.opens().open_llm(&around.surroundings, now).ok()?;
        self.replies.insert(reply, Reply { session, slot, plug });
        if !effects.is_empty() {
            return self.said(now, reply, effects, around);
        }
        let effects = self.replies.get_mut(&reply)?.session.handle(now, event);
        self.said(now, reply, effects, around)
    }

    /// The call has had enough of whoever was asked last, and asks another.
    pub(super) fn given_up(&mut self, now: Moment, around: &mut Around<'a>) {
        if !self.failed {
            self.seat.was_silent(now, "it did not finish its answer", around);
            around.stages.llm_given_up(now, self.seat.id());
            self.failed = true;
        }
    }

    fn said(
        &mut self,
        now: Moment,
        reply: ReplyId,
        effects: Vec<Effect>,
        around: &mut Around<'a>,
    ) -> Option<Input> {
        around.stages.llm_said(now, reply, &effects);
        let mut over = false;
        if let Some(Reply { session, slot, plug }) = self.replies.get(&reply) {
            for effect in &effects {
                match effect {
                    Effect::Finished(_) => {
                        works(slot);
                        over = true;
                    }
                    Effect::Failed(failure) => {
                        // a reply of whoever has the seat, unless that was taken by another meanwhile
                        if slot.id() == self.seat.id() {
                            self.seat.fails(now, failure, session.broke(), around);
                            self.failed = true;
                        } else {
                            fails(slot, plug, failure, session.broke(), around);
                        }
                        over = true;
                    }
                    Effect::Usage(used) => around.usage.told(Stage::Llm, slot.id(), used),
                    Effect::Delta(_) | Effect::ToolCall(_) => {}
                }
            }
        }
        if over {
            self.replies.remove(&reply);
        }
        (!effects.is_empty()).then_some(Input::Model { reply, effects })
    }

    // -- from outside

    /// An error: it is for nobody here.
    pub(super) fn arrived(
        &mut self,
        now: Moment,
        session: SessionId,
        event: NetEvent,
        around: &mut Around<'a>,
    ) -> Result<Option<Input>, NetEvent> {
        let Some((reply, replying)) =
            self.replies.iter_mut().find(|(_, reply)| reply.session.id() == session)
        else {
            return Err(event);
        };
        let (reply, effects) = (*reply, replying.session.arrived(now, event));
        Ok(self.said(now, reply, effects, around))
    }

    pub(super) fn next_timeout(&self) -> Moment {
        let replies = self.replies.values().map(|reply| reply.session.next_timeout());
        replies.min().unwrap_or(Moment::NEVER)
    }

    pub(super) fn timeout(&mut self, now: Moment, around: &mut Around<'a>) -> Vec<Input> {
        let is_due = |reply: &Reply| reply.session.next_timeout() <= now;
        let due: Vec<ReplyId> =
            self.replies.iter().filter(|(_, reply)| is_due(reply)).map(|(reply, _)| *reply).collect();
        let mut inputs = Vec::new();
        for reply in due {
            let effects = self.replies.get_mut(&reply).map(|replying| replying.session.timeout(now));
            inputs.extend(effects.and_then(|effects| self.said(now, reply, effects, around)));
        }
        inputs
    }
}
