//! Who hears the caller.
//!
//! Another build takes over by overlap: it is opened beside the one in use and hears the same, and the turn
//! stays with the old one until nobody speaks and nothing is owed. What the new one then says of sound that
//! the old one has dealt with is dropped, by its time in the sound.

use super::Around;
use super::seat::{Seat, fails};
use crate::calls::stages::Stage;
use crate::slots::{Plug, Using};
use ::audio::TELEPHONE;
use call::stt::{Effect, Event, Transcript, Tuning};
use call::{Input, Moment};
use components::{Listening, NetEvent, SessionId, SttSession};
use std::sync::Arc;
use std::time::Duration;

/// A new one has this long to reach its server before anything depends on it.
const WARMS_UP: Duration = Duration::from_millis(500);
/// More words may come so long after certain ones.
const SETTLES: Duration = Duration::from_secs(1);
/// Words may come so long after speech has ended.
const OWES: Duration = Duration::from_secs(3);

#[derive(Default)]
pub(super) struct Ears<'a> {
    /// none: nothing recognises what is said
    seat: Option<Seat<'a>>,
    session: Option<SttSession>,
    incoming: Option<Incoming>,
    /// a build that could not be opened; it is not tried again
    refused: Option<Arc<Plug>>,
    speaking: bool,
    /// words may still come, until then
    owed: Option<Moment>,
    /// sound since the call opened a session
    given: Duration,
    /// where in it the session in use began
    offset: Duration,
    /// where in it that session took over from another build; none: it did not
    took_over: Option<Duration>,
    /// the caller has spoken since
    spoken_since: bool,
    /// the session in use said that it failed
    failed: bool,
    /// what it was told of how to listen
    tuning: Tuning,
}

struct Incoming {
    session: SttSession,
    using: Using,
    since: Moment,
    offset: Duration,
}

impl<'a> Ears<'a> {
    pub(super) fn new(seat: Option<Seat<'a>>) -> Self {
        Self { seat, ..Self::default() }
    }

    pub(super) fn open(&mut self, now: Moment, around: &mut Around<'a>) -> Option<Input> {
        let seat = self.seat.as_mut()?;
        if self.session.is_some() && !self.failed {
            // the call found out
            seat.was_silent(now, "it gave no sign of life after speech", around);
            around.stages.stt_given_up(now);
        }
        seat.take(now, around, "stt");
        let plug = seat.plug().clone();
        let (session, effects) = plug.opens().open_stt(&around.surroundings, now, around.listening()).ok()?;
        around.stages.stt_opened(seat.id());
        self.session = Some(session);
        self.incoming = None;
        self.tuning = Tuning::default();
        (self.given, self.offset, self.took_over, self.failed) =
            (Duration::ZERO, Duration::ZERO, None, false);
        self.said(now, effects, around)
    }

    pub(super) fn tell(&mut self, now: Moment, event: Event, around: &mut Around<'a>) -> Option<Input> {
        let session = self.session.as_mut()?;
        match &event {
            Event::Audio(audio) => {
                self.given += TELEPHONE.duration_of(audio.len());
                around.usage.gave_audio(session.component(), audio.len());
            }
            Event::SpeechStarted => (self.speaking, self.spoken_since) = (true, true),
            Event::SpeechEnded => (self.speaking, self.owed) = (false, Some(now + OWES)),
            Event::Retune(Tuning { language, keyterms }) => {
                self.tuning.language = language.clone().or(self.tuning.language.take());
                self.tuning.keyterms = keyterms.clone().or(self.tuning.keyterms.take());
            }
            Event::Finalize | Event::Finish => {}
        }
        around.stages.stt_told(now, &event);
        if let Some(incoming) = &mut self.incoming {
            let effects = incoming.session.handle(now, event.clone());
            self.incoming_said(&effects, around);
        }
        let effects = self.session.as_mut()?.handle(now, event);
        self.said(now, effects, around)
    }

    /// Moves to another build, if one is there.
    pub(super) fn follow(&mut self, now: Moment, around: &mut Around<'a>) {
        let Some(seat) = &self.seat else { return };
        if self.session.is_none() || self.failed || self.incoming.is_none() && seat.is_current(&around.who) {
            return;
        }
        match &self.incoming {
            None => self.begin_overlap(now, around),
            Some(incoming) => {
                // another one again, or the old one back
                if !seat.slot().is_picked(&incoming.using, &around.who) {
                    self.incoming = None;
                } else if now.since(incoming.since) >= WARMS_UP && self.is_quiet(now) {
                    self.take_over(now, around);
                }
            }
        }
    }

    fn begin_overlap(&mut self, now: Moment, around: &mut Around<'a>) {
        let Some(seat) = &self.seat else { return };
        let plug = seat.slot().pick(&around.who);
        if self.refused.as_ref().is_some_and(|refused| Arc::ptr_eq(refused, &plug)) {
            return;
        }
        let using = Using::new(plug.clone(), &around.who.call);
        let opened = plug.opens().open_stt(&around.surroundings, now, around.listening());
        let Ok((session, effects)) = opened else { return };
        self.incoming = Some(Incoming { session, using, since: now, offset: self.given });
        self.incoming_said(&effects, around);
        // what the one in use was told
        let tuning = Some(self.tuning.clone()).filter(|tuning| *tuning != Tuning::default());
        let started = self.speaking.then_some(Event::SpeechStarted);
        for event in tuning.map(Event::Retune).into_iter().chain(started) {
            let effects = self.incoming.as_mut().map(|incoming| incoming.session.handle(now, event));
            self.incoming_said(&effects.unwrap_or_default(), around);
        }
    }

