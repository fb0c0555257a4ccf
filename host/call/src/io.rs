//! What goes into a call and what comes out of it, and the queue between.

use crate::line::{self, UtteranceId};
use crate::persona::{self, Answerer, Departure, Ending, Field};
use crate::{Moment, TurnTimes, audio, llm, net, stt, text, tts};
use ::audio::dtmf::Press;
use std::collections::{BTreeSet, VecDeque};

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// The line is open: the first input of a call. And again: it is back, after [`Self::Detached`].
    Attached,
    /// The line is lost, and may come back. Nothing is sent meanwhile; what was being spoken waits.
    Detached,
    /// The caller hung up, or the line was lost for good.
    Closed,
    /// The moment of the last [`Output::Timeout`] has come.
    Timeout,
    Key(char),
    /// On a line that carries sound.
    Audio(audio::Input),
    /// On a line that carries words.
    Text(text::Input),
    /// What one call into the recogniser gave, whole and in order.
    Stt(Vec<stt::Effect>),
    /// What one call into the voice gave, whole and in order.
    Tts(Vec<tts::Effect>),
    Model {
        reply: llm::ReplyId,
        effects: Vec<llm::Effect>,
    },
    /// What the script answered to one [`Output::Persona`].
    Persona(Vec<persona::Action>),
    /// The script broke at an event, and was restored as it was before it.
    PersonaRestored {
        broken_by: persona::Event,
        why: String,
        /// It stands behind its last answer: it knows of all that is open. Else that is reported to it
        /// as failed.
        up_to_date: bool,
        /// Tools that may run again, in the operator's word.
        idempotent: BTreeSet<String>,
    },
    /// The script is gone, and why.
    PersonaFailed(String),
    Response {
        id: persona::Id,
        outcome: Result<net::Fetched, net::Failure>,
    },
    /// What was kept in an earlier call ([`Output::Recall`]); none: nothing is known.
    Recalled {
        id: persona::Id,
        fields: Option<Vec<Field>>,
    },
    /// Who picked up. The first that says so counts, if it was not known before
    /// ([`answered_by`](crate::conversation::Settings::answered_by)). To a machine or a fax nothing
    /// is said any more that was meant for a person.
    AnsweredBy(Answerer),
    /// The caller is being put through ([`Output::Transfer`]): the call is over.
    Transferred(persona::Id),
    /// The caller cannot be put through, and why: the conversation goes on.
    TransferFailed {
        id: persona::Id,
        why: String,
    },
    /// An operator tells the script something.
    Operator(String),
    /// An operator stops what is being spoken, whatever it is; if nothing is, nothing happens.
    Interrupt,
    /// An operator says this in the agent's voice, behind what is being spoken.
    Say(String),
    /// An operator presses keys, behind what is being spoken.
    Digits(Vec<Press>),
    /// The host cannot go on with the call, and why: the caller hears the apology, and the call ends.
    Fail(String),
    /// The host or an operator wants the call to be over.
    End(Departure),
}

/// What to do about it, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Nothing until then ([`Moment::NEVER`]: until something happens).
    Timeout(Moment),
    /// Send this µ-law audio to the caller.
    Media {
        utterance: UtteranceId,
        audio: Vec<u8>,
    },
    /// Have the line say when all that was sent so far has been played.
    Mark(String),
    /// Forget what was sent and not yet played.
    Clear,
    /// Words for a line that carries words.
    Text(text::Output),
    /// Close the line. Nothing is sent after this.
    Close,
    Stt(stt::Event),
    /// Close the recogniser's session, if there is one, and open a new one: of the next provider in
    /// the chain that is well, or of the same.
    ReopenStt,
    Tts(tts::Event),
    /// Close the voice's session, if there is one, and open a new one, likewise.
    ReopenTts,
    Model {
        reply: llm::ReplyId,
        event: llm::Event,
    },
    /// Tell the script, and answer with what it returns.
    Persona(persona::Event),
    Fetch {
        id: persona::Id,
        request: net::Request,
    },
    CancelFetch(persona::Id),
    /// Look up what the script kept in an earlier call, and answer with [`Input::Recalled`]. The value
    /// is JSON, as text.
    Recall {
        id: persona::Id,
        field: String,
        value: String,
    },
    /// Nobody waits for it any more: an answer now would be taken for that to the next of this id.
    CancelRecall(persona::Id),
    /// Put the caller through to this number or name; whoever picks up may be told `brief` before.
    /// Answer with [`Input::Transferred`] or [`Input::TransferFailed`]. One at a time.
    Transfer {
        id: persona::Id,
        to: String,
        brief: Option<String>,
    },
    /// Do not, if that is still possible; it is not answered.
    CancelTransfer(persona::Id),
    PauseRecording(bool),
    Observed(Observation),
    /// The call is over. The last output.
    Ended(Summary),
}

