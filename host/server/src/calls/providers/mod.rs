//! The component sessions of one call.
//!
//! The call says what to tell them; what they say about it goes back to the call as its inputs. Which
//! component it is that is told, in which of its builds, may change at any moment:
//!
//! - `seat.rs`: who does a job, and who does it when that one fails
//! - `ears.rs`: the recogniser; another build takes over by overlap
//! - `mouth.rs`: the voice; another build speaks the next utterance
//! - `drafts.rs`, `phrases.rs`: what is said so often that it is known by heart
//! - `mind.rs`: the model; a reply is a session of its own, which ends with it
//! - `script.rs`: the persona; another build goes on from a snapshot

mod drafts;
mod ears;
mod mind;
mod mouth;
mod phrases;
mod script;
mod seat;

pub use phrases::Phrases;

use super::stages::{Deadlines, Failed, StageTimes, Stages};
use super::usage::Usage;
use crate::routing::Route;
use crate::services::Services;
use crate::slots::{Loader, Plug, Slot, Who};
use anyhow::Context;
use call::llm::{self, ReplyId};
use call::persona::{Event, Field, Id};
use call::{Input, Moment, net, stt, tts};
use components::{Arrival, Consumed, Scene, Surroundings};
use ears::Ears;
use mind::Mind;
use mouth::Mouth;
use script::Script;
use seat::Seat;
use std::sync::Arc;

pub struct Providers<'a> {
    around: Around<'a>,
    ears: Ears<'a>,
    mouth: Mouth<'a>,
    mind: Mind<'a>,
    script: Script,
}

/// What all of them have to do with.
struct Around<'a> {
    scene: &'a Scene,
    route: &'a Route,
    loader: &'a Arc<Loader>,
    phrases: &'a Phrases,
    who: Who,
    surroundings: Surroundings,
    stages: Stages,
    usage: Usage,
    moved: Vec<Moved>,
}

/// Somebody else, or another build, does a job from here on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// `stt`, `llm`, `tts`, `persona`
    pub stage: &'static str,
    /// the component's name
    pub to: String,
    pub how: How,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// another build of it was plugged in
    Exchanged { generation: u32, version: String },
    /// this one failed, or is known to
    FailedOver { from: String },
}

impl<'a> Providers<'a> {
    /// Opens the persona. With it come inputs for the call, if it is not to be had. An error: the route has
    /// nobody who thinks, or nobody who speaks.
    pub fn open(
        services: &'a Services,
        route: &'a Route,
        persona: Arc<Slot>,
        surroundings: Surroundings,
        scene: &'a Scene,
        now: Moment,
    ) -> anyhow::Result<(Self, Vec<Input>)> {
        let numbers = [&scene.caller, &scene.called].into_iter().flatten().map(String::as_str);
        let who = Who::new(&scene.call, numbers);
        let ears = Ears::new(Seat::new(&route.stt, &who));
        let patience = services.config.limits.tts_first_output.0;
        let mouth = Seat::new(&route.tts, &who).context("the route has no voice")?;
        let mouth = Mouth::new(mouth, patience);
        let mind = Mind::new(Seat::new(&route.llm, &who).context("the route has no model")?);
        let mut around = Around {
            scene,
            route,
            loader: services.loader(),
            phrases: &services.phrases,
            who,
            surroundings,
            stages: stages(services, &scene.call),
            usage: Usage::default(),
            moved: Vec::new(),
        };
        let (script, failed) = Script::open(persona, now, &mut around);
        Ok((Self { around, ears, mouth, mind, script }, failed))
    }

    // -- what was measured

    /// The requests that have ended since the last time.
    pub fn take_stages(&mut self) -> Vec<StageTimes> {
        self.around.stages.take()
    }

    /// Who has failed since the last time.
    pub fn take_failures(&mut self) -> Vec<Failed> {
        self.around.stages.take_failures()
    }

    /// Who does something in place of somebody else since the last time.
    pub fn take_moved(&mut self) -> Vec<Moved> {
        std::mem::take(&mut self.around.moved)
    }

    /// The call is over: what is under way ends with it.
    pub fn end(&mut self, now: Moment) {
        self.around.stages.end(now);
    }

    /// What was used so far.
    pub fn usage(&self) -> &Usage {
        &self.around.usage
    }

