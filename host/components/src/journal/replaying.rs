//! The components of a call do it again, in virtual time: each session is opened as it was, told what it
//! was told, and what comes of it is compared by the bytes. The first thing that is not the same ends it.
//!
//! Who plays a part may be another build of the component than then: that is what a replay is for. It has the
//! settings of then, and its own defaults for those that there were not. Its snapshots are its own affair and
//! are compared only where the build is the same; one that cannot go on from a snapshot of then has diverged.

use super::again::{Again, again, effects, events};
use super::conversation::{Conversation, Line, Who};
use super::format::{Came, Opened, Record, Told};
use super::reading::{Kept, Took};
use super::showing::{apart, brief};
use crate::catalogue::Catalogue;
use crate::component::{Artifact, Generation, LoadError};
use crate::contract::script_words;
use crate::engine::Host;
use crate::grant::Grant;
use crate::manifest::{CEILING, Kind, Limits};
use crate::session::Surroundings;
use call::Moment;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// What a call into a component may compute, in milliseconds: nobody waits for it, and the machine may be
/// a slower one.
const CALL_MS: u32 = 60_000;

#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error(
        "the {kind} of this call was {id}, which is not here: name the folder it is in (--components DIR), or \
         its file (--with FILE)"
    )]
    Missing { kind: Kind, id: String },
    #[error("{from} holds the {kind} {id}, which has no part in this call; there are: {parts}")]
    NoPart { from: String, kind: Kind, id: String, parts: String },
    #[error("{0}")]
    Load(#[from] LoadError),
    #[error("its record {0} makes no sense here: another version of the contract may have written it")]
    Garbled(usize),
}

/// Who plays which part of a call.
pub struct Cast<'a> {
    kept: &'a Kept<'a>,
    players: BTreeMap<(Kind, String), Artifact>,
}

/// A component that took part, and the one that plays it.
pub struct Part<'a> {
    pub took: Took<'a>,
    pub player: &'a Artifact,
}

/// How a replay went.
#[derive(Debug, Default)]
pub struct Replayed {
    pub sessions: u64,
    pub events: u64,
    pub effects: u64,
    /// calls into components that were ended then because the machine had no more time for them
    pub not_compared: u64,
    /// none: all was as it was
    pub divergence: Option<Divergence>,
}

/// The first thing that is not as it was.
#[derive(Debug)]
pub struct Divergence {
    /// in milliseconds since the call began
    pub at: u64,
    pub kind: Kind,
    pub id: String,
    /// the how-manieth session of the call
    pub session: u64,
    /// what it was told
    pub told: Vec<String>,
    /// so much of what it did is the same
    pub same: usize,
    /// what it did then, from the first difference on
    pub then: Vec<String>,
    /// what it does now, from the first difference on
    pub now: Vec<String>,
}

impl<'a> Cast<'a> {
    /// `with`: plays the part of its id. Everybody else is of the catalogue.
    pub fn new(
        kept: &'a Kept<'a>,
        catalogue: &Catalogue,
        with: Option<Artifact>,
    ) -> Result<Self, ReplayError> {
        let mut players = BTreeMap::new();
        let part = |artifact: &Artifact| (artifact.manifest.kind, artifact.manifest.id.clone());
        let with = with.map(|artifact| (part(&artifact), artifact));
        for took in kept.components() {
            let key = (took.kind, took.id.to_owned());
            let player = match &with {
                Some((part, artifact)) if *part == key => artifact.clone(),
                _ => match catalogue.get(took.id) {
                    Some(_) => catalogue.find(took.id, took.kind)?.clone(),
                    None => return Err(ReplayError::Missing { kind: took.kind, id: took.id.to_owned() }),
                },
            };
            players.insert(key, player);
        }
        if let Some((key, artifact)) = with
            && !players.contains_key(&key)
        {
            let parts: Vec<String> = players.keys().map(|(kind, id)| format!("{id} ({kind})")).collect();
            let ((kind, id), from, parts) = (key, artifact.from(), parts.join(", "));
            return Err(ReplayError::NoPart { from, kind, id, parts });
        }
        Ok(Self { kept, players })
    }

