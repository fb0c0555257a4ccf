//! What the tables of failures share: a server with many providers that fail in their own ways, and a caller
//! who goes through a conversation with them in real time.
//!
//! Every provider that fails is a component under an id of its own, so that what is known of one says
//! nothing of another, and so that figures and log name it. The calls of one of them follow each other;
//! those of different ones go on at the same time.

use crate::exchange::client;
use crate::house::*;
use crate::plugging::{build, known, manifest, with_folder};
use caller::{Ending, Plan, Step, Told};
use std::fmt::Write;
use std::time::Duration;

pub const KEY: &str = "sk-of-the-stand-ins";
pub const SAID: &str = "My soup was cold today.";

/// Nothing listens there.
pub async fn nowhere() -> String {
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", socket.local_addr().unwrap())
}

/// Who plays what.
pub struct Cast {
    setup: Setup,
    toml: String,
}

impl Cast {
    pub fn new(toml: &str) -> Self {
        // deadlines that keep nobody waiting, and yet are no accident on a busy machine
        let limits = "[limits]\nstt_first_output = 1.5\nllm_first_output = 1.5\nllm_stall = 1.5\n\
                      tts_first_output = 1.5\nuser_away = 300\n";
        let keys = ["DEEPGRAM_API_KEY", "OPENAI_API_KEY", "CARTESIA_API_KEY"];
        let setup = keys.iter().fold(with_folder(Setup::default()), |setup, key| setup.variable(key, KEY));
        Self { setup: setup.variable("CARTESIA_VOICE_ID", "a-voice"), toml: format!("{limits}{toml}\n") }
    }

    /// The component of this package as another one, whose vendor is there.
    pub fn provider(self, id: &str, package: &str, url: &str) -> Self {
        let vendor = package.split('-').next().unwrap().to_uppercase();
        let voice = if package.ends_with("-tts") { "voice = \"a-voice\"\n" } else { "" };
        self.component(
            id,
            build(package, &manifest(package, "1.0.0").replace(&format!("{package:?}"), &format!("{id:?}"))),
            &format!(
                "[component.{id}.grant]\negress = [\"{url}\"]\nsecrets = [\"{vendor}_API_KEY\"]\n\
                 [component.{id}.settings]\nbase_url = \"{url}\"\n{voice}"
            ),
        )
    }

    /// One that does this on its own.
    pub fn villain(self, kind: &str, mode: &str) -> Self {
        let more = match kind {
            "llm" => "\n[settings.base_url]\ntype = \"text\"\ndefault = \"\"\n",
            // as the stand-ins spell
            "tts" => "\n[audio]\ncontinues = true\n",
            _ => "",
        };
        let manifest = format!(
            "id = {mode:?}\nversion = \"1.0.0\"\nkind = {kind:?}\ncontract = \"0.1\"\nabout = \"Fails\"\n\
             [settings.mode]\ntype = \"text\"\ndefault = {mode:?}\n{more}"
        );
        self.component(mode, build(&format!("hostile-{kind}"), &manifest), "")
    }

    fn component(mut self, id: &str, wasm: Vec<u8>, toml: &str) -> Self {
        self.setup = self.setup.binary(format!("components/{id}.wasm").leak(), wasm);
        self.toml += toml;
        self
    }

    /// Calls of this name are served so.
    pub fn route(mut self, call: &str, toml: &str) -> Self {
        write!(self.toml, "[[routes]]\nname = {call:?}\nparameters = {{ row = {call:?} }}\n{toml}\n")
            .unwrap();
        self
    }

    pub async fn start(self) -> Server {
        self.setup.toml(&self.toml).start().await
    }
}

/// How a call went, as far as its caller noticed.
#[derive(Debug)]
pub struct Went {
    call: String,
    pub understood: Vec<String>,
    /// what the agent said, as far as it was heard, one thing after the other
    pub agent: Vec<String>,
    /// the sound of it all, µ-law
    pub sound: Vec<u8>,
}

/// When the caller puts the receiver down.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Leaves {
    /// At the first pause of the agent.
    AtOnce,
    /// When nothing more comes: a voice that has stopped in the middle of a word is waited for.
    Patiently,
}

