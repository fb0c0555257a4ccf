//! The session itself: what the agent sends, what the caller does, and when.

use super::talk::{Piece, Progress, Talk};
use super::wire::{Received, Wire};
use super::{Ending, Inputs, Outcome, Plan};
use crate::line::{self, CallError, Leave, Told};
use crate::plan::{Step, after, partials};
use std::collections::VecDeque;
use tokio::time::{Instant, sleep_until};
use twilio::relay::{Incoming, Outgoing};

/// How Twilio closes a session that cannot be understood.
const MALFORMED: (u16, &str) = (1007, "Too many consecutive malformed messages.");
const NORMAL: (u16, &str) = (1000, "");

pub(super) struct Session {
    plan: Plan,
    wire: Wire,
    talk: Talk,
    began: Instant,
    /// still to be done
    steps: VecDeque<Step>,
    /// to be done at once
    typed: VecDeque<Step>,
    /// what the caller speaks
    language: String,
    /// the agent has spoken since the last step was done
    agent_since_step: bool,
    /// since when nobody has done anything
    quiet_since: Instant,
    heard: bool,
    hangs_up: bool,
}

impl Session {
    pub(super) fn new(plan: Plan, wire: Wire) -> Self {
        let now = Instant::now();
        Self {
            talk: Talk::new(plan.pace, now),
            began: now,
            steps: plan.steps.iter().cloned().collect(),
            typed: VecDeque::new(),
            language: plan.options.language.clone(),
            agent_since_step: false,
            quiet_since: now,
            heard: false,
            hangs_up: false,
            plan,
            wire,
        }
    }

