//! Every kind of component, misbehaving at every entry, one row each. Each ends alone: one failure in
//! the words of its kind, its name and its call in the log, everything it held given back. A session
//! of the same component in another call works before, meanwhile and after.

use crate::desk::*;
use call::line::UtteranceId;
use call::persona;
use call::{Moment, llm, stt, tts};
use components::manifest::Kind;
use components::{
    Consumed, Generation, Listening, LlmSession, PersonaSession, Scene, Speaking, SttSession, Surroundings,
    TtsSession,
};
use std::sync::Arc;
use std::time::Duration;

const CALL: &str = "CA-hostile";

/// One behaviour.
struct Row {
    name: String,
    guest: &'static str,
    mode: String,
    comes_to: ComesTo,
}

#[derive(Clone, Copy)]
enum ComesTo {
    /// it is not called any more, for this
    Fault(&'static str),
    /// it does not begin, and says this
    Refusal(&'static str),
    /// it says itself that it cannot go on
    GivesUp(&'static str),
    /// nothing, and this holds of what it said
    Nothing(fn(&str) -> bool),
}
use ComesTo::{Fault, GivesUp, Nothing, Refusal};

const GUESTS: [(&str, &[&str]); 4] = [
    ("hostile-stt", &["open", "handle"]),
    ("hostile-llm", &["open", "handle"]),
    ("hostile-tts", &["open", "handle"]),
    ("hostile-script", &["open", "handle", "snapshot", "restore"]),
];

/// What can be done at any entry, and what it comes to.
const DEEDS: [(&str, &str); 9] = [
    ("loop", "it computed for more than 50 ms"),
    ("recurse", "call stack exhausted"),
    ("hoard", "bytes of memory, and may have 16777216"),
    ("swallow", "bytes of memory, and may have 16777216"),
    ("trap", "this is on purpose"),
    ("sermon", "these are very long last words"),
    ("exit", "exit"),
    ("sleep", "it wanted to wait"),
    ("shout", "it computed for more than 50 ms"),
];

const TOO_MANY: ComesTo = Fault("effects at once, and may give 1000");
const TOO_MUCH: ComesTo = Fault("bytes of effects at once");
const NO_TEXT: ComesTo = Fault("utf-8");

fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    let mut row = |name: &str, guest, mode: &str, comes_to| {
        rows.push(Row { name: name.to_owned(), guest, mode: mode.to_owned(), comes_to });
    };
    for (guest, entries) in GUESTS {
        for entry in entries {
            for (deed, reason) in DEEDS {
                row(
                    &format!("{guest}: {deed} at {entry}"),
                    guest,
                    &format!("{deed}-at-{entry}"),
                    Fault(reason),
                );
            }
        }
        row("traps at the tenth event, after nine good ones", guest, "trap-at-tenth", Fault("on purpose"));
        // nothing of a component runs any more when its session goes
        row("wants to loop when it is dropped", guest, "loop-at-drop", Nothing(|_| true));
        row("wants to trap when it is dropped", guest, "trap-at-drop", Nothing(|_| true));
        row(
            "floods the call with effects",
            guest,
            if guest == "hostile-tts" { "mores" } else { "flood" },
            TOO_MANY,
        );
        row("gives six megabytes at once", guest, "giant", TOO_MUCH);
        row("gives text that is none", guest, "garbled", NO_TEXT);
    }
    for guest in ["hostile-stt", "hostile-llm", "hostile-tts"] {
        row("refuses at length, in lines that look like the log's", guest, "refuse", Refusal("all is well"));
    }
    let refused = Refusal("all is well");
    row("a script that refuses at length", "hostile-script", "refuse-at-open", refused);
    row("a script that refuses its own snapshot", "hostile-script", "refuse-at-restore", refused);
    row("a snapshot of six megabytes", "hostile-script", "giant-snapshot", TOO_MUCH);
    row("a snapshot that is no text", "hostile-script", "garbled-snapshot", NO_TEXT);
    row("a list of effects that ends outside its memory", "hostile-script", "endless", Fault("it trapped"));
    row(
        "a script that lies about ids: the call sorts that out",
        "hostile-script",
        "ids",
        Nothing(|said| said.contains("me, me, me")),
    );
    row(
        "a script that wants to go on as somebody who is not there",
        "hostile-script",
        "succeed",
        Nothing(|said| said.contains("../etc")),
    );
    let numbers = |said: &str| {
        ["confidence: 0.0", "confidence: 1.0"].iter().all(|sane| said.contains(sane))
            && ["NaN", "inf", "-1.0", "7.0"].iter().all(|insane| !said.contains(insane))
    };
    row("a recogniser whose numbers are none", "hostile-stt", "nonsense", Nothing(numbers));
    row("a recogniser that bills for all the time there is", "hostile-stt", "bill", Nothing(|_| true));
    let once = GivesUp("no more today");
    row("a recogniser that goes on after it gave up", "hostile-stt", "after-the-end", once);
    row("a model that goes on after it gave up", "hostile-llm", "after-the-end", once);
    row("a model that bills for all the tokens there are", "hostile-llm", "bill", Nothing(|_| true));
    row(
        "a model that calls a tool twice under one id, and one whose name is a megabyte",
        "hostile-llm",
        "tools",
        Nothing(|said| said.matches("ToolCall(").count() == 4),
    );
    row("a model that hoards numbers for sessions", "hostile-llm", "handles", Fault("handle limit exceeded"));
    row("timers without end, of no time at all", "hostile-llm", "ticks", Nothing(|_| true));
    row("more than 32 timers", "hostile-llm", "timers", Fault("more than 32 timers"));
    row("a log that is forged", "hostile-llm", "forge", Nothing(|_| true));
    row("a voice that never gives anything but that there is more", "hostile-tts", "more", Nothing(|_| true));
    row(
        "a voice that speaks of utterances that nobody began, and on after the end of one",
        "hostile-tts",
        "foreign",
        Nothing(|said| !said.contains("data: [") || said.matches("data: []").count() >= 100),
    );
    row(
        "a voice that gives halves of samples, and nothing",
        "hostile-tts",
        "crumbs",
        Nothing(|said| said.contains("Audio")),
    );
    row("a component that loops before anybody calls it", "hostile-start", "", Fault("it computed for more"));
    rows
}

#[tokio::test]
async fn each_ends_alone_and_gives_back_what_it_held() {
    let mut neighbour = Neighbour::new();
    neighbour.is_heard("before all of them");
    let rows = rows();
    let mut broken = Vec::new();
    for row in &rows {
        if let Err(why) = row.is_as_it_should_be(&mut neighbour).await {
            broken.push(format!("{} ({} {}): {why}", row.name, row.guest, row.mode));
        }
        neighbour.is_heard(&row.name);
    }
    assert!(rows.len() > 100, "{} rows", rows.len());
    assert!(broken.is_empty(), "{} of {} went wrong:\n{}", broken.len(), rows.len(), broken.join("\n"));
}

/// Somebody else's call with the same recogniser, which behaves there.
struct Neighbour {
    session: SttSession,
    heard: usize,
}

impl Neighbour {
    fn new() -> Self {
        let (surroundings, _arrivals) = surroundings("CA-neighbour");
        let generation = generation("hostile-stt", "parrot");
        let (session, effects) =
            generation.open_stt(&surroundings, Moment::START, Listening::default()).unwrap();
        assert_eq!(effects, []);
        Self { session, heard: 0 }
    }

    fn is_heard(&mut self, when: &str) {
        self.heard = self.heard % 300 + 1;
        let effects = self.session.handle(Moment::START, stt::Event::Audio(vec![0xFF; self.heard]));
        let [stt::Effect::Partial(heard)] = &effects[..] else { panic!("{when}: {effects:?}") };
        assert_eq!(heard.text, format!("{} bytes", self.heard), "{when}");
    }
}

fn generation(guest: &str, mode: &str) -> Arc<Generation> {
    let settings =
        if mode.is_empty() { String::new() } else { format!("settings = {{ mode = \"{mode}\" }}") };
    stranger(guest, &Desk::default().entry(guest, &settings))
}

impl Row {
    async fn is_as_it_should_be(&self, neighbour: &mut Neighbour) -> Result<(), String> {
        let generation = generation(self.guest, &self.mode);
        let (surroundings, _arrivals) = surroundings(CALL);
        let (said, log) = logged(async { drive(&generation, &surroundings, neighbour) }).await;
        let (_, consumed) = surroundings.consumed().remove(0);
        self.ended(&said)?;
        self.was_logged(&said, &log)?;
        self.gave_back(&consumed)
    }

    fn ended(&self, said: &Said) -> Result<(), String> {
        let failures = &said.failures;
        let reason = match self.comes_to {
            Nothing(holds) if failures.is_empty() => {
                let shown: String = said.effects.chars().take(300).collect();
                return ensure(holds(&said.effects), || format!("it said {shown}"));
            }
            Nothing(_) => return Err(format!("it failed: {failures:?}")),
            Fault(reason) | Refusal(reason) | GivesUp(reason) => reason,
        };
        let [failure] = &failures[..] else { return Err(format!("it failed {} times", failures.len())) };
        ensure(failure.contains(reason), || format!("it failed otherwise: {failure}"))?;
        ensure(failure.chars().count() < 1200, || "the reason does not end".into())?;
        ensure(!failure.contains('\n'), || "the reason is more than a line".into())
    }

    fn was_logged(&self, said: &Said, log: &str) -> Result<(), String> {
        for line in log.lines() {
            ensure(line.chars().count() < 2000, || "a line of the log does not end".into())?;
            ensure(!line.starts_with("2026-01-01"), || format!("a line is forged: {line}"))?;
        }
        if let Fault(reason) | Refusal(reason) = self.comes_to {
            let named = |line: &&str| [self.guest, CALL, reason].iter().all(|part| line.contains(part));
            let ends = |line: &&str| line.contains("is not called any more");
            let lines = log.lines().filter(named).filter(ends).count();
            ensure(lines == 1, || format!("the log says so {lines} times: {:?}", said.failures))?;
        }
        Ok(())
    }

    fn gave_back(&self, consumed: &Consumed) -> Result<(), String> {
        let (faults, refusals) = match self.comes_to {
            Fault(_) => (1, 0),
            Refusal(_) => (0, 1),
            GivesUp(_) | Nothing(_) => (0, 0),
        };
        ensure((consumed.faults, consumed.refusals) == (faults, refusals), || format!("{consumed:?}"))?;
        ensure(consumed.last_fault.is_some() == (faults + refusals > 0), || format!("{consumed:?}"))?;
        ensure((consumed.sessions, consumed.memory) == (0, 0), || format!("it still holds {consumed:?}"))?;
        ensure(consumed.opened > 0 && consumed.entries > 0, || format!("nothing was counted: {consumed:?}"))?;
        ensure(consumed.most_memory <= 2 * (16 << 20), || format!("it had {} bytes", consumed.most_memory))
    }
}

fn ensure(holds: bool, or: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(or()) }
}

/// What it said, as far as it got.
#[derive(Default)]
struct Said {
    effects: String,
    failures: Vec<String>,
}

impl Said {
    fn note<E: std::fmt::Debug>(&mut self, effects: Vec<E>, failure: impl Fn(&E) -> Option<String>) {
        for effect in effects {
            self.failures.extend(failure(&effect));
            self.effects += &format!("{effect:?} ");
        }
    }
}

/// So many things happen to it.
const STEPS: u64 = 24;

/// Tells it what is usual for its kind, until it is gone and beyond.
fn drive(generation: &Arc<Generation>, surroundings: &Surroundings, neighbour: &mut Neighbour) -> Said {
    let mut said = Said::default();
    let mut session = Session::open(generation, surroundings, &mut said);
    for step in 0..STEPS {
        let now = Moment::since_start(Duration::from_millis(10 * step));
        session.step(generation, surroundings, step, now, &mut said);
        neighbour.is_heard("meanwhile");
    }
    said
}

enum Session {
    Stt(Box<SttSession>),
    Llm(Box<LlmSession>),
    Tts(Box<TtsSession>),
    Script(Box<PersonaSession>),
    /// a script that must not be told anything again
    Over,
}

impl Session {
    fn open(generation: &Arc<Generation>, surroundings: &Surroundings, said: &mut Said) -> Self {
        let now = Moment::START;
        match generation.artifact.manifest.kind {
            Kind::Stt => {
                let (session, effects) =
                    generation.open_stt(surroundings, now, Listening::default()).unwrap();
                said.note(effects, stt_failure);
                Self::Stt(Box::new(session))
            }
            Kind::Llm => {
                let (session, effects) = generation.open_llm(surroundings, now).unwrap();
                said.note(effects, llm_failure);
                Self::Llm(Box::new(session))
            }
            Kind::Tts => {
                let (session, effects) = generation.open_tts(surroundings, now, Speaking::default()).unwrap();
                said.note(effects, tts_failure);
                Self::Tts(Box::new(session))
            }
            Kind::Persona => {
                Self::script(generation.open_persona(surroundings, now, &scene()).unwrap(), said)
            }
        }
    }

