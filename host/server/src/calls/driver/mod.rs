//! The task that drives one call.
//!
//! It owns the clock, the socket and the component sessions, and decides nothing: what happens is
//! given to the call, and what the call wants is carried out, in order. What arrives from outside
//! comes before what is due at the same instant.

mod levels;
mod line;
mod measuring;
mod observing;
mod transferring;

use levels::Levels;
use line::Line;
use measuring::Measures;
use observing::log_start;
use transferring::{By, Transfer};

use super::lines::{Begun, CallLine, Happened};
use super::providers::Providers;
use super::recall::{Asked, Recalls};
use super::scene::Set;
use super::{transfer, watching};
use crate::app::{App, Leaving, Shared};
use crate::recording::Recording;
use crate::records::Record;
use crate::registry::{Control, Known, Order, What, departure_name};
use crate::slots::Slot;
use call::persona::Departure;
use call::{Call, Input, Moment, Output, Summary, audio};
use components::{Arrival, Surroundings};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::{mpsc, watch};
use tokio::time::sleep_until;
use twilio::stream::{OWN_PARAMETER, Own};

/// Events of the network that may wait for the call, before the sockets are read no further.
const ARRIVALS: usize = 256;

/// Holds one conversation to its end.
pub async fn drive(
    socket: CallLine,
    begun: Begun,
    set: Set,
    known: Arc<Known>,
    app: Shared,
    mut controls: mpsc::Receiver<Control>,
) {
    let (sender, mut arrivals) = mpsc::channel(ARRIVALS);
    let Set { scene, route, persona } = &set;
    let persona = match app.services.persona(route, persona.as_deref()).await {
        Ok(persona) => persona,
        // a caller is better served by another than by none
        Err(error) => {
            tracing::warn!(call_sid = scene.call, "the route's persona takes the call: {error:#}");
            route.persona.clone()
        }
    };
    log_start(scene, route, &persona);
    let mut leaving = app.leaving.subscribe();
    let mut driver = match Driver::new(socket, &begun, &set, persona, known, &app, sender) {
        Ok(driver) => driver,
        // a route without them is none
        Err(error) => return tracing::error!(call_sid = set.scene.call, "{error:#}"),
    };
    driver.begin().await;
    let summary = loop {
        let ended = driver.settle().await;
        driver.measure();
        if let Some(summary) = ended {
            break summary;
        }
        let due = driver.due();
        let left = driver.left;
        tokio::select! {
            biased;
            received = driver.socket.next(), if !driver.socket.is_gone() => driver.received(received),
            Some(arrival) = arrivals.recv() => driver.arrived(arrival),
            (id, fields) = driver.recalls.next() => driver.inputs.push(Input::Recalled { id, fields }),
            Some(control) = controls.recv() => driver.control(control).await,
            leaving = further(&mut leaving, left) => driver.leave(leaving),
            () = sleep_until(due) => {}
        }
        driver.timeout();
    };
    driver.end(summary).await;
}

/// Waits for the host to be further on its way out.
async fn further(leaving: &mut watch::Receiver<Leaving>, than: Leaving) -> Leaving {
    // its sender is gone only where the host is
    let further = leaving.wait_for(|leaving| *leaving > than).await.map(|leaving| *leaving);
    further.unwrap_or(Leaving::Now)
}

struct Driver<'a> {
    app: &'a Shared,
    known: Arc<Known>,
    call: Call,
    /// the call's zero
    began: Instant,
    name: String,
    socket: CallLine,
    providers: Providers<'a>,
    recalls: Recalls,
    /// inputs that wait for the outputs before them to be carried out
    inputs: Vec<Input>,
    /// the call's own next moment
    next: Moment,
    /// the far end is ours, and reads along
    own: bool,
    recogniser: Option<String>,
    warned_of_words: bool,
    line: Line,
    /// how far the host's leaving has been told to the call
    left: Leaving,
    transfer: Option<Transfer>,
    recording: Option<Recording>,
    record: Record,
    measures: Measures,
    levels: Levels,
}

