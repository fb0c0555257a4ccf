//! The telephone network: which calls there are, how each is reached, who answers which number.

use super::callbacks::{Callbacks, Gate};
use super::conference::Rooms;
use super::leg::{Ending, Leg, Orders};
use super::people::{Callee, Incoming, Method, Person};
use super::seen::{CallSeen, Event, Seen, Status};
use super::webhook::{Answer, Client, Target};
use super::{Config, webhook};
use crate::serving::Kept;
use jiff::Timestamp;
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

pub(super) struct Network {
    pub(super) config: Config,
    pub(super) kept: Kept<Seen>,
    pub(super) client: Client,
    pub(super) rooms: Rooms,
    /// How each call that is not over is reached.
    lines: Mutex<HashMap<String, mpsc::UnboundedSender<Order>>>,
    callees: Mutex<BTreeMap<String, Callee>>,
    /// Every request for a document, by call.
    asked: Mutex<HashMap<String, Vec<Request>>>,
    runtime: OnceLock<Handle>,
}

/// A request for a document, so that it can be made again.
#[derive(Clone)]
pub(super) struct Request {
    pub(super) target: Target,
    pub(super) parameters: Vec<(String, String)>,
    /// The same for each time that it is made.
    pub(super) token: String,
}

/// What a call is told from outside.
#[derive(Debug)]
pub(super) enum Order {
    /// The person puts the receiver down, or does not take it up.
    PutDown,
    /// The connection of the stream breaks.
    DropStream,
    Complete,
    /// Unless it was answered.
    Cancel,
    Redirect(Source),
}

/// Where a document comes from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    At(Target),
    Twiml(String),
}

impl Source {
    /// As a timeline has it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::At(target) => target.url.to_string(),
            Self::Twiml(_) => "Twiml".to_owned(),
        }
    }
}