    fn script(opened: Result<PersonaSession, components::Fault>, said: &mut Said) -> Self {
        match opened {
            Ok(script) => Self::Script(Box::new(script)),
            Err(fault) => {
                said.failures.push(fault.to_string());
                Self::Over
            }
        }
    }

    fn step(
        &mut self,
        generation: &Arc<Generation>,
        surroundings: &Surroundings,
        step: u64,
        now: Moment,
        said: &mut Said,
    ) {
        match self {
            Self::Stt(session) => {
                said.note(session.handle(now, stt::Event::Audio(vec![0xFF; 320])), stt_failure);
            }
            Self::Llm(session) if step == 0 => {
                said.note(session.handle(now, llm::Event::Generate(prompt("Hello?"))), llm_failure);
            }
            Self::Llm(session) => {
                said.note(session.timeout(now), llm_failure);
                let next = session.next_timeout();
                assert!(next >= now + Duration::from_millis(10), "it is woken again at {next}, after {now}");
            }
            Self::Tts(session) => said.note(session.handle(now, speech(step)), tts_failure),
            Self::Script(script) => {
                let fault = match step {
                    3 => script.snapshot(now).err(),
                    4 => {
                        let restored = generation.restore_persona(surroundings, now, &scene(), "{}").unwrap();
                        *self = Self::script(restored, said);
                        None
                    }
                    0 => said_by(script.handle(now, persona::Event::Started), said),
                    _ => said_by(script.handle(now, persona::Event::Key('1')), said),
                };
                if let Some(fault) = fault {
                    said.failures.push(fault.to_string());
                    *self = Self::Over;
                }
            }
            Self::Over => {}
        }
    }
}

fn said_by(
    actions: Result<Vec<persona::Action>, components::Fault>,
    said: &mut Said,
) -> Option<components::Fault> {
    match actions {
        Ok(actions) => {
            said.note(actions, |_| None);
            None
        }
        Err(fault) => Some(fault),
    }
}

fn speech(step: u64) -> tts::Event {
    let utterance = UtteranceId(1);
    match step {
        0 => tts::Event::Begin { utterance, voice: None, language: None },
        1 => tts::Event::Speak { utterance, text: "My soup was cold.".into(), last: true },
        _ => tts::Event::More,
    }
}

fn stt_failure(effect: &stt::Effect) -> Option<String> {
    if let stt::Effect::Failed(failure) = effect { Some(failure.to_string()) } else { None }
}

fn llm_failure(effect: &llm::Effect) -> Option<String> {
    if let llm::Effect::Failed(failure) = effect { Some(failure.to_string()) } else { None }
}

fn tts_failure(effect: &tts::Effect) -> Option<String> {
    if let tts::Effect::Failed(failure) = effect { Some(failure.to_string()) } else { None }
}

fn scene() -> Scene {
    Scene { seed: 42, call: CALL.into(), ..Scene::with_nobody() }
}