impl<'a> Driver<'a> {
    fn new(
        socket: CallLine,
        begun: &Begun,
        Set { scene, route, .. }: &'a Set,
        persona: Arc<Slot>,
        known: Arc<Known>,
        app: &'a Shared,
        arrivals: mpsc::Sender<Arrival>,
    ) -> anyhow::Result<Self> {
        let services = &app.services;
        let measures = Measures::new(scene, route, &persona, app);
        let surroundings = Surroundings::new(&scene.call, unix_milliseconds(), scene.seed, arrivals)
            .journaled(services.journal(route, &scene.call));
        let persona_id = persona.id().to_owned();
        let (providers, inputs) =
            Providers::open(services, route, persona, surroundings, scene, Moment::START)?;
        let kind = socket.kind();
        // of a line of words there is nothing to be recorded
        let recording = match kind.is_text() {
            true => None,
            false => services.record(route, &scene.call, scene.direction),
        };
        let name = recording.as_ref().map(Recording::name);
        let record = app.records.begin(scene, &persona_id, name);
        if let Some(answerer) = known.told_answerer() {
            record.answered_by(answerer.as_str());
        }
        let recogniser = route.stt.first().map(|stt| stt.id().to_owned());
        known.set_served(observing::served(route, &persona_id, kind));
        Ok(Self {
            call: Call::new(services.call(route, kind, scene.answered_by), services.detector()),
            began: Instant::now(),
            name: scene.call.clone(),
            own: socket.is_local() && begun.parameters.contains_key(OWN_PARAMETER),
            socket,
            providers,
            recalls: Recalls::new(app.records.memory()),
            inputs,
            next: Moment::NEVER,
            recogniser,
            warned_of_words: false,
            line: Line::There,
            left: Leaving::Draining,
            transfer: None,
            recording,
            record,
            measures,
            levels: Levels::default(),
            known,
            app,
        })
    }

    /// The line is open: so are the ears and the mouth, if it carries sound.
    async fn begin(&mut self) {
        self.offer().await;
        let now = self.now();
        if !self.socket.kind().is_text() {
            self.inputs.extend(self.providers.open_stt(now));
            self.inputs.extend(self.providers.open_tts(now));
        }
        self.inputs.push(Input::Attached);
    }

    /// Tells a far end of ours what it can do.
    async fn offer(&mut self) {
        if self.own {
            let recogniser = self.recogniser.clone();
            self.socket.own(|stream_sid| Own::Offer { stream_sid, recogniser, said: true }).await;
        }
    }

    fn now(&self) -> Moment {
        Moment::since_start(self.began.elapsed())
    }

    /// Gives the call what waits, and carries out everything it wants; how it ended, if it has.
    async fn settle(&mut self) -> Option<Summary> {
        loop {
            let now = self.now();
            for input in std::mem::take(&mut self.inputs) {
                self.call.handle(now, input);
            }
            loop {
                match self.call.poll_output() {
                    Output::Timeout(next) => {
                        self.next = next;
                        break;
                    }
                    Output::Ended(summary) => {
                        self.flush().await;
                        return Some(summary);
                    }
                    output => self.carry_out(output).await,
                }
                // what a component said about it comes next, before anything that is queued behind
                let now = self.now();
                for input in std::mem::take(&mut self.inputs) {
                    self.call.handle(now, input);
                }
            }
            self.inputs.extend(self.providers.settled(now));
            if !self.inputs.is_empty() {
                continue;
            }
            self.flush().await;
            if !self.socket.is_gone() || self.line != Line::There {
                return None;
            }
            // the far end cannot be reached
            self.lost();
        }
    }

    async fn flush(&mut self) {
        let busy = self.call.is_busy();
        self.socket.flush(busy).await;
    }