    /// Every part, and who plays it.
    pub fn parts(&self) -> Vec<Part<'_>> {
        let parts = self.kept.components().into_iter();
        parts.filter_map(|took| Some(Part { player: self.player(took.kind, took.id)?, took })).collect()
    }

    fn player(&self, kind: Kind, id: &str) -> Option<&Artifact> {
        self.players.get(&(kind, id.to_owned()))
    }

    /// Replays the call up to its end, or to the first thing that is not as it was. `heard` is told the
    /// conversation meanwhile.
    pub fn replay(&self, host: &Host, heard: &mut dyn FnMut(Line)) -> Result<Replayed, ReplayError> {
        let (arrivals, _nobody) = mpsc::channel(1);
        let began = &self.kept.began;
        let surroundings = Surroundings::new(began.call.clone(), began.at, began.seed, arrivals);
        let mut stage = Stage {
            cast: self,
            host,
            surroundings,
            generations: Vec::new(),
            sessions: BTreeMap::new(),
            conversation: Conversation::default(),
            replayed: Replayed::default(),
        };
        for (number, record) in self.kept.records.iter().enumerate() {
            let divergence = stage.step(record, heard).map_err(|trouble| match trouble {
                Trouble::Garbled => ReplayError::Garbled(number),
                Trouble::Load(error) => error.into(),
            })?;
            if divergence.is_some() {
                return Ok(Replayed { divergence, ..stage.replayed });
            }
        }
        Ok(stage.replayed)
    }
}

enum Trouble {
    Garbled,
    Load(LoadError),
}

impl From<LoadError> for Trouble {
    fn from(error: LoadError) -> Self {
        Self::Load(error)
    }
}

/// A replay that goes on.
struct Stage<'a> {
    cast: &'a Cast<'a>,
    host: &'a Host,
    surroundings: Surroundings,
    generations: Vec<Arc<Generation>>,
    sessions: BTreeMap<u64, Session<'a>>,
    conversation: Conversation,
    replayed: Replayed,
}

struct Session<'a> {
    kind: Kind,
    id: &'a str,
    same_build: bool,
    /// none: it broke, as it did then
    again: Option<Box<dyn Again>>,
}

