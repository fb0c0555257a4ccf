//! The task that drives one call.
//!
//! It owns the clock, the socket and the component sessions, and decides nothing: what happens is
//! given to the call, and what the call wants is carried out, in order. What arrives from outside
//! comes before what is due at the same instant.

use super::providers::Providers;
use super::socket::StreamSocket;
use crate::logging::masked;
use crate::recording::Recording;
use crate::services::Services;
use call::persona::{Answerer, Departure, Direction};
use call::{Call, Input, Moment, Observation, Output, Summary, audio};
use components::{Arrival, LineAbilities, Scene, Surroundings};
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::{mpsc, watch};
use tokio::time::sleep_until;
use twilio::receiving::Received;
use twilio::stream::{OWN_PARAMETER, Own, Start};

/// Events of the network that may wait for the call, before the sockets are read no further.
const ARRIVALS: usize = 256;

/// Holds one conversation to its end.
pub async fn drive(
    socket: StreamSocket,
    start: Start,
    services: &Services,
    mut stopping: watch::Receiver<bool>,
) {
    let (sender, mut arrivals) = mpsc::channel(ARRIVALS);
    let scene = scene(&start, services);
    log_start(&scene, services);
    let mut driver = Driver::new(socket, &start, &scene, services, sender);
    driver.begin().await;
    let summary = loop {
        if let Some(summary) = driver.settle().await {
            break summary;
        }
        let due = driver.due();
        tokio::select! {
            biased;
            received = driver.socket.next() => driver.received(received),
            Some(arrival) = arrivals.recv() => driver.arrived(arrival),
            _ = stopping.wait_for(|stopping| *stopping), if !driver.stopped => driver.stop(),
            () = sleep_until(due) => {}
        }
        driver.timeout();
    };
    driver.end(summary).await;
}

struct Driver<'a> {
    call: Call,
    /// the call's zero
    began: Instant,
    name: String,
    socket: StreamSocket,
    providers: Providers<'a>,
    /// inputs that wait for the outputs before them to be carried out
    inputs: Vec<Input>,
    /// the call's own next moment
    next: Moment,
    /// the far end is ours, and reads along
    own: bool,
    recogniser: Option<String>,
    warned_of_words: bool,
    stopped: bool,
    recording: Option<Recording>,
}

impl<'a> Driver<'a> {
    fn new(
        socket: StreamSocket,
        start: &Start,
        scene: &'a Scene,
        services: &'a Services,
        arrivals: mpsc::Sender<Arrival>,
    ) -> Self {
        let surroundings = Surroundings::new(&scene.call, unix_milliseconds(), scene.seed, arrivals);
        let (providers, inputs) = Providers::open(services, surroundings, scene, Moment::START);
        let recogniser = services.stt.as_ref().map(|stt| stt.id().to_owned());
        Self {
            call: Call::new(services.call(), services.detector()),
            began: Instant::now(),
            name: scene.call.clone(),
            own: socket.local && start.custom_parameters.contains_key(OWN_PARAMETER),
            socket,
            providers,
            inputs,
            next: Moment::NEVER,
            recogniser,
            warned_of_words: false,
            stopped: false,
            recording: services.record(&scene.call, scene.direction),
        }
    }

