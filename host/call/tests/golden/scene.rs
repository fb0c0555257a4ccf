//! A call in virtual time: a script, a model, a voice, a caller and a telephone, all simulated.
//!
//! A [`Scene`] plays the driver. It writes down what was decided, with the time; what exists only
//! where there is sound is marked with `~`. [`on_both_lines`] plays the same story over a line of
//! sound and over a line of words, checks that the same was decided, and returns the first.

mod voice;

use audio::detect::Energy;
use call::line::UtteranceId;
use call::persona::{self, Action, Event, Interruption, Manner};
use call::{Call, Config, Input, Line, Moment, Observation, Output, chat, llm, stt, text, tts};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::time::Duration;

pub const FRAME: usize = 160;
/// Voice and far end take this long for a character.
pub const PACE: Duration = Duration::from_millis(60);

pub use voice::{Fate, Voice};

type Script = Box<dyn FnMut(&Event) -> Vec<Action>>;
type Breaks = Box<dyn FnMut(&Event) -> Option<Back>>;
/// What a model does with a prompt: effects, each so many milliseconds after the one before.
type Model = Box<dyn FnMut(&llm::Prompt) -> Vec<(u64, llm::Effect)>>;

pub struct Scene {
    pub call: Call,
    pub now: Moment,
    script: Script,
    model: Model,
    pub voice: Voice,
    pub far_end: FarEnd,
    recogniser: Recogniser,
    sound: bool,
    /// bytes that the recogniser in hand was given
    pub given_to_recogniser: usize,
    agenda: BinaryHeap<Reverse<(Moment, usize)>>,
    todo: HashMap<usize, Todo>,
    scheduled: usize,
    cancelled_replies: Vec<llm::ReplyId>,
    /// when the caller makes a sound
    speech: Vec<(Moment, Moment)>,
    log: Vec<String>,
    /// what somebody who watches the call is shown
    watched: Vec<String>,
    /// what is done once: requests, tools, what is kept; with the time
    ledger: Vec<String>,
    /// whether the script breaks at this, and how it comes back
    breaks: Breaks,
    pub ended: Option<call::Summary>,
    pub times: Vec<call::TurnTimes>,
    /// whose place another took
    pub failed_over: Vec<call::Provider>,
}

/// How a script that broke comes back.
#[derive(Clone, Copy)]
pub struct Back {
    pub up_to_date: bool,
    /// tools that may run again
    pub idempotent: &'static [&'static str],
}

enum Todo {
    Input(Input),
    Model(llm::ReplyId, llm::Effect),
    /// of a voice's session, by number: what an earlier one gave is nobody's
    Voice(usize, Vec<tts::Effect>),
    Frame,
}

/// A telephone: plays what it is sent, and returns marks when they have been played.
#[derive(Default)]
pub struct FarEnd {
    pub returns_no_marks: bool,
    ends: Moment,
    marks: Vec<(Moment, String)>,
    /// every frame that was sent: when, of what, and how long
    pub sent: Vec<(Moment, UtteranceId, usize)>,
    audio: HashMap<u32, Vec<u8>>,
    /// what it plays, in order, and from when on
    playing: Vec<(Moment, Vec<u8>)>,
    pub closed: bool,
    /// it is not there, and may come back
    lost: bool,
    /// it will not return these any more
    lost_marks: Vec<String>,
}

impl FarEnd {
    /// What was not played is not.
    fn forget(&mut self, now: Moment) {
        self.ends = now;
        for (begins, audio) in &mut self.playing {
            audio.truncate((now.since(*begins).as_millis() * 8) as usize);
        }
    }
}

/// When the recogniser says what.
#[derive(Clone, Copy)]
pub struct Recogniser {
    /// a partial so long after speech begins
    pub partial: Duration,
    /// the final so long after it ends
    pub last: Duration,
    /// says that turns have ended
    pub owns_turns: bool,
}

pub const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

pub fn at(milliseconds: u64) -> Moment {
    Moment::since_start(ms(milliseconds))
}

// -- shorthand for scripts and models

pub fn say(id: u32, text: &str) -> Action {
    Action::Say { id, text: text.into(), manner: Manner::new(Interruption::Anything) }
}

pub fn say_whole(id: u32, text: &str) -> Action {
    Action::Say { id, text: text.into(), manner: Manner::new(Interruption::Nothing) }
}

