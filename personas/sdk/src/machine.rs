//! Calls that a machine picks up: an answering machine, or a fax.
//!
//! The host has stopped everything that was meant for a person by the time a script knows of it. Who
//! speaks after the message is a person who was only slow: so it is never wrong to leave one.

use crate::call::{Call, turn};
use crate::contract::{Answerer, Event, Turn};
use crate::{Either, first};
use std::cell::Cell;
use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

/// A greeting has ended, and its tone sounded, when the machine has been silent for this long; one
/// that has not ended by then is spoken over.
const GREETING_ENDED: Duration = Duration::from_secs(2);
const LONGEST_GREETING: Duration = Duration::from_secs(30);

/// How long after the message a person may take to speak, and how long it may be in doubt whether
/// that is one.
const SPEAKS_WITHIN: Duration = Duration::from_secs(2);
const LONGEST_DOUBT: Duration = Duration::from_secs(10);

pub(crate) fn is_machine(answerer: Answerer) -> bool {
    matches!(answerer, Answerer::MachineGreeting | Answerer::MachineBeep | Answerer::Fax)
}

impl Call {
    /// Who picked up, as far as it is known by now.
    pub fn answered_by(&self) -> Answerer {
        self.0.answered_by.get()
    }

    /// Comes back once it is known that a machine or a fax has picked up, at once if that was known
    /// before the call; else never. [`first`] of this and a conversation drops what was meant for a
    /// person:
    ///
    /// ```
    /// # use persona::{Answerer, Call, Either, first};
    /// # async fn conversation(_: &Call) {}
    /// # async fn example(call: Call) {
    /// if let Either::A(machine) = first(call.machine(), conversation(&call)).await
    ///     && machine != Answerer::Fax
    ///     && let Some(turn) = call.leave_message("Please call us back.").await
    /// {
    ///     // somebody is there after all, and said this
    ///     call.ask(format!("Answer this: {}", turn.said.text)).await;
    /// }
    /// call.hang_up();
    /// # }
    /// ```
    pub async fn machine(&self) -> Answerer {
        poll_fn(|_| match self.answered_by() {
            machine if is_machine(machine) => Poll::Ready(machine),
            _ => Poll::Pending,
        })
        .await
    }

    /// Leaves a message: waits for a greeting that goes on to end, says this to its end, and listens
    /// for two seconds. None: nobody is there, so hang up. A turn: somebody picked up after all; from then
    /// on [`Self::answered_by`] is a human.
    pub async fn leave_message(&self, text: impl Into<String>) -> Option<Turn> {
        if self.answered_by() == Answerer::MachineGreeting {
            first(self.greeting_ends(), self.sleep(LONGEST_GREETING)).await;
        }
        let words = Cell::new(false);
        first(self.say(text).to_the_end(), self.note_words(&words)).await;
        let turn = match first(self.somebody_speaks(&words), self.sleep(LONGEST_DOUBT)).await {
            Either::A(turn) => turn,
            Either::B(()) => None,
        };
        if turn.is_some() {
            self.0.answered_by.set(Answerer::Human);
        }
        turn
    }

    /// Whatever is said until then is the machine's.
    async fn greeting_ends(&self) {
        let mut silent = false;
        while !silent {
            self.listen(Some(GREETING_ENDED));
            silent = self
                .wait(|event| match event {
                    Event::Turn(_) => Some(false),
                    Event::Silence(_) => Some(true),
                    _ => None,
                })
                .await;
        }
    }

    /// Never comes back: notes that somebody has begun to say something.
    async fn note_words(&self, words: &Cell<bool>) {
        loop {
            self.wait(|event| matches!(event, Event::Partial(_)).then_some(())).await;
            words.set(true);
        }
    }

    /// None: nobody does. `words`: somebody has begun to, so the turn may take a little longer.
    async fn somebody_speaks(&self, words: &Cell<bool>) -> Option<Turn> {
        let speaks = async {
            self.listen(Some(SPEAKS_WITHIN));
            loop {
                let turn = self.wait(|event| match event {
                    Event::Silence(_) => Some(None),
                    event => turn(event).map(Some),
                });
                match turn.await {
                    None if words.take() => {}
                    turn => return turn,
                }
            }
        };
        match first(speaks, self.note_words(words)).await {
            Either::A(turn) => turn,
            Either::B(()) => None,
        }
    }
}
