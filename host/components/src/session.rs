//! A component at work in one call: it is told events, and what it wants is sorted. Connections and
//! timers are dealt with here; the rest goes to the call.
//!
//! A component that traps, takes too much or wants what it must not is never called again. Its
//! session then says `failed`, once, in the words of its kind; the log names the component and what
//! it did.

use crate::component::{Generation, Instances, LoadError};
use crate::consumption::{Consumed, Consumption};
use crate::contract::{
    Contract, LlmContract, Opened, Script, ScriptWorld, Sorted, SttContract, TtsContract, action, event,
    opening,
};
use crate::egress::{Arrival, Connections, NetEvent, SessionId};
use crate::journal::{Bytes, Journal, Pages};
use crate::manifest::Kind;
use crate::remark::one_line;
use crate::stock::{Made, Stock};
use crate::store::{self, OverMemory, OverTime, Owner, State};
use crate::weight::Weight;
use call::persona::{Action, Answerer, Direction, Event};
use call::{Cause, Failure, Moment, net};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;
use wasmtime::Store;

/// A timer is never shorter, and a session never has more of them (DESIGN, rule 10).
const SHORTEST_TIMER: Duration = Duration::from_millis(10);
const MOST_TIMERS: usize = 32;

/// What every session of a call shares.
#[derive(Debug)]
pub struct Surroundings {
    call: String,
    began: u64,
    seed: u64,
    arrivals: mpsc::Sender<Arrival>,
    sessions: AtomicU64,
    consumption: Consumption,
    /// none: nobody wants to replay the call
    journal: Option<Journal>,
}

impl Surroundings {
    /// `call`: its name, for the log. `began`: the moment at which it began, in milliseconds since
    /// 1970. `seed`: where the components' random numbers come from. `arrivals`: where what comes
    /// from the network goes.
    pub fn new(call: impl Into<String>, began: u64, seed: u64, arrivals: mpsc::Sender<Arrival>) -> Self {
        let (sessions, consumption) = (AtomicU64::new(0), Consumption::default());
        Self { call: call.into(), began, seed, arrivals, sessions, consumption, journal: None }
    }

    /// What the sessions are told, and what they say about it, goes into this journal.
    pub fn journaled(mut self, journal: Option<Journal>) -> Self {
        if let Some(journal) = &journal {
            journal.begin(&self.call, self.began, self.seed);
        }
        self.journal = journal;
        self
    }

    /// What each component has taken in this call so far, by id: of the sessions that are over, and of
    /// those that live, but for their last moments.
    pub fn consumed(&self) -> Vec<(String, Consumed)> {
        self.consumption.consumed()
    }

    /// Counts the sessions of the call, so that a replay of it has the same ones.
    fn next_id(&self) -> SessionId {
        SessionId(self.sessions.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

/// How a recogniser is opened.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Listening {
    pub language: Option<String>,
    pub keyterms: Vec<String>,
}

/// How a voice is opened.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Speaking {
    pub language: Option<String>,
    pub voice: Option<String>,
}

/// How a script is opened: all that it may know before the call begins.
#[derive(Clone, Debug)]
pub struct Scene {
    pub seed: u64,
    pub timezone: String,
    pub language: String,
    pub call: String,
    pub direction: Direction,
    pub caller: Option<String>,
    pub called: Option<String>,
    pub parameters: Vec<(String, String)>,
    pub initial_message: Option<String>,
    pub answered_by: Answerer,
    pub line: LineAbilities,
}

#[derive(Clone, Copy, Debug)]
pub struct LineAbilities {
    pub hears_audio: bool,
    pub speaks_audio: bool,
    pub can_speak_unasked: bool,
    pub can_send_digits: bool,
}

/// Why a component is not called any more.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error("it trapped: {0}")]
    Trapped(String),
    #[error("{0}")]
    TooMuch(String),
    #[error("{0}")]
    TooLong(String),
    #[error("it wanted what it must not: {0}")]
    Forbidden(String),
    #[error("it refused to begin: {0}")]
    Refused(Failure),
}

