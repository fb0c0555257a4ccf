//! The line to the caller, as a script sees it.

use crate::asking::Ask;
use crate::contract::{
    Action, Answerer, Collection, Digits, Event, Fetch, Fetched, Field, Hint, Interruption, Manner, Opening,
    Recall, Recalled, Report, Response, Speech, Transfer, Turn,
};
use crate::inbox::Inbox;
use crate::{Departure, Keys, Request};
use serde::Serialize;
use serde_json::Value;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::{Future, IntoFuture, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

/// The line to the caller. Cheap to clone; every clone is the same call.
#[derive(Clone)]
pub struct Call(pub(crate) Rc<Inner>);

pub(crate) struct Inner {
    pub(crate) opening: Opening,
    pub(crate) now: Cell<u64>,
    /// who picked up, as far as it is known by now
    pub(crate) answered_by: Cell<Answerer>,
    pub(crate) state: RefCell<Line>,
}

pub(crate) type Task = Pin<Box<dyn Future<Output = ()>>>;
type AtEnd = Box<dyn FnOnce(&Call, Departure)>;

#[derive(Default)]
pub(crate) struct Line {
    pub(crate) inbox: Inbox,
    /// what to do, in order
    pub(crate) actions: Vec<Action>,
    pub(crate) last_id: u32,
    /// tools that run beside the script
    pub(crate) tasks: Vec<Task>,
    pub(crate) mark: Option<Mark>,
    /// a boundary was reached since the last event
    pub(crate) marked: Option<Vec<Event>>,
    pub(crate) at_end: Option<AtEnd>,
    habits: Habits,
    /// the recogniser has not been told of them yet
    new_habits: bool,
}

/// How everything is said and listened for, where the script does not say otherwise. What is left out
/// is as in the operator's settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Habits {
    /// a voice that the provider knows
    pub voice: Option<String>,
    /// spoken and understood (BCP 47)
    pub language: Option<String>,
    /// words to listen for
    pub keyterms: Vec<String>,
    /// how long a silence before [`Heard::Silence`]
    pub patience: Option<Duration>,
}

/// How everything was at the last turn boundary.
#[derive(Clone)]
pub(crate) struct Mark {
    pub(crate) state: serde_json::Value,
    pub(crate) last_id: u32,
    pub(crate) answered_by: Answerer,
}

/// What came while the script listened.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    Said(Turn),
    /// nobody has spoken for this long
    Silence(Duration),
    Key(char),
}

impl Call {
    /// What was known before the call began.
    pub fn opening(&self) -> &Opening {
        &self.0.opening
    }

    /// Now, in milliseconds since 1970.
    pub fn now(&self) -> u64 {
        self.0.now.get()
    }

    /// Says this; the caller may cut in. Await it: the report tells what was heard.
    #[must_use = "nothing is said before it is awaited"]
    pub fn say(&self, text: impl Into<String>) -> Say {
        Say { call: self.clone(), text: text.into(), manner: self.manner() }
    }

    /// Everything is said and listened for like this from here on. Not a part of what a snapshot holds:
    /// a script that is restored says it again.
    pub fn habits(&self, habits: Habits) {
        let mut line = self.0.state.borrow_mut();
        (line.habits, line.new_habits) = (habits, true);
    }

    pub(crate) fn manner(&self) -> Manner {
        let Habits { voice, language, .. } = self.0.state.borrow().habits.clone();
        Manner { interruption: Interruption::Anything, voice, language }
    }

    /// Asks the model, in the light of the conversation so far, and speaks the answer while it
    /// comes. Await it.
    #[must_use = "nothing is asked before it is awaited"]
    pub fn ask(&self, instructions: impl Into<String>) -> Ask {
        Ask::new(self.clone(), instructions.into())
    }

    /// Waits for the caller's turn. A turn boundary: from here another version of the script can go
    /// on with `state`.
    pub async fn turn<S: Serialize>(&self, state: &S) -> Turn {
        self.boundary(state);
        self.wait(turn).await
    }

    /// The same, and also comes back when nobody speaks or a key is pressed.
    pub async fn hear<S: Serialize>(&self, state: &S) -> Heard {
        self.boundary(state);
        self.wait(|event| match event {
            Event::Turn(turn) => Some(Heard::Said(turn.clone())),
            Event::Silence(length) => Some(Heard::Silence(Duration::from_millis(u64::from(*length)))),
            Event::Key(key) => Some(Heard::Key(*key)),
            _ => None,
        })
        .await
    }

