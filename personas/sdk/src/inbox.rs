//! What happened and has not been taken yet.
//!
//! A script takes what it waits for and leaves the rest. What can only matter at once is forgotten
//! when nobody took it; what belongs to something that nobody waits for any more is dropped.

use crate::contract::{Action, Event};
use crate::machine::is_machine;
use crate::{Level, log};
use std::collections::{BTreeSet, VecDeque};

/// More than this is only reached by a script that does not listen.
const MOST: usize = 64;

#[derive(Default)]
pub(crate) struct Inbox {
    events: VecDeque<Event>,
    /// ids of the script that somebody waits for
    awaited: BTreeSet<u32>,
}

impl Inbox {
    pub(crate) fn push(&mut self, event: Event) {
        match &event {
            // the newest replaces the older
            Event::Partial(_) => self.events.retain(|e| !matches!(e, Event::Partial(_))),
            Event::Turn(turn) => {
                self.events.retain(|e| !matches!(e, Event::Turn(old) if old.number == turn.number));
            }
            // what it said before was no turn
            Event::AnsweredBy(answerer) if is_machine(*answerer) => {
                self.events.retain(|e| !matches!(e, Event::Turn(_)));
            }
            _ => {}
        }
        self.events.push_back(event);
    }

    /// The first event that `take` wants.
    pub(crate) fn take<T>(&mut self, mut take: impl FnMut(&Event) -> Option<T>) -> Option<T> {
        let (at, taken) = self.events.iter().enumerate().find_map(|(at, e)| Some((at, take(e)?)))?;
        self.events.remove(at);
        Some(taken)
    }

    pub(crate) fn await_id(&mut self, id: u32) {
        self.awaited.insert(id);
    }

    /// Nobody waits for it any more. Whether somebody did.
    pub(crate) fn forget_id(&mut self, id: u32) -> bool {
        self.awaited.remove(&id)
    }

    /// After everybody has looked: forgets what can only matter at once.
    pub(crate) fn sweep(&mut self) {
        let awaited = &self.awaited;
        self.events.retain(|event| match event {
            Event::Started | Event::Silence(_) | Event::Speaking | Event::Partial(_) => false,
            Event::AnsweredBy(_) | Event::LineLost | Event::LineBack => false,
            Event::Done(report) => awaited.contains(&report.id),
            Event::Response(response) => awaited.contains(&response.id),
            Event::Recalled(recalled) => awaited.contains(&recalled.id),
            Event::Timer(id) => awaited.contains(id),
            Event::ToolCall(call) => awaited.contains(&call.question),
            _ => true,
        });
        while self.events.len() > MOST {
            self.events.pop_front();
            log(Level::Warn, "the script does not take what happens: the oldest event is dropped");
        }
    }

    /// What has not been taken, as a tail that a restored script has to see again.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = &Event> {
        self.events.iter()
    }
}

/// The kind of an action and its id: what must agree when a script is restored.
pub(crate) fn fingerprint(action: &Action) -> String {
    match action {
        Action::Say(speech) => format!("say {}", speech.id),
        Action::Play(clip) => format!("play {}", clip.id),
        Action::Ask(question) => format!("ask {}", question.id),
        Action::ToolResult(result) => format!("tool-result {}", result.id),
        Action::Cancel(id) => format!("cancel {id}"),
        Action::Listen(_) => "listen".into(),
        Action::Collect(_) => "collect".into(),
        Action::Keep(_) => "keep".into(),
        Action::Outcome(_) => "outcome".into(),
        Action::Note(_) => "note".into(),
        Action::Fetch(fetch) => format!("fetch {}", fetch.id),
        Action::Recall(recall) => format!("recall {}", recall.id),
        Action::Timer(timer) => format!("timer {}", timer.id),
        Action::SendDigits(digits) => format!("send-digits {}", digits.id),
        Action::Transfer(transfer) => format!("transfer {}", transfer.id),
        Action::PauseRecording(_) => "pause-recording".into(),
        Action::Become(_) => "become".into(),
        Action::HangUp => "hang-up".into(),
    }
}
