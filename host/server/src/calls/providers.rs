//! The component sessions of one call.
//!
//! The call says what to tell them; what they say about it goes back to the call as its inputs. A
//! reply of the model is a session of its own, which ends with it.

use super::stages::{Deadlines, Failed, Names, Stage, StageTimes, Stages};
use super::usage::Usage;
use crate::routing::Route;
use crate::services::Services;
use crate::vitals::Vital;
use call::llm::{self, ReplyId};
use call::persona::{Event, Field, Id};
use call::{Input, Moment, net, stt, tts};
use components::manifest::Kind;
use components::{
    Arrival, Generation, Listening, LlmSession, NetEvent, PersonaSession, Scene, SessionId, Speaking,
    SttSession, Surroundings, TtsSession,
};
use std::collections::BTreeMap;
use std::sync::Arc;

pub struct Providers<'a> {
    route: &'a Route,
    vitals: Engaged,
    surroundings: Surroundings,
    language: String,
    stt: Option<SttSession>,
    tts: Option<TtsSession>,
    replies: BTreeMap<ReplyId, LlmSession>,
    /// none: it could not be opened, or broke
    persona: Option<PersonaSession>,
    scene: &'a Scene,
    script: Arc<Generation>,
    /// where the persona can go on if it breaks; none: it broke before, or never said
    snapshot: Option<String>,
    restored: bool,
    stages: Stages,
    usage: Usage,
}

/// How those are doing that this call has to do with.
struct Engaged {
    persona: Arc<Vital>,
    /// none: nothing recognises what is said
    stt: Option<Arc<Vital>>,
    llm: Arc<Vital>,
    tts: Arc<Vital>,
}

impl<'a> Providers<'a> {
    /// Opens the persona. With it come inputs for the call, if it is not to be had.
    pub fn open(
        services: &Services,
        route: &'a Route,
        script: Arc<Generation>,
        surroundings: Surroundings,
        scene: &'a Scene,
        now: Moment,
    ) -> (Self, Vec<Input>) {
        let vital = |kind: Kind, of: &Generation| services.vitals.of(kind, of.id());
        let vitals = Engaged {
            persona: vital(Kind::Persona, &script),
            stt: route.stt.as_ref().map(|stt| vital(Kind::Stt, stt)),
            llm: vital(Kind::Llm, &route.llm),
            tts: vital(Kind::Tts, &route.tts),
        };
        let opened = script.open_persona(&surroundings, now, scene);
        let opened = opened.map_err(|error| error.to_string());
        let opened = opened.and_then(|opened| opened.map_err(|fault| fault.to_string()));
        let mut stages = stages(services, route, &scene.call);
        let (persona, failed) = match opened {
            Ok(persona) => (Some(persona), Vec::new()),
            Err(why) => {
                vitals.persona.fails(&why);
                stages.persona_failed(script.id());
                (None, vec![Input::PersonaFailed(why)])
            }
        };
        let language = scene.language.clone();
        let replies = BTreeMap::new();
        let providers = Self {
            route,
            vitals,
            surroundings,
            language,
            stt: None,
            tts: None,
            replies,
            persona,
            scene,
            script,
            snapshot: None,
            restored: false,
            stages,
            usage: Usage::default(),
        };
        (providers, failed)
    }

    // -- what was measured

    /// The requests that have ended since the last time.
    pub fn take_stages(&mut self) -> Vec<StageTimes> {
        self.stages.take()
    }

    /// Who has failed since the last time.
    pub fn take_failures(&mut self) -> Vec<Failed> {
        self.stages.take_failures()
    }

    /// The call is over: what is under way ends with it.
    pub fn end(&mut self, now: Moment) {
        self.stages.end(now);
    }

    /// What was used so far.
    pub fn usage(&self) -> &Usage {
        &self.usage
    }

    // -- the recogniser

    pub fn open_stt(&mut self, now: Moment) -> Option<Input> {
        let generation = self.route.stt.as_ref()?;
        let opening = Listening { language: Some(self.language.clone()), keyterms: Vec::new() };
        // one that is no recogniser is not among the services
        let (session, effects) = generation.open_stt(&self.surroundings, now, opening).ok()?;
        self.stt = Some(session);
        self.stages.stt_opened(now);
        self.stt_input(now, effects)
    }

    pub fn stt(&mut self, now: Moment, event: stt::Event) -> Option<Input> {
        let stt = self.stt.as_mut()?;
        self.stages.stt_told(now, &event);
        if let stt::Event::Audio(audio) = &event {
            self.usage.gave_audio(stt.component(), audio.len());
        }
        let effects = stt.handle(now, event);
        self.stt_input(now, effects)
    }

    // -- the voice