    /// What each component has taken of the machine for this call.
    pub fn consumed(&self) -> Vec<(String, Consumed)> {
        self.around.surroundings.consumed()
    }

    // -- what the call wants

    pub fn open_stt(&mut self, now: Moment) -> Option<Input> {
        self.ears.open(now, &mut self.around)
    }

    pub fn stt(&mut self, now: Moment, event: stt::Event) -> Option<Input> {
        self.ears.tell(now, event, &mut self.around)
    }

    pub fn open_tts(&mut self, now: Moment) -> Option<Input> {
        self.mouth.open(now, &mut self.around)
    }

    pub fn tts(&mut self, now: Moment, event: tts::Event) -> Vec<Input> {
        self.mouth.tell(now, event, &mut self.around)
    }

    /// The call has said all that it has to say at this moment.
    pub fn settled(&mut self, now: Moment) -> Vec<Input> {
        self.mouth.settled(now, &mut self.around)
    }

    pub fn model(&mut self, now: Moment, reply: ReplyId, event: llm::Event) -> Option<Input> {
        self.mind.tell(now, reply, event, &mut self.around)
    }

    /// The call has given up on an answer, and asks again.
    pub fn model_failed(&mut self, now: Moment) {
        self.mind.given_up(now, &mut self.around);
    }

    pub fn persona(&mut self, now: Moment, event: Event) -> Input {
        self.script.tell(now, event, &mut self.around)
    }

    /// What is not as the persona's manifest says of what it keeps; none: it is.
    pub fn field_problem(&self, field: &Field) -> Option<String> {
        self.script.field_problem(field)
    }

    /// Which persona holds the conversation.
    pub fn persona_id(&self) -> &str {
        self.script.id()
    }

    pub fn fetch(&mut self, id: Id, request: net::Request) {
        self.script.fetch(id, request);
    }

    pub fn cancel_fetch(&mut self, id: Id) {
        self.script.cancel_fetch(id);
    }

    // -- from outside

    /// What comes for a session that has been replaced or has ended belongs to nobody.
    pub fn arrived(&mut self, now: Moment, arrival: Arrival) -> Option<Input> {
        let (session, event) = match arrival {
            Arrival::Fetched { id, outcome } => return Some(Input::Response { id, outcome }),
            Arrival::Net { session, event } => (session, event),
        };
        let around = &mut self.around;
        self.ears
            .arrived(now, session, event, around)
            .or_else(|event| self.mouth.arrived(now, session, event, around))
            .or_else(|event| self.mind.arrived(now, session, event, around))
            .unwrap_or_default()
    }

    pub fn next_timeout(&self) -> Moment {
        self.ears.next_timeout().min(self.mouth.next_timeout()).min(self.mind.next_timeout())
    }

    /// Timers of sessions that are due.
    pub fn timeout(&mut self, now: Moment) -> Vec<Input> {
        let around = &mut self.around;
        let mut inputs = Vec::new();
        inputs.extend(self.ears.timeout(now, around));
        inputs.extend(self.mouth.timeout(now, around));
        inputs.extend(self.mind.timeout(now, around));
        inputs
    }

    /// Moves to other builds, where some are there. Nothing that the call was told waits for an answer.
    pub fn follow(&mut self, now: Moment) {
        self.ears.follow(now, &mut self.around);
        self.mouth.follow(now, &mut self.around);
        self.script.follow(now, &mut self.around);
    }
}

impl Around<'_> {
    fn failed_over(&mut self, stage: &'static str, from: &str, to: &str) {
        let how = How::FailedOver { from: from.to_owned() };
        self.moved.push(Moved { stage, to: to.to_owned(), how });
    }

    fn exchanged(&mut self, stage: &'static str, id: &str, plug: &Plug) {
        let version = plug.generation.artifact.manifest.version.clone();
        let how = How::Exchanged { generation: plug.number, version };
        self.moved.push(Moved { stage, to: id.to_owned(), how });
    }
}

fn stages(services: &Services, call: &str) -> Stages {
    let limits = &services.config.limits;
    let deadlines = Deadlines { llm: limits.llm_first_output.0, tts: limits.tts_first_output.0 };
    Stages::new(call, deadlines, services.config.vad.stop_secs.0, services.redaction.clone())
}