    async fn carry_out(&mut self, output: Output) {
        let now = self.now();
        match output {
            Output::Media { audio, .. } => {
                if let Some(recording) = &mut self.recording {
                    recording.agent(now.elapsed(), &audio);
                }
                if self.known.shows_levels() {
                    self.levels.agent(now, &audio);
                }
                self.socket.media(&audio).await;
            }
            Output::Mark(name) => self.socket.mark(&name).await,
            Output::Clear => {
                if let Some(recording) = &mut self.recording {
                    recording.clear(now.elapsed());
                }
                self.levels.clear(now);
                self.socket.clear().await;
            }
            Output::Close => self.socket.closes(),
            Output::Text(output) => self.socket.words(output).await,
            Output::Stt(event) => self.inputs.extend(self.providers.stt(now, event)),
            Output::ReopenStt => self.inputs.extend(self.providers.open_stt(now)),
            Output::Tts(event) => {
                // a voice may compute for a while: what is ready to be heard goes first
                self.flush().await;
                self.inputs.extend(self.providers.tts(now, event));
            }
            Output::ReopenTts => self.inputs.extend(self.providers.open_tts(now)),
            Output::Model { reply, event } => self.inputs.extend(self.providers.model(now, reply, event)),
            Output::Persona(event) => {
                let answer = self.providers.persona(now, event);
                self.inputs.push(answer);
            }
            Output::Fetch { id, request } => self.providers.fetch(id, request),
            Output::CancelFetch(id) => self.providers.cancel_fetch(id),
            Output::Recall { id, field, value } => {
                let (persona, call) = (self.providers.persona_id().to_owned(), self.name.clone());
                self.recalls.ask(id, Asked { persona, call, field, value });
            }
            Output::CancelRecall(id) => self.recalls.cancel(id),
            Output::PauseRecording(paused) => {
                if let Some(recording) = &mut self.recording {
                    tracing::info!(call_sid = self.name, paused, "recording");
                    recording.pause(now.elapsed(), paused);
                }
            }
            Output::Transfer { id, to, brief } => {
                let order = Order { to, warm: brief.is_some(), brief };
                self.transfer(By::Script(id), order, None);
            }
            Output::CancelTransfer(_) => {
                self.transfer = None;
                transfer::give_up(self.app, &self.known);
            }
            Output::Observed(observation) => self.observed(observation).await,
            Output::Timeout(_) | Output::Ended(_) => {}
        }
    }

    // -- what happens

    /// Something that those who watch are told, and that is kept.
    fn happened(&mut self, what: What) {
        if let Ok(Value::Object(mut data)) = serde_json::to_value(&what)
            && let Some(Value::String(event)) = data.remove("event")
        {
            self.record.happened(&event, Value::Object(data));
        }
        self.known.publish(what);
    }

    fn received(&mut self, happened: Option<Vec<Happened>>) {
        match happened {
            Some(happened) => self.heard(happened),
            None => self.lost(),
        }
    }

    /// What came over the line.
    fn heard(&mut self, happened: Vec<Happened>) {
        for happened in happened {
            match happened {
                Happened::Audio(audio) => {
                    let now = self.now();
                    if let Some(recording) = &mut self.recording {
                        recording.caller(now.elapsed(), &audio);
                    }
                    if self.known.shows_levels() {
                        self.levels.caller(now, &audio);
                        self.show_levels(now);
                    }
                    self.inputs.push(Input::Audio(audio::Input::Frame(audio)));
                }
                Happened::Key(key) => self.inputs.push(Input::Key(key)),
                Happened::Mark(name) => self.inputs.push(Input::Audio(audio::Input::Mark(name))),
                Happened::Said { text, last } if self.socket.is_local() => {
                    self.inputs.push(Input::Audio(audio::Input::Said { text, last }));
                }
                Happened::Said { .. } => {
                    if !std::mem::replace(&mut self.warned_of_words, true) {
                        tracing::warn!(
                            call_sid = self.name,
                            "words came over a line that is not local; ignored"
                        );
                    }
                }
                Happened::Text(input) => self.inputs.push(Input::Text(input)),
                Happened::Stopped => self.closed(),
                Happened::Stuck => {
                    self.inputs.push(Input::Fail("nothing came of it in the time that a request has".into()));
                }
            }
        }
    }

    fn arrived(&mut self, arrival: Arrival) {
        let now = self.now();
        self.inputs.extend(self.providers.arrived(now, arrival));
    }

