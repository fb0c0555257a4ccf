//! Any order of inputs: the call comes to rest after each, sends nothing of what was cut short,
//! loses and invents nothing of what was heard, reports everything once, and ends.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use ::audio::detect::Energy;
use ::audio::dtmf;
use call::chat::{Message, Stop, ToolCall, ToolChoice, ToolResult};
use call::conversation::{LAST_RESORT, LastResort};
use call::line::UtteranceId;
use call::llm::{Effect as Model, Prompt, ReplyId};
use call::persona::{Action, Answerer, Collection, Context, Departure, Event, Field, Hint};
use call::persona::{Interruption, Manner, Question};
use call::{Call, Config, Input, Line, Moment, Observation, Output, audio, net, stt, text, tts};
use call::{Cause, Failure, Provider};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

/// One thing that happens; what it is about (which mark, which utterance) is chosen from what is
/// there, by number.
#[derive(Clone, Debug)]
enum Happening {
    Wait(u16),
    Timeout,
    Speech(bool),
    Mark(u8),
    Key(char),
    Said(&'static str, bool),
    Transcript(&'static str, bool, bool),
    Recogniser(stt::Effect),
    Audio(u8, u16),
    VoiceFinished(u8),
    Voice(tts::Effect),
    Model(u8, ModelDoes),
    /// the next events are answered with these
    Script(Vec<Does>),
    PersonaFailed,
    /// it knows of all that it had begun
    PersonaRestored(bool),
    Response(u8),
    Recalled(u8, bool),
    Operator(OperatorDoes),
    AnsweredBy(Answerer),
    LineLost,
    LineBack,
    Transferred(u32),
    TransferFailed(u32),
}

#[derive(Clone, Debug)]
enum OperatorDoes {
    Says(&'static str),
    Presses,
    Interrupts,
    Ends,
}

#[derive(Clone, Debug)]
enum ModelDoes {
    Says(&'static str),
    Calls,
    Finishes,
    Fails(Cause),
}

#[derive(Clone, Debug)]
enum Does {
    Say(u32, &'static str, Interruption),
    Ask(u32, bool),
    AnswerTool(u8),
    Cancel(u32),
    Listen,
    Collect,
    Fetch(u32),
    Recall(u32),
    Timer(u32, u16),
    Digits(u32),
    Transfer(u32),
    Note,
    HangUp,
}

fn words() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "",
        " ",
        "Yes.",
        "I would like a table for four, please. At eight, if you can.",
        "no",
        "Grüße, 你好。 and so on",
    ])
}

fn does() -> impl Strategy<Value = Does> {
    use Interruption::{Anything, Keys, Nothing, Speech};
    let manner = prop::sample::select(vec![Anything, Anything, Anything, Speech, Keys, Nothing]);
    let id = 1..6u32;
    prop_oneof![
        4 => (id.clone(), words(), manner).prop_map(|(id, text, by)| Does::Say(id, text, by)),
        3 => (id.clone(), any::<bool>()).prop_map(|(id, aloud)| Does::Ask(id, aloud)),
        2 => any::<u8>().prop_map(Does::AnswerTool),
        1 => id.clone().prop_map(Does::Cancel),
        2 => Just(Does::Listen),
        1 => Just(Does::Collect),
        1 => id.clone().prop_map(Does::Fetch),
        1 => id.clone().prop_map(Does::Recall),
        1 => (id.clone(), 0..3000u16).prop_map(|(id, after)| Does::Timer(id, after)),
        1 => id.clone().prop_map(Does::Digits),
        1 => id.prop_map(Does::Transfer),
        1 => Just(Does::Note),
        // rarely, or most calls would be short
        1 => prop::bool::weighted(0.1).prop_map(|end| if end { Does::HangUp } else { Does::Note }),
    ]
}

fn happening() -> impl Strategy<Value = Happening> {
    let failure = prop::sample::select(vec![Cause::Unreachable, Cause::Unreachable, Cause::Denied])
        .prop_map(|cause| Failure::new(cause, "simulated"));
    prop_oneof![
        6 => (0..800u16).prop_map(Happening::Wait),
        6 => Just(Happening::Timeout),
        3 => any::<bool>().prop_map(Happening::Speech),
        6 => any::<u8>().prop_map(Happening::Mark),
        1 => prop::sample::select(vec!['1', '#']).prop_map(Happening::Key),
        2 => (words(), any::<bool>()).prop_map(|(text, last)| Happening::Said(text, last)),
        4 => (words(), any::<bool>(), any::<bool>()).prop_map(|(t, f, e)| Happening::Transcript(t, f, e)),
        1 => prop_oneof![Just(stt::Effect::TurnStarted), Just(stt::Effect::TurnEnded)]
            .prop_map(Happening::Recogniser),
        1 => failure.clone().prop_map(|f| Happening::Recogniser(stt::Effect::Failed(f))),
        8 => (any::<u8>(), 0..9000u16).prop_map(|(which, bytes)| Happening::Audio(which, bytes)),
        4 => any::<u8>().prop_map(Happening::VoiceFinished),
        2 => Just(Happening::Voice(tts::Effect::More)),
        1 => failure.prop_map(|f| Happening::Voice(tts::Effect::Failed(f))),
        8 => (any::<u8>(), prop_oneof![
            4 => words().prop_map(ModelDoes::Says),
            1 => Just(ModelDoes::Calls),
            2 => Just(ModelDoes::Finishes),
            1 => prop::sample::select(vec![Cause::Unreachable, Cause::Garbled, Cause::Denied])
                .prop_map(ModelDoes::Fails),
        ])
            .prop_map(|(which, does)| Happening::Model(which, does)),
        6 => prop::collection::vec(does(), 1..4).prop_map(Happening::Script),
        1 => prop::bool::weighted(0.1)
            .prop_map(|dies| if dies { Happening::PersonaFailed } else { Happening::Timeout }),
        1 => (prop::bool::weighted(0.3), any::<bool>()).prop_map(|(breaks, knows)| match breaks {
            true => Happening::PersonaRestored(knows),
            false => Happening::Timeout,
        }),
        1 => any::<u8>().prop_map(Happening::Response),
        1 => (any::<u8>(), any::<bool>()).prop_map(|(which, known)| Happening::Recalled(which, known)),
        3 => prop_oneof![
            words().prop_map(OperatorDoes::Says),
            Just(OperatorDoes::Presses),
            Just(OperatorDoes::Interrupts),
            prop::bool::weighted(0.1)
                .prop_map(|ends| if ends { OperatorDoes::Ends } else { OperatorDoes::Interrupts }),
        ]
            .prop_map(Happening::Operator),
        1 => prop::sample::select(vec![Answerer::Human, Answerer::MachineGreeting, Answerer::Fax])
            .prop_map(Happening::AnsweredBy),
        1 => Just(Happening::LineLost),
        2 => Just(Happening::LineBack),
        1 => (1..6u32, prop::bool::weighted(0.3)).prop_map(|(id, through)| match through {
            true if id == 5 => Happening::Transferred(LAST_RESORT),
            false if id == 5 => Happening::TransferFailed(LAST_RESORT),
            true => Happening::Transferred(id),
            false => Happening::TransferFailed(id),
        }),
    ]
}

/// Longer than a question may take, and all that its voice may owe.
const LONGEST_WAIT: Duration = Duration::from_secs(200);

/// The driver, and the books it keeps.
struct World {
    call: Call,
    now: Moment,
    due: Moment,
    sound: bool,
    answers: VecDeque<Vec<Action>>,
    calls: Vec<String>,
    /// begun by the script and not reported, and at which input
    open: BTreeMap<u32, u32>,
    /// how often each provider was replaced since it last gave something
    failed_over: BTreeMap<Provider, u32>,
    providers: u32,
    /// questions among what is open
    questions: BTreeSet<u32>,
    inputs: u32,
    /// the input at which the call began to end
    ending_since: Option<u32>,
    timers: BTreeSet<u32>,
    fetches: Vec<u32>,
    /// what is looked up, and neither answered nor cancelled
    recalls: Vec<u32>,
    /// asked for, and neither answered nor cancelled
    transfer: Option<u32>,
    lost: bool,
    /// the script knows who picked up
    answered: bool,
    spoken: BTreeSet<UtteranceId>,
    caller_speaks: bool,
    replies: Vec<ReplyId>,
    begun: Vec<UtteranceId>,
    sent: BTreeSet<UtteranceId>,
    reported: BTreeSet<UtteranceId>,
    marks: Vec<String>,
    closed: bool,
    persona: bool,
    told_ended: bool,
    ended: Option<Departure>,
}

impl World {
    /// `providers`: so many of each stand behind each other.
    fn new(sound: bool, providers: u32) -> Self {
        let mut config = Config::default();
        config.conversation.models = providers;
        // somebody takes over, in some calls
        let desk = || LastResort { to: "desk".into(), phrase: "I am connecting you.".into() };
        config.conversation.last_resort = (providers == 2).then(desk);
        config.line = match sound {
            true => Line::Audio(audio::Settings {
                voices: providers,
                recognisers: providers,
                ..audio::Settings::default()
            }),
            false => Line::Text(text::Settings::default()),
        };
        Self {
            call: Call::new(config, Box::new(Energy::default())),
            now: Moment::START,
            due: Moment::NEVER,
            sound,
            answers: VecDeque::new(),
            calls: Vec::new(),
            open: BTreeMap::new(),
            failed_over: BTreeMap::new(),
            providers,
            questions: BTreeSet::new(),
            inputs: 0,
            ending_since: None,
            timers: BTreeSet::new(),
            fetches: Vec::new(),
            recalls: Vec::new(),
            transfer: None,
            lost: false,
            answered: false,
            spoken: BTreeSet::new(),
            caller_speaks: false,
            replies: Vec::new(),
            begun: Vec::new(),
            sent: BTreeSet::new(),
            reported: BTreeSet::new(),
            marks: Vec::new(),
            closed: false,
            persona: true,
            told_ended: false,
            ended: None,
        }
    }

    fn happen(&mut self, happening: Happening) {
        let pick = |from: usize, number: u8| (from > 0).then(|| usize::from(number) % from);
        match happening {
            Happening::Wait(milliseconds) => {
                // time does not pass over something that is due
                self.now = (self.now + Duration::from_millis(u64::from(milliseconds))).min(self.due);
                self.give(Input::Timeout);
            }
            Happening::Timeout => {
                if self.due < Moment::NEVER {
                    self.now = self.now.max(self.due);
                    self.give(Input::Timeout);
                }
            }
            Happening::Speech(loud) => {
                let frame = if loud { [0x0F, 0x8F].repeat(400) } else { vec![0xFF; 800] };
                self.give(Input::Audio(audio::Input::Frame(frame)));
            }
            Happening::Mark(which) => {
                let name = match pick(self.marks.len(), which) {
                    Some(at) => self.marks[at].clone(),
                    None => "7-7".into(),
                };
                self.give(Input::Audio(audio::Input::Mark(name)));
            }
            Happening::Key(key) => self.give(Input::Key(key)),
            Happening::Said(text, last) if self.sound => {
                self.give(Input::Audio(audio::Input::Said { text: text.into(), last }));
            }
            Happening::Said(text, last) => {
                let said = call::persona::Utterance { text: text.into(), confidence: 1.0, language: None };
                self.give(Input::Text(text::Input::Prompt { said, last }));
            }
            Happening::Transcript(text, is_final, ends) => {
                let transcript =
                    stt::Transcript { text: text.into(), confidence: 0.5, words: vec![], until: None };
                let mut effects = vec![match is_final {
                    true => stt::Effect::Final(transcript),
                    false => stt::Effect::Partial(transcript),
                }];
                effects.extend(ends.then_some(stt::Effect::TurnEnded));
                self.give(Input::Stt(effects));
            }
            Happening::Recogniser(effect) => self.give(Input::Stt(vec![effect])),
            Happening::Audio(which, bytes) => {
                let utterance = pick(self.begun.len(), which).map_or(UtteranceId(999), |at| self.begun[at]);
                let data = vec![0x20; usize::from(bytes)];
                self.give(Input::Tts(vec![tts::Effect::Audio { utterance, data }]));
            }
            Happening::VoiceFinished(which) => {
                if let Some(at) = pick(self.begun.len(), which) {
                    self.give(Input::Tts(vec![tts::Effect::Finished(self.begun[at])]));
                }
            }
            Happening::Voice(effect) => self.give(Input::Tts(vec![effect])),
            Happening::Model(which, does) => {
                if let Some(at) = pick(self.replies.len(), which) {
                    let effect = match does {
                        ModelDoes::Says(text) => Model::Delta(text.into()),
                        ModelDoes::Calls => Model::ToolCall(ToolCall {
                            id: "same".into(),
                            name: "tool".into(),
                            arguments: "{}".into(),
                        }),
                        ModelDoes::Finishes => Model::Finished(Stop::Complete),
                        ModelDoes::Fails(cause) => Model::Failed(Failure::new(cause, "simulated")),
                    };
                    self.give(Input::Model { reply: self.replies[at], effects: vec![effect] });
                }
            }
            Happening::Script(does) => {
                let actions = does.into_iter().map(|does| self.action(does)).collect();
                self.answers.push_back(actions);
            }
            Happening::PersonaFailed => {
                self.persona = false;
                self.give(Input::PersonaFailed("simulated".into()));
            }
            Happening::PersonaRestored(up_to_date) => {
                let (broken_by, why) = (Event::Speaking, "simulated".into());
                let idempotent = Default::default();
                self.give(Input::PersonaRestored { broken_by, why, up_to_date, idempotent });
            }
            Happening::Response(which) => {
                if let Some(at) = pick(self.fetches.len(), which) {
                    let id = self.fetches.remove(at);
                    let outcome = Err(net::Failure::new(net::Fault::Timeout, "simulated"));
                    self.give(Input::Response { id, outcome });
                }
            }
            Happening::Recalled(which, known) => {
                if let Some(at) = pick(self.recalls.len(), which) {
                    let id = self.recalls.remove(at);
                    let fields = known.then(|| vec![Field { name: "claim_id".into(), value: "7".into() }]);
                    self.give(Input::Recalled { id, fields });
                }
            }
            Happening::Operator(does) => self.give(match does {
                OperatorDoes::Says(text) => Input::Say(text.into()),
                OperatorDoes::Presses => Input::Digits(dtmf::parse("1w2").unwrap()),
                OperatorDoes::Interrupts => Input::Interrupt,
                OperatorDoes::Ends => Input::End(Departure::Operator),
            }),
            Happening::AnsweredBy(answerer) => self.give(Input::AnsweredBy(answerer)),
            Happening::LineLost => self.give(Input::Detached),
            Happening::LineBack => self.give(Input::Attached),
            Happening::Transferred(id) => {
                if self.transfer == Some(id) {
                    self.transfer = None;
                    self.ending_since.get_or_insert(self.inputs + 1);
                }
                self.give(Input::Transferred(id));
            }
            Happening::TransferFailed(id) => {
                self.transfer.take_if(|open| *open == id);
                self.give(Input::TransferFailed { id, why: "simulated".into() });
            }
        }
    }

    /// Nobody gives anything any more: what waits for a provider comes to its end, however many stand
    /// behind each other.
    fn wait_in_vain(&mut self) {
        self.answers.clear();
        self.failed_over.clear();
        self.give(Input::Attached);
        let open: Vec<u32> = self.questions.iter().copied().collect();
        let until = self.now + LONGEST_WAIT;
        while self.ended.is_none() && self.now < until && self.due < Moment::NEVER {
            self.now = self.now.max(self.due);
            self.give(Input::Timeout);
        }
        for (provider, times) in &self.failed_over {
            // what was open and what the apology waits for; a model may be asked for each question that
            // is open, and for each of its replies
            let most = self.providers * if *provider == Provider::Model { 9 * 6 } else { 2 };
            assert!(*times <= most, "{provider:?} was replaced {times} times in vain");
        }
        let waits = open.iter().filter(|id| self.questions.contains(*id)).collect::<Vec<_>>();
        // what is asked of a call that is ending is not answered
        let over = self.ended.is_some() || self.transfer.is_some();
        assert!(over || waits.is_empty(), "{waits:?} still wait for an answer");
    }

    fn action(&self, does: Does) -> Action {
        match does {
            Does::Say(id, text, interruption) => {
                Action::Say { id, text: text.into(), manner: Manner::new(interruption) }
            }
            Does::Ask(id, aloud) => Action::Ask(Question {
                id,
                instructions: "Be kind.".into(),
                context: Context::Conversation,
                tools: vec![],
                tool_choice: ToolChoice::Auto,
                schema: None,
                max_tokens: None,
                temperature: None,
                aloud: aloud.then(|| Manner::new(Interruption::Anything)),
            }),
            Does::AnswerTool(which) => {
                let id = match self.calls.len() {
                    0 => "call00099".to_owned(),
                    n => self.calls[usize::from(which) % n].clone(),
                };
                Action::ToolResult(ToolResult { id, content: "done".into() })
            }
            Does::Cancel(id) => Action::Cancel(id),
            Does::Listen => Action::Listen(Hint::default()),
            Does::Collect => {
                Action::Collect(Collection { max: 2, finish: Some('#'), timeout: Duration::from_secs(2) })
            }
            Does::Fetch(id) => Action::Fetch {
                id,
                request: net::Request {
                    method: "GET".into(),
                    url: "x".into(),
                    headers: vec![],
                    body: vec![],
                },
            },
            Does::Recall(id) => Action::Recall { id, field: "claim_id".into(), value: "7".into() },
            Does::Timer(id, after) => Action::Timer { id, after: Duration::from_millis(u64::from(after)) },
            Does::Digits(id) => Action::SendDigits { id, digits: "1".into() },
            Does::Transfer(id) => Action::Transfer { id, to: "desk".into(), brief: None },
            Does::Note => Action::Note("noted".into()),
            Does::HangUp => Action::HangUp,
        }
    }

    fn give(&mut self, input: Input) {
        if self.ended.is_some() {
            return;
        }
        self.inputs += 1;
        match &input {
            Input::Closed => {
                self.closed = true;
                self.ending_since.get_or_insert(self.inputs);
            }
            Input::Detached => self.lost = true,
            Input::Attached => self.lost = false,
            _ => {}
        }
        self.call.handle(self.now, input);
        for _ in 0..10_000 {
            match self.call.poll_output() {
                Output::Timeout(due) => {
                    assert!(due > self.now, "due at {due}, at {}", self.now);
                    self.due = due;
                    return;
                }
                Output::Ended(summary) => {
                    self.ended = Some(summary.departure);
                    return;
                }
                output => self.carry_out(output),
            }
        }
        panic!("the call never comes to rest");
    }

    fn carry_out(&mut self, output: Output) {
        let sends =
            matches!(output, Output::Media { .. } | Output::Mark(_) | Output::Clear | Output::Text(_));
        assert!(!sends || !self.lost, "{output:?} to a line that is lost");
        match output {
            Output::Media { utterance, audio } => {
                assert!(!self.closed, "audio after the close");
                assert!(!self.reported.contains(&utterance), "audio of {utterance:?} after its report");
                assert!(!audio.is_empty() && audio.len() % 160 == 0);
                self.sent.insert(utterance);
            }
            Output::Text(text::Output::Speak { utterance, .. }) => {
                assert!(!self.closed, "words after the close");
                assert!(!self.reported.contains(&utterance), "words of {utterance:?} after its report");
                self.sent.insert(utterance);
            }
            Output::Mark(name) => self.marks.push(name),
            Output::Clear | Output::Text(text::Output::Stop) => assert!(!self.closed),
            Output::Close => {
                assert!(!self.closed);
                self.closed = true;
                self.ending_since.get_or_insert(self.inputs);
            }
            Output::Observed(Observation::Trouble(what))
                if what.starts_with("the recogniser failed:") || what.starts_with("the voice failed:") =>
            {
                self.ending_since.get_or_insert(self.inputs);
            }
            Output::Tts(tts::Event::Begin { utterance, .. }) => self.begun.push(utterance),
            Output::Model { reply, event: call::llm::Event::Generate(prompt) } => {
                well_formed(&prompt);
                self.replies.push(reply);
            }
            Output::Model { reply, event: call::llm::Event::Cancel } => {
                assert!(self.replies.contains(&reply), "{reply:?} was never asked for");
            }
            Output::Fetch { id, .. } => self.fetches.push(id),
            Output::CancelFetch(id) => self.fetches.retain(|open| *open != id),
            Output::Recall { id, .. } => {
                assert!(!self.recalls.contains(&id), "{id} is looked up twice at once");
                self.recalls.push(id);
            }
            Output::CancelRecall(id) => {
                assert!(self.recalls.contains(&id), "{id} is not looked up");
                self.recalls.retain(|open| *open != id);
            }
            Output::Transfer { id, .. } => {
                assert!(self.transfer.replace(id).is_none(), "a second transfer");
            }
            Output::CancelTransfer(id) => assert_eq!(self.transfer.take(), Some(id)),
            Output::Observed(Observation::FailedOver(provider)) => {
                *self.failed_over.entry(provider).or_default() += 1;
            }
            Output::Observed(Observation::Speaks { utterance, .. }) => {
                assert!(self.spoken.insert(utterance), "{utterance:?} begins twice");
            }
            Output::Observed(Observation::Caller { speaking }) => {
                assert!(self.caller_speaks != speaking, "no edge");
                self.caller_speaks = speaking;
            }
            Output::Observed(Observation::Spoke { utterance, text, heard, .. }) => {
                assert!(self.reported.insert(utterance), "{utterance:?} was reported twice");
                assert!(text.starts_with(&heard), "heard {heard:?} of {text:?}");
                assert!(heard.is_empty() || self.sent.contains(&utterance), "heard of {utterance:?}");
            }
            Output::Observed(Observation::Trouble(what)) if what.starts_with("the persona failed") => {
                self.persona = false;
            }
            Output::Persona(event) => self.tell(event),
            _ => {}
        }
    }

    /// The script is told something, answers, and keeps its books.
    fn tell(&mut self, event: Event) {
        assert!(self.persona, "{event:?} to a script that is gone");
        assert!(!self.told_ended, "{event:?} after the end");
        match event {
            Event::Done(report) => {
                assert!(self.open.remove(&report.id).is_some(), "no {} is open", report.id);
                self.questions.remove(&report.id);
            }
            Event::Response { id, .. } => assert!(self.open.remove(&id).is_some(), "no fetch {id} is open"),
            Event::Recalled { id, .. } => {
                assert!(self.open.remove(&id).is_some(), "{id} is not looked up");
            }
            Event::AnsweredBy(_) => assert!(!std::mem::replace(&mut self.answered, true), "told twice"),
            Event::LineLost => assert!(self.lost),
            Event::LineBack => assert!(!self.lost),
            Event::Timer(id) => assert!(self.timers.remove(&id), "no timer {id} runs"),
            Event::ToolCall { call, .. } => {
                assert!(!self.calls.contains(&call.id), "{} was called twice", call.id);
                self.calls.push(call.id);
            }
            Event::Ended(_) => {
                // what was begun while the call already ended gets no report but this
                let since = self.ending_since.unwrap();
                assert!(self.open.values().all(|at| *at >= since), "not reported: {:?}", self.open);
                self.told_ended = true;
            }
            _ => {}
        }
        let actions = self.answers.pop_front().unwrap_or_default();
        for action in &actions {
            match action {
                Action::Say { id, .. }
                | Action::Fetch { id, .. }
                | Action::Recall { id, .. }
                | Action::SendDigits { id, .. }
                | Action::Transfer { id, .. }
                    if !self.timers.contains(id) && !self.told_ended =>
                {
                    self.open.entry(*id).or_insert(self.inputs);
                }
                Action::Ask(question) if !self.timers.contains(&question.id) && !self.told_ended => {
                    if !self.open.contains_key(&question.id) {
                        self.questions.insert(question.id);
                    }
                    self.open.entry(question.id).or_insert(self.inputs);
                }
                Action::Timer { id, .. } => {
                    self.timers.insert(*id);
                }
                Action::Cancel(id) => {
                    self.timers.remove(id);
                }
                _ => {}
            }
        }
        self.call.handle(self.now, Input::Persona(actions));
    }
}

/// What every vendor wants of a conversation: each call is answered right behind it.
fn well_formed(prompt: &Prompt) {
    let mut waiting: VecDeque<String> = VecDeque::new();
    let mut seen = BTreeSet::new();
    for message in &prompt.messages {
        match message {
            Message::Tool(result) => assert_eq!(waiting.pop_front().as_ref(), Some(&result.id)),
            message => {
                assert!(waiting.is_empty(), "{waiting:?} unanswered before {message:?}");
                if let Message::Assistant(reply) = message {
                    assert!(!reply.text.trim().is_empty() || !reply.calls.is_empty(), "an empty message");
                    waiting = reply.calls.iter().map(|call| call.id.clone()).collect();
                    assert!(waiting.iter().all(|id| seen.insert(id.clone())), "an id twice: {waiting:?}");
                }
            }
        }
    }
    assert!(waiting.is_empty());
}

fn live(sound: bool, providers: u32, first: Vec<Does>, happenings: Vec<Happening>) {
    let mut world = World::new(sound, providers);
    let greeting = first.into_iter().map(|does| world.action(does)).collect();
    world.answers.push_back(greeting);
    world.give(Input::Attached);
    for happening in happenings {
        world.happen(happening);
    }
    world.wait_in_vain();
    world.give(Input::Closed);
    world.now = world.now + Duration::from_secs(1);
    world.give(Input::Timeout);
    assert!(world.ended.is_some(), "the call does not end");
    assert!(world.transfer.is_none(), "a transfer is left open");
    assert!(world.recalls.is_empty(), "something is still looked up");
    assert!(world.told_ended || !world.persona, "the script was not told");
}

/// More of them by `PROPTEST_CASES`.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(5000)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn on_a_line_of_sound(
        providers in 1..=3u32,
        first in prop::collection::vec(does(), 0..4),
        happenings in prop::collection::vec(happening(), 0..80),
    ) {
        live(true, providers, first, happenings);
    }

    #[test]
    fn on_a_line_of_words(
        providers in 1..=3u32,
        first in prop::collection::vec(does(), 0..4),
        happenings in prop::collection::vec(happening(), 0..80),
    ) {
        live(false, providers, first, happenings);
    }
}