impl Fault {
    /// In the words of the call. A component that broke may do better when it is opened again.
    fn into_failure(self) -> Failure {
        match self {
            Self::Refused(failure) => failure,
            fault => Failure::new(Cause::Garbled, fault.to_string()),
        }
    }
}

/// A recogniser, a model or a voice at work.
pub struct Provider<C: Contract> {
    id: SessionId,
    body: Body,
    /// none: it failed
    opened: Option<Opened<C::World>>,
    converter: C::Converter,
    connections: Connections,
    timers: BTreeMap<u32, Moment>,
    /// it broke, and how; none: it did not, though it may have refused or given up
    broke: Option<String>,
}

pub type SttSession = Provider<SttContract>;
pub type LlmSession = Provider<LlmContract>;
pub type TtsSession = Provider<TtsContract>;

/// A script at work.
pub struct PersonaSession {
    body: Body,
    script: Script,
    connections: Connections,
    /// of sessions that it goes on for: their requests are still answered
    earlier: Vec<Connections>,
    pub id: SessionId,
}

/// A store, and the name under which the log speaks of it.
pub(crate) struct Body {
    generation: Arc<Generation>,
    store: Store<State>,
    call: String,
    began: u64,
    /// none: there is no journal
    pages: Option<Pages>,
}

impl Generation {
    /// Begins to hear a call. Fails where this is no recogniser; a recogniser that refuses says so
    /// with its first effects.
    pub fn open_stt(
        self: &Arc<Self>,
        surroundings: &Surroundings,
        now: Moment,
        opening: Listening,
    ) -> Result<(SttSession, Vec<call::stt::Effect>), LoadError> {
        match &self.instances {
            Instances::Stt(stock) => Provider::open(self, stock, surroundings, now, opening),
            _ => Err(self.wrong_kind(Kind::Stt)),
        }
    }

    /// Begins a reply.
    pub fn open_llm(
        self: &Arc<Self>,
        surroundings: &Surroundings,
        now: Moment,
    ) -> Result<(LlmSession, Vec<call::llm::Effect>), LoadError> {
        match &self.instances {
            Instances::Llm(stock) => Provider::open(self, stock, surroundings, now, ()),
            _ => Err(self.wrong_kind(Kind::Llm)),
        }
    }

    /// Begins to speak in a call.
    pub fn open_tts(
        self: &Arc<Self>,
        surroundings: &Surroundings,
        now: Moment,
        opening: Speaking,
    ) -> Result<(TtsSession, Vec<call::tts::Effect>), LoadError> {
        match &self.instances {
            Instances::Tts(stock) => Provider::open(self, stock, surroundings, now, opening),
            _ => Err(self.wrong_kind(Kind::Tts)),
        }
    }

    /// Begins a conversation. The inner error: the script refuses or broke.
    pub fn open_persona(
        self: &Arc<Self>,
        surroundings: &Surroundings,
        now: Moment,
        scene: &Scene,
    ) -> Result<Result<PersonaSession, Fault>, LoadError> {
        match &self.instances {
            Instances::Persona(stock) => {
                Ok(PersonaSession::open(self, stock, surroundings, now, scene, None))
            }
            _ => Err(self.wrong_kind(Kind::Persona)),
        }
    }

    /// Goes on with a conversation where a session of this persona was when it gave the snapshot.
    pub fn restore_persona(
        self: &Arc<Self>,
        surroundings: &Surroundings,
        now: Moment,
        scene: &Scene,
        snapshot: &str,
    ) -> Result<Result<PersonaSession, Fault>, LoadError> {
        match &self.instances {
            Instances::Persona(stock) => {
                Ok(PersonaSession::open(self, stock, surroundings, now, scene, Some(snapshot)))
            }
            _ => Err(self.wrong_kind(Kind::Persona)),
        }
    }

    fn wrong_kind(&self, wanted: Kind) -> LoadError {
        LoadError::Kind { id: self.id().to_owned(), found: self.artifact.manifest.kind, wanted }
    }
}

