//! A conversation with the keyboard: the real engine and a real model over a line of words.
//!
//! The clock of the call stands still while the persona waits for somebody to type. `/silence` lets it go on.

use audio::detect::Energy;
use call::line::UtteranceId;
use call::llm::{self, ReplyId};
use call::persona::{Action, Departure, Event, Utterance};
use call::{Call, Config, Failure, Input, Line, Moment, Observation, Output, text};
use components::{Arrival, Generation, LlmSession, PersonaSession, Scene, Surroundings};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::mpsc;

pub const HELP: &str = "type what the caller says; /key 1 presses keys, /silence waits, /quit hangs up";

/// What is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    Agent(String),
    /// what nobody hears: a tool, something kept, trouble
    Aside(String),
    /// it is the caller's turn to type
    YourTurn,
}

/// Somebody types with this persona; `lines`: what. How it ended; an error: it does not begin.
pub async fn talk(
    persona: &Arc<Generation>,
    model: &Arc<Generation>,
    scene: &Scene,
    mut lines: mpsc::Receiver<String>,
    show: impl FnMut(Shown),
) -> Result<Departure, String> {
    let (sender, mut arrivals) = mpsc::channel(64);
    let began = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let began = u64::try_from(began.as_millis()).unwrap_or_default();
    let surroundings = Surroundings::new("terminal", began, scene.seed, sender);
    let session = persona.open_persona(&surroundings, Moment::START, scene).map_err(|e| e.to_string())?;
    let session = session.map_err(|fault| fault.to_string())?;
    // read at once
    let line = Line::Text(text::Settings { pace: Duration::ZERO, ..text::Settings::default() });
    let config = Config { line, ..Config::default() };
    let mut terminal = Terminal {
        call: Call::new(config, Box::new(Energy::default())),
        persona: Some(session),
        model: model.clone(),
        replies: BTreeMap::new(),
        surroundings,
        ran: Duration::ZERO,
        since: Some(Instant::now()),
        listening: false,
        speaking: Vec::new(),
        open: 0,
        show,
    };
    terminal.give(Input::Attached);
    loop {
        let due = match terminal.drain() {
            Ok(due) => due,
            Err(departure) => return Ok(departure),
        };
        let due = terminal.replies.values().map(LlmSession::next_timeout).fold(due, Moment::min);
        let rests = terminal.rests();
        if rests && terminal.since.is_some() {
            terminal.stop_clock();
            (terminal.show)(Shown::YourTurn);
        }
        let wait = due.since(terminal.now());
        tokio::select! {
            biased;
            Some(arrival) = arrivals.recv() => terminal.arrived(arrival),
            line = lines.recv(), if rests => terminal.typed(line.as_deref(), due),
            () = tokio::time::sleep(wait), if !rests => terminal.timeout(),
        }
    }
}

struct Terminal<S> {
    call: Call,
    persona: Option<PersonaSession>,
    model: Arc<Generation>,
    replies: BTreeMap<ReplyId, LlmSession>,
    surroundings: Surroundings,
    /// how long the clock has run
    ran: Duration,
    /// since when it runs; none: it stands still
    since: Option<Instant>,
    /// the persona waits for the caller
    listening: bool,
    speaking: Vec<UtteranceId>,
    /// requests that were not answered yet
    open: usize,
    show: S,
}

impl<S: FnMut(Shown)> Terminal<S> {
    fn now(&self) -> Moment {
        Moment::since_start(self.ran + self.since.map_or(Duration::ZERO, |since| since.elapsed()))
    }

    fn stop_clock(&mut self) {
        self.ran += self.since.take().map_or(Duration::ZERO, |since| since.elapsed());
    }

    fn rests(&self) -> bool {
        self.listening && self.speaking.is_empty() && self.open == 0 && self.replies.is_empty()
    }

    fn give(&mut self, input: Input) {
        let now = self.now();
        self.call.handle(now, input);
    }

    fn aside(&mut self, what: impl Into<String>) {
        (self.show)(Shown::Aside(what.into()));
    }

    /// What somebody typed; none: nothing more will come.
    fn typed(&mut self, line: Option<&str>, due: Moment) {
        let line = line.map_or("/quit", str::trim);
        let (command, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        self.since = Some(Instant::now());
        match command {
            "" => {}
            "/quit" => self.give(Input::Closed),
            "/silence" if due == Moment::NEVER => self.aside("nothing would happen, however long you wait"),
            "/silence" => {
                let waited = due.since(self.now());
                self.ran += waited;
                self.aside(format!("{:.0} s later", waited.as_secs_f64()));
                self.timeout();
            }
            "/key" | "/keys" if !rest.trim().is_empty() => {
                for key in rest.trim().chars() {
                    match key {
                        '0'..='9' | '*' | '#' | 'A'..='D' => self.give(Input::Key(key)),
                        other => {
                            self.aside(format!("{other:?} is no key; there are 0 to 9, *, # and A to D"))
                        }
                    }
                }
            }
            command if command.starts_with('/') => self.aside(HELP),
            _ => {
                let said = Utterance { text: line.to_owned(), confidence: 1.0, language: None };
                self.give(Input::Text(text::Input::Prompt { said, last: true }));
            }
        }
    }

    fn timeout(&mut self) {
        let now = self.now();
        let due = self.replies.iter().filter(|(_, reply)| reply.next_timeout() <= now);
        for reply in due.map(|(reply, _)| *reply).collect::<Vec<_>>() {
            let effects = self.replies.get_mut(&reply).map(|session| session.timeout(now));
            self.replied(reply, effects.unwrap_or_default());
        }
        self.give(Input::Timeout);
    }

    fn arrived(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::Fetched { id, outcome } => {
                self.open = self.open.saturating_sub(1);
                match &outcome {
                    Ok(fetched) => self.aside(format!("the server answers {}", fetched.head.status)),
                    Err(failure) => self.aside(format!(
                        "no answer: {failure}. What it may reach stands in cordboard.toml; `cordboard check` shows how"
                    )),
                }
                self.give(Input::Response { id, outcome });
            }
            Arrival::Net { session, event } => {
                let now = self.now();
                let of = self.replies.iter_mut().find(|(_, reply)| reply.id() == session);
                if let Some((reply, effects)) = of.map(|(id, reply)| (*id, reply.arrived(now, event))) {
                    self.replied(reply, effects);
                }
            }
        }
    }