    pub(super) async fn run(
        mut self,
        tell: &mut impl FnMut(Told),
        mut leave: impl Future<Output = Leave> + Unpin,
    ) -> Result<Outcome, CallError> {
        self.begin(tell).await?;
        let ending = loop {
            let now = Instant::now();
            let progress = self.talk.advance(now);
            self.progressed(progress, tell).await?;
            self.act(tell).await?;
            if self.hangs_up {
                self.wire.close(NORMAL.0, NORMAL.1).await;
                break Ending::Caller;
            }
            let wake = self.wake();
            let typed = self.plan.typed.clone();
            let typing = async {
                match &typed {
                    Some(typed) => typed.next().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                leave = &mut leave => {
                    if leave == Leave::HangUp {
                        self.wire.close(NORMAL.0, NORMAL.1).await;
                    }
                    break leave.into();
                }
                received = self.wire.next() => {
                    if let Some(ending) = self.receive(received, tell).await? {
                        break ending;
                    }
                }
                step = typing => match step {
                    Some(step) => self.typed.push_back(step),
                    // from now on the caller may lose patience
                    None => {
                        self.plan.typed = None;
                        self.quiet_since = Instant::now();
                    }
                },
                () = sleep_until(wake) => {}
            }
        };
        self.unspoken(tell);
        let told = match &ending {
            Ending::Ended { .. } | Ending::Closed | Ending::Malformed => {
                line::Ending::Agent { departure: None }
            }
            Ending::Dropped => line::Ending::Dropped,
            Ending::Caller => line::Ending::Caller,
        };
        tell(Told::Ended { at: self.began.elapsed(), ending: told });
        let (heard, left) = (self.heard, self.steps.len());
        Ok(Outcome { ending, heard, left, warnings: self.wire.warnings })
    }

    /// Twilio tells what it is about, and greets.
    async fn begin(&mut self, tell: &mut impl FnMut(Told)) -> Result<(), CallError> {
        self.wire.send(&Incoming::Setup(Box::new(self.plan.setup.clone()))).await?;
        let Some(text) = self.plan.options.greeting.clone() else { return Ok(()) };
        let cut_by = self.plan.options.greeting_cut_by;
        self.speak(Piece { text, last: true, cut_by, preemptible: false }, tell).await
    }

    async fn speak(&mut self, piece: Piece, tell: &mut impl FnMut(Told)) -> Result<(), CallError> {
        let now = Instant::now();
        self.quiet_since = now;
        let progress = self.talk.push(piece, now);
        self.progressed(progress, tell).await
    }

    async fn progressed(
        &mut self,
        progress: Vec<Progress>,
        tell: &mut impl FnMut(Told),
    ) -> Result<(), CallError> {
        for progress in progress {
            self.quiet_since = Instant::now();
            match progress {
                Progress::Began => self.speaking("on").await?,
                Progress::Token(text) => {
                    self.heard = true;
                    if self.plan.options.tokens_played {
                        self.info("tokensPlayed", &text).await?;
                    }
                }
                Progress::Over { text, cut } => {
                    if !text.is_empty() {
                        self.agent_since_step = true;
                        tell(Told::Spoken { at: self.began.elapsed(), text, cut });
                    }
                    self.speaking("off").await?;
                }
            }
        }
        Ok(())
    }

    async fn speaking(&mut self, value: &str) -> Result<(), CallError> {
        if self.plan.options.speaker_events { self.info("agentSpeaking", value).await } else { Ok(()) }
    }

    async fn info(&mut self, name: &str, value: &str) -> Result<(), CallError> {
        self.wire.send(&Incoming::Info { name: name.into(), value: value.into() }).await
    }

    /// What was being spoken when the session ended.
    fn unspoken(&mut self, tell: &mut impl FnMut(Told)) {
        let cut = self.talk.cut(Instant::now()).filter(|cut| !cut.spoken.is_empty());
        if let Some(cut) = cut {
            self.heard = true;
            tell(Told::Spoken { at: self.began.elapsed(), text: cut.spoken, cut: true });
        }
    }

    /// Goes on with what there is to do, if it is time.
    async fn act(&mut self, tell: &mut impl FnMut(Told)) -> Result<(), CallError> {
        while let Some(step) = self.typed.pop_front() {
            self.step(step, tell).await?;
        }
        let now = Instant::now();
        if now.duration_since(self.began) >= self.plan.limit {
            self.hangs_up = true;
            return Ok(());
        }
        let is_patience_over = self.patience_over_at().is_some_and(|over| over <= now);
        if self.steps.is_empty() {
            self.hangs_up |= is_patience_over;
            return Ok(());
        }
        let is_ready = self.ready_at(now).is_some_and(|ready| ready <= now);
        if !is_ready && !is_patience_over {
            return Ok(());
        }
        if !is_ready {
            tell(Told::Waited { at: self.began.elapsed(), for_what: "the agent to speak" });
        }
        if let Some(step) = self.steps.pop_front() {
            self.step(step, tell).await?;
        }
        Ok(())
    }

    /// When the next step of the list is to be done, as far as it is known.
    fn ready_at(&self, now: Instant) -> Option<Instant> {
        let finished = self.agent_since_step && !self.talk.is_speaking();
        let paused = finished.then(|| after(self.quiet_since, self.plan.pause));
        match self.steps.front()? {
            Step::Interrupt(_) => self.talk.cut_in_at(now).or(paused),
            Step::Say(_) | Step::Play { .. } | Step::Press(_) | Step::HangUp => paused,
        }
    }

    /// None: the agent is speaking, or somebody types.
    fn patience_over_at(&self) -> Option<Instant> {
        let is_waiting = self.talk.next().is_none() && self.plan.typed.is_none();
        is_waiting.then(|| after(self.quiet_since, self.plan.patience))
    }

    fn wake(&self) -> Instant {
        let ready = self.ready_at(Instant::now());
        let all =
            [Some(after(self.began, self.plan.limit)), self.talk.next(), ready, self.patience_over_at()];
        all.into_iter().flatten().min().unwrap_or(self.began)
    }

    async fn step(&mut self, step: Step, tell: &mut impl FnMut(Told)) -> Result<(), CallError> {
        self.agent_since_step = false;
        self.quiet_since = Instant::now();
        let at = self.began.elapsed();
        match step {
            // somebody who types waits
            Step::Say(text) | Step::Interrupt(text) if text.is_empty() => {}
            Step::Say(text) | Step::Interrupt(text) => {
                tell(Told::Says { at, what: text.clone() });
                let speech = Inputs { speech: true, keys: false };
                if self.gets_through(speech, tell).await? {
                    self.prompt(text).await?;
                }
            }
            // a recogniser finds no words in it
            Step::Play { name, .. } => tell(Told::Says { at, what: format!("({name})") }),
            Step::Press(keys) => {
                for key in keys.chars() {
                    tell(Told::Presses { at: self.began.elapsed(), key });
                }
                let pressed = Inputs { speech: false, keys: true };
                if self.gets_through(pressed, tell).await? && self.plan.options.dtmf_detection {
                    for key in keys.chars() {
                        self.wire.send(&Incoming::Dtmf { digit: key.to_string() }).await?;
                    }
                }
            }
            Step::HangUp => self.hangs_up = true,
        }
        Ok(())
    }

    /// Whether the agent is to be told of this: it is not speaking, or it is cut short by it.
    async fn gets_through(&mut self, input: Inputs, tell: &mut impl FnMut(Told)) -> Result<bool, CallError> {
        if !self.talk.is_speaking() {
            return Ok(true);
        }
        let within = |all: Inputs| input.speech && all.speech || input.keys && all.keys;
        if !within(self.talk.cut_by()) {
            return Ok(within(self.plan.options.told_while_speaking));
        }
        let Some(cut) = self.talk.cut(Instant::now()) else { return Ok(true) };
        if !cut.spoken.is_empty() {
            self.heard = true;
            tell(Told::Spoken { at: self.began.elapsed(), text: cut.spoken.clone(), cut: true });
        }
        let interrupt = Incoming::Interrupt {
            utterance_until_interrupt: Some(cut.spoken),
            duration_until_interrupt_ms: Some(u64::try_from(cut.took.as_millis()).unwrap_or(u64::MAX)),
        };
        self.wire.send(&interrupt).await?;
        self.speaking("off").await?;
        Ok(true)
    }

    async fn prompt(&mut self, text: String) -> Result<(), CallError> {
        let prompt = |text: &str, last| Incoming::Prompt {
            voice_prompt: text.to_owned(),
            lang: Some(self.language.clone()),
            last,
        };
        let mut prompts = Vec::new();
        if self.plan.options.partial_prompts {
            prompts.extend(partials(&text).into_iter().map(|so_far| prompt(so_far, false)));
        }
        prompts.push(prompt(&text, true));
        for prompt in prompts {
            self.wire.send(&prompt).await?;
        }
        Ok(())
    }

    /// How the session ends, if it does.
    async fn receive(
        &mut self,
        received: Received,
        tell: &mut impl FnMut(Told),
    ) -> Result<Option<Ending>, CallError> {
        match received {
            Received::Message(message) => return self.told(message, tell).await,
            Received::Invalid(what) => {
                let description = format!("Invalid message received: {what}");
                self.wire.send(&Incoming::Error { description }).await?;
            }
            Received::Malformed => {
                self.wire.close(MALFORMED.0, MALFORMED.1).await;
                return Ok(Some(Ending::Malformed));
            }
            Received::Closed => {
                self.wire.answer_close().await;
                return Ok(Some(Ending::Closed));
            }
            Received::Dropped => return Ok(Some(Ending::Dropped)),
            Received::Other => {}
        }
        Ok(None)
    }

    async fn told(
        &mut self,
        message: Outgoing,
        tell: &mut impl FnMut(Told),
    ) -> Result<Option<Ending>, CallError> {
        let at = self.began.elapsed();
        match message {
            Outgoing::Text { token: text, last, interruptible, preemptible, .. } => {
                let cut_by = if interruptible { self.plan.options.cut_by } else { Inputs::NONE };
                self.speak(Piece { text, last, cut_by, preemptible }, tell).await?;
            }
            Outgoing::Play { source, .. } => {
                self.heard = true;
                self.agent_since_step = true;
                self.quiet_since = Instant::now();
                tell(Told::Played { at, source });
            }
            Outgoing::SendDigits { digits } => tell(Told::Keyed { at, keys: digits }),
            Outgoing::Language { transcription_language, .. } => {
                if let Some(language) = transcription_language {
                    self.language = language;
                }
            }
            Outgoing::End { handoff_data } => {
                self.unspoken(tell);
                self.wire.close(NORMAL.0, NORMAL.1).await;
                return Ok(Some(Ending::Ended { handoff: handoff_data }));
            }
        }
        Ok(None)
    }
}