    fn boundary<S: Serialize>(&self, state: &S) {
        // a state that is no JSON cannot be handed on; the script goes on all the same
        let state = serde_json::to_value(state).unwrap_or(serde_json::Value::Null);
        let mut line = self.0.state.borrow_mut();
        // a tool that runs stands in no state: another version gets to it from the boundary before
        if line.tasks.is_empty() {
            let last_id = line.last_id;
            line.mark = Some(Mark { state, last_id, answered_by: self.answered_by() });
            let waiting = line.inbox.waiting().cloned().collect();
            line.marked = Some(waiting);
        }
        let patience = line.habits.patience;
        drop(line);
        self.listen(patience);
    }

    /// The silence clock starts here; without a `patience` it is the operator's.
    pub(crate) fn listen(&self, patience: Option<Duration>) {
        let patience = patience.map(milliseconds);
        let mut line = self.0.state.borrow_mut();
        // the host remembers them, and a recogniser that is told again may begin anew
        let new = std::mem::take(&mut line.new_habits);
        let Habits { keyterms, language, .. } = if new { line.habits.clone() } else { Habits::default() };
        drop(line);
        self.act(Action::Listen(Hint { keyterms, language, patience }));
    }

    /// Collects keys: until `max`, the `finish` key, or `timeout` without one.
    pub async fn collect(&self, max: u8, finish: Option<char>, timeout: Duration) -> Keys {
        self.act(Action::Collect(Collection { max, finish, timeout: milliseconds(timeout) }));
        self.wait(|event| match event {
            Event::Keys(keys) => Some(keys.clone()),
            _ => None,
        })
        .await
    }

    /// Sends a request, as far as the operator's grant allows, and gives the whole response.
    pub async fn fetch(
        &self,
        request: Request,
    ) -> Result<Fetched, crate::bindings::cordboard::component::net::Failure> {
        let id = self.next_id();
        let begun = self.begun(id, Action::Fetch(Fetch { id, request }));
        let response: Response = self
            .wait(|event| match event {
                Event::Response(response) if response.id == id => Some(response.clone()),
                _ => None,
            })
            .await;
        begun.over();
        response.outcome
    }

    /// What this persona kept earlier: everything of the newest conversation before this one whose
    /// `field` has this value. `caller` is a field of every conversation, an E.164 number. None: nothing
    /// is known, or nobody can look it up now; that is said within two seconds.
    pub async fn recall(&self, field: &str, value: impl Serialize) -> Option<BTreeMap<String, Value>> {
        let id = self.next_id();
        let value = serde_json::to_string(&value).unwrap_or_else(|_| "null".into());
        let begun = self.begun(id, Action::Recall(Recall { id, field: field.into(), value }));
        let Recalled { fields, .. } = self
            .wait(|event| match event {
                Event::Recalled(recalled) if recalled.id == id => Some(recalled.clone()),
                _ => None,
            })
            .await;
        begun.over();
        let json = |field: Field| (field.name, serde_json::from_str(&field.value).unwrap_or_default());
        fields.map(|fields| fields.into_iter().map(json).collect())
    }

    /// Waits; at least 10 ms.
    pub async fn sleep(&self, time: Duration) {
        let id = self.next_id();
        let timer = crate::contract::Timer { id, after: milliseconds(time) };
        let begun = self.begun(id, Action::Timer(timer));
        self.wait(|event| matches!(event, Event::Timer(timer) if *timer == id).then_some(())).await;
        begun.over();
    }

    /// Presses keys: 0-9, *, #, and w for a pause of half a second. Nothing cuts them short.
    pub async fn send_digits(&self, digits: impl Into<String>) -> Report {
        let id = self.next_id();
        let begun = self.begun(id, Action::SendDigits(Digits { id, digits: digits.into() }));
        self.report(begun).await
    }

    /// Puts the caller through: to an E.164 number, or to a name from the operator's settings. Whoever
    /// picks up may be told `brief` before. What was being said is not waited for: await it before.
    ///
    /// When it has worked the call is over, so what comes back is mostly why it has not. One at a time;
    /// it is cancelled if this is dropped before.
    pub async fn transfer(&self, to: impl Into<String>, brief: Option<String>) -> Report {
        let id = self.next_id();
        let begun = self.begun(id, Action::Transfer(Transfer { id, to: to.into(), brief }));
        self.report(begun).await
    }

    /// A fact about the call, for the record. What cannot be written as JSON is kept as null.
    pub fn keep(&self, name: &str, value: impl Serialize) {
        let value = serde_json::to_string(&value).unwrap_or_else(|_| "null".into());
        self.act(Action::Keep(vec![Field { name: name.into(), value }]));
    }

