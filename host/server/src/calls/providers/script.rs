//! Who holds the conversation.
//!
//! A persona that breaks goes on from its last snapshot, once; one is taken whenever it has done something, so
//! that it knows what it had begun, if it can say so at that moment. Another build of it goes on from a snapshot of
//! the one in use, once that gives one which the new one understands; what is open stays the host's and keeps
//! its ids. Where that does not come to pass, the call stays with the build that it has, and says so.

use super::Around;
use super::seat::{fails, works};
use crate::slots::{Plug, Slot, Using};
use call::persona::{Event, Field, Id};
use call::{Cause, Failure, Input, Moment, net};
use components::PersonaSession;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A call waits so long for a moment at which it can move to another build.
const WAITS: Duration = Duration::from_secs(60);

pub(super) struct Script {
    slot: Arc<Slot>,
    using: Using,
    /// none: it could not be opened, or broke
    session: Option<PersonaSession>,
    /// where the persona can go on if it breaks; none: it broke before, or never said
    snapshot: Option<String>,
    /// it has done something since then
    behind: bool,
    restored: bool,
    /// another build is there, since then
    waits: Option<Waits>,
    /// which this call does not move to
    pinned: Option<Arc<Plug>>,
    /// something happened since the last look
    stepped: bool,
}

struct Waits {
    plug: Arc<Plug>,
    since: Moment,
}

impl Script {
    /// Opens it. With it come inputs for the call, if it is not to be had.
    pub(super) fn open(slot: Arc<Slot>, now: Moment, around: &mut Around<'_>) -> (Self, Vec<Input>) {
        let using = Using::new(slot.pick(&around.who), &around.who.call);
        let now_is = Instant::now();
        let evicted = slot.breaker.resting(now_is).filter(|resting| resting.evicted);
        let opened = match evicted.filter(|_| !slot.breaker.allows(now_is)) {
            Some(resting) => Err((resting.reason, false)),
            None => match using.opens().open_persona(&around.surroundings, now, around.scene) {
                Ok(Ok(session)) => Ok(session),
                Ok(Err(fault)) => Err((fault.to_string(), true)),
                Err(error) => Err((error.to_string(), true)),
            },
        };
        let mut script = Self {
            slot,
            using,
            session: None,
            snapshot: None,
            behind: true,
            restored: false,
            waits: None,
            pinned: None,
            stepped: false,
        };
        let mut inputs = Vec::new();
        match opened {
            Ok(session) => script.session = Some(session),
            Err((why, news)) => {
                if news {
                    script.broke(&why, around);
                }
                inputs.push(Input::PersonaFailed(why));
            }
        }
        (script, inputs)
    }

    pub(super) fn tell(&mut self, now: Moment, event: Event, around: &mut Around<'_>) -> Input {
        if let Event::Turn(turn) = &event {
            around.stages.turn(now, turn.number);
        }
        let Some(session) = &mut self.session else { return Input::PersonaFailed("it is not there".into()) };
        let is_step = !matches!(event, Event::Speaking | Event::Partial(_));
        match session.handle(now, event.clone()) {
            Ok(actions) => {
                works(&self.slot);
                self.stepped |= is_step;
                // what it has begun is known to whoever goes on from here, and nothing runs twice
                if (is_step || !actions.is_empty()) && !self.restored {
                    // one that breaks at this breaks again with the next event
                    let snapshot = session.snapshot(now).unwrap_or_default();
                    self.behind = snapshot.is_none();
                    self.snapshot = snapshot.or(self.snapshot.take());
                }
                Input::Persona(actions)
            }
            Err(fault) => self.restore(now, event, &fault.to_string(), around),
        }
    }

    fn broke(&mut self, why: &str, around: &mut Around<'_>) {
        let failure = Failure::new(Cause::Garbled, why);
        fails(&self.slot, &self.using, &failure, Some(why), around);
        around.stages.persona_failed(self.slot.id());
    }

