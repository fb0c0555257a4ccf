//! Questions to the model, and the tools it calls.
//!
//! One question may take several replies: the model calls for tools, the script runs them, and the
//! model goes on with their results. One reply may take several attempts (`failing.rs`). Every call is told to the script once, whatever the caller
//! does meanwhile; a result that comes after its question was cut short still enters the kept
//! conversation (DESIGN, rule 9).

use super::failing::{Attempts, GO_ON};
use super::joining::{Given, Joining};
use super::speeches::Owner;
use super::{Conversation, QuestionNo};
use crate::Moment;
use crate::chat::{Message, Reply, ToolCall, ToolResult};
use crate::io::{Outbox, Output};
use crate::line::{Command, UtteranceId};
use crate::llm::{self, Effect, Prompt, ReplyId};
use crate::persona::{self, Context, Ending, Event, Id, Report};

/// Ten minutes of speech: nobody listens to that, and a model that writes it does not end.
const LONGEST_ANSWER: usize = 8_192;

pub(super) struct Question {
    pub(super) spec: persona::Question,
    /// none: the answer is not spoken
    pub(super) utterance: Option<UtteranceId>,
    pub(super) turn: (u32, u32),
    /// the reply it was asked for last
    pub(super) reply: ReplyId,
    /// the first attempt at that reply: the name of all of them in the kept conversation
    round: ReplyId,
    pub(super) replying: bool,
    /// the last reply called for tools
    pub(super) called: bool,
    pub(super) rounds: u32,
    pub(super) attempts: Attempts,
    pub(super) answer: String,
    /// the reply that is being given
    pub(super) incoming: Joining,
    /// until when the model has to say something, or something more
    pub(super) output_due: Option<Moment>,
    /// it has said something
    pub(super) begun: bool,
    pub(super) due: Moment,
    pub(super) filler_due: Option<Moment>,
    filled: bool,
}

impl Question {
    /// What was given of the reply, by whatever model.
    pub(super) fn to_go_on_with(&self) -> &str {
        self.answer.get(self.attempts.from..).unwrap_or_default().trim()
    }
}

impl Conversation {
    pub(super) fn ask(&mut self, now: Moment, spec: persona::Question, out: &mut Outbox) {
        self.last_question += 1;
        let no = QuestionNo(self.last_question);
        let utterance = spec.aloud.clone().map(|manner| self.begin_speech(Owner::Question(no), manner, out));
        self.turns.reply_begun();
        let question = Question {
            spec,
            utterance,
            turn: self.turns.current(),
            reply: ReplyId(0),
            round: ReplyId(0),
            replying: false,
            called: false,
            rounds: 0,
            attempts: Attempts::default(),
            answer: String::new(),
            incoming: Joining::default(),
            output_due: None,
            begun: false,
            due: now + self.settings.turn,
            filler_due: None,
            filled: false,
        };
        self.questions.insert(no, question);
        self.next_reply(now, no, out);
    }

    fn next_reply(&mut self, now: Moment, no: QuestionNo, out: &mut Outbox) {
        let Some(question) = self.questions.get_mut(&no) else { return };
        question.round = ReplyId(self.last_reply + 1);
        question.attempts.made = 0;
        self.generate(now, no, out);
    }

    /// Asks a model for the reply, or for what is missing of it.
    pub(super) fn generate(&mut self, now: Moment, no: QuestionNo, out: &mut Outbox) {
        let Some(question) = self.questions.get_mut(&no) else { return };
        self.last_reply += 1;
        question.reply = ReplyId(self.last_reply);
        question.replying = true;
        question.called = false;
        question.attempts.made += 1;
        question.filler_due = None;
        question.begun = false;
        question.output_due = Some(now + self.settings.first_output);
        // of a silent answer nobody misses a part of a word
        let whole_words = self.settings.models > 1 || question.utterance.is_none();
        let given = question.to_go_on_with().to_owned();
        question.incoming =
            if given.is_empty() { Joining::new(whole_words) } else { Joining::after(&given, whole_words) };
        let spec = &question.spec;
        let own = match &spec.context {
            Context::Conversation => None,
            Context::Messages(messages) => Some(messages.as_slice()),
        };
        let mut messages = vec![Message::System(spec.instructions.clone())];
        messages.extend(self.context.messages(no, own));
        if !given.is_empty() {
            // what is spoken stands in the conversation alone
            if own.is_some() && question.utterance.is_some() {
                messages.push(Message::Assistant(Reply { text: given, calls: Vec::new() }));
            }
            messages.push(Message::System(GO_ON.to_owned()));
        }
        let prompt = Prompt {
            messages,
            tools: spec.tools.clone(),
            tool_choice: spec.tool_choice,
            max_tokens: spec.max_tokens,
            temperature: spec.temperature,
            schema: spec.schema.clone(),
        };
        out.push(Output::Model { reply: question.reply, event: llm::Event::Generate(prompt) });
    }