pub fn listen() -> Action {
    Action::Listen(persona::Hint::default())
}

pub fn ask(id: u32) -> Action {
    Action::Ask(question(id))
}

pub fn question(id: u32) -> persona::Question {
    persona::Question {
        id,
        instructions: "Be kind.".into(),
        context: persona::Context::Conversation,
        tools: vec![],
        tool_choice: chat::ToolChoice::Auto,
        schema: None,
        max_tokens: None,
        temperature: None,
        aloud: Some(Manner::new(Interruption::Anything)),
    }
}

/// The script broke at this, and is back. `up_to_date`: as it was right before.
pub fn restored(broken_by: Event, up_to_date: bool) -> Input {
    Input::PersonaRestored { broken_by, why: "it trapped".into(), up_to_date, idempotent: [].into() }
}

/// A model that says this, a word every 20 ms after the first 100.
pub fn says(text: &str) -> Vec<(u64, llm::Effect)> {
    let mut effects: Vec<_> =
        text.split_inclusive(' ').map(|word| (20, llm::Effect::Delta(word.into()))).collect();
    if let Some(first) = effects.first_mut() {
        first.0 = 100;
    }
    effects.push((0, llm::Effect::Finished(chat::Stop::Complete)));
    effects
}

pub fn calls(name: &str, arguments: &str) -> Vec<(u64, llm::Effect)> {
    let call = chat::ToolCall { id: "vendor-1".into(), name: name.into(), arguments: arguments.into() };
    vec![(100, llm::Effect::ToolCall(call)), (0, llm::Effect::Finished(chat::Stop::Tools))]
}

impl Scene {
    pub fn new(sound: bool, script: impl FnMut(&Event) -> Vec<Action> + 'static) -> Self {
        Self::with(Config::default(), sound, script)
    }

    pub fn with(
        mut config: Config,
        sound: bool,
        script: impl FnMut(&Event) -> Vec<Action> + 'static,
    ) -> Self {
        if !sound {
            config.line = Line::Text(text::Settings { pace: PACE, ..text::Settings::default() });
        }
        Self {
            call: Call::new(config, Box::new(Energy::default())),
            now: Moment::START,
            script: Box::new(script),
            model: Box::new(|_| says("I see.")),
            voice: Voice::default(),
            far_end: FarEnd::default(),
            recogniser: Recogniser { partial: ms(300), last: ms(100), owns_turns: true },
            sound,
            given_to_recogniser: 0,
            agenda: BinaryHeap::new(),
            todo: HashMap::new(),
            scheduled: 0,
            cancelled_replies: Vec::new(),
            speech: Vec::new(),
            log: Vec::new(),
            watched: Vec::new(),
            ledger: Vec::new(),
            breaks: Box::new(|_| None),
            ended: None,
            times: Vec::new(),
            failed_over: Vec::new(),
        }
    }

    /// The script breaks at the first event that is like this.
    pub fn breaks_at(&mut self, at: impl Fn(&Event) -> bool + 'static, back: Back) {
        let mut whole = true;
        self.breaks = Box::new(move |event| {
            let breaks = whole && at(event);
            whole &= !breaks;
            breaks.then_some(back)
        });
    }

    pub fn model(&mut self, model: impl FnMut(&llm::Prompt) -> Vec<(u64, llm::Effect)> + 'static) {
        self.model = Box::new(model);
    }

    /// A model that answers its prompts with these, one after the other.
    pub fn model_says(&mut self, replies: &[&str]) {
        let mut replies: Vec<String> = replies.iter().rev().map(|r| r.to_string()).collect();
        self.model(move |_| says(&replies.pop().expect("the model is asked once more than expected")));
    }

    pub fn recogniser(&mut self, recogniser: Recogniser) {
        self.recogniser = recogniser;
    }

    pub fn later(&mut self, when: Moment, input: Input) {
        self.schedule(when, Todo::Input(input));
    }

    fn schedule(&mut self, when: Moment, todo: Todo) {
        self.scheduled += 1;
        self.todo.insert(self.scheduled, todo);
        self.agenda.push(Reverse((when, self.scheduled)));
    }

