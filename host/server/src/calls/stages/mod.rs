//! What each stage of a call took, measured where its events pass.
//!
//! A request to the recogniser is the caller's speech: it begins with the end of that, and is over when
//! the turn is closed; its last output is the last final. One to the model is a reply. One to the voice
//! is an utterance, and begins with its first text. *First* is from the request to the first useful
//! output, *processing* to the last.
//!
//! Every event is also a line of the log at DEBUG: so many milliseconds after the call began (`at_ms`)
//! and after the caller last stopped speaking (`after_speech_ms`).

mod summary;

#[cfg(test)]
pub use summary::StageSummary;
pub use summary::{Spread, Summary};

use crate::records::Redaction;
use call::line::UtteranceId;
use call::llm::{self, ReplyId};
use call::{Moment, stt, tts};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    Stt,
    Llm,
    Tts,
}

impl Stage {
    pub const ALL: [Self; 3] = [Self::Stt, Self::Llm, Self::Tts];

    pub fn name(self) -> &'static str {
        match self {
            Self::Stt => "stt",
            Self::Llm => "llm",
            Self::Tts => "tts",
        }
    }
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StageEnd {
    Complete,
    /// nobody wanted it any more
    Cancelled,
    /// it broke, or gave nothing in the time that it had
    Failed,
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageTimes {
    pub stage: Stage,
    /// the component's id
    pub provider: String,
    /// the caller's turn that it belongs to; 0: before the first
    pub turn: u32,
    pub began: Moment,
    /// none: there was no output
    pub first: Option<Moment>,
    /// the last output; where it is not complete, its end
    pub last: Moment,
    pub end: StageEnd,
}

impl StageTimes {
    /// To the first useful output.
    pub fn first(&self) -> Option<Duration> {
        Some(self.first?.since(self.began))
    }

    /// To the last output; none: it was never complete.
    pub fn processing(&self) -> Option<Duration> {
        (self.end == StageEnd::Complete).then(|| self.last.since(self.began))
    }
}

/// How long a stage may be silent. Of the recogniser the call knows better: not every sound is owed words.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    pub llm: Duration,
    pub tts: Duration,
}

/// A request is told a little later than the call's clock for it begins.
const SLACK: Duration = Duration::from_millis(50);

/// Measures one call.
pub struct Stages {
    call: String,
    /// what must not be in the log
    redaction: Arc<Redaction>,
    /// who hears, and who speaks; none: nobody so far
    stt: Arc<str>,
    tts: Arc<str>,
    deadlines: Deadlines,
    /// the detector tells the end of speech so much later
    stop: Duration,
    turn: u32,
    speech_ended: Option<Moment>,
    hearing: Option<Open>,
    /// a final that came while the caller was still taken to speak
    early: Option<Moment>,
    /// and the turn was closed by it
    closed_early: bool,
    replies: BTreeMap<ReplyId, Open>,
    utterances: BTreeMap<UtteranceId, Open>,
    done: Vec<StageTimes>,
    failures: Vec<Failed>,
}

/// Somebody failed, also where nothing was being asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// `stt`, `llm`, `tts`, `persona`
    pub stage: &'static str,
    pub provider: String,
}

/// A request that is under way.
#[derive(Clone)]
struct Open {
    provider: Arc<str>,
    turn: u32,
    began: Moment,
    first: Option<Moment>,
    last: Option<Moment>,
}

impl Open {
    fn new(provider: &Arc<str>, turn: u32, began: Moment) -> Self {
        Self { provider: provider.clone(), turn, began, first: None, last: None }
    }

    fn output(&mut self, now: Moment) -> bool {
        self.last = Some(now);
        self.first.replace(self.first.unwrap_or(now)).is_none()
    }

    fn was_silent(&self, now: Moment, deadline: Duration) -> bool {
        self.first.is_none() && now.since(self.began) + SLACK >= deadline
    }

    fn end(self, stage: Stage, now: Moment, end: StageEnd) -> StageTimes {
        let last = match end {
            StageEnd::Complete => self.last.unwrap_or(now),
            StageEnd::Cancelled | StageEnd::Failed => now,
        };
        let Self { provider, turn, began, first, .. } = self;
        StageTimes { stage, provider: provider.to_string(), turn, began, first, last, end }
    }
}