    /// What the model said.
    pub(crate) fn model(&mut self, now: Moment, reply: ReplyId, effects: Vec<Effect>, out: &mut Outbox) {
        self.now = now;
        for effect in effects {
            // looked up anew: an effect may end its question
            let Some((no, question)) =
                self.questions.iter_mut().find(|(_, q)| q.replying && q.reply == reply)
            else {
                return;
            };
            let no = *no;
            if matches!(effect, Effect::Delta(_) | Effect::ToolCall(_)) {
                let is_more = !matches!(&effect, Effect::Delta(text) if text.is_empty());
                if is_more || !question.begun {
                    question.output_due = Some(now + self.settings.stall);
                }
                question.begun = true;
                if let Some(times) = &mut self.times
                    && question.turn == (times.number, times.revision)
                {
                    times.first_token.get_or_insert(now);
                }
            }
            match effect {
                Effect::Delta(text) => {
                    if let Some(given) = question.incoming.push(&text) {
                        self.give(no, &given, out);
                    }
                }
                Effect::ToolCall(call) => {
                    self.give_rest(no, out);
                    self.tool_called(now, no, call, out);
                }
                Effect::Usage(_) => {}
                Effect::Finished(_) => {
                    question.replying = false;
                    question.output_due = None;
                    self.give_rest(no, out);
                    self.finished(now, no, out);
                }
                Effect::Failed(failure) => {
                    question.replying = false;
                    let why = format!("the model failed: {failure}");
                    self.reply_failed(now, no, &why, failure.is_passing(), out);
                }
            }
        }
    }

    /// The reply is whole.
    fn finished(&mut self, now: Moment, no: QuestionNo, out: &mut Outbox) {
        let is_empty = self.is_empty_reply(no);
        let Some(question) = self.questions.get_mut(&no).filter(|q| q.due < Moment::NEVER) else { return };
        self.journal.settled(no);
        if question.called {
            question.attempts.from = question.answer.len();
            if let Some(utterance) = question.utterance {
                out.line(Command::Pause { utterance });
            }
            self.go_on_with_results(now, no, out);
        } else if is_empty {
            self.reply_failed(now, no, "the model gave an empty answer", true, out);
        } else {
            self.complete_question(no, out);
        }
    }

    /// What was held of the reply is all there is.
    fn give_rest(&mut self, no: QuestionNo, out: &mut Outbox) {
        if let Some(rest) = self.questions.get_mut(&no).and_then(|question| question.incoming.rest()) {
            self.give(no, &rest, out);
        }
    }

    /// More of the answer.
    pub(super) fn give(&mut self, no: QuestionNo, more: &Given, out: &mut Outbox) {
        let Given { text, apart } = more;
        let Some(question) = self.questions.get_mut(&no) else { return };
        if *apart && !question.answer.is_empty() && !question.answer.ends_with(char::is_whitespace) {
            question.answer.push(' ');
        }
        question.answer.push_str(text);
        let (utterance, round) = (question.utterance, question.round);
        if question.answer.len() > LONGEST_ANSWER && question.due < Moment::NEVER {
            self.fail_question(no, &format!("the model's answer is longer than {LONGEST_ANSWER} bytes"), out);
            // the rest of it is not worth hearing
            if let Some(utterance) = utterance {
                out.line(Command::Stop { utterance });
            }
            return;
        }
        match utterance {
            Some(utterance) => self.speak(utterance, Some(round), *apart, text, out),
            None => self.context.unspoken(no, *apart, text),
        }
    }