    /// The caller speaks from then on, at the pace of everybody here; returns when it has ended.
    pub fn caller_says(&mut self, from: u64, text: &str) -> u64 {
        let length = PACE * text.chars().count() as u32;
        let until = from + length.as_millis() as u64;
        let Recogniser { partial, last, owns_turns } = self.recogniser;
        let known = at(until) + last;
        if self.sound {
            self.speech.push((at(from), at(until)));
            let transcript = |text: &str| stt::Transcript {
                text: text.into(),
                confidence: 0.9,
                words: vec![],
                until: None,
            };
            let first = text.split(' ').next().unwrap_or_default();
            let partial_at = (at(from) + partial).min(known - ms(20));
            self.later(partial_at, Input::Stt(vec![stt::Effect::Partial(transcript(first))]));
            let mut effects = vec![stt::Effect::Final(transcript(text))];
            effects.extend(owns_turns.then_some(stt::Effect::TurnEnded));
            self.later(known, Input::Stt(effects));
        } else {
            let said = |text: &str| persona::Utterance { text: text.into(), confidence: 0.9, language: None };
            let first = text.split(' ').next().unwrap_or_default();
            // a far end that sends words is as quick to notice as a detector
            let partial_at = (at(from) + partial.min(ms(20))).min(known - ms(20));
            let prompt = |said, last| Input::Text(text::Input::Prompt { said, last });
            self.later(partial_at, prompt(said(first), false));
            self.later(known, prompt(said(text), true));
        }
        until
    }

    /// Something is heard of the caller that nobody understands.
    pub fn caller_coughs(&mut self, from: u64, until: u64) {
        self.speech.push((at(from), at(until)));
    }

    /// The recogniser says something of its own accord.
    pub fn recogniser_says(&mut self, when: u64, text: &str, last: bool) {
        let heard =
            stt::Transcript { text: text.into(), confidence: 0.9, words: vec![], until: Some(ms(when)) };
        let effect = if last { stt::Effect::Final(heard) } else { stt::Effect::Partial(heard) };
        self.later(at(when), Input::Stt(vec![effect]));
    }

    /// When something of this utterance was sent, and for how long it sounds: what follows at once is
    /// one piece.
    pub fn sent_of(&self, utterance: u32) -> Vec<String> {
        let mut pieces: Vec<(Moment, Moment)> = Vec::new();
        for (when, _, bytes) in self.far_end.sent.iter().filter(|(_, of, _)| of.0 == utterance) {
            let length = Duration::from_micros(*bytes as u64 * 125);
            match pieces.last_mut().filter(|(_, until)| *when <= *until) {
                Some((_, until)) => *until = *until + length,
                None => pieces.push((*when, *when + length)),
            }
        }
        let told = |(from, until): &(Moment, Moment)| format!("{from} to {until}");
        pieces.iter().map(told).collect()
    }

    /// All samples that were sent of this utterance.
    pub fn heard_of(&self, utterance: u32) -> Vec<i16> {
        audio::g711::decode_all(self.far_end.audio.get(&utterance).expect("it was never heard"))
    }

    pub fn caller_presses(&mut self, when: u64, keys: &str) {
        for (n, key) in keys.chars().enumerate() {
            self.later(at(when + 200 * n as u64), Input::Key(key));
        }
    }

    pub fn caller_hangs_up(&mut self, when: u64) {
        self.later(at(when), Input::Closed);
    }

    pub fn operator_says(&mut self, when: u64, text: &str) {
        self.later(at(when), Input::Say(text.into()));
    }

    pub fn operator_interrupts(&mut self, when: u64) {
        self.later(at(when), Input::Interrupt);
    }

    pub fn is_answered_by(&mut self, when: u64, answerer: persona::Answerer) {
        self.later(at(when), Input::AnsweredBy(answerer));
    }

    pub fn line_is_lost(&mut self, from: u64, until: u64) {
        self.later(at(from), Input::Detached);
        self.later(at(until), Input::Attached);
    }

