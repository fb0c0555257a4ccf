//! The call itself.

use crate::ear::{Ear, FRAME};
use crate::mouth::Mouth;
use crate::plan::{Plan, Step};
use crate::wire::{Received, Wire};
use audio::wav;
use std::collections::VecDeque;
use std::pin::pin;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior};
use twilio::stream::Own;

const TICK: Duration = Duration::from_millis(20);
/// The agent has finished when it was quiet this long: frames.
const PAUSE: usize = 40;
/// A caller who cuts in does so after this long: frames.
const CUT_IN_AFTER: usize = 50;
/// Between two keys: frames.
const BETWEEN_KEYS: usize = 15;

/// What happened, for whoever reads along, with the time since the call began.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    Connected {
        url: String,
    },
    /// A server of ours says what it can do.
    Offer {
        recogniser: Option<String>,
        said: bool,
    },
    /// The caller began to say or play this.
    Says {
        at: Duration,
        what: String,
    },
    Presses {
        at: Duration,
        key: char,
    },
    /// What the server understood.
    Understood {
        at: Duration,
        text: String,
    },
    /// The agent spoke; `heard`: what of it the caller heard, if the server tells.
    Agent {
        at: Duration,
        heard: Option<String>,
        length: Duration,
    },
    /// On a line of words, where it is not the server that speaks: what was spoken of what the agent
    /// sent; `cut`: not all of it.
    Spoken {
        at: Duration,
        text: String,
        cut: bool,
    },
    /// The agent had a sound played, from this URL.
    Played {
        at: Duration,
        source: String,
    },
    /// The agent had these keys pressed.
    Keyed {
        at: Duration,
        keys: String,
    },
    /// Something the caller had to wait for in vain.
    Waited {
        at: Duration,
        for_what: &'static str,
    },
    Ended {
        at: Duration,
        ending: Ending,
    },
}

impl Told {
    /// The same, in a call that began so long before the line did.
    pub(crate) fn later(mut self, shift: Duration) -> Self {
        match &mut self {
            Self::Connected { .. } | Self::Offer { .. } => {}
            Self::Says { at, .. }
            | Self::Presses { at, .. }
            | Self::Understood { at, .. }
            | Self::Agent { at, .. }
            | Self::Spoken { at, .. }
            | Self::Played { at, .. }
            | Self::Keyed { at, .. }
            | Self::Waited { at, .. }
            | Self::Ended { at, .. } => *at += shift,
        }
        self
    }
}

/// Who ended the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The server closed the stream; why, if it says.
    Agent { departure: Option<String> },
    /// All was said, and nobody spoke any more; or the limit was reached; or it was told to.
    Caller,
    /// The connection went without being closed.
    Dropped,
}

/// How the call went.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    pub ending: Ending,
    /// how much of the agent was heard
    pub heard: Duration,
    /// steps of the plan that were not reached
    pub left: usize,
    /// Messages that Twilio would have ignored, with its codes (31950, 31951); only the first of many.
    pub warnings: Vec<String>,
}

/// How the caller is made to go, from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// The receiver is put down.
    HangUp,
    /// The connection is gone without a word, as when a machine or a line goes down.
    Drop,
}