    pub fn open_tts(&mut self, now: Moment) -> Option<Input> {
        let voice = self.route.config.voice.clone();
        let opening = Speaking { language: Some(self.language.clone()), voice };
        let (session, effects) = self.route.tts.open_tts(&self.surroundings, now, opening).ok()?;
        self.tts = Some(session);
        self.stages.tts_opened(now);
        (!effects.is_empty()).then(|| self.tts_input(now, effects))
    }

    pub fn tts(&mut self, now: Moment, event: tts::Event) -> Option<Input> {
        // also when it says nothing: that withdraws its wish for more
        let tts = self.tts.as_mut()?;
        self.stages.tts_told(now, &event);
        if let tts::Event::Speak { text, .. } = &event {
            self.usage.gave_text(tts.component(), text);
        }
        let effects = tts.handle(now, event);
        Some(self.tts_input(now, effects))
    }

    // -- the model

    pub fn model(&mut self, now: Moment, reply: ReplyId, event: llm::Event) -> Option<Input> {
        self.stages.llm_told(now, reply, &event);
        if matches!(event, llm::Event::Generate(_)) {
            let (session, effects) = self.route.llm.open_llm(&self.surroundings, now).ok()?;
            if !effects.is_empty() {
                self.note_model(now, reply, &effects);
                return Some(Input::Model { reply, effects });
            }
            self.replies.insert(reply, session);
        }
        let cancelled = event == llm::Event::Cancel;
        let effects = self.replies.get_mut(&reply)?.handle(now, event);
        if cancelled {
            self.replies.remove(&reply);
            return None;
        }
        self.reply_input(now, reply, effects)
    }

    fn reply_input(&mut self, now: Moment, reply: ReplyId, effects: Vec<llm::Effect>) -> Option<Input> {
        self.note_model(now, reply, &effects);
        let over = |e: &llm::Effect| matches!(e, llm::Effect::Finished(_) | llm::Effect::Failed(_));
        if effects.iter().any(over) {
            self.replies.remove(&reply);
        }
        (!effects.is_empty()).then_some(Input::Model { reply, effects })
    }

    // -- how they are doing

    fn stt_input(&mut self, now: Moment, effects: Vec<stt::Effect>) -> Option<Input> {
        self.stages.stt_said(now, &effects);
        for effect in &effects {
            let Some(vital) = &self.vitals.stt else { break };
            match effect {
                stt::Effect::Partial(_) | stt::Effect::Final(_) => vital.works(),
                stt::Effect::Failed(failure) => vital.fails(&failure.to_string()),
                stt::Effect::Usage(used) => {
                    let provider = self.route.stt.as_ref().map_or("", |stt| stt.id());
                    self.usage.told(Stage::Stt, provider, used);
                }
                _ => {}
            }
        }
        (!effects.is_empty()).then_some(Input::Stt(effects))
    }

    fn tts_input(&mut self, now: Moment, effects: Vec<tts::Effect>) -> Input {
        self.stages.tts_said(now, &effects);
        for effect in &effects {
            match effect {
                tts::Effect::Audio { .. } => self.vitals.tts.works(),
                tts::Effect::Failed(failure) => self.vitals.tts.fails(&failure.to_string()),
                tts::Effect::Usage(used) => {
                    self.usage.told(Stage::Tts, self.route.tts.id(), used);
                }
                _ => {}
            }
        }
        Input::Tts(effects)
    }

    fn note_model(&mut self, now: Moment, reply: ReplyId, effects: &[llm::Effect]) {
        self.stages.llm_said(now, reply, effects);
        for effect in effects {
            match effect {
                llm::Effect::Finished(_) => self.vitals.llm.works(),
                llm::Effect::Failed(failure) => self.vitals.llm.fails(&failure.to_string()),
                llm::Effect::Usage(used) => {
                    self.usage.told(Stage::Llm, self.route.llm.id(), used);
                }
                _ => {}
            }
        }
    }

    // -- the persona

    pub fn persona(&mut self, now: Moment, event: Event) -> Input {
        if let Event::Turn(turn) = &event {
            self.stages.turn(now, turn.number);
        }
        let Some(persona) = &mut self.persona else { return Input::PersonaFailed("it is not there".into()) };
        let is_step = is_step(&event);
        match persona.handle(now, event.clone()) {
            Ok(actions) => {
                self.vitals.persona.works();
                if is_step && !self.restored {
                    // one that breaks at this breaks again with the next event
                    self.snapshot = persona.snapshot(now).unwrap_or_default().or(self.snapshot.take());
                }
                Input::Persona(actions)
            }
            Err(fault) => self.restore(now, event, &fault.to_string()),
        }
    }