    /// Plays the call to its end, or until nothing is left to happen before `limit` seconds.
    pub fn play(&mut self, limit: u64) -> &mut Self {
        let limit = at(limit * 1000);
        self.give(Input::Attached);
        if self.sound {
            self.schedule(at(20), Todo::Frame);
        }
        loop {
            let due = self.drain();
            if self.ended.is_some() {
                break;
            }
            let next = self.agenda.peek().map(|Reverse((when, _))| *when);
            // what arrives from outside comes before what is due at the same instant
            let arrives = next.filter(|when| *when <= due);
            self.now = self.now.max(arrives.unwrap_or(due));
            if self.now > limit {
                break;
            }
            if arrives.is_none() {
                self.give(Input::Timeout);
                continue;
            }
            let Some(Reverse((_, number))) = self.agenda.pop() else { continue };
            match self.todo.remove(&number) {
                Some(Todo::Input(Input::Audio(call::audio::Input::Mark(name))))
                    if self.far_end.lost_marks.contains(&name) => {}
                Some(Todo::Input(input)) => self.give(input),
                Some(Todo::Model(reply, effect)) if !self.cancelled_replies.contains(&reply) => {
                    self.give(Input::Model { reply, effects: vec![effect] });
                }
                Some(Todo::Voice(session, effects)) if session == self.voice.session => {
                    self.give(Input::Tts(effects));
                }
                Some(Todo::Frame) => self.frame(),
                _ => {}
            }
        }
        self
    }

    fn give(&mut self, input: Input) {
        match &input {
            Input::Closed => {
                self.far_end.closed = true;
                self.note("caller hangs up");
            }
            Input::Interrupt => self.note("operator interrupts"),
            Input::Say(text) => self.note(&format!("operator says {text:?}")),
            Input::Digits(presses) => self.note(&format!("operator presses {} keys", presses.len())),
            Input::AnsweredBy(answerer) => self.note(&format!("it is {answerer:?}")),
            Input::Detached => {
                self.note("line is lost");
                self.far_end.lost = true;
                self.far_end.forget(self.now);
                let marks = std::mem::take(&mut self.far_end.marks).into_iter();
                self.far_end.lost_marks.extend(marks.map(|(_, name)| name));
            }
            Input::Attached if std::mem::take(&mut self.far_end.lost) => self.note("line is back"),
            _ => {}
        }
        self.call.handle(self.now, input);
    }

    /// 20 ms of the caller's line.
    fn frame(&mut self) {
        let now = self.now;
        let speaks = self.speech.iter().any(|(from, until)| *from < now && now <= *until);
        // alternating full steps of µ-law are a loud buzz
        let frame = if speaks { [0x0F, 0x8F].repeat(FRAME / 2) } else { vec![0xFF; FRAME] };
        // a driver may look at its clock at any time
        let lost = self.far_end.lost;
        self.give(if lost { Input::Timeout } else { Input::Audio(call::audio::Input::Frame(frame)) });
        self.schedule(now + ms(20), Todo::Frame);
    }

    /// Carries out everything; when the next thing is due.
    fn drain(&mut self) -> Moment {
        for _ in 0..100_000 {
            match self.call.poll_output() {
                Output::Timeout(due) => {
                    assert!(due > self.now || due == Moment::NEVER, "due at {due}, which has passed");
                    return due;
                }
                Output::Ended(summary) => {
                    self.note(&format!("ended: {:?}", summary.departure));
                    self.ended = Some(summary);
                    return Moment::NEVER;
                }
                output => self.carry_out(output),
            }
        }
        panic!("the call never comes to rest");
    }