    fn tool_called(&mut self, now: Moment, no: QuestionNo, call: ToolCall, out: &mut Outbox) {
        let Some(question) = self.questions.get_mut(&no).filter(|q| q.replying) else { return };
        question.called = true;
        if question.utterance.is_some() && !question.filled && self.settings.filler.is_some() {
            question.filler_due.get_or_insert(now + self.settings.filler_after);
        }
        // what comes behind a call is all that is missing to a reply that breaks off
        question.attempts.from = question.answer.len();
        let (id, turn, round) = (question.spec.id, question.turn.0, question.round);
        match self.journal_call(no, turn, call, out) {
            Ok(call) => {
                self.context.called(no, round, call.clone());
                self.tell(Event::ToolCall { question: id, call }, out);
            }
            // a model that was not told the result again would call for ever
            Err(repeated) => {
                let again_as = self.next_call_id();
                self.context.called_again(no, round, &repeated, again_as);
            }
        }
    }

    pub(super) fn tool_result(&mut self, now: Moment, result: ToolResult, out: &mut Outbox) {
        match self.context.result(&result.id, result.content) {
            Some(no) => {
                self.tool_is_done(&result.id, out);
                self.go_on_with_results(now, no, out);
            }
            None => out.trouble(format!(
                "the script answered the tool call {:?}, which nobody made or which was answered before",
                result.id
            )),
        }
    }

    /// Lets the model go on, once its reply is whole and every tool has answered.
    pub(super) fn go_on_with_results(&mut self, now: Moment, no: QuestionNo, out: &mut Outbox) {
        let Some(question) = self.questions.get_mut(&no) else { return };
        if question.replying || !question.called || !self.context.all_answered(question.round) {
            return;
        }
        question.rounds += 1;
        if question.rounds > self.settings.tool_rounds {
            let reason = format!("the model called for tools {} times in one question", question.rounds);
            self.fail_question(no, &reason, out);
        } else {
            self.next_reply(now, no, out);
        }
    }

    /// Covers a tool that takes long.
    pub(super) fn fill(&mut self, no: QuestionNo, out: &mut Outbox) {
        let Some(question) = self.questions.get_mut(&no) else { return };
        question.filler_due = None;
        question.filled = true;
        if let (Some(utterance), Some(filler)) = (question.utterance, &self.settings.filler) {
            let text = format!("{filler} ");
            self.speak(utterance, None, true, &text, out);
            out.line(Command::Pause { utterance });
        }
    }

    /// The model has said all. What is spoken is reported by the line.
    fn complete_question(&mut self, no: QuestionNo, out: &mut Outbox) {
        let Some(question) = self.questions.get_mut(&no) else { return };
        // how long it is spoken is the line's business
        question.due = Moment::NEVER;
        match question.utterance {
            Some(utterance) => out.line(Command::Finish { utterance }),
            None => self.close_silent(no, Ending::Complete, out),
        }
    }

    pub(super) fn cancel_question(&mut self, id: Id, out: &mut Outbox) {
        let Some((no, question)) = self.questions.iter().find(|(_, q)| q.spec.id == id) else { return };
        let no = *no;
        match question.utterance {
            Some(utterance) => {
                if let Some(speech) = self.speech(utterance) {
                    speech.ending = Some(Ending::Cancelled);
                }
                out.line(Command::Stop { utterance });
            }
            None => self.close_silent(no, Ending::Cancelled, out),
        }
    }

    /// Of those that are spoken the line reports.
    pub(super) fn close_all_silent(&mut self, ending: Ending, out: &mut Outbox) {
        let silent: Vec<QuestionNo> =
            self.questions.iter().filter(|(_, q)| q.utterance.is_none()).map(|(no, _)| *no).collect();
        for no in silent {
            self.close_silent(no, ending, out);
        }
    }

    pub(super) fn close_silent(&mut self, no: QuestionNo, ending: Ending, out: &mut Outbox) {
        if let Some(question) = self.questions.remove(&no) {
            self.answered(no, question, ending, String::new(), out);
            if self.speeches.is_empty() && self.questions.is_empty() {
                self.turns.reply_over();
            }
        }
    }

    /// The last word on a question that was just taken out of the open ones.
    pub(super) fn answered(
        &mut self,
        no: QuestionNo,
        question: Question,
        ending: Ending,
        heard: String,
        out: &mut Outbox,
    ) {
        if question.replying {
            out.push(Output::Model { reply: question.reply, event: llm::Event::Cancel });
        }
        self.context.close(no);
        self.tell(Event::Done(Report { id: question.spec.id, ending, heard, answer: question.answer }), out);
    }
}
