//! The kept conversation: what the model is told was said.
//!
//! It holds what the caller said and what the caller *heard*, nothing else. What is being spoken
//! counts as heard until the line reports otherwise. A tool call and its result stay whatever
//! happens to the reply that called for it, because the tool has run.

use super::QuestionNo;
use crate::chat::{Message, Reply, ToolCall, ToolResult};
use crate::line::{Heard, UtteranceId};
use crate::llm::ReplyId;

/// What the model is told of a tool that has not answered yet.
const STILL_RUNNING: &str = r#"{"status":"still running"}"#;

#[derive(Default)]
pub(super) struct Context {
    entries: Vec<Entry>,
}

enum Entry {
    Caller {
        turn: u32,
        text: String,
    },
    /// What one reply (none: the script itself) contributes to an utterance.
    Agent {
        utterance: UtteranceId,
        reply: Option<ReplyId>,
        text: String,
    },
    /// An answer that is not spoken: seen only by its own question, while that is open.
    Unspoken {
        question: QuestionNo,
        text: String,
    },
    Calls {
        question: QuestionNo,
        reply: ReplyId,
        calls: Vec<(ToolCall, Option<String>)>,
    },
    Note(String),
}

impl Context {
    /// The caller's turn; a later revision of it replaces the text where it stands.
    pub(super) fn caller(&mut self, number: u32, text: &str) {
        for entry in &mut self.entries {
            if let Entry::Caller { turn, text: earlier } = entry
                && *turn == number
            {
                *earlier = text.to_owned();
                return;
            }
        }
        self.entries.push(Entry::Caller { turn: number, text: text.to_owned() });
    }

    /// More text of an utterance, in the order in which it is spoken.
    pub(super) fn agent(&mut self, utterance: UtteranceId, reply: Option<ReplyId>, more: &str) {
        // what is already known of later utterances stays behind it
        let later = |e: &&Entry| matches!(e, Entry::Agent { utterance: later, .. } if *later > utterance);
        let at = self.entries.len() - self.entries.iter().rev().take_while(later).count();
        let before = at.checked_sub(1).and_then(|before| self.entries.get_mut(before));
        if let Some(Entry::Agent { utterance: last, reply: by, text }) = before
            && (*last, *by) == (utterance, reply)
        {
            text.push_str(more);
        } else {
            self.entries.insert(at, Entry::Agent { utterance, reply, text: more.to_owned() });
        }
    }

    /// More text of an answer that nobody hears. `apart`: it does not run into what was said before.
    pub(super) fn unspoken(&mut self, question: QuestionNo, apart: bool, more: &str) {
        if let Some(Entry::Unspoken { question: last, text }) = self.entries.last_mut()
            && *last == question
        {
            if apart && !text.ends_with(char::is_whitespace) {
                text.push(' ');
            }
            text.push_str(more);
        } else {
            self.entries.push(Entry::Unspoken { question, text: more.to_owned() });
        }
    }

    /// Forgets what was said of such an answer since the last tool was called for.
    pub(super) fn begin_anew(&mut self, asked: QuestionNo) {
        let called = |e: &Entry| matches!(e, Entry::Calls { question, .. } if *question == asked);
        let since = self.entries.iter().rposition(called).map_or(0, |at| at + 1);
        let later = self.entries.split_off(since);
        let is_kept = |e: &Entry| !matches!(e, Entry::Unspoken { question, .. } if *question == asked);
        self.entries.extend(later.into_iter().filter(is_kept));
    }

    pub(super) fn called(&mut self, question: QuestionNo, reply: ReplyId, call: ToolCall) {
        if let Some(Entry::Calls { reply: last, calls, .. }) = self.entries.last_mut()
            && *last == reply
        {
            calls.push((call, None));
        } else {
            self.entries.push(Entry::Calls { question, reply, calls: vec![(call, None)] });
        }
    }

    /// A call that has run is called for again: it is told its result again, if it has one.
    pub(super) fn called_again(&mut self, question: QuestionNo, reply: ReplyId, id: &str, again_as: String) {
        let calls = self.entries.iter().filter_map(|entry| match entry {
            Entry::Calls { reply: of, calls, .. } if *of != reply => Some(calls),
            _ => None,
        });
        let again = calls.flatten().find(|(call, _)| call.id == id).cloned();
        if let Some((call, Some(result))) = again {
            self.called(question, reply, ToolCall { id: again_as.clone(), ..call });
            self.result(&again_as, result);
        }
    }

