//! Between a call and its conversation: the stream that it is held over, and what is wanted of it.

use super::{Known, Order, Stage};
use crate::access::PublicAddress;
use crate::calls::lines::{Asked, CallLine};
use crate::registry::{What, departure_name};
use audio::dtmf::Press;
use call::persona::{Answerer, Departure};
use jiff::Timestamp;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};
use twilio::status::Status;
use twilio::webhook::Gathered;

/// What can wait for a conversation: more than a person can ask for.
const WAITING: usize = 64;
/// A line that is lost more often than this does not come back.
const MOST_RETURNS: u32 = 3;
/// … within so long.
const GOOD_AGAIN: Duration = Duration::from_secs(120);

/// What somebody outside wants of a conversation, or has to tell it.
pub enum Control {
    /// stop what is being spoken
    Interrupt,
    Say(String),
    Digits(Vec<Press>),
    /// tell the persona
    Operator(String),
    HangUp,
    AnsweredBy(Answerer),
    /// put the caller through; the answer tells whether it goes
    Transfer(Order, oneshot::Sender<Result<(), String>>),
    /// of a transfer: whoever was called is there, or is not; the answer tells whether they are needed
    Reached {
        transfer: Option<String>,
        outcome: Result<(), String>,
        needed: Option<oneshot::Sender<bool>>,
    },
    /// the line is back: another socket of the same call
    Back(Box<CallLine>),
    /// on a line of webhooks: Twilio asks what to do
    Asked(Box<Asked>),
    /// and tells what the caller is saying, while this request is expected
    Partly(u32, Gathered),
    /// Twilio says that the call is over
    Gone,
}

/// Why nothing can be wanted of a conversation.
pub enum NotLive {
    /// nobody has picked up, or the stream has not come
    NotYet,
    /// and why, and since when
    Over(String, Timestamp),
}

/// What a socket is to a call.
pub enum Attached {
    /// its first: what is wanted of the conversation comes out of this
    First(mpsc::Receiver<Control>),
    /// it comes in place of one that was lost; tell the conversation
    Again(mpsc::Sender<Control>),
}

impl Known {
    /// It was answered with a stream; `continues`: something of ours follows on it.
    pub fn announce(&self, continues: bool, address: PublicAddress) {
        let mut facts = self.facts();
        facts.address = Some(address);
        facts.continues = continues;
        if !matches!(facts.stage, Stage::Live(_)) {
            facts.revive();
            facts.stage = Stage::Announced(Instant::now());
        }
        drop(facts);
        self.changed();
    }

    /// A stream of ours is about to come.
    pub fn expect_stream(&self) {
        self.facts().stage = Stage::Announced(Instant::now());
        self.changed();
    }

    /// A stream of ours that has not come by now does not come any more.
    pub fn stop_expecting(&self) {
        let mut facts = self.facts();
        if matches!(facts.stage, Stage::Announced(_)) && facts.progress.take(&Status::Failed, None) {
            self.moved(facts);
        }
    }

    /// The line of a call that is not held over a socket: what is wanted of its conversation comes out of
    /// this. None: it has one already, or is over.
    pub fn begin(&self) -> Option<mpsc::Receiver<Control>> {
        if self.is_live() {
            return None;
        }
        match self.attach() {
            Ok(Attached::First(controls)) => Some(controls),
            Ok(Attached::Again(_)) | Err(_) => None,
        }
    }

