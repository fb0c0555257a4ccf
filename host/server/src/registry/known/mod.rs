//! One call, as the host knows it.
//!
//! - `mod.rs`: what Twilio says of it, and what is known
//! - `conversation.rs`: its stream, and what is wanted of its conversation
//! - `levels.rs`: how loud it is, for those who watch
//! - `sharing.rs`: what other nodes are told of it
//! - `standing.rs`: how it stands right now
//! - `transfer.rs`: where its caller is put through to
//! - `watching.rs`: how others see it

mod conversation;
mod levels;
mod sharing;
mod standing;
mod transfer;
mod watching;

pub use conversation::{Attached, Control, Live, NotLive};
pub use transfer::{Next, Order, Pending};

use super::event::{Event, What};
use super::sharing::{Changes, LOST};
use super::view::{Line, departure_name};
use crate::access::PublicAddress;
use crate::config::LineKind;
use crate::routing::Route;
use call::persona::{Answerer, Departure, Direction};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sharing::Shared;
use standing::Standing;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{broadcast, mpsc};
use twilio::progress::Progress;
use twilio::status::{AnsweredBy, Status};
use twilio::webhook::Webhook;

/// A stream that was announced and has not come by then takes no place any more.
pub const ANNOUNCED: Duration = Duration::from_secs(30);
/// A call that nobody has picked up by then, and of which Twilio says nothing, is none: it rings for ten
/// minutes at the most.
const STALE: Duration = Duration::from_secs(1200);
/// Twilio answers, or calls back, well within this time.
const UNNAMED: Duration = Duration::from_secs(120);
/// Of a conversation, so many lines are kept.
const MOST_LINES: usize = 1000;

/// What is to be known of a call that we place.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Dialled {
    pub from: String,
    pub to: String,
    pub persona: Option<String>,
    pub initial_message: Option<String>,
    pub parameters: BTreeMap<String, String>,
}

pub struct Known {
    /// as it is found under, first
    pub id: String,
    pub created: Timestamp,
    /// none: not decided yet
    route: OnceLock<Arc<Route>>,
    facts: Mutex<Facts>,
    /// to those who want to see how loud it is; none: nobody ever did
    levels: OnceLock<broadcast::Sender<Event>>,
    shared: Shared,
}

struct Facts {
    sid: Option<String>,
    direction: Direction,
    dialled: Dialled,
    placed: bool,
    /// it is held from the console, by whoever has this ticket
    console: Option<String>,
    progress: Progress,
    answered_by: Option<AnsweredBy>,
    /// as Twilio counts it
    duration: Option<Duration>,
    stage: Stage,
    /// what its conversation is held over; none: there was none
    line: Option<LineKind>,
    /// something of ours follows on the stream in the TwiML
    continues: bool,
    next: Option<Next>,
    pending: Option<Pending>,
    /// where Twilio reached us for it
    address: Option<PublicAddress>,
    /// Twilio has asked what follows on the stream
    asked: bool,
    cut: bool,
    /// so often it was announced again
    returns: u32,
    /// another socket may come in place of the one that was lost
    returning: bool,
    /// since when it did so last
    returned: Option<Instant>,
    attached: Option<Timestamp>,
    over: Option<Timestamp>,
    departure: Option<Departure>,
    /// the node that held it is gone
    lost: bool,
    /// it was begun anew after that
    anew: bool,
    /// so often it went from one node to another
    epoch: u64,
    outcome: Option<String>,
    kept: BTreeMap<String, serde_json::Value>,
    conversation: Vec<Line>,
    standing: Standing,
    /// to those who watch; none: nobody does
    events: Option<broadcast::Sender<Event>>,
}

enum Stage {
    /// Twilio, or we, have told of it
    Told,
    /// it was answered with a stream, which has not come yet
    Announced(Instant),
    /// there is a conversation
    Live(mpsc::Sender<Control>),
    Over,
}

impl Known {
    pub(super) fn new(id: &str, direction: Direction, changes: Option<&Changes>) -> Self {
        Self {
            id: id.to_owned(),
            created: Timestamp::now(),
            route: OnceLock::new(),
            facts: Mutex::new(Facts {
                sid: None,
                direction,
                dialled: Dialled::default(),
                placed: false,
                console: None,
                progress: Progress::default(),
                answered_by: None,
                duration: None,
                stage: Stage::Told,
                line: None,
                continues: false,
                next: None,
                pending: None,
                address: None,
                asked: false,
                cut: false,
                returns: 0,
                returning: false,
                returned: None,
                attached: None,
                over: None,
                departure: None,
                lost: false,
                anew: false,
                epoch: 0,
                outcome: None,
                kept: BTreeMap::new(),
                conversation: Vec::new(),
                standing: Standing::default(),
                events: None,
            }),
            levels: OnceLock::new(),
            shared: Shared::with(changes),
        }
    }

    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // -- what Twilio says