    /// What somebody outside wants.
    async fn control(&mut self, control: Control) {
        let input = match control {
            Control::Interrupt => {
                self.happened(What::Interrupt {});
                Input::Interrupt
            }
            Control::Say(text) => Input::Say(text),
            Control::Digits(presses) => Input::Digits(presses),
            Control::Operator(text) => {
                let shown = self.app.services.redaction.text(&text);
                self.happened(What::Operator { text: shown.into() });
                Input::Operator(text)
            }
            Control::AnsweredBy(answerer) => {
                if let Some(answerer) = self.known.told_answerer() {
                    self.record.answered_by(answerer.as_str());
                }
                Input::AnsweredBy(answerer)
            }
            Control::HangUp => Input::End(Departure::Operator),
            Control::Gone => return self.closed(),
            Control::Asked(asked) => {
                if let CallLine::Gather(line) = &mut self.socket {
                    let happened = line.asked(*asked);
                    self.heard(happened);
                }
                return;
            }
            Control::Partly(step, gathered) => {
                if let CallLine::Gather(line) = &mut self.socket {
                    let happened = line.partly(step, &gathered);
                    self.heard(happened);
                }
                return;
            }
            Control::Back(socket) => return self.back(*socket).await,
            Control::Transfer(order, answer) => return self.transfer(By::Operator, order, Some(answer)),
            Control::Reached { transfer, outcome, needed } => {
                let taken = self.reached(transfer.as_deref(), outcome);
                // nobody waits for it any more: so be it
                let _ = needed.map(|needed| needed.send(taken));
                return;
            }
        };
        self.inputs.push(input);
    }

    /// The host is on its way out.
    fn leave(&mut self, leaving: Leaving) {
        self.left = leaving;
        match leaving {
            Leaving::No | Leaving::Draining => {}
            Leaving::Ending => {
                tracing::info!(call_sid = self.name, "the host is stopping: the call ends");
                self.inputs.push(Input::Fail("the host is stopping".into()));
            }
            Leaving::Now => {
                tracing::info!(call_sid = self.name, "the host is stopping: the call is cut off");
                self.known.set_cut();
                self.inputs.push(Input::End(Departure::Failed));
            }
        }
    }

    /// What is due, behind what has just happened.
    fn timeout(&mut self) {
        let now = self.now();
        if self.providers.next_timeout() <= now {
            self.inputs.extend(self.providers.timeout(now));
        }
        if let Some(Transfer { name, until, .. }) = &self.transfer
            && *until <= now
        {
            let name = name.clone();
            self.reached(name.as_deref(), Err("nobody was reached in time".into()));
        }
        if let Line::Lost(until) = self.line
            && until <= now
        {
            tracing::warn!(call_sid = self.name, "the line did not come back");
            self.closed();
        }
        if self.next <= now {
            self.inputs.push(Input::Timeout);
        }
        // everything that the call was told before is dealt with
        self.providers.follow(now);
        self.moved();
    }

    fn due(&self) -> tokio::time::Instant {
        let returns = if let Line::Lost(until) = self.line { until } else { Moment::NEVER };
        let reaches = self.transfer.as_ref().map_or(Moment::NEVER, |transfer| transfer.until);
        let next = self.next.min(self.providers.next_timeout()).min(returns).min(reaches).elapsed();
        // a moment that is never is far enough away
        let next = next.min(Duration::from_secs(24 * 3600));
        tokio::time::Instant::from_std(self.began + next)
    }

    async fn end(mut self, summary: Summary) {
        let end = self.measure_end(summary);
        let departure = departure_name(summary.departure);
        tracing::info!(
            call_sid = self.name,
            departure,
            turns = summary.turns,
            duration_ms = summary.duration.elapsed().as_millis() as u64,
            "call ended"
        );
        // Twilio asks what comes next as soon as the stream is closed
        self.known.ended(summary.departure);
        if self.transfer.is_some() {
            transfer::give_up(self.app, &self.known);
        }
        if summary.departure == Departure::Operator && !self.known.continues() {
            hang_up(self.app, &self.known);
        }
        if self.own {
            self.socket.own(|stream_sid| Own::Ended { stream_sid, departure: departure.into() }).await;
            self.socket.flush(false).await;
        }
        if let Some(recording) = self.recording.take() {
            recording.end(summary.duration.elapsed());
        }
        self.record.end(end);
        let handoff = json!({ "call": self.known.id, "reason": departure });
        self.socket.close(handoff.to_string()).await;
    }
}

/// Closing the stream of a call whose TwiML is not ours ends the stream, not the call.
fn hang_up(app: &App, known: &Known) {
    // there is no telephone call where the caller is in the console
    let twilio = app.twilio.clone().filter(|_| !known.is_console());
    let (Some(twilio), Some(sid)) = (twilio, known.view().call_sid) else { return };
    tokio::spawn(async move {
        if let Err(error) = twilio.end_call(&sid).await
            && !error.is_over()
        {
            tracing::warn!(call_sid = sid, "Twilio does not end the call: {error}");
        }
    });
}

fn unix_milliseconds() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