impl Body {
    /// With an instance of it; its error is what the first call into it comes to.
    pub(crate) fn new<W: Send + 'static>(
        generation: &Arc<Generation>,
        stock: &Stock<W>,
        surroundings: &Surroundings,
        id: SessionId,
    ) -> (Self, wasmtime::Result<W>) {
        let Made { mut store, world } = stock.take();
        let owner = Owner { component: generation.id().to_owned(), call: surroundings.call.clone() };
        // sessions of one call differ
        let seed = surroundings.seed ^ (id.0 << 32);
        let accounts = [generation.host.consumption(), &surroundings.consumption];
        let accounts = accounts.map(|accounts| accounts.account(generation.id()));
        store::begin(&mut store, owner, generation.grant.limits, seed, accounts);
        let call = surroundings.call.clone();
        let pages = surroundings.journal.as_ref().map(|journal| journal.session(id));
        (Self { generation: generation.clone(), store, call, began: surroundings.began, pages }, world)
    }

    fn at(&self, now: Moment) -> u64 {
        self.began.saturating_add(u64::try_from(now.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    /// For the journal, if there is one.
    fn noted<T: Serialize + ?Sized>(&self, value: &T) -> Option<Bytes<'static>> {
        self.pages.as_ref().map(|_| Bytes::of(value))
    }

    /// One call into the component.
    pub(crate) fn enter<T>(
        &mut self,
        now: Moment,
        call: impl FnOnce(&mut Store<State>, u64) -> wasmtime::Result<T>,
    ) -> Result<T, Fault> {
        let at = self.at(now);
        let entered = store::enter(&mut self.store, at).map_err(wasmtime::Error::from);
        let result = entered.and_then(|()| call(&mut self.store, at));
        store::leave(&mut self.store);
        result.map_err(|error| self.fault(&error))
    }

    fn fault(&self, error: &wasmtime::Error) -> Fault {
        if let Some(over) = error.downcast_ref::<OverTime>() {
            return Fault::TooLong(over.to_string());
        }
        if let Some(over) = error.downcast_ref::<OverMemory>() {
            return Fault::TooMuch(over.to_string());
        }
        let cause = error.root_cause().to_string();
        if cause.contains("fuel allocated for hostcalls") {
            let limit = self.generation.grant.limits.transfer();
            return Fault::TooMuch(format!("it gave more than {limit} bytes of effects at once"));
        }
        // a runtime that gives up says why on stderr
        Fault::Trapped(match self.store.data().last_words() {
            Some(words) => one_line(&format!("{cause} ({words})")).into_owned(),
            None => one_line(&cause).into_owned(),
        })
    }

    fn count(&mut self, effects: usize) -> Result<(), Fault> {
        self.store.data_mut().share().gave(effects);
        let limit = self.generation.grant.limits.effects as usize;
        if effects > limit {
            return Err(Fault::TooMuch(format!("it gave {effects} effects at once, and may give {limit}")));
        }
        Ok(())
    }

    /// It is told something of this weight.
    fn takes(&mut self, told: &impl Weight) {
        self.store.data_mut().share().takes(told.weight());
    }

    fn gives(&mut self, given: &impl Weight) {
        self.store.data_mut().share().gives(given.weight());
    }

    fn report(&mut self, fault: &Fault) {
        self.store.data_mut().share().faulted(fault);
        let component = self.generation.id();
        tracing::error!(component, call_sid = self.call, "the component is not called any more: {fault}");
    }
}

impl<C: Contract> Provider<C> {
    fn open(
        generation: &Arc<Generation>,
        stock: &Stock<C::World>,
        surroundings: &Surroundings,
        now: Moment,
        opening: C::Opening,
    ) -> Result<(Self, Vec<C::Effect>), LoadError> {
        let id = surroundings.next_id();
        let (mut body, world) = Body::new(generation, stock, surroundings, id);
        let settings = generation.grant.settings.json();
        let sound = generation.artifact.manifest.audio;
        let converter = C::converter(sound)
            .map_err(|source| LoadError::Audio { id: generation.id().to_owned(), source })?;
        let noted = body.noted(&opening);
        let opened = body
            .enter(now, |store, _| C::open(world?, store, opening, sound, &settings))
            .and_then(|opened| opened.map_err(Fault::Refused));
        if let (Some(pages), Some(noted)) = (&body.pages, noted) {
            pages.opened(now, generation, &settings, noted, opened.as_ref().map(drop));
        }
        let connections = generation.egress.connections(id, surroundings.arrivals.clone());
        let timers = BTreeMap::new();
        let mut session = Self { id, body, opened: None, converter, connections, timers, broke: None };
        let effects = match opened {
            Ok(opened) => {
                session.opened = Some(opened);
                Vec::new()
            }
            Err(fault) => vec![C::failed(session.give_up(fault))],
        };
        Ok((session, effects))
    }

    pub fn id(&self) -> SessionId {
        self.id
    }

    pub fn component(&self) -> &str {
        self.body.generation.id()
    }

    /// It trapped, took too much or wanted what it must not, and how; none: it did not. A vendor that
    /// refuses or is away is no such thing.
    pub fn broke(&self) -> Option<&str> {
        self.broke.as_deref()
    }

    /// The call tells it something. What it tells the call about it, in order.
    pub fn handle(&mut self, now: Moment, event: C::Event) -> Vec<C::Effect> {
        match C::outward(&mut self.converter, event) {
            Some(event) => {
                self.body.takes(&event);
                self.tell(now, C::event(event))
            }
            None => Vec::new(),
        }
    }

    /// Something came from the network for it.
    pub fn arrived(&mut self, now: Moment, event: NetEvent) -> Vec<C::Effect> {
        if !self.connections.is_awaited(&event) {
            return Vec::new();
        }
        self.body.takes(&event);
        self.tell(now, C::net(event))
    }

    /// The first of its timers that are due: what it costs to be told of all of them must not hold
    /// what else happens in the call.
    pub fn timeout(&mut self, now: Moment) -> Vec<C::Effect> {
        let first = self.timers.iter().map(|(id, due)| (*due, *id)).min();
        let Some((_, id)) = first.filter(|(due, _)| *due <= now) else { return Vec::new() };
        self.timers.remove(&id);
        self.tell(now, C::timer(id))
    }

    pub fn next_timeout(&self) -> Moment {
        self.timers.values().min().copied().unwrap_or(Moment::NEVER)
    }

    fn tell(&mut self, now: Moment, event: C::RawEvent) -> Vec<C::Effect> {
        let Some(opened) = &self.opened else { return Vec::new() };
        let events = [event];
        let noted = self.body.noted(&events[..]);
        let told = self.body.enter(now, |store, at| C::handle(opened, store, at, &events));
        if let (Some(pages), Some(noted)) = (&self.body.pages, noted) {
            pages.told(now, noted, told.as_ref());
        }
        let told = told.and_then(|effects| self.body.count(effects.len()).map(|()| effects));
        let mut given = Vec::new();
        let sorted = told.and_then(|effects| {
            for effect in effects {
                self.sort(now, effect, &mut given)?;
                // it has given up: nothing that comes after that counts
                if given.last().is_some_and(C::is_failed) {
                    self.stop();
                    break;
                }
            }
            Ok(())
        });
        if let Err(fault) = sorted {
            given.push(C::failed(self.give_up(fault)));
        }
        given
    }

    fn sort(&mut self, now: Moment, effect: C::RawEffect, given: &mut Vec<C::Effect>) -> Result<(), Fault> {
        match C::sort(effect) {
            Sorted::Effect(effect) => {
                self.body.gives(&effect);
                C::inward(&mut self.converter, effect, given);
            }
            Sorted::Net(action) => {
                self.body.gives(&action);
                self.connections.perform(action).map_err(Fault::Forbidden)?;
            }
            Sorted::CancelTimer(id) => {
                self.timers.remove(&id);
            }
            Sorted::Timer { id, after } => {
                self.timers.insert(id, now + after.max(SHORTEST_TIMER));
                if self.timers.len() > MOST_TIMERS {
                    return Err(Fault::TooMuch(format!("it set more than {MOST_TIMERS} timers")));
                }
            }
        }
        Ok(())
    }

    /// It broke, or refused to begin.
    fn give_up(&mut self, fault: Fault) -> Failure {
        self.body.report(&fault);
        if !matches!(fault, Fault::Refused(_)) {
            self.broke = Some(fault.to_string());
        }
        self.stop();
        fault.into_failure()
    }

    /// After a trap an instance must not be called again; nor is what it began wanted.
    fn stop(&mut self) {
        self.opened = None;
        self.timers.clear();
        self.connections.close_all();
    }
}

impl PersonaSession {
    fn open(
        generation: &Arc<Generation>,
        stock: &Stock<ScriptWorld>,
        surroundings: &Surroundings,
        now: Moment,
        scene: &Scene,
        snapshot: Option<&str>,
    ) -> Result<Self, Fault> {
        let id = surroundings.next_id();
        let (mut body, world) = Body::new(generation, stock, surroundings, id);
        let settings = generation.grant.settings.json();
        let opening = opening(scene, body.at(now), &settings);
        let script = body
            .enter(now, |store, _| match snapshot {
                Some(snapshot) => Script::restore(world?, store, &opening, snapshot),
                None => Script::open(world?, store, &opening),
            })
            .and_then(|script| script.map_err(Fault::Refused))
            .inspect_err(|fault| body.report(fault));
        if let Some(pages) = &body.pages {
            let opening = Bytes::of(&(&opening, snapshot));
            pages.opened(now, generation, "", opening, script.as_ref().map(drop));
        }
        let script = script?;
        let connections = generation.egress.connections(id, surroundings.arrivals.clone());
        Ok(Self { body, script, connections, earlier: Vec::new(), id })
    }

    pub fn component(&self) -> &str {
        self.body.generation.id()
    }

    /// The script is told something. After an error it must not be told anything again.
    pub fn handle(&mut self, now: Moment, event: Event) -> Result<Vec<Action>, Fault> {
        let Self { body, script, .. } = self;
        body.takes(&event);
        let events = [self::event(event)];
        let told = body.enter(now, |store, at| script.handle(store, at, &events));
        if let Some(pages) = &body.pages {
            pages.told(now, Bytes::of(&events[..]), told.as_ref());
        }
        let actions = told
            .and_then(|actions| body.count(actions.len()).map(|()| actions))
            .inspect_err(|fault| body.report(fault))?;
        Ok(actions.into_iter().map(action).inspect(|action| body.gives(action)).collect())
    }

    /// What it needs to go on in another session; none: not at this moment. After an error it must
    /// not be told anything again.
    pub fn snapshot(&mut self, now: Moment) -> Result<Option<String>, Fault> {
        let Self { body, script, .. } = self;
        let snapshot = body.enter(now, |store, _| script.snapshot(store));
        if let Some(pages) = &body.pages {
            pages.snapshot(now, snapshot.as_ref());
        }
        snapshot.inspect_err(|fault| body.report(fault))
    }

    /// A request of the script's; its response arrives as [`Arrival::Fetched`].
    pub fn fetch(&mut self, id: u32, request: net::Request) {
        self.connections.fetch(id, request);
    }

    pub fn cancel_fetch(&mut self, id: u32) {
        for connections in self.earlier.iter_mut().chain([&mut self.connections]) {
            connections.cancel_fetch(id);
        }
    }

    /// It goes on in place of this one, whose requests are still answered.
    pub fn succeed(&mut self, other: Self) {
        self.earlier.extend(other.earlier);
        self.earlier.push(other.connections);
        // a call may see many of them
        self.earlier.retain_mut(Connections::is_fetching);
    }
}