    /// A socket is there. An error: why it is not taken.
    pub fn attach(&self) -> Result<Attached, &'static str> {
        let mut facts = self.facts();
        if facts.lost && !facts.anew {
            facts.anew = true;
            facts.revive();
        }
        match &facts.stage {
            Stage::Live(conversation) => {
                let conversation = conversation.clone();
                match std::mem::take(&mut facts.returning) {
                    true => Ok(Attached::Again(conversation)),
                    false => Err("this call has a stream already; there is one for each call"),
                }
            }
            Stage::Over => Err("this call is over"),
            Stage::Told | Stage::Announced(_) => {
                let (sender, receiver) = mpsc::channel(WAITING);
                facts.stage = Stage::Live(sender);
                facts.attached = Some(Timestamp::now());
                facts.progress.take(&Status::InProgress, None);
                drop(facts);
                self.changed();
                self.publish(What::Line { state: "attached" });
                Ok(Attached::First(receiver))
            }
        }
    }

    /// Whether a line that is lost may come back: Twilio asks us what comes after the stream.
    pub fn may_return(&self) -> bool {
        let facts = self.facts();
        // Twilio may have asked, and have been answered, before we see that the socket is gone
        (facts.continues || facts.console.is_some()) && (facts.returning || facts.returns < MOST_RETURNS)
    }

    /// The line comes back: another socket is about to be opened for it. Whether it may.
    pub fn announce_return(&self) -> bool {
        let mut facts = self.facts();
        // one that has held for a while was no bad line
        if facts.returned.is_some_and(|returned| returned.elapsed() > GOOD_AGAIN) {
            facts.returns = 0;
        }
        // announced twice before it came, it comes once
        if facts.returning {
            return true;
        }
        if facts.returns >= MOST_RETURNS {
            return false;
        }
        facts.returns += 1;
        facts.returning = true;
        facts.returned = Some(Instant::now());
        true
    }

    /// Another socket is about to be opened.
    pub fn is_returning(&self) -> bool {
        self.facts().returning
    }

    /// It was answered with a stream that has not come.
    pub fn is_announced(&self) -> bool {
        matches!(self.facts().stage, Stage::Announced(_))
    }

    /// The conversation is over.
    pub fn ended(&self, departure: Departure) {
        let mut facts = self.facts();
        facts.end(Some(departure));
        drop(facts);
        self.changed();
        self.publish(What::End { departure: departure_name(departure).to_owned() });
    }

    /// Its conversation was cut off: nobody has said anything about it.
    pub fn set_cut(&self) {
        self.facts().cut = true;
        self.changed();
    }

    pub fn was_cut(&self) -> bool {
        self.facts().cut
    }

    /// Twilio has asked what follows.
    pub fn set_asked(&self) {
        self.facts().asked = true;
    }

    /// Its conversation has ended just now, and Twilio is about to ask what follows.
    pub(in crate::registry) fn awaits_question(&self, within: Duration) -> bool {
        let facts = self.facts();
        let since = facts.over.map(|over| Timestamp::now().duration_since(over));
        let recently = since.is_some_and(|since| Duration::try_from(since).is_ok_and(|since| since < within));
        facts.continues && facts.attached.is_some() && !facts.asked && recently && !facts.progress.is_over()
    }

    /// Something of ours follows on the stream.
    pub fn continues(&self) -> bool {
        self.facts().continues
    }

    /// Gives this to the conversation, if there is one.
    pub async fn control(&self, control: Control) -> Result<(), NotLive> {
        let conversation = self.facts().control().cloned();
        let sent = match conversation {
            Some(conversation) => conversation.send(control).await.is_ok(),
            None => false,
        };
        if sent { Ok(()) } else { Err(self.not_live()) }
    }

    /// The same, for those who cannot wait. Where much else waits, it is forgotten.
    pub fn control_now(&self, control: Control) {
        if let Some(conversation) = self.facts().control() {
            let _ = conversation.try_send(control);
        }
    }

    fn not_live(&self) -> NotLive {
        let facts = self.facts();
        match facts.over {
            Some(since) => NotLive::Over(facts.how_it_ended(), since),
            None => NotLive::NotYet,
        }
    }
}

/// Marks the conversation as over also where its task breaks.
pub struct Live(pub Arc<Known>);

impl Drop for Live {
    fn drop(&mut self) {
        if self.0.is_live() {
            self.0.ended(Departure::Failed);
        }
    }
}