impl Stages {
    /// `stop`: the detector tells the end of speech so much after it.
    pub fn new(call: &str, deadlines: Deadlines, stop: Duration, redaction: Arc<Redaction>) -> Self {
        Self {
            call: call.to_owned(),
            redaction,
            stt: Arc::from(""),
            tts: Arc::from(""),
            deadlines,
            stop,
            turn: 0,
            speech_ended: None,
            hearing: None,
            early: None,
            closed_early: false,
            replies: BTreeMap::new(),
            utterances: BTreeMap::new(),
            done: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// What has ended since the last time.
    pub fn take(&mut self) -> Vec<StageTimes> {
        std::mem::take(&mut self.done)
    }

    /// Who has failed since the last time.
    pub fn take_failures(&mut self) -> Vec<Failed> {
        std::mem::take(&mut self.failures)
    }

    pub fn persona_failed(&mut self, persona: &str) {
        self.failures.push(Failed { stage: "persona", provider: persona.to_owned() });
    }

    /// The caller's turn is closed: what was heard of it is all.
    pub fn turn(&mut self, now: Moment, number: u32) {
        self.turn = number;
        self.closed_early = self.hearing.is_none() && self.early.is_some();
        if let Some(mut open) = self.hearing.take_if(|open| open.first.is_some()) {
            open.turn = number;
            self.ended(Stage::Stt, open, now, StageEnd::Complete);
        }
        self.log(now, "turn", "the turn is closed");
    }

    /// The call is over.
    pub fn end(&mut self, now: Moment) {
        // without output it was a sound, and no words
        if let Some(open) = self.hearing.take().filter(|open| open.first.is_some()) {
            self.ended(Stage::Stt, open, now, StageEnd::Complete);
        }
        for (_, open) in std::mem::take(&mut self.replies) {
            self.cut(Stage::Llm, open, now, self.deadlines.llm);
        }
        for (_, open) in std::mem::take(&mut self.utterances) {
            self.cut(Stage::Tts, open, now, self.deadlines.tts);
        }
    }

    // -- the recogniser

    /// A session of it begins.
    pub fn stt_opened(&mut self, provider: &str) {
        self.stt = provider.into();
    }

    /// The call has had enough of it, and it has not said itself that it failed.
    pub fn stt_given_up(&mut self, now: Moment) {
        if let Some(open) = self.hearing.take() {
            self.ended(Stage::Stt, open, now, StageEnd::Failed);
        }
        let provider = self.stt.clone();
        self.failed(now, Stage::Stt, &provider);
    }

    pub fn stt_told(&mut self, now: Moment, event: &stt::Event) {
        match event {
            stt::Event::SpeechStarted => {
                // it goes on: the request is what comes after all of it
                (self.hearing, self.early, self.closed_early) = (None, None, false);
                self.log(now, "stt", "speech begins");
            }
            stt::Event::SpeechEnded => {
                let ended = now - self.stop;
                self.speech_ended = Some(ended);
                let closed = std::mem::take(&mut self.closed_early);
                let turn = if closed { self.turn } else { self.turn.saturating_add(1) };
                let mut open = Open::new(&self.stt, turn, ended);
                // one that is faster than our own detector
                let early = self.early.take_if(|early| *early >= ended);
                if let Some(early) = early {
                    open.output(early);
                }
                match early.filter(|_| closed) {
                    Some(_) => self.ended(Stage::Stt, open, now, StageEnd::Complete),
                    None => self.hearing = Some(open),
                }
                self.log(now, "stt", "speech has ended");
            }
            stt::Event::Finalize => self.log(now, "stt", "asked for what it has"),
            _ => {}
        }
    }

    pub fn stt_said(&mut self, now: Moment, effects: &[stt::Effect]) {
        for effect in effects {
            match effect {
                stt::Effect::Partial(heard) => {
                    if let Some(open) = &mut self.hearing {
                        open.first.get_or_insert(now);
                    }
                    self.log_text(now, "stt", "partial", &heard.text);
                }
                stt::Effect::Final(heard) => {
                    if let Some(open) = &mut self.hearing {
                        open.output(now);
                    } else {
                        self.early = Some(now);
                    }
                    self.log_text(now, "stt", "final", &heard.text);
                }
                stt::Effect::Failed(_) => {
                    self.stt_given_up(now);
                }
                stt::Effect::TurnEnded => self.log(now, "stt", "it says that the turn has ended"),
                _ => {}
            }
        }
    }

    // -- the model

    /// This one is asked for a reply.
    pub fn llm_asked(&mut self, now: Moment, reply: ReplyId, provider: &str) {
        self.replies.insert(reply, Open::new(&provider.into(), self.turn, now));
        self.log(now, "llm", "asked");
    }

    /// The reply is not wanted any more; whether that is because nothing came of it in time.
    pub fn llm_cancelled(&mut self, now: Moment, reply: ReplyId) -> bool {
        let Some(open) = self.replies.remove(&reply) else { return false };
        let was_silent = self.cut(Stage::Llm, open, now, self.deadlines.llm);
        self.log(now, "llm", "cancelled");
        was_silent
    }

    /// The call has had enough of whoever was asked last, which has not said itself that it failed, and was not
    /// silent from the start.
    pub fn llm_given_up(&mut self, now: Moment, provider: &str) {
        self.failed(now, Stage::Llm, provider);
    }

    pub fn llm_said(&mut self, now: Moment, reply: ReplyId, effects: &[llm::Effect]) {
        for effect in effects {
            let end = match effect {
                llm::Effect::Delta(_) | llm::Effect::ToolCall(_) => {
                    if self.replies.get_mut(&reply).is_some_and(|open| open.output(now)) {
                        self.log(now, "llm", "first output");
                    }
                    continue;
                }
                llm::Effect::Usage(_) => continue,
                llm::Effect::Finished(_) => StageEnd::Complete,
                llm::Effect::Failed(_) => {
                    if let Some(open) = self.replies.get(&reply) {
                        let provider = open.provider.clone();
                        self.failed(now, Stage::Llm, &provider);
                    }
                    StageEnd::Failed
                }
            };
            if let Some(open) = self.replies.remove(&reply) {
                self.ended(Stage::Llm, open, now, end);
            }
        }
    }

    // -- the voice

    /// A session of it begins; what another had in hand is given to it again.
    pub fn tts_opened(&mut self, provider: &str) {
        self.tts = provider.into();
    }

    /// It failed: it has said so itself, or the call has had enough of it.
    pub fn tts_failed(&mut self, now: Moment) {
        for (_, open) in std::mem::take(&mut self.utterances) {
            self.ended(Stage::Tts, open, now, StageEnd::Failed);
        }
        let provider = self.tts.clone();
        self.failed(now, Stage::Tts, &provider);
    }

    pub fn tts_told(&mut self, now: Moment, event: &tts::Event) {
        match event {
            tts::Event::Speak { utterance, text, .. } if !text.trim().is_empty() => {
                let begins = !self.utterances.contains_key(utterance);
                let open = Open::new(&self.tts, self.turn, now);
                self.utterances.entry(*utterance).or_insert(open);
                let what = if begins { "first text" } else { "text" };
                self.log_text(now, "tts", what, text);
            }
            tts::Event::Cancel(utterance) => {
                if let Some(open) = self.utterances.remove(utterance) {
                    self.cut(Stage::Tts, open, now, self.deadlines.tts);
                    self.log(now, "tts", "cancelled");
                }
            }
            _ => {}
        }
    }

    pub fn tts_said(&mut self, now: Moment, effects: &[tts::Effect]) {
        for effect in effects {
            match effect {
                tts::Effect::Audio { utterance, .. }
                    if self.utterances.get_mut(utterance).is_some_and(|open| open.output(now)) =>
                {
                    self.log(now, "tts", "first audio");
                }
                tts::Effect::Finished(utterance) => {
                    if let Some(open) = self.utterances.remove(utterance) {
                        self.ended(Stage::Tts, open, now, StageEnd::Complete);
                    }
                }
                tts::Effect::Failed(_) => self.tts_failed(now),
                _ => {}
            }
        }
    }

    // --

    /// Not wanted any more; that may be because nothing came of it.
    fn cut(&mut self, stage: Stage, open: Open, now: Moment, deadline: Duration) -> bool {
        let was_silent = open.was_silent(now, deadline);
        if was_silent {
            let provider = open.provider.clone();
            self.ended(stage, open, now, StageEnd::Failed);
            self.failed(now, stage, &provider);
        } else {
            self.ended(stage, open, now, StageEnd::Cancelled);
        }
        was_silent
    }

    fn failed(&mut self, now: Moment, stage: Stage, provider: &str) {
        self.log(now, stage.name(), "it failed");
        self.failures.push(Failed { stage: stage.name(), provider: provider.to_owned() });
    }

    fn ended(&mut self, stage: Stage, open: Open, now: Moment, end: StageEnd) {
        let times = open.end(stage, now, end);
        tracing::debug!(
            call_sid = self.call,
            at_ms = milliseconds(now.elapsed()),
            after_speech_ms = self.after_speech(now),
            stage = stage.name(),
            provider = times.provider,
            turn = times.turn,
            first_ms = times.first().map(milliseconds),
            processing_ms = times.processing().map(milliseconds),
            "{}",
            match end {
                StageEnd::Complete => "done",
                StageEnd::Cancelled => "cut short",
                StageEnd::Failed => "failed",
            }
        );
        self.done.push(times);
    }

    fn after_speech(&self, now: Moment) -> Option<u64> {
        self.speech_ended.map(|ended| milliseconds(now.since(ended)))
    }

    fn log(&self, now: Moment, stage: &str, what: &str) {
        let (at_ms, after_speech_ms) = (milliseconds(now.elapsed()), self.after_speech(now));
        tracing::debug!(call_sid = self.call, at_ms, after_speech_ms, stage, "{what}");
    }

    fn log_text(&self, now: Moment, stage: &str, what: &str, text: &str) {
        if !tracing::enabled!(tracing::Level::DEBUG) {
            return;
        }
        let (at_ms, after_speech_ms) = (milliseconds(now.elapsed()), self.after_speech(now));
        let text = self.redaction.text(text);
        tracing::debug!(call_sid = self.call, at_ms, after_speech_ms, stage, %text, "{what}");
    }
}

pub fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