impl Network {
    pub(super) fn new(config: Config, kept: Kept<Seen>) -> io::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            client: webhook::Client::new(&config)?,
            rooms: Rooms::default(),
            lines: Mutex::default(),
            callees: Mutex::new(config.callees.clone()),
            asked: Mutex::default(),
            runtime: OnceLock::new(),
            config,
            kept,
        }))
    }

    /// From now on everything runs where this is called.
    pub(super) fn settle(&self) {
        let _ = self.runtime.set(Handle::current());
    }

    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        // unset only before the server has started
        if let Some(runtime) = self.runtime.get() {
            runtime.spawn(task);
        }
    }

    /// A new call, as a leg that somebody has to walk on.
    pub(super) fn open(self: &Arc<Self>, call: CallSeen, person: Person, gate: Gate) -> Leg {
        let (line, orders) = mpsc::unbounded_channel();
        lock(&self.lines).insert(call.sid.clone(), line);
        let sid = call.sid.clone();
        self.kept.note(|seen| seen.calls.push(call));
        let callbacks = Callbacks::open(self, &sid, gate.clone());
        Leg::new(self.clone(), sid, person, Orders::new(orders), callbacks, gate)
    }

    /// The call is over: nobody can reach it any more.
    pub(super) fn close(&self, sid: &str) {
        lock(&self.lines).remove(sid);
    }

    /// Whether the call could be told.
    pub(super) fn order(&self, sid: &str, order: Order) -> bool {
        lock(&self.lines).get(sid).is_some_and(|line| line.send(order).is_ok())
    }

    pub(super) fn callee(&self, number: &str) -> Callee {
        lock(&self.callees).get(number).unwrap_or(&self.config.callee).clone()
    }

    pub(super) fn set_callee(&self, number: String, callee: Callee) {
        lock(&self.callees).insert(number, callee);
    }

    pub(super) fn asking(&self, sid: &str, request: Request) {
        lock(&self.asked).entry(sid.to_owned()).or_default().push(request);
    }

    /// Makes one of the last requests once more; 0: the last.
    pub(super) async fn repeat(self: &Arc<Self>, sid: &str, back: usize) -> Result<Answer, String> {
        let request = lock(&self.asked).get(sid).and_then(|all| all.iter().rev().nth(back).cloned());
        let request = request.ok_or_else(|| format!("{sid} has not asked {} times", back + 1))?;
        let (sender, answered) = oneshot::channel();
        let (network, sid) = (self.clone(), sid.to_owned());
        // where the others are made: a connection belongs to the runtime that opened it
        self.spawn(async move {
            let answer = network.again(&sid, &request).await;
            // whoever wanted to know may have gone
            let _ = sender.send(answer);
        });
        answered.await.map_err(|_| "the stand-in has ended".to_owned())?
    }

    pub(super) async fn again(&self, sid: &str, request: &Request) -> Result<Answer, String> {
        let answer = self.client.request(&request.target, &request.parameters, &request.token).await;
        let status = answer.as_ref().ok().map(|answer| answer.status);
        self.event(sid, Event::Repeated { url: request.target.url.to_string(), status });
        answer
    }

    /// Somebody dials; the call's sid.
    pub(super) fn ring(self: &Arc<Self>, incoming: Incoming) -> String {
        let call = CallSeen::new("inbound", &incoming.from, &incoming.to, Status::Ringing);
        let sid = call.sid.clone();
        let mut leg = self.open(call, incoming.person, Gate::default());
        leg.more = incoming.parameters;
        let target = |url: &str, method| leg.resolve(None, url).map(|url| Target::new(url, method));
        let webhook = target(&incoming.webhook_url, incoming.method);
        let fallback = incoming.fallback_url.as_deref().map(|url| target(url, incoming.method));
        let callback = incoming.status_callback.as_deref().map(|url| target(url, Method::Post));
        leg.fallback = fallback.and_then(Result::ok);
        leg.report_to(callback.and_then(Result::ok), &["completed"]);
        self.spawn(async move {
            let ending = match webhook {
                Ok(webhook) => leg.follow(Source::At(webhook)).await,
                Err(_) => Ending::FAILED,
            };
            leg.end(ending);
        });
        sid
    }

    // -- what is kept

    pub(super) fn note(&self, sid: &str, note: impl FnOnce(&mut CallSeen)) {
        self.kept.note(|seen| {
            if let Some(call) = seen.calls.iter_mut().find(|call| call.sid == sid) {
                note(call);
            }
        });
    }

    pub(super) fn event(&self, sid: &str, event: Event) {
        tracing::debug!(call_sid = sid, ?event, "on the telephone");
        self.note(sid, |call| call.timeline.push(event));
    }

    /// What Twilio would have written into its log.
    pub(super) fn alert(&self, sid: &str, code: u32, text: impl Into<String>) {
        self.event(sid, Event::Alert { code, text: text.into() });
    }

    /// The same, where the customer has broken the protocol.
    pub(super) fn breach(&self, sid: &str, code: u32, text: impl Into<String>) {
        let text = text.into();
        self.kept.violation(format!("{code}: {text}"));
        self.alert(sid, code, text);
    }

    pub(super) fn call(&self, sid: &str) -> Option<CallSeen> {
        let mut found = None;
        self.kept.note(|seen| found = seen.call(sid).cloned());
        found
    }

    /// So many seconds as a document or a request counts them.
    pub(super) fn seconds(&self, seconds: u64) -> Duration {
        self.config.second.saturating_mul(u32::try_from(seconds).unwrap_or(u32::MAX))
    }
}

impl CallSeen {
    pub(super) fn new(direction: &'static str, from: &str, to: &str, status: Status) -> Self {
        Self {
            sid: fresh_sid("CA"),
            parent_sid: None,
            direction,
            from: from.to_owned(),
            to: to.to_owned(),
            status,
            answered_by: None,
            created: Timestamp::now(),
            started: None,
            ended: None,
            settled: false,
            timeline: Vec::new(),
        }
    }
}

pub(super) fn fresh_sid(kind: &str) -> String {
    format!("{kind}{:032x}", fastrand::u128(..))
}

/// As Twilio writes times, but in its streams.
pub(super) fn rfc2822(time: Timestamp) -> String {
    time.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // nothing that could panic happens under a lock here
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