    /// Whether that is news.
    pub(super) fn set_sid(&self, sid: &str) -> bool {
        let mut facts = self.facts();
        let news = facts.sid.is_none();
        if news {
            facts.sid = Some(sid.to_owned());
            self.changed();
        }
        news && self.id != sid
    }

    pub(super) fn learn(&self, webhook: &Webhook) {
        let mut facts = self.facts();
        let (from, to) = (&webhook.from, &webhook.to);
        let dialled = &mut facts.dialled;
        for (known, told) in [(&mut dialled.from, from), (&mut dialled.to, to)] {
            if let (true, Some(told)) = (known.is_empty(), told) {
                known.clone_from(told);
            }
        }
        facts.duration = webhook.call_duration.or(facts.duration);
        self.changed();
        match facts.progress.take_webhook(webhook) {
            true => self.moved(facts),
            false => drop(facts),
        }
        if let Some(answered_by) = &webhook.answered_by {
            self.answered_by(answered_by);
        }
    }

    /// Twilio's status is another one: who has to know is told.
    fn moved(&self, mut facts: MutexGuard<'_, Facts>) {
        let status = facts.progress.status().map(Status::to_string).unwrap_or_default();
        let conversation = facts.control().cloned().filter(|_| facts.progress.is_over());
        if facts.progress.is_over() && !matches!(facts.stage, Stage::Live(_)) {
            facts.end(None);
        }
        drop(facts);
        self.changed();
        tracing::info!(call_sid = self.id, status, "status");
        self.publish(What::Status { status });
        if let Some(conversation) = conversation {
            // a conversation that cannot be told any more is ending
            let _ = conversation.try_send(Control::Gone);
        }
    }

    /// The verdict on who picked up: kept, and told to the conversation if there is one.
    fn answered_by(&self, answered_by: &AnsweredBy) {
        let mut facts = self.facts();
        if facts.answered_by.is_some() {
            return;
        }
        facts.answered_by = Some(answered_by.clone());
        let conversation = facts.control().cloned();
        drop(facts);
        self.changed();
        tracing::info!(call_sid = self.id, answered_by = answered_by.as_str(), "answered");
        self.publish(What::AnsweredBy { answered_by: answered_by.to_string() });
        if let Some(conversation) = conversation {
            let _ = conversation.try_send(Control::AnsweredBy(answerer(answered_by)));
        }
    }

    /// What Twilio answered when it was asked about the call, or to place it.
    pub fn asked(&self, status: &Status) {
        let mut facts = self.facts();
        if facts.progress.take(status, None) {
            self.moved(facts);
        }
    }

    pub(super) fn dialled(&self, dialled: Dialled) {
        let mut facts = self.facts();
        facts.dialled = dialled;
        facts.placed = true;
        self.changed();
    }

    /// What whoever begins it has to say.
    pub fn bring(&self, dialled: Dialled) {
        self.facts().dialled = dialled;
        self.changed();
    }

    /// It came to nothing before Twilio had it.
    pub fn not_placed(&self) {
        self.asked(&Status::Failed);
    }

    /// Where a stream reached us whose TwiML is not ours.
    pub fn reached_at(&self, address: Option<PublicAddress>) {
        let mut facts = self.facts();
        facts.address = facts.address.take().or(address);
    }

    pub fn address(&self) -> Option<PublicAddress> {
        self.facts().address.clone()
    }

    // -- what is known

    pub fn sid(&self) -> Option<String> {
        let facts = self.facts();
        facts.sid.clone()
    }

    pub fn direction(&self) -> Direction {
        self.facts().direction
    }

    pub fn call_details(&self) -> Dialled {
        self.facts().dialled.clone()
    }

    pub fn set_details(&self, direction: Option<Direction>, from: Option<&str>, to: Option<&str>) {
        let mut facts = self.facts();
        facts.direction = direction.unwrap_or(facts.direction);
        if let Some(from) = from {
            from.clone_into(&mut facts.dialled.from);
        }
        if let Some(to) = to {
            to.clone_into(&mut facts.dialled.to);
        }
        self.changed();
    }

    /// How it is served; the first word counts.
    pub fn set_route(&self, route: &Arc<Route>) {
        let _ = self.route.set(route.clone());
    }

    pub fn set_line(&self, line: LineKind) {
        self.facts().line = Some(line);
    }

    /// It is held from the console, by whoever has this ticket: nothing of it is Twilio's.
    pub fn set_console(&self, ticket: &str) {
        self.facts().console = Some(ticket.to_owned());
        self.changed();
    }

    pub fn is_console(&self) -> bool {
        self.facts().console.is_some()
    }

    /// Whoever has this ticket holds it.
    pub fn is_held_by(&self, ticket: &str) -> bool {
        self.facts().console.as_deref().is_some_and(|held| !held.is_empty() && held == ticket)
    }