    fn is_quiet(&self, now: Moment) -> bool {
        !self.speaking && self.owed.is_none_or(|until| until <= now)
    }

    fn take_over(&mut self, now: Moment, around: &mut Around<'a>) {
        let (Some(seat), Some(incoming)) = (&mut self.seat, self.incoming.take()) else { return };
        if let Some(mut old) = self.session.take() {
            // it may still say what was consumed
            for effect in old.handle(now, Event::Finish) {
                if let Effect::Usage(used) = effect {
                    around.usage.told(Stage::Stt, seat.id(), &used);
                }
            }
        }
        around.exchanged("stt", seat.id(), &incoming.using);
        seat.exchange(incoming.using);
        self.session = Some(incoming.session);
        self.offset = incoming.offset;
        self.took_over = Some(self.given);
        self.spoken_since = false;
    }

    /// What the one that only listens says is not heard; but whether it works is seen.
    fn incoming_said(&mut self, effects: &[Effect], around: &Around<'a>) {
        let failed = effects.iter().find_map(|effect| match effect {
            Effect::Failed(failure) => Some(failure),
            _ => None,
        });
        if let (Some(failure), Some(incoming), Some(seat)) = (failed, &self.incoming, &self.seat) {
            let broke = incoming.session.broke();
            fails(seat.slot(), &incoming.using, failure, broke, around);
            self.refused = Some(incoming.using.clone());
            self.incoming = None;
        }
    }

    fn said(&mut self, now: Moment, mut effects: Vec<Effect>, around: &mut Around<'a>) -> Option<Input> {
        effects.retain_mut(|effect| match effect {
            Effect::Partial(transcript) | Effect::Final(transcript) => self.place(transcript),
            _ => true,
        });
        around.stages.stt_said(now, &effects);
        let Some(seat) = &mut self.seat else { return None };
        for effect in &effects {
            match effect {
                Effect::Partial(_) => {
                    seat.works();
                    self.owed = Some(now + OWES);
                }
                Effect::Final(_) => {
                    seat.works();
                    self.owed = Some(now + SETTLES);
                }
                Effect::Failed(failure) => {
                    let broke = self.session.as_ref().and_then(|session| session.broke());
                    seat.fails(now, failure, broke, around);
                    (self.failed, self.incoming) = (true, None);
                }
                Effect::Usage(used) => around.usage.told(Stage::Stt, seat.id(), used),
                _ => {}
            }
        }
        (!effects.is_empty()).then_some(Input::Stt(effects))
    }

    /// Puts words where they are in the sound that the call knows of; whether they are news.
    fn place(&self, transcript: &mut Transcript) -> bool {
        for word in &mut transcript.words {
            word.start += self.offset;
            word.end += self.offset;
        }
        transcript.until = transcript.until.map(|until| until + self.offset);
        if let Some(since) = self.took_over.filter(|_| !transcript.words.is_empty()) {
            let all = transcript.words.len();
            transcript.words.retain(|word| word.end > since);
            if transcript.words.len() < all {
                let words = transcript.words.iter().map(|word| word.text.as_str());
                transcript.text = words.collect::<Vec<_>>().join(" ");
            }
            return !transcript.words.is_empty();
        }
        match (self.took_over, transcript.until) {
            (Some(since), Some(until)) => until > since,
            (Some(_), None) => self.spoken_since,
            (None, _) => true,
        }
    }

    // -- from outside

    /// None: it is not for this session.
    pub(super) fn arrived(
        &mut self,
        now: Moment,
        session: SessionId,
        event: NetEvent,
        around: &mut Around<'a>,
    ) -> Result<Option<Input>, NetEvent> {
        if let Some(own) = self.session.as_mut().filter(|own| own.id() == session) {
            let effects = own.arrived(now, event);
            return Ok(self.said(now, effects, around));
        }
        if let Some(incoming) = self.incoming.as_mut().filter(|incoming| incoming.session.id() == session) {
            let effects = incoming.session.arrived(now, event);
            self.incoming_said(&effects, around);
            return Ok(None);
        }
        Err(event)
    }

    pub(super) fn next_timeout(&self) -> Moment {
        let incoming = self.incoming.iter().map(|incoming| incoming.session.next_timeout());
        let all = self.session.iter().map(SttSession::next_timeout).chain(incoming);
        all.min().unwrap_or(Moment::NEVER)
    }

    pub(super) fn timeout(&mut self, now: Moment, around: &mut Around<'a>) -> Option<Input> {
        let is_due = |session: &&mut SttSession| session.next_timeout() <= now;
        if let Some(session) = self.incoming.as_mut().map(|incoming| &mut incoming.session).filter(is_due) {
            let effects = session.timeout(now);
            self.incoming_said(&effects, around);
        }
        let effects = self.session.as_mut().filter(is_due)?.timeout(now);
        self.said(now, effects, around)
    }
}

impl Around<'_> {
    fn listening(&self) -> Listening {
        Listening { language: Some(self.scene.language.clone()), keyterms: Vec::new() }
    }
}
