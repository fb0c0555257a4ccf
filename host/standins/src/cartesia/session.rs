//! One accepted connection: requests in, the audio of many contexts out, until one side closes.
//!
//! Messages go out in order, those of one context between those of others. Texts are made into
//! speech one after the other, far faster than it sounds.

use super::context::{Context, State};
use super::messages::Messages;
use super::request::{Generation, Problem, Request};
use super::{Shared, Spoken};
use crate::fault::{Condition, FLOOD_OF_AUDIO, Fault};
use crate::spelling::spelt;
use crate::wire::{self, Close, NORMAL, Outbox};
use axum::extract::ws::{Message, WebSocket};
use futures_util::StreamExt;
use futures_util::stream::SplitStream;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::time::{Instant, timeout_at};

pub(super) async fn serve(
    socket: WebSocket,
    messages: Messages,
    shared: &Shared,
    number: usize,
    condition: Condition,
) {
    let error = vec![Message::text(messages.error(None, &super::refused(500)).to_string())];
    let (mut client, outbox, carrying) = wire::open(socket, condition, error);
    let talking = async {
        let contexts = HashMap::new();
        let session = Session { shared, messages, number, outbox: outbox.clone(), contexts };
        let close = session.run(&mut client).await;
        outbox.finish(&mut client, close).await
    };
    wire::both(talking, carrying).await;
}

struct Session<'a> {
    shared: &'a Shared,
    messages: Messages,
    /// Of the connection.
    number: usize,
    outbox: Outbox,
    /// All that there ever were.
    contexts: HashMap<String, Context>,
}