    /// Who does what in its conversation, by stage: `persona`, `stt`, `llm`, `tts`.
    pub fn set_served<'a>(&self, by: impl IntoIterator<Item = (&'a str, &'a str)>) {
        let mut facts = self.facts();
        for (stage, component) in by {
            facts.standing.serves(stage, component);
        }
        drop(facts);
        self.changed();
    }

    /// What its conversation is held over.
    pub fn line(&self) -> Option<LineKind> {
        self.facts().line
    }

    pub fn route(&self) -> Option<Arc<Route>> {
        self.route.get().cloned()
    }

    /// Who picked up, as far as it is known.
    pub fn answerer(&self) -> Answerer {
        self.facts().answered_by.as_ref().map_or(Answerer::Unknown, answerer)
    }

    /// The same in Twilio's words; none: it has not told.
    pub fn told_answerer(&self) -> Option<AnsweredBy> {
        self.facts().answered_by.clone()
    }

    pub fn is_live(&self) -> bool {
        matches!(self.facts().stage, Stage::Live(_))
    }

    pub fn departure(&self) -> Option<Departure> {
        self.facts().departure
    }

    pub fn over_since(&self) -> Option<Timestamp> {
        self.facts().over
    }

    /// It is over; or nothing has come of it, so that one may think so.
    pub(super) fn forgettable_since(&self) -> Option<Timestamp> {
        let facts = self.facts();
        let idle = !matches!(facts.stage, Stage::Live(_));
        facts.over.or_else(|| (idle && self.is_stale()).then_some(self.created))
    }

    /// Nothing that has not begun by now will begin.
    fn is_stale(&self) -> bool {
        self.is_older(STALE)
    }

    fn is_older(&self, than: Duration) -> bool {
        let age = Timestamp::now().duration_since(self.created);
        Duration::try_from(age).is_ok_and(|age| age > than)
    }

    pub(super) fn takes_a_place(&self) -> bool {
        match self.facts().stage {
            Stage::Live(_) => true,
            Stage::Announced(since) => since.elapsed() < ANNOUNCED,
            Stage::Told | Stage::Over => false,
        }
    }

    /// It was begun from the console, and nobody has come.
    pub(super) fn waits_in_console(&self) -> bool {
        let facts = self.facts();
        facts.console.is_some() && matches!(facts.stage, Stage::Announced(_))
    }

    pub(super) fn is_placed(&self) -> bool {
        let facts = self.facts();
        let live = matches!(facts.stage, Stage::Live(_));
        // one of which Twilio never said how it calls it has most probably come to nothing
        let lost = facts.sid.is_none() && self.is_older(UNNAMED);
        facts.placed && facts.over.is_none() && (live || !self.is_stale() && !lost)
    }

    /// Twilio's name for a call that we placed and that nobody has picked up yet.
    pub(super) fn rings(&self) -> Option<String> {
        let facts = self.facts();
        let rings = facts.placed && facts.over.is_none() && !matches!(facts.stage, Stage::Live(_));
        facts.sid.clone().filter(|_| rings)
    }
}

impl Facts {
    fn control(&self) -> Option<&mpsc::Sender<Control>> {
        match &self.stage {
            Stage::Live(conversation) => Some(conversation),
            _ => None,
        }
    }

    fn end(&mut self, departure: Option<Departure>) {
        self.stage = Stage::Over;
        self.over.get_or_insert_with(Timestamp::now);
        self.departure = self.departure.or(departure);
    }

    /// In Twilio's words. A conversation that is over ends its call, if nothing follows on it.
    fn status(&self) -> String {
        match (self.progress.status(), &self.stage) {
            (Some(status), _) if status.is_over() => status.to_string(),
            (_, Stage::Over) if self.next.is_none() && self.attached.is_some() => {
                Status::Completed.to_string()
            }
            (Some(status), _) => status.to_string(),
            (None, _) => Status::Queued.to_string(),
        }
    }

    /// Why the conversation is over.
    fn departed(&self) -> Option<String> {
        let lost = self.lost.then_some(LOST);
        self.departure.map(departure_name).or(lost).map(str::to_owned)
    }

    fn how_it_ended(&self) -> String {
        self.departed().unwrap_or_else(|| self.status())
    }

    fn said(&mut self, line: Line) {
        if self.conversation.len() < MOST_LINES {
            self.conversation.push(line);
        }
    }
}

/// Twilio's verdict, in the persona's words.
fn answerer(answered_by: &AnsweredBy) -> Answerer {
    match answered_by {
        AnsweredBy::Human => Answerer::Human,
        AnsweredBy::Fax => Answerer::Fax,
        AnsweredBy::MachineStart => Answerer::MachineGreeting,
        // whatever it was, the greeting is over
        AnsweredBy::MachineEndBeep | AnsweredBy::MachineEndSilence | AnsweredBy::MachineEndOther => {
            Answerer::MachineBeep
        }
        AnsweredBy::Unknown | AnsweredBy::Other(_) => Answerer::Unknown,
    }
}