    /// How the call went, in the operator's words.
    pub fn outcome(&self, text: impl Into<String>) {
        self.act(Action::Outcome(text.into()));
    }

    /// Something the model should know from here on.
    pub fn note(&self, text: impl Into<String>) {
        self.act(Action::Note(text.into()));
    }

    pub fn pause_recording(&self, paused: bool) {
        self.act(Action::PauseRecording(paused));
    }

    /// Hangs up at once: await what is being said before.
    pub fn hang_up(&self) {
        self.act(Action::HangUp);
    }

    /// What to do when the call is over, however it ended: keep and outcome still count.
    pub fn at_end(&self, last_words: impl FnOnce(&Self, Departure) + 'static) {
        self.0.state.borrow_mut().at_end = Some(Box::new(last_words));
    }

    /// Waits for the first event that `take` wants: for what has no method of its own.
    pub fn wait<T>(&self, mut take: impl FnMut(&Event) -> Option<T>) -> impl Future<Output = T> {
        poll_fn(move |_| match self.0.state.borrow_mut().inbox.take(&mut take) {
            Some(taken) => Poll::Ready(taken),
            None => Poll::Pending,
        })
    }

    /// Does something that has no method of its own.
    pub fn act(&self, action: Action) {
        self.0.state.borrow_mut().actions.push(action);
    }

    /// An id that nothing else has.
    pub fn next_id(&self) -> u32 {
        let mut line = self.0.state.borrow_mut();
        line.last_id = line.last_id.wrapping_add(1);
        line.last_id
    }

    /// Does `action`, which begins `id`; it is cancelled if this is dropped before it is over.
    pub(crate) fn begun(&self, id: u32, action: Action) -> Begun {
        self.act(action);
        self.0.state.borrow_mut().inbox.await_id(id);
        Begun { call: self.clone(), id }
    }

    pub(crate) async fn report(&self, begun: Begun) -> Report {
        let id = begun.id;
        let report = self
            .wait(|event| match event {
                Event::Done(report) if report.id == id => Some(report.clone()),
                _ => None,
            })
            .await;
        begun.over();
        report
    }
}

/// Something that was begun and has not ended.
pub(crate) struct Begun {
    call: Call,
    pub(crate) id: u32,
}

impl Begun {
    fn over(self) {
        self.call.0.state.borrow_mut().inbox.forget_id(self.id);
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let mut line = self.call.0.state.borrow_mut();
        if line.inbox.forget_id(self.id) {
            line.actions.push(Action::Cancel(self.id));
        }
    }
}

/// Something to say. Await it.
#[must_use = "nothing is said before it is awaited"]
pub struct Say {
    call: Call,
    text: String,
    manner: Manner,
}

impl Say {
    /// Nothing that the caller says or presses cuts it short.
    pub fn to_the_end(self) -> Self {
        self.interrupted_by(Interruption::Nothing)
    }

    pub fn interrupted_by(mut self, interruption: Interruption) -> Self {
        self.manner.interruption = interruption;
        self
    }

    /// In a voice that the provider knows.
    pub fn voice(mut self, voice: impl Into<String>) -> Self {
        self.manner.voice = Some(voice.into());
        self
    }

    /// In this language (BCP 47).
    pub fn language(mut self, language: impl Into<String>) -> Self {
        self.manner.language = Some(language.into());
        self
    }
}

impl IntoFuture for Say {
    type Output = Report;
    type IntoFuture = Pin<Box<dyn Future<Output = Report>>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let Self { call, text, manner } = self;
            let id = call.next_id();
            let begun = call.begun(id, Action::Say(Speech { id, text, manner }));
            call.report(begun).await
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Either<A, B> {
    A(A),
    B(B),
}

/// Whichever ends first; the other is dropped, and with it what it had begun.
pub async fn first<A, B>(a: impl IntoFuture<Output = A>, b: impl IntoFuture<Output = B>) -> Either<A, B> {
    // both are owned here, so that the loser is dropped before this returns
    let (mut a, mut b) = (pin!(a.into_future()), pin!(b.into_future()));
    poll_fn(|context| match a.as_mut().poll(context) {
        Poll::Ready(a) => Poll::Ready(Either::A(a)),
        Poll::Pending => b.as_mut().poll(context).map(Either::B),
    })
    .await
}

pub(crate) fn turn(event: &Event) -> Option<Turn> {
    match event {
        Event::Turn(turn) => Some(turn.clone()),
        _ => None,
    }
}

pub(crate) fn milliseconds(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}