/// Somebody calls, says all this, each when the agent has finished, and puts the receiver down. `at` is told
/// how many things the agent has finished, and how many the caller has begun to say, as that changes.
pub async fn call(
    server: &Server,
    route: &str,
    call: &str,
    said: &[&str],
    leaves: Leaves,
    mut at: impl FnMut(usize, usize),
) -> Went {
    let folder = tempfile::tempdir().unwrap();
    let heard = folder.path().join("heard.wav");
    let mut plan = Plan::new(server.stream_url());
    plan.identity.call_sid = format!("CA-{call}");
    plan.parameters = vec![("row".into(), route.into())];
    plan.steps = said.iter().map(|text| Step::Say((*text).to_owned())).collect();
    plan.patience = match leaves {
        Leaves::AtOnce => Duration::from_secs(30),
        Leaves::Patiently => Duration::from_secs(5),
    };
    if leaves == Leaves::AtOnce {
        plan.steps.push(Step::HangUp);
    }
    plan.out = Some(heard.clone());
    plan.limit = PATIENCE * 2;
    let (mut understood, mut agent, mut begun) = (Vec::new(), Vec::new(), 0);
    let outcome = caller::call(plan, |told| {
        match told {
            Told::Understood { text, .. } => return understood.push(text),
            Told::Agent { heard: Some(heard), .. } => agent.push(heard),
            Told::Says { .. } => begun += 1,
            Told::Waited { .. } => return agent.push("(nothing, for half a minute)".into()),
            _ => return,
        }
        at(agent.len(), begun);
    });
    let outcome = outcome.await.unwrap();
    let all = || format!("{call}: {outcome:?}, {understood:?}, {agent:?}\n{}", of(server, call));
    assert_eq!((&outcome.ending, outcome.left), (&Ending::Caller, 0), "the call ended: {}", all());
    assert_eq!(agent.len(), said.len() + 1, "not everything was answered once: {}", all());
    let (samples, _) = audio::wav::read(&heard).unwrap();
    Went { call: call.to_owned(), understood, agent, sound: audio::g711::encode_all(&samples) }
}

/// What the log has of this call.
fn of(server: &Server, call: &str) -> String {
    let log = server.log();
    let of = |line: &&str| line.contains(&format!("CA-{call}\"")) || line.contains(&format!("CA-{call} "));
    log.lines().filter(of).collect::<Vec<_>>().join("\n")
}

impl Went {
    /// The letters that were heard, where all that speaks spells.
    pub fn letters(&self) -> String {
        standins::read(&self.sound).concat()
    }

    /// Whether these texts were heard, every word of them once. A word that a voice broke off in, part of
    /// which was on its way to the ear, is begun again.
    pub fn was_heard_once(&self, texts: &[&str]) -> bool {
        let heard = self.letters();
        let mut rest = heard.as_str();
        for word in texts.iter().flat_map(|text| text.split_whitespace()).map(|word| letters(&[word])) {
            let begun = (0..word.len()).rev().map(|end| &word[..end]);
            let again = begun.filter_map(|begun| rest.strip_prefix(begun)?.strip_prefix(word.as_str()));
            match rest.strip_prefix(word.as_str()).or_else(|| again.into_iter().next()) {
                Some(behind) => rest = behind,
                None => return false,
            }
        }
        rest.is_empty()
    }

    /// Who went on for whom in this call, in this order.
    pub fn passed(&self, server: &Server, expected: &[(&str, &str)]) {
        let log = of(server, &self.call);
        let lines: Vec<&str> = log.lines().filter(|line| line.contains("another provider goes on")).collect();
        assert_eq!(lines.len(), expected.len(), "{self}\n{log}");
        for (line, (from, to)) in lines.iter().zip(expected) {
            assert!(
                line.contains(&format!("from=\"{from}\"")) && line.contains(&format!("to=\"{to}\"")),
                "{from} {to}: {line}"
            );
        }
    }
}

impl std::fmt::Display for Went {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: understood {:?}, heard {:?}", self.call, self.understood, self.agent)
    }
}

/// The figures of the server, line by line.
pub async fn figures(server: &Server) -> String {
    client().get(server.url("/metrics")).send().await.unwrap().text().await.unwrap()
}

/// The figure of this name with these labels; 0: there is none.
pub fn figure(figures: &str, name: &str, labels: &[(&str, &str)]) -> f64 {
    let fits = |line: &&str| {
        line.starts_with(&format!("cordboard_{name}{{"))
            && labels.iter().all(|(label, value)| line.contains(&format!("{label}=\"{value}\"")))
    };
    let all = figures.lines().filter(fits);
    all.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
}

/// Waits until this is the state of this one; `resting`: until it may not be asked.
pub async fn until_state(server: &Server, id: &str, state: &str) {
    let waiting = async {
        while known(server, id).await["uses"][0]["state"] != state {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("{id} never is {state}"));
}

/// Waits until this one, which rests, may be tried again.
pub async fn rested(server: &Server, id: &str) {
    let resting = async {
        while known(server, id).await["uses"][0]["rests_for"].is_u64() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, resting).await.expect("it rests for ever");
}

/// Letters and digits of these texts, as they are spelt.
pub fn letters(texts: &[&str]) -> String {
    texts.concat().to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect()
}