    fn carry_out(&mut self, output: Output) {
        let sends =
            matches!(output, Output::Media { .. } | Output::Mark(_) | Output::Clear | Output::Text(_));
        assert!(!sends || !self.far_end.lost, "{output:?} to a line that is lost");
        match output {
            Output::Media { utterance, audio } => self.hear(utterance, &audio),
            Output::Mark(name) => {
                let played = self.far_end.ends.max(self.now);
                self.far_end.marks.push((played, name.clone()));
                if !self.far_end.returns_no_marks {
                    self.later(played, Input::Audio(call::audio::Input::Mark(name)));
                }
            }
            Output::Clear => {
                self.note("~ clear");
                self.far_end.forget(self.now);
                // Twilio returns all waiting marks at once, though nothing of them was heard
                for (played, name) in std::mem::take(&mut self.far_end.marks) {
                    if played > self.now {
                        self.later(self.now, Input::Audio(call::audio::Input::Mark(name)));
                    }
                }
            }
            Output::Text(_) => assert!(!self.far_end.closed, "words after the close"),
            Output::Close => {
                assert!(!self.far_end.closed, "closed twice");
                self.far_end.closed = true;
                self.note("agent hangs up");
            }
            Output::Stt(stt::Event::Audio(audio)) => self.given_to_recogniser += audio.len(),
            Output::Fetch { id, request } => {
                self.enter(&format!("request {id}: {} {}", request.method, request.url));
            }
            Output::Stt(_) | Output::PauseRecording(_) | Output::CancelFetch(_) => {}
            Output::Recall { id, field, value } => self.note(&format!("{id}: who had {field} = {value}?")),
            Output::CancelRecall(id) => self.note(&format!("{id} is looked up no more")),
            Output::ReopenStt => {
                self.given_to_recogniser = 0;
                self.note("~ recogniser opened again");
            }
            Output::ReopenTts => {
                self.voice.open_again();
                self.note("~ voice opened again");
            }
            Output::Tts(event) => self.speak(event),
            Output::Model { reply, event: llm::Event::Generate(prompt) } => {
                self.note(&format!("model is asked: {}", summary(&prompt)));
                let mut when = self.now;
                for (after, effect) in (self.model)(&prompt) {
                    when = when + ms(after);
                    self.schedule(when, Todo::Model(reply, effect));
                }
            }
            Output::Model { reply, event: llm::Event::Cancel } => {
                self.note("model is cancelled");
                self.cancelled_replies.push(reply);
            }
            Output::Persona(event) => {
                if let Some(line) = describe(&event) {
                    self.note(&line);
                }
                let answer = match (self.breaks)(&event) {
                    Some(Back { up_to_date, idempotent }) => Input::PersonaRestored {
                        broken_by: event,
                        why: "it trapped".into(),
                        up_to_date,
                        idempotent: idempotent.iter().map(|tool| (*tool).to_owned()).collect(),
                    },
                    None => Input::Persona((self.script)(&event)),
                };
                self.give(answer);
            }
            Output::Observed(Observation::Trouble(text)) => self.note(&format!("trouble: {text}")),
            Output::Observed(Observation::Times(times)) => self.times.push(times),
            Output::Observed(observation) => self.watch(observation),
            Output::Transfer { id, to, brief } => {
                let brief = brief.map_or(String::new(), |brief| format!(", who is told {brief:?}"));
                self.note(&format!("transfer {id} to {to:?}{brief}"));
            }
            Output::CancelTransfer(id) => self.note(&format!("transfer {id} is cancelled")),
            Output::Timeout(_) | Output::Ended(_) => unreachable!("taken by drain"),
        }
    }

    fn hear(&mut self, utterance: UtteranceId, audio: &[u8]) {
        assert!(!self.far_end.closed, "audio after the close");
        assert!(audio.len().is_multiple_of(FRAME), "part of a frame");
        let length = Duration::from_micros(audio.len() as u64 * 125);
        self.far_end.sent.push((self.now, utterance, audio.len()));
        self.far_end.audio.entry(utterance.0).or_default().extend(audio);
        let begins = self.far_end.ends.max(self.now);
        self.far_end.playing.push((begins, audio.to_vec()));
        self.far_end.ends = begins + length;
    }

    /// Whether a part of a word was heard that a voice broke off in.
    pub fn half_a_word_was_heard(&self) -> bool {
        self.played().any(Voice::is_half_a_word)
    }

    /// The words that sounded to their end, in order; of voices that have [`Voice::fates`].
    pub fn words_heard(&self) -> String {
        self.voice.words_in(self.played())
    }

    fn played(&self) -> impl Iterator<Item = u8> {
        self.far_end.playing.iter().flat_map(|(_, audio)| audio).copied()
    }

    fn speak(&mut self, event: tts::Event) {
        let tts::Event::Speak { utterance, text, last } = event else { return };
        if !self.voice.silent {
            let effects = self.voice.speak(utterance, &text, last);
            self.schedule(self.now + self.voice.first_audio, Todo::Voice(self.voice.session, effects));
        }
    }

    fn watch(&mut self, observation: Observation) {
        let what = match observation {
            Observation::Caller { speaking: true } => "caller speaks".into(),
            Observation::Caller { speaking: false } => "caller stops".into(),
            Observation::Partial(said) => format!("caller: {} ...", said.text),
            Observation::Turn(turn) => format!("caller: {}", turn.said.text),
            Observation::Speaks { utterance, text } => format!("agent {}: {text} ...", utterance.0),
            Observation::Spoke { utterance, heard, ending, .. } => {
                format!("agent {}: {heard} ({ending:?})", utterance.0)
            }
            Observation::Tool { turn, name, call, step } => {
                return self.enter(&format!("turn {turn}: {call} {name} is {}", step.name()));
            }
            Observation::Kept(fields) => {
                let fields: Vec<String> =
                    fields.iter().map(|f| format!("{} = {}", f.name, f.value)).collect();
                return self.enter(&format!("kept {}", fields.join(", ")));
            }
            Observation::Outcome(outcome) => return self.enter(&format!("outcome {outcome:?}")),
            Observation::FailedOver(provider) => return self.failed_over.push(provider),
            Observation::Times(_) | Observation::Trouble(_) => return,
        };
        self.watched.push(format!("{:>7} {what}", self.now.to_string()));
    }