impl Outcome {
    /// Why it did not go well; none: it did.
    pub fn problem(&self) -> Option<String> {
        match &self.ending {
            Ending::Dropped => Some("the connection was dropped".into()),
            Ending::Agent { departure: Some(why) } if !matches!(why.as_str(), "script" | "transferred") => {
                Some(format!("the call ended because of: {why}"))
            }
            _ if self.heard.is_zero() => Some("nothing was heard of the agent".into()),
            _ if self.left > 0 => Some(format!("the call ended with {} steps left", self.left)),
            _ => None,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum CallError {
    #[error(
        "{url:?} cannot be called: {reason}; a line looks like ws://127.0.0.1:8765/ws, a webhook like http://127.0.0.1:8765/voice/incoming"
    )]
    Url { url: String, reason: String },
    #[error("{0:?} is not a header that can be sent, or its value is not")]
    Header(String),
    #[error("no connection to {url}: {reason}")]
    Connect { url: String, reason: String },
    #[error("{url} refused the stream: {status}{detail}")]
    Refused { url: String, status: u16, detail: String },
    #[error("{url} did not say how the call goes on: {reason}")]
    Answer { url: String, reason: String },
    #[error("the connection was lost: {0}")]
    Lost(String),
    #[error(transparent)]
    Wav(#[from] wav::WavError),
}

/// Places the call and sees it through.
pub async fn call(plan: Plan, tell: impl FnMut(Told)) -> Result<Outcome, CallError> {
    call_until(plan, tell, std::future::pending()).await
}

/// The same, but the caller goes when `leave` says so.
pub async fn call_until(
    plan: Plan,
    mut tell: impl FnMut(Told),
    leave: impl Future<Output = Leave>,
) -> Result<Outcome, CallError> {
    let mut leave = pin!(leave);
    let left = plan.steps.len();
    let wire = tokio::select! {
        wire = Wire::connect(&plan) => wire?,
        leave = &mut leave => {
            let ending = Ending::from(leave);
            return Ok(Outcome { ending, heard: Duration::ZERO, left, warnings: Vec::new() });
        }
    };
    tell(Told::Connected { url: plan.url.clone() });
    let out = plan.out.as_deref().map(wav::Writer::create).transpose()?;
    let mut line = Line {
        wire,
        began: Instant::now(),
        ear: Ear::default(),
        mouth: Mouth::default(),
        out,
        steps: plan.steps.iter().cloned().collect(),
        keys: VecDeque::new(),
        since_key: BETWEEN_KEYS,
        sends_words: false,
        agent_since_step: false,
        agent_began: None,
        agent_frames: 0,
        waited: 0,
        hangs_up: false,
        departure: None,
        plan,
    };
    let ending = line.run(&mut tell, leave).await?;
    tell(Told::Ended { at: line.began.elapsed(), ending: ending.clone() });
    if let Some(out) = line.out.take() {
        out.finish()?;
    }
    let heard = audio::TELEPHONE.duration_of(line.ear.heard * FRAME);
    Ok(Outcome { ending, heard, left: line.steps.len(), warnings: line.wire.warnings })
}

impl From<Leave> for Ending {
    fn from(leave: Leave) -> Self {
        match leave {
            Leave::HangUp => Self::Caller,
            Leave::Drop => Self::Dropped,
        }
    }
}

struct Line {
    plan: Plan,
    wire: Wire,
    began: Instant,
    ear: Ear,
    mouth: Mouth,
    out: Option<wav::Writer>,
    /// still to be done
    steps: VecDeque<Step>,
    /// still to be pressed
    keys: VecDeque<char>,
    since_key: usize,
    /// the server has no recogniser and takes words
    sends_words: bool,
    /// the agent has spoken since the last step was done
    agent_since_step: bool,
    /// when what the agent is saying began to be heard
    agent_began: Option<Duration>,
    /// how much of it was heard: frames
    agent_frames: usize,
    /// frames since anybody did anything
    waited: usize,
    /// the plan says to put the receiver down
    hangs_up: bool,
    departure: Option<String>,
}

impl Line {
    async fn run(
        &mut self,
        tell: &mut impl FnMut(Told),
        mut leave: impl Future<Output = Leave> + Unpin,
    ) -> Result<Ending, CallError> {
        self.wire.start(&self.plan.parameters).await?;
        let mut ticks = tokio::time::interval(TICK);
        // a tick that came late does not change the caller's pace
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        loop {
            let leave = tokio::select! {
                _ = ticks.tick() => self.tick(tell).await?.then_some(Leave::HangUp),
                leave = &mut leave => Some(leave),
                received = self.wire.next() => match received {
                    Received::Closed => {
                        self.wire.answer_close().await;
                        return Ok(Ending::Agent { departure: self.departure.take() });
                    }
                    Received::Dropped => return Ok(Ending::Dropped),
                    received => {
                        self.receive(received, tell).await?;
                        None
                    }
                },
            };
            if let Some(leave) = leave {
                if leave == Leave::HangUp {
                    self.wire.hang_up().await?;
                }
                return Ok(leave.into());
            }
        }
    }

    /// 20 ms go by. Whether the caller has had enough.
    async fn tick(&mut self, tell: &mut impl FnMut(Told)) -> Result<bool, CallError> {
        self.listen(tell).await?;
        self.act(tell).await?;
        self.speak().await?;
        let enough = self.began.elapsed() >= self.plan.limit;
        let done = self.steps.is_empty() && self.keys.is_empty() && self.is_patience_over();
        Ok(enough || done || self.hangs_up)
    }

    /// Plays what the agent says.
    async fn listen(&mut self, tell: &mut impl FnMut(Told)) -> Result<(), CallError> {
        let played = self.ear.play();
        if let Some(out) = &mut self.out {
            out.write(&played.samples)?;
        }
        for name in played.marks {
            self.wire.mark(name).await?;
        }
        if self.ear.quiet() == 0 {
            self.agent_began.get_or_insert(self.began.elapsed());
            self.agent_since_step = true;
            self.agent_frames += 1;
            self.waited = 0;
        } else if self.ear.quiet() == PAUSE {
            self.agent_paused(None, tell);
        }
        Ok(())
    }

    /// The agent is done with something: by its own account, or because it is quiet.
    fn agent_paused(&mut self, heard: Option<String>, tell: &mut impl FnMut(Told)) {
        let length = TICK * std::mem::take(&mut self.agent_frames) as u32;
        if let Some(at) = self.agent_began.take() {
            tell(Told::Agent { at, heard, length });
        }
    }

    /// Goes on with the plan, if it is time.
    async fn act(&mut self, tell: &mut impl FnMut(Told)) -> Result<(), CallError> {
        self.since_key += 1;
        if self.since_key >= BETWEEN_KEYS
            && let Some(key) = self.keys.pop_front()
        {
            self.since_key = 0;
            tell(Told::Presses { at: self.began.elapsed(), key });
            return self.wire.press(key).await;
        }
        if self.mouth.is_speaking() || !self.keys.is_empty() {
            self.waited = 0;
            return Ok(());
        }
        self.waited += 1;
        let finished = self.agent_since_step && self.ear.quiet() >= PAUSE;
        let ready = match self.steps.front() {
            None => false,
            Some(Step::Interrupt(_)) => self.agent_frames >= CUT_IN_AFTER,
            Some(Step::Say(_) | Step::Play { .. } | Step::Press(_) | Step::HangUp) => finished,
        };
        let in_vain = !ready && !self.steps.is_empty() && self.is_patience_over();
        if in_vain {
            let for_what = "the agent to speak";
            tell(Told::Waited { at: self.began.elapsed(), for_what });
        }
        if ready || in_vain {
            self.step(tell);
        }
        Ok(())
    }

    fn step(&mut self, tell: &mut impl FnMut(Told)) {
        let Some(step) = self.steps.pop_front() else { return };
        self.agent_since_step = false;
        self.waited = 0;
        let at = self.began.elapsed();
        match step {
            Step::Say(text) | Step::Interrupt(text) => {
                self.mouth.say(&text);
                tell(Told::Says { at, what: text });
            }
            Step::Play { name, samples } => {
                self.mouth.play(&samples);
                tell(Told::Says { at, what: format!("({name})") });
            }
            Step::Press(keys) => self.keys = keys.chars().collect(),
            Step::HangUp => self.hangs_up = true,
        }
    }

    fn is_patience_over(&self) -> bool {
        TICK * self.waited as u32 >= self.plan.patience
    }

    /// Sends the next 20 ms, speech or silence.
    async fn speak(&mut self) -> Result<(), CallError> {
        let spoken = self.mouth.next();
        self.wire.audio(&spoken.frame).await?;
        if let Some((text, last)) = spoken.words.filter(|_| self.sends_words) {
            self.wire.said(text, last).await?;
        }
        if spoken.finished {
            // what the agent said meanwhile is no answer
            self.agent_since_step = false;
            self.waited = 0;
        }
        Ok(())
    }

    async fn receive(&mut self, received: Received, tell: &mut impl FnMut(Told)) -> Result<(), CallError> {
        match received {
            Received::Audio(audio) => self.ear.push_audio(audio),
            Received::Mark(name) => self.ear.push_mark(name),
            Received::Clear => {
                for name in self.ear.clear() {
                    self.wire.mark(name).await?;
                }
            }
            Received::Own(own) => self.receive_own(own, tell),
            Received::Other | Received::Closed | Received::Dropped => {}
        }
        Ok(())
    }

    fn receive_own(&mut self, own: Own, tell: &mut impl FnMut(Told)) {
        let at = self.began.elapsed();
        match own {
            Own::Offer { recogniser, said, .. } => {
                self.sends_words = said && recogniser.is_none();
                tell(Told::Offer { recogniser, said });
            }
            Own::Turn { text, .. } => tell(Told::Understood { at, text }),
            Own::Spoke { heard, .. } if !heard.is_empty() => self.agent_paused(Some(heard), tell),
            Own::Spoke { .. } => {}
            Own::Ended { departure, .. } => self.departure = Some(departure),
        }
    }
}