    /// The line is open: so are the ears and the mouth.
    async fn begin(&mut self) {
        if self.own {
            let recogniser = self.recogniser.clone();
            self.socket.own(|stream_sid| Own::Offer { stream_sid, recogniser, said: true }).await;
        }
        let now = self.now();
        self.inputs.extend(self.providers.open_stt(now));
        self.inputs.extend(self.providers.open_tts(now));
        self.inputs.push(Input::Attached);
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
                        self.socket.flush().await;
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
            self.socket.flush().await;
            if !self.socket.is_gone() || self.stopped {
                return None;
            }
            // the far end cannot be reached: that is the end of the line
            self.stopped = true;
            self.inputs.push(Input::Closed);
        }
    }

    async fn carry_out(&mut self, output: Output) {
        let now = self.now();
        match output {
            Output::Media { audio, .. } => {
                if let Some(recording) = &mut self.recording {
                    recording.agent(now.elapsed(), &audio);
                }
                self.socket.media(&audio).await;
            }
            Output::Mark(name) => self.socket.mark(&name).await,
            Output::Clear => {
                if let Some(recording) = &mut self.recording {
                    recording.clear(now.elapsed());
                }
                self.socket.clear().await;
            }
            // the socket is closed once the call is over; nothing is sent in between
            Output::Close => {}
            // this line carries sound
            Output::Text(_) => {}
            Output::Stt(event) => self.inputs.extend(self.providers.stt(now, event)),
            Output::ReopenStt => self.inputs.extend(self.providers.open_stt(now)),
            Output::Tts(event) => {
                // a voice may compute for a while: what is ready to be heard goes first
                self.socket.flush().await;
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
            Output::PauseRecording(paused) => {
                if let Some(recording) = &mut self.recording {
                    tracing::info!(call_sid = self.name, paused, "recording");
                    recording.pause(now.elapsed(), paused);
                }
            }
            Output::Observed(observation) => self.observed(observation).await,
            Output::Timeout(_) | Output::Ended(_) => {}
        }
    }

    // -- what happens

    fn received(&mut self, received: Option<Vec<Received>>) {
        let Some(received) = received else {
            self.stopped = true;
            return self.inputs.push(Input::Closed);
        };
        for received in received {
            match received {
                Received::Audio(audio) => {
                    let at = self.now().elapsed();
                    if let Some(recording) = &mut self.recording {
                        recording.caller(at, &audio);
                    }
                    self.inputs.push(Input::Audio(audio::Input::Frame(audio)));
                }
                Received::Key(key) => self.inputs.push(Input::Key(key)),
                Received::Mark(name) => self.inputs.push(Input::Audio(audio::Input::Mark(name))),
                Received::Said { text, last } if self.socket.local => {
                    self.inputs.push(Input::Audio(audio::Input::Said { text, last }));
                }
                Received::Said { .. } => {
                    if !std::mem::replace(&mut self.warned_of_words, true) {
                        tracing::warn!(
                            call_sid = self.name,
                            "words came over a line that is not local; ignored"
                        );
                    }
                }
                Received::Stopped => {
                    self.stopped = true;
                    self.inputs.push(Input::Closed);
                }
                // the socket has logged what was wrong
                Received::Started(_) | Received::Wrong(_) => {}
            }
        }
    }

    fn arrived(&mut self, arrival: Arrival) {
        let now = self.now();
        self.inputs.extend(self.providers.arrived(now, arrival));
    }

    fn stop(&mut self) {
        self.stopped = true;
        tracing::info!(call_sid = self.name, "the host is stopping: the call ends");
        self.inputs.push(Input::End(Departure::Failed));
    }

    /// What is due, behind what has just happened.
    fn timeout(&mut self) {
        let now = self.now();
        if self.providers.next_timeout() <= now {
            self.inputs.extend(self.providers.timeout(now));
        }
        if self.next <= now {
            self.inputs.push(Input::Timeout);
        }
    }

    fn due(&self) -> tokio::time::Instant {
        let next = self.next.min(self.providers.next_timeout()).elapsed();
        // a moment that is never is far enough away
        let next = next.min(Duration::from_secs(24 * 3600));
        tokio::time::Instant::from_std(self.began + next)
    }

    // -- for those who watch

    async fn observed(&mut self, observation: Observation) {
        let call_sid = self.name.as_str();
        match observation {
            Observation::Turn(turn) => {
                let (number, revision, text) = (turn.number, turn.revision, turn.said.text);
                tracing::debug!(call_sid, turn = number, revision, text, "the caller's turn");
                if self.own {
                    let message = |stream_sid| Own::Turn { stream_sid, number, revision, text };
                    self.socket.own(message).await;
                }
            }
            Observation::Spoke { text, heard, ending, .. } => {
                tracing::debug!(call_sid, text, heard, ?ending, "the agent spoke");
                if self.own {
                    self.socket.own(|stream_sid| Own::Spoke { stream_sid, text, heard }).await;
                }
            }
            Observation::Times(times) => {
                let after = |moment: Option<Moment>| {
                    let passed = moment?.since(times.end_of_speech?);
                    Some(passed.as_millis() as u64)
                };
                tracing::info!(
                    call_sid,
                    turn = times.number,
                    revision = times.revision,
                    transcript_ms = after(times.transcript),
                    closed_ms = after(times.closed),
                    first_token_ms = after(times.first_token),
                    first_piece_ms = after(times.first_piece),
                    first_audio_ms = after(times.first_audio),
                    first_frame_ms = after(times.first_frame),
                    "turn, after the end of speech"
                );
            }
            Observation::Tool { name, call } => tracing::info!(call_sid, tool = name, call, "tool called"),
            Observation::Kept(fields) => {
                let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
                tracing::info!(call_sid, fields = names.join(","), "kept");
                for field in fields {
                    tracing::debug!(call_sid, field = field.name, value = field.value, "kept");
                }
            }
            Observation::Outcome(outcome) => tracing::info!(call_sid, outcome, "outcome"),
            Observation::Trouble(what) => tracing::warn!(call_sid, "{what}"),
        }
    }

    async fn end(mut self, summary: Summary) {
        let departure = name(summary.departure);
        tracing::info!(
            call_sid = self.name,
            departure,
            turns = summary.turns,
            duration_ms = summary.duration.elapsed().as_millis() as u64,
            "call ended"
        );
        if self.own {
            self.socket.own(|stream_sid| Own::Ended { stream_sid, departure: departure.into() }).await;
            self.socket.flush().await;
        }
        if let Some(recording) = self.recording.take() {
            recording.end(summary.duration.elapsed());
        }
        self.socket.close().await;
    }
}