    fn note(&mut self, what: &str) {
        self.log.push(format!("{:>7} {what}", self.now.to_string()));
    }

    /// What happened, with the times.
    pub fn story(&self) -> String {
        self.log.join("\n")
    }

    fn enter(&mut self, what: &str) {
        self.ledger.push(format!("{:>7} {what}", self.now.to_string()));
    }

    /// What is done once: requests, tools, what is kept.
    pub fn ledger(&self) -> String {
        self.ledger.join("\n")
    }

    /// What somebody sees who follows the call.
    pub fn watched(&self) -> String {
        self.watched.join("\n")
    }

    /// What was decided, without times and without what only sound has.
    fn decisions(&self) -> Vec<&str> {
        let what = self.log.iter().map(|line| line.trim_start().split_once(' ').unwrap().1);
        what.filter(|what| !what.starts_with('~')).collect()
    }
}

/// Plays a story over both lines, and returns how it went where there was sound.
pub fn on_both_lines(tell: impl Fn(bool) -> Scene) -> String {
    let mut sound = tell(true);
    let mut words = tell(false);
    sound.play(600);
    words.play(600);
    assert_eq!(
        sound.decisions().join("\n"),
        words.decisions().join("\n"),
        "a line of words decides otherwise; with sound:\n{}\nwith words:\n{}",
        sound.story(),
        words.story()
    );
    sound.story()
}

fn describe(event: &Event) -> Option<String> {
    Some(match event {
        Event::Partial(_) => return None,
        Event::Speaking => "~ script: the caller speaks".into(),
        Event::Turn(turn) if turn.revision > 0 => {
            format!("script: turn {} again: {:?}", turn.number, turn.said.text)
        }
        Event::Turn(turn) => format!("script: turn {}: {:?}", turn.number, turn.said.text),
        Event::Done(report) => {
            let answer = match report.answer.trim() {
                answer if answer == report.heard || answer.is_empty() => String::new(),
                answer if answer.len() > 500 => format!(" of {} bytes", answer.len()),
                answer => format!(" of {answer:?}"),
            };
            format!("script: {} is {:?}, heard {:?}{answer}", report.id, report.ending, report.heard)
        }
        Event::ToolCall { question, call } => {
            format!("script: {question} calls {}({}) as {}", call.name, call.arguments, call.id)
        }
        Event::Response { id, outcome } => match outcome {
            Ok(fetched) => format!("script: response {id}: {}", fetched.head.status),
            Err(failure) => format!("script: response {id}: {failure}"),
        },
        Event::Recalled { id, fields: None } => format!("script: {id} is not known"),
        Event::Recalled { id, fields: Some(fields) } => {
            let fields: Vec<String> = fields.iter().map(|f| format!("{} = {}", f.name, f.value)).collect();
            format!("script: {id} had {}", fields.join(", "))
        }
        Event::Silence(length) => format!("script: silence of {} s", length.as_secs_f32()),
        event => format!("script: {event:?}"),
    })
}

fn summary(prompt: &llm::Prompt) -> String {
    let messages: Vec<String> = prompt
        .messages
        .iter()
        .skip(1) // the instructions
        .map(|message| match message {
            chat::Message::System(text) => format!("note {text:?}"),
            chat::Message::Caller(text) => format!("caller {text:?}"),
            chat::Message::Assistant(reply) => {
                let calls: String = reply.calls.iter().map(|c| format!(" calls {}", c.name)).collect();
                if reply.text.is_empty() {
                    format!("agent{calls}")
                } else {
                    format!("agent {:?}{calls}", reply.text)
                }
            }
            chat::Message::Tool(result) => format!("tool {}", result.content),
        })
        .collect();
    messages.join(" | ")
}
