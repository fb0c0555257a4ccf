//! The model, the servers, and whoever else a persona asks: they answer what the file says.
//!
//! A line answers what is asked between the step before it and the step behind it.

use super::{Happened, Later, Stage, Todo};
use crate::talks::line::{Answer, Line, Outcome, collapsed};
use call::chat::{self, Message, Stop};
use call::llm::{self, Effect, ReplyId};
use call::net::{self, Fault, Fetched, Head};
use call::persona::{Field, Id};
use call::{Cause, Failure, Input};
use components::manifest::Manifest;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long an answer takes: less than what a filler waits for.
const ANSWERS_AFTER: Duration = Duration::from_millis(300);

/// A line that was not used, for whoever wrote it.
pub(super) fn not_asked(answer: &Answer) -> &'static str {
    match answer {
        Answer::ModelSays(_) | Answer::ModelCalls { .. } | Answer::ModelFails => {
            "the model is not asked there: remove the line, or move it behind what the caller says before"
        }
        Answer::Server { .. } | Answer::ServerFails => "no server is asked there: remove the line",
        Answer::Earlier(_) => "nothing is looked up there: remove the line",
        Answer::Transfer(_) => "nobody is put through there: remove the line",
    }
}

impl Stage<'_> {
    /// The next line that answers this, if there is one before the next step.
    fn take(&mut self, is_wanted: impl Fn(&Answer) -> bool) -> Option<(usize, Answer)> {
        let until = self.steps.front().map_or(usize::MAX, |(line, _)| *line);
        let from = self.place.unwrap_or_default();
        let within = |line: &usize| (from..until).contains(line) && !self.used.contains(line);
        let found = self.talk.answers().find(|(line, answer)| within(line) && is_wanted(answer));
        let (line, answer) = found.map(|(line, answer)| (line, answer.clone()))?;
        self.used.insert(line);
        self.played.happened.push(Happened::Line(line));
        Some((line, answer))
    }

    /// Answers a little later.
    fn answer(&mut self, reply: Option<ReplyId>, input: Input) {
        self.open += 1;
        self.scheduled += 1;
        let when = self.now + ANSWERS_AFTER;
        self.agenda.push(Later { when, number: self.scheduled, line: None, reply, todo: Todo::Input(input) });
    }

    fn problem(&mut self, problem: String) {
        self.played.problems.push((self.place.unwrap_or_default(), problem));
    }

    pub(super) fn model(&mut self, reply: ReplyId, event: llm::Event) {
        match event {
            llm::Event::Generate(prompt) => {
                self.replies.insert(reply);
                let effects = self.reply(&prompt);
                self.answer(Some(reply), Input::Model { reply, effects });
            }
            llm::Event::Cancel => {
                self.replies.remove(&reply);
                let before = self.agenda.len();
                self.agenda.retain(|later| later.reply != Some(reply));
                self.open = self.open.saturating_sub(before - self.agenda.len());
            }
        }
    }

    /// One reply: what a line says, and the calls on the lines right behind it.
    fn reply(&mut self, prompt: &llm::Prompt) -> Vec<Effect> {
        let of_model = |answer: &Answer| {
            matches!(answer, Answer::ModelSays(_) | Answer::ModelCalls { .. } | Answer::ModelFails)
        };
        let Some((mut line, answer)) = self.take(of_model) else {
            // a model that has called a tool often has nothing more to say
            if matches!(prompt.messages.last(), Some(Message::Tool(_))) {
                return vec![Effect::Finished(Stop::Complete)];
            }
            self.problem("the model is asked here, and no line says what it answers: add `model: …`".into());
            let failure = Failure::new(Cause::Unsupported, "the talk does not say what the model answers");
            return vec![Effect::Failed(failure)];
        };
        let mut effects = Vec::new();
        let mut calls = 0;
        let mut call = |effects: &mut Vec<Effect>, name: String, arguments: String| {
            calls += 1;
            effects.push(Effect::ToolCall(chat::ToolCall { id: format!("call{calls}"), name, arguments }));
        };
        match answer {
            Answer::ModelSays(text) => effects.push(Effect::Delta(text)),
            Answer::ModelCalls { name, arguments } => call(&mut effects, name, arguments),
            _ => {
                let failure = Failure::new(Cause::Unsupported, "the talk says so");
                return vec![Effect::Failed(failure)];
            }
        }
        while let Some(Line::Answer(Answer::ModelCalls { name, arguments })) =
            self.talk.lines.get(line + 1).map(|written| &written.line)
        {
            line += 1;
            self.used.insert(line);
            self.played.happened.push(Happened::Line(line));
            call(&mut effects, name.clone(), arguments.clone());
        }
        let called = effects.iter().any(|effect| matches!(effect, Effect::ToolCall(_)));
        effects.push(Effect::Finished(if called { Stop::Tools } else { Stop::Complete }));
        effects
    }

    pub(super) fn fetch(&mut self, id: Id, request: &net::Request) {
        self.note(Outcome::Fetches(collapsed(&format!("{} {}", request.method, request.url))));
        let outcome = if is_asked(self.manifest, &self.settings, &request.url) {
            match self.take(|answer| matches!(answer, Answer::Server { .. } | Answer::ServerFails)) {
                Some((_, Answer::Server { status, body })) => {
                    Ok(Fetched { head: Head { status, headers: Vec::new() }, body: body.into_bytes() })
                }
                Some(_) => Err(net::Failure::new(Fault::Unreachable, "the talk says so")),
                None => {
                    let url = &request.url;
                    self.problem(format!(
                        "{url} is asked here, and no line answers: add `server answers 200 …`"
                    ));
                    Err(net::Failure::new(
                        Fault::Unreachable,
                        "the talk does not say what the server answers",
                    ))
                }
            }
        } else {
            let url = &request.url;
            self.problem(format!(
                "no host will let it reach {url}: the manifest does not ask for it. Add [[egress]] with that url"
            ));
            Err(net::Failure::new(Fault::Forbidden, "the manifest does not ask for it"))
        };
        self.answer(None, Input::Response { id, outcome });
    }

    pub(super) fn recall(&mut self, id: Id, field: String, value: &str) {
        let value = serde_json::from_str(value).unwrap_or_default();
        self.note(Outcome::Recalls { field, value });
        let earlier = self.take(|answer| matches!(answer, Answer::Earlier(_)));
        let fields = match earlier {
            Some((_, Answer::Earlier(Some(fields)))) => {
                let field =
                    |(name, value): (String, serde_json::Value)| Field { name, value: value.to_string() };
                Some(fields.into_iter().map(field).collect())
            }
            // nothing was kept, as in most calls
            _ => None,
        };
        self.answer(None, Input::Recalled { id, fields });
    }

    pub(super) fn transfer(&mut self, id: Id, to: String, brief: Option<String>) {
        let brief = brief.map(|brief| collapsed(&brief));
        self.note(Outcome::Transfers { to, brief });
        let answer = self.take(|answer| matches!(answer, Answer::Transfer(_)));
        self.answer(
            None,
            match answer {
                Some((_, Answer::Transfer(Some(why)))) => Input::TransferFailed { id, why },
                _ => Input::Transferred(id),
            },
        );
    }
}

/// Whether the manifest asks to reach this.
fn is_asked(manifest: &Manifest, settings: &BTreeMap<String, String>, url: &str) -> bool {
    manifest.egress.iter().any(|egress| {
        let mut prefix = egress.url.clone();
        for (name, value) in settings {
            prefix = prefix.replace(&format!("{{{name}}}"), value.trim_end_matches('/'));
        }
        let rest = url.strip_prefix(prefix.trim_end_matches('/'));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
    })
}