/// All that the persona may know before the call begins.
fn scene(start: &Start, services: &Services) -> Scene {
    let mut parameters: BTreeMap<String, String> = start.custom_parameters.clone();
    parameters.remove(OWN_PARAMETER);
    let mut take = |name: &str| parameters.remove(name).filter(|value| !value.trim().is_empty());
    let route = &services.config.route;
    let seed = RandomState::new().hash_one(start.call_sid.as_deref().unwrap_or_default());
    Scene {
        seed,
        timezone: route.timezone.clone(),
        language: take("language").unwrap_or_else(|| route.language.clone()),
        call: start.call_sid.clone().unwrap_or_else(|| format!("call-{seed:016x}")),
        direction: match take("direction").as_deref() {
            Some("outbound") => Direction::Outbound,
            _ => Direction::Inbound,
        },
        caller: take("caller"),
        called: take("called"),
        initial_message: take("initial_message"),
        answered_by: Answerer::Unknown,
        line: LineAbilities {
            hears_audio: true,
            speaks_audio: true,
            can_speak_unasked: true,
            can_send_digits: true,
        },
        parameters: parameters.into_iter().collect(),
    }
}

fn log_start(scene: &Scene, services: &Services) {
    let names: BTreeMap<&str, &str> =
        services.names().map(|(kind, id)| (kind, id.unwrap_or("none"))).collect();
    let get = |kind: &str| names.get(kind).copied().unwrap_or_default();
    tracing::info!(
        call_sid = scene.call,
        caller = scene.caller.as_deref().map(masked),
        called = scene.called.as_deref().map(masked),
        direction = ?scene.direction,
        persona = get("persona"),
        stt = get("stt"),
        llm = get("llm"),
        tts = get("tts"),
        "call started"
    );
}

fn name(departure: Departure) -> &'static str {
    match departure {
        Departure::Caller => "caller",
        Departure::Script => "script",
        Departure::Transferred => "transferred",
        Departure::Failed => "failed",
        Departure::Limit => "limit",
    }
}

fn unix_milliseconds() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