    /// The result of a call, once. The question it belongs to; none: there is no such call, or it
    /// was answered before.
    pub(super) fn result(&mut self, id: &str, content: String) -> Option<QuestionNo> {
        for entry in &mut self.entries {
            if let Entry::Calls { question, calls, .. } = entry
                && let Some((_, result @ None)) = calls.iter_mut().find(|(call, _)| call.id == id)
            {
                *result = Some(content);
                return Some(*question);
            }
        }
        None
    }

    /// Whether every tool that this reply called for has answered.
    pub(super) fn all_answered(&self, by: ReplyId) -> bool {
        self.entries.iter().all(|entry| match entry {
            Entry::Calls { reply, calls, .. } if *reply == by => calls.iter().all(|(_, r)| r.is_some()),
            _ => true,
        })
    }

    pub(super) fn note(&mut self, text: String) {
        self.entries.push(Entry::Note(text));
    }

    /// Keeps of an utterance only what was heard. Where nobody knows, all of it stays: a model
    /// that has forgotten its own question is worse than one that repeats half of it.
    pub(super) fn cut(&mut self, heard_of: UtteranceId, heard: &Heard) {
        let Heard::Prefix(mut left) = *heard else { return };
        self.entries.retain_mut(|entry| match entry {
            Entry::Agent { utterance, text, .. } if *utterance == heard_of => {
                let kept = text.floor_char_boundary(left);
                left -= kept;
                text.truncate(kept);
                !text.trim().is_empty()
            }
            _ => true,
        });
    }

    /// Forgets what only this question could see.
    pub(super) fn close(&mut self, closed: QuestionNo) {
        self.entries
            .retain(|entry| !matches!(entry, Entry::Unspoken { question, .. } if *question == closed));
    }

    /// The messages for a model that works on `question`: the whole conversation, or in place of
    /// it what the script gave, and then what the question itself has led to.
    pub(super) fn messages(&self, asked: QuestionNo, own: Option<&[Message]>) -> Vec<Message> {
        let mut messages = own.unwrap_or_default().to_vec();
        // the reply whose text ends `messages`, so that its calls join it
        let mut spoken_by = None;
        for entry in &self.entries {
            let of_question = match entry {
                Entry::Unspoken { question, .. } if *question != asked => continue,
                Entry::Unspoken { .. } => true,
                Entry::Calls { question, .. } => *question == asked,
                _ => false,
            };
            if own.is_some() && !of_question {
                continue;
            }
            match entry {
                Entry::Caller { text, .. } => messages.push(Message::Caller(text.clone())),
                Entry::Note(text) => messages.push(Message::System(text.clone())),
                Entry::Unspoken { text, .. } if text.trim().is_empty() => continue,
                Entry::Unspoken { text, .. } => {
                    messages.push(Message::Assistant(Reply { text: text.clone(), calls: Vec::new() }));
                }
                Entry::Agent { text, .. } if text.trim().is_empty() => continue,
                Entry::Agent { reply, text, .. } => {
                    append_spoken(&mut messages, text.trim());
                    spoken_by = *reply;
                    continue;
                }
                Entry::Calls { reply, calls, .. } => {
                    let all = || calls.iter().map(|(call, _)| call.clone()).collect();
                    match messages.last_mut() {
                        Some(Message::Assistant(last)) if spoken_by == Some(*reply) => last.calls = all(),
                        _ => messages.push(Message::Assistant(Reply { text: String::new(), calls: all() })),
                    }
                    messages.extend(calls.iter().map(|(call, result)| {
                        let content = result.clone().unwrap_or_else(|| STILL_RUNNING.to_owned());
                        Message::Tool(ToolResult { id: call.id.clone(), content })
                    }));
                }
            }
            spoken_by = None;
        }
        messages
    }
}

/// Adds to the assistant's message if that is the last, so that one talk is one message.
fn append_spoken(messages: &mut Vec<Message>, text: &str) {
    match messages.last_mut() {
        Some(Message::Assistant(last)) if last.calls.is_empty() => {
            if !last.text.is_empty() {
                last.text.push(' ');
            }
            last.text.push_str(text);
        }
        _ => messages.push(Message::Assistant(Reply { text: text.to_owned(), calls: Vec::new() })),
    }
}
