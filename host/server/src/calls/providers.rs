//! The component sessions of one call.
//!
//! The call says what to tell them; what they say about it goes back to the call as its inputs. A
//! reply of the model is a session of its own, which ends with it.

use crate::services::Services;
use call::llm::{self, ReplyId};
use call::persona::{Event, Id};
use call::{Input, Moment, net, stt, tts};
use components::{
    Arrival, Generation, Listening, LlmSession, NetEvent, PersonaSession, Scene, SessionId, Speaking,
    SttSession, Surroundings, TtsSession,
};
use std::collections::BTreeMap;
use std::sync::Arc;

pub struct Providers<'a> {
    services: &'a Services,
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
}

impl<'a> Providers<'a> {
    /// Opens the persona. With it come inputs for the call, if it is not to be had.
    pub fn open(
        services: &'a Services,
        script: Arc<Generation>,
        surroundings: Surroundings,
        scene: &'a Scene,
        now: Moment,
    ) -> (Self, Vec<Input>) {
        let opened = script.open_persona(&surroundings, now, scene);
        let opened = opened.map_err(|error| error.to_string());
        let opened = opened.and_then(|opened| opened.map_err(|fault| fault.to_string()));
        let (persona, failed) = match opened {
            Ok(persona) => (Some(persona), Vec::new()),
            Err(why) => {
                services.vitals.persona.fails(&why);
                (None, vec![Input::PersonaFailed(why)])
            }
        };
        let language = scene.language.clone();
        let replies = BTreeMap::new();
        let providers = Self {
            services,
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
        };
        (providers, failed)
    }

    // -- the recogniser

    pub fn open_stt(&mut self, now: Moment) -> Option<Input> {
        let generation = self.services.stt.as_ref()?;
        let opening = Listening { language: Some(self.language.clone()), keyterms: Vec::new() };
        // one that is no recogniser is not among the services
        let (session, effects) = generation.open_stt(&self.surroundings, now, opening).ok()?;
        self.stt = Some(session);
        self.stt_input(effects)
    }

    pub fn stt(&mut self, now: Moment, event: stt::Event) -> Option<Input> {
        let effects = self.stt.as_mut()?.handle(now, event);
        self.stt_input(effects)
    }

    // -- the voice

    pub fn open_tts(&mut self, now: Moment) -> Option<Input> {
        let voice = self.services.config.route.voice.clone();
        let opening = Speaking { language: Some(self.language.clone()), voice };
        let (session, effects) = self.services.tts.open_tts(&self.surroundings, now, opening).ok()?;
        self.tts = Some(session);
        (!effects.is_empty()).then(|| self.tts_input(effects))
    }

    pub fn tts(&mut self, now: Moment, event: tts::Event) -> Option<Input> {
        // also when it says nothing: that withdraws its wish for more
        let effects = self.tts.as_mut()?.handle(now, event);
        Some(self.tts_input(effects))
    }

    // -- the model

    pub fn model(&mut self, now: Moment, reply: ReplyId, event: llm::Event) -> Option<Input> {
        if matches!(event, llm::Event::Generate(_)) {
            let (session, effects) = self.services.llm.open_llm(&self.surroundings, now).ok()?;
            if !effects.is_empty() {
                self.note_model(&effects);
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
        self.reply_input(reply, effects)
    }

    fn reply_input(&mut self, reply: ReplyId, effects: Vec<llm::Effect>) -> Option<Input> {
        self.note_model(&effects);
        let over = |e: &llm::Effect| matches!(e, llm::Effect::Finished(_) | llm::Effect::Failed(_));
        if effects.iter().any(over) {
            self.replies.remove(&reply);
        }
        (!effects.is_empty()).then_some(Input::Model { reply, effects })
    }

    // -- how they are doing

    fn stt_input(&self, effects: Vec<stt::Effect>) -> Option<Input> {
        for effect in &effects {
            match effect {
                stt::Effect::Partial(_) | stt::Effect::Final(_) => self.services.vitals.stt.works(),
                stt::Effect::Failed(failure) => self.services.vitals.stt.fails(&failure.to_string()),
                _ => {}
            }
        }
        (!effects.is_empty()).then_some(Input::Stt(effects))
    }

    fn tts_input(&self, effects: Vec<tts::Effect>) -> Input {
        for effect in &effects {
            match effect {
                tts::Effect::Audio { .. } => self.services.vitals.tts.works(),
                tts::Effect::Failed(failure) => self.services.vitals.tts.fails(&failure.to_string()),
                _ => {}
            }
        }
        Input::Tts(effects)
    }

    fn note_model(&self, effects: &[llm::Effect]) {
        for effect in effects {
            match effect {
                llm::Effect::Finished(_) => self.services.vitals.llm.works(),
                llm::Effect::Failed(failure) => self.services.vitals.llm.fails(&failure.to_string()),
                _ => {}
            }
        }
    }

    // -- the persona

    pub fn persona(&mut self, now: Moment, event: Event) -> Input {
        let Some(persona) = &mut self.persona else { return Input::PersonaFailed("it is not there".into()) };
        let is_step = is_step(&event);
        match persona.handle(now, event.clone()) {
            Ok(actions) => {
                self.services.vitals.persona.works();
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
        self.services.vitals.persona.fails(why);
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
            return self.stt_input(effects);
        }
        if let Some(tts) = self.tts.as_mut().filter(|tts| tts.id() == session) {
            let effects = tts.arrived(now, event);
            return Some(self.tts_input(effects));
        }
        let (reply, replying) = self.replies.iter_mut().find(|(_, reply)| reply.id() == session)?;
        let (reply, effects) = (*reply, replying.arrived(now, event));
        self.reply_input(reply, effects)
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
            inputs.extend(self.stt_input(effects));
        }
        if let Some(tts) = self.tts.as_mut().filter(|tts| tts.next_timeout() <= now) {
            let effects = tts.timeout(now);
            inputs.push(self.tts_input(effects));
        }
        let due: Vec<ReplyId> = self
            .replies
            .iter()
            .filter(|(_, reply)| reply.next_timeout() <= now)
            .map(|(reply, _)| *reply)
            .collect();
        for reply in due {
            let effects = self.replies.get_mut(&reply).map(|session| session.timeout(now));
            inputs.extend(effects.and_then(|effects| self.reply_input(reply, effects)));
        }
        inputs
    }
}

/// Whether a script may be somewhere else after this.
fn is_step(event: &Event) -> bool {
    matches!(
        event,
        Event::Started | Event::Turn(_) | Event::Done(_) | Event::Keys { .. } | Event::Response { .. }
    )
}