impl<'a> Stage<'a> {
    fn step(
        &mut self,
        record: &'a Record<'a>,
        heard: &mut dyn FnMut(Line),
    ) -> Result<Option<Divergence>, Trouble> {
        match record {
            Record::Opened(opened) => self.open(opened, heard),
            Record::Told(told) => self.tell(told, heard),
            Record::Snapshot(snapshot) => {
                let session = self.sessions.get_mut(&snapshot.session).ok_or(Trouble::Garbled)?;
                let Some(again) = &mut session.again else { return Ok(None) };
                let came = again.snapshot(moment(snapshot.at));
                let is_same = match (&came, &snapshot.came) {
                    (_, Came::TooLong(_)) => true,
                    (Came::Done(_), Came::Done(_)) if !session.same_build => true,
                    (came, then) => came == then,
                };
                if is_same {
                    session.broke(&snapshot.came);
                    return Ok(None);
                }
                let shown = |came: &Came<'_>| match came {
                    Came::Done(bytes) => Some(match bytes.read::<Option<String>>()? {
                        Some(snapshot) => vec![format!("snapshot {snapshot}")],
                        None => vec!["no snapshot at this moment".into()],
                    }),
                    Came::Fault(why) | Came::TooLong(why) => Some(vec![why.to_string()]),
                };
                let told = vec!["it was asked for a snapshot".into()];
                let divergence = session.divergence(snapshot.session, snapshot.at, told);
                Ok(Some(divergence.between(shown(&snapshot.came), shown(&came)).ok_or(Trouble::Garbled)?))
            }
            Record::Closed { session } => {
                self.sessions.remove(session);
                Ok(None)
            }
            Record::Began(_) | Record::Ended { .. } => Ok(None),
        }
    }

    fn open(
        &mut self,
        opened: &'a Opened<'a>,
        heard: &mut dyn FnMut(Line),
    ) -> Result<Option<Divergence>, Trouble> {
        let component = &opened.component;
        let generation = self.generation(component.kind, &component.id, opened.limits)?;
        let (again, restored) = again(&generation, &self.surroundings, opened).ok_or(Trouble::Garbled)?;
        self.replayed.sessions += 1;
        let came = Came::of(again.as_ref().map(drop));
        let mut session = Session {
            kind: component.kind,
            id: &component.id,
            same_build: generation.artifact.hash == component.hash,
            again: again.ok(),
        };
        let too_long = matches!(opened.came, Came::TooLong(_));
        self.replayed.not_compared += u64::from(too_long);
        if !too_long && came != opened.came {
            let told = vec![if restored {
                "it was to go on from a snapshot".to_owned()
            } else {
                format!("it was opened with the settings {}", brief(&opened.settings))
            }];
            let shown = |came: &Came<'_>| match came {
                Came::Done(_) => Some(vec!["it opened".to_owned()]),
                Came::Fault(why) | Came::TooLong(why) => Some(vec![why.to_string()]),
            };
            let divergence = session.divergence(opened.session, opened.at, told);
            return divergence.between(shown(&opened.came), shown(&came)).map(Some).ok_or(Trouble::Garbled);
        }
        session.broke(&opened.came);
        self.sessions.insert(opened.session, session);
        if restored {
            let text = format!("{} goes on from its last snapshot", component.name);
            heard(Line { at: opened.at, who: Who::Host, text });
        }
        Ok(None)
    }

    fn tell(
        &mut self,
        told: &'a Told<'a>,
        heard: &mut dyn FnMut(Line),
    ) -> Result<Option<Divergence>, Trouble> {
        let session = self.sessions.get_mut(&told.session).ok_or(Trouble::Garbled)?;
        let Some(again) = &mut session.again else { return Ok(None) };
        self.replayed.events += told.events.count();
        let too_long = matches!(told.came, Came::TooLong(_));
        self.replayed.not_compared += u64::from(too_long);
        if !too_long {
            let came = again.tell(moment(told.at), &told.events).ok_or(Trouble::Garbled)?;
            if came != told.came {
                let events = events(session.kind, &told.events).ok_or(Trouble::Garbled)?;
                let events = events.iter().map(|event| brief(event)).collect();
                let divergence = session.divergence(told.session, told.at, events);
                let shown = |came: &Came<'_>| match came {
                    Came::Done(bytes) => effects(session.kind, bytes),
                    Came::Fault(why) | Came::TooLong(why) => Some(vec![why.to_string()]),
                };
                let between = divergence.between(shown(&told.came), shown(&came));
                return between.map(Some).ok_or(Trouble::Garbled);
            }
        }
        if let Came::Done(effects) = &told.came {
            self.replayed.effects += effects.count();
        }
        session.broke(&told.came);
        if session.kind == Kind::Persona {
            self.hear(told, heard).ok_or(Trouble::Garbled)?;
        }
        Ok(None)
    }

    /// What a person would have noticed of it.
    fn hear(&mut self, told: &Told<'_>, heard: &mut dyn FnMut(Line)) -> Option<()> {
        let at = told.at;
        let mut tell = |noticed: Option<(Who, String)>| {
            if let Some((who, text)) = noticed {
                heard(Line { at, who, text });
            }
        };
        for event in told.events.read::<Vec<script_words::Event>>()? {
            tell(self.conversation.event(event));
        }
        match &told.came {
            Came::Done(actions) => {
                for action in actions.read::<Vec<script_words::Action>>()? {
                    tell(self.conversation.action(action));
                }
            }
            Came::Fault(why) | Came::TooLong(why) => {
                tell(Some((Who::Host, format!("the persona broke: {why}"))))
            }
        }
        Some(())
    }

    /// Who plays this part, with the memory that it had then.
    fn generation(&mut self, kind: Kind, id: &str, limits: Limits) -> Result<Arc<Generation>, Trouble> {
        let limits = Limits { call_ms: CALL_MS, ..limits.at_most(CEILING) };
        let is_it = |generation: &&Arc<Generation>| {
            let manifest = &generation.artifact.manifest;
            manifest.id == id && manifest.kind == kind && generation.grant.limits == limits
        };
        if let Some(known) = self.generations.iter().find(is_it) {
            return Ok(known.clone());
        }
        let player = self.cast.player(kind, id).ok_or(Trouble::Garbled)?.clone();
        let generation = Generation::compile(self.host, player, id.to_owned(), Grant::nothing(limits))?;
        let generation = Arc::new(generation);
        self.generations.push(generation.clone());
        Ok(generation)
    }
}

impl Session<'_> {
    /// Where it broke then it is not told anything any more.
    fn broke(&mut self, came: &Came<'_>) {
        if !matches!(came, Came::Done(_)) {
            self.again = None;
        }
    }

    fn divergence(&self, session: u64, at: u64, told: Vec<String>) -> Divergence {
        let (kind, id) = (self.kind, self.id.to_owned());
        Divergence { at, kind, id, session, told, same: 0, then: Vec::new(), now: Vec::new() }
    }
}

impl Divergence {
    /// From the first difference on; none: one side cannot be read.
    fn between(mut self, then: Option<Vec<String>>, now: Option<Vec<String>>) -> Option<Self> {
        let (then, now) = (then?, now?);
        self.same = then.iter().zip(&now).take_while(|(then, now)| then == now).count();
        self.then = then.into_iter().skip(self.same).collect();
        self.now = now.into_iter().skip(self.same).collect();
        if let (Some(then), Some(now)) = (self.then.first_mut(), self.now.first_mut()) {
            (*then, *now) = apart(then, now);
        }
        Some(self)
    }
}

pub(super) fn moment(at: u64) -> Moment {
    Moment::since_start(Duration::from_millis(at))
}