    /// Lets a persona that broke go on from its last snapshot, once (DESIGN, rule 8).
    fn restore(&mut self, now: Moment, broken_by: Event, why: &str, around: &mut Around<'_>) -> Input {
        self.broke(why, around);
        self.session = None;
        let snapshot = self.snapshot.take().filter(|_| !std::mem::replace(&mut self.restored, true));
        let Some(snapshot) = snapshot else { return Input::PersonaFailed(why.to_owned()) };
        let generation = &self.using.generation;
        match generation.restore_persona(&around.surroundings, now, around.scene, &snapshot) {
            Ok(Ok(session)) => {
                self.session = Some(session);
                Input::PersonaRestored {
                    broken_by,
                    why: why.to_owned(),
                    up_to_date: !self.behind,
                    idempotent: generation.idempotent().clone(),
                }
            }
            Ok(Err(fault)) => Input::PersonaFailed(format!("{why}; and it cannot be restored: {fault}")),
            Err(error) => Input::PersonaFailed(format!("{why}; and it cannot be restored: {error}")),
        }
    }

    /// Moves to another build, if one is there and understands where this one is.
    pub(super) fn follow(&mut self, now: Moment, around: &mut Around<'_>) {
        if self.session.is_none() || self.slot.is_picked(&self.using, &around.who) {
            self.waits = None;
            return;
        }
        let plug = self.slot.pick(&around.who);
        if self.pinned.as_ref().is_some_and(|pinned| Arc::ptr_eq(pinned, &plug)) {
            return;
        }
        let known = self.waits.as_ref().filter(|waits| Arc::ptr_eq(&waits.plug, &plug));
        let since = known.map(|waits| waits.since);
        // it has been looked at, and nothing has happened since
        if since.is_some_and(|since| !self.stepped && now.since(since) < WAITS) {
            return;
        }
        self.stepped = false;
        let since = since.unwrap_or(now);
        self.waits = Some(Waits { plug: plug.clone(), since });
        if let Err(why) = self.move_to(now, &plug, around)
            && now.since(since) >= WAITS
        {
            tracing::warn!(
                call_sid = around.who.call,
                persona = self.slot.id(),
                "the call stays with the build that it has: {why}"
            );
            self.using.pin(&around.who.call, &why);
            self.pinned = Some(plug);
        }
    }

    /// An error: not now, and why.
    fn move_to(&mut self, now: Moment, plug: &Arc<Plug>, around: &mut Around<'_>) -> Result<(), String> {
        let Some(session) = &mut self.session else { return Ok(()) };
        let snapshot = match session.snapshot(now) {
            Ok(Some(snapshot)) => snapshot,
            Ok(None) => return Err("it gave no snapshot: it has not come to a turn of the caller's".into()),
            // it is found out with the next event
            Err(fault) => return Err(fault.to_string()),
        };
        let restored = plug.opens().restore_persona(&around.surroundings, now, around.scene, &snapshot);
        let mut next = restored.map_err(|error| error.to_string())?.map_err(|fault| {
            if !matches!(fault, components::Fault::Refused(_)) {
                around.loader.failed(&self.slot, plug, &fault.to_string());
            }
            fault.to_string()
        })?;
        if let Some(before) = self.session.take() {
            next.succeed(before);
        }
        self.session = Some(next);
        self.using = Using::new(plug.clone(), &around.who.call);
        (self.snapshot, self.restored, self.waits, self.pinned) = (Some(snapshot), false, None, None);
        self.behind = false;
        around.exchanged("persona", self.slot.id(), plug);
        Ok(())
    }

    /// What is not as the persona's manifest says of what it keeps; none: it is.
    pub(super) fn field_problem(&self, field: &Field) -> Option<String> {
        self.using.generation.artifact.manifest.field_problem(&field.name, &field.value)
    }

    pub(super) fn id(&self) -> &str {
        self.slot.id()
    }

    pub(super) fn fetch(&mut self, id: Id, request: net::Request) {
        if let Some(session) = &mut self.session {
            session.fetch(id, request);
        }
    }

    pub(super) fn cancel_fetch(&mut self, id: Id) {
        if let Some(session) = &mut self.session {
            session.cancel_fetch(id);
        }
    }
}