impl Session<'_> {
    /// How the server closes the connection; None if the client went first.
    async fn run(mut self, client: &mut SplitStream<WebSocket>) -> Option<Close> {
        let mut idle = Instant::now() + self.shared.config.idle_limit;
        if self.outbox.fault() == Some(Fault::Garbage) {
            self.outbox.garbage();
        }
        loop {
            let due = self.contexts.values().filter_map(Context::due).min();
            match timeout_at(due.unwrap_or(idle).min(idle), client.next()).await {
                Err(_) if Instant::now() >= idle => {
                    return Some(Close { code: NORMAL, reason: "idle for too long".into() });
                }
                Err(_) => {
                    self.speak_what_is_due().await;
                    continue;
                }
                Ok(None | Some(Err(_)) | Some(Ok(Message::Close(_)))) => break,
                Ok(Some(Ok(Message::Text(text)))) => self.request(&text).await,
                Ok(Some(Ok(Message::Binary(_)))) => {
                    self.reject(None, &Problem::invalid("a message must be text, not bytes"));
                }
                Ok(Some(Ok(_))) => continue,
            }
            idle = Instant::now() + self.shared.config.idle_limit;
        }
        self.hold_open_contexts_against_the_client();
        None
    }

    async fn request(&mut self, text: &str) {
        match Request::parse(text) {
            Ok(Request::Generate(generation)) => self.generate(*generation).await,
            Ok(Request::Cancel(context)) => self.cancel(&context),
            Err((context, problem)) => self.reject(context.as_deref(), &problem),
        }
    }

    async fn generate(&mut self, request: Generation) {
        let id = request.context.clone();
        for field in &request.unknown {
            let text = format!("context `{id}`: the field `{field}` does not exist and has no effect");
            self.shared.kept.violation(text);
        }
        if !self.contexts.contains_key(&id) {
            let status = match self.outbox.fault() {
                Some(Fault::Refuse { status, .. }) => Some(status),
                Some(Fault::Error) => Some(500),
                _ => None,
            };
            if let Some(status) = status {
                return self.fail(Some(&id), &super::refused(status));
            }
        }
        if let Err(problem) = self.admit(&request) {
            return self.reject(Some(&id), &problem);
        }
        let now = Instant::now();
        let Some(context) = self.contexts.get_mut(&id) else { return };
        let number = context.number;
        self.shared.kept.note(|seen| {
            if let Some(spoken) = seen.contexts.get_mut(number) {
                spoken.text.push_str(&request.transcript);
                spoken.requests += 1;
                spoken.ended |= !request.continues;
            }
        });
        let sentences = context.add(&request.transcript, now);
        let rest = if request.continues && !request.flush { None } else { context.take() };
        if !request.continues {
            context.state = State::Ended;
        }
        // what is spoken at once is one piece
        let text = [sentences, rest].into_iter().flatten().reduce(|all, more| all + &more);
        if let Some(text) = text {
            self.speak(&id, &text).await;
        }
        if request.flush {
            self.flushed(&id);
        }
        if !request.continues {
            self.outbox.send(Instant::now(), &Messages::done(&id));
        }
    }

    /// Finds the context of a request, or begins it.
    fn admit(&mut self, request: &Generation) -> Result<(), Problem> {
        let is_empty = request.transcript.is_empty();
        if let Some(context) = self.contexts.get(&request.context) {
            if let Some(why) = context.closed(Instant::now(), self.shared.config.context_lifetime) {
                return Err(Problem {
                    title: "Context has closed",
                    code: "context_closed",
                    ..Problem::invalid(format!("context `{}` takes no more text: {why}", request.context))
                });
            }
            if let Some(field) = context.terms.changed(&request.terms) {
                return Err(Problem::invalid(format!("`{field}` must stay the same within a context")));
            }
            if is_empty && request.continues && !request.flush {
                return Err(Problem::invalid("an empty `transcript` can only end a context"));
            }
            return Ok(());
        }
        if is_empty {
            return Err(Problem::invalid("a context cannot begin with an empty `transcript`"));
        }
        let mut number = 0;
        self.shared.kept.note(|seen| {
            number = seen.contexts.len();
            seen.contexts.push(Spoken {
                connection: self.number,
                id: request.context.clone(),
                terms: request.terms.fields.clone(),
                ..Spoken::default()
            });
        });
        self.contexts.insert(request.context.clone(), Context::new(number, request.terms.clone()));
        Ok(())
    }

    async fn speak_what_is_due(&mut self) {
        let now = Instant::now();
        let due = self.contexts.iter().filter(|(_, context)| context.due().is_some_and(|due| due <= now));
        let due: Vec<String> = due.map(|(id, _)| id.clone()).collect();
        for id in due {
            if let Some(text) = self.contexts.get_mut(&id).and_then(Context::take) {
                self.speak(&id, &text).await;
            }
        }
    }

    async fn speak(&mut self, id: &str, text: &str) {
        let Some(context) = self.contexts.get_mut(id) else { return };
        let (fault, format) = (self.outbox.fault(), context.terms.format);
        if fault == Some(Fault::Nothing) {
            return;
        }
        let config = &self.shared.config;
        let due = Instant::now() + config.first_audio_delay;
        let speech = match config.spells {
            true => Arc::new(spelt(text, format)),
            false => self.shared.voice.say(text.trim(), format).await,
        };
        let length = format.bytes_in(config.chunk).max(1);
        let chunks: Vec<&[u8]> = speech.audio.chunks(length).collect();
        let is_first = context.pieces == 0;
        let sent = match fault {
            Some(Fault::CloseMidWord | Fault::MidWord(_)) => chunks.len().div_ceil(2),
            Some(Fault::Flood) if is_first => format.bytes_in(FLOOD_OF_AUDIO).div_ceil(length),
            _ => chunks.len(),
        };
        let mut bytes = 0;
        for (n, chunk) in chunks.iter().cycle().take(sent).enumerate() {
            let message = Messages::chunk(id, chunk, context.flush);
            let goes = self.outbox.send_unless(&context.withdrawn, due, &message);
            context.last_audio = Some(goes);
            bytes += chunk.len() as u64;
            if n == 0 && context.terms.timestamps {
                let begins = context.spoken.as_secs_f64();
                let message = Messages::timestamps(id, &speech.words, begins, context.flush);
                self.outbox.send_unless(&context.withdrawn, due, &message);
            }
        }
        context.pieces += 1;
        context.spoken += speech.duration;
        let number = context.number;
        self.shared.kept.note(|seen| {
            if let Some(spoken) = seen.contexts.get_mut(number) {
                spoken.audio_bytes += bytes;
            }
        });
        self.outbox.begun(due);
        if fault == Some(Fault::CloseMidWord) {
            self.outbox.break_off(due);
        }
    }

    fn flushed(&mut self, id: &str) {
        if let Some(context) = self.contexts.get_mut(id) {
            let message = Messages::flush_done(id, context.flush);
            self.outbox.send_unless(&context.withdrawn, Instant::now(), &message);
            context.flush += 1;
        }
    }

    /// What is on its way still arrives; a context that is over, or never was, does not mind.
    fn cancel(&mut self, id: &str) {
        if let Some(context) = self.contexts.get_mut(id) {
            context.cancel();
            let number = context.number;
            self.shared.kept.note(|seen| {
                if let Some(spoken) = seen.contexts.get_mut(number) {
                    spoken.cancelled = true;
                }
            });
        }
    }

    /// The client's fault.
    fn reject(&mut self, context: Option<&str>, problem: &Problem) {
        let place = context.map(|id| format!("context `{id}`: ")).unwrap_or_default();
        self.shared.kept.violation(format!("{place}{}", problem.message));
        self.fail(context, problem);
    }

    fn fail(&mut self, id: Option<&str>, problem: &Problem) {
        if let Some(context) = id.and_then(|id| self.contexts.get_mut(id))
            && context.state == State::Open
        {
            context.state = State::Failed;
        }
        self.outbox.send(Instant::now(), &self.messages.error(id, problem));
    }

    fn hold_open_contexts_against_the_client(&self) {
        // a client that gives up on a server with a fault does not have to say goodbye
        if self.outbox.fault().is_some() {
            return;
        }
        let open = self.contexts.iter().filter(|(_, context)| context.state == State::Open);
        for (id, _) in open {
            let text = format!("context `{id}` was neither ended (`continue: false`) nor cancelled");
            self.shared.kept.violation(text);
        }
    }
}
