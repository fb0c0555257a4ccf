//! The reducer: events go into an inbox, the one future is polled, actions come out.
//!
//! There is no executor: a future that waits looks into the inbox when it is polled, and it is
//! polled once for every event.

use crate::call::{Call, Inner, Mark, Task};
use crate::contract::{Action, Answerer, Event, Opening};
use crate::inbox::fingerprint;
use crate::{Cause, Failure};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::Rc;
use std::task::{Context, Waker};

/// A running script.
pub struct Script {
    call: Call,
    talk: RefCell<Option<Task>>,
    /// what happened since the last turn boundary
    tail: RefCell<Vec<Happened>>,
}

/// An event since the last turn boundary, and what the script did about it.
#[derive(Clone, Serialize, Deserialize)]
struct Happened {
    at: u64,
    event: Event,
    /// none: it was waiting in the inbox when the boundary was reached
    did: Option<Vec<String>>,
}

/// Enough to go on in another version of the script.
#[derive(Serialize, Deserialize)]
struct Snapshot {
    state: serde_json::Value,
    last_id: u32,
    /// none: as in the opening
    answered_by: Option<Answerer>,
    tail: Vec<Happened>,
}

impl Script {
    /// Fails where the settings are not what the script wants.
    pub fn open<C, S, F>(talk: impl FnOnce(Call, C, S) -> F, opening: Opening) -> Result<Self, Failure>
    where
        C: DeserializeOwned,
        S: Default,
        F: Future<Output = ()> + 'static,
    {
        Self::start(talk, opening, S::default(), None)
    }

    fn start<C, S, F>(
        talk: impl FnOnce(Call, C, S) -> F,
        opening: Opening,
        state: S,
        answered_by: Option<Answerer>,
    ) -> Result<Self, Failure>
    where
        C: DeserializeOwned,
        F: Future<Output = ()> + 'static,
    {
        // in two steps: a place in the JSON would mean nothing to who wrote the settings
        let settings = serde_json::from_str::<serde_json::Value>(&opening.settings)
            .and_then(serde_json::from_value)
            .map_err(|e| failure(Cause::Misconfigured, format!("the settings: {e}")))?;
        let now = Cell::new(opening.now);
        let answered_by = Cell::new(answered_by.unwrap_or(opening.answered_by));
        let call = Call(Rc::new(Inner { opening, now, answered_by, state: RefCell::default() }));
        let talk: Task = Box::pin(talk(call.clone(), settings, state));
        Ok(Self { call, talk: RefCell::new(Some(talk)), tail: RefCell::default() })
    }

    pub fn handle(&self, at: u64, events: Vec<Event>) -> Vec<Action> {
        self.call.0.now.set(at);
        let mut actions = Vec::new();
        for event in events {
            actions.extend(self.handle_one(at, event));
        }
        actions
    }

    fn handle_one(&self, at: u64, event: Event) -> Vec<Action> {
        let departure = match &event {
            Event::Ended(departure) => Some(*departure),
            _ => None,
        };
        if let Event::AnsweredBy(answerer) = &event {
            self.call.0.answered_by.set(*answerer);
        }
        self.call.0.state.borrow_mut().inbox.push(event.clone());
        self.poll();
        if let Some(departure) = departure {
            self.end(departure);
        }
        let mut line = self.call.0.state.borrow_mut();
        line.inbox.sweep();
        let actions = std::mem::take(&mut line.actions);
        let mut tail = self.tail.borrow_mut();
        if let Some(waiting) = line.marked.take() {
            *tail = waiting.into_iter().map(|event| Happened { at, event, did: None }).collect();
        } else if line.mark.is_some() {
            let did: Vec<String> = actions.iter().map(fingerprint).collect();
            // a partial that moved nobody would only make the tail long
            if !did.is_empty() || !matches!(event, Event::Partial(_) | Event::Speaking) {
                tail.push(Happened { at, event, did: Some(did) });
            }
        }
        actions
    }

    /// Polls the script and the tools beside it, until none of them gets any further.
    fn poll(&self) {
        let mut context = Context::from_waker(Waker::noop());
        loop {
            let mut talk = self.talk.borrow_mut();
            if let Some(future) = talk.as_mut()
                && future.as_mut().poll(&mut context).is_ready()
            {
                *talk = None;
            }
            drop(talk);
            // a tool may begin another, so they are polled outside of their list
            let mut running = std::mem::take(&mut self.call.0.state.borrow_mut().tasks);
            let before = running.len();
            running.retain_mut(|task| task.as_mut().poll(&mut context).is_pending());
            let mut line = self.call.0.state.borrow_mut();
            let new = !line.tasks.is_empty();
            let finished = running.len() < before;
            running.append(&mut line.tasks);
            line.tasks = running;
            if !new && !finished {
                return;
            }
        }
    }

    /// The call is over: the last words, and then nothing.
    fn end(&self, departure: crate::Departure) {
        let last_words = self.call.0.state.borrow_mut().at_end.take();
        if let Some(last_words) = last_words {
            last_words(&self.call, departure);
        }
        let kept = |action: &Action| matches!(action, Action::Keep(_) | Action::Outcome(_));
        let actions: Vec<Action> = {
            let mut line = self.call.0.state.borrow_mut();
            std::mem::take(&mut line.actions).into_iter().filter(kept).collect()
        };
        // what they had begun is cancelled by being dropped, which concerns nobody any more
        drop(self.talk.borrow_mut().take());
        let tasks = std::mem::take(&mut self.call.0.state.borrow_mut().tasks);
        drop(tasks);
        self.call.0.state.borrow_mut().actions = actions;
    }

    /// None: the script has not reached a turn boundary yet.
    pub fn snapshot(&self) -> Option<String> {
        let line = self.call.0.state.borrow();
        let Mark { state, last_id, answered_by } = line.mark.clone()?;
        let tail = self.tail.borrow().clone();
        let answered_by = Some(answered_by);
        serde_json::to_string(&Snapshot { state, last_id, answered_by, tail }).ok()
    }

    /// Starts the script with the state of its last turn boundary, lets it come back there, and
    /// plays what happened since, silently. Fails if it does other things about it than the script
    /// before did: then the call stays with that one.
    pub fn restore<C, S, F>(
        talk: impl FnOnce(Call, C, S) -> F,
        opening: Opening,
        snapshot: &str,
    ) -> Result<Self, Failure>
    where
        C: DeserializeOwned,
        S: DeserializeOwned,
        F: Future<Output = ()> + 'static,
    {
        let changed = |why: String| failure(Cause::Unsupported, why);
        let snapshot: Snapshot =
            serde_json::from_str(snapshot).map_err(|e| changed(format!("not a snapshot: {e}")))?;
        let state = serde_json::from_value(snapshot.state)
            .map_err(|e| changed(format!("the state is not one of this version: {e}")))?;
        let script = Self::start(talk, opening, state, snapshot.answered_by)?;
        script.call.0.state.borrow_mut().last_id = snapshot.last_id;
        script.poll();
        {
            let mut line = script.call.0.state.borrow_mut();
            if line.mark.is_none() {
                return Err(changed("the script does not come back to its turn".into()));
            }
            line.actions.clear();
            line.marked = None;
        }
        for Happened { at, event, did } in snapshot.tail {
            let does: Vec<String> = script.handle(at, vec![event]).iter().map(fingerprint).collect();
            if did.as_ref().is_some_and(|did| *did != does) {
                return Err(changed(format!("the script did {did:?}, and would do {does:?} now")));
            }
        }
        Ok(script)
    }
}

fn failure(cause: Cause, message: String) -> Failure {
    Failure { cause, message, retry_after: None }
}
