//! Who speaks.
//!
//! Another build is opened and warmed as soon as it is there, and speaks the next utterance that is begun
//! while the old one has nothing in hand. Where one keeps silent for half of the time that it may, the next
//! of the chain is warmed, so that it can speak at once.

use super::Around;
use super::drafts::{Drafts, Told};
use super::phrases::Speaker;
use super::seat::{Seat, fails};
use crate::calls::stages::Stage;
use crate::slots::{Plug, Slot, Using};
use call::line::UtteranceId;
use call::tts::{Effect, Event};
use call::{Input, Moment};
use components::{NetEvent, SessionId, Speaking, TtsSession};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

pub(super) struct Mouth<'a> {
    seat: Seat<'a>,
    session: Option<TtsSession>,
    /// another build of the one in use
    incoming: Option<Warm>,
    /// whoever takes over if the one in use goes on to be silent
    standby: Option<Warm>,
    /// a build that could not be opened; it is not tried again
    refused: Option<Arc<Plug>>,
    /// what the voice was given and has not finished
    pending: BTreeSet<UtteranceId>,
    /// since when it owes sound
    owes: Option<Moment>,
    /// it owes for so long that somebody else was looked for
    slow: bool,
    /// the session in use said that it failed
    failed: bool,
    /// how long it may owe
    patience: Duration,
    drafts: Drafts,
}

/// A session that nobody has heard yet.
struct Warm {
    at: usize,
    slot: Arc<Slot>,
    using: Using,
    session: TtsSession,
}

impl<'a> Mouth<'a> {
    pub(super) fn new(seat: Seat<'a>, patience: Duration) -> Self {
        Self {
            seat,
            session: None,
            incoming: None,
            standby: None,
            refused: None,
            pending: BTreeSet::new(),
            owes: None,
            slow: false,
            failed: false,
            patience,
            drafts: Drafts::default(),
        }
    }

    pub(super) fn open(&mut self, now: Moment, around: &mut Around<'a>) -> Option<Input> {
        if self.session.is_some() && !self.failed {
            // the call found out
            self.seat.was_silent(now, "it gave no audio in time", around);
            around.stages.tts_failed(now);
        }
        self.seat.take(now, around, "tts");
        self.pending.clear();
        self.drafts.clear();
        (self.owes, self.slow, self.failed, self.incoming) = (None, false, false, None);
        let at = self.seat.at();
        let warm =
            self.standby.take().filter(|warm| warm.at == at && warm.slot.is_picked(&warm.using, &around.who));
        if let Some(warm) = warm {
            self.seat.exchange(warm.using);
            self.session = Some(warm.session);
            around.stages.tts_opened(self.seat.id());
            return None;
        }
        let plug = self.seat.plug().clone();
        let (session, effects) = plug.opens().open_tts(&around.surroundings, now, around.speaking()).ok()?;
        self.session = Some(session);
        around.stages.tts_opened(self.seat.id());
        (!effects.is_empty()).then(|| self.said(now, effects, around))
    }

    pub(super) fn tell(&mut self, now: Moment, event: Event, around: &mut Around<'a>) -> Vec<Input> {
        if self.session.is_none() {
            return Vec::new();
        }
        let begins = matches!(event, Event::Begin { .. });
        let idle = self.pending.is_empty();
        if begins && idle {
            self.exchange(around);
        }
        around.stages.tts_told(now, &event);
        if begins && !idle {
            // what it wants to give besides would be forgotten
            return self.tell_voice(now, vec![event], around);
        }
        let speaker = || {
            let Speaking { voice, language } = around.speaking();
            let hash = self.seat.plug().generation.artifact.hash.clone();
            Speaker { component: self.seat.id().to_owned(), hash, voice, language }
        };
        match self.drafts.tell(event, speaker, around.phrases) {
            Told::Voice(events) => self.tell_voice(now, events, around),
            Told::Known(effects) => {
                around.stages.tts_said(now, &effects);
                vec![Input::Tts(effects)]
            }
        }
    }

    /// The call has said all that it has to say at this moment.
    pub(super) fn settled(&mut self, now: Moment, around: &mut Around<'a>) -> Vec<Input> {
        let waiting = self.drafts.release();
        self.tell_voice(now, waiting, around)
    }

    /// What it says about each, also if that is nothing: that withdraws its wish for more.
    fn tell_voice(&mut self, now: Moment, events: Vec<Event>, around: &mut Around<'a>) -> Vec<Input> {
        let mut inputs = Vec::new();
        for event in events {
            match &event {
                Event::Begin { utterance, .. } => {
                    self.pending.insert(*utterance);
                }
                Event::Speak { text, .. } => {
                    around.usage.gave_text(self.seat.id(), text);
                    if !text.trim().is_empty() {
                        self.owes.get_or_insert(now);
                    }
                }
                Event::Cancel(utterance) => {
                    self.pending.remove(utterance);
                    if self.pending.is_empty() {
                        (self.owes, self.slow) = (None, false);
                    }
                }
                Event::Prepare | Event::More => {}
            }
            let Some(session) = self.session.as_mut() else { break };
            let effects = session.handle(now, event);
            inputs.push(self.said(now, effects, around));
        }
        inputs
    }