    /// Lets a persona that broke go on from its last snapshot, once (DESIGN, rule 8).
    fn restore(&mut self, now: Moment, broken_by: Event, why: &str) -> Input {
        self.vitals.persona.fails(why);
        self.stages.persona_failed(self.script.id());
        self.persona = None;
        let snapshot = self.snapshot.take().filter(|_| !std::mem::replace(&mut self.restored, true));
        let Some(snapshot) = snapshot else { return Input::PersonaFailed(why.to_owned()) };
        match self.script.restore_persona(&self.surroundings, now, self.scene, &snapshot) {
            Ok(Ok(persona)) => {
                self.persona = Some(persona);
                Input::PersonaRestored(broken_by, why.to_owned())
            }
            Ok(Err(fault)) => Input::PersonaFailed(format!("{why}; and it cannot be restored: {fault}")),
            Err(error) => Input::PersonaFailed(format!("{why}; and it cannot be restored: {error}")),
        }
    }

    /// What is not as the persona's manifest says of what it keeps; none: it is.
    pub fn field_problem(&self, field: &Field) -> Option<String> {
        self.script.artifact.manifest.field_problem(&field.name, &field.value)
    }

    /// Which persona holds the conversation.
    pub fn persona_id(&self) -> &str {
        self.script.id()
    }

    pub fn fetch(&mut self, id: Id, request: net::Request) {
        if let Some(persona) = &mut self.persona {
            persona.fetch(id, request);
        }
    }

    pub fn cancel_fetch(&mut self, id: Id) {
        if let Some(persona) = &mut self.persona {
            persona.cancel_fetch(id);
        }
    }

    // -- from outside

    pub fn arrived(&mut self, now: Moment, arrival: Arrival) -> Option<Input> {
        match arrival {
            Arrival::Fetched { id, outcome } => Some(Input::Response { id, outcome }),
            Arrival::Net { session, event } => self.net(now, session, event),
        }
    }

    /// What comes for a session that has been replaced or has ended belongs to nobody.
    fn net(&mut self, now: Moment, session: SessionId, event: NetEvent) -> Option<Input> {
        if let Some(stt) = self.stt.as_mut().filter(|stt| stt.id() == session) {
            let effects = stt.arrived(now, event);
            return self.stt_input(now, effects);
        }
        if let Some(tts) = self.tts.as_mut().filter(|tts| tts.id() == session) {
            let effects = tts.arrived(now, event);
            return Some(self.tts_input(now, effects));
        }
        let (reply, replying) = self.replies.iter_mut().find(|(_, reply)| reply.id() == session)?;
        let (reply, effects) = (*reply, replying.arrived(now, event));
        self.reply_input(now, reply, effects)
    }

    pub fn next_timeout(&self) -> Moment {
        let stt = self.stt.iter().map(SttSession::next_timeout);
        let tts = self.tts.iter().map(TtsSession::next_timeout);
        let replies = self.replies.values().map(LlmSession::next_timeout);
        stt.chain(tts).chain(replies).min().unwrap_or(Moment::NEVER)
    }

    /// Timers of sessions that are due.
    pub fn timeout(&mut self, now: Moment) -> Vec<Input> {
        let mut inputs = Vec::new();
        if let Some(stt) = self.stt.as_mut().filter(|stt| stt.next_timeout() <= now) {
            let effects = stt.timeout(now);
            inputs.extend(self.stt_input(now, effects));
        }
        if let Some(tts) = self.tts.as_mut().filter(|tts| tts.next_timeout() <= now) {
            let effects = tts.timeout(now);
            inputs.push(self.tts_input(now, effects));
        }
        let due: Vec<ReplyId> = self
            .replies
            .iter()
            .filter(|(_, reply)| reply.next_timeout() <= now)
            .map(|(reply, _)| *reply)
            .collect();
        for reply in due {
            let effects = self.replies.get_mut(&reply).map(|session| session.timeout(now));
            inputs.extend(effects.and_then(|effects| self.reply_input(now, reply, effects)));
        }
        inputs
    }
}

fn stages(services: &Services, route: &Route, call: &str) -> Stages {
    let limits = &services.config.limits;
    let names = Names {
        stt: route.stt.as_ref().map(|stt| stt.id().to_owned()),
        llm: route.llm.id().to_owned(),
        tts: route.tts.id().to_owned(),
    };
    let deadlines = Deadlines { llm: limits.llm_first_output.0, tts: limits.tts_first_output.0 };
    Stages::new(call, names, deadlines, services.config.vad.stop_secs.0, services.redaction.clone())
}

/// Whether a script may be somewhere else after this.
fn is_step(event: &Event) -> bool {
    matches!(
        event,
        Event::Started
            | Event::Turn(_)
            | Event::Done(_)
            | Event::Keys { .. }
            | Event::Response { .. }
            | Event::Recalled { .. }
    )
}