    /// Carries out everything; when the next thing is due. An error: the call is over, and how.
    fn drain(&mut self) -> Result<Moment, Departure> {
        loop {
            match self.call.poll_output() {
                Output::Timeout(due) => return Ok(due),
                Output::Ended(summary) => return Err(summary.departure),
                output => self.carry_out(output),
            }
        }
    }

    fn carry_out(&mut self, output: Output) {
        let now = self.now();
        match output {
            Output::Model { reply, event } => self.model(reply, event),
            Output::Persona(event) => self.tell(event),
            Output::Fetch { id, request } => {
                self.aside(format!("fetches {} {}", request.method, request.url));
                self.open += 1;
                if let Some(persona) = &mut self.persona {
                    persona.fetch(id, request);
                }
            }
            Output::CancelFetch(id) => {
                self.open = self.open.saturating_sub(1);
                if let Some(persona) = &mut self.persona {
                    persona.cancel_fetch(id);
                }
            }
            Output::Recall { id, field, value } => {
                self.aside(format!("looks up who had {field} = {value}: nobody, here"));
                self.call.handle(now, Input::Recalled { id, fields: None });
            }
            Output::Transfer { id, to, brief } => {
                let brief = brief.map_or(String::new(), |brief| format!(", saying {brief:?}"));
                self.aside(format!("puts the caller through to {to}{brief}"));
                self.call.handle(now, Input::Transferred(id));
            }
            Output::Observed(observation) => self.observed(observation),
            _ => {}
        }
    }

    fn observed(&mut self, observation: Observation) {
        match observation {
            Observation::Speaks { utterance, .. } => self.speaking.push(utterance),
            Observation::Spoke { utterance, heard, .. } => {
                self.speaking.retain(|id| *id != utterance);
                if !heard.is_empty() {
                    (self.show)(Shown::Agent(heard));
                }
            }
            Observation::Kept(fields) => {
                fields
                    .into_iter()
                    .for_each(|field| self.aside(format!("kept {} = {}", field.name, field.value)));
            }
            Observation::Outcome(how) => self.aside(format!("outcome {how}")),
            Observation::Trouble(what) => self.aside(format!("trouble: {what}")),
            Observation::Tool { .. } | Observation::Times(_) | Observation::Turn(_) => {}
            Observation::Caller { .. } | Observation::Partial(_) | Observation::FailedOver(_) => {}
        }
    }

    fn tell(&mut self, event: Event) {
        match &event {
            Event::Turn(_) | Event::Keys { .. } => self.listening = false,
            Event::ToolCall { call, .. } => {
                self.aside(format!("model calls {} {}", call.name, call.arguments))
            }
            _ => {}
        }
        let now = self.now();
        let input = match &mut self.persona {
            None => Input::PersonaFailed("it is not there any more".into()),
            Some(persona) => match persona.handle(now, event) {
                Ok(actions) => Input::Persona(actions),
                Err(fault) => {
                    self.persona = None;
                    Input::PersonaFailed(fault.to_string())
                }
            },
        };
        if let Input::Persona(actions) = &input {
            for action in actions {
                match action {
                    Action::Listen(_) | Action::Collect(_) => self.listening = true,
                    Action::ToolResult(result) => self.aside(format!("tool answers {}", result.content)),
                    _ => {}
                }
            }
        }
        self.call.handle(now, input);
    }

    fn model(&mut self, reply: ReplyId, event: llm::Event) {
        let now = self.now();
        if event == llm::Event::Cancel {
            self.replies.remove(&reply);
            return;
        }
        match self.model.open_llm(&self.surroundings, now) {
            Ok((mut session, mut effects)) => {
                effects.extend(session.handle(now, event));
                self.replies.insert(reply, session);
                self.replied(reply, effects);
            }
            Err(error) => {
                let failure = Failure::new(call::Cause::Misconfigured, error.to_string());
                self.replied(reply, vec![llm::Effect::Failed(failure)]);
            }
        }
    }

    fn replied(&mut self, reply: ReplyId, effects: Vec<llm::Effect>) {
        let over = |e: &llm::Effect| matches!(e, llm::Effect::Finished(_) | llm::Effect::Failed(_));
        if effects.iter().any(over) {
            self.replies.remove(&reply);
        }
        if !effects.is_empty() {
            self.give(Input::Model { reply, effects });
        }
    }
}