/// Something worth recording or showing to those who watch.
#[derive(Clone, Debug, PartialEq)]
pub enum Observation {
    /// the caller begins to speak, or stops
    Caller {
        speaking: bool,
    },
    /// the caller's turn so far
    Partial(persona::Utterance),
    /// the caller's turn is closed
    Turn(persona::Turn),
    /// the agent begins to be heard; with the text as far as it is known
    Speaks {
        utterance: UtteranceId,
        text: String,
    },
    /// the agent has stopped speaking something
    Spoke {
        utterance: UtteranceId,
        /// the caller's turn that it answers; 0: nobody had spoken yet
        turn: u32,
        text: String,
        heard: String,
        ending: Ending,
    },
    /// how far a tool has come that was called for; each step at most once, whatever happens to the reply
    Tool {
        /// the caller's turn that led to it; 0: nobody had spoken yet
        turn: u32,
        name: String,
        /// its id, unique in the call
        call: String,
        step: ToolStep,
    },
    Times(TurnTimes),
    /// a provider failed, and the next of its chain (or a lone one, once more) goes on in its place
    FailedOver(Provider),
    Kept(Vec<Field>),
    Outcome(String),
    /// something did not go as it should
    Trouble(String),
}

/// How far a tool has come, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ToolStep {
    /// the model called for it; nothing of it has happened
    Requested,
    /// the script was told, and what it does about it leaves the host
    Sent,
    /// it was carried out, or the script has said why not
    Done,
    /// nobody will know whether it was
    Lost,
}

impl ToolStep {
    pub fn name(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Sent => "sent",
            Self::Done => "done",
            Self::Lost => "lost",
        }
    }
}

/// What is provided to a call from outside of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Provider {
    Recogniser,
    Model,
    Voice,
}

impl Provider {
    /// Its name in the contract.
    pub fn name(self) -> &'static str {
        match self {
            Self::Recogniser => "stt",
            Self::Model => "llm",
            Self::Voice => "tts",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    pub departure: Departure,
    /// the caller's turns
    pub turns: u32,
    pub duration: Moment,
}

/// What the rings say to each other and to the driver.
#[derive(Default)]
pub(crate) struct Outbox {
    pub(crate) outputs: VecDeque<Output>,
    pub(crate) commands: VecDeque<line::Command>,
    pub(crate) events: VecDeque<line::Event>,
}

impl Outbox {
    pub(crate) fn push(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    pub(crate) fn persona(&mut self, event: persona::Event) {
        self.push(Output::Persona(event));
    }

    pub(crate) fn observe(&mut self, observation: Observation) {
        self.push(Output::Observed(observation));
    }

    /// Something failed, and somebody else goes on in its place.
    pub(crate) fn failed_over(&mut self, provider: Provider, what: impl Into<String>) {
        self.trouble(what);
        self.observe(Observation::FailedOver(provider));
    }

    pub(crate) fn trouble(&mut self, what: impl Into<String>) {
        self.observe(Observation::Trouble(what.into()));
    }

    /// From the conversation to the line.
    pub(crate) fn line(&mut self, command: line::Command) {
        self.commands.push_back(command);
    }

    /// From the line to the conversation.
    pub(crate) fn conversation(&mut self, event: line::Event) {
        self.events.push_back(event);
    }
}