    /// Warms whoever may have to speak next.
    pub(super) fn follow(&mut self, now: Moment, around: &mut Around<'a>) {
        if self.session.is_none() || self.failed {
            return;
        }
        let (slot, who) = (self.seat.slot(), &around.who);
        if self.incoming.as_ref().is_some_and(|incoming| !slot.is_picked(&incoming.using, who)) {
            self.incoming = None;
        }
        if self.incoming.is_none() && !self.seat.is_current(who) {
            let (at, slot) = (self.seat.at(), slot.clone());
            self.incoming = self.warm(now, at, slot, around);
        }
        let is_slow = self.owes.is_some_and(|since| now.since(since) * 2 >= self.patience);
        if is_slow
            && !std::mem::replace(&mut self.slow, true)
            && let Some((at, slot)) = self.seat.next(now)
        {
            self.standby = self.warm(now, at, slot, around);
        }
    }

    /// None: it cannot be opened.
    fn warm(&mut self, now: Moment, at: usize, slot: Arc<Slot>, around: &mut Around<'a>) -> Option<Warm> {
        let plug = slot.pick(&around.who);
        if self.refused.as_ref().is_some_and(|refused| Arc::ptr_eq(refused, &plug)) {
            return None;
        }
        let using = Using::new(plug.clone(), &around.who.call);
        let (session, effects) = plug.opens().open_tts(&around.surroundings, now, around.speaking()).ok()?;
        let mut warm = Warm { at, slot, using, session };
        if !self.is_well(&warm, &effects, around) {
            return None;
        }
        let effects = warm.session.handle(now, Event::Prepare);
        self.is_well(&warm, &effects, around).then_some(warm)
    }

    /// Whether one that nobody has heard yet goes on to be of use.
    fn is_well(&mut self, warm: &Warm, effects: &[Effect], around: &Around<'a>) -> bool {
        let failed = effects.iter().find_map(|effect| match effect {
            Effect::Failed(failure) => Some(failure),
            _ => None,
        });
        let Some(failure) = failed else { return true };
        fails(&warm.slot, &warm.using, failure, warm.session.broke(), around);
        self.refused = Some(warm.using.clone());
        false
    }

    /// The new build speaks from here on, if there is one.
    fn exchange(&mut self, around: &mut Around<'a>) {
        let Some(warm) = self.incoming.take() else { return };
        around.exchanged("tts", self.seat.id(), &warm.using);
        self.seat.exchange(warm.using);
        self.session = Some(warm.session);
        around.stages.tts_opened(self.seat.id());
        (self.owes, self.slow) = (None, false);
    }

    fn said(&mut self, now: Moment, effects: Vec<Effect>, around: &mut Around<'a>) -> Input {
        around.stages.tts_said(now, &effects);
        self.drafts.said(&effects, around.phrases);
        for effect in &effects {
            match effect {
                Effect::Audio { .. } => {
                    self.seat.works();
                    (self.owes, self.slow) = (None, false);
                    self.standby = None;
                }
                Effect::Finished(utterance) => {
                    self.pending.remove(utterance);
                    (self.owes, self.slow) = (None, false);
                }
                Effect::Failed(failure) => {
                    let broke = self.session.as_ref().and_then(|session| session.broke());
                    self.seat.fails(now, failure, broke, around);
                    (self.failed, self.owes) = (true, None);
                }
                Effect::Usage(used) => around.usage.told(Stage::Tts, self.seat.id(), used),
                Effect::Timing { .. } | Effect::More => {}
            }
        }
        Input::Tts(effects)
    }

    // -- from outside

    /// An error: it is for nobody here.
    pub(super) fn arrived(
        &mut self,
        now: Moment,
        session: SessionId,
        event: NetEvent,
        around: &mut Around<'a>,
    ) -> Result<Option<Input>, NetEvent> {
        if let Some(own) = self.session.as_mut().filter(|own| own.id() == session) {
            let effects = own.arrived(now, event);
            return Ok(Some(self.said(now, effects, around)));
        }
        for place in [Place::Incoming, Place::Standby] {
            if let Some(mut warm) = self.place(place).take_if(|warm| warm.session.id() == session) {
                let effects = warm.session.arrived(now, event);
                let well = self.is_well(&warm, &effects, around);
                *self.place(place) = well.then_some(warm);
                return Ok(None);
            }
        }
        Err(event)
    }

    pub(super) fn next_timeout(&self) -> Moment {
        let warm = self.incoming.iter().chain(&self.standby).map(|warm| warm.session.next_timeout());
        let own = self.session.iter().map(TtsSession::next_timeout);
        // when it has been silent for so long that another is warmed
        let slow = self.owes.filter(|_| !self.slow && !self.failed).map(|since| since + self.patience / 2);
        own.chain(warm).chain(slow).min().unwrap_or(Moment::NEVER)
    }

    pub(super) fn timeout(&mut self, now: Moment, around: &mut Around<'a>) -> Option<Input> {
        for place in [Place::Incoming, Place::Standby] {
            if let Some(mut warm) = self.place(place).take_if(|warm| warm.session.next_timeout() <= now) {
                let effects = warm.session.timeout(now);
                let well = self.is_well(&warm, &effects, around);
                *self.place(place) = well.then_some(warm);
            }
        }
        let session = self.session.as_mut().filter(|session| session.next_timeout() <= now)?;
        let effects = session.timeout(now);
        Some(self.said(now, effects, around))
    }

    fn place(&mut self, place: Place) -> &mut Option<Warm> {
        match place {
            Place::Incoming => &mut self.incoming,
            Place::Standby => &mut self.standby,
        }
    }
}

#[derive(Clone, Copy)]
enum Place {
    Incoming,
    Standby,
}

impl Around<'_> {
    fn speaking(&self) -> Speaking {
        Speaking { language: Some(self.scene.language.clone()), voice: self.route.config.voice.clone() }
    }
}
